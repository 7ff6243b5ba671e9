/* SPDX-License-Identifier: Apache-2.0 */
/* What containers say: the pipes by which they reach the journal (helper/log/vks_log.c has the whole of it), and the
 * file of their termination message (common/message.h). */
#include <errno.h>
#include <fcntl.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "helper/helper.h"

static const char *const streams[] = { "out", "err" };

/* "": the unit has no log pipes, since an older vks has written it. */
static void container_of(struct machine *m, const char *uid, const char *unit, char ret[static ID_LABEL_MAX + 1])
{
        FD pod = dir_open(m->pods, uid), list = pod < 0 ? -1 : dir_open(pod, "units");

        account_name(list, unit, ret);
}

int logs_write(struct machine *m, const struct unit_text *u, const char *unit)
{
        CLEANUP(buf_done) struct buf fields = BUF(4096);
        CLEANUP(freep) char *name = xasprintf("%s.%s", u->pod->uid, u->container);

        unit_text_log_fields(u, unit, &fields);
        return buf_ok(&fields) ? dir_write(m->logs, name, fields.data, fields.len, 0600) : -E2BIG;
}

/* Makes new pipes and a new file for a new run, so that the last words of an earlier run are not taken for the new
 * one's. */
int logs_renew(struct machine *m, const char *uid, const char *unit)
{
        char container[ID_LABEL_MAX + 1];
        int r = 0;

        container_of(m, uid, unit, container);
        for (size_t i = 0; *container && i < ARRAY_LEN(streams) && r == 0; i++) {
                CLEANUP(freep) char *name = xasprintf("%s.%s.%s", uid, container, streams[i]);
                /* Written by all: the container's user opens it once more through /proc/self/fd. Nobody else gets
                 * there. */
                r = dir_fifo(m->logs, name, 0622);
        }
        if (*container && r == 0) {
                CLEANUP(freep) char *name = xasprintf("%s.%s", uid, container);

                r = dir_write(m->messages, name, "", 0, 0666);
        }
        return r;
}

/* The fields keep their content by another name: what is still in the pipes needs them, and vks-log ends them. */
int logs_remove(struct machine *m, const char *uid, const char *unit)
{
        char container[ID_LABEL_MAX + 1];
        CLEANUP(freep) char *fields = NULL, *gone = NULL;
        int r = 0;

        container_of(m, uid, unit, container);
        if (!*container)
                return 0;
        fields = xasprintf("%s.%s", uid, container);
        gone = xasprintf("%s" LOG_GONE, fields);
        for (size_t i = 0; i < ARRAY_LEN(streams) && r == 0; i++) {
                CLEANUP(freep) char *name = xasprintf("%s.%s", fields, streams[i]);
                r = dir_remove(m->logs, name);
        }
        if (r == 0)
                r = dir_remove(m->messages, fields);
        if (r == 0 && renameat(m->logs, fields, m->logs, gone) < 0 && errno != ENOENT)
                r = -errno;
        return r;
}
