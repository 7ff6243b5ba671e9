/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit's states mean for its container, and what the API server remembers. The format of the rows is told in
 * story.h. */
#include "tests/unit/agent/pod/story.h"

#define RUN(n) "systemd://0000000000000000000000000000000" #n /* what story.h gives the n-th run of a pod */

/* ---- one run --------------------------------------------------------------------------------------------------- */

Test(pod_state, a_main_process_is_what_runs)
{
        static const struct story stories[] = {
                { "commands before it are not yet the container", "Always c", "ready; c requested; c prepares", "",
                  "Pending | c waiting ContainerCreating", NULL },
                { "a notify daemon runs before it is ready", "Always c", "ready; c starts", "", "Running | c running",
                  NULL },
                { "active is ready", "Always c", "ready; c starts; c is active", "", "Running | c running ready",
                  NULL },
                { "it still runs while it is being stopped", "Always c", "ready; c runs; c is deactivating", "",
                  "Running | c running ready", NULL },
                { "a new invocation id alone is no run yet: systemd gives it before the unit leaves inactive",
                  "Always c", "ready; c requested; c prepares; c is inactive", "",
                  "Pending | c waiting ContainerCreating", NULL },
        };

        TELL(stories);
}

Test(pod_state, an_end_has_an_exit_code_and_a_reason)
{
        static const struct story stories[] = {
                { "0", "Never c", "ready; c runs; c exits 0", NULL, "Succeeded | c terminated Completed 0", NULL },
                { "its own number", "Never c", "ready; c runs; c exits 7", NULL, "Failed | c terminated Error 7",
                  NULL },
                { "a signal is 128 and its number", "Never c", "ready; c runs; c killed 9", NULL,
                  "Failed | c terminated Error 137", NULL },
                { "with a core dump as well", "Never c", "ready; c runs; c dumped 6", NULL,
                  "Failed | c terminated Error 134", NULL },
                { "memory that ran out has a reason of its own", "Never c", "ready; c runs; c killed 9 failed oom-kill",
                  NULL, "Failed | c terminated OOMKilled 137", NULL },
                { "a run that was only seen when it was over", "Never c", "ready; c ran 3", NULL,
                  "Failed | c terminated Error 3", NULL },
                { "one that ran once and was never active", "Always c",
                  "ready; c requested; c starts; c exits 0 inactive", "restart c", "Running | c terminated Completed 0",
                  NULL },
                { "or was too short to be seen at all", "Always c", "ready; c requested; c ran 0 inactive", "restart c",
                  "Running | c terminated Completed 0", NULL },
                { "a main process that nobody had to end", "Never c", "ready; c runs; c is inactive", NULL,
                  "Succeeded | c terminated Completed 0", NULL },
                { "a failure without any code is one all the same", "Never c",
                  "ready; c runs; c is failed result protocol", NULL, "Failed | c terminated Error 128", NULL },
        };

        TELL(stories);
}

