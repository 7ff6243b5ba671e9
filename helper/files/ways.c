/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/ways.h"

#include <errno.h>

#include "common/buf.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "policy/path.h"

#define ACCOUNT "ways" /* lines of "m PATH" and "g PATH" */

enum { ACCOUNT_MAX = 512 * 1024 };

static const char letters[] = { [WAY_MOUNT] = 'm', [WAY_GIVEN] = 'g' };

static int clash(const struct way *inner, const struct way *outer, struct err *e)
{
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

/* Compares `way` with every line of the account. *ret_known: the account has `way` already. */
static int compare_with_account(const struct way *way, const char *account, bool *ret_known, struct err *e)
{
        int r = 0;

        *ret_known = false;
        for (const char *line = account, *end; r == 0 && line && *line; line = end + 1) {
                end = strchrnul(line, '\n');
                CLEANUP(freep) char *path = xstrndup(line + 2, (size_t)(end - line) - 2);
                struct way other = { line[0] == letters[WAY_GIVEN] ? WAY_GIVEN : WAY_MOUNT, path };

                *ret_known |= other.kind == way->kind && streq(other.path, way->path);
                r = compare(way, &other, e);
        }
        return r;
}

int ways_note(int pod, const struct way *ways, size_t n, struct err *e)
{
        CLEANUP(buf_done) struct buf old = BUF(ACCOUNT_MAX), all = BUF(ACCOUNT_MAX);
        int r = dir_read(pod, ACCOUNT, &old);

        if (r == 0 && !buf_ok(&old))
                r = -E2BIG;

        for (size_t i = 0; i < n && r == 0; i++)
                for (size_t k = 0; k < i && r == 0; k++)
                        r = compare(&ways[i], &ways[k], e);
        if (old.len)
                buf_add(&all, old.data, old.len);
        for (size_t i = 0; i < n && r == 0; i++) {
                bool known;

                r = compare_with_account(&ways[i], old.data, &known, e);
                if (!known)
                        buf_printf(&all, "%c %s\n", letters[ways[i].kind], ways[i].path);
        }
        if (r == 0 && !buf_ok(&all))
                r = -E2BIG;
        if (r == 0 && all.len > old.len)
                r = dir_write(pod, ACCOUNT, all.data, all.len, 0600);
        return r == 0 || r == -EPERM ? r : err_errno(e, r, NULL, "the pod's mounts and directories");
}
