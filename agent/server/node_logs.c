/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/node_logs.h"

#include <errno.h>

#include "agent/server/log_files.h"
#include "agent/server/node_log_query.h"
#include "common/log.h"
#include "common/mem.h"

enum {
        ENTRIES_PER_RUN = 256,
        BATCH = 32 * 1024,
        BATCH_MAX = BATCH + UNIT_LOG_ENTRY_MAX + 64 * 1024 + LOG_FOLDER_MAX * 2048,
        PRIORITY_BEHIND_OTHERS = 10, /* as log streams of containers */
};

/* One answer: first what the journal has, then files. */
struct answer {
        struct node_logs *logs;
        struct response *res;
        sd_event_source *work, *deadline;
        struct unit_log *journal; /* NULL: it is not asked, or not any more */
        bool told;                /* an entry of the journal */
        char **services;          /* that the journal does not know: perhaps files have their name; NULL-terminated */
        size_t n_services, at;
        bool has_options;
        struct log_file *file; /* that is being sent */
        struct buf batch;
        bool full; /* the client reads slowly */
};

static void answer_free(struct answer *a)
{
        a->logs->under_way--;
        sd_event_source_disable_unref(a->work);
        sd_event_source_disable_unref(a->deadline);
        unit_log_free(a->journal);
        strv_free(a->services);
        log_file_free(a->file);
        buf_done(&a->batch);
        free(a);
}

static void on_closed(void *userdata)
{
        answer_free(userdata);
}

static void flush(struct answer *a)
{
        if (a->batch.len > 0 && !response_write(a->res, a->batch.data, a->batch.len))
                a->full = true;
        buf_done(&a->batch);
}

static void finish(struct answer *a)
{
        flush(a);
        response_end(a->res);
        answer_free(a);
}

/* ---- the journal ------------------------------------------------------------------------------------------------- */