/* A letter for each observation: is the event Started due? */
Test(pod_state, a_run_has_started_when_its_program_was_executed)
{
        static const struct {
                const char *shows, *happens[4], *news;
        } table[] = {
                { "when its unit is active, and once", { "c starts", "c is active", "c is active" }, "-+-" },
                { "or when systemd says so before", { "c prepares", "c executed", "c is active" }, "-+-" },
                { "not when there is no such program", { "c starts", "c unspawned 203" }, "--" },
                { "nor when what follows its end takes a while",
                  { "c starts", "c exits 203 deactivating", "c unspawned 203" },
                  "---" },
                { "when it was too short to be seen", { "c ran 3" }, "+" },
                { "when it was never active", { "c starts", "c exits 0 inactive" }, "-+" },
                { "one that reports ready late, and ends before", { "c starts", "c is deactivating" }, "-+" },
                { "each run anew", { "c runs", "c exits 1 holdoff", "c starts", "c is active" }, "+--+" },
                { "the first after one that could not be", { "c unspawned 203 holdoff", "c runs" }, "-+" },
                { "not one that is not known to have run", { "c vanishes" }, "-" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct world w = world("Always c");
                char news[5] = "";
                happen(&w, "ready; c requested");
                for (size_t k = 0; k < ARRAY_LEN(table[i].happens) && table[i].happens[k]; k++) {
                        happen(&w, table[i].happens[k]);
                        news[k] = container_start_is_news(&w.state->containers[0]) ? '+' : '-';
                }
                cr_expect_str_eq(news, table[i].news, "%s: %s", table[i].shows, news);
                world_done(&w);
        }
}

Test(pod_state, what_systemd_could_not_start_says_so)
{
        static const struct story stories[] = {
                { "there is no such program", "Never c", "ready; c unspawned 203", NULL,
                  "Failed | c terminated StartError 128", NULL },
                { "a step before it", "Never c", "ready; c unspawned 217", NULL, "Failed | c terminated StartError 128",
                  NULL },
                { "without PID 1's word the code is the program's", "Never c", "ready; c ran 203", NULL,
                  "Failed | c terminated Error 203", NULL },
                { "and a signal of such a number a signal", "Never c", "ready; c starts; c killed 203", NULL,
                  "Failed | c terminated Error 331", NULL },
                { "another run than the last", "Always c", "ready; c runs; c exits 1; c unspawned 203", NULL,
                  "Running | c waiting CrashLoopBackOff x1 was StartError 128", NULL },
                { "a command before it failed", "Never c", "ready; c prepares; c is failed result exit-code", NULL,
                  "Failed | c terminated Error 128", NULL },
        };

        TELL(stories);
}

Test(pod_state, a_program_may_end_with_any_code)
{
        for (int code = 1; code < 256; code++) {
                CLEANUP(freep) char *happens = xasprintf("ready; c ran %d", code);
                CLEANUP(freep) char *status = xasprintf("Failed | c terminated Error %d", code);
                struct story story = { "its own", "Never c", happens, NULL, status, NULL };

                tell(&story, 1);
        }
}

Test(pod_state, a_terminated_run_is_told_with_its_details)
{
#define TERMINATED "containerStatuses.0.state.terminated."
        static const struct value values[] = {
                { "which run", "Never c", "ready; c runs; c exits 7", TERMINATED "containerID", RUN(1), NULL },
                { "when it began", "Never c", "ready; +1s; c runs; +5s; c exits 7", TERMINATED "startedAt",
                  "2023-11-14T22:13:21Z", NULL },
                { "when it ended", "Never c", "ready; +1s; c runs; +5s; c exits 7; +5s", TERMINATED "finishedAt",
                  "2023-11-14T22:13:26Z", NULL },
                { "an end whose time systemd does not tell is now", "Never c", "ready; c runs; +9s; c is inactive; +5s",
                  TERMINATED "finishedAt", "2023-11-14T22:13:29Z", NULL },
                { "what never had a process began when it ended", "Always c",
                  "ready; c runs; +1s; c exits 7; +5s; c prepares; +2s; c is failed result exit-code",
                  "containerStatuses.0.lastState.terminated.startedAt", "2023-11-14T22:13:28Z", NULL },
                { "the signal", "Never c", "ready; c runs; c killed 9", TERMINATED "signal", "9", NULL },
                { "none without one", "Never c", "ready; c runs; c exits 9", TERMINATED "signal", "absent", NULL },
                { "no words where the code says it all", "Never c", "ready; c runs; c exits 7", TERMINATED "message",
                  "absent", NULL },
                { "what PID 1 could not execute, in its words", "Never c", "ready; c unspawned 203",
                  TERMINATED "message",
                  "systemd could not start the process: Failed at step EXEC spawning /x: No such file or directory",
                  NULL },
                { "systemd's verdict: a timeout", "Never c", "ready; c runs; c killed 9 failed timeout",
                  TERMINATED "message", "systemd says: Result=timeout", NULL },
                { "no verdict where it was told to end, and took longer", "Never c",
                  "ready; c runs; c stop_sent; c killed 9 failed timeout", TERMINATED "message", "absent", NULL },
                { "by a signal", "Never c", "ready; c runs; c term_sent; c killed 9 failed timeout",
                  TERMINATED "message", "absent", NULL },
                { "or with its pod", "Never c", "ready; c runs; deleting; stop_at +0s; c killed 9 failed timeout",
                  TERMINATED "message", "absent", NULL },
                { "but what else goes wrong then", "Never c", "ready; c runs; c stop_sent; c killed 6 failed watchdog",
                  TERMINATED "message", "systemd says: Result=watchdog", NULL },
                { "a watchdog", "Never c", "ready; c runs; c killed 6 failed watchdog", TERMINATED "message",
                  "systemd says: Result=watchdog", NULL },
                { "a protocol", "Never c", "ready; c starts; c exits 0 failed protocol", TERMINATED "message",
                  "systemd says: Result=protocol", NULL },
                { "resources", "Never c", "ready; c prepares; c is failed result resources", TERMINATED "message",
                  "systemd says: Result=resources", NULL },
                { "a condition", "Never c", "ready; c prepares; c is failed result exec-condition",
                  TERMINATED "message", "systemd says: Result=exec-condition", NULL },
                { "too many starts", "Never c", "ready; c runs; c exits 1 failed start-limit-hit", TERMINATED "message",
                  "systemd says: Result=start-limit-hit", NULL },
                { "after a reboot nobody knows more", "Never c", "ready; c runs; c vanishes", TERMINATED "message",
                  "the unit is gone: the node was restarted, or somebody else removed it", NULL },
                { "but which run it was", "Never c", "ready; c runs; c vanishes", TERMINATED "containerID", RUN(1),
                  NULL },
                { "when it began", "Never c", "ready; c runs; +5s; c vanishes", TERMINATED "startedAt",
                  "2023-11-14T22:13:20Z", NULL },
                { "and by when it had ended", "Never c", "ready; c runs; +5s; c vanishes; +5s", TERMINATED "finishedAt",
                  "2023-11-14T22:13:25Z", NULL },
        };
#undef TERMINATED

        LOOK(values);
}

Test(pod_state, what_is_over_stays_over)
{
        static const struct story stories[] = {
                { "the same end, seen on the unit's way out of its holdoff", "Always c",
                  "ready; c runs; c exits 7 holdoff; c is failed; c is activating; c is inactive", "restart c",
                  "Running | c terminated Error 7", NULL },
                { "does not count twice for the back-off", "Always c",
                  "ready; c runs; c backoff 10s; c exits 7 holdoff; c is failed; c is exited", "wake 10s",
                  "Running | c waiting CrashLoopBackOff was Error 7", NULL },
                { "a unit that is gone later changes no end that was seen", "Always c",
                  "ready; c runs; c exits 7; c vanishes", "restart c", "Running | c terminated Error 7", NULL },
                { "nor does one that never ran", "Always c", "ready; c vanishes", "start c",
                  "Pending | c waiting ContainerCreating", NULL },
        };

        TELL(stories);
}

/* ---- many runs ------------------------------------------------------------------------------------------------- */

Test(pod_state, restarts_are_counted)
{
        static const struct story stories[] = {
                { "the first run is none", "Always c", "ready; c runs", "", "Running | c running ready", NULL },
                { "the second is one, and the first is the last state", "Always c", "ready; c runs; c exits 7; c runs",
                  "", "Running | c running ready x1 was Error 7", NULL },
                { "the third is two", "Always c", "ready; c runs; c exits 7; c runs; c killed 9; c runs", "",
                  "Running | c running ready x2 was Error 137", NULL },
                { "a run whose end was not seen counts", "Always c", "ready; c runs; c runs", "",
                  "Running | c running ready x1 was ContainerStatusUnknown 137", NULL },
                { "an end is the last state of the next run only", "Always c",
                  "ready; c runs; c exits 7; c runs; c runs", "",
                  "Running | c running ready x2 was ContainerStatusUnknown 137", NULL },
                { "those by systemd itself count each", "Always c", "ready; c runs; c runs 3", "",
                  "Running | c running ready x3 was ContainerStatusUnknown 137", NULL },
                { "but those that are counted already do not", "Always c", "ready; c runs 2; c runs 3", "",
                  "Running | c running ready x1 was ContainerStatusUnknown 137", NULL },
                { "a start by the agent begins systemd's count anew", "Always c",
                  "ready; c runs 5; c restarted 0; c runs 2", "",
                  "Running | c running ready x2 was ContainerStatusUnknown 137", NULL },
                { "a start by the agent is one, whatever systemd counted before", "Always c",
                  "ready; c runs 5; c runs 0; c runs 0", "",
                  "Running | c running ready x2 was ContainerStatusUnknown 137", NULL },
                { "what follows an end is not over", "Always c", "ready; c runs; c exits 7; c prepares", "",
                  "Running | c waiting ContainerCreating x1 was Error 7", NULL },
                { "why an earlier start failed is forgotten", "Always c",
                  "ready; c failure RunContainerError; c prepares", "", "Pending | c waiting ContainerCreating", NULL },
                { "a unit that was removed is started again and counted", "Always c",
                  "ready; c runs; c vanishes; c runs", "",
                  "Running | c running ready x1 was ContainerStatusUnknown 137", NULL },
        };

        TELL(stories);
}

Test(pod_state, a_crash_restarts_at_once_and_then_with_back_off)
{
        static const struct story stories[] = {
                { "the first restart does not wait", "Always c", "ready; c runs; +2s; c exits 7 holdoff", "restart c",
                  "Running | c terminated Error 7", NULL },
                { "the second waits ten seconds from the end on", "Always c",
                  "ready; c runs; c exits 7; c runs; +2s; c killed 9 holdoff; +1s", "wake 9s",
                  "Running | c waiting CrashLoopBackOff x1 was Error 137", NULL },
                { "and is due then", "Always c", "ready; c runs; c exits 7; c runs; c exits 7 holdoff; +10s",
                  "restart c", "Running | c waiting CrashLoopBackOff x1 was Error 7", NULL },
                { "the third waits twice as long", "Always c",
                  "ready; c backoff 10s; c runs; c exits 1; c runs; c exits 1", "wake 20s",
                  "Running | c waiting CrashLoopBackOff x1 was Error 1", NULL },
                { "it doubles up to five minutes", "Always c",
                  "ready; c backoff 150s; c runs; c exits 1; c runs; c exits 1", "wake 300s", NULL, NULL },
                { "not beyond", "Always c", "ready; c backoff 160s; c runs; c exits 1; c runs; c exits 1", "wake 300s",
                  NULL, NULL },
                { "and stays there", "Always c", "ready; c backoff 300s; c runs; c exits 1; c runs; c exits 1",
                  "wake 300s", NULL, NULL },
                { "ten minutes of running reset it", "Always c", "ready; c backoff 300s; c runs; +600s; c exits 1",
                  "restart c", NULL, NULL },
                { "less do not", "Always c", "ready; c backoff 300s; c runs; +599s; c exits 1", "wake 300s", NULL,
                  NULL },
                { "what has no main process runs no time at all", "Always c",
                  "ready; c backoff 40s; c prepares; +700s; c is failed result exit-code", "wake 40s",
                  "Running | c waiting CrashLoopBackOff was Error 128", NULL },
                { "it begins anew after a reset", "Always c",
                  "ready; c backoff 300s; c runs; +600s; c exits 1; c runs; c exits 1", "wake 10s", NULL, NULL },
                { "a unit that vanished backs off as well", "Always c", "ready; c runs; c vanishes; c runs; c vanishes",
                  "wake 10s", NULL, NULL },
                { "nobody backs off in a pod that is being deleted", "Always c",
                  "ready; c runs; c exits 7; c runs; c exits 8; deleting", NULL,
                  "Failed | c terminated Error 8 x1 was Error 7", NULL },
                { "nor where the policy restarts nothing", "Never c", "ready; c backoff 10s; c runs; c exits 7", NULL,
                  "Failed | c terminated Error 7", NULL },
        };

        TELL(stories);
}

Test(pod_state, who_is_restarted_follows_from_kind_policy_and_exit_code)
{
        static const struct story stories[] = {
                { "a container, Always", "Always c d", "ready; d runs; c runs; c exits 0", "restart c", NULL, NULL },
                { "a container, OnFailure", "OnFailure c d", "ready; d runs; c runs; c exits 0", "", NULL, NULL },
                { "a container, OnFailure", "OnFailure c d", "ready; d runs; c runs; c exits 1", "restart c", NULL,
                  NULL },
                { "a container, Never", "Never c d", "ready; d runs; c runs; c exits 1", "", NULL, NULL },
                { "an init container, Always", "Always i/init c", "ready; i runs; i exits 1", "restart i", NULL, NULL },
                { "an init container, OnFailure", "OnFailure i/init c", "ready; i runs; i exits 1", "restart i", NULL,
                  NULL },
                { "an init container, Never", "Never i/init c", "ready; i runs; i exits 1", "", NULL, NULL },
                { "an init container that is over", "Always i/init c", "ready; i runs; i exits 0; c runs", "", NULL,
                  NULL },
                { "a sidecar, Always", "Always s/sidecar c", "ready; s runs; s exits 0", "restart s", NULL, NULL },
                { "a sidecar, OnFailure", "OnFailure s/sidecar c", "ready; s runs; s exits 0", "restart s", NULL,
                  NULL },
                { "a sidecar, Never", "Never s/sidecar c", "ready; s runs; s exits 1", "restart s", NULL, NULL },
                { "a sidecar's clean end, Never", "Never s/sidecar c", "ready; s runs; s exits 0", "restart s", NULL,
                  NULL },
        };

        TELL(stories);
}

Test(pod_state, a_start_whose_condition_is_not_met_is_told_and_tried_again_later)
{
        static const struct story stories[] = {
                { "it is told", "Always c", "ready; c requested; c unmet 77", "wake 10s",
                  "Pending | c waiting RunContainerError", NULL },
                { "and tried again later", "Always c", "ready; c requested; c unmet 77; +10s", "start c", NULL, NULL },
                { "the same look is no answer to a new start", "Always c",
                  "ready; c requested; c unmet 77; +10s; c requested; c unmet 77", "", NULL, NULL },
                { "a new one is", "Always c", "ready; c requested; c unmet 77; +10s; c requested; c unmet 78",
                  "wake 20s", NULL, NULL },
                { "what was met says nothing", "Always c", "ready; c requested; c unmet 0", "", NULL, NULL },
                { "what nobody asked for is no answer", "Always c", "ready; c unmet 77", "start c",
                  "Pending | c waiting ContainerCreating", NULL },
                { "a start that goes on after all", "Always c", "ready; c requested; c unmet 77; c runs", "",
                  "Running | c running ready", NULL },
                { "a unit with processes was not given up", "Always c", "ready; c requested; c starts; c unmet 77", "",
                  "Running | c running", NULL },
        };
        static const struct value values[] = {
                { "in words", "Always c", "ready; c requested; c unmet 77", "containerStatuses.0.state.waiting.message",
                  "a condition of its unit is not met, so systemd skipped it", NULL },
        };

        TELL(stories);
        LOOK(values);
}

Test(pod_state, a_start_has_come_true_when_the_unit_has_moved)
{
        static const struct {
                const char *shows, *happens;
                bool requested;
        } table[] = {
                { "a new invocation id alone is no answer", "c requested; c prepares; c is inactive", true },
                { "nor is a process", "c requested; c starts", true },
                { "active is one", "c requested; c runs", false },
                { "a failure is one", "c requested; c ran 1", false },
                { "so is an end that was never active", "c requested; c starts; c exits 0 inactive", false },
                { "and a condition that is not met", "c requested; c unmet 1", false },
                { "the end of the run before is none", "c ran 1 holdoff; c requested; c is failed", true },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct world w = world("Always c");
                happen(&w, table[i].happens);
                cr_expect_eq(w.state->containers[0].requested, table[i].requested, "%s", table[i].shows);
                world_done(&w);
        }
}

Test(pod_state, a_new_run_has_its_id_before_its_unit_leaves_what_the_old_run_left)
{
        static const struct story stories[] = {
                { "systemd starts a failed one again: it has not succeeded", "OnFailure i/init c",
                  "ready; i runs; i exits 1 holdoff; i begins holdoff", "",
                  "Pending | i waiting PodInitializing x1 was Error 1 | c waiting PodInitializing", NULL },
                { "nor when that is seen twice", "OnFailure i/init c",
                  "ready; i runs; i exits 1 holdoff; i begins holdoff; i is holdoff", "",
                  "Pending | i waiting PodInitializing x1 was Error 1 | c waiting PodInitializing", NULL },
                { "nor when the agent started it", "OnFailure i/init c",
                  "ready; i runs; i exits 1; i requested; i begins failed; i is failed", "",
                  "Pending | i waiting PodInitializing x1 was Error 1 | c waiting PodInitializing", NULL },
                { "it may succeed after that", "OnFailure i/init c",
                  "ready; i runs; i exits 1 holdoff; i begins holdoff; i starts; i exits 0", "start c",
                  "Pending | i terminated Completed 0 ready x2 was ContainerStatusUnknown 137 | c waiting "
                  "PodInitializing",
                  NULL },
        };

        TELL(stories);
}

/* ---- another image --------------------------------------------------------------------------------------------- */

/* The image was changed, and the plan's END is carried out. */
#define ENDS_FOR(image, c)                                                                                             \
        c " image " image "; " c " not requested; " c " replacing; " c " stop_sent; " c " kill_at +30s"

Test(pod_state, a_container_makes_room_for_another_image_whatever_its_policy)
{
        static const struct story stories[] = {
                { "one that runs", "Never c", "ready; c runs; " ENDS_FOR("pkg-n", "c") "; c exits 0 inactive",
                  "clear c", "Running | c waiting ContainerCreating was Completed 0", NULL },
                { "one whose start came before its stop", "Never c",
                  "ready; c requested; " ENDS_FOR("pkg-n", "c") "; c runs; c exits 0 inactive", "clear c",
                  "Running | c waiting ContainerCreating was Completed 0", NULL },
                { "it is killed when its grace is over", "Never c",
                  "ready; c requested; " ENDS_FOR("pkg-n", "c") "; c runs; +30s", "end-kill c",
                  "Running | c running ready", NULL },
                { "so is an init container that was to be started", "Never i/init c",
                  "ready; i requested; " ENDS_FOR("pkg-n", "i") "; i runs; +30s", "end-kill i", NULL, NULL },
                { "which is no failure of the pod", "Never i/init c",
                  "ready; i requested; " ENDS_FOR("pkg-n", "i") "; i runs; i killed 15", "clear i",
                  "Pending | i waiting PodInitializing was Error 143 | c waiting PodInitializing", NULL },
                { "an init container that waits", "Never i/init c", "ready; i image pkg-n", "clear i", NULL, NULL },
                { "an init container that runs may finish", "Never i/init c", "ready; i runs; i image pkg-n", "", NULL,
                  NULL },
                { "a sidecar need not", "Never s/sidecar c", "ready; s runs; s image pkg-n", "end s, start c", NULL,
                  NULL },
        };

        TELL(stories);
}

Test(pod_state, an_image_that_is_changed_back_restarts_its_container)
{
#define BACK "ready; c runs; " ENDS_FOR("pkg-n", "c") "; c kill_sent; c exits 0 inactive; c image pkg-c"
        static const struct story stories[] = {
                { "since it was ended, whatever its policy", "Never c", BACK, "restart c",
                  "Running | c waiting ContainerCreating was Completed 0", NULL },
                { "that run is one like any other: it may end for good", "Never c",
                  BACK "; c requested; c runs; c exits 0 inactive", "",
                  "Succeeded | c terminated Completed 0 x1 was Completed 0", NULL },
                { "and has a grace of its own when the image is changed once more", "Never c",
                  BACK "; c requested; c runs; c image pkg-n", "end c", "Running | c running ready x1 was Completed 0",
                  NULL },
        };
#undef BACK

        TELL(stories);
}

Test(pod_state, a_new_image_is_not_charged_with_the_failures_of_the_old_one)
{
        static const struct story stories[] = {
                { "its first crash is restarted at once", "Always c",
                  "ready; c backoff 40s; c runs; c exits 1; c image pkg-n; c renewed; ready; c runs; c exits 2",
                  "restart c", "Running | c terminated Error 2 x1 was Error 1", NULL },
                { "its start does not wait for the retry of another", "Always c",
                  "ready; c retry_at +30s; c failure RunContainerError; c image pkg-n; c renewed; ready", "start c",
                  "Pending | c waiting ContainerCreating", NULL },
                { "a start that was asked of the old unit is asked of the new one", "Always c",
                  "ready; c requested; c image pkg-n; c renewed; ready", "start c", NULL, NULL },
                { "its pull does not wait for the next try of another", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 20s; c pull_at +20s; c image pkg-n", "pull c",
                  "Pending | c waiting ContainerCreating", NULL },
                { "it is pulled although the other was there", "Always c", "c image_present; c image pkg-n", "pull c",
                  NULL, NULL },
                { "and although the other was being pulled", "Always c", "c pulling; c image pkg-n", "pull c", NULL,
                  NULL },
                { "a pull does not wait where there was a unit either", "Always c",
                  "ready; c image pkg-n; c pull_at +20s; c renewed", "pull c", NULL, NULL },
                { "systemd counts the restarts of its unit from none", "Always c",
                  "ready; c runs 5; c exits 7 inactive; c image pkg-n; c renewed; ready; c runs 2", "",
                  "Running | c running ready x2 was Error 7", NULL },
        };

        TELL(stories);
}

/* ---- what the API server remembers ----------------------------------------------------------------------------- */

#define RUNNING(restarts)                                                                                              \
        "{\"startTime\":\"2023-11-14T22:00:00Z\",\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":" #restarts   \
        ",\"containerID\":\"systemd://0123456789abcdef0123456789abcdef\",\"state\":{\"running\":{\"startedAt\":"       \
        "\"2023-11-14T22:00:01Z\"}}}]}"
#define COUNTED                                                                                                        \
        "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":4,\"containerID\":\"" RUN(                           \
                1) "\",\"state\":{\"running\":{}}}]}"
#define TERMINATED(code)                                                                                               \
        "{\"exitCode\":" #code ",\"signal\":15,\"reason\":\"Because\",\"message\":\"it said so\",\"startedAt\":"       \
        "\"2023-11-14T22:00:01Z\",\"finishedAt\":\"2023-11-14T22:00:02Z\","                                            \
        "\"containerID\":\"systemd://0123456789abcdef0123456789abcdef\"}"

Test(pod_state, an_agent_that_comes_back_takes_over_what_the_api_server_remembers)
{
        static const struct story stories[] = {
                { "the containers run on", "Always c", "ready; adopt; c is active", "", "Running | c running ready x1",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":1,\"state\":{\"running\":{}}}]}" },
                { "until a unit is seen, what ran is taken to run", "Always c", "adopt", NULL, "Running | c running x2",
                  RUNNING(2) },
                { "after a reboot they have ended, nobody knows how", "Always c", "adopt; c vanishes", "pull c",
                  "Running | c terminated ContainerStatusUnknown 137 x2", RUNNING(2) },
                { "and are started again and counted", "Always c", "ready; adopt; c vanishes; c runs", "",
                  "Running | c running ready x3 was ContainerStatusUnknown 137", RUNNING(2) },
                { "restarts by systemd in the meantime are counted", "Always c", "ready; adopt; c runs 3", "",
                  "Running | c running ready x4 was ContainerStatusUnknown 137", RUNNING(1) },
                { "those that were counted before are not counted again", "Always c",
                  "ready; adopt; c runs 3; c exits 1 holdoff; c runs 3", "", "Running | c running ready x5 was Error 1",
                  COUNTED },
                { "nor where it comes back behind the end of that run", "Always c",
                  "ready; adopt; c ran 1 holdoff; c restarted 3; c runs 3", "",
                  "Running | c running ready x5 was Error 1", COUNTED },
                { "where nobody knows of the run before there is no back-off", "Always c",
                  "ready; adopt; c is active; c exits 1 holdoff", "restart c", NULL, RUNNING(4) },
                { "what had ended does not run again", "Never c", "ready; adopt", NULL,
                  "Failed | c terminated Because 3",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":" TERMINATED(3) "}}]}" },
                { "unless its policy says so", "Always c", "ready; adopt", "restart c",
                  "Running | c terminated Because 3",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":" TERMINATED(3) "}}]}" },
                { "the run before is remembered as well", "Always c", "ready; adopt; c is active", "",
                  "Running | c running ready x4 was Because 5",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":4,\"state\":{\"running\":{}},"
                  "\"lastState\":{\"terminated\":" TERMINATED(5) "}}]}" },
                { "an init container that is over is not run again", "Always i/init c", "ready; adopt", "start c",
                  "Pending | i terminated Completed 0 ready | c waiting PodInitializing",
                  "{\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"terminated\":{\"exitCode\":0,"
                  "\"reason\":\"Completed\"}}}]}" },
                { "an init container's status is no container's", "Always c", "ready; adopt", "start c",
                  "Pending | c waiting ContainerCreating",
                  "{\"initContainerStatuses\":[{\"name\":\"c\",\"restartCount\":9}]}" },
                { "nor the other way round", "Always c/init d", "ready; adopt", "start c",
                  "Pending | c waiting PodInitializing | d waiting PodInitializing",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":9}]}" },
                { "each container has its own", "Always c d", "ready; adopt", NULL,
                  "Pending | c waiting ContainerCreating x1 | d waiting ContainerCreating x2",
                  "{\"containerStatuses\":[{\"name\":\"d\",\"restartCount\":2},{\"name\":\"c\",\"restartCount\":1},"
                  "{\"name\":\"e\",\"restartCount\":3}]}" },
                { "what waited, waits", "Always c", "ready; adopt", "start c", "Pending | c waiting ContainerCreating",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"X\"}}}]}" },
                { "an empty status changes nothing", "Always c", "ready; adopt", "start c",
                  "Pending | c waiting ContainerCreating", "{}" },
        };
#define PROBED                                                                                                         \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"pkg-c\",\"readinessProbe\":{\"tcpSocket\":{\"port\":"   \
        "80}}"                                                                                                         \
        "}]}}"
#define STARTING                                                                                                       \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"pkg-c\",\"startupProbe\":{\"tcpSocket\":{\"port\":80}}" \
        "}]}}"
#define TOLD_RUNNING(more) "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}}" more "}]}"
        static const struct value starting[] = {
                { "its startup probe has succeeded", STARTING, "adopt", "containerStatuses.0.started", "true",
                  TOLD_RUNNING(",\"started\":true") },
                { "or has not", STARTING, "adopt", "containerStatuses.0.started", "false",
                  TOLD_RUNNING(",\"started\":false") },
                { "of which nobody has told", STARTING, "adopt", "containerStatuses.0.started", "false",
                  TOLD_RUNNING("") },
                { "its readiness probe has succeeded", PROBED, "adopt; c is active", "containerStatuses.0.ready",
                  "true", TOLD_RUNNING(",\"ready\":true") },
                { "it was told to end while the agent was away", PROBED, "adopt; c is deactivating",
                  "containerStatuses.0.ready", "true", TOLD_RUNNING(",\"ready\":true,\"started\":true") },
                { "and was not ready before", PROBED, "adopt; c is deactivating", "containerStatuses.0.ready", "false",
                  TOLD_RUNNING(",\"started\":true") },
                { "or nobody has told so", PROBED, "adopt; c is active", "containerStatuses.0.ready", "false",
                  TOLD_RUNNING("") },
        };
#define LAST "containerStatuses.0.lastState.terminated."
#define REMEMBERED                                                                                                     \
        "{\"startTime\":\"2023-11-14T22:00:00Z\",\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":4,"           \
        "\"containerID\":\"systemd://0123456789abcdef0123456789abcdee\","                                              \
        "\"state\":{\"running\":{\"startedAt\":\"2023-11-14T22:00:03Z\"}},"                                            \
        "\"lastState\":{\"terminated\":" TERMINATED(                                                                   \
                5) "}}],\"conditions\":["                                                                              \
                   "{\"type\":\"Initialized\",\"status\":\"True\",\"lastTransitionTime\":\"2023-11-14T22:00:01Z\"},"   \
                   "{\"type\":\"Ready\",\"status\":\"False\",\"lastTransitionTime\":\"2023-11-14T22:00:04Z\"},"        \
                   "{\"type\":\"example.org/"                                                                          \
                   "other\",\"status\":\"True\",\"lastTransitionTime\":\"2023-11-14T22:00:09Z\"}]}"
        static const struct value values[] = {
                { "the pod's start", "Always c", "adopt", "startTime", "2023-11-14T22:00:00Z", REMEMBERED },
                { "a new pod starts when it is seen", "Always c", "+1s", "startTime", "2023-11-14T22:13:20Z", NULL },
                { "one without a time as well", "Always c", "adopt", "startTime", "2023-11-14T22:13:20Z", "{}" },
                { "or with none that can be read", "Always c", "adopt", "startTime", "2023-11-14T22:13:20Z",
                  "{\"startTime\":\"yesterday\"}" },
                { "the run", "Always c", "adopt", "containerStatuses.0.containerID",
                  "systemd://0123456789abcdef0123456789abcdee", REMEMBERED },
                { "an id of another runtime is none", "Always c", "adopt", "containerStatuses.0.containerID", "absent",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"containerID\":\"containerd://00\"}]}" },
                { "since when it runs", "Always c", "adopt", "containerStatuses.0.state.running.startedAt",
                  "2023-11-14T22:00:03Z", REMEMBERED },
                { "the run before: its code", "Always c", "adopt", LAST "exitCode", "5", REMEMBERED },
                { "its signal", "Always c", "adopt", LAST "signal", "15", REMEMBERED },
                { "its reason", "Always c", "adopt", LAST "reason", "Because", REMEMBERED },
                { "its words", "Always c", "adopt", LAST "message", "it said so", REMEMBERED },
                { "its beginning", "Always c", "adopt", LAST "startedAt", "2023-11-14T22:00:01Z", REMEMBERED },
                { "its end", "Always c", "adopt", LAST "finishedAt", "2023-11-14T22:00:02Z", REMEMBERED },
                { "its run", "Always c", "adopt", LAST "containerID", "systemd://0123456789abcdef0123456789abcdef",
                  REMEMBERED },
                { "a condition that has not changed since", "Always c", "ready; adopt; c is active",
                  "conditions.1.lastTransitionTime", "2023-11-14T22:00:01Z", REMEMBERED },
                { "one that has", "Always c", "ready; adopt; c is active", "conditions.2.lastTransitionTime",
                  "2023-11-14T22:13:20Z", REMEMBERED },
                { "one that was False and is", "Always c", "ready; adopt; c is activating",
                  "conditions.2.lastTransitionTime", "2023-11-14T22:00:04Z", REMEMBERED },
                { "one that nobody knew", "Always c", "ready; adopt; c is active; +1s",
                  "conditions.3.lastTransitionTime", "2023-11-14T22:13:21Z", REMEMBERED },
        };

        TELL(stories);
        LOOK(starting);
        LOOK(values);
}

/* What the container did when the agent was stopped, whose newest run is RUN(1); how run `last` ended. It is 22:13:20.
 */
#define CAME_BACK_AFTER(last, restarts, state, ended)                                                                  \
        "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":" #restarts ",\"containerID\":\"" RUN(               \
                1) "\","                                                                                               \
                   "\"state\":{" state                                                                                 \
                   "},\"lastState\":{\"terminated\":{\"exitCode\":7,\"reason\":\"Error\",\"finishedAt\":"              \
                   "\"2023-11-14T" ended "Z\",\"containerID\":\"" RUN(last) "\"}}}]}"
#define CAME_BACK(restarts, state, ended) CAME_BACK_AFTER(1, restarts, state, ended)
#define WAITS(reason, message)            "\"waiting\":{\"reason\":\"" reason "\",\"message\":\"" message "\"}"
#define RUNS(since)                       "\"running\":{\"startedAt\":\"2023-11-14T" since "Z\"}"

Test(pod_state, a_back_off_survives_the_agent)
{
        static const struct story stories[] = {
                { "it goes on", "Always c", "ready; adopt; c ran 7 holdoff; status", "wake 30s",
                  "Running | c waiting CrashLoopBackOff x3 was Error 7",
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "22:13:10") },
                { "also where the agent had stopped the unit, which systemd does not start again", "Always c",
                  "ready; adopt; c ran 7 failed; +30s", "restart c", NULL,
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "22:13:10") },
                { "and where the unit is gone", "Always c", "ready; adopt; c vanishes", "wake 30s", NULL,
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "22:13:10") },
                { "it is over when it would have been", "Always c", "ready; adopt; c ran 7 holdoff", "restart c", NULL,
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "22:12:40") },
                { "and not longer than that, whatever the clock was", "Always c",
                  "ready; adopt; c ran 7 holdoff; status", "wake 40s",
                  "Running | c waiting CrashLoopBackOff x3 was Error 7",
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "23:59:59") },
                { "the next one is longer", "Always c",
                  "ready; adopt; c ran 7 holdoff; +30s; c runs; c exits 7 holdoff; status", "wake 80s",
                  "Running | c waiting CrashLoopBackOff x4 was Error 7",
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 40s restarting failed container=c"), "22:13:10") },
                { "as long as it can be, and not longer", "Always c",
                  "ready; adopt; c ran 7 holdoff; +300s; c runs; c exits 7", "wake 300s", NULL,
                  CAME_BACK(30, WAITS("CrashLoopBackOff", "back-off 300s restarting failed container=c"), "22:13:20") },
                { "whatever was written there", "Always c", "ready; adopt; c ran 7 holdoff", "wake 300s", NULL,
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 4000s restarting failed container=c"), "22:13:20") },
                { "or not", "Always c", "ready; adopt; c ran 7 holdoff", "wake 10s", NULL,
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "soon"), "22:13:20") },
                { "systemd has started it meanwhile", "Always c", "ready; adopt; c ran 7 holdoff; c runs 1", "",
                  "Running | c running ready x4 was Error 7",
                  CAME_BACK(3, WAITS("CrashLoopBackOff", "back-off 300s restarting failed container=c"), "22:08:20") },
                { "what runs is known by what it had to wait for", "Always c",
                  "ready; adopt; c runs; c exits 7; status", "wake 80s",
                  "Running | c waiting CrashLoopBackOff x4 was Error 7",
                  CAME_BACK_AFTER(8, 4, RUNS("22:13:00"), "22:12:19") },
                { "and not by how often it was started", "Always c", "ready; adopt; c runs; c exits 7", "wake 20s",
                  NULL, CAME_BACK_AFTER(8, 9, RUNS("22:13:00"), "22:12:45") },
                { "the first restart was at once", "Always c", "ready; adopt; c runs; c exits 7", "wake 10s", NULL,
                  CAME_BACK_AFTER(8, 1, RUNS("22:13:00"), "22:13:00") },
                { "whatever else it had to wait for", "Always c", "ready; adopt; c runs; c exits 7", "wake 20s", NULL,
                  CAME_BACK_AFTER(8, 2, RUNS("22:13:00"), "22:03:00") },
                { "ten minutes make it good", "Always c", "ready; adopt; c runs; +600s; c exits 7", "restart c", NULL,
                  CAME_BACK_AFTER(8, 9, RUNS("22:03:00"), "21:58:00") },
                { "what has never crashed is restarted at once", "Always c", "ready; adopt; c runs; c exits 7",
                  "restart c", NULL, RUNNING(0) },
                { "what has ended and begins at once does not the next time", "Always c",
                  "ready; adopt; c ran 7 holdoff; c runs; c exits 7", "wake 10s", NULL,
                  "{\"containerStatuses\":[{\"name\":\"c\",\"containerID\":\"" RUN(
                          1) "\",\"state\":{\"terminated\":{\"exitCode\":7,\"containerID\":\"" RUN(1) "\"}}}]}" },
        };

        TELL(stories);
}

