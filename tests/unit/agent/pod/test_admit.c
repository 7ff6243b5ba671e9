/* SPDX-License-Identifier: Apache-2.0 */
/* Who may run on a node: rows of what a pod asks for, who is there already, and the verdict. */
#include "agent/pod/admit.h"

#include <criterion/criterion.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"
#include "tests/unit/agent/pod/parsed.h"

static struct pod *pod_named(const char *name, const char *spec, const char *more)
{
        CLEANUP(freep)
        char *text = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\",\"uid\":"
                               "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s}%s}",
                               name, spec, more);

        return parse_object(text);
}

#define C(fields)      "\"containers\":[{\"name\":\"c\",\"image\":\"x\"" fields "}]"
#define ASKS(requests) C(",\"resources\":{\"requests\":{" requests "}}")
#define PORT(fields)   C(",\"ports\":[{" fields "}]")
#define REQUIRED(terms)                                                                                                \
        C("")                                                                                                          \
        ",\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"                         \
        "{\"nodeSelectorTerms\":[" terms "]}}}"
#define EXPRESSION(key, operator, values) "{\"key\":\"" key "\",\"operator\":\"" operator"\",\"values\":[" values "]}"
#define TERM(expression)                  "{\"matchExpressions\":[" expression "]}"

static const char labels[] =
        "{\"kubernetes.io/os\":\"linux\",\"disk\":\"ssd\",\"cores\":\"8\",\"empty\":\"\",\"name\":\"8x\"}";

/* 2 CPUs, 1 GiB, 10 GB, 3 pods */
static struct admit_node node_with(const cJSON *its_labels)
{
        return (struct admit_node){
                .name = "node1",
                .labels = its_labels,
                .allocatable = { .of = { [RESOURCE_CPU] = 2000,
                                         [RESOURCE_MEMORY] = 1 << 30,
                                         [RESOURCE_STORAGE] = UINT64_C(10000000000) } },
                .pods = 3,
        };
}

enum there { NOBODY, RUNS, ENDS, LINGERS, REFUSED };

struct row {
        const char *shows;
        const char *spec;
        enum admission is;
        const char *reason; /* NULL where it is admitted */
        const char *words;  /* a part of what is said; NULL: of no interest */
        enum there there;
        const char *other; /* the neighbour's spec */
};

static void judge(const struct row *r)
{
        CLEANUP(pod_freep) struct pod *p = pod_named("new", r->spec, "");
        CLEANUP(pod_freep) struct pod *other = pod_named("old", r->other ? r->other : C(""), "");
        struct neighbour n = { .pod = other, .ending = r->there == ENDS, .lingers = r->there == LINGERS };
        cJSON *l = cJSON_Parse(labels);
        struct admit_node node = node_with(l);
        struct err e = ERR_NONE;
        enum admission is;

        if (r->there == REFUSED)
                err_keep_set(&other->refused, -1, "FailedMount", "no");
        is = admit(p, &node, &n, r->there != NOBODY, &e);
        cr_expect_eq(is, r->is, "%s: %d %s", r->shows, is, e.text);
        cr_expect_str_eq(e.reason, r->reason ? r->reason : "", "%s: %s", r->shows, e.text);
        cr_expect(!r->words || strstr(e.text, r->words), "%s: %s", r->shows, e.text);
        cJSON_Delete(l);
}

#define JUDGE(rows)                                                                                                    \
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                   \
        judge(&(rows)[i])

