/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, parsed once: what may be a namespace, a pod, a container, a package, and how unit names and slices are derived
 * from them. Agent and helper derive the same name from the same facts, and nothing ever parses a unit name back.
 *
 * Sources: k8s.io/apimachinery pkg/util/validation (RFC 1123 names), Debian Policy 5.6.1 and 5.6.12 (package names and
 * versions), systemd.unit(5) (characters and length of unit names).
 */
#ifndef VKS_COMMON_IDS_H
#define VKS_COMMON_IDS_H

#include "common/base.h"
#include "common/err.h"

/* The user of a container that may not be root and names no user (packaging/vks.sysusers). */
#define FALLBACK_USER "vks-pod"

enum {
        ID_LABEL_MAX = 63,
        ID_NAME_MAX = 253,
        ID_UID_MAX = 36,
        ID_PACKAGE_MAX = 128,
        ID_VERSION_MAX = 128,
        ID_UNIT_MAX = 255,  /* systemd's UNIT_NAME_MAX without the NUL */
        ID_PATH_MAX = 1024, /* a path that a pod names */
};

bool id_is_label(const char *s);   /* [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63 */
bool id_is_name(const char *s);    /* labels joined by dots, at most 253 */
bool id_is_uid(const char *s);     /* [0-9a-f]{8}-...{12}, or 32 hex digits */
bool id_is_package(const char *s); /* [a-z0-9][a-z0-9+.-]+ */
/* [0-9A-Za-z][0-9A-Za-z.+:~-]*, but neither "-" nor "+" at its end: apt-get(8) would hear "remove" or "install" in
 * NAME=VERSION- and NAME=VERSION+. */
bool id_is_version(const char *s);
bool id_is_sha256(const char *s); /* 64 lower-case hex digits */
bool id_is_unit(const char *s);   /* ends in .service; [A-Za-z0-9:_.\@-] only, at most ID_UNIT_MAX */
/* Printable ASCII but "=": what API servers allow since 1.34 (KEP-4369), which is more than older ones do. */
bool id_is_env_name(const char *s);
/* Absolute, normalized (no "//", "." or ".."), no control characters, at most ID_PATH_MAX bytes. */
bool id_is_path(const char *s);
/* One path component, at most 255 bytes, no control characters, neither "." nor "..". */
bool id_is_filename(const char *s);

struct pod_id {
        char namespace[ID_LABEL_MAX + 1];
        char name[ID_NAME_MAX + 1];
        char uid[ID_UID_MAX + 1];
};

/* Fills *ret, or says which of the three is wrong and why. -EINVAL. NULL counts as "". */
int pod_id_parse(const char *namespace, const char *name, const char *uid, struct pod_id *ret, struct err *e);

/*
 * A container's unit: vks.<namespace>.<pod>.<image>.service. `image` is a package name or an absolute path; `container`
 * is NULL, or the container's name where another container of the pod has the same image, and then follows the image.
 *
 * In pod and image every byte but [a-zA-Z0-9:_-] becomes \xNN, as systemd-escape(1) does it, the dot too, because it
 * is the separator here. The name is cut when it grows beyond 200 bytes: the pod's part ends in ":" and the first 8
 * digits of the uid.
 */
int unit_name(const struct pod_id *pod, const char *image, const char *container, char ret[ID_UNIT_MAX + 1],
              struct err *e);

/*
 * A command of kubectl exec beside a container: vks-exec-<uid>-<container, "_" for "-">-<id in 16 hex digits>.service.
 * With `id` NULL it ends in "-": by systemd.unit(5) a drop-in of that name counts for all of the container's. No
 * container's unit begins like this, and what is between two "-" is known from the left, so the drop-in counts for
 * no other unit.
 */
void exec_unit_name(const char *uid, const char *container, const uint64_t *id, char ret[ID_UNIT_MAX + 1]);
bool unit_name_is_exec(const char *unit); /* "vks-exec-" ... ".service"; says nothing of whose it is */

bool unit_name_is_ours(const char *unit); /* "vks." ... ".service"; says nothing of whose pod it is */

enum qos { QOS_CLASS_BEST_EFFORT, QOS_CLASS_BURSTABLE, QOS_CLASS_GUARANTEED };

/* The kubelet's slice names (pkg/kubelet/cm): kubepods[-burstable|-besteffort]-pod<uid with _ for ->.slice */
void pod_slice_name(const char *uid, enum qos qos, char ret[ID_UNIT_MAX + 1]);

#endif
