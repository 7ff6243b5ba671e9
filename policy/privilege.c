/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/privilege.h"

#include <errno.h>
#include <fnmatch.h>

#include "policy/path.h"
#include "policy/rules.h"

/* ---- who speaks for the machine ---------------------------------------------------------------------------------- */

/*
 * Names on the system bus whose owner PID 1, PAM, NSS or other daemons of root's believe when he says who may do what,
 * or who somebody is. A pod with such a name brings nothing of its own, but
 * where policy names the package (`machine`).
 */
static const char *const machines_names[] = {
        "org.freedesktop.DBus*",      /* the bus itself: it says who a message is from */
        "org.freedesktop.PolicyKit*", /* PID 1 asks it whether a user may start units */
        /* systemd's own: sessions, users, names, time */
        "org.freedesktop.@(systemd|login|machine|home|hostname|locale|timedate|timesync)[0-9]*",
        "org.freedesktop.@(network|resolve|import|portable|oom|sysupdate|sysext|journal)[0-9]*",
        "org.freedesktop.@(Accounts|ConsoleKit|realmd|sssd)*", /* who is a user, who is logged in */
        "*%*",                                                 /* a specifier: nobody knows which name that is */
};

/*
 * Users that daemons of this kind run as. Who has such a user's id may change what the daemon does (ptrace(2)), so no
 * pod's own program is one of them, either. vks may ask the helper, and reads the node's credentials; vks-usage looks
 * into the directories of all pods.
 */
static const char *const machines_users[] = {
        "vks?(-usage)", "messagebus", "polkitd", "systemd-@(network|resolve|timesync|oom)", "sssd", "_apt",
};

static bool is_among(const char *const *patterns, size_t n, const char *s)
{
        for (size_t i = 0; i < n; i++)
                if (fnmatch(patterns[i], s, FNM_EXTMATCH | FNM_CASEFOLD) == 0)
                        return true;
        return false;
}

/* Calls `is` with each word of `words`, until one is. */
static bool any_word(const char *words, bool (*is)(const char *word))
{
        for (size_t n; words && *(words += strspn(words, " ")); words += n) {
                char word[256];

                n = strcspn(words, " ");
                if (n >= sizeof(word))
                        return true;
                memcpy(word, words, n);
                word[n] = '\0';
                if (is(word))
                        return true;
        }
        return false;
}

static bool is_machines_name(const char *word)
{
        return is_among(machines_names, ARRAY_LEN(machines_names), word);
}

static bool is_machines_user(const struct person *who)
{
        return is_among(machines_users, ARRAY_LEN(machines_users), who->name);
}

/*
 * Does the pod bring nothing that a daemon may heed? Then what runs is the machine's own daemon with root's own
 * configuration, and all that a pod decides is when. Each pod has its token and the variables of services.
 */
static bool brings_nothing(const struct op_container *k)
{
        bool nothing = !k->program && k->c->n_args == 0 && !k->c->run_as_user && !k->c->run_as_group &&
                       k->c->n_groups == 0 && !k->c->console &&
                       (!k->c->working_dir[0] || streq(k->c->working_dir, "/"));

        for (size_t i = 0; i < k->n_mounts; i++)
                nothing &= path_is_in(k->mounts[i].target, "/run/secrets");
        for (size_t i = 0; i < k->c->n_env; i++)
                nothing &= rule_of_services(k->c->env[i]->name);
        return nothing;
}

/* ---- rights that only the package's own command line has --------------------------------------------------------- */

/* A capability with which a process makes itself no other user, and reads and writes no other user's things. */
static bool is_more_than_harmless(const char *word)
{
        static const char *const harmless[] = {
                "CAP_NET_@(ADMIN|BIND_SERVICE|BROADCAST|RAW)",
                "CAP_@(AUDIT_WRITE|BLOCK_SUSPEND|IPC_LOCK|SYS_NICE|SYS_RESOURCE|SYS_TIME|WAKE_ALARM)",
        };

        return !is_among(harmless, ARRAY_LEN(harmless), word);
}

static bool may_have_groups(const struct policy *p, const uint32_t *groups, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!rule_in_ranges(&p->group, groups[i]))
                        return false;
        return true;
}

