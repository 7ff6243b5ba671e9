/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/conditions.h"
#include "common/mem.h"

Test(conditions, are_those_of_the_unit_section)
{
        static const char text[] = "#ConditionX=1\n[Unit]\nDescription=Condition\nConditionPathExists=/etc/x\nAfter=y\nConditionFirstBoot=!yes\n"
                                   "[Service]\nConditionPathExists=/no\n[Unit]\nConditionHost=h";
        CLEANUP(buf_done) struct buf b = BUF(400), none = BUF(400);

        conditions_list(text, sizeof(text) - 1, &b);
        cr_assert_str_eq(b.data, "ConditionPathExists=/etc/x, ConditionFirstBoot=!yes, ConditionHost=h");
        conditions_list("", 0, &none);
        conditions_of("vks.there.is.none.service", &none);
        cr_assert_eq(none.len, 0);
}
