/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "common/buf.h"
#include "common/mem.h"

static int try(struct config **ret, struct err *e, const char *const *flags)
{
        char *argv[32] = { (char *)"vks-agent" };
        int argc = 1;

        for (; flags && flags[argc - 1]; argc++)
                argv[argc] = (char *)flags[argc - 1];
        return config_new(argc, argv, "/nonexistent", "Machine.Example", ret, e);
}

#define FLAGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct config *good(const char *const *flags)
{
        struct config *c = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(try(&c, &e, flags), 0, "%s", e.text);
        return c;
}

static void bad(const char *const *flags, const char *words)
{
        struct config *c = NULL;
        struct err e = ERR_NONE;

        cr_expect_lt(try(&c, &e, flags), 0, "%s", words);
        cr_expect_null(c);
        cr_expect_not_null(strstr(e.text, words), "\"%s\" is not in \"%s\"", words, e.text);
}

/* The caller unlinks and frees the path. */
static char *file(const char *text)
{
        char *path = xstrdup("/tmp/vks-config-XXXXXX");
        int fd = mkstemp(path);

        cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
        return path;
}

static void unlink_path(char **p)
{
        unlink(*p);
        free(*p);
}
#define FILE_OF(name, text) CLEANUP(unlink_path) char *name = file(text)

Test(config, without_flags_has_the_documented_defaults)
{
        CLEANUP(config_freep) struct config *c = good(NULL);

        cr_assert_str_eq(c->kubeconfig, "/etc/vks/kubeconfig");
        cr_assert_str_eq(c->node_name, "machine.example");
        cr_assert_str_eq(c->helper_socket, "/run/vks/helper.sock");
        cr_assert(!c->always_allow, "the API server says who may");
        cr_assert(c->node_lease && !c->disable_taint && !c->dry_run && !c->help && !c->version);
        cr_assert(c->port == 10250 && c->max_pods == 110 && c->log_level == LOG_INFO && c->n_labels == 0);
        cr_assert(!c->cert_file && !c->key_file && !c->client_ca_file && !c->node_ips && !c->address &&
                  !c->package_labels);
        cr_assert(c->port_forward == PORT_FORWARD_POD_PORTS && !c->port_forward_namespaces);
}

Test(config, of_port_forward_decides_by_rule_and_namespace)
{
        FILE_OF(f, "portForward: AnyPort\nportForwardNamespaces: [default, team-*]\n");
        CLEANUP(config_freep) struct config *all = good(NULL), *some = good(FLAGS("--config", f));
        FILE_OF(f_off, "portForward: Off\n");
        CLEANUP(config_freep) struct config *off = good(FLAGS("--config", f_off));
        CLEANUP(config_freep) struct config *none = good(FLAGS("--port-forward-namespaces=none"));
        CLEANUP(config_freep) struct config *pods = good(FLAGS("--config", f, "--port-forward", "PodPorts"));
        struct err e = ERR_NONE;

        cr_assert_eq(config_may_forward(all, "kube-system", &e), 0);
        cr_assert_eq(some->port_forward, PORT_FORWARD_ANY_PORT);
        cr_assert_eq(config_may_forward(some, "default", &e), 0);
        cr_assert_eq(config_may_forward(some, "team-a", &e), 0);
        cr_assert_eq(config_may_forward(some, "team", &e), -EPERM);
        cr_assert(strstr(e.text, "portForwardNamespaces"), "%s", e.text);
        cr_assert_eq(config_may_forward(off, "default", &e), -EPERM);
        cr_assert(strstr(e.text, "portForward in"), "%s", e.text);
        cr_assert_eq(config_may_forward(none, "default", &e), -EPERM);
        cr_assert_eq(pods->port_forward, PORT_FORWARD_POD_PORTS);
}

