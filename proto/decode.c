/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/decode.h"

#include <errno.h>

static bool has_unknown(const ProtobufCMessage *m)
{
        if (m->n_unknown_fields > 0)
                return true;
        for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
                const char *at = (const char *)m + f->offset, *count = (const char *)m + f->quantifier_offset;

                if (f->type != PROTOBUF_C_TYPE_MESSAGE)
                        continue;
                if (f->label == PROTOBUF_C_LABEL_REPEATED) {
                        ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)(const void *)at;
                        for (size_t k = 0; k < *(const size_t *)(const void *)count; k++)
                                if (has_unknown(items[k]))
                                        return true;
                        continue;
                }
                if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)(const void *)count != f->id)
                        continue; /* another member of the oneof is the one that is set */
                const ProtobufCMessage *sub = *(const ProtobufCMessage *const *)(const void *)at;
                if (sub && has_unknown(sub))
                        return true;
        }
        return false;
}

int wire_bad(struct err *e, const char *why)
{
        return err_set(e, -EBADMSG, NULL, "bad message on the helper's socket: %s", why);
}

int wire_decode(const ProtobufCMessageDescriptor *type, const uint8_t *body, size_t size, ProtobufCAllocator *allocator,
                ProtobufCMessage **ret, struct err *e)
{
        ProtobufCMessage *m = protobuf_c_message_unpack(type, allocator, size, body);

        if (!m)
                return wire_bad(e, "not the message of this verb");
        /* A field that is given twice is merged, and what the first had that is unknown is lost with it; a string ends
         * at its first NUL. Whoever packs a message as we do says nothing twice, and no byte more. */
        if (has_unknown(m) || protobuf_c_message_get_packed_size(m) != size) {
                protobuf_c_message_free_unpacked(m, allocator);
                return wire_bad(e, "unknown fields, or fields that are given twice");
        }
        *ret = m;
        return 0;
}
