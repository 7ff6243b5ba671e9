/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who listens on a TCP port of this machine: the processes of one slice, or somebody else? The kernel tells of each
 * listening socket in which cgroup it was made (sock_diag(7); INET_DIAG_CGROUP_ID, Linux 5.7), and tells it everybody.
 * The id of a cgroup is the inode number of its directory.
 *
 * A socket stays with the cgroup in which it was made, wherever its process moves and whoever is given its descriptor.
 * So what PID 1 made for a .socket unit is not the service's that accepts from it, and what a service made stays its
 * own in the hands of others. Sockets in other network namespaces are not seen.
 */
#ifndef VKS_AGENT_MACHINE_LISTENERS_H
#define VKS_AGENT_MACHINE_LISTENERS_H

#include <netinet/in.h>

#include "common/err.h"

enum {
        LISTENERS_MAX = 64,          /* different ones at one port */
        LISTENERS_CGROUPS_MAX = 512, /* of one slice, itself included */
        LISTENERS_ADDRESSES_MAX = 4,
        LISTENERS_TEXT_MAX = 80,
        LISTENERS_UNIT_MAX = 256,  /* a name of systemd's */
        LISTENERS_WALK_MAX = 8192, /* cgroups that are looked at for one name */
};

struct listener_address {
        int family; /* AF_INET, also where an IPv6 socket has an IPv4 address, or AF_INET6 */
        uint8_t ip[16];
        uint32_t interface; /* its index; 0: any */
};

/*
 * Where can one connect to, so that a socket accepts which a process in `slice` ("a-b.slice") has made? Up to
 * LISTENERS_ADDRESSES_MAX addresses, the best first: 127.0.0.1, ::1, then those that sockets are bound to. Returns how
 * many there are, or -ECONNREFUSED (nobody listens on the port), -EACCES (only others do), another errno when it
 * cannot be known. Does not block: the kernel answers while it is asked, in less than a millisecond.
 */
int listeners_find(const char *slice, uint16_t port, struct listener_address ret[LISTENERS_ADDRESSES_MAX],
                   struct err *e);

/*
 * Does anybody listen on the port whose socket was not made in `slice`? 1: yes, and `ret_at` is where, and `ret_unit`
 * whose cgroup it is (the unit's name: "nginx.service"; "" where it cannot be found); 0: nobody does. An errno when it
 * cannot be known. It does not block, either, but walks through the names of cgroups when there is somebody.
 */
int listeners_other(const char *slice, uint16_t port, struct listener_address *ret_at,
                    char ret_unit[LISTENERS_UNIT_MAX], struct err *e);

struct listener_address listener_loopback(int family); /* 127.0.0.1 or ::1 */
bool listener_same(const struct listener_address *a, const struct listener_address *b);
socklen_t listener_sockaddr(const struct listener_address *a, uint16_t port, struct sockaddr_storage *ret);
/* "127.0.0.1:80", "[fe80::1%2]:80" */
void listener_text(const struct listener_address *a, uint16_t port, char ret[LISTENERS_TEXT_MAX]);

/* ---- its parts, for tests ---------------------------------------------------------------------------------------- */

struct listener {
        struct listener_address at; /* ip all zero: every address of the machine */
        bool only_v6;               /* "::", but not 0.0.0.0 */
        uint64_t cgroup;            /* 0: the kernel did not tell */
};

struct listeners {
        size_t n;
        struct listener all[LISTENERS_MAX]; /* each a different one: of many alike there is one */
        bool torn;                          /* the kernel's table changed meanwhile */
};

/* Takes the listeners at `port` out of what the kernel sent (netlink(7), struct inet_diag_msg). 1: there is more to
 * come; 0: that was all; -E2BIG: too many; -EPROTO; the kernel's own error. */
int listeners_parse(const void *p, size_t n, uint16_t port, struct listeners *ret);

/* Asks the kernel. */
int listeners_ask(uint16_t port, struct listeners *ret, struct err *e);

/* The ids of the slice's cgroup and of all below it; `top` is where cgroup v2 is mounted. Returns how many; what is
 * more than LISTENERS_CGROUPS_MAX is left out. */
size_t listeners_cgroups(const char *top, const char *slice, unsigned long ret[LISTENERS_CGROUPS_MAX]);

/* The name of the cgroup with this id, below `top`; false when there is none, or not among the first
 * LISTENERS_WALK_MAX. */
bool listeners_cgroup_name(const char *top, unsigned long id, char ret[LISTENERS_UNIT_MAX]);

/* listeners_find(), when all is known. */
int listeners_choose(const struct listeners *l, const unsigned long *cgroups, size_t n_cgroups,
                     struct listener_address ret[LISTENERS_ADDRESSES_MAX]);

#endif
