/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system bus, for a test of one of its clients: the test is the bus and all that is on it, in the client's own
 * loop. One connection is taken. A test includes this once.
 */
#ifndef VKS_TESTS_UNIT_BUS_H
#define VKS_TESTS_UNIT_BUS_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/mem.h"

static struct {
        char dir[32], path[64];
        sd_event *event;
        sd_event_source *source;
        int listener;
        sd_bus_message_handler_t answer; /* to the client's calls */
        sd_bus *bus;                     /* the other end of its connection; NULL: it has not come */
        char said[1024];                 /* what the client's handler was told */
} bus;

static int bus_on_client(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        sd_id128_t id;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        cr_assert_null(bus.bus);
        cr_assert(peer >= 0 && sd_id128_randomize(&id) >= 0 && sd_bus_new(&bus.bus) >= 0 &&
                  sd_bus_set_fd(bus.bus, peer, peer) >= 0 && sd_bus_set_server(bus.bus, 1, id) >= 0 &&
                  sd_bus_set_trusted(bus.bus, 1) >= 0 && sd_bus_negotiate_fds(bus.bus, 1) >= 0 &&
                  sd_bus_add_filter(bus.bus, NULL, bus.answer, NULL) >= 0 && sd_bus_start(bus.bus) >= 0 &&
                  sd_bus_attach_event(bus.bus, bus.event, 0) >= 0);
        return 0;
}

static void bus_begin(sd_bus_message_handler_t answer)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        CLEANUP(freep) char *address = NULL;

        bus.answer = answer;
        snprintf(bus.dir, sizeof(bus.dir), "/tmp/vks-test-XXXXXX");
        cr_assert(mkdtemp(bus.dir));
        snprintf(bus.path, sizeof(bus.path), "%s/bus", bus.dir);
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", bus.path);
        address = xasprintf("unix:path=%s", bus.path);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
        cr_assert_geq(sd_event_new(&bus.event), 0);
        bus.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(bus.listener, (struct sockaddr *)&a, sizeof(a)), 0);
        cr_assert_eq(listen(bus.listener, 4), 0);
        cr_assert_geq(sd_event_add_io(bus.event, &bus.source, bus.listener, EPOLLIN, bus_on_client, NULL), 0);
}

static void bus_end(void)
{
        sd_bus_flush_close_unref(bus.bus);
        sd_event_source_disable_unref(bus.source);
        fd_close(bus.listener);
        sd_event_unref(bus.event);
        unlink(bus.path);
        rmdir(bus.dir);
}

static void say(const char *text)
{
        strncat(bus.said, text, sizeof(bus.said) - strlen(bus.said) - 1);
}

/* Until that is what the handler was told; what is told too much shows in the next one, or at the end. */
static void hears(const char *said)
{
        while (!streq(bus.said, said)) {
                cr_assert(starts_with(said, bus.said), "%s", bus.said);
                cr_assert_geq(sd_event_run(bus.event, UINT64_MAX), 0);
        }
        *bus.said = '\0';
}

#endif
