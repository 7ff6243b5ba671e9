/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the helper one request after another and prints the replies: a way to try it by hand.
 *
 *      helperctl install NAME[=VERSION]...
 *      helperctl start|restart|stop|kill NAMESPACE/NAME UID UNIT...
 *      helperctl remove NAMESPACE/NAME UID [UNIT...]      (no unit: all of the pod)
 *      helperctl fill NAMESPACE/NAME UID VOLUME PATH=CONTENT...
 *      helperctl write NAMESPACE/NAME UID [grace=N] VOLUME... CONTAINER...
 *      helperctl exec NAMESPACE/NAME UID [id=N] [by=USER] VOLUME... CONTAINER      (one, with the command's words)
 *          its standard streams become the command's, which goes on when helperctl has ended
 *          volume:    volume=NAME:disk | volume=NAME:memory | volume=NAME:files | volume=NAME:host:PATH[:TYPE]
 *          container: container=NAME image=IMAGE [package=P unit=U var] [command=WORD]... [arg=WORD]...
 * [env=NAME=VALUE]... [mount=VOLUME:PATH[:ro]]... [dir=PATH] [user=N] [group=N] [groups=N]...
 * [restart=never|failure|always]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "helper.pb-c.h"

#include "common/fd.h"
#include "common/mem.h"
#include "proto/verbs.h"
#include "proto/wire.h"

static int ask(const char *verb, const ProtobufCMessage *m)
{
        static const struct {
                const char *name;
                uint8_t number;
        } names[] = {
#define ROW(n, verb, Message, body) { #verb, n },
                VERBS(ROW)
#undef ROW
        };
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
        FD sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        const struct wire_verb *v = NULL;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;
        int r, streams[WIRE_N_STREAMS];

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (streq(names[i].name, verb))
                        v = wire_verb_find(names[i].number);
        if (!v || sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
                perror("helperctl");
                return 2;
        }
        if (v->body == WIRE_STREAMS)
                for (int i = 0; i < WIRE_N_STREAMS; i++)
                        streams[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
        r = wire_send_request(sock, v, m, v->body == WIRE_STREAMS ? streams : NULL, &e);
        while (r == 0 && recv(sock, &(char){ 0 }, 1, MSG_PEEK) < 0)
                ;
        if (r < 0 || wire_recv_reply(sock, &v, &got, &e) <= 0) {
                fprintf(stderr, "helperctl: %s\n", e.text[0] ? e.text : "connection closed");
                return 2;
        }
        const Vks__Reply *reply = (const Vks__Reply *)(void *)got;
        printf("%d %s%s%s%s\n", reply->error, reply->rule, reply->rule[0] ? ": " : "", reply->text, reply->unit);
        return reply->error ? 1 : 0;
}

#define PUSH(array, n, item)                                                                                           \
        do {                                                                                                           \
                (array) = xrealloc(array, (n) + 1, sizeof(*(array)));                                                  \
                (array)[(n)++] = (item);                                                                               \
        } while (0)

static char *after(char *arg, const char *key)
{
        return starts_with(arg, key) ? arg + strlen(key) : NULL;
}

/* Cuts "a<c>b" in two and returns b, or NULL. */
static char *cut(char *s, char c)
{
        char *at = strchr(s, c);
        if (at)
                *at++ = '\0';
        return at;
}

static Vks__Id *new_id(const char *s)
{
        Vks__Id *id = NEW(Vks__Id);
        vks__id__init(id);
        id->value = (uint32_t)strtoul(s, NULL, 10);
        return id;
}

static Vks__Volume *new_volume(char *s)
{
        Vks__Volume *v = NEW(Vks__Volume);
        char *kind = cut(s, ':'), *path = kind ? cut(kind, ':') : NULL, *type = path ? cut(path, ':') : NULL;

        vks__volume__init(v);
        v->name = s;
        if (streq(kind, "files")) {
                v->source_case = VKS__VOLUME__SOURCE_FILES;
                v->files = NEW(Vks__Files);
                vks__files__init(v->files);
        } else if (streq(kind, "host")) {
                v->source_case = VKS__VOLUME__SOURCE_HOST_PATH;
                v->host_path = NEW(Vks__HostPath);
                vks__host_path__init(v->host_path);
                v->host_path->path = path;
                if (type)
                        v->host_path->type = type;
        } else {
                v->source_case = VKS__VOLUME__SOURCE_EMPTY_DIR;
                v->empty_dir = NEW(Vks__EmptyDir);
                vks__empty_dir__init(v->empty_dir);
                v->empty_dir->memory = streq(kind, "memory");
        }
        return v;
}

static void container_word(Vks__Container *c, char *arg)
{
        char *v;

        if ((v = after(arg, "image=")))
                c->image = v;
        else if ((v = after(arg, "package=")))
                c->package = v;
        else if ((v = after(arg, "unit=")))
                c->unit = v;
        else if ((v = after(arg, "dir=")))
                c->working_dir = v;
        else if ((v = after(arg, "user=")))
                c->run_as_user = new_id(v);
        else if ((v = after(arg, "group=")))
                c->run_as_group = new_id(v);
        else if ((v = after(arg, "groups="))) { /* once for each */
                PUSH(c->groups, c->n_groups, (uint32_t)strtoul(v, NULL, 10));
        } else if (streq(arg, "var"))
                c->writes_var = true;
        else if (streq(arg, "shares"))
                c->shares_image = true;
        else if ((v = after(arg, "restart=")))
                c->restart = streq(v, "always")    ? VKS__RESTART__RESTART_ALWAYS
                             : streq(v, "failure") ? VKS__RESTART__RESTART_ON_FAILURE
                                                   : VKS__RESTART__RESTART_NEVER;
        else if ((v = after(arg, "command=")))
                PUSH(c->command, c->n_command, v);
        else if ((v = after(arg, "arg=")))
                PUSH(c->args, c->n_args, v);
        else if ((v = after(arg, "env="))) {
                Vks__Env *env = NEW(Vks__Env);
                char *value = cut(v, '=');

                vks__env__init(env);
                env->name = v;
                env->value = (ProtobufCBinaryData){ strlen(value), (uint8_t *)value };
                PUSH(c->env, c->n_env, env);
        } else if ((v = after(arg, "mount="))) {
                Vks__Mount *m = NEW(Vks__Mount);
                char *path = cut(v, ':'), *ro = cut(path, ':');

                vks__mount__init(m);
                m->volume = v;
                m->path = path;
                m->read_only = ro != NULL;
                PUSH(c->mounts, c->n_mounts, m);
        } else {
                fprintf(stderr, "helperctl: what is %s?\n", arg);
                exit(2);
        }
}

static int do_write(Vks__Pod *pod, int n, char **args)
{
        Vks__Write m = VKS__WRITE__INIT;
        char *v;

        m.pod = pod;
        m.grace_seconds = 30;
        for (int i = 0; i < n; i++)
                if ((v = after(args[i], "volume=")))
                        PUSH(m.volumes, m.n_volumes, new_volume(v));
                else if ((v = after(args[i], "grace=")))
                        m.grace_seconds = (uint32_t)strtoul(v, NULL, 10);
                else if ((v = after(args[i], "container="))) {
                        Vks__Container *c = NEW(Vks__Container);
                        vks__container__init(c);
                        c->name = v;
                        PUSH(m.containers, m.n_containers, c);
                } else if (m.n_containers)
                        container_word(m.containers[m.n_containers - 1], args[i]);
        return ask("write", &m.base);
}

static int do_exec(Vks__Pod *pod, int n, char **args)
{
        Vks__Exec m = VKS__EXEC__INIT;
        Vks__Container c = VKS__CONTAINER__INIT;
        char *v;

        m.pod = pod;
        for (int i = 0; i < n; i++)
                if ((v = after(args[i], "volume=")))
                        PUSH(m.volumes, m.n_volumes, new_volume(v));
                else if ((v = after(args[i], "id=")))
                        m.id = strtoul(v, NULL, 0);
                else if ((v = after(args[i], "by=")))
                        m.user = v;
                else if ((v = after(args[i], "container=")))
                        c.name = v, m.container = &c;
                else
                        container_word(&c, args[i]);
        return ask("exec", &m.base);
}

int main(int argc, char **argv)
{
        Vks__Pod pod = VKS__POD__INIT;
        const char *verb = argc > 1 ? argv[1] : "";

        if (streq(verb, "install")) {
                Vks__Install m = VKS__INSTALL__INIT;
                for (int i = 2; i < argc; i++) {
                        Vks__Package *p = NEW(Vks__Package);
                        char *version = cut(argv[i], '=');
                        vks__package__init(p);
                        p->name = argv[i];
                        if (version)
                                p->version = version;
                        PUSH(m.packages, m.n_packages, p);
                }
                return ask(verb, &m.base);
        }
        if (argc < 4) {
                fprintf(stderr, "usage: see tests/tools/helperctl.c\n");
                return 2;
        }
        pod.namespace_ = argv[2];
        pod.name = cut(argv[2], '/');
        pod.uid = argv[3];
        argc -= 4, argv += 4;
        if (streq(verb, "write"))
                return do_write(&pod, argc, argv);
        if (streq(verb, "exec"))
                return do_exec(&pod, argc, argv);
        if (streq(verb, "start") || streq(verb, "restart")) {
                Vks__Start m = VKS__START__INIT;
                m.pod = &pod, m.units = argv, m.n_units = (size_t)argc, m.restart = streq(verb, "restart");
                return ask("start", &m.base);
        }
        if (streq(verb, "stop") || streq(verb, "kill")) {
                Vks__Stop m = VKS__STOP__INIT;
                m.pod = &pod, m.units = argv, m.n_units = (size_t)argc, m.kill = streq(verb, "kill");
                return ask("stop", &m.base);
        }
        if (streq(verb, "remove")) {
                Vks__Remove m = VKS__REMOVE__INIT;
                m.pod = &pod, m.units = argv, m.n_units = (size_t)argc, m.all = argc == 0;
                return ask("remove", &m.base);
        }
        if (streq(verb, "fill") && argc > 0) {
                Vks__Fill m = VKS__FILL__INIT;
                m.pod = &pod;
                m.volume = argv[0];
                for (int i = 1; i < argc; i++) {
                        Vks__File *f = NEW(Vks__File);
                        char *content = cut(argv[i], '=');
                        vks__file__init(f);
                        f->path = argv[i];
                        f->mode = 0644;
                        f->content = (ProtobufCBinaryData){ strlen(content), (uint8_t *)content };
                        PUSH(m.files, m.n_files, f);
                }
                return ask(verb, &m.base);
        }
        fprintf(stderr, "helperctl: unknown verb %s\n", verb);
        return 2;
}
