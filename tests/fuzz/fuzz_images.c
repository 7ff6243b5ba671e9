/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's table of images, and what it makes of a pod: first the name of an image, then a NUL, then the table.
 * What comes out is an image that the helper could be asked for, in a unit that has a name.
 */
#include <stdlib.h>

#include "agent/lib/json.h"
#include "agent/pod/image_meaning.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

static struct pod *pod_with(const char *image, const char *args)
{
        CLEANUP(freep)
        char *text = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                               "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{\"containers\":[{\"name\":\"c\","
                               "\"env\":[{\"name\":\"A\",\"value\":\"b\"}],\"volumeMounts\":[{\"name\":\"v\","
                               "\"mountPath\":\"/data\"}]%s}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
                               args);
        cJSON *o = json_parse(text, strlen(text));
        struct pod *p = NULL;

        if (!o)
                abort();
        cJSON_AddStringToObject(cJSON_GetObjectItem(o, "spec")->child->child, "image", image);
        if (pod_parse(o, &p, NULL) < 0)
                abort();
        cJSON_Delete(o);
        return p;
}

/* A path may be too long for a unit's name: then the container is refused. */
static void check(const struct pod *p, const struct image_table *t)
{
        const struct container *c = &p->containers[0];
        struct image plain;
        const struct image_row *row;

        (void)image_parse(c->image, &plain, NULL);
        row = image_table_find(t, c->image, &plain);
        if (!row != !c->meaning)
                abort();
        if (!row)
                return;
        if (c->parsed.kind == IMAGE_PACKAGE ? !id_is_package(c->parsed.name) : !id_is_path(c->parsed.name))
                abort();
        if ((!id_is_unit(c->unit) && !c->refused.code) || !c->mark || (c->command && !*c->command) ||
            !id_is_path(c->mounts[0].path))
                abort();
        (void)image_meaning_allows(c, "1:7.0.15-1", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const commands[] = { "", ",\"args\":[\"-x\"]", ",\"args\":[\"x\",\"/data\"]",
                                                ",\"command\":[\"a\",\"b\"],\"args\":[\"c\"]" };
        const uint8_t *end = memchr(data, '\0', size);
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        CLEANUP(freep) char *image = NULL;

        if (!end)
                return 0;
        image = xstrndup((const char *)data, (size_t)(end - data));
        if (image_table_parse("images.conf", (const char *)end + 1, size - (size_t)(end + 1 - data), &t, NULL) < 0)
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                CLEANUP(pod_freep) struct pod *p = pod_with(image, commands[i]);

                image_meaning_apply(t, p);
                check(p, t);
        }
        return 0;
}
