/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <errno.h>

#include "common/mem.h"
#include "policy/rules.h"

enum { PACKAGES_MAX = 64, UNITS_MAX = 64, FILES_MAX = 4096 };

void op_install_done(struct op_install *op)
{
        free(op->packages);
        *op = (struct op_install){ 0 };
}

int policy_install(const struct policy *p, const Vks__Install *m, struct op_install *ret, struct err *e)
{
        int r;

        *ret = (struct op_install){ .n_packages = m->n_packages };
        if (m->n_packages == 0 || m->n_packages > PACKAGES_MAX)
                return MALFORMED(e, "packages: %zu of them, not 1 to %d", m->n_packages, PACKAGES_MAX);
        ret->packages = xcalloc(m->n_packages, sizeof(*ret->packages));
        for (size_t i = 0; i < m->n_packages; i++) {
                const Vks__Package *k = m->packages[i];

                if ((r = rule_package(p, "package", k->name, e)) < 0 ||
                    ((k->url[0] || k->sha256[0]) && (r = rule_url(p, k->url, k->sha256, e)) < 0))
                        return r;
                if (k->version[0] && (k->url[0] || !id_is_version(k->version)))
                        return MALFORMED(e, "package %s: \"%.80s\" is not a version", k->name, k->version);
                ret->packages[i] = (struct op_package){ k->name, k->url[0] ? k->url : k->version, k->sha256 };
        }
        return 0;
}

/* ---- START, STOP, REMOVE ----------------------------------------------------------------------------------------- */

static int parse_pod(const Vks__Pod *pod, struct pod_id *ret, struct err *e)
{
        return pod ? pod_id_parse(pod->namespace_, pod->name, pod->uid, ret, e) : MALFORMED(e, "pod: missing");
}

/* `exec`: they may be commands of EXEC, too. */
static int check_units(const Vks__Pod *pod, size_t n, char **units, bool flag, bool may_be_none, bool exec,
                       struct op_units *ret, struct err *e)
{
        *ret = (struct op_units){ .n_units = n, .units = units, .flag = flag };
        if (n > UNITS_MAX || (n == 0 && !may_be_none))
                return MALFORMED(e, "units: %zu of them, not 1 to %d", n, UNITS_MAX);
        for (size_t i = 0; i < n; i++)
                if (!id_is_unit(units[i]) || !(unit_name_is_ours(units[i]) || (exec && unit_name_is_exec(units[i]))))
                        return MALFORMED(e, "units: \"%.80s\" is not a unit of a pod", units[i]);
        return parse_pod(pod, &ret->pod, e);
}

int policy_start(UNUSED const struct policy *p, const Vks__Start *m, struct op_units *ret, struct err *e)
{
        return check_units(m->pod, m->n_units, m->units, m->restart, false, false, ret, e);
}

int policy_stop(UNUSED const struct policy *p, const Vks__Stop *m, struct op_units *ret, struct err *e)
{
        int r = check_units(m->pod, m->n_units, m->units, m->kill, false, true, ret, e);

        ret->signal = m->signal;
        return r == 0 && m->kill && m->signal ? MALFORMED(e, "kill and signal: one of them") : r;
}

int policy_remove(UNUSED const struct policy *p, const Vks__Remove *m, struct op_units *ret, struct err *e)
{
        return check_units(m->pod, m->n_units, m->units, m->all, m->all, false, ret, e);
}

/* ---- FILL -------------------------------------------------------------------------------------------------------- */

/* Relative, each part a file name, and none of the names that the atomic writer uses for itself ("..data"). */
static bool relative_path(const char *s)
{
        CLEANUP(freep) char *absolute = xasprintf("/%.300s", s);

        return s[0] && strlen(s) <= 255 && id_is_path(absolute) && !starts_with(s, "..");
}

int policy_fill(const struct policy *p, const Vks__Fill *m, struct op_fill *ret, struct err *e)
{
        *ret = (struct op_fill){ .bounds = p->content, .volume = m->volume, .n_files = m->n_files, .files = m->files };
        if (!id_is_label(m->volume))
                return MALFORMED(e, "volume: not a DNS label");
        if (m->n_files > FILES_MAX)
                return MALFORMED(e, "volume %s: %zu files, at most %d are taken", m->volume, m->n_files, FILES_MAX);
        for (size_t i = 0; i < m->n_files; i++) {
                if (!relative_path(m->files[i]->path))
                        return MALFORMED(e, "volume %s: \"%.80s\" is not a path in it", m->volume, m->files[i]->path);
                m->files[i]->mode &= 0755; /* pods only read such a volume; the files are root's */
        }
        if (m->group && !rule_group(p, m->group->value))
                return rule_refused(e, "group", "volume %s: group %u is not allowed", m->volume, m->group->value);
        ret->group = m->group;
        ret->root = p->root;
        return parse_pod(m->pod, &ret->pod, e);
}
