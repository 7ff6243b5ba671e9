/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says in what pieces the rest comes. */
#include "agent/client/watch_stream.h"
#include "tests/fuzz/fuzz.h"

static int take(void *userdata, const char *line, size_t size)
{
        struct watch_event event;
        struct err e;

        (void)userdata;
        if (watch_event_parse(line, size, &event, &e) < 0)
                return 0;
        cJSON_Delete(event.object);
        return event.type == WATCH_ERROR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf rest = BUF(4096);
        size_t step = size ? data[0] % 64 + 1 : 1;

        for (size_t i = 1; i < size; i += step)
                if (watch_lines(&rest, (const char *)data + i, size - i < step ? size - i : step, take, NULL) != 0)
                        break;
        buf_done(&rest);
        return 0;
}
