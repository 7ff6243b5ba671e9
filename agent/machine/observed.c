/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/observed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <uthash.h>

#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/machine/spawn.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"

#define SYSTEMD        "org.freedesktop.systemd1"
#define MANAGER_PATH   "/org/freedesktop/systemd1"
#define MANAGER        "org.freedesktop.systemd1.Manager"
#define UNIT_PATH      "/org/freedesktop/systemd1/unit"
#define UNIT_DIR       "/run/systemd/system"
#define INSTALL_PREFIX "vks-install-"

enum {
        DROPIN_MAX = 64 * 1024,
        RECONNECT_USEC = 1000 * 1000,
        SPAWN_EXIT_FIRST = 200, /* what a child of PID 1's ends with that could not execute a program ... */
        SPAWN_EXIT_LAST = 245,  /* ... and what any program may end with: agent/machine/spawn.h */
        SPAWN_EXIT_EXEC = 203,  /* the same of vks-exec, which was executed itself: the unit was active then */
};

/* How long journald may take to write that a program could not be executed: looks after that many microseconds. */
static const uint64_t spawn_looks[] = { 20 * 1000,   80 * 1000,   300 * 1000,  600 * 1000,
                                        1000 * 1000, 2000 * 1000, 3000 * 1000, 5000 * 1000 };

/* A unit as put together from the two signals that systemd sends for each change: Service first, then Unit. */
struct unit {
        char *name;
        char *path; /* the D-Bus object path: the hash key */
        char active[16], sub[24];
        struct observed *all;
        struct unit_state state;
        bool condition;                 /* ConditionResult=, ... */
        uint64_t condition_at;          /* ... which says something only if there was a look, monotonic */
        uint64_t active_at, handoff_at; /* signs that the main process was executed; the latter from systemd 256 on */
        uint32_t exec_pid;              /* of the main process, also when it has ended */
        char judged[33];                /* the run of which state.spawn_error is known */
        sd_event_source *look;          /* at the journal, for that; NULL when there was no need */
        unsigned looks;
        bool removed;     /* systemd has forgotten it, but it is still to be told how it ended */
        unsigned reading; /* the full reading that saw it last */
        UT_hash_handle hh;
};

struct observed {
        sd_event *event;
        sd_bus *bus;
        sd_event_source *reconnect, *again;
        struct unit *units;
        struct observed_handler handler;
        void *userdata;
        unsigned pending; /* answers of a full reading that are still out */
        bool reading;     /* a full reading is under way */
        bool incomplete;  /* ... and a question of it was not answered */
        bool once_more;   /* ... and somebody wants one that is asked for later */
        unsigned readings;
        uint64_t read_at; /* when the last one was asked for */
        /*
         * systemd takes all its units down and up again, and says of each that it was removed, which is no news. What
         * it says of a unit's properties is: a service that has ended shortly before goes for good while systemd
         * reloads, and this is the only word of how it ended.
         */
        bool reloading;
        char version[64];
};

