/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <sys/capability.h>

#include "common/mem.h"
#include "helper/text/unit_text.h"

#define UID "0f6c2a9e-1234-4abc-8def-0123456789ab"
#define DIR "/run/vks/pods/" UID

static struct pod_id pod = { "default", "web", UID };
static const struct mount_plan no_mounts;

static struct given given; /* of the file that text_of() was given last */

static struct unit_text text_of(const struct unit_file *file)
{
        given_done(&given);
        cr_assert_eq(given_of(file, &given, NULL), 0);
        return (struct unit_text){ .pod = &pod,
                                   .qos = QOS_CLASS_BURSTABLE,
                                   .grace_seconds = 30,
                                   .container = "c",
                                   .image = "img",
                                   .package = "pkg",
                                   .package_unit = file ? "x.service" : "",
                                   .mark = 0xabc,
                                   .file = file,
                                   .working_dir = "",
                                   .stop_signal = "",
                                   .mounts = &no_mounts,
                                   .given = &given };
}

static struct unit_file *parse(const char *text)
{
        struct unit_file *u = NULL;

        cr_assert_eq(unit_file_parse("x.service", text, strlen(text), &u, NULL), 0);
        return u;
}

/* The line of the drop-in that begins with `key`, or all of them, joined by "|". */
static char *line(const struct unit_text *u, const char *key)
{
        CLEANUP(buf_done) struct buf b = BUF(1 << 20), found = BUF(1 << 20);
        bool first = true;

        unit_text_dropin(u, &b);
        cr_assert(buf_ok(&b));
        for (char *at = b.data; *at;) {
                size_t n = strcspn(at, "\n");
                if (strncmp(at, key, strlen(key)) == 0) {
                        buf_str(&found, first ? "" : "|");
                        first = false;
                        buf_add(&found, at + strlen(key), n - strlen(key));
                }
                at += n + (at[n] == '\n');
        }
        return buf_steal(&found);
}

#define LINE_IS(u, key, want)                                                                                          \
        do {                                                                                                           \
                CLEANUP(freep) char *got = line(u, key);                                                               \
                cr_assert_str_eq(got, want, "%s%s", key, got);                                                         \
        } while (0)

Test(unit_text, a_synthesized_unit_is_this)
{
        char *args[] = { (char *)"1000" };
        struct unit_text u = text_of(NULL);
        CLEANUP(buf_done) struct buf f = BUF(65536), d = BUF(65536);

        u.program = "/usr/bin/sleep", u.args = args, u.n_args = 1, u.restart = 2, u.image = "/usr/bin/sleep",
        u.package = "";
        u.who = (struct privilege){
                .set_user = true, .set_group = true, .set_groups = true, .fallback = true, .gid = 996, .foreign = true
        };
        unit_text_fragment(&u, &f);
        unit_text_dropin(&u, &d);
        cr_assert_str_eq(f.data,
                         "[Unit]\nDescription=Container c of pod default/web\n\n[Service]\nSyslogIdentifier=c\n");
        cr_assert_str_eq(
                d.data,
                "[X-Kubernetes]\nUID=" UID
                "\nNamespace=default\nPod=web\nContainer=c\nImage=/usr/bin/sleep\nPackage=\nPackageUnit=\n"
                "RestartPolicy=Always\nMark=0000000000000abc\n\n[Unit]\nDefaultDependencies="
                "no\nStartLimitIntervalSec=0\nAfter=vks-log.service\n\n[Service]\n"
                "Slice=kubepods-burstable-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice\n"
                "LogExtraFields=VKS_POD_UID=" UID "\n"
                "Restart=always\nRestartSec=300\nRemainAfterExit=no\nTimeoutStopSec=30\nSendSIGKILL="
                "yes\nSuccessExitStatus=\n"
                "RestartPreventExitStatus=\nRestartForceExitStatus=\nLogRateLimitIntervalSec="
                "1\nLogRateLimitBurst=1000000000\nOOMPolicy=kill\nStandardOutput=file:/run/vks/log/" UID ".c.out\n"
                "StandardError=file:/run/vks/log/" UID ".c.err\nType=exec\nPIDFile=\nWatchdogSec=0\nKillMode=mixed\n"
                "ExecStart=\nExecStart=\"/usr/bin/sleep\" \"1000\"\n"
                "User=vks-pod\nDynamicUser=no\nSupplementaryGroups=\nGroup=996\n"
                "NoNewPrivileges=yes\nRestrictSUIDSGID=yes\n"
                "EnvironmentFile=" DIR "/env/c\n"
                "ProtectSystem=strict\nProtectHome=no\nPrivateTmp=no\nReadWritePaths=\n"
                "BindPaths=/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve\n"
                "InaccessiblePaths=-/dev/fuse\n"
                "BindPaths=" DIR "/run:/run " DIR "/var:/var " DIR "/empty:/etc/vks " DIR "/empty:/home " DIR
                "/empty:/root " DIR "/tmp:/tmp " DIR "/shm:/dev/shm\n");
}

Test(unit_text, limits_are_lines_and_what_is_0_is_none)
{
        static const struct {
                uint32_t weight, milli;
                uint64_t memory;
                uint32_t tasks;
                const char *lines;
        } rows[] = {
                { 0, 0, 0, 0, "" },
                { 39, 0, 0, 0, "CPUWeight=39\n" },
                { 0, 1500, 0, 0, "CPUQuota=150.0%\n" },
                { 0, 11, 0, 0, "CPUQuota=1.1%\n" },
                { 0, 100000000, 0, 0, "CPUQuota=10000000.0%\n" },
                { 0, 0, INT64_MAX, 0, "MemoryMax=9223372036854775807\nMemorySwapMax=0\n" },
                { 10000, 10, 1, 7, "CPUWeight=10000\nCPUQuota=1.0%\nMemoryMax=1\nMemorySwapMax=0\nTasksMax=7\n" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct unit_text u = text_of(NULL);
                Vks__Limits l = VKS__LIMITS__INIT;
                CLEANUP(buf_done) struct buf d = BUF(65536), s = BUF(65536);
                CLEANUP(freep)
                char *want = xasprintf("LogRateLimitBurst=1000000000\n%sOOMPolicy=kill\n", rows[i].lines);
                CLEANUP(freep)
                char *slice =
                        xasprintf("[X-Kubernetes]\nUID=" UID "\n\n[Unit]\nDescription=Pod default/web\n\n[Slice]\n%s",
                                  rows[i].lines);

                l.cpu_weight = rows[i].weight, l.cpu_milli = rows[i].milli, l.memory_max = rows[i].memory;
                l.tasks_max = rows[i].tasks;
                u.limits = &l;
                unit_text_dropin(&u, &d);
                cr_assert(strstr(d.data, want), "%s", d.data);
                cr_assert_eq(unit_text_slice(u.pod, &l, &s), *rows[i].lines != '\0');
                cr_assert_str_eq(*rows[i].lines ? s.data : slice, slice);
                cr_assert(!unit_text_slice(u.pod, NULL, &s));
        }
}

Test(unit_text, capabilities_are_dropped_by_name)
{
        struct unit_text u = text_of(NULL);

        LINE_IS(&u, "CapabilityBoundingSet=", "");
        u.drop_capabilities =
                UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_CHECKPOINT_RESTORE;
        LINE_IS(&u, "CapabilityBoundingSet=", "~cap_chown cap_setuid cap_checkpoint_restore");
        LINE_IS(&u, "AmbientCapabilities=", "");
        u.who.become = true;
        LINE_IS(&u, "CapabilityBoundingSet=", "~cap_chown cap_checkpoint_restore");
        u.drop_capabilities = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETPCAP;
        LINE_IS(&u, "CapabilityBoundingSet=", "");
}

/* What is added for commands that were privileged comes before what is dropped. */
Test(unit_text, capabilities_are_dropped_last)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nCapabilityBoundingSet=CAP_KILL\nAmbientCapabilities=CAP_KILL\n"
                                       "ExecStartPre=+/bin/a\nExecStart=/bin/a\n");
        struct unit_text u = text_of(file);

        u.drop_capabilities = UINT64_C(1) << CAP_CHOWN;
        LINE_IS(&u, "CapabilityBoundingSet=", "CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE|~cap_chown");
}

