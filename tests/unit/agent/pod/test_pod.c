/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/pods/content.h"
#include "agent/pod/pod.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/message.h"

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

/* The pod's, or the first of its containers'. */
static const struct kept_err *refusal(const struct pod *p)
{
        for (size_t i = 0; i < p->n_containers && !p->refused.code; i++)
                if (p->containers[i].refused.code)
                        return &p->containers[i].refused;
        return &p->refused;
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
        cr_assert_eq(image_parse("https://h/ab_1_x.deb", &i, NULL), 0, "the shortest name of a file");
        cr_assert_eq(image_parse("/usr/bin/sleep", &i, NULL), 0);
        cr_assert(i.kind == IMAGE_PATH);
}

Test(image, everything_else_is_invalid)
{
        static const char *const bad[] = { "",
                                           "Nginx",
                                           "docker.io/Library/nginx",
                                           "docker.io//nginx",
                                           "host:x/nginx",
                                           "a/b/",
                                           "a..b/c",
                                           "a___b/c",
                                           "Host/x",
                                           "Host/a.b",
                                           ":5/x",
                                           "-Host.example/x",
                                           ".Host.example/x",
                                           "Host.example-/x",
                                           "Host..example/x",
                                           "A_host.example/x",
                                           "Host:/x",
                                           "Host:5x/x",
                                           "a/b:",
                                           "a/b:.5",
                                           "a/b:-5",
                                           "nginx:.5/x",
                                           "a/b@sha256:00",
                                           "-y",
                                           "nginx:",
                                           "nginx:a b",
                                           "/",
                                           "/usr/../bin/x",
                                           "nginx@sha256:00",
                                           "deb://h/nothing.deb",
                                           "https://h/x_1_amd64.rpm",
                                           "https://h/xx_1.deb",
                                           "https://h/xx_1_.deb",
                                           "https://h/xx_-_amd64.deb",
                                           "https://h/xx_1_amd64.deb@sha256:zz",
                                           "nginx;reboot" };

        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
                struct image i;
                struct err e = ERR_NONE;
                cr_assert_eq(image_parse(bad[k], &i, &e), -EINVAL, "%s was taken", bad[k]);
                cr_assert_str_eq(e.reason, "InvalidImageName", "%s", bad[k]);
        }
}

/* What a registry could have and this node has not: the kubelet would say ErrImagePull, and its node has the same word.
 */
Test(image, references_to_registries_are_valid_and_not_for_this_node)
{
        static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        static const char *const foreign[] = { "docker.io/library/redis:7.2",
                                               "registry.example/x:1",
                                               "localhost:5000/a-b--c/d__e.f:v1.0-rc_1",
                                               "localhost/x",
                                               "gcr.io/a/b/c",
                                               "10.0.0.1:443/x",
                                               "Registry.Example:1/x",
                                               "Registry.Example/x:1",
                                               "registry.EXAMPLE/x",
                                               "Registry.Example/x:1..2",
                                               "Host:1/x",
                                               "library/nginx",
                                               "nginx:1_2",
                                               "my_image",
                                               "a",
                                               "nginx@sha256:",
                                               "quay.io/x/y:1@sha256:" };

        for (size_t k = 0; k < ARRAY_LEN(foreign); k++) {
                CLEANUP(freep) char *s = xasprintf("%s%s", foreign[k], ends_with(foreign[k], ":") ? digest : "");
                struct image i;
                struct err e = ERR_NONE;
                cr_assert_eq(image_parse(s, &i, &e), -EINVAL, "%s was taken", s);
                cr_assert_str_eq(e.reason, "ErrImagePull", "%s", s);
                cr_assert_eq(i.kind, IMAGE_FOREIGN);
                cr_assert_not_null(strstr(e.text, "Debian package"));
        }
}

/* A string of `n` times `c` behind `head` and before `tail`. */
static char *long_image(const char *head, char c, size_t n, const char *tail)
{
        CLEANUP(freep) char *middle = xcalloc(n + 1, 1);

        memset(middle, c, n);
        return xasprintf("%s%s%s", head, middle, tail);
}

Test(image, names_versions_and_tags_have_a_largest_length)
{
        static const struct {
                const char *head, *tail;
                char c;
                size_t most;
                enum image_kind is, longer_is;
        } table[] = {
                { "", "", 'a', ID_PACKAGE_MAX, IMAGE_PACKAGE, IMAGE_FOREIGN },
                { "", ":1", 'a', ID_PACKAGE_MAX, IMAGE_PACKAGE, IMAGE_FOREIGN },
                { "ab:", "", '1', ID_VERSION_MAX, IMAGE_PACKAGE, IMAGE_INVALID },
                { "https://h/", "_1_all.deb", 'a', ID_PACKAGE_MAX, IMAGE_URL, IMAGE_INVALID },
                { "https://h/ab_", "_all.deb", '1', ID_VERSION_MAX, IMAGE_URL, IMAGE_INVALID },
                { "host.example/x:", "", '_', 128, IMAGE_FOREIGN, IMAGE_INVALID },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *longest = long_image(table[i].head, table[i].c, table[i].most, table[i].tail),
                     *longer = long_image(table[i].head, table[i].c, table[i].most + 1, table[i].tail);
                struct image image;

                (void)image_parse(longest, &image, NULL);
                cr_expect_eq(image.kind, table[i].is, "%s", longest);
                (void)image_parse(longer, &image, NULL);
                cr_expect_eq(image.kind, table[i].longer_is, "%s", longer);
        }
}

/* The names of units: an image that is none, beside one that is, and containers that share one. */
Test(pod, a_unit_is_named_by_its_image_and_a_mark_tells_images_apart)
{
        CLEANUP(pod_freep)
        struct pod *p =
                parse("\"containers\":[{\"name\":\"a\",\"image\":\"Not This\"},{\"name\":\"b\",\"image\":\"nginx:1\"},"
                      "{\"name\":\"c\",\"image\":\"docker.io/library/x\"},{\"name\":\"d\",\"image\":\"nginx:2\"}]");

        cr_assert_eq(refusal(p)->code, 0, "an image is the matter of one container: %s", kept_text(refusal(p)));
        cr_assert_str_eq(p->containers[0].unit, "");
        cr_assert_str_eq(p->containers[2].unit, "");
        cr_assert_str_eq(p->containers[1].unit, "vks.default.web.nginx.b.service");
        cr_assert_str_eq(p->containers[3].unit, "vks.default.web.nginx.d.service");
        cr_assert_neq(p->containers[1].mark, p->containers[3].mark);
        for (size_t i = 0; i < 4; i++)
                cr_assert_neq(p->containers[i].mark, 0);
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
        struct pod *last = parse_annotated(
                "\"vks.systemd.io/unit\":\"smbd.service\",\"vks.systemd.io/unit.b\":\"nmbd.service\"", containers);
        CLEANUP(pod_freep)
        struct pod *other = parse_annotated("\"vks.systemd.io/unit.b\":\"nmbd.service\"", containers);

        cr_assert_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
        cr_assert_str_eq(p->containers[0].given_unit, "smbd.service");
        cr_assert_str_eq(p->containers[1].given_unit, "nmbd.service");
        cr_assert_null(p->containers[2].given_unit);
        cr_assert_str_eq(last->containers[0].given_unit, "smbd.service");
        cr_assert_str_eq(last->containers[1].given_unit, "nmbd.service", "the one of its own wins, wherever it stands");
        cr_assert_null(other->containers[0].given_unit);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(freep) char *annotation = xasprintf("\"vks.systemd.io/unit\":\"%s\"", bad[i]);
                CLEANUP(pod_freep) struct pod *refused = parse_annotated(annotation, containers);
                cr_assert_str_eq(refusal(refused)->reason, "CreateContainerConfigError", "\"%s\" was taken", bad[i]);
        }
}

