/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says of itself before anybody knows who it is, what an operator pastes as a token, and agent.yaml as it
 * is found. */
#include <stdlib.h>
#include <string.h>

#include "agent/join/discovery.h"
#include "agent/join/settings.h"
#include "agent/lib/json.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

static void cluster_info(const uint8_t *data, size_t size)
{
        static const struct join_token token = { .is_bootstrap = true, .id = "abcdef", .secret = "0123456789abcdef" };
        cJSON *o = json_parse((const char *)data, size);
        struct discovered d;
        struct err e = ERR_NONE;
        int r = discovery_check(o, &token, NULL, 0, &d, &e);

        if (r == 0 ? !d.server || !d.ca_pem : d.server || d.ca_pem || !*e.text)
                abort();
        discovered_done(&d);
        cJSON_Delete(o);
}

/* Written twice it is as written once, and what is taken away again leaves no line of ours. */
static void settings(const char *text, size_t size)
{
        static const struct setting wanted[] = { { "nodeName", "\"n\"" }, { "serverTLSBootstrap", "true" } };
        char *once = NULL, *twice = NULL;
        uint64_t kept, again;

        if (settings_write(text, size, wanted, ARRAY_LEN(wanted), &once, &kept, NULL) == 0 &&
            (settings_write(once, strlen(once), wanted, ARRAY_LEN(wanted), &twice, &again, NULL) < 0 ||
             strcmp(once, twice) != 0 || kept != again))
                abort();
        free(once);
        free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char hash[SHA256_HEX_LEN + 1], *text = xcalloc(size + 1, 1);
        struct join_token token;

        if (size)
                memcpy(text, data, size);
        cluster_info(data, size);
        discovery_bundle_hash((const char *)data, size, hash, NULL);
        discovery_signed_by(text, text);
        join_token_parse(text, &token, NULL);
        settings(text, size);
        free(text);
        return 0;
}
