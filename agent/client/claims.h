/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PersistentVolumeClaims that pods refer to, each with the PersistentVolume that it is bound to. The Node
 * authorizer lets a node read those of its pods by name, and watch none (plugin/pkg/auth/authorizer/node): so a claim
 * is asked for again and again for as long as somebody holds it. Who has what he wants of it, a bound claim's volume as
 * a rule, releases it: what he took stays what it is, while another pod may find another claim of that name.
 */
#ifndef VKS_AGENT_CLIENT_CLAIMS_H
#define VKS_AGENT_CLIENT_CLAIMS_H

#include "agent/client/api.h"

struct claims;
struct claim;

/* Called when the answer about a claim that is held has become another. Never from inside a function of this header. */
typedef void (*claim_changed)(void *userdata, const char *namespace, const char *name);

struct claims *claims_new(sd_event *event, struct api *api, claim_changed changed, void *userdata);
struct claims *claims_free(struct claims *all);
DEFINE_FREEP(struct claims, claims_free)

struct claim *claim_hold(struct claims *all, const char *namespace, const char *name);
/* The last holder's release ends the asking. NULL is allowed; returns NULL. */
struct claim *claim_release(struct claim *c);
DEFINE_FREEP(struct claim, claim_release)

/* What the API server has said last, borrowed until the loop runs on. */
struct claim_answer {
        const cJSON *claim;    /* NULL: not known */
        const cJSON *volume;   /* that it names; NULL: it names none, or that is not known */
        const struct err *why; /* why one of them is not known; NULL: nothing is wrong, or there was no answer yet */
};
struct claim_answer claim_look(const struct claim *c);

#endif
