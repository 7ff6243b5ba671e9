/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/handler.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "common/mem.h"

const char *const hook_fields[HOOK_KINDS] = { [HOOK_POST_START] = "postStart", [HOOK_PRE_STOP] = "preStop" };
const char *const hook_events[HOOK_KINDS] = {
        [HOOK_POST_START] = "FailedPostStartHook", [HOOK_PRE_STOP] = "FailedPreStopHook"
};

int handler_parse(enum hook_kind kind, const cJSON *spec, const cJSON *ports, struct handler **ret, struct err *e)
{
        CLEANUP(handler_freep) struct handler *h = NEW(struct handler);
        const cJSON *sleep = json_get(spec, "sleep");

        *ret = NULL;
        if (sleep) {
                h->sleep_s = json_int(sleep, "seconds", -1);
                if (h->sleep_s < 0 || h->sleep_s > INT32_MAX)
                        return err_set(e, -EINVAL, "CreateContainerConfigError",
                                       "lifecycle.%s.sleep.seconds: out of range", hook_fields[kind]);
        } else if (probe_parse_handler(spec, ports, &h->asks, e) < 0) {
                return err_prefix(e, "lifecycle.%s.", hook_fields[kind]);
        }
        *ret = TAKE(h);
        return 0;
}

struct handler *handler_free(struct handler *h)
{
        if (!h)
                return NULL;
        probe_free(h->asks);
        free(h);
        return NULL;
}
