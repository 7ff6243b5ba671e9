/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/place.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "common/mem.h"

static cJSON *parse(const char *fmt, ...) PRINTF(1, 2);
static cJSON *parse(const char *fmt, ...)
{
        char text[4096];
        va_list ap;
        cJSON *o;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        for (char *c = text; *c; c++)
                if (*c == '\'')
                        *c = '"';
        o = cJSON_Parse(text);
        cr_assert_not_null(o, "bad test JSON: %s", text);
        return o;
}

/* A pod with one volume. */
static struct pod *pod_with(const char *volume, const char *more)
{
        CLEANUP(json_freep)
        cJSON *o = parse("{'metadata':{'namespace':'default','name':'web','uid':"
                         "'0f6c2a9e-1234-4abc-8def-0123456789ab'},"
                         "'spec':{'containers':[{'name':'main','image':'/bin/sh'}],'volumes':[{'name':'data',%s}]%s}}",
                         volume, more);
        struct pod *p = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        return p;
}

#define CLAIM        "{'metadata':{'name':'c','uid':'u1'},'spec':{'volumeName':'pv'},'status':{'phase':'Bound'}}"
#define VOLUME(spec) "{'metadata':{'name':'pv'},'spec':{'capacity':{'storage':'1Gi'},'claimRef':{'uid':'u1'}," spec "}}"
#define LOCAL        "'local':{'path':'/srv/data'}"
#define AFFINITY                                                                                                       \
        "'nodeAffinity':{'required':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'kubernetes.io/hostname',"       \
        "'operator':'In','values':['n1']}]}]}}"

struct question {
        const char *volume, *pod; /* of the pod, and of its spec */
        const char *claim, *bound;
        const char *labels, *mounts;
        bool runs;
};

/* "PATH TYPE [ro] [of PV] [(IGNORED)]", or "CODE REASON: TEXT" */
static char *answer_to(struct question q)
{
        CLEANUP(pod_freep)
        struct pod *p = pod_with(q.volume ? q.volume : "'persistentVolumeClaim':{'claimName':'c'}", q.pod ? q.pod : "");
        CLEANUP(json_freep) cJSON *claim = q.claim ? parse("%s", q.claim) : NULL;
        CLEANUP(json_freep) cJSON *volume = q.bound ? parse("%s", q.bound) : NULL;
        CLEANUP(json_freep) cJSON *labels = q.labels ? parse("%s", q.labels) : NULL;
        struct place_claim c = { .claim = claim, .volume = volume };
        struct place_node node = { .name = "n1", .labels = labels, .mounts = q.mounts };
        struct err e = ERR_NONE;
        struct place place;
        char *all;
        int r;

        cr_assert_eq(p->refused.code, 0, "%s", kept_text(&p->refused));
        cr_assert(volume_is_nowhere(&p->volumes[0]));
        r = place_find(p, &p->volumes[0], &c, &node, q.runs, &place, &e);
        if (r < 0) {
                cr_expect_null(place.path);
                return xasprintf("%s %s: %s", r == -EAGAIN ? "later" : "never", e.reason, e.text);
        }
        all = xasprintf("%s %s%s%s%s%s%s%s", place.path, place.type ? place.type : "-", place.read_only ? " ro" : "",
                        place.of ? " of " : "", place.of ? place.of : "", place.ignored ? " (" : "",
                        place.ignored ? place.ignored : "", place.ignored ? ")" : "");
        place_done(&place);
        return all;
}

static void expect(struct question q, const char *wanted)
{
        CLEANUP(freep) char *got = answer_to(q);

        cr_expect_str_eq(got, wanted);
}

/* What is wrong with a claim stands behind this. */
#define UNPROCESSED                                                                                                    \
        "later FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], "      \
        "failed to process volumes=[data]: error processing PVC default/c: "

Test(place, a_claim_is_where_its_volume_is)
{
        expect((struct question){ .claim = CLAIM, .bound = VOLUME(LOCAL) }, "/srv/data Directory of pv");
        expect((struct question){ .claim = CLAIM, .bound = VOLUME("'hostPath':{'path':'/srv/h/','type':''}") },
               "/srv/h  of pv");
        expect((struct question){ .claim = CLAIM,
                                  .bound = VOLUME("'hostPath':{'path':'/srv/h','type':'DirectoryOrCreate'}") },
               "/srv/h DirectoryOrCreate of pv");
        expect((struct question){ .volume = "'persistentVolumeClaim':{'claimName':'c','readOnly':true}",
                                  .claim = CLAIM,
                                  .bound = VOLUME(LOCAL) },
               "/srv/data Directory ro of pv");
}

