/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/fd.h"

enum { BACKLOG = 128 };

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
