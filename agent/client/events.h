/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes events, as the kubelet's recorder makes them (client-go tools/record). The same event again within 10
 * minutes raises the count of the first one. Of one object 25 events are posted at once, and then one every 5
 * minutes; the rest is dropped with a log line. One post at a time; while the agent sends other requests at most 5 a
 * second with a burst of 50, so that the events of a thousand new pods do not delay their start, and as fast as the API
 * server answers when nothing else is to be sent. A failed post is tried again a few times and then dropped. Nothing
 * here blocks or fails.
 */
#ifndef VKS_AGENT_CLIENT_EVENTS_H
#define VKS_AGENT_CLIENT_EVENTS_H

#include "agent/client/api.h"

enum {
        EVENTS_PER_SECOND = 5,
        EVENTS_BURST = 50,
};

struct events;

struct event_object {
        const char *kind;      /* "Pod" or "Node" */
        const char *namespace; /* NULL for a Node: its events go to "default" */
        const char *name;
        const char *uid;       /* for a Node the kubelet uses the node's name */
        const char *container; /* NULL, or the container: fieldPath spec.containers{name} */
};

struct events *events_new(sd_event *event, struct api *api, const char *node_name);
struct events *events_free(struct events *ev);
DEFINE_FREEP(struct events, events_free)

/* `warning`: type Warning instead of Normal. `reason` is the kubelet's word where it has one
 * (pkg/kubelet/events/event.go). */
void event_post(struct events *ev, const struct event_object *about, bool warning, const char *reason, const char *fmt,
                ...) PRINTF(5, 6);

/* The object of that uid is gone for good: nothing of it is remembered once it is sent. */
void event_forget(struct events *ev, const char *uid);

#endif
