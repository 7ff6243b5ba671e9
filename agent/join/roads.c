/* SPDX-License-Identifier: Apache-2.0 */
/* The roads to a node's certificates: K3s' supervisor, a bootstrap token, a kubeconfig. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "agent/certs/store.h"
#include "agent/join/cluster.h"
#include "agent/join/joining.h"
#include "agent/join/k3s.h"
#include "agent/join/node_of.h"
#include "agent/lib/json.h"
#include "common/file.h"
#include "common/mem.h"

#define RBAC_FILE "/usr/share/doc/vks/examples/join-rbac.yaml"

enum { TOKEN_FILE_MAX = 4096, CA_FILE_MAX = 256 * 1024, CLOCK_AHEAD_MAX_S = 60, WORD_BYTES = 16 };

/* ---- the token --------------------------------------------------------------------------------------------------- */

/* On a terminal it is not shown. */
static int read_standard_input(char *ret, size_t size, struct err *e)
{
        struct termios before, quiet;
        bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
        const char *line;

        if (terminal) {
                fputs("Token: ", stderr);
                quiet = before;
                quiet.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        }
        line = fgets(ret, (int)size, stdin);
        if (terminal) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', stderr);
        }
        return line ? 0 : err_set(e, -EINVAL, NULL, "no token came on standard input (see --token-file)");
}

