/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error that is kept for as long as what it tells of lasts. `struct err` has room for the longest text, and seven of
 * them for each pod would be a third of all memory that the agent needs. Zeroed memory keeps none.
 */
#ifndef VKS_AGENT_LIB_KEPT_ERR_H
#define VKS_AGENT_LIB_KEPT_ERR_H

#include "common/err.h"

struct kept_err {
        int code; /* as in struct err; 0: none is kept */
        char reason[ERR_REASON_MAX];
        char *words; /* owned; NULL: there are none. Read by kept_text() */
};

/* Keeps `e` in place of what was kept; ERR_NONE: nothing. */
void err_keep(struct kept_err *k, const struct err *e);

/* err_set() for an error that is kept. */
void err_keep_set(struct kept_err *k, int code, const char *reason, const char *fmt, ...) PRINTF(4, 5);

/* Keeps nothing any more; to be called before the memory goes. */
void err_forget(struct kept_err *k);

/* Its text, or "". Borrowed until something else is kept. */
const char *kept_text(const struct kept_err *k);

#endif
