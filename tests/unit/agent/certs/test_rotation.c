/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/certs/csr.h"
#include "agent/certs/rotation.h"
#include "agent/certs/store.h"
#include "tests/unit/agent/certs/authority.h"
#include "tests/unit/api_server.h"

/* ---- the addresses of the Node ----------------------------------------------------------------------------------- */

static char *joined(char **list)
{
        char *text = xstrdup("");

        for (size_t i = 0; list && list[i]; i++) {
                char *longer = xasprintf("%s%s%s", text, i ? " " : "", list[i]);

                free(text);
                text = longer;
        }
        return text;
}

#define A(type, address) "{\"type\":\"" type "\",\"address\":\"" address "\"}"

Test(rotation, a_serving_certificate_is_for_the_addresses_of_the_node)
{
        static const struct {
                const char *addresses, *dns, *ips;
        } rows[] = {
                { "null", "", "" },
                { "[]", "", "" },
                { "[" A("Hostname", "node1") "," A("InternalIP", "192.0.2.10") "]", "node1", "192.0.2.10" },
                { "[" A("InternalIP", "192.0.2.9") "," A("InternalIP", "192.0.2.10") "," A("ExternalIP",
                                                                                           "192.0.2.9") "]",
                  "", "192.0.2.10 192.0.2.9" },
                { "[" A("InternalIP", "2001:db8::1") "," A("ExternalDNS", "x.example") "," A("InternalDNS", "b") "," A(
                          "Hostname", "b") "]",
                  "b x.example", "2001:db8::1" },
                { "[" A("Hostname", "192.0.2.1") "]", "", "192.0.2.1" },
                { "[" A("InternalIP", "node1") "," A("InternalDNS", "192.0.2.1") "," A("Other", "x") "]", "192.0.2.1",
                  "" },
                { "[" A("Hostname", "a b") "," A("Hostname", "") ",{\"type\":\"Hostname\"},{\"address\":\"x\"},7]", "",
                  "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = xasprintf("{\"status\":{\"addresses\":%s}}", rows[i].addresses);
                CLEANUP(strv_freep) char **dns = NULL, **ips = NULL;
                CLEANUP(freep) char *names = NULL, *numbers = NULL;
                cJSON *node = cJSON_Parse(text);

                cr_assert_not_null(node, "%s", text);
                rotation_addresses(node, &dns, &ips);
                names = joined(dns);
                numbers = joined(ips);
                cr_expect_str_eq(names, rows[i].dns, "%s", text);
                cr_expect_str_eq(numbers, rows[i].ips, "%s", text);
                cJSON_Delete(node);
        }
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

struct run {
        char dir[64];
        struct server server;
        struct api *api;
        struct events *events;
        struct rotation *rotation;
        unsigned client_requests, serving_requests;
};

static void handler(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        if (request_is(request, "POST " CSR_PATH)) {
                t->client_requests += strstr(request, "kube-apiserver-client-kubelet") != NULL;
                t->serving_requests += strstr(request, "kubelet-serving") != NULL;
                sd_event_exit(s->event, 0);
        }
        server_answer(fd, 403, "{}");
}

static void setup(struct run *t)
{
        *t = (struct run){ .dir = "/tmp/test_rotation.XXXXXX" };
        cr_assert_not_null(mkdtemp(t->dir));
        t->api = api_start(&t->server, handler, t, NULL);
        t->events = events_new(t->server.event, t->api, "node1");
}

static int begin(struct run *t, bool client, bool serving, struct err *e)
{
        const struct rotation_parts parts = { .event = t->server.event,
                                              .api = t->api,
                                              .events = t->events,
                                              .node_name = "node1",
                                              .dir = t->dir,
                                              .client = client,
                                              .serving = serving };

        return rotation_new(&parts, &(struct kubeconfig){ 0 }, &t->rotation, e);
}

static void teardown(struct run *t)
{
        CLEANUP(freep) char *rm = xasprintf("rm -rf %s", t->dir);

        rotation_free(t->rotation);
        events_free(t->events);
        api_free(t->api);
        server_stop(&t->server);
        cr_assert_eq(system(rm), 0);
}

Test(rotation, serves_with_something_and_asks_when_the_addresses_are_known)
{
        struct run t;
        CLEANUP(cert_wipep) char *pair = NULL;
        cJSON *node = cJSON_Parse("{\"status\":{\"addresses\":[" A("InternalIP", "192.0.2.10") "]}}"), *bare;
        struct cert_facts facts;
        struct err e = ERR_NONE;
        size_t size;

        setup(&t);
        cr_assert_eq(begin(&t, false, true, &e), 0, "%s", e.text);
        cr_assert(ends_with(rotation_serving_file(t.rotation), "/kubelet-server-current.pem"));
        cr_assert_eq(cert_store_read(t.dir, CERT_SERVING, &pair, &size, &e), 0, "%s", e.text);
        cr_assert_eq(cert_facts_read(pair, size, &facts, &e), 0);
        cr_expect(facts.self_signed);
        cr_expect_eq(rotation_client_seconds_left(t.rotation), INT64_MAX);
        bare = cJSON_Parse("{}");
        rotation_node_seen(t.rotation, bare);
        rotation_node_seen(t.rotation, node);
        sd_event_loop(t.server.event);
        cr_expect_eq(t.serving_requests, 1);
        cr_expect_eq(t.client_requests, 0);
        cJSON_Delete(bare);
        cJSON_Delete(node);
        teardown(&t);
}

Test(rotation, asks_for_a_client_certificate)
{
        struct run t;
        struct err e = ERR_NONE;

        setup(&t);
        cr_assert_eq(begin(&t, true, false, &e), 0, "%s", e.text);
        cr_expect_null(rotation_serving_file(t.rotation));
        sd_event_loop(t.server.event);
        cr_expect_eq(t.client_requests, 1);
        cr_expect_eq(t.serving_requests, 0);
        teardown(&t);
}

Test(rotation, a_way_that_nobody_knows_is_an_error)
{
        struct run t;
        struct err e = ERR_NONE;

        setup(&t);
        cr_assert_eq(cert_store_write(t.dir, CERT_SIGNER, "pigeon\n", CERT_NO_OWNER, 0, &e), 0);
        cr_expect_lt(begin(&t, true, true, &e), 0);
        cr_expect(strstr(e.text, "pigeon"), "%s", e.text);
        cr_assert_eq(cert_store_write(t.dir, CERT_SIGNER, "api\n", CERT_NO_OWNER, 0, &e), 0);
        cr_expect_eq(begin(&t, true, true, &e), 0);
        teardown(&t);
}

Test(rotation, no_place_to_write_is_no_reason_not_to_start)
{
        struct run t;
        CLEANUP(freep) char *in_the_way = NULL;
        struct err e = ERR_NONE;

        setup(&t);
        in_the_way = xasprintf("%s/" CERT_SERVING ".new", t.dir);
        cr_assert_eq(mkdir(in_the_way, 0700), 0);
        cr_expect_eq(begin(&t, false, true, &e), 0, "%s", e.text);
        cr_expect_null(rotation_serving_file(t.rotation));
        teardown(&t);
}

Test(rotation, nothing_is_no_trouble)
{
        cr_expect_null(rotation_serving_file(NULL));
        cr_expect_eq(rotation_client_seconds_left(NULL), INT64_MAX);
        cr_expect_eq(rotation_serving_seconds_left(NULL), INT64_MAX);
        rotation_free(NULL);
}
