/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parsers of a pod's parts have in common, for pod.c and pod_*.c alone. Each reads its part of the spec into
 * the pod, or says by pod_refuse() why the pod cannot be. Pure.
 */
#ifndef VKS_AGENT_POD_POD_PARSE_H
#define VKS_AGENT_POD_POD_PARSE_H

#include <cjson/cJSON.h>

#include "agent/pod/pod.h"
#include "common/buf.h"

enum {
        CONTAINERS_MAX = 64, /* of one pod; the API server sets no bound but the object's size */
        VOLUMES_MAX = 128,
        ITEMS_MAX = 4096,
        TOKEN_EXPIRATION_S = 3600,
        MODE_DEFAULT = 0644,
};

/* The pod cannot be, or the ephemeral container `c`; `c` NULL: no container is to blame. The first reason wins, later
 * ones would only hide it. */
void pod_refuse(struct pod *p, struct container *c, const char *reason, const char *fmt, ...) PRINTF(4, 5);
/* The field has no effect here; it is told once. */
void pod_ignore(struct buf *b, const char *field);

bool pod_has_nul(const char *s);
bool pod_knows_field(const struct pod *p, const char *path);

/* ---- pod_env.c --------------------------------------------------------------------------------------------------- */
void pod_parse_env(struct pod *p, struct container *c, const cJSON *spec);
void pod_resource_reference(const cJSON *o, char **ret_container, char **ret_field, char **ret_divisor);

/* ---- pod_security.c ---------------------------------------------------------------------------------------------- */
void pod_check_non_root(struct pod *p, struct container *c);
void pod_parse_security(struct pod *p, struct container *c, const cJSON *pod_context, const cJSON *context,
                        struct buf *ignored);
void pod_parse_groups(struct pod *p, const cJSON *context);

/* ---- pod_mounts.c ------------------------------------------------------------------------------------------------ */
void pod_parse_mounts(struct pod *p, struct container *c, const cJSON *mounts, const char *node_name);
void pod_mount_own(struct container *c, const char *volume, const char *file, const char *path, bool asked);
void pod_tell_ignored_mounts(const cJSON *mounts, struct buf *ignored);

/* ---- pod_containers.c -------------------------------------------------------------------------------------------- */
void pod_parse_containers(struct pod *p, const cJSON *spec, struct buf *ignored);

/* ---- pod_volumes.c ----------------------------------------------------------------------------------------------- */
void pod_parse_volumes(struct pod *p, const cJSON *volumes, struct buf *ignored);
/* A new file of the volume; *room is how many there is room for. */
struct volume_item *pod_add_item(struct pod *p, struct volume *v, size_t *room);
void pod_volume_item_done(struct volume_item *it);

#endif