static int read_token(const struct join_options *o, struct join_token *ret, struct err *e)
{
        CLEANUP(cert_wipep) char *text = NULL;
        char line[TOKEN_FILE_MAX];
        size_t size;
        int r;

        if (o->token) {
                join_warn("the token was on the command line, where every user of this machine sees it at first, and "
                          "where shells remember it: there are --token-file and standard input");
                return join_token_parse(o->token, ret, e);
        }
        if (o->token_file && !streq(o->token_file, "-")) {
                r = file_read(o->token_file, TOKEN_FILE_MAX, &text, &size, e);
                if (r < 0)
                        return r;
                r = join_token_parse(text, ret, e);
                return r < 0 ? err_prefix(e, "%s: ", o->token_file) : 0;
        }
        r = read_standard_input(line, sizeof(line), e);
        if (r == 0)
                r = join_token_parse(line, ret, e);
        explicit_bzero(line, sizeof(line));
        return r;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static int new_request(const struct joining *j, const char *name, const char *const *groups, const char *host,
                       bool serving, struct cert_request **ret, struct err *e)
{
        const char *const dns[] = { host, NULL };
        const struct cert_wish wish = {
                .common_name = name,
                .organizations = groups,
                .dns = serving ? dns : NULL,
                .ips = serving ? j->ips : NULL,
                .serving = serving,
        };

        return cert_request_new(&wish, ret, e);
}

/* As Kubernetes knows nodes: both certificates are of this name. */
static int new_node_request(const struct joining *j, bool serving, struct cert_request **ret, struct err *e)
{
        static const char *const groups[] = { "system:nodes", NULL };
        CLEANUP(freep) char *user = xasprintf("system:node:%s", j->node);

        return new_request(j, user, groups, j->hostname, serving, ret, e);
}

/* From now on the node can ask by itself. */
static void become_node(struct joining *j, const char *server, const char *server_name, const char *ca_pem)
{
        j->who = NEW(struct kubeconfig);
        j->who->server = xstrdup(server);
        j->who->server_name = xstrdup(server_name);
        j->who->ca_pem = xstrdup(ca_pem);
        j->who->cert_pem = xstrdup(j->client_text);
        j->who->key_pem = xstrdup(j->client_text);
}

/* A Node of this name that is another machine's would be two machines' from now on. */
static int check_name(const struct joining *j, struct err *e)
{
        CLEANUP(json_freep) cJSON *node = NULL;
        int r = node_of_get(j->who, j->node, &node, e);

        if (r == -ENOENT || (r == 0 && j->options->replace))
                return 0;
        return r < 0 ? r : node_of_is_ours(node, j->facts.machine_id, e);
}

/* ---- the API ----------------------------------------------------------------------------------------------------- */

static void tell_pending(void *userdata, const char *name)
{
        const struct joining *j = userdata;

        join_say("Nobody has approved certificate request %s yet. Somebody who may has to, in the cluster:\n"
                 "    kubectl certificate approve %s",
                 name, name);
        if (!j->admin)
                join_say("(kubeadm's clusters do it by themselves; %s has the rights for that.)", RBAC_FILE);
}

static int sign(struct joining *j, const struct kubeconfig *asks, bool serving, char **ret, struct err *e)
{
        CLEANUP(cert_request_freep) struct cert_request *request = NULL;
        struct cluster_signing s = {
                .asks = asks,
                .approves = j->admin,
                .serving = serving,
                .wait_s = j->options->wait_s,
                .pending = tell_pending,
                .userdata = j,
        };
        int r = new_node_request(j, serving, &request, e);

        if (r < 0)
                return r;
        s.request = request;
        r = cluster_sign(&s, ret, e);
        return r < 0 ? err_prefix(e, "the %s certificate: ", serving ? "serving" : "client") : 0;
}

static int bootstrap_refused(struct err *e)
{
        struct err why = *e;

        return err_set(
                e, why.code, NULL,
                "%.600s. Either these credentials are another cluster's, or this one does not let them ask for a "
                "node's certificate: kubectl apply -f %s gives them that right",
                why.text, RBAC_FILE);
}

/* What a cluster does not tell can be seen in part: who signed our certificate signs clients'. */
static int find_client_ca(struct joining *j, const struct kubeconfig *asks, struct err *e)
{
        size_t size;
        int r;

        if (j->options->client_ca_file)
                return file_read(j->options->client_ca_file, CA_FILE_MAX, &j->client_ca, &size, e);
        r = cluster_client_ca(asks, &j->client_ca, e);
        if (r == -EACCES && !j->admin)
                r = cluster_client_ca(j->who, &j->client_ca, e);
        if (r == -EACCES && j->who->ca_pem && discovery_signed_by(j->client_text, j->who->ca_pem)) {
                j->client_ca = xstrdup(j->who->ca_pem);
                return 0;
        }
        if (r == -EACCES)
                return err_set(
                        e, r, NULL,
                        "the authority of the cluster's clients is not that of its servers, and a node may not ask "
                        "for it, so nobody could be told from anybody who calls this node (kubectl logs, exec): "
                        "--client-ca-file FILE (the API server's --client-ca-file), or kubectl -n kube-system "
                        "create rolebinding vks-client-ca --role=extension-apiserver-authentication-reader "
                        "--group=system:nodes");
        return r;
}

/* With an admin at hand the serving certificate is there before the agent is; else the agent asks for it, and serves
 * with what it has until somebody approves. */
static int by_api(struct joining *j, const struct kubeconfig *asks, struct err *e)
{
        int r;

        j->signer = xstrdup("api\n");
        r = sign(j, asks, false, &j->client_text, e);
        if (r == -EACCES && !j->admin)
                return bootstrap_refused(e);
        if (r < 0)
                return r;
        become_node(j, asks->server, asks->server_name, asks->ca_pem);
        join_say("%s has a certificate as system:node:%s", j->node, j->node);
        r = check_name(j, e);
        if (r == 0)
                r = find_client_ca(j, asks, e);
        if (r == 0 && j->admin)
                r = sign(j, j->who, true, &j->serving_text, e);
        return r;
}

static int by_kubeconfig(struct joining *j, const char *path, bool admin, struct err *e)
{
        CLEANUP(kubeconfig_freep) struct kubeconfig *k = NULL;
        const struct kubeconfig *asks;
        size_t size;
        int r = kubeconfig_load(path, &k, e);

        if (r == 0 && k->insecure)
                r = err_set(e, -EINVAL, NULL,
                            "%s: insecure-skip-tls-verify: a node has to know its API server from others", path);
        if (r == 0 && k->token_file && !k->token) {
                r = file_read(k->token_file, TOKEN_FILE_MAX * 16, &k->token, &size, e);
                if (r == 0)
                        k->token[strcspn(k->token, " \r\n\t")] = '\0';
        }
        if (r < 0)
                return r;
        asks = k;
        if (admin)
                j->admin = TAKE(k);
        join_say("Joining %s as node %s", asks->server, j->node);
        return by_api(j, asks, e);
}

static int by_bootstrap_token(struct joining *j, struct join_token *token, struct err *e)
{
        const struct join_options *o = j->options;
        CLEANUP(kubeconfig_freep) struct kubeconfig *asks = NEW(struct kubeconfig);
        struct discovered found;
        int r;

        if (o->n_pins == 0 && !o->unverified)
                return err_set(e, -EINVAL, NULL,
                               "nothing says which authority is the cluster's: --discovery-token-ca-cert-hash, which "
                               "kubeadm token create --print-join-command prints");
        r = cluster_discover(o->url, o->server_name, token, o->pins, o->n_pins, &found, e);
        if (r < 0)
                return r;
        asks->server = TAKE(found.server);
        asks->ca_pem = TAKE(found.ca_pem);
        asks->token = xasprintf("%s.%s", token->id, token->secret);
        asks->server_name = xstrdup(o->server_name);
        if (!streq(asks->server, o->url))
                join_say("The cluster calls its API server %s", asks->server);
        return by_api(j, asks, e);
}

/* ---- K3s --------------------------------------------------------------------------------------------------------- */

/* Kept, since K3s knows a node by it for as long as its Node exists. The folder is the agent's own, so that what is in
 * it is not believed to be what it was: only such a word goes to a server. */
static int read_word(struct joining *j, struct err *e)
{
        unsigned char random[WORD_BYTES];
        CLEANUP(cert_wipep) char *text = NULL;
        size_t size;

        if (cert_store_read(CERT_STORE_DIR, CERT_NODE_WORD, &text, &size, NULL) == 0) {
                text[strcspn(text, "\n")] = '\0';
                if (strlen(text) == 2 * WORD_BYTES && strspn(text, "0123456789abcdef") == 2 * WORD_BYTES) {
                        j->word = TAKE(text);
                        return 0;
                }
        }
        if (RAND_bytes(random, sizeof(random)) != 1)
                return err_set(e, -EIO, NULL, "there is no chance to be had for a password");
        j->word = xcalloc(2 * WORD_BYTES + 1, 1);
        for (size_t i = 0; i < WORD_BYTES; i++)
                snprintf(j->word + 2 * i, 3, "%02x", random[i]);
        return 0;
}

static int k3s_sign(struct joining *j, const struct k3s *k, bool serving, char **ret, struct err *e)
{
        CLEANUP(cert_request_freep) struct cert_request *request = NULL;
        int r = serving ? new_request(j, j->node, NULL, j->node, true, &request, e)
                        : new_node_request(j, false, &request, e);

        return r < 0 ? r : k3s_certificate(k, request, serving, ret, e);
}

static int by_k3s(struct joining *j, const char *bundle, const struct join_token *token, struct err *e)
{
        CLEANUP(k3s_done) struct k3s k = { 0 };
        CLEANUP(freep) char *server = NULL;
        const struct join_options *o = j->options;
        int r;

        if (!*token->ca_hash)
                join_warn(
                        "this token does not say whose it is (one that begins with K10 does), so this server's word is "
                        "taken for its own authority");
        r = k3s_trust(o->url, o->server_name, bundle, token, &k, e);
        if (r == 0)
                r = read_word(j, e);
        if (r < 0)
                return r;
        j->signer = xasprintf("k3s\n%s\n", o->url);
        k.node = j->node;
        k.word = j->word;
        k.ips = j->ips;
        r = k3s_sign(j, &k, false, &j->client_text, e);
        if (r == 0)
                r = k3s_sign(j, &k, true, &j->serving_text, e);
        if (r == 0)
                r = k3s_client_ca(&k, &j->client_ca, e);
        if (r == 0)
                r = k3s_api_server(&k, &server, e);
        if (r < 0)
                return r;
        become_node(j, server, o->server_name, bundle);
        join_say("%s has its certificates of K3s", j->node);
        return check_name(j, e);
}

/* ---- which one --------------------------------------------------------------------------------------------------- */

static void tell_clock(int64_t ahead_s)
{
        if (ahead_s > CLOCK_AHEAD_MAX_S || ahead_s < -CLOCK_AHEAD_MAX_S)
                join_warn("this machine's clock is %lld s %s the server's, and certificates are valid by the clock: "
                          "timedatectl set-ntp true",
                          (long long)llabs(ahead_s), ahead_s > 0 ? "ahead of" : "behind");
}

static int by_token(struct joining *j, struct err *e)
{
        CLEANUP(freep) char *bundle = NULL;
        const struct join_options *o = j->options;
        struct join_token token = { .is_bootstrap = false };
        int64_t ahead_s = 0;
        int r = read_token(o, &token, e), found;

        if (r < 0)
                return r;
        join_say("Joining %s as node %s", o->url, j->node);
        found = k3s_find(o->url, o->server_name, &bundle, &ahead_s, e);
        tell_clock(ahead_s);
        if (found < 0)
                r = found;
        else if (found > 0)
                r = by_k3s(j, bundle, &token, e);
        else if (token.is_bootstrap && !*token.ca_hash)
                r = by_bootstrap_token(j, &token, e);
        else
                r = err_set(e, -EINVAL, NULL,
                            "%s is no K3s server, and the token is none of a kubeadm cluster (six characters, a dot, "
                            "sixteen "
                            "more)",
                            o->url);
        explicit_bzero(&token, sizeof(token));
        return r;
}

int joining_get_certificates(struct joining *j, struct err *e)
{
        const struct join_options *o = j->options;

        if (o->admin_kubeconfig)
                return by_kubeconfig(j, o->admin_kubeconfig, true, e);
        if (o->bootstrap_kubeconfig)
                return by_kubeconfig(j, o->bootstrap_kubeconfig, false, e);
        return by_token(j, e);
}
