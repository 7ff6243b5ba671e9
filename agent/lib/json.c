/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/json.h"

#include "common/mem.h"

#define NUL_ESCAPE "\\u0000"

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

cJSON *json_parse(const char *text, size_t size)
{
        bool has_nuls = memmem(text, size, NUL_ESCAPE, strlen(NUL_ESCAPE)) != NULL;
        CLEANUP(freep) char *marked = has_nuls ? mark_nuls(text, &size) : NULL;
        const char *start = marked ? marked : text, *end = NULL;
        cJSON *root = cJSON_ParseWithLengthOpts(start, size, &end, 0);

        while (root && end < start + size && *end && strchr(" \t\r\n", *end))
                end++;
        if (!root || end == start + size)
                return root;
        cJSON_Delete(root);
        return NULL;
}

void json_bytes(char *s, size_t size)
{
        for (char *mark = s; (mark = memchr(mark, (unsigned char)JSON_NUL, size - (size_t)(mark - s)));)
                *mark = '\0';
}
