/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lib/json.h"
#include "agent/node/package_labels.h"
#include "common/buf.h"
#include "common/mem.h"
#include "tests/unit/root.h"

/* ---- one label --------------------------------------------------------------------------------------------------- */

static const struct {
        const char *name, *version, *key, *value;
} cases[] = {
        { "dnsmasq", "2.90-4~deb12u1", "packages.vks.systemd.io/dnsmasq", "2.90-4_deb12u1" },
        { "g++", "4:12.2.0-3", "packages.vks.systemd.io/gPP", "4_12.2.0-3" },
        { "libstdc++6", "12+really11", "packages.vks.systemd.io/libstdcPP6", "12_really11" },
        { "x", "1.0~", "packages.vks.systemd.io/x", "1.0" },
        { "x", "1234567890.1234567890.1234567890.1234567890.1234567890.1234567.+9", "packages.vks.systemd.io/x",
          "1234567890.1234567890.1234567890.1234567890.1234567890.1234567" },
        { "a234567890b234567890c234567890d234567890e234567890f234567890123", "1",
          "packages.vks.systemd.io/a234567890b234567890c234567890d234567890e234567890f234567890123", "1" },
        { "a234567890b234567890c234567890d234567890e234567890f2345678901234", "1", NULL, NULL },
        { "x-", "1", NULL, NULL },
        { "x.", "1", NULL, NULL },
};

Test(package_label, has_what_a_label_may_have)
{
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct package p = { .name = cases[i].name, .version = cases[i].version };
                char key[PACKAGE_LABEL_KEY_MAX + 1], value[PACKAGE_LABEL_VALUE_MAX + 1];

                cr_expect_eq(package_label(&p, key, value), cases[i].key != NULL, "%s", cases[i].name);
                if (!cases[i].key)
                        continue;
                cr_expect_str_eq(key, cases[i].key);
                cr_expect_str_eq(value, cases[i].value);
        }
}

/* ---- a machine --------------------------------------------------------------------------------------------------- */

#define STATUS(name, source, depends)                                                                                  \
        "Package: " name "\nStatus: install ok installed\nArchitecture: all\nSource: " source                          \
        "\nVersion: 1.0-1\nDepends: " depends "\n\n"
#define INFO(x) "/var/lib/dpkg/info/" x

static void machine(void)
{
        make_root();
        put("/var/lib/dpkg/status",
            STATUS("zsh", "zsh", "libc6") STATUS("nginx", "nginx", "nginx-common, systemd")
                    STATUS("nginx-common", "nginx", "zsh") STATUS("libnginx-mod", "nginx", "nginx-common") STATUS(
                            "postgresql", "postgresql-common", "postgresql-15") STATUS("postgresql-15", "postgresql-15",
                                                                                       "postgresql-common")
                            STATUS("postgresql-common", "postgresql-common",
                                   "zsh") STATUS("libvirt-daemon", "libvirt",
                                                 "zsh") STATUS("old", "old", "zsh") STATUS("tool", "tool", "nginx")
                                    STATUS("half", "half",
                                           "zsh") "Package: removed\nStatus: deinstall ok config-files\nVersion: 1\n");
        put(INFO("zsh.list"), "/.\n/bin/zsh\n/usr/lib/systemd/system/zsh.timer\n/usr/lib/systemd/system/zsh.service.d/"
                              "x.conf\n/usr/share/doc/etc/init.d/zsh\n");
        put(INFO("nginx.list"), "/.\n/usr/sbin/nginx\n");
        put(INFO("nginx-common:all.list"), "/.\n/lib/systemd/system/nginx.service");
        put(INFO("libnginx-mod.list"), "/.\n");
        put(INFO("postgresql.list"), "/.\n");
        put(INFO("postgresql-15.list"), "/.\n");
        put(INFO("postgresql-common.list"), "/usr/lib/systemd/system/postgresql@.service\n");
        put(INFO("libvirt-daemon.list"), "/usr/lib/systemd/system/libvirtd.service\n");
        put(INFO("old.list"), "/etc/init.d\n/etc/init.d/old\n");
        put(INFO("tool.list"), "/usr/bin/tool\n");
        put(INFO("removed.list"), "/lib/systemd/system/removed.service\n");
}

TestSuite(labels, .init = machine, .fini = remove_root);

/* The names that are told, in their order. */
static char *told(char *const *which)
{
        CLEANUP(packages_freep) struct packages *p = packages_new(root);
        CLEANUP(buf_done) struct buf names = BUF(65536);
        cJSON *labels, *l;

        cr_assert_eq(packages_refresh(p, NULL), 1);
        labels = package_labels(p, which);
        cJSON_ArrayForEach (l, labels) {
                cr_expect(starts_with(l->string, PACKAGE_LABEL_PREFIX));
                cr_expect_str_eq(l->valuestring, "1.0-1");
                buf_printf(&names, "%s%s", names.len ? " " : "", l->string + strlen(PACKAGE_LABEL_PREFIX));
        }
        cJSON_Delete(labels);
        return names.len ? buf_steal(&names) : xstrdup("");
}

#define TOLD(want, ...)                                                                                                \
        do {                                                                                                           \
                char *const which[] = { __VA_ARGS__, NULL };                                                           \
                CLEANUP(freep) char *got = told(which[0] ? which : NULL);                                              \
                cr_assert_str_eq(got, want);                                                                           \
        } while (0)

static char services[] = PACKAGE_LABELS_SERVICES, shells[] = "?sh", posts[] = "postgresql-[0-9]*", none[] = "none";

Test(labels, are_those_of_packages_that_bring_a_service)
{
        TOLD("libvirt-daemon nginx nginx-common old postgresql postgresql-15 postgresql-common", NULL);
        TOLD("libvirt-daemon nginx nginx-common old postgresql postgresql-15 postgresql-common", services);
}

Test(labels, are_those_that_the_operator_names)
{
        TOLD("postgresql-15 zsh", shells, posts);
        TOLD("libvirt-daemon nginx nginx-common old postgresql postgresql-15 postgresql-common zsh", services, shells);
        TOLD("", none);
}

Test(labels, are_not_more_than_an_object_can_bear)
{
        CLEANUP(packages_freep) struct packages *p = packages_new(root);
        CLEANUP(buf_done) struct buf text = BUF(1 << 20);
        char all[] = "*", *const which[] = { all, NULL };
        cJSON *labels;

        for (int i = 0; i < PACKAGE_LABELS_MAX + 50; i++)
                buf_printf(&text, "Package: p%d\nStatus: install ok installed\nVersion: 1\n\n", i);
        put("/var/lib/dpkg/status", text.data);
        cr_assert_eq(packages_refresh(p, NULL), 1);
        labels = package_labels(p, which);
        cr_assert_eq(cJSON_GetArraySize(labels), PACKAGE_LABELS_MAX);
        cJSON_Delete(labels);
}
