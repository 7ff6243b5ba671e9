/* SPDX-License-Identifier: Apache-2.0 */
/* A unit file as it is in force: with the drop-ins of packages, and those by which an administrator changes it
 * (systemd.unit(5), systemctl edit). */
#ifndef VKS_HELPER_TEXT_UNIT_LOAD_H
#define VKS_HELPER_TEXT_UNIT_LOAD_H

#include "helper/text/unit_file.h"

/*
 * Reads `path`, the file of unit `name`, and behind it its drop-ins in the order in which systemd reads them: by their
 * file names, and one in /etc instead of its namesake. An instance has those of its template, too. `root` is put in
 * front of every path ("" for the machine). The caller owns *ret.
 */
int unit_file_load(const char *root, const char *path, const char *name, struct unit_file **ret, struct err *e);

#endif
