/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/negotiate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/streams/websocket.h"

#define TUNNEL "SPDY/3.1+"

struct protocol {
        const char *name;
        unsigned version;
        bool base64;
};

static const struct protocol spdy_command[] = {
        { "v4.channel.k8s.io", 4, false },
        { "v3.channel.k8s.io", 3, false },
        { "v2.channel.k8s.io", 2, false },
        { "channel.k8s.io", 1, false },
};
static const struct protocol spdy_forward[] = { { "portforward.k8s.io", 1, false } };
static const struct protocol websocket_command[] = {
        { "v5.channel.k8s.io", 5, false },       { "v4.channel.k8s.io", 4, false },
        { "v4.base64.channel.k8s.io", 4, true }, { "channel.k8s.io", 1, false },
        { "base64.channel.k8s.io", 1, true },    { "", 1, false },
};
static const struct protocol websocket_forward[] = {
        { TUNNEL "portforward.k8s.io", 1, false },
        { "v4.channel.k8s.io", 4, false },
        { "v4.base64.channel.k8s.io", 4, true },
        { "", 4, false },
};

static int refuse(struct agreement *a, int status, struct err *e, const char *why)
{
        a->status = status;
        return err_set(e, -EINVAL, NULL, "unable to upgrade: %s", why);
}

static void add_header(struct agreement *a, const char *name, const char *value)
{
        size_t n = strlen(a->headers);

        snprintf(a->headers + n, sizeof(a->headers) - n, "%s: %s\r\n", name, value);
}

/* The next of the words that commas divide; its length is 0 at the end. */
static const char *next_word(const char **list, size_t *n)
{
        const char *word = *list + strspn(*list, ", \t");

        *n = strcspn(word, ", \t");
        *list = word + *n;
        return word;
}

static bool has_word(const char *list, const char *wanted)
{
        const char *word;
        size_t n;

        while ((word = next_word(&list, &n)), n > 0)
                if (n == strlen(wanted) && strncasecmp(word, wanted, n) == 0)
                        return true;
        return false;
}

/* The first that the client names and we know; NULL: none. A client that names none wants the one without a name. */
static const struct protocol *choose(const char *offered, const struct protocol *known, size_t n_known)
{
        const char *list = offered ? offered : "", *word;
        bool any = false;
        size_t n;

        while ((word = next_word(&list, &n)), n > 0) {
                any = true;
                for (size_t i = 0; i < n_known; i++)
                        if (strlen(known[i].name) == n && memcmp(known[i].name, word, n) == 0)
                                return &known[i];
        }
        for (size_t i = 0; i < n_known && !any; i++)
                if (!*known[i].name)
                        return &known[i];
        return NULL;
}

static int negotiate_spdy(const struct upgrade_request *r, const struct streams_wish *wish, struct agreement *ret,
                          struct err *e)
{
        const struct protocol *known = wish->port_forward ? spdy_forward : spdy_command, *p;
        size_t n = wish->port_forward ? ARRAY_LEN(spdy_forward) : ARRAY_LEN(spdy_command);

        if (!r->stream_protocols)
                return refuse(ret, 400, e, "there is no header X-Stream-Protocol-Version");
        p = choose(r->stream_protocols, known, n);
        if (!p) {
                for (size_t i = 0; i < n; i++)
                        add_header(ret, "X-Accepted-Stream-Protocol-Versions", known[i].name);
                return refuse(ret, 403, e, "none of the protocols that the client offers is known here");
        }
        ret->wire = WIRE_SPDY;
        ret->version = p->version;
        add_header(ret, "Connection", "Upgrade");
        add_header(ret, "Upgrade", "SPDY/3.1");
        add_header(ret, "X-Stream-Protocol-Version", p->name);
        return 0;
}

static int parse_ports(const struct upgrade_request *r, struct agreement *ret, struct err *e)
{
        for (size_t i = 0; i < r->n_ports; i++) {
                const char *list = r->ports[i];

                do {
                        size_t n = strcspn(list, ",");
                        unsigned long port = 0;

                        if (n >= 1 && n <= 5 && strspn(list, "0123456789") == n)
                                port = strtoul(list, NULL, 10);
                        if (port < 1 || port > 65535)
                                return refuse(ret, 400, e, "a port is a number from 1 to 65535");
                        if (ret->n_ports == STREAMS_PORTS_MAX)
                                return refuse(ret, 400, e, "too many ports");
                        ret->ports[ret->n_ports++] = (uint16_t)port;
                        list += n;
                } while (*list++ == ',');
        }
        return ret->n_ports > 0 ? 0 : refuse(ret, 400, e, "the query says no port");
}

static int negotiate_websocket(const struct upgrade_request *r, const struct streams_wish *wish, struct agreement *ret,
                               struct err *e)
{
        const struct protocol *known = wish->port_forward ? websocket_forward : websocket_command, *p;
        size_t n = wish->port_forward ? ARRAY_LEN(websocket_forward) : ARRAY_LEN(websocket_command);
        char accept[WEBSOCKET_ACCEPT_SIZE];
        int result;

        if (!streq(r->method, "GET")) {
                add_header(ret, "Allow", "GET");
                return refuse(ret, 405, e, "a WebSocket begins with GET");
        }
        if (!streq(r->version, "13")) {
                add_header(ret, "Sec-WebSocket-Version", "13");
                return refuse(ret, 426, e, "only version 13 of WebSocket is spoken here");
        }
        if (!r->key || !websocket_accept(r->key, accept))
                return refuse(ret, 400, e, "bad Sec-WebSocket-Key");
        p = choose(r->protocols, known, n);
        if (!p)
                return refuse(ret, 403, e, "none of the protocols that the client offers is known here");
        ret->wire = starts_with(p->name, TUNNEL) ? WIRE_TUNNEL : WIRE_WEBSOCKET;
        ret->version = p->version;
        ret->base64 = p->base64;
        if (wish->port_forward && ret->wire == WIRE_WEBSOCKET) {
                result = parse_ports(r, ret, e);
                if (result < 0)
                        return result;
        }
        add_header(ret, "Connection", "Upgrade");
        add_header(ret, "Upgrade", "websocket");
        add_header(ret, "Sec-WebSocket-Accept", accept);
        if (*p->name)
                add_header(ret, "Sec-WebSocket-Protocol", p->name);
        return 0;
}

int upgrade_negotiate(const struct upgrade_request *r, const struct streams_wish *wish, struct agreement *ret,
                      struct err *e)
{
        int result;

        *ret = (struct agreement){ 0 };
        if (!r->connection || !has_word(r->connection, "upgrade") || !r->upgrade)
                return refuse(ret, 400, e, "the request does not ask for it");
        if (has_word(r->upgrade, "websocket"))
                result = negotiate_websocket(r, wish, ret, e);
        else if (has_word(r->upgrade, "SPDY/3.1"))
                result = negotiate_spdy(r, wish, ret, e);
        else
                return refuse(ret, 400, e, "only SPDY/3.1 and websocket are spoken here");
        if (result == 0)
                ret->status = 101;
        return result;
}