/* "AmbientCapabilities=~" beside an empty set means all others: what is dropped would give all that is not. */
Test(unit_text, dropping_a_capability_gives_no_other)
{
        static const struct {
                const char *says, *ambient, *foreign;
        } rows[] = {
                { "", "", "" },
                { "AmbientCapabilities=CAP_CHOWN\n", "", "" },
                { "AmbientCapabilities=CAP_CHOWN CAP_KILL\n", "|cap_kill", "" },
                { "AmbientCapabilities=CAP_KILL\n", "", "" }, /* nothing of it is dropped: the package's line holds */
                { "AmbientCapabilities=CAP_KILL\nAmbientCapabilities=\tCAP_CHOWN\n", "|cap_kill", "" },
                { "AmbientCapabilities=CAP_CHOWN\nAmbientCapabilities=\nAmbientCapabilities=CAP_KILL\n", "", "" },
                { "AmbientCapabilities=CAP_CHOWN CAP_KILL\nAmbientCapabilities=~CAP_CHOWN\n", "", "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/bin/a\n%s", rows[i].says);
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);
                struct unit_text u = text_of(file);

                u.drop_capabilities = UINT64_C(1) << CAP_CHOWN;
                LINE_IS(&u, "AmbientCapabilities=", rows[i].ambient);
                u.who.foreign = true; /* its own line is not the package's, whose capabilities are taken back */
                LINE_IS(&u, "AmbientCapabilities=", rows[i].foreign);
        }
}

/* All but some is a set like any other. */
Test(unit_text, a_package_with_nearly_all_capabilities_loses_what_is_dropped)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nAmbientCapabilities=~CAP_KILL\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf b = BUF(65536);
        const char *line;

        u.drop_capabilities = UINT64_C(1) << CAP_CHOWN;
        unit_text_dropin(&u, &b);
        line = strstr(b.data, "\nAmbientCapabilities=\nAmbientCapabilities=cap_dac_override ");
        cr_assert(line, "%s", b.data);
        cr_assert(!strstr(line, "cap_chown") && !strstr(line, "cap_kill") && !strchr(line, '~'));
}

Test(unit_text, a_read_only_root_leaves_what_is_the_containers_to_write)
{
        struct given dirs = { .n = 2,
                              .dirs = (struct given_dir[]){ { .path = (char *)(uintptr_t) "/run/a" },
                                                            { .path = (char *)(uintptr_t) "/run/b", .inner = true } } };
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nExecStart=/bin/a\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf b = BUF(65536), beside = BUF(65536);

        u.read_only_root = u.message = true, u.given = &dirs;
        unit_text_dropin(&u, &b);
        unit_text_beside(&u, "x.service", &beside);
        for (const char *text = b.data; text; text = text == b.data ? beside.data : NULL) {
                cr_assert(strstr(text, "\nBindReadOnlyPaths=" DIR "/run:/run " DIR "/var:/var " DIR
                                       "/empty:/etc/vks " DIR "/empty:/home " DIR "/empty:/root " DIR "/tmp:/tmp\n"
                                       "BindPaths=" DIR "/shm:/dev/shm /run/vks/messages/" UID
                                       ".c:/dev/termination-log\nReadWritePaths=-/run/a\n"),
                          "%s", text);
                cr_assert(!strstr(text, "ReadWritePaths=-/run/b"));
        }
}

/* An empty line would take back what other lines bind. */
Test(unit_text, a_read_only_root_binds_nothing_by_an_empty_line)
{
        struct mount_line all = { .kind = MOUNT_BIND,
                                  .source = (char *)(uintptr_t) "/x",
                                  .target = (char *)(uintptr_t) "/dev/shm" };
        struct mount_plan plan = { .n = 1, .lines = &all };
        struct unit_text u = text_of(NULL);
        CLEANUP(buf_done) struct buf b = BUF(65536);

        u.read_only_root = true, u.mounts = &plan, u.program = "/bin/a";
        unit_text_dropin(&u, &b);
        cr_assert(!strstr(b.data, "BindPaths=\n"), "%s", b.data);
}

Test(unit_text, system_calls_are_denied_and_none_is_allowed)
{
        struct unit_text u = text_of(NULL);
        CLEANUP(buf_done) struct buf b = BUF(65536);
        unsigned n = 0;

        LINE_IS(&u, "SystemCallFilter=", "");
        LINE_IS(&u, "RestrictNamespaces=", "");
        u.filter_system_calls = true;
        LINE_IS(&u, "RestrictNamespaces=", "yes");
        unit_text_dropin(&u, &b);
        for (const char *s = b.data; (s = strstr(s, "SystemCallFilter=")); s++, n++) {
                const char *end = strchr(s, '\n');
                cr_assert_eq(s[strlen("SystemCallFilter=")], '~');
                for (const char *word = s; word < end; word += strcspn(word, " \n") + 1)
                        cr_assert_eq(strncmp(word + strcspn(word, " \n") - 6, ":EPERM", 6), 0, "%s", word);
        }
        cr_assert_gt(n, 0);
}

Test(unit_text, who_is_killed_first_is_the_pods_to_say_and_not_the_packages)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nOOMScoreAdjust=-900\nExecStart=/bin/a\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "OOMScoreAdjust=", "");
        u.oom_score_adjust = 1000;
        LINE_IS(&u, "OOMScoreAdjust=", "1000");
        u.who.foreign = true;
        LINE_IS(&u, "OOMScoreAdjust=", "0|1000");
}

Test(unit_text, a_termination_message_is_one_more_bind)
{
        struct unit_text u = text_of(NULL);
        CLEANUP(buf_done) struct buf d = BUF(65536);

        u.program = "/usr/bin/sleep", u.message = true;
        unit_text_dropin(&u, &d);
        cr_assert(strstr(d.data, ":/dev/shm /run/vks/messages/" UID ".c:/dev/termination-log\n"), "%s", d.data);
}

Test(unit_text, words_of_a_pod_cannot_leave_their_quotes)
{
        static const struct {
                const char *word, *written;
        } cases[] = {
                { "", "\"\"" },
                { ";", "\";\"" },
                { "a b", "\"a b\"" },
                { "\" ; /bin/evil", "\"\\\" ; /bin/evil\"" },
                { "\\", "\"\\\\\"" },
                { "%n %%", "\"%%n %%%%\"" },
                { "$A ${B} $$", "\"$$A $${B} $$$$\"" },
                { "\nExecStart=/bin/evil", "\"\\x0aExecStart=/bin/evil\"" },
                { "\t\r\x01\x7f\xc3\xa4\xff", "\"\\x09\\x0d\\x01\\x7f\\xc3\\xa4\\xff\"" },
                { "'", "\"'\"" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct unit_text u = text_of(NULL);
                char *args[] = { (char *)(uintptr_t)cases[i].word };
                CLEANUP(freep) char *want = xasprintf("|\"/bin/x\" %s", cases[i].written);

                u.program = "/bin/x", u.args = args, u.n_args = 1;
                LINE_IS(&u, "ExecStart=", want);
        }
}

Test(unit_text, what_runs_once_is_not_restarted_always)
{
        CLEANUP(unit_file_freep)
        struct unit_file *once =
                parse("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/a\nExecStart=/bin/b\n");
        struct unit_text u = text_of(once);

        u.restart = 2;
        LINE_IS(&u, "Restart=", "on-failure");
        LINE_IS(&u, "RemainAfterExit=", "no");
        u.restart = 0;
        LINE_IS(&u, "Restart=", "no");
        u.restart = 2, u.program = "/bin/x"; /* a daemon instead of what the unit runs */
        LINE_IS(&u, "Restart=", "always");
}

Test(unit_text, the_bus_is_seen_by_whom_policy_says)
{
        CLEANUP(unit_file_freep)
        struct unit_file *bus = parse("[Service]\nType=notify-reload\nBusName=org.x\nExecStart=/bin/a\n");
        struct unit_text u = text_of(bus);

        LINE_IS(&u, "BindReadOnlyPaths=-/run/d", "");
        u.who.bus = true;
        LINE_IS(&u, "BindReadOnlyPaths=-/run/d", "bus");
}

Test(unit_text, what_pid_1_hands_to_a_package_is_for_its_own_command_line)
{
        static const char *const keys[] = { "AmbientCapabilities=", "LoadCredential=", "LoadCredentialEncrypted=",
                                            "ImportCredential=",    "OpenFile=",       "StandardInput=" };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/bin/a\n%sx\n", keys[i]);
                CLEANUP(freep)
                char *taken = xasprintf("\n%s%s\n", keys[i], starts_with(keys[i], "StandardI") ? "null" : "");
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);
                struct unit_text u = text_of(file);

                for (int foreign = 0; foreign < 2; foreign++) {
                        CLEANUP(buf_done) struct buf b = BUF(65536);

                        u.who.foreign = u.carried = foreign;
                        unit_text_dropin(&u, &b);
                        cr_assert_eq(strstr(b.data, taken) != NULL, foreign, "%s", b.data);
                        cr_assert(!foreign || strstr(b.data, "\nLoadCredential=vks-env:") > strstr(b.data, taken));
                }
        }
}

