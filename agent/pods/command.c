/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>
#include <uthash.h>

#include "agent/lib/times.h"
#include "agent/pods/content.h"
#include "common/buf.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        STOP_AGAIN_USEC = 1000 * 1000,
        TRIES_MAX = 5, /* of a unit that systemd has forgotten before its process was there */
};

struct commands {
        sd_event *event;
        struct helper_client *helper;
        struct pods *pods;
        struct observed *observed; /* NULL: before the first full reading */
        struct command *table;     /* by unit */
        uint64_t next_id;
};

struct command {
        struct commands *all;
        char unit[ID_UNIT_MAX + 1];
        struct pod_id pod;
        char container[ID_LABEL_MAX + 1];
        command_ended ended;           /* NULL: nobody waits */
        void (*begun)(void *userdata); /* NULL: nobody waits for that, or it was told */
        void *userdata;
        sd_event_source *again;
        unsigned in_flight; /* requests to the helper */
        bool answered;      /* the helper has answered EXEC */
        uint64_t asked_at, answered_at;
        /*
         * What was asked for, until the program's process is there. When systemd (252) reloads between making a unit
         * and starting it, it reads the unit back without its command and its streams, and the start fails: nothing was
         * run, so it is asked for once more.
         */
        Vks__Exec *request;
        int streams[3];
        unsigned tries;
        bool job_failed; /* systemd's, to start it */
        bool unborn;     /* ... and no process was there */
        bool canceled;   /* its job was, since it is to stop; the unit tells how the process ended, if there is one */
        bool over;       /* it has ended, as the next two say */
        int exit_code;
        char text[ERR_TEXT_MAX];
        UT_hash_handle hh;
};

/* There is nothing to be asked for again. Its streams are the program's alone then, and end with it. */
static void forget_request(struct command *c)
{
        if (c->request)
                vks__exec__free_unpacked(TAKE(c->request), NULL);
        for (size_t i = 0; i < ARRAY_LEN(c->streams); i++)
                c->streams[i] = fd_close(c->streams[i]);
}

static void command_free(struct command *c)
{
        forget_request(c);
        HASH_DEL(c->all->table, c);
        sd_event_source_disable_unref(c->again);
        free(c);
}

/* Tells how it ended, once that and the answer to EXEC are there; frees it when nothing is to come any more. */
static void settle(struct command *c)
{
        command_ended ended = c->ended;
        void *userdata = c->userdata;
        CLEANUP(freep) char *text = xstrdup(c->text);
        int exit_code = c->exit_code;

        if (!c->over || !c->answered)
                return;
        c->ended = NULL;
        if (c->in_flight == 0)
                command_free(c);
        if (ended)
                ended(userdata, exit_code, text);
}

