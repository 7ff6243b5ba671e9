/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where certificates that are renewed lie: a folder that is the agent's own (user vks, 0700), each certificate with
 * its key in one file, under the names that kubeadm and the kubelet have for it. It is below /var/lib/vks, which no
 * pod can mount (policy/places.c) and none sees (helper/text/view.c). A file is replaced as a whole: who reads it
 * meets the old pair or the new one, also when the machine goes down meanwhile.
 */
#ifndef VKS_AGENT_CERTS_STORE_H
#define VKS_AGENT_CERTS_STORE_H

#include <sys/types.h>

#include "common/err.h"

#define CERT_STORE_DIR "/var/lib/vks/pki"
#define CERT_CLIENT    "kubelet-client-current.pem" /* what the API server knows the node by */
#define CERT_SERVING   "kubelet-server-current.pem" /* what the kubelet API shows */
#define CERT_SIGNER    "signer"                     /* who signs (signer.h): "api", or "k3s"; without the file: "api" */
#define CERT_NODE_WORD "node-password"              /* K3s': what keeps others from this node's name there */
#define CERT_NO_OWNER  ((uid_t)-1)                  /* the file is whose who writes it */

/*
 * Replaces the file `name` of `dir`: temporary file (0600), its owner, fsync, rename, fsync of the folder. The folder
 * must exist. `uid` and `gid` are for root, who writes for user vks: CERT_NO_OWNER for everybody else. -ENOENT,
 * -EACCES, -ENOSPC, ...; what was there is then as before.
 */
int cert_store_write(const char *dir, const char *name, const char *text, uid_t uid, gid_t gid, struct err *e);

/* The same for files of another mode. */
int cert_store_write_mode(const char *dir, const char *name, const char *text, mode_t mode, uid_t uid, gid_t gid,
                          struct err *e);

/* Reads it; at most CERT_ANSWER_MAX bytes of request.h. -ENOENT: there is none. The caller wipes *ret (cert_wipe). */
int cert_store_read(const char *dir, const char *name, char **ret, size_t *ret_size, struct err *e);

/* "DIR/NAME"; the caller owns it. */
char *cert_store_path(const char *dir, const char *name);

#endif
