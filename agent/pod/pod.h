/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod as the API server wants it: the part of the object that vks acts on, in compact form, parsed once. Parsing is
 * the one place that finds out what a pod asks for and vks cannot give; `refused` says what that is.
 */
#ifndef VKS_AGENT_POD_POD_H
#define VKS_AGENT_POD_POD_H

#include <cjson/cJSON.h>

#include "agent/lib/kept_err.h"
#include "agent/pod/demands.h"
#include "agent/pod/handler.h"
#include "agent/pod/image.h"
#include "agent/pod/restart_policy.h"
#include "agent/pod/sandbox.h"
#include "common/ids.h"

/* Names the unit of its package that a container runs. The plain key is for all containers of the pod, the key with
 * ".<container>" behind it for that one. */
#define ANNOTATION_UNIT "vks.systemd.io/unit"

enum pull_policy { PULL_IF_NOT_PRESENT, PULL_ALWAYS, PULL_NEVER };

/* Where the value of an environment variable, or the content of a file in a volume, comes from. */
enum source_kind {
        SOURCE_VALUE,      /* `text` is the value itself */
        SOURCE_CONFIG_MAP, /* `object`, and `text` is the key (NULL: all keys) */
        SOURCE_SECRET,
        SOURCE_FIELD,    /* `text` is the field path */
        SOURCE_TOKEN,    /* service account token; `text` is the audience or NULL */
        SOURCE_HOSTS,    /* /etc/hosts with the pod's name and the lines `text` behind it (hosts.h) */
        SOURCE_RESOLV,   /* /etc/resolv.conf with what is in `text`, behind the machine's unless `alone` (resolv.h) */
        SOURCE_RESOURCE, /* `text` is the field, "limits.cpu", of the container `object` (NULL: the one whose variable
                            it is), and `divisor` its unit, NULL for none */
};

struct env_var {
        char *name; /* the variable's; for envFrom: the prefix, "" for none */
        enum source_kind kind;
        char *object;
        char *text;
        char *divisor;
        bool optional;
};

struct mount {
        char *volume;
        char *path;
        char *sub_path; /* of the volume: relative, normalized; "": all of it */
        bool read_only;
        bool unasked; /* vks' own, over a file of the machine's; where that is a link, the pod does without it */
};

/* What the operator's table has made of an image (image_meaning.h). */
struct image_meaning {
        unsigned line; /* of the row */
        enum image_rule rule;
        char tag[ID_VERSION_MAX + 1];
        char *differs; /* what of the container is for the image alone, for a person; NULL: nothing is known */
};

struct container {
        char *name;
        char *image;                   /* as the pod has it */
        struct image parsed;           /* borrows from `image` */
        struct image_meaning *meaning; /* NULL: the table has no row for it */
        const char *given_unit; /* the package's unit that an annotation names, borrowed from it; NULL: the rules choose
                                   (packages.h) */
        enum pull_policy pull_policy;
        char **command, **args; /* NULL-terminated, or NULL when absent; $(VAR) not yet replaced */
        char *working_dir;
        struct env_var *env; /* envFrom first, then env, in the order of precedence: later wins */
        size_t n_env;
        struct mount *mounts;
        size_t n_mounts;
        cJSON *resources;             /* requests and limits as the pod has them, or NULL */
        bool restarts_for[RESOURCES]; /* resizePolicy: another amount of that needs a restart */
        bool has_user, has_group, non_root;
        struct sandbox sandbox;
        bool reads_files; /* of its volumes, some that not everybody may read, and says nothing of users */
        uint32_t user, group;
        bool tty, has_stdin, stdin_once;
        char *message_path;                /* terminationMessagePath */
        char *stop_signal;                 /* lifecycle.stopSignal, or NULL */
        bool message_from_log;             /* terminationMessagePolicy: FallbackToLogsOnError */
        struct probe *probes[PROBE_TYPES]; /* NULL: none */
        struct handler *hooks[HOOK_KINDS]; /* NULL: none */
        bool init;                         /* of spec.initContainers */
        bool sidecar;                      /* an init container with restartPolicy Always */
        struct restarts restarts;          /* what follows the end of a run */
        bool ephemeral; /* of spec.ephemeralContainers: it runs once, and nothing of the pod depends on it */
        /* code != 0: this container cannot run here. The others do not care, but for those that come behind it where it
         * is an init container. */
        struct kept_err refused;
        bool shares_image; /* the unit's name needs the container's (common/ids.h): another has its image, or it is
                              ephemeral, so that the names of the others do not change when it comes */
        /*
         * The name of its unit. Parsing derives it from the image (unit_name() in common/ids.h); a container that has
         * a unit already keeps that unit's name until the unit is gone (desired.c). "": the image gives no name.
         */
        char unit[ID_UNIT_MAX + 1];
        char *unit_image; /* what the unit was named after (image.name), where the pod has another image by now; NULL:
                             its present one */
        uint64_t mark;    /* a hash of the image string, and of what the table makes of it; never 0: a unit with another
                             mark was made for another image */
};

