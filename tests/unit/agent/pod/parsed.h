/* SPDX-License-Identifier: Apache-2.0 */
/* Pods made of JSON, for the tests of what is made of it. The caller owns them. */
#ifndef VKS_TESTS_UNIT_AGENT_POD_PARSED_H
#define VKS_TESTS_UNIT_AGENT_POD_PARSED_H

#include <criterion/criterion.h>
#include <errno.h>

#include "agent/pod/pod.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/message.h"

static UNUSED struct pod *parse_object(const char *json)
{
        cJSON *o = cJSON_Parse(json);
        struct err e = ERR_NONE;
        struct pod *p = NULL;

        cr_assert_not_null(o, "bad test JSON: %s", json);
        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        return p;
}

static UNUSED struct pod *parse_annotated(const char *annotations, const char *spec)
{
        CLEANUP(freep)
        char *text =
                xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"labels\":{\"app\":\"x\\\"y\"},"
                          "\"annotations\":{%s},\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{%s}}",
                          annotations, spec);

        return parse_object(text);
}

static UNUSED struct pod *parse(const char *spec)
{
        return parse_annotated("", spec);
}

/* The pod's, or the first of its containers'. */
static UNUSED const struct kept_err *refusal(const struct pod *p)
{
        for (size_t i = 0; i < p->n_containers && !p->refused.code; i++)
                if (p->containers[i].refused.code)
                        return &p->containers[i].refused;
        return &p->refused;
}

/* A string of `n` times `c` behind `head` and before `tail`. */
static UNUSED char *long_image(const char *head, char c, size_t n, const char *tail)
{
        CLEANUP(freep) char *middle = xcalloc(n + 1, 1);

        memset(middle, c, n);
        return xasprintf("%s%s%s", head, middle, tail);
}

#define ID "\"namespace\":\"default\",\"name\":\"web\",\"uid\":\"0f6c2a9e-1234-4abc-8def-0123456789ab\""

static UNUSED void words_text(struct buf *b, const char *title, char **words)
{
        if (!words)
                return;
        buf_printf(b, " %s", title);
        for (; *words; words++)
                buf_printf(b, " '%s'", *words);
}

static UNUSED const char *const sources[] = { "=",       "<configMap ", "<secret ", "<field ",
                                              "<token ", "<hosts ",     "<resolv ", "<resource " };

/* What a container asks for, in short. */
static UNUSED char *container_text(const struct container *c)
{
        CLEANUP(buf_done) struct buf b = BUF(4096);
        static const char *const pull[] = { "", " Always", " Never" };

        buf_printf(&b, "%s %s%s%s%s", c->name, c->image, pull[c->pull_policy], c->init ? " init" : "",
                   c->sidecar ? " sidecar" : "");
        words_text(&b, "command", c->command);
        words_text(&b, "args", c->args);
        if (c->working_dir)
                buf_printf(&b, " in %s", c->working_dir);
        if (!streq(c->message_path, MESSAGE_PATH))
                buf_printf(&b, " message %s", c->message_path);
        if (c->stop_signal)
                buf_printf(&b, " signal %s", c->stop_signal);
        for (enum hook_kind k = 0; k < HOOK_KINDS; k++) {
                const struct handler *h = c->hooks[k];
                if (!h)
                        continue;
                buf_printf(&b, " %s ", hook_fields[k]);
                if (!h->asks)
                        buf_printf(&b, "%d s", (int)h->sleep_s);
                else if (h->asks->command)
                        buf_str(&b, h->asks->command[0]);
                else
                        buf_printf(&b, ":%u", h->asks->port);
        }
        if (c->message_from_log)
                buf_str(&b, " message log");
        for (size_t i = 0; i < c->n_env; i++) {
                const struct env_var *v = &c->env[i];
                buf_printf(&b, " %s%s%s%s%s%s", v->name, sources[v->kind], v->object ? v->object : "",
                           v->object ? "/" : "", v->text ? v->text : "*", v->optional ? "?" : "");
        }
        for (size_t i = 0; i < c->n_mounts; i++)
                buf_printf(&b, " %s%s%s at %s%s", c->mounts[i].volume, *c->mounts[i].sub_path ? "/" : "",
                           c->mounts[i].sub_path, c->mounts[i].path, c->mounts[i].read_only ? " ro" : "");
        if (c->has_user)
                buf_printf(&b, " user %u", c->user);
        if (c->has_group)
                buf_printf(&b, " group %u", c->group);
        if (c->non_root)
                buf_str(&b, " non-root");
        if (c->sandbox.no_new_privileges)
                buf_str(&b, " no-new-privileges");
        buf_printf(&b, "%s%s%s", c->tty ? " tty" : "", c->has_stdin ? " stdin" : "", c->stdin_once ? " once" : "");
        return buf_steal(&b);
}

/* "before0after,before1after,..." */
static UNUSED char *times(size_t n, const char *before, const char *after)
{
        CLEANUP(buf_done) struct buf b = BUF(8 * 1024 * 1024);

        for (size_t i = 0; i < n; i++)
                buf_printf(&b, "%s%s%zu%s", i ? "," : "", before, i, after);
        return b.len ? buf_steal(&b) : xstrdup("");
}

#endif
