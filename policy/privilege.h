/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a container's process is when, and what it may become: decided in one place, from what root's policy says, what
 * the package's unit says, and what the pod asks for. identity.c writes the answer down and decides nothing.
 *
 * Rights are of two kinds. Some any pod may have: ids of the policy's ranges, vks-pod, the user of its package's unit.
 * The others are the package's (`own`): root and what is as good as root, groups outside the range, a place on the
 * system bus. They are for the package's own command line, which means: the pod brings no command, no arguments and
 * no other user; and what the pod does bring may not stand where that command line's code comes from.
 */
#ifndef VKS_POLICY_PRIVILEGE_H
#define VKS_POLICY_PRIVILEGE_H

#include "policy/policy.h"

enum {
        PERSON_GROUPS_MAX = 64,
        GROUPS_MAX = 2 * PERSON_GROUPS_MAX + POD_GROUPS_MAX + 1,
};

/* A user, as /etc/passwd and /etc/group have it. */
struct person {
        char name[33]; /* filled in even if it is in no file */
        bool known;
        uint32_t uid, gid;
        size_t n_groups; /* other groups that it is a member of; of more than fit the last is UINT32_MAX, nobody's */
        uint32_t groups[PERSON_GROUPS_MAX];
};

/* What the package's unit says. All zero but `root`: there is no unit, and nobody but root to run as. */
struct unit_rights {
        const char *unit, *package; /* NULL: no unit */
        struct person user;         /* of User=, root where that says nothing; not known: PID 1 makes it, or fails */
        bool root, dynamic;         /* that is root; DynamicUser= */
        bool of_instance;           /* the instance's name is the user's */
        bool root_commands;         /* some of its commands run as root whatever its user */
        bool starts_as_root;        /* ... the daemon itself is one of them ("+" or "!" in ExecStart=) */
        bool is_bus;                /* it is the machine's dbus.service */
        bool handed;                /* PID 1 reads, opens or decrypts something for it that root alone may */
        bool has_group;             /* Group= */
        uint32_t group;             /* ... its number; UINT32_MAX: nobody knows it */
        size_t n_groups;            /* SupplementaryGroups=, likewise */
        uint32_t groups[PERSON_GROUPS_MAX];
        const char *bus;     /* all that any BusName= says, with blanks between; "": none */
        const char *ambient; /* AmbientCapabilities=, likewise */
        const char *words;   /* the variables that its command lines name ($NAME), likewise; NULL: none */
};

struct privilege {
        bool set_user;   /* User= is not the unit's, but `uid`, or vks-pod if `fallback` */
        bool set_group;  /* Group= is not the unit's, but `gid`, or none if `gid` is UINT32_MAX */
        bool set_groups; /* SupplementaryGroups= is not the unit's, but `groups` */
        bool fallback;   /* its uid is vks-pod's, or it is not known to PID 1, which takes vks-pod for the time */
        bool become;     /* vks-exec becomes uid and gid, without any other group: PID 1 cannot; with `gains` what it
                            becomes may still gain */
        bool known;      /* `uid` and `gid` are what PID 1 gives directories to */
        bool root;       /* the program is root in the end */
        bool plain;      /* "+" and "!" in the package's ExecStart= do not count: it begins as whom the rest says */
        bool gains; /* policy lets it become more than it is: set-user-id programs work, but for no_new_privileges */
        bool no_new_privileges; /* the pod gives that up, for all of its unit, whoever it is */
        bool own;               /* it has rights that only the package's own command line has */
        bool bus;               /* it sees the machine's system bus */
        bool foreign; /* what runs is not the package's own command line: what PID 1 hands to that is not for it */
        uint32_t uid, gid;
        size_t n_groups;
        uint32_t groups[PERSON_GROUPS_MAX];
        size_t n_more; /* groups beside all of these: the pod's own, and vks-pod's for its files. With `become` they are
                          all that vks-exec gives it, so those that its user has are among them */
        uint32_t more[GROUPS_MAX];
};

/*
 * `strange`: PID 1 does not know a group that the pod names (it looks each up). vks-exec needs none to be known.
 * `given`: whom runAsUser names; `fallback`: vks-pod. -EPERM with the rule's name as reason: "root", "user", "group",
 * "bus", or "machine" for a unit that speaks for the machine; with none, and in the kubelet's words, where the pod says
 * runAsNonRoot and the program would begin as root: by that the pod gives a right up, and gets none. -ENOENT: vks-pod
 * is needed and is not there.
 */
int policy_privilege(const struct policy *p, const struct op_container *k, const struct unit_rights *unit,
                     const struct person *given, const struct person *fallback, bool strange, struct privilege *ret,
                     struct err *e);

/*
 * May a volume be mounted there in a container of that privilege? `there`: the machine has something of the path's
 * first name ("/data"). -EPERM with "root" as reason: code of the package's command line may come from that place.
 */
int policy_place(const struct privilege *who, const char *target, bool there, struct err *e);

#endif
