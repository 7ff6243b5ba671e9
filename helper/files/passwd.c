/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/passwd.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/mem.h"

enum { ACCOUNTS_MAX = 16 * 1024 * 1024 }; /* bytes of /etc/passwd, and of /etc/group */

/*
 * The file, read at once: line by line the C library asks where it is twice for each of them. NULL without one. The
 * caller closes the stream, and then frees *ret_text.
 */
static FILE *accounts(const char *path, char **ret_text)
{
        size_t size;

        return file_read(path, ACCOUNTS_MAX, ret_text, &size, NULL) == 0 && size ? fmemopen(*ret_text, size, "r")
                                                                                 : NULL;
}

/* The number that `s` is, or UINT32_MAX. */
static uint32_t number_of(const char *s)
{
        char *end;
        unsigned long n = strtoul(s, &end, 10);

        return *s >= '0' && *s <= '9' && !*end && n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void add_groups(struct person *p)
{
        CLEANUP(freep) char *text = NULL;
        FILE *f = accounts("/etc/group", &text);

        for (struct group *g; f && (g = fgetgrent(f));)
                for (char **member = g->gr_mem; *member; member++)
                        if (streq(*member, p->name) && g->gr_gid != p->gid) {
                                if (p->n_groups == PERSON_GROUPS_MAX)
                                        p->groups[PERSON_GROUPS_MAX - 1] = UINT32_MAX;
                                else
                                        p->groups[p->n_groups++] = g->gr_gid;
                        }
        if (f)
                fclose(f);
}

void passwd_person(const char *s, struct person *ret)
{
        uint32_t number = number_of(s);
        CLEANUP(freep) char *text = NULL;
        FILE *f = accounts("/etc/passwd", &text);

        *ret = (struct person){ 0 };
        snprintf(ret->name, sizeof(ret->name), "%s", s);
        for (struct passwd *p; f && !ret->known && (p = fgetpwent(f));)
                if (number == UINT32_MAX ? streq(p->pw_name, s) : p->pw_uid == number) {
                        ret->known = true;
                        ret->uid = p->pw_uid;
                        ret->gid = p->pw_gid;
                        snprintf(ret->name, sizeof(ret->name), "%s", p->pw_name);
                }
        if (f)
                fclose(f);
        if (ret->known)
                add_groups(ret);
}

uint32_t passwd_group(const char *s)
{
        CLEANUP(freep) char *text = NULL;
        FILE *f = accounts("/etc/group", &text);
        uint32_t gid = number_of(s);

        for (struct group *g; f && gid == UINT32_MAX && (g = fgetgrent(f));)
                if (streq(g->gr_name, s))
                        gid = g->gr_gid;
        if (f)
                fclose(f);
        return gid;
}

bool passwd_has_group(uint32_t gid)
{
        CLEANUP(freep) char *text = NULL;
        FILE *f = accounts("/etc/group", &text);
        bool found = false;

        for (struct group *g; f && !found && (g = fgetgrent(f));)
                found = g->gr_gid == gid;
        if (f)
                fclose(f);
        return found;
}
