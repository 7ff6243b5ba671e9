/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "common/fd.h"

void map_done(struct map *m)
{
        if (m->size > 0)
                munmap(m->data, m->size);
        *m = (struct map){ 0 };
}

int map_open(struct map *m, struct stat *st, const char *path)
{
        FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat own = { 0 };
        void *data;

        *m = (struct map){ 0 };
        st = st ? st : &own;
        if (fd < 0)
                return -errno;
        if (fstat(fd, st) < 0)
                return -errno;
        if (!S_ISREG(st->st_mode) || st->st_size > UINT32_MAX)
                return -EINVAL;
        if (st->st_size == 0)
                return 0;
        data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        *m = (struct map){ data, (size_t)st->st_size };
        return 0;
}
