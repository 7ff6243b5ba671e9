/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod's object as the API server has it, for those who ask the node for its pods (/pods). Of the status only what
 * the node does not say itself is kept: the node's own is told as it is at the moment of the question. Pure.
 */
#ifndef VKS_AGENT_POD_OBJECT_H
#define VKS_AGENT_POD_OBJECT_H

#include <cjson/cJSON.h>

#include "common/base.h"

/*
 * The text that is worth keeping: the object without managedFields and resourceVersion, which change with each status,
 * and without the status that status_build() makes. `over`: the pod's phase is final, and the node may have forgotten
 * what it was made of: the whole status is kept. The caller owns the text.
 */
char *object_text(const cJSON *object, bool over);

/*
 * That text made into a member of a PodList: with `version` for its resourceVersion ("": none), and with `status`,
 * which is taken over, laid over what was kept of the status (NULL: nothing is). The caller owns the result; NULL when
 * the text is none.
 */
cJSON *object_shown(const char *text, const char *version, cJSON *status);

#endif
