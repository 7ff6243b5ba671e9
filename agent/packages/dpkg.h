/* SPDX-License-Identifier: Apache-2.0 */
/* The pure half of dpkg.c, for tests and fuzzers. */
#ifndef VKS_AGENT_PACKAGES_DPKG_H
#define VKS_AGENT_PACKAGES_DPKG_H

#include "agent/packages/package_manager.h"

/* Calls `each` for every installed package of a dpkg status file's text. `package`'s strings live for the call;
 * `offset` is where its paragraph begins. */
void status_scan(const char *text, size_t size,
                 void (*each)(void *userdata, const struct package *package, size_t offset), void *userdata);

#endif
