/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/k3s_tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <utlist.h>

#include "agent/client/server_url.h"
#include "agent/lib/retry.h"
#include "agent/server/tls.h"
#include "agent/streams/websocket.h"
#include "agent/tunnel/context.h"
#include "agent/tunnel/handshake.h"
#include "agent/tunnel/link.h"
#include "agent/tunnel/message.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

#define CONNECT_PATH "/v1-k3s/connect"

enum {
        SECOND = 1000 * 1000,             /* in microseconds */
        CONNECT_S = 20,                   /* from the first packet to the WebSocket's yes */
        PING_S = 20,                      /* remotedialer drops who says nothing for 60 s */
        SILENCE_S = 60,                   /* and so do we */
        MESSAGE_MAX = 256 * 1024,         /* the body of a message; Go's copies are of 32 KiB */
        UNWRITTEN_MAX = 64 * 1024 * 1024, /* of all links */
        OUT_HIGH = 256 * 1024,
        OUT_LOW = 64 * 1024,
        OUT_MAX = 4 * 1024 * 1024, /* all links may have read a chunk before they hear that it is full */
};

struct entry {
        struct link *link;
        struct entry *prev, *next;
};

enum state { AWAY, CONNECTING, OPEN };

struct k3s_tunnel {
        sd_event *event;
        char *where; /* "HOST:PORT" of the supervisor */
        char *name;  /* on its certificate */
        uint16_t port;
        char *ca_pem, *client_file;
        const char *(*address)(void *userdata);
        void *userdata;
        struct sockaddr_storage kubelet;
        socklen_t kubelet_size;
        uint16_t kubelet_port;

        enum state state;
        struct tls_host *tls;
        struct tls_conn *conn;  /* NULL: AWAY */
        sd_event_source *timer; /* AWAY: the next try; OPEN: the next ping */
        struct retry retry;
        char key[WEBSOCKET_KEY_SIZE];
        struct err why; /* that it ended */

        struct websocket_frame frame; /* the one that is coming in */
        bool in_frame;
        uint64_t left;      /* of its payload */
        struct buf control; /* its payload, when it is a control frame */
        struct buf message; /* its payload, and that of those before it */
        int64_t last_id;    /* of a message of ours */
        struct entry *entries;
        size_t n_entries;
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata); /* the next try, or the next ping */

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

/* One frame, in two pieces; with a mask that nobody foresees: it keeps proxies from taking the bytes for their own. */
static void send_frame(struct k3s_tunnel *t, enum websocket_opcode opcode, const void *a, size_t a_size, const void *b,
                       size_t b_size)
{
        CLEANUP(freep) uint8_t *frame = NULL;
        uint32_t random = random_u32();
        uint8_t mask[4];
        size_t n;

        if (t->state != OPEN)
                return;
        memcpy(mask, &random, sizeof(mask));
        frame = xcalloc(1, WEBSOCKET_HEAD_MAX + a_size + b_size);
        n = websocket_client_head(frame, opcode, a_size + b_size, mask);
        websocket_unmask(frame + n, a, a_size, mask, 0);
        websocket_unmask(frame + n + a_size, b, b_size, mask, a_size);
        if (!tls_write(t->conn, frame, n + a_size + b_size))
                for (struct entry *entry = t->entries; entry; entry = entry->next)
                        link_hold(entry->link, LINK_TUNNEL, true);
}

static void send_message(struct k3s_tunnel *t, int64_t connection, enum tunnel_kind kind, const void *body, size_t n)
{
        uint8_t head[TUNNEL_HEAD_MAX];

        send_frame(t, WEBSOCKET_BINARY, head, tunnel_message_head(head, ++t->last_id, connection, kind), body, n);
}

static void send_error(struct k3s_tunnel *t, int64_t connection, const char *why)
{
        send_message(t, connection, TUNNEL_ERROR, why, strlen(why));
}

/* ---- the connections --------------------------------------------------------------------------------------------- */

static struct entry *find(struct k3s_tunnel *t, int64_t id)
{
        struct entry *entry;

        DL_FOREACH (t->entries, entry)
                if (link_id(entry->link) == id)
                        return entry;
        return NULL;
}

static void drop(struct k3s_tunnel *t, struct entry *entry)
{
        DL_DELETE(t->entries, entry);
        t->n_entries--;
        link_free(entry->link);
        free(entry);
}

static size_t unwritten(const struct k3s_tunnel *t)
{
        size_t n = 0;

        for (const struct entry *entry = t->entries; entry; entry = entry->next)
                n += link_unwritten(entry->link);
        return n;
}

