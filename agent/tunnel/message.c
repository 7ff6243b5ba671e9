/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
        VARINT_MAX = 10,    /* bytes */
        LAST_BITS = 1,      /* that the tenth may have */
        DEADLINE_MS = 15000 /* what remotedialer itself says, since nobody heeds it */
};

/* The bytes of the number; 0: it is none. */
static size_t get_number(const uint8_t *p, size_t n, int64_t *ret)
{
        uint64_t value = 0;

        for (size_t i = 0; i < n && i < VARINT_MAX; i++) {
                value |= (uint64_t)(p[i] & 0x7f) << 7 * i;
                if (p[i] & 0x80)
                        continue;
                if (i == VARINT_MAX - 1 && p[i] > LAST_BITS)
                        return 0;
                *ret = (int64_t)(value >> 1 ^ -(value & 1));
                return i + 1;
        }
        return 0;
}

static size_t put_number(uint8_t *p, int64_t number)
{
        uint64_t value = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
        size_t n = 0;

        for (; value > 0x7f; value >>= 7)
                p[n++] = (uint8_t)(value | 0x80);
        p[n++] = (uint8_t)value;
        return n;
}

static bool has_deadline(int64_t kind)
{
        return kind == TUNNEL_DATA || kind == TUNNEL_CONNECT;
}

int tunnel_message_parse(const void *p, size_t n, struct tunnel_message *ret, struct err *e)
{
        const uint8_t *bytes = p;
        int64_t numbers[4] = { 0 };
        size_t at = 0;

        for (size_t i = 0; i < 3U + has_deadline(numbers[2]); i++) {
                size_t took = get_number(bytes + at, n - at, &numbers[i]);

                if (took == 0)
                        return err_set(e, -EPROTO, NULL, "a message of %zu bytes without a head", n);
                at += took;
        }
        *ret = (struct tunnel_message){
                .connection = numbers[1], .kind = numbers[2], .body = (const char *)bytes + at, .size = n - at
        };
        return 0;
}

size_t tunnel_message_head(uint8_t ret[TUNNEL_HEAD_MAX], int64_t id, int64_t connection, enum tunnel_kind kind)
{
        size_t n = put_number(ret, id);

        n += put_number(ret + n, connection);
        n += put_number(ret + n, kind);
        if (has_deadline(kind))
                n += put_number(ret + n, DEADLINE_MS);
        return n;
}

bool tunnel_may_connect(const char *body, size_t n, uint16_t port)
{
        static const char *const hosts[] = { "127.0.0.1", "[::1]", "localhost" };
        char wanted[64];

        for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
                snprintf(wanted, sizeof(wanted), "tcp/%s:%u", hosts[i], port);
                if (n == strlen(wanted) && memcmp(body, wanted, n) == 0)
                        return true;
        }
        return false;
}
