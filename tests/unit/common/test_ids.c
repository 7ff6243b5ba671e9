/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/ids.h"

static struct pod_id pod(const char *namespace, const char *name)
{
        struct pod_id id;
        struct err e = ERR_NONE;

        cr_assert_eq(pod_id_parse(namespace, name, "0f6c2a9e-1234-4abc-8def-0123456789ab", &id, &e), 0, "%s", e.text);
        return id;
}

Test(ids, labels_are_rfc1123)
{
        cr_assert(id_is_label("a") && id_is_label("kube-system") && id_is_label("0"));
        cr_assert_not(id_is_label("") || id_is_label(NULL) || id_is_label("-a") || id_is_label("a-") ||
                      id_is_label("A"));
        cr_assert_not(id_is_label("a.b") || id_is_label("a/b") || id_is_label("a\n"));
        cr_assert_not(id_is_label("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

Test(ids, names_are_labels_joined_by_dots)
{
        cr_assert(id_is_name("a.b-c.d") && id_is_name("web-0"));
        cr_assert_not(id_is_name("a..b") || id_is_name(".a") || id_is_name("a.") || id_is_name("a.-b") ||
                      id_is_name("a-.b"));
}

Test(ids, uids_are_uuids_or_hashes)
{
        cr_assert(id_is_uid("0f6c2a9e-1234-4abc-8def-0123456789ab") && id_is_uid("0123456789abcdef0123456789abcdef"));
        cr_assert_not(id_is_uid("0f6c2a9e-1234-4abc-8def-0123456789aB") || id_is_uid("..") || id_is_uid(""));
        cr_assert_not(id_is_uid("0f6c2a9ea1234-4abc-8def-0123456789ab"));
}

Test(ids, packages_and_versions_cannot_look_like_options)
{
        cr_assert(id_is_package("libstdc++6") && id_is_package("0ad") && id_is_package("python3.11"));
        cr_assert_not(id_is_package("-y") || id_is_package("a") || id_is_package("A1") || id_is_package("a=1") ||
                      id_is_package("a/b"));
        cr_assert(id_is_version("1:1.22.1-9+deb12u1~bpo") && id_is_version("2.0"));
        cr_assert_not(id_is_version("-1") || id_is_version("") || id_is_version("1 2"));
        cr_assert_not(id_is_version("1.0-") || id_is_version("1.0-1+")); /* apt: remove, install */
}

Test(ids, paths_are_normalized)
{
        cr_assert(id_is_path("/") && id_is_path("/a/b") && id_is_path("/a/..b/.c"));
        cr_assert_not(id_is_path("a") || id_is_path("/a/") || id_is_path("//a") || id_is_path("/a/../b") ||
                      id_is_path("/.") || id_is_path("/a\nb"));
}

Test(ids, unit_names_follow_the_scheme)
{
        struct pod_id p = pod("default", "uptimed");
        char name[ID_UNIT_MAX + 1];

        cr_assert_eq(unit_name(&p, "uptimed", NULL, name, NULL), 0);
        cr_assert_str_eq(name, "vks.default.uptimed.uptimed.service");
        cr_assert_eq(unit_name(&p, "uptimed", "two", name, NULL), 0);
        cr_assert_str_eq(name, "vks.default.uptimed.uptimed.two.service");
        cr_assert_eq(unit_name(&p, "/usr/bin/sleep", NULL, name, NULL), 0);
        cr_assert_str_eq(name, "vks.default.uptimed.usr\\x2fbin\\x2fsleep.service");
}

/* systemd.unit(5): what is in "a-.service.d" counts for each unit whose name begins with "a-". */
Test(ids, the_drop_ins_of_no_unit_count_for_others)
{
        static const char *const images[] = { "lib-", "/usr/bin/x-", "a--" };
        struct pod_id p = { "default", "web", "0f6c2a9e-1234-4abc-8def-0123456789ab" };
        char name[ID_UNIT_MAX + 1];

        for (size_t i = 0; i < ARRAY_LEN(images); i++) {
                cr_assert_eq(unit_name(&p, images[i], NULL, name, NULL), 0);
                cr_assert(ends_with(name, "\\x2d.service"), "%s", name);
        }
}

Test(ids, unit_names_of_different_pods_differ)
{
        struct pod_id a = pod("default", "a"), ab = pod("default", "a.b");
        char x[ID_UNIT_MAX + 1], y[ID_UNIT_MAX + 1];

        cr_assert_eq(unit_name(&a, "b.img", NULL, x, NULL), 0);
        cr_assert_eq(unit_name(&ab, "img", NULL, y, NULL), 0);
        cr_assert_str_neq(x, y);
}

Test(ids, long_unit_names_are_cut_and_stay_distinct)
{
        char name[ID_NAME_MAX + 1], unit[ID_UNIT_MAX + 1];
        struct pod_id p;

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        p = pod("default", name);
        cr_assert_eq(unit_name(&p, "uptimed", NULL, unit, NULL), 0);
        cr_assert(strlen(unit) <= 200);
        cr_assert_not_null(strstr(unit, ":0f6c2a9e.uptimed.service"));
        cr_assert(id_is_unit(unit));
        for (size_t i = 1; i < sizeof(name) - 1; i += 2)
                name[i] = '.';
        p = pod("default", name);
        cr_assert_eq(unit_name(&p, "uptimed", NULL, unit, NULL), 0);
        cr_assert_null(strstr(unit, "\\:"));
        cr_assert_null(strstr(unit, "\\x:"));
        cr_assert_null(strstr(unit, "\\x2:"));
}

Test(ids, slices_have_the_kubelets_names)
{
        char name[ID_UNIT_MAX + 1];

        pod_slice_name("0f6c2a9e-1234-4abc-8def-0123456789ab", QOS_CLASS_BURSTABLE, name);
        cr_assert_str_eq(name, "kubepods-burstable-pod0f6c2a9e_1234_4abc_8def_0123456789ab.slice");
        pod_slice_name("0123456789abcdef0123456789abcdef", QOS_CLASS_GUARANTEED, name);
        cr_assert_str_eq(name, "kubepods-pod0123456789abcdef0123456789abcdef.slice");
}

Test(ids, commands_beside_a_container_have_names_that_no_container_has)
{
        const uint64_t id = 0xab;
        char all[ID_UNIT_MAX + 1], one[ID_UNIT_MAX + 1], other[ID_UNIT_MAX + 1];

        exec_unit_name("0f6c2a9e-1234-4abc-8def-0123456789ab", "a-b", NULL, all);
        cr_assert_str_eq(all, "vks-exec-0f6c2a9e-1234-4abc-8def-0123456789ab-a_b-.service");
        exec_unit_name("0f6c2a9e-1234-4abc-8def-0123456789ab", "a-b", &id, one);
        cr_assert_str_eq(one, "vks-exec-0f6c2a9e-1234-4abc-8def-0123456789ab-a_b-00000000000000ab.service");
        cr_assert(id_is_unit(one) && unit_name_is_exec(one) && !unit_name_is_ours(one));
        /* by systemd.unit(5) a drop-in of "x-.service.d" counts for all that begins with "x-": no container's does
         * for another's */
        exec_unit_name("0f6c2a9e-1234-4abc-8def-0123456789ab", "a", NULL, other);
        cr_assert_neq(strncmp(one, other, strlen(other) - strlen(".service")), 0);
        cr_assert_not(unit_name_is_exec("vks.default.web.exec.service") || unit_name_is_exec("vks-exec-1.slice"));
}
