/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/passwd.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

bool passwd_find(const char *name, uid_t uid, uid_t *ret_uid, gid_t *ret_gid)
{
        FILE *f = fopen("/etc/passwd", "re");
        struct passwd *p = NULL;

        while (f && (p = fgetpwent(f)))
                if (name ? streq(p->pw_name, name) : p->pw_uid == uid)
                        break;
        if (p) {
                *ret_uid = p->pw_uid;
                *ret_gid = p->pw_gid;
        }
        if (f)
                fclose(f);
        return p;
}

/* The number that `s` is, or -1. */
static long number_of(const char *s)
{
        char *end;
        long n = strtol(s, &end, 10);

        return *s >= '0' && *s <= '9' && !*end && n < INT32_MAX ? n : -1;
}

bool passwd_find_number(const char *s, uid_t *ret_uid, gid_t *ret_gid)
{
        long n = number_of(s);

        return n >= 0 && passwd_find(NULL, (uid_t)n, ret_uid, ret_gid);
}

bool passwd_find_group(const char *s, gid_t *ret_gid)
{
        FILE *f = fopen("/etc/group", "re");
        struct group *g = NULL;
        long n = number_of(s);

        while (f && (g = fgetgrent(f)))
                if (streq(g->gr_name, s))
                        break;
        if (g)
                *ret_gid = g->gr_gid;
        else if (n >= 0)
                *ret_gid = (gid_t)n;
        if (f)
                fclose(f);
        return g || n >= 0;
}
