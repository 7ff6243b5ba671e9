/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/node_status.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/lib/json.h"
#include "agent/lib/quantity.h"
#include "agent/node/package_labels.h"
#include "agent/lib/times.h"
#include "common/buf.h"
#include "common/mem.h"

static uint64_t minus(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

struct node_allocatable node_allocatable(const struct config *c, const struct facts *f)
{
        const struct config_reserved *k = &c->kube_reserved, *s = &c->system_reserved;

        const struct config_amount *memory = &c->eviction.hard[SIGNAL_MEMORY], *disk = &c->eviction.hard[SIGNAL_NODEFS];
        uint64_t kept_memory = memory->set ? pressure_amount(memory, f->mem_total) : 0,
                 kept_disk = disk->set ? pressure_amount(disk, f->fs_total) : 0;

        /* As the kubelet: what eviction would take back is not for pods either. */
        return (struct node_allocatable){
                .cpu_milli = minus((uint64_t)f->cpus * 1000, k->cpu_milli + s->cpu_milli),
                .memory = minus(f->mem_total, k->memory + s->memory + kept_memory),
                .storage = minus(f->fs_total, k->storage + s->storage + kept_disk),
                .pods = c->max_pods,
        };
}

static cJSON *resources(const struct node_allocatable *a, const struct facts *f)
{
        cJSON *o = cJSON_CreateObject();
        char text[32];

        quantity_milli_text(a->cpu_milli, text);
        cJSON_AddStringToObject(o, "cpu", text);
        quantity_bytes_text(a->memory, text);
        cJSON_AddStringToObject(o, "memory", text);
        quantity_bytes_text(a->storage, text);
        cJSON_AddStringToObject(o, "ephemeral-storage", text);
        quantity_milli_text(a->pods * 1000, text);
        cJSON_AddStringToObject(o, "pods", text);
        /* The machine has such pages, and none are for pods. */
        if (f->hugepages_2m)
                cJSON_AddStringToObject(o, "hugepages-2Mi", "0");
        if (f->hugepages_1g)
                cJSON_AddStringToObject(o, "hugepages-1Gi", "0");
        return o;
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

static const struct {
        const char *type;
        size_t seen; /* in struct node_pressure */
        struct {
                const char *reason, *message, *event;
        } is[2]; /* False, True */
} pressures[] = {
        { "MemoryPressure",
          offsetof(struct node_pressure, memory),
          { { "KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory" },
            { "KubeletHasInsufficientMemory", "kubelet has insufficient memory available",
              "NodeHasInsufficientMemory" } } },
        { "DiskPressure",
          offsetof(struct node_pressure, disk),
          { { "KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure" },
            { "KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure" } } },
        { "PIDPressure",
          offsetof(struct node_pressure, pid),
          { { "KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID" },
            { "KubeletHasInsufficientPID", "kubelet has insufficient PID available", "NodeHasInsufficientPID" } } },
};

const char *node_condition_event(const char *type, bool is_true)
{
        for (size_t i = 0; i < ARRAY_LEN(pressures); i++)
                if (streq(pressures[i].type, type))
                        return pressures[i].is[is_true].event;
        return streq(type, "Ready") ? is_true ? "NodeReady" : "NodeNotReady" : NULL;
}

static const cJSON *find_condition(const cJSON *status, const char *type)
{
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "conditions"))
                if (streq(json_str(c, "type"), type))
                        return c;
        return NULL;
}

static void add_condition(cJSON *list, const cJSON *previous, uint64_t now, const char *type, bool is_true,
                          const char *reason, const char *message)
{
        const cJSON *before = find_condition(previous, type);
        const char *status = is_true ? "True" : "False", *since = json_str(before, "lastTransitionTime");
        cJSON *c = cJSON_CreateObject();
        char time[32];

        time_rfc3339(now, time);
        cJSON_AddStringToObject(c, "type", type);
        cJSON_AddStringToObject(c, "status", status);
        cJSON_AddStringToObject(c, "lastHeartbeatTime", time);
        cJSON_AddStringToObject(c, "lastTransitionTime",
                                since && streq(json_str(before, "status"), status) ? since : time);
        cJSON_AddStringToObject(c, "reason", reason);
        cJSON_AddStringToObject(c, "message", message);
        cJSON_AddItemToArray(list, c);
}

