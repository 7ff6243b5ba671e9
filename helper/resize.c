/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RESIZE: what a pod's containers, and all of the pod together, may take from now on.
 *
 * PID 1 applies such numbers to what runs by SetUnitProperties() alone, and notes them in CONTROL/UNIT.d/50-NAME.conf,
 * which sorts before any file of ours: at a daemon-reload, or when it reads the unit anew, WRITE's numbers would count
 * again. So the truth is a file of our own, which sorts last and is written first. What PID 1 notes beside it says the
 * same, and goes with the unit. WRITE's numbers stay where they are: none is ever taken away.
 */
#include <errno.h>
#include <fcntl.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

#define CONTROL "/run/systemd/system.control"

int resize_forget(struct machine *m, const char *unit)
{
        CLEANUP(freep) char *name = xasprintf("%s.d", unit);
        FD control = open(CONTROL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), dir = dir_open(m->units, name);
        int r = control >= 0 ? dir_remove(control, name) : errno == ENOENT ? 0 : -errno;

        if (r == 0 && dir >= 0)
                r = dir_remove(dir, UNIT_TEXT_RESIZED);
        /* of a slice there is nothing else in it; what an administrator may have put there stays */
        if (r == 0 && dir >= 0 && ends_with(unit, ".slice"))
                (void)unlinkat(m->units, name, AT_REMOVEDIR);
        return r;
}

static int resize(struct machine *m, const char *unit, const Vks__Limits *limits, struct err *e)
{
        CLEANUP(buf_done) struct buf text = BUF(4096);
        CLEANUP(freep) char *name = xasprintf("%s.d", unit);
        FD dir = -1;
        char state[32];
        int r;

        if (!unit_text_resized(unit, limits, &text))
                return 0;
        r = dir = dir_make(m->units, name, 0755);
        if (r >= 0)
                r = buf_ok(&text) ? dir_write(dir, UNIT_TEXT_RESIZED, text.data, text.len, 0644) : -E2BIG;
        if (r < 0)
                return err_errno(e, r, NULL, "writing what %s may take", unit);
        r = unit_active_state(m, unit, state, e);
        return r < 0 || !*state ? r : unit_limit(m, unit, limits, e); /* what is not loaded will read it */
}

int op_resize(struct machine *m, const struct op_resize *op, UNUSED struct answer *a, struct err *e)
{
        FD pod = dir_open(m->pods, op->pod.uid);
        char slice[ID_UNIT_MAX + 1] = "";
        int r;

        for (size_t i = 0; i < op->n_sizes; i++)
                if (!unit_is_pods(m, op->sizes[i]->unit, op->pod.uid))
                        return err_set(e, -ENOENT, NULL, "%s is not a unit of pod %s/%s", op->sizes[i]->unit,
                                       op->pod.namespace, op->pod.name);
        if (op->limits && (pod < 0 || readlinkat(pod, "slice", slice, sizeof(slice) - 1) <= 0))
                return err_set(e, -ENOENT, NULL, "pod %s/%s has no slice", op->pod.namespace, op->pod.name);
        r = room_left(m->units, UNIT_DIR, 0, e);
        if (r == 0 && op->limits) /* what lies around has room before what is in it */
                r = resize(m, slice, op->limits, e);
        for (size_t i = 0; i < op->n_sizes && r == 0; i++)
                r = resize(m, op->sizes[i]->unit, op->sizes[i]->limits, e);
        return r;
}
