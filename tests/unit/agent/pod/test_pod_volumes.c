/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod says of its volumes, and what is mounted of them. */
#include "tests/unit/agent/pod/parsed.h"

static char *volume_text(const struct volume *v)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        static const char *const kinds[] = { "emptyDir", "hostPath", "files" };

        buf_printf(&b, "%s", kinds[v->kind]);
        if (v->memory)
                buf_str(&b, " memory");
        if (v->size_limit)
                buf_printf(&b, " %llu", (unsigned long long)v->size_limit);
        if (v->path)
                buf_printf(&b, " %s", v->path);
        if (v->type)
                buf_printf(&b, " %s", v->type);
        for (size_t i = 0; i < v->n_items; i++) {
                const struct volume_item *it = &v->items[i];
                buf_printf(&b, "%s %s %s%s%s%s %o%s", i ? "," : "", it->path ? it->path : "*", sources[it->kind],
                           it->object ? it->object : "", it->object ? "/" : "", it->text ? it->text : "*", it->mode,
                           it->optional ? "?" : "");
                if (it->expiration_s)
                        buf_printf(&b, " for %d", (int)it->expiration_s);
        }
        return buf_steal(&b);
}

/* "POD-VOLUME", which may be longer than a name. */
Test(pod_volumes, a_claim_that_is_made_for_a_pod_has_a_name_that_can_be)
{
        for (size_t more = 0; more < 2; more++) {
                char name[ID_NAME_MAX + 1] = "";

                for (size_t i = 0; i < ID_NAME_MAX - strlen("-v") + more; i++)
                        name[i] = i % 50 == 40 ? '.' : 'x';
                CLEANUP(freep)
                char *object =
                        xasprintf("{\"metadata\":{\"namespace\":\"d\",\"name\":\"%s\",\"uid\":"
                                  "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{\"containers\":[],\"volumes\":["
                                  "{\"name\":\"v\",\"ephemeral\":{}}]}}",
                                  name);
                CLEANUP(pod_freep) struct pod *p = parse_object(object);

                cr_expect(starts_with(kept_text(refusal(p)), more ? "volumes{v}.ephemeral: \"xxx" : ""), "%s",
                          kept_text(refusal(p)));
                cr_expect_eq(refusal(p)->code != 0, more == 1, "%s", kept_text(refusal(p)));
                cr_expect(p->volumes[0].owned && p->volumes[0].kind == VOLUME_CLAIM);
        }
}

