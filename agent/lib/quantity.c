/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* k8s.io/apimachinery pkg/api/resource: suffixes; the factor is num / den. */
static const struct {
        const char *suffix;
        uint64_t num, den;
} units[] = {
        { "", 1, 1 },
        { "n", 1, 1000000000 },
        { "u", 1, 1000000 },
        { "m", 1, 1000 },
        { "k", 1000, 1 },
        { "M", 1000000, 1 },
        { "G", 1000000000, 1 },
        { "T", 1000000000000, 1 },
        { "P", 1000000000000000, 1 },
        { "E", 1000000000000000000, 1 },
        { "Ki", UINT64_C(1) << 10, 1 },
        { "Mi", UINT64_C(1) << 20, 1 },
        { "Gi", UINT64_C(1) << 30, 1 },
        { "Ti", UINT64_C(1) << 40, 1 },
        { "Pi", UINT64_C(1) << 50, 1 },
        { "Ei", UINT64_C(1) << 60, 1 },
};

/* "e3", "E-2" after a number: a power of ten. */
static bool parse_exponent(const char *s, int *ret)
{
        bool minus;
        int v = 0;

        if (*s != 'e' && *s != 'E')
                return false;
        s++;
        minus = *s == '-';
        if (*s == '-' || *s == '+')
                s++;
        if (!isdigit((unsigned char)*s))
                return false;
        for (; isdigit((unsigned char)*s); s++)
                if ((v = v * 10 + (*s - '0')) > 18)
                        return false;
        *ret = minus ? -v : v;
        return *s == '\0';
}

/* A quantity times `scale`, rounded up. */
static int parse_quantity(const char *s, uint64_t scale, uint64_t *ret)
{
        enum { DIGITS_MAX = 19 }; /* 10^19 * 10^18 fits in 128 bits */
        unsigned __int128 value = 0, den = 1;
        int digits = 0, exponent = 0;
        bool point = false, any = false;

        for (; isdigit((unsigned char)*s) || (*s == '.' && !point); s++) {
                if (*s == '.') {
                        point = true;
                        continue;
                }
                any = true;
                if (value > 0 || *s != '0')
                        digits++;
                if (digits > DIGITS_MAX)
                        return -ERANGE;
                value = value * 10 + (unsigned)(*s - '0');
                if (point && (den *= 10) > UINT64_C(1000000000000000000))
                        return -ERANGE;
        }
        if (!any)
                return -EINVAL;
        if (parse_exponent(s, &exponent)) {
                for (; exponent > 0; exponent--)
                        value *= 10;
                for (; exponent < 0; exponent++)
                        den *= 10;
        } else {
                size_t i = 0;
                while (i < ARRAY_LEN(units) && !streq(units[i].suffix, s))
                        i++;
                if (i == ARRAY_LEN(units))
                        return -EINVAL;
                if (__builtin_mul_overflow(value, (unsigned __int128)units[i].num, &value))
                        return -ERANGE;
                den *= units[i].den;
        }
        if (__builtin_mul_overflow(value, (unsigned __int128)scale, &value))
                return -ERANGE;
        value = value / den + (value % den > 0);
        if (value > INT64_MAX)
                return -ERANGE;
        *ret = (uint64_t)value;
        return 0;
}

int quantity_milli(const char *s, uint64_t *ret)
{
        return parse_quantity(s, 1000, ret);
}

int quantity_value(const char *s, uint64_t *ret)
{
        return parse_quantity(s, 1, ret);
}

uint64_t quantity_ceil(uint64_t value, uint64_t divisor)
{
        return divisor ? value / divisor + (value % divisor > 0) : value;
}

void quantity_bytes_text(uint64_t bytes, char ret[QUANTITY_TEXT_MAX])
{
        static const char *const suffixes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
        size_t i = 0;

        for (bytes &= ~UINT64_C(1023); bytes > 0 && bytes % 1024 == 0 && i + 1 < ARRAY_LEN(suffixes); i++)
                bytes /= 1024;
        snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64 "%s", bytes, suffixes[i]);
}

void quantity_milli_text(uint64_t milli, char ret[QUANTITY_TEXT_MAX])
{
        static const char *const suffixes[] = { "m", "", "k", "M", "G", "T" };
        size_t i = 0;

        for (; milli > 0 && milli % 1000 == 0 && i + 1 < ARRAY_LEN(suffixes); i++)
                milli /= 1000;
        snprintf(ret, QUANTITY_TEXT_MAX, "%" PRIu64 "%s", milli, milli ? suffixes[i] : "");
}