Test(config, the_idle_limit_is_a_duration)
{
        static const struct {
                const char *text;
                uint64_t usec; /* UINT64_MAX: refused */
        } table[] = {
                { "4h", UINT64_C(14400000000) },
                { "4h0m0s", UINT64_C(14400000000) },
                { "1h30m", UINT64_C(5400000000) },
                { "90s", 90000000 },
                { "1.5s", 1500000 },
                { "100ms", 100000 },
                { "1m", 60000000 },
                { "7us", 7 },
                { "0", 0 },
                { "0s", 0 },
                { "8760h", UINT64_C(31536000000000) },
                { "8761h", UINT64_MAX },
                { "99999999999999h", UINT64_MAX },
                { "999999999999999999999999h", UINT64_MAX },
                { "", UINT64_MAX },
                { "4", UINT64_MAX },
                { "-4h", UINT64_MAX },
                { "h", UINT64_MAX },
                { "4 h", UINT64_MAX },
                { "4h ", UINT64_MAX },
                { "4d", UINT64_MAX },
                { "1.2.3s", UINT64_MAX },
                { "1.s", UINT64_MAX },
                { "4h30", UINT64_MAX },
                { "0x4h", UINT64_MAX },
                { "infh", UINT64_MAX },
        };
        FILE_OF(f, "streamingConnectionIdleTimeout: 90s\n");
        CLEANUP(config_freep) struct config *none = good(NULL), *some = good(FLAGS("--config", f));
        CLEANUP(config_freep)
        struct config *flag = good(FLAGS("--config", f, "--streaming-connection-idle-timeout=0"));

        cr_assert_eq(none->stream_idle_usec, UINT64_C(4) * 3600 * 1000000);
        cr_assert_eq(some->stream_idle_usec, 90000000);
        cr_assert_eq(flag->stream_idle_usec, 0);
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                uint64_t usec = 1;
                int r = config_parse_duration(table[i].text, &usec);

                cr_assert_eq(r, table[i].usec == UINT64_MAX ? -EINVAL : 0, "\"%s\"", table[i].text);
                cr_assert(r < 0 || usec == table[i].usec, "\"%s\": %llu", table[i].text, (unsigned long long)usec);
        }
}

Test(config, takes_both_forms_of_a_flag)
{
        CLEANUP(config_freep)
        struct config *c = good(FLAGS("--kubeconfig", "/k", "--nodename=N1", "--enable-node-lease", "--disable-taint",
                                      "--certfile=/c", "--keyfile", "/p", "--client-ca-file=/ca", "--port=0",
                                      "--address", "::1", "--max-pods", "500", "--log-level=debug",
                                      "--helper-socket=/s", "--dry-run", "--pod-manifest-path=/m",
                                      "--cluster-domain=Example.org", "--authorization-mode=AlwaysAllow"));

        cr_assert_str_eq(c->kubeconfig, "/k");
        cr_assert_str_eq(c->node_name, "n1");
        cr_assert_str_eq(c->cert_file, "/c");
        cr_assert_str_eq(c->key_file, "/p");
        cr_assert_str_eq(c->client_ca_file, "/ca");
        cr_assert_str_eq(c->address, "::1");
        cr_assert_str_eq(c->helper_socket, "/s");
        cr_assert_str_eq(c->static_path, "/m");
        cr_assert_str_eq(c->cluster_domain, "example.org");
        cr_assert(c->node_lease && c->disable_taint && c->port == 0 && c->max_pods == 500 &&
                  c->log_level == LOG_DEBUG && c->dry_run && c->always_allow);
}

Test(config, lists_come_by_commas_and_by_repetition)
{
        CLEANUP(config_freep)
        struct config *c =
                good(FLAGS("--node-ip=10.0.0.1", "--node-ip", "fd00::1", "--node-external-ip=203.0.113.7,2001:db8::7",
                           "--node-labels=a=1,b=", "--node-labels", "example.org/role=dns",
                           "--kube-reserved=cpu=100m,memory=200Mi", "--system-reserved=cpu=0.5",
                           "--system-reserved=ephemeral-storage=1G", "--enable-node-lease=false",
                           "--package-labels=services,lib*", "--package-labels", "g++"));

        cr_assert(streq(c->node_ips[0], "10.0.0.1") && streq(c->node_ips[1], "fd00::1") && !c->node_ips[2]);
        cr_assert(streq(c->external_ips[1], "2001:db8::7"));
        cr_assert(c->n_labels == 3 && streq(c->labels[1].value, "") && streq(c->labels[2].key, "example.org/role"));
        cr_assert(c->kube_reserved.cpu_milli == 100 && c->kube_reserved.memory == 200 << 20);
        cr_assert(c->system_reserved.cpu_milli == 500 && c->system_reserved.storage == 1000000000);
        cr_assert_not(c->node_lease);
        cr_assert(streq(c->package_labels[0], "services") && streq(c->package_labels[1], "lib*") &&
                  streq(c->package_labels[2], "g++") && !c->package_labels[3]);
}

