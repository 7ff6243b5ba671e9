/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cage.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>

/* No library tries these to see whether they work. */
static const int deadly[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(move_mount),
        SCMP_SYS(open_tree),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(reboot),
        SCMP_SYS(bpf),
        SCMP_SYS(swapon),
        SCMP_SYS(acct),
};

static int drop_capabilities(const cap_value_t *kept, size_t n_kept)
{
        cap_t c = cap_init(), now = cap_get_proc();
        int r = c && now ? 0 : -errno, bound;

        for (cap_value_t v = 0; r == 0 && (bound = cap_get_bound(v)) >= 0; v++) {
                bool keep = bound == 0;
                for (size_t i = 0; i < n_kept; i++)
                        keep |= kept[i] == v;
                if (!keep && cap_drop_bound(v) < 0 && errno != EPERM)
                        r = -errno;
        }
        if (r == 0 && n_kept &&
            (cap_set_flag(c, CAP_PERMITTED, (int)n_kept, kept, CAP_SET) < 0 ||
             cap_set_flag(c, CAP_EFFECTIVE, (int)n_kept, kept, CAP_SET) < 0))
                r = -errno;
        if (r == 0 && cap_compare(now, c) != 0 &&
            cap_set_proc(c) < 0) /* where there is nothing to drop, the unit may forbid the call */
                r = -errno;
        cap_free(c);
        cap_free(now);
        return r;
}

static int filter_system_calls(const struct cage *c)
{
        scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        int r = f ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < c->n_allowed; i++)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, c->allowed[i], 0);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(deadly); i++)
                r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
        if (r == 0 &&
            c->threads) /* what clone3() is to make stands in memory, where no filter sees it: libc asks clone() then */
                (void)((r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)) < 0 ||
                       (r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD))));
        if (r == 0 && (r = seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1)) == 0 &&
            (r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1)) == 0)
                r = seccomp_load(f);
        seccomp_release(f);
        return r;
}

int cage_lock(const struct cage *c, struct err *e)
{
        int r = drop_capabilities(c->kept, c->n_kept);

        if (r < 0)
                return err_errno(e, r, NULL, "dropping capabilities");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return err_errno(e, -errno, NULL, "no_new_privs");
        r = filter_system_calls(c);
        return r < 0 ? err_errno(e, r, NULL, "the system call filter") : 0;
}