static cJSON *conditions(const struct node_inputs *in, const cJSON *previous)
{
        const char *const troubles[] = { in->health->bus, in->health->helper, in->health->packages,
                                         in->health->shutdown };
        CLEANUP(buf_done) struct buf why = BUF(1024);
        cJSON *list = cJSON_CreateArray();

        for (size_t i = 0; i < ARRAY_LEN(pressures); i++) {
                bool is = *(const uint64_t *)(const void *)((const char *)in->pressure + pressures[i].seen) > 0;
                add_condition(list, previous, in->now, pressures[i].type, is, pressures[i].is[is].reason,
                              pressures[i].is[is].message);
        }
        for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
                if (troubles[i])
                        buf_printf(&why, "%s%s", why.len ? ", " : "", troubles[i]);
        add_condition(list, previous, in->now, "Ready", why.len == 0, why.len ? "KubeletNotReady" : "KubeletReady",
                      why.len ? why.data : "kubelet is posting ready status");
        return list;
}

/* ---- the rest of the status -------------------------------------------------------------------------------------- */

const char *node_address(const struct config *c, const struct facts *f, size_t i)
{
        const char *found[2];
        size_t n = 0;

        if (c->node_ips) {
                while (n < i && c->node_ips[n])
                        n++;
                return c->node_ips[n];
        }
        if (f->ipv4[0])
                found[n++] = f->ipv4;
        if (f->ipv6[0])
                found[n++] = f->ipv6;
        return i < n ? found[i] : NULL;
}

static void add_address(cJSON *list, const char *type, const char *address)
{
        cJSON *a = cJSON_CreateObject();

        cJSON_AddStringToObject(a, "type", type);
        cJSON_AddStringToObject(a, "address", address);
        cJSON_AddItemToArray(list, a);
}

static cJSON *addresses(const struct node_inputs *in)
{
        cJSON *list = cJSON_CreateArray();
        const char *a;

        for (size_t i = 0; (a = node_address(in->config, in->facts, i)); i++)
                add_address(list, "InternalIP", a);
        for (char **x = in->config->external_ips; x && *x; x++)
                add_address(list, "ExternalIP", *x);
        add_address(list, "Hostname", in->facts->hostname[0] ? in->facts->hostname : in->config->node_name);
        return list;
}

static cJSON *node_info(const struct node_inputs *in)
{
        const struct facts *f = in->facts;
        cJSON *o = cJSON_CreateObject();
        char runtime[sizeof(f->systemd) + 16];

        snprintf(runtime, sizeof(runtime), "systemd://%s", f->systemd[0] ? f->systemd : "0");
        cJSON_AddStringToObject(o, "machineID", f->machine_id);
        cJSON_AddStringToObject(o, "systemUUID", f->system_uuid);
        cJSON_AddStringToObject(o, "bootID", f->boot_id);
        cJSON_AddStringToObject(o, "kernelVersion", f->kernel);
        cJSON_AddStringToObject(o, "osImage", f->os_image);
        cJSON_AddStringToObject(o, "containerRuntimeVersion", runtime);
        cJSON_AddStringToObject(o, "kubeletVersion", in->version);
        cJSON_AddStringToObject(o, "kubeProxyVersion", ""); /* there is none, as a kubelet's of 1.33 says, too */
        cJSON_AddStringToObject(o, "operatingSystem", "linux");
        cJSON_AddStringToObject(o, "architecture", f->arch);
        return o;
}

static int larger_first(const void *a, const void *b)
{
        const struct node_image *x = a, *y = b;

        return x->size == y->size ? strcmp(x->name, y->name) : x->size < y->size ? 1 : -1;
}