Test(config, the_file_has_the_kubelets_names)
{
        FILE_OF(f, "# mine\nkubeconfig: /k\nnodeName: n2\nenableNodeLease: false\ndisableTaint: true\ntlsCertFile: "
                   "/c\ntlsPrivateKeyFile: /p\n"
                   "clientCAFile: /ca\nport: 10251\naddress: 127.0.0.1\nmaxPods: 20\nnodeIP: [10.0.0.1, "
                   "'fd00::1']\nnodeExternalIP: 192.0.2.1\n"
                   "nodeLabels: {a: \"1.10\", b: x}\nkubeReserved: {cpu: 1, memory: 1Gi}\nsystemReserved: {cpu: "
                   "200m}\nstaticPodPath: /m\nhelperSocket: /s\nlogLevel: error\npackageLabels: "
                   "[none]\nauthorizationMode: AlwaysAllow\nclusterDomain: k8s.example\n");
        CLEANUP(config_freep) struct config *c = good(FLAGS("--config", f));

        cr_assert_str_eq(c->node_name, "n2");
        cr_assert_str_eq(c->static_path, "/m");
        cr_assert_str_eq(c->cluster_domain, "k8s.example");
        cr_assert(!c->node_lease && c->disable_taint && c->port == 10251 && c->max_pods == 20 &&
                  c->log_level == LOG_ERR && c->always_allow);
        cr_assert(streq(c->node_ips[1], "fd00::1") && streq(c->external_ips[0], "192.0.2.1") &&
                  streq(c->labels[0].value, "1.10"));
        cr_assert(c->kube_reserved.cpu_milli == 1000 && c->kube_reserved.memory == 1 << 30 &&
                  c->system_reserved.cpu_milli == 200);
        cr_assert(streq(c->package_labels[0], "none") && !c->package_labels[1]);
}

Test(config, a_flag_wins_over_the_file_and_replaces_lists)
{
        FILE_OF(f, "nodeName: n2\nport: 1\nnodeLabels: {a: x}\nnodeIP: 10.0.0.1\n");
        CLEANUP(config_freep)
        struct config *c = good(
                FLAGS("--nodename=n3", "--node-labels=b=1", "--node-ip=10.0.0.2", "--config", f, "--node-labels=c=2"));

        cr_assert_str_eq(c->node_name, "n3");
        cr_assert(c->port == 1 && c->n_labels == 2 && streq(c->labels[0].key, "b") && streq(c->labels[1].key, "c"));
        cr_assert(streq(c->node_ips[0], "10.0.0.2") && !c->node_ips[1]);
}

static void expect_amount(const struct config_amount *a, bool set, bool is_part, uint64_t amount)
{
        cr_expect(a->set == set && (!set || (a->is_part == is_part && a->amount == amount)), "%d %d %llu", a->set,
                  a->is_part, (unsigned long long)a->amount);
}

