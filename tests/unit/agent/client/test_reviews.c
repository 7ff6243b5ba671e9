/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent/client/reviews.h"
#include "common/mem.h"

static char *group(const char *name)
{
        return (char *)(uintptr_t)name;
}

Test(reviews, ask_what_the_kubelet_asks)
{
        char *groups[] = { group("g1"), group("system:authenticated"), NULL };
        struct user_info who = { .name = group("ann"), .uid = group("u-1"), .groups = groups };
        const struct access access = { .verb = "get", .subresource = "proxy", .node = "n1" };
        CLEANUP(freep) char *text = NULL, *bare = NULL, *token = NULL;
        cJSON *body;

        who.extra = cJSON_Parse("{\"k\":[\"v\"]}");
        body = review_of_access(&who, &access);
        text = cJSON_PrintUnformatted(body);
        cr_expect_str_eq(text,
                         "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{"
                         "\"resourceAttributes\":{\"verb\":\"get\",\"version\":\"v1\",\"resource\":\"nodes\","
                         "\"subresource\":\"proxy\",\"name\":\"n1\"},\"user\":\"ann\","
                         "\"groups\":[\"g1\",\"system:authenticated\"],\"uid\":\"u-1\",\"extra\":{\"k\":[\"v\"]}}}");
        review_free(body);
        cJSON_Delete(who.extra);
        body = review_of_access(&(struct user_info){ .name = group("ann") }, &access);
        bare = cJSON_PrintUnformatted(body);
        cr_expect(strstr(bare, "\"user\":\"ann\",\"groups\":[]}}"), "%s", bare);
        review_free(body);
        body = review_of_token("a.b.c");
        token = cJSON_PrintUnformatted(body);
        cr_expect_str_eq(token, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
                                "\"spec\":{\"token\":\"a.b.c\"}}");
        review_free(body);
}

Test(reviews, who_showed_who_he_is_is_authenticated)
{
        static const struct {
                const char *name, *group;
                bool added;
        } table[] = {
                { "ann", NULL, true },
                { "ann", "devs", true },
                { "ann", "system:authenticated", false },
                { "ann", "system:unauthenticated", false },
                { "system:anonymous", NULL, false },
                { "system:anonymous", "devs", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct user_info who = { .name = xstrdup(table[i].name) };
                size_t n = 0, had;

                if (table[i].group)
                        strv_push(&who.groups, &n, xstrdup(table[i].group));
                had = n;
                user_info_add_authenticated(&who);
                for (n = 0; who.groups && who.groups[n]; n++)
                        ;
                cr_expect_eq(n, had + table[i].added, "%zu", i);
                cr_expect(!table[i].added || streq(who.groups[n - 1], "system:authenticated"));
                user_info_done(&who);
        }
}

Test(reviews, only_a_whole_answer_says_who_it_is)
{
        static const struct {
                const char *answer;
                int error;
        } table[] = {
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"ann\"}}}", 0 },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"ann\",\"uid\":\"1\",\"groups\":[\"a\","
                  "\"b\"],\"extra\":{\"k\":[\"v\",\"w\"]}}}}",
                  0 },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"ann\",\"groups\":null,\"extra\":null}}"
                  "}",
                  0 },
                { "{\"status\":{\"authenticated\":false}}", -EACCES },
                { "{\"status\":{\"authenticated\":false,\"user\":{\"username\":\"ann\"}}}", -EACCES },
                { "{\"status\":{\"user\":{\"username\":\"ann\"}}}", -EACCES },
                { "{\"status\":{\"error\":\"expired\"}}", -EACCES },
                { "{\"status\":{\"authenticated\":\"true\",\"user\":{\"username\":\"ann\"}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":1,\"user\":{\"username\":\"ann\"}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"\"}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":7}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\",\"groups\":\"g\"}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\",\"groups\":[\"g\",1]}}}",
                  -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\",\"extra\":[]}}}", -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\",\"extra\":{\"k\":\"v\"}}}}",
                  -EBADMSG },
                { "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"a\",\"extra\":{\"k\":[1]}}}}",
                  -EBADMSG },
                { "{\"status\":[]}", -EBADMSG },
                { "{\"status\":null}", -EBADMSG },
                { "{}", -EBADMSG },
                { "[]", -EBADMSG },
                { "", -EBADMSG },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                cJSON *answer = cJSON_Parse(table[i].answer);
                struct user_info who = { 0 };
                struct err e = ERR_NONE;
                int r = review_read_token(answer, &who, &e);

                cr_expect_eq(r, table[i].error, "%s: %d", table[i].answer, r);
                cr_expect_eq(r == 0, who.name && *who.name);
                cr_expect_eq(r == 0, e.code == 0);
                if (i == 1)
                        cr_expect(streq(who.uid, "1") && streq(who.groups[1], "b") && !who.groups[2] && who.extra);
                user_info_done(&who);
                cJSON_Delete(answer);
        }
}

Test(reviews, only_a_yes_is_a_yes)
{
        static const struct {
                const char *answer;
                int error;
                bool allowed;
        } table[] = {
                { "{\"status\":{\"allowed\":true}}", 0, true },
                { "{\"status\":{\"allowed\":true,\"denied\":false,\"reason\":\"x\"}}", 0, true },
                { "{\"status\":{\"allowed\":false}}", 0, false },
                { "{\"status\":{\"allowed\":false,\"denied\":true}}", 0, false },
                { "{\"status\":{\"allowed\":true,\"denied\":true}}", -EBADMSG, false },
                { "{\"status\":{\"allowed\":true,\"denied\":\"\"}}", -EBADMSG, false },
                { "{\"status\":{\"allowed\":\"true\"}}", -EBADMSG, false },
                { "{\"status\":{\"allowed\":1}}", -EBADMSG, false },
                { "{\"status\":{\"Allowed\":true}}", -EBADMSG, false },
                { "{\"allowed\":true}", -EBADMSG, false },
                { "{\"status\":{}}", -EBADMSG, false },
                { "{\"spec\":{\"status\":{\"allowed\":true}}}", -EBADMSG, false },
                { "[]", -EBADMSG, false },
                { "", -EBADMSG, false },
        };

        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                cJSON *answer = cJSON_Parse(table[i].answer);
                bool allowed = false;
                struct err e = ERR_NONE;

                cr_expect_eq(review_read_access(answer, &allowed, &e), table[i].error, "%s", table[i].answer);
                cr_expect_eq(allowed, table[i].allowed, "%s", table[i].answer);
                cJSON_Delete(answer);
        }
}
