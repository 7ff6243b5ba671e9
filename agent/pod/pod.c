/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/go_quote.h"
#include "agent/lib/quantity.h"
#include "agent/lib/times.h"
#include "agent/pod/hosts.h"
#include "agent/pod/resolv.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/message.h"
#include "proto/hash.h"

enum {
        CONTAINERS_MAX = 64, /* of one pod; the API server sets no bound but the object's size */
        VOLUMES_MAX = 128,
        ITEMS_MAX = 4096,
        TOKEN_EXPIRATION_S = 3600,
        MODE_DEFAULT = 0644,
};

/* ---- refusing: the first reason wins, later ones would only hide it ---------------------------------------------- */

static void refuse(struct pod *p, struct container *c, const char *reason, const char *fmt, ...) PRINTF(4, 5);
static void refuse(struct pod *p, struct container *c, const char *reason, const char *fmt, ...)
{
        struct err *refused = c && c->ephemeral ? &c->refused : &p->refused;
        char text[2 * ERR_TEXT_MAX]; /* err_set() tells when it cuts */
        va_list ap;

        if (refused->code)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        err_set(refused, -EINVAL, reason, "%s", text);
        if (refused == &p->refused)
                p->refused_container = c;
}

static void ignore(struct buf *b, const char *field)
{
        if (b->data && strstr(b->data, field))
                return;
        if (b->len)
                buf_str(b, ", ");
        buf_str(b, field);
}

/* ---- small pieces ------------------------------------------------------------------------------------------------ */

static char **string_list(const cJSON *array)
{
        char **v = NULL;
        size_t n = 0;
        const cJSON *item;

        if (!cJSON_IsArray(array))
                return NULL;
        cJSON_ArrayForEach (item, array) {
                const char *s = cJSON_GetStringValue(item);
                strv_push(&v, &n, xstrdup(s ? s : ""));
        }
        return v;
}

static struct pair *pairs(const cJSON *object, size_t *ret_n)
{
        const cJSON *item;
        struct pair *v;
        size_t n = 0;

        if (!cJSON_IsObject(object))
                return NULL;
        v = xcalloc((size_t)cJSON_GetArraySize(object), sizeof(*v));
        cJSON_ArrayForEach (item, object) {
                const char *s = cJSON_GetStringValue(item);
                v[n++] = (struct pair){ .key = xstrdup(item->string), .value = xstrdup(s ? s : "") };
        }
        *ret_n = n;
        return v;
}

static const char *pair_value(const struct pair *v, size_t n, const char *key, size_t key_size)
{
        for (size_t i = 0; i < n; i++)
                if (strlen(v[i].key) == key_size && memcmp(v[i].key, key, key_size) == 0)
                        return v[i].value;
        return NULL;
}

/* Field paths as in k8s.io/kubernetes pkg/fieldpath and the kubelet's podFieldSelectorRuntimeValue. */
char *pod_field(const struct pod *p, const char *path, const struct pod_node *node)
{
        static const char *const ip_paths[] = { "status.podIP", "status.hostIP", "status.podIPs", "status.hostIPs" };
        enum { SEVERAL = 2 }; /* from here on all addresses are meant */
        const char *quote, *key;
        size_t n;

        if (streq(path, "metadata.name"))
                return xstrdup(p->id.name);
        if (streq(path, "metadata.namespace"))
                return xstrdup(p->id.namespace);
        if (streq(path, "metadata.uid"))
                return xstrdup(p->id.uid);
        if (streq(path, "spec.nodeName"))
                return xstrdup(node->name);
        if (streq(path, "spec.serviceAccountName"))
                return xstrdup(p->service_account ? p->service_account : "default");
        for (size_t i = 0; i < ARRAY_LEN(ip_paths); i++)
                if (streq(path, ip_paths[i]))
                        return i >= SEVERAL && node->ip && node->other_ip ? xasprintf("%s,%s", node->ip, node->other_ip)
                                                                          : xstrdup(node->ip ? node->ip : "");

        bool label = starts_with(path, "metadata.labels"), annotation = starts_with(path, "metadata.annotations");
        if (!label && !annotation)
                return NULL;
        const struct pair *v = label ? p->labels : p->annotations;
        size_t n_v = label ? p->n_labels : p->n_annotations;
        key = path + strlen(label ? "metadata.labels" : "metadata.annotations");
        if (!*key) { /* all of them, as the kubelet writes them (fieldpath.FormatMap): key=%q, sorted by the API server
                      */
                struct buf b = BUF(1024 * 1024);
                for (size_t i = 0; i < n_v; i++) {
                        buf_printf(&b, "%s%s=", i ? "\n" : "", v[i].key);
                        quote_go(&b, v[i].value);
                }
                return buf_steal(&b);
        }
        n = strlen(key);
        if (n < 5 || key[0] != '[' || key[n - 1] != ']')
                return NULL;
        quote = key[1] == '\'' || key[1] == '"' ? key + 1 : NULL;
        if (!quote || key[n - 2] != *quote)
                return NULL;
        const char *found = pair_value(v, n_v, quote + 1, n - 4);
        return xstrdup(found ? found : "");
}

/* A limit that the container does not set is the pod's, and that of a pod that does not set it the node's
 * (pkg/kubelet/kubelet_resources.go). */
char *pod_resource(const struct pod *p, const char *container, const char *field, const char *divisor,
                   const struct pod_node *node)
{
        struct resources most = node->allocatable;

        for (size_t i = 0; i < RESOURCES; i++)
                if (p->demands.limits.of[i])
                        most.of[i] = p->demands.limits.of[i];
        for (size_t i = 0; container && i < p->n_containers; i++)
                if (streq(p->containers[i].name, container))
                        return resource_field(p->containers[i].resources, field, divisor, &most);
        return NULL;
}

