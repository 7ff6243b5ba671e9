/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/join/node_of.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "common/mem.h"

#define MACHINE(id) "{\"metadata\":{\"name\":\"n\"},\"status\":{\"nodeInfo\":{\"machineID\":\"" id "\"}}}"
#define READY(status, at)                                                                                              \
        "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" status "\",\"lastHeartbeatTime\":\"" at       \
        "\"}]}}"
#define LEASE(at)     "{\"spec\":{\"renewTime\":\"" at "\"}}"
#define TAINTS(taint) "{\"spec\":{\"taints\":[" taint "]}}"
#define OTHER         "{\"key\":\"a\",\"effect\":\"NoExecute\"}"
#define OURS          "{\"key\":\"virtual-kubelet.io/provider\",\"value\":\"vks\",\"effect\":\"NoSchedule\"}"
#define NEARLY        "{\"key\":\"virtual-kubelet.io/provider\",\"effect\":\"NoExecute\"}"

static cJSON *parse(const char *text)
{
        cJSON *o = text ? json_parse(text, strlen(text)) : NULL;

        cr_assert(o || !text, "%s", text);
        return o;
}

Test(node_of, whose)
{
        static const struct {
                const char *node;
                int result;
        } rows[] = {
                { "{}", 0 },
                { MACHINE(""), 0 },
                { MACHINE("mine"), 0 },
                { MACHINE("other"), -EEXIST },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *node = parse(rows[i].node);

                cr_assert_eq(node_of_is_ours(node, "mine", NULL), rows[i].result, "%s", rows[i].node);
                cJSON_Delete(node);
        }
}

/* Who was Ready before this machine's agent was started has said nothing about it. */
Test(node_of, ready_since)
{
        static const struct {
                const char *node, *lease;
                bool ready;
        } rows[] = {
                { READY("True", "2026-01-02T00:00:00Z"), NULL, true },
                { READY("True", "2026-01-01T00:00:00Z"), NULL, false },
                { READY("True", "2026-01-01T00:00:00Z"), LEASE("2026-01-01T23:59:59.999999Z"),
                  true }, /* one second's grain */
                { READY("True", "2026-01-01T00:00:00Z"), LEASE("2026-01-01T23:59:58.000000Z"), false },
                { READY("True", "2026-01-01T00:00:00Z"), LEASE("2026-01-02T00:00:01.000000Z"), true },
                { READY("False", "2026-01-02T00:00:00Z"), LEASE("2026-01-02T00:00:00Z"), false },
                { READY("Unknown", "2026-01-02T00:00:00Z"), LEASE("2026-01-02T00:00:00Z"), false },
                { READY("True", "x"), LEASE("x"), false },
                { "{}", LEASE("2026-01-02T00:00:00Z"), false },
        };
        uint64_t since;

        cr_assert_eq(time_parse_rfc3339("2026-01-02T00:00:00Z", &since), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *node = parse(rows[i].node), *lease = parse(rows[i].lease);

                cr_assert_eq(node_of_is_ready(node, lease, since), rows[i].ready, "%zu", i);
                cJSON_Delete(node);
                cJSON_Delete(lease);
        }
}

Test(node_of, the_taint_and_no_other)
{
        static const struct {
                const char *node;
                bool has, wanted;
                const char *patch;
        } rows[] = {
                { "{}", false, true, TAINTS(OURS) },
                { TAINTS(OTHER "," OURS), true, false, TAINTS(OTHER) },
                { TAINTS(OTHER "," OURS), true, true, TAINTS(OTHER "," OURS) },
                { TAINTS(NEARLY), false, false, TAINTS(NEARLY) },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *node = parse(rows[i].node), *patch = node_of_taint_patch(node, rows[i].wanted);
                CLEANUP(freep) char *text = cJSON_PrintUnformatted(patch);

                cr_assert_eq(node_of_has_taint(node), rows[i].has);
                cr_assert_str_eq(text, rows[i].patch);
                cJSON_Delete(node);
                cJSON_Delete(patch);
        }
}
