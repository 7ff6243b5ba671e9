/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "agent/lib/yaml.h"
#include "common/buf.h"
#include "common/mem.h"

/* The document as JSON, or its error; the caller owns it. */
static char *json(const char *yaml)
{
        struct err e = ERR_NONE;
        cJSON *root = NULL;
        char *s;

        if (yaml_parse(yaml, strlen(yaml), &root, &e) < 0)
                return xstrdup(e.text);
        s = cJSON_PrintUnformatted(root);
        cJSON_Delete(root);
        return s;
}

static void check(const char *yaml, const char *want)
{
        CLEANUP(freep) char *got = json(yaml);

        cr_expect_str_eq(got, want, "%s: %s", yaml, got);
}

Test(yaml, plain_scalars_are_typed_and_others_are_strings)
{
        check("a: true\nb: False\nc: ~\nd:\ne: 12\nf: -1.5\n",
              "{\"a\":true,\"b\":false,\"c\":null,\"d\":null,\"e\":12,\"f\":-1.5}");
        check("[yes, on, 'true', \"1\", 1.2.3, 1e, '', -, 2026-01-01]",
              "[\"yes\",\"on\",\"true\",\"1\",\"1.2.3\",\"1e\",\"\",\"-\",\"2026-01-01\"]");
        check("- !!str 12\n- 1e3\n- 100m", "[\"12\",1000,\"100m\"]");
}

Test(yaml, file_modes_are_octal)
{
        check("[0644, 0, 0o644, 089, 0.5]", "[420,0,\"0o644\",89,0.5]");
}

Test(yaml, blocks_keep_their_lines)
{
        check("a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}");
}

Test(yaml, an_empty_document_is_null)
{
        check("", "null");
        check("# nothing\n", "null");
        check("---\n...\n", "null");
}

Test(yaml, json_is_yaml)
{
        check("{\"a\": [1, {\"b\": \"\\u00e9\"}]}", "{\"a\":[1,{\"b\":\"\xc3\xa9\"}]}");
}

Test(yaml, refusals_name_the_line)
{
        check("a: 1\nb: &x 2\n", "line 2: anchors are not allowed");
        check("a: &x [1]\n", "line 1: anchors are not allowed");
        check("a: 1\nb: *a\n", "line 2: aliases are not allowed");
        check("a: 1\n\na: 2\n", "line 3: the key \"a\" for the second time");
        check("1: a\n", "line 1: a key that is not a string");
        check("? [a]\n: b\n", "line 1: a key that is not a string");
        check("a: !!binary aGk=\n", "line 1: tags are not allowed");
        check("a: 9007199254740993000\n", "line 1: the number is too large");
        check("a: 1\n---\nb: 2\n", "line 2: a second document");
        check("a: \"x\\0y\"\n", "line 1: a NUL character in a string");
        check("a: [1\n", "line 2: did not find expected ',' or ']'");
}

Test(yaml, depth_and_size_are_bounded)
{
        struct buf b = BUF(4096);
        CLEANUP(freep) char *got = NULL;
        CLEANUP(freep) char *huge = xcalloc(YAML_SIZE_MAX + 2, 1);
        struct err e = ERR_NONE;
        cJSON *root = NULL;

        for (int i = 0; i < YAML_DEPTH_MAX + 1; i++)
                buf_char(&b, '[');
        got = json(b.data);
        cr_expect_str_eq(got, "line 1: nested too deeply");
        buf_done(&b);
        memset(huge, 'a', YAML_SIZE_MAX + 1);
        cr_expect_lt(yaml_parse(huge, YAML_SIZE_MAX + 1, &root, &e), 0);
        cr_expect_null(root);
}