static cJSON *images(const struct node_inputs *in)
{
        CLEANUP(freep) struct node_image *sorted = NULL;
        cJSON *list = cJSON_CreateArray();

        if (in->n_images == 0)
                return list;
        sorted = xmemdup(in->images, in->n_images * sizeof(*sorted));
        qsort(sorted, in->n_images, sizeof(*sorted), larger_first);
        for (size_t i = 0; i < in->n_images && i < NODE_IMAGES_MAX; i++) {
                cJSON *o = cJSON_CreateObject();

                cJSON_AddItemToObject(o, "names", cJSON_CreateStringArray(&sorted[i].name, 1));
                cJSON_AddNumberToObject(o, "sizeBytes", (double)sorted[i].size);
                cJSON_AddItemToArray(list, o);
        }
        return list;
}

/*
 * What an API server of 1.36 and newer wants to know before it makes use of it (KEP-5328). It passes WebSockets of
 * exec, attach and port-forward on as they are, which saves it the translation to SPDY and us a decompressor; and it
 * places pods whose rules restart all containers (agent/pod/restart_policy.h), and lets the resources of a whole pod
 * and those of init containers be changed in place (agent/pod/resize.h).
 */
static void declare_features(cJSON *status, const char *version)
{
        static const char *const features[] = { "ExtendWebSocketsToKubelet", "InPlacePodLevelResourcesVerticalScaling",
                                                "InPlacePodVerticalScalingInitContainers",
                                                "RestartAllContainersOnContainerExits" }; /* sorted */
        unsigned long minor = starts_with(version, "v1.") ? strtoul(version + strlen("v1."), NULL, 10) : 0;

        if (minor >= 36)
                cJSON_AddItemToObject(status, "declaredFeatures",
                                      cJSON_CreateStringArray(features, ARRAY_LEN(features)));
}

cJSON *node_status(const struct node_inputs *in, const cJSON *previous)
{
        const struct facts *f = in->facts;
        struct node_allocatable all = { (uint64_t)f->cpus * 1000, f->mem_total, f->fs_total, in->config->max_pods };
        struct node_allocatable some = node_allocatable(in->config, f);
        cJSON *o = cJSON_CreateObject(), *endpoint = cJSON_CreateObject(), *port = cJSON_CreateObject();

        cJSON_AddItemToObject(o, "addresses", addresses(in));
        cJSON_AddItemToObject(o, "capacity", resources(&all, f));
        cJSON_AddItemToObject(o, "allocatable", resources(&some, f));
        cJSON_AddItemToObject(o, "conditions", conditions(in, json_get(previous, "status")));
        cJSON_AddNumberToObject(port, "Port", in->config->port);
        cJSON_AddItemToObject(endpoint, "kubeletEndpoint", port);
        cJSON_AddItemToObject(o, "daemonEndpoints", endpoint);
        cJSON_AddItemToObject(o, "nodeInfo", node_info(in));
        cJSON_AddItemToObject(o, "images", images(in));
        declare_features(o, in->version);
        return o;
}

cJSON *node_status_patch(const cJSON *status)
{
        cJSON *patch = cJSON_CreateObject(), *copy = cJSON_Duplicate(status, true), *replace = cJSON_CreateObject();

        /* Addresses merge by type, of which there may be two (a family each): the list must be replaced as a whole. */
        cJSON_AddStringToObject(replace, "$patch", "replace");
        cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(copy, "addresses"), replace);
        cJSON_AddItemToObject(patch, "status", copy);
        return patch;
}

static bool conditions_differ(const cJSON *status, const cJSON *before)
{
        static const char *const said[] = { "status", "reason", "message" };
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "conditions")) {
                const cJSON *b = find_condition(before, json_str(c, "type"));
                for (size_t i = 0; i < ARRAY_LEN(said); i++)
                        if (!b || !streq(json_str(c, said[i]), json_str(b, said[i])))
                                return true;
        }
        return false;
}

bool node_status_differs(const cJSON *status, const cJSON *before)
{
        const cJSON *field;

        if (!status || !before)
                return status != before;
        cJSON_ArrayForEach (field, status)
                if (!streq(field->string, "conditions") && !streq(field->string, "declaredFeatures") &&
                    !cJSON_Compare(field, json_get(before, field->string), true))
                        return true;
        return conditions_differ(status, before);
}

/* ---- the object -------------------------------------------------------------------------------------------------- */

