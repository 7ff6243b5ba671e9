/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/configz.h"

#include "agent/client/events.h"
#include "agent/lib/quantity.h"
#include "agent/node/lease.h"
#include "agent/node/node_status.h"
#include "agent/server/gate.h"
#include "common/mem.h"

static void add_duration(cJSON *o, const char *name, uint64_t usec)
{
        char text[64];

        config_duration_text(usec, text);
        cJSON_AddStringToObject(o, name, text);
}

static void add_seconds(cJSON *o, const char *name, uint64_t seconds)
{
        add_duration(o, name, seconds * 1000000);
}

static void add_text(cJSON *o, const char *name, const char *text)
{
        if (text)
                cJSON_AddStringToObject(o, name, text);
}

static void add_reserved(cJSON *o, const char *name, const struct config_reserved *r)
{
        cJSON *reserved;
        char text[QUANTITY_TEXT_MAX];

        if (!r->cpu_milli && !r->memory && !r->storage)
                return;
        reserved = cJSON_AddObjectToObject(o, name);
        if (r->cpu_milli) {
                quantity_milli_text(r->cpu_milli, text);
                cJSON_AddStringToObject(reserved, "cpu", text);
        }
        if (r->memory) {
                quantity_bytes_text(r->memory, text);
                cJSON_AddStringToObject(reserved, "memory", text);
        }
        if (r->storage) {
                quantity_bytes_text(r->storage, text);
                cJSON_AddStringToObject(reserved, "ephemeral-storage", text);
        }
}

static void add_who_may(cJSON *o, const struct config *c)
{
        cJSON *who = cJSON_AddObjectToObject(o, "authentication"), *may, *webhook;

        add_text(cJSON_AddObjectToObject(who, "x509"), "clientCAFile", c->client_ca_file);
        webhook = cJSON_AddObjectToObject(who, "webhook");
        cJSON_AddBoolToObject(webhook, "enabled", true);
        add_seconds(webhook, "cacheTTL", GATE_TOKEN_LIFE_S);
        cJSON_AddBoolToObject(cJSON_AddObjectToObject(who, "anonymous"), "enabled", false);
        may = cJSON_AddObjectToObject(o, "authorization");
        cJSON_AddStringToObject(may, "mode", c->always_allow ? "AlwaysAllow" : "Webhook");
        webhook = cJSON_AddObjectToObject(may, "webhook");
        add_seconds(webhook, "cacheAuthorizedTTL", GATE_YES_LIFE_S);
        add_seconds(webhook, "cacheUnauthorizedTTL", GATE_NO_LIFE_S);
}

/* What TLS 1.2 may use, by the names of the registry that Kubernetes has; tls_trust.c names the same to OpenSSL. (Those
 * of 1.3 are all good, and not to be chosen, as in Go.) */
static void add_ciphers(cJSON *o)
{
        static const char *const names[] = {
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        };
        cJSON *list = cJSON_AddArrayToObject(o, "tlsCipherSuites");

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
        cJSON_AddStringToObject(o, "tlsMinVersion", "VersionTLS12");
}

static void add_amounts(cJSON *o, const char *name, const struct config_amount *list)
{
        cJSON *amounts = NULL;

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                char text[32];

                if (!list[i].set)
                        continue;
                if (!amounts)
                        amounts = cJSON_AddObjectToObject(o, name);
                config_amount_text(&list[i], text);
                cJSON_AddStringToObject(amounts, eviction_signal_names[i], text);
        }
}

static void add_shutdown(cJSON *o, const struct config_shutdown *s)
{
        cJSON *classes;

        add_duration(o, "shutdownGracePeriod", s->whole_usec);
        add_duration(o, "shutdownGracePeriodCriticalPods", s->critical_usec);
        if (!s->n)
                return;
        classes = cJSON_AddArrayToObject(o, "shutdownGracePeriodByPodPriority");
        for (size_t i = 0; i < s->n; i++) {
                cJSON *class = cJSON_CreateObject();

                cJSON_AddNumberToObject(class, "priority", (double)s->classes[i].priority);
                cJSON_AddNumberToObject(class, "shutdownGracePeriodSeconds", (double)s->classes[i].seconds);
                cJSON_AddItemToArray(classes, class);
        }
}

