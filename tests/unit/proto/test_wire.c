/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/socket.h>

#include "helper.pb-c.h"

#include "common/fd.h"
#include "common/mem.h"
#include "proto/verbs.h"
#include "proto/decode.h"
#include "proto/wire.h"

static int here = -1, there = -1;

static void setup(void)
{
        int pair[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        here = pair[0];
        there = pair[1];
}

static void teardown(void)
{
        here = fd_close(here);
        there = fd_close(there);
}

TestSuite(wire, .init = setup, .fini = teardown);

static int count_fds(void)
{
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static Vks__Pod pod = { PROTOBUF_C_MESSAGE_INIT(&vks__pod__descriptor), .namespace_ = (char *)"default",
                        .name = (char *)"web", .uid = (char *)"0f6c2a9e-1234-4abc-8def-0123456789ab" };

static void send_raw(const void *p, size_t n, const int *fds, size_t n_fds)
{
        struct iovec iov = { (void *)(uintptr_t)p, n };
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } control = { 0 };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        cr_assert_eq(sendmsg(here, &m, 0), (ssize_t)n);
}

static int memfd(const char *bytes, size_t n, int seals)
{
        int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
        if (seals)
                cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static void expect_refused(const char *words)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        struct err e = ERR_NONE;
        int before = count_fds();

        cr_assert_eq(wire_recv_request(there, &p, &e), -EBADMSG);
        cr_assert(strstr(e.text, words), "%s", e.text);
        cr_assert_leq(count_fds(), before, "a descriptor was left open");
}

Test(wire, a_request_arrives_as_it_was_sent)
{
        char *units[] = { (char *)"vks.default.web.nginx.service" };
        Vks__Start m = VKS__START__INIT;
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;

        m.pod = &pod;
        m.units = units, m.n_units = 1, m.restart = true;
        cr_assert_eq(wire_send_request(here, wire_verb_find(3), &m.base, NULL, &e), 0, "%s", e.text);
        cr_assert_eq(wire_recv_request(there, &p, &e), 1, "%s", e.text);
        cr_assert_str_eq(p.verb->name, "start");
        cr_assert_eq(wire_decode(p.verb->message, p.body, p.size, NULL, &got, &e), 0, "%s", e.text);
        const Vks__Start *s = (const Vks__Start *)(void *)got;
        cr_assert_str_eq(s->units[0], units[0]);
        cr_assert(s->restart);
        protobuf_c_message_free_unpacked(got, NULL);
        cr_assert_eq(wire_recv_request(there, &p, &e), -EAGAIN);
        here = fd_close(here);
        cr_assert_eq(wire_recv_request(there, &p, &e), 0);
}

Test(wire, large_messages_travel_in_a_sealed_memfd)
{
        Vks__File f = VKS__FILE__INIT, *files[] = { &f };
        Vks__Fill m = VKS__FILL__INIT;
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        CLEANUP(freep) uint8_t *data = xcalloc(3 << 20, 1);
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;

        f.path = (char *)"ca.crt";
        f.content = (ProtobufCBinaryData){ 3 << 20, data };
        m.pod = &pod;
        m.files = files, m.n_files = 1;
        cr_assert_eq(wire_send_request(here, wire_verb_find(6), &m.base, NULL, &e), 0, "%s", e.text);
        int before = count_fds();
        cr_assert_eq(wire_recv_request(there, &p, &e), 1, "%s", e.text);
        cr_assert_leq(count_fds(), before);
        cr_assert_eq(wire_decode(p.verb->message, p.body, p.size, NULL, &got, &e), 0, "%s", e.text);
        cr_assert_eq(((const Vks__Fill *)(void *)got)->files[0]->content.len, 3 << 20);
        protobuf_c_message_free_unpacked(got, NULL);
}

Test(wire, what_is_too_large_is_refused_before_it_is_sent)
{
        CLEANUP(freep) char *big = xcalloc(WIRE_DATAGRAM_MAX + 1, 1);
        Vks__Start m = VKS__START__INIT;
        struct err e = ERR_NONE;

        memset(big, 'x', WIRE_DATAGRAM_MAX);
        m.units = &big, m.n_units = 1;
        cr_assert_eq(wire_send_request(here, wire_verb_find(3), &m.base, NULL, &e), -EMSGSIZE);
}

Test(wire, what_is_no_request_is_refused)
{
        static const uint8_t no_verb[] = { WIRE_VERSION, 0 }, unknown[] = { WIRE_VERSION, 200 }, version[] = { 9, 3 };
        CLEANUP(freep) uint8_t *big = xcalloc(WIRE_DATAGRAM_MAX + 1, 1);

        send_raw("\1", 1, NULL, 0);
        expect_refused("not a known verb");
        send_raw(no_verb, 2, NULL, 0);
        expect_refused("not a known verb");
        send_raw(unknown, 2, NULL, 0);
        expect_refused("not a known verb");
        send_raw(version, 2, NULL, 0);
        expect_refused("not a known verb");
        big[0] = WIRE_VERSION, big[1] = 3;
        send_raw(big, WIRE_DATAGRAM_MAX + 1, NULL, 0);
        expect_refused("too large");
}

Test(wire, descriptors_nobody_asked_for_are_refused_and_closed)
{
        static const uint8_t start[] = { WIRE_VERSION, 3 }, write_[] = { WIRE_VERSION, 2 };
        int fds[16];

        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                fds[i] = here;
        send_raw(start, 2, fds, 1);
        expect_refused("not the descriptors");
        send_raw(write_, 2, fds, 2);
        expect_refused("not the descriptors");
        send_raw(write_, 2, fds, 16);
        expect_refused("too large");
        send_raw(write_, 2, NULL, 0);
        expect_refused("not the descriptors");
        send_raw("\1\2x", 3, fds, 1);
        expect_refused("in a memfd");
}

Test(wire, a_memfd_that_could_still_change_is_refused)
{
        static const uint8_t write_[] = { WIRE_VERSION, 2 };
        FD unsealed = memfd("x", 1, 0), half = memfd("x", 1, F_SEAL_GROW | F_SEAL_SHRINK),
           null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        FD large = memfd("x", 1, 0);

        send_raw(write_, 2, &unsealed, 1);
        expect_refused("not a sealed memfd");
        send_raw(write_, 2, &half, 1);
        expect_refused("not a sealed memfd");
        send_raw(write_, 2, &null, 1);
        expect_refused("not a sealed memfd");
        cr_assert_eq(ftruncate(large, WIRE_BODY_MAX + 1), 0);
        cr_assert_eq(fcntl(large, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
        send_raw(write_, 2, &large, 1);
        expect_refused("too large");
}

static int decode(const ProtobufCMessageDescriptor *type, const char *bytes, size_t n)
{
        ProtobufCMessage *m = NULL;
        struct err e = ERR_NONE;
        int r = wire_decode(type, (const uint8_t *)bytes, n, NULL, &m, &e);

        if (r == 0)
                protobuf_c_message_free_unpacked(m, NULL);
        return r;
}

#define DECODE(type, bytes) decode(&vks__##type##__descriptor, bytes, sizeof(bytes) - 1)

Test(wire, unknown_fields_are_refused_at_any_depth)
{
        cr_assert_eq(DECODE(start, "\x18\x01"), 0);
        cr_assert_eq(DECODE(start, "\x18\x01\x78\x01"), -EBADMSG, "field 15 of Start");
        cr_assert_eq(DECODE(start, "\x0a\x02\x78\x01"), -EBADMSG, "field 15 of Start.pod");
        cr_assert_eq(DECODE(write, "\x12\x02\x78\x01"), -EBADMSG, "field 15 of Write.volumes[0]");
        cr_assert_eq(DECODE(write, "\x12\x04\x12\x02\x78\x01"), -EBADMSG, "field 15 of Write.volumes[0].empty_dir");
        cr_assert_eq(DECODE(write, "\x12\x02\x22\x00"), 0, "a Files volume");
        cr_assert_eq(DECODE(write, "\x1a\x04\x5a\x02\x78\x01"), -EBADMSG,
                     "field 15 of Write.containers[0].run_as_user");
        cr_assert_eq(DECODE(start, "\x0a\x7f"), -EBADMSG, "cut short");
        cr_assert_eq(DECODE(start, "\x1a"), -EBADMSG, "cut short");
}

/* What libprotobuf-c makes of a field that is given twice nobody has to know; what the first one had is lost. */
Test(wire, a_message_has_one_spelling)
{
        cr_assert_eq(DECODE(start, "\x0a\x03\x0a\x01x"), 0);
        cr_assert_eq(DECODE(start, "\x0a\x03\x0a\x01x\x0a\x03\x0a\x01x"), -EBADMSG, "two pods");
        cr_assert_eq(DECODE(start, "\x0a\x05\x0a\x01x\x78\x01\x0a\x03\x0a\x01x"), -EBADMSG, "the first has a field 15");
        cr_assert_eq(DECODE(start, "\x12\x03x\0y"), -EBADMSG, "a NUL in a word");
        cr_assert_eq(DECODE(start, "\x18\x81\0"), -EBADMSG, "a number that is longer than it has to be");
        cr_assert_eq(DECODE(write, "\x12\x04\x12\x00\x22\x00"), -EBADMSG, "a volume of two kinds");
}

Test(wire, a_reply_comes_back_and_long_words_are_cut)
{
        CLEANUP(freep) char *text = xcalloc(100000, 1);
        Vks__Reply reply = VKS__REPLY__INIT;
        const struct wire_verb *verb = NULL;
        ProtobufCMessage *m = NULL;
        struct err e = ERR_NONE;

        memset(text, 'x', 99999);
        reply.error = -EPERM;
        reply.rule = (char *)"root";
        reply.text = text;
        cr_assert_eq(wire_send_reply(there, wire_verb_find(2), &reply.base, &e), 0, "%s", e.text);
        cr_assert_eq(wire_recv_reply(here, &verb, &m, &e), 1, "%s", e.text);
        const Vks__Reply *got = (const Vks__Reply *)(void *)m;
        cr_assert_eq(verb, wire_verb_find(2));
        cr_assert_eq(got->error, -EPERM);
        cr_assert_str_eq(got->rule, "root");
        cr_assert_eq(strlen(got->text), WIRE_TEXT_MAX - 1);
        protobuf_c_message_free_unpacked(m, NULL);
        there = fd_close(there);
        cr_assert_eq(wire_recv_reply(here, &verb, &m, &e), 0);
}

/* The three keep their order, and are the receiver's. */
Test(wire, streams_arrive_beside_the_message)
{
        Vks__Exec m = VKS__EXEC__INIT;
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        int streams[WIRE_N_STREAMS], before = count_fds();
        struct err e = ERR_NONE;

        m.pod = &pod;
        for (int i = 0; i < WIRE_N_STREAMS; i++) {
                streams[i] = memfd_create("stream", MFD_CLOEXEC);
                cr_assert(streams[i] >= 0 && write(streams[i], "xxx", (size_t)i) == i);
        }
        cr_assert_eq(wire_send_request(here, wire_verb_find(7), &m.base, streams, &e), 0, "%s", e.text);
        cr_assert_eq(count_fds(), before, "what was sent is closed here");
        cr_assert_eq(wire_recv_request(there, &p, &e), 1, "%s", e.text);
        cr_assert(p.has_streams);
        for (int i = 0; i < WIRE_N_STREAMS; i++) {
                struct stat st;

                cr_assert_eq(fstat(p.streams[i], &st), 0);
                cr_assert_eq(st.st_size, i);
        }
        wire_packet_done(&p);
        cr_assert_eq(count_fds(), before);
}

Test(wire, streams_are_for_the_verb_that_takes_them)
{
        static const uint8_t exec[] = { WIRE_VERSION, 7 };
        Vks__Exec m = VKS__EXEC__INIT;
        Vks__Start start = VKS__START__INIT;
        struct wire_packet p = { 0 };
        int fds[5], streams[WIRE_N_STREAMS], before = count_fds();
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                fds[i] = here;
        for (size_t n = 0; n <= ARRAY_LEN(fds); n++) {
                send_raw(exec, 2, fds, n);
                expect_refused(n == 4 ? "not a sealed memfd" : "not the descriptors");
        }
        cr_assert_eq(wire_pack(wire_verb_find(7), &m.base, NULL, &p, &e), -EINVAL);
        for (size_t i = 0; i < ARRAY_LEN(streams); i++)
                streams[i] = dup(here);
        cr_assert_eq(wire_pack(wire_verb_find(3), &start.base, streams, &p, &e), -EINVAL);
        cr_assert_eq(count_fds(), before, "the streams of what is not packed are closed");
}
