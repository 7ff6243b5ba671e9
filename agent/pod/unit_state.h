/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd says of one unit, as far as containers are concerned (org.freedesktop.systemd1(5)). */
#ifndef VKS_AGENT_POD_UNIT_STATE_H
#define VKS_AGENT_POD_UNIT_STATE_H

#include "common/base.h"

enum unit_phase {
        UNIT_ABSENT, /* not loaded, or loaded and never started */
        UNIT_ACTIVATING,
        UNIT_ACTIVE,
        UNIT_EXITED, /* active without processes: the main process ended well (RemainAfterExit=) */
        UNIT_DEACTIVATING,
        UNIT_INACTIVE, /* ended, and nothing will start it again */
        UNIT_FAILED,
        UNIT_HOLDOFF, /* ended; systemd starts it again after RestartSec= (activating/auto-restart) */
};

/* What it may take, as PID 1 has it (systemd.resource-control(5)); 0: nothing is said. */
struct unit_limits {
        bool known; /* PID 1 tells of no change of its own accord: observed_read_limits() */
        uint64_t cpu_weight;
        uint64_t cpu_milli;
        uint64_t memory_max; /* bytes */
};

struct unit_state {
        enum unit_phase phase;
        char invocation[33]; /* hex id of one run of the container; "" before the first start */
        char result[24];     /* Result=: success, exit-code, signal, core-dump, timeout, oom-kill, ... */
        int main_code;       /* si_code of the main process' end: CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0 while it runs */
        int main_status;     /* exit status or signal */
        char spawn_error[200]; /* why the main process could not be executed; "": it was, or has not ended */
        bool executed; /* its main process has become the program; while activating told by systemd 256 and later */
        uint32_t main_pid;
        uint64_t started; /* of the main process; microseconds since the epoch, 0: never */
        uint64_t ended;
        uint64_t
                unmet_at; /* when a start was given up because a Condition...= of the unit was not met; 0: it was not */
        struct unit_limits limits;
        uint32_t restarts; /* by systemd itself since the last explicit start (NRestarts=) */
};

static inline bool unit_has_processes(enum unit_phase phase)
{
        return phase == UNIT_ACTIVATING || phase == UNIT_ACTIVE || phase == UNIT_DEACTIVATING;
}

#endif
