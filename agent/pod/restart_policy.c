/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/restart_policy.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "common/mem.h"

enum restart_policy restart_policy_parse(const char *text)
{
        return streq(text, "Never")       ? RESTART_POLICY_NEVER
               : streq(text, "OnFailure") ? RESTART_POLICY_ON_FAILURE
                                          : RESTART_POLICY_ALWAYS;
}

static int wrong(struct err *e, size_t i, const char *what)
{
        return err_set(e, -EINVAL, "CreateContainerConfigError", "restartPolicyRules[%zu].%s", i, what);
}

static int parse_rule(const cJSON *spec, size_t i, struct restart_rule *ret, struct err *e)
{
        const cJSON *exits = json_get(spec, "exitCodes"), *values = json_get(exits, "values"), *value;
        const char *action = json_str(spec, "action"), *operator= json_str(exits, "operator");

        if (!streq(action, "Restart") && !streq(action, "RestartAllContainers"))
                return wrong(e, i, "action: neither Restart nor RestartAllContainers");
        ret->verdict = streq(action, "Restart") ? RESTART_IT : RESTART_ALL;
        if (!streq(operator, "In") && !streq(operator, "NotIn"))
                return wrong(e, i, "exitCodes.operator: neither In nor NotIn");
        ret->others = streq(operator, "NotIn");
        if (json_len(values) > RESTART_CODES_MAX)
                return wrong(e, i, "exitCodes.values: too many");
        ret->codes = xcalloc(json_len(values) + 1, sizeof(*ret->codes));
        cJSON_ArrayForEach (value, values) {
                if (!cJSON_IsNumber(value))
                        return wrong(e, i, "exitCodes.values: not a number");
                ret->codes[ret->n_codes++] = value->valueint;
        }
        return 0;
}

int restarts_parse(const cJSON *spec, enum restart_policy of_pod, struct restarts *ret, struct err *e)
{
        const cJSON *rules = json_get(spec, "restartPolicyRules"), *rule;
        const char *own = json_str(spec, "restartPolicy");
        int r = 0;

        *ret = (struct restarts){ .policy = own ? restart_policy_parse(own) : of_pod };
        if (json_len(rules) > RESTART_RULES_MAX)
                return err_set(e, -EINVAL, "CreateContainerConfigError", "restartPolicyRules: more than %d",
                               RESTART_RULES_MAX);
        ret->rules = xcalloc(json_len(rules) + 1, sizeof(*ret->rules));
        cJSON_ArrayForEach (rule, rules) {
                r = r < 0 ? r : parse_rule(rule, ret->n_rules, &ret->rules[ret->n_rules], e);
                ret->n_rules++;
        }
        return r;
}

void restarts_done(struct restarts *r)
{
        for (size_t i = 0; i < r->n_rules; i++)
                free(r->rules[i].codes);
        free(r->rules);
        *r = (struct restarts){ 0 };
}

static bool fits(const struct restart_rule *rule, int exit_code)
{
        bool listed = false;

        for (size_t i = 0; i < rule->n_codes; i++)
                listed |= rule->codes[i] == exit_code;
        return listed != rule->others;
}

enum restart_verdict restarts_by_rule(const struct restarts *r, int exit_code)
{
        for (size_t i = 0; i < r->n_rules; i++)
                if (fits(&r->rules[i], exit_code))
                        return r->rules[i].verdict;
        return RESTART_NOT;
}

bool restarts_may_be_all(const struct restarts *r)
{
        for (size_t i = 0; i < r->n_rules; i++)
                if (r->rules[i].verdict == RESTART_ALL)
                        return true;
        return false;
}

/* A rule that restarts it adds nothing to Always, and one that restarts all is nothing that systemd could do. */
enum restart_policy restarts_unattended(const struct restarts *r)
{
        if (r->n_rules == 0 || (r->policy == RESTART_POLICY_ALWAYS && !restarts_may_be_all(r)))
                return r->policy;
        return RESTART_POLICY_NEVER;
}
