/* SPDX-License-Identifier: Apache-2.0 */
/* The status that the API server shall have. The format of the rows is told in story.h. */
#include "tests/unit/agent/pod/story.h"

#define RUN(n) "systemd://0000000000000000000000000000000" #n /* what story.h gives the n-th run of a pod */

/* ---- phases ---------------------------------------------------------------------------------------------------- */

Test(status, a_pods_phase_is_that_of_its_containers)
{
        static const struct story stories[] = {
                { "nothing has started", "Always c d", "ready", NULL,
                  "Pending | c waiting ContainerCreating | d waiting ContainerCreating", NULL },
                { "one of two has not started", "Always c d", "ready; c runs", NULL,
                  "Pending | c running ready | d waiting ContainerCreating", NULL },
                { "both run", "Always c d", "ready; c runs; d runs", NULL,
                  "Running | c running ready | d running ready", NULL },
                { "between two runs it is Running", "Always c", "ready; c runs; c exits 1; c prepares", NULL,
                  "Running | c waiting ContainerCreating x1 was Error 1", NULL },
                { "an init container that runs leaves it Pending", "Always i/init c", "ready; i runs", NULL,
                  "Pending | i running | c waiting PodInitializing", NULL },
                { "so does one that failed and is tried again", "Always i/init c", "ready; i runs; i exits 1", NULL,
                  "Pending | i terminated Error 1 | c waiting PodInitializing", NULL },
                { "or may not be: then it has failed", "Never i/init c", "ready; i runs; i exits 1", NULL,
                  "Failed | i terminated Error 1 | c waiting PodInitializing", NULL },
                { "a clean one has not", "Never i/init c", "ready; i runs; i exits 0", NULL,
                  "Pending | i terminated Completed 0 ready | c waiting PodInitializing", NULL },
                { "a sidecar's failure is not the pod's", "Never s/sidecar c", "ready; s runs; s exits 1", NULL,
                  "Pending | s terminated Error 1 | c waiting PodInitializing", NULL },
                { "nor is it once all has ended", "Never s/sidecar c", "ready; s runs; c runs; c exits 0; s exits 1",
                  NULL, "Succeeded | s terminated Error 1 | c terminated Completed 0", NULL },
                { "deleted and ended well", "Always c", "ready; c runs; deleting; c exits 0 inactive", NULL,
                  "Succeeded | c terminated Completed 0", NULL },
                { "deleted and killed", "Always c", "ready; c runs; deleting; c killed 9", NULL,
                  "Failed | c terminated Error 137", NULL },
                { "deleted while its image changes: how it ended is told", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; deleting", NULL,
                  "Failed | c terminated Error 3", NULL },
                { "also where its unit has made room already", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; c renewed; deleting",
                  NULL, "Failed | c terminated Error 3", NULL },
                { "well or not", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 0 inactive; c renewed; deleting",
                  NULL, "Succeeded | c terminated Completed 0", NULL },
                { "of a pod that lives on the next run is told", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; c renewed", NULL,
                  "Running | c waiting ContainerCreating was Error 3", NULL },
                { "over its deadline it is the same", "Always c deadline=9",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; c renewed; "
                  "deadline_exceeded",
                  NULL, "Failed | c terminated Error 3", NULL },
                { "and evicted", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; c renewed; evicted 1",
                  NULL, "Failed | c terminated Error 3", NULL },
                { "but not when the machine shuts down, behind which it may run again", "Always c",
                  "ready; c runs; c image other; c replacing; c stop_sent; c exits 3 inactive; c renewed; shut_down 1",
                  NULL, "Failed | c waiting ContainerCreating was Error 3", NULL },
                { "an ephemeral container that still prepares its run is waited for", "Never c d/ephemeral",
                  "ready; d written; c runs; c exits 0 inactive; d is activating", NULL,
                  "Running | c terminated Completed 0 | d waiting ContainerCreating", NULL },
                { "and so is a sidecar", "Never s/sidecar c", "ready; c runs; c exits 0 inactive; s is activating",
                  NULL, "Running | s waiting PodInitializing | c terminated Completed 0", NULL },
                { "told to end, it serves until it has", "Always c", "ready; c runs; deleting; c is deactivating", NULL,
                  "Running | c running ready", NULL },
                { "as long as its main process has not ended", "Always c", "ready; c runs; c exits 0 deactivating",
                  NULL, "Running | c running", NULL },
                { "what ends before its unit was active never did", "Always c", "ready; c starts; c is deactivating",
                  NULL, "Running | c running", NULL },
                { "that of the run before is not this one's", "Always c",
                  "ready; c runs; c exits 1; c starts; c is deactivating", NULL, "Running | c running x1 was Error 1",
                  NULL },
                { "deleted and not ended", "Always c", "ready; c runs; deleting", NULL, "Running | c running ready",
                  NULL },
                { "deleted before it started", "Always c", "ready; deleting", NULL,
                  "Pending | c waiting ContainerCreating", NULL },
                { "deleted with one of two still running", "Always c d",
                  "ready; c runs; d runs; deleting; c killed 15 inactive", NULL,
                  "Running | c terminated Error 143 | d running ready", NULL },
                { "an end that the API server has is not taken back", "Always c",
                  "ready; c runs; c exits 1; terminal; failed", NULL, "Failed | c terminated Error 1", NULL },
                { "whatever its containers say", "Always c", "ready; c runs; terminal; deleting", NULL,
                  "Succeeded | c running ready", NULL },
                { "but a pod without such an end goes on", "Always c", "ready; c runs; c exits 1", NULL,
                  "Running | c terminated Error 1", NULL },
                { "over its deadline, and ended", "Always c deadline=9", "deadline_exceeded", NULL,
                  "Failed | c waiting ContainerCreating", NULL },
                { "whatever its containers say of their end", "Never c deadline=9",
                  "ready; c runs; deadline_exceeded; c exits 0 inactive", NULL, "Failed | c terminated Completed 0",
                  NULL },
                { "not while a sidecar still ends", "Never s/sidecar c deadline=9",
                  "ready; s runs; c runs; deadline_exceeded; c exits 0 inactive", NULL,
                  "Running | s running ready | c terminated Completed 0", NULL },
                { "not while a container runs, though an init container has failed behind it", "Never i/init c",
                  "ready; i runs; i exits 0 inactive; c runs; i runs; i exits 42 inactive", NULL,
                  "Running | i terminated Error 42 x1 was Completed 0 | c running ready", NULL },
                { "over its deadline, and not ended", "Always c deadline=9", "ready; c runs; deadline_exceeded", NULL,
                  "Running | c running ready", NULL },
        };

        TELL(stories);
}

