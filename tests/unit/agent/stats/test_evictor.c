/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked about, and who goes (the linker wraps what knows of pods and of the node). */
#include "agent/stats/evictor.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/lib/json.h"
#include "agent/pods/shown.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"

enum { PODS = 3 };
#define MI (UINT64_C(1) << 20)

static struct {
        struct pod *pods[PODS];
        struct pod_state states[PODS];
        char evicted[1024];
        int64_t grace;
        struct node_conditions conditions;
        struct node_pressure pressure;
        struct sample *sample; /* what is given out */
        sample_done done;
        void *userdata;
        enum usage_depth depth;

        char dir[32], path[64];
        sd_event *event;
        int listener;
        unsigned questions;
        struct buf question;
        const char *answer;
} t;

static struct config_eviction config;
static struct facts facts;

char **__wrap_shown_uids(struct pods *ps);
char **__wrap_shown_uids(struct pods *ps UNUSED)
{
        char **uids = NULL;
        size_t n = 0;

        for (size_t i = 0; i < PODS; i++)
                if (t.pods[i])
                        strv_push(&uids, &n, xstrdup(t.pods[i]->id.uid));
        return uids ? uids : xcalloc(1, sizeof(*uids));
}

bool __wrap_pods_look(struct pods *ps, const char *uid, const struct pod **ret, const struct pod_state **ret_state);
bool __wrap_pods_look(struct pods *ps UNUSED, const char *uid, const struct pod **ret,
                      const struct pod_state **ret_state)
{
        for (size_t i = 0; i < PODS; i++)
                if (t.pods[i] && streq(t.pods[i]->id.uid, uid)) {
                        *ret = t.pods[i];
                        *ret_state = &t.states[i];
                        return true;
                }
        return false;
}

bool __wrap_pods_evict(struct pods *ps, const char *uid, const char *message, int64_t grace_s);
bool __wrap_pods_evict(struct pods *ps UNUSED, const char *uid, const char *message, int64_t grace_s)
{
        static char why[] = "x";

        for (size_t i = 0; i < PODS; i++)
                if (t.pods[i] && streq(t.pods[i]->id.uid, uid)) {
                        size_t len = strlen(t.evicted);
                        snprintf(t.evicted + len, sizeof(t.evicted) - len, "%s: %s| ", t.pods[i]->id.name, message);
                        t.states[i].evicted = why;
                }
        t.grace = grace_s;
        return true;
}

void __wrap_pods_set_conditions(struct pods *ps, const struct node_conditions *conditions);
void __wrap_pods_set_conditions(struct pods *ps UNUSED, const struct node_conditions *conditions)
{
        t.conditions = *conditions;
}

const struct node_pressure *__wrap_node_look_at_pressure(struct node *n);
const struct node_pressure *__wrap_node_look_at_pressure(struct node *n UNUSED)
{
        (void)node_pressure_see(&t.pressure, &config, &facts, 1000);
        return &t.pressure;
}

struct sample_wait *__wrap_sample_take(struct sampler *s, enum usage_depth depth, sample_done done, void *userdata);
struct sample_wait *__wrap_sample_take(struct sampler *s UNUSED, enum usage_depth depth, sample_done done,
                                       void *userdata)
{
        t.depth = depth;
        t.done = done;
        t.userdata = userdata;
        return (struct sample_wait *)(void *)&t;
}

struct sample_wait *__wrap_sample_cancel(struct sample_wait *w);
struct sample_wait *__wrap_sample_cancel(struct sample_wait *w UNUSED)
{
        return NULL;
}

/* ---- who looks ---- */

