/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The termination message of a container: a file of root's that START makes anew, MESSAGE_DIR/UID.CONTAINER, is bound
 * into the container, whose processes write to it whatever their user is. When the container has ended, the agent reads
 * the file's end. MESSAGE_DIR is a tmpfs of a bounded size (run-vks-messages.mount) that only root and group vks enter,
 * so a container reaches its own file alone, and can neither replace nor remove it.
 */
#ifndef VKS_COMMON_MESSAGE_H
#define VKS_COMMON_MESSAGE_H

#define MESSAGE_DIR  "/run/vks/messages"
#define MESSAGE_PATH "/dev/termination-log" /* Kubernetes' default of terminationMessagePath */

#endif
