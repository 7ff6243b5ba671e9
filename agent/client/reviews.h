/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the API server about clients of the kubelet API: who the bearer of a token is (TokenReview), and
 * whether somebody may do something here (SubjectAccessReview). Pure: the functions make questions and read answers;
 * api_call() carries them. The node's own identity may ask both (the built-in role system:node).
 */
#ifndef VKS_AGENT_CLIENT_REVIEWS_H
#define VKS_AGENT_CLIENT_REVIEWS_H

#include <cjson/cJSON.h>

#include "common/err.h"

#define REVIEW_TOKEN_PATH  "/apis/authentication.k8s.io/v1/tokenreviews"
#define REVIEW_ACCESS_PATH "/apis/authorization.k8s.io/v1/subjectaccessreviews"

struct user_info {     /* authentication.k8s.io/v1 UserInfo; owns what it points to */
        char *name;    /* NULL: nobody */
        char *uid;     /* NULL: none */
        char **groups; /* NULL-terminated; NULL: none */
        cJSON *extra;  /* an object of arrays of strings; NULL: none */
};

struct user_info user_info_copy(const struct user_info *u);
void user_info_done(struct user_info *u);

/*
 * Adds the group system:authenticated, as the kubelet does for every client that has authenticated, except to the
 * user system:anonymous and to members of the group system:unauthenticated.
 */
void user_info_add_authenticated(struct user_info *u);

struct access {                  /* of resource nodes, version v1 */
        const char *verb;        /* "" where the HTTP method has none */
        const char *subresource; /* "proxy", ... */
        const char *node;        /* its name */
};

/* The body of the request. The caller owns it and must free it by review_free(), which wipes the token in it. */
cJSON *review_of_token(const char *token);
cJSON *review_of_access(const struct user_info *who, const struct access *what);
void review_free(cJSON *review);

/*
 * What a 2xx answer says. -EACCES: no user has this token, and `e` has the server's words. -EBADMSG: the answer is
 * neither yes nor no, and must not be taken for a yes. *ret is filled after success only.
 */
int review_read_token(const cJSON *answer, struct user_info *ret, struct err *e);
int review_read_access(const cJSON *answer, bool *ret_allowed, struct err *e);

#endif
