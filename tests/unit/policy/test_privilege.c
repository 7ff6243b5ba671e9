/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container is, and what it may become: policy, the package's unit and the pod's words, in every combination that
 * differs. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "common/mem.h"
#include "policy/policy_conf.h"
#include "policy/privilege.h"

enum { DISK = 6, SHADOW = 42, JOURNAL = 999, ALLOWED = 1500 };

/* A package's daemon, a pod of it, and who is on the machine; for tests to change. */
static struct unit_rights unit;
static const struct pod_id pod = { .name = "web", .namespace = "default", .uid = "u-i-d" };
static struct op_container k;
static Vks__Container c;
static Vks__Id user, group;
static Vks__Env variable, *variables[] = { &variable };
static struct person given, fallback;
static bool strange;
static struct privilege who;
static struct err e;

static void setup(void)
{
        unit = (struct unit_rights){ .unit = "d.service",
                                     .package = "d",
                                     .user = { .name = "d", .known = true, .uid = 120, .gid = 121 },
                                     .bus = "",
                                     .ambient = "" };
        vks__container__init(&c);
        vks__id__init(&user);
        vks__id__init(&group);
        vks__env__init(&variable);
        c.name = (char *)"c";
        c.image = c.package = (char *)"d", c.unit = (char *)"d.service", c.env = variables;
        k = (struct op_container){ .pod = &pod, .c = &c };
        given = (struct person){ 0 };
        strange = false;
        fallback = (struct person){ .name = "vks-pod", .known = true, .uid = 991, .gid = 992 };
}

TestSuite(privilege, .init = setup);

static int decide(const char *text)
{
        CLEANUP(policy_freep) struct policy *p = NULL;

        cr_assert_eq(policy_parse("policy.conf", text, strlen(text), &p, &e), 0, "%s", e.text);
        e = ERR_NONE;
        return policy_privilege(p, &k, &unit, &given, &fallback, strange, &who, &e);
}

static void refused(const char *text, const char *rule, const char *words)
{
        cr_assert_eq(decide(text), -EPERM, "%s", words);
        cr_assert_str_eq(e.reason, rule, "%s", e.text);
        cr_assert(strstr(e.text, words), "%s", e.text);
}

static void granted(const char *text)
{
        cr_assert_eq(decide(text), 0, "%s", e.text);
}

static void own_command(void)
{
        k.program = "/bin/sh", c.n_command = 1;
}

/* runAsNonRoot is an offence against it, and nothing else is. */
static void not_as_root(const char *text)
{
        c.run_as_non_root = true;
        cr_assert_eq(decide(text), -EPERM);
        cr_assert_str_eq(e.reason, "");
        cr_assert_str_eq(e.text, "container has runAsNonRoot and image will run as root (pod: \"web_default(u-i-d)\", "
                                 "container: c)");
        c.run_as_non_root = false;
        granted(text);
        c.run_as_non_root = true;
}

static void of_root(void)
{
        unit.root = true;
        unit.user = (struct person){ .name = "root", .known = true };
}

/* ---- groups that the pod names ----------------------------------------------------------------------------------- */

static uint32_t named[4];

static void names(uint32_t a, uint32_t b)
{
        named[0] = a, named[1] = b;
        c.groups = named, c.n_groups = 2;
}

Test(privilege, a_pod_names_groups_that_any_pod_may_have_and_no_other)
{
        static const uint32_t never[] = { 0, DISK, SHADOW, 999, 60000, UINT32_MAX };

        names(2000, 2001);
        granted("");
        cr_assert(who.n_more == 2 && who.more[0] == 2000 && who.more[1] == 2001);
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
                names(2000, never[i]);
                refused("", "group", "is not allowed");
                own_command();
                refused("", "group", "is not allowed");
                refused("root = deny", "group", "is not allowed");
                k.program = NULL, c.n_command = 0;
        }
        names(0, 7);
        granted("root = allow\ngroup = 7");
        refused("group = 7", "group", "group 0 is not allowed");
}

