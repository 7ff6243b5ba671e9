/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/certs/api_signer.h"

#include <errno.h>

#include "agent/certs/csr.h"
#include "agent/client/watch.h"
#include "agent/lib/json.h"
#include "common/log.h"
#include "common/mem.h"

struct api_signer {
        struct signer signer;
        sd_event *event;
        struct api *api;
};

struct signing {
        struct api_signer *owner;
        const struct signer_handler *handler;
        void *userdata;
        struct api_call *call;
        struct watch *watch;
        char *name; /* the API server's, once it is there */
        bool seen;  /* in the list that is being read */
};

static void signing_cancel(struct signing *s)
{
        if (!s)
                return;
        api_cancel(s->call);
        watch_free(s->watch);
        free(s->name);
        free(s);
}

/* Whoever listens may ask again at once, so the signing is gone before he hears of it. */
static void fail(struct signing *s, const struct err *e)
{
        const struct signer_handler *handler = s->handler;
        void *userdata = s->userdata;

        signing_cancel(s);
        handler->failed(userdata, e);
}

static void refused(struct signing *s, const char *reason, const char *what, const char *words)
{
        struct err e;

        err_set(&e, -EPERM, reason, "the request %s was %s%s%s", s->name, what, *words ? ": " : "", words);
        fail(s, &e);
}

static void signed_at_last(struct signing *s, const cJSON *csr)
{
        const struct signer_handler *handler = s->handler;
        void *userdata = s->userdata;
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        struct err e = ERR_NONE;

        if (csr_certificate(csr, &text, &size, &e) < 0) {
                fail(s, &e);
                return;
        }
        signing_cancel(s);
        handler->done(userdata, text, size);
}

static void on_begin(void *userdata)
{
        ((struct signing *)userdata)->seen = false;
}

static void on_upsert(void *userdata, const cJSON *csr)
{
        struct signing *s = userdata;
        const char *words;

        s->seen = true;
        switch (csr_state(csr, &words)) {
        case CSR_PENDING:
                break;
        case CSR_APPROVED:
                s->handler->waiting(s->userdata, s->name, true);
                break;
        case CSR_SIGNED:
                signed_at_last(s, csr);
                break;
        case CSR_DENIED:
                refused(s, "CertificateDenied", "denied", words);
                break;
        case CSR_FAILED:
                refused(s, "CertificateFailed", "approved, and not signed", words);
                break;
        }
}

static void gone(struct signing *s)
{
        struct err e;

        err_set(&e, -ENOENT, NULL, "the request %s was deleted before it was decided", s->name);
        fail(s, &e);
}

static void on_gone(void *userdata, const cJSON *csr UNUSED)
{
        gone(userdata);
}

static void on_synced(void *userdata)
{
        struct signing *s = userdata;

        if (!s->seen)
                gone(s);
}

static void on_created(void *userdata, struct api_response *r)
{
        static const struct watch_handler handler = {
                .begin = on_begin,
                .upsert = on_upsert,
                .gone = on_gone,
                .synced = on_synced,
        };
        struct signing *s = userdata;
        const char *name = json_str(json_get(r->body, "metadata"), "name");
        CLEANUP(freep) char *escaped = NULL, *query = NULL;

        s->call = NULL;
        if (r->error == 0 && (!name || !*name))
                r->error = err_set(&r->err, -EBADMSG, NULL, "the API server made a request without a name");
        if (r->error < 0) {
                r->err.reason[0] = '\0'; /* the API's word; the ones of signer.h are others */
                fail(s, &r->err);
                return;
        }
        s->name = xstrdup(name);
        escaped = api_escape(name);
        query = xasprintf("fieldSelector=metadata.name%%3D%s", escaped);
        s->watch = watch_new(s->owner->event, s->owner->api, CSR_PATH, query, &handler, s);
        s->handler->waiting(s->userdata, s->name, false);
}

static struct signing *ask(void *self, const struct cert_request *r, bool serving, const struct signer_handler *handler,
                           void *userdata)
{
        struct api_signer *owner = self;
        struct signing *s = NEW(struct signing);
        cJSON *body = csr_object(r, serving);

        s->owner = owner;
        s->handler = handler;
        s->userdata = userdata;
        s->call = api_call(owner->api, API_POST, CSR_PATH, body, 0, on_created, s);
        cJSON_Delete(body);
        return s;
}

static void signer_free(struct signer *s)
{
        api_signer_free(s);
}

struct signer *api_signer_new(sd_event *event, struct api *api)
{
        struct api_signer *a = NEW(struct api_signer);

        a->signer =
                (struct signer){ .name = "api", .ask = ask, .cancel = signing_cancel, .free = signer_free, .self = a };
        a->event = event;
        a->api = api;
        return &a->signer;
}

struct signer *api_signer_free(struct signer *s)
{
        if (s)
                free(s->self);
        return NULL;
}
