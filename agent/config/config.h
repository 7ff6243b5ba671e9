/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator decides: command-line flags, and a YAML file with the same settings under the kubelet's names. A
 * flag wins over the file, and a list given by flags replaces the file's. One table (config.c) has all settings, and
 * the text of --help.
 */
#ifndef VKS_AGENT_CONFIG_CONFIG_H
#define VKS_AGENT_CONFIG_CONFIG_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "common/err.h"

#define CONFIG_FILE "/etc/vks/agent.yaml"

struct config_label {
        char *key, *value;
};

struct config_reserved { /* what is kept from pods */
        uint64_t cpu_milli;
        uint64_t memory;  /* bytes */
        uint64_t storage; /* bytes, ephemeral-storage */
};

/* What a machine can run short of (the kubelet's "eviction signals"). */
enum eviction_signal {
        SIGNAL_MEMORY,        /* memory.available */
        SIGNAL_NODEFS,        /* nodefs.available: the filesystem that holds pods */
        SIGNAL_NODEFS_INODES, /* nodefs.inodesFree */
        SIGNAL_IMAGEFS,       /* imagefs.available: that which holds /usr, and so packages */
        SIGNAL_IMAGEFS_INODES,
        SIGNAL_PIDS, /* pid.available */
        EVICTION_SIGNALS
};
extern const char *const eviction_signal_names[EVICTION_SIGNALS]; /* the kubelet's */

/* So much of what a signal is about. */
struct config_amount {
        bool set;
        bool is_part;    /* of all that there is: `amount` is in 1/100000 */
        uint64_t amount; /* bytes, inodes, processes */
};

struct config_eviction {
        struct config_amount hard[EVICTION_SIGNALS];    /* less than that: a pod is evicted at once */
        struct config_amount soft[EVICTION_SIGNALS];    /* ... when it has lasted for grace_usec */
        struct config_amount reclaim[EVICTION_SIGNALS]; /* so much more than the threshold there is to be in the end */
        bool has_grace[EVICTION_SIGNALS];
        uint64_t grace_usec[EVICTION_SIGNALS];
        uint64_t transition_usec; /* how long a pressure is told after it was last seen */
        unsigned max_grace_s;     /* of a pod that is evicted by a soft threshold */
};

enum { SHUTDOWN_CLASSES_MAX = 16 };

struct config_shutdown_class {
        int64_t priority; /* of pods: from this one on, to the next class's */
        uint64_t seconds; /* that they have to end */
};

/* When the machine shuts down: either the two times, or classes. */
struct config_shutdown {
        uint64_t whole_usec, critical_usec; /* the second is the last part of the first, for critical pods */
        size_t n;
        struct config_shutdown_class classes[SHUTDOWN_CLASSES_MAX];
};

enum config_port_forward {
        PORT_FORWARD_POD_PORTS, /* to sockets that the pod's own processes listen on */
        PORT_FORWARD_ANY_PORT,  /* of the machine's loopback interface */
        PORT_FORWARD_OFF,
};

struct config {
        bool help, version, dry_run;
        char *file; /* that was read; NULL: none */
        char *kubeconfig;
        char *node_name;
        bool node_lease;
        bool disable_taint;                          /* a new Node gets no taint */
        char *cert_file, *key_file, *client_ca_file; /* NULL: none given and none at the usual place */
        bool rotate_client;                          /* the client certificate is renewed */
        bool serving_bootstrap;                      /* the serving certificate is asked for and renewed */
        char *cert_dir;                              /* where those two lie */
        bool always_allow;                           /* every authenticated client may do everything */
        enum config_port_forward port_forward;
        char **port_forward_namespaces; /* NULL-terminated patterns; NULL: all */
        uint64_t stream_idle_usec;      /* 0: no limit */
        char **node_ips;                /* NULL-terminated, at most one of each family; NULL: found by itself */
        char **external_ips;            /* the same */
        struct config_label *labels;
        size_t n_labels;
        char **package_labels; /* NULL-terminated; NULL: package_labels()'s own choice */
        char *address;         /* NULL: all */
        uint16_t port;         /* 0: no server */
        char *healthz_address; /* of the port that serves /healthz alone, without TLS */
        uint16_t healthz_port; /* 0: none */
        unsigned max_pods;
        unsigned max_pids;    /* of one pod; 0: no limit */
        char *cluster_domain; /* what names of the cluster end with */
        struct config_reserved kube_reserved, system_reserved;
        struct config_eviction eviction;
        struct config_shutdown shutdown;
        bool system_log_handler; /* /logs/ of the kubelet API is served */
        bool system_log_query;   /* and its parameters ask for units of the journal */
        char *static_path;       /* the folder of static pods */
        char *helper_socket;
        int log_level; /* syslog priority */
};

/*
 * Reads flags, then the file, then fills in what follows from the machine. `root` is put in front of the usual paths
 * (not of paths that were given; it is NULL or "" except in tests). `hostname` names the node unless the
 * configuration does. Errors name the flag or the field. When help or version is set, nothing else was read or
 * checked. The caller owns *ret.
 */
int config_new(int argc, char **argv, const char *root, const char *hostname, struct config **ret, struct err *e);
struct config *config_free(struct config *c);
DEFINE_FREEP(struct config, config_free)

/* May connections be forwarded to pods of this namespace? -EPERM says which setting forbids it. */
int config_may_forward(const struct config *c, const char *namespace, struct err *e);

/* The amount as one would write it: "100Mi", "5.5%". */
void config_amount_text(const struct config_amount *a, char ret[32]);

/* What holds unless the operator says otherwise: the kubelet's thresholds, but for those of imagefs, where no pod's end
 * makes room; and pid.available<5%, for pods share the machine's pids with everything else. */
extern const struct config_eviction config_eviction_default;

void config_help(FILE *f);

/* Calls `tell` with each flag and its value as it holds, as one would write it, in the order of the alphabet. What is
 * not set is "". No value is a secret. */
void config_tell(const struct config *c, void (*tell)(void *userdata, const char *flag, const char *value),
                 void *userdata);

/* May a node set this label on itself? -EPERM says why not (admission plugin NodeRestriction), -EINVAL when it is no
 * label. */
int config_label_check(const char *key, const char *value, struct err *e);

/* "4h", "1h30m", "1.5s", "0": as Go writes durations (time.ParseDuration), in microseconds, from 0 to a year. -EINVAL.
 */
int config_parse_duration(const char *s, uint64_t *ret_usec);

/* "4h0m0s", "1m30s", "1.5s". */
void config_duration_text(uint64_t usec, char ret[64]);

#endif
