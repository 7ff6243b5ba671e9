/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/helper_client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/machine/nudge.h"
#include "common/fd.h"
#include "common/mem.h"
#include "proto/wire.h"

enum {
        IN_FLIGHT_MAX = 32,            /* each may carry a descriptor, and the kernel bounds those in flight */
        RETRY_USEC = 10 * 1000,        /* the listening socket's backlog is full */
        LINGER_USEC = 5 * 1000 * 1000, /* an idle connection is kept so long; without one the helper may leave */
};

struct call {
        struct call *next;
        const struct wire_verb *verb;
        struct wire_packet packet; /* emptied once sent */
        helper_done done;
        void *userdata;
        int failed; /* negative errno: not to be sent, but answered with this */
        struct err err;
};

/* In flight, then waiting: replies come in the order of requests, so both are plain queues. */
struct queue {
        struct call *first, **last;
        size_t n;
};

struct helper_client {
        sd_event *event;
        sd_event_source *io, *timer, *kick;
        char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        struct queue in_flight, waiting;
        struct nudge *nudge; /* most requests are work for PID 1, and the helper waits for it */
        int sock;
};

static void queue_push(struct queue *q, struct call *c)
{
        c->next = NULL;
        *(q->first ? q->last : &q->first) = c;
        q->last = &c->next;
        q->n++;
}

static struct call *queue_pop(struct queue *q)
{
        struct call *c = q->first;

        if (c) {
                q->first = c->next;
                q->n--;
        }
        return c;
}

static struct call *call_free(struct call *c)
{
        if (c)
                wire_packet_done(&c->packet);
        free(c);
        return NULL;
}
DEFINE_FREEP(struct call, call_free)

static void finish(struct call *call, int error, const Vks__Reply *reply, const struct err *err)
{
        CLEANUP(call_freep) struct call *c = call;

        c->done(c->userdata, error, reply, err);
}

static void disconnect(struct helper_client *c)
{
        c->io = sd_event_source_disable_unref(c->io);
        c->sock = fd_close(c->sock);
}

/* The connection is gone. What was in flight may or may not have been done; what waits is sent over the next one. */
static void lost(struct helper_client *c, int error, const struct err *why)
{
        struct queue q = c->in_flight;
        struct call *call;

        c->in_flight = (struct queue){ 0 };
        disconnect(c);
        while ((call = queue_pop(&q)))
                finish(call, error, NULL, why);
}

static void fail_all(struct helper_client *c, int error, const struct err *why)
{
        struct queue q = c->waiting;
        struct call *call;

        c->waiting = (struct queue){ 0 };
        lost(c, error, why);
        while ((call = queue_pop(&q)))
                finish(call, call->failed ? call->failed : error, NULL, call->failed ? &call->err : why);
}

static void arm(struct helper_client *c, uint64_t usec)
{
        sd_event_source_set_time_relative(c->timer, usec);
        sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata);

/* 0: connected; 1: later (the timer is armed). */
static int connect_helper(struct helper_client *c, struct err *e)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        if (fd < 0)
                return err_errno(e, -errno, NULL, "helper socket");
        memcpy(addr.sun_path, c->path, sizeof(addr.sun_path));
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
                if (errno == EAGAIN) {
                        arm(c, RETRY_USEC);
                        return 1;
                }
                return err_errno(e, -errno, NULL, "helper socket %s", c->path);
        }
        r = sd_event_add_io(c->event, &c->io, fd, EPOLLIN, on_io, c);
        if (r < 0)
                return err_errno(e, r, NULL, "helper socket");
        c->sock = fd_take(&fd);
        return 0;
}

/* Sends what may be sent, and asks to be told when more can be. */
static void pump(struct helper_client *c)
{
        struct err e = ERR_NONE;

        while (c->waiting.first && c->in_flight.n < IN_FLIGHT_MAX) {
                struct call *call = c->waiting.first;
                int r = 0;

                if (call->failed < 0) {
                        finish(queue_pop(&c->waiting), call->failed, NULL, &call->err);
                        continue;
                }
                if (c->sock < 0) {
                        r = connect_helper(c, &e);
                        if (r < 0)
                                fail_all(c, r, &e);
                        if (r != 0)
                                return;
                }
                r = wire_send(c->sock, &call->packet, &e);
                if (r == -EAGAIN)
                        break;
                if (r < 0) {
                        queue_push(&c->in_flight, queue_pop(&c->waiting));
                        lost(c, -ECONNRESET, &e);
                        continue;
                }
                wire_packet_done(&call->packet);
                queue_push(&c->in_flight, queue_pop(&c->waiting));
        }
        if (c->sock >= 0)
                sd_event_source_set_io_events(
                        c->io, EPOLLIN | (c->waiting.first && c->in_flight.n < IN_FLIGHT_MAX ? (uint32_t)EPOLLOUT : 0));
        if (!c->waiting.first && !c->in_flight.first)
                arm(c, LINGER_USEC);
}