/* ---- containers ------------------------------------------------------------------------------------------------ */

Test(status, a_container_that_waits_says_for_what)
{
#define WHY "containerStatuses.0.state.waiting."
        static const struct value values[] = {
                { "for its turn", "Always i/init c", "", WHY "reason", "PodInitializing", NULL },
                { "an init container that is first waits for nobody", "Always i/init c", "",
                  "initContainerStatuses.0.state.waiting.reason", "PodInitializing", NULL },
                { "an init container is not initialized by others", "Always h/init i/init c", "",
                  "initContainerStatuses.1.state.waiting.reason", "PodInitializing", NULL },
                { "for itself", "Always c", "", WHY "reason", "ContainerCreating", NULL },
                { "which needs no words", "Always c", "", WHY "message", "absent", NULL },
                { "after its init containers as well", "Always i/init c", "ready; i runs; i exits 0", WHY "reason",
                  "PodInitializing", NULL },
                { "behind a sidecar that is not up", "Always s/sidecar c", "ready; s starts", WHY "reason",
                  "PodInitializing", NULL },
                { "behind one that is", "Always s/sidecar c", "ready; s runs", WHY "reason", "PodInitializing", NULL },
                { "for a policy that allows its image", "Always c", "c pull_failure ErrImagePull no-such-package",
                  WHY "message", "no-such-package", NULL },
                { "for the next try", "Always c",
                  "c pull_failure ErrImagePull no-such-package; c pull_backoff 20s; c pull_at +20s", WHY "message",
                  "Back-off pulling image \"pkg-c\": no-such-package", NULL },
                { "the first back-off shows the error itself", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 10s; c pull_at +10s", WHY "reason", "ErrImagePull",
                  NULL },
                { "a back-off that is over, too", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 20s; c pull_at +0s", WHY "reason", "ErrImagePull",
                  NULL },
                { "for its environment", "Always c", "ready; c env_failure CreateContainerConfigError no-ConfigMap",
                  WHY "reason", "CreateContainerConfigError", NULL },
                { "in words", "Always c", "ready; c env_failure CreateContainerConfigError no-ConfigMap", WHY "message",
                  "no-ConfigMap", NULL },
                { "for its units", "Always c", "c image_present; write_failure FailedMount policy-says-no",
                  WHY "reason", "FailedMount", NULL },
                { "in words", "Always c", "c image_present; write_failure FailedMount policy-says-no", WHY "message",
                  "policy-says-no", NULL },
                { "for units, nobody knows why", "Always c", "c image_present; write_failure", WHY "reason",
                  "CreateContainerError", NULL },
                { "for its start", "Always c", "ready; c failure CreateContainerError not-loaded", WHY "reason",
                  "CreateContainerError", NULL },
                { "in words", "Always c", "ready; c failure CreateContainerError not-loaded", WHY "message",
                  "not-loaded", NULL },
                { "for its start, nobody knows why", "Always c", "ready; c failure", WHY "reason", "RunContainerError",
                  NULL },
                { "the nearest obstacle comes first: the image before the units", "Always c",
                  "c pull_failure ErrImagePull; write_failure FailedMount", WHY "reason", "ErrImagePull", NULL },
                { "the environment before the units", "Always c",
                  "ready; c env_failure CreateContainerConfigError; write_failure FailedMount", WHY "reason",
                  "CreateContainerConfigError", NULL },
                { "the units before the start", "Always c",
                  "c image_present; write_failure FailedMount; c failure CreateContainerError", WHY "reason",
                  "FailedMount", NULL },
                { "a failed pull of an image that is there by now is none", "Always c",
                  "ready; c pull_failure ErrImagePull", WHY "reason", "ContainerCreating", NULL },
        };

        LOOK(values);
}

