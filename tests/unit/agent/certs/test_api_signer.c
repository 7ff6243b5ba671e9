/* SPDX-License-Identifier: Apache-2.0 */
/* The API server's way, against an API server of the test's: what it answers to the request, to the list and the watch.
 */
#include <errno.h>

#include "agent/certs/api_signer.h"
#include "agent/certs/csr.h"
#include "tests/unit/api_server.h"

static const char *const nodes[] = { "system:nodes", NULL };
static const struct cert_wish wish = { .common_name = "system:node:node1", .organizations = nodes };

struct run {
        struct server server;
        struct api *api;
        struct signer *signer;
        struct signing *signing;
        struct cert_request *request;
        /* what the API server says */
        int created_status;
        const char *created, *listed, *watched;
        /* what came of it */
        unsigned waiting, approved, done, failed, lists;
        char name[64], answer[64];
        struct err err;
};

static void handler(struct server *s, int fd, const char *request)
{
        struct run *t = s->userdata;

        if (request_is(request, "POST " CSR_PATH)) {
                server_answer(fd, t->created_status, t->created);
        } else if (strstr(request, "watch=")) {
                server_stream(fd);
                server_write(fd, "%s\n", t->watched);
        } else {
                cr_expect(starts_with(request, "GET " CSR_PATH "?"), "%s", request);
                cr_expect(strstr(request, "fieldSelector=metadata.name%3Dcsr-1"), "%s", request);
                t->lists++;
                server_answer(fd, 200, t->listed);
        }
}

static void on_waiting(void *userdata, const char *name, bool approved)
{
        struct run *t = userdata;

        t->waiting++;
        t->approved += approved;
        snprintf(t->name, sizeof(t->name), "%s", name);
}

static void on_done(void *userdata, const char *answer, size_t size)
{
        struct run *t = userdata;

        t->done++;
        snprintf(t->answer, sizeof(t->answer), "%.*s", (int)size, answer);
        sd_event_exit(t->server.event, 0);
}

static void on_failed(void *userdata, const struct err *err)
{
        struct run *t = userdata;

        t->failed++;
        t->err = *err;
        sd_event_exit(t->server.event, 0);
}

static const struct signer_handler handlers = { on_waiting, on_done, on_failed };

#define CSR(status)  "{\"metadata\":{\"name\":\"csr-1\",\"resourceVersion\":\"5\"},\"status\":" status "}"
#define LIST(items)  "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define EVENT(t, o)  "{\"type\":\"" t "\",\"object\":" o "}"
#define APPROVED     "{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"}]}"
#define SIGNED       "{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"}],\"certificate\":\"bGVhZg==\"}"
#define DENIED       "{\"conditions\":[{\"type\":\"Denied\",\"status\":\"True\",\"message\":\"not you\"}]}"
#define FAILED_STATE "{\"conditions\":[{\"type\":\"Approved\"},{\"type\":\"Failed\",\"message\":\"too short\"}]}"

static void run(struct run *t)
{
        t->api = api_start(&t->server, handler, t, NULL);
        cr_assert_eq(cert_request_new(&wish, &t->request, NULL), 0);
        t->signer = api_signer_new(t->server.event, t->api);
        t->signing = t->signer->ask(t->signer->self, t->request, false, &handlers, t);
        cr_assert_not_null(t->signing);
        cr_expect_eq(t->waiting + t->done + t->failed, 0);
        sd_event_loop(t->server.event);
}

static void end(struct run *t)
{
        cert_request_free(t->request);
        api_signer_free(t->signer);
        api_free(t->api);
        server_stop(&t->server);
}