static bool known_field(const struct pod *p, const char *path)
{
        CLEANUP(freep) char *v = pod_field(p, path, &(struct pod_node){ .name = "", .ip = "" });
        return v != NULL;
}

static bool has_nul(const char *s)
{
        return s && strchr(s, JSON_NUL);
}

/* ---- environment ------------------------------------------------------------------------------------------------- */

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

static void resource_reference(const cJSON *o, char **ret_container, char **ret_field, char **ret_divisor)
{
        const char *container = json_str(o, "containerName"), *field = json_str(o, "resource");

        *ret_container = container && *container ? xstrdup(container) : NULL;
        *ret_field = xstrdup(field ? field : "");
        *ret_divisor = xstrdup(json_str(o, "divisor"));
}

static void parse_env(struct pod *p, struct container *c, const cJSON *spec)
{
        const cJSON *from = json_get(spec, "envFrom"), *env = json_get(spec, "env"), *item;
        size_t n = json_len(from) + json_len(env);

        if (n > ITEMS_MAX) {
                refuse(p, c, "CreateContainerConfigError", "containers{%s}.env: more than %d variables", c->name,
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
                        refuse(p, c, "CreateContainerConfigError",
                               "containers{%s}.envFrom: neither configMapRef nor secretRef", c->name);
        }
        cJSON_ArrayForEach (item, env) {
                struct env_var *v = &c->env[c->n_env++];
                const cJSON *value_from = json_get(item, "valueFrom");
                const char *name = json_str(item, "name"), *value = json_str(item, "value");

                v->name = xstrdup(name ? name : "");
                if (!id_is_env_name(name)) {
                        refuse(p, c, "CreateContainerConfigError",
                               "containers{%s}.env: \"%.100s\" is no name of a variable", c->name, v->name);
                } else if (!value_from && has_nul(value)) {
                        refuse(p, c, "CreateContainerConfigError", "containers{%s}.env{%s}: no variable can hold a NUL",
                               c->name, v->name);
                } else if (!value_from) {
                        v->kind = SOURCE_VALUE;
                        v->text = xstrdup(value ? value : "");
                } else if (json_get(value_from, "fieldRef")) {
                        const char *path = json_str(json_get(value_from, "fieldRef"), "fieldPath");
                        v->kind = SOURCE_FIELD;
                        v->text = xstrdup(path ? path : "");
                        if (!known_field(p, v->text))
                                refuse(p, c, "CreateContainerConfigError",
                                       "containers{%s}.env{%s}: unknown fieldPath \"%.100s\"", c->name, v->name,
                                       v->text);
                } else if (json_get(value_from, "resourceFieldRef")) {
                        v->kind = SOURCE_RESOURCE;
                        resource_reference(json_get(value_from, "resourceFieldRef"), &v->object, &v->text, &v->divisor);
                        if (!v->object)
                                v->object = xstrdup(c->name);
                } else if (!reference(json_get(value_from, "configMapKeyRef"), v, SOURCE_CONFIG_MAP) &&
                           !reference(json_get(value_from, "secretKeyRef"), v, SOURCE_SECRET)) {
                        refuse(p, c, "CreateContainerConfigError",
                               "containers{%s}.env{%s}.valueFrom: only fieldRef, resourceFieldRef, configMapKeyRef and "
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

/* ---- containers -------------------------------------------------------------------------------------------------- */

static void check_non_root(struct pod *p, struct container *c)
{
        if (c->non_root && c->has_user && c->user == 0)
                refuse(p, c, "CreateContainerConfigError",
                       "container's runAsUser breaks non-root policy (pod: \"%s_%s(%s)\", container: %s)", p->id.name,
                       p->id.namespace, p->id.uid, c->name);
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

static void parse_security(struct pod *p, struct container *c, const cJSON *pod_context, const cJSON *context,
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
                                ignore(ignored, field);
                }
        }
        if (sandbox_parse(pod_context, context, &c->sandbox, &e) < 0)
                refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        check_non_root(p, c);
}

/* All volumes that vks makes are empty when they are, so it is all the same when their owner changes
 * (fsGroupChangePolicy). */
static void parse_groups(struct pod *p, const cJSON *context)
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
                        refuse(p, c, "CreateContainerConfigError",
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
                refuse(p, c, "CreateContainerConfigError",
                       "containers{%s}.volumeMounts{%s}: subPath \"%.200s\" must be relative, must not contain '..', "
                       "and has at most %d bytes",
                       c->name, m->volume, given, ID_PATH_MAX);
        if (!m->sub_path)
                m->sub_path = xstrdup("");
}

static void parse_mounts(struct pod *p, struct container *c, const cJSON *mounts, const char *node_name)
{
        const cJSON *item;

        if (json_len(mounts) > VOLUMES_MAX) {
                refuse(p, c, "CreateContainerConfigError", "containers{%s}.volumeMounts: more than %d", c->name,
                       VOLUMES_MAX);
                return;
        }
        c->mounts = xcalloc(json_len(mounts) + 2, sizeof(*c->mounts)); /* and /etc/hosts, /etc/resolv.conf */
        cJSON_ArrayForEach (item, mounts) {
                struct mount *m = &c->mounts[c->n_mounts++];
                const char *volume = json_str(item, "name"), *path = json_str(item, "mountPath");
                size_t n;

                m->volume = xstrdup(volume ? volume : "");
                m->path = xstrdup(path ? path : "");
                m->read_only = json_bool(item, "readOnly", false);
                for (n = strlen(m->path); n > 1 && m->path[n - 1] == '/'; n--)
                        m->path[n - 1] = '\0';
                if (!id_is_path(m->path))
                        refuse(p, c, "CreateContainerConfigError",
                               "containers{%s}.volumeMounts{%s}: mountPath \"%.200s\" is not a normalized absolute "
                               "path",
                               c->name, m->volume, m->path);
                parse_sub_path(p, c, m, item, node_name);
        }
}

/* A container that has something of its own there keeps it. */
static void mount_own(struct container *c, const char *volume, const char *file, const char *path)
{
        for (size_t i = 0; i < c->n_mounts; i++)
                if (streq(c->mounts[i].path, path))
                        return;
        if (c->mounts)
                c->mounts[c->n_mounts++] = (struct mount){
                        .volume = xstrdup(volume), .path = xstrdup(path), .sub_path = xstrdup(file), .read_only = true
                };
}

/* An annotation for this one container wins over one for all containers. */
static void parse_given_unit(struct pod *p, struct container *c)
{
        const size_t n = strlen(ANNOTATION_UNIT);

        for (size_t i = 0; i < p->n_annotations; i++) {
                const char *key = p->annotations[i].key;
                bool own = starts_with(key, ANNOTATION_UNIT ".") && streq(key + n + 1, c->name);
                if (own || (!c->given_unit && streq(key, ANNOTATION_UNIT)))
                        c->given_unit = p->annotations[i].value;
        }
        if (c->given_unit && (!id_is_unit(c->given_unit) || strstr(c->given_unit, "@.")))
                refuse(p, c, "CreateContainerConfigError",
                       "annotation " ANNOTATION_UNIT ": \"%.100s\" is not the name of a service", c->given_unit);
        else if (c->given_unit && c->parsed.kind == IMAGE_PATH)
                c->given_unit = NULL; /* a pod's programs beside its daemon have no package that could have one */
}

/* Those that run to their end have none: the API server sees to it. */
static void parse_probes(struct pod *p, struct container *c, const cJSON *spec)
{
        for (enum probe_type t = 0; t < PROBE_TYPES; t++) {
                const cJSON *probe = json_get(spec, probe_fields[t]);
                struct err e = ERR_NONE;

                if (!probe || cJSON_IsNull(probe) || c->ephemeral || (c->init && !c->sidecar))
                        continue;
                if (probe_parse(t, probe, json_get(spec, "ports"), &c->probes[t], &e) < 0)
                        refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        }
}

static void parse_hooks(struct pod *p, struct container *c, const cJSON *spec)
{
        const cJSON *lifecycle = json_get(spec, "lifecycle");
        const char *signal = json_str(lifecycle, "stopSignal");

        c->stop_signal = signal && *signal ? xstrdup(signal) : NULL;
        for (enum hook_kind k = 0; k < HOOK_KINDS; k++) {
                const cJSON *hook = json_get(lifecycle, hook_fields[k]);
                struct err e = ERR_NONE;

                if (!cJSON_IsObject(hook) || c->ephemeral || (c->init && !c->sidecar))
                        continue;
                if (handler_parse(k, hook, json_get(spec, "ports"), &c->hooks[k], &e) < 0)
                        refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        }
}

static uint64_t mark_of(const char *image)
{
        uint64_t h = hash_bytes(HASH_START, image, strlen(image));

        return h ? h : 1;
}

static bool has_restricted_files(const struct pod *p, const char *name)
{
        for (size_t i = 0; i < p->n_volumes && !p->has_fs_group; i++)
                for (size_t k = 0; streq(p->volumes[i].name, name) && k < p->volumes[i].n_items; k++)
                        if (!(p->volumes[i].items[k].mode & 0004))
                                return true;
        return false;
}

static void tell_ignored_mounts(const cJSON *mounts, struct buf *ignored)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, mounts) {
                const char *propagation = json_str(item, "mountPropagation");

                if (propagation && !streq(propagation, "None"))
                        ignore(ignored, "mountPropagation");
                if (json_get(item, "bindMountOptions"))
                        ignore(ignored, "bindMountOptions");
        }
}

static void parse_resize_policy(struct container *c, const cJSON *policies)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, policies)
                for (size_t i = 0; i < RESOURCES; i++)
                        if (streq(json_str(item, "resourceName"), resource_names[i]))
                                c->restarts_for[i] = streq(json_str(item, "restartPolicy"), "RestartContainer");
}

