/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image.h"

#include <errno.h>
#include <stdio.h>

#include "agent/pod/package_file.h"
#include "common/mem.h"

static int invalid(struct err *e, const char *s, const char *why)
{
        return err_set(e, -EINVAL, "InvalidImageName", "image: \"%.200s\" %s", s, why);
}

static int parse_url(const char *s, struct image *ret, struct err *e)
{
        const char *end = s + strlen(s), *at = strstr(s, "@sha256:"), *file, *wrong;

        if (at) {
                if (!id_is_sha256(at + strlen("@sha256:")))
                        return invalid(e, s, "has a checksum that is not 64 lower-case hex digits");
                str_copy(ret->sha256, sizeof(ret->sha256), at + strlen("@sha256:"), end);
                end = at;
        }
        for (const char *p = s; p < end; p++)
                if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\'' || *p == '"' || *p == '\\')
                        return invalid(e, s, "has a character that no URL has");
        file = end;
        while (file > s && file[-1] != '/')
                file--;
        wrong = package_file_name(file, end, ret->name, ret->version);
        if (wrong)
                return invalid(e, s, wrong);
        ret->kind = IMAGE_URL;
        ret->url = s;
        ret->url_size = (size_t)(end - s);
        return 0;
}

int image_parse(const char *s, struct image *ret, struct err *e)
{
        const char *colon;

        *ret = (struct image){ 0 };
        if (!s || !*s)
                return err_set(e, -EINVAL, "InvalidImageName", "image: is empty");
        if (s[0] == '/') {
                if (!id_is_path(s) || s[1] == '\0')
                        return invalid(e, s, "is not a normalized absolute path");
                ret->kind = IMAGE_PATH;
                snprintf(ret->name, sizeof(ret->name), "%s", s);
                return 0;
        }
        if (starts_with(s, "deb://") || starts_with(s, "https://"))
                return parse_url(s, ret, e);

        ret->kind = IMAGE_PACKAGE;
        colon = strchr(s, ':');
        if (!str_copy(ret->name, ID_PACKAGE_MAX + 1, s, colon ? colon : s + strlen(s)) || !id_is_package(ret->name))
                return invalid(e, s, "is no name of a Debian package ([a-z0-9][a-z0-9+.-]+, then perhaps :version)");
        if (colon && !streq(colon + 1, "latest")) {
                if (!id_is_version(colon + 1))
                        return invalid(e, s, "has a tag that is no version of a Debian package");
                snprintf(ret->version, sizeof(ret->version), "%s", colon + 1);
        }
        return 0;
}

bool image_is(const struct image *image, const char *version)
{
        return !*image->version ||
               (image->kind == IMAGE_URL ? package_file_is(image->version, version) : streq(image->version, version));
}

bool image_same(const struct image *a, const struct image *b)
{
        return a->kind == b->kind && streq(a->name, b->name) && streq(a->version, b->version) &&
               streq(a->sha256, b->sha256) && a->url_size == b->url_size &&
               memcmp(a->url ? a->url : "", b->url ? b->url : "", a->url_size) == 0;
}
