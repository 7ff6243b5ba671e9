/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/cluster.h"

#include <errno.h>
#include <unistd.h>

#include "agent/certs/csr.h"
#include "agent/client/api.h"
#include "agent/join/fetch.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "common/mem.h"

#define CLUSTER_INFO "/api/v1/namespaces/kube-public/configmaps/cluster-info"
#define USEC         UINT64_C(1000000)

enum { POLL_USEC = 500 * 1000, PENDING_S = 5, SAID_MAX = 400, APPROVALS = 5 };

/* ---- one question ------------------------------------------------------------------------------------------------ */

static const char *media_type(const char *method)
{
        return streq(method, "PATCH") ? "Content-Type: application/merge-patch+json" : "Content-Type: application/json";
}

int cluster_ask(const struct kubeconfig *who, const char *method, const char *path, const cJSON *body, cJSON **ret,
                struct err *e)
{
        CLEANUP(freep) char *url = xasprintf("%s%s", who->server, path), *text = NULL;
        CLEANUP(fetch_answer_done) struct fetch_answer answer = FETCH_ANSWER;
        CLEANUP(json_freep) cJSON *tree = NULL;
        struct fetch_request request = { .method = method, .url = url, .headers = { "Accept: application/json" } };
        int r;

        if (body) {
                text = cJSON_PrintUnformatted(body);
                request.headers[1] = media_type(method);
                request.body = text;
                request.body_size = strlen(text);
        }
        r = fetch(who, &request, &answer, e);
        if (r < 0)
                return r;
        tree = json_parse(answer.body.data, answer.body.len);
        if (answer.status / 100 != 2) {
                const char *message = json_str(tree, "message");

                return err_set(e, api_error(answer.status, json_str(tree, "reason")), json_str(tree, "reason"),
                               "%s %s: %.*s (%ld)", method, path, SAID_MAX, message ?: "no word why", answer.status);
        }
        if (!tree)
                return err_set(e, -EBADMSG, NULL, "%s %s: the answer is no JSON", method, path);
        if (ret)
                *ret = TAKE(tree);
        return 0;
}

/* ---- kubeadm's discovery ----------------------------------------------------------------------------------------- */

static int read_info(const struct kubeconfig *who, cJSON **ret, struct err *e)
{
        int r = cluster_ask(who, "GET", CLUSTER_INFO, NULL, ret, e);

        if (r == -ENOENT || r == -EACCES)
                return err_set(
                        e, r, NULL,
                        "%s has no kube-public/cluster-info that anybody may read, so kubeadm's bootstrap tokens do "
                        "not work there (kubeadm init phase bootstrap-token makes it); --bootstrap-kubeconfig and "
                        "--kubeconfig do without",
                        who->server);
        return r;
}

int cluster_discover(const char *url, const char *server_name, const struct join_token *token,
                     const char (*pins)[SHA256_HEX_LEN + 1], size_t n_pins, struct discovered *ret, struct err *e)
{
        struct kubeconfig who = { .server = (char *)url, .server_name = (char *)server_name, .insecure = true };
        CLEANUP(json_freep) cJSON *info = NULL, *again = NULL;
        int r = read_info(&who, &info, e);

        if (r == 0)
                r = discovery_check(info, token, pins, n_pins, ret, e);
        if (r < 0)
                return r;
        who.insecure = false;
        who.ca_pem = ret->ca_pem;
        r = read_info(&who, &again, e);
        if (r == 0 &&
            !streq(json_str(json_get(info, "data"), "kubeconfig"), json_str(json_get(again, "data"), "kubeconfig")))
                r = err_set(e, -EKEYREJECTED, NULL,
                            "the verified server says another cluster-info than the unverified one did");
        if (r < 0)
                discovered_done(ret);
        return r;
}

/* ---- certificates.k8s.io ----------------------------------------------------------------------------------------- */

/* The object as it is there, with one condition more. */
static int add_approval(const struct kubeconfig *who, cJSON *object, const char *path, struct err *e)
{
        cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status"), *condition = cJSON_CreateObject();
        char now[32];

        time_rfc3339(time_now(), now);
        if (!status)
                status = cJSON_AddObjectToObject(object, "status");
        cJSON_AddStringToObject(condition, "type", "Approved");
        cJSON_AddStringToObject(condition, "status", "True");
        cJSON_AddStringToObject(condition, "reason", "AdminJoined");
        cJSON_AddStringToObject(condition, "message", "An admin ran `vks-agent join` on the machine.");
        cJSON_AddStringToObject(condition, "lastUpdateTime", now);
        cJSON_DeleteItemFromObjectCaseSensitive(status, "conditions");
        cJSON_AddItemToArray(cJSON_AddArrayToObject(status, "conditions"), condition);
        return cluster_ask(who, "PUT", path, object, NULL, e);
}

