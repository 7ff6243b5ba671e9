/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/admission.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/pod/admit.h"
#include "agent/pod/shutdown.h"
#include "agent/pods/mirror.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/port_event.h"
#include "common/log.h"
#include "common/mem.h"

enum { CALL_TIMEOUT_MS = 10000, AGAIN_USEC = 2 * 1000 * 1000 };

struct admission_labels {
        cJSON *labels;         /* an object, perhaps an empty one; NULL: not known */
        uint64_t asked_at;     /* when the question was asked that was answered last */
        uint64_t asking_since; /* of the question under way */
        struct api_call *call;
        sd_event_source *again;
};

/* ---- the node's labels ------------------------------------------------------------------------------------------- */

static struct admission_labels *labels_of(struct pods *ps)
{
        if (!ps->labels)
                ps->labels = NEW(struct admission_labels);
        return ps->labels;
}

const cJSON *admission_node_labels(const struct pods *ps)
{
        return ps->labels ? ps->labels->labels : NULL;
}

/* A volume that waits may be for nodes with a label that this one has got. */
static void look_for_places(struct pods *ps)
{
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next)
                for (size_t i = 0; e->content && i < e->pod->n_volumes; i++)
                        if (volume_is_nowhere(&e->pod->volumes[i])) {
                                e->content_dirty = true;
                                pod_mark(e);
                        }
}

void pods_node_seen(void *userdata, const cJSON *node)
{
        struct pods *ps = userdata;
        struct admission_labels *l = labels_of(ps);
        const cJSON *labels = json_get(json_get(node, "metadata"), "labels");

        cJSON_Delete(l->labels);
        l->labels = labels ? cJSON_Duplicate(labels, true) : cJSON_CreateObject();
        mirrors_node_seen(ps, json_str(json_get(node, "metadata"), "uid"));
        look_for_places(ps);
        if (ps->undecided)
                pods_go_on(ps);
}

static int on_again(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        pods_go_on(userdata);
        return 0;
}

static void got_node(void *userdata, struct api_response *r)
{
        struct pods *ps = userdata;
        struct admission_labels *l = ps->labels;

        l->call = NULL;
        if (r->error < 0) {
                log_warning("the node's labels, which pods wait for: %s", r->err.text);
                timer_arm(ps->parts.event, &l->again, CLOCK_MONOTONIC, AGAIN_USEC, on_again, ps);
                return;
        }
        l->asked_at = l->asking_since;
        pods_node_seen(ps, r->body);
}

static void ask(struct pods *ps, uint64_t now)
{
        struct admission_labels *l = labels_of(ps);
        CLEANUP(freep) char *name = api_escape(ps->parts.node.name), *path = xasprintf("/api/v1/nodes/%s", name);
        int waits = 0;

        if (l->call || (l->again && sd_event_source_get_enabled(l->again, &waits) >= 0 && waits != SD_EVENT_OFF))
                return;
        l->asking_since = now;
        l->call = api_call(ps->parts.api, API_GET, path, NULL, CALL_TIMEOUT_MS, got_node, ps);
}

