/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>

#include "common/ids.h"
#include "common/mem.h"

enum { FLAG_BASE = 256, WAIT_MAX_S = 24 * 3600 };

enum { /* in the order of join_flags */
       JOIN_TOKEN = FLAG_BASE,
       JOIN_TOKEN_FILE,
       JOIN_PIN,
       JOIN_UNVERIFIED,
       JOIN_ADMIN,
       JOIN_BOOTSTRAP,
       JOIN_NAME,
       JOIN_SERVER_NAME,
       JOIN_CLIENT_CA,
       JOIN_TAINT,
       JOIN_NO_TAINT,
       JOIN_REPLACE,
       JOIN_WAIT,
       JOIN_HELP,
};

static const struct option join_flags[] = {
        { "token", required_argument, NULL, JOIN_TOKEN },
        { "token-file", required_argument, NULL, JOIN_TOKEN_FILE },
        { "discovery-token-ca-cert-hash", required_argument, NULL, JOIN_PIN },
        { "discovery-token-unsafe-skip-ca-verification", no_argument, NULL, JOIN_UNVERIFIED },
        { "kubeconfig", required_argument, NULL, JOIN_ADMIN },
        { "bootstrap-kubeconfig", required_argument, NULL, JOIN_BOOTSTRAP },
        { "node-name", required_argument, NULL, JOIN_NAME },
        { "server-name", required_argument, NULL, JOIN_SERVER_NAME },
        { "client-ca-file", required_argument, NULL, JOIN_CLIENT_CA },
        { "taint", no_argument, NULL, JOIN_TAINT },
        { "no-taint", no_argument, NULL, JOIN_NO_TAINT },
        { "replace", no_argument, NULL, JOIN_REPLACE },
        { "wait", required_argument, NULL, JOIN_WAIT },
        { "help", no_argument, NULL, JOIN_HELP },
        { NULL, 0, NULL, 0 },
};

enum { /* in the order of leave_flags */
       LEAVE_ADMIN = FLAG_BASE,
       LEAVE_FORCE,
       LEAVE_WAIT,
       LEAVE_HELP,
};

static const struct option leave_flags[] = {
        { "kubeconfig", required_argument, NULL, LEAVE_ADMIN },
        { "force", no_argument, NULL, LEAVE_FORCE },
        { "wait", required_argument, NULL, LEAVE_WAIT },
        { "help", no_argument, NULL, LEAVE_HELP },
        { NULL, 0, NULL, 0 },
};

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int set_string(char **ret, const char *flag, const char *value, struct err *e)
{
        if (!*value)
                return err_set(e, -EINVAL, NULL, "--%s: is empty", flag);
        free(*ret);
        *ret = xstrdup(value);
        return 0;
}

static int set_wait(unsigned *ret, const char *value, struct err *e)
{
        char *end;
        unsigned long n;

        errno = 0;
        n = strtoul(value, &end, 10);
        if (errno || !isdigit((unsigned char)value[0]) || *end || n > WAIT_MAX_S)
                return err_set(e, -EINVAL, NULL, "--wait: \"%s\" is no number of seconds from 0 to %d", value,
                               WAIT_MAX_S);
        *ret = (unsigned)n;
        return 0;
}

