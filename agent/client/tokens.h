/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service account tokens from TokenRequest, each bound to a pod. A token that somebody holds is renewed at 80 % of
 * its life or after 24 hours, whichever comes first, with up to 10 s of jitter (pkg/kubelet/token/token_manager.go).
 */
#ifndef VKS_AGENT_CLIENT_TOKENS_H
#define VKS_AGENT_CLIENT_TOKENS_H

#include "agent/client/api.h"
#include "common/ids.h"

struct tokens;
struct token;

/* Called when a held token was issued, was renewed, or could not be had. Never from inside a function of this
 * header. */
typedef void (*token_changed)(void *userdata, const struct pod_id *pod);

struct tokens *tokens_new(sd_event *event, struct api *api, token_changed changed, void *userdata);
struct tokens *tokens_free(struct tokens *t);
DEFINE_FREEP(struct tokens, tokens_free)

/* `audience` NULL: the API server's own. */
struct token *token_hold(struct tokens *t, const struct pod_id *pod, const char *service_account, const char *audience,
                         int64_t expiration_s);
struct token *token_release(struct token *k); /* wipes it; NULL is allowed; returns NULL */
DEFINE_FREEP(struct token, token_release)

/*
 * The token, borrowed until the loop runs on; NULL while there is none. Then *ret_why (ret_why may be NULL) has the
 * server's refusal, or code 0 while the first answer is awaited.
 */
const char *token_value(const struct token *k, struct err *ret_why);

/* ---- the pure parts, for tests ----------------------------------------------------------------------------------- */

/* Seconds after which a token that lives `life_s` is renewed; `jitter_s` from 0 to 10. */
int64_t token_renew_after(int64_t life_s, int64_t jitter_s);

/* The TokenRequest; the caller owns it. */
cJSON *token_request(const struct pod_id *pod, const char *audience, int64_t expiration_s);

#endif
