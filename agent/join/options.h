/* SPDX-License-Identifier: Apache-2.0 */
/* The command lines of `vks-agent join` and `vks-agent leave`. */
#ifndef VKS_AGENT_JOIN_OPTIONS_H
#define VKS_AGENT_JOIN_OPTIONS_H

#include <stdio.h>

#include "agent/join/token.h"

enum { PINS_MAX = 8 };

enum join_taint { TAINT_AS_IT_IS, TAINT_YES, TAINT_NO };

struct join_options {
        bool help;
        char *url;   /* https://HOST[:PORT]; NULL where a kubeconfig says it */
        char *token; /* from the command line; NULL */
        char *token_file;
        char pins[PINS_MAX][SHA256_HEX_LEN + 1];
        size_t n_pins;
        bool unverified;            /* no pin is needed */
        char *admin_kubeconfig;     /* NULL: none */
        char *bootstrap_kubeconfig; /* NULL: none */
        char *node_name;            /* NULL: agent.yaml's, or the hostname */
        char *server_name;          /* whom the server's certificate must name; NULL: the URL's host */
        char *client_ca_file;       /* NULL: the cluster is asked */
        enum join_taint taint;
        bool replace; /* the Node of that name may have been another machine's */
        unsigned wait_s;
};

struct leave_options {
        bool help;
        char *admin_kubeconfig; /* NULL: none, and then the Node object stays */
        bool force;             /* pods without a controller, and what does not want to go, too */
        unsigned wait_s;
};

/* `argv` begins with the verb. Errors name the flag, and show no value of --token; that word is overwritten in `argv`
 * so that ps shows it no longer. -EINVAL. The caller owns what is in *ret, also after an error. */
int join_options_read(int argc, char **argv, struct join_options *ret, struct err *e);
void join_options_done(struct join_options *o);
int leave_options_read(int argc, char **argv, struct leave_options *ret, struct err *e);
void leave_options_done(struct leave_options *o);

void join_help(FILE *f);
void leave_help(FILE *f);

#endif
