/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/manifest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/lib/yaml.h"
#include "agent/pod/resources.h"
#include "common/mem.h"

#define SOURCE "kubernetes.io/config.source"
#define HASH   "kubernetes.io/config.hash"
#define SEEN   "kubernetes.io/config.seen"
#define MIRROR "kubernetes.io/config.mirror"

enum { UID_DIGITS = 32 };

static const char *const container_lists[] = { "initContainers", "containers" };

/* ---- is it a Pod that can run without an API server? ------------------------------------------------------------- */

static int wrong(struct err *e, const char *field, const char *what)
{
        return err_set(e, -EINVAL, NULL, "%s: %s", field, what);
}

static int needs_api(struct err *e, const char *where, const char *field)
{
        return err_set(e, -EINVAL, NULL,
                       "%s%s: a static pod has nothing that only the API server knows (Secrets, ConfigMaps, service "
                       "accounts, claims)",
                       where, field);
}

/* Present, and not one of the ways to say nothing. */
static bool is_given(const cJSON *v)
{
        if (!v || cJSON_IsNull(v) || cJSON_IsFalse(v))
                return false;
        if (cJSON_IsString(v))
                return *v->valuestring;
        return !(cJSON_IsArray(v) || cJSON_IsObject(v)) || v->child;
}

static int check_strings(const cJSON *list, const char *where, struct err *e)
{
        const cJSON *item;

        if (list && !cJSON_IsNull(list) && !cJSON_IsArray(list) && !cJSON_IsObject(list))
                return wrong(e, where, "not a list");
        cJSON_ArrayForEach (item, list)
                if (!cJSON_IsString(item))
                        return err_set(e, -EINVAL, NULL, "%s%s%.80s: not a string (put it in quotes)", where,
                                       item->string ? "." : "", item->string ? item->string : "");
        return 0;
}

static int check_env(const cJSON *container, const char *where, struct err *e)
{
        static const char *const refs[] = { "configMapKeyRef", "secretKeyRef", "configMapRef", "secretRef" };
        const cJSON *item;

        cJSON_ArrayForEach (item, json_get(container, "env")) {
                const char *name = json_str(item, "name");
                CLEANUP(freep) char *at = xasprintf("%s.env{%.80s}", where, name ? name : "");

                if (!name || !*name)
                        return wrong(e, at, "has no name");
                if (json_get(item, "value") && !cJSON_IsNull(json_get(item, "value")) && !json_str(item, "value"))
                        return wrong(e, at, "its value is not a string (put it in quotes)");
                for (size_t i = 0; i < ARRAY_LEN(refs); i++)
                        if (json_get(json_get(item, "valueFrom"), refs[i]))
                                return needs_api(e, at, ".valueFrom");
        }
        if (is_given(json_get(container, "envFrom")))
                return needs_api(e, where, ".envFrom");
        return 0;
}

static bool is_twice(const cJSON *list, const cJSON *of, const char *name)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, list) {
                if (item == of)
                        return false;
                if (streq(json_str(item, "name"), name))
                        return true;
        }
        return false;
}

static int check_container(const cJSON *spec, const cJSON *list, const cJSON *c, const char *key, struct err *e)
{
        const char *name = json_str(c, "name"), *image = json_str(c, "image");
        CLEANUP(freep) char *where = xasprintf("spec.%s{%.80s}", key, name ? name : "");
        int r;

        if (!name || !id_is_label(name))
                return wrong(e, where, "its name is no DNS label");
        if (is_twice(list, c, name) ||
            (list != json_get(spec, container_lists[0]) && is_twice(json_get(spec, container_lists[0]), NULL, name)))
                return wrong(e, where, "there is another container of that name");
        if (!image || !*image)
                return wrong(e, where, "has no image");
        r = check_env(c, where, e);
        if (r == 0)
                r = check_strings(json_get(c, "command"), "command", e);
        if (r == 0)
                r = check_strings(json_get(c, "args"), "args", e);
        return r < 0 && !starts_with(e->text, where) ? err_prefix(e, "%s.", where) : r;
}