static void add_eviction(cJSON *o, const struct config_eviction *v)
{
        cJSON *graces = NULL;

        add_amounts(o, "evictionHard", v->hard);
        add_amounts(o, "evictionSoft", v->soft);
        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                if (!v->has_grace[i])
                        continue;
                if (!graces)
                        graces = cJSON_AddObjectToObject(o, "evictionSoftGracePeriod");
                add_duration(graces, eviction_signal_names[i], v->grace_usec[i]);
        }
        add_duration(o, "evictionPressureTransitionPeriod", v->transition_usec);
        cJSON_AddNumberToObject(o, "evictionMaxPodGracePeriod", v->max_grace_s);
        add_amounts(o, "evictionMinimumReclaim", v->reclaim);
}

char *configz_text(const struct config *c)
{
        cJSON *all = cJSON_CreateObject(), *o = cJSON_AddObjectToObject(all, "kubeletconfig");
        char *text;

        cJSON_AddStringToObject(o, "kind", "KubeletConfiguration");
        cJSON_AddStringToObject(o, "apiVersion", "kubelet.config.k8s.io/v1beta1");
        add_text(o, "staticPodPath", c->static_path);
        add_text(o, "clusterDomain", c->cluster_domain);
        cJSON_AddStringToObject(o, "address", c->address ? c->address : "0.0.0.0");
        cJSON_AddNumberToObject(o, "port", c->port);
        add_text(o, "tlsCertFile", c->cert_file);
        add_text(o, "tlsPrivateKeyFile", c->key_file);
        add_ciphers(o);
        cJSON_AddBoolToObject(o, "rotateCertificates", c->rotate_client);
        cJSON_AddBoolToObject(o, "serverTLSBootstrap", c->serving_bootstrap);
        add_who_may(o, c);
        cJSON_AddNumberToObject(o, "healthzPort", c->healthz_port);
        add_text(o, "healthzBindAddress", c->healthz_address);
        add_duration(o, "streamingConnectionIdleTimeout", c->stream_idle_usec);
        add_seconds(o, "nodeStatusUpdateFrequency", NODE_STATUS_PERIOD_S);
        add_seconds(o, "nodeStatusReportFrequency", NODE_REPORT_PERIOD_S);
        if (c->node_lease)
                cJSON_AddNumberToObject(o, "nodeLeaseDurationSeconds", LEASE_DURATION_S);
        cJSON_AddStringToObject(o, "cgroupDriver", "systemd");
        cJSON_AddNumberToObject(o, "maxPods", c->max_pods);
        cJSON_AddNumberToObject(o, "podPidsLimit", c->max_pids ? (double)c->max_pids : -1);
        cJSON_AddNumberToObject(o, "eventRecordQPS", EVENTS_PER_SECOND);
        cJSON_AddNumberToObject(o, "eventBurst", EVENTS_BURST);
        add_eviction(o, &c->eviction);
        cJSON_AddBoolToObject(o, "enableDebuggingHandlers", true);
        cJSON_AddBoolToObject(o, "enableProfilingHandler", false); /* there are Go's profiles and flags behind these */
        cJSON_AddBoolToObject(o, "enableDebugFlagsHandler", false);
        add_shutdown(o, &c->shutdown);
        cJSON_AddBoolToObject(o, "enableSystemLogHandler", c->system_log_handler);
        cJSON_AddBoolToObject(o, "enableSystemLogQuery", c->system_log_query);
        cJSON_AddBoolToObject(o, "registerNode", true);
        add_reserved(o, "systemReserved", &c->system_reserved);
        add_reserved(o, "kubeReserved", &c->kube_reserved);
        text = cJSON_PrintUnformatted(all);
        cJSON_Delete(all);
        return text ? text : xstrdup("{}");
}
