/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/packages/dpkg.h"
#include "agent/packages/packages.h"
#include "common/buf.h"
#include "common/mem.h"
#include "tests/unit/root.h"

/* ---- the status file --------------------------------------------------------------------------------------------- */

static void collect(void *userdata, const struct package *p, size_t offset)
{
        buf_printf(userdata, "%s %s %s %s %llu @%zu\n", p->name, p->version, p->arch, p->source,
                   (unsigned long long)p->installed_size, offset);
}

static const char status_text[] = "Package: adduser\n"
                                  "Status: install ok installed\n"
                                  "Installed-Size: 686\n"
                                  "Architecture: all\n"
                                  "Version: 3.134\n"
                                  "Conffiles:\n"
                                  " /etc/adduser.conf cc3493ecd2d09837ffdcc3e25fdfff18\n"
                                  "Description: add\n"
                                  " Version: 9\n"
                                  "\n"
                                  "Package: gone\n"
                                  "Status: deinstall ok config-files\n"
                                  "Architecture: amd64\n"
                                  "Version: 1\n"
                                  "\n"
                                  "Package: nginx-common\n"
                                  "status: hold ok triggers-pending\n"
                                  "Source: nginx (1.22.1-9)\n"
                                  "Architecture: all\n"
                                  "Version: 1.22.1-9+b1";

Test(status, has_what_is_installed_and_only_that)
{
        CLEANUP(buf_done) struct buf out = BUF(4096), want = BUF(4096);

        buf_printf(&want, "adduser 3.134 all adduser 702464 @0\nnginx-common 1.22.1-9+b1 all nginx 0 @%td\n",
                   strstr(status_text, "Package: nginx") - status_text);
        status_scan(status_text, sizeof(status_text) - 1, collect, &out);
        cr_assert_str_eq(out.data, want.data);
}

Test(status, half_paragraphs_and_wild_names_are_left_out)
{
        static const char text[] = "Package: ../x\nStatus: install ok installed\nVersion: 1\n\nPackage: "
                                   "ok-name\nStatus: install ok installed\n"
                                   "\n\n\nPackage: half\nStatus: install ok half-configured\nVersion: 1\n";
        CLEANUP(buf_done) struct buf out = BUF(4096);

        status_scan(text, sizeof(text) - 1, collect, &out);
        cr_assert_eq(out.len, 0);
}

/* ---- unit files -------------------------------------------------------------------------------------------------- */

Test(unit, says_who_wants_it_and_what_it_keeps)
{
        static const char text[] =
                "# x\n[Unit]\nType=oneshot\n[Service]\nType = notify\nExecStart=/bin/true\nStateDirectory=x\n"
                "[Install]\nWantedBy=graphical.target multi-user.target\nAlias=sshd.service other.service\n";
        struct unit_candidate c = { 0 };

        unit_scan(text, sizeof(text) - 1, &c);
        cr_assert(c.multi_user && c.state && !c.oneshot && !c.umbrella);
        cr_assert_str_eq(c.alias, "sshd.service");
}

Test(unit, an_umbrella_is_a_oneshot_that_does_nothing)
{
        static const char text[] = "[Service]\nType=oneshot\nExecStart=/bin/true\nExecReload=/bin/true\n";
        static const char more[] = "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/usr/bin/thing\n";
        struct unit_candidate c = { 0 };

        unit_scan(text, sizeof(text) - 1, &c);
        cr_assert(c.umbrella);
        c = (struct unit_candidate){ 0 };
        unit_scan(more, sizeof(more) - 1, &c);
        cr_assert_not(c.umbrella);
}

