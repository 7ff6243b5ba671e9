/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/machine/conditions.h"
#include "common/mem.h"
#include "helper/text/unit_text.h"

Test(conditions, are_those_of_the_unit_section)
{
        static const char text[] = "#ConditionX=1\n[Unit]\nDescription=Condition\nConditionPathExists=/etc/"
                                   "x\nAfter=y\nConditionFirstBoot=!yes\n"
                                   "[Service]\nConditionPathExists=/no\n[Unit]\nConditionHost=h";
        CLEANUP(buf_done) struct buf b = BUF(400), none = BUF(400);

        conditions_list(text, sizeof(text) - 1, &b);
        cr_assert_str_eq(b.data, "ConditionPathExists=/etc/x, ConditionFirstBoot=!yes, ConditionHost=h");
        conditions_list("", 0, &none);
        conditions_of("vks.there.is.none.service", &none);
        cr_assert_eq(none.len, 0);
}

Test(conditions, who_may_not_be_root_is_told_from_whoever_else_runs)
{
        static const char fallback[] = "[X-Kubernetes]\nUID=u\n\n[Service]\nUser=" FALLBACK_USER "\nGroup=7\n";
        static const char other[] =
                "[Service]\nUser=" FALLBACK_USER "x\nSupplementaryGroups=\nEnvironment=User=" FALLBACK_USER "\n";

        cr_assert(fallback_user_in(fallback, sizeof(fallback) - 1));
        cr_assert_not(fallback_user_in(other, sizeof(other) - 1));
        cr_assert_not(fallback_user_in("", 0));
        cr_assert_not(fallback_user_of("vks.there.is.none.service"));
}

Test(conditions, what_a_unit_would_write_of_the_machines_is_listed)
{
        static const char text[] = "[Service]\nReadWritePaths=-/var/lib/x /run/x "
                                   "-/var/run/x\n#ReadWritePaths=/no\nReadWriteDirectories=-/etc/x\n"
                                   "ReadWritePaths=\nReadWritePaths=+/srv/x /tmp / x\nReadOnlyPaths=/opt\n";
        CLEANUP(buf_done) struct buf b = BUF(400), none = BUF(400), private = BUF(400);

        read_only_list(text, sizeof(text) - 1, "BindPaths=\"/v\":\"/etc\"\n", &b);
        cr_assert_str_eq(b.data, "/etc/x, /srv/x");
        read_only_list(text, sizeof(text) - 1, "BindPaths=\"-/run/vks/pods/U/etc/x\":\"/etc/x\"\n", &private);
        cr_assert_str_eq(private.data, "/srv/x", "the pod has its own");
        read_only_of("vks.there.is.none.service", &none);
        cr_assert_eq(none.len, 0);
}