static void not_run(struct command *c, const char *why)
{
        forget_request(c);
        c->over = true;
        c->exit_code = COMMAND_NOT_RUN;
        snprintf(c->text, sizeof(c->text), "%s", why);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void stop(struct command *c);
static void start_failed(struct command *c);

static int on_again(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        stop(userdata);
        return 0;
}

static void on_stopped(void *userdata, int error, UNUSED const Vks__Reply *reply, const struct err *err)
{
        struct command *c = userdata;

        c->in_flight--;
        if (error < 0 && error != -ENOENT && !c->over) {
                log_warning("%s cannot be stopped: %s", c->unit, err->text);
                sd_event_source_disable_unref(TAKE(c->again));
                (void)sd_event_add_time_relative(c->all->event, &c->again, CLOCK_MONOTONIC, STOP_AGAIN_USEC, 0,
                                                 on_again, c);
        } else if (!c->ended) {
                c->over = true; /* PID 1 sees to the rest */
        }
        settle(c);
}

static void ask_stop(struct commands *all, const struct pod_id *id, const char *unit, helper_done done, void *userdata)
{
        Vks__Stop m = VKS__STOP__INIT;
        CLEANUP(content_pod_freep) Vks__Pod *pod = content_pod(id);
        char *units[] = { (char *)(uintptr_t)unit };

        m.pod = pod;
        m.units = units;
        m.n_units = 1;
        helper_stop(all->helper, &m, done, userdata);
}

static void stop(struct command *c)
{
        c->in_flight++;
        ask_stop(c->all, &c->pod, c->unit, on_stopped, c);
}

/* Was there a full reading before the answer to EXEC, which may have been the one that would have shown its end? */
static bool may_have_ended_unseen(const struct command *c)
{
        struct observed *o = c->all->observed;

        return !c->over && o && observed_read_at(o) > c->asked_at &&
               !observed_state(o, c->unit, &(struct unit_state){ 0 });
}

static void on_begun(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct command *c = userdata;

        c->in_flight--;
        c->answered = true;
        c->answered_at = time_monotonic();
        if (error < 0 && reply)
                not_run(c, err->text);
        else if (error < 0) /* nobody knows whether it was begun */
                c->ended ? (not_run(c, err->text), stop(c)) : stop(c);
        else if (c->unborn)
                start_failed(c);
        else if (!c->over && (!c->ended || !pods_is_running(c->all->pods, c->pod.uid, c->container)))
                stop(c); /* nobody waits for it any more, or its container has ended meanwhile */
        else if (may_have_ended_unseen(c))
                observed_read(c->all->observed);
        settle(c);
}

static void ask(struct command *c)
{
        int streams[3];

        for (size_t i = 0; i < ARRAY_LEN(streams); i++)
                streams[i] = fcntl(c->streams[i], F_DUPFD_CLOEXEC, 0);
        c->request->id = c->all->next_id++;
        exec_unit_name(c->pod.uid, c->container, &c->request->id, c->unit);
        HASH_ADD_STR(c->all->table, unit, c);
        c->tries++;
        c->asked_at = time_monotonic();
        c->answered = c->job_failed = c->unborn = c->canceled = false;
        c->in_flight++;
        helper_exec(c->all->helper, c->request, streams, on_begun, c);
}

/* systemd could not start the unit, and no process of it was there. */
static void start_failed(struct command *c)
{
        if (c->tries >= TRIES_MAX || !c->ended) {
                not_run(c, "systemd did not start the command, and does not say why");
        } else {
                HASH_DEL(c->all->table, c);
                ask(c);
        }
}

struct command *command_start(struct commands *all, const struct pods_container *where, char *const *argv,
                              const char *user, const int streams[static 3], command_ended ended, void *userdata)
{
        const struct pod *p = where->pod;
        const struct content_image image = {
                .package = where->image->owner,
                .unit = where->image->unit,
                .writes_var = where->writes_var,
        };
        struct command *c = NEW(struct command);

        c->all = all;
        c->pod = p->id;
        snprintf(c->container, sizeof(c->container), "%s", where->container->name);
        c->request = content_exec(p, (size_t)(where->container - p->containers), &image, argv, user);
        memcpy(c->streams, streams, sizeof(c->streams));
        c->ended = ended;
        c->userdata = userdata;
        ask(c);
        return c;
}

void command_tell_begin(struct command *c, void (*begun)(void *userdata))
{
        c->begun = begun;
}

struct command *command_give_up(struct command *c)
{
        if (!c)
                return NULL;
        c->ended = NULL;
        c->begun = NULL;
        if (c->answered && !c->over)
                stop(c);
        return NULL;
}

/* ---- what is reported -------------------------------------------------------------------------------------------- */

static void take_end(struct command *c, const struct unit_state *s)
{
        forget_request(c);
        c->over = true;
        if (s->main_code == CLD_KILLED || s->main_code == CLD_DUMPED) {
                c->exit_code = 128 + s->main_status;
        } else if (s->main_code == CLD_EXITED && !*s->spawn_error) {
                c->exit_code = s->main_status;
        } else {
                c->exit_code = COMMAND_NOT_RUN;
                snprintf(c->text, sizeof(c->text), "systemd could not start the command: %s",
                         *s->spawn_error ? s->spawn_error
                         : *s->result    ? s->result
                                         : "no result");
        }
}

static void on_leftover_stopped(UNUSED void *userdata, int error, UNUSED const Vks__Reply *reply, const struct err *err)
{
        if (error < 0 && error != -ENOENT)
                log_warning("a command of an earlier run cannot be stopped: %s", err->text);
}

static void stop_leftover(struct commands *all, const char *unit)
{
        struct unit_meta meta;

        if (observed_exec_meta(NULL, unit, &meta))
                ask_stop(all, &meta.pod, unit, on_leftover_stopped, NULL);
}

void commands_unit_changed(struct commands *all, const char *unit, const struct unit_state *s)
{
        struct command *c;

        HASH_FIND_STR(all->table, unit, c);
        if (c && (s->main_pid || s->main_code))
                forget_request(c);
        if (!c && unit_name_is_exec(unit) && (s->phase == UNIT_ACTIVE || s->phase == UNIT_ACTIVATING))
                stop_leftover(all, unit);
        if (c && !c->over && c->begun && s->phase == UNIT_ACTIVE) /* Type=exec: the program was executed */
                TAKE(c->begun)(c->userdata);
        if (c && !c->over && c->request && c->canceled && !s->main_code &&
            (s->phase == UNIT_INACTIVE || s->phase == UNIT_ABSENT)) {
                not_run(c, "the command was stopped before it began");
                settle(c);
                return;
        }
        /* before its first process it is inactive, too */
        if (c && !c->over && c->request && c->job_failed && !s->main_code &&
            (s->phase == UNIT_INACTIVE || s->phase == UNIT_ABSENT)) {
                c->unborn = true;
                if (!c->answered)
                        return;
                start_failed(c);
                settle(c);
                return;
        }
        if (!c || c->over || !(s->phase == UNIT_FAILED || (s->phase == UNIT_INACTIVE && s->main_code)))
                return;
        take_end(c, s);
        settle(c);
}

void commands_job_failed(struct commands *all, const char *unit, const char *result)
{
        CLEANUP(freep) char *why = xasprintf("systemd did not start the command: its job ended with \"%s\"", result);
        struct command *c;

        HASH_FIND_STR(all->table, unit, c);
        if (!c || c->over)
                return;
        c->job_failed = streq(result, "failed");
        c->canceled = streq(result, "canceled");
        if (c->job_failed || c->canceled) /* how shows in the unit's own state */
                return;
        not_run(c, why);
        settle(c);
}

void commands_units_synced(struct commands *all, struct observed *o)
{
        struct command *c, *next;

        all->observed = o;
        HASH_ITER (hh, all->table, c, next) {
                if (!c->answered || c->over || c->answered_at >= observed_read_at(o) ||
                    observed_state(o, c->unit, &(struct unit_state){ 0 }))
                        continue;
                if (c->job_failed && c->request)
                        start_failed(c);
                else
                        not_run(c, "the command ended while systemd could not be reached: nobody saw how");
                settle(c);
        }
}

void commands_container_ended(struct commands *all, const char *pod_uid)
{
        struct command *c, *next;

        HASH_ITER (hh, all->table, c, next)
                if (streq(c->pod.uid, pod_uid) && c->answered && !c->over &&
                    !pods_is_running(all->pods, pod_uid, c->container))
                        stop(c);
}

struct commands *commands_new(sd_event *event, struct helper_client *helper, struct pods *pods)
{
        struct commands *all = NEW(struct commands);

        all->event = event;
        all->helper = helper;
        all->pods = pods;
        /* No earlier agent's: a unit of its may still be there. */
        if (getrandom(&all->next_id, sizeof(all->next_id), GRND_NONBLOCK) < 0)
                all->next_id = (uint64_t)getpid() << 32;
        return all;
}

struct commands *commands_free(struct commands *all)
{
        struct command *c, *next;

        if (!all)
                return NULL;
        HASH_ITER (hh, all->table, c, next)
                command_free(c);
        free(all);
        return NULL;
}

/* ---- a whole output ---------------------------------------------------------------------------------------------- */

struct command_run {
        struct command *command; /* NULL: it has ended */
        sd_event_source *io, *timer;
        int fd;
        struct buf out;
        size_t max;
        int exit_code;
        command_output done;
        void *userdata;
};

static void run_free(struct command_run *r)
{
        command_give_up(r->command);
        sd_event_source_disable_unref(r->io);
        sd_event_source_disable_unref(r->timer);
        fd_close(r->fd);
        buf_done(&r->out);
        free(r);
}

void command_run_cancel(struct command_run *r)
{
        run_free(r);
}

static void run_end(struct command_run *r)
{
        if (r->command || r->io)
                return;
        r->done(r->userdata, r->exit_code, r->out.data ? r->out.data : "", r->out.len);
        run_free(r);
}

static int on_output(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct command_run *r = userdata;
        char part[16 * 1024];
        ssize_t n = read(fd, part, sizeof(part));

        if (n > 0)
                buf_add(&r->out, part, (size_t)n < r->max - r->out.len ? (size_t)n : r->max - r->out.len);
        if (n > 0 || (n < 0 && errno == EAGAIN))
                return 0;
        r->io = sd_event_source_disable_unref(r->io);
        run_end(r);
        return 0;
}

static void on_run_ended(void *userdata, int exit_code, const char *text)
{
        struct command_run *r = userdata;
        size_t n = strlen(text);

        r->command = NULL;
        r->exit_code = exit_code;
        if (exit_code < 0)
                buf_add(&r->out, text, n < r->max - r->out.len ? n : r->max - r->out.len);
        run_end(r);
}

static int on_deadline(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        static const char text[] = "command timed out";
        struct command_run *r = userdata;

        r->command = command_give_up(r->command);
        r->io = sd_event_source_disable_unref(r->io);
        r->exit_code = COMMAND_TIMED_OUT;
        buf_reset(&r->out);
        buf_add(&r->out, text, strlen(text) < r->max ? strlen(text) : r->max);
        run_end(r);
        return 0;
}

struct command_run *command_run(struct commands *all, const struct pods_container *where, char *const *argv,
                                const char *user, size_t max, uint64_t usec, command_output done, void *userdata)
{
        struct command_run *r = NEW(struct command_run);
        int ends[2] = { -1, -1 }, streams[3];

        *r = (struct command_run){ .fd = -1, .out = BUF(max), .max = max, .done = done, .userdata = userdata };
        if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
                log_warning("no pipe for a command: %s", strerrordesc_np(errno));
        streams[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
        streams[1] = ends[1];
        streams[2] = dup(ends[1]);
        r->fd = ends[0];
        r->command = command_start(all, where, argv, user, streams, on_run_ended, r);
        if (sd_event_add_io(all->event, &r->io, r->fd, EPOLLIN, on_output, r) < 0 ||
            sd_event_add_time_relative(all->event, &r->timer, CLOCK_MONOTONIC, usec, 0, on_deadline, r) < 0)
                log_warning("a command cannot be waited for");
        return r;
}
