/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <stdio.h>

#include "common/mem.h"
#include "helper/helper.h"

#define INSTALL_USEC ((uint64_t)30 * 60 * 1000000)
#define MANAGER      "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

static int told(int r, const sd_bus_error *bus_error, const char *what, const char *unit, struct err *e)
{
        return r >= 0 ? 0
                      : err_set(e, r, NULL, "%s %s: %s", what, unit,
                                bus_error->message ? bus_error->message : strerrordesc_np(-r));
}

/* systemd's answers about a unit that is not loaded, or has no process: stopping, killing or resetting it has succeeded
 * then. */
static bool gone(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchUnit") ||
               sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchProcess");
}

int unit_ask(struct machine *m, const char *method, const char *unit, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool kill = streq(method, "KillUnit");
        const char *types = kill ? "ssi" : streq(method, "ResetFailedUnit") ? "s" : "ss";
        int r = sd_bus_call_method(m->bus, MANAGER, method, &error, NULL, types, unit, kill ? "all" : "replace",
                                   SIGKILL); /* as many as `types` has */

        return gone(&error) && !ends_with(method, "tartUnit") ? 0 : told(r, &error, method, unit, e);
}

int unit_signal(struct machine *m, const char *unit, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(freep) char *mode = NULL;
        const char *path = NULL;
        int32_t signal = SIGTERM;
        int r = sd_bus_call_method(m->bus, MANAGER, "GetUnit", &error, &reply, "s", unit);

        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = sd_bus_get_property_trivial(m->bus, "org.freedesktop.systemd1", path,
                                                "org.freedesktop.systemd1.Service", "KillSignal", &error, 'i', &signal);
        if (r >= 0)
                r = sd_bus_get_property_string(m->bus, "org.freedesktop.systemd1", path,
                                               "org.freedesktop.systemd1.Service", "KillMode", &error, &mode);
        if (r >= 0)
                r = sd_bus_call_method(m->bus, MANAGER, "KillUnit", &error, NULL, "ssi", unit,
                                       streq(mode, "control-group") ? "all" : "main", signal);
        if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchProcess")) {
                sd_bus_error_free(&error);
                r = sd_bus_call_method(m->bus, MANAGER, "KillUnit", &error, NULL, "ssi", unit, "all", signal);
        }
        return gone(&error) ? 0 : told(r, &error, "KillUnit", unit, e);
}

/* 1: PID 1 has a job for it. */
static int has_job(struct machine *m, const char *path, sd_bus_error *error)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t id = 0;
        int r = sd_bus_get_property(m->bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Unit", "Job",
                                    error, &reply, "(uo)");

        if (r >= 0)
                r = sd_bus_message_read(reply, "(uo)", &id, NULL);
        return r < 0 ? r : id != 0;
}

int unit_active_state(struct machine *m, const char *unit, char ret[static 32], struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(freep) char *state = NULL;
        const char *path = NULL;
        bool job = false;
        int r = sd_bus_call_method(m->bus, MANAGER, "GetUnit", &error, &reply, "s", unit);

        ret[0] = '\0';
        if (gone(&error))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        /* A unit that waits for its turn is still inactive, and PID 1 will start it as it has read it. The job is asked
         * for first: one that is done in between has made the unit active by the time that its state is asked. */
        if (r >= 0)
                job = (r = has_job(m, path, &error)) > 0;
        if (r >= 0)
                r = sd_bus_get_property_string(m->bus, "org.freedesktop.systemd1", path,
                                               "org.freedesktop.systemd1.Unit", "ActiveState", &error, &state);
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return 0; /* unloaded in between */
        if (r >= 0)
                snprintf(ret, 32, "%s",
                         job && (streq(state, "inactive") || streq(state, "failed")) ? "activating" : state);
        return told(r, &error, "GetUnit", unit, e);
}

int unit_is_up(struct machine *m, const char *unit, bool *ret, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state = "", *job = "";
        int r = sd_bus_call_method(m->bus, MANAGER, "ListUnitsByNames", &error, &reply, "as", 1, unit);

        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        if (r >= 0)
                r = sd_bus_message_read(reply, "(ssssssouso)", NULL, NULL, NULL, &state, NULL, NULL, NULL, NULL, &job,
                                        NULL);
        *ret = streq(state, "active")                                    ? streq(job, "")
               : streq(state, "activating") || streq(state, "reloading") ? streq(job, "start") || streq(job, "reload")
                                                                         : false;
        return told(r, &error, "ListUnitsByNames", unit, e);
}

int unit_jobs(struct machine *m, uint32_t *ret, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_get_property_trivial(m->bus, MANAGER, "NJobs", &error, 'u', ret);

        return told(r, &error, "NJobs", "of systemd", e);
}

int unit_find_busy(struct machine *m, const char *pattern, struct units_found *ret, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name = NULL, *state = NULL;
        uint32_t job = 0;
        int r = sd_bus_call_method(m->bus, MANAGER, "ListUnitsByPatterns", &error, &reply, "asas", 0, 1, pattern);

        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &state, NULL, NULL, NULL,
                                                  &job, NULL, NULL)) > 0) {
                if (job || !(streq(state, "inactive") || streq(state, "failed")))
                        strv_push(&ret->busy, &ret->n_busy, xstrdup(name));
                else if (streq(state, "failed"))
                        strv_push(&ret->failed, &ret->n_failed, xstrdup(name));
        }
        return told(r, &error, "ListUnitsByPatterns", pattern, e);
}

int unit_find_commands(struct machine *m, const char *all, struct units_found *ret, struct err *e)
{
        CLEANUP(freep) char *pattern = xasprintf("%.*s*.service", (int)(strlen(all) - strlen(".service")), all);

        return unit_find_busy(m, pattern, ret, e);
}

