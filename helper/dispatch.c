/* SPDX-License-Identifier: Apache-2.0 */
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include <errno.h>
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "helper/arena.h"
#include "common/utf8.h"
#include "helper/helper.h"
#include "proto/verbs.h"
#include "proto/decode.h"
#include "proto/wire.h"

enum { REQUEST_MEMORY = 128 * 1024 * 1024 }; /* for a body of 16 MiB, unpacked; what needs more is refused */

static void keep(UNUSED void *data, UNUSED void *p)
{
}

/* ---- one row per verb -------------------------------------------------------------------------------------------- */

typedef int (*row_fn)(struct machine *m, const ProtobufCMessage *message, struct answer *a, struct err *e);

#define ROW(number, name, Message, body)                                                                               \
        static int row_##name(struct machine *m, const ProtobufCMessage *message, struct answer *a, struct err *e)     \
        {                                                                                                              \
                union op op = { 0 };                                                                                   \
                int r = policy_##name(m->policy, (const Vks__##Message *)(const void *)message, &op.name, e);          \
                if (r == 0)                                                                                            \
                        r = op_##name(m, &op.name, a, e);                                                              \
                op_##name##_done(&op.name);                                                                            \
                return r;                                                                                              \
        }
VERBS(ROW)
#undef ROW

#define ROW(number, name, Message, body) [number] = row_##name,
static const row_fn rows[] = { VERBS(ROW) };
#undef ROW

/* ---- audit ------------------------------------------------------------------------------------------------------- */

static const Vks__Pod *pod_of(const ProtobufCMessage *m)
{
        static const Vks__Pod none = VKS__POD__INIT;
        const ProtobufCFieldDescriptor *f =
                m ? protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "pod") : NULL;
        const Vks__Pod *pod = f ? *(const Vks__Pod *const *)(const void *)((const char *)m + f->offset) : NULL;

        return pod ? pod : &none;
}

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Who asked for what, by which rule it was refused, how it went: one line. Names only: no value of a variable, no byte
 * of a file. */
static void audit(const struct wire_verb *verb, const ProtobufCMessage *message, const struct answer *a, int result,
                  const struct err *e, uint64_t usec)
{
        const Vks__Pod *pod = pod_of(message);
        char subject[1280];

        snprintf(subject, sizeof(subject), "%.63s%s%.253s%s%s", pod->namespace_, pod->name[0] ? "/" : "", pod->name,
                 a->unit, a->about);
        utf8_mend(subject, "");
        sd_journal_send("PRIORITY=%i", result < 0 ? LOG_WARNING : LOG_INFO, "MESSAGE=%s %s: %s", verb->name, subject,
                        result < 0 ? e->text : "done", "VKS_VERB=%s", verb->name, "VKS_POD_UID=%s",
                        id_is_uid(pod->uid) ? pod->uid : "", "VKS_SUBJECT=%s", subject, "VKS_RULE=%s",
                        result < 0 ? e->reason : "", "VKS_RESULT=%i", result, "VKS_USEC=%llu", (unsigned long long)usec,
                        NULL);
}

int dispatch(void *machine, int sock, struct err *e)
{
        struct machine *m = machine;
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        CLEANUP(arena_done) struct arena arena = { 0 };
        ProtobufCAllocator allocator = { .alloc = arena_alloc, .free = keep, .allocator_data = &arena };
        ProtobufCMessage *message = NULL;
        Vks__Reply reply = VKS__REPLY__INIT;
        struct answer a = { 0 };
        struct err why = ERR_NONE;
        uint64_t began = now_usec();
        int r = wire_recv_request(sock, &p, e);

        if (r <= 0)
                return r;
        r = arena_init(&arena, REQUEST_MEMORY);
        if (r < 0)
                return err_errno(e, r, NULL, "memory for a request");
        m->streams = p.has_streams ? p.streams : NULL;
        r = wire_decode(p.verb->message, p.body, p.size, &allocator, &message, &why);
        if (r == 0)
                r = policy_file_follow(m, &why);
        if (r == 0)
                r = rows[p.verb->number](m, message, &a, &why);
        utf8_mend(why.text, ""); /* words of a request are in it */
        audit(p.verb, message, &a, r, &why, now_usec() - began);
        m->streams = NULL;
        reply.error = r;
        reply.text = why.text, reply.rule = why.reason, reply.unit = a.unit;
        r = wire_send_reply(sock, p.verb, &reply.base, e);
        /* a connection that has lost a reply is closed: the next one would be taken for it */
        return r == -EAGAIN ? -ENOBUFS : r < 0 ? r : message ? 1 : wire_bad(e, "not a message of its verb");
}
