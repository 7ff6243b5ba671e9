/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * Kubernetes' rules as tables: a row has a pod, what happens to it, and what follows: the plan and the status. All four are short texts.
 *
 *   pod       words: a restartPolicy; containers as "c", "c/init", "c/sidecar", "c/ephemeral" (init containers first, ephemeral ones last); volumes as "v:configMap", "v:emptyDir";
 *             "c/Never" has a restartPolicy of its own, "c/Never+Restart:In:3:4" a rule too, "c/init/Never+..." likewise;
 *             "deadline=60" (activeDeadlineSeconds), "gate=TYPE" (readinessGates), "runtimeClassName=x" (refused). Or, from "{" on, the pod's JSON
 *   happens   phrases with ";" between them, in their order:
 *      +10s, +1us                  time passes
 *      ready                       images, volumes and unit files are there, but those of ephemeral containers
 *      c written                   the image and the unit file of this container are there
 *      c starts | runs [N]         a new run: a main process in a unit that is not active yet; active; N restarts by systemd itself so far
 *      c prepares                  a new run, still without a main process (ExecStartPre=)
 *      c executed                  the main process of such a run has become the program, while the unit is not active yet
 *      c begins PHASE              the id of a new run is seen, while the unit is still in the PHASE that the old run left
 *      c exits 7 | killed 9 | dumped 6 [phase [result]]
 *                                  the main process ended; the unit is "failed" (after exit 0: "exited"), or as given: inactive, holdoff, ...
 *      c ran 7 [phase]             the same of a run that was not seen while it ran
 *      c unspawned 203             the same of one whose program PID 1 could not execute, which the journal says
 *      c is PHASE                  the same unit was seen in another phase
 *      c is PHASE result WORD      and says Result=WORD
 *      c unmet N                   a start was given up at N, because a Condition...= was not met
 *      c restarted N               the same run was seen with another number of restarts by systemd itself
 *      c vanishes                  the unit is not loaded any more, and nothing is known of it
 *      c probed readiness good | bad
 *                                  the results of a probe have come to that verdict on the present run
 *      c requested                 a start is asked for
 *      c image IMAGE               the container's image is changed (its unit keeps its name)
 *      begin anew                  the plan's begin-anew was carried out; "c anew": then its unit was cleared away
 *      c renewed                   its unit was removed, so that one for the present image can be made
 *      adopt                       the row's `remembered` status is what the API server had when the agent came up
 *      undecided                   nobody has judged the pod yet
 *      held | rejected REASON TEXT, let in
 *                                  the verdict
 *      shut_down 1                 the machine shuts down, and the pod has so many seconds to end
 *      evicted 1                   the node evicts the pod, with the message "too much" and so many seconds
 *      status                      a status was made (it moves transition times)
 *      FIELD, not FIELD            a bool of struct pod, struct pod_state; of a container or volume with its name before it ("c pulling")
 *      FIELD +30s, FIELD 30s       a time from now on (+0s: now); a duration
 *      FIELD 7                     a number
 *      c pre-stop runs | over | failed, and post-start
 *                                  what is known of the container's hook ("c/pre-stop", "c/post-start" in the pod)
 *      FIELD REASON [text]         a failure, "" for one without a reason
 *      c refreshed                 its unit was cleared away, since its values have changed
 *   plan      actions with ", " between them, with the name of their container or volume; "wake 10s": how long until the plan is to be made again
 *   status    the phase, then each container behind " | ": its state, reason and exit code, "ready", "x2" (restartCount), "was" and the last state
 */
/* clang-format on */
#ifndef VKS_TESTS_UNIT_AGENT_POD_STORY_H
#define VKS_TESTS_UNIT_AGENT_POD_STORY_H

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/lib/json.h"
#include "agent/pod/plan.h"
#include "agent/pod/status.h"
#include "common/buf.h"
#include "common/mem.h"
#include "proto/hash.h"

#define T0 (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */

