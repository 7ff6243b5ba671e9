/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "helper/text/unit_load.h"
#include "tests/unit/root.h"

TestSuite(unit_load, .init = make_root, .fini = remove_root);

static struct unit_file *load(const char *name, const char *text)
{
        struct unit_file *u = NULL;
        struct err e = ERR_NONE;

        put("/unit", text);
        cr_assert_eq(unit_file_load(root, "/unit", name, &u, &e), 0, "%s", e.text);
        return u;
}

static void expect(const char *name, const char *key, const char *words)
{
        CLEANUP(unit_file_freep)
        struct unit_file *u =
                load(name, "[Unit]\nAfter=x\n[Service]\nType=simple\nStateDirectory=own\n[Install]\nWantedBy=a\\");
        CLEANUP(freep) char *got = unit_file_words(u, key);

        cr_expect_str_eq(got, words, "%s of %s: %s", key, name, got);
}

Test(unit_load, dropins_come_behind_the_unit_in_the_order_of_their_names)
{
        expect("x.service", "StateDirectory", "own");
        put("/usr/lib/systemd/system/x.service.d/20-b.conf", "[Service]\nStateDirectory=b\n");
        put("/usr/lib/systemd/system/x.service.d/10-a.conf", "[Service]\nStateDirectory=a");
        put("/etc/systemd/system/x.service.d/15-admin.conf", "[Service]\nStateDirectory=admin\n[Unit]\nAfter=y\n");
        put("/etc/systemd/system/x.service.d/no", "[Service]\nStateDirectory=not-a-conf\n");
        put("/etc/systemd/system/y.service.d/x.conf", "[Service]\nStateDirectory=another-unit\n");
        expect("x.service", "StateDirectory", "own a admin b");
        put("/etc/systemd/system/x.service.d/30-reset.conf", "[Service]\nStateDirectory=\nType=notify\n");
        expect("x.service", "StateDirectory", "");
        expect("x.service", "Type", "simple notify");
}

Test(unit_load, dropins_of_the_administrator_win_over_their_namesakes)
{
        put("/usr/lib/systemd/system/x.service.d/a.conf", "[Service]\nStateDirectory=package\n");
        put("/etc/systemd/system/x.service.d/a.conf", "[Service]\nStateDirectory=admin\n");
        expect("x.service", "StateDirectory", "own admin");
        put("/usr/lib/systemd/system/x.service.d/b.conf", "[Service]\nStateDirectory=b\n");
        put_link("/etc/systemd/system/x.service.d/b.conf", "/dev/null"); /* out of force */
        expect("x.service", "StateDirectory", "own admin");
}

Test(unit_load, dropins_of_a_template_are_its_instances)
{
        put("/usr/lib/systemd/system/x@.service.d/a.conf", "[Service]\nStateDirectory=%i\n");
        put("/etc/systemd/system/x@one.service.d/b.conf", "[Service]\nStateDirectory=only\n");
        expect("x@one.service", "StateDirectory", "own one only");
        expect("x@two.service", "StateDirectory", "own two");
        expect("x.service", "StateDirectory", "own");
}

Test(unit_load, dropins_without_a_section_belong_to_none)
{
        put("/etc/systemd/system/x.service.d/a.conf", "StateDirectory=nowhere\n");
        expect("x.service", "StateDirectory", "own");
        CLEANUP(unit_file_freep) struct unit_file *u = load("x.service", "[Service]\nStateDirectory=own\n");
        cr_assert_str_eq(unit_file_get(u, "StateDirectory"), "own");
}

Test(unit_load, what_is_not_there_or_too_large_is_an_error)
{
        CLEANUP(freep) char *big = xcalloc(UNIT_FILE_MAX, 1);
        struct unit_file *u = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(unit_file_load(root, "/unit", "x.service", &u, &e), -ENOENT);
        put("/unit", "[Service]\n");
        memset(big, '#', UNIT_FILE_MAX - 1);
        put("/etc/systemd/system/x.service.d/a.conf", big);
        cr_assert_eq(unit_file_load(root, "/unit", "x.service", &u, &e), -EFBIG);
        put("/unit", "");
        unit_file_free(load("*.service", ""));
}
