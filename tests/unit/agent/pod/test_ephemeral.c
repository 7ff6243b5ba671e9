/* SPDX-License-Identifier: Apache-2.0 */
/* Ephemeral containers: they run once, beside whatever else there is in a pod, and nothing of the pod depends on them.
 */
#include "tests/unit/agent/pod/story.h"

#define UP "ready; c runs; " /* the pod's own container runs */

Test(ephemeral, it_begins_as_soon_as_the_pod_is_there)
{
        static const struct story stories[] = {
                { "its image is installed meanwhile", "Always c d/ephemeral", "ready", "pull d, start c",
                  "Pending | c waiting ContainerCreating | d waiting ContainerCreating", NULL },
                { "the pod's first WRITE does not wait for that image", "Always c d/ephemeral", "c image_present",
                  "pull d, write", NULL, NULL },
                { "nor has it its unit", "Always c d/ephemeral", "c image_present; d image_present", "write", NULL,
                  NULL },
                { "it waits for the pod's directories, which the first WRITE makes", "Always c d/ephemeral",
                  "c written; d image_present", "start c", NULL, NULL },
                { "not for the others' start", "Always c d/ephemeral", "ready; d image_present; c requested", "add d",
                  NULL, NULL },
                { "nor for an init container, which may hang", "Always i/init c d/ephemeral",
                  "ready; d image_present; i runs", "add d",
                  "Pending | i running | c waiting PodInitializing | d waiting PodInitializing", NULL },
                { "it runs beside that", "Always i/init c d/ephemeral", "ready; d written; i runs", "start d", NULL,
                  NULL },
                { "and the others wait still", "Always i/init c d/ephemeral", "ready; d written; i runs; d runs", "",
                  "Pending | i running | c waiting PodInitializing | d running", NULL },
                { "beside one that fails again and again, too", "Always i/init c d/ephemeral",
                  "ready; d written; i exits 1; i runs; i exits 1", "start d, wake 10s", NULL, NULL },
                { "when the init container is over the others start beside it", "Always i/init c d/ephemeral",
                  "ready; d written; d runs; i runs; i exits 0", "start c", NULL, NULL },
                { "not for each of the others", "Always c e d/ephemeral", "ready; d image_present; c runs; e requested",
                  "add d", NULL, NULL },
                { "nor for one that refers to what is not there", "Always c e d/ephemeral",
                  "ready; d image_present; c runs; e env_failure CreateContainerConfigError", "add d, unresolved e",
                  NULL, NULL },
                { "its unit is written alone", "Always c d/ephemeral", UP "d image_present", "add d",
                  "Running | c running ready | d waiting ContainerCreating", NULL },
                { "and started", "Always c d/ephemeral", UP "d written", "start d", NULL, NULL },
                { "it runs, and is not ready", "Always c d/ephemeral", UP "d written; d runs", "",
                  "Running | c running ready | d running", NULL },
                { "others that fail again and again have begun", "Always c d/ephemeral",
                  UP "c exits 1; d image_present", "add d, restart c", NULL, NULL },
                { "and so have those that wait to be restarted", "Always c d/ephemeral",
                  UP "c exits 1; c runs; c exits 1; d written", "start d, wake 10s", NULL, NULL },
                { "or are over, while another runs", "OnFailure c e d/ephemeral",
                  "ready; c runs; e runs; e exits 0; d written", "start d", NULL, NULL },
                { "one whose image or values were changed has begun, too", "Always c d/ephemeral",
                  UP "c exits 1; c renewed; c written; d image_present", "add d, start c", NULL, NULL },
                { "so has one that still prepares its first run", "Always c d/ephemeral",
                  "ready; c prepares; c requested; d image_present", "add d", NULL, NULL },
                { "and one that an earlier agent saw fail", "Always c d/ephemeral", "adopt; ready; d image_present",
                  "add d, start c", NULL,
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{}},\"lastState\":{\"terminated\":"
                  "{\"exitCode\":1}}}]}" },
                { "after the machine was restarted it waits for the others' unit files", "Always c d/ephemeral",
                  "adopt; c vanishes; c image_present; d image_present; write_retry_at +5s", "wake 5s", NULL,
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}}}]}" },
                { "one WRITE at a time", "Always c d/ephemeral e/ephemeral", UP "d image_present; e image_present",
                  "add d", NULL, NULL },
                { "and not beside another", "Always c d/ephemeral", UP "d image_present; write_in_flight", "", NULL,
                  NULL },
                { "the pod's own comes first", "Always c e d/ephemeral",
                  "ready; c runs; e runs; e exits 0; e renewed; e image_present; d image_present", "write", NULL,
                  NULL },
                { "its environment has to be known", "Always c d/ephemeral",
                  UP "d image_present; d env_failure CreateContainerConfigError", "unresolved d",
                  "Running | c running ready | d waiting CreateContainerConfigError", NULL },
                { "while it waits for that the others start again", "Always c d/ephemeral",
                  UP "c exits 1; d env_failure CreateContainerConfigError; d image_present", "restart c, unresolved d",
                  NULL, NULL },
                { "a volume that is filled no more holds nothing up", "Always c d/ephemeral v:configMap",
                  UP "d image_present; v not filled", "", NULL, NULL },
        };

        TELL(stories);
}

