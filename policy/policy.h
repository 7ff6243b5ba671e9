/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine's root allows the agent to ask for. Pure: text in, decisions out; nothing here reads a file or the
 * clock.
 *
 * Each verb has one function here that turns its decoded message into the arguments of its operation, and nothing
 * else makes those arguments. The function parses ids, bounds sizes and demands normalized paths. What the operator
 * does not allow it refuses, with the rule's name in err.reason (which the helper uses for that) and in the text.
 *
 * What this boundary does not do: a pod that may run as root, or that may give a configuration to a daemon that runs
 * as root, can do what root can do. `root = deny` is for machines that do not trust their pods so far. The helper's
 * capabilities and its system call filter only limit the damage after a mistake in the helper; the boundary is this
 * directory and the request set.
 */
#ifndef VKS_POLICY_POLICY_H
#define VKS_POLICY_POLICY_H

#include "helper.pb-c.h"

#include "common/base.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"

enum { POD_GROUPS_MAX = 32 }; /* that a pod names itself */

enum policy_root { POLICY_ROOT_PACKAGE, POLICY_ROOT_ALLOW, POLICY_ROOT_DENY };

struct policy; /* see policy_conf.h; /etc/vks/policy.conf, parsed */

/* The strings of all of these are borrowed from the message and live as long as it does. */

struct op_package {
        /* `from`: a version, "" for the candidate, or a URL; `sha256`: of the URL's file, "" when none is demanded */
        const char *name, *from, *sha256;
};
struct op_install {
        size_t n_packages;
        struct op_package *packages; /* owned */
};

struct op_units {
        struct pod_id pod;
        size_t n_units;
        char **units; /* unit_name_is_ours() of each of them; STOP: or unit_name_is_exec() */
        bool flag;    /* START: restart; STOP: kill; REMOVE: all */
        bool signal;  /* STOP: signal */
};

/* What pods' files and variables, which the helper keeps in memory, may take. */
struct content_bounds {
        uint32_t pod_mib;     /* of one pod */
        uint32_t all_percent; /* of the machine's memory: of all pods */
};

struct op_fill {
        struct pod_id pod;
        struct content_bounds bounds;
        const char *volume;
        const Vks__Id *group; /* NULL: vks-pod's, who may read what root may, unless programs of pods are root's by
                                 policy (`root`) */
        enum policy_root root;
        size_t n_files;
        Vks__File **files; /* paths are relative and without ".."; modes are permission bits */
};

enum op_volume_kind {
        VOLUME_DISK,
        VOLUME_MEMORY,
        VOLUME_FILES,
        VOLUME_HOST,
        VOLUME_MESSAGE, /* no volume of the pod's: the file of the container's termination message */
};

struct op_volume {
        enum op_volume_kind kind;
        const char *name;
        const char *host_path; /* VOLUME_HOST: policy allows it; what is at that path was not looked at yet */
        const char *host_type;
        const Vks__Id *group; /* of VOLUME_DISK and VOLUME_MEMORY; NULL: root's */
        bool read_only;       /* every mount of it is read-only, and a missing host path is not made */
};

struct op_mount {
        const struct op_volume *volume;
        char target[ID_PATH_MAX + 1]; /* without the aliases /var/run and /var/lock, see rule_target() */
        const char *sub_path;         /* relative, normalized: the part of the volume that is mounted; "": all of it */
        char *host_path;              /* owned; of VOLUME_HOST: the part's path on the machine, as in op_volume */
        bool read_only;
};

struct op_container {
        const struct pod_id *pod; /* of the struct op_write that it is in */
        const Vks__Container *c;
        char unit[ID_UNIT_MAX + 1];
        const char *program; /* the first word of the pod's command: an absolute path, or a name to be looked up;
                                NULL: the package's program runs */
        size_t n_mounts;
        struct op_mount *mounts; /* owned; sorted: a target comes before what is beneath it */
};

struct op_write {
        struct pod_id pod;
        enum qos qos;
        const Vks__Limits *limits; /* of its slice; NULL: none */
        uint32_t grace_seconds;
        uint32_t max_units;
        struct content_bounds bounds;
        const struct policy *policy;
        size_t n_volumes, n_containers;
        struct op_volume *volumes;       /* owned */
        struct op_container *containers; /* owned */
};

struct op_exec {
        struct op_write as; /* of one container, whose command is the one to run: as if it was WRITE's */
        char unit[ID_UNIT_MAX + 1];
        const char *user; /* on whose behalf, as the agent says */
};

struct op_resize {
        struct pod_id pod;
        const Vks__Limits *limits; /* of its slice; NULL: they stay */
        size_t n_sizes;
        Vks__Size **sizes; /* unit_name_is_ours() of each; limits are in their ranges, or NULL */
};

/* 0, -EINVAL (malformed), -EPERM (refused: err.reason names the rule), -EOPNOTSUPP. Call the _done function in any
 * case. */
int policy_install(const struct policy *p, const Vks__Install *m, struct op_install *ret, struct err *e);
int policy_write(const struct policy *p, const Vks__Write *m, struct op_write *ret, struct err *e);
int policy_start(const struct policy *p, const Vks__Start *m, struct op_units *ret, struct err *e);
int policy_stop(const struct policy *p, const Vks__Stop *m, struct op_units *ret, struct err *e);
int policy_remove(const struct policy *p, const Vks__Remove *m, struct op_units *ret, struct err *e);
int policy_fill(const struct policy *p, const Vks__Fill *m, struct op_fill *ret, struct err *e);
int policy_exec(const struct policy *p, const Vks__Exec *m, struct op_exec *ret, struct err *e);
int policy_resize(const struct policy *p, const Vks__Resize *m, struct op_resize *ret, struct err *e);

/* The arguments of any operation, for code that handles all verbs alike. */
union op {
        struct op_install install;
        struct op_write write;
        struct op_units start, stop, remove;
        struct op_fill fill;
        struct op_exec exec;
        struct op_resize resize;
};
void op_install_done(struct op_install *op);
void op_write_done(struct op_write *op);
void op_exec_done(struct op_exec *op);
#define op_start_done(op)
#define op_stop_done(op)
#define op_remove_done(op)
#define op_fill_done(op)
#define op_resize_done(op)

/* What decides about what a container sees at a path. */
enum policy_ground {
        GROUND_MACHINE,   /* the machine has it at this path */
        GROUND_HOST_PATH, /* the machine has it at another path */
        GROUND_VOLUME,    /* the pod's own, like the next: in one of its other volumes */
        GROUND_PRIVATE,   /* in the directories that each pod has: /run, /var, /tmp, /dev/shm */
};
enum policy_ground policy_ground(const struct op_container *k, const char *path);

/* `path` without the aliases /var/run and /var/lock, which are links in each pod's /var. At most ID_PATH_MAX bytes. */
void policy_plain_path(const char *path, char ret[static ID_PATH_MAX + 1]);

/*
 * The rule `program`, for the program at `path` as the container sees it: policy asks this about the path that the pod
 * names, and the helper about where links of the machine lead from there. What is on the pod's ground takes the word
 * `pod`, whatever patterns match its path; what is in a hostPath is known by its path on the machine.
 */
int policy_program(const struct policy *p, const struct op_container *k, const char *path, struct err *e);

/* The same rule, for a program on the pod's ground: as root it does not run. */
int policy_no_root_program(const char *path, struct err *e);

/* The rule mount-target, for a workingDir that is not there and has to be mounted. *ret as in op_mount. */
int policy_working_dir(const char *path, char ret[static ID_PATH_MAX + 1], struct err *e);

#endif
