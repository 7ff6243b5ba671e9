/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes' promises, whatever happens: random pods live through random histories of their units, with a small model
 * of PID 1, of root's helper, of the API server and of the executor in place of the real ones. After each step the plan
 * and the status are held against what must be true at any time (check_plan(), check_status(), check_report()). A life
 * ends with a quiet time in which nothing fails any more: then the pod must come to where its spec wants it
 * (check_rest()).
 *
 * PROPERTY_STEPS and PROPERTY_SEED in the environment say how many steps are made, and from which seed. Whatever fails
 * prints the seed of that life and its history; PROPERTY_SEED with that number and PROPERTY_STEPS=1 has it again.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "agent/pod/limits.h"
#include "agent/pod/resize.h"
#include "tests/unit/agent/pod/story.h"

enum { CONTAINERS = 8, VOLUMES = 4, REQUESTS = 64, RUNS = 4096, DEFAULT_STEPS = 20000, QUIET_STEPS = 600 };

struct unit {
        bool exists; /* its file does */
        uint64_t mark;
        uint64_t values;           /* what its environment was made of */
        struct unit_limits limits; /* as PID 1 has them, whether the agent knows or not */
        struct unit_state state;
        bool stopping; /* systemd was asked to stop it */
        bool signalled;
        bool news; /* the agent has not seen `state` yet */
};

struct request { /* on its way to the helper, which answers one after the other */
        enum action_kind kind;
        size_t index;
        bool units[CONTAINERS];
        uint64_t values[CONTAINERS]; /* what WRITE says of them */
        struct unit_limits limits[CONTAINERS];
};

struct run {
        bool over, unknown; /* how it ended nobody knows */
        int exit_code;
};

/* What is known of a container beside its unit. */
struct about {
        uint64_t values;    /* what its environment would be made of now */
        bool changed;       /* its image was, or all of the pod was begun anew: it may run again, whatever its policy */
        unsigned begun;     /* its runs */
        unsigned unseen;    /* of these, those that were over before the agent looked */
        unsigned counted;   /* of the restarts by PID 1 that its unit tells of, those that an agent has seen */
        unsigned recounted; /* restarts that an agent which came back may have counted once more */
        size_t ready_run;   /* the run that its readiness probe found good the last time; 0: none */
};

struct life {
        uint64_t seed, random;
        struct world w;
        char *json;
        cJSON *object; /* the pod, as the API server has it */
        bool quiet, agent_restarted;
        struct unit units[CONTAINERS];
        struct about about[CONTAINERS];
        bool files[VOLUMES]; /* what a volume consists of is there */
        struct request requests[REQUESTS];
        size_t n_requests;
        struct run runs[RUNS];
        cJSON *reported; /* what the API server has */
        bool initialized_once[CONTAINERS];
        bool anew; /* since the last report a rule has restarted all containers */
        uint64_t wake_at;
        struct buf trace;
};