static bool concerns_us(const char *unit)
{
        return unit_name_is_ours(unit) || unit_name_is_exec(unit) ||
               (starts_with(unit, INSTALL_PREFIX) && ends_with(unit, ".service"));
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static struct unit *unit_find(struct observed *o, const char *path)
{
        struct unit *u;

        HASH_FIND_STR(o->units, path, u);
        return u;
}

/* NULL when the path is of a unit that is none of our business. */
static struct unit *unit_get(struct observed *o, const char *path)
{
        struct unit *u = unit_find(o, path);
        CLEANUP(freep) char *name = NULL;

        if (u)
                return u;
        /* "vks_2e" and "vks_2dinstall": a look before the unescaping, since every unit's signals come here */
        if (!starts_with(path, UNIT_PATH "/vks_2"))
                return NULL;
        if (sd_bus_path_decode(path, UNIT_PATH, &name) <= 0 || !concerns_us(name))
                return NULL;
        u = NEW(struct unit);
        u->all = o;
        u->name = TAKE(name);
        u->path = xstrdup(path);
        HASH_ADD_KEYPTR(hh, o->units, u->path, strlen(u->path), u);
        return u;
}

static void unit_forget(struct observed *o, struct unit *u)
{
        HASH_DEL(o->units, u);
        sd_event_source_disable_unref(u->look);
        free(u->name);
        free(u->path);
        free(u);
}

static enum unit_phase phase_of(const struct unit *u)
{
        if (streq(u->active, "active") || streq(u->active, "reloading"))
                return streq(u->sub, "exited") ? UNIT_EXITED : UNIT_ACTIVE;
        if (streq(u->active, "activating"))
                return starts_with(u->sub, "auto-restart") ? UNIT_HOLDOFF : UNIT_ACTIVATING;
        if (streq(u->active, "deactivating"))
                return UNIT_DEACTIVATING;
        if (streq(u->active, "failed"))
                return UNIT_FAILED;
        return *u->state.invocation ? UNIT_INACTIVE : UNIT_ABSENT;
}

static bool was_executed(const struct unit *u)
{
        return (u->active_at && u->active_at >= u->state.started) ||
               (u->handoff_at && u->handoff_at >= u->state.started);
}

/* Is it over, in a way that says either that the program could not be executed, or how the program ended? */
static bool is_ambiguous(const struct unit *u)
{
        const struct unit_state *s = &u->state;
        bool ended = s->main_pid == 0 && s->main_code == CLD_EXITED && s->main_status >= SPAWN_EXIT_FIRST &&
                     s->main_status <= SPAWN_EXIT_LAST;

        return ended && (!was_executed(u) || s->main_status == SPAWN_EXIT_EXEC) && !streq(u->judged, s->invocation);
}

static bool waits_for_the_journal(const struct unit *u)
{
        return is_ambiguous(u) && u->looks > 0;
}

static bool tell(struct observed *o, struct unit *u);

static int on_look(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct unit *u = userdata;

        if (is_ambiguous(u) && tell(u->all, u) && u->removed)
                unit_forget(u->all, u);
        return 0;
}

/* false: to be told later, when journald has had the time to say what it knows. */
static bool judge(struct observed *o, struct unit *u)
{
        struct unit_state *s = &u->state;

        if (!streq(u->judged, s->invocation) || !*s->invocation)
                *s->spawn_error = '\0';
        if (!is_ambiguous(u)) {
                u->looks = 0;
                return true;
        }
        if (spawn_look(NULL, u->name, s->invocation, u->exec_pid, s->spawn_error, sizeof(s->spawn_error)) ==
                    SPAWN_UNKNOWN &&
            !o->reading && u->looks < ARRAY_LEN(spawn_looks)) {
                uint64_t after = spawn_looks[u->looks++];

                if (!u->look)
                        (void)sd_event_add_time_relative(o->event, &u->look, CLOCK_MONOTONIC, after, 0, on_look, u);
                else if (sd_event_source_set_time_relative(u->look, after) >= 0)
                        (void)sd_event_source_set_enabled(u->look, SD_EVENT_ONESHOT);
                return u->look == NULL;
        }
        memcpy(u->judged, s->invocation, sizeof(u->judged));
        u->looks = 0;
        return true;
}

/* false: later. */
static bool tell(struct observed *o, struct unit *u)
{
        if (!judge(o, u))
                return false;
        u->state.phase = phase_of(u);
        u->state.executed = was_executed(u);
        u->state.unmet_at = u->condition ? 0 : u->condition_at;
        o->handler.changed(o->userdata, u->name, &u->state);
        return true;
}

/* ---- properties -------------------------------------------------------------------------------------------------- */

/* A variant of a basic type, of which a string is borrowed. Each change of a unit tells some forty properties, and
 * sd_bus_message_read() with its varargs takes more than twice as long for one. */
static int read_value(sd_bus_message *m, char type, void *ret)
{
        const char contents[] = { type, '\0' };
        int r = sd_bus_message_enter_container(m, 'v', contents);

        if (r < 0 || (r = sd_bus_message_read_basic(m, type, ret)) < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int read_string(sd_bus_message *m, char *ret, size_t size)
{
        const char *s;
        int r = read_value(m, 's', &s);

        if (r >= 0)
                snprintf(ret, size, "%s", s);
        return r;
}

static int read_invocation(sd_bus_message *m, char ret[33])
{
        const void *p;
        size_t n;
        int r;

        if ((r = sd_bus_message_enter_container(m, 'v', "ay")) < 0 ||
            (r = sd_bus_message_read_array(m, 'y', &p, &n)) < 0)
                return r;
        /* An empty id is told when a unit has ended and was unloaded; the run it belonged to stays the latest one. */
        for (size_t i = 0; n == 16 && i < n; i++)
                snprintf(ret + 2 * i, 3, "%02x", ((const unsigned char *)p)[i]);
        return sd_bus_message_exit_container(m);
}

/* The greatest number means that there is no limit. */
static int read_limit(sd_bus_message *m, uint64_t unit, struct unit_limits *limits, uint64_t *ret)
{
        uint64_t value = 0;
        int r = read_value(m, 't', &value);

        *ret = value == UINT64_MAX ? 0 : value / unit;
        limits->known = r >= 0;
        return r;
}

static int read_property(sd_bus_message *m, const char *name, struct unit *u)
{
        struct unit_limits *limits = &u->state.limits;

        if (streq(name, "CPUWeight"))
                return read_limit(m, 1, limits, &limits->cpu_weight);
        if (streq(name, "CPUQuotaPerSecUSec"))
                return read_limit(m, 1000, limits, &limits->cpu_milli);
        if (streq(name, "MemoryMax"))
                return read_limit(m, 1, limits, &limits->memory_max);
        if (streq(name, "ActiveState"))
                return read_string(m, u->active, sizeof(u->active));
        if (streq(name, "SubState"))
                return read_string(m, u->sub, sizeof(u->sub));
        if (streq(name, "Result"))
                return read_string(m, u->state.result, sizeof(u->state.result));
        if (streq(name, "InvocationID"))
                return read_invocation(m, u->state.invocation);
        if (streq(name, "MainPID"))
                return read_value(m, 'u', &u->state.main_pid);
        if (streq(name, "ExecMainPID"))
                return read_value(m, 'u', &u->exec_pid);
        if (streq(name, "NRestarts"))
                return read_value(m, 'u', &u->state.restarts);
        if (streq(name, "ExecMainCode"))
                return read_value(m, 'i', &u->state.main_code);
        if (streq(name, "ExecMainStatus"))
                return read_value(m, 'i', &u->state.main_status);
        if (streq(name, "ExecMainStartTimestamp"))
                return read_value(m, 't', &u->state.started);
        if (streq(name, "ExecMainExitTimestamp"))
                return read_value(m, 't', &u->state.ended);
        if (streq(name, "ActiveEnterTimestamp"))
                return read_value(m, 't', &u->active_at);
        if (streq(name, "ExecMainHandoffTimestamp"))
                return read_value(m, 't', &u->handoff_at);
        if (streq(name, "ConditionTimestampMonotonic"))
                return read_value(m, 't', &u->condition_at);
        if (streq(name, "ConditionResult")) {
                int met = 0;
                int r = read_value(m, 'b', &met);
                u->condition = met;
                return r;
        }
        return sd_bus_message_skip(m, "v");
}

static int read_properties(sd_bus_message *m, struct unit *u)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *name;
                if ((r = sd_bus_message_read_basic(m, 's', &name)) < 0 || (r = read_property(m, name, u)) < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static int on_properties(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        const char *interface;
        struct unit *u = unit_get(o, sd_bus_message_get_path(m));
        bool last;

        if (!u || sd_bus_message_read(m, "s", &interface) < 0)
                return 0;
        last = streq(interface, SYSTEMD ".Unit");
        if (!last && !streq(interface, SYSTEMD ".Service"))
                return 0;
        if (read_properties(m, u) < 0)
                log_warning("a signal about %s could not be read", u->name);
        else if (last) {
                u->removed = false;
                u->reading = o->readings;
                (void)tell(o, u);
        }
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        const char *name, *path;
        struct unit *u;

        if (o->reloading || sd_bus_message_read(m, "so", &name, &path) < 0 || !(u = unit_find(o, path)))
                return 0;
        snprintf(u->active, sizeof(u->active), "inactive");
        u->removed = true; /* a transient unit goes as it ends, before the journal has said how */
        if (tell(o, u))
                unit_forget(o, u);
        return 0;
}

static int on_job(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && concerns_us(unit) &&
            !streq(result, "done"))
                o->handler.job_failed(o->userdata, unit, result);
        return 0;
}

static void read_all(struct observed *o);

static int on_reloading(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        int active;

        if (sd_bus_message_read(m, "b", &active) < 0)
                return 0;
        o->reloading = active;
        if (!active)
                read_all(o);
        return 0;
}

/* ---- the full reading -------------------------------------------------------------------------------------------- */

static int on_again(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        read_all(userdata);
        return 0;
}

/* That nothing is said of a unit does not mean that it is not there, and its container is not called ended for it: PID
 * 1 may be busy for longer than libsystemd waits for it. */
static void read_again(struct observed *o)
{
        log_warning("systemd has not answered for all units: they are read again");
        timer_arm(o->event, &o->again, CLOCK_MONOTONIC, RECONNECT_USEC, on_again, o);
}

static void answered(struct observed *o)
{
        const bool read = o->reading;
        struct unit *u, *next;

        if (--o->pending > 0)
                return;
        o->reading = false;
        if (o->incomplete) {
                read_again(o);
                return;
        }
        if (!read) /* it was one unit's limits */
                return;
        HASH_ITER (hh, o->units, u, next) {
                if (u->reading == o->readings)
                        continue;
                if (waits_for_the_journal(u))
                        u->removed = true; /* on_look() tells how it ended, and forgets it */
                else
                        unit_forget(o, u);
        }
        o->handler.synced(o->userdata);
        if (o->once_more)
                read_all(o);
}

static int on_unit_read(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        /* The reply does not name its object; the cookie's path was kept as the slot's description. */
        const char *path = NULL;
        struct unit *u;

        sd_bus_slot_get_description(sd_bus_get_current_slot(o->bus), &path);
        u = path ? unit_find(o, path) : NULL;
        o->incomplete |= sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY);
        if (u && !o->reloading && !sd_bus_message_is_method_error(m, NULL) && read_properties(m, u) >= 0) {
                u->reading = o->readings;
                (void)tell(o, u);
        }
        answered(o);
        return 0;
}

static void ask_unit(struct observed *o, const char *path)
{
        sd_bus_slot *slot = NULL;

        /* "" asks for the properties of all interfaces at once */
        if (sd_bus_call_method_async(o->bus, &slot, SYSTEMD, path, "org.freedesktop.DBus.Properties", "GetAll",
                                     on_unit_read, o, "s", "") < 0) {
                o->incomplete = true;
                return;
        }
        o->pending++;
        sd_bus_slot_set_description(slot, path);
        sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
}

void observed_read_limits(struct observed *o, const char *unit)
{
        CLEANUP(freep) char *path = NULL;
        struct unit *u;

        if (!o->bus || sd_bus_path_encode(UNIT_PATH, unit, &path) < 0 || !(u = unit_find(o, path)))
                return;
        u->state.limits.known = false;
        ask_unit(o, path);
}

static int on_list(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;
        const char *name, *description, *load, *active, *sub, *followed, *path, *job, *job_path;
        uint32_t job_id;
        int r = sd_bus_message_is_method_error(m, NULL) ? -EIO : sd_bus_message_enter_container(m, 'a', "(ssssssouso)");

        while (r >= 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &name, &description, &load, &active, &sub,
                                                  &followed, &path, &job_id, &job, &job_path)) > 0)
                if (unit_get(o, path))
                        ask_unit(o, path);
        o->incomplete |= r < 0;
        answered(o);
        return 0;
}

