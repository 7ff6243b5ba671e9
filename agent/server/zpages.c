/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server/zpages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "agent/lib/times.h"
#include "agent/server/http1.h"
#include "common/mem.h"

enum { PAGE_MAX = 256 * 1024, CLAUSES_MAX = 32, PARAMETER_MAX = 64 };

#define GROUP "config.k8s.io"

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

struct clause { /* "application/json;as=Statusz;q=0.5" */
        char type[PARAMETER_MAX], as[PARAMETER_MAX], g[PARAMETER_MAX], v[PARAMETER_MAX];
        bool converts, odd; /* odd: it wants what is never given */
        double q;
};

/* Without blanks around it; what is too long is nothing that anybody asks for. */
static void copy(char ret[PARAMETER_MAX], const char *from, size_t n)
{
        while (n > 0 && (*from == ' ' || *from == '\t')) {
                from++;
                n--;
        }
        while (n > 0 && (from[n - 1] == ' ' || from[n - 1] == '\t'))
                n--;
        if (!str_copy(ret, PARAMETER_MAX, from, from + n))
                ret[0] = '\0';
}

static void read_parameter(struct clause *c, const char *p, size_t n)
{
        const char *equals = memchr(p, '=', n);
        char name[PARAMETER_MAX], value[PARAMETER_MAX] = "";

        copy(name, p, equals ? (size_t)(equals - p) : n);
        if (equals)
                copy(value, equals + 1, (size_t)(p + n - equals - 1));
        if (streq(name, "q"))
                c->q = strtod(value, NULL);
        else if (streq(name, "as"))
                memcpy(c->as, value, sizeof(value));
        else if (streq(name, "g"))
                memcpy(c->g, value, sizeof(value));
        else if (streq(name, "v"))
                memcpy(c->v, value, sizeof(value));
        else if (streq(name, "stream") || streq(name, "sv"))
                c->odd |= *value != '\0';
        c->converts |= streq(name, "as") || streq(name, "g") || streq(name, "v");
}

static void read_clause(struct clause *c, const char *p, size_t n)
{
        const char *semicolon = memchr(p, ';', n);
        size_t first = semicolon ? (size_t)(semicolon - p) : n;

        *c = (struct clause){ .q = 1 };
        copy(c->type, p, first);
        for (size_t at = first; at < n;) {
                const char *next = memchr(p + at + 1, ';', n - at - 1);
                size_t end = next ? (size_t)(next - p) : n;

                read_parameter(c, p + at + 1, end - at - 1);
                at = end;
        }
}

/* How special: the whole type, any of its kind, any at all. */
static int specialty(const struct clause *c)
{
        return streq(c->type, "*/*") ? 0 : ends_with(c->type, "/*") ? 1 : 2;
}

static bool comes_before(const struct clause *a, const struct clause *b)
{
        if (a->q > b->q || a->q < b->q)
                return a->q > b->q;
        return specialty(a) > specialty(b);
}

static bool is_of(const struct clause *c, const char *type)
{
        size_t n = strcspn(type, "/");

        return strcasecmp(c->type, type) == 0 || streq(c->type, "*/*") ||
               (ends_with(c->type, "/*") && strlen(c->type) == n + 2 && strncasecmp(c->type, type, n) == 0);
}

static bool satisfied(const struct clause *c, const char *kind, struct zpage_wish *ret)
{
        static const struct {
                const char *type;
                enum zpage_form form;
        } forms[] = { { "application/json", ZPAGE_JSON },
                      { "application/yaml", ZPAGE_YAML },
                      { "text/plain", ZPAGE_TEXT } };
        const char *version = streq(c->v, "v1beta1") ? "v1beta1" : streq(c->v, "v1alpha1") ? "v1alpha1" : NULL;
        bool known = version && streq(c->as, kind) && streq(c->g, GROUP);

        for (size_t i = 0; i < ARRAY_LEN(forms) && !c->odd; i++) {
                bool text = forms[i].form == ZPAGE_TEXT;

                if (!is_of(c, forms[i].type) || (text ? c->converts : !known))
                        continue;
                *ret = (struct zpage_wish){ .form = forms[i].form, .version = text ? NULL : version };
                return true;
        }
        return false;
}

