/* SPDX-License-Identifier: Apache-2.0 */
/* The pods as those see them who ask the node (the kubelet API): one after the other, since all at once are much. */
#ifndef VKS_AGENT_PODS_SHOWN_H
#define VKS_AGENT_PODS_SHOWN_H

#include "agent/pods/pods.h"
#include "common/buf.h"

/* The uids of the pods that the API server, or a file, wants here; NULL-terminated, the caller owns them. Between two
 * questions any of them may go. */
char **shown_uids(struct pods *ps);

/* Appends the pod as JSON, a member of a PodList, with its status of this moment. False: there is none any more. */
bool shown_pod(struct pods *ps, const char *uid, struct buf *ret);

/* The same, but only what runs of it here: name, uid, and the containers with processes. False: nothing. */
bool shown_running(struct pods *ps, const char *uid, struct buf *ret);

#endif
