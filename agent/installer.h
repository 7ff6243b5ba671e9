/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue for packages: what is wanted at the same moment goes into one transaction, and one transaction runs at a time. It
 * is a transient unit that PID 1 runs for the helper; this file waits for its end and finds apt's own words for a failure.
 */
#ifndef VKS_AGENT_INSTALLER_H
#define VKS_AGENT_INSTALLER_H

#include <systemd/sd-event.h>

#include "agent/helper_client.h"
#include "agent/packages.h"
#include "agent/unit_state.h"

struct installer;

/*
 * A package is installed (err->code 0), or could not be: reason ErrImagePull and apt's or the policy's words. `usec` is how long it took. Never
 * called from inside installer_want().
 */
typedef void (*installer_done)(void *userdata, const char *package, const char *version, const struct err *err, uint64_t usec);

struct installer *installer_new(sd_event *event, struct helper_client *helper, struct packages *packages, installer_done done, void *userdata);
struct installer *installer_free(struct installer *in);
DEFINE_FREEP(struct installer, installer_free)

/* Wanting the same package twice while it is in the queue is one wish. `version` "" is the candidate. */
void installer_want(struct installer *in, const char *package, const char *version);

/* To be told of every vks-install-*.service that observed.h sees. */
void installer_unit_changed(struct installer *in, const char *unit, const struct unit_state *state);

#endif
