/* SPDX-License-Identifier: Apache-2.0 */
/* What a signer answers, and what lies in the files of the store: certificates as PEM. */
#include <stdlib.h>
#include <string.h>

#include "agent/certs/request.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

static const char *const nodes[] = { "system:nodes", NULL };
static const char *const hosts[] = { "node1", NULL };
static const char *const addresses[] = { "192.0.2.10", NULL };
static const struct cert_wish wish = {
        .common_name = "system:node:node1", .organizations = nodes, .dns = hosts, .ips = addresses, .serving = true
};

/* Nobody has our key, so no answer is taken. */
static void answer(const uint8_t *data, size_t size)
{
        static struct cert_request *r;
        char *pair = NULL;
        struct err e = ERR_NONE;

        if (!r && cert_request_new(&wish, &r, &e) < 0)
                abort();
        if (cert_request_accept(r, data, size, 0, &pair, NULL, &e) >= 0 || pair || !*e.text)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct cert_facts facts;
        struct err e = ERR_NONE;

        answer(data, size);
        if (cert_facts_read((const char *)data, size, &facts, &e) == 0 &&
            (!*facts.common_name || !memchr(facts.common_name, '\0', sizeof(facts.common_name))))
                abort();
        (void)cert_fits((const char *)data, size, &wish, &e);
        return 0;
}
