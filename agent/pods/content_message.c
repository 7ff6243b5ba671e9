/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/content_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lib/clean_path.h"
#include "agent/pod/limits.h"
#include "common/mem.h"

Vks__Id *content_id(uint32_t value)
{
        Vks__Id *id = NEW(Vks__Id);

        vks__id__init(id);
        id->value = value;
        return id;
}

Vks__Id *content_fs_group(const struct pod *p)
{
        return p->has_fs_group ? content_id(p->fs_group) : NULL;
}

static Vks__Limits *limits_message(const struct limits *l)
{
        Vks__Limits *m;

        if (!l->cpu_weight && !l->cpu_milli && !l->memory_max && !l->tasks_max)
                return NULL;
        m = NEW(Vks__Limits);
        vks__limits__init(m);
        m->cpu_weight = l->cpu_weight;
        m->cpu_milli = l->cpu_milli;
        m->memory_max = l->memory_max;
        m->tasks_max = l->tasks_max;
        return m;
}

/* A claim, or an NFS volume, is read-only for all containers of the pod if it says so itself. */
static bool is_read_only(const struct pod *p, const struct mount *m)
{
        for (size_t i = 0; i < p->n_volumes && !m->read_only; i++)
                if (streq(p->volumes[i].name, m->volume))
                        return p->volumes[i].read_only;
        return m->read_only;
}

