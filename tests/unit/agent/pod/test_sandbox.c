/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/capability.h>

#include "agent/lib/json.h"
#include "common/mem.h"

#define BIT(c)  (UINT64_C(1) << (c))
#define ALL     (BIT(CAP_LAST_CAP + 1) - 1)
#define CAPS(a) "\"capabilities\":{" a "}"
#define ADD(a)  "\"add\":[" a "]"
#define DROP(a) "\"drop\":[" a "]"
#define TYPE(t) "\"seccompProfile\":{\"type\":\"" t "\"}"

static int parse(const char *pod, const char *own, struct sandbox *ret, struct err *e)
{
        CLEANUP(freep) char *pod_text = xasprintf("{%s}", pod), *text = xasprintf("{%s}", own);
        cJSON *of_pod = cJSON_Parse(pod_text), *of_container = cJSON_Parse(text);
        int r;

        cr_assert(of_pod && of_container, "bad test JSON: %s %s", pod_text, text);
        r = sandbox_parse(of_pod, of_container, ret, e);
        cJSON_Delete(of_pod);
        cJSON_Delete(of_container);
        return r;
}

Test(sandbox, capabilities_are_dropped_but_those_that_are_added)
{
        static const struct {
                const char *own;
                uint64_t drop;
        } rows[] = {
                { "", 0 },
                { CAPS(""), 0 },
                { CAPS(ADD("\"NET_ADMIN\"")), 0 },
                { CAPS(DROP("\"NET_ADMIN\",\"CAP_CHOWN\",\"cap_kill\",\"net_raw\"")),
                  BIT(CAP_NET_ADMIN) | BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_NET_RAW) },
                { CAPS(DROP("\"ALL\"")), ALL },
                { CAPS(DROP("\"all\"")), ALL },
                { CAPS(ADD("\"NET_BIND_SERVICE\"") "," DROP("\"ALL\"")), ALL & ~BIT(CAP_NET_BIND_SERVICE) },
                { CAPS(ADD("\"CHOWN\"") "," DROP("\"ALL\",\"CHOWN\"")), ALL },
                { CAPS(ADD("\"ALL\"") "," DROP("\"CHOWN\"")), BIT(CAP_CHOWN) },
                { CAPS(ADD("\"ALL\"") "," DROP("\"ALL\"")), ALL },
                { CAPS(DROP("\"CHECKPOINT_RESTORE\"")), BIT(40) },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct sandbox s;
                struct err e = ERR_NONE;

                cr_assert_eq(parse("", rows[i].own, &s, &e), 0, "%s: %s", rows[i].own, e.text);
                cr_expect_eq(s.drop, rows[i].drop, "%s: %llx", rows[i].own, (unsigned long long)s.drop);
        }
}

Test(sandbox, what_cannot_be_given_is_refused_by_name)
{
        static const struct {
                const char *pod, *own, *text;
        } rows[] = {
                { "", CAPS(ADD("\"FLY\"")), "securityContext.capabilities.add: there is no capability \"FLY\"" },
                { "", CAPS(DROP("\"\"")), "securityContext.capabilities.drop: there is no capability \"\"" },
                { "", CAPS(DROP("7")), "securityContext.capabilities.drop: there is no capability \"\"" },
                { "", CAPS(DROP("\"7\"")), "there is no capability \"7\"" },
                { "", CAPS(DROP("\"40404040404040404040404040404040404040404040404040\"")),
                  "there is no capability \"4" },
                { "", "\"seccompProfile\":{\"type\":\"Localhost\",\"localhostProfile\":\"a/b.json\"}",
                  "securityContext.seccompProfile: profile \"a/b.json\" cannot be loaded" },
                { "\"seccompProfile\":{\"type\":\"Localhost\",\"localhostProfile\":\"c\"}", "",
                  "profile \"c\" cannot be" },
                { "\"appArmorProfile\":{\"type\":\"Localhost\",\"localhostProfile\":\"c\"}", "",
                  "securityContext.appArmorProfile: profile \"c\" cannot be" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct sandbox s;
                struct err e = ERR_NONE;

                cr_expect_eq(parse(rows[i].pod, rows[i].own, &s, &e), -EINVAL, "row %zu", i);
                cr_expect(strstr(e.text, rows[i].text), "row %zu: %s", i, e.text);
                cr_expect_str_eq(e.reason, "CreateContainerError");
        }
}

Test(sandbox, the_containers_own_word_wins)
{
        static const struct {
                const char *pod, *own;
                bool filter;
        } rows[] = {
                { "", "", false },
                { TYPE("RuntimeDefault"), "", true },
                { TYPE("RuntimeDefault"), TYPE("Unconfined"), false },
                { TYPE("Unconfined"), TYPE("RuntimeDefault"), true },
                { "\"seccompProfile\":{\"type\":\"Localhost\"}", TYPE("RuntimeDefault"), true },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct sandbox s;

                cr_assert_eq(parse(rows[i].pod, rows[i].own, &s, NULL), 0);
                cr_expect_eq(s.filter_system_calls, rows[i].filter, "row %zu", i);
                cr_expect(!s.read_only_root && !s.no_new_privileges);
        }
}

Test(sandbox, these_are_the_containers_alone)
{
        struct sandbox s;

        cr_assert_eq(parse("", "\"readOnlyRootFilesystem\":true,\"allowPrivilegeEscalation\":false", &s, NULL), 0);
        cr_assert(s.read_only_root && s.no_new_privileges);
}