struct story {
        const char *shows;
        const char *pod, *happens;
        const char *plan, *status; /* NULL: of no interest */
        const char *remembered;    /* JSON of the status for "adopt" */
};

struct world {
        struct pod *pod;
        struct pod_state *state;
        uint64_t now;
        unsigned runs;
        const char *remembered;
};

/* ---- the pod ---- */

static inline struct world world_of_json(const char *json)
{
        struct world w = { .now = T0 };
        struct err e = ERR_NONE;
        cJSON *o = cJSON_Parse(json);

        cr_assert_not_null(o, "bad test JSON: %s", json);
        cr_assert_eq(pod_parse(o, &w.pod, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        w.state = pod_state_new(w.pod, w.now);
        return w;
}

/* Never+Restart:In:3:4+RestartAllContainers:NotIn:0 */
static inline char *own_restarts(char *text)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        char *save_rules = NULL, *save = NULL, *rule = strtok_r(text, "+", &save_rules), *code;
        const char *comma = "", *operator;

        buf_printf(&b, ",\"restartPolicy\":\"%s\",\"restartPolicyRules\":[", rule);
        for (rule = strtok_r(NULL, "+", &save_rules); rule; rule = strtok_r(NULL, "+", &save_rules)) {
                const char *action = strtok_r(rule, ":", &save);
                operator= strtok_r(NULL, ":", &save);
                buf_printf(&b, "%s{\"action\":\"%s\",\"exitCodes\":{\"operator\":\"%s\",\"values\":[", comma,
                           action, operator);
                comma = "";
                while ((code = strtok_r(NULL, ":", &save))) {
                        buf_printf(&b, "%s%s", comma, code);
                        comma = ",";
                }
                buf_str(&b, "]}}");
                comma = ",";
        }
        buf_char(&b, ']');
        return buf_steal(&b);
}

static inline struct world world(const char *words)
{
        CLEANUP(buf_done) struct buf inits = BUF(4096), apps = BUF(4096), guests = BUF(4096);
        CLEANUP(buf_done) struct buf volumes = BUF(4096), rest = BUF(4096);
        CLEANUP(freep) char *copy = xstrdup(words), *json = NULL;
        char *save = NULL;

        if (*words == '{')
                return world_of_json(words);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                char *kind = strpbrk(word, "/:="), *more = kind && *kind == '/' ? strchr(kind + 1, '/') : NULL;
                CLEANUP(freep) char *own = NULL;
                if (more)
                        *more++ = '\0';
                else if (kind && *kind == '/' && isupper((unsigned char)kind[1]))
                        more = kind + 1;
                if (more)
                        own = own_restarts(more);
                if (!kind && isupper((unsigned char)*word)) {
                        buf_printf(&rest, "\"restartPolicy\":\"%s\",", word);
                } else if (!kind || *kind == '/') {
                        bool hook = kind && (streq(kind, "/pre-stop") || streq(kind, "/post-start"));
                        struct buf *list = !kind || hook || more == kind + 1 ? &apps
                                           : streq(kind, "/ephemeral")       ? &guests
                                                                             : &inits;
                        bool sidecar = kind && streq(kind, "/sidecar");
                        bool before = hook && streq(kind, "/pre-stop");
                        if (kind)
                                *kind = '\0';
                        buf_printf(list, "%s{\"name\":\"%s\",\"image\":\"pkg-%s\"%s%s}", list->len ? "," : "", word,
                                   word,
                                   own       ? own
                                   : sidecar ? ",\"restartPolicy\":\"Always\""
                                             : "",
                                   !hook    ? ""
                                   : before ? ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":5}}}"
                                            : ",\"lifecycle\":{\"postStart\":{\"sleep\":{\"seconds\":5}}}");
                } else if (*kind == ':') {
                        *kind = '\0';
                        buf_printf(&volumes, "%s{\"name\":\"%s\",\"%s\":{\"name\":\"%s\"}}", volumes.len ? "," : "",
                                   word, kind + 1, word);
                } else if (starts_with(word, "deadline=")) {
                        buf_printf(&rest, "\"activeDeadlineSeconds\":%s,", kind + 1);
                } else if (starts_with(word, "gate=")) {
                        buf_printf(&rest, "\"readinessGates\":[{\"conditionType\":\"%s\"}],", kind + 1);
                } else {
                        *kind = '\0';
                        buf_printf(&rest, "\"%s\":\"%s\",", word, kind + 1);
                }
        }
        json = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                         "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s\"initContainers\":[%s],"
                         "\"volumes\":[%s],\"containers\":[%s],\"ephemeralContainers\":[%s]}}",
                         rest.len ? rest.data : "", inits.len ? inits.data : "", volumes.len ? volumes.data : "",
                         apps.len ? apps.data : "", guests.len ? guests.data : "");
        return world_of_json(json);
}

