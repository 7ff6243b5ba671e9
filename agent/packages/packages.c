/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages/packages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/lib/lines.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"

enum {
        CANDIDATES_MAX = 64,
        RELATED_MAX = 32, /* packages that are looked at for one image */
        CONFIGURATION_MAX = 256 * 1024,
        STARTERS_MAX = 32,
        RELATIVES_MAX = 64 * 1024,
};

#define RELATIVES "/var/lib/vks/relatives"

#define ANNOTATIONS "metadata: {annotations: {vks.systemd.io/unit: %.255s}}"

struct answer {
        char name[ID_PACKAGE_MAX + 1];
        struct package_image image;
};

struct packages {
        char *root;
        struct package_list *list;
        struct answer *answers;
        size_t n_answers;
};

struct packages *packages_new(const char *root)
{
        struct packages *p = NEW(struct packages);

        p->root = xstrdup(root ? root : "");
        p->list = package_list_new(p->root);
        return p;
}

static void forget(struct packages *p)
{
        free(p->answers);
        p->answers = NULL;
        p->n_answers = 0;
}

struct packages *packages_free(struct packages *p)
{
        if (!p)
                return NULL;
        forget(p);
        package_list_free(p->list);
        free(p->root);
        free(p);
        return NULL;
}

int packages_refresh(struct packages *p, struct err *e)
{
        int r = package_list_refresh(p->list, e);

        if (r > 0)
                forget(p);
        return r;
}

size_t packages_count(const struct packages *p)
{
        return package_list_count(p->list);
}

size_t packages_memory(const struct packages *p)
{
        return sizeof(*p) + package_list_memory(p->list) + p->n_answers * sizeof(*p->answers);
}

struct package packages_at(const struct packages *p, size_t i)
{
        return package_list_at(p->list, i);
}

bool packages_find(const struct packages *p, const char *name, struct package *ret)
{
        return package_list_find(p->list, name, ret);
}

bool packages_sha256(const struct packages *p, const struct package *package, char ret[static 65])
{
        CLEANUP(freep) char *path = xasprintf("%s/var/lib/vks/installed/%s", p->root, package->name), *text = NULL;
        struct timespec at;
        char unpacked[40];
        size_t size = 0;

        if (file_read(path, 128, &text, &size, NULL) < 0 || size < 64 || !package_list_unpacked(p->list, package, &at))
                return false;
        snprintf(unpacked, sizeof(unpacked), " %lld.%09ld\n", (long long)at.tv_sec, at.tv_nsec);
        snprintf(ret, 65, "%s", text);
        return id_is_sha256(ret) && streq(text + 64, unpacked);
}

bool packages_has(const struct packages *p, const struct image *image, struct package *ret)
{
        char sha256[65];

        return packages_find(p, image->name, ret) && image_is(image, ret->version) &&
               (!*image->sha256 || (packages_sha256(p, ret, sha256) && streq(sha256, image->sha256)));
}

/* ---- a package as an image --------------------------------------------------------------------------------------- */

/* What is gathered about one image: the packages that make it up, first the one asked for, and their units. */
struct look {
        const struct packages *p;
        const char *name;
        const char *unit; /* that the pod asks for; NULL: it leaves the choice to us */
        struct package related[RELATED_MAX];
        size_t n_related;
        const struct package *package; /* whose files are looked at */
        bool want_units;
        struct unit_candidate candidates[CANDIDATES_MAX];
        size_t n_candidates;
        char template[ID_UNIT_MAX + 1]; /* the first one seen ... */
        bool for_user;                  /* ... whose instances are users */
        struct starter {
                char name[ID_UNIT_MAX + 1], service[ID_UNIT_MAX + 1];
        } starters[STARTERS_MAX]; /* timers and paths */
        size_t n_starters;
        bool writes_var;
        bool scripts; /* there are init scripts: what the generator makes of them comes and goes without dpkg */
};

/* "/usr/lib/systemd/system/x.service" -> "x.service", NULL for what is no unit's. */
static const char *name_of_path(const char *path)
{
        static const char *const dirs[] = { "/lib/systemd/system/", "/usr/lib/systemd/system/",
                                            "/etc/systemd/system/" };

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                if (starts_with(path, dirs[i]))
                        return path + strlen(dirs[i]);
        return NULL;
}

