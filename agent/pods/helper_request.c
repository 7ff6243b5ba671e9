/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/helper_request.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/times.h"
#include "agent/pods/pod_event.h"
#include "common/mem.h"

enum { RETRY_REFUSED_USEC = 20 * 1000 * 1000 }; /* the helper refused: policy, a full disk; an operator has to act */

struct request *request_new(struct pod_entry *e, size_t index, size_t room)
{
        struct request *rq = xcalloc(1, sizeof(*rq) + room * sizeof(size_t));

        rq->entry = e;
        rq->index = index;
        e->in_flight++;
        return rq;
}

/* The kubelet's word for it: what the pod asks for is wrong or not allowed, or it did not work out. */
static void set_reason(struct err *e, int error, const char *otherwise)
{
        if (!*e->reason)
                snprintf(e->reason, sizeof(e->reason), "%s",
                         error == -EINVAL || error == -EPERM ? "CreateContainerConfigError"
                         : error == -EAGAIN                  ? "ContainerCreating"
                                                             : otherwise);
}

/* Without a reply the helper could not be asked, which is temporary; with a reply it has refused, or said "later". */
uint64_t request_retry_at(int error, const Vks__Reply *reply, unsigned *failures)
{
        if (error == -EAGAIN)
                return time_now() + later_next(failures);
        return time_now() + backoff_next(failures, reply ? RETRY_REFUSED_USEC : RETRY_USEC);
}

/*
 * Says that a request has failed. "Later" is no failure: nothing was begun, and nobody has to do anything. It is told
 * when it has been so for a while.
 */
void request_tell_failed(struct pod_entry *e, const struct container *c, int error, unsigned failures,
                         const char *reason, const char *words, const char *text)
{
        if (error != -EAGAIN)
                pod_event(e, c, true, reason, "%s%s", words, text);
        else if (later_is_long(failures))
                pod_event(e, c, true, "Deferred", "this node will do it later: %s", text);
}

/* Keeps what the status is to show of it: of "later" nothing at first, either. */
void request_show_failure(struct kept_err *failure, int error, unsigned failures, const struct err *err,
                          const char *otherwise)
{
        struct err shown = *err;

        if (error == -EAGAIN && !later_is_long(failures)) {
                err_forget(failure);
                return;
        }
        set_reason(&shown, error, otherwise);
        err_keep(failure, &shown);
}

/* Takes the request; the entry, or NULL when nobody waits for the answer any more. */
struct pod_entry *request_answered(struct request *rq)
{
        struct pod_entry *e = rq->entry;

        if (!pod_entry_answered(e)) {
                free(rq);
                return NULL;
        }
        pod_mark(e);
        return e;
}