static uint64_t draw(uint64_t *random)
{
        uint64_t z = (*random += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

static unsigned below(struct life *l, unsigned n)
{
        return (unsigned)(draw(&l->random) % n);
}

static bool once_in(struct life *l, unsigned n)
{
        return below(l, n) == 0;
}

#define TRACE(l, ...) buf_printf(&(l)->trace, __VA_ARGS__)

#define HOLDS(l, promise, ...)                                                                                         \
        do {                                                                                                           \
                if (!(promise))                                                                                        \
                        broken(l, __VA_ARGS__);                                                                        \
        } while (0)

static void broken(struct life *l, const char *fmt, ...) PRINTF(2, 3);
static void broken(struct life *l, const char *fmt, ...)
{
        CLEANUP(freep) char *status = status_text(&l->w), *plan = plan_text(&l->w);
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        fprintf(stderr, "%s\n%s\nplan: %s\nstatus: %s\n", l->json, l->trace.data ? l->trace.data : "", plan, status);
        cr_assert_fail("PROPERTY_SEED=%" PRIu64 " PROPERTY_STEPS=1: %s", l->seed, text);
}

/* ---- a random pod ------------------------------------------------------------------------------------------------ */

static void random_restarts(struct life *l, struct buf *b, bool sidecar)
{
        static const char *const policies[] = { "Always", "OnFailure", "Never" };

        if (sidecar) {
                buf_str(b, ",\"restartPolicy\":\"Always\"");
        } else if (once_in(l, 6)) {
                buf_printf(b,
                           ",\"restartPolicy\":\"%s\",\"restartPolicyRules\":[{\"action\":\"%s\",\"exitCodes\":"
                           "{\"operator\":\"In\",\"values\":[42]}}]",
                           policies[1 + below(l, 2)], once_in(l, 2) ? "Restart" : "RestartAllContainers");
        }
}

static void random_container(struct life *l, struct buf *b, const char *name, bool init, bool sidecar)
{
        static const char *const probes[] = { "startup", "liveness", "readiness" };

        buf_printf(b, "%s{\"name\":\"%s\",\"image\":\"pkg-%s\"", b->len ? "," : "", name, name);
        random_restarts(l, b, sidecar);
        for (size_t k = 0; k < ARRAY_LEN(probes); k++)
                if ((!init || sidecar) && once_in(l, 4))
                        buf_printf(b, ",\"%sProbe\":{\"tcpSocket\":{\"port\":80}%s}", probes[k],
                                   k < 2 && once_in(l, 3) ? ",\"terminationGracePeriodSeconds\":60" : "");
        if ((!init || sidecar) && once_in(l, 4))
                buf_printf(b, ",\"lifecycle\":{\"%s\":{\"sleep\":{\"seconds\":5}}}",
                           once_in(l, 2) ? "preStop" : "postStart");
        if (once_in(l, 3))
                buf_printf(b,
                           ",\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Mi\"},\"limits\":{\"cpu\":\"9\","
                           "\"memory\":\"9Mi\"}},\"resizePolicy\":[{\"resourceName\":\"memory\",\"restartPolicy\":"
                           "\"%s\"}]",
                           once_in(l, 2) ? "NotRequired" : "RestartContainer");
        buf_char(b, '}');
}

static void random_pod(struct life *l)
{
        static const char *const policies[] = { "Always", "OnFailure", "Never" };
        CLEANUP(buf_done) struct buf inits = BUF(4096), apps = BUF(4096), rest = BUF(256);
        unsigned n_inits = below(l, 4), n_apps = 1 + below(l, 2);
        const char *policy = policies[below(l, 3)];

        for (unsigned i = 0; i < n_inits; i++)
                random_container(l, &inits, (const char *[]){ "i0", "i1", "i2" }[i], true, once_in(l, 2));
        for (unsigned i = 0; i < n_apps; i++)
                random_container(l, &apps, (const char *[]){ "a0", "a1" }[i], false, false);
        if (once_in(l, 6))
                buf_printf(&rest, "\"activeDeadlineSeconds\":%u,", 1 + below(l, 200));
        buf_printf(&rest, "\"terminationGracePeriodSeconds\":%u,", once_in(l, 4) ? below(l, 3) : 30);
        if (once_in(l, 6))
                buf_str(&rest, "\"readinessGates\":[{\"conditionType\":\"example.org/balancer\"}],");
        if (once_in(l, 4))
                buf_str(&rest, "\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"v\"}},{\"name\":\"e\","
                               "\"emptyDir\":{}},{\"name\":\"w\",\"secret\":{\"secretName\":\"w\"}}],");
        l->json = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"generation\":1,\"uid\":"
                            "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{\"restartPolicy\":\"%s\",%s"
                            "\"initContainers\":[%s],\"containers\":[%s]}}",
                            policy, rest.data, inits.len ? inits.data : "", apps.data);
        l->object = cJSON_Parse(l->json);
        l->w = world_of_json(l->json);
        HOLDS(l, !l->w.pod->refused.code, "the pod is refused: %s", kept_text(&l->w.pod->refused));
        if (once_in(l, 2))
                l->w.state->admission = UNDECIDED;
        for (size_t i = 0; i < l->w.pod->n_containers; i++)
                l->about[i].values = l->w.state->containers[i].values = below(l, 2);
}

/* Another version of the pod: what the object says, and what is known of it beside that. The caller owns it. */
static struct pod *parse_again(struct life *l, const cJSON *object)
{
        const struct pod *old = l->w.pod;
        struct err e = ERR_NONE;
        struct pod *p = NULL;

        cr_assert_eq(pod_parse(object, &p, &e), 0, "%s", e.text);
        for (size_t i = 0; i < old->n_containers; i++)
                p->containers[i].mark = old->containers[i].mark;
        p->generation = old->generation;
        p->gates_open = old->gates_open;
        p->deleting = old->deleting;
        p->deletion_grace_s = old->deletion_grace_s;
        p->terminal = old->terminal;
        p->failed = old->failed;
        return p;
}

static void take_pod(struct life *l, struct pod *p)
{
        pod_free(l->w.pod);
        l->w.pod = p;
}

/* ---- PID 1 ------------------------------------------------------------------------------------------------------- */

static const char *name_of(const struct life *l, size_t i)
{
        return l->w.pod->containers[i].name;
}

static size_t run_number(const char *invocation)
{
        return strtoul(invocation, NULL, 16);
}

static void run_begins(struct life *l, size_t i, uint32_t restarts)
{
        struct unit *u = &l->units[i];

        if (l->w.runs + 1 >= RUNS)
                return;
        l->about[i].unseen += u->news && u->state.main_code;
        l->about[i].begun++;
        l->about[i].counted = restarts ? l->about[i].counted : 0;
        u->state = (struct unit_state){ .phase = once_in(l, 2) ? UNIT_ACTIVATING : UNIT_ACTIVE,
                                        .result = "success",
                                        .restarts = restarts,
                                        .started = l->w.now,
                                        .limits = u->state.limits,
                                        .main_pid = 42 };
        snprintf(u->state.invocation, sizeof(u->state.invocation), "%032x", ++l->w.runs);
        u->stopping = u->signalled = false;
        u->news = true;
        TRACE(l, "%s: run %u\n", name_of(l, i), l->w.runs);
}

/* The process has ended; systemd does what Restart= says, unless it was to stop the unit. */
static void run_ends(struct life *l, size_t i, int code, int status, const char *result)
{
        struct unit *u = &l->units[i];
        struct run *run = &l->runs[run_number(u->state.invocation)];
        const struct container *spec = &l->w.pod->containers[i];
        /* an init container is the agent's to start again, and an ephemeral one nobody's (agent/pods/content.c) */
        enum restart_policy restart = spec->ephemeral || (spec->init && !spec->sidecar)
                                              ? RESTART_POLICY_NEVER
                                              : restarts_unattended(&spec->restarts);
        bool failed = code != CLD_EXITED || status != 0;
        bool again = restart == RESTART_POLICY_ALWAYS || (restart == RESTART_POLICY_ON_FAILURE && failed);

        u->state.main_pid = 0;
        u->state.main_code = code;
        u->state.main_status = status;
        u->state.ended = l->w.now;
        snprintf(u->state.result, sizeof(u->state.result), "%s", result);
        if (u->stopping)
                u->state.phase = failed ? UNIT_FAILED : UNIT_INACTIVE;
        else if (again)
                u->state.phase = UNIT_HOLDOFF;
        else
                u->state.phase = failed ? UNIT_FAILED : once_in(l, 2) ? UNIT_EXITED : UNIT_INACTIVE;
        run->over = true;
        run->exit_code = code == CLD_EXITED ? status : 128 + status;
        u->news = true;
        TRACE(l, "%s: ends with %d, unit %s\n", name_of(l, i), run->exit_code, phase_names[u->state.phase]);
}

static void ends_somehow(struct life *l, size_t i)
{
        if (once_in(l, 3))
                run_ends(l, i, CLD_EXITED, 0, "success");
        else if (once_in(l, 3))
                run_ends(l, i, CLD_EXITED, 42, "exit-code");
        else if (once_in(l, 2))
                run_ends(l, i, CLD_EXITED, (int)(1 + below(l, 255)), "exit-code");
        else
                run_ends(l, i, CLD_KILLED, once_in(l, 2) ? 9 : 15, once_in(l, 2) ? "oom-kill" : "signal");
}

static bool unit_moves(struct life *l, size_t i)
{
        struct unit *u = &l->units[i];

        if (u->state.phase == UNIT_ACTIVATING && !u->stopping) {
                u->state.phase = UNIT_ACTIVE;
                u->news = true;
                return true;
        }
        if (unit_has_processes(u->state.phase) && (u->stopping || u->signalled)) {
                if (once_in(l, 2))
                        run_ends(l, i, CLD_EXITED, 0, "success");
                else
                        run_ends(l, i, CLD_KILLED, 15, "signal");
                return true;
        }
        return false;
}

static void unit_is_lost(struct life *l, size_t i)
{
        struct unit *u = &l->units[i];
        struct run *run = &l->runs[run_number(u->state.invocation)];

        if (!run->over)
                run->over = run->unknown = true;
        *u = (struct unit){ .news = true };
        TRACE(l, "%s: its unit is lost\n", name_of(l, i));
}

static void stop_unit(struct life *l, size_t i, bool kill, bool only_signal)
{
        struct unit *u = &l->units[i];
        bool processes = unit_has_processes(u->state.phase);

        if (kill && processes) {
                u->stopping = u->stopping || !only_signal;
                run_ends(l, i, CLD_KILLED, 9, "signal");
        } else if (only_signal) {
                u->signalled = processes;
        } else if (!kill && processes) {
                u->stopping = true;
                u->state.phase = UNIT_DEACTIVATING;
                u->news = true;
        } else if (!kill && (u->state.phase == UNIT_HOLDOFF || u->state.phase == UNIT_EXITED)) {
                u->state.phase = UNIT_INACTIVE;
                u->news = true;
        }
}

/* ---- the helper, and what agent/pods/executor.c records ---------------------------------------------------------- */

static struct request *ask(struct life *l, enum action_kind kind)
{
        struct request *rq = &l->requests[l->n_requests];

        HOLDS(l, l->n_requests < REQUESTS, "more than %d requests are on their way", REQUESTS);
        l->n_requests++;
        *rq = (struct request){ .kind = kind };
        return rq;
}

static struct unit_limits limits_now(const struct life *l, size_t i)
{
        struct limits want;

        limits_of_container(l->w.pod, &l->w.pod->containers[i], &want);
        return (struct unit_limits){ true, want.cpu_weight, want.cpu_milli, want.memory_max };
}

/* The unit's file is made anew, unless PID 1 has loaded the one that is there. */
static void file_is_written(struct life *l, const struct request *rq, size_t i)
{
        struct unit *u = &l->units[i];
        uint64_t mark_sent = l->w.state->containers[i].mark_sent;

        u->mark = mark_sent ? mark_sent : u->mark;
        if (u->exists && *u->state.invocation)
                return;
        u->exists = true;
        u->values = rq->values[i];
        u->limits = rq->limits[i];
}

static int start_units(struct life *l, const struct request *rq)
{
        for (size_t i = 0; i < CONTAINERS; i++)
                if (rq->units[i] && !l->units[i].exists)
                        return -ENOENT;
        for (size_t i = 0; i < CONTAINERS; i++)
                if (rq->units[i] && !unit_has_processes(l->units[i].state.phase)) {
                        const struct unit_state *u = &l->units[i].state;

                        /* a unit that is taken out of its holdoff keeps its count (service.c, flush_n_restarts) */
                        run_begins(l, i, u->phase == UNIT_HOLDOFF ? u->restarts : 0);
                }
        return 0;
}

static bool any_is_busy(const struct life *l, const struct request *rq)
{
        for (size_t i = 0; i < l->w.pod->n_containers; i++)
                if ((rq->kind == ACTION_REMOVE || rq->units[i]) &&
                    (unit_has_processes(l->units[i].state.phase) || l->units[i].state.phase == UNIT_HOLDOFF ||
                     l->units[i].state.phase == UNIT_EXITED))
                        return true;
        return false;
}

/* What the request does to the machine. */
static int take_effect(struct life *l, const struct request *rq)
{
        if (!l->quiet && once_in(l, 12))
                return -EIO;
        if (rq->kind == ACTION_START)
                return start_units(l, rq);
        if ((rq->kind == ACTION_CLEAR || rq->kind == ACTION_REMOVE) && any_is_busy(l, rq))
                return -EBUSY;
        if (rq->kind == ACTION_FILL)
                l->files[rq->index] = true;
        if (rq->kind == ACTION_REMOVE)
                memset(l->files, 0, sizeof(l->files));
        for (size_t i = 0; i < l->w.pod->n_containers; i++) {
                if (rq->kind == ACTION_REMOVE)
                        l->units[i] = (struct unit){ .news = true };
                if (!rq->units[i])
                        continue;
                if (rq->kind == ACTION_WRITE || rq->kind == ACTION_ADD) {
                        file_is_written(l, rq, i);
                } else if (rq->kind == ACTION_RESIZE) {
                        l->units[i].limits = rq->limits[i];
                } else if (rq->kind == ACTION_CLEAR) {
                        l->about[i].unseen += l->units[i].news && l->units[i].state.main_code;
                        l->units[i] = (struct unit){ .news = true };
                } else if (rq->kind != ACTION_PULL && rq->kind != ACTION_FILL) {
                        stop_unit(l, i, rq->kind == ACTION_KILL || rq->kind == ACTION_END_KILL,
                                  rq->kind == ACTION_TERM);
                }
        }
        return 0;
}

static void written(struct life *l, const struct request *rq, int error)
{
        struct pod_state *s = l->w.state;

        s->write_in_flight = false;
        s->written |= !error;
        if (rq->kind == ACTION_WRITE && error && once_in(l, 2) && l->w.pod->n_containers > 1)
                s->write_singly = true;
        else if (rq->kind == ACTION_WRITE && error)
                s->write_retry_at = l->w.now + backoff_next(&s->write_failures, USEC_PER_SEC);
        else if (rq->kind == ACTION_WRITE)
                s->write_failures = 0;
        for (size_t i = 0; i < s->n_containers; i++) {
                struct container_state *c = &s->containers[i];

                if (rq->kind == ACTION_ADD && rq->units[i] && error)
                        c->retry_at = l->w.now + backoff_next(&c->start_failures, USEC_PER_SEC);
                if (!error && c->mark_sent && rq->units[i]) {
                        c->mark = c->mark_sent;
                        c->values_written = c->values_sent;
                }
                if (rq->kind == ACTION_WRITE || rq->units[i])
                        c->mark_sent = c->values_sent = 0;
        }
}

static void filled(struct life *l, size_t i, int error)
{
        struct volume_state *v = &l->w.state->volumes[i];

        v->in_flight = false;
        v->retry_at = error ? l->w.now + backoff_next(&v->failures, USEC_PER_SEC) : 0;
        if (!error)
                v->filled = true, v->wanted = false, v->failures = 0;
}

static void resized(struct life *l, int error)
{
        struct pod_state *s = l->w.state;
        struct resize *r = s->resize;

        r->in_flight = false;
        if (error && once_in(l, 2)) {
                r->send = true;
                r->retry_at = l->w.now + backoff_next(&r->failures, USEC_PER_SEC);
        } else if (error) {
                (void)resize_fail(s, "the helper says no", l->w.now);
        }
        for (size_t i = 0; i < s->n_containers && !error; i++)
                if (s->containers[i].actual) { /* PID 1 is asked, who answers later */
                        s->containers[i].unit.limits.known = l->units[i].state.limits.known = false;
                        l->units[i].news = true;
                }
}

static void pulled(struct life *l, size_t i, int error)
{
        struct container_state *c = &l->w.state->containers[i];

        c->pulling = false;
        c->image_present = !error;
        if (!error) {
                err_forget(&c->pull_failure);
                return;
        }
        err_keep_set(&c->pull_failure, error, "ErrImagePull", "why");
        c->pull_backoff = c->pull_backoff ? c->pull_backoff * 2 : BACKOFF_FIRST;
        c->pull_at = l->w.now + (c->pull_backoff < BACKOFF_MAX ? c->pull_backoff : BACKOFF_MAX);
}

static void cleared(struct life *l, size_t i, int error)
{
        struct pod_state *s = l->w.state;
        struct container_state *c = &s->containers[i];

        c->clear_in_flight = false;
        if (error == -EBUSY)
                c->stop_sent = c->kill_sent = false;
        if (error)
                c->clear_retry_at = l->w.now + backoff_next(&c->clear_failures, USEC_PER_SEC);
        else if (s->restarting_all)
                container_begin_anew(c, &l->w.pod->containers[i]);
        else if (c->mark == l->w.pod->containers[i].mark && !c->resize_restarts)
                container_refresh(c);
        else
                container_renew(c);
}

static void answer(struct life *l)
{
        struct pod_state *s = l->w.state;
        struct request rq = l->requests[0];
        int error;

        l->n_requests--;
        memmove(l->requests, l->requests + 1, l->n_requests * sizeof(rq));
        error = take_effect(l, &rq);
        TRACE(l, "answer: %s %s\n", action_name(rq.kind), error ? strerror(-error) : "done");
        if (rq.kind == ACTION_WRITE || rq.kind == ACTION_ADD)
                written(l, &rq, error);
        if (rq.kind == ACTION_FILL)
                filled(l, rq.index, error);
        if (rq.kind == ACTION_RESIZE)
                resized(l, error);
        if (rq.kind == ACTION_STOP || rq.kind == ACTION_KILL) {
                s->stop_in_flight = false;
                if (error)
                        s->stop_sent = s->kill_sent = false, s->stop_retry_at = l->w.now + USEC_PER_SEC;
        }
        if (rq.kind == ACTION_REMOVE) {
                s->remove_in_flight = false;
                s->removed = !error;
                s->remove_retry_at = error ? l->w.now + USEC_PER_SEC : 0;
        }
        for (size_t i = 0; i < s->n_containers; i++) {
                struct container_state *c = &s->containers[i];

                if (!rq.units[i])
                        continue;
                if (rq.kind == ACTION_PULL)
                        pulled(l, i, error);
                if (rq.kind == ACTION_CLEAR)
                        cleared(l, i, error);
                if (!error)
                        continue;
                if (rq.kind == ACTION_START) {
                        c->requested = false;
                        c->retry_at = l->w.now + backoff_next(&c->start_failures, USEC_PER_SEC);
                        if (error == -ENOENT && !unit_has_processes(c->unit.phase))
                                c->mark = 0;
                }
                if (rq.kind == ACTION_TERM || rq.kind == ACTION_END || rq.kind == ACTION_END_KILL) {
                        c->stop_retry_at = l->w.now + backoff_next(&c->stop_failures, USEC_PER_SEC);
                        c->term_sent = c->stop_sent = c->kill_sent = false;
                }
        }
}

static void begin_end(struct life *l, bool each)
{
        struct pod_state *s = l->w.state;
        const struct pod *p = l->w.pod;

        s->stop_at = l->w.now;
        s->kill_at = l->w.now + (uint64_t)pod_grace_s(p, s) * USEC_PER_SEC;
        s->each |= each;
        s->by_signal |= each && pod_grace_is_long(p, pod_grace_s(p, s));
}

static void begin_to_end(struct life *l, size_t i)
{
        struct container_state *c = &l->w.state->containers[i];
        const struct container *spec = &l->w.pod->containers[i];

        if (l->w.state->stop_at || l->w.state->restarting_all)
                return;
        c->replacing = c->mark != spec->mark || c->resize_restarts;
        c->kill_at = l->w.now + (uint64_t)container_grace_s(c, spec, l->w.pod) * USEC_PER_SEC;
}

static void end_one(struct life *l, size_t i, enum action_kind kind)
{
        struct pod_state *s = l->w.state;
        struct container_state *c = &s->containers[i];

        if (l->w.pod->deleting && !s->stop_at) {
                begin_end(l, false);
                s->by_signal = true;
        }
        c->requested = false;
        if (kind == ACTION_END_KILL) {
                c->kill_sent = true;
        } else {
                if (c->hooks[HOOK_PRE_STOP] == HOOK_TO_COME || s->restarting_all)
                        begin_to_end(l, i);
                c->signal_at = l->w.now;
                c->term_sent |= kind == ACTION_TERM;
                c->stop_sent |= kind == ACTION_END;
        }
        ask(l, kind)->units[i] = true;
}

static void write_units(struct life *l, enum action_kind kind, size_t only)
{
        struct pod_state *s = l->w.state;
        struct request *rq = ask(l, kind);

        s->write_in_flight = true;
        if (kind == ACTION_WRITE || !l->w.pod->containers[only].ephemeral)
                s->restarting_all = false;
        for (size_t i = 0; i < s->n_containers; i++) {
                struct container_state *c = &s->containers[i];
                const struct container *spec = &l->w.pod->containers[i];

                if (kind == ACTION_WRITE ? spec->ephemeral : i != only)
                        continue;
                if (c->env_failure.code || (c->mark ? c->mark != spec->mark : !c->image_present))
                        continue;
                rq->units[i] = true;
                rq->limits[i] = limits_now(l, i);
                rq->values[i] = c->values_sent = c->values;
                if (!c->mark)
                        c->mark_sent = spec->mark;
                else if (c->values_written != c->values_sent)
                        c->values_written = 0;
        }
}

static void resize_units(struct life *l)
{
        struct pod_state *s = l->w.state;
        struct request *rq = ask(l, ACTION_RESIZE);

        s->resize->send = false;
        s->resize->in_flight = true;
        for (size_t i = 0; i < s->n_containers; i++) {
                rq->units[i] = resize_has_unit(l->w.pod, s, i);
                rq->limits[i] = limits_now(l, i);
        }
}

static void stop_all(struct life *l, bool kill)
{
        struct pod_state *s = l->w.state;
        struct request rq = { .kind = kill ? ACTION_KILL : ACTION_STOP };
        bool any = false;

        for (size_t i = 0; i < s->n_containers; i++) {
                rq.units[i] = s->containers[i].mark && (!kill || unit_has_processes(s->containers[i].unit.phase));
                any |= rq.units[i];
        }
        if (kill)
                s->kill_sent = true;
        else
                begin_end(l, false), s->stop_sent = true;
        if (!any)
                return;
        s->stop_in_flight = true;
        *ask(l, rq.kind) = rq;
}

static void carry_out(struct life *l, const struct action *a)
{
        struct pod_state *s = l->w.state;
        struct container_state *c = a->kind == ACTION_FILL ? NULL : &s->containers[a->index];

        TRACE(l, "  %s %s\n", action_name(a->kind), a->kind == ACTION_FILL ? "" : name_of(l, a->index));
        switch (a->kind) {
        case ACTION_PULL:
                c->pulling = true;
                ask(l, a->kind)->units[a->index] = true;
                break;
        case ACTION_WRITE:
        case ACTION_ADD:
                write_units(l, a->kind, a->index);
                break;
        case ACTION_START:
        case ACTION_RESTART:
                container_request_start(c);
                ask(l, ACTION_START)->units[a->index] = true;
                break;
        case ACTION_STOP:
        case ACTION_KILL:
                stop_all(l, a->kind == ACTION_KILL);
                break;
        case ACTION_TERM:
        case ACTION_END:
        case ACTION_END_KILL:
                end_one(l, a->index, a->kind);
                break;
        case ACTION_BEGIN_END:
                begin_end(l, true);
                break;
        case ACTION_POST_START:
                c->hooks[HOOK_POST_START] = HOOK_RUNS;
                break;
        case ACTION_PRE_STOP:
                begin_to_end(l, a->index);
                c->hooks[HOOK_PRE_STOP] = (s->stop_at ? s->kill_at : c->kill_at) > l->w.now ? HOOK_RUNS : HOOK_OVER;
                break;
        case ACTION_BEGIN_ANEW:
                pod_begin_restart_all(s, l->w.pod, l->w.now);
                memset(l->initialized_once, 0, sizeof(l->initialized_once));
                l->anew = true;
                for (size_t i = 0; i < s->n_containers; i++)
                        l->about[i].changed = true;
                break;
        case ACTION_CLEAR:
                c->clear_in_flight = true;
                ask(l, a->kind)->units[a->index] = true;
                break;
        case ACTION_TELL_UNRESOLVED:
                c->env_told = true;
                break;
        case ACTION_REMOVE:
                s->remove_in_flight = true;
                ask(l, a->kind);
                break;
        case ACTION_DELETE:
                s->deleted = true;
                break;
        case ACTION_FILL:
                s->volumes[a->index].in_flight = true;
                ask(l, a->kind)->index = a->index;
                break;
        case ACTION_RESIZE:
                resize_units(l);
                break;
        case ACTION_KINDS:
                break;
        }
}

/* ---- what must be true of a plan --------------------------------------------------------------------------------- */

/* What the API server was told last of the container. */
static const cJSON *told(const struct life *l, size_t i);

/* Does the container's restartPolicy, or one of its rules, let it run once more behind the end that the API server has?
 * By the words of the API, not by container_restarts(). */
static bool may_follow(const struct life *l, size_t i, const cJSON *end)
{
        const struct container *spec = &l->w.pod->containers[i];
        int code = (int)json_int(end, "exitCode", 0);
        bool always = spec->sidecar || spec->restarts.policy == RESTART_POLICY_ALWAYS;

        if (!end || l->about[i].changed || restarts_by_rule(&spec->restarts, code) != RESTART_NOT)
                return true;
        if (spec->init && !spec->sidecar)
                return code != 0 && spec->restarts.policy != RESTART_POLICY_NEVER;
        return always || (spec->restarts.policy == RESTART_POLICY_ON_FAILURE && code != 0);
}

static bool starts(enum action_kind kind)
{
        return kind == ACTION_START || kind == ACTION_RESTART;
}

static void check_start(struct life *l, size_t i)
{
        const struct pod *p = l->w.pod;
        const struct container_state *c = &l->w.state->containers[i];

        HOLDS(l, !unit_has_processes(c->unit.phase), "%s is started while it runs", name_of(l, i));
        HOLDS(l, !c->requested, "%s is started twice", name_of(l, i));
        HOLDS(l, c->phase != CONTAINER_TERMINATED || l->w.now >= c->restart_at,
              "%s is started before its back-off ends", name_of(l, i));
        HOLDS(l, may_follow(l, i, json_get(json_get(told(l, i), "state"), "terminated")),
              "%s is started again, and its end was told", name_of(l, i));
        HOLDS(l, l->units[i].values == c->values, "%s is started with what its environment was", name_of(l, i));
        for (size_t k = 0; k < p->n_volumes; k++)
                HOLDS(l, p->volumes[k].kind != VOLUME_FILES || l->files[k], "%s is started before volume %s is filled",
                      name_of(l, i), p->volumes[k].name);
        for (size_t k = 0; k < i && !p->containers[i].ephemeral; k++)
                HOLDS(l, !p->containers[k].init || l->initialized_once[k], "%s is started before %s is over",
                      name_of(l, i), name_of(l, k));
}

/* A sidecar is asked to end after all that were started behind it, as long as there is grace left. */
static void check_end(struct life *l, const struct action *a)
{
        const struct pod_state *s = l->w.state;

        if (!s->stop_at || l->w.now >= s->kill_at)
                return;
        for (size_t i = 0; i < s->n_containers; i++)
                for (size_t k = i + 1; k < s->n_containers; k++)
                        HOLDS(l,
                              !l->w.pod->containers[i].sidecar || (a->kind != ACTION_STOP && a->index != i) ||
                                      !unit_has_processes(s->containers[i].unit.phase) ||
                                      l->w.pod->containers[k].ephemeral ||
                                      !unit_has_processes(s->containers[k].unit.phase),
                              "sidecar %s is ended before %s", name_of(l, i), name_of(l, k));
}

static void check_plan(struct life *l, const struct plan *plan)
{
        const struct pod *p = l->w.pod;
        const struct pod_state *s = l->w.state;
        bool ends =
                p->deleting || s->gone || p->terminal || s->deadline_exceeded || s->evicted || pod_is_finished(p, s);
        struct plan again;

        plan_pod(p, s, l->w.now, &again);
        HOLDS(l, again.n_actions == plan->n_actions && again.wake_at == plan->wake_at, "the plan is another one now");
        HOLDS(l, !plan->wake_at || plan->wake_at > l->w.now, "the plan waits for what has been");
        for (size_t i = 0; i < plan->n_actions; i++) {
                const struct action *a = &plan->actions[i];

                HOLDS(l,
                      !ends || !(starts(a->kind) || a->kind == ACTION_PULL || a->kind == ACTION_WRITE ||
                                 a->kind == ACTION_ADD || a->kind == ACTION_POST_START),
                      "%s of a pod that ends", action_name(a->kind));
                HOLDS(l, s->admission == ADMITTED || ends, "%s of a pod that was not let in", action_name(a->kind));
                HOLDS(l, a->kind != ACTION_REMOVE || !pod_has_processes(s), "it is removed while it runs");
                HOLDS(l, a->kind != ACTION_DELETE || s->removed || s->admission == REJECTED,
                      "the object goes before what the pod has here");
                if (starts(a->kind))
                        check_start(l, a->index);
                if (a->kind == ACTION_STOP || a->kind == ACTION_TERM || a->kind == ACTION_END)
                        check_end(l, a);
        }
}

/* ---- what must be true of a status ------------------------------------------------------------------------------- */

static bool condition_of(const cJSON *status, const char *type)
{
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "conditions"))
                if (streq(json_str(c, "type"), type))
                        return streq(json_str(c, "status"), "True");
        return false;
}