static int set_name(char **ret, const char *value, struct err *e)
{
        char *name = xstrdup(value);

        for (char *p = name; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        free(*ret);
        *ret = name;
        if (!id_is_name(name))
                return err_set(e, -EINVAL, NULL, "--node-name: \"%s\" is no node name (RFC 1123: a-z, 0-9, - and dots)",
                               name);
        return 0;
}

/* Everybody on the machine sees a command line; what was there a moment ago cannot be called back, but need not stay.
 */
static int take_token(char **ret, char *value, struct err *e)
{
        int r = set_string(ret, "token", value, e);

        memset(value, 'x', strlen(value));
        return r;
}

static int add_pin(struct join_options *o, const char *value, struct err *e)
{
        if (o->n_pins == PINS_MAX)
                return err_set(e, -EINVAL, NULL, "--discovery-token-ca-cert-hash: more than %d", PINS_MAX);
        if (join_pin_parse(value, o->pins[o->n_pins], e) < 0)
                return err_prefix(e, "--discovery-token-ca-cert-hash: ");
        o->n_pins++;
        return 0;
}

/* https://HOST[:PORT], as an operator copies it; "HOST:PORT", as kubeadm's join has it, is the same. No error shows it:
 * a token may have been put in its place. */
static int set_url(char **ret, const char *value, struct err *e)
{
        static const char scheme[] = "https://";
        bool has_scheme = strstr(value, "://") != NULL;
        size_t n = strlen(value), at = 0;

        if (*ret)
                return err_set(e, -EINVAL, NULL, "there is a second argument, and one URL is enough");
        if (has_scheme && strncasecmp(value, scheme, strlen(scheme)) != 0)
                return err_set(e, -EINVAL, NULL, "the argument is no https:// URL");
        if (has_scheme)
                at = strlen(scheme);
        while (n > at && value[n - 1] == '/')
                n--;
        if (n == at || value[at] == ':')
                return err_set(e, -EINVAL, NULL, "the URL names no server");
        for (size_t i = at; i < n; i++)
                if (!isalnum((unsigned char)value[i]) && !strchr("-._:[]%", value[i]))
                        return err_set(e, -EINVAL, NULL, "the argument is no URL of a server (https://HOST:PORT)");
        *ret = xasprintf("%s%.*s", scheme, (int)(n - at), value + at);
        return 0;
}

static int set_join(struct join_options *o, int flag, char *value, struct err *e)
{
        switch (flag) {
        case JOIN_TOKEN:
                return take_token(&o->token, value, e);
        case JOIN_TOKEN_FILE:
                return set_string(&o->token_file, "token-file", value, e);
        case JOIN_PIN:
                return add_pin(o, value, e);
        case JOIN_UNVERIFIED:
                o->unverified = true;
                return 0;
        case JOIN_ADMIN:
                return set_string(&o->admin_kubeconfig, "kubeconfig", value, e);
        case JOIN_BOOTSTRAP:
                return set_string(&o->bootstrap_kubeconfig, "bootstrap-kubeconfig", value, e);
        case JOIN_NAME:
                return set_name(&o->node_name, value, e);
        case JOIN_SERVER_NAME:
                return set_string(&o->server_name, "server-name", value, e);
        case JOIN_CLIENT_CA:
                return set_string(&o->client_ca_file, "client-ca-file", value, e);
        case JOIN_TAINT:
        case JOIN_NO_TAINT:
                if (o->taint != TAINT_AS_IT_IS)
                        return err_set(e, -EINVAL, NULL, "--taint and --no-taint: one of them, and once");
                o->taint = flag == JOIN_TAINT ? TAINT_YES : TAINT_NO;
                return 0;
        case JOIN_REPLACE:
                o->replace = true;
                return 0;
        case JOIN_WAIT:
                return set_wait(&o->wait_s, value, e);
        default:
                o->help = true;
                return 0;
        }
}

static int set_leave(struct leave_options *o, int flag, const char *value, struct err *e)
{
        switch (flag) {
        case LEAVE_ADMIN:
                return set_string(&o->admin_kubeconfig, "kubeconfig", value, e);
        case LEAVE_FORCE:
                o->force = true;
                return 0;
        case LEAVE_WAIT:
                return set_wait(&o->wait_s, value, e);
        default:
                o->help = true;
                return 0;
        }
}

/* ---- the command lines ------------------------------------------------------------------------------------------- */

/* The next flag; 1 for an argument, which is in optarg; -1 at the end. "-" at the beginning keeps getopt from sorting.
 */
static int next_flag(int argc, char **argv, const struct option *flags, struct err *e)
{
        int at = optind > 0 ? optind : 1, o = getopt_long(argc, argv, "-:h", flags, NULL);

        if (o == ':')
                return err_set(e, -EINVAL, NULL, "%s: needs a value", argv[at]);
        if (o == '?')
                return err_set(e, -EINVAL, NULL, "unknown flag %.*s", (int)strcspn(argv[at], "="), argv[at]);
        return o;
}

static int check_join(const struct join_options *o, struct err *e)
{
        bool by_file = o->admin_kubeconfig || o->bootstrap_kubeconfig;

        if (o->admin_kubeconfig && o->bootstrap_kubeconfig)
                return err_set(e, -EINVAL, NULL, "--kubeconfig and --bootstrap-kubeconfig: only one of them");
        if (o->token && o->token_file)
                return err_set(e, -EINVAL, NULL, "--token and --token-file: only one of them");
        if (by_file && (o->token || o->token_file))
                return err_set(e, -EINVAL, NULL, "a kubeconfig has credentials: there is no use for a token beside it");
        if (by_file && o->n_pins)
                return err_set(e, -EINVAL, NULL,
                               "a kubeconfig names the authority: --discovery-token-ca-cert-hash goes with a token");
        if (by_file && (o->url || o->server_name))
                return err_set(e, -EINVAL, NULL,
                               "a kubeconfig names the server: neither URL nor --server-name beside it");
        if (!by_file && !o->url)
                return err_set(e, -EINVAL, NULL,
                               "which server? https://HOST:PORT, or --kubeconfig, or --bootstrap-kubeconfig");
        return 0;
}

int join_options_read(int argc, char **argv, struct join_options *ret, struct err *e)
{
        int o, r = 0;

        *ret = (struct join_options){ .wait_s = 120 };
        opterr = 0;
        optind = 0; /* glibc: begin afresh */
        while (r == 0 && (o = next_flag(argc, argv, join_flags, e)) != -1) {
                if (o < 0)
                        return o;
                if (o == 1)
                        r = set_url(&ret->url, optarg, e);
                else
                        r = set_join(ret, o == 'h' ? JOIN_HELP : o, optarg, e);
        }
        for (; r == 0 && optind < argc; optind++) /* behind "--" */
                r = set_url(&ret->url, argv[optind], e);
        return r < 0 || ret->help ? r : check_join(ret, e);
}

int leave_options_read(int argc, char **argv, struct leave_options *ret, struct err *e)
{
        int o, r = 0;

        *ret = (struct leave_options){ .wait_s = 300 };
        opterr = 0;
        optind = 0;
        while (r == 0 && (o = next_flag(argc, argv, leave_flags, e)) != -1) {
                if (o < 0)
                        return o;
                if (o == 1)
                        return err_set(e, -EINVAL, NULL, "unexpected argument \"%s\"", optarg);
                r = set_leave(ret, o == 'h' ? LEAVE_HELP : o, optarg, e);
        }
        if (r == 0 && optind < argc)
                return err_set(e, -EINVAL, NULL, "unexpected argument \"%s\"", argv[optind]);
        return r;
}

void join_options_done(struct join_options *o)
{
        if (o->token)
                explicit_bzero(o->token, strlen(o->token));
        free(o->url);
        free(o->token);
        free(o->token_file);
        free(o->admin_kubeconfig);
        free(o->bootstrap_kubeconfig);
        free(o->node_name);
        free(o->server_name);
        free(o->client_ca_file);
        *o = (struct join_options){ 0 };
}

void leave_options_done(struct leave_options *o)
{
        free(o->admin_kubeconfig);
        *o = (struct leave_options){ 0 };
}

/* ---- help -------------------------------------------------------------------------------------------------------- */

void join_help(FILE *f)
{
        fputs("usage: vks-agent join URL [--token-file FILE] [FLAG]...\n"
              "       vks-agent join --kubeconfig FILE | --bootstrap-kubeconfig FILE [FLAG]...\n"
              "\n"
              "Makes this machine a node of a cluster: gets its certificates, starts vks-agent, and waits until the "
              "Node is\n"
              "Ready. To be run as root; running it again is safe. URL is the API server's, or a K3s server's. The "
              "token\n"
              "(kubeadm token create, or K3s' /var/lib/rancher/k3s/server/node-token) is read from standard input "
              "unless\n"
              "there is a flag for it.\n"
              "\n"
              "Flags:\n"
              "  --token TOKEN                everybody on this machine can see it meanwhile\n"
              "  --token-file FILE            the token is in this file; -: standard input\n"
              "  --discovery-token-ca-cert-hash sha256:HEX\n"
              "                               what kubeadm prints with a token; may be repeated\n"
              "  --discovery-token-unsafe-skip-ca-verification\n"
              "                               believe whoever knows the token\n"
              "  --kubeconfig FILE            an admin's: asks and approves at once; it is not kept\n"
              "  --bootstrap-kubeconfig FILE  may ask for a node's certificate, and no more\n"
              "  --node-name NAME             name of the Node (default: nodeName in agent.yaml, or the hostname)\n"
              "  --server-name NAME           whom the server's certificate must name (default: the host in URL)\n"
              "  --client-ca-file FILE        the authority of the cluster's clients, where the cluster does not say "
              "it\n"
              "  --taint, --no-taint          the Node has the taint that keeps away what tolerates no vks, or has it "
              "not\n"
              "  --replace                    the Node of that name was another machine, and this one takes its place\n"
              "  --wait SECONDS               for an approval, and for the Node to be Ready (default: 120)\n"
              "  --help                       print this\n"
              "\n"
              "See vks-agent-join(8).\n",
              f);
}

void leave_help(FILE *f)
{
        fputs("usage: vks-agent leave [FLAG]...\n"
              "\n"
              "Drains this node, stops vks-agent, and takes away what vks-agent join wrote. To be run as root.\n"
              "\n"
              "Flags:\n"
              "  --kubeconfig FILE   an admin's: deletes the Node object, too, which a node may not do itself\n"
              "  --force             ends pods that nobody makes anew elsewhere, and those that do not go in time\n"
              "  --wait SECONDS      for the pods to go (default: 300)\n"
              "  --help              print this\n"
              "\n"
              "See vks-agent-join(8).\n",
              f);
}
