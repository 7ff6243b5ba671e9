/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles: the terminals and standard inputs of containers whose spec says `tty` or `stdin`. A container gets its own
 * as it starts (common/console.h), and keeps it while it runs: clients come and go (attach.h), and the agent may, since
 * PID 1 keeps the descriptors (sd_notify(3), FDSTORE). What appears on a terminal goes to the container's log as well.
 */
#ifndef VKS_AGENT_SESSIONS_CONSOLE_H
#define VKS_AGENT_SESSIONS_CONSOLE_H

#include "agent/pods/pods.h"

/*
 * `kubectl run` comes when it has seen that the container runs, and is there for what the container says: it is shown
 * what a run has said that began within so long.
 */
enum { CONSOLE_EARLY_USEC = 10 * 1000 * 1000 };

struct consoles;
struct console;

/*
 * Takes over what PID 1 has handed to this process (sd_listen_fds_with_names(3)): `names` of the descriptors from
 * `first` on, NULL-terminated; NULL: none. The one called "console" is the socket, without which there are no consoles;
 * the others are consoles that an earlier agent had PID 1 keep, or are closed.
 */
struct consoles *consoles_new(sd_event *event, struct pods *pods, char *const *names, int first);
struct consoles *consoles_free(struct consoles *all);
DEFINE_FREEP(struct consoles, consoles_free)

/* What observed.h tells: a container may be known by its main process now, or a run may have ended, and with it its
 * console, once all that is left on a terminal was read. */
void consoles_unit_changed(struct consoles *all, const char *unit, const struct unit_state *state);
void consoles_units_synced(struct consoles *all, struct observed *o);

/* The console of a container that runs; NULL: it has none. */
struct console *console_find(struct consoles *all, const char *pod_uid, const char *container);

/* Somebody who waits for the console of a container that has just begun: vks-exec asks for it a moment later. */
struct console_wait {
        struct console_wait *prev, *next;
        char unit[ID_UNIT_MAX + 1];
        void (*news)(void *userdata); /* the unit has changed, or has its console now; this wait is over, and may begin
                                         anew */
        void *userdata;
        bool due;
};
void console_wait(struct consoles *all, struct console_wait *w);
void console_wait_end(struct consoles *all, struct console_wait *w); /* before any news */

/* Somebody who is at the console. */
struct console_user {
        struct console_user *prev, *next;
        bool (*output)(void *userdata, const void *p,
                       size_t n); /* a terminal's; false: no more until console_go_on(); also from console_enter() */
        void (*room)(void *userdata);  /* whom console_input() told to wait may go on */
        void (*ended)(void *userdata); /* the container has; the last call */
        void *userdata;
        bool full;
};
void console_enter(struct console *c, struct console_user *u);
void console_leave(struct console *c, struct console_user *u);
void console_go_on(struct console *c, struct console_user *u);

bool console_is_terminal(const struct console *c);
int console_input(struct console *c, const void *p, size_t n); /* as input_add(), sessions/input.h; room() as there */
void console_input_end(struct console *c); /* nothing more comes, for good: the end of a standard input */
void console_resize(struct console *c, unsigned short width, unsigned short height);

#endif
