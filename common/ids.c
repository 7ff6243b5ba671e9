/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-written scanners, each beside the expression it means: untrusted names meet no regex engine. */
#include "common/ids.h"

#include <errno.h>
#include <stdio.h>

#include "common/buf.h"

#define EXEC_PREFIX "vks-exec-"

enum {
        UNIT_CUT = 200,   /* beyond this the pod's part of a unit name is cut; leaves room for ".service.d" */
        POD_PART_CUT = 64 /* what then remains of the pod's part, before ":" and the uid */
};

static bool is_lower(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
        return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_cntrl(char c)
{
        return (unsigned char)c < ' ' || c == 0x7f;
}

/* One label of `n` bytes: [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool label_n(const char *s, size_t n)
{
        if (n == 0 || n > ID_LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_lower(s[i]) && !is_digit(s[i]) && s[i] != '-')
                        return false;
        return true;
}

bool id_is_label(const char *s)
{
        return s && label_n(s, strnlen(s, ID_LABEL_MAX + 1));
}

bool id_is_name(const char *s)
{
        /* Labels of a name may be longer than 63 bytes; only their alphabet and ends are checked by Kubernetes. */
        size_t n = s ? strnlen(s, ID_NAME_MAX + 1) : 0;

        if (n == 0 || n > ID_NAME_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                bool edge = i == 0 || i == n - 1 || s[i - 1] == '.' || s[i + 1] == '.';
                if (s[i] == '.' ? edge : s[i] == '-' ? edge : !is_lower(s[i]) && !is_digit(s[i]))
                        return false;
        }
        return true;
}

bool id_is_uid(const char *s)
{
        static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        size_t n = s ? strnlen(s, ID_UID_MAX + 1) : 0;

        if (n != 32 && n != ID_UID_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if (n == 32 || pattern[i] == 'x' ? !is_hex(s[i]) : s[i] != '-')
                        return false;
        return true;
}

bool id_is_package(const char *s)
{
        size_t n = s ? strnlen(s, ID_PACKAGE_MAX + 1) : 0;

        if (n < 2 || n > ID_PACKAGE_MAX || (!is_lower(s[0]) && !is_digit(s[0])))
                return false;
        for (size_t i = 1; i < n; i++)
                if (!is_lower(s[i]) && !is_digit(s[i]) && !strchr("+.-", s[i]))
                        return false;
        return true;
}

bool id_is_version(const char *s)
{
        size_t n = s ? strnlen(s, ID_VERSION_MAX + 1) : 0;

        if (n == 0 || n > ID_VERSION_MAX || (!is_alpha(s[0]) && !is_digit(s[0])))
                return false;
        for (size_t i = 1; i < n; i++)
                if (!is_alpha(s[i]) && !is_digit(s[i]) && !strchr(".+:~-", s[i]))
                        return false;
        return s[n - 1] != '-' && s[n - 1] != '+';
}

bool id_is_sha256(const char *s)
{
        size_t n = s ? strnlen(s, 65) : 0;

        if (n != 64)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_hex(s[i]))
                        return false;
        return true;
}

bool id_is_env_name(const char *s)
{
        if (!s || !*s)
                return false;
        for (; *s; s++)
                if (*s < ' ' || *s > '~' || *s == '=')
                        return false;
        return true;
}

bool id_is_filename(const char *s)
{
        size_t n = s ? strnlen(s, 256) : 0;

        if (n == 0 || n > 255 || streq(s, ".") || streq(s, ".."))
                return false;
        for (size_t i = 0; i < n; i++)
                if (s[i] == '/' || is_cntrl(s[i]))
                        return false;
        return true;
}

bool id_is_path(const char *s)
{
        size_t n = s ? strnlen(s, ID_PATH_MAX + 1) : 0;

        if (n == 0 || n > ID_PATH_MAX || s[0] != '/')
                return false;
        if (n == 1)
                return true;
        for (const char *p = s; *p;) {
                const char *part = ++p;
                while (*p && *p != '/')
                        if (is_cntrl(*p++))
                                return false;
                size_t k = (size_t)(p - part);
                if (k == 0 || k > 255 || (k == 1 && part[0] == '.') || (k == 2 && part[0] == '.' && part[1] == '.'))
                        return false;
        }
        return true;
}

bool id_is_unit(const char *s)
{
        size_t n = s ? strnlen(s, ID_UNIT_MAX + 1) : 0;

        if (n <= strlen(".service") || n > ID_UNIT_MAX || s[0] == '.' || !ends_with(s, ".service"))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_alpha(s[i]) && !is_digit(s[i]) && !strchr(":_.\\@-", s[i]))
                        return false;
        return true;
}

