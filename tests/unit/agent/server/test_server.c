/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as its peers see it: a child process serves, the test is a blocking OpenSSL client. Certificates are made
 * here, in a folder of the test's own.
 */
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

static void extension(X509 *cert, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        cr_assert(e && X509_add_ext(cert, e, -1));
        X509_EXTENSION_free(e);
}

/* `issuer` NULL: signs itself. `usage` NULL: names none. `days` may be negative: expired. */
static struct identity make_cert(const struct identity *issuer, const char *cn, const char *organization,
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

static void drop(struct identity *id)
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
static void put_file(const char *name, const X509 *cert, const EVP_PKEY *key)
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

static void produce(void *userdata)
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

static void lost(void *userdata)
{
        closed++;
        free(userdata);
}

static int answer_now(sd_event_source *s, uint64_t usec UNUSED, void *userdata)
{
        response_send(userdata, 200, "text/plain", "later", 5);
        sd_event_source_unref(s);
        return 0;
}

static void lost_later(void *userdata UNUSED)
{
        closed++;
}

/* A session of streams, as exec has one: what comes in goes out, until it ends. */
struct echo {
        struct streams *streams;
        size_t left; /* bytes that it produces by itself */
        bool holds;  /* it takes nothing more after the first data */
};

static void echo_produce(void *userdata)
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

static void echo_data(void *userdata, struct stream *s UNUSED, const void *p, size_t n)
{
        struct echo *e = userdata;

        if (e->holds)
                streams_pause(e->streams);
        else if (!stream_write(streams_find(e->streams, STREAM_STDOUT), p, n))
                streams_pause(e->streams);
}

static void echo_ended(void *userdata, struct stream *s UNUSED)
{
        struct echo *e = userdata;

        streams_status(e->streams, 0, NULL);
        streams_finish(e->streams);
        free(e);
}

static void echo_drain(void *userdata)
{
        struct echo *e = userdata;

        if (e->left > 0)
                echo_produce(e);
        else
                streams_resume(e->streams);
}

static void upgrade(const struct request *r, struct response *res)
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

static void handler(void *userdata UNUSED, const struct request *r, struct response *res)
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

static int on_thought(sd_event_source *s, uint64_t usec UNUSED, void *userdata)
{
        static const char yes[] = "HTTP/1.1 201 x\r\nContent-Length: 27\r\n\r\n{\"status\":{\"allowed\":true}}";
        static const char no[] = "HTTP/1.1 201 x\r\nContent-Length: 28\r\n\r\n{\"status\":{\"allowed\":false}}";

        (void)!write((int)(intptr_t)userdata, says_no ? no : yes, says_no ? sizeof(no) - 1 : sizeof(yes) - 1);
        sd_event_source_unref(s);
        return 0;
}

static int on_review(sd_event_source *s, int fd, uint32_t events UNUSED, void *userdata UNUSED)
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

static int on_api_client(sd_event_source *s UNUSED, int fd, uint32_t events UNUSED, void *userdata UNUSED)
{
        return sd_event_add_io(loop, NULL, accept4(fd, NULL, NULL, SOCK_CLOEXEC), POLLIN, on_review, NULL);
}

static struct gate_config asking_gate(const struct gate_config *base)
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

static int on_quit(sd_event_source *s UNUSED, int fd UNUSED, uint32_t events UNUSED, void *userdata UNUSED)
{
        return sd_event_exit(loop, 0);
}

/* Tells its port through `out`, and serves until `in` is closed. */
static int serve(int out, int in)
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

static void setup_with(unsigned head, unsigned stall)
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

static void setup(void)
{
        setup_with(FOR_EVER, FOR_EVER);
}

static void setup_for_heads(void)
{
        setup_with(A_MOMENT, FOR_EVER);
}

static void setup_for_readers(void)
{
        setup_with(FOR_EVER, A_MOMENT);
}

static void setup_to_ask(void)
{
        ask_ms = 50;
        setup_with(FOR_EVER, FOR_EVER);
}

static void setup_for_nobody(void)
{
        ask_ms = 1;
        says_no = true;
        setup_with(FOR_EVER, FOR_EVER);
}

static void teardown(void)
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

TestSuite(server, .init = setup, .fini = teardown, .timeout = 1200);
TestSuite(server_heads, .init = setup_for_heads, .fini = teardown, .timeout = 1200);
TestSuite(server_gate, .init = setup_to_ask, .fini = teardown, .timeout = 1200);
TestSuite(server_nobody, .init = setup_for_nobody, .fini = teardown, .timeout = 1200);
TestSuite(server_readers, .init = setup_for_readers, .fini = teardown, .timeout = 1200);

/* ---- the client's side ------------------------------------------------------------------------------------------- */

struct client {
        SSL_CTX *context;
        SSL *ssl;
        int fd;
        struct buf in; /* read and not yet looked at */
};

static int dial(void)
{
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
        return fd;
}

static struct client client_new(const struct identity *id, int version, SSL_SESSION *session)
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

static struct client client(const struct identity *id)
{
        struct client c = client_new(id, 0, NULL);

        cr_assert_eq(SSL_connect(c.ssl), 1);
        return c;
}

static void hang_up(struct client *c)
{
        SSL_free(c->ssl);
        SSL_CTX_free(c->context);
        close(c->fd);
        buf_done(&c->in);
}

static void say(struct client *c, const char *text)
{
        cr_assert_eq(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* False at the end. */
static bool more(struct client *c)
{
        char bytes[16384];
        int n = SSL_read(c->ssl, bytes, sizeof(bytes));

        if (n > 0)
                buf_add(&c->in, bytes, (size_t)n);
        return n > 0;
}

/* The server said goodbye properly: not a byte is missing. */
static bool ended_well(struct client *c)
{
        while (more(c))
                ;
        return SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN;
}

/* All up to `n` bytes or what ends with `end`; the caller owns it. */
static char *take(struct client *c, size_t n, const char *end)
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

static void reply_done(struct reply *r)
{
        free(r->head);
        free(r->body);
}

static struct reply take_reply(struct client *c, bool to_head)
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

static struct reply ask(struct client *c, const char *method, const char *target, const char *headers)
{
        CLEANUP(freep) char *text = xasprintf("%s %s HTTP/1.1\r\nHost: node\r\n%s\r\n", method, target, headers);

        say(c, text);
        return take_reply(c, streq(method, "HEAD"));
}

static void expect(struct client *c, const char *method, const char *target, const char *headers, int status,
                   const char *body)
{
        struct reply r = ask(c, method, target, headers);

        cr_assert_eq(r.status, status, "%s %s: %d instead of %d", method, target, r.status, status);
        cr_assert_str_eq(r.body ? r.body : "", body);
        reply_done(&r);
}

static void numbers(size_t *ret_produced, size_t *ret_closed)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "GET", "/numbers", "");
        char *end;

        *ret_produced = strtoul(r.body, &end, 10);
        *ret_closed = strtoul(end, NULL, 10);
        reply_done(&r);
        hang_up(&c);
}

static void nap(void)
{
        nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
}

static void wait_for_closed(size_t want)
{
        for (size_t p, k = 0; k < want; nap())
                numbers(&p, &k);
}

/* ---- who may enter ----------------------------------------------------------------------------------------------- */

static void expect_nobody(const struct identity *id, const char *what)
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

Test(server, without_a_certificate_everything_is_unauthorized)
{
        expect_nobody(NULL, "no certificate");
}

Test(server, a_certificate_of_another_ca_is_unauthorized)
{
        struct identity id = make_cert(&other_ca, "kube-apiserver", "system:masters", "clientAuth", 10);

        expect_nobody(&id, "other CA");
        drop(&id);
        id = make_cert(NULL, "kube-apiserver", "system:masters", "clientAuth", 10);
        expect_nobody(&id, "self-signed");
        drop(&id);
}

Test(server, a_certificate_for_another_purpose_is_unauthorized)
{
        struct identity id = make_cert(&ca, "kube-apiserver", NULL, "serverAuth", 10);

        expect_nobody(&id, "serverAuth");
        expect_nobody(&server_id, "the server's own");
        drop(&id);
        id = make_cert(&ca, "kube-apiserver", NULL, NULL, 10);
        expect_nobody(&id, "no usage");
        drop(&id);
}

Test(server, an_expired_certificate_is_unauthorized)
{
        struct identity id = make_cert(&ca, "kube-apiserver", NULL, "clientAuth", -1);

        expect_nobody(&id, "expired");
        drop(&id);
}

Test(server, a_certificate_signed_by_a_client_is_unauthorized)
{
        struct identity id = make_cert(&client_id, "kube-apiserver", "system:masters", "clientAuth", 10);

        expect_nobody(&id, "signed by a client");
        drop(&id);
}

Test(server, a_certificate_without_exactly_one_name_is_unauthorized)
{
        struct identity id = make_cert(&ca, NULL, "system:masters", "clientAuth", 10);

        expect_nobody(&id, "no CN");
        drop(&id);
        id = make_cert(&ca, "one", NULL, "clientAuth", 10);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_UTF8, (const unsigned char *)"two",
                                   -1, -1, 0);
        X509_sign(id.cert, ca.key, EVP_sha256());
        expect_nobody(&id, "two CNs");
        drop(&id);
}

