/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/pod_event.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"

void pod_event(struct pod_entry *e, const struct container *c, bool warning, const char *reason, const char *fmt, ...)
{
        const struct pods_parts *parts = &e->pods->parts;
        const struct event_object about = {
                .kind = "Pod",
                .namespace = e->pod->id.namespace,
                .name = e->pod->id.name,
                .uid = e->pod->id.uid,
                .container = c ? c->name : NULL,
        };
        CLEANUP(freep) char *text = NULL;
        va_list ap;

        if (e->state->gone || parts->dry_run)
                return;
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        event_post(parts->events, &about, warning, reason, "%s", text ? text : "");
}