static void look_at_starter(struct look *l, const char *path, const char *name)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", l->p->root, path);
        CLEANUP(map_done) struct map map = { 0 };
        struct starter *s = &l->starters[l->n_starters];

        if (l->n_starters < STARTERS_MAX && strlen(name) <= ID_UNIT_MAX - strlen("service") &&
            map_open(&map, NULL, full) == 0 && starter_scan(name, map.data, map.size, s->service)) {
                snprintf(s->name, sizeof(s->name), "%s", name);
                l->n_starters++;
        }
}

/* Instances that are users say so in the template. */
static bool is_for_user(const struct look *l, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", l->p->root, path);
        CLEANUP(map_done) struct map map = { 0 };

        return map_open(&map, NULL, full) == 0 && map.size > 0 &&
               (memmem(map.data, map.size, "\nUser=%i", 8) || memmem(map.data, map.size, "\nUser=%I", 8));
}

static void look_at_unit(struct look *l, const char *path, const char *unit)
{
        CLEANUP(map_done) struct map map = { 0 };
        struct unit_candidate *c = &l->candidates[l->n_candidates];
        char full[ID_PATH_MAX];
        struct stat st = { 0 };

        if (strstr(unit, "@.service")) {
                if (!l->template[0]) {
                        snprintf(l->template, sizeof(l->template), "%s", unit);
                        l->for_user = is_for_user(l, path);
                }
                if (!l->unit || strncmp(l->unit, unit, strcspn(unit, "@") + 1) != 0)
                        return;
                unit = l->unit;
        }
        snprintf(full, sizeof(full), "%s%s", l->p->root, path);
        if (l->n_candidates == CANDIDATES_MAX || lstat(full, &st) < 0 || !S_ISREG(st.st_mode) ||
            map_open(&map, &st, full) < 0)
                return;
        *c = (struct unit_candidate){ .own = l->package == &l->related[0] };
        snprintf(c->name, sizeof(c->name), "%s", unit);
        snprintf(c->owner, sizeof(c->owner), "%s", l->package->name);
        unit_scan(map.data, map.size, c);
        l->writes_var |= c->state;
        l->n_candidates++;
}

/* An init script is a unit when systemd-sysv-generator(8) has made one of it, which it does where the package brings
 * none of that name. */
static void look_at_script(struct look *l, const char *script)
{
        char path[ID_PATH_MAX], unit[ID_UNIT_MAX + 1];
        size_t before = l->n_candidates;

        l->scripts = true;
        if (snprintf(unit, sizeof(unit), "%s.service", script) >= (int)sizeof(unit) || !id_is_unit(unit) ||
            strchr(unit, '@'))
                return;
        snprintf(path, sizeof(path), "/run/systemd/generator.late/%s", unit);
        look_at_unit(l, path, unit);
        if (l->n_candidates > before)
                l->candidates[before].multi_user = true;
}

static void look_at_tmpfiles(struct look *l, const char *path)
{
        CLEANUP(map_done) struct map map = { 0 };
        char full[ID_PATH_MAX];

        snprintf(full, sizeof(full), "%s%s", l->p->root, path);
        if (map_open(&map, NULL, full) == 0)
                l->writes_var |= mentions_var(map.data, map.size);
}

/*
 * Where a daemon writes may be another package's directory, which only its configuration tells, or who rotates its
 * logs. What is not for us to read may say so, too. These files are not all root's: read, not mapped.
 */
static void look_at_configuration(struct look *l, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", l->p->root, path), *text = NULL;
        size_t size = 0;
        int r = file_read(full, CONFIGURATION_MAX, &text, &size, NULL);

        l->writes_var = r == -EACCES || (r == 0 && mentions_var(text, size));
}

static void look_at_path(void *userdata, const char *path)
{
        struct look *l = userdata;
        const char *unit = name_of_path(path);

        l->writes_var |= mentions_var(path, strlen(path));
        if (unit && l->want_units && id_is_unit(unit))
                look_at_unit(l, path, unit);
        else if (unit && l->want_units && (ends_with(unit, ".timer") || ends_with(unit, ".path")))
                look_at_starter(l, path, unit);
        else if (l->want_units && starts_with(path, "/etc/init.d/"))
                look_at_script(l, path + strlen("/etc/init.d/"));
        else if (starts_with(path, "/usr/lib/tmpfiles.d/") && ends_with(path, ".conf"))
                look_at_tmpfiles(l, path);
        if (!l->writes_var && starts_with(path, "/etc/"))
                look_at_configuration(l, path);
}

