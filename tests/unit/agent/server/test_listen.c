/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/server/listen.h"
#include "common/fd.h"
#include "common/mem.h"

/* PID 1, as far as it is told something; $NOTIFY_SOCKET is its address. */
static int make_manager(void)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "@vks-test-listen" };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        setenv("NOTIFY_SOCKET", a.sun_path, true);
        a.sun_path[0] = '\0';
        cr_assert_eq(
                bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + strlen("@vks-test-listen")),
                0);
        return fd;
}

static bool is_told(int manager, const char *text)
{
        char have[256] = { 0 };

        return recv(manager, have, sizeof(have) - 1, 0) > 0 && strncmp(have, text, strlen(text)) == 0;
}

Test(listen, what_systemd_has_kept_is_found_by_its_name)
{
        char *names[] = { (char *)"console", (char *)"kubelet-api", NULL };
        FD a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY);
        int found;

        cr_assert_eq(b, a + 1);
        found = listen_find_kept(names, a);
        cr_assert(found > b && fcntl(found, F_GETFD) == FD_CLOEXEC);
        close(found);
        names[1] = NULL;
        cr_assert_eq(listen_find_kept(names, a), 0);
        cr_assert_eq(listen_find_kept(NULL, a), 0);
}

Test(listen, what_was_kept_counts_where_it_is_what_is_wanted)
{
        static const char *const addresses[] = { "127.0.0.1", NULL, "::", "0.0.0.0" };
        FD manager = make_manager();

        cr_assert_eq(listen_again(0, NULL, 10250), -1);
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
                int fd = listen_on(addresses[i], 0, NULL);
                uint16_t port = listen_port(fd);

                if (fd < 0 && i == 2) /* a kernel without IPv6 */
                        continue;
                cr_assert(fd >= 0 && port);
                listen_keep(fd);
                cr_assert(is_told(manager, "FDSTORE=1\nFDNAME=kubelet-api"));
                cr_assert_eq(listen_again(fd, addresses[i], port), fd);
                cr_assert_not(is_told(manager, ""));
                cr_assert_eq(listen_again(fd, i ? "127.0.0.1" : NULL, port), -1);
                cr_assert(is_told(manager, "FDSTOREREMOVE=1\nFDNAME=kubelet-api"));
                cr_assert_lt(fcntl(fd, F_GETFD), 0, "it is closed");
                while (is_told(manager, ""))
                        ;
                fd = listen_on(addresses[i], 0, NULL);
                port = listen_port(fd);
                cr_assert_eq(listen_again(fd, addresses[i], (uint16_t)(port + 1)), -1);
                while (is_told(manager, ""))
                        ;
        }
}
