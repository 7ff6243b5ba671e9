/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/node/node_status.h"
#include "common/mem.h"

#define GIB (UINT64_C(1) << 30)
static const uint64_t T0 = UINT64_C(1767366000000000); /* 2026-01-02T15:00:00Z */
static const uint64_t SECOND = 1000000;

#define JSON CLEANUP(json_freep) cJSON

static struct facts facts;
static struct config config;
static struct node_health health;
static struct node_pressure pressure;
static struct node_inputs in;

static char *one_ip[] = { (char *)"10.1.2.3", (char *)"fd00::3", NULL };
static struct config_label one_label[] = { { (char *)"role", (char *)"dns" } };

static void machine(void)
{
        facts = (struct facts){
                .hostname = "draak",
                .machine_id = "0123456789abcdef0123456789abcdef",
                .boot_id = "9a9a1c5e-0000-4000-8000-000000000001",
                .system_uuid = "01234567-89ab-cdef-0123-456789abcdef",
                .kernel = "6.1.0-18-amd64",
                .os_image = "Debian GNU/Linux 12 (bookworm)",
                .arch = "amd64",
                .systemd = "252.39-1~deb12u1",
                .cpus = 4,
                .mem_total = 8 * GIB - 4096,
                .hugepages_2m = true,
                .mem_available = 6 * GIB,
                .fs_total = 100 * GIB,
                .fs_available = 50 * GIB,
                .inodes_total = 1000000,
                .inodes_free = 900000,
                .pids_max = 32768,
                .pids = 200,
                .ipv4 = "192.0.2.10",
                .ipv6 = "2001:db8::10",
        };
        config = (struct config){
                .node_name = (char *)"draak", .port = 10250, .max_pods = 110, .eviction = config_eviction_default
        };
        health = (struct node_health){ 0 };
        pressure = (struct node_pressure){ 0 };
        in = (struct node_inputs){ &config, &facts, &health, &pressure, "v1.20.0+vks.0.1.0", NULL, NULL, 0, T0 };
}

TestSuite(node_status, .init = machine);

static void expect_json(const cJSON *got, const char *want)
{
        JSON *tree = cJSON_Parse(want);
        CLEANUP(freep) char *a = cJSON_Print(got), *b = cJSON_Print(tree);

        cr_assert_not_null(tree, "the expectation is no JSON");
        cr_expect(cJSON_Compare(got, tree, true), "got %s\nwant %s", a, b);
}

