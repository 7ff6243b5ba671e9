/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/limits.h"

#include "agent/lib/json.h"

enum {
        /* pkg/kubelet/cm/helpers_linux.go */
        SHARES_MIN = 2,
        SHARES_MAX = 262144,
        SHARES_OF_CPU = 1024,
        WEIGHT_MAX = 10000,
        MILLI_MIN = 10, /* 1 ms in 100 */
        /* proto/helper.proto */
        MILLI_MAX = 100000000,
        /* pkg/kubelet/qos/policy.go */
        SPARED = -997,
        FIRST = 1000,
};

/* By way of cgroup v1's shares, of which there are 1024 for a CPU, as the kubelet's getCPUWeight(). */
static uint32_t weight_of(uint64_t milli)
{
        uint64_t shares = milli >= UINT64_C(1000) * SHARES_MAX ? SHARES_MAX : milli * SHARES_OF_CPU / 1000;

        if (shares < SHARES_MIN)
                shares = SHARES_MIN;
        if (shares > SHARES_MAX)
                shares = SHARES_MAX;
        return (uint32_t)(1 + (shares - SHARES_MIN) * (WEIGHT_MAX - 1) / (SHARES_MAX - SHARES_MIN));
}

static uint32_t quota_of(uint64_t milli)
{
        if (milli == 0)
                return 0;
        return milli < MILLI_MIN ? MILLI_MIN : milli > MILLI_MAX ? MILLI_MAX : (uint32_t)milli;
}

void limits_of_pod(const struct pod *p, uint32_t pids, struct limits *ret)
{
        *ret = (struct limits){ .tasks_max = pids };
        if (p->qos == QOS_CLASS_BEST_EFFORT)
                return;
        ret->cpu_weight = weight_of(p->demands.requests.of[RESOURCE_CPU]);
        ret->cpu_milli = quota_of(p->demands.bounds.of[RESOURCE_CPU]);
        ret->memory_max = p->demands.bounds.of[RESOURCE_MEMORY];
}

/* A limit that the container does not set is the pod's. */
static uint64_t limit_of(const struct pod *p, const struct resources *own, enum resource r)
{
        return own->of[r] ? own->of[r] : p->demands.limits.of[r];
}

void limits_of_container(const struct pod *p, const struct container *c, struct limits *ret)
{
        const cJSON *asked = json_get(c->resources, "requests");
        struct resources requests, limits;
        uint64_t cpu;

        *ret = (struct limits){ 0 };
        if (p->qos == QOS_CLASS_BEST_EFFORT)
                return;
        resources_parse(asked, &requests);
        resources_parse(json_get(c->resources, "limits"), &limits);
        cpu = limit_of(p, &limits, RESOURCE_CPU);
        ret->cpu_weight = weight_of(json_get(asked, resource_names[RESOURCE_CPU]) ? requests.of[RESOURCE_CPU] : cpu);
        ret->cpu_milli = quota_of(cpu);
        ret->memory_max = limit_of(p, &limits, RESOURCE_MEMORY);
}

static uint64_t memory_request(const struct container *c)
{
        return resource_amount(json_get(c->resources, "requests"), resource_names[RESOURCE_MEMORY]);
}

static int64_t score_of(uint64_t request, uint64_t memory)
{
        return request >= memory ? 0 : FIRST - (int64_t)((unsigned __int128)FIRST * request / memory);
}

/* A sidecar is killed no sooner than any container that needs it. */
static uint64_t least_request(const struct pod *p)
{
        uint64_t least = UINT64_MAX;

        for (size_t i = 0; i < p->n_containers; i++) {
                const struct container *c = &p->containers[i];

                if (!c->init && !c->ephemeral && memory_request(c) < least)
                        least = memory_request(c);
        }
        return least;
}

int limits_oom_score(const struct pod *p, const struct container *c, uint64_t memory)
{
        struct limits own;
        uint64_t request = memory_request(c);
        int64_t score;

        limits_of_container(p, c, &own);
        if (own.memory_max && (p->node_critical || p->qos == QOS_CLASS_GUARANTEED))
                return SPARED;
        if (p->qos == QOS_CLASS_BEST_EFFORT || !memory)
                return FIRST;
        if (c->sidecar && least_request(p) != UINT64_MAX && least_request(p) > request)
                request = least_request(p);
        score = score_of(request + p->demands.spare_memory, memory);
        if (score < FIRST + SPARED)
                return FIRST + SPARED;
        return score == FIRST ? FIRST - 1 : (int)score;
}