/* Of the unit's groups those that any pod may have. */
static void keep_allowed_groups(const struct policy *p, const struct unit_rights *unit, struct privilege *w)
{
        w->set_groups = true;
        for (size_t i = 0; i < unit->n_groups; i++)
                if (rule_in_ranges(&p->group, unit->groups[i]))
                        w->groups[w->n_groups++] = unit->groups[i];
}

/* Its own group is nobody else's right; another one that the unit names may be. */
static bool is_own_group(const struct policy *p, const struct unit_rights *unit)
{
        return !unit->has_group || (unit->user.known && unit->group == unit->user.gid) ||
               rule_in_ranges(&p->group, unit->group);
}

static bool has_groups_beyond(const struct policy *p, const struct unit_rights *unit)
{
        return !is_own_group(p, unit) || !may_have_groups(p, unit->groups, unit->n_groups) ||
               !may_have_groups(p, unit->user.groups, unit->user.n_groups);
}

/* Where the code of programs comes from, whatever their own configuration says; the rest is in never_target
 * (places.c). With "/" at the end: beneath them, too. */
static const char *const code_places[] = {
        "/usr/",
        "/opt/", /* programs, modules, what packages ship */
        "/root/",
        "/home/",                /* python(1) and others have modules of the user's own there */
        "/var/lib/gems/",        /* ruby(1) */
        "/var/lib/dpkg/",        /* scripts of packages */
        "/etc/ssl/openssl.cnf/", /* names modules for everything that uses OpenSSL, */
        "/etc/pkcs11/",          /* ... GnuTLS, */
        "/etc/gss/",             /* ... GSSAPI, */
        "/etc/krb5.conf/",       /* ... Kerberos */
        "/etc/security/",        /* scripts and variables of PAM's modules */
        "/etc/profile/",
        "/etc/profile.d/",
        "/etc/bash.bashrc/", /* login shells: "su -" */
        "/etc/python3/",
        "/etc/python3.11/",
        "/etc/python3.13/", /* sitecustomize */
};

/* Elsewhere on a machine are data; a first name that the machine does not have is the pod's. */
static const char *const data_places[] = { "/etc", "/var", "/run", "/tmp", "/srv", "/mnt", "/media", "/dev" };

/* What lies among code and is none: pages that a web server shows, and configuration where people who come from images
 * put it. */
static const char *const not_code[] = { "/usr/share/nginx/html", "/usr/share/caddy", "/usr/local/etc" };

int policy_place(const struct privilege *who, const char *target, bool there, struct err *e)
{
        const char *why = who->own ? rule_place(code_places, ARRAY_LEN(code_places), target) : NULL;
        bool data = !there;

        for (size_t i = 0; i < ARRAY_LEN(data_places); i++)
                data |= path_is_in(target, data_places[i]);
        for (size_t i = 0; i < ARRAY_LEN(not_code); i++)
                if (path_is_in(target, not_code[i]))
                        return 0;
        if (!who->own || (!why && data))
                return 0;
        return rule_refused(e, "root",
                            "nothing of the pod's is mounted at %.200s, where a program with rights of its package "
                            "may have code (%s)",
                            target, why ? why : "a directory of the machine's");
}

enum { ENDING_MAX = 16 }; /* no ending of a variable's name that is looked for is longer */

/*
 * Names by whose form a variable tells a tool what to run, to load or to do: such a command line may be a script, and
 * which tools that calls nobody knows (tar(1) runs what TAR_OPTIONS says). The names of families come first. Variables
 * that are mere words for people's programs (NODE_NAME, ENV, DEBUG, APP_PASSWORD) are not among them. What is known to
 * be code beside any unit is in policy_write.c. Endings are looked for at the end alone: a name can be as long as a pod
 * likes, and fnmatch(3) would try "*@(...)" at each of its bytes.
 */