static void parse_container(struct pod *p, struct container *c, const cJSON *spec, const cJSON *pod_spec,
                            struct buf *ignored)
{
        static const char *const not_yet[] = { "volumeDevices" };
        const char *name = json_str(spec, "name"), *image = json_str(spec, "image"),
                   *pull = json_str(spec, "imagePullPolicy");
        const char *dir = json_str(spec, "workingDir"), *restart = json_str(spec, "restartPolicy"),
                   *message = json_str(spec, "terminationMessagePath");
        struct err e = ERR_NONE;

        c->name = xstrdup(name ? name : "");
        c->image = xstrdup(image ? image : "");
        c->pull_policy = streq(pull, "Always") ? PULL_ALWAYS : streq(pull, "Never") ? PULL_NEVER : PULL_IF_NOT_PRESENT;
        c->command = string_list(json_get(spec, "command"));
        c->args = string_list(json_get(spec, "args"));
        c->working_dir = dir && *dir ? xstrdup(dir) : NULL;
        if (restarts_parse(spec, p->restart_policy, &c->restarts, &e) < 0)
                refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        c->sidecar = c->init && streq(restart, "Always");
        c->tty = json_bool(spec, "tty", false);
        c->has_stdin = json_bool(spec, "stdin", false);
        c->message_path = xstrdup(message && *message ? message : MESSAGE_PATH);
        c->message_from_log = streq(json_str(spec, "terminationMessagePolicy"), "FallbackToLogsOnError");
        c->stdin_once = json_bool(spec, "stdinOnce", false);
        if (!id_is_label(c->name))
                refuse(p, c, "CreateContainerConfigError", "containers{%.80s}.name: not a DNS label", c->name);
        (void)image_parse(c->image, &c->parsed, NULL); /* what is no image is found when it is pulled */
        c->mark = mark_of(c->image);
        for (char **w = c->command; w && *w; w++)
                if (has_nul(*w))
                        refuse(p, c, "CreateContainerConfigError", "containers{%s}.command: no word can hold a NUL",
                               c->name);
        for (char **w = c->args; w && *w; w++)
                if (has_nul(*w))
                        refuse(p, c, "CreateContainerConfigError", "containers{%s}.args: no word can hold a NUL",
                               c->name);
        for (size_t n = c->working_dir ? strlen(c->working_dir) : 0; n > 1 && c->working_dir[n - 1] == '/'; n--)
                c->working_dir[n - 1] = '\0';
        if (c->working_dir && !id_is_path(c->working_dir))
                refuse(p, c, "CreateContainerConfigError", "containers{%s}.workingDir: not a normalized absolute path",
                       c->name);
        if (!id_is_path(c->message_path))
                refuse(p, c, "CreateContainerConfigError",
                       "containers{%s}.terminationMessagePath: not a normalized absolute path", c->name);
        for (size_t i = 0; i < ARRAY_LEN(not_yet); i++) {
                const cJSON *v = json_get(spec, not_yet[i]);
                if (v && !cJSON_IsFalse(v) && !(cJSON_IsArray(v) && !v->child))
                        ignore(ignored, not_yet[i]);
        }
        c->resources = json_get(spec, "resources") ? cJSON_Duplicate(json_get(spec, "resources"), true) : NULL;
        parse_resize_policy(c, json_get(spec, "resizePolicy"));
        if (json_len(json_get(c->resources, "claims")))
                ignore(ignored, "resources.claims");
        tell_ignored_mounts(json_get(spec, "volumeMounts"), ignored);
        parse_given_unit(p, c);
        parse_env(p, c, spec);
        parse_mounts(p, c, json_get(spec, "volumeMounts"),
                     json_str(pod_spec, "nodeName") ? json_str(pod_spec, "nodeName") : "");
        parse_probes(p, c, spec);
        parse_hooks(p, c, spec);
        parse_security(p, c, json_get(pod_spec, "securityContext"), json_get(spec, "securityContext"), ignored);
        for (size_t i = 0; i < c->n_mounts && !c->has_user; i++)
                c->reads_files |= has_restricted_files(p, c->mounts[i].volume);
}