Test(ephemeral, it_runs_once)
{
        static const struct story stories[] = {
                { "whatever the pod's restartPolicy is", "Always c d/ephemeral", UP "d written; d runs; d exits 0", "",
                  "Running | c running ready | d terminated Completed 0", NULL },
                { "a failure stays one", "Always c d/ephemeral", UP "d written; d runs; d exits 3", "",
                  "Running | c running ready | d terminated Error 3", NULL },
                { "also OnFailure", "OnFailure c d/ephemeral", UP "d written; d runs; d killed 9; +1000s", "",
                  "Running | c running ready | d terminated Error 137", NULL },
                { "and when its unit is not loaded any more", "Always c d/ephemeral",
                  UP "d written; d runs; d exits 0; d vanishes; +1000s", "",
                  "Running | c running ready | d terminated Completed 0", NULL },
                { "one that could not be executed", "Always c d/ephemeral", UP "d written; d unspawned 203", "",
                  "Running | c running ready | d terminated StartError 128", NULL },
                { "a start that failed before it ran is tried again", "Always c d/ephemeral",
                  UP "d written; d failure RunContainerError; d retry_at +5s", "wake 5s",
                  "Running | c running ready | d waiting RunContainerError", NULL },
                { "and so is a refused WRITE", "Always c d/ephemeral",
                  UP "d image_present; d failure CreateContainerConfigError; d retry_at +20s", "wake 20s",
                  "Running | c running ready | d waiting CreateContainerConfigError", NULL },
                { "the pod's own failed WRITE is not its", "Always c d/ephemeral",
                  UP "write_failure CreateContainerError; d image_present; write_retry_at +9s", "add d",
                  "Running | c running ready | d waiting ContainerCreating", NULL },
                { "without an image it waits", "Always c d/ephemeral", UP "d pull_failure ErrImagePull; d pull_at +10s",
                  "wake 10s", "Running | c running ready | d waiting ErrImagePull", NULL },
        };

        TELL(stories);
}

Test(ephemeral, no_rule_restarts_it)
{
        static const char *const policies[] = { "Always", "OnFailure", "Never" };

        for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
                CLEANUP(freep) char *pod = xasprintf("%s c d/ephemeral", policies[i]);
                struct world w = world(pod);
                const struct container *spec = &w.pod->containers[1];
                const struct container_state *d = &w.state->containers[1];
                happen(&w, UP "d written; d runs; d exits 5; d values 7");
                cr_expect_not(container_restarts(d, spec), "%s", pod);
                cr_expect_not(container_is_stale(d, spec), "%s", pod);
                cr_expect_not(container_backs_off(d, spec, w.pod), "%s", pod);
                cr_expect(container_has_failed(d, spec), "%s", pod);
                world_done(&w);
        }
}

