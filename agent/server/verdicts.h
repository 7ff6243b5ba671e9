/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The remembered answers of the API server (gate.h): a bounded table, by the digest of the question. No token can be
 * read out of it. Time is a parameter, in microseconds of any clock that only goes forward.
 */
#ifndef VKS_AGENT_SERVER_VERDICTS_H
#define VKS_AGENT_SERVER_VERDICTS_H

#include "agent/client/reviews.h"

struct digest {
        unsigned char bytes[32];
};

struct verdict {
        bool allowed;
        struct user_info who; /* answer to a TokenReview: the bearer; otherwise empty */
};

struct verdicts;

struct verdicts *verdicts_new(size_t max); /* when it is full, the answer that was not used for longest goes first */
struct verdicts *verdicts_free(struct verdicts *v);
DEFINE_FREEP(struct verdicts, verdicts_free)

/* The answer, borrowed until the next call; NULL: there is none, or it is too old. */
const struct verdict *verdicts_get(struct verdicts *v, const struct digest *question, uint64_t now_usec);

/* Takes over what `verdict` owns. Replaces an earlier answer to the same question. */
void verdicts_put(struct verdicts *v, const struct digest *question, struct verdict verdict, uint64_t now_usec,
                  uint64_t life_usec);

size_t verdicts_count(const struct verdicts *v);

#endif
