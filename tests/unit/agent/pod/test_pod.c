/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/pods/content.h"
#include "agent/pod/pod.h"
#include "common/mem.h"

static struct pod *parse_annotated(const char *annotations, const char *spec)
{
        CLEANUP(freep)
        char *text =
                xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"labels\":{\"app\":\"x\\\"y\"},"
                          "\"annotations\":{%s},\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s}}",
                          annotations, spec);
        cJSON *o = cJSON_Parse(text);
        struct err e = ERR_NONE;
        struct pod *p = NULL;

        cr_assert_not_null(o, "bad test JSON: %s", text);
        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        return p;
}

static struct pod *parse(const char *spec)
{
        return parse_annotated("", spec);
}

Test(image, names_versions_urls_and_paths)
{
        struct image i;

        cr_assert_eq(image_parse("nginx", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_PACKAGE && streq(i.name, "nginx") && !*i.version);
        cr_assert_eq(image_parse("nginx:latest", &i, NULL), 0);
        cr_assert(!*i.version);
        cr_assert_eq(image_parse("bind9:1:9.18.28-1~deb12u2", &i, NULL), 0);
        cr_assert(streq(i.name, "bind9") && streq(i.version, "1:9.18.28-1~deb12u2"),
                  "an epoch follows the first colon");
        cr_assert_eq(image_parse("deb://example.org/tmp/coredns_1.7.1-bla_amd64.deb", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_URL && streq(i.name, "coredns") && streq(i.version, "1.7.1-bla"));
        cr_assert(image_is(&i, "1.7.1-bla") && image_is(&i, "2:1.7.1-bla") && !image_is(&i, "1.7.1"),
                  "a file name has no epoch");
        cr_assert_eq(
                image_parse("https://h/"
                            "a_1_amd64.deb@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            &i, NULL),
                -EINVAL, "a package's name has two characters at least");
        cr_assert_eq(
                image_parse("https://h/"
                            "ab_1_amd64.deb@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            &i, NULL),
                0);
        cr_assert(i.sha256[0] == '0' && i.url_size == strlen("https://h/ab_1_amd64.deb"));
        cr_assert_eq(image_parse("/usr/bin/sleep", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_PATH);
}

Test(image, everything_else_is_invalid)
{
        static const char *const bad[] = { "",
                                           "docker.io/library/nginx",
                                           "Nginx",
                                           "-y",
                                           "nginx:",
                                           "nginx:a b",
                                           "/",
                                           "/usr/../bin/x",
                                           "nginx@sha256:00",
                                           "deb://h/nothing.deb",
                                           "https://h/x_1_amd64.rpm",
                                           "https://h/xx_1.deb",
                                           "https://h/xx_-_amd64.deb",
                                           "https://h/xx_1_amd64.deb@sha256:zz",
                                           "nginx;reboot" };

        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
                struct image i;
                struct err e = ERR_NONE;
                cr_assert_eq(image_parse(bad[k], &i, &e), -EINVAL, "%s was taken", bad[k]);
                cr_assert_str_eq(e.reason, "InvalidImageName");
        }
}

Test(pod, an_annotation_names_the_unit_for_one_container_or_for_all)
{
        static const char containers[] =
                "\"containers\":[{\"name\":\"a\",\"image\":\"samba\"},{\"name\":\"b\",\"image\":\"samba\"},"
                "{\"name\":\"c\",\"image\":\"/bin/true\"}]";
        static const char *const bad[] = {
                "", "smbd", "../smbd.service", "smbd@.service", "smbd.socket", "smbd.service\\nX"
        };
        CLEANUP(pod_freep)
        struct pod *p = parse_annotated(
                "\"vks.systemd.io/unit.b\":\"nmbd.service\",\"vks.systemd.io/unit\":\"smbd.service\"", containers);
        CLEANUP(pod_freep)
        struct pod *other = parse_annotated("\"vks.systemd.io/unit.b\":\"nmbd.service\"", containers);

        cr_assert_eq(p->refused.code, 0, "%s", p->refused.text);
        cr_assert_str_eq(p->containers[0].given_unit, "smbd.service");
        cr_assert_str_eq(p->containers[1].given_unit, "nmbd.service");
        cr_assert_null(p->containers[2].given_unit);
        cr_assert_null(other->containers[0].given_unit);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(freep) char *annotation = xasprintf("\"vks.systemd.io/unit\":\"%s\"", bad[i]);
                CLEANUP(pod_freep) struct pod *refused = parse_annotated(annotation, containers);
                cr_assert_str_eq(refused->refused.reason, "CreateContainerConfigError", "\"%s\" was taken", bad[i]);
        }
}

Test(pod, what_cannot_be_given_is_refused_with_the_field)
{
        static const struct {
                const char *spec, *reason, *says;
        } table[] = {
                { "\"containers\":[{\"name\":\"c\",\"image\":\"docker.io/x\"}]", "InvalidImageName",
                  "containers{c}.image" },
                { "\"volumes\":[{\"name\":\"v\",\"nfs\":{\"server\":\"h\"}}],\"containers\":[{\"name\":\"c\",\"image\":"
                  "\"nginx\"}]",
                  "FailedMount", "volumes{v}: unsupported volume type \"nfs\"" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"no\","
                  "\"mountPath\":\"/a\"}]}]",
                  "CreateContainerConfigError", "no volume \"no\"" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":"
                  "\"/a/../b\"}]}]",
                  "CreateContainerConfigError", "mountPath" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"env\":[{\"name\":\"A\",\"valueFrom\":{"
                  "\"fieldRef\":{\"fieldPath\":\"x.y\"}}}]}]",
                  "CreateContainerConfigError", "fieldPath" },
                { "\"runtimeClassName\":\"gvisor\",\"containers\":[]", "FailedCreatePodSandBox", "gvisor" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct pod *p = parse(table[i].spec);
                cr_assert_str_eq(p->refused.reason, table[i].reason, "row %zu: %s", i, p->refused.text);
                cr_assert_not_null(strstr(p->refused.text, table[i].says), "row %zu: %s", i, p->refused.text);
                pod_free(p);
        }
}

Test(pod, what_has_no_effect_yet_is_listed)
{
        struct pod *p = parse("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"livenessProbe\":{},"
                              "\"securityContext\":{\"privileged\":true,\"runAsUser\":5}}]");

        cr_assert_eq(p->refused.code, 0);
        cr_assert_not_null(strstr(p->ignored, "livenessProbe"));
        cr_assert_not_null(strstr(p->ignored, "securityContext.privileged"));
        cr_assert_null(strstr(p->ignored, "runAsUser"));
        pod_free(p);
}

Test(pod, the_token_volume_of_every_pod_is_understood)
{
        struct pod *p = parse(
                "\"volumes\":[{\"name\":\"kube-api-access-x\",\"projected\":{\"defaultMode\":420,\"sources\":["
                "{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},"
                "{\"configMap\":{\"name\":\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}},"
                "{\"downwardAPI\":{\"items\":[{\"path\":\"namespace\",\"fieldRef\":{\"fieldPath\":\"metadata."
                "namespace\"}}]}}]}}],"
                "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"kube-api-access-x\","
                "\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\",\"readOnly\":true}]}]");

        cr_assert_eq(p->refused.code, 0, "%s", p->refused.text);
        cr_assert_eq(p->volumes[0].n_items, 3);
        cr_assert_eq(p->volumes[0].items[0].expiration_s, 3607);
        cr_assert_eq(p->volumes[0].items[1].mode, 0644);
        cr_assert(p->containers[0].mounts[0].read_only);
        pod_free(p);
}

Test(pod, two_containers_of_one_image_get_units_of_their_own)
{
        struct pod *p = parse("\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"},{\"name\":\"b\",\"image\":\"nginx:"
                              "1.2\"},{\"name\":\"d\",\"image\":\"redis\"}]");

        cr_assert_str_eq(p->containers[0].unit, "vks.default.web.nginx.a.service");
        cr_assert_str_eq(p->containers[1].unit, "vks.default.web.nginx.b.service");
        cr_assert_str_eq(p->containers[2].unit, "vks.default.web.redis.service");
        pod_free(p);
}

Test(pod, fields_of_the_downward_api)
{
        struct pod *p = parse("\"serviceAccountName\":\"sa\",\"containers\":[]");
        const struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        static const char *const table[][2] = {
                { "metadata.name", "web" },
                { "metadata.namespace", "default" },
                { "spec.nodeName", "n1" },
                { "status.podIP", "10.0.0.1" },
                { "metadata.labels['app']", "x\"y" },
                { "metadata.labels", "app=\"x\\\"y\"" },
                { "metadata.labels['no']", "" },
                { "spec.serviceAccountName", "sa" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep) char *v = pod_field(p, table[i][0], &node);
                cr_assert_str_eq(v, table[i][1]);
        }
        cr_assert_null(pod_field(p, "metadata.nothing", &node));
        cr_assert_null(pod_field(p, "metadata.labels[", &node));
        pod_free(p);
}

Test(content, variables_are_replaced_as_kubernetes_does)
{
        Vks__Env a = VKS__ENV__INIT;
        const Vks__Env *env[] = { &a };
        static const char *const table[][2] = {
                { "$(A)", "v" },
                { "$$(A)", "$(A)" },
                { "$(B)", "$(B)" },
                { "x$(A)y$(A)", "xvyv" },
                { "$(A", "$(A" },
                { "$", "$" },
                { "$$", "$" },
                { "$A", "$A" },
                { "$(echo $$)", "$(echo $$)" },
                { "$(x$(A))", "$(x$(A))" },
                { "$$$(A)", "$v" },
                { "$$$$(A)", "$$(A)" },
                { "$(pid $$)$(A)", "$(pid $$)v" },
                { "$()", "$()" },
                { "$$(", "$(" },
                { "$(a $$", "$(a $" },
                { "$(A)$(", "v$(" },
        };

        a.name = (char *)(uintptr_t) "A";
        a.value.data = (uint8_t *)(uintptr_t) "v";
        a.value.len = 1;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep) char *v = content_expand(table[i][0], env, 1);
                cr_assert_str_eq(v, table[i][1], "%s gave %s", table[i][0], v);
        }
}
