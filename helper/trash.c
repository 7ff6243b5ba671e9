/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a removed pod leaves may be millions of files, and others shall not wait while they are unlinked. So the
 * pod's directories are only moved, into a directory beside them that nobody but root enters, and they are unlinked in
 * slices when no request is under way. What an earlier helper had not finished is found there by the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "helper/helper.h"

#define TRASH ".trash"

enum {
        SLICE_USEC = 10 * 1000, /* others wait as long */
        SLICE_STEPS = 64,       /* at least: a step that finds its place in a huge directory takes long */
};

/* Where there is a trash, beside the directories of pods: as long as there are pods, since one of them may have taken
 * the last inode by the time when there is something to be thrown away. */
enum { PLACES = 2 };

static int place(const struct machine *m, size_t i)
{
        return i % PLACES == 0 ? m->pods : m->disk;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int trash_ready(struct machine *m)
{
        int r = 0;

        for (size_t i = 0; i < PLACES && r == 0; i++)
                r = dir_ensure(place(m, i), TRASH, 0700);
        return r;
}

static bool has_pods(int at)
{
        CLEANUP(strv_freep) char **names = dir_list(at);
        bool has = false;

        for (char **name = names; name && *name; name++)
                has |= !streq(*name, TRASH);
        return has;
}

int trash_put(struct machine *m, int at, const char *name)
{
        FD trash = dir_make(at, TRASH, 0700);
        int r = trash < 0 ? trash : -EEXIST;

        while (r == -EEXIST) {
                char new[ID_UNIT_MAX];

                snprintf(new, sizeof(new), "%s.%u", name, m->trash.count++); /* the pod may have been here before */
                r = renameat2(at, name, trash, new, RENAME_NOREPLACE) < 0 ? -errno : 0;
        }
        m->trash.more = true;
        if (r == -ENOSPC || r == -EDQUOT) /* not even for a name: room has to be made first */
                return dir_remove(at, name);
        return r == -ENOENT ? 0 : r;
}

/* Opens the trash of the next place, perhaps in vain. False: all were looked at, and nothing has come since. */
static bool open_next(struct machine *m)
{
        struct trash *t = &m->trash;
        FD fd = -1;

        if (t->place == 0) {
                if (!t->more)
                        return false;
                t->more = false;
        }
        fd = dir_open(place(m, t->place), TRASH);
        t->place = (t->place + 1) % PLACES;
        t->list = fd < 0 ? NULL : fdopendir(fd);
        if (t->list)
                fd_take(&fd);
        return true;
}

/* One entry of one directory; false: the trash is empty, but for what cannot be removed. */
static bool step(struct machine *m)
{
        struct trash *t = &m->trash;
        struct dirent *d;
        int r;

        if (t->removing) {
                r = removal_step(&t->removal);
        } else if (!t->list) {
                return open_next(m);
        } else if ((d = readdir(t->list))) {
                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        return true;
                r = removal_begin(&t->removal, dirfd(t->list), d->d_name);
        } else {
                closedir(TAKE(t->list));
                if (!has_pods(place(m, t->place + PLACES - 1)))
                        (void)unlinkat(place(m, t->place + PLACES - 1), TRASH,
                                       AT_REMOVEDIR); /* unless something is left */
                return true;
        }
        t->removing = r > 0;
        if (r < 0)
                log_warning("what is left of pod %s cannot be removed: %s", t->removal.tree, strerrordesc_np(-r));
        if (!t->removing)
                removal_done(&t->removal);
        return true;
}

bool trash_sweep(void *machine)
{
        uint64_t until = now_usec() + SLICE_USEC;
        unsigned steps = 0;

        while (step(machine))
                if (++steps >= SLICE_STEPS && now_usec() >= until)
                        return true;
        return false;
}
