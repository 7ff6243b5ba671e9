/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/content.h"

#include <errno.h>
#include <stdio.h>

#include "agent/lib/json.h"
#include "agent/pod/hosts.h"
#include "agent/pod/limits.h"
#include "agent/pod/resolv.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/mem.h"

enum { EXPANDED_MAX = 4 * 1024 * 1024 };

struct reference {
        enum object_kind kind;
        const char *name; /* borrowed from the pod */
        struct object *object;
};

struct content {
        const struct pod *pod;
        const struct services *services; /* NULL: it has no variables for them */
        struct reference *references;
        size_t n_references;
        struct token **tokens; /* in the order in which the pod's volumes name them */
        size_t n_tokens;
        struct claim **claims; /* parallel to pod->volumes; NULL where it is no claim, or its place is known */
        size_t n_claims;
};

/* ---- holding ----------------------------------------------------------------------------------------------------- */

static bool is_object(enum source_kind kind)
{
        return kind == SOURCE_CONFIG_MAP || kind == SOURCE_SECRET;
}

static enum object_kind object_kind_of(enum source_kind kind)
{
        return kind == SOURCE_SECRET ? OBJECT_SECRET : OBJECT_CONFIG_MAP;
}

static struct object *find(const struct content *c, enum source_kind kind, const char *name)
{
        for (size_t i = 0; i < c->n_references; i++)
                if (c->references[i].kind == object_kind_of(kind) && streq(c->references[i].name, name))
                        return c->references[i].object;
        return NULL;
}

static void hold(struct content *c, struct objects *objects, enum source_kind kind, const char *name)
{
        if (!is_object(kind) || !name || find(c, kind, name))
                return;
        c->references = xrealloc(c->references, c->n_references + 1, sizeof(*c->references));
        c->references[c->n_references++] = (struct reference){
                .kind = object_kind_of(kind),
                .name = name,
                .object = object_hold(objects, object_kind_of(kind), c->pod->id.namespace, name),
        };
}

struct content *content_new(const struct pod *p, struct objects *objects, struct tokens *tokens,
                            const struct services *services, struct claims *claims)
{
        struct content *c = NEW(struct content);

        c->pod = p;
        c->services = p->service_links ? services : NULL;
        for (size_t i = 0; i < p->n_containers; i++)
                for (size_t k = 0; k < p->containers[i].n_env; k++)
                        hold(c, objects, p->containers[i].env[k].kind, p->containers[i].env[k].object);
        c->n_claims = p->n_volumes;
        c->claims = xcalloc(p->n_volumes, sizeof(struct claim *));
        for (size_t i = 0; i < p->n_volumes; i++)
                if (p->volumes[i].kind == VOLUME_CLAIM && volume_is_nowhere(&p->volumes[i]) && !p->refused.code)
                        c->claims[i] = claim_hold(claims, p->id.namespace, p->volumes[i].claim);
        for (size_t i = 0; i < p->n_volumes; i++)
                for (size_t k = 0; k < p->volumes[i].n_items; k++) {
                        const struct volume_item *it = &p->volumes[i].items[k];
                        hold(c, objects, it->kind, it->object);
                        if (it->kind != SOURCE_TOKEN)
                                continue;
                        c->tokens = xrealloc(c->tokens, c->n_tokens + 1, sizeof(struct token *));
                        c->tokens[c->n_tokens++] =
                                token_hold(tokens, &p->id, p->service_account ? p->service_account : "default",
                                           it->text, it->expiration_s);
                }
        return c;
}

struct content *content_free(struct content *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_references; i++)
                object_release(c->references[i].object);
        for (size_t i = 0; i < c->n_tokens; i++)
                token_release(c->tokens[i]);
        for (size_t i = 0; i < c->n_claims; i++)
                claim_release(c->claims[i]);
        free(c->claims);
        free(c->references);
        free(c->tokens);
        free(c);
        return NULL;
}

bool content_refers(const struct content *c, enum object_kind kind, const char *namespace, const char *name)
{
        for (size_t i = 0; i < c->n_references; i++)
                if (c->references[i].kind == kind && streq(c->references[i].name, name) &&
                    streq(c->pod->id.namespace, namespace))
                        return true;
        return false;
}

bool content_claims(const struct content *c, const char *namespace, const char *name)
{
        for (size_t i = 0; i < c->n_claims; i++)
                if (c->claims[i] && streq(c->pod->volumes[i].claim, name) && streq(c->pod->id.namespace, namespace))
                        return true;
        return false;
}

