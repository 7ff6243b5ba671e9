/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/unit_news.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/machine/conditions.h"
#include "agent/pods/last_words.h"
#include "agent/pods/pod_event.h"
#include "agent/pods/port_event.h"
#include "common/mem.h"

/* Tells in what vks runs a failed daemon differently from its package (read-only paths, not as root): the daemon's
 * own messages will hardly say so. */
static void explain_failure(const struct pod_entry *e, size_t i, struct termination *t)
{
        const struct container *spec = &e->pod->containers[i];
        CLEANUP(buf_done) struct buf paths = BUF(100);

        if (!t->exit_code || t->message || !*e->images[i].unit)
                return;
        if (!spec->has_user && fallback_user_of(spec->unit)) {
                t->message = xasprintf(
                        "it ran as " FALLBACK_USER ", but as its package has it %s runs as root: policy rule root %s "
                        "(see /etc/vks/policy.conf)",
                        e->images[i].unit,
                        spec->command || spec->args ? "is for a command line that the pod does not change"
                                                    : "allows that to nobody");
                return;
        }
        read_only_of(spec->unit, &paths);
        if (paths.len && buf_ok(&paths))
                t->message = xasprintf(
                        "its unit writes to %s, which for a pod is read-only, since it is the machine's: mount a "
                        "volume there",
                        paths.data);
}

static void tell_phase(struct pod_entry *e, size_t i, enum container_phase before)
{
        const struct container *spec = &e->pod->containers[i];
        struct container_state *c = &e->state->containers[i];

        if (container_start_is_news(c))
                pod_event(e, spec, false, "Started", "Started container %s", spec->name);
        if (c->phase == CONTAINER_TERMINATED && before != CONTAINER_TERMINATED) {
                explain_failure(e, i, &c->now);
                if (e->pods->parts.container_ended)
                        e->pods->parts.container_ended(e->pods->parts.userdata, e->pod->id.uid);
                if (container_backs_off(c, spec, e->pod))
                        pod_event(e, spec, true, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)",
                                  spec->name, e->pod->id.name, e->pod->id.namespace, e->pod->id.uid);
                if (c->now.exit_code)
                        tell_taken_ports(e);
                if (c->now.message)
                        pod_event(e, spec, true, "Failed", "Error: %s", c->now.message);
        }
}

static void tell_unmet(struct pod_entry *e, size_t i)
{
        struct container_state *c = &e->state->containers[i];
        CLEANUP(buf_done) struct buf conditions = BUF(400);

        conditions_of(e->pod->containers[i].unit, &conditions);
        err_keep_set(&c->failure, -EAGAIN, "RunContainerError",
                     "systemd skips the unit, since not all of its conditions are met: %s",
                     conditions.len ? conditions.data : "see systemctl cat");
        pod_event(e, &e->pod->containers[i], true, "Failed", "Error: %s", kept_text(&c->failure));
}

static void observe(struct pod_entry *e, size_t i, const struct unit_state *u, bool silent)
{
        struct container_state *c = &e->state->containers[i];
        enum container_phase before = c->phase;
        uint64_t unmet_at = c->unmet_at;
        uint64_t ended = c->now.ended;

        container_observe(c, u, e->state, time_now());
        if (c->unmet_at != unmet_at)
                tell_unmet(e, i);
        if (silent)
                c->start_untold = false;
        else
                tell_phase(e, i, before);
        if (c->phase == CONTAINER_TERMINATED && (before != CONTAINER_TERMINATED || c->now.ended != ended))
                last_words_take(e, i);
        pod_mark(e);
}

/* The names are ours now: what do the units of these names do? */
void units_take(struct pod_entry *e)
{
        struct pods *ps = e->pods;

        if (!pod_entry_link_units(e)) {
                e->state->blocked = true;
                return;
        }
        e->state->blocked = false;
        for (size_t i = 0; i < e->pod->n_containers; i++) {
                struct unit_state u = { .phase = UNIT_ABSENT };
                observed_state(ps->parts.observed, e->pod->containers[i].unit, &u);
                observe(e, i, &u, true);
        }
}

void units_pass_on(struct pods *ps, const struct pod_id *id)
{
        struct pod_entry *e, *next;

        HASH_ITER (hh, ps->entries, e, next) {
                if (!e->state->blocked || !streq(e->pod->id.name, id->name) ||
                    !streq(e->pod->id.namespace, id->namespace))
                        continue;
                units_take(e);
                pod_mark(e);
        }
}

void pods_unit_changed(void *userdata, const char *unit, const struct unit_state *state)
{
        struct pods *ps = userdata;
        const struct unit_link *l = pods_by_unit(ps, unit);

        if (ps->parts.installer && starts_with(unit, "vks-install-"))
                installer_unit_changed(ps->parts.installer, unit, state);
        if (l)
                observe(l->entry, l->index, state, false);
}

void pods_units_synced(void *userdata)
{
        struct pods *ps = userdata;
        struct unit_link *l, *next;
        struct unit_state ended = { .phase = UNIT_INACTIVE, .ended = time_now() };
        uint64_t at = observed_read_at(ps->parts.observed);
        const char *unit;

        for (size_t i = 0; ps->parts.installer && (unit = installer_unit(ps->parts.installer, i, at)); i++)
                if (!observed_state(ps->parts.observed, unit, &(struct unit_state){ 0 }))
                        installer_unit_changed(ps->parts.installer, unit,
                                               &ended); /* it ended while nobody looked: the packages tell how */
        HASH_ITER (hh, ps->units, l, next) {
                struct unit_state u = { .phase = UNIT_ABSENT };
                if (!observed_state(ps->parts.observed, l->unit, &u) &&
                    l->entry->state->containers[l->index].unit.phase != UNIT_ABSENT)
                        observe(l->entry, l->index, &u, false);
        }
}

void pods_job_failed(void *userdata, const char *unit, const char *result)
{
        struct pods *ps = userdata;
        const struct unit_link *l = pods_by_unit(ps, unit);
        struct container_state *c;

        if (!l)
                return;
        c = &l->entry->state->containers[l->index];
        if (c->requested && !streq(result, "failed") &&
            !streq(result, "canceled")) { /* "failed" shows in the unit's own state */
                c->requested = false;
                err_keep_set(&c->failure, -EIO, "RunContainerError",
                             "systemd did not start %s: its job ended with \"%s\"", unit, result);
                c->retry_at = time_now() + backoff_next(&c->start_failures, BACKOFF_FIRST);
                pod_event(l->entry, &l->entry->pod->containers[l->index], true, "Failed", "Error: %s",
                          kept_text(&c->failure));
        } else if (streq(result, "canceled")) {
                c->requested = false;
        }
        pod_mark(l->entry);
}
