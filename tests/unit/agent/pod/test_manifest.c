/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/pod/manifest.h"
#include "agent/pod/pod.h"
#include "agent/pod/pod_state.h"
#include "common/mem.h"

#define SEEN UINT64_C(1760000000123456)

static cJSON *parse(const char *text)
{
        struct err e = ERR_NONE;
        cJSON *o = NULL;

        cr_assert_eq(manifest_parse(text, strlen(text), "n1", SEEN, &o, &e), 0, "%s: %s", text, e.text);
        return o;
}

static const char *meta(const cJSON *o, const char *key)
{
        return json_str(json_get(o, "metadata"), key);
}

/* The rest of a Pod with this spec, and a container where it has none. */
static char *pod_of(const char *spec)
{
        return xasprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {%s%s}\n", spec,
                         strstr(spec, "containers:") ? "" : ", containers: [{name: c, image: nginx}]");
}

static cJSON *parse_spec(const char *spec)
{
        CLEANUP(freep) char *text = pod_of(spec);

        return parse(text);
}

Test(manifest, yaml_and_json_become_the_object_that_the_api_server_would_have_made)
{
        static const char *const texts[] = {
                "# comment\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: prod\n  uid: other\n"
                "  deletionTimestamp: \"2026-01-01T00:00:00Z\"\n  labels: {app: web}\n"
                "  annotations: {kubernetes.io/config.mirror: x, a: b}\n"
                "spec:\n  containers:\n  - {name: c, image: nginx}\nstatus: {phase: Running}\n",
                "  {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"web\", \"namespace\": "
                "\"prod\", \"labels\": {\"app\": \"web\"}, \"annotations\": {\"a\": \"b\"}}, \"spec\": "
                "{\"containers\": [{\"name\": \"c\", \"image\": \"nginx\"}]}}\n",
        };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                cJSON *o = parse(texts[i]);
                const cJSON *notes = json_get(json_get(o, "metadata"), "annotations"), *spec = json_get(o, "spec");
                struct err e = ERR_NONE;
                struct pod *p;

                cr_assert_str_eq(meta(o, "name"), "web-n1");
                cr_assert_str_eq(meta(o, "namespace"), "prod");
                cr_assert(manifest_is_uid(meta(o, "uid")) && id_is_uid(meta(o, "uid")));
                cr_assert_null(meta(o, "deletionTimestamp"));
                cr_assert_str_eq(json_str(json_get(json_get(o, "metadata"), "labels"), "app"), "web");
                cr_assert_str_eq(json_str(notes, "a"), "b");
                cr_assert_str_eq(json_str(notes, "kubernetes.io/config.source"), "file");
                cr_assert_str_eq(json_str(notes, "kubernetes.io/config.hash"), meta(o, "uid"));
                cr_assert_str_eq(json_str(notes, "kubernetes.io/config.seen"), "2025-10-09T08:53:20.123456000Z");
                cr_assert_null(manifest_mirrored(o));
                cr_assert_str_eq(json_str(spec, "nodeName"), "n1");
                cr_assert_str_eq(json_str(spec, "priorityClassName"), "system-node-critical");
                cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
                cr_assert_eq(p->refused.code, 0, "%s", kept_text(&p->refused));
                cr_assert_not(p->deleting || p->terminal || p->service_links);
                cr_assert_eq(p->qos, QOS_CLASS_BEST_EFFORT);
                cr_assert_eq(p->containers[0].pull_policy, PULL_ALWAYS);
                pod_free(p);
                cJSON_Delete(o);
        }
}

Test(manifest, another_content_is_another_pod_and_a_comment_is_nothing)
{
        CLEANUP(freep) char *plain = pod_of("hostNetwork: true"), *comment = xasprintf("# words\n%s# more\n", plain);
        cJSON *a = parse(plain), *b = parse(comment), *c = parse_spec("hostNetwork: false"), *d = NULL;

        cr_assert_str_eq(meta(a, "uid"), meta(b, "uid"));
        cr_assert_str_neq(meta(a, "uid"), meta(c, "uid"));
        cr_assert_eq(manifest_parse(plain, strlen(plain), "n2", SEEN, &d, NULL), 0);
        cr_assert_str_neq(meta(a, "uid"), meta(d, "uid"), "two nodes have the same file");
        cr_assert_str_eq(meta(a, "namespace"), "default");
        cJSON_Delete(a), cJSON_Delete(b), cJSON_Delete(c), cJSON_Delete(d);
}

