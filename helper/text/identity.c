/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container is, and what it may: `struct privilege` and what the pod gives up, as a unit says it. */
#include <sys/capability.h>

#include "common/mem.h"
#include "helper/text/unit_parts.h"

bool may_gain(const struct privilege *w)
{
        return w->gains && !w->no_new_privileges;
}

static uint64_t bit_of(const char *name)
{
        cap_value_t value;

        return cap_from_name(name, &value) == 0 && value <= CAP_LAST_CAP ? UINT64_C(1) << value : 0;
}

/* What the package's AmbientCapabilities= come to, as PID 1 reckons (systemd's config_parse_capability_set()). */
static uint64_t ambient_of(const struct unit_file *file)
{
        uint64_t set = 0;

        for (size_t i = 0; file && i < file->n; i++) {
                const char *value = file->service[i].value;
                bool invert = *value == '~';
                CLEANUP(freep) char *copy = xstrdup(value + invert);
                uint64_t sum = 0;

                if (!streq(file->service[i].key, "AmbientCapabilities"))
                        continue;
                for (char *rest = copy, *word; (word = strsep(&rest, " \t"));)
                        sum |= bit_of(word);
                if (sum == 0 || set == 0)
                        set = invert ? ~sum : sum;
                else
                        set = invert ? set & ~sum : set | sum;
        }
        return set;
}

static void add_names(struct buf *b, uint64_t set)
{
        bool first = true;

        for (cap_value_t i = 0; i <= CAP_LAST_CAP; i++) {
                char *name = set >> i & 1 ? cap_to_name(i) : NULL;

                if (name)
                        buf_printf(b, "%s%s", first ? "" : " ", name);
                first &= !name;
                cap_free(name);
        }
        buf_char(b, '\n');
}

/*
 * What is dropped is dropped from the bounding set, so that nothing that is executed has it, and from what the package
 * gives its daemon. That is said name by name: beside an empty set "AmbientCapabilities=~" would mean all others, and
 * give them to whoever has none. Where vks-exec becomes the container's user, it begins with what that takes, and the
 * user has no capability and, by NoNewPrivileges=, gets none.
 *
 * A program that has a right of its package's and is not root has the user of others: of the pod's other containers, of
 * commands beside it. By ptrace(2) and /proc/PID that right would be theirs. The kernel lets none of them in who lacks
 * a capability of the program's; so it has the one that the kernel makes no use of (capabilities(7)), even if all are
 * dropped.
 */
static void capabilities(struct buf *b, const struct unit_text *u)
{
        const uint64_t needed =
                u->who.become ? UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETPCAP : 0;
        const bool apart = u->who.own && !u->who.root;
        const uint64_t mark = apart ? UINT64_C(1) << CAP_NET_BROADCAST : 0;
        uint64_t dropped = u->drop_capabilities & ~needed & ~mark, ambient = u->who.foreign ? 0 : ambient_of(u->file);

        if (dropped) {
                buf_str(b, "CapabilityBoundingSet=~");
                add_names(b, dropped);
        }
        if (ambient & u->drop_capabilities) {
                buf_str(b, "AmbientCapabilities=\n");
                if (ambient & ~u->drop_capabilities)
                        buf_str(b, "AmbientCapabilities=");
                if (ambient & ~u->drop_capabilities)
                        add_names(b, ambient & ~u->drop_capabilities);
        }
        if (apart &&
            unit_file_says(u->file, "CapabilityBoundingSet", "")) /* beside none it would be all that is left */
                buf_str(b, "CapabilityBoundingSet=CAP_NET_BROADCAST\n");
        if (apart) /* and none of its memory in a file of that user's: whoever has the user may end it by SIGABRT */
                buf_str(b, "AmbientCapabilities=CAP_NET_BROADCAST\nLimitCORE=0\n");
}

/*
 * Who writes to the machine's own directories leaves no program there that runs as somebody else, and no device: users
 * of the machine, and other pods, would find them. The pod's own volumes are mounts where neither is heeded.
 */
void identity_lines(struct buf *b, const struct unit_text *u)
{
        const struct privilege *w = &u->who;
        bool strict = !w->root && !may_gain(w), by_pid1 = u->file || !w->become;
        bool leaves_none = u->writes_host && (w->root || strict) && !*unit_file_get(u->file, "RestrictSUIDSGID");

        /* ld.so(8): vks-exec begins as root, and the package's EnvironmentFile= may be a user's, or in a hostPath. */
        if (w->become && u->file)
                buf_str(b, "UnsetEnvironment=GLIBC_TUNABLES LD_AUDIT LD_DEBUG LD_LIBRARY_PATH LD_PRELOAD LD_PROFILE\n");
        /* python(1) loads what is in .local of its user's home, and such homes are in /var, where volumes are and where
         * the user's other programs write. */
        if (w->own)
                buf_str(b, "Environment=PYTHONNOUSERSITE=1\n");
        if (w->set_user && by_pid1) { /* vks-exec becomes an unknown user; the package's other commands do not */
                buf_str(b, "User=");
                buf_printf(b, w->fallback ? FALLBACK_USER : "%u", w->uid);
                buf_str(b, "\nDynamicUser=no\n");
        }
        if (w->set_groups && by_pid1) {
                buf_str(b, "SupplementaryGroups=\n");
                for (size_t i = 0; i < w->n_groups; i++)
                        buf_printf(b, "SupplementaryGroups=%u\n", w->groups[i]);
        }
        for (size_t i = 0; i < w->n_more && !w->become; i++)
                buf_printf(b, "SupplementaryGroups=%u\n", w->more[i]);
        if (w->set_group && by_pid1)
                buf_printf(b, w->gid == UINT32_MAX ? "Group=\n" : "Group=%u\n", w->gid);
        if (strict || w->no_new_privileges)
                buf_str(b, "NoNewPrivileges=yes\n");
        if ((strict && u->program) || leaves_none)
                buf_str(b, "RestrictSUIDSGID=yes\n");
        if (u->writes_host)
                buf_str(b, "CapabilityBoundingSet=~CAP_MKNOD CAP_SETFCAP\n");
        capabilities(b, u);
        /* What container runtimes deny by default. Beside a list of the package's own, these are taken out of it. No
         * line allows a call: that would add it to such a list. */
        if (u->filter_system_calls)
                buf_str(b, "SystemCallFilter=~@clock:EPERM @cpu-emulation:EPERM @keyring:EPERM @module:EPERM "
                           "@obsolete:EPERM @raw-io:EPERM @reboot:EPERM @swap:EPERM\n"
                           "SystemCallFilter=~acct:EPERM bpf:EPERM fsconfig:EPERM fsmount:EPERM fsopen:EPERM "
                           "fspick:EPERM kcmp:EPERM mount:EPERM mount_setattr:EPERM move_mount:EPERM "
                           "name_to_handle_at:EPERM open_by_handle_at:EPERM open_tree:EPERM perf_event_open:EPERM "
                           "pivot_root:EPERM quotactl:EPERM setns:EPERM umount:EPERM umount2:EPERM unshare:EPERM "
                           "userfaultfd:EPERM\n"
                           "RestrictNamespaces=yes\n");
}