Test(node_status, a_new_node_is_complete)
{
        struct node_image images[] = { { "zsh=5.9-4", 2000 }, { "nginx=1.22.1-9", 5000 } };
        JSON *node = NULL;

        config.labels = one_label;
        config.n_labels = 1;
        config.kube_reserved = (struct config_reserved){ 100, 200 << 20, 0 };
        config.system_reserved = (struct config_reserved){ 400, 0, GIB };
        in.images = images;
        in.n_images = 2;
        node = node_object(&in);
        expect_json(
                node,
                "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"draak\",\"labels\":{"
                "\"beta.kubernetes.io/arch\":\"amd64\",\"beta.kubernetes.io/os\":\"linux\",\"kubernetes.io/"
                "arch\":\"amd64\","
                "\"kubernetes.io/hostname\":\"draak\",\"kubernetes.io/os\":\"linux\",\"role\":\"dns\"}},"
                "\"spec\":{\"taints\":[{\"key\":\"virtual-kubelet.io/"
                "provider\",\"value\":\"vks\",\"effect\":\"NoSchedule\"}]},"
                "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.0.2.10\"},{\"type\":"
                "\"InternalIP\",\"address\":\"2001:db8::10\"},"
                "{\"type\":\"Hostname\",\"address\":\"draak\"}],"
                "\"capacity\":{\"cpu\":\"4\",\"memory\":\"8388604Ki\",\"ephemeral-storage\":\"100Gi\",\"pods\":\"110\","
                "\"hugepages-2Mi\":\"0\"},"
                "\"allocatable\":{\"cpu\":\"3500m\",\"memory\":\"8081404Ki\",\"ephemeral-storage\":\"89Gi\",\"pods\":"
                "\"110\",\"hugepages-2Mi\":\"0\"},"
                "\"conditions\":["
                "{\"type\":\"MemoryPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"2026-01-02T15:00:00Z\","
                "\"lastTransitionTime\":\"2026-01-02T15:00:00Z\","
                "\"reason\":\"KubeletHasSufficientMemory\",\"message\":\"kubelet has sufficient memory available\"},"
                "{\"type\":\"DiskPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"2026-01-02T15:00:00Z\","
                "\"lastTransitionTime\":\"2026-01-02T15:00:00Z\","
                "\"reason\":\"KubeletHasNoDiskPressure\",\"message\":\"kubelet has no disk pressure\"},"
                "{\"type\":\"PIDPressure\",\"status\":\"False\",\"lastHeartbeatTime\":\"2026-01-02T15:00:00Z\","
                "\"lastTransitionTime\":\"2026-01-02T15:00:00Z\","
                "\"reason\":\"KubeletHasSufficientPID\",\"message\":\"kubelet has sufficient PID available\"},"
                "{\"type\":\"Ready\",\"status\":\"True\",\"lastHeartbeatTime\":\"2026-01-02T15:00:00Z\","
                "\"lastTransitionTime\":\"2026-01-02T15:00:00Z\","
                "\"reason\":\"KubeletReady\",\"message\":\"kubelet is posting ready status\"}],"
                "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10250}},"
                "\"nodeInfo\":{\"machineID\":\"0123456789abcdef0123456789abcdef\",\"systemUUID\":\"01234567-89ab-cdef-"
                "0123-456789abcdef\","
                "\"bootID\":\"9a9a1c5e-0000-4000-8000-000000000001\",\"kernelVersion\":\"6.1.0-18-amd64\",\"osImage\":"
                "\"Debian GNU/Linux 12 (bookworm)\","
                "\"containerRuntimeVersion\":\"systemd://252.39-1~deb12u1\",\"kubeletVersion\":\"v1.20.0+vks.0.1.0\","
                "\"kubeProxyVersion\":\"\",\"operatingSystem\":\"linux\",\"architecture\":\"amd64\"},"
                "\"images\":[{\"names\":[\"nginx=1.22.1-9\"],\"sizeBytes\":5000},{\"names\":[\"zsh=5.9-4\"],"
                "\"sizeBytes\":2000}]}}");
}

Test(node_status, without_the_taint_when_told_so_and_with_the_addresses_given)
{
        JSON *node = NULL;

        config.disable_taint = true;
        config.node_ips = one_ip;
        config.external_ips = one_ip + 1;
        node = node_object(&in);
        expect_json(json_get(node, "spec"), "{}");
        expect_json(
                json_get(json_get(node, "status"), "addresses"),
                "[{\"type\":\"InternalIP\",\"address\":\"10.1.2.3\"},{\"type\":\"InternalIP\",\"address\":\"fd00::3\"},"
                "{\"type\":\"ExternalIP\",\"address\":\"fd00::3\"},{\"type\":\"Hostname\",\"address\":\"draak\"}]");
        cr_assert(streq(node_address(&config, &facts, 1), "fd00::3") && !node_address(&config, &facts, 2));
}

static const struct {
        uint64_t cpu_milli, bytes, pods;
        const char *cpu, *memory, *pods_text;
} forms[] = {
        { 4000, 2048, 110, "4", "2Ki", "110" },
        { 3900, 8 * GIB, 1000, "3900m", "8Gi", "1k" },
        { 0, 0, 0, "0", "0", "0" },
        { 1000000, 1023, 1500, "1k", "0", "1500" },
        { 12000, GIB + 1024 * 1024, 250, "12", "1025Mi", "250" },
};

