/* SPDX-License-Identifier: Apache-2.0 */
/* The delay that is asked of logind, and what it says of the machine's end. The test is the bus and logind on it, in
 * the same loop. */
#include "agent/machine/logind.h"
#include "tests/unit/bus.h"

#define MANAGER "org.freedesktop.login1.Manager"

static struct {
        struct logind *logind;
        int held;       /* our end of the inhibitor; -1: nobody was given one */
        unsigned asked; /* for an inhibitor */
        bool refuses;   /* ... which is refused */
        bool preparing; /* PreparingForShutdown */
        uint64_t most;  /* InhibitDelayMaxUSec */
} t;

/* ---- logind ------------------------------------------------------------------------------------------------------ */

static int inhibit(sd_bus_message *m, sd_bus_error *error)
{
        const char *what, *who, *why, *mode;
        int ends[2], r;

        t.asked++;
        cr_assert_geq(sd_bus_message_read(m, "ssss", &what, &who, &why, &mode), 0);
        cr_assert_str_eq(what, "shutdown");
        cr_assert_str_eq(who, "vks-agent");
        cr_assert_str_eq(mode, "delay");
        if (t.refuses)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
        cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        r = sd_bus_reply_method_return(m, "h", ends[1]);
        fd_close(ends[1]);
        fd_close(t.held);
        t.held = ends[0];
        return r;
}

static int answer(sd_bus_message *m, UNUSED void *userdata, sd_bus_error *error)
{
        const char *interface, *property;
        uint8_t type = 0;

        sd_bus_message_get_type(m, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (streq(sd_bus_message_get_member(m), "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        if (streq(sd_bus_message_get_member(m), "Inhibit"))
                return inhibit(m, error);
        if (!streq(sd_bus_message_get_member(m), "Get"))
                return sd_bus_reply_method_return(m, NULL); /* AddMatch and its like */
        cr_assert_geq(sd_bus_message_read(m, "ss", &interface, &property), 0);
        cr_assert_str_eq(interface, MANAGER);
        if (streq(property, "PreparingForShutdown"))
                return sd_bus_reply_method_return(m, "v", "b", t.preparing);
        cr_assert_str_eq(property, "InhibitDelayMaxUSec");
        return sd_bus_reply_method_return(m, "v", "t", t.most);
}

static void announce(bool yes)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        cr_assert(sd_bus_message_new_signal(bus.bus, &m, "/org/freedesktop/login1", MANAGER, "PrepareForShutdown") >=
                          0 &&
                  sd_bus_message_set_sender(m, "org.freedesktop.login1") >= 0 &&
                  sd_bus_message_append(m, "b", yes) >= 0 && sd_bus_send(bus.bus, m, NULL) >= 0);
}

/* ---- the handler ------------------------------------------------------------------------------------------------- */

static void on_prepare(UNUSED void *userdata, bool yes)
{
        say(yes ? "it ends; " : "it does not end; ");
}

static void on_granted(UNUSED void *userdata, uint64_t most_usec, const char *why)
{
        CLEANUP(freep)
        char *text = most_usec ? xasprintf("granted %llu; ", (unsigned long long)most_usec)
                               : xasprintf("refused: %s; ", why);

        say(text);
}

/* ---- a test ------------------------------------------------------------------------------------------------------ */

static void begin(void)
{
        bus_begin(answer);
        t.held = -1;
        t.most = 60 * 1000 * 1000;
}

static void end(void)
{
        logind_free(t.logind);
        bus_end();
        fd_close(t.held);
}

TestSuite(logind, .init = begin, .fini = end, .timeout = 600);

static void come(void)
{
        static const struct logind_handler handler = { .prepare = on_prepare, .granted = on_granted };

        t.logind = logind_new(bus.event, &handler, NULL);
        cr_assert_not_null(t.logind);
}

/* Nobody holds the other end: the machine does not wait any more. */
static bool waits(void)
{
        char byte;

        return t.held >= 0 && read(t.held, &byte, 1) != 0;
}

static void wait_until_it_does(bool yes)
{
        while (waits() != yes)
                cr_assert_geq(sd_event_run(bus.event, UINT64_MAX), 0);
}

Test(logind, the_machine_waits_until_it_is_let_go)
{
        come();
        hears("granted 60000000; ");
        cr_assert(waits());
        announce(true);
        hears("it ends; ");
        cr_assert(waits());
        logind_let_go(t.logind);
        cr_assert_not(waits());
        cr_assert_eq(t.asked, 1);
}

Test(logind, what_was_called_off_is_waited_for_again)
{
        come();
        hears("granted 60000000; ");
        announce(true);
        hears("it ends; ");
        logind_let_go(t.logind);
        announce(false);
        hears("it does not end; ");
        logind_hold(t.logind);
        wait_until_it_does(true);
        cr_assert_eq(t.asked, 2);
        announce(true);
        hears("it ends; "); /* and "granted" is not said again: nothing has changed */
        cr_assert(waits());
}

Test(logind, who_holds_already_does_not_ask_again)
{
        come();
        hears("granted 60000000; ");
        announce(true);
        announce(true); /* the same once more is nothing new */
        announce(false);
        hears("it ends; it does not end; ");
        logind_hold(t.logind);
        cr_assert_eq(t.asked, 1);
        cr_assert(waits());
}

Test(logind, an_end_that_began_before_is_heard_of)
{
        t.preparing = true;
        come();
        hears("it ends; granted 60000000; ");
}

Test(logind, a_refusal_is_told_in_logins_words)
{
        t.refuses = true;
        come();
        hears("refused: Permission denied; ");
        cr_assert_not(waits());
}

Test(logind, a_bus_that_goes_away_is_told)
{
        come();
        hears("granted 60000000; ");
        bus.bus = sd_bus_close_unref(bus.bus);
        hears("refused: the system bus is away; ");
}

Test(logind, without_a_bus_it_is_told)
{
        unlink(bus.path);
        come();
        hears("refused: No such file or directory; ");
}
