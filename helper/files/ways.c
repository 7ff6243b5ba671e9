/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/ways.h"

#include <errno.h>

#include "common/buf.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "policy/path.h"

#define ACCOUNT "ways" /* lines of "g PATH", "m PATH" and "r PATH" */

enum { ACCOUNT_MAX = 512 * 1024 };

static const char letters[] = { [WAY_MOUNT] = 'm', [WAY_GIVEN] = 'g', [WAY_ROOTS] = 'r' };

static int clash(const struct way *inner, const struct way *outer, struct err *e)
{
        if (inner->kind == WAY_ROOTS)
                return err_set(e, -EPERM, "mount-target",
                               "policy rule mount-target: %s, which systemd makes or reads for a container of the pod, "
                               "lies in %s, which would belong to the user of another one",
                               inner->path, outer->path);
        return err_set(e, -EPERM, "mount-target",
                       "policy rule mount-target: %s%s lies in %s, which belongs to the user of a container: put a "
                       "volume at %s itself",
                       inner->kind == WAY_MOUNT ? "mountPath " : "the package's directory ", inner->path, outer->path,
                       outer->path);
}

/* Refuses if one of the two ways lies beneath the other, and that other one is given away. */
static int compare(const struct way *a, const struct way *b, struct err *e)
{
        if (b->kind == WAY_GIVEN && path_is_beneath(a->path, b->path))
                return clash(a, b, e);
        if (a->kind == WAY_GIVEN && path_is_beneath(b->path, a->path))
                return clash(b, a, e);
        return 0;
}

static int by_kind_and_path(const void *a, const void *b)
{
        const struct way *x = a, *y = b;

        return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->path, y->path);
}

/* The lines of `text`, in which each end of a line becomes a NUL: sorted, those that are given away first. The caller
 * frees the array. */
static struct way *account_read(char *text, size_t *ret_n)
{
        size_t n = 0, lines = 0;
        struct way *ret;

        for (const char *at = text; at && (at = strchr(at, '\n')); at++)
                lines++;
        ret = xcalloc(lines + 1, sizeof(*ret));
        for (char *line = text, *end; n < lines; line = end + 1) {
                end = strchr(line, '\n');
                *end = '\0';
                ret[n++] = (struct way){ line[0] == letters[WAY_GIVEN]   ? WAY_GIVEN
                                         : line[0] == letters[WAY_ROOTS] ? WAY_ROOTS
                                                                         : WAY_MOUNT,
                                         line + 2 };
        }
        qsort(ret, n, sizeof(*ret), by_kind_and_path);
        *ret_n = n;
        return ret;
}

int ways_note(int pod, const struct way *ways, size_t n, struct err *e)
{
        CLEANUP(buf_done) struct buf old = BUF(ACCOUNT_MAX), all = BUF(ACCOUNT_MAX);
        CLEANUP(freep) struct way *known = NULL;
        size_t n_known = 0, n_given = 0, was;
        int r = dir_read(pod, ACCOUNT, &old);

        if (r == 0 && !buf_ok(&old))
                r = -E2BIG;
        if (old.len)
                buf_add(&all, old.data, old.len);
        was = all.len;
        known = account_read(old.data, &n_known);
        while (n_given < n_known && known[n_given].kind == WAY_GIVEN)
                n_given++;
        for (size_t i = 0; i < n && r == 0; i++) {
                for (size_t k = 0; k < i && r == 0; k++)
                        r = compare(&ways[i], &ways[k], e);
                /* Two mounts never clash: a pod may have thousands of them. */
                for (size_t k = 0; k < (ways[i].kind == WAY_GIVEN ? n_known : n_given) && r == 0; k++)
                        r = compare(&ways[i], &known[k], e);
                if (!bsearch(&ways[i], known, n_known, sizeof(*known), by_kind_and_path))
                        buf_printf(&all, "%c %s\n", letters[ways[i].kind], ways[i].path);
        }
        if (r == 0 && !buf_ok(&all))
                r = -E2BIG;
        if (r == 0 && all.len > was)
                r = dir_write(pod, ACCOUNT, all.data, all.len, 0600);
        return r == 0 || r == -EPERM ? r : err_errno(e, r, NULL, "the pod's mounts and directories");
}

bool ways_is_given(int pod, const char *path)
{
        CLEANUP(buf_done) struct buf text = BUF(ACCOUNT_MAX);
        CLEANUP(freep) struct way *known = NULL;
        bool found = dir_read(pod, ACCOUNT, &text) < 0 || !buf_ok(&text);
        size_t n = 0;

        if (!found)
                known = account_read(text.data, &n);
        for (size_t i = 0; i < n && known[i].kind == WAY_GIVEN; i++)
                found |= path_is_beneath(path, known[i].path);
        return found;
}
