/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/server/http1.h"
#include "agent/server/node_log_query.h"
#include "common/mem.h"

static struct http_head head;

static int parse(const char *query, const char *path, struct node_log_query *ret, struct err *e)
{
        CLEANUP(freep) char *text = xasprintf("GET /logs/%s?%s HTTP/1.1\r\nHost: n\r\n\r\n", path, query);

        http_head_done(&head);
        head = (struct http_head){ 0 };
        cr_assert_eq(http_head_parse(text, strlen(text), &head, e), 0, "%s", e->text);
        return node_log_query_parse(&head.request, path, ret, e);
}

static struct node_log_query good(const char *query)
{
        struct node_log_query q;
        struct err e = ERR_NONE;

        cr_assert_eq(parse(query, "", &q, &e), 0, "%s: %s", query, e.text);
        return q;
}

Test(node_log_query, without_parameters_the_path_is_asked_for)
{
        struct node_log_query q = good("");

        cr_expect_not(q.asked);
        q = good("pretty=true&sinceTime=&tailLines=&pattern=&boot=");
        cr_expect_not(q.asked);
        cr_expect_eq(parse("pretty=true", "apt/", &q, &(struct err){ 0 }), 0);
}

Test(node_log_query, all_parameters)
{
        struct node_log_query q = good("query=ssh&query=systemd-logind&sinceTime=2026-01-02T15:04:05Z&untilTime="
                                       "2026-01-02T17:04:06%2B01:00&tailLines=5&boot=-1&pattern=a%2Bb");

        cr_assert(q.asked && q.has_options);
        cr_assert_eq(q.n_services, 2);
        cr_expect_str_eq(q.service[0], "ssh");
        cr_expect_str_eq(q.service[1], "systemd-logind");
        cr_expect_null(q.file);
        cr_expect_eq(q.options.since_usec, 1767366245000000);
        cr_expect_eq(q.options.until_usec, 1767366246000000 + 3600000000);
        cr_expect_eq(q.options.tail, 5);
        cr_expect(q.options.of_boot);
        cr_expect_eq(q.options.boot, -1);
        cr_expect_str_eq(q.options.pattern, "a+b");
}

Test(node_log_query, what_is_not_given_is_no_limit)
{
        struct node_log_query q = good("query=ssh");

        cr_expect_not(q.has_options);
        cr_expect_eq(q.options.since_usec, 0);
        cr_expect_eq(q.options.until_usec, UINT64_MAX);
        cr_expect_eq(q.options.tail, -1);
        cr_expect_not(q.options.of_boot);
        cr_expect_null(q.options.pattern);
}

Test(node_log_query, bounds)
{
        cr_expect_eq(good("query=ssh&tailLines=0").options.tail, 0);
        cr_expect_eq(good("query=ssh&tailLines=100000").options.tail, 100000);
        cr_expect_eq(good("query=ssh&boot=0").options.boot, 0);
        cr_expect_eq(good("query=ssh&boot=-9223372036854775808").options.boot, -UNIT_LOG_BOOTS_MAX - 1);
        cr_expect_eq(good("query=ssh&sinceTime=1960-01-01T00:00:00Z").options.since_usec, 0);
        cr_expect_eq(good("query=ssh&untilTime=9999-12-31T23:59:59-01:00").options.until_usec, UINT64_MAX - 1);
        cr_expect_eq(good("query=a&query=b&query=c&query=d").n_services, 4);
        cr_expect_eq(good("query=a&query=%20").n_services, 1);
}

Test(node_log_query, a_slash_makes_it_a_file)
{
        cr_expect_str_eq(good("query=/apt/history.log").file, "/apt/history.log");
        cr_expect_str_eq(good("query=apt%5Chistory.log").file, "apt\\history.log");
}