/* True: it has ended. */
static bool read_journal(struct answer *a)
{
        unsigned budget = ENTRIES_PER_RUN;
        int r = 1;

        while (r > 0 && a->batch.len < BATCH) {
                r = unit_log_next(a->journal, &budget, &a->batch);
                a->told |= r > 0;
        }
        if (r > 0 || r == -EAGAIN)
                return false;
        if (r == -ESRCH)
                buf_str(&a->batch, "the journal has nothing of that boot\n");
        else if (r < 0)
                buf_printf(&a->batch, "\nerror: the journal cannot be read: %s\n", strerrordesc_np(-r));
        else if (!a->told)
                buf_str(&a->batch, "-- No entries --\n");
        if (unit_log_gave_up(a->journal))
                buf_str(&a->batch, "-- Some messages are left out: to seek this pattern in them takes too long --\n");
        a->journal = unit_log_free(a->journal);
        return true;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A service of which the journal knows nothing may have a file: NAME, NAME.log, NAME/NAME.log, as the kubelet looks. */
static void open_file_of(struct answer *a, const char *service)
{
        CLEANUP(freep)
        char *plain = xstrdup(service), *log = xasprintf("%s.log", service),
             *inner = xasprintf("%s/%s.log", service, service);
        const char *const paths[] = { plain, log, inner };
        struct err e = ERR_NONE;
        int r = -ENOENT;

        for (size_t i = 0; i < ARRAY_LEN(paths) && (r == -ENOENT || r == -ENOTDIR); i++) {
                r = log_file_open(a->logs->folder, paths[i], &a->file, &e);
                if (r == 0 && log_file_is_folder(a->file)) {
                        a->file = log_file_free(a->file);
                        r = -ENOENT;
                }
        }
        if (r == -ENOENT || r == -ENOTDIR)
                buf_printf(&a->batch, "\nlog not found for %s\n", service);
        else if (r < 0)
                buf_printf(&a->batch, "\nerror getting log for %s: %s\n", service, e.text);
}

/* True: there are no more. */
static bool read_files(struct answer *a)
{
        int r;

        if (!a->file && a->at >= a->n_services)
                return true;
        if (!a->file && a->has_options) {
                buf_str(&a->batch, "\noptions present and query resolved to log files for [");
                for (; a->at < a->n_services; a->at++)
                        buf_printf(&a->batch, "%s%s", a->services[a->at], a->at + 1 < a->n_services ? " " : "");
                buf_str(&a->batch, "]\ntry without specifying options\n");
                return true;
        }
        if (!a->file)
                open_file_of(a, a->services[a->at++]);
        if (!a->file)
                return false;
        r = log_file_next(a->file, &a->batch);
        if (r < 0)
                buf_printf(&a->batch, "\nerror: %s\n", strerrordesc_np(-r));
        if (r <= 0)
                a->file = log_file_free(a->file);
        return false;
}

/* ---- an answer --------------------------------------------------------------------------------------------------- */

static int on_work(sd_event_source *source UNUSED, void *userdata)
{
        struct answer *a = userdata;
        bool over = (!a->journal || read_journal(a)) && read_files(a);

        if (over) {
                finish(a);
                return 0;
        }
        flush(a);
        if (!a->full)
                sd_event_source_set_enabled(a->work, SD_EVENT_ONESHOT);
        return 0;
}

static void on_ready(void *userdata)
{
        struct answer *a = userdata;

        a->full = false;
        sd_event_source_set_enabled(a->work, SD_EVENT_ONESHOT);
}

static int on_deadline(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct answer *a = userdata;

        buf_str(&a->batch, "\nerror: it took too long; ask for less, by sinceTime, untilTime or tailLines\n");
        finish(a);
        return 0;
}

/* Takes `a` over. */
static void start(struct answer *a, const char *content_type)
{
        struct node_logs *logs = a->logs;
        uint64_t usec =
                logs->deadline_ms ? logs->deadline_ms * UINT64_C(1000) : NODE_LOG_DEADLINE_S * UINT64_C(1000000);
        int r = sd_event_add_defer(logs->event, &a->work, on_work, a);

        if (r >= 0)
                r = sd_event_source_set_priority(a->work, SD_EVENT_PRIORITY_NORMAL + PRIORITY_BEHIND_OTHERS);
        if (r >= 0)
                r = sd_event_add_time_relative(logs->event, &a->deadline, CLOCK_MONOTONIC, usec, 0, on_deadline, a);
        if (r < 0) {
                response_error(a->res, 500, "cannot begin: %s", strerrordesc_np(-r));
                answer_free(a);
                return;
        }
        response_start(a->res, content_type, on_ready, on_closed, a);
}

static struct answer *answer_new(struct node_logs *logs, struct response *res)
{
        struct answer *a = NEW(struct answer);

        a->logs = logs;
        a->res = res;
        a->batch = BUF(BATCH_MAX);
        logs->under_way++;
        return a;
}

static void answer_services(struct node_logs *logs, const struct node_log_query *q, struct response *res)
{
        struct answer *a = answer_new(logs, res);
        CLEANUP(strv_freep) char **units = NULL;
        struct err e = ERR_NONE;
        size_t n = 0;
        int r = unit_log_open(logs->journal, &a->journal, &e);

        for (size_t i = 0; i < q->n_services && r >= 0; i++) {
                CLEANUP(freep) char *unit = node_log_unit(q->service[i]);

                if (unit_log_knows(a->journal, unit))
                        strv_push(&units, &n, TAKE(unit));
                else
                        strv_push(&a->services, &a->n_services, xstrdup(q->service[i]));
        }
        a->has_options = q->has_options;
        if (r >= 0 && n > 0)
                r = unit_log_start(a->journal, (const char *const *)units, n, &q->options, &e);
        else if (r >= 0)
                a->journal = unit_log_free(a->journal);
        if (r < 0) {
                response_error(res, 500, "%s", e.text);
                answer_free(a);
                return;
        }
        start(a, "text/plain;charset=UTF-8");
}

static int status_of(int error)
{
        switch (error) {
        case -ENOENT:
        case -ENOTDIR:
                return 404;
        case -EACCES:
        case -EPERM:
        case -EXDEV:
        case -ELOOP:
        case -ENOTSUP:
                return 403;
        default:
                return 500;
        }
}

/* Links on a folder's page are relative, so its address ends with "/", and a file's does not. True: it has answered. */
static bool moved(const char *path, bool folder, struct response *res)
{
        CLEANUP(buf_done) struct buf to = BUF(SERVER_HEAD_MAX * 4);
        CLEANUP(freep) char *name = xstrdup(path);
        size_t n = strlen(name);
        bool slash = n > 0 && name[n - 1] == '/';
        char *last;

        if (n == 0 || slash == folder)
                return false;
        while (n > 0 && name[n - 1] == '/')
                name[--n] = '\0';
        last = strrchr(name, '/');
        buf_str(&to, folder ? "" : "../");
        log_file_link(last ? last + 1 : name, &to);
        buf_str(&to, folder ? "/" : "");
        response_moved(res, to.data);
        return true;
}

/* `asked`: by a parameter, not by the request's own path. */
static void answer_file(struct node_logs *logs, const char *path, bool asked, struct response *res)
{
        struct answer *a = answer_new(logs, res);
        CLEANUP(freep) char *plain = NULL;
        struct err e = ERR_NONE;
        int r;

        path += strspn(path, "/");
        plain = xstrdup(path);
        for (size_t n = strlen(plain); n > 0 && plain[n - 1] == '/'; n--)
                plain[n - 1] = '\0';
        r = log_file_open(logs->folder, plain, &a->file, &e);
        if (r < 0) {
                response_error(res, asked ? 406 : status_of(r), "%s", e.text);
                answer_free(a);
        } else if (!asked && moved(path, log_file_is_folder(a->file), res)) {
                answer_free(a);
        } else {
                start(a, log_file_type(a->file));
        }
}

void node_logs_answer(struct node_logs *logs, const struct request *r, struct response *res)
{
        struct node_log_query q = { 0 };
        struct err e = ERR_NONE;
        const char *path = r->path + strlen("/logs");
        int status = 0;

        if (!logs->enabled) {
                response_error(res, 405, "logs endpoint is disabled.");
                return;
        }
        if (!*path) {
                response_moved(res, "logs/");
                return;
        }
        path++;
        if (logs->queries)
                status = node_log_query_parse(r, path, &q, &e);
        if (status != 0) {
                response_error(res, status, "%s", e.text);
        } else if (logs->under_way >= NODE_LOGS_MAX) {
                response_error(res, 429, "%d readers of logs are here already", NODE_LOGS_MAX);
        } else if (q.n_services > 0) {
                answer_services(logs, &q, res);
        } else if (q.file) {
                CLEANUP(freep) char *file = xstrdup(q.file);

                for (char *c = file; *c; c++)
                        if (*c == '\\')
                                *c = '/';
                answer_file(logs, file, true, res);
        } else {
                answer_file(logs, path, false, res);
        }
}