static int check_volume(const cJSON *list, const cJSON *v, struct err *e)
{
        static const char *const sources[] = { "configMap", "secret", "persistentVolumeClaim", "ephemeral" };
        static const char *const projected[] = { "configMap", "secret", "serviceAccountToken", "clusterTrustBundle",
                                                 "podCertificate" };
        const char *name = json_str(v, "name");
        CLEANUP(freep) char *where = xasprintf("spec.volumes{%.80s}", name ? name : "");
        const cJSON *item;

        if (name && is_twice(list, v, name))
                return wrong(e, where, "there is another volume of that name");
        for (size_t i = 0; i < ARRAY_LEN(sources); i++)
                if (json_get(v, sources[i]))
                        return needs_api(e, where, "");
        cJSON_ArrayForEach (item, json_get(json_get(v, "projected"), "sources"))
                for (size_t i = 0; i < ARRAY_LEN(projected); i++)
                        if (json_get(item, projected[i]))
                                return needs_api(e, where, ".projected");
        return 0;
}

static int check_lists(const cJSON *spec, struct err *e)
{
        static const char *const lists[] = { "initContainers", "volumes", "tolerations" };

        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
                if (is_given(json_get(spec, lists[i])) && !cJSON_IsArray(json_get(spec, lists[i])))
                        return err_set(e, -EINVAL, NULL, "spec.%s: not a list", lists[i]);
        return 0;
}

static int check_spec(const cJSON *spec, const char *node, struct err *e)
{
        static const char *const of_api[] = { "serviceAccountName", "serviceAccount", "imagePullSecrets",
                                              "resourceClaims" };
        const char *node_name = json_str(spec, "nodeName");
        const cJSON *item;
        int r = check_lists(spec, e);

        if (r < 0)
                return r;
        if (!cJSON_IsObject(spec))
                return wrong(e, "spec", "is missing");
        if (!json_len(json_get(spec, "containers")))
                return wrong(e, "spec.containers", "there is none");
        if (node_name && *node_name && !streq(node_name, node))
                return err_set(e, -EINVAL, NULL, "spec.nodeName: %.253s, and this node is %s", node_name, node);
        if (is_given(json_get(spec, "ephemeralContainers")))
                return wrong(e, "spec.ephemeralContainers", "no pod begins with one");
        for (size_t i = 0; i < ARRAY_LEN(of_api); i++)
                if (is_given(json_get(spec, of_api[i])))
                        return needs_api(e, "spec.", of_api[i]);
        cJSON_ArrayForEach (item, json_get(spec, "volumes"))
                if ((r = check_volume(json_get(spec, "volumes"), item, e)) < 0)
                        return r;
        for (size_t l = 0; l < ARRAY_LEN(container_lists); l++) {
                const cJSON *list = json_get(spec, container_lists[l]);

                cJSON_ArrayForEach (item, list)
                        if ((r = check_container(spec, list, item, container_lists[l], e)) < 0)
                                return r;
        }
        return 0;
}

static int check(const cJSON *o, const char *node, struct err *e)
{
        const cJSON *meta = json_get(o, "metadata");
        const char *kind = json_str(o, "kind"), *version = json_str(o, "apiVersion"), *name = json_str(meta, "name"),
                   *namespace = json_str(meta, "namespace");
        int r;

        if (!cJSON_IsObject(o))
                return err_set(e, -EINVAL, NULL, "no Pod is in it");
        if (!streq(version, "v1") || !streq(kind, "Pod"))
                return err_set(e, -EINVAL, NULL, "kind: %.60s of apiVersion %.60s, where only a Pod of v1 can be",
                               kind ? kind : "none", version ? version : "none");
        if (!name || !id_is_name(name))
                return wrong(e, "metadata.name", "is no name of a pod (RFC 1123: a-z, 0-9, - and dots)");
        if (strlen(name) + 1 + strlen(node) > ID_NAME_MAX)
                return err_set(e, -EINVAL, NULL, "metadata.name: with -%s behind it it is longer than %d bytes", node,
                               ID_NAME_MAX);
        if (namespace && *namespace && !id_is_label(namespace))
                return wrong(e, "metadata.namespace", "is no DNS label");
        r = check_strings(json_get(meta, "labels"), "metadata.labels", e);
        if (r == 0)
                r = check_strings(json_get(meta, "annotations"), "metadata.annotations", e);
        return r < 0 ? r : check_spec(json_get(o, "spec"), node, e);
}

/* ---- what the API server adds (pkg/apis/core/v1/defaults.go) ----------------------------------------------------- */

static void set_string(cJSON *o, const char *key, const char *value)
{
        cJSON_DeleteItemFromObjectCaseSensitive(o, key);
        cJSON_AddStringToObject(o, key, value);
}

/* Always for a tag that is missing or "latest"; what is no name of a container image counts as one with a tag. */
static const char *pull_policy(const char *image)
{
        const char *slash = strrchr(image, '/'), *tag = strchr(slash ? slash : image, ':');
        bool foreign = image[0] == '/' || strstr(image, "://") || strchr(image, '@');

        return !foreign && (!tag || streq(tag, ":latest")) ? "Always" : "IfNotPresent";
}