static void link_came(void *userdata, struct link *l, const void *p, size_t n)
{
        send_message(userdata, link_id(l), TUNNEL_DATA, p, n);
}

static void link_full(void *userdata, struct link *l, bool yes)
{
        send_message(userdata, link_id(l), yes ? TUNNEL_PAUSE : TUNNEL_RESUME, NULL, 0);
}

static void link_flushed(void *userdata, struct link *l)
{
        struct entry *entry = find(userdata, link_id(l));

        if (entry)
                drop(userdata, entry);
}

static void link_ended(void *userdata, struct link *l, const char *why)
{
        send_error(userdata, link_id(l), why);
        link_flushed(userdata, l);
}

static void open_link(struct k3s_tunnel *t, const struct tunnel_message *m)
{
        static const struct link_handler handler = {
                .came = link_came, .full = link_full, .ended = link_ended, .flushed = link_flushed
        };
        struct err e = ERR_NONE;
        struct link *link = NULL;
        struct entry *entry;

        if (!tunnel_may_connect(m->body, m->size, t->kubelet_port))
                err_set(&e, -EACCES, NULL, "only the kubelet API is to be had through this tunnel");
        else if (t->n_entries >= TUNNEL_LINKS_MAX)
                err_set(&e, -EBUSY, NULL, "%d connections are open already", TUNNEL_LINKS_MAX);
        else if (find(t, m->connection))
                err_set(&e, -EEXIST, NULL, "there is such a connection already");
        else
                link_new(t->event, m->connection, (const struct sockaddr *)&t->kubelet, t->kubelet_size, &handler, t,
                         &link, &e);
        if (!link) {
                log_warning("K3s' tunnel: no connection to \"%.*s\": %s", (int)(m->size < 100 ? m->size : 100), m->body,
                            e.text);
                send_error(t, m->connection, e.text);
                return;
        }
        entry = NEW(struct entry);
        entry->link = link;
        DL_APPEND(t->entries, entry);
        t->n_entries++;
        if (tls_full(t->conn))
                link_hold(link, LINK_TUNNEL, true);
}

static int on_message(struct k3s_tunnel *t, const void *p, size_t n, struct err *e)
{
        struct tunnel_message m;
        struct entry *entry;
        int r = tunnel_message_parse(p, n, &m, e);

        if (r < 0)
                return r;
        if (m.kind == TUNNEL_CONNECT) {
                open_link(t, &m);
                return 0;
        }
        entry = find(t, m.connection);
        if (!entry) {
                if (m.kind == TUNNEL_DATA)
                        send_error(t, m.connection, "there is no such connection");
                return 0;
        }
        if (m.kind == TUNNEL_DATA && unwritten(t) > UNWRITTEN_MAX)
                link_break(entry->link, "too much waits in this tunnel");
        else if (m.kind == TUNNEL_DATA)
                link_write(entry->link, m.body, m.size);
        else if (m.kind == TUNNEL_ERROR)
                link_end(entry->link);
        else if (m.kind == TUNNEL_PAUSE || m.kind == TUNNEL_RESUME)
                link_hold(entry->link, LINK_PEER, m.kind == TUNNEL_PAUSE);
        return 0;
}

/* ---- what comes in ----------------------------------------------------------------------------------------------- */

static int on_control(struct k3s_tunnel *t, struct err *e)
{
        if (t->frame.opcode == WEBSOCKET_CLOSE)
                return err_set(e, -ECONNRESET, NULL, "the server has closed it");
        if (t->frame.opcode == WEBSOCKET_PING)
                send_frame(t, WEBSOCKET_PONG, t->control.data, t->control.len, NULL, 0);
        tls_deadline(t->conn, (uint64_t)SILENCE_S * SECOND);
        return 0;
}

static int frame_over(struct k3s_tunnel *t, struct err *e)
{
        int r = 0;

        t->in_frame = false;
        if (t->frame.opcode >= WEBSOCKET_CLOSE) {
                r = on_control(t, e);
                buf_done(&t->control);
        } else if (t->frame.fin) {
                r = on_message(t, t->message.data, t->message.len, e);
                buf_done(&t->message);
        }
        return r;
}