Test(node_status, quantities_are_in_the_form_the_api_gives_back)
{
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                JSON *status = NULL;
                const cJSON *capacity;

                if (forms[i].cpu_milli % 1000 == 0)
                        facts.cpus = (unsigned)(forms[i].cpu_milli / 1000);
                else
                        facts.cpus = 4, config.kube_reserved.cpu_milli = 4000 - forms[i].cpu_milli;
                facts.mem_total = forms[i].bytes;
                config.max_pods = (unsigned)forms[i].pods;
                status = node_status(&in, NULL);
                capacity = json_get(status, "capacity");
                cr_expect_str_eq(
                        json_str(json_get(status, forms[i].cpu_milli % 1000 ? "allocatable" : "capacity"), "cpu"),
                        forms[i].cpu);
                cr_expect_str_eq(json_str(capacity, "memory"), forms[i].memory);
                cr_expect_str_eq(json_str(capacity, "pods"), forms[i].pods_text);
                config.kube_reserved.cpu_milli = 0;
        }
}

Test(node_status, more_reserved_than_there_is_leaves_nothing)
{
        config.kube_reserved = (struct config_reserved){ 5000, 100 * GIB, 200 * GIB };
        cr_assert(node_allocatable(&config, &facts).cpu_milli == 0 && node_allocatable(&config, &facts).memory == 0 &&
                  node_allocatable(&config, &facts).storage == 0);
}

static const char *said(const cJSON *status, const char *type, const char *what)
{
        const cJSON *c;

        cJSON_ArrayForEach (c, json_get(status, "conditions"))
                if (streq(json_str(c, "type"), type))
                        return json_str(c, what);
        return NULL;
}

static cJSON *node_with(cJSON *status)
{
        cJSON *node = cJSON_CreateObject();

        cJSON_AddItemToObject(node, "status", status);
        return node;
}

Test(node_status, transition_times_move_only_when_a_status_changes)
{
        JSON *before = node_with(node_status(&in, NULL)), *after = NULL;

        in.now = T0 + 60 * SECOND;
        health.helper = "the helper does not answer";
        health.packages = "dpkg was interrupted";
        after = node_status(&in, before);
        cr_assert_str_eq(said(after, "Ready", "status"), "False");
        cr_assert_str_eq(said(after, "Ready", "reason"), "KubeletNotReady");
        cr_assert_str_eq(said(after, "Ready", "message"), "the helper does not answer, dpkg was interrupted");
        cr_assert_str_eq(said(after, "Ready", "lastTransitionTime"), "2026-01-02T15:01:00Z");
        cr_assert_str_eq(said(after, "DiskPressure", "lastTransitionTime"), "2026-01-02T15:00:00Z");
        cr_assert_str_eq(said(after, "DiskPressure", "lastHeartbeatTime"), "2026-01-02T15:01:00Z");
}

static const struct {
        const char *what;
        uint64_t mem_available, fs_available, inodes_free, pids;
        bool memory, disk, pid;
} thresholds[] = {
        { "all is well", 100 << 20, 10 * GIB, 50000, 31130, false, false, false },
        { "memory.available<100Mi", (100 << 20) - 1, 10 * GIB, 50000, 0, true, false, false },
        { "nodefs.available<10%", GIB, 10 * GIB - 1, 50000, 0, false, true, false },
        { "nodefs.inodesFree<5%", GIB, 10 * GIB, 49999, 0, false, true, false },
        { "pid.available<5%", GIB, 10 * GIB, 50000, 31131, false, false, true },
};

