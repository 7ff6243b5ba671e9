/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSocket; what they mean is in test_channels.c. */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/streams/websocket.h"

Test(websocket, the_accept_of_the_rfcs_key)
{
        char accept[WEBSOCKET_ACCEPT_SIZE];

        cr_assert(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
        cr_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        cr_assert(websocket_accept("AAAAAAAAAAAAAAAAAAAAAA==", accept));
}

Test(websocket, what_is_no_key)
{
        static const char *const keys[] = {
                "",
                "====",
                "dGhlIHNhbXBsZSBub25jZQ",
                "dGhlIHNhbXBsZSBub25jZQ=",
                "dGhlIHNhbXBsZSBub25jZQ===",
                "dGhlIHNhbXBsZSBub25jZ===",
                "dGhlIHNhbXBsZSBub25jZQ= =",
                "dGhlIHNhbXBsZSBub25jZWU=",
                "dGhlIHNhbXBsZSBub25jZWVl",
                "dGhl!HNhbXBsZSBub25jZQ==",
                "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNh",
        };
        char accept[WEBSOCKET_ACCEPT_SIZE];

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                cr_assert(!websocket_accept(keys[i], accept), "%s", keys[i]);
}

Test(websocket, a_head_is_read_when_it_is_all_there)
{
        static const struct {
                const char *bytes;
                size_t n;
                bool fin;
                enum websocket_opcode opcode;
                uint64_t length;
        } rows[] = {
                { "\x82\x80mask", 6, true, WEBSOCKET_BINARY, 0 },
                { "\x01\xfdmask", 6, false, WEBSOCKET_TEXT, 125 },
                { "\x80\xfe\0\x7emask", 8, true, WEBSOCKET_CONTINUATION, 126 },
                { "\x82\xfe\xff\xffmask", 8, true, WEBSOCKET_BINARY, 0xffff },
                { "\x82\xff\0\0\0\0\0\1\0\0mask", 14, true, WEBSOCKET_BINARY, 0x10000 },
                { "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", 14, true, WEBSOCKET_BINARY, UINT64_MAX >> 1 },
                { "\x88\x82mask", 6, true, WEBSOCKET_CLOSE, 2 },
                { "\x89\xfdmask", 6, true, WEBSOCKET_PING, 125 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct websocket_frame f;
                struct err e = ERR_NONE;

                for (size_t n = 0; n < rows[i].n; n++)
                        cr_assert_eq(websocket_frame_parse((const uint8_t *)rows[i].bytes, n, &f, &e), 0, "row %zu", i);
                cr_assert_eq(websocket_frame_parse((const uint8_t *)rows[i].bytes, rows[i].n, &f, &e), (int)rows[i].n);
                cr_assert_eq(f.fin, rows[i].fin);
                cr_assert_eq(f.opcode, rows[i].opcode);
                cr_assert_eq(f.length, rows[i].length);
                cr_assert_eq(memcmp(f.mask, "mask", 4), 0);
        }
}

Test(websocket, unmasking_begins_anywhere_and_may_be_in_place)
{
        static const uint8_t mask[4] = { 0x12, 0xab, 0x00, 0xff };
        uint8_t plain[100], out[100];

        for (size_t i = 0; i < sizeof(plain); i++)
                plain[i] = (uint8_t)(i * 7);
        for (size_t offset = 0; offset < 9; offset++) {
                for (size_t n = 0; n <= sizeof(plain); n++) {
                        websocket_unmask(out, plain, n, mask, offset);
                        for (size_t i = 0; i < n; i++)
                                cr_assert_eq(out[i], plain[i] ^ mask[(offset + i) % 4]);
                        websocket_unmask(out, out, n, mask, offset);
                        cr_assert_eq(memcmp(out, plain, n), 0);
                }
        }
}

Test(websocket, heads_that_are_sent)
{
        uint8_t head[WEBSOCKET_SENT_HEAD_MAX];

        cr_assert_eq(websocket_head(head, WEBSOCKET_BINARY, 125), 2);
        cr_assert_eq(memcmp(head, "\x82\x7d", 2), 0);
        cr_assert_eq(websocket_head(head, WEBSOCKET_TEXT, 126), 4);
        cr_assert_eq(memcmp(head, "\x81\x7e\0\x7e", 4), 0);
        cr_assert_eq(websocket_head(head, WEBSOCKET_BINARY, 0xffff), 4);
        cr_assert_eq(memcmp(head, "\x82\x7e\xff\xff", 4), 0);
        cr_assert_eq(websocket_head(head, WEBSOCKET_BINARY, 0x10000), 10);
        cr_assert_eq(memcmp(head, "\x82\x7f\0\0\0\0\0\1\0\0", 10), 0);
}

/* For a connection that we have begun: our frames have a mask, the other side's have none. */
Test(websocket, the_clients_side)
{
        static const uint8_t mask[4] = { 1, 2, 3, 4 };
        uint8_t head[WEBSOCKET_HEAD_MAX], random[16] = { 0 };
        struct websocket_frame f;
        struct err e = ERR_NONE;
        char key[WEBSOCKET_KEY_SIZE];

        cr_assert_eq(websocket_client_head(head, WEBSOCKET_BINARY, 5, mask), 6);
        cr_assert_eq(memcmp(head, "\x82\x85\1\2\3\4", 6), 0);
        cr_assert_eq(websocket_client_head(head, WEBSOCKET_BINARY, 0x10000, mask), 14);
        cr_assert_eq(websocket_frame_parse(head, 14, &f, &e), 14);
        cr_assert_eq(f.length, 0x10000);
        cr_assert_eq(memcmp(f.mask, mask, 4), 0);
        cr_assert_eq(websocket_server_frame_parse(head, 14, &f, &e), -EPROTO, "a server's frame with a mask");

        cr_assert_eq(websocket_server_frame_parse((const uint8_t *)"\x82\x7e\1\0", 3, &f, &e), 0);
        cr_assert_eq(websocket_server_frame_parse((const uint8_t *)"\x82\x7e\1\0", 4, &f, &e), 4);
        cr_assert_eq(f.length, 256);
        cr_assert_eq(memcmp(f.mask, "\0\0\0\0", 4), 0);
        cr_assert_eq(websocket_server_frame_parse((const uint8_t *)"\x89\0", 2, &f, &e), 2, "a ping");

        websocket_key(random, key);
        cr_assert_str_eq(key, "AAAAAAAAAAAAAAAAAAAAAA==");
}
