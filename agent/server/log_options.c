/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/container_log.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/lib/times.h"

/* What Go's strconv.ParseBool takes. */
static int parse_bool(const char *s, bool *ret)
{
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" }, *const no[] = { "0",     "f",
                                                                                                    "F",     "false",
                                                                                                    "FALSE", "False" };

        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                if (streq(s, yes[i]) || streq(s, no[i])) {
                        *ret = streq(s, yes[i]);
                        return 0;
                }
        }
        return -EINVAL;
}

/* What Go's strconv.ParseInt takes, base 10 and 64 bits: strtoll would take leading blanks too. */
static int parse_int(const char *s, int64_t *ret)
{
        const char *digits = s + (*s == '+' || *s == '-');
        char *end;
        long long v;

        if (*digits < '0' || *digits > '9')
                return -EINVAL;
        errno = 0;
        v = strtoll(s, &end, 10);
        if (errno != 0 || *end)
                return -EINVAL;
        *ret = v;
        return 0;
}

/* A parameter that is not there leaves *ret as it is. */
static int get_bool(const struct request *r, const char *name, bool *ret, struct err *e)
{
        const char *s = request_query(r, name);

        if (!s || parse_bool(s, ret) == 0)
                return 0;
        return err_set(e, -EINVAL, NULL, "%s: \"%s\" is neither true nor false", name, s);
}

static int get_int(const struct request *r, const char *name, int64_t least, int64_t *ret, struct err *e)
{
        const char *s = request_query(r, name);
        int64_t v;

        if (!s)
                return 0;
        if (parse_int(s, &v) < 0)
                return err_set(e, -EINVAL, NULL, "%s: \"%s\" is no number", name, s);
        if (v < least)
                return err_set(e, -ERANGE, NULL, "%s: must be at least %lld", name, (long long)least);
        *ret = v;
        return 0;
}

static int get_since(const struct request *r, uint64_t now_usec, uint64_t *ret, struct err *e)
{
        const char *time = request_query(r, "sinceTime");
        int64_t seconds = 0;
        int k = get_int(r, "sinceSeconds", 1, &seconds, e);

        if (k < 0)
                return k;
        if (seconds > 0 && time)
                return err_set(e, -ERANGE, NULL, "sinceTime: cannot be given together with sinceSeconds");
        if (seconds > 0) {
                uint64_t ago = (uint64_t)seconds > UINT64_MAX / 1000000 ? UINT64_MAX : (uint64_t)seconds * 1000000;

                *ret = ago < now_usec ? now_usec - ago : 0;
        } else if (time) {
                k = time_parse_rfc3339(time, ret);
                if (k == -EINVAL) /* before the epoch is from the start */
                        return err_set(e, k, NULL, "sinceTime: \"%s\" is no RFC 3339 time", time);
        }
        return 0;
}

int log_options_parse(const struct request *r, uint64_t now_usec, struct log_options *ret, struct err *e)
{
        struct log_options o = { .tail = -1, .limit_bytes = -1 };
        const char *stream = request_query(r, "stream");
        bool ignored;
        int k;

        if ((k = get_bool(r, "follow", &o.follow, e)) < 0 || (k = get_bool(r, "previous", &o.previous, e)) < 0 ||
            (k = get_bool(r, "timestamps", &o.timestamps, e)) < 0 ||
            (k = get_bool(r, "insecureSkipTLSVerifyBackend", &ignored, e)) < 0 ||
            (k = get_int(r, "tailLines", 0, &o.tail, e)) < 0 ||
            (k = get_int(r, "limitBytes", 1, &o.limit_bytes, e)) < 0 ||
            (k = get_since(r, now_usec, &o.since_usec, e)) < 0)
                return k;
        if (stream && !streq(stream, "All"))
                return err_set(
                        e, streq(stream, "Stdout") || streq(stream, "Stderr") ? -EINVAL : -ERANGE, NULL,
                        "stream: only All can be had, the journal keeps standard output and error as one stream");
        *ret = o;
        return 0;
}