static void look_at_files(struct look *l, const struct package *package, bool want_units)
{
        CLEANUP(map_done) struct map script = package_list_script(l->p->list, package);

        l->writes_var |= mentions_var(script.data, script.size);
        l->package = package;
        l->want_units = want_units;
        package_list_files(l->p->list, package, look_at_path, l);
}

/* The instances of `stem`@ that are wanted by the umbrella, which is how generators and administrators make them. */
static size_t find_instances(const struct look *l, const char *umbrella, struct buf *names, char ret[ID_UNIT_MAX + 1])
{
        static const char *const dirs[] = { "/run/systemd/generator", "/etc/systemd/system",
                                            "/usr/lib/systemd/system" };
        size_t stem = strlen(umbrella) - strlen(".service"), n = 0;

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                char path[ID_PATH_MAX];
                struct dirent *d;
                DIR *dir;

                snprintf(path, sizeof(path), "%s%s/%s.wants", l->p->root, dirs[i], umbrella);
                dir = opendir(path);
                while (dir && (d = readdir(dir))) {
                        if (strncmp(d->d_name, umbrella, stem) != 0 || d->d_name[stem] != '@' ||
                            !id_is_unit(d->d_name) || streq(d->d_name, ret))
                                continue;
                        buf_printf(names, "%s%s", n++ ? ", " : "", d->d_name);
                        snprintf(ret, ID_UNIT_MAX + 1, "%s", d->d_name);
                }
                if (dir)
                        closedir(dir);
        }
        for (size_t i = 0; i < l->n_candidates && n == 0;
             i++) /* tor ships its only one, and a generator wants it at boot */
                if (strncmp(l->candidates[i].name, umbrella, stem) == 0 && l->candidates[i].name[stem] == '@') {
                        memcpy(ret, l->candidates[i].name, sizeof(l->candidates[i].name));
                        n++;
                }
        return n;
}

static int ambiguous(struct err *e, const char *name, const char *what, struct buf *names)
{
        const char *all = names->data ? names->data : "";
        CLEANUP(freep) char *first = xstrndup(all, strcspn(all, ","));

        return err_set(e, -ENOTUNIQ, "ErrImagePull",
                       "package %s has several %s and none is clearly the one: %s; choose, in the pod: " ANNOTATIONS,
                       name, what, all, first);
}

/* A template needs a name for its instance, which only the pod's author knows. */
static void tell_template(const struct look *l, const char *what, struct package_image *ret)
{
        CLEANUP(freep)
        char *instance = xasprintf("%.*s@%s.service", (int)strcspn(l->template, "@"), l->template,
                                   l->for_user ? "USER" : "INSTANCE");

        snprintf(ret->why, sizeof(ret->why), "%.150s; write, in the pod: " ANNOTATIONS, what, instance);
}

/* What else starts them, for a package that has nothing but such services. */
static void tell_started(const struct look *l, struct package_image *ret)
{
        const struct unit_candidate *c = &l->candidates[0];
        CLEANUP(freep) char *what = xasprintf("it has no daemon, %.60s starts %.60s", c->starter, c->name);

        if (l->template[0])
                tell_template(l, what, ret);
        else
                snprintf(ret->why, sizeof(ret->why),
                         "%.150s; write that unit, in the pod: " ANNOTATIONS
                         ", or as image the package of its source that has the daemon (apt-cache showsrc %.60s)",
                         what, c->name, l->related[0].source);
}

static void mark_started(struct look *l)
{
        for (size_t i = 0; i < l->n_candidates; i++)
                for (size_t k = 0; k < l->n_starters; k++)
                        if (streq(l->starters[k].service, l->candidates[i].name))
                                memcpy(l->candidates[i].starter, l->starters[k].name, sizeof(l->starters[k].name));
        unit_relate(l->candidates, l->n_candidates);
}

static bool has_daemon(const struct look *l)
{
        for (size_t i = 0; i < l->n_candidates; i++)
                if (!l->candidates[i].starter[0])
                        return true;
        return l->n_candidates == 0;
}

/* The daemon of a package that has none may be in another one of its source, which depends on it (spamassassin: spamd).
 */