Test(admit, labels)
{
        static const struct row rows[] = {
                { .shows = "who asks for nothing", .spec = C("") },
                { .shows = "a selector that fits", .spec = C("") ",\"nodeSelector\":{\"disk\":\"ssd\"}" },
                { .shows = "an empty selector", .spec = C("") ",\"nodeSelector\":{}" },
                { "a selector of two, one fits", C("") ",\"nodeSelector\":{\"disk\":\"ssd\",\"cores\":\"9\"}", REJECTED,
                  "NodeAffinity", "cores=9, but the node's is \"8\"", NOBODY, NULL },
                { "a label that is not there", C("") ",\"nodeSelector\":{\"x\":\"\"}", REJECTED, "NodeAffinity",
                  "x=, which the node does not have", NOBODY, NULL },
                { .shows = "an empty value", .spec = C("") ",\"nodeSelector\":{\"empty\":\"\"}" },
                { .shows = "In", .spec = REQUIRED(TERM(EXPRESSION("disk", "In", "\"hdd\",\"ssd\""))) },
                { "In, another", REQUIRED(TERM(EXPRESSION("disk", "In", "\"hdd\""))), REJECTED, "NodeAffinity",
                  "node(s) didn't match Pod's node affinity/selector", NOBODY, NULL },
                { "In, not there", REQUIRED(TERM(EXPRESSION("x", "In", "\"\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { .shows = "NotIn", .spec = REQUIRED(TERM(EXPRESSION("disk", "NotIn", "\"hdd\""))) },
                { .shows = "NotIn, not there", .spec = REQUIRED(TERM(EXPRESSION("x", "NotIn", "\"hdd\""))) },
                { "NotIn, the same", REQUIRED(TERM(EXPRESSION("disk", "NotIn", "\"ssd\""))), REJECTED, "NodeAffinity",
                  NULL, NOBODY, NULL },
                { "NotIn without values is no requirement", REQUIRED(TERM(EXPRESSION("disk", "NotIn", ""))), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { .shows = "Exists", .spec = REQUIRED(TERM(EXPRESSION("empty", "Exists", ""))) },
                { "Exists, not there", REQUIRED(TERM(EXPRESSION("x", "Exists", ""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { .shows = "DoesNotExist", .spec = REQUIRED(TERM(EXPRESSION("x", "DoesNotExist", ""))) },
                { "DoesNotExist, there", REQUIRED(TERM(EXPRESSION("disk", "DoesNotExist", ""))), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { .shows = "Gt", .spec = REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"7\""))) },
                { "Gt, the same", REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"8\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { .shows = "Lt", .spec = REQUIRED(TERM(EXPRESSION("cores", "Lt", "\"10\""))) },
                { "Lt, the same", REQUIRED(TERM(EXPRESSION("cores", "Lt", "\"8\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { "Lt, not there", REQUIRED(TERM(EXPRESSION("x", "Lt", "\"8\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { "Gt of what is no number", REQUIRED(TERM(EXPRESSION("name", "Gt", "\"7\""))), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { "Lt than what is no number", REQUIRED(TERM(EXPRESSION("cores", "Lt", "\"\""))), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { "Gt than what is no number", REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"\""))), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { "Gt than two", REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"1\",\"2\""))), REJECTED, "NodeAffinity",
                  NULL, NOBODY, NULL },
                { "an unknown operator", REQUIRED(TERM(EXPRESSION("disk", "Is", "\"ssd\""))), REJECTED, "NodeAffinity",
                  NULL, NOBODY, NULL },
                { "all of a term", REQUIRED(TERM(EXPRESSION("disk", "Exists", "") "," EXPRESSION("x", "Exists", ""))),
                  REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { .shows = "one of the terms",
                  .spec = REQUIRED(TERM(EXPRESSION("x", "Exists", "")) "," TERM(EXPRESSION("disk", "Exists", ""))) },
                { "none of the terms",
                  REQUIRED(TERM(EXPRESSION("x", "Exists", "")) "," TERM(EXPRESSION("y", "Exists", ""))), REJECTED,
                  "NodeAffinity", "none of the 2 terms", NOBODY, NULL },
                { "an empty term matches nothing", REQUIRED("{}"), REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { "no term matches nothing", REQUIRED(""), REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { .shows = "the node's name, as a DaemonSet's pods have it",
                  .spec = REQUIRED("{\"matchFields\":[" EXPRESSION("metadata.name", "In", "\"node1\"") "]}") },
                { "another node's name",
                  REQUIRED("{\"matchFields\":[" EXPRESSION("metadata.name", "In", "\"node2\"") "]}"), REJECTED,
                  "NodeAffinity", NULL, NOBODY, NULL },
                { "another field", REQUIRED("{\"matchFields\":[" EXPRESSION("metadata.uid", "Exists", "") "]}"),
                  REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { "fields and expressions of a term",
                  REQUIRED("{\"matchExpressions\":[" EXPRESSION("x", "Exists", "") "],\"matchFields\":[" EXPRESSION(
                          "metadata.name", "In", "\"node1\"") "]}"),
                  REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { .shows = "a field and an expression that both fit",
                  .spec = REQUIRED(
                          "{\"matchExpressions\":[" EXPRESSION("disk", "Exists", "") "],\"matchFields\":[" EXPRESSION(
                                  "metadata.name", "In", "\"node1\"") "]}") },
                { .shows = "Gt than a negative number", .spec = REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"-9\""))) },
                { .shows = "Gt than a positive number", .spec = REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"+7\""))) },
                { "Gt than a sign", REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"-\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { "Gt than a number with something behind it", REQUIRED(TERM(EXPRESSION("cores", "Gt", "\"7x\""))),
                  REJECTED, "NodeAffinity", NULL, NOBODY, NULL },
                { "Lt than a number that is too large",
                  REQUIRED(TERM(EXPRESSION("cores", "Lt", "\"9223372036854775808\""))), REJECTED, "NodeAffinity", NULL,
                  NOBODY, NULL },
                { "a selector beside an affinity that fits",
                  REQUIRED(TERM(EXPRESSION("disk", "Exists", ""))) ",\"nodeSelector\":{\"disk\":\"hdd\"}", REJECTED,
                  "NodeAffinity", "nodeSelector", NOBODY, NULL },
                { .shows = "this system", .spec = C("") ",\"os\":{\"name\":\"linux\"}" },
                { "another one", C("") ",\"os\":{\"name\":\"windows\"}", REJECTED, "PodOSNotSupported", NULL, NOBODY,
                  NULL },
        };

        JUDGE(rows);
}