Test(api_signer, what_is_signed_arrives)
{
        static const struct {
                const char *what, *listed, *watched;
                unsigned approved;
        } rows[] = {
                { "at once", LIST(CSR(SIGNED)), "", 0 },
                { "later", LIST(CSR("{}")), EVENT("MODIFIED", CSR(SIGNED)), 0 },
                { "in two steps", LIST(CSR("{}")), EVENT("MODIFIED", CSR(APPROVED)) "\n" EVENT("MODIFIED", CSR(SIGNED)),
                  1 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct run t = { .created_status = 201,
                                 .created = CSR("{}"),
                                 .listed = rows[i].listed,
                                 .watched = rows[i].watched };

                run(&t);
                cr_expect_eq(t.done, 1, "%s", rows[i].what);
                cr_expect_eq(t.failed, 0);
                cr_expect_str_eq(t.answer, "leaf");
                cr_expect_str_eq(t.name, "csr-1");
                cr_expect_eq(t.approved, rows[i].approved, "%s", rows[i].what);
                end(&t);
        }
}

Test(api_signer, what_is_not)
{
        static const struct {
                const char *what, *listed, *watched;
                int code;
                const char *reason, *text;
        } rows[] = {
                { "denied", LIST(CSR(DENIED)), "", -EPERM, "CertificateDenied",
                  "the request csr-1 was denied: not you" },
                { "denied later", LIST(CSR("{}")), EVENT("MODIFIED", CSR(DENIED)), -EPERM, "CertificateDenied",
                  "the request csr-1 was denied: not you" },
                { "failed", LIST(CSR(FAILED_STATE)), "", -EPERM, "CertificateFailed",
                  "the request csr-1 was approved, and not signed: too short" },
                { "deleted", LIST(CSR("{}")), EVENT("DELETED", CSR("{}")), -ENOENT, "",
                  "the request csr-1 was deleted before it was decided" },
                { "gone already", LIST(""), "", -ENOENT, "", "the request csr-1 was deleted before it was decided" },
                { "garbled", LIST(CSR("{\"conditions\":[{\"type\":\"Approved\"}],\"certificate\":\"!\"}")), "",
                  -EBADMSG, "", "the API server has a certificate that is not base64" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct run t = { .created_status = 201,
                                 .created = CSR("{}"),
                                 .listed = rows[i].listed,
                                 .watched = rows[i].watched };

                run(&t);
                cr_expect_eq(t.failed, 1, "%s", rows[i].what);
                cr_expect_eq(t.done, 0);
                cr_expect_eq(t.err.code, rows[i].code, "%s: %d", rows[i].what, t.err.code);
                cr_expect_str_eq(t.err.reason, rows[i].reason);
                cr_expect_str_eq(t.err.text, rows[i].text);
                end(&t);
        }
}

Test(api_signer, who_may_not_ask)
{
        static const struct {
                const char *body;
                int status, code;
        } rows[] = {
                { "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\"}", 403, -EACCES },
                { "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"who?\"}", 401, -EACCES },
                { "404 page not found", 404, -ENOENT },
                { "{}", 500, -EIO },
                { "{\"metadata\":{}}", 201, -EBADMSG },
                { "[]", 201, -EBADMSG },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct run t = { .created_status = rows[i].status, .created = rows[i].body };

                run(&t);
                cr_expect_eq(t.failed, 1);
                cr_expect_eq(t.err.code, rows[i].code, "%d: %d", rows[i].status, t.err.code);
                cr_expect_str_eq(t.err.reason, "", "the API's reasons are not ours");
                cr_expect_eq(t.waiting, 0);
                end(&t);
        }
}

static int stop(sd_event_source *source, uint64_t usec UNUSED, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), userdata ? 1 : 0);
}

Test(api_signer, may_be_cancelled_at_any_time)
{
        for (int ms = 0; ms < 60; ms += 4) {
                struct run t = {
                        .created_status = 201, .created = CSR("{}"), .listed = LIST(CSR("{}")), .watched = ""
                };

                t.api = api_start(&t.server, handler, &t, NULL);
                cr_assert_eq(cert_request_new(&wish, &t.request, NULL), 0);
                t.signer = api_signer_new(t.server.event, t.api);
                t.signing = t.signer->ask(t.signer->self, t.request, false, &handlers, &t);
                cr_assert(sd_event_add_time_relative(t.server.event, NULL, CLOCK_MONOTONIC, (uint64_t)ms * 1000, 0,
                                                     stop, NULL) >= 0);
                sd_event_loop(t.server.event);
                t.signer->cancel(t.signing);
                cr_expect_eq(t.done + t.failed, 0);
                end(&t);
        }
        struct run none = { 0 };

        none.signer = api_signer_new(NULL, NULL);
        none.signer->cancel(NULL);
        api_signer_free(none.signer);
}