static const cJSON *container_of(const cJSON *status, const char *name)
{
        static const char *const lists[] = { "initContainerStatuses", "containerStatuses",
                                             "ephemeralContainerStatuses" };
        const cJSON *c;

        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
                cJSON_ArrayForEach (c, json_get(status, lists[k]))
                        if (streq(json_str(c, "name"), name))
                                return c;
        return NULL;
}

static const cJSON *told(const struct life *l, size_t i)
{
        return container_of(l->reported, name_of(l, i));
}

/* Every end that is told is the end of a run that there was, as it was. Returns the number of that run. */
static size_t check_termination(struct life *l, const char *name, const cJSON *state)
{
        const cJSON *t = json_get(state, "terminated");
        const char *id = json_str(t, "containerID");
        size_t n = id && starts_with(id, "systemd://") ? run_number(id + strlen("systemd://")) : 0;

        if (!t || !n)
                return 0;
        HOLDS(l, n <= l->w.runs && l->runs[n].over, "%s: run %zu is told to be over, and is not", name, n);
        HOLDS(l,
              streq(json_str(t, "reason"), "ContainerStatusUnknown") || l->runs[n].unknown ||
                      l->runs[n].exit_code == (int)json_int(t, "exitCode", -1),
              "%s: run %zu ended with %d, not %d", name, n, l->runs[n].exit_code, (int)json_int(t, "exitCode", -1));
        return n;
}

