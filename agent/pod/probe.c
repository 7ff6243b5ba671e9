/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/probe.h"

#include <ctype.h>
#include <errno.h>

#include "agent/lib/json.h"
#include "common/mem.h"

enum {
        WORDS_MAX = 1024,  /* of a command */
        HEADERS_MAX = 256, /* the API server sets no bound but the object's size */
        TIMEOUT_S = 1,     /* the defaults: pkg/apis/core/v1/defaults.go, SetDefaults_Probe */
        PERIOD_S = 10,
        SUCCESSES = 1,
        FAILURES = 3,
};

const char *const probe_fields[PROBE_TYPES] = {
        [PROBE_STARTUP] = "startupProbe",
        [PROBE_READINESS] = "readinessProbe",
        [PROBE_LIVENESS] = "livenessProbe",
};

const char *const probe_words[PROBE_TYPES] = {
        [PROBE_STARTUP] = "Startup",
        [PROBE_READINESS] = "Readiness",
        [PROBE_LIVENESS] = "Liveness",
};

static int bad(struct err *e, const char *field, const char *why)
{
        return err_set(e, -EINVAL, "CreateContainerConfigError", "%s: %s", field, why);
}

/* What is wrong first is told. */
static void set_wrong(struct probe *p, char *words)
{
        if (p->wrong)
                free(words);
        else
                p->wrong = words;
}

/* A number of the spec; 0 is what the API server takes for "not given". */
static int number(const cJSON *spec, const char *field, uint32_t otherwise, uint32_t *ret, struct err *e)
{
        int64_t n = json_int(spec, field, 0);

        if (n < 0 || n > INT32_MAX)
                return bad(e, field, "out of range");
        *ret = n ? (uint32_t)n : otherwise;
        return 0;
}

/* ---- handlers ---------------------------------------------------------------------------------------------------- */

static int64_t port_of_name(const cJSON *ports, const char *name)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, ports)
                if (streq(json_str(item, "name"), name))
                        return json_int(item, "containerPort", 0);
        return -1;
}

/* All digits: "an int stored as string", which the kubelet takes as a last resort. */
static int64_t port_of_digits(const char *s)
{
        int64_t n = 0;

        if (!*s)
                return -1;
        for (; *s; s++) {
                if (!isdigit((unsigned char)*s) || n > UINT16_MAX)
                        return -1;
                n = n * 10 + (*s - '0');
        }
        return n;
}

static void parse_port(struct probe *p, const cJSON *handler, const cJSON *ports)
{
        const char *name = json_str(handler, "port");
        int64_t port = name ? port_of_name(ports, name) : json_int(handler, "port", 0);

        if (name && port < 0)
                port = port_of_digits(name);
        if (name && port < 0)
                set_wrong(p, xasprintf("port %.80s not found", name));
        else if (port < 1 || port > UINT16_MAX)
                set_wrong(p, xasprintf("invalid port number: %lld", (long long)port));
        else
                p->port = (uint16_t)port;
}

static bool is_token(const char *s)
{
        static const char others[] = "!#$%&'*+-.^_`|~";

        for (const char *c = s; *c; c++)
                if ((unsigned char)*c >= 0x80 || !(isalnum((unsigned char)*c) || strchr(others, *c)))
                        return false;
        return *s;
}

/* No control characters, with which a value could add headers of its own. */
static bool is_field_value(const char *s)
{
        for (; *s; s++)
                if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f || *s == JSON_NUL)
                        return false;
        return true;
}

static int parse_headers(struct probe *p, const cJSON *headers, struct err *e)
{
        const cJSON *item;
        size_t n = 0;

        if (json_len(headers) > HEADERS_MAX)
                return bad(e, "httpGet.httpHeaders", "too many");
        cJSON_ArrayForEach (item, headers) {
                const char *name = json_str(item, "name"), *value = json_str(item, "value");

                if (!name || !is_token(name))
                        return bad(e, "httpGet.httpHeaders.name", "not a header's name");
                if (value && !is_field_value(value))
                        set_wrong(p, xasprintf("net/http: invalid header field value for \"%.80s\"", name));
                else
                        strv_push(&p->headers, &n, xasprintf("%s: %s", name, value ? value : ""));
        }
        return 0;
}

