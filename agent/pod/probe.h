/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe as a container's spec has it (startupProbe, readinessProbe, livenessProbe), with the API's defaults. What the
 * API server lets through and no probe can be made of (a named port that the container does not have) is no reason to
 * refuse the pod: `wrong` has the words, and each run of the probe says them (as the kubelet's pkg/probe/util.go does).
 */
#ifndef VKS_AGENT_POD_PROBE_H
#define VKS_AGENT_POD_PROBE_H

#include <cjson/cJSON.h>

#include "common/err.h"

enum probe_type { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_TYPES };

extern const char *const probe_fields[PROBE_TYPES]; /* "startupProbe", ... */
extern const char *const probe_words[PROBE_TYPES];  /* as events begin: "Startup", "Readiness", "Liveness" */

enum probe_kind { PROBE_EXEC, PROBE_HTTP, PROBE_TCP, PROBE_GRPC };

struct probe {
        enum probe_kind kind;
        char *wrong;    /* why it can never be run, or NULL */
        char **command; /* exec; NULL-terminated, not empty; $(VAR) not yet replaced */
        bool https;     /* httpGet */
        char *host;     /* httpGet, tcpSocket: a name or an address; NULL: the pod's own address */
        char *path;     /* httpGet; NULL: "/" */
        char **headers; /* httpGet: "Name: value", NULL-terminated, or NULL */
        char *service;  /* grpc; "" for the server as a whole */
        uint16_t port;  /* never 0, but for exec and where something is wrong */

        /* seconds; the API's numbers are 32 bits wide */
        uint32_t initial_delay_s, period_s, timeout_s;
        uint32_t success_threshold, failure_threshold; /* results in a row, at least 1 */
        int64_t grace_s;                               /* of an end that this probe brings about; -1: the pod's */
};

/*
 * `ports` is the container's list of ports, whose names the probe may use. -EINVAL names the field that no API server
 * would have let through; *ret is NULL then. The caller owns *ret.
 */
int probe_parse(enum probe_type type, const cJSON *spec, const cJSON *ports, struct probe **ret, struct err *e);
/* What is asked alone, without when and how often: for a lifecycle hook. */
int probe_parse_handler(const cJSON *spec, const cJSON *ports, struct probe **ret, struct err *e);
struct probe *probe_free(struct probe *p);
DEFINE_FREEP(struct probe, probe_free)

#endif
