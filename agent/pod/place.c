/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/place.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "agent/lib/clean_path.h"
#include "agent/lib/mountinfo.h"
#include "agent/pod/admit.h"
#include "common/buf.h"
#include "common/mem.h"

void place_done(struct place *p)
{
        free(p->path);
        free(p->type);
        free(p->of);
        free(p->ignored);
        *p = (struct place){ 0 };
}

/* ---- what the machine has mounted -------------------------------------------------------------------------------- */

/* What of `path` is below `top`, with its slash, "" for all of it; NULL: it is not. */
static const char *below(const char *path, const char *top)
{
        size_t n = strlen(top);

        while (n > 0 && top[n - 1] == '/')
                n--;
        if (strncmp(path, top, n) != 0 || (path[n] && path[n] != '/'))
                return NULL;
        return streq(path + n, "/") ? "" : path + n;
}

/* The place at which `m` has what is asked for, or NULL. */
static char *place_in(const struct mountinfo *m, const char *server, const char *exported)
{
        const char *colon, *rest;
        size_t n = strlen(server);

        if (!starts_with(m->type, "nfs") || !streq(m->root, "/"))
                return NULL;
        if (*m->source == '[' && *server != '[') { /* [2001:db8::1]:/x */
                if (strncmp(m->source + 1, server, n) != 0 || m->source[1 + n] != ']')
                        return NULL;
                colon = m->source + n + 2;
        } else {
                if (strncmp(m->source, server, n) != 0)
                        return NULL;
                colon = m->source + n;
        }
        if (*colon != ':')
                return NULL;
        rest = below(exported, colon + 1);
        return rest ? xasprintf("%s%s", streq(m->at, "/") ? "" : m->at, rest) : NULL;
}

/* Where it is mounted itself, or what it lies in; what is mounted last lies on top. */
static char *mounted_at(const char *mounts, const char *server, const char *exported)
{
        struct mountinfo m = { 0 };
        char *found = NULL;

        while (mounts && mountinfo_next(&mounts, &m)) {
                char *at = place_in(&m, server, exported);

                if (!at)
                        continue;
                free(found);
                found = at;
        }
        return found;
}

static int find_nfs(const struct volume *v, const char *server, const char *exported, const struct place_node *node,
                    struct place *ret, struct err *e)
{
        if (!server || !exported || !*server)
                return err_set(e, -EINVAL, "FailedMount", "volumes{%s}: nfs without a server or a path", v->name);
        ret->path = mounted_at(node->mounts, server, exported);
        if (!ret->path)
                return err_set(e, -EAGAIN, "FailedMount",
                               "MountVolume.SetUp failed for volume \"%s\" : nfs %.200s:%.300s is not mounted on this "
                               "machine, and pods mount nothing: its administrator does (fstab(5); not below /home), "
                               "and names the place in the policy (host-path)",
                               v->name, server, exported);
        if (!id_is_path(ret->path))
                return err_set(e, -EINVAL, "FailedMount", "volumes{%s}: nfs path \"%.200s\" is not normalized", v->name,
                               exported);
        ret->type = xstrdup("Directory");
        return 0;
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

/* Of the kinds that a PersistentVolume can be, the one that it is. */
static const cJSON *source_of(const cJSON *spec)
{
        static const char *const no_kinds[] = { "capacity", "claimRef", "nodeAffinity" };
        const cJSON *item;

        cJSON_ArrayForEach (item, spec) {
                bool is_kind = cJSON_IsObject(item);

                for (size_t i = 0; i < ARRAY_LEN(no_kinds); i++)
                        is_kind = is_kind && !streq(item->string, no_kinds[i]);
                if (is_kind)
                        return item;
        }
        return NULL;
}

bool place_asks_for_mounts(const struct volume *v, const struct place_claim *c)
{
        return v->kind == VOLUME_NFS || (v->kind == VOLUME_CLAIM && json_get(json_get(c->volume, "spec"), "nfs"));
}

static const char *meta(const cJSON *object, const char *key)
{
        return json_str(json_get(object, "metadata"), key);
}

/* Was the claim made for this pod (component-helpers, VolumeIsForPod)? */
static bool is_made_for(const cJSON *claim, const struct pod *p)
{
        const cJSON *owner;

        cJSON_ArrayForEach (owner, json_get(json_get(claim, "metadata"), "ownerReferences"))
                if (json_bool(owner, "controller", false))
                        return streq(json_str(owner, "uid"), p->id.uid);
        return false;
}

/* The kubelet's words go around what is wrong with a claim. */
static int unprocessed(const struct pod *p, const struct volume *v, struct err *e)
{
        return err_prefix(e,
                          "Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], failed "
                          "to process volumes=[%s]: error processing PVC %s/%s: ",
                          v->name, v->name, p->id.namespace, v->claim);
}

static int check_claim(const struct pod *p, const struct volume *v, const struct place_claim *c, bool runs,
                       struct err *e)
{
        const char *volume = json_str(json_get(c->claim, "spec"), "volumeName");