#define SYSCTL(name)     C("") ",\"securityContext\":{\"sysctls\":[{\"name\":\"" name "\",\"value\":\"1\"}]}"
#define NOT_LISTED(name) "forbidden sysctl: \"" name "\" not allowlisted"

/* The kubelet's words and names (pkg/kubelet/sysctl). What a pod may set on other nodes is no matter of admission: see
 * pod_parse(). */
Test(admit, a_sysctl_that_no_pod_may_set_is_a_reason_to_reject_it)
{
        static const struct row rows[] = {
                { "of the whole machine", SYSCTL("kernel.msgmax"), REJECTED, "SysctlForbidden",
                  NOT_LISTED("kernel.msgmax"), NOBODY, NULL },
                { "with slashes", SYSCTL("net/ipv4/conf/eth0.1/forwarding"), REJECTED, "SysctlForbidden",
                  NOT_LISTED("net.ipv4.conf.eth0/1.forwarding"), NOBODY, NULL },
                { "behind one that is safe",
                  C("") ",\"securityContext\":{\"sysctls\":[{\"name\":\"net.ipv4.tcp_syncookies\"},{\"name\":\"vm."
                        "swap\"}]}",
                  REJECTED, "SysctlForbidden", NOT_LISTED("vm.swap"), NOBODY, NULL },
                { .shows = "a safe one", .spec = SYSCTL("net.ipv4.tcp_syncookies") },
                { .shows = "with slashes", .spec = SYSCTL("kernel/shm_rmid_forced") },
                { .shows = "none", .spec = C("") ",\"securityContext\":{\"sysctls\":[]}" },
        };

        JUDGE(rows);
}

