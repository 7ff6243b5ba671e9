/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/k3s.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"

enum { IPS_MAX = 256, SAID_MAX = 200 };

void k3s_headers(const char *node, const char *word, const char *const *ips, char *ret[K3S_HEADERS])
{
        struct buf list = BUF(IPS_MAX);

        buf_str(&list, "");
        for (size_t i = 0; ips && ips[i]; i++)
                buf_printf(&list, "%s%s", i ? "," : "", ips[i]);
        ret[0] = xasprintf("k3s-Node-Name: %s", node);
        ret[1] = xasprintf("k3s-Node-Password: %s", word);
        ret[2] = xasprintf("k3s-Node-IP: %s", list.data); /* curl leaves out a line without a value */
        ret[3] = xstrdup("Content-Type:");                /* none: curl would call it a form */
        buf_done(&list);
}

void k3s_headers_done(char *lines[K3S_HEADERS])
{
        for (size_t i = 0; i < K3S_HEADERS; i++) {
                if (lines[i])
                        explicit_bzero(lines[i], strlen(lines[i]));
                free(TAKE(lines[i]));
        }
}

/* A Status object's message, or the first line of what else it is. */
static char *said(const char *body)
{
        cJSON *status = json_parse(body, strlen(body));
        const char *message = json_str(status, "message");
        char *words = xasprintf("%.*s", message ? SAID_MAX : (int)strcspn(body, "\n"), message ?: body);

        cJSON_Delete(status);
        if (strlen(words) > SAID_MAX)
                words[SAID_MAX] = '\0';
        return words;
}

int k3s_judge(long status, const char *body, const char *node, bool renewal, struct err *e)
{
        CLEANUP(freep) char *words = NULL;

        if (status == 200)
                return 0;
        if (status == 401 && renewal)
                return err_set(e, -EACCES, NULL,
                               "K3s knows the node's certificate no more (401): its Node object was deleted, or its "
                               "authority is another one now; run `vks-agent join` again, with a token");
        if (status == 401)
                return err_set(e, -EACCES, NULL,
                               "K3s does not take the token (401): its password is wrong, or it was revoked");
        if (status == 403)
                return err_set(
                        e, -EACCES, NULL,
                        "K3s has a Node \"%s\" with another password (403). If that is another machine, give this "
                        "one another name (--node-name). If it was this machine: kubectl -n kube-system delete "
                        "secret %s.node-password.k3s",
                        node, node);
        if (status == 404 || status == 405)
                return err_set(e, -EIO, NULL,
                               "this K3s does not sign requests of nodes (%ld): it is older than the release that vks "
                               "was tried with, 1.36",
                               status);
        words = said(body);
        return err_set(e, -EIO, NULL, "K3s answered with status %ld: %s", status, words);
}