Test(privilege, root_is_in_no_group_for_that)
{
        of_root();
        names(2000, 2001), c.reads_files = true, strange = true;
        granted("");
        cr_assert(who.root && who.n_more == 0 && !who.become);
        granted("root = allow");
        cr_assert(who.root && who.n_more == 0 && !who.become);
}

Test(privilege, a_group_that_pid_1_does_not_know_is_for_vks_exec_to_give)
{
        names(2000, 2001);
        unit.user.n_groups = 2, unit.user.groups[0] = ALLOWED, unit.user.groups[1] = 1600;
        unit.n_groups = 1, unit.groups[0] = 1700;
        granted("");
        cr_assert(!who.become && who.n_more == 2, "it knows them");
        strange = true;
        granted("");
        cr_assert(who.become && who.uid == 120 && who.gid == 121 && !who.own);
        cr_assert(who.n_more == 5 && who.more[2] == ALLOWED && who.more[3] == 1600 && who.more[4] == 1700,
                  "and what its user and its unit have stays");
        own_command();
        granted("");
        cr_assert(who.become && who.n_more == 5);
        unit.user.groups[1] = SHADOW; /* which is the package's own command line's: PID 1 cannot leave it out */
        granted("");
        cr_assert(who.become && who.n_more == 2, "no group of the package's");
}

Test(privilege, with_rights_of_the_package_pid_1_is_to_know_the_groups)
{
        names(2000, 2001), strange = true;
        unit.has_group = true, unit.group = DISK;
        granted("");
        cr_assert(who.own && !who.become && who.n_more == 2, "or it says that it does not");
        setup();
        names(2000, 2001), strange = true;
        unit.ambient = "CAP_NET_BIND_SERVICE";
        granted("");
        cr_assert(!who.own && !who.become && who.n_more == 2, "it needs the capability more");
        own_command();
        granted("");
        cr_assert(who.become, "which is none of a command's of the pod's own");
        setup();
        names(2000, 2001), strange = true;
        unit.dynamic = true, unit.user.known = false;
        granted("");
        cr_assert(!who.become && who.n_more == 2, "nobody knows who it will be");
}

Test(privilege, a_group_of_its_own_that_pid_1_does_not_know_is_given_too)
{
        c.run_as_group = &group, group.value = 2000, strange = true;
        own_command();
        unit = (struct unit_rights){
                .root = true, .user = { .name = "root", .known = true }, .bus = "", .ambient = ""
        };
        granted("");
        cr_assert(who.become && who.uid == 991 && who.gid == 2000 && who.n_more == 0);
}

