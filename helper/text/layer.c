/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of the pod's over one of the machine's, as a mount unit. */
#include "helper/text/unit_parts.h"

const struct layer layer_var = { "var", "upper", "work" }, layer_etc = { "etc", "etc-upper", "etc-work" };

/* systemd-escape --path of the pod's directory. */
void unit_text_layer_name(const struct layer *l, const char *uid, struct buf *b)
{
        buf_str(b, "run-vks-pods-");
        for (; *uid; uid++)
                buf_printf(b, *uid == '-' ? "\\x2d" : "%c", *uid);
        buf_printf(b, "-%s.mount", l->name);
}

void unit_text_layer(const struct layer *l, const char *uid, struct buf *b)
{
        buf_printf(b,
                   "[Unit]\nDescription=Private /%s of pod %s\nDefaultDependencies=no\nStopWhenUnneeded=yes\n\n"
                   "[Mount]\nType=overlay\nWhat=overlay\nWhere=" POD_RUN_DIR "/%s/%s\n"
                   "Options=lowerdir=/%s,upperdir=" POD_RUN_DIR "/%s/%s,workdir=" POD_RUN_DIR "/%s/%s,nodev,nosuid\n",
                   l->name, uid, uid, l->name, l->name, uid, l->upper, uid, l->work);
}

void layer_needed(struct buf *b, const struct layer *l, const char *uid)
{
        CLEANUP(buf_done) struct buf name = BUF(ID_UNIT_MAX);

        unit_text_layer_name(l, uid, &name);
        buf_printf(b, "Requires=%s\nAfter=%s\n", name.data, name.data);
}