static inline void world_done(struct world *w)
{
        pod_state_free(w->state);
        pod_free(w->pod);
}

/* ---- what happens ---- */

enum field_type { FIELD_BOOL, FIELD_TIME, FIELD_DURATION, FIELD_SECONDS, FIELD_NUMBER, FIELD_ERR };
enum field_owner { OF_POD, OF_STATE, OF_CONTAINER, OF_VOLUME };

#define F(owner, type, of, name)                                                                                       \
        {                                                                                                              \
#name, owner, type, offsetof(struct of, name)                                                          \
        }
static const struct field {
        const char *name;
        enum field_owner owner;
        enum field_type type;
        size_t offset;
} fields[] = {
        F(OF_POD, FIELD_BOOL, pod, deleting),
        F(OF_POD, FIELD_BOOL, pod, terminal),
        F(OF_POD, FIELD_BOOL, pod, failed),
        F(OF_POD, FIELD_BOOL, pod, gates_open),
        F(OF_POD, FIELD_SECONDS, pod, grace_s),
        F(OF_POD, FIELD_SECONDS, pod, deletion_grace_s),
        F(OF_POD, FIELD_ERR, pod, refused),
        F(OF_STATE, FIELD_BOOL, pod_state, gone),
        F(OF_STATE, FIELD_BOOL, pod_state, blocked),
        F(OF_STATE, FIELD_BOOL, pod_state, restarting_all),
        F(OF_STATE, FIELD_BOOL, pod_state, written),
        F(OF_STATE, FIELD_BOOL, pod_state, write_in_flight),
        F(OF_STATE, FIELD_TIME, pod_state, write_retry_at),
        F(OF_STATE, FIELD_ERR, pod_state, write_failure),
        F(OF_STATE, FIELD_BOOL, pod_state, write_singly),
        F(OF_STATE, FIELD_BOOL, pod_state, by_signal),
        F(OF_STATE, FIELD_BOOL, pod_state, each),
        F(OF_STATE, FIELD_TIME, pod_state, stop_at),
        F(OF_STATE, FIELD_BOOL, pod_state, stop_sent),
        F(OF_STATE, FIELD_BOOL, pod_state, stop_in_flight),
        F(OF_STATE, FIELD_TIME, pod_state, stop_retry_at),
        F(OF_STATE, FIELD_TIME, pod_state, kill_at),
        F(OF_STATE, FIELD_BOOL, pod_state, kill_sent),
        F(OF_STATE, FIELD_BOOL, pod_state, remove_in_flight),
        F(OF_STATE, FIELD_BOOL, pod_state, removed),
        F(OF_STATE, FIELD_TIME, pod_state, remove_retry_at),
        F(OF_STATE, FIELD_BOOL, pod_state, delete_in_flight),
        F(OF_STATE, FIELD_BOOL, pod_state, deleted),
        F(OF_STATE, FIELD_TIME, pod_state, delete_retry_at),
        F(OF_STATE, FIELD_BOOL, pod_state, deadline_exceeded),
        F(OF_STATE, FIELD_BOOL, pod_state, status_current),
        F(OF_CONTAINER, FIELD_BOOL, container_state, unhealthy),
        F(OF_CONTAINER, FIELD_BOOL, container_state, requested),
        F(OF_CONTAINER, FIELD_BOOL, container_state, image_present),
        F(OF_CONTAINER, FIELD_BOOL, container_state, pulling),
        F(OF_CONTAINER, FIELD_TIME, container_state, pull_at),
        F(OF_CONTAINER, FIELD_TIME, container_state, retry_at),
        F(OF_CONTAINER, FIELD_DURATION, container_state, backoff),
        F(OF_CONTAINER, FIELD_DURATION, container_state, pull_backoff),
        F(OF_CONTAINER, FIELD_NUMBER, container_state, values),
        F(OF_CONTAINER, FIELD_NUMBER, container_state, values_written),
        F(OF_CONTAINER, FIELD_BOOL, container_state, replacing),
        F(OF_CONTAINER, FIELD_BOOL, container_state, term_sent),
        F(OF_CONTAINER, FIELD_BOOL, container_state, stop_sent),
        F(OF_CONTAINER, FIELD_BOOL, container_state, kill_sent),
        F(OF_CONTAINER, FIELD_TIME, container_state, kill_at),
        F(OF_CONTAINER, FIELD_TIME, container_state, signal_at),
        F(OF_CONTAINER, FIELD_TIME, container_state, stop_retry_at),
        F(OF_CONTAINER, FIELD_BOOL, container_state, clear_in_flight),
        F(OF_CONTAINER, FIELD_TIME, container_state, clear_retry_at),
        F(OF_CONTAINER, FIELD_ERR, container_state, env_failure),
        F(OF_CONTAINER, FIELD_BOOL, container_state, env_told),
        F(OF_CONTAINER, FIELD_ERR, container_state, failure),
        F(OF_CONTAINER, FIELD_ERR, container_state, pull_failure),
        F(OF_VOLUME, FIELD_BOOL, volume_state, wanted),
        F(OF_VOLUME, FIELD_BOOL, volume_state, filled),
        F(OF_VOLUME, FIELD_BOOL, volume_state, in_flight),
        F(OF_VOLUME, FIELD_TIME, volume_state, retry_at),
};
#undef F