static int on_question(sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        char chunk[1000];
        ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

        cr_assert_geq(n, 0);
        buf_add(&t.question, chunk, (size_t)n);
        if (n > 0)
                return 0;
        t.questions++;
        for (const char *line = t.answer; *line; line += strcspn(line, "\n") + 1) { /* each ends with a newline */
                cr_assert_geq(send(fd, line, strcspn(line, "\n"), MSG_NOSIGNAL), 0);
                cr_assert_geq(send(fd, "", 1, MSG_NOSIGNAL), 0);
        }
        sd_event_source_disable_unref(s);
        fd_close(fd);
        return 0;
}

static int on_connection(UNUSED sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        sd_event_source *io;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        cr_assert_geq(sd_event_add_io(t.event, &io, peer, EPOLLIN, on_question, NULL), 0);
        return 0;
}

static void pod(size_t i, const char *name, const char *spec)
{
        CLEANUP(freep)
        char *text = xasprintf("{\"metadata\":{\"namespace\":\"d\",\"name\":\"%s\",\"uid\":"
                               "\"0f6c2a9e-1234-4abc-8def-0123456789a%zu\"},\"spec\":{%s}}",
                               name, i, spec);
        cJSON *o = cJSON_Parse(text);

        cr_assert_eq(pod_parse(o, &t.pods[i], NULL), 0, "%s", text);
        cJSON_Delete(o);
        t.states[i].written = true;
}

#define ONE(limits) "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"resources\":{" limits "}}]"
#define LIMITED     "\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"sizeLimit\":\"1Mi\"}}]," ONE("")
#define UID(i)      "0f6c2a9e-1234-4abc-8def-0123456789a" #i
#define DISK(i)     "/disk/" UID(i)
#define MEMORY(i)   "/memory/" UID(i)

static struct evictor *begin(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        struct evictor_parts parts = { .config = &config, .facts = &facts };

        strcpy(t.dir, "/tmp/evictor.XXXXXX");
        cr_assert_not_null(mkdtemp(t.dir));
        snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
        memcpy(addr.sun_path, t.path, strlen(t.path) + 1);
        t.question = BUF(1 << 20);
        t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        cr_assert_eq(listen(t.listener, 8), 0);
        cr_assert_geq(sd_event_new(&t.event), 0);
        cr_assert_geq(sd_event_add_io(t.event, NULL, t.listener, EPOLLIN, on_connection, NULL), 0);
        config = config_eviction_default;
        facts = (struct facts){
                .mem_total = 1000 * MI, .mem_available = 500 * MI, .fs_total = 1000 * MI, .fs_available = 500 * MI
        };
        parts.event = t.event;
        parts.usage_socket = t.path;
        return evictor_new(&parts);
}

static void end(struct evictor *v)
{
        evictor_free(v);
        sd_event_unref(t.event);
        fd_close(t.listener);
        buf_done(&t.question);
        for (size_t i = 0; i < PODS; i++)
                pod_free(t.pods[i]);
        (void)unlink(t.path);
        (void)rmdir(t.dir);
}

/* "SIGNAL:N " of those that are not 0 */
static char *counts(const struct evictor *v)
{
        struct eviction_count list[EVICTION_COUNTS];
        struct buf b = BUF(1024);

        evictor_counts(v, list);
        for (size_t i = 0; i < EVICTION_COUNTS; i++)
                if (list[i].n)
                        buf_printf(&b, "%s:%llu ", list[i].signal, (unsigned long long)list[i].n);
        buf_str(&b, "");
        return buf_steal(&b);
}

/* The node is there, and everything happens that does not wait for a time. */
static void look(struct evictor *v)
{
        evictor_begin(v, (struct node *)(void *)&t);
        while (sd_event_run(t.event, 300 * 1000) > 0)
                ;
}

