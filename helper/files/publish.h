/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VKS_HELPER_FILES_PUBLISH_H
#define VKS_HELPER_FILES_PUBLISH_H

#include <sys/types.h>

#include "common/base.h"

struct publish_file {
        const char *path; /* relative, without "..", not beginning with ".." */
        const void *data;
        size_t size;
        mode_t mode;
        gid_t group; /* 0: root's */
};

/*
 * Replaces the content of the directory `volume`, all at once, in the layout of the kubelet's atomic writer
 * (pkg/volume/util/atomic_writer.go), which programs that watch their files know: one directory per generation, the
 * link "..data" to the current one, and for each file a link through "..data".
 */
int publish(int volume, const struct publish_file *files, size_t n_files);

#endif
