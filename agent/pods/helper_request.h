/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod's request on its way to the helper, and what is common to all answers: whether anybody still waits for it, when
 * to try again what has failed, and what a person reads of it.
 */
#ifndef VKS_AGENT_PODS_HELPER_REQUEST_H
#define VKS_AGENT_PODS_HELPER_REQUEST_H

#include "agent/pods/pod_entry.h"

/* Before the first try again; later ones wait longer and longer (backoff_next()). */
enum {
        RETRY_SOON_USEC = 200 * 1000, /* the unit had not ended yet */
        RETRY_USEC = 1000 * 1000,     /* the helper exited before it answered, the API server was away */
};

struct request {
        struct pod_entry *entry;
        size_t index; /* of the volume or the container */
        uint64_t hash;
        size_t n_units;
        size_t units[]; /* containers of a START or a STOP */
};

/* With room for so many `units`. It is freed by who takes the answer. */
struct request *request_new(struct pod_entry *e, size_t index, size_t room);

/* The answer is there: the entry, which is marked; or NULL when nobody waits for the answer any more, and then the
 * request is freed. */
struct pod_entry *request_answered(struct request *rq);

/* When to ask again, in microseconds of time_now(); counts the failure. */
uint64_t request_retry_at(int error, const Vks__Reply *reply, unsigned *failures);

/*
 * Says in an event that a request has failed, `words` before `text`. "Later" is no failure: nothing was begun, and
 * nobody has to do anything. It is told when it has been so for a while.
 */
void request_tell_failed(struct pod_entry *e, const struct container *c, int error, unsigned failures,
                         const char *reason, const char *words, const char *text);

/* Keeps what the status is to show of it, with the reason `otherwise` where the error has none and its kind says none:
 * of "later" nothing at first, either. */
void request_show_failure(struct kept_err *failure, int error, unsigned failures, const struct err *err,
                          const char *otherwise);

#endif