Test(evictor, only_pods_with_limits_are_asked_about)
{
        struct evictor *v = begin();

        pod(0, "limited", LIMITED);
        pod(1, "free", ONE(""));
        pod(2, "unwritten", LIMITED);
        t.states[2].written = false;
        t.answer = "2097152\t" DISK(0) "/volumes/v\n0\t" MEMORY(0) "\n";
        look(v);
        cr_expect_eq(t.questions, 1);
        cr_expect_null(memmem(t.question.data, t.question.len, DISK(1), strlen(DISK(1))));
        cr_expect_null(memmem(t.question.data, t.question.len, DISK(2), strlen(DISK(2))));
        cr_expect_str_eq(t.evicted, "limited: Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". | ");
        cr_expect_eq(t.grace, 1);
        CLEANUP(freep) char *counted = counts(v);
        cr_expect_str_eq(counted, "emptydirfs.limit:1 ");
        end(v);
}

Test(evictor, nobody_is_asked_where_no_pod_has_a_limit)
{
        struct evictor *v = begin();

        pod(0, "free", ONE(""));
        look(v);
        cr_expect_eq(t.questions, 0);
        cr_expect_str_eq(t.evicted, "");
        end(v);
}

Test(evictor, who_is_within_his_limit_stays)
{
        struct evictor *v = begin();

        pod(0, "limited", LIMITED);
        t.answer = "1048576\t" DISK(0) "/volumes/v\n0\t" MEMORY(0) "\n";
        look(v);
        cr_expect_eq(t.questions, 1);
        cr_expect_str_eq(t.evicted, "");
        end(v);
}

/* Of the first `n` pods; the others have no processes at the moment. */
static void give_sample(bool counted, size_t n)
{
        struct sample *s = NEW(struct sample);

        s->users = 1;
        s->pods = xcalloc(PODS, sizeof(*s->pods));
        s->n_pods = n;
        for (size_t i = 0; i < n; i++) {
                s->pods[i].id = t.pods[i]->id;
                if (counted) {
                        usage_set(&s->pods[i].usage, USAGE_MEMORY, (i + 1) * 10 * MI);
                        usage_set(&s->pods[i].usage, USAGE_FILE_INACTIVE, 0);
                }
        }
        t.done(t.userdata, s);
}

Test(evictor, one_goes_for_memory_and_the_next_waits_for_its_end)
{
        struct evictor *v = begin();

        pod(0, "some", ONE(""));
        pod(1, "most", ONE(""));
        pod(2, "spared", "\"priority\":2000000000," ONE(""));
        facts.mem_available = MI;
        look(v);
        cr_expect(t.conditions.memory && !t.conditions.disk);
        cr_assert_not_null(t.done);
        cr_expect_eq(t.depth, USAGE_BASIC);
        give_sample(true, PODS);
        cr_expect_str_eq(t.evicted,
                         "most: The node was low on resource: memory. Threshold quantity: 100Mi, available: 1Mi. | ");
        t.done = NULL;
        look(v);
        cr_expect_null(t.done, "it has not ended yet");
        t.states[1].removed = true;
        t.answer = "4096\t/memory/.trash/" UID(1) ".7\n4096\t/memory/.trash\n";
        look(v);
        look(v);
        cr_expect_eq(t.questions, 2);
        cr_expect_null(t.done, "his files are not gone yet");
        t.answer = "4096\t/memory/.trash/" UID(0) ".7\n4096\t/memory/.trash\n"; /* another's */
        look(v);
        cr_expect_null(t.done, "what there is was measured before");
        look(v);
        cr_assert_not_null(t.done);
        give_sample(true, PODS);
        cr_expect_not_null(strstr(t.evicted, "| some: "));
        CLEANUP(freep) char *counted = counts(v);
        cr_expect_str_eq(counted, "memory.available:2 ");
        end(v);
}

Test(evictor, where_nobody_can_be_asked_what_is_left_the_next_goes)
{
        struct evictor *v = begin();

        pod(0, "some", ONE(""));
        pod(1, "most", ONE(""));
        facts.mem_available = MI;
        look(v);
        give_sample(true, 2);
        t.states[1].removed = true;
        (void)unlink(t.path);
        t.done = NULL;
        look(v);
        look(v);
        cr_assert_not_null(t.done);
        end(v);
}

Test(evictor, where_nothing_is_counted_the_priority_decides)
{
        struct evictor *v = begin();

        pod(0, "high", "\"priority\":5," ONE(""));
        pod(1, "low", "\"priority\":-5," ONE(""));
        pod(2, "middle", ONE(""));
        facts.mem_available = MI;
        look(v);
        give_sample(false, PODS);
        cr_expect(starts_with(t.evicted, "low: "), "%s", t.evicted);
        end(v);
}

Test(evictor, for_disk_all_pods_are_asked_about)
{
        struct evictor *v = begin();

        config.hard[SIGNAL_NODEFS] = (struct config_amount){ 0 };
        config.soft[SIGNAL_NODEFS] = (struct config_amount){ true, true, 60000 };
        config.max_grace_s = 7;
        pod(0, "a", ONE("\"requests\":{\"ephemeral-storage\":\"5Mi\"}"));
        pod(1, "b", ONE(""));
        t.answer = "4194304\t" DISK(0) "/volumes/v\n0\t" MEMORY(0) "\n2097152\t" MEMORY(1) "/tmp\n2097152\t" MEMORY(
                1) "\n";
        look(v);
        cr_expect_eq(t.questions, 1);
        cr_expect(t.conditions.disk);
        cr_expect_str_eq(t.evicted, "b: The node was low on resource: ephemeral-storage. Threshold quantity: 600Mi, "
                                    "available: 500Mi. Container c was using 2Mi, request is 0, has larger consumption "
                                    "of ephemeral-storage. | ");
        cr_expect_eq(t.grace, 7);
        end(v);
}

/* It may be he who has filled the memory that all pods share, and his program ends each time since it is full. */
Test(evictor, a_pod_between_two_runs_may_go_as_well)
{
        struct evictor *v = begin();

        pod(0, "spared", "\"priority\":2000000000," ONE(""));
        pod(1, "waits", ONE(""));
        pod(2, "waits-too", "\"priority\":5," ONE(""));
        facts.mem_available = MI;
        look(v);
        give_sample(true, 1);
        cr_expect(starts_with(t.evicted, "waits: "), "%s", t.evicted);
        end(v);
}

Test(evictor, who_runs_and_takes_much_goes_before_one_who_waits)
{
        struct evictor *v = begin();

        pod(0, "runs", ONE(""));
        pod(1, "waits", ONE(""));
        pod(2, "waits-too", ONE(""));
        facts.mem_available = MI;
        look(v);
        give_sample(true, 1);
        cr_expect(starts_with(t.evicted, "runs: "), "%s", t.evicted);
        end(v);
}

/* Two that use much of the machine's memory, and one whose program ends each time since the tmpfs is full of its
 * files. */
Test(evictor, where_the_pods_tmpfs_is_full_it_is_files_that_count)
{
        struct evictor *v = begin();

        pod(0, "runs", ONE(""));
        pod(1, "fills", ONE("\"requests\":{\"memory\":\"500Mi\"}"));
        pod(2, "runs-too", ONE(""));
        facts.pods_full = true;
        t.answer = "4096\t" MEMORY(0) "\n8388608\t" MEMORY(1) "/volumes\n4096\t" MEMORY(1) "\n8192\t" MEMORY(2) "\n";
        look(v);
        cr_expect_null(t.done, "what runs was asked for");
        cr_expect_str_eq(t.evicted,
                         "fills: The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. | ");
        end(v);
}

/* No one counts names. */
Test(evictor, where_it_is_full_of_names_who_uses_memory_goes)
{
        struct evictor *v = begin();

        pod(0, "some", ONE(""));
        pod(1, "most", ONE(""));
        facts.pods_full_of_names = true;
        look(v);
        cr_assert_not_null(t.done);
        give_sample(true, 2);
        cr_expect(starts_with(t.evicted, "most: "), "%s", t.evicted);
        end(v);
}