Test(server, the_right_certificate_enters_with_its_name_and_groups)
{
        struct client c = client(&client_id);

        expect(&c, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        hang_up(&c);
}

Test(server, old_tls_is_refused)
{
        struct client c = client_new(&client_id, TLS1_1_VERSION, NULL);

        SSL_set_cipher_list(c.ssl, "ALL:@SECLEVEL=0");
        cr_assert_neq(SSL_connect(c.ssl), 1);
        hang_up(&c);
}

Test(server, no_session_is_resumed)
{
        static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

        for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
                struct client c = client_new(&client_id, versions[i], NULL), again;
                SSL_SESSION *session;

                cr_assert_eq(SSL_connect(c.ssl), 1);
                expect(&c, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
                session = SSL_get1_session(c.ssl);
                again = client_new(NULL, versions[i], session);
                cr_assert_eq(SSL_connect(again.ssl), 1);
                cr_assert_not(SSL_session_reused(again.ssl));
                expect(&again, "GET", "/who", "", 401, "Unauthorized");
                SSL_SESSION_free(session);
                hang_up(&again);
                hang_up(&c);
        }
}

/* ---- who has to wait at the gate --------------------------------------------------------------------------------- */

Test(server_gate, a_request_waits_for_the_api_servers_word_and_the_next_does_not)
{
        struct client c = client(&client_id), other = client(&client_id);

        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        expect(&c, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        expect(&other, "GET", "/reviews", "", 200, "1");
        expect(&c, "POST", "/reviews", "", 200, "2"); /* another verb is another question */
        hang_up(&other);
        hang_up(&c);
}

Test(server_gate, pipelined_requests_wait_in_order)
{
        struct client c = client(&client_id);

        say(&c, "GET /echo?x=1 HTTP/1.1\r\nHost: n\r\n\r\nPOST /echo?x=2 HTTP/1.1\r\nHost: n\r\n\r\n"
                "GET /later HTTP/1.1\r\nHost: n\r\n\r\nGET /short HTTP/1.1\r\nHost: n\r\n\r\n");
        for (int i = 0; i < 4; i++) {
                static const char *const want[] = { "GET 1", "POST 2", "later", NULL };
                struct reply r = take_reply(&c, false);

                cr_assert_eq(r.status, 200);
                cr_assert(want[i] ? streq(r.body, want[i]) : r.size == 25000, "%d: %s", i, r.body);
                reply_done(&r);
        }
        hang_up(&c);
}

Test(server_gate, whoever_leaves_meanwhile_is_forgotten)
{
        for (int i = 0; i < 20; i++) {
                struct client c = client(&client_id);

                say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
                if (i % 2)
                        nap();
                hang_up(&c);
        }
        struct client c = client(&client_id);

        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        hang_up(&c);
}

Test(server_gate, a_stranger_is_not_asked_about)
{
        struct client c = client(NULL);

        expect(&c, "GET", "/echo?x=1", "Authorization: Basic dXNlcg==\r\n", 401, "Unauthorized");
        hang_up(&c);
        c = client(&client_id);
        expect(&c, "GET", "/reviews", "", 200, "1"); /* that is its own */
        hang_up(&c);
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

Test(server, a_connection_serves_many_requests)
{
        struct client c = client(&client_id);

        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        expect(&c, "POST", "/echo?x=a%20b", "Content-Length: 0\r\n", 200, "POST a b");
        expect(&c, "HEAD", "/echo?x=1", "", 200, "");
        expect(&c, "GET", "/no", "", 404, "no such path /no");
        expect(&c, "DELETE", "/echo", "", 405, "method DELETE is not served here");
        expect(&c, "GET", "/nothing", "", 500, "no answer");
        expect(&c, "GET", "/later", "", 200, "later");
        expect(&c, "GET", "/echo?x=2", "Connection: close\r\n", 200, "GET 2");
        cr_assert(ended_well(&c));
        hang_up(&c);
}

Test(server, pipelined_requests_are_answered_in_order)
{
        struct client c = client(&client_id);
        struct buf b = BUF(64 * 1024);

        for (int i = 0; i < 100; i++)
                buf_printf(&b, "GET /%s?x=%d HTTP/1.1\r\nHost: n\r\n\r\n", i % 10 == 3 ? "later" : "echo", i);
        say(&c, b.data);
        buf_done(&b);
        for (int i = 0; i < 100; i++) {
                struct reply r = take_reply(&c, false);
                char want[32];

                snprintf(want, sizeof(want), "GET %d", i);
                cr_assert_str_eq(r.body, i % 10 == 3 ? "later" : want);
                reply_done(&r);
        }
        hang_up(&c);
}

Test(server, pipelined_requests_wait_for_a_slow_reader)
{
        struct client c = client(&client_id);
        struct buf b = BUF(64 * 1024);

        for (int i = 0; i < 30; i++) /* 90 MB of answers are more than a connection may hold */
                buf_str(&b, "GET /big HTTP/1.1\r\nHost: n\r\n\r\n");
        say(&c, b.data);
        buf_done(&b);
        for (int i = 0; i < 30; i++) {
                struct reply r = take_reply(&c, false);

                cr_assert_eq(r.size, 3 * 1024 * 1024);
                reply_done(&r);
        }
        hang_up(&c);
}

Test(server, what_is_malformed_is_answered_and_hung_up_on)
{
        static const struct {
                const char *text;
                int status;
        } table[] = {
                { "GET / HTTP/1.1\r\n\r\n", 400 },
                { "GET /%zz HTTP/1.1\r\nHost: n\r\n\r\nGET / HTTP/1.1\r\n", 400 },
                { "POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501 },
                { "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\n\r\nabc", 413 },
                { "GET / HTTP/3.0\r\nHost: n\r\n\r\n", 505 },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct client c = client(&client_id);
                struct reply r;

                say(&c, table[i].text);
                r = take_reply(&c, false);
                cr_assert_eq(r.status, table[i].status, "%s", table[i].text);
                cr_assert_not_null(strstr(r.head, "\r\nConnection: close\r\n"));
                reply_done(&r);
                cr_assert(ended_well(&c));
                hang_up(&c);
        }
}

Test(server, an_endless_head_is_refused)
{
        struct client c = client(&client_id);
        struct reply r;

        say(&c, "GET / HTTP/1.1\r\nHost: n\r\nx: ");
        for (int i = 0; i < SERVER_HEAD_MAX / 32; i++)
                say(&c, "0123456789abcdef0123456789abcdef");
        r = take_reply(&c, false);
        cr_assert_eq(r.status, 431);
        reply_done(&r);
        cr_assert(ended_well(&c));
        hang_up(&c);
}

/* Without the lingering close the kernel would answer the body with RST, and the answer would be lost. */
Test(server, the_last_answer_arrives_although_the_peer_is_still_sending)
{
        for (int round = 0; round < 10; round++) {
                struct client c = client(&client_id);
                char *body = xcalloc(1, 1000001);
                struct reply r;

                for (int i = 0; i < 1000000; i++)
                        body[i] = 'b';
                say(&c, "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 1000000\r\n\r\n");
                say(&c, body);
                free(body);
                r = take_reply(&c, false);
                cr_assert_eq(r.status, 413);
                reply_done(&r);
                cr_assert(ended_well(&c));
                hang_up(&c);
        }
}

Test(server, answers_arrive_although_the_peer_has_ended_its_side)
{
        struct client c = client(&client_id);
        struct reply r;

        say(&c, "GET /big HTTP/1.1\r\nHost: n\r\n\r\nGET /big HTTP/1.1\r\nHost: n\r\n\r\n");
        SSL_shutdown(c.ssl);
        r = take_reply(&c, false);
        cr_assert_eq(r.size, 3 * 1024 * 1024);
        reply_done(&r);
        hang_up(&c);
}

Test(server, a_stream_comes_in_chunks)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "GET", "/short", "");

        cr_assert_eq(r.status, 200);
        cr_assert_eq(r.size, 25000);
        cr_assert_eq(strspn(r.body, "x"), 25000);
        reply_done(&r);
        expect(&c, "GET", "/echo?x=1", "", 200, "GET 1");
        hang_up(&c);
}

Test(server, the_end_of_a_stream_has_a_record_of_its_own)
{
        static const char *const paths[] = { "/short", "/tiny", "/short" };
        struct client c = client(&client_id);

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                CLEANUP(freep) char *request = xasprintf("GET %s HTTP/1.1\r\nHost: node\r\n\r\n", paths[i]);
                char record[16384];
                bool ended = false;

                say(&c, request);
                while (!ended) {
                        int n = SSL_read(c.ssl, record, sizeof(record));

                        cr_assert_gt(n, 0);
                        ended = n == 5 && memcmp(record, "0\r\n\r\n", 5) == 0;
                        cr_assert(ended || !memmem(record, (size_t)n, "\r\n0\r\n\r\n", 7));
                }
        }
        hang_up(&c);
}

Test(server, a_stream_to_an_old_client_ends_with_the_connection)
{
        struct client c = client(&client_id);
        char *head;

        say(&c, "GET /short HTTP/1.0\r\n\r\n");
        head = take(&c, 0, "\r\n\r\n");
        cr_assert_null(strstr(head, "chunked"));
        free(head);
        cr_assert(ended_well(&c));
        cr_assert_eq(c.in.len, 25000);
        hang_up(&c);
}

Test(server, a_stream_for_head_is_its_head)
{
        struct client c = client(&client_id);
        struct reply r = ask(&c, "HEAD", "/quiet", "");

        cr_assert_eq(r.status, 200);
        reply_done(&r);
        cr_assert(ended_well(&c));
        cr_assert_eq(c.in.len, 0);
        hang_up(&c);
        wait_for_closed(1);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

Test(server, a_slow_reader_makes_the_producer_wait)
{
        struct client c = client(&client_id);
        size_t before = 0, now = 1, k;
        struct reply r;

        say(&c, "GET /stream HTTP/1.1\r\nHost: n\r\n\r\n");
        while (now != before ||
               now == 0) { /* until it stands still; the kernel's buffers on both sides take a few MB */
                before = now;
                nap();
                numbers(&now, &k);
        }
        cr_assert(now < 16 * 1024 * 1024, "%zu bytes were produced for a reader that does not read", now);
        cr_assert_eq(k, 0);
        r = take_reply(&c, false);
        cr_assert_eq(r.size, STREAM_SIZE);
        reply_done(&r);
        hang_up(&c);
}

Test(server_readers, whoever_never_reads_is_dropped)
{
        struct client c = client(&client_id);

        say(&c, "GET /stream HTTP/1.1\r\nHost: n\r\n\r\n");
        wait_for_closed(1);
        hang_up(&c);
}

Test(server, a_stream_learns_that_its_peer_went_away)
{
        struct client c = client(&client_id);

        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        hang_up(&c); /* just so */
        wait_for_closed(1);
        c = client(&client_id);
        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        SSL_shutdown(c.ssl); /* with a word */
        hang_up(&c);
        wait_for_closed(2);
        c = client(&client_id);
        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&c, 0, "\r\n\r\n"));
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                   sizeof(struct linger)); /* with a slam */
        hang_up(&c);
        wait_for_closed(3);
}

