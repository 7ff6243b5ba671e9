/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/json.h"

#include "common/mem.h"

#define NUL_ESCAPE "\\u0000"
#define MANAGED    "\"managedFields\":[" /* a quote inside of a string is escaped, so this is always a member's name */

/* A copy with a mark instead of each escaped NUL; *size becomes that of the copy. */
static char *mark_nuls(const char *text, size_t *size)
{
        char *copy = xcalloc(*size + 1, 1), *to = copy;
        const char *end = text + *size;

        while (text < end) {
                size_t left = (size_t)(end - text);

                if (left >= strlen(NUL_ESCAPE) && memcmp(text, NUL_ESCAPE, strlen(NUL_ESCAPE)) == 0) {
                        *to++ = JSON_NUL;
                        text += strlen(NUL_ESCAPE);
                        continue;
                }
                if (*text == '\\' && left > 1) /* an escaped backslash before "u0000" makes it none */
                        *to++ = *text++;
                *to++ = *text++;
        }
        *size = (size_t)(to - copy);
        return copy;
}

/* One value, and nothing but white space behind it. */
static cJSON *parse(const char *text, size_t size)
{
        const char *end = NULL;
        cJSON *root = cJSON_ParseWithLengthOpts(text, size, &end, 0);

        while (root && end < text + size && *end && strchr(" \t\r\n", *end))
                end++;
        if (!root || end == text + size)
                return root;
        cJSON_Delete(root);
        return NULL;
}

cJSON *json_parse(const char *text, size_t size)
{
        char *marked;
        cJSON *root;

        if (!memmem(text, size, NUL_ESCAPE, strlen(NUL_ESCAPE)))
                return parse(text, size);
        marked = mark_nuls(text, &size);
        root = parse(marked, size);
        explicit_bzero(marked, size); /* it may be a Secret */
        free(marked);
        return root;
}

/* Where the array whose elements begin at `text` ends: at its bracket, or at `end` when it has none. */
static const char *array_end(const char *text, const char *end)
{
        bool quoted = false;
        size_t depth = 1;

        for (; text < end; text++)
                if (quoted && *text == '\\')
                        text += text + 1 < end;
                else if (*text == '"')
                        quoted = !quoted;
                else if (!quoted && (*text == '[' || *text == '{'))
                        depth++;
                else if (!quoted && (*text == ']' || *text == '}') && --depth == 0)
                        break;
        return text;
}

cJSON *json_parse_unmanaged(const char *text, size_t size)
{
        const char *end = text + size, *next = memmem(text, size, MANAGED, strlen(MANAGED));
        char *copy, *to;
        cJSON *root;

        if (!next)
                return json_parse(text, size);
        to = copy = xcalloc(size, 1);
        for (; next; next = memmem(text, (size_t)(end - text), MANAGED, strlen(MANAGED))) {
                next += strlen(MANAGED);
                to = mempcpy(to, text, (size_t)(next - text));
                text = array_end(next, end);
        }
        to = mempcpy(to, text, (size_t)(end - text));
        root = json_parse(copy, (size_t)(to - copy));
        explicit_bzero(copy, size);
        free(copy);
        return root;
}

void json_bytes(char *s, size_t size)
{
        for (char *mark = s; (mark = memchr(mark, (unsigned char)JSON_NUL, size - (size_t)(mark - s)));)
                *mark = '\0';
}
