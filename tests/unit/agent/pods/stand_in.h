/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands have around them, for a test: a helper at a socket, which writes down what it is asked for and answers
 * as it is told; and a pod "web" with a container "main", which runs or does not. The way between is the real one.
 */
#ifndef VKS_TESTS_UNIT_AGENT_PODS_STAND_IN_H
#define VKS_TESTS_UNIT_AGENT_PODS_STAND_IN_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/pods/command.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/mem.h"
#include "proto/wire.h"

#define POD_UID "01234567-89ab-cdef-0123-456789abcdef"

static struct {
        char dir[32], path[64];
        sd_event *event;
        int listener, peer;
        struct helper_client *client;
        struct commands *commands;
        char asked[2048];           /* "exec WORD WORD for USER; stop; " */
        char unit[ID_UNIT_MAX + 1]; /* of the last EXEC */
        int streams[3];             /* the command's */
        int answer;                 /* Reply.error */
        bool silent;                /* it does not answer ... */
        bool hang_up;               /* it goes away instead */
        const struct wire_verb *owed;
        bool running, known; /* the container; a unit that a full reading has seen */
        uint64_t read_at;    /* that reading */
        unsigned readings;   /* that were asked for */
        struct pod *pod;
} t;

/* ---- what the code under test asks about pods and units ---- */

static struct package_image image;
static struct container_state state;

static struct pods_container the_container(void)
{
        return (struct pods_container){
                .pod = t.pod, .container = &t.pod->containers[0], .state = &state, .image = &image
        };
}

bool pods_is_running(UNUSED void *ps, const char *uid, const char *container)
{
        return t.running && streq(uid, POD_UID) && streq(container, "main");
}

bool observed_state(UNUSED struct observed *o, UNUSED const char *unit, UNUSED struct unit_state *ret)
{
        return t.known;
}

uint64_t observed_read_at(UNUSED const struct observed *o)
{
        return t.read_at;
}

void observed_read(UNUSED struct observed *o)
{
        t.readings++;
}

bool observed_exec_meta(UNUSED const char *dir, UNUSED const char *unit, struct unit_meta *ret)
{
        *ret = (struct unit_meta){ .pod = { .namespace = "default", .name = "web", .uid = POD_UID } };
        return true;
}

/* ---- the helper ---- */

static inline void write_down(const char *text)
{
        size_t n = strlen(t.asked);

        snprintf(t.asked + n, sizeof(t.asked) - n, "%s", text);
}

static inline void answer(void)
{
        Vks__Reply reply = VKS__REPLY__INIT;
        struct err e = ERR_NONE;

        reply.error = t.answer;
        reply.text = (char *)(uintptr_t)(t.answer ? "policy rule exec" : "");
        cr_assert_eq(wire_send_reply(t.peer, TAKE(t.owed), &reply.base, &e), 0);
}

static inline void take_exec(struct wire_packet *p)
{
        Vks__Exec *m = vks__exec__unpack(NULL, p->size, p->body);

        cr_assert(m && p->has_streams);
        write_down("exec");
        for (size_t i = 0; i < m->container->n_command; i++) {
                write_down(" ");
                write_down(m->container->command[i]);
        }
        write_down(" for ");
        write_down(m->user);
        write_down("; ");
        exec_unit_name(m->pod->uid, m->container->name, &m->id, t.unit);
        for (size_t i = 0; i < 3; i++) {
                fd_close(t.streams[i]);
                t.streams[i] = t.answer < 0 ? -1 : fd_take(&p->streams[i]); /* of what is refused it keeps nothing */
        }
        vks__exec__free_unpacked(m, NULL);
}

static inline void take_stop(const struct wire_packet *p)
{
        Vks__Stop *m = vks__stop__unpack(NULL, p->size, p->body);

        cr_assert(m && m->n_units == 1 && !m->kill && !m->signal);
        cr_assert_str_eq(m->pod->uid, POD_UID);
        write_down(streq(m->units[0], t.unit) ? "stop; " : "stop another; ");
        vks__stop__free_unpacked(m, NULL);
}

static inline int on_request(sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        struct err e = ERR_NONE;
        int r = wire_recv_request(fd, &p, &e);

        if (r > 0 && streq(p.verb->name, "exec"))
                take_exec(&p);
        else if (r > 0)
                take_stop(&p);
        if (r <= 0 || t.hang_up) {
                t.hang_up = false;
                sd_event_source_disable_unref(s);
                t.peer = fd_close(fd);
                return 0;
        }
        t.owed = p.verb;
        if (!t.silent)
                answer();
        return 0;
}

static inline int on_connection(UNUSED sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        static sd_event_source *source;

        t.peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        cr_assert_geq(t.peer, 0);
        cr_assert_geq(sd_event_add_io(t.event, &source, t.peer, EPOLLIN, on_request, NULL), 0);
        return 0;
}

/* ---- all of it ---- */

/* Everything that can happen now. */
static inline void settle(void)
{
        while (sd_event_run(t.event, 0) > 0)
                ;
}

/* What the helper was asked for since the last call. */
static inline const char *asked(void)
{
        static char text[sizeof(t.asked)];

        settle();
        memcpy(text, t.asked, sizeof(text));
        *t.asked = '\0';
        return text;
}

static inline void stand_in(sd_event *event)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        struct err e = ERR_NONE;
        cJSON *o = cJSON_Parse("{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"" POD_UID
                               "\"},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"/bin/sh\"}]}}");

        signal(SIGPIPE, SIG_IGN); /* as the agent's main() has it */
        cr_assert_eq(pod_parse(o, &t.pod, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        t.event = sd_event_ref(event);
        t.running = true;
        t.read_at = UINT64_MAX;
        t.peer = t.streams[0] = t.streams[1] = t.streams[2] = -1;
        snprintf(t.dir, sizeof(t.dir), "/tmp/vks-test-XXXXXX");
        cr_assert(mkdtemp(t.dir));
        snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", t.path);
        t.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        cr_assert_eq(listen(t.listener, 4), 0);
        cr_assert_geq(sd_event_add_io(t.event, NULL, t.listener, EPOLLIN, on_connection, NULL), 0);
        t.client = helper_client_new(t.event, t.path);
        t.commands = commands_new(t.event, t.client, NULL);
}

static inline void stand_in_done(void)
{
        t.commands = commands_free(t.commands);
        t.client = helper_client_free(t.client);
        for (size_t i = 0; i < 3; i++)
                fd_close(t.streams[i]);
        fd_close(t.peer);
        fd_close(t.listener);
        pod_free(t.pod);
        sd_event_unref(t.event);
        unlink(t.path);
        rmdir(t.dir);
}

/* The unit of the last EXEC is in that state. */
static inline void unit_is(const struct unit_state *s)
{
        commands_unit_changed(t.commands, t.unit, s);
        settle();
}

static inline void unit_runs(void)
{
        unit_is(&(struct unit_state){ .phase = UNIT_ACTIVE, .main_pid = 77 });
}

static inline void unit_exits(int status)
{
        unit_is(&(struct unit_state){
                .phase = status ? UNIT_FAILED : UNIT_INACTIVE, .main_code = CLD_EXITED, .main_status = status });
}

#endif
