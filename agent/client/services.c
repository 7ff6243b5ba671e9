/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/services.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include <uthash.h>

#include "agent/client/watch.h"
#include "agent/lib/json.h"
#include "common/log.h"
#include "common/mem.h"

enum { PORTS_MAX = 100, NAME_MAX_BYTES = 63 }; /* what an API server lets through; more is left out */

struct port {
        char *name; /* "" : none */
        char protocol[8];
        uint16_t number;
};

struct service {
        char *name;
        char *ip;
        struct port *ports;
        size_t n_ports;
        bool seen; /* in the list that is under way */
        UT_hash_handle hh;
};

struct space { /* a namespace that has some */
        char *name;
        struct service *services;
        UT_hash_handle hh;
};

struct services {
        struct watch *watch;
        struct space *spaces;
        bool known, denied;
        void (*changed)(void *userdata, const char *namespace);
        void *userdata;
};

static void service_free(struct service *v)
{
        for (size_t i = 0; i < v->n_ports; i++)
                free(v->ports[i].name);
        free(v->ports);
        free(v->ip);
        free(v->name);
        free(v);
}

/* ---- what the watch brings --------------------------------------------------------------------------------------- */

static void tell(const struct services *s, const char *namespace)
{
        if (s->known)
                s->changed(s->userdata, namespace);
}

static struct space *space_find(const struct services *s, const char *namespace)
{
        struct space *p = NULL;

        HASH_FIND_STR(s->spaces, namespace, p);
        return p;
}

static struct space *space_make(struct services *s, const char *namespace)
{
        struct space *p = space_find(s, namespace);

        if (p)
                return p;
        p = NEW(struct space);
        p->name = xstrdup(namespace);
        HASH_ADD_KEYPTR(hh, s->spaces, p->name, strlen(p->name), p);
        return p;
}

static void drop(struct services *s, struct space *p, struct service *v)
{
        HASH_DEL(p->services, v);
        service_free(v);
        tell(s, p->name);
        if (p->services)
                return;
        HASH_DEL(s->spaces, p);
        free(p->name);
        free(p);
}

/* NULL where it has no address of its own. */
static struct service *parse(const cJSON *object, const char *name)
{
        const cJSON *spec = json_get(object, "spec"), *port;
        const char *ip = json_str(spec, "clusterIP");
        struct service *v;

        if (!ip || !*ip || streq(ip, "None"))
                return NULL;
        v = NEW(struct service);
        v->name = xstrdup(name);
        v->ip = xstrdup(ip);
        v->ports = xcalloc(PORTS_MAX, sizeof(*v->ports));
        cJSON_ArrayForEach (port, json_get(spec, "ports")) {
                const char *port_name = json_str(port, "name"), *protocol = json_str(port, "protocol");
                int64_t number = json_int(port, "port", 0);

                if (v->n_ports == PORTS_MAX || number < 1 || number > UINT16_MAX)
                        continue;
                v->ports[v->n_ports] =
                        (struct port){ .name = xstrdup(port_name ? port_name : ""), .number = (uint16_t)number };
                snprintf(v->ports[v->n_ports].protocol, sizeof(v->ports[v->n_ports].protocol), "%s",
                         protocol ? protocol : "TCP");
                v->n_ports++;
        }
        v->ports = xrealloc(v->ports, v->n_ports + 1, sizeof(*v->ports));
        return v;
}

static bool same(const struct service *a, const struct service *b)
{
        if (!streq(a->ip, b->ip) || a->n_ports != b->n_ports)
                return false;
        for (size_t i = 0; i < a->n_ports; i++)
                if (!streq(a->ports[i].name, b->ports[i].name) || a->ports[i].number != b->ports[i].number ||
                    !streq(a->ports[i].protocol, b->ports[i].protocol))
                        return false;
        return true;
}

static void on_begin(void *userdata)
{
        struct services *s = userdata;

        for (struct space *p = s->spaces; p; p = p->hh.next)
                for (struct service *v = p->services; v; v = v->hh.next)
                        v->seen = false;
}

static struct service *find(const struct services *s, const cJSON *object, const char **ret_namespace,
                            const char **ret_name)
{
        const cJSON *meta = json_get(object, "metadata");
        struct space *p;
        struct service *v = NULL;

        *ret_namespace = json_str(meta, "namespace");
        *ret_name = json_str(meta, "name");
        if (!*ret_namespace || !*ret_name || !(p = space_find(s, *ret_namespace)))
                return NULL;
        HASH_FIND_STR(p->services, *ret_name, v);
        return v;
}

static void on_upsert(void *userdata, const cJSON *object)
{
        struct services *s = userdata;
        const char *namespace, *name;
        struct service *old = find(s, object, &namespace, &name), *new;
        struct space *p;

        if (!namespace || !name)
                return;
        new = parse(object, name);
        if (old && new &&same(old, new)) {
                old->seen = true;
                service_free(new);
                return;
        }
        if (old)
                drop(s, space_find(s, namespace), old);
        if (!new)
                return;
        p = space_make(s, namespace);
        new->seen = true;
        HASH_ADD_KEYPTR(hh, p->services, new->name, strlen(new->name), new);
        tell(s, namespace);
}

