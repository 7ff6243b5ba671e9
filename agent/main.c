/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: who talks to whom. Everything happens on one event loop; this file makes the parts, wires what they tell
 * to those who want to know, and lets the loop run.
 */
#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/cage.h"
#include "agent/certs/rotation.h"
#include "agent/certs/store.h"
#include "agent/config/config.h"
#include "agent/join/join.h"
#include "agent/node/facts.h"
#include "agent/lib/file_watch.h"
#include "agent/server/gate.h"
#include "agent/server/health_port.h"
#include "agent/server/kubelet_api.h"
#include "agent/server/listen.h"
#include "agent/logs/log_end.h"
#include "agent/logs/log_stream.h"
#include "agent/node/node.h"
#include "agent/node/package_labels.h"
#include "agent/packages/image_main.h"
#include "agent/pods/command.h"
#include "agent/sessions/console.h"
#include "agent/tunnel/k3s_tunnel.h"
#include "agent/pods/pods.h"
#include "agent/pods/shutdown.h"
#include "agent/probes/hooks.h"
#include "agent/probes/probes.h"
#include "agent/stats/evictor.h"
#include "agent/lib/retry.h"
#include "agent/lib/times.h"
#include "agent/client/server_url.h"
#include "agent/client/watch.h"
#include "common/log.h"
#include "common/mem.h"

enum { LABELS_USEC = 5 * 1000 * 1000 };

struct agent {
        sd_event *event;
        struct config *config;
        char *api_host, *api_port; /* as pods are told */
        struct facts facts;
        struct kubeconfig *kubeconfig;
        struct api *api;
        struct events *events;
        struct rotation *rotation; /* NULL: an operator looks after the certificates */
        struct helper_client *helper;
        struct packages *packages;
        struct image_table *images;
        struct observed *observed;
        struct objects *objects;
        struct claims *claims;
        struct services *services;
        struct tokens *tokens;
        struct installer *installer;
        struct node *node;
        struct pods *pods;
        struct commands *commands;
        struct probes *probes;
        struct hooks *hooks;
        struct consoles *consoles;
        struct sampler *sampler;
        struct evictor *evictor;
        struct shutdown *shutdown; /* NULL: the machine does not wait for pods */
        bool shutting_down;
        struct watch *watch, *node_watch;
        struct gate *gate;
        int kept; /* listen_find_kept() */
        struct server *server;
        struct kubelet_api kubelet_api;
        struct health_port *health_port;
        struct health_counts health_counts;
        struct k3s_tunnel *tunnel; /* NULL: no K3s */
        bool registered, units_read, begun;
        bool bus_connected;
        char packages_trouble[ERR_TEXT_MAX];
        struct file_watch *dpkg_watch;
        sd_event_source *labels_timer;
        bool labels_due;
};

/* ---- starting to act: the units were read once, and then: the Node exists ---------------------------------------- */

static void agent_free(struct agent *a);

static void watch_begin(void *a)
{
        pods_list_begin(((struct agent *)a)->pods);
}

static void watch_upsert(void *a, const cJSON *object)
{
        pods_upsert(((struct agent *)a)->pods, object);
}

static void watch_gone(void *a, const cJSON *object)
{
        pods_object_gone(((struct agent *)a)->pods, object);
}

static int finish_dry_run(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        return sd_event_exit(((struct agent *)userdata)->event, 0);
}

static void watch_synced(void *userdata)
{
        struct agent *a = userdata;

        pods_list_synced(a->pods);
        malloc_trim(0); /* a list is the largest thing the agent ever reads, and it is not needed any more */
        if (a->config->dry_run)
                sd_event_add_time_relative(a->event, NULL, CLOCK_MONOTONIC, 100 * 1000, 0, finish_dry_run, a);
}

static void begin(struct agent *a)
{
        static const struct watch_handler handler = {
                .begin = watch_begin,
                .upsert = watch_upsert,
                .gone = watch_gone,
                .synced = watch_synced,
        };
        CLEANUP(freep) char *query = NULL, *name = NULL;

        if (a->units_read && !a->begun) {
                a->begun = true;
                pods_start(a->pods); /* static pods wait for nobody */
        }
        if (a->watch || !a->units_read || !a->registered)
                return;
        name = api_escape(a->config->node_name);
        query = xasprintf("fieldSelector=spec.nodeName%%3D%s", name);
        a->watch = watch_new(a->event, a->api, "/api/v1/pods", query, &handler, a);
        sd_notifyf(0, "STATUS=node %s, systemd %s", a->config->node_name, observed_systemd_version(a->observed));
}