Test(pod, what_cannot_be_given_is_refused_with_the_field)
{
        static const struct {
                const char *spec, *reason, *says;
        } table[] = {
                { "\"volumes\":[{\"name\":\"v\",\"csi\":{\"driver\":\"h\"}}],\"containers\":[{\"name\":\"c\",\"image\":"
                  "\"nginx\"}]",
                  "FailedMount", "volumes{v}: unsupported volume type \"csi\"" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"no\","
                  "\"mountPath\":\"/a\"}]}]",
                  "CreateContainerConfigError", "no volume \"no\"" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":"
                  "\"/a\\u0001b\"}]}]",
                  "CreateContainerConfigError", "mountPath" },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"env\":[{\"name\":\"A\",\"valueFrom\":{"
                  "\"fieldRef\":{\"fieldPath\":\"x.y\"}}}]}]",
                  "CreateContainerConfigError", "fieldPath" },
                { "\"runtimeClassName\":\"gvisor\",\"containers\":[]", "FailedCreatePodSandBox", "gvisor" },
                { "\"securityContext\":{\"sysctls\":[{\"name\":\"kernel/"
                  "shm_rmid_forced\",\"value\":\"1\"}]},\"containers\":[]",
                  "FailedCreatePodSandBox", "\"kernel.shm_rmid_forced\"" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct pod *p = parse(table[i].spec);
                cr_assert_str_eq(refusal(p)->reason, table[i].reason, "row %zu: %s", i, kept_text(refusal(p)));
                cr_assert_not_null(strstr(kept_text(refusal(p)), table[i].says), "row %zu: %s", i,
                                   kept_text(refusal(p)));
                pod_free(p);
        }
}

