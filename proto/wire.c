/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "helper.pb-c.h"

#include "common/fd.h"
#include "common/mem.h"
#include "common/memfd.h"
#include "proto/decode.h"
#include "proto/verbs.h"

enum {
        HEAD = 2,                     /* version and verb */
        FDS_MAX = 1 + WIRE_N_STREAMS, /* of a request */
        FDS_SEEN = 8, /* descriptors we are willing to receive in order to close them; the kernel drops the others */
};

#define ROW(n, verb, Message, where)                                                                                   \
        { .number = n, .name = #verb, .message = &vks__##verb##__descriptor, .body = WIRE_##where },
static const struct wire_verb verbs[] = { VERBS(ROW) };
#undef ROW

const struct wire_verb *wire_verb_find(uint8_t number)
{
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                if (verbs[i].number == number)
                        return &verbs[i];
        return NULL;
}

static void close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                fd_close(fds[i]);
}

void wire_packet_done(struct wire_packet *p)
{
        close_all(p->streams, p->has_streams ? WIRE_N_STREAMS : 0);
        if (p->body)
                explicit_bzero(p->body, p->size); /* Secrets travel here */
        free(p->body);
        *p = (struct wire_packet){ 0 };
}

int wire_pack(const struct wire_verb *verb, const ProtobufCMessage *message, const int *streams,
              struct wire_packet *ret, struct err *e)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { .verb = verb, .has_streams = streams != NULL };
        size_t size = protobuf_c_message_get_packed_size(message);
        size_t max = verb->body == WIRE_INLINE ? (size_t)WIRE_DATAGRAM_MAX - HEAD : (size_t)WIRE_BODY_MAX;

        if (streams)
                memcpy(p.streams, streams, sizeof(p.streams));
        if (p.has_streams != (verb->body == WIRE_STREAMS))
                return err_set(e, -EINVAL, NULL, "helper request %s: with the wrong descriptors", verb->name);
        if (size > max)
                return err_set(e, -EMSGSIZE, NULL, "helper request %s: %zu bytes, at most %zu are taken", verb->name,
                               size, max);
        p.body = xcalloc(size + 1, 1);
        p.size = size;
        protobuf_c_message_pack(message, p.body);
        *ret = p;
        p.body = NULL;
        p.has_streams = false;
        return 0;
}

static int send_datagram(int sock, uint8_t verb, const uint8_t *body, size_t size, const int *fds, size_t n_fds)
{
        uint8_t head[HEAD] = { WIRE_VERSION, verb };
        struct iovec iov[] = { { head, HEAD }, { (void *)(uintptr_t)body, size } };
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };

        if (n_fds) {
                m.msg_control = control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int wire_send(int sock, const struct wire_packet *p, struct err *e)
{
        FD fd = -1;
        int fds[FDS_MAX], r;

        if (!p->verb)
                return err_set(e, -EINVAL, NULL, "helper request: not packed");
        if (p->verb->body != WIRE_INLINE && (fd = memfd_make(p->body, p->size)) < 0)
                return err_errno(e, fd, NULL, "helper request %s: memfd", p->verb->name);
        fds[0] = fd;
        memcpy(fds + 1, p->streams, sizeof(p->streams));
        r = send_datagram(sock, p->verb->number, p->body, fd < 0 ? p->size : 0, fds,
                          p->has_streams ? FDS_MAX
                          : fd >= 0      ? 1
                                         : 0);
        return r < 0 ? err_errno(e, r, NULL, "helper request %s: send", p->verb->name) : 0;
}

int wire_send_request(int sock, const struct wire_verb *verb, const ProtobufCMessage *message, const int *streams,
                      struct err *e)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        int r = wire_pack(verb, message, streams, &p, e);

        return r < 0 ? r : wire_send(sock, &p, e);
}

/* Descriptors that have come along; those that nobody takes are closed. */
struct fds {
        size_t n;
        int fd[FDS_SEEN];
};

static void fds_done(struct fds *f)
{
        close_all(f->fd, f->n);
}

