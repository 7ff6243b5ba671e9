/* SPDX-License-Identifier: Apache-2.0 */
/* Who may enter, by what certificate, and who has to wait until the API server has said so. */
#include "tests/unit/agent/server/serving.h"

TestSuite(server, .init = setup, .fini = teardown, .timeout = 1200);
TestSuite(server_gate, .init = setup_to_ask, .fini = teardown, .timeout = 1200);

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