Test(place, who_has_not_answered_is_not_blamed)
{
        expect((struct question){ 0 }, "later : claim \"c\" has not arrived yet");
        expect((struct question){ .claim = CLAIM }, "later : PV \"pv\" has not arrived yet");
        expect((struct question){ .claim = CLAIM,
                                  .bound = "{'metadata':{'name':'former'},'spec':{'claimRef':{'uid':'u1'}}}" },
               "later : PV \"pv\" has not arrived yet");
        expect((struct question){ .claim = CLAIM, .bound = VOLUME(LOCAL "," AFFINITY) },
               "later : the node's labels, which PV \"pv\" asks for, have not arrived yet");
}

Test(place, a_claim_that_is_not_bound_is_waited_for_in_the_kubelets_words)
{
        CLEANUP(pod_freep) struct pod *p = pod_with("'persistentVolumeClaim':{'claimName':'c'}", "");
        struct err why = { .code = -ENOENT, .text = "persistentvolumeclaims \"c\" not found" }, e = ERR_NONE;
        struct place_claim c = { .why = &why };
        struct place_node node = { .name = "n1" };
        struct place place;

        cr_assert_eq(place_find(p, &p->volumes[0], &c, &node, false, &place, &e), -EAGAIN);
        cr_expect(ends_with(e.text, "error processing PVC default/c: failed to fetch PVC from API server: "
                                    "persistentvolumeclaims \"c\" not found"));
        expect((struct question){ .claim = "{'metadata':{'uid':'u1'},'spec':{},'status':{'phase':'Pending'}}" },
               UNPROCESSED "PVC is not bound");
        expect((struct question){ .claim = "{'metadata':{'uid':'u1'},'spec':{},'status':{'phase':'Bound'}}" },
               UNPROCESSED "PVC has empty pvc.Spec.VolumeName");
        expect((struct question){ .claim = CLAIM, .bound = "{'metadata':{'name':'pv'},'spec':{" LOCAL "}}" },
               UNPROCESSED "found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the "
                           "claim");
        expect((struct question){ .claim = CLAIM,
                                  .bound = "{'metadata':{'name':'pv'},'spec':{'claimRef':{'uid':'u2'}," LOCAL "}}" },
               UNPROCESSED "found PV object pv but its pv.Spec.ClaimRef.UID u2 does not point to claim.UID u1");
}

Test(place, a_claim_that_is_about_to_go_takes_no_new_pod_and_keeps_its_own)
{
#define GOING                                                                                                          \
        "{'metadata':{'uid':'u1','deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{'volumeName':'pv'},"              \
        "'status':{'phase':'Bound'}}"
        expect((struct question){ .claim = GOING, .bound = VOLUME(LOCAL) }, UNPROCESSED "PVC is being deleted");
        expect((struct question){ .claim = GOING, .bound = VOLUME(LOCAL), .runs = true }, "/srv/data Directory of pv");
}

Test(place, a_volume_of_other_nodes_is_refused_and_a_pod_that_has_it_keeps_it)
{
        struct question q = { .claim = CLAIM,
                              .bound = VOLUME(LOCAL "," AFFINITY),
                              .labels = "{'kubernetes.io/hostname':'n1'}" };

        expect(q, "/srv/data Directory of pv");
        q.labels = "{'kubernetes.io/hostname':'n2'}";
        expect(q, "later FailedMount: MountVolume.NodeAffinity check failed for volume \"pv\" : no matching "
                  "NodeSelectorTerms");
        q.runs = true;
        expect(q, "/srv/data Directory of pv");
}

