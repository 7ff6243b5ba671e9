/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/lib/yaml.h"
#include "agent/server/http1.h"
#include "agent/server/zpages.h"
#include "common/mem.h"

struct response {
        int status;
        char type[64], headers[256], *body;
};

void response_send_with(struct response *res, int status, const char *content_type, const char *headers,
                        const void *body, size_t size)
{
        res->status = status;
        snprintf(res->type, sizeof(res->type), "%s", content_type);
        snprintf(res->headers, sizeof(res->headers), "%s", headers);
        free(res->body);
        res->body = xstrndup(body, size);
}

void response_send(struct response *res, int status, const char *content_type, const void *body, size_t size)
{
        response_send_with(res, status, content_type, "", body, size);
}

static struct response res;
static struct config *config;
static const char *const paths[] = { "/healthz", "/pods" };
static struct zpage_status status = { .started = 1767366245123456, /* 2026-01-02T15:04:05Z */
                                      .now = UINT64_C(1767366245123456) + (3661 + 3600) * UINT64_C(1000000),
                                      .version = "0.1.0",
                                      .kubelet = "v1.37.0+vks.0.1.0",
                                      .paths = paths,
                                      .n_paths = 2 };

static void setup(void)
{
        char program[] = "vks-agent",
             labels[] = "--node-labels=a=1,b=", reserved[] = "--kube-reserved=cpu=100m,memory=64Mi",
             ips[] = "--node-ip=192.0.2.1,2001:db8::1", pids[] = "--pod-max-pids=5",
             idle[] = "--streaming-connection-idle-timeout=90s";
        char *argv[] = { program, labels, reserved, ips, pids, idle, NULL };
        struct err e = ERR_NONE;

        cr_assert_eq(config_new(6, argv, "/nowhere", "host", &config, &e), 0, "%s", e.text);
}

static void teardown(void)
{
        config = config_free(config);
        free(TAKE(res.body));
}

TestSuite(zpages, .init = setup, .fini = teardown);

static void ask(const char *path, const char *accept)
{
        CLEANUP(freep)
        char *text = accept ? xasprintf("GET %s HTTP/1.1\r\nHost: n\r\nAccept: %s\r\n\r\n", path, accept)
                            : xasprintf("GET %s HTTP/1.1\r\nHost: n\r\n\r\n", path);
        struct http_head h;
        struct err e = ERR_NONE;

        cr_assert_eq(http_head_parse(text, strlen(text), &h, &e), 0, "%s", e.text);
        h.request.head = &h;
        if (streq(path, "/statusz"))
                statusz_answer(&status, &h.request, &res);
        else
                flagz_answer(config, &h.request, &res);
        http_head_done(&h);
}

#define AS(kind, v) ";as=" kind ";g=config.k8s.io;v=" v

static const struct {
        const char *accept;
        int form; /* -1: nothing */
        const char *version;
} rows[] = {
        { NULL, ZPAGE_TEXT, NULL },
        { "", ZPAGE_TEXT, NULL },
        { " ", ZPAGE_TEXT, NULL },
        { "text/plain", ZPAGE_TEXT, NULL },
        { "TEXT/Plain", ZPAGE_TEXT, NULL },
        { "*/*", ZPAGE_TEXT, NULL },
        { "text/*", ZPAGE_TEXT, NULL },
        { "text/html, */*;q=0.1", ZPAGE_TEXT, NULL },
        { "application/json" AS("Statusz", "v1beta1"), ZPAGE_JSON, "v1beta1" },
        { "application/yaml" AS("Statusz", "v1alpha1"), ZPAGE_YAML, "v1alpha1" },
        { "application/json ; v=v1beta1; g=config.k8s.io ; as=Statusz", ZPAGE_JSON, "v1beta1" },
        { "application/*" AS("Statusz", "v1beta1"), ZPAGE_JSON, "v1beta1" },
        { "*/*" AS("Statusz", "v1beta1"), ZPAGE_JSON, "v1beta1" },
        { "text/plain;q=0.5, application/yaml" AS("Statusz", "v1beta1"), ZPAGE_YAML, "v1beta1" },
        { "text/plain, application/yaml" AS("Statusz", "v1beta1") ";q=0.9", ZPAGE_TEXT, NULL },
        { "*/*, application/yaml" AS("Statusz", "v1beta1"), ZPAGE_YAML, "v1beta1" },
        { "application/json, text/plain", ZPAGE_TEXT, NULL },
        { "application/json", -1, NULL },
        { "application/vnd.kubernetes.protobuf" AS("Statusz", "v1beta1"), -1, NULL },
        { "text/html", -1, NULL },
        { "text/plain" AS("Statusz", "v1beta1"), -1, NULL },
        { "application/json" AS("Flagz", "v1beta1"), -1, NULL },
        { "application/json" AS("Statusz", "v1"), -1, NULL },
        { "application/json;as=Statusz;v=v1beta1", -1, NULL },
        { "application/json;sv=v1" AS("Statusz", "v1beta1"), -1, NULL },
        { "application/json;stream=watch" AS("Statusz", "v1beta1"), -1, NULL },
        { ",,;;,=", -1, NULL },
};

Test(zpages, what_is_asked_for)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct zpage_wish wish;
                int r = zpage_negotiate(rows[i].accept, "Statusz", &wish);

                cr_expect_eq(r, rows[i].form < 0 ? -EINVAL : 0, "%s", rows[i].accept);
                if (r < 0)
                        continue;
                cr_expect_eq(wish.form, (enum zpage_form)rows[i].form, "%s: %d", rows[i].accept, (int)wish.form);
                cr_expect_str_eq(wish.version ? wish.version : "", rows[i].version ? rows[i].version : "");
        }
}

