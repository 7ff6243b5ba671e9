/* SPDX-License-Identifier: Apache-2.0 */
/* /configz: how the agent is configured, in the words of the kubelet's KubeletConfiguration (kubelet.config.k8s.io/
 * v1beta1). Only fields that hold here are in it: what vks does not have has no value. Pure. */
#ifndef VKS_AGENT_SERVER_CONFIGZ_H
#define VKS_AGENT_SERVER_CONFIGZ_H

#include "agent/config/config.h"

char *configz_text(const struct config *c); /* JSON; the caller owns it */

#endif
