/* SPDX-License-Identifier: Apache-2.0 */
/* What is no request, or cannot be served. */
#include "helper/arena.h"
#include "tests/unit/helper/asking.h"

TestSuite(helper_requests, .init = setup, .fini = teardown);

int __real_arena_init(struct arena *a, size_t size);
int __wrap_arena_init(struct arena *a, size_t size);
static bool no_memory;

int __wrap_arena_init(struct arena *a, size_t size)
{
        return no_memory ? -ENOMEM : __real_arena_init(a, size);
}

Test(helper_requests, without_memory_for_it_a_request_is_not_begun)
{
        Vks__Remove m = VKS__REMOVE__INIT;
        struct err e = ERR_NONE;

        m.pod = &pod, m.all = true;
        no_memory = true;
        cr_assert_eq(wire_send_request(ends[0], wire_verb_find(VERB_remove), &m.base, NULL, &e), 0);
        cr_assert_eq(dispatch(&machine, ends[1], &e), -ENOMEM);
        cr_assert(starts_with(e.text, "memory for a request"));
        no_memory = false;
        cr_assert_eq(units(VERB_remove, NULL, true), 0);
}

/* Else the next reply would be taken for the answer to this request. */
Test(helper_requests, who_does_not_read_replies_is_not_served_on)
{
        Vks__Remove m = VKS__REMOVE__INIT;
        struct err e = ERR_NONE;
        int r = 1;

        m.pod = &pod, m.all = true;
        for (int i = 0; i < 100000 && r == 1; i++) {
                cr_assert_eq(wire_send_request(ends[0], wire_verb_find(VERB_remove), &m.base, NULL, &e), 0);
                r = dispatch(&machine, ends[1], &e);
                read_journal();
        }
        cr_assert(r < 0 && r != -EAGAIN, "%d: %s", r, e.text);
}

Test(helper_requests, what_is_no_message_of_its_verb_is_answered_and_the_connection_closed)
{
        static const uint8_t junk[] = { WIRE_VERSION, VERB_start, 0xff }, other[] = { WIRE_VERSION, 99 };
        const struct wire_verb *v;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(dispatch(&machine, ends[1], &e), -EAGAIN, "nothing was sent");
        cr_assert_eq(send(ends[0], junk, sizeof(junk), 0), (ssize_t)sizeof(junk));
        cr_assert_eq(dispatch(&machine, ends[1], &e), -EBADMSG);
        cr_assert_eq(wire_recv_reply(ends[0], &v, &got, &e), 1);
        cr_assert_eq(((const Vks__Reply *)(void *)got)->error, -EBADMSG);
        protobuf_c_message_free_unpacked(got, NULL);
        read_journal();
        cr_assert_eq(lines, 1);
        cr_assert_eq(send(ends[0], other, sizeof(other), 0), (ssize_t)sizeof(other));
        cr_assert_eq(dispatch(&machine, ends[1], &e), -EBADMSG, "an unknown verb");
        ends[0] = fd_close(ends[0]);
        cr_assert_eq(dispatch(&machine, ends[1], &e), 0, "the peer has gone");
}
