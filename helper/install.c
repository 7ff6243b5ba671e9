/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INSTALL. The helper executes nothing: its filter and its bounds would be inherited by apt and every maintainer
 * script. PID 1 runs install.sh in a unit of its own, whose name follows from what is to be installed, so that the same
 * request twice is one installation.
 */
#include <stdio.h>

#include "common/mem.h"
#include "helper/helper.h"
#include "proto/hash.h"

#define SCRIPT "/usr/libexec/vks/install"

int op_install(struct machine *m, const struct op_install *op, struct answer *a, struct err *e)
{
        CLEANUP(strv_freep) char **argv = NULL;
        CLEANUP(buf_done) struct buf names = BUF(sizeof(a->about) - 1);
        uint64_t hash = HASH_START;
        size_t n = 0;
        int r;

        strv_push(&argv, &n, xstrdup(SCRIPT));
        strv_push(&argv, &n, xstrdup("--"));
        for (size_t i = 0; i < op->n_packages; i++) {
                const struct op_package *p = &op->packages[i];
                strv_push(&argv, &n,
                          xasprintf("%s%s%s%s%s", p->name, p->from[0] ? "=" : "", p->from,
                                    p->sha256[0] ? "@sha256:" : "", p->sha256));
                buf_printf(&names, " %s", argv[n - 1]);
                hash = hash_bytes(hash, argv[n - 1], strlen(argv[n - 1]) + 1);
        }
        snprintf(a->unit, sizeof(a->unit), "vks-install-%016llx.service", (unsigned long long)hash);
        snprintf(a->about, sizeof(a->about), "%s", names.data ? names.data : "");
        r = unit_ask(m, "ResetFailedUnit", a->unit, e);
        if (r == 0)
                r = bounds_install(m, a->unit, e);
        return r < 0 ? r : unit_run(m, a->unit, argv, e);
}