Test(status, a_long_failure_is_told_whole)
{
        CLEANUP(freep) char *words = xcalloc(ERR_TEXT_MAX, 1);
        struct world w = world("Always c");
        cJSON *s;

        memset(words, 'x', ERR_TEXT_MAX - 1);
        err_keep_set(&w.state->containers[0].pull_failure, -EIO, "ErrImagePull", "%s", words);
        happen(&w, "c pull_backoff 20s; c pull_at +20s");
        s = status_of(&w);
        CLEANUP(freep)
        char *message = value_at(s, WHY "message"),
             *expected = xasprintf("Back-off pulling image \"pkg-c\": %s", words);
        cr_assert_str_eq(message, expected);
        cJSON_Delete(s);
        world_done(&w);
}

Test(status, a_pod_that_is_refused_says_why)
{
#define BAD_DIR                                                                                                        \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"/"                                                      \
        "c\",\"workingDir\":\"x\"},{\"name\":\"d\",\"image\":\"nginx\"}]}}"
        static const struct value values[] = {
                { "what kubelet calls creating, with the words", "Always c runtimeClassName=gvisor", "", WHY "reason",
                  "ContainerCreating", NULL },
                { "in words", "Always c runtimeClassName=gvisor", "", WHY "message",
                  "spec.runtimeClassName: \"gvisor\" is not known here", NULL },
                { "a volume is the same", "Always c v:csi", "", WHY "reason", "ContainerCreating", NULL },
                { "the container whose fault it is has the reason", BAD_DIR, "", WHY "reason",
                  "CreateContainerConfigError", NULL },
                { "the others have not", BAD_DIR, "", "containerStatuses.1.state.waiting.reason", "ContainerCreating",
                  NULL },
                { "nor its words", BAD_DIR, "", "containerStatuses.1.state.waiting.message", "absent", NULL },
                { "it is never ready", "Always c", "ready; c runs; refused InvalidImageName", "conditions.2.status",
                  "False", NULL },
        };

        LOOK(values);
}