/* A session's processes are logind's, in a slice of their own, and not the pod's. */
Test(unit_text, nobody_has_a_session_with_the_pods_variables)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nUser=x\nPAMName=login\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf b = BUF(65536);

        unit_text_dropin(&u, &b);
        cr_assert(strstr(b.data, "\nPAMName=\n"), "%s", b.data);
}

/* The kernel asks who traces, or looks into /proc/PID, for all capabilities of whom he traces. */
Test(unit_text, nobody_of_the_same_user_reaches_into_who_has_rights_of_the_package)
{
        static const struct {
                const char *text;
                uint64_t dropped;
                bool own, root;
                const char *bounding, *ambient;
        } rows[] = {
                { "", 0, false, false, "", "" },
                { "", 0, true, true, "", "" },
                { "", 0, true, false, "", "CAP_NET_BROADCAST" },
                { "CapabilityBoundingSet=\n", 0, true, false, "CAP_NET_BROADCAST", "CAP_NET_BROADCAST" },
                { "CapabilityBoundingSet=CAP_CHOWN\n", UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_NET_BROADCAST,
                  true, false, "~cap_chown|CAP_NET_BROADCAST", "CAP_NET_BROADCAST" },
                { "AmbientCapabilities=CAP_CHOWN CAP_NET_RAW\n", UINT64_C(1) << CAP_CHOWN, true, false, "~cap_chown",
                  "|cap_net_raw|CAP_NET_BROADCAST" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/bin/a\nUser=x\n%s", rows[i].text);
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);
                struct unit_text u = text_of(file);

                u.who.own = rows[i].own, u.who.root = rows[i].root, u.drop_capabilities = rows[i].dropped;
                LINE_IS(&u, "CapabilityBoundingSet=", rows[i].bounding);
                LINE_IS(&u, "AmbientCapabilities=", rows[i].ambient);
                LINE_IS(&u, "LimitCORE=", rows[i].own && !rows[i].root ? "0" : "");
                LINE_IS(&u, "Environment=PYTHONNOUSERSITE=", rows[i].own ? "1" : ""); /* his home is others', too */
        }
}

Test(unit_text, groups_are_pid_1s_to_give_or_vks_execs)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nUser=x\nExecStart=/bin/a\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf b = BUF(65536);

        u.who.n_more = 2, u.who.more[0] = 2000, u.who.more[1] = 2001;
        LINE_IS(&u, "SupplementaryGroups=", "2000|2001");
        u.who.become = true, u.who.known = true, u.who.uid = 7, u.who.gid = 8, u.carried = true;
        LINE_IS(&u, "SupplementaryGroups=", "");
        unit_text_dropin(&u, &b);
        cr_assert(strstr(b.data, "vks-exec --user=7 --group=8 --groups=2000,2001 /bin/a"), "%s", b.data);
}

Test(unit_text, a_privilege_is_written_as_it_is)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file =
                parse("[Service]\nUser=x\nGroup=disk\nSupplementaryGroups=shadow y\nExecStart=/bin/a\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "User=", "");
        LINE_IS(&u, "Group=", "");
        LINE_IS(&u, "SupplementaryGroups=", "");
        LINE_IS(&u, "AmbientCapabilities=", "");
        LINE_IS(&u, "NoNewPrivileges=", "yes");
        u.who = (struct privilege){
                .set_groups = true, .n_groups = 2, .groups = { 7, 8 }, .set_group = true, .gid = 9
        };
        LINE_IS(&u, "User=", "");
        LINE_IS(&u, "Group=", "9");
        LINE_IS(&u, "SupplementaryGroups=", "|7|8");
        u.who.gid = UINT32_MAX; /* a dynamic user's own */
        CLEANUP(buf_done) struct buf b = BUF(65536);
        unit_text_dropin(&u, &b);
        cr_assert(strstr(b.data, "\nGroup=\n"));
        u.who.set_user = true, u.who.uid = 1000;
        LINE_IS(&u, "User=", "1000");
        LINE_IS(&u, "DynamicUser=", "no");
        u.who = (struct privilege){ .root = true };
        LINE_IS(&u, "NoNewPrivileges=", "");
        u.who = (struct privilege){ .gains = true };
        LINE_IS(&u, "NoNewPrivileges=", "");
        u.who.no_new_privileges = true;
        LINE_IS(&u, "NoNewPrivileges=", "yes");
        u.who.root = true;
        LINE_IS(&u, "NoNewPrivileges=", "yes");
        u.who.gains = false;
        LINE_IS(&u, "NoNewPrivileges=", "yes");
}

Test(unit_text, a_syslog_daemon_has_a_dev_log_of_its_own)
{
        CLEANUP(unit_file_freep)
        struct unit_file *syslog =
                parse("[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=x.target\nAlias=a.service syslog.service\n");
        CLEANUP(unit_file_freep)
        struct unit_file *other =
                parse("[Unit]\nAfter=syslog.service\n[Service]\nExecStart=/bin/a\n[Install]\nAlias=b.service\n");
        struct unit_text u = text_of(syslog), v = text_of(other);

        LINE_IS(&u, "TemporaryFileSystem=", "/dev:mode=0755");
        LINE_IS(&v, "TemporaryFileSystem=", "");
        LINE_IS(&u, "ReadOnlyPaths=", "");
        LINE_IS(&u, "PrivateDevices=", "no"); /* where PID 1 would put a link to the journal's socket in that place */
        LINE_IS(&v, "PrivateDevices=", "");
        LINE_IS(&v, "ReadOnlyPaths=", ""); /* anybody else takes the machine's as it is, */
        v.who.root = true;
        LINE_IS(&v, "ReadOnlyPaths=", "/dev"); /* where root could make something */
}

Test(unit_text, command_and_args_replace_what_they_should)
{
        static const struct {
                const char *line, *command, *args, *both;
        } cases[] = {
                { "/usr/sbin/d -a \"b c\" $OPT", "|\"/bin/x\" \"y\" -a \"b c\" $OPT", "|/usr/sbin/d \"z$$\"",
                  "|\"/bin/x\" \"y\" \"z$$\"" },
                { "-/usr/sbin/d -a", "|\"/bin/x\" \"y\" -a", "|-/usr/sbin/d \"z$$\"", "|\"/bin/x\" \"y\" \"z$$\"" },
                { "@/usr/sbin/d name -a", "|\"/bin/x\" \"y\" -a", "|@/usr/sbin/d name \"z$$\"",
                  "|\"/bin/x\" \"y\" \"z$$\"" },
                { ":/usr/sbin/d $x", "|:\"/bin/x\" \"y\" $x", "|:/usr/sbin/d \"z$\"", "|\"/bin/x\" \"y\" \"z$$\"" },
                { "+/usr/sbin/d -a", "|\"/bin/x\" \"y\" -a", "|/usr/sbin/d \"z$$\"", "|\"/bin/x\" \"y\" \"z$$\"" },
                { "-!@/usr/sbin/d n -a", "|\"/bin/x\" \"y\" -a", "|-@/usr/sbin/d n \"z$$\"",
                  "|\"/bin/x\" \"y\" \"z$$\"" },
                { "\"/usr/sbin/my d\" -a", "|\"/bin/x\" \"y\" -a", "|\"/usr/sbin/my d\" \"z$$\"",
                  "|\"/bin/x\" \"y\" \"z$$\"" },
                { "/usr/sbin/d", "|\"/bin/x\" \"y\" ", "|/usr/sbin/d \"z$$\"", "|\"/bin/x\" \"y\" \"z$$\"" },
        };
        char *command[] = { (char *)"x", (char *)"y" }, *args[] = { (char *)"z$" };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep)
                char *text = xasprintf("[Service]\nType=notify\nExecStart=/first\nExecStart=%s\n", cases[i].line);
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);
                struct unit_text u = text_of(file);

                LINE_IS(&u, "ExecStart=", "");
                u.command = command, u.args = args;
                u.n_args = 1, u.who.plain = true;
                LINE_IS(&u, "ExecStart=", cases[i].args);
                LINE_IS(&u, "Type=", "");
                u.program = "/bin/x", u.n_command = 2;
                LINE_IS(&u, "ExecStart=", cases[i].both);
                LINE_IS(&u, "Type=", "exec");
                u.n_args = 0;
                LINE_IS(&u, "ExecStart=", cases[i].command);
        }
}

