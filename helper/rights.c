/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "common/mem.h"
#include "helper/files/passwd.h"
#include "helper/helper.h"

/* All values of a setting, with those that a later one takes back: an empty BusName= takes back nothing. */
static char *all_values(const struct unit_file *file, const char *key)
{
        CLEANUP(buf_done) struct buf all = BUF(UNIT_FILE_MAX);

        for (size_t i = 0; i < file->n; i++)
                if (streq(file->service[i].key, key) && *file->service[i].value)
                        buf_printf(&all, "%s%s", all.len ? " " : "", file->service[i].value);
        return buf_steal(&all);
}

static void add_groups(const struct unit_file *file, struct unit_rights *u)
{
        CLEANUP(freep) char *words = unit_file_words(file, "SupplementaryGroups");
        const char *group = unit_file_get(file, "Group");

        u->has_group = *group;
        u->group = *group ? passwd_group(group) : 0;
        for (const char *at = words; *at; at += strspn(at, " ")) {
                size_t n = strcspn(at, " ");
                CLEANUP(freep) char *word = xstrndup(at, n);
                bool full = u->n_groups == PERSON_GROUPS_MAX;

                u->groups[full ? PERSON_GROUPS_MAX - 1 : u->n_groups++] = full ? UINT32_MAX : passwd_group(word);
                at += n;
        }
}

/* What take_back() takes from all others, as far as it is something that only root may read or open. */
static bool is_handed(const struct unit_file *file)
{
        static const char *const keys[] = { "LoadCredential",
                                            "LoadCredentialEncrypted",
                                            "SetCredentialEncrypted",
                                            "ImportCredential",
                                            "OpenFile",
                                            "RootImage",
                                            "MountImages",
                                            "ExtensionImages",
                                            "ExtensionDirectories" };
        bool handed = starts_with(unit_file_get(file, "StandardInput"), "file:");

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                CLEANUP(freep) char *words = unit_file_words(file, keys[i]);

                handed |= *words != '\0';
        }
        return handed;
}

/* $NAME and ${NAME} in the unit's command lines, which PID 1 puts the variables' values into. */
static char *named_variables(const struct unit_file *file)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
        CLEANUP(buf_done) struct buf all = BUF(UNIT_FILE_MAX);

        for (size_t i = 0; i < file->n; i++) {
                const char *at = starts_with(file->service[i].key, "Exec") ? file->service[i].value : "";

                while ((at = strchr(at, '$'))) {
                        at += 1 + (at[1] == '{');
                        buf_printf(&all, " %.*s", (int)strspn(at, letters), at);
                }
        }
        return buf_steal(&all);
}

int privilege_find(const struct policy *p, const struct op_container *k, const struct unit_file *file,
                   struct privilege *ret, struct err *e)
{
        CLEANUP(freep) char *bus = file ? all_values(file, "BusName") : NULL;
        CLEANUP(freep) char *ambient = file ? unit_file_words(file, "AmbientCapabilities") : NULL;
        CLEANUP(freep) char *words = file ? named_variables(file) : NULL;
        const char *user = unit_file_get(file, "User");
        struct unit_rights unit = { .bus = bus, .ambient = ambient, .words = words };
        struct person given = { 0 }, fallback;
        bool strange = k->c->run_as_group && !passwd_has_group(k->c->run_as_group->value);
        char number[16];

        unit.dynamic = unit_yes(unit_file_get(file, "DynamicUser"));
        /* Where /etc/passwd has the user, DynamicUser= makes no other: PID 1 takes that one, root, too. */
        passwd_person(*user || unit.dynamic ? user : "root", &unit.user);
        unit.user.known |= streq(unit.user.name, "root") || streq(unit.user.name, "0"); /* PID 1 does not look */
        unit.root = unit.user.known && unit.user.uid == 0;
        if (file) {
                unit.unit = k->c->unit;
                unit.package = k->c->package;
                unit.of_instance = file->user_of_instance;
                unit.root_commands = unit_file_has_root_commands(file);
                unit.starts_as_root = unit_file_starts_as_root(file);
                unit.handed = is_handed(file);
                unit.is_bus = file->bus || streq(unit.unit, "dbus.service");
                add_groups(file, &unit);
        }
        if (k->c->run_as_user) {
                snprintf(number, sizeof(number), "%u", k->c->run_as_user->value);
                passwd_person(number, &given);
        }
        for (size_t i = 0; i < k->c->n_groups && !strange; i++)
                strange = !passwd_has_group(k->c->groups[i]);
        passwd_person(FALLBACK_USER, &fallback);
        return policy_privilege(p, k, &unit, &given, &fallback, strange, ret, e);
}