static const char *const phase_names[] = {
        [UNIT_ABSENT] = "absent", [UNIT_ACTIVATING] = "activating",     [UNIT_ACTIVE] = "active",
        [UNIT_EXITED] = "exited", [UNIT_DEACTIVATING] = "deactivating", [UNIT_INACTIVE] = "inactive",
        [UNIT_FAILED] = "failed", [UNIT_HOLDOFF] = "holdoff",
};

static inline enum unit_phase phase_named(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(phase_names); i++)
                if (streq(phase_names[i], name))
                        return (enum unit_phase)i;
        cr_assert(false, "\"%s\" is no phase of a unit", name);
        return UNIT_ABSENT;
}

static inline uint64_t duration(const char *s)
{
        char *end;
        uint64_t n = strtoull(s + (*s == '+'), &end, 10);

        cr_assert(streq(end, "s") || streq(end, "us"), "\"%s\" is no duration", s);
        return streq(end, "s") ? n * USEC_PER_SEC : n;
}

static inline void observe(struct world *w, size_t i, struct unit_state u)
{
        container_observe(&w->state->containers[i], &u, w->state, w->now);
}

/* A new run begins. */
static inline void runs(struct world *w, size_t i, enum unit_phase phase, bool main_process, const char *restarts)
{
        struct unit_state u = { .phase = phase,
                                .result = "success",
                                .restarts = restarts ? (uint32_t)strtoul(restarts, NULL, 10) : 0 };

        if (main_process) {
                u.main_pid = 42;
                u.started = w->now;
        }
        snprintf(u.invocation, sizeof(u.invocation), "%032x", ++w->runs);
        observe(w, i, u);
}

