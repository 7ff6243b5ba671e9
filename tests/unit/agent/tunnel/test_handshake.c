/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/handshake.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"

/* RFC 6455, section 1.3 */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define YES    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" ACCEPT "\r\n"

Test(handshake, asks)
{
        CLEANUP(freep) char *request = handshake_request("/v1-k3s/connect", "k3s.example:6443", KEY);

        cr_assert(strncmp(request, "GET /v1-k3s/connect HTTP/1.1\r\nHost: k3s.example:6443\r\n", 52) == 0);
        cr_assert(strstr(request, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
        cr_assert(strcmp(request + strlen(request) - 4, "\r\n\r\n") == 0);
}

Test(handshake, a_yes_is_one_when_it_is_whole)
{
        char text[] = YES "\x89";
        size_t head = strlen(YES);
        struct err e = ERR_NONE;

        for (size_t n = 0; n < head; n++)
                cr_assert_eq(handshake_judge(text, n, KEY, &e), 0, "%zu bytes", n);
        cr_assert_eq(handshake_judge(text, head, KEY, &e), (int)head);
        cr_assert_eq(handshake_judge(text, head + 1, KEY, &e), (int)head);
}

Test(handshake, what_is_no_yes)
{
        static const struct {
                const char *text;
                int error;
                const char *words;
        } rows[] = {
                { "HTTP/1.1 401 Unauthorized\r\n\r\n", -EACCES, "401 Unauthorized" },
                { "HTTP/1.1 403 Forbidden\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", -EACCES, "403" },
                { "HTTP/1.1 404 Not Found\r\n\r\n", -EPROTO, "404 Not Found" },
                { "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", -EPROTO, "200 OK" },
                { "HTTP/1.1 1010 Long\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", -EPROTO, "1010" },
                { "HTTP/1.1 101\r\n\r\n", -EPROTO, "not a WebSocket's" },
                { "HTTP/1.1 101 Switching\r\n" ACCEPT "\r\n", -EPROTO, "not a WebSocket's" },
                { "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n" ACCEPT "\r\n", -EPROTO, "not a WebSocket's" },
                { "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", -EPROTO, "not a WebSocket's" },
                { "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n" ACCEPT ACCEPT "\r\n", -EPROTO,
                  "not a WebSocket's" },
                { "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
                  -EPROTO, "not a WebSocket's" },
                { "SSH-2.0-OpenSSH_9.2\r\n\r\n", -EPROTO, "SSH-2.0" },
                { "\r\n\r\n", -EPROTO, "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = ERR_NONE;

                cr_assert_eq(handshake_judge(rows[i].text, strlen(rows[i].text), KEY, &e), rows[i].error, "row %zu", i);
                cr_assert(strstr(e.text, rows[i].words), "row %zu: %s", i, e.text);
        }
}

Test(handshake, an_answer_without_an_end_is_bounded)
{
        static char text[HANDSHAKE_MAX + 1];
        struct err e = ERR_NONE;

        memset(text, 'a', sizeof(text));
        cr_assert_eq(handshake_judge(text, HANDSHAKE_MAX, KEY, &e), 0);
        cr_assert_eq(handshake_judge(text, HANDSHAKE_MAX + 1, KEY, &e), -EPROTO);
}