Test(unit_text, who_writes_to_the_machines_directories_leaves_no_other_users_programs_and_no_devices_there)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nExecStart=/usr/sbin/d\n");
        CLEANUP(unit_file_freep)
        struct unit_file *says = parse("[Service]\nExecStart=/usr/sbin/d\nRestrictSUIDSGID=no\n");
        struct unit_text u = text_of(file);

        for (unsigned root = 0; root < 2; root++) {
                u.who.root = root, u.writes_host = false;
                LINE_IS(&u, "RestrictSUIDSGID=", "");
                LINE_IS(&u, "CapabilityBoundingSet=", "");
                u.writes_host = true;
                LINE_IS(&u, "RestrictSUIDSGID=", "yes");
                LINE_IS(&u, "CapabilityBoundingSet=", "~CAP_MKNOD CAP_SETFCAP");
        }
        u.who.gains = true;
        LINE_IS(&u, "RestrictSUIDSGID=", "yes");
        u.file = says;
        LINE_IS(&u, "RestrictSUIDSGID=", ""); /* the unit's own word, or the administrator's */
        u.file = file, u.who.root = false;
        LINE_IS(&u, "RestrictSUIDSGID=", ""); /* it would imply NoNewPrivileges= */
        LINE_IS(&u, "CapabilityBoundingSet=", "~CAP_MKNOD CAP_SETFCAP");
        u.who.gains = false, u.file = NULL, u.program = "/bin/x";
        LINE_IS(&u, "RestrictSUIDSGID=", "yes");
}

Test(unit_text, what_root_mounts_later_does_not_come_to_who_has_a_directory_of_the_machines_read_only)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/usr/sbin/d\nMountFlags=slave\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "MountFlags=", "");
        u.reads_host = true;
        LINE_IS(&u, "MountFlags=", "private");
}

Test(unit_text, a_user_without_passwd_entry_is_become_by_vks_exec)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nExecStart=-@/usr/sbin/d name -a\n");
        struct unit_text u = text_of(file);

        u.who = (struct privilege){ .set_user = true,
                                    .set_group = true,
                                    .set_groups = true,
                                    .fallback = true,
                                    .become = true,
                                    .uid = 1234,
                                    .gid = 99 };
        u.carried = true;
        LINE_IS(&u, "ExecStart=", "|-!/usr/libexec/vks/vks-exec --user=1234 --group=99 --argv0 name /usr/sbin/d -a");
        LINE_IS(&u, "User=", "vks-pod"); /* the package's other commands are not root's */
        LINE_IS(&u, "Group=", "99");
        LINE_IS(&u, "LoadCredential=", "vks-env:" DIR "/env/c.carried");
        u.file = NULL, u.program = "/bin/x";
        LINE_IS(&u, "User=", "");
}

/* PID 1 would leave them the groups that the user has on the machine, and what they read is the pod's. */
Test(unit_text, where_vks_exec_becomes_the_user_it_does_so_for_the_packages_other_commands)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/d\nExecStartPre=-@/bin/a name 'x ; y' \\; ; /bin/b\n"
                                       "ExecStartPre=\nExecStartPre=:/bin/c $A ; +/bin/root x ;\nExecStopPost=/bin/e\n"
                                       "ExecReload=!/bin/f\nExecStartPost=-@/bin/a name 'x ; y' \\; ; /bin/b\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "ExecStartPre=", "|-@/bin/a name 'x ; y' \\; |/bin/b||:/bin/c $A |!/bin/root x ");
        u.who.become = true, u.who.uid = 1234, u.who.gid = 99, u.who.n_more = 1, u.who.more[0] = 7, u.carried = true;
#define BECOME "/usr/libexec/vks/vks-exec --other --user=1234 --group=99 --groups=7 "
        LINE_IS(&u, "ExecStartPre=",
                "|-!" BECOME "--argv0 name /bin/a 'x ; y' \\; |!" BECOME "/bin/b ||:!" BECOME
                "/bin/c $A |!/bin/root x ");
        LINE_IS(&u, "ExecStartPost=", "|-!" BECOME "--argv0 name /bin/a 'x ; y' \\; |!" BECOME "/bin/b ");
        LINE_IS(&u, "ExecStopPost=", "|!" BECOME "/bin/e ");
        LINE_IS(&u, "ExecReload=", "|!/bin/f");
        u.program = "/bin/x";
        LINE_IS(&u, "ExecStartPre=", "");
        CLEANUP(unit_file_freep)
        struct unit_file *oneshot = parse("[Service]\nType=oneshot\nExecStart=/bin/a b ; /bin/c\n");
        u.program = NULL, u.file = oneshot;
#undef BECOME
#define BECOME "!/usr/libexec/vks/vks-exec --user=1234 --group=99 --groups=7 "
        LINE_IS(&u, "ExecStart=", "|" BECOME "/bin/a b |" BECOME "/bin/c ");
#undef BECOME
}

Test(unit_text, words_of_a_pod_are_privileged_where_the_policy_says_so_only)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nUser=x\nExecStart=!@/usr/sbin/d name -a\n");
        struct unit_text u = text_of(file);
        char *args[] = { (char *)(uintptr_t) "b" };

        LINE_IS(&u, "ExecStart=", "");
        u.who.plain = true; /* whom the pod names begins it */
        LINE_IS(&u, "ExecStart=", "|@/usr/sbin/d name -a");
        u.args = args, u.n_args = 1;
        LINE_IS(&u, "ExecStart=", "|@/usr/sbin/d name \"b\"");
        u.carried = true;
        LINE_IS(&u, "ExecStart=", "|/usr/libexec/vks/vks-exec --argv0 name /usr/sbin/d \"b\"");
        u.carried = false, u.who.plain = false;
        LINE_IS(&u, "ExecStart=", "|@!/usr/sbin/d name \"b\"");
}

Test(unit_text, what_systemd_cannot_carry_vks_exec_brings_to_each_command)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nType=oneshot\nExecStart=-@/bin/a name $X\nExecStart=:/bin/b %n\n");
        struct unit_text u = text_of(file);
        char *args[] = { (char *)(uintptr_t) "$" };

        u.carried = true;
        LINE_IS(&u, "ExecStart=",
                "|-/usr/libexec/vks/vks-exec --argv0 name /bin/a $X|:/usr/libexec/vks/vks-exec /bin/b x.service");
        LINE_IS(&u, "LoadCredential=", "vks-env:" DIR "/env/c.carried");
        u.program = "/b$n", u.args = args, u.n_args = 1;
        LINE_IS(&u, "ExecStart=", "|/usr/libexec/vks/vks-exec \"/b$$n\" \"$$\"");
}

