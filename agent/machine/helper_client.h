/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the socket to the root helper. Requests are queued, sent in order over one connection, and
 * answered in order; nothing blocks. The helper exits when idle, so the client connects when there is something to
 * ask. When the connection ends, every request in flight fails with -ECONNRESET. Whether the helper carried it out is
 * unknown then, but every request may be repeated.
 */
#ifndef VKS_AGENT_MACHINE_HELPER_CLIENT_H
#define VKS_AGENT_MACHINE_HELPER_CLIENT_H

#include <systemd/sd-event.h>

#include "helper.pb-c.h"

#include "common/err.h"
#include "proto/verbs.h"

struct helper_client;

/* `error` is Reply.error, or, when no reply came, the error of the connection; `reply` is NULL then. */
typedef void (*helper_done)(void *userdata, int error, const Vks__Reply *reply, const struct err *err);

/* `path`: NULL for WIRE_SOCKET. */
struct helper_client *helper_client_new(sd_event *event, const char *path);
struct helper_client *helper_client_free(struct helper_client *c); /* callbacks are not called */
DEFINE_FREEP(struct helper_client, helper_client_free)

/* Requests that are not answered yet. */
size_t helper_client_pending(const struct helper_client *c);

/* helper_install(), helper_write(), ...: one per row of VERBS. The request is packed at once and stays the caller's;
 * `done` is called exactly once, never from inside. `streams`: three descriptors for the command, which the client owns
 * from now on. */
#define HELPER_TAKES_INLINE
#define HELPER_TAKES_MEMFD
#define HELPER_TAKES_STREAMS const int streams[static 3],
#define HELPER_CALL(number, name, Message, body)                                                                       \
        void helper_##name(struct helper_client *c, const Vks__##Message *request,                                     \
                           HELPER_TAKES_##body helper_done done, void *userdata);
VERBS(HELPER_CALL)
#undef HELPER_CALL

#endif
