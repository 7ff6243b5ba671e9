/* SPDX-License-Identifier: Apache-2.0 */
/* package_manager.h, what is installed: dpkg's own files, of which names and versions are kept. */
#include "agent/packages/dpkg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/lib/lines.h"
#include "common/buf.h"
#include "common/mem.h"

enum {
        ARENA_MAX = 16 * 1024 * 1024,
        ARCHES_MAX = 8,
        RELATED_MAX = 32,
};

/* ---- the status file --------------------------------------------------------------------------------------------- */

/* The third word of Status: what is unpacked and configured, pending triggers or not (dpkg(1), PACKAGE STATES). */
static bool is_installed(struct line status)
{
        struct line state;

        (void)line_word(&status);
        (void)line_word(&status);
        state = line_word(&status);
        return line_is(state, "installed") || line_is(state, "triggers-pending") || line_is(state, "triggers-awaited");
}

struct paragraph {
        char name[ID_PACKAGE_MAX + 1], source[ID_PACKAGE_MAX + 1], version[ID_VERSION_MAX + 1], arch[32];
        uint64_t size;
        bool installed;
        size_t offset;
};

static void paragraph_line(struct paragraph *p, struct line l)
{
        struct line v;
        char number[24];

        if (line_field(l, "Package", ':', &v))
                line_copy(v, p->name, sizeof(p->name));
        else if (line_field(l, "Status", ':', &v))
                p->installed = is_installed(v);
        else if (line_field(l, "Version", ':', &v))
                line_copy(v, p->version, sizeof(p->version));
        else if (line_field(l, "Architecture", ':', &v))
                line_copy(v, p->arch, sizeof(p->arch));
        else if (line_field(l, "Source", ':', &v))
                line_copy(line_word(&v), p->source, sizeof(p->source)); /* "nginx (1.22.1-9)" */
        else if (line_field(l, "Installed-Size", ':', &v) && line_copy(v, number, sizeof(number)))
                p->size = strtoull(number, NULL, 10) & UINT32_MAX; /* KiB */
}

static void paragraph_end(const struct paragraph *p, void (*each)(void *, const struct package *, size_t),
                          void *userdata)
{
        struct package package = { p->name, p->version, p->arch, p->source[0] ? p->source : p->name, p->size * 1024 };

        if (p->installed && id_is_package(p->name) && id_is_version(p->version))
                each(userdata, &package, p->offset);
}

void status_scan(const char *text, size_t size,
                 void (*each)(void *userdata, const struct package *package, size_t offset), void *userdata)
{
        struct paragraph p = { 0 };
        struct line l;

        for (size_t pos = 0; next_line(text, size, &pos, &l);) {
                if (l.n == 0) {
                        paragraph_end(&p, each, userdata);
                        p = (struct paragraph){ .offset = pos };
                } else if (l.s[0] != ' ' && l.s[0] != '\t') {
                        paragraph_line(&p, l);
                }
        }
        paragraph_end(&p, each, userdata);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* Strings are offsets into one arena: 28 bytes a package besides its words. */
struct entry {
        uint32_t name, version, source, arch;
        uint32_t paragraph; /* offset in the status file, for what is not kept */
        uint32_t size_kib;
};

struct package_list {
        char *root;
        struct buf arena;
        struct entry *entries; /* sorted by name */
        size_t n, room;
        uint32_t arches[ARCHES_MAX];
        size_t n_arches;
        struct stat seen; /* the status file when it was read; zeroes: never */
};

struct package_list *package_list_new(const char *root)
{
        struct package_list *p = NEW(struct package_list);

        p->root = xstrdup(root);
        p->arena = BUF(ARENA_MAX);
        return p;
}

static void forget(struct package_list *p)
{
        buf_done(&p->arena);
        free(p->entries);
        p->entries = NULL;
        p->n = p->room = p->n_arches = 0;
}

struct package_list *package_list_free(struct package_list *p)
{
        if (!p)
                return NULL;
        forget(p);
        free(p->root);
        free(p);
        return NULL;
}

static const char *text_at(const struct package_list *p, uint32_t offset)
{
        return p->arena.data + offset;
}

static uint32_t keep(struct package_list *p, const char *s)
{
        uint32_t at = (uint32_t)p->arena.len;

        buf_add(&p->arena, s, strlen(s) + 1);
        return at;
}

static uint32_t keep_arch(struct package_list *p, const char *arch)
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
        struct package_list *p = userdata;
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

/* dpkg replaces its files by rename(2) and never writes into one. */
int package_list_refresh(struct package_list *p, struct err *e)
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

size_t package_list_count(const struct package_list *p)
{
        return p->n;
}

size_t package_list_memory(const struct package_list *p)
{
        return sizeof(*p) + p->arena.size + p->room * sizeof(*p->entries);
}

/* The first entry of that name, or p->n. */
static size_t lower_bound(const struct package_list *p, const char *name)
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

static const struct entry *find_entry(const struct package_list *p, const char *name)
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

static struct package package_of(const struct package_list *p, const struct entry *e)
{
        return (struct package){ text_at(p, e->name), text_at(p, e->version), text_at(p, e->arch),
                                 text_at(p, e->source), (uint64_t)e->size_kib * 1024 };
}

struct package package_list_at(const struct package_list *p, size_t i)
{
        return package_of(p, &p->entries[i]);
}

bool package_list_find(const struct package_list *p, const char *name, struct package *ret)
{
        const struct entry *e = find_entry(p, name);

        if (e && ret)
                *ret = package_of(p, e);
        return e;
}

/* ---- what belongs together --------------------------------------------------------------------------------------- */

struct family {
        const struct package_list *p;
        const char *name;
        size_t base; /* length of the name without its release: postgresql of postgresql-15 */
        const struct entry *entries[RELATED_MAX];
        size_t n;
};

static void relate(struct family *f, const struct entry *e)
{
        if (f->n == RELATED_MAX)
                return;
        for (size_t i = 0; i < f->n; i++)
                if (streq(text_at(f->p, f->entries[i]->name), text_at(f->p, e->name)))
                        return;
        f->entries[f->n++] = e;
}

/* Follows one Depends field. */
static void relate_depends(struct family *f, const char *source, const char *s, const char *end)
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
                e = find_entry(f->p, name);
                if (e && (streq(text_at(f->p, e->source), source) ||
                          (strncmp(name, f->name, f->base) == 0 && name[f->base] == '-')))
                        relate(f, e);
                s += n;
                while (s < end && *s != ',' && *s != '|') /* version and architecture */
                        s++;
        }
}