/* Nothing can be mounted over a link of the machine's, and a pod that has not asked for it is not refused for that. */
static bool does_without(const struct mount *m)
{
        struct stat st;

        return m->unasked && fstatat(AT_FDCWD, m->path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* All of a container but its variables, its command line and its limits. */
static void describe(const struct pod *p, const struct container *spec, const struct content_image *image,
                     Vks__Container *m)
{
        static const Vks__Restart restart[] = {
                [RESTART_POLICY_ALWAYS] = VKS__RESTART__RESTART_ALWAYS,
                [RESTART_POLICY_ON_FAILURE] = VKS__RESTART__RESTART_ON_FAILURE,
                [RESTART_POLICY_NEVER] = VKS__RESTART__RESTART_NEVER,
        };

        m->name = xstrdup(spec->name);
        m->image = xstrdup(spec->unit_image ? spec->unit_image : spec->parsed.name);
        m->package = xstrdup(image->package);
        m->unit = xstrdup(image->unit);
        m->working_dir = xstrdup(spec->working_dir ? spec->working_dir : "");
        m->shares_image = spec->shares_image;
        m->mark = spec->mark;
        m->writes_var = image->writes_var;
        m->restart = restart[restarts_unattended(&spec->restarts)];
        if (spec->ephemeral) /* it runs once */
                m->restart = VKS__RESTART__RESTART_NEVER;
        else if (spec->init && !spec->sidecar) /* the agent starts it again: systemd does not know their order */
                m->restart = VKS__RESTART__RESTART_NEVER;
        if (spec->has_user)
                m->run_as_user = content_id(spec->user);
        m->run_as_non_root = spec->non_root;
        m->no_new_privileges = spec->sandbox.no_new_privileges;
        m->reads_files = spec->reads_files;
        m->read_only_root = spec->sandbox.read_only_root;
        m->filter_system_calls = spec->sandbox.filter_system_calls;
        m->drop_capabilities = spec->sandbox.drop;
        m->n_groups = p->n_groups;
        m->groups = p->n_groups ? xmemdup(p->groups, p->n_groups * sizeof(*p->groups)) : NULL;
        m->console = spec->tty || spec->has_stdin;
        m->message_path = xstrdup(spec->message_path);
        m->stop_signal = xstrdup(spec->stop_signal ? spec->stop_signal : "");
        if (spec->has_group)
                m->run_as_group = content_id(spec->group);
        m->mounts = xcalloc(spec->n_mounts, sizeof(*m->mounts));
        for (size_t i = 0; i < spec->n_mounts; i++) {
                Vks__Mount *mount;

                if (does_without(&spec->mounts[i]))
                        continue;
                mount = m->mounts[m->n_mounts++] = NEW(Vks__Mount);
                vks__mount__init(mount);
                mount->volume = xstrdup(spec->mounts[i].volume);
                mount->path = xstrdup(spec->mounts[i].path);
                mount->sub_path = xstrdup(spec->mounts[i].sub_path ? spec->mounts[i].sub_path : "");
                mount->read_only = is_read_only(p, &spec->mounts[i]);
        }
}

/*
 * A program by a path that begins at no / ("./run.sh", "bin/server") is meant from the working directory on, as any
 * runtime has it; a unit wants to know where that is. Where only the package's unit says it, the helper refuses it.
 */
static void place_program(const struct container *spec, const struct content_image *image, Vks__Container *m)
{
        const char *dir = spec->working_dir ? spec->working_dir : "";
        CLEANUP(freep) char *path = NULL;

        if (!m->n_command || m->command[0][0] == '/' || !strchr(m->command[0], '/') || (!*dir && *image->unit))
                return;
        path = xasprintf("%s/%s", dir, m->command[0]);
        free(m->command[0]);
        m->command[0] = path_clean(path);
}

#define NO_PROGRAM "/usr/bin/no-such-program:" /* nobody makes it */

/* Is there something at that path, or may there be, since a volume lies there? */
static bool may_be_at(const struct container *spec, const char *path)
{
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (starts_with(path, spec->mounts[i].path))
                        return true;
        return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno == EACCES;
}

/* By its name it is looked for where the helper does (helper/container.c). */
static bool may_be_program(const struct container *spec, const char *word)
{
        static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin" };

        if (strchr(word, '/'))
                return *word != '/' || may_be_at(spec, word);
        for (size_t i = 0; i < ARRAY_LEN(dirs) && id_is_filename(word); i++) {
                CLEANUP(freep) char *path = xasprintf("%s/%s", dirs[i], word);
                if (may_be_at(spec, path))
                        return true;
        }
        return false;
}

/*
 * "echo hello" and "" are no programs of any machine. A unit's command line could not even name them, and the helper
 * would refuse it, for ever; but as with any program that is not there it is the run that fails, which a Job counts. So
 * what is to be run is a path that is nowhere, and says whose it is.
 */
static void name_no_program(const struct container *spec, Vks__Container *m)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
        char *word = m->n_command ? m->command[0] : NULL;
        char name[100] = "";

        if (!word || (*word && *word != '.' && strspn(word, plain) == strlen(word)) ||
            (id_is_path(word) && !strpbrk(word, "\"'$%; \\")) || may_be_program(spec, word))
                return;
        for (size_t i = 0; word[i] && i + 1 < sizeof(name); i++)
                name[i] = strchr(plain, word[i]) ? word[i] : '_';
        free(word);
        m->command[0] = xasprintf(NO_PROGRAM "%s", name);
}

static int container_message(const struct content *c, const struct pod *p, const struct container *spec,
                             struct content_image *image, const struct pod_node *node, Vks__Container *m, struct err *e)
{
        struct limits limits;
        int r = content_set_values(c, p, spec, node, m, e);

        if (r < 0)
                return r;
        image->values = content_may_change(c, spec) ? content_hash_values(m) : CONTENT_FIXED;
        if (!m->n_command && image->program && *image->program)
                strv_push(&m->command, &m->n_command, xstrdup(image->program));
        place_program(spec, image, m);
        name_no_program(spec, m);
        describe(p, spec, image, m);
        limits_of_container(p, spec, &limits);
        m->limits = limits_message(&limits);
        m->oom_score_adjust = limits_oom_score(p, spec, node->memory);
        return 0;
}

Vks__Pod *content_pod(const struct pod_id *id)
{
        Vks__Pod *m = NEW(Vks__Pod);

        vks__pod__init(m);
        m->namespace_ = xstrdup(id->namespace);
        m->name = xstrdup(id->name);
        m->uid = xstrdup(id->uid);
        return m;
}

void content_pod_freep(Vks__Pod **p)
{
        vks__pod__free_unpacked(*p, NULL);
}

static const Vks__Qos qos_messages[] = {
        [QOS_CLASS_BEST_EFFORT] = VKS__QOS__QOS_BEST_EFFORT,
        [QOS_CLASS_BURSTABLE] = VKS__QOS__QOS_BURSTABLE,
        [QOS_CLASS_GUARANTEED] = VKS__QOS__QOS_GUARANTEED,
};

static Vks__Volume *volume_message(const struct pod *p, const struct volume *v)
{
        Vks__Volume *m = NEW(Vks__Volume);

        vks__volume__init(m);
        m->name = xstrdup(v->name);
        if (v->kind == VOLUME_EMPTY_DIR) {
                m->source_case = VKS__VOLUME__SOURCE_EMPTY_DIR;
                m->empty_dir = NEW(Vks__EmptyDir);
                vks__empty_dir__init(m->empty_dir);
                m->empty_dir->memory = v->memory;
                m->empty_dir->size_limit = v->size_limit;
                m->empty_dir->group = content_fs_group(p);
        } else if (v->kind != VOLUME_FILES) {
                m->source_case = VKS__VOLUME__SOURCE_HOST_PATH;
                m->host_path = NEW(Vks__HostPath);
                vks__host_path__init(m->host_path);
                m->host_path->path = xstrdup(v->path ? v->path : "");
                m->host_path->type = xstrdup(v->type ? v->type : "");
        } else {
                m->source_case = VKS__VOLUME__SOURCE_FILES;
                m->files = NEW(Vks__Files);
                vks__files__init(m->files);
        }
        return m;
}

int content_write(const struct content *c, const struct pod *p, struct content_image *images,
                  const struct pod_node *node, Vks__Write **ret, struct err *e)
{
        Vks__Write *w = NEW(Vks__Write);
        struct limits limits;
        int r = 0;

        vks__write__init(w);
        w->pod = content_pod(&p->id);
        w->qos = qos_messages[p->qos];
        limits_of_pod(p, node->max_pids, &limits);
        w->limits = limits_message(&limits);
        w->grace_seconds = p->grace_s < 0 ? 0 : p->grace_s > UINT32_MAX ? UINT32_MAX : (uint32_t)p->grace_s;
        w->volumes = xcalloc(p->n_volumes, sizeof(*w->volumes));
        for (size_t i = 0; i < p->n_volumes; i++)
                w->volumes[w->n_volumes++] = volume_message(p, &p->volumes[i]);
        w->containers = xcalloc(p->n_containers, sizeof(*w->containers));
        for (size_t i = 0; i < p->n_containers && r >= 0; i++) {
                Vks__Container *m;

                if (images[i].left_out)
                        continue;
                m = w->containers[w->n_containers++] = NEW(Vks__Container);
                vks__container__init(m);
                r = container_message(c, p, &p->containers[i], &images[i], node, m, e);
        }
        if (r < 0) {
                content_write_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

Vks__Write *content_write_free(Vks__Write *write)
{
        for (size_t i = 0; write && i < write->n_containers; i++)
                content_wipe(write->containers[i]);
        if (write)
                vks__write__free_unpacked(write, NULL);
        return NULL;
}

Vks__Resize *content_resize(const struct pod *p, const bool *which, const struct pod_node *node)
{
        Vks__Resize *m = NEW(Vks__Resize);
        struct limits limits;

        vks__resize__init(m);
        m->pod = content_pod(&p->id);
        limits_of_pod(p, node->max_pids, &limits);
        m->limits = limits_message(&limits);
        m->sizes = xcalloc(p->n_containers, sizeof(*m->sizes));
        for (size_t i = 0; i < p->n_containers; i++) {
                Vks__Size *size;

                if (!which[i])
                        continue;
                size = m->sizes[m->n_sizes++] = NEW(Vks__Size);
                vks__size__init(size);
                size->unit = xstrdup(p->containers[i].unit);
                limits_of_container(p, &p->containers[i], &limits);
                size->limits = limits_message(&limits);
        }
        return m;
}

Vks__Exec *content_exec(const struct pod *p, size_t container, const struct content_image *image, char *const *argv,
                        const char *user)
{
        Vks__Exec *x = NEW(Vks__Exec);

        vks__exec__init(x);
        x->pod = content_pod(&p->id);
        x->qos = qos_messages[p->qos];
        x->user = xstrdup(user);
        x->volumes = xcalloc(p->n_volumes, sizeof(*x->volumes));
        for (size_t i = 0; i < p->n_volumes; i++)
                x->volumes[x->n_volumes++] = volume_message(p, &p->volumes[i]);
        x->container = NEW(Vks__Container);
        vks__container__init(x->container);
        describe(p, &p->containers[container], image, x->container);
        for (char *const *word = argv; *word; word++)
                strv_push(&x->container->command, &x->container->n_command, xstrdup(*word));
        place_program(&p->containers[container], image, x->container);
        return x;
}