/* The cluster's own approver may be at it, too. */
static int approve(const struct kubeconfig *who, const char *name, struct err *e)
{
        CLEANUP(freep) char *path = xasprintf(CSR_PATH "/%s", name), *approval = xasprintf("%s/approval", path);
        const char *words;
        int r = -ESTALE;

        for (int i = 0; i < APPROVALS && r == -ESTALE; i++) {
                CLEANUP(json_freep) cJSON *object = NULL;

                r = cluster_ask(who, "GET", path, NULL, &object, e);
                if (r == 0 && csr_state(object, &words) == CSR_PENDING)
                        r = add_approval(who, object, approval, e);
        }
        return r;
}

/* 1: signed, and *ret is what the signer says; 0: not yet; -ECONNREFUSED: never. */
static int look(const cJSON *object, const char *name, bool *ret_approved, char **ret, size_t *ret_size, struct err *e)
{
        const char *words;
        int r;

        switch (csr_state(object, &words)) {
        case CSR_PENDING:
                return 0;
        case CSR_APPROVED:
                *ret_approved = true;
                return 0;
        case CSR_SIGNED:
                r = csr_certificate(object, ret, ret_size, e);
                return r < 0 ? r : 1;
        case CSR_DENIED:
        case CSR_FAILED:
                break;
        }
        return err_set(e, -ECONNREFUSED, NULL, "certificate request %s was refused: %.*s", name, SAID_MAX,
                       *words ? words : "no word why");
}

static int wait_for_certificate(const struct cluster_signing *s, const char *name, char **ret, size_t *ret_size,
                                struct err *e)
{
        CLEANUP(freep) char *path = xasprintf(CSR_PATH "/%s", name);
        uint64_t since = time_now();
        bool told = false, approved = false;

        for (;;) {
                CLEANUP(json_freep) cJSON *object = NULL;
                int r = cluster_ask(s->asks, "GET", path, NULL, &object, e);

                if (r == 0)
                        r = look(object, name, &approved, ret, ret_size, e);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (time_now() - since > s->wait_s * USEC)
                        break;
                if (!told && !approved && s->pending && time_now() - since > PENDING_S * USEC) {
                        told = true;
                        s->pending(s->userdata, name);
                }
                usleep(POLL_USEC);
        }
        if (approved)
                return err_set(e, -ETIMEDOUT, NULL,
                               "certificate request %s is approved, and nobody has signed it in %u s: does the "
                               "controller-manager run, and has it --cluster-signing-cert-file?",
                               name, s->wait_s);
        return err_set(e, -ETIMEDOUT, NULL, "nobody has approved certificate request %s in %u s", name, s->wait_s);
}

int cluster_sign(const struct cluster_signing *s, char **ret, struct err *e)
{
        CLEANUP(json_freep) cJSON *body = csr_object(s->request, s->serving), *object = NULL;
        CLEANUP(freep) char *answer = NULL;
        const char *name;
        size_t size = 0;
        int r = cluster_ask(s->asks, "POST", CSR_PATH, body, &object, e);

        if (r < 0)
                return r;
        name = json_str(json_get(object, "metadata"), "name");
        if (!name)
                return err_set(e, -EBADMSG, NULL, "a certificate request came back without a name");
        if (s->approves) {
                r = approve(s->approves, name, e);
                if (r < 0)
                        return r;
        }
        r = wait_for_certificate(s, name, &answer, &size, e);
        if (r == 0)
                r = cert_request_accept(s->request, answer, size, time_now(), ret, NULL, e);
        return r;
}

int cluster_client_ca(const struct kubeconfig *who, char **ret, struct err *e)
{
        CLEANUP(json_freep) cJSON *object = NULL;
        char hash[SHA256_HEX_LEN + 1];
        const char *pem;
        int r = cluster_ask(who, "GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
                            NULL, &object, e);

        if (r < 0)
                return r;
        pem = json_str(json_get(object, "data"), "client-ca-file");
        if (!pem)
                return err_set(
                        e, -ENOENT, NULL,
                        "kube-system/extension-apiserver-authentication has no client-ca-file: this cluster knows "
                        "no clients by certificates");
        r = discovery_bundle_hash(pem, strlen(pem), hash, e);
        if (r == 0)
                *ret = xstrdup(pem);
        return r;
}
