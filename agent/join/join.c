/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/join.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/certs/csr.h"
#include "agent/certs/store.h"
#include "agent/client/api.h"
#include "agent/join/cluster.h"
#include "agent/join/joining.h"
#include "agent/join/node_of.h"
#include "agent/join/settings.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/node/node_status.h"
#include "common/file.h"
#include "common/mem.h"

#define USEC       UINT64_C(1000000)
#define WRITTEN_BY "# Written by `vks-agent join`."
#define KUBECONFIG "kubeconfig"
#define CLIENT_CA  "client-ca.crt"

enum {
        FILE_MAX = 256 * 1024,
        SETTINGS_N_MAX = 8,
        READY_POLL_USEC = 500 * 1000,
        TELL_USEC = 10 * 1000 * 1000,
        SERVING_POLLS = 10
};

void joining_done(struct joining *j)
{
        config_free(TAKE(j->config));
        kubeconfig_free(TAKE(j->admin));
        kubeconfig_free(TAKE(j->who));
        cert_wipe(TAKE(j->client_text));
        cert_wipe(TAKE(j->serving_text));
        cert_wipe(TAKE(j->word));
        free(TAKE(j->client_ca));
        free(TAKE(j->signer));
}

void join_say(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
        fflush(stdout);
}

void join_warn(const char *fmt, ...)
{
        va_list ap;

        fputs("vks-agent: warning: ", stderr);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
}

/* ---- this machine ------------------------------------------------------------------------------------------------ */

int joining_read_machine(struct joining *j, struct err *e)
{
        char *arguments[] = { (char *)"vks-agent", (char *)"--nodename", j->options->node_name, NULL };
        const char *a;
        size_t n = 0;
        int r = machine_look(&j->machine, e);

        if (r == 0)
                r = facts_read("", NULL, &j->facts, e);
        if (r == 0)
                r = config_new(j->options->node_name ? 3 : 1, arguments, "", j->facts.hostname, &j->config, e);
        if (r == 0 && !streq(j->config->kubeconfig, MACHINE_ETC "/" KUBECONFIG))
                r = err_set(e, -EEXIST, NULL,
                            MACHINE_ETC "/" MACHINE_CONFIG " says kubeconfig: %s, and joining writes " MACHINE_ETC
                                        "/" KUBECONFIG,
                            j->config->kubeconfig);
        if (r < 0)
                return r;
        j->node = j->config->node_name;
        j->hostname = *j->facts.hostname ? j->facts.hostname : j->node;
        for (size_t i = 0; n < JOINING_ADDRESSES_MAX && (a = node_address(j->config, &j->facts, i)); i++)
                j->ips[n++] = a;
        for (char **x = j->config->external_ips; x && *x && n < JOINING_ADDRESSES_MAX; x++)
                j->ips[n++] = *x;
        return n > 0 ? 0
                     : err_set(e, -ENETUNREACH, NULL,
                               "this machine has no address that others could reach it by (nodeIP in agent.yaml)");
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *kubeconfig_text(const struct joining *j)
{
        const struct kubeconfig *who = j->who;
        CLEANUP(freep) char *ca = NULL, *name = NULL, *encoded = NULL;

        if (who->ca_pem) {
                encoded = xcalloc(strlen(who->ca_pem) / 3 * 4 + 5, 1);
                EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)who->ca_pem, (int)strlen(who->ca_pem));
                ca = xasprintf("    certificate-authority-data: %s\n", encoded);
        }
        if (who->server_name)
                name = xasprintf("    tls-server-name: %s\n", who->server_name);
        return xasprintf(WRITTEN_BY "\n"
                                    "apiVersion: v1\n"
                                    "kind: Config\n"
                                    "clusters:\n"
                                    "- name: cluster\n"
                                    "  cluster:\n"
                                    "    server: %s\n"
                                    "%s%s"
                                    "users:\n"
                                    "- name: node\n"
                                    "  user:\n"
                                    "    client-certificate: " CERT_STORE_DIR "/" CERT_CLIENT "\n"
                                    "    client-key: " CERT_STORE_DIR "/" CERT_CLIENT "\n"
                                    "contexts:\n"
                                    "- name: node\n"
                                    "  context:\n"
                                    "    cluster: cluster\n"
                                    "    user: node\n"
                                    "current-context: node\n",
                         who->server, ca ?: "", name ?: "");
}

