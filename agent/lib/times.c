/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/times.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { USEC_PER_SEC = 1000 * 1000 };
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999, the last that can be printed */

static uint64_t usec_of(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t time_now(void)
{
        return usec_of(CLOCK_REALTIME);
}

uint64_t time_monotonic(void)
{
        return usec_of(CLOCK_MONOTONIC);
}

/* All of the date but the fraction and the "Z". */
static int print_seconds(uint64_t usec, char *buf, size_t size)
{
        time_t t = (time_t)(usec / USEC_PER_SEC);
        struct tm tm = { 0 };

        gmtime_r(&t, &tm); /* the years of 64 bits of microseconds always fit */
        return snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void time_rfc3339(uint64_t usec, char ret[32])
{
        size_t n = (size_t)print_seconds(usec, ret, 32);

        snprintf(ret + n, 32 - n, "Z");
}

void time_rfc3339_micro(uint64_t usec, char ret[40])
{
        size_t n = (size_t)print_seconds(usec, ret, 40);

        snprintf(ret + n, 40 - n, ".%06" PRIu64 "Z", usec % USEC_PER_SEC);
}

void time_rfc3339_nano(uint64_t usec, char ret[40])
{
        size_t n = (size_t)print_seconds(usec, ret, 40);

        snprintf(ret + n, 40 - n, ".%06" PRIu64 "000Z", usec % USEC_PER_SEC);
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Exactly `n` digits and, unless it is NUL, `after` behind them. */
static bool take_number(const char **s, int n, char after, int *ret)
{
        int v = 0;

        for (; n > 0; n--, (*s)++) {
                if (!is_digit(**s))
                        return false;
                v = v * 10 + (**s - '0');
        }
        *ret = v;
        if (after == '\0')
                return true;
        return *(*s)++ == after;
}

static bool take_fraction(const char **s, int64_t *ret)
{
        int64_t unit = USEC_PER_SEC / 10;

        *ret = 0;
        if (**s != '.')
                return true;
        (*s)++;
        if (!is_digit(**s))
                return false;
        for (; is_digit(**s); (*s)++, unit /= 10)
                *ret += (**s - '0') * unit;
        return true;
}

static bool take_offset(const char **s, int64_t *ret)
{
        int sign, hours, minutes;

        *ret = 0;
        if (**s == 'Z') {
                (*s)++;
                return true;
        }
        if (**s != '+' && **s != '-')
                return false;
        sign = *(*s)++ == '+' ? 1 : -1;
        if (!take_number(s, 2, ':', &hours) || !take_number(s, 2, '\0', &minutes) || hours > 23 || minutes > 59)
                return false;
        *ret = (int64_t)sign * (hours * 3600 + minutes * 60);
        return true;
}

static bool month_has_day(int year, int month, int day)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

int time_parse_rfc3339(const char *s, uint64_t *ret_usec)
{
        int year, month, day, hour, minute, second;
        int64_t fraction, offset, seconds;
        struct tm tm;

        if (!take_number(&s, 4, '-', &year) || !take_number(&s, 2, '-', &month) || !take_number(&s, 2, 'T', &day) ||
            !take_number(&s, 2, ':', &hour) || !take_number(&s, 2, ':', &minute) ||
            !take_number(&s, 2, '\0', &second) || !take_fraction(&s, &fraction) || !take_offset(&s, &offset) ||
            *s != '\0')
                return -EINVAL;
        if (!month_has_day(year, month, day) || hour > 23 || minute > 59 || second > 59)
                return -EINVAL;
        tm = (struct tm){ .tm_year = year - 1900,
                          .tm_mon = month - 1,
                          .tm_mday = day,
                          .tm_hour = hour,
                          .tm_min = minute,
                          .tm_sec = second };
        seconds = (int64_t)timegm(&tm) - offset;
        if (seconds < 0 || seconds > LAST_SECOND)
                return -ERANGE;
        *ret_usec = (uint64_t)(seconds * USEC_PER_SEC + fraction);
        return 0;
}