static bool is_over(const char *phase)
{
        return streq(phase, "Succeeded") || streq(phase, "Failed");
}

/* A pod that has failed has a reason, and one that has succeeded has none to fail. */
static void check_end_of_pod(struct life *l, const cJSON *status, const char *phase)
{
        static const char *const lists[] = { "initContainerStatuses", "containerStatuses" };
        const char *reason = json_str(status, "reason");
        bool failed = false, succeeded = true;
        const cJSON *c;

        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
                cJSON_ArrayForEach (c, json_get(status, lists[k])) {
                        const cJSON *end = json_get(json_get(c, "state"), "terminated");

                        failed |= end && json_int(end, "exitCode", 0) != 0;
                        succeeded &= k == 0 || (end && json_int(end, "exitCode", -1) == 0);
                }
        HOLDS(l, !streq(phase, "Succeeded") || succeeded, "Succeeded, and a container has not");
        HOLDS(l, !streq(phase, "Failed") || failed || reason, "Failed, and nobody knows why");
        HOLDS(l, !l->w.state->evicted || l->w.state->shut_down || streq(reason, "Evicted"),
              "it is evicted, and says %s", reason ? reason : "nothing");
}

/* What a running container is told to have, its unit has, unless it is said to be resized. */
static void check_resources(struct life *l, size_t i)
{
        struct unit_limits want = limits_now(l, i), *has = &l->units[i].limits;
        const struct resize *r = l->w.state->resize;

        if ((r && r->under_way) || !unit_has_processes(l->units[i].state.phase) || l->w.pod->containers[i].ephemeral)
                return;
        HOLDS(l,
              want.cpu_weight == has->cpu_weight && want.cpu_milli == has->cpu_milli &&
                      want.memory_max == has->memory_max,
              "%s has other resources than it is told to have", name_of(l, i));
}

