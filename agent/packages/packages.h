/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is installed (package_manager.h), and what a package is as an image: its unit, and whether it keeps data under
 * /var.
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

/* 1: read (again); 0: nothing has changed, which costs one stat(); negative: cannot be read, what was known stays. */
int packages_refresh(struct packages *p, struct err *e);

size_t packages_count(const struct packages *p);
size_t packages_memory(const struct packages *p); /* bytes held */
/* In the order of their names; borrowed until the next refresh. */
struct package packages_at(const struct packages *p, size_t i);

/* The installed package of that name (of the machine's own architecture where there are several). Borrowed until the
 * next refresh. */
bool packages_find(const struct packages *p, const char *name, struct package *ret);

/*
 * The sha256 of the file that an installed package came from. False when it came from apt's sources, or was unpacked
 * again since the installer wrote it down (/var/lib/vks/installed).
 */
bool packages_sha256(const struct packages *p, const struct package *package, char ret[static 65]);

/* Is what the image names installed: the package, in the version and, where the image has a checksum, from the file
 * that it demands? */
bool packages_has(const struct packages *p, const struct image *image, struct package *ret);

/* A package as an image. */
struct package_image {
        /* "": it has none, and the container must bring a command. May be an instance ("postgresql@15-main.service").
         */
        char unit[ID_UNIT_MAX + 1];
        char owner[ID_PACKAGE_MAX + 1]; /* the package that ships the unit: often another (nginx: nginx-common) */
        bool writes_var;                /* it keeps data under /var */
        char why[640]; /* which rule chose, or why there is none and what to write then: for --dry-run and for messages
                        */
};

/*
 * 0; -ENOENT when the package is not installed; -ENOTUNIQ when no rule can choose among its units, the text has the
 * candidates. Answers are remembered until packages change.
 */
int packages_image(struct packages *p, const char *name, struct package_image *ret, struct err *e);

/*
 * The same when the pod names the unit itself: of the package, or of those it pulls in from the same source; the name
 * of an instance where they ship the template. -ENOENT too when none of them has it, and the text has those that they
 * have.
 */
int packages_image_unit(struct packages *p, const char *name, const char *unit, struct package_image *ret,
                        struct err *e);

/*
 * For each package, in the order of packages_at(): does it bring a service, itself or (unless it is a library) in a
 * package that belongs to it as an image? Reads what dpkg knows of every package's files: some milliseconds.
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
 * The one that is the package's daemon: an index; -ENOTUNIQ, or -ENOENT when something else starts each of them.
 * *ret_why tells the rule.
 */
int unit_choose(const char *package, const struct unit_candidate *c, size_t n, const char **ret_why);

/* Which of them are started by another one of them, without being wanted by anything themselves. */
void unit_relate(struct unit_candidate *c, size_t n);

/* The service that a timer or a path starts, out of the text of `name`; false when that is something else. */
bool starter_scan(const char *name, const char *text, size_t size, char ret[static ID_UNIT_MAX + 1]);

/* Reads what a candidate has to say out of a unit file's text. */
void unit_scan(const char *text, size_t size, struct unit_candidate *c);

/* Does a maintainer script, a tmpfiles.d file or a list of paths have data below /var that is the package's own? */
bool mentions_var(const char *text, size_t size);

#endif
