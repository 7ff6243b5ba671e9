/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused change of an object says of it: "not found" and "conflict" are no proof that it is gone, for the API
 * server's admission looks in a cache. Only the watch tells. The test is the API server, and the pods. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/client/api.h"
#include "agent/lib/json.h"
#include "agent/pods/content.h"
#include "agent/pods/ending.h"
#include "agent/pods/mirror.h"
#include "agent/pods/reporter.h"
#include "common/mem.h"

#define UID "01234567-89ab-cdef-0123-456789abcdef"

static struct {
        sd_event *event;
        struct pods pods;
        struct pod_entry entry;
        struct pod pod;
        struct pod_state state;
        unsigned asked, woken;
        api_done done;
        void *userdata;
} t;

/* ---- what the code under test calls ------------------------------------------------------------------------------ */

static struct api_call *ask(api_done done, void *userdata)
{
        t.asked++;
        t.done = done;
        t.userdata = userdata;
        return (struct api_call *)&t;
}

struct api_call *api_tell(UNUSED struct api *a, UNUSED enum api_method method, UNUSED const char *path,
                          UNUSED const cJSON *body, UNUSED unsigned timeout_ms, api_done done, void *userdata)
{
        return ask(done, userdata);
}

struct api_call *api_call(UNUSED struct api *a, UNUSED enum api_method method, UNUSED const char *path,
                          UNUSED const cJSON *body, UNUSED unsigned timeout_ms, api_done done, void *userdata)
{
        return ask(done, userdata);
}

struct api_call *api_cancel(UNUSED struct api_call *c)
{
        return NULL;
}

void event_post(UNUSED struct events *ev, UNUSED const struct event_object *about, UNUSED bool warning,
                UNUSED const char *reason, UNUSED const char *fmt, ...)
{
}

void event_forget(UNUSED struct events *ev, UNUSED const char *uid)
{
}

Vks__Pod *content_pod(UNUSED const struct pod_id *id)
{
        cr_assert_fail("nothing is asked of the helper");
        return NULL;
}

void content_pod_freep(UNUSED Vks__Pod **p)
{
}

struct content *content_free(UNUSED struct content *c)
{
        return NULL;
}

static int on_work(UNUSED sd_event_source *source, UNUSED void *userdata)
{
        t.woken++;
        return 0;
}

/* ---- stories ----------------------------------------------------------------------------------------------------- */

static void begin(void)
{
        cr_assert_geq(sd_event_new(&t.event), 0);
        cr_assert_geq(sd_event_add_defer(t.event, &t.pods.work, on_work, NULL), 0);
        t.pods.parts.event = t.event;
        t.pods.listed = true;
        t.entry = (struct pod_entry){ .pods = &t.pods, .pod = &t.pod, .state = &t.state };
        snprintf(t.pod.id.namespace, sizeof(t.pod.id.namespace), "default");
        snprintf(t.pod.id.name, sizeof(t.pod.id.name), "web");
        snprintf(t.pod.id.uid, sizeof(t.pod.id.uid), UID);
}

static void end(void)
{
        mirrors_free(t.pods.mirrors);
        sd_event_source_unref(t.pods.work);
        sd_event_unref(t.event);
}

TestSuite(gone, .init = begin, .fini = end, .timeout = 600);

static void answer(int error)
{
        struct api_response r = { .error = error };

        t.done(t.userdata, &r);
}

static const int refusals[] = { -ENOENT, -ESTALE, -EEXIST };

static cJSON *stray(void)
{
        static const char text[] = "{\"metadata\":{\"namespace\":\"default\",\"name\":\"stray\",\"uid\":\"" UID "\","
                                   "\"annotations\":{\"kubernetes.io/config.mirror\":\"feed\"}}}";

        return json_parse(text, sizeof(text) - 1);
}

Test(gone, a_mirror_that_is_not_found_is_deleted_again_until_the_watch_tells)
{
        CLEANUP(json_freep) cJSON *object = stray();
        unsigned asked = 0;

        mirror_seen(&t.pods, object);
        for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
                mirrors_look(&t.pods);
                cr_assert_eq(t.asked, ++asked, "refusal %zu", i);
                answer(refusals[i]);
                mirrors_look(&t.pods);
                cr_assert_eq(t.asked, asked, "not at once");
                mirrors_list_synced(&t.pods); /* nor does anybody wait for the time, here */
                mirror_seen(&t.pods, object);
        }
        mirror_gone(&t.pods, object);
        mirrors_list_synced(&t.pods);
        mirrors_look(&t.pods);
        cr_expect_eq(t.asked, asked);
}

Test(gone, a_mirror_that_is_not_found_is_looked_for_again_in_time)
{
        CLEANUP(json_freep) cJSON *object = stray();

        mirror_seen(&t.pods, object);
        mirrors_look(&t.pods);
        answer(-ENOENT);
        sd_event_run(t.event, 0); /* what is due at once */
        for (t.woken = 0; !t.woken;)
                cr_assert_gt(sd_event_run(t.event, 60 * USEC_PER_SEC), 0);
        mirrors_look(&t.pods);
        cr_expect_eq(t.asked, 2);
}

Test(gone, a_pod_whose_deletion_is_refused_is_deleted_again)
{
        for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
                t.state.delete_retry_at = 0;
                ending_delete(&t.entry);
                answer(refusals[i]);
                cr_expect(!t.state.deleted && !t.state.delete_in_flight);
                cr_expect_gt(t.state.delete_retry_at, 0);
        }
        ending_delete(&t.entry);
        answer(0);
        cr_expect(t.state.deleted);
}

Test(gone, a_pod_whose_status_is_refused_is_told_again_and_not_ended)
{
        uint64_t wake_at = 0;

        t.pod.deleting = true; /* so that it is told at once */
        for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
                t.entry.patch_retry_at = 0;
                reporter_status(&t.entry, 1, &wake_at);
                cr_assert_eq(t.asked, i + 1);
                answer(refusals[i]);
                cr_expect(!t.state.gone);
                cr_expect_gt(t.entry.patch_retry_at, 0);
        }
}