Test(admit, labels_that_are_not_known_are_not_judged)
{
        CLEANUP(pod_freep) struct pod *p = pod_named("new", C("") ",\"nodeSelector\":{\"disk\":\"hdd\"}", "");
        struct admit_node node = node_with(NULL);
        struct err e = ERR_NONE;

        cr_expect_eq(admit(p, &node, NULL, 0, &e), ADMITTED, "%s", e.text);
}

/* Who comes in when the node is short of what the row says: m(emory), d(isk), p(ids). */
Test(admit, under_pressure)
{
        static const struct {
                const char *shows, *short_of, *spec, *class;
                enum admission is;
                const char *text;
        } rows[] = {
                { "all is well", "", C(""), "BestEffort", ADMITTED, NULL },
                { "who asks for no memory", "m", C(""), "BestEffort", REJECTED,
                  "The node had condition: [MemoryPressure]. " },
                { "who asks for some", "m", C(""), "Burstable", ADMITTED, NULL },
                { "who needs it all", "m", C(""), "Guaranteed", ADMITTED, NULL },
                { "of disk nobody has asked for", "d", C(""), "Guaranteed", REJECTED,
                  "The node had condition: [DiskPressure]. " },
                { "nor pids", "p", C(""), "Guaranteed", REJECTED, "The node had condition: [PIDPressure]. " },
                { "several", "dmp", C(""), "Burstable", REJECTED,
                  "The node had condition: [DiskPressure MemoryPressure PIDPressure]. " },
                { "what the cluster cannot do without", "dmp", C("") ",\"priority\":2000000000", "BestEffort", ADMITTED,
                  NULL },
                { "who tolerates it", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/"
                        "memory-pressure\",\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}]",
                  "BestEffort", ADMITTED, NULL },
                { "or anything", "m", C("") ",\"tolerations\":[{\"operator\":\"Exists\"}]", "BestEffort", ADMITTED,
                  NULL },
                { "which is about memory alone", "md", C("") ",\"tolerations\":[{\"operator\":\"Exists\"}]",
                  "BestEffort", REJECTED, NULL },
                { "another effect", "m", C("") ",\"tolerations\":[{\"operator\":\"Exists\",\"effect\":\"NoExecute\"}]",
                  "BestEffort", REJECTED, NULL },
                { "another taint", "m", C("") ",\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\"}]",
                  "BestEffort", REJECTED, NULL },
                { "another value", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\",\"value\":\"x\"}]",
                  "BestEffort", REJECTED, NULL },
                { "its value, which is none", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\"}]", "BestEffort", ADMITTED,
                  NULL },
                { "and said so", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"Equal\","
                        "\"value\":\"\",\"effect\":\"\"}]",
                  "BestEffort", ADMITTED, NULL },
                { "an empty operator", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"\"}]",
                  "BestEffort", ADMITTED, NULL },
                { "an unknown operator", "m",
                  C("") ",\"tolerations\":[{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"Is\"}]",
                  "BestEffort", REJECTED, NULL },
                { "anything of no operator", "m", C("") ",\"tolerations\":[{\"key\":\"\"}]", "BestEffort", REJECTED,
                  NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(pod_freep) struct pod *p = pod_named("new", rows[i].spec, "");
                struct admit_node node = node_with(NULL);
                struct err e = ERR_NONE;

                p->qos = *rows[i].class == 'G'               ? QOS_CLASS_GUARANTEED
                         : streq(rows[i].class, "Burstable") ? QOS_CLASS_BURSTABLE
                                                             : QOS_CLASS_BEST_EFFORT;
                node.conditions.memory = strchr(rows[i].short_of, 'm');
                node.conditions.disk = strchr(rows[i].short_of, 'd');
                node.conditions.pid = strchr(rows[i].short_of, 'p');
                cr_expect_eq(admit(p, &node, NULL, 0, &e), rows[i].is, "%s: %s", rows[i].shows, e.text);
                if (rows[i].is == REJECTED)
                        cr_expect_str_eq(e.reason, "Evicted", "%s", rows[i].shows);
                if (rows[i].text)
                        cr_expect_str_eq(e.text, rows[i].text, "%s: %s", rows[i].shows, e.text);
        }
}

Test(admit, resources)
{
        static const struct row rows[] = {
                { .shows = "all that there is", .spec = ASKS("\"cpu\":\"2\",\"memory\":\"1Gi\"") },
                { "too much of a CPU", ASKS("\"cpu\":\"2001m\""), REJECTED, "OutOfcpu",
                  "Node didn't have enough resource: cpu, requested: 2001, used: 0, capacity: 2000", NOBODY, NULL },
                { "what another one has taken", ASKS("\"cpu\":\"1001m\""), REJECTED, "OutOfcpu",
                  "requested: 1001, used: 1000, capacity: 2000", RUNS, ASKS("\"cpu\":\"1\"") },
                { .shows = "what another one has left",
                  .spec = ASKS("\"cpu\":\"1\""),
                  .there = RUNS,
                  .other = ASKS("\"cpu\":\"1\"") },
                { "who ends still has it", ASKS("\"cpu\":\"1001m\""), REJECTED, "OutOfcpu", NULL, ENDS,
                  ASKS("\"cpu\":\"1\"") },
                { .shows = "whom the API server has forgotten has it no longer",
                  .spec = ASKS("\"cpu\":\"2\""),
                  .there = LINGERS,
                  .other = ASKS("\"cpu\":\"1\"") },
                { .shows = "who asks for none is let in where all is taken",
                  .spec = C(""),
                  .there = RUNS,
                  .other = ASKS("\"cpu\":\"2000\"") },
                { "memory", ASKS("\"memory\":\"1025Mi\""), REJECTED, "OutOfmemory", NULL, NOBODY, NULL },
                { "storage", ASKS("\"ephemeral-storage\":\"11G\""), REJECTED, "OutOfephemeral-storage", NULL, NOBODY,
                  NULL },
                { "more than a number can hold", ASKS("\"memory\":\"9999999999999999999\""), REJECTED, "OutOfmemory",
                  NULL, NOBODY, NULL },
                { "large pages", ASKS("\"hugepages-2Mi\":\"4Mi\""), REJECTED, "OutOfhugepages-2Mi",
                  "hugepages-2Mi, requested: 4194304, used: 0, capacity: 0", NOBODY, NULL },
                { "those of all containers",
                  "\"containers\":[{\"name\":\"a\",\"image\":\"x\",\"resources\":{\"requests\":{\"hugepages-2Mi\":"
                  "\"4Mi\"}}},"
                  "{\"name\":\"b\",\"image\":\"x\",\"resources\":{\"requests\":{\"hugepages-2Mi\":\"2Mi\",\"hugepages-"
                  "1Gi\":"
                  "\"1Gi\"}}}],\"initContainers\":[{\"name\":\"i\",\"image\":\"x\",\"resources\":{\"requests\":{"
                  "\"hugepages-2Mi\":\"2Mi\"}}}]",
                  REJECTED, "OutOfhugepages-2Mi", "requested: 6291456", NOBODY, NULL },
                { .shows = "none of them", .spec = ASKS("\"hugepages-2Mi\":\"0\"") },
                { "an init container's",
                  C("") ",\"initContainers\":[{\"name\":\"i\",\"image\":\"x\",\"resources\":{\"requests\":{\"hugepages-"
                        "1Gi\":"
                        "\"1Gi\"}}}]",
                  REJECTED, "OutOfhugepages-1Gi", "requested: 1073741824", NOBODY, NULL },
                { .shows = "what no node has is the scheduler's matter", .spec = ASKS("\"example.com/gpu\":\"1\"") },
                { "before labels", ASKS("\"cpu\":\"3\"") ",\"nodeSelector\":{\"x\":\"y\"}", REJECTED, "OutOfcpu", NULL,
                  NOBODY, NULL },
        };

        JUDGE(rows);
}

Test(admit, as_many_pods_as_the_node_may_have)
{
        CLEANUP(pod_freep) struct pod *p = pod_named("new", C(""), ""), *q = pod_named("old", C(""), "");
        struct neighbour others[3] = { { .pod = q }, { .pod = q }, { .pod = q, .lingers = true } };
        struct admit_node node = node_with(NULL);
        struct err e = ERR_NONE;

        cr_expect_eq(admit(p, &node, others, 3, &e), ADMITTED, "%s", e.text);
        others[2].lingers = false;
        cr_expect_eq(admit(p, &node, others, 3, &e), REJECTED);
        cr_expect_str_eq(e.reason, "OutOfpods");
        cr_expect_str_eq(e.text, "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3");
}

#define WEB  PORT("\"containerPort\":80")
#define HOST PORT("\"containerPort\":80,\"hostPort\":80")

Test(admit, a_pod_has_so_many_ports)
{
        static const size_t rows[][3] = { { 600, 424, 1024 }, { 600, 425, 1024 }, { 600, 600, 1024 },
                                          { 1024, 1, 1024 },  { 1025, 1, 1024 },  { 3, 2, 5 } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_done) struct buf b = BUF(128 * 1024);

                buf_str(&b, "\"containers\":[");
                for (size_t c = 0; c < 2; c++) {
                        buf_printf(&b, "%s{\"name\":\"c%zu\",\"image\":\"/bin/x%zu\",\"ports\":[", c ? "," : "", c, c);
                        for (size_t k = 0; k < rows[i][c]; k++)
                                buf_printf(&b, "%s{\"containerPort\":%zu}", k ? "," : "", k + 1 + c * 2000);
                        buf_str(&b, "]}");
                }
                buf_str(&b, "]");
                CLEANUP(pod_freep) struct pod *p = pod_named("new", b.data, "");

                cr_expect_eq(p->demands.n_ports, rows[i][2], "row %zu: %zu", i, p->demands.n_ports);
                cr_expect_eq(p->demands.ports[rows[i][0] < 1024 ? rows[i][0] - 1 : 1023].container,
                             rows[i][0] < 1024 ? rows[i][0] : 1024);
        }
}

