/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/yaml.h"

#include <errno.h>
#include <math.h>
#include <yaml.h>

#include "common/mem.h"

enum { KEYS_MAX = 10000 }; /* of one mapping: looking for duplicates is quadratic */

struct reader {
        yaml_parser_t parser;
        unsigned nodes;
        struct err *e;
};

static int fail_at(struct reader *r, const yaml_mark_t *mark, const char *what)
{
        return err_set(r->e, -EINVAL, NULL, "line %zu: %s", mark->line + 1, what);
}

static int next(struct reader *r, yaml_event_t *event)
{
        if (yaml_parser_parse(&r->parser, event))
                return 0;
        if (r->parser.error == YAML_READER_ERROR)
                return err_set(r->e, -EINVAL, NULL, "byte %zu: %s", r->parser.problem_offset,
                               r->parser.problem ? r->parser.problem : "cannot be read");
        return fail_at(r, &r->parser.problem_mark, r->parser.problem ? r->parser.problem : "not YAML");
}

static bool one_of(const char *s, const char *a, const char *b, const char *c)
{
        return streq(s, a) || streq(s, b) || streq(s, c);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_number(const char *s)
{
        size_t before, after = 0;

        s += *s == '-' || *s == '+';
        before = strspn(s, "0123456789");
        s += before;
        if (*s == '.') {
                after = strspn(s + 1, "0123456789");
                s += 1 + after;
        }
        if (before + after == 0)
                return false;
        if (*s == 'e' || *s == 'E') {
                s++;
                s += *s == '-' || *s == '+';
                before = strspn(s, "0123456789");
                s += before;
                if (before == 0)
                        return false;
        }
        return *s == '\0';
}

static bool is_octal(const char *s)
{
        return s[0] == '0' && s[1] != '\0' && s[1 + strspn(s + 1, "01234567")] == '\0';
}

/* NULL: a number that a double cannot hold. */
static cJSON *plain(const char *s)
{
        double d;

        if (*s == '\0' || streq(s, "~") || one_of(s, "null", "Null", "NULL"))
                return cJSON_CreateNull();
        if (one_of(s, "true", "True", "TRUE"))
                return cJSON_CreateTrue();
        if (one_of(s, "false", "False", "FALSE"))
                return cJSON_CreateFalse();
        if (!is_number(s))
                return cJSON_CreateString(s);
        d = is_octal(s) ? (double)strtoull(s, NULL, 8) : strtod(s, NULL);
        return fabs(d) <= 9007199254740992.0 ? cJSON_CreateNumber(d) : NULL;
}

static int scalar(struct reader *r, const yaml_event_t *event, cJSON **ret)
{
        const char *s = (const char *)event->data.scalar.value, *tag = (const char *)event->data.scalar.tag;

        if (event->data.scalar.anchor)
                return fail_at(r, &event->start_mark, "anchors are not allowed");
        if (tag && !streq(tag, "!") && !streq(tag, YAML_STR_TAG))
                return fail_at(r, &event->start_mark, "tags are not allowed");
        if (strlen(s) != event->data.scalar.length)
                return fail_at(r, &event->start_mark, "a NUL character in a string");
        if (tag || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
                *ret = cJSON_CreateString(s);
        else
                *ret = plain(s);
        return *ret ? 0 : fail_at(r, &event->start_mark, "the number is too large");
}

static int value(struct reader *r, const yaml_event_t *event, unsigned depth, cJSON **ret);

static int sequence(struct reader *r, unsigned depth, cJSON *array)
{
        for (;;) {
                yaml_event_t event;
                cJSON *item = NULL;
                int n = next(r, &event);

                if (n < 0)
                        return n;
                if (event.type == YAML_SEQUENCE_END_EVENT) {
                        yaml_event_delete(&event);
                        return 0;
                }
                n = value(r, &event, depth, &item);
                yaml_event_delete(&event);
                if (n < 0)
                        return n;
                cJSON_AddItemToArray(array, item);
        }
}

static int key_of(struct reader *r, const yaml_event_t *event, const cJSON *object, unsigned keys, char **ret)
{
        const char *s = (const char *)event->data.scalar.value;
        CLEANUP(freep) char *words = NULL;
        cJSON *parsed = NULL;
        bool is_string;
        int n;

        if (event->type == YAML_ALIAS_EVENT)
                return fail_at(r, &event->start_mark, "aliases are not allowed");
        if (event->type != YAML_SCALAR_EVENT)
                return fail_at(r, &event->start_mark, "a key that is not a string");
        n = scalar(r, event, &parsed);
        is_string = cJSON_IsString(parsed);
        cJSON_Delete(parsed);
        if (n < 0)
                return n;
        if (!is_string)
                return fail_at(r, &event->start_mark, "a key that is not a string");
        if (keys >= KEYS_MAX)
                return fail_at(r, &event->start_mark, "too many keys");
        if (cJSON_GetObjectItemCaseSensitive(object, s)) {
                words = xasprintf("the key \"%.60s\" for the second time", s);
                return fail_at(r, &event->start_mark, words);
        }
        *ret = xstrdup(s);
        return 0;
}

static int mapping(struct reader *r, unsigned depth, cJSON *object)
{
        for (unsigned keys = 0;; keys++) {
                CLEANUP(freep) char *key = NULL;
                yaml_event_t event;
                cJSON *item = NULL;
                int n = next(r, &event);

                if (n < 0)
                        return n;
                if (event.type == YAML_MAPPING_END_EVENT) {
                        yaml_event_delete(&event);
                        return 0;
                }
                n = key_of(r, &event, object, keys, &key);
                yaml_event_delete(&event);
                if (n < 0 || (n = next(r, &event)) < 0)
                        return n;
                n = value(r, &event, depth, &item);
                yaml_event_delete(&event);
                if (n < 0)
                        return n;
                cJSON_AddItemToObject(object, key, item);
        }
}

static int collection(struct reader *r, const yaml_event_t *event, unsigned depth, cJSON **ret)
{
        bool seq = event->type == YAML_SEQUENCE_START_EVENT;
        const yaml_char_t *anchor = seq ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
        const yaml_char_t *tag = seq ? event->data.sequence_start.tag : event->data.mapping_start.tag;
        cJSON *c;
        int n;

        if (anchor)
                return fail_at(r, &event->start_mark, "anchors are not allowed");
        if (tag)
                return fail_at(r, &event->start_mark, "tags are not allowed");
        if (depth >= YAML_DEPTH_MAX)
                return fail_at(r, &event->start_mark, "nested too deeply");
        c = seq ? cJSON_CreateArray() : cJSON_CreateObject();
        n = seq ? sequence(r, depth + 1, c) : mapping(r, depth + 1, c);
        if (n < 0)
                cJSON_Delete(c);
        else
                *ret = c;
        return n;
}

static int value(struct reader *r, const yaml_event_t *event, unsigned depth, cJSON **ret)
{
        if (++r->nodes > YAML_NODES_MAX)
                return fail_at(r, &event->start_mark, "too many values");
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return scalar(r, event, ret);
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
                return collection(r, event, depth, ret);
        case YAML_ALIAS_EVENT:
                return fail_at(r, &event->start_mark, "aliases are not allowed");
        default:
                return fail_at(r, &event->start_mark, "a value is missing");
        }
}

/* Up to the end of the stream; an empty document is null. */
static int document(struct reader *r, cJSON **root)
{
        for (;;) {
                yaml_event_t event;
                yaml_event_type_t type;
                int n = next(r, &event);

                if (n < 0)
                        return n;
                type = event.type;
                if (type == YAML_DOCUMENT_START_EVENT && *root)
                        n = fail_at(r, &event.start_mark, "a second document");
                else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                         type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT)
                        n = value(r, &event, 0, root);
                yaml_event_delete(&event);
                if (n < 0)
                        return n;
                if (type == YAML_STREAM_END_EVENT)
                        return 0;
        }
}

int yaml_parse(const char *text, size_t size, cJSON **ret, struct err *e)
{
        struct reader r = { .e = e };
        cJSON *root = NULL;
        int n;

        if (size > YAML_SIZE_MAX)
                return err_set(e, -EFBIG, NULL, "larger than %d bytes", YAML_SIZE_MAX);
        if (!yaml_parser_initialize(&r.parser))
                return err_set(e, -ENOMEM, NULL, "no memory for the parser");
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
        n = document(&r, &root);
        yaml_parser_delete(&r.parser);
        if (n < 0) {
                cJSON_Delete(root);
                return n;
        }
        *ret = root ? root : cJSON_CreateNull();
        return 0;
}
