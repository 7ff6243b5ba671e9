/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/machine/cgroups.h"
#include "common/fd.h"
#include "common/mem.h"

enum {
        ANSWER_MAX = 32 * 1024, /* the kernel sends no more at a time */
        ANSWERS_MAX = 1024,
        TRIES = 3, /* while the table changes under the kernel's hands */
        DEPTH_MAX = 8,
};

static const uint8_t no_ip[16];

/* ---- addresses --------------------------------------------------------------------------------------------------- */

struct listener_address listener_loopback(int family)
{
        struct listener_address a = { .family = family };

        if (family == AF_INET)
                memcpy(a.ip, (uint8_t[]){ 127, 0, 0, 1 }, 4);
        else
                a.ip[15] = 1;
        return a;
}

bool listener_same(const struct listener_address *a, const struct listener_address *b)
{
        return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->interface == b->interface;
}

static bool is_link_local(const struct listener_address *a)
{
        return a->family == AF_INET6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

socklen_t listener_sockaddr(const struct listener_address *a, uint16_t port, struct sockaddr_storage *ret)
{
        if (a->family == AF_INET) {
                struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
                memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
                memcpy(ret, &v4, sizeof(v4));
                return sizeof(v4);
        }
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
        if (is_link_local(a))
                v6.sin6_scope_id = a->interface;
        memcpy(ret, &v6, sizeof(v6));
        return sizeof(v6);
}

void listener_text(const struct listener_address *a, uint16_t port, char ret[LISTENERS_TEXT_MAX])
{
        char ip[INET6_ADDRSTRLEN];

        inet_ntop(a->family, a->ip, ip, sizeof(ip));
        if (a->family == AF_INET)
                snprintf(ret, LISTENERS_TEXT_MAX, "%s:%u", ip, port);
        else if (is_link_local(a))
                snprintf(ret, LISTENERS_TEXT_MAX, "[%s%%%u]:%u", ip, a->interface, port);
        else
                snprintf(ret, LISTENERS_TEXT_MAX, "[%s]:%u", ip, port);
}

/* ---- what the kernel sends --------------------------------------------------------------------------------------- */

static int keep(struct listeners *ret, const struct listener *l)
{
        for (size_t i = 0; i < ret->n; i++)
                if (listener_same(&ret->all[i].at, &l->at) && ret->all[i].only_v6 == l->only_v6 &&
                    ret->all[i].cgroup == l->cgroup)
                        return 0;
        if (ret->n == LISTENERS_MAX)
                return -E2BIG;
        ret->all[ret->n++] = *l;
        return 0;
}

/* The attributes behind the fixed part. */
static int parse_attributes(const uint8_t *p, size_t n, struct listener *l)
{
        while (n > 0) {
                struct nlattr a;

                if (n < sizeof(a))
                        return -EPROTO;
                memcpy(&a, p, sizeof(a));
                if (a.nla_len < sizeof(a) || a.nla_len > n)
                        return -EPROTO;
                const uint8_t *value = p + sizeof(a);
                const size_t size = a.nla_len - sizeof(a), step = NLMSG_ALIGN(a.nla_len);

                if (a.nla_type == INET_DIAG_CGROUP_ID && size == sizeof(l->cgroup))
                        memcpy(&l->cgroup, value, sizeof(l->cgroup));
                else if (a.nla_type == INET_DIAG_SKV6ONLY && size == 1)
                        l->only_v6 = *value != 0;
                p += step < n ? step : n;
                n -= step < n ? step : n;
        }
        return 0;
}

static int parse_listener(const uint8_t *p, size_t n, uint16_t port, struct listeners *ret)
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        struct listener l = { 0 };
        struct inet_diag_msg m;
        int r;

        if (n < sizeof(m))
                return -EPROTO;
        memcpy(&m, p, sizeof(m));
        if ((m.idiag_family != AF_INET && m.idiag_family != AF_INET6) || m.idiag_state != TCP_LISTEN ||
            m.id.idiag_sport != htons(port))
                return 0;
        l.at = (struct listener_address){ .family = m.idiag_family, .interface = m.id.idiag_if };
        if (l.at.family == AF_INET)
                memcpy(l.at.ip, m.id.idiag_src, 4);
        else
                memcpy(l.at.ip, m.id.idiag_src, 16);
        r = parse_attributes(p + sizeof(m), n - sizeof(m), &l);
        if (r < 0)
                return r;
        if (l.at.family == AF_INET6 && memcmp(l.at.ip, mapped, sizeof(mapped)) == 0) {
                l.at.family = AF_INET;
                memmove(l.at.ip, l.at.ip + sizeof(mapped), 4);
                memset(l.at.ip + 4, 0, 12);
        }
        return keep(ret, &l);
}

