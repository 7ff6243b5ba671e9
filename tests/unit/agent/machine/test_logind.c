/* SPDX-License-Identifier: Apache-2.0 */
/* The delay that is asked of logind, and what it says of the machine's end. The test is the bus and logind on it, in
 * the same loop. */
#include "agent/machine/logind.h"
#include "tests/unit/bus.h"

#define MANAGER "org.freedesktop.login1.Manager"

static struct {
        struct logind *logind;
        char path[80]; /* of the socket at which an inhibitor is asked for, */
        int listener;  /* ... and its end */
        sd_event_source *source;
        int held;       /* our end of the inhibitor; -1: nobody was given one */
        unsigned asked; /* for an inhibitor */
        bool refuses;   /* ... which is refused */
        bool preparing; /* PreparingForShutdown */
        uint64_t most;  /* InhibitDelayMaxUSec */
} t;

/* ---- logind ------------------------------------------------------------------------------------------------------ */

static int on_inhibit(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, UNUSED void *userdata)
{
        static const char refusal[] = "Failed to inhibit: Permission denied\n";

        t.asked++;
        fd_close(t.held);
        t.held = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        cr_assert_geq(t.held, 0);
        if (t.refuses) {
                cr_assert_eq(write(t.held, refusal, strlen(refusal)), (ssize_t)strlen(refusal));
                t.held = fd_close(t.held);
        } else {
                cr_assert_eq(write(t.held, "\n", 1), 1);
        }
        return 0;
}

static int answer(sd_bus_message *m, UNUSED void *userdata, UNUSED sd_bus_error *error)
{
        const char *interface, *property;
        uint8_t type = 0;

        sd_bus_message_get_type(m, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (streq(sd_bus_message_get_member(m), "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1");
        cr_assert_str_neq(sd_bus_message_get_member(m), "Inhibit"); /* the bus does not let the agent */
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
        struct sockaddr_un at = { .sun_family = AF_UNIX };

        bus_begin(answer);
        snprintf(t.path, sizeof(t.path), "%s/inhibit", bus.dir);
        snprintf(at.sun_path, sizeof(at.sun_path), "%s", t.path);
        t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        cr_assert_eq(bind(t.listener, (struct sockaddr *)&at, sizeof(at)), 0);
        cr_assert_eq(listen(t.listener, 4), 0);
        cr_assert_geq(sd_event_add_io(bus.event, &t.source, t.listener, EPOLLIN, on_inhibit, NULL), 0);
        t.held = -1;
        t.most = 60 * 1000 * 1000;
}

static void end(void)
{
        logind_free(t.logind);
        sd_event_source_disable_unref(t.source);
        fd_close(t.listener);
        unlink(t.path);
        bus_end();
        fd_close(t.held);
}

TestSuite(logind, .init = begin, .fini = end, .timeout = 600);

static void come(void)
{
        static const struct logind_handler handler = { .prepare = on_prepare, .granted = on_granted };

        t.logind = logind_new(bus.event, t.path, &handler, NULL);
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

Test(logind, a_refusal_is_told_in_its_own_words)
{
        t.refuses = true;
        come();
        hears("refused: Failed to inhibit: Permission denied; ");
        cr_assert_not(waits());
}

Test(logind, one_who_holds_it_for_us_and_ends_is_told)
{
        come();
        hears("granted 60000000; ");
        t.held = fd_close(t.held);
        hears("refused: no answer; ");
}

Test(logind, without_the_socket_it_is_told)
{
        unlink(t.path);
        come();
        hears("refused: No such file or directory; ");
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