Test(pod_state, what_was_about_to_be_started_again_is)
{
        static const struct story stories[] = {
                { "a unit that failed", "Always c", "ready; adopt; c ran 7 failed", "restart c", NULL,
                  CAME_BACK(0, WAITS("ContainerCreating", ""), "22:13:10") },
                { "whatever its policy, since the agent ended it", "Never c", "ready; adopt; c ran 0 exited",
                  "restart c", NULL, CAME_BACK(0, WAITS("ContainerCreating", ""), "22:13:10") },
                { "one that systemd would start later", "Always c", "ready; adopt; c ran 7 holdoff", "restart c", NULL,
                  CAME_BACK(0, WAITS("ContainerCreating", ""), "22:13:10") },
                { "once", "Always c", "ready; adopt; c ran 7 failed; c requested", "", NULL,
                  CAME_BACK(0, WAITS("ContainerCreating", ""), "22:13:10") },
                { "not while it is still ending", "Always c", "ready; adopt; c ran 7 failed; c is deactivating", "",
                  NULL, CAME_BACK(0, WAITS("ContainerCreating", ""), "22:13:10") },
        };

        TELL(stories);
}

/* Of another end of it the pod's grace counts, whatever the probe that failed before says. */
Test(pod_state, a_probe_has_a_grace_of_its_own_even_none)
{
        struct probe probe = { .grace_s = 0 };
        struct container spec = { .probes[PROBE_LIVENESS] = &probe };
        struct container_state c = { .unhealthy = true, .failed_probe = PROBE_LIVENESS };
        const struct pod p = { .grace_s = 30 };

        cr_expect_eq(container_grace_s(&c, &spec, &p), 0);
        probe.grace_s = 7;
        cr_expect_eq(container_grace_s(&c, &spec, &p), 7);
        probe.grace_s = -1;
        cr_expect_eq(container_grace_s(&c, &spec, &p), 30, "it says none");
        probe.grace_s = 7;
        c.replacing = true;
        cr_expect_eq(container_grace_s(&c, &spec, &p), 30, "it goes for its new image");
        c.replacing = false;
        c.unhealthy = false;
        cr_expect_eq(container_grace_s(&c, &spec, &p), 30, "the pod ends");
}

