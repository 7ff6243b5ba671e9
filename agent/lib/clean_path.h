/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as people write them ("/etc//app/", "./data"), and as they are meant. */
#ifndef VKS_AGENT_LIB_CLEAN_PATH_H
#define VKS_AGENT_LIB_CLEAN_PATH_H

/* What is at `path` from / on, whether it begins there or not, as a container runtime takes a mountPath: without empty
 * parts and ".", and ".." takes the part before it away. The caller owns the result. */
char *path_clean(const char *path);

/* The same, but ".." stays, and so does a path that does not begin at /: whoever looks at the result refuses them. */
char *path_tidy(const char *path);

#endif
