/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done next for a pod. The format of the rows is told in story.h. */
#include "tests/unit/agent/pod/story.h"

/* ---- from nothing to running ---- */

Test(plan, a_new_pod_goes_from_image_to_units_to_start)
{
        static const struct story stories[] = {
                { "the image comes first", "Always c", "", "pull c", "Pending | c waiting ContainerCreating", NULL },
                { "a pull is asked for once", "Always c", "c pulling", "", NULL, NULL },
                { "with the image, units are written", "Always c", "c image_present", "write", NULL, NULL },
                { "they are written once", "Always c", "c image_present; write_in_flight", "", NULL, NULL },
                { "a write that failed is tried again later", "Always c", "c image_present; write_retry_at +5s",
                  "wake 5s", NULL, NULL },
                { "and when its time has come", "Always c", "c image_present; write_retry_at +5s; +5s", "write", NULL,
                  NULL },
                { "what is written is started", "Always c", "ready", "start c", NULL, NULL },
                { "a start is asked for once", "Always c", "ready; c requested", "", NULL, NULL },
                { "nothing is to be done for what runs", "Always c", "ready; c requested; c runs", "",
                  "Running | c running ready", NULL },
        };

        TELL(stories);
}

Test(plan, units_are_written_when_all_images_are_there)
{
        static const struct story stories[] = {
                { "they are pulled side by side", "Always c d", "", "pull c, pull d", NULL, NULL },
                { "one of two is not enough", "Always c d", "c image_present", "pull d, wake 10s", NULL, NULL },
                { "whichever it is", "Always c d", "d image_present", "pull c, wake 10s", NULL, NULL },
                { "an init container's counts as well", "Always i/init c", "c image_present", "pull i, wake 10s", NULL,
                  NULL },
                { "but not for ever", "Always c d", "c image_present; d pulling; +10s", "write", NULL, NULL },
                { "and then what is there starts", "Always c d", "c written; written; d pulling; +10s", "start c",
                  "Pending | c waiting ContainerCreating | d waiting ContainerCreating", NULL },
                { "all of them", "Always c d", "c image_present; d image_present", "write", NULL, NULL },
        };

        TELL(stories);
}

/* kuberuntime_manager.go, SyncPod: each container is started by itself */
Test(plan, what_one_container_waits_for_holds_up_no_other)
{
#define REFUSED(kind, other)                                                                                           \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"" kind "\":[{\"name\":\"c\",\"image\":\"pkg-c\",\"workingDir\":\"x\"}" other                      \
        "{\"name\":\"d\",\"image\":\"pkg-d\"}]}}"
#define BEFORE(kind) REFUSED(kind, "],\"containers\":[")
#define BESIDE       REFUSED("containers", ",")
        static const char no_image[] = "Pending | c waiting ErrImagePull | d running ready",
                          no_unit[] = "Pending | c waiting CreateContainerConfigError | d running ready";
        static const struct story stories[] = {
                { "an image that cannot be had: the others are written", "Always c d",
                  "c pull_failure ErrImagePull; c pull_at +10s; d image_present", "write, wake 10s",
                  "Pending | c waiting ErrImagePull | d waiting ContainerCreating", NULL },
                { "and start", "Always c d", "c pull_failure ErrImagePull; c pull_at +10s; d written; written",
                  "start d, wake 10s", NULL, NULL },
                { "it is tried again, and the pod is Pending as the kubelet has it", "Always c d",
                  "c pull_failure ErrImagePull; d written; written; d runs", "pull c", no_image, NULL },
                { "when it is there it is written and starts", "Always c d",
                  "c pull_failure ErrImagePull; d written; written; d runs; c image_present", "write", NULL, NULL },
                { "no other is known to be there or not yet", "Always c d e",
                  "c pull_failure ErrImagePull; c pull_at +20s; d image_present; e pulling", "wake 10s", NULL, NULL },
                { "none may be pulled", "Always c d", "c pull_failure ErrImageNeverPull; d image_present", "write",
                  NULL, NULL },
                { "nothing to write", "Always c d",
                  "c pull_failure ErrImageNeverPull; d pull_failure ErrImageNeverPull", "", NULL, NULL },
                { "behind an init container all wait", "Always i/init c",
                  "i pull_failure ErrImagePull; i pull_at +10s; c written; written", "wake 10s",
                  "Pending | i waiting ErrImagePull | c waiting PodInitializing", NULL },
                { "and behind a sidecar", "Always i/sidecar c",
                  "i pull_failure ErrImagePull; i pull_at +10s; c written; written", "wake 10s",
                  "Pending | i waiting ErrImagePull | c waiting PodInitializing", NULL },
                { "those before it do not", "Always i/init s/sidecar c",
                  "i written; c written; written; s pull_failure ErrImageNeverPull", "start i", NULL, NULL },
                { "Never: the others may finish, and the pod does not", "Never c d",
                  "c pull_failure ErrImageNeverPull; d written; written; d runs; d exits 0", "",
                  "Pending | c waiting ErrImageNeverPull | d terminated Completed 0", NULL },
                { "once it has run the pod is Running", "Always c d",
                  "ready; c runs; d runs; c image pkg-n; c exits 0 inactive; c renewed; c pull_failure "
                  "ErrImageNeverPull",
                  "", "Running | c waiting ErrImageNeverPull was Completed 0 | d running ready", NULL },
                { "it ends with the others", "Always c d",
                  "c pull_failure ErrImageNeverPull; d written; written; d runs; deleting", "stop", NULL, NULL },
                { "a WRITE of all was refused: one by one", "Always c d",
                  "c image_present; d image_present; write_singly", "add c", NULL, NULL },
                { "one after the other", "Always c d",
                  "c image_present; d image_present; write_singly; write_in_flight", "", NULL, NULL },
                { "whoever is refused waits alone", "Always c d",
                  "c image_present; d image_present; write_singly; c failure CreateContainerConfigError; c retry_at "
                  "+20s",
                  "add d, wake 20s", "Pending | c waiting CreateContainerConfigError | d waiting ContainerCreating",
                  NULL },
                { "and is asked for again", "Always c d",
                  "c image_present; d written; d runs; written; write_singly; c failure CreateContainerConfigError; "
                  "c retry_at +20s; +20s",
                  "add c", no_unit, NULL },
                { "volumes come first all the same", "Always c d v:configMap",
                  "c image_present; d image_present; write_singly", "", NULL, NULL },
                { "what refers to nothing is not asked for", "Always c d",
                  "c image_present; c env_failure CreateContainerConfigError; c env_told; d image_present; "
                  "write_singly",
                  "add d", NULL, NULL },
                { "one that runs shows nothing of another's", "Always c d",
                  "d written; written; write_failure CreateContainerConfigError; c image_present; write_retry_at +9s",
                  "start d, wake 9s", "Pending | c waiting CreateContainerConfigError | d waiting ContainerCreating",
                  NULL },
                { "what is wrong with its spec", BESIDE, "", "pull d",
                  "Pending | c waiting CreateContainerConfigError | d waiting ContainerCreating", NULL },
                { "is no matter of the other's", BESIDE, "d image_present", "write", NULL, NULL },
                { "which runs", BESIDE, "d written; written; d runs", "", no_unit, NULL },
                { "unless it comes behind it", BEFORE("initContainers"), "d written; written", "",
                  "Pending | c waiting CreateContainerConfigError | d waiting PodInitializing", NULL },
        };

        TELL(stories);
}

