/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resolv.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"

Test(resolv, a_config_is_a_file)
{
        static const struct {
                const char *config, *text;
        } rows[] = {
                { "{}", "" },
                { "{\"nameservers\":[\"192.0.2.1\",\"2001:db8::1\"]}",
                  "nameserver 192.0.2.1\nnameserver 2001:db8::1\n" },
                { "{\"searches\":[\"a.test\",\"b.test\"]}", "search a.test b.test\n" },
                { "{\"options\":[{\"name\":\"ndots\",\"value\":\"2\"},{\"name\":\"edns0\"},{\"name\":\"rotate\","
                  "\"value\":\"\"}]}",
                  "options ndots:2\noptions edns0\noptions rotate\n" },
                { "{\"nameservers\":[\"1.2.3.4\\noptions x\"]}", NULL },
                { "{\"nameservers\":[\"\"]}", NULL },
                { "{\"nameservers\":[7]}", NULL },
                { "{\"searches\":[\"a b\"]}", NULL },
                { "{\"searches\":[\"a#b\"]}", NULL },
                { "{\"options\":[{\"name\":\"a;b\"}]}", NULL },
                { "{\"options\":[{\"name\":\"a\",\"value\":\"b c\"}]}", NULL },
                { "{\"options\":[{}]}", NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = NULL;
                cJSON *o = cJSON_Parse(rows[i].config);
                struct err e = ERR_NONE;

                cr_assert_not_null(o, "bad test JSON: %s", rows[i].config);
                cr_expect_eq(resolv_of_config(o, &text, &e), rows[i].text ? 0 : -EINVAL, "%s", rows[i].config);
                cr_expect(streq(text, rows[i].text) || (!text && !rows[i].text), "%s: %s", rows[i].config, text);
                cr_expect(rows[i].text || starts_with(e.text, "spec.dnsConfig"), "%s", e.text);
                cJSON_Delete(o);
        }
}

Test(resolv, two_files_are_one)
{
        static const struct {
                const char *machines, *own, *text;
        } rows[] = {
                { "", "", "" },
                { "", "nameserver 192.0.2.1\nsearch a.test\noptions ndots:2\n",
                  "nameserver 192.0.2.1\nsearch a.test\noptions ndots:2\n" },
                { "# x\nnameserver 10.0.0.1\n; y\nsearch m.test\noptions ndots:1 edns0\n",
                  "nameserver 192.0.2.1\nsearch a.test m.test\noptions ndots:5\n",
                  "nameserver 10.0.0.1\nnameserver 192.0.2.1\nsearch m.test a.test\noptions ndots:5 edns0\n" },
                { "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3", "nameserver 4.4.4.4",
                  "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n" },
                { "domain d.test\nsearch s.test\n", "", "search s.test\n" },
                { "search s.test\ndomain d.test\n", "search e.test\n", "search d.test e.test\n" },
                { "nameserver 1.1.1.1 # mine\nnameservers 7.7.7.7\n", "nameserver 1.1.1.1\n", "nameserver 1.1.1.1\n" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = resolv_text(rows[i].machines, rows[i].own);

                cr_expect_str_eq(text, rows[i].text, "row %zu: %s", i, text);
        }
}

Test(resolv, no_more_domains_than_the_library_reads)
{
        CLEANUP(buf_done) struct buf many = BUF(65536), large = BUF(65536);
        CLEANUP(freep) char *text = NULL, *other = NULL;
        size_t n = 0;

        buf_str(&many, "search");
        for (unsigned i = 0; i < 40; i++)
                buf_printf(&many, " d%u.test", i);
        text = resolv_text(many.data, "");
        for (const char *s = text; (s = strstr(s, ".test")); s++)
                n++;
        cr_assert_eq(n, 32, "%s", text);
        buf_str(&large, "search");
        for (unsigned i = 0; i < 30; i++)
                buf_printf(&large, " %c%0100u.test", 'a' + i % 26, i);
        other = resolv_text(large.data, "");
        cr_assert_leq(strlen(other), 2048 + strlen("search \n"), "%zu", strlen(other));
        cr_assert_gt(strlen(other), 1900);
}

/* With the blanks between them they are 2048 bytes, or one more. */
Test(resolv, the_last_byte_of_the_domains_counts)
{
        for (size_t more = 0; more < 2; more++) {
                char own[4096] = "search";
                size_t n = strlen(own);

                for (char c = 'a'; c <= 'i'; c++) {
                        size_t length = c < 'i' ? 254 : 8 + more;

                        own[n++] = ' ';
                        memset(own + n, c, length);
                        n += length;
                }
                CLEANUP(freep) char *text = resolv_text("", own);
                cr_expect_eq(strchr(text, 'i') != NULL, more == 0);
        }
}

Test(resolv, a_config_has_a_largest_size)
{
        enum { MOST = 256 * 1024 - sizeof("options \n") + 1 };

        for (size_t more = 0; more < 2; more++) {
                CLEANUP(freep) char *name = xcalloc(MOST + 2, 1), *text = NULL;
                cJSON *o = cJSON_CreateObject(), *option = cJSON_CreateObject();
                struct err e = ERR_NONE;

                memset(name, 'x', MOST + more);
                cJSON_AddStringToObject(option, "name", name);
                cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "options"), option);
                cr_expect_eq(resolv_of_config(o, &text, &e), more ? -EINVAL : 0, "%s", e.text);
                if (more)
                        cr_expect_str_eq(e.text, "spec.dnsConfig: more than 262144 bytes");
                cJSON_Delete(o);
        }
}