void pod_name_unit(struct pod *p, size_t i, struct err *e)
{
        struct container *c = &p->containers[i];

        c->unit[0] = '\0';
        free(c->unit_image);
        c->unit_image = NULL;
        c->shares_image = c->ephemeral;
        if (c->parsed.kind == IMAGE_FOREIGN || c->parsed.kind == IMAGE_INVALID || !id_is_label(c->name))
                return;
        for (size_t k = 0; k < p->n_containers; k++)
                c->shares_image |=
                        k != i && !p->containers[k].ephemeral && streq(p->containers[k].parsed.name, c->parsed.name);
        (void)unit_name(&p->id, c->parsed.name, c->shares_image ? c->name : NULL, c->unit, e);
        /* Another container may still have the unit of an image that it had before. */
        for (size_t k = 0; k < p->n_containers && !c->shares_image; k++)
                c->shares_image = k != i && *c->unit && streq(p->containers[k].unit, c->unit);
        if (c->shares_image)
                (void)unit_name(&p->id, c->parsed.name, c->name, c->unit, e);
}

/*
 * What an ephemeral container is to look into is what its target has, and the kernel shows a process' files and memory
 * to processes of the same user. So one that names no user is its target's, if the pod itself says who that is (policy
 * judges it as it does the target's).
 */
static void take_targets_user(struct pod *p, struct container *c, const char *target)
{
        for (size_t i = 0; target && i < p->n_containers; i++) {
                const struct container *t = &p->containers[i];
                if (t == c || !streq(t->name, target))
                        continue;
                if (c->has_user || !t->has_user)
                        return;
                c->has_user = true;
                c->user = t->user;
                if (!c->has_group) {
                        c->has_group = t->has_group;
                        c->group = t->group;
                }
                check_non_root(p, c);
                return;
        }
}