static void check_container(struct life *l, size_t i, const cJSON *c)
{
        const struct container *spec = &l->w.pod->containers[i];
        const struct about *about = &l->about[i];
        const char *id = json_str(c, "containerID");
        int64_t restarts = json_int(c, "restartCount", -1);

        HOLDS(l,
              !spec->probes[PROBE_READINESS] || !json_bool(c, "ready", false) || (spec->init && !spec->sidecar) ||
                      about->ready_run == (id ? run_number(id + strlen("systemd://")) : 0),
              "%s is ready, and its probe has not said so of this run", name_of(l, i));
        HOLDS(l, restarts < (int64_t)about->begun + about->recounted || restarts == 0,
              "%s has run %u times, and was restarted %d times", name_of(l, i), about->begun, (int)restarts);
        check_resources(l, i);
}

static void check_status(struct life *l, const cJSON *status)
{
        const struct pod *p = l->w.pod;
        const char *phase = json_str(status, "phase");
        bool ready = condition_of(status, "Ready"), all_ready = condition_of(status, "ContainersReady");

        HOLDS(l, !ready || !p->readiness_gates || p->gates_open, "Ready, and a gate is closed");
        if (is_over(phase) && !p->terminal)
                check_end_of_pod(l, status, phase);
        if (l->w.state->admission == REJECTED) {
                HOLDS(l, streq(phase, "Failed") && json_len(json_get(status, "containerStatuses")) == 0,
                      "a rejected pod is %s, with containers", phase);
                return;
        }
        HOLDS(l, l->w.state->admission == ADMITTED || !json_str(status, "startTime"),
              "it has begun, and was not let in");
        HOLDS(l, !ready || (all_ready && streq(phase, "Running")), "Ready in phase %s, containers %sready", phase,
              all_ready ? "" : "not ");
        HOLDS(l, !all_ready || condition_of(status, "Initialized"), "ContainersReady and not Initialized");
        for (size_t i = 0; i < p->n_containers; i++) {
                const cJSON *c = container_of(status, name_of(l, i));
                bool counts = !p->containers[i].ephemeral && (!p->containers[i].init || p->containers[i].sidecar);
                size_t last, now;

                HOLDS(l, c != NULL, "%s has no status", name_of(l, i));
                HOLDS(l, cJSON_GetArraySize(json_get(c, "state")) == 1, "%s is in no state, or in several",
                      name_of(l, i));
                HOLDS(l,
                      !all_ready || !counts || (json_get(json_get(c, "state"), "running") && json_bool(c, "ready", 0)),
                      "ContainersReady, and %s is not", name_of(l, i));
                HOLDS(l, !is_over(phase) || !unit_has_processes(l->w.state->containers[i].unit.phase) || p->terminal,
                      "%s while %s runs", phase, name_of(l, i));
                last = check_termination(l, name_of(l, i), json_get(c, "lastState"));
                now = check_termination(l, name_of(l, i), json_get(c, "state"));
                HOLDS(l, !last || !now || last < now, "%s: its last run is not before this one", name_of(l, i));
                check_container(l, i, c);
        }
}