static int frame_begins(struct k3s_tunnel *t, struct err *e)
{
        bool more = t->frame.opcode == WEBSOCKET_CONTINUATION;

        if (t->frame.opcode == WEBSOCKET_TEXT)
                return err_set(e, -EPROTO, NULL, "a message of text");
        if (t->frame.opcode < WEBSOCKET_CLOSE && t->frame.length > MESSAGE_MAX - t->message.len)
                return err_set(e, -EMSGSIZE, NULL, "a message of more than %d bytes", MESSAGE_MAX);
        if (t->frame.opcode < WEBSOCKET_CLOSE && more != (t->message.data != NULL))
                return err_set(e, -EPROTO, NULL, "a message inside of another");
        t->in_frame = true;
        t->left = t->frame.length;
        buf_add(t->frame.opcode < WEBSOCKET_CLOSE ? &t->message : &t->control, "", 0);
        return 0;
}

/* Takes a piece of what has come: a frame's head, or what is there of its payload. Returns how much that was, 0 when
 * more must come first. */
static ssize_t take(struct k3s_tunnel *t, const char *p, size_t n, struct err *e)
{
        size_t part;
        int r;

        if (!t->in_frame) {
                int head = websocket_server_frame_parse((const uint8_t *)p, n, &t->frame, e);

                r = head <= 0 ? head : frame_begins(t, e);
                if (r < 0 || head <= 0)
                        return r;
                r = t->left == 0 ? frame_over(t, e) : 0;
                return r < 0 ? r : head;
        }
        part = n < t->left ? n : (size_t)t->left;
        buf_add(t->frame.opcode < WEBSOCKET_CLOSE ? &t->message : &t->control, p, part);
        t->left -= part;
        r = t->left == 0 ? frame_over(t, e) : 0;
        return r < 0 ? r : (ssize_t)part;
}

static ssize_t take_answer(struct k3s_tunnel *t, const char *p, size_t n)
{
        int head = handshake_judge(p, n, t->key, &t->why);

        if (head <= 0)
                return head;
        t->state = OPEN;
        t->retry.failures = 0;
        tls_deadline(t->conn, (uint64_t)SILENCE_S * SECOND);
        timer_arm(t->event, &t->timer, CLOCK_MONOTONIC, (uint64_t)PING_S * SECOND, on_timer, t);
        log_info("K3s' tunnel is open: %s reaches the kubelet API of this node through it", t->where);
        return head;
}

static size_t tls_data(void *userdata, const char *p, size_t n)
{
        struct k3s_tunnel *t = userdata;
        ssize_t took = t->state == OPEN ? take(t, p, n, &t->why) : take_answer(t, p, n);

        if (took < 0) {
                tls_abort(t->conn);
                return 0;
        }
        return (size_t)took;
}

static void tls_drain(void *userdata)
{
        struct k3s_tunnel *t = userdata;

        for (struct entry *entry = t->entries; entry; entry = entry->next)
                link_hold(entry->link, LINK_TUNNEL, false);
}

/* ---- the connection to the supervisor ---------------------------------------------------------------------------- */

static void away(struct k3s_tunnel *t)
{
        struct entry *entry, *next;
        unsigned wait_ms = retry_next(&t->retry, random_u32());

        /* Said once: the same every minute would be noise. */
        if (t->retry.failures == 1)
                log_warning("K3s' tunnel to %s is not there, and is tried again: %s", t->where,
                            *t->why.text ? t->why.text : "the connection ended");
        t->state = AWAY;
        t->conn = NULL;
        t->in_frame = false;
        buf_done(&t->message);
        buf_done(&t->control);
        DL_FOREACH_SAFE (t->entries, entry, next)
                drop(t, entry);
        timer_arm(t->event, &t->timer, CLOCK_MONOTONIC, (uint64_t)wait_ms * 1000, on_timer, t);
}

static void tls_closed(void *userdata)
{
        struct k3s_tunnel *t = userdata;
        long verdict = SSL_get_verify_result(tls_ssl(t->conn));

        if (t->state == CONNECTING && !*t->why.text && verdict != X509_V_OK)
                err_set(&t->why, -EACCES, NULL, "the server's certificate: %s", X509_verify_cert_error_string(verdict));
        else if (t->state == CONNECTING && !*t->why.text)
                err_set(&t->why, -ECONNRESET, NULL, "it does not answer");
        away(t);
}

/* "[::1]" and "::1", "192.0.2.1" */
static socklen_t socket_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

        *ret = (struct sockaddr_storage){ 0 };
        if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                return sizeof(*v4);
        }
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
                return 0;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof(*v6);
}