Test(pod, what_has_no_effect_yet_is_listed)
{
        struct pod *p = parse(
                "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"livenessProbe\":{\"tcpSocket\":{\"port\":1}},"
                "\"securityContext\":{\"privileged\":true,\"runAsUser\":5}}]");

        cr_assert_eq(refusal(p)->code, 0);
        cr_assert_null(strstr(p->ignored, "livenessProbe"));
        cr_assert_not_null(strstr(p->ignored, "securityContext.privileged"));
        cr_assert_null(strstr(p->ignored, "ephemeralContainers"));
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

        cr_assert_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
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

/* ---- what a pod says, field by field ------------------------------------------------------------------------- */

static struct pod *parse_object(const char *json)
{
        cJSON *o = cJSON_Parse(json);
        struct err e = ERR_NONE;
        struct pod *p = NULL;

        cr_assert_not_null(o, "bad test JSON: %s", json);
        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        return p;
}

#define ID "\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\""

Test(pod, fields_of_the_pod_itself)
{
        static const char *const policies[] = { "Always", "OnFailure", "Never" };
        static const char *const classes[] = { "besteffort", "burstable", "guaranteed" };
        static const struct {
                const char *shows, *meta, *spec, *status, *is;
        } table[] = {
                { "what is absent has Kubernetes' defaults", "", "", "",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates open" },
                { "the generation", ",\"generation\":7", "", "",
                  "generation 7, Always, besteffort, grace 30, deadline -1, gates open" },
                { "a deletion, with its grace", ",\"deletionTimestamp\":\"x\",\"deletionGracePeriodSeconds\":5", "", "",
                  "generation 0, deleting in 5, Always, besteffort, grace 30, deadline -1, gates open" },
                { "a deletion without any", ",\"deletionTimestamp\":\"x\"", "", "",
                  "generation 0, deleting in 0, Always, besteffort, grace 30, deadline -1, gates open" },
                { "restartPolicy", "", "\"restartPolicy\":\"OnFailure\"", "",
                  "generation 0, OnFailure, besteffort, grace 30, deadline -1, gates open" },
                { "restartPolicy", "", "\"restartPolicy\":\"Never\"", "",
                  "generation 0, Never, besteffort, grace 30, deadline -1, gates open" },
                { "grace and deadline", "", "\"terminationGracePeriodSeconds\":3,\"activeDeadlineSeconds\":9", "",
                  "generation 0, Always, besteffort, grace 3, deadline 9, gates open" },
                { "succeeded is for good", "", "", "\"phase\":\"Succeeded\"",
                  "generation 0, terminal, Always, besteffort, grace 30, deadline -1, gates open" },
                { "failed, too", "", "", "\"phase\":\"Failed\"",
                  "generation 0, terminal, Always, besteffort, grace 30, deadline -1, gates open" },
                { "running is not", "", "", "\"phase\":\"Running\"",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates open" },
                { "the API server's qosClass", "", "", "\"qosClass\":\"Burstable\"",
                  "generation 0, Always, burstable, grace 30, deadline -1, gates open" },
                { "the API server's qosClass", "", "", "\"qosClass\":\"Guaranteed\"",
                  "generation 0, Always, guaranteed, grace 30, deadline -1, gates open" },
                { "a gate is closed until somebody opens it", "", "\"readinessGates\":[{\"conditionType\":\"a\"}]", "",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates a closed" },
                { "a condition that is not True is none", "", "\"readinessGates\":[{\"conditionType\":\"a\"}]",
                  "\"conditions\":[{\"type\":\"a\",\"status\":\"False\"},{\"type\":\"b\",\"status\":\"True\"}]",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates a closed" },
                { "one that is opens it", "", "\"readinessGates\":[{\"conditionType\":\"a\"}]",
                  "\"conditions\":[{\"type\":\"b\",\"status\":\"False\"},{\"type\":\"a\",\"status\":\"True\"}]",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates a open" },
                { "all of them must be open, the first", "",
                  "\"readinessGates\":[{\"conditionType\":\"a\"},{\"conditionType\":\"b\"}]",
                  "\"conditions\":[{\"type\":\"b\",\"status\":\"True\"}]",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates a b closed" },
                { "and the last", "", "\"readinessGates\":[{\"conditionType\":\"a\"},{\"conditionType\":\"b\"}]",
                  "\"conditions\":[{\"type\":\"a\",\"status\":\"True\"}]",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates a b closed" },
                { "a gate without a type is none", "", "\"readinessGates\":[{},{\"conditionType\":\"b\"}]",
                  "\"conditions\":[{\"type\":\"b\",\"status\":\"True\"}]",
                  "generation 0, Always, besteffort, grace 30, deadline -1, gates b open" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *json = xasprintf("{\"metadata\":{" ID "%s},\"spec\":{%s},\"status\":{%s}}", table[i].meta,
                                       table[i].spec, table[i].status);
                CLEANUP(pod_freep) struct pod *p = parse_object(json);
                CLEANUP(buf_done) struct buf b = BUF(1024);

                buf_printf(&b, "generation %d", (int)p->generation);
                if (p->deleting)
                        buf_printf(&b, ", deleting in %d", (int)p->deletion_grace_s);
                if (p->terminal)
                        buf_str(&b, ", terminal");
                buf_printf(&b, ", %s, %s, grace %d, deadline %d, gates", policies[p->restart_policy], classes[p->qos],
                           (int)p->grace_s, (int)p->active_deadline_s);
                for (char **gate = p->readiness_gates; gate && *gate; gate++)
                        buf_printf(&b, " %s", *gate);
                buf_str(&b, p->gates_open ? " open" : " closed");
                cr_expect_str_eq(b.data, table[i].is, "%s: %s", table[i].shows, b.data);
        }
}

Test(pod, who_has_no_identity_is_no_pod)
{
        static const char *const bad[] = { "{}", "{\"metadata\":{\"name\":\"web\"}}",
                                           "{\"metadata\":{\"namespace\":\"a\",\"name\":\"../x\",\"uid\":\"0f6c2a9e-"
                                           "1234-4abc-8def-0123456789ab\"}}" };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                cJSON *o = cJSON_Parse(bad[i]);
                struct pod *p = NULL;
                struct err e = ERR_NONE;
                cr_expect_eq(pod_parse(o, &p, &e), -EINVAL, "%s", bad[i]);
                cr_expect_null(p);
                cJSON_Delete(o);
        }
        cr_assert_null(pod_free(NULL));
}

/* ---- containers ---- */

static void words_text(struct buf *b, const char *title, char **words)
{
        if (!words)
                return;
        buf_printf(b, " %s", title);
        for (; *words; words++)
                buf_printf(b, " '%s'", *words);
}

static const char *const sources[] = { "=",       "<configMap ", "<secret ", "<field ",
                                       "<token ", "<hosts ",     "<resolv ", "<resource " };

/* What a container asks for, in short. */
static char *container_text(const struct container *c)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        static const char *const pull[] = { "", " Always", " Never" };

        buf_printf(&b, "%s %s%s%s%s", c->name, c->image, pull[c->pull_policy], c->init ? " init" : "",
                   c->sidecar ? " sidecar" : "");
        words_text(&b, "command", c->command);
        words_text(&b, "args", c->args);
        if (c->working_dir)
                buf_printf(&b, " in %s", c->working_dir);
        if (!streq(c->message_path, MESSAGE_PATH))
                buf_printf(&b, " message %s", c->message_path);
        if (c->stop_signal)
                buf_printf(&b, " signal %s", c->stop_signal);
        for (enum hook_kind k = 0; k < HOOK_KINDS; k++) {
                const struct handler *h = c->hooks[k];
                if (!h)
                        continue;
                buf_printf(&b, " %s ", hook_fields[k]);
                if (!h->asks)
                        buf_printf(&b, "%d s", (int)h->sleep_s);
                else if (h->asks->command)
                        buf_str(&b, h->asks->command[0]);
                else
                        buf_printf(&b, ":%u", h->asks->port);
        }
        if (c->message_from_log)
                buf_str(&b, " message log");
        for (size_t i = 0; i < c->n_env; i++) {
                const struct env_var *v = &c->env[i];
                buf_printf(&b, " %s%s%s%s%s%s", v->name, sources[v->kind], v->object ? v->object : "",
                           v->object ? "/" : "", v->text ? v->text : "*", v->optional ? "?" : "");
        }
        for (size_t i = 0; i < c->n_mounts; i++)
                buf_printf(&b, " %s%s%s at %s%s", c->mounts[i].volume, *c->mounts[i].sub_path ? "/" : "",
                           c->mounts[i].sub_path, c->mounts[i].path, c->mounts[i].read_only ? " ro" : "");
        if (c->has_user)
                buf_printf(&b, " user %u", c->user);
        if (c->has_group)
                buf_printf(&b, " group %u", c->group);
        if (c->non_root)
                buf_str(&b, " non-root");
        if (c->sandbox.no_new_privileges)
                buf_str(&b, " no-new-privileges");
        buf_printf(&b, "%s%s%s", c->tty ? " tty" : "", c->has_stdin ? " stdin" : "", c->stdin_once ? " once" : "");
        return buf_steal(&b);
}

Test(pod, of_a_hook_that_is_none_nothing_is_handed_out)
{
        struct handler *h = (struct handler *)(uintptr_t)1;
        cJSON *none = cJSON_CreateObject();
        struct err e = ERR_NONE;

        cr_expect_lt(handler_parse(HOOK_PRE_STOP, none, NULL, &h, &e), 0);
        cr_expect_null(h);
        cJSON_Delete(none);
}

/* Of the pod, for each of its containers: "FSGROUP: GROUPS". */
Test(pod, groups)
{
        static const struct {
                const char *context, *is;
        } rows[] = {
                { "", "none:" },
                { "\"fsGroup\":7", "7: 7" },
                { "\"fsGroup\":0", "0: 0" },
                { "\"fsGroup\":-1", "none:" },
                { "\"fsGroup\":4294967294", "4294967294: 4294967294" },
                { "\"fsGroup\":4294967295", "none:" },
                { "\"supplementalGroups\":[]", "none:" },
                { "\"supplementalGroups\":[5,0,6]", "none: 5 0 6" },
                { "\"supplementalGroups\":[4294967294,4294967295,-1,\"7\",null,8]", "none: 4294967294 8" },
                { "\"fsGroup\":7,\"supplementalGroups\":[5,6]", "7: 7 5 6" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}],\"securityContext\":{%s}",
                                       rows[i].context);
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                CLEANUP(buf_done) struct buf b = BUF(1024);

                if (p->has_fs_group)
                        buf_printf(&b, "%u:", p->fs_group);
                else
                        buf_str(&b, "none:");
                for (size_t k = 0; k < p->n_groups; k++)
                        buf_printf(&b, " %u", p->groups[k]);
                cr_expect_str_eq(b.data, rows[i].is, "%s: %s", rows[i].context, b.data);
        }
}

/* Files that not everybody may read are the group's of who is no user of the pod's own. */
Test(pod, who_reads_files_that_not_everybody_may_read)
{
#define MOUNTED    ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}]"
#define FILE(mode) "{\"path\":\"l" #mode "\",\"mode\":" #mode ",\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}"
        static const struct {
                const char *shows, *files, *container, *pod;
                bool is;
        } rows[] = {
                { "the owner alone may", FILE(256), MOUNTED, "", true },
                { "everybody may", FILE(292), MOUNTED, "", false },
                { "one of two is enough", FILE(292) "," FILE(288), MOUNTED, "", true },
                { "not mounted", FILE(256), "", "", false },
                { "a user of its own", FILE(256), MOUNTED ",\"securityContext\":{\"runAsUser\":7}", "", false },
                { "the pod has a group for them", FILE(256), MOUNTED, ",\"securityContext\":{\"fsGroup\":7}", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"volumes\":[{\"name\":\"w\",\"emptyDir\":{}},{\"name\":\"v\",\"downwardAPI\":{"
                                       "\"items\":[%s]}}],\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"%s}]%s",
                                       rows[i].files, rows[i].container, rows[i].pod);
                CLEANUP(pod_freep) struct pod *p = parse(spec);

                cr_assert_str_eq(kept_text(refusal(p)), "", "%s: %s", rows[i].shows, kept_text(refusal(p)));
                cr_expect_eq(p->containers[0].reads_files, rows[i].is, "%s", rows[i].shows);
        }
}

Test(pod, fields_of_a_container)
{
        static const struct {
                const char *shows, *fields, *is, *refused, *pod;
        } table[] = {
                { "nothing but name and image", "", "c nginx", "", "" },
                { "a terminal", ",\"tty\":true", "c nginx tty", "", "" },
                { "input", ",\"stdin\":true", "c nginx stdin", "", "" },
                { "which ends with the first who gives it", ",\"stdin\":true,\"stdinOnce\":true", "c nginx stdin once",
                  "", "" },
                { "imagePullPolicy", ",\"imagePullPolicy\":\"Always\"", "c nginx Always", "", "" },
                { "imagePullPolicy", ",\"imagePullPolicy\":\"Never\"", "c nginx Never", "", "" },
                { "imagePullPolicy", ",\"imagePullPolicy\":\"IfNotPresent\"", "c nginx", "", "" },
                { "command and args", ",\"command\":[\"/bin/a\",\"b c\"],\"args\":[\"\"]",
                  "c nginx command '/bin/a' 'b c' args ''", "", "" },
                { "an empty list is none", ",\"command\":[],\"args\":[]", "c nginx", "", "" },
                { "what is no list is none", ",\"command\":{\"a\":\"b\"},\"args\":\"x\"", "c nginx", "", "" },
                { "what is no string is empty", ",\"args\":[1]", "c nginx args ''", "", "" },
                { "a word of the command with a NUL", ",\"command\":[\"a\",\"b\xff\"]", NULL,
                  "containers{c}.command: no word can hold a NUL", "" },
                { "or of the args", ",\"args\":[\"a\",\"b\xff\"]", NULL, "containers{c}.args: no word can hold a NUL",
                  "" },
                { "a variable with a NUL", ",\"env\":[{\"name\":\"A\",\"value\":\"\xff\"}]", NULL,
                  "containers{c}.env{A}: no variable can hold a NUL", "" },
                { "workingDir", ",\"workingDir\":\"/srv\"", "c nginx in /srv", "", "" },
                { "none", ",\"workingDir\":\"\"", "c nginx", "", "" },
                { "with slashes behind it", ",\"workingDir\":\"/srv//\"", "c nginx in /srv", "", "" },
                { "the root", ",\"workingDir\":\"//\"", "c nginx in /", "", "" },
                { "a rule of restarts that is none", ",\"restartPolicyRules\":[{}]", NULL,
                  "containers{c}.restartPolicyRules[0].action: neither Restart nor RestartAllContainers", "" },
                { "its signal", ",\"lifecycle\":{\"stopSignal\":\"SIGUSR1\"}", "c nginx signal SIGUSR1", "", "" },
                { "hooks",
                  ",\"ports\":[{\"name\":\"w\",\"containerPort\":80}],\"lifecycle\":{\"postStart\":{\"exec\":"
                  "{\"command\":[\"/x\"]}},\"preStop\":{\"httpGet\":{\"port\":\"w\"}}}",
                  "c nginx postStart /x preStop :80", "", "" },
                { "a hook that sleeps", ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":5}}}",
                  "c nginx preStop 5 s", "", "" },
                { "not at all", ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":0}}}", "c nginx preStop 0 s", "",
                  "" },
                { "as long as can be", ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":2147483647}}}",
                  "c nginx preStop 2147483647 s", "", "" },
                { "too long", ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":2147483648}}}", NULL,
                  "containers{c}.lifecycle.preStop.sleep.seconds: out of range", "" },
                { "too short", ",\"lifecycle\":{\"preStop\":{\"sleep\":{\"seconds\":-1}}}", NULL,
                  "containers{c}.lifecycle.preStop.sleep.seconds: out of range", "" },
                { "of no kind", ",\"lifecycle\":{\"postStart\":{}}", NULL,
                  "containers{c}.lifecycle.postStart.exec, httpGet, tcpSocket, grpc: none of them is given", "" },
                { "its message where nobody says", "", "c nginx", "", "" },
                { "or with nothing", ",\"terminationMessagePath\":\"\"", "c nginx", "", "" },
                { "elsewhere", ",\"terminationMessagePath\":\"/tmp/x\"", "c nginx message /tmp/x", "", "" },
                { "of its log", ",\"terminationMessagePolicy\":\"FallbackToLogsOnError\"", "c nginx message log", "",
                  "" },
                { "at no path", ",\"terminationMessagePath\":\"x\"", NULL,
                  "containers{c}.terminationMessagePath: not a normalized absolute path", "" },
                { "a relative one", ",\"workingDir\":\"srv\"", NULL,
                  "containers{c}.workingDir: not a normalized absolute path", "" },
                { "places as people write them",
                  ",\"workingDir\":\"/srv//app/../x/.\",\"terminationMessagePath\":\"//tmp/./m\",\"volumeMounts\":["
                  "{\"name\":\"v\",\"mountPath\":\"/data//x/./\"},{\"name\":\"v\",\"mountPath\":\"./rel\"},"
                  "{\"name\":\"v\",\"mountPath\":\"/a/../b\"}]",
                  "c nginx in /srv/x message /tmp/m v at /data/x v at /rel v at /b", "", "" },
                { "a variable", ",\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\"}]", "c nginx A=1 B=", "",
                  "" },
                { "a field",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}]",
                  "c nginx A<field metadata.name", "", "" },
                { "a key of a ConfigMap",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"m\",\"key\":\"k\"}}}]",
                  "c nginx A<configMap m/k", "", "" },
                { "a key of a Secret, perhaps",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"k\","
                  "\"optional\":true}}}]",
                  "c nginx A<secret s/k?", "", "" },
                { "its own resource",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.cpu\"}}}]",
                  "c nginx A<resource c/limits.cpu", "", "" },
                { "by name, in another unit",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"c\","
                  "\"resource\":\"requests.memory\",\"divisor\":\"1Mi\"}}}]",
                  "c nginx A<resource c/requests.memory", "", "" },
                { "that of a container that is not there",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"d\","
                  "\"resource\":\"limits.cpu\"}}}]",
                  NULL, "containers{c}.env{A}.resourceFieldRef: no resource \"limits.cpu\" of a container \"d\"", "" },
                { "one that is none",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.gpu\"}}}]",
                  NULL, "containers{c}.env{A}.resourceFieldRef: no resource \"limits.gpu\" of a container \"c\"", "" },
                { "nothing of that", ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fileKeyRef\":{\"key\":\"k\"}}}]",
                  "c nginx A=",
                  "containers{c}.env{A}.valueFrom: only fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef "
                  "are "
                  "supported",
                  "" },
                { "an unknown field",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.x\"}}}]", NULL,
                  "containers{c}.env{A}: unknown fieldPath \"spec.x\"", "" },
                { "no name", ",\"env\":[{\"value\":\"1\"}]", NULL, "containers{c}.env: \"\" is no name of a variable",
                  "" },
                { "whole objects come first",
                  ",\"env\":[{\"name\":\"A\",\"value\":\"1\"}],\"envFrom\":[{\"prefix\":\"P_\",\"configMapRef\":{"
                  "\"name\":\"m\"}},{\"secretRef\":{\"name\":\"s\",\"optional\":true}}]",
                  "c nginx P_<configMap m/* <secret s/*? A=1", "", "" },
                { "an envFrom of nothing", ",\"envFrom\":[{\"prefix\":\"A\"}]", NULL,
                  "containers{c}.envFrom: neither configMapRef nor secretRef", "" },
                { "a mount", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/data\"}]", "c nginx v at /data", "",
                  "" },
                { "a mount for reading", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"readOnly\":true}]",
                  "c nginx v at /d ro", "", "" },
                { "slashes at its end say nothing", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/data//\"}]",
                  "c nginx v at /data", "", "" },
                { "all of them: the root", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"//\"}]",
                  "c nginx v at /", "", "" },
                { "no subPath is none",
                  ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"\",\"subPathExpr\":\"\"}]",
                  "c nginx v at /d", "", "" },
                { "a part of a volume", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"x\"}]",
                  "c nginx v/x at /d", "", "" },
                { "cleaned", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"./x//y/./z.d/\"}]",
                  "c nginx v/x/y/z.d at /d", "", "" },
                { "a dot is all of it", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"./\"}]",
                  "c nginx v at /d", "", "" },
                { "not above it", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"x/../..\"}]",
                  NULL,
                  "containers{c}.volumeMounts{v}: subPath \"x/../..\" must be relative, must not contain '..', and has "
                  "at most 1024 bytes",
                  "" },
                { "nor elsewhere", ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPath\":\"/x\"}]", NULL,
                  "containers{c}.volumeMounts{v}: subPath \"/x\" must be relative, must not contain '..', and has at "
                  "most 1024 bytes",
                  "" },
                { "one with variables",
                  ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}},"
                  "{\"name\":\"B\",\"value\":\"b/\"}],"
                  "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPathExpr\":\"$(B)$(A)-$$(A)$\"}]",
                  "c nginx A<field metadata.name B=b/ v/b/web-$(A)$ at /d", "", "" },
                { "that may be others at the next start",
                  ",\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"A\",\"valueFrom\":{\"secretKeyRef\":{"
                  "\"name\":\"s\",\"key\":\"k\"}}}],"
                  "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPathExpr\":\"x/$(A)\"}]",
                  NULL,
                  "containers{c}.volumeMounts{v}.subPathExpr: $(A) is none of the container's own variables that stay "
                  "as they are (a value, or the pod's name, namespace, uid, node or service account)",
                  "" },
                { "that there are not",
                  ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/d\",\"subPathExpr\":\"$(NONE)\"}]", NULL,
                  "containers{c}.volumeMounts{v}.subPathExpr: $(NONE) is none of the container's own variables that "
                  "stay as they are (a value, or the pod's name, namespace, uid, node or service account)",
                  "" },
                { "a mount of nothing", ",\"volumeMounts\":[{}]", NULL,
                  "containers{c}.volumeMounts{}: mountPath \"\" is not a normalized absolute path", "" },
                { "a user of the container", ",\"securityContext\":{\"runAsUser\":5,\"runAsGroup\":6}",
                  "c nginx user 5 group 6", "", "" },
                { "user 0 is one", ",\"securityContext\":{\"runAsUser\":0,\"runAsGroup\":0}", "c nginx user 0 group 0",
                  "", "" },
                { "the largest number is none",
                  ",\"securityContext\":{\"runAsUser\":4294967295,\"runAsGroup\":4294967295}", "c nginx", "", "" },
                { "the one before is", ",\"securityContext\":{\"runAsUser\":4294967294,\"runAsGroup\":4294967294}",
                  "c nginx user 4294967294 group 4294967294", "", "" },
                { "the pod's user is for all", "", "c nginx user 7 group 8 non-root", "",
                  ",\"securityContext\":{\"runAsUser\":7,\"runAsGroup\":8,\"runAsNonRoot\":true}" },
                { "but the container's wins", ",\"securityContext\":{\"runAsUser\":5,\"runAsNonRoot\":false}",
                  "c nginx user 5 group 8", "",
                  ",\"securityContext\":{\"runAsUser\":7,\"runAsGroup\":8,\"runAsNonRoot\":true}" },
                { "who must not be root cannot be 0", ",\"securityContext\":{\"runAsUser\":0,\"runAsNonRoot\":true}",
                  NULL,
                  "container's runAsUser breaks non-root policy (pod: "
                  "\"web_default(0f6c2a9e-1234-4abc-8def-0123456789ab)\", "
                  "container: c)",
                  "" },
                { "who becomes no more than he is", ",\"securityContext\":{\"allowPrivilegeEscalation\":false}",
                  "c nginx no-new-privileges", "", "" },
                { "which is the container's to say", ",\"securityContext\":{\"allowPrivilegeEscalation\":true}",
                  "c nginx", "", "" },
                { "but may be nobody in particular", ",\"securityContext\":{\"runAsNonRoot\":true}", "c nginx non-root",
                  "", "" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec =
                        xasprintf("\"hostNetwork\":true,\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":["
                                  "{\"name\":\"c\",\"image\":\"nginx\"%s}]%s",
                                  table[i].fields, table[i].pod);
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                CLEANUP(freep) char *is = container_text(&p->containers[0]);

                cr_expect_str_eq(kept_text(refusal(p)), table[i].refused, "%s: %s", table[i].shows,
                                 kept_text(refusal(p)));
                if (*table[i].refused && strstr(table[i].fields, "subPathExpr"))
                        cr_expect_str_eq(p->containers[0].mounts[0].sub_path, "", "nothing half-made of it is left");
                cr_expect(!table[i].is || streq(is, table[i].is), "%s: \"%s\"", table[i].shows, is);
                if (*table[i].refused) {
                        cr_expect_str_eq(refusal(p)->reason, "CreateContainerConfigError");
                        cr_expect(p->containers[0].refused.code, "%s", table[i].shows);
                }
        }
}

Test(pod, init_containers_come_first_and_some_stay)
{
        CLEANUP(pod_freep)
        struct pod *p = parse("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"restartPolicy\":\"Always\"}],"
                              "\"initContainers\":[{\"name\":\"i\",\"image\":\"redis\"},"
                              "{\"name\":\"s\",\"image\":\"zsh\",\"restartPolicy\":\"Always\"}]");
        static const char *const is[] = { "i redis init", "s zsh init sidecar", "c nginx" };

        cr_assert_eq(p->n_containers, ARRAY_LEN(is));
        for (size_t i = 0; i < ARRAY_LEN(is); i++) {
                CLEANUP(freep) char *text = container_text(&p->containers[i]);
                cr_expect_str_eq(text, is[i]);
        }
}

Test(pod, the_first_reason_for_a_refusal_is_told)
{
        CLEANUP(pod_freep)
        struct pod *p = parse("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"},{\"name\":\"d\",\"image\":\"/"
                              "d\",\"workingDir\":\"x\"},"
                              "{\"name\":\"E\",\"image\":\"/e\"}]");
        CLEANUP(pod_freep) struct pod *none = parse("\"containers\":[{}]");

        cr_assert_str_eq(refusal(p)->reason, "CreateContainerConfigError");
        cr_assert(starts_with(kept_text(refusal(p)), "containers{d}.workingDir: "), "%s", kept_text(refusal(p)));
        cr_assert(p->containers[1].refused.code);
        cr_assert_str_eq(kept_text(refusal(none)), "containers{}.name: not a DNS label");
}

Test(pod, what_has_no_effect_yet_is_told_once)
{
        static const struct {
                const char *fields, *ignored;
        } table[] = {
                { "\"lifecycle\":{},\"resizePolicy\":[{}]", NULL },
                { "\"tty\":true,\"stdin\":true,\"volumeDevices\":[]", NULL },
                { "\"volumeDevices\":[{}]", "volumeDevices" },
                { "\"resources\":{\"claims\":[{\"name\":\"x\"}]}", "resources.claims" },
                { "\"resources\":{\"claims\":[]}", NULL },
                { "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"mountPropagation\":\"Bidirectional\"}]",
                  "mountPropagation" },
                { "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"mountPropagation\":\"None\"}]", NULL },
                { "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"},{\"name\":\"v\",\"mountPath\":\"/"
                  "w\",\"bindMountOptions\":[\"sync\"]}]",
                  "bindMountOptions" },
                { "\"resources\":{\"limits\":{},\"requests\":{}}", NULL },
                { "\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}", NULL },
                { "\"resources\":{\"limits\":{\"ephemeral-storage\":\"1Gi\"}}", NULL },
                { "\"securityContext\":{\"capabilities\":{},\"runAsGroup\":1,\"runAsNonRoot\":true}", NULL },
                { "\"securityContext\":{\"capabilities\":{\"add\":[\"SYS_TIME\"]},\"privileged\":false}", NULL },
                { "\"securityContext\":{\"privileged\":true,\"procMount\":\"Unmasked\"}",
                  "securityContext.privileged" },
                { "\"securityContext\":{\"readOnlyRootFilesystem\":true,\"seccompProfile\":{\"type\":"
                  "\"RuntimeDefault\"}}",
                  NULL },
                { "\"securityContext\":{\"appArmorProfile\":{\"type\":\"RuntimeDefault\"},\"seLinuxOptions\":{}}",
                  "securityContext.appArmorProfile" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\","
                                       "\"image\":\"nginx\",%s},"
                                       "{\"name\":\"d\",\"image\":\"redis\",%s}]",
                                       table[i].fields, table[i].fields);
                CLEANUP(pod_freep) struct pod *p = parse(spec);

                cr_expect_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
                if (table[i].ignored)
                        cr_expect_str_eq(p->ignored, table[i].ignored, "%s: %s", table[i].fields, p->ignored);
                else
                        cr_expect_null(p->ignored, "%s: %s", table[i].fields, p->ignored);
        }
}

Test(pod, a_profile_of_apparmor_may_be_an_annotation)
{
#define ARMOR(of, value) "\"container.apparmor.security.beta.kubernetes.io/" of "\":\"" value "\""
#define OWN              ",\"securityContext\":{\"appArmorProfile\":{\"type\":\"Unconfined\"}}"
        static const struct {
                const char *annotations, *container, *refused, *ignored;
        } table[] = {
                { ARMOR("c", "localhost/../x"), "", "kubernetes.io/c: profile \"../x\" cannot be loaded",
                  "annotation container.apparmor.security.beta.kubernetes.io" },
                { ARMOR("c", "unconfined"), "", NULL, "annotation container.apparmor.security.beta.kubernetes.io" },
                { ARMOR("d", "localhost/x"), "", NULL, NULL },
                { ARMOR("cc", "localhost/x"), "", NULL, NULL },
                { ARMOR("c", "localhost/x"), OWN, NULL, "securityContext.appArmorProfile" }, /* the field wins */
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"%s}]", table[i].container);
                CLEANUP(pod_freep) struct pod *p = parse_annotated(table[i].annotations, spec);

                cr_expect_eq(refusal(p)->code != 0, table[i].refused != NULL, "row %zu: %s", i, kept_text(refusal(p)));
                if (table[i].refused)
                        cr_expect(strstr(kept_text(refusal(p)), table[i].refused), "row %zu: %s", i,
                                  kept_text(refusal(p)));
                if (table[i].ignored)
                        cr_expect_str_eq(p->ignored, table[i].ignored, "row %zu: %s", i, p->ignored);
                else
                        cr_expect_null(p->ignored, "row %zu: %s", i, p->ignored);
        }
#undef ARMOR
#undef OWN
}

