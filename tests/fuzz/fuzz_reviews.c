/* SPDX-License-Identifier: Apache-2.0 */
/* The API server's answers about others: whatever they are, only one that has a user names one. */
#include <stdlib.h>

#include "agent/client/reviews.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cJSON *answer = cJSON_ParseWithLength((const char *)data, size);
        struct user_info who = { 0 };
        struct err e = ERR_NONE;
        bool allowed = false;

        if (review_read_token(answer, &who, &e) == 0) {
                const struct access access = { .verb = "get", .subresource = "proxy", .node = "n" };
                struct user_info copy = user_info_copy(&who);

                if (!who.name || !*who.name)
                        abort();
                user_info_add_authenticated(&copy);
                review_free(review_of_access(&copy, &access));
                user_info_done(&copy);
        } else if (who.name) {
                abort();
        }
        if (review_read_access(answer, &allowed, &e) < 0 && allowed)
                abort();
        user_info_done(&who);
        cJSON_Delete(answer);
        return 0;
}
