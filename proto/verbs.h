/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request set: one row per verb, and nothing else is answered.
 *
 *      VERB(number, name, message, body)
 *
 * `number` is the byte on the wire and is never used again for something else; `name` names the functions on both
 * sides (helper_client's request and the helper's policy_NAME and op_NAME); `message` is its type in helper.proto;
 * `body` says where the message travels: INLINE in the datagram, in a sealed MEMFD, or in a MEMFD beside three
 * standard STREAMS (no other rows may come with descriptors).
 */
#ifndef VKS_PROTO_VERBS_H
#define VKS_PROTO_VERBS_H

#define VERBS(VERB)                                                                                                    \
        VERB(1, install, Install, INLINE)                                                                              \
        VERB(2, write, Write, MEMFD)                                                                                   \
        VERB(3, start, Start, INLINE)                                                                                  \
        VERB(4, stop, Stop, INLINE)                                                                                    \
        VERB(5, remove, Remove, INLINE)                                                                                \
        VERB(6, fill, Fill, MEMFD)                                                                                     \
        VERB(7, exec, Exec, STREAMS)                                                                                   \
        VERB(8, resize, Resize, INLINE)

#endif