Test(config, thresholds)
{
        FILE_OF(f, "evictionHard: {memory.available: 200Mi, nodefs.available: 5.5%, pid.available: 100}\n"
                   "evictionSoft: {imagefs.inodesFree: 0%, imagefs.available: 100%, memory.available: 1G}\n"
                   "evictionSoftGracePeriod: {memory.available: 1m30s}\nevictionMaxPodGracePeriod: 60\n"
                   "evictionMinimumReclaim: {nodefs.available: 1Gi}\nevictionPressureTransitionPeriod: 30s\n");
        CLEANUP(config_freep)
        struct config *none = good(FLAGS("--port=1")), *file = good(FLAGS("--config", f)),
                      *flags = good(FLAGS("--config", f, "--eviction-hard=memory.available<10%,nodefs.inodesFree<7",
                                          "--eviction-hard", "pid.available<2", "--eviction-soft=pid.available<3",
                                          "--eviction-soft-grace-period=pid.available=5s",
                                          "--eviction-minimum-reclaim=pid.available=1"));

        expect_amount(&none->eviction.hard[SIGNAL_MEMORY], true, false, 100 << 20);
        expect_amount(&none->eviction.hard[SIGNAL_NODEFS], true, true, 10000);
        expect_amount(&none->eviction.hard[SIGNAL_IMAGEFS], false, false, 0);
        cr_expect_eq(none->eviction.transition_usec, 300000000);

        expect_amount(&file->eviction.hard[SIGNAL_MEMORY], true, false, 200 << 20);
        expect_amount(&file->eviction.hard[SIGNAL_NODEFS], true, true, 5500);
        expect_amount(&file->eviction.hard[SIGNAL_PIDS], true, false, 100);
        expect_amount(&file->eviction.hard[SIGNAL_NODEFS_INODES], false, false, 0); /* all of them are said at once */
        expect_amount(&file->eviction.soft[SIGNAL_MEMORY], true, false, 1000000000);
        expect_amount(&file->eviction.soft[SIGNAL_IMAGEFS], false, false, 0);
        expect_amount(&file->eviction.soft[SIGNAL_IMAGEFS_INODES], false, false, 0);
        expect_amount(&file->eviction.reclaim[SIGNAL_NODEFS], true, false, 1 << 30);
        cr_expect_eq(file->eviction.grace_usec[SIGNAL_MEMORY], 90000000);
        cr_expect_eq(file->eviction.max_grace_s, 60);
        cr_expect_eq(file->eviction.transition_usec, 30000000);

        expect_amount(&flags->eviction.hard[SIGNAL_MEMORY], true, true, 10000);
        expect_amount(&flags->eviction.hard[SIGNAL_NODEFS_INODES], true, false, 7);
        expect_amount(&flags->eviction.hard[SIGNAL_PIDS], true, false, 2);
        expect_amount(&flags->eviction.hard[SIGNAL_NODEFS], false, false, 0);
        expect_amount(&flags->eviction.soft[SIGNAL_MEMORY], false, false, 0);
        expect_amount(&flags->eviction.soft[SIGNAL_PIDS], true, false, 3);
        expect_amount(&flags->eviction.reclaim[SIGNAL_NODEFS], false, false, 0);
        cr_expect(flags->eviction.has_grace[SIGNAL_PIDS] && !flags->eviction.has_grace[SIGNAL_MEMORY]);
}

static void keep_eviction(void *userdata, const char *flag, const char *value)
{
        char *text = userdata;
        size_t len = strlen(text);

        if (starts_with(flag, "eviction-"))
                snprintf(text + len, 1000 - len, "%s %s; ", flag + strlen("eviction-"), value);
}

Test(config, thresholds_are_told_as_one_would_write_them)
{
        char text[1000] = "";
        CLEANUP(config_freep)
        struct config *c = good(FLAGS("--eviction-hard=memory.available<10.5%,nodefs.inodesFree<7",
                                      "--eviction-soft=memory.available<1Gi,pid.available<3",
                                      "--eviction-soft-grace-period=pid.available=5s,memory.available=1m30s",
                                      "--eviction-minimum-reclaim=memory.available=1Mi"));

        config_tell(c, keep_eviction, text);
        cr_expect_str_eq(text,
                         "hard memory.available<10.5%,nodefs.inodesFree<7; max-pod-grace-period 0; minimum-reclaim "
                         "memory.available=1Mi; pressure-transition-period 5m0s; soft "
                         "memory.available<1Gi,pid.available<3; soft-grace-period "
                         "memory.available=1m30s,pid.available=5s; ",
                         "%s", text);
}

