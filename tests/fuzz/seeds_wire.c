/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds for fuzz_wire and fuzz_request, from the table: each verb's message with nothing in it, and with everything in
 * it at every depth, as DIR/<verb>-{empty,full}. One that is of no use ends the program with an error: a new verb or
 * field cannot be left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "helper.pb-c.h"

#include "common/mem.h"
#include "proto/verbs.h"
#include "proto/decode.h"
#include "proto/wire.h"

enum { REPEATS = 3, SEED_MAX = 64 * 1024 };

static ProtobufCMessage *new_message(const ProtobufCMessageDescriptor *d)
{
        ProtobufCMessage *m = xcalloc(1, d->sizeof_message);

        protobuf_c_message_init(d, m);
        return m;
}

static ProtobufCMessage *full(const ProtobufCMessageDescriptor *d, unsigned turn);

static void fill_one(const ProtobufCFieldDescriptor *f, void *at, unsigned turn)
{
        switch (f->type) {
        case PROTOBUF_C_TYPE_MESSAGE:
                *(ProtobufCMessage **)at = full(f->descriptor, turn);
                break;
        case PROTOBUF_C_TYPE_STRING:
                *(char **)at = xasprintf("%s-%u", f->name, turn);
                break;
        case PROTOBUF_C_TYPE_BYTES:
                *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){ 3, (uint8_t *)xstrdup("\x01\xff\n") };
                break;
        case PROTOBUF_C_TYPE_UINT64:
                *(uint64_t *)at = UINT64_MAX - turn;
                break;
        default: /* 32 bits: numbers, enums, booleans */
                *(uint32_t *)at = 1;
        }
}

/* Of a oneof's members the one whose turn it is. */
static bool chosen(const ProtobufCMessageDescriptor *d, unsigned field, unsigned turn)
{
        unsigned members = 0, before = 0;

        for (unsigned i = 0; i < d->n_fields; i++)
                if (d->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                    d->fields[i].quantifier_offset == d->fields[field].quantifier_offset)
                        members++, before += i < field;
        return turn % members == before;
}

static ProtobufCMessage *full(const ProtobufCMessageDescriptor *d, unsigned turn)
{
        ProtobufCMessage *m = new_message(d);

        for (unsigned i = 0; i < d->n_fields; i++) {
                const ProtobufCFieldDescriptor *f = &d->fields[i];
                void *at = (char *)m + f->offset, *quantifier = (char *)m + f->quantifier_offset;

                if (f->label == PROTOBUF_C_LABEL_REPEATED) { /* of messages, or of strings: both are pointers */
                        void **items = xcalloc(REPEATS, sizeof(*items));
                        for (unsigned k = 0; k < REPEATS; k++)
                                fill_one(f, &items[k], k);
                        *(void ***)at = items, *(size_t *)quantifier = REPEATS;
                } else if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) {
                        fill_one(f, at, turn);
                } else if (chosen(d, i, turn)) {
                        *(uint32_t *)quantifier = f->id;
                        fill_one(f, at, turn);
                }
        }
        return m;
}

static int save(const char *dir, const struct wire_verb *verb, const char *kind, const ProtobufCMessage *m)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s-%s", dir, verb->name, kind);
        static uint8_t bytes[SEED_MAX];
        ProtobufCMessage *again = NULL;
        struct err e = ERR_NONE;
        size_t n = protobuf_c_message_get_packed_size(m);
        FILE *f = fopen(path, "wb");

        if (!f || n >= sizeof(bytes))
                return perror(path), 1;
        bytes[0] = verb->number;
        protobuf_c_message_pack(m, bytes + 1);
        if (fwrite(bytes, 1, n + 1, f) != n + 1 || fclose(f) != 0)
                return perror(path), 1;
        if (wire_decode(verb->message, bytes + 1, n, NULL, &again, &e) < 0)
                return fprintf(stderr, "%s: %s\n", path, e.text), 1;
        protobuf_c_message_free_unpacked(again, NULL);
        return 0;
}

int main(int argc, char **argv)
{
        int r = argc != 2;

        for (unsigned n = 0; n < 256 && r == 0; n++) {
                const struct wire_verb *verb = wire_verb_find((uint8_t)n);
                if (!verb)
                        continue;
                ProtobufCMessage *nothing = new_message(verb->message), *everything = full(verb->message, 0);
                r |= save(argv[1], verb, "empty", nothing) | save(argv[1], verb, "full", everything);
                protobuf_c_message_free_unpacked(nothing, NULL);
                protobuf_c_message_free_unpacked(everything, NULL);
        }
        return r;
}