Test(server, a_stream_whose_peer_sends_too_much_meanwhile_is_dropped)
{
        struct client c = client(&client_id);
        char block[8192];

        say(&c, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        memset(block, 'x', sizeof(block));
        for (int i = 0; i < 8; i++)
                if (SSL_write(c.ssl, block, sizeof(block)) <= 0)
                        break;
        wait_for_closed(1);
        hang_up(&c);
}

/* Says `text` on a connection of its own, and hears a first word if there is to be one. The server's moment may be over
 * before: then once more. */
static struct client said(const char *text, bool answered)
{
        for (;;) {
                struct client c = client_new(&client_id, 0, NULL);

                if (SSL_connect(c.ssl) == 1 && SSL_write(c.ssl, text, (int)strlen(text)) > 0 && (!answered || more(&c)))
                        return c;
                hang_up(&c);
        }
}

Test(server_heads, whoever_sends_none_in_time_is_dropped)
{
        struct client served = said("GET /echo?x=1 HTTP/1.1\r\nHost: node\r\n\r\n", true),
                      c = said("GET / HTTP/1.1\r\nx: ", false);
        struct reply r = take_reply(&served, false);
        int silent = dial();
        char byte;

        cr_assert_str_eq(r.body, "GET 1");
        reply_done(&r);
        while (SSL_write(c.ssl, "y", 1) == 1) /* drop by drop */
                nap();
        hang_up(&c);
        cr_assert(read(silent, &byte, 1) <= 0); /* not even a handshake */
        close(silent);
        expect(&served, "GET", "/echo?x=2", "", 200, "GET 2");
        while (SSL_write(served.ssl, "y", 1) == 1) /* in a later head */
                nap();
        hang_up(&served);
}

Test(server, strangers_cannot_keep_others_out)
{
        int silent[SERVER_CONNECTIONS_MAX];
        struct client early = client(&client_id), late;

        expect(&early, "GET", "/echo?x=1", "", 200, "GET 1");
        for (size_t i = 0; i < ARRAY_LEN(silent); i++)
                silent[i] = dial();
        late = client(&client_id);
        expect(&late, "GET", "/echo?x=2", "", 200, "GET 2");
        expect(&early, "GET", "/echo?x=3", "", 200, "GET 3");
        for (size_t i = 0; i < ARRAY_LEN(silent); i++)
                close(silent[i]);
        hang_up(&early);
        hang_up(&late);
}

/* Whoever may nothing keeps nobody out either, and neither do those who ask for nothing any more. */
Test(server_nobody, whoever_may_nothing_cannot_keep_others_out)
{
        static struct client idle[SERVER_CONNECTIONS_MAX];
        struct client late;

        for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
                idle[i] = client(&client_id);
                expect(&idle[i], "GET", "/echo?x=1", "", 403,
                       "Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[proxy])");
        }
        late = client(&client_id);
        expect(&late, "POST", "/echo?x=2", "", 403,
               "Forbidden (user=kube-apiserver, verb=create, resource=nodes, subresource(s)=[proxy])");
        hang_up(&late);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                hang_up(&idle[i]);
}

