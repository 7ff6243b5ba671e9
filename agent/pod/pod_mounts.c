/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_parse.h"

#include "agent/lib/json.h"
#include "agent/lib/clean_path.h"
#include "common/mem.h"

/*
 * The value of a variable that stays what it is for all of the pod's life, as where its files are must; NULL where it
 * may be another one at the next start, or is to be seen by nobody.
 */
static char *lasting_value(const struct pod *p, const struct container *c, const char *name, size_t n,
                           const char *node_name)
{
        static const char *const fields[] = { "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
                                              "spec.serviceAccountName" };
        const struct env_var *v = NULL;

        for (size_t i = 0; i < c->n_env; i++)
                if (strlen(c->env[i].name) == n && memcmp(c->env[i].name, name, n) == 0)
                        v = &c->env[i];
        if (v && v->kind == SOURCE_VALUE && !strchr(v->text, '$'))
                return xstrdup(v->text);
        for (size_t i = 0; v && v->kind == SOURCE_FIELD && i < ARRAY_LEN(fields); i++)
                if (streq(v->text, fields[i]))
                        return pod_field(p, v->text, &(struct pod_node){ .name = node_name, .ip = "" });
        return NULL;
}

/* subPathExpr with its variables put in, or NULL, and the first that cannot be is said. */
static char *expand_sub_path(struct pod *p, struct container *c, const struct mount *m, const char *s,
                             const char *node_name)
{
        CLEANUP(buf_done) struct buf b = BUF(ID_PATH_MAX);

        while (*s) {
                const char *close = s[0] == '$' && s[1] == '(' ? strchr(s, ')') : NULL;
                size_t n = close ? (size_t)(close - s - 2) : 0;
                CLEANUP(freep) char *value = close ? lasting_value(p, c, s + 2, n, node_name) : NULL;

                if (close && !value) {
                        pod_refuse(
                                p, c, "CreateContainerConfigError",
                                "containers{%s}.volumeMounts{%s}.subPathExpr: $(%.*s) is none of the container's own "
                                "variables that stay as they are (a value, or the pod's name, namespace, uid, node or "
                                "service account)",
                                c->name, m->volume, (int)(n > 80 ? 80 : n), s + 2);
                        return NULL;
                }
                buf_str(&b, value ? value : s[0] == '$' && s[1] == '$' ? "$" : "");
                if (!value && !(s[0] == '$' && s[1] == '$'))
                        buf_char(&b, *s);
                s = close ? close + 1 : s + (s[0] == '$' && s[1] == '$' ? 2 : 1);
        }
        return buf_ok(&b) ? buf_steal(&b) : xstrdup("/");
}

/* As the API server and the kubelet take it: neither absolute nor with "..", and cleaned ("a//b/./" is "a/b"). NULL: it
 * is not to be taken. */
static char *clean_sub_path(const char *path)
{
        CLEANUP(buf_done) struct buf b = BUF(ID_PATH_MAX);
        CLEANUP(freep) char *copy = xstrdup(path);
        char *save = NULL;

        for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                if (streq(part, ".."))
                        return NULL;
                if (!streq(part, "."))
                        buf_printf(&b, "%s%s", b.len ? "/" : "", part);
        }
        return *path != '/' && buf_ok(&b) ? buf_steal(&b) : NULL;
}

static void parse_sub_path(struct pod *p, struct container *c, struct mount *m, const cJSON *item,
                           const char *node_name)
{
        const char *sub = json_str(item, "subPath"), *expr = json_str(item, "subPathExpr");
        CLEANUP(freep)
        char *given = expr && *expr ? expand_sub_path(p, c, m, expr, node_name) : xstrdup(sub ? sub : "");

        m->sub_path = given ? clean_sub_path(given) : NULL;
        if (given && !m->sub_path)
                pod_refuse(
                        p, c, "CreateContainerConfigError",
                        "containers{%s}.volumeMounts{%s}: subPath \"%.200s\" must be relative, must not contain '..', "
                        "and has at most %d bytes",
                        c->name, m->volume, given, ID_PATH_MAX);
        if (!m->sub_path)
                m->sub_path = xstrdup("");
}

void pod_parse_mounts(struct pod *p, struct container *c, const cJSON *mounts, const char *node_name)
{
        const cJSON *item;

        if (json_len(mounts) > VOLUMES_MAX) {
                pod_refuse(p, c, "CreateContainerConfigError", "containers{%s}.volumeMounts: more than %d", c->name,
                           VOLUMES_MAX);
                return;
        }
        c->mounts = xcalloc(json_len(mounts) + 2, sizeof(*c->mounts)); /* and /etc/hosts, /etc/resolv.conf */
        cJSON_ArrayForEach (item, mounts) {
                struct mount *m = &c->mounts[c->n_mounts++];
                const char *volume = json_str(item, "name"), *path = json_str(item, "mountPath");

                m->volume = xstrdup(volume ? volume : "");
                m->path = path && *path ? path_clean(path) : xstrdup("");
                m->read_only = json_bool(item, "readOnly", false);
                if (!id_is_path(m->path))
                        pod_refuse(p, c, "CreateContainerConfigError",
                                   "containers{%s}.volumeMounts{%s}: mountPath \"%.200s\" is not a normalized absolute "
                                   "path",
                                   c->name, m->volume, m->path);
                parse_sub_path(p, c, m, item, node_name);
        }
}

/* A container that has something of its own there keeps it. */
void pod_mount_own(struct container *c, const char *volume, const char *file, const char *path, bool asked)
{
        for (size_t i = 0; i < c->n_mounts; i++)
                if (streq(c->mounts[i].path, path))
                        return;
        if (c->mounts)
                c->mounts[c->n_mounts++] = (struct mount){ .volume = xstrdup(volume),
                                                           .path = xstrdup(path),
                                                           .sub_path = xstrdup(file),
                                                           .read_only = true,
                                                           .unasked = !asked };
}

void pod_tell_ignored_mounts(const cJSON *mounts, struct buf *ignored)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, mounts) {
                const char *propagation = json_str(item, "mountPropagation");

                if (propagation && !streq(propagation, "None"))
                        pod_ignore(ignored, "mountPropagation");
                if (json_get(item, "bindMountOptions"))
                        pod_ignore(ignored, "bindMountOptions");
        }
}
