/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/client/server_url.h"
#include "common/mem.h"

Test(server_url, named)
{
        static const struct {
                const char *url, *name, *result, *connect_to;
        } rows[] = {
                { "https://h:6443", NULL, "https://h:6443", NULL },
                { "https://h:6443/", NULL, "https://h:6443", NULL },
                { "https://h/a/b//", NULL, "https://h/a/b", NULL },
                { "https://192.0.2.1:6443", "k.example", "https://k.example:6443", "192.0.2.1:6443" },
                { "https://192.0.2.1/p", "k.example", "https://k.example/p", "192.0.2.1:443" },
                { "https://[::1]:6443", "k.example", "https://k.example:6443", "[::1]:6443" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *url = NULL, *connect_to = NULL;
                struct err e = ERR_NONE;

                cr_assert_eq(server_url_named(rows[i].url, rows[i].name, &url, &connect_to, &e), 0, "%s", e.text);
                cr_assert_str_eq(url, rows[i].result);
                cr_assert(streq(connect_to, rows[i].connect_to), "%s", connect_to);
        }
}

Test(server_url, none)
{
        CLEANUP(freep) char *url = NULL, *connect_to = NULL;

        cr_assert_eq(server_url_named("h h", NULL, &url, &connect_to, NULL), -EINVAL);
        cr_assert_eq(server_url_named("", NULL, &url, &connect_to, NULL), -EINVAL);
        cr_assert_eq(server_url_split("h h", &url, &connect_to, NULL), -EINVAL);
        cr_assert_null(url);
        cr_assert_null(connect_to);
        cr_assert_null(server_url_port("h h", 1));
}

Test(server_url, host_and_port)
{
        static const struct {
                const char *url, *host, *port;
        } rows[] = {
                { "https://h:6443", "h", "6443" },
                { "https://h/a/b", "h", "443" },
                { "http://192.0.2.1", "192.0.2.1", "80" },
                { "https://[::1]:6443/p", "::1", "6443" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *host = NULL, *port = NULL;

                cr_assert_eq(server_url_split(rows[i].url, &host, &port, NULL), 0);
                cr_assert_str_eq(host, rows[i].host);
                cr_assert_str_eq(port, rows[i].port);
        }
}

Test(server_url, another_port)
{
        CLEANUP(freep) char *a = server_url_port("https://h:9345", 6443), *b = server_url_port("https://[::1]", 65535);

        cr_assert_str_eq(a, "https://h:6443");
        cr_assert_str_eq(b, "https://[::1]:65535");
}
