/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/config/config_rows.h"
#include "agent/lib/yaml.h"
#include "common/file.h"
#include "common/mem.h"
#include "proto/wire.h"

enum { FILE_MAX = 256 * 1024, FLAG_BASE = 256 };

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int set_json(struct config *c, const struct config_row *row, const cJSON *v, struct err *e)
{
        const cJSON *item;
        int r = 0;

        if (cJSON_IsString(v))
                return config_set(c, row, v->valuestring, e);
        if (cJSON_IsBool(v))
                return config_set(c, row, cJSON_IsTrue(v) ? "true" : "false", e);
        if (cJSON_IsNumber(v)) {
                CLEANUP(freep) char *text = cJSON_PrintUnformatted(v);
                return config_set(c, row, text ? text : "", e);
        }
        if (cJSON_IsArray(v) && config_is_list(row->type)) {
                cJSON_ArrayForEach (item, v) {
                        bool is_class = row->type == PRIORITIES && cJSON_IsObject(item);

                        if (is_class && (r = config_set_shutdown_object(&c->shutdown, item, e)) < 0)
                                return r;
                        if (is_class)
                                continue;
                        if (!cJSON_IsString(item))
                                return err_set(e, -EINVAL, NULL, "an item is no string");
                        if ((r = config_set_item(c, row, item->valuestring, e)) < 0)
                                return r;
                }
                return config_not_empty(c, row, e);
        }
        if (cJSON_IsObject(v) && config_is_map(row->type)) {
                cJSON_ArrayForEach (item, v) {
                        CLEANUP(freep)
                        char *number =
                                cJSON_IsNumber(item) && row->type != LABELS ? cJSON_PrintUnformatted(item) : NULL;
                        const char *value = number ? number : cJSON_GetStringValue(item);
                        /* 1.10 would arrive as 1.1, and true as a truth: a label's value is text. */
                        if (!value)
                                return err_set(e, -EINVAL, NULL, "%s is no string (put it in quotes)", item->string);
                        if ((r = config_set_pair(c, row, item->string, value, e)) < 0)
                                return r;
                }
                return 0;
        }
        return err_set(e, -EINVAL, NULL, "has the wrong type");
}

static int apply_tree(struct config *c, const cJSON *tree, struct err *e)
{
        const cJSON *v;

        if (cJSON_IsNull(tree)) /* nothing but comments */
                return 0;
        if (!cJSON_IsObject(tree))
                return err_set(e, -EINVAL, NULL, "must have \"field: value\" lines");
        cJSON_ArrayForEach (v, tree) {
                const struct config_row *row = NULL;

                for (size_t i = 0; i < CONFIG_ROWS && !row; i++)
                        if (config_rows[i].field && streq(config_rows[i].field, v->string))
                                row = &config_rows[i];
                if (!row)
                        return err_set(e, -EINVAL, NULL, "unknown field \"%s\"", v->string);
                if (cJSON_IsNull(v))
                        continue;
                config_clear(c, row); /* what holds unless somebody says otherwise */
                if (set_json(c, row, v, e) < 0)
                        return err_prefix(e, "%s: ", v->string);
        }
        return 0;
}

static int apply_file(struct config *c, const char *path, struct err *e)
{
        CLEANUP(freep) char *text = NULL;
        CLEANUP(json_freep) cJSON *tree = NULL;
        size_t size;
        int r = file_read(path, FILE_MAX, &text, &size, e);

        if (r < 0)
                return r;
        r = yaml_parse(text, size, &tree, e);
        if (r == 0)
                r = apply_tree(c, tree, e);
        return r < 0 ? err_prefix(e, "%s: ", path) : 0;
}

/* ---- flags ------------------------------------------------------------------------------------------------------- */

struct given {
        const struct config_row *row;
        const char *value;
};