static inline void ends(struct world *w, size_t i, enum unit_phase phase, int code, int status, const char *result)
{
        struct unit_state u = w->state->containers[i].unit;

        u.phase = phase;
        u.main_pid = 0;
        u.main_code = code;
        u.main_status = status;
        u.ended = w->now;
        snprintf(u.result, sizeof(u.result), "%s", result);
        observe(w, i, u);
}

static inline void set_field(struct world *w, void *of, enum field_owner owner, char *const *words, size_t n)
{
        bool not = n > 1 && streq(words[0], "not");
        const char *name = words[not ? 1 : 0];

        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                const struct field *f = &fields[i];
                char *base = owner == OF_STATE && f->owner == OF_POD ? (void *)w->pod : of;
                if (!streq(f->name, name) || !(f->owner == owner || (owner == OF_STATE && f->owner == OF_POD)))
                        continue;
                if (f->type == FIELD_BOOL)
                        *(bool *)(void *)(base + f->offset) = !not ;
                else if (f->type == FIELD_ERR && not )
                        err_forget((struct kept_err *)(void *)(base + f->offset));
                else if (f->type == FIELD_ERR)
                        err_keep_set((struct kept_err *)(void *)(base + f->offset), -EIO,
                                     n > 1 && !streq(words[1], "\"\"") ? words[1] : "", "%s", n > 2 ? words[2] : "why");
                else if (f->type == FIELD_NUMBER)
                        *(uint64_t *)(void *)(base + f->offset) = strtoull(words[1], NULL, 10);
                else if (f->type == FIELD_SECONDS)
                        *(int64_t *)(void *)(base + f->offset) = (int64_t)(duration(words[1]) / USEC_PER_SEC);
                else
                        *(uint64_t *)(void *)(base + f->offset) =
                                duration(words[1]) + (f->type == FIELD_TIME ? w->now : 0);
                return;
        }
        cr_assert_fail("\"%s\" is nothing that happens", name);
}

static inline void is_written(struct world *w, size_t i)
{
        w->state->containers[i].image_present = true;
        w->state->containers[i].mark = w->pod->containers[i].mark;
}