static void look_for_daemon(struct look *l)
{
        struct package family[RELATED_MAX];

        for (size_t i = 0; i < packages_count(l->p) && !l->template[0]; i++) {
                struct package p = packages_at(l->p, i);
                size_t n = streq(p.source, l->related[0].source)
                                   ? package_list_related(l->p->list, p.name, family, RELATED_MAX)
                                   : 0;

                for (size_t k = 1; k < n; k++)
                        if (streq(family[k].name, l->name))
                                look_at_files(l, &p, true);
        }
        mark_started(l);
}

/* Which of the packages that helper/install.sh has noted beside it is named as a daemon: the only one, if it is not
 * installed. */
static void find_daemon(const struct look *l, struct package_image *ret)
{
        static const char *const endings[] = { "-server", "-daemon", "d" };
        CLEANUP(freep) char *path = xasprintf("%s" RELATIVES "/%s", l->p->root, l->name), *text = NULL;
        struct line relative;
        size_t size = 0, n = 0;

        if (file_read(path, RELATIVES_MAX, &text, &size, NULL) < 0)
                return;
        for (size_t pos = 0; next_line(text, size, &pos, &relative);) {
                char name[ID_PACKAGE_MAX + 1];
                bool is_daemon = false;

                if (!line_copy(relative, name, sizeof(name)) || !id_is_package(name))
                        continue;
                for (size_t i = 0; i < ARRAY_LEN(endings); i++)
                        is_daemon |= ends_with(name, endings[i]);
                if (is_daemon && n++ == 0)
                        memcpy(ret->daemon, name, sizeof(name));
        }
        if (n != 1 || packages_find(l->p, ret->daemon, NULL))
                ret->daemon[0] = '\0';
}

static int choose(const struct look *l, struct package_image *ret, struct err *e)
{
        CLEANUP(buf_done) struct buf names = BUF(700);
        char instance[ID_UNIT_MAX + 1] = "";
        const struct unit_candidate *c;
        const char *why;
        size_t n;
        int i;

        if (l->n_candidates == 0) {
                CLEANUP(freep) char *what = xasprintf("it has only a template, %s", l->template);

                if (l->template[0])
                        tell_template(l, what, ret);
                else
                        snprintf(ret->why, sizeof(ret->why), "it has no service");
                return 0;
        }
        i = unit_choose(l->name, l->candidates, l->n_candidates, &why);
        if (i == -ENOENT) {
                tell_started(l, ret);
                if (!l->template[0])
                        find_daemon(l, ret);
                return 0;
        }
        if (i < 0) {
                for (size_t k = 0; k < l->n_candidates; k++)
                        buf_printf(&names, "%s%s", k ? ", " : "", l->candidates[k].name);
                return ambiguous(e, l->name, "services", &names);
        }
        c = &l->candidates[i];
        if (c->umbrella && l->template[0]) {
                n = find_instances(l, c->name, &names, instance);
                if (n > 1)
                        return ambiguous(e, l->name, "instances", &names);
                if (n == 0) {
                        CLEANUP(freep)
                        char *what =
                                xasprintf("%.70s only stands for instances of a template, and there is none", c->name);

                        tell_template(l, what, ret);
                        return 0;
                }
                why = "it is the only instance of its template";
        }
        snprintf(ret->unit, sizeof(ret->unit), "%s", instance[0] ? instance : c->name);
        snprintf(ret->owner, sizeof(ret->owner), "%s", c->owner);
        snprintf(ret->why, sizeof(ret->why), "%s", why);
        return 0;
}

static int choose_given(const struct look *l, struct package_image *ret, struct err *e)
{
        CLEANUP(buf_done) struct buf names = BUF(700);

        for (size_t i = 0; i < l->n_candidates; i++) {
                const struct unit_candidate *c = &l->candidates[i];
                buf_printf(&names, "%s%s", i ? ", " : "", c->name);
                if (!streq(c->name, l->unit) && !streq(c->alias, l->unit))
                        continue;
                snprintf(ret->unit, sizeof(ret->unit), "%s", c->name);
                snprintf(ret->owner, sizeof(ret->owner), "%s", c->owner);
                snprintf(ret->why, sizeof(ret->why), "the pod asks for it");
                return 0;
        }
        return err_set(e, -ENOENT, "ErrImagePull",
                       "neither package %s nor what it pulls in from its source has the unit %s (they have: %s)",
                       l->name, l->unit, names.len ? names.data : "none");
}