Test(place, what_cannot_be_here_is_refused_by_name)
{
        expect((struct question){ .claim = CLAIM, .bound = VOLUME("'volumeMode':'Block'," LOCAL) },
               "never FailedMount: volume data has volumeMode Block (PersistentVolume \"pv\"): pods of this node have "
               "no devices");
        expect((struct question){ .claim = CLAIM, .bound = VOLUME("'csi':{'driver':'x'}") },
               "never FailedMount: PersistentVolume \"pv\" is of kind csi: pods of this node have local, hostPath and "
               "nfs");
        expect((struct question){ .claim = CLAIM, .bound = VOLUME("'local':{'path':'/srv/../etc'}") },
               "never FailedMount: PersistentVolume \"pv\".local: \"/srv/../etc\" is not a normalized absolute path");
        expect((struct question){ .claim = CLAIM, .bound = VOLUME("'nfs':{'path':'/x'}") },
               "never FailedMount: volumes{data}: nfs without a server or a path");
}

Test(place, what_has_no_effect_is_told)
{
        expect(
                (struct question){
                        .pod = ",'securityContext':{'fsGroup':2000}",
                        .claim = CLAIM,
                        .bound = "{'metadata':{'name':'pv','annotations':{'pv.beta.kubernetes.io/gid':'1'}},'spec':"
                                 "{'claimRef':{'uid':'u1'},'volumeMode':'Filesystem','mountOptions':['noatime']," LOCAL
                                 "}}" },
                "/srv/data Directory of pv (mountOptions, the annotation pv.beta.kubernetes.io/gid, the pod's fsGroup "
                "(files keep their groups))");
        /* no kubelet changes a hostPath's */
        expect((struct question){ .pod = ",'securityContext':{'fsGroup':2000}",
                                  .claim = CLAIM,
                                  .bound = VOLUME("'hostPath':{'path':'/srv/h'}") },
               "/srv/h - of pv");
}

Test(place, an_ephemeral_volume_is_the_claim_that_was_made_for_the_pod)
{
#define OWNED(uid)                                                                                                     \
        "{'metadata':{'uid':'u1','ownerReferences':[{'uid':'x'},{'controller':true,'uid':'" uid                        \
        "'}]},'spec':{'volumeName':'pv'},'status':{'phase':'Bound'}}"
        struct question q = { .volume = "'ephemeral':{'volumeClaimTemplate':{'spec':{}}}", .bound = VOLUME(LOCAL) };
        CLEANUP(pod_freep) struct pod *p = pod_with(q.volume, "");

        cr_expect_str_eq(p->volumes[0].claim, "web-data");
        q.claim = OWNED("0f6c2a9e-1234-4abc-8def-0123456789ab");
        expect(q, "/srv/data Directory of pv");
        q.claim = OWNED("0f6c2a9e-1234-4abc-8def-000000000000");
        expect(q, "later FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached "
                  "volumes=[], failed to process volumes=[data]: error processing PVC default/web-data: PVC "
                  "default/web-data was not created for pod default/web (pod is not owner)");
        q.claim = CLAIM;
        expect(q, "later FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached "
                  "volumes=[], failed to process volumes=[data]: error processing PVC default/web-data: PVC "
                  "default/web-data was not created for pod default/web (pod is not owner)");
}

#define MOUNTS                                                                                                         \
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                                      \
        "36 22 0:52 / /mnt/all rw,relatime shared:5 master:2 - nfs4 server:/export rw,vers=4.2\n"                      \
        "37 22 0:53 / /mnt/with\\040blank rw - nfs server:/other rw\n"                                                 \
        "38 22 0:54 /sub /mnt/bound rw - nfs4 server:/bound rw\n"                                                      \
        "39 22 0:55 / /mnt/six rw - nfs4 [2001:db8::1]:/ rw\n"                                                         \
        "40 22 0:56 / /mnt/no rw - ext4 server:/disk rw\n"                                                             \
        "41 22 0:52 / /mnt/later rw - nfs4 server:/twice rw\n"                                                         \
        "42 22 0:52 / /mnt/last rw - nfs4 server:/twice rw\n"                                                          \
        "43 22 0:57 / /mnt/odd rw - nfs4 odd rw\n"                                                                     \
        "44 22 0:58 / /mnt/odd rw - nfs4 [2001:db8::9] rw\n"                                                           \
        "broken\n"