static inline void happens_to_container(struct world *w, size_t i, char *const *words, size_t n)
{
        const char *what = words[0];
        int number = n > 1 ? atoi(words[1]) : 0;
        struct unit_state u = w->state->containers[i].unit;

        if (streq(what, "ran") || streq(what, "unspawned")) {
                if (streq(what, "unspawned"))
                        snprintf(u.spawn_error, sizeof(u.spawn_error),
                                 "Failed at step EXEC spawning /x: No such file or directory");
                snprintf(u.invocation, sizeof(u.invocation), "%032x", ++w->runs);
                u.phase = n > 2 ? phase_named(words[2]) : UNIT_FAILED;
                u.main_code = CLD_EXITED;
                u.main_status = number;
                u.started = u.ended = w->now;
                observe(w, i, u);
        } else if (streq(what, "restarted")) {
                u.restarts = (uint32_t)number;
                observe(w, i, u);
        } else if (streq(what, "runs")) {
                runs(w, i, UNIT_ACTIVE, true, n > 1 ? words[1] : NULL);
        } else if (streq(what, "starts")) {
                runs(w, i, UNIT_ACTIVATING, true, n > 1 ? words[1] : NULL);
        } else if (streq(what, "requested")) {
                container_request_start(&w->state->containers[i]);
        } else if (streq(what, "begins")) {
                runs(w, i, phase_named(words[1]), false, NULL);
        } else if (streq(what, "prepares")) {
                runs(w, i, UNIT_ACTIVATING, false, n > 1 ? words[1] : NULL);
        } else if (streq(what, "exits")) {
                ends(w, i,
                     n > 2    ? phase_named(words[2])
                     : number ? UNIT_FAILED
                              : UNIT_EXITED,
                     CLD_EXITED, number,
                     n > 3    ? words[3]
                     : number ? "exit-code"
                              : "success");
        } else if (streq(what, "killed") || streq(what, "dumped")) {
                bool dumped = streq(what, "dumped");
                ends(w, i, n > 2 ? phase_named(words[2]) : UNIT_FAILED, dumped ? CLD_DUMPED : CLD_KILLED, number,
                     n > 3    ? words[3]
                     : dumped ? "core-dump"
                              : "signal");
        } else if (streq(what, "is")) {
                u.phase = phase_named(words[1]);
                if (n > 3)
                        snprintf(u.result, sizeof(u.result), "%s", words[3]);
                observe(w, i, u);
        } else if (streq(what, "executed")) {
                u.phase = UNIT_ACTIVATING;
                u.main_pid = 42;
                u.started = w->now;
                u.executed = true;
                observe(w, i, u);
        } else if (streq(what, "unmet")) {
                u.unmet_at = (uint64_t)number;
                observe(w, i, u);
        } else if (streq(what, "written")) {
                is_written(w, i);
        } else if (streq(what, "refreshed")) {
                container_refresh(&w->state->containers[i]);
        } else if (streq(what, "vanishes")) {
                observe(w, i, (struct unit_state){ .phase = UNIT_ABSENT });
        } else if (streq(what, "image")) {
                struct container *c = &w->pod->containers[i];
                free(c->image);
                c->image = xstrdup(words[1]);
                (void)image_parse(c->image, &c->parsed, NULL);
                c->mark = hash_bytes(HASH_START, c->image, strlen(c->image));
                if (!w->state->containers[i].mark) /* desired.c: nothing is to be ended */
                        container_forget_image(&w->state->containers[i]);
        } else if (streq(what, "probed")) {
                enum probe_type t = streq(words[1], "startup")    ? PROBE_STARTUP
                                    : streq(words[1], "liveness") ? PROBE_LIVENESS
                                                                  : PROBE_READINESS;
                container_probed(&w->state->containers[i], t, streq(words[2], "good"));
        } else if (streq(what, "pre-stop") || streq(what, "post-start")) {
                w->state->containers[i].hooks[streq(what, "pre-stop") ? HOOK_PRE_STOP : HOOK_POST_START] =
                        streq(words[1], "runs")   ? HOOK_RUNS
                        : streq(words[1], "over") ? HOOK_OVER
                                                  : HOOK_FAILED;
        } else if (streq(what, "anew")) {
                container_begin_anew(&w->state->containers[i], &w->pod->containers[i]);
        } else if (streq(what, "renewed")) {
                container_renew(&w->state->containers[i]);
        } else {
                set_field(w, &w->state->containers[i], OF_CONTAINER, words, n);
        }
}

static const struct pod_node story_node = { .name = "n1", .ip = "10.0.0.1" };

/* The caller owns the result. */
static inline cJSON *status_of(struct world *w)
{
        return status_build(w->pod, w->state, &story_node, NULL, w->now);
}