Test(plan, image_failures_wait_as_kubernetes_does)
{
        static const struct story stories[] = {
                { "the first failure is shown as what it is", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 10s; c pull_at +10s", "wake 10s",
                  "Pending | c waiting ErrImagePull", NULL },
                { "the second one backs off", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 20s; c pull_at +20s", "wake 20s",
                  "Pending | c waiting ImagePullBackOff", NULL },
                { "until it is tried again", "Always c",
                  "c pull_failure ErrImagePull; c pull_backoff 20s; c pull_at +20s; +20s", "pull c",
                  "Pending | c waiting ErrImagePull", NULL },
                { "what may never be pulled never is", "Always c", "c pull_failure ErrImageNeverPull", "",
                  "Pending | c waiting ErrImageNeverPull", NULL },
                { "nor does it back off", "Always c",
                  "c pull_failure ErrImageNeverPull; c pull_backoff 20s; c pull_at +20s", "",
                  "Pending | c waiting ErrImageNeverPull", NULL },
                { "a failure is forgotten with the image there", "Always c",
                  "c pull_failure ErrImagePull; c image_present", "write", "Pending | c waiting ContainerCreating",
                  NULL },
        };

        TELL(stories);
}

Test(plan, content_comes_before_units)
{
        static const struct story stories[] = {
                { "nothing to fill yet, nothing to write", "Always c v:configMap", "c image_present", "", NULL, NULL },
                { "content that is known is filled in", "Always c v:configMap", "c image_present; v wanted", "fill v",
                  NULL, NULL },
                { "images and content need not wait for each other", "Always c v:configMap", "v wanted",
                  "pull c, fill v", NULL, NULL },
                { "it is filled in once", "Always c v:configMap", "c image_present; v wanted; v in_flight", "", NULL,
                  NULL },
                { "what failed is tried again later", "Always c v:configMap",
                  "c image_present; v wanted; v retry_at +7s", "wake 7s", NULL, NULL },
                { "units follow", "Always c v:configMap", "c image_present; v filled", "write", NULL, NULL },
                { "but not without the image", "Always c v:configMap", "v filled", "pull c", NULL, NULL },
                { "each volume counts, the first", "Always c v:configMap w:configMap", "c image_present; w filled", "",
                  NULL, NULL },
                { "and the last", "Always c v:configMap w:configMap", "c image_present; v filled", "", NULL, NULL },
                { "an emptyDir needs no content", "Always c v:emptyDir", "c image_present", "write", NULL, NULL },
                { "nobody knows yet where a claim's volume lies", "Always c v:ephemeral", "c image_present", "", NULL,
                  NULL },
                { "nor may somebody tell: one looks again", "Always c v:ephemeral", "c image_present; v retry_at +5s",
                  "wake 5s", NULL, NULL },
                { "what runs goes on meanwhile", "Always c v:ephemeral", "ready; c runs; c exits 1 inactive",
                  "restart c", NULL, NULL },
                { "nor does it stand in the way of what does", "Always c v:emptyDir w:configMap",
                  "c image_present; w wanted", "fill w", NULL, NULL },
                { "a new content reaches a pod that runs", "Always c v:configMap", "ready; c runs; v wanted", "fill v",
                  NULL, NULL },
                { "an environment that cannot be resolved holds the unit back", "Always c",
                  "c image_present; c env_failure CreateContainerConfigError", "unresolved c",
                  "Pending | c waiting CreateContainerConfigError", NULL },
                { "which is said once", "Always c",
                  "c image_present; c env_failure CreateContainerConfigError; c env_told", "",
                  "Pending | c waiting CreateContainerConfigError", NULL },
                { "and after the content of volumes", "Always c v:configMap",
                  "c image_present; c env_failure CreateContainerConfigError; v wanted", "fill v",
                  "Pending | c waiting ContainerCreating", NULL },
                { "when that is there it is said", "Always c v:configMap",
                  "c image_present; c env_failure CreateContainerConfigError; v filled", "unresolved c",
                  "Pending | c waiting CreateContainerConfigError", NULL },
                { "a volume without content is not waited for", "Always c v:emptyDir",
                  "c image_present; c env_failure CreateContainerConfigError", "unresolved c",
                  "Pending | c waiting CreateContainerConfigError", NULL },
                { "and after the image", "Always c", "c env_failure CreateContainerConfigError", "pull c",
                  "Pending | c waiting ContainerCreating", NULL },
                { "it does not hold others back", "Always c d",
                  "c image_present; d image_present; c env_failure CreateContainerConfigError", "write, unresolved c",
                  NULL, NULL },
                { "but as long as nobody knows, all wait for one WRITE", "Always c d",
                  "c image_present; d image_present; c env_failure \"\"", "",
                  "Pending | c waiting ContainerCreating | d waiting ContainerCreating", NULL },
                { "what an init container may still bring is no matter yet", "Always i/init c",
                  "i image_present; c image_present; c env_failure CreateContainerConfigError", "write",
                  "Pending | i waiting PodInitializing | c waiting PodInitializing", NULL },
        };

        TELL(stories);
}

