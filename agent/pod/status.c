/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/shutdown.h"
#include "common/buf.h"
#include "common/mem.h"

static void add_time(cJSON *o, const char *key, uint64_t usec)
{
        char text[32];

        if (!usec) {
                cJSON_AddNullToObject(o, key);
                return;
        }
        time_rfc3339(usec, text);
        cJSON_AddStringToObject(o, key, text);
}

/* As status_manager.go normalizeStatus has it: the messages of all containers together, each with its share. */
enum { MESSAGES_MAX = 12 * 1024 };

/* At most so many bytes, and no piece of a character. */
static void add_cut(cJSON *o, const char *key, const char *text, size_t max)
{
        CLEANUP(freep) char *cut = xstrdup(text);
        size_t n = strlen(cut);

        if (n > max) {
                for (n = max; n > 0 && ((unsigned char)cut[n] & 0xc0) == 0x80;)
                        n--;
                cut[n] = '\0';
        }
        cJSON_AddStringToObject(o, key, cut);
}

/* ---- phase ------------------------------------------------------------------------------------------------------- */

/* Does anything still run that the pod does not wait for? That is a container, too, where an init container failed that
 * was run once more for its new image. */
static bool others_run(const struct pod *p, const struct pod_state *s)
{
        for (size_t i = 0; i < p->n_containers; i++)
                if ((p->containers[i].ephemeral || p->containers[i].sidecar ||
                     s->containers[i].phase == CONTAINER_RUNNING) &&
                    unit_has_processes(s->containers[i].unit.phase))
                        return true;
        return false;
}

const char *status_phase(const struct pod *p, const struct pod_state *s)
{
        bool waiting = p->n_containers == 0, failed = s->deadline_exceeded || s->evicted || s->admission == REJECTED;
        bool succeeded = s->shut_down && p->n_containers > 0;

        if (p->terminal)
                return p->failed ? "Failed" : "Succeeded";
        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container_state *c = &s->containers[i];
                const struct termination *end = container_latest_end(c);

                if (p->containers[i].ephemeral)
                        continue;
                if (p->containers[i].init) {
                        failed |= container_has_failed(c, &p->containers[i]);
                        continue;
                }
                succeeded &= c->phase == CONTAINER_TERMINATED && c->now.exit_code == 0 &&
                             !container_restarts(c, &p->containers[i]);
                waiting |= c->phase == CONTAINER_WAITING && !c->last.valid;
                failed |= end && end->exit_code != 0;
        }
        /* A terminal phase is the last that is told: what an ephemeral container or a sidecar does until it is stopped
         * comes before it. */
        if ((pod_is_finished(p, s) && !others_run(p, s)) ||
            ((p->deleting || p->terminal) && !pod_has_processes(s) && !waiting))
                return failed && !succeeded ? "Failed" : "Succeeded";
        if (waiting)
                return "Pending";
        return "Running";
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static cJSON *waiting_state(const char *reason, const char *fmt, ...) PRINTF(2, 3);
static cJSON *waiting_state(const char *reason, const char *fmt, ...)
{
        cJSON *state = cJSON_CreateObject(), *w = cJSON_AddObjectToObject(state, "waiting");
        char text[ERR_TEXT_MAX + 256];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        cJSON_AddStringToObject(w, "reason", reason);
        if (*text)
                cJSON_AddStringToObject(w, "message", text);
        return state;
}

static cJSON *terminated_state(const struct pod *p, const struct termination *t)
{
        cJSON *state = cJSON_CreateObject(), *o = cJSON_AddObjectToObject(state, "terminated");

        cJSON_AddNumberToObject(o, "exitCode", t->exit_code);
        if (t->signal)
                cJSON_AddNumberToObject(o, "signal", t->signal);
        cJSON_AddStringToObject(o, "reason", t->reason);
        if (t->message)
                add_cut(o, "message", t->message, MESSAGES_MAX / p->n_containers);
        add_time(o, "startedAt", t->started ? t->started : t->ended);
        add_time(o, "finishedAt", t->ended);
        if (*t->invocation) {
                char id[64];
                snprintf(id, sizeof(id), "systemd://%s", t->invocation);
                cJSON_AddStringToObject(o, "containerID", id);
        }
        return state;
}

