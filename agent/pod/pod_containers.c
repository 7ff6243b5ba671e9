/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_parse.h"

#include "agent/lib/json.h"
#include "agent/lib/clean_path.h"
#include "common/mem.h"
#include "common/message.h"
#include "proto/hash.h"

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
                pod_refuse(p, c, "CreateContainerConfigError",
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
                        pod_refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
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
                        pod_refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
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

static void parse_resize_policy(struct container *c, const cJSON *policies)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, policies)
                for (size_t i = 0; i < RESOURCES; i++)
                        if (streq(json_str(item, "resourceName"), resource_names[i]))
                                c->restarts_for[i] = streq(json_str(item, "restartPolicy"), "RestartContainer");
}

/* Here a runtime takes no relative one, which is refused then. */
static char *absolute_path(const char *path)
{
        return *path == '/' ? path_clean(path) : xstrdup(path);
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
        c->working_dir = dir && *dir ? absolute_path(dir) : NULL;
        if (restarts_parse(spec, p->restart_policy, &c->restarts, &e) < 0)
                pod_refuse(p, c, e.reason, "containers{%s}.%s", c->name, e.text);
        c->sidecar = c->init && streq(restart, "Always");
        c->tty = json_bool(spec, "tty", false);
        c->has_stdin = json_bool(spec, "stdin", false);
        c->message_path = absolute_path(message && *message ? message : MESSAGE_PATH);
        c->message_from_log = streq(json_str(spec, "terminationMessagePolicy"), "FallbackToLogsOnError");
        c->stdin_once = json_bool(spec, "stdinOnce", false);
        if (!id_is_label(c->name))
                pod_refuse(p, c, "CreateContainerConfigError", "containers{%.80s}.name: not a DNS label", c->name);
        (void)image_parse(c->image, &c->parsed, NULL); /* what is no image is found when it is pulled */
        c->mark = mark_of(c->image);
        for (char **w = c->command; w && *w; w++)
                if (pod_has_nul(*w))
                        pod_refuse(p, c, "CreateContainerConfigError", "containers{%s}.command: no word can hold a NUL",
                                   c->name);
        for (char **w = c->args; w && *w; w++)
                if (pod_has_nul(*w))
                        pod_refuse(p, c, "CreateContainerConfigError", "containers{%s}.args: no word can hold a NUL",
                                   c->name);
        if (c->working_dir && !id_is_path(c->working_dir))
                pod_refuse(p, c, "CreateContainerConfigError",
                           "containers{%s}.workingDir: not a normalized absolute path", c->name);
        if (!id_is_path(c->message_path))
                pod_refuse(p, c, "CreateContainerConfigError",
                           "containers{%s}.terminationMessagePath: not a normalized absolute path", c->name);
        for (size_t i = 0; i < ARRAY_LEN(not_yet); i++) {
                const cJSON *v = json_get(spec, not_yet[i]);
                if (v && !cJSON_IsFalse(v) && !(cJSON_IsArray(v) && !v->child))
                        pod_ignore(ignored, not_yet[i]);
        }
        c->resources = json_get(spec, "resources") ? cJSON_Duplicate(json_get(spec, "resources"), true) : NULL;
        parse_resize_policy(c, json_get(spec, "resizePolicy"));
        if (json_len(json_get(c->resources, "claims")))
                pod_ignore(ignored, "resources.claims");
        pod_tell_ignored_mounts(json_get(spec, "volumeMounts"), ignored);
        parse_given_unit(p, c);
        pod_parse_env(p, c, spec);
        pod_parse_mounts(p, c, json_get(spec, "volumeMounts"),
                         json_str(pod_spec, "nodeName") ? json_str(pod_spec, "nodeName") : "");
        parse_probes(p, c, spec);
        parse_hooks(p, c, spec);
        pod_parse_security(p, c, json_get(pod_spec, "securityContext"), json_get(spec, "securityContext"), ignored);
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
                pod_check_non_root(p, c);
                return;
        }
}

void pod_parse_containers(struct pod *p, const cJSON *spec, struct buf *ignored)
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
                pod_refuse(p, NULL, "CreateContainerConfigError", "spec.containers: more than %d", CONTAINERS_MAX);
                return;
        }
        if (n + n_ephemeral > CONTAINERS_MAX) { /* they can only be added: the pod goes on with those it has */
                n_ephemeral = CONTAINERS_MAX - n;
                pod_ignore(ignored, "ephemeralContainers beyond 64 containers");
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
                        pod_refuse(p, &p->containers[i], e.reason, "containers{%s}.%s", p->containers[i].name, e.text);
        }
}
