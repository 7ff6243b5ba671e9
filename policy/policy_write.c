/* SPDX-License-Identifier: Apache-2.0 */
/* WRITE: the one place that reads, and decides about, everything that a pod may say about itself. And RESIZE, which
 * says some of it again. */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/message.h"
#include "common/utf8.h"
#include "policy/rules.h"

enum {
        CONTAINERS_MAX = 64,
        VOLUMES_MAX = 256,
        MOUNTS_MAX = 256,
        MOUNT_NAMES_MAX = 8192, /* in the paths of a pod's mounts: each is made, and looked at again by each EXEC */
        WORDS_MAX = 4096,       /* of a command line, or variables of an environment */
        COMMAND_MAX =
                128 * 1024, /* bytes of a command line: systemd reads lines up to 1 MiB, and a byte may need four */
        ENV_MAX = 1024 *
                  1024, /* bytes of variables: execve(2) takes not many more, and systemd reads them at each start */
        GRACE_MAX = 366 * 24 * 3600,
        CPU_WEIGHT_MAX = 10000,      /* cgroups(7), cpu.weight */
        CPU_MILLI_MIN = 10,          /* 1 ms in each 100 ms: the kernel's bound */
        CPU_MILLI_MAX = 100000000,   /* what systemd can write down is twice as much */
        TASKS_MAX = 4 * 1024 * 1024, /* the kernel's bound to process ids */
        OOM_SPARED = -997,           /* what a kubelet gives at most; processes that are -1000 the kernel kills never */
        OOM_FIRST = 1000,
        CAPABILITIES = 41,       /* capability.h, to CAP_CHECKPOINT_RESTORE */
        SUB_PATH_NAME_MAX = 255, /* of a file's name */
};

void op_write_done(struct op_write *op)
{
        for (size_t i = 0; op->containers && i < op->n_containers; i++) {
                for (size_t k = 0; k < op->containers[i].n_mounts; k++)
                        free(op->containers[i].mounts[k].host_path);
                free(op->containers[i].mounts);
        }
        free(op->containers);
        free(op->volumes);
        *op = (struct op_write){ 0 };
}

static int host_volume(const struct policy *p, const Vks__HostPath *h, struct op_volume *v, struct err *e)
{
        static const char *const types[] = { "",       "Directory",  "DirectoryOrCreate", "File", "FileOrCreate",
                                             "Socket", "CharDevice", "BlockDevice" };
        bool known = false;
        int r;

        if (!rule_unit_path(h->path))
                return MALFORMED(e, "volume %s: hostPath.path: not an absolute, normalized path", v->name);
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                known |= streq(h->type, types[i]);
        if (!known)
                return MALFORMED(e, "volume %s: hostPath.type: \"%.40s\" is unknown", v->name, h->type);
        r = rule_host_path(p, h->path, &v->read_only, e);
        v->kind = VOLUME_HOST;
        v->host_path = h->path;
        v->host_type = h->type;
        return r;
}

static const struct op_volume *find_volume(const struct op_write *op, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (streq(op->volumes[i].name, name))
                        return &op->volumes[i];
        return NULL;
}

static int parse_volume(const struct policy *p, const Vks__Volume *m, struct op_volume *v, struct err *e)
{
        *v = (struct op_volume){ .name = m->name };
        if (!id_is_label(m->name))
                return MALFORMED(e, "volume \"%.80s\": the name is not a DNS label", m->name);
        switch (m->source_case) {
        case VKS__VOLUME__SOURCE_EMPTY_DIR:
                v->kind = m->empty_dir->memory ? VOLUME_MEMORY : VOLUME_DISK;
                v->group = m->empty_dir->group;
                return !v->group || rule_group(p, v->group->value)
                               ? 0
                               : rule_refused(e, "group", "volume %s: group %u is not allowed", v->name,
                                              v->group->value);
        case VKS__VOLUME__SOURCE_FILES:
                v->kind = VOLUME_FILES;
                v->read_only = true;
                return 0;
        case VKS__VOLUME__SOURCE_HOST_PATH:
                return host_volume(p, m->host_path, v, e);
        default:
                return MALFORMED(e, "volume %s: of no kind", m->name);
        }
}

static int by_target(const void *a, const void *b)
{
        return strcmp(((const struct op_mount *)a)->target, ((const struct op_mount *)b)->target);
}