int zpage_negotiate(const char *accept, const char *kind, struct zpage_wish *ret)
{
        struct clause clauses[CLAUSES_MAX], sorted[CLAUSES_MAX];
        size_t n = 0;

        *ret = (struct zpage_wish){ .form = ZPAGE_TEXT };
        if (!accept || !accept[strspn(accept, " \t")])
                return 0;
        for (const char *p = accept; p && n < CLAUSES_MAX; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
                read_clause(&clauses[n++], p, strcspn(p, ","));
        /* The order of equals is the header's, which qsort() does not promise: one after the other is taken out. */
        for (size_t i = 0; i < n; i++) {
                size_t best = 0;

                for (size_t k = 1; k < n; k++)
                        if (*clauses[k].type && (!*clauses[best].type || comes_before(&clauses[k], &clauses[best])))
                                best = k;
                sorted[i] = clauses[best];
                clauses[best].type[0] = '\0';
        }
        for (size_t i = 0; i < n; i++)
                if (*sorted[i].type && satisfied(&sorted[i], kind, ret))
                        return 0;
        return -EINVAL;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Block style; strings in JSON's quotes, which are YAML's. */
static void add_yaml(const cJSON *o, unsigned indent, struct buf *ret)
{
        const cJSON *item;

        cJSON_ArrayForEach (item, o) {
                bool nested = cJSON_IsObject(item) || cJSON_IsArray(item);
                CLEANUP(freep) char *value = NULL;

                buf_printf(ret, "%*s", (int)indent, "");
                if (item->string)
                        buf_printf(ret, "%s:", item->string);
                else
                        buf_char(ret, '-');
                if (nested && item->child) {
                        buf_char(ret, '\n');
                        add_yaml(item, indent + 2, ret);
                        continue;
                }
                value = cJSON_PrintUnformatted(item);
                buf_printf(ret, " %s\n", value ? value : "null");
        }
}

static void not_acceptable(struct response *res)
{
        static const char status[] =
                "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"
                "\"only the following media types are accepted: application/json, application/yaml, text/plain\","
                "\"reason\":\"NotAcceptable\",\"code\":406}";

        response_send(res, 406, "application/json", status, strlen(status));
}

/* `o` is the object but for kind and version. */
static void answer_object(const cJSON *o, const char *kind, const struct zpage_wish *wish, struct response *res)
{
        static const char deprecated[] =
                "Warning: 299 - \"This version of the endpoint is deprecated. Please use a newer version.\"\r\n";
        CLEANUP(freep) char *version = xasprintf(GROUP "/%s", wish->version), *text = NULL;
        CLEANUP(buf_done) struct buf yaml = BUF(PAGE_MAX);
        cJSON *all = cJSON_CreateObject(), *item;
        const char *headers = streq(wish->version, "v1alpha1") ? deprecated : "";

        cJSON_AddStringToObject(all, "kind", kind);
        cJSON_AddStringToObject(all, "apiVersion", version);
        cJSON_AddStringToObject(cJSON_AddObjectToObject(all, "metadata"), "name", "kubelet");
        cJSON_ArrayForEach (item, o)
                cJSON_AddItemReferenceToObject(all, item->string, item);
        if (wish->form == ZPAGE_YAML) {
                add_yaml(all, 0, &yaml);
                response_send_with(res, 200, "application/yaml", headers, yaml.data, yaml.len);
        } else {
                text = cJSON_PrintUnformatted(all);
                response_send_with(res, 200, "application/json", headers, text, text ? strlen(text) : 0);
        }
        cJSON_Delete(all);
}

static void add_head(const char *page, struct buf *ret)
{
        buf_printf(ret,
                   "\nkubelet %s\nWarning: for people who look for a fault. No program should read this: its form is "
                   "promised to nobody.\n\n",
                   page);
}

static bool negotiated(const struct request *r, const char *kind, struct zpage_wish *ret, struct response *res)
{
        if (zpage_negotiate(http_header(r->head, "accept"), kind, ret) == 0)
                return true;
        not_acceptable(res);
        return false;
}

/* ---- /statusz ---------------------------------------------------------------------------------------------------- */

/* "v1.37.2-vks" -> "1.37"; "" where there is no such thing. */
static void minor_version(const char *kubelet, char ret[16])
{
        const char *start = kubelet + (*kubelet == 'v');
        size_t major = strspn(start, "0123456789"),
               minor = start[major] == '.' ? strspn(start + major + 1, "0123456789") : 0;

        ret[0] = '\0';
        if (major > 0 && minor > 0)
                (void)str_copy(ret, 16, start, start + major + 1 + minor);
}

static void statusz_text(const struct zpage_status *s, uint64_t up, const char *emulated, struct buf *ret)
{
        char started[64] = "";
        time_t t = (time_t)(s->started / 1000000);
        struct tm tm;

        if (gmtime_r(&t, &tm))
                (void)strftime(started, sizeof(started), "%a %b %e %H:%M:%S UTC %Y", &tm);
        add_head("statusz", ret);
        buf_printf(ret, "Started: %s\nUp: %" PRIu64 " hr %02u min %02u sec\nBinary version: %s\n", started, up / 3600,
                   (unsigned)(up / 60 % 60), (unsigned)(up % 60), s->version);
        if (*emulated)
                buf_printf(ret, "Emulation version: %s\n", emulated);
        buf_str(ret, "Paths:");
        for (size_t i = 0; i < s->n_paths; i++)
                buf_printf(ret, " %s", s->paths[i]);
        buf_char(ret, '\n');
}

void statusz_answer(const struct zpage_status *s, const struct request *r, struct response *res)
{
        uint64_t up = s->now > s->started ? (s->now - s->started) / 1000000 : 0;
        CLEANUP(buf_done) struct buf text = BUF(PAGE_MAX);
        char emulated[16], started[32];
        struct zpage_wish wish;
        cJSON *o;

        if (!negotiated(r, "Statusz", &wish, res))
                return;
        minor_version(s->kubelet, emulated);
        if (wish.form == ZPAGE_TEXT) {
                statusz_text(s, up, emulated, &text);
                response_send(res, 200, "text/plain; charset=utf-8", text.data, text.len);
                return;
        }
        o = cJSON_CreateObject();
        time_rfc3339(s->started, started);
        cJSON_AddStringToObject(o, "startTime", started);
        cJSON_AddNumberToObject(o, "uptimeSeconds", (double)up);
        cJSON_AddStringToObject(o, "goVersion", ""); /* there is none: this is C */
        cJSON_AddStringToObject(o, "binaryVersion", s->version);
        if (*emulated)
                cJSON_AddStringToObject(o, "emulationVersion", emulated);
        cJSON_AddItemToObject(o, "paths", cJSON_CreateStringArray(s->paths, (int)s->n_paths));
        answer_object(o, "Statusz", &wish, res);
        cJSON_Delete(o);
}

/* ---- /flagz ------------------------------------------------------------------------------------------------------ */

static void tell_text(void *userdata, const char *flag, const char *value)
{
        buf_printf(userdata, "%s=%s\n", flag, value);
}

static void tell_object(void *userdata, const char *flag, const char *value)
{
        cJSON_AddStringToObject(userdata, flag, value);
}

void flagz_answer(const struct config *c, const struct request *r, struct response *res)
{
        CLEANUP(buf_done) struct buf text = BUF(PAGE_MAX);
        struct zpage_wish wish;
        cJSON *o;

        if (!negotiated(r, "Flagz", &wish, res))
                return;
        if (wish.form == ZPAGE_TEXT) {
                add_head("flagz", &text);
                config_tell(c, tell_text, &text);
                response_send(res, 200, "text/plain; charset=utf-8", text.data, text.len);
                return;
        }
        o = cJSON_CreateObject();
        config_tell(c, tell_object, cJSON_AddObjectToObject(o, "flags"));
        answer_object(o, "Flagz", &wish, res);
        cJSON_Delete(o);
}