/* Prefixes mean something in quotes, too: a line without a program of the package's would run "+/bin/sh" as root. */
Test(unit_text, a_words_place_is_never_the_programs)
{
        static const char *const units[] = { "[Service]\nType=oneshot\nExecStop=/bin/a\n",
                                             "[Service]\nExecStart=/bin/a\nExecStart=\n", "[Service]\nExecStart=-\n" };
        char *args[] = { (char *)(uintptr_t) "+/bin/sh" };

        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                CLEANUP(unit_file_freep) struct unit_file *file = parse(units[i]);
                struct unit_text u = text_of(file);

                u.args = args, u.n_args = 1;
                LINE_IS(&u, "ExecStart=", "|");
                u.carried = true;
                LINE_IS(&u, "ExecStart=", "|");
                u.program = "/bin/b";
                LINE_IS(&u, "ExecStart=", "|/usr/libexec/vks/vks-exec \"/bin/b\" \"+/bin/sh\"");
        }
}

Test(unit_text, commands_that_were_taken_back_stay_so)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file =
                parse("[Service]\nExecStart=/bin/a\n[X-Drop-In]\n[Service]\nExecStart=\nExecStart=/bin/b\n");
        struct unit_text u = text_of(file);

        u.carried = true;
        LINE_IS(&u, "ExecStart=", "|/usr/libexec/vks/vks-exec /bin/a ||/usr/libexec/vks/vks-exec /bin/b ");
}

Test(unit_text, no_command_of_a_package_leaves_the_pods_view)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nPermissionsStartOnly=true\nExecStartPre=/bin/a\nExecStartPre=-+/bin/"
                                       "b\nExecStart=/d\nExecStopPost=!/bin/c\n");
        CLEANUP(unit_file_freep)
        struct unit_file *plain = parse("[Service]\nExecStartPre=+/bin/a\nExecStartPost=/bin/b\nExecStart=/d\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "ExecStartPre=", "|!/bin/a|-!/bin/b");
        LINE_IS(&u, "ExecStopPost=", "|!/bin/c");
        LINE_IS(&u, "PermissionsStartOnly=", "no");
        u = text_of(plain);
        LINE_IS(&u, "ExecStartPre=", "|!/bin/a");
        LINE_IS(&u, "ExecStartPost=", "|/bin/b");
        u.program = "/bin/x";
        LINE_IS(&u, "ExecStartPre=", ""); /* a container runs its command and nothing else */
        LINE_IS(&u, "ExecStartPost=", "");
}

Test(unit_text, directories_lie_in_the_pods_own)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file =
                parse("[Service]\nExecStart=/d\nRuntimeDirectory=a "
                      "b/c\nRuntimeDirectoryMode=2755\nStateDirectory=s:link\nPIDFile=/var/run/a/d.pid\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "PIDFile=", "");
        u.pid_file = "/run/a/d.pid";

        LINE_IS(&u, "RuntimeDirectory=", "|vks/pods/" UID "/run/a vks/pods/" UID "/run/b/c vks/pods/" UID "/var/lib/s");
        LINE_IS(&u, "StateDirectory=", "");
        LINE_IS(&u, "RuntimeDirectoryMode=", "2755");
        LINE_IS(&u, "Environment=", "RUNTIME_DIRECTORY=/run/a:/run/b/c|STATE_DIRECTORY=/var/lib/s");
        LINE_IS(&u, "PIDFile=", DIR "/run/a/d.pid");
        LINE_IS(&u, "RuntimeDirectoryPreserve=", "");
        u.overlay = true;
        LINE_IS(&u, "RuntimeDirectoryPreserve=", "yes");
        given.dirs[2].fresh = true;
        LINE_IS(&u, "RuntimeDirectory=",
                "|vks/pods/" UID "/run/a vks/pods/" UID "/run/b/c vks/pods/" UID "/given/var/lib/s");
        LINE_IS(&u, "Environment=", "RUNTIME_DIRECTORY=/run/a:/run/b/c|STATE_DIRECTORY=/var/lib/s");
        LINE_IS(&u, "BindPaths=" DIR "/run:/run ",
                DIR "/var:/var " DIR "/empty:/etc/vks " DIR "/empty:/home " DIR "/empty:/root " DIR
                    "/empty:/var/lib/vks " DIR "/tmp:/tmp " DIR "/shm:/dev/shm " DIR "/given/var/lib/s:/var/lib/s");
        LINE_IS(&u, "Requires=", "run-vks-pods-0f6c2a9e\\x2d1234\\x2d4abc\\x2d8def\\x2d0123456789ab-var.mount");
        CLEANUP(unit_file_freep)
        struct unit_file *more = parse(
                "[Service]\nExecStart=/d\nStateDirectory=a\nStateDirectory=\nStateDirectory=b\nStateDirectory=c\n");
        struct unit_text v = text_of(more);
        LINE_IS(&v, "RuntimeDirectory=", "vks/pods/" UID "/var/lib/b vks/pods/" UID "/var/lib/c");
        v.overlay = given.dirs[1].fresh = true;
        LINE_IS(&v, "RuntimeDirectory=", "vks/pods/" UID "/given/var/lib/c"); /* the other one is the machine's */
        LINE_IS(&v, "Environment=STATE_DIRECTORY=", "/var/lib/b:/var/lib/c");
}

/* PID 1 would make them in /run/private, which is the machine's, and nobody would ever remove them. */
Test(unit_text, what_a_dynamic_user_has_does_not_outlive_it)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/d\nDynamicUser=yes\nRuntimeDirectory=a\n"
                                       "RuntimeDirectoryPreserve=yes\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "RuntimeDirectoryPreserve=", "no");
}

/* Its mount point would be in the volume: a link that the pod puts there, or a directory that PID 1 makes in a
 * hostPath. */
Test(unit_text, nothing_of_the_pods_own_is_mounted_in_a_volume)
{
        static const struct {
                const char *source, *target, *ours;
                bool mounted;
        } rows[] = {
                { "/m", "/var/cache/a", "given/var/cache/a/b:", false },
                { "/m", "/var/cache/a/b", "given/var/cache/a/b:", false },
                { "/m", "/var/cache", "given/var/cache/a/b:", false },
                { "/m", "/var/cache/a/b/c", "given/var/cache/a/b:", true },
                { "/m", "/var/cache/a/bb", "given/var/cache/a/b:", true },
                { "-/var/cache/a", "/var/cache/a",
                  "given/var/cache/a/b:", true }, /* root's, for this container alone */
                { "/m", "/var/lib", "empty:/var/lib/vks", false },
                { "/m", "/etc", "empty:/etc/vks", false },
                { "/m", "/dev", "shm:/dev/shm", false },
        };
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/d\nCacheDirectory=a/b\n");
        struct mount_line volume = { MOUNT_BIND, NULL, NULL };
        struct mount_plan plan = { .n = 1, .lines = &volume };
        struct unit_text u = text_of(file);

        u.overlay = given.dirs[0].fresh = true;
        u.mounts = &plan;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                volume.source = (char *)(uintptr_t)rows[i].source;
                volume.target = (char *)(uintptr_t)rows[i].target;
                CLEANUP(freep) char *binds = line(&u, "BindPaths=" DIR "/run:/run");
                cr_assert_eq(strstr(binds, rows[i].ours) != NULL, rows[i].mounted, "%s: %s", rows[i].target, binds);
        }
}

/* To PID 1 it has ProtectHome=read-only then, and of two mounts at /home that one wins. */
Test(unit_text, what_a_dynamic_user_has_in_home_is_not_in_the_machines)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nExecStart=/d\nDynamicUser=yes\n");
        struct mount_line home = { MOUNT_BIND, (char *)(uintptr_t) "/m", (char *)(uintptr_t) "/home/x" };
        struct mount_plan plan = { .n = 1, .lines = &home };
        struct unit_text u = text_of(file);

        LINE_IS(&u, "ProtectHome=", "no");
        u.mounts = &plan;
        LINE_IS(&u, "ProtectHome=", "tmpfs");
        LINE_IS(&u, "TemporaryFileSystem=", "");
        home.target = (char *)(uintptr_t) "/root/x";
        LINE_IS(&u, "ProtectHome=", "tmpfs");
        u.who.set_user = true; /* then it is none */
        LINE_IS(&u, "ProtectHome=", "no");
        LINE_IS(&u, "TemporaryFileSystem=", "/home:ro,mode=0755|/root:ro,mode=0755");
}

