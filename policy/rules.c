/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "policy/path.h"

#define URL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/:._~+-"

int rule_refused(struct err *e, const char *rule, const char *fmt, ...)
{
        char words[ERR_TEXT_MAX / 2];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(words, sizeof(words), fmt, ap);
        va_end(ap);
        return err_set(e, -EPERM, rule, "policy rule %s: %s (see " POLICY_FILE ")", rule, words);
}

/* ---- the questions that rules answer ----------------------------------------------------------------------------- */

bool rule_matches(const struct policy_list *l, const char *s)
{
        for (size_t i = 0; i < l->n; i++)
                if (fnmatch(l->items[i].text, s, FNM_NOESCAPE) == 0)
                        return true;
        return false;
}

bool rule_in_ranges(const struct policy_list *l, uint32_t id)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].first <= id && id <= l->items[i].last)
                        return true;
        return false;
}

/*
 * Quotes and backslashes are not for paths that PID 1 mounts, however well a unit's text has them quoted: systemd 254
 * and later hand a unit's binds on to systemd-executor as words in which quotes are not escaped, and taken off there.
 * "/usr/\"libexec\"/vks" was mounted over /usr/libexec/vks (systemd 257, src/core/execute-serialize.c).
 */
bool rule_unit_path(const char *s)
{
        return id_is_path(s) && utf8_clean(s, strlen(s), "") && !strpbrk(s, UNIT_PATH_NEVER) && !ends_with(s, " ");
}

int rule_package(const struct policy *p, const char *field, const char *name, struct err *e)
{
        if (!id_is_package(name))
                return MALFORMED(e, "%s: \"%.80s\" is not the name of a Debian package", field, name);
        if (rule_matches(&p->deny_package, name) || streq(name, "vks")) /* no pod may have the rights of user vks */
                return rule_refused(e, "deny-package", "%s is denied", name);
        return rule_matches(&p->package, name) ? 0 : rule_refused(e, "package", "%s is not allowed", name);
}

/* Refuses characters and parts that mean something to a shell or to systemd, or that lead a server to another
 * file. */
int rule_url(const struct policy *p, const char *url, const char *sha256, struct err *e)
{
        const char *path = url + (starts_with(url, "deb://") ? 5 : starts_with(url, "https://") ? 7 : strlen(url));

        if (!id_is_path(path) || !ends_with(path, ".deb") || path[strspn(path, URL_CHARACTERS)] ||
            (sha256[0] && !id_is_sha256(sha256)))
                return MALFORMED(e,
                                 "url: \"%.200s\" is not a plain deb:// or https:// address of a .deb file, or its "
                                 "checksum is none",
                                 url);
        for (size_t i = 0; i < p->url.n; i++)
                if (path_is_in(url, p->url.items[i].text))
                        return sha256[0] || !p->url_needs_sha256
                                       ? 0
                                       : rule_refused(e, "url-needs-sha256", "%.200s has no @sha256:", url);
        return rule_refused(e, "url", "%.200s is not under an allowed prefix", url);
}

int rule_user(const struct policy *p, uint32_t uid, struct err *e)
{
        return rule_in_ranges(&p->user, uid) ? 0 : rule_refused(e, "user", "user %u is not allowed", uid);
}

/* ---- programs ---------------------------------------------------------------------------------------------------- */

/* Where each pod has directories of its own, to which it may write. */
static bool is_private(const char *path)
{
        static const char *const own[] = { "/run", "/var", "/tmp", "/dev/shm" };

        for (size_t i = 0; i < ARRAY_LEN(own); i++)
                if (path_is_in(path, own[i]))
                        return true;
        return false;
}

/* The innermost mount that `path` lies in: mounts are sorted, so it is the last of them. */
static const struct op_mount *mount_around(const struct op_container *k, const char *path)
{
        const struct op_mount *in = NULL;

        for (size_t i = 0; i < k->n_mounts; i++)
                if (path_is_in(path, k->mounts[i].target))
                        in = &k->mounts[i];
        return in;
}

void policy_plain_path(const char *path, char ret[static ID_PATH_MAX + 1])
{
        bool lock = path_is_in(path, "/var/lock"), run = path_is_in(path, "/var/run");

        snprintf(ret, ID_PATH_MAX + 1, "%s%s", lock ? "/run" : "", path + (lock || run ? strlen("/var") : 0));
}

enum policy_ground policy_ground(const struct op_container *k, const char *path)
{
        char plain[ID_PATH_MAX + 1];
        const struct op_mount *in;

        policy_plain_path(path, plain);
        in = mount_around(k, plain);
        if (in)
                return in->volume->kind == VOLUME_HOST ? GROUND_HOST_PATH : GROUND_VOLUME;
        return is_private(plain) ? GROUND_PRIVATE : GROUND_MACHINE;
}

/* A program on the machine, known by its path there. */
static int machine_program(const struct policy *p, const char *path, struct err *e)
{
        return rule_matches(&p->program, path)
                       ? 0
                       : rule_refused(
                                 e, "program",
                                 "%.200s is not allowed: it takes a line \"program = %.200s\", or a pattern that "
                                 "matches it; an interpreter that is allowed may run it (command: [/bin/sh, %.200s])",
                                 path, path, path);
}

int policy_program(const struct policy *p, const struct op_container *k, const char *path, struct err *e)
{
        CLEANUP(freep) char *on_machine = NULL;
        char plain[ID_PATH_MAX + 1];
        const struct op_mount *in;

        if (!rule_unit_path(path) || strpbrk(path, "$%; "))
                return MALFORMED(e, "command: \"%.200s\" is not a path that systemd can run", path);
        switch (policy_ground(k, path)) {
        case GROUND_MACHINE:
                return machine_program(p, path, e);
        case GROUND_HOST_PATH:
                policy_plain_path(path, plain);
                in = mount_around(k, plain);
                on_machine = xasprintf("%s%s", in->host_path, plain + strlen(in->target));
                return machine_program(p, on_machine, e) < 0 ? err_prefix(e, "command: %.200s: ", path) : 0;
        default:
                return rule_matches(&p->program, PROGRAM_OF_POD)
                               ? 0
                               : rule_refused(e, "program",
                                              "%.200s is not allowed, since it is the pod's own: it takes the word "
                                              "\"" PROGRAM_OF_POD
                                              "\" in a line \"program = ...\"; an interpreter that is "
                                              "allowed may run it (command: [/bin/sh, %.200s])",
                                              path, path);
        }
}

int policy_no_root_program(const char *path, struct err *e)
{
        return rule_refused(
                e, "program",
                "%.200s is the pod's own, and such a program does not run as root: it takes a runAsUser, or "
                "an interpreter that is allowed (command: [/bin/sh, %.200s])",
                path, path);
}

/* ---- words and numbers of a pod ---------------------------------------------------------------------------------- */

bool rule_of_services(const char *name)
{
        static const char *const names[] = { "HOSTNAME",         "KUBERNETES_*", "*_SERVICE_@(HOST|PORT)",
                                             "*_SERVICE_PORT_*", "*_PORT",       "*_PORT_*" };

        if (name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")]) /* BASH_FUNC_x%% is code, whatever x is */
                return false;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (fnmatch(names[i], name, FNM_EXTMATCH) == 0)
                        return true;
        return false;
}

bool rule_group(const struct policy *p, uint32_t gid)
{
        return rule_in_ranges(&p->group, gid) || (gid == 0 && p->root == POLICY_ROOT_ALLOW);
}
