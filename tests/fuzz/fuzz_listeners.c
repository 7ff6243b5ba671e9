/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of listening sockets: a walk along lengths, and a choice among addresses that programs made. */
#include <stdlib.h>

#include "agent/machine/listeners.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct listener_address a[LISTENERS_ADDRESSES_MAX];
        CLEANUP(freep) uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees the end */
        const unsigned long own[] = { 1, 4242 };
        struct listeners l = { 0 };
        int r;

        memcpy(exact, data, size);
        r = listeners_parse(exact, size, 80, &l);
        if (r > 1 || l.n > LISTENERS_MAX)
                abort();
        r = listeners_choose(&l, own, ARRAY_LEN(own), a);
        if (r == 0 || r > LISTENERS_ADDRESSES_MAX)
                abort();
        for (int i = 0; i < r; i++) {
                char text[LISTENERS_TEXT_MAX];
                struct sockaddr_storage s;

                listener_text(&a[i], 80, text);
                if (!ends_with(text, ":80") || listener_sockaddr(&a[i], 80, &s) > sizeof(s))
                        abort();
        }
        return 0;
}