struct volume_item { /* one file, or all keys of an object when `path` is NULL */
        enum source_kind kind;
        char *object;
        char *text;
        char *divisor;
        char *path;
        uint32_t mode;
        bool optional;
        bool alone;           /* of SOURCE_RESOLV: without what the machine has */
        int64_t expiration_s; /* of a token */
};

enum volume_kind {
        VOLUME_EMPTY_DIR,
        VOLUME_HOST_PATH,
        VOLUME_FILES,
        VOLUME_CLAIM, /* where on the machine it lies, the claim's PersistentVolume says (place.h) */
        VOLUME_NFS,   /* where the machine has mounted it (place.h) */
};

struct volume {
        char *name;
        enum volume_kind kind;
        bool own;                  /* no manifest's: vks has added it */
        bool memory;               /* emptyDir */
        uint64_t size_limit;       /* of an emptyDir, in bytes; 0: none */
        char *size_text;           /* the same, as the manifest has it */
        char *path, *type;         /* hostPath; of a claim and NFS once it is known: NULL before */
        char *claim;               /* the name of a PersistentVolumeClaim */
        bool owned;                /* ... that is the pod's own: a generic ephemeral volume */
        bool read_only;            /* of a claim and NFS */
        char *server, *exported;   /* of NFS */
        char *of;                  /* the PersistentVolume that `path` is from; NULL: none */
        struct volume_item *items; /* files */
        size_t n_items;
};

struct pair {
        char *key, *value;
};

struct pod {
        struct pod_id id;
        uint64_t created; /* microseconds since the epoch; 0: not told */
        int64_t generation;
        bool deleting; /* metadata.deletionTimestamp is set */
        int64_t deletion_grace_s;
        bool terminal; /* the API already has phase Succeeded or Failed, which is irreversible */
        bool failed;   /* it is Failed */
        enum restart_policy restart_policy;
        int64_t grace_s;
        int64_t active_deadline_s; /* -1: none */
        enum qos qos;
        bool node_critical; /* its priority class is that of what the node cannot do without */
        struct demands demands;
        cJSON *resources; /* of all of it together (spec.resources), or NULL */
        bool has_fs_group;
        uint32_t fs_group; /* the group of its volumes, and one of each container */
        uint32_t *groups;  /* of each container: fsGroup and supplementalGroups */
        size_t n_groups;
        char *hostname;  /* its own; NULL: the machine's, which it asks for by hostNetwork */
        char *subdomain; /* what its name is in; NULL: nothing */
        char *service_account;
        bool service_links; /* enableServiceLinks: variables for the Services of its namespace */
        struct pair *labels, *annotations;
        size_t n_labels, n_annotations;
        struct container *containers; /* init containers first, in their order; ephemeral ones last, in theirs */
        size_t n_containers;
        struct volume *volumes;
        size_t n_volumes;
        char **readiness_gates;  /* condition types; NULL when none */
        bool gates_open;         /* all readiness gates are True in the status that came with the object */
        char *gates_why;         /* which are not, for a person; NULL when all are */
        char *ignored;           /* fields that the pod sets and vks ignores, ", " between them; NULL when none */
        struct kept_err refused; /* code != 0: this pod cannot run here; reason and text say why */
};

/*
 * Parses an object of kind Pod. 0 even when the pod is refused (so that its status can say why); -EINVAL only when
 * it has no usable identity. The caller owns *ret.
 */
int pod_parse(const cJSON *object, struct pod **ret, struct err *e);
struct pod *pod_free(struct pod *p);

/* Is it a volume that lies somewhere on the machine, and is it not known yet where? */
bool volume_is_nowhere(const struct volume *v);

/* Sets containers[i].unit to the name that follows from its present image, and from those of the other containers. */
void pod_name_unit(struct pod *p, size_t i, struct err *e);
DEFINE_FREEP(struct pod, pod_free)

/* The value of a downward API field path, or NULL when there is no such path. The caller owns it. */
struct pod_node {
        const char *name, *ip;
        const char *hostname;            /* the machine's; NULL: not told to pods */
        const char *cluster_domain;      /* what names of the cluster end with */
        const char *other_ip;            /* of the other family (IPv6 beside IPv4, or so); NULL: none */
        const char *api_host, *api_port; /* of the API server as this node reaches it; NULL: not told to pods */
        struct resources allocatable;    /* what all pods together may have */
        uint64_t memory;                 /* the machine's, in bytes */
        uint64_t max_pods;
        uint32_t max_pids; /* of one pod; 0: no limit */
};
char *pod_field(const struct pod *p, const char *path, const struct pod_node *node);

/*
 * The value of a resourceFieldRef: `field` of a container of the pod, in units of `divisor` (NULL: none), as
 * resource_field() has it. NULL when there is no such field or container. The caller owns it.
 */
char *pod_resource(const struct pod *p, const char *container, const char *field, const char *divisor,
                   const struct pod_node *node);

#endif
