/* SPDX-License-Identifier: Apache-2.0 */
/* The Node and its Lease against an API server that is a few lines long. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/node/lease.h"
#include "agent/node/node.h"
#include "common/buf.h"
#include "common/mem.h"

/* ---- the API server ---------------------------------------------------------------------------------------------- */

struct api_call {
        struct api_call *next;
        sd_event_source *source;
        struct api_response answer;
        api_done done;
        void *userdata;
};

static sd_event *loop;
static struct api_call *calls;
static struct buf asked, posted;
static cJSON *node_there, *lease_there, *last_status;
static int node_generation, closed_connections;
static int network_down; /* so many calls fail */
static int lease_conflicts;
static int labels_refused;
static int labels_lost;     /* so many patches of labels fail on their way */
static bool lease_vanishes; /* right after it was read */

static const char *const verbs[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

static void answer(struct api_call *c, int error, long status, const cJSON *body)
{
        c->answer = (struct api_response){ .error = error,
                                           .status = status,
                                           .body = body ? cJSON_Duplicate(body, true) : NULL };
        snprintf(c->answer.err.text, sizeof(c->answer.err.text), "HTTP %ld", status);
}

static void serve_node(struct api_call *c, enum api_method method, const char *path, const cJSON *body)
{
        bool exists = node_there;

        if (method == API_POST && !exists) {
                char uid[32];
                snprintf(uid, sizeof(uid), "uid-%d", ++node_generation);
                node_there = cJSON_Duplicate(body, true);
                cJSON_AddStringToObject(cJSON_GetObjectItem(node_there, "metadata"), "uid", uid);
        } else if (method == API_PATCH && exists && !ends_with(path, "/status") && !labels_refused && !labels_lost) {
                cJSON *metadata = cJSON_GetObjectItem(node_there, "metadata"),
                      *labels = cJSON_GetObjectItem(metadata, "labels");
                if (!labels)
                        labels = cJSON_AddObjectToObject(metadata, "labels");
                for (const cJSON *l = json_get(json_get(body, "metadata"), "labels")->child; l; l = l->next) {
                        cJSON_DeleteItemFromObjectCaseSensitive(labels, l->string);
                        if (!cJSON_IsNull(l))
                                cJSON_AddStringToObject(labels, l->string, l->valuestring);
                }
        } else if (method == API_PATCH && exists && ends_with(path, "/status")) {
                cJSON_Delete(last_status);
                last_status = cJSON_Duplicate(json_get(body, "status"), true);
                cJSON_DeleteItemFromObject(node_there, "status");
                cJSON_AddItemToObject(node_there, "status", cJSON_Duplicate(last_status, true));
        }
        if (method == API_POST && exists)
                answer(c, -EEXIST, 409, NULL);
        else if (!node_there)
                answer(c, -ENOENT, 404, NULL);
        else if (method == API_PATCH && labels_refused && !ends_with(path, "/status"))
                answer(c, -EACCES, 403, NULL);
        else if (method == API_PATCH && labels_lost && !ends_with(path, "/status"))
                labels_lost--, answer(c, -ETIMEDOUT, 0, NULL);
        else
                answer(c, 0, 200, node_there);
}

static void serve_lease(struct api_call *c, enum api_method method, const cJSON *body)
{
        static int version;
        char text[16];

        bool made = !lease_there;

        if (method == API_POST ? lease_there != NULL : method == API_GET && !lease_there) {
                answer(c, lease_there ? -EEXIST : -ENOENT, lease_there ? 409 : 404, NULL);
        } else if (method == API_PUT && lease_conflicts > 0) {
                lease_conflicts--;
                answer(c, -ESTALE, 409, NULL);
        } else {
                if (method != API_GET) {
                        cJSON_Delete(lease_there);
                        lease_there = cJSON_Duplicate(body, true);
                        snprintf(text, sizeof(text), "%d", ++version);
                        cJSON_DeleteItemFromObject(cJSON_GetObjectItem(lease_there, "metadata"), "resourceVersion");
                        cJSON_AddStringToObject(cJSON_GetObjectItem(lease_there, "metadata"), "resourceVersion", text);
                }
                answer(c, 0, made ? 201 : 200, lease_there);
                if (lease_vanishes && method == API_GET)
                        lease_there = (cJSON_Delete(lease_there), NULL);
        }
}

static void unlink_call(struct api_call *c)
{
        struct api_call **p = &calls;

        while (*p != c)
                p = &(*p)->next;
        *p = c->next;
        sd_event_source_disable_unref(c->source);
}

static int deliver(sd_event_source *s UNUSED, void *userdata)
{
        struct api_call *c = userdata;

        unlink_call(c);
        c->done(c->userdata, &c->answer);
        cJSON_Delete(c->answer.body);
        free(c);
        return 0;
}

struct api_call *api_call(struct api *a UNUSED, enum api_method method, const char *path, const cJSON *body,
                          unsigned timeout_ms UNUSED, api_done done, void *userdata)
{
        struct api_call *c = NEW(struct api_call);

        *c = (struct api_call){ .next = calls, .done = done, .userdata = userdata };
        calls = c;
        buf_printf(&asked, "%s %s\n", verbs[method], strstr(path, "/leases") ? strstr(path, "/leases") : path);
        if (network_down > 0) {
                network_down--;
                answer(c, -ECONNREFUSED, 0, NULL);
        } else if (streq(path, "/version")) {
                cJSON *v = cJSON_Parse("{\"major\":\"1\",\"minor\":\"20\"}");
                answer(c, 0, 200, v);
                cJSON_Delete(v);
        } else if (strstr(path, "/leases")) {
                serve_lease(c, method, body);
        } else {
                serve_node(c, method, path, body);
        }
        cr_assert_geq(sd_event_add_defer(loop, &c->source, deliver, c), 0);
        return c;
}

struct api_call *api_cancel(struct api_call *c)
{
        if (!c)
                return NULL;
        unlink_call(c);
        cJSON_Delete(c->answer.body);
        free(c);
        return NULL;
}

void api_close_connections(struct api *a UNUSED)
{
        closed_connections++;
}

char *api_escape(const char *s)
{
        return xstrdup(s);
}

void event_post(struct events *ev UNUSED, const struct event_object *about, bool warning, const char *reason,
                const char *fmt, ...)
{
        cr_assert(streq(about->kind, "Node") && streq(about->name, "draak") && fmt);
        buf_printf(&posted, "%s%s\n", warning ? "!" : "", reason);
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

static struct config config;
static struct facts facts;
static struct node *node;
static int registrations;

static void on_registered(void *userdata UNUSED)
{
        registrations++;
}

static size_t some_images(void *userdata UNUSED, struct node_image *ret, size_t max)
{
        cr_assert(max >= NODE_IMAGES_MAX);
        ret[0] = (struct node_image){ "uptimed=1:0.4.6", 1000 };
        return 1;
}

static const struct node_callbacks callbacks = { on_registered, some_images };

static void setup(void)
{
        asked = posted = BUF(1 << 16);
        cr_assert_geq(sd_event_new(&loop), 0);
        config = (struct config){ .node_name = (char *)"draak", .node_lease = true, .max_pods = 110, .port = 10250 };
        cr_assert_eq(facts_read("", "252", &facts, NULL), 0);
        snprintf(facts.boot_id, sizeof(facts.boot_id), "boot-2");
        /* Whatever machine this runs on, it is well. */
        facts.pids_max = facts.fs_total = facts.inodes_total = 0;
        facts.mem_available = facts.mem_total;
}

static void teardown(void)
{
        node = node_free(node);
        cr_assert_null(calls);
        cJSON_Delete(node_there);
        cJSON_Delete(lease_there);
        cJSON_Delete(last_status);
        buf_done(&asked);
        buf_done(&posted);
        sd_event_unref(loop);
}

TestSuite(node, .init = setup, .fini = teardown);

static void start(void)
{
        static const struct node_health well = { 0 };

        /* Facts are read from a place where there is nothing, so that they stay. */
        node = node_new(loop, NULL, &config, &facts, "/nonexistent", NULL, &callbacks, NULL);
        node_set_health(node, &well);
}

static void settle(void)
{
        while (sd_event_run(loop, 0) > 0)
                ;
}

static void until(const struct buf *b, const char *words)
{
        for (int i = 0; i < 10000 && !(b->data && strstr(b->data, words)); i++)
                cr_assert_geq(sd_event_run(loop, 1000000), 0);
        cr_assert(b->data && strstr(b->data, words), "no \"%s\" in:\n%s", words, b->data ? b->data : "");
        settle();
}

static void expect(const char *calls_text)
{
        cr_expect_str_eq(asked.data, calls_text);
        buf_reset(&asked);
}

#define NEW_NODE "GET /version\nPOST /api/v1/nodes\nGET /leases/draak\nPOST /leases\n"

Test(node, is_created_and_its_lease_after_it)
{
        start();
        settle();
        expect(NEW_NODE);
        cr_assert_eq(registrations, 1);
        cr_assert_str_eq(posted.data,
                         "NodeHasSufficientMemory\nNodeHasNoDiskPressure\nNodeHasSufficientPID\nNodeReady\nStarting\n");
        cr_assert_str_eq(
                json_str(cJSON_GetArrayItem(json_get(json_get(lease_there, "metadata"), "ownerReferences"), 0), "uid"),
                "uid-1");
        cr_assert(starts_with(node_kubelet_version(node), "v1.20.0+vks."));
        cr_assert_str_eq(node_name(node), "draak");
}

Test(node, that_exists_is_adopted_with_its_labels_put_right)
{
        node_there =
                cJSON_Parse("{\"metadata\":{\"uid\":\"uid-9\"},\"status\":{\"nodeInfo\":{\"bootID\":\"boot-1\"}}}");
        start();
        settle();
        expect("GET /version\nPOST /api/v1/nodes\nGET /api/v1/nodes/draak\nPATCH /api/v1/nodes/draak\nGET "
               "/leases/draak\n"
               "PATCH /api/v1/nodes/draak/status\nPOST /leases\n");
        cr_assert_not_null(strstr(posted.data, "!Rebooted\n"));
        cr_assert_eq(registrations, 1);
        cr_assert_eq(json_len(json_get(last_status, "images")), 1);
}

Test(node, whose_labels_are_refused_registers_all_the_same)
{
        node_there = cJSON_Parse("{\"metadata\":{\"uid\":\"uid-9\"}}");
        labels_refused = true;
        start();
        settle();
        cr_assert_eq(registrations, 1);
        cr_assert_not_null(last_status);
}

Test(node, tells_a_change_of_health_at_once_and_nothing_else)
{
        struct node_health health = { .bus = "the system bus is gone" };

        start();
        settle();
        buf_reset(&asked);
        buf_reset(&posted);
        node_set_health(node, &health);
        node_set_health(node, &health);
        settle();
        expect("PATCH /api/v1/nodes/draak/status\n");
        cr_assert_str_eq(posted.data, "NodeNotReady\n");
        health.bus = NULL;
        node_set_health(node, &health);
        health.helper = "no helper";
        node_set_health(node, &health); /* while the call is under way */
        until(&asked, "status\nPATCH /api/v1/nodes/draak/status\n");
        cr_assert_str_eq(posted.data, "NodeNotReady\nNodeReady\nNodeNotReady\n");
}

static void seen(const char *spec)
{
        cJSON *o = cJSON_Duplicate(node_there, true);

        cJSON_DeleteItemFromObject(o, "spec");
        cJSON_AddItemToObject(o, "spec", cJSON_Parse(spec));
        node_seen(node, o);
        cJSON_Delete(o);
        settle();
}

Test(node, that_is_cordoned_has_the_kubelets_events)
{
        start();
        settle();
        buf_reset(&posted);
        seen("{}");
        cr_expect_eq(posted.len, 0);
        seen("{\"unschedulable\":true}");
        seen("{\"unschedulable\":true,\"podCIDR\":\"10.0.0.0/24\"}");
        cr_expect_str_eq(posted.data, "NodeNotSchedulable\n");
        seen("{\"unschedulable\":false}");
        seen("{}");
        cr_expect_str_eq(posted.data, "NodeNotSchedulable\nNodeSchedulable\n");
}

static void install(const char *package)
{
        cJSON *labels = cJSON_CreateObject();

        if (package)
                cJSON_AddStringToObject(labels, package, "1");
        node_set_package_labels(node, labels);
}

static const char *label(const char *name)
{
        return json_str(json_get(json_get(node_there, "metadata"), "labels"), name);
}

#define A "packages.vks.systemd.io/a"
#define B "packages.vks.systemd.io/b"

Test(node, tells_at_once_what_is_installed_and_what_is_gone)
{
        start();
        install(A); /* before it is registered: made with it */
        settle();
        expect(NEW_NODE);
        cr_assert_str_eq(label(A), "1");
        install(A);
        settle();
        cr_assert_null(asked.data && *asked.data ? asked.data : NULL);
        install(B);
        settle();
        expect("PATCH /api/v1/nodes/draak\n");
        cr_assert(!label(A) && streq(label(B), "1"));
        install(NULL);
        settle();
        expect("PATCH /api/v1/nodes/draak\n");
        cr_assert_null(label(B));
}

Test(node, labels_that_were_lost_on_the_way_are_told_again_and_refused_ones_are_not)
{
        start();
        settle();
        buf_reset(&asked);
        labels_lost = 2;
        install(A);
        until(&asked, "PATCH /api/v1/nodes/draak\nPATCH /api/v1/nodes/draak\nPATCH /api/v1/nodes/draak\n");
        cr_assert_str_eq(label(A), "1");
        buf_reset(&asked);
        labels_refused = true;
        install(B);
        settle();
        expect("PATCH /api/v1/nodes/draak\n");
}

Test(node, that_was_deleted_is_made_again)
{
        struct node_health health = { .bus = "x" };

        start();
        settle();
        buf_reset(&asked);
        node_there = (cJSON_Delete(node_there), NULL);
        lease_there = (cJSON_Delete(lease_there), NULL);
        node_set_health(node, &health);
        settle();
        expect("PATCH /api/v1/nodes/draak/status\nPOST /api/v1/nodes\n");
        cr_assert_eq(registrations, 1);
        cr_assert_eq(node_generation, 2);
}

Test(node, is_tried_again_while_the_api_server_is_away)
{
        network_down = 3;
        start();
        until(&asked, "POST /leases\n");
        expect("GET /version\nGET /version\nGET /version\n" NEW_NODE);
        cr_assert_eq(registrations, 1);
}

Test(node, without_a_lease_has_none)
{
        config.node_lease = false;
        start();
        settle();
        expect("GET /version\nPOST /api/v1/nodes\n");
}

/* ---- the lease --------------------------------------------------------------------------------------------------- */

static int lost;

static void on_lost(void *userdata UNUSED)
{
        lost++;
}

static void lease_setup(void)
{
        asked = posted = BUF(1 << 16);
        cr_assert_geq(sd_event_new(&loop), 0);
}

TestSuite(lease, .init = lease_setup, .fini = teardown);

Test(lease, that_exists_is_renewed_and_a_conflict_is_read_again)
{
        CLEANUP(lease_freep) struct lease *l = lease_new(loop, NULL, "draak", on_lost, NULL);

        lease_there = lease_object("draak", "uid-0", "7", 0);
        lease_conflicts = 1;
        lease_start(l, "uid-1");
        settle();
        expect("GET /leases/draak\nPUT /leases/draak\nGET /leases/draak\nPUT /leases/draak\n");
        cr_assert_eq(lost, 0);
}

/* As it is when its owner was deleted: the API server makes it on an update. */
Test(lease, that_is_gone_when_it_is_renewed_tells_its_owner)
{
        CLEANUP(lease_freep) struct lease *l = lease_new(loop, NULL, "draak", on_lost, NULL);

        lease_there = lease_object("draak", "uid-1", "7", 0);
        lease_vanishes = true;
        lease_start(l, "uid-1");
        settle();
        expect("GET /leases/draak\nPUT /leases/draak\n");
        cr_assert_eq(lost, 1);
}

Test(lease, two_failures_on_the_way_shut_the_connections)
{
        CLEANUP(lease_freep) struct lease *l = lease_new(loop, NULL, "draak", on_lost, NULL);

        network_down = 2;
        lease_start(l, "uid-1");
        until(&asked, "POST /leases\n");
        expect("GET /leases/draak\nGET /leases/draak\nGET /leases/draak\nPOST /leases\n");
        cr_assert_eq(closed_connections, 1);
}

Test(lease, has_the_kubelets_form)
{
        cJSON *o = lease_object("draak", "uid-1", "7", UINT64_C(1767366000123456));
        CLEANUP(freep) char *text = cJSON_PrintUnformatted(o);

        cr_assert_str_eq(
                text, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"draak\","
                      "\"namespace\":\"kube-node-lease\",\"resourceVersion\":\"7\",\"ownerReferences\":[{"
                      "\"apiVersion\":\"v1\",\"kind\":\"Node\","
                      "\"name\":\"draak\",\"uid\":\"uid-1\"}]},\"spec\":{\"holderIdentity\":\"draak\","
                      "\"leaseDurationSeconds\":40,"
                      "\"renewTime\":\"2026-01-02T15:00:00.123456Z\"}}");
        cJSON_Delete(o);
}
