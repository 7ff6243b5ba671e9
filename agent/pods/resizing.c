/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/resizing.h"

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/admit.h"
#include "agent/pod/resize.h"
#include "agent/pods/pod_event.h"
#include "common/mem.h"

/* ---- what a pod has, and what it asks for ------------------------------------------------------------------------ */

static struct pod *parse_again(cJSON *object)
{
        struct err err = ERR_NONE;
        struct pod *p = NULL;

        if (pod_parse(object, &p, &err) < 0)
                return NULL;
        return p;
}

void resizing_wish(struct pod_entry *e, const struct pod *asked, const cJSON *object)
{
        resize_wish(e->state, e->pod, asked, json_int(json_get(object, "spec"), "priority", 0));
        e->pods->wishes = true;
        pods_go_on(e->pods);
}

struct pod *resizing_hold(struct pod_entry *e, struct pod *p, const cJSON *object)
{
        CLEANUP(json_freep) cJSON *copy = NULL;
        struct pod *held;

        if (e->state->admission != ADMITTED || p->terminal || p->deleting)
                return p;
        if (!resize_is_asked(e->pod, p)) {
                resize_withdraw(e->state);
                return p;
        }
        copy = cJSON_Duplicate(object, true);
        resize_hold(copy, e->pod);
        held = parse_again(copy);
        if (!held)
                return p;
        resizing_wish(e, p, object);
        pod_free(p);
        return held;
}

struct pod *resizing_recall(struct pod *p, const cJSON *object, struct pod **ret_asked)
{
        CLEANUP(json_freep) cJSON *copy = NULL;
        struct pod *held = NULL;

        *ret_asked = NULL;
        if (p->terminal || p->deleting || !json_str(json_get(object, "status"), "startTime"))
                return p;
        copy = cJSON_Duplicate(object, true);
        held = resize_recall(copy) ? parse_again(copy) : NULL;
        if (!held)
                return p;
        *ret_asked = p;
        return held;
}

/* ---- the verdict ------------------------------------------------------------------------------------------------- */

static bool is_waiting(const struct pod_entry *e)
{
        return e->state->resize && e->state->resize->wish != WISH_NONE && !e->pod->deleting && !e->state->gone &&
               !e->pod->terminal && !e->state->evicted && e->state->admission == ADMITTED;
}

static int by_order(const void *a, const void *b)
{
        const struct pod_entry *x = *(struct pod_entry *const *)a, *y = *(struct pod_entry *const *)b;

        return resize_order(x->pod, x->state->resize, y->pod, y->state->resize);
}

static size_t find_others(struct pods *ps, const struct pod_entry *but, struct neighbour *ret)
{
        struct pod_entry *e, *next;
        size_t n = 0;

        HASH_ITER (hh, ps->entries, e, next)
                if (e != but && e->state->admission == ADMITTED && !e->pod->terminal && !e->state->removed &&
                    !(pod_is_finished(e->pod, e->state) && !pod_has_processes(e->state)))
                        ret[n++] = (struct neighbour){ .pod = e->pod, .lingers = e->state->gone };
        return n;
}

static void tell_deferred(struct pod_entry *e)
{
        const struct resize *r = e->state->resize;
        CLEANUP(freep) char *text = packed_text(e->object);
        CLEANUP(json_freep) cJSON *object = text ? json_parse(text, strlen(text)) : NULL;
        CLEANUP(pod_freep) struct pod *asked = object ? parse_again(object) : NULL;
        CLEANUP(freep) char *message = NULL;

        if (!asked)
                return;
        message = resize_message(asked, "Pod resize Deferred", r->wish_generation, r->why);
        pod_event(e, NULL, true, "ResizeDeferred", "%s", message);
}

static void judge(struct pod_entry *e, struct neighbour *others, void (*grant)(struct pod_entry *e))
{
        struct pods *ps = e->pods;
        struct admit_node node = { .name = ps->parts.node.name, .allocatable = ps->parts.node.allocatable };
        size_t n = find_others(ps, e, others);
        struct err why = ERR_NONE;

        if (admit_resize(&e->state->resize->asked, &node, others, n, &why)) {
                grant(e);
                pod_mark(e);
        } else if (resize_defer(e->state, why.text, time_now())) {
                tell_deferred(e);
                pod_mark(e);
        }
}

void resizing_judge(struct pods *ps, void (*grant)(struct pod_entry *e))
{
        size_t n_all = HASH_COUNT(ps->entries), n = 0;
        CLEANUP(freep) struct pod_entry **waiting = NULL;
        CLEANUP(freep) struct neighbour *others = NULL;
        struct pod_entry *e, *next;

        if (!ps->wishes || !ps->listed || ps->parts.dry_run)
                return;
        waiting = xcalloc(n_all + 1, sizeof(struct pod_entry *));
        others = xcalloc(n_all + 1, sizeof(*others));
        HASH_ITER (hh, ps->entries, e, next)
                if (is_waiting(e))
                        waiting[n++] = e;
        qsort(waiting, n, sizeof(struct pod_entry *), by_order);
        ps->wishes = false;
        for (size_t i = 0; i < n; i++) {
                judge(waiting[i], others, grant);
                ps->wishes |= is_waiting(waiting[i]);
        }
}

/* ---- its effect -------------------------------------------------------------------------------------------------- */

static void tell(struct pod_entry *e, const struct pod *p, bool warning, const char *reason, const char *head)
{
        const struct resize *r = e->state->resize;
        CLEANUP(freep) char *message = resize_message(p, head, r->generation, warning ? r->error : NULL);

        pod_event(e, NULL, warning, reason, "%s", message);
}

void resizing_begin(struct pod_entry *e, const struct pod *granted)
{
        resize_begin(e->state, e->pod, granted, time_now());
        tell(e, granted, false, "ResizeStarted", "Pod resize started");
}

void resizing_look(struct pod_entry *e, uint64_t now)
{
        const struct resize *r = e->state->resize;
        CLEANUP(freep) char *error = NULL;

        if (!r || !r->under_way)
                return;
        error = r->error ? xstrdup(r->error) : NULL;
        if (resize_settle(e->pod, e->state, now))
                tell(e, e->pod, false, "ResizeCompleted", "Pod resize completed");
        else if (r->error && !streq(error, r->error))
                tell(e, e->pod, true, "ResizeError", "Pod resize error");
}
