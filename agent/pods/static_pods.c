/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/static_pods.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/lib/file_watch.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "agent/pod/manifest.h"
#include "agent/pods/desired.h"
#include "agent/pods/mirror.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/hash.h"

enum { FILES_MAX = 1000 };

struct manifest_file {
        char *name;
        uint64_t content; /* a hash of what was read last; 0: nothing */
        cJSON *object;    /* the pod that came out of it; NULL: none ever */
        struct err why;   /* code != 0: no pod comes out of it now */
        bool seen;
        bool double_of_other; /* another file has asked for that pod before */
        struct manifest_file *next;
};

struct static_pods {
        struct pods *pods;
        const char *path;
        struct file_watch *watch;
        struct manifest_file *files; /* sorted by name */
        struct err why;              /* code != 0: the folder cannot be read */
};

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void tell(struct static_pods *s, const char *fmt, ...) PRINTF(2, 3);
static void tell(struct static_pods *s, const char *fmt, ...)
{
        const char *node = s->pods->parts.node.name;
        const struct event_object about = { .kind = "Node", .name = node, .uid = node };
        CLEANUP(freep) char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        log_warning("%s", text ? text : "");
        if (!s->pods->parts.dry_run)
                event_post(s->pods->parts.events, &about, true, "InvalidStaticPod", "%s", text ? text : "");
}

/* The same fault is told once. */
static void set_why(struct static_pods *s, struct manifest_file *f, const struct err *why)
{
        bool news = why->code && !streq(f->why.text, why->text);

        f->why = *why;
        if (news)
                tell(s, "static pod %s/%s: %s%s", s->path, f->name, why->text,
                     f->object ? "; the pod that the file asked for before runs on" : "");
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static const char *text_of(const struct manifest_file *f, const char *key)
{
        return json_str(json_get(f->object, "metadata"), key);
}

static void take_object(struct manifest_file *f, cJSON *o)
{
        cJSON_Delete(f->object);
        f->object = o;
}

static void read_manifest(struct static_pods *s, struct manifest_file *f)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s", s->path, f->name), *text = NULL;
        struct err why = ERR_NONE;
        cJSON *o = NULL;
        uint64_t hash;
        size_t size;
        int r = file_read(path, MANIFEST_MAX, &text, &size, &why);

        if (r == -EACCES || r == -EPERM)
                err_set(&why, r, NULL, "user vks may not read it");
        if (r < 0) {
                f->content = 0;
                set_why(s, f, &why);
                return;
        }
        hash = hash_bytes(HASH_START, text, size) | 1;
        if (hash == f->content)
                return;
        f->content = hash;
        if (manifest_parse(text, size, s->pods->parts.node.name, time_now(), &o, &why) == 0)
                take_object(f, o);
        set_why(s, f, &why);
}

static void file_free(struct manifest_file *f)
{
        cJSON_Delete(f->object);
        free(f->name);
        free(f);
}

/* The file's place, where it has to be made. */
static struct manifest_file *file_of(struct static_pods *s, const char *name)
{
        struct manifest_file **at = &s->files, *f;

        while (*at && strcmp((*at)->name, name) < 0)
                at = &(*at)->next;
        if (*at && streq((*at)->name, name))
                return *at;
        f = NEW(struct manifest_file);
        f->name = xstrdup(name);
        f->next = *at;
        *at = f;
        return f;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static bool is_file(const struct static_pods *s, const char *name)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s", s->path, name);
        struct stat st;

        return name[0] != '.' && (stat(path, &st) < 0 || S_ISREG(st.st_mode));
}

static int read_folder(struct static_pods *s)
{
        DIR *dir = opendir(s->path);
        const struct dirent *entry;
        size_t n = 0;

        for (struct manifest_file *f = s->files; f; f = f->next)
                f->seen = false;
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        while ((entry = readdir(dir))) {
                struct manifest_file *f;

                if (!is_file(s, entry->d_name) || ++n > FILES_MAX)
                        continue;
                f = file_of(s, entry->d_name);
                f->seen = true;
                read_manifest(s, f);
        }
        closedir(dir);
        return n > FILES_MAX ? -E2BIG : 0;
}

