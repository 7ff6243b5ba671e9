/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations of the root helper share. Each op_<verb>() carries out what policy_<verb>() allowed. An
 * operation may be repeated, and when it fails it leaves no unit and no volume half-done.
 */
#ifndef VKS_HELPER_HELPER_H
#define VKS_HELPER_HELPER_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "helper/files/dir.h"
#include "helper/text/unit_text.h"
#include "policy/policy.h"
#include "policy/privilege.h"

#define UNIT_DIR "/run/systemd/system"

/* Where the policy stands, and what it said when `machine.policy` was made of it. */
struct policy_file {
        const char *path;
        char *text; /* owned */
        size_t size;
};

/* The trash, and how far it is swept (trash.c). */
struct trash {
        bool more;     /* something may be in it that was not looked at */
        size_t place;  /* whose trash comes next */
        DIR *list;     /* of the one that is looked at; NULL: of none */
        bool removing; /* one of its entries, with `removal` */
        struct removal removal;
        unsigned count; /* for names in it */
};

/* All that the helper reaches of the machine: five open directories and, by the bus, PID 1. */
struct machine {
        int pods, disk, units, logs, messages;
        sd_bus *bus;
        sd_event *event;
        struct policy_file policy_file;
        struct policy *policy; /* owned; by which the present request is judged */
        struct trash trash;
        const int *streams; /* EXEC: the three descriptors that came with the present request, borrowed */
        uint32_t jobs;      /* that PID 1 may have to do for this process (bounds.c) */
        unsigned execs;     /* commands that may begin before PID 1 is asked how many there are (bounds.c) */
        bool units_known;
        size_t n_units; /* files of pods' units; dir_count() counts them again when units_known is false */
        bool content_known;
        uint64_t content; /* of all pods' files and variables, in bytes of the tmpfs (bounds.c) */
};

struct answer {
        char unit[ID_UNIT_MAX + 1]; /* INSTALL: the transient unit */
        char about[512]; /* for the journal, what is asked for, as far as there is room: INSTALL: the packages;
                            EXEC: the program, and for whom */
};