static cJSON *labels(const struct node_inputs *in)
{
        const char *host = in->facts->hostname[0] ? in->facts->hostname : in->config->node_name;
        cJSON *o = cJSON_CreateObject();
        const cJSON *l;

        cJSON_AddStringToObject(o, "beta.kubernetes.io/arch", in->facts->arch);
        cJSON_AddStringToObject(o, "beta.kubernetes.io/os", "linux");
        cJSON_AddStringToObject(o, "kubernetes.io/arch", in->facts->arch);
        cJSON_AddStringToObject(o, "kubernetes.io/hostname", host);
        cJSON_AddStringToObject(o, "kubernetes.io/os", "linux");
        for (size_t i = 0; i < in->config->n_labels; i++)
                cJSON_AddStringToObject(o, in->config->labels[i].key, in->config->labels[i].value);
        cJSON_ArrayForEach (l, in->package_labels)
                if (!json_get(o, l->string))
                        cJSON_AddStringToObject(o, l->string, l->valuestring);
        return o;
}

cJSON *node_object(const struct node_inputs *in)
{
        cJSON *node = cJSON_CreateObject(), *metadata = cJSON_CreateObject(), *spec = cJSON_CreateObject();

        cJSON_AddStringToObject(node, "apiVersion", "v1");
        cJSON_AddStringToObject(node, "kind", "Node");
        cJSON_AddStringToObject(metadata, "name", in->config->node_name);
        cJSON_AddItemToObject(metadata, "labels", labels(in));
        cJSON_AddItemToObject(node, "metadata", metadata);
        if (!in->config->disable_taint) {
                cJSON *taints = cJSON_AddArrayToObject(spec, "taints"), *taint = cJSON_CreateObject();

                cJSON_AddStringToObject(taint, "key", NODE_TAINT_KEY);
                cJSON_AddStringToObject(taint, "value", NODE_TAINT_VALUE);
                cJSON_AddStringToObject(taint, "effect", "NoSchedule");
                cJSON_AddItemToArray(taints, taint);
        }
        cJSON_AddItemToObject(node, "spec", spec);
        cJSON_AddItemToObject(node, "status", node_status(in, NULL));
        return node;
}

cJSON *node_labels_patch(const struct node_inputs *in, const cJSON *node)
{
        const cJSON *have = json_get(json_get(node, "metadata"), "labels");
        cJSON *want = labels(in), *missing = cJSON_CreateObject(), *patch, *metadata, *l;

        cJSON_ArrayForEach (l, want)
                if (!streq(json_str(have, l->string), l->valuestring))
                        cJSON_AddStringToObject(missing, l->string, l->valuestring);
        for (const cJSON *old = in->package_labels && have ? have->child : NULL; old; old = old->next)
                if (starts_with(old->string, PACKAGE_LABEL_PREFIX) && !json_get(want, old->string))
                        cJSON_AddNullToObject(missing, old->string);
        cJSON_Delete(want);
        if (!missing->child) {
                cJSON_Delete(missing);
                return NULL;
        }
        patch = cJSON_CreateObject();
        metadata = cJSON_AddObjectToObject(patch, "metadata");
        cJSON_AddItemToObject(metadata, "labels", missing);
        return patch;
}

/* ---- the version ------------------------------------------------------------------------------------------------- */

void node_version(const cJSON *server_version, const char *vks_version, char ret[64])
{
        const char *major = json_str(server_version, "major"), *minor = json_str(server_version, "minor");
        unsigned long a = major ? strtoul(major, NULL, 10) : 0,
                      b = minor ? strtoul(minor, NULL, 10) : 0; /* minor may be "20+" */
        int n;

        if (a == 0 || a > 99 || b > 999)
                a = 1, b = 20;
        n = snprintf(ret, 64, "v%lu.%lu.0+vks.%.40s", a, b, vks_version);
        /* Semantic Versioning, build metadata: letters, digits, dots and hyphens. */
        for (int i = 0; i < n; i++)
                if (i > 1 && ret[i] != '+' && ret[i] != '.' && ret[i] != '-' && !isalnum((unsigned char)ret[i]))
                        ret[i] = '-';
        for (char *s = strchr(ret, '+') + 1; *s; s++)
                if (*s == '+')
                        *s = '-';
}
