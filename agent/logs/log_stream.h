/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of one container's runs, out of the journal and into a sink, on the event loop. Which entries are such
 * lines decides log_journal.h. A line is shown only if it has this pod's uid (VKS_POD_UID=, which LogExtraFields= and
 * vks-log add) and, from vks-log, this container (VKS_CONTAINER=). As any process could write these fields, the unit
 * that journald itself recorded must fit as well.
 */
#ifndef VKS_AGENT_LOGS_LOG_STREAM_H
#define VKS_AGENT_LOGS_LOG_STREAM_H

#include <systemd/sd-event.h>

#include "common/err.h"

struct log_options { /* k8s.io/api core/v1 PodLogOptions */
        bool follow, previous, timestamps;
        int64_t tail;        /* number of journal messages (one may hold several lines); -1: all; 0: only new ones */
        int64_t limit_bytes; /* -1: no limit */
        uint64_t since_usec; /* wall clock, microseconds since the epoch; 0: from the start */
};

struct log_source {
        const char *pod_uid;
        const char *container;
        const char *unit;          /* the unit's name */
        const char *invocation_id; /* 32 hex digits: only this run; NULL: all runs */
        const char *directory;     /* of the journal; NULL: this machine's */
};

enum {
        LOG_STREAMS_MAX = 500,
        /* So many of them read what is in the journal already, which costs descriptors and mappings; others wait. */
        LOG_READERS_MAX = 100,
};

struct log_stream;

struct log_sink {
        /* `stream`: "stdout" or "stderr", or "" where nobody knows. False: taken, but pause until log_stream_go_on().
         */
        bool (*write)(void *userdata, const char *stream, const void *p, size_t n);
        void (*end)(void *userdata); /* nothing more will come; the stream frees itself after that */
        void *userdata;
        bool by_stream; /* one write() has bytes of one stream only, and a line may be in several */
};

/*
 * With `follow`, the stream asks `running` whenever it has read all there is in the journal, and ends when the answer
 * is no; `run` is the source's invocation_id, and the question is whether the container is in that run. `running` and
 * `userdata` must stay valid until then. A stream that follows one run also ends when another run has begun. -EUSERS:
 * there are LOG_STREAMS_MAX already. The sink is never called from inside.
 */
int log_stream_new(sd_event *event, const struct log_source *source, const struct log_options *options,
                   const struct log_sink *sink,
                   bool (*running)(void *userdata, const char *pod_uid, const char *container, const char *run),
                   void *userdata, struct log_stream **ret, struct err *e);
struct log_stream *log_stream_free(struct log_stream *s); /* end() is not called */
DEFINE_FREEP(struct log_stream, log_stream_free)

void log_stream_go_on(struct log_stream *s);

/* Makes every stream of that pod look again: call it when a unit stopped. */
void log_stream_poke(const char *pod_uid);

#endif
