/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sessions/terminal.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/fd.h"

int terminal_new(int *ret, int *ret_far)
{
        FD fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 || unlockpt(fd) < 0)
                return -errno;
        /* by the descriptor and no name: in a mount namespace that name may be another terminal's */
        *ret_far = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (*ret_far < 0)
                return -errno;
        *ret = fd_take(&fd);
        return 0;
}

void terminal_set_hung(sd_event_source *io, bool *hung, bool now)
{
        if (*hung != now) /* to set it once more would have it told once more */
                (void)sd_event_source_set_io_events(io, now ? EPOLLIN | EPOLLET : EPOLLIN);
        *hung = now;
}

static unsigned short size_of(const cJSON *object, const char *name)
{
        const cJSON *n = cJSON_GetObjectItem(object, name);

        return cJSON_IsNumber(n) && n->valuedouble > 0 && n->valuedouble < 65536 ? (unsigned short)n->valuedouble : 0;
}

static bool take_object(const char *text, size_t n, unsigned short *ret_width, unsigned short *ret_height)
{
        cJSON *object = cJSON_ParseWithLength(text, n);
        unsigned short width = size_of(object, "Width"), height = size_of(object, "Height");

        cJSON_Delete(object);
        if (!width || !height)
                return false;
        *ret_width = width;
        *ret_height = height;
        return true;
}

bool terminal_size(struct buf *rest, const void *bytes, size_t n, unsigned short *ret_width, unsigned short *ret_height)
{
        bool any = false;

        for (const char *p = bytes; n > 0; p++, n--) {
                if (rest->len == 0 && *p != '{')
                        continue;
                buf_char(rest, *p);
                if (!buf_ok(rest)) { /* longer than any size is */
                        buf_done(rest);
                } else if (*p == '}') {
                        any |= take_object(rest->data, rest->len, ret_width, ret_height);
                        buf_reset(rest);
                }
        }
        return any;
}

void terminal_resize(int terminal, struct buf *rest, const void *p, size_t n)
{
        struct winsize size = { 0 };

        if (terminal_size(rest, p, n, &size.ws_col, &size.ws_row) && terminal >= 0)
                (void)ioctl(terminal, TIOCSWINSZ, &size);
}