static void drop_unseen(struct static_pods *s)
{
        for (struct manifest_file **at = &s->files, *f; (f = *at);) {
                if (f->seen) {
                        at = &f->next;
                        continue;
                }
                *at = f->next;
                file_free(f);
        }
}

/* Two files cannot ask for one pod: the first by its name has it. */
static const struct manifest_file *owner_of(const struct static_pods *s, const struct manifest_file *of)
{
        for (const struct manifest_file *f = s->files; f != of && of->object; f = f->next)
                if (f->object && streq(text_of(f, "name"), text_of(of, "name")) &&
                    streq(text_of(f, "namespace"), text_of(of, "namespace")))
                        return f;
        return of;
}

static void find_doubles(struct static_pods *s)
{
        for (struct manifest_file *f = s->files; f; f = f->next) {
                const struct manifest_file *owner = owner_of(s, f);
                bool was = f->double_of_other;

                f->double_of_other = owner != f;
                if (f->double_of_other && !was)
                        tell(s, "static pod %s/%s: pod %s/%s is %s's already", s->path, f->name,
                             text_of(f, "namespace"), text_of(f, "name"), owner->name);
        }
}

/* ---- from files to pods ------------------------------------------------------------------------------------------ */

static bool is_asked_for(const struct static_pods *s, const char *uid)
{
        for (const struct manifest_file *f = s->files; f; f = f->next)
                if (f->object && !f->double_of_other && streq(text_of(f, "uid"), uid))
                        return true;
        return false;
}

static void end_unwanted(struct static_pods *s)
{
        struct pod_entry *e, *next;

        HASH_ITER (hh, s->pods->entries, e, next) {
                if (!e->of_file || e->state->gone || is_asked_for(s, e->pod->id.uid))
                        continue;
                mirror_unwant(s->pods, &e->pod->id);
                e->pod->deletion_grace_s = e->pod->grace_s;
                desired_lose(e);
        }
}

/* A pod whose entry is still there, since the file came back before it had ended, waits for that. */
static void begin_wanted(struct static_pods *s)
{
        for (struct manifest_file *f = s->files; f; f = f->next) {
                struct err why = ERR_NONE;
                struct pod *p;

                if (!f->object || f->double_of_other || pods_by_uid(s->pods, text_of(f, "uid")))
                        continue;
                if (pod_parse(f->object, &p, &why) < 0) {
                        set_why(s, f, &why);
                        continue;
                }
                log_info("static pod %s/%s, of %s/%s", p->id.namespace, p->id.name, s->path, f->name);
                desired_add(s->pods, p, f->object, true);
                mirror_want(s->pods, f->object);
        }
}

static void look(void *userdata)
{
        struct static_pods *s = userdata;
        int r = read_folder(s);
        bool news = r < 0 && s->why.code != r;

        s->why = ERR_NONE;
        if (r < 0) {
                err_errno(&s->why, r, NULL, "static pods: %s cannot be read", s->path);
                if (news)
                        tell(s, "%s", s->why.text);
        } else {
                drop_unseen(s);
        }
        find_doubles(s);
        s->pods->statics_unsure = r < 0;
        for (const struct manifest_file *f = s->files; f; f = f->next)
                s->pods->statics_unsure |= f->why.code != 0;
        end_unwanted(s);
        begin_wanted(s);
        leftovers_end_static(s->pods);
}

void static_pods_look(struct pods *ps)
{
        if (!ps->statics || !ps->statics_due)
                return;
        ps->statics_due = false;
        begin_wanted(ps->statics);
}

void static_pods_start(struct pods *ps)
{
        struct static_pods *s = NEW(struct static_pods);
        struct err e = ERR_NONE;

        s->pods = ps;
        s->path = ps->parts.static_path;
        ps->statics = s;
        if (folder_watch_new(ps->parts.event, s->path, look, s, &s->watch, &e) < 0)
                tell(s, "static pods: %s", e.text);
        look(s);
}

struct static_pods *static_pods_free(struct static_pods *s)
{
        if (!s)
                return NULL;
        file_watch_free(s->watch);
        while (s->files) {
                struct manifest_file *f = s->files;

                s->files = f->next;
                file_free(f);
        }
        free(s);
        return NULL;
}