static void watch_node_seen(void *userdata, const cJSON *object)
{
        struct agent *a = userdata;

        pods_node_seen(a->pods, object);
        node_seen(a->node, object);
        if (a->rotation)
                rotation_node_seen(a->rotation, object);
}

static void watch_node_gone(void *userdata, const cJSON *object)
{
        node_gone(((struct agent *)userdata)->node, object);
}

static void watch_node(struct agent *a)
{
        static const struct watch_handler handler = { .upsert = watch_node_seen, .gone = watch_node_gone };
        CLEANUP(freep)
        char *name = api_escape(a->config->node_name), *query = xasprintf("fieldSelector=metadata.name%%3D%s", name);

        a->node_watch = watch_new(a->event, a->api, "/api/v1/nodes", query, &handler, a);
}

static void node_registered(void *userdata)
{
        struct agent *a = userdata;

        a->registered = true;
        k3s_tunnel_start(a->tunnel);
        watch_node(a);
        begin(a);
}

static size_t node_images(void *userdata, struct node_image *ret, size_t max)
{
        return pods_images(((struct agent *)userdata)->pods, ret, max);
}

static void report_health(struct agent *a)
{
        const struct node_health health = {
                .bus = a->bus_connected ? NULL : "the system bus cannot be reached",
                .packages = *a->packages_trouble ? a->packages_trouble : NULL,
                .shutdown = a->shutting_down ? "node is shutting down" : NULL,
        };

        if (a->node)
                node_set_health(a->node, &health);
}

/* ---- what is installed ------------------------------------------------------------------------------------------- */

static int tell_packages(UNUSED sd_event_source *source, UNUSED uint64_t usec, void *userdata)
{
        struct agent *a = userdata;
        struct err e = ERR_NONE;

        a->labels_due = false;
        if (packages_refresh(a->packages, &e) < 0)
                log_warning("%s", e.text);
        else if (a->node)
                node_set_package_labels(a->node, package_labels(a->packages, a->config->package_labels));
        return 0;
}

/* dpkg writes many times while it installs: what it leaves in the end is told, and now and then something before it. */
static void dpkg_changed(void *userdata)
{
        struct agent *a = userdata;

        if (!a->labels_due)
                timer_arm(a->event, &a->labels_timer, CLOCK_MONOTONIC, LABELS_USEC, tell_packages, a);
        a->labels_due = true;
}

static void watch_dpkg(struct agent *a)
{
        static const char *const status[] = { "/var/lib/dpkg/status" };
        struct err e = ERR_NONE;

        if (file_watch_new(a->event, status, 1, dpkg_changed, a, &a->dpkg_watch, &e) < 0)
                log_warning("%s", e.text);
        tell_packages(NULL, 0, a);
}

/* ---- systemd ----------------------------------------------------------------------------------------------------- */

static void start_node(struct agent *a)
{
        static const struct node_callbacks callbacks = { .registered = node_registered, .images = node_images };
        struct err e = ERR_NONE;

        if (a->node || a->config->dry_run)
                return;
        if (facts_read("", observed_systemd_version(a->observed), &a->facts, &e) < 0)
                log_error("%s", e.text);
        a->node = node_new(a->event, a->api, a->config, &a->facts, "", a->events, &callbacks, a);
        evictor_begin(a->evictor, a->node);
        watch_dpkg(a);
}

static void bus_connected(void *userdata, bool yes)
{
        struct agent *a = userdata;

        a->bus_connected = yes;
        if (yes)
                start_node(a); /* the Node tells systemd's version, so it waits for the bus */
        report_health(a);
}

static void unit_changed(void *userdata, const char *unit, const struct unit_state *state)
{
        struct agent *a = userdata;

        if (unit_name_is_exec(unit))
                commands_unit_changed(a->commands, unit, state);
        else
                pods_unit_changed(a->pods, unit, state);
        consoles_unit_changed(a->consoles, unit, state);
}

