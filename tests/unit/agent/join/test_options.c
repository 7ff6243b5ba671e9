/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/join/options.h"
#include "common/mem.h"

enum { WORDS_MAX = 16 };

/* The words of a command line, as main() has them: they may be written to. */
static int split(const char *line, char **words, char **ret_copy)
{
        char *save = NULL, *copy = xstrdup(line);
        int n = 0;

        for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
                words[n++] = w;
        words[n] = NULL;
        *ret_copy = copy;
        return n;
}

static int read_join(const char *line, struct join_options *o, struct err *e)
{
        CLEANUP(freep) char *copy = NULL;
        char *words[WORDS_MAX];
        int n = split(line, words, &copy);

        return join_options_read(n, words, o, e);
}

Test(options, join)
{
        CLEANUP(join_options_done) struct join_options o;
        struct err e = ERR_NONE;

        cr_assert_eq(read_join("join --token-file f Https://h.example:6443/ --node-name Node7 --no-taint --wait=7 "
                               "--discovery-token-ca-cert-hash "
                               "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef --replace",
                               &o, &e),
                     0, "%s", e.text);
        cr_assert_str_eq(o.url, "https://h.example:6443");
        cr_assert_str_eq(o.token_file, "f");
        cr_assert_str_eq(o.node_name, "node7");
        cr_assert_eq(o.taint, TAINT_NO);
        cr_assert_eq(o.wait_s, 7);
        cr_assert_eq(o.n_pins, 1);
        cr_assert(o.replace);
        cr_assert(!o.unverified);
}

Test(options, urls)
{
        static const struct {
                const char *line, *url;
        } rows[] = {
                { "join https://h", "https://h" },
                { "join h:6443", "https://h:6443" },
                { "join https://[::1]:6443", "https://[::1]:6443" },
                { "join -- https://h", "https://h" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(join_options_done) struct join_options o;
                struct err e = ERR_NONE;

                cr_assert_eq(read_join(rows[i].line, &o, &e), 0, "%s: %s", rows[i].line, e.text);
                cr_assert_str_eq(o.url, rows[i].url);
        }
}

Test(options, what_goes_not_together)
{
        static const char *const rows[] = {
                "join",
                "join http://h",
                "join https://",
                "join https://:6443",
                "join https://h/path",
                "join https://u@h",
                "join https://h hunter22",
                "join K10hunter22::node/x",
                "join hunter22@h",
                "join https://h --tokne=hunter22",
                "join https://h --token=hunter22 --token-file f",
                "join https://h --kubeconfig f",
                "join --kubeconfig f --bootstrap-kubeconfig f",
                "join --kubeconfig f --token hunter22",
                "join --kubeconfig f --server-name h",
                "join https://h --taint --no-taint",
                "join https://h --wait -1",
                "join https://h --wait 1x",
                "join https://h --wait 86401",
                "join https://h --node-name a_b",
                "join https://h --token",
                "join https://h --token=",
                "join https://h --discovery-token-ca-cert-hash x",
                "join https://h -x",
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(join_options_done) struct join_options o;
                struct err e = ERR_NONE;

                cr_assert_eq(read_join(rows[i], &o, &e), -EINVAL, "%s", rows[i]);
                cr_assert(*e.text);
                cr_assert_null(strstr(e.text, "hunter22"), "%s", e.text);
        }
}

Test(options, a_token_does_not_stay_on_the_command_line)
{
        static const char *const rows[] = { "join --token hunter22 https://h", "join --token=hunter22 https://h" };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(join_options_done) struct join_options o;
                CLEANUP(freep) char *copy = NULL;
                char *words[WORDS_MAX];
                struct err e = ERR_NONE;
                int n = split(rows[i], words, &copy);

                cr_assert_eq(join_options_read(n, words, &o, &e), 0, "%s", e.text);
                cr_assert_str_eq(o.token, "hunter22");
                for (int k = 0; k < n; k++)
                        cr_assert_null(strstr(words[k], "hunter22"), "%s", words[k]);
        }
}

Test(options, leave)
{
        struct leave_options o;
        struct err e = ERR_NONE;
        char *words[] = { (char *)"leave", (char *)"--force",  (char *)"--kubeconfig",
                          (char *)"f",     (char *)"--wait=0", NULL };
        char *wrong[] = { (char *)"leave", (char *)"x", NULL };

        cr_assert_eq(leave_options_read(5, words, &o, &e), 0, "%s", e.text);
        cr_assert(o.force);
        cr_assert_str_eq(o.admin_kubeconfig, "f");
        cr_assert_eq(o.wait_s, 0);
        leave_options_done(&o);
        cr_assert_eq(leave_options_read(2, wrong, &o, &e), -EINVAL);
}

Test(options, help_names_every_flag)
{
        static const char *const flags[] = { "--token ",
                                             "--token-file ",
                                             "--discovery-token-ca-cert-hash ",
                                             "--discovery-token-unsafe-skip-ca-verification",
                                             "--kubeconfig ",
                                             "--bootstrap-kubeconfig ",
                                             "--node-name ",
                                             "--server-name ",
                                             "--client-ca-file ",
                                             "--taint",
                                             "--no-taint",
                                             "--replace",
                                             "--wait ",
                                             "--help" };
        CLEANUP(join_options_done) struct join_options o;
        CLEANUP(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        join_help(f);
        fclose(f);
        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
                cr_assert_not_null(strstr(text, flags[i]), "%s", flags[i]);
        cr_assert_eq(read_join("join --help", &o, NULL), 0);
        cr_assert(o.help);
}