int op_install(struct machine *m, const struct op_install *op, struct answer *a, struct err *e);
int op_write(struct machine *m, const struct op_write *op, struct answer *a, struct err *e);
int op_start(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_stop(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_remove(struct machine *m, const struct op_units *op, struct answer *a, struct err *e);
int op_fill(struct machine *m, const struct op_fill *op, struct answer *a, struct err *e);
int op_exec(struct machine *m, const struct op_exec *op, struct answer *a, struct err *e);
int op_resize(struct machine *m, const struct op_resize *op, struct answer *a, struct err *e);

/* ---- dispatch.c: from a packet to a reply: decode, ask policy, act, leave one line in the journal. A proto/serve.h
 * handler ---- */
int dispatch(void *machine, int sock, struct err *e);

/* ---- pods.c: does a file of root's say that the unit is the pod's? ---- */
bool unit_is_pods(struct machine *m, const char *unit, const char *uid);

/* ---- resize.c ---------------------------------------------------------------------------------------------------- */

/* Of a unit or a slice WRITE's numbers count again: what RESIZE has said instead is gone, and what PID 1 noted then. 0
 * or a negative errno. */
int resize_forget(struct machine *m, const char *unit);

/* ---- policy_file.c ----------------------------------------------------------------------------------------------- */

/* The file's text, owned by the caller. POLICY_FILE itself may be missing: *ret_text stays NULL then. */
int policy_file_read(const char *path, char **ret_text, size_t *ret_size, struct err *e);

/*
 * Makes m->policy what the file says now; it stays so until the next call. -EAGAIN, with "policy" as reason: nothing is
 * allowed yet, since the file was changed within the last second and may be half-written, or since it cannot be read or
 * has a mistake.
 */
int policy_file_follow(struct machine *m, struct err *e);
void policy_file_forget(struct machine *m);

/* ---- units.c: PID 1, over the system bus ------------------------------------------------------------------------- */

/*
 * A method of the manager (org.freedesktop.systemd1(5)) for one unit: StartUnit, RestartUnit, StopUnit, KillUnit
 * (SIGKILL to all of it), ResetFailedUnit. Jobs are enqueued, in place of conflicting ones, and not waited for. For a
 * unit that is not loaded, stopping, killing and resetting succeed.
 */
int unit_ask(struct machine *m, const char *method, const char *unit, struct err *e);
/* The unit's KillSignal= to whom StopUnit would send it: by KillMode= to the main process alone, as in any container,
 * or to all of it; to all as well where PID 1 knows of no main process. */
int unit_signal(struct machine *m, const char *unit, struct err *e);
/* A name of org.freedesktop.systemd1(5)'s ActiveState, "activating" for one whose job waits; "" when PID 1 has not
 * loaded it. */
int unit_active_state(struct machine *m, const char *unit, char ret[static 32], struct err *e);
/*
 * Is it up and to stay so? Active without a job; or activating, or reloading, by a job that says so: a daemon that has
 * not reported ready yet, or a oneshot while it runs. Not one that is to stop or to be stopped first, nor one that
 * waits for its restart.
 */
int unit_is_up(struct machine *m, const char *unit, bool *ret, struct err *e);
/* Starts `unit`, a transient oneshot that runs `argv`, unless it runs already. When it has ended, however it ended,
 * PID 1 runs the same program with "--end" alone. */
int unit_run(struct machine *m, const char *unit, char **argv, struct err *e);

/* Applies what is not 0 to a unit or a slice that is loaded, and to what runs in it. */
int unit_limit(struct machine *m, const char *unit, const Vks__Limits *limits, struct err *e);

/*
 * Starts `unit`, a transient one, of which a drop-in says all but what is said here: what runs (`argv`; its variables
 * are not expanded; `as_root`: as "!" of systemd.service(5) has it), and its three standard streams. -EEXIST: there is
 * a unit of that name.
 */
int unit_exec(struct machine *m, const char *unit, char **argv, bool as_root, const int *streams, struct err *e);

/*
 * Call it when a unit's file was made: PID 1 looks for new ones when the time of their directory is another than at its
 * last look, and the kernel's own times change only every few milliseconds.
 */
void unit_files_touch(struct machine *m);

/* How many jobs PID 1 has. */
int unit_jobs(struct machine *m, uint32_t *ret, struct err *e);

/* The units that PID 1 has loaded and that are not inactive, or wait for their turn (busy); those that failed. The
 * caller owns both lists. */
struct units_found {
        char **busy, **failed;
        size_t n_busy, n_failed;
};
int unit_find_busy(struct machine *m, const char *pattern, struct units_found *ret, struct err *e);
/* The commands beside one container; `all`: exec_unit_name() of them all. */
int unit_find_commands(struct machine *m, const char *all, struct units_found *ret, struct err *e);

/* ---- bounds.c: -EAGAIN: later; the reason names the bound -------------------------------------------------------- */

/* Room for `n` more jobs of PID 1? They are counted. Where there is none this process leaves, and the next one has
 * room. */
int bounds_jobs(struct machine *m, size_t n, bool stops, struct err *e);

/* Room for one more command of EXEC? */
int bounds_execs(struct machine *m, struct err *e);

/* Room for one more installation, or is it this very `unit` that is under way? */
int bounds_install(struct machine *m, const char *unit, struct err *e);

/*
 * Room for `more` bytes of files and variables of the pod? *ret_own: what it has already, for content_note(), which is
 * to be called when that has changed. -EPERM: it is too much for one pod.
 */
int content_room(struct machine *m, const char *uid, uint64_t more, const struct content_bounds *b, uint64_t *ret_own,
                 struct err *e);
void content_note(struct machine *m, const char *uid, uint64_t own);
uint64_t content_of(struct machine *m, const char *uid);

/* ---- package_unit.c: the unit file that a package brings, if the package is installed and owns it ---------------- */
int package_unit_load(const char *package, const char *name, struct unit_file **ret, struct err *e);

/* ---- rights.c: what the container's package has, and the machine's users, for policy_privilege() ----------------- */
int privilege_find(const struct policy *p, const struct op_container *k, const struct unit_file *file,
                   struct privilege *ret, struct err *e);

/* ---- container.c ------------------------------------------------------------------------------------------------- */

/* A container's unit, with all that its text points to. */
struct container_text {
        struct unit_text u;
        struct unit_file *file;
        struct mount_plan mounts;
        struct given given;
        char *program;
        char dir[ID_PATH_MAX + 1], pid_file[ID_PATH_MAX + 1];
};

/*
 * `pod`: POD_RUN_DIR/UID, open; mount points in it are made, and its account of ways is kept. `beside`: of a command
 * that runs beside the container, which has been started. Call container_text_done() in any case; *ret stays where it
 * is.
 */
int container_text_make(struct machine *m, const struct op_write *op, const struct op_container *k, int pod,
                        bool overlay, bool beside, struct container_text *ret, struct err *e);
void container_text_done(struct container_text *t);

/* ---- account.c: WRITE's account of a pod's units (`pod`: POD_RUN_DIR/UID, open) ---------------------------------- */

/* That `k->unit` is this container, and what it was asked for; 0 or a negative errno. */
int account_write(int pod, const struct op_write *op, const struct op_container *k);
/*
 * Is the container asked for as WRITE had it: user, groups, package, mounts, directory, QoS class? 0; -ENOENT: the unit
 * is not this container's; -ESTALE: it is, and was asked for in another way, or written by a vks that kept no account;
 * another negative errno.
 */
int account_compare(int pod, const struct op_write *op, const struct op_container *k);
/* The name of the unit's container; `list`: the pod's "units", open. "": there is none in the account. */
void account_name(int list, const char *unit, char ret[static ID_LABEL_MAX + 1]);

/* ---- cage.c: after this the helper opens nothing but files, and executes nothing ------------------------------- */
int helper_cage(struct err *e);

/* ---- pod_dirs.c -------------------------------------------------------------------------------------------------- */

/* Makes the directories of a pod and of its volumes; existing ones stay as they are. *ret_pod: POD_RUN_DIR/UID,
 * open. */
int pod_dirs_make(struct machine *m, const struct op_write *op, bool overlay, int *ret_pod, struct err *e);
/* The directory in SUB_PATHS for a part of a volume: the volume's name, and each part's behind a colon, which neither
 * has; of all of it the volume's name alone. The caller owns it. */
#define SUB_PATHS "parts"
enum {
        SUB_PATHS_MAX = 1024
}; /* of a pod, on disk or in memory; and in the volumes that a container mounts as a whole */
char *sub_path_name(const struct op_mount *mount);
int pod_dirs_remove(struct machine *m, const char *uid, struct err *e);
/* Makes what a layer of the pod (`pod`: its directory, open) consists of, and its mount unit; 0 or a negative errno. */
int pod_layer_make(struct machine *m, int pod, const char *uid, const struct layer *l);
/*
 * Makes each directory above `path`, an absolute one in the layer, root's in the pod's own part of it, with the mode of
 * the machine's: what a package does to the machine's later, or makes where nothing is yet, is then no matter for where
 * `path` leads in this pod. 0; -EPERM: in the layer somebody else has one; another negative errno. `last`: PID 1 mounts
 * a directory at `path` itself, which is one in the pod's own part, too, and no link, whoever's it is.
 */
int pod_layer_hold(int pod, const struct layer *l, const char *path, bool last);

/* ---- logs.c: the log pipes of a container, whose unit WRITE has written, and the file of its termination message; 0
 * or a negative errno ---- */
int logs_write(struct machine *m, const struct unit_text *u, const char *unit);
int logs_renew(struct machine *m, const char *uid, const char *unit);
int logs_remove(struct machine *m, const char *uid, const char *unit);

/*
 * ---- working_dir.c: a workingDir that is missing. Sets u->working_dir, a path in `ret_path`, and either u->makes_dir
 * or *ret_wish, whose target is `ret_path`, and *ret_wished. -EPERM with the reason "mount-target" where nothing is
 * made. ----
 */
int working_dir_plan(struct machine *m, const struct op_container *k, struct unit_text *u,
                     char ret_path[static ID_PATH_MAX + 1], struct mount_wish *ret_wish, bool *ret_wished,
                     struct err *e);

/* ---- trash.c ----------------------------------------------------------------------------------------------------- */

/* Makes what trash_put() will need; 0 or a negative errno. */
int trash_ready(struct machine *m);
/* Takes the directory `name` out of `at`, m->pods or m->disk; success if there is none. */
int trash_put(struct machine *m, int at, const char *name);
/* Removes some of what is in the trash. True: there is more. A proto/serve.h serve_spare; `machine` is a struct
 * machine. */
bool trash_sweep(void *machine);

/* -ENOSPC when less than a quarter of the filesystem of `dir` would be free beside `more` bytes: running pods need some
 * of their tmpfs, and the machine some of /run, where the units are. */
int room_left(int dir, const char *path, uint64_t more, struct err *e);

#endif
