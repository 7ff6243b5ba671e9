/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/lease.h"

#include <errno.h>
#include <time.h>

#include "agent/lib/json.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "common/log.h"
#include "common/mem.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

enum { CALL_TIMEOUT_MS = 10000, CLOSE_AFTER = 2 };

struct lease {
        sd_event *event;
        struct api *api;
        struct api_call *call;
        sd_event_source *timer;
        char *name, *path, *uid;
        char *version; /* resourceVersion; NULL: not known */
        bool existed;
        struct retry retry;
        int trouble; /* error that was logged */
        void (*lost)(void *userdata);
        void *userdata;
};

static void ask(struct lease *l, enum api_method method);

struct lease *lease_new(sd_event *event, struct api *api, const char *node_name, void (*lost)(void *userdata),
                        void *userdata)
{
        struct lease *l = NEW(struct lease);
        CLEANUP(freep) char *escaped = api_escape(node_name);

        *l = (struct lease){ .event = event,
                             .api = api,
                             .lost = lost,
                             .userdata = userdata,
                             .retry = { .first_ms = 500, .most_ms = 7000 } };
        l->name = xstrdup(node_name);
        l->path = xasprintf(LEASES "/%s", escaped);
        return l;
}

struct lease *lease_free(struct lease *l)
{
        if (!l)
                return NULL;
        api_cancel(l->call);
        sd_event_source_disable_unref(l->timer);
        free(l->name);
        free(l->path);
        free(l->uid);
        free(l->version);
        free(l);
        return NULL;
}

cJSON *lease_object(const char *node_name, const char *node_uid, const char *resource_version, uint64_t now)
{
        cJSON *lease = cJSON_CreateObject(), *metadata, *spec, *owner;
        char time[40];

        time_rfc3339_micro(now, time);
        cJSON_AddStringToObject(lease, "apiVersion", "coordination.k8s.io/v1");
        cJSON_AddStringToObject(lease, "kind", "Lease");
        metadata = cJSON_AddObjectToObject(lease, "metadata");
        cJSON_AddStringToObject(metadata, "name", node_name);
        cJSON_AddStringToObject(metadata, "namespace", "kube-node-lease");
        if (resource_version)
                cJSON_AddStringToObject(metadata, "resourceVersion", resource_version);
        owner = cJSON_CreateObject();
        cJSON_AddStringToObject(owner, "apiVersion", "v1");
        cJSON_AddStringToObject(owner, "kind", "Node");
        cJSON_AddStringToObject(owner, "name", node_name);
        cJSON_AddStringToObject(owner, "uid", node_uid);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(metadata, "ownerReferences"), owner);
        spec = cJSON_AddObjectToObject(lease, "spec");
        cJSON_AddStringToObject(spec, "holderIdentity", node_name);
        cJSON_AddNumberToObject(spec, "leaseDurationSeconds", LEASE_DURATION_S);
        cJSON_AddStringToObject(spec, "renewTime", time);
        return lease;
}

static void renew(struct lease *l)
{
        if (!l->call)
                ask(l, l->version ? API_PUT : API_GET);
}

static int on_timer(sd_event_source *s UNUSED, uint64_t usec UNUSED, void *userdata)
{
        renew(userdata);
        return 0;
}

static void wake_in(struct lease *l, unsigned ms)
{
        timer_arm(l->event, &l->timer, CLOCK_BOOTTIME, (uint64_t)ms * 1000, on_timer, l);
        (void)sd_event_source_set_priority(l->timer, SD_EVENT_PRIORITY_IMPORTANT);
}

static void failed(struct lease *l, const struct api_response *r)
{
        if (l->trouble != r->error)
                log_warning("cannot renew the lease: %s", r->err.text);
        l->trouble = r->error;
        free(TAKE(l->version)); /* look before the next try */
        wake_in(l, retry_next(&l->retry, random_u32()));
        if (r->status == 0 && l->retry.failures >= CLOSE_AFTER)
                api_close_connections(l->api);
}

static void succeeded(struct lease *l)
{
        if (l->trouble)
                log_info("the lease is renewed again");
        l->trouble = 0;
        l->retry.failures = 0;
        l->existed = true;
        wake_in(l, LEASE_RENEW_S * 1000);
}

static void take_version(struct lease *l, const struct api_response *r)
{
        free(l->version);
        l->version = xstrdup(json_str(json_get(r->body, "metadata"), "resourceVersion"));
}

static void got(void *userdata, struct api_response *r)
{
        struct lease *l = userdata;

        l->call = NULL;
        if (r->error == 0)
                take_version(l, r);
        if (r->error == -ENOENT)
                ask(l, API_POST);
        else if (r->error < 0)
                failed(l, r);
        else
                ask(l, API_PUT);
}

static void made(void *userdata, struct api_response *r)
{
        struct lease *l = userdata;
        bool again = l->existed;

        l->call = NULL;
        if (r->error < 0) {
                failed(l, r);
                return;
        }
        take_version(l, r);
        succeeded(l);
        if (again && l->lost)
                l->lost(l->userdata);
}

static void put(void *userdata, struct api_response *r)
{
        struct lease *l = userdata;

        l->call = NULL;
        if (r->error == -ESTALE || r->error == -ENOENT) {
                free(TAKE(l->version));
                /* Twice in a row it is trouble like any other, and waits. */
                if (l->retry.failures++ == 0)
                        ask(l, API_GET);
                else
                        failed(l, r);
        } else if (r->error < 0) {
                failed(l, r);
        } else {
                take_version(l, r);
                succeeded(l);
                /* Updating a lease that is gone makes it (its registry allows that), and the answer is "created". */
                if (r->status == 201 && l->lost)
                        l->lost(l->userdata);
        }
}

static void ask(struct lease *l, enum api_method method)
{
        struct timespec now;
        cJSON *body = NULL;

        if (method != API_GET) {
                clock_gettime(CLOCK_REALTIME, &now);
                body = lease_object(l->name, l->uid, method == API_PUT ? l->version : NULL,
                                    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
        }
        l->call = api_call(l->api, method, method == API_POST ? LEASES : l->path, body, CALL_TIMEOUT_MS,
                           method == API_GET    ? got
                           : method == API_POST ? made
                                                : put,
                           l);
        cJSON_Delete(body);
}

void lease_start(struct lease *l, const char *node_uid)
{
        free(l->uid);
        l->uid = xstrdup(node_uid ? node_uid : "");
        if (!l->timer)
                renew(l);
}
