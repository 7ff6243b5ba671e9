/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kinds of wire in this room share: the connection, its streams, and what happens to them. A wire turns bytes
 * into calls of the functions here, and has functions of its own that turn what the session wants into bytes.
 */
#ifndef VKS_AGENT_STREAMS_CORE_H
#define VKS_AGENT_STREAMS_CORE_H

#include "agent/streams/carrier.h"

enum {
        REQUEST_ID_MAX = 64,
        REPLIES_MAX = 16 * 1024, /* bytes of answers (to pings, for example) to a client that does not read them */
        PAYLOAD_MAX = 32 * 1024, /* of a frame or message that is sent */
};

struct stream {
        struct streams *connection;
        uint32_t id; /* or the channel's number */
        enum stream_kind kind;
        void *user;
        bool client_ended, end_due; /* due: the session is yet to be told */
        bool ended;                 /* by the session */
        bool reset;                 /* by the client */
        /* of port-forward */
        struct stream *other; /* of the pair; NULL: not there yet */
        bool told;            /* the session knows the pair */
        uint16_t port;
        uint64_t born;                /* CLOCK_MONOTONIC, microseconds */
        char request[REQUEST_ID_MAX]; /* what a pair has in common */
};

struct wire {
        size_t (*input)(struct streams *c, const char *p, size_t n);
        void (*write)(struct stream *s, const void *p, size_t n); /* at most PAYLOAD_MAX bytes, at least 1 */
        void (*end)(struct stream *s);
        void (*begun)(struct streams *c);             /* NULL: nothing to do when all streams of a command are there */
        void (*goodbye)(struct streams *c, bool bad); /* the last words; bad: the client broke the protocol */
        void (*free)(struct streams *c);
};

struct streams {
        const struct wire *wire;
        struct carrier carrier;
        unsigned version; /* as agreed on */
        bool base64;
        struct streams_wish wish;
        const struct streams_handler *handler;
        void *userdata;
        struct stream **streams; /* by id, increasing */
        size_t n_streams;
        sd_event *event;
        sd_event_source *work;  /* calls of the session that are due */
        sd_event_source *timer; /* the next of the times below, or an earlier one */
        uint64_t creation_usec, idle_usec;
        uint64_t begun, active; /* when the connection began, and when a byte last passed */
        bool ready;             /* the session has been told so */
        bool paused;            /* by the session */
        bool flooded;           /* by the client: input waits until it has read our answers */
        bool drain_due;         /* the session waits for drain() */
        bool over;              /* nothing comes in or goes out any more */
        bool finished;          /* the session has done with it */
        size_t replied;         /* bytes of answers since the carrier last had room */
        void *state;            /* the wire's own */
        struct tunnel *tunnel;  /* NULL: none */
};

extern const struct wire wire_spdy, wire_channels;

/* Before the first input: which streams there are, of a wire that knows them beforehand. */
void wire_spdy_init(struct streams *c);
void wire_channels_init(struct streams *c, const struct agreement *agreement);

/* Between the carrier and the SPDY of a tunnel: each piece that is sent is a message of a WebSocket. */
struct tunnel *tunnel_new(void);
struct tunnel *tunnel_free(struct tunnel *t);
size_t tunnel_input(struct streams *c, const char *p, size_t n);
void tunnel_resume(struct streams *c); /* gives on what was kept */

bool streams_blocked(const struct streams *c); /* no input is to be processed now */
/* A head (NULL: none) and n bytes behind it. */
void streams_send(struct streams *c, const void *head, size_t head_size, const void *p, size_t n);
/* For what a client may ask for at will. */
void streams_reply(struct streams *c, const void *p, size_t n);
void streams_reply_below(struct streams *c, const void *p, size_t n); /* past the tunnel, if there is one */
void streams_fail(struct streams *c, const char *why);                /* the client broke the protocol: it is over */
void streams_close(struct streams *c);                                /* it is over, and nobody's fault */

struct stream *streams_by_id(const struct streams *c, uint32_t id);   /* NULL: there is none */
bool streams_expects(const struct streams *c, enum stream_kind kind); /* of a command */
/* NULL when there are too many. `id` must be larger than that of any other. */
struct stream *streams_add(struct streams *c, uint32_t id, enum stream_kind kind);
void streams_remove(struct stream *s);
void streams_check_ready(struct streams *c);
/* With a half of its own request, if there is one, the session gets a pair. */
void streams_match(struct stream *s);
void streams_look_at_times(struct streams *c); /* something new waits for a time */
void streams_work(struct streams *c);          /* the session's calls that are due come soon */

void streams_received(struct stream *s, const void *p, size_t n);
void streams_received_end(struct stream *s);
void streams_received_reset(struct stream *s);

#endif
