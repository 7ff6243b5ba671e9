/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packages are installed (package_manager.h), and what a package is as an image: which of its units is the
 * daemon (unit_choose.c), and whether it keeps data under /var.
 */
#ifndef VKS_AGENT_PACKAGES_PACKAGES_H
#define VKS_AGENT_PACKAGES_PACKAGES_H

#include "agent/pod/image.h"
#include "agent/packages/package_manager.h"

struct packages;

/* `root` is put in front of every path ("" for the machine). Nothing is read yet. */
struct packages *packages_new(const char *root);
struct packages *packages_free(struct packages *p);
DEFINE_FREEP(struct packages, packages_free)

/* 1: the list was read (again); 0: nothing has changed, which costs one stat(); negative: it cannot be read, and
 * stays as it was. */
int packages_refresh(struct packages *p, struct err *e);

size_t packages_count(const struct packages *p);
size_t packages_memory(const struct packages *p); /* bytes held */
/* In the order of their names; borrowed until the next refresh. */
struct package packages_at(const struct packages *p, size_t i);

/* The installed package of that name (of the machine's own architecture where there are several). Borrowed until the
 * next refresh. */
bool packages_find(const struct packages *p, const char *name, struct package *ret);

/*
 * The sha256 of the file that an installed package came from. False when the package came from apt's sources, or was
 * unpacked again since helper/install.sh recorded the checksum (/var/lib/vks/installed).
 */
bool packages_sha256(const struct packages *p, const struct package *package, char ret[static 65]);

/* Is the package installed that the image names, in the version and (if the image has a checksum) from the file that
 * the image names? */
bool packages_has(const struct packages *p, const struct image *image, struct package *ret);

/* A package as an image. */
struct package_image {
        /* "": it has none, and the container must bring a command. May be an instance ("postgresql@15-main.service").
         */
        char unit[ID_UNIT_MAX + 1];
        char owner[ID_PACKAGE_MAX + 1]; /* the package that ships the unit: often another (nginx: nginx-common) */
        bool writes_var;                /* it keeps data under /var */
        /* No unit, but this package, which is not installed, has the daemon by its name. "": there is none. */
        char daemon[ID_PACKAGE_MAX + 1];
        /* No unit, but the package has a program of its name ("/bin/bash"), which is what somebody wants who asks for a
         * terminal and gives no command. "": it has none. */
        char program[ID_PACKAGE_MAX + sizeof("/usr/sbin/")];
        char why[640]; /* which rule chose the unit, or why there is none and what the user can do; for a person */
};

/*
 * 0; -ENOENT when the package is not installed; -ENOTUNIQ when no rule can choose among its units, the text has the
 * candidates. Answers are remembered until packages change.
 */
int packages_image(struct packages *p, const char *name, struct package_image *ret, struct err *e);

/*
 * The same when the pod names the unit itself (ANNOTATION_UNIT): a unit of the package, or of those that it pulls in
 * from the same source; or an instance of a template that they ship. -ENOENT also when none of them has this unit;
 * the text has the units that they have.
 */
int packages_image_unit(struct packages *p, const char *name, const char *unit, struct package_image *ret,
                        struct err *e);

/*
 * For each package, in the order of packages_at(): does it bring a service, itself or (unless it is a library) by one
 * of its package_list_related() packages? Reads the list of files of every package, which takes some milliseconds.
 */
void packages_services(const struct packages *p, bool *ret);

/* ---- the pure parts, for tests and fuzzers ----------------------------------------------------------------------- */

/* A service unit that a package ships: no template, no alias. */
struct unit_candidate {
        char name[ID_UNIT_MAX + 1];
        char owner[ID_PACKAGE_MAX + 1];
        bool own;                      /* shipped by the very package that was asked for */
        bool multi_user;               /* [Install] WantedBy= has multi-user.target or default.target */
        bool oneshot;                  /* Type=oneshot */
        bool umbrella;                 /* oneshot that runs nothing but true: its instances do the work */
        bool state;                    /* StateDirectory=, CacheDirectory= or LogsDirectory= */
        bool wanted;                   /* [Install] has a WantedBy= at all */
        char alias[ID_UNIT_MAX + 1];   /* the first Alias= */
        char starter[ID_UNIT_MAX + 1]; /* the timer, path, service or sleep target that starts it; "": nothing known */
        char pulls[400],
                after[400]; /* services that it wants or requires, and that it waits for: " a.service b.service " */
};

/*
 * Chooses the candidate that is the package's daemon: its index; -ENOTUNIQ when no rule can choose, -ENOENT when
 * something else (a timer, ...) starts each of them. *ret_why tells the rule.
 */
int unit_choose(const char *package, const struct unit_candidate *c, size_t n, const char **ret_why);

/* Sets `starter` of candidates that another candidate starts and that no [Install] wants. */
void unit_relate(struct unit_candidate *c, size_t n);

/* The service that the timer or path unit `name`, whose text this is, starts; false when it starts something else. */
bool starter_scan(const char *name, const char *text, size_t size, char ret[static ID_UNIT_MAX + 1]);

/* Fills in the fields of a candidate from its unit file's text. */
void unit_scan(const char *text, size_t size, struct unit_candidate *c);

/* Does a maintainer script, a tmpfiles.d file or a list of paths have data below /var that is the package's own? */
bool mentions_var(const char *text, size_t size);

#endif
