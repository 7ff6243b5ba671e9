/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/log_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/mem.h"

struct log_file {
        int fd;
        bool folder;
        off_t left; /* bytes of the file */
        const char *type;
};

/*
 * One step of the way, with nothing done to what is there: what it is must be known before it is opened for reading,
 * for that alone can do something to a device, and waits at a FIFO.
 */
static int step(int at, const char *name, struct stat *ret)
{
        int fd;

        if (streq(name, ".."))
                return -EXDEV;
        fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret) == 0 && !S_ISLNK(ret->st_mode))
                return fd;
        close(fd);
        return -ELOOP;
}

static int open_for_reading(int at, const char *name, const struct stat *known)
{
        FD fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || st.st_dev != known->st_dev || st.st_ino != known->st_ino)
                return -EAGAIN; /* another one has taken its place */
        return fd_take(&fd);
}

/* openat2(2) would do the walk by itself, but the sandbox of the agent's unit has none (RestrictSUIDSGID=). */
static int walk(const char *root, const char *path, struct stat *ret)
{
        CLEANUP(freep) char *names = xstrdup(path);
        FD at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char *rest = names, *name;

        if (at < 0 || fstat(at, ret) < 0)
                return -errno;
        while ((name = strsep(&rest, "/"))) {
                FD fd = -1;

                if (!*name || streq(name, "."))
                        continue;
                fd = step(at, name, ret);
                if (fd < 0)
                        return fd_take(&fd);
                if (!S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode))
                        return -ENOTSUP;
                if (!rest)
                        return open_for_reading(at, name, ret);
                close(at);
                at = fd_take(&fd);
        }
        return open_for_reading(at, ".", ret);
}

/* By its first bytes, for a browser. */
static const char *type_of(int fd)
{
        unsigned char head[512];
        ssize_t n = pread(fd, head, sizeof(head), 0);

        if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
                return "application/x-gzip";
        if (n > 0 && memchr(head, 0, (size_t)n))
                return "application/octet-stream";
        return "text/plain; charset=utf-8";
}

int log_file_open(const char *root, const char *path, struct log_file **ret, struct err *e)
{
        struct log_file *f;
        struct stat st = { 0 };
        int fd = walk(root, path, &st);

        if (fd == -EXDEV)
                return err_set(e, fd, NULL, "%s: .. is not followed", path);
        if (fd == -ELOOP)
                return err_set(e, fd, NULL, "%s: a link is not followed", path);
        if (fd == -ENOTSUP)
                return err_set(e, fd, NULL, "%s is neither a file nor a folder", path);
        if (fd < 0)
                return err_errno(e, fd, NULL, "%s", *path ? path : root);
        f = NEW(struct log_file);
        f->fd = fd;
        f->folder = S_ISDIR(st.st_mode);
        f->left = st.st_size;
        f->type = f->folder ? "text/html; charset=utf-8" : type_of(fd);
        *ret = f;
        return 0;
}

struct log_file *log_file_free(struct log_file *f)
{
        if (!f)
                return NULL;
        fd_close(f->fd);
        free(f);
        return NULL;
}

bool log_file_is_folder(const struct log_file *f)
{
        return f->folder;
}

const char *log_file_type(const struct log_file *f)
{
        return f->type;
}

/* ---- a folder ---------------------------------------------------------------------------------------------------- */

void log_file_link(const char *name, struct buf *ret)
{
        for (; *name; name++)
                if (isalnum((unsigned char)*name) || strchr("-_.~", *name))
                        buf_char(ret, *name);
                else
                        buf_printf(ret, "%%%02X", (unsigned char)*name);
}

static void add_html(const char *s, struct buf *ret)
{
        static const struct {
                char c;
                const char *entity;
        } entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&#34;" }, { '\'', "&#39;" } };

        for (; *s; s++) {
                const char *entity = NULL;

                for (size_t i = 0; i < ARRAY_LEN(entities); i++)
                        if (*s == entities[i].c)
                                entity = entities[i].entity;
                if (entity)
                        buf_str(ret, entity);
                else
                        buf_char(ret, *s);
        }
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders have a "/" behind their names. */
static int read_names(int fd, char ***ret, size_t *n)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;
        struct stat st;

        if (!dir) {
                int error = -errno;

                fd_close(copy);
                return error;
        }
        while (*n < LOG_FOLDER_MAX && (entry = readdir(dir))) {
                bool folder = entry->d_type == DT_DIR ||
                              (entry->d_type == DT_UNKNOWN &&
                               fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));

                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        strv_push(ret, n, xasprintf("%s%s", entry->d_name, folder ? "/" : ""));
        }
        closedir(dir);
        return 0;
}

static int add_page(int fd, struct buf *ret)
{
        CLEANUP(strv_freep) char **names = NULL;
        size_t n = 0;
        int error = read_names(fd, &names, &n);

        if (error < 0)
                return error;
        if (n > 0)
                qsort(names, n, sizeof(names[0]), compare);
        buf_str(ret, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n");
        for (size_t i = 0; i < n; i++) {
                size_t size = strlen(names[i]);
                bool folder = names[i][size - 1] == '/';

                names[i][size - folder] = '\0';
                buf_str(ret, "<a href=\"");
                log_file_link(names[i], ret);
                buf_str(ret, folder ? "/\">" : "\">");
                add_html(names[i], ret);
                buf_str(ret, folder ? "/</a>\n" : "</a>\n");
        }
        if (n == LOG_FOLDER_MAX)
                buf_str(ret, "(there are more)\n");
        buf_str(ret, "</pre>\n");
        return 0;
}

int log_file_next(struct log_file *f, struct buf *ret)
{
        char piece[LOG_FILE_PIECE];
        ssize_t n;

        if (f->folder)
                return add_page(f->fd, ret);
        n = read(f->fd, piece, f->left < (off_t)sizeof(piece) ? (size_t)f->left : sizeof(piece));
        if (n < 0)
                return errno == EINTR ? 1 : -errno;
        buf_add(ret, piece, (size_t)n);
        f->left -= n;
        return n > 0 && f->left > 0;
}