/* What an operator made by hand gets a second name before it is replaced. */
static int keep_by_hand(struct err *e)
{
        static const char *const names[] = { KUBECONFIG, CLIENT_CA };
        CLEANUP(cert_wipep) char *text = NULL;
        size_t size;

        if (file_read(MACHINE_ETC "/" KUBECONFIG, FILE_MAX, &text, &size, NULL) < 0 || starts_with(text, WRITTEN_BY))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(freep) char *path = xasprintf(MACHINE_ETC "/%s", names[i]);
                CLEANUP(freep) char *aside = xasprintf("%s.before-join", path);

                if (unlink(aside) < 0 && errno != ENOENT)
                        return err_errno(e, -errno, NULL, "cannot remove %s", aside);
                if (link(path, aside) == 0)
                        join_say("%s was there already, and is kept as %s", path, aside);
                else if (errno != ENOENT)
                        return err_errno(e, -errno, NULL, "cannot keep %s as %s", path, aside);
        }
        return 0;
}

/* A field that the operator has written himself stays; where that is not what was asked for now, he has to say which.
 */
static int write_settings(const struct joining *j, struct err *e)
{
        static const char path[] = MACHINE_ETC "/" MACHINE_CONFIG;
        const struct join_options *o = j->options;
        CLEANUP(freep) char *before = NULL, *after = NULL, *name = xasprintf("\"%s\"", j->node);
        bool untainted = o->taint == TAINT_NO || (o->taint == TAINT_AS_IT_IS && j->config->disable_taint);
        struct setting settings[SETTINGS_N_MAX];
        uint64_t kept = 0;
        size_t size = 0, n = 0;
        int r = access(path, F_OK) == 0 ? file_read(path, FILE_MAX, &before, &size, e) : 0;

        if (r < 0)
                return r;
        settings[n++] = (struct setting){ "nodeName", name };
        settings[n++] = (struct setting){ "disableTaint", untainted ? "true" : "false" };
        settings[n++] = (struct setting){ "rotateCertificates", "true" };
        settings[n++] = (struct setting){ "serverTLSBootstrap", "true" };
        r = settings_write(before, size, settings, n, &after, &kept, e);
        if (r < 0)
                return err_prefix(e, "%s: ", path);
        if ((kept & 2) && o->taint != TAINT_AS_IT_IS && untainted != j->config->disable_taint)
                return err_set(e, -EEXIST, NULL, "%s says disableTaint: %s, and --%staint the contrary", path,
                               j->config->disable_taint ? "true" : "false", untainted ? "no-" : "");
        return machine_write(&j->machine, MACHINE_CONFIG, after, e);
}

/* The operator's own nodeName wins over the hostname, and a flag that contradicts it is not what he means any more. */
static int check_node_name(const struct joining *j, struct err *e)
{
        char *arguments[] = { (char *)"vks-agent", NULL };
        CLEANUP(config_freep) struct config *file = NULL;
        CLEANUP(freep) char *text = NULL, *own = NULL;
        const struct setting name = { "nodeName", "x" };
        uint64_t kept = 0;
        size_t size;

        if (!j->options->node_name || file_read(MACHINE_ETC "/" MACHINE_CONFIG, FILE_MAX, &text, &size, NULL) < 0 ||
            settings_write(text, size, &name, 1, &own, &kept, NULL) < 0 || !kept ||
            config_new(1, arguments, "", j->facts.hostname, &file, NULL) < 0 || streq(file->node_name, j->node))
                return 0;
        return err_set(e, -EEXIST, NULL, MACHINE_ETC "/" MACHINE_CONFIG " says nodeName: %s, and --node-name %s",
                       file->node_name, j->node);
}

