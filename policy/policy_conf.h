/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/vks/policy.conf: `key = value` lines, "#" starts a comment line. A key that the file has replaces its default.
 * A second line with the same key adds to a list; for other keys it is an error. packaging/policy.conf describes the
 * keys.
 */
#ifndef VKS_POLICY_POLICY_CONF_H
#define VKS_POLICY_POLICY_CONF_H

#include "policy/policy.h"

#define POLICY_FILE "/etc/vks/policy.conf"

/* In the list `program`: those that lie on the pod's own ground. No path is this word. */
#define PROGRAM_OF_POD "pod"

enum { POLICY_SIZE_MAX = 256 * 1024 };

struct policy_item {
        char *text;           /* pattern or prefix */
        uint32_t first, last; /* ranges of ids */
        bool writable;        /* host-path */
};

struct policy_list {
        size_t n;
        struct policy_item *items;
};

struct policy {
        struct policy_list package, deny_package, bus, machine, url, program, exec, host_path, user, group;
        uint32_t preset /* 0: none, 1: untrusted */, url_needs_sha256, root /* enum policy_root */, max_units;
        struct content_bounds content;
};

/* `text` may be NULL: the defaults. Errors read "FILE:LINE: reason" and are -EINVAL. The caller owns *ret. */
int policy_parse(const char *file, const char *text, size_t size, struct policy **ret, struct err *e);
struct policy *policy_free(struct policy *p);
DEFINE_FREEP(struct policy, policy_free)

/* The policy as it is in force, in the form of the file. */
void policy_print(const struct policy *p, struct buf *b);

/* What that means, in plain words, as comments of the file's form. */
void policy_explain(const struct policy *p, struct buf *b);

#endif