/* Environment and command line are those of the moment, at each start. */
Test(plan, values_are_the_newest_at_each_start)
{
#define CRASHED "ready; c values 1; c values_written 1; c runs; c exits 1 holdoff; "
#define MISSING "c env_failure CreateContainerConfigError"
#define ENDS    "c stop_sent; c is inactive"
        static const struct story stories[] = {
                { "the same values: it is restarted", "Always c", CRASHED "+0s", "restart c", NULL, NULL },
                { "others: systemd must not bring it back with the old ones", "Always c", CRASHED "c values 2", "end c",
                  "Running | c terminated Error 1", NULL },
                { "asked once", "Always c", CRASHED "c values 2; c stop_sent; c kill_at +30s", "wake 30s", NULL, NULL },
                { "then its unit makes room", "Always c", CRASHED "c values 2; " ENDS, "clear c", NULL, NULL },
                { "once", "Always c", CRASHED "c values 2; " ENDS "; c clear_in_flight", "", NULL, NULL },
                { "for one with the new ones", "Always c", CRASHED "c values 2; " ENDS "; c refreshed", "write",
                  "Running | c terminated Error 1", NULL },
                { "a unit that has failed as well", "OnFailure c",
                  "ready; c values 2; c values_written 1; c runs; c exits 1", "clear c", NULL, NULL },
                { "after a restart of the agent nobody knows what is written", "Always c",
                  "ready; c values 2; c runs; c exits 1 holdoff", "end c", NULL, NULL },
                { "the back-off stays what it was", "Always c",
                  CRASHED "c runs; c exits 1 holdoff; c values 2; " ENDS "; c refreshed; ready; c values_written 2",
                  "wake 10s", "Running | c waiting CrashLoopBackOff x1 was Error 1", NULL },
                { "and ends", "Always c",
                  CRASHED "c runs; c exits 1 holdoff; c values 2; " ENDS
                          "; c refreshed; ready; c values_written 2; +10s",
                  "restart c", NULL, NULL },
                { "what was waited for with the old ones is not waited for any more", "Always c",
                  CRASHED "c values 2; " ENDS "; c retry_at +50s; c refreshed; ready; c values_written 2", "restart c",
                  NULL, NULL },
                { "what runs keeps what it began with", "Always c", "ready; c values_written 1; c values 2; c runs", "",
                  NULL, NULL },
                { "what is over for good, too", "Never c", "ready; c values_written 1; c values 2; c runs; c exits 1",
                  NULL, "Failed | c terminated Error 1", NULL },
                { "what was written and has not begun is written again", "Always c",
                  "ready; c values_written 1; c values 2", "clear c", NULL, NULL },
                { "but not while its start is under way", "Always c",
                  "ready; c values_written 1; c values 2; c requested", "", NULL, NULL },
                { "a container behind an init container waits with the newest", "Always i/init c",
                  "ready; i runs; c values_written 1; c values 2", "", NULL, NULL },
                { "and begins with them", "Always i/init c", "ready; i runs; i exits 0; c values_written 1; c values 2",
                  "clear c", NULL, NULL },
                { "an init container that is tried again", "OnFailure i/init c",
                  "ready; i values_written 1; i values 2; i runs; i exits 1", "clear i", NULL, NULL },
                { "and one that is over", "OnFailure i/init c",
                  "ready; i values_written 1; i values 2; i runs; i exits 0", "start c", NULL, NULL },
                { "what it needs is gone: it waits, and systemd does not restart it", "Always c", CRASHED MISSING,
                  "unresolved c, end c", "Running | c waiting CreateContainerConfigError was Error 1", NULL },
                { "for as long as it takes", "Always c", CRASHED MISSING "; c env_told; " ENDS "; +400s", "",
                  "Running | c waiting CreateContainerConfigError was Error 1", NULL },
                { "until it is there again", "Always c",
                  CRASHED MISSING "; c env_told; " ENDS "; +400s; c not env_failure", "restart c", NULL, NULL },
                { "the next end is asked for again", "Always c",
                  CRASHED MISSING "; c env_told; " ENDS
                                  "; c not env_failure; c requested; c runs; c exits 1 holdoff; c values 2",
                  "end c", NULL, NULL },
                { "first its back-off, then what is missing", "Always c", CRASHED "c runs; c exits 1 holdoff; " MISSING,
                  "end c, wake 10s", "Running | c waiting CrashLoopBackOff x1 was Error 1", NULL },
                { "what has ended for good waits for nothing", "Never c d",
                  "ready; d runs; c backoff 10s; c runs; c exits 1; " MISSING, "", NULL, NULL },
                { "what runs does not mind", "Always c", "ready; c runs; " MISSING, "", "Running | c running ready",
                  NULL },
        };
#undef CRASHED
#undef MISSING
#undef ENDS

        TELL(stories);
}

