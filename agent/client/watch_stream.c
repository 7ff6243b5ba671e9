/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/watch_stream.h"

#include <errno.h>

#include "agent/lib/json.h"

static const char *const types[] = {
        [WATCH_ADDED] = "ADDED",       [WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED",
        [WATCH_BOOKMARK] = "BOOKMARK", [WATCH_ERROR] = "ERROR",
};

static int decode(cJSON *root, struct watch_event *ret, struct err *e)
{
        const char *type = json_str(root, "type"), *version;
        cJSON *object = cJSON_GetObjectItemCaseSensitive(root, "object");
        size_t i = 0;

        while (i < ARRAY_LEN(types) && !streq(types[i], type))
                i++;
        if (!type || i == ARRAY_LEN(types))
                return err_set(e, -EBADMSG, NULL, "a watch event of unknown type \"%.40s\"", type ? type : "");
        if (!cJSON_IsObject(object))
                return err_set(e, -EBADMSG, NULL, "a watch event without an object");
        version = json_str(json_get(object, "metadata"), "resourceVersion");
        if (i != WATCH_ERROR && (!version || !*version))
                return err_set(e, -EBADMSG, NULL, "a watch event without a resourceVersion");
        *ret = (struct watch_event){
                .type = (enum watch_type)i,
                .object = cJSON_DetachItemViaPointer(root, object),
                .resource_version = i == WATCH_ERROR ? NULL : version,
        };
        return 0;
}

int watch_event_parse(const char *line, size_t size, struct watch_event *ret, struct err *e)
{
        cJSON *root = json_parse_unmanaged(line, size);
        int r;

        if (!root)
                r = err_set(e, -EBADMSG, NULL, "a watch event that is not JSON");
        else
                r = decode(root, ret, e);
        cJSON_Delete(root);
        return r;
}

int watch_lines(struct buf *rest, const char *data, size_t size,
                int (*line)(void *userdata, const char *line, size_t size), void *userdata)
{
        const char *newline;

        while ((newline = memchr(data, '\n', size))) {
                size_t n = (size_t)(newline - data);
                int r = 0;

                if (rest->len == 0) {
                        if (n > rest->max)
                                return -EMSGSIZE;
                        if (n > 0)
                                r = line(userdata, data, n);
                } else {
                        struct buf whole = *rest;

                        buf_add(&whole, data, n);
                        if (!buf_ok(&whole)) {
                                *rest = whole;
                                return -EMSGSIZE;
                        }
                        *rest = BUF(whole.max);
                        r = line(userdata, whole.data, whole.len);
                        explicit_bzero(whole.data, whole.size); /* a Secret passes through here */
                        buf_done(&whole);
                }
                if (r != 0)
                        return r;
                data += n + 1;
                size -= n + 1;
        }
        buf_add(rest, data, size);
        return buf_ok(rest) ? 0 : -EMSGSIZE;
}
