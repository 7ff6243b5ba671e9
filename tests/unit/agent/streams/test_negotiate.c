/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/streams/negotiate.h"

static const struct streams_wish command = { .out = true }, forward = { .port_forward = true };

#define SPDY .method = "POST", .connection = "Upgrade", .upgrade = "SPDY/3.1"
#define WEBSOCKET                                                                                                      \
        .method = "GET", .connection = "Upgrade", .upgrade = "websocket", .version = "13",                             \
        .key = "dGhlIHNhbXBsZSBub25jZQ=="

Test(negotiate, what_is_agreed_on)
{
        static const struct {
                struct upgrade_request r;
                const struct streams_wish *wish;
                int wire;
                unsigned version;
                bool base64;
                const char *header;
        } rows[] = {
                { { SPDY, .stream_protocols = "v5.channel.k8s.io, v4.channel.k8s.io, v3.channel.k8s.io" },
                  &command,
                  WIRE_SPDY,
                  4,
                  false,
                  "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n" },
                { { SPDY, .stream_protocols = "v2.channel.k8s.io,v4.channel.k8s.io" },
                  &command,
                  WIRE_SPDY,
                  2,
                  false,
                  "X-Stream-Protocol-Version: v2.channel.k8s.io\r\n" },
                { { SPDY, .stream_protocols = "channel.k8s.io" },
                  &command,
                  WIRE_SPDY,
                  1,
                  false,
                  "X-Stream-Protocol-Version: channel.k8s.io\r\n" },
                { { SPDY, .stream_protocols = "portforward.k8s.io" },
                  &forward,
                  WIRE_SPDY,
                  1,
                  false,
                  "X-Stream-Protocol-Version: portforward.k8s.io\r\n" },
                { { .method = "GET",
                    .connection = "keep-alive, upgrade",
                    .upgrade = "spdy/3.1",
                    .stream_protocols = "v4.channel.k8s.io" },
                  &command,
                  WIRE_SPDY,
                  4,
                  false,
                  "Upgrade: SPDY/3.1\r\n" },
                { { WEBSOCKET, .protocols = "v5.channel.k8s.io, v4.channel.k8s.io" },
                  &command,
                  WIRE_WEBSOCKET,
                  5,
                  false,
                  "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n" },
                { { WEBSOCKET, .protocols = "what, v4.base64.channel.k8s.io" },
                  &command,
                  WIRE_WEBSOCKET,
                  4,
                  true,
                  "Sec-WebSocket-Protocol: v4.base64.channel.k8s.io\r\n" },
                { { WEBSOCKET, .protocols = "base64.channel.k8s.io" },
                  &command,
                  WIRE_WEBSOCKET,
                  1,
                  true,
                  "Sec-WebSocket-Protocol: base64.channel.k8s.io\r\n" },
                { { WEBSOCKET },
                  &command,
                  WIRE_WEBSOCKET,
                  1,
                  false,
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" },
                { { WEBSOCKET, .protocols = "SPDY/3.1+portforward.k8s.io" },
                  &forward,
                  WIRE_TUNNEL,
                  1,
                  false,
                  "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n" },
                { { WEBSOCKET, .protocols = "v4.channel.k8s.io", .ports = { "80" }, .n_ports = 1 },
                  &forward,
                  WIRE_WEBSOCKET,
                  4,
                  false,
                  "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct agreement a;
                struct err e = ERR_NONE;

                cr_assert_eq(upgrade_negotiate(&rows[i].r, rows[i].wish, &a, &e), 0, "row %zu: %s", i, e.text);
                cr_assert_eq(a.status, 101);
                cr_assert_eq((int)a.wire, rows[i].wire, "row %zu", i);
                cr_assert_eq(a.version, rows[i].version, "row %zu", i);
                cr_assert_eq(a.base64, rows[i].base64, "row %zu", i);
                cr_assert_not_null(strstr(a.headers, rows[i].header), "row %zu: %s", i, a.headers);
                cr_assert_not_null(strstr(a.headers, "Connection: Upgrade\r\n"));
        }
}

Test(negotiate, what_is_refused)
{
        static const struct {
                struct upgrade_request r;
                const struct streams_wish *wish;
                int status;
        } rows[] = {
                { { .method = "POST" }, &command, 400 },
                { { .method = "POST", .upgrade = "SPDY/3.1", .stream_protocols = "v4.channel.k8s.io" }, &command, 400 },
                { { .method = "POST", .connection = "Upgrade", .stream_protocols = "v4.channel.k8s.io" },
                  &command,
                  400 },
                { { .method = "POST",
                    .connection = "upgraded",
                    .upgrade = "SPDY/3.1",
                    .stream_protocols = "v4.channel.k8s.io" },
                  &command,
                  400 },
                { { .method = "POST",
                    .connection = "Upgrade",
                    .upgrade = "SPDY/3",
                    .stream_protocols = "v4.channel.k8s.io" },
                  &command,
                  400 },
                { { SPDY }, &command, 400 },
                { { SPDY, .stream_protocols = "" }, &command, 403 },
                { { SPDY, .stream_protocols = "v5.channel.k8s.io" }, &command, 403 },
                { { SPDY, .stream_protocols = "portforward.k8s.io" }, &command, 403 },
                { { SPDY, .stream_protocols = "v4.channel.k8s.io" }, &forward, 403 },
                { { SPDY, .stream_protocols = "v4.channel.k8s.iox,v4.channel.k8s.i" }, &command, 403 },
                { { .method = "POST", .connection = "Upgrade", .upgrade = "websocket" }, &command, 405 },
                { { .method = "GET", .connection = "Upgrade", .upgrade = "websocket" }, &command, 426 },
                { { .method = "GET", .connection = "Upgrade", .upgrade = "websocket", .version = "13" },
                  &command,
                  400 },
                { { .method = "GET",
                    .connection = "Upgrade",
                    .upgrade = "websocket",
                    .version = "13",
                    .key = "dGhlIHNhbXBsZSBub25jZQ=" },
                  &command,
                  400 },
                { { .method = "GET",
                    .connection = "Upgrade",
                    .upgrade = "websocket",
                    .version = "13",
                    .key = "dGhlIHNhbXBsZSBub25j!Q==" },
                  &command,
                  400 },
                { { .method = "GET",
                    .connection = "Upgrade",
                    .upgrade = "websocket",
                    .version = "13",
                    .key = "dGhlIHNhbXBsZSBub25jZWVl" },
                  &command,
                  400 },
                { { WEBSOCKET, .protocols = "v6.channel.k8s.io" }, &command, 403 },
                { { WEBSOCKET, .protocols = "SPDY/3.1+portforward.k8s.io" }, &command, 403 },
                { { WEBSOCKET, .protocols = "v5.channel.k8s.io" }, &forward, 403 },
                { { WEBSOCKET, .protocols = "v4.channel.k8s.io" }, &forward, 400 }, /* which port? */
                { { WEBSOCKET, .ports = { "0" }, .n_ports = 1 }, &forward, 400 },
                { { WEBSOCKET, .ports = { "80,65536" }, .n_ports = 1 }, &forward, 400 },
                { { WEBSOCKET, .ports = { "80," }, .n_ports = 1 }, &forward, 400 },
                { { WEBSOCKET, .ports = { "" }, .n_ports = 1 }, &forward, 400 },
                { { WEBSOCKET, .ports = { "8x" }, .n_ports = 1 }, &forward, 400 },
                { { WEBSOCKET, .ports = { "000080" }, .n_ports = 1 }, &forward, 400 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct agreement a;
                struct err e = ERR_NONE;

                cr_assert_eq(upgrade_negotiate(&rows[i].r, rows[i].wish, &a, &e), -EINVAL, "row %zu", i);
                cr_assert_eq(a.status, rows[i].status, "row %zu: %d", i, a.status);
                cr_assert(starts_with(e.text, "unable to upgrade: "));
                cr_assert_null(strstr(a.headers, "Upgrade:"), "row %zu", i);
        }
}

Test(negotiate, ports_of_a_websocket)
{
        struct upgrade_request r = { WEBSOCKET, .ports = { "80,443", "65535" }, .n_ports = 2 };
        struct agreement a;
        struct err e = ERR_NONE;
        char many[STREAMS_PORTS_MAX * 2 + 1];

        cr_assert_eq(upgrade_negotiate(&r, &forward, &a, &e), 0);
        cr_assert_eq(a.n_ports, 3);
        cr_assert(a.ports[0] == 80 && a.ports[1] == 443 && a.ports[2] == 65535);
        for (size_t i = 0; i < STREAMS_PORTS_MAX; i++)
                memcpy(many + 2 * i, "1,", 2);
        many[sizeof(many) - 2] = '\0';
        r.ports[0] = many;
        r.n_ports = 1;
        cr_assert_eq(upgrade_negotiate(&r, &forward, &a, &e), 0);
        cr_assert_eq(a.n_ports, STREAMS_PORTS_MAX);
        r.n_ports = 2;
        cr_assert_eq(upgrade_negotiate(&r, &forward, &a, &e), -EINVAL);
}

Test(negotiate, a_refusal_names_what_is_known)
{
        struct agreement a;
        struct err e = ERR_NONE;

        upgrade_negotiate(&(struct upgrade_request){ SPDY, .stream_protocols = "x" }, &command, &a, &e);
        cr_assert_str_eq(a.headers, "X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"
                                    "X-Accepted-Stream-Protocol-Versions: v3.channel.k8s.io\r\n"
                                    "X-Accepted-Stream-Protocol-Versions: v2.channel.k8s.io\r\n"
                                    "X-Accepted-Stream-Protocol-Versions: channel.k8s.io\r\n");
}
