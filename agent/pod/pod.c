/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pod.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/go_quote.h"
#include "agent/lib/times.h"
#include "agent/pod/hosts.h"
#include "agent/pod/pod_parse.h"
#include "agent/pod/resolv.h"
#include "common/mem.h"

/* ---- refusing: the first reason wins, later ones would only hide it ---------------------------------------------- */

void pod_refuse(struct pod *p, struct container *c, const char *reason, const char *fmt, ...)
{
        struct kept_err *refused = c ? &c->refused : &p->refused;
        char text[2 * ERR_TEXT_MAX]; /* err_set() tells when it cuts */
        va_list ap;

        if (refused->code)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        err_keep_set(refused, -EINVAL, reason, "%s", text);
}

void pod_ignore(struct buf *b, const char *field)
{
        if (b->data && strstr(b->data, field))
                return;
        if (b->len)
                buf_str(b, ", ");
        buf_str(b, field);
}

/* ---- small pieces ------------------------------------------------------------------------------------------------ */

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

bool pod_knows_field(const struct pod *p, const char *path)
{
        CLEANUP(freep) char *v = pod_field(p, path, &(struct pod_node){ .name = "", .ip = "" });
        return v != NULL;
}

bool pod_has_nul(const char *s)
{
        return s && strchr(s, JSON_NUL);
}

/* ---- what refers to something that must be there ----------------------------------------------------------------- */

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
                                pod_refuse(p, &p->containers[i], "CreateContainerConfigError",
                                           "containers{%s}.env{%s}.resourceFieldRef: no resource \"%.100s\" of a "
                                           "container "
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
                                pod_refuse(p, NULL, "FailedMount",
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
                                pod_refuse(p, &p->containers[i], "CreateContainerConfigError",
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
                        pod_ignore(ignored, "hostPort other than its containerPort");
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
                        pod_ignore(ignored, fields[i]);
        }
        if (cJSON_IsFalse(json_get(spec, "hostUsers")))
                pod_ignore(ignored, "hostUsers");
        if (streq(dns, "ClusterFirstWithHostNet"))
                pod_ignore(ignored, "dnsPolicy");
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

/* Its processes see the machine's name (uname(2)); one that the pod asks for is in $HOSTNAME and in its /etc/hosts
 * alone. A StatefulSet asks for the pod's own name, which it would have anyway: that is not worth an event for each of
 * its pods. */
static void tell_hostname(const struct pod *p, const cJSON *spec, struct buf *ignored)
{
        bool asks = json_get(spec, "hostname") || json_get(spec, "hostnameOverride");

        if (asks && p->hostname && !streq(p->hostname, p->id.name))
                pod_ignore(ignored, "hostname (it is in $HOSTNAME and /etc/hosts alone)");
}

/* As the kubelet does (pkg/volume/volume_linux.go): the group reads every file that vks makes. */
static void open_to_group(struct pod *p)
{
        for (size_t i = 0; i < p->n_volumes; i++)
                for (size_t k = 0; k < p->volumes[i].n_items; k++)
                        p->volumes[i].items[k].mode |= 0440;
}

static bool has_own_command(const struct container *c)
{
        return c->command || c->args;
}

/*
 * A file in a volume that no manifest has, in each container of the pod; `asked`: the pod wants it, and is refused
 * where it cannot be. `item.text` is taken.
 */
static void add_own_file(struct pod *p, struct volume_item item, const char *path, bool asked)
{
        CLEANUP(freep) char *name = xstrdup("vks-hosts");
        struct volume *v = p->n_volumes ? &p->volumes[p->n_volumes - 1] : NULL;
        bool there = v && streq(v->name, name) && v->own;
        size_t room;

        for (size_t i = 0; i < p->n_volumes && !there; i++)
                if (streq(p->volumes[i].name, name)) {
                        if (asked)
                                pod_refuse(p, NULL, "FailedMount",
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
        *pod_add_item(p, v, &room) = item;
        for (size_t i = 0; i < p->n_containers; i++)
                if (asked || has_own_command(&p->containers[i]))
                        pod_mount_own(&p->containers[i], v->name, item.path, path, asked);
}

/*
 * Its aliases are for all of its containers. Its name alone is for those that run something of the pod's own: a daemon
 * that a package has configured knows the machine's names, and one that speaks for the machine is allowed only where a
 * pod brings nothing along (brings_nothing() in policy/privilege.c).
 */
static void add_hosts(struct pod *p, const cJSON *aliases)
{
        struct volume_item item = { .kind = SOURCE_HOSTS };
        struct err e = ERR_NONE;
        bool asked = json_len(aliases) > 0, wanted = asked;

        /* Not those that come later: a pod's volumes are the same for all of its life. */
        for (size_t i = 0; i < p->n_containers && p->hostname; i++)
                wanted |= has_own_command(&p->containers[i]) && !p->containers[i].ephemeral;
        if (!wanted || !p->volumes)
                return;
        if (hosts_of_aliases(aliases, &item.text, &e) < 0)
                pod_refuse(p, NULL, e.reason, "%s", e.text);
        else
                add_own_file(p, item, HOSTS_PATH, asked);
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
                pod_refuse(p, NULL, e.reason, "%s", e.text);
        else
                add_own_file(p, item, RESOLV_PATH, true);
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
        if (p->hostname && !json_str(spec, "hostnameOverride") && json_str(spec, "subdomain"))
                p->subdomain = xstrdup(json_str(spec, "subdomain"));
        p->labels = pairs(json_get(meta, "labels"), &p->n_labels);
        p->annotations = pairs(json_get(meta, "annotations"), &p->n_annotations);
        demands_parse(spec, &p->demands);
        p->resources = json_get(spec, "resources") ? cJSON_Duplicate(json_get(spec, "resources"), true) : NULL;
        tell_unmapped_ports(&p->demands, &ignored);
        tell_ignored_fields(spec, &ignored);
        tell_hostname(p, spec, &ignored);
        if (json_get(spec, "runtimeClassName"))
                pod_refuse(p, NULL, "FailedCreatePodSandBox", "spec.runtimeClassName: \"%.80s\" is not known here",
                           json_str(spec, "runtimeClassName"));
        /* They are set in a network or an IPC namespace of the pod's own, where it has one. Refused, and not rejected:
         * its controller would make one pod after the other, since the scheduler knows nothing of this. */
        if (p->demands.sysctl)
                pod_refuse(p, NULL, "FailedCreatePodSandBox",
                           "spec.securityContext.sysctls: \"%s\" would be the whole machine's, whose network and IPC a "
                           "pod "
                           "has",
                           p->demands.sysctl);
        pod_parse_groups(p, json_get(spec, "securityContext"));
        pod_parse_volumes(p, json_get(spec, "volumes"), &ignored);
        if (p->has_fs_group)
                open_to_group(p);
        pod_parse_containers(p, spec, &ignored);
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
        err_forget(&c->refused);
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
                pod_volume_item_done(&v->items[i]);
        free(v->items), free(v->name), free(v->path), free(v->type), free(v->size_text);
        free(v->claim), free(v->server), free(v->exported), free(v->of);
}

bool volume_is_nowhere(const struct volume *v)
{
        return (v->kind == VOLUME_CLAIM || v->kind == VOLUME_NFS) && !v->path;
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
        free(p->containers), free(p->volumes), free(p->service_account), free(p->hostname), free(p->subdomain),
                free(p->ignored);
        strv_free(p->readiness_gates);
        free(p->gates_why);
        demands_done(&p->demands);
        err_forget(&p->refused);
        free(p);
        return NULL;
}