Test(manifest, defaults_are_kubernetes)
{
        static const struct {
                const char *spec, *policy, *qos, *memory;
        } rows[] = {
                { "containers: [{name: c, image: nginx}]", "Always", "BestEffort", NULL },
                { "containers: [{name: c, image: 'nginx:latest'}]", "Always", "BestEffort", NULL },
                { "containers: [{name: c, image: 'nginx:1.2'}]", "IfNotPresent", "BestEffort", NULL },
                { "containers: [{name: c, image: 'host:5000/nginx'}]", "Always", "BestEffort", NULL },
                { "containers: [{name: c, image: /bin/sh}]", "IfNotPresent", "BestEffort", NULL },
                { "containers: [{name: c, image: 'https://h/p_1_all.deb'}]", "IfNotPresent", "BestEffort", NULL },
                { "containers: [{name: c, image: nginx, imagePullPolicy: Never}]", "Never", "BestEffort", NULL },
                { "containers: [{name: c, image: nginx, imagePullPolicy: ''}]", "Always", "BestEffort", NULL },
                { "containers: [{name: c, image: nginx, resources: {limits: {memory: 1Gi}}}]", "Always", "Burstable",
                  "1Gi" },
                { "containers: [{name: c, image: nginx, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: "
                  "'1'}}}]",
                  "Always", "Burstable", "1Gi" },
                { "containers: [{name: c, image: nginx, resources: {limits: {cpu: '1', memory: 1Gi}, requests: {cpu: "
                  "'1000m'}}}]",
                  "Always", "Guaranteed", "1Gi" },
                { "containers: [{name: c, image: nginx, resources: {limits: {cpu: '1', memory: 1Gi}}}, {name: d, "
                  "image: nginx}]",
                  "Always", "Burstable", "1Gi" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *o = parse_spec(rows[i].spec);
                const cJSON *c = json_get(json_get(o, "spec"), "containers")->child;
                const char *memory = json_str(json_get(json_get(c, "resources"), "requests"), "memory");

                cr_assert_str_eq(json_str(c, "imagePullPolicy"), rows[i].policy, "%s", rows[i].spec);
                cr_assert_str_eq(json_str(json_get(o, "status"), "qosClass"), rows[i].qos, "%s", rows[i].spec);
                cr_assert(rows[i].memory ? streq(memory, rows[i].memory) : !memory, "%s", rows[i].spec);
                cJSON_Delete(o);
        }
}

Test(manifest, with_the_machines_network_a_port_is_the_machines)
{
        cJSON *o = parse_spec("hostNetwork: true, containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]");
        struct err e = ERR_NONE;
        struct pod *p;

        cr_assert_eq(pod_parse(o, &p, &e), 0);
        cr_assert_eq(p->demands.ports[0].host, 80);
        pod_free(p);
        cJSON_Delete(o);
}

/* What the API server would have put in, as text. */
Test(manifest, ports_and_tolerations_are_completed)
{
#define EVERYTHING "{\"operator\":\"Exists\",\"effect\":\"NoExecute\"}"
        static const struct {
                const char *spec, *ports, *tolerations;
        } rows[] = {
                { "hostNetwork: false", NULL, "[" EVERYTHING "]" },
                { "tolerations: null", NULL, "[" EVERYTHING "]" },
                { "tolerations: [{key: a, operator: Exists}]", NULL,
                  "[{\"key\":\"a\",\"operator\":\"Exists\"}," EVERYTHING "]" },
                { "containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]", "[{\"containerPort\":80}]",
                  "[" EVERYTHING "]" },
                { "hostNetwork: true, containers: [{name: c, image: nginx, ports: [{containerPort: 80}, "
                  "{hostPort: 0, containerPort: 81}, {hostPort: 82, containerPort: 82}, {name: x}, 7]}]",
                  "[{\"containerPort\":80,\"hostPort\":80},{\"containerPort\":81,\"hostPort\":81},"
                  "{\"hostPort\":82,\"containerPort\":82},{\"name\":\"x\"},7]",
                  "[" EVERYTHING "]" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cJSON *o = parse_spec(rows[i].spec);
                const cJSON *spec = json_get(o, "spec");
                CLEANUP(freep)
                char *ports = cJSON_PrintUnformatted(json_get(json_get(spec, "containers")->child, "ports")),
                     *tolerations = cJSON_PrintUnformatted(json_get(spec, "tolerations"));

                cr_expect(streq(ports, rows[i].ports), "%s: %s", rows[i].spec, ports ? ports : "(none)");
                cr_expect_str_eq(tolerations, rows[i].tolerations, "%s: %s", rows[i].spec, tolerations);
                cJSON_Delete(o);
        }
}

Test(manifest, what_is_no_pod_of_its_own_is_refused_and_the_field_is_named)
{
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "", "no Pod is in it" },
                { "[1]", "no Pod is in it" },
                { "kind: Pod", "apiVersion none" },
                { "apiVersion: apps/v1\nkind: Deployment", "kind: Deployment" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: Web}", "metadata.name" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: w, namespace: a/b}", "metadata.namespace" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: w, labels: {a: 1}}", "metadata.labels.a: not a string" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: w, labels: x}", "metadata.labels: not a list" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: w}", "spec: is missing" },
                { "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec: {containers: []}", "spec.containers" },
                { "apiVersion: v1\nkind: Pod\n---\nkind: Pod", "second document" },
                { "{\"apiVersion\": \"v1\", ", "line" },
        };
        static const struct {
                const char *spec, *words;
        } specs[] = {
                { "nodeName: n2", "spec.nodeName: n2, and this node is n1" },
                { "serviceAccountName: robot", "spec.serviceAccountName: a static pod" },
                { "imagePullSecrets: [{name: s}]", "spec.imagePullSecrets: a static pod" },
                { "ephemeralContainers: [{name: e, image: x}]", "spec.ephemeralContainers" },
                { "initContainers: {name: e}", "spec.initContainers: not a list" },
                { "volumes: [{name: v, secret: {secretName: s}}]", "spec.volumes{v}: a static pod" },
                { "volumes: [{name: v, configMap: {name: s}}]", "spec.volumes{v}: a static pod" },
                { "volumes: [{name: v, persistentVolumeClaim: {claimName: s}}]", "spec.volumes{v}: a static pod" },
                { "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]",
                  "spec.volumes{v}.projected" },
                { "volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]", "spec.volumes{v}: there is another" },
                { "containers: [{name: c, image: a}, {name: c, image: b}]", "spec.containers{c}: there is another" },
                { "initContainers: [{name: c, image: a}], containers: [{name: c, image: b}]",
                  "spec.containers{c}: there is another" },
                { "containers: [{name: c}]", "spec.containers{c}: has no image" },
                { "containers: [{name: c, image: a, env: [{name: A, value: 80}]}]", "spec.containers{c}.env{A}" },
                { "containers: [{name: c, image: a, env: [{value: a}]}]", "spec.containers{c}.env{}: has no name" },
                { "containers: [{name: c, image: a, env: [{name: '', value: a}]}]",
                  "spec.containers{c}.env{}: has no name" },
                { "containers: [{name: c, image: a, env: [{name: A, valueFrom: {configMapKeyRef: {name: s}}}]}]",
                  "spec.containers{c}.env{A}.valueFrom: a static pod" },
                { "containers: [{name: c, image: a, env: 80, args: x}]", "spec.containers{c}.args: not a list" },
                { "containers: [{name: c, image: a, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]",
                  "spec.containers{c}.env{A}.valueFrom" },
                { "containers: [{name: c, image: a, envFrom: [{configMapRef: {name: s}}]}]",
                  "spec.containers{c}.envFrom" },
                { "containers: [{name: c, image: a, args: [-p, 80]}]", "spec.containers{c}.args: not a string" },
                { "containers: [{name: c, image: a, command: [-p, 80]}]", "spec.containers{c}.command: not a string" },
                { "containers: [{name: C, image: a}]", "spec.containers{C}: its name is no DNS label" },
                { "containers: [{image: a}]", "spec.containers{}: its name is no DNS label" },
                { "containers: [{name: c, image: ''}]", "spec.containers{c}: has no image" },
                { "serviceAccount: robot", "spec.serviceAccount: a static pod" },
                { "resourceClaims: [{name: r}]", "spec.resourceClaims: a static pod" },
                { "volumes: x", "spec.volumes: not a list" },
                { "tolerations: x", "spec.tolerations: not a list" },
                { "volumes: [{name: v, ephemeral: {}}]", "spec.volumes{v}: a static pod" },
                { "volumes: [{name: v, projected: {sources: [{downwardAPI: {}}, {podCertificate: {}}]}}]",
                  "spec.volumes{v}.projected" },
        };
        struct err e;
        cJSON *o;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                e = ERR_NONE;
                cr_assert_lt(manifest_parse(rows[i].text, strlen(rows[i].text), "n1", SEEN, &o, &e), 0, "%s",
                             rows[i].text);
                cr_assert(strstr(e.text, rows[i].words), "%s: %s", rows[i].text, e.text);
        }
        for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
                CLEANUP(freep) char *text = pod_of(specs[i].spec);

                e = ERR_NONE;
                cr_assert_lt(manifest_parse(text, strlen(text), "n1", SEEN, &o, &e), 0, "%s", text);
                cr_assert(starts_with(e.text, specs[i].words), "%s: %s", specs[i].spec, e.text);
        }
}