struct program_search {
        const char *name;
        char *program; /* in struct package_image */
        size_t size;
};

static void find_program(void *userdata, const char *path)
{
        static const char *const dirs[] = { "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/" };
        struct program_search *s = userdata;

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                if (starts_with(path, dirs[i]) && streq(path + strlen(dirs[i]), s->name))
                        snprintf(s->program, s->size, "%s", path);
}

static void look_for_program(const struct look *l, struct package_image *ret)
{
        struct program_search s = { .name = l->name, .program = ret->program, .size = sizeof(ret->program) };

        package_list_files(l->p->list, &l->related[0], find_program, &s);
}

static void remember(struct packages *p, const char *name, const struct package_image *image)
{
        struct answer *a;

        p->answers = xrealloc(p->answers, p->n_answers + 1, sizeof(*p->answers));
        a = &p->answers[p->n_answers++];
        *a = (struct answer){ .image = *image };
        snprintf(a->name, sizeof(a->name), "%s", name);
}

static int look_at_image(struct packages *p, const char *name, const char *unit, struct package_image *ret,
                         struct err *e)
{
        CLEANUP(freep) struct look *l = NEW(struct look);
        int r;

        *ret = (struct package_image){ 0 };
        l->p = p;
        l->name = name;
        l->unit = unit;
        l->n_related = package_list_related(p->list, name, l->related, RELATED_MAX);
        if (!l->n_related)
                return err_set(e, -ENOENT, "ErrImagePull", "package %s is not installed", name);
        look_at_files(l, &l->related[0], true);
        for (size_t i = 1, own = l->n_candidates; i < l->n_related; i++)
                look_at_files(l, &l->related[i], unit || own == 0);
        mark_started(l);
        if (!unit && !has_daemon(l))
                look_for_daemon(l);
        r = unit ? choose_given(l, ret, e) : choose(l, ret, e);
        ret->writes_var = l->writes_var;
        if (r == 0 && !ret->unit[0])
                look_for_program(l, ret);
        if (r == 0 && !unit &&
            (ret->unit[0] || (l->n_candidates == 0 && !l->scripts))) /* instances come and go without dpkg */
                remember(p, name, ret);
        return r;
}

int packages_image(struct packages *p, const char *name, struct package_image *ret, struct err *e)
{
        for (size_t i = 0; i < p->n_answers; i++)
                if (streq(p->answers[i].name, name)) {
                        *ret = p->answers[i].image;
                        return 0;
                }
        return look_at_image(p, name, NULL, ret, e);
}

int packages_image_unit(struct packages *p, const char *name, const char *unit, struct package_image *ret,
                        struct err *e)
{
        return look_at_image(p, name, unit, ret, e);
}

/* ---- who brings a service ---------------------------------------------------------------------------------------- */

static bool is_service(const char *path)
{
        static const char *const dirs[] = { "/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/systemd/system/",
                                            "/etc/init.d/" };

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
                if (starts_with(path, dirs[i])) {
                        const char *name = path + strlen(dirs[i]);
                        return *name && !strchr(name, '/') && (i == 3 || (ends_with(name, ".service") && *name != '.'));
                }
        return false;
}

static void find_service(void *userdata, const char *path)
{
        bool *found = userdata;

        *found = *found || is_service(path);
}

/* The first package of that name, in the list's order. */
static size_t index_of(const struct packages *p, const char *name)
{
        size_t lo = 0, hi = packages_count(p);

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;
                if (strcmp(packages_at(p, mid).name, name) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

void packages_services(const struct packages *p, bool *ret)
{
        size_t n = packages_count(p), n_related;
        CLEANUP(freep) bool *own = xcalloc(n + 1, sizeof(*own));
        struct package related[RELATED_MAX];

        for (size_t i = 0; i < n; i++) {
                struct package package = packages_at(p, i);
                package_list_files(p->list, &package, find_service, &own[i]);
                ret[i] = own[i];
        }
        for (size_t i = 0; i < n; i++) {
                const char *name = packages_at(p, i).name;

                if (own[i] || starts_with(name, "lib"))
                        continue;
                n_related = package_list_related(p->list, name, related, RELATED_MAX);
                for (size_t k = 1; k < n_related && !ret[i]; k++)
                        ret[i] = own[index_of(p, related[k].name)];
        }
}