Test(pod, what_is_no_containers_and_has_no_effect_is_told_too)
{
        static const struct {
                const char *spec, *ignored;
        } table[] = {
                { "\"hostAliases\":[{\"ip\":\"192.0.2.7\",\"hostnames\":[\"db\"]}]", NULL },
                { "\"hostAliases\":[],\"dnsConfig\":{},\"shareProcessNamespace\":false", NULL },
                { "\"dnsPolicy\":\"None\",\"dnsConfig\":{\"nameservers\":[\"192.0.2.53\"]}", NULL },
                { "\"dnsPolicy\":\"ClusterFirst\"", NULL },
                { "\"dnsPolicy\":\"Default\"", NULL },
                { "\"dnsPolicy\":\"ClusterFirstWithHostNet\"", "dnsPolicy" },
                { "\"setHostnameAsFQDN\":true,\"shareProcessNamespace\":true,\"hostUsers\":false",
                  "setHostnameAsFQDN, hostUsers" },
                { "\"hostUsers\":true,\"hostPID\":true,\"hostIPC\":true", NULL },
                { "\"hostname\":\"a\",\"subdomain\":\"b\"", "hostname (it is in $HOSTNAME and /etc/hosts alone)" },
                { "\"hostnameOverride\":\"a.b\"", "hostname (it is in $HOSTNAME and /etc/hosts alone)" },
                { "\"hostname\":\"web\",\"subdomain\":\"b\"", NULL },
                { "\"hostNetwork\":true,\"hostname\":\"a\"", NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("%s,\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]", table[i].spec);
                CLEANUP(pod_freep) struct pod *p = parse(spec);

                cr_expect(streq(p->ignored, table[i].ignored), "%s: %s", table[i].spec, p->ignored ? p->ignored : "");
        }
}

Test(pod, host_aliases_are_a_file_over_etc_hosts_but_where_a_container_has_its_own)
{
        CLEANUP(pod_freep)
        struct pod *p =
                parse("\"hostAliases\":[{\"ip\":\"192.0.2.7\",\"hostnames\":[\"db\"]}],\"volumes\":[{\"name\":\"v\","
                      "\"emptyDir\":{}}],\"initContainers\":[{\"name\":\"i\",\"image\":\"nginx\"}],\"containers\":["
                      "{\"name\":\"c\",\"image\":\"nginx\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":"
                      "\"/etc/hosts\",\"subPath\":\"x\"}]}]");
        CLEANUP(pod_freep)
        struct pod *taken =
                parse("\"hostAliases\":[{\"ip\":\"192.0.2.7\",\"hostnames\":[\"db\"]}],\"volumes\":[{\"name\":"
                      "\"vks-hosts\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]");
        CLEANUP(freep) char *init = container_text(&p->containers[0]), *app = container_text(&p->containers[1]);

        cr_assert_eq(p->n_volumes, 2);
        cr_expect_str_eq(p->volumes[1].items[0].text, "192.0.2.7\tdb\n");
        cr_expect_eq(p->volumes[1].items[0].kind, SOURCE_HOSTS);
        cr_expect(strstr(init, " vks-hosts/hosts at /etc/hosts ro"), "%s", init);
        cr_expect_not(strstr(app, "vks-hosts"), "%s", app);
        cr_expect_str_eq(kept_text(refusal(taken)),
                         "volumes{vks-hosts}: that name is vks' own beside hostAliases and dnsConfig");
}

Test(pod, its_own_name_is_in_the_hosts_file_of_what_it_runs_itself)
{
        static const struct {
                const char *spec;
                bool volume, first, second;
        } rows[] = {
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]", false, false, false },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"command\":[\"/bin/"
                  "x\"]},{\"name\":\"d\",\"image\":\"redis\"}]",
                  true, true, false },
                { "\"initContainers\":[{\"name\":\"i\",\"image\":\"nginx\"}],\"containers\":[{\"name\":\"c\",\"image\":"
                  "\"nginx\",\"args\":[\"-v\"]}]",
                  true, false, true },
                { "\"hostNetwork\":true,\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"command\":[\"/bin/x\"]}]",
                  false, false, false },
                /* The volumes of a pod stay those that it began with. */
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}],\"ephemeralContainers\":[{\"name\":\"e\","
                  "\"image\":\"bash\",\"command\":[\"bash\"]}]",
                  false, false, false },
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"command\":[\"/bin/"
                  "x\"]}],\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"bash\",\"command\":[\"bash\"]}]",
                  true, true, true },
                /* A volume of its own by that name is the pod's, and it does without the file. */
                { "\"volumes\":[{\"name\":\"vks-hosts\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\",\"image\":"
                  "\"nginx\",\"command\":[\"/bin/x\"]}]",
                  true, false, false },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *p = parse(rows[i].spec);

                cr_assert_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
                cr_expect_eq(p->n_volumes, rows[i].volume, "%s", rows[i].spec);
                for (size_t k = 0; k < p->n_containers; k++) {
                        const struct container *c = &p->containers[k];
                        bool has = c->n_mounts == 1 && streq(c->mounts[0].path, "/etc/hosts") && c->mounts[0].unasked;

                        cr_expect_eq(has, k ? rows[i].second : rows[i].first, "%zu: %s", k, rows[i].spec);
                }
        }
}

