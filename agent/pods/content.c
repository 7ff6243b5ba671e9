/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods/content_own.h"

#include <errno.h>

#include "common/mem.h"

bool content_is_object(enum source_kind kind)
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
        if (!content_is_object(kind) || !name || find(c, kind, name))
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

int content_need(const struct content *c, enum source_kind kind, const char *name, bool optional, const char *reason,
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

char *content_downward(const struct pod *p, enum source_kind kind, const char *container, const char *text,
                       const char *divisor, const struct pod_node *node)
{
        return kind == SOURCE_FIELD ? pod_field(p, text, node) : pod_resource(p, container, text, divisor, node);
}