static inline void phrase(struct world *w, char *text)
{
        char *words[8] = { NULL }, *save = NULL;
        size_t n = 0;

        for (char *word = strtok_r(text, " ", &save); word && n < ARRAY_LEN(words); word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        cr_assert_gt(n, 0, "nothing happens between two ;");
        if (*words[0] == '+') {
                w->now += duration(words[0]);
                return;
        }
        if (streq(words[0], "status")) {
                cJSON_Delete(status_of(w));
                return;
        }
        if (streq(words[0], "adopt")) {
                cJSON *o = cJSON_Parse(w->remembered);
                cr_assert_not_null(o, "bad test JSON: %s", w->remembered);
                pod_state_adopt(w->state, w->pod, o);
                cJSON_Delete(o);
                return;
        }
        if (streq(words[0], "begin") && n == 2 && streq(words[1], "anew")) {
                pod_begin_restart_all(w->state, w->pod, w->now);
                return;
        }
        if (streq(words[0], "shut_down") && n == 2) {
                pod_state_shut_down(w->state, strtoll(words[1], NULL, 10), w->now);
                return;
        }
        if (streq(words[0], "evicted") && n == 2) {
                pod_state_evict(w->state, "too much", strtoll(words[1], NULL, 10), w->now);
                return;
        }
        if (streq(words[0], "undecided")) {
                w->state->admission = UNDECIDED;
                return;
        }
        if (streq(words[0], "held") || streq(words[0], "rejected") || streq(words[0], "let")) {
                struct err why = ERR_NONE;
                enum admission a = *words[0] == 'h' ? HELD : *words[0] == 'r' ? REJECTED : ADMITTED;
                err_set(&why, -EPERM, words[1], "%s", n > 2 ? words[2] : "");
                pod_state_judge(w->state, a, a == ADMITTED ? NULL : &why, w->now);
                return;
        }
        if (streq(words[0], "ready")) {
                for (size_t i = 0; i < w->pod->n_containers; i++)
                        if (!w->pod->containers[i].ephemeral)
                                is_written(w, i);
                for (size_t i = 0; i < w->pod->n_volumes; i++)
                        w->state->volumes[i].filled = true;
                w->state->written = true;
                return;
        }
        for (size_t i = 0; n > 1 && i < w->pod->n_containers; i++)
                if (streq(w->pod->containers[i].name, words[0])) {
                        happens_to_container(w, i, words + 1, n - 1);
                        return;
                }
        for (size_t i = 0; n > 1 && i < w->pod->n_volumes; i++)
                if (streq(w->pod->volumes[i].name, words[0])) {
                        set_field(w, &w->state->volumes[i], OF_VOLUME, words + 1, n - 1);
                        return;
                }
        set_field(w, w->state, OF_STATE, words, n);
}

static inline void happen(struct world *w, const char *text)
{
        CLEANUP(freep) char *copy = xstrdup(text);
        char *save = NULL;

        for (char *part = strtok_r(copy, ";", &save); part; part = strtok_r(NULL, ";", &save))
                phrase(w, part);
}

/* ---- what follows, as text; the caller owns it ---- */

static inline char *plan_text(struct world *w)
{
        CLEANUP(buf_done) struct buf b = BUF(8192);
        struct plan plan;

        memset(&plan, 0xa5, sizeof(plan)); /* whatever was there before */
        plan_pod(w->pod, w->state, w->now, &plan);
        for (size_t i = 0; i < plan.n_actions; i++) {
                const struct action *a = &plan.actions[i];
                bool container = a->kind == ACTION_PULL || a->kind == ACTION_START || a->kind == ACTION_RESTART ||
                                 a->kind == ACTION_TERM || a->kind == ACTION_END || a->kind == ACTION_END_KILL ||
                                 a->kind == ACTION_CLEAR || a->kind == ACTION_ADD ||
                                 a->kind == ACTION_TELL_UNRESOLVED || a->kind == ACTION_PRE_STOP ||
                                 a->kind == ACTION_POST_START || a->kind == ACTION_BEGIN_ANEW;
                buf_printf(&b, "%s%s%s%s", i ? ", " : "", action_name(a->kind),
                           container || a->kind == ACTION_FILL ? " " : "",
                           container                ? w->pod->containers[a->index].name
                           : a->kind == ACTION_FILL ? w->pod->volumes[a->index].name
                                                    : "");
        }
        if (plan.wake_at)
                buf_printf(&b, "%swake %.10gs", b.len ? ", " : "", (double)(plan.wake_at - w->now) / 1e6);
        return b.len ? buf_steal(&b) : xstrdup("");
}

static inline void container_text(struct buf *b, const cJSON *c)
{
        const cJSON *state = json_get(c, "state")->child, *last = json_get(c, "lastState")->child;
        const char *reason = json_str(state, "reason");

        buf_printf(b, " | %s %s", json_str(c, "name"), state->string);
        if (reason)
                buf_printf(b, " %s", reason);
        if (json_get(state, "exitCode"))
                buf_printf(b, " %d", (int)json_int(state, "exitCode", -1));
        if (json_bool(c, "ready", false))
                buf_str(b, " ready");
        if (json_int(c, "restartCount", -1))
                buf_printf(b, " x%d", (int)json_int(c, "restartCount", -1));
        if (last)
                buf_printf(b, " was %s %d", json_str(last, "reason"), (int)json_int(last, "exitCode", -1));
}

/* Who asks for a container alone is told why it waits as the status tells it. */
static inline void same_reason(struct world *w, const cJSON *status, size_t i)
{
        static const char *const lists[] = { "initContainerStatuses", "containerStatuses",
                                             "ephemeralContainerStatuses" };
        CLEANUP(freep) char *reason = status_waiting_reason(w->pod, w->state, i, w->now);
        const cJSON *c;

        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
                cJSON_ArrayForEach (c, json_get(status, lists[k])) {
                        const char *told = json_str(json_get(json_get(c, "state"), "waiting"), "reason");

                        if (told && !streq(told, "CrashLoopBackOff") &&
                            streq(json_str(c, "name"), w->pod->containers[i].name))
                                cr_expect_str_eq(reason, told);
                }
}

static inline char *status_text(struct world *w)
{
        CLEANUP(buf_done) struct buf b = BUF(8192);
        cJSON *status = status_of(w);
        const cJSON *c;

        buf_str(&b, json_str(status, "phase"));
        cJSON_ArrayForEach (c, json_get(status, "initContainerStatuses"))
                container_text(&b, c);
        cJSON_ArrayForEach (c, json_get(status, "containerStatuses"))
                container_text(&b, c);
        cJSON_ArrayForEach (c, json_get(status, "ephemeralContainerStatuses"))
                container_text(&b, c);
        for (size_t i = 0; i < w->pod->n_containers; i++)
                same_reason(w, status, i);
        cJSON_Delete(status);
        return buf_steal(&b);
}

static inline void tell(const struct story *stories, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct story *s = &stories[i];
                struct world w = world(s->pod);
                w.remembered = s->remembered;
                happen(&w, s->happens);
                CLEANUP(freep) char *plan = plan_text(&w), *status = status_text(&w);
                cr_expect(!s->plan || streq(plan, s->plan), "%s\n   %s: %s\n   the plan is \"%s\", not \"%s\"",
                          s->shows, s->pod, s->happens, plan, s->plan);
                cr_expect(!s->status || streq(status, s->status), "%s\n   %s: %s\n   the status is \"%s\", not \"%s\"",
                          s->shows, s->pod, s->happens, status, s->status);
                world_done(&w);
        }
}
#define TELL(stories) tell(stories, ARRAY_LEN(stories))