Test(pod, a_dns_config_is_a_file_of_the_pods_own)
{
        static const struct {
                const char *spec, *text;
                bool alone;
        } rows[] = {
                { "", NULL, false },
                { "\"dnsPolicy\":\"Default\",", NULL, false },
                { "\"dnsConfig\":{},", NULL, false },
                { "\"dnsConfig\":{\"searches\":[\"a.test\"]},", "search a.test\n", false },
                { "\"dnsPolicy\":\"None\",\"dnsConfig\":{\"nameservers\":[\"192.0.2.53\"]},", "nameserver 192.0.2.53\n",
                  true },
        };

        for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
                const size_t k = i / 2;
                CLEANUP(freep)
                char *spec = xasprintf("%s%s\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]", rows[k].spec,
                                       i % 2 ? "\"hostAliases\":[{\"ip\":\"192.0.2.7\",\"hostnames\":[\"db\"]}]," : "");
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                CLEANUP(freep) char *c = container_text(&p->containers[0]);
                const struct volume *v = p->n_volumes ? &p->volumes[0] : NULL;

                cr_assert_eq(refusal(p)->code, 0, "%s", kept_text(refusal(p)));
                cr_assert_eq(p->n_volumes, i % 2 || rows[k].text ? 1 : 0);
                cr_assert_eq(strstr(c, " vks-hosts/resolv.conf at /etc/resolv.conf ro") != NULL, rows[k].text != NULL,
                             "%s", c);
                cr_assert_eq(strstr(c, " vks-hosts/hosts at /etc/hosts ro") != NULL, i % 2, "%s", c);
                if (!rows[k].text)
                        continue;
                cr_assert_eq(v->items[v->n_items - 1].kind, SOURCE_RESOLV);
                cr_assert_eq(v->items[v->n_items - 1].alone, rows[k].alone);
                cr_assert_str_eq(v->items[v->n_items - 1].text, rows[k].text);
        }
}