Test(ephemeral, a_restart_of_the_agent_or_the_machine_does_not_run_it_again)
{
#define CONTAINER(name, state) "{\"name\":\"" name "\",\"restartCount\":0,\"state\":{" state "}}"
#define REMEMBERED(state)                                                                                              \
        "{\"containerStatuses\":[" CONTAINER("c", "\"running\":{}") "],\"ephemeralContainerStatuses\":[" CONTAINER(    \
                "d", state) "]}"
        static const struct story stories[] = {
                { "it had ended, and its unit is gone", "Always c d/ephemeral", "adopt; ready; c runs", "",
                  "Running | c running ready | d terminated Error 7",
                  REMEMBERED("\"terminated\":{\"exitCode\":7,\"reason\":\"Error\"}") },
                { "nor is its image installed again", "Always c d/ephemeral", "adopt", "pull c", NULL,
                  REMEMBERED("\"terminated\":{\"exitCode\":7,\"reason\":\"Error\"}") },
                { "it had ended, and its unit is there", "Always c d/ephemeral", "adopt; ready; d written; c runs", "",
                  "Running | c running ready | d terminated Error 7",
                  REMEMBERED("\"terminated\":{\"exitCode\":7,\"reason\":\"Error\"}") },
                { "it ran, and the machine was restarted", "Always c d/ephemeral",
                  "adopt; d vanishes; ready; c runs; +1000s", "",
                  "Running | c running ready | d terminated ContainerStatusUnknown 137", REMEMBERED("\"running\":{}") },
                { "it runs on", "Always c d/ephemeral", "adopt; ready; d written; c runs; d runs", "",
                  "Running | c running ready | d running", REMEMBERED("\"running\":{}") },
                { "it had not begun", "Always c d/ephemeral", "adopt; ready; c runs; d image_present", "add d", NULL,
                  REMEMBERED("\"waiting\":{\"reason\":\"ContainerCreating\"}") },
                { "a namesake among the containers is another one", "Always c d/ephemeral", "adopt", "pull c, pull d",
                  NULL, "{\"containerStatuses\":[" CONTAINER("d", "\"terminated\":{\"exitCode\":7}") "]}" },
        };

        TELL(stories);
}

Test(ephemeral, it_is_of_no_weight_in_the_pod)
{
        static const struct story stories[] = {
                { "the pod is over without it, and it is stopped", "Never c d/ephemeral",
                  UP "d written; d runs; c exits 0 inactive", "stop", NULL, NULL },
                { "the end is told when it has ended, too", "Never c d/ephemeral",
                  UP "d written; d runs; c exits 0 inactive; stop_sent; stop_at +0s; kill_at +30s", "wake 30s",
                  "Running | c terminated Completed 0 | d running", NULL },
                { "one that will not end is killed", "Never c d/ephemeral",
                  UP "d written; d runs; c exits 0 inactive; stop_sent; stop_at +0s; kill_at +30s; +30s", "kill", NULL,
                  NULL },
                { "then its own end is told as well", "Never c d/ephemeral",
                  UP "d written; d runs; c exits 0 inactive; stop_sent; d killed 15 inactive", "",
                  "Succeeded | c terminated Completed 0 | d terminated Error 143", NULL },
                { "its failure is not the pod's", "Never c d/ephemeral",
                  UP "d written; d runs; d exits 1 inactive; c exits 0 inactive", NULL,
                  "Succeeded | c terminated Completed 0 | d terminated Error 1", NULL },
                { "nor is the pod over when it is", "Never c d/ephemeral", UP "d written; d runs; d exits 0 inactive",
                  "", "Running | c running ready | d terminated Completed 0", NULL },
                { "it begins in no pod that is over", "Never c d/ephemeral", UP "d image_present; c exits 0 inactive",
                  "", "Succeeded | c terminated Completed 0 | d waiting ContainerCreating", NULL },
                { "nor in one that is Succeeded for good", "Never c d/ephemeral", "terminal; status_current", "remove",
                  NULL, NULL },
                { "nor in one that is deleted", "Always c d/ephemeral", UP "d written; deleting; deletion_grace_s 30s",
                  "stop", NULL, NULL },
                { "the deadline is its, too", "Always c d/ephemeral deadline=60",
                  UP "d written; d runs; +60s; deadline_exceeded; c killed 15 inactive", "stop",
                  "Running | c terminated Error 143 | d running", NULL },
                { "a deleted pod is gone only when it has ended", "Always c d/ephemeral",
                  UP "d written; d runs; deleting; deletion_grace_s 30s; stop_sent; stop_at +0s; kill_at +30s; "
                     "c killed 15 inactive; status_current",
                  "wake 30s", NULL, NULL },
        };
        static const struct value values[] = {
                { "the pod is Ready without it", "Always c d/ephemeral", "ready; c runs", "conditions.2.status", "True",
                  NULL },
                { "and when it has failed", "Always c d/ephemeral", UP "d written; d runs; d exits 1",
                  "conditions.3.status", "True", NULL },
                { "it is not in the list of those that are not ready", "Always c d/ephemeral", "ready",
                  "conditions.3.message", "containers with unready status: [c]", NULL },
                { "nor of those that initialize", "Always i/init c d/ephemeral", "ready", "conditions.1.message",
                  "containers with incomplete status: [i]", NULL },
                { "it has no startup", "Always c d/ephemeral", UP "d written; d runs",
                  "ephemeralContainerStatuses.0.started", "absent", NULL },
                { "without one there is no list", "Always c", "ready; c runs", "ephemeralContainerStatuses", "absent",
                  NULL },
                { "it is not among the others", "Always c d/ephemeral", "ready; c runs", "containerStatuses.1",
                  "absent", NULL },
        };

        TELL(stories);
        LOOK(values);
}

