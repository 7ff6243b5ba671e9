/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that the agent asks of the machine's package manager. It is implemented for dpkg (dpkg.c: what is
 * installed) and apt (apt_output.c: what an installation prints). To support another one, pacman say, implement these
 * functions in place of those two files, and the names of its package files (agent/pod/package_file.c); and on root's
 * side helper/install.sh, whose head has the contract, and helper/files/dpkg.h. The alphabets of names and versions
 * are in common/ids.h. Versions are only compared for equality here: which one is newer only the package manager
 * knows.
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
        const char *source;      /* the source package that it was built from; often of the same name */
        uint64_t installed_size; /* bytes */
};

/* The list of all installed packages, kept small in memory. Strings are borrowed until the next refresh. `root` is
 * put in front of every path. package_list_new() reads nothing yet. */
struct package_list;
struct package_list *package_list_new(const char *root);
struct package_list *package_list_free(struct package_list *l);
DEFINE_FREEP(struct package_list, package_list_free)

/* 1: the list was read (again); 0: nothing has changed, which costs one stat(); negative: it cannot be read, and
 * stays as it was. */
int package_list_refresh(struct package_list *l, struct err *e);
size_t package_list_count(const struct package_list *l);
struct package package_list_at(const struct package_list *l, size_t i); /* in the order of strcmp() of their names */
size_t package_list_memory(const struct package_list *l);               /* bytes held */

/* Finds an installed package; of several architectures, that of the machine. `ret` may be NULL. */
bool package_list_find(const struct package_list *l, const char *name, struct package *ret);

/*
 * The package, followed by those of its dependencies, and of theirs, that belong to it: of the same source, or named
 * after it (postgresql -> postgresql-15 -> postgresql-common). Returns how many; 0 when the package is not installed.
 */
size_t package_list_related(const struct package_list *l, const char *name, struct package *ret, size_t max);

/* Calls `each` for every path that the package owns, and for the units that its scripts made when it was installed
 * for a pod (helper/install.sh). */
void package_list_files(const struct package_list *l, const struct package *p,
                        void (*each)(void *userdata, const char *path), void *userdata);

/* When the package was unpacked last. Unpacking it again, even in the same version, always changes the time. False
 * when it is not known. */
bool package_list_unpacked(const struct package_list *l, const struct package *p, struct timespec *ret);

/* The text of the script that the package runs after its installation (postinst); empty if it has none. The caller
 * calls map_done(). */
struct map package_list_script(const struct package_list *l, const struct package *p);

/* ---- installations ----------------------------------------------------------------------------------------------- */

/* Both read one line that helper/install.sh has printed: what it says of the progress; and whether it tells why the
 * installation fails. The caller keeps `goes_on`, false at first, from one line to the next. */
void package_manager_progress(struct progress *p, const char *line);
bool package_manager_complains(const char *line, bool *goes_on);

/* Does the line say that a package is installed in its candidate version already? Then `name` and `version` are
 * that. */
bool package_manager_newest(const char *line, char name[static ID_PACKAGE_MAX + 1],
                            char version[static ID_VERSION_MAX + 1]);

/* When the lists of what can be installed changed last; zero when there are none. */
struct timespec package_manager_lists(void);

#endif
