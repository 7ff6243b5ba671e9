/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests of each user are being answered, and no more of one than so many. */
#ifndef VKS_AGENT_SERVER_CALLERS_H
#define VKS_AGENT_SERVER_CALLERS_H

#include "common/base.h"

struct callers;
struct caller;

struct callers *callers_new(size_t of_one_max);
struct callers *callers_free(struct callers *all); /* when all have left */

struct caller *callers_enter(struct callers *all, const char *user); /* NULL: there are of_one_max already */
struct caller *callers_leave(struct caller *c);                      /* one request of theirs is over */

#endif