Test(status, a_container_is_told_as_kubectl_shows_it)
{
#define C "containerStatuses.0."
        static const struct value values[] = {
                { "its name", "Always c", "ready", C "name", "c", NULL },
                { "its image", "Always c", "ready", C "image", "pkg-c", NULL },
                { "which one it is, is not known here", "Always c", "ready", C "imageID", "", NULL },
                { "which run", "Always c", "ready; c runs", C "containerID", RUN(1), NULL },
                { "none yet", "Always c", "ready", C "containerID", "absent", NULL },
                { "since when", "Always c", "ready; +1s; c runs; +5s", C "state.running.startedAt",
                  "2023-11-14T22:13:21Z", NULL },
                { "since now, when nobody knows", "Always c", "ready; adopt; +5s", C "state.running.startedAt",
                  "2023-11-14T22:13:25Z", "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"running\":{}}}]}" },
                { "started", "Always c", "ready; c starts", C "started", "true", NULL },
                { "not started", "Always c", "ready", C "started", "false", NULL },
                { "no longer started", "Always c", "ready; c runs; c exits 1", C "started", "false", NULL },
                { "ready", "Always c", "ready; c runs", C "ready", "true", NULL },
                { "not ready before a notify daemon says so", "Always c", "ready; c starts", C "ready", "false", NULL },
                { "nor after its end", "Always c", "ready; c runs; c exits 0", C "ready", "false", NULL },
                { "an init container is ready when it has succeeded", "Always i/init c", "ready; i runs; i exits 0",
                  "initContainerStatuses.0.ready", "true", NULL },
                { "not while it runs", "Always i/init c", "ready; i runs", "initContainerStatuses.0.ready", "false",
                  NULL },
                { "nor when it has failed", "Always i/init c", "ready; i runs; i exits 1",
                  "initContainerStatuses.0.ready", "false", NULL },
                { "a sidecar is ready while it runs", "Always s/sidecar c", "ready; s runs",
                  "initContainerStatuses.0.ready", "true", NULL },
                { "not when it has ended", "Always s/sidecar c", "ready; s runs; s exits 0",
                  "initContainerStatuses.0.ready", "false", NULL },
                { "no last state before the second run", "Always c", "ready; c runs", C "lastState", "{}", NULL },
                { "the run before", "Always c", "ready; c runs; c exits 7; c runs",
                  C "lastState.terminated.containerID", RUN(1), NULL },
                { "its start, without one, was its end", "Always c",
                  "ready; c prepares; +3s; c is failed result exit-code; +1s; c runs",
                  C "lastState.terminated.startedAt", "2023-11-14T22:13:23Z", NULL },
                { "a run that nobody knows has no id", "Never c", "adopt", C "state.terminated.containerID", "absent",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{\"exitCode\":1}}}]}" },
                { "nor a time", "Never c", "adopt", C "state.terminated",
                  "{\"exitCode\":1,\"reason\":\"\",\"startedAt\":null,\"finishedAt\":null}",
                  "{\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{\"exitCode\":1}}}]}" },
                { "a back-off says how long", "Always c", "ready; +3s; c runs; c exits 7; c runs; +4s; c exits 7; +5s",
                  C "state.waiting.message",
                  "back-off 10s restarting failed container=c "
                  "pod=web_default(0f6c2a9e-1234-4abc-8def-0123456789ab)",
                  NULL },
        };
#undef C

        LOOK(values);
}

Test(status, image_ids_are_told_where_they_are_known)
{
        struct world w = world("Always i/init c");
        const char *const ids[] = { NULL, "pkg-c@1.2" };
        cJSON *s = status_build(w.pod, w.state, &story_node, ids, w.now);
        CLEANUP(freep)
        char *known = value_at(s, "containerStatuses.0.imageID"),
             *unknown = value_at(s, "initContainerStatuses.0.imageID");

        cr_assert_str_eq(known, "pkg-c@1.2");
        cr_assert_str_eq(unknown, "");
        cJSON_Delete(s);
        world_done(&w);
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

/* "+" and what is True, "-" and what is False with its reason. */
static char *conditions_text(struct world *w)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        cJSON *status = status_of(w);
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "conditions")) {
                const char *reason = json_str(c, "reason");
                buf_printf(&b, "%s%c%s%s%s", b.len ? " " : "", streq(json_str(c, "status"), "True") ? '+' : '-',
                           json_str(c, "type"), reason ? ":" : "", reason ? reason : "");
        }
        cJSON_Delete(status);
        return buf_steal(&b);
}

