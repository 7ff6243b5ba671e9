/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/pattern.h"

#include <errno.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/log.h"
#include "common/mem.h"

enum {
        MATCH_MAX = 50000, /* calls of PCRE2's match() for one beginning; ".*x" takes one for each byte of a line */
        DEPTH_MAX = 50000,
        HEAP_MAX_KIB = 4096,
};

struct pattern {
        pcre2_code *code;
        pcre2_match_context *context;
};

/* Called before each item of the pattern that is tried (PCRE2_AUTO_CALLOUT). */
static int count(UNUSED pcre2_callout_block *block, void *userdata)
{
        unsigned *steps = userdata;

        return ++*steps > PATTERN_STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static void *must(void *p)
{
        if (!p) {
                log_error("out of memory");
                abort();
        }
        return p;
}

int pattern_new(const char *text, bool ignore_case, struct pattern **ret, struct err *e)
{
        CLEANUP(pattern_freep) struct pattern *p = NEW(struct pattern);
        pcre2_compile_context *limits = must(pcre2_compile_context_create(NULL));
        uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
        PCRE2_UCHAR why[128] = "";
        PCRE2_SIZE at;
        int error;

        pcre2_set_max_pattern_length(limits, PATTERN_MAX);
        pcre2_set_parens_nest_limit(limits, PATTERN_DEPTH_MAX);
        p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options | (ignore_case ? PCRE2_CASELESS : 0),
                                &error, &at, limits);
        pcre2_compile_context_free(limits);
        if (!p->code) {
                (void)pcre2_get_error_message(error, why, sizeof(why));
                return err_set(e, -EINVAL, NULL, "%s at byte %zu", (const char *)why, at);
        }
        p->context = must(pcre2_match_context_create(NULL));
        pcre2_set_match_limit(p->context, MATCH_MAX);
        pcre2_set_depth_limit(p->context, DEPTH_MAX);
        pcre2_set_heap_limit(p->context, HEAP_MAX_KIB);
        *ret = TAKE(p);
        return 0;
}

struct pattern *pattern_free(struct pattern *p)
{
        if (!p)
                return NULL;
        pcre2_match_context_free(p->context);
        pcre2_code_free(p->code);
        free(p);
        return NULL;
}

int pattern_find(const struct pattern *p, const char *text, size_t size, unsigned *ret_steps)
{
        pcre2_match_data *found = must(pcre2_match_data_create(1, NULL));
        unsigned steps = 0;
        int r;

        pcre2_set_callout(p->context, count, &steps);
        r = pcre2_match(p->code, (PCRE2_SPTR)text, size, 0, PCRE2_NO_JIT, found, p->context);
        pcre2_match_data_free(found);
        if (ret_steps)
                *ret_steps = steps;
        if (r == PCRE2_ERROR_NOMATCH)
                return 0;
        return r >= 0 ? 1 : -E2BIG; /* 0: there are parentheses that are of no interest */
}