/* What the packages of Debian 12 ship. */
static const struct {
        const char *package;
        struct unit_candidate c[4];
        const char *want; /* NULL: no rule can choose */
} choices[] = {
        { "uptimed", { { .name = "uptimed.service" } }, "uptimed.service" },
        { "chrony",
          { { .name = "chrony-wait.service", .multi_user = true, .oneshot = true }, { .name = "chrony.service" } },
          "chrony.service" },
        { "unbound", { { .name = "unbound-resolvconf.service" }, { .name = "unbound.service" } }, "unbound.service" },
        { "apache2", { { .name = "apache-htcacheclean.service" }, { .name = "apache2.service" } }, "apache2.service" },
        { "bind9",
          { { .name = "named-resolvconf.service", .oneshot = true },
            { .name = "named.service", .alias = "bind9.service", .multi_user = true } },
          "named.service" },
        { "redis-server", { { .name = "redis-server.service", .alias = "redis.service" } }, "redis-server.service" },
        { "openssh-server", { { .name = "ssh.service", .alias = "sshd.service", .multi_user = true } }, "ssh.service" },
        { "etcd-server", { { .name = "etcd.service" }, { .name = "etcd-defrag.service" } }, "etcd.service" },
        { "mariadb-server", { { .name = "mariadb.service" }, { .name = "mariadb-extra.service" } }, "mariadb.service" },
        { "food", { { .name = "foo.service" }, { .name = "bar.service", .multi_user = true } }, "foo.service" },
        { "thing",
          { { .name = "a-wait.service", .multi_user = true }, { .name = "b.service", .multi_user = true } },
          "b.service" },
        { "thing", { { .name = "a.service" }, { .name = "b.service", .multi_user = true } }, "b.service" },
        { "samba",
          { { .name = "nmbd.service", .multi_user = true },
            { .name = "samba-ad-dc.service", .multi_user = true },
            { .name = "smbd.service", .multi_user = true, .after = " nmbd.service winbind.service " } },
          "smbd.service" },
        { "samba-by-alias", /* as Debian 13 has it */
          { { .name = "nmbd.service", .alias = "nmb.service", .multi_user = true },
            { .name = "smbd.service",
              .alias = "smb.service",
              .multi_user = true,
              .after = " nmb.service winbind.service " } },
          "smbd.service" },
        { "two-ends",
          { { .name = "a.service", .multi_user = true },
            { .name = "b.service", .multi_user = true, .after = " a.service " },
            { .name = "c.service", .multi_user = true, .after = " a.service " } },
          NULL },
        { "chain",
          { { .name = "a.service", .multi_user = true },
            { .name = "b.service", .multi_user = true, .after = " a.service " },
            { .name = "c.service", .multi_user = true, .after = " b.service " } },
          "c.service" },
        { "behind-a-helper",
          { { .name = "a.service", .multi_user = true, .after = " once.service " },
            { .name = "b.service", .multi_user = true },
            { .name = "once.service", .multi_user = true, .oneshot = true } },
          NULL },
        { "unordered",
          { { .name = "nmbd.service", .multi_user = true }, { .name = "smbd.service", .multi_user = true } },
          NULL },
        { "timed", { { .name = "a.service", .starter = "a.timer" }, { .name = "b.service" } }, "b.service" },
        { "timed-once",
          { { .name = "a.service", .starter = "a.timer" }, { .name = "b.service", .oneshot = true } },
          NULL },
        { "logrotate", { { .name = "logrotate.service", .starter = "logrotate.timer" } }, "logrotate.service" },
        { "idle", { { .name = "a.service" }, { .name = "b.service" } }, NULL },
        { "server", { { .name = "a.service" }, { .name = "b.service" } }, NULL },
};

Test(unit, the_daemons_own_is_chosen)
{
        for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
                const char *why;
                size_t n = 0;
                int r;

                while (n < 4 && choices[i].c[n].name[0])
                        n++;
                r = unit_choose(choices[i].package, choices[i].c, n, &why);
                if (choices[i].want)
                        cr_expect(r >= 0 && streq(choices[i].c[r].name, choices[i].want), "%s: got %d",
                                  choices[i].package, r);
                else
                        cr_expect_eq(r, -ENOTUNIQ, "%s: got %d", choices[i].package, r);
        }
}

