/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/sessions/terminal.h"
#include "common/fd.h"

/* What comes of `text`, in pieces of `n` bytes: "WxH", or "" when no size was complete. */
static const char *sizes(const char *text, size_t n)
{
        static char said[32];
        CLEANUP(buf_done) struct buf rest = BUF(TERMINAL_SIZE_MAX);
        unsigned short width = 0, height = 0;
        bool any = false;

        for (size_t at = 0, all = strlen(text); at < all; at += n)
                any |= terminal_size(&rest, text + at, at + n < all ? n : all - at, &width, &height);
        snprintf(said, sizeof(said), "%ux%u", width, height);
        return any ? said : "";
}

Test(terminal, sizes_are_read_in_pieces_of_any_size)
{
        static const struct {
                const char *text, *want;
        } cases[] = {
                { "{\"Width\":80,\"Height\":24}", "80x24" },
                { "{\"Width\":80,\"Height\":24}\n", "80x24" },
                { "{\"Width\":80,\"Height\":24}{\"Height\":3,\"Width\":2}", "2x3" },
                { "{\"Width\":80,\"Height\":24}{\"Width\":0,\"Height\":9}", "80x24" }, /* no size at all */
                { "{\"Width\":65535,\"Height\":1}", "65535x1" },
                { "{\"Width\":65536,\"Height\":1}", "" },
                { "{\"Width\":-1,\"Height\":1}", "" },
                { "{\"Width\":\"80\",\"Height\":24}", "" },
                { "{\"Width\":80}", "" },
                { "}}{{\"Width\":80,\"Height\":24}", "" },
                { "garbage {\"Width\":8,\"Height\":2}", "8x2" },
                { "", "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                for (size_t n = 1; n < 40; n += 6)
                        cr_expect_str_eq(sizes(cases[i].text, n), cases[i].want, "%s by %zu", cases[i].text, n);
}

Test(terminal, what_is_longer_than_any_size_is_passed_over)
{
        char text[4 * TERMINAL_SIZE_MAX + 64];

        memset(text, 'x', sizeof(text));
        text[0] = '{';
        snprintf(text + sizeof(text) - 32, 32, "{\"Width\":80,\"Height\":24}");
        cr_assert_str_eq(sizes(text, 7), "80x24");
}

Test(terminal, a_terminal_has_two_ends_and_a_size)
{
        CLEANUP(buf_done) struct buf rest = BUF(TERMINAL_SIZE_MAX);
        static const char text[] = "{\"Width\":99,\"Height\":33}";
        FD near = -1, far = -1;
        struct winsize size;
        char got[8] = "";

        cr_assert_eq(terminal_new(&near, &far), 0);
        cr_assert(isatty(far));
        terminal_resize(near, &rest, text, sizeof(text) - 1);
        cr_assert_eq(ioctl(far, TIOCGWINSZ, &size), 0);
        cr_assert(size.ws_col == 99 && size.ws_row == 33);
        terminal_resize(-1, &rest, text, sizeof(text) - 1); /* none: nothing happens */
        cr_assert_eq(write(far, "x\n", 2), 2);
        cr_assert_eq(read(near, got, sizeof(got)), 3);
        cr_assert_str_eq(got, "x\r\n");
        cr_assert(read(near, got, sizeof(got)) < 0, "our end does not block");
}