static int on_io(UNUSED sd_event_source *s, UNUSED int fd, UNUSED uint32_t events, void *userdata)
{
        struct helper_client *c = userdata;
        struct err e = ERR_NONE;

        for (;;) {
                const struct wire_verb *verb = NULL;
                ProtobufCMessage *m = NULL;
                int r = wire_recv_reply(c->sock, &verb, &m, &e);

                if (r == -EAGAIN)
                        break;
                if (r == 1) {
                        const Vks__Reply *reply = (const Vks__Reply *)(const void *)m;
                        struct call *call = c->in_flight.first;

                        if (call && call->verb == verb) {
                                if (reply->error != 0)
                                        err_set(&e, reply->error < 0 ? reply->error : -EBADMSG, NULL, "%s",
                                                reply->text);
                                finish(queue_pop(&c->in_flight), reply->error, reply, &e);
                                protobuf_c_message_free_unpacked(m, NULL);
                                if (c->sock < 0)
                                        return 0;
                                e = ERR_NONE;
                                continue;
                        }
                        protobuf_c_message_free_unpacked(m, NULL);
                        r = err_set(&e, -EBADMSG, NULL, "the helper answered what was not asked");
                }
                if (r == 0)
                        err_set(&e, -ECONNRESET, NULL, "the helper closed the connection");
                lost(c, -ECONNRESET, &e);
                break;
        }
        pump(c);
        return 0;
}

static int on_timer(UNUSED sd_event_source *s, UNUSED uint64_t usec, void *userdata)
{
        struct helper_client *c = userdata;

        if (c->waiting.first)
                pump(c);
        else if (!c->in_flight.first)
                disconnect(c);
        return 0;
}

static int on_kick(UNUSED sd_event_source *s, void *userdata)
{
        pump(userdata);
        return 0;
}

static void call_helper(struct helper_client *c, uint8_t number, const ProtobufCMessage *request, const int *streams,
                        helper_done done, void *userdata)
{
        struct call *call = NEW(struct call);

        call->done = done;
        call->userdata = userdata;
        call->verb = wire_verb_find(number);
        call->failed = wire_pack(call->verb, request, streams, &call->packet, &call->err);
        queue_push(&c->waiting, call);
        nudge_soon(c->nudge);
        sd_event_source_set_enabled(c->kick, SD_EVENT_ONESHOT);
}

size_t helper_client_pending(const struct helper_client *c)
{
        return c->in_flight.n + c->waiting.n;
}

#define STREAMS_OF_INLINE  NULL
#define STREAMS_OF_MEMFD   NULL
#define STREAMS_OF_STREAMS streams
#define HELPER_CALL(number, name, Message, body)                                                                       \
        void helper_##name(struct helper_client *c, const Vks__##Message *request,                                     \
                           HELPER_TAKES_##body helper_done done, void *userdata)                                       \
        {                                                                                                              \
                call_helper(c, number, &request->base, STREAMS_OF_##body, done, userdata);                             \
        }
VERBS(HELPER_CALL)
#undef HELPER_CALL

struct helper_client *helper_client_new(sd_event *event, const char *path)
{
        struct helper_client *c = NEW(struct helper_client);

        c->event = sd_event_ref(event);
        c->sock = -1;
        c->nudge = nudge_new(event, NUDGE_FIRST_USEC);
        snprintf(c->path, sizeof(c->path), "%s", path ? path : WIRE_SOCKET);
        if (sd_event_add_defer(event, &c->kick, on_kick, c) < 0 ||
            sd_event_source_set_enabled(c->kick, SD_EVENT_OFF) < 0 ||
            sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, LINGER_USEC, RETRY_USEC, on_timer, c) < 0 ||
            sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) < 0)
                abort(); /* as when memory is short: there is nothing else that can fail here */
        return c;
}

struct helper_client *helper_client_free(struct helper_client *c)
{
        struct call *call;

        if (!c)
                return NULL;
        disconnect(c);
        sd_event_source_disable_unref(c->kick);
        sd_event_source_disable_unref(c->timer);
        nudge_free(c->nudge);
        while ((call = queue_pop(&c->in_flight)) || (call = queue_pop(&c->waiting)))
                call_free(call);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}
