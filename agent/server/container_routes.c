/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/container_routes.h"

#include <errno.h>

#include "agent/lib/times.h"
#include "agent/pod/status.h"
#include "agent/server/container_log.h"
#include "agent/sessions/attach.h"
#include "agent/sessions/exec.h"
#include "agent/sessions/port_forward.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        RUN_OUTPUT_MAX = 16 * 1024 * 1024, /* as much as a container runtime takes */
        RUN_USEC = 600 * 1000 * 1000,
        JUST_ENDED_USEC = 1000 * 1000,
};

/* In the kubelet's words. */
static void tell_why_it_waits(struct kubelet_api *api, struct response *res, const struct pods_container *c)
{
        CLEANUP(freep) char *reason = NULL;
        const struct pod_state *state = NULL;
        const struct pod *pod = NULL;

        if (pods_look(api->pods, c->pod->id.uid, &pod, &state))
                reason = status_waiting_reason(pod, state, (size_t)(c->container - pod->containers), time_now());
        response_error(res, 400, "container \"%s\" in pod \"%s\" is waiting to start: %s", c->container->name,
                       c->pod->id.name,
                       streq(reason, "ErrImagePull")       ? "image can't be pulled"
                       : streq(reason, "ImagePullBackOff") ? "trying and failing to pull image"
                                                           : reason);
}

void container_logs(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment)
{
        const char *namespace = segment[1], *pod = segment[2], *container = segment[3];
        struct log_options options;
        struct pods_container c;
        struct err e = ERR_NONE;
        struct log_source source;
        const char *run;
        int error;

        error = log_options_parse(r, time_now(), &options, &e);
        if (error < 0) {
                response_error(res, error == -ERANGE ? 422 : 400, "%s", e.text);
                return;
        }
        if (!pods_find(api->pods, namespace, pod)) {
                response_error(res, 404, "pod \"%s\" does not exist", pod);
                return;
        }
        if (!pods_find_container(api->pods, namespace, pod, container, &c)) {
                response_error(res, 404, "container \"%s\" not found in pod \"%s\"", container, pod);
                return;
        }
        run = options.previous ? container_last_run(c.state, c.container, c.pod)->invocation : c.state->invocation;
        if (options.previous && !*run) {
                response_error(res, 400, "previous terminated container \"%s\" in pod \"%s\" not found", container,
                               pod);
                return;
        }
        if (!*run) {
                tell_why_it_waits(api, res, &c);
                return;
        }
        source = (struct log_source){
                .pod_uid = c.pod->id.uid,
                .container = c.container->name,
                .unit = c.container->unit,
                .invocation_id = run,
        };
        /* The last words of one that has just ended may still be on their way to the journal: they are waited for as by
         * one who follows. */
        options.follow |= !options.previous && !pods_is_running(api->pods, c.pod->id.uid, container) &&
                          time_now() < c.state->unit.ended + JUST_ENDED_USEC;
        container_log_start(api->event, res, &source, &options, pods_is_in_run, api->pods);
}

/* The container that the path names: NAMESPACE/POD[/UID]/CONTAINER. False: it has been answered. */
static bool find_running(struct kubelet_api *api, struct response *res, const char *const *segment, size_t n,
                         struct pods_container *ret)
{
        const char *namespace = segment[0], *pod = segment[1], *container = segment[n - 1];

        if (!pods_find(api->pods, namespace, pod))
                response_error(res, 404, "pod does not exist");
        else if (!pods_find_container(api->pods, namespace, pod, container, ret) ||
                 (n == 4 && !streq(ret->pod->id.uid, segment[2])) ||
                 !pods_is_running(api->pods, ret->pod->id.uid, container))
                response_error(res, 500, "container not found (\"%s\")", container);
        else
                return true;
        return false;
}

/* ---- run: a command's whole output ------------------------------------------------------------------------------- */

struct run {
        struct response *res;
        struct command_run *run;
};

static void on_output(void *userdata, int exit_code, const char *text, size_t size)
{
        CLEANUP(freep) struct run *r = userdata;

        if (exit_code < 0)
                response_error(r->res, 500, "%.*s", (int)size, text);
        else if (exit_code > 0)
                response_error(r->res, 500, "command terminated with exit code %d: %.*s", exit_code,
                               size > 1024 ? 1024 : (int)size, text);
        else
                response_send(r->res, 200, "text/plain", text, size);
}

static void on_run_closed(void *userdata)
{
        CLEANUP(freep) struct run *r = userdata;

        command_run_cancel(r->run);
}