Test(plan, the_next_look_is_at_the_earliest_time)
{
        static const struct story stories[] = {
                { "the second is earlier", "Always c d", "c pull_at +9s; d pull_at +4s", "wake 4s", NULL, NULL },
                { "the first is earlier", "Always c d", "c pull_at +4s; d pull_at +9s", "wake 4s", NULL, NULL },
                { "a microsecond before", "Always c", "c pull_at +4s; +3999999us", "wake 1e-06s", NULL, NULL },
                { "one is due, the other is not", "Always c d", "c pull_at +4s; +4s; d pull_at +1s", "pull c, wake 1s",
                  NULL, NULL },
        };

        TELL(stories);
}

Test(plan, init_containers_run_one_after_the_other)
{
        static const struct story stories[] = {
                { "the first one", "OnFailure a/init b/init c d", "ready", "start a",
                  "Pending | a waiting PodInitializing | b waiting PodInitializing | c waiting PodInitializing | d "
                  "waiting PodInitializing",
                  NULL },
                { "alone", "OnFailure a/init b/init c d", "ready; a runs", "", NULL, NULL },
                { "it is tried again when it fails", "OnFailure a/init b/init c d", "ready; a runs; a exits 1",
                  "restart a", NULL, NULL },
                { "then the second one", "OnFailure a/init b/init c d", "ready; a runs; a exits 0", "start b", NULL,
                  NULL },
                { "while that runs, nothing else", "OnFailure a/init b/init c d", "ready; a runs; a exits 0; b runs",
                  "", NULL, NULL },
                { "then all the others at once", "OnFailure a/init b/init c d",
                  "ready; a runs; a exits 0; b runs; b exits 0", "start c, start d",
                  "Pending | a terminated Completed 0 ready | b terminated Completed 0 ready | c waiting "
                  "PodInitializing | d waiting PodInitializing",
                  NULL },
                { "with restartPolicy Always it runs once all the same", "Always a/init c",
                  "ready; a runs; a exits 0; c runs", "", "Running | a terminated Completed 0 ready | c running ready",
                  NULL },
                { "a failed one ends a pod that never restarts", "Never a/init c", "ready; a runs; a exits 1", "",
                  "Failed | a terminated Error 1 | c waiting PodInitializing", NULL },
                { "which is cleared away then", "Never a/init c", "ready; a runs; a exits 1; status_current", "remove",
                  NULL, NULL },
        };

        TELL(stories);
}

Test(plan, a_sidecar_is_an_init_container_that_stays)
{
        static const struct story stories[] = {
                { "it is started first", "Always s/sidecar c", "ready", "start s", NULL, NULL },
                { "others wait until it is up", "Always s/sidecar c", "ready; s starts", "", NULL, NULL },
                { "and start beside it", "Always s/sidecar c", "ready; s runs", "start c",
                  "Pending | s running ready | c waiting PodInitializing", NULL },
                { "it comes back whatever the policy is", "Never s/sidecar c", "ready; s runs; c runs; s exits 0",
                  "restart s", NULL, NULL },
                { "a failed one ends no pod", "Never s/sidecar c", "ready; s runs; c runs; s exits 1", "restart s",
                  "Running | s terminated Error 1 | c running ready", NULL },
                { "it keeps no pod from being finished", "Never s/sidecar c", "ready; s runs; c runs; c exits 0",
                  "begin-end", "Running | s running ready | c terminated Completed 0", NULL },
                { "which it is when that has ended, and never starts again", "Never s/sidecar c",
                  "ready; s runs; c runs; c exits 0; each; stop_at +0s; s term_sent; s killed 15; +9s", "",
                  "Succeeded | s terminated Error 143 | c terminated Completed 0", NULL },
                { "whose unit is stopped when it is told", "Never s/sidecar c",
                  "ready; s runs; c runs; c exits 0; each; stop_at +0s; s term_sent; s killed 15; +9s; status_current",
                  "end c", "Succeeded | s terminated Error 143 | c terminated Completed 0", NULL },
                { "when it ends, the others go on", "Always s/sidecar c",
                  "ready; s runs; c runs; s exits 1; c exits 0; +9s; c runs; c exits 1", "restart s", NULL, NULL },
                { "and the pod stays initialized", "Always s/sidecar t/sidecar c d",
                  "ready; s runs; t runs; c runs; d runs; s exits 1; d exits 1", "restart s, restart d", NULL, NULL },
        };

        TELL(stories);
}

#define ENDS "ready; s runs; t runs; c runs; deleting; deletion_grace_s 30s; each; stop_at +0s; kill_at +30s"

/* kuberuntime_termination_order.go */
Test(plan, sidecars_end_last_and_the_last_one_first)
{
        static const char pod[] = "Always s/sidecar t/sidecar c";
        static const struct story stories[] = {
                { "the grace begins", pod, "ready; s runs; t runs; c runs; deleting; deletion_grace_s 30s", "begin-end",
                  NULL, NULL },
                { "those that they serve end first", pod, ENDS, "end c, wake 30s", NULL, NULL },
                { "and are waited for", pod, ENDS "; c stop_sent; c signal_at +0s", "wake 30s", NULL, NULL },
                { "then the last one", pod, ENDS "; c stop_sent; c signal_at +0s; c killed 15", "end t, wake 30s", NULL,
                  NULL },
                { "then the first", pod, ENDS "; c stop_sent; c killed 15; t stop_sent; t signal_at +0s; t killed 15",
                  "end s", NULL, NULL },
                { "also one that has come up after a STOP of all that was not heard", pod,
                  "ready; c runs; deleting; deletion_grace_s 30s; stop_at +0s; kill_at +30s; s runs", "end c, wake 30s",
                  NULL, NULL },
                { "one that was heard is for all", pod,
                  "ready; c runs; deleting; deletion_grace_s 30s; stop_at +0s; kill_at +30s; stop_sent; s runs",
                  "wake 30s", NULL, NULL },
                { "when the grace is over all of them, with the least of time", pod,
                  ENDS "; c stop_sent; c signal_at +0s; +30s", "end s, end t, end-kill c", NULL, NULL },
                { "which is this", pod,
                  ENDS "; c stop_sent; c kill_sent; +30s; s stop_sent; t stop_sent; s signal_at +0s; t signal_at +0s",
                  "wake 2s", NULL, NULL },
                { "and no more", pod,
                  ENDS
                  "; c stop_sent; c kill_sent; +30s; s stop_sent; t stop_sent; s signal_at +0s; t signal_at +0s; +2s",
                  "end-kill s, end-kill t", NULL, NULL },
        };

        TELL(stories);
}
#undef ENDS