/* PID 1 makes a /tmp and a /var/tmp for it in any case: one for each command, or on the machine's disk. */
Test(unit_text, a_dynamic_user_has_the_pods_tmp)
{
        CLEANUP(unit_file_freep) struct unit_file *file = parse("[Service]\nExecStart=/d\nDynamicUser=yes\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "PrivateTmp=", "yes");
        LINE_IS(&u, "BindPaths=" DIR "/run:/run",
                " " DIR "/var:/var " DIR "/empty:/etc/vks " DIR "/empty:/home " DIR "/empty:/root " DIR "/tmp:/tmp " DIR
                "/var/tmp:/var/tmp " DIR "/shm:/dev/shm");
        u.overlay = true; /* where the machine's /var/tmp may be a link */
        LINE_IS(&u, "BindPaths=" DIR "/run:/run",
                " " DIR "/var:/var " DIR "/empty:/etc/vks " DIR "/empty:/home " DIR "/empty:/root " DIR
                "/empty:/var/lib/vks " DIR "/tmp:/tmp " DIR "/tmp:/var/tmp " DIR "/shm:/dev/shm");
        u.overlay = false, u.who.set_user = true; /* then it is none */
        LINE_IS(&u, "PrivateTmp=", "no");
}

/* systemd 257 shows it where a unit asks for it, be it by something else. */
Test(unit_text, no_unit_brings_journalds_third_socket)
{
        static const char *const lines[] = { "BindLogSockets=yes", "MountAPIVFS=yes", "PrivatePIDs=yes",
                                             "RootDirectory=/srv/x" };
        CLEANUP(unit_file_freep) struct unit_file *plain = parse("[Service]\nExecStart=/d\n");
        struct unit_text u = text_of(plain);

        LINE_IS(&u, "BindLogSockets=", "");
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/d\n%s\n", lines[i]);
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);

                u = text_of(file);
                LINE_IS(&u, "BindLogSockets=", "no");
        }
}