int pod_id_parse(const char *namespace, const char *name, const char *uid, struct pod_id *ret, struct err *e)
{
        if (!id_is_label(namespace))
                return err_set(e, -EINVAL, NULL, "metadata.namespace: not a DNS label");
        if (!id_is_name(name))
                return err_set(e, -EINVAL, NULL, "metadata.name: not a DNS subdomain");
        if (!id_is_uid(uid))
                return err_set(e, -EINVAL, NULL, "metadata.uid: not a UUID");
        snprintf(ret->namespace, sizeof(ret->namespace), "%s", namespace);
        snprintf(ret->name, sizeof(ret->name), "%s", name);
        snprintf(ret->uid, sizeof(ret->uid), "%s", uid);
        return 0;
}

static void add_escaped(struct buf *b, const char *s)
{
        for (; *s; s++)
                if (is_alpha(*s) || is_digit(*s) || strchr(":_-", *s))
                        buf_char(b, *s);
                else
                        buf_printf(b, "\\x%02x", (unsigned char)*s);
}

/* No name ends in "-": what is in NAME-.service.d counts for every unit that begins so (systemd.unit(5)). */
static void add_tail(struct buf *b, const char *image, const char *container)
{
        buf_char(b, '.');
        add_escaped(b, image[0] == '/' ? image + 1 : image);
        if (b->len && b->data[b->len - 1] == '-') {
                b->len--;
                buf_str(b, "\\x2d");
        }
        if (container)
                buf_printf(b, ".%s", container);
        buf_str(b, ".service");
}

int unit_name(const struct pod_id *pod, const char *image, const char *container, char ret[ID_UNIT_MAX + 1],
              struct err *e)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        size_t pod_part;

        buf_printf(&b, "vks.%s.", pod->namespace);
        pod_part = b.len;
        add_escaped(&b, pod->name);
        add_tail(&b, image, container);
        if (b.len > UNIT_CUT) {
                buf_consume(&b, b.len);
                buf_printf(&b, "vks.%s.", pod->namespace);
                add_escaped(&b, pod->name);
                if (b.len > pod_part + POD_PART_CUT) {
                        b.len = pod_part + POD_PART_CUT;
                        while (b.len > pod_part && b.data[b.len - 1] != '\\' && b.len > pod_part + POD_PART_CUT - 4)
                                b.len--; /* never leave half an escape behind */
                        if (b.data[b.len - 1] == '\\')
                                b.len--;
                        else
                                b.len = pod_part + POD_PART_CUT;
                }
                buf_printf(&b, ":%.8s", pod->uid);
                add_tail(&b, image, container);
        }
        if (!buf_ok(&b) || b.len > ID_UNIT_MAX - 10)
                return err_set(e, -ENAMETOOLONG, "InvalidImageName", "image: \"%.80s...\" is too long to name a unit",
                               image);
        memcpy(ret, b.data, b.len + 1);
        return 0;
}

bool unit_name_is_ours(const char *unit)
{
        return unit && starts_with(unit, "vks.") && ends_with(unit, ".service");
}

void exec_unit_name(const char *uid, const char *container, const uint64_t *id, char ret[ID_UNIT_MAX + 1])
{
        char word[ID_LABEL_MAX + 1], number[17] = "";

        snprintf(word, sizeof(word), "%s", container);
        for (char *c = word; *c; c++)
                if (*c == '-')
                        *c = '_';
        if (id)
                snprintf(number, sizeof(number), "%016llx", (unsigned long long)*id);
        snprintf(ret, ID_UNIT_MAX + 1, EXEC_PREFIX "%s-%s-%s.service", uid, word, number);
}

bool unit_name_is_exec(const char *unit)
{
        return starts_with(unit, EXEC_PREFIX) && ends_with(unit, ".service");
}

void pod_slice_name(const char *uid, enum qos qos, char ret[ID_UNIT_MAX + 1])
{
        static const char *const class[] = {
                [QOS_CLASS_BEST_EFFORT] = "-besteffort",
                [QOS_CLASS_BURSTABLE] = "-burstable",
                [QOS_CLASS_GUARANTEED] = "",
        };

        snprintf(ret, ID_UNIT_MAX + 1, "kubepods%s-pod%s.slice", class[qos], uid);
        for (char *p = strstr(ret, "-pod") + 4; *p; p++)
                if (*p == '-')
                        *p = '_';
}