static void on_gone(void *userdata, const cJSON *object)
{
        struct services *s = userdata;
        const char *namespace, *name;
        struct service *old = find(s, object, &namespace, &name);

        if (old)
                drop(s, space_find(s, namespace), old);
}

static void become_known(struct services *s)
{
        if (s->known)
                return;
        s->known = true;
        s->changed(s->userdata, NULL);
}

static void on_synced(void *userdata)
{
        struct services *s = userdata;
        struct space *p, *next_space;
        struct service *v, *next;

        HASH_ITER (hh, s->spaces, p, next_space)
                HASH_ITER (hh, p->services, v, next)
                        if (!v->seen)
                                drop(s, p, v);
        become_known(s);
}

static void on_failed(void *userdata, const struct api_response *r)
{
        struct services *s = userdata;

        if (r->status != 403)
                return;
        if (!s->denied)
                log_warning("services: %s; containers have no variables for them", r->err.text);
        s->denied = true;
        become_known(s);
}

struct services *services_new(sd_event *event, struct api *api, void (*changed)(void *userdata, const char *namespace),
                              void *userdata)
{
        static const struct watch_handler handler = {
                .begin = on_begin, .upsert = on_upsert, .gone = on_gone, .synced = on_synced, .failed = on_failed
        };
        struct services *s = NEW(struct services);

        s->changed = changed;
        s->userdata = userdata;
        s->watch = watch_new(event, api, "/api/v1/services", NULL, &handler, s);
        return s;
}

struct services *services_free(struct services *s)
{
        struct space *p, *next_space;
        struct service *v, *next;

        if (!s)
                return NULL;
        watch_free(s->watch);
        s->known = false; /* nobody is told any more */
        HASH_ITER (hh, s->spaces, p, next_space)
                HASH_ITER (hh, p->services, v, next)
                        drop(s, p, v);
        free(s);
        return NULL;
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

bool services_known(const struct services *s)
{
        return s->known;
}

bool services_any(const struct services *s, const char *namespace)
{
        return space_find(s, namespace) != NULL;
}

static int by_name(const struct service *a, const struct service *b)
{
        return strcmp(a->name, b->name);
}

/* "my-db" is MY_DB. */
static void upper(const char *name, char ret[static NAME_MAX_BYTES + 1])
{
        size_t n = 0;

        for (; name[n] && n < NAME_MAX_BYTES; n++)
                ret[n] = name[n] == '-' ? '_' : (char)toupper((unsigned char)name[n]);
        ret[n] = '\0';
}

struct giving {
        void (*each)(void *userdata, const char *name, const char *value);
        void *userdata;
        char service[NAME_MAX_BYTES + 1];
};

static void give(const struct giving *g, const char *value, const char *suffix, ...) PRINTF(3, 4);
static void give(const struct giving *g, const char *value, const char *suffix, ...)
{
        char name[256];
        int n = snprintf(name, sizeof(name), "%s_", g->service);
        va_list ap;

        va_start(ap, suffix);
        vsnprintf(name + n, sizeof(name) - (size_t)n, suffix, ap);
        va_end(ap);
        g->each(g->userdata, name, value);
}

static void give_port(const struct giving *g, const struct service *v, const struct port *p, bool first)
{
        char lower[sizeof(p->protocol)] = "", number[8];
        CLEANUP(freep) char *url = NULL;

        for (size_t i = 0; p->protocol[i]; i++)
                lower[i] = (char)tolower((unsigned char)p->protocol[i]);
        snprintf(number, sizeof(number), "%u", p->number);
        url = xasprintf(strchr(v->ip, ':') ? "%s://[%s]:%u" : "%s://%s:%u", lower, v->ip, p->number);
        if (first)
                give(g, url, "PORT");
        give(g, url, "PORT_%u_%s", p->number, p->protocol);
        give(g, lower, "PORT_%u_%s_PROTO", p->number, p->protocol);
        give(g, number, "PORT_%u_%s_PORT", p->number, p->protocol);
        give(g, v->ip, "PORT_%u_%s_ADDR", p->number, p->protocol);
}

static void give_service(const struct giving *g, const struct service *v)
{
        char number[8];

        give(g, v->ip, "SERVICE_HOST");
        for (size_t i = 0; i < v->n_ports; i++) {
                char name[NAME_MAX_BYTES + 1];

                snprintf(number, sizeof(number), "%u", v->ports[i].number);
                if (i == 0)
                        give(g, number, "SERVICE_PORT");
                upper(v->ports[i].name, name);
                if (*name)
                        give(g, number, "SERVICE_PORT_%s", name);
        }
        for (size_t i = 0; i < v->n_ports; i++)
                give_port(g, v, &v->ports[i], i == 0);
}

void services_variables(const struct services *s, const char *namespace,
                        void (*each)(void *userdata, const char *name, const char *value), void *userdata)
{
        struct giving g = { .each = each, .userdata = userdata };
        struct space *p = space_find(s, namespace);

        if (!p)
                return;
        HASH_SORT(p->services, by_name);
        for (const struct service *v = p->services; v; v = v->hh.next) {
                upper(v->name, g.service);
                give_service(&g, v);
        }
}