static bool tells_tools(const char *name)
{
        static const char *const families[] = {
                "@(GIT|SSH|RSYNC|SUDO|DPKG|DEB|DEBIAN|DEBCONF|APT|LESS|MAN|GNUPG|GPG|CURL|WGET|MAIL|X|XDG|DBUS|SYSTEMD)"
                "?(_*)",
                "@(GZIP|BZIP*|XZ_*|ZSTD_*|TAPE|IFS|CDPATH|ENV_FILE|TERMINFO*|TERMCAP|MORE|FCEDIT|MAKE*)",
        };
        static const char *const endings[] = {
                "*@(OPTION|OPTIONS|OPT|OPTS|ARG|ARGS|ARGV|FLAGS|SWITCHES|RSH|SHELL|PAGER|EDITOR|VISUAL|BROWSER)",
                "*@(COMMAND|COMMANDS|CMD|EXEC|EXECUTE|PROGRAM|SCRIPT|SCRIPTS|HOOK|HOOKS|WRAPPER|HANDLER|HELPER|AGENT)",
                "*@(PATH|PATHS|DIR|DIRS|DIRECTORY|HOME|LIB|LIBS|PRELOAD|LOADER|LIBRARY|LIBRARIES|INCLUDE)",
                "*@(PLUGIN|PLUGINS|MODULE|MODULES|EXTENSION|EXTENSIONS|ENGINE|PROVIDERS|ASKPASS)",
                "*@(RC|CONF|CONFIG|CONFFILE|CONFIGFILE|INIT|STARTUP|PROFILE|FILE|FILES)",
        };
        size_t n = strlen(name), tail = n < ENDING_MAX ? n : ENDING_MAX;

        return !rule_of_services(name) && (is_among(families, ARRAY_LEN(families), name) ||
                                           is_among(endings, ARRAY_LEN(endings), name + n - tail));
}

/* Is it one of the words of the unit's command lines? Then the pod would bring arguments by it, and be it by the name
 * of a Service's variable: it is the pod that says what is in it. */
static bool is_word_of_unit(const struct unit_rights *unit, const char *name)
{
        for (const char *at = unit->words ? unit->words : ""; *(at += strspn(at, " ")); at += strcspn(at, " "))
                if (strcspn(at, " ") == strlen(name) && starts_with(at, name))
                        return true;
        return false;
}

/* What the pod says beside a command line that has rights of its own. */
static int check_surroundings(const struct op_container *k, const struct unit_rights *unit, struct err *e)
{
        if (k->c->console)
                return rule_refused(e, "root", "stdin and tty would be words to a program with rights of its package");
        if (k->c->working_dir[0] && !streq(k->c->working_dir, "/"))
                return rule_refused(e, "root",
                                    "workingDir says where a program with rights of its package looks for "
                                    "what it names");
        for (size_t i = 0; i < k->c->n_env; i++)
                if (tells_tools(k->c->env[i]->name) || is_word_of_unit(unit, k->c->env[i]->name))
                        return rule_refused(e, "root",
                                            "env %s may say what a program with rights of its package runs or loads",
                                            k->c->env[i]->name);
        return 0;
}

/* ---- the decision ------------------------------------------------------------------------------------------------ */

enum as { AS_PACKAGE, AS_GIVEN, AS_FALLBACK };

/* Root's group comes with root: another user of it would read what is root's with what the pod brings. */
static bool may_have_group(const struct policy *p, uint32_t gid, bool is_packages_root)
{
        return rule_group(p, gid) || (gid == 0 && is_packages_root);
}

static int choose(const struct policy *p, const struct op_container *k, const struct unit_rights *unit, bool root_ok,
                  const struct person *given, enum as *ret, struct err *e)
{
        const Vks__Container *c = k->c;
        uint32_t id = c->run_as_user ? c->run_as_user->value : 0;

        *ret = AS_PACKAGE;
        if (c->run_as_group && !may_have_group(p, c->run_as_group->value, root_ok && unit->root && id == 0))
                return rule_refused(e, "group", "group %u is not allowed", c->run_as_group->value);
        if (!c->run_as_user) {
                *ret = unit->root && !root_ok ? AS_FALLBACK : AS_PACKAGE;
                return 0;
        }
        if (id == 0 && !root_ok)
                return rule_refused(e, "root", "runAsUser: 0 is not allowed%s",
                                    p->root == POLICY_ROOT_PACKAGE ? " but for a package's own command line" : "");
        if (id == 0 ? p->root == POLICY_ROOT_ALLOW : rule_in_ranges(&p->user, id)) {
                *ret = AS_GIVEN;
                return is_machines_user(given)
                               ? rule_refused(e, "machine", "user %u is %s, one of the machine's own", id, given->name)
                               : 0;
        }
        if (!unit->unit)
                return rule_user(p, id, e);
        if (unit->user.known && unit->user.uid == id)
                return 0;
        return rule_refused(e, id ? "user" : "root", "runAsUser: %u is not the user of %s", id, unit->unit);
}

