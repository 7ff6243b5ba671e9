/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's rules as functions (may this package be installed, may this hostPath be mounted, ...), for the
 * policy_* functions of this directory only. */
#ifndef VKS_POLICY_RULES_H
#define VKS_POLICY_RULES_H

#include "policy/policy.h"
#include "policy/policy_conf.h"

#define MALFORMED(e, ...) err_set(e, -EINVAL, NULL, __VA_ARGS__)

/* -EPERM, with the rule's name as reason and in the text. */
int rule_refused(struct err *e, const char *rule, const char *fmt, ...) PRINTF(3, 4);

bool rule_matches(const struct policy_list *patterns, const char *s);
bool rule_in_ranges(const struct policy_list *ranges, uint32_t id);

/* The first of `places` that `path` covers: it is `path` or beneath it; or, if it ends in "/", also above it. NULL:
 * none. */
const char *rule_place(const char *const *places, size_t n, const char *path);

/* Can the path be written into a unit file, and will systemd read it there unchanged? */
bool rule_unit_path(const char *s);

/* The rule `user`. */
int rule_user(const struct policy *p, uint32_t uid, struct err *e);

/* May this package be installed or run? `field` names it in the text of an error. */
int rule_package(const struct policy *p, const char *field, const char *name, struct err *e);

/* May a package file be fetched from this URL? `sha256`: "" when the pod names none. */
int rule_url(const struct policy *p, const char *url, const char *sha256, struct err *e);

/* May this hostPath be mounted? It must lie under an allowed prefix, and must not be one that is never mounted.
 * When it may, *ret_read_only is set. */
int rule_host_path(const struct policy *p, const char *path, bool *ret_read_only, struct err *e);

/* May a volume be mounted at this path of the container? *ret is the path without the aliases
 * /var/run and /var/lock. */
int rule_target(const char *path, char ret[static ID_PATH_MAX + 1], struct err *e);

/* A group that any pod may have: of the policy's ranges; root's where any pod may be root. */
bool rule_group(const struct policy *p, uint32_t gid);

/* Does every pod have such a variable, whoever wrote it: its host's name, and those of Services (kubernetes.io,
 * "Accessing the Service")? Their values are addresses and ports, and their names follow from a Service's. */
bool rule_of_services(const char *name);

#endif
