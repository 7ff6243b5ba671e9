/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the verb, the rest is its message. */
#include "proto/decode.h"
#include "proto/wire.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct wire_verb *v = size ? wire_verb_find(data[0]) : NULL;
        ProtobufCMessage *m = NULL;

        if (v && wire_decode(v->message, data + 1, size - 1, NULL, &m, NULL) == 0)
                protobuf_c_message_free_unpacked(m, NULL);
        return 0;
}