Test(unit, what_something_else_starts_is_no_daemon)
{
        static const char resume[] =
                "[Unit]\nAfter=sleep.target\n[Service]\nExecStart=/x\n[Install]\nWantedBy=sleep.target\n";
        static const char both[] = "[Service]\nExecStart=/x\n[Install]\nWantedBy=suspend.target graphical.target\n";
        static const char hook[] = "[Service]\nExecStart=/x\n[Install]\nWantedBy=networking.service\n";
        static const char daemon[] =
                "[Unit]\nWants=network-online.target helper.service\nAfter=helper.service other.service\n"
                "After=third.service\n[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
        struct unit_candidate c[4] = { { .name = "x-resume.service" },
                                       { .name = "d.service" },
                                       { .name = "helper.service" } };
        const char *why;

        unit_scan(resume, sizeof(resume) - 1, &c[0]);
        cr_expect_str_eq(c[0].starter, "sleep.target");
        cr_expect_eq(unit_choose("x", c, 1, &why), -ENOENT);
        unit_scan(daemon, sizeof(daemon) - 1, &c[1]);
        cr_expect_str_eq(c[1].pulls, " helper.service ");
        cr_expect_str_eq(c[1].after, " helper.service other.service third.service ");
        unit_relate(c, 3);
        cr_expect_str_eq(c[2].starter, "d.service");
        cr_expect_str_eq(c[1].starter, "");
        c[0] = c[3] = (struct unit_candidate){ 0 };
        unit_scan(both, sizeof(both) - 1, &c[0]);
        cr_expect_str_eq(c[0].starter, "");
        unit_scan(hook, sizeof(hook) - 1, &c[3]);
        cr_expect_str_eq(c[3].starter, "networking.service");
}

Test(unit, a_timer_and_a_path_tell_what_they_start)
{
        char service[ID_UNIT_MAX + 1];

        cr_expect(starter_scan("a.b.timer", "[Timer]\nOnCalendar=daily\n", 25, service));
        cr_expect_str_eq(service, "a.b.service");
        cr_expect(starter_scan("a.path", "[Path]\nUnit = c.service\n", 24, service));
        cr_expect_str_eq(service, "c.service");
        cr_expect_not(starter_scan("a.timer", "[Timer]\nUnit=b.target\n", 22, service));
}

/* ---- /var -------------------------------------------------------------------------------------------------------- */

static const struct {
        const char *text;
        bool want;
} vars[] = {
        { "/.\n/var\n/var/lib\n/usr/share/doc", false },
        { "/var/spool/uptimed\n", true },
        { "/var/www\n/var/www/html\n", true },
        { "mkdir -p \"$DPKG_ROOT/var/lib/redis\"", true },
        { "install -d /var/log/$NAME", true },
        { "# see /var/lib/redis\n", false },
        { "rm -f /var/lib/dpkg/info/x /var/lib/systemd/deb-systemd-helper-enabled/x\n", false },
        { "echo /var/run/x.pid /var/lock/x /usr/local/var/lib/x\n", false },
        { "d /var/cache/man 0755 man man -\n", true },
        { "/var/", false },
        { "x /var/lib/", false },
        { "", false },
};

Test(var, only_what_is_the_packages_own_counts)
{
        for (size_t i = 0; i < ARRAY_LEN(vars); i++)
                cr_expect_eq(mentions_var(vars[i].text, strlen(vars[i].text)), vars[i].want, "%s", vars[i].text);
}

/* ---- a machine --------------------------------------------------------------------------------------------------- */

#define STATUS(name, source, depends)                                                                                  \
        "Package: " name "\nStatus: install ok installed\nArchitecture: all\nSource: " source                          \
        "\nVersion: 1.0-1\nDepends: " depends "\n\n"
#define DAEMON  "[Service]\nExecStart=/usr/sbin/x\n[Install]\nWantedBy=multi-user.target\n"
#define INFO(x) "/var/lib/dpkg/info/" x

