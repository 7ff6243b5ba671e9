/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/node.h"

#include <errno.h>
#include <time.h>

#include "agent/lib/json.h"
#include "agent/lib/packed.h"
#include "agent/node/lease.h"
#include "agent/lib/retry.h"
#include "common/log.h"
#include "common/mem.h"

enum { CALL_TIMEOUT_MS = 10000 };

/* What is asked of the API server next. One call is under way at a time. */
enum step {
        ASK_VERSION,
        CREATE,
        GET, /* it exists already */
        PATCH_LABELS,
        REPORT, /* registered: the status, when there is something to say */
};

struct node {
        sd_event *event;
        struct api *api;
        const struct config *config;
        struct facts *facts;
        char *root;
        struct events *events;
        struct node_callbacks callbacks;
        void *userdata;

        char *path;
        char version[64];
        char *trouble_bus, *trouble_helper, *trouble_packages, *trouble_shutdown;
        cJSON *package_labels;
        bool labels_changed; /* and are not told yet */
        struct node_pressure pressure;
        struct lease *lease;

        enum step step;
        struct api_call *call;
        sd_event_source *timer; /* the next try, or the next look at the status */
        struct retry retry;
        int trouble; /* error that was logged */

        /*
         * Kept as text: a tree is some 500 small pieces, made anew every few minutes, and those made while many pods
         * begin lie between what these needed for a moment. Each would keep a page of it from going back to the kernel.
         */
        struct packed *known; /* the Node as the API server last gave it */
        struct packed *sent;  /* our status in the call under way */
        struct packed *told;  /* our status that the API server has */
        uint64_t report_at;   /* boottime: then it is told again */
        bool hurry;           /* something changed while a call was under way */
        bool started;         /* was registered once */
        bool unschedulable;   /* cordoned, as was told last */
};

static void go(struct node *n);

/* In place of what was kept there; NULL forgets it. */
static void keep(struct packed **p, const cJSON *o)
{
        CLEANUP(freep) char *text = o ? cJSON_PrintUnformatted(o) : NULL;

        packed_free(*p);
        *p = text ? packed_new(text, strlen(text), false) : NULL;
}

/* The tree again, the caller's own. NULL when nothing is kept. */
static cJSON *kept(const struct packed *p)
{
        CLEANUP(freep) char *text = packed_text(p);

        return text ? json_parse(text, strlen(text)) : NULL;
}

static uint64_t clock_usec(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void post(struct node *n, bool warning, const char *reason, const char *text)
{
        struct event_object about = { .kind = "Node", .name = n->config->node_name, .uid = n->config->node_name };

        event_post(n->events, &about, warning, reason, "%s", text);
}

/* The kubelet's events for conditions that became something else between two statuses. */
static void post_changes(struct node *n, const cJSON *now, const cJSON *before)
{
        const cJSON *c, *b;

        cJSON_ArrayForEach (c, json_get(now, "conditions")) {
                const char *type = json_str(c, "type"), *status = json_str(c, "status"), *was = NULL;
                bool is_true = streq(status, "True");
                const char *reason = node_condition_event(type, is_true);

                cJSON_ArrayForEach (b, json_get(before, "conditions"))
                        if (streq(json_str(b, "type"), type))
                                was = json_str(b, "status");
                if (!reason || streq(was, status) || (!was && streq(reason, "NodeNotReady")))
                        continue;
                CLEANUP(freep) char *text = xasprintf("Node %s status is now: %s", n->config->node_name, reason);
                post(n, false, reason, text);
        }
}

static void post_reboot(struct node *n)
{
        CLEANUP(json_freep) cJSON *known = kept(n->known);
        const char *before = json_str(json_get(json_get(known, "status"), "nodeInfo"), "bootID");
        CLEANUP(freep) char *text = NULL;

        if (!before || !before[0] || streq(before, n->facts->boot_id))
                return;
        text = xasprintf("Node %s has been rebooted, boot id: %s", n->config->node_name, n->facts->boot_id);
        post(n, true, "Rebooted", text);
}

static void complain(struct node *n, const char *what, const struct api_response *r)
{
        if (n->trouble != r->error)
                log_warning("%s: %s", what, r->err.text);
        n->trouble = r->error;
}

static void relax(struct node *n)
{
        if (n->trouble)
                log_info("the API server answers again");
        n->trouble = 0;
        n->retry.failures = 0;
}

/* ---- when -------------------------------------------------------------------------------------------------------- */

static int on_timer(sd_event_source *s UNUSED, uint64_t usec UNUSED, void *userdata)
{
        go(userdata);
        return 0;
}

static void wake_in(struct node *n, uint64_t usec)
{
        timer_arm(n->event, &n->timer, CLOCK_BOOTTIME, usec, on_timer, n);
}

static void try_again(struct node *n)
{
        wake_in(n, (uint64_t)retry_next(&n->retry, random_u32()) * 1000);
}

static void look_again(struct node *n)
{
        wake_in(n, n->hurry ? 0 : NODE_STATUS_PERIOD_S * UINT64_C(1000000));
        n->hurry = false;
}

/* Without a lease the status is the heartbeat, and a look that changes nothing is still told. */
static void told(struct node *n, const cJSON *before)
{
        uint64_t period = n->config->node_lease ? NODE_REPORT_PERIOD_S : NODE_STATUS_PERIOD_S;

        CLEANUP(json_freep) cJSON *sent = kept(n->sent);

        post_changes(n, sent, before);
        packed_free(n->told);
        n->told = TAKE(n->sent);
        n->report_at = clock_usec(CLOCK_BOOTTIME) + period * 1000000 - 500000;
}

static void remember(struct node *n, struct api_response *r)
{
        /* The bulk of it, which nobody here reads. */
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(r->body, "metadata"), "managedFields");
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(r->body, "status"), "images");
        keep(&n->known, r->body);
}

