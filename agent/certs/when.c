/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/when.h"

/* In parts of 2^16, so that centuries in microseconds do not overflow: a life is below 2^63 / 10^6 usec by far. */
uint64_t cert_renew_at(const struct cert_life *life, uint32_t random)
{
        uint64_t length = life->not_after > life->not_before ? life->not_after - life->not_before : 0;
        uint64_t percent = length / 100;

        /* 70 % and up to 20 % more; `random` counts in steps of a 65536th */
        return life->not_before + percent * 70 + percent * 20 / 65536 * (random & 0xffff);
}

enum cert_state cert_state(const struct cert_life *life, uint64_t renew_at, uint64_t now)
{
        if (now >= life->not_after)
                return CERT_EXPIRED;
        if (now < life->not_before)
                return CERT_NOT_YET;
        return now >= renew_at ? CERT_DUE : CERT_FRESH;
}

int64_t cert_seconds_left(const struct cert_life *life, uint64_t now)
{
        const uint64_t second = 1000 * 1000;

        if (now >= life->not_after)
                return -(int64_t)((now - life->not_after) / second);
        return (int64_t)((life->not_after - now) / second);
}