static char *nfs(const char *server, const char *path)
{
        CLEANUP(freep) char *volume = xasprintf("'nfs':{'server':'%s','path':'%s'}", server, path);
        char *all = answer_to((struct question){ .volume = volume, .mounts = MOUNTS });

        if (starts_with(all, "later "))
                strcpy(all, "later");
        return all;
}

Test(place, nfs_is_where_the_machine_has_mounted_it)
{
        static const struct {
                const char *server, *path, *wanted;
        } cases[] = {
                { "server", "/export", "/mnt/all Directory" },
                { "server", "/export/", "/mnt/all Directory" },
                { "server", "/export/a/b", "/mnt/all/a/b Directory" },
                { "server", "/exports", "later" },
                { "server", "/other", "/mnt/with blank Directory" },
                { "server", "/bound", "later" },
                { "server", "/disk", "later" },
                { "server", "/twice", "/mnt/last Directory" },
                { "serve", "/export", "later" },
                { "server2", "/export", "later" },
                { "servus", "/export", "later" },
                { "2001:db8::2", "/x", "later" },
                { "2001:db8::1", "/x", "/mnt/six/x Directory" },
                { "[2001:db8::1]", "/x", "/mnt/six/x Directory" },
                { "2001:db8::", "/x", "later" },
                { "odd", "/x", "later" }, /* a source that names no path */
                { "2001:db8::9", "/x", "later" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep) char *got = nfs(cases[i].server, cases[i].path);

                cr_expect_str_eq(got, cases[i].wanted, "%s:%s: %s", cases[i].server, cases[i].path, got);
        }
}

Test(place, nfs_that_is_not_mounted_is_told_to_who_can)
{
        struct question q = { .volume = "'nfs':{'server':'a','path':'/x'}", .mounts = MOUNTS };

        expect(q, "later FailedMount: MountVolume.SetUp failed for volume \"data\" : nfs a:/x is not mounted on this "
                  "machine, and pods mount nothing: its administrator does (fstab(5); not below /home), and names the "
                  "place in the policy (host-path)");
        q.mounts = NULL;
        expect(q, "later FailedMount: MountVolume.SetUp failed for volume \"data\" : nfs a:/x is not mounted on this "
                  "machine, and pods mount nothing: its administrator does (fstab(5); not below /home), and names the "
                  "place in the policy (host-path)");
}

Test(place, a_claims_nfs_volume_is_found_the_same_way)
{
        struct question q = { .claim = CLAIM,
                              .bound = VOLUME("'nfs':{'server':'server','path':'/export/a','readOnly':true}"),
                              .mounts = MOUNTS };
        CLEANUP(json_freep) cJSON *bound = parse("%s", q.bound), *local = parse("%s", VOLUME(LOCAL));
        CLEANUP(pod_freep) struct pod *p = pod_with("'persistentVolumeClaim':{'claimName':'c'}", "");
        CLEANUP(pod_freep) struct pod *own = pod_with("'nfs':{'server':'s','path':'/x','readOnly':true}", "");

        expect(q, "/mnt/all/a Directory ro of pv");
        cr_expect(place_asks_for_mounts(&p->volumes[0], &(struct place_claim){ .volume = bound }));
        cr_expect_not(place_asks_for_mounts(&p->volumes[0], &(struct place_claim){ .volume = local }));
        cr_expect_not(place_asks_for_mounts(&p->volumes[0], &(struct place_claim){ 0 }));
        cr_expect(place_asks_for_mounts(&own->volumes[0], &(struct place_claim){ 0 }));
        cr_expect(own->volumes[0].read_only);
}

Test(place, a_volume_that_names_nothing_is_refused)
{
        CLEANUP(pod_freep)
        struct pod *claim = pod_with("'persistentVolumeClaim':{'claimName':'../x'}", ""),
                   *path = pod_with("'nfs':{'server':'s','path':'x'}", ""),
                   *server = pod_with("'nfs':{'path':'/x'}", "");

        cr_expect_str_eq(kept_text(&claim->refused), "volumes{data}.persistentVolumeClaim: no valid claimName");
        cr_expect_str_eq(kept_text(&path->refused), "volumes{data}.nfs: a server, and a path that begins with /");
        cr_expect_str_eq(kept_text(&server->refused), "volumes{data}.nfs: a server, and a path that begins with /");
}
