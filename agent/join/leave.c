/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving: no new pods come (cordon), those that are here go (eviction, which heeds disruption budgets), the agent
 * stops, its files go. A node may do all that by itself but delete its Node object.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/certs/store.h"
#include "agent/client/api.h"
#include "agent/join/cluster.h"
#include "agent/join/drain.h"
#include "agent/join/join.h"
#include "agent/join/joining.h"
#include "agent/join/settings.h"
#include "agent/lib/json.h"
#include "agent/lib/times.h"
#include "common/file.h"
#include "common/mem.h"

#define USEC       UINT64_C(1000000)
#define KUBECONFIG MACHINE_ETC "/kubeconfig"

enum { FILE_MAX = 256 * 1024, POLL_USEC = 1000 * 1000, TELL_USEC = 10 * 1000 * 1000, NAMES_MAX = 400 };

struct leaving {
        const struct leave_options *options;
        struct machine machine;
        struct facts facts;
        struct config *config;
        const char *node;
        struct kubeconfig *admin; /* NULL: none */
        struct kubeconfig *who;   /* the node */
};

static void leaving_done(struct leaving *l)
{
        config_free(TAKE(l->config));
        kubeconfig_free(TAKE(l->admin));
        kubeconfig_free(TAKE(l->who));
}

static const struct kubeconfig *asks(const struct leaving *l)
{
        return l->admin ?: l->who;
}

/* ---- pods -------------------------------------------------------------------------------------------------------- */

static int list_pods(const struct leaving *l, cJSON **ret, struct err *e)
{
        CLEANUP(freep) char *path = xasprintf("/api/v1/pods?fieldSelector=spec.nodeName%%3D%s", l->node);

        return cluster_ask(asks(l), "GET", path, NULL, ret, e);
}

static int cordon(const struct leaving *l, bool on, struct err *e)
{
        CLEANUP(freep) char *path = xasprintf("/api/v1/nodes/%s", l->node);
        CLEANUP(json_freep) cJSON *patch = cJSON_CreateObject();
        cJSON *spec = cJSON_AddObjectToObject(patch, "spec");

        if (on)
                cJSON_AddTrueToObject(spec, "unschedulable");
        else
                cJSON_AddNullToObject(spec, "unschedulable");
        return cluster_ask(asks(l), "PATCH", path, patch, NULL, e);
}

/* Before anything is changed. */
static int check_pods(const struct leaving *l, struct err *e)
{
        CLEANUP(json_freep) cJSON *list = NULL;
        char names[NAMES_MAX];
        size_t n;
        int r = list_pods(l, &list, e);

        if (r < 0 || l->options->force)
                return r;
        n = drain_alone(json_get(list, "items"), names, sizeof(names));
        if (n == 0)
                return 0;
        return err_set(
                e, -EBUSY, NULL,
                "%zu pods of this node would be gone for good, since nobody makes them anew: %s. --force ends them", n,
                names);
}

/* 429: a disruption budget says not now. A pod that is gone, or going, is no trouble. */
static int evict(const struct leaving *l, const cJSON *pod, bool *ret_held, struct err *e)
{
        static const char *const versions[] = { "policy/v1", "policy/v1beta1" }; /* the second: before 1.22 */
        CLEANUP(freep) char *path = drain_path(pod, true);
        int r = -ENOENT;

        for (size_t i = 0; i < ARRAY_LEN(versions) && (r == -ENOENT || r == -EINVAL); i++) {
                CLEANUP(json_freep) cJSON *body = drain_eviction(pod, versions[i]);

                r = cluster_ask(asks(l), "POST", path, body, NULL, e);
        }
        *ret_held |= r == -EBUSY;
        return r == -EBUSY || r == -ENOENT ? 0 : r;
}

static int end_now(const struct leaving *l, const cJSON *pod, struct err *e)
{
        CLEANUP(freep) char *path = drain_path(pod, false);
        int r = cluster_ask(asks(l), "DELETE", path, NULL, NULL, e);

        return r == -ENOENT ? 0 : r;
}

