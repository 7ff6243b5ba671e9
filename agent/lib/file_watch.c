/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/file_watch.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "common/mem.h"

enum { SETTLE_USEC = 200 * 1000 };

/* What makes a file the one it was: all zero when there is none. */
struct stamp {
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec mtime, ctime;
};

struct file {
        char *path;
        struct stamp stamp;
        sd_event_source *near; /* the folder that the path names ... */
        sd_event_source *far;  /* ... and the one that symbolic links lead to */
};

struct file_watch {
        sd_event *event;
        sd_event_source *timer;
        void (*changed)(void *userdata);
        void *userdata;
        bool whole; /* whatever happens in the folder is a change */
        size_t n;
        struct file files[];
};

static struct stamp stamp_of(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return (struct stamp){ 0 };
        return (struct stamp){
                .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size, .mtime = st.st_mtim, .ctime = st.st_ctim
        };
}

static bool same_time(struct timespec a, struct timespec b)
{
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && same_time(a->mtime, b->mtime) &&
               same_time(a->ctime, b->ctime);
}

static int on_inotify(sd_event_source *s UNUSED, const struct inotify_event *i UNUSED, void *userdata)
{
        struct file_watch *w = userdata;

        sd_event_source_set_time_relative(w->timer, SETTLE_USEC);
        sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
        return 0;
}

/* Watches `folder`, or the nearest one above it that exists, instead of what `source` watched. Writes into `folder`. */
static int watch_folder(struct file_watch *w, sd_event_source **source, char *folder)
{
        const uint32_t mask = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                              IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;
        sd_event_source *fresh = NULL;
        int r;

        while ((r = sd_event_add_inotify(w->event, &fresh, folder, mask, on_inotify, w)) < 0) {
                if ((r != -ENOENT && r != -ENOTDIR && r != -EACCES) || streq(folder, "/") || streq(folder, "."))
                        return r;
                folder = dirname(folder);
        }
        sd_event_source_disable_unref(*source);
        *source = fresh;
        return 0;
}

static int watch_file(struct file_watch *w, struct file *f)
{
        CLEANUP(freep) char *near = xstrdup(f->path), *far = realpath(f->path, NULL);
        int r = watch_folder(w, &f->near, dirname(near));

        if (r >= 0 && far)
                r = watch_folder(w, &f->far, dirname(far));
        return r;
}

static int on_settled(sd_event_source *s UNUSED, uint64_t usec UNUSED, void *userdata)
{
        struct file_watch *w = userdata;
        bool changed = w->whole;

        for (size_t i = 0; i < w->n; i++) {
                struct file *f = &w->files[i];
                struct stamp stamp;

                (void)watch_file(
                        w, f); /* the folder may be another one now; the old watch stays where a new one can't be had */
                stamp = stamp_of(f->path);
                changed = changed || !same(&stamp, &f->stamp);
                f->stamp = stamp;
        }
        if (changed)
                w->changed(w->userdata);
        return 0;
}

int file_watch_new(sd_event *event, const char *const *paths, size_t n, void (*changed)(void *userdata), void *userdata,
                   struct file_watch **ret, struct err *e)
{
        CLEANUP(file_watch_freep)
        struct file_watch *w = xcalloc(1, sizeof(struct file_watch) + n * sizeof(struct file));
        int r;

        w->event = sd_event_ref(event);
        w->changed = changed;
        w->userdata = userdata;
        r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, SETTLE_USEC, 0, on_settled, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return err_errno(e, r, NULL, "cannot watch files");
        for (size_t i = 0; i < n; i++) {
                struct file *f = &w->files[w->n];

                if (!paths[i])
                        continue;
                w->n++;
                f->path = xstrdup(paths[i]);
                r = watch_file(w, f);
                if (r < 0)
                        return err_errno(e, r, NULL, "cannot watch %s", paths[i]);
                f->stamp = stamp_of(f->path);
        }
        *ret = TAKE(w);
        return 0;
}

int folder_watch_new(sd_event *event, const char *path, void (*changed)(void *userdata), void *userdata,
                     struct file_watch **ret, struct err *e)
{
        CLEANUP(freep) char *inside = xasprintf("%s/.", path);
        const char *const paths[] = { inside };
        int r = file_watch_new(event, paths, 1, changed, userdata, ret, e);

        if (r >= 0)
                (*ret)->whole = true;
        return r;
}

struct file_watch *file_watch_free(struct file_watch *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n; i++) {
                struct file *f = &w->files[i];

                sd_event_source_disable_unref(f->near);
                sd_event_source_disable_unref(f->far);
                free(f->path);
        }
        sd_event_source_disable_unref(w->timer);
        sd_event_unref(w->event);
        free(w);
        return NULL;
}
