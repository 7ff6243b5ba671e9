/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC: commands beside a container. */
#include "tests/unit/policy/written.h"

static int exec(const char *text, Vks__Container *c, const char *user, char ret_unit[static ID_UNIT_MAX + 1],
                struct err *e)
{
        CLEANUP(policy_freep) struct policy *p = conf(text);
        CLEANUP(op_exec_done) struct op_exec op = { 0 };
        Vks__Exec m = VKS__EXEC__INIT;
        int r;

        m.pod = &pod, m.container = c, m.id = 1, m.user = (char *)(uintptr_t)user;
        r = policy_exec(p, &m, &op, e);
        snprintf(ret_unit, ID_UNIT_MAX + 1, "%s", op.unit);
        return r;
}

Test(policy_exec, exec_is_a_container_with_another_command)
{
        static char long_word[32 * 1024 + 1];
        Vks__Container c = VKS__CONTAINER__INIT;
        Vks__Env env = VKS__ENV__INIT, *envs[] = { &env };
        Vks__Word word = VKS__WORD__INIT, *words[] = { &word };
        Vks__Limits limits = VKS__LIMITS__INIT;
        char *command[] = { (char *)"/usr/bin/id", (char *)"-u" }, *args[] = { (char *)"-g" }, unit[ID_UNIT_MAX + 1];
        CLEANUP(freep) char *long_name = xcalloc(300, 1);
        struct err e = ERR_NONE;

        env.name = (char *)"A", word.index = 1, word.value = (char *)"hush";
        c.name = (char *)"main", c.image = (char *)"/bin/sh";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "no command");
        c.command = command, c.n_command = 2;
        cr_assert_eq(exec("", &c, "alice", unit, &e), 0, "%s", e.text);
        cr_assert_str_eq(unit, "vks-exec-" UID "-main-0000000000000001.service");
        c.args = args, c.n_args = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "args are the container's");
        c.n_args = 0, c.env = envs, c.n_env = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "so are the variables");
        c.n_env = 0, c.hidden = words, c.n_hidden = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "and what nobody may see");
        c.n_hidden = 0, c.limits = &limits;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "a command has the pod's limits");
        c.limits = NULL, c.oom_score_adjust = 1;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL, "and is the first to be killed");
        c.oom_score_adjust = 0;
        memset(long_name, 'x', 256);
        cr_assert_eq(exec("", &c, long_name, unit, &e), 0, "%s", e.text);
        long_name[256] = 'x';
        cr_assert_eq(exec("", &c, long_name, unit, &e), -EINVAL);
        cr_assert_str_eq(e.text, "exec: the user's name has more than 256 bytes");
        memset(long_word, 'x', sizeof(long_word) - 1);
        c.command[0] = (char *)"/bin/sh", c.command[1] = long_word + strlen("/bin/sh") + 2, c.n_command = 2;
        cr_assert_eq(exec("", &c, "alice", unit, &e), 0, "%s", e.text);
        c.command[1]--;
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL);
        cr_assert_str_eq(e.text, "exec: the command has more than 32768 bytes");
        c.n_command = 1;
        command[0] = (char *)"/opt/tool";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EPERM);
        cr_assert_str_eq(e.reason, "program");
        c.name = (char *)"../x";
        cr_assert_eq(exec("", &c, "alice", unit, &e), -EINVAL);
}

/* All that the helper compares with what WRITE was asked for. */
Test(policy_exec, exec_is_handed_on_with_volumes_class_and_user)
{
        CLEANUP(policy_freep) struct policy *p = conf("");
        CLEANUP(op_exec_done) struct op_exec op = { 0 };
        char *command[] = { (char *)"/usr/bin/id" };
        Vks__EmptyDir dir = VKS__EMPTY_DIR__INIT;
        Vks__Volume v = volume_of("v", VKS__VOLUME__SOURCE_EMPTY_DIR), *volumes[] = { &v };
        Vks__Mount at = mount_at("v", "/data", false), *mounts[] = { &at };
        Vks__Container c = VKS__CONTAINER__INIT;
        Vks__Exec m = VKS__EXEC__INIT;
        struct err e = ERR_NONE;

        v.empty_dir = &dir;
        c.name = (char *)"main", c.image = (char *)"/bin/sh", c.command = command, c.n_command = 1;
        c.mounts = mounts, c.n_mounts = 1;
        m.pod = &pod, m.container = &c, m.id = 1, m.user = (char *)"alice", m.qos = VKS__QOS__QOS_GUARANTEED;
        cr_assert_eq(policy_exec(p, &m, &op, &e), -EINVAL, "a mount of no volume");
        op_exec_done(&op);
        m.volumes = volumes, m.n_volumes = 1;
        cr_assert_eq(policy_exec(p, &m, &op, &e), 0, "%s", e.text);
        cr_expect_str_eq(op.user, "alice");
        cr_expect_str_eq(op.as.pod.name, "web");
        cr_expect_eq(op.as.qos, QOS_CLASS_GUARANTEED);
        cr_assert(op.as.n_containers == 1 && op.as.containers[0].n_mounts == 1);
        cr_expect_eq(op.as.containers[0].mounts[0].volume, &op.as.volumes[0]);
        cr_expect_str_eq(op.as.containers[0].program, "/usr/bin/id");
}

Test(policy_exec, exec_is_allowed_by_namespaces)
{
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "", 0 },
                { "exec = *", 0 },
                { "exec =", -EPERM },
                { "exec = kube-*", -EPERM },
                { "exec = kube-* default", 0 },
                { "exec = kube-*\nexec = def*", 0 },
                { "preset = untrusted", 0 },
        };
        char *command[] = { (char *)"/usr/bin/id" }, unit[ID_UNIT_MAX + 1];
        Vks__Container c = VKS__CONTAINER__INIT;

        c.name = (char *)"main", c.image = (char *)"/bin/sh", c.command = command, c.n_command = 1;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err e = ERR_NONE;

                cr_assert_eq(exec(cases[i].text, &c, "", unit, &e), cases[i].r, "%s: %s", cases[i].text, e.text);
                cr_assert_str_eq(e.reason, cases[i].r ? "exec" : "");
        }
}

/* They are stopped, and nothing else is done with them. */
Test(policy_exec, commands_of_exec_are_stopped_and_never_started)
{
        char *units[] = { (char *)"vks-exec-" UID "-main-0000000000000001.service" };
        CLEANUP(policy_freep) struct policy *p = conf("");
        Vks__Start start = VKS__START__INIT;
        Vks__Stop stop = VKS__STOP__INIT;
        Vks__Remove gone = VKS__REMOVE__INIT;
        struct op_units op;
        struct err e = ERR_NONE;

        start.pod = stop.pod = gone.pod = &pod;
        start.units = stop.units = gone.units = units, start.n_units = stop.n_units = gone.n_units = 1;
        cr_assert_eq(policy_stop(p, &stop, &op, &e), 0, "%s", e.text);
        cr_assert_eq(policy_start(p, &start, &op, &e), -EINVAL);
        cr_assert_eq(policy_remove(p, &gone, &op, &e), -EINVAL);
}
