/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kubectl logs` out of the journal: parsing of its options (pure), and a stream that writes the lines of one
 * container's runs. Which entries are such lines decides log_journal.h. A line is shown only if it has this pod's uid
 * (VKS_POD_UID=, which LogExtraFields= and vks-log add) and, from vks-log, this container (VKS_CONTAINER=). As any
 * process could write these fields, the unit that journald itself recorded must fit as well.
 */
#ifndef VKS_AGENT_SERVER_LOGS_H
#define VKS_AGENT_SERVER_LOGS_H

#include <systemd/sd-event.h>

#include "agent/server/server.h"

struct log_options { /* k8s.io/api core/v1 PodLogOptions */
        bool follow, previous, timestamps;
        int64_t tail;        /* number of journal messages (one may hold several lines); -1: all; 0: only new ones */
        int64_t limit_bytes; /* -1: no limit */
        uint64_t since_usec; /* wall clock, microseconds since the epoch; 0: from the start */
};

/* Reads the options from the query of /containerLogs. -EINVAL: the error names the parameter (answer with 400).
 * `now_usec` is what sinceSeconds is counted from. */
int log_options_parse(const struct request *r, uint64_t now_usec, struct log_options *ret, struct err *e);

struct log_source {
        const char *pod_uid;
        const char *container;
        const char *unit;          /* the unit's name */
        const char *invocation_id; /* 32 hex digits: only this run; NULL: all runs */
        const char *directory;     /* of the journal; NULL: this machine's */
};

enum {
        LOG_STREAMS_MAX = 100
}; /* at a time: each one costs descriptors, and each follower one of the user's 128 inotify instances */

struct log_stream;

/*
 * Starts to answer `res` with the lines. With `follow`, the stream asks `running` whenever it has read all there is
 * in the journal, and ends when the answer is no; `running` and `userdata` must stay valid until then. A stream that
 * follows one run also ends when another run has begun. log_stream_poke() makes every stream of that pod look again
 * (call it when a unit stopped).
 */
void log_stream_start(sd_event *event, struct response *res, const struct log_source *source,
                      const struct log_options *options,
                      bool (*running)(void *userdata, const char *pod_uid, const char *container), void *userdata);
void log_stream_poke(const char *pod_uid);

#endif
