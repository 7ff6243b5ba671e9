/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/join/token.h"

#define HASH "0123456789ABCDEFabcdef0123456789abcdef0123456789abcdef0123456789"
#define LOW  "0123456789abcdefabcdef0123456789abcdef0123456789abcdef0123456789"

Test(token, forms)
{
        static const struct {
                const char *text, *id, *secret, *password, *hash;
        } rows[] = {
                { "abcdef.0123456789abcdef", "abcdef", "0123456789abcdef", "", "" },
                { " \tabcdef.0123456789abcdef\r\n", "abcdef", "0123456789abcdef", "", "" },
                { "K10" HASH "::node:secret", "", "", "secret", LOW },
                { "K10" HASH "::server:se:cret::x", "", "", "se:cret::x", LOW },
                { "K10" HASH "::abcdef.0123456789abcdef", "abcdef", "0123456789abcdef", "", LOW },
                { "K10::node:secret", "", "", "secret", "" },
                { "node:secret", "", "", "secret", "" },
                { "secret", "", "", "secret", "" },
                { "abcdef.0123456789abcde", "", "", "abcdef.0123456789abcde", "" },
                { "ABCDEF.0123456789abcdef", "", "", "ABCDEF.0123456789abcdef", "" },
                { "abcdef.0123456789abcdef.", "", "", "abcdef.0123456789abcdef.", "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct join_token t;
                struct err e = ERR_NONE;

                cr_assert_eq(join_token_parse(rows[i].text, &t, &e), 0, "%s: %s", rows[i].text, e.text);
                cr_assert_str_eq(t.id, rows[i].id);
                cr_assert_str_eq(t.secret, rows[i].secret);
                cr_assert_str_eq(t.password, rows[i].password);
                cr_assert_str_eq(t.ca_hash, rows[i].hash);
                cr_assert_eq(t.is_bootstrap, *rows[i].id != '\0');
        }
}

Test(token, what_is_none_is_refused_and_never_shown)
{
        static const char *const rows[] = {
                "",
                " \n",
                "node:",
                "K10" HASH "::hunter22",
                "K10" HASH "::node:",
                "K10" HASH "0::node:hunter22",
                "K10hunter22::node:x",
                "K10" HASH ":node:hunter22",
                "K10hunter22",
                "hunter22 hunter22",
                "hunter22\nhunter22",
                "hunter22\x01",
                "hunter22\x7f",
                "hunter22\xc3\xa4",
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                static const struct join_token none;
                struct join_token t;
                struct err e = ERR_NONE;

                cr_assert_eq(join_token_parse(rows[i], &t, &e), -EINVAL, "%zu", i);
                cr_assert(*e.text);
                cr_assert_null(strstr(e.text, "hunter22"), "%s", e.text);
                cr_assert_null(strstr(e.text, "0123456789"), "%s", e.text);
                cr_assert_eq(memcmp(&t, &none, sizeof(t)), 0, "something of it stayed (%zu)", i);
        }
}

Test(token, too_long)
{
        char text[TOKEN_PASSWORD_MAX + 2];
        struct join_token t;

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        cr_assert_eq(join_token_parse(text, &t, NULL), -EINVAL);
        text[sizeof(text) - 2] = '\0';
        cr_assert_eq(join_token_parse(text, &t, NULL), 0);
}

Test(token, pins)
{
        char pin[SHA256_HEX_LEN + 1];

        cr_assert_eq(join_pin_parse("sha256:" HASH, pin, NULL), 0);
        cr_assert_str_eq(pin, LOW);
        cr_assert_eq(join_pin_parse(HASH, pin, NULL), -EINVAL);
        cr_assert_eq(join_pin_parse("sha256:" HASH "0", pin, NULL), -EINVAL);
        cr_assert_eq(join_pin_parse("sha256:abc", pin, NULL), -EINVAL);
        cr_assert_eq(join_pin_parse("sha512:" HASH, pin, NULL), -EINVAL);
        cr_assert_eq(
                join_pin_parse("sha256:g123456789abcdefabcdef0123456789abcdef0123456789abcdef0123456789", pin, NULL),
                -EINVAL);
}
