/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/content_own.h"

#include <errno.h>

#include "agent/lib/json.h"
#include "agent/pod/hosts.h"
#include "agent/pod/resolv.h"
#include "common/file.h"
#include "common/mem.h"
#include "proto/hash.h"

static int add_file(Vks__Fill *fill, const char *path, const void *data, size_t size, uint32_t mode, uint64_t *hash,
                    struct err *e)
{
        Vks__File *f;

        for (size_t i = 0; i < fill->n_files; i++)
                if (streq(fill->files[i]->path,
                          path)) /* sources of a projected volume must not clash, later ones would win */
                        return err_set(e, -EINVAL, "FailedMount", "volumes{%s}: two sources give a file \"%s\"",
                                       fill->volume, path);
        f = NEW(Vks__File);
        vks__file__init(f);
        f->path = xstrdup(path);
        f->content.data = xmemdup(data, size);
        f->content.len = size;
        f->mode = mode;
        fill->files = xrealloc(fill->files, fill->n_files + 1, sizeof(*fill->files));
        fill->files[fill->n_files++] = f;
        *hash = hash_bytes(*hash, path, strlen(path) + 1);
        *hash = hash_bytes(*hash, &mode, sizeof(mode));
        *hash = hash_bytes(*hash, data, size);
        return 0;
}

static int add_object(const struct content *c, const struct volume_item *it, Vks__Fill *fill, uint64_t *hash,
                      struct err *e)
{
        struct object *o;
        const void *data;
        size_t size;
        int r = content_need(c, it->kind, it->object, it->optional, "FailedMount", &o, e);

        if (r <= 0)
                return r;
        if (!it->path) {
                for (size_t i = 0; i < object_n_keys(o) && r >= 0; i++) {
                        const char *key = object_key(o, i, &data, &size);
                        r = add_file(fill, key, data, size, it->mode, hash, e);
                }
                return r;
        }
        if (object_get(o, it->text ? it->text : "", &data, &size) < 0)
                return it->optional ? 0
                                    : err_set(e, -EAGAIN, "FailedMount", "%s \"%s\" has no key \"%s\"",
                                              it->kind == SOURCE_SECRET ? "secret" : "configmap", it->object,
                                              it->text ? it->text : "");
        return add_file(fill, it->path, data, size, it->mode, hash, e);
}

static size_t tokens_before(const struct pod *p, size_t volume)
{
        size_t n = 0;

        for (size_t i = 0; i < volume; i++)
                for (size_t k = 0; k < p->volumes[i].n_items; k++)
                        n += p->volumes[i].items[k].kind == SOURCE_TOKEN;
        return n;
}

static char *hosts_of_pod(const struct pod *p, const char *machines, const char *aliases, const struct pod_node *node)
{
        CLEANUP(freep)
        char *domain =
                p->subdomain ? xasprintf("%s.%s.svc.%s", p->subdomain, p->id.namespace, node->cluster_domain) : NULL;
        const struct hosts_own own = {
                .name = p->hostname, .domain = domain, .addresses = { node->ip, node->other_ip }, .aliases = aliases
        };

        return hosts_text(machines, &own);
}

/* A file of the machine's with what the pod has of its own for it. */
static int add_machines(const struct pod *p, const struct volume_item *it, const struct pod_node *node, Vks__Fill *fill,
                        uint64_t *hash, struct err *e)
{
        const bool hosts = it->kind == SOURCE_HOSTS;
        const char *path = hosts ? HOSTS_PATH : RESOLV_PATH;
        CLEANUP(freep) char *machines = NULL, *text = NULL;
        size_t size;
        int r = it->alone ? 0 : file_read(path, hosts ? HOSTS_MAX : RESOLV_MAX, &machines, &size, e);

        if (r < 0 && r != -ENOENT)
                return err_set(e, -EAGAIN, "FailedMount", "the machine's %s cannot be read", path);
        text = hosts ? hosts_of_pod(p, machines ? machines : "", it->text, node)
                     : resolv_text(machines ? machines : "", it->text);
        return add_file(fill, it->path, text, strlen(text), it->mode, hash, e);
}

int content_fill(const struct content *c, const struct pod *p, size_t volume, const struct pod_node *node,
                 Vks__Fill **ret, uint64_t *ret_hash, struct err *e)
{
        const struct volume *v = &p->volumes[volume];
        Vks__Fill *fill = NEW(Vks__Fill);
        uint64_t hash = HASH_START;
        size_t token = tokens_before(p, volume);
        int r = 0;

        vks__fill__init(fill);
        fill->pod = content_pod(&p->id);
        fill->volume = xstrdup(v->name);
        fill->group = content_fs_group(p);
        for (size_t i = 0; i < v->n_items && r >= 0; i++) {
                const struct volume_item *it = &v->items[i];
                if (content_is_object(it->kind)) {
                        r = add_object(c, it, fill, &hash, e);
                } else if (it->kind == SOURCE_FIELD || it->kind == SOURCE_RESOURCE) {
                        CLEANUP(freep)
                        char *value = content_downward(p, it->kind, it->object, it->text, it->divisor, node);
                        size_t size = value ? strlen(value) : 0;
                        if (value)
                                json_bytes(value, size);
                        r = add_file(fill, it->path, value ? value : "", size, it->mode, &hash, e);
                } else if (it->kind == SOURCE_HOSTS || it->kind == SOURCE_RESOLV) {
                        r = add_machines(p, it, node, fill, &hash, e);
                } else {
                        struct err why = ERR_NONE;
                        const char *value = token_value(c->tokens[token++], &why);
                        if (value)
                                r = add_file(fill, it->path, value, strlen(value), it->mode, &hash, e);
                        else
                                r = err_set(e, -EAGAIN, why.code ? "FailedMount" : "",
                                            "token of service account \"%s\": %s",
                                            p->service_account ? p->service_account : "default",
                                            why.code ? why.text : "has not arrived yet");
                }
        }
        if (r < 0) {
                content_fill_free(fill);
                return r;
        }
        *ret = fill;
        *ret_hash = hash;
        return 0;
}

Vks__Fill *content_fill_free(Vks__Fill *fill)
{
        for (size_t i = 0; fill && i < fill->n_files; i++)
                explicit_bzero(fill->files[i]->content.data, fill->files[i]->content.len);
        if (fill)
                vks__fill__free_unpacked(fill, NULL);
        return NULL;
}
