/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/wish.h"

#include "common/mem.h"

static char **copy_list(const char *const *list)
{
        char **copy = NULL;
        size_t n = 0;

        for (size_t i = 0; list && list[i]; i++)
                strv_push(&copy, &n, xstrdup(list[i]));
        return copy;
}

void cert_wish_keep(struct cert_own_wish *own, const struct cert_wish *wish)
{
        const struct cert_own_wish copy = {
                .common_name = xstrdup(wish->common_name),
                .organizations = copy_list(wish->organizations),
                .dns = copy_list(wish->dns),
                .ips = copy_list(wish->ips),
                .serving = wish->serving,
        };

        cert_wish_forget(own);
        *own = copy;
}

void cert_wish_forget(struct cert_own_wish *own)
{
        free(own->common_name);
        strv_free(own->organizations);
        strv_free(own->dns);
        strv_free(own->ips);
        *own = (struct cert_own_wish){ 0 };
}

struct cert_wish cert_wish_of(const struct cert_own_wish *own)
{
        return (struct cert_wish){
                .common_name = own->common_name,
                .organizations = (const char *const *)own->organizations,
                .dns = (const char *const *)own->dns,
                .ips = (const char *const *)own->ips,
                .serving = own->serving,
        };
}