Test(node_status, pressures_have_the_kubelets_thresholds)
{
        for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
                JSON *status = NULL;

                facts.mem_available = thresholds[i].mem_available;
                facts.fs_available = thresholds[i].fs_available;
                facts.inodes_free = thresholds[i].inodes_free;
                facts.pids = thresholds[i].pids;
                pressure = (struct node_pressure){ 0 };
                cr_expect_eq(node_pressure_see(&pressure, &config.eviction, &facts, T0), i > 0, "%s",
                             thresholds[i].what);
                status = node_status(&in, NULL);
                cr_expect_str_eq(said(status, "MemoryPressure", "status"), thresholds[i].memory ? "True" : "False",
                                 "%s", thresholds[i].what);
                cr_expect_str_eq(said(status, "DiskPressure", "status"), thresholds[i].disk ? "True" : "False", "%s",
                                 thresholds[i].what);
                cr_expect_str_eq(said(status, "PIDPressure", "status"), thresholds[i].pid ? "True" : "False", "%s",
                                 thresholds[i].what);
        }
}

Test(node_status, a_filesystem_without_inodes_is_no_trouble)
{
        facts.inodes_total = facts.inodes_free = 0;
        cr_assert_not(node_pressure_see(&pressure, &config.eviction, &facts, T0));
}

Test(node_status, a_pressure_is_told_for_five_minutes_after_it_was_seen)
{
        facts.mem_available = 0;
        cr_assert(node_pressure_see(&pressure, &config.eviction, &facts, T0));
        cr_assert_not(node_pressure_see(&pressure, &config.eviction, &facts, T0 + 100 * SECOND));
        facts.mem_available = GIB;
        cr_assert_not(node_pressure_see(&pressure, &config.eviction, &facts, T0 + 399 * SECOND));
        cr_assert(pressure.memory > 0);
        cr_assert(node_pressure_see(&pressure, &config.eviction, &facts, T0 + 400 * SECOND));
        cr_assert_eq(pressure.memory, 0);
}

Test(node_status, heartbeats_alone_are_no_difference)
{
        JSON *before = node_status(&in, NULL), *same = NULL, *other = NULL;

        in.now = T0 + 10 * SECOND;
        facts.mem_available -= 4096;
        same = node_status(&in, NULL);
        cr_assert_not(node_status_differs(same, before));
        health.bus = "the system bus is gone";
        other = node_status(&in, NULL);
        cr_assert(node_status_differs(other, before));
        cr_assert(node_status_differs(before, NULL));
        health.bus = NULL;
        memcpy(facts.ipv4, "192.0.2.11", 11);
        cJSON_Delete(TAKE(other));
        other = node_status(&in, NULL);
        cr_assert(node_status_differs(other, before));
}

