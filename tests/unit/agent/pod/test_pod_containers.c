/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod says of its containers. */
#include "tests/unit/agent/pod/parsed.h"

Test(pod_containers, of_a_hook_that_is_none_nothing_is_handed_out)
{
        struct handler *h = (struct handler *)(uintptr_t)1;
        cJSON *none = cJSON_CreateObject();
        struct err e = ERR_NONE;

        cr_expect_lt(handler_parse(HOOK_PRE_STOP, none, NULL, &h, &e), 0);
        cr_expect_null(h);
        cJSON_Delete(none);
}

/* Of the pod, for each of its containers: "FSGROUP: GROUPS". */
Test(pod_containers, groups)
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
Test(pod_containers, who_reads_files_that_not_everybody_may_read)
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

Test(pod_containers, fields_of_a_container)
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

Test(pod_containers, init_containers_come_first_and_some_stay)
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

Test(pod_containers, the_first_reason_for_a_refusal_is_told)
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

Test(pod_containers, what_has_no_effect_yet_is_told_once)
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

Test(pod_containers, a_profile_of_apparmor_may_be_an_annotation)
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

Test(pod_containers, what_is_no_containers_and_has_no_effect_is_told_too)
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
