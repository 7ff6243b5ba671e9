/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod_parse.h"

#include "agent/lib/json.h"
#include "agent/lib/clean_path.h"
#include "agent/lib/quantity.h"
#include "common/mem.h"

void pod_volume_item_done(struct volume_item *it)
{
        free(it->object), free(it->text), free(it->divisor), free(it->path);
}

struct volume_item *pod_add_item(struct pod *p, struct volume *v, size_t *room)
{
        if (v->n_items == *room) {
                if (*room >= ITEMS_MAX) {
                        pod_refuse(p, NULL, "FailedMount", "volumes{%s}: more than %d files", v->name, ITEMS_MAX);
                        pod_volume_item_done(&v->items[--v->n_items]); /* make room: the pod is refused anyway */
                } else {
                        *room = *room ? *room * 2 : 4;
                        v->items = xrealloc(v->items, *room, sizeof(*v->items));
                }
        }
        v->items[v->n_items] = (struct volume_item){ .mode = MODE_DEFAULT };
        return &v->items[v->n_items++];
}

/* Relative, no "..": what the API server demands of items[].path, demanded again, and cleaned as the kubelet does it
 * ("./a//b" is "a/b"). */
static void set_path(struct pod *p, const struct volume *v, struct volume_item *it, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("/%s", path ? path : ""), *tidy = path_tidy(full);
        bool good = path && *path != '/' && id_is_path(tidy) && tidy[1] && !starts_with(tidy + 1, "..");

        it->path = xstrdup(good ? tidy + 1 : path ? path : "");
        if (!good)
                pod_refuse(p, NULL, "FailedMount",
                           "volumes{%s}: path \"%.200s\" must be relative and stay inside the volume", v->name,
                           it->path);
}

static void add_object(struct pod *p, struct volume *v, size_t *room, enum source_kind kind, const char *object,
                       const cJSON *source, uint32_t mode)
{
        const cJSON *items = json_get(source, "items"), *item;
        bool optional = json_bool(source, "optional", false);
        struct volume_item *it;

        if (!object || !id_is_name(object)) {
                pod_refuse(p, NULL, "FailedMount", "volumes{%s}: no valid name of a %s", v->name,
                           kind == SOURCE_SECRET ? "Secret" : "ConfigMap");
                return;
        }
        if (json_len(items) == 0) {
                it = pod_add_item(p, v, room);
                it->kind = kind, it->object = xstrdup(object), it->mode = mode, it->optional = optional;
        }
        cJSON_ArrayForEach (item, items) {
                it = pod_add_item(p, v, room);
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
                struct volume_item *it = pod_add_item(p, v, room);
                const cJSON *resource = json_get(item, "resourceFieldRef");
                const char *field = json_str(json_get(item, "fieldRef"), "fieldPath");

                it->kind = resource ? SOURCE_RESOURCE : SOURCE_FIELD;
                it->mode = (uint32_t)json_int(item, "mode", mode) & 0777;
                set_path(p, v, it, json_str(item, "path"));
                if (resource) {
                        pod_resource_reference(resource, &it->object, &it->text, &it->divisor);
                        continue;
                }
                it->text = xstrdup(field ? field : "");
                if (!pod_knows_field(p, it->text))
                        pod_refuse(p, NULL, "FailedMount", "volumes{%s}.downwardAPI: unknown fieldPath \"%.100s\"",
                                   v->name, it->text);
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
                        struct volume_item *it = pod_add_item(p, v, &room);
                        it->kind = SOURCE_TOKEN;
                        it->text = xstrdup(json_str(kind, "audience"));
                        it->expiration_s = json_int(kind, "expirationSeconds", TOKEN_EXPIRATION_S);
                        it->mode = mode;
                        set_path(p, v, it, json_str(kind, "path"));
                } else {
                        pod_refuse(p, NULL, "FailedMount", "volumes{%s}.projected: unsupported source \"%.60s\"",
                                   v->name, source->child ? source->child->string : "");
                }
        }
}

