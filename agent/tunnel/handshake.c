/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tunnel/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/streams/websocket.h"
#include "common/mem.h"

enum { VERSION_LENGTH = sizeof("HTTP/1.1 ") - 1, STATUS_SWITCHING = 101 };

char *handshake_request(const char *path, const char *host, const char *key)
{
        return xasprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                         path, host, key);
}

/* The status of "HTTP/1.1 101 Switching Protocols"; 0: it is no such line. */
static long status_of(const char *head)
{
        char *end;
        long status;

        if (strncmp(head, "HTTP/1.", strlen("HTTP/1.")) != 0 || strlen(head) < VERSION_LENGTH ||
            head[VERSION_LENGTH - 1] != ' ')
                return 0;
        status = strtol(head + VERSION_LENGTH, &end, 10);
        return end == head + VERSION_LENGTH + 3 && (*end == ' ' || *end == '\0') ? status : 0;
}

/* The one value of a header; NULL: there is none, or it is there twice. `lines` is what follows the status line. */
static char *header(const char *lines, const char *name)
{
        size_t n = strlen(name);
        char *ret = NULL;

        for (const char *line = lines, *end; *line; line = end) {
                const char *value;

                end = line + strcspn(line, "\n");
                if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
                        if (ret) {
                                free(ret);
                                return NULL;
                        }
                        value = line + n + 1;
                        value += strspn(value, " \t");
                        ret = xstrndup(value, (size_t)(end - value));
                        ret[strcspn(ret, " \t\r")] = '\0';
                }
                end += *end == '\n';
        }
        return ret;
}

int handshake_judge(const char *p, size_t n, const char *key, struct err *e)
{
        const char *end = n > 0 ? memmem(p, n, "\r\n\r\n", 4) : NULL;
        CLEANUP(freep) char *head = NULL, *accept = NULL, *upgrade = NULL;
        char wanted[WEBSOCKET_ACCEPT_SIZE], *lines;
        long status;

        if (!end)
                return n > HANDSHAKE_MAX ? err_set(e, -EPROTO, NULL, "the answer's head is too long") : 0;
        head = xstrndup(p, (size_t)(end - p));
        lines = head + strcspn(head, "\n");
        if (*lines)
                *lines++ = '\0';
        head[strcspn(head, "\r")] = '\0';
        status = status_of(head);
        if (status != STATUS_SWITCHING)
                return err_set(e, status == 401 || status == 403 ? -EACCES : -EPROTO, NULL, "the answer is \"%.60s\"",
                               head);
        upgrade = header(lines, "Upgrade");
        accept = header(lines, "Sec-WebSocket-Accept");
        if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || !websocket_accept(key, wanted) ||
            !streq(accept, wanted))
                return err_set(e, -EPROTO, NULL, "the answer is not a WebSocket's");
        return (int)(end - p) + 4;
}
