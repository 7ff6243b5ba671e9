/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cage.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>

static int drop_capabilities(const cap_value_t *kept, size_t n_kept)
{
        cap_t c = cap_init();
        int r = c ? 0 : -errno;

        for (cap_value_t v = 0; r == 0 && cap_get_bound(v) >= 0; v++) {
                bool keep = false;
                for (size_t i = 0; i < n_kept; i++)
                        keep |= kept[i] == v;
                if (!keep && cap_drop_bound(v) < 0)
                        r = -errno;
        }
        if (r == 0 && (cap_set_flag(c, CAP_PERMITTED, (int)n_kept, kept, CAP_SET) < 0 ||
                       cap_set_flag(c, CAP_EFFECTIVE, (int)n_kept, kept, CAP_SET) < 0 || cap_set_proc(c) < 0))
                r = -errno;
        cap_free(c);
        return r;
}

static int filter_system_calls(const int *allowed, size_t n_allowed)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r = f ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n_allowed; i++)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
        if (r == 0)
                r = seccomp_load(f);
        seccomp_release(f);
        return r;
}

int cage_lock(const cap_value_t *kept, size_t n_kept, const int *allowed, size_t n_allowed, struct err *e)
{
        int r = drop_capabilities(kept, n_kept);

        if (r < 0)
                return err_errno(e, r, NULL, "dropping capabilities");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return err_errno(e, -errno, NULL, "no_new_privs");
        r = filter_system_calls(allowed, n_allowed);
        return r < 0 ? err_errno(e, r, NULL, "the system call filter") : 0;
}
