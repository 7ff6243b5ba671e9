/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/admit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/lib/json.h"
#include "agent/pod/eviction.h"

/* ---- resources --------------------------------------------------------------------------------------------------- */

static enum admission not_enough(const char *resource, uint64_t asked, uint64_t used, uint64_t all, struct err *e)
{
        char reason[ERR_REASON_MAX];

        snprintf(reason, sizeof(reason), "OutOf%.40s", resource);
        err_set(e, -ENOSPC, reason,
                "Node didn't have enough resource: %s, requested: %" PRIu64 ", used: %" PRIu64 ", capacity: %" PRIu64,
                resource, asked, used, all);
        return REJECTED;
}

static bool fits(const struct resources *asked, const struct resources *used, const struct admit_node *node,
                 struct err *e)
{
        for (size_t i = 0; i < RESOURCES; i++) {
                uint64_t all = node->allocatable.of[i], left = all > used->of[i] ? all - used->of[i] : 0;
                if (asked->of[i] > left) {
                        (void)not_enough(resource_names[i], asked->of[i], used->of[i], all, e);
                        return false;
                }
        }
        return true;
}

bool admit_resize(const struct resources *asked, const struct admit_node *node, const struct neighbour *others,
                  size_t n, struct err *e)
{
        struct resources used = { 0 };

        for (size_t i = 0; i < n; i++)
                if (!others[i].lingers)
                        resources_add(&used, &others[i].pod->demands.requests);
        return fits(asked, &used, node, e);
}

static enum admission look_at_resources(const struct pod *p, const struct admit_node *node,
                                        const struct neighbour *others, size_t n, struct err *e)
{
        const struct resources *asked = &p->demands.requests;
        struct resources used = { 0 };
        uint64_t pods = 0;

        for (size_t i = 0; i < n; i++) {
                if (others[i].lingers)
                        continue;
                resources_add(&used, &others[i].pod->demands.requests);
                pods++;
        }
        if (pods >= node->pods)
                return not_enough("pods", 1, pods, node->pods, e);
        if (!fits(asked, &used, node, e))
                return REJECTED;
        if (*p->demands.hugepages) /* the node offers none */
                return not_enough(p->demands.hugepages, p->demands.hugepages_asked, 0, 0, e);
        return ADMITTED;
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

static bool number(const char *s, int64_t *ret)
{
        char *end;

        if (!s || !(isdigit((unsigned char)*s) || ((*s == '-' || *s == '+') && isdigit((unsigned char)s[1]))))
                return false;
        errno = 0;
        *ret = strtoll(s, &end, 10);
        return !errno && !*end;
}

static bool has_value(const cJSON *values, const char *value)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, values)
                if (streq(cJSON_GetStringValue(item), value))
                        return true;
        return false;
}

/* One requirement (apimachinery pkg/labels, Requirement.Matches); `value` is NULL where there is no such label. What is
 * no requirement matches nothing. */
static bool requirement_holds(const cJSON *requirement, const char *value)
{
        const cJSON *values = json_get(requirement, "values");
        const char *operator= json_str(requirement, "operator");
        int64_t have, bound;

        if (streq(operator, "In"))
                return value && has_value(values, value);
        if (streq(operator, "NotIn"))
                return json_len(values) > 0 && (!value || !has_value(values, value));
        if (streq(operator, "Exists"))
                return value != NULL;
        if (streq(operator, "DoesNotExist"))
                return value == NULL;
        if (!streq(operator, "Gt") && !streq(operator, "Lt"))
                return false;
        if (json_len(values) != 1 || !number(value, &have) || !number(values->child->valuestring, &bound))
                return false;
        return streq(operator, "Gt") ? have > bound : have < bound;
}

static const char *field_value(const struct admit_node *node, const char *key)
{
        return streq(key, "metadata.name") ? node->name : NULL;
}

/* All of the term's requirements hold; a term without any matches no node. */
static bool term_matches(const cJSON *term, const struct admit_node *node)
{
        const cJSON *labels = json_get(term, "matchExpressions"), *fields = json_get(term, "matchFields"), *item;

        cJSON_ArrayForEach (item, labels) {
                const char *key = json_str(item, "key");
                if (!key || !requirement_holds(item, json_str(node->labels, key)))
                        return false;
        }
        cJSON_ArrayForEach (item, fields)
                if (!requirement_holds(item, field_value(node, json_str(item, "key"))))
                        return false;
        return json_len(labels) + json_len(fields) > 0;
}

bool admit_terms_match(const cJSON *terms, const struct admit_node *node)
{
        const cJSON *term;

        cJSON_ArrayForEach (term, terms)
                if (term_matches(term, node))
                        return true;
        return false;
}

static enum admission no_match(struct err *e, const char *fmt, ...) PRINTF(2, 3);
static enum admission no_match(struct err *e, const char *fmt, ...)
{
        char text[400];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        err_set(e, -EPERM, ADMIT_AFFINITY,
                "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector (%s)", text);
        return REJECTED;
}

static enum admission look_at_labels(const struct pod *p, const struct admit_node *node, struct err *e)
{
        const cJSON *item;