static void registered(struct node *n)
{
        CLEANUP(freep) char *text = NULL;

        CLEANUP(json_freep) cJSON *known = kept(n->known);

        n->step = REPORT;
        if (n->lease)
                lease_start(n->lease, json_str(json_get(known, "metadata"), "uid"));
        if (n->started)
                return;
        n->started = true;
        log_info("node %s is registered as %s", n->config->node_name, n->version);
        text = xasprintf("Starting vks %s.", VKS_VERSION);
        post(n, false, "Starting", text);
        if (n->callbacks.registered)
                n->callbacks.registered(n->userdata);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void got_version(void *userdata, struct api_response *r)
{
        struct node *n = userdata;

        n->call = NULL;
        /* Who may not ask, or asks something that has no such path, goes on without knowing. */
        if (r->error < 0 && r->error != -EACCES && r->error != -ENOENT) {
                complain(n, "cannot reach the API server", r);
                try_again(n);
                return;
        }
        node_version(r->error == 0 ? r->body : NULL, VKS_VERSION, n->version);
        n->step = CREATE;
        go(n);
}

static void created(void *userdata, struct api_response *r)
{
        struct node *n = userdata;

        n->call = NULL;
        if (r->error == -EEXIST) {
                n->step = GET;
                go(n);
        } else if (r->error < 0) {
                complain(n, "cannot create the Node", r);
                try_again(n);
        } else {
                relax(n);
                remember(n, r);
                told(n, NULL);
                registered(n);
                look_again(n);
        }
}

static void got(void *userdata, struct api_response *r)
{
        struct node *n = userdata;

        n->call = NULL;
        if (r->error < 0) {
                complain(n, "cannot read the Node", r);
                if (r->error == -ENOENT)
                        n->step = CREATE;
                try_again(n);
                return;
        }
        remember(n, r);
        post_reboot(n);
        keep(&n->told, NULL); /* so that the status is told at once */
        n->step = PATCH_LABELS;
        go(n);
}

static void patched_labels(void *userdata, struct api_response *r)
{
        struct node *n = userdata;

        n->call = NULL;
        if (r->error == -ENOENT) {
                n->step = CREATE;
        } else if (r->error < 0 && r->error != -EACCES && r->error != -EINVAL && n->started) {
                complain(n, "cannot tell the Node's labels", r);
                n->labels_changed = true;
                n->step = REPORT;
                try_again(n);
                return;
        } else if (r->error < 0) { /* a label that the API server does not want must not keep the node away */
                log_warning("cannot set the Node's labels: %s", r->err.text);
                registered(n);
        } else {
                remember(n, r);
                registered(n);
        }
        go(n);
}

static void reported(void *userdata, struct api_response *r)
{
        struct node *n = userdata;
        CLEANUP(json_freep) cJSON *before = NULL;

        n->call = NULL;
        if (r->error == -ENOENT) {
                log_warning("node %s was deleted; making it again", n->config->node_name);
                keep(&n->known, NULL);
                n->step = CREATE;
                go(n);
                return;
        }
        if (r->error < 0) {
                complain(n, "cannot tell the Node's status", r);
        } else {
                relax(n);
                before = kept(n->known);
                remember(n, r);
                told(n, json_get(before, "status"));
        }
        look_again(n);
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static void call(struct node *n, enum api_method method, const char *path, const cJSON *body, api_done done)
{
        n->call = api_call(n->api, method, path, body, CALL_TIMEOUT_MS, done, n);
}

static void report(struct node *n, const struct node_inputs *in)
{
        CLEANUP(freep) char *path = NULL;
        CLEANUP(json_freep)
        cJSON *known = kept(n->known), *before = kept(n->told), *patch = NULL, *status = node_status(in, known);

        if (!node_status_differs(status, before) && clock_usec(CLOCK_BOOTTIME) < n->report_at) {
                look_again(n);
                return;
        }
        keep(&n->sent, status);
        path = xasprintf("%s/status", n->path);
        patch = node_status_patch(status);
        call(n, API_PATCH, path, patch, reported);
}

static void patch_labels(struct node *n, const struct node_inputs *in)
{
        CLEANUP(json_freep) cJSON *known = kept(n->known), *patch = node_labels_patch(in, known);

        n->labels_changed = false;
        if (!patch) {
                registered(n);
                report(n, in);
                return;
        }
        call(n, API_PATCH, n->path, patch, patched_labels);
}

static void create(struct node *n, const struct node_inputs *in)
{
        CLEANUP(json_freep) cJSON *node = node_object(in);

        keep(&n->sent, json_get(node, "status"));
        call(n, API_POST, "/api/v1/nodes", node, created);
}

static void go(struct node *n)
{
        struct node_image images[NODE_IMAGES_MAX * 2];
        struct node_health health = { n->trouble_bus, n->trouble_helper, n->trouble_packages, n->trouble_shutdown };
        struct node_inputs in = { n->config,    n->facts,   &health,
                                  &n->pressure, n->version, n->package_labels,
                                  images,       0,          clock_usec(CLOCK_REALTIME) };

        if (n->call) {
                n->hurry = true;
                return;
        }
        facts_refresh(n->root, n->facts);
        (void)node_pressure_see(&n->pressure, &n->config->eviction, n->facts, clock_usec(CLOCK_BOOTTIME));
        if (n->callbacks.images && n->step != ASK_VERSION)
                in.n_images = n->callbacks.images(n->userdata, images, ARRAY_LEN(images));
        switch (n->step) {
        case ASK_VERSION:
                call(n, API_GET, "/version", NULL, got_version);
                break;
        case CREATE:
                create(n, &in);
                break;
        case GET:
                call(n, API_GET, n->path, NULL, got);
                break;
        case PATCH_LABELS:
                patch_labels(n, &in);
                break;
        case REPORT:
                if (n->labels_changed)
                        patch_labels(n, &in);
                else
                        report(n, &in);
                break;
        }
}

/* ---- from outside ------------------------------------------------------------------------------------------------ */

const struct node_pressure *node_look_at_pressure(struct node *n)
{
        facts_refresh(n->root, n->facts);
        if (node_pressure_see(&n->pressure, &n->config->eviction, n->facts, clock_usec(CLOCK_BOOTTIME)) &&
            n->step == REPORT)
                go(n);
        return &n->pressure;
}

/* The lease was gone, as it is when the Node is: telling the status shows. */
static void lease_lost(void *userdata)
{
        struct node *n = userdata;

        n->report_at = 0;
        if (n->step == REPORT)
                go(n);
}

/* Does the API server have another status for one of our conditions than we told? */
static bool contradicted(const cJSON *told, const cJSON *status)
{
        const cJSON *ours, *theirs;

        cJSON_ArrayForEach (ours, json_get(told, "conditions")) {
                bool same = false;
                cJSON_ArrayForEach (theirs, json_get(status, "conditions"))
                        same = same || (streq(json_str(ours, "type"), json_str(theirs, "type")) &&
                                        streq(json_str(ours, "status"), json_str(theirs, "status")));
                if (!same)
                        return true;
        }
        return false;
}

/* The kubelet's event for who has cordoned the node, or has let pods in again. */
static void post_schedulable(struct node *n, const cJSON *object)
{
        bool unschedulable = json_bool(json_get(object, "spec"), "unschedulable", false);
        const char *reason = unschedulable ? "NodeNotSchedulable" : "NodeSchedulable";

        if (unschedulable == n->unschedulable)
                return;
        n->unschedulable = unschedulable;
        CLEANUP(freep) char *text = xasprintf("Node %s status is now: %s", n->config->node_name, reason);
        post(n, false, reason, text);
}

void node_seen(void *userdata, const cJSON *object)
{
        struct node *n = userdata;
        CLEANUP(json_freep) cJSON *ours = NULL;

        post_schedulable(n, object);
        if (n->step != REPORT || n->call)
                return;
        ours = kept(n->told);
        if (!contradicted(ours, json_get(object, "status")))
                return;
        keep(&n->known, object);
        n->report_at = 0;
        go(n);
}

void node_gone(void *userdata, UNUSED const cJSON *object)
{
        struct node *n = userdata;

        n->report_at = 0; /* telling the status finds out, and makes it again */
        if (n->step == REPORT)
                go(n);
}

struct node *node_new(sd_event *event, struct api *api, const struct config *config, struct facts *facts,
                      const char *root, struct events *events, const struct node_callbacks *callbacks, void *userdata)
{
        struct node *n = NEW(struct node);
        CLEANUP(freep) char *escaped = api_escape(config->node_name);

        *n = (struct node){
                .event = event, .api = api, .config = config, .facts = facts, .events = events, .userdata = userdata
        };
        n->root = xstrdup(root ? root : "");
        n->path = xasprintf("/api/v1/nodes/%s", escaped);
        n->retry = (struct retry){ .first_ms = 200, .most_ms = 7000 };
        n->trouble_bus = xstrdup("starting");
        if (callbacks)
                n->callbacks = *callbacks;
        if (config->node_lease)
                n->lease = lease_new(event, api, config->node_name, lease_lost, n);
        go(n);
        return n;
}

struct node *node_free(struct node *n)
{
        if (!n)
                return NULL;
        api_cancel(n->call);
        sd_event_source_disable_unref(n->timer);
        lease_free(n->lease);
        packed_free(n->known);
        packed_free(n->sent);
        packed_free(n->told);
        cJSON_Delete(n->package_labels);
        free(n->root);
        free(n->path);
        free(n->trouble_bus);
        free(n->trouble_helper);
        free(n->trouble_packages);
        free(n->trouble_shutdown);
        free(n);
        return NULL;
}

static bool replace(char **text, const char *with)
{
        if (streq(*text, with))
                return false;
        free(*text);
        *text = xstrdup(with);
        return true;
}

void node_set_health(struct node *n, const struct node_health *health)
{
        bool changed = replace(&n->trouble_bus, health->bus);

        changed |= replace(&n->trouble_helper, health->helper);
        changed |= replace(&n->trouble_packages, health->packages);
        changed |= replace(&n->trouble_shutdown, health->shutdown);
        if (changed && n->step == REPORT)
                go(n);
}

void node_set_package_labels(struct node *n, cJSON *labels)
{
        bool same = cJSON_Compare(labels, n->package_labels, true);

        cJSON_Delete(n->package_labels);
        n->package_labels = labels;
        if (same)
                return;
        n->labels_changed = true;
        if (n->step == REPORT)
                go(n);
}

const char *node_name(const struct node *n)
{
        return n->config->node_name;
}

const char *node_ip(const struct node *n, size_t i)
{
        return node_address(n->config, n->facts, i);
}

const char *node_kubelet_version(const struct node *n)
{
        return n->version;
}
