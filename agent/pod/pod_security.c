/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_parse.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "common/mem.h"

#define ANNOTATION_ARMOR "container.apparmor.security.beta.kubernetes.io/" /* and the container's name */

void pod_check_non_root(struct pod *p, struct container *c)
{
        if (c->non_root && c->has_user && c->user == 0)
                pod_refuse(p, c, "CreateContainerConfigError",
                           "container's runAsUser breaks non-root policy (pod: \"%s_%s(%s)\", container: %s)",
                           p->id.name, p->id.namespace, p->id.uid, c->name);
}

/* A field of a securityContext that asks for something that vks does not give. procMount: /proc is the machine's, as
 * Unmasked has it, with what the kernel leaves to the container's user. */
static bool asks_in_vain(const cJSON *field)
{
        static const char *const honoured[] = {
                "runAsUser",
                "runAsGroup",
                "runAsNonRoot",
                "allowPrivilegeEscalation",
                "supplementalGroups",
                "fsGroup",
                "sysctls",
                "fsGroupChangePolicy",
                "readOnlyRootFilesystem",
                "procMount",
                "capabilities",
                "seccompProfile",
        };

        for (size_t i = 0; i < ARRAY_LEN(honoured); i++)
                if (streq(field->string, honoured[i]))
                        return false;
        return !cJSON_IsFalse(field) && !cJSON_IsNull(field) && !(cJSON_IsObject(field) && !field->child) &&
               !streq(cJSON_GetStringValue(field), "Merge"); /* supplementalGroupsPolicy */
}

/* How it was said before there was a field for it (until Kubernetes 1.30, whose API server makes the field out of it).
 */
static void parse_armor_annotation(struct pod *p, struct container *c, struct buf *ignored)
{
        for (size_t i = 0; i < p->n_annotations; i++) {
                const char *key = p->annotations[i].key, *value = p->annotations[i].value;

                if (!starts_with(key, ANNOTATION_ARMOR) || !streq(key + strlen(ANNOTATION_ARMOR), c->name))
                        continue;
                pod_ignore(ignored, "annotation container.apparmor.security.beta.kubernetes.io");
                if (starts_with(value, "localhost/"))
                        pod_refuse(p, c, "CreateContainerError",
                                   "annotation " ANNOTATION_ARMOR
                                   "%s: profile \"%.100s\" cannot be loaded: a program has the profile that the "
                                   "machine has for it",
                                   c->name, value + strlen("localhost/"));
        }
}

void pod_parse_security(struct pod *p, struct container *c, const cJSON *pod_context, const cJSON *context,
                        struct buf *ignored)
{
        const cJSON *both[] = { pod_context, context }, *item;
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(both); i++) { /* the container's own wins, so it comes last */
                int64_t user = json_int(both[i], "runAsUser", -1), group = json_int(both[i], "runAsGroup", -1);
                if (user >= 0 && user < UINT32_MAX)
                        c->has_user = true, c->user = (uint32_t)user;
                if (group >= 0 && group < UINT32_MAX)
                        c->has_group = true, c->group = (uint32_t)group;
                c->non_root = json_bool(both[i], "runAsNonRoot", c->non_root);
                cJSON_ArrayForEach (item, both[i]) {
                        char field[96];
                        snprintf(field, sizeof(field), "securityContext.%.60s", item->string);
                        if (asks_in_vain(item))
                                pod_ignore(ignored, field);
                }
        }
        if (sandbox_parse(pod_context, context, &c->sandbox, &e) < 0)
                pod_refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        if (!json_get(pod_context, "appArmorProfile") && !json_get(context, "appArmorProfile"))
                parse_armor_annotation(p, c, ignored);
        pod_check_non_root(p, c);
}

/* All volumes that vks makes are empty when they are, so it is all the same when their owner changes
 * (fsGroupChangePolicy). */
void pod_parse_groups(struct pod *p, const cJSON *context)
{
        const cJSON *groups = json_get(context, "supplementalGroups"), *item;
        int64_t fs_group = json_int(context, "fsGroup", -1);

        p->groups = xcalloc(json_len(groups) + 1, sizeof(*p->groups));
        if (fs_group >= 0 && fs_group < UINT32_MAX) {
                p->has_fs_group = true;
                p->fs_group = (uint32_t)fs_group;
                p->groups[p->n_groups++] = p->fs_group;
        }
        cJSON_ArrayForEach (item, groups)
                if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < UINT32_MAX)
                        p->groups[p->n_groups++] = (uint32_t)item->valuedouble;
}