struct place_claim content_claim(const struct content *c, size_t volume)
{
        struct claim_answer a = c->claims[volume] ? claim_look(c->claims[volume]) : (struct claim_answer){ 0 };

        return (struct place_claim){ .claim = a.claim, .volume = a.volume, .why = a.why };
}

void content_claim_done(struct content *c, size_t volume)
{
        c->claims[volume] = claim_release(c->claims[volume]);
}

/* 1: the object is there; 0: it is missing, but optional; negative: the pod has to wait for it, for this reason. */
static int need(const struct content *c, enum source_kind kind, const char *name, bool optional, const char *reason,
                struct object **ret, struct err *e)
{
        const char *word = kind == SOURCE_SECRET ? "secret" : "configmap";

        *ret = find(c, kind, name);
        switch (*ret ? object_state(*ret) : OBJECT_UNKNOWN) {
        case OBJECT_PRESENT:
                return 1;
        case OBJECT_MISSING:
                if (optional)
                        return 0;
                return err_set(e, -EAGAIN, reason, "%s \"%s\" not found", word, name ? name : "");
        case OBJECT_DENIED:
                return err_set(e, -EAGAIN, reason, "%s \"%s\": the API server does not let this node read it (yet)",
                               word, name ? name : "");
        case OBJECT_UNKNOWN:
        default:
                return err_set(e, -EAGAIN, "", "%s \"%s\" has not arrived yet", word, name ? name : "");
        }
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static void hash_bytes(uint64_t *h, const void *p, size_t n) /* FNV-1a: notices a change, guards nothing */
{
        for (size_t i = 0; i < n; i++)
                *h = (*h ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
}

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
        hash_bytes(hash, path, strlen(path) + 1);
        hash_bytes(hash, &mode, sizeof(mode));
        hash_bytes(hash, data, size);
        return 0;
}

static int add_object(const struct content *c, const struct volume_item *it, Vks__Fill *fill, uint64_t *hash,
                      struct err *e)
{
        struct object *o;
        const void *data;
        size_t size;
        int r = need(c, it->kind, it->object, it->optional, "FailedMount", &o, e);

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

/* What the pod itself says. */
static char *downward(const struct pod *p, enum source_kind kind, const char *container, const char *text,
                      const char *divisor, const struct pod_node *node)
{
        return kind == SOURCE_FIELD ? pod_field(p, text, node) : pod_resource(p, container, text, divisor, node);
}

static Vks__Id *id_new(uint32_t value)
{
        Vks__Id *id = NEW(Vks__Id);

        vks__id__init(id);
        id->value = value;
        return id;
}

static Vks__Id *fs_group(const struct pod *p)
{
        return p->has_fs_group ? id_new(p->fs_group) : NULL;
}

/* A file of the machine's with what the pod has of its own for it. */
static int add_machines(const struct volume_item *it, Vks__Fill *fill, uint64_t *hash, struct err *e)
{
        const bool hosts = it->kind == SOURCE_HOSTS;
        const char *path = hosts ? HOSTS_PATH : RESOLV_PATH;
        CLEANUP(freep) char *machines = NULL, *text = NULL;
        size_t size;
        int r = it->alone ? 0 : file_read(path, hosts ? HOSTS_MAX : RESOLV_MAX, &machines, &size, e);

        if (r < 0 && r != -ENOENT)
                return err_set(e, -EAGAIN, "FailedMount", "the machine's %s cannot be read", path);
        text = hosts ? hosts_text(machines ? machines : "", it->text) : resolv_text(machines ? machines : "", it->text);
        return add_file(fill, it->path, text, strlen(text), it->mode, hash, e);
}

int content_fill(const struct content *c, const struct pod *p, size_t volume, const struct pod_node *node,
                 Vks__Fill **ret, uint64_t *ret_hash, struct err *e)
{
        const struct volume *v = &p->volumes[volume];
        Vks__Fill *fill = NEW(Vks__Fill);
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        size_t token = tokens_before(p, volume);
        int r = 0;

        vks__fill__init(fill);
        fill->pod = NEW(Vks__Pod);
        vks__pod__init(fill->pod);
        fill->pod->namespace_ = xstrdup(p->id.namespace);
        fill->pod->name = xstrdup(p->id.name);
        fill->pod->uid = xstrdup(p->id.uid);
        fill->volume = xstrdup(v->name);
        fill->group = fs_group(p);
        for (size_t i = 0; i < v->n_items && r >= 0; i++) {
                const struct volume_item *it = &v->items[i];
                if (is_object(it->kind)) {
                        r = add_object(c, it, fill, &hash, e);
                } else if (it->kind == SOURCE_FIELD || it->kind == SOURCE_RESOURCE) {
                        CLEANUP(freep) char *value = downward(p, it->kind, it->object, it->text, it->divisor, node);
                        size_t size = value ? strlen(value) : 0;
                        if (value)
                                json_bytes(value, size);
                        r = add_file(fill, it->path, value ? value : "", size, it->mode, &hash, e);
                } else if (it->kind == SOURCE_HOSTS || it->kind == SOURCE_RESOLV) {
                        r = add_machines(it, fill, &hash, e);
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
        int r = need(c, v->kind, v->object, v->optional, "CreateContainerConfigError", &o, e);

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
        char *value = field ? downward(p, v->kind, v->object, v->text, v->divisor, node)
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
        /* The kubelet gives pods the cluster address of the Service "kubernetes", which cannot be reached from here. So
         * we give them the API server's own address, which serves as well. */
        if (node->api_host) {
                set_env(s, "", "KUBERNETES_SERVICE_HOST", node->api_host, strlen(node->api_host), false);
                set_env(s, "", "KUBERNETES_SERVICE_PORT", node->api_port, strlen(node->api_port), false);
                set_env(s, "", "KUBERNETES_SERVICE_PORT_HTTPS", node->api_port, strlen(node->api_port), false);
        }
        for (size_t i = 0; i < spec->n_env; i++) {
                const struct env_var *v = &spec->env[i];
                int r = is_object(v->kind) ? env_from_object(c, v, s, e) : (set_own_env(p, v, node, s), 0);

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
        return is_object(v->kind) || v->kind == SOURCE_RESOURCE /* which may be resized */ ||
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
        hash_bytes(h, &n, sizeof(n));
        for (size_t i = 0; i < n; i++)
                hash_bytes(h, words[i], strlen(words[i]) + 1);
}

static uint64_t hash_values(const Vks__Container *m)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < m->n_env; i++) {
                hash_bytes(&h, m->env[i]->name, strlen(m->env[i]->name) + 1);
                hash_bytes(&h, &m->env[i]->value.len, sizeof(m->env[i]->value.len));
                hash_bytes(&h, m->env[i]->value.data, m->env[i]->value.len);
        }
        hash_words(&h, m->command, m->n_command);
        hash_words(&h, m->args, m->n_args);
        for (size_t i = 0; i < m->n_hidden; i++)
                hash_words(&h, &m->hidden[i]->value, 1);
        return h ? h : 1;
}

/* Variables, command and args. */
static int set_values(const struct content *c, const struct pod *p, const struct container *spec,
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

static void wipe(Vks__Container *m)
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
        r = set_values(c, p, &p->containers[container], node, m, e);
        if (r >= 0)
                *ret_hash = hash_values(m);
        wipe(m);
        vks__container__free_unpacked(m, NULL);
        return r;
}

/* ---- the WRITE message ------------------------------------------------------------------------------------------- */

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
                m->run_as_user = id_new(spec->user);
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
                m->run_as_group = id_new(spec->group);
        m->mounts = xcalloc(spec->n_mounts, sizeof(*m->mounts));
        for (size_t i = 0; i < spec->n_mounts; i++) {
                Vks__Mount *mount = m->mounts[m->n_mounts++] = NEW(Vks__Mount);
                vks__mount__init(mount);
                mount->volume = xstrdup(spec->mounts[i].volume);
                mount->path = xstrdup(spec->mounts[i].path);
                mount->sub_path = xstrdup(spec->mounts[i].sub_path ? spec->mounts[i].sub_path : "");
                mount->read_only = is_read_only(p, &spec->mounts[i]);
        }
}

static int container_message(const struct content *c, const struct pod *p, const struct container *spec,
                             struct content_image *image, const struct pod_node *node, Vks__Container *m, struct err *e)
{
        struct limits limits;
        int r = set_values(c, p, spec, node, m, e);

        if (r < 0)
                return r;
        image->values = content_may_change(c, spec) ? hash_values(m) : 0;
        if (!m->n_command && image->program && *image->program)
                strv_push(&m->command, &m->n_command, xstrdup(image->program));
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
                m->empty_dir->group = fs_group(p);
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
                wipe(write->containers[i]);
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
        return x;
}
