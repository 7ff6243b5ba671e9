/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>

#include "common/mem.h"
#include "helper/text/unit_file.h"

static struct unit_file *parse(const char *name, const char *text)
{
        struct unit_file *u = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(unit_file_parse(name, text, strlen(text), &u, &e), 0, "%s", e.text);
        return u;
}

/* user@.service requires user-runtime-dir@%i.service, which root's /run/user/UID is made by. */
Test(unit_file, no_instance_says_what_pid_1_starts)
{
        static const char text[] =
                "[Unit]\nRequires=dir@%i.service\nWants=x@%I.service \\\n z.service\nWants=w.service\n"
                "After=dir@%i.service\n[Service]\nExecStart=/d\n";
        CLEANUP(unit_file_freep) struct unit_file *instance = NULL, *plain = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(unit_file_parse("u@7.service", text, strlen(text), &instance, &e), 0, "%s", e.text);
        cr_assert_str_eq(instance->text, "[Unit]\nWants=w.service\nAfter=dir@7.service\n[Service]\nExecStart=/d\n");
        cr_assert_eq(unit_file_parse("u.service", "[Unit]\nWants=%p-x.service\n", 25, &plain, &e), 0, "%s", e.text);
        cr_assert_str_eq(plain->text, "[Unit]\nWants=u-x.service\n");
}

Test(unit_file, settings_of_the_service_are_read)
{
        CLEANUP(unit_file_freep)
        struct unit_file *u =
                parse("x.service",
                      "[Unit]\nType=no\n[Service]\n Type = notify \nExecStart=/a \\\n# a comment inside\n  b\\\n c\n"
                      "User=x\nUser=\nnonsense\n[Other]\nPIDFile=/y\n");
        cr_assert_str_eq(unit_file_get(u, "Type"), "notify");
        cr_assert_str_eq(unit_file_get(u, "ExecStart"), "/a    b  c");
        cr_assert_str_eq(unit_file_get(u, "User"), "");
        cr_assert_str_eq(unit_file_get(u, "PIDFile"), "");
        cr_assert_str_eq(unit_file_get(NULL, "Type"), "");
}

Test(unit_file, the_copy_has_no_install_section_and_reaches_no_other_unit)
{
        CLEANUP(unit_file_freep)
        struct unit_file *u =
                parse("x.service",
                      "# head\n[Unit]\nDescription=X\nConflicts=a.service \\\n "
                      "b.service\nAfter=n.target\nRequires=x.socket\nRequires=y.service\nWants=z.service \\\n "
                      "reboot.target\nRequires=umount.target\n\n[Service]\n"
                      "ExecStart=/"
                      "x\nSockets=x.socket\n[Install]\nAlias=y.service\nWantedBy=multi-user.target\n[X-Foo]\nA=b\n");
        cr_assert_str_eq(u->text, "# "
                                  "head\n[Unit]\nDescription=X\nAfter=n.target\nRequires=y.service\n\n[Service]"
                                  "\nExecStart=/x\n[X-Foo]\nA=b\n");
}

Test(unit_file, specifiers_of_the_name_mean_the_packages_name)
{
        CLEANUP(unit_file_freep)
        struct unit_file *u = parse("postgresql@15-main.service", "[Service]\nA=%n|%N|%p|%i|%I|%%i|%h|%");

        cr_assert_str_eq(unit_file_get(u, "A"),
                         "postgresql@15-main.service|postgresql@15-main|postgresql|15-main|15/main|%%i|%h|%");
}

Test(unit_file, a_line_ends_where_systemd_ends_it)
{
        CLEANUP(unit_file_freep)
        struct unit_file *u = parse("x.service", "[Service]\nExecStart=/a \\\\\nUser=x\nGroup=\\\\\\\ny\n");

        cr_assert_str_eq(unit_file_get(u, "User"), "x");
        cr_assert_str_eq(unit_file_get(u, "Group"), "\\\\ y");
}

Test(unit_file, odd_files_are_survived)
{
        static const char *const odd[] = { "",
                                           "\\",
                                           "[Service]\n\\",
                                           "[Service]\n\\\n\\\n",
                                           "=",
                                           "[Service]\n=x\n",
                                           "[",
                                           "%",
                                           "[Service]\n#\\\nA=b",
                                           "\n\n\n",
                                           "[Service]\n;\\" };
        struct err e = ERR_NONE;
        struct unit_file *u = NULL;

        for (size_t i = 0; i < ARRAY_LEN(odd); i++)
                unit_file_free(parse("a.service", odd[i]));
        cr_assert_eq(unit_file_parse("a.service", "a\0b", 3, &u, &e), -EINVAL);
        CLEANUP(freep) char *big = xcalloc(UNIT_FILE_MAX + 2, 1);
        memset(big, '#', UNIT_FILE_MAX + 1);
        cr_assert_eq(unit_file_parse("a.service", big, UNIT_FILE_MAX + 1, &u, &e), -EINVAL);
        for (size_t i = 0; i < UNIT_FILE_MAX; i += 2)
                memcpy(big + i, "%n", 2);
        cr_assert_eq(
                unit_file_parse("a-name-that-makes-it-grow-far-beyond-its-bound.service", big, UNIT_FILE_MAX, &u, &e),
                -EINVAL);
}

