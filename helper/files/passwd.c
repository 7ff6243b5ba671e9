/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/files/passwd.h"

#include <pwd.h>
#include <stdio.h>

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
