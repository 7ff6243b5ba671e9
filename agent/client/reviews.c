/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/reviews.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/lib/json.h"
#include "common/mem.h"

/* A question that lacks a part would be another question. */
static cJSON *must(cJSON *item)
{
        if (!item)
                abort();
        return item;
}

static size_t strv_len(char *const *v)
{
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

struct user_info user_info_copy(const struct user_info *u)
{
        struct user_info copy = { .name = xstrdup(u->name), .uid = xstrdup(u->uid) };
        size_t n = 0;

        for (char *const *group = u->groups; group && *group; group++)
                strv_push(&copy.groups, &n, xstrdup(*group));
        if (u->extra)
                copy.extra = must(cJSON_Duplicate(u->extra, true));
        return copy;
}

void user_info_done(struct user_info *u)
{
        free(u->name);
        free(u->uid);
        strv_free(u->groups);
        cJSON_Delete(u->extra);
        *u = (struct user_info){ 0 };
}

void user_info_add_authenticated(struct user_info *u)
{
        size_t n = strv_len(u->groups);

        if (streq(u->name, "system:anonymous"))
                return;
        for (size_t i = 0; i < n; i++)
                if (streq(u->groups[i], "system:authenticated") || streq(u->groups[i], "system:unauthenticated"))
                        return;
        strv_push(&u->groups, &n, xstrdup("system:authenticated"));
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static cJSON *review(const char *version, const char *kind, cJSON **ret_spec)
{
        cJSON *root = must(cJSON_CreateObject());

        cJSON_AddStringToObject(root, "apiVersion", version);
        cJSON_AddStringToObject(root, "kind", kind);
        *ret_spec = must(cJSON_AddObjectToObject(root, "spec"));
        return root;
}

cJSON *review_of_token(const char *token)
{
        cJSON *spec, *root = review("authentication.k8s.io/v1", "TokenReview", &spec);

        must(cJSON_AddStringToObject(spec, "token", token));
        return root;
}

cJSON *review_of_access(const struct user_info *who, const struct access *what)
{
        cJSON *spec, *root = review("authorization.k8s.io/v1", "SubjectAccessReview", &spec), *resource, *groups;

        resource = must(cJSON_AddObjectToObject(spec, "resourceAttributes"));
        must(cJSON_AddStringToObject(resource, "verb", what->verb));
        must(cJSON_AddStringToObject(resource, "version", "v1"));
        must(cJSON_AddStringToObject(resource, "resource", "nodes"));
        must(cJSON_AddStringToObject(resource, "subresource", what->subresource));
        must(cJSON_AddStringToObject(resource, "name", what->node));
        must(cJSON_AddStringToObject(spec, "user", who->name));
        groups = must(cJSON_AddArrayToObject(spec, "groups"));
        for (char *const *group = who->groups; group && *group; group++)
                cJSON_AddItemToArray(groups, must(cJSON_CreateString(*group)));
        if (who->uid)
                must(cJSON_AddStringToObject(spec, "uid", who->uid));
        if (who->extra)
                cJSON_AddItemToObject(spec, "extra", must(cJSON_Duplicate(who->extra, true)));
        return root;
}

void review_free(cJSON *root)
{
        char *token = cJSON_GetStringValue(json_get(json_get(root, "spec"), "token"));

        if (token)
                explicit_bzero(token, strlen(token));
        cJSON_Delete(root);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static int read_groups(const cJSON *groups, struct user_info *ret)
{
        const cJSON *group;
        size_t n = 0;

        if (groups && !cJSON_IsArray(groups) && !cJSON_IsNull(groups))
                return -EBADMSG;
        cJSON_ArrayForEach (group, groups) {
                if (!cJSON_IsString(group))
                        return -EBADMSG;
                strv_push(&ret->groups, &n, xstrdup(group->valuestring));
        }
        return 0;
}

static int read_extra(const cJSON *extra, struct user_info *ret)
{
        const cJSON *values, *value;

        if (!extra || cJSON_IsNull(extra))
                return 0;
        if (!cJSON_IsObject(extra))
                return -EBADMSG;
        cJSON_ArrayForEach (values, extra) {
                if (!cJSON_IsArray(values))
                        return -EBADMSG;
                cJSON_ArrayForEach (value, values) {
                        if (!cJSON_IsString(value))
                                return -EBADMSG;
                }
        }
        ret->extra = must(cJSON_Duplicate(extra, true));
        return 0;
}

static int read_user(const cJSON *user, struct user_info *ret)
{
        const char *name = json_str(user, "username"), *uid = json_str(user, "uid");

        if (!name || !*name)
                return -EBADMSG;
        ret->name = xstrdup(name);
        ret->uid = uid && *uid ? xstrdup(uid) : NULL;
        return read_groups(json_get(user, "groups"), ret) < 0 ? -EBADMSG : read_extra(json_get(user, "extra"), ret);
}

int review_read_token(const cJSON *answer, struct user_info *ret, struct err *e)
{
        const cJSON *status = json_get(answer, "status"), *authenticated = json_get(status, "authenticated");
        const char *why = json_str(status, "error");
        struct user_info user = { 0 };

        if (!cJSON_IsObject(status) || (authenticated && !cJSON_IsBool(authenticated)))
                return err_set(e, -EBADMSG, NULL, "the API server answered a TokenReview without a status");
        if (!cJSON_IsTrue(authenticated)) /* Go leaves out what is false */
                return err_set(e, -EACCES, NULL, "%s", why && *why ? why : "the token is nobody's");
        if (read_user(json_get(status, "user"), &user) < 0) {
                user_info_done(&user);
                return err_set(e, -EBADMSG, NULL, "the API server answered a TokenReview without a user");
        }
        *ret = user;
        return 0;
}

int review_read_access(const cJSON *answer, bool *ret_allowed, struct err *e)
{
        const cJSON *status = json_get(answer, "status"), *allowed = json_get(status, "allowed"),
                    *denied = json_get(status, "denied");

        if (!cJSON_IsBool(allowed) || (denied && !cJSON_IsBool(denied)) ||
            (cJSON_IsTrue(allowed) && cJSON_IsTrue(denied)))
                return err_set(e, -EBADMSG, NULL,
                               "the API server's answer to a SubjectAccessReview is neither yes nor no");
        *ret_allowed = cJSON_IsTrue(allowed);
        return 0;
}
