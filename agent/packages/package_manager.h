/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that the agent asks of the machine's package manager. Behind it stand dpkg (dpkg.c: what is installed) and
 * apt (apt.c: what an installation says). Another one, pacman say, is these functions once more in the place of those
 * two files, and what its package files are called (agent/pod/package_file.c). Root's part of it is helper/install.sh,
 * whose head has the contract, and helper/files/dpkg.h; names and versions have their alphabet in common/ids.h.
 * Versions are never put in order here, only compared for equality: which one is the newest the package manager knows.
 */
#ifndef VKS_AGENT_PACKAGES_PACKAGE_MANAGER_H
#define VKS_AGENT_PACKAGES_PACKAGE_MANAGER_H

#include <time.h>

#include "agent/lib/map.h"
#include "agent/packages/progress.h"
#include "common/err.h"
#include "common/ids.h"

/* ---- what is installed ------------------------------------------------------------------------------------------- */

struct package {
        const char *name, *version, *arch;
        const char *source;      /* what it was built from, together with others: often the same name */
        uint64_t installed_size; /* bytes */
};

/* All of it, kept small. Strings are borrowed until the next refresh. `root` is put in front of every path. Nothing is
 * read yet. */
struct package_list;
struct package_list *package_list_new(const char *root);
struct package_list *package_list_free(struct package_list *l);
DEFINE_FREEP(struct package_list, package_list_free)

/* 1: read (again); 0: nothing has changed, which costs one stat(); negative: cannot be read, what was known stays. */
int package_list_refresh(struct package_list *l, struct err *e);
size_t package_list_count(const struct package_list *l);
struct package package_list_at(const struct package_list *l, size_t i); /* in the order of strcmp() of their names */
size_t package_list_memory(const struct package_list *l);               /* bytes held */

/* Of the machine's own architecture where there are several. `ret` may be NULL. */
bool package_list_find(const struct package_list *l, const char *name, struct package *ret);

/*
 * The package, and behind it those that it needs, and these need, as far as they belong to it: of the same source, or
 * named after it (postgresql -> postgresql-15 -> postgresql-common). How many; 0 when it is not installed.
 */
size_t package_list_related(const struct package_list *l, const char *name, struct package *ret, size_t max);

/* Every path that it owns, and the units that its scripts made when it was installed for a pod (helper/install.sh). */
void package_list_files(const struct package_list *l, const struct package *p,
                        void (*each)(void *userdata, const char *path), void *userdata);

/* When these were unpacked last, be it the same version again: never the
 * same time twice. False when that is not known. */
bool package_list_unpacked(const struct package_list *l, const struct package *p, struct timespec *ret);

/* The text of what it runs behind its installation; empty where there is none. The caller calls map_done(). */
struct map package_list_script(const struct package_list *l, const struct package *p);

/* ---- installations ----------------------------------------------------------------------------------------------- */

/* Lines that helper/install.sh has printed. What one says of progress, and whether it tells why it fails; `goes_on`,
 * false at first, is kept between lines. */
void package_manager_progress(struct progress *p, const char *line);
bool package_manager_complains(const char *line, bool *goes_on);

/* Does it tell that a package needs nothing, since what is installed is its candidate? Which package, in which version.
 */
bool package_manager_newest(const char *line, char name[static ID_PACKAGE_MAX + 1],
                            char version[static ID_VERSION_MAX + 1]);

/* When the lists of what can be installed changed last; zero when there are none. */
struct timespec package_manager_lists(void);

#endif