static int rank(const char *phase)
{
        return !phase || streq(phase, "Pending") ? 0 : streq(phase, "Running") ? 1 : 2;
}

/* Until then a sidecar that ends takes Initialized back (pkg/kubelet/status, GeneratePodInitializedCondition). */
static bool has_begun(const cJSON *status)
{
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "containerStatuses"))
                if (!json_get(json_get(c, "state"), "waiting") || json_get(c, "lastState")->child)
                        return true;
        return false;
}

static size_t latest_end(struct life *l, size_t i, const cJSON *container)
{
        size_t now = check_termination(l, name_of(l, i), json_get(container, "state"));
        size_t last = check_termination(l, name_of(l, i), json_get(container, "lastState"));

        return now > last ? now : last;
}

/* What the API server gets, beside what it had. */
static void check_report(struct life *l, const cJSON *status)
{
        const struct pod *p = l->w.pod;
        const char *was = json_str(l->reported, "phase"), *is = json_str(status, "phase");

        if (!l->reported)
                return;
        HOLDS(l, rank(is) >= rank(was) && (rank(was) < 2 || streq(is, was)), "from phase %s to %s", was, is);
        HOLDS(l,
              l->anew || !condition_of(l->reported, "Initialized") || condition_of(status, "Initialized") ||
                      !has_begun(l->reported),
              "Initialized is not true any more");
        for (size_t i = 0; i < p->n_containers; i++) {
                const cJSON *before = container_of(l->reported, name_of(l, i));
                const cJSON *now = container_of(status, name_of(l, i));

                if (!before || l->w.state->admission == REJECTED)
                        continue;
                HOLDS(l, json_int(now, "restartCount", -1) >= json_int(before, "restartCount", 0),
                      "the restarts of %s are fewer", name_of(l, i));
                HOLDS(l, latest_end(l, i, now) >= latest_end(l, i, before), "%s: its latest end is forgotten",
                      name_of(l, i));
        }
        HOLDS(l,
              json_int(json_get(status, "conditions")->child, "observedGeneration", 0) >=
                      json_int(json_get(l->reported, "conditions")->child, "observedGeneration", 0),
              "observedGeneration has fallen");
}

/* ---- a turn, as in agent/pods/turn.c ----------------------------------------------------------------------------- */

static void report(struct life *l)
{
        struct pod *p = l->w.pod;
        cJSON *status;

        l->w.state->status_current = l->w.state->gone || (p->terminal && !p->deleting);
        if (l->w.state->status_current)
                return;
        status = status_of(&l->w);
        check_status(l, status);
        if (!l->quiet && once_in(l, 2)) { /* it is still on its way */
                cJSON_Delete(status);
                return;
        }
        check_report(l, status);
        cJSON_Delete(l->reported);
        l->reported = status;
        l->anew = false;
        l->w.state->status_current = true;
        if (is_over(json_str(status, "phase"))) {
                p->terminal = true;
                p->failed = streq(json_str(status, "phase"), "Failed");
        }
}