/* "kubectl logs -p": 'n' for the run that has just ended, 'l' for the one before. */
Test(pod_state, the_run_before_is_the_latest_that_another_will_follow)
{
        static const struct {
                const char *shows, *pod, *happens;
                char run;
        } table[] = {
                { "of one that runs it is the one before", "Always c", "ready; c runs; c exits 1 holdoff; c runs",
                  'l' },
                { "between two runs it is still that", "Always c", "ready; c runs; c exits 1 inactive", 'l' },
                { "but while it backs off its latest", "Always c",
                  "ready; c runs; c exits 1 holdoff; c runs; c exits 1 holdoff", 'n' },
                { "and before another image", "Always c", "ready; c runs; c exits 1 inactive; c replacing", 'n' },
                { "it has not ended for that yet", "Always c", "ready; c runs; c replacing", 'l' },
                { "and after a probe that failed", "Always c", "ready; c runs; c exits 1 inactive; c unhealthy", 'n' },
                { "where nothing follows it is the one before", "Never c",
                  "ready; c runs; c exits 1 inactive; c unhealthy", 'l' },
                { "and while its environment is missing", "Always c",
                  "ready; c runs; c exits 1 inactive; c env_failure CreateContainerConfigError", 'n' },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct world w = world(table[i].pod);
                struct container_state *c = &w.state->containers[0];

                happen(&w, table[i].happens);
                cr_expect_eq(container_last_run(c, &w.pod->containers[0], w.pod),
                             table[i].run == 'n' ? &c->now : &c->last, "%s", table[i].shows);
                world_done(&w);
        }
}

