/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/restart_policy.h"

#include "story.h"

/* ---- what a spec says -------------------------------------------------------------------------------------------- */

static void parse(const char *json, struct restarts *ret, struct err *e)
{
        cJSON *spec = cJSON_Parse(json);

        cr_assert_not_null(spec, "%s", json);
        restarts_parse(spec, RESTART_POLICY_ON_FAILURE, ret, e);
        cJSON_Delete(spec);
}

Test(restarts, the_containers_own_policy_comes_before_its_pods)
{
        static const struct {
                const char *spec;
                enum restart_policy policy, unattended;
        } rows[] = {
                { "{}", RESTART_POLICY_ON_FAILURE, RESTART_POLICY_ON_FAILURE },
                { "{\"restartPolicy\":\"Never\"}", RESTART_POLICY_NEVER, RESTART_POLICY_NEVER },
                { "{\"restartPolicy\":\"Always\"}", RESTART_POLICY_ALWAYS, RESTART_POLICY_ALWAYS },
                { "{\"restartPolicy\":\"Always\",\"restartPolicyRules\":[{\"action\":\"Restart\",\"exitCodes\":"
                  "{\"operator\":\"In\",\"values\":[3]}}]}",
                  RESTART_POLICY_ALWAYS, RESTART_POLICY_ALWAYS },
                { "{\"restartPolicy\":\"Always\",\"restartPolicyRules\":[{\"action\":\"RestartAllContainers\","
                  "\"exitCodes\":"
                  "{\"operator\":\"In\",\"values\":[3]}}]}",
                  RESTART_POLICY_ALWAYS, RESTART_POLICY_NEVER },
                { "{\"restartPolicy\":\"OnFailure\",\"restartPolicyRules\":[{\"action\":\"Restart\",\"exitCodes\":"
                  "{\"operator\":\"In\",\"values\":[0]}}]}",
                  RESTART_POLICY_ON_FAILURE, RESTART_POLICY_NEVER },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct restarts r;
                struct err e = ERR_NONE;
                parse(rows[i].spec, &r, &e);
                cr_expect_eq(e.code, 0, "%s", e.text);
                cr_expect_eq(r.policy, rows[i].policy, "%s", rows[i].spec);
                cr_expect_eq(restarts_unattended(&r), rows[i].unattended, "%s", rows[i].spec);
                restarts_done(&r);
        }
}

Test(restarts, the_first_rule_that_fits_decides)
{
        struct restarts r;
        struct err e = ERR_NONE;

        parse("{\"restartPolicyRules\":["
              "{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[3,4]}},"
              "{\"action\":\"RestartAllContainers\",\"exitCodes\":{\"operator\":\"In\",\"values\":[4,5]}},"
              "{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"NotIn\",\"values\":[0,1]}}]}",
              &r, &e);
        cr_assert_eq(e.code, 0, "%s", e.text);
        cr_expect_eq(restarts_by_rule(&r, 0), RESTART_NOT);
        cr_expect_eq(restarts_by_rule(&r, 1), RESTART_NOT);
        cr_expect_eq(restarts_by_rule(&r, 3), RESTART_IT);
        cr_expect_eq(restarts_by_rule(&r, 4), RESTART_IT);
        cr_expect_eq(restarts_by_rule(&r, 5), RESTART_ALL);
        cr_expect_eq(restarts_by_rule(&r, 137), RESTART_IT);
        cr_expect(restarts_may_be_all(&r));
        restarts_done(&r);
}

