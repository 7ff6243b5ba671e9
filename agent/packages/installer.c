/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/installer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <uthash.h>

#include "agent/packages/install_log.h"
#include "agent/packages/progress.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        GATHER_USEC = 50 * 1000,   /* pods of one apply arrive together: their packages shall share a transaction */
        JOURNAL_USEC = 300 * 1000, /* what the unit wrote last reaches the journal a little after its end */
        PROGRESS_USEC = 5 * 1000 * 1000,
        AGAIN_USEC = 1000 * 1000,
        HELPER_TRIES = 5,
        BATCH_MAX = 64,
};

struct wish {
        struct image image;
        char *url;      /* what image.url points to, with an end */
        bool was_there; /* only a newer candidate is asked for: that it is installed does not tell that it went well */
        bool alone;     /* a transaction with others failed: try it by itself, so that only the guilty one fails */
        bool running;
        struct wish *next;
};

/* A package whose candidate was installed since apt's lists changed last. */
struct current {
        char package[ID_PACKAGE_MAX + 1];
        char version[ID_VERSION_MAX + 1]; /* another one now: somebody else has changed it */
        UT_hash_handle hh;
};

/* What a failed installation has to say: the lines that tell why, or at least the last one. */
struct words {
        char errors[ERR_TEXT_MAX - 64], last[400];
        size_t len;
        bool goes_on; /* the line before was half a sentence */
};

struct installer {
        sd_event *event;
        struct helper_client *helper;
        struct packages *packages;
        struct installer_handler handler;
        void *userdata;
        sd_event_source *gather, *finish, *progress;
        struct wish *wishes;
        char unit[ID_UNIT_MAX + 1]; /* the transaction under way; "" until the helper has answered */
        struct unit_state state;    /* of the unit named in `seen` */
        char seen[ID_UNIT_MAX + 1];
        bool busy, gathering;
        unsigned lost; /* answers of the helper, one after the other */
        uint64_t started, progress_after;
        uint64_t began;          /* `started` by the wall clock, as unit_state has it */
        struct install_log *log; /* of the transaction, once it has an invocation */
        struct words words;      /* from there */
        struct progress come;    /* from there, too: how far it has come */
        char told[300];          /* of that */
        bool news_due;           /* the next news is told at once */
        struct current *current;
        struct timespec lists; /* when they had changed last */
};