/* Fills `given`, which has room for argc. Returns how many. */
static int read_flags(int argc, char **argv, struct given *given, struct err *e)
{
        struct option options[CONFIG_ROWS + 1] = { 0 };
        int n = 0, o, at = 1;

        for (size_t i = 0; i < CONFIG_ROWS; i++)
                options[i] = (struct option){ config_rows[i].flag,
                                              config_rows[i].type == BOOL ? optional_argument : required_argument, NULL,
                                              FLAG_BASE + (int)i };
        opterr = 0;
        optind = 0; /* glibc: begin afresh */
        while ((o = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
                if (o == 'h')
                        given[n++] = (struct given){ &config_rows[CONFIG_ROWS - 1], "true" };
                else if (o == ':')
                        return err_set(e, -EINVAL, NULL, "%s: needs a value", argv[at]);
                else if (o < FLAG_BASE)
                        return err_set(e, -EINVAL, NULL, "unknown flag %s", argv[at]);
                else
                        given[n++] = (struct given){ &config_rows[o - FLAG_BASE], optarg ? optarg : "true" };
                at = optind;
        }
        if (optind < argc)
                return err_set(e, -EINVAL, NULL, "unexpected argument \"%s\"", argv[optind]);
        return n;
}

static int apply_flags(struct config *c, const struct given *given, int n, struct err *e)
{
        for (int i = 0; i < n; i++) {
                bool first = true;

                if (streq(given[i].row->flag, "config"))
                        continue;
                for (int k = 0; k < i; k++)
                        first &= given[k].row != given[i].row;
                if (first)
                        config_clear(c, given[i].row);
                if (config_set(c, given[i].row, given[i].value, e) < 0)
                        return err_prefix(e, "--%s: ", given[i].row->flag);
        }
        return 0;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* The usual place, when there is something. */
static char *if_exists(const char *root, const char *path)
{
        CLEANUP(freep) char *full = xasprintf("%s%s", root, path);

        return access(full, F_OK) == 0 ? TAKE(full) : NULL;
}

static bool is_address(const char *s)
{
        unsigned char any[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, s, any) == 1 || inet_pton(AF_INET6, s, any) == 1;
}

static int complete(struct config *c, const char *root, const char *hostname, struct err *e)
{
        if (!c->kubeconfig)
                c->kubeconfig = xstrdup("/etc/vks/kubeconfig");
        if (!c->static_path)
                c->static_path = xasprintf("%s/etc/vks/manifests", root);
        if (!c->cluster_domain)
                c->cluster_domain = xstrdup("cluster.local");
        if (!c->helper_socket)
                c->helper_socket = xstrdup(WIRE_SOCKET);
        if (!c->node_name && config_set_name(&c->node_name, hostname, e) < 0)
                return err_prefix(e, "--nodename is not given and the hostname cannot serve: ");
        if (!c->healthz_address)
                c->healthz_address = xstrdup("127.0.0.1");
        if (c->address && !is_address(c->address))
                return err_set(e, -EINVAL, NULL, "--address: \"%s\" is no IP address", c->address);
        if (!is_address(c->healthz_address))
                return err_set(e, -EINVAL, NULL, "--healthz-bind-address: \"%s\" is no IP address", c->healthz_address);
        if (config_check_eviction(&c->eviction, e) < 0 || config_check_shutdown(&c->shutdown, e) < 0)
                return -EINVAL;
        if (!c->cert_file != !c->key_file)
                return err_set(e, -EINVAL, NULL, "--certfile and --keyfile go together, and %s is missing",
                               c->cert_file ? "--keyfile" : "--certfile");
        if (!c->cert_dir)
                c->cert_dir = xasprintf("%s/var/lib/vks/pki", root);
        if (c->cert_file)
                c->serving_bootstrap = false; /* what an operator has put there by hand stays */
        if (!c->cert_file && !c->serving_bootstrap) {
                c->cert_file = if_exists(root, "/etc/vks/kubelet-serving.crt");
                c->key_file = if_exists(root, "/etc/vks/kubelet-serving.key");
                if (!c->cert_file || !c->key_file) {
                        free(TAKE(c->cert_file));
                        free(TAKE(c->key_file));
                }
        }
        if (!c->client_ca_file)
                c->client_ca_file = if_exists(root, "/etc/vks/client-ca.crt");
        return 0;
}

int config_new(int argc, char **argv, const char *root, const char *hostname, struct config **ret, struct err *e)
{
        CLEANUP(config_freep) struct config *c = NEW(struct config);
        CLEANUP(freep) struct given *given = xcalloc((size_t)argc + 1, sizeof(*given));
        CLEANUP(freep) char *file = NULL;
        const char *named = NULL;
        int n, r;

        *c = (struct config){
                .node_lease = true,
                .system_log_handler = true,
                .port = 10250,
                .healthz_port = 10248,
                .max_pods = 110,
                .stream_idle_usec = 4 * UINT64_C(3600) * 1000000,
                .log_level = LOG_INFO,
                .eviction = config_eviction_default,
        };
        root = root ? root : "";
        n = read_flags(argc, argv, given, e);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                c->help |= streq(given[i].row->flag, "help");
                c->version |= streq(given[i].row->flag, "version");
                if (streq(given[i].row->flag, "config"))
                        named = given[i].value;
        }
        if (!c->help && !c->version) {
                file = named ? xstrdup(named) : if_exists(root, CONFIG_FILE);
                if ((file && (r = apply_file(c, file, e)) < 0) || (r = apply_flags(c, given, n, e)) < 0 ||
                    (r = complete(c, root, hostname, e)) < 0)
                        return r;
                c->file = TAKE(file);
        }
        *ret = TAKE(c);
        return 0;
}

struct config *config_free(struct config *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < CONFIG_ROWS; i++) {
                const bool text = config_rows[i].type == STRING || config_rows[i].type == NAME;

                if (text && config_rows[i].at != SIZE_MAX)
                        free(*(char **)config_place(c, &config_rows[i]));
                else if (!text)
                        config_clear(c, &config_rows[i]);
        }
        free(c->file);
        free(c);
        return NULL;
}