Test(config, the_end_of_the_machine)
{
        FILE_OF(times, "shutdownGracePeriod: 30s\nshutdownGracePeriodCriticalPods: 10s\n");
        FILE_OF(classes, "shutdownGracePeriodByPodPriority:\n- {priority: 100, shutdownGracePeriodSeconds: 20}\n"
                         "- priority: -5\n  shutdownGracePeriodSeconds: 0\n");
        CLEANUP(config_freep)
        struct config *file = good(FLAGS("--config", times)), *list = good(FLAGS("--config", classes)),
                      *flags = good(FLAGS("--config", classes, "--shutdown-grace-period-by-pod-priority=7=1,-8=2"));

        cr_expect_eq(file->shutdown.whole_usec, 30000000);
        cr_expect_eq(file->shutdown.critical_usec, 10000000);
        cr_assert_eq(list->shutdown.n, 2);
        cr_expect_eq(list->shutdown.classes[0].priority, 100);
        cr_expect_eq(list->shutdown.classes[0].seconds, 20);
        cr_expect_eq(list->shutdown.classes[1].priority, -5);
        cr_expect_eq(list->shutdown.classes[1].seconds, 0);
        cr_assert_eq(flags->shutdown.n, 2);
        cr_expect_eq(flags->shutdown.classes[1].priority, -8);
        bad(FLAGS("--shutdown-grace-period=10s", "--shutdown-grace-period-by-pod-priority=0=1"), "--shutdown-grace-");
        bad(FLAGS("--shutdown-grace-period=1s", "--shutdown-grace-period-critical-pods=2s"), "--shutdown-grace-");
        bad(FLAGS("--shutdown-grace-period=500ms"), "--shutdown-grace-period: ");
        bad(FLAGS("--shutdown-grace-period-by-pod-priority=0=1,0=2"), "--shutdown-grace-period-by-pod-priority: ");
        bad(FLAGS("--shutdown-grace-period-by-pod-priority=x=1"), "--shutdown-grace-period-by-pod-priority: ");
        bad(FLAGS("--shutdown-grace-period-by-pod-priority=0=-1"), "--shutdown-grace-period-by-pod-priority: ");
        bad(FLAGS("--shutdown-grace-period-by-pod-priority=99999999999=1"),
            "--shutdown-grace-period-by-pod-priority: ");
}

Test(config, a_file_of_comments_says_nothing)
{
        FILE_OF(f, "# port: 1\n\n");
        CLEANUP(config_freep) struct config *c = good(FLAGS("--config", f));

        cr_assert_eq(c->port, 10250);
}