/* ---- the pod's object ---- */

#define POD(rest)                                                                                                      \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{" rest "}}"

Test(ephemeral, what_is_wrong_with_it_is_not_the_pods_fault)
{
        struct world w = world(POD("\"containers\":[{\"name\":\"c\",\"image\":\"pkg-c\"}],\"ephemeralContainers\":["
                                   "{\"name\":\"d\",\"image\":\"pkg-d\",\"volumeMounts\":[{\"name\":\"no\","
                                   "\"mountPath\":\"/x\"}]},{\"name\":\"e\",\"image\":\"pkg-e\"}]"));

        cr_assert_eq(w.pod->n_containers, 3);
        cr_expect_eq(w.pod->refused.code, 0, "%s", kept_text(&w.pod->refused));
        cr_expect_str_eq(w.pod->containers[1].refused.reason, "CreateContainerConfigError");
        cr_expect_eq(w.pod->containers[2].refused.code, 0);
        happen(&w, "ready; c runs; d image_present; e image_present");
        CLEANUP(freep) char *plan = plan_text(&w), *status = status_text(&w);
        cr_expect_str_eq(plan, "add e");
        cr_expect_str_eq(status, "Running | c running ready | d waiting CreateContainerConfigError | e waiting "
                                 "ContainerCreating");
        world_done(&w);
}

Test(ephemeral, its_unit_is_named_after_it_and_renames_no_other)
{
        static const char pod[] = POD("\"containers\":[{\"name\":\"c\",\"image\":\"bash\"}],"
                                      "\"ephemeralContainers\":[{\"name\":\"d\",\"image\":\"bash\"},"
                                      "{\"name\":\"e\",\"image\":\"strace\"},{\"name\":\"f\",\"image\":\"strace\"}]");
        struct world w = world(pod);

        cr_assert_eq(w.pod->n_containers, 4);
        cr_expect_str_eq(w.pod->containers[0].unit, "vks.default.web.bash.service");
        cr_expect_str_eq(w.pod->containers[1].unit, "vks.default.web.bash.d.service");
        cr_expect_str_eq(w.pod->containers[2].unit, "vks.default.web.strace.e.service");
        cr_expect_str_eq(w.pod->containers[3].unit, "vks.default.web.strace.f.service");
        cr_expect_not(w.pod->containers[0].shares_image);
        cr_expect(w.pod->containers[1].shares_image);
        world_done(&w);
}

struct user_row {
        const char *shows, *pod_context, *of_target, *own, *target;
        bool has_user, has_group;
        uint32_t user, group;
        const char *refused;
};