Test(admit, ports)
{
        static const struct row rows[] = {
                { .shows = "nobody else", .spec = HOST },
                { "the same hostPort", HOST, REJECTED, "NodePorts",
                  "node(s) didn't have free ports for the requested pod ports: port 80/TCP is that of pod default/old",
                  RUNS, HOST },
                { "the same hostPort for other containerPorts", PORT("\"containerPort\":8080,\"hostPort\":80"),
                  REJECTED, "NodePorts", "port 80/TCP", RUNS, HOST },
                { "the same containerPort", WEB, HELD, "PortConflict", "port 80/TCP is that of pod default/old", RUNS,
                  WEB },
                { "the same containerPort behind two hostPorts", PORT("\"containerPort\":80,\"hostPort\":8080"), HELD,
                  "PortConflict", "port 80/TCP", RUNS, PORT("\"containerPort\":80,\"hostPort\":8081") },
                { "a containerPort that is another's hostPort", WEB, HELD, "PortConflict", NULL, RUNS, HOST },
                { "a hostPort that is another's containerPort", HOST, HELD, "PortConflict", NULL, RUNS, WEB },
                { .shows = "another port", .spec = PORT("\"containerPort\":81"), .there = RUNS, .other = WEB },
                { .shows = "another protocol",
                  .spec = PORT("\"containerPort\":80,\"protocol\":\"UDP\""),
                  .there = RUNS,
                  .other = WEB },
                { "the same protocol", PORT("\"containerPort\":53,\"protocol\":\"UDP\""), HELD, "PortConflict",
                  "port 53/UDP", RUNS, PORT("\"containerPort\":53,\"protocol\":\"UDP\"") },
                { "TCP, said or not", PORT("\"containerPort\":80,\"protocol\":\"TCP\""), HELD, "PortConflict", NULL,
                  RUNS, WEB },
                { .shows = "two addresses",
                  .spec = PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"127.0.0.1\""),
                  .there = RUNS,
                  .other = PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"10.0.0.1\"") },
                { "one address", PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"127.0.0.1\""), REJECTED,
                  "NodePorts", NULL, RUNS, PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"127.0.0.1\"") },
                { "an address and all of them", PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"127.0.0.1\""),
                  REJECTED, "NodePorts", NULL, RUNS, HOST },
                { "all addresses by name", PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"0.0.0.0\""),
                  REJECTED, "NodePorts", NULL, RUNS,
                  PORT("\"containerPort\":80,\"hostPort\":80,\"hostIP\":\"127.0.0.1\"") },
                { "who ends is waited for", HOST, HELD, "PortConflict", "about to end", ENDS, HOST },
                { "whose processes are left, too", HOST, HELD, "PortConflict", "about to end", LINGERS, HOST },
                { "and for a containerPort", WEB, HELD, "PortConflict", "about to end", ENDS, WEB },
                { .shows = "who cannot run binds nothing", .spec = WEB, .there = REFUSED, .other = WEB },
                { "but has its hostPort", HOST, REJECTED, "NodePorts", NULL, REFUSED, HOST },
                { .shows = "an init container's is none",
                  .spec = WEB,
                  .there = RUNS,
                  .other = C("") ",\"initContainers\":[{\"name\":\"i\",\"image\":\"x\",\"ports\":[{\"containerPort\":80"
                                 "}]}]" },
                { "but a sidecar's is", WEB, HELD, "PortConflict", NULL, RUNS,
                  C("") ",\"initContainers\":[{\"name\":\"i\",\"image\":\"x\",\"restartPolicy\":\"Always\",\"ports\":"
                        "[{\"containerPort\":80}]}]" },
                { "the second of two ports", PORT("\"containerPort\":1},{\"containerPort\":2"), HELD, "PortConflict",
                  "port 2/TCP", RUNS, PORT("\"containerPort\":3},{\"containerPort\":2") },
                { "a rejection wins over a wait", PORT("\"containerPort\":1},{\"containerPort\":2,\"hostPort\":2"),
                  REJECTED, "NodePorts", "port 2/TCP", RUNS,
                  PORT("\"containerPort\":1},{\"containerPort\":2,\"hostPort\":2") },
                { .shows = "no port at all",
                  .spec = PORT("\"name\":\"x\""),
                  .there = RUNS,
                  .other = PORT("\"name\":1") },
                { .shows = "what is no port", .spec = PORT("\"containerPort\":65616"), .there = RUNS, .other = WEB },
                { "the last port", PORT("\"containerPort\":65535"), HELD, "PortConflict", "port 65535/TCP", RUNS,
                  PORT("\"containerPort\":65535") },
        };

        JUDGE(rows);
}

/* The first neighbour would be waited for, the second one is final; and the other way round. */
Test(admit, a_rejection_wins_whoever_comes_first)
{
        CLEANUP(pod_freep)
        struct pod *p = pod_named("new", HOST, ""), *soft = pod_named("soft", WEB, ""),
                   *hard = pod_named("hard", HOST, "");
        struct neighbour others[2] = { { .pod = soft }, { .pod = hard } };
        struct admit_node node = node_with(NULL);

        for (size_t i = 0; i < 2; i++) {
                struct err e = ERR_NONE;
                others[i].pod = hard;
                others[1 - i].pod = soft;
                cr_expect_eq(admit(p, &node, others, 2, &e), REJECTED);
                cr_expect(strstr(e.text, "default/hard"), "%s", e.text);
        }
}