Test(unit_file, booleans_are_systemds)
{
        cr_assert(unit_yes("yes") && unit_yes("ON") && unit_yes("True") && unit_yes("1") && unit_yes("true") &&
                  unit_yes("on") && unit_yes("y"));
        cr_assert_not(unit_yes("") || unit_yes("no") || unit_yes("0") || unit_yes("off") || unit_yes("false"));
}

Test(unit_file, commands_that_are_root_s_whatever_the_user_are_seen)
{
        static const struct {
                const char *text;
                bool root;
        } cases[] = {
                { "ExecStart=/a +b !c\n", false },
                { "ExecStart=+/a\n", true },
                { "ExecStartPre=-!/a\nExecStart=/b\n", true },
                { "ExecStart=/a\nExecStopPost=@!!/a b\n", true },
                { "ExecStartPre=/a ; /b;+c\n", false },
                { "ExecStartPre=/a ; -+/b\n", true },
                { "ExecReload=/a ; \\\n !/b\n", true },
                { "PermissionsStartOnly=yes\n", true },
                { "PermissionsStartOnly=yes\nPermissionsStartOnly=no\n", false },
                { "", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\n%s", cases[i].text);
                CLEANUP(unit_file_freep) struct unit_file *u = parse("x.service", text);

                cr_assert_eq(unit_file_has_root_commands(u), cases[i].root, "%s", cases[i].text);
        }
        cr_assert_not(unit_file_has_root_commands(NULL));
}

Test(unit_file, an_instance_that_is_the_user_is_seen_and_one_that_is_a_group_refused)
{
        CLEANUP(unit_file_freep) struct unit_file *user = parse("x@y.service", "[Service]\n User = %i\nExecStart=/a\n");
        CLEANUP(unit_file_freep)
        struct unit_file *other = parse("x@y.service", "[Service]\nUser=y\nExecStart=/a %i\n[Unit]\nUser=%i\n");
        CLEANUP(unit_file_freep) struct unit_file *split = parse("x@y.service", "[Service]\nUser=\\\n# %\n%i\n");
        struct unit_file *none = NULL;
        struct err e = ERR_NONE;
        static const char *const groups[] = { "[Service]\nGroup=%i\n", "[Service]\nSupplementaryGroups=a \\\n%I\n" };

        cr_assert(user->user_of_instance && split->user_of_instance);
        cr_assert_str_eq(unit_file_get(user, "User"), "y");
        cr_assert_not(other->user_of_instance);
        for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
                cr_assert_eq(unit_file_parse("x@y.service", groups[i], strlen(groups[i]), &none, &e), -EPERM);
                cr_assert_str_eq(e.reason, "group");
        }
}

Test(unit_file, quotes_do_not_hide_how_a_command_is_run)
{
        static const char *const hidden[] = {
                "ExecStartPre=\"+/bin/sh\" -c id",
                "ExecStart='!/bin/sh'",
                "ExecStart=-\"+/bin/sh\"",
                "ExecStop=\\x2b/bin/sh",
                "ExecStart=/bin/true ; \"+/bin/sh\"",
                "ExecStart=\"\"+/bin/sh",
                "ExecStart=-\\053/bin/sh",
                "ExecReload=\"'+'/bin/sh\"",
        };
        static const char *const plain[] = {
                "ExecStart=\"/opt/a b/c\" -x",     "ExecStart=+/bin/sh", "ExecStart=", "ExecStart=@/bin/a b \"+c\"",
                "ExecStart=/bin/a '+b' ; -/bin/c", "Environment=\"+x\""
        };

        for (size_t i = 0; i < ARRAY_LEN(hidden) + ARRAY_LEN(plain); i++) {
                bool bad = i < ARRAY_LEN(hidden);
                CLEANUP(freep)
                char *text = xasprintf("[Service]\n%s\n", bad ? hidden[i] : plain[i - ARRAY_LEN(hidden)]);
                CLEANUP(unit_file_freep) struct unit_file *u = NULL;
                struct err e = ERR_NONE;

                cr_expect_eq(unit_file_parse("x.service", text, strlen(text), &u, &e), bad ? -EPERM : 0, "%s: %s", text,
                             e.text);
        }
}

Test(unit_file, only_what_stays_in_a_unit_is_kept_of_its_dependencies)
{
        static const char text[] =
                "[Unit]\nDescription=d\nAfter=a.service\nBefore=k.service\nWants=b.service "
                "c.socket\nWants=d.service\nBindTo=e.service\n"
                "PropagateReloadTo=f.service\nRequisiteOverridable=g.service\nAnythingNew=h."
                "service\nConditionPathExists=/x\n"
                "OnFailure=i.service\n[Service]\nExecStart=/d\nFailureAction=reboot\nSockets=j.socket\n"
                "FileDescriptorStorePreserve=yes\n";
        CLEANUP(unit_file_freep) struct unit_file *u = NULL;

        cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &u, NULL), 0);
        cr_assert_str_eq(u->text, "[Unit]\nDescription=d\nAfter=a.service\nWants=d.service\nConditionPathExists=/"
                                  "x\n[Service]\nExecStart=/d\n");
}

Test(unit_file, a_line_is_where_systemd_sees_one)
{
        static const char text[] = "[Unit]\nDescription=x\rOnFailure=a.service\n";

        cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &(struct unit_file *){ NULL }, NULL), -EINVAL);
}