Test(zpages, statusz_as_text)
{
        ask("/statusz", NULL);
        cr_assert_eq(res.status, 200);
        cr_expect_str_eq(res.type, "text/plain; charset=utf-8");
        cr_expect(starts_with(res.body, "\nkubelet statusz\nWarning: "), "%s", res.body);
        cr_expect(strstr(res.body, "\nStarted: Fri Jan  2 15:04:05 UTC 2026\nUp: 2 hr 01 min 01 sec\n"
                                   "Binary version: 0.1.0\nEmulation version: 1.37\nPaths: /healthz /pods\n"),
                  "%s", res.body);
}

Test(zpages, statusz_as_an_object)
{
        CLEANUP(json_freep) cJSON *o = NULL, *y = NULL;
        struct err e = ERR_NONE;

        ask("/statusz", "application/json" AS("Statusz", "v1beta1"));
        cr_assert_eq(res.status, 200);
        cr_expect_str_eq(res.type, "application/json");
        cr_expect_str_eq(res.headers, "");
        o = json_parse(res.body, strlen(res.body));
        cr_assert(o, "%s", res.body);
        cr_expect_str_eq(json_str(o, "kind"), "Statusz");
        cr_expect_str_eq(json_str(o, "apiVersion"), "config.k8s.io/v1beta1");
        cr_expect_str_eq(json_str(json_get(o, "metadata"), "name"), "kubelet");
        cr_expect_str_eq(json_str(o, "startTime"), "2026-01-02T15:04:05Z");
        cr_expect_eq(json_int(o, "uptimeSeconds", 0), 7261);
        cr_expect_str_eq(json_str(o, "binaryVersion"), "0.1.0");
        cr_expect_str_eq(json_str(o, "emulationVersion"), "1.37");
        cr_expect_eq(json_len(json_get(o, "paths")), 2);
        ask("/statusz", "application/yaml" AS("Statusz", "v1alpha1"));
        cr_expect_str_eq(res.type, "application/yaml");
        cr_expect(starts_with(res.headers, "Warning: 299 - \"") && ends_with(res.headers, "\"\r\n"), "%s", res.headers);
        cr_assert_eq(yaml_parse(res.body, strlen(res.body), &y, &e), 0, "%s: %s", e.text, res.body);
        cr_expect_str_eq(json_str(y, "apiVersion"), "config.k8s.io/v1alpha1");
        cJSON_ReplaceItemInObject(y, "apiVersion", cJSON_CreateString("config.k8s.io/v1beta1"));
        cr_expect(cJSON_Compare(o, y, true), "%s", res.body);
}

Test(zpages, before_the_first_answer_of_the_api_server_nothing_is_emulated)
{
        status.kubelet = "";
        ask("/statusz", NULL);
        cr_expect_null(strstr(res.body, "Emulation"));
        ask("/statusz", "application/json" AS("Statusz", "v1beta1"));
        cr_expect_null(strstr(res.body, "emulation"));
}

Test(zpages, flagz)
{
        CLEANUP(json_freep) cJSON *o = NULL;
        const cJSON *flags, *flag;
        const char *before = "";

        ask("/flagz", NULL);
        cr_expect(starts_with(res.body, "\nkubelet flagz\nWarning: "), "%s", res.body);
        cr_expect(strstr(res.body, "\nport=10250\n") && strstr(res.body, "\nnodename=host\n"), "%s", res.body);
        ask("/flagz", "application/json" AS("Flagz", "v1beta1"));
        o = json_parse(res.body, strlen(res.body));
        cr_assert(o, "%s", res.body);
        cr_expect_str_eq(json_str(o, "kind"), "Flagz");
        flags = json_get(o, "flags");
        cr_expect_str_eq(json_str(flags, "node-labels"), "a=1,b=");
        cr_expect_str_eq(json_str(flags, "kube-reserved"), "cpu=100m,memory=64Mi");
        cr_expect_str_eq(json_str(flags, "system-reserved"), "");
        cr_expect_str_eq(json_str(flags, "node-ip"), "192.0.2.1,2001:db8::1");
        cr_expect_str_eq(json_str(flags, "pod-max-pids"), "5");
        cr_expect_str_eq(json_str(flags, "streaming-connection-idle-timeout"), "1m30s");
        cr_expect_str_eq(json_str(flags, "authorization-mode"), "Webhook");
        cr_expect_str_eq(json_str(flags, "port-forward"), "PodPorts");
        cr_expect_str_eq(json_str(flags, "log-level"), "info");
        cr_expect_str_eq(json_str(flags, "enable-node-lease"), "true");
        cr_expect_str_eq(json_str(flags, "kubeconfig"), "/etc/vks/kubeconfig");
        cr_expect_str_eq(json_str(flags, "config"), "");
        cJSON_ArrayForEach (flag, flags) {
                cr_expect_lt(strcmp(before, flag->string), 0, "%s", flag->string);
                before = flag->string;
        }
}

Test(zpages, what_cannot_be_had_is_a_status)
{
        CLEANUP(json_freep) cJSON *o = NULL;

        ask("/flagz", "application/json");
        cr_assert_eq(res.status, 406);
        cr_expect_str_eq(res.type, "application/json");
        o = json_parse(res.body, strlen(res.body));
        cr_expect_str_eq(json_str(o, "kind"), "Status");
        cr_expect_str_eq(json_str(o, "reason"), "NotAcceptable");
        cr_expect_str_eq(json_str(o, "message"), "only the following media types are accepted: application/json, "
                                                 "application/yaml, text/plain");
        cr_expect_eq(json_int(o, "code", 0), 406);
}
