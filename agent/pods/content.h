/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes into a pod's volumes and environments. As long as the pod is here, its `struct content` holds the
 * ConfigMaps, Secrets, tokens and claims that the pod refers to; once they are known, it turns them into the helper's
 * messages.
 */
#ifndef VKS_AGENT_PODS_CONTENT_H
#define VKS_AGENT_PODS_CONTENT_H

#include "helper.pb-c.h"

#include "agent/client/claims.h"
#include "agent/client/objects.h"
#include "agent/client/services.h"
#include "agent/pod/place.h"
#include "agent/pod/pod.h"
#include "agent/client/tokens.h"

struct content;

/* `services` may be NULL: there are no variables for Services then. */
struct content *content_new(const struct pod *p, struct objects *objects, struct tokens *tokens,
                            const struct services *services, struct claims *claims);
struct content *content_free(struct content *c);
DEFINE_FREEP(struct content, content_free)

/* Does the pod refer to this object? */
bool content_refers(const struct content *c, enum object_kind kind, const char *namespace, const char *name);

/* Does a volume of the pod's wait for this claim? What has the API server said of that of a volume? And: its place is
 * known now, it waits no more. */
bool content_claims(const struct content *c, const char *namespace, const char *name);
struct place_claim content_claim(const struct content *c, size_t volume);
void content_claim_done(struct content *c, size_t volume);

/*
 * The FILL message of a Files volume, and a hash of the volume's content. -EAGAIN while an object that the volume
 * needs is unknown or missing, with the reason for a person; -EINVAL when the message can never be made (two files of
 * one name). The caller owns *ret (content_fill_free wipes it).
 */
int content_fill(const struct content *c, const struct pod *p, size_t volume, const struct pod_node *node,
                 Vks__Fill **ret, uint64_t *ret_hash, struct err *e);
Vks__Fill *content_fill_free(Vks__Fill *fill);

/* In the place of such a hash, where nothing of it may change. What an earlier agent has written has none: its next
 * start is one of a unit that is written anew, by this version of vks. */
enum { CONTENT_FIXED = 1 };

/*
 * A hash of what the container's environment and command line would be if it was started now. -EAGAIN while an object
 * that they refer to is unknown (then without a reason) or missing (reason CreateContainerConfigError).
 */
int content_values(const struct content *c, const struct pod *p, size_t container, const struct pod_node *node,
                   uint64_t *ret_hash, struct err *e);

/* Does the environment have anything that may be another at the next start (a ConfigMap, a Secret, resources, labels,
 * annotations, a Service of the namespace: of these nothing is known where `c` is NULL)? */
bool content_may_change(const struct content *c, const struct container *spec);

/*
 * The WRITE message: the containers with their environments resolved and $(VAR) replaced. `images` says what each
 * container's image is, parallel to pod->containers. -EAGAIN as above. The caller owns *ret (content_write_free wipes
 * it).
 */
struct content_image {
        const char *package; /* the package that ships `unit`; "" for a path */
        const char *unit;    /* "" : none */
        const char
                *program; /* "" or NULL: none; otherwise the command, since there is no unit and the pod gives none */
        bool writes_var;
        bool left_out; /* not in the message: the image is not installed, or the unit was made for another image, or the
                          environment cannot be resolved */
        uint64_t values; /* set: the hash of content_values(), CONTENT_FIXED where nothing in it may change */
};
int content_write(const struct content *c, const struct pod *p, struct content_image *images,
                  const struct pod_node *node, Vks__Write **ret, struct err *e);
Vks__Write *content_write_free(Vks__Write *write);

/* The RESIZE message: the pod's slice, and each container i for which `which[i]` is set, by what the pod says. The
 * caller owns it (vks__resize__free_unpacked()). */
Vks__Resize *content_resize(const struct pod *p, const bool *which, const struct pod_node *node);

/* Whose request it is: the Pod message. The caller owns it. */
Vks__Pod *content_pod(const struct pod_id *id);
void content_pod_freep(Vks__Pod **p);

/* The EXEC message: `argv` (ends with NULL) beside the container. Its `id` is the caller's to set, and the caller owns
 * it (vks__exec__free_unpacked()). */
Vks__Exec *content_exec(const struct pod *p, size_t container, const struct content_image *image, char *const *argv,
                        const char *user);

/*
 * Pure: Kubernetes' $(VAR) (third_party/forked/golang/expansion): a known variable is replaced, "$$" is "$", everything
 * else stays as it is. A reference to an unknown variable ends at the first ")"; nothing inside it is replaced. The
 * caller owns the result.
 */
char *content_expand(const char *s, const Vks__Env *const *env, size_t n_env);

#endif
