/* SPDX-License-Identifier: Apache-2.0 */
/* The unit files of pods: facts in, text out. Pure. This is the one place where anything (a command line, a path, a
 * variable) is quoted or escaped for systemd. */
#ifndef VKS_HELPER_TEXT_UNIT_TEXT_H
#define VKS_HELPER_TEXT_UNIT_TEXT_H

#include "common/buf.h"
#include "common/console.h"
#include "common/ids.h"
#include "helper/text/given.h"
#include "helper/text/mount_plan.h"
#include "helper/text/unit_file.h"
#include "policy/privilege.h"

#define POD_RUN_DIR       "/run/vks/pods" /* a tmpfs, mode 0700: UID/{run,var,tmp,shm,empty,volumes,files,env,units,...} */
#define LOG_GONE          ".gone"   /* what a removed container's file in LOG_DIR ends in, until its pipes are read */
#define UNIT_TEXT_CARRIED "vks-env" /* the credential that vks-exec reads (helper/exec) */
#define POD_DISK_DIR      "/var/lib/vks/pods" /* UID/volumes: emptyDirs that are not medium: Memory */

/* All strings are borrowed, and "" where there is nothing to say. */
struct unit_text {
        const struct pod_id *pod;
        enum qos qos;
        uint32_t grace_seconds;
        const char *container, *image, *package, *package_unit;
        unsigned restart; /* 0 Never, 1 OnFailure, 2 Always, as in helper.proto */
        uint64_t mark;

        const struct unit_file *file; /* the package's; NULL: there is none, and `program` is given */
        const char *program;          /* what runs instead of the first word of ExecStart=; NULL: that word */
        size_t n_command, n_args;     /* command[0] is what `program` was found for */
        char *const *command, *const *args;
        const char *working_dir;
        bool makes_dir;   /* vks-exec makes what is missing of it, as the container's user */
        bool only_enters; /* ... and it alone enters it, since systemd would not take it as WorkingDirectory= */

        struct privilege who;
        bool carried;     /* vks-exec runs the program: it becomes somebody, brings variables or words of the command
                           * line (unit_text_env(), unit_text_hidden()), or makes the working directory */
        size_t n_env;     /* variables in its environment file */
        bool console;     /* vks-exec asks the agent for a terminal or for its standard input */
        bool reads_host;  /* a hostPath is read-only for it, and all that lies beneath */
        bool writes_host; /* it can write to a hostPath, where its files stay when the pod is gone */

        const struct mount_plan *mounts;
        const struct given *given; /* the package's directories */
        bool overlay;              /* the pod's /var is a layer over the machine's */
        bool read_only_root;       /* as helper.proto has these three */
        bool filter_system_calls;
        uint64_t drop_capabilities;
        const Vks__Limits *limits; /* of the container alone; NULL: none */
        int oom_score_adjust;      /* 0: the package's */
        const char *stop_signal;   /* a name of systemd's; "": the package's */
        bool message;              /* the file of its termination message is at the default path */
        bool etc;                  /* `mounts` has directories of a layer over the machine's /etc */
        const char *pid_file;      /* where the container has its PIDFile=, below /run; "": PID 1 reads none */
};

void unit_text_fragment(const struct unit_text *u, struct buf *b); /* UNIT */
void unit_text_dropin(const struct unit_text *u, struct buf *b);   /* UNIT.d/vks.conf */

/*
 * A command beside the container (EXEC): what the units of all such commands have in common, as a drop-in that counts
 * for all of them (exec_unit_name()). Built as the container's own would be with that command, but that it makes, gives
 * away and takes away no directory, restarts never, and ends with `unit`, the container's. It takes back a
 * RootDirectory= of UNIT_TEXT_NOWHERE, without which such a unit is not to be started.
 */
#define UNIT_TEXT_NOWHERE "/run/vks/nowhere" /* nothing ever is there */
void unit_text_beside(const struct unit_text *u, const char *unit, struct buf *b);
/* What such a unit runs; its variables are not to be expanded. The caller owns the list. */
char **unit_text_beside_argv(const struct unit_text *u);

/*
 * The variables of a container's environment file and its credential, into one credential for a command beside it. The
 * container's hidden words are left out. With `all` false only what is in the credential, since PID 1 reads the file.
 */
void unit_text_env_beside(const void *file, size_t n_file, const void *carried, size_t n_carried, bool all,
                          struct buf *b);

/* The pod's slice, for limits that are all of its containers' together. False: there is none to be written, and PID 1
 * has a slice without one. */
bool unit_text_slice(const struct pod_id *pod, const Vks__Limits *l, struct buf *b);

/* UNIT.d/UNIT_TEXT_RESIZED: what a unit or a slice may take since RESIZE. systemd.unit(5): of two drop-ins the one
 * whose name sorts last counts. False: nothing is said. */
#define UNIT_TEXT_RESIZED "vks.resized.conf"
bool unit_text_resized(const char *unit, const Vks__Limits *l, struct buf *b);

/* The fields that vks-log sends with each line of the container, in the journal's native protocol; first the
 * unit's. */
void unit_text_log_fields(const struct unit_text *u, const char *unit, struct buf *b);

/* The beginning of each drop-in, by which a unit is recognized as this pod's. */
void unit_text_owner(const char *uid, struct buf *b);

/*
 * Appends one variable of the container: to `file`, its environment file (POD_RUN_DIR/UID/env/CONTAINER), or, if
 * systemd would not take the variable there (systemd.exec(5), EnvironmentFile=) or would be kept busy by it, byte for
 * byte to `carried`, the credential of vks-exec (CONTAINER.carried beside it). Where vks-exec starts as root and
 * becomes another user, all variables go to `carried`: root must not load anything that a pod names.
 */
void unit_text_env(struct unit_text *u, const char *name, const void *value, size_t size, struct buf *file,
                   struct buf *carried);

/* Appends to `carried` a word that vks-exec puts into the command line at `index`, in which the program has 0. No
 * variable's name begins as this entry does. */
void unit_text_hidden(uint32_t index, const char *word, struct buf *carried);

/*
 * A directory of the pod's that is a layer over one of the machine's: what is there shows through, with its owners and
 * modes, and what the pod changes is in a directory of the pod's own. `upper` and `work` lie beside it.
 */
struct layer {
        const char *name, *upper, *work;
};
extern const struct layer layer_var, layer_etc;

/* The mount unit of such a layer, and its name. */
void unit_text_layer(const struct layer *l, const char *uid, struct buf *b);
void unit_text_layer_name(const struct layer *l, const char *uid, struct buf *b);

#endif
