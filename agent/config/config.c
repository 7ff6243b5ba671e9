/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/lib/json.h"
#include "agent/lib/quantity.h"
#include "agent/lib/yaml.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/ids.h"
#include "common/mem.h"
#include "proto/wire.h"

enum { FILE_MAX = 256 * 1024, FLAG_BASE = 256, PIDS_MAX = 4 * 1024 * 1024 };

enum type {
        STRING,
        NAME,
        BOOL,
        PORT,
        COUNT,
        PIDS,
        LEVEL,
        IPS,
        LABELS,
        RESERVED,
        WORDS,
        MODE,
        FORWARD,
        TIME,
        THRESHOLDS, /* SIGNAL<AMOUNT,... */
        RECLAIM,    /* SIGNAL=AMOUNT,... */
        GRACES,     /* SIGNAL=TIME,... */
        PRIORITIES, /* PRIORITY=SECONDS,... */
};

/* Those that have items. */
static bool is_list(enum type type)
{
        return type == IPS || type == LABELS || type == RESERVED || type == WORDS || type == THRESHOLDS ||
               type == RECLAIM || type == GRACES || type == PRIORITIES;
}

static bool is_map(enum type type)
{
        return is_list(type) && type != IPS && type != WORDS;
}

/* Everything that can be decided: the flag, the field of the file (NULL: only a flag), and where it goes. */
static const struct row {
        const char *flag, *field, *arg, *help, *standard;
        enum type type;
        size_t at;
} rows[] = {
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

static const struct {
        const char *name;
        int level;
} levels[] = { { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "info", LOG_INFO }, { "debug", LOG_DEBUG } };

static void *place(struct config *c, const struct row *row)
{
        return (char *)c + row->at;
}

/* ---- one value --------------------------------------------------------------------------------------------------- */

static void clear_labels(struct config *c)
{
        for (size_t i = 0; i < c->n_labels; i++) {
                free(c->labels[i].key);
                free(c->labels[i].value);
        }
        free(c->labels);
        c->labels = NULL;
        c->n_labels = 0;
}

/* What one source says about a list replaces what another did. */
static void clear_list(struct config *c, const struct row *row)
{
        char ***list = place(c, row);

        if (row->type == IPS || row->type == WORDS)
                *list = strv_free(*list);
        else if (row->type == LABELS)
                clear_labels(c);
        else if (row->type == THRESHOLDS || row->type == RECLAIM)
                memset(place(c, row), 0, sizeof(c->eviction.hard));
        else if (row->type == GRACES)
                memset(c->eviction.has_grace, 0, sizeof(c->eviction.has_grace));
        else if (row->type == PRIORITIES)
                c->shutdown.n = 0;
        else if (row->type == RESERVED)
                *(struct config_reserved *)place(c, row) = (struct config_reserved){ 0 };
}

static int set_bool(bool *ret, const char *s, struct err *e)
{
        if (!streq(s, "true") && !streq(s, "false"))
                return err_set(e, -EINVAL, NULL, "\"%s\" is neither true nor false", s);
        *ret = streq(s, "true");
        return 0;
}

static int parse_number(const char *s, unsigned long most, unsigned long *ret, struct err *e)
{
        char *end;

        errno = 0;
        *ret = strtoul(s, &end, 10);
        if (errno || !isdigit((unsigned char)s[0]) || *end || *ret > most)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no number from 0 to %lu", s, most);
        return 0;
}

static int set_level(int *ret, const char *s, struct err *e)
{
        for (size_t i = 0; i < ARRAY_LEN(levels); i++)
                if (streq(levels[i].name, s)) {
                        *ret = levels[i].level;
                        return 0;
                }
        return err_set(e, -EINVAL, NULL, "\"%s\" is none of error, warning, info, debug", s);
}

/* The kubelet's words. */
static int set_mode(bool *ret_always_allow, const char *s, struct err *e)
{
        if (!streq(s, "Webhook") && !streq(s, "AlwaysAllow"))
                return err_set(e, -EINVAL, NULL, "\"%s\" is neither Webhook nor AlwaysAllow", s);
        *ret_always_allow = streq(s, "AlwaysAllow");
        return 0;
}

static const char *const forward_words[] = {
        [PORT_FORWARD_POD_PORTS] = "PodPorts",
        [PORT_FORWARD_ANY_PORT] = "AnyPort",
        [PORT_FORWARD_OFF] = "Off",
};

static int set_forward(enum config_port_forward *ret, const char *s, struct err *e)
{
        for (size_t i = 0; i < ARRAY_LEN(forward_words); i++)
                if (streq(forward_words[i], s)) {
                        *ret = (enum config_port_forward)i;
                        return 0;
                }
        return err_set(e, -EINVAL, NULL, "\"%s\" is none of PodPorts, AnyPort, Off", s);
}

static int set_time(uint64_t *ret, const char *s, struct err *e)
{
        if (config_parse_duration(s, ret) < 0)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no duration from 0 to 8760h (4h, 1h30m, 90s)", s);
        return 0;
}

static int set_name(char **ret, const char *s, struct err *e)
{
        char *name = xstrdup(s);

        for (char *p = name; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        free(*ret);
        *ret = name;
        if (!id_is_name(name))
                return err_set(e, -EINVAL, NULL, "\"%s\" is no node name (RFC 1123: a-z, 0-9, - and dots)", name);
        return 0;
}

/* The kubelet's rule (nodestatus: validateNodeIP): an address that others can reach this node by. */
static int add_ip(char ***list, const char *s, struct err *e)
{
        struct in6_addr v6;
        struct in_addr v4;
        size_t n = 0;
        bool bad, is_v4 = inet_pton(AF_INET, s, &v4) == 1;

        if (is_v4) {
                uint32_t a = ntohl(v4.s_addr);
                bad = a == 0 || a >> 24 == 127 || a >> 28 == 14 || a >> 16 == 0xa9fe;
        } else if (inet_pton(AF_INET6, s, &v6) == 1) {
                bad = IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
                      IN6_IS_ADDR_LINKLOCAL(&v6);
        } else {
                return err_set(e, -EINVAL, NULL, "\"%s\" is no IP address", s);
        }
        if (bad)
                return err_set(e, -EINVAL, NULL, "%s is an address that no other machine can reach", s);
        for (; *list && (*list)[n]; n++)
                if (!strchr((*list)[n], ':') == is_v4)
                        return err_set(e, -EINVAL, NULL,
                                       "%s and %s are of the same family; at most one of each is possible", (*list)[n],
                                       s);
        strv_push(list, &n, xstrdup(s));
        return 0;
}

static int set_label(struct config *c, const char *key, const char *value, struct err *e)
{
        int r = config_label_check(key, value, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n_labels; i++)
                if (streq(c->labels[i].key, key))
                        return err_set(e, -EINVAL, NULL, "label %s is given twice", key);
        c->labels = xrealloc(c->labels, c->n_labels + 1, sizeof(*c->labels));
        c->labels[c->n_labels++] = (struct config_label){ xstrdup(key), xstrdup(value) };
        return 0;
}

static int set_reserved(struct config_reserved *ret, const char *key, const char *value, struct err *e)
{
        int r;

        if (streq(key, "cpu"))
                r = quantity_milli(value, &ret->cpu_milli);
        else if (streq(key, "memory"))
                r = quantity_value(value, &ret->memory);
        else if (streq(key, "ephemeral-storage"))
                r = quantity_value(value, &ret->storage);
        else
                return err_set(e, -EINVAL, NULL, "\"%s\" cannot be reserved (cpu, memory, ephemeral-storage)", key);
        return r < 0 ? err_set(e, r, NULL, "%s: \"%s\" is no quantity (100m, 0.5, 200Mi, 1G)", key, value) : 0;
}

/* ---- eviction ---------------------------------------------------------------------------------------------------- */

const char *const eviction_signal_names[EVICTION_SIGNALS] = {
        [SIGNAL_MEMORY] = "memory.available",           [SIGNAL_NODEFS] = "nodefs.available",
        [SIGNAL_NODEFS_INODES] = "nodefs.inodesFree",   [SIGNAL_IMAGEFS] = "imagefs.available",
        [SIGNAL_IMAGEFS_INODES] = "imagefs.inodesFree", [SIGNAL_PIDS] = "pid.available",
};

enum { PERCENT = 1000, WHOLE = 100 * PERCENT }; /* in struct config_amount */

const struct config_eviction config_eviction_default = {
        .hard = { [SIGNAL_MEMORY] = { true, false, 100 << 20 },
                  [SIGNAL_NODEFS] = { true, true, 10 * PERCENT },
                  [SIGNAL_NODEFS_INODES] = { true, true, 5 * PERCENT },
                  [SIGNAL_PIDS] = { true, true, 5 * PERCENT } },
        .transition_usec = UINT64_C(300) * 1000000,
};

static int find_signal(const char *name, size_t *ret, struct err *e)
{
        for (*ret = 0; *ret < EVICTION_SIGNALS; (*ret)++)
                if (streq(name, eviction_signal_names[*ret]))
                        return 0;
        return err_set(e, -EINVAL, NULL, "\"%s\" is nothing that this node looks at", name);
}

/* 0% and 100% switch a threshold off, as with a kubelet. */
static int set_amount(struct config_amount *ret, const char *name, const char *value, struct err *e)
{
        CLEANUP(freep) char *number = xstrdup(value);
        size_t n = strlen(number);
        bool is_part = n > 1 && number[n - 1] == '%';
        uint64_t amount;
        int r;

        if (is_part)
                number[n - 1] = '\0';
        r = is_part ? quantity_milli(number, &amount) : quantity_value(number, &amount);
        if (r < 0 || (is_part && amount > WHOLE))
                return err_set(e, -EINVAL, NULL, "%s: \"%s\" is neither a quantity nor a percentage (100Mi, 10%%)",
                               name, value);
        *ret = (struct config_amount){
                .set = amount > 0 && !(is_part && amount == WHOLE),
                .is_part = is_part,
                .amount = amount,
        };
        return 0;
}

static int set_signal(struct config *c, const struct row *row, const char *name, const char *value, struct err *e)
{
        size_t signal;
        int r = find_signal(name, &signal, e);

        if (r < 0)
                return r;
        if (row->type != GRACES)
                return set_amount((struct config_amount *)place(c, row) + signal, name, value, e);
        r = set_time(&c->eviction.grace_usec[signal], value, e);
        c->eviction.has_grace[signal] = r == 0;
        return r < 0 ? err_prefix(e, "%s: ", name) : 0;
}

static int check_eviction(const struct config_eviction *v, struct err *e)
{
        for (size_t i = 0; i < EVICTION_SIGNALS; i++)
                if (v->soft[i].set && !v->has_grace[i])
                        return err_set(e, -EINVAL, NULL, "--eviction-soft: %s has no --eviction-soft-grace-period",
                                       eviction_signal_names[i]);
        return 0;
}

/* ---- the end of the machine -------------------------------------------------------------------------------------- */

static int parse_integer(const char *s, int64_t least, int64_t most, int64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoll(s, &end, 10);
        return errno || (!isdigit((unsigned char)s[0]) && s[0] != '-') || *end || *ret < least || *ret > most ? -EINVAL
                                                                                                              : 0;
}

static int add_shutdown_class(struct config_shutdown *s, const char *priority, const char *seconds, struct err *e)
{
        struct config_shutdown_class class = { 0 };
        int64_t number;

        if (parse_integer(priority, INT32_MIN, INT32_MAX, &class.priority) < 0)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no priority of pods", priority);
        if (parse_integer(seconds, 0, 24 * 3600, &number) < 0)
                return err_set(e, -EINVAL, NULL, "%s: \"%s\" is no number of seconds, at most a day", priority,
                               seconds);
        class.seconds = (uint64_t)number;
        for (size_t i = 0; i < s->n; i++)
                if (s->classes[i].priority == class.priority)
                        return err_set(e, -EINVAL, NULL, "priority %s is there twice", priority);
        if (s->n == SHUTDOWN_CLASSES_MAX)
                return err_set(e, -EINVAL, NULL, "more than %d priorities", SHUTDOWN_CLASSES_MAX);
        s->classes[s->n++] = class;
        return 0;
}

/* As the kubelet's file has it: {priority: 0, shutdownGracePeriodSeconds: 10}. */
static int set_shutdown_object(struct config_shutdown *s, const cJSON *o, struct err *e)
{
        const cJSON *priority = json_get(o, "priority"), *seconds = json_get(o, "shutdownGracePeriodSeconds");
        CLEANUP(freep) char *p = NULL, *n = NULL;

        if (!cJSON_IsNumber(priority) || !cJSON_IsNumber(seconds))
                return err_set(e, -EINVAL, NULL, "an item has no numbers priority and shutdownGracePeriodSeconds");
        p = cJSON_PrintUnformatted(priority);
        n = cJSON_PrintUnformatted(seconds);
        return add_shutdown_class(s, p ? p : "", n ? n : "", e);
}

/* The kubelet's rules (pkg/kubelet/apis/config/validation). */
static int check_shutdown(const struct config_shutdown *s, struct err *e)
{
        const uint64_t second = 1000000;

        if (s->n && (s->whole_usec || s->critical_usec))
                return err_set(
                        e, -EINVAL, NULL,
                        "--shutdown-grace-period-by-pod-priority and --shutdown-grace-period exclude each other");
        if ((s->whole_usec && s->whole_usec < second) || (s->critical_usec && s->critical_usec < second))
                return err_set(e, -EINVAL, NULL, "--shutdown-grace-period: less than a second is no time");
        if (s->critical_usec > s->whole_usec)
                return err_set(
                        e, -EINVAL, NULL,
                        "--shutdown-grace-period-critical-pods: it is a part of --shutdown-grace-period, and longer");
        return 0;
}

static int add_word(char ***list, const char *s, struct err *e)
{
        size_t n = 0;

        if (s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-*?[]")])
                return err_set(e, -EINVAL, NULL, "\"%s\" is no pattern of names", s);
        while (*list && (*list)[n])
                n++;
        strv_push(list, &n, xstrdup(s));
        return 0;
}

static int set_pair(struct config *c, const struct row *row, const char *key, const char *value, struct err *e)
{
        if (row->type == LABELS)
                return set_label(c, key, value, e);
        if (row->type == RESERVED)
                return set_reserved(place(c, row), key, value, e);
        if (row->type == PRIORITIES)
                return add_shutdown_class(&c->shutdown, key, value, e);
        return set_signal(c, row, key, value, e);
}

static int set_item(struct config *c, const struct row *row, const char *item, struct err *e)
{
        CLEANUP(freep) char *key = xstrdup(item);
        char *equals, sign = row->type == THRESHOLDS ? '<' : '=';

        if (row->type == IPS)
                return add_ip(place(c, row), item, e);
        if (row->type == WORDS)
                return add_word(place(c, row), item, e);
        equals = strchr(key, sign);
        if (!equals)
                return err_set(e, -EINVAL, NULL, "\"%s\" has no \"%c\"", item, sign);
        *equals = '\0';
        return set_pair(c, row, key, equals + 1, e);
}

/* No words would be the same as no setting, and that is the widest of all. */
static int not_empty(struct config *c, const struct row *row, struct err *e)
{
        if (row->type == WORDS && !*(char ***)place(c, row))
                return err_set(e, -EINVAL, NULL, "is empty (\"none\" fits nothing)");
        return 0;
}

static int set_list(struct config *c, const struct row *row, const char *text, struct err *e)
{
        int r = 0;

        for (const char *s = text; r == 0 && *s; s += *s == ',') {
                CLEANUP(freep) char *item = xstrndup(s, strcspn(s, ","));
                s += strlen(item);
                r = item[0] ? set_item(c, row, item, e) : 0;
        }
        return r < 0 ? r : not_empty(c, row, e);
}

static int set(struct config *c, const struct row *row, const char *text, struct err *e)
{
        unsigned long number = 0;
        int r;

        switch (row->type) {
        case BOOL:
                return set_bool(place(c, row), text, e);
        case MODE:
                return set_mode(place(c, row), text, e);
        case FORWARD:
                return set_forward(place(c, row), text, e);
        case TIME:
                return set_time(place(c, row), text, e);
        case PORT:
                r = parse_number(text, UINT16_MAX, &number, e);
                *(uint16_t *)place(c, row) = (uint16_t)number;
                return r;
        case COUNT:
                r = parse_number(text, 1000000, &number, e);
                *(unsigned *)place(c, row) = (unsigned)number;
                return r;
        case PIDS: /* the kubelet's -1 is its "no limit" */
                r = streq(text, "-1") ? 0 : parse_number(text, PIDS_MAX, &number, e);
                *(unsigned *)place(c, row) = (unsigned)number;
                return r;
        case LEVEL:
                return set_level(place(c, row), text, e);
        case NAME:
                return set_name(place(c, row), text, e);
        case STRING: {
                char **string = place(c, row);
                if (!text[0])
                        return err_set(e, -EINVAL, NULL, "is empty");
                free(*string);
                *string = xstrdup(text);
                return 0;
        }
        case IPS:
        case LABELS:
        case RESERVED:
        case WORDS:
        case PRIORITIES:
        case THRESHOLDS:
        case RECLAIM:
        case GRACES:
                return set_list(c, row, text, e);
        }
        return -EINVAL;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int set_json(struct config *c, const struct row *row, const cJSON *v, struct err *e)
{
        const cJSON *item;
        int r = 0;

        if (cJSON_IsString(v))
                return set(c, row, v->valuestring, e);
        if (cJSON_IsBool(v))
                return set(c, row, cJSON_IsTrue(v) ? "true" : "false", e);
        if (cJSON_IsNumber(v)) {
                CLEANUP(freep) char *text = cJSON_PrintUnformatted(v);
                return set(c, row, text ? text : "", e);
        }
        if (cJSON_IsArray(v) && is_list(row->type)) {
                cJSON_ArrayForEach (item, v) {
                        bool is_class = row->type == PRIORITIES && cJSON_IsObject(item);

                        if (is_class && (r = set_shutdown_object(&c->shutdown, item, e)) < 0)
                                return r;
                        if (is_class)
                                continue;
                        if (!cJSON_IsString(item))
                                return err_set(e, -EINVAL, NULL, "an item is no string");
                        if ((r = set_item(c, row, item->valuestring, e)) < 0)
                                return r;
                }
                return not_empty(c, row, e);
        }
        if (cJSON_IsObject(v) && is_map(row->type)) {
                cJSON_ArrayForEach (item, v) {
                        CLEANUP(freep)
                        char *number =
                                cJSON_IsNumber(item) && row->type != LABELS ? cJSON_PrintUnformatted(item) : NULL;
                        const char *value = number ? number : cJSON_GetStringValue(item);
                        /* 1.10 would arrive as 1.1, and true as a truth: a label's value is text. */
                        if (!value)
                                return err_set(e, -EINVAL, NULL, "%s is no string (put it in quotes)", item->string);
                        if ((r = set_pair(c, row, item->string, value, e)) < 0)
                                return r;
                }
                return 0;
        }
        return err_set(e, -EINVAL, NULL, "has the wrong type");
}

static int apply_tree(struct config *c, const cJSON *tree, struct err *e)
{
        const cJSON *v;

        if (cJSON_IsNull(tree)) /* nothing but comments */
                return 0;
        if (!cJSON_IsObject(tree))
                return err_set(e, -EINVAL, NULL, "must have \"field: value\" lines");
        cJSON_ArrayForEach (v, tree) {
                const struct row *row = NULL;

                for (size_t i = 0; i < ARRAY_LEN(rows) && !row; i++)
                        if (rows[i].field && streq(rows[i].field, v->string))
                                row = &rows[i];
                if (!row)
                        return err_set(e, -EINVAL, NULL, "unknown field \"%s\"", v->string);
                if (cJSON_IsNull(v))
                        continue;
                clear_list(c, row); /* what holds unless somebody says otherwise */
                if (set_json(c, row, v, e) < 0)
                        return err_prefix(e, "%s: ", v->string);
        }
        return 0;
}

static int apply_file(struct config *c, const char *path, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        CLEANUP(json_freep) cJSON *tree = NULL;
        size_t size;
        int r = file_read(path, FILE_MAX, &text, &size, e);

        if (r < 0)
                return r;
        r = yaml_parse(text, size, &tree, e);
        if (r == 0)
                r = apply_tree(c, tree, e);
        return r < 0 ? err_prefix(e, "%s: ", path) : 0;
}

/* ---- flags ------------------------------------------------------------------------------------------------------- */

struct given {
        const struct row *row;
        const char *value;
};

/* Fills `given`, which has room for argc. Returns how many. */
static int read_flags(int argc, char **argv, struct given *given, struct err *e)
{
        struct option options[ARRAY_LEN(rows) + 1] = { 0 };
        int n = 0, o, at = 1;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                options[i] =
                        (struct option){ rows[i].flag, rows[i].type == BOOL ? optional_argument : required_argument,
                                         NULL, FLAG_BASE + (int)i };
        opterr = 0;
        optind = 0; /* glibc: begin afresh */
        while ((o = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
                if (o == 'h')
                        given[n++] = (struct given){ &rows[ARRAY_LEN(rows) - 1], "true" };
                else if (o == ':')
                        return err_set(e, -EINVAL, NULL, "%s: needs a value", argv[at]);
                else if (o < FLAG_BASE)
                        return err_set(e, -EINVAL, NULL, "unknown flag %s", argv[at]);
                else
                        given[n++] = (struct given){ &rows[o - FLAG_BASE], optarg ? optarg : "true" };
                at = optind;
        }
        if (optind < argc)
                return err_set(e, -EINVAL, NULL, "unexpected argument \"%s\"", argv[optind]);
        return n;
}

static int apply_flags(struct config *c, const struct given *given, int n, struct err *e)
{
        for (int i = 0; i < n; i++) {
                bool first = true;

                if (streq(given[i].row->flag, "config"))
                        continue;
                for (int k = 0; k < i; k++)
                        first &= given[k].row != given[i].row;
                if (first)
                        clear_list(c, given[i].row);
                if (set(c, given[i].row, given[i].value, e) < 0)
                        return err_prefix(e, "--%s: ", given[i].row->flag);
        }
        return 0;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* The usual place, when there is something. */
static char *if_exists(const char *root, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path);

        return access(full, F_OK) == 0 ? TAKE(full) : NULL;
}

static bool is_address(const char *s)
{
        unsigned char any[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, s, any) == 1 || inet_pton(AF_INET6, s, any) == 1;
}

static int complete(struct config *c, const char *root, const char *hostname, struct err *e)
{
        if (!c->kubeconfig)
                c->kubeconfig = xstrdup("/etc/vks/kubeconfig");
        if (!c->static_path)
                c->static_path = xasprintf("%s/etc/vks/manifests", root);
        if (!c->helper_socket)
                c->helper_socket = xstrdup(WIRE_SOCKET);
        if (!c->node_name && set_name(&c->node_name, hostname, e) < 0)
                return err_prefix(e, "--nodename is not given and the hostname cannot serve: ");
        if (!c->healthz_address)
                c->healthz_address = xstrdup("127.0.0.1");
        if (c->address && !is_address(c->address))
                return err_set(e, -EINVAL, NULL, "--address: \"%s\" is no IP address", c->address);
        if (!is_address(c->healthz_address))
                return err_set(e, -EINVAL, NULL, "--healthz-bind-address: \"%s\" is no IP address", c->healthz_address);
        if (check_eviction(&c->eviction, e) < 0 || check_shutdown(&c->shutdown, e) < 0)
                return -EINVAL;
        if (!c->cert_file != !c->key_file)
                return err_set(e, -EINVAL, NULL, "--certfile and --keyfile go together, and %s is missing",
                               c->cert_file ? "--keyfile" : "--certfile");
        if (!c->cert_dir)
                c->cert_dir = xasprintf("%s/var/lib/vks/pki", root);
        if (c->cert_file)
                c->serving_bootstrap = false; /* what an operator has put there by hand stays */
        if (!c->cert_file && !c->serving_bootstrap) {
                c->cert_file = if_exists(root, "/etc/vks/kubelet-serving.crt");
                c->key_file = if_exists(root, "/etc/vks/kubelet-serving.key");
                if (!c->cert_file || !c->key_file) {
                        free(TAKE(c->cert_file));
                        free(TAKE(c->key_file));
                }
        }
        if (!c->client_ca_file)
                c->client_ca_file = if_exists(root, "/etc/vks/client-ca.crt");
        return 0;
}

int config_new(int argc, char **argv, const char *root, const char *hostname, struct config **ret, struct err *e)
{
        CLEANUP(config_freep) struct config *c = NEW(struct config);
        CLEANUP(freep) struct given *given = xcalloc((size_t)argc + 1, sizeof(*given));
        CLEANUP(freep) char *file = NULL;
        const char *named = NULL;
        int n, r;

        *c = (struct config){
                .node_lease = true,
                .system_log_handler = true,
                .port = 10250,
                .healthz_port = 10248,
                .max_pods = 110,
                .stream_idle_usec = 4 * UINT64_C(3600) * 1000000,
                .log_level = LOG_INFO,
                .eviction = config_eviction_default,
        };
        root = root ? root : "";
        n = read_flags(argc, argv, given, e);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                c->help |= streq(given[i].row->flag, "help");
                c->version |= streq(given[i].row->flag, "version");
                if (streq(given[i].row->flag, "config"))
                        named = given[i].value;
        }
        if (!c->help && !c->version) {
                file = named ? xstrdup(named) : if_exists(root, CONFIG_FILE);
                if ((file && (r = apply_file(c, file, e)) < 0) || (r = apply_flags(c, given, n, e)) < 0 ||
                    (r = complete(c, root, hostname, e)) < 0)
                        return r;
                c->file = TAKE(file);
        }
        *ret = TAKE(c);
        return 0;
}

struct config *config_free(struct config *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (rows[i].type == STRING && rows[i].at != SIZE_MAX)
                        free(*(char **)place(c, &rows[i]));
                else if (rows[i].type != STRING)
                        clear_list(c, &rows[i]);
        }
        free(c->node_name);
        free(c->file);
        free(c);
        return NULL;
}

int config_may_forward(const struct config *c, const char *namespace, struct err *e)
{
        char **patterns = c->port_forward_namespaces;
        bool fits = !patterns;

        for (size_t i = 0; patterns && patterns[i]; i++)
                fits |= fnmatch(patterns[i], namespace, 0) == 0;
        if (c->port_forward == PORT_FORWARD_OFF)
                return err_set(e, -EPERM, NULL, "port-forward is off on this node (portForward in agent.yaml)");
        if (!fits)
                return err_set(e, -EPERM, NULL,
                               "port-forward does not reach namespace %s on this node (portForwardNamespaces in "
                               "agent.yaml)",
                               namespace);
        return 0;
}

void config_help(FILE *f)
{
        fputs("vks-agent: makes this machine a Kubernetes node whose pods are systemd services.\n\n"
              "usage: vks-agent [FLAG]...\n"
              "       vks-agent join ...      once, as root: joins a cluster (vks-agent join --help)\n"
              "       vks-agent leave ...     leaves it\n"
              "       vks-agent image ...     says what an image means here (vks-agent image --help)\n\nFlags:\n",
              f);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *flag =
                        xasprintf("--%s%s%s", rows[i].flag, rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "");

                fprintf(f, "  %-28s %s", flag, rows[i].help);
                if (rows[i].standard)
                        fprintf(f, " (default: %s)", rows[i].standard);
                fputc('\n', f);
        }
        fputs("\nA flag wins over the file. See vks-agent(8).\n", f);
}

/* ---- what holds -------------------------------------------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
        return s ? s : "";
}

static void tell_words(char *const *words, struct buf *ret)
{
        for (size_t i = 0; words && words[i]; i++)
                buf_printf(ret, "%s%s", i ? "," : "", words[i]);
}

static void tell_reserved(const struct config_reserved *r, struct buf *ret)
{
        char text[QUANTITY_TEXT_MAX];
        const char *between = "";

        if (r->cpu_milli) {
                quantity_milli_text(r->cpu_milli, text);
                buf_printf(ret, "cpu=%s", text);
                between = ",";
        }
        if (r->memory) {
                quantity_bytes_text(r->memory, text);
                buf_printf(ret, "%smemory=%s", between, text);
                between = ",";
        }
        if (r->storage) {
                quantity_bytes_text(r->storage, text);
                buf_printf(ret, "%sephemeral-storage=%s", between, text);
        }
}

void config_amount_text(const struct config_amount *a, char ret[32])
{
        if (a->is_part)
                snprintf(ret, 32, "%g%%", (double)a->amount / PERCENT);
        else if (a->amount % 1024)
                snprintf(ret, 32, "%" PRIu64, a->amount);
        else
                quantity_bytes_text(a->amount, ret);
}

static void tell_amounts(const struct config_amount *list, char sign, struct buf *ret)
{
        char text[32];

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                if (!list[i].set)
                        continue;
                config_amount_text(&list[i], text);
                buf_printf(ret, "%s%s%c%s", ret->len ? "," : "", eviction_signal_names[i], sign, text);
        }
}

static void tell_graces(const struct config_eviction *v, struct buf *ret)
{
        char text[64];

        for (size_t i = 0; i < EVICTION_SIGNALS; i++) {
                if (!v->has_grace[i])
                        continue;
                config_duration_text(v->grace_usec[i], text);
                buf_printf(ret, "%s%s=%s", ret->len ? "," : "", eviction_signal_names[i], text);
        }
}

static void tell_value(const struct config *c, const struct row *row, struct buf *ret)
{
        const void *at = row->at == SIZE_MAX ? &c->file : (const void *)((const char *)c + row->at);
        char text[64];

        switch (row->type) {
        case STRING:
        case NAME:
                buf_str(ret, or_empty(*(char *const *)at));
                break;
        case BOOL:
                buf_str(ret, *(const bool *)at ? "true" : "false");
                break;
        case MODE:
                buf_str(ret, *(const bool *)at ? "AlwaysAllow" : "Webhook");
                break;
        case FORWARD:
                buf_str(ret, forward_words[*(const enum config_port_forward *)at]);
                break;
        case PORT:
                buf_printf(ret, "%u", *(const uint16_t *)at);
                break;
        case COUNT:
                buf_printf(ret, "%u", *(const unsigned *)at);
                break;
        case PIDS:
                if (*(const unsigned *)at)
                        buf_printf(ret, "%u", *(const unsigned *)at);
                else
                        buf_str(ret, "-1");
                break;
        case TIME:
                config_duration_text(*(const uint64_t *)at, text);
                buf_str(ret, text);
                break;
        case LEVEL:
                for (size_t i = 0; i < ARRAY_LEN(levels); i++)
                        if (levels[i].level == *(const int *)at)
                                buf_str(ret, levels[i].name);
                break;
        case IPS:
        case WORDS:
                tell_words(*(char *const *const *)at, ret);
                break;
        case LABELS:
                for (size_t i = 0; i < c->n_labels; i++)
                        buf_printf(ret, "%s%s=%s", i ? "," : "", c->labels[i].key, c->labels[i].value);
                break;
        case RESERVED:
                tell_reserved(at, ret);
                break;
        case THRESHOLDS:
                tell_amounts(at, '<', ret);
                break;
        case RECLAIM:
                tell_amounts(at, '=', ret);
                break;
        case GRACES:
                tell_graces(at, ret);
                break;
        case PRIORITIES:
                for (size_t i = 0; i < c->shutdown.n; i++)
                        buf_printf(ret, "%s%lld=%llu", i ? "," : "", (long long)c->shutdown.classes[i].priority,
                                   (unsigned long long)c->shutdown.classes[i].seconds);
                break;
        }
}

static int by_flag(const void *a, const void *b)
{
        return strcmp((*(const struct row *const *)a)->flag, (*(const struct row *const *)b)->flag);
}

void config_tell(const struct config *c, void (*tell)(void *userdata, const char *flag, const char *value),
                 void *userdata)
{
        const struct row *sorted[ARRAY_LEN(rows)];

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                sorted[i] = &rows[i];
        qsort(sorted, ARRAY_LEN(sorted), sizeof(sorted[0]), by_flag);
        for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
                CLEANUP(buf_done) struct buf value = BUF(FILE_MAX);

                tell_value(c, sorted[i], &value);
                tell(userdata, sorted[i]->flag, value.data ? value.data : "");
        }
}