/* A limit is a request where there is none. */
static void default_requests(cJSON *c)
{
        cJSON *resources = cJSON_GetObjectItemCaseSensitive(c, "resources"), *requests;
        const cJSON *limits = json_get(resources, "limits"), *item;

        if (!cJSON_IsObject(limits))
                return;
        requests = cJSON_GetObjectItemCaseSensitive(resources, "requests");
        if (!cJSON_IsObject(requests)) {
                cJSON_DeleteItemFromObjectCaseSensitive(resources, "requests");
                requests = cJSON_AddObjectToObject(resources, "requests");
        }
        cJSON_ArrayForEach (item, limits)
                if (!json_get(requests, item->string))
                        cJSON_AddItemToObject(requests, item->string, cJSON_Duplicate(item, true));
}

static void default_host_ports(cJSON *c)
{
        cJSON *port;

        cJSON_ArrayForEach (port, cJSON_GetObjectItemCaseSensitive(c, "ports"))
                if (cJSON_IsObject(port) && !json_int(port, "hostPort", 0) && json_int(port, "containerPort", 0)) {
                        cJSON_DeleteItemFromObjectCaseSensitive(port, "hostPort");
                        cJSON_AddNumberToObject(port, "hostPort", (double)json_int(port, "containerPort", 0));
                }
}

static void default_container(cJSON *c, bool host_network)
{
        const char *policy = json_str(c, "imagePullPolicy");

        if (!policy || !*policy)
                set_string(c, "imagePullPolicy", pull_policy(json_str(c, "image")));
        default_requests(c);
        if (host_network)
                default_host_ports(c);
}

