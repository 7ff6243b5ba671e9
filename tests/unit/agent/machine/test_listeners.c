/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/machine/listeners.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"

enum { PORT = 4711, OWN = 77, OTHER = 88 };

static struct listener_address address(const char *text)
{
        struct listener_address a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

        cr_assert_eq(inet_pton(a.family, text, a.ip), 1, "%s", text);
        return a;
}

/* ---- the choice -------------------------------------------------------------------------------------------------- */

/* "IP" or "IP only" (without IPv4), each with "*" behind it when it is not the pod's; ", " between them. */
static struct listeners table(const char *text)
{
        struct listeners l = { 0 };
        CLEANUP(freep) char *copy = xstrdup(text);

        for (char *save, *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
                char ip[64], word[8] = "";
                bool other = ends_with(s, "*");

                if (other)
                        s[strlen(s) - 1] = '\0';
                cr_assert_geq(sscanf(s, "%63s %7s", ip, word), 1);
                l.all[l.n++] = (struct listener){
                        .at = address(ip),
                        .only_v6 = streq(word, "only"),
                        .cgroup = other ? OTHER : OWN,
                };
        }
        return l;
}

static const struct {
        const char *listeners, *want;
} choices[] = {
        { "", "Connection refused" },
        { "0.0.0.0", "127.0.0.1:4711" },
        { "::", "127.0.0.1:4711 [::1]:4711" },
        { ":: only", "[::1]:4711" },
        { "127.0.0.1", "127.0.0.1:4711" },
        { "::1", "[::1]:4711" },
        { "10.1.2.3", "10.1.2.3:4711" },
        { "10.1.2.3, 127.0.0.1", "127.0.0.1:4711 10.1.2.3:4711" },
        { "127.0.0.53, 2001:db8::1", "127.0.0.53:4711 [2001:db8::1]:4711" },
        { "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5",
          "10.0.0.1:4711 10.0.0.2:4711 10.0.0.3:4711 10.0.0.4:4711" },
        /* others' */
        { "0.0.0.0*", "Permission denied" },
        { "::*", "Permission denied" },
        { "127.0.0.1*, ::1*", "Permission denied" },
        /* ... beside the pod's: whoever is bound to an address comes before who is bound to all */
        { "127.0.0.1*, 10.1.2.3", "10.1.2.3:4711" },
        { "127.0.0.1*, ::1", "[::1]:4711" },
        { "127.0.0.1*, ::", "[::1]:4711" },
        { "127.0.0.1*, 0.0.0.0", "Permission denied" },
        { "0.0.0.0*, 127.0.0.1", "127.0.0.1:4711" },
        { "0.0.0.0*, :: only", "[::1]:4711" },
        { "127.0.0.53*, 0.0.0.0", "127.0.0.1:4711" },
        { "::*, 127.0.0.1", "127.0.0.1:4711" },
        /* which of two the kernel would take is not guessed */
        { "0.0.0.0, 0.0.0.0*", "Permission denied" },
        { "0.0.0.0, ::*", "Permission denied" },
        { "127.0.0.1, 127.0.0.1*", "Permission denied" },
};

Test(listeners, lead_to_the_pod_or_nowhere)
{
        static const unsigned long cgroups[] = { 5, OWN, 6 };

        for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
                struct listener_address a[LISTENERS_ADDRESSES_MAX];
                const struct listeners l = table(choices[i].listeners);
                CLEANUP(buf_done) struct buf got = BUF(1000);
                int n = listeners_choose(&l, cgroups, ARRAY_LEN(cgroups), a);

                for (int k = 0; k < n; k++) {
                        char text[LISTENERS_TEXT_MAX];
                        listener_text(&a[k], PORT, text);
                        buf_printf(&got, "%s%s", k ? " " : "", text);
                }
                if (n < 0)
                        buf_str(&got, strerrordesc_np(-n));
                cr_expect_str_eq(got.data, choices[i].want, "%s: %s, not %s", choices[i].listeners, got.data,
                                 choices[i].want);
        }
}

Test(listeners, of_an_unknown_cgroup_are_nobodys)
{
        struct listener_address a[LISTENERS_ADDRESSES_MAX];
        struct listeners l = table("0.0.0.0");
        const unsigned long zero = 0;

        cr_assert_eq(listeners_choose(&l, NULL, 0, a), -EACCES);
        l.all[0].cgroup = 0;
        cr_assert_eq(listeners_choose(&l, &zero, 1, a), -EACCES);
}

/* ---- what the kernel sends --------------------------------------------------------------------------------------- */

