/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/reporter.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/pod/status.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        SETTLE_USEC = 400 * 1000,      /* a status that will change in a moment is not sent for so long */
        QUEUE_USEC = 60 * 1000 * 1000, /* nor, for so long, that a pod waits for its turn among many */
        RETRY_USEC = 3 * 1000 * 1000,
};

static uint64_t hash_string(const char *s)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        while (*s)
                h = (h ^ (uint8_t)*s++) * UINT64_C(0x100000001b3);
        return h ? h : 1;
}

static void on_patched(void *userdata, struct api_response *r)
{
        struct pod_entry *e = userdata;

        e->patch = NULL;
        if (r->error == 0) {
                e->status_acked = e->status_sent;
        } else {
                if (!api_says_gone(r->error))
                        log_warning("%s/%s: status: %s", e->pod->id.namespace, e->pod->id.name, r->err.text);
                e->status_sent = e->status_acked;
                e->patch_retry_at = time_now() + RETRY_USEC;
        }
        pod_mark(e);
}

/* Something has gone wrong that a person may be waiting to read. */
static bool is_news(const struct pod_state *s)
{
        if (s->write_failure.code || s->unfit || s->evicted)
                return true;
        for (size_t i = 0; i < s->n_containers; i++)
                if (s->containers[i].failure.code || s->containers[i].pull_failure.code ||
                    *s->containers[i].env_failure.reason || s->containers[i].phase == CONTAINER_TERMINATED)
                        return true;
        for (size_t i = 0; i < s->n_volumes; i++)
                if (*s->volumes[i].failure.reason)
                        return true;
        return false;
}

/*
 * Until when the status may wait; 0: send it now. A pod that is starting is reported once, when it runs: a daemon's
 * unit is "activating" for a moment between the start of its process and its readiness.
 */
static uint64_t settles_at(const struct pod_entry *e)
{
        const struct pod_state *s = e->state;
        bool pulling = false;
        uint64_t at = 0;

        if (e->pod->refused.code || e->pod->deleting || is_news(s))
                return 0;
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                pulling = pulling || c->pulling || !c->image_present;
                if (c->phase == CONTAINER_RUNNING && c->unit.phase == UNIT_ACTIVATING && at < c->started + SETTLE_USEC)
                        at = c->started + SETTLE_USEC;
        }
        if (!e->status_sent && streq(status_phase(e->pod, s), "Pending") && !at &&
            pod_first_blocking_init(e->pod, s) == 0)
                at = s->seen + (pulling ? SETTLE_USEC : QUEUE_USEC);
        /* An init container that takes its time, or a sidecar that has not started yet, is worth telling. */
        if (at && s->n_containers && e->pod->containers[0].init && s->containers[0].phase == CONTAINER_RUNNING)
                at = s->containers[0].started + SETTLE_USEC;
        return at;
}

/* What a container has said last goes with how it ended: the API server's clients look once. */
static bool awaits_log(const struct pod_state *s)
{
        for (size_t i = 0; i < s->n_containers; i++)
                if (s->containers[i].now.awaits_log || s->containers[i].last.awaits_log)
                        return true;
        return false;
}

static void wake(uint64_t *wake_at, uint64_t at)
{
        if (!*wake_at || at < *wake_at)
                *wake_at = at;
}

void reporter_status(struct pod_entry *e, uint64_t now, uint64_t *wake_at)
{
        const struct pods_parts *parts = &e->pods->parts;
        CLEANUP(freep) char *text = NULL, *path = NULL;
        cJSON *status, *patch;
        uint64_t hash;

        if (e->state->gone || (e->pod->terminal && !e->pod->deleting)) {
                e->state->status_current = true; /* a terminal phase is irreversible, and already told */
                return;
        }
        if (e->of_file && !*e->mirror_uid) {
                e->state->status_current = true; /* nobody asks, and nothing waits for an answer */
                return;
        }
        /* One at a time: what changes meanwhile goes with the next. A status that is not sent now need not be built. */
        e->state->status_current = false;
        if (e->patch || awaits_log(e->state))
                return;
        if (now < settles_at(e) || now < e->patch_retry_at) {
                wake(wake_at, now < settles_at(e) ? settles_at(e) : e->patch_retry_at);
                return;
        }
        status = status_build(e->pod, e->state, &parts->node, (const char *const *)e->image_ids, now);
        text = cJSON_PrintUnformatted(status);
        hash = hash_string(text ? text : "");
        e->state->status_current = hash == e->status_acked;
        if (hash == e->status_sent) {
                cJSON_Delete(status);
                return;
        }
        patch = status_patch(e->of_file ? e->mirror_uid : e->pod->id.uid, status, e->state->resize != NULL);
        path = xasprintf("/api/v1/namespaces/%s/pods/%s/status", e->pod->id.namespace, e->pod->id.name);
        e->status_sent = hash;
        e->patch = api_tell(parts->api, API_PATCH, path, patch, 0, on_patched, e);
        cJSON_Delete(patch);
}
