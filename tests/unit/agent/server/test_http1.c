/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/server/http1.h"
#include "common/buf.h"
#include "common/mem.h"

static struct http_head parse(const char *text)
{
        struct http_head h;
        struct err e = ERR_NONE;

        cr_assert_eq(http_head_length(text, strlen(text), 0), strlen(text), "%s", text);
        cr_assert_eq(http_head_parse(text, strlen(text), &h, &e), 0, "%s", e.text);
        return h;
}

static int refused_n(const char *text, size_t n)
{
        struct http_head h;
        struct err e = ERR_NONE;

        cr_assert_eq(http_head_parse(text, n, &h, &e), -EINVAL, "%s", text);
        cr_assert(*e.text);
        cr_assert_null(h.text);
        return h.status;
}

static int refused(const char *text)
{
        return refused_n(text, strlen(text));
}

/* One more header, or a wrong one, in an otherwise good request. */
static int refused_header(const char *line)
{
        char text[512];

        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: n\r\n%s\r\n\r\n", line);
        return refused(text);
}

static int refused_target(const char *target)
{
        char text[512];

        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: n\r\n\r\n", target);
        return refused(text);
}

Test(http1, a_kubelets_request_is_read)
{
        struct http_head h = parse(
                "POST /exec/default/web%2D0/c?command=sh&command=-c&command=echo+a%0a%26%c3%a9&input=1&tty HTTP/1.1\r\n"
                "Host: node:10250\r\nContent-Length: 0\r\nX-Thing:  two words \t\r\nConnection: Upgrade\r\n\r\n");

        cr_assert_str_eq(h.request.method, "POST");
        cr_assert_str_eq(h.request.path, "/exec/default/web-0/c");
        cr_assert_eq(h.request.n_query, 5);
        cr_assert_str_eq(h.request.query[2].value, "echo a\n&\xc3\xa9");
        cr_assert_str_eq(request_query(&h.request, "command"), "sh");
        cr_assert_str_eq(request_query(&h.request, "tty"), "");
        cr_assert_null(request_query(&h.request, "stdin"));
        cr_assert_str_eq(http_header(&h, "x-thing"), "two words");
        cr_assert_null(http_header(&h, "x-other"));
        cr_assert(h.http11 && h.keep_alive);
        http_head_done(&h);
}

/* kubectl exec POD -- ls with as many files as a shell's pattern found */
Test(http1, a_command_may_have_many_words)
{
        CLEANUP(buf_done) struct buf b = BUF(SERVER_HEAD_MAX);
        struct http_head h;
        struct err e = ERR_NONE;

        buf_str(&b, "GET /exec?");
        for (int i = 0; i < SERVER_QUERY_MAX; i++)
                buf_str(&b, "command=x&");
        buf_str(&b, " HTTP/1.1\r\nHost: n\r\n\r\n");
        cr_assert(buf_ok(&b));
        cr_assert_eq(http_head_parse(b.data, b.len, &h, &e), 0, "%s", e.text);
        cr_assert_eq(h.request.n_query, SERVER_QUERY_MAX);
        cr_assert_str_eq(h.request.query[SERVER_QUERY_MAX - 1].value, "x");
        http_head_done(&h);
}

Test(http1, a_plus_is_a_blank_in_the_query_only)
{
        struct http_head h = parse("GET /a+b?c+d=e%2Bf&&=&x== HTTP/1.1\r\nHost: n\r\n\r\n");

        cr_assert_str_eq(h.request.path, "/a+b");
        cr_assert_eq(h.request.n_query, 3);
        cr_assert_str_eq(h.request.query[0].name, "c d");
        cr_assert_str_eq(h.request.query[0].value, "e+f");
        cr_assert_str_eq(h.request.query[2].value, "=");
        http_head_done(&h);
}

Test(http1, a_head_is_complete_with_its_empty_line)
{
        static const char text[] = "GET / HTTP/1.1\r\nHost: n\r\n\r\nGET";
        size_t whole = sizeof(text) - 4;

        for (size_t n = 0; n < sizeof(text); n++)
                for (size_t scanned = 0; scanned <= n && scanned < whole; scanned++)
                        cr_assert_eq(http_head_length(text, n, scanned), n < whole ? 0 : whole);
}

Test(http1, the_connection_ends_when_the_peer_says_so)
{
        struct http_head h = parse("GET / HTTP/1.1\r\nHost: n\r\nConnection: foo, Close\r\n\r\n");

        cr_assert_not(h.keep_alive);
        http_head_done(&h);
        h = parse("GET / HTTP/1.0\r\n\r\n");
        cr_assert_not(h.keep_alive || h.http11);
        http_head_done(&h);
        h = parse("GET / HTTP/1.1\r\nHost: n\r\nConnection: closed, close-not\r\n\r\n");
        cr_assert(h.keep_alive);
        http_head_done(&h);
}