/* What policy says of the unit itself, whoever runs it. */
static int check_unit(const struct policy *p, const struct op_container *k, const struct unit_rights *unit, enum as as,
                      struct err *e)
{
        bool in_range =
                unit->root ? p->root == POLICY_ROOT_ALLOW : unit->user.known && rule_user(p, unit->user.uid, NULL) == 0;

        if ((unit->is_bus || is_machines_user(&unit->user) || any_word(unit->bus, is_machines_name)) &&
            !brings_nothing(k) && !rule_matches(&p->machine, unit->package))
                return rule_refused(e, "machine",
                                    "%s of package %s speaks for the machine, and runs as it is or not at all",
                                    unit->unit, unit->package);
        if (p->root == POLICY_ROOT_DENY && unit->root_commands)
                return rule_refused(e, "root", "%s has commands that run as root whatever its user", unit->unit);
        if (unit->of_instance && as == AS_PACKAGE && !in_range)
                return rule_refused(e, "user", "%s would run as %s", unit->unit, unit->user.name);
        /* Nobody knows yet in which groups he will be. */
        if (as == AS_PACKAGE && unit->unit && !unit->dynamic && !unit->user.known)
                return err_set(e, -ENOENT, NULL, "there is no user %s on this node, as whom %s runs", unit->user.name,
                               unit->unit);
        if (p->root == POLICY_ROOT_DENY && as == AS_PACKAGE && !k->program && !k->c->n_args &&
            any_word(unit->ambient, is_more_than_harmless))
                return rule_refused(e, "root", "%s has capabilities that are as good as root (%s)", unit->unit,
                                    unit->ambient);
        return 0;
}

/* `packaged`: it is the package's own command line. */
static int choose_bus(const struct policy *p, const struct op_container *k, const struct unit_rights *unit,
                      bool packaged, struct privilege *w, struct err *e)
{
        if (!unit->unit || !*unit->bus || k->program) /* a command of the pod's own has no name there */
                return 0;
        if (!rule_matches(&p->bus, unit->package))
                return rule_refused(e, "bus", "%s of package %s has a name on the system bus (%s)", unit->unit,
                                    unit->package, unit->bus);
        if (!packaged && !w->gains)
                return rule_refused(e, "bus",
                                    "%s has a name on the system bus (%s), which is for the package's own "
                                    "command line and user",
                                    unit->unit, unit->bus);
        w->bus = true;
        return 0;
}

/* In the kubelet's words. That a process becomes somebody else later is nothing that anybody could promise for it. */
static int check_non_root(const struct op_container *k, const struct unit_rights *unit, enum as as,
                          const struct privilege *w, struct err *e)
{
        bool as_root = w->root || (as == AS_PACKAGE && !w->plain && unit->starts_as_root);

        if (!k->c->run_as_non_root || !as_root)
                return 0;
        return err_set(e, -EPERM, NULL,
                       "container has runAsNonRoot and image will run as root (pod: \"%s_%s(%s)\", container: %s)",
                       k->pod->name, k->pod->namespace, k->pod->uid, k->c->name);
}

static void as_package(const struct policy *p, const struct unit_rights *unit, bool packaged, struct privilege *w)
{
        w->root = unit->root;
        w->known = !unit->dynamic && unit->user.known && unit->group != UINT32_MAX;
        w->uid = unit->user.uid;
        w->gid = unit->has_group ? unit->group : unit->user.gid;
        w->own = packaged && !w->gains &&
                 (w->root || w->bus || unit->handed || any_word(unit->ambient, is_more_than_harmless) ||
                  has_groups_beyond(p, unit));
        if (packaged || w->gains)
                return;
        keep_allowed_groups(p, unit, w);
        if (!is_own_group(p, unit)) {
                w->set_group = true;
                w->gid = unit->user.known ? unit->user.gid : UINT32_MAX;
        }
        w->become = unit->user.known && !may_have_groups(p, unit->user.groups, unit->user.n_groups);
}

