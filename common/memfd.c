/* SPDX-License-Identifier: Apache-2.0 */
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/mem.h"

enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK };

int memfd_make(const void *p, size_t n)
{
        FD fd = memfd_create("vks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        const char *bytes = p;

        if (fd < 0)
                return -errno;
        while (n > 0) {
                ssize_t k = write(fd, bytes, n);
                if (k < 0)
                        return -errno;
                bytes += k;
                n -= (size_t)k;
        }
        if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
                return -errno;
        return fd_take(&fd);
}

int memfd_read(int fd, size_t max, uint8_t **ret, size_t *ret_size)
{
        int seals = fcntl(fd, F_GET_SEALS);
        CLEANUP(freep) uint8_t *p = NULL;
        struct stat st;
        size_t n;

        if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
                return -EBADMSG;
        if (st.st_size < 0 || (uint64_t)st.st_size > max)
                return -EFBIG;
        n = (size_t)st.st_size;
        p = xcalloc(n + 1, 1);
        for (size_t got = 0; got < n;) {
                ssize_t k = pread(fd, p + got, n - got, (off_t)got);
                if (k <= 0)
                        return -EBADMSG;
                got += (size_t)k;
        }
        *ret = TAKE(p);
        *ret_size = n;
        return 0;
}
