/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that PID 1 makes for a unit and gives to its user as it starts: RuntimeDirectory=, StateDirectory=,
 * CacheDirectory= and LogsDirectory= (systemd.exec(5)). From then on that user decides what lies in them.
 */
#ifndef VKS_HELPER_TEXT_GIVEN_H
#define VKS_HELPER_TEXT_GIVEN_H

#include "common/err.h"
#include "helper/text/unit_file.h"

enum given_kind { GIVEN_RUNTIME, GIVEN_STATE, GIVEN_CACHE, GIVEN_LOGS, GIVEN_KINDS };

struct given_dir {
        enum given_kind kind;
        char *path; /* as the container sees it: /run/..., /var/lib/..., /var/cache/... or /var/log/... */
        bool fresh; /* an empty directory of the pod's own is bound over the machine's directory of that path */
        /* It lies in another one, or in a directory of somebody's. PID 1 would follow a way through what is a user's,
         * so it does not make it: who it is meant for does, in the container. given_of() says only the first of the
         * two. */
        bool inner;
};

struct given {
        size_t n;
        struct given_dir *dirs;
        bool roots; /* of those that PID 1 makes: nobody but root ever puts anything into them. given_of() says false */
};

/*
 * The directories of a unit, in the order of their kinds; `file` may be NULL. `fresh` is false in all of them. Pure.
 * Call given_done() on *ret. -EOPNOTSUPP: what PID 1 would make of a word cannot be told from the word (quotes,
 * escapes, specifiers, ".."). All that is known of a pod's ways is known by the paths that are said here, so each is
 * PID 1's own.
 */
int given_of(const struct unit_file *file, struct given *ret, struct err *e);
void given_done(struct given *g);

/* May others than root write to them where they are root's, and of group `gid`? Whichever of the kinds' modes PID 1 is
 * told (view_directories()). */
bool given_is_open(const struct unit_file *file, uint32_t gid);

/* "State" of StateDirectory=, and "STATE" of the variable STATE_DIRECTORY. */
const char *given_key(enum given_kind kind);
const char *given_variable(enum given_kind kind);

#endif
