/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of pods that are this test's own (the linker wraps what asks for them): who gets it, and when. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pods/shown.h"
#include "agent/lib/times.h"
#include "agent/stats/sample.h"
#include "common/fd.h"
#include "common/mem.h"

static size_t n_pods;
static struct pod pod;
static struct container containers[3];
static struct container_state states[3];

/* Pod i has the uid "i"; its first and third container run. */
char **__wrap_shown_uids(struct pods *ps);
char **__wrap_shown_uids(struct pods *ps UNUSED)
{
        char **uids = NULL;
        size_t n = 0;

        while (n < n_pods)
                strv_push(&uids, &n, xasprintf("%zu", n));
        return uids ? uids : xcalloc(1, sizeof(*uids));
}

bool __wrap_pods_container_at(struct pods *ps, const char *pod_uid, size_t index, struct pods_container *ret);
bool __wrap_pods_container_at(struct pods *ps UNUSED, const char *pod_uid, size_t index, struct pods_container *ret)
{
        if (index >= 3 || streq(pod_uid, "7")) /* which has gone meanwhile */
                return false;
        snprintf(pod.id.uid, sizeof(pod.id.uid), "%s", pod_uid);
        snprintf(pod.id.name, sizeof(pod.id.name), "p%s", pod_uid);
        *ret = (struct pods_container){ .pod = &pod, .container = &containers[index], .state = &states[index] };
        return true;
}

static void make_pods(size_t n)
{
        static char names[3][2] = { "a", "b", "c" }, image[] = "i";

        n_pods = n;
        for (size_t i = 0; i < 3; i++) {
                containers[i].name = names[i];
                containers[i].image = image;
                snprintf(containers[i].unit, sizeof(containers[i].unit), "%s.service", names[i]);
                states[i].unit.phase = i == 1 ? UNIT_INACTIVE : UNIT_ACTIVE;
                states[i].unit.started = 5000000 - i;
        }
}

static struct sample *got[8];
static size_t n_got;

static void take(void *userdata UNUSED, struct sample *s)
{
        got[n_got++] = s;
}

static void turn_until(sd_event *event, size_t n)
{
        while (n_got < n)
                cr_assert(sd_event_run(event, 1000000) > 0, "nothing more happens");
}

Test(sample, each_who_asks_meanwhile_gets_it_once)
{
        sd_event *event;
        struct sampler *s;
        struct sample_wait *w;

        make_pods(20);
        cr_assert(sd_event_new(&event) >= 0);
        s = sampler_new(event, NULL);
        sample_take(s, USAGE_BASIC, take, NULL);
        w = sample_take(s, USAGE_BASIC, take, NULL);
        sample_take(s, USAGE_BASIC, take, NULL);
        cr_assert_eq(n_got, 0, "never from inside");
        sample_cancel(w);
        turn_until(event, 2);
        cr_assert_eq(got[0], got[1]);
        cr_assert_eq(sd_event_run(event, 1000), 0, "nothing is done while nobody asks");
        sample_unref(got[0]);
        sample_unref(got[1]);
        sample_take(s, USAGE_WHOLE, take, NULL);
        sample_take(s, USAGE_BASIC, take, NULL);
        turn_until(event, 4);
        cr_assert_eq(got[2], got[3], "who wants less has it from the same");
        cr_assert_eq(got[2]->depth, USAGE_WHOLE);
        sample_unref(got[2]);
        sample_unref(got[3]);
        sample_take(s, USAGE_WHOLE, take, NULL);
        sampler_free(s);
        sd_event_unref(event);
}