static uint64_t now_usec(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void arm(sd_event_source *source, uint64_t usec)
{
        sd_event_source_set_time_relative(source, usec);
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- apt's own words --------------------------------------------------------------------------------------------- */

static void take_words(struct words *w, const char *line)
{
        line += strspn(line, " ");
        snprintf(w->last, sizeof(w->last), "%s", line);
        if (!package_manager_complains(line, &w->goes_on))
                return;
        if (w->len < sizeof(w->errors) && !strstr(w->errors, line)) /* what is tried twice is said twice */
                w->len += (size_t)snprintf(w->errors + w->len, sizeof(w->errors) - w->len, "%s%s", w->len ? "; " : "",
                                           line);
}

/* ---- how far it has come ----------------------------------------------------------------------------------------- */

/* Told is what is new, and when that was done the next news has to wait twice as long. */
static void tell_progress(struct installer *in)
{
        char words[sizeof(in->told)];

        progress_words(&in->come, words, sizeof(words));
        in->news_due = !*words || streq(words, in->told);
        if (in->news_due)
                return;
        snprintf(in->told, sizeof(in->told), "%s", words);
        for (struct wish *w = in->wishes; w; w = w->next)
                if (w->running)
                        in->handler.progress(in->userdata, &w->image, words);
        arm(in->progress, in->progress_after);
        in->progress_after *= 2;
}

static int on_progress(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;

        if (in->busy)
                tell_progress(in);
        return 0;
}

static void on_line(void *userdata, const char *line)
{
        struct installer *in = userdata;

        take_words(&in->words, line);
        package_manager_progress(&in->come, line);
        if (in->news_due)
                tell_progress(in);
}

static void follow(struct installer *in)
{
        uint64_t started = in->state.started;

        if (!in->log) /* an earlier agent may have begun it */
                in->log = install_log_new(in->event, in->unit, in->state.invocation,
                                          started && started < in->began ? started : in->began, on_line, in);
}

/* ---- candidates -------------------------------------------------------------------------------------------------- */

static void forget_current(struct installer *in)
{
        struct current *c = in->current, *next;

        HASH_CLEAR(hh, in->current); /* the table alone: what was in it still is a list */
        for (; c; c = next) {
                next = c->hh.next;
                free(c);
        }
}

bool installer_is_current(struct installer *in, const char *package)
{
        struct current *c = NULL;
        struct timespec lists = package_manager_lists();
        struct package found;

        if (lists.tv_sec != in->lists.tv_sec || lists.tv_nsec != in->lists.tv_nsec) {
                forget_current(in);
                in->lists = lists;
        }
        HASH_FIND_STR(in->current, package, c);
        return c && packages_find(in->packages, package, &found) && streq(found.version, c->version);
}

static void set_current(struct installer *in, const char *package)
{
        struct current *c;
        struct package found;

        if (installer_is_current(in, package) || !packages_find(in->packages, package, &found))
                return;
        HASH_FIND_STR(in->current, package, c);
        if (!c) {
                c = NEW(struct current);
                snprintf(c->package, sizeof(c->package), "%.*s", ID_PACKAGE_MAX, package);
                HASH_ADD_STR(in->current, package, c);
        }
        snprintf(c->version, sizeof(c->version), "%s", found.version);
}

/* ---- one transaction --------------------------------------------------------------------------------------------- */

static struct wish *wish_free(struct wish *w)
{
        free(w->url);
        free(w);
        return NULL;
}

/* The first wish of a transaction sets its time; those that follow do not put it off. */
static void begin_later(struct installer *in, uint64_t usec)
{
        if (in->busy || in->gathering || !in->wishes)
                return;
        in->gathering = true;
        arm(in->gather, usec);
}

static bool is_there(const struct installer *in, const struct image *image)
{
        struct package found;

        return packages_has(in->packages, image, &found);
}

/* Takes the wishes that ran out of the queue, then answers for them: the answer may wish again. */
static void end(struct installer *in, const struct err *failure)
{
        struct wish *ended = NULL, **p = &in->wishes;
        uint64_t took = now_usec(CLOCK_MONOTONIC) - in->started;
        size_t n = 0;

        in->busy = false;
        in->unit[0] = '\0';
        in->log = install_log_free(in->log);
        sd_event_source_set_enabled(in->progress, SD_EVENT_OFF);
        for (struct wish *w = in->wishes; w; w = w->next)
                n += w->running;
        while (*p) {
                struct wish *w = *p;
                bool well = is_there(in, &w->image) && !(failure->code && w->was_there);
                if (!w->running) {
                        p = &w->next;
                } else if (!well && n > 1) {
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
                ended = w->next;
                if (!is_there(in, &w->image) || (failure->code && w->was_there))
                        err_set(&e, -EIO, "ErrImagePull", "%s",
                                failure->code ? failure->text : "the package is still not installed");
                else if (!*w->image.version)
                        set_current(in, w->image.name);
                in->handler.done(in->userdata, &w->image, &e, took);
                wish_free(w);
        }
        begin_later(in, 0);
}

/* The same packages may have been tried before: a unit of the same name, perhaps one that was just ending when the
 * helper was asked. */
static bool is_this_run(const struct installer *in)
{
        return in->state.ended >= in->began || (in->state.phase == UNIT_FAILED && !in->state.ended);
}

static int on_finish(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;
        struct err failure = ERR_NONE, e = ERR_NONE;

        if (!is_this_run(in)) { /* no other one has followed: it is asked for again, which does no harm */
                in->busy = false;
                in->log = install_log_free(in->log);
                begin_later(in, 0);
                return 0;
        }
        if (packages_refresh(in->packages, &e) < 0)
                log_warning("%s", e.text);
        if (in->state.phase == UNIT_FAILED) {
                const struct words *w = &in->words;

                follow(in);
                if (in->log)
                        install_log_drain(in->log);
                if (!w->len && in->state.main_code == CLD_KILLED)
                        err_set(&failure, -EIO, "ErrImagePull", "the installation was killed by signal %d",
                                in->state.main_status);
                else
                        err_set(&failure, -EIO, "ErrImagePull", "%s",
                                w->len     ? w->errors
                                : *w->last ? w->last
                                           : "see the journal of vks-install units");
        }
        end(in, &failure);
        return 0;
}

static void look(struct installer *in)
{
        enum unit_phase phase = in->state.phase;

        if (!*in->unit || !streq(in->unit, in->seen))
                return;
        if (phase == UNIT_ACTIVATING && *in->state.invocation)
                follow(in);
        if (phase != UNIT_FAILED && phase != UNIT_INACTIVE && phase != UNIT_ABSENT)
                sd_event_source_set_enabled(in->finish, SD_EVENT_OFF);
        else if (!is_this_run(in)) /* before it starts it is inactive, too */
                arm(in->finish, AGAIN_USEC);
        else
                arm(in->finish, phase == UNIT_FAILED ? JOURNAL_USEC : 0);
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

        if (error == -ECONNRESET &&
            ++in->lost < HELPER_TRIES) { /* it went away, perhaps before it understood: asking twice does no harm */
                in->busy = false;
                begin_later(in, AGAIN_USEC);
                return;
        }
        in->lost = 0;
        if (error < 0 || !reply || !*reply->unit) {
                struct err failure = ERR_NONE;
                err_set(&failure, error < 0 ? error : -EIO, "ErrImagePull", "%s",
                        err && *err->text ? err->text : "the helper did not say why");
                end(in, &failure);
                return;
        }
        snprintf(in->unit, sizeof(in->unit), "%s", reply->unit);
        look(in); /* its signals may have been faster than the helper's answer */
}

/* Two versions of one package cannot be had by one transaction. */
static bool fits(const Vks__Package *batch, size_t n, const struct wish *w)
{
        for (size_t i = 0; i < n; i++)
                if (streq(batch[i].name, w->image.name))
                        return false;
        return !w->alone || n == 0;
}

static int on_gather(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;
        Vks__Install request = VKS__INSTALL__INIT;
        Vks__Package packages[BATCH_MAX], *list[BATCH_MAX];
        size_t n = 0;

        in->gathering = false;
        if (in->busy)
                return 0;
        for (struct wish *w = in->wishes; w && n < BATCH_MAX; w = w->next) {
                w->running = fits(packages, n, w);
                if (!w->running)
                        continue;
                w->was_there = is_there(in, &w->image);
                vks__package__init(&packages[n]);
                packages[n].name = w->image.name;
                if (w->url)
                        packages[n].url = w->url;
                else
                        packages[n].version = w->image.version;
                packages[n].sha256 = w->image.sha256;
                list[n] = &packages[n];
                n++;
                if (w->alone)
                        break;
        }
        if (n == 0)
                return 0;
        request.packages = list;
        request.n_packages = n;
        in->busy = true;
        in->seen[0] = in->unit[0] = in->told[0] = '\0';
        in->state = (struct unit_state){ 0 };
        in->words = (struct words){ 0 };
        in->come = (struct progress){ 0 };
        in->news_due = false;
        in->started = now_usec(CLOCK_MONOTONIC);
        in->began = now_usec(CLOCK_REALTIME);
        in->progress_after = PROGRESS_USEC;
        arm(in->progress, in->progress_after);
        helper_install(in->helper, &request, on_reply, in);
        return 0;
}

void installer_want(struct installer *in, const struct image *image)
{
        struct wish **p = &in->wishes;

        for (; *p; p = &(*p)->next)
                if (image_same(&(*p)->image, image))
                        return;
        *p = NEW(struct wish);
        (*p)->image = *image;
        if (image->kind == IMAGE_URL)
                (*p)->image.url = (*p)->url = xstrndup(image->url, image->url_size);
        begin_later(in, GATHER_USEC);
}

const char *installer_unit(const struct installer *in)
{
        return in->unit;
}

struct installer *installer_new(sd_event *event, struct helper_client *helper, struct packages *packages,
                                const struct installer_handler *handler, void *userdata)
{
        struct installer *in = NEW(struct installer);

        *in = (struct installer){ .event = sd_event_ref(event),
                                  .helper = helper,
                                  .packages = packages,
                                  .handler = *handler,
                                  .userdata = userdata };
        if (sd_event_add_time_relative(event, &in->gather, CLOCK_MONOTONIC, 0, 1000, on_gather, in) < 0 ||
            sd_event_add_time_relative(event, &in->finish, CLOCK_MONOTONIC, 0, 1000, on_finish, in) < 0 ||
            sd_event_add_time_relative(event, &in->progress, CLOCK_MONOTONIC, 0, 1000, on_progress, in) < 0)
                return installer_free(in);
        sd_event_source_set_enabled(in->gather, SD_EVENT_OFF);
        sd_event_source_set_enabled(in->finish, SD_EVENT_OFF);
        sd_event_source_set_enabled(in->progress, SD_EVENT_OFF);
        return in;
}

struct installer *installer_free(struct installer *in)
{
        if (!in)
                return NULL;
        sd_event_source_disable_unref(in->gather);
        sd_event_source_disable_unref(in->finish);
        sd_event_source_disable_unref(in->progress);
        install_log_free(in->log);
        while (in->wishes) {
                struct wish *next = in->wishes->next;
                wish_free(in->wishes);
                in->wishes = next;
        }
        forget_current(in);
        sd_event_unref(in->event);
        free(in);
        return NULL;
}
