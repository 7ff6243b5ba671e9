/* SPDX-License-Identifier: Apache-2.0 */
/* FILL: the files of a ConfigMap, a Secret or another volume whose content comes with the request. */
#include "common/fd.h"
#include "common/mem.h"
#include "helper/files/dir.h"
#include "helper/files/passwd.h"
#include "helper/files/publish.h"
#include "helper/helper.h"

/* Of a tmpfs, with the directory of the new set, and of each file the link to it and the directories on its way. */
static uint64_t fill_bytes(const struct op_fill *op)
{
        uint64_t sum = 4 * DIR_PAGE;

        for (size_t i = 0; i < op->n_files; i++) {
                const Vks__File *f = op->files[i];

                sum += 3 * DIR_PAGE + f->content.len;
                for (const char *slash = strchr(f->path, '/'); slash; slash = strchr(slash + 1, '/'))
                        sum += DIR_PAGE;
        }
        return sum;
}

/* Where no program of a pod's may be root, one that is nobody in particular (vks-pod) is to read what root could. */
static void share(struct publish_file *files, size_t n)
{
        struct person nobody = { 0 };

        for (size_t i = 0; i < n; i++) {
                if (files[i].mode & 0004)
                        continue;
                if (!*nobody.name)
                        passwd_person(FALLBACK_USER, &nobody);
                files[i].group = nobody.known ? nobody.gid : 0;
                files[i].mode |= (files[i].mode & 0400) >> 3;
        }
}

static int fill(struct machine *m, const struct op_fill *op, struct err *e)
{
        /* A pod's content is known before its units are written, so the directories may not be there yet. */
        FD pod = dir_make(m->pods, op->pod.uid, 0700), files = pod < 0 ? pod : dir_make(pod, "files", 0700);
        FD volume = files < 0 ? files : dir_make(files, op->volume, 0755);
        CLEANUP(freep) struct publish_file *f = xcalloc(op->n_files, sizeof(*f));
        int r = volume;

        for (size_t i = 0; i < op->n_files; i++)
                f[i] = (struct publish_file){ .path = op->files[i]->path,
                                              .data = op->files[i]->content.data,
                                              .size = op->files[i]->content.len,
                                              .mode = (mode_t)op->files[i]->mode,
                                              .group = op->group ? op->group->value : 0 };
        if (!op->group && op->root != POLICY_ROOT_ALLOW)
                share(f, op->n_files);
        if (r >= 0)
                r = publish(volume, f, op->n_files);
        return r < 0 ? err_errno(e, r, NULL, "volume %s", op->volume) : 0;
}

int op_fill(struct machine *m, const struct op_fill *op, UNUSED struct answer *a, struct err *e)
{
        uint64_t own = 0;
        int r = room_left(m->pods, POD_RUN_DIR, 0, e);

        if (r == 0)
                r = content_room(m, op->pod.uid, fill_bytes(op), &op->bounds, &own, e);
        if (r < 0)
                return err_prefix(e, "volume %s: ", op->volume);
        r = fill(m, op, e);
        content_note(m, op->pod.uid, own);
        return r;
}
