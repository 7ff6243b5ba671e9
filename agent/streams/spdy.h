/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, with version 3.1's numbers): pure. What the frames mean is in
 * spdy_streams.c.
 *
 * A frame is 8 bytes of head and its payload. A payload of data may be as long as 24 bits say, since it is passed on as
 * it comes; a control frame is waited for as a whole, and so has a bound.
 */
#ifndef VKS_AGENT_STREAMS_SPDY_H
#define VKS_AGENT_STREAMS_SPDY_H

#include "common/buf.h"
#include "common/err.h"

enum {
        SPDY_SYN_STREAM = 1,
        SPDY_SYN_REPLY = 2,
        SPDY_RST_STREAM = 3,
        SPDY_SETTINGS = 4,
        SPDY_PING = 6,
        SPDY_GOAWAY = 7,
        SPDY_HEADERS = 8,
        SPDY_WINDOW_UPDATE = 9,
};
enum { SPDY_FLAG_FIN = 1 };
enum { SPDY_RST_PROTOCOL_ERROR = 1, SPDY_RST_REFUSED = 3 };
enum { SPDY_GOAWAY_OK = 0, SPDY_GOAWAY_PROTOCOL_ERROR = 1 };
enum {
        SPDY_HEAD = 8,
        SPDY_CONTROL_MAX = 16 * 1024,           /* the payload of a control frame */
        SPDY_INFLATED_MAX = 64 * 1024,          /* a block of headers */
        SPDY_HEADERS_MAX = 64,                  /* in a block */
        SPDY_SENT_MAX = SPDY_HEAD + 4 + 6 + 14, /* the longest frame that the functions below make: a SYN_REPLY */
};

struct spdy_frame {
        bool control;
        uint16_t type; /* of a control frame */
        uint8_t flags;
        uint32_t id;     /* of a data frame's stream */
        uint32_t length; /* of the payload */
};

/* -EPROTO when no frame may begin so. */
int spdy_frame_parse(const uint8_t head[SPDY_HEAD], struct spdy_frame *ret, struct err *e);

static inline uint32_t spdy_u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- headers: one zlib stream for all blocks that come in ------------------------------------------------------- */

struct spdy_inflater; /* some 40 KiB */
struct spdy_inflater *spdy_inflater_new(void);
struct spdy_inflater *spdy_inflater_free(struct spdy_inflater *z);
DEFINE_FREEP(struct spdy_inflater, spdy_inflater_free)

struct spdy_headers {
        size_t n;
        struct {
                const char *name, *value; /* of a header that has several values the first */
        } header[SPDY_HEADERS_MAX];
        char *text; /* owned; the strings point into it */
};

/* -EPROTO, also when it is too much. *ret needs spdy_headers_done() only after success. Every block must be given,
 * also those that nobody wants to know: the next one builds on them. */
int spdy_inflate(struct spdy_inflater *z, const uint8_t *block, size_t n, struct spdy_headers *ret, struct err *e);
void spdy_headers_done(struct spdy_headers *h);
const char *spdy_header(const struct spdy_headers *h, const char *name); /* NULL when absent; `name` in lower case */

enum { SPDY_DICTIONARY = 1423 };
void spdy_dictionary(uint8_t ret[SPDY_DICTIONARY]); /* what both sides begin their zlib streams with */

/* ---- frames that are sent: each returns its length -------------------------------------------------------------- */

size_t spdy_data_head(uint8_t ret[SPDY_SENT_MAX], uint32_t id, size_t n, bool fin); /* n bytes follow */
/* Without headers. `first`: of this connection. */
size_t spdy_syn_reply(uint8_t ret[SPDY_SENT_MAX], uint32_t id, bool first);
size_t spdy_rst_stream(uint8_t ret[SPDY_SENT_MAX], uint32_t id, uint32_t status);
size_t spdy_ping(uint8_t ret[SPDY_SENT_MAX], uint32_t id);
size_t spdy_goaway(uint8_t ret[SPDY_SENT_MAX], uint32_t last_id, uint32_t status);

#endif
