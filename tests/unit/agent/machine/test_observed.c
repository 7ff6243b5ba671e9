/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd's silence about units means. The test is the bus and systemd on it, in the same loop. */
#include "agent/machine/observed.h"
#include "tests/unit/bus.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define UNIT    "vks.default.web.nginx.service"
#define PATH    "/org/freedesktop/systemd1/unit/vks_2edefault_2eweb_2enginx_2eservice"

static struct {
        struct observed *observed;
        bool loaded;                        /* the unit */
        bool silent, asked;                 /* for the list, which is not answered */
        const char *list_error, *get_error; /* of the next question; NULL: it is answered */
        unsigned lists;                     /* that were asked for */
} t;

/* ---- systemd ----------------------------------------------------------------------------------------------------- */

static int answer(sd_bus_message *m, UNUSED void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m), *fails;
        uint8_t type = 0;

        sd_bus_message_get_type(m, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (streq(member, "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        if (streq(member, "Get"))
                return sd_bus_reply_method_return(m, "v", "s", "257");
        if (streq(member, "ListUnits")) {
                t.asked = true;
                t.lists++;
                if (t.silent)
                        return 1;
                fails = TAKE(t.list_error);
                if (fails)
                        return sd_bus_error_set(error, fails, "as told");
                if (!t.loaded)
                        return sd_bus_reply_method_return(m, "a(ssssssouso)", 0);
                return sd_bus_reply_method_return(m, "a(ssssssouso)", 1, UNIT, "", "loaded", "active", "running", "",
                                                  PATH, 0, "", "/");
        }
        if (streq(member, "GetAll")) {
                cr_assert_str_eq(sd_bus_message_get_path(m), PATH);
                fails = TAKE(t.get_error);
                if (fails)
                        return sd_bus_error_set(error, fails, "as told");
                return sd_bus_reply_method_return(m, "a{sv}", 2, "ActiveState", "s", "active", "SubState", "s",
                                                  "running");
        }
        return sd_bus_reply_method_return(m, NULL); /* AddMatch and its like */
}

static void reloading(bool yes)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        cr_assert(sd_bus_message_new_signal(bus.bus, &m, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
                                            "Reloading") >= 0 &&
                  sd_bus_message_set_sender(m, SYSTEMD) >= 0 && sd_bus_message_append(m, "b", yes) >= 0 &&
                  sd_bus_send(bus.bus, m, NULL) >= 0);
}

/* ---- the handler ------------------------------------------------------------------------------------------------- */

static void on_changed(UNUSED void *userdata, const char *unit, const struct unit_state *state)
{
        cr_assert_str_eq(unit, UNIT);
        say(state->phase == UNIT_ACTIVE ? "it runs; " : "it does not run; ");
}

/* As pods_units_synced() asks. */
static void on_synced(UNUSED void *userdata)
{
        struct unit_state state;

        say(observed_state(t.observed, UNIT, &state) ? "all are read; " : "all are read, without it; ");
}

static void on_connected(UNUSED void *userdata, bool yes)
{
        say(yes ? "hello; " : "bye; ");
}

/* ---- a test ------------------------------------------------------------------------------------------------------ */

static void begin(void)
{
        static const struct observed_handler handler = { .changed = on_changed,
                                                         .synced = on_synced,
                                                         .connected = on_connected };

        bus_begin(answer);
        t.loaded = true;
        t.observed = observed_new(bus.event, &handler, NULL);
        cr_assert_not_null(t.observed);
}

static void end(void)
{
        observed_free(t.observed);
        bus_end();
}

TestSuite(observed, .init = begin, .fini = end, .timeout = 600);

Test(observed, all_are_read_again_after_a_reload)
{
        hears("hello; it runs; all are read; ");
        reloading(true);
        reloading(false);
        hears("it runs; all are read; ");
        t.loaded = false;
        reloading(true);
        reloading(false);
        hears("all are read, without it; ");
        t.loaded = true;
        observed_read(t.observed);
        observed_read(t.observed); /* the one that is under way may miss what has begun since */
        observed_read(t.observed);
        hears("it runs; all are read; it runs; all are read; ");
        cr_assert_eq(t.lists, 5);
}

Test(observed, a_list_that_does_not_come_is_no_empty_one)
{
        hears("hello; it runs; all are read; ");
        t.list_error = SD_BUS_ERROR_NO_REPLY;
        reloading(true);
        reloading(false);
        hears("it runs; all are read; ");
        /* nor the first one */
        t.list_error = SD_BUS_ERROR_LIMITS_EXCEEDED;
        sd_bus_flush_close_unref(TAKE(bus.bus));
        hears("bye; hello; it runs; all are read; ");
}

Test(observed, a_unit_that_nothing_is_said_of_is_not_gone)
{
        hears("hello; it runs; all are read; ");
        t.get_error = SD_BUS_ERROR_NO_REPLY;
        reloading(true);
        reloading(false);
        hears("it runs; all are read; ");
        t.get_error = SD_BUS_ERROR_UNKNOWN_OBJECT; /* it ended between the two questions */
        reloading(true);
        reloading(false);
        hears("all are read, without it; ");
}

/* Who has asked waits for them: without another question the resize of a container would be under way for ever. */
Test(observed, limits_that_nothing_is_said_of_are_asked_for_again)
{
        hears("hello; it runs; all are read; ");
        t.get_error = SD_BUS_ERROR_NO_REPLY;
        observed_read_limits(t.observed, UNIT);
        hears("it runs; all are read; ");
}

/* What was asked for is answered with an error then, by libsystemd. */
Test(observed, a_connection_that_is_lost_while_it_reads_takes_no_unit_away)
{
        hears("hello; it runs; all are read; ");
        t.silent = true;
        t.asked = false;
        reloading(true);
        reloading(false);
        while (!t.asked)
                cr_assert_geq(sd_event_run(bus.event, UINT64_MAX), 0);
        t.silent = false;
        sd_bus_flush_close_unref(TAKE(bus.bus));
        hears("bye; hello; it runs; all are read; ");
}
