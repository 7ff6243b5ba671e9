/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows the end of a container's run, by its own restartPolicy and restartPolicyRules (KEP-5307, KEP-5532) or by
 * its pod's restartPolicy. The first rule that fits the exit code decides; where none fits, the policy does.
 */
#ifndef VKS_AGENT_POD_RESTART_POLICY_H
#define VKS_AGENT_POD_RESTART_POLICY_H

#include <cjson/cJSON.h>

#include "common/err.h"

enum restart_policy { RESTART_POLICY_ALWAYS, RESTART_POLICY_ON_FAILURE, RESTART_POLICY_NEVER };

enum restart_verdict {
        RESTART_NOT,
        RESTART_IT,
        RESTART_ALL, /* of the pod: its init containers run again, and everything behind them */
};

enum { RESTART_RULES_MAX = 20, RESTART_CODES_MAX = 255 }; /* pkg/apis/core/validation */

struct restart_rule {
        enum restart_verdict verdict; /* RESTART_IT or RESTART_ALL */
        bool others;                  /* NotIn: it fits all codes but these */
        size_t n_codes;
        int32_t *codes;
};

struct restarts {
        enum restart_policy policy; /* the container's own, otherwise its pod's */
        struct restart_rule *rules;
        size_t n_rules;
};

/* "Always" is what everything is that is none of the others. */
enum restart_policy restart_policy_parse(const char *text);

/*
 * Reads both fields of a container's spec. -EINVAL names the field that no API server would have let through; *ret is
 * to be freed by restarts_done() all the same.
 */
int restarts_parse(const cJSON *spec, enum restart_policy of_pod, struct restarts *ret, struct err *e);
void restarts_done(struct restarts *r);

/* Of the rules alone: RESTART_NOT where none fits. */
enum restart_verdict restarts_by_rule(const struct restarts *r, int exit_code);

/* Does some rule restart all containers? */
bool restarts_may_be_all(const struct restarts *r);

/* What systemd may do by itself while no agent runs: it knows the policy and no rules. */
enum restart_policy restarts_unattended(const struct restarts *r);

#endif
