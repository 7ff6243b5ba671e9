/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes into a pod's volumes and environments: it holds the ConfigMaps, Secrets and tokens that the pod refers to,
 * for as long as the pod is here, and turns them into the helper's messages once all of it is known.
 */
#ifndef VKS_AGENT_PODS_CONTENT_H
#define VKS_AGENT_PODS_CONTENT_H

#include "helper.pb-c.h"

#include "agent/client/objects.h"
#include "agent/pod/pod.h"
#include "agent/client/tokens.h"

struct content;

struct content *content_new(const struct pod *p, struct objects *objects, struct tokens *tokens);
struct content *content_free(struct content *c);
DEFINE_FREEP(struct content, content_free)

/* Does the pod refer to this object? */
bool content_refers(const struct content *c, enum object_kind kind, const char *namespace, const char *name);

/*
 * The FILL message of a Files volume, and a hash of what is in it. -EAGAIN while something it needs is not known or not
 * there, with the reason for a person; -EINVAL when it can never be (two files of one name). The caller owns *ret
 * (content_fill_free wipes it).
 */
int content_fill(const struct content *c, const struct pod *p, size_t volume, const struct pod_node *node,
                 Vks__Fill **ret, uint64_t *ret_hash, struct err *e);
Vks__Fill *content_fill_free(Vks__Fill *fill);

/*
 * The WRITE message: the containers with its environment resolved and $(VAR) replaced. `units` says what each
 * container's image is, parallel to pod->containers. -EAGAIN as above, with reason CreateContainerConfigError. The
 * caller owns *ret (content_write_free wipes it).
 */
struct content_image {
        const char *package; /* that ships `unit`; "" for a path */
        const char *unit;    /* "" : none */
        bool writes_var;
        bool left_out; /* the container is not part of the message: its image is not there, or its unit is of another */
};
int content_write(const struct content *c, const struct pod *p, const struct content_image *images,
                  const struct pod_node *node, Vks__Write **ret, struct err *e);
Vks__Write *content_write_free(Vks__Write *write);

/*
 * Pure: Kubernetes' $(VAR) (third_party/forked/golang/expansion): a known variable is replaced, "$$" is "$", everything
 * else stays as it is. An unknown reference reaches to the first ")", and what is in it is not looked at. The caller
 * owns the result.
 */
char *content_expand(const char *s, const Vks__Env *const *env, size_t n_env);

#endif
