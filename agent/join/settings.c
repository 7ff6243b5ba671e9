/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/settings.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "agent/lib/yaml.h"
#include "common/buf.h"
#include "common/mem.h"

#define BEGINS "# Written by `vks-agent join`, and taken away by `vks-agent leave`:"
#define ENDS   "# End of what `vks-agent join` wrote."

static void buf_donep(struct buf *b)
{
        buf_done(b);
}

static const char *next_line(const char *line)
{
        size_t n = strcspn(line, "\n");

        return line + n + (line[n] == '\n');
}

static bool line_is(const char *line, const char *text)
{
        return starts_with(line, text) && (line[strlen(text)] == '\n' || !line[strlen(text)]);
}

/* What is behind the block that this line begins; NULL where it begins none. A block without its last line was cut by
 * hand: then it is the operator's, all of it. */
static const char *behind_block(const char *line)
{
        if (!line_is(line, BEGINS))
                return NULL;
        for (line = next_line(line); *line && !line_is(line, BEGINS); line = next_line(line))
                if (line_is(line, ENDS))
                        return next_line(line);
        return NULL;
}

static void copy_without_block(struct buf *out, const char *text)
{
        while (*text) {
                const char *behind = behind_block(text), *next = next_line(text);

                if (!behind)
                        buf_add(out, text, (size_t)(next - text));
                text = behind ? behind : next;
        }
}

/* With zeros in it, or marked as UTF-16. */
static bool is_utf16(const char *text, size_t size)
{
        return memchr(text, '\0', size) || starts_with(text, "\xff\xfe") || starts_with(text, "\xfe\xff");
}

int settings_write(const char *text, size_t size, const struct setting *settings, size_t n, char **ret,
                   uint64_t *ret_kept, struct err *e)
{
        CLEANUP(buf_donep) struct buf out = BUF(SETTINGS_MAX);
        CLEANUP(json_freep) cJSON *tree = NULL;
        bool begun = false;
        int r;

        *ret_kept = 0;
        if (text && is_utf16(text, size))
                return err_set(e, -EINVAL, NULL, "it must be UTF-8");
        copy_without_block(&out, text ? text : "");
        buf_str(&out, "");
        if (!buf_ok(&out))
                return err_set(e, -EFBIG, NULL, "it is too long");
        r = yaml_parse(out.data, out.len, &tree, e);
        if (r < 0)
                return r;
        if (!cJSON_IsNull(tree) && !cJSON_IsObject(tree))
                return err_set(e, -EINVAL, NULL, "it must have \"field: value\" lines");
        if (out.len > 0 && out.data[out.len - 1] != '\n')
                buf_char(&out, '\n');
        for (size_t i = 0; i < n; i++) {
                const cJSON *own = json_get(tree, settings[i].field);

                if (own) {
                        *ret_kept |= UINT64_C(1) << i;
                        continue;
                }
                if (!begun)
                        buf_str(&out, BEGINS "\n");
                begun = true;
                buf_printf(&out, "%s: %s\n", settings[i].field, settings[i].value);
        }
        if (begun)
                buf_str(&out, ENDS "\n");
        if (!buf_ok(&out))
                return err_set(e, -EFBIG, NULL, "it is too long");
        if (begun) {
                CLEANUP(json_freep) cJSON *whole = NULL;

                /* a file may end in a way that lets no line follow */
                r = yaml_parse(out.data, out.len, &whole, e);
                if (r < 0)
                        return err_prefix(e, "nothing can be added to its end: ");
        }
        *ret = buf_steal(&out);
        return 0;
}