static size_t turn(struct life *l)
{
        struct pod *p = l->w.pod;
        struct pod_state *s = l->w.state;
        struct plan plan;

        if (!p->deleting && !s->gone && !p->terminal && s->admission == ADMITTED && p->active_deadline_s >= 0 &&
            !pod_is_finished(p, s) && l->w.now >= s->start_time + (uint64_t)p->active_deadline_s * USEC_PER_SEC)
                s->deadline_exceeded = true;
        for (size_t i = 0; i < p->n_containers; i++)
                l->initialized_once[i] |=
                        p->containers[i].sidecar
                                ? container_has_started(&s->containers[i], &p->containers[i])
                                : s->containers[i].phase == CONTAINER_TERMINATED && s->containers[i].now.exit_code == 0;
        if (resize_settle(p, s, l->w.now))
                TRACE(l, "resized\n");
        plan_pod(p, s, l->w.now, &plan);
        check_plan(l, &plan);
        for (size_t i = 0; i < plan.n_actions; i++)
                carry_out(l, &plan.actions[i]);
        report(l);
        l->wake_at = plan.wake_at;
        return plan.n_actions;
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

static void see(struct life *l, size_t i)
{
        const struct pod *p = l->w.pod;

        l->units[i].news = false;
        l->about[i].counted = l->units[i].state.restarts;
        l->units[i].state.limits = l->units[i].limits;
        TRACE(l, "seen: %s %s\n", name_of(l, i), phase_names[l->units[i].state.phase]);
        container_observe(&l->w.state->containers[i], &l->units[i].state, l->w.state, l->w.now);
        if (!l->agent_restarted || p->containers[i].init || p->containers[i].ephemeral ||
            l->w.state->containers[i].phase != CONTAINER_RUNNING)
                return;
        for (size_t k = 0; k < i; k++) /* an agent that comes back learns by that what was over once */
                l->initialized_once[k] |= p->containers[k].sidecar;
}

static void probe(struct life *l, size_t i, enum probe_type type, bool good)
{
        const struct container *spec = &l->w.pod->containers[i];
        struct container_state *c = &l->w.state->containers[i];

        if (!spec->probes[type] || c->phase != CONTAINER_RUNNING || c->unhealthy ||
            (type == PROBE_STARTUP ? c->startup_passed : spec->probes[PROBE_STARTUP] && !c->startup_passed))
                return;
        TRACE(l, "probe: %s %d %s\n", name_of(l, i), (int)type, good ? "good" : "bad");
        if (type == PROBE_READINESS)
                l->about[i].ready_run = good ? run_number(c->invocation) : 0;
        container_probed(c, type, good);
}

static void end_hook(struct life *l, size_t i, bool good)
{
        for (size_t k = 0; k < HOOK_KINDS; k++)
                if (l->w.state->containers[i].hooks[k] == HOOK_RUNS) {
                        l->w.state->containers[i].hooks[k] = good ? HOOK_OVER : HOOK_FAILED;
                        TRACE(l, "hook: %s %s\n", name_of(l, i), good ? "good" : "bad");
                }
}

static void delete_pod(struct life *l)
{
        struct pod *p = l->w.pod;
        int64_t grace = once_in(l, 4) ? 1 : below(l, 90);

        p->generation++;
        p->deletion_grace_s = p->deleting && grace > p->deletion_grace_s ? p->deletion_grace_s : grace;
        p->deleting = true;
        if (l->w.state->stop_at)
                l->w.state->kill_at = l->w.state->stop_at + (uint64_t)pod_grace_s(p, l->w.state) * USEC_PER_SEC;
        TRACE(l, "deleted, grace %d\n", (int)p->deletion_grace_s);
}

static void evict_pod(struct life *l)
{
        if (l->w.pod->deleting || l->w.pod->terminal || l->w.state->evicted || l->w.state->admission != ADMITTED)
                return;
        pod_state_evict(l->w.state, "too much", below(l, 3), l->w.now);
        TRACE(l, "evicted\n");
}

static void shut_down(struct life *l)
{
        if (l->w.pod->deleting || l->w.pod->terminal || l->w.state->evicted || l->w.state->admission != ADMITTED)
                return;
        pod_state_shut_down(l->w.state, below(l, 3), l->w.now);
        TRACE(l, "the machine shuts down\n");
}

/* The node takes the pod, or has it wait, or never takes it. */
static void judge(struct life *l, enum admission verdict)
{
        struct pod_state *s = l->w.state;
        struct err why = ERR_NONE;

        if ((s->admission != UNDECIDED && s->admission != HELD) || l->w.pod->deleting || l->w.pod->terminal)
                return;
        err_set(&why, -EPERM, "OutOfcpu", "there is no room");
        pod_state_judge(s, verdict, verdict == ADMITTED ? NULL : &why, l->w.now);
        TRACE(l, "%s\n", verdict == ADMITTED ? "let in" : verdict == HELD ? "held" : "rejected");
}

static void change_values(struct life *l, size_t i)
{
        if (!l->about[i].values) /* nothing in them may change */
                return;
        l->about[i].values = l->w.state->containers[i].values = 1 + below(l, 5);
        TRACE(l, "%s: values %d\n", name_of(l, i), (int)l->about[i].values);
}

static void change_content(struct life *l)
{
        for (size_t i = 0; i < l->w.state->n_volumes; i++)
                if (l->w.pod->volumes[i].kind == VOLUME_FILES && once_in(l, 2))
                        l->w.state->volumes[i].wanted = true;
        TRACE(l, "content\n");
}

static void change_image(struct life *l, size_t i)
{
        struct container_state *c = &l->w.state->containers[i];

        if (l->w.pod->containers[i].ephemeral || l->w.pod->deleting || l->w.pod->terminal)
                return;
        l->w.pod->containers[i].mark = 2 + below(l, 1000);
        l->w.pod->generation++;
        l->about[i].changed = true;
        if (!c->mark && !c->mark_sent)
                container_forget_image(c);
        TRACE(l, "%s: another image\n", name_of(l, i));
}

static void add_guest(struct life *l)
{
        cJSON *spec = cJSON_GetObjectItemCaseSensitive(l->object, "spec");
        struct pod *old = l->w.pod, *p;
        CLEANUP(json_freep) cJSON *copy = NULL;

        if (json_get(spec, "ephemeralContainers") || old->deleting || old->terminal)
                return;
        cJSON_AddItemToObject(spec, "ephemeralContainers",
                              cJSON_Parse("[{\"name\":\"guest\",\"image\":\"pkg-guest\"}]"));
        copy = cJSON_Duplicate(l->object, true);
        resize_hold(copy, old);
        p = parse_again(l, copy);
        p->generation++;
        pod_state_grow(l->w.state, p);
        take_pod(l, p);
        TRACE(l, "guest\n");
}

/* ---- other resources --------------------------------------------------------------------------------------------- */

static void draw_amounts(struct life *l, cJSON *list)
{
        cJSON *item;

        cJSON_ArrayForEach (item, list) {
                cJSON *resources = cJSON_GetObjectItemCaseSensitive(item, "resources");
                CLEANUP(freep) char *text = NULL;

                if (!resources || once_in(l, 2))
                        continue;
                text = xasprintf(
                        "{\"requests\":{\"cpu\":\"%u\",\"memory\":\"%uMi\"},\"limits\":{\"cpu\":\"%u\",\"memory\":"
                        "\"%uMi\"}}",
                        1 + below(l, 3), 1 + below(l, 3), 5 + below(l, 3), 5 + below(l, 3));
                cJSON_ReplaceItemInObjectCaseSensitive(item, "resources", cJSON_Parse(text));
        }
}

static void grant(struct life *l, struct pod *asked)
{
        TRACE(l, "resize is granted\n");
        resize_begin(l->w.state, l->w.pod, asked, l->w.now);
        take_pod(l, asked);
}

/* What the object asks for is judged. */
static void judge_resize(struct life *l, bool room)
{
        struct pod *asked;

        if (l->w.pod->deleting || l->w.pod->terminal || l->w.state->evicted || l->w.state->admission != ADMITTED)
                return;
        asked = parse_again(l, l->object);
        if (!resize_is_asked(l->w.pod, asked)) {
                resize_withdraw(l->w.state);
                pod_free(asked);
                return;
        }
        resize_wish(l->w.state, l->w.pod, asked, 0);
        if (room) {
                grant(l, asked);
                return;
        }
        TRACE(l, "resize has to wait\n");
        (void)resize_defer(l->w.state, "there is no room", l->w.now);
        pod_free(asked);
}

static void ask_for_other_resources(struct life *l)
{
        cJSON *spec = cJSON_GetObjectItemCaseSensitive(l->object, "spec");

        if (l->w.pod->deleting || l->w.pod->terminal || l->w.state->admission != ADMITTED)
                return;
        l->w.pod->generation++;
        draw_amounts(l, cJSON_GetObjectItemCaseSensitive(spec, "initContainers"));
        draw_amounts(l, cJSON_GetObjectItemCaseSensitive(spec, "containers"));
        judge_resize(l, !once_in(l, 3));
}

/* As agent/pods/resizing.c does it: what the status tells is what was granted. */
static struct pod *recall(struct life *l)
{
        CLEANUP(json_freep) cJSON *copy = cJSON_Duplicate(l->object, true);

        if (l->reported)
                cJSON_AddItemToObject(copy, "status", cJSON_Duplicate(l->reported, true));
        if (!l->w.pod->deleting && !l->w.pod->terminal && json_str(l->reported, "startTime"))
                (void)resize_recall(copy);
        return parse_again(l, copy);
}

/*
 * What an agent that comes back cannot know: how many of PID 1's own restarts the one before has counted, if the run
 * that it told last is over.
 */
static void recount(struct life *l, size_t i)
{
        const struct unit_state *u = &l->units[i].state;
        const char *id = json_str(told(l, i), "containerID");

        if (!id || !streq(id + strlen("systemd://"), u->invocation))
                l->about[i].recounted += u->restarts < l->about[i].counted ? u->restarts : l->about[i].counted;
        l->about[i].ready_run = id && json_bool(told(l, i), "ready", false) ? run_number(id + strlen("systemd://")) : 0;
}

/* PID 1 alone: it brings back what ends. */
static void nobody_looks(struct life *l)
{
        for (unsigned n = below(l, 6); n > 0; n--)
                for (size_t i = 0; i < l->w.pod->n_containers; i++) {
                        struct unit *u = &l->units[i];

                        if (u->state.phase == UNIT_HOLDOFF)
                                run_begins(l, i, u->state.restarts + 1);
                        else if (unit_has_processes(u->state.phase) && once_in(l, 2))
                                ends_somehow(l, i);
                        else
                                (void)unit_moves(l, i);
                }
}

/* The agent begins again with what the API server, the units and their files tell. */
static void restart_agent(struct life *l)
{
        struct pod *p;

        TRACE(l, "agent restarted\n");
        l->agent_restarted = true;
        while (l->n_requests) { /* what was on its way is carried out or not, and nobody waits for the answer */
                struct request rq = l->requests[--l->n_requests];

                if (once_in(l, 2))
                        (void)take_effect(l, &rq);
        }
        nobody_looks(l);
        pod_state_free(l->w.state);
        take_pod(l, recall(l));
        p = l->w.pod;
        l->w.state = pod_state_new(p, l->w.now);
        pod_state_adopt(l->w.state, p, l->reported);
        if (!p->terminal)
                resize_adopt(l->w.state, p, l->reported, l->w.now);
        memset(l->initialized_once, 0, sizeof(l->initialized_once));
        for (size_t i = 0; i < p->n_containers; i++) {
                struct container_state *c = &l->w.state->containers[i];
                const struct unit *u = &l->units[i];

                c->mark = !u->exists ? 0 : u->mark == p->containers[i].mark ? u->mark : 1;
                c->image_present = c->mark == p->containers[i].mark;
                c->values = l->about[i].values;
                l->w.state->written |= u->exists;
                recount(l, i);
        }
        for (size_t i = 0; i < p->n_volumes; i++)
                l->w.state->volumes[i].wanted = p->volumes[i].kind == VOLUME_FILES;
        if (!p->terminal && !p->deleting && !l->w.state->written && !json_str(l->reported, "startTime"))
                l->w.state->admission = UNDECIDED;
        for (size_t i = 0; i < p->n_containers; i++)
                see(l, i);
        judge_resize(l, once_in(l, 2));
}

/* A Secret that the container's environment needs goes, or comes back. */
static void turn_environment(struct life *l, size_t i)
{
        struct kept_err *failure = &l->w.state->containers[i].env_failure;

        if (failure->code)
                err_forget(failure);
        else if (once_in(l, 3))
                err_keep_set(failure, -ENOENT, "CreateContainerConfigError", "no such Secret");
        else
                return;
        TRACE(l, "%s: environment\n", name_of(l, i));
}

static void happens(struct life *l)
{
        size_t i = below(l, (unsigned)l->w.pod->n_containers);
        struct unit *u = &l->units[i];

        switch (below(l, 28)) {
        case 0:
                l->w.now += below(l, 30) * USEC_PER_SEC;
                break;
        case 1:
                l->w.now = l->wake_at > l->w.now ? l->wake_at : l->w.now + 1;
                break;
        case 2:
        case 3:
                if (unit_has_processes(u->state.phase))
                        ends_somehow(l, i);
                break;
        case 4:
                probe(l, i, (enum probe_type)below(l, PROBE_TYPES), !once_in(l, 4));
                break;
        case 5:
                end_hook(l, i, !once_in(l, 4));
                break;
        case 6:
                if (u->state.phase == UNIT_HOLDOFF && once_in(l, 2))
                        run_begins(l, i, u->state.restarts + 1);
                break;
        case 7:
                if (once_in(l, 10))
                        delete_pod(l);
                else if (once_in(l, 20))
                        evict_pod(l);
                else if (once_in(l, 20))
                        shut_down(l);
                break;
        case 8:
                if (once_in(l, 4))
                        change_image(l, i);
                break;
        case 9:
                if (once_in(l, 8))
                        add_guest(l);
                break;
        case 10:
                if (once_in(l, 6))
                        restart_agent(l);
                break;
        case 11:
                if (once_in(l, 10)) {
                        for (size_t k = 0; k < l->w.pod->n_containers; k++)
                                unit_is_lost(l, k);
                        memset(l->files, 0, sizeof(l->files));
                        l->n_requests = 0;
                        restart_agent(l);
                }
                break;
        case 12:
                turn_environment(l, i);
                break;
        case 13:
        case 14:
        case 15:
                (void)unit_moves(l, i);
                break;
        case 16:
        case 17:
        case 18:
        case 19:
                if (l->n_requests)
                        answer(l);
                break;
        case 20:
                judge(l, once_in(l, 12) ? REJECTED : once_in(l, 3) ? HELD : ADMITTED);
                break;
        case 21:
                if (once_in(l, 2))
                        l->w.pod->gates_open = l->w.pod->readiness_gates && !l->w.pod->gates_open;
                else
                        change_content(l);
                break;
        case 22:
                if (once_in(l, 3))
                        change_values(l, i);
                break;
        case 23:
                if (once_in(l, 3))
                        ask_for_other_resources(l);
                else
                        judge_resize(l, once_in(l, 2));
                break;
        default:
                if (u->news)
                        see(l, i);
                break;
        }
}

/* ---- a quiet time, and where it has to lead ---------------------------------------------------------------------- */

/* True when something has happened. */
static bool quiet_step(struct life *l)
{
        struct pod *p = l->w.pod;
        bool any = l->n_requests > 0;

        while (l->n_requests)
                answer(l);
        judge(l, ADMITTED);
        judge_resize(l, true);
        p = l->w.pod;
        p->gates_open = true;
        for (size_t i = 0; i < p->n_volumes; i++)
                l->w.state->volumes[i].wanted = p->volumes[i].kind == VOLUME_FILES && !l->w.state->volumes[i].filled;
        for (size_t i = 0; i < p->n_containers; i++) {
                struct container_state *c = &l->w.state->containers[i];
                bool lasts = p->containers[i].sidecar || p->containers[i].restarts.policy == RESTART_POLICY_ALWAYS;

                any |= unit_moves(l, i);
                if (l->units[i].state.phase == UNIT_ACTIVE && !l->units[i].news &&
                    container_has_started(c, &p->containers[i]) &&
                    (p->containers[i].init ? !p->containers[i].sidecar : !lasts))
                        run_ends(l, i, CLD_EXITED, 0, "success");
                any |= l->units[i].news;
                if (l->units[i].news)
                        see(l, i);
                err_forget(&c->env_failure);
                end_hook(l, i, true);
                for (size_t k = 0; k < PROBE_TYPES; k++)
                        probe(l, i, (enum probe_type)k, true);
        }
        return any;
}

/* No restart is lost, but where runs came and went before the agent could look. */
static bool counted(const struct life *l, size_t i)
{
        return l->w.state->containers[i].restarts + 1 + l->about[i].unseen >= l->about[i].begun;
}

static void check_rest(struct life *l)
{
        const struct pod *p = l->w.pod;
        const struct pod_state *s = l->w.state;
        CLEANUP(freep) char *phase = xstrdup(status_phase(p, s));

        if (p->deleting) {
                HOLDS(l, s->deleted, "a deleted pod is not gone");
                return;
        }
        if (p->terminal || is_over(phase)) {
                HOLDS(l, s->removed || s->admission == REJECTED, "a pod that is over has left something");
                return;
        }
        HOLDS(l, !s->resize || (!s->resize->under_way && s->resize->wish == WISH_NONE), "it is still resized");
        for (size_t i = 0; i < p->n_containers; i++)
                if (!p->containers[i].ephemeral)
                        HOLDS(l, l->agent_restarted || counted(l, i), "%s has run %u times, and was restarted %u times",
                              name_of(l, i), l->about[i].begun, s->containers[i].restarts);
        for (size_t i = 0; i < p->n_containers; i++)
                if (!p->containers[i].init && !p->containers[i].ephemeral)
                        HOLDS(l,
                              s->containers[i].phase == CONTAINER_RUNNING ||
                                      (s->containers[i].phase == CONTAINER_TERMINATED &&
                                       !container_restarts(&s->containers[i], &p->containers[i])),
                              "%s does not run, though nothing hinders it", name_of(l, i));
        HOLDS(l, streq(phase, "Running"), "a pod at rest is %s", phase);
}

static void come_to_rest(struct life *l)
{
        unsigned idle = 0; /* turns without anything: the first may have sent a status, which lets the next go on */

        l->quiet = true;
        TRACE(l, "quiet\n");
        for (unsigned n = 0; n < QUIET_STEPS; n++) {
                bool any = quiet_step(l);

                any |= turn(l) > 0;
                idle = any ? 0 : idle + 1;
                if (idle < 2)
                        continue;
                if (!l->wake_at)
                        break;
                l->w.now = l->wake_at;
                idle = 0;
        }
        check_rest(l);
}

/* Returns the number of its steps. */
static unsigned live(uint64_t seed)
{
        CLEANUP(freep) struct life *l = NEW(struct life);
        unsigned steps;

        l->seed = l->random = seed;
        l->trace = (struct buf)BUF(1 << 20);
        random_pod(l);
        steps = 40 + below(l, 400);
        for (unsigned n = 0; n < steps && !l->w.state->deleted; n++) {
                happens(l);
                (void)turn(l);
        }
        come_to_rest(l);
        cJSON_Delete(l->reported);
        world_done(&l->w);
        buf_done(&l->trace);
        cJSON_Delete(l->object);
        free(l->json);
        return steps;
}

static uint64_t wanted(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

Test(property, kubernetes_promises_hold_whatever_happens, .timeout = 600)
{
        uint64_t steps = wanted("PROPERTY_STEPS", DEFAULT_STEPS), seed = wanted("PROPERTY_SEED", 1), lives = 0;

        for (uint64_t made = 0; made < steps; lives++)
                made += live(seed + lives);
        fprintf(stderr, "%" PRIu64 " lives from seed %" PRIu64 "\n", lives, seed);
}
