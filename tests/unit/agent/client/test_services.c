/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/services.h"

#include "common/buf.h"
#include "tests/unit/api_server.h"

struct run {
        struct server server;
        struct api *api;
        struct services *services;
        const char *const *answers; /* a list, or "stream BODY", or "403 BODY"; then an endless stream */
        size_t n_answers, at;
        unsigned wanted;
        struct buf told; /* the namespaces, each with a blank behind it; "*" for all */
};

static void answer(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;
        const char *a = t->at < t->n_answers ? t->answers[t->at++] : "stream ";

        cr_expect(request_is(request, "GET /api/v1/services"), "%s", request);
        if (starts_with(a, "stream ")) {
                server_stream(fd);
                server_write(fd, "%s", a + 7);
        } else if (starts_with(a, "403 ")) {
                server_answer(fd, 403, a + 4);
        } else {
                server_answer(fd, 200, a);
        }
}

static void on_changed(void *userdata, const char *namespace)
{
        struct run *t = userdata;

        buf_printf(&t->told, "%s ", namespace ? namespace : "*");
        if (--t->wanted == 0)
                sd_event_exit(t->server.event, 0);
}

static void begin(struct run *t, const char *const *answers, size_t n, unsigned changes)
{
        *t = (struct run){ .answers = answers, .n_answers = n, .wanted = changes, .told = BUF(4096) };
        t->api = api_start(&t->server, answer, t, NULL);
        t->services = services_new(t->server.event, t->api, on_changed, t);
        cr_expect_not(services_known(t->services));
        sd_event_loop(t->server.event);
        cr_expect(services_known(t->services));
}

static void end(struct run *t)
{
        services_free(t->services);
        api_free(t->api);
        server_stop(&t->server);
        buf_done(&t->told);
}

static void note(void *userdata, const char *name, const char *value)
{
        buf_printf(userdata, "%s=%s\n", name, value);
}

static void expect_variables(const struct run *t, const char *namespace, const char *want)
{
        CLEANUP(buf_done) struct buf b = BUF(64 * 1024);

        services_variables(t->services, namespace, note, &b);
        cr_expect_str_eq(b.data ? b.data : "", want);
        cr_expect_eq(services_any(t->services, namespace), *want != '\0');
}

#define SERVICE(namespace, name, spec)                                                                                 \
        "{\"metadata\":{\"name\":\"" name                                                                              \
        "\",\"namespace\":\"" namespace "\",\"resourceVersion\":\"3\"},\"spec\":{" spec "}}"
#define LIST(items)         "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define WEB                 "\"clusterIP\":\"10.0.0.7\",\"ports\":[{\"port\":80}]"
#define WEB_VARIABLES                                                                                                  \
        "WEB_SERVICE_HOST=10.0.0.7\nWEB_SERVICE_PORT=80\nWEB_PORT=tcp://10.0.0.7:80\n"                                 \
        "WEB_PORT_80_TCP=tcp://10.0.0.7:80\nWEB_PORT_80_TCP_PROTO=tcp\nWEB_PORT_80_TCP_PORT=80\n"                      \
        "WEB_PORT_80_TCP_ADDR=10.0.0.7\n"

Test(services, each_gives_the_variables_that_the_kubelet_gives)
{
        static const char *const answers[] = { LIST(SERVICE("a", "web", WEB) "," SERVICE(
                "a", "my-db",
                "\"clusterIP\":\"fd00::7\",\"ports\":["
                "{\"name\":\"sql\",\"port\":5432,\"protocol\":\"TCP\"},"
                "{\"name\":\"q-r\",\"port\":53,\"protocol\":\"UDP\"}]") "," SERVICE("b", "other", WEB)) };
        struct run t;

        begin(&t, answers, 1, 1);
        cr_expect_str_eq(t.told.data, "* ", "before the first list is whole nothing is told");
        expect_variables(&t, "a",
                         "MY_DB_SERVICE_HOST=fd00::7\nMY_DB_SERVICE_PORT=5432\nMY_DB_SERVICE_PORT_SQL=5432\n"
                         "MY_DB_SERVICE_PORT_Q_R=53\nMY_DB_PORT=tcp://[fd00::7]:5432\n"
                         "MY_DB_PORT_5432_TCP=tcp://[fd00::7]:5432\nMY_DB_PORT_5432_TCP_PROTO=tcp\n"
                         "MY_DB_PORT_5432_TCP_PORT=5432\nMY_DB_PORT_5432_TCP_ADDR=fd00::7\n"
                         "MY_DB_PORT_53_UDP=udp://[fd00::7]:53\nMY_DB_PORT_53_UDP_PROTO=udp\n"
                         "MY_DB_PORT_53_UDP_PORT=53\nMY_DB_PORT_53_UDP_ADDR=fd00::7\n" WEB_VARIABLES);
        expect_variables(&t, "c", "");
        end(&t);
}

Test(services, one_without_an_address_of_its_own_gives_none)
{
        static const char *const answers[] = { LIST(
                SERVICE("a", "headless", "\"clusterIP\":\"None\",\"ports\":[{\"port\":80}]") "," SERVICE(
                        "a", "elsewhere",
                        "\"type\":\"ExternalName\",\"externalName\":\"x.example\"") "," SERVICE("a", "new",
                                                                                                "\"clusterIP\":"
                                                                                                "\"\"")) };
        struct run t;

        begin(&t, answers, 1, 1);
        expect_variables(&t, "a", "");
        end(&t);
}

Test(services, a_change_is_told_to_its_namespace_once)
{
        static const char *const answers[] = {
                LIST(SERVICE("a", "web", "\"clusterIP\":\"10.0.0.6\",\"ports\":[{\"port\":80}]")),
                "stream " EVENT("ADDED", SERVICE("b", "x", WEB)) EVENT("MODIFIED", SERVICE("b", "x", WEB))
                        EVENT("MODIFIED", SERVICE("a", "web", WEB)) EVENT("DELETED", SERVICE("b", "x", WEB)),
        };
        struct run t;

        begin(&t, answers, ARRAY_LEN(answers), 5);
        /* the old address goes, the new one comes */
        cr_expect_str_eq(t.told.data, "* b a a b ");
        expect_variables(&t, "a", WEB_VARIABLES);
        expect_variables(&t, "b", "");
        end(&t);
}

Test(services, where_this_node_may_not_read_them_there_are_none)
{
        static const char *const answers[] = { "403 {\"reason\":\"Forbidden\",\"message\":\"no\"}" };
        struct run t;

        begin(&t, answers, 1, 1);
        expect_variables(&t, "a", "");
        end(&t);
}
