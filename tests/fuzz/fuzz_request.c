/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on its whole way through what is pure in the helper: decoded, asked about, and, of a WRITE, made into the
 * text of units. The first byte chooses verb and policy, the rest is the message.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "helper/text/unit_text.h"
#include "policy/policy_conf.h"
#include "proto/verbs.h"
#include "proto/decode.h"
#include "proto/wire.h"
#include "tests/fuzz/fuzz.h"

static const struct policy *policy(unsigned i)
{
        static const char *const texts[] = {
                "", "root = deny\nprogram = *\nurl = https://a deb://b\n",
                "root = allow\nhost-path = /srv rw /opt\nurl = https://a\nurl-needs-sha256 = no\nuser = 0-9\n",
                "package = a*\ndeny-package = ab*\n"
        };
        static struct policy *all[ARRAY_LEN(texts)];

        i %= ARRAY_LEN(texts);
        if (!all[i] && policy_parse("x", texts[i], strlen(texts[i]), &all[i], NULL) < 0)
                abort();
        return all[i];
}

static void check_lines(const struct buf *b)
{
        if (!buf_ok(b))
                abort();
        for (size_t i = 0; i < b->len; i++)
                if ((unsigned char)b->data[i] < ' ' && b->data[i] != '\n')
                        abort();
}

/* What follows from an allowed request keeps to its bounds and alphabets. */
static void check_install(const struct op_install *op)
{
        for (size_t i = 0; i < op->n_packages; i++)
                if (!id_is_package(op->packages[i].name) || strpbrk(op->packages[i].from, " \n;|&$`'\"\\%"))
                        abort();
}

static void check_units(const struct op_units *op)
{
        for (size_t i = 0; i < op->n_units; i++)
                if (!id_is_unit(op->units[i]) || !(unit_name_is_ours(op->units[i]) || unit_name_is_exec(op->units[i])))
                        abort();
}

#define check_start  check_units
#define check_stop   check_units
#define check_remove check_units

static void check_resize(const struct op_resize *op)
{
        for (size_t i = 0; i < op->n_sizes; i++) {
                CLEANUP(buf_done) struct buf text = BUF(4096);

                if (!id_is_unit(op->sizes[i]->unit) || !unit_name_is_ours(op->sizes[i]->unit))
                        abort();
                (void)unit_text_resized(op->sizes[i]->unit, op->sizes[i]->limits, &text);
                check_lines(&text);
                if (text.len && (strncmp(text.data, "[Service]\n", 10) != 0 || strstr(text.data, "infinity")))
                        abort();
        }
}

static void check_fill(const struct op_fill *op)
{
        for (size_t i = 0; i < op->n_files; i++)
                if (op->files[i]->path[0] == '/' || strstr(op->files[i]->path, "..") == op->files[i]->path ||
                    op->files[i]->mode & ~0777U)
                        abort();
}

/* A line of an environment file, read as systemd does, gives the value
 * back; what such a file cannot hold is carried. */
static void check_env(struct unit_text *u, const Vks__Env *v, struct buf *carried)
{
        CLEANUP(buf_done) struct buf b = BUF(1 << 20);
        size_t old = carried->len, n = strlen(v->name), at = n + 2;

        unit_text_env(u, v->name, v->value.data, v->value.len, &b, carried);
        if (b.len == 0) {
                if (carried->len != old + n + 1 + v->value.len + 1 || carried->data[carried->len - 1] != '\0')
                        abort();
                return;
        }
        if (carried->len != old || strncmp(b.data, v->name, n) != 0 || strncmp(b.data + n, "=\"", 2) != 0)
                abort();
        for (size_t i = 0; i < v->value.len; i++, at++) {
                if (b.data[at] == '"' || b.data[at] == '`' || b.data[at] == '$')
                        abort();
                at += b.data[at] == '\\';
                if ((uint8_t)b.data[at] != v->value.data[i])
                        abort();
        }
        if (strcmp(b.data + at, "\"\n") != 0)
                abort();
}

static void check_write(const struct op_write *op)
{
        static const struct given no_dirs;
        static const struct mount_plan none;

        for (size_t i = 0; i < op->n_containers; i++) {
                const struct op_container *k = &op->containers[i];
                CLEANUP(buf_done) struct buf text = BUF(4 << 20), fragment = BUF(1 << 20), carried = BUF(1 << 20);
                struct unit_text u = { .pod = &op->pod,
                                       .qos = op->qos,
                                       .grace_seconds = op->grace_seconds,
                                       .container = k->c->name,
                                       .image = k->c->image,
                                       .package = k->c->package,
                                       .package_unit = k->c->unit,
                                       .restart = k->c->restart,
                                       .stop_signal = k->c->stop_signal,
                                       .read_only_root = k->c->read_only_root,
                                       .filter_system_calls = k->c->filter_system_calls,
                                       .drop_capabilities = k->c->drop_capabilities,
                                       .limits = k->c->limits,
                                       .oom_score_adjust = k->c->oom_score_adjust,
                                       .mark = k->c->mark,
                                       .program = k->program ? k->program : "/bin/a",
                                       .n_command = k->c->n_command,
                                       .n_args = k->c->n_args,
                                       .command = k->c->command,
                                       .args = k->c->args,
                                       .working_dir = k->c->working_dir,
                                       .mounts = &none,
                                       .given = &no_dirs,
                                       .overlay = k->c->writes_var,
                                       .who = { .uid = 1, .gid = 2, .become = k->c->run_as_group != NULL } };

                if (!id_is_unit(k->unit) || !unit_name_is_ours(k->unit))
                        abort();
                for (size_t m = 0; m < k->n_mounts; m++)
                        if (!id_is_path(k->mounts[m].target) ||
                            (m && strcmp(k->mounts[m - 1].target, k->mounts[m].target) >= 0))
                                abort();
                for (size_t v = 0; v < k->c->n_env; v++)
                        check_env(&u, k->c->env[v], &carried);
                u.carried = u.who.become || carried.len;
                unit_text_dropin(&u, &text);
                unit_text_beside(&u, k->unit, &text);
                unit_text_fragment(&u, &fragment);
                check_lines(&text);
                check_lines(&fragment);
        }
}

static void check_exec(const struct op_exec *op)
{
        if (op->as.n_containers != 1 || !op->as.containers[0].program || !unit_name_is_exec(op->unit) ||
            !id_is_unit(op->unit))
                abort();
        check_write(&op->as);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct wire_verb *v = size ? wire_verb_find(data[0] & 7) : NULL;
        ProtobufCMessage *m = NULL;
        union op op = { 0 };

        if (!v || wire_decode(v->message, data + 1, size - 1, NULL, &m, NULL) < 0)
                return 0;
        switch (v->number) {
#define ROW(number, name, Message, body)                                                                               \
        case number:                                                                                                   \
                if (policy_##name(policy(data[0] >> 3), (const Vks__##Message *)(const void *)m, &op.name, NULL) == 0) \
                        check_##name(&op.name);                                                                        \
                op_##name##_done(&op.name);                                                                            \
                break;
                VERBS(ROW)
#undef ROW
        default:
                abort();
        }
        protobuf_c_message_free_unpacked(m, NULL);
        return 0;
}
