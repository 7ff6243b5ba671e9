/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/health.h"

#include <poll.h>
#include <unistd.h>

#include "agent/stats/exposition.h"

struct check {
        const char *name, *trouble;
};

static const char *const names[HEALTH_CHECKS] = { "ping", "log", "syncloop" };

/* A journal that has gone leaves a broken stream. */
const char *health_of_log(void)
{
        struct pollfd p = { .fd = STDERR_FILENO };

        if (poll(&p, 1, 0) < 0 || p.revents & (POLLERR | POLLHUP | POLLNVAL))
                return "logging blocked";
        return NULL;
}

static bool is_excluded(const struct request *r, const char *name)
{
        for (size_t i = 0; i < r->n_query; i++)
                if (streq(r->query[i].name, "exclude") && streq(r->query[i].value, name))
                        return true;
        return false;
}

static int answer_one(const struct check *c, struct buf *ret)
{
        if (c->trouble)
                buf_printf(ret, "internal server error: %s\n", c->trouble);
        else
                buf_str(ret, "ok");
        return c->trouble ? 500 : 200;
}

static void count(struct health_count *c, bool good)
{
        if (!c)
                return;
        c->is_good = good;
        ++*(good ? &c->good : &c->bad);
}

/* Returns how many checks have failed. */
static size_t tell_each(const struct check *checks, size_t n, const struct request *r, struct health_counts *counts,
                        struct buf *ret)
{
        size_t failed = 0;

        for (size_t i = 0; i < n; i++) {
                if (is_excluded(r, checks[i].name)) {
                        buf_printf(ret, "[+]%s excluded: ok\n", checks[i].name);
                        continue;
                }
                count(counts ? &counts->of[i] : NULL, !checks[i].trouble);
                if (checks[i].trouble) {
                        buf_printf(ret, "[-]%s failed: reason withheld\n", checks[i].name);
                        failed++;
                } else {
                        buf_printf(ret, "[+]%s ok\n", checks[i].name);
                }
        }
        return failed;
}

static void tell_unknown(const struct check *checks, size_t n, const struct request *r, struct buf *ret)
{
        const char *between = "warn: some health checks cannot be excluded: no matches for ";

        for (size_t i = 0; i < r->n_query; i++) {
                bool known = !streq(r->query[i].name, "exclude");

                for (size_t k = 0; k < n; k++)
                        known |= streq(r->query[i].value, checks[k].name);
                if (known)
                        continue;
                buf_printf(ret, "%s\"%s\"", between, r->query[i].value);
                between = ",";
        }
        if (*between == ',')
                buf_char(ret, '\n');
}

int health_answer(const struct health *h, const struct request *r, struct buf *ret)
{
        const struct check checks[HEALTH_CHECKS] = {
                { names[0], NULL },
                { names[1], h->log },
                { names[2], h->syncloop },
        };
        const char *name = starts_with(r->path, "/healthz/") ? r->path + strlen("/healthz/") : "";
        size_t failed;

        for (size_t i = 0; i < ARRAY_LEN(checks); i++)
                if (streq(checks[i].name, name))
                        return answer_one(&checks[i], ret);
        failed = tell_each(checks, ARRAY_LEN(checks), r, h->counts, ret);
        tell_unknown(checks, ARRAY_LEN(checks), r, ret);
        if (failed) {
                buf_str(ret, "healthz check failed\n");
                return 500;
        }
        if (request_query(r, "verbose")) {
                buf_str(ret, "healthz check passed\n");
                return 200;
        }
        buf_reset(ret);
        buf_str(ret, "ok");
        return 200;
}

/* ---- /metrics/slis ----------------------------------------------------------------------------------------------- */

static const char last_result[] = "kubernetes_healthcheck", results[] = "kubernetes_healthchecks_total";

static void tell_count(const char *check, const char *status, uint64_t n, struct buf *ret)
{
        if (!n)
                return;
        buf_str(ret, results);
        exposition_label(ret, "{", "name", check);
        exposition_label(ret, ",", "status", status);
        exposition_label(ret, ",", "type", "healthz");
        buf_char(ret, '}');
        exposition_value(ret, number_of(n), 0);
}

void health_counts_text(const struct health_counts *c, struct buf *ret)
{
        exposition_head(ret, last_result, "gauge", "[STABLE] The last result of each check: 1 is well, 0 is not");
        for (size_t i = 0; i < HEALTH_CHECKS; i++) {
                if (!c->of[i].good && !c->of[i].bad)
                        continue;
                buf_str(ret, last_result);
                exposition_label(ret, "{", "name", names[i]);
                exposition_label(ret, ",", "type", "healthz");
                buf_char(ret, '}');
                exposition_value(ret, number_of(c->of[i].is_good), 0);
        }
        exposition_head(ret, results, "counter", "[STABLE] How often each check was made, by its result");
        for (size_t i = 0; i < HEALTH_CHECKS; i++) {
                tell_count(names[i], "success", c->of[i].good, ret);
                tell_count(names[i], "error", c->of[i].bad, ret);
        }
}
