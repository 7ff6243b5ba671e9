/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/health.h"

#include <poll.h>
#include <unistd.h>

struct check {
        const char *name, *trouble;
};

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

/* Returns how many checks have failed. */
static size_t tell_each(const struct check *checks, size_t n, const struct request *r, struct buf *ret)
{
        size_t failed = 0;

        for (size_t i = 0; i < n; i++) {
                if (is_excluded(r, checks[i].name)) {
                        buf_printf(ret, "[+]%s excluded: ok\n", checks[i].name);
                } else if (checks[i].trouble) {
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
        const struct check checks[] = { { "ping", NULL }, { "log", h->log }, { "syncloop", h->syncloop } };
        const char *name = starts_with(r->path, "/healthz/") ? r->path + strlen("/healthz/") : "";
        size_t failed;

        for (size_t i = 0; i < ARRAY_LEN(checks); i++)
                if (streq(checks[i].name, name))
                        return answer_one(&checks[i], ret);
        failed = tell_each(checks, ARRAY_LEN(checks), r, ret);
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