/* At any path but the default one it is a mount like others, of one file. */
static int parse_message(struct op_container *k, struct err *e)
{
        static const struct op_volume message = { .kind = VOLUME_MESSAGE, .name = "terminationMessagePath" };
        const char *path = k->c->message_path;
        struct op_mount *m = &k->mounts[k->n_mounts];

        if (!*path || streq(path, MESSAGE_PATH))
                return 0;
        k->n_mounts++;
        m->volume = &message;
        m->sub_path = "";
        return rule_target(path, m->target, e) < 0 ? err_prefix(e, "terminationMessagePath: ") : 0;
}

/* What lies in a hostPath is a hostPath itself, with all that policy says of one; what lies in another volume has a
 * name of its own beside it (sub_path_name()). */
static int parse_sub_path(const struct policy *p, struct op_mount *m, bool *ret_read_only, struct err *e)
{
        const struct op_volume *v = m->volume;
        CLEANUP(freep) char *absolute = xasprintf("/%s", m->sub_path);
        bool own = v->kind == VOLUME_DISK || v->kind == VOLUME_MEMORY;

        *ret_read_only = v->read_only;
        if (v->kind == VOLUME_HOST)
                m->host_path = xasprintf("%s%s", *m->sub_path && streq(v->host_path, "/") ? "" : v->host_path,
                                         *m->sub_path ? absolute : "");
        if (!*m->sub_path)
                return 0;
        if (!rule_unit_path(absolute))
                return MALFORMED(e, "volumeMounts: subPath \"%.200s\" is not a relative, normalized path", m->sub_path);
        if (own && (strchr(m->sub_path, ':') || strlen(v->name) + strlen(absolute) > SUB_PATH_NAME_MAX))
                return MALFORMED(e, "volumeMounts: subPath \"%.200s\" has a colon, or is too long for volume %s",
                                 m->sub_path, v->name);
        if (v->kind != VOLUME_HOST)
                return 0;
        if (!rule_unit_path(m->host_path))
                return MALFORMED(e, "volumeMounts: subPath \"%.200s\" is too long for volume %s", m->sub_path, v->name);
        return rule_host_path(p, m->host_path, ret_read_only, e);
}

static int parse_mounts(const struct policy *p, const struct op_write *op, struct op_container *k, struct err *e)
{
        const Vks__Container *c = k->c;
        int r;

        if (c->n_mounts > MOUNTS_MAX)
                return MALFORMED(e, "%zu volumeMounts, at most %d are taken", c->n_mounts, MOUNTS_MAX);
        k->n_mounts = c->n_mounts;
        k->mounts = xcalloc(c->n_mounts + 1, sizeof(*k->mounts));
        for (size_t i = 0; i < c->n_mounts; i++) {
                struct op_mount *m = &k->mounts[i];
                bool read_only = false;

                m->sub_path = c->mounts[i]->sub_path;
                m->volume = find_volume(op, op->n_volumes, c->mounts[i]->volume);
                if (!m->volume)
                        return MALFORMED(e, "volumeMounts: the pod has no volume \"%.80s\"", c->mounts[i]->volume);
                if ((r = rule_target(c->mounts[i]->path, m->target, e)) < 0 ||
                    (r = parse_sub_path(p, m, &read_only, e)) < 0)
                        return r;
                m->read_only = c->mounts[i]->read_only || m->volume->kind == VOLUME_FILES;
                if (!m->read_only && read_only)
                        return rule_refused(e, "host-path", "%.200s may be mounted read-only, and volume %s is not",
                                            m->host_path, m->volume->name);
        }
        if ((r = parse_message(k, e)) < 0)
                return r;
        qsort(k->mounts, k->n_mounts, sizeof(*k->mounts), by_target);
        for (size_t i = 1; i < k->n_mounts; i++)
                if (streq(k->mounts[i].target, k->mounts[i - 1].target))
                        return MALFORMED(e, "volumeMounts: two are at %.200s", k->mounts[i].target);
        return 0;
}

