/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PID 1 for the helper's tests: a thread at the other end of a bus connection. It notes what it is asked, one line
 * "Method unit" each, knows the states it was told, and fails when it was told to. Change it only while nobody asks.
 */
#ifndef VKS_TESTS_PID1_H
#define VKS_TESTS_PID1_H

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "common/fd.h"

enum { PID1_UNITS = 300 };

struct pid1 {
        pthread_t thread;
        int fd, listener; /* the connection, or where one is awaited first */
        char asked[16384];
        const char *fail_method, *fail_name; /* this method fails with this error; of a property: "Get" */
        struct {
                const char *unit, *state;
        } units[PID1_UNITS];
        int kill_signal;               /* KillSignal= of each unit */
        const char *kill_mode;         /* KillMode=; NULL: mixed */
        uint32_t n_jobs, job;          /* of all; of each unit */
        const char *then;              /* once a property was asked for, the job is done, and each unit is that */
        const char *named, *named_job; /* ActiveState and job of a unit that is asked for by name; NULL: active, none */
        unsigned n_streams;            /* descriptors that came with the last StartTransientUnit */
        const char *unmount;           /* done when a mount unit is stopped, as PID 1 does it */
};

static bool pid1_fails(struct pid1 *p, const char *method)
{
        return p->fail_method && strcmp(p->fail_method, method) == 0;
}

/* Those of its units that have one of the states that are asked for, or all. The pattern is not looked at. */
static int pid1_list(struct pid1 *p, sd_bus_message *m, sd_bus_error *error)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char states[256] = " ";
        const char *state = "";
        int r;

        if (pid1_fails(p, "ListUnitsByPatterns"))
                return sd_bus_error_set(error, p->fail_name, "as told");
        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &state)) > 0)
                snprintf(states + strlen(states), sizeof(states) - strlen(states), "%s ", state);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
        for (size_t i = 0; i < PID1_UNITS && r >= 0; i++) {
                char word[64];

                snprintf(word, sizeof(word), " %.60s ", p->units[i].state ? p->units[i].state : "-");
                if (p->units[i].unit && (states[1] == '\0' || strstr(states, word)))
                        r = sd_bus_message_append(reply, "(ssssssouso)", p->units[i].unit, "", "loaded",
                                                  p->units[i].state, "", "", "/", p->job, "", "/");
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The one unit, which is loaded for it. */
static int pid1_name(struct pid1 *p, sd_bus_message *m, sd_bus_error *error)
{
        return pid1_fails(p, "ListUnitsByNames")
                       ? sd_bus_error_set(error, p->fail_name, "as told")
                       : sd_bus_reply_method_return(m, "a(ssssssouso)", 1, "", "", "loaded",
                                                    p->named ? p->named : "active", "", "", "/", 1,
                                                    p->named_job ? p->named_job : "", "/");
}

/* How many of its properties are descriptors. */
static unsigned pid1_streams(sd_bus_message *m)
{
        const char *name, *contents;
        unsigned n = 0;
        char type;

        if (sd_bus_message_read(m, "s", NULL) < 0 || sd_bus_message_enter_container(m, 'a', "(sv)") < 0)
                return 0;
        while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
                if (sd_bus_message_read(m, "s", &name) < 0 || sd_bus_message_peek_type(m, &type, &contents) < 0)
                        break;
                n += strcmp(contents, "h") == 0;
                if (sd_bus_message_skip(m, "v") < 0 || sd_bus_message_exit_container(m) < 0)
                        break;
        }
        return n;
}

/* " NAME=VALUE" for each property behind the unit's name, "!" before them: beyond the next boot. */
static void pid1_numbers(struct pid1 *p, sd_bus_message *m)
{
        const char *name = "";
        int runtime = 0, r;

        p->asked[strlen(p->asked) - 1] = '\0';
        r = sd_bus_message_read(m, "b", &runtime);
        if (!runtime)
                strcat(p->asked, " !");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(sv)");
        while (r >= 0) {
                size_t n = strlen(p->asked);
                uint64_t value = 0;

                r = sd_bus_message_read(m, "(sv)", &name, "t", &value);
                if (r <= 0)
                        break;
                snprintf(p->asked + n, sizeof(p->asked) - n, " %s=%" PRIu64, name, value);
        }
        strcat(p->asked, "\n");
}

