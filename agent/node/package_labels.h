/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels by which a Node tells which packages are installed: PACKAGE_LABEL_PREFIX + name = version. By them
 * `kubectl get nodes -l` finds the machines that have a package, or lack it. An object cannot have a label for every
 * package, so only packages that bring a service have one, unless the operator names others.
 */
#ifndef VKS_AGENT_NODE_PACKAGE_LABELS_H
#define VKS_AGENT_NODE_PACKAGE_LABELS_H

#include <cjson/cJSON.h>

#include "agent/packages/packages.h"

#define PACKAGE_LABEL_PREFIX    "packages.vks.systemd.io/"
#define PACKAGE_LABELS_SERVICES "services" /* stands for every package that brings a service */

enum { PACKAGE_LABELS_MAX = 250, PACKAGE_LABEL_KEY_MAX = 24 + 63, PACKAGE_LABEL_VALUE_MAX = 63 };

/*
 * Makes the label of a package. Labels allow fewer characters than packages: in the name "+" is written "P"; in the
 * version ":", "~" and "+" are written "_", and only 63 characters are kept. False when the name is too long or does
 * not end in a letter or digit. Pure.
 */
bool package_label(const struct package *package, char key[PACKAGE_LABEL_KEY_MAX + 1],
                   char value[PACKAGE_LABEL_VALUE_MAX + 1]);

/* `which`: PACKAGE_LABELS_SERVICES and patterns of names, as in a shell; NULL: services. The caller owns the object. */
cJSON *package_labels(const struct packages *p, char *const *which);

#endif