/* Depends are not kept in memory but read where they stand. */
static void relate_all(struct family *f)
{
        static const char *const fields[] = { "Depends: ", "Pre-Depends: " };
        CLEANUP(map_done) struct map map = { 0 };
        char path[ID_PATH_MAX];
        struct stat st = { 0 };

        snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", f->p->root);
        if (map_open(&map, &st, path) < 0 || !unchanged(&st, &f->p->seen))
                return;
        for (size_t i = 0; i < f->n; i++) {
                const char *s = map.data + f->entries[i]->paragraph, *stop = map.data + map.size, *end;

                for (; s < stop && *s != '\n'; s = end + 1) {
                        end = memchr(s, '\n', (size_t)(stop - s));
                        if (!end)
                                end = stop;
                        for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
                                size_t n = strlen(fields[k]);
                                if ((size_t)(end - s) > n && memcmp(s, fields[k], n) == 0)
                                        relate_depends(f, text_at(f->p, f->entries[i]->source), s + n, end);
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

size_t package_list_related(const struct package_list *p, const char *name, struct package *ret, size_t max)
{
        struct family f = { .p = p, .name = name, .base = base_size(name) };
        const struct entry *e = find_entry(p, name);
        size_t n = 0;

        if (!e)
                return 0;
        relate(&f, e);
        relate_all(&f);
        for (; n < f.n && n < max; n++)
                ret[n] = package_of(p, f.entries[n]);
        return n;
}

/* ---- one package ------------------------------------------------------------------------------------------------- */

static int map_info(const struct package_list *l, const struct package *p, const char *suffix, struct map *ret,
                    struct stat *ret_stat)
{
        char path[ID_PATH_MAX];
        int r;

        snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s.%s", l->root, p->name, suffix);
        r = map_open(ret, ret_stat, path);
        if (r != -ENOENT)
                return r;
        snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s:%s.%s", l->root, p->name, p->arch, suffix);
        return map_open(ret, ret_stat, path);
}

static void each_line(const struct map *list, void (*each)(void *userdata, const char *path), void *userdata)
{
        char path[ID_PATH_MAX];
        struct line line;

        for (size_t pos = 0; next_line(list->data, list->size, &pos, &line);)
                if (line_copy(line, path, sizeof(path)))
                        each(userdata, path);
}

void package_list_files(const struct package_list *l, const struct package *p,
                        void (*each)(void *userdata, const char *path), void *userdata)
{
        CLEANUP(map_done) struct map list = { 0 }, made = { 0 };
        char path[ID_PATH_MAX];

        if (map_info(l, p, "list", &list, NULL) < 0)
                return;
        each_line(&list, each, userdata);
        snprintf(path, sizeof(path), "%s/var/lib/vks/units/%s", l->root, p->name);
        if (map_open(&made, NULL, path) == 0)
                each_line(&made, each, userdata);
}

/* dpkg writes the list of files anew whenever it unpacks. */
bool package_list_unpacked(const struct package_list *l, const struct package *p, struct timespec *ret)
{
        CLEANUP(map_done) struct map list = { 0 };
        struct stat st = { 0 };

        if (map_info(l, p, "list", &list, &st) < 0)
                return false;
        *ret = st.st_mtim;
        return true;
}

struct map package_list_script(const struct package_list *l, const struct package *p)
{
        struct map m = { 0 };

        (void)map_info(l, p, "postinst", &m, NULL);
        return m;
}
