/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/installer.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "common/log.h"
#include "common/mem.h"

enum {
        GATHER_USEC = 50 * 1000,   /* pods of one apply arrive together: their packages shall share a transaction */
        JOURNAL_USEC = 300 * 1000, /* what the unit wrote last reaches the journal a little after its end */
        LOG_LINES = 200,
        BATCH_MAX = 64,
};

struct wish {
        char package[ID_PACKAGE_MAX + 1];
        char version[ID_VERSION_MAX + 1];
        bool alone;  /* a transaction with others failed: try it by itself, so that only the guilty one fails */
        bool running;
        struct wish *next;
};

struct installer {
        sd_event *event;
        struct helper_client *helper;
        struct packages *packages;
        installer_done done;
        void *userdata;
        sd_event_source *gather, *finish;
        struct wish *wishes;
        char unit[ID_UNIT_MAX + 1];      /* the transaction under way; "" until the helper has answered */
        struct unit_state state;         /* of the unit named in `seen` */
        char seen[ID_UNIT_MAX + 1];
        bool busy;
        uint64_t started;
};

static uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void arm(sd_event_source *source, uint64_t usec)
{
        sd_event_source_set_time_relative(source, usec);
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- apt's own words -------------------------------------------------------------------------------------------- */

static bool line_of(sd_journal *j, char *ret, size_t size)
{
        const void *data;
        size_t n;

        if (sd_journal_get_data(j, "MESSAGE", &data, &n) < 0 || n < strlen("MESSAGE="))
                return false;
        snprintf(ret, size, "%.*s", (int)(n - strlen("MESSAGE=")), (const char *)data + strlen("MESSAGE="));
        return true;
}

/* The "E:" lines of the transaction, or its last line when there is none. */
static void read_words(const char *unit, const char *invocation, char *ret, size_t size)
{
        CLEANUP(freep) char *match = NULL;
        char line[400], last[400] = "";
        sd_journal *j = NULL;
        size_t len = 0;

        *ret = '\0';
        if (*invocation)
                match = xasprintf("_SYSTEMD_INVOCATION_ID=%s", invocation);
        else
                match = xasprintf("_SYSTEMD_UNIT=%s", unit);
        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) < 0)
                return;
        if (sd_journal_add_match(j, match, 0) >= 0 && sd_journal_seek_tail(j) >= 0 && sd_journal_previous_skip(j, LOG_LINES) > 0)
                do {
                        if (!line_of(j, line, sizeof(line)) || !*line)
                                continue;
                        snprintf(last, sizeof(last), "%s", line);
                        if (starts_with(line, "E: ") && len < size)
                                len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? "; " : "", line);
                } while (sd_journal_next(j) > 0);
        sd_journal_close(j);
        if (!*ret)
                snprintf(ret, size, "%s", *last ? last : "see the journal of vks-install units");
}

/* ---- one transaction ---------------------------------------------------------------------------------------------- */

static void begin_later(struct installer *in, uint64_t usec)
{
        if (!in->busy && in->wishes)
                arm(in->gather, usec);
}

/* Takes the wishes that ran out of the queue, then answers for them: the answer may wish again. */
static void end(struct installer *in, const struct err *failure)
{
        struct wish *ended = NULL, **p = &in->wishes;
        uint64_t took = now_usec() - in->started;
        size_t n = 0;

        in->busy = false;
        in->unit[0] = '\0';
        for (struct wish *w = in->wishes; w; w = w->next)
                n += w->running;
        while (*p) {
                struct wish *w = *p;
                struct package found;
                bool installed = packages_find(in->packages, w->package, &found) && (!*w->version || streq(w->version, found.version));
                if (!w->running) {
                        p = &w->next;
                } else if (!installed && n > 1) {
                        w->running = false;
                        w->alone = true;
                        p = &w->next;
                } else {
                        *p = w->next;
                        w->next = ended;
                        ended = w;
                }
        }
        while (ended) {
                struct wish *w = ended;
                struct err e = ERR_NONE;
                struct package found;
                ended = w->next;
                if (!packages_find(in->packages, w->package, &found) || (*w->version && !streq(w->version, found.version)))
                        err_set(&e, -EIO, "ErrImagePull", "%s", failure->code ? failure->text : "the package is still not installed");
                in->done(in->userdata, w->package, w->version, &e, took);
                free(w);
        }
        begin_later(in, 0);
}