/* pkg/apis/core/v1/helper/qos: of CPU and memory alone. */
static const char *qos_class(const cJSON *spec)
{
        bool guaranteed = true, any = false;
        const cJSON *c;

        for (size_t l = 0; l < ARRAY_LEN(container_lists); l++)
                cJSON_ArrayForEach (c, json_get(spec, container_lists[l]))
                        for (enum resource r = RESOURCE_CPU; r <= RESOURCE_MEMORY; r++) {
                                const cJSON *resources = json_get(c, "resources");
                                uint64_t limit = resource_amount(json_get(resources, "limits"), resource_names[r]),
                                         request = resource_amount(json_get(resources, "requests"), resource_names[r]);

                                any |= limit || request;
                                guaranteed &= limit && limit == request;
                        }
        return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

/* So that nothing evicts it: it would only begin again. */
static void tolerate_all(cJSON *spec)
{
        cJSON *list = cJSON_GetObjectItemCaseSensitive(spec, "tolerations"), *t = cJSON_CreateObject();

        if (!cJSON_IsArray(list)) {
                cJSON_DeleteItemFromObjectCaseSensitive(spec, "tolerations");
                list = cJSON_AddArrayToObject(spec, "tolerations");
        }
        cJSON_AddStringToObject(t, "operator", "Exists");
        cJSON_AddStringToObject(t, "effect", "NoExecute");
        cJSON_AddItemToArray(list, t);
}

static void complete_spec(cJSON *spec, const char *node)
{
        const char *priority = json_str(spec, "priorityClassName");
        cJSON *c;

        set_string(spec, "nodeName", node);
        if (!priority || !*priority)
                set_string(spec, "priorityClassName", "system-node-critical");
        /* Services are the API server's to tell. */
        cJSON_DeleteItemFromObjectCaseSensitive(spec, "enableServiceLinks");
        cJSON_AddFalseToObject(spec, "enableServiceLinks");
        tolerate_all(spec);
        for (size_t l = 0; l < ARRAY_LEN(container_lists); l++)
                cJSON_ArrayForEach (c, cJSON_GetObjectItemCaseSensitive(spec, container_lists[l]))
                        default_container(c, json_bool(spec, "hostNetwork", false));
}

/* ---- the object -------------------------------------------------------------------------------------------------- */

static int uid_of(const cJSON *o, const char *node, char ret[UID_DIGITS + 1], struct err *e)
{
        CLEANUP(freep) char *text = cJSON_PrintUnformatted(o), *all = xasprintf("%s\n%s", node, text ? text : "");
        unsigned char digest[EVP_MAX_MD_SIZE];

        if (!text || !EVP_Digest(all, strlen(all), digest, NULL, EVP_sha256(), NULL))
                return err_set(e, -EIO, NULL, "no uid can be made of it");
        for (size_t i = 0; i < UID_DIGITS / 2; i++)
                snprintf(ret + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

/* What the file says of itself, and no more: a file may be what kubectl has printed of a pod. */
static cJSON *metadata(const cJSON *given, const char *node, const char *uid, uint64_t seen)
{
        const char *namespace = json_str(given, "namespace");
        const cJSON *labels = json_get(given, "labels"), *annotations = json_get(given, "annotations");
        CLEANUP(freep) char *name = xasprintf("%s-%s", json_str(given, "name"), node);
        cJSON *meta = cJSON_CreateObject(), *notes;
        char when[40];

        time_rfc3339_nano(seen, when);
        cJSON_AddStringToObject(meta, "name", name);
        cJSON_AddStringToObject(meta, "namespace", namespace && *namespace ? namespace : "default");
        cJSON_AddStringToObject(meta, "uid", uid);
        if (cJSON_IsObject(labels))
                cJSON_AddItemToObject(meta, "labels", cJSON_Duplicate(labels, true));
        notes = cJSON_IsObject(annotations) ? cJSON_Duplicate(annotations, true) : cJSON_CreateObject();
        cJSON_AddItemToObject(meta, "annotations", notes);
        set_string(notes, SOURCE, "file");
        set_string(notes, HASH, uid);
        set_string(notes, SEEN, when);
        cJSON_DeleteItemFromObjectCaseSensitive(notes, MIRROR);
        return meta;
}

static int read_tree(const char *text, size_t size, cJSON **ret, struct err *e)
{
        size_t blank = 0;

        if (size > MANIFEST_MAX)
                return err_set(e, -EFBIG, NULL, "larger than %d bytes", MANIFEST_MAX);
        while (blank < size && strchr(" \t\r\n", text[blank]) && text[blank])
                blank++;
        if (blank < size && text[blank] == '{' && (*ret = json_parse(text + blank, size - blank)))
                return 0;
        return yaml_parse(text, size, ret, e);
}

int manifest_parse(const char *text, size_t size, const char *node, uint64_t seen, cJSON **ret, struct err *e)
{
        CLEANUP(json_freep) cJSON *given = NULL;
        cJSON *o, *spec, *status;
        char uid[UID_DIGITS + 1];
        int r = read_tree(text, size, &given, e);

        if (r < 0 || (r = check(given, node, e)) < 0 || (r = uid_of(given, node, uid, e)) < 0)
                return r;
        o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "apiVersion", "v1");
        cJSON_AddStringToObject(o, "kind", "Pod");
        cJSON_AddItemToObject(o, "metadata", metadata(json_get(given, "metadata"), node, uid, seen));
        spec = cJSON_DetachItemFromObjectCaseSensitive(given, "spec");
        cJSON_AddItemToObject(o, "spec", spec);
        complete_spec(spec, node);
        status = cJSON_AddObjectToObject(o, "status");
        cJSON_AddStringToObject(status, "phase", "Pending");
        cJSON_AddStringToObject(status, "qosClass", qos_class(spec));
        *ret = o;
        return 0;
}

bool manifest_is_uid(const char *uid)
{
        return strlen(uid) == UID_DIGITS && !strchr(uid, '-');
}

cJSON *manifest_mirror(const cJSON *object, const char *node_uid)
{
        cJSON *o = cJSON_Duplicate(object, true), *meta = cJSON_GetObjectItemCaseSensitive(o, "metadata"), *owner;
        const char *uid = json_str(json_get(object, "metadata"), "uid");

        set_string(cJSON_GetObjectItemCaseSensitive(meta, "annotations"), MIRROR, uid ? uid : "");
        cJSON_DeleteItemFromObjectCaseSensitive(meta, "uid");
        cJSON_DeleteItemFromObjectCaseSensitive(o, "status");
        owner = cJSON_CreateObject();
        cJSON_AddStringToObject(owner, "apiVersion", "v1");
        cJSON_AddStringToObject(owner, "kind", "Node");
        cJSON_AddStringToObject(owner, "name", json_str(json_get(object, "spec"), "nodeName"));
        cJSON_AddStringToObject(owner, "uid", node_uid);
        cJSON_AddTrueToObject(owner, "controller");
        cJSON_AddItemToArray(cJSON_AddArrayToObject(meta, "ownerReferences"), owner);
        return o;
}

const char *manifest_mirrored(const cJSON *object)
{
        return json_str(json_get(json_get(object, "metadata"), "annotations"), MIRROR);
}
