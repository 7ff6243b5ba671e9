/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* The bytes are those of remotedialer 0.4.1 for message 7 of connection 3. */
Test(tunnel_message, heads_are_as_remotedialer_writes_them)
{
        static const struct {
                enum tunnel_kind kind;
                const char *bytes;
                size_t n;
        } rows[] = {
                { TUNNEL_DATA, "\x0e\x06\x02\xb0\xea\x01", 6 }, /* 15000 ms */
                { TUNNEL_CONNECT, "\x0e\x06\x04\xb0\xea\x01", 6 },
                { TUNNEL_ERROR, "\x0e\x06\x06", 3 },
                { TUNNEL_PAUSE, "\x0e\x06\x0c", 3 },
                { TUNNEL_RESUME, "\x0e\x06\x0e", 3 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                uint8_t head[TUNNEL_HEAD_MAX];

                cr_assert_eq(tunnel_message_head(head, 7, 3, rows[i].kind), rows[i].n, "row %zu", i);
                cr_assert(memcmp(head, rows[i].bytes, rows[i].n) == 0, "row %zu", i);
        }
}

Test(tunnel_message, what_was_written_is_read_back)
{
        static const int64_t numbers[] = { 0, 1, -1, 63, 64, -64, -65, 1 << 20, INT64_MAX, INT64_MIN };

        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                uint8_t text[TUNNEL_HEAD_MAX + 5];
                struct tunnel_message m;
                size_t n = tunnel_message_head(text, -numbers[ARRAY_LEN(numbers) - 2], numbers[i], TUNNEL_DATA);

                memcpy(text + n, "a\0b", 3);
                cr_assert_eq(tunnel_message_parse(text, n + 3, &m, NULL), 0);
                cr_assert_eq(m.connection, numbers[i]);
                cr_assert_eq(m.kind, TUNNEL_DATA);
                cr_assert_eq(m.size, 3);
                cr_assert(memcmp(m.body, "a\0b", 3) == 0);
        }
}

Test(tunnel_message, a_kind_that_came_later_is_one_without_a_deadline)
{
        struct tunnel_message m;

        cr_assert_eq(tunnel_message_parse("\x0e\x00\x10\x05", 4, &m, NULL), 0);
        cr_assert_eq(m.kind, 8);
        cr_assert_eq(m.size, 1);
}

Test(tunnel_message, what_is_no_message)
{
        static const struct {
                const char *bytes;
                size_t n;
        } rows[] = {
                { "", 0 },
                { "\x0e", 1 },
                { "\x0e\x06", 2 },
                { "\x0e\x06\x82", 3 },
                { "\x0e\x06\x02", 3 },         /* DATA, and no deadline */
                { "\x0e\x06\x02\xb0\xea", 5 }, /* half of one */
                { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x02\x02", 14 },
                { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x02\x06\x02", 13 }, /* more than 64 bits */
        };
        struct tunnel_message m;
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_assert_eq(tunnel_message_parse(rows[i].bytes, rows[i].n, &m, &e), -EPROTO, "row %zu", i);
}

Test(tunnel_message, only_the_kubelet_api_is_to_be_had)
{
        static const struct {
                const char *body;
                bool may;
        } rows[] = {
                { "tcp/127.0.0.1:10250", true },
                { "tcp/[::1]:10250", true },
                { "tcp/localhost:10250", true },
                { "tcp/127.0.0.1:10251", false },
                { "tcp/127.0.0.1:102500", false },
                { "tcp/127.0.0.1:1025", false },
                { "tcp/127.0.0.1:22", false },
                { "tcp/127.0.0.2:10250", false },
                { "tcp/169.254.169.254:10250", false },
                { "tcp/evil.example:10250", false },
                { "tcp/127.0.0.1:10250 ", false },
                { "udp/127.0.0.1:10250", false },
                { "unix//run/vks/helper.sock", false },
                { "tcp/", false },
                { "", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_assert_eq(tunnel_may_connect(rows[i].body, strlen(rows[i].body), 10250), rows[i].may, "%s",
                             rows[i].body);
        cr_assert_not(tunnel_may_connect("tcp/127.0.0.1:10250\0", 20, 10250));
}