Test(ephemeral, its_user_is_its_targets_if_the_pod_says_who_that_is)
{
        static const struct user_row rows[] = {
                { "the target's", "{}", "{\"runAsUser\":1234}", "{}", "c", true, false, 1234, 0, NULL },
                { "and its group", "{}", "{\"runAsUser\":1234,\"runAsGroup\":99}", "{}", "c", true, true, 1234, 99,
                  NULL },
                { "its own group stays", "{}", "{\"runAsUser\":1234,\"runAsGroup\":99}", "{\"runAsGroup\":7}", "c",
                  true, true, 1234, 7, NULL },
                { "its own user wins", "{}", "{\"runAsUser\":1234,\"runAsGroup\":99}", "{\"runAsUser\":5}", "c", true,
                  false, 5, 0, NULL },
                { "the pod's does, too", "{\"runAsUser\":8}", "{\"runAsUser\":1234}", "{}", "c", true, false, 8, 0,
                  NULL },
                { "without a target nobody's", "{}", "{\"runAsUser\":1234}", "{}", NULL, false, false, 0, 0, NULL },
                { "nor with one that is not there", "{}", "{\"runAsUser\":1234}", "{}", "x", false, false, 0, 0, NULL },
                { "nor with itself", "{}", "{\"runAsUser\":1234}", "{}", "d", false, false, 0, 0, NULL },
                { "a target that names none", "{}", "{}", "{}", "c", false, false, 0, 0, NULL },
                { "root is not given to one that must not be root", "{}", "{\"runAsUser\":0}",
                  "{\"runAsNonRoot\":true}", "c", true, false, 0, 0, "CreateContainerConfigError" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                const struct user_row *r = &rows[i];
                CLEANUP(freep)
                char *target = r->target ? xasprintf(",\"targetContainerName\":\"%s\"", r->target) : xstrdup(""),
                     *json = xasprintf(POD("\"securityContext\":%s,\"containers\":[{\"name\":\"c\",\"image\":\"bash\","
                                           "\"securityContext\":%s}],\"ephemeralContainers\":[{\"name\":\"d\","
                                           "\"image\":\"bash\",\"securityContext\":%s%s}]"),
                                       r->pod_context, r->of_target, r->own, target);
                struct world w = world(json);
                const struct container *d = &w.pod->containers[1];
                cr_expect_eq(d->has_user, r->has_user, "%s", r->shows);
                cr_expect_eq(d->user, r->user, "%s: %u", r->shows, d->user);
                cr_expect_eq(d->has_group, r->has_group, "%s", r->shows);
                cr_expect_eq(d->group, r->group, "%s: %u", r->shows, d->group);
                cr_expect(streq(d->refused.code ? d->refused.reason : NULL, r->refused), "%s: %s", r->shows,
                          d->refused.reason);
                cr_expect_eq(w.pod->refused.code, 0);
                world_done(&w);
        }
}

Test(ephemeral, there_is_a_bound_and_the_pod_goes_on_at_it)
{
        static const struct {
                unsigned n;
                size_t kept;
                const char *ignored;
        } rows[] = { { 62, 63, NULL },
                     { 63, 64, NULL },
                     { 64, 64, "ephemeralContainers beyond 64 containers" },
                     { 70, 64, "ephemeralContainers beyond 64 containers" } };

        for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
                CLEANUP(buf_done) struct buf many = BUF(64 * 1024);

                for (unsigned i = 0; i < rows[k].n; i++)
                        buf_printf(&many, "%s{\"name\":\"d%u\",\"image\":\"bash\"}", i ? "," : "", i);
                CLEANUP(freep)
                char *json = xasprintf(
                        POD("\"containers\":[{\"name\":\"c\",\"image\":\"bash\"}],\"ephemeralContainers\":[%s]"),
                        many.data);
                struct world w = world(json);
                cr_expect_eq(w.pod->n_containers, rows[k].kept);
                cr_expect_eq(w.pod->refused.code, 0);
                cr_expect(streq(w.pod->ignored, rows[k].ignored), "%u: %s", rows[k].n,
                          w.pod->ignored ? w.pod->ignored : "(none)");
                world_done(&w);
        }
}

