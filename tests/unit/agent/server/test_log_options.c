/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/server/http1.h"
#include "agent/server/container_log.h"
#include "common/mem.h"

static const uint64_t NOW = 1767366245123456; /* 2026-01-02T15:04:05.123456Z */

static int parse(const char *query, struct log_options *ret, struct err *e)
{
        CLEANUP(freep) char *text = xasprintf("GET /containerLogs/ns/pod/c?%s HTTP/1.1\r\nHost: n\r\n\r\n", query);
        struct http_head h;
        int r;

        cr_assert_eq(http_head_parse(text, strlen(text), &h, e), 0, "%s", e->text);
        r = log_options_parse(&h.request, NOW, ret, e);
        http_head_done(&h);
        return r;
}

static struct log_options good(const char *query)
{
        struct err e = ERR_NONE;
        struct log_options o;

        cr_assert_eq(parse(query, &o, &e), 0, "%s: %s", query, e.text);
        return o;
}

static void refused(int error, const char *query, const char *names)
{
        struct err e = ERR_NONE;
        struct log_options o = { .tail = 42 };

        cr_assert_eq(parse(query, &o, &e), error, "%s", query);
        cr_assert(starts_with(e.text, names), "%s: %s", query, e.text);
        cr_assert_eq(o.tail, 42);
}

/* What cannot be read (the kubelet's 400), and what can, but means nothing that may be (422). */
static void bad(const char *query, const char *names)
{
        refused(-EINVAL, query, names);
}

static void out_of_range(const char *query, const char *names)
{
        refused(-ERANGE, query, names);
}

Test(log_options, without_any_everything_is_shown)
{
        struct log_options o = good("");

        cr_assert_not(o.follow || o.previous || o.timestamps);
        cr_assert_eq(o.tail, -1);
        cr_assert_eq(o.limit_bytes, -1);
        cr_assert_eq(o.since_usec, 0);
}

Test(log_options, all_of_kubectls_are_read)
{
        struct log_options o =
                good("follow=true&previous=1&timestamps=T&tailLines=10&limitBytes=4096&sinceSeconds=60&container=c"
                     "&pretty=true&stream=All&insecureSkipTLSVerifyBackend=true&unknown=x");

        cr_assert(o.follow && o.previous && o.timestamps);
        cr_assert_eq(o.tail, 10);
        cr_assert_eq(o.limit_bytes, 4096);
        cr_assert_eq(o.since_usec, NOW - 60 * 1000000);
        cr_assert_eq(good("tailLines=0").tail, 0);
        cr_assert_eq(good("tailLines=%2B5").tail, 5);
        cr_assert_eq(good("sinceTime=2026-01-02T16:04:05.123456789%2B01:00").since_usec, NOW);
}

Test(log_options, a_time_before_all_times_is_from_the_start)
{
        cr_assert_eq(good("sinceTime=0001-01-01T00:00:00Z").since_usec, 0);
        cr_assert_eq(good("sinceSeconds=9223372036854775807").since_usec, 0);
        cr_assert_eq(good("sinceSeconds=1767366246").since_usec, 0);
}

Test(log_options, booleans_are_gos)
{
        static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" }, *const no[] = { "0",     "f",
                                                                                                    "F",     "FALSE",
                                                                                                    "false", "False" };
        static const char *const neither[] = { "", "yes", "no", "tRUE", "2", "on", " true" };
        char query[64];

        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                snprintf(query, sizeof(query), "follow=%s", yes[i]);
                cr_assert(good(query).follow);
                snprintf(query, sizeof(query), "follow=%s", no[i]);
                cr_assert_not(good(query).follow);
        }
        for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
                snprintf(query, sizeof(query), "timestamps=%s%s", *neither[i] == ' ' ? "%20" : "",
                         neither[i] + (*neither[i] == ' '));
                bad(query, "timestamps:");
        }
}

Test(log_options, what_is_wrong_is_named)
{
        out_of_range("tailLines=-1", "tailLines:");
        bad("tailLines=ten", "tailLines:");
        bad("tailLines=", "tailLines:");
        bad("tailLines=1%20", "tailLines:");
        bad("tailLines=%201", "tailLines:");
        bad("tailLines=0x10", "tailLines:");
        bad("tailLines=9223372036854775808", "tailLines:");
        out_of_range("limitBytes=0", "limitBytes:");
        bad("limitBytes=1.5", "limitBytes:");
        out_of_range("sinceSeconds=0", "sinceSeconds:");
        out_of_range("sinceSeconds=-5", "sinceSeconds:");
        bad("sinceTime=yesterday", "sinceTime:");
        bad("sinceTime=", "sinceTime:");
        out_of_range("sinceTime=2026-01-02T15:04:05Z&sinceSeconds=5", "sinceTime:");
        bad("previous=x", "previous:");
        bad("insecureSkipTLSVerifyBackend=x", "insecureSkipTLSVerifyBackend:");
        out_of_range("stream=stdout", "stream:");
        bad("stream=Stderr", "stream:");
}