/* The file is read into a buffer of its size, with nothing behind it. */
Test(manifest, blanks_are_read_to_the_end_of_the_file_and_no_further)
{
        static const char *const texts[] = { "\r\n \t ", " {", "{} \t" };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                size_t n = strlen(texts[i]);
                CLEANUP(freep) char *exact = xcalloc(n, 1);
                struct err e = ERR_NONE;
                cJSON *o;

                memcpy(exact, texts[i], n);
                cr_assert_lt(manifest_parse(exact, n, "n1", SEEN, &o, &e), 0, "%s", texts[i]);
        }
}

Test(manifest, a_file_and_a_name_have_a_longest)
{
        CLEANUP(freep) char *plain = pod_of("hostNetwork: true"), *text = xcalloc(MANIFEST_MAX + 2, 1);
        char name[ID_NAME_MAX + 1] = "";
        struct err e = ERR_NONE;
        cJSON *o;

        memset(text, '\n', MANIFEST_MAX + 1);
        memcpy(text, plain, strlen(plain));
        cr_assert_eq(manifest_parse(text, MANIFEST_MAX, "n1", SEEN, &o, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        cr_assert_eq(manifest_parse(text, MANIFEST_MAX + 1, "n1", SEEN, &o, &e), -EFBIG);
        cr_assert_str_eq(e.text, "larger than 1048576 bytes");

        for (size_t i = 0; i < ID_NAME_MAX - strlen("-n1"); i++)
                name[i] = i % 50 == 40 ? '.' : 'x';
        for (size_t more = 0; more < 2; more++) {
                CLEANUP(freep)
                char *named =
                        xasprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s%.*s}\nspec: {containers: [{name: "
                                  "c, image: nginx}]}\n",
                                  name, (int)more, "y");

                e = ERR_NONE;
                cr_assert_eq(manifest_parse(named, strlen(named), "n1", SEEN, &o, &e), more ? -EINVAL : 0, "%s",
                             e.text);
                if (more)
                        cr_assert(starts_with(e.text, "metadata.name: with -n1 behind it it is longer than 253 bytes"));
                else
                        cJSON_Delete(o);
        }
}

Test(manifest, downward_fields_need_no_api_server)
{
        cJSON_Delete(parse_spec("volumes: [{name: v, downwardAPI: {items: [{path: l, fieldRef: {fieldPath: "
                                "metadata.labels}}]}}], containers: [{name: c, image: a, env: [{name: A, valueFrom: "
                                "{fieldRef: {fieldPath: metadata.name}}}, {name: B, value: ''}]}]"));
}

Test(manifest, a_mirror_is_the_nodes)
{
        cJSON *o = parse_spec("hostNetwork: true"), *m = manifest_mirror(o, "11111111-2222-4333-8444-555555555555");
        const cJSON *owner = json_get(json_get(m, "metadata"), "ownerReferences")->child;

        cr_assert_str_eq(manifest_mirrored(m), meta(o, "uid"));
        cr_assert_null(meta(m, "uid"), "the API server gives it one");
        cr_assert_null(json_get(m, "status"));
        cr_assert_str_eq(json_str(owner, "apiVersion"), "v1");
        cr_assert_str_eq(json_str(m, "apiVersion"), "v1");
        cr_assert_str_eq(json_str(m, "kind"), "Pod");
        cr_assert_str_eq(json_str(json_get(o, "status"), "phase"), "Pending");
        cr_assert_str_eq(json_str(owner, "kind"), "Node");
        cr_assert_str_eq(json_str(owner, "name"), "n1");
        cr_assert_str_eq(json_str(owner, "uid"), "11111111-2222-4333-8444-555555555555");
        cr_assert(json_bool(owner, "controller", false));
        cr_assert_null(manifest_mirrored(o), "the pod itself is none");
        cJSON_Delete(m), cJSON_Delete(o);
}

Test(manifest, no_uid_of_the_api_servers_is_taken_for_one_of_a_file)
{
        cr_assert_not(manifest_is_uid("11111111-2222-4333-8444-555555555555"));
        cr_assert(manifest_is_uid("11111111222243338444555555555555"));
        cr_assert_not(manifest_is_uid("1111111122224333844455555555555"), "31 digits");
        cr_assert_not(manifest_is_uid("111111112222433384445555555555555"), "33 digits");
        cr_assert_not(manifest_is_uid("11111111-22224333844455555555555"));
}

Test(manifest, a_late_status_lets_no_count_fall)
{
        cJSON *o = parse_spec("hostNetwork: true"), *status = NULL;
        struct pod_state *s;
        struct err e = ERR_NONE;
        struct pod *p;

        cr_assert_eq(pod_parse(o, &p, &e), 0);
        s = pod_state_new(p, 50 * USEC_PER_SEC);
        s->containers[0].restarts = 2;
        s->containers[0].phase = CONTAINER_RUNNING;
        status = json_parse("{\"startTime\":\"1970-01-01T00:00:07Z\",\"containerStatuses\":[{\"name\":\"c\","
                            "\"restartCount\":1,\"lastState\":{\"terminated\":{\"exitCode\":3}}}]}",
                            strlen("{\"startTime\":\"1970-01-01T00:00:07Z\",\"containerStatuses\":[{\"name\":\"c\","
                                   "\"restartCount\":1,\"lastState\":{\"terminated\":{\"exitCode\":3}}}]}"));
        pod_state_recall(s, p, status);
        cr_assert_eq(s->containers[0].restarts, 2);
        cr_assert_eq(s->containers[0].last.exit_code, 3);
        cr_assert_eq(s->start_time, 7 * USEC_PER_SEC);
        cr_assert_eq(s->containers[0].phase, CONTAINER_RUNNING);
        cJSON_SetNumberValue(
                cJSON_GetObjectItem(cJSON_GetObjectItem(status, "containerStatuses")->child, "restartCount"), 5);
        cJSON_SetValuestring(cJSON_GetObjectItem(status, "startTime"), "1970-01-01T00:00:30Z");
        pod_state_recall(s, p, status);
        cr_assert_eq(s->containers[0].restarts, 5);
        cr_assert_eq(s->start_time, 7 * USEC_PER_SEC, "it did not begin later");
        cJSON_DeleteItemFromObject(status, "startTime");
        pod_state_recall(s, p, status);
        cr_assert_eq(s->start_time, 7 * USEC_PER_SEC);
        cJSON_SetValuestring(cJSON_GetObjectItem(cJSON_GetObjectItem(status, "containerStatuses")->child, "name"), "d");
        cJSON_SetNumberValue(
                cJSON_GetObjectItem(cJSON_GetObjectItem(status, "containerStatuses")->child, "restartCount"), 9);
        pod_state_recall(s, p, status);
        cr_assert_eq(s->containers[0].restarts, 5, "that is another container's");
        cJSON_Delete(status), cJSON_Delete(o);
        pod_state_free(s);
        pod_free(p);
}