static int parse_command(const struct policy *p, struct op_container *k, struct err *e)
{
        const Vks__Container *c = k->c;
        size_t bytes = 0, n_words = (c->n_command ? c->n_command : 1) + c->n_args; /* the program is one of them */

        if (c->n_command + c->n_args > WORDS_MAX)
                return MALFORMED(e, "command and args have more than %d words", WORDS_MAX);
        for (size_t i = 0; i < c->n_command; i++)
                bytes += strlen(c->command[i]) + 1;
        for (size_t i = 0; i < c->n_args; i++)
                bytes += strlen(c->args[i]) + 1;
        for (size_t i = 0; i < c->n_hidden; i++) {
                bytes += strlen(c->hidden[i]->value) + 1;
                if (c->hidden[i]->index == 0 || c->hidden[i]->index >= n_words ||
                    (i > 0 && c->hidden[i]->index <= c->hidden[i - 1]->index))
                        return MALFORMED(e, "hidden: %u is not the place of a word", c->hidden[i]->index);
        }
        if (bytes > COMMAND_MAX)
                return MALFORMED(e, "command and args have more than %d bytes", COMMAND_MAX);
        if (c->n_command)
                k->program = c->command[0];
        else if (c->image[0] == '/')
                k->program = c->image;
        else if (!c->unit[0])
                return MALFORMED(e, "command: package %s has no service unit, so the pod must give a command",
                                 c->image);
        if (!k->program)
                return 0;
        if (!strchr(k->program, '/') && id_is_filename(k->program))
                return 0; /* a name: the helper looks it up, and then asks policy_program() about the path */
        return policy_program(p, k, k->program, e);
}

static int parse_image(const struct policy *p, const struct op_container *k, struct err *e)
{
        const Vks__Container *c = k->c;
        int r;

        if (c->image[0] == '/')
                return c->package[0] || c->unit[0] ? MALFORMED(e, "image %.200s: a program has no package", c->image)
                                                   : policy_program(p, k, c->image, e);
        r = rule_package(p, "image", c->image, e);
        if (r < 0 || (!c->unit[0] && !c->package[0]))
                return r;
        if (c->unit[0] && !id_is_unit(c->unit))
                return MALFORMED(e, "unit: \"%.80s\" is not the name of a service", c->unit);
        return rule_package(p, "package", c->package, e);
}

/*
 * Variables that say what code a program runs: where the loader, an interpreter or a library finds it, or what it does
 * before its work. A package's unit may run as root, or commands before its daemon may. Only those: NODE_NAME, ENV,
 * JAVA_OPTS and PYTHONUNBUFFERED are what everybody sets.
 */
static bool names_code(const char *name)
{
        static const char *const patterns[] = {
                /* the C library: ld.so(8) */
                "@(LD_*|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|PATH)",
                /* shells: bash(1) */
                "@(BASH*|SHELLOPTS|PS4)",
                /* interpreters, each in its manual */
                "@(PERL*|RUBY*|GEM_*|BUNDLE_*|LUA_*|TCL*|ERL_*|AWK*|PHPRC|PHP_INI_SCAN_DIR)",
                "PYTHON!(UNBUFFERED|DONTWRITEBYTECODE|IOENCODING|UTF8|HASHSEED|FAULTHANDLER|OPTIMIZE)",
                "@(CLASSPATH|_JAVA_OPTIONS|JAVA_TOOL_OPTIONS|JAVA_HOME|JRE_HOME|JDK_*)",
                "NODE_@(OPTIONS|PATH|REPL_*|COMPILE_CACHE|REDIRECT_WARNINGS|V8_COVERAGE)",
                /* modules of libraries and tools */
                "@(OPENSSL_*|GIO_*|SASL_*|KRB5*|XTABLES_*|TC_LIB_DIR)",
                /* systemd's own words to a unit's commands: systemd.exec(5) */
                "@(CREDENTIALS_DIRECTORY|MAINPID)",
        };

        for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
                if (fnmatch(patterns[i], name, FNM_EXTMATCH) == 0)
                        return true;
        return false;
}

static int parse_env(const struct policy *p, const Vks__Container *c, struct err *e)
{
        size_t bytes = 0;

        if (c->n_env > WORDS_MAX)
                return MALFORMED(e, "env: more than %d variables", WORDS_MAX);
        for (size_t i = 0; i < c->n_env; i++) {
                const char *name = c->env[i]->name;

                bytes += strlen(name) + c->env[i]->value.len + 2; /* "=", and a NUL */
                if (bytes > ENV_MAX)
                        return MALFORMED(e, "env: more than %d bytes, with the names", ENV_MAX);
                if (!id_is_env_name(name))
                        return MALFORMED(e, "env \"%.80s\": not the name of a variable", name);
                if (c->unit[0] && p->root != POLICY_ROOT_ALLOW && names_code(name) && !rule_of_services(name))
                        return rule_refused(e, "root", "env %s says what a package's unit loads", name);
                if (c->env[i]->value.len && memchr(c->env[i]->value.data, '\0', c->env[i]->value.len))
                        return MALFORMED(e, "env %s: no variable can hold a NUL", name);
        }
        return 0;
}