Test(unit_text, a_condition_on_what_a_volume_of_the_pod_holds_is_none)
{
        struct mount_line lines[] = {
                { MOUNT_TMPFS, NULL, (char *)(uintptr_t) "/srv" },
                { MOUNT_BIND_READ_ONLY, (char *)(uintptr_t) "-/srv/own", (char *)(uintptr_t) "/srv/own" },
                { MOUNT_BIND_READ_ONLY, (char *)(uintptr_t) "/m", (char *)(uintptr_t) "/etc/x" },
        };
        struct mount_plan plan = { ARRAY_LEN(lines), lines, false, NULL };
        CLEANUP(unit_file_freep)
        struct unit_file *file =
                parse("[Unit]\nConditionFileNotEmpty=/etc/x/x.conf\nConditionPathExists=/etc/xx\nConditionPathExists=| "
                      "/etc/x\n"
                      "ConditionPathExists=!/etc/x/not\nConditionDirectoryNotEmpty=/srv/own\nConditionHost=/etc/x\n"
                      "[Service]\nExecStart=/bin/x\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf f = BUF(65536);

        u.mounts = &plan;
        unit_text_fragment(&u, &f);
        cr_assert_str_eq(strchr(f.data, '\n') + 1,
                         "[Unit]\n# A volume of the pod is there: "
                         "ConditionFileNotEmpty=/etc/x/x.conf\nConditionPathExists=/etc/xx\n"
                         "# A volume of the pod is there: ConditionPathExists=| "
                         "/etc/x\nConditionPathExists=!/etc/x/not\nConditionDirectoryNotEmpty=/srv/own\n"
                         "ConditionHost=/etc/x\n[Service]\nExecStart=/bin/x\n");
}

Test(unit_text, mounts_come_in_their_order_and_quoted)
{
        struct mount_line lines[] = {
                { MOUNT_TMPFS, NULL, (char *)"/" },
                { MOUNT_BIND_READ_ONLY, (char *)"-/usr", (char *)"/usr" },
                { MOUNT_BIND, (char *)"/srv/a \"b\" 100%", (char *)"/data:x" },
                { MOUNT_BIND, (char *)"/m", (char *)"/tmp" },
                { MOUNT_BIND, (char *)"/s", (char *)"/dev/shm" },
        };
        struct mount_plan plan = { .n = ARRAY_LEN(lines), .lines = lines, .root = true };
        struct unit_text u = text_of(NULL);

        u.program = "/bin/x", u.mounts = &plan;
        LINE_IS(&u, "TemporaryFileSystem=", "\"/\":ro,mode=0755");
        LINE_IS(&u, "BindPaths=",
                "/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve|" DIR "/run:/run " DIR
                "/var:/var " DIR "/empty:/etc/vks " DIR "/empty:/home " DIR
                "/empty:/root|\"/srv/a \\\"b\\\" 100%%\":\"/data:x\"|\"/m\":\"/tmp\"|\"/s\":\"/dev/shm\"");
        LINE_IS(&u, "ProtectSystem=", "no");
}

Test(unit_text, homes_are_empty_and_a_volume_may_lie_in_one)
{
        struct mount_line home = { MOUNT_BIND, (char *)(uintptr_t) "/m", (char *)(uintptr_t) "/root/data" };
        struct mount_plan plan = { .n = 1, .lines = &home };
        struct unit_text u = text_of(NULL);

        u.program = "/bin/x";
        LINE_IS(&u, "TemporaryFileSystem=", "");
        u.mounts = &plan;
        LINE_IS(&u, "ProtectHome=", "no"); /* its tmpfs may be closed to the container's user */
        LINE_IS(&u, "TemporaryFileSystem=", "/home:ro,mode=0755|/root:ro,mode=0755");
        LINE_IS(&u, "BindPaths=",
                "/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve|" DIR "/run:/run " DIR
                "/var:/var " DIR "/empty:/etc/vks " DIR "/tmp:/tmp " DIR "/shm:/dev/shm|\"/m\":\"/root/data\"");
        home.target = (char *)(uintptr_t) "/home";
        LINE_IS(&u, "TemporaryFileSystem=", "/root:ro,mode=0755");
        home.target = (char *)(uintptr_t) "/root";
        LINE_IS(&u, "TemporaryFileSystem=", "/home:ro,mode=0755");
}

Test(unit_text, only_a_daemon_that_has_something_to_say_to_pid_1_sees_its_socket)
{
        static const struct {
                const char *lines;
                bool heard;
        } cases[] = {
                { "Type=notify\n", true },
                { "Type=notify-reload\n", true },
                { "Type=simple\nNotifyAccess=all\n", true },
                { "Type=exec\nWatchdogSec=30\n", true },
                { "NotifyAccess=none\n", false },
                { "Type=forking\n", false },
                { "", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *text = xasprintf("[Service]\nExecStart=/bin/d\nUser=x\n%s", cases[i].lines);
                CLEANUP(unit_file_freep) struct unit_file *file = parse(text);
                struct unit_text u = text_of(file);
                static char *args[] = { (char *)(uintptr_t) "-x" };

                for (int k = 0; k < 4; k++) {
                        CLEANUP(buf_done) struct buf b = BUF(1 << 20);

                        u.n_args = k == 1, u.args = args;
                        u.program = k >= 2 ? "/bin/sh" : NULL;
                        if (k == 3)
                                unit_text_beside(&u, "x.service", &b);
                        else
                                unit_text_dropin(&u, &b);
                        cr_expect_eq(strstr(b.data, "/run/systemd/notify") != NULL, cases[i].heard && k < 2, "%zu %d",
                                     i, k);
                }
        }
}

Test(unit_text, root_cannot_change_the_machines_sockets)
{
        struct unit_text u = text_of(NULL);

        u.program = "/bin/x";
        LINE_IS(&u, "BindReadOnlyPaths=", "");
        u.who.root = true;
        LINE_IS(&u, "BindReadOnlyPaths=",
                "/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve");
        u.who.root = false, u.who.gains = true;
        LINE_IS(&u, "BindReadOnlyPaths=",
                "/run/systemd/journal/socket -/run/systemd/journal/dev-log -/run/systemd/resolve");
}

Test(unit_text, variables_are_written_as_systemd_reads_them)
{
        CLEANUP(buf_done) struct buf b = BUF(4096), carried = BUF(4096);
        struct unit_text u = text_of(NULL);

        unit_text_env(&u, "A", "a\"b\\c$d`e\n %x'", strlen("a\"b\\c$d`e\n %x'"), &b, &carried);
        cr_assert_str_eq(b.data, "A=\"a\\\"b\\\\c\\$d\\`e\n %x'\"\n");
        cr_assert_eq(carried.len, 0);
}

Test(unit_text, variables_that_systemd_refuses_are_carried_as_they_are)
{
        static const char *const names[] = { "a-b", "a.b", "1a", "a b", "A", "A" }, *const values[] = {
                "v", "v", "v", "v", "a\rb\x1b\x07", "\xff"
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(buf_done) struct buf b = BUF(4096), carried = BUF(4096), want = BUF(4096);
                struct unit_text u = text_of(NULL);

                unit_text_env(&u, names[i], values[i], strlen(values[i]), &b, &carried);
                buf_printf(&want, "%s=%s%c", names[i], values[i], '\0');
                cr_assert_eq(b.len, 0);
                cr_assert(carried.len == want.len && memcmp(carried.data, want.data, want.len) == 0, "%s", names[i]);
        }
}

/* PID 1 compares each name in the file with each other one, at each start. */
Test(unit_text, what_pid_1_reads_itself_of_variables_is_little)
{
        CLEANUP(buf_done) struct buf b = BUF(65536), carried = BUF(65536);
        struct unit_text u = text_of(NULL);
        char name[130] = "";

        memset(name, 'N', 128);
        unit_text_env(&u, name, "v", 1, &b, &carried);
        cr_assert_eq(carried.len, 0);
        name[128] = 'N';
        unit_text_env(&u, name, "v", 1, &b, &carried);
        cr_assert_eq(carried.len, strlen(name) + 3);
        buf_reset(&carried);
        for (int i = 1; i < 512; i++)
                unit_text_env(&u, "A", "v", 1, &b, &carried);
        cr_assert_eq(carried.len, 0);
        unit_text_env(&u, "A", "late", 4, &b, &carried);
        cr_assert_eq(carried.len, strlen("A=late") + 1);
        cr_assert_str_eq(carried.data, "A=late");
}

Test(unit_text, a_hidden_word_is_no_variable)
{
        CLEANUP(buf_done) struct buf carried = BUF(4096);

        unit_text_hidden(2, "a=b\n\"", &carried);
        unit_text_hidden(4096, "", &carried);
        cr_assert_eq(carried.len, sizeof("=2=a=b\n\"\0=4096="));
        cr_assert_eq(memcmp(carried.data, "=2=a=b\n\"\0=4096=", carried.len), 0);
}

Test(unit_text, vks_exec_may_be_executed_where_the_package_says_what_may)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/usr/bin/d\nNoExecPaths=/\nExecPaths=/usr/bin/d\n");
        CLEANUP(unit_file_freep) struct unit_file *open = parse("[Service]\nExecStart=/usr/bin/d\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "ExecPaths=", "|/usr/bin/d");
        u.carried = true;
        LINE_IS(&u, "ExecPaths=", "|/usr/bin/d|/usr/libexec/vks/vks-exec");
        u = text_of(open);
        u.carried = true;
        LINE_IS(&u, "ExecPaths=", "");
}

Test(unit_text, root_is_given_no_variable_of_a_pod_before_vks_exec_has_left_it)
{
        CLEANUP(buf_done) struct buf b = BUF(4096), carried = BUF(4096);
        struct unit_text u = text_of(NULL);

        u.who.become = true;
        unit_text_env(&u, "LD_PRELOAD", "/x", 2, &b, &carried);
        cr_assert_eq(b.len, 0);
        cr_assert_str_eq(carried.data, "LD_PRELOAD=/x");
}

Test(unit_text, no_grace_is_not_for_ever)
{
        struct unit_text u = text_of(NULL);

        u.program = "/bin/x", u.grace_seconds = 0;
        LINE_IS(&u, "TimeoutStopSec=", "1");
}

/* ---- a command beside the container ------------------------------------------------------------------------------ */

static char *beside(const struct unit_text *u)
{
        CLEANUP(buf_done) struct buf b = BUF(1 << 20);

        unit_text_beside(u, "vks.default.web.x.service", &b);
        cr_assert(buf_ok(&b));
        return buf_steal(&b);
}

/* All that keeps the package's daemon apart keeps the command apart, and nothing of how the daemon lives is left. */
Test(unit_text, a_command_beside_a_daemon_has_its_walls_and_not_its_life)
{
        static const char *const walls[] = { "User=redis",
                                             "ProtectKernelTunables=yes",
                                             "SystemCallFilter=@system-service",
                                             "CapabilityBoundingSet=CAP_CHOWN",
                                             "Environment=A=b",
                                             "MemoryDenyWriteExecute=yes",
                                             "RestrictAddressFamilies=AF_UNIX",
                                             "LimitNOFILE=9",
                                             "UMask=0077" };
        static const char *const life[] = {
                "Type=notify",
                "ExitType=cgroup",
                "ExecStart=/usr/bin/redis",
                "ExecStartPre=+/bin/true",
                "ExecStop=/bin/x",
                "PIDFile=/run/x.pid",
                "Restart=always",
                "WatchdogSec=9",
                "RuntimeDirectory=redis",
                "StateDirectory=redis",
                "StandardInput=file:/etc/shadow",
                "LoadCredential=a:/etc/shadow",
                "PAMName=login",
                "OpenFile=/etc/shadow",
                "BusName=a.b",
                "TimeoutStartSec=infinity",
                "RemainAfterExit=yes",
                "OOMPolicy=continue",
                "SuccessExitStatus=1",
                "Delegate=yes",
        };
        CLEANUP(buf_done) struct buf text = BUF(65536);
        CLEANUP(unit_file_freep) struct unit_file *file = NULL;
        CLEANUP(freep) char *got = NULL;
        struct unit_text u;

        buf_str(&text, "[Unit]\nRequires=x.service\n[Service]\n");
        for (size_t i = 0; i < ARRAY_LEN(walls); i++)
                buf_printf(&text, "%s\n", walls[i]);
        for (size_t i = 0; i < ARRAY_LEN(life); i++)
                buf_printf(&text, "%s\n", life[i]);
        file = parse(text.data);
        u = text_of(file);
        u.program = "/usr/bin/id";
        u.who = (struct privilege){ .foreign = true, .uid = 120, .known = true };
        got = beside(&u);
        for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
                CLEANUP(freep) char *want = xasprintf("\n%s\n", walls[i]);
                cr_expect(strstr(got, want), "%s is missing", walls[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(life); i++) {
                CLEANUP(freep) char *bad = xasprintf("\n%s\n", life[i]);
                cr_expect_not(strstr(got, bad), "%s is still there", life[i]);
        }
        cr_expect(starts_with(got, "[X-Kubernetes]\nUID=" UID "\n"));
        cr_expect(strstr(got, "\nPartOf=vks.default.web.x.service\n"));
        cr_expect(strstr(got, "\n[Service]\nRootDirectory=\n"), "without the drop-in nothing is to run");
        cr_expect(strstr(got, "\nType=exec\nRestart=no\n"));
        cr_expect_not(strstr(got, "\nExec"), "what runs is said with each command");
        cr_expect_not(strstr(got, "x.service\nRequires"));
        cr_expect(strstr(got, "\nEnvironment=STATE_DIRECTORY=/var/lib/redis\n"), "%s", got);
        cr_expect(strstr(got, "\nNoNewPrivileges=yes\n") && strstr(got, "\nAmbientCapabilities=\n"));
        cr_expect(strstr(got, "\nEnvironmentFile=-" DIR "/env/c\n"));
        cr_expect_not(strstr(got, "LoadCredential"));
}

Test(unit_text, a_package_says_what_its_daemon_executes_and_not_what_runs_beside_it)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nNoExecPaths=/\nExecPaths=/bin/a\n");
        struct unit_text u = text_of(file);
        CLEANUP(freep) char *got = NULL;

        u.program = "/usr/bin/id";
        got = beside(&u);
        cr_assert(strstr(got, "\nNoExecPaths=/\n") && strstr(got, "\nNoExecPaths=\nExecPaths=\n"));
}

Test(unit_text, a_command_comes_as_the_client_wrote_it)
{
        char *command[] = { (char *)"id", (char *)"$A %n \"\n", (char *)"" };
        struct unit_text u = text_of(NULL);
        CLEANUP(strv_freep) char **plain = NULL, **carried = NULL;
        CLEANUP(freep) char *got = NULL;

        u.program = "/usr/bin/id", u.command = command, u.n_command = 3;
        u.overlay = u.etc = true;
        plain = unit_text_beside_argv(&u);
        cr_assert(streq(plain[0], "/usr/bin/id") && streq(plain[1], command[1]) && streq(plain[2], "") && !plain[3]);
        u.carried = u.makes_dir = u.who.become = u.who.gains = true;
        u.who.uid = 7, u.who.gid = 8, u.working_dir = "/w";
        carried = unit_text_beside_argv(&u);
        cr_assert(streq(carried[0], "/usr/libexec/vks/vks-exec") && streq(carried[1], "--user=7") &&
                  streq(carried[2], "--group=8") && streq(carried[3], "--may-gain") && streq(carried[4], "--dir=/w") &&
                  streq(carried[5], "/usr/bin/id") && streq(carried[6], command[1]));
        got = beside(&u);
        cr_assert(strstr(got, "\nLoadCredential=vks-env:" DIR "/env/c.beside\n"));
        cr_assert_not(strstr(got, "EnvironmentFile"), "root must not load what a pod names");
        cr_assert(strstr(got, "\nRequires=run-vks-pods-") && strstr(got, "-etc.mount\n"));
}

/* Byte for byte, and the hidden words are the container's alone. */
Test(unit_text, the_variables_of_a_container_are_its_commands_too)
{
        static const char odd[] = "a\xff\n";
        struct unit_text u = text_of(NULL);
        CLEANUP(buf_done)
        struct buf file = BUF(65536), carried = BUF(65536), all = BUF(65536), some = BUF(65536);

        unit_text_env(&u, "A", "x\"`$\\\ny", 7, &file, &carried);
        unit_text_env(&u, "EMPTY", "", 0, &file, &carried);
        unit_text_env(&u, "odd.name", odd, 3, &file, &carried);
        unit_text_hidden(1, "secret", &carried);
        unit_text_env_beside(file.data, file.len, carried.data, carried.len, true, &all);
        cr_assert_eq(all.len, strlen("odd.name=") + 4 + strlen("A=") + 8 + strlen("EMPTY=") + 1);
        cr_assert_eq(memcmp(all.data, "odd.name=a\xff\n\0A=x\"`$\\\ny\0EMPTY=", all.len), 0);
        unit_text_env_beside(file.data, file.len, carried.data, carried.len, false, &some);
        cr_assert_eq(some.len, strlen("odd.name=") + 4);
        buf_reset(&some);
        unit_text_env_beside(NULL, 0, NULL, 0, true, &some);
        cr_assert_eq(some.len, 0);
        unit_text_env_beside("A=\"x\\", 5, "B", 1, true, &some); /* what nobody has written */
        cr_assert(buf_ok(&some));
}

Test(unit_text, a_container_with_a_console_asks_for_it)
{
        struct unit_text u = text_of(NULL);

        u.program = "/bin/sh", u.carried = u.console = true;
        LINE_IS(&u, "ExecStart=", "|/usr/libexec/vks/vks-exec --console \"/bin/sh\"");
        LINE_IS(&u, "BindReadOnlyPaths=", "-/run/vks/console.sock:/run/systemd/vks-console");
}

Test(unit_text, what_pid_1_does_for_a_packages_line_it_does_for_no_other)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nSetCredentialEncrypted=a: b\nSetCredential=c:d\n"
                                       "TTYPath=/dev/pts/1\nTTYVHangup=yes\nTTYReset=yes\nStandardInput=tty\n"
                                       "UtmpIdentifier=x\nOOMScoreAdjust=-1000\nDelegate=yes\nNice=-5\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "TTYPath=", "");
        LINE_IS(&u, "TTYVHangup=", "no");
        LINE_IS(&u, "StandardInput=", "null"); /* no line has a terminal of the machine's */
        LINE_IS(&u, "OOMScoreAdjust=", "");
        u.program = "/bin/sh", u.who.foreign = true;
        LINE_IS(&u, "SetCredential=", "");
        LINE_IS(&u, "SetCredentialEncrypted=", "");
        LINE_IS(&u, "OOMScoreAdjust=", "0");
        LINE_IS(&u, "Delegate=", "no");
        LINE_IS(&u, "Nice=", "0");
        LINE_IS(&u, "StandardInput=", "null");
}

/* systemd takes an empty value of these for no value, and keeps the one before it. */
Test(unit_text, an_empty_line_takes_no_terminal_back)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nStandardInput=tty-force\nStandardInput=\n"
                                       "TTYVHangup=yes\nTTYVHangup=\nDelegate=yes\nDelegate=\n");
        struct unit_text u = text_of(file);

        LINE_IS(&u, "StandardInput=", "null");
        LINE_IS(&u, "TTYVHangup=", "no");
        LINE_IS(&u, "Delegate=", "");
        u.program = "/bin/sh", u.who.foreign = true;
        LINE_IS(&u, "StandardInput=", "null");
        LINE_IS(&u, "Delegate=", "no");
}

