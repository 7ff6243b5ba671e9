/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes/grpc_health.h"

#include <ctype.h>

#include "agent/lib/lines.h"

enum { PREFIX = 5, SERVING = 1 };

/* The field numbers and wire types of the two messages: service = 1 is a string, status = 1 is an enum. */
enum { TAG_SERVICE = 1 << 3 | 2, TAG_STATUS = 1 << 3 | 0 };

static void add_varint(struct buf *b, size_t n)
{
        for (; n >= 0x80; n >>= 7)
                buf_char(b, (char)(n | 0x80));
        buf_char(b, (char)n);
}

void grpc_health_request(struct buf *b, const char *service)
{
        CLEANUP(buf_done) struct buf message = BUF(b->max);
        size_t n = strlen(service);

        if (n) {
                buf_char(&message, TAG_SERVICE);
                add_varint(&message, n);
                buf_str(&message, service);
        }
        buf_char(b, 0); /* not compressed */
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_char(b, (char)(message.len >> shift & 0xff));
        buf_add(b, message.data, message.len);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static int digits(struct line l)
{
        int n = 0;

        if (!l.n || l.n > 3)
                return -1;
        for (size_t i = 0; i < l.n; i++) {
                if (!isdigit((unsigned char)l.s[i]))
                        return -1;
                n = n * 10 + (l.s[i] - '0');
        }
        return n;
}

static int hex(char c)
{
        const char *all = "0123456789abcdef", *p = c ? strchr(all, tolower((unsigned char)c)) : NULL;

        return p ? (int)(p - all) : -1;
}

/* Percent-encoded, as gRPC over HTTP/2 has it. */
static void decode(struct line l, char *ret, size_t size)
{
        size_t n = 0;

        for (size_t i = 0; i < l.n && n + 1 < size; i++) {
                int high = l.s[i] == '%' && i + 2 < l.n ? hex(l.s[i + 1]) : -1, low = high >= 0 ? hex(l.s[i + 2]) : -1;
                char c = l.s[i];

                if (low >= 0) {
                        c = (char)(high << 4 | low);
                        i += 2;
                }
                ret[n++] = c ? c : '?';
        }
        ret[n] = '\0';
}

void grpc_take_line(struct grpc_answer *a, const char *text, size_t size)
{
        struct line l = line_trim((struct line){ text, size }), value;

        if (l.n > 5 && strncasecmp(l.s, "HTTP/", 5) == 0) {
                (void)line_word(&l);
                a->http_status = digits(line_word(&l));
                a->code = -1;
                a->message[0] = '\0';
        } else if (line_field(l, "grpc-status", ':', &value)) {
                a->code = digits(value);
        } else if (line_field(l, "grpc-message", ':', &value)) {
                decode(value, a->message, sizeof(a->message));
        }
}

/* The number at *pos; false when the message ends in it or it is too long. */
static bool take_varint(const uint8_t *p, size_t size, size_t *pos, uint64_t *ret)
{
        uint64_t n = 0;

        for (unsigned shift = 0; shift < 64 && *pos < size; shift += 7) {
                uint8_t c = p[(*pos)++];
                n |= (uint64_t)(c & 0x7f) << shift;
                if (!(c & 0x80)) {
                        *ret = n;
                        return true;
                }
        }
        return false;
}

/* Other fields than the status are skipped, as protobuf wants it. False when it is no such message. */
static bool take_message(const uint8_t *p, size_t size, uint64_t *ret_status)
{
        uint64_t tag, n = 0;

        *ret_status = 0;
        for (size_t pos = 0; pos < size;) {
                if (!take_varint(p, size, &pos, &tag))
                        return false;
                switch (tag & 7) {
                case 0:
                        if (!take_varint(p, size, &pos, tag == TAG_STATUS ? ret_status : &n))
                                return false;
                        continue;
                case 1:
                        n = 8;
                        break;
                case 2:
                        if (!take_varint(p, size, &pos, &n))
                                return false;
                        break;
                case 5:
                        n = 4;
                        break;
                default:
                        return false;
                }
                if (n > size - pos)
                        return false;
                pos += (size_t)n;
        }
        return true;
}

static bool take_body(const uint8_t *p, size_t size, uint64_t *ret_status)
{
        size_t n;

        if (size < PREFIX || p[0] != 0)
                return false;
        n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        return n == size - PREFIX && take_message(p + PREFIX, n, ret_status);
}

bool grpc_is_healthy(const struct grpc_answer *a, const void *body, size_t size, struct buf *words)
{
        static const char *const names[] = { "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN" };
        uint64_t status;

        if (a->http_status != 200) {
                buf_printf(words, "error: health rpc probe failed: unexpected HTTP status code %d", a->http_status);
                return false;
        }
        if (a->code == GRPC_UNIMPLEMENTED) {
                buf_printf(words,
                           "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "
                           "%s",
                           a->message);
                return false;
        }
        if (a->code != 0) {
                buf_printf(words, "error: health rpc probe failed: rpc error: code = %d desc = %s",
                           a->code < 0 ? GRPC_UNKNOWN : a->code, a->code < 0 ? "no grpc-status" : a->message);
                return false;
        }
        if (!take_body(body, size, &status)) {
                buf_str(words, "error: health rpc probe failed: the answer is no HealthCheckResponse");
                return false;
        }
        if (status == SERVING) {
                buf_str(words, "service healthy");
                return true;
        }
        if (status < ARRAY_LEN(names))
                buf_printf(words, "service unhealthy (responded with \"%s\")", names[status]);
        else
                buf_printf(words, "service unhealthy (responded with \"%llu\")", (unsigned long long)status);
        return false;
}
