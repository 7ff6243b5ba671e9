/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_rows.h"

#include <stddef.h>
#include <syslog.h>

#include "proto/wire.h"

const struct config_row config_rows[CONFIG_ROWS] = {
#define AT(member) offsetof(struct config, member)
        { "config", NULL, "FILE", "read the other settings from this YAML file", CONFIG_FILE ", if it exists", STRING,
          SIZE_MAX },
        { "kubeconfig", "kubeconfig", "FILE", "API server and credentials", "/etc/vks/kubeconfig", STRING,
          AT(kubeconfig) },
        { "nodename", "nodeName", "NAME", "name of the Node", "the hostname", NAME, AT(node_name) },
        { "node-ip", "nodeIP", "IP[,IP]", "address of the node, one of each family; may be repeated",
          "that of the default route", IPS, AT(node_ips) },
        { "node-external-ip", "nodeExternalIP", "IP[,IP]", "address of the node as others see it", "none", IPS,
          AT(external_ips) },
        { "node-labels", "nodeLabels", "K=V,...", "labels of the Node; may be repeated", "none", LABELS, AT(labels) },
        { "package-labels", "packageLabels", "PATTERN,...",
          "packages that are labels of the Node; \"services\": all that bring one; may be repeated", "services", WORDS,
          AT(package_labels) },
        { "disable-taint", "disableTaint", NULL,
          "create the Node without the taint virtual-kubelet.io/provider=vks:NoSchedule", "false", BOOL,
          AT(disable_taint) },
        { "enable-node-lease", "enableNodeLease", NULL, "keep a Lease in kube-node-lease as heartbeat", "true", BOOL,
          AT(node_lease) },
        { "max-pods", "maxPods", "N", "most pods that are taken", "110", COUNT, AT(max_pods) },
        { "pod-max-pids", "podPidsLimit", "N", "most processes and threads of one pod; -1: no limit", "-1", PIDS,
          AT(max_pids) },
        { "cluster-domain", "clusterDomain", "NAME", "what names of the cluster end with", "cluster.local", NAME,
          AT(cluster_domain) },
        { "kube-reserved", "kubeReserved", "R=Q,...", "cpu, memory, ephemeral-storage kept for the agent", "none",
          RESERVED, AT(kube_reserved) },
        { "system-reserved", "systemReserved", "R=Q,...", "the same, kept for the rest of the system", "none", RESERVED,
          AT(system_reserved) },
        { "eviction-hard", "evictionHard", "S<Q,...",
          "thresholds beneath which a pod is evicted at once: memory.available, nodefs.available, nodefs.inodesFree, "
          "imagefs.available, imagefs.inodesFree, pid.available; each a quantity or a percentage",
          "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,pid.available<5%", THRESHOLDS,
          AT(eviction.hard) },
        { "eviction-soft", "evictionSoft", "S<Q,...", "the same, when it has lasted for a while", "none", THRESHOLDS,
          AT(eviction.soft) },
        { "eviction-soft-grace-period", "evictionSoftGracePeriod", "S=TIME,...", "for how long, of each of those",
          "none", GRACES, AT(eviction) },
        { "eviction-max-pod-grace-period", "evictionMaxPodGracePeriod", "SECONDS",
          "most time to end of a pod that is evicted by a soft threshold", "0", COUNT, AT(eviction.max_grace_s) },
        { "eviction-minimum-reclaim", "evictionMinimumReclaim", "S=Q,...",
          "so much more than its threshold there is to be before evicting ends", "none", RECLAIM,
          AT(eviction.reclaim) },
        { "eviction-pressure-transition-period", "evictionPressureTransitionPeriod", "TIME",
          "how long a pressure is told after it was last seen", "5m", TIME, AT(eviction.transition_usec) },
        { "address", "address", "IP", "where the kubelet API listens", "all", STRING, AT(address) },
        { "port", "port", "N", "port of the kubelet API; 0: none", "10250", PORT, AT(port) },
        { "healthz-bind-address", "healthzBindAddress", "IP", "where /healthz alone is served, in plain HTTP",
          "127.0.0.1", STRING, AT(healthz_address) },
        { "healthz-port", "healthzPort", "N", "and its port; 0: none", "10248", PORT, AT(healthz_port) },
        { "certfile", "tlsCertFile", "FILE", "its certificate", "/etc/vks/kubelet-serving.crt, if it exists", STRING,
          AT(cert_file) },
        { "keyfile", "tlsPrivateKeyFile", "FILE", "its private key", "/etc/vks/kubelet-serving.key, if it exists",
          STRING, AT(key_file) },
        { "rotate-certificates", "rotateCertificates", NULL,
          "have the node's client certificate renewed in time, by the way it came (certificates.k8s.io, K3s)", "false",
          BOOL, AT(rotate_client) },
        { "rotate-server-certificates", "serverTLSBootstrap", NULL,
          "have the certificate of the kubelet API signed for the node's addresses, and renewed; not with --certfile",
          "false", BOOL, AT(serving_bootstrap) },
        { "cert-dir", NULL, "DIR", "where certificates lie that are renewed", "/var/lib/vks/pki", STRING,
          AT(cert_dir) },
        { "client-ca-file", "clientCAFile", "FILE", "CA of the clients it serves",
          "/etc/vks/client-ca.crt, if it exists", STRING, AT(client_ca_file) },
        { "authorization-mode", "authorizationMode", "MODE",
          "Webhook: the API server says who may ask for what; AlwaysAllow: everybody who shows who he is", "Webhook",
          MODE, AT(always_allow) },
        { "port-forward", "portForward", "RULE",
          "PodPorts: kubectl port-forward reaches what the pod's own processes listen on; AnyPort: every port of the "
          "machine; Off",
          "PodPorts", FORWARD, AT(port_forward) },
        { "port-forward-namespaces", "portForwardNamespaces", "PATTERN,...",
          "namespaces whose pods it reaches; may be repeated", "all", WORDS, AT(port_forward_namespaces) },
        { "streaming-connection-idle-timeout", "streamingConnectionIdleTimeout", "TIME",
          "an exec, attach or port-forward on which nothing passes for so long is ended (4h, 1h30m, 90s; 0: never)",
          "4h", TIME, AT(stream_idle_usec) },
        { "shutdown-grace-period", "shutdownGracePeriod", "TIME",
          "when the machine shuts down, so long it waits for pods to end; 0: it does not wait", "0", TIME,
          AT(shutdown.whole_usec) },
        { "shutdown-grace-period-critical-pods", "shutdownGracePeriodCriticalPods", "TIME",
          "the last part of that time, which is for critical pods", "0", TIME, AT(shutdown.critical_usec) },
        { "shutdown-grace-period-by-pod-priority", "shutdownGracePeriodByPodPriority", "P=SECONDS,...",
          "instead of those two: so long for pods of that priority and above, the lowest ones first", "none",
          PRIORITIES, AT(shutdown) },
        { "enable-system-log-handler", "enableSystemLogHandler", NULL,
          "serve the machine's logs below /var/log, as far as the agent may read them (/logs/ of the kubelet API)",
          "true", BOOL, AT(system_log_handler) },
        { "enable-system-log-query", "enableSystemLogQuery", NULL,
          "and what the journal has of the machine's services (/logs/?query=ssh)", "false", BOOL,
          AT(system_log_query) },
        { "pod-manifest-path", "staticPodPath", "DIR", "folder of static pods, one in each file", "/etc/vks/manifests",
          STRING, AT(static_path) },
        { "helper-socket", "helperSocket", "PATH", "socket of vks-helper", WIRE_SOCKET, STRING, AT(helper_socket) },
        { "log-level", "logLevel", "LEVEL", "error, warning, info or debug", "info", LEVEL, AT(log_level) },
        { "dry-run", NULL, NULL, "print what would be done, and do nothing", "false", BOOL, AT(dry_run) },
        { "version", NULL, NULL, "print the version", NULL, BOOL, AT(version) },
        { "help", NULL, NULL, "print this", NULL, BOOL, AT(help) },
};

const struct config_level config_levels[CONFIG_LEVELS] = {
        { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "info", LOG_INFO }, { "debug", LOG_DEBUG }
};

const char *const config_forward_words[CONFIG_FORWARD_WORDS] = {
        [PORT_FORWARD_POD_PORTS] = "PodPorts",
        [PORT_FORWARD_ANY_PORT] = "AnyPort",
        [PORT_FORWARD_OFF] = "Off",
};

bool config_is_list(enum config_type type)
{
        return type == IPS || type == LABELS || type == RESERVED || type == WORDS || type == THRESHOLDS ||
               type == RECLAIM || type == GRACES || type == PRIORITIES;
}

bool config_is_map(enum config_type type)
{
        return config_is_list(type) && type != IPS && type != WORDS;
}
