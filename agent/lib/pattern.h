/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions that strangers write, sought in texts that strangers wrote: PCRE2, as journalctl --grep, with
 * bounds that no pattern gets past, for the event loop waits meanwhile. PCRE2's own limits hold for one place where a
 * match may begin; PATTERN_STEPS_MAX is for a text as a whole. A text is bytes, and case is ASCII's.
 */
#ifndef VKS_AGENT_LIB_PATTERN_H
#define VKS_AGENT_LIB_PATTERN_H

#include "common/err.h"

enum {
        PATTERN_MAX = 1024,         /* bytes of a pattern */
        PATTERN_DEPTH_MAX = 50,     /* of parentheses */
        PATTERN_STEPS_MAX = 200000, /* items of the pattern that are tried in one text: some milliseconds */
};

struct pattern;

/* -EINVAL says what is wrong with it, and where. */
int pattern_new(const char *text, bool ignore_case, struct pattern **ret, struct err *e);
struct pattern *pattern_free(struct pattern *p);
DEFINE_FREEP(struct pattern, pattern_free)

/* 1: it is found somewhere in the text, 0: nowhere, -E2BIG: that takes too long to tell. *ret_steps (may be NULL): how
 * many it took. */
int pattern_find(const struct pattern *p, const char *text, size_t size, unsigned *ret_steps);

#endif