static const struct {
        const char *query;
        int status;
        const char *words;
} refused[] = {
        { "query=", 400, "query: Invalid value: \"\": may not be empty" },
        { "query=%20%09", 400, "query: Invalid value: \" \\t\": may not be empty" },
        { "query=ssh&sinceTime=now", 400, "sinceTime: Invalid value: \"now\": invalid time format" },
        { "query=ssh&untilTime=1", 400, "untilTime: Invalid value: \"1\": invalid time format" },
        { "query=ssh&boot=x", 400, "boot: Invalid value: \"x\": strconv.Atoi: parsing \"x\": invalid syntax" },
        { "query=ssh&tailLines=%201", 400,
          "tailLines: Invalid value: \" 1\": strconv.Atoi: parsing \" 1\": invalid syntax" },
        { "query=ssh&tailLines=9223372036854775808", 400,
          "tailLines: Invalid value: \"9223372036854775808\": strconv.Atoi: parsing \"9223372036854775808\": value out "
          "of "
          "range" },
        { "query=ssh&boot=x&tailLines=y", 400,
          "[boot: Invalid value: \"x\": strconv.Atoi: parsing \"x\": invalid syntax, tailLines: Invalid value: \"y\": "
          "strconv.Atoi: parsing \"y\": invalid syntax]" },
        { "tailLines=5", 406, "query: Required value: cannot be empty with options" },
        { "query=ssh&query=a/b", 406, "query: Invalid value: \"a/b\": cannot specify a file and service" },
        { "query=/a&query=/b", 406, "query: Invalid value: \"/a\": cannot specify more than one file" },
        { "query=/a&tailLines=1", 406, "query: Invalid value: \"/a\": cannot specify file with options" },
        { "query=a*", 406, "query: Invalid value: \"a*\": input contains unsupported characters" },
        { "query=-M%20x", 406, "query: Invalid value: \"-M x\": input contains unsupported characters" },
        { "query=a&query=b&query=c&query=d&query=e", 406, "query: Too many: 5: must have at most 4 items" },
        { "query=ssh&boot=1", 406, "boot: Invalid value: 1: must be less than 1" },
        { "query=ssh&tailLines=-1", 406, "tailLines: Invalid value: -1: must be between 0 and 100000, inclusive" },
        { "query=ssh&tailLines=100001", 406,
          "tailLines: Invalid value: 100001: must be between 0 and 100000, inclusive" },
        { "query=ssh&sinceTime=2026-01-02T15:04:06Z&untilTime=2026-01-02T15:04:05Z", 406,
          "untilTime: Invalid value: \"2026-01-02T15:04:05Z\": must be after `sinceTime`" },
        { "query=ssh&pattern=(", 406, "pattern: Invalid value: \"(\": missing closing parenthesis at byte 1" },
};

Test(node_log_query, what_is_refused_and_how)
{
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                struct err e = ERR_NONE;
                struct node_log_query q;

                cr_expect_eq(parse(refused[i].query, "", &q, &e), refused[i].status, "%s", refused[i].query);
                cr_expect_str_eq(e.text, refused[i].words, "%s: %s", refused[i].query, e.text);
        }
}

Test(node_log_query, a_name_has_a_length)
{
        char query[7 + 257] = "query=";
        struct node_log_query q;
        struct err e = ERR_NONE;

        memset(query + 6, 'a', 256);
        cr_expect_eq(good(query).n_services, 1);
        memset(query + 6, 'a', 257);
        cr_expect_eq(parse(query, "", &q, &e), 406);
        cr_expect(strstr(e.text, "length must be less than 256"), "%s", e.text);
}

Test(node_log_query, a_path_and_a_query_do_not_go_together)
{
        struct node_log_query q;
        struct err e = ERR_NONE;

        cr_expect_eq(parse("query=ssh", "apt/history.log", &q, &e), 406);
        cr_expect_str_eq(e.text, "path not allowed in query mode");
}

Test(node_log_query, a_service_is_a_unit)
{
        static const char *const names[][2] = { { "ssh", "ssh.service" },
                                                { "ssh.socket", "ssh.socket" },
                                                { "user@1000.service", "user@1000.service" },
                                                { "vks.default.web.nginx", "vks.default.web.nginx.service" },
                                                { "kubepods.slice", "kubepods.slice" } };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(freep) char *unit = node_log_unit(names[i][0]);

                cr_expect_str_eq(unit, names[i][1]);
        }
}
