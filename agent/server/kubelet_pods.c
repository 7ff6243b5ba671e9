/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/kubelet_pods.h"

#include "agent/pods/shown.h"
#include "agent/server/pieces.h"
#include "common/mem.h"

struct list {
        struct pods *pods;
        bool (*show)(struct pods *ps, const char *uid, struct buf *ret);
        char **uids;
        size_t at;
        bool begun, any; /* the head was sent; an item was */
};

static bool next(void *userdata, struct buf *ret)
{
        struct list *l = userdata;
        CLEANUP(buf_done) struct buf item = BUF(PIECE_MAX - 4096); /* which leaves room for what is around it */

        if (!l->begun) {
                l->begun = true;
                buf_str(ret, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[");
                return true;
        }
        if (!l->uids[l->at]) {
                buf_str(ret, "]}\n");
                return false;
        }
        if (l->show(l->pods, l->uids[l->at++], &item) && buf_ok(&item)) {
                if (l->any)
                        buf_char(ret, ',');
                buf_add(ret, item.data, item.len);
                l->any = true;
        }
        return true;
}

static void done(void *userdata)
{
        struct list *l = userdata;

        strv_free(l->uids);
        free(l);
}

void kubelet_pods_answer(struct pods *pods, bool running, const struct request *r, struct response *res)
{
        static const struct pieces pieces = { next, done };
        struct list *l = NEW(struct list);

        *l = (struct list){ .pods = pods, .show = running ? shown_running : shown_pod, .uids = shown_uids(pods) };
        pieces_send(streq(r->method, "HEAD"), res, "application/json", &pieces, l);
}
