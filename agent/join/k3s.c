/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/k3s.h"

#include <errno.h>
#include <openssl/evp.h>

#include "agent/certs/k3s.h"
#include "agent/client/server_url.h"
#include "agent/join/discovery.h"
#include "agent/join/fetch.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "common/mem.h"

void k3s_done(struct k3s *k)
{
        kubeconfig_free(TAKE(k->who));
        if (k->authorization)
                explicit_bzero(k->authorization, strlen(k->authorization));
        free(TAKE(k->authorization));
}

int k3s_find(const char *url, const char *server_name, char **ret_bundle, int64_t *ret_ahead_s, struct err *e)
{
        struct kubeconfig anyone = { .server_name = (char *)server_name, .insecure = true };
        CLEANUP(freep) char *path = xasprintf("%s/cacerts", url);
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        char hash[SHA256_HEX_LEN + 1];
        int r = fetch(&anyone, &(struct fetch_request){ .method = "GET", .url = path }, &answer, e);

        if (r < 0)
                return r;
        *ret_ahead_s = fetch_clock_ahead_s(&answer);
        if (answer.status != 200 || discovery_bundle_hash(answer.body.data, answer.body.len, hash, NULL) < 0)
                return 0;
        *ret_bundle = buf_steal(&answer.body);
        return 1;
}

/* K3s knows its nodes by one name. A bootstrap token (k3s token create) is a bearer's. */
static char *authorization(const struct join_token *token)
{
        CLEANUP(freep) char *words = NULL, *encoded = NULL;
        char *line;

        if (token->is_bootstrap)
                return xasprintf("Authorization: Bearer %s.%s", token->id, token->secret);
        words = xasprintf("node:%s", token->password);
        encoded = xcalloc(strlen(words) / 3 * 4 + 5, 1);
        EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)words, (int)strlen(words));
        line = xasprintf("Authorization: Basic %s", encoded);
        explicit_bzero(words, strlen(words));
        explicit_bzero(encoded, strlen(encoded));
        return line;
}

int k3s_trust(const char *url, const char *server_name, const char *bundle, const struct join_token *token,
              struct k3s *ret, struct err *e)
{
        CLEANUP(freep) char *path = xasprintf("%s/cacerts", url);
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        char hash[SHA256_HEX_LEN + 1];
        int r = discovery_bundle_hash(bundle, strlen(bundle), hash, e);

        if (r < 0)
                return r;
        if (*token->ca_hash && !streq(hash, token->ca_hash))
                return err_set(
                        e, -EKEYREJECTED, NULL,
                        "the server's certificate authority is not the one that the token names (%.12s… instead of "
                        "%.12s…): it is another cluster's token, or somebody is in between",
                        hash, token->ca_hash);
        *ret = (struct k3s){ .who = NEW(struct kubeconfig) };
        ret->who->server = xstrdup(url);
        ret->who->server_name = xstrdup(server_name);
        ret->who->ca_pem = xstrdup(bundle);
        /* before the token goes there: is this server one of that authority's? */
        r = fetch(ret->who, &(struct fetch_request){ .method = "GET", .url = path }, &answer, e);
        if (r < 0)
                k3s_done(ret);
        else
                ret->authorization = authorization(token);
        return r;
}

static int get(const struct k3s *k, const char *path, struct fetch_answer *ret, struct err *e)
{
        CLEANUP(freep) char *url = xasprintf("%s%s", k->who->server, path);
        const struct fetch_request request = { .method = "GET", .url = url, .headers = { k->authorization } };
        int r = fetch(k->who, &request, ret, e);

        return r < 0 ? r : k3s_judge(ret->status, ret->body.data, k->node, false, e);
}

int k3s_certificate(const struct k3s *k, const struct cert_request *request, bool serving, char **ret, struct err *e)
{
        CLEANUP(freep) char *url = xasprintf("%s%s", k->who->server, serving ? K3S_SERVING_PATH : K3S_CLIENT_PATH);
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        struct fetch_request post = { .method = "POST", .url = url };
        char *lines[K3S_HEADERS];
        int r;

        k3s_headers(k->node, k->word, k->ips, lines);
        for (size_t i = 0; i < K3S_HEADERS; i++)
                post.headers[i] = lines[i];
        post.headers[K3S_HEADERS] = k->authorization;
        post.body = cert_request_der(request, &post.body_size);
        r = fetch(k->who, &post, &answer, e);
        k3s_headers_done(lines);
        if (r == 0)
                r = k3s_judge(answer.status, answer.body.data, k->node, false, e);
        if (r == 0)
                r = cert_request_accept(request, answer.body.data, answer.body.len, time_now(), ret, NULL, e);
        return r < 0 ? err_prefix(e, "the %s certificate: ", serving ? "serving" : "client") : 0;
}

int k3s_client_ca(const struct k3s *k, char **ret, struct err *e)
{
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        char hash[SHA256_HEX_LEN + 1];
        int r = get(k, "/v1-k3s/client-ca.crt", &answer, e);

        if (r == 0)
                r = discovery_bundle_hash(answer.body.data, answer.body.len, hash, e);
        if (r < 0)
                return err_prefix(e, "the authority of the cluster's clients: ");
        *ret = buf_steal(&answer.body);
        return 0;
}

int k3s_api_server(const struct k3s *k, char **ret, struct err *e)
{
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        CLEANUP(json_freep) cJSON *config = NULL;
        int64_t port, supervisor;
        int r = get(k, "/v1-k3s/config", &answer, e);

        if (r < 0)
                return err_prefix(e, "where the API server is: ");
        config = json_parse(answer.body.data, answer.body.len);
        port = json_int(config, "HTTPSPort", 0);
        supervisor = json_int(config, "SupervisorPort", port);
        if (port > 0 && port <= UINT16_MAX && port != supervisor)
                *ret = server_url_port(k->who->server, (uint16_t)port);
        else
                *ret = xstrdup(k->who->server);
        return *ret ? 0 : err_set(e, -EINVAL, NULL, "%s is no URL", k->who->server);
}
