/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API server said, for as long as it is believed: a bounded table of answers by the digest of the question.
 * Nothing in it tells a token. Time is a parameter, in microseconds of any clock that only goes forward.
 */
#ifndef VKS_AGENT_SERVER_VERDICTS_H
#define VKS_AGENT_SERVER_VERDICTS_H

#include "agent/client/reviews.h"

struct digest {
        unsigned char bytes[32];
};

struct verdict {
        bool allowed;
        struct user_info who; /* the bearer of a token; else nobody */
};

struct verdicts;

struct verdicts *verdicts_new(size_t max); /* when full, what was not asked for longest goes first */
struct verdicts *verdicts_free(struct verdicts *v);
DEFINE_FREEP(struct verdicts, verdicts_free)

/* Borrowed until the next call; NULL: none, or too old. */
const struct verdict *verdicts_get(struct verdicts *v, const struct digest *question, uint64_t now_usec);

/* Takes over what `verdict` owns, and the place of an answer to the same question. */
void verdicts_put(struct verdicts *v, const struct digest *question, struct verdict verdict, uint64_t now_usec,
                  uint64_t life_usec);

size_t verdicts_count(const struct verdicts *v);

#endif
