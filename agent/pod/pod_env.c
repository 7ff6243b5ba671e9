/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_parse.h"

#include "agent/lib/json.h"
#include "common/mem.h"

static bool reference(const cJSON *o, struct env_var *v, enum source_kind kind)
{
        if (!cJSON_IsObject(o))
                return false;
        v->kind = kind;
        v->object = xstrdup(json_str(o, "name"));
        v->text = xstrdup(json_str(o, "key"));
        v->optional = json_bool(o, "optional", false);
        return true;
}

void pod_resource_reference(const cJSON *o, char **ret_container, char **ret_field, char **ret_divisor)
{
        const char *container = json_str(o, "containerName"), *field = json_str(o, "resource");

        *ret_container = container && *container ? xstrdup(container) : NULL;
        *ret_field = xstrdup(field ? field : "");
        *ret_divisor = xstrdup(json_str(o, "divisor"));
}

void pod_parse_env(struct pod *p, struct container *c, const cJSON *spec)
{
        const cJSON *from = json_get(spec, "envFrom"), *env = json_get(spec, "env"), *item;
        size_t n = json_len(from) + json_len(env);

        if (n > ITEMS_MAX) {
                pod_refuse(p, c, "CreateContainerConfigError", "containers{%s}.env: more than %d variables", c->name,
                           ITEMS_MAX);
                return;
        }
        c->env = xcalloc(n, sizeof(*c->env));
        cJSON_ArrayForEach (item, from) {
                struct env_var *v = &c->env[c->n_env++];
                const char *prefix = json_str(item, "prefix");
                v->name = xstrdup(prefix ? prefix : "");
                if (!reference(json_get(item, "configMapRef"), v, SOURCE_CONFIG_MAP) &&
                    !reference(json_get(item, "secretRef"), v, SOURCE_SECRET))
                        pod_refuse(p, c, "CreateContainerConfigError",
                                   "containers{%s}.envFrom: neither configMapRef nor secretRef", c->name);
        }
        cJSON_ArrayForEach (item, env) {
                struct env_var *v = &c->env[c->n_env++];
                const cJSON *value_from = json_get(item, "valueFrom");
                const char *name = json_str(item, "name"), *value = json_str(item, "value");

                v->name = xstrdup(name ? name : "");
                if (!id_is_env_name(name)) {
                        pod_refuse(p, c, "CreateContainerConfigError",
                                   "containers{%s}.env: \"%.100s\" is no name of a variable", c->name, v->name);
                } else if (!value_from && pod_has_nul(value)) {
                        pod_refuse(p, c, "CreateContainerConfigError",
                                   "containers{%s}.env{%s}: no variable can hold a NUL", c->name, v->name);
                } else if (!value_from) {
                        v->kind = SOURCE_VALUE;
                        v->text = xstrdup(value ? value : "");
                } else if (json_get(value_from, "fieldRef")) {
                        const char *path = json_str(json_get(value_from, "fieldRef"), "fieldPath");
                        v->kind = SOURCE_FIELD;
                        v->text = xstrdup(path ? path : "");
                        if (!pod_knows_field(p, v->text))
                                pod_refuse(p, c, "CreateContainerConfigError",
                                           "containers{%s}.env{%s}: unknown fieldPath \"%.100s\"", c->name, v->name,
                                           v->text);
                } else if (json_get(value_from, "resourceFieldRef")) {
                        v->kind = SOURCE_RESOURCE;
                        pod_resource_reference(json_get(value_from, "resourceFieldRef"), &v->object, &v->text,
                                               &v->divisor);
                        if (!v->object)
                                v->object = xstrdup(c->name);
                } else if (!reference(json_get(value_from, "configMapKeyRef"), v, SOURCE_CONFIG_MAP) &&
                           !reference(json_get(value_from, "secretKeyRef"), v, SOURCE_SECRET)) {
                        pod_refuse(p, c, "CreateContainerConfigError",
                                   "containers{%s}.env{%s}.valueFrom: only fieldRef, resourceFieldRef, configMapKeyRef "
                                   "and "
                                   "secretKeyRef are supported",
                                   c->name, v->name);
                }
        }
        /* Whoever is refused is looked at all the same: what its variables refer to is resolved with the pod's others.
         */
        for (size_t i = 0; i < c->n_env; i++)
                if (c->env[i].kind == SOURCE_VALUE && !c->env[i].text)
                        c->env[i].text = xstrdup("");
}