#define ENDS "ready; c runs; d runs; deleting; deletion_grace_s 30s; each; stop_at +0s; kill_at +30s"

/* kuberuntime_container.go, killContainer */
Test(plan, a_hook_runs_before_the_signal_and_inside_the_grace)
{
        static const char pod[] = "Always c/pre-stop d";
        static const struct story stories[] = {
                { "the grace begins", pod, "ready; c runs; d runs; deleting; deletion_grace_s 30s", "begin-end", NULL,
                  NULL },
                { "with the hook; who has none ends", pod, ENDS, "pre-stop c, end d", NULL, NULL },
                { "it is waited for", pod, ENDS "; c pre-stop runs; d stop_sent; d killed 15", "wake 30s", NULL, NULL },
                { "until it is over", pod, ENDS "; c pre-stop over; d stop_sent; d killed 15", "end c", NULL, NULL },
                { "or has failed", pod, ENDS "; c pre-stop failed; d stop_sent; d killed 15", "end c", NULL, NULL },
                { "or the grace is over", pod, ENDS "; c pre-stop runs; d stop_sent; d killed 15; +30s", "end c", NULL,
                  NULL },
                { "two seconds are left", pod,
                  ENDS "; c pre-stop runs; d stop_sent; d killed 15; +30s; c stop_sent; c signal_at +0s", "wake 2s",
                  NULL, NULL },
                { "and no more", pod,
                  ENDS "; c pre-stop runs; d stop_sent; d killed 15; +30s; c stop_sent; c signal_at +0s; +2s",
                  "end-kill c", NULL, NULL },
                { "of the grace what it did not take", pod,
                  ENDS "; d stop_sent; d killed 15; +9s; c pre-stop over; c stop_sent; c signal_at +0s", "wake 21s",
                  NULL, NULL },
                { "a second delete makes it shorter", pod,
                  ENDS "; c pre-stop runs; d stop_sent; d killed 15; +4s; kill_at +0s", "end c", NULL, NULL },
                { "a longer grace than the units have is kept by signals", pod,
                  ENDS "; by_signal; c pre-stop over; d killed 15", "term c", NULL, NULL },
                { "also without a hook", "Always c", "ready; c runs; grace_s 61s; deleting; deletion_grace_s 61s",
                  "term c", NULL, NULL },
                { "and so is one that a job of systemd's is not to last for", pod,
                  "ready; c runs; grace_s 61s; deleting; deletion_grace_s 61s; each; stop_at +0s; kill_at +61s; "
                  "by_signal; c pre-stop over",
                  "term c", NULL, NULL },
                { "a unit that would be killed before the least that is left is signalled, too", pod,
                  "ready; c runs; grace_s 1s; deleting; deletion_grace_s 1s; each; stop_at +0s; kill_at +1s; c "
                  "pre-stop over",
                  "term c", NULL, NULL },
                { "one that has as much is stopped", pod,
                  "ready; c runs; grace_s 2s; deleting; deletion_grace_s 2s; each; stop_at +0s; kill_at +2s; c "
                  "pre-stop over",
                  "end c", NULL, NULL },
                { "what ended by itself has none", pod, "ready; c runs; d runs; c exits 0; deleting", "stop", NULL,
                  NULL },
                { "nor what has not begun", pod, "ready; deleting; c requested", "stop", NULL, NULL },
                { "nor what has no main process yet", pod,
                  "ready; c prepares; deleting; each; stop_at +0s; kill_at +30s", "end c", NULL, NULL },
                { "nor what began just before it was stopped for its new image", pod,
                  "ready; d runs; c runs; c exits 1 holdoff; c image other; c stop_sent; c kill_at +30s; c runs",
                  "wake 30s", NULL, NULL },
                { "nor what ends already", pod,
                  "ready; c runs; c is deactivating; deleting; each; stop_at +0s; kill_at +30s", "end c", NULL, NULL },
                { "a changed image ends one container, after its hook", pod, "ready; c runs; d runs; c image other",
                  "pre-stop c", NULL, NULL },
                { "so does a probe that has failed", pod, "ready; c runs; d runs; c probed liveness bad", "pre-stop c",
                  NULL, NULL },
                { "which is waited for", pod,
                  "ready; c runs; d runs; c probed liveness bad; c pre-stop runs; c kill_at +30s", "wake 30s", NULL,
                  NULL },
                { "until it is over", pod,
                  "ready; c runs; d runs; c probed liveness bad; c pre-stop over; c kill_at +30s", "end c", NULL,
                  NULL },
                { "until then nothing", pod, "ready; c runs; d runs; c image other; c pre-stop runs; c kill_at +30s",
                  "wake 30s", NULL, NULL },
                { "then", pod, "ready; c runs; d runs; c image other; c pre-stop over; c kill_at +30s", "end c", NULL,
                  NULL },
        };

        TELL(stories);
}
#undef ENDS

