/* SPDX-License-Identifier: Apache-2.0 */
/* The unit files of pods: facts in, text out. Pure; the one place where anything is quoted or escaped for systemd. */
#ifndef VKS_HELPER_TEXT_UNIT_TEXT_H
#define VKS_HELPER_TEXT_UNIT_TEXT_H

#include "common/buf.h"
#include "common/ids.h"
#include "helper/text/given.h"
#include "helper/text/mount_plan.h"
#include "helper/text/unit_file.h"

#define POD_RUN_DIR       "/run/vks/pods" /* a tmpfs, mode 0700: UID/{run,var,tmp,shm,empty,volumes,files,env,units,...} */
#define LOG_DIR           "/run/vks/log"      /* mode 0700: helper/log/vks_log.c */
#define UNIT_TEXT_CARRIED "vks-env"           /* the credential that vks-exec reads (helper/exec) */
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
        const char *program;          /* what runs instead of the first word of ExecStart; NULL: that */
        size_t n_command, n_args;     /* command[0] is what `program` was found for */
        char *const *command, *const *args;
        const char *working_dir;

        char user[16], group[16]; /* "": the package's */
        bool unknown_user; /* `user` is a number that no passwd entry has: PID 1 would not take it, vks-exec does */
        bool carried;      /* vks-exec runs the program: it becomes that user, or brings variables (unit_text_env()) */
        bool root;         /* it runs as root in the end */
        bool may_gain;     /* programs may change their user */
        bool writes_host;  /* a volume of its is the machine's, and what it leaves there stays */

        const struct mount_plan *mounts;
        const struct given *given; /* the package's directories */
        bool overlay;              /* the pod's /var is a layer over the machine's */
};

void unit_text_fragment(const struct unit_text *u, struct buf *b); /* UNIT */
void unit_text_dropin(const struct unit_text *u, struct buf *b);   /* UNIT.d/vks.conf */

/* What stands before each line of the container in the journal, in its native protocol; the unit comes first. */
void unit_text_log_fields(const struct unit_text *u, const char *unit, struct buf *b);

/* The first words of each drop-in; by them a unit is known to be this pod's. */
void unit_text_owner(const char *uid, struct buf *b);

/*
 * One variable of the container: a line of its environment file (POD_RUN_DIR/UID/env/CONTAINER), or what systemd would
 * not take there (systemd.exec(5), EnvironmentFile=) as it is in what vks-exec carries (CONTAINER.carried beside it).
 * All of them where vks-exec has to become the user as well: root loads nothing that a pod names.
 */
void unit_text_env(const struct unit_text *u, const char *name, const void *value, size_t size, struct buf *file,
                   struct buf *carried);

/* The mount unit of the pod's own /var, and its name. */
void unit_text_var_mount(const char *uid, struct buf *b);
void unit_text_var_mount_name(const char *uid, struct buf *b);

#endif
