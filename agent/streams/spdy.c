/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/spdy.h"

#include <errno.h>
#include <zlib.h>

#include "common/mem.h"

enum { VERSION = 3, CHUNK = 4096 };

static int broken(struct err *e, const char *why)
{
        return err_set(e, -EPROTO, NULL, "%s", why);
}

int spdy_frame_parse(const uint8_t head[SPDY_HEAD], struct spdy_frame *ret, struct err *e)
{
        uint32_t first = spdy_u32(head), second = spdy_u32(head + 4);

        *ret = (struct spdy_frame){
                .control = first >> 31,
                .flags = (uint8_t)(second >> 24),
                .length = second & 0xffffff,
        };
        if (!ret->control) {
                ret->id = first;
                return 0;
        }
        ret->type = first & 0xffff;
        if ((first >> 16 & 0x7fff) != VERSION)
                return broken(e, "a frame of another version than SPDY/3");
        if (ret->length > SPDY_CONTROL_MAX)
                return broken(e, "a control frame is too long");
        return 0;
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

/* Section 2.6.10.1: each of the words with its length before it (32 bits, the highest byte first), and the rest as it
 * is. */
static const char words[] =
        "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
        "allow authorization cache-control connection content-base content-encoding content-language content-length "
        "content-location content-md5 content-range content-type date etag expect expires from host if-match "
        "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
        "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
        "user-agent vary via warning www-authenticate method get status 200|OK version HTTP/1.1 url public set-cookie "
        "keep-alive origin";
static const char rest[] =
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

void spdy_dictionary(uint8_t ret[SPDY_DICTIONARY])
{
        uint8_t *to = ret;

        for (const char *word = words; *word;) {
                size_t n = strcspn(word, " ");

                *to++ = 0;
                *to++ = 0;
                *to++ = 0;
                *to++ = (uint8_t)n;
                for (size_t i = 0; i < n; i++)
                        *to++ = word[i] == '|' ? ' ' : (uint8_t)word[i]; /* the blank of "200 OK" divides nothing */
                word += n;
                word += strspn(word, " ");
        }
        memcpy(to, rest, sizeof(rest) - 1);
}

struct spdy_inflater {
        z_stream z;
};

struct spdy_inflater *spdy_inflater_new(void)
{
        struct spdy_inflater *z = NEW(struct spdy_inflater);

        return inflateInit(&z->z) == Z_OK ? z : spdy_inflater_free(z);
}

struct spdy_inflater *spdy_inflater_free(struct spdy_inflater *z)
{
        if (z)
                inflateEnd(&z->z);
        free(z);
        return NULL;
}

/* The dictionary is asked for once, after the first bytes of the first block. */
static int give_dictionary(z_stream *z)
{
        uint8_t dictionary[SPDY_DICTIONARY];

        spdy_dictionary(dictionary);
        return inflateSetDictionary(z, dictionary, sizeof(dictionary));
}

static int inflate_block(z_stream *z, const uint8_t *block, size_t n, struct buf *ret, struct err *e)
{
        uint8_t chunk[CHUNK];
        int r;

        z->next_in = (uint8_t *)block; /* zlib only reads there */
        z->avail_in = (uInt)n;
        do {
                z->next_out = chunk;
                z->avail_out = sizeof(chunk);
                r = inflate(z, Z_SYNC_FLUSH);
                if (r == Z_NEED_DICT) {
                        if (give_dictionary(z) != Z_OK)
                                return broken(e, "headers are compressed with another dictionary than SPDY/3's");
                        continue;
                }
                if (r != Z_OK && r != Z_BUF_ERROR)
                        return broken(e, "headers cannot be decompressed");
                buf_add(ret, chunk, sizeof(chunk) - z->avail_out);
                if (!buf_ok(ret))
                        return broken(e, "headers are too long");
        } while (r == Z_NEED_DICT || z->avail_out == 0);
        return 0;
}

/* Cuts off a length and as many bytes, which get a NUL behind them: where the next length begins. NULL: not there. */
static char *take_string(char **p, size_t *left)
{
        size_t n;
        char *s;

        if (*left < 4)
                return NULL;
        n = spdy_u32((const uint8_t *)*p);
        *left -= 4;
        if (n > *left)
                return NULL;
        s = *p + 3; /* one byte before its place, so that what follows keeps its own */
        memmove(s, *p + 4, n);
        s[n] = '\0';
        *p += 4 + n;
        *left -= n;
        return s;
}

static int parse_headers(struct buf *b, struct spdy_headers *ret, struct err *e)
{
        char *p = b->data;
        size_t left = b->len;
        uint32_t n;

        if (left < 4)
                return broken(e, "a block of headers is incomplete");
        n = spdy_u32((const uint8_t *)p);
        if (n > SPDY_HEADERS_MAX)
                return broken(e, "too many headers");
        p += 4;
        left -= 4;
        for (; ret->n < n; ret->n++) {
                char *name = take_string(&p, &left), *value = name ? take_string(&p, &left) : NULL;

                if (!value)
                        return broken(e, "a block of headers is incomplete");
                ret->header[ret->n].name = name;
                ret->header[ret->n].value = value;
        }
        if (left > 0)
                return broken(e, "a block of headers is longer than it says");
        ret->text = buf_steal(b);
        return 0;
}

int spdy_inflate(struct spdy_inflater *z, const uint8_t *block, size_t n, struct spdy_headers *ret, struct err *e)
{
        CLEANUP(buf_done) struct buf b = BUF(SPDY_INFLATED_MAX);
        int r;

        *ret = (struct spdy_headers){ 0 };
        r = inflate_block(&z->z, block, n, &b, e);
        return r < 0 ? r : parse_headers(&b, ret, e);
}

void spdy_headers_done(struct spdy_headers *h)
{
        free(h->text);
        *h = (struct spdy_headers){ 0 };
}

const char *spdy_header(const struct spdy_headers *h, const char *name)
{
        for (size_t i = 0; i < h->n; i++)
                if (streq(h->header[i].name, name))
                        return h->header[i].value;
        return NULL;
}

/* ---- what is sent ----------------------------------------------------------------------------------------------- */

static uint8_t *put_u32(uint8_t *p, size_t value)
{
        *p++ = (uint8_t)(value >> 24);
        *p++ = (uint8_t)(value >> 16);
        *p++ = (uint8_t)(value >> 8);
        *p++ = (uint8_t)value;
        return p;
}

static uint8_t *put_control(uint8_t *p, unsigned type, size_t length)
{
        return put_u32(put_u32(p, 0x80000000U | VERSION << 16 | type), length);
}

size_t spdy_data_head(uint8_t ret[SPDY_SENT_MAX], uint32_t id, size_t n, bool fin)
{
        put_u32(put_u32(ret, id), (fin ? (size_t)SPDY_FLAG_FIN << 24 : 0) | n);
        return SPDY_HEAD;
}

/*
 * The block of headers is empty: a count of 0, four bytes. Deflate may store bytes as they are, so no compressor is
 * needed, and none of its memory. The empty stored block behind it is what a flush makes: only there Go's
 * decompressor hands out what it has.
 */
size_t spdy_syn_reply(uint8_t ret[SPDY_SENT_MAX], uint32_t id, bool first)
{
        static const uint8_t begin[] = {
                0x78, 0x20, 0xe3, 0xc6, 0xa7, 0xc2
        }; /* zlib; with the dictionary's Adler-32 */
        static const uint8_t block[] = { 0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
        size_t n = (first ? sizeof(begin) : 0) + sizeof(block);
        uint8_t *p = put_u32(put_control(ret, SPDY_SYN_REPLY, 4 + n), id);

        if (first) {
                memcpy(p, begin, sizeof(begin));
                p += sizeof(begin);
        }
        memcpy(p, block, sizeof(block));
        return SPDY_HEAD + 4 + n;
}

size_t spdy_rst_stream(uint8_t ret[SPDY_SENT_MAX], uint32_t id, uint32_t status)
{
        put_u32(put_u32(put_control(ret, SPDY_RST_STREAM, 8), id), status);
        return SPDY_HEAD + 8;
}

size_t spdy_ping(uint8_t ret[SPDY_SENT_MAX], uint32_t id)
{
        put_u32(put_control(ret, SPDY_PING, 4), id);
        return SPDY_HEAD + 4;
}

size_t spdy_goaway(uint8_t ret[SPDY_SENT_MAX], uint32_t last_id, uint32_t status)
{
        put_u32(put_u32(put_control(ret, SPDY_GOAWAY, 8), last_id), status);
        return SPDY_HEAD + 8;
}
