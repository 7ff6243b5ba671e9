/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of grpc.health.v1.Health/Check, of which a probe needs two, and what the answer means in the kubelet's
 * words (pkg/probe/grpc/grpc.go). HTTP/2 itself is the client's (agent/client/http.h, HTTP_ALONE_2). Pure.
 */
#ifndef VKS_AGENT_PROBES_GRPC_HEALTH_H
#define VKS_AGENT_PROBES_GRPC_HEALTH_H

#include "common/buf.h"

enum { GRPC_ANSWER_MAX = 1024, GRPC_UNKNOWN = 2, GRPC_DEADLINE = 4, GRPC_UNIMPLEMENTED = 12 };

struct grpc_answer {
        int http_status;
        int code;          /* grpc-status; -1: there was none */
        char message[256]; /* grpc-message, decoded */
};

/* Appends a HealthCheckRequest for `service`, with the five bytes that gRPC puts before a message. */
void grpc_health_request(struct buf *b, const char *service);

/* Takes a line of the answer's head or trailer. */
void grpc_take_line(struct grpc_answer *a, const char *line, size_t size);

/*
 * Is the service healthy? The words that say why not, or "service healthy", go to `words`. `body` is the whole body of
 * the answer, foreign bytes as all of it.
 */
bool grpc_is_healthy(const struct grpc_answer *a, const void *body, size_t size, struct buf *words);

#endif
