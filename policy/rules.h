/* SPDX-License-Identifier: Apache-2.0 */
/* The questions that the rules answer, for the verbs' functions in this directory only. */
#ifndef VKS_POLICY_RULES_H
#define VKS_POLICY_RULES_H

#include "policy/policy.h"
#include "policy/policy_conf.h"

#define MALFORMED(e, ...) err_set(e, -EINVAL, NULL, __VA_ARGS__)

/* -EPERM, with the rule's name as reason and in the text. */
int rule_refused(struct err *e, const char *rule, const char *fmt, ...) PRINTF(3, 4);

bool rule_matches(const struct policy_list *patterns, const char *s);
bool rule_in_ranges(const struct policy_list *ranges, uint32_t id);

/* A path that can stand in a unit file and means there what it says. */
bool rule_unit_path(const char *s);

/* `field` names what is asked for in the text of an error. */
int rule_package(const struct policy *p, const char *field, const char *name, struct err *e);

/* A package file, by its address; `sha256` "" when the pod demands none. */
int rule_url(const struct policy *p, const char *url, const char *sha256, struct err *e);

/* A hostPath: one of the allowed prefixes, and none of what is never given away. */
int rule_host_path(const struct policy *p, const char *path, bool *ret_writable, struct err *e);

/* Where a volume is mounted: *ret is the path without the aliases /var/run and /var/lock. */
int rule_target(const char *path, char ret[static ID_PATH_MAX + 1], struct err *e);

#endif
