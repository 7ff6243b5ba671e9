/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXEC: a container of a pod, with another command. So it is judged as WRITE would judge it, which says whether such a
 * container may be; that it is the one that WRITE was asked for, by its user, package, mounts, directory and QoS class,
 * is the helper's to find in its account (helper/account.c). Its restart policy, stop signal, mark, console and
 * writes_var do not count for a command.
 */
#include <errno.h>

#include "policy/rules.h"

enum {
        USER_MAX = 256,
        COMMAND_MAX = 32 * 1024, /* bytes of a command: PID 1 reads those of all that run again at each daemon-reload */
};

void op_exec_done(struct op_exec *op)
{
        op_write_done(&op->as);
}

int policy_exec(const struct policy *p, const Vks__Exec *m, struct op_exec *ret, struct err *e)
{
        const Vks__Container *c = m->container;
        Vks__Container *containers[] = { m->container };
        Vks__Write write = VKS__WRITE__INIT;
        size_t bytes = 0;
        int r;

        *ret = (struct op_exec){ .user = m->user };
        if (!c || c->n_command == 0 || c->n_args || c->n_env || c->n_hidden || c->limits || c->oom_score_adjust)
                return MALFORMED(
                        e, "exec: not a container with a command, and without args, env, hidden words and limits");
        if (strlen(m->user) > USER_MAX)
                return MALFORMED(e, "exec: the user's name has more than %d bytes", USER_MAX);
        for (size_t i = 0; i < c->n_command; i++)
                bytes += strlen(c->command[i]) + 1;
        if (bytes > COMMAND_MAX)
                return MALFORMED(e, "exec: the command has more than %d bytes", COMMAND_MAX);
        write.pod = m->pod;
        write.n_volumes = m->n_volumes;
        write.volumes = m->volumes;
        write.n_containers = ARRAY_LEN(containers);
        write.containers = containers;
        write.qos = m->qos;
        r = policy_write(p, &write, &ret->as, e);
        if (r < 0)
                return r;
        exec_unit_name(ret->as.pod.uid, c->name, &m->id, ret->unit);
        return rule_matches(&p->exec, ret->as.pod.namespace)
                       ? 0
                       : rule_refused(e, "exec", "no command is run beside containers of namespace %s",
                                      ret->as.pod.namespace);
}
