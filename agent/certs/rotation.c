/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/rotation.h"

#include <arpa/inet.h>
#include <errno.h>

#include "agent/certs/api_signer.h"
#include "agent/certs/k3s_signer.h"
#include "agent/certs/store.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "common/log.h"
#include "common/mem.h"

struct rotation {
        struct rotation_parts parts;
        char *node_name, *user; /* "NAME", "system:node:NAME" */
        char *serving_file;
        struct signer *signer;
        struct renewal *client, *serving;
        char *supervisor; /* K3s', or NULL */
};

static const char *const nodes[] = { "system:nodes", NULL };

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static void told(void *userdata, bool warning, const char *reason, const char *text)
{
        struct rotation *r = userdata;
        const struct event_object node = { .kind = "Node", .name = r->node_name, .uid = r->node_name };

        event_post(r->parts.events, &node, warning, reason, "%s", text);
}

static void client_renewed(void *userdata, const char *pair)
{
        api_set_certificate(((struct rotation *)userdata)->parts.api, pair, pair);
}

/* The server looks after its files by itself (server.h). */
static void serving_renewed(UNUSED void *userdata, UNUSED const char *pair)
{
}

/* ---- the addresses of the Node ----------------------------------------------------------------------------------- */

static bool is_ip(const char *s)
{
        unsigned char bytes[16];

        return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static bool is_host(const char *s)
{
        for (const char *p = s; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return *s && strlen(s) <= 253;
}

static void add_sorted(char ***list, const char *text)
{
        size_t n = 0, at = 0;

        for (; *list && (*list)[n]; n++) {
                int order = strcmp((*list)[n], text);

                if (order == 0)
                        return;
                at += order < 0;
        }
        strv_push(list, &n, xstrdup(text)); /* `n` counts it now, and it stands at n - 1 */
        for (size_t i = n - 1; i > at; i--) {
                char *moved = (*list)[i];

                (*list)[i] = (*list)[i - 1];
                (*list)[i - 1] = moved;
        }
}

void rotation_addresses(const cJSON *node, char ***ret_dns, char ***ret_ips)
{
        const cJSON *a;

        *ret_dns = *ret_ips = NULL;
        cJSON_ArrayForEach (a, json_get(json_get(node, "status"), "addresses")) {
                const char *type = json_str(a, "type"), *text = json_str(a, "address");
                bool name = streq(type, "Hostname") || streq(type, "InternalDNS") || streq(type, "ExternalDNS");
                bool address = streq(type, "InternalIP") || streq(type, "ExternalIP") || streq(type, "Hostname");

                if (text && address && is_ip(text))
                        add_sorted(ret_ips, text);
                else if (text && name && is_host(text))
                        add_sorted(ret_dns, text);
        }
}

void rotation_node_seen(struct rotation *r, const cJSON *node)
{
        CLEANUP(strv_freep) char **dns = NULL, **ips = NULL;
        struct cert_wish wish = { .common_name = r->user, .organizations = nodes, .serving = true };
        const char *const own_name[] = { r->node_name, NULL };

        if (!r->serving)
                return;
        rotation_addresses(node, &dns, &ips);
        if (!dns && !ips)
                return; /* no status yet */
        wish.dns = (const char *const *)dns;
        if (r->signer->bare_serving_name) {
                wish.common_name = r->node_name;
                wish.organizations = NULL;
                wish.dns = own_name;
        }
        wish.ips = (const char *const *)ips;
        renewal_wish(r->serving, &wish);
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

/* The file's first line is the way's name; K3s' has a second one, where its supervisor is. */
static int choose_signer(struct rotation *r, const struct kubeconfig *kubeconfig, struct err *e)
{
        CLEANUP(freep) char *name = NULL;
        char *first, *rest;
        size_t size = 0;
        int result = cert_store_read(r->parts.dir, CERT_SIGNER, &name, &size, e);

        if (result < 0 && result != -ENOENT)
                return result;
        rest = name;
        first = name ? strsep(&rest, "\n") : NULL;
        if (streq(first, "k3s")) {
                const char *url = rest ? strsep(&rest, "\n") : "";

                result = k3s_signer_new(r->parts.event, kubeconfig, url, r->parts.dir, r->node_name, &r->signer, e);
                r->supervisor = result < 0 ? NULL : xstrdup(url);
                return result < 0 ? err_prefix(e, "%s/%s: ", r->parts.dir, CERT_SIGNER) : 0;
        }
        if (first && *first && !streq(first, "api"))
                return err_set(e, -EINVAL, NULL, "%s/%s: \"%.40s\" is no way to a signer that is known here",
                               r->parts.dir, CERT_SIGNER, first);
        r->signer = api_signer_new(r->parts.event, r->parts.api);
        return 0;
}

static struct renewal *new_renewal(struct rotation *r, const char *file, bool serving)
{
        const struct renewal_parts parts = {
                .event = r->parts.event, .signer = r->signer, .dir = r->parts.dir, .file = file, .serving = serving
        };
        const struct renewal_handler handler = { .renewed = serving ? serving_renewed : client_renewed, .told = told };

        return renewal_new(&parts, &handler, r);
}

/* A server has to show something. */
static int self_sign(struct rotation *r, struct err *e)
{
        const char *const dns[] = { r->node_name, NULL };
        const struct cert_wish wish = { .common_name = r->user, .organizations = nodes, .dns = dns, .serving = true };
        CLEANUP(cert_request_freep) struct cert_request *request = NULL;
        CLEANUP(cert_wipep) char *pair = NULL;
        int result = cert_request_new(&wish, &request, e);

        if (result == 0)
                result = cert_request_self_sign(request, time_now(), &pair, e);
        if (result == 0)
                result = cert_store_write(r->parts.dir, CERT_SERVING, pair, CERT_NO_OWNER, 0, e);
        if (result == 0)
                log_info("a self-signed certificate serves until one is signed: %s", r->serving_file);
        return result;
}

/* Pods go on without a kubelet API: that no certificate can be written is no reason for the agent not to start. */
static void start_serving(struct rotation *r)
{
        struct err e = ERR_NONE;

        r->serving_file = cert_store_path(r->parts.dir, CERT_SERVING);
        r->serving = new_renewal(r, CERT_SERVING, true);
        if (!renewal_facts(r->serving) && self_sign(r, &e) < 0) {
                log_error("no certificate to serve with: %s", e.text);
                free(TAKE(r->serving_file));
        }
}

/* When kubeconfig's own pair ends; 0: it has none. */
static uint64_t kubeconfig_ends(const struct kubeconfig *k)
{
        CLEANUP(cert_wipep) char *pair = k->cert_pem ? xasprintf("%s\n%s", k->cert_pem, k->key_pem) : NULL;
        struct cert_facts facts;

        return pair && cert_facts_read(pair, strlen(pair), &facts, NULL) == 0 ? facts.life.not_after : 0;
}

static int use_stored(struct rotation *r, const struct cert_wish *wish, struct err *e)
{
        CLEANUP(cert_wipep) char *pair = NULL;
        size_t size = 0;
        int result = cert_store_read(r->parts.dir, CERT_CLIENT, &pair, &size, e);

        if (result == 0 && cert_fits(pair, size, wish, e) == 1)
                api_set_certificate(r->parts.api, pair, pair);
        return result;
}

static int start_client(struct rotation *r, const struct kubeconfig *kubeconfig, struct err *e)
{
        const struct cert_wish wish = { .common_name = r->user, .organizations = nodes };
        const struct cert_facts *facts;
        int result = 0;

        r->client = new_renewal(r, CERT_CLIENT, false);
        facts = renewal_facts(r->client);
        if (facts && facts->life.not_after > kubeconfig_ends(kubeconfig))
                result = use_stored(r, &wish, e);
        if (result == 0)
                renewal_wish(r->client, &wish);
        return result;
}

int rotation_new(const struct rotation_parts *parts, const struct kubeconfig *kubeconfig, struct rotation **ret,
                 struct err *e)
{
        CLEANUP(rotation_freep) struct rotation *r = NEW(struct rotation);
        int result;

        r->parts = *parts;
        r->node_name = xstrdup(parts->node_name);
        r->user = xasprintf("system:node:%s", parts->node_name);
        result = choose_signer(r, kubeconfig, e);
        if (result == 0 && parts->serving)
                start_serving(r);
        if (result == 0 && parts->client)
                result = start_client(r, kubeconfig, e);
        if (result == 0)
                *ret = TAKE(r);
        return result;
}

struct rotation *rotation_free(struct rotation *r)
{
        if (!r)
                return NULL;
        renewal_free(r->client);
        renewal_free(r->serving);
        if (r->signer)
                r->signer->free(r->signer);
        free(r->node_name);
        free(r->user);
        free(r->serving_file);
        free(r->supervisor);
        free(r);
        return NULL;
}

const char *rotation_supervisor(const struct rotation *r)
{
        return r ? r->supervisor : NULL;
}

const char *rotation_serving_file(const struct rotation *r)
{
        return r ? r->serving_file : NULL;
}

static int64_t seconds_left(const struct renewal *renewal)
{
        const struct cert_facts *facts = renewal ? renewal_facts(renewal) : NULL;

        return facts ? cert_seconds_left(&facts->life, time_now()) : INT64_MAX;
}

int64_t rotation_client_seconds_left(const struct rotation *r)
{
        return seconds_left(r ? r->client : NULL);
}

int64_t rotation_serving_seconds_left(const struct rotation *r)
{
        return seconds_left(r ? r->serving : NULL);
}
