/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an `image:` means here:
 *
 *      nginx                        Debian package, its candidate version
 *      nginx:latest                 the same
 *      nginx:1.22.1-9+deb12u1       that version; an epoch follows the first colon ("bind9:1:9.18.28-1")
 *      https://host/path/n_1_amd64.deb, deb://...    a package file (deb:// means plain http). The file's name tells
 *                                   the package (before the first "_") and the version without its epoch (before the
 *                                   second). "@sha256:<64 hex digits>" may follow, and must if policy demands it
 *      /usr/bin/thing               a program that the machine has already; nothing is installed
 *
 * A valid reference to a registry's image that is none of these is IMAGE_FOREIGN: it cannot be installed here
 * (ErrImagePull), unless the operator's table has a package for it (image_table.h). Anything else is InvalidImageName.
 */
#ifndef VKS_AGENT_POD_IMAGE_H
#define VKS_AGENT_POD_IMAGE_H

#include "common/err.h"
#include "common/ids.h"

enum image_kind { IMAGE_PACKAGE, IMAGE_URL, IMAGE_PATH, IMAGE_FOREIGN, IMAGE_INVALID };

struct image {
        enum image_kind kind;
        char name[ID_PATH_MAX + 1];       /* package name, or the path: what names the unit */
        char version[ID_VERSION_MAX + 1]; /* "" : the candidate; for a URL: as its file name tells it */
        const char *url;                  /* IMAGE_URL: where it begins in the string that was parsed ... */
        size_t url_size;                  /* ... and how long it is, without the checksum */
        char sha256[65];                  /* "" when not given */
};

/*
 * -EINVAL with reason InvalidImageName, or ErrImagePull for IMAGE_FOREIGN; the kind is set even so. `ret->url` borrows
 * from `s`.
 */
int image_parse(const char *s, struct image *ret, struct err *e);

/*
 * Is it a package in a version of Debian's, with an epoch, a revision that begins with a digit ("1.22.1-9"), or a
 * character that no registry's tag has? Tags look otherwise ("7.2-alpine"), so nothing else can be meant.
 */
bool image_is_exact(const struct image *image);

/* How a registry's tag binds the version of the package that stands for the image. */
enum image_rule {
        IMAGE_RULE_ANY,   /* it does not */
        IMAGE_RULE_MAJOR, /* the first number is the same ("7.2": 7.0.15) */
        IMAGE_RULE_TAG,   /* all its numbers are ("7.2": 7.2.4); what follows them ("-alpine") says nothing */
};
extern const char *const image_rule_words[]; /* as they are written */
bool image_rule_allows(enum image_rule rule, const char *tag, const char *version);

/* Does the installed `version` of the image's package satisfy the image? */
bool image_is(const struct image *image, const char *version);

/* Do both images name the same package and version, and the same file if they are URLs? */
bool image_same(const struct image *a, const struct image *b);

#endif
