/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as its peers see it: a child process serves, the test is a blocking OpenSSL client. Certificates are made
 * here, in a folder of the test's own.
 */
#ifndef VKS_TESTS_UNIT_AGENT_SERVER_SERVING_H
#define VKS_TESTS_UNIT_AGENT_SERVER_SERVING_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/server/gate.h"
#include "agent/server/server.h"
#include "common/buf.h"
#include "common/mem.h"
#include "tests/unit/agent/streams/peer.h"

/* ---- certificates ------------------------------------------------------------------------------------------------ */

struct identity {
        X509 *cert;
        EVP_PKEY *key;
};

static char dir[] = "/tmp/test_server.XXXXXX";
static struct identity ca, other_ca, server_id, client_id;

static UNUSED void extension(X509 *cert, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        cr_assert(e && X509_add_ext(cert, e, -1));
        X509_EXTENSION_free(e);
}

/* `issuer` NULL: signs itself. `usage` NULL: names none. `days` may be negative: expired. */
static UNUSED struct identity make_cert(const struct identity *issuer, const char *cn, const char *organization,
                                        const char *usage, long days)
{
        static long serial = 1;
        struct identity id = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
        X509_NAME *name = X509_get_subject_name(id.cert);

        X509_set_version(id.cert, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
        X509_gmtime_adj(X509_getm_notBefore(id.cert), -10L * 86400);
        X509_gmtime_adj(X509_getm_notAfter(id.cert), days * 86400);
        if (cn)
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
        if (organization)
                X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)organization, -1, -1, 0);
        X509_set_issuer_name(id.cert, issuer ? X509_get_subject_name(issuer->cert) : name);
        X509_set_pubkey(id.cert, id.key);
        extension(id.cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
        if (usage)
                extension(id.cert, NID_ext_key_usage, usage);
        cr_assert(X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256()) > 0);
        return id;
}

static UNUSED void drop(struct identity *id)
{
        X509_free(id->cert);
        EVP_PKEY_free(id->key);
        *id = (struct identity){ 0 };
}

static const char *in_dir(const char *name)
{
        static char paths[8][256];
        static unsigned i;
        char *p = paths[i++ % 8];

        snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
        return p;
}

/* As rotation should be: a new file takes the old one's name. */
static UNUSED void put_file(const char *name, const X509 *cert, const EVP_PKEY *key)
{
        FILE *f = fopen(in_dir("new"), "w");

        cr_assert(f && (!cert || PEM_write_X509(f, cert)) &&
                  (!key || PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)));
        fclose(f);
        cr_assert_eq(rename(in_dir("new"), in_dir(name)), 0);
}

/* ---- the server's side: a child process -------------------------------------------------------------------------- */

static pid_t child;
static uint16_t port;
static sd_event *loop;
static size_t reviews;          /* that the API server was asked for */
static size_t produced, closed; /* bytes of streams, and streams that lost their peer */

enum { STREAM_SIZE = 100 * 1024 * 1024, A_MOMENT = 1000, FOR_EVER = 600 * 1000 };
static unsigned head_ms, stall_ms; /* how long the server waits; only those tests that are about it have a short one */

struct producer {
        struct response *res;
        size_t left;
};

static UNUSED void produce(void *userdata)
{
        static const char block[10000] = { [0 ... 9999] = 'x' };
        struct producer *p = userdata;

        while (p->left > 0) {
                size_t n = p->left < sizeof(block) ? p->left : sizeof(block);

                p->left -= n;
                produced += n;
                if (!response_write(p->res, block, n))
                        return;
        }
        response_end(p->res);
        free(p);
}

static UNUSED void lost(void *userdata)
{
        closed++;
        free(userdata);
}

static UNUSED int answer_now(sd_event_source *s, uint64_t usec UNUSED, void *userdata)
{
        response_send(userdata, 200, "text/plain", "later", 5);
        sd_event_source_unref(s);
        return 0;
}

static UNUSED void lost_later(void *userdata UNUSED)
{
        closed++;
}

