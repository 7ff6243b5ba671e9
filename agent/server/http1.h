/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1.1 request (RFC 9112). The parser is pure, and refuses what is ambiguous: lines must end in
 * CRLF, header lines must not be folded, and a request must have no body, so that no proxy can read it differently.
 */
#ifndef VKS_AGENT_SERVER_HTTP1_H
#define VKS_AGENT_SERVER_HTTP1_H

#include "agent/server/server.h"

enum { HTTP_HEADERS_MAX = 64 };

struct http_head {
        struct request request; /* all of it but user, groups and head */
        size_t n_headers;
        struct {
                const char *name, *value; /* the name in lower case */
        } headers[HTTP_HEADERS_MAX];
        bool http11;     /* not HTTP/1.0, which knows no chunks */
        bool keep_alive; /* the peer means to send another request */
        int status;      /* the HTTP status to answer when the head is refused */
        char *text;      /* owned; everything above points into it */
};

/* The length of the head at `p`, its empty line included; 0 when the head is not complete. `scanned`: this many bytes
 * were there at the last call already. */
size_t http_head_length(const char *p, size_t n, size_t scanned);

/* Reads the complete head of `n` bytes. -EINVAL sets ret->status too.
 * *ret needs http_head_done() only after success. */
int http_head_parse(const char *p, size_t n, struct http_head *ret, struct err *e);
void http_head_done(struct http_head *h);

const char *http_header(const struct http_head *h, const char *name); /* the first, or NULL; `name` in lower case */

/* All headers of that name, joined by ", " as RFC 9110 has it; the caller owns it. NULL: none. */
char *http_header_all(const struct http_head *h, const char *name);

const char *http_status_text(int status); /* "Not Found"; "Unknown" for a status that is not in the table */

#endif