        if (!node->labels)
                return ADMITTED;
        cJSON_ArrayForEach (item, p->demands.selector) {
                const char *want = cJSON_GetStringValue(item), *have = json_str(node->labels, item->string);
                if (want && streq(want, have))
                        continue;
                return have ? no_match(e, "nodeSelector %.120s=%.63s, but the node's is \"%.63s\"", item->string, want,
                                       have)
                            : no_match(e, "nodeSelector %.120s=%.63s, which the node does not have", item->string,
                                       want ? want : "");
        }
        if (!p->demands.terms || admit_terms_match(p->demands.terms, node))
                return ADMITTED;
        return no_match(e, "none of the %zu terms of its required node affinity does", json_len(p->demands.terms));
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static bool same_address(const struct port *a, const struct port *b)
{
        return !a->host_ip || !b->host_ip || streq(a->host_ip, b->host_ip);
}

/* The number that both would have, 0: none. *ret_asked: both ask for it as a hostPort. */
static uint16_t shared(const struct port *a, const struct port *b, bool *ret_asked)
{
        const uint16_t of_a[] = { a->host, a->container }, of_b[] = { b->host, b->container };

        if (!streq(a->protocol, b->protocol) || !same_address(a, b))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(of_a); i++)
                for (size_t k = 0; k < ARRAY_LEN(of_b); k++)
                        if (of_a[i] && of_a[i] == of_b[k]) {
                                *ret_asked = i == 0 && k == 0;
                                return of_a[i];
                        }
        return 0;
}

static enum admission port_is_taken(const struct neighbour *by, uint16_t number, const char *protocol, bool asked,
                                    struct err *e)
{
        const struct pod_id *id = &by->pod->id;

        if (by->ending || by->lingers) {
                err_set(e, -EADDRINUSE, "PortConflict",
                        "port %u/%s is still that of pod %s/%s, which is about to end: this pod begins behind it",
                        number, protocol, id->namespace, id->name);
                return HELD;
        }
        if (asked) {
                err_set(e, -EADDRINUSE, "NodePorts",
                        "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: port "
                        "%u/%s is that of pod %s/%s, which runs here",
                        number, protocol, id->namespace, id->name);
                return REJECTED;
        }
        err_set(e, -EADDRINUSE, "PortConflict",
                "port %u/%s is that of pod %s/%s, which runs here: pods have the machine's network, and this one "
                "begins "
                "when the port is free",
                number, protocol, id->namespace, id->name);
        return HELD;
}

/* A rejection is final, so it is looked for at all neighbours before one is waited for. A pod that cannot run here
 * binds nothing, though it has its hostPort. */
static enum admission look_at_ports(const struct pod *p, const struct neighbour *others, size_t n, struct err *e)
{
        enum admission worst = ADMITTED;

        for (size_t i = 0; i < n && worst != REJECTED; i++) {
                const struct demands *theirs = &others[i].pod->demands;
                for (size_t k = 0; k < p->demands.n_ports * theirs->n_ports && worst != REJECTED; k++) {
                        const struct port *mine = &p->demands.ports[k / theirs->n_ports];
                        bool asked = false;
                        uint16_t number = shared(mine, &theirs->ports[k % theirs->n_ports], &asked);
                        bool final = asked && !others[i].ending && !others[i].lingers;
                        if (number && (final || worst == ADMITTED) && (asked || !others[i].pod->refused.code))
                                worst = port_is_taken(&others[i], number, mine->protocol, asked, e);
                }
        }
        return worst;
}

/* ---- pressure ---------------------------------------------------------------------------------------------------- */

/*
 * Under pressure only those come in that the node cannot do without; where memory is all that is short, whoever asks
 * for some of it, too, or says that he can do with none (eviction_manager.go, Admit()).
 */
static enum admission look_at_pressure(const struct pod *p, const struct node_conditions *c, struct err *e)
{
        bool only_memory = c->memory && !c->disk && !c->pid;

        if ((!c->memory && !c->disk && !c->pid) || pod_is_critical(p) ||
            (only_memory && (p->qos != QOS_CLASS_BEST_EFFORT || p->demands.under_memory_pressure)))
                return ADMITTED;
        err_set(e, -EPERM, EVICTED, "The node had condition: [%s%s%s%s%s]. ", c->disk ? "DiskPressure" : "",
                c->disk && c->memory ? " " : "", c->memory ? "MemoryPressure" : "",
                (c->disk || c->memory) && c->pid ? " " : "", c->pid ? "PIDPressure" : "");
        return REJECTED;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

enum admission admit(const struct pod *p, const struct admit_node *node, const struct neighbour *others, size_t n,
                     struct err *e)
{
        enum admission a = look_at_pressure(p, &node->conditions, e);

        if (a != ADMITTED)
                return a;
        if (p->demands.os && !streq(p->demands.os, "linux")) {
                err_set(e, -EPERM, "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
                return REJECTED;
        }
        if (p->demands.unsafe_sysctl) { /* in the kubelet's words (pkg/kubelet/sysctl/allowlist.go) */
                err_set(e, -EPERM, "SysctlForbidden", "forbidden sysctl: \"%.200s\" not allowlisted",
                        p->demands.unsafe_sysctl);
                return REJECTED;
        }
        a = look_at_resources(p, node, others, n, e);
        if (a == ADMITTED)
                a = look_at_labels(p, node, e);
        if (a == ADMITTED)
                a = look_at_ports(p, others, n, e);
        return a;
}