/* Why a container has not started yet: the nearest obstacle on its way. */
static cJSON *why_waiting(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now)
{
        const struct container *spec = &p->containers[i];
        const struct container_state *c = &s->containers[i];

        if (s->unfit)
                return waiting_state(s->unfit->reason, "%s", s->unfit->text);
        if (p->refused.code)
                return waiting_state(streq(p->refused.reason, "FailedMount") ||
                                                     streq(p->refused.reason, "FailedCreatePodSandBox")
                                             ? "ContainerCreating"
                                             : p->refused.reason,
                                     "%s", kept_text(&p->refused));
        if (spec->refused.code && !c->mark)
                return waiting_state(spec->refused.reason, "%s", kept_text(&spec->refused));
        if (c->pull_failure.code && !c->image_present) {
                bool wait = !container_pull_is_final(c) && c->pull_at > now && c->pull_backoff > BACKOFF_FIRST;
                if (wait)
                        return waiting_state("ImagePullBackOff", "Back-off pulling image \"%s\": %s", spec->image,
                                             kept_text(&c->pull_failure));
                return waiting_state(c->pull_failure.reason, "%s", kept_text(&c->pull_failure));
        }
        if (container_is_unresolved(p, s, i, now))
                return waiting_state(c->env_failure.reason, "%s", kept_text(&c->env_failure));
        if (s->write_failure.code && !spec->ephemeral && !c->mark)
                return waiting_state(*s->write_failure.reason ? s->write_failure.reason : "CreateContainerError", "%s",
                                     kept_text(&s->write_failure));
        if (c->failure.code)
                return waiting_state(*c->failure.reason ? c->failure.reason : "RunContainerError", "%s",
                                     kept_text(&c->failure));
        return waiting_state(p->containers[0].init ? "PodInitializing" : "ContainerCreating", "%s", "");
}

char *status_waiting_reason(const struct pod *p, const struct pod_state *s, size_t i, uint64_t now)
{
        CLEANUP(json_freep) cJSON *state = why_waiting(p, s, i, now);

        return xstrdup(json_str(json_get(state, "waiting"), "reason"));
}

/* An ephemeral container never is: nobody waits for it. */
static bool is_ready(const struct container *spec, const struct container_state *c)
{
        if (spec->ephemeral)
                return false;
        if (spec->init && !spec->sidecar)
                return c->phase == CONTAINER_TERMINATED && c->now.exit_code == 0 && !c->replacing;
        return container_is_up(c) && container_has_started(c, spec) &&
               (!spec->probes[PROBE_READINESS] || c->readiness_passed);
}

/* What a container or all of the pod was granted, as declared; and what it has, which is the same unless it is being
 * resized. */
static void add_resources(cJSON *o, const cJSON *granted, const cJSON *actual)
{
        const cJSON *requests = json_get(granted, "requests"), *has = actual ? actual : granted;

        if (requests)
                cJSON_AddItemToObject(o, "allocatedResources", cJSON_Duplicate(requests, true));
        cJSON_AddItemToObject(o, "resources", cJSON_IsObject(has) ? cJSON_Duplicate(has, true) : cJSON_CreateObject());
}

/* Does nothing of the pod start again, whatever becomes of this agent? Of one that ends with the machine nobody knows.
 */
static bool never_starts_again(const struct pod *p, const struct pod_state *s)
{
        return p->deleting || s->deadline_exceeded || (s->evicted && !s->shut_down);
}