Test(server, whoever_rests_makes_room_and_whoever_works_does_not)
{
        static struct client idle[SERVER_CONNECTIONS_MAX];
        struct client stream = client(&client_id), late;

        say(&stream, "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
        free(take(&stream, 0, "\r\n\r\n"));
        for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
                idle[i] = client(&client_id);
                expect(&idle[i], "GET", "/echo?x=1", "", 200, "GET 1");
        }
        late = client(&client_id);
        expect(&late, "GET", "/numbers", "", 200, "0 0"); /* the stream is there */
        cr_assert_not(more(&idle[0]));
        cr_assert_not(more(&idle[1]));
        expect(&idle[ARRAY_LEN(idle) - 1], "GET", "/echo?x=2", "", 200, "GET 2");
        hang_up(&stream);
        hang_up(&late);
        for (size_t i = 0; i < ARRAY_LEN(idle); i++)
                hang_up(&idle[i]);
}

Test(server, nobody_has_all_connections_for_himself)
{
        static struct client streams[SERVER_OF_ONE_CALLER_MAX];
        struct identity id = make_cert(&ca, "another", NULL, "clientAuth", 10);
        struct client c, other = client(&id);

        for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
                streams[i] = client(&client_id);
                say(&streams[i], "GET /quiet HTTP/1.1\r\nHost: n\r\n\r\n");
                free(take(&streams[i], 0, "\r\n\r\n"));
        }
        c = client(&client_id);
        expect(&c, "GET", "/echo?x=1", "", 429, "768 requests of kube-apiserver are being answered already");
        expect(&other, "GET", "/echo?x=1", "", 200, "GET 1");
        hang_up(&streams[0]);
        for (size_t produced_, closed_ = 0; closed_ < 1; nap()) {
                struct reply r = ask(&other, "GET", "/numbers", "");

                cr_assert_eq(sscanf(r.body, "%zu %zu", &produced_, &closed_), 2);
                reply_done(&r);
        }
        expect(&c, "GET", "/echo?x=2", "", 200, "GET 2");
        hang_up(&c);
        hang_up(&other);
        for (size_t i = 1; i < ARRAY_LEN(streams); i++)
                hang_up(&streams[i]);
        drop(&id);
}

