/* SPDX-License-Identifier: Apache-2.0 */
/* agent/pods/executor.c: what is asked of the helper for which containers, and what becomes of its answers. The test is
 * the helper, and the pod's turn. */
#include "tests/unit/agent/pod/story.h"

#include "agent/lib/times.h"
#include "agent/pods/ending.h"
#include "agent/pods/executor.h"

enum { CONTAINERS = 3, REQUESTS = 4 };

static struct {
        struct world w;
        struct pods pods;
        struct pod_entry entry;
        struct package_image images[CONTAINERS];
        struct {
                helper_done done;
                void *userdata;
        } requests[REQUESTS];
        size_t n_requests;
        struct buf asked, events;
        char write[256]; /* what content_write() was asked for */
} t;

/* ---- what the code under test calls ------------------------------------------------------------------------------ */

static void ask(helper_done done, void *userdata)
{
        cr_assert_lt(t.n_requests, REQUESTS);
        t.requests[t.n_requests].done = done;
        t.requests[t.n_requests++].userdata = userdata;
}

static const char *name_of(const char *unit)
{
        for (size_t i = 0; i < t.w.pod->n_containers; i++)
                if (streq(t.w.pod->containers[i].unit, unit))
                        return t.w.pod->containers[i].name;
        return "?";
}

int content_write(UNUSED const struct content *c, const struct pod *p, struct content_image *images,
                  UNUSED const struct pod_node *node, Vks__Write **ret, UNUSED struct err *e)
{
        size_t n = (size_t)snprintf(t.write, sizeof(t.write), "write");

        for (size_t i = 0; i < p->n_containers; i++)
                if (!images[i].left_out)
                        n += (size_t)snprintf(t.write + n, sizeof(t.write) - n, " %s%s", p->containers[i].name,
                                              images[i].writes_var ? "+var" : "");
        *ret = NULL;
        return 0;
}

void helper_write(UNUSED struct helper_client *c, UNUSED const Vks__Write *m, helper_done done, void *userdata)
{
        buf_printf(&t.asked, "%s; ", t.write);
        ask(done, userdata);
}

void helper_start(UNUSED struct helper_client *c, const Vks__Start *m, helper_done done, void *userdata)
{
        buf_printf(&t.asked, "%s", m->restart ? "restart" : "start");
        for (size_t i = 0; i < m->n_units; i++)
                buf_printf(&t.asked, " %s", name_of(m->units[i]));
        buf_str(&t.asked, "; ");
        ask(done, userdata);
}

void helper_fill(UNUSED struct helper_client *c, UNUSED const Vks__Fill *m, UNUSED helper_done done,
                 UNUSED void *userdata)
{
}

void helper_resize(UNUSED struct helper_client *c, UNUSED const Vks__Resize *m, UNUSED helper_done done,
                   UNUSED void *userdata)
{
}

Vks__Write *content_write_free(UNUSED Vks__Write *write)
{
        return NULL;
}

Vks__Pod *content_pod(UNUSED const struct pod_id *id)
{
        return NULL;
}

void content_pod_freep(UNUSED Vks__Pod **p)
{
}

int content_fill(UNUSED const struct content *c, UNUSED const struct pod *p, UNUSED size_t volume,
                 UNUSED const struct pod_node *node, UNUSED Vks__Fill **ret, UNUSED uint64_t *hash,
                 UNUSED struct err *e)
{
        return -1;
}

Vks__Fill *content_fill_free(UNUSED Vks__Fill *fill)
{
        return NULL;
}

Vks__Resize *content_resize(UNUSED const struct pod *p, UNUSED const bool *which, UNUSED const struct pod_node *node)
{
        return NULL;
}

void event_post(UNUSED struct events *ev, const struct event_object *about, UNUSED bool warning, const char *reason,
                const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (streq(reason, "Failed"))
                buf_printf(&t.events, "%s: %s; ", about->container ? about->container : "pod", text);
}

void pod_mark(UNUSED struct pod_entry *e)
{
}

bool pod_entry_answered(struct pod_entry *e)
{
        return !e->dropped;
}

bool pod_entry_writes_var(const struct pod_entry *e)
{
        return e->images[0].writes_var;
}

void pod_run_hook(UNUSED struct pod_entry *e, UNUSED size_t i, UNUSED enum hook_kind kind, UNUSED uint64_t usec)
{
}

void observed_read_limits(UNUSED struct observed *o, UNUSED const char *unit)
{
}

void ending_begin_each(UNUSED struct pod_entry *e, UNUSED uint64_t now)
{
}

void ending_clear(UNUSED struct pod_entry *e, UNUSED size_t i)
{
}

void ending_delete(UNUSED struct pod_entry *e)
{
}

void ending_end(UNUSED struct pod_entry *e, UNUSED const struct plan *plan, UNUSED enum action_kind kind,
                UNUSED uint64_t now)
{
}

void ending_pre_stop(UNUSED struct pod_entry *e, UNUSED size_t i, UNUSED uint64_t now)
{
}

void ending_remove(UNUSED struct pod_entry *e)
{
}

void ending_stop(UNUSED struct pod_entry *e, UNUSED bool kill, UNUSED uint64_t now)
{
}

/* ---- a pod and its helper ---------------------------------------------------------------------------------------- */

static void begin(const char *pod, const char *happens)
{
        t.asked = BUF(4096);
        t.events = BUF(4096);
        t.w = world(pod);
        t.w.now = t.w.state->start_time = time_now();
        happen(&t.w, happens);
        t.entry = (struct pod_entry){ .pods = &t.pods, .pod = t.w.pod, .state = t.w.state, .images = t.images };
}