/* A session of streams, as exec has one: what comes in goes out, until it ends. */
struct echo {
        struct streams *streams;
        size_t left; /* bytes that it produces by itself */
        bool holds;  /* it takes nothing more after the first data */
};

static UNUSED void echo_produce(void *userdata)
{
        static const char block[10000] = { [0 ... 9999] = 'x' };
        struct echo *e = userdata;

        if (e->left == 0)
                return;
        while (e->left > 0) {
                size_t n = e->left < sizeof(block) ? e->left : sizeof(block);

                e->left -= n;
                produced += n;
                if (!stream_write(streams_find(e->streams, STREAM_STDOUT), block, n))
                        return;
        }
        streams_status(e->streams, 7, NULL);
        streams_finish(e->streams);
        free(e);
}

static UNUSED void echo_data(void *userdata, struct stream *s UNUSED, const void *p, size_t n)
{
        struct echo *e = userdata;

        if (e->holds)
                streams_pause(e->streams);
        else if (!stream_write(streams_find(e->streams, STREAM_STDOUT), p, n))
                streams_pause(e->streams);
}

static UNUSED void echo_ended(void *userdata, struct stream *s UNUSED)
{
        struct echo *e = userdata;

        streams_status(e->streams, 0, NULL);
        streams_finish(e->streams);
        free(e);
}

static UNUSED void echo_drain(void *userdata)
{
        struct echo *e = userdata;

        if (e->left > 0)
                echo_produce(e);
        else
                streams_resume(e->streams);
}

static UNUSED void upgrade(const struct request *r, struct response *res)
{
        static const struct streams_handler echo = {
                .ready = echo_produce, .data = echo_data, .ended = echo_ended, .drain = echo_drain, .closed = lost
        };
        struct echo *e = NEW(struct echo);

        e->left = streq(r->path, "/exec/much") ? STREAM_SIZE : 0;
        e->holds = streq(r->path, "/exec/hold");
        e->streams = response_upgrade(
                res, r, &(struct streams_wish){ .in = !streq(r->path, "/exec/much"), .out = true }, &echo, e);
        if (!e->streams)
                free(e);
}

static UNUSED void handler(void *userdata UNUSED, const struct request *r, struct response *res)
{
        struct buf b = BUF(4096);

        if (streq(r->path, "/who")) {
                buf_printf(&b, "%s", r->user);
                for (char *const *g = r->groups; *g; g++)
                        buf_printf(&b, " %s", *g);
        } else if (streq(r->method, "DELETE")) {
                response_not_allowed(res, r->method, "GET, POST");
                return;
        } else if (streq(r->path, "/echo")) {
                buf_printf(&b, "%s %s", r->method, request_query(r, "x"));
        } else if (streq(r->path, "/numbers")) {
                buf_printf(&b, "%zu %zu", produced, closed);
        } else if (streq(r->path, "/reviews")) {
                buf_printf(&b, "%zu", reviews);
        } else if (streq(r->path, "/big")) {
                char *big = xcalloc(3 * 1024 * 1024, 1);

                response_send(res, 200, "application/octet-stream", big, 3 * 1024 * 1024);
                free(big);
                return;
        } else if (streq(r->path, "/stream") || streq(r->path, "/short") || streq(r->path, "/tiny")) {
                struct producer *p = NEW(struct producer);

                p->res = res;
                p->left = streq(r->path, "/short") ? 25000 : streq(r->path, "/tiny") ? 1 : STREAM_SIZE;
                response_start(res, "text/plain", produce, lost, p);
                produce(p);
                return;
        } else if (streq(r->path, "/quiet")) {
                response_start(res, "text/plain", NULL, lost, NEW(struct producer));
                return;
        } else if (starts_with(r->path, "/exec")) {
                upgrade(r, res);
                return;
        } else if (streq(r->path, "/later")) {
                sd_event_source *s;

                response_later(res, lost_later, res);
                sd_event_add_time_relative(loop, &s, CLOCK_MONOTONIC, 20000, 0, answer_now, res);
                return;
        } else if (streq(r->path, "/nothing")) {
                return;
        } else {
                response_error(res, 404, "no such path\n%s", r->path);
                return;
        }
        response_send(res, 200, "text/plain", b.data, b.len);
        buf_done(&b);
}

