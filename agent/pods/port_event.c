/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/port_event.h"

#include "agent/machine/listeners.h"
#include "agent/pods/pod_event.h"
#include "common/log.h"

enum { LOOKED_AT_MAX = 32 }; /* ports of one pod: each is a question to the kernel */

static void look_at(struct pod_entry *e, const char *slice, uint16_t port)
{
        char unit[LISTENERS_UNIT_MAX], at[LISTENERS_TEXT_MAX];
        struct listener_address address;
        struct err err = ERR_NONE;
        int r = listeners_other(slice, port, &address, unit, &err);

        if (r < 0)
                log_debug("%s/%s: %s", e->pod->id.namespace, e->pod->id.name, err.text);
        if (r <= 0)
                return;
        listener_text(&address, port, at);
        pod_event(e, NULL, true, "PortConflict",
                  "port %u/TCP is taken: %s listens on %s, and pods have the machine's network", port,
                  *unit ? unit : "somebody else", at);
}

void tell_taken_ports(struct pod_entry *e)
{
        const struct demands *d = &e->pod->demands;
        char slice[ID_UNIT_MAX + 1];

        pod_slice_name(e->pod->id.uid, e->pod->qos, slice);
        for (size_t i = 0; i < d->n_ports && i < LOOKED_AT_MAX; i++)
                if (d->ports[i].container && streq(d->ports[i].protocol, "TCP"))
                        look_at(e, slice, d->ports[i].container);
}
