/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/lib/quantity.h"
#include "common/mem.h"

const char *const eviction_signal_names[EVICTION_SIGNALS] = {
        [SIGNAL_MEMORY] = "memory.available",           [SIGNAL_NODEFS] = "nodefs.available",
        [SIGNAL_NODEFS_INODES] = "nodefs.inodesFree",   [SIGNAL_IMAGEFS] = "imagefs.available",
        [SIGNAL_IMAGEFS_INODES] = "imagefs.inodesFree", [SIGNAL_PIDS] = "pid.available",
};

enum { PERCENT = 1000, WHOLE = 100 * PERCENT }; /* in struct config_amount */

const struct config_eviction config_eviction_default = {
        .hard = { [SIGNAL_MEMORY] = { true, false, 100 << 20 },
                  [SIGNAL_NODEFS] = { true, true, 10 * PERCENT },
                  [SIGNAL_NODEFS_INODES] = { true, true, 5 * PERCENT },
                  [SIGNAL_PIDS] = { true, true, 5 * PERCENT } },
        .transition_usec = UINT64_C(300) * 1000000,
};

static int find_signal(const char *name, size_t *ret, struct err *e)
{
        for (*ret = 0; *ret < EVICTION_SIGNALS; (*ret)++)
                if (streq(name, eviction_signal_names[*ret]))
                        return 0;
        return err_set(e, -EINVAL, NULL, "\"%s\" is nothing that this node looks at", name);
}

/* 0% and 100% switch a threshold off, as with a kubelet. */
static int set_amount(struct config_amount *ret, const char *name, const char *value, struct err *e)
{
        CLEANUP(freep) char *number = xstrdup(value);
        size_t n = strlen(number);
        bool is_part = n > 1 && number[n - 1] == '%';
        uint64_t amount;
        int r;

        if (is_part)
                number[n - 1] = '\0';
        r = is_part ? quantity_milli(number, &amount) : quantity_value(number, &amount);
        if (r < 0 || (is_part && amount > WHOLE))
                return err_set(e, -EINVAL, NULL, "%s: \"%s\" is neither a quantity nor a percentage (100Mi, 10%%)",
                               name, value);
        *ret = (struct config_amount){
                .set = amount > 0 && !(is_part && amount == WHOLE),
                .is_part = is_part,
                .amount = amount,
        };
        return 0;
}

int config_set_signal(struct config *c, const struct config_row *row, const char *name, const char *value,
                      struct err *e)
{
        size_t signal;
        int r = find_signal(name, &signal, e);

        if (r < 0)
                return r;
        if (row->type != GRACES)
                return set_amount((struct config_amount *)config_place(c, row) + signal, name, value, e);
        r = config_set_time(&c->eviction.grace_usec[signal], value, e);
        c->eviction.has_grace[signal] = r == 0;
        return r < 0 ? err_prefix(e, "%s: ", name) : 0;
}

int config_check_eviction(const struct config_eviction *v, struct err *e)
{
        for (size_t i = 0; i < EVICTION_SIGNALS; i++)
                if (v->soft[i].set && !v->has_grace[i])
                        return err_set(e, -EINVAL, NULL, "--eviction-soft: %s has no --eviction-soft-grace-period",
                                       eviction_signal_names[i]);
        return 0;
}

void config_amount_text(const struct config_amount *a, char ret[32])
{
        if (a->is_part)
                snprintf(ret, 32, "%g%%", (double)a->amount / PERCENT);
        else if (a->amount % 1024)
                snprintf(ret, 32, "%" PRIu64, a->amount);
        else
                quantity_bytes_text(a->amount, ret);
}