static void parse_containers(struct pod *p, const cJSON *spec, struct buf *ignored)
{
        enum { INIT, APP, EPHEMERAL };
        const cJSON *lists[] = {
                [INIT] = json_get(spec, "initContainers"),
                [APP] = json_get(spec, "containers"),
                [EPHEMERAL] = json_get(spec, "ephemeralContainers"),
        };
        size_t n = json_len(lists[INIT]) + json_len(lists[APP]), n_ephemeral = json_len(lists[EPHEMERAL]);
        const cJSON *item;

        if (n > CONTAINERS_MAX) {
                refuse(p, NULL, "CreateContainerConfigError", "spec.containers: more than %d", CONTAINERS_MAX);
                return;
        }
        if (n + n_ephemeral > CONTAINERS_MAX) { /* they can only be added: the pod goes on with those it has */
                n_ephemeral = CONTAINERS_MAX - n;
                ignore(ignored, "ephemeralContainers beyond 64 containers");
        }
        p->containers = xcalloc(n + n_ephemeral, sizeof(*p->containers));
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                cJSON_ArrayForEach (item, lists[i]) {
                        struct container *c;
                        if (p->n_containers == n + n_ephemeral)
                                break;
                        c = &p->containers[p->n_containers++];
                        c->init = i == INIT;
                        c->ephemeral = i == EPHEMERAL;
                        parse_container(p, c, item, spec, ignored);
                        if (c->ephemeral)
                                take_targets_user(p, c, json_str(item, "targetContainerName"));
                }
        for (size_t i = 0; i < p->n_containers; i++) {
                struct err e = ERR_NONE;
                pod_name_unit(p, i, &e);
                if (e.code)
                        refuse(p, &p->containers[i], e.reason, "containers{%s}.%s", p->containers[i].name, e.text);
        }
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static void volume_item_done(struct volume_item *it)
{
        free(it->object), free(it->text), free(it->divisor), free(it->path);
}

static struct volume_item *add_item(struct pod *p, struct volume *v, size_t *room)
{
        if (v->n_items == *room) {
                if (*room >= ITEMS_MAX) {
                        refuse(p, NULL, "FailedMount", "volumes{%s}: more than %d files", v->name, ITEMS_MAX);
                        volume_item_done(&v->items[--v->n_items]); /* make room: the pod is refused anyway */
                } else {
                        *room = *room ? *room * 2 : 4;
                        v->items = xrealloc(v->items, *room, sizeof(*v->items));
                }
        }
        v->items[v->n_items] = (struct volume_item){ .mode = MODE_DEFAULT };
        return &v->items[v->n_items++];
}

/* Relative, no empty component, no "..": what the API server demands of items[].path, demanded again. */
static bool is_item_path(const char *s)
{
        CLEANUP(freep) char *full = xasprintf("/%s", s);

        return id_is_path(full) && full[1] && !starts_with(s, "..");
}

static void set_path(struct pod *p, const struct volume *v, struct volume_item *it, const char *path)
{
        it->path = xstrdup(path ? path : "");
        if (!is_item_path(it->path))
                refuse(p, NULL, "FailedMount",
                       "volumes{%s}: path \"%.200s\" must be relative and stay inside the volume", v->name, it->path);
}

static void add_object(struct pod *p, struct volume *v, size_t *room, enum source_kind kind, const char *object,
                       const cJSON *source, uint32_t mode)
{
        const cJSON *items = json_get(source, "items"), *item;
        bool optional = json_bool(source, "optional", false);
        struct volume_item *it;

        if (!object || !id_is_name(object)) {
                refuse(p, NULL, "FailedMount", "volumes{%s}: no valid name of a %s", v->name,
                       kind == SOURCE_SECRET ? "Secret" : "ConfigMap");
                return;
        }
        if (json_len(items) == 0) {
                it = add_item(p, v, room);
                it->kind = kind, it->object = xstrdup(object), it->mode = mode, it->optional = optional;
        }
        cJSON_ArrayForEach (item, items) {
                it = add_item(p, v, room);
                it->kind = kind, it->object = xstrdup(object), it->optional = optional;
                it->text = xstrdup(json_str(item, "key"));
                it->mode = (uint32_t)json_int(item, "mode", mode) & 0777;
                set_path(p, v, it, json_str(item, "path"));
        }
}

static void add_downward(struct pod *p, struct volume *v, size_t *room, const cJSON *source, uint32_t mode)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, json_get(source, "items")) {
                struct volume_item *it = add_item(p, v, room);
                const cJSON *resource = json_get(item, "resourceFieldRef");
                const char *field = json_str(json_get(item, "fieldRef"), "fieldPath");

                it->kind = resource ? SOURCE_RESOURCE : SOURCE_FIELD;
                it->mode = (uint32_t)json_int(item, "mode", mode) & 0777;
                set_path(p, v, it, json_str(item, "path"));
                if (resource) {
                        resource_reference(resource, &it->object, &it->text, &it->divisor);
                        continue;
                }
                it->text = xstrdup(field ? field : "");
                if (!known_field(p, it->text))
                        refuse(p, NULL, "FailedMount", "volumes{%s}.downwardAPI: unknown fieldPath \"%.100s\"", v->name,
                               it->text);
        }
}

static void parse_projected(struct pod *p, struct volume *v, const cJSON *projected)
{
        uint32_t mode = (uint32_t)json_int(projected, "defaultMode", MODE_DEFAULT) & 0777;
        const cJSON *source, *kind;
        size_t room = 0;

        cJSON_ArrayForEach (source, json_get(projected, "sources")) {
                if ((kind = json_get(source, "configMap"))) {
                        add_object(p, v, &room, SOURCE_CONFIG_MAP, json_str(kind, "name"), kind, mode);
                } else if ((kind = json_get(source, "secret"))) {
                        add_object(p, v, &room, SOURCE_SECRET, json_str(kind, "name"), kind, mode);
                } else if ((kind = json_get(source, "downwardAPI"))) {
                        add_downward(p, v, &room, kind, mode);
                } else if ((kind = json_get(source, "serviceAccountToken"))) {
                        struct volume_item *it = add_item(p, v, &room);
                        it->kind = SOURCE_TOKEN;
                        it->text = xstrdup(json_str(kind, "audience"));
                        it->expiration_s = json_int(kind, "expirationSeconds", TOKEN_EXPIRATION_S);
                        it->mode = mode;
                        set_path(p, v, it, json_str(kind, "path"));
                } else {
                        refuse(p, NULL, "FailedMount", "volumes{%s}.projected: unsupported source \"%.60s\"", v->name,
                               source->child ? source->child->string : "");
                }
        }
}

