/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the bytes of a packet. protobuf-c silently keeps fields that it does not know, so a message that has any is
 * refused here: otherwise a newer agent would believe that an older helper has understood them.
 */
#ifndef VKS_PROTO_DECODE_H
#define VKS_PROTO_DECODE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base.h"
#include "common/err.h"

/* Sets the error for bytes that are no request or reply: -EBADMSG, with the text `why`. Returns it. */
int wire_bad(struct err *e, const char *why);

/*
 * Decodes a packet's body as `type`, refusing unknown fields at any depth. The caller owns *ret
 * (protobuf_c_message_free_unpacked with `allocator`, which may be NULL for the heap).
 */
int wire_decode(const ProtobufCMessageDescriptor *type, const uint8_t *body, size_t size, ProtobufCAllocator *allocator,
                ProtobufCMessage **ret, struct err *e);

#endif
