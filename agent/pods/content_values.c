/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/content_own.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "common/buf.h"
#include "common/mem.h"
#include "proto/hash.h"

enum { EXPANDED_MAX = 4 * 1024 * 1024 };

/* ---- environment ------------------------------------------------------------------------------------------------- */

/* A container's message as it is made: what its command line may refer to. */
struct scope {
        Vks__Container *m;
        bool *secret; /* parallel to m->env: is the value of a Secret in this one? */
};

static size_t lookup(const Vks__Env *const *env, size_t n, const char *name, size_t size)
{
        for (size_t i = n; i-- > 0;)
                if (strlen(env[i]->name) == size && memcmp(env[i]->name, name, size) == 0)
                        return i;
        return n;
}

/* *ret_secret (may be NULL, as `secret` may be) becomes true when one of the variables that were put in is secret. */
static char *expand(const char *s, const Vks__Env *const *env, size_t n_env, const bool *secret, bool *ret_secret)
{
        struct buf b = SECRET_BUF(EXPANDED_MAX);

        while (*s) {
                const char *close = s[0] == '$' && s[1] == '(' ? strchr(s, ')') : NULL;
                size_t v = close ? lookup(env, n_env, s + 2, (size_t)(close - s - 2)) : n_env;

                if (v < n_env) {
                        buf_add(&b, env[v]->value.data, env[v]->value.len);
                        if (secret && secret[v])
                                *ret_secret = true;
                        s = close + 1;
                } else if (close) { /* unknown: copied as it is, with any "$$" or "$(" in it */
                        buf_add(&b, s, (size_t)(close + 1 - s));
                        s = close + 1;
                } else if (s[0] == '$' && s[1] == '$') {
                        buf_char(&b, '$');
                        s += 2;
                } else {
                        buf_char(&b, *s++);
                }
        }
        return buf_steal(&b);
}

char *content_expand(const char *s, const Vks__Env *const *env, size_t n_env)
{
        return expand(s, env, n_env, NULL, NULL);
}

/* Variables are made of `data` alone, as the kubelet's are (makeEnvironmentVariables): what is in binaryData is a file.
 */
static bool gives_variable(const struct object *o, const char *key, const void **ret_data, size_t *ret_size)
{
        return !object_is_binary(o, key) && object_get(o, key, ret_data, ret_size) == 0;
}

static void set_env(struct scope *s, const char *prefix, const char *name, const void *data, size_t size, bool secret)
{
        Vks__Container *m = s->m;
        Vks__Env *v = NEW(Vks__Env);

        vks__env__init(v);
        v->name = xasprintf("%s%s", prefix, name);
        v->value.data = xmemdup(data, size);
        v->value.len = size;
        for (size_t i = 0; s->secret && i < m->n_env; i++)
                if (streq(m->env[i]->name, v->name)) {
                        vks__env__free_unpacked(m->env[i], NULL);
                        m->env[i] = v;
                        s->secret[i] = secret;
                        return;
                }
        m->env = xrealloc(m->env, m->n_env + 1, sizeof(*m->env));
        s->secret = xrealloc(s->secret, m->n_env + 1, sizeof(*s->secret));
        s->secret[m->n_env] = secret;
        m->env[m->n_env++] = v;
}

static int env_from_object(const struct content *c, const struct env_var *v, struct scope *s, struct err *e)
{
        bool secret = v->kind == SOURCE_SECRET;
        struct object *o;
        const void *data;
        size_t size;
        int r = content_need(c, v->kind, v->object, v->optional, "CreateContainerConfigError", &o, e);

        if (r <= 0)
                return r;
        if (!v->text) { /* envFrom: keys that are no names of variables are left out, as the kubelet does */
                for (size_t i = 0; i < object_n_keys(o); i++) {
                        const char *key = object_key(o, i, &data, &size);
                        CLEANUP(freep) char *name = xasprintf("%s%s", v->name, key);
                        if (id_is_env_name(name) && gives_variable(o, key, &data, &size))
                                set_env(s, v->name, key, data, size, secret);
                }
                return 0;
        }
        if (!gives_variable(o, v->text, &data, &size))
                return v->optional
                               ? 0
                               : err_set(e, -EAGAIN, "CreateContainerConfigError", "couldn't find key %s in %s %s/%s",
                                         v->text, secret ? "Secret" : "ConfigMap", c->pod->id.namespace, v->object);
        set_env(s, "", v->name, data, size, secret);
        return 0;
}

static void set_own_env(const struct pod *p, const struct env_var *v, const struct pod_node *node, struct scope *s)
{
        bool secret = false, field = v->kind == SOURCE_FIELD || v->kind == SOURCE_RESOURCE;
        CLEANUP(freep)
        char *value = field ? content_downward(p, v->kind, v->object, v->text, v->divisor, node)
                            : expand(v->text, (const Vks__Env *const *)s->m->env, s->m->n_env, s->secret, &secret);
        size_t size = value ? strlen(value) : 0;

        if (value && field)
                json_bytes(value, size); /* policy refuses what has one */
        set_env(s, "", v->name, value ? value : "", size, secret);
        if (value)
                explicit_bzero(value, size);
}

static void set_service_env(void *userdata, const char *name, const char *value)
{
        set_env(userdata, "", name, value, strlen(value), false);
}

/*
 * What a kubelet gives every pod for the Service "kubernetes", whatever its namespace and its enableServiceLinks: the
 * same names, the Service's port among them. But the values there are the Service's cluster address, which cannot be
 * reached from here. So they are the API server's own address, which serves as well, and all of them that one: also in
 * the Service's own namespace, whose variables came before.
 */