Test(privilege, who_reads_files_is_in_the_group_of_vks_pod)
{
        c.reads_files = true;
        granted("");
        cr_assert(who.n_more == 1 && who.more[0] == 992 && !who.become);
        fallback.known = false;
        granted("");
        cr_assert_eq(who.n_more, 0);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

Test(privilege, groups_of_a_package_are_its_own_command_lines)
{
        unit.has_group = true, unit.group = DISK;
        unit.n_groups = 3, unit.groups[0] = SHADOW, unit.groups[1] = ALLOWED, unit.groups[2] = UINT32_MAX;
        granted("");
        cr_assert(!who.set_user && !who.set_group && !who.set_groups && !who.become, "as the package says");
        cr_assert(who.own && who.known && who.gid == DISK);
        for (int args = 0; args < 2; args++) { /* with a command of the pod's own, and with arguments */
                setup();
                unit.has_group = true, unit.group = DISK;
                unit.n_groups = 3, unit.groups[0] = SHADOW, unit.groups[1] = ALLOWED, unit.groups[2] = UINT32_MAX;
                if (args)
                        c.n_args = 1;
                else
                        own_command();
                granted("");
                cr_assert(!who.set_user && who.set_group && who.gid == 121 && who.known && who.uid == 120);
                cr_assert(who.set_groups && who.n_groups == 1 && who.groups[0] == ALLOWED && !who.become && !who.own);
                granted("group = 0 42");
                cr_assert(who.n_groups == 1 && who.groups[0] == SHADOW && who.set_group);
                granted("group = 6 42");
                cr_assert(!who.set_group && who.gid == DISK && who.n_groups == 1 && who.groups[0] == SHADOW);
                granted("root = allow");
                cr_assert(!who.set_group && !who.set_groups, "who may be root may be in any group");
        }
}

Test(privilege, a_users_own_group_is_no_right_of_its_own)
{
        unit.has_group = true, unit.group = 121;
        granted("");
        cr_assert_not(who.own);
        own_command();
        granted("");
        cr_assert(!who.set_group && who.gid == 121);
        setup();
        granted("");
        cr_assert(!who.own && who.known && who.uid == 120 && who.gid == 121);
}

Test(privilege, a_dynamic_user_has_no_group_of_the_units)
{
        unit.dynamic = true, unit.user = (struct person){ .name = "" };
        unit.has_group = true, unit.group = DISK, unit.n_groups = 1, unit.groups[0] = JOURNAL;
        granted("");
        cr_assert(who.own && !who.known && !who.set_group && !who.set_groups);
        own_command();
        granted("");
        cr_assert(who.set_group && who.gid == UINT32_MAX && who.set_groups && who.n_groups == 0);
        c.run_as_group = &group, group.value = ALLOWED;
        granted("");
        cr_assert(who.set_group && who.gid == ALLOWED && !who.known);
}

Test(privilege, a_user_or_group_that_the_machine_does_not_have_is_not_known)
{
        granted("");
        cr_assert(who.known && !who.set_group);
        unit.user.known = false; /* his groups neither: a package's script may be about to make him */
        cr_assert_eq(decide(""), -ENOENT);
        cr_assert_str_eq(e.text, "there is no user d on this node, as whom d.service runs");
        own_command();
        cr_assert_eq(decide(""), -ENOENT);
        c.run_as_user = &user, user.value = 1000;
        granted("");
        setup();
        unit.has_group = true, unit.group = UINT32_MAX;
        granted("");
        cr_assert_not(who.known);
}

Test(privilege, a_pods_own_group_takes_the_place_of_the_packages)
{
        c.run_as_group = &group, group.value = ALLOWED;
        granted("");
        cr_assert(who.set_group && who.gid == ALLOWED && !who.set_user && who.uid == 120);
}

/* PID 1 takes them from /etc/group whatever the unit says, so vks-exec has to leave them. */
Test(privilege, what_a_user_is_a_member_of_is_asked_about_too)
{
        unit.user.n_groups = 1, unit.user.groups[0] = SHADOW; /* as postgres is in ssl-cert */
        granted("");
        cr_assert(who.own && !who.become);
        own_command();
        granted("");
        cr_assert(who.become && !who.set_user && who.uid == 120 && who.gid == 121);
        granted("group = 42");
        cr_assert_not(who.become);
        granted("root = allow");
        cr_assert_not(who.become);

        setup();
        own_command();
        c.run_as_user = &user, user.value = 1000;
        given = (struct person){ .name = "jane", .known = true, .uid = 1000, .gid = 1000 };
        granted("");
        cr_assert(who.set_user && who.uid == 1000 && who.gid == 1000 && who.known && !who.fallback && !who.become);
        given.n_groups = 2, given.groups[0] = ALLOWED, given.groups[1] = 27; /* sudo */
        granted("");
        cr_assert(who.become && who.uid == 1000 && !who.fallback);
        granted("group = 27 1500");
        cr_assert_not(who.become);
        granted("root = allow");
        cr_assert_not(who.become);
        given.n_groups = PERSON_GROUPS_MAX, given.groups[PERSON_GROUPS_MAX - 1] = UINT32_MAX; /* there were more */
        granted("group = 0-4294967294");
        cr_assert(who.become);
}

Test(privilege, root_put_vks_pod_into_its_groups_for_pods)
{
        fallback.n_groups = 1, fallback.groups[0] = DISK;
        of_root();
        own_command();
        granted("");
        cr_assert(who.fallback && who.known && who.uid == 991 && who.gid == 992 && !who.become && who.n_groups == 0);
}

/* A key that root alone may read, say: PID 1 opens it for the package's own command line (LoadCredential=). */
Test(privilege, what_pid_1_reads_for_a_command_line_is_a_right_of_its_own)
{
        unit.handed = true;
        granted("root = deny");
        cr_assert(who.own && !who.root && !who.foreign);
        cr_assert_eq(policy_place(&who, "/usr/share/d", true, &e), -EPERM, "what is there would be its code");
        own_command();
        granted("root = deny");
        cr_assert(!who.own && who.foreign);
        setup();
        unit.handed = true, c.n_args = 1;
        granted("");
        cr_assert(!who.own && who.foreign);
        granted("root = allow");
        cr_assert_not(who.own);
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

Test(privilege, nobody_but_root_has_capabilities_of_the_unit_with_words_of_the_pod)
{
        unit.ambient = "CAP_NET_BIND_SERVICE CAP_IPC_LOCK";
        granted("root = deny");
        cr_assert(!who.foreign && !who.own, "harmless");
        c.n_args = 1;
        granted("");
        cr_assert(who.foreign);
        granted("root = allow");
        cr_assert_not(who.foreign);
        setup();
        unit.ambient = "CAP_NET_RAW";
        c.run_as_user = &user, user.value = 1000;
        granted("");
        cr_assert(who.foreign);
}

Test(privilege, capabilities_that_are_as_good_as_root_are_roots)
{
        static const char *const strong[] = { "CAP_SYS_ADMIN",  "CAP_NET_RAW CAP_DAC_READ_SEARCH",
                                              "~CAP_NET_RAW",   "cap_setuid",
                                              "CAP_SYS_PTRACE", "21" };

        for (size_t i = 0; i < ARRAY_LEN(strong); i++) {
                setup();
                unit.ambient = strong[i];
                granted("");
                cr_expect(who.own && !who.root, "%s", strong[i]);
                refused("root = deny", "root", "as good as root");
                c.n_args = 1;
                granted("root = deny");
                cr_expect(who.foreign && !who.own, "%s", strong[i]);
        }
}

Test(privilege, an_instance_that_is_the_user_must_be_in_the_range)
{
        unit.of_instance = true;
        refused("", "user", "d.service would run as d");
        granted("user = 120");
        of_root();
        refused("", "user", "d.service would run as root");
        granted("root = allow");
        granted("root = deny");
        cr_assert(who.fallback);
        unit.root = false, unit.user = (struct person){ .name = "x" };
        refused("", "user", "d.service would run as x");
}

Test(privilege, commands_that_are_roots_are_the_packages_right)
{
        unit.root_commands = true;
        refused("root = deny", "root", "d.service has commands that run as root");
        granted("");
        cr_assert(who.own && !who.root);
        c.n_args = 1;
        granted("");
        cr_assert(who.own, "they run before the daemon, whatever its arguments are");
        own_command();
        granted("");
        cr_assert_not(who.own, "the pod's command alone runs");
}

Test(privilege, users_are_given_or_the_units)
{
        c.run_as_user = &user, user.value = 120;
        granted("");
        cr_assert(!who.set_user && who.uid == 120);
        user.value = 121;
        refused("", "user", "runAsUser: 121 is not the user of d.service");
        user.value = 0;
        refused("", "root", "runAsUser: 0 is not the user of d.service");
        user.value = 4711;
        granted("");
        cr_assert(who.set_user && who.fallback && who.become && !who.known && who.uid == 4711 && who.gid == 992);
        fallback.known = false;
        cr_assert_eq(decide(""), -ENOENT);
        setup();
        unit = (struct unit_rights){ .root = true, .user = { .name = "root", .known = true } };
        c.unit = (char *)"", k.program = "/bin/x", c.run_as_user = &user, user.value = 120;
        refused("", "user", "user 120 is not allowed");
}

Test(privilege, who_says_non_root_does_not_begin_as_root)
{
        c.run_as_non_root = true;
        granted("");
        granted("root = allow");
        of_root();
        not_as_root("");
        not_as_root("root = allow");
        granted("root = deny");
        cr_assert(who.fallback && !who.root);
        c.run_as_user = &user, user.value = 0;
        not_as_root("");
        not_as_root("root = allow");
        user.value = 4711;
        granted("");
        granted("root = allow");
        c.run_as_user = NULL, c.n_args = 1;
        granted("");
        not_as_root("root = allow");
        own_command();
        granted("");
        not_as_root("root = allow");
}

/* A program that begins as root says itself when it is somebody else. */
Test(privilege, the_mark_of_the_packages_line_counts_for_the_packages_user_alone)
{
        unit.starts_as_root = unit.root_commands = true;
        granted("");
        cr_assert_not(who.plain);
        not_as_root("");
        c.run_as_user = &user, user.value = 120; /* the unit's */
        not_as_root("");
        cr_assert_not(who.plain);
        user.value = 4711;
        granted("");
        cr_assert(who.plain);
        granted("root = allow");
        cr_assert(who.plain);
        c.run_as_user = NULL, c.n_args = 1;
        granted("");
        cr_assert(who.plain, "what the pod says is not privileged because the package's line is");
        not_as_root("root = allow");
        cr_assert_not(who.plain);
        own_command();
        granted("root = allow");
        cr_assert(who.plain);
        setup();
        unit.root_commands = true, c.run_as_non_root = true;
        granted("");
        cr_assert(who.own, "what prepares it is not the container");
}

/* ---- who speaks for the machine ---------------------------------------------------------------------------------- */

Test(privilege, who_speaks_for_the_machine_is_known)
{
        static const char *const names[] = { "org.freedesktop.PolicyKit1", "org.freedesktop.systemd1",
                                             "org.freedesktop.login1",     "org.freedesktop.machine1",
                                             "org.freedesktop.DBus",       "org.freedesktop.Accounts",
                                             "org.freedesktop.resolve1",   "org.x org.freedesktop.PolicyKit1",
                                             "org.freedesktop.%j",         "org.freedesktop.PolicyKit1 org.x" };
        static const char *const users[] = { "vks",     "vks-usage",       "messagebus",
                                             "polkitd", "systemd-network", "systemd-timesync" };
        static const char *const others[] = { "org.freedesktop.Avahi", "net.connman.iwd",
                                              "org.freedesktop.ColorManager", "org.freedesktop.systemdx",
                                              "fi.w1.wpa_supplicant1" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                setup();
                unit.bus = names[i];
                granted("");
                cr_expect(who.bus && who.own, "as it is on the machine");
                c.n_args = 1;
                refused("", "machine", "d.service of package d speaks for the machine");
                refused("root = allow", "machine", "d.service of package d speaks for the machine");
                c.n_args = 0;
                own_command();
                refused("", "machine", "d.service of package d speaks for the machine");
        }
        for (size_t i = 0; i < ARRAY_LEN(users); i++) {
                setup();
                snprintf(unit.user.name, sizeof(unit.user.name), "%s", users[i]);
                granted("");
                own_command();
                refused("", "machine", "d.service of package d speaks for the machine");
                setup();
                c.run_as_user = &user, user.value = 101;
                given = (struct person){ .known = true, .uid = 101, .gid = 101 };
                snprintf(given.name, sizeof(given.name), "%s", users[i]);
                refused("user = 0-60000", "machine", "user 101 is ");
        }
        setup();
        char endless[300] = "";
        memset(endless, 'x', sizeof(endless) - 1);
        unit.bus = endless, c.n_args = 1; /* no name that a bus has */
        refused("", "machine", "d.service of package d speaks for the machine");
        setup();
        unit.is_bus = true, c.n_args = 1;
        refused("", "machine", "d.service of package d speaks for the machine");
        refused("machine = polkitd", "machine", "d.service of package d");
        granted("machine = polkitd d");
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                setup();
                unit.bus = others[i];
                granted("");
                cr_expect(who.bus && who.own, "%s", others[i]);
        }
        setup();
        snprintf(unit.user.name, sizeof(unit.user.name), "systemd-journal-remote");
        granted("");
}

Test(privilege, who_speaks_for_the_machine_is_told_nothing_by_a_pod)
{
        static const char *const told[] = { "SYSTEMD_BYPASS", "G_DEBUG", "NODE_NAME", "HOME",
                                            "DBUS_SYSTEM_BUS_ADDRESS" };
        static const char *const untold[] = { "HOSTNAME",         "KUBERNETES_SERVICE_HOST", "KUBERNETES_PORT",
                                              "WEB_SERVICE_PORT", "WEB_SERVICE_PORT_HTTP",   "WEB_PORT_80_TCP_ADDR" };
        struct op_mount token = { .target = "/run/secrets/kubernetes.io/serviceaccount" },
                        rules = { .target = "/etc/polkit-1/rules.d" }, run = { .target = "/run/polkit-1/rules.d" };

        unit.bus = "org.freedesktop.PolicyKit1";
        k.mounts = &token, k.n_mounts = 1;
        granted("");
        k.mounts = &rules;
        refused("", "machine", "runs as it is or not at all");
        granted("machine = d");
        k.mounts = &run;
        refused("", "machine", "runs as it is or not at all");
        k.n_mounts = 0, c.n_env = 1;
        for (size_t i = 0; i < ARRAY_LEN(told); i++) {
                variable.name = (char *)(uintptr_t)told[i];
                refused("", "machine", "runs as it is or not at all");
        }
        for (size_t i = 0; i < ARRAY_LEN(untold); i++) {
                variable.name = (char *)(uintptr_t)untold[i];
                granted("");
        }
        c.n_env = 0, c.working_dir = (char *)"/srv";
        refused("", "machine", "runs as it is or not at all");
        c.working_dir = (char *)"/";
        granted("");
        c.run_as_group = &group, group.value = ALLOWED;
        refused("", "machine", "runs as it is or not at all");
        c.run_as_group = NULL, c.run_as_user = &user, user.value = 1000;
        refused("", "machine", "runs as it is or not at all");
}

Test(privilege, the_bus_is_for_the_packages_own_command_line)
{
        unit.bus = "org.x";
        granted("");
        cr_assert(who.bus && who.own);
        refused("bus =", "bus", "d.service of package d has a name on the system bus (org.x)");
        refused("bus = avahi-*", "bus", "package d");
        granted("bus = avahi-* d");
        c.n_args = 1;
        refused("", "bus", "which is for the package's own command line and user");
        granted("root = allow");
        cr_assert(who.bus);
        refused("root = allow\nbus =", "bus", "package d");
        own_command();
        granted("bus =");
        cr_assert_not(who.bus);
        setup();
        unit.bus = "org.x", c.run_as_user = &user, user.value = 4711;
        refused("", "bus", "own command line and user");
        setup();
        unit.bus = "org.x", of_root();
        refused("root = deny", "bus", "own command line and user");
}

/* ---- what is beside a command line with rights of its own -------------------------------------------------------- */

static int place(const char *path, bool there)
{
        e = ERR_NONE;
        return policy_place(&who, path, there, &e);
}

Test(privilege, nothing_of_a_pod_is_mounted_where_code_with_rights_comes_from)
{
        static const char *const code[] = { "/usr/share/unattended-upgrades",
                                            "/usr/share",
                                            "/usr/share/nginx",
                                            "/usr/local",
                                            "/usr",
                                            "/opt/app/bin",
                                            "/opt",
                                            "/root",
                                            "/root/.local",
                                            "/home/x",
                                            "/var/lib/gems/3.1.0",
                                            "/etc",
                                            "/etc/ssl/openssl.cnf",
                                            "/etc/ssl",
                                            "/etc/gss/mech.d",
                                            "/etc/krb5.conf",
                                            "/etc/security/namespace.init",
                                            "/etc/python3.11/sitecustomize.py" };
        static const char *const data[] = { "/etc/nginx",
                                            "/etc/ssl/certs",
                                            "/etc/cron.d/probe",
                                            "/var/www/html",
                                            "/var/lib/d",
                                            "/srv",
                                            "/srv/x",
                                            "/run/d",
                                            "/tmp/x",
                                            "/mnt",
                                            "/dev/shm",
                                            "/usr/share/nginx/html",
                                            "/usr/share/caddy/x.html",
                                            "/usr/local/etc/haproxy" };

        of_root();
        granted("");
        for (size_t i = 0; i < ARRAY_LEN(code); i++) {
                cr_expect_eq(place(code[i], true), -EPERM, "%s", code[i]);
                cr_expect_str_eq(e.reason, "root");
                cr_expect(strstr(e.text, code[i]), "%s", e.text);
        }
        cr_expect_eq(place("/usr/share/x", false), -EPERM);
        for (size_t i = 0; i < ARRAY_LEN(data); i++)
                cr_expect_eq(place(data[i], true), 0, "%s", data[i]);
        cr_expect_eq(place("/data/x", false), 0, "what the machine does not have is the pod's");
        cr_expect_eq(place("/data/x", true), -EPERM);
        cr_expect_eq(place("/etcetera", true), -EPERM);
        granted("root = deny");
        cr_expect_eq(place("/usr/share/x", true), 0, "there it is vks-pod");
        granted("root = allow");
        cr_expect_eq(place("/usr/share/x", true), 0, "there it is everybody's");
        setup();
        granted("");
        cr_expect_eq(place("/usr/share/x", true), 0, "it has no rights but its user's");
        unit.n_groups = 1, unit.groups[0] = SHADOW;
        granted("");
        cr_expect_eq(place("/usr/share/x", true), -EPERM, "it has a group that others may not have");
}

Test(privilege, no_word_of_a_pod_says_where_code_with_rights_is)
{
        of_root();
        c.working_dir = (char *)"/";
        granted("");
        c.working_dir = (char *)"/srv";
        refused("", "root", "workingDir says");
        granted("root = allow");
        granted("root = deny");
        c.working_dir = (char *)"", c.n_env = 1, variable.name = (char *)"HOME";
        refused("", "root", "env HOME may say");
        granted("root = allow");
        setup();
        c.working_dir = (char *)"/srv", c.n_env = 1, variable.name = (char *)"HOME";
        granted("");
}

Test(privilege, no_variable_tells_the_tools_of_a_script_with_rights_what_to_run)
{
        static const char *const tell[] = {
                "TAR_OPTIONS", "RSYNC_RSH",   "GIT_SSH_COMMAND", "GIT",         "SSH_ASKPASS",
                "PAGER",       "MYEDITOR",    "DPKG_DATADIR",    "TMPDIR",      "JAVA_OPTS",
                "APP_CONFIG",  "SECRET_FILE", "LESSOPEN_CMD",    "MAKEFLAGS",   "TAPE",
                "EXTRA_ARGS",  "XDG_DATA",    "APP_PLUGINS",     "FOO_PREHOOK", "smartd_opts",
                "config_file", "Rsync_rsh"
        };
        static const char *const words[] = { "NODE_NAME",
                                             "NODE_IP",
                                             "ENV",
                                             "APP_ENV",
                                             "DEBUG",
                                             "LOG_LEVEL",
                                             "TZ",
                                             "LANG",
                                             "LC_ALL",
                                             "PORT",
                                             "MYSQL_ROOT_PASSWORD",
                                             "HOMEPAGE",
                                             "GIT_PORT",
                                             "DIRECTION",
                                             "SSH_SERVICE_HOST",
                                             "MAIL_PORT_25_TCP_ADDR",
                                             "POD_NAMESPACE",
                                             "NGINX_WORKER_PROCESSES" };

        of_root();
        c.n_env = 1;
        for (size_t i = 0; i < ARRAY_LEN(tell); i++) {
                variable.name = (char *)(uintptr_t)tell[i];
                refused("", "root", "may say what a program with rights of its package runs");
        }
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                variable.name = (char *)(uintptr_t)words[i];
                granted("");
        }
        for (size_t i = 0; i < ARRAY_LEN(tell); i++) { /* a package's user, with no right but its own */
                setup();
                c.n_env = 1, variable.name = (char *)(uintptr_t)tell[i];
                granted("");
        }
}

