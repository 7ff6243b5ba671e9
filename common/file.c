/* SPDX-License-Identifier: Apache-2.0 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fd.h"

int file_read(const char *path, size_t max, char **ret, size_t *ret_size, struct err *e)
{
        FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe must not hold us up */
        struct buf b = BUF(max);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(e, -errno, NULL, "%s", path);
        if (!S_ISREG(st.st_mode))
                return err_set(e, -EINVAL, NULL, "%s: not a regular file", path);
        for (;;) {
                char chunk[8192];

                n = read(fd, chunk, sizeof(chunk));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0)
                        buf_add(&b, chunk, (size_t)n);
                explicit_bzero(chunk, sizeof(chunk)); /* it may have been a key */
                if (n <= 0 || !buf_ok(&b))
                        break;
        }
        if (n < 0 || !buf_ok(&b)) {
                int r = n < 0 ? -errno : -EFBIG;

                if (b.data)
                        explicit_bzero(b.data, b.size);
                buf_done(&b);
                return r == -EFBIG ? err_set(e, r, NULL, "%s: larger than %zu bytes", path, max)
                                   : err_errno(e, r, NULL, "%s", path);
        }
        *ret_size = b.len;
        *ret = buf_steal(&b);
        return 0;
}