static void set_api_env(struct scope *s, const char *host, const char *port)
{
        CLEANUP(freep) char *url = xasprintf(strchr(host, ':') ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
        const struct {
                const char *name, *value;
        } all[] = {
                { "SERVICE_HOST", host },       { "SERVICE_PORT", port },
                { "SERVICE_PORT_HTTPS", port }, { "PORT", url },
                { "PORT_443_TCP", url },        { "PORT_443_TCP_PROTO", "tcp" },
                { "PORT_443_TCP_PORT", port },  { "PORT_443_TCP_ADDR", host },
        };

        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                set_env(s, "KUBERNETES_", all[i].name, all[i].value, strlen(all[i].value), false);
}

static int resolve_env(const struct content *c, const struct pod *p, const struct container *spec,
                       const struct pod_node *node, struct scope *s, struct err *e)
{
        const char *hostname = p->hostname ? p->hostname : node->hostname;

        /* As every container runtime does. It is the name that the pod would have on a node with a network for each:
         * the ordinal of a StatefulSet's pod is cut out of it. */
        if (hostname && *hostname)
                set_env(s, "", "HOSTNAME", hostname, strlen(hostname), false);
        if (c->services && !services_known(c->services))
                return err_set(e, -EAGAIN, "", "the list of services has not arrived yet");
        if (c->services)
                services_variables(c->services, p->id.namespace, set_service_env, s);
        if (node->api_host)
                set_api_env(s, node->api_host, node->api_port);
        for (size_t i = 0; i < spec->n_env; i++) {
                const struct env_var *v = &spec->env[i];
                int r = content_is_object(v->kind) ? env_from_object(c, v, s, e) : (set_own_env(p, v, node, s), 0);

                if (r < 0) {
                        err_prefix(e, "containers{%s}.env{%s}: ", spec->name, v->name);
                        return r;
                }
        }
        return 0;
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static void hide(Vks__Container *m, size_t index, char *word)
{
        Vks__Word *w = NEW(Vks__Word);

        vks__word__init(w);
        w->index = (uint32_t)index;
        w->value = word;
        m->hidden = xrealloc(m->hidden, m->n_hidden + 1, sizeof(*m->hidden));
        m->hidden[m->n_hidden++] = w;
}

/* The words from `index` of the command line on. One that has the value of a Secret is hidden, and shown as the pod
 * has it; but the program is what the unit is made of. */
static char **expand_all(char **words, const struct scope *s, size_t index, size_t *ret_n)
{
        char **v = NULL;

        for (char **w = words; w && *w; w++, index++) {
                bool secret = false;
                char *word = expand(*w, (const Vks__Env *const *)s->m->env, s->m->n_env, s->secret, &secret);

                if (secret && index > 0) {
                        hide(s->m, index, word);
                        word = xstrdup(*w);
                }
                strv_push(&v, ret_n, word);
        }
        return v;
}

/* ---- what may be another at the container's next start ----------------------------------------------------------- */

static bool may_change(const struct env_var *v)
{
        return content_is_object(v->kind) || v->kind == SOURCE_RESOURCE /* which may be resized */ ||
               (v->kind == SOURCE_FIELD &&
                (starts_with(v->text, "metadata.labels") || starts_with(v->text, "metadata.annotations")));
}

bool content_may_change(const struct content *c, const struct container *spec)
{
        if (c && c->services && (!services_known(c->services) || services_any(c->services, c->pod->id.namespace)))
                return true;
        for (size_t i = 0; i < spec->n_env; i++)
                if (may_change(&spec->env[i]))
                        return true;
        return false;
}

static void hash_words(uint64_t *h, char *const *words, size_t n)
{
        *h = hash_bytes(*h, &n, sizeof(n));
        for (size_t i = 0; i < n; i++)
                *h = hash_bytes(*h, words[i], strlen(words[i]) + 1);
}

uint64_t content_hash_values(const Vks__Container *m)
{
        uint64_t h = HASH_START;

        for (size_t i = 0; i < m->n_env; i++) {
                h = hash_bytes(h, m->env[i]->name, strlen(m->env[i]->name) + 1);
                h = hash_bytes(h, &m->env[i]->value.len, sizeof(m->env[i]->value.len));
                h = hash_bytes(h, m->env[i]->value.data, m->env[i]->value.len);
        }
        hash_words(&h, m->command, m->n_command);
        hash_words(&h, m->args, m->n_args);
        for (size_t i = 0; i < m->n_hidden; i++)
                hash_words(&h, &m->hidden[i]->value, 1);
        return h ? h : 1;
}

int content_set_values(const struct content *c, const struct pod *p, const struct container *spec,
                       const struct pod_node *node, Vks__Container *m, struct err *e)
{
        struct scope s = { .m = m };
        int r = resolve_env(c, p, spec, node, &s, e);

        if (r >= 0) {
                m->command = expand_all(spec->command, &s, 0, &m->n_command);
                m->args = expand_all(spec->args, &s, m->n_command ? m->n_command : 1, &m->n_args);
        }
        free(s.secret);
        return r;
}

void content_wipe(Vks__Container *m)
{
        for (size_t i = 0; i < m->n_env; i++)
                explicit_bzero(m->env[i]->value.data, m->env[i]->value.len);
        for (size_t i = 0; i < m->n_hidden; i++)
                explicit_bzero(m->hidden[i]->value, strlen(m->hidden[i]->value));
}

int content_values(const struct content *c, const struct pod *p, size_t container, const struct pod_node *node,
                   uint64_t *ret_hash, struct err *e)
{
        Vks__Container *m = NEW(Vks__Container);
        int r;

        vks__container__init(m);
        r = content_set_values(c, p, &p->containers[container], node, m, e);
        if (r >= 0)
                *ret_hash = content_hash_values(m);
        content_wipe(m);
        vks__container__free_unpacked(m, NULL);
        return r;
}