Test(http1, a_body_is_refused_however_it_is_announced)
{
        cr_assert_eq(refused_header("Transfer-Encoding: chunked"), 501);
        cr_assert_eq(refused_header("transfer-encoding: identity"), 501);
        cr_assert_eq(refused_header("Content-Length: 1"), 413);
        cr_assert_eq(refused_header("Content-Length: 99999999999999999999999"), 413);
        cr_assert_eq(refused_header("Content-Length: 0\r\nContent-Length: 0"), 400);
        cr_assert_eq(refused_header("Content-Length: 0, 0"), 400);
        cr_assert_eq(refused_header("Content-Length: -0"), 400);
        cr_assert_eq(refused_header("Content-Length: +0"), 400);
        cr_assert_eq(refused_header("Content-Length:"), 400);
        cr_assert_eq(refused_header("Transfer-Encoding : chunked"), 400);
}

Test(http1, malformed_request_lines_are_refused)
{
        cr_assert_eq(refused("\r\n\r\n"), 400);
        cr_assert_eq(refused("GET\r\n\r\n"), 400);
        cr_assert_eq(refused("GET /\r\n\r\n"), 400);
        cr_assert_eq(refused("GET  / HTTP/1.1\r\nHost: n\r\n\r\n"), 400);
        cr_assert_eq(refused("GET / HTTP/1.1 \r\nHost: n\r\n\r\n"), 505);
        cr_assert_eq(refused("G(T / HTTP/1.1\r\nHost: n\r\n\r\n"), 400);
        cr_assert_eq(refused(" / HTTP/1.1\r\nHost: n\r\n\r\n"), 400);
        cr_assert_eq(refused("PRI * HTTP/2.0\r\n\r\n"), 505);
        cr_assert_eq(refused("GET / HTTP/1.1\nHost: n\r\n\r\n"), 400);
        cr_assert_eq(refused("GET / HTTP/1.1\rHost: n\r\n\r\n"), 400);
}

Test(http1, malformed_targets_are_refused)
{
        static const char *const bad[] = {
                "*",    "node:443", "http://node/", "/%",    "/%4",   "/%zz",  "/%00",   "/%0a",
                "/%7f", "/#x",      "/\x01",        "/\xff", "/?a=%", "/?%00", "/?a=%0",
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                cr_assert_eq(refused_target(bad[i]), 400, "%s", bad[i]);
}

Test(http1, malformed_headers_are_refused)
{
        static const char *const bad[] = {
                "x",        ": x",      "x : y",      "x\ty: z",    " folded: x", "X: y\r\n folded", "X: y\r\n\tfolded",
                "x: a\x01", "x: a\x7f", "x: a\rb: c", "x: a\nb: c", "x: a\n",     "h\xc3\xa9: x",    "Host: other",
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                cr_assert_eq(refused_header(bad[i]), 400, "%s", bad[i]);
        cr_assert_eq(refused("GET / HTTP/1.1\r\n\r\n"), 400, "no Host");
        cr_assert_eq(refused_n("GET / HTTP/1.1\r\nHost: n\r\nx: a\0b\r\n\r\n", 38), 400);
}

Test(http1, too_much_of_anything_is_refused)
{
        struct buf b = BUF(1 << 20);

        buf_str(&b, "GET / HTTP/1.1\r\nHost: n\r\n");
        for (int i = 0; i < HTTP_HEADERS_MAX; i++)
                buf_printf(&b, "x-%d: y\r\n", i);
        buf_str(&b, "\r\n");
        cr_assert_eq(refused_n(b.data, b.len), 431);
        buf_reset(&b);
        buf_str(&b, "GET /?");
        for (int i = 0; i <= SERVER_QUERY_MAX; i++)
                buf_str(&b, "a=b&");
        buf_str(&b, " HTTP/1.1\r\nHost: n\r\n\r\n");
        cr_assert_eq(refused_n(b.data, b.len), 400);
        buf_reset(&b);
        buf_str(&b, "GET / HTTP/1.1\r\nHost: n\r\nx: ");
        while (b.len < SERVER_HEAD_MAX)
                buf_char(&b, 'y');
        buf_str(&b, "\r\n\r\n");
        cr_assert_eq(refused_n(b.data, b.len), 431);
        buf_done(&b);
}

Test(http1, headers_that_come_several_times_are_joined)
{
        struct http_head h =
                parse("GET / HTTP/1.1\r\nHost: n\r\nX-Thing: a, b\r\nOther: 1\r\nx-thing:\r\nX-THING: c\r\n\r\n");
        CLEANUP(freep) char *all = http_header_all(&h, "x-thing"), *one = http_header_all(&h, "other");
        CLEANUP(freep) char *none = http_header_all(&h, "x-thin");

        cr_assert_str_eq(all, "a, b, , c");
        cr_assert_str_eq(one, "1");
        cr_assert_null(none);
        http_head_done(&h);
}
