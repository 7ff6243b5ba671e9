/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for a certificate: a new key, the request for it (PKCS #10), and the judgement of what comes back. The key is
 * made here, and leaves this process only as part of the text that store.h puts into a file. Whoever signs is not
 * trusted with it, nor believed: an answer is used only if it is for this key and for what was asked. Pure, but for
 * chance; nothing here reads a file or a clock.
 */
#ifndef VKS_AGENT_CERTS_REQUEST_H
#define VKS_AGENT_CERTS_REQUEST_H

#include "agent/certs/when.h"
#include "agent/certs/wish.h"
#include "common/err.h"

enum {
        CERT_ANSWER_MAX = 64 * 1024, /* bytes of what a signer answers, and of a file with a certificate and its key */
        CERT_CHAIN_MAX = 8,          /* certificates in it */
};

struct cert_request; /* the key, the request, and a copy of the wish */

/*
 * Makes a key (EC P-256) and a request signed with it (SHA-256). -EINVAL where the wish is none: no or too long a name
 * (64 characters, RFC 5280), an address that is none. The caller owns *ret.
 */
int cert_request_new(const struct cert_wish *wish, struct cert_request **ret, struct err *e);
struct cert_request *cert_request_free(struct cert_request *r); /* wipes the key */
DEFINE_FREEP(struct cert_request, cert_request_free)

/* The request as signers want it, borrowed: PEM is what Kubernetes' API takes (spec.request, in base64); DER is what
 * K3s takes (to PEM it answers with a key of its own, see cert_request_accept()). */
const char *cert_request_pem(const struct cert_request *r);
const void *cert_request_der(const struct cert_request *r, size_t *ret_size);

/* The addresses of the wish, NULL-terminated; NULL: none. Borrowed. */
const char *const *cert_request_ips(const struct cert_request *r);

/*
 * Judges an answer: PEM, our certificate first, then what leads from it to a root. Refused, in words for a person:
 *
 *   -EACCES     a private key is in it (who else has it?), or the certificate is for another key than ours, or of
 *               another name, other groups, other uses, or lacks one of the names that were asked for
 *   -EINVAL     what is no certificate, or too many of them
 *   -ETIME      not valid yet or not any more at `now_usec`: one of the clocks is wrong
 *   -EFBIG      more than CERT_ANSWER_MAX
 *
 * *ret is the text for store.h: the certificates, newly written, and the key behind them. The caller owns it and wipes
 * it (cert_wipe). *ret_life may be NULL.
 */
int cert_request_accept(const struct cert_request *r, const void *answer, size_t size, uint64_t now_usec, char **ret,
                        struct cert_life *ret_life, struct err *e);

/*
 * The same text, signed with its own key instead: nobody who verifies will take it, and a server that has nothing else
 * can listen. Valid from an hour ago to a year from `now_usec`.
 */
int cert_request_self_sign(const struct cert_request *r, uint64_t now_usec, char **ret, struct err *e);

char *cert_wipe(char *text); /* overwrites and frees it; returns NULL */
DEFINE_FREEP(char, cert_wipe)

/* What a text of that kind says: its first certificate. */
struct cert_facts {
        struct cert_life life;
        char common_name[65];
        bool self_signed;
};

/* -EINVAL where there is no certificate in it, where it has no one common name, or where there is no key in it that
 * belongs to the certificate. */
int cert_facts_read(const char *text, size_t size, struct cert_facts *ret, struct err *e);

/* Does the first certificate of the text say all that the wish wants: name, groups, use, every name and address? 1 or
 * 0; *e has what it lacks. -EINVAL where it is no certificate. */
int cert_fits(const char *text, size_t size, const struct cert_wish *wish, struct err *e);

#endif
