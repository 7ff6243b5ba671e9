/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands beside containers: what kubectl exec and kubectl cp run, and later probes and hooks. Each is a unit of its
 * own, built as the container's would be with that command (helper.proto, EXEC). It ends with the container, and when
 * nobody waits for it any more; what an earlier agent has left running is ended as soon as it is seen.
 */
#ifndef VKS_AGENT_PODS_COMMAND_H
#define VKS_AGENT_PODS_COMMAND_H

#include "agent/pods/pods.h"

struct commands; /* all of this node */
struct command;

struct commands *commands_new(sd_event *event, struct helper_client *helper, struct pods *pods);
struct commands *commands_free(struct commands *all); /* handlers are not called; what runs is left to the next agent */
DEFINE_FREEP(struct commands, commands_free)

/*
 * How it went: `exit_code` as a shell has it (128 and the signal's number); below 0: no program ran, and `text` says
 * why. Called once, never from inside command_start(); the command is freed by then.
 */
typedef void (*command_ended)(void *userdata, int exit_code, const char *text);

/*
 * Runs `argv` (ends with NULL) beside the container, on behalf of `user`. `streams`: its standard streams, which are
 * handed on and closed here.
 */
struct command *command_start(struct commands *all, const struct pods_container *where, char *const *argv,
                              const char *user, const int streams[static 3], command_ended ended, void *userdata);

/* `begun`, with the userdata of command_start(), is called once, when the program itself runs: PID 1 has done with its
 * standard streams what it does. Not, where the command was over before that was seen. It does not give the
 * command up from inside. */
void command_tell_begin(struct command *c, void (*begun)(void *userdata));

/* Nobody waits for it any more: it is stopped, and `ended` is not called. */
struct command *command_give_up(struct command *c);
DEFINE_FREEP(struct command, command_give_up)

/*
 * A program's whole output, with a bound and a deadline: for what is no session of a client's. `text` is what it wrote,
 * standard output and errors together, cut at `max` bytes; it is ended when `usec` are over (exit_code
 * COMMAND_TIMED_OUT then). `done` is called once, never from inside command_run(); the handle is freed by then.
 */
enum { COMMAND_NOT_RUN = -1, COMMAND_TIMED_OUT = -2 };
typedef void (*command_output)(void *userdata, int exit_code, const char *text, size_t size);
struct command_run *command_run(struct commands *all, const struct pods_container *where, char *const *argv,
                                const char *user, size_t max, uint64_t usec, command_output done, void *userdata);
void command_run_cancel(
        struct command_run *r); /* before it is done: `done` is not called, and the command is stopped */

/* What the observer of units (observed.h) and the pods report. */
void commands_unit_changed(struct commands *all, const char *unit, const struct unit_state *state);
void commands_units_synced(struct commands *all, struct observed *o);
void commands_job_failed(struct commands *all, const char *unit, const char *result);
void commands_container_ended(struct commands *all, const char *pod_uid);

#endif