/* ---- upgrades ---------------------------------------------------------------------------------------------------- */

static const char spdy_headers[] =
        "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n"
        "X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"
        "X-Stream-Protocol-Version: v4.channel.k8s.io\r\nX-Stream-Protocol-Version: v3.channel.k8s.io\r\n";
static const char websocket_headers[] =
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n";

/* What peer.h makes for a connection of its own goes to this one. */
static struct peer wire;

static void wire_init(void)
{
        wire = (struct peer){ .in = BUF(200 << 20), .out = BUF(200 << 20), .carrier_paused = true };
        uint8_t dictionary[SPDY_DICTIONARY];

        spdy_dictionary(dictionary);
        deflateInit(&wire.deflate, 9);
        deflateSetDictionary(&wire.deflate, dictionary, sizeof(dictionary));
        inflateInit(&wire.inflate);
}

static void wire_done(void)
{
        deflateEnd(&wire.deflate);
        inflateEnd(&wire.inflate);
        buf_done(&wire.in);
        buf_done(&wire.out);
}

static void flush_wire(struct client *c)
{
        for (size_t done = 0; done < wire.in.len;) {
                int n = SSL_write(c->ssl, wire.in.data + done, (int)(wire.in.len - done));

                cr_assert_gt(n, 0);
                done += (size_t)n;
        }
        buf_reset(&wire.in);
}