static int parse_exec(struct probe *p, const cJSON *handler, struct err *e)
{
        const cJSON *command = json_get(handler, "command"), *item;
        size_t n = 0;

        if (!json_len(command) || json_len(command) > WORDS_MAX)
                return bad(e, "exec.command", "not a command");
        cJSON_ArrayForEach (item, command) {
                const char *word = cJSON_GetStringValue(item);
                if (!word || strchr(word, JSON_NUL))
                        return bad(e, "exec.command", "no word can hold a NUL");
                strv_push(&p->command, &n, xstrdup(word));
        }
        return 0;
}

/* "" is what the API server takes for "not given". */
static char *text_of(const cJSON *handler, const char *field)
{
        const char *s = json_str(handler, field);

        return s && *s ? xstrdup(s) : NULL;
}

static int parse_http(struct probe *p, const cJSON *handler, const cJSON *ports, struct err *e)
{
        const char *scheme = json_str(handler, "scheme");

        if (scheme && *scheme && !streq(scheme, "HTTP") && !streq(scheme, "HTTPS"))
                return bad(e, "httpGet.scheme", "neither HTTP nor HTTPS");
        p->https = streq(scheme, "HTTPS");
        p->host = text_of(handler, "host");
        p->path = text_of(handler, "path");
        parse_port(p, handler, ports);
        return parse_headers(p, json_get(handler, "httpHeaders"), e);
}

static int parse_handler(struct probe *p, const cJSON *spec, const cJSON *ports, struct err *e)
{
        const cJSON *handler;

        if ((handler = json_get(spec, "exec"))) {
                p->kind = PROBE_EXEC;
                return parse_exec(p, handler, e);
        }
        if ((handler = json_get(spec, "httpGet"))) {
                p->kind = PROBE_HTTP;
                return parse_http(p, handler, ports, e);
        }
        if ((handler = json_get(spec, "tcpSocket"))) {
                p->kind = PROBE_TCP;
                p->host = text_of(handler, "host");
                parse_port(p, handler, ports);
                return 0;
        }
        if ((handler = json_get(spec, "grpc"))) {
                const char *service = json_str(handler, "service");
                p->kind = PROBE_GRPC;
                p->service = xstrdup(service ? service : "");
                parse_port(p, handler, NULL);
                return 0;
        }
        return bad(e, "exec, httpGet, tcpSocket, grpc", "none of them is given");
}

/* ---- the probe --------------------------------------------------------------------------------------------------- */

int probe_parse(enum probe_type type, const cJSON *spec, const cJSON *ports, struct probe **ret, struct err *e)
{
        CLEANUP(probe_freep) struct probe *p = NEW(struct probe);

        *ret = NULL;
        if (parse_handler(p, spec, ports, e) < 0 ||
            number(spec, "initialDelaySeconds", 0, &p->initial_delay_s, e) < 0 ||
            number(spec, "periodSeconds", PERIOD_S, &p->period_s, e) < 0 ||
            number(spec, "timeoutSeconds", TIMEOUT_S, &p->timeout_s, e) < 0 ||
            number(spec, "successThreshold", SUCCESSES, &p->success_threshold, e) < 0 ||
            number(spec, "failureThreshold", FAILURES, &p->failure_threshold, e) < 0)
                return err_prefix(e, "%s.", probe_fields[type]);
        if (type != PROBE_READINESS && p->success_threshold != 1)
                return err_set(e, -EINVAL, "CreateContainerConfigError", "%s.successThreshold: must be 1",
                               probe_fields[type]);
        p->grace_s = json_int(spec, "terminationGracePeriodSeconds", -1);
        if (p->grace_s < 1 || type == PROBE_READINESS)
                p->grace_s = -1;
        *ret = TAKE(p);
        return 0;
}

int probe_parse_handler(const cJSON *spec, const cJSON *ports, struct probe **ret, struct err *e)
{
        CLEANUP(probe_freep) struct probe *p = NEW(struct probe);
        int r = parse_handler(p, spec, ports, e);

        *ret = r < 0 ? NULL : TAKE(p);
        return r;
}

struct probe *probe_free(struct probe *p)
{
        if (!p)
                return NULL;
        strv_free(p->command);
        strv_free(p->headers);
        free(p->wrong);
        free(p->host);
        free(p->path);
        free(p->service);
        free(p);
        return NULL;
}