Test(restarts, what_no_api_server_lets_through_is_named)
{
        static const struct {
                const char *rules, *words;
        } rows[] = {
                { "[{\"action\":\"Reboot\",\"exitCodes\":{\"operator\":\"In\",\"values\":[3]}}]",
                  "restartPolicyRules[0].action: neither Restart nor RestartAllContainers" },
                { "[{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[3]}},{\"action\":"
                  "\"Restart\"}]",
                  "restartPolicyRules[1].exitCodes.operator: neither In nor NotIn" },
                { "[{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[\"3\"]}}]",
                  "restartPolicyRules[0].exitCodes.values: not a number" },
                { "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "restartPolicyRules: more than 20" },
                { "[{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[3]}},{\"action\":\"x\"},"
                  "{\"action\":\"Restart\"}]",
                  "restartPolicyRules[1].action: neither Restart nor RestartAllContainers" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *json = xasprintf("{\"restartPolicyRules\":%s}", rows[i].rules);
                struct restarts r;
                struct err e = ERR_NONE;
                parse(json, &r, &e);
                cr_expect_eq(e.code, -EINVAL);
                cr_expect_str_eq(e.text, rows[i].words);
                restarts_done(&r);
        }
}

/* The numbers are those of the API server, which has let them through. */
Test(restarts, as_many_rules_and_codes_as_the_api_allows)
{
        static const struct {
                unsigned rules, codes;
                const char *words;
        } rows[] = { { 20, 1, NULL },
                     { 21, 1, "restartPolicyRules: more than 20" },
                     { 1, 255, NULL },
                     { 1, 256, "restartPolicyRules[0].exitCodes.values: too many" } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_done) struct buf b = BUF(1 << 16);
                struct restarts r;
                struct err e = ERR_NONE;

                buf_str(&b, "{\"restartPolicyRules\":[");
                for (unsigned n = 0; n < rows[i].rules; n++) {
                        buf_printf(&b, "%s{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[",
                                   n ? "," : "");
                        for (unsigned k = 0; k < rows[i].codes; k++)
                                buf_printf(&b, "%s%u", k ? "," : "", n + k);
                        buf_str(&b, "]}}");
                }
                buf_str(&b, "]}");
                parse(b.data, &r, &e);
                cr_expect(rows[i].words ? streq(e.text, rows[i].words) : e.code == 0, "row %zu: %s", i, e.text);
                if (!rows[i].words) {
                        cr_expect_eq(r.n_rules, rows[i].rules);
                        cr_expect_eq(restarts_by_rule(&r, (int)(rows[i].rules + rows[i].codes) - 2), RESTART_IT,
                                     "the last");
                        cr_expect_eq(restarts_by_rule(&r, (int)(rows[i].rules + rows[i].codes) - 1), RESTART_NOT);
                }
                restarts_done(&r);
                cr_expect_eq(r.n_rules, 0);
        }
}

/* ---- what follows for the pod ------------------------------------------------------------------------------------ */

Test(restarts, a_container_follows_its_own_policy)
{
        static const struct story stories[] = {
                { "its own Always", "Never c/Always d", "ready; c runs; d runs; c exits 0", "restart c",
                  "Running | c terminated Completed 0 | d running ready", NULL },
                { "its own Never", "Always c/Never d", "ready; c runs; d runs; c exits 1", "",
                  "Running | c terminated Error 1 | d running ready", NULL },
                { "its own OnFailure", "Always c/OnFailure", "ready; c runs; c exits 0 inactive; status_current",
                  "remove", "Succeeded | c terminated Completed 0", NULL },
                { "the pod is over when each is", "Always c/Never d/Never",
                  "ready; c runs; d runs; c exits 1; d exits 0 inactive; status_current", "remove",
                  "Failed | c terminated Error 1 | d terminated Completed 0", NULL },
                { "a rule comes before the policy", "Never c/Never+Restart:In:3:4", "ready; c runs; c exits 4",
                  "restart c", "Running | c terminated Error 4", NULL },
                { "where none fits, the policy decides", "Always c/Never+Restart:In:3:4",
                  "ready; c runs; c exits 5; status_current", "remove", "Failed | c terminated Error 5", NULL },
                { "success is a code as well", "Never c/Never+Restart:NotIn:7", "ready; c runs; c exits 0", "restart c",
                  "Running | c terminated Completed 0", NULL },
                { "an init container by its rule", "Never i/init/Never+Restart:In:3 c", "ready; i runs; i exits 3",
                  "restart i", NULL, NULL },
                { "and is the pod's end where none fits", "Always i/init/Never+Restart:In:3 c",
                  "ready; i runs; i exits 4; status_current", "remove", NULL, NULL },
                { "one that has succeeded does not run again", "Never i/init/Never+Restart:NotIn:7 c",
                  "ready; i runs; i exits 0 inactive", "start c", NULL, NULL },
                { "it waits its turn as any other", "Never c/Never+Restart:In:3",
                  "ready; c runs; c backoff 10s; c exits 3; status", "wake 10s",
                  "Running | c waiting CrashLoopBackOff was Error 3", NULL },
                { "who is ended by a probe is not started against his policy", "Always c/Never",
                  "ready; c runs; c probed liveness bad; c killed 15; status_current", "remove",
                  "Failed | c terminated Error 143", NULL },
        };

        TELL(stories);
}

#define ALL "/Never+RestartAllContainers:In:42"

Test(restarts, a_rule_restarts_the_whole_pod)
{
        static const struct story stories[] = {
                { "all are to begin anew", "Never i/init c" ALL " d",
                  "ready; i runs; i exits 0 inactive; c runs; d runs; c exits 42", "begin-anew c", NULL, NULL },
                { "after the back-off of whoever is the reason", "Never c" ALL " d",
                  "ready; c runs; d runs; c backoff 10s; c exits 42", "wake 10s",
                  "Running | c waiting CrashLoopBackOff was Error 42 | d running ready", NULL },
                { "then every unit makes room", "Never i/init c" ALL " d",
                  "ready; i runs; i exits 0 inactive; c runs; d runs; c exits 42; begin anew",
                  "clear i, clear c, end d",
                  "Running | i waiting PodInitializing was Completed 0 | c waiting PodInitializing was Error 42"
                  " | d running ready",
                  NULL },
                { "whoever does not end has two seconds", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; d stop_sent; c anew; +1s", "pull c, wake 1s", NULL,
                  NULL },
                { "and is killed", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; d stop_sent; c anew; +2s", "pull c, end-kill d", NULL,
                  NULL },
                { "a sidecar stays until those that it serves are gone", "Never s/sidecar c" ALL " d",
                  "ready; s runs; c runs; d runs; c exits 42; begin anew; c anew", "pull c, end d", NULL, NULL },
                { "and is the last to end", "Never s/sidecar c" ALL " d",
                  "ready; s runs; c runs; d runs; c exits 42; begin anew; c anew; d killed 9; d anew",
                  "pull c, pull d, end s", NULL, NULL },
                { "nothing is written before all have gone", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; c anew; c image_present; d killed 9 inactive",
                  "clear d",
                  "Running | c waiting ContainerCreating was Error 42 | d waiting ContainerCreating was Error 137",
                  NULL },
                { "then all are written", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; d killed 9 inactive; c anew; d anew;"
                  "c image_present; d image_present",
                  "write", NULL, NULL },
                { "a unit that tells its end again while it is cleared away has ended once", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; d killed 9 inactive; d anew; c anew; c exits 42;"
                  "d killed 9 inactive; c image_present; d image_present",
                  "write",
                  "Running | c waiting ContainerCreating was Error 42 | d waiting ContainerCreating was Error 137",
                  NULL },
                { "and the init containers run again", "Never i/init c" ALL,
                  "ready; i runs; i exits 0 inactive; c runs; c exits 42; begin anew; i anew; c anew; not "
                  "restarting_all; ready",
                  "start i", NULL, NULL },
                { "each is counted", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; d killed 9 inactive; c anew; d anew;"
                  "not restarting_all; ready; c runs; d runs",
                  "", "Running | c running ready x1 was Error 42 | d running ready x1 was Error 137", NULL },
                { "a pod that is deleted meanwhile ends", "Never c" ALL " d",
                  "ready; c runs; d runs; c exits 42; begin anew; deleting", "stop", NULL, NULL },
                { "what the agent has begun it goes on with", "Never c" ALL " d", "adopt; ready; d runs",
                  "clear c, end d", NULL,
                  "{\"conditions\":[{\"type\":\"AllContainersRestarting\",\"status\":\"True\"}]}" },
                { "other codes are left to the policy", "Never c" ALL " d", "ready; c runs; d runs; c exits 41", "",
                  "Running | c terminated Error 41 | d running ready", NULL },
        };

        TELL(stories);
}

Test(restarts, only_a_pod_that_may_be_restarted_whole_has_the_condition)
{
        struct world plain = world("Never c"), may = world("Never c" ALL);
        cJSON *a, *b;
        const cJSON *last;

        a = status_of(&plain);
        cr_expect_eq(json_len(json_get(a, "conditions")), 5);
        happen(&may, "ready; c runs; c exits 42; begin anew");
        b = status_of(&may);
        cr_assert_eq(json_len(json_get(b, "conditions")), 6);
        last = cJSON_GetArrayItem(json_get(b, "conditions"), 5);
        cr_expect_str_eq(json_str(last, "type"), "AllContainersRestarting");
        cr_expect_str_eq(json_str(last, "status"), "True");
        cJSON_Delete(a);
        cJSON_Delete(b);
        world_done(&plain);
        world_done(&may);
}