Test(config, errors_name_the_flag)
{
        bad(FLAGS("--port=70000"), "--port: \"70000\"");
        bad(FLAGS("--port="), "--port: ");
        bad(FLAGS("--max-pods=-1"), "--max-pods: ");
        bad(FLAGS("--nodename", "a_b"), "--nodename: \"a_b\"");
        bad(FLAGS("--enable-node-lease=yes"), "--enable-node-lease: ");
        bad(FLAGS("--authorization-mode=alwaysallow"), "--authorization-mode: \"alwaysallow\"");
        bad(FLAGS("--authorization-mode="), "--authorization-mode: ");
        bad(FLAGS("--port-forward=podports"), "--port-forward: \"podports\"");
        bad(FLAGS("--port-forward="), "--port-forward: ");
        bad(FLAGS("--port-forward-namespaces=a_b"), "--port-forward-namespaces: \"a_b\"");
        bad(FLAGS("--port-forward-namespaces="), "--port-forward-namespaces: is empty");
        bad(FLAGS("--kubeconfig="), "--kubeconfig: ");
        bad(FLAGS("--kubeconfig"), "--kubeconfig: needs a value");
        bad(FLAGS("--bogus=1"), "unknown flag --bogus=1");
        bad(FLAGS("--port", "1", "-x"), "unknown flag -x");
        bad(FLAGS("--port", "1", "extra"), "unexpected argument \"extra\"");
        bad(FLAGS("--address=nowhere"), "--address: ");
        bad(FLAGS("--certfile=/c"), "--keyfile is missing");
        bad(FLAGS("--log-level=loud"), "--log-level: ");
        bad(FLAGS("--node-ip=127.0.0.1"), "--node-ip: 127.0.0.1");
        bad(FLAGS("--node-ip=fe80::1"), "--node-ip: fe80::1");
        bad(FLAGS("--node-ip=10.0.0.1,10.0.0.2"), "same family");
        bad(FLAGS("--node-labels=a"), "--node-labels: \"a\" has no \"=\"");
        bad(FLAGS("--node-labels=a=1,a=2"), "label a is given twice");
        bad(FLAGS("--node-labels=node-role.kubernetes.io/x="), "--node-labels: label node-role.kubernetes.io/x");
        bad(FLAGS("--kube-reserved=gpu=1"), "--kube-reserved: \"gpu\"");
        bad(FLAGS("--kube-reserved=cpu=lots"), "--kube-reserved: cpu: \"lots\"");
        bad(FLAGS("--eviction-hard=memory.available=1Mi"), "--eviction-hard: \"memory.available=1Mi\" has no \"<\"");
        bad(FLAGS("--eviction-hard=memory.free<1Mi"), "--eviction-hard: \"memory.free\" is nothing that");
        bad(FLAGS("--eviction-hard=memory.available<101%"), "--eviction-hard: memory.available: \"101%\"");
        bad(FLAGS("--eviction-hard=memory.available<%"), "--eviction-hard: memory.available: \"%\"");
        bad(FLAGS("--eviction-hard=memory.available<-1"), "--eviction-hard: memory.available: \"-1\"");
        bad(FLAGS("--eviction-soft=memory.available<1Gi"), "memory.available has no --eviction-soft-grace-period");
        bad(FLAGS("--eviction-soft-grace-period=memory.available=1"), "memory.available: \"1\" is no duration");
        bad(FLAGS("--package-labels=A b"), "--package-labels: \"A b\" is no pattern");
        bad(FLAGS("--config=/nonexistent/agent.yaml"), "/nonexistent/agent.yaml");
}

