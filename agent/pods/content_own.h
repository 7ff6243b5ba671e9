/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files behind content.h share: content.c holds what a pod refers to, content_fill.c makes files of it,
 * content_values.c variables and command lines, and content_message.c all other messages.
 */
#ifndef VKS_AGENT_PODS_CONTENT_OWN_H
#define VKS_AGENT_PODS_CONTENT_OWN_H

#include "agent/pods/content.h"

struct reference {
        enum object_kind kind;
        const char *name; /* borrowed from the pod */
        struct object *object;
};

struct content {
        const struct pod *pod;
        const struct services *services; /* NULL: it has no variables for them */
        struct reference *references;
        size_t n_references;
        struct token **tokens; /* in the order in which the pod's volumes name them */
        size_t n_tokens;
        struct claim **claims; /* parallel to pod->volumes; NULL where it is no claim, or its place is known */
        size_t n_claims;
};

/* A ConfigMap or a Secret? */
bool content_is_object(enum source_kind kind);

/* 1: the object is there; 0: it is missing, but optional; negative: the pod has to wait for it, for this reason. */
int content_need(const struct content *c, enum source_kind kind, const char *name, bool optional, const char *reason,
                 struct object **ret, struct err *e);

/* What the pod itself says: a field, or a resource of a container. The caller owns it. */
char *content_downward(const struct pod *p, enum source_kind kind, const char *container, const char *text,
                       const char *divisor, const struct pod_node *node);

/* Sets variables, command and args in the message. */
int content_set_values(const struct content *c, const struct pod *p, const struct container *spec,
                       const struct pod_node *node, Vks__Container *m, struct err *e);

/* A hash of those; never 0. */
uint64_t content_hash_values(const Vks__Container *m);

/* Overwrites their values, which may be of Secrets, before the message is freed. */
void content_wipe(Vks__Container *m);

/* The caller owns them; NULL: the pod has no fsGroup. */
Vks__Id *content_id(uint32_t value);
Vks__Id *content_fs_group(const struct pod *p);

#endif
