/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/http1.h"

#include <errno.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"

size_t http_head_length(const char *p, size_t n, size_t scanned)
{
        size_t from = scanned > 3 ? scanned - 3 : 0;
        const char *end = n > from ? memmem(p + from, n - from, "\r\n\r\n", 4) : NULL;

        return end ? (size_t)(end - p) + 4 : 0;
}

static int refuse(struct http_head *h, int status, struct err *e, const char *why)
{
        h->status = status;
        return err_set(e, -EINVAL, NULL, "%s", why);
}

/* token of RFC 9110: what a method and a header's name are made of */
static bool is_token_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s)
{
        if (!*s)
                return false;
        for (; *s; s++)
                if (!is_token_char(*s))
                        return false;
        return true;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. False: a "%" without two hex digits, or a NUL, which no C string can carry. */
static bool percent_decode(char *s, bool plus_is_space)
{
        char *to = s;

        for (; *s; s++, to++) {
                if (*s == '%') {
                        int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);

                        if (low < 0 || high + low == 0)
                                return false;
                        *to = (char)(high * 16 + low);
                        s += 2;
                } else {
                        *to = *s == '+' && plus_is_space ? ' ' : *s;
                }
        }
        *to = '\0';
        return true;
}

static bool has_control(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        return true;
        return false;
}

/* Cuts `s` at the first `c`; what follows it, or NULL when there is none. */
static char *cut(char *s, char c)
{
        char *at = strchr(s, c);

        if (!at)
                return NULL;
        *at = '\0';
        return at + 1;
}

static int parse_query(char *s, struct http_head *h, struct err *e)
{
        struct request *r = &h->request;
        size_t room = 0;

        for (char *next; s; s = next) {
                char *value;

                next = cut(s, '&');
                if (!*s)
                        continue;
                if (r->n_query == SERVER_QUERY_MAX)
                        return refuse(h, 400, e, "too many parameters in the query");
                value = cut(s, '=');
                if (!percent_decode(s, true) || (value && !percent_decode(value, true)))
                        return refuse(h, 400, e, "bad percent-encoding in the query");
                if (r->n_query == room) {
                        room = room ? room * 2 : 16;
                        r->query = xrealloc(r->query, room, sizeof(*r->query));
                }
                r->query[r->n_query].name = s;
                r->query[r->n_query++].value = value ? value : "";
        }
        return 0;
}

static int parse_target(char *s, struct http_head *h, struct err *e)
{
        char *query;

        if (*s != '/')
                return refuse(h, 400, e, "the request target is not a path");
        for (const char *c = s; *c; c++)
                if (*c <= 0x20 || *c >= 0x7f || *c == '#')
                        return refuse(h, 400, e, "bad character in the request target");
        query = cut(s, '?');
        if (!percent_decode(s, false) || has_control(s))
                return refuse(h, 400, e, "bad percent-encoding in the path");
        h->request.path = s;
        return parse_query(query, h, e);
}

static int parse_request_line(char *line, struct http_head *h, struct err *e)
{
        char *target = cut(line, ' '), *version = target ? cut(target, ' ') : NULL;

        if (!version || !is_token(line))
                return refuse(h, 400, e, "malformed request line");
        h->request.method = line;
        if (streq(version, "HTTP/1.1"))
                h->http11 = true;
        else if (!streq(version, "HTTP/1.0"))
                return refuse(h, starts_with(version, "HTTP/") ? 505 : 400, e, "only HTTP/1.1 is spoken here");
        return parse_target(target, h, e);
}

