/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/certs/k3s.h"

Test(k3s, headers)
{
        static const char *const ips[] = { "192.0.2.1", "2001:db8::1", NULL };
        char *lines[K3S_HEADERS];

        k3s_headers("n1", "0123", ips, lines);
        cr_assert_str_eq(lines[0], "k3s-Node-Name: n1");
        cr_assert_str_eq(lines[1], "k3s-Node-Password: 0123");
        cr_assert_str_eq(lines[2], "k3s-Node-IP: 192.0.2.1,2001:db8::1");
        cr_assert_str_eq(lines[3], "Content-Type:");
        k3s_headers_done(lines);
        cr_assert_null(lines[1]);
        k3s_headers("n1", "0123", NULL, lines);
        cr_assert_str_eq(lines[2], "k3s-Node-IP: ");
        k3s_headers_done(lines);
}

Test(k3s, answers_in_words)
{
        static const struct {
                long status;
                bool renewal;
                const char *body;
                int result;
                const char *words;
        } rows[] = {
                { 200, false, "", 0, "" },
                { 401, false, "", -EACCES, "password" },
                { 401, true, "", -EACCES, "vks-agent join" },
                { 403, false, "", -EACCES, "kubectl -n kube-system delete secret n1.node-password.k3s" },
                { 403, true, "", -EACCES, "--node-name" },
                { 404, false, "", -EIO, "older" },
                { 405, false, "", -EIO, "older" },
                { 500, false, "{\"kind\":\"Status\",\"message\":\"the words\"}", -EIO, "500: the words" },
                { 503, true, "first line\nsecond line", -EIO, "503: first line" },
                { 302, false, "", -EIO, "302" },
                { 0, false, "", -EIO, "0" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e = ERR_NONE;

                cr_assert_eq(k3s_judge(rows[i].status, rows[i].body, "n1", rows[i].renewal, &e), rows[i].result, "%zu",
                             i);
                cr_assert_not_null(strstr(e.text, rows[i].words), "%s", e.text);
                cr_assert_null(strstr(e.text, "second"), "%s", e.text);
        }
}
