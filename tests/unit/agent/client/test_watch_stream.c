/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/client/watch_stream.h"
#include "common/mem.h"

static int note(void *userdata, const char *line, size_t size)
{
        struct buf *seen = userdata;

        buf_char(seen, '<');
        buf_add(seen, line, size);
        buf_char(seen, '>');
        return size == 4 && memcmp(line, "stop", 4) == 0;
}

Test(watch_stream, lines_are_found_however_the_bytes_come)
{
        const char text[] = "one\n\ntwo two\nthree\nfo";

        for (size_t step = 1; step < sizeof(text); step++) {
                struct buf rest = BUF(20), seen = BUF(100);

                for (size_t i = 0; i < sizeof(text) - 1; i += step) {
                        size_t n = sizeof(text) - 1 - i;
                        cr_assert_eq(watch_lines(&rest, text + i, n < step ? n : step, note, &seen), 0);
                }
                cr_expect_str_eq(seen.data, "<one><two two><three>", "in steps of %zu", step);
                cr_expect_str_eq(rest.data, "fo");
                buf_done(&rest);
                buf_done(&seen);
        }
}

Test(watch_stream, a_reader_can_stop_it)
{
        struct buf rest = BUF(20), seen = BUF(100);

        cr_expect_eq(watch_lines(&rest, "a\nstop\nb\n", 9, note, &seen), 1);
        cr_expect_str_eq(seen.data, "<a><stop>");
        buf_done(&rest);
        buf_done(&seen);
}

Test(watch_stream, a_line_is_bounded)
{
        struct buf rest = BUF(4), seen = BUF(100);

        cr_expect_eq(watch_lines(&rest, "12345\n", 6, note, &seen), -EMSGSIZE);
        cr_expect_eq(watch_lines(&rest, "1234\n", 5, note, &seen), 0);
        cr_expect_eq(watch_lines(&rest, "123", 3, note, &seen), 0);
        cr_expect_eq(watch_lines(&rest, "45\n", 3, note, &seen), -EMSGSIZE);
        buf_done(&rest);
        rest = BUF(4);
        cr_expect_eq(watch_lines(&rest, "12345", 5, note, &seen), -EMSGSIZE);
        buf_done(&rest);
        buf_done(&seen);
}

static int parse(const char *line, struct watch_event *event, struct err *e)
{
        return watch_event_parse(line, strlen(line), event, e);
}

Test(watch_stream, events_have_a_type_an_object_and_a_version)
{
        struct watch_event event;
        struct err e;

        cr_assert_eq(
                parse("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"12\"}}}\r",
                      &event, &e),
                0);
        cr_expect_eq(event.type, WATCH_MODIFIED);
        cr_expect_str_eq(event.resource_version, "12");
        cJSON_Delete(event.object);
        cr_assert_eq(parse("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}", &event, &e), 0);
        cr_expect(event.type == WATCH_ERROR && event.resource_version == NULL);
        cJSON_Delete(event.object);
}

Test(watch_stream, what_is_no_event_is_refused)
{
        const struct {
                const char *line, *text;
        } bad[] = {
                { "{\"type\":\"MODIFIED\"", "a watch event that is not JSON" },
                { "{} {}", "a watch event that is not JSON" },
                { "[]", "a watch event of unknown type \"\"" },
                { "{\"type\":\"NEWS\",\"object\":{}}", "a watch event of unknown type \"NEWS\"" },
                { "{\"type\":\"ADDED\"}", "a watch event without an object" },
                { "{\"type\":\"ADDED\",\"object\":1}", "a watch event without an object" },
                { "{\"type\":\"BOOKMARK\",\"object\":{}}", "a watch event without a resourceVersion" },
                { "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":7}}}",
                  "a watch event without a resourceVersion" },
        };
        struct watch_event event;
        struct err e;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                cr_expect_eq(parse(bad[i].line, &event, &e), -EBADMSG);
                cr_expect_str_eq(e.text, bad[i].text);
        }
}
