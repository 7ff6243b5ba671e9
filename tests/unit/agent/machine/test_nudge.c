/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1 is woken for a while after it was given work, and then left alone. The test is PID 1, at its notification
 * socket. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/machine/nudge.h"
#include "common/fd.h"

enum { FIRST_USEC = 2000 };

static sd_event *event;
static struct nudge *n;
static int sock;
static char dir[] = "/tmp/vks-test-XXXXXX", path[64];

static void begin(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        cr_assert(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/notify", dir);
        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
        sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
        cr_assert_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
        cr_assert_geq(sd_event_new(&event), 0);
        n = nudge_new(event, FIRST_USEC);
}

static void end(void)
{
        n = nudge_free(n);
        sd_event_unref(event);
        fd_close(sock);
        unlink(path);
        rmdir(dir);
}

TestSuite(nudge, .init = begin, .fini = end, .timeout = 600);

static size_t heard(void)
{
        char text[64];
        size_t count = 0;

        for (ssize_t size; (size = recv(sock, text, sizeof(text), 0)) > 0; count++)
                cr_assert(size == 10 && memcmp(text, "WATCHDOG=1", 10) == 0);
        return count;
}

/* Until nothing more is to come for longer than the longest pause. */
static size_t heard_in_the_end(void)
{
        while (sd_event_run(event, (FIRST_USEC << NUDGES) * UINT64_C(20)) > 0)
                ;
        return heard();
}

Test(nudge, a_few_times_and_then_no_more)
{
        nudge_soon(n);
        cr_assert_eq(heard_in_the_end(), NUDGES);
        nudge_soon(n);
        cr_assert_eq(heard_in_the_end(), NUDGES, "and again for the next work");
}

Test(nudge, without_work_nobody_is_woken)
{
        cr_assert_eq(heard_in_the_end(), 0);
}

Test(nudge, work_that_never_ends_does_not_put_it_off)
{
        size_t count = 0;

        for (int i = 0; i < 10000 && !count; i++) {
                nudge_soon(n);
                cr_assert_geq(sd_event_run(event, FIRST_USEC / 10), 0);
                count += heard();
        }
        cr_assert_eq(count, 1);
}

Test(nudge, new_work_begins_the_row_anew)
{
        nudge_soon(n);
        while (heard() == 0)
                cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
        nudge_soon(n);
        cr_assert_eq(heard_in_the_end(), NUDGES);
}