int config_may_forward(const struct config *c, const char *namespace, struct err *e)
{
        char **patterns = c->port_forward_namespaces;
        bool fits = !patterns;

        for (size_t i = 0; patterns && patterns[i]; i++)
                fits |= fnmatch(patterns[i], namespace, 0) == 0;
        if (c->port_forward == PORT_FORWARD_OFF)
                return err_set(e, -EPERM, NULL, "port-forward is off on this node (portForward in agent.yaml)");
        if (!fits)
                return err_set(e, -EPERM, NULL,
                               "port-forward does not reach namespace %s on this node (portForwardNamespaces in "
                               "agent.yaml)",
                               namespace);
        return 0;
}

void config_help(FILE *f)
{
        fputs("vks-agent: makes this machine a Kubernetes node whose pods are systemd services.\n\n"
              "usage: vks-agent [FLAG]...\n"
              "       vks-agent join ...      once, as root: joins a cluster (vks-agent join --help)\n"
              "       vks-agent leave ...     leaves it\n"
              "       vks-agent image ...     says what an image means here (vks-agent image --help)\n\nFlags:\n",
              f);
        for (size_t i = 0; i < CONFIG_ROWS; i++) {
                CLEANUP(freep)
                char *flag = xasprintf("--%s%s%s", config_rows[i].flag, config_rows[i].arg ? " " : "",
                                       config_rows[i].arg ? config_rows[i].arg : "");

                fprintf(f, "  %-28s %s", flag, config_rows[i].help);
                if (config_rows[i].standard)
                        fprintf(f, " (default: %s)", config_rows[i].standard);
                fputc('\n', f);
        }
        fputs("\nA flag wins over the file. See vks-agent(8).\n", f);
}
