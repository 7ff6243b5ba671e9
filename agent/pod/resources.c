/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/quantity.h"
#include "common/mem.h"

const char *const resource_names[RESOURCES] = {
        [RESOURCE_CPU] = "cpu",
        [RESOURCE_MEMORY] = "memory",
        [RESOURCE_STORAGE] = "ephemeral-storage",
};

static bool is_cpu(const char *name)
{
        return streq(name, resource_names[RESOURCE_CPU]);
}

static int amount_of(const char *text, bool cpu, uint64_t *ret)
{
        return cpu ? quantity_milli(text, ret) : quantity_value(text, ret);
}

uint64_t resource_amount(const cJSON *list, const char *name)
{
        const char *text = json_str(list, name);
        uint64_t amount = 0;

        if (text && amount_of(text, is_cpu(name), &amount) == -ERANGE)
                return INT64_MAX;
        return amount;
}

void resources_parse(const cJSON *list, struct resources *ret)
{
        for (size_t i = 0; i < RESOURCES; i++)
                ret->of[i] = resource_amount(list, resource_names[i]);
}

void resources_add(struct resources *to, const struct resources *more)
{
        for (size_t i = 0; i < RESOURCES; i++)
                if (__builtin_add_overflow(to->of[i], more->of[i], &to->of[i]) || to->of[i] > INT64_MAX)
                        to->of[i] = INT64_MAX;
}

void resources_most(struct resources *to, const struct resources *other)
{
        for (size_t i = 0; i < RESOURCES; i++)
                if (other->of[i] > to->of[i])
                        to->of[i] = other->of[i];
}

/* cppcheck cannot read cJSON_ArrayForEach() in this file. */
static const cJSON *first_of(const cJSON *list)
{
        return list ? list->child : NULL;
}

/* What all containers of the list take that run at the same time: of init containers, the sidecars. */
static void add_running(struct resources *to, const cJSON *list, const char *key, bool sidecars)
{
        for (const cJSON *c = first_of(list); c; c = c->next) {
                struct resources own;
                if (sidecars && !streq(json_str(c, "restartPolicy"), "Always"))
                        continue;
                resources_parse(json_get(json_get(c, "resources"), key), &own);
                resources_add(to, &own);
        }
}

/* An init container with the sidecars that began before it, whichever takes most. */
static struct resources beginning(const cJSON *spec, const char *key)
{
        struct resources sidecars = { 0 }, most = { 0 }, own;

        for (const cJSON *c = first_of(json_get(spec, "initContainers")); c; c = c->next) {
                resources_parse(json_get(json_get(c, "resources"), key), &own);
                resources_add(&own, &sidecars);
                resources_most(&most, &own);
                if (streq(json_str(c, "restartPolicy"), "Always"))
                        sidecars = own;
        }
        return most;
}

/* What the containers take together. */
static void add_all(struct resources *ret, const cJSON *spec, const char *key)
{
        const struct resources begins = beginning(spec, key);

        *ret = (struct resources){ 0 };
        add_running(ret, json_get(spec, "containers"), key, false);
        add_running(ret, json_get(spec, "initContainers"), key, true);
        resources_most(ret, &begins);
}

void resources_of_pod(const cJSON *spec, const char *key, struct resources *ret)
{
        const cJSON *pod = json_get(json_get(spec, "resources"), key);
        struct resources overhead;

        add_all(ret, spec, key);
        for (size_t i = 0; i < RESOURCES; i++)
                if (json_get(pod, resource_names[i]))
                        ret->of[i] = resource_amount(pod, resource_names[i]);
        resources_parse(json_get(spec, "overhead"), &overhead);
        resources_add(ret, &overhead);
}

/* Of any list of containers, does each have a limit? */
static bool all_have_limit(const cJSON *list, const char *name)
{
        for (const cJSON *c = first_of(list); c; c = c->next)
                if (!resource_amount(json_get(json_get(c, "resources"), "limits"), name))
                        return false;
        return true;
}

void resources_bounds(const cJSON *spec, struct resources *ret)
{
        const cJSON *own = json_get(json_get(spec, "resources"), "limits");

        resources_of_pod(spec, "limits", ret);
        for (size_t i = 0; i < RESOURCES; i++)
                if (!resource_amount(own, resource_names[i]) &&
                    !(all_have_limit(json_get(spec, "containers"), resource_names[i]) &&
                      all_have_limit(json_get(spec, "initContainers"), resource_names[i])))
                        ret->of[i] = 0;
}

uint64_t resources_spare_memory(const cJSON *spec)
{
        uint64_t own =
                resource_amount(json_get(json_get(spec, "resources"), "requests"), resource_names[RESOURCE_MEMORY]);
        size_t n = json_len(json_get(spec, "containers")) + json_len(json_get(spec, "initContainers"));
        struct resources all;

        add_all(&all, spec, "requests");
        return n && own > all.of[RESOURCE_MEMORY] ? (own - all.of[RESOURCE_MEMORY]) / n : 0;
}

/* What stands behind "limits." or "requests.", if there is such a resource. */
static bool is_known(const char *name)
{
        for (size_t i = 0; i < RESOURCES; i++)
                if (streq(name, resource_names[i]))
                        return true;
        return starts_with(name, "hugepages-") && name[strlen("hugepages-")];
}

static uint64_t limit_or_all(const cJSON *limits, const char *name, const struct resources *allocatable)
{
        uint64_t amount = resource_amount(limits, name);

        for (size_t i = 0; i < RESOURCES && !amount; i++)
                if (streq(name, resource_names[i]))
                        return allocatable->of[i];
        return amount;
}

char *resource_field(const cJSON *resources, const char *field, const char *divisor,
                     const struct resources *allocatable)
{
        bool limit = starts_with(field, "limits."), request = starts_with(field, "requests.");
        const char *name = field + strlen(limit ? "limits." : request ? "requests." : "");
        uint64_t amount, unit = 0;

        if (!(limit || request) || !is_known(name))
                return NULL;
        if (divisor && amount_of(divisor, is_cpu(name), &unit) < 0)
                return NULL;
        if (!unit) /* none, or "0", which the API server has for none */
                unit = is_cpu(name) ? 1000 : 1;
        amount = limit ? limit_or_all(json_get(resources, "limits"), name, allocatable)
                       : resource_amount(json_get(resources, "requests"), name);
        return xasprintf("%" PRIu64, quantity_ceil(amount, unit));
}