static int parse_header(char *line, struct http_head *h, struct err *e)
{
        char *value = cut(line, ':'), *end;

        if (!value || !is_token(line)) /* a folded line begins with a blank, which is no token either */
                return refuse(h, 400, e, "malformed header line");
        if (h->n_headers == HTTP_HEADERS_MAX)
                return refuse(h, 431, e, "too many headers");
        for (char *c = line; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        *c = (char)(*c - 'A' + 'a');
        value += strspn(value, " \t");
        for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
                ;
        *end = '\0';
        for (const char *c = value; *c; c++)
                if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
                        return refuse(h, 400, e, "bad character in a header");
        h->headers[h->n_headers].name = line;
        h->headers[h->n_headers++].value = value;
        return 0;
}

/* Is `word` one of the comma-separated words of a header? */
static bool has_word(const char *value, const char *word)
{
        while (*value) {
                size_t n;

                value += strspn(value, ", \t");
                n = strcspn(value, ", \t");
                if (n == strlen(word) && strncasecmp(value, word, n) == 0)
                        return true;
                value += n;
        }
        return false;
}

/* What the headers say about the message itself: no body may follow, in whatever way it is announced. */
static int check_framing(struct http_head *h, struct err *e)
{
        size_t n_host = 0, n_length = 0;

        h->keep_alive = h->http11;
        for (size_t i = 0; i < h->n_headers; i++) {
                const char *name = h->headers[i].name, *value = h->headers[i].value;

                if (streq(name, "transfer-encoding"))
                        return refuse(h, 501, e, "no request body is taken here");
                if (streq(name, "content-length")) {
                        if (++n_length > 1 || !*value || value[strspn(value, "0123456789")])
                                return refuse(h, 400, e, "bad Content-Length");
                        if (value[strspn(value, "0")])
                                return refuse(h, 413, e, "no request body is taken here");
                }
                if (streq(name, "host"))
                        n_host++;
                if (streq(name, "connection") && has_word(value, "close"))
                        h->keep_alive = false;
        }
        if (n_host > 1 || (h->http11 && n_host == 0))
                return refuse(h, 400, e, "there must be one Host header");
        return 0;
}

/* The next line of the text, without its CRLF, which ends at its first CR or LF: NULL when these are not exactly a
 * CRLF. */
static char *take_line(char **s)
{
        char *line = *s, *end = line + strcspn(line, "\r\n");

        if (end[0] != '\r' || end[1] != '\n')
                return NULL;
        *end = '\0';
        *s = end + 2;
        return line;
}

static int parse(char *s, struct http_head *h, struct err *e)
{
        char *line = take_line(&s);
        int r = line ? parse_request_line(line, h, e) : refuse(h, 400, e, "malformed request line");

        while (r == 0) {
                line = take_line(&s);
                if (!line)
                        return refuse(h, 400, e, "malformed header line");
                if (!*line)
                        return check_framing(h, e);
                r = parse_header(line, h, e);
        }
        return r;
}

int http_head_parse(const char *p, size_t n, struct http_head *ret, struct err *e)
{
        int r;

        *ret = (struct http_head){ 0 };
        if (n > SERVER_HEAD_MAX)
                return refuse(ret, 431, e, "the request's head is too long");
        if (memchr(p, '\0', n))
                return refuse(ret, 400, e, "NUL in the request's head");
        ret->text = xmemdup(p, n);
        r = parse(ret->text, ret, e);
        if (r < 0)
                http_head_done(ret);
        return r;
}

/* Keeps the status, which outlives a refused head. */
void http_head_done(struct http_head *h)
{
        int status = h->status;

        free(h->request.query);
        free(h->text);
        *h = (struct http_head){ .status = status };
}

const char *http_header(const struct http_head *h, const char *name)
{
        for (size_t i = 0; i < h->n_headers; i++)
                if (streq(h->headers[i].name, name))
                        return h->headers[i].value;
        return NULL;
}

char *http_header_all(const struct http_head *h, const char *name)
{
        struct buf b = BUF(SERVER_HEAD_MAX + 2 * HTTP_HEADERS_MAX);
        bool any = false;

        for (size_t i = 0; i < h->n_headers; i++) {
                if (!streq(h->headers[i].name, name))
                        continue;
                if (any)
                        buf_str(&b, ", ");
                buf_str(&b, h->headers[i].value);
                any = true;
        }
        return any ? buf_steal(&b) : NULL;
}

const char *request_query(const struct request *r, const char *name)
{
        for (size_t i = 0; i < r->n_query; i++)
                if (streq(r->query[i].name, name))
                        return r->query[i].value;
        return NULL;
}

const char *http_status_text(int status)
{
        static const struct {
                int status;
                const char *text;
        } table[] = {
                { 101, "Switching Protocols" },
                { 200, "OK" },
                { 301, "Moved Permanently" },
                { 400, "Bad Request" },
                { 401, "Unauthorized" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 406, "Not Acceptable" },
                { 409, "Conflict" },
                { 413, "Content Too Large" },
                { 422, "Unprocessable Content" },
                { 426, "Upgrade Required" },
                { 429, "Too Many Requests" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 501, "Not Implemented" },
                { 502, "Bad Gateway" },
                { 503, "Service Unavailable" },
                { 504, "Gateway Timeout" },
                { 505, "HTTP Version Not Supported" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                if (table[i].status == status)
                        return table[i].text;
        return "Unknown";
}
