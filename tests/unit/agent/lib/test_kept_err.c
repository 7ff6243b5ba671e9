/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/lib/kept_err.h"

Test(kept_err, the_newest_is_kept_until_it_is_forgotten)
{
        struct kept_err k = { 0 };
        struct err e = ERR_NONE;

        cr_expect_str_eq(kept_text(&k), "");
        err_set(&e, -ENOENT, "FailedMount", "no such Secret");
        err_keep(&k, &e);
        err_set(&e, -EIO, "Other", "of no concern"); /* it is a copy */
        cr_expect_eq(k.code, -ENOENT);
        cr_expect_str_eq(k.reason, "FailedMount");
        cr_expect_str_eq(kept_text(&k), "no such Secret");
        err_keep_set(&k, -EAGAIN, NULL, "in %d s", 5);
        cr_expect_eq(k.code, -EAGAIN);
        cr_expect_str_eq(k.reason, "");
        cr_expect_str_eq(kept_text(&k), "in 5 s");
        err_keep(&k, &ERR_NONE);
        cr_expect(k.code == 0 && !k.words);
        err_keep_set(&k, -EIO, "Reason", "%s", "");
        cr_expect_str_eq(kept_text(&k), "");
        err_forget(&k);
        err_forget(&k);
        cr_expect(k.code == 0 && !*k.reason && !k.words);
}

Test(kept_err, a_text_that_is_too_long_is_marked)
{
        struct kept_err k = { 0 };
        char words[3 * ERR_TEXT_MAX];

        memset(words, 'x', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';
        err_keep_set(&k, -EIO, "Reason", "%s", words);
        cr_expect_eq(strlen(kept_text(&k)), ERR_TEXT_MAX - 1);
        cr_expect(strstr(kept_text(&k), "x..."));
        err_forget(&k);
}