/* /run/NAMESPACE/POD[/UID]/CONTAINER?cmd=WORDS: the words are separated by blanks, as the kubelet takes them. */
void container_run(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment,
                   size_t n)
{
        const char *cmd = request_query(r, "cmd");
        CLEANUP(freep) char *copy = xstrdup(cmd ? cmd : "");
        CLEANUP(strv_freep) char **argv = NULL;
        struct pods_container where;
        size_t words = 0;
        struct run *run;

        for (char *rest = copy, *word; (word = strsep(&rest, " "));)
                if (*word)
                        strv_push(&argv, &words, xstrdup(word));
        if (!words) {
                response_error(res, 400, "cmd: there is no command");
                return;
        }
        if (!find_running(api, res, segment + 1, n - 1, &where))
                return;
        run = NEW(struct run);
        run->res = res;
        response_later(res, on_run_closed, run);
        run->run = command_run(api->commands, &where, argv, r->user, RUN_OUTPUT_MAX, RUN_USEC, on_output, run);
}

/* ---- exec -------------------------------------------------------------------------------------------------------- */

static bool asks(const struct request *r, const char *name)
{
        const char *value = request_query(r, name);

        return streq(value, "1") || streq(value, "true");
}

/* The streams that a client asks for, in the kubelet's words (pkg/kubelet/cri/streaming/remotecommand). False: none. */
static bool wish_of(const struct request *r, struct streams_wish *ret)
{
        *ret = (struct streams_wish){
                .in = asks(r, "input"), .out = asks(r, "output"), .err = asks(r, "error"), .tty = asks(r, "tty")
        };
        ret->err &= !ret->tty; /* a terminal has one output */
        return ret->in || ret->out || ret->err;
}

/* /exec/NAMESPACE/POD[/UID]/CONTAINER?command=WORD&command=WORD... */
void container_exec(struct kubelet_api *api, const struct request *r, struct response *res, const char *const *segment,
                    size_t n)
{
        CLEANUP(strv_freep) char **argv = NULL;
        struct pods_container where;
        struct exec_session *session;
        struct streams_wish wish;
        struct streams *streams;
        size_t words = 0;

        for (size_t i = 0; i < r->n_query; i++)
                if (streq(r->query[i].name, "command"))
                        strv_push(&argv, &words, xstrdup(r->query[i].value));
        if (!find_running(api, res, segment + 1, n - 1, &where))
                return;
        if (!words) { /* an empty one is no program: said as of any other, which a client shows */
                response_error(res, 400, "command: there is none");
                return;
        }
        if (!wish_of(r, &wish)) {
                response_error(res, 400, "you must specify at least 1 of stdin, stdout, stderr");
                return;
        }
        session = exec_session_new(api->event, api->commands, api->pods, &where, TAKE(argv), r->user, &wish);
        streams = response_upgrade(res, r, &wish, &exec_session_handler, session);
        if (streams)
                exec_session_give(session, streams);
        else
                exec_session_free(session);
}

/* /attach/NAMESPACE/POD[/UID]/CONTAINER */
void container_attach(struct kubelet_api *api, const struct request *r, struct response *res,
                      const char *const *segment, size_t n)
{
        struct pods_container where;
        struct attach_session *session;
        struct streams_wish wish;
        struct streams *streams;

        if (!find_running(api, res, segment + 1, n - 1, &where))
                return;
        if (!wish_of(r, &wish)) {
                response_error(res, 400, "you must specify at least 1 of stdin, stdout, stderr");
                return;
        }
        session = attach_session_new(api->event, api->consoles, api->pods, &where, &wish);
        streams = response_upgrade(res, r, &wish, &attach_session_handler, session);
        if (streams)
                attach_session_give(session, streams);
        else
                attach_session_free(session);
}

/* /portForward/NAMESPACE/POD[/UID] */
void container_port_forward(struct kubelet_api *api, const struct request *r, struct response *res,
                            const char *const *segment, size_t n)
{
        const char *namespace = segment[1], *name = segment[2], *uid = n > 3 ? segment[3] : NULL;
        const struct pod *pod = pods_find(api->pods, namespace, name);
        const struct streams_wish wish = { .port_forward = true };
        CLEANUP(port_forward_freep) struct port_forward *session = NULL;
        struct streams *streams;
        struct err e = ERR_NONE;

        if (!pod || (uid && !streq(uid, pod->id.uid))) {
                response_error(res, 404, pod ? "pod not found" : "pod does not exist");
                return;
        }
        if (config_may_forward(api->config, namespace, &e) < 0) {
                log_info("port-forward: user \"%s\", pod %s/%s (%s): %s", r->user, namespace, name, pod->id.uid,
                         e.text);
                response_error(res, 403, "%s", e.text);
                return;
        }
        session = port_forward_new(&(struct port_forward_config){
                .event = api->event,
                .pod = pod->id,
                .qos = pod->qos,
                .user = r->user,
                .rule = api->config->port_forward,
                .find = listeners_find,
        });
        if (!session) {
                response_error(res, 429, "%d clients forward ports already", PORT_FORWARDS_MAX);
                return;
        }
        streams = response_upgrade(res, r, &wish, &port_forward_handler, session);
        if (streams)
                port_forward_give(TAKE(session), streams);
}