static void units_synced(void *userdata)
{
        struct agent *a = userdata;

        a->units_read = true;
        pods_units_synced(a->pods);
        commands_units_synced(a->commands, a->observed);
        consoles_units_synced(a->consoles, a->observed);
        begin(a);
}

static void job_failed(void *userdata, const char *unit, const char *result)
{
        struct agent *a = userdata;

        if (unit_name_is_exec(unit))
                commands_job_failed(a->commands, unit, result);
        else
                pods_job_failed(a->pods, unit, result);
}

static void container_ended(void *userdata, const char *pod_uid)
{
        log_stream_poke(pod_uid);
        commands_container_ended(((struct agent *)userdata)->commands, pod_uid);
}

static void pod_seen(void *userdata, const struct pod *p, const struct pod_state *s)
{
        probes_pod_seen(((struct agent *)userdata)->probes, p, s);
}

static void pod_forgotten(void *userdata, const char *pod_uid)
{
        struct agent *a = userdata;

        if (a->probes)
                probes_pod_forgotten(a->probes, pod_uid);
        if (a->hooks)
                hooks_forget(a->hooks, pod_uid);
}

static void hook_begin(void *userdata, const char *pod_uid, size_t index, enum hook_kind kind, uint64_t usec)
{
        hooks_begin(((struct agent *)userdata)->hooks, pod_uid, index, kind, usec);
}

static int read_log_end(void *userdata, const char *pod_uid, const struct container *c, const char *invocation,
                        pods_log_end done, void *arg)
{
        const struct log_source source = {
                .pod_uid = pod_uid, .container = c->name, .unit = c->unit, .invocation_id = invocation
        };

        return log_end_read(((struct agent *)userdata)->event, &source, done, arg);
}

/* ---- what the other parts tell ----------------------------------------------------------------------------------- */

static void content_changed(void *userdata, enum object_kind kind, const char *namespace, const char *name)
{
        pods_content_changed(((struct agent *)userdata)->pods, kind, namespace, name);
}

static void claim_came(void *userdata, const char *namespace, const char *name)
{
        pods_claim_changed(((struct agent *)userdata)->pods, namespace, name);
}

static void services_changed(void *userdata, const char *namespace)
{
        pods_services_changed(((struct agent *)userdata)->pods, namespace);
}

static void token_came(void *userdata, const struct pod_id *pod)
{
        pods_token_changed(((struct agent *)userdata)->pods, pod);
}

static void installed(void *userdata, const struct image *image, const struct err *err, uint64_t usec)
{
        pods_installed(((struct agent *)userdata)->pods, image, err, usec);
}

static void installing(void *userdata, const struct image *image, const char *words)
{
        pods_install_progress(((struct agent *)userdata)->pods, image, words);
}

static void look_at_health(void *userdata, struct health *ret)
{
        struct agent *a = userdata;

        ret->counts = &a->health_counts;
        ret->log = health_of_log();
        if (!a->bus_connected)
                ret->syncloop = "the system bus cannot be reached";
        else if (!a->units_read)
                ret->syncloop = "systemd's units were not read yet";
}

/* What listens there already may be a kubelet; pods are looked after all the same. */
static void start_health_port(struct agent *a)
{
        const struct health_port_config config = {
                .address = a->config->healthz_address,
                .port = a->config->healthz_port,
                .look = look_at_health,
                .userdata = a,
        };
        struct err e = ERR_NONE;

        if (a->config->healthz_port && !a->config->dry_run &&
            health_port_new(a->event, &config, &a->health_port, &e) < 0)
                log_warning("no /healthz in plain HTTP: %s", e.text);
}

static int start_rotation(struct agent *a, struct err *e)
{
        const struct config *c = a->config;
        const struct rotation_parts parts = {
                .event = a->event,
                .api = a->api,
                .events = a->events,
                .node_name = c->node_name,
                .dir = c->cert_dir,
                .client = c->rotate_client,
                .serving = c->serving_bootstrap,
        };

        if (c->dry_run || (!parts.client && !parts.serving))
                return 0;
        return rotation_new(&parts, a->kubeconfig, &a->rotation, e);
}

static const char *api_server_address(void *userdata)
{
        return api_peer(((const struct agent *)userdata)->api);
}