static int drain(const struct leaving *l, struct err *e)
{
        uint64_t told = time_now(), end = told + l->options->wait_s * USEC;
        bool hard = false;

        for (;;) {
                CLEANUP(json_freep) cJSON *list = NULL;
                const cJSON *pod;
                char names[NAMES_MAX];
                bool held = false;
                size_t left;
                int r = list_pods(l, &list, e);

                cJSON_ArrayForEach (pod, json_get(list, "items"))
                        if (r == 0 && drain_goes(pod) && !drain_is_going(pod))
                                r = hard ? end_now(l, pod, e) : evict(l, pod, &held, e);
                if (r < 0)
                        return r;
                left = drain_left(json_get(list, "items"), names, sizeof(names));
                if (left == 0)
                        return 0;
                if (time_now() > end && (hard || !l->options->force))
                        return err_set(e, -ETIMEDOUT, NULL, "after %u s %zu pods are still here%s: %s",
                                       l->options->wait_s, left, held ? " (a PodDisruptionBudget holds some)" : "",
                                       names);
                if (time_now() > end) {
                        hard = true;
                        end = time_now() + l->options->wait_s * USEC;
                }
                if (time_now() - told > TELL_USEC) {
                        told = time_now();
                        join_say("Waiting for %zu pods to go%s: %s", left,
                                 held ? " (a PodDisruptionBudget holds some)" : "", names);
                }
                usleep(POLL_USEC);
        }
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

/* What the API server does not end: pods of DaemonSets, static ones. Without an agent nobody ever would. Such a pod may
 * have a grace of a year, and ignore SIGTERM. */
static int stop_everything(struct err *e)
{
        static const char *const agent[] = { "systemctl", "stop", "vks-agent.service", NULL };
        static const char *const units[] = { "timeout", "120", "systemctl", "stop", "vks.*.service", NULL };
        static const char *const kill[] = { "systemctl", "kill", "--signal=KILL", "vks.*.service", NULL };
        static const char *const mounts[] = { "systemctl", "stop", "run-vks-pods-*.mount", NULL };
        int r = machine_run(agent, true, e);

        if (r > 0)
                return err_set(e, -EIO, NULL, "systemctl stop vks-agent.service failed (%d)", r);
        if (r == 0)
                r = machine_run(units, true, e);
        if (r > 0 && (r = machine_run(kill, true, e)) >= 0)
                r = machine_run(units, true, e);
        if (r >= 0)
                r = machine_run(mounts, true, e);
        return r < 0 ? r : 0;
}

static int remove_settings(const struct machine *m, struct err *e)
{
        static const char path[] = MACHINE_ETC "/" MACHINE_CONFIG;
        CLEANUP(freep) char *before = NULL, *after = NULL;
        uint64_t kept;
        size_t size;
        int r;

        if (access(path, F_OK) < 0)
                return 0;
        r = file_read(path, FILE_MAX, &before, &size, e);
        if (r == 0)
                r = settings_write(before, size, NULL, 0, &after, &kept, e);
        return r < 0 || streq(before, after) ? r : machine_write(m, MACHINE_CONFIG, after, e);
}

/* K3s' word stays where the Node does: with another one this machine could not come back under its name. */
static int remove_files(const struct leaving *l, struct err *e)
{
        static const char *const pki[] = { CERT_CLIENT, CERT_SERVING, CERT_SIGNER, CERT_NODE_WORD };
        int r = machine_remove(KUBECONFIG, e);

        if (r == 0)
                r = machine_remove(MACHINE_ETC "/client-ca.crt", e);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(pki) - !l->admin; i++) {
                CLEANUP(freep) char *path = cert_store_path(CERT_STORE_DIR, pki[i]);

                r = machine_remove(path, e);
        }
        return r == 0 ? remove_settings(&l->machine, e) : r;
}

static int delete_node(const struct leaving *l, struct err *e)
{
        CLEANUP(freep) char *path = xasprintf("/api/v1/nodes/%s", l->node);
        int r;

        if (!l->admin) {
                join_say("The Node object stays, since a node may not delete itself:\n    kubectl delete node %s",
                         l->node);
                return 0;
        }
        r = cluster_ask(l->admin, "DELETE", path, NULL, NULL, e);
        if (r < 0 && r != -ENOENT)
                return r;
        join_say("The Node %s is deleted", l->node);
        return 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int read_all(struct leaving *l, struct err *e)
{
        char *arguments[] = { (char *)"vks-agent", NULL };
        int r = machine_look(&l->machine, e);

        if (r == 0)
                r = facts_read("", NULL, &l->facts, e);
        if (r == 0)
                r = config_new(1, arguments, "", l->facts.hostname, &l->config, e);
        if (r < 0)
                return r;
        l->node = l->config->node_name;
        if (access(KUBECONFIG, F_OK) < 0)
                return err_set(e, -ENOENT, NULL, "this machine has not joined: there is no " KUBECONFIG);
        r = kubeconfig_load(KUBECONFIG, &l->who, e);
        if (r == 0 && l->options->admin_kubeconfig)
                r = kubeconfig_load(l->options->admin_kubeconfig, &l->admin, e);
        return r;
}

/* An API server that does not know this node any more, or that is gone itself, keeps nobody here who means it. */
static int leave_cluster(const struct leaving *l, struct err *e)
{
        int r = check_pods(l, e);

        if (r == 0)
                r = cordon(l, true, e);
        if (r < 0)
                return r;
        r = drain(l, e);
        if (r < 0)
                cordon(l, false, NULL); /* it stays a node, as it was */
        return r;
}

static int run(struct leaving *l, struct err *e)
{
        int r = read_all(l, e);

        if (r < 0)
                return r;
        r = leave_cluster(l, e);
        if (r == -EBUSY || r == -ETIMEDOUT || (r < 0 && !l->options->force))
                return l->options->force ? r : err_prefix(e, "nothing has changed: ");
        if (r < 0)
                join_warn("%s", e->text);
        else
                join_say("No pod is left on %s", l->node);
        r = stop_everything(e);
        if (r == 0)
                r = remove_files(l, e);
        return r == 0 ? delete_node(l, e) : r;
}

int leave_main(int argc, char **argv)
{
        CLEANUP(leave_options_done) struct leave_options options;
        CLEANUP(leaving_done) struct leaving l = { .options = &options };
        struct err e = ERR_NONE;

        umask(0077);
        signal(SIGPIPE, SIG_IGN);
        if (leave_options_read(argc, argv, &options, &e) < 0) {
                fprintf(stderr, "vks-agent leave: %s\n", e.text);
                return 2;
        }
        if (options.help) {
                leave_help(stdout);
                return 0;
        }
        if (run(&l, &e) < 0) {
                fprintf(stderr, "vks-agent leave: %s\n", e.text);
                return 1;
        }
        join_say("This machine is a node no more; vks-agent join makes it one again");
        return 0;
}