        if (!c->claim && !c->why)
                return err_set(e, -EAGAIN, "", "claim \"%s\" has not arrived yet", v->claim);
        if (!c->claim)
                return err_set(e, -EAGAIN, "FailedMount", "failed to fetch PVC from API server: %.500s", c->why->text);
        if (v->owned && !is_made_for(c->claim, p))
                return err_set(e, -EAGAIN, "FailedMount", "PVC %s/%s was not created for pod %s/%s (pod is not owner)",
                               p->id.namespace, v->claim, p->id.namespace, p->id.name);
        if (meta(c->claim, "deletionTimestamp") && !runs)
                return err_set(e, -EAGAIN, "FailedMount", "PVC is being deleted");
        if (!streq(json_str(json_get(c->claim, "status"), "phase"), "Bound"))
                return err_set(e, -EAGAIN, "FailedMount", "PVC is not bound");
        if (!volume || !*volume)
                return err_set(e, -EAGAIN, "FailedMount", "PVC has empty pvc.Spec.VolumeName");
        return 0;
}

static int check_volume(const struct place_claim *c, struct err *e)
{
        const cJSON *ref = json_get(json_get(c->volume, "spec"), "claimRef");
        const char *name = json_str(json_get(c->claim, "spec"), "volumeName"), *uid = meta(c->claim, "uid");

        if (!c->volume && !c->why)
                return err_set(e, -EAGAIN, "", "PV \"%.253s\" has not arrived yet", name);
        if (!c->volume)
                return err_set(e, -EAGAIN, "FailedMount", "failed to fetch PV %.253s from API server: %.500s", name,
                               c->why->text);
        if (!streq(meta(c->volume, "name"), name))
                return err_set(e, -EAGAIN, "", "PV \"%.253s\" has not arrived yet", name);
        if (!cJSON_IsObject(ref))
                return err_set(
                        e, -EAGAIN, "FailedMount",
                        "found PV object %.253s but it has a nil pv.Spec.ClaimRef indicating it is not yet bound "
                        "to the claim",
                        name);
        if (!uid || !streq(json_str(ref, "uid"), uid))
                return err_set(e, -EAGAIN, "FailedMount",
                               "found PV object %.253s but its pv.Spec.ClaimRef.UID %.80s does not point to claim.UID "
                               "%.80s",
                               name, json_str(ref, "uid") ? json_str(ref, "uid") : "", uid ? uid : "");
        return 0;
}

static int check_node(const cJSON *spec, const char *name, const struct place_node *node, struct err *e)
{
        const cJSON *required = json_get(json_get(spec, "nodeAffinity"), "required");
        const struct admit_node here = { .name = node->name, .labels = node->labels };

        if (!cJSON_IsObject(required))
                return 0;
        if (!node->labels)
                return err_set(e, -EAGAIN, "", "the node's labels, which PV \"%.253s\" asks for, have not arrived yet",
                               name);
        if (!admit_terms_match(json_get(required, "nodeSelectorTerms"), &here))
                return err_set(e, -EAGAIN, "FailedMount",
                               "MountVolume.NodeAffinity check failed for volume \"%.253s\" : no matching "
                               "NodeSelectorTerms",
                               name);
        return 0;
}

static void tell_ignored(const struct pod *p, const cJSON *volume, bool own_groups, struct place *ret)
{
        CLEANUP(buf_done) struct buf b = BUF(1024);

        if (json_len(json_get(json_get(volume, "spec"), "mountOptions")))
                buf_str(&b, "mountOptions");
        if (json_str(json_get(json_get(volume, "metadata"), "annotations"), "pv.beta.kubernetes.io/gid"))
                buf_printf(&b, "%sthe annotation pv.beta.kubernetes.io/gid", b.len ? ", " : "");
        if (p->has_fs_group && own_groups)
                buf_printf(&b, "%sthe pod's fsGroup (files keep their groups)", b.len ? ", " : "");
        if (b.len)
                ret->ignored = buf_steal(&b);
}

/* A path of the API server's is the administrator's of the cluster; what comes of it is policy's to say. */
static int take_path(const char *name, const char *kind, const cJSON *source, struct place *ret, struct err *e)
{
        const char *path = json_str(source, "path");

        ret->path = path_tidy(path ? path : "");
        if (!id_is_path(ret->path))
                return err_set(e, -EINVAL, "FailedMount",
                               "PersistentVolume \"%.253s\".%s: \"%.200s\" is not a normalized absolute path", name,
                               kind, ret->path);
        return 0;
}

static int find_in_volume(const struct pod *p, const struct volume *v, const cJSON *volume,
                          const struct place_node *node, struct place *ret, struct err *e)
{
        const cJSON *spec = json_get(volume, "spec"), *source = source_of(spec);
        const char *mode = json_str(spec, "volumeMode"), *kind = source ? source->string : "none",
                   *name = meta(volume, "name"), *type;
        int r;

        if (mode && !streq(mode, "Filesystem"))
                return err_set(
                        e, -EINVAL, "FailedMount",
                        "volume %s has volumeMode %.20s (PersistentVolume \"%.253s\"): pods of this node have no "
                        "devices",
                        v->name, mode, name);
        tell_ignored(p, volume, streq(kind, "local") || streq(kind, "nfs"), ret);
        ret->of = xstrdup(name);
        if (streq(kind, "hostPath")) {
                type = json_str(source, "type");
                ret->type = xstrdup(type);
                return take_path(name, kind, source, ret, e);
        }
        if (streq(kind, "local")) {
                ret->type = xstrdup("Directory");
                return take_path(name, kind, source, ret, e);
        }
        if (streq(kind, "nfs")) {
                r = find_nfs(v, json_str(source, "server"), json_str(source, "path"), node, ret, e);
                ret->read_only = json_bool(source, "readOnly", false);
                return r;
        }
        return err_set(e, -EINVAL, "FailedMount",
                       "PersistentVolume \"%.253s\" is of kind %.60s: pods of this node have local, hostPath and nfs",
                       name, kind);
}

static int find_claimed(const struct pod *p, const struct volume *v, const struct place_claim *c,
                        const struct place_node *node, bool runs, struct place *ret, struct err *e)
{
        int r = check_claim(p, v, c, runs, e);

        if (r == 0)
                r = check_volume(c, e);
        if (r < 0)
                return *e->reason ? unprocessed(p, v, e) : r;
        r = runs ? 0 : check_node(json_get(c->volume, "spec"), meta(c->volume, "name"), node, e);
        if (r == 0)
                r = find_in_volume(p, v, c->volume, node, ret, e);
        return r;
}

int place_find(const struct pod *p, const struct volume *v, const struct place_claim *c, const struct place_node *node,
               bool runs, struct place *ret, struct err *e)
{
        int r;

        *ret = (struct place){ 0 };
        r = v->kind == VOLUME_CLAIM ? find_claimed(p, v, c, node, runs, ret, e)
                                    : find_nfs(v, v->server, v->exported, node, ret, e);
        ret->read_only |= v->read_only;
        if (r < 0)
                place_done(ret);
        return r;
}
