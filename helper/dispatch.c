/* SPDX-License-Identifier: Apache-2.0 */
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include "helper/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "proto/verbs.h"

/* ---- the memory of one request: a bounded arena, given back (and so wiped) when it is answered ---- */

enum { ARENA_SIZE = 128 * 1024 * 1024, ARENA_ALIGN = 16 }; /* a body of 16 MiB unpacked; more is refused */

struct arena {
        uint8_t *base;
        size_t used;
};

static void *arena_alloc(void *data, size_t n)
{
        struct arena *a = data;
        size_t want = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
        void *p = a->base + a->used;

        if (n > ARENA_SIZE || want > ARENA_SIZE - a->used)
                return NULL;
        a->used += want;
        return p;
}

static void arena_keep(UNUSED void *data, UNUSED void *p)
{
}

static void arena_done(struct arena *a)
{
        if (a->base != MAP_FAILED)
                munmap(a->base, ARENA_SIZE);
}

/* ---- one row per verb ---- */

typedef int (*row_fn)(struct machine *m, const ProtobufCMessage *message, struct answer *a, struct err *e);

#define ROW(number, name, Message, body)                                                                           \
        static int row_##name(struct machine *m, const ProtobufCMessage *message, struct answer *a, struct err *e)  \
        {                                                                                                           \
                union op op = { 0 };                                                                                \
                int r = policy_##name(m->policy, (const Vks__##Message *)(const void *)message, &op.name, e);       \
                if (r == 0)                                                                                         \
                        r = op_##name(m, &op.name, a, e);                                                           \
                op_##name##_done(&op.name);                                                                         \
                return r;                                                                                           \
        }
VERBS(ROW)
#undef ROW

#define ROW(number, name, Message, body) [number] = row_##name,
static const row_fn rows[] = { VERBS(ROW) };
#undef ROW

/* ---- audit ---- */

static const Vks__Pod *pod_of(const ProtobufCMessage *m)
{
        static const Vks__Pod none = VKS__POD__INIT;
        const ProtobufCFieldDescriptor *f = m ? protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "pod") : NULL;
        const Vks__Pod *pod = f ? *(const Vks__Pod *const *)(const void *)((const char *)m + f->offset) : NULL;

        return pod ? pod : &none;
}

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Who asked for what, by which rule it was refused, how it went. Names only: no value of a variable, no byte of a file. */
static void audit(const struct wire_verb *verb, const ProtobufCMessage *message, const struct answer *a, int result, const struct err *e, uint64_t usec)
{
        const Vks__Pod *pod = pod_of(message);
        char subject[640];

        snprintf(subject, sizeof(subject), "%.63s%s%.253s%s", pod->namespace_, pod->name[0] ? "/" : "", pod->name, a->unit);
        sd_journal_send("PRIORITY=%i", result < 0 ? LOG_WARNING : LOG_INFO, "MESSAGE=%s %s: %s", verb->name, subject, result < 0 ? e->text : "done",
                        "VKS_VERB=%s", verb->name, "VKS_POD_UID=%.36s", pod->uid, "VKS_SUBJECT=%s", subject, "VKS_RULE=%s",
                        result < 0 ? e->reason : "", "VKS_RESULT=%i", result, "VKS_USEC=%llu", (unsigned long long)usec, NULL);
}

int dispatch(struct machine *m, int sock, struct err *e)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        CLEANUP(arena_done) struct arena arena = { .base = MAP_FAILED };
        ProtobufCAllocator allocator = { .alloc = arena_alloc, .free = arena_keep, .allocator_data = &arena };
        ProtobufCMessage *message = NULL;
        Vks__Reply reply = VKS__REPLY__INIT;
        struct answer a = { 0 };
        struct err why = ERR_NONE;
        uint64_t began = now_usec();
        int r = wire_recv_request(sock, &p, e);

        if (r <= 0)
                return r;
        arena.base = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena.base == MAP_FAILED)
                return err_errno(e, -errno, NULL, "memory for a request");
        r = wire_decode(p.verb->message, p.body, p.size, &allocator, &message, &why);
        if (r == 0)
                r = rows[p.verb->number](m, message, &a, &why);
        audit(p.verb, message, &a, r, &why, now_usec() - began);
        reply.error = r;
        if (r < 0) {
                reply.text = why.text;
                reply.rule = why.reason;
        }
        reply.unit = a.unit;
        return (r = wire_send_reply(sock, p.verb, &reply.base, e)) < 0 ? r : 1;
}
