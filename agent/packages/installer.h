/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue for packages: what is wanted at the same moment goes into one transaction, and one transaction that
 * installs runs at a time. What is installed, and may have a newer candidate, needs no turn unless there is one: it is
 * looked at beside, and answered for as soon as that is known. A transaction is a transient unit that PID 1 runs for
 * the helper; this file waits for its end, tells how far a long one has come, and finds apt's own words for a failure.
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
        /* One that takes longer: after 5 seconds, and then when there is news, but with 5, 10, 20 ... seconds in
         * between. */
        void (*progress)(void *userdata, const struct image *image, const char *words);
};

struct installer *installer_new(sd_event *event, struct helper_client *helper, struct packages *packages,
                                const struct installer_handler *handler, void *userdata);
struct installer *installer_free(struct installer *in);
DEFINE_FREEP(struct installer, installer_free)

/* Wanting the same image twice while it is in the queue is one wish. */
void installer_want(struct installer *in, const struct image *image);

/*
 * Was the package's candidate installed in this agent's life, and have apt's lists not changed since? Then asking apt
 * again is for nothing. "Candidate" is what this machine's lists say: who keeps them fresh (apt-daily.timer) decides
 * how new it is.
 */
bool installer_is_current(struct installer *in, const char *package);

/* To be told of every vks-install-*.service that observed.h sees, and of a full reading in which `unit` of
 * installer_unit() was not loaded. */
void installer_unit_changed(struct installer *in, const char *unit, const struct unit_state *state);
const char *installer_unit(const struct installer *in, size_t i); /* of the transactions under way; NULL: no more */

#endif
