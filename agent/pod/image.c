/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image.h"

#include <errno.h>
#include <stdio.h>

#include "agent/pod/package_file.h"
#include "common/mem.h"

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static int invalid(struct err *e, const char *s, const char *why)
{
        return err_set(e, -EINVAL, "InvalidImageName", "image: \"%.200s\" %s", s, why);
}

/* A name component of a reference (github.com/distribution/reference): [a-z0-9]+, joined by ".", "_", "__" or dashes.
 */
static const char *skip_component(const char *s)
{
        static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t n = strspn(s, alnum), joint;

        while (n) {
                s += n;
                joint = *s == '.' ? 1 : strspn(s, *s == '-' ? "-" : "_");
                n = joint && (*s != '_' || joint <= 2) ? strspn(s + joint, alnum) : 0;
                s += n ? joint : 0;
        }
        return s;
}

/* host[:port], where it is one: it has a dot or a port, or is localhost. */
static const char *skip_host(const char *s)
{
        const char *slash = strchr(s, '/'), *port = slash ? memchr(s, ':', (size_t)(slash - s)) : NULL;
        const char *end = port ? port : slash;

        if (!slash || !(port || memchr(s, '.', (size_t)(slash - s)) || starts_with(s, "localhost/")))
                return s;
        for (const char *p = s; p < end; p++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *p) ||
                    starts_with(p, ".."))
                        return s;
        if (end == s || strchr(".-", *s) || strchr(".-", end[-1]) ||
            (port && (port + 1 == slash || port + 1 + strspn(port + 1, "0123456789") != slash)))
                return s;
        return slash + 1;
}

/* A registry's image, as the kubelet and its runtimes take one: [host/]path[:tag][@sha256:digest]. */
static bool is_reference(const char *s)
{
        const char *p = skip_host(s), *next;
        size_t n;

        for (;; p = next + 1) {
                next = skip_component(p);
                if (next == p)
                        return false;
                if (*next != '/')
                        break;
        }
        p = next;
        if (*p == ':') {
                n = strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
                if (n == 0 || n > 128 || p[1] == '.' || p[1] == '-')
                        return false;
                p += 1 + n;
        }
        return *p == '\0' || (starts_with(p, "@sha256:") && id_is_sha256(p + strlen("@sha256:")));
}

static int foreign(struct image *ret, const char *s, struct err *e)
{
        ret->kind = IMAGE_FOREIGN;
        return err_set(
                e, -EINVAL, "ErrImagePull",
                "image: \"%.200s\" is in a registry, and this node runs no containers: an image is a Debian package "
                "here (\"nginx\", \"nginx:1.22.1-9\"), a program of the node (\"/usr/bin/thing\"), the URL of a "
                "package file, or a name that /etc/vks/images.conf has, where this one is missing",
                s);
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
        while (file[-1] != '/') /* "://" has one at least */
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

        *ret = (struct image){ .kind = IMAGE_INVALID };
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

        colon = strchr(s, ':');
        if (!str_copy(ret->name, ID_PACKAGE_MAX + 1, s, colon ? colon : s + strlen(s)) || !id_is_package(ret->name)) {
                if (is_reference(s))
                        return foreign(ret, s, e);
                return invalid(e, s, "is no name of a Debian package ([a-z0-9][a-z0-9+.-]+, then perhaps :version)");
        }
        if (colon && !streq(colon + 1, "latest")) {
                if (!id_is_version(colon + 1)) {
                        if (is_reference(s))
                                return foreign(ret, s, e);
                        return invalid(e, s, "has a tag that is no version of a Debian package");
                }
                snprintf(ret->version, sizeof(ret->version), "%s", colon + 1);
        }
        ret->kind = IMAGE_PACKAGE;
        return 0;
}

bool image_is_exact(const struct image *image)
{
        const char *dash = strrchr(image->version, '-');

        return image->kind == IMAGE_PACKAGE && is_digit(*image->version) &&
               (strpbrk(image->version, ":+~") || (dash && is_digit(dash[1])));
}

const char *const image_rule_words[] = {
        [IMAGE_RULE_ANY] = "any",
        [IMAGE_RULE_MAJOR] = "major",
        [IMAGE_RULE_TAG] = "tag",
};

/* The number at *s, without leading zeros, and what separates it from the next one taken off; "" at the end. */
static size_t next_number(const char **s, const char **ret)
{
        size_t n;

        *s += strspn(*s, "0");
        *ret = *s - (is_digit(**s) ? 0 : 1); /* a zero alone stays one */
        n = strspn(*ret, "0123456789");
        *s = *ret + n;
        if (**s == '.' && is_digit((*s)[1]))
                ++*s;
        return n;
}

bool image_rule_allows(enum image_rule rule, const char *tag, const char *version)
{
        const char *epoch = strchr(version, ':'), *want = tag + (*tag == 'v'), *have = epoch ? epoch + 1 : version;

        while (rule != IMAGE_RULE_ANY && is_digit(*want)) {
                const char *wanted, *had;
                size_t n = next_number(&want, &wanted);

                if (!is_digit(*have) || next_number(&have, &had) != n || memcmp(wanted, had, n) != 0)
                        return false;
                if (rule == IMAGE_RULE_MAJOR)
                        break;
        }
        return true;
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
