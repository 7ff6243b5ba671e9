/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor sends through K3s' tunnel: the answer to the WebSocket's beginning, frames, and messages in them.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/streams/websocket.h"
#include "agent/tunnel/handshake.h"
#include "agent/tunnel/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct websocket_frame frame;
        struct tunnel_message m;
        struct err e = ERR_NONE;
        int head = handshake_judge((const char *)data, size, "dGhlIHNhbXBsZSBub25jZQ==", &e);

        assert(head <= (int)size);
        data += head > 0 ? head : 0;
        size -= head > 0 ? (size_t)head : 0;
        while ((head = websocket_server_frame_parse(data, size, &frame, &e)) > 0) {
                size_t part;

                assert((size_t)head <= size);
                data += head;
                size -= (size_t)head;
                part = frame.length < size ? (size_t)frame.length : size;
                if (tunnel_message_parse(data, part, &m, &e) == 0) {
                        assert(m.size <= part && m.body + m.size == (const char *)data + part);
                        if (tunnel_may_connect(m.body, m.size, 10250))
                                assert(m.size <= sizeof("tcp/127.0.0.1:10250"));
                }
                data += part;
                size -= part;
        }
        return 0;
}