Test(pod, its_hostname_is_its_own)
{
        static const struct {
                const char *name, *spec, *is;
        } table[] = {
                { "web-0", "", "web-0" },
                { "web-0", "\"hostname\":\"db\",", "db" },
                { "web-0", "\"hostname\":\"\",", "web-0" },
                { "web-0", "\"hostNetwork\":true,\"hostname\":\"db\",", NULL },
                { "web-0", "\"hostnameOverride\":\"db.example\",", "db.example" },
                { "web-0", "\"hostnameOverride\":\"\",\"hostname\":\"db\",", "db" },
                { "web-0", "\"hostnameOverride\":\"a\",\"hostname\":\"db\",\"subdomain\":\"x\",", "a" },
                { "web-0",
                  "\"hostnameOverride\":\"a123456789.b123456789.c123456789.d123456789.e123456789.f123456-89\",",
                  "a123456789.b123456789.c123456789.d123456789.e123456789.f123456-89" },
                { "a123456789.b123456789.c123456789.d123456789.e123456789.f123456-x", "",
                  "a123456789.b123456789.c123456789.d123456789.e123456789.f123456" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *text = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\",\"uid\":"
                                       "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s\"containers\":[]}}",
                                       table[i].name, table[i].spec);
                cJSON *o = cJSON_Parse(text);
                CLEANUP(pod_freep) struct pod *p = NULL;

                (void)pod_parse(o, &p, NULL);
                cJSON_Delete(o);
                if (p)
                        cr_expect(streq(p->hostname, table[i].is), "%s %s: %s", table[i].name, table[i].spec,
                                  p->hostname ? p->hostname : "none");
                else
                        cr_expect_fail("%s is no name", table[i].name);
        }
}

/* ---- volumes ---- */

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
Test(pod, a_claim_that_is_made_for_a_pod_has_a_name_that_can_be)
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

Test(pod, what_an_empty_dir_has_no_way_to_be_is_told)
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

Test(pod, fields_of_a_volume)
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

Test(pod, a_size_limit_is_heeded)
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

Test(pod, what_is_mounted_is_a_volume_of_the_pod)
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

/* ---- bounds ---- */