/*
 * All units, of which on_list() takes ours. Who may call ListUnitsByPatterns may say a million patterns in one message.
 * To read such a list takes PID 1 the square of its length, and it does nothing else meanwhile: so that is denied to
 * the agent (packaging/vks.dbus.conf).
 */
static void read_all(struct observed *o)
{
        sd_event_source_set_enabled(o->again, SD_EVENT_OFF);
        o->reading = true;
        o->incomplete = o->once_more = false;
        o->readings++;
        o->read_at = time_monotonic();
        if (sd_bus_call_method_async(o->bus, NULL, SYSTEMD, MANAGER_PATH, MANAGER, "ListUnits", on_list, o, NULL) >= 0)
                o->pending++;
        else
                read_again(o);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void reconnect_later(struct observed *o);

static int on_disconnected(UNUSED sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;

        log_warning("the connection to the system bus is lost");
        sd_event_source_set_enabled(o->again, SD_EVENT_OFF);
        o->handler.connected(o->userdata, false);
        reconnect_later(o);
        return 0;
}

static int on_version(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct observed *o = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                read_string(m, o->version, sizeof(o->version));
        o->handler.connected(o->userdata, true);
        read_all(o);
        return 0;
}

static int subscribe(struct observed *o)
{
        sd_bus *b = o->bus;
        int r;

        if ((r = sd_bus_match_signal_async(b, NULL, SYSTEMD, MANAGER_PATH, MANAGER, "UnitRemoved", on_removed, NULL,
                                           o)) < 0 ||
            (r = sd_bus_match_signal_async(b, NULL, SYSTEMD, MANAGER_PATH, MANAGER, "JobRemoved", on_job, NULL, o)) <
                    0 ||
            (r = sd_bus_match_signal_async(b, NULL, SYSTEMD, MANAGER_PATH, MANAGER, "Reloading", on_reloading, NULL,
                                           o)) < 0 ||
            (r = sd_bus_match_signal_async(b, NULL, "org.freedesktop.DBus.Local", NULL, "org.freedesktop.DBus.Local",
                                           "Disconnected", on_disconnected, NULL, o)) < 0 ||
            (r = sd_bus_add_match_async(b, NULL,
                                        "type='signal',sender='" SYSTEMD
                                        "',interface='org.freedesktop.DBus.Properties',"
                                        "member='PropertiesChanged',path_namespace='" UNIT_PATH "'",
                                        on_properties, NULL, o)) < 0 ||
            (r = sd_bus_call_method_async(b, NULL, SYSTEMD, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, "")) < 0)
                return r;
        return sd_bus_call_method_async(b, NULL, SYSTEMD, MANAGER_PATH, "org.freedesktop.DBus.Properties", "Get",
                                        on_version, o, "ss", MANAGER, "Version");
}

static int on_reconnect(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct observed *o = userdata;
        int r;

        o->bus = sd_bus_flush_close_unref(o->bus);
        o->pending = 0;
        o->reading = o->reloading = false;
        r = sd_bus_open_system_with_description(&o->bus, "vks-agent");
        if (r >= 0 && (r = sd_bus_attach_event(o->bus, o->event, SD_EVENT_PRIORITY_NORMAL)) >= 0)
                r = subscribe(o);
        if (r < 0) {
                log_warning("the system bus cannot be reached: %s", strerrordesc_np(-r));
                reconnect_later(o);
        }
        return 0;
}

static void reconnect_later(struct observed *o)
{
        uint64_t now;

        sd_event_now(o->event, CLOCK_MONOTONIC, &now);
        sd_event_source_set_time(o->reconnect, now + RECONNECT_USEC);
        sd_event_source_set_enabled(o->reconnect, SD_EVENT_ONESHOT);
}

struct observed *observed_new(sd_event *event, const struct observed_handler *handler, void *userdata)
{
        struct observed *o = NEW(struct observed);

        o->event = sd_event_ref(event);
        o->handler = *handler;
        o->userdata = userdata;
        if (sd_event_add_time_relative(event, &o->reconnect, CLOCK_MONOTONIC, 0, 0, on_reconnect, o) < 0)
                return observed_free(o);
        return o;
}

struct observed *observed_free(struct observed *o)
{
        struct unit *u, *next;

        if (!o)
                return NULL;
        sd_event_source_disable_unref(o->reconnect);
        sd_event_source_disable_unref(o->again);
        sd_bus_flush_close_unref(o->bus);
        HASH_ITER (hh, o->units, u, next)
                unit_forget(o, u);
        sd_event_unref(o->event);
        free(o);
        return NULL;
}

uint64_t observed_read_at(const struct observed *o)
{
        return o->read_at;
}

void observed_read(struct observed *o)
{
        if (o->reading)
                o->once_more = true;
        else if (*o->version && sd_bus_is_ready(o->bus) > 0) /* else they are read when the connection is there */
                read_all(o);
}

bool observed_state(struct observed *o, const char *unit, struct unit_state *ret)
{
        CLEANUP(freep) char *path = NULL;
        struct unit *u;

        if (sd_bus_path_encode(UNIT_PATH, unit, &path) < 0 || !(u = unit_find(o, path)))
                return false;
        *ret = u->state;
        return true;
}

const char *observed_systemd_version(const struct observed *o)
{
        return o->version;
}

/* ---- the units' files -------------------------------------------------------------------------------------------- */

static bool take(const char *line, size_t n, const char *key, char *ret, size_t size)
{
        size_t k = strlen(key);

        if (n <= k || memcmp(line, key, k) != 0 || line[k] != '=' || n - k - 1 >= size)
                return false;
        memcpy(ret, line + k + 1, n - k - 1);
        ret[n - k - 1] = '\0';
        return true;
}

bool unit_meta_parse(const char *text, size_t size, struct unit_meta *ret)
{
        const char *end = text + size;
        bool ours = false;
        char mark[17] = "", namespace[ID_LABEL_MAX + 1] = "", pod[ID_NAME_MAX + 1] = "", uid[ID_UID_MAX + 1] = "";

        *ret = (struct unit_meta){ 0 };
        while (text < end) {
                const char *eol = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((eol ? eol : end) - text);

                if (n && text[0] == '[')
                        ours = n == strlen("[X-Kubernetes]") && memcmp(text, "[X-Kubernetes]", n) == 0;
                else if (ours)
                        (void)(take(text, n, "Namespace", namespace, sizeof(namespace)) ||
                               take(text, n, "Pod", pod, sizeof(pod)) || take(text, n, "UID", uid, sizeof(uid)) ||
                               take(text, n, "Container", ret->container, sizeof(ret->container)) ||
                               take(text, n, "Mark", mark, sizeof(mark)));
                text += n + 1;
        }
        ret->mark = strtoull(mark, NULL, 16);
        return pod_id_parse(namespace, pod, uid, &ret->pod, NULL) == 0 && id_is_label(ret->container);
}

static bool read_meta(int units, const char *dropin, char text[static DROPIN_MAX], struct unit_meta *ret)
{
        CLEANUP(freep) char *path = xasprintf("%s/vks.conf", dropin);
        FD fd = openat(units, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        ssize_t n = fd < 0 ? -1 : read(fd, text, DROPIN_MAX);

        return n > 0 && unit_meta_parse(text, (size_t)n, ret);
}

bool observed_exec_meta(const char *dir, const char *unit, struct unit_meta *ret)
{
        const char *number = strrchr(unit, '-');
        CLEANUP(freep) char *dropin = xasprintf("%.*s-.service.d", number ? (int)(number - unit) : 0, unit);
        CLEANUP(freep) char *text = xcalloc(1, DROPIN_MAX);
        FD units = open(dir ? dir : UNIT_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return units >= 0 && read_meta(units, dropin, text, ret);
}

void observed_units_on_disk(const char *dir, void (*each)(void *userdata, const struct unit_meta *meta), void *userdata)
{
        DIR *d = opendir(dir ? dir : UNIT_DIR);
        CLEANUP(freep) char *text = xcalloc(1, DROPIN_MAX);
        struct dirent *entry;

        if (!d)
                return;
        while ((entry = readdir(d))) {
                struct unit_meta meta;

                if (starts_with(entry->d_name, "vks.") && ends_with(entry->d_name, ".service.d") &&
                    read_meta(dirfd(d), entry->d_name, text, &meta)) {
                        snprintf(meta.unit, sizeof(meta.unit), "%.*s", (int)(strlen(entry->d_name) - 2), entry->d_name);
                        meta.complete = faccessat(dirfd(d), meta.unit, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
                        each(userdata, &meta);
                }
        }
        closedir(d);
}