Test(status, conditions_follow_the_containers)
{
        static const struct {
                const char *shows, *pod, *happens, *conditions;
        } table[] = {
                { "a new pod", "Always c", "",
                  "-PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "written", "Always c", "ready",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "running", "Always c", "ready; c runs",
                  "+PodReadyToStartContainers +Initialized +Ready +ContainersReady +PodScheduled" },
                { "not ready before it says so", "Always c", "ready; c starts",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "one of two", "Always c d", "ready; d runs",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "the other", "Always c d", "ready; c runs",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "initializing", "Always i/init c", "ready; i runs",
                  "+PodReadyToStartContainers -Initialized:ContainersNotInitialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "initialized: what is over is not asked to run", "Always i/init c",
                  "ready; i runs; i exits 0; c runs",
                  "+PodReadyToStartContainers +Initialized +Ready +ContainersReady +PodScheduled" },
                { "a sidecar that is not up holds the pod back", "Always s/sidecar c", "ready; s starts",
                  "+PodReadyToStartContainers -Initialized:ContainersNotInitialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "succeeded", "Never c", "ready; c runs; c exits 0",
                  "-PodReadyToStartContainers +Initialized -Ready:PodCompleted -ContainersReady:PodCompleted "
                  "+PodScheduled" },
                { "failed", "Never c", "ready; c runs; c exits 1",
                  "-PodReadyToStartContainers +Initialized -Ready:PodFailed -ContainersReady:PodFailed "
                  "+PodScheduled" },
                { "over its deadline", "Always c deadline=9", "ready; deadline_exceeded",
                  "-PodReadyToStartContainers +Initialized -Ready:PodFailed -ContainersReady:PodFailed "
                  "+PodScheduled" },
                { "finished with its sidecar still there", "Never s/sidecar c", "ready; s runs; c runs; c exits 0",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
                { "and when that has ended", "Never s/sidecar c", "ready; s runs; c runs; c exits 0; s killed 15",
                  "-PodReadyToStartContainers +Initialized -Ready:PodCompleted -ContainersReady:PodCompleted "
                  "+PodScheduled" },
                { "a closed gate", "Always c gate=example.org/balancer", "ready; c runs; not gates_open",
                  "+PodReadyToStartContainers +Initialized -Ready:ReadinessGatesNotReady +ContainersReady "
                  "+PodScheduled" },
                { "an open one", "Always c gate=example.org/balancer", "ready; c runs; gates_open",
                  "+PodReadyToStartContainers +Initialized +Ready +ContainersReady +PodScheduled" },
                { "a rule that restarts all, and has not fitted", "Always c/Never+RestartAllContainers:In:3",
                  "ready; c runs",
                  "+PodReadyToStartContainers +Initialized +Ready +ContainersReady +PodScheduled "
                  "-AllContainersRestarting" },
                { "and has", "Always c/Never+RestartAllContainers:In:3", "ready; c runs; c exits 3; begin anew",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled +AllContainersRestarting" },
                { "a gate is asked when all else is ready", "Always c gate=example.org/balancer", "ready",
                  "+PodReadyToStartContainers +Initialized -Ready:ContainersNotReady "
                  "-ContainersReady:ContainersNotReady +PodScheduled" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct world w = world(table[i].pod);
                happen(&w, table[i].happens);
                CLEANUP(freep) char *is = conditions_text(&w);
                cr_expect_str_eq(is, table[i].conditions, "%s: %s", table[i].shows, is);
                world_done(&w);
        }
}

Test(status, conditions_say_who_and_since_when)
{
#define INITIALIZED "conditions.1."
#define READY       "conditions.2."
#define CONTAINERS  "conditions.3."
        static const struct value values[] = {
                { "who is not ready", "Always c d e", "ready; d runs", CONTAINERS "message",
                  "containers with unready status: [c e]", NULL },
                { "the pod says the same", "Always c d e", "ready; d runs", READY "message",
                  "containers with unready status: [c e]", NULL },
                { "init containers are told elsewhere", "Always i/init c", "ready", CONTAINERS "message",
                  "containers with unready status: [c]", NULL },
                { "who is not initialized", "Always a/init b/init c", "ready; a runs; a exits 0", INITIALIZED "message",
                  "containers with incomplete status: [b]", NULL },
                { "both", "Always a/init b/init c", "ready", INITIALIZED "message",
                  "containers with incomplete status: [a b]", NULL },
                { "nobody is told once all are ready", "Always c", "ready; c runs", READY "message", "null", NULL },
                { "an old reason goes away with the merge", "Always c", "ready; status; c runs", READY "reason", "null",
                  NULL },
                { "nobody is told of a pod that has ended", "Never c", "ready; c runs; c exits 0", READY "message",
                  "null", NULL },
                { "nor among its containers", "Never c", "ready; c runs; c exits 1", CONTAINERS "message", "null",
                  NULL },
                { "the gate", "Always c gate=example.org/balancer", "ready; c runs; not gates_open", READY "message",
                  "corresponding condition of pod readiness gate \"example.org/balancer\" does not exist.", NULL },
                { "since the change", "Always c", "ready; status; +5s; c runs; status; +5s", READY "lastTransitionTime",
                  "2023-11-14T22:13:25Z", NULL },
                { "not since the last look", "Always c", "ready; status; +5s", READY "lastTransitionTime",
                  "2023-11-14T22:13:20Z", NULL },
                { "scheduled since the start", "Always c", "+5s", "conditions.4.lastTransitionTime",
                  "2023-11-14T22:13:20Z", NULL },
                { "no probe is told", "Always c", "", READY "lastProbeTime", "null", NULL },
        };

        LOOK(values);
}

Test(status, a_long_list_of_containers_is_told_whole)
{
        CLEANUP(buf_done) struct buf words = BUF(4096);
        struct world w;
        cJSON *s;

        buf_str(&words, "Always");
        for (unsigned i = 0; i < 40; i++)
                buf_printf(&words, " container-%u", i);
        w = world(words.data);
        s = status_of(&w);
        CLEANUP(freep) char *message = value_at(s, CONTAINERS "message");
        cr_assert(starts_with(message, "containers with unready status: [container-0 container-1 "));
        cr_assert(strstr(message, " container-38 container-39]"));
        cJSON_Delete(s);
        world_done(&w);
}

/* As many bytes as the kubelet tells of all containers together, each with its share, and no half of a character. */
Test(status, messages_of_runs_have_their_share_of_the_status)
{
        struct world w = world("Never a b c");
        CLEANUP(freep) char *ae = xcalloc(5001, 1);
        cJSON *s;

        memset(ae, 'x', 5000);
        memcpy(ae + 4095, "\xc3\xa4", 2); /* 12 KiB by three are 4096 */
        happen(&w, "ready; a runs; a exits 1; b runs; b exits 1; b runs");
        termination_say(&w.state->containers[0].now, NULL);
        termination_say(&w.state->containers[0].now, "");
        termination_say(&w.state->containers[1].last, "systemd says: x");
        termination_say(&w.state->containers[1].last, "bye");
        s = status_of(&w);
        CLEANUP(freep)
        char *none = value_at(s, "containerStatuses.0.state.terminated.message"),
             *both = value_at(s, "containerStatuses.1.lastState.terminated.message");
        cr_assert_str_eq(none, "absent");
        cr_assert_str_eq(both, "systemd says: x: bye", "the machine's word comes first");
        cJSON_Delete(s);
        termination_say(&w.state->containers[0].now, ae);
        s = status_of(&w);
        CLEANUP(freep) char *cut = value_at(s, "containerStatuses.0.state.terminated.message");
        cr_assert_eq(strlen(cut), 4095);
        cJSON_Delete(s);
        world_done(&w);
}

Test(status, a_pod_with_too_many_containers_waits_for_ever)
{
        CLEANUP(buf_done) struct buf words = BUF(4096);
        struct world w;
        cJSON *s;

        buf_str(&words, "Always");
        for (unsigned i = 0; i < 65; i++)
                buf_printf(&words, " c%u", i);
        w = world(words.data);
        cr_assert_neq(w.pod->refused.code, 0);
        s = status_of(&w);
        CLEANUP(freep) char *phase = value_at(s, "phase"), *containers = value_at(s, "containerStatuses");
        cr_assert_str_eq(phase, "Pending");
        cr_assert_str_eq(containers, "[]");
        cJSON_Delete(s);
        world_done(&w);
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

Test(status, the_pod_has_the_nodes_address)
{
        static const struct value values[] = {
                { "the host's", "Always c", "", "hostIP", "10.0.0.1", NULL },
                { "the pod's", "Always c", "", "podIP", "10.0.0.1", NULL },
                { "the list", "Always c", "", "podIPs", "[{\"ip\":\"10.0.0.1\"}]", NULL },
                { "the host's list", "Always c", "", "hostIPs", "[{\"ip\":\"10.0.0.1\"}]", NULL },
                { "the start", "Always c", "+9s", "startTime", "2023-11-14T22:13:20Z", NULL },
                { "the phase", "Always c", "", "phase", "Pending", NULL },
                { "no reason without one", "Always c", "", "reason", "absent", NULL },
                { "a deadline that is over is one", "Always c deadline=9", "deadline_exceeded", "reason",
                  "DeadlineExceeded", NULL },
                { "in words", "Always c deadline=9", "deadline_exceeded", "message",
                  "Pod was active on the node longer than the specified deadline", NULL },
                { "no init containers, no list of them", "Always c", "", "initContainerStatuses", "absent", NULL },
                { "each list has its own: the first", "Always i/init j/init c d", "", "initContainerStatuses.0.name",
                  "i", NULL },
                { "the second", "Always i/init j/init c d", "", "initContainerStatuses.1.name", "j", NULL },
                { "no more", "Always i/init j/init c d", "", "initContainerStatuses.2", "absent", NULL },
                { "the containers", "Always i/init j/init c d", "", "containerStatuses.0.name", "c", NULL },
                { "in order", "Always i/init j/init c d", "", "containerStatuses.1.name", "d", NULL },
        };

        LOOK(values);
}

Test(status, it_says_which_generation_of_the_pod_it_is_of)
{
#define GENERATION(n)                                                                                                  \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\","  \
        "\"generation\":" #n "},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]}}"
        static const struct value values[] = {
                { "the status", GENERATION(7), "", "observedGeneration", "7", NULL },
                { "each condition", GENERATION(7), "", READY "observedGeneration", "7", NULL },
                { "not where the API server counts none", "Always c", "", "observedGeneration", "absent", NULL },
                { "in no condition either", "Always c", "", READY "observedGeneration", "absent", NULL },
        };

        LOOK(values);
}

Test(status, a_node_without_an_address_gives_none)
{
        static const struct pod_node nodes[] = { { .name = "n1", .ip = NULL }, { .name = "n1", .ip = "" } };
        struct world w = world("Always c");

        for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
                cJSON *s = status_build(w.pod, w.state, &nodes[i], NULL, w.now);
                cr_expect_null(json_get(s, "podIP"));
                cr_expect_null(json_get(s, "podIPs"));
                cr_expect_null(json_get(s, "hostIP"));
                cJSON_Delete(s);
        }
        world_done(&w);
}

Test(status, it_does_not_change_by_being_made_again)
{
        struct world w = world("Always c");
        cJSON *a, *b;

        happen(&w, "ready; c runs");
        a = status_of(&w);
        w.now += 100 * USEC_PER_SEC;
        b = status_of(&w);
        cr_assert(cJSON_Compare(a, b, true));
        cJSON_Delete(a);
        cJSON_Delete(b);
        world_done(&w);
}

Test(status, the_patch_is_for_this_pod_and_no_namesake)
{
        struct world w = world("Always c");
        cJSON *patch = status_patch(w.pod->id.uid, status_of(&w), false);
        CLEANUP(freep) char *uid = value_at(patch, "metadata.uid"), *phase = value_at(patch, "status.phase");

        cr_assert_str_eq(uid, "0f6c2a9e-1234-4abc-8def-0123456789ab");
        cr_assert_str_eq(phase, "Pending");
        cJSON_Delete(patch);
        world_done(&w);
}

Test(status, a_gate_that_is_closed_is_told_as_the_kubelet_does)
{
#define GATES(conditions)                                                                                              \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"readinessGates\":[{\"conditionType\":\"a/"                                                        \
        "b\"},{\"conditionType\":\"c\"}],\"containers\":[{\"name\":"                                                   \
        "\"c\",\"image\":\"nginx\"}]},\"status\":{\"conditions\":[" conditions "]}}"
        static const struct value values[] = {
                { "not there", GATES(""), "ready; c runs", READY "message",
                  "corresponding condition of pod readiness gate \"a/b\" does not exist., corresponding condition of "
                  "pod "
                  "readiness gate \"c\" does not exist.",
                  NULL },
                { "False", GATES("{\"type\":\"a/b\",\"status\":\"True\"},{\"type\":\"c\",\"status\":\"False\"}"),
                  "ready; c runs", READY "message", "the status of pod readiness gate \"c\" is not \"True\", but False",
                  NULL },
                { "the reason", GATES(""), "ready; c runs", READY "reason", "ReadinessGatesNotReady", NULL },
                { "the containers come first", GATES(""), "ready", READY "reason", "ContainersNotReady", NULL },
                { "all of them True",
                  GATES("{\"type\":\"a/b\",\"status\":\"True\"},{\"type\":\"c\",\"status\":\"True\"}"), "ready; c runs",
                  READY "status", "True", NULL },
        };

        LOOK(values);
}

Test(status, a_node_may_have_an_address_of_each_family)
{
        static const struct pod_node node = { .name = "n1", .ip = "10.0.0.1", .other_ip = "fd00::1" };
        struct world w = world("Always c");
        cJSON *s = status_build(w.pod, w.state, &node, NULL, w.now);
        static const char *const lists[] = { "podIPs", "hostIPs" };
        CLEANUP(freep)
        char *ip = value_at(s, "podIP"), *field = pod_field(w.pod, "status.podIP", &node),
             *all = pod_field(w.pod, "status.hostIPs", &node);

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                CLEANUP(freep) char *ips = value_at(s, lists[i]);
                cr_expect_str_eq(ips, "[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}]");
        }
        cr_expect_str_eq(ip, "10.0.0.1");
        cr_expect_str_eq(field, "10.0.0.1");
        cr_expect_str_eq(all, "10.0.0.1,fd00::1");
        cJSON_Delete(s);
        world_done(&w);
}

Test(status, a_stop_signal_of_its_own_is_told)
{
        static const char podjson[] =
                "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-"
                "0123456789ab\"},"
                "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\",\"lifecycle\":{\"stopSignal\":\"SIGUSR1\"}},"
                "{\"name\":\"d\",\"image\":\"y\"}]}}";
        static const struct value values[] = {
                { "its own", podjson, "", "containerStatuses.0.stopSignal", "SIGUSR1", NULL },
                { "which it is for a package is systemd's to know", podjson, "", "containerStatuses.1.stopSignal",
                  "absent", NULL },
        };

        LOOK(values);
}

Test(status, resources_are_told_as_they_are_declared)
{
#define WITH(resources)                                                                                                \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"x\"" resources                                      \
        "}],\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"" resources                                             \
        "}],\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"x\"}]}}"
        static const char both[] = WITH(",\"resources\":{\"limits\":{\"cpu\":\"2\"},\"requests\":{\"cpu\":\"100m\"}}");
        static const struct value values[] = {
                { "what it was given", both, "", "containerStatuses.0.allocatedResources", "{\"cpu\":\"100m\"}", NULL },
                { "and both", both, "", "containerStatuses.0.resources",
                  "{\"limits\":{\"cpu\":\"2\"},\"requests\":{\"cpu\":\"100m\"}}", NULL },
                { "an init container's", both, "", "initContainerStatuses.0.allocatedResources.cpu", "100m", NULL },
                { "who asks for nothing has nothing", WITH(""), "", "containerStatuses.0.resources", "{}", NULL },
                { "and was given nothing", WITH(""), "", "containerStatuses.0.allocatedResources", "absent", NULL },
                { "ephemeral containers have none", both, "", "ephemeralContainerStatuses.0.resources", "absent",
                  NULL },
        };

        LOOK(values);
}

/* Found by test_property.c. */
Test(status, a_run_is_told_once_and_not_forgotten)
{
        static const struct story stories[] = {
                { "its environment is lost after its next start was asked for", "Always c",
                  "ready; c runs; c exits 0; c requested; c env_failure CreateContainerConfigError", NULL,
                  "Running | c terminated Completed 0", NULL },
                { "or before", "Always c", "ready; c runs; c exits 0; c env_failure CreateContainerConfigError", NULL,
                  "Running | c waiting CreateContainerConfigError was Completed 0", NULL },
                { "a sidecar was to be replaced, and its pod is over", "Never s/sidecar c",
                  "ready; s runs; c runs; s image other; s replacing; s exits 3 inactive; c exits 1", NULL,
                  "Failed | s terminated Error 3 | c terminated Error 1", NULL },
                { "a unit is cleared away before the end of its run was heard of", "Always c",
                  "ready; c runs; c image other; c renewed", NULL,
                  "Running | c waiting ContainerCreating was ContainerStatusUnknown 137", NULL },
        };

        TELL(stories);
}