/* "before0after,before1after,..." */
static char *times(size_t n, const char *before, const char *after)
{
        CLEANUP(buf_done) struct buf b = BUF(8 * 1024 * 1024);

        for (size_t i = 0; i < n; i++)
                buf_printf(&b, "%s%s%zu%s", i ? "," : "", before, i, after);
        return b.len ? buf_steal(&b) : xstrdup("");
}

static size_t longest_list(const struct pod *p)
{
        size_t longest = p->n_containers > p->n_volumes ? p->n_containers : p->n_volumes;

        for (size_t i = 0; i < p->n_containers; i++) {
                if (p->containers[i].n_env > longest)
                        longest = p->containers[i].n_env;
                if (p->containers[i].n_mounts > longest)
                        longest = p->containers[i].n_mounts;
        }
        for (size_t i = 0; i < p->n_volumes; i++)
                if (p->volumes[i].n_items > longest)
                        longest = p->volumes[i].n_items;
        return longest;
}

Test(pod, there_is_a_bound_to_every_list)
{
        static const struct {
                const char *head, *before, *after, *tail;
                size_t most;
                const char *refused;
        } table[] = {
                { "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"env\":[", "{\"name\":\"A", "\"}", "]}]", 4096,
                  "containers{c}.env: more than 4096 variables" },
                { "\"containers\":[", "{\"image\":\"nginx\",\"name\":\"c", "\"}", "]", 64,
                  "spec.containers: more than 64" },
                { "\"volumes\":[", "{\"emptyDir\":{},\"name\":\"v", "\"}", "]", 128, "spec.volumes: more than 128" },
                { "\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\",\"image\":\"nginx\","
                  "\"volumeMounts\":[",
                  "{\"name\":\"v\",\"mountPath\":\"/d", "\"}", "]}]", 128,
                  "containers{c}.volumeMounts: more than 128" },
                { "\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"m\",\"items\":[",
                  "{\"key\":\"k\",\"path\":\"p", "\"}", "]}}]", 4096, "volumes{v}: more than 4096 files" },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                for (size_t more = 0; more < 2; more++) {
                        CLEANUP(freep)
                        char *list = times(table[i].most + more, table[i].before, table[i].after),
                             *spec = xasprintf("%s%s%s", table[i].head, list, table[i].tail);
                        CLEANUP(pod_freep) struct pod *p = parse(spec);
                        cr_expect_str_eq(kept_text(refusal(p)), more ? table[i].refused : "", "%s",
                                         kept_text(refusal(p)));
                        cr_expect_leq(longest_list(p), table[i].most, "more than that was kept");
                }
}

Test(pod, an_image_whose_unit_had_too_long_a_name_is_refused)
{
        CLEANUP(freep) char *image = long_image("/", 'x', 250, ""), *spec = NULL;

        spec = xasprintf("\"containers\":[{\"name\":\"b\",\"image\":\"nginx\"},{\"name\":\"c\",\"image\":\"%s\"}]",
                         image);
        CLEANUP(pod_freep) struct pod *p = parse(spec);
        cr_assert_str_eq(refusal(p)->reason, "InvalidImageName");
        cr_assert(starts_with(kept_text(refusal(p)), "containers{c}.image: \"/xxx"), "%s", kept_text(refusal(p)));
        cr_assert(p->containers[1].refused.code);
}

Test(pod, a_unit_has_the_containers_name_where_two_have_one_image)
{
        CLEANUP(pod_freep)
        struct pod *p = parse("\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"},{\"name\":\"b\",\"image\":"
                              "\"redis\"}],\"initContainers\":[{\"name\":\"i\",\"image\":\"redis\"}]");

        cr_assert_str_eq(p->containers[0].unit, "vks.default.web.redis.i.service");
        cr_assert_str_eq(p->containers[1].unit, "vks.default.web.nginx.service");
        cr_assert_str_eq(p->containers[2].unit, "vks.default.web.redis.b.service");
        cr_assert(p->containers[2].shares_image && !p->containers[1].shares_image);
}

Test(pod, labels_and_annotations_are_fields)
{
        CLEANUP(pod_freep)
        struct pod *p = parse_object("{\"metadata\":{" ID ",\"labels\":{\"a\":\"1\",\"ab\":\"x\\ny\\\\\",\"c\":null},"
                                     "\"annotations\":{\"n\":\"note\"}},\"spec\":{\"containers\":[]}}");
        CLEANUP(pod_freep) struct pod *bare = parse_object("{\"metadata\":{" ID ",\"labels\":{}}}");
        const struct pod_node node = { .name = "n1", .ip = NULL };
        static const char *const table[][2] = {
                { "metadata.uid", "0f6c2a9e-1234-4abc-8def-0123456789ab" },
                { "metadata.labels['a']", "1" },
                { "metadata.labels[\"ab\"]", "x\ny\\" },
                { "metadata.labels['c']", "" },
                { "metadata.annotations['n']", "note" },
                { "metadata.annotations['a']", "" },
                { "metadata.annotations", "n=\"note\"" },
                { "metadata.labels", "a=\"1\"\nab=\"x\\ny\\\\\"\nc=\"\"" },
                { "spec.serviceAccountName", "default" },
                { "status.podIPs", "" },
                { "status.hostIP", "" },
                { "status.hostIPs", "" },
        };
        static const char *const unknown[] = { "",
                                               "metadata",
                                               "metadata.labelsx",
                                               "metadata.labels[]",
                                               "metadata.labels['a",
                                               "metadata.labels['a'",
                                               "metadata.labels['a\"]",
                                               "metadata.labels[aa]",
                                               "metadata.labels('a')",
                                               "metadata.labels('a']",
                                               "metadata.labels['a')",
                                               "metadata.labels[''",
                                               "metadata.labels['']",
                                               "xmetadata.labels['a']",
                                               "status.phase" };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep) char *v = pod_field(p, table[i][0], &node);
                cr_expect_str_eq(v, table[i][1], "%s: %s", table[i][0], v);
        }
        for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
                CLEANUP(freep) char *v = pod_field(p, unknown[i], &node);
                cr_expect_null(v, "%s is a field", unknown[i]);
        }
        CLEANUP(freep) char *none = pod_field(bare, "metadata.labels", &node);
        cr_assert_str_eq(none, "");
        CLEANUP(pod_freep)
        struct pod *lists = parse_object("{\"metadata\":{" ID ",\"labels\":[\"x\"],\"annotations\":[\"y\"]},"
                                         "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"nginx\"}]}}");
        CLEANUP(freep) char *of_list = pod_field(lists, "metadata.labels['x']", &node);
        cr_assert_str_eq(of_list, "", "a list has no keys");
}

