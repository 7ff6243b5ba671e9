/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of installations. Packages that are wanted at the same moment go into one transaction, and only one
 * transaction that installs something runs at a time. A package that is installed already, and might have a newer
 * candidate, does not wait in the queue: meanwhile another transaction looks whether it has one, and only then is it
 * installed in turn. A transaction is a transient unit that PID 1 runs for the helper; this file waits for its end,
 * reports the progress of a long one, and finds apt's own words for a failure.
 */
#ifndef VKS_AGENT_PACKAGES_INSTALLER_H
#define VKS_AGENT_PACKAGES_INSTALLER_H

#include <systemd/sd-event.h>

#include "agent/machine/helper_client.h"
#include "agent/pod/image.h"
#include "agent/packages/packages.h"
#include "agent/pod/unit_state.h"

struct installer;

struct installer_handler {
        /*
         * An image is installed (err->code 0), or could not be: reason ErrImagePull and apt's or the policy's words.
         * `usec` is how long it took. Never called from inside installer_want().
         */
        void (*done)(void *userdata, const struct image *image, const struct err *err, uint64_t usec);
        /* How far a long installation has come: called after 5 seconds, and then when there is news, but with at
         * least 5, 10, 20 ... seconds in between. */
        void (*progress)(void *userdata, const struct image *image, const char *words);
};

struct installer *installer_new(sd_event *event, struct helper_client *helper, struct packages *packages,
                                const struct installer_handler *handler, void *userdata);
struct installer *installer_free(struct installer *in);
DEFINE_FREEP(struct installer, installer_free)

/* Puts the image into the queue, unless it is there already. */
void installer_want(struct installer *in, const struct image *image);

/*
 * Was the package's candidate installed since the agent started, and have apt's lists not changed since? Then there
 * is no need to ask apt again. The candidate is the newest version in this machine's lists; how new these are is up
 * to whoever updates them (apt-daily.timer).
 */
bool installer_is_current(struct installer *in, const char *package);

/* Call it for every vks-install-*.service that observed.h reports; and, after a full reading, for each unit of
 * installer_unit() that was not loaded. */
void installer_unit_changed(struct installer *in, const char *unit, const struct unit_state *state);
/* Of the transactions that were under way at `before` (CLOCK_MONOTONIC, in microseconds); NULL: no more. */
const char *installer_unit(const struct installer *in, size_t i, uint64_t before);

#endif
