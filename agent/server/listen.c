/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/base.h"
#include "common/fd.h"
#include "common/log.h"

#define KEPT_NAME "kubelet-api"

enum { BACKLOG = 128, LET_GO_USEC = 1000 * 1000 };

static int bind_one(const struct addrinfo *a)
{
        const int on = 1, off = 0;
        FD fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                return -errno;
        if (a->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
                return -errno;
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return fd_take(&fd);
}

static int bind_to(const char *address, uint16_t port, struct err *e)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
        struct addrinfo *a = NULL;
        char service[8];
        int r;

        snprintf(service, sizeof(service), "%u", port);
        r = getaddrinfo(address, service, &hints, &a);
        if (r != 0)
                return err_set(e, -EINVAL, NULL, "%s is no address to listen on: %s", address, gai_strerror(r));
        r = bind_one(a);
        freeaddrinfo(a);
        return r < 0 ? err_errno(e, r, NULL, "cannot listen on %s port %u", address, port) : r;
}

int listen_on(const char *address, uint16_t port, struct err *e)
{
        int r;

        if (address)
                return bind_to(address, port, e);
        r = bind_to("::", port, e);
        return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL ? bind_to("0.0.0.0", port, e) : r; /* a kernel without IPv6 */
}

uint16_t listen_port(int fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = { 0 };
        socklen_t n = sizeof(a);

        if (getsockname(fd, &a.any, &n) < 0)
                return 0;
        return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

void listen_keep(int fd)
{
        if (sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" KEPT_NAME, &fd, 1) < 0)
                log_warning("port %u is not kept while this process is started anew", listen_port(fd));
}

int listen_find_kept(char *const *names, int first)
{
        for (int i = 0; names && names[i]; i++)
                if (streq(names[i], KEPT_NAME))
                        return fcntl(first + i, F_DUPFD_CLOEXEC, 3);
        return 0;
}

static bool is_at(int fd, const char *address, uint16_t port)
{
        struct sockaddr_storage a = { 0 };
        socklen_t n = sizeof(a);
        char have[NI_MAXHOST];

        if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 || listen_port(fd) != port ||
            getnameinfo((struct sockaddr *)&a, n, have, sizeof(have), NULL, 0, NI_NUMERICHOST) != 0)
                return false;
        return address ? streq(have, address) : streq(have, "::") || streq(have, "0.0.0.0");
}

int listen_again(int kept, const char *address, uint16_t port)
{
        if (kept <= 0 || is_at(kept, address, port))
                return kept > 0 ? kept : -1;
        (void)sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KEPT_NAME);
        (void)sd_notify_barrier(0, LET_GO_USEC); /* its copy would be in the way of another address with that port */
        fd_close(kept);
        return -1;
}
