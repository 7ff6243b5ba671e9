/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WRITE's account of a unit, POD_RUN_DIR/UID/units/UNIT: the container's name, a line feed, and what the container was
 * asked for. Only root reads and writes it.
 */
#include <errno.h>
#include <fcntl.h>

#include "common/fd.h"
#include "common/mem.h"
#include "helper/helper.h"

enum { ASKED_MAX = 4 * 1024 * 1024 }; /* of mounts: a body of WRITE is larger by its variables and files */

/* What a request says of who the container is and what it sees. Not what runs in it, nor how it lives. */
static void describe(const struct op_write *op, const struct op_container *k, struct buf *b)
{
        Vks__Container c = *k->c;
        CLEANUP(freep) uint8_t *packed = NULL;

        c.n_command = c.n_args = c.n_env = c.n_hidden = 0;
        c.limits = NULL;
        c.oom_score_adjust = 0;
        c.restart = VKS__RESTART__RESTART_NEVER;
        c.mark = 0;
        c.stop_signal = (char *)(uintptr_t)protobuf_c_empty_string;
        c.console = c.writes_var = false; /* whether /var is a layer is the pod's own account (choose_overlay()) */
        packed = xcalloc(vks__container__get_packed_size(&c), 1);
        buf_add(b, packed, vks__container__pack(&c, packed));
        buf_printf(b, "%u", (unsigned)op->qos);
        for (size_t i = 0; i < k->n_mounts; i++) {
                const struct op_volume *v = k->mounts[i].volume;

                buf_printf(b, "%u", (unsigned)v->kind);
                buf_add(b, v->name, strlen(v->name) + 1);
                if (v->kind != VOLUME_HOST)
                        continue;
                buf_add(b, v->host_path, strlen(v->host_path) + 1);
                buf_add(b, v->host_type, strlen(v->host_type) + 1);
        }
}

int account_write(int pod, const struct op_write *op, const struct op_container *k)
{
        CLEANUP(buf_done) struct buf text = BUF(ASKED_MAX);
        FD list = dir_open(pod, "units");

        buf_printf(&text, "%s\n", k->c->name);
        describe(op, k, &text);
        return list < 0 ? list : buf_ok(&text) ? dir_write(list, k->unit, text.data, text.len, 0600) : -E2BIG;
}

int account_compare(int pod, const struct op_write *op, const struct op_container *k)
{
        CLEANUP(buf_done) struct buf want = BUF(ASKED_MAX), have = BUF(ASKED_MAX);
        char name[ID_LABEL_MAX + 1];
        FD list = dir_open(pod, "units");
        int r = list < 0 ? list : dir_read(list, k->unit, &have);

        account_name(list, k->unit, name);
        buf_printf(&want, "%s\n", k->c->name);
        describe(op, k, &want);
        if (r < 0 || !buf_ok(&want) || !buf_ok(&have))
                return r < 0 ? r : -E2BIG;
        if (!streq(name, k->c->name))
                return -ENOENT;
        return have.len == want.len && memcmp(have.data, want.data, want.len) == 0 ? 0 : -ESTALE;
}

void account_name(int list, const char *unit, char ret[static ID_LABEL_MAX + 1])
{
        FD fd = list < 0 ? -1 : openat(list, unit, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, ID_LABEL_MAX);

        ret[n > 0 ? n : 0] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        if (!id_is_label(ret))
                *ret = '\0';
}