/* ---- single values ---- */

/* What stands at a path of the status after all of this has happened: "containerStatuses.0.state.waiting.message";
 * "absent" where nothing is. */
struct value {
        const char *shows;
        const char *pod, *happens, *path, *is;
        const char *remembered;
};

static inline char *value_at(const cJSON *o, const char *path)
{
        CLEANUP(freep) char *copy = xstrdup(path);
        char *save = NULL;

        for (char *key = strtok_r(copy, ".", &save); key && o; key = strtok_r(NULL, ".", &save))
                o = isdigit((unsigned char)*key) ? cJSON_GetArrayItem(o, atoi(key)) : json_get(o, key);
        if (!o)
                return xstrdup("absent");
        return cJSON_IsString(o) ? xstrdup(o->valuestring) : cJSON_PrintUnformatted(o);
}

static inline void look(const struct value *values, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct value *v = &values[i];
                struct world w = world(v->pod);
                cJSON *status;
                w.remembered = v->remembered;
                happen(&w, v->happens);
                status = status_of(&w);
                CLEANUP(freep) char *is = value_at(status, v->path);
                cr_expect_str_eq(is, v->is, "%s\n   %s: %s\n   %s is \"%s\", not \"%s\"", v->shows, v->pod, v->happens,
                                 v->path, is, v->is);
                cJSON_Delete(status);
                world_done(&w);
        }
}
#define LOOK(values) look(values, ARRAY_LEN(values))

#endif
