/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/hosts.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "common/mem.h"

static int lines(const char *aliases, char **ret, struct err *e)
{
        cJSON *o = cJSON_Parse(aliases);
        int r;

        cr_assert_not_null(o, "%s", aliases);
        r = hosts_of_aliases(o, ret, e);
        cJSON_Delete(o);
        return r;
}

Test(hosts, each_alias_is_a_line_behind_the_machines)
{
        CLEANUP(freep) char *own = NULL, *text = NULL, *unended = NULL;

        cr_assert_eq(lines("[{\"ip\":\"192.0.2.7\",\"hostnames\":[\"db\",\"db.example\"]},{\"ip\":\"192.0.2.8\"},"
                           "{\"ip\":\"fd00::1\",\"hostnames\":[\"six\"]}]",
                           &own, NULL),
                     0);
        cr_expect_str_eq(own, "192.0.2.7\tdb\tdb.example\nfd00::1\tsix\n");
        text = hosts_text("127.0.0.1\tlocalhost\n", &(struct hosts_own){ .aliases = own });
        cr_expect_str_eq(text, "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n"
                               "\n# Entries added by HostAliases.\n192.0.2.7\tdb\tdb.example\nfd00::1\tsix\n");
        unended = hosts_text("127.0.0.1 a", &(struct hosts_own){ .aliases = "x\n" });
        cr_expect_str_eq(unended, "# Kubernetes-managed hosts file (host network).\n127.0.0.1 a\n"
                                  "\n# Entries added by HostAliases.\nx\n");
}

Test(hosts, the_pods_name_is_there_for_each_address_of_the_node)
{
        static const struct {
                struct hosts_own own;
                const char *text;
        } rows[] = {
                { { .name = "web-0", .addresses = { "192.0.2.1" }, .aliases = "" }, "192.0.2.1\tweb-0\n" },
                { { .name = "web-0",
                    .domain = "web.default.svc.cluster.local",
                    .addresses = { "192.0.2.1", "fd00::1" },
                    .aliases = "192.0.2.7\tdb\n" },
                  "192.0.2.1\tweb-0.web.default.svc.cluster.local\tweb-0\n"
                  "fd00::1\tweb-0.web.default.svc.cluster.local\tweb-0\n"
                  "\n# Entries added by HostAliases.\n192.0.2.7\tdb\n" },
                { { .name = "web-0", .addresses = { "", "fd00::1" }, .aliases = "" }, "fd00::1\tweb-0\n" },
                { { .name = "web-0", .addresses = { "" }, .aliases = "" }, "" }, /* the node has no address yet */
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *text = hosts_text("127.0.0.1\tlocalhost", &rows[i].own);
                CLEANUP(freep)
                char *wanted = xasprintf("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n%s", rows[i].text);

                cr_expect_str_eq(text, wanted);
        }
}

Test(hosts, no_word_is_more_than_a_word)
{
        static const struct {
                const char *aliases, *words;
        } rows[] = {
                { "[{\"hostnames\":[\"a\"]}]", "spec.hostAliases[0].ip: not an address" },
                { "[{\"ip\":\"1.2.3.4 evil\",\"hostnames\":[\"a\"]}]", "spec.hostAliases[0].ip: not an address" },
                { "[{\"ip\":\"1.2.3.4\"},{\"ip\":\"1.2.3.4\",\"hostnames\":[\"a\\n::1 bank\"]}]",
                  "spec.hostAliases[1].hostnames: not a name" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"#\"]}]", "spec.hostAliases[0].hostnames: not a name" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[7]}]", "spec.hostAliases[0].hostnames: not a name" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"\"]}]", "spec.hostAliases[0].hostnames: not a name" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"a\"]},{\"ip\":\"\"}]",
                  "spec.hostAliases[1].ip: not an address" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"a\\u007f\"]}]", "spec.hostAliases[0].hostnames: not a name" },
                { "[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"\\u00e9\"]}]", "spec.hostAliases[0].hostnames: not a name" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *own = NULL;
                struct err e = ERR_NONE;
                cr_expect_eq(lines(rows[i].aliases, &own, &e), -EINVAL, "%s", rows[i].aliases);
                cr_expect_str_eq(e.text, rows[i].words);
        }
}