/* Pods run without it: that a tunnel cannot be had is no reason for the agent not to start. */
static void make_tunnel(struct agent *a)
{
        CLEANUP(freep) char *pair = cert_store_path(a->config->cert_dir, CERT_CLIENT);
        const struct k3s_tunnel_parts parts = {
                .event = a->event,
                .supervisor = rotation_supervisor(a->rotation),
                .server_name = a->kubeconfig->server_name,
                .ca_pem = a->kubeconfig->ca_pem,
                .client_file = pair,
                .address = api_server_address,
                .userdata = a,
                .kubelet_address = a->config->address,
                .kubelet_port = a->config->port,
        };
        struct err e = ERR_NONE;

        if (parts.supervisor && a->config->port && k3s_tunnel_new(&parts, &a->tunnel, &e) < 0)
                log_warning("no tunnel to K3s: %s", e.text);
}

static const char *kubelet_version(void *userdata)
{
        const struct agent *a = userdata;

        return a->node ? node_kubelet_version(a->node) : "";
}

static int start_server(struct agent *a, struct err *e)
{
        const struct config *c = a->config;
        const char *renewed = rotation_serving_file(a->rotation);
        const struct gate_config gate = {
                .event = a->event,
                .api = a->api,
                .node_name = c->node_name,
                .always_allow = c->always_allow,
        };
        struct server_config server = {
                .address = c->address,
                .port = c->port,
                .kept = a->kept,
                .cert_file = renewed ? renewed : c->cert_file,
                .key_file = renewed ? renewed : c->key_file,
                .client_ca_file = c->client_ca_file,
        };
        int r;

        if (!c->port || c->dry_run || !server.cert_file || !server.key_file || !c->client_ca_file)
                (void)listen_again(a->kept, NULL, 0); /* nobody listens there any more */
        if (!c->port || c->dry_run)
                return 0;
        if (!server.cert_file || !server.key_file || !c->client_ca_file) {
                log_warning("no kubelet API (kubectl logs): it needs --certfile, --keyfile and --client-ca-file");
                return 0;
        }
        if (c->always_allow)
                log_warning(
                        "authorizationMode is AlwaysAllow: every user of the cluster may read the logs of this node");
        r = gate_new(&gate, &a->gate, e);
        if (r < 0)
                return r;
        server.gate = a->gate;
        server.stream_idle_usec = a->config->stream_idle_usec ?: SERVER_STREAMS_NEVER_IDLE;
        a->kubelet_api = (struct kubelet_api){
                .event = a->event,
                .pods = a->pods,
                .api = a->api,
                .commands = a->commands,
                .consoles = a->consoles,
                .sampler = a->sampler,
                .evictor = a->evictor,
                .probes = a->probes,
                .rotation = a->rotation,
                .started = time_now(),
                .version = kubelet_version,
                .config = c,
                .node_logs = { .event = a->event,
                               .enabled = c->system_log_handler,
                               .queries = c->system_log_query,
                               .folder = "/var/log" },
                .look = look_at_health,
                .userdata = a,
        };
        return server_new(a->event, &server, kubelet_api_handle, &a->kubelet_api, &a->server, e);
}

static void start_evictor(struct agent *a)
{
        const struct evictor_parts parts = {
                .event = a->event,
                .pods = a->pods,
                .sampler = a->sampler,
                .config = &a->config->eviction,
                .facts = &a->facts,
                .usage_socket = DISK_USAGE_SOCKET,
        };

        a->evictor = evictor_new(&parts);
}

static void shutdown_begun(void *userdata, bool yes)
{
        struct agent *a = userdata;

        a->shutting_down = yes;
        report_health(a);
}

