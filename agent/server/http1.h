/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1.1 request (RFC 9112), read by a pure function that prefers refusing to guessing: lines end in
 * CRLF, nothing is folded, there is no body and so nothing to disagree with a proxy about.
 */
#ifndef VKS_AGENT_SERVER_HTTP1_H
#define VKS_AGENT_SERVER_HTTP1_H

#include "agent/server/server.h"

enum { HTTP_HEADERS_MAX = 64 };

struct http_head {
        struct request request; /* all but the user */
        size_t n_headers;
        struct {
                const char *name, *value; /* the name in lower case */
        } headers[HTTP_HEADERS_MAX];
        bool http11;     /* not HTTP/1.0, which knows no chunks */
        bool keep_alive; /* the peer means to send another request */
        int status;      /* when refused: what to answer */
        char *text;      /* owned: everything above points into it */
};

/* How long the head at `p` is, its empty line included; 0 when it is not complete. The first `scanned` bytes were asked
 * about before. */
size_t http_head_length(const char *p, size_t n, size_t scanned);

/* Reads the complete head of `n` bytes. -EINVAL sets ret->status too.
 * *ret needs http_head_done() only after success. */
int http_head_parse(const char *p, size_t n, struct http_head *ret, struct err *e);
void http_head_done(struct http_head *h);

const char *http_header(const struct http_head *h, const char *name); /* the first, or NULL; `name` in lower case */

const char *http_status_text(int status); /* "Not Found"; "Unknown" when it is */

#endif