static void machine(void)
{
        make_root();
        put("/var/lib/dpkg/status",
            "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\n"
            "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n"
            "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-10\n\n" STATUS(
                    "nginx", "nginx", "libc6 (>= 2.34), iproute2 | nginx-common (= 1) , zlib1g")
                    STATUS("nginx-common", "nginx (1.0-1)", "debconf") STATUS("uptimed", "uptimed", "libc6") STATUS(
                            "zsh", "zsh", "libc6") STATUS("tor", "tor", "libc6") STATUS("tool", "tool", "nginx-common")
                            STATUS("samba", "samba", "libc6") STATUS("mailtest", "mailtest",
                                                                     "perl") STATUS("mailtestd", "mailtest", "mailtest")
                                    STATUS("sync", "sync", "libc6") STATUS("maker", "maker", "libc6")
                                            STATUS("postgresql", "postgresql-common (248)", "postgresql-15")
                                                    STATUS("postgresql-15", "postgresql-15", "postgresql-common")
                                                            STATUS("postgresql-common", "postgresql-common", "libc6"));
        put(INFO("libc6:i386.list"), "/lib\n");
        put(INFO("nginx.list"), "/.\n/usr/sbin/nginx\n");
        put(INFO("nginx-common.list"),
            "/lib/systemd/system/nginx.service\n/var/lib/nginx\n/lib/systemd/system/nginx@.service\n");
        put("/lib/systemd/system/nginx.service", DAEMON);
        put(INFO("uptimed:all.list"), "/usr/lib/systemd/system/uptimed.service\n/usr/lib/systemd/system/alias.service");
        put(INFO("uptimed:all.postinst"), "#!/bin/sh\nchown daemon /var/spool/uptimed\n");
        put("/usr/lib/systemd/system/uptimed.service", DAEMON);
        put_link("/usr/lib/systemd/system/alias.service", "uptimed.service");
        put(INFO("zsh.list"), "/bin/zsh\n/usr/lib/tmpfiles.d/zsh.conf\n");
        put("/usr/lib/tmpfiles.d/zsh.conf", "# nothing in /var/lib/zsh\nd /run/zsh\n");
        put(INFO("tool.list"), "/lib/systemd/system/tool@.service\n");
        put(INFO("tor.list"), "/lib/systemd/system/tor.service\n/lib/systemd/system/tor@.service\n/lib/systemd/system/"
                              "tor@default.service\n");
        put("/lib/systemd/system/tor.service",
            "[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n");
        put("/lib/systemd/system/tor@default.service", "[Service]\nType=notify\nExecStart=/usr/bin/tor\n");
        put(INFO("samba.list"), "/lib/systemd/system/nmbd.service\n/lib/systemd/system/smbd.service\n");
        put("/lib/systemd/system/nmbd.service", DAEMON);
        put("/lib/systemd/system/smbd.service", DAEMON "[Service]\nCacheDirectory=samba\n");
        put(INFO("mailtest.list"),
            "/lib/systemd/system/mailtest-maintenance.service\n/lib/systemd/system/mailtest-maintenance.timer\n");
        put("/lib/systemd/system/mailtest-maintenance.service", "[Service]\nType=oneshot\nExecStart=/x\n");
        put("/lib/systemd/system/mailtest-maintenance.timer",
            "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n");
        put(INFO("mailtestd.list"), "/.\n");
        put(INFO("sync.list"), "/lib/systemd/system/sync-resume.service\n/lib/systemd/system/sync@.service\n");
        put("/lib/systemd/system/sync-resume.service",
            "[Service]\nType=oneshot\nExecStart=/x\n[Install]\nWantedBy=sleep.target\n");
        put("/lib/systemd/system/sync@.service",
            "[Service]\nUser=%i\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n");
        put(INFO("maker.list"), "/.\n");
        put(INFO("postgresql.list"), "/.\n");
        put(INFO("postgresql-15.list"), "/.\n");
        put(INFO("postgresql-common.list"),
            "/lib/systemd/system/postgresql.service\n/lib/systemd/system/postgresql@.service\n");
        put("/lib/systemd/system/postgresql@.service", "[Service]\nType=forking\nExecStart=/usr/bin/x\n");
        put("/lib/systemd/system/postgresql.service",
            "[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n");
}