/* To be served before everybody else is a right, at once (IOSchedulingClass=) or for the asking (the limits). */
Test(unit_text, no_priority_of_a_packages_is_another_lines)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file = parse("[Service]\nExecStart=/bin/a\nIOSchedulingClass=realtime\nLimitNICE=40\n"
                                       "LimitRTPRIO=99\nLimitRTTIME=1\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf own = BUF(65536), other = BUF(65536), beside = BUF(65536);

        unit_text_dropin(&u, &own);
        cr_assert(!strstr(own.data, "LimitNICE") && !strstr(own.data, "LimitRTPRIO"), "%s", own.data);
        u.program = "/bin/sh", u.who.foreign = true;
        unit_text_dropin(&u, &other);
        cr_assert(strstr(other.data, "\nIOSchedulingClass=\n"), "%s", other.data);
        cr_assert(strstr(other.data, "\nLimitNICE=0\n") && strstr(other.data, "\nLimitRTPRIO=0\n"), "%s", other.data);
        unit_text_beside(&u, "x.service", &beside);
        cr_assert(strstr(beside.data, "\nLimitRTTIME=1\n"), "%s", beside.data);
        cr_assert(!strstr(beside.data, "IOSchedulingClass") && !strstr(beside.data, "LimitNICE") &&
                          !strstr(beside.data, "LimitRTPRIO"),
                  "%s", beside.data);
}

/* PID 1 opens an image as root; and policy has judged the machine's program, not one of that name in an image. */
Test(unit_text, no_image_of_a_packages_is_another_lines)
{
        CLEANUP(unit_file_freep)
        struct unit_file *file =
                parse("[Service]\nExecStart=/bin/a\nRootImage=/srv/a.raw\nMountImages=/srv/b.raw:/opt/b\n"
                      "ExtensionImages=/srv/c.raw\nExtensionDirectories=/srv/d\n");
        struct unit_text u = text_of(file);
        CLEANUP(buf_done) struct buf own = BUF(65536), beside = BUF(65536);

        unit_text_dropin(&u, &own);
        cr_assert(!strstr(own.data, "RootImage=") && !strstr(own.data, "Extension"), "%s", own.data);
        cr_assert(strstr(own.data, "MountImages=/srv/b.raw:/opt/b"), "%s", own.data);
        u.program = "/bin/sh", u.who.foreign = true;
        LINE_IS(&u, "RootImage=", "");
        LINE_IS(&u, "ExtensionImages=", "");
        LINE_IS(&u, "ExtensionDirectories=", "");
        unit_text_dropin(&u, &beside);
        cr_assert(strstr(strstr(beside.data, ":/opt/b"), "\nMountImages=\n"), "%s", beside.data);
        buf_reset(&beside);
        unit_text_beside(&u, "x.service", &beside);
        cr_assert(!strstr(beside.data, "RootImage=") && !strstr(beside.data, "Extension"), "%s", beside.data);
        cr_assert(strstr(strstr(beside.data, ":/opt/b"), "\nMountImages=\n"), "%s", beside.data);
}
