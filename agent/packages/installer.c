/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/installer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <uthash.h>

#include "agent/lib/times.h"
#include "agent/packages/install_log.h"
#include "agent/packages/progress.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        GATHER_USEC = 50 * 1000,   /* pods of one apply arrive together: their packages shall share a transaction */
        JOURNAL_USEC = 300 * 1000, /* what the unit wrote last reaches the journal a little after its end */
        PROGRESS_USEC = 5 * 1000 * 1000,
        AGAIN_USEC = 1000 * 1000,
        LATER_LONG = 3, /* how often the helper says "later" (after 1, 2 and 4 s) before that is told ... */
        LATER_MOST = 4, /* ... and until it is asked no less often, every 16 s */
        HELPER_TRIES = 5,
        BATCH_MAX = 64,
        RUNS_MAX = 8, /* looks for newer candidates, and the one that has the turn */
        SEEN_MAX = 2 * RUNS_MAX,
};

struct run;

struct wish {
        struct image image;
        char *url;       /* what image.url points to, with an end */
        bool was_there;  /* only a newer candidate is asked for: that it is installed does not tell that it went well */
        bool look;       /* the same, and no turn is needed */
        bool alone;      /* a transaction with others failed: try it by itself, so that only the guilty one fails */
        struct run *run; /* that it is part of; NULL: it waits */
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

/*
 * A transaction. Those that install take turns, as dpkg does. What is there already and is asked for again, since there
 * may be a newer candidate, needs none until there is one: it is a run of its own beside (helper/install.sh).
 */
struct run {
        struct installer *in;
        bool look;
        sd_event_source *finish, *progress;
        char unit[ID_UNIT_MAX + 1]; /* "" until the helper has answered */
        uint64_t answered_at;
        struct unit_state state; /* of that unit */
        uint64_t started, progress_after;
        uint64_t began;          /* `started` by the wall clock, as unit_state has it */
        struct install_log *log; /* of the transaction, once it has an invocation */
        struct words words;      /* from there */
        struct progress come;    /* from there, too: how far it has come */
        char told[300];          /* of that */
        bool news_due;           /* the next news is told at once */
        struct run *next;
};

/* Units that have been heard of: their signals may be faster than the helper's answer, which names them. */
struct seen {
        char unit[ID_UNIT_MAX + 1];
        struct unit_state state;
};

struct installer {
        sd_event *event;
        struct helper_client *helper;
        struct packages *packages;
        struct installer_handler handler;
        void *userdata;
        sd_event_source *gather;
        struct wish *wishes;
        struct run *runs;
        struct seen seen[SEEN_MAX];
        size_t next_seen;
        bool gathering;
        unsigned lost;  /* answers of the helper, one after the other */
        unsigned later; /* the same for "later" */
        struct current *current;
        struct timespec lists; /* when they had changed last */
};

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
static void tell_progress(struct run *run)
{
        const struct installer *in = run->in;
        char words[sizeof(run->told)];

        progress_words(&run->come, words, sizeof(words));
        run->news_due = !*words || streq(words, run->told);
        if (run->news_due)
                return;
        snprintf(run->told, sizeof(run->told), "%s", words);
        for (struct wish *w = in->wishes; w; w = w->next)
                if (w->run == run)
                        in->handler.progress(in->userdata, &w->image, words);
        arm(run->progress, run->progress_after);
        run->progress_after *= 2;
}

static int on_progress(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        tell_progress(userdata);
        return 0;
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

/* ---- wishes ----------------------------------------------------------------------------------------------------- */

static struct wish *wish_free(struct wish *w)
{
        free(w->url);
        free(w);
        return NULL;
}

/* The first wish of a transaction sets its time; those that follow do not put it off. */
static void begin_later(struct installer *in, uint64_t usec)
{
        if (in->gathering || !in->wishes)
                return;
        in->gathering = true;
        arm(in->gather, usec);
}

static bool is_there(const struct installer *in, const struct image *image)
{
        struct package found;

        return packages_has(in->packages, image, &found);
}

/* Answers for a wish that is out of the queue: the answer may wish again. */
static void answer(struct installer *in, struct wish *w, const struct err *failure, uint64_t started)
{
        struct err e = ERR_NONE;

        if (!is_there(in, &w->image) || (failure->code && w->was_there))
                err_set(&e, -EIO, "ErrImagePull", "%s",
                        failure->code ? failure->text : "the package is still not installed");
        else if (!*w->image.version)
                set_current(in, w->image.name);
        in->handler.done(in->userdata, &w->image, &e, time_monotonic() - started);
        wish_free(w);
}

/* One of several is the newest already: what becomes of the others is not its business. */
static void answer_newest(struct run *run, const char *name, const char *version)
{
        struct installer *in = run->in;
        const struct err well = ERR_NONE;
        struct package found;

        for (struct wish **p = &in->wishes; *p; p = &(*p)->next) {
                struct wish *w = *p;

                if (w->run != run || *w->image.version || !streq(w->image.name, name) ||
                    !packages_find(in->packages, name, &found) || !streq(found.version, version))
                        continue;
                *p = w->next;
                answer(in, w, &well, run->started);
                return;
        }
}

/* ---- one transaction -------------------------------------------------------------------------------------------- */

static struct run *run_free(struct run *run)
{
        sd_event_source_disable_unref(run->finish);
        sd_event_source_disable_unref(run->progress);
        install_log_free(run->log);
        free(run);
        return NULL;
}

static void run_drop(struct run *run)
{
        struct run **p = &run->in->runs;

        while (*p != run)
                p = &(*p)->next;
        *p = run->next;
        run_free(run);
}

static void on_line(void *userdata, const char *line)
{
        struct run *run = userdata;
        char name[ID_PACKAGE_MAX + 1], version[ID_VERSION_MAX + 1];

        take_words(&run->words, line);
        package_manager_progress(&run->come, line);
        if (run->news_due)
                tell_progress(run);
        if (run->look && package_manager_newest(line, name, version))
                answer_newest(run, name, version);
}

static void follow(struct run *run)
{
        uint64_t started = run->state.started;

        if (!run->log) /* an earlier agent may have begun it */
                run->log = install_log_new(run->in->event, run->unit, run->state.invocation,
                                           started && started < run->began ? started : run->began, on_line, run);
}

/* Its wishes wait for the next one. */
static void again(struct run *run, uint64_t usec)
{
        struct installer *in = run->in;

        for (struct wish *w = in->wishes; w; w = w->next)
                if (w->run == run)
                        w->run = NULL;
        run_drop(run);
        begin_later(in, usec);
}

/* Takes the wishes that ran out of the queue, then answers for them. */
static void end(struct run *run, const struct err *failure)
{
        struct installer *in = run->in;
        struct wish *ended = NULL, **p = &in->wishes;
        uint64_t started = run->started;
        size_t n = 0;

        for (struct wish *w = in->wishes; w; w = w->next)
                n += w->run == run;
        while (*p) {
                struct wish *w = *p;
                bool well = is_there(in, &w->image) && !(failure->code && w->was_there);
                if (w->run != run) {
                        p = &w->next;
                } else if (!well && n > 1) {
                        w->run = NULL;
                        w->alone = true;
                        p = &w->next;
                } else {
                        *p = w->next;
                        w->next = ended;
                        ended = w;
                }
        }
        run_drop(run);
        while (ended) {
                struct wish *w = ended;
                ended = w->next;
                answer(in, w, failure, started);
        }
        begin_later(in, 0);
}

/* The same packages may have been tried before: a unit of the same name, perhaps one that was just ending when the
 * helper was asked. */
static bool is_this_run(const struct run *run)
{
        return run->state.ended >= run->began || (run->state.phase == UNIT_FAILED && !run->state.ended);
}

static int on_finish(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct run *run = userdata;
        struct err failure = ERR_NONE, e = ERR_NONE;

        if (!is_this_run(run)) { /* no other one has followed: it is asked for again, which does no harm */
                again(run, 0);
                return 0;
        }
        if (packages_refresh(run->in->packages, &e) < 0)
                log_warning("%s", e.text);
        if (run->state.phase == UNIT_FAILED) {
                const struct words *w = &run->words;

                follow(run);
                if (run->log)
                        install_log_drain(run->log);
                if (!w->len && run->state.main_code == CLD_KILLED)
                        err_set(&failure, -EIO, "ErrImagePull", "the installation was killed by signal %d",
                                run->state.main_status);
                else
                        err_set(&failure, -EIO, "ErrImagePull", "%s",
                                w->len     ? w->errors
                                : *w->last ? w->last
                                           : "see the journal of vks-install units");
        }
        end(run, &failure);
        return 0;
}

static void look(struct run *run, const struct unit_state *state)
{
        enum unit_phase phase = state->phase;

        run->state = *state;
        if (phase == UNIT_ACTIVATING && *state->invocation)
                follow(run);
        if (phase != UNIT_FAILED && phase != UNIT_INACTIVE && phase != UNIT_ABSENT)
                sd_event_source_set_enabled(run->finish, SD_EVENT_OFF);
        else if (!is_this_run(run)) /* before it starts it is inactive, too */
                arm(run->finish, AGAIN_USEC);
        else
                arm(run->finish, phase == UNIT_FAILED ? JOURNAL_USEC : 0);
}

static struct seen *find_seen(struct installer *in, const char *unit)
{
        for (size_t i = 0; i < SEEN_MAX; i++)
                if (streq(in->seen[i].unit, unit))
                        return &in->seen[i];
        return NULL;
}

void installer_unit_changed(struct installer *in, const char *unit, const struct unit_state *state)
{
        struct seen *seen = find_seen(in, unit);

        if (!seen)
                seen = &in->seen[in->next_seen++ % SEEN_MAX];
        snprintf(seen->unit, sizeof(seen->unit), "%s", unit);
        seen->state = *state;
        for (struct run *run = in->runs; run; run = run->next)
                if (streq(run->unit, unit))
                        look(run, state);
}

/* Other installations have to end first, which this agent did not ask for, or has forgotten. */
static void later(struct run *run, const struct err *why)
{
        struct installer *in = run->in;
        unsigned times = in->later < LATER_MOST ? in->later : LATER_MOST;

        in->later++;
        for (struct wish *w = in->wishes; w && in->later > LATER_LONG; w = w->next)
                if (w->run == run)
                        in->handler.progress(in->userdata, &w->image, why->text);
        again(run, (uint64_t)AGAIN_USEC << times);
}

static void on_reply(void *userdata, int error, const Vks__Reply *reply, const struct err *err)
{
        struct run *run = userdata;
        struct installer *in = run->in;
        const struct seen *seen;

        if (error == -ECONNRESET &&
            ++in->lost < HELPER_TRIES) { /* it went away, perhaps before it understood: asking twice does no harm */
                again(run, AGAIN_USEC);
                return;
        }
        in->lost = 0;
        if (error == -EAGAIN) {
                later(run, err);
                return;
        }
        in->later = 0;
        if (error < 0 || !reply || !*reply->unit) {
                struct err failure = ERR_NONE;
                err_set(&failure, error < 0 ? error : -EIO, "ErrImagePull", "%s",
                        err && *err->text ? err->text : "the helper did not say why");
                end(run, &failure);
                return;
        }
        snprintf(run->unit, sizeof(run->unit), "%s", reply->unit);
        run->answered_at = time_monotonic();
        seen = find_seen(in, run->unit);
        if (seen)
                look(run, &seen->state);
}

/* Two versions of one package cannot be had by one transaction, nor be on their way in two. */
static bool fits(const struct installer *in, const struct run *run, size_t n, const struct wish *w)
{
        for (const struct wish *other = in->wishes; other; other = other->next)
                if (other->run && streq(other->image.name, w->image.name))
                        return false;
        return w->look == run->look && (!w->alone || n == 0);
}

static struct run *run_new(struct installer *in, bool is_look)
{
        struct run *run = NEW(struct run);

        *run = (struct run){ .in = in,
                             .look = is_look,
                             .started = time_monotonic(),
                             .began = time_now(),
                             .progress_after = PROGRESS_USEC };
        if (sd_event_add_time_relative(in->event, &run->finish, CLOCK_MONOTONIC, 0, 1000, on_finish, run) < 0 ||
            sd_event_add_time_relative(in->event, &run->progress, CLOCK_MONOTONIC, 0, 1000, on_progress, run) < 0)
                return run_free(run);
        sd_event_source_set_enabled(run->finish, SD_EVENT_OFF);
        arm(run->progress, run->progress_after);
        return run;
}

/* Begins one with those that wait, or says that there is none to begin. */
static bool begin(struct installer *in, bool is_look)
{
        Vks__Install request = VKS__INSTALL__INIT;
        Vks__Package packages[BATCH_MAX], *list[BATCH_MAX];
        struct run *run = run_new(in, is_look);
        size_t n = 0;

        for (struct wish *w = in->wishes; run && w && n < BATCH_MAX; w = w->next) {
                if (w->run || !fits(in, run, n, w))
                        continue;
                w->run = run;
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
        if (n == 0) {
                if (run)
                        run_free(run);
                return false;
        }
        run->next = in->runs;
        in->runs = run;
        request.packages = list;
        request.n_packages = n;
        helper_install(in->helper, &request, on_reply, run);
        return true;
}

static int on_gather(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct installer *in = userdata;
        size_t looks = 0;
        bool taken = false; /* the turn */

        in->gathering = false;
        for (const struct run *run = in->runs; run; run = run->next) {
                looks += run->look;
                taken |= !run->look;
        }
        for (struct wish *w = in->wishes; w; w = w->next)
                if (!w->run) {
                        w->was_there = is_there(in, &w->image);
                        w->look = w->was_there && w->image.kind == IMAGE_PACKAGE && !*w->image.version;
                }
        if (!taken)
                (void)begin(in, false);
        while (looks < RUNS_MAX - 1 && begin(in, true))
                looks++;
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

const char *installer_unit(const struct installer *in, size_t i, uint64_t before)
{
        for (const struct run *run = in->runs; run; run = run->next)
                if (*run->unit && run->answered_at < before && i-- == 0)
                        return run->unit;
        return NULL;
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
        if (sd_event_add_time_relative(event, &in->gather, CLOCK_MONOTONIC, 0, 1000, on_gather, in) < 0)
                return installer_free(in);
        sd_event_source_set_enabled(in->gather, SD_EVENT_OFF);
        return in;
}

struct installer *installer_free(struct installer *in)
{
        if (!in)
                return NULL;
        sd_event_source_disable_unref(in->gather);
        while (in->runs) {
                struct run *next = in->runs->next;
                run_free(in->runs);
                in->runs = next;
        }
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
