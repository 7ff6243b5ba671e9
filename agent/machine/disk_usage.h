/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What directories of pods take. They are root's, and what is in them may be closed to everybody: so a process that may
 * only look (vks-usage@.service: du) is asked over a socket that PID 1 holds. It takes as long as the trees are large,
 * and nobody waits for it.
 */
#ifndef VKS_AGENT_MACHINE_DISK_USAGE_H
#define VKS_AGENT_MACHINE_DISK_USAGE_H

#include <systemd/sd-event.h>

#include "common/err.h"

#define DISK_USAGE_SOCKET "/run/vks/usage.sock"

/* Where the process sees the directories of pods, each named by the pod's uid (helper/text/unit_text.h). */
#define DISK_USAGE_DISK   "/disk"
#define DISK_USAGE_MEMORY "/memory"

struct disk_usage {
        char *path; /* one that was asked for, or a directory directly in it */
        uint64_t bytes;
};

struct disk_usages {
        struct disk_usage *list;
        size_t n;
};

/*
 * The answer's text: "BYTES\tPATH\0" for each. What is no such record is passed over; so is a last one without its end,
 * for the process may be ended at its work. Pure; disk_usages_done() frees what it adds.
 */
void disk_usages_parse(const char *text, size_t size, struct disk_usages *ret);
void disk_usages_done(struct disk_usages *u);

/* `u` is borrowed until it returns. `err`: the question could not be put to the end, and perhaps some of the answer is
 * there; NULL: all is. */
typedef void (*disk_usage_done)(void *userdata, const struct disk_usages *u, const struct err *err);

struct disk_question;

/*
 * Asks for each of `dirs` (NULL-terminated, borrowed until it returns): an answer for each and for each directory in
 * it. What was counted for one of them is not counted again for a later one. `done` is called once, never from inside,
 * and the question is gone then. NULL, with `e` saying why, when nobody can be asked.
 */
struct disk_question *disk_usage_ask(sd_event *event, const char *socket_path, char *const *dirs, disk_usage_done done,
                                     void *userdata, struct err *e);
struct disk_question *disk_usage_cancel(struct disk_question *q); /* NULL is allowed; returns NULL */

#endif