Test(node_status, features_are_declared_to_whom_knows_them)
{
        static const struct {
                const char *version;
                bool declared;
        } rows[] = {
                { "v1.20.0+vks.0.1.0", false }, { "v1.35.0+vks.0.1.0", false }, { "v1.36.0+vks.0.1.0", true },
                { "v1.100.0+vks.0.1.0", true }, { "v2.36.0+vks.0.1.0", false }, { "v1.3.60+vks.0.1.0", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                JSON *status = NULL, *without = NULL;

                in.version = rows[i].version;
                status = node_status(&in, NULL);
                cr_expect_eq(json_len(json_get(status, "declaredFeatures")), rows[i].declared ? 4 : 0, "%s",
                             rows[i].version);
                without = cJSON_Duplicate(status, true);
                cJSON_DeleteItemFromObject(without, "declaredFeatures");
                cr_expect(!node_status_differs(status, without),
                          "an API server that does not keep them is not told again");
        }
}

Test(node_status, the_patch_replaces_addresses_and_leaves_the_status_alone)
{
        JSON *status = node_status(&in, NULL), *patch = node_status_patch(status);

        expect_json(json_get(json_get(patch, "status"), "addresses"),
                    "[{\"type\":\"InternalIP\",\"address\":\"192.0.2.10\"},{\"type\":\"InternalIP\",\"address\":\"2001:"
                    "db8::10\"},"
                    "{\"type\":\"Hostname\",\"address\":\"draak\"},{\"$patch\":\"replace\"}]");
        cr_assert_eq(json_len(json_get(status, "addresses")), 3);
}

Test(node_status, labels_are_added_to_a_node_and_never_taken_away)
{
        JSON *node = cJSON_Parse("{\"metadata\":{\"labels\":{\"beta.kubernetes.io/"
                                 "arch\":\"amd64\",\"beta.kubernetes.io/os\":\"linux\","
                                 "\"kubernetes.io/arch\":\"amd64\",\"kubernetes.io/"
                                 "hostname\":\"draak\",\"kubernetes.io/os\":\"Linux\",\"mine\":\"1\"}}}"),
             *patch = NULL, *nothing = NULL;

        config.labels = one_label;
        config.n_labels = 1;
        patch = node_labels_patch(&in, node);
        expect_json(patch, "{\"metadata\":{\"labels\":{\"kubernetes.io/os\":\"linux\",\"role\":\"dns\"}}}");
        cJSON_Delete(TAKE(node));
        node = node_object(&in);
        nothing = node_labels_patch(&in, node);
        cr_assert_null(nothing);
}

Test(node_status, labels_of_packages_follow_the_machine)
{
        JSON *node = NULL, *patch = NULL, *nothing = NULL;
        JSON *packages =
                cJSON_Parse("{\"packages.vks.systemd.io/cron\":\"3.0\",\"packages.vks.systemd.io/mine\":\"1\"}");
        static struct config_label mine[] = { { (char *)"packages.vks.systemd.io/mine", (char *)"operator" } };

        config.labels = mine; /* whatever the operator says wins */
        config.n_labels = 1;
        in.package_labels = packages;
        node = node_object(&in);
        cr_assert_str_eq(json_str(json_get(json_get(node, "metadata"), "labels"), "packages.vks.systemd.io/cron"),
                         "3.0");
        cr_assert_str_eq(json_str(json_get(json_get(node, "metadata"), "labels"), "packages.vks.systemd.io/mine"),
                         "operator");
        cr_assert_null(node_labels_patch(&in, node));
        cJSON_Delete(packages);
        packages = cJSON_Parse("{\"packages.vks.systemd.io/nginx\":\"1.22\"}");
        in.package_labels = packages;
        patch = node_labels_patch(&in, node);
        expect_json(patch, "{\"metadata\":{\"labels\":{\"packages.vks.systemd.io/"
                           "nginx\":\"1.22\",\"packages.vks.systemd.io/cron\":null}}}");
        /* Before they are known, nothing is taken away. */
        in.package_labels = NULL;
        nothing = node_labels_patch(&in, node);
        cr_assert_null(nothing);
}

Test(node_status, events_are_the_kubelets)
{
        cr_assert_str_eq(node_condition_event("Ready", true), "NodeReady");
        cr_assert_str_eq(node_condition_event("Ready", false), "NodeNotReady");
        cr_assert_str_eq(node_condition_event("DiskPressure", true), "NodeHasDiskPressure");
        cr_assert_str_eq(node_condition_event("PIDPressure", false), "NodeHasSufficientPID");
        cr_assert_null(node_condition_event("NetworkUnavailable", true));
}

static const struct {
        const char *answer, *vks, *want;
} versions[] = {
        { "{\"major\":\"1\",\"minor\":\"20\"}", "0.1.0", "v1.20.0+vks.0.1.0" },
        { "{\"major\":\"1\",\"minor\":\"32+\"}", "0.1.0~rc1+b1", "v1.32.0+vks.0.1.0-rc1-b1" },
        { "{\"major\":\"\",\"minor\":\"\"}", "0", "v1.20.0+vks.0" },
        { "{\"major\":1}", "0", "v1.20.0+vks.0" },
        { NULL, "1:2", "v1.20.0+vks.1-2" },
};

Test(node_status, the_version_is_the_servers_minor_release)
{
        for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
                JSON *answer = versions[i].answer ? cJSON_Parse(versions[i].answer) : NULL;
                char text[64];

                node_version(answer, versions[i].vks, text);
                cr_expect_str_eq(text, versions[i].want);
        }
}