/* One datagram into `data`, and its descriptors; the verb is looked up. */
static int recv_datagram(int sock, uint8_t data[static WIRE_DATAGRAM_MAX], size_t *ret_size,
                         const struct wire_verb **ret_verb, struct fds *ret_fds, struct err *e)
{
        struct iovec iov = { data, WIRE_DATAGRAM_MAX };
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_SEEN * sizeof(int))] = { 0 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return err_errno(e, -errno, NULL, "helper socket");
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len && ret_fds->n < FDS_SEEN; i++) {
                        int *fd = &ret_fds->fd[ret_fds->n++];

                        memcpy(fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        /* A socket that its sender left lingering would have us wait when we close it. */
                        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 0 }, sizeof(struct linger));
                }
        }
        if (n == 0 && ret_fds->n == 0)
                return 0;
        if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return wire_bad(e, "too large");
        if (n < HEAD || data[0] != WIRE_VERSION || !(*ret_verb = wire_verb_find(data[1])))
                return wire_bad(e, "not a known verb of this version");
        *ret_size = (size_t)n;
        return 1;
}

int wire_recv_request(int sock, struct wire_packet *ret, struct err *e)
{
        static const size_t n_fds[] = { [WIRE_INLINE] = 0, [WIRE_MEMFD] = 1, [WIRE_STREAMS] = FDS_MAX };
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        CLEANUP(fds_done) struct fds fds = { 0 };
        uint8_t data[WIRE_DATAGRAM_MAX];
        size_t size = 0;
        int r = recv_datagram(sock, data, &size, &p.verb, &fds, e);

        if (r <= 0)
                return r;
        if (fds.n != n_fds[p.verb->body])
                return wire_bad(e, "not the descriptors that its verb takes");
        if (p.verb->body == WIRE_INLINE) {
                p.size = size - HEAD;
                p.body = xmemdup(data + HEAD, p.size);
        } else {
                if (size != HEAD)
                        return wire_bad(e, "this verb takes its message in a memfd");
                r = memfd_read(fds.fd[0], WIRE_BODY_MAX, &p.body, &p.size);
                if (r < 0)
                        return wire_bad(e, r == -EFBIG ? "the memfd is too large"
                                                       : "the descriptor is not a sealed memfd");
        }
        if (p.verb->body == WIRE_STREAMS) {
                p.has_streams = true;
                memcpy(p.streams, fds.fd + 1, sizeof(p.streams));
                fds.n = 1;
        }
        *ret = p;
        p.body = NULL;
        p.has_streams = false;
        return 1;
}

int wire_send_reply(int sock, const struct wire_verb *verb, const ProtobufCMessage *reply, struct err *e)
{
        uint8_t packed[4 * WIRE_TEXT_MAX];
        char rule[WIRE_TEXT_MAX], text[WIRE_TEXT_MAX], unit[WIRE_TEXT_MAX];
        Vks__Reply cut = *(const Vks__Reply *)(const void *)reply;
        int r;

        snprintf(rule, sizeof(rule), "%s", cut.rule);
        snprintf(text, sizeof(text), "%s", cut.text);
        snprintf(unit, sizeof(unit), "%s", cut.unit);
        cut.rule = rule, cut.text = text, cut.unit = unit;
        r = send_datagram(sock, verb->number, packed, vks__reply__pack(&cut, packed), NULL, 0);
        return r < 0 ? err_errno(e, r, NULL, "helper reply %s: send", verb->name) : 0;
}

int wire_recv_reply(int sock, const struct wire_verb **ret_verb, ProtobufCMessage **ret_reply, struct err *e)
{
        uint8_t data[WIRE_DATAGRAM_MAX];
        CLEANUP(fds_done) struct fds fds = { 0 };
        size_t size = 0;
        int r = recv_datagram(sock, data, &size, ret_verb, &fds, e);

        if (r <= 0)
                return r;
        if (fds.n)
                return wire_bad(e, "a descriptor with a reply");
        r = wire_decode(&vks__reply__descriptor, data + HEAD, size - HEAD, NULL, ret_reply, e);
        return r < 0 ? r : 1;
}