static void start_shutdown(struct agent *a)
{
        const struct shutdown_parts parts = {
                .event = a->event,
                .pods = a->pods,
                .events = a->events,
                .node_name = a->config->node_name,
                .begun = shutdown_begun,
                .userdata = a,
        };
        struct shutdown_order order;

        shutdown_order(&a->config->shutdown, &order);
        a->shutdown = shutdown_new(&parts, &order);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static const char *own_ip(const struct agent *a)
{
        const char *ip = node_address(a->config, &a->facts, 0);

        return ip ? ip : "";
}

static struct pod_node pod_node(const struct agent *a)
{
        struct node_allocatable all = node_allocatable(a->config, &a->facts);

        return (struct pod_node){
                .name = a->config->node_name,
                .hostname = a->facts.hostname,
                .cluster_domain = a->config->cluster_domain,
                .ip = own_ip(a),
                .other_ip = node_address(a->config, &a->facts, 1),
                .api_host = a->api_host,
                .api_port = a->api_port,
                .allocatable = { .of = { [RESOURCE_CPU] = all.cpu_milli,
                                         [RESOURCE_MEMORY] = all.memory,
                                         [RESOURCE_STORAGE] = all.storage } },
                .memory = a->facts.mem_total,
                .max_pods = all.pods,
                .max_pids = a->config->max_pids,
        };
}

static int agent_start(struct agent *a, struct err *e)
{
        static const struct observed_handler handler = {
                .changed = unit_changed,
                .synced = units_synced,
                .connected = bus_connected,
                .job_failed = job_failed,
        };
        static const struct installer_handler installer = { .done = installed, .progress = installing };
        CLEANUP(strv_freep) char **names = NULL; /* of what PID 1 has handed over */
        struct pods_parts parts;
        int r;

        if ((r = kubeconfig_load(a->config->kubeconfig, &a->kubeconfig, e)) < 0 ||
            (r = api_new(a->event, a->kubeconfig, &a->api, e)) < 0)
                return r;
        a->events = events_new(a->event, a->api, a->config->node_name);
        if ((r = start_rotation(a, e)) < 0)
                return r;
        make_tunnel(a);
        if ((r = server_url_split(a->kubeconfig->server, &a->api_host, &a->api_port, e)) < 0)
                return r;
        a->kubeconfig = kubeconfig_free(a->kubeconfig); /* the key is not kept twice */
        if ((r = facts_read("", NULL, &a->facts, e)) < 0)
                return r;
        a->packages = packages_new("");
        if (packages_refresh(a->packages, e) < 0)
                snprintf(a->packages_trouble, sizeof(a->packages_trouble), "%s", e->text);
        if ((r = image_table_read(IMAGES_FILE, &a->images, e)) < 0)
                return r;
        a->helper = helper_client_new(a->event, a->config->helper_socket);
        a->objects = objects_new(a->event, a->api, content_changed, a);
        a->claims = claims_new(a->event, a->api, claim_came, a);
        a->services = services_new(a->event, a->api, services_changed, a);
        a->tokens = tokens_new(a->event, a->api, token_came, a);
        a->installer = installer_new(a->event, a->helper, a->packages, &installer, a);
        a->observed = observed_new(a->event, &handler, a);
        parts = (struct pods_parts){
                .event = a->event,
                .api = a->api,
                .helper = a->helper,
                .packages = a->packages,
                .observed = a->observed,
                .events = a->events,
                .objects = a->objects,
                .claims = a->claims,
                .services = a->services,
                .tokens = a->tokens,
                .installer = a->installer,
                .node = pod_node(a),
                .static_path = a->config->static_path,
                .images = a->images,
                .container_ended = container_ended,
                .pod_seen = pod_seen,
                .pod_forgotten = pod_forgotten,
                .hook_begin = hook_begin,
                .log_end = read_log_end,
                .userdata = a,
                .dry_run = a->config->dry_run ? stdout : NULL,
        };
        a->pods = pods_new(&parts);
        a->commands = commands_new(a->event, a->helper, a->pods);
        a->hooks = hooks_new(a->event, a->pods, a->commands, own_ip(a));
        a->probes = probes_new(a->event, a->pods, a->commands, own_ip(a));
        (void)sd_listen_fds_with_names(true, &names);
        a->kept = listen_find_kept(names, SD_LISTEN_FDS_START);
        a->consoles = consoles_new(a->event, a->pods, names, SD_LISTEN_FDS_START);
        a->sampler = sampler_new(a->event, a->pods);
        if (!a->config->dry_run)
                start_evictor(a);
        if (!a->config->dry_run)
                start_shutdown(a);
        a->registered = a->config->dry_run;
        start_health_port(a);
        return start_server(a, e);
}

static void agent_free(struct agent *a)
{
        k3s_tunnel_free(a->tunnel);
        server_free(a->server);
        health_port_free(a->health_port);
        gate_free(a->gate);
        watch_free(a->watch);
        watch_free(a->node_watch);
        file_watch_free(a->dpkg_watch);
        sd_event_source_disable_unref(a->labels_timer);
        a->evictor = evictor_free(a->evictor);
        node_free(a->node);
        a->probes = probes_free(a->probes);
        a->hooks = hooks_free(a->hooks);
        shutdown_free(a->shutdown);
        sampler_free(a->sampler);
        helper_client_free(a->helper);
        consoles_free(a->consoles);
        commands_free(a->commands);
        pods_free(a->pods);
        installer_free(a->installer);
        tokens_free(a->tokens);
        objects_free(a->objects);
        claims_free(a->claims);
        services_free(a->services);
        observed_free(a->observed);
        rotation_free(a->rotation);
        events_free(a->events);
        packages_free(a->packages);
        image_table_free(a->images);
        api_free(a->api);
        kubeconfig_free(a->kubeconfig);
        config_free(a->config);
        free(a->api_host);
        free(a->api_port);
        sd_event_unref(a->event);
}

/* "systemctl reload": a table with a mistake changes nothing. */
static int reload(UNUSED sd_event_source *source, UNUSED const struct signalfd_siginfo *signal, void *userdata)
{
        struct agent *a = userdata;
        struct image_table *images;
        struct err e = ERR_NONE;

        if (image_table_read(IMAGES_FILE, &images, &e) < 0) {
                log_error("%s; the images that were known before hold", e.text);
                return 0;
        }
        log_info("%s: %zu rows", IMAGES_FILE, image_table_count(images));
        pods_set_images(a->pods, images);
        image_table_free(a->images);
        a->images = images;
        return 0;
}

static int run(struct agent *a)
{
        struct err e = ERR_NONE;
        sigset_t mask;
        int r;

        /* before curl: its resolver threads must inherit the mask */
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        signal(SIGPIPE, SIG_IGN);
        curl_global_init(CURL_GLOBAL_DEFAULT);

        if ((r = sd_event_default(&a->event)) < 0 ||
            (r = sd_event_add_signal(a->event, NULL, SIGTERM, NULL, NULL)) < 0 ||
            (r = sd_event_add_signal(a->event, NULL, SIGINT, NULL, NULL)) < 0 ||
            (r = sd_event_set_watchdog(a->event, 1)) < 0) {
                log_error("the event loop cannot start: %s", strerrordesc_np(-r));
                return 1;
        }
        if (agent_start(a, &e) < 0 || agent_cage(&e) < 0) {
                log_error("%s", e.text);
                return 1;
        }
        if ((r = sd_event_add_signal(a->event, NULL, SIGHUP, reload, a)) < 0) {
                log_error("SIGHUP cannot be waited for: %s", strerrordesc_np(-r));
                return 1;
        }
        /* Ready means that it looks after what there is: the API server may
         * be away, and a boot must not wait for it. */
        sd_notify(0, "READY=1\nSTATUS=registering the node");
        r = sd_event_loop(a->event);
        sd_notify(0, "STOPPING=1");
        return r < 0 ? 1 : r;
}

int main(int argc, char **argv)
{
        struct agent a = { 0 };
        struct err e = ERR_NONE;
        char hostname[254];
        int r;

        if (argc > 1 && streq(argv[1], "join"))
                return join_main(argc - 1, argv + 1);
        if (argc > 1 && streq(argv[1], "leave"))
                return leave_main(argc - 1, argv + 1);
        if (argc > 1 && streq(argv[1], "image"))
                return image_main(argc - 1, argv + 1);
        /* One arena, and memory above 64 KiB back to the system when freed: this process waits most of its life. */
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, 64 * 1024);
        mallopt(M_TRIM_THRESHOLD, 128 * 1024);
        facts_hostname(hostname);
        if (config_new(argc, argv, "", hostname, &a.config, &e) < 0) {
                fprintf(stderr, "vks-agent: %s\n", e.text);
                return 2;
        }
        if (a.config->help) {
                config_help(stdout);
                r = 0;
        } else if (a.config->version) {
                puts("vks-agent " VKS_VERSION);
                r = 0;
        } else {
                log_open(a.config->log_level);
                r = run(&a);
        }
        agent_free(&a);
        curl_global_cleanup();
        return r;
}