static void message(struct buf *b, uint16_t type, uint16_t flags, const void *body, size_t n)
{
        const struct nlmsghdr h = { .nlmsg_len = (uint32_t)(sizeof(h) + n), .nlmsg_type = type, .nlmsg_flags = flags };

        buf_add(b, &h, sizeof(h));
        buf_add(b, body, n);
        buf_add(b, "\0\0\0", NLMSG_ALIGN(n) - n);
}

static void attribute(struct buf *b, uint16_t type, const void *value, size_t n)
{
        const struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + n), .nla_type = type };

        buf_add(b, &a, sizeof(a));
        buf_add(b, value, n);
        buf_add(b, "\0\0\0", NLMSG_ALIGN(n) - n);
}

static void listener_message(struct buf *b, const char *ip, uint16_t port, uint8_t state, uint64_t cgroup, bool only_v6)
{
        const struct listener_address a = address(ip);
        struct inet_diag_msg m = { .idiag_family = (uint8_t)a.family, .idiag_state = state };
        CLEANUP(buf_done) struct buf body = BUF(1000);

        m.id.idiag_sport = htons(port);
        memcpy(m.id.idiag_src, a.ip, sizeof(a.ip));
        buf_add(&body, &m, sizeof(m));
        attribute(&body, INET_DIAG_SHUTDOWN, "", 1);
        if (a.family == AF_INET6)
                attribute(&body, INET_DIAG_SKV6ONLY, &(uint8_t){ only_v6 }, 1);
        if (cgroup)
                attribute(&body, INET_DIAG_CGROUP_ID, &cgroup, sizeof(cgroup));
        message(b, SOCK_DIAG_BY_FAMILY, 0, body.data, body.len);
}

Test(listeners, are_read_from_the_kernels_answer)
{
        CLEANUP(buf_done) struct buf b = BUF(10000);
        struct listeners l = { 0 };
        const struct listener_address any = { .family = AF_INET }, mapped = address("10.1.2.3"),
                                      v6 = { AF_INET6, { 0 }, 0 };

        listener_message(&b, "0.0.0.0", PORT, TCP_LISTEN, UINT64_C(0x1122334455667788), false);
        listener_message(&b, "0.0.0.0", PORT, TCP_LISTEN, UINT64_C(0x1122334455667788), false); /* one more worker */
        listener_message(&b, "0.0.0.0", PORT + 1, TCP_LISTEN, OWN, false);
        listener_message(&b, "0.0.0.0", PORT, TCP_ESTABLISHED, OWN, false);
        message(&b, 99, 0, "what?", 5);
        listener_message(&b, "::ffff:10.1.2.3", PORT, TCP_LISTEN, OWN, false);
        listener_message(&b, "::", PORT, TCP_LISTEN, 0, true);
        cr_assert_eq(listeners_parse(b.data, b.len, PORT, &l), 1);
        cr_assert_eq(l.n, 3);
        cr_assert(listener_same(&l.all[0].at, &any));
        cr_assert_eq(l.all[0].cgroup, UINT64_C(0x1122334455667788));
        cr_assert(listener_same(&l.all[1].at, &mapped));
        cr_assert_eq(l.all[1].cgroup, OWN);
        cr_assert(listener_same(&l.all[2].at, &v6));
        cr_assert(l.all[2].only_v6);
        cr_assert_eq(l.all[2].cgroup, 0);
        cr_assert_not(l.torn);

        message(&b, NLMSG_DONE, NLM_F_DUMP_INTR, &(int32_t){ 0 }, 4);
        cr_assert_eq(listeners_parse(b.data, b.len, PORT, &l), 0);
        cr_assert_eq(l.n, 3);
        cr_assert(l.torn);
}

Test(listeners, end_with_the_kernels_errors)
{
        CLEANUP(buf_done) struct buf refused = BUF(1000), late = BUF(1000), silly = BUF(1000);
        struct listeners l = { 0 };

        message(&refused, NLMSG_ERROR, 0, &(int32_t){ -ENOENT }, 4);
        cr_assert_eq(listeners_parse(refused.data, refused.len, PORT, &l), -ENOENT);
        message(&late, NLMSG_DONE, 0, &(int32_t){ -ENOBUFS }, 4);
        cr_assert_eq(listeners_parse(late.data, late.len, PORT, &l), -ENOBUFS);
        message(&silly, NLMSG_ERROR, 0, &(int32_t){ 0 }, 4);
        cr_assert_eq(listeners_parse(silly.data, silly.len, PORT, &l), -EPROTO);
}

