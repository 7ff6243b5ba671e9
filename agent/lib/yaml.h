/* SPDX-License-Identifier: Apache-2.0 */
/* YAML (libyaml) into the one tree type, cJSON: for kubeconfig and the agent's config file. */
#ifndef VKS_AGENT_LIB_YAML_H
#define VKS_AGENT_LIB_YAML_H

#include <cjson/cJSON.h>

#include "common/err.h"

enum { YAML_SIZE_MAX = 4 * 1024 * 1024, YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 200000 };

/*
 * Parses one document; an empty one is null. Plain true/false/null/numbers are typed, everything else is a string
 * (YAML 1.2), except that 0644 is octal, as Kubernetes reads file modes. Refused, with the line: aliases, anchors,
 * tags, duplicate or non-string keys, integers beyond 2^53, more than the limits above. The caller owns *ret
 * (cJSON_Delete).
 */
int yaml_parse(const char *text, size_t size, cJSON **ret, struct err *e);

#endif
