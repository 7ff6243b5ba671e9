/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the name of a Debian package file tells: <package>_<version>_<architecture>.deb (dpkg-name(1)). An image may be
 * the URL of such a file, so the name says which package that image means before anything has been fetched. Pure.
 */
#ifndef VKS_AGENT_POD_PACKAGE_FILE_H
#define VKS_AGENT_POD_PACKAGE_FILE_H

#include "common/ids.h"

/* Reads the file name between `s` and `end`. NULL: `name` and `version` are filled; otherwise what is wrong with the
 * file name, as the rest of a sentence. */
const char *package_file_name(const char *s, const char *end, char name[static ID_PACKAGE_MAX + 1],
                              char version[static ID_VERSION_MAX + 1]);

/* Is `installed` the version `told`, which was read from a file name? File names leave the epoch out. */
bool package_file_is(const char *told, const char *installed);

#endif