/* ---- an API server that thinks for a while, in the same loop ----------------------------------------------------- */

static unsigned ask_ms; /* how long it thinks; 0: there is none, and everybody known may enter */
static bool says_no;
static struct api *api;

static UNUSED int on_thought(sd_event_source *s, uint64_t usec UNUSED, void *userdata)
{
        static const char yes[] = "HTTP/1.1 201 x\r\nContent-Length: 27\r\n\r\n{\"status\":{\"allowed\":true}}";
        static const char no[] = "HTTP/1.1 201 x\r\nContent-Length: 28\r\n\r\n{\"status\":{\"allowed\":false}}";

        (void)!write((int)(intptr_t)userdata, says_no ? no : yes, says_no ? sizeof(no) - 1 : sizeof(yes) - 1);
        sd_event_source_unref(s);
        return 0;
}

static UNUSED int on_review(sd_event_source *s, int fd, uint32_t events UNUSED, void *userdata UNUSED)
{
        sd_event_source *thought;
        char request[16384];

        if (read(fd, request, sizeof(request)) <= 0) {
                sd_event_source_set_enabled(s, SD_EVENT_OFF);
                return 0;
        }
        reviews++;
        return sd_event_add_time_relative(loop, &thought, CLOCK_MONOTONIC, (uint64_t)ask_ms * 1000, 0, on_thought,
                                          (void *)(intptr_t)fd);
}

static UNUSED int on_api_client(sd_event_source *s UNUSED, int fd, uint32_t events UNUSED, void *userdata UNUSED)
{
        return sd_event_add_io(loop, NULL, accept4(fd, NULL, NULL, SOCK_CLOEXEC), POLLIN, on_review, NULL);
}

static UNUSED struct gate_config asking_gate(const struct gate_config *base)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct gate_config gate = *base;
        struct kubeconfig k = { 0 };
        socklen_t n = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct err e = ERR_NONE;

        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0 ||
            getsockname(fd, (struct sockaddr *)&a, &n) < 0)
                _exit(1);
        sd_event_add_io(loop, NULL, fd, POLLIN, on_api_client, NULL);
        k.server = xasprintf("http://127.0.0.1:%d", ntohs(a.sin_port));
        if (api_new(loop, &k, &api, &e) < 0)
                _exit(1);
        free(k.server);
        gate.api = api;
        gate.always_allow = false;
        return gate;
}

static UNUSED int on_quit(sd_event_source *s UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata UNUSED)
{
        return sd_event_exit(loop, 0);
}

/* Tells its port through `out`, and serves until `in` is closed. */
static UNUSED int serve(int out, int in)
{
        struct server_config config = {
                .address = "127.0.0.1",
                .cert_file = in_dir("tls.crt"),
                .key_file = in_dir("tls.key"),
                .client_ca_file = in_dir("ca.crt"),
                .head_timeout_ms = head_ms,
                .stall_timeout_ms = stall_ms,
                .linger_timeout_ms = FOR_EVER,
        };
        struct gate_config gate = { .node_name = "node", .always_allow = true };
        struct err e = ERR_NONE;
        struct server *s = NULL;
        uint16_t p = 0;
        int r;

        sd_event_new(&loop);
        gate.event = loop;
        if (ask_ms)
                gate = asking_gate(&gate);
        if (gate_new(&gate, &config.gate, &e) == 0 && server_new(loop, &config, handler, NULL, &s, &e) == 0)
                p = server_port(s);
        else
                fprintf(stderr, "%s\n", e.text);
        (void)!write(out, &p, sizeof(p));
        sd_event_add_io(loop, NULL, in, POLLIN, on_quit, NULL);
        r = p ? sd_event_loop(loop) : 1;
        server_free(s);
        gate_free(config.gate);
        api_free(api);
        sd_event_unref(loop);
        return r;
}