TestSuite(machine, .init = machine, .fini = remove_root);

static struct packages *loaded(void)
{
        struct packages *p = packages_new(root);
        struct err e = ERR_NONE;

        cr_assert_eq(packages_refresh(p, &e), 1, "%s", e.text);
        return p;
}

Test(machine, packages_are_found_and_the_machines_architecture_first)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package k;

        cr_assert_eq(packages_count(p), 17);
        cr_assert(packages_find(p, "libc6", &k));
        cr_assert_str_eq(k.version, "2.36-10");
        cr_assert(packages_find(p, "nginx-common", &k));
        cr_assert_str_eq(k.source, "nginx");
        cr_assert_not(packages_find(p, "nginx-", &k) || packages_find(p, "", &k) || packages_find(p, "zzz", NULL));
}

Test(machine, refreshing_costs_nothing_until_dpkg_writes)
{
        CLEANUP(packages_freep) struct packages *p = loaded();

        cr_assert_eq(packages_refresh(p, NULL), 0);
        put("/var/lib/dpkg/status", "Package: one\nStatus: install ok installed\nVersion: 1\n");
        cr_assert_eq(packages_refresh(p, NULL), 1);
        cr_assert_eq(packages_count(p), 1);
        put("/var/lib/dpkg/status", "");
        cr_assert_eq(packages_refresh(p, NULL), 1);
        cr_assert_eq(packages_count(p), 0);
}

Test(machine, what_was_known_stays_when_the_file_is_gone)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        CLEANUP(freep) char *file = xasprintf("%s/var/lib/dpkg/status", root);
        struct err e = ERR_NONE;

        cr_assert_eq(unlink(file), 0);
        cr_assert_eq(packages_refresh(p, &e), -ENOENT);
        cr_assert_not_null(strstr(e.text, "dpkg/status"));
        cr_assert(packages_find(p, "uptimed", NULL));
}

