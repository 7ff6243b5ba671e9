/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resources.h"

#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "common/mem.h"

static const struct resources node = {
        .of = { [RESOURCE_CPU] = 1900, [RESOURCE_MEMORY] = 3 << 20, [RESOURCE_STORAGE] = 4000 }
};

static void field_is(const char *resources, const char *field, const char *divisor, const char *want)
{
        cJSON *o = *resources ? cJSON_Parse(resources) : NULL;
        CLEANUP(freep) char *is = resource_field(o, field, divisor, &node);

        cr_expect(streq(is, want), "%s of %s by %s: %s, not %s", field, resources, divisor ? divisor : "nothing",
                  is ? is : "none", want ? want : "none");
        cJSON_Delete(o);
}

Test(resources, fields)
{
        static const char r[] = "{\"limits\":{\"cpu\":\"1500m\",\"memory\":\"64Mi\",\"hugepages-2Mi\":\"4Mi\"},"
                                "\"requests\":{\"cpu\":\"10m\",\"memory\":\"16Mi\",\"ephemeral-storage\":\"1Ki\"}}";
        static const char zero[] = "{\"limits\":{\"cpu\":\"0\",\"memory\":\"0\"}}";
        static const struct {
                const char *resources, *field, *divisor, *is;
        } rows[] = {
                { r, "limits.cpu", NULL, "2" },
                { r, "limits.cpu", "0", "2" },
                { r, "limits.cpu", "1m", "1500" },
                { r, "limits.cpu", "1", "2" },
                { r, "requests.cpu", NULL, "1" },
                { r, "requests.cpu", "1m", "10" },
                { r, "limits.memory", NULL, "67108864" },
                { r, "limits.memory", "1Mi", "64" },
                { r, "limits.memory", "1Gi", "1" },
                { r, "requests.memory", "1k", "16778" },
                { r, "requests.ephemeral-storage", NULL, "1024" },
                { r, "limits.hugepages-2Mi", "1Mi", "4" },
                { r, "requests.hugepages-2Mi", NULL, "0" },
                { r, "limits.ephemeral-storage", NULL, "4000" },
                { "", "limits.cpu", NULL, "2" },
                { "", "limits.cpu", "1m", "1900" },
                { "", "limits.memory", "1Mi", "3" },
                { "", "requests.cpu", NULL, "0" },
                { "", "requests.memory", "1Mi", "0" },
                { zero, "limits.cpu", "1m", "1900" },
                { zero, "limits.memory", NULL, "3145728" },
                { "{\"limits\":{\"memory\":\"9223372036854775808\"}}", "limits.memory", NULL, "9223372036854775807" },
                { r, "limits", NULL, NULL },
                { r, "limits.", NULL, NULL },
                { r, "limits.hugepages-", NULL, NULL },
                { r, "limits.example.com/gpu", NULL, NULL },
                { r, "cpu", NULL, NULL },
                { r, "", NULL, NULL },
                { r, "limits.cpu", "x", NULL },
                { r, "limits.cpu", "-1", NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                field_is(rows[i].resources, rows[i].field, rows[i].divisor, rows[i].is);
}

#define CPU(name, amount, more) "{\"name\":\"" name "\",\"resources\":{\"requests\":{\"cpu\":\"" amount "\"}}" more "}"
#define SIDECAR                 ",\"restartPolicy\":\"Always\""

/* What the pod asks for beyond its containers, in equal parts. */
Test(resources, memory_that_is_the_pods_own_is_shared_out)
{
#define OWN(memory) "\"resources\":{\"requests\":{\"memory\":\"" memory "\"}}"
#define ONE(memory) "{\"name\":\"c\",\"resources\":{\"requests\":{\"memory\":\"" memory "\"}}}"
        static const struct {
                const char *spec;
                uint64_t each;
        } rows[] = {
                { "{}", 0 },
                { "{" OWN("100") "}", 0 },
                { "{\"containers\":[" ONE("40") "]}", 0 },
                { "{" OWN("100") ",\"containers\":[" ONE("40") "]}", 60 },
                { "{" OWN("100") ",\"containers\":[" ONE("40") "," ONE("20") "]}", 20 },
                { "{" OWN("100") ",\"containers\":[" ONE("100") "]}", 0 },
                { "{" OWN("100") ",\"containers\":[" ONE("140") "]}", 0 },
                { "{" OWN("100") ",\"containers\":[" ONE("40") "],\"initContainers\":[{}]}", 30 },
                { "{" OWN("100") ",\"containers\":[" ONE("40") "],\"initContainers\":[{},{}]}", 20 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *spec = cJSON_Parse(rows[i].spec);

                cr_assert_not_null(spec, "%s", rows[i].spec);
                cr_expect_eq(resources_spare_memory(spec), rows[i].each, "%s", rows[i].spec);
                cJSON_Delete(spec);
        }
}

/* component-helpers resource.PodRequests */
Test(resources, of_a_pod)
{
        static const struct {
                const char *shows, *spec;
                uint64_t milli;
        } rows[] = {
                { "nothing", "", 0 },
                { "the sum", "\"containers\":[" CPU("a", "100m", "") "," CPU("b", "1", "") "]", 1100 },
                { "an init container that needs less",
                  "\"containers\":[" CPU("a", "2", "") "],\"initContainers\":[" CPU("i", "1", "") "]", 2000 },
                { "or more", "\"containers\":[" CPU("a", "2", "") "],\"initContainers\":[" CPU("i", "3", "") "]",
                  3000 },
                { "the largest of two",
                  "\"containers\":[],\"initContainers\":[" CPU("i", "3", "") "," CPU("k", "2", "") "]", 3000 },
                { "a sidecar stays",
                  "\"containers\":[" CPU("a", "2", "") "],\"initContainers\":[" CPU("s", "1", SIDECAR) "]", 3000 },
                { "an init container behind a sidecar",
                  "\"containers\":[" CPU("a", "1", "") "],\"initContainers\":[" CPU("s", "1", SIDECAR) "," CPU("i", "5",
                                                                                                               "") "]",
                  6000 },
                { "and before one",
                  "\"containers\":[" CPU("a", "1", "") "],\"initContainers\":[" CPU("i", "5", "") "," CPU("s", "1",
                                                                                                          SIDECAR) "]",
                  5000 },
                { "overhead", "\"containers\":[" CPU("a", "1", "") "],\"overhead\":{\"cpu\":\"250m\"}", 1250 },
                { "what the pod says itself",
                  "\"containers\":[" CPU("a", "1", "") "],\"resources\":{\"requests\":{\"cpu\":\"3\"}}", 3000 },
                { "what no number holds",
                  "\"containers\":[" CPU("a", "9223372036854775", "") "," CPU("b", "9223372036854775", "") "]",
                  INT64_MAX },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = xasprintf("{%s}", rows[i].spec);
                cJSON *o = cJSON_Parse(text);
                struct resources r;

                cr_assert_not_null(o, "bad test JSON: %s", text);
                resources_of_pod(o, "requests", &r);
                cr_expect_eq(r.of[RESOURCE_CPU], rows[i].milli, "%s: %llu", rows[i].shows,
                             (unsigned long long)r.of[RESOURCE_CPU]);
                cr_expect_eq(r.of[RESOURCE_MEMORY], 0);
                cJSON_Delete(o);
        }
}
