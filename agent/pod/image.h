/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an `image:` means here:
 *
 *      nginx                        Debian package, its candidate version
 *      nginx:latest                 the same
 *      nginx:1.22.1-9+deb12u1       that version; an epoch follows the first colon ("bind9:1:9.18.28-1")
 *      deb://host/path/n_1_amd64.deb, https://...    a package file, deb:// over plain http; its name is what stands
 * before the first "_", its version (an epoch does not show) before the second; "@sha256:<64 hex digits>" may follow,
 * and must where the node's policy says so /usr/bin/thing               a program that is there; nothing is installed
 *
 * What is a valid reference to a registry's image and none of these is IMAGE_FOREIGN: nothing can be had for it here
 * (ErrImagePull). Anything else is InvalidImageName.
 */
#ifndef VKS_AGENT_POD_IMAGE_H
#define VKS_AGENT_POD_IMAGE_H

#include "common/err.h"
#include "common/ids.h"

enum image_kind { IMAGE_PACKAGE, IMAGE_URL, IMAGE_PATH, IMAGE_FOREIGN, IMAGE_INVALID };

struct image {
        enum image_kind kind;
        char name[ID_PATH_MAX + 1];       /* package name, or the path: what names the unit */
        char version[ID_VERSION_MAX + 1]; /* "" : the candidate; of a URL, what its file name tells */
        const char *url;                  /* IMAGE_URL: where it begins in the string that was parsed ... */
        size_t url_size;                  /* ... and how long it is, without the checksum */
        char sha256[65];                  /* "" when not given */
};

/*
 * -EINVAL with reason InvalidImageName, or ErrImagePull for IMAGE_FOREIGN; the kind is set even so. `ret->url` borrows
 * from `s`.
 */
int image_parse(const char *s, struct image *ret, struct err *e);

/* Is a package of that name, installed in this version, what the image asks for? */
bool image_is(const struct image *image, const char *version);

/* The same package, version and, if from a URL, the same file. */
bool image_same(const struct image *a, const struct image *b);

#endif