static int dial(struct k3s_tunnel *t, struct err *e)
{
        static const struct tls_proto proto = { .data = tls_data, .drain = tls_drain, .closed = tls_closed };
        CLEANUP(freep) char *request = NULL;
        CLEANUP(client_context_freep) SSL_CTX *context = NULL;
        const char *address = t->address(t->userdata);
        struct sockaddr_storage to;
        socklen_t size = socket_address(address, t->port, &to);
        uint8_t random[16];
        FD fd = -1;
        int r;

        if (size == 0)
                return err_set(e, -EADDRNOTAVAIL, NULL, "the API server's address is not known yet");
        r = client_context_new(t->ca_pem, t->client_file, &context, e);
        if (r < 0)
                return r;
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return err_set(e, -errno, NULL, "no random numbers");
        fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (connect(fd, (const struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS))
                return err_set(e, -errno, NULL, "no connection to %s", address);
        t->conn = tls_conn_dial(t->tls, context, fd_take(&fd), t->name, &proto, t);
        if (!t->conn)
                return err_set(e, -EINVAL, NULL, "no TLS with \"%s\"", t->name);
        websocket_key(random, t->key);
        request = handshake_request(CONNECT_PATH, t->where, t->key);
        t->state = CONNECTING;
        tls_deadline(t->conn, (uint64_t)CONNECT_S * SECOND);
        tls_write(t->conn, request, strlen(request));
        return 0;
}

static int on_timer(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct k3s_tunnel *t = userdata;

        if (t->state == OPEN) {
                send_frame(t, WEBSOCKET_PING, NULL, 0, NULL, 0);
                timer_arm(t->event, &t->timer, CLOCK_MONOTONIC, (uint64_t)PING_S * SECOND, on_timer, t);
        } else if (t->state == AWAY) {
                t->why = ERR_NONE;
                if (dial(t, &t->why) < 0)
                        away(t);
        }
        return 0;
}

void k3s_tunnel_start(struct k3s_tunnel *t)
{
        if (t && !t->timer)
                timer_arm(t->event, &t->timer, CLOCK_MONOTONIC, 0, on_timer, t);
}

int k3s_tunnel_new(const struct k3s_tunnel_parts *parts, struct k3s_tunnel **ret, struct err *e)
{
        static const struct tls_limits limits = {
                .connections_max = 1,
                .in_max = HANDSHAKE_MAX + 64 * 1024,
                .out_high = OUT_HIGH,
                .out_low = OUT_LOW,
                .out_max = OUT_MAX + TUNNEL_LINKS_MAX * LINK_CHUNK,
                .handshake_usec = (uint64_t)CONNECT_S * SECOND,
                .stall_usec = (uint64_t)SILENCE_S * SECOND,
                .linger_usec = SECOND,
        };
        CLEANUP(k3s_tunnel_freep) struct k3s_tunnel *t = NEW(struct k3s_tunnel);
        CLEANUP(freep) char *host = NULL, *port = NULL;
        const char *own = parts->kubelet_address;
        int r;

        *t = (struct k3s_tunnel){ .event = sd_event_ref(parts->event),
                                  .address = parts->address,
                                  .userdata = parts->userdata,
                                  .kubelet_port = parts->kubelet_port,
                                  .retry = { .first_ms = 1000, .most_ms = 60 * 1000 },
                                  .control = BUF(WEBSOCKET_CONTROL_MAX),
                                  .message = BUF(MESSAGE_MAX) };
        t->tls = tls_host_new(parts->event, &limits);
        t->ca_pem = parts->ca_pem ? xstrdup(parts->ca_pem) : NULL;
        t->client_file = xstrdup(parts->client_file);
        r = server_url_split(parts->supervisor, &host, &port, e);
        if (r < 0)
                return r;
        t->port = (uint16_t)strtoul(port, NULL, 10); /* curl has looked at it */
        t->where = xasprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
        t->name = parts->server_name ? xstrdup(parts->server_name) : TAKE(host);
        if (!own || !*own || streq(own, "0.0.0.0"))
                own = "127.0.0.1";
        else if (streq(own, "::"))
                own = "::1";
        t->kubelet_size = socket_address(own, parts->kubelet_port, &t->kubelet);
        if (t->kubelet_size == 0)
                return err_set(e, -EINVAL, NULL, "address: \"%s\" is no address", own);
        *ret = TAKE(t);
        return 0;
}

struct k3s_tunnel *k3s_tunnel_free(struct k3s_tunnel *t)
{
        if (!t)
                return NULL;
        t->retry.failures = 1; /* whoever ends it knows */
        tls_host_free(t->tls); /* and with it what goes through it */
        sd_event_source_disable_unref(t->timer);
        sd_event_unref(t->event);
        free(t->where);
        free(t->name);
        free(t->ca_pem);
        free(t->client_file);
        free(t);
        return NULL;
}