Test(plan, a_hook_after_the_start_holds_readiness_and_may_end_the_container)
{
        static const char pod[] = "Always c/post-start";
        static const struct story stories[] = {
                { "when it runs", pod, "ready; c runs", "post-start c", "Running | c running", NULL },
                { "not while it starts", pod, "ready; c starts", "", NULL, NULL },
                { "once", pod, "ready; c runs; c post-start runs", "", "Running | c running", NULL },
                { "then it is ready", pod, "ready; c runs; c post-start over", "", "Running | c running ready", NULL },
                { "a failure ends it", pod, "ready; c runs; c post-start failed", "end c", "Running | c running",
                  NULL },
                { "and it is started again", pod, "ready; c runs; c post-start failed; c stop_sent; c killed 15",
                  "restart c", NULL, NULL },
                { "with its hook", pod, "ready; c runs; c post-start failed; c stop_sent; c killed 15; c runs",
                  "post-start c", NULL, NULL },
                { "what the API server knows as started has had it", pod, "adopt; ready; c runs", "post-start c", NULL,
                  "{\"containerStatuses\":[{\"name\":\"c\",\"started\":true,\"state\":{\"running\":{}},\"containerID\":"
                  "\"systemd://another\"}]}" },
        };

        TELL(stories);
}

/* ---- restarts ---- */

Test(plan, a_container_is_started_when_its_unit_is_at_rest)
{
        static const struct story stories[] = {
                { "its unit was never loaded", "Always c", "ready; c is absent", "start c", NULL, NULL },
                { "or did not run", "Always c", "ready; c is inactive", "start c", NULL, NULL },
                { "what is on its way is left alone", "Always c", "ready; c prepares", "",
                  "Pending | c waiting ContainerCreating", NULL },
                { "a start that failed before the unit moved is tried again later", "Always c",
                  "ready; c retry_at +5s; c failure RunContainerError", "wake 5s",
                  "Pending | c waiting RunContainerError", NULL },
                { "its reason is forgotten then", "Always c", "ready; c failure RunContainerError; c requested", "",
                  "Pending | c waiting ContainerCreating", NULL },
                { "a restart waits for the end of the old run", "Always c",
                  "ready; c runs; c exits 7; c is deactivating", "", NULL, NULL },
                { "a restart is asked for once", "Always c", "ready; c runs; c exits 7; c requested", "", NULL, NULL },
                { "also while systemd takes the unit out of its holdoff", "Always c",
                  "ready; c runs; c exits 7 holdoff; c requested; c is failed", "", NULL, NULL },
                { "a restart waits for its back-off and for the retry of a failed start", "Always c",
                  "ready; c runs; c backoff 10s; c exits 7; c retry_at +15s", "wake 15s", NULL, NULL },
                { "whichever is later", "Always c", "ready; c runs; c backoff 10s; c exits 7; c retry_at +5s",
                  "wake 10s", NULL, NULL },
                { "one of two may end for good", "Never c d", "ready; c runs; d runs; c exits 0 inactive", "",
                  "Running | c terminated Completed 0 | d running ready", NULL },
                { "or for bad", "Never c d", "ready; c runs; d runs; c exits 1", "",
                  "Running | c terminated Error 1 | d running ready", NULL },
                { "each is restarted for itself", "Always c d", "ready; c runs; d runs; d exits 1", "restart d",
                  "Running | c running ready | d terminated Error 1", NULL },
        };

        TELL(stories);
}

Test(plan, restart_policy_decides_what_an_exit_means)
{
        static const struct story stories[] = {
                { "Always: a clean exit is restarted", "Always c", "ready; c runs; c exits 0", "restart c",
                  "Running | c terminated Completed 0", NULL },
                { "Always: a failure, too", "Always c", "ready; c runs; c exits 1", "restart c",
                  "Running | c terminated Error 1", NULL },
                { "OnFailure: a clean exit is the end", "OnFailure c", "ready; c runs; c exits 0", "",
                  "Succeeded | c terminated Completed 0", NULL },
                { "OnFailure: a failure is restarted", "OnFailure c", "ready; c runs; c exits 1", "restart c",
                  "Running | c terminated Error 1", NULL },
                { "Never: a clean exit is the end", "Never c", "ready; c runs; c exits 0", "",
                  "Succeeded | c terminated Completed 0", NULL },
                { "Never: a failure, too", "Never c", "ready; c runs; c exits 3", "", "Failed | c terminated Error 3",
                  NULL },
                { "OnFailure: the pod goes on until the last has ended", "OnFailure c d",
                  "ready; c runs; d runs; c exits 0", "", "Running | c terminated Completed 0 | d running ready",
                  NULL },
                { "Never: one failure makes the pod a failure", "Never c d",
                  "ready; c runs; d runs; c exits 1; d exits 0 inactive", "",
                  "Failed | c terminated Error 1 | d terminated Completed 0", NULL },
                { "Never: whichever it is", "Never c d", "ready; c runs; d runs; c exits 0 inactive; d exits 1", "",
                  "Failed | c terminated Completed 0 | d terminated Error 1", NULL },
        };

        TELL(stories);
}

/* ---- the end ---- */