Test(image, two_are_the_same_when_they_mean_the_same_file)
{
#define SUM "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
        static const struct {
                const char *a, *b;
                bool same;
        } table[] = {
                { "nginx", "nginx", true },
                { "nginx", "nginx:latest", true },
                { "nginx", "redis", false },
                { "nginx:1", "nginx:2", false },
                { "nginx:1", "nginx", false },
                { "https://h/ab_1_amd64.deb", "https://h/ab_1_amd64.deb", true },
                { "https://h/ab_1_amd64.deb", "https://g/ab_1_amd64.deb", false },
                { "https://h/ab_1_amd64.deb", "https://hh/ab_1_amd64.deb", false },
                { "https://h/ab_1_amd64.deb", "https://h/ab_1_amd64.deb" SUM "f", false },
                { "https://h/ab_1_amd64.deb" SUM "e", "https://h/ab_1_amd64.deb" SUM "f", false },
                { "https://h/ab_1_amd64.deb", "ab:1", false },
                { "/bin/ab", "/bin/ab", true },
                { "/bin/ab", "/bin/cd", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct image a, b;
                cr_assert_eq(image_parse(table[i].a, &a, NULL), 0);
                cr_assert_eq(image_parse(table[i].b, &b, NULL), 0);
                cr_expect_eq(image_same(&a, &b), table[i].same, "%s and %s", table[i].a, table[i].b);
        }
}

Test(image, an_installed_version_is_what_was_asked_for)
{
        static const struct {
                const char *image, *installed;
                bool is;
        } table[] = {
                { "nginx", "1", true },
                { "nginx:1", "1", true },
                { "nginx:1", "2", false },
                { "nginx:1", "2:1", false },
                { "https://h/ab_1_amd64.deb", "1", true },
                { "https://h/ab_1_amd64.deb", "2:1", true },
                { "https://h/ab_1_amd64.deb", "1:2", false },
                { "https://h/ab_2:1_amd64.deb", "2:1", true },
                { "https://h/ab_2:1_amd64.deb", "3:1", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct image image;
                cr_assert_eq(image_parse(table[i].image, &image, NULL), 0, "%s", table[i].image);
                cr_expect_eq(image_is(&image, table[i].installed), table[i].is, "%s and %s", table[i].image,
                             table[i].installed);
        }
}

Test(image, what_is_wrong_with_it_is_told)
{
        static const char *const table[][2] = {
                { "", "image: is empty" },
                { "https://h/ab_1_amd64.deb@sha256:00",
                  "image: \"https://h/ab_1_amd64.deb@sha256:00\" has a checksum that is not 64 lower-case hex digits" },
                { "deb://h/a b_1_amd64.deb", "image: \"deb://h/a b_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\x7f_1_amd64.deb", "image: \"deb://h/\x7f_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/'/ab_1_amd64.deb", "image: \"deb://h/'/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\"/ab_1_amd64.deb", "image: \"deb://h/\"/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/\\/ab_1_amd64.deb", "image: \"deb://h/\\/ab_1_amd64.deb\" has a character that no URL has" },
                { "deb://h/ab_1.deb",
                  "image: \"deb://h/ab_1.deb\" does not end in <package>_<version>_<architecture>.deb" },
                { "deb://h/A_1_amd64.deb",
                  "image: \"deb://h/A_1_amd64.deb\" names no Debian package before the first \"_\"" },
                { "deb://h/ab_-_amd64.deb",
                  "image: \"deb://h/ab_-_amd64.deb\" tells no version of a Debian package behind the first \"_\"" },
                { "/usr/", "image: \"/usr/\" is not a normalized absolute path" },
                { "/", "image: \"/\" is not a normalized absolute path" },
                { "nginx:-", "image: \"nginx:-\" has a tag that is no version of a Debian package" },
                { "docker.io/X", "image: \"docker.io/X\" is no name of a Debian package ([a-z0-9][a-z0-9+.-]+, then "
                                 "perhaps :version)" },
        };
        struct image image;
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                cr_expect_eq(image_parse(table[i][0], &image, &e), -EINVAL);
                cr_expect_str_eq(e.text, table[i][1], "%s", e.text);
        }
        cr_expect_eq(image_parse(NULL, &image, &e), -EINVAL);
}

Test(image, parts_of_an_address)
{
        struct image i;
        static const char url[] = "https://h/d_e_f/ab_1_amd64.deb" SUM "f";

        cr_assert_eq(image_parse(url, &i, NULL), 0);
        cr_assert_eq(i.kind, IMAGE_URL);
        cr_assert_str_eq(i.name, "ab");
        cr_assert_str_eq(i.version, "1");
        cr_assert_str_eq(i.sha256, strchr(url, ':') + strlen("://h/d_e_f/ab_1_amd64.deb@sha256:"));
        cr_assert_eq(i.url, url);
        cr_assert_eq(i.url_size, strlen("https://h/d_e_f/ab_1_amd64.deb"));
        cr_assert_eq(image_parse("/bin/sh", &i, NULL), 0);
        cr_assert_str_eq(i.name, "/bin/sh");
        cr_assert(!*i.version && !i.url && !*i.sha256);
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

Test(pod, a_container_never_takes_the_unit_name_that_another_still_has)
{
        CLEANUP(pod_freep)
        struct pod *p = parse(
                "\"containers\":[{\"name\":\"a\",\"image\":\"/bin/sh\"},{\"name\":\"b\",\"image\":\"/bin/bash\"}]");

        cr_assert(strstr(p->containers[1].unit, "bash.service"));
        memcpy(p->containers[0].unit, p->containers[1].unit, sizeof(p->containers[0].unit)); /* of the image before */
        pod_name_unit(p, 1, NULL);
        cr_assert(ends_with(p->containers[1].unit, "bash.b.service"), "%s", p->containers[1].unit);
        cr_assert(p->containers[1].shares_image);
}

/* Gives the container another image, as desired.c does when the pod was changed. */
static void change_image(struct pod *p, size_t i, const char *image)
{
        struct container *c = &p->containers[i];

        free(c->image);
        c->image = xstrdup(image);
        (void)image_parse(c->image, &c->parsed, NULL);
        pod_name_unit(p, i, NULL);
}

Test(pod, a_changed_image_gives_the_unit_another_name)
{
        CLEANUP(pod_freep)
        struct pod *p =
                parse("\"containers\":[{\"name\":\"a\",\"image\":\"nginx\"},{\"name\":\"b\",\"image\":\"nginx\"}]");

        change_image(p, 0, "redis");
        cr_expect_str_eq(p->containers[0].unit, "vks.default.web.redis.service", "nobody shares that one");
        cr_expect_not(p->containers[0].shares_image);
        change_image(p, 0, "docker.io/library/redis");
        cr_expect_str_eq(p->containers[0].unit, "", "an image that cannot be had gives none");
        change_image(p, 0, "nginx");
        cr_expect_str_eq(p->containers[0].unit, "vks.default.web.nginx.a.service");
}

Test(pod, the_longest_path_of_a_file_is_that_of_any_path)
{
        for (size_t more = 0; more < 2; more++) {
                CLEANUP(freep) char *path = xcalloc(ID_PATH_MAX + 1, 1), *spec = NULL;

                for (size_t i = 0; i < ID_PATH_MAX - 1 + more; i++)
                        path[i] = i % 100 == 99 ? '/' : 'x';
                spec = xasprintf("\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":\"k\","
                                 "\"path\":\"%s\"}]}}],\"containers\":[]",
                                 path);
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                cr_expect_eq(refusal(p)->code, more ? -EINVAL : 0, "%zu: %s", strlen(path), kept_text(refusal(p)));
        }
}

Test(pod, a_resource_is_the_containers_the_pods_or_the_nodes)
{
        static const struct {
                const char *shows, *container, *pod, *field, *is;
        } table[] = {
                { "the container's limit", "\"limits\":{\"cpu\":\"3\"}", "\"limits\":{\"cpu\":\"5\"}", "limits.cpu",
                  "3" },
                { "where it has none the pod's", "", "\"limits\":{\"cpu\":\"5\"}", "limits.cpu", "5" },
                { "where that has none the node's", "", "", "limits.cpu", "8" },
                { "another resource of the pod's is none", "", "\"limits\":{\"cpu\":\"5\"}", "limits.memory", "77" },
                { "a request is the container's alone", "", "\"requests\":{\"cpu\":\"5\"}", "requests.cpu", "0" },
        };
        static const struct pod_node node = { .allocatable = { .of = { 7500, 77, 99 } } };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                CLEANUP(freep)
                char *spec = xasprintf("\"resources\":{%s},\"containers\":[{\"name\":\"c\",\"image\":\"nginx\","
                                       "\"resources\":{%s}}]",
                                       table[i].pod, table[i].container);
                CLEANUP(pod_freep) struct pod *p = parse(spec);
                CLEANUP(freep) char *is = pod_resource(p, "c", table[i].field, NULL, &node);
                CLEANUP(freep) char *nobodys = pod_resource(p, "d", table[i].field, NULL, &node);

                cr_expect_str_eq(is, table[i].is, "%s", table[i].shows);
                cr_expect_null(nobodys);
        }
}

Test(pod, a_host_port_leads_to_no_other_port)
{
#define PORTS(port) "\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"ports\":[{" port "}]}]"
        CLEANUP(pod_freep) struct pod *same = parse(PORTS("\"containerPort\":80,\"hostPort\":80"));
        CLEANUP(pod_freep) struct pod *other = parse(PORTS("\"containerPort\":80,\"hostPort\":81"));
        CLEANUP(pod_freep) struct pod *none = parse(PORTS("\"containerPort\":80"));
        CLEANUP(pod_freep)
        struct pod *two = parse(PORTS("\"containerPort\":80,\"hostPort\":81},{\"containerPort\":90,\"hostPort\":91"));

        cr_expect_null(same->ignored);
        cr_expect_null(none->ignored);
        cr_expect_str_eq(other->ignored, "hostPort other than its containerPort");
        cr_expect_str_eq(two->ignored, "hostPort other than its containerPort", "said once");
}
