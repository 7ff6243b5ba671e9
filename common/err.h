/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error idiom, used everywhere: a function that can fail returns 0 (or a count) or a negative errno, and where
 * a person will read of the failure it takes a `struct err *` as its last argument. Whoever meets the error first
 * fills it; callers on the way up may add what they know in front (err_prefix). Nobody logs and returns: the
 * one who ends the error's journey logs it, or shows it in an event or a condition.
 */
#ifndef VKS_COMMON_ERR_H
#define VKS_COMMON_ERR_H

#include "common/base.h"

enum { ERR_REASON_MAX = 48, ERR_TEXT_MAX = 1024 };

struct err {
        int code;                    /* negative errno; 0 when nothing failed */
        char reason[ERR_REASON_MAX]; /* CamelCase, as Kubernetes has it (ErrImagePull, FailedMount); may be "" */
        char text[ERR_TEXT_MAX];     /* one sentence for a person, names the field; cut with "..." when too long */
};

#define ERR_NONE ((struct err){ 0 })

/* Fills `e` (which may be NULL) and returns `code`, so that `return err_set(...)` is the usual form. `reason` may be
 * NULL. */
int err_set(struct err *e, int code, const char *reason, const char *fmt, ...) PRINTF(4, 5);

/* As err_set, and appends ": " and the words of errno value -code. */
int err_errno(struct err *e, int code, const char *reason, const char *fmt, ...) PRINTF(4, 5);

/* Puts words in front of the text that is there. Returns e->code, or -EINVAL when `e` is NULL. */
int err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);

#endif
