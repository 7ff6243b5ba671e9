/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/publish.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "helper/files/dir.h"
#include "common/fd.h"
#include "common/mem.h"

static int write_file(int dir, const struct publish_file *f)
{
        CLEANUP(freep) char *path = xstrdup(f->path);
        FD at = dup(dir);
        char *name = path;

        for (char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
                int next;

                *slash = '\0';
                next = dir_make(at, name, 0755);
                fd_close(at);
                at = next;
        }
        return at < 0 ? at : dir_write_for(f->group, at, name, f->data, f->size, f->mode);
}

/* Replaces `name` in `dir` by a symbolic link to `to`, in one step. */
static int link_to(int dir, const char *to, const char *name)
{
        unlinkat(dir, "..new", 0);
        return symlinkat(to, dir, "..new") < 0 || renameat(dir, "..new", dir, name) < 0 ? -errno : 0;
}

/* Everything in a Files volume that is not of this generation. */
static int sweep(int volume, const char *generation, const struct publish_file *files, size_t n_files)
{
        FD copy = dup(volume);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *entry;
        int r = 0;

        if (!d)
                return -errno;
        fd_take(&copy);
        rewinddir(d);
        while (r == 0 && (entry = readdir(d))) {
                const char *name = entry->d_name;
                bool keep = streq(name, ".") || streq(name, "..") || streq(name, "..data") || streq(name, generation);

                for (size_t i = 0; i < n_files && !keep; i++)
                        keep = strncmp(files[i].path, name, strlen(name)) == 0 &&
                               strchr("/", files[i].path[strlen(name)]);
                if (!keep)
                        r = dir_remove(volume, name);
        }
        closedir(d);
        return r;
}

int publish(int volume, const struct publish_file *files, size_t n_files)
{
        char generation[64];
        struct timespec now;
        FD new = -1;
        int r;

        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(generation, sizeof(generation), "..%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
        r = new = dir_make(volume, generation, 0755);
        for (size_t i = 0; r >= 0 && i < n_files; i++)
                r = write_file(new, &files[i]);
        if (r >= 0)
                r = link_to(volume, generation, "..data");
        if (r < 0 && new >= 0)
                (void)dir_remove(volume, generation);
        for (size_t i = 0; r >= 0 && i < n_files; i++) {
                CLEANUP(freep) char *top = xstrndup(files[i].path, strcspn(files[i].path, "/"));
                CLEANUP(freep) char *to = xasprintf("..data/%s", top);
                r = link_to(volume, to, top);
        }
        return r < 0 ? r : sweep(volume, generation, files, n_files);
}
