/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod's resources are changed while it runs (pods/resize, KEP-1287). Only its CPU and memory can be, and by the API
 * server's rules never its class, and no request or limit is taken away. Pure.
 *
 *      the object asks for other resources -> granted if the node has them (admit_resize()), otherwise it waits
 *      granted -> the helper writes them down and has PID 1 apply them -> PID 1 says that it has them -> completed
 *
 * A container whose resizePolicy asks for a restart is begun anew instead, as for another image. What does not run is
 * begun with what the pod has by then.
 */
#ifndef VKS_AGENT_POD_RESIZE_H
#define VKS_AGENT_POD_RESIZE_H

#include "agent/pod/pod_state.h"

/* Does `asks`, another version of the pod `has`, ask for other resources? */
bool resize_is_asked(const struct pod *has, const struct pod *asks);

/* Gives the pod's object, a copy, the resources that `has` was granted. */
void resize_hold(cJSON *object, const struct pod *has);

/* The same out of the object's own status, for an agent that comes back. False: it has been granted what it asks for,
 * and the object stays as it is. */
bool resize_recall(cJSON *object);

/* `asks` waits for a verdict. */
void resize_wish(struct pod_state *s, const struct pod *has, const struct pod *asks, int64_t priority);

/* It asks for no more than it has: whatever it waited for. */
void resize_withdraw(struct pod_state *s);

/* Whose turn it is first (allocation_manager.go, sortPendingResizes()). */
int resize_order(const struct pod *a, const struct resize *of_a, const struct pod *b, const struct resize *of_b);

/* The wish is not granted now. True when that is news. */
bool resize_defer(struct pod_state *s, const char *why, uint64_t now);

/* It is granted: `has`, in the place of `had`. The wish is over. */
void resize_begin(struct pod_state *s, const struct pod *had, const struct pod *has, uint64_t now);

/* An agent that comes back takes up what `status` says is under way. */
void resize_adopt(struct pod_state *s, const struct pod *p, const cJSON *status, uint64_t now);

/*
 * Why it cannot be in effect now, in the kubelet's words, or NULL: memory that is in use already cannot be limited
 * away. `used`: bytes of each container, `all`: of the pod; UINT64_MAX: not told, for the kernel does not count. The
 * caller owns the text.
 */
char *resize_refusal(const struct pod *p, const struct pod_state *s, const uint64_t *used, uint64_t all);

/* Does its unit have to be resized? Not if it is begun anew for that, or was not written yet. */
bool resize_has_unit(const struct pod *p, const struct pod_state *s, size_t i);

/* Is what PID 1 was told in effect? True once, when all of it is. A container that has other limits than it was to
 * have makes it an error, which is tried again. */
bool resize_settle(const struct pod *p, struct pod_state *s, uint64_t now);

/* It has failed: tried again, later and later. True when that is news. */
bool resize_fail(struct pod_state *s, const char *why, uint64_t now);

/* The message of its events (pkg/kubelet/events/resize.go); the caller owns it. `error` may be NULL. */
char *resize_message(const struct pod *p, const char *head, int64_t generation, const char *error);

#endif