/* All that comes until the end, as peer.h's text. */
static const char *rest(struct client *c)
{
        cr_assert(ended_well(c));
        buf_add(&wire.out, c->in.data, c->in.len);
        buf_reset(&c->in);
        return sent(&wire);
}

static struct client upgraded(const char *method, const char *target, const char *headers)
{
        struct client c = client(&client_id);
        CLEANUP(freep) char *text = xasprintf("%s %s HTTP/1.1\r\nHost: node\r\n%s\r\n", method, target, headers);
        CLEANUP(freep) char *head = NULL;

        say(&c, text);
        head = take(&c, 0, "\r\n\r\n");
        cr_assert(starts_with(head, "HTTP/1.1 101 Switching Protocols\r\n"), "%s", head);
        cr_assert_not_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
        cr_assert_null(strstr(head, "Content-"));
        if (headers == spdy_headers)
                cr_assert(strstr(head, "\r\nUpgrade: SPDY/3.1\r\n") &&
                          strstr(head, "\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
        else
                cr_assert(strstr(head, "\r\nUpgrade: websocket\r\n") &&
                          strstr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") &&
                          strstr(head, "\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
        wire_init();
        return c;
}

Test(server, a_connection_becomes_one_of_spdy)
{
        static const char *const methods[] = { "GET", "POST" };

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                struct client c = upgraded(methods[i], "/exec", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, "hello", 5, true);
                flush_wire(&c);
                cr_assert_str_eq(rest(&c),
                                 "reply 1\nreply 3\nreply 5\n5: hello\n"
                                 "1: {\"metadata\":{},\"status\":\"Success\"}\n1: $\n3: $\n5: $\ngoaway 5 0\n");
                wire_done();
                hang_up(&c);
        }
}

Test(server, frames_may_follow_the_request_at_once)
{
        struct client c = client(&client_id);
        struct buf all = BUF(1 << 20);
        CLEANUP(freep) char *head = NULL;

        wire_init();
        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        spdy_send(&wire, 3, "hello", 5, true);
        buf_printf(&all, "POST /exec HTTP/1.1\r\nHost: node\r\n%s\r\n", spdy_headers);
        buf_add(&all, wire.in.data, wire.in.len);
        cr_assert_eq(SSL_write(c.ssl, all.data, (int)all.len), (int)all.len);
        head = take(&c, 0, "\r\n\r\n");
        cr_assert(starts_with(head, "HTTP/1.1 101 "));
        cr_assert_not_null(strstr(rest(&c), "5: hello\n"));
        buf_done(&all);
        wire_done();
        hang_up(&c);
}

Test(server, a_connection_becomes_a_websocket)
{
        struct client c = upgraded("GET", "/exec", websocket_headers);
        const char *text;

        ws_send(&wire, true, WEBSOCKET_BINARY, "\0hello", 6);
        ws_send(&wire, true, WEBSOCKET_PING, "?", 1);
        ws_send(&wire, true, WEBSOCKET_BINARY, "\xff\0", 2);
        flush_wire(&c);
        cr_assert(ended_well(&c));
        buf_add(&wire.out, c.in.data, c.in.len);
        text = ws_sent(&wire);
        cr_assert_str_eq(text, "1: hello\nopcode 10: ?\n3: {\"metadata\":{},\"status\":\"Success\"}\nclose 1000\n");
        wire_done();
        hang_up(&c);
}

Test(server, what_is_no_upgrade_is_answered_and_the_connection_goes_on)
{
        struct client c = client(&client_id);
        struct reply r;

        expect(&c, "POST", "/exec", "", 400, "unable to upgrade: the request does not ask for it");
        expect(&c, "POST", "/exec", "Upgrade: SPDY/3.1\r\n", 400, "unable to upgrade: the request does not ask for it");
        expect(&c, "GET", "/exec", "Connection: Upgrade\r\nUpgrade: h2c\r\n", 400,
               "unable to upgrade: only SPDY/3.1 and websocket are spoken here");
        expect(&c, "POST", "/exec", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n", 400,
               "unable to upgrade: there is no header X-Stream-Protocol-Version");
        r = ask(&c, "POST", "/exec", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v9\r\n");
        cr_assert_eq(r.status, 403);
        cr_assert_not_null(strstr(r.head, "\r\nX-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"
                                          "X-Accepted-Stream-Protocol-Versions: v3.channel.k8s.io\r\n"));
        reply_done(&r);
        r = ask(&c, "GET", "/exec", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n");
        cr_assert_eq(r.status, 426);
        cr_assert_not_null(strstr(r.head, "\r\nSec-WebSocket-Version: 13\r\n"));
        reply_done(&r);
        expect(&c, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        hang_up(&c);
}

/* As it is with `exec -i`: the client is still sending when the last frame has gone out. */
Test(server, the_last_frame_arrives_although_the_peer_is_still_sending)
{
        static char block[1 << 20];

        for (int i = 0; i < 10; i++) {
                struct client c = upgraded("POST", "/exec", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, "hello", 5, true);
                spdy_send(&wire, 3, block, sizeof(block), false);
                flush_wire(&c);
                cr_assert_not_null(strstr(rest(&c), "goaway 5 0\n"));
                wire_done();
                hang_up(&c);
        }
}

Test(server, a_command_that_writes_waits_for_a_slow_reader)
{
        struct client c = upgraded("POST", "/exec/much", spdy_headers);
        size_t made = 0, last = 1, gone;
        const char *text;

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdout");
        flush_wire(&c);
        for (; made == 0 || made != last; nap()) {
                last = made;
                numbers(&made, &gone);
        }
        cr_assert_lt(made, 20 * 1024 * 1024);
        text = rest(&c);
        cr_assert(ends_with(text, "{\"reason\":\"ExitCode\",\"message\":\"7\"}]}}\n1: $\n3: $\ngoaway 3 0\n"), "%s",
                  text + strlen(text) - 100);
        numbers(&made, &gone);
        cr_assert_eq(made, (size_t)STREAM_SIZE);
        wire_done();
        hang_up(&c);
}

/* Three ways to go while the session takes no input; none of them leaves it there. */
Test(server, a_session_that_reads_nothing_learns_that_its_peer_went_away)
{
        static const char block[100000];

        for (int way = 0; way < 3; way++) {
                struct client c = upgraded("POST", "/exec/hold", spdy_headers);

                spdy_syn(&wire, 1, "error");
                spdy_syn(&wire, 3, "stdin");
                spdy_syn(&wire, 5, "stdout");
                spdy_send(&wire, 3, block, way == 2 ? 10 : sizeof(block), false);
                flush_wire(&c);
                free(take(&c, 22 + 2 * 26 - 4, NULL));
                if (way == 0)
                        shutdown(c.fd, SHUT_WR);
                else if (way == 1)
                        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                                   sizeof(struct linger));
                wire_done();
                if (way == 0) {
                        wait_for_closed(1);
                        hang_up(&c);
                } else {
                        hang_up(&c);
                        wait_for_closed((size_t)way + 1);
                }
        }
}

/* It asks for an answer to each ping, and reads none: it comes to a stop, and the others do not. */
Test(server, a_flood_of_pings_costs_only_its_client)
{
        struct client c = upgraded("POST", "/exec", spdy_headers);
        struct pollfd p = { .fd = c.fd, .events = POLLOUT };
        size_t written = 0, n_pings = 0;

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        flush_wire(&c);
        for (uint32_t i = 0; i < 1000; i++)
                spdy_control(&wire, SPDY_PING, 2 * i + 1, 0, 4);
        fcntl(c.fd, F_SETFL, O_NONBLOCK);
        while (written < 64 << 20) {
                int n = SSL_write(c.ssl, wire.in.data, (int)wire.in.len);

                if (n > 0)
                        written += (size_t)n;
                else if (poll(&p, 1, 2000) == 0)
                        break;
        }
        cr_assert_lt(written, 64 << 20);
        for (int i = 0; i < 10; i++) {
                struct client other = client(&client_id);

                expect(&other, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
                hang_up(&other);
        }
        /* Once it reads, it goes on. */
        fcntl(c.fd, F_SETFL, 0);
        while (n_pings < written / 12 - 2000) {
                cr_assert(more(&c));
                n_pings = c.in.len / 12;
        }
        wire_done();
        hang_up(&c);
}

/* What ends one connection is told to no other one. */
Test(server, a_broken_frame_ends_its_connection_alone)
{
        static const char bomb[] = "\x80\x03\0\x01\0\0\x40\x01";
        struct client good = upgraded("POST", "/exec", spdy_headers);

        spdy_syn(&wire, 1, "error");
        spdy_syn(&wire, 3, "stdin");
        spdy_syn(&wire, 5, "stdout");
        flush_wire(&good);
        for (int i = 0; i < 20; i++) {
                struct client bad = client(&client_id);
                CLEANUP(freep) char *text = xasprintf("POST /exec HTTP/1.1\r\nHost: node\r\n%s\r\n", spdy_headers);

                say(&bad, text);
                free(take(&bad, 0, "\r\n\r\n"));
                cr_assert_eq(SSL_write(bad.ssl, bomb, 8), 8);
                cr_assert(ended_well(&bad));
                cr_assert_eq(bad.in.len, SPDY_HEAD + 8); /* GOAWAY */
                hang_up(&bad);
        }
        wait_for_closed(20);
        spdy_send(&wire, 3, "hello", 5, true);
        flush_wire(&good);
        cr_assert_not_null(strstr(rest(&good), "5: hello\n"));
        wire_done();
        hang_up(&good);
}

/* ---- rotation ---------------------------------------------------------------------------------------------------- */

static bool serves(const struct identity *id)
{
        struct client c = client(&client_id);
        X509 *cert = SSL_get1_peer_certificate(c.ssl);
        bool same = X509_cmp(cert, id->cert) == 0;

        X509_free(cert);
        hang_up(&c);
        return same;
}

Test(server, a_rotated_certificate_is_taken_for_new_connections)
{
        struct client old = client(&client_id);
        struct identity fresh = make_cert(&ca, "node", NULL, "serverAuth", 10);

        expect(&old, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        put_file("tls.crt", fresh.cert, NULL);
        for (int i = 0; i < 10; i++) { /* not yet: it does not fit the key */
                cr_assert(serves(&server_id));
                nap();
        }
        put_file("tls.key", NULL, fresh.key);
        while (!serves(&fresh))
                nap();
        put_file("tls.key", NULL, NULL);
        for (int i = 0; i < 10; i++) {
                cr_assert(serves(&fresh));
                nap();
        }
        expect(&old, "GET", "/who", "", 200, "kube-apiserver system:masters system:authenticated");
        hang_up(&old);
        drop(&fresh);
}

Test(server, a_rotated_client_ca_is_taken_for_new_connections)
{
        struct identity theirs = make_cert(&other_ca, "other", NULL, "clientAuth", 10);
        int status = 401;

        expect_nobody(&theirs, "not yet");
        put_file("ca.crt", other_ca.cert, NULL);
        for (; status == 401; nap()) {
                struct client c = client(&theirs);
                struct reply r = ask(&c, "GET", "/who", "");

                status = r.status;
                reply_done(&r);
                hang_up(&c);
        }
        cr_assert_eq(status, 200);
        expect_nobody(&client_id, "no more");
        drop(&theirs);
}
