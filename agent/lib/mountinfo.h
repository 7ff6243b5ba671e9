/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted, from the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Pure. */
#ifndef VKS_AGENT_LIB_MOUNTINFO_H
#define VKS_AGENT_LIB_MOUNTINFO_H

#include <stdbool.h>

#define MOUNTINFO_PATH "/proc/self/mountinfo" /* what the agent sees */

enum { MOUNTINFO_MAX = 16 * 1024 * 1024 }; /* bytes of it; a machine with more is not looked at */

struct mountinfo {
        char *device;        /* "MAJOR:MINOR"; MAJOR is 0 where there is no block device */
        char *root, *at;     /* what of the filesystem is mounted, and where */
        char *type, *source; /* of the filesystem: "nfs4", "host:/x" */
};

/* Reads the next line that makes sense; *text is behind it then. False: there is none, and nothing in *ret. What was
 * in *ret is freed first: begin with zeros. */
bool mountinfo_next(const char **text, struct mountinfo *ret);
void mountinfo_done(struct mountinfo *m);

#endif