/* "SIGTERM", and "SIGRTMIN+3" or "SIGRTMAX-4", as signal(7) and systemd know them. */
static bool is_signal(const char *name)
{
        bool real_time = starts_with(name, "SIGRTMIN+") || starts_with(name, "SIGRTMAX-");
        const char *digits = name + strlen("SIGRTMIN+");

        if (real_time)
                return *digits >= '1' && *digits <= '9' &&
                       (!digits[1] || (*digits == '1' && digits[1] >= '0' && digits[1] <= '5' && !digits[2]));
        for (int i = 1; i < __SIGRTMIN; i++)
                if (starts_with(name, "SIG") && sigabbrev_np(i) && streq(name + strlen("SIG"), sigabbrev_np(i)))
                        return true;
        return streq(name, "SIGRTMIN") || streq(name, "SIGRTMAX");
}

/* `who`: before the field's name. */
static int check_limits(const Vks__Limits *l, const char *who, struct err *e)
{
        if (!l)
                return 0;
        if (l->cpu_weight > CPU_WEIGHT_MAX || l->tasks_max > TASKS_MAX ||
            (l->cpu_milli && (l->cpu_milli < CPU_MILLI_MIN || l->cpu_milli > CPU_MILLI_MAX)))
                return MALFORMED(e, "%slimits: cpu_weight, cpu_milli or tasks_max out of range", who);
        if (l->memory_max > INT64_MAX) /* the greatest number means "infinity" */
                return MALFORMED(e, "%slimits: memory_max out of range", who);
        return 0;
}

/* What is spared when memory runs out has a bound itself: else it could take all, and everybody else would be killed
 * for it. */
static int check_oom_score(const Vks__Container *c, struct err *e)
{
        if (c->oom_score_adjust < OOM_SPARED || c->oom_score_adjust > OOM_FIRST)
                return MALFORMED(e, "oom_score_adjust: %d is out of range", (int)c->oom_score_adjust);
        if (c->oom_score_adjust < 0 && !(c->limits && c->limits->memory_max))
                return MALFORMED(e, "oom_score_adjust: %d without memory_max", (int)c->oom_score_adjust);
        return 0;
}

static int parse_container(const struct policy *p, const struct op_write *op, struct op_container *k, struct err *e)
{
        const Vks__Container *c = k->c;
        int r;

        if (c->working_dir[0] && !rule_unit_path(c->working_dir))
                return MALFORMED(e, "workingDir: not an absolute, normalized path");
        if (c->n_groups > POD_GROUPS_MAX)
                return MALFORMED(e, "more than %d groups", POD_GROUPS_MAX);
        if ((unsigned)c->restart > VKS__RESTART__RESTART_ALWAYS)
                return MALFORMED(e, "restart: %d is no policy", (int)c->restart);
        if (c->stop_signal[0] && !is_signal(c->stop_signal))
                return MALFORMED(e, "stopSignal: \"%.40s\" is unknown", c->stop_signal);
        if (c->drop_capabilities >> CAPABILITIES)
                return MALFORMED(e, "drop_capabilities: bits that are none");
        if ((r = check_limits(c->limits, "", e)) < 0 || (r = check_oom_score(c, e)) < 0)
                return r;
        /* Mounts come before programs: they decide what lies at a path. */
        if ((r = parse_mounts(p, op, k, e)) < 0 || (r = parse_image(p, k, e)) < 0 || (r = parse_command(p, k, e)) < 0 ||
            (r = parse_env(p, c, e)) < 0)
                return r;
        return unit_name(&op->pod, c->image, c->shares_image ? c->name : NULL, k->unit, e);
}

static size_t names_in(const char *path)
{
        size_t n = 0;

        while ((path = strchr(path, '/')))
                path++, n++;
        return n;
}