static int on_finish(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;
        struct err failure = ERR_NONE, e = ERR_NONE;
        char words[ERR_TEXT_MAX - 64] = "";

        if (packages_refresh(in->packages, &e) < 0)
                log_warning("%s", e.text);
        if (in->state.phase == UNIT_FAILED) {
                read_words(in->unit, in->state.invocation, words, sizeof(words));
                err_set(&failure, -EIO, "ErrImagePull", "%s", words);
        }
        end(in, &failure);
        return 0;
}

static void look(struct installer *in)
{
        enum unit_phase phase = in->state.phase;

        if (!*in->unit || !streq(in->unit, in->seen))
                return;
        if (phase == UNIT_FAILED)
                arm(in->finish, JOURNAL_USEC);
        else if (phase == UNIT_INACTIVE && in->state.ended) /* before it starts it is inactive, too */
                arm(in->finish, 0);
}

void installer_unit_changed(struct installer *in, const char *unit, const struct unit_state *state)
{
        if (*in->unit && !streq(unit, in->unit))
                return;
        snprintf(in->seen, sizeof(in->seen), "%s", unit);
        in->state = *state;
        look(in);
}

static void on_reply(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct installer *in = userdata;

        if (error < 0 || !reply || !*reply->unit) {
                struct err failure = ERR_NONE;
                err_set(&failure, error < 0 ? error : -EIO, "ErrImagePull", "%s", err && *err->text ? err->text : "the helper did not say why");
                end(in, &failure);
                return;
        }
        snprintf(in->unit, sizeof(in->unit), "%s", reply->unit);
        look(in); /* its signals may have been faster than the helper's answer */
}

static int on_gather(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;
        Vks__Install request = VKS__INSTALL__INIT;
        Vks__Package packages[BATCH_MAX], *list[BATCH_MAX];
        size_t n = 0;

        if (in->busy)
                return 0;
        for (struct wish *w = in->wishes; w && n < BATCH_MAX; w = w->next) {
                if (w->alone && n > 0)
                        continue;
                vks__package__init(&packages[n]);
                packages[n].name = w->package;
                packages[n].version = w->version;
                list[n] = &packages[n];
                n++;
                w->running = true;
                if (w->alone)
                        break;
        }
        if (n == 0)
                return 0;
        request.packages = list;
        request.n_packages = n;
        in->busy = true;
        in->seen[0] = in->unit[0] = '\0';
        in->state = (struct unit_state){ 0 };
        in->started = now_usec();
        helper_install(in->helper, &request, on_reply, in);
        return 0;
}

void installer_want(struct installer *in, const char *package, const char *version)
{
        struct wish **p = &in->wishes;

        for (; *p; p = &(*p)->next)
                if (streq((*p)->package, package) && streq((*p)->version, version))
                        return;
        *p = NEW(struct wish);
        snprintf((*p)->package, sizeof((*p)->package), "%s", package);
        snprintf((*p)->version, sizeof((*p)->version), "%s", version);
        begin_later(in, GATHER_USEC);
}

struct installer *installer_new(sd_event *event, struct helper_client *helper, struct packages *packages, installer_done done, void *userdata)
{
        struct installer *in = NEW(struct installer);

        *in = (struct installer){ .event = sd_event_ref(event), .helper = helper, .packages = packages, .done = done, .userdata = userdata };
        if (sd_event_add_time_relative(event, &in->gather, CLOCK_MONOTONIC, 0, 1000, on_gather, in) < 0 ||
            sd_event_add_time_relative(event, &in->finish, CLOCK_MONOTONIC, 0, 1000, on_finish, in) < 0)
                return installer_free(in);
        sd_event_source_set_enabled(in->gather, SD_EVENT_OFF);
        sd_event_source_set_enabled(in->finish, SD_EVENT_OFF);
        return in;
}

struct installer *installer_free(struct installer *in)
{
        if (!in)
                return NULL;
        sd_event_source_disable_unref(in->gather);
        sd_event_source_disable_unref(in->finish);
        while (in->wishes) {
                struct wish *next = in->wishes->next;
                free(in->wishes);
                in->wishes = next;
        }
        sd_event_unref(in->event);
        free(in);
        return NULL;
}
