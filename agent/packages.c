/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/file.h"
#include "common/mem.h"

enum {
        ARENA_MAX = 16 * 1024 * 1024,
        CANDIDATES_MAX = 64,
        RELATED_MAX = 32, /* packages that are looked at for one image */
        ARCHES_MAX = 8,
};

/* Strings are offsets into one arena: 28 bytes a package besides its words. */
struct entry {
        uint32_t name, version, source, arch;
        uint32_t paragraph; /* offset in the status file, for what is not kept */
        uint32_t size_kib;
};

struct answer {
        char name[ID_PACKAGE_MAX + 1];
        struct package_image image;
};

struct packages {
        char *root;
        struct buf arena;
        struct entry *entries; /* sorted by name */
        size_t n, room;
        uint32_t arches[ARCHES_MAX];
        size_t n_arches;
        struct stat seen; /* the status file when it was read; zeroes: never */
        struct answer *answers;
        size_t n_answers;
};

struct packages *packages_new(const char *root)
{
        struct packages *p = NEW(struct packages);

        p->root = xstrdup(root ? root : "");
        p->arena = BUF(ARENA_MAX);
        return p;
}

static void forget(struct packages *p)
{
        buf_done(&p->arena);
        free(p->entries);
        free(p->answers);
        p->entries = NULL;
        p->answers = NULL;
        p->n = p->room = p->n_arches = p->n_answers = 0;
}

struct packages *packages_free(struct packages *p)
{
        if (!p)
                return NULL;
        forget(p);
        free(p->root);
        free(p);
        return NULL;
}

/* ---- files as read-only memory ----------------------------------------------------------------------------------- */

/* dpkg replaces its files by rename(2) and never writes into one, so a mapping of one stays whole. */
struct map {
        char *data;
        size_t size;
};

static void map_done(struct map *m)
{
        if (m->size > 0)
                munmap(m->data, m->size);
        *m = (struct map){ 0 };
}

static int map_open(struct map *m, struct stat *st, const char *path)
{
        FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        void *data;

        *m = (struct map){ 0 };
        if (fd < 0)
                return -errno;
        if (fstat(fd, st) < 0)
                return -errno;
        if (!S_ISREG(st->st_mode) || st->st_size > UINT32_MAX)
                return -EINVAL;
        if (st->st_size == 0)
                return 0;
        data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        *m = (struct map){ data, (size_t)st->st_size };
        return 0;
}