Test(machine, a_package_from_a_file_is_known_by_its_checksum_until_it_is_unpacked_again)
{
        static const char one[] = "0123456789012345678901234567890123456789012345678901234567890123";
        CLEANUP(packages_freep) struct packages *p = loaded();
        CLEANUP(freep) char *list = xasprintf("%s" INFO("uptimed:all.list"), root), *record = NULL;
        struct package k;
        struct stat st;
        struct image image, other;
        struct err e = ERR_NONE;
        char sha256[65];

        cr_assert_eq(
                image_parse(
                        "https://h/"
                        "uptimed_1.0-1_all.deb@sha256:0123456789012345678901234567890123456789012345678901234567890123",
                        &image, &e),
                0);
        cr_assert_eq(
                image_parse(
                        "https://h/"
                        "uptimed_1.0-1_all.deb@sha256:0123456789012345678901234567890123456789012345678901234567890124",
                        &other, &e),
                0);
        cr_assert_not(packages_has(p, &image, &k), "nobody knows where it came from");
        cr_assert(stat(list, &st) == 0 && packages_find(p, "uptimed", &k));
        record = xasprintf("%s %lld.%09ld\n", one, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
        put("/var/lib/vks/installed/uptimed", record);
        cr_assert(packages_sha256(p, &k, sha256));
        cr_assert_str_eq(sha256, one);
        cr_assert(packages_has(p, &image, &k));
        cr_assert_not(packages_has(p, &other, &k));
        cr_assert_eq(utimensat(AT_FDCWD, list, (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0), 0);
        cr_assert_not(packages_has(p, &image, &k));
        put("/var/lib/vks/installed/uptimed", "");
        cr_assert_not(packages_sha256(p, &k, sha256));
        *image.sha256 = '\0';
        cr_assert(packages_has(p, &image, &k), "no checksum is asked for");
}

static void expect_image(const char *name, const char *unit, const char *owner, bool writes_var, const char *why)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package_image i;
        struct err e = ERR_NONE;

        for (int again = 0; again < 2; again++) {
                cr_assert_eq(packages_image(p, name, &i, &e), 0, "%s: %s", name, e.text);
                cr_expect_str_eq(i.unit, unit);
                cr_expect_str_eq(i.owner, owner);
                cr_expect_eq(i.writes_var, writes_var, "%s", name);
                cr_expect_not_null(strstr(i.why, why), "%s: %s", name, i.why);
        }
}

Test(machine, the_unit_may_be_in_another_package_of_the_same_source)
{
        expect_image("nginx", "nginx.service", "nginx-common", true, "package's name");
}

Test(machine, aliases_are_no_candidates_and_scripts_tell_of_var)
{
        expect_image("uptimed", "uptimed.service", "uptimed", true, "package's name");
}

Test(machine, a_package_without_a_unit_has_none)
{
        expect_image("zsh", "", "", false, "no service");
}

Test(machine, data_in_another_packages_directory_shows_in_what_is_configured)
{
        put(INFO("zsh.list"), "/etc\n/etc/zsh\n/etc/logrotate.d/zsh\n/etc/zsh/gone\n");
        put("/etc/logrotate.d/zsh", "# /var/log/commented/zsh.log\n/run/zsh.log {\n}\n");
        expect_image("zsh", "", "", false, "no service");
        put("/etc/logrotate.d/zsh", "/var/log/other/zsh.log {\n}\n");
        expect_image("zsh", "", "", true, "no service");
        put("/etc/logrotate.d/zsh", "");
        expect_image("zsh", "", "", false, "no service");
        put("/etc/zsh/secret", "");
        put(INFO("zsh.list"), "/etc/zsh/secret\n");
        CLEANUP(freep) char *secret = xasprintf("%s/etc/zsh/secret", root);
        const cap_value_t reading[] = { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH };
        cap_t own = cap_get_proc();
        cr_assert(chmod(secret, 0) == 0 && own && cap_set_flag(own, CAP_EFFECTIVE, 2, reading, CAP_CLEAR) == 0 &&
                  cap_set_proc(own) == 0);
        cap_free(own);
        expect_image("zsh", "", "", true, "no service");
}

Test(machine, what_a_timer_starts_is_no_daemon_and_the_one_in_another_package_of_the_source_is)
{
        expect_image("mailtest", "", "", false, "mailtest-maintenance.timer starts mailtest-maintenance.service");
        put(INFO("mailtestd.list"), "/lib/systemd/system/mailtestd.service\n");
        put("/lib/systemd/system/mailtestd.service", DAEMON);
        expect_image("mailtest", "mailtestd.service", "mailtestd", false, "only one that nothing else starts");
        expect_image("mailtestd", "mailtestd.service", "mailtestd", false, "package's name");
}

/* Somebody who asks for a terminal and gives no command means it. */
Test(machine, a_package_without_a_unit_may_have_a_program_of_its_name)
{
        static const struct {
                const char *files, *program;
        } cases[] = {
                { "/bin/zsh\n", "/bin/zsh" },
                { "/usr/bin\n/usr/bin/zsh\n/usr/bin/zsh5\n", "/usr/bin/zsh" },
                { "/usr/sbin/zsh\n", "/usr/sbin/zsh" },
                { "/usr/bin/zsh5\n/usr/lib/zsh\n/usr/share/bin/zsh\n/usr/bin/x/zsh\n", "" },
                { "", "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct package_image image;
                put(INFO("zsh.list"), cases[i].files);
                CLEANUP(packages_freep) struct packages *p = loaded();
                for (int again = 0; again < 2; again++) {
                        cr_assert_eq(packages_image(p, "zsh", &image, NULL), 0);
                        cr_expect_str_eq(image.program, cases[i].program);
                }
                cr_assert_eq(packages_image(p, "uptimed", &image, NULL), 0);
                cr_expect_str_eq(image.program, "", "what has a daemon is that");
        }
}

static const char *daemon_of(const char *name)
{
        static struct package_image i;
        CLEANUP(packages_freep) struct packages *p = loaded();

        cr_assert_eq(packages_image(p, name, &i, NULL), 0);
        cr_assert_eq(i.unit[0], '\0');
        return i.daemon;
}

/* helper/install.sh notes what depends on a package without a daemon, and is of its source. */
Test(machine, the_daemon_of_a_package_that_has_none_may_have_to_be_installed)
{
        cr_expect_str_eq(daemon_of("mailtest"), "", "nothing is noted");
        put("/var/lib/vks/relatives/mailtest", "mailtest-compile\nspamtestd\nmailtestc\n");
        cr_expect_str_eq(daemon_of("mailtest"), "spamtestd");
        put("/var/lib/vks/relatives/mailtest", "mailtest-daemon\n");
        cr_expect_str_eq(daemon_of("mailtest"), "mailtest-daemon");
        put("/var/lib/vks/relatives/mailtest", "mailtest-server\nspamtestd\n");
        cr_expect_str_eq(daemon_of("mailtest"), "", "which of the two?");
        put("/var/lib/vks/relatives/mailtest", "mailtestd\n");
        cr_expect_str_eq(daemon_of("mailtest"), "", "it is installed, and has none");
        put("/var/lib/vks/relatives/mailtest", "-od\n../d\nmailtest -od\n\nsend\rd");
        cr_expect_str_eq(daemon_of("mailtest"), "", "no packages");
        put("/var/lib/vks/relatives/zsh", "zshd\n");
        cr_expect_str_eq(daemon_of("zsh"), "", "a package without services is no daemon's");
        put("/var/lib/vks/relatives/sync", "syncd\n");
        cr_expect_str_eq(daemon_of("sync"), "", "it has a template");
}

Test(machine, where_no_rule_chooses_it_says_what_to_write)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package_image i;
        struct err e = ERR_NONE;

        expect_image("sync", "", "", false,
                     "sleep.target starts sync-resume.service; write, in the pod: metadata: {annotations: "
                     "{vks.systemd.io/unit: sync@USER.service}}");
        expect_image("tool", "", "", false, "metadata: {annotations: {vks.systemd.io/unit: tool@INSTANCE.service}}");
        expect_image("mailtest", "", "", false, "{vks.systemd.io/unit: mailtest-maintenance.service}");
        cr_assert_eq(packages_image(p, "samba", &i, &e), -ENOTUNIQ);
        cr_assert_not_null(strstr(e.text, "metadata: {annotations: {vks.systemd.io/unit: nmbd.service}}"), "%s",
                           e.text);
}

Test(machine, a_unit_that_a_script_has_made_is_the_packages_by_roots_record)
{
        put("/etc/systemd/system/maker.service", DAEMON);
        expect_image("maker", "", "", false, "no service");
        put("/var/lib/vks/units/maker", "/etc/systemd/system/maker.service\n");
        expect_image("maker", "maker.service", "maker", false, "package's name");
}

Test(machine, a_template_alone_is_no_unit_and_dependencies_of_other_sources_do_not_count)
{
        expect_image("tool", "", "", false, "only a template, tool@.service");
}

Test(machine, an_umbrella_gives_its_only_instance)
{
        expect_image("postgresql", "", "", false, "there is none");
        put("/run/systemd/generator/postgresql.service.wants/postgresql@15-main.service", "");
        put("/etc/systemd/system/postgresql.service.wants/postgresql@15-main.service", "");
        expect_image("postgresql", "postgresql@15-main.service", "postgresql-common", false, "only instance");
        expect_image("postgresql-15", "postgresql@15-main.service", "postgresql-common", false, "only instance");
        expect_image("postgresql-common", "postgresql@15-main.service", "postgresql-common", false, "only instance");
        expect_image("tor", "tor@default.service", "tor", false, "only instance");
}

Test(machine, what_cannot_be_chosen_is_an_error_with_the_candidates)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package_image i;
        struct err e = ERR_NONE;

        cr_assert_eq(packages_image(p, "samba", &i, &e), -ENOTUNIQ);
        cr_assert_not_null(strstr(e.text, "nmbd.service, smbd.service"), "%s", e.text);
        cr_assert(i.writes_var);
        put("/run/systemd/generator/postgresql.service.wants/postgresql@15-a.service", "");
        put("/run/systemd/generator/postgresql.service.wants/postgresql@15-b.service", "");
        cr_assert_eq(packages_image(p, "postgresql", &i, &e), -ENOTUNIQ);
        cr_assert_eq(packages_image(p, "missing", &i, &e), -ENOENT);
}