Test(config, errors_name_the_field)
{
        static const struct {
                const char *text, *words;
        } table[] = {
                { "portt: 1\n", ": unknown field \"portt\"" },
                { "port: [1]\n", ": port: has the wrong type" },
                { "port: x\n", ": port: \"x\"" },
                { "nodeLabels: {a: 1.10}\n", ": nodeLabels: a is no string" },
                { "nodeLabels: {a: true}\n", "a is no string" },
                { "nodeIP: [1]\n", ": nodeIP: an item is no string" },
                { "- a\n", "lines" },
                { "dry-run: true\n", "unknown field" },
                { "systemReserved: {cpu: []}\n", "cpu is no string" },
                { "portForward: yes\n", ": portForward: \"yes\" is none of" },
                { "portForward: true\n", ": portForward: \"true\" is none of" },
                { "streamingConnectionIdleTimeout: 4\n", ": streamingConnectionIdleTimeout: \"4\" is no duration" },
                { "streamingConnectionIdleTimeout: [4h]\n", ": streamingConnectionIdleTimeout: has the wrong type" },
                { "portForwardNamespaces: []\n", ": portForwardNamespaces: is empty" },
                { "portForwardNamespaces: {a: b}\n", ": portForwardNamespaces: has the wrong type" },
                { "enableNodeLease: 1\n", ": enableNodeLease: \"1\"" },
                { "evictionHard: {memory.available: true}\n", ": evictionHard: memory.available is no string" },
                { "evictionHard: 5\n", ": evictionHard: \"5\" has no" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                FILE_OF(f, table[i].text);
                bad(FLAGS("--config", f), table[i].words);
                bad(FLAGS("--config", f), f);
        }
}

/* What a hand has put there stays, where it was named. */
Test(config, who_keeps_the_certificates)
{
        static const struct {
                const char *text;
                bool client, serving;
                const char *cert;
        } table[] = {
                { "{}", false, false, NULL },
                { "rotateCertificates: true", true, false, NULL },
                { "serverTLSBootstrap: true", false, true, NULL },
                { "serverTLSBootstrap: true\ntlsCertFile: /c\ntlsPrivateKeyFile: /k", false, false, "/c" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                FILE_OF(f, table[i].text);
                CLEANUP(config_freep) struct config *c = good(FLAGS("--config", f));

                cr_expect_eq(c->rotate_client, table[i].client, "%s", table[i].text);
                cr_expect_eq(c->serving_bootstrap, table[i].serving, "%s", table[i].text);
                cr_expect(ends_with(c->cert_dir, "/var/lib/vks/pki"));
                cr_expect(streq(c->cert_file, table[i].cert), "%s", table[i].text);
        }
        CLEANUP(config_freep)
        struct config *c = good(FLAGS("--rotate-certificates", "--rotate-server-certificates=true", "--cert-dir=/d"));
        cr_expect(c->rotate_client && c->serving_bootstrap);
        cr_expect_str_eq(c->cert_dir, "/d");
}

Test(config, certificates_are_looked_for_at_the_usual_place)
{
        char root[] = "/tmp/vks-root-XXXXXX";
        char *argv[] = { (char *)"vks-agent", NULL };
        static const char *const names[] = { "/etc", "/etc/vks", "/etc/vks/kubelet-serving.crt",
                                             "/etc/vks/kubelet-serving.key", "/etc/vks/client-ca.crt" };
        struct config *c = NULL;

        cr_assert_not_null(mkdtemp(root));
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(freep) char *path = xasprintf("%s%s", root, names[i]);
                cr_assert_eq(mkdir(path, 0700), 0);
                cr_assert_eq(config_new(1, argv, root, "host", &c, NULL), 0);
                /* A certificate is of no use without its key. */
                cr_expect_eq(c->cert_file != NULL, i >= 3);
                cr_expect_eq(c->key_file != NULL, i >= 3);
                cr_expect_eq(c->client_ca_file != NULL, i >= 4);
                c = config_free(c);
        }
        for (size_t i = ARRAY_LEN(names); i-- > 0;) {
                CLEANUP(freep) char *path = xasprintf("%s%s", root, names[i]);
                rmdir(path);
        }
        rmdir(root);
}

Test(config, help_needs_nothing_else_to_be_right)
{
        CLEANUP(config_freep) struct config *c = good(FLAGS("--config=/nonexistent", "--port=x", "-h"));
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        cr_assert(c->help);
        config_help(f);
        fclose(f);
        cr_assert_not_null(
                strstr(text, "  --port N                     port of the kubelet API; 0: none (default: 10250)\n"),
                "%s", text);
}

static const struct {
        const char *key, *value;
        int want;
} label_table[] = {
        { "role", "dns", 0 },
        { "example.org/role", "", 0 },
        { "node.kubernetes.io/instance-type", "small", 0 },
        { "x.node.kubernetes.io/a", "1", 0 },
        { "kubelet.kubernetes.io/a", "1", 0 },
        { "topology.kubernetes.io/zone", "a", 0 },
        { "kubernetes.io.example.org/a", "1", 0 },
        { "kubernetes.io/os", "linux", -EPERM },
        { "kubernetes.io/role", "x", -EPERM },
        { "node-role.kubernetes.io/worker", "", -EPERM },
        { "node-restriction.kubernetes.io/a", "1", -EPERM },
        { "a.node-restriction.kubernetes.io/a", "1", -EPERM },
        { "foo.k8s.io/a", "1", -EPERM },
        { "k8s.io/a", "1", -EPERM },
        { "", "1", -EINVAL },
        { "-a", "1", -EINVAL },
        { "a/b/c", "1", -EINVAL },
        { "/a", "1", -EINVAL },
        { "a", "x y", -EINVAL },
        { "a", "-", -EINVAL },
        { "A_b.c", "A_b.c", 0 },
};

Test(config, labels_are_those_a_node_may_set)
{
        for (size_t i = 0; i < ARRAY_LEN(label_table); i++) {
                struct err e = ERR_NONE;
                cr_expect_eq(config_label_check(label_table[i].key, label_table[i].value, &e), label_table[i].want,
                             "%s: %s", label_table[i].key, e.text);
        }
}
