/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels in a WebSocket: the first byte of a message is its channel's number. 0 to 4 are those of a command
 * (k8s.io/apimachinery pkg/util/remotecommand); of a port-forward 2i and 2i+1 are data and errors of the query's port
 * number i. In the base64 forms a message is text, and the number a digit.
 */
#include <openssl/evp.h>

#include "agent/lib/base64.h"
#include "agent/streams/messages.h"
#include "common/mem.h"

enum { CLOSE_SIGNAL = 255 }; /* of version 5: the channel that the next byte names has ended */

struct channels {
        struct messages messages;
        bool have_channel; /* of the message that is coming in */
        uint8_t channel;
        bool have_target; /* of a CLOSE_SIGNAL */
        uint8_t target;
        bool bad;      /* the rest of the message cannot be read */
        char quad[4];  /* base64 that waits for the rest of its four letters */
        size_t n_quad; /* 0 to 3 */
};

static void read_base64(struct streams *c, struct stream *s, const char *p, size_t n)
{
        struct channels *x = c->state;
        char text[MESSAGE_PIECE_MAX + sizeof(x->quad)];
        CLEANUP(freep) void *bytes = NULL;
        size_t size, length = x->n_quad;

        if (x->bad)
                return;
        memcpy(text, x->quad, x->n_quad);
        for (size_t i = 0; i < n; i++)
                if (p[i] != '\n' && p[i] != '\r')
                        text[length++] = p[i];
        x->n_quad = length % 4;
        length -= x->n_quad;
        memcpy(x->quad, text + length, x->n_quad);
        if (length == 0)
                return;
        x->bad = base64_decode(text, length, &bytes, &size) < 0;
        if (x->bad)
                return;
        x->bad = text[length - 1] == '='; /* nothing may follow that */
        streams_received(s, bytes, size);
}

/* What is for no channel, or not base64, is dropped, as the kubelet does. */
static void read_channel(struct streams *c, const char *p, size_t n)
{
        struct channels *x = c->state;
        struct stream *s = streams_by_id(c, x->channel);

        if (s && c->base64)
                read_base64(c, s, p, n);
        else if (s)
                streams_received(s, p, n);
}

static void read_close_signal(struct streams *c, const char *p, size_t n, bool last)
{
        struct channels *x = c->state;
        struct stream *s;

        if (n > 1 || (n == 1 && x->have_target) || (last && n == 0 && !x->have_target)) {
                streams_fail(c, "the end of a channel is two bytes");
                return;
        }
        if (n == 1) {
                x->have_target = true;
                x->target = (uint8_t)*p;
        }
        s = last ? streams_by_id(c, x->target) : NULL;
        if (s)
                streams_received_end(s);
}

static void piece(struct streams *c, const char *p, size_t n, bool first, bool last)
{
        struct channels *x = c->state;

        if (first) {
                x->have_channel = x->have_target = x->bad = false;
                x->n_quad = 0;
        }
        if (n > 0 && !x->have_channel) {
                x->have_channel = true;
                x->channel = (uint8_t)(c->base64 ? *p - '0' : *p);
                p++;
                n--;
        }
        if (!x->have_channel) /* an empty message says nothing */
                return;
        if (c->version == 5 && x->channel == CLOSE_SIGNAL)
                read_close_signal(c, p, n, last);
        else if (n > 0)
                read_channel(c, p, n);
}

static size_t channels_input(struct streams *c, const char *p, size_t n)
{
        struct channels *x = c->state;

        return messages_input(c, &x->messages, p, n);
}

/* Also of no bytes. */
static void send_message(struct stream *s, const void *p, size_t n)
{
        struct streams *c = s->connection;
        uint8_t head[WEBSOCKET_SENT_HEAD_MAX + 1];
        CLEANUP(freep) unsigned char *text = NULL;
        size_t head_size;

        if (c->base64) {
                text = xcalloc(1, (n + 2) / 3 * 4 + 1);
                n = (size_t)EVP_EncodeBlock(text, p, (int)n);
                p = text;
        }
        head_size = websocket_head(head, c->base64 ? WEBSOCKET_TEXT : WEBSOCKET_BINARY, n + 1);
        head[head_size++] = (uint8_t)(c->base64 ? '0' + s->id : s->id);
        streams_send(c, head, head_size, p, n);
}

/* Only a port-forward's streams have an end that the client sees: that of the connection. */
static void channels_end(struct stream *s)
{
        struct streams *c = s->connection;

        for (size_t i = 0; i < c->n_streams; i++)
                if (!c->streams[i]->ended)
                        return;
        if (c->wish.port_forward)
                streams_close(c);
}

/*
 * By these messages clients know that all is in place. Those of version 5 need none: and kubectl 1.30 to 1.32 says
 * "Unknown stream id 1" when a message comes as soon as the answer to its request.
 */
static void channels_begun(struct streams *c)
{
        struct stream *s = streams_find(c, STREAM_STDOUT);

        if (!s)
                s = streams_find(c, STREAM_STDERR);
        if (!s)
                s = streams_find(c, STREAM_ERROR);
        if (s && c->version < 5)
                send_message(s, "", 0);
        for (size_t i = 0; i < c->n_streams && c->wish.port_forward; i++) {
                const uint8_t port[] = { (uint8_t)c->streams[i]->port, (uint8_t)(c->streams[i]->port >> 8) };

                send_message(c->streams[i], port, sizeof(port));
        }
}

static void channels_free(struct streams *c)
{
        free(c->state);
}

const struct wire wire_channels = {
        .input = channels_input,
        .write = send_message,
        .end = channels_end,
        .begun = channels_begun,
        .goodbye = websocket_goodbye,
        .free = channels_free,
};

static void add_pair(struct streams *c, size_t i, uint16_t port)
{
        struct stream *data = streams_add(c, (uint32_t)(2 * i), STREAM_DATA);
        struct stream *error = streams_add(c, (uint32_t)(2 * i + 1), STREAM_ERROR);

        data->port = error->port = port;
        data->other = error;
        error->other = data;
}

void wire_channels_init(struct streams *c, const struct agreement *agreement)
{
        static const enum stream_kind kinds[] = { STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR, STREAM_ERROR,
                                                  STREAM_RESIZE };
        struct channels *x = NEW(struct channels);

        c->wire = &wire_channels;
        c->state = x;
        x->messages.piece = piece;
        for (uint32_t i = 0; i < ARRAY_LEN(kinds) && !c->wish.port_forward; i++)
                if (streams_expects(c, kinds[i]))
                        streams_add(c, i, kinds[i]);
        for (size_t i = 0; i < agreement->n_ports && c->wish.port_forward; i++)
                add_pair(c, i, agreement->ports[i]);
}
