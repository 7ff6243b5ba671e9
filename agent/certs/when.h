/* SPDX-License-Identifier: Apache-2.0 */
/* When a certificate is to be renewed. Pure: the time is a parameter, in microseconds since the epoch. */
#ifndef VKS_AGENT_CERTS_WHEN_H
#define VKS_AGENT_CERTS_WHEN_H

#include "common/base.h"

struct cert_life {
        uint64_t not_before, not_after; /* usec; the certificate is good in [not_before, not_after) */
};

enum cert_state {
        CERT_NOT_YET, /* before its time, so one of two clocks is wrong: the signer's or this machine's */
        CERT_FRESH,
        CERT_DUE, /* good, and time to have another one */
        CERT_EXPIRED,
};

/*
 * When the next one is asked for: after 70 to 90 % of the life, as the kubelet does it, chosen by `random`, so that the
 * nodes of a fleet that was made in one minute do not come back in one minute. Always within the life.
 */
uint64_t cert_renew_at(const struct cert_life *life, uint32_t random);

/* `renew_at` is of cert_renew_at(). */
enum cert_state cert_state(const struct cert_life *life, uint64_t renew_at, uint64_t now);

/* Seconds that are left: negative once it has expired (kubelet_certificate_manager_client_ttl_seconds). */
int64_t cert_seconds_left(const struct cert_life *life, uint64_t now);

#endif