Test(sample, a_recent_one_is_there_as_long_as_it_is_asked_for)
{
        enum { RECENT = 50 * 1000 };
        sd_event *event;
        struct sampler *s;

        make_pods(20);
        cr_assert(sd_event_new(&event) >= 0);
        s = sampler_new(event, NULL);
        sampler_set_recent(s, RECENT);
        sample_recent(s, USAGE_BASIC, take, NULL);
        turn_until(event, 1);
        sample_recent(s, USAGE_BASIC, take, NULL);
        cr_assert_eq(n_got, 1, "never from inside");
        turn_until(event, 2);
        cr_assert_eq(got[1], got[0], "the same");
        sample_take(s, USAGE_BASIC, take, NULL);
        turn_until(event, 3);
        cr_assert_neq(got[2], got[0], "who wants one of now has it");
        sample_recent(s, USAGE_WHOLE, take, NULL);
        turn_until(event, 4);
        cr_assert_neq(got[3], got[2], "it had less than is asked for");
        cr_assert_eq(got[3]->depth, USAGE_WHOLE);
        sample_take(s, USAGE_BASIC, take, NULL);
        turn_until(event, 5);
        cr_assert_eq(got[4]->depth, USAGE_BASIC);
        sample_recent(s, USAGE_WHOLE, take, NULL);
        turn_until(event, 6);
        cr_assert_eq(got[5], got[3], "one of less depth does not take its place");
        /* another one is taken when it is old, though nobody asks */
        for (uint64_t now = 0, end = got[3]->at + 2 * RECENT; now < end; now = time_now())
                sd_event_run(event, RECENT);
        sample_recent(s, USAGE_BASIC, take, NULL);
        turn_until(event, 7);
        cr_assert_neq(got[6], got[3]);
        cr_assert_eq(got[6]->depth, USAGE_WHOLE, "as much as was asked for lately");
        /* and that ends some time after the last question */
        for (uint64_t now = 0, end = time_now() + 10 * RECENT; now < end; now = time_now())
                sd_event_run(event, RECENT);
        cr_assert_eq(sd_event_run(event, 4 * RECENT), 0, "nothing is done while nobody asks");
        for (size_t i = 0; i < n_got; i++)
                sample_unref(got[i]);
        sampler_free(s);
        sd_event_unref(event);
}

/* ---- what is in it: files as the kernel has them, in a folder ---------------------------------------------------- */

static char dir[] = "/tmp/test_sample.XXXXXX";

static void put(const char *path, const char *name, const char *text)
{
        char full[1024];
        FILE *f;

        snprintf(full, sizeof(full), "%s/%s/%s", dir, path, name);
        f = fopen(full, "w");
        cr_assert(f, "%s", full);
        fputs(text, f);
        fclose(f);
}

static void make(const char *path)
{
        char full[1024];

        snprintf(full, sizeof(full), "%s/%s", dir, path);
        cr_assert_eq(mkdir(full, 0700), 0, "%s", full);
}

static void make_cgroup(const char *path)
{
        make(path);
        put(path, "cpu.stat", "usage_usec 5\n");
        put(path, "memory.current", "100\n");
        put(path, "memory.stat", "anon 1\ninactive_file 40\n");
}

static void remove_all(void)
{
        char command[64];

        snprintf(command, sizeof(command), "rm -r %s", dir);
        cr_assert_eq(system(command), 0);
}

Test(sample, only_what_runs_is_in_it)
{
        struct sample s = { .depth = USAGE_BASIC };
        uint64_t set;

        make_pods(3);
        cr_assert(mkdtemp(dir));
        make("kubepods.slice");
        make("kubepods.slice/kubepods-besteffort.slice");
        make_cgroup("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2.slice");
        make_cgroup("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2.slice/a.service");
        FD top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        sample_pod(&s, top, NULL, "7");
        cr_assert_eq(s.n_pods, 0, "it has gone");
        sample_pod(&s, top, NULL, "2");
        cr_assert_eq(s.n_pods, 1);
        cr_assert_str_eq(s.pods[0].id.name, "p2");
        cr_assert_eq(s.pods[0].started, 5000000 - 2);
        cr_assert(usage_working_set(&s.pods[0].usage, &set) && set == 60);
        cr_assert_eq(s.pods[0].n_containers, 2);
        cr_assert_str_eq(s.pods[0].containers[0].name, "a");
        cr_assert_str_eq(s.pods[0].containers[1].name, "c");
        cr_assert(usage_working_set(&s.pods[0].containers[0].usage, &set) && set == 60);
        cr_assert_eq(s.pods[0].containers[1].usage.told, 0, "its cgroup has gone");
        states[0].unit.phase = states[2].unit.phase = UNIT_FAILED;
        sample_pod(&s, top, NULL, "2");
        cr_assert_eq(s.n_pods, 1, "nothing runs");
        for (size_t i = 0; i < 2; i++) {
                free(s.pods[0].containers[i].name);
                free(s.pods[0].containers[i].image);
                free(s.pods[0].containers[i].cgroup);
        }
        free(s.pods[0].containers);
        free(s.pods[0].cgroup);
        free(s.pods);
        remove_all();
}