static void parse_volume(struct pod *p, struct volume *v, const cJSON *spec, struct buf *ignored)
{
        const char *name = json_str(spec, "name"), *path;
        const cJSON *source;
        size_t room = 0;

        v->name = xstrdup(name ? name : "");
        if (!id_is_label(v->name))
                refuse(p, NULL, "FailedMount", "volumes{%.80s}.name: not a DNS label", v->name);
        if ((source = json_get(spec, "emptyDir"))) {
                const char *limit = json_str(source, "sizeLimit");
                v->kind = VOLUME_EMPTY_DIR;
                v->memory = streq(json_str(source, "medium"), "Memory");
                if (limit && quantity_value(limit, &v->size_limit) < 0)
                        v->size_limit = 0;
                if (v->size_limit)
                        v->size_text = xstrdup(limit);
                if (json_get(source, "mode"))
                        ignore(ignored, "emptyDir.mode");
                if (starts_with(json_str(source, "medium") ? json_str(source, "medium") : "", "HugePages"))
                        ignore(ignored, "emptyDir.medium");
        } else if ((source = json_get(spec, "hostPath"))) {
                v->kind = VOLUME_HOST_PATH;
                path = json_str(source, "path");
                v->path = xstrdup(path ? path : "");
                v->type = xstrdup(json_str(source, "type"));
                for (size_t n = strlen(v->path); n > 1 && v->path[n - 1] == '/'; n--)
                        v->path[n - 1] = '\0';
                if (!id_is_path(v->path))
                        refuse(p, NULL, "FailedMount",
                               "volumes{%s}.hostPath: \"%.200s\" is not a normalized absolute path", v->name, v->path);
        } else if ((source = json_get(spec, "configMap"))) {
                v->kind = VOLUME_FILES;
                add_object(p, v, &room, SOURCE_CONFIG_MAP, json_str(source, "name"), source,
                           (uint32_t)json_int(source, "defaultMode", MODE_DEFAULT) & 0777);
        } else if ((source = json_get(spec, "secret"))) {
                v->kind = VOLUME_FILES;
                add_object(p, v, &room, SOURCE_SECRET, json_str(source, "secretName"), source,
                           (uint32_t)json_int(source, "defaultMode", MODE_DEFAULT) & 0777);
        } else if ((source = json_get(spec, "projected"))) {
                v->kind = VOLUME_FILES;
                parse_projected(p, v, source);
        } else if ((source = json_get(spec, "downwardAPI"))) {
                v->kind = VOLUME_FILES;
                add_downward(p, v, &room, source, (uint32_t)json_int(source, "defaultMode", MODE_DEFAULT) & 0777);
        } else {
                const cJSON *kind = spec->child;
                while (kind && streq(kind->string, "name"))
                        kind = kind->next;
                refuse(p, NULL, "FailedMount", "volumes{%s}: unsupported volume type \"%.60s\"", v->name,
                       kind ? kind->string : "none");
        }
}

static void parse_volumes(struct pod *p, const cJSON *volumes, struct buf *ignored)
{
        const cJSON *item;

        if (json_len(volumes) > VOLUMES_MAX) {
                refuse(p, NULL, "FailedMount", "spec.volumes: more than %d", VOLUMES_MAX);
                return;
        }
        p->volumes = xcalloc(json_len(volumes) + 1, sizeof(*p->volumes)); /* and that of /etc/hosts and its like */
        cJSON_ArrayForEach (item, volumes)
                parse_volume(p, &p->volumes[p->n_volumes++], item, ignored);
}

/* Once all containers are known: each reference is to a resource of one of them. */
static void check_resource_references(struct pod *p)
{
        const struct pod_node nowhere = { 0 };

        for (size_t i = 0; i < p->n_containers; i++)
                for (size_t k = 0; k < p->containers[i].n_env; k++) {
                        const struct env_var *v = &p->containers[i].env[k];
                        CLEANUP(freep) char *value = NULL;
                        if (v->kind != SOURCE_RESOURCE)
                                continue;
                        value = pod_resource(p, v->object, v->text, v->divisor, &nowhere);
                        if (!value)
                                refuse(p, &p->containers[i], "CreateContainerConfigError",
                                       "containers{%s}.env{%s}.resourceFieldRef: no resource \"%.100s\" of a container "
                                       "\"%.80s\"",
                                       p->containers[i].name, v->name, v->text, v->object);
                }
        for (size_t i = 0; i < p->n_volumes; i++)
                for (size_t k = 0; k < p->volumes[i].n_items; k++) {
                        const struct volume_item *it = &p->volumes[i].items[k];
                        CLEANUP(freep) char *value = NULL;
                        if (it->kind != SOURCE_RESOURCE)
                                continue;
                        value = pod_resource(p, it->object, it->text, it->divisor, &nowhere);
                        if (!value)
                                refuse(p, NULL, "FailedMount",
                                       "volumes{%s}.downwardAPI.resourceFieldRef: no resource \"%.100s\" of a "
                                       "container "
                                       "\"%.80s\"",
                                       p->volumes[i].name, it->text, it->object ? it->object : "");
                }
}

static void check_mounted_volumes_exist(struct pod *p)
{
        for (size_t i = 0; i < p->n_containers; i++)
                for (size_t k = 0; k < p->containers[i].n_mounts; k++) {
                        const char *want = p->containers[i].mounts[k].volume;
                        bool found = false;
                        for (size_t v = 0; v < p->n_volumes; v++)
                                found = found || streq(p->volumes[v].name, want);
                        if (!found)
                                refuse(p, &p->containers[i], "CreateContainerConfigError",
                                       "containers{%s}.volumeMounts: no volume \"%.80s\" in the pod",
                                       p->containers[i].name, want);
                }
}

/* ---- the pod ----------------------------------------------------------------------------------------------------- */

