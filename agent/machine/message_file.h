/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_AGENT_MACHINE_MESSAGE_FILE_H
#define VKS_AGENT_MACHINE_MESSAGE_FILE_H

#include "common/base.h"

enum { MESSAGE_FILE_MAX = 4096 }; /* the kubelet's pkg/kubelet/container, MaxContainerTerminationMessageLength */

/*
 * The end of the file in which a container has its termination message (common/message.h; `dir`: MESSAGE_DIR), as UTF-8
 * without a NUL; what is something else becomes "?". NULL when there is none: nothing was written, or not since
 * `since_usec` (microseconds since the epoch). A file that cannot be read is said to be so, as the kubelet does. The
 * container may write to the file meanwhile, and whatever it likes. The caller owns the text.
 */
char *message_file_read(const char *dir, const char *pod_uid, const char *container, uint64_t since_usec);

#endif