/* What the pod adds. Root reads everything, and is in no group for that. */
static int add_groups(const struct policy *p, const Vks__Container *c, const struct person *fallback,
                      struct privilege *w, struct err *e)
{
        for (size_t i = 0; i < c->n_groups; i++) {
                if (!rule_group(p, c->groups[i]))
                        return rule_refused(e, "group", "group %u is not allowed", c->groups[i]);
                if (!w->root)
                        w->more[w->n_more++] = c->groups[i];
        }
        if (c->reads_files && !w->root && fallback->known)
                w->more[w->n_more++] = fallback->gid;
        return 0;
}

static void add_allowed(const struct policy *p, const uint32_t *groups, size_t n, struct privilege *w)
{
        for (size_t i = 0; i < n && w->n_more < GROUPS_MAX; i++)
                if (rule_in_ranges(&p->group, groups[i]))
                        w->more[w->n_more++] = groups[i];
}

/* PID 1 would give it the groups of its user and its unit, and cannot give it those that it does not know. */
static void become_with_groups(const struct policy *p, const struct unit_rights *unit, const struct person *user,
                               struct privilege *w)
{
        add_allowed(p, user->groups, user->n_groups, w);
        if (user == &unit->user)
                add_allowed(p, unit->groups, unit->n_groups, w);
        w->become = true;
}

int policy_privilege(const struct policy *p, const struct op_container *k, const struct unit_rights *unit,
                     const struct person *given, const struct person *fallback, bool strange, struct privilege *w,
                     struct err *e)
{
        const Vks__Container *c = k->c;
        bool unchanged = unit->unit && !k->program && c->n_args == 0, packaged;
        bool root_ok = p->root == POLICY_ROOT_ALLOW || (p->root == POLICY_ROOT_PACKAGE && unchanged);
        enum as as;
        int r;

        *w = (struct privilege){ .gains = p->root == POLICY_ROOT_ALLOW, .no_new_privileges = c->no_new_privileges };
        if ((r = choose(p, k, unit, root_ok, given, &as, e)) < 0 || (r = check_unit(p, k, unit, as, e)) < 0)
                return r;
        packaged = unchanged && as == AS_PACKAGE;
        w->foreign = !w->gains && !packaged;
        w->plain = k->program || as != AS_PACKAGE || (c->n_args && !w->gains);
        if ((r = choose_bus(p, k, unit, packaged, w, e)) < 0)
                return r;
        if (as == AS_PACKAGE)
                as_package(p, unit, packaged, w);
        else {
                const struct person *who = as == AS_GIVEN && given->known ? given : fallback;

                if (!who->known)
                        return err_set(e, -ENOENT, NULL, "there is no user " FALLBACK_USER " on this node");
                w->set_user = w->set_group = w->set_groups = true;
                w->root = as == AS_GIVEN && c->run_as_user->value == 0;
                w->fallback = who == fallback;
                w->known = as == AS_FALLBACK || given->known;
                w->uid = as == AS_GIVEN ? c->run_as_user->value : who->uid;
                w->gid = who->gid;
                w->become = as == AS_GIVEN &&
                            (!given->known || (!w->gains && !may_have_groups(p, given->groups, given->n_groups)));
        }
        if (c->run_as_group) {
                w->set_group = true;
                w->gid = c->run_as_group->value;
        }
        if ((r = check_non_root(k, unit, as, w, e)) < 0 || (r = add_groups(p, c, fallback, w, e)) < 0)
                return r;
        w->own |= !w->gains && !k->program && unit->root_commands;
        /* vks-exec keeps no capability, so a command line that is given some is PID 1's to start. */
        if (strange && w->known && !w->root && !w->own && !w->become && !(packaged && *unit->ambient))
                become_with_groups(p, unit, as == AS_GIVEN ? given : as == AS_PACKAGE ? &unit->user : fallback, w);
        return w->own ? check_surroundings(k, unit, e) : 0;
}
