/* SPDX-License-Identifier: Apache-2.0 */
/* `vks-agent image`: what a name means on this machine, and why. It reads files and changes nothing. */
#ifndef VKS_AGENT_PACKAGES_IMAGE_MAIN_H
#define VKS_AGENT_PACKAGES_IMAGE_MAIN_H

#include "agent/packages/packages.h"
#include "agent/pod/image_table.h"
#include "common/buf.h"

/* 0: it means something here; 1: a pod with that image would wait, or what is asked for cannot be read; 2: the command
 * line. */
int image_main(int argc, char **argv);

/*
 * For a person: what `image` means by the table, which was read from `file`. `packages` (NULL: not known) tells what is
 * installed. A negative errno when it means nothing here; the text says so, too.
 */
int image_explain(const struct image_table *t, const char *file, const char *image, struct packages *packages,
                  struct buf *ret);

#endif