Test(listeners, are_not_read_beyond_the_end)
{
        CLEANUP(buf_done) struct buf b = BUF(1000);

        listener_message(&b, "::", PORT, TCP_LISTEN, OWN, true);
        for (size_t n = 0; n <= b.len; n++) {
                CLEANUP(freep) char *exact = malloc(n ? n : 1);
                struct listeners l = { 0 };
                memcpy(exact, b.data, n);
                cr_assert_eq(listeners_parse(exact, n, PORT, &l), n == 0 || n == b.len ? 1 : -EPROTO, "%zu bytes", n);
        }
        for (size_t i = 0; i < b.len; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        CLEANUP(freep) char *exact = xmemdup(b.data, b.len);
                        struct listeners l = { 0 };
                        exact[i] = (char)(exact[i] ^ (1 << bit));
                        (void)listeners_parse(exact, b.len, PORT, &l); /* ASan looks */
                        cr_assert_leq(l.n, 1);
                }
}

Test(listeners, are_bounded)
{
        CLEANUP(buf_done) struct buf b = BUF(100000);
        struct listeners l = { 0 };

        for (unsigned i = 0; i <= LISTENERS_MAX; i++)
                listener_message(&b, "0.0.0.0", PORT, TCP_LISTEN, 1000 + i, false);
        cr_assert_eq(listeners_parse(b.data, b.len, PORT, &l), -E2BIG);
        cr_assert_eq(l.n, LISTENERS_MAX);
}

/* ---- this machine's own ------------------------------------------------------------------------------------------ */

/* Returns the port. */
static uint16_t listen_at(const char *ip, uint16_t port, bool only_v6, int *ret_fd)
{
        const struct listener_address a = address(ip);
        struct sockaddr_storage s;
        socklen_t size = listener_sockaddr(&a, port, &s);
        int fd = socket(a.family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        if (a.family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ only_v6 }, sizeof(int));
        cr_assert_eq(bind(fd, (struct sockaddr *)&s, size), 0, "%s: %m", ip);
        cr_assert_eq(listen(fd, 1), 0);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&s, &size), 0);
        *ret_fd = fd;
        return ntohs(((struct sockaddr_in *)(void *)&s)->sin_port); /* the port is at the same place in both */
}

/* The id of the test's own cgroup, or 0 where there is no cgroup v2 to be seen. */
static uint64_t own_cgroup(void)
{
        CLEANUP(freep) char *path = NULL;
        static const char *const tops[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
        FILE *f = fopen("/proc/self/cgroup", "re");
        struct stat st;
        size_t size = 0;

        while (getline(&path, &size, f) > 0 && !starts_with(path, "0::"))
                ;
        fclose(f);
        path[strcspn(path, "\n")] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
                CLEANUP(freep) char *full = xasprintf("%s%s/cgroup.procs", tops[i], path + 3);
                CLEANUP(freep) char *folder = xasprintf("%s%s", tops[i], path + 3);
                if (access(full, F_OK) == 0 && stat(folder, &st) == 0)
                        return st.st_ino;
        }
        return 0;
}

Test(listeners, of_this_machine_are_told)
{
        static const struct {
                const char *ip, *want;
                bool only_v6;
        } cases[] = { { "0.0.0.0", "0.0.0.0", false },
                      { "127.0.0.1", "127.0.0.1", false },
                      { "127.9.9.9", "127.9.9.9", false },
                      { "::", "::", true },
                      { "::", "::", false },
                      { "::1", "::1", false },
                      { "::ffff:127.0.0.1", "127.0.0.1", false } };
        uint64_t own = own_cgroup();

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct listener_address want = address(cases[i].want);
                struct listeners l;
                struct err e = ERR_NONE;
                FD fd = -1;
                uint16_t port = listen_at(cases[i].ip, 0, cases[i].only_v6, &fd);

                cr_assert_eq(listeners_ask(port, &l, &e), 0, "%s", e.text);
                cr_assert_eq(l.n, 1, "%s: %zu", cases[i].ip, l.n);
                cr_assert(listener_same(&l.all[0].at, &want), "%s", cases[i].ip);
                if (streq(cases[i].want, "::"))
                        cr_assert_eq(l.all[0].only_v6, cases[i].only_v6);
                cr_assert_neq(l.all[0].cgroup, 0);
                if (own)
                        cr_assert_eq(l.all[0].cgroup, own);
                fd = fd_close(fd);
                cr_assert_eq(listeners_ask(port, &l, &e), 0, "%s", e.text);
                cr_assert_eq(l.n, 0);
        }
}

Test(listeners, of_both_families_are_told)
{
        struct listeners l;
        FD v4 = -1, v6 = -1;
        uint16_t port = listen_at("127.0.0.1", 0, false, &v4);

        listen_at("::1", port, true, &v6);
        cr_assert_eq(listeners_ask(port, &l, NULL), 0);
        cr_assert_eq(l.n, 2);
}

