/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine's root allows the agent to ask for. Pure: text in, decisions out; nothing here reads a file or the
 * clock.
 *
 * Each verb has one function here that turns its decoded message into the arguments of its operation, and there is no
 * other way to make those arguments: ids are parsed, sizes bounded, paths normalized, and what the operator does not
 * allow is refused with the rule's name in err.reason (the helper's use of that field) and in the text.
 *
 * What this boundary is not: a pod that may run as root, or that may give a configuration to a daemon that runs as
 * root, can do what root can do. `root = deny` is there for machines whose pods are not trusted so far. Capabilities
 * and the system call filter of the helper limit damage after a mistake in it; the boundary is this directory and the
 * request set.
 */
#ifndef VKS_POLICY_POLICY_H
#define VKS_POLICY_POLICY_H

#include "helper.pb-c.h"

#include "common/base.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"

enum policy_root { POLICY_ROOT_PACKAGE, POLICY_ROOT_ALLOW, POLICY_ROOT_DENY };

struct policy; /* see policy_conf.h; /etc/vks/policy.conf, parsed */

/* The strings of all of these are borrowed from the message and live as long as it does. */

struct op_package {
        /* `from`: a version, "" for the candidate, or a URL; `sha256`: of the URL's file, "" when not demanded */
        const char *name, *from, *sha256;
};
struct op_install {
        size_t n_packages;
        struct op_package *packages; /* owned */
};

struct op_units {
        struct pod_id pod;
        size_t n_units;
        char **units; /* each one of our names */
        bool flag;    /* restart, kill, all */
        bool signal;  /* of a STOP */
};

struct op_fill {
        struct pod_id pod;
        const char *volume;
        size_t n_files;
        Vks__File **files; /* paths are relative and without ".."; modes are permission bits */
};

enum op_volume_kind { VOLUME_DISK, VOLUME_MEMORY, VOLUME_FILES, VOLUME_HOST };

struct op_volume {
        enum op_volume_kind kind;
        const char *name;
        const char *host_path; /* VOLUME_HOST: allowed by policy, but what is there is not known yet */
        const char *host_type;
        bool read_only; /* whatever the mount says; a host path is not made either then */
};

struct op_mount {
        const struct op_volume *volume;
        char target[ID_PATH_MAX + 1]; /* /var/run is /run here */
        bool read_only;
};

/* As whom a container may run. */
enum op_user {
        USER_PACKAGE,          /* as its package's unit says, root or not */
        USER_PACKAGE_NOT_ROOT, /* the same, but vks-pod where that is root */
        USER_GIVEN,            /* as `uid` */
        USER_GIVEN_IF_PACKAGE, /* as `uid`, if that is whom the package's unit names */
};

struct op_container {
        const Vks__Container *c;
        char unit[ID_UNIT_MAX + 1];
        const char *program; /* what replaces the first word: an absolute path, or a name to be looked up; NULL: the
                                package's */
        size_t n_mounts;
        struct op_mount *mounts; /* owned; sorted: a target comes before what is beneath it */
        enum op_user user;
        bool no_root;  /* nor any command that its package's unit marks with "+" or "!" */
        bool may_gain; /* set-uid programs work: the policy allows root to everybody */
};

struct op_write {
        struct pod_id pod;
        enum qos qos;
        uint32_t grace_seconds;
        uint32_t max_units;
        const struct policy *policy;
        size_t n_volumes, n_containers;
        struct op_volume *volumes;       /* owned */
        struct op_container *containers; /* owned */
};

/* 0, -EINVAL (malformed), -EPERM (refused: err.reason names the rule), -EOPNOTSUPP. Call the _done function in any
 * case. */
int policy_install(const struct policy *p, const Vks__Install *m, struct op_install *ret, struct err *e);
int policy_write(const struct policy *p, const Vks__Write *m, struct op_write *ret, struct err *e);
int policy_start(const struct policy *p, const Vks__Start *m, struct op_units *ret, struct err *e);
int policy_stop(const struct policy *p, const Vks__Stop *m, struct op_units *ret, struct err *e);
int policy_remove(const struct policy *p, const Vks__Remove *m, struct op_units *ret, struct err *e);
int policy_fill(const struct policy *p, const Vks__Fill *m, struct op_fill *ret, struct err *e);

/* Any of them, for who handles all verbs alike. */
union op {
        struct op_install install;
        struct op_write write;
        struct op_units start, stop, remove;
        struct op_fill fill;
};
void op_install_done(struct op_install *op);
void op_write_done(struct op_write *op);
#define op_start_done(op)
#define op_stop_done(op)
#define op_remove_done(op)
#define op_fill_done(op)

/* The rule `user`, for one that is named by the instance of a package's unit. */
int policy_user(const struct policy *p, uint32_t uid, struct err *e);

/* The rule `program`, for a path that was found by looking a name up. */
int policy_program(const struct policy *p, const char *path, struct err *e);

#endif
