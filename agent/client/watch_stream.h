/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a watch: JSON objects, one a line, {"type": ..., "object": ...} (k8s.io/apimachinery metav1.WatchEvent).
 * Pure. */
#ifndef VKS_AGENT_CLIENT_WATCH_STREAM_H
#define VKS_AGENT_CLIENT_WATCH_STREAM_H

#include <cjson/cJSON.h>

#include "common/buf.h"
#include "common/err.h"

enum { WATCH_LINE_MAX = 8 * 1024 * 1024 };

enum watch_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_ERROR };

struct watch_event {
        enum watch_type type;
        cJSON *object; /* owned; of WATCH_ERROR a Status; of WATCH_BOOKMARK little more than a resourceVersion */
        const char *resource_version; /* in `object`; NULL for WATCH_ERROR */
};

/* Parses one line, without its newline. -EBADMSG when it is no event. The caller owns ret->object. */
int watch_event_parse(const char *line, size_t size, struct watch_event *ret, struct err *e);

/*
 * Takes a piece of the stream and calls `line` for each line that is complete; empty lines are skipped. The
 * incomplete rest is kept in `rest`, whose bound is that of a line. Stops when `line` returns non-zero and returns
 * that, -EMSGSIZE when a line is too long, else 0. `rest` is not touched after `line` returned non-zero.
 */
int watch_lines(struct buf *rest, const char *data, size_t size,
                int (*line)(void *userdata, const char *line, size_t size), void *userdata);

#endif