/* The end of a list may tell of an error, too. */
static int error_of(const uint8_t *p, size_t n)
{
        int32_t code = 0;

        if (n >= sizeof(code))
                memcpy(&code, p, sizeof(code));
        return code < 0 && code > -4096 ? code : 0;
}

int listeners_parse(const void *data, size_t n, uint16_t port, struct listeners *ret)
{
        const uint8_t *p = data;

        while (n > 0) {
                struct nlmsghdr h;
                int r;

                if (n < sizeof(h))
                        return -EPROTO;
                memcpy(&h, p, sizeof(h));
                if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > n)
                        return -EPROTO;
                const uint8_t *body = p + sizeof(h);
                const size_t size = h.nlmsg_len - sizeof(h), step = NLMSG_ALIGN(h.nlmsg_len);

                if (h.nlmsg_flags & NLM_F_DUMP_INTR)
                        ret->torn = true;
                if (h.nlmsg_type == NLMSG_DONE)
                        return error_of(body, size);
                if (h.nlmsg_type == NLMSG_ERROR) {
                        r = error_of(body, size);
                        return r < 0 ? r : -EPROTO;
                }
                if (h.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
                        r = parse_listener(body, size, port, ret);
                        if (r < 0)
                                return r;
                }
                p += step < n ? step : n;
                n -= step < n ? step : n;
        }
        return 1;
}

/* ---- asking it --------------------------------------------------------------------------------------------------- */

static int read_answers(int fd, uint16_t port, struct listeners *ret)
{
        uint8_t answer[ANSWER_MAX];
        struct sockaddr_nl from = { 0 };
        int r = 1;

        for (unsigned i = 0; r > 0; i++) {
                socklen_t size = sizeof(from);
                ssize_t n =
                        recvfrom(fd, answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &size);
                if (n < 0)
                        return -errno;
                if ((size_t)n > sizeof(answer) || i == ANSWERS_MAX)
                        return -E2BIG;
                if (from.nl_pid == 0) /* the kernel's */
                        r = listeners_parse(answer, (size_t)n, port, ret);
        }
        return r;
}

