/* SPDX-License-Identifier: Apache-2.0 */
/* The small texts that API objects, peers and operators write: times,
 * base64, quantities, labels, $(VAR), conditions. */
#include <stdlib.h>

#include "agent/lib/base64.h"
#include "agent/lib/quantity.h"
#include "agent/machine/conditions.h"
#include "agent/config/config.h"
#include "agent/pods/content.h"
#include "agent/lib/times.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

static void times(const char *s)
{
        uint64_t usec = UINT64_MAX, again;
        char text[40];

        if (time_parse_rfc3339(s, &usec) < 0) {
                if (usec != UINT64_MAX)
                        abort();
                return;
        }
        time_rfc3339_micro(usec, text);
        if (time_parse_rfc3339(text, &again) < 0 || again != usec)
                abort();
}

static void expansion(const char *s)
{
        Vks__Env a = VKS__ENV__INIT, b = VKS__ENV__INIT;
        const Vks__Env *const env[] = { &a, &b };
        CLEANUP(freep) char *text = NULL;

        a.name = (char *)"A", a.value = (ProtobufCBinaryData){ 0, NULL };
        b.name = (char *)"B", b.value = (ProtobufCBinaryData){ 3, (uint8_t *)(uintptr_t) "$$x" };
        text = content_expand(s, env, ARRAY_LEN(env));
        if (!strchr(s, '$') && !streq(s, text))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(freep) char *s = xstrndup((const char *)data, size);
        CLEANUP(freep) void *bytes = NULL;
        CLEANUP(buf_done) struct buf list = BUF(1 << 20);
        char *eq = strchr(s, '=');
        uint64_t v;
        size_t n;

        times(s);
        expansion(s);
        if (base64_decode((const char *)data, size, &bytes, &n) == 0 && n > size / 4 * 3)
                abort();
        if (quantity_milli(s, &v) == 0 && v > INT64_MAX)
                abort();
        if (quantity_value(s, &v) == 0 && v > INT64_MAX)
                abort();
        conditions_list((const char *)data, size, &list);
        if (eq) {
                *eq = '\0';
                (void)config_label_check(s, eq + 1, NULL);
        }
        return 0;
}