static cJSON *container_status(const struct pod *p, const struct pod_state *s, size_t i, const char *image_id,
                               uint64_t now)
{
        const struct container *spec = &p->containers[i];
        const struct container_state *c = &s->containers[i];
        bool over = never_starts_again(p, s) || (spec->sidecar && pod_is_finished(p, s));
        const struct termination *end = over ? container_latest_end(c) : NULL, none = { 0 };
        const struct termination *last = over ? &c->last : container_last_run(c, spec, p);
        cJSON *o = cJSON_CreateObject(), *state = NULL;
        bool again = !over && (c->replacing || container_is_unresolved(p, s, i, now) ||
                               (c->unhealthy && container_restarts(c, spec) && !container_backs_off(c, spec, p)));
        char id[64] = "";

        if (c->phase == CONTAINER_RUNNING) {
                state = cJSON_CreateObject();
                add_time(cJSON_AddObjectToObject(state, "running"), "startedAt", c->started ? c->started : now);
        } else if (end && end == &c->last) { /* its unit has made room for a run that does not come */
                state = terminated_state(p, end);
                last = &none;
        } else if (c->phase == CONTAINER_WAITING || again) {
                /* A container that was ended to be started again is never reported as terminated: with restartPolicy
                 * Never, or after exit code 0 with OnFailure, the API server would not let it run again. */
                state = why_waiting(p, s, i, now);
        } else if (container_backs_off(c, spec, p) && !over) {
                state = waiting_state("CrashLoopBackOff", "back-off %us restarting failed container=%s pod=%s_%s(%s)",
                                      (unsigned)((c->restart_at - c->now.ended) / USEC_PER_SEC), spec->name, p->id.name,
                                      p->id.namespace, p->id.uid);
        } else {
                state = terminated_state(p, &c->now);
                last = &c->last; /* one run is not told twice, whatever its next start waits for */
        }
        if (*c->invocation)
                snprintf(id, sizeof(id), "systemd://%s", c->invocation);

        cJSON_AddStringToObject(o, "name", spec->name);
        cJSON_AddItemToObject(o, "state", state);
        cJSON_AddItemToObject(o, "lastState", last->valid ? terminated_state(p, last) : cJSON_CreateObject());
        cJSON_AddBoolToObject(o, "ready", is_ready(spec, c));
        if (!spec->ephemeral)
                cJSON_AddBoolToObject(o, "started", container_has_started(c, spec));
        cJSON_AddNumberToObject(o, "restartCount", c->restarts);
        cJSON_AddStringToObject(o, "image", spec->image);
        cJSON_AddStringToObject(o, "imageID", image_id ? image_id : "");
        if (*id)
                cJSON_AddStringToObject(o, "containerID", id);
        if (spec->stop_signal)
                cJSON_AddStringToObject(o, "stopSignal", spec->stop_signal);
        if (!spec->ephemeral)
                add_resources(o, spec->resources, c->phase == CONTAINER_RUNNING ? c->actual : NULL);
        return o;
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

static void set_condition(struct pod_state *s, enum condition_type type, bool is_true, uint64_t now, const char *reason,
                          const char *message)
{
        struct condition *c = &s->conditions[type];

        if (!c->known || c->is_true != is_true)
                c->since = now;
        c->known = true;
        c->is_true = is_true;
        snprintf(c->reason, sizeof(c->reason), "%s", is_true ? "" : reason);
        free(c->message);
        c->message = is_true || !*message ? NULL : xstrdup(message);
}

/* "containers with unready status: [a b]"; the caller owns it. */
static char *list_containers(const struct pod *p, const struct pod_state *s, bool init, const char *head)
{
        CLEANUP(buf_done) struct buf b = BUF(16 * 1024);
        const char *blank = "";

        buf_printf(&b, "%s: [", head);
        for (size_t i = 0; i < p->n_containers; i++) {
                if (p->containers[i].init != init || p->containers[i].ephemeral ||
                    is_ready(&p->containers[i], &s->containers[i]))
                        continue;
                buf_printf(&b, "%s%s", blank, p->containers[i].name);
                blank = " ";
        }
        buf_char(&b, ']');
        return buf_steal(&b);
}

static bool may_restart_all(const struct pod *p)
{
        for (size_t i = 0; i < p->n_containers; i++)
                if (restarts_may_be_all(&p->containers[i].restarts))
                        return true;
        return false;
}

static void update_conditions(const struct pod *p, struct pod_state *s, const char *phase, uint64_t now)
{
        bool done = streq(phase, "Succeeded"), over = done || streq(phase, "Failed"), ready = !over;
        size_t init = pod_first_blocking_init(p, s);
        bool initialized = init == p->n_containers || !p->containers[init].init;
        CLEANUP(freep)
        char *incomplete = list_containers(p, s, true, "containers with incomplete status"),
             *unready = list_containers(p, s, false, "containers with unready status");

        for (size_t i = 0; i < p->n_containers; i++) /* what came behind them has begun once, so they were over */
                initialized |= !p->containers[i].ephemeral && !p->containers[i].init &&
                               (s->containers[i].phase != CONTAINER_WAITING || s->containers[i].last.valid);
        for (size_t i = 0; i < p->n_containers; i++)
                if (!p->containers[i].ephemeral && (!p->containers[i].init || p->containers[i].sidecar))
                        ready = ready && is_ready(&p->containers[i], &s->containers[i]);
        ready = ready && !p->refused.code;

        if (may_restart_all(p))
                set_condition(s, CONDITION_ALL_RESTARTING, s->restarting_all && !over, now, "", "");
        set_condition(s, CONDITION_SCHEDULED, true, s->start_time, "", "");
        set_condition(s, CONDITION_READY_TO_START, s->written && !over, now, "", "");
        set_condition(s, CONDITION_INITIALIZED, initialized, now, "ContainersNotInitialized", incomplete);
        set_condition(s, CONDITION_CONTAINERS_READY, ready, now,
                      done   ? "PodCompleted"
                      : over ? "PodFailed"
                             : "ContainersNotReady",
                      over ? "" : unready);
        if (ready && p->readiness_gates && !p->gates_open)
                set_condition(s, CONDITION_READY, false, now, "ReadinessGatesNotReady",
                              p->gates_why ? p->gates_why : "");
        else
                set_condition(s, CONDITION_READY, ready, now,
                              done   ? "PodCompleted"
                              : over ? "PodFailed"
                                     : "ContainersNotReady",
                              over ? "" : unready);
}

/* `reason` and `message` may be NULL. */
static void add_resize_condition(cJSON *conditions, const char *type, int64_t generation, uint64_t since,
                                 const char *reason, const char *message)
{
        cJSON *o = cJSON_CreateObject();

        cJSON_AddStringToObject(o, "type", type);
        cJSON_AddStringToObject(o, "status", "True");
        if (generation > 0)
                cJSON_AddNumberToObject(o, "observedGeneration", (double)generation);
        cJSON_AddNullToObject(o, "lastProbeTime");
        add_time(o, "lastTransitionTime", since);
        reason ? cJSON_AddStringToObject(o, "reason", reason) : cJSON_AddNullToObject(o, "reason");
        message ? cJSON_AddStringToObject(o, "message", message) : cJSON_AddNullToObject(o, "message");
        cJSON_AddItemToArray(conditions, o);
}

/* As the kubelet's status manager has them: there while they are true. */
static void add_resize(cJSON *conditions, const struct resize *r)
{
        if (r && r->wish == WISH_DEFERRED)
                add_resize_condition(conditions, RESIZE_PENDING, r->wish_generation, r->wish_since, "Deferred", r->why);
        if (r && r->under_way)
                add_resize_condition(conditions, RESIZE_IN_PROGRESS, r->generation, r->since, r->error ? "Error" : NULL,
                                     r->error);
}

/* Of a pod that ends with the machine nothing is told before it has ended: if the machine does not wait for it, it runs
 * again behind the reboot (pkg/kubelet/status, mergePodStatus). */
static bool eviction_is_told(const struct pod *p, const struct pod_state *s)
{
        return s->evicted && (!s->shut_down || pod_is_finished(p, s));
}

static cJSON *conditions(const struct pod *p, const struct pod_state *s)
{
        cJSON *a = cJSON_CreateArray();

        for (size_t i = 0; i < CONDITION_TYPES; i++) {
                const struct condition *c = &s->conditions[i];
                cJSON *o;
                if (!c->known || (i == CONDITION_DISRUPTION && !eviction_is_told(p, s)))
                        continue;
                o = cJSON_CreateObject();
                cJSON_AddStringToObject(o, "type", condition_names[i]);
                cJSON_AddStringToObject(o, "status", c->is_true ? "True" : "False");
                if (p->generation > 0)
                        cJSON_AddNumberToObject(o, "observedGeneration", (double)p->generation);
                cJSON_AddNullToObject(o, "lastProbeTime");
                add_time(o, "lastTransitionTime", c->since);
                /* the patch merges, so only a null takes an old reason away */
                *c->reason ? cJSON_AddStringToObject(o, "reason", c->reason) : cJSON_AddNullToObject(o, "reason");
                if (i == CONDITION_DISRUPTION)
                        cJSON_AddStringToObject(o, "message", s->evicted);
                else
                        c->message ? cJSON_AddStringToObject(o, "message", c->message)
                                   : cJSON_AddNullToObject(o, "message");
                cJSON_AddItemToArray(a, o);
        }
        if (!p->terminal)
                add_resize(a, s->resize);
        return a;
}

static void add_ips(cJSON *o, const char *key, const struct pod_node *node)
{
        const char *const all[] = { node->ip, node->other_ip };
        cJSON *ips = cJSON_AddArrayToObject(o, key);

        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                cJSON *item;
                if (!all[i] || !*all[i])
                        continue;
                item = cJSON_CreateObject();
                cJSON_AddStringToObject(item, "ip", all[i]);
                cJSON_AddItemToArray(ips, item);
        }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

cJSON *status_build(const struct pod *p, struct pod_state *s, const struct pod_node *node, const char *const *image_ids,
                    uint64_t now)
{
        cJSON *o = cJSON_CreateObject(), *init = NULL, *app = cJSON_CreateArray(), *ephemeral = NULL;
        const char *phase = status_phase(p, s);

        update_conditions(p, s, phase, now);
        cJSON_AddStringToObject(o, "phase", phase);
        if (p->generation > 0) /* API servers before 1.33 count none, and leave out what they do not know */
                cJSON_AddNumberToObject(o, "observedGeneration", (double)p->generation);
        if (eviction_is_told(p, s)) {
                cJSON_AddStringToObject(o, "reason", s->shut_down ? SHUTDOWN_REASON : EVICTED);
                cJSON_AddStringToObject(o, "message", s->evicted);
        } else if (s->deadline_exceeded) {
                cJSON_AddStringToObject(o, "reason", "DeadlineExceeded");
                cJSON_AddStringToObject(o, "message", "Pod was active on the node longer than the specified deadline");
        }
        if (s->admission == REJECTED) {
                CLEANUP(freep) char *message = xasprintf(REJECTED_PREFIX "%s", s->unfit->text);
                cJSON_AddStringToObject(o, "reason", s->unfit->reason);
                cJSON_AddStringToObject(o, "message", message);
        }
        cJSON_AddItemToObject(o, "conditions", conditions(p, s));
        if (p->resources)
                add_resources(o, p->resources, s->resize ? s->resize->actual : NULL);
        if (node->ip && *node->ip) {
                cJSON_AddStringToObject(o, "hostIP", node->ip);
                add_ips(o, "hostIPs", node);
                cJSON_AddStringToObject(o, "podIP", node->ip);
                add_ips(o, "podIPs", node);
        }
        /* That it has begun here is told once it may, for whoever has begun is not judged again. */
        add_time(o, "startTime", s->admission == ADMITTED || s->admission == REJECTED ? s->start_time : 0);
        /* A rejected pod's containers never were: kubectl would show their state instead of the pod's reason. */
        for (size_t i = 0; i < p->n_containers && s->admission != REJECTED; i++) {
                cJSON *c = container_status(p, s, i, image_ids ? image_ids[i] : NULL, now);
                if (p->containers[i].init && !init)
                        init = cJSON_CreateArray();
                if (p->containers[i].ephemeral && !ephemeral)
                        ephemeral = cJSON_CreateArray();
                cJSON_AddItemToArray(p->containers[i].init ? init : p->containers[i].ephemeral ? ephemeral : app, c);
        }
        if (init)
                cJSON_AddItemToObject(o, "initContainerStatuses", init);
        cJSON_AddItemToObject(o, "containerStatuses", app);
        if (ephemeral)
                cJSON_AddItemToObject(o, "ephemeralContainerStatuses", ephemeral);
        return o;
}

/* The patch merges: what is not named in it stays. */
static void take_away(cJSON *conditions, const char *type)
{
        const cJSON *item;
        cJSON *o;

        cJSON_ArrayForEach (item, conditions)
                if (streq(json_str(item, "type"), type))
                        return;
        o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "$patch", "delete");
        cJSON_AddStringToObject(o, "type", type);
        cJSON_AddItemToArray(conditions, o);
}

cJSON *status_patch(const char *uid, cJSON *status, bool resized)
{
        cJSON *patch = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(patch, "metadata"),
              *conditions = cJSON_GetObjectItemCaseSensitive(status, "conditions");

        if (resized) {
                take_away(conditions, RESIZE_PENDING);
                take_away(conditions, RESIZE_IN_PROGRESS);
        }
        cJSON_AddStringToObject(meta, "uid", uid);
        cJSON_AddItemToObject(patch, "status", status);
        return patch;
}