static void end(void)
{
        cr_assert_eq(t.n_requests, 0, "somebody waits for an answer");
        buf_done(&t.asked);
        buf_done(&t.events);
        world_done(&t.w);
}

/* A turn: what is asked for in it. */
static void asks(const char *what)
{
        struct plan plan;

        buf_reset(&t.asked);
        plan_pod(t.w.pod, t.w.state, t.w.now, &plan);
        executor_run(&t.entry, &plan, t.w.now);
        cr_assert_str_eq(t.asked.len ? t.asked.data : "", what);
}

/* The first that was asked for is answered. `replied`: by the helper. */
static void answer(int error, bool replied)
{
        Vks__Reply reply = VKS__REPLY__INIT;
        struct err e = ERR_NONE;
        helper_done done = t.requests[0].done;
        void *userdata = t.requests[0].userdata;

        memmove(t.requests, t.requests + 1, --t.n_requests * sizeof(t.requests[0]));
        if (error)
                err_set(&e, error, NULL, "because");
        done(userdata, error, replied ? &reply : NULL, &e);
}

static void told(const char *events)
{
        cr_assert_str_eq(t.events.len ? t.events.data : "", events);
        buf_reset(&t.events);
}

static void is(const char *status)
{
        CLEANUP(freep) char *now = status_text(&t.w);

        cr_assert_str_eq(now, status);
}

Test(executor, who_is_refused_beside_others_is_asked_for_alone)
{
        begin("Always c d", "c image_present; d image_present");
        asks("write c d; ");
        answer(-EPERM, true);
        told("");
        is("Pending | c waiting ContainerCreating | d waiting ContainerCreating");
        asks("write c; ");
        asks("");
        answer(-EPERM, true);
        told("c: Error: because; ");
        is("Pending | c waiting CreateContainerConfigError | d waiting ContainerCreating");
        asks("write d; ");
        answer(0, true);
        cr_assert(t.w.state->written);
        asks("start d; ");
        answer(0, true);
        asks("");
        t.w.now += 3600 * USEC_PER_SEC; /* an operator has changed the policy */
        asks("write c; ");
        answer(0, true);
        told("");
        asks("start c; ");
        answer(0, true);
        is("Pending | c waiting ContainerCreating | d waiting ContainerCreating");
        end();
}

Test(executor, one_that_is_alone_is_refused_as_it_was_asked_for)
{
        begin("Always c e/ephemeral", "c image_present");
        asks("write c; ");
        answer(-EPERM, true);
        told("pod: Error: because; ");
        cr_assert_not(t.w.state->write_singly);
        asks("");
        t.w.now += 3600 * USEC_PER_SEC;
        asks("write c; ");
        answer(0, true);
        end();
}

Test(executor, what_is_nobodys_fault_is_asked_for_again_for_all)
{
        begin("Always c d", "c image_present; d image_present");
        asks("write c d; ");
        answer(-EAGAIN, true);
        asks("");
        t.w.now += 3600 * USEC_PER_SEC;
        asks("write c d; ");
        answer(-ECONNREFUSED, false);
        t.w.now += 3600 * USEC_PER_SEC;
        asks("write c d; ");
        answer(0, true);
        asks("start c d; ");
        answer(-ECONNREFUSED, false);
        t.w.now += 3600 * USEC_PER_SEC;
        asks("start c d; ");
        answer(-EAGAIN, true);
        t.w.now += 3600 * USEC_PER_SEC;
        asks("start c d; ");
        answer(0, true);
        end();
}

Test(executor, who_does_not_start_beside_others_is_started_alone)
{
        begin("Always c d", "c written; d written; written");
        asks("start c d; ");
        answer(-EIO, true);
        told("");
        asks("");
        t.w.now += USEC_PER_SEC;
        asks("start c; start d; ");
        answer(-EIO, true);
        answer(0, true);
        told("c: Error: because; ");
        is("Pending | c waiting RunContainerError | d waiting ContainerCreating");
        t.w.now += 3600 * USEC_PER_SEC;
        asks("start c; ");
        answer(-ENOENT, true); /* its files are gone */
        asks("write c d; ");
        answer(0, true);
        end();
}

Test(executor, restarts_are_the_same)
{
        begin("Always c d", "ready; c runs; d runs; c exits 1 holdoff; d exits 1 holdoff");
        asks("restart c d; ");
        answer(-EIO, true);
        t.w.now += USEC_PER_SEC;
        asks("restart c; restart d; ");
        answer(0, true);
        answer(0, true);
        end();
}

Test(executor, a_package_that_is_not_there_may_keep_data_under_var)
{
        begin("Always c d", "c image_present; d pull_failure ErrImageNeverPull");
        asks("write c+var; ");
        answer(0, true);
        happen(&t.w, "c requested; c runs; d image_present");
        asks("write c d; "); /* it does not, and the pod's has been made by now */
        answer(0, true);
        end();
        begin("Always c d", "c image_present; d image_present");
        asks("write c d; ");
        answer(0, true);
        end();
}

Test(executor, an_answer_that_comes_too_late_is_nobodys)
{
        begin("Always c d", "c image_present; d image_present");
        asks("write c d; ");
        t.entry.dropped = true;
        answer(-EPERM, true);
        end();
        begin("Always c d", "c written; d written; written");
        asks("start c d; ");
        t.entry.dropped = true;
        answer(-EIO, true);
        end();
}