Test(pod_state, a_unit_that_was_cleared_away_leaves_only_what_is_the_containers)
{
        struct container_state c = {
                .mark = 1,
                .values_written = 1,
                .term_sent = true,
                .stop_sent = true,
                .kill_sent = true,
                .stop_failures = 1,
                .clear_failures = 1,
                .start_failures = 1,
                .kill_at = 1,
                .stop_retry_at = 1,
                .clear_retry_at = 1,
                .retry_at = 1,
                .requested = true,
                .unit = { .phase = UNIT_FAILED, .main_status = 1 },
                .unit_restarts = 1,
                .unmet_at = 1,
                .restarts = 4,
                .backoff = 5,
                .restart_at = 6,
        };

        container_refresh(&c);
        cr_expect(!c.mark && !c.values_written && !c.requested);
        cr_expect(!c.term_sent && !c.stop_sent && !c.kill_sent);
        cr_expect(!c.stop_failures && !c.clear_failures && !c.start_failures);
        cr_expect(!c.kill_at && !c.stop_retry_at && !c.clear_retry_at && !c.retry_at);
        cr_expect(c.unit.phase == UNIT_ABSENT && !c.unit.main_status && !c.unit_restarts && !c.unmet_at);
        cr_expect(c.restarts == 4 && c.backoff == 5 && c.restart_at == 6);
}