Test(pod_volumes, what_an_empty_dir_has_no_way_to_be_is_told)
{
        static const struct {
                const char *fields, *ignored;
        } rows[] = {
                { "", NULL },
                { "\"medium\":\"\"", NULL },
                { "\"medium\":\"Memory\"", NULL },
                { "\"medium\":\"HugePages\"", "emptyDir.medium" },
                { "\"medium\":\"HugePages-2Mi\"", "emptyDir.medium" },
                { "\"mode\":511", "emptyDir.mode" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *spec =
                        xasprintf("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}],\"volumes\":[{\"name\":\"v\","
                                  "\"emptyDir\":{%s}}]",
                                  rows[i].fields);
                CLEANUP(pod_freep) struct pod *p = parse(spec);

                cr_expect_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
                cr_expect(streq(p->ignored, rows[i].ignored), "%s: %s", rows[i].fields,
                          p->ignored ? p->ignored : "(none)");
        }
}

Test(pod_volumes, fields_of_a_volume)
{
        static const struct {
                const char *shows, *source, *is, *refused;
        } table[] = {
                { "emptyDir", "\"emptyDir\":{}", "emptyDir", "" },
                { "in memory", "\"emptyDir\":{\"medium\":\"Memory\"}", "emptyDir memory", "" },
                { "with a limit", "\"emptyDir\":{\"sizeLimit\":\"100\"}", "emptyDir 100", "" },
                { "in powers of ten", "\"emptyDir\":{\"sizeLimit\":\"2k\"}", "emptyDir 2000", "" },
                { "in powers of two", "\"emptyDir\":{\"sizeLimit\":\"1.5Mi\"}", "emptyDir 1572864", "" },
                { "larger", "\"emptyDir\":{\"sizeLimit\":\"3Gi\"}", "emptyDir 3221225472", "" },
                { "in thousandths", "\"emptyDir\":{\"sizeLimit\":\"5000m\"}", "emptyDir 5", "" },
                { "a limit that is none", "\"emptyDir\":{\"sizeLimit\":\"2 apples\"}", "emptyDir", "" },
                { "nothing is no limit", "\"emptyDir\":{\"sizeLimit\":\"0\"}", "emptyDir", "" },
                { "nor is less", "\"emptyDir\":{\"sizeLimit\":\"-1Mi\"}", "emptyDir", "" },
                { "nor more than there can be", "\"emptyDir\":{\"sizeLimit\":\"10E\"}", "emptyDir", "" },
                { "hostPath", "\"hostPath\":{\"path\":\"/srv\"}", "hostPath /srv", "" },
                { "with a type", "\"hostPath\":{\"path\":\"/srv//\",\"type\":\"Directory\"}", "hostPath /srv Directory",
                  "" },
                { "the root", "\"hostPath\":{\"path\":\"//\"}", "hostPath /", "" },
                { "as people write it", "\"hostPath\":{\"path\":\"/var//./log/x/\"}", "hostPath /var/log/x", "" },
                { "a way back", "\"hostPath\":{\"path\":\"/srv/../etc\"}", NULL,
                  "volumes{v}.hostPath: \"/srv/../etc\" is not a normalized absolute path" },
                { "a relative one", "\"hostPath\":{\"path\":\"srv\"}", NULL,
                  "volumes{v}.hostPath: \"srv\" is not a normalized absolute path" },
                { "none", "\"hostPath\":{}", NULL, "volumes{v}.hostPath: \"\" is not a normalized absolute path" },
                { "all keys of a ConfigMap", "\"configMap\":{\"name\":\"m\"}", "files * <configMap m/* 644", "" },
                { "with a mode", "\"configMap\":{\"name\":\"m\",\"defaultMode\":256,\"optional\":true}",
                  "files * <configMap m/* 400?", "" },
                { "some of them",
                  "\"configMap\":{\"name\":\"m\",\"optional\":true,\"items\":[{\"key\":\"k\",\"path\":\"a/b\"},"
                  "{\"key\":\"l\",\"path\":\"c\",\"mode\":511}]}",
                  "files a/b <configMap m/k 644?, c <configMap m/l 777?", "" },
                { "modes are permission bits",
                  "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"p\","
                  "\"mode\":2541}]}",
                  "files p <configMap m/k 755", "" },
                { "a Secret has another field for its name", "\"secret\":{\"secretName\":\"s\",\"defaultMode\":2304}",
                  "files * <secret s/* 400", "" },
                { "no name of a ConfigMap", "\"configMap\":{}", "files", "volumes{v}: no valid name of a ConfigMap" },
                { "no name of a Secret", "\"secret\":{\"secretName\":\"../s\"}", "files",
                  "volumes{v}: no valid name of a Secret" },
                { "a path out of it", "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"../x\"}]}",
                  NULL, "volumes{v}: path \"../x\" must be relative and stay inside the volume" },
                { "a path as people write it",
                  "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"./a//b/\"}]}",
                  "files a/b <configMap m/k 644", "" },
                { "no path", "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\"}]}", NULL,
                  "volumes{v}: path \"\" must be relative and stay inside the volume" },
                { "an absolute path", "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"/x\"}]}",
                  NULL, "volumes{v}: path \"/x\" must be relative and stay inside the volume" },
                { "a name that the volume uses itself",
                  "\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\",\"path\":\"..data\"}]}", NULL,
                  "volumes{v}: path \"..data\" must be relative and stay inside the volume" },
                { "fields of the pod",
                  "\"downwardAPI\":{\"defaultMode\":256,\"items\":[{\"path\":\"n\",\"fieldRef\":{\"fieldPath\":"
                  "\"metadata.name\"}},{\"path\":\"l\",\"mode\":420,\"fieldRef\":{\"fieldPath\":"
                  "\"metadata.labels\"}}]}",
                  "files n <field metadata.name 400, l <field metadata.labels 644", "" },
                { "an unknown one",
                  "\"downwardAPI\":{\"items\":[{\"path\":\"n\",\"fieldRef\":{\"fieldPath\":\"spec.x\"}}]}", NULL,
                  "volumes{v}.downwardAPI: unknown fieldPath \"spec.x\"" },
                { "a container's resource",
                  "\"downwardAPI\":{\"items\":[{\"path\":\"n\",\"mode\":256,\"resourceFieldRef\":{\"containerName\":"
                  "\"c\","
                  "\"resource\":\"limits.cpu\"}}]}",
                  "files n <resource c/limits.cpu 400", "" },
                { "nobody's resource",
                  "\"downwardAPI\":{\"items\":[{\"path\":\"n\",\"resourceFieldRef\":{\"resource\":\"limits.cpu\"}}]}",
                  NULL, "volumes{v}.downwardAPI.resourceFieldRef: no resource \"limits.cpu\" of a container \"\"" },
                { "all of that together",
                  "\"projected\":{\"defaultMode\":256,\"sources\":[{\"configMap\":{\"name\":\"m\"}},{\"secret\":{"
                  "\"name\":\"s\",\"optional\":true}},{\"downwardAPI\":{\"items\":[{\"path\":\"n\",\"fieldRef\":{"
                  "\"fieldPath\":\"metadata.uid\"}}]}},{\"serviceAccountToken\":{\"path\":\"t\"}},"
                  "{\"serviceAccountToken\":{\"path\":\"u\",\"audience\":\"x\",\"expirationSeconds\":600}}]}",
                  "files * <configMap m/* 400, * <secret s/* 400?, n <field metadata.uid 400, t <token * 400 for 3600, "
                  "u <token x 400 for 600",
                  "" },
                { "with Kubernetes' mode", "\"projected\":{\"sources\":[{\"secret\":{\"name\":\"s\"}}]}",
                  "files * <secret s/* 644", "" },
                { "an unknown source", "\"projected\":{\"sources\":[{\"clusterTrustBundle\":{}}]}", NULL,
                  "volumes{v}.projected: unsupported source \"clusterTrustBundle\"" },
                { "an empty source", "\"projected\":{\"sources\":[{}]}", NULL,
                  "volumes{v}.projected: unsupported source \"\"" },
                { "an unknown volume", "\"csi\":{}", NULL, "volumes{v}: unsupported volume type \"csi\"" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"volumes\":[{\"name\":\"v\",%s}],\"containers\":[{\"name\":\"c\",\"image\":"
                                       "\"nginx\"}]",
                                       table[i].source);
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                CLEANUP(freep) char *is = volume_text(&p->volumes[0]);

                cr_expect_str_eq(kept_text(refusal(p)), table[i].refused, "%s: %s", table[i].shows,
                                 kept_text(refusal(p)));
                cr_expect(!table[i].is || streq(is, table[i].is), "%s: \"%s\"", table[i].shows, is);
                if (*table[i].refused) {
                        cr_expect_str_eq(refusal(p)->reason, "FailedMount");
                        cr_expect(p->refused.code, "a volume is nobody's fault");
                }
        }
}

Test(pod_volumes, a_size_limit_is_heeded)
{
        CLEANUP(pod_freep) struct pod *p = parse("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"sizeLimit\":\"1Mi\"}}]");
        CLEANUP(pod_freep) struct pod *none = parse("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]");
        CLEANUP(pod_freep) struct pod *nameless = parse("\"volumes\":[{\"emptyDir\":{}}]");
        CLEANUP(pod_freep) struct pod *empty = parse("\"volumes\":[{\"name\":\"v\"}]");

        cr_assert_null(p->ignored);
        cr_assert_eq(p->volumes[0].size_limit, 1 << 20);
        cr_assert_str_eq(p->volumes[0].size_text, "1Mi");
        cr_assert_null(none->ignored);
        cr_assert_str_eq(kept_text(refusal(nameless)), "volumes{}.name: not a DNS label");
        cr_assert_str_eq(kept_text(refusal(empty)), "volumes{v}: unsupported volume type \"none\"");
}

Test(pod_volumes, what_is_mounted_is_a_volume_of_the_pod)
{
        CLEANUP(pod_freep)
        struct pod *p = parse("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"w\",\"emptyDir\":{}}],"
                              "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"w\","
                              "\"mountPath\":\"/d\"},{\"name\":\"v\",\"mountPath\":\"/e\"}]}]");
        CLEANUP(pod_freep)
        struct pod *other = parse("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":["
                                  "{\"name\":\"c\",\"image\":\"nginx\"},{\"name\":\"d\",\"image\":\"redis\","
                                  "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/e\"},{\"name\":\"w\","
                                  "\"mountPath\":\"/d\"}]}]");

        cr_assert_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
        cr_assert_str_eq(kept_text(refusal(other)), "containers{d}.volumeMounts: no volume \"w\" in the pod");
        cr_assert(other->containers[1].refused.code);
}