static void parse_gates(struct pod *p, const cJSON *spec, const cJSON *status)
{
        CLEANUP(buf_done) struct buf why = BUF(2048);
        const cJSON *gate, *condition;
        size_t n = 0;

        p->gates_open = true;
        cJSON_ArrayForEach (gate, json_get(spec, "readinessGates")) {
                const char *type = json_str(gate, "conditionType");
                const char *state = NULL;
                if (!type)
                        continue;
                strv_push(&p->readiness_gates, &n, xstrdup(type));
                cJSON_ArrayForEach (condition, json_get(status, "conditions"))
                        if (streq(json_str(condition, "type"), type))
                                state = json_str(condition, "status");
                if (streq(state, "True"))
                        continue;
                /* in the kubelet's words (pkg/kubelet/status/generate.go) */
                if (!p->gates_open)
                        buf_str(&why, ", ");
                p->gates_open = false;
                if (state)
                        buf_printf(&why, "the status of pod readiness gate \"%s\" is not \"True\", but %s", type,
                                   state);
                else
                        buf_printf(&why, "corresponding condition of pod readiness gate \"%s\" does not exist.", type);
        }
        if (why.len)
                p->gates_why = buf_steal(&why);
}

/* Nothing leads from a port of the machine to another one of a container. */
static void tell_unmapped_ports(const struct demands *d, struct buf *ignored)
{
        for (size_t i = 0; i < d->n_ports; i++)
                if (d->ports[i].host && d->ports[i].host != d->ports[i].container) {
                        ignore(ignored, "hostPort other than its containerPort");
                        return;
                }
}

/* What a pod has of its own where each has a network of its own, and its containers a view of it. */
static void tell_ignored_fields(const cJSON *spec, struct buf *ignored)
{
        static const char *const fields[] = { "setHostnameAsFQDN", "resourceClaims" };
        const char *dns = json_str(spec, "dnsPolicy");

        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                const cJSON *v = json_get(spec, fields[i]);
                if (cJSON_IsTrue(v) || (v && v->child))
                        ignore(ignored, fields[i]);
        }
        if (cJSON_IsFalse(json_get(spec, "hostUsers")))
                ignore(ignored, "hostUsers");
        if (streq(dns, "ClusterFirstWithHostNet"))
                ignore(ignored, "dnsPolicy");
}

/* As the kubelet names a pod (GeneratePodHostNameAndDomain, truncatePodHostnameIfNeeded). */
static char *hostname_of(const cJSON *spec, const char *name)
{
        const char *override = json_str(spec, "hostnameOverride"), *given = json_str(spec, "hostname");
        char *s;

        if (override && *override)
                return xstrdup(override); /* never cut: the API server takes none that is too long for a machine */
        s = xstrndup(given && *given ? given : name, ID_LABEL_MAX);
        for (size_t n = strlen(s); n > 0 && strchr("-.", s[n - 1]); n--)
                s[n - 1] = '\0';
        return s;
}

/* Its processes see the machine's name (uname(2)); one that the pod asks for is in $HOSTNAME alone. A StatefulSet asks
 * for the pod's own name, which it would have anyway: that is not worth an event for each of its pods. */
static void tell_hostname(const struct pod *p, const cJSON *spec, struct buf *ignored)
{
        bool asks = json_get(spec, "hostname") || json_get(spec, "hostnameOverride");

        if (asks && p->hostname && !streq(p->hostname, p->id.name))
                ignore(ignored, "hostname (it is in $HOSTNAME alone)");
}

/* As the kubelet does (pkg/volume/volume_linux.go): the group reads every file that vks makes. */
static void open_to_group(struct pod *p)
{
        for (size_t i = 0; i < p->n_volumes; i++)
                for (size_t k = 0; k < p->volumes[i].n_items; k++)
                        p->volumes[i].items[k].mode |= 0440;
}

/* A file in a volume that no manifest has, in each container of the pod. `text` is taken. */
static void add_own_file(struct pod *p, struct volume_item item, const char *path)
{
        CLEANUP(freep) char *name = xstrdup("vks-hosts");
        struct volume *v = p->n_volumes ? &p->volumes[p->n_volumes - 1] : NULL;
        bool there = v && streq(v->name, name) && v->own;
        size_t room;

        for (size_t i = 0; i < p->n_volumes && !there; i++)
                if (streq(p->volumes[i].name, name)) {
                        refuse(p, NULL, "FailedMount",
                               "volumes{%s}: that name is vks' own beside hostAliases and dnsConfig", name);
                        free(item.text);
                        return;
                }
        if (!there) {
                v = &p->volumes[p->n_volumes++];
                *v = (struct volume){ .name = TAKE(name), .kind = VOLUME_FILES, .own = true };
        }
        room = v->n_items;
        item.path = xstrdup(strrchr(path, '/') + 1);
        item.mode = MODE_DEFAULT;
        *add_item(p, v, &room) = item;
        for (size_t i = 0; i < p->n_containers; i++)
                mount_own(&p->containers[i], v->name, item.path, path);
}

static void add_hosts(struct pod *p, const cJSON *aliases)
{
        struct volume_item item = { .kind = SOURCE_HOSTS };
        struct err e = ERR_NONE;

        if (json_len(aliases) == 0 || !p->volumes)
                return;
        if (hosts_of_aliases(aliases, &item.text, &e) < 0)
                refuse(p, NULL, e.reason, "%s", e.text);
        else
                add_own_file(p, item, HOSTS_PATH);
}

/* A node that knows of no cluster DNS has its own for every policy but None. */
static void add_resolv(struct pod *p, const cJSON *spec)
{
        const cJSON *config = json_get(spec, "dnsConfig");
        struct volume_item item = { .kind = SOURCE_RESOLV, .alone = streq(json_str(spec, "dnsPolicy"), "None") };
        struct err e = ERR_NONE;

        if (!p->volumes || !(item.alone || (config && config->child)))
                return;
        if (resolv_of_config(config, &item.text, &e) < 0)
                refuse(p, NULL, e.reason, "%s", e.text);
        else
                add_own_file(p, item, RESOLV_PATH);
}

