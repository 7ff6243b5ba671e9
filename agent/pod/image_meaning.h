/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pod's images mean by the operator's table (image_table.h). Pure.
 *
 * Where a row stands for a container's image, the container becomes one of the row's package or program, with the
 * command line that it would have had of the image, by the rules of Kubernetes for `command` (ENTRYPOINT) and `args`
 * (CMD):
 *
 *      command of the pod's     that and its args, and nothing of the package's command line (but see below)
 *      args of the pod's        behind the row's command. Where the row has none, the image has no entry point, or a
 *                               script that runs what it is given: then args that begin with "-" stand behind the
 *                               row's options, or the first word of its args, or are the options of the package's
 *                               daemon; all others are the whole command line
 *      neither                  the row's command and args; without those the package's daemon
 *
 * A program that the row says no more about is the image's entry point.
 *
 * Where it has a command line of its own it begins in the row's working directory, unless the pod names one. What the
 * pod mounts at a path of the image's is mounted at the package's (`paths`), unless the pod's command or args name the
 * image's. A command of one word keeps the options of the package's daemon, as it does with any package.
 */
#ifndef VKS_AGENT_POD_IMAGE_MEANING_H
#define VKS_AGENT_POD_IMAGE_MEANING_H

#include "agent/pod/image_table.h"
#include "agent/pod/pod.h"

/* Gives the containers of a pod that was just parsed their meaning, and their units the names that follow from it. */
void image_meaning_apply(const struct image_table *t, struct pod *p);

/*
 * Moves the meaning of `was`, an earlier parse of the same container with the same image, to `now`. For a container
 * that has a unit: the table may have changed since, and counts for what is made anew. `was` has that of `now` then.
 */
void image_meaning_keep(struct container *now, struct container *was);

/* Does the package's installed version satisfy the row's rule? -ENOENT with ErrImagePull when not. */
int image_meaning_allows(const struct container *c, const char *version, struct err *e);

#endif