Test(machine, an_init_script_is_a_unit_when_it_was_made_one)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package_image i;
        struct err e = ERR_NONE;

        put(INFO("zsh.list"), "/etc/init.d/zsh\n/etc/init.d/other\n/etc/init.d/../x\n");
        cr_assert_eq(packages_image(p, "zsh", &i, &e), 0);
        cr_assert_str_eq(i.unit, "");
        put("/run/systemd/generator.late/zsh.service", "[Service]\nType=forking\nExecStart=/etc/init.d/zsh start\n");
        cr_assert_eq(packages_image(p, "zsh", &i, &e), 0);
        cr_assert_str_eq(i.unit, "zsh.service");
        cr_assert_str_eq(i.owner, "zsh");
}

Test(machine, a_pod_may_name_the_unit_and_only_one_of_its_packages)
{
        CLEANUP(packages_freep) struct packages *p = loaded();
        struct package_image i;
        struct err e = ERR_NONE;

        cr_assert_eq(packages_image_unit(p, "samba", "smbd.service", &i, &e), 0, "%s", e.text);
        cr_assert_str_eq(i.unit, "smbd.service");
        cr_assert_str_eq(i.owner, "samba");
        cr_assert_str_eq(i.why, "the pod asks for it");
        cr_assert(i.writes_var);
        cr_assert_eq(packages_image_unit(p, "nginx", "nginx.service", &i, &e), 0, "%s", e.text);
        cr_assert_str_eq(i.owner, "nginx-common");
        cr_assert_eq(packages_image_unit(p, "postgresql", "postgresql@15-b.service", &i, &e), 0, "%s", e.text);
        cr_assert_str_eq(i.unit, "postgresql@15-b.service");
        cr_assert_str_eq(i.owner, "postgresql-common");
        cr_assert_eq(packages_image_unit(p, "samba", "nginx.service", &i, &e), -ENOENT);
        cr_assert_not_null(strstr(e.text, "nmbd.service, smbd.service"), "%s", e.text);
        cr_assert_eq(packages_image_unit(p, "postgresql", "postgresq@x.service", &i, &e), -ENOENT);
        cr_assert_eq(packages_image_unit(p, "missing", "nginx.service", &i, &e), -ENOENT);
        cr_assert_eq(packages_image(p, "nginx", &i, &e), 0);
        cr_assert_str_eq(i.why, "it has the package's name");
}

Test(machine, three_thousand_packages_fit_in_300_kib)
{
        CLEANUP(packages_freep) struct packages *p = packages_new(root);
        CLEANUP(buf_done) struct buf text = BUF(1 << 20);

        for (int i = 0; i < 3000; i++)
                buf_printf(&text,
                           "Package: librarything%04d-perl\nStatus: install ok installed\nArchitecture: %s\nVersion: "
                           "1:2.%d-1+deb12u%d\n%s\n",
                           i, i % 2 ? "amd64" : "all", i, i % 9, i % 3 ? "" : "Source: thing-things\n");
        put("/var/lib/dpkg/status", text.data);
        cr_assert_eq(packages_refresh(p, NULL), 1);
        cr_assert_eq(packages_count(p), 3000);
        cr_assert_lt(packages_memory(p), 300 * 1024, "%zu", packages_memory(p));
}