/* What is known of the others stays when one is added, wherever the array lies then. */
Test(ephemeral, a_pod_grows_while_it_runs)
{
        struct world w = world("Always c"), grown = world("Always c d/ephemeral e/ephemeral");

        happen(&w, "ready; c runs; c exits 1; c runs; status");
        CLEANUP(freep) char *before = status_text(&w);
        pod_state_grow(w.state, grown.pod);
        cr_assert_eq(w.state->n_containers, 3);
        struct pod *old = w.pod;
        w.pod = grown.pod;
        grown.pod = old;
        CLEANUP(freep) char *after = status_text(&w), *plan = plan_text(&w);
        CLEANUP(freep)
        char *wanted = xasprintf("%s | d waiting ContainerCreating | e waiting ContainerCreating", before);
        cr_expect_str_eq(after, wanted);
        cr_expect_str_eq(plan, "pull d, pull e");
        pod_state_grow(w.state, grown.pod); /* it never shrinks */
        cr_expect_eq(w.state->n_containers, 3);
        world_done(&w);
        world_done(&grown);
}

/*
 * Whatever an ephemeral container does, and whenever: what the pod does with its other containers is the same as
 * without it, as long as the pod runs.
 */
Test(ephemeral, the_others_never_notice)
{
        static const char *const does[] = {
                "",
                "d image_present; ",
                "d written; ",
                "d written; d starts; ",
                "d written; d runs; ",
                "d written; d runs; d exits 0; ",
                "d written; d runs; d exits 9 inactive; ",
                "d pull_failure ErrImagePull; ",
                "d env_failure CreateContainerConfigError; ",
                "d image_present; d failure CreateContainerError; d retry_at +7s; ",
        };
        static const char *const others[] = {
                "",
                "c image_present; ",
                "ready; ",
                "ready; c requested; ",
                "ready; c runs; ",
                "ready; c starts; ",
                "ready; c runs; c exits 1; ",
                "ready; c runs; c exits 1; c runs; c exits 1; ",
                "ready; c runs; c exits 1; +5s; c runs; +1000s; ",
                "ready; c runs; c image other; ",
        };
        static const char *const policies[] = { "Always", "OnFailure" };

        for (size_t p = 0; p < ARRAY_LEN(policies); p++)
                for (size_t o = 0; o < ARRAY_LEN(others); o++)
                        for (size_t k = 0; k < ARRAY_LEN(does); k++) {
                                CLEANUP(freep)
                                char *alone_pod = xasprintf("%s c", policies[p]),
                                     *both_pod = xasprintf("%s c d/ephemeral", policies[p]),
                                     *both_happens = xasprintf("%s%sstatus", others[o], does[k]),
                                     *alone_happens = xasprintf("%sstatus", others[o]);
                                struct world alone = world(alone_pod), both = world(both_pod);
                                struct plan plan_alone, plan_both;
                                size_t n = 0;
                                happen(&alone, alone_happens);
                                happen(&both, both_happens);
                                CLEANUP(freep) char *status_alone = status_text(&alone);
                                CLEANUP(freep) char *status_both = status_text(&both);
                                char *end = strstr(status_both, " | d ");
                                cr_assert_not_null(end, "%s", status_both);
                                *end = '\0';
                                cr_expect_str_eq(status_both, status_alone, "%s: %s", both_pod, both_happens);
                                plan_pod(alone.pod, alone.state, alone.now, &plan_alone);
                                plan_pod(both.pod, both.state, both.now, &plan_both);
                                for (size_t i = 0; i < plan_both.n_actions; i++) {
                                        const struct action *a = &plan_both.actions[i];
                                        if (a->index == 1 || a->kind == ACTION_ADD)
                                                continue;
                                        cr_assert_lt(n, plan_alone.n_actions, "%s: %s", both_pod, both_happens);
                                        cr_expect_eq(a->kind, plan_alone.actions[n].kind, "%s: %s", both_pod,
                                                     both_happens);
                                        n++;
                                }
                                cr_expect_eq(n, plan_alone.n_actions, "%s: %s", both_pod, both_happens);
                                world_done(&alone);
                                world_done(&both);
                        }
}
