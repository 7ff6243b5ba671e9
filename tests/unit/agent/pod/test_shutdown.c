/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the end when the machine shuts down (agent/pod/shutdown.h), and what becomes of a pod that ends so. */
#include "agent/pod/shutdown.h"
#include "agent/pod/eviction.h"
#include "tests/unit/agent/pod/story.h"

static const uint64_t SECOND = 1000000;

Test(shutdown, without_a_time_nobody_waits)
{
        const struct config_shutdown c = { 0 };
        struct shutdown_order o;

        shutdown_order(&c, &o);
        cr_expect_eq(o.n, 0);
        cr_expect_eq(shutdown_seconds(&o), 0);
}

Test(shutdown, critical_pods_have_the_last_part_of_the_time)
{
        const struct config_shutdown c = { .whole_usec = 30 * SECOND, .critical_usec = 10 * SECOND };
        struct shutdown_order o;

        shutdown_order(&c, &o);
        cr_assert_eq(o.n, 2);
        cr_expect_eq(o.classes[0].seconds, 20);
        cr_expect_eq(o.classes[1].seconds, 10);
        cr_expect_eq(shutdown_seconds(&o), 30);
        cr_expect_eq(shutdown_class(&o, 0), 0);
        cr_expect_eq(shutdown_class(&o, -5), 0);
        cr_expect_eq(shutdown_class(&o, CRITICAL_PRIORITY - 1), 0);
        cr_expect_eq(shutdown_class(&o, CRITICAL_PRIORITY), 1);
        cr_expect_eq(shutdown_class(&o, NODE_CRITICAL_PRIORITY), 1);
}

Test(shutdown, classes_are_sorted_and_the_boundary_belongs_to_the_upper_one)
{
        const struct config_shutdown c = { .n = 3, .classes = { { 100, 1 }, { -10, 2 }, { 7, 4 } } },
                                     both = { .n = 1, .classes = { { 5, 6 } }, .whole_usec = 30 * SECOND };
        static const struct {
                int64_t priority;
                size_t class;
        } rows[] = { { -100, 0 }, { -10, 0 }, { 6, 0 }, { 7, 1 }, { 99, 1 }, { 100, 2 }, { 1000000, 2 } };
        struct shutdown_order o;

        shutdown_order(&c, &o);
        cr_assert_eq(o.n, 3);
        cr_expect_eq(o.classes[0].priority, -10);
        cr_expect_eq(o.classes[2].priority, 100);
        cr_expect_eq(shutdown_seconds(&o), 7);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                cr_expect_eq(shutdown_class(&o, rows[i].priority), rows[i].class, "%lld", (long long)rows[i].priority);
        o.n = 2;
        cr_expect_eq(shutdown_seconds(&o), 6, "of those that there are");
        shutdown_order(&both, &o);
        cr_expect(o.n == 1 && o.classes[0].seconds == 6, "classes come before a time for all");
}

Test(shutdown, a_pod_ends_and_has_failed)
{
        static const struct story stories[] = {
                { "it is stopped", "Always c", "ready; c runs; shut_down 1", "stop", "Running | c running ready",
                  NULL },
                { "nothing of it is started any more", "Always c", "ready; c runs; shut_down 1; c exits 0 inactive", "",
                  "Failed | c terminated Completed 0", NULL },
                { "killed, it has failed", "Never c", "ready; c runs; shut_down 1; c killed 15 inactive", "",
                  "Failed | c terminated Error 143", NULL },
                { "but what had done its work has done it", "Never c", "ready; c runs; shut_down 1; c exits 0 inactive",
                  "", "Succeeded | c terminated Completed 0", NULL },
                { "one that had not begun ends at once", "Always c", "shut_down 1", "",
                  "Failed | c waiting ContainerCreating", NULL },
        };

        TELL(stories);
}

Test(shutdown, the_status_says_why_once_it_has_ended)
{
        static const struct value values[] = {
                { "not before", "Always c", "ready; c runs; shut_down 1", "reason", "absent", NULL },
                { "nor the condition", "Always c", "ready; c runs; shut_down 1", "conditions.5", "absent", NULL },
                { "the reason", "Always c", "ready; c runs; shut_down 1; c killed 15 inactive", "reason", "Terminated",
                  NULL },
                { "the message", "Always c", "ready; c runs; shut_down 1; c killed 15 inactive", "message",
                  "Pod was terminated in response to imminent node shutdown.", NULL },
                { "the condition", "Always c", "ready; c runs; shut_down 1; c killed 15 inactive", "conditions.5.type",
                  "DisruptionTarget", NULL },
                { "and its reason", "Always c", "ready; c runs; shut_down 1; c killed 15 inactive",
                  "conditions.5.reason", "TerminationByKubelet", NULL },
                { "one that was evicted before stays that", "Always c",
                  "ready; c runs; evicted 1; shut_down 1; c killed 15 inactive", "reason", "Evicted", NULL },
        };

        LOOK(values);
}
