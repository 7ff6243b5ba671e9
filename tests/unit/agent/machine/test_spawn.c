/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a journal that systemd-journal-remote(8) writes from its export format. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/machine/spawn.h"
#include "common/mem.h"

#define FAILED    "MESSAGE_ID=641257651c1b4ec9a8624d7a40a9e1e7\n"
#define EXIT      "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15\n"
#define OTHER_RUN "00000000000000000000000000000001"
#define RUN       "25f3e3c47cdd4ea6a2ae6d757c2309ec"

static char dir[64];

static void entry(FILE *f, const char *fields)
{
        static unsigned at = 1;

        fprintf(f, "__REALTIME_TIMESTAMP=%u\n__MONOTONIC_TIMESTAMP=%u\n_BOOT_ID=00000000000000000000000000000001\n%s\n",
                1700000000 + at, at, fields);
        at++;
}

static void begin(void)
{
        char command[512];
        FILE *f;

        snprintf(dir, sizeof(dir), "/tmp/vks-test-XXXXXX");
        cr_assert(mkdtemp(dir));
        snprintf(command, sizeof(command), "/lib/systemd/systemd-journal-remote --output=%s/test.journal - 2>/dev/null",
                 dir);
        f = popen(command, "w");
        cr_assert_not_null(f);
        entry(f, FAILED "_SYSTEMD_UNIT=vks.ns.a.x.service\nINVOCATION_ID=" RUN
                        "\nMESSAGE=vks.ns.a.x.service: Failed at step CHDIR spawning /bin/true: No such file\n");
        entry(f, "_SYSTEMD_UNIT=vks.ns.b.x.service\nINVOCATION_ID=" RUN "\nMESSAGE=Failed at step EXEC\n");
        entry(f, FAILED "_SYSTEMD_UNIT=vks.ns.c.x.service\nINVOCATION_ID=" RUN "\nMESSAGE=Failed to execute: /x\n");
        entry(f, FAILED "_PID=77\nINVOCATION_ID=" OTHER_RUN "\nMESSAGE=vks.ns.f.x.service: Failed at step USER\n");
        entry(f, EXIT "_PID=1\nUNIT=vks.ns.a.x.service\nINVOCATION_ID=" RUN "\nMESSAGE=Main process exited\n");
        entry(f, EXIT "_PID=1\nUNIT=vks.ns.d.x.service\nINVOCATION_ID=" RUN "\nMESSAGE=Main process exited\n");
        entry(f, EXIT "_PID=7\nUNIT=vks.ns.e.x.service\nINVOCATION_ID=" RUN "\nMESSAGE=Main process exited\n");
        cr_assert_eq(pclose(f), 0, "the package systemd-journal-remote is missing");
}

Test(spawn, only_the_unit_itself_says_so_of_a_run)
{
        char reason[200] = "";
        CLEANUP(freep) char *journal = NULL, *remove = NULL;

        begin();
        journal = xasprintf("%s", dir);
        cr_expect_eq(spawn_look(journal, "vks.ns.a.x.service", RUN, 0, reason, sizeof(reason)), SPAWN_FAILED);
        cr_expect_str_eq(reason, "Failed at step CHDIR spawning /bin/true: No such file");
        cr_expect_eq(spawn_look(journal, "vks.ns.c.x.service", RUN, 0, reason, sizeof(reason)), SPAWN_FAILED);
        cr_expect_str_eq(reason, "Failed to execute: /x");
        cr_expect_eq(spawn_look(journal, "vks.ns.a.x.service", RUN, 0, reason, 8), SPAWN_FAILED);
        cr_expect_str_eq(reason, "Failed ");
        cr_expect_eq(spawn_look(journal, "vks.ns.b.x.service", RUN, 0, reason, sizeof(reason)), SPAWN_UNKNOWN);
        cr_expect_eq(spawn_look(journal, "vks.ns.a.x.service", OTHER_RUN, 0, reason, 8), SPAWN_UNKNOWN);
        cr_expect_eq(spawn_look(journal, "vks.ns.f.x.service", OTHER_RUN, 77, reason, sizeof(reason)), SPAWN_FAILED,
                     "its sender had ended before journald looked for its unit");
        cr_expect_str_eq(reason, "Failed at step USER");
        cr_expect_eq(spawn_look(journal, "vks.ns.f.x.service", OTHER_RUN, 78, reason, 8), SPAWN_UNKNOWN, "another's");
        cr_expect_eq(spawn_look("/nowhere", "vks.ns.a.x.service", RUN, 0, reason, sizeof(reason)), SPAWN_UNKNOWN);
        cr_expect_eq(spawn_look(journal, "vks.ns.d.x.service", RUN, 0, reason, 8), SPAWN_EXECUTED,
                     "PID 1 has said its end, and nobody more");
        cr_expect_eq(spawn_look(journal, "vks.ns.e.x.service", RUN, 0, reason, 8), SPAWN_UNKNOWN,
                     "not PID 1 has said so");
        remove = xasprintf("rm -r %s", dir);
        cr_assert_eq(system(remove), 0);
}