static int append_number(sd_bus_message *call, const char *name, uint64_t value)
{
        return sd_bus_message_append(call, "(sv)", name, "t", value);
}

int unit_limit(struct machine *m, const char *unit, const Vks__Limits *limits, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(m->bus, &call, MANAGER, "SetUnitProperties");

        if (r >= 0)
                r = sd_bus_message_append(call, "sb", unit, true); /* not beyond the next boot */
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "(sv)");
        if (r >= 0 && limits->cpu_weight)
                r = append_number(call, "CPUWeight", limits->cpu_weight);
        if (r >= 0 && limits->cpu_milli)
                r = append_number(call, "CPUQuotaPerSecUSec", (uint64_t)limits->cpu_milli * 1000);
        if (r >= 0 && limits->memory_max)
                r = append_number(call, "MemoryMax", limits->memory_max);
        if (r >= 0 && limits->memory_max)
                r = append_number(call, "MemorySwapMax", 0);
        if (r >= 0 && limits->tasks_max)
                r = append_number(call, "TasksMax", limits->tasks_max);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_call(m->bus, call, 0, &error, NULL);
        return told(r, &error, "SetUnitProperties", unit, e);
}

void unit_files_touch(struct machine *m)
{
        struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { 0 } };

        clock_gettime(CLOCK_REALTIME, &times[1]);
        (void)futimens(m->units, times);
}

static int append_stream(sd_bus_message *call, const char *name, int fd)
{
        return sd_bus_message_append(call, "(sv)", name, "h", fd);
}

static int append_command(sd_bus_message *call, char **argv, bool as_root)
{
        int r;

        (void)((r = sd_bus_message_open_container(call, 'r', "sv")) < 0 ||
               (r = sd_bus_message_append(call, "s", "ExecStartEx")) < 0 ||
               (r = sd_bus_message_open_container(call, 'v', "a(sasas)")) < 0 ||
               (r = sd_bus_message_open_container(call, 'a', "(sasas)")) < 0 ||
               (r = sd_bus_message_open_container(call, 'r', "sasas")) < 0 ||
               (r = sd_bus_message_append(call, "s", argv[0])) < 0 ||
               (r = sd_bus_message_append_strv(call, argv)) < 0 ||
               (r = sd_bus_message_append(call, "as", as_root ? 2 : 1, "no-env-expand", "no-setuid")) < 0);
        for (int open = 0; r >= 0 && open < 4; open++)
                r = sd_bus_message_close_container(call);
        return r;
}

int unit_exec(struct machine *m, const char *unit, char **argv, bool as_root, const int *streams, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(m->bus, &call, MANAGER, "StartTransientUnit");

        (void)(r < 0 || (r = sd_bus_message_append(call, "ss", unit, "fail")) < 0 ||
               (r = sd_bus_message_open_container(call, 'a', "(sv)")) < 0 ||
               (r = append_stream(call, "StandardInputFileDescriptor", streams[0])) < 0 ||
               (r = append_stream(call, "StandardOutputFileDescriptor", streams[1])) < 0 ||
               (r = append_stream(call, "StandardErrorFileDescriptor", streams[2])) < 0 ||
               /* the drop-in takes it back: without the drop-in nothing runs */
               (r = sd_bus_message_append(call, "(sv)", "RootDirectory", "s", UNIT_TEXT_NOWHERE)) < 0 ||
               (r = append_command(call, argv, as_root)) < 0 || (r = sd_bus_message_close_container(call)) < 0 ||
               (r = sd_bus_message_append(call, "a(sa(sv))", 0)) < 0 ||
               (r = sd_bus_call(m->bus, call, 0, &error, NULL)) < 0);
        if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists"))
                return err_set(e, -EEXIST, NULL, "%s is there already", unit);
        return told(r, &error, "StartTransientUnit", unit, e);
}

int unit_run(struct machine *m, const char *unit, char **argv, struct err *e)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(m->bus, &call, MANAGER, "StartTransientUnit");

        (void)(r < 0 || (r = sd_bus_message_append(call, "ss", unit, "fail")) < 0 ||
               (r = sd_bus_message_open_container(call, 'a', "(sv)")) < 0 ||
               (r = sd_bus_message_append(call, "(sv)(sv)(sv)(sv)(sv)", "Description", "s",
                                          "Installation of packages for pods", "Type", "s", "oneshot",
                                          "SyslogIdentifier", "s", "vks-install", "TimeoutStartUSec", "t", INSTALL_USEC,
                                          "ExecStopPost", "a(sasb)", 1, argv[0], 2, argv[0], "--end", 0)) < 0 ||
               (r = sd_bus_message_open_container(call, 'r', "sv")) < 0 ||
               (r = sd_bus_message_append(call, "s", "ExecStart")) < 0 ||
               (r = sd_bus_message_open_container(call, 'v', "a(sasb)")) < 0 ||
               (r = sd_bus_message_open_container(call, 'a', "(sasb)")) < 0 ||
               (r = sd_bus_message_open_container(call, 'r', "sasb")) < 0 ||
               (r = sd_bus_message_append(call, "s", argv[0])) < 0 ||
               (r = sd_bus_message_append_strv(call, argv)) < 0 || (r = sd_bus_message_append(call, "b", 0)) < 0);
        for (int open = 0; r >= 0 && open < 5; open++)
                r = sd_bus_message_close_container(call);
        (void)(r < 0 || (r = sd_bus_message_append(call, "a(sa(sv))", 0)) < 0 ||
               (r = sd_bus_call(m->bus, call, 0, &error, NULL)) < 0);
        if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists"))
                return 0;
        return told(r, &error, "StartTransientUnit", unit, e);
}