static int quit_fd;

static UNUSED void setup_with(unsigned head, unsigned stall)
{
        int out[2], in[2];

        head_ms = head, stall_ms = stall;
        signal(SIGPIPE, SIG_IGN);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 }); /* whatever the machine says */
        cr_assert(mkdtemp(dir) && pipe2(out, O_CLOEXEC) == 0 && pipe2(in, O_CLOEXEC) == 0);
        ca = make_cert(NULL, "a CA", NULL, NULL, 10);
        other_ca = make_cert(NULL, "a CA", NULL, NULL, 10); /* of the same name */
        server_id = make_cert(&ca, "node", NULL, "serverAuth", 10);
        client_id = make_cert(&ca, "kube-apiserver", "system:masters", "clientAuth", 10);
        put_file("ca.crt", ca.cert, NULL);
        put_file("tls.crt", server_id.cert, NULL);
        put_file("tls.key", NULL, server_id.key);
        child = fork();
        if (child == 0) {
                int r;

                close(out[0]);
                close(in[1]);
                r = serve(out[1], in[0]);
                _exit(r);
        }
        close(out[1]);
        close(in[0]);
        quit_fd = in[1];
        cr_assert_eq(read(out[0], &port, sizeof(port)), sizeof(port));
        close(out[0]);
        cr_assert_neq(port, 0);
}

static UNUSED void setup(void)
{
        setup_with(FOR_EVER, FOR_EVER);
}

static UNUSED void setup_for_heads(void)
{
        setup_with(A_MOMENT, FOR_EVER);
}

static UNUSED void setup_for_readers(void)
{
        setup_with(FOR_EVER, A_MOMENT);
}

static UNUSED void setup_to_ask(void)
{
        ask_ms = 50;
        setup_with(FOR_EVER, FOR_EVER);
}

static UNUSED void setup_for_nobody(void)
{
        ask_ms = 1;
        says_no = true;
        setup_with(FOR_EVER, FOR_EVER);
}

static UNUSED void teardown(void)
{
        static const char *const names[] = { "ca.crt", "tls.crt", "tls.key", "new" };
        int status = 0;

        close(quit_fd);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the server ended with status %#x", (unsigned)status);
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                unlink(in_dir(names[i]));
        rmdir(dir);
        drop(&ca), drop(&other_ca), drop(&server_id), drop(&client_id);
}

/* ---- the client's side ------------------------------------------------------------------------------------------- */

struct client {
        SSL_CTX *context;
        SSL *ssl;
        int fd;
        struct buf in; /* read and not yet looked at */
};

static UNUSED int dial(void)
{
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
        return fd;
}

static UNUSED struct client client_new(const struct identity *id, int version, SSL_SESSION *session)
{
        struct client c = { .context = SSL_CTX_new(TLS_client_method()), .fd = dial(), .in = BUF(200 * 1024 * 1024) };

        if (id) {
                SSL_CTX_use_certificate(c.context, id->cert);
                SSL_CTX_use_PrivateKey(c.context, id->key);
        }
        if (version)
                SSL_CTX_set_max_proto_version(c.context, version);
        c.ssl = SSL_new(c.context);
        SSL_set_fd(c.ssl, c.fd);
        if (session)
                SSL_set_session(c.ssl, session);
        return c;
}

static UNUSED struct client client(const struct identity *id)
{
        struct client c = client_new(id, 0, NULL);

        cr_assert_eq(SSL_connect(c.ssl), 1);
        return c;
}

static UNUSED void hang_up(struct client *c)
{
        SSL_free(c->ssl);
        SSL_CTX_free(c->context);
        close(c->fd);
        buf_done(&c->in);
}

