/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/demands.h"

#include <stdio.h>

#include "agent/lib/json.h"
#include "common/ids.h"
#include "common/mem.h"

static uint16_t port_number(const cJSON *o, const char *key)
{
        int64_t n = json_int(o, key, 0);

        return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static const char *protocol_of(const cJSON *port)
{
        static const char *const others[] = { "UDP", "SCTP" };
        const char *s = json_str(port, "protocol");

        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                if (streq(s, others[i]))
                        return others[i];
        return "TCP";
}

/* Both mean every address of the machine, as no address does. */
static bool is_any_address(const char *ip)
{
        return !ip || !*ip || streq(ip, "0.0.0.0") || streq(ip, "::");
}

static void add_ports(struct demands *d, const cJSON *container)
{
        const cJSON *ports = json_get(container, "ports"), *item;
        size_t n = json_len(ports);

        if (n > PORTS_MAX - d->n_ports)
                n = PORTS_MAX - d->n_ports;
        if (n == 0)
                return;
        d->ports = xrealloc(d->ports, d->n_ports + n, sizeof(*d->ports));
        cJSON_ArrayForEach (item, ports) {
                const char *ip = json_str(item, "hostIP");
                if (n-- == 0)
                        break;
                d->ports[d->n_ports++] = (struct port){
                        .protocol = protocol_of(item),
                        .container = port_number(item, "containerPort"),
                        .host = port_number(item, "hostPort"),
                        .host_ip = is_any_address(ip) ? NULL : xstrdup(ip),
                };
        }
}

/* Of the first kind that is asked for: containers have theirs together, an init container before them. */
static void look_for_hugepages(struct demands *d, const cJSON *container, bool init)
{
        const cJSON *requests = json_get(json_get(container, "resources"), "requests"), *item;

        cJSON_ArrayForEach (item, requests) {
                uint64_t amount = starts_with(item->string, "hugepages-") ? resource_amount(requests, item->string) : 0;
                if (!amount || (*d->hugepages && !streq(d->hugepages, item->string)))
                        continue;
                snprintf(d->hugepages, sizeof(d->hugepages), "%s", item->string);
                if (!init && !__builtin_add_overflow(d->hugepages_asked, amount, &amount))
                        d->hugepages_asked = amount;
                else if (amount > d->hugepages_asked)
                        d->hugepages_asked = amount;
        }
}

/* "." between the parts, and "/" where a part has a "." (k8s.io/component-helpers, node/util/sysctl, NormalizeName()).
 */
static char *sysctl_name(const char *given)
{
        char *name = xstrdup(given);

        if (name[strcspn(name, "./")] == '/')
                for (char *c = name; *c; c++)
                        *c = (char)(*c == '/' ? '.' : *c == '.' ? '/' : *c);
        return name;
}

/* Those that a pod may set on any node, since they are its own there (pkg/kubelet/sysctl/safe_sysctls.go). */
static bool is_safe_sysctl(const char *name)
{
        static const char *const safe[] = {
                "kernel.shm_rmid_forced",
                "net.ipv4.ip_local_port_range",
                "net.ipv4.ip_local_reserved_ports",
                "net.ipv4.ip_unprivileged_port_start",
                "net.ipv4.ping_group_range",
                "net.ipv4.tcp_fin_timeout",
                "net.ipv4.tcp_keepalive_intvl",
                "net.ipv4.tcp_keepalive_probes",
                "net.ipv4.tcp_keepalive_time",
                "net.ipv4.tcp_notsent_lowat",
                "net.ipv4.tcp_rmem",
                "net.ipv4.tcp_slow_start_after_idle",
                "net.ipv4.tcp_syncookies",
                "net.ipv4.tcp_wmem",
        };

        for (size_t i = 0; i < ARRAY_LEN(safe); i++)
                if (streq(name, safe[i]))
                        return true;
        return false;
}

static void look_for_sysctls(struct demands *d, const cJSON *spec)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, json_get(json_get(spec, "securityContext"), "sysctls")) {
                const char *given = json_str(item, "name");
                CLEANUP(freep) char *name = sysctl_name(given ? given : "");
                char **first = is_safe_sysctl(name) ? &d->sysctl : &d->unsafe_sysctl;

                if (!*first)
                        *first = TAKE(name);
        }
}

static cJSON *copy(const cJSON *o)
{
        return o && !cJSON_IsNull(o) ? cJSON_Duplicate(o, true) : NULL;
}

/* The taint is the control plane's, with the effect NoSchedule (v1helper.TolerationsTolerateTaint). */
static bool tolerates(const cJSON *toleration, const char *taint)
{
        const char *key = json_str(toleration, "key"), *effect = json_str(toleration, "effect"),
                   *operator= json_str(toleration, "operator"), *value = json_str(toleration, "value");
        bool exists = streq(operator, "Exists");

        if (effect && *effect && !streq(effect, "NoSchedule"))
                return false;
        if (key && *key ? !streq(key, taint) : !exists)
                return false;
        return exists || ((!operator|| !* operator|| streq(operator, "Equal")) && (!value || !*value));
}

void demands_parse(const cJSON *spec, struct demands *ret)
{
        const cJSON *affinity = json_get(json_get(spec, "affinity"), "nodeAffinity"), *item;
        const char *os = json_str(json_get(spec, "os"), "name");
        struct resources all;

        *ret = (struct demands){ 0 };
        ret->selector = copy(json_get(spec, "nodeSelector"));
        ret->terms = copy(
                json_get(json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms"));
        ret->os = xstrdup(os);
        look_for_sysctls(ret, spec);
        resources_of_pod(spec, "requests", &ret->requests);
        resources_parse(json_get(json_get(spec, "resources"), "limits"), &ret->limits);
        resources_bounds(spec, &ret->bounds);
        ret->spare_memory = resources_spare_memory(spec);
        resources_of_pod(spec, "limits", &all);
        ret->storage_limit = all.of[RESOURCE_STORAGE];
        ret->priority = json_int(spec, "priority", 0);
        cJSON_ArrayForEach (item, json_get(spec, "tolerations"))
                ret->under_memory_pressure |= tolerates(item, "node.kubernetes.io/memory-pressure");
        cJSON_ArrayForEach (item, json_get(spec, "containers")) {
                add_ports(ret, item);
                look_for_hugepages(ret, item, false);
        }
        cJSON_ArrayForEach (item, json_get(spec, "initContainers")) {
                if (streq(json_str(item, "restartPolicy"), "Always"))
                        add_ports(ret, item);
                look_for_hugepages(ret, item, true);
        }
}

void demands_done(struct demands *d)
{
        for (size_t i = 0; i < d->n_ports; i++)
                free(d->ports[i].host_ip);
        free(d->ports);
        free(d->os), free(d->unsafe_sysctl), free(d->sysctl);
        cJSON_Delete(d->selector);
        cJSON_Delete(d->terms);
}