static int pid1_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct pid1 *p = userdata;
        const char *method = sd_bus_message_get_member(m), *path = sd_bus_message_get_path(m), *unit = "", *state;
        size_t n = strlen(p->asked), i = 0;
        uint32_t job;
        uint8_t type = 0;

        sd_bus_message_get_type(m, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (strcmp(method, "Hello") == 0)
                return sd_bus_reply_method_return(m, "s", ":1.1");
        if (strcmp(method, "Get") == 0) {
                const char *interface = "", *property = "";

                sd_bus_message_read(m, "ss", &interface, &property);
                if (strcmp(property, "NJobs") == 0)
                        return pid1_fails(p, "NJobs") ? sd_bus_error_set(error, p->fail_name, "as told")
                                                      : sd_bus_reply_method_return(m, "v", "u", p->n_jobs);
                if (strcmp(property, "KillSignal") == 0 && !pid1_fails(p, method))
                        return sd_bus_reply_method_return(m, "v", "i", p->kill_signal);
                if (strcmp(property, "KillMode") == 0 && !pid1_fails(p, method))
                        return sd_bus_reply_method_return(m, "v", "s", p->kill_mode ? p->kill_mode : "mixed");
                i = strtoul(path + strlen("/unit/"), NULL, 10);
                state = p->units[i].state, job = p->job;
                if (p->then)
                        p->units[i].state = p->then, p->job = 0;
                if (strcmp(property, "Job") == 0)
                        return pid1_fails(p, "Job") ? sd_bus_error_set(error, p->fail_name, "as told")
                                                    : sd_bus_reply_method_return(m, "v", "(uo)", job, "/");
                return pid1_fails(p, method) ? sd_bus_error_set(error, p->fail_name, "as told")
                                             : sd_bus_reply_method_return(m, "v", "s", state);
        }
        if (strcmp(method, "ListUnitsByPatterns") == 0)
                return pid1_list(p, m, error);
        if (strcmp(method, "ListUnitsByNames") == 0)
                return pid1_name(p, m, error);
        sd_bus_message_read(m, "s", &unit);
        snprintf(p->asked + n, sizeof(p->asked) - n, "%s %s\n", method, unit);
        if (strcmp(method, "KillUnit") == 0) {
                const char *whom = "";
                int32_t signal = 0;

                sd_bus_message_read(m, "si", &whom, &signal);
                if (signal != SIGKILL)
                        snprintf(p->asked + n, sizeof(p->asked) - n, "%s %s %s %d\n", method, unit, whom, signal);
        }
        if (strcmp(method, "SetUnitProperties") == 0)
                pid1_numbers(p, m);
        if (strcmp(method, "StartTransientUnit") == 0)
                p->n_streams = pid1_streams(m);
        if (pid1_fails(p, method))
                return sd_bus_error_set(error, p->fail_name, "as told");
        if (strcmp(method, "GetUnit") == 0) {
                char object[32];

                while (i < PID1_UNITS && !(p->units[i].unit && strcmp(p->units[i].unit, unit) == 0))
                        i++;
                snprintf(object, sizeof(object), "/unit/%zu", i);
                return i == PID1_UNITS ? sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit", "not loaded")
                                       : sd_bus_reply_method_return(m, "o", object);
        }
        if (p->unmount && strcmp(method, "StopUnit") == 0 && strstr(unit, ".mount"))
                umount2(p->unmount, MNT_DETACH);
        return sd_bus_reply_method_return(m, NULL);
}

static void *pid1_run(void *userdata)
{
        struct pid1 *p = userdata;
        sd_bus *bus = NULL;
        int r;

        if (p->listener >= 0)
                p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, p->fd, p->fd);
        if (r >= 0)
                r = sd_bus_set_server(bus, 1, (sd_id128_t){ .bytes = { 1 } });
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, pid1_answer, p);
        if (r >= 0)
                r = sd_bus_start(bus);
        while (r >= 0 && (r = sd_bus_process(bus, NULL)) >= 0)
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        sd_bus_flush_close_unref(bus);
        return NULL;
}

/* On the socket `listener`, or, with -1, at the other end of *ret. */
static UNUSED int pid1_start(struct pid1 *p, int listener, sd_bus **ret)
{
        int fds[2] = { -1, -1 }, r = 0;

        p->listener = listener;
        if (listener < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        p->fd = fds[0];
        if (pthread_create(&p->thread, NULL, pid1_run, p) != 0)
                return -1;
        if (listener < 0 && ((r = sd_bus_new(ret)) < 0 || (r = sd_bus_set_fd(*ret, fds[1], fds[1])) < 0 ||
                             (r = sd_bus_start(*ret)) < 0))
                return r;
        return 0;
}

/* When its peer has gone. */
static UNUSED void pid1_join(struct pid1 *p)
{
        pthread_join(p->thread, NULL);
}

#endif