int joining_write(const struct joining *j, struct err *e)
{
        CLEANUP(freep) char *kubeconfig = kubeconfig_text(j);
        int r = keep_by_hand(e);

        if (r == 0)
                r = machine_write_pki(&j->machine, CERT_CLIENT, j->client_text, e);
        if (r == 0 && j->serving_text)
                r = machine_write_pki(&j->machine, CERT_SERVING, j->serving_text, e);
        if (r == 0 && j->word)
                r = machine_write_pki(&j->machine, CERT_NODE_WORD, j->word, e);
        if (r == 0)
                r = machine_write_pki(&j->machine, CERT_SIGNER, j->signer, e);
        if (r == 0)
                r = machine_write(&j->machine, CLIENT_CA, j->client_ca, e);
        if (r == 0)
                r = write_settings(j, e);
        if (r == 0)
                r = machine_write(&j->machine, KUBECONFIG, kubeconfig, e);
        return r;
}

/* ---- the agent --------------------------------------------------------------------------------------------------- */

static int start_agent(struct err *e)
{
        static const char *const enable[] = { "systemctl", "--quiet", "enable", "vks-agent.service", NULL };
        static const char *const restart[] = { "systemctl", "restart", "vks-agent.service", NULL };
        static const char *const log[] = { "journalctl", "--no-pager", "--quiet",           "-o", "cat", "-n",
                                           "5",          "-u",         "vks-agent.service", NULL };
        int r = machine_run(enable, true, e);

        if (r > 0)
                return err_set(e, -EIO, NULL, "systemctl enable vks-agent.service failed (%d)", r);
        if (r == 0)
                r = machine_run(restart, true, e);
        if (r <= 0)
                return r;
        machine_run(log, false, NULL);
        return err_set(e, -EIO, NULL, "vks-agent.service does not start; its last words are above");
}

static int look_at_node(const struct joining *j, uint64_t since, cJSON **ret, struct err *e)
{
        CLEANUP(json_freep) cJSON *node = NULL, *lease = NULL;
        CLEANUP(freep)
        char *path = xasprintf("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/%s", j->node);
        int r = node_of_get(j->who, j->node, &node, e);

        if (r < 0)
                return r;
        cluster_ask(j->who, "GET", path, NULL, &lease, NULL);
        if (node_of_is_ready(node, lease, since)) {
                *ret = TAKE(node);
                return 1;
        }
        err_set(e, -EAGAIN, NULL, "%s", node_of_trouble(node) ?: "it has not reported yet");
        return 0;
}

static int wait_until_ready(const struct joining *j, uint64_t since, cJSON **ret, struct err *e)
{
        uint64_t told = time_now(), end = told + j->options->wait_s * USEC;
        int r;

        for (;;) {
                struct err why = ERR_NONE;

                r = look_at_node(j, since, ret, &why);
                if (r > 0)
                        return 0;
                if (time_now() > end)
                        return err_set(e, -ETIMEDOUT, NULL,
                                       "after %u s the Node %s is not Ready: %.500s (journalctl -u vks-agent)",
                                       j->options->wait_s, j->node, why.text);
                if (time_now() - told > TELL_USEC) {
                        told = time_now();
                        join_say("Waiting for the Node %s to be Ready: %s", j->node, why.text);
                }
                usleep(READY_POLL_USEC);
        }
}

/* A node says its taint when it makes its Node, and may not change it afterwards (NodeRestriction). */
static int settle_taint(const struct joining *j, const cJSON *node, struct err *e)
{
        bool wanted = j->options->taint == TAINT_YES, has = node_of_has_taint(node);
        CLEANUP(json_freep) cJSON *patch = NULL;
        CLEANUP(freep) char *path = xasprintf("/api/v1/nodes/%s", j->node);
        int r;

        if (j->options->taint == TAINT_AS_IT_IS || wanted == has)
                return 0;
        if (j->admin) {
                patch = node_of_taint_patch(node, wanted);
                r = cluster_ask(j->admin, "PATCH", path, patch, NULL, e);
                return r < 0 ? err_prefix(e, "the Node's taint: ") : 0;
        }
        join_say("The Node was there already and %s the taint; a node may not change that itself, and who may does it "
                 "by\n"
                 "    kubectl taint node %s %s",
                 has ? "has" : "has not", j->node,
                 has ? NODE_TAINT_KEY "-" : NODE_TAINT_KEY "=" NODE_TAINT_VALUE ":NoSchedule");
        return 0;
}