Test(listeners, of_a_slice_that_is_not_there_are_none)
{
        struct listener_address a[LISTENERS_ADDRESSES_MAX], at, want = listener_loopback(AF_INET);
        char unit[LISTENERS_UNIT_MAX];
        struct err e = ERR_NONE;
        FD fd = -1;
        uint16_t port = listen_at("127.0.0.1", 0, false, &fd);

        cr_assert_eq(listeners_find("kubepods-podnone.slice", port, a, &e), -EACCES, "%s", e.text);
        cr_assert_eq(listeners_other("kubepods-podnone.slice", port, &at, unit, &e), 1, "%s", e.text);
        cr_assert(listener_same(&at, &want));
        fd = fd_close(fd);
        cr_assert_eq(listeners_find("kubepods-podnone.slice", port, a, &e), -ECONNREFUSED, "%s", e.text);
        cr_assert_eq(listeners_other("kubepods-podnone.slice", port, &at, unit, &e), 0, "%s", e.text);
}

Test(listeners, of_a_slice_are_those_of_all_that_lies_below_it)
{
        static const char *const made[] = {
                "a.slice",
                "a.slice/a-b.slice",
                "a.slice/a-b.slice/a-b-c.slice",
                "a.slice/a-b.slice/a-b-c.slice/x.service",
                "a.slice/a-b.slice/a-b-c.slice/x.service/child",
                "a.slice/a-b.slice/a-b-c.slice/y.service",
                "a.slice/a-b.slice/a-b-d.slice",
                "a.slice/a-b.slice/a-b-d.slice/z.service",
        };
        char top[] = "/tmp/test_listeners.XXXXXX";
        unsigned long got[LISTENERS_CGROUPS_MAX];
        size_t n;

        cr_assert(mkdtemp(top));
        for (size_t i = 0; i < ARRAY_LEN(made); i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", top, made[i]);
                cr_assert_eq(mkdir(path, 0700), 0);
        }
        CLEANUP(freep) char *file = xasprintf("%s/a.slice/a-b.slice/a-b-c.slice/cgroup.procs", top);
        CLEANUP(freep) char *link = xasprintf("%s/a.slice/a-b.slice/a-b-c.slice/link", top);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        cr_assert_eq(symlink("../a-b-d.slice", link), 0);

        n = listeners_cgroups(top, "a-b-c.slice", got);
        cr_assert_eq(n, 4);
        for (size_t i = 2; i < 6; i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", top, made[i]);
                struct stat st;
                bool found = false;
                cr_assert_eq(stat(path, &st), 0);
                for (size_t k = 0; k < n; k++)
                        found |= got[k] == st.st_ino;
                cr_assert(found, "%s", made[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(made); i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", top, made[i]);
                const char *last = strrchr(path, '/') + 1;
                char name[LISTENERS_UNIT_MAX];
                struct stat st;
                cr_assert_eq(stat(path, &st), 0);
                cr_assert(listeners_cgroup_name(top, st.st_ino, name), "%s", made[i]);
                cr_assert_str_eq(name, last);
                cr_assert(!listeners_cgroup_name("/tmp/there is none", st.st_ino, name));
                cr_assert_str_eq(name, "");
                cr_assert(!listeners_cgroup_name(top, 0, name));
        }
        cr_assert_eq(listeners_cgroups(top, "a-b-none.slice", got), 0);
        cr_assert_eq(listeners_cgroups(top, "none-b.slice", got), 0);
        cr_assert_eq(listeners_cgroups("/tmp/there is none", "a-b-c.slice", got), 0);

        CLEANUP(freep) char *command = xasprintf("rm -r '%s'", top);
        cr_assert_eq(system(command), 0);
}

Test(listeners, addresses_are_written_and_used)
{
        struct listener_address link = address("fe80::1"), global = address("2001:db8::1");
        char text[LISTENERS_TEXT_MAX];
        struct sockaddr_storage s;

        link.interface = 7;
        global.interface = 7; /* bound to a device, which a connection does not need to know */
        listener_text(&link, 80, text);
        cr_assert_str_eq(text, "[fe80::1%7]:80");
        listener_text(&global, 65535, text);
        cr_assert_str_eq(text, "[2001:db8::1]:65535");
        cr_assert_eq(listener_sockaddr(&link, 80, &s), sizeof(struct sockaddr_in6));
        cr_assert_eq(((struct sockaddr_in6 *)(void *)&s)->sin6_scope_id, 7);
        cr_assert_eq(listener_sockaddr(&global, 80, &s), sizeof(struct sockaddr_in6));
        cr_assert_eq(((struct sockaddr_in6 *)(void *)&s)->sin6_scope_id, 0);
}
