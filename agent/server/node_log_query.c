/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/node_log_query.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/lib/go_quote.h"
#include "agent/lib/pattern.h"
#include "agent/lib/times.h"
#include "common/buf.h"
#include "common/mem.h"

/* All that is wrong is told at once, as Go's field.ErrorList has it: one in its own words, several in brackets. */
struct troubles {
        struct buf text;
        unsigned n;
};

static void begin(struct troubles *t, const char *field, const char *kind)
{
        buf_printf(&t->text, "%s%s: %s: ", t->n++ ? ", " : "", field, kind);
}

static void invalid(struct troubles *t, const char *field, const char *value, const char *why)
{
        begin(t, field, "Invalid value");
        quote_go(&t->text, value);
        buf_printf(&t->text, ": %s", why);
}

static void invalid_number(struct troubles *t, const char *field, int64_t value, const char *why)
{
        begin(t, field, "Invalid value");
        buf_printf(&t->text, "%lld: %s", (long long)value, why);
}

static int answer(struct troubles *t, int status, struct err *e)
{
        if (t->n == 0)
                return 0;
        err_set(e, -EINVAL, NULL, t->n > 1 ? "[%s]" : "%s", t->text.data);
        return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* An empty parameter is as none. */
static const char *given(const struct request *r, const char *name)
{
        const char *s = request_query(r, name);

        return s && *s ? s : NULL;
}

/* What Go's strconv.Atoi takes, in its words. */
static bool read_number(const struct request *r, const char *name, int64_t *ret, struct troubles *t)
{
        const char *s = given(r, name), *digits;
        CLEANUP(buf_done) struct buf why = BUF(SERVER_HEAD_MAX * 4);
        char *end;

        if (!s)
                return false;
        digits = s + (*s == '+' || *s == '-');
        errno = 0;
        *ret = strtoll(s, &end, 10);
        if (isdigit((unsigned char)*digits) && !*end && errno == 0)
                return true;
        buf_str(&why, "strconv.Atoi: parsing ");
        quote_go(&why, s);
        buf_str(&why, isdigit((unsigned char)*digits) && !*end ? ": value out of range" : ": invalid syntax");
        invalid(t, name, s, why.data);
        return false;
}

/* What lies before the epoch is the epoch, what lies behind the year 9999 its end. */
static bool read_time(const struct request *r, const char *name, uint64_t *ret, struct troubles *t)
{
        const char *s = given(r, name);
        int k;

        if (!s)
                return false;
        k = time_parse_rfc3339(s, ret);
        if (k == -EINVAL) {
                invalid(t, name, s, "invalid time format");
                return false;
        }
        if (k < 0)
                *ret = starts_with(s, "9999") ? UINT64_MAX - 1 : 0;
        return true;
}

static bool is_blank(const char *s)
{
        return !s[strspn(s, " \t\n\v\f\r")];
}

struct named { /* by parameters `query` */
        size_t n_services, n_files, n;
        const char *first_file;
};

/* A "/" or "\" makes it a file; what is blank is nothing. */
static void read_names(const struct request *r, struct node_log_query *q, struct named *named, struct troubles *t)
{
        for (size_t i = 0; i < r->n_query; i++) {
                const char *s = r->query[i].value;

                if (!streq(r->query[i].name, "query"))
                        continue;
                named->n++;
                if (strpbrk(s, "/\\")) {
                        if (named->n_files++ == 0)
                                named->first_file = s;
                } else if (!is_blank(s)) {
                        if (named->n_services < ARRAY_LEN(q->service))
                                q->service[named->n_services] = s;
                        named->n_services++;
                }
        }
        if (named->n && !named->n_files && !named->n_services)
                invalid(t, "query", request_query(r, "query"), "may not be empty");
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static bool is_safe_name(const char *s)
{
        for (; *s; s++)
                if (!isalnum((unsigned char)*s) && !strchr("-_.:@", *s))
                        return false;
        return true;
}

static void judge_services(const struct request *r, const struct named *named, struct troubles *t)
{
        for (size_t i = 0; i < r->n_query; i++) {
                const char *s = r->query[i].value;

                if (!streq(r->query[i].name, "query") || strpbrk(s, "/\\") || is_blank(s))
                        continue;
                if (strlen(s) > NODE_LOG_NAME_MAX)
                        invalid(t, "query", s, "length must be less than 256");
                else if (!is_safe_name(s))
                        invalid(t, "query", s, "input contains unsupported characters");
        }
        if (named->n_services > NODE_LOG_SERVICES_MAX) {
                begin(t, "query", "Too many");
                buf_printf(&t->text, "%zu: must have at most %d items", named->n_services, NODE_LOG_SERVICES_MAX);
        }
}

static void judge_names(const struct request *r, const struct node_log_query *q, const struct named *named,
                        struct troubles *t)
{
        judge_services(r, named, t);
        if (!named->n_files && !named->n_services) {
                begin(t, "query", "Required value");
                buf_str(&t->text, "cannot be empty with options");
        } else if (named->n_files && named->n_services) {
                invalid(t, "query", named->first_file, "cannot specify a file and service");
        } else if (named->n_files > 1) {
                invalid(t, "query", named->first_file, "cannot specify more than one file");
        } else if (named->n_files && q->has_options) {
                invalid(t, "query", named->first_file, "cannot specify file with options");
        }
}

static void judge_options(const struct request *r, const struct node_log_query *q, int64_t boot, struct troubles *t)
{
        const struct unit_log_options *o = &q->options;
        CLEANUP(pattern_freep) struct pattern *pattern = NULL;
        struct err e = ERR_NONE;

        if (o->since_usec > o->until_usec)
                invalid(t, "untilTime", given(r, "untilTime"), "must be after `sinceTime`");
        if (o->of_boot && boot > 0)
                invalid_number(t, "boot", boot, "must be less than 1");
        if (given(r, "tailLines") && (o->tail < 0 || o->tail > NODE_LOG_TAIL_MAX))
                invalid_number(t, "tailLines", o->tail, "must be between 0 and 100000, inclusive");
        if (o->pattern && pattern_new(o->pattern, false, &pattern, &e) < 0)
                invalid(t, "pattern", o->pattern, e.text);
}

int node_log_query_parse(const struct request *r, const char *path, struct node_log_query *ret, struct err *e)
{
        struct troubles t = { .text = BUF(SERVER_HEAD_MAX * 8) };
        struct named named = { 0 };
        int64_t boot = 0;
        int status;

        *ret = (struct node_log_query){ .options = { .until_usec = UINT64_MAX, .tail = -1 } };
        read_names(r, ret, &named, &t);
        ret->has_options |= read_time(r, "sinceTime", &ret->options.since_usec, &t);
        ret->has_options |= read_time(r, "untilTime", &ret->options.until_usec, &t);
        ret->options.of_boot = read_number(r, "boot", &boot, &t);
        ret->has_options |= ret->options.of_boot;
        ret->has_options |= read_number(r, "tailLines", &ret->options.tail, &t);
        ret->options.pattern = given(r, "pattern");
        ret->has_options |= ret->options.pattern != NULL;
        status = answer(&t, 400, e);
        ret->asked = named.n_services || named.n_files || ret->has_options;
        if (status == 0 && ret->asked && *path) {
                buf_str(&t.text, "path not allowed in query mode");
                t.n++;
        } else if (status == 0 && ret->asked) {
                judge_names(r, ret, &named, &t);
                judge_options(r, ret, boot, &t);
        }
        if (status == 0)
                status = answer(&t, 406, e);
        ret->options.boot = boot < -UNIT_LOG_BOOTS_MAX - 1 ? -UNIT_LOG_BOOTS_MAX - 1 : (int)boot;
        ret->n_services = named.n_services;
        ret->file = named.first_file;
        buf_done(&t.text);
        return status;
}

char *node_log_unit(const char *service)
{
        static const char *const kinds[] = { ".service", ".socket", ".device", ".mount", ".automount", ".swap",
                                             ".target",  ".path",   ".timer",  ".slice", ".scope" };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (ends_with(service, kinds[i]))
                        return xstrdup(service);
        return xasprintf("%s.service", service);
}