static int parse_containers(const struct policy *p, const Vks__Write *m, struct op_write *op, struct err *e)
{
        size_t names = 0;

        for (size_t i = 0; i < m->n_containers; i++) {
                struct op_container *k = &op->containers[i];

                k->pod = &op->pod;
                k->c = m->containers[i];
                if (!id_is_label(k->c->name))
                        return MALFORMED(e, "container \"%.80s\": the name is not a DNS label", k->c->name);
                if (parse_container(p, op, k, e) < 0)
                        return err_prefix(e, "container %s: ", k->c->name);
                for (size_t j = 0; j < k->n_mounts; j++)
                        names += names_in(k->mounts[j].target) + names_in(k->mounts[j].sub_path);
                if (names > MOUNT_NAMES_MAX)
                        return MALFORMED(e, "volumeMounts: the paths of all have more than %d names", MOUNT_NAMES_MAX);
                for (size_t j = 0; j < i; j++)
                        if (streq(op->containers[j].c->name, k->c->name) || streq(op->containers[j].unit, k->unit))
                                return MALFORMED(e, "container %s: another has the same name or unit", k->c->name);
        }
        return 0;
}

int policy_write(const struct policy *p, const Vks__Write *m, struct op_write *ret, struct err *e)
{
        static const enum qos qos[] = { QOS_CLASS_BEST_EFFORT, QOS_CLASS_BURSTABLE, QOS_CLASS_GUARANTEED };
        int r;

        *ret = (struct op_write){ .policy = p,
                                  .max_units = p->max_units,
                                  .bounds = p->content,
                                  .grace_seconds = m->grace_seconds,
                                  .n_volumes = m->n_volumes,
                                  .n_containers = m->n_containers };
        r = m->pod ? pod_id_parse(m->pod->namespace_, m->pod->name, m->pod->uid, &ret->pod, e)
                   : MALFORMED(e, "pod: missing");
        if (r < 0)
                return r;
        if ((unsigned)m->qos >= ARRAY_LEN(qos) || m->grace_seconds > GRACE_MAX)
                return MALFORMED(e, "qos or terminationGracePeriodSeconds: out of range");
        if ((r = check_limits(m->limits, "the pod's ", e)) < 0)
                return r;
        if (m->n_containers == 0 || m->n_containers > CONTAINERS_MAX || m->n_volumes > VOLUMES_MAX)
                return MALFORMED(e, "%zu containers and %zu volumes: at most %d and %d are taken", m->n_containers,
                                 m->n_volumes, CONTAINERS_MAX, VOLUMES_MAX);
        ret->qos = qos[m->qos];
        ret->limits = m->limits;
        ret->volumes = xcalloc(m->n_volumes, sizeof(*ret->volumes));
        ret->containers = xcalloc(m->n_containers, sizeof(*ret->containers));
        for (size_t i = 0; i < m->n_volumes; i++) {
                r = parse_volume(p, m->volumes[i], &ret->volumes[i], e);
                if (r < 0)
                        return r;
                if (find_volume(ret, i, m->volumes[i]->name))
                        return MALFORMED(e, "volume %s: given twice", m->volumes[i]->name);
        }
        return parse_containers(p, m, ret, e);
}

/* ---- RESIZE ------------------------------------------------------------------------------------------------------ */

int policy_resize(UNUSED const struct policy *p, const Vks__Resize *m, struct op_resize *ret, struct err *e)
{
        int r = m->pod ? pod_id_parse(m->pod->namespace_, m->pod->name, m->pod->uid, &ret->pod, e)
                       : MALFORMED(e, "pod: missing");

        if (r < 0 || (r = check_limits(m->limits, "the pod's ", e)) < 0)
                return r;
        if (m->n_sizes > CONTAINERS_MAX || (m->n_sizes == 0 && !m->limits))
                return MALFORMED(e, "sizes: %zu of them, not 1 to %d", m->n_sizes, CONTAINERS_MAX);
        for (size_t i = 0; i < m->n_sizes; i++) {
                const Vks__Size *size = m->sizes[i];

                if (!id_is_unit(size->unit) || !unit_name_is_ours(size->unit))
                        return MALFORMED(e, "sizes: \"%.80s\" is not a unit of a pod", size->unit);
                if ((r = check_limits(size->limits, "", e)) < 0)
                        return r;
        }
        ret->limits = m->limits;
        ret->n_sizes = m->n_sizes;
        ret->sizes = m->sizes;
        return 0;
}
