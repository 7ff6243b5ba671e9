/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations of the root helper share. Each op_<verb>() carries out what policy_<verb>() allowed; it may be repeated, and
 * when it fails nothing half-done is left.
 */
#ifndef VKS_HELPER_HELPER_H
#define VKS_HELPER_HELPER_H

#include <systemd/sd-bus.h>

#include "policy/policy.h"

#define RUN_DIR "/run/vks/pods"      /* a tmpfs, mode 0700: UID/{run,var,tmp,volumes,files,env,units,...} */
#define DISK_DIR "/var/lib/vks/pods" /* UID/volumes: emptyDirs that are not medium: Memory */
#define UNIT_DIR "/run/systemd/system"
#define FALLBACK_USER "vks-pod"

/* The machine, as far as the helper reaches it: three directories and PID 1. */
struct machine {
        int pods, disk, units;
        sd_bus *bus;
        const struct policy *policy;
};

struct answer {
        char unit[ID_UNIT_MAX + 1]; /* INSTALL's */
};

int op_install(struct machine *m, const struct op_install *op, struct answer *a, struct err *e);
int op_write(struct machine *m, const struct op_write *op, struct answer *a, struct err *e);
int op_start(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_stop(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_remove(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_fill(struct machine *m, const struct op_fill *op, struct answer *a, struct err *e);

/* ---- units.c: PID 1, over the system bus ---- */

/* Jobs are enqueued, in place of conflicting ones, and not waited for. A unit that is not loaded is stopped, killed and forgotten already. */
int unit_start(struct machine *m, const char *unit, bool restart, struct err *e);
int unit_stop(struct machine *m, const char *unit, struct err *e);
int unit_kill(struct machine *m, const char *unit, struct err *e);
int unit_forget_failure(struct machine *m, const char *unit, struct err *e);
/* A name of org.freedesktop.systemd1(5)'s ActiveState; "" when PID 1 has not loaded it. */
int unit_active_state(struct machine *m, const char *unit, char ret[static 32], struct err *e);
/* A transient oneshot that runs `argv`. -EEXIST when it runs already. */
int unit_run(struct machine *m, const char *unit, char **argv, struct err *e);

/* ---- package_unit.c: a unit that a package brings ---- */

struct setting {
        char *key, *value;
};
struct package_unit {
        char *text;                /* the unit file, as it is to be used for a pod */
        size_t n;
        struct setting *service;   /* the settings of [Service], in their order */
};

/* Pure. `name` is the unit's (with instance, if any), which stands for %n, %N, %p, %i and %I. */
int package_unit_parse(const char *name, const char *text, size_t size, struct package_unit **ret, struct err *e);
struct package_unit *package_unit_free(struct package_unit *u);
DEFINE_FREEP(struct package_unit, package_unit_free)
const char *package_unit_get(const struct package_unit *u, const char *key); /* the value in force, or "" */
/* Reads the unit file, if `package` is installed and owns it. */
int package_unit_load(const char *package, const char *name, struct package_unit **ret, struct err *e);

/* ---- mounts.c: where a container's volumes appear ---- */

struct mount_line {
        enum { LINE_BIND, LINE_BIND_READ_ONLY, LINE_TMPFS } kind;
        char *source, *target;
};
struct mount_plan {
        size_t n;
        struct mount_line *lines;
        bool root; /* "/" itself is one of the tmpfs */
};

/* A target that is missing on the host is not made there: its parent is replaced by a tmpfs with the same entries bound into it. */
int mount_plan_make(const struct pod_id *pod, const struct op_container *k, struct mount_plan *ret, struct err *e);
void mount_plan_done(struct mount_plan *p);

/* ---- render.c: all text of units, and all escaping. Pure ---- */

struct container_unit {
        const struct op_write *op;
        const struct op_container *k;
        const struct package_unit *package; /* NULL: synthesized */
        const struct mount_plan *mounts;
        const char *program;                 /* what runs instead of the first word of ExecStart; NULL: that */
        char user[16], group[16];            /* "" : the package's */
        bool unknown_user;                   /* `user` is a number that no passwd entry has: PID 1 would not take it */
        bool root;                           /* it runs as root in the end */
        bool overlay;                        /* the pod's /var is a layer over the host's */
};

void render_fragment(const struct container_unit *u, struct buf *b); /* UNIT */
void render_dropin(const struct container_unit *u, struct buf *b);   /* UNIT.d/vks.conf */
void render_env(const Vks__Container *c, struct buf *b);             /* RUN_DIR/UID/env/CONTAINER */
void render_var_mount(const char *uid, struct buf *b);
void render_var_mount_name(const char *uid, struct buf *b);
/* The first words of every drop-in; by them a unit is known to be this pod's. */
void render_owner(const char *uid, struct buf *b);

/* ---- pod_dirs.c ---- */

/* The directories of a pod and of its volumes; those that are there stay as they are. *ret_pod: RUN_DIR/UID, open. */
int pod_dirs_make(struct machine *m, const struct op_write *op, bool overlay, int *ret_pod, struct err *e);
int pod_dirs_remove(struct machine *m, const char *uid, struct err *e);

#endif