Test(plan, a_finished_pod_is_cleared_away_once_its_status_has_arrived)
{
        static const struct story stories[] = {
                { "its end is reported first: a Job reads it there", "Never c", "ready; c runs; c exits 3", "", NULL,
                  NULL },
                { "then it is cleared away", "Never c", "ready; c runs; c exits 3; status_current", "remove", NULL,
                  NULL },
                { "the object stays: its owner or its user deletes it", "Never c",
                  "ready; c runs; c exits 3; status_current; removed", "", NULL, NULL },
                { "what exited well keeps its unit until then: nobody else knows how it ended", "Never c",
                  "ready; c runs; c exits 0", "", "Succeeded | c terminated Completed 0", NULL },
                { "then its unit is to be stopped", "Never c", "ready; c runs; c exits 0; status_current", "stop", NULL,
                  NULL },
                { "whoever deletes it meanwhile waits as long", "Never c", "ready; c runs; c exits 0; deleting", "",
                  NULL, NULL },
                { "but nobody waits for what is gone", "Never c", "ready; c runs; c exits 0; gone", "stop", NULL,
                  NULL },
                { "and what runs beside it is ended at once", "Never c d", "ready; c runs; d runs; c exits 0; deleting",
                  "stop", NULL, NULL },
                { "and what systemd would bring back beside it", "OnFailure c d",
                  "ready; c runs; d runs; c exits 0; d exits 1 holdoff; deleting", "stop", NULL, NULL },
                { "and what was asked to start", "OnFailure c d", "ready; c runs; c exits 0; d requested; deleting",
                  "stop", NULL, NULL },
                { "what the API server calls finished does not run again", "Always c", "terminal", "", NULL, NULL },
                { "and is stopped if it does", "Always c", "ready; c runs; terminal", "stop", NULL, NULL },
        };

        TELL(stories);
}

Test(plan, deletion_stops_waits_removes_and_then_deletes)
{
        static const struct story stories[] = {
                { "what runs is stopped", "Always c", "ready; c runs; deleting", "stop", NULL, NULL },
                { "it is asked once", "Always c", "ready; c runs; deleting; stop_in_flight", "", NULL, NULL },
                { "a stop that failed is tried again later", "Always c", "ready; c runs; deleting; stop_retry_at +3s",
                  "wake 3s", NULL, NULL },
                { "its grace is waited for", "Always c", "ready; c runs; deleting; stop_sent; kill_at +30s", "wake 30s",
                  NULL, NULL },
                { "the grace is over", "Always c", "ready; c runs; deleting; stop_sent; kill_at +30s; +30s", "kill",
                  NULL, NULL },
                { "it is killed once", "Always c", "ready; c runs; deleting; stop_sent; kill_at +30s; +30s; kill_sent",
                  "", NULL, NULL },
                { "its end is reported before it is forgotten", "Always c",
                  "ready; c runs; deleting; stop_sent; kill_sent; c killed 9", "", "Failed | c terminated Error 137",
                  NULL },
                { "then its units go", "Always c",
                  "ready; c runs; deleting; stop_sent; kill_sent; c killed 9; status_current", "remove", NULL, NULL },
                { "once", "Always c", "deleting; status_current; remove_in_flight", "", NULL, NULL },
                { "not while they are being written", "Always c", "deleting; status_current; write_in_flight", "", NULL,
                  NULL },
                { "a removal that failed is tried again later", "Always c",
                  "deleting; status_current; remove_retry_at +2s", "wake 2s", NULL, NULL },
                { "then the object goes", "Always c", "deleting; status_current; removed", "delete", NULL, NULL },
                { "once", "Always c", "deleting; status_current; removed; delete_in_flight", "", NULL, NULL },
                { "a deletion that failed is tried again later", "Always c",
                  "deleting; status_current; removed; delete_retry_at +2s", "wake 2s", NULL, NULL },
                { "then there is nothing more", "Always c", "deleting; status_current; removed; deleted", "", NULL,
                  NULL },
                { "a pod that never ran is deleted as well", "Always c", "deleting; status_current", "remove", NULL,
                  NULL },
                { "nothing is pulled for it any more", "Always c", "deleting", "", NULL, NULL },
        };

        TELL(stories);
}

Test(plan, all_that_may_still_run_is_stopped_first)
{
        static const struct story stories[] = {
                { "a unit in its holdoff would come back", "Always c", "ready; c runs; c exits 7 holdoff; deleting",
                  "stop", NULL, NULL },
                { "one that is starting has processes", "Always c", "ready; c prepares; deleting", "stop", NULL, NULL },
                { "so has one that is stopping", "Always c",
                  "ready; c runs; c is deactivating; deleting; stop_sent; kill_at +5s", "wake 5s", NULL, NULL },
                { "a start that is on the way will have some", "Always c",
                  "ready; c requested; deleting; status_current", "stop", NULL, NULL },
                { "until it was taken back", "Always c",
                  "ready; c requested; deleting; status_current; stop_sent; kill_at +5s", "remove", NULL, NULL },
                { "what failed does not come back by itself", "Never c",
                  "ready; c runs; c exits 1; deleting; status_current", "remove", NULL, NULL },
                { "each container counts, the first", "Never c d",
                  "ready; c runs; d runs; d exits 1; deleting; status_current", "stop", NULL, NULL },
                { "and the last", "Never c d", "ready; c runs; d runs; c exits 1; deleting; status_current", "stop",
                  NULL, NULL },
        };

        TELL(stories);
}

Test(plan, a_pod_that_left_the_api_is_ended_without_a_word)
{
        static const struct story stories[] = {
                { "it is stopped", "Always c", "ready; c runs; gone", "stop", NULL, NULL },
                { "and cleared away, with nobody to report to", "Always c",
                  "ready; c runs; gone; stop_sent; kill_at +1s; c killed 15 inactive", "remove", NULL, NULL },
                { "and that is all", "Always c", "gone; removed", "", NULL, NULL },
                { "even if it was being deleted: the object is gone already", "Always c", "deleting; gone; removed", "",
                  NULL, NULL },
        };

        TELL(stories);
}

