/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One upgraded connection and the streams in it, whatever protocol carries them: SPDY/3.1, WebSocket, or SPDY/3.1 in a
 * WebSocket. What exec, attach and port-forward are is up to a session (struct streams_handler), which sees neither
 * frames nor channels.
 *
 * Sources: k8s.io/apimachinery pkg/util/remotecommand (protocol names, the status on the error stream),
 * k8s.io/kubelet pkg/cri/streaming (which streams a client opens), KEP-4006 (v5, the tunnel of port-forward).
 *
 * No streams_ or stream_ function ever calls back. There is no flow control but TCP's: a session that cannot take more
 * calls streams_pause(), and one whose stream_write() returns false writes no more until drain().
 */
#ifndef VKS_AGENT_STREAMS_STREAMS_H
#define VKS_AGENT_STREAMS_STREAMS_H

#include <systemd/sd-event.h>

#include "common/base.h"

struct streams; /* the connection */
struct stream;  /* lives as long as the connection, or until stream_release() */

enum stream_kind {
        STREAM_ERROR,
        STREAM_STDIN,
        STREAM_STDOUT,
        STREAM_STDERR,
        STREAM_RESIZE, /* {"Width":W,"Height":H}, one after the other */
        STREAM_DATA,   /* of port-forward, beside its STREAM_ERROR */
};

/* What the request asks for; by that it is known which streams there will be. */
struct streams_wish {
        bool port_forward; /* else a command: exec or attach */
        bool in, out, err, tty;
};

enum { STREAMS_MAX = 512 }; /* of a connection at a time; further ones are refused */

struct streams_handler {
        /* All streams of a command are there (streams_find()); the client has 30 s for that. Port-forward: at once. */
        void (*ready)(void *userdata);
        /* Port-forward: the client has opened a pair for that port. */
        void (*pair)(void *userdata, struct stream *error, struct stream *data, uint16_t port);
        void (*data)(void *userdata, struct stream *s, const void *p, size_t n); /* STDIN, RESIZE or DATA: n bytes */
        /* The client sends no more on it (STDIN, RESIZE or DATA). Once more, if it resets the stream after that. */
        void (*ended)(void *userdata, struct stream *s);
        void (*drain)(void *userdata);  /* a pause that stream_write() asked for is over */
        void (*closed)(void *userdata); /* the last call: the client went away; not after streams_finish() */
};

struct stream *streams_find(const struct streams *c, enum stream_kind kind); /* of a command; NULL: there is none */
enum stream_kind stream_kind(const struct stream *s);

void stream_set_user(struct stream *s, void *user); /* for the session: what belongs to it */
void *stream_user(const struct stream *s);

bool stream_write(struct stream *s, const void *p, size_t n); /* false: taken, but pause now until drain() */
void stream_end(struct stream *s);                            /* nothing more will be written to it */
bool stream_is_reset(const struct stream *s); /* the client wants nothing of it any more; what is written is dropped */

/*
 * Port-forward: the session has done with this stream of a pair, and does not use it any more; it is ended if it was
 * not. A client opens a pair for each TCP connection, so a session that never releases them comes to the end of the
 * STREAMS_MAX that a connection may have.
 */
void stream_release(struct stream *s);

void streams_pause(struct streams *c);  /* no data() or ended() until ... */
void streams_resume(struct streams *c); /* ... this */

/*
 * The end of a command, on its error stream: `exit_code` 0 is success; more than 0 is the program's own end (128 and
 * the signal's number); with less than 0 no program ran, and `text` says why. Where the protocol has no status (v1 to
 * v3), a sentence.
 */
void streams_status(struct streams *c, int exit_code, const char *text);

/* Ends all streams, and closes in order after all was sent. `c` and its streams must not be used any more. */
void streams_finish(struct streams *c);

#endif
