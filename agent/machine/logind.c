/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/logind.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "common/err.h"
#include "common/fd.h"
#include "common/mem.h"

#define LOGIND  "org.freedesktop.login1"
#define PATH    "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"

enum { AGAIN_USEC = 30 * 1000 * 1000 }; /* after a refusal or a lost bus */

struct logind {
        sd_event *event;
        struct logind_handler handler;
        void *userdata;
        const char *socket;
        sd_bus *bus;
        sd_event_source *again, *answers;
        int fd;               /* the delay lasts as long as it is open; -1: there is none */
        bool granted;         /* it has been answered */
        bool holds;           /* there is to be one */
        bool preparing, told; /* what the handler was told last, and whether */
        uint64_t most_usec;   /* 0: refused */
        char why[ERR_TEXT_MAX];
};

static void connect_later(struct logind *l)
{
        (void)sd_event_source_set_time_relative(l->again, AGAIN_USEC);
        (void)sd_event_source_set_enabled(l->again, SD_EVENT_ONESHOT);
}

static void tell(struct logind *l, uint64_t most_usec, const char *why)
{
        if (l->told && l->most_usec == most_usec && streq(l->why, why))
                return;
        l->told = true;
        l->most_usec = most_usec;
        snprintf(l->why, sizeof(l->why), "%s", why);
        l->handler.granted(l->userdata, most_usec, why);
}

static void refused(struct logind *l, const char *why)
{
        tell(l, 0, why);
        connect_later(l);
}

static void prepare(struct logind *l, bool yes)
{
        if (l->preparing == yes)
                return;
        l->preparing = yes;
        l->handler.prepare(l->userdata, yes);
}

/* ---- what logind says -------------------------------------------------------------------------------------------- */

static int on_most(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        struct logind *l = userdata;
        uint64_t usec;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "t", &usec) >= 0 && usec > 0)
                tell(l, usec, "");
        return 0;
}

static int ask_most(struct logind *l)
{
        return sd_bus_call_method_async(l->bus, NULL, LOGIND, PATH, "org.freedesktop.DBus.Properties", "Get", on_most,
                                        l, "ss", MANAGER, "InhibitDelayMaxUSec");
}

static void give_up(struct logind *l)
{
        l->answers = sd_event_source_disable_unref(l->answers);
        l->fd = fd_close(l->fd);
        l->granted = false;
}

/* An empty line: it is granted. Else there is none, or none any more, and what is read may say why. */
static int on_answer(UNUSED sd_event_source *source, int fd, UNUSED uint32_t events, void *userdata)
{
        struct logind *l = userdata;
        char words[ERR_TEXT_MAX] = "";
        ssize_t n = read(fd, words, sizeof(words) - 1);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0 || l->granted || words[0] != '\n') {
                words[strcspn(words, "\n")] = '\0';
                give_up(l);
                refused(l, *words ? words : "no answer");
                return 0;
        }
        l->granted = true;
        if (ask_most(l) < 0)
                connect_later(l);
        return 0;
}

static int on_prepare(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        int yes;

        if (sd_bus_message_read(m, "b", &yes) >= 0)
                prepare(userdata, yes);
        return 0;
}

/* It may have been so before we came. */
static int on_preparing(sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        int yes;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "b", &yes) >= 0)
                prepare(userdata, yes);
        return 0;
}

static int on_disconnected(UNUSED sd_bus_message *m, void *userdata, UNUSED sd_bus_error *error)
{
        refused(userdata, "the system bus is away");
        return 0;
}

/* ---- what it is asked -------------------------------------------------------------------------------------------- */

static int ask(struct logind *l)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int r;

        if (l->granted) /* before the bus was lost, and it still is */
                return ask_most(l);
        give_up(l);
        snprintf(to.sun_path, sizeof(to.sun_path), "%s", l->socket);
        l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = l->fd < 0 || connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(l->event, &l->answers, l->fd, EPOLLIN, on_answer, l);
        if (r < 0)
                give_up(l);
        return r;
}

static int connect_bus(struct logind *l)
{
        int r = sd_bus_open_system_with_description(&l->bus, "vks-agent-logind");

        if (r < 0 || (r = sd_bus_attach_event(l->bus, l->event, SD_EVENT_PRIORITY_NORMAL)) < 0 ||
            (r = sd_bus_match_signal_async(l->bus, NULL, LOGIND, PATH, MANAGER, "PrepareForShutdown", on_prepare, NULL,
                                           l)) < 0 ||
            (r = sd_bus_match_signal_async(l->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                           "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, l)) < 0)
                return r;
        return sd_bus_call_method_async(l->bus, NULL, LOGIND, PATH, "org.freedesktop.DBus.Properties", "Get",
                                        on_preparing, l, "ss", MANAGER, "PreparingForShutdown");
}

static int on_again(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct logind *l = userdata;
        int r;

        l->bus = sd_bus_flush_close_unref(l->bus);
        r = connect_bus(l);
        if (r >= 0 && l->holds)
                r = ask(l);
        if (r < 0)
                refused(l, strerrordesc_np(-r));
        return 0;
}

void logind_hold(struct logind *l)
{
        l->holds = true;
        if (l->fd < 0 && l->bus && ask(l) < 0)
                connect_later(l);
}

void logind_let_go(struct logind *l)
{
        l->holds = false;
        give_up(l);
}

struct logind *logind_new(sd_event *event, const char *socket, const struct logind_handler *handler, void *userdata)
{
        struct logind *l = NEW(struct logind);

        l->event = sd_event_ref(event);
        l->socket = socket;
        l->handler = *handler;
        l->userdata = userdata;
        l->fd = -1;
        l->holds = true;
        if (sd_event_add_time_relative(event, &l->again, CLOCK_MONOTONIC, 0, 0, on_again, l) < 0)
                return logind_free(l);
        return l;
}

struct logind *logind_free(struct logind *l)
{
        if (!l)
                return NULL;
        give_up(l);
        sd_event_source_disable_unref(l->again);
        sd_bus_flush_close_unref(l->bus);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}
