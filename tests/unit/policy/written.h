/* SPDX-License-Identifier: Apache-2.0 */
/* A policy, and a container that it is asked about: `who` of struct written is what a unit of a package is that would
 * be root's. */
#ifndef VKS_TESTS_UNIT_POLICY_WRITTEN_H
#define VKS_TESTS_UNIT_POLICY_WRITTEN_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>

#include "common/mem.h"
#include "common/message.h"
#include "policy/policy.h"
#include "policy/policy_conf.h"
#include "policy/privilege.h"
#include "policy/rules.h"
#include "proto/verbs.h"

#define UID "0f6c2a9e-1234-4abc-8def-0123456789ab"

static UNUSED struct policy *conf(const char *text)
{
        struct policy *p = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(policy_parse("policy.conf", text, strlen(text), &p, &e), 0, "%s", e.text);
        return p;
}

static UNUSED Vks__Pod pod = { PROTOBUF_C_MESSAGE_INIT(&vks__pod__descriptor), .namespace_ = (char *)"default",
                               .name = (char *)"web", .uid = (char *)UID };

/* A copy of `one` in each of `n` places. */
static UNUSED void **times(size_t n, void *one)
{
        void **v = xcalloc(n, sizeof(*v));

        for (size_t i = 0; i < n; i++)
                v[i] = one;
        return v;
}

struct written {
        Vks__Container c;
        Vks__Volume v;
        Vks__HostPath h;
        Vks__EmptyDir d;
        Vks__Mount m;
        Vks__Env env;
        Vks__Id user, group;
        char *command[2], *args[1];
        struct privilege who; /* of a package's unit that is root's */
        char target[ID_PATH_MAX + 1];
        struct err e;
};

static UNUSED struct written container(void)
{
        struct written w = { .c = VKS__CONTAINER__INIT,
                             .v = VKS__VOLUME__INIT,
                             .h = VKS__HOST_PATH__INIT,
                             .d = VKS__EMPTY_DIR__INIT,
                             .m = VKS__MOUNT__INIT,
                             .env = VKS__ENV__INIT,
                             .user = VKS__ID__INIT,
                             .group = VKS__ID__INIT };

        w.c.name = (char *)"c", w.c.image = (char *)"nginx", w.c.package = (char *)"nginx-common",
        w.c.unit = (char *)"nginx.service";
        return w;
}

static UNUSED Vks__Volume volume_of(const char *name, Vks__Volume__SourceCase kind)
{
        Vks__Volume v = VKS__VOLUME__INIT;

        v.name = (char *)(uintptr_t)name;
        v.source_case = kind;
        return v;
}

static UNUSED Vks__Mount mount_at(const char *volume, const char *path, bool read_only)
{
        Vks__Mount m = VKS__MOUNT__INIT;

        m.volume = (char *)(uintptr_t)volume, m.path = (char *)(uintptr_t)path, m.read_only = read_only;
        return m;
}

static UNUSED int write_with(const char *text, struct written *w)
{
        CLEANUP(policy_freep) struct policy *p = conf(text);
        CLEANUP(op_write_done) struct op_write op = { 0 };
        Vks__Container *containers[] = { &w->c };
        Vks__Volume *volumes[] = { &w->v };
        Vks__Mount *mounts[] = { &w->m };
        Vks__Env *env[] = { &w->env };
        Vks__Write m = VKS__WRITE__INIT;
        int r;

        m.pod = &pod, m.containers = containers, m.n_containers = 1, m.volumes = volumes,
        m.n_volumes = w->v.name[0] != '\0';
        w->c.mounts = mounts, w->c.n_mounts = w->m.volume[0] != '\0';
        w->c.env = env, w->c.n_env = w->env.name[0] != '\0';
        w->c.command = w->command, w->c.n_command = w->command[0] ? w->command[1] ? 2 : 1 : 0;
        w->c.args = w->args, w->c.n_args = w->args[0] != NULL;
        r = policy_write(p, &m, &op, &w->e);
        if (r == 0) {
                const struct unit_rights unit = { .unit = w->c.unit[0] ? w->c.unit : NULL,
                                                  .package = w->c.package,
                                                  .user = { .name = "root", .known = true },
                                                  .root = true,
                                                  .bus = "",
                                                  .ambient = "" };
                const struct person fallback = { .name = "vks-pod", .known = true, .uid = 991, .gid = 992 },
                                    given = { 0 };

                r = policy_privilege(p, &op.containers[0], &unit, &given, &fallback, false, &w->who, &w->e);
                if (op.containers[0].n_mounts)
                        memcpy(w->target, op.containers[0].mounts[0].target, sizeof(w->target));
        }
        return r;
}

static UNUSED void expect_rule(const char *text, struct written *w, const char *rule)
{
        cr_assert_eq(write_with(text, w), -EPERM, "%s: %s", rule, w->e.text);
        cr_assert_str_eq(w->e.reason, rule);
        cr_assert(strstr(w->e.text, rule), "%s", w->e.text);
}

#endif