static UNUSED void say(struct client *c, const char *text)
{
        cr_assert_eq(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* False at the end. */
static UNUSED bool more(struct client *c)
{
        char bytes[16384];
        int n = SSL_read(c->ssl, bytes, sizeof(bytes));

        if (n > 0)
                buf_add(&c->in, bytes, (size_t)n);
        return n > 0;
}

/* The server said goodbye properly: not a byte is missing. */
static UNUSED bool ended_well(struct client *c)
{
        while (more(c))
                ;
        return SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN;
}

/* All up to `n` bytes or what ends with `end`; the caller owns it. */
static UNUSED char *take(struct client *c, size_t n, const char *end)
{
        char *p;

        for (;;) {
                const char *at = end && c->in.data ? strstr(c->in.data, end) : NULL;

                if (at)
                        n = (size_t)(at - c->in.data) + strlen(end);
                if ((at || !end) && c->in.len >= n)
                        break;
                cr_assert(more(c), "the connection ended early");
        }
        p = xmemdup(c->in.data ? c->in.data : "", n);
        buf_consume(&c->in, n);
        return p;
}

struct reply {
        int status;
        char *head, *body;
        size_t size;
};

static UNUSED void reply_done(struct reply *r)
{
        free(r->head);
        free(r->body);
}

static UNUSED struct reply take_reply(struct client *c, bool to_head)
{
        struct reply r = { .head = take(c, 0, "\r\n\r\n") };
        struct buf b = BUF(200 * 1024 * 1024);
        const char *length = strstr(r.head, "Content-Length: ");

        r.status = (int)strtol(r.head + strlen("HTTP/1.1 "), NULL, 10);
        cr_assert(starts_with(r.head, "HTTP/1.1 ") && strstr(r.head, "\r\nDate: ") &&
                  strstr(r.head, "\r\nContent-Type: ") && strstr(r.head, "\r\nX-Content-Type-Options: nosniff\r\n"));
        if (to_head)
                return r;
        if (length) {
                r.size = strtoul(length + strlen("Content-Length: "), NULL, 10);
                r.body = take(c, r.size, NULL);
                return r;
        }
        cr_assert_not_null(strstr(r.head, "\r\nTransfer-Encoding: chunked\r\n"));
        for (;;) {
                CLEANUP(freep) char *size = take(c, 0, "\r\n");
                size_t n = strtoul(size, NULL, 16);
                CLEANUP(freep) char *chunk = take(c, n + 2, NULL);

                cr_assert_str_eq(chunk + n, "\r\n");
                if (n == 0)
                        break;
                buf_add(&b, chunk, n);
        }
        r.size = b.len;
        r.body = buf_steal(&b);
        return r;
}

static UNUSED struct reply ask(struct client *c, const char *method, const char *target, const char *headers)
{
        CLEANUP(freep) char *text = xasprintf("%s %s HTTP/1.1\r\nHost: node\r\n%s\r\n", method, target, headers);

        say(c, text);
        return take_reply(c, streq(method, "HEAD"));
}

static UNUSED void expect(struct client *c, const char *method, const char *target, const char *headers, int status,
                          const char *body)
{
        struct reply r = ask(c, method, target, headers);

        cr_assert_eq(r.status, status, "%s %s: %d instead of %d", method, target, r.status, status);
        cr_assert_str_eq(r.body ? r.body : "", body);
        reply_done(&r);
}

static UNUSED void numbers(size_t *ret_produced, size_t *ret_closed)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "GET", "/numbers", "");
        char *end;

        *ret_produced = strtoul(r.body, &end, 10);
        *ret_closed = strtoul(end, NULL, 10);
        reply_done(&r);
        hang_up(&c);
}

static UNUSED void nap(void)
{
        nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
}

static UNUSED void wait_for_closed(size_t want)
{
        for (size_t p, k = 0; k < want; nap())
                numbers(&p, &k);
}

static UNUSED void expect_nobody(const struct identity *id, const char *what)
{
        static const char *const paths[] = { "/who", "/healthz", "/", "/no/such" };

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                struct client c = client(id);
                struct reply r = ask(&c, "GET", paths[i], "");

                cr_assert_eq(r.status, 401, "%s: %d", what, r.status);
                cr_assert_str_eq(r.body, "Unauthorized");
                reply_done(&r);
                cr_assert(ended_well(&c));
                hang_up(&c);
        }
}

#endif
