/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/text/unit_load.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"

/* Of two with one name that in /etc is the first, since "/etc" is less than "/lib" and "/usr". */
static int by_name(const void *a, const void *b)
{
        const char *x = *(char *const *)a, *y = *(char *const *)b;
        int r = strcmp(strrchr(x, '/'), strrchr(y, '/'));

        return r ? r : strcmp(x, y);
}

static int add_file(struct buf *b, const char *path, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (stat(path, &st) == 0 &&
            !(st.st_mode & S_IROTH)) /* a link may lead to what is not for everybody, as a pod's unit is */
                return err_set(e, -EPERM, NULL, "%s is not for everybody to read", path);
        r = file_read(path, UNIT_FILE_MAX, &text, &size, e);
        if (r == 0)
                buf_add(b, text, size);
        return r;
}

int unit_file_load(const char *root, const char *path, const char *name, struct unit_file **ret, struct err *e)
{
        CLEANUP(freep) char *own = xasprintf("%s%s", root, path);
        CLEANUP(freep)
        char *pattern = xasprintf("%s/{etc,lib,usr/lib}/systemd/system/{%s,%.*s@.service}.d/*.conf", root, name,
                                  (int)strcspn(name, "@"), name);
        CLEANUP(buf_done) struct buf all = BUF(UNIT_FILE_MAX);
        CLEANUP(globfree) glob_t found = { 0 };
        int r = add_file(&all, own, e);

        if (r == 0 && !strpbrk(name, "*?[]{},\\/") && glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found) == 0)
                qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), by_name);
        for (size_t i = 0; i < found.gl_pathc && r == 0; i++) {
                const char *dropin = found.gl_pathv[i];

                if (i > 0 && streq(strrchr(dropin, '/'), strrchr(found.gl_pathv[i - 1], '/')))
                        continue;
                buf_printf(&all, "\n\n# %s\n[X-Drop-In]\n", dropin + strlen(root));
                r = add_file(&all, dropin, e);
                if (r == -EINVAL || r == -ENOENT) /* a link to /dev/null puts one out of force */
                        r = 0;
        }
        if (r == 0 && !buf_ok(&all))
                return err_set(e, -EFBIG, NULL, "unit %s: too large with its drop-ins", name);
        return r < 0 ? r : unit_file_parse(name, all.data ? all.data : "", all.len, ret, e);
}
