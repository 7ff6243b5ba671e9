/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/hosts.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"

enum { LINES_MAX = 512 * 1024 };

/* Neither a second line nor a comment comes out of a word, whoever lets it through. */
static bool is_word(const char *s)
{
        if (!s || !*s)
                return false;
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || *s == '#' || (unsigned char)*s >= 0x7f)
                        return false;
        return true;
}

int hosts_of_aliases(const cJSON *aliases, char **ret, struct err *e)
{
        CLEANUP(buf_done) struct buf b = BUF(LINES_MAX);
        const cJSON *alias, *name;
        size_t i = 0;

        cJSON_ArrayForEach (alias, aliases) {
                const char *ip = json_str(alias, "ip");

                if (!is_word(ip))
                        return err_set(e, -EINVAL, "FailedCreatePodSandBox", "spec.hostAliases[%zu].ip: not an address",
                                       i);
                if (json_len(json_get(alias, "hostnames")) == 0) {
                        i++;
                        continue;
                }
                buf_str(&b, ip);
                cJSON_ArrayForEach (name, json_get(alias, "hostnames")) {
                        if (!cJSON_IsString(name) || !is_word(name->valuestring))
                                return err_set(e, -EINVAL, "FailedCreatePodSandBox",
                                               "spec.hostAliases[%zu].hostnames: not a name", i);
                        buf_printf(&b, "\t%s", name->valuestring);
                }
                buf_char(&b, '\n');
                i++;
        }
        if (!buf_ok(&b))
                return err_set(e, -EINVAL, "FailedCreatePodSandBox", "spec.hostAliases: more than %d bytes", LINES_MAX);
        *ret = b.len ? buf_steal(&b) : xstrdup("");
        return 0;
}

char *hosts_text(const char *machines, const struct hosts_own *own)
{
        struct buf b = BUF(2 * LINES_MAX);
        size_t n = strlen(machines);

        buf_printf(&b, "# Kubernetes-managed hosts file%s.\n%s%s", own->name ? "" : " (host network)", machines,
                   n && machines[n - 1] != '\n' ? "\n" : "");
        for (size_t i = 0; own->name && i < ARRAY_LEN(own->addresses); i++) {
                if (!own->addresses[i] || !*own->addresses[i])
                        continue;
                if (own->domain)
                        buf_printf(&b, "%s\t%s.%s\t%s\n", own->addresses[i], own->name, own->domain, own->name);
                else
                        buf_printf(&b, "%s\t%s\n", own->addresses[i], own->name);
        }
        if (*own->aliases)
                buf_printf(&b, "\n# Entries added by HostAliases.\n%s", own->aliases);
        return buf_steal(&b);
}