static bool is_among(const cJSON *item, const cJSON *list)
{
        const char *name = json_str(json_get(item, "metadata"), "name");
        const cJSON *other;

        cJSON_ArrayForEach (other, json_get(list, "items"))
                if (streq(json_str(json_get(other, "metadata"), "name"), name))
                        return true;
        return false;
}

/* The agent's own request for a serving certificate that waits; NULL: there is none yet. One that was there before the
 * agent is for a key that nobody has any more. Borrowed from the list. */
static const cJSON *serving_request(const struct joining *j, const cJSON *list, const cJSON *before)
{
        CLEANUP(freep) char *user = xasprintf("system:node:%s", j->node);
        const cJSON *item;
        const char *words;

        cJSON_ArrayForEach (item, json_get(list, "items")) {
                const cJSON *spec = json_get(item, "spec");

                if (streq(json_str(spec, "username"), user) && csr_state(item, &words) == CSR_PENDING &&
                    streq(json_str(spec, "signerName"), "kubernetes.io/kubelet-serving") && !is_among(item, before))
                        return item;
        }
        return NULL;
}

/* In most clusters nobody approves it by himself. The agent makes it as soon as it has seen its Node. */
static void tell_serving(const struct joining *j, const cJSON *before)
{
        for (int i = 0; !j->serving_text && i < SERVING_POLLS; i++) {
                CLEANUP(json_freep) cJSON *list = NULL;
                const cJSON *item;

                if (cluster_ask(j->who, "GET", CSR_PATH, NULL, &list, NULL) < 0)
                        return;
                item = serving_request(j, list, before);
                if (item) {
                        join_say("For kubectl logs and exec somebody has to approve the node's serving certificate:\n"
                                 "    kubectl certificate approve %s",
                                 json_str(json_get(item, "metadata"), "name"));
                        return;
                }
                usleep(READY_POLL_USEC);
        }
}

int joining_start(const struct joining *j, struct err *e)
{
        CLEANUP(json_freep) cJSON *node = NULL, *requests = NULL;
        uint64_t since = time_now();
        int r;

        cluster_ask(j->who, "GET", CSR_PATH, NULL, &requests, NULL);
        r = start_agent(e);
        if (r == 0)
                r = wait_until_ready(j, since, &node, e);
        if (r == 0)
                r = settle_taint(j, node, e);
        if (r < 0)
                return r;
        tell_serving(j, requests);
        join_say("The Node %s is Ready", j->node);
        return 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int run(struct joining *j, struct err *e)
{
        int r = joining_read_machine(j, e);

        if (r == 0)
                r = check_node_name(j, e);
        if (r == 0)
                r = joining_get_certificates(j, e);
        if (r == 0)
                r = joining_write(j, e);
        return r == 0 ? joining_start(j, e) : r;
}

int join_main(int argc, char **argv)
{
        CLEANUP(join_options_done) struct join_options options;
        CLEANUP(joining_done) struct joining j = { .options = &options };
        struct err e = ERR_NONE;

        umask(0077);
        signal(SIGPIPE, SIG_IGN);
        if (join_options_read(argc, argv, &options, &e) < 0) {
                fprintf(stderr, "vks-agent join: %s\n", e.text);
                return 2;
        }
        if (options.help) {
                join_help(stdout);
                return 0;
        }
        if (run(&j, &e) < 0) {
                fprintf(stderr, "vks-agent join: %s\n", e.text);
                return 1;
        }
        return 0;
}
