/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine/message_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lib/any_text.h"
#include "common/fd.h"
#include "common/mem.h"

enum { CLOCK_USEC = 1000 * 1000 }; /* a file's times follow the clock in steps */

static uint64_t usec_of(const struct timespec *t)
{
        return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_nsec / 1000;
}

char *message_file_read(const char *dir, const char *pod_uid, const char *container, uint64_t since_usec)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s.%s", dir, pod_uid, container);
        FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char text[MESSAGE_FILE_MAX + 1];
        struct stat st;
        ssize_t n = 0;

        if (fd < 0 && errno == ENOENT)
                return NULL;
        if (fd < 0 || fstat(fd, &st) < 0)
                return xasprintf("Error on reading termination log %s: %s", path, strerrordesc_np(errno));
        if (!S_ISREG(st.st_mode) || st.st_size == 0 || usec_of(&st.st_mtim) + CLOCK_USEC < since_usec)
                return NULL;
        n = pread(fd, text, MESSAGE_FILE_MAX, st.st_size > MESSAGE_FILE_MAX ? st.st_size - MESSAGE_FILE_MAX : 0);
        if (n < 0)
                return xasprintf("Error on reading termination log %s: %s", path, strerrordesc_np(errno));
        any_text_mend(text, (size_t)n);
        return n ? xstrdup(text) : NULL;
}
