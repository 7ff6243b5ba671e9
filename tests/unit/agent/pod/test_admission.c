/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a pod that was judged: plan and status. */
#include "tests/unit/agent/pod/story.h"

Test(admission, nothing_is_done_for_a_pod_that_is_not_let_in)
{
        static const struct story stories[] = {
                { "not while nobody has judged it", "Always c", "undecided", "",
                  "Pending | c waiting ContainerCreating", NULL },
                { "nor when its time has passed", "Always c deadline=9", "undecided; +10s", "", NULL, NULL },
                { "nor while it has to wait", "Always c", "undecided; held PortConflict port-80", "",
                  "Pending | c waiting PortConflict", NULL },
                { "in all of its containers", "Always i/init c", "undecided; held PortConflict port-80", "",
                  "Pending | i waiting PortConflict | c waiting PortConflict", NULL },
                { "once it need not wait any more it begins", "Always c", "undecided; held PortConflict x; let in",
                  "pull c", "Pending | c waiting ContainerCreating", NULL },
                { "and its deadline counts from then", "Always c deadline=9",
                  "undecided; held PortConflict x; +8s; let in; +2s", "pull c, wake 7s", NULL, NULL },
                { "who is deleted before goes at once", "Always c", "undecided; deleting; status_current", "remove",
                  "Pending | c waiting ContainerCreating", NULL },
                { "while it waits, too", "Always c",
                  "undecided; held PortConflict x; deleting; status_current; removed", "delete", NULL, NULL },
                { "whom the API server has forgotten, too", "Always c", "undecided; gone", "remove", NULL, NULL },
        };

        TELL(stories);
}

Test(admission, a_rejected_pod_has_failed_for_good)
{
        static const struct story stories[] = {
                { "whatever its restartPolicy", "Always c", "undecided; rejected NodeAffinity no", "", "Failed", NULL },
                { "with an init container", "Always i/init c", "undecided; rejected NodeAffinity no", "", "Failed",
                  NULL },
                { "told, it is left alone", "Always c",
                  "undecided; rejected NodeAffinity no; status_current; terminal; failed", "", "Failed", NULL },
                { "but what of it is here is cleared away", "Always c",
                  "written; rejected NodeAffinity no; status_current", "remove", NULL, NULL },
                { "until it is deleted", "Always c",
                  "undecided; rejected NodeAffinity no; status_current; terminal; failed; deleting", "delete", "Failed",
                  NULL },
                { "or forgotten", "Always c", "undecided; rejected NodeAffinity no; gone", "remove", NULL, NULL },
        };

        TELL(stories);
}

Test(admission, the_status_says_why)
{
        static const struct value values[] = {
                { "the reason", "Always c", "undecided; rejected OutOfcpu no-cpu", "reason", "OutOfcpu", NULL },
                { "the message", "Always c", "undecided; rejected OutOfcpu no-cpu", "message",
                  "Pod was rejected: no-cpu", NULL },
                { "its containers never were", "Always c", "undecided; rejected OutOfcpu no-cpu", "containerStatuses",
                  "[]", NULL },
                { "and it is not ready", "Always c", "undecided; rejected OutOfcpu no-cpu", "conditions.2.status",
                  "False", NULL },
                { "since it has ended", "Always c", "undecided; rejected OutOfcpu no-cpu", "conditions.2.reason",
                  "PodFailed", NULL },
                { "when it was first seen", "Always c", "undecided; +10s; rejected OutOfcpu no-cpu", "startTime",
                  "2023-11-14T22:13:20Z", NULL },
                { "who waits has no reason of the pod's", "Always c", "undecided; held PortConflict port", "reason",
                  "absent", NULL },
                { "but each container has", "Always c", "undecided; held PortConflict port",
                  "containerStatuses.0.state.waiting.message", "port", NULL },
                { "and has not begun", "Always c", "undecided; held PortConflict port", "startTime", "null", NULL },
                { "nor has one that nobody judged", "Always c", "undecided", "startTime", "null", NULL },
                { "but when it was let in", "Always c", "undecided; +5s; held PortConflict port; +5s; let in",
                  "startTime", "2023-11-14T22:13:30Z", NULL },
        };

        LOOK(values);
}

#define FAILED_POD                                                                                                     \
        "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]},\"status\":{\"phase\":\"Failed\"}}"
#define WAS_REJECTED "{\"phase\":\"Failed\",\"reason\":\"NodeAffinity\",\"message\":\"Pod was rejected: no\"}"

Test(admission, a_rejection_outlives_the_agent)
{
        static const struct story stories[] = {
                { "it stays Failed, without containers", FAILED_POD, "adopt; deleting", NULL, "Failed", WAS_REJECTED },
                { "another end is another matter", FAILED_POD, "adopt; deleting", NULL,
                  "Failed | c waiting ContainerCreating",
                  "{\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":\"The node was low on memory\"}" },
        };
        static const struct value values[] = {
                { "with its reason", FAILED_POD, "adopt", "reason", "NodeAffinity", WAS_REJECTED },
                { "and its message", FAILED_POD, "adopt", "message", "Pod was rejected: no", WAS_REJECTED },
        };

        TELL(stories);
        LOOK(values);
}