/* ExecStart=/usr/sbin/d $EXTRA: who sets the variable brings arguments, and these are no right of the package's. */
Test(privilege, no_variable_of_a_pod_is_a_word_of_a_command_line_with_rights)
{
        of_root();
        unit.words = " MAINPID EXTRA WEB_SERVICE_HOST";
        c.n_env = 1, variable.name = (char *)"EXTRA";
        refused("", "root", "env EXTRA may say");
        variable.name = (char *)"EXT";
        granted("");
        variable.name = (char *)"EXTRAS";
        granted("");
        variable.name = (char *)"WEB_SERVICE_HOST"; /* who says what is in it? */
        refused("", "root", "env WEB_SERVICE_HOST may say");
        variable.name = (char *)"WEB_SERVICE_PORT"; /* each pod has the variables of services */
        granted("");
        variable.name = (char *)"EXTRA";
        granted("root = deny");
        setup();
        unit.words = " EXTRA", c.n_env = 1, variable.name = (char *)"EXTRA";
        granted("");
}

/* An API server takes a name of more than a megabyte, and everybody's requests would wait for the look at it. */
Test(privilege, a_long_name_is_looked_at_in_no_time)
{
        static char name[1 << 20];
        clock_t began = clock();

        of_root();
        memset(name, 'A', sizeof(name) - 1);
        c.n_env = 1, variable.name = name;
        granted("");
        memcpy(name + sizeof(name) - sizeof("CONFIGFILE"), "CONFIGFILE", sizeof("CONFIGFILE"));
        refused("", "root", "env AAAA");
        cr_expect_lt(clock() - began, CLOCKS_PER_SEC, "processor time");
}

Test(privilege, nobody_types_at_a_program_with_rights_of_its_package)
{
        c.console = true;
        granted("");
        of_root();
        refused("", "root", "stdin and tty would be words");
        own_command();
        granted("");
        setup();
        unit.bus = "org.freedesktop.PolicyKit1", c.console = true;
        refused("", "machine", "runs as it is or not at all");
}

/* Group 0 reads what root's group may: it is no right of a package whose daemon is somebody else. */
Test(privilege, roots_group_is_for_who_is_root)
{
        c.run_as_group = &group, group.value = 0;
        refused("", "group", "group 0 is not allowed");
        refused("root = deny", "group", "group 0 is not allowed");
        granted("root = allow");
        granted("group = 0");
        of_root();
        granted("");
        c.run_as_user = &user, user.value = 0;
        granted("");
        user.value = 4711;
        refused("user = 4711", "group", "group 0 is not allowed");
        granted("user = 4711\ngroup = 0");
        granted("user = 4711\nroot = allow");
        c.run_as_user = NULL;
        own_command();
        refused("", "group", "group 0 is not allowed");
}