Test(pod_state, a_run_begins_with_nothing_of_the_one_before)
{
        struct world w = world("Always c");
        struct container_state *c = &w.state->containers[0];

        happen(&w, "ready; c runs; c exits 1 holdoff");
        c->env_told = true;
        c->signal_at = 5;
        err_keep_set(&c->failure, -EIO, "RunContainerError", "why");
        happen(&w, "c runs");
        cr_expect(!c->env_told && !c->signal_at && !c->failure.code);
        world_done(&w);
}

Test(pod_state, of_a_restart_of_all_the_back_off_is_his_who_asked_for_it)
{
        int32_t codes[] = { 42 };
        struct restart_rule rule = { .verdict = RESTART_ALL, .codes = codes, .n_codes = ARRAY_LEN(codes) };
        const struct container spec = { .restarts = { .rules = &rule, .n_rules = 1 } };
        struct container_state c = { .backoff = 7, .now = { .valid = true, .exit_code = 42 } };

        container_begin_anew(&c, &spec);
        cr_expect_eq(c.backoff, 7);
        c.now = (struct termination){ .valid = true, .exit_code = 43 };
        container_begin_anew(&c, &spec);
        cr_expect_eq(c.backoff, 0);
}

Test(pod_state, what_is_kept_of_errors_goes_with_it)
{
        struct world w = world("Always c v:configMap");
        struct container_state *c = &w.state->containers[0];

        err_keep_set(&w.state->volumes[0].failure, -ENOENT, "FailedMount", "why");
        err_keep_set(&c->failure, -EIO, "RunContainerError", "why");
        err_keep_set(&c->pull_failure, -EIO, "ErrImagePull", "why");
        err_keep_set(&c->env_failure, -EIO, "CreateContainerConfigError", "why");
        container_renew(c);
        cr_expect(!c->failure.code && !c->pull_failure.code);
        cr_expect_str_eq(kept_text(&c->env_failure), "why", "its environment is the next run's, too");
        world_done(&w); /* the rest is LeakSanitizer's to say */
}

Test(pod_state, a_restart_of_all_waits_for_no_hook)
{
        enum { NOW = 1000000 };
        struct container specs[] = { { .name = "a" }, { .name = "never-written" }, { .name = "e", .ephemeral = true } };
        struct container_state states[] = { { .mark = 1 }, { 0 }, { .mark = 1 } };
        const struct pod p = { .containers = specs, .n_containers = ARRAY_LEN(specs) };
        struct pod_state s = { .containers = states, .n_containers = ARRAY_LEN(states) };

        pod_begin_restart_all(&s, &p, NOW);
        cr_expect(s.restarting_all && states[0].replacing && states[0].kill_at > NOW);
        cr_expect_eq(states[0].hooks[HOOK_PRE_STOP], HOOK_OVER);
        cr_expect(!states[1].replacing && !states[2].replacing);
}

Test(pod_state, nothing_is_freed_of_nothing)
{
        cr_assert_null(pod_state_free(NULL));
}
