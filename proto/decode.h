/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a packet to the message that they hold. protobuf-c keeps fields that it does not know and says
 * nothing, so a message with any is refused here: a newer agent does not believe that an older helper has understood
 * it.
 */
#ifndef VKS_PROTO_DECODE_H
#define VKS_PROTO_DECODE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base.h"
#include "common/err.h"

/* Sets the error of everything that is no request or reply, -EBADMSG, with `why`, and returns it. */
int wire_bad(struct err *e, const char *why);

/*
 * Decodes a packet's body as `type`, refusing unknown fields at any depth. The caller owns *ret
 * (protobuf_c_message_free_unpacked with `allocator`, which may be NULL for the heap).
 */
int wire_decode(const ProtobufCMessageDescriptor *type, const uint8_t *body, size_t size, ProtobufCAllocator *allocator,
                ProtobufCMessage **ret, struct err *e);

#endif