Test(plan, what_systemd_brings_back_while_the_pod_ends_is_asked_to_end_as_well)
{
        static const struct story stories[] = {
                { "asked, and killed when the time is over", "Always s/sidecar c",
                  "ready; s runs; c runs; deleting; deletion_grace_s 60s; stop_at +0s; kill_at +60s; each; by_signal; "
                  "c killed 15 inactive; s term_sent; s signal_at +0s; +60s",
                  "end-kill s", NULL, NULL },
                { "a new run has been asked for nothing yet", "Always s/sidecar c",
                  "ready; s runs; c runs; deleting; deletion_grace_s 60s; stop_at +0s; kill_at +60s; each; by_signal; "
                  "c killed 15 inactive; s term_sent; s signal_at +0s; +60s; s kill_sent; s killed 15 holdoff; s runs "
                  "1",
                  "term s", NULL, NULL },
        };

        TELL(stories);
}

Test(plan, a_deadline_ends_the_pod)
{
        static const struct story stories[] = {
                { "it is waited for", "Always c deadline=60", "ready; c runs", "wake 60s", NULL, NULL },
                { "from the pod's start on", "Always c deadline=60", "ready; +59s; c runs", "wake 1s", NULL, NULL },
                { "then the pod is stopped", "Always c deadline=60", "ready; c runs; +60s", "stop", NULL, NULL },
                { "and nothing of it is started any more", "Always c d deadline=60", "ready; c runs; +60s", "stop",
                  NULL, NULL },
                { "what was over once stays over, whatever the clock says", "Always c deadline=60",
                  "ready; c runs; deadline_exceeded", "stop, wake 60s", "Running | c running ready", NULL },
                { "and the pod has failed", "Always c deadline=60",
                  "ready; c runs; +61s; deadline_exceeded; c killed 15 inactive", "", "Failed | c terminated Error 143",
                  NULL },
                { "as soon as it has no processes", "Always c deadline=60", "+61s; deadline_exceeded", "",
                  "Failed | c waiting ContainerCreating", NULL },
                { "nothing more is waited for then", "Always c deadline=60",
                  "ready; c runs; deadline_exceeded; c killed 15 inactive; status_current", "remove", NULL, NULL },
                { "no time at all is over at once", "Always c deadline=0", "ready; c runs", "stop", NULL, NULL },
                { "one that takes long to end is no job of systemd's", "Always c deadline=60",
                  "ready; c runs; grace_s 61s; +60s", "begin-end", NULL, NULL },
                { "it is signalled", "Always c deadline=60",
                  "ready; c runs; grace_s 61s; +60s; each; by_signal; stop_at +0s; kill_at +61s", "term c", NULL,
                  NULL },
                { "a minute is no such time", "Always c deadline=60", "ready; c runs; grace_s 60s; +60s", "stop", NULL,
                  NULL },
        };

        TELL(stories);
}

Test(plan, some_pods_are_left_alone)
{
        static const struct story stories[] = {
                { "a namesake's units are still there", "Always c", "blocked", "", NULL, NULL },
                { "a namesake's units are not removed for this pod", "Always c", "blocked; deleting; status_current",
                  "", NULL, NULL },
                { "what cannot run here is not tried", "Always c runtimeClassName=gvisor", "", "",
                  "Pending | c waiting ContainerCreating", NULL },
                { "but can be deleted", "Always c runtimeClassName=gvisor", "deleting; status_current", "remove", NULL,
                  NULL },
                { "a pod without containers is not finished", "Never", "status_current", "", "Pending", NULL },
        };

        TELL(stories);
}

Test(plan, actions_are_told_in_words)
{
        struct world w = world("Always i/init c v:configMap");
        static const struct {
                struct action action;
                const char *words;
        } table[] = {
                { { ACTION_PULL, 1 }, "default/web: pull pkg-c" },
                { { ACTION_FILL, 0 }, "default/web: fill v" },
                { { ACTION_WRITE, 0 }, "default/web: write" },
                { { ACTION_START, 0 }, "default/web: start vks.default.web.pkg-i.service" },
                { { ACTION_RESTART, 1 }, "default/web: restart vks.default.web.pkg-c.service" },
                { { ACTION_STOP, 0 }, "default/web: stop" },
                { { ACTION_KILL, 0 }, "default/web: kill" },
                { { ACTION_REMOVE, 0 }, "default/web: remove" },
                { { ACTION_DELETE, 0 }, "default/web: delete" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                char words[256] = "?";
                action_describe(&table[i].action, w.pod, words, sizeof(words));
                cr_expect_str_eq(words, table[i].words);
        }
        world_done(&w);
}

#define WAITED                                                                                                         \
        "{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":1,\"containerID\":\"" RUN_1                          \
        "\",\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":42," \
        "\"reason\":\"Error\",\"containerID\":\"" RUN_1 "\"}}}]}"
#define RUN_1 "systemd://00000000000000000000000000000001" /* what story.h gives the first run of a pod */

/* Found by test_property.c. */
Test(plan, a_back_off_does_not_become_a_standstill_when_the_agent_restarts)
{
        static const struct story stories[] = {
                { "systemd does not start it again, so we do", "Always c/Never+Restart:In:42", "adopt; ready; c ran 42",
                  "restart c", NULL, WAITED },
                { "nor is it waited for systemd's own time", "Always c", "adopt; ready; c ran 42 holdoff", "restart c",
                  NULL, WAITED },
                { "asked once", "Always c", "adopt; ready; c ran 42; c requested", "", NULL, WAITED },
                { "without a unit it is written first", "Always c", "adopt; c ran 42", "pull c", NULL, WAITED },
                { "a new run of which nobody knows yet is none that ended", "Always c",
                  "adopt; ready; c ran 42; c begins holdoff", "", NULL, WAITED },
        };

        TELL(stories);
}