static int map_dpkg_info(const struct packages *p, const struct package *package, const char *suffix, struct map *ret, struct stat *ret_stat)
{
        char path[ID_PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s.%s", p->root, package->name, suffix);
        r = map_open(ret, ret_stat, path);
        if (r != -ENOENT)
                return r;
        snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s:%s.%s", p->root, package->name, package->arch, suffix);
        return map_open(ret, ret_stat, path);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static const char *text_at(const struct packages *p, uint32_t offset)
{
        return p->arena.data + offset;
}

static uint32_t keep(struct packages *p, const char *s)
{
        uint32_t at = (uint32_t)p->arena.len;

        buf_add(&p->arena, s, strlen(s) + 1);
        return at;
}

static uint32_t keep_arch(struct packages *p, const char *arch)
{
        uint32_t at;

        for (size_t i = 0; i < p->n_arches; i++)
                if (streq(text_at(p, p->arches[i]), arch))
                        return p->arches[i];
        at = keep(p, arch);
        if (p->n_arches < ARCHES_MAX)
                p->arches[p->n_arches++] = at;
        return at;
}

static void add(void *userdata, const struct package *package, size_t offset)
{
        struct packages *p = userdata;
        struct entry e = { .paragraph = (uint32_t)offset, .size_kib = (uint32_t)(package->installed_size / 1024) };

        e.name = keep(p, package->name);
        e.version = keep(p, package->version);
        e.source = streq(package->source, package->name) ? e.name : keep(p, package->source);
        e.arch = keep_arch(p, package->arch);
        if (!buf_ok(&p->arena))
                return;
        if (p->n == p->room) {
                p->room = p->room ? p->room + p->room / 2 : 256;
                p->entries = xrealloc(p->entries, p->room, sizeof(*p->entries));
        }
        p->entries[p->n++] = e;
}

static int by_name(const void *a, const void *b, void *userdata)
{
        const struct entry *x = a, *y = b;

        return strcmp(text_at(userdata, x->name), text_at(userdata, y->name));
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int packages_refresh(struct packages *p, struct err *e)
{
        CLEANUP(map_done) struct map map = { 0 };
        char path[ID_PATH_MAX];
        struct stat st = { 0 };
        int r;

        snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", p->root);
        if (stat(path, &st) == 0 && unchanged(&st, &p->seen))
                return 0;
        r = map_open(&map, &st, path);
        if (r < 0)
                return err_errno(e, r, NULL, "cannot read %s", path);
        forget(p);
        status_scan(map.data, map.size, add, p);
        if (p->n > 0) {
                qsort_r(p->entries, p->n, sizeof(*p->entries), by_name, p);
                p->entries = xrealloc(p->entries, p->n, sizeof(*p->entries));
                p->arena.data = xrealloc(p->arena.data, p->arena.len + 1, 1);
                p->arena.size = p->arena.len + 1;
                p->room = p->n;
        }
        p->seen = st;
        return 1;
}

size_t packages_count(const struct packages *p)
{
        return p->n;
}

size_t packages_memory(const struct packages *p)
{
        return sizeof(*p) + p->arena.size + p->room * sizeof(*p->entries) + p->n_answers * sizeof(*p->answers);
}

/* The first entry of that name, or p->n. */
static size_t lower_bound(const struct packages *p, const char *name)
{
        size_t lo = 0, hi = p->n;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;
                if (strcmp(text_at(p, p->entries[mid].name), name) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

static const struct entry *find_entry(const struct packages *p, const char *name)
{
        size_t first = lower_bound(p, name), end = first, dpkg;

        while (end < p->n && streq(text_at(p, p->entries[end].name), name))
                end++;
        if (first == end)
                return NULL;
        if (end - first > 1) { /* several architectures: dpkg's own is the machine's */
                dpkg = lower_bound(p, "dpkg");
                for (size_t i = first; dpkg < p->n && i < end; i++)
                        if (p->entries[i].arch == p->entries[dpkg].arch)
                                return &p->entries[i];
        }
        return &p->entries[first];
}

static struct package package_of(const struct packages *p, const struct entry *e)
{
        return (struct package){ text_at(p, e->name), text_at(p, e->version), text_at(p, e->arch), text_at(p, e->source),
                                 (uint64_t)e->size_kib * 1024 };
}

struct package packages_at(const struct packages *p, size_t i)
{
        return package_of(p, &p->entries[i]);
}

bool packages_find(const struct packages *p, const char *name, struct package *ret)
{
        const struct entry *e = find_entry(p, name);

        if (e && ret)
                *ret = package_of(p, e);
        return e;
}

bool packages_sha256(const struct packages *p, const struct package *package, char ret[static 65])
{
        CLEANUP(freep) char *path = xasprintf("%s/var/lib/vks/installed/%s", p->root, package->name), *text = NULL;
        CLEANUP(map_done) struct map list = { 0 };
        struct stat st = { 0 };
        char unpacked[40];
        size_t size = 0;

        if (file_read(path, 128, &text, &size, NULL) < 0 || size < 64 || map_dpkg_info(p, package, "list", &list, &st) < 0)
                return false;
        snprintf(unpacked, sizeof(unpacked), " %lld.%09ld\n", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
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
        size_t base; /* length of the name without its release: postgresql of postgresql-15 */
        struct package related[RELATED_MAX];
        uint32_t paragraphs[RELATED_MAX];
        size_t n_related;
        struct unit_candidate candidates[CANDIDATES_MAX];
        size_t n_candidates;
        char template[ID_UNIT_MAX + 1]; /* the first one seen */
        bool writes_var;
        bool scripts; /* there are init scripts: what the generator makes of them comes and goes without dpkg */
};

/* "/usr/lib/systemd/system/x.service" -> "x.service", NULL for what is none. */
static const char *unit_of_path(const char *path)
{
        static const char dir[] = "/lib/systemd/system/";
        const char *s = starts_with(path, "/usr/") ? path + 4 : path;

        if (!starts_with(s, dir))
                return NULL;
        s += sizeof(dir) - 1;
        return id_is_unit(s) ? s : NULL;
}

static void look_at_unit(struct look *l, const struct package *package, const char *path, const char *unit)
{
        CLEANUP(map_done) struct map map = { 0 };
        struct unit_candidate *c = &l->candidates[l->n_candidates];
        char full[ID_PATH_MAX];
        struct stat st = { 0 };

        if (strstr(unit, "@.service")) {
                if (!l->template[0])
                        snprintf(l->template, sizeof(l->template), "%s", unit);
                if (!l->unit || strncmp(l->unit, unit, strcspn(unit, "@") + 1) != 0)
                        return;
                unit = l->unit;
        }
        snprintf(full, sizeof(full), "%s%s", l->p->root, path);
        if (l->n_candidates == CANDIDATES_MAX || lstat(full, &st) < 0 || !S_ISREG(st.st_mode) || map_open(&map, &st, full) < 0)
                return;
        *c = (struct unit_candidate){ .own = package == &l->related[0] };
        snprintf(c->name, sizeof(c->name), "%s", unit);
        snprintf(c->owner, sizeof(c->owner), "%s", package->name);
        unit_scan(map.data, map.size, c);
        l->writes_var |= c->state;
        l->n_candidates++;
}

/* An init script is a unit when systemd-sysv-generator(8) has made one of it, which it does where the package brings none of that name. */
static void look_at_script(struct look *l, const struct package *package, const char *script)
{
        char path[ID_PATH_MAX], unit[ID_UNIT_MAX + 1];
        size_t before = l->n_candidates;

        l->scripts = true;
        if (snprintf(unit, sizeof(unit), "%s.service", script) >= (int)sizeof(unit) || !id_is_unit(unit) || strchr(unit, '@'))
                return;
        snprintf(path, sizeof(path), "/run/systemd/generator.late/%s", unit);
        look_at_unit(l, package, path, unit);
        if (l->n_candidates > before)
                l->candidates[before].multi_user = true;
}

static void look_at_tmpfiles(struct look *l, const char *path)
{
        CLEANUP(map_done) struct map map = { 0 };
        char full[ID_PATH_MAX];
        struct stat st = { 0 };

        snprintf(full, sizeof(full), "%s%s", l->p->root, path);
        if (map_open(&map, &st, full) == 0)
                l->writes_var |= mentions_var(map.data, map.size);
}

static void look_at_files(struct look *l, const struct package *package, bool want_units)
{
        CLEANUP(map_done) struct map list = { 0 }, postinst = { 0 };
        struct stat st = { 0 };
        const char *end;

        if (map_dpkg_info(l->p, package, "postinst", &postinst, &st) == 0)
                l->writes_var |= mentions_var(postinst.data, postinst.size);
        if (map_dpkg_info(l->p, package, "list", &list, &st) < 0)
                return;
        l->writes_var |= mentions_var(list.data, list.size);
        for (const char *s = list.data, *stop = s + list.size; s < stop; s = end + 1) {
                char path[ID_PATH_MAX];
                const char *unit;

                end = memchr(s, '\n', (size_t)(stop - s));
                if (!end)
                        end = stop;
                if ((size_t)(end - s) >= sizeof(path))
                        continue;
                memcpy(path, s, (size_t)(end - s));
                path[end - s] = '\0';
                unit = unit_of_path(path);
                if (unit && want_units)
                        look_at_unit(l, package, path, unit);
                else if (want_units && starts_with(path, "/etc/init.d/"))
                        look_at_script(l, package, path + strlen("/etc/init.d/"));
                else if (starts_with(path, "/usr/lib/tmpfiles.d/") && ends_with(path, ".conf"))
                        look_at_tmpfiles(l, path);
        }
}

static bool relate(struct look *l, const struct entry *e)
{
        struct package package;

        if (!e || l->n_related == RELATED_MAX)
                return false;
        package = package_of(l->p, e);
        for (size_t i = 0; i < l->n_related; i++)
                if (streq(l->related[i].name, package.name))
                        return false;
        l->related[l->n_related] = package;
        l->paragraphs[l->n_related++] = e->paragraph;
        return true;
}

/* Follows one Depends field: what is of the same source, or is named after the image (postgresql -> postgresql-15 -> postgresql-common), belongs to it. */
static void relate_depends(struct look *l, const char *source, const char *s, const char *end)
{
        char name[ID_PACKAGE_MAX + 1];

        while (s < end) {
                const struct entry *e;
                size_t n = 0;

                while (s < end && (*s == ' ' || *s == ',' || *s == '|'))
                        s++;
                while (s + n < end && n < ID_PACKAGE_MAX && !strchr(" ,|:(\n", s[n]))
                        n++;
                snprintf(name, sizeof(name), "%.*s", (int)n, s);
                e = find_entry(l->p, name);
                if (e && (streq(text_at(l->p, e->source), source) || (strncmp(name, l->name, l->base) == 0 && name[l->base] == '-')))
                        relate(l, e);
                s += n;
                while (s < end && *s != ',' && *s != '|') /* version and architecture */
                        s++;
        }
}

/* Depends are not kept in memory but read where they stand. */
static void relate_all(struct look *l)
{
        static const char *const fields[] = { "Depends: ", "Pre-Depends: " };
        CLEANUP(map_done) struct map map = { 0 };
        char path[ID_PATH_MAX];
        struct stat st = { 0 };

        snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", l->p->root);
        if (map_open(&map, &st, path) < 0 || !unchanged(&st, &l->p->seen))
                return;
        for (size_t i = 0; i < l->n_related; i++) {
                const char *s = map.data + l->paragraphs[i], *stop = map.data + map.size, *end;

                for (; s < stop && *s != '\n'; s = end + 1) {
                        end = memchr(s, '\n', (size_t)(stop - s));
                        if (!end)
                                end = stop;
                        for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
                                size_t n = strlen(fields[k]);
                                if ((size_t)(end - s) > n && memcmp(s, fields[k], n) == 0)
                                        relate_depends(l, l->related[i].source, s + n, end);
                        }
                }
        }
}

static size_t base_size(const char *name)
{
        size_t n = strlen(name), k = n;

        while (k > 0 && strchr("0123456789.", name[k - 1]))
                k--;
        return k > 1 && k < n && name[k - 1] == '-' ? k - 1 : n;
}

/* The instances of `stem`@ that are wanted by the umbrella, which is how generators and administrators make them. */
static size_t find_instances(const struct look *l, const char *umbrella, struct buf *names, char ret[ID_UNIT_MAX + 1])
{
        static const char *const dirs[] = { "/run/systemd/generator", "/etc/systemd/system", "/usr/lib/systemd/system" };
        size_t stem = strlen(umbrella) - strlen(".service"), n = 0;

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                char path[ID_PATH_MAX];
                struct dirent *d;
                DIR *dir;

                snprintf(path, sizeof(path), "%s%s/%s.wants", l->p->root, dirs[i], umbrella);
                dir = opendir(path);
                while (dir && (d = readdir(dir))) {
                        if (strncmp(d->d_name, umbrella, stem) != 0 || d->d_name[stem] != '@' || !id_is_unit(d->d_name) || streq(d->d_name, ret))
                                continue;
                        buf_printf(names, "%s%s", n++ ? ", " : "", d->d_name);
                        snprintf(ret, ID_UNIT_MAX + 1, "%s", d->d_name);
                }
                if (dir)
                        closedir(dir);
        }
        for (size_t i = 0; i < l->n_candidates && n == 0; i++) /* tor ships its only one, and a generator wants it at boot */
                if (strncmp(l->candidates[i].name, umbrella, stem) == 0 && l->candidates[i].name[stem] == '@') {
                        memcpy(ret, l->candidates[i].name, sizeof(l->candidates[i].name));
                        n++;
                }
        return n;
}

static int ambiguous(struct err *e, const char *name, const char *what, struct buf *names)
{
        return err_set(e, -ENOTUNIQ, "ErrImagePull", "package %s has several %s and none is clearly the one: %s", name, what,
                       names->data ? names->data : "");
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
                if (l->template[0])
                        snprintf(ret->why, sizeof(ret->why), "it has only a template, %.100s", l->template);
                else
                        snprintf(ret->why, sizeof(ret->why), "it has no service");
                return 0;
        }
        i = unit_choose(l->name, l->candidates, l->n_candidates, &why);
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
                        snprintf(ret->why, sizeof(ret->why), "%.70s only stands for instances of a template, and there is none", c->name);
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
        return err_set(e, -ENOENT, "ErrImagePull", "neither package %s nor what it pulls in from its source has the unit %s (they have: %s)", l->name,
                       l->unit, names.len ? names.data : "none");
}

static void remember(struct packages *p, const char *name, const struct package_image *image)
{
        struct answer *a;

        p->answers = xrealloc(p->answers, p->n_answers + 1, sizeof(*p->answers));
        a = &p->answers[p->n_answers++];
        *a = (struct answer){ .image = *image };
        snprintf(a->name, sizeof(a->name), "%s", name);
}

static int look_at_image(struct packages *p, const char *name, const char *unit, struct package_image *ret, struct err *e)
{
        CLEANUP(freep) struct look *l = NEW(struct look);
        int r;

        *ret = (struct package_image){ 0 };
        l->p = p;
        l->name = name;
        l->unit = unit;
        l->base = base_size(name);
        if (!relate(l, find_entry(p, name)))
                return err_set(e, -ENOENT, "ErrImagePull", "package %s is not installed", name);
        relate_all(l);
        look_at_files(l, &l->related[0], true);
        for (size_t i = 1, own = l->n_candidates; i < l->n_related; i++)
                look_at_files(l, &l->related[i], unit || own == 0);
        r = unit ? choose_given(l, ret, e) : choose(l, ret, e);
        ret->writes_var = l->writes_var;
        if (r == 0 && !unit && (ret->unit[0] || (l->n_candidates == 0 && !l->scripts))) /* instances come and go without dpkg */
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

int packages_image_unit(struct packages *p, const char *name, const char *unit, struct package_image *ret, struct err *e)
{
        return look_at_image(p, name, unit, ret, e);
}

/* ---- who brings a service ---------------------------------------------------------------------------------------- */

static bool is_service(const char *path, size_t n)
{
        static const char *const dirs[] = { "/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/init.d/" };
        static const char ending[] = ".service";

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                size_t k = strlen(dirs[i]);
                if (n > k && memcmp(path, dirs[i], k) == 0 && !memchr(path + k, '/', n - k))
                        return i == 2 || (n > k + strlen(ending) && memcmp(path + n - strlen(ending), ending, strlen(ending)) == 0);
        }
        return false;
}

static bool brings_service(const struct packages *p, size_t i)
{
        CLEANUP(map_done) struct map list = { 0 };
        struct package package = packages_at(p, i);
        bool found = false;

        if (map_dpkg_info(p, &package, "list", &list) < 0)
                return false;
        for (const char *s = list.data, *stop = s + list.size, *end; s < stop && !found; s = end + 1) {
                end = memchr(s, '\n', (size_t)(stop - s));
                end = end ? end : stop;
                found = is_service(s, (size_t)(end - s));
        }
        return found;
}

void packages_services(const struct packages *p, bool *ret)
{
        CLEANUP(freep) struct look *l = NEW(struct look);
        CLEANUP(freep) bool *own = xcalloc(p->n + 1, sizeof(*own));

        for (size_t i = 0; i < p->n; i++)
                ret[i] = own[i] = brings_service(p, i);
        for (size_t i = 0; i < p->n; i++) {
                const char *name = text_at(p, p->entries[i].name);

                if (own[i] || starts_with(name, "lib"))
                        continue;
                l->p = p;
                l->name = name;
                l->base = base_size(name);
                l->n_related = 0;
                relate(l, &p->entries[i]);
                relate_all(l);
                for (size_t k = 1; k < l->n_related && !ret[i]; k++)
                        ret[i] = own[find_entry(p, l->related[k].name) - p->entries];
        }
}
