/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "agent/server/configz.h"
#include "common/mem.h"

static char program[] = "vks-agent", name[] = "--nodename=n";

static cJSON *told(char *one, char *two, char *three)
{
        char *argv[] = { program, name, one, two, three, NULL };
        CLEANUP(config_freep) struct config *c = NULL;
        CLEANUP(freep) char *text = NULL;
        struct err e = ERR_NONE;
        int argc = 2;
        cJSON *all, *o;

        while (argv[argc])
                argc++;
        cr_assert_eq(config_new(argc, argv, "/nowhere", "n", &c, &e), 0, "%s", e.text);
        text = configz_text(c);
        all = json_parse(text, strlen(text));
        o = cJSON_DetachItemFromObject(all, "kubeletconfig");
        cJSON_Delete(all);
        return o;
}

static const char *in(const cJSON *o, const char *one, const char *two, const char *three)
{
        return json_str(three ? json_get(json_get(o, one), two) : json_get(o, one), three ? three : two);
}

Test(configz, what_holds_without_a_setting)
{
        cJSON *o = told(NULL, NULL, NULL);

        cr_assert_str_eq(json_str(o, "kind"), "KubeletConfiguration");
        cr_assert_str_eq(json_str(o, "apiVersion"), "kubelet.config.k8s.io/v1beta1");
        cr_assert_eq(json_int(o, "port", -1), 10250);
        cr_assert_eq(json_int(o, "healthzPort", -1), 10248);
        cr_assert_str_eq(json_str(o, "healthzBindAddress"), "127.0.0.1");
        cr_assert_eq(json_int(o, "maxPods", -1), 110);
        cr_assert_eq(json_int(o, "podPidsLimit", 0), -1);
        cr_assert_str_eq(json_str(o, "clusterDomain"), "cluster.local");
        cr_assert_eq(json_int(o, "eventRecordQPS", 0), 5);
        cr_assert_str_eq(json_str(o, "tlsMinVersion"), "VersionTLS12");
        cr_assert_eq(cJSON_GetArraySize(json_get(o, "tlsCipherSuites")), 6);
        cr_assert_str_eq(json_str(o, "streamingConnectionIdleTimeout"), "4h0m0s");
        cr_assert_str_eq(json_str(o, "nodeStatusReportFrequency"), "5m0s");
        cr_assert_str_eq(json_str(o, "nodeStatusUpdateFrequency"), "10s");
        cr_assert_str_eq(in(o, "authorization", "mode", NULL), "Webhook");
        cr_assert_str_eq(in(o, "authorization", "webhook", "cacheUnauthorizedTTL"), "30s");
        cr_assert_str_eq(in(o, "authentication", "webhook", "cacheTTL"), "2m0s");
        cr_assert(!json_bool(json_get(json_get(o, "authentication"), "anonymous"), "enabled", true));
        cr_assert(json_bool(o, "enableSystemLogHandler", false));
        cr_assert(!json_bool(o, "enableSystemLogQuery", true));
        cr_assert_null(json_get(o, "kubeReserved"));
        cr_assert_null(json_get(o, "tlsCertFile"));
        cr_assert_str_eq(in(o, "evictionHard", "memory.available", NULL), "100Mi");
        cr_assert_str_eq(in(o, "evictionHard", "nodefs.available", NULL), "10%");
        cr_assert_str_eq(json_str(o, "evictionPressureTransitionPeriod"), "5m0s");
        cr_assert_null(json_get(o, "evictionSoft"), "what is not done is not told");
        cJSON_Delete(o);
}

Test(configz, thresholds_are_told_as_they_were_set)
{
        char hard[] = "--eviction-hard=nodefs.available<5.5%,pid.available<100,memory.available<1000",
             soft[] = "--eviction-soft=memory.available<1Gi",
             grace[] = "--eviction-soft-grace-period=memory.available=90s";
        cJSON *o = told(hard, soft, grace);

        cr_assert_str_eq(in(o, "evictionHard", "nodefs.available", NULL), "5.5%");
        cr_assert_str_eq(in(o, "evictionHard", "pid.available", NULL), "100");
        cr_assert_str_eq(in(o, "evictionHard", "memory.available", NULL), "1000");
        cr_assert_null(in(o, "evictionHard", "nodefs.inodesFree", NULL));
        cr_assert_str_eq(in(o, "evictionSoft", "memory.available", NULL), "1Gi");
        cr_assert_str_eq(in(o, "evictionSoftGracePeriod", "memory.available", NULL), "1m30s");
        cJSON_Delete(o);
}

Test(configz, settings_are_told)
{
        char reserved[] = "--kube-reserved=cpu=100m,memory=64Mi", off[] = "--healthz-port=0",
             idle[] = "--streaming-connection-idle-timeout=90s";
        cJSON *o = told(reserved, off, idle);

        cr_assert_eq(json_int(o, "healthzPort", -1), 0);
        cr_assert_str_eq(json_str(o, "streamingConnectionIdleTimeout"), "1m30s");
        cr_assert_str_eq(in(o, "kubeReserved", "cpu", NULL), "100m");
        cr_assert_str_eq(in(o, "kubeReserved", "memory", NULL), "64Mi");
        cJSON_Delete(o);
}
