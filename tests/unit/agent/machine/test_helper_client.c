/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/machine/helper_client.h"
#include "common/fd.h"
#include "common/mem.h"
#include "proto/wire.h"

/* A helper that lives on the same loop: it answers each request with its verb's name, or hangs up. */
static struct {
        char dir[32], path[64];
        sd_event *event;
        int listener, peer;
        unsigned connections, requests, hang_up_at;
        struct helper_client *client;
        unsigned done;
        int errors[64];
        char said[64][16];
} t;

static int on_request(sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        struct err e = ERR_NONE;
        Vks__Reply reply = VKS__REPLY__INIT;
        int r = wire_recv_request(fd, &p, &e);

        if (r <= 0 || ++t.requests == t.hang_up_at) {
                sd_event_source_disable_unref(s);
                fd_close(fd);
                return 0;
        }
        reply.text = (char *)(uintptr_t)p.verb->name;
        reply.error = streq(p.verb->name, "stop") ? -EPERM : 0;
        cr_assert_eq(wire_send_reply(fd, p.verb, &reply.base, &e), 0);
        return 0;
}

static int on_connection(UNUSED sd_event_source *s, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        cr_assert_geq(peer, 0);
        t.connections++;
        cr_assert_geq(sd_event_add_io(t.event, NULL, peer, EPOLLIN, on_request, NULL), 0);
        return 0;
}

static void on_done(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        cr_assert_lt(t.done, 64);
        cr_assert_eq((uintptr_t)userdata, t.done, "answers came out of order");
        t.errors[t.done] = error;
        snprintf(t.said[t.done], sizeof(t.said[0]), "%s", reply ? reply->text : "");
        cr_assert_eq(error != 0, err->code != 0);
        t.done++;
}

static void listen_here(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", t.path);
        t.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
        cr_assert_eq(listen(t.listener, 4), 0);
        cr_assert_geq(sd_event_add_io(t.event, NULL, t.listener, EPOLLIN, on_connection, NULL), 0);
}

static void setup(void)
{
        snprintf(t.dir, sizeof(t.dir), "/tmp/vks-test-XXXXXX");
        cr_assert(mkdtemp(t.dir));
        snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
        cr_assert_geq(sd_event_new(&t.event), 0);
        t.client = helper_client_new(t.event, t.path);
}

static void teardown(void)
{
        t.client = helper_client_free(t.client);
        sd_event_unref(t.event);
        unlink(t.path);
        rmdir(t.dir);
}

TestSuite(helper_client, .init = setup, .fini = teardown, .timeout = 600);

static void run_until(unsigned done)
{
        while (t.done < done)
                cr_assert_geq(sd_event_run(t.event, UINT64_MAX), 0);
}

static void ask(unsigned n, bool stop)
{
        Vks__Start start = VKS__START__INIT;
        Vks__Stop s = VKS__STOP__INIT;

        for (unsigned i = 0; i < n; i++)
                if (stop)
                        helper_stop(t.client, &s, on_done, (void *)(uintptr_t)(t.done + i));
                else
                        helper_start(t.client, &start, on_done, (void *)(uintptr_t)(t.done + i));
}

Test(helper_client, answers_come_in_the_order_of_requests_over_one_connection)
{
        listen_here();
        ask(60, false);
        cr_assert_eq(t.done, 0, "called back from inside");
        run_until(60);
        ask(1, true);
        run_until(61);
        cr_assert_eq(t.connections, 1);
        cr_assert_str_eq(t.said[59], "start");
        cr_assert_str_eq(t.said[60], "stop");
        cr_assert_eq(t.errors[60], -EPERM);
}

Test(helper_client, without_a_helper_every_request_fails_and_a_later_one_may_succeed)
{
        ask(3, false);
        run_until(3);
        cr_assert_eq(t.errors[0], -ENOENT);
        cr_assert_eq(t.errors[2], -ENOENT);
        listen_here();
        ask(1, false);
        run_until(4);
        cr_assert_eq(t.errors[3], 0);
}

Test(helper_client, what_was_in_flight_fails_when_the_helper_goes_and_the_rest_is_sent_again)
{
        listen_here();
        t.hang_up_at = 3;
        ask(50, false);
        run_until(50);
        cr_assert_eq(t.errors[1], 0);
        cr_assert_eq(t.errors[2], -ECONNRESET);
        cr_assert_eq(t.errors[49], 0);
        cr_assert_eq(t.connections, 2);
}

Test(helper_client, a_request_too_large_fails_alone)
{
        CLEANUP(freep) char *big = xcalloc(WIRE_DATAGRAM_MAX + 1, 1);
        Vks__Start start = VKS__START__INIT, small = VKS__START__INIT;

        listen_here();
        memset(big, 'x', WIRE_DATAGRAM_MAX);
        start.units = &big, start.n_units = 1;
        helper_start(t.client, &start, on_done, (void *)0);
        helper_start(t.client, &small, on_done, (void *)1);
        run_until(2);
        cr_assert_eq(t.errors[0], -EMSGSIZE);
        cr_assert_eq(t.errors[1], 0);
}

Test(helper_client, freeing_it_calls_nobody)
{
        ask(3, false);
        t.client = helper_client_free(t.client);
        cr_assert_eq(t.done, 0);
}