int pod_parse(const cJSON *object, struct pod **ret, struct err *e)
{
        CLEANUP(pod_freep) struct pod *p = NEW(struct pod);
        CLEANUP(buf_done) struct buf ignored = BUF(2048);
        const cJSON *meta = json_get(object, "metadata"), *spec = json_get(object, "spec"),
                    *status = json_get(object, "status");
        const char *policy = json_str(spec, "restartPolicy"), *phase = json_str(status, "phase"),
                   *qos = json_str(status, "qosClass"), *created = json_str(meta, "creationTimestamp");
        int r;

        r = pod_id_parse(json_str(meta, "namespace"), json_str(meta, "name"), json_str(meta, "uid"), &p->id, e);
        if (r < 0)
                return r;
        (void)(created && time_parse_rfc3339(created, &p->created));
        p->generation = json_int(meta, "generation", 0);
        p->deleting = json_str(meta, "deletionTimestamp") != NULL;
        p->deletion_grace_s = json_int(meta, "deletionGracePeriodSeconds", 0);
        p->failed = streq(phase, "Failed");
        p->terminal = p->failed || streq(phase, "Succeeded");
        p->restart_policy = restart_policy_parse(policy);
        p->qos = streq(qos, "Guaranteed")  ? QOS_CLASS_GUARANTEED
                 : streq(qos, "Burstable") ? QOS_CLASS_BURSTABLE
                                           : QOS_CLASS_BEST_EFFORT;
        p->node_critical = streq(json_str(spec, "priorityClassName"), "system-node-critical");
        p->grace_s = json_int(spec, "terminationGracePeriodSeconds", 30);
        p->active_deadline_s = json_int(spec, "activeDeadlineSeconds", -1);
        p->service_account = xstrdup(json_str(spec, "serviceAccountName"));
        p->service_links = json_bool(spec, "enableServiceLinks", true);
        p->hostname = json_bool(spec, "hostNetwork", false) ? NULL : hostname_of(spec, p->id.name);
        p->labels = pairs(json_get(meta, "labels"), &p->n_labels);
        p->annotations = pairs(json_get(meta, "annotations"), &p->n_annotations);
        demands_parse(spec, &p->demands);
        p->resources = json_get(spec, "resources") ? cJSON_Duplicate(json_get(spec, "resources"), true) : NULL;
        tell_unmapped_ports(&p->demands, &ignored);
        tell_ignored_fields(spec, &ignored);
        tell_hostname(p, spec, &ignored);
        if (json_get(spec, "runtimeClassName"))
                refuse(p, NULL, "FailedCreatePodSandBox", "spec.runtimeClassName: \"%.80s\" is not known here",
                       json_str(spec, "runtimeClassName"));
        /* They are set in a network or an IPC namespace of the pod's own, where it has one. Refused, and not rejected:
         * its controller would make one pod after the other, since the scheduler knows nothing of this. */
        if (p->demands.sysctl)
                refuse(p, NULL, "FailedCreatePodSandBox",
                       "spec.securityContext.sysctls: \"%s\" would be the whole machine's, whose network and IPC a pod "
                       "has",
                       p->demands.sysctl);
        parse_groups(p, json_get(spec, "securityContext"));
        parse_volumes(p, json_get(spec, "volumes"), &ignored);
        if (p->has_fs_group)
                open_to_group(p);
        parse_containers(p, spec, &ignored);
        add_hosts(p, json_get(spec, "hostAliases"));
        add_resolv(p, spec);
        check_mounted_volumes_exist(p);
        check_resource_references(p);
        parse_gates(p, spec, status);
        if (ignored.len)
                p->ignored = buf_steal(&ignored);
        *ret = TAKE(p);
        return 0;
}

static void free_pairs(struct pair *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(v[i].key), free(v[i].value);
        free(v);
}

static void container_done(struct container *c)
{
        for (size_t i = 0; i < c->n_env; i++)
                free(c->env[i].name), free(c->env[i].object), free(c->env[i].text), free(c->env[i].divisor);
        for (size_t i = 0; i < c->n_mounts; i++)
                free(c->mounts[i].volume), free(c->mounts[i].path), free(c->mounts[i].sub_path);
        free(c->env), free(c->mounts), free(c->name), free(c->image), free(c->working_dir), free(c->message_path),
                free(c->unit_image), free(c->stop_signal);
        if (c->meaning)
                free(c->meaning->differs);
        free(c->meaning);
        cJSON_Delete(c->resources);
        strv_free(c->command), strv_free(c->args);
        restarts_done(&c->restarts);
        for (size_t i = 0; i < PROBE_TYPES; i++)
                probe_free(c->probes[i]);
        for (size_t i = 0; i < HOOK_KINDS; i++)
                handler_free(c->hooks[i]);
}

static void volume_done(struct volume *v)
{
        for (size_t i = 0; i < v->n_items; i++)
                volume_item_done(&v->items[i]);
        free(v->items), free(v->name), free(v->path), free(v->type), free(v->size_text);
}

struct pod *pod_free(struct pod *p)
{
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_containers; i++)
                container_done(&p->containers[i]);
        for (size_t i = 0; i < p->n_volumes; i++)
                volume_done(&p->volumes[i]);
        cJSON_Delete(p->resources);
        free_pairs(p->labels, p->n_labels);
        free_pairs(p->annotations, p->n_annotations);
        free(p->groups);
        free(p->containers), free(p->volumes), free(p->service_account), free(p->hostname), free(p->ignored);
        strv_free(p->readiness_gates);
        free(p->gates_why);
        demands_done(&p->demands);
        free(p);
        return NULL;
}
