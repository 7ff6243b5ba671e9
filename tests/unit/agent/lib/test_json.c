/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "agent/lib/go_quote.h"
#include "common/mem.h"

static void check_bytes(const char *text, const char *want, size_t size)
{
        cJSON *root = json_parse(text, strlen(text));
        CLEANUP(freep) char *value = xstrdup(json_str(root, "a"));

        cr_assert_not_null(value, "%s", text);
        cr_assert_eq(strlen(value), size, "%s", text);
        json_bytes(value, size);
        cr_expect_arr_eq(value, want, size, "%s", text);
        cJSON_Delete(root);
}

Test(json, a_nul_in_a_string_survives)
{
        check_bytes("{\"a\":\"one\\u0000two\\u0000\"}", "one\0two\0", 8);
        check_bytes("{\"a\":\"\\u0000\\u0000x\"}", "\0\0x", 3);
        check_bytes("{\"a\":\"\\\\u0000\"}", "\\u0000", 6);
        check_bytes("{\"a\":\"\\\\\\u0000\"}", "\\\0", 2);
        check_bytes("{\"a\":\"\\u00001\\u0001\\u000a\"}", "\0001\001\n", 4);
        check_bytes("{\"a\":\"gr\xc3\xbc\xc3\x9f\\u0000e\"}", "gr\xc3\xbc\xc3\x9f\0e", 8);
}

Test(json, a_text_is_one_value)
{
        static const char *const bad[] = { "", "{", "{} {}", "{}x", "{\"a\":\"\\u000\"}", "{\"a\":\"\\u0000" };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                cr_expect_null(json_parse(bad[i], strlen(bad[i])), "%s", bad[i]);
        cJSON *root = json_parse(" {\"a\":1} \r\n\t", 12);
        cr_expect_eq(json_int(root, "a", 0), 1);
        cJSON_Delete(root);
        root = json_parse("{}x", 2); /* what is behind the text is none of it */
        cr_expect_not_null(root);
        cJSON_Delete(root);
}

static void check_unmanaged(const char *text, const char *want)
{
        cJSON *root = json_parse_unmanaged(text, strlen(text));
        CLEANUP(freep) char *got = root ? cJSON_PrintUnformatted(root) : NULL;

        cr_expect_str_eq(got ? got : "not JSON", want ? want : "not JSON", "%s", text);
        cJSON_Delete(root);
}

Test(json, an_api_servers_objects_are_read_without_who_set_which_field)
{
        static const char *const table[][2] = {
                { "{\"a\":1}", "{\"a\":1}" },
                { "{\"managedFields\":[{\"f:a\":{\"f:b\":{}}},[1,[2]]],\"b\":2}", "{\"managedFields\":[],\"b\":2}" },
                { "{\"a\":1,\"managedFields\":[{\"x\":\"]}\\\"]\\\\\"}]}", "{\"a\":1,\"managedFields\":[]}" },
                { "[{\"managedFields\":[1]},{\"managedFields\":[]},{\"managedFields\":[2]}]",
                  "[{\"managedFields\":[]},{\"managedFields\":[]},{\"managedFields\":[]}]" },
                /* what a ConfigMap holds stays as it is */
                { "{\"data\":{\"a\":\"\\\"managedFields\\\":[1]\"}}",
                  "{\"data\":{\"a\":\"\\\"managedFields\\\":[1]\"}}" },
                { "{\"managedFields\":\"[1]\"}", "{\"managedFields\":\"[1]\"}" },
                { "{\"managedFields\": [1]}", "{\"managedFields\":[1]}" }, /* no API server writes it so */
                { "{\"managedFields\":[1", NULL },
                { "{\"managedFields\":[", NULL },
                { "{\"managedFields\":[\"a\\", NULL },
                { "{\"managedFields\":[}]}", NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                check_unmanaged(table[i][0], table[i][1]);
        check_bytes("{\"a\":\"\\u0000\",\"managedFields\":[\"\\u0000\"]}", "\0", 1);
}

Test(quote, as_go_quotes)
{
        static const char *const table[][2] = {
                { "", "\"\"" },
                { "plain", "\"plain\"" },
                { "say \"hi\" \\ back", "\"say \\\"hi\\\" \\\\ back\"" },
                { "\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\"" },
                { "\x01\x1b\x7f", "\"\\x01\\x1b\\x7f\"" },
                { "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
                { "\xe2\x80\xa8", "\"\\u2028\"" },
                { "\xc2\xa0\xc2\xad\xc2\x85", "\"\\u00a0\\u00ad\\u0085\"" },
                { "\xe3\x80\x80\xef\xbb\xbf\xee\x80\x80", "\"\\u3000\\ufeff\\ue000\"" },
                { "\xf0\x9f\x99\x82", "\"\xf0\x9f\x99\x82\"" }, /* an emoji */
                { "\xf3\xa0\x80\xa0\xf4\x8f\xbf\xbf", "\"\\U000e0020\\U0010ffff\"" },
                { "\xcd\xb8", "\"\\u0378\"" }, /* no character is there */
                { "a\xc3", "\"a\\xc3\"" },
                { "\xc0\x80\x80\xed\xa0\x80", "\"\\xc0\\x80\\x80\\xed\\xa0\\x80\"" },
                { "a\xff"
                  "b",
                  "\"a\\x00b\"" }, /* JSON_NUL */
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(buf_done) struct buf b = BUF(1024);

                quote_go(&b, table[i][0]);
                cr_expect_str_eq(b.data, table[i][1], "%s gave %s", table[i][1], b.data);
        }
}