static int ask_family(int fd, int family, uint16_t port, struct listeners *ret)
{
        struct {
                struct nlmsghdr head;
                struct inet_diag_req_v2 body;
        } question = {
                .head = { .nlmsg_len = sizeof(question),
                          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .body = { .sdiag_family = (uint8_t)family,
                          .sdiag_protocol = IPPROTO_TCP,
                          .idiag_states = 1U << TCP_LISTEN,
                          .id = { .idiag_sport = htons(port),
                                  .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
        };

        if (send(fd, &question, sizeof(question), MSG_DONTWAIT) < 0)
                return -errno;
        return read_answers(fd, port, ret);
}

static int ask_once(uint16_t port, struct listeners *ret)
{
        FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        int r;

        *ret = (struct listeners){ 0 };
        if (fd < 0)
                return -errno;
        r = ask_family(fd, AF_INET, port, ret);
        if (r < 0)
                return r;
        r = ask_family(fd, AF_INET6, port, ret);
        return r == -ENOENT ? 0 : r; /* a kernel without IPv6 */
}

int listeners_ask(uint16_t port, struct listeners *ret, struct err *e)
{
        int r = 0;

        for (unsigned i = 0; i < TRIES; i++) {
                r = ask_once(port, ret);
                if (r < 0 || !ret->torn)
                        break;
        }
        return r < 0 ? err_errno(e, r, NULL, "the kernel does not tell who listens on port %u (sock_diag)", port) : 0;
}

/* ---- cgroups ----------------------------------------------------------------------------------------------------- */

struct ids {
        unsigned long *all;
        size_t n;
};

static void take_below(int fd, unsigned depth, struct ids *ids);

static void take(int parent, const char *name, unsigned depth, struct ids *ids)
{
        FD fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || ids->n == LISTENERS_CGROUPS_MAX)
                return;
        ids->all[ids->n++] = st.st_ino;
        if (depth < DEPTH_MAX)
                take_below(fd_take(&fd), depth + 1, ids);
}

/* Owns `fd`. */
static void take_below(int fd, unsigned depth, struct ids *ids)
{
        DIR *d = fdopendir(fd);
        struct dirent *entry;

        if (!d) {
                close(fd);
                return;
        }
        while ((entry = readdir(d)))
                if (entry->d_type == DT_DIR && !streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        take(dirfd(d), entry->d_name, depth, ids);
        closedir(d);
}

size_t listeners_cgroups(const char *top, const char *slice, unsigned long ret[LISTENERS_CGROUPS_MAX])
{
        FD fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
        CLEANUP(buf_done) struct buf path = BUF(4096);
        struct ids ids = { .all = ret };

        cgroups_slice_path(slice, &path);
        if (fd >= 0)
                take(fd, path.data + 1, 0, &ids);
        return ids.n;
}

struct search {
        unsigned long id;
        unsigned left; /* cgroups that may still be looked at */
        char *ret;
};

static bool search_below(int fd, unsigned depth, struct search *s);

static bool search_in(int parent, const char *name, unsigned depth, struct search *s)
{
        FD fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || s->left == 0)
                return false;
        s->left--;
        if (st.st_ino == s->id) {
                snprintf(s->ret, LISTENERS_UNIT_MAX, "%s", name);
                return true;
        }
        return depth < DEPTH_MAX && search_below(fd_take(&fd), depth + 1, s);
}

/* Owns `fd`. */
static bool search_below(int fd, unsigned depth, struct search *s)
{
        DIR *d = fdopendir(fd);
        struct dirent *entry;
        bool found = false;

        if (!d) {
                close(fd);
                return false;
        }
        while (!found && (entry = readdir(d)))
                if (entry->d_type == DT_DIR && !streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        found = search_in(dirfd(d), entry->d_name, depth, s);
        closedir(d);
        return found;
}

bool listeners_cgroup_name(const char *top, unsigned long id, char ret[LISTENERS_UNIT_MAX])
{
        struct search s = { .id = id, .left = LISTENERS_WALK_MAX, .ret = ret };
        int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        ret[0] = '\0';
        return fd >= 0 && search_below(fd, 0, &s);
}

/* ---- the choice -------------------------------------------------------------------------------------------------- */

static bool is_any(const struct listener *l)
{
        return memcmp(l->at.ip, no_ip, sizeof(no_ip)) == 0;
}

/* Inode numbers are as long as a machine word: on a machine of 32 bits they are the lower half of the id. */
static bool is_own(const struct listener *l, const unsigned long *cgroups, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (l->cgroup && (unsigned long)l->cgroup == cgroups[i])
                        return true;
        return false;
}

static bool bound_to(const struct listener *l, const struct listener_address *a)
{
        return l->at.family == a->family && memcmp(l->at.ip, a->ip, sizeof(a->ip)) == 0;
}

static bool bound_to_all(const struct listener *l, const struct listener_address *a)
{
        return is_any(l) && (l->at.family == a->family || (a->family == AF_INET && !l->only_v6));
}

/*
 * Who connects to an address gets a socket that is bound to it, or else one that is bound to all. Which of several the
 * kernel takes (SO_REUSEPORT, SO_BINDTODEVICE), is not guessed: all of them have to be the slice's own.
 */
static bool leads_to_own(const struct listener_address *a, const struct listeners *l, const unsigned long *cgroups,
                         size_t n_cgroups)
{
        bool (*const fits[])(const struct listener *, const struct listener_address *) = { bound_to, bound_to_all };

        for (size_t k = 0; k < ARRAY_LEN(fits); k++) {
                size_t own = 0, others = 0;

                for (size_t i = 0; i < l->n; i++)
                        if (fits[k](&l->all[i], a))
                                (*(is_own(&l->all[i], cgroups, n_cgroups) ? &own : &others))++;
                if (own + others > 0)
                        return others == 0;
        }
        return false;
}

int listeners_choose(const struct listeners *l, const unsigned long *cgroups, size_t n_cgroups,
                     struct listener_address ret[LISTENERS_ADDRESSES_MAX])
{
        const struct listener_address loopback[] = { listener_loopback(AF_INET), listener_loopback(AF_INET6) };
        int n = 0;

        for (size_t i = 0; i < ARRAY_LEN(loopback) + l->n && n < LISTENERS_ADDRESSES_MAX; i++) {
                const struct listener *bound = i < ARRAY_LEN(loopback) ? NULL : &l->all[i - ARRAY_LEN(loopback)];
                const struct listener_address *a = bound ? &bound->at : &loopback[i];
                bool known = bound && (is_any(bound) || !is_own(bound, cgroups, n_cgroups));

                for (int k = 0; k < n && !known; k++)
                        known = listener_same(&ret[k], a);
                if (!known && leads_to_own(a, l, cgroups, n_cgroups))
                        ret[n++] = *a;
        }
        if (n > 0)
                return n;
        return l->n > 0 ? -EACCES : -ECONNREFUSED;
}

/* Who listens on the port, and which cgroups are the slice's. */
static int look(const char *top, const char *slice, uint16_t port, struct listeners *ret, struct ids *cgroups,
                struct err *e)
{
        int r;

        *ret = (struct listeners){ 0 };
        if (!top)
                return err_set(e, -EOPNOTSUPP, NULL,
                               "this machine has no cgroup v2, which tells who listens on a port");
        cgroups->n = listeners_cgroups(top, slice, cgroups->all);
        r = listeners_ask(port, ret, e);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ret->n; i++)
                if (ret->all[i].cgroup == 0)
                        return err_set(e, -EOPNOTSUPP, NULL, "this kernel does not tell who listens on port %u", port);
        return 0;
}

int listeners_other(const char *slice, uint16_t port, struct listener_address *ret_at,
                    char ret_unit[LISTENERS_UNIT_MAX], struct err *e)
{
        unsigned long room[LISTENERS_CGROUPS_MAX];
        struct ids cgroups = { .all = room };
        const char *top = cgroups_top();
        struct listeners l;
        int r = look(top, slice, port, &l, &cgroups, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < l.n; i++)
                if (!is_own(&l.all[i], cgroups.all, cgroups.n)) {
                        *ret_at = l.all[i].at;
                        (void)listeners_cgroup_name(top, (unsigned long)l.all[i].cgroup, ret_unit);
                        return 1;
                }
        return 0;
}

int listeners_find(const char *slice, uint16_t port, struct listener_address ret[LISTENERS_ADDRESSES_MAX],
                   struct err *e)
{
        unsigned long room[LISTENERS_CGROUPS_MAX];
        struct ids cgroups = { .all = room };
        struct listeners l;
        int r = look(cgroups_top(), slice, port, &l, &cgroups, e);

        if (r < 0)
                return r;
        r = listeners_choose(&l, cgroups.all, cgroups.n, ret);
        if (r == -ECONNREFUSED)
                return err_set(e, r, NULL, "nobody listens on port %u", port);
        if (r == -EACCES)
                return err_set(e, r, NULL, "port %u is held by processes that are not this pod's", port);
        return r;
}
