/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod says, field by field; the names of its units; and its bounds. */
#include "agent/pods/content.h"
#include "tests/unit/agent/pod/parsed.h"

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
