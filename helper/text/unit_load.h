/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a unit file as it is in force: with the drop-ins of packages and of the administrator (systemd.unit(5),
 * systemctl edit). */
#ifndef VKS_HELPER_TEXT_UNIT_LOAD_H
#define VKS_HELPER_TEXT_UNIT_LOAD_H

#include "helper/text/unit_file.h"

/*
 * Reads `path`, the file of unit `name`, and then its drop-ins in the order in which systemd reads them: sorted by
 * file name; of two with the same name, only the one in /etc. An instance also has the drop-ins of its template.
 * `root` is put in front of every path ("" for the machine). The caller owns *ret.
 */
int unit_file_load(const char *root, const char *path, const char *name, struct unit_file **ret, struct err *e);

#endif