static void parse_claim(struct pod *p, struct volume *v, const cJSON *source)
{
        const char *name = json_str(source, "claimName");

        v->kind = VOLUME_CLAIM;
        v->claim = xstrdup(name ? name : "");
        v->read_only = json_bool(source, "readOnly", false);
        if (!id_is_name(v->claim))
                pod_refuse(p, NULL, "FailedMount", "volumes{%s}.persistentVolumeClaim: no valid claimName", v->name);
}

/* The controller makes the claim, under a name that follows from the pod's. */
static void parse_ephemeral(struct pod *p, struct volume *v)
{
        v->kind = VOLUME_CLAIM;
        v->owned = true;
        v->claim = xasprintf("%s-%s", p->id.name, v->name);
        if (!id_is_name(v->claim))
                pod_refuse(p, NULL, "FailedMount", "volumes{%s}.ephemeral: \"%.300s\" can be no name of a claim",
                           v->name, v->claim);
}

static void parse_nfs(struct pod *p, struct volume *v, const cJSON *source)
{
        const char *server = json_str(source, "server"), *path = json_str(source, "path");

        v->kind = VOLUME_NFS;
        v->server = xstrdup(server ? server : "");
        v->exported = xstrdup(path ? path : "");
        v->read_only = json_bool(source, "readOnly", false);
        if (!*v->server || *v->exported != '/')
                pod_refuse(p, NULL, "FailedMount", "volumes{%s}.nfs: a server, and a path that begins with /", v->name);
}

static void parse_volume(struct pod *p, struct volume *v, const cJSON *spec, struct buf *ignored)
{
        const char *name = json_str(spec, "name"), *path;
        const cJSON *source;
        size_t room = 0;

        v->name = xstrdup(name ? name : "");
        if (!id_is_label(v->name))
                pod_refuse(p, NULL, "FailedMount", "volumes{%.80s}.name: not a DNS label", v->name);
        if ((source = json_get(spec, "emptyDir"))) {
                const char *limit = json_str(source, "sizeLimit");
                v->kind = VOLUME_EMPTY_DIR;
                v->memory = streq(json_str(source, "medium"), "Memory");
                if (limit && quantity_value(limit, &v->size_limit) < 0)
                        v->size_limit = 0;
                if (v->size_limit)
                        v->size_text = xstrdup(limit);
                if (json_get(source, "mode"))
                        pod_ignore(ignored, "emptyDir.mode");
                if (starts_with(json_str(source, "medium") ? json_str(source, "medium") : "", "HugePages"))
                        pod_ignore(ignored, "emptyDir.medium");
        } else if ((source = json_get(spec, "hostPath"))) {
                v->kind = VOLUME_HOST_PATH;
                path = json_str(source, "path");
                v->path = path_tidy(path ? path : "");
                v->type = xstrdup(json_str(source, "type"));
                if (!id_is_path(v->path))
                        pod_refuse(p, NULL, "FailedMount",
                                   "volumes{%s}.hostPath: \"%.200s\" is not a normalized absolute path", v->name,
                                   v->path);
        } else if ((source = json_get(spec, "persistentVolumeClaim"))) {
                parse_claim(p, v, source);
        } else if (json_get(spec, "ephemeral")) {
                parse_ephemeral(p, v);
        } else if ((source = json_get(spec, "nfs"))) {
                parse_nfs(p, v, source);
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
                pod_refuse(p, NULL, "FailedMount", "volumes{%s}: unsupported volume type \"%.60s\"", v->name,
                           kind ? kind->string : "none");
        }
}

void pod_parse_volumes(struct pod *p, const cJSON *volumes, struct buf *ignored)
{
        const cJSON *item;

        if (json_len(volumes) > VOLUMES_MAX) {
                pod_refuse(p, NULL, "FailedMount", "spec.volumes: more than %d", VOLUMES_MAX);
                return;
        }
        p->volumes = xcalloc(json_len(volumes) + 1, sizeof(*p->volumes)); /* and that of /etc/hosts and its like */
        cJSON_ArrayForEach (item, volumes)
                parse_volume(p, &p->volumes[p->n_volumes++], item, ignored);
}
