/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy means, in plain words, for the operator who asks what pods can reach on this machine. */
#include "policy/policy_conf.h"

static bool overlap(const struct policy_list *l, uint32_t first, uint32_t last)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].first <= last && l->items[i].last >= first)
                        return true;
        return false;
}

static bool has(const struct policy_list *l, const char *pattern)
{
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].text, pattern))
                        return true;
        return false;
}

void policy_explain(const struct policy *p, struct buf *b)
{
        const bool package = p->root == POLICY_ROOT_PACKAGE, any = has(&p->package, "*");
        const struct {
                bool is_so;
                const char *words;
        } lines[] = {
                { p->root == POLICY_ROOT_ALLOW,
                  "Every pod may be root, and root owns this machine. Nothing below holds against that." },
                { p->root == POLICY_ROOT_DENY,
                  "No process of a pod is root, nor has it capabilities as good as root." },
                { package,
                  "Daemons that their packages run as root do so in pods, too, with a configuration of the pod's." },
                { package,
                  "CANNOT BE HELD: a root daemon does what its configuration says (a cron table, a hook, a plug-in)." },
                { package, "  Who may make pods of such packages (package, deny-package) can become root. root = deny "
                           "has none." },
                { package,
                  "Held: its command line, and the places of its code. A command of the pod's own is never root." },
                { any, "Any package, and any version, of apt's sources is installed if a pod says so, but for "
                       "deny-package." },
                { !any, "The packages above are installed, in any version that apt's sources have, if a pod says so." },
                { true, "  Scripts of packages, of what they depend on and of what they recommend run as root then." },
                { p->url.n, "Who can put a file at an address of `url` is root here: its scripts run as root." },
                { p->url.n && !p->url_needs_sha256,
                  "  So is who stands on the way to it, where the pod names no checksum." },
                { true, "A pod of a package has that package's user: files and processes of this user are the pod's." },
                { true, "Its own command or arguments are in no group outside of `group`." },
                { true, "CANNOT BE HELD: a package's daemon with a configuration of the pod's may show what its groups "
                        "read." },
                { p->bus.n, "Packages of `bus` are on the system bus with their own command line, and may ask what "
                            "their user may." },
                { p->bus.n,
                  "  What speaks for the machine (polkit, dbus, systemd's own) runs as it is, or not at all." },
                { p->machine.n,
                  "CAUTION: who may make pods of the packages of `machine` speaks for it, which is as good as root." },
                { !p->bus.n, "No pod sees the system bus." },
                { overlap(&p->user, 0, 999) || overlap(&p->group, 0, 999),
                  "CAUTION: ids below 1000 are the machine's services and groups; some are as good as root (disk, "
                  "shadow)." },
                { overlap(&p->user, 1000, 59999),
                  "user has ids of people: such a pod has that person's files and processes." },
                { p->host_path.n,
                  "Directories of host-path are every pod's, with all that is mounted in them; rw: to write to." },
                { has(&p->program, "*"),
                  "Any program may be a pod's first, also one in a volume: it may do what its user may." },
                { !has(&p->program, "*") && has(&p->program, PROGRAM_OF_POD),
                  "A pod's first program may be a file of its own (a script in a volume), but not as root." },
                { p->exec.n,
                  "kubectl exec runs in pods of the namespaces of `exec`: a command as the container could have of its "
                  "own." },
                { true, "The network is the machine's, with what listens on localhost." },
                { true,
                  "Pods of one user, such as vks-pod, can read each other's memory and files, and end each other." },
                { true,
                  "An agent that was taken over can do all this, and has all pods' logs and this node's Secrets." },
                { package && !p->preset, "For pods that nobody trusts: preset = untrusted" },
        };

        buf_str(b, "\n# What an author of pods, and an agent that was taken over, can reach on this machine:\n");
        for (size_t i = 0; i < ARRAY_LEN(lines); i++)
                if (lines[i].is_so)
                        buf_printf(b, "# %s\n", lines[i].words);
}
