/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/base64.h"
#include "common/mem.h"

static void check(const char *text, const char *want)
{
        CLEANUP(freep) void *data = NULL;
        size_t size = 0;
        int r = base64_decode(text, strlen(text), &data, &size);

        cr_expect_eq(r == 0, want != NULL, "%s", text);
        if (r == 0 && want)
                cr_expect(size == strlen(want) && memcmp(data, want, size) == 0, "%s", text);
}

Test(base64, the_vectors_of_rfc4648)
{
        check("", "");
        check("Zg==", "f");
        check("Zm8=", "fo");
        check("Zm9v", "foo");
        check("Zm9vYg==", "foob");
        check("Zm9vYmE=", "fooba");
        check("Zm9vYmFy", "foobar");
}

Test(base64, line_breaks_are_skipped)
{
        check("Zm9v\nYmFy\r\n", "foobar");
        check("Zg\n==\n", "f");
}

Test(base64, all_bytes)
{
        CLEANUP(freep) void *data = NULL;
        size_t size;

        cr_assert_eq(base64_decode("AAECA//+/Q==", 12, &data, &size), 0);
        cr_expect(size == 7 && memcmp(data, "\0\1\2\3\xff\xfe\xfd", 7) == 0);
}

Test(base64, what_is_not_base64_is_refused)
{
        const char *bad[] = { "Z",     "Zg",       "Zg=",  "Zm9",   "=",    "====", "Zg===",
                              "Zm8==", "Zg==Zg==", "Z=g=", "Zm 9v", "Zm-_", "Zm9v=" };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                check(bad[i], NULL);
}
