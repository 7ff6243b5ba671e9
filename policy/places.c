/* SPDX-License-Identifier: Apache-2.0 */
/* The places of a machine: which of them a pod may have, and where in a container it may put them. */
#include <errno.h>

#include "policy/path.h"
#include "policy/rules.h"

/*
 * Never given to a pod as hostPath, nor any directory above them: what holds the machine's identity and trust, or
 * other pods. If an entry ends in "/", nothing beneath it is given either.
 */
static const char *const never_host[] = {
        "/etc/vks/",
        "/etc/shadow/",
        "/etc/gshadow/",
        "/etc/sudoers/",
        "/etc/sudoers.d/",
        "/etc/ssh/",
        "/etc/ssl/private/",
        "/etc/kubernetes/",
        "/proc/",
        "/sys/",
        "/dev",
        "/boot/",
        "/root/",
        "/run/vks/",
        "/run/systemd/",
        "/run/dbus/",
        "/run/user/",
        "/var/lib/vks/",
        "/var/lib/dpkg/",
        "/var/lib/systemd/",
        "/var/cache/vks/",
        "/var/spool/cron/",
        "/usr",
        "/home",
};

/*
 * No volume is mounted over these, or over a directory above them (with "/" at the end: nor beneath them): what a
 * service needs of the system, and the programs, libraries and modules that a unit runs, as root if `root = package`.
 */
static const char *const never_target[] = {
        "/proc/",
        "/sys/",
        "/dev/",
        "/usr/bin/",
        "/usr/sbin/",
        "/usr/lib/",
        "/usr/lib32/",
        "/usr/lib64/",
        "/usr/libx32/",
        "/usr/libexec/",
        "/usr/local/",
        "/usr/share/perl/",
        "/usr/share/perl5/",
        "/usr/share/python3/",
        "/bin/",
        "/sbin/",
        "/lib/",
        "/lib32/",
        "/lib64/",
        "/libx32/",
        "/boot/",
        "/run/systemd/",
        "/run/credentials/", /* PID 1 makes a mount point in it for each unit that has credentials, through links, too
                              */
        "/run/vks/",
        "/var/lib/vks/",
        "/etc/ld.so.preload/",
        "/etc/ld.so.cache/",
        "/etc/ld.so.conf.d/",
        "/etc/alternatives/",
        "/etc/init.d/",
        "/etc/vks/",
        "/etc/perl/",
        "/etc/pam.d/",
        "/var",
};

const char *rule_place(const char *const *places, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (path_is_in(places[i], path) || (ends_with(places[i], "/") && path_is_in(path, places[i])))
                        return places[i];
        return NULL;
}

int rule_host_path(const struct policy *p, const char *path, bool *ret_read_only, struct err *e)
{
        const char *why = rule_place(never_host, ARRAY_LEN(never_host), path);
        const struct policy_item *nearest = NULL;

        if (why)
                return rule_refused(e, "never-mount", "%.200s is never mounted, because of %s", path, why);
        for (size_t i = 0; i < p->host_path.n; i++) {
                const struct policy_item *item = &p->host_path.items[i];

                if (path_is_in(path, item->text) && (!nearest || path_is_in(item->text, nearest->text)))
                        nearest = item;
        }
        if (!nearest)
                return rule_refused(e, "host-path", "%.200s is not under an allowed prefix", path);
        *ret_read_only = !nearest->writable;
        /* Mounting a directory also mounts what is beneath it: so it is read-only if a directory beneath it must
         * be. */
        for (size_t i = 0; i < p->host_path.n; i++)
                *ret_read_only |= !p->host_path.items[i].writable && path_is_in(p->host_path.items[i].text, path);
        return 0;
}

int rule_target(const char *path, char ret[static ID_PATH_MAX + 1], struct err *e)
{
        const char *why;

        if (!rule_unit_path(path))
                return MALFORMED(e, "mountPath: \"%.200s\" is not an absolute, normalized path", path);
        policy_plain_path(path, ret);
        why = rule_place(never_target, ARRAY_LEN(never_target), ret);
        if (why && !streq(ret, "/dev/shm"))
                return rule_refused(e, "mount-target", "nothing is mounted at %.200s, because of %s", path, why);
        return 0;
}

int policy_working_dir(const char *path, char ret[static ID_PATH_MAX + 1], struct err *e)
{
        return rule_target(path, ret, e) < 0 ? err_prefix(e, "workingDir %.200s is not there: ", path) : 0;
}