void admission_forget(struct pods *ps)
{
        if (!ps->labels)
                return;
        api_cancel(ps->labels->call);
        sd_event_source_disable_unref(ps->labels->again);
        cJSON_Delete(ps->labels->labels);
        free(ps->labels);
        ps->labels = NULL;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static bool is_over(const struct pod_entry *e)
{
        return e->pod->terminal || e->state->removed || e->state->deleted ||
               (pod_is_finished(e->pod, e->state) && !pod_has_processes(e->state));
}

static bool is_awaited(const struct pod_entry *e)
{
        return (e->state->admission == UNDECIDED || e->state->admission == HELD) && !e->pod->deleting &&
               !e->state->gone && !e->pod->terminal;
}

void admission_await(struct pod_entry *e, const cJSON *object)
{
        if (e->pod->terminal || e->pod->deleting || e->state->written ||
            json_str(json_get(object, "status"), "startTime"))
                return;
        e->state->admission = UNDECIDED;
        e->pods->undecided++;
}

static int older_first(const void *a, const void *b)
{
        const struct pod *x = (*(struct pod_entry *const *)a)->pod, *y = (*(struct pod_entry *const *)b)->pod;

        if (x->created != y->created)
                return x->created < y->created ? -1 : 1;
        return strcmp(x->id.uid, y->id.uid);
}

static struct neighbour *add_neighbour(struct neighbour *v, size_t *n, const struct pod_entry *e)
{
        v[(*n)++] = (struct neighbour){
                .pod = e->pod,
                .ending = e->pod->deleting,
                .lingers = e->state->gone,
        };
        return v;
}

/* The verdict is `a`, and `why` says why. */
static void take(struct pod_entry *e, enum admission a, const struct err *why)
{
        struct pod_state *s = e->state;
        bool news = s->admission != a || (s->unfit && !streq(s->unfit->text, why->text));

        if (!news)
                return;
        pod_state_judge(s, a, a == ADMITTED ? NULL : why, time_now());
        if (a != ADMITTED)
                pod_event(e, NULL, true, why->reason, "%s", why->text);
        else
                tell_taken_ports(e);
        pod_mark(e);
}

/* Can the labels that are known be older than the pod's binding? */
static bool labels_may_be_old(const struct pods *ps, const struct pod_entry *e)
{
        return !ps->labels || !ps->labels->labels || ps->labels->asked_at < e->state->seen;
}

static enum admission judge(struct pod_entry *e, const struct neighbour *others, size_t n, uint64_t now,
                            struct err *why)
{
        struct pods *ps = e->pods;
        bool needs_labels = e->pod->demands.selector || e->pod->demands.terms;
        struct admit_node node = {
                .name = ps->parts.node.name,
                .labels = ps->labels ? ps->labels->labels : NULL,
                .allocatable = ps->parts.node.allocatable,
                .pods = ps->parts.node.max_pods,
                .conditions = ps->conditions,
        };
        enum admission a;

        if (e->of_file) /* a kubelet takes it for critical */
                node.conditions = (struct node_conditions){ 0 };
        if (ps->shutting_down) {
                err_set(why, -ESHUTDOWN, SHUTDOWN_NOT_ADMITTED, "the node is shutting down");
                return REJECTED;
        }
        a = admit(e->pod, &node, others, n, why);
        /* A static pod begins where nobody can be asked. */
        bool unknown = needs_labels && !node.labels && a != REJECTED && !e->of_file,
             doubtful = a == REJECTED && streq(why->reason, ADMIT_AFFINITY) && labels_may_be_old(ps, e);

        if (ps->parts.dry_run || !(unknown || doubtful))
                return a;
        ask(ps, now);
        return UNDECIDED;
}

void admission_judge(struct pods *ps)
{
        size_t n_all = HASH_COUNT(ps->entries), n_awaited = 0, n_others = 0, n_later = 0;
        CLEANUP(freep) struct pod_entry **awaited = NULL;
        CLEANUP(freep) struct neighbour *others = NULL;
        uint64_t now = time_now();
        struct pod_entry *e, *next;

        if (!ps->undecided)
                return;
        awaited = xcalloc(n_all + 1, sizeof(struct pod_entry *));
        others = xcalloc(n_all + 1, sizeof(*others));
        HASH_ITER (hh, ps->entries, e, next) {
                if (is_awaited(e) && !ps->listed && !e->of_file)
                        n_later++; /* until the list is complete, nobody knows who was there before it */
                else if (is_awaited(e))
                        awaited[n_awaited++] = e;
                else if (e->state->admission == ADMITTED && !is_over(e))
                        add_neighbour(others, &n_others, e);
        }
        qsort(awaited, n_awaited, sizeof(struct pod_entry *), older_first);
        ps->undecided = n_later;
        for (size_t i = 0; i < n_awaited; i++) {
                struct err why = ERR_NONE;
                enum admission a = judge(awaited[i], others, n_others, now, &why);

                if (a != UNDECIDED)
                        take(awaited[i], a, &why);
                if (a == ADMITTED)
                        add_neighbour(others, &n_others, awaited[i]);
                ps->undecided += a == UNDECIDED || a == HELD;
        }
}
