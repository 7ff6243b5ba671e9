/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/vks/images.conf: which package, or which program of the machine's, stands for an image of a registry. Sections
 * whose heads are patterns of images, with `key = value` lines; packaging/images.conf and vks-images.conf(5) describe
 * them. Pure: text in, table out.
 *
 * Only the agent reads it, and it gives no right: root's policy is asked about the package or the program, as if the
 * pod had named that itself.
 */
#ifndef VKS_AGENT_POD_IMAGE_TABLE_H
#define VKS_AGENT_POD_IMAGE_TABLE_H

#include "agent/pod/image.h"
#include "common/err.h"

#define IMAGES_FILE "/etc/vks/images.conf"

enum { IMAGES_SIZE_MAX = 256 * 1024, IMAGE_PATTERNS_MAX = 2000 };

/* A directory of the image's, and where the package has what is in it. */
struct image_path {
        char *theirs, *ours;
};

struct image_row {
        unsigned line;          /* of its head */
        char **patterns;        /* in the form of image_reference_parse() */
        enum image_kind kind;   /* IMAGE_PACKAGE or IMAGE_PATH ... */
        char *name;             /* ... of that name, or at that path */
        enum image_rule rule;   /* between tag and package */
        char *version;          /* the very version that is installed; NULL: the rule's */
        char **command, **args; /* what the image's ENTRYPOINT and CMD are here; NULL: not said */
        char **options;         /* what args that begin with "-" stand behind; NULL: not said */
        char *working_dir;      /* of a command line that is not the daemon's own; NULL: not said */
        struct image_path *paths;
        size_t n_paths;
        char **ignored; /* names (patterns) of variables, and paths, that mean something to the image alone */
};

struct image_table;

/* Errors read "FILE:LINE: reason" and are -EINVAL. An empty text is a table without rows. The caller owns *ret. */
int image_table_parse(const char *file, const char *text, size_t size, struct image_table **ret, struct err *e);
struct image_table *image_table_free(struct image_table *t);
DEFINE_FREEP(struct image_table, image_table_free)

/* The file as it is; one that is not there is a table without rows. */
int image_table_read(const char *file, struct image_table **ret, struct err *e);

size_t image_table_count(const struct image_table *t);
const struct image_row *image_table_row(const struct image_table *t, size_t i);

/*
 * The first row that has a pattern for the image; NULL: none, and the image means what image_parse() says. `parsed` is
 * image_parse()'s of the same string: no row is asked about paths, URLs, what is no image at all, and a package's exact
 * version (image_is_exact()). `t` may be NULL.
 */
const struct image_row *image_table_find(const struct image_table *t, const char *image, const struct image *parsed);

/*
 * An image's name and tag, as registries understand them: "docker.io/library/redis" is "redis", and no tag is the tag
 * "latest", unless a digest stands in its place ("", then). The same is done to patterns, but that a pattern without a
 * tag is one for all. False when one of the two is too long.
 */
struct image_reference {
        char name[ID_PATH_MAX + 1];
        char tag[ID_VERSION_MAX + 1];
        bool tagged; /* a tag is written there */
};
bool image_reference_parse(const char *s, struct image_reference *ret);

#endif
