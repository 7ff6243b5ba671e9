/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that means harm: it speaks the protocol as user vks and tries to get further than policy allows. Whether it
 * got anywhere is told by who compares the machine before and after (tests/e2e/hostile.sh); what must be refused
 * whatever the machine looks like is checked here. Ends with 0 when all of that was refused, nothing hung, and an
 * honest pod is still served.
 *
 *      hostile who | consoles             as anybody: says as whom it runs; asks the agent for a container's terminal
 *      hostile flood-consoles SECONDS     as anybody: is in the way of who comes for its own
 *      hostile attack SEED REQUESTS       as user vks
 *      hostile escape deny|package        as user vks, on a machine whose policy has this for `root`
 *      hostile between before|after       as user vks: what root does in between must not help
 *      hostile hold | release             as user vks: a pod with secrets runs, and is gone
 *      hostile install NAME URL SHA256    as user vks
 *      hostile swap SECONDS DIR...        as a pod: names in DIR are by turns a directory, and a symbolic link out of
 * the pod hostile flip DIR                   as a pod: DIR/x is by turns a directory and a link to /etc hostile litter
 * | sweep             as user vks, where pods may be root: one runs that leaves things behind, and is gone hostile
 * plant DIR...               as a pod: leaves in each DIR a program with set-user-id, one with capabilities, one of a
 * group, and a device hostile use DIR...                 as anybody: tells what it gets out of them; "nothing" when
 * that is so hostile mark WORD [PATH]           as a pod: tells the journal when it is root, or when there is such a
 * PATH
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "helper.pb-c.h"

#include "common/console.h"
#include "common/message.h"
#include "common/fd.h"
#include "common/ids.h"
#include "common/mem.h"
#include "proto/serve.h"
#include "proto/verbs.h"
#include "proto/wire.h"

#define UID    "66666666-6666-4666-8666-666666666666"
#define SECRET "hostile-secret-d41d8cd9"
#define PWN    "/bin/sh -c 'touch /etc/hostile-was-here'"

enum { HANG_SECONDS = 120 };

#define ROW(n, verb, Message, body) verb_##verb = n,
enum { VERBS(ROW) };
#undef ROW

static unsigned long sent, accepted, wrong; /* of the whole run */
static int sock = -1;
static int output = -1; /* where commands of EXEC write to; -1: /dev/null */

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static int dial(void)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = WIRE_SOCKET };
        struct timeval patience = { .tv_sec = HANG_SECONDS };
        FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        return fd_take(&fd);
}

static void redial(void)
{
        fd_close(sock);
        for (int i = 0; (sock = dial()) < 0 && i < 1000; i++)
                nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
        if (sock < 0) {
                printf("the helper is not there any more: %s\n", strerror(-sock));
                exit(1);
        }
}

static void failed(const char *what, const char *detail)
{
        wrong++;
        printf("WRONG: %s%s%.300s\n", what, detail ? ": " : "", detail ? detail : "");
}

/* The reply's error, or 1 when the connection was closed instead. */
static int reply(char *text, size_t size)
{
        const struct wire_verb *v = NULL;
        ProtobufCMessage *got = NULL;
        struct err e = ERR_NONE;
        char byte;
        int r;

        if (recv(sock, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                printf("the helper hangs\n");
                exit(1);
        }
        r = wire_recv_reply(sock, &v, &got, &e);
        if (r <= 0) {
                redial();
                return 1;
        }
        r = ((const Vks__Reply *)(const void *)got)->error;
        if (text)
                snprintf(text, size, "%s", ((const Vks__Reply *)(const void *)got)->text);
        if (strstr(((const Vks__Reply *)(const void *)got)->text, SECRET))
                failed("a reply tells a secret", NULL);
        protobuf_c_message_free_unpacked(got, NULL);
        accepted += r == 0;
        return r;
}

/* For a second after its policy was changed the helper wants to be asked again: that is no answer. */
static int ask(uint8_t verb, const ProtobufCMessage *m, char *text, size_t size)
{
        CLEANUP(wire_packet_done) struct wire_packet p = { 0 };
        char said[1024] = "";
        struct err e = ERR_NONE;
        int streams[WIRE_N_STREAMS] = { -1, -1, -1 }, r = 0;

        sent++;
        if (wire_verb_find(verb)->body == WIRE_STREAMS)
                for (int i = 0; i < WIRE_N_STREAMS; i++)
                        streams[i] = i && output >= 0 ? fcntl(output, F_DUPFD_CLOEXEC, 3)
                                                      : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (wire_pack(wire_verb_find(verb), m, streams[0] < 0 ? NULL : streams, &p, &e) < 0)
                return -EMSGSIZE;
        for (int i = 0; i < 200; i++) {
                while (wire_send(sock, &p, &e) < 0)
                        redial();
                r = reply(said, sizeof(said));
                if (r != -EAGAIN || !strstr(said, "changed a moment ago"))
                        break;
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        }
        if (text)
                snprintf(text, size, "%s", said);
        return r;
}

static int raw(const void *data, size_t n, const int *fds, size_t n_fds)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
        struct iovec iov = { (void *)(uintptr_t)data, n };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds) {
                m.msg_control = control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        sent++;
        if (sendmsg(sock, &m, MSG_NOSIGNAL) < 0) {
                redial();
                return 1;
        }
        return reply(NULL, 0);
}

static void must_fail(const char *what, int r)
{
        if (r == 0)
                failed("was accepted", what);
}

/* ---- an honest pod, that everything else is made from ------------------------------------------------------------ */

struct pod {
        Vks__Pod id;
        Vks__Volume v[4], *volumes[4];
        Vks__EmptyDir disk, memory;
        Vks__Files files;
        Vks__HostPath host;
        Vks__Mount m[4], *mounts[4];
        Vks__Env e[1], *env[1];
        Vks__Word w, *hidden[1];
        Vks__Id user;
        Vks__Container c, *containers[1];
        char *command[1], *args[3], *units[1];
        char unit[ID_UNIT_MAX + 1], other[ID_UNIT_MAX + 1];
        Vks__File f[2], *file[2];
        Vks__Package k, *packages[1];
        Vks__Install install;
        Vks__Write write;
        Vks__Start start;
        Vks__Stop stop;
        Vks__Remove remove;
        Vks__Fill fill;
        Vks__Exec exec;
        Vks__Container x; /* of `exec` */
        Vks__Size size, *sizes[1];
        Vks__Limits more;
        Vks__Resize resize;
        char *beside[2];
};

#define S(literal) ((char *)(uintptr_t)(literal))

static void named(char unit[static ID_UNIT_MAX + 1], const char *pod, const char *image)
{
        struct pod_id id = { .namespace = "hostile", .uid = UID };

        snprintf(id.name, sizeof(id.name), "%s", pod);
        (void)unit_name(&id, image, NULL, unit, NULL);
}

static void honest(struct pod *p, const char *name)
{
        memset(p, 0, sizeof(*p));
        vks__pod__init(&p->id);
        p->id.namespace_ = S("hostile"), p->id.name = S(name), p->id.uid = S(UID);
        vks__empty_dir__init(&p->disk), vks__empty_dir__init(&p->memory), vks__files__init(&p->files),
                vks__host_path__init(&p->host);
        p->memory.memory = true;
        for (int i = 0; i < 4; i++) {
                static const char *const names[] = { "disk", "memory", "files", "host" };
                vks__volume__init(&p->v[i]), vks__mount__init(&p->m[i]);
                p->volumes[i] = &p->v[i], p->mounts[i] = &p->m[i];
                p->v[i].name = p->m[i].volume = S(names[i]);
        }
        p->v[0].source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, p->v[0].empty_dir = &p->disk,
        p->m[0].path = S("/var/disk"), p->m[0].sub_path = S("part");
        p->v[1].source_case = VKS__VOLUME__SOURCE_EMPTY_DIR, p->v[1].empty_dir = &p->memory,
        p->m[1].path = S("/tmp/memory");
        p->v[2].source_case = VKS__VOLUME__SOURCE_FILES, p->v[2].files = &p->files, p->m[2].path = S("/run/files");
        p->v[3].source_case = VKS__VOLUME__SOURCE_HOST_PATH, p->v[3].host_path = &p->host,
        p->host.path = S("/srv/hostile/allowed"), p->m[3].path = S("/mnt");
        vks__env__init(&p->e[0]), p->env[0] = &p->e[0], p->e[0].name = S("PASSWORD"),
                                  p->e[0].value = (ProtobufCBinaryData){ strlen(SECRET), (uint8_t *)SECRET };
        vks__id__init(&p->user), p->user.value = 12345;
        vks__container__init(&p->c), p->containers[0] = &p->c;
        p->c.name = S("c"), p->c.image = S("/bin/true"), p->command[0] = S("/bin/true"), p->args[0] = S("a"),
        p->c.working_dir = S("/");
        p->c.message_path = S("/tmp/last/words");
        p->c.command = p->command, p->c.n_command = 1, p->c.args = p->args, p->c.n_args = 1, p->c.env = p->env,
        p->c.n_env = 1;
        p->c.mounts = p->mounts, p->c.n_mounts = 4, p->c.run_as_user = &p->user;
        named(p->unit, name, "/bin/true");
        p->units[0] = p->unit;
        for (int i = 0; i < 2; i++)
                vks__file__init(&p->f[i]), p->file[i] = &p->f[i], p->f[i].path = S(i ? "sub/b" : "a"),
                                           p->f[i].mode = 0600, p->f[i].content = p->e[0].value;
        vks__package__init(&p->k), p->packages[0] = &p->k, p->k.name = S("hostile-package"),
                                   p->k.version = S("1"); /* denied: what apt makes of names is not tried here */
        vks__install__init(&p->install), p->install.packages = p->packages, p->install.n_packages = 1;
        vks__limits__init(&p->more), p->more.memory_max = 64 << 20;
        vks__size__init(&p->size), p->sizes[0] = &p->size, p->size.unit = p->unit, p->size.limits = &p->more;
        vks__resize__init(&p->resize), p->resize.pod = &p->id, p->resize.sizes = p->sizes, p->resize.n_sizes = 1,
                                       p->resize.limits = &p->more;
        vks__write__init(&p->write), p->write.pod = &p->id, p->write.volumes = p->volumes, p->write.n_volumes = 4,
                                     p->write.grace_seconds = 1;
        p->write.containers = p->containers, p->write.n_containers = 1;
        vks__start__init(&p->start), p->start.pod = &p->id, p->start.units = p->units, p->start.n_units = 1;
        vks__stop__init(&p->stop), p->stop.pod = &p->id, p->stop.units = p->units, p->stop.n_units = 1,
                                   p->stop.kill = true;
        vks__remove__init(&p->remove), p->remove.pod = &p->id, p->remove.all = true;
        vks__fill__init(&p->fill), p->fill.pod = &p->id, p->fill.volume = S("files"), p->fill.files = p->file,
                                   p->fill.n_files = 2;
        p->x = p->c, p->x.args = NULL, p->x.n_args = 0, p->x.env = NULL, p->x.n_env = 0;
        p->beside[0] = S("/bin/true"), p->beside[1] = S("3600"), p->x.command = p->beside;
        vks__exec__init(&p->exec), p->exec.pod = &p->id, p->exec.volumes = p->volumes, p->exec.n_volumes = 4,
                                   p->exec.container = &p->x, p->exec.id = 1, p->exec.user = S("mallory");
}

/* As the agent does: who is told "later" asks again, and so does whom the helper has left. */
static void clean(struct pod *p, bool ran)
{
        int r = -EBUSY;

        if (ran)
                (void)ask(verb_stop, &p->stop.base, NULL, 0), p->stop.kill = false,
                                                              (void)ask(verb_stop, &p->stop.base, NULL, 0);
        for (int i = 0; i < 5000 && (r == -EBUSY || r == -EAGAIN || r == 1); i++) {
                r = ask(verb_remove, &p->remove.base, NULL, 0);
                if (r < 0)
                        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        }
}

/* ---- every field, every trick ------------------------------------------------------------------------------------ */

static const char *const tricks[] = {
        "",
        "a",
        " ",
        "\n",
        "\t",
        "%n",
        "%",
        "%%",
        "$",
        "${PATH}",
        "$$",
        "\"",
        "'",
        "`id`",
        "\\",
        "\\n",
        "a\\",
        ";",
        "#",
        "-",
        "--",
        "-y",
        "+",
        "!",
        "@",
        ":",
        ":!",
        ".",
        "..",
        "../..",
        "/",
        "//",
        "/..",
        "/../etc/shadow",
        "/etc/shadow",
        "/etc/../etc/shadow",
        "/etc",
        "/proc/1/root/etc",
        "/proc/self/fd/3",
        "/dev/sda",
        "/srv/hostile/../../etc",
        "/srv/hostile/link",
        "/srv/hostile/link/shadow",
        "/srv/hostile/allowed/",
        "/run/vks",
        "/run/vks/helper.sock",
        "/var/lib/vks",
        "../../../../etc/cron.d/x",
        "a/../../b",
        "..data",
        "..data/x",
        ".vks-new",
        "a/..",
        "a//b",
        "/usr/bin/../../bin/sh",
        "/bin/sh",
        "sh",
        "root",
        "0",
        "4294967295",
        "x\n[Service]\nExecStartPre=+" PWN "\n",
        "x\n\n[Service]\nExecStartPre=+" PWN "\nUser=root\n[X-Y]\nA=",
        "x\r[Service]\rUser=root",
        "x\"\nExecStartPre=+" PWN "\n\"",
        "\"; " PWN "; \"",
        "x ; +" PWN,
        "$(" PWN ")",
        "`" PWN "`",
        "x\\\n[Service]\nExecStartPre=+" PWN,
        "x\xe2\x80\xa8[Service]",
        "\xff\xfe",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\x01\x02\x7f",
        "ssh.service",
        "vks-agent.service",
        "vks-helper.service",
        "vks-helper.socket",
        "systemd-reboot.service/x",
        "vks.default.x.service",
        "vks.../x.service",
        "vks.a\nb.service",
        "vks.%n.service",
        "dbus.service",
        "init.scope",
        "-.slice",
        "66666666-6666-4666-8666-66666666666A",
        "LD_PRELOAD",
        "PATH",
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "A=B",
        "a b",
        "https://example.org/x.deb",
        "deb:///etc/passwd",
};

static char *long_string(size_t n, char c)
{
        char *s = xcalloc(n + 1, 1);
        memset(s, c, n);
        return s;
}

typedef void (*tried)(struct pod *p, uint8_t verb, const char *field, int r);

static void whatever(struct pod *p, uint8_t verb, UNUSED const char *field, int r)
{
        if (verb == verb_write && r == 0) { /* what systemd makes of it: run it */
                (void)ask(verb_fill, &p->fill.base, NULL, 0);
                (void)ask(verb_start, &p->start.base, NULL, 0);
                clean(p, true);
        }
}

static void ask_and_tell(struct pod *p, uint8_t verb, const ProtobufCMessage *top, const char *field, tried then)
{
        struct pod same = *p;

        honest(&same, "mutant"); /* to clean up behind it by the names it should have had */
        then(&same, verb, field, ask(verb, top, NULL, 0));
}

/* Each field of `m`, and of what it contains, is given each trick in its turn, the rest being honest. `pick` > 0: one
 * in that many. */
static void mutate(struct pod *p, uint8_t verb, const ProtobufCMessage *top, ProtobufCMessage *m, unsigned pick)
{
        for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
                char *at = (char *)m + f->offset;
                size_t n = 1;

                if (f->label == PROTOBUF_C_LABEL_REPEATED) {
                        n = *(size_t *)(void *)((char *)m + f->quantifier_offset);
                        at = *(char **)(void *)at;
                        for (size_t many = 0; many < 3 && n; many++) { /* too many of it, and none */
                                static const size_t counts[] = { 0, 5000, 70 };
                                size_t *q = (size_t *)(void *)((char *)m + f->quantifier_offset), old = *q;
                                void **was = *(void ***)(void *)((char *)m + f->offset),
                                     **more = xcalloc(counts[many] + 1, sizeof(void *));

                                for (size_t k = 0; k < counts[many]; k++)
                                        more[k] = was[0];
                                *(void ***)(void *)((char *)m + f->offset) = more, *q = counts[many];
                                ask_and_tell(p, verb, top, f->name, whatever);
                                *(void ***)(void *)((char *)m + f->offset) = was, *q = old;
                                free(more);
                        }
                } else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                           *(uint32_t *)(void *)((char *)m + f->quantifier_offset) != f->id) {
                        continue;
                }
                for (size_t k = 0; k < n; k++) {
                        if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
                                ProtobufCMessage *sub = ((ProtobufCMessage **)(void *)at)[k];
                                if (sub)
                                        mutate(p, verb, top, sub, pick);
                        } else if (f->type == PROTOBUF_C_TYPE_STRING) {
                                char **s = &((char **)(void *)at)[k], *was = *s;
                                for (size_t t = 0; t < ARRAY_LEN(tricks) + 3; t++) {
                                        CLEANUP(freep)
                                        char *big = t < ARRAY_LEN(tricks)
                                                            ? NULL
                                                            : long_string((size_t[]){ 64, 300,
                                                                                      20000 }[t - ARRAY_LEN(tricks)],
                                                                          'a');
                                        if (pick && rand() % (int)pick)
                                                continue;
                                        *s = big ? big : S(tricks[t]);
                                        ask_and_tell(p, verb, top, f->name, whatever);
                                        *s = was;
                                        if (!big && t && was[0]) { /* and behind what is honest */
                                                CLEANUP(freep) char *both = xasprintf("%s%s", was, tricks[t]);
                                                *s = both;
                                                ask_and_tell(p, verb, top, f->name, whatever);
                                                *s = was;
                                        }
                                }
                        } else if (f->type == PROTOBUF_C_TYPE_BYTES) {
                                ProtobufCBinaryData *b = &((ProtobufCBinaryData *)(void *)at)[k], was = *b;
                                for (size_t t = 0; t < ARRAY_LEN(tricks); t++) {
                                        if (pick && rand() % (int)pick)
                                                continue;
                                        *b = (ProtobufCBinaryData){
                                                strlen(tricks[t]) + (t % 2), (uint8_t *)(uintptr_t)tricks[t]
                                        }; /* every other with its NUL */
                                        ask_and_tell(p, verb, top, f->name, whatever);
                                }
                                *b = was;
                        } else { /* numbers */
                                static const uint64_t numbers[] = { 0,      1,          2,          3,
                                                                    7,      999,        1000,       04755,
                                                                    0xffff, 0x7fffffff, 0x80000000, 0xffffffff };
                                bool wide = f->type == PROTOBUF_C_TYPE_UINT64;
                                uint64_t was = wide ? *(uint64_t *)(void *)at : *(uint32_t *)(void *)at;
                                for (size_t t = 0; t <= ARRAY_LEN(numbers); t++) {
                                        uint64_t v = t < ARRAY_LEN(numbers) ? numbers[t] : was;
                                        if (wide)
                                                *(uint64_t *)(void *)at = v;
                                        else
                                                *(uint32_t *)(void *)at = (uint32_t)v;
                                        if (t < ARRAY_LEN(numbers))
                                                ask_and_tell(p, verb, top, f->name, whatever);
                                }
                        }
                }
        }
}

static void every_field(struct pod *p, unsigned pick)
{
#define ROW(n, verb, Message, body) [n] = &p->verb.base,
        ProtobufCMessage *const all[] = { VERBS(ROW) };
#undef ROW

        for (uint8_t verb = 0; verb < ARRAY_LEN(all); verb++) {
                honest(p, "mutant");
                if (all[verb])
                        mutate(p, verb, all[verb], all[verb], pick);
        }
        honest(p, "mutant"); /* with a word that is hidden; without, there is more that command and args may be */
        vks__word__init(&p->w), p->hidden[0] = &p->w, p->w.index = 1, p->w.value = S("b");
        p->c.hidden = p->hidden, p->c.n_hidden = 1;
        mutate(p, verb_write, &p->write.base, &p->w.base, 0);
        p->c.args = NULL, p->c.n_args = 0; /* only the program is left, whose place none may have */
        mutate(p, verb_write, &p->write.base, &p->w.base, 0);
        honest(p, "mutant");
        clean(p, true);
}

/* Bytes that are nearly a message. */
static void torn_bytes(struct pod *p)
{
        uint8_t bytes[4096];
        size_t n = vks__start__pack(&p->start, bytes + 2);

        for (unsigned i = 0; i < 3000; i++) {
                uint8_t b[4200];
                size_t k = n + 2;

                memcpy(b, bytes, sizeof(bytes));
                b[0] = WIRE_VERSION, b[1] = (uint8_t)(3 + rand() % 3);
                if (i % 3 == 0)
                        k = (size_t)rand() % (n + 2); /* cut off */
                else if (i % 3 == 1)
                        for (int flips = 0; flips < 3; flips++)
                                b[(size_t)rand() % k] ^= (uint8_t)(1 << rand() % 8);
                else
                        for (int extra = rand() % 20; extra > 0; extra--)
                                b[k++] = (uint8_t)rand();
                (void)raw(b, k ? k : 1, NULL, 0);
        }
        for (unsigned verb = 0; verb < 256; verb++)
                (void)raw((uint8_t[]){ (uint8_t)(verb % 3), (uint8_t)verb }, 2, NULL, 0);
        CLEANUP(freep) char *big = long_string(150000, WIRE_VERSION);
        must_fail("a datagram that is too large", raw(big, 150000, NULL, 0));
        static const uint8_t unknown[] = { WIRE_VERSION, verb_remove, 0x7a, 1, 'x' };
        must_fail("an unknown field", raw(unknown, sizeof(unknown), NULL, 0));
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static void descriptors(struct pod *p)
{
        uint8_t fill[2] = { WIRE_VERSION, verb_fill }, start[512] = { WIRE_VERSION, verb_start };
        uint8_t body[4096];
        size_t n = vks__fill__pack(&p->fill, body);
        size_t n_start = vks__start__pack(&p->start, start + 2) + 2;
        FD zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        FD plain = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING),
           sealed = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        FD listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int fifo[2], many[10];

        if (pipe2(fifo, O_CLOEXEC) < 0)
                return;
        const int odd[] = { zero, dir, fifo[0], fifo[1], sock, plain, listening };
        for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
                must_fail("FILL from what is no sealed memfd", raw(fill, 2, &odd[i], 1));
                must_fail("START with a descriptor", raw(start, n_start, &odd[i], 1));
        }
        must_fail("FILL without a descriptor", raw(fill, 2, NULL, 0));
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
                many[i] = zero;
        must_fail("ten descriptors", raw(fill, 2, many, 10));
        must_fail("two descriptors", raw(fill, 2, many, 2));

        /* Changed after sending: a memfd that can be changed is not taken, one that is taken cannot be changed. */
        void *window = MAP_FAILED;
        if (ftruncate(plain, (off_t)n) == 0)
                window = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, plain, 0);
        must_fail("a writable memfd", raw(fill, 2, &plain, 1));
        if (window == MAP_FAILED || fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0)
                failed("a mapped memfd could be sealed", NULL);
        if (write(sealed, body, n) != (ssize_t)n ||
            fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0 ||
            raw(fill, 2, &sealed, 1) != 0 || pwrite(sealed, "x", 1, 0) != -1)
                failed("a sealed memfd was not taken, or could be changed", NULL);
        FD sparse = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate(sparse, (off_t)1 << 40) == 0 &&
            fcntl(sparse, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0)
                must_fail("a memfd of a terabyte", raw(fill, 2, (int[]){ sparse }, 1));
        close(fifo[0]), close(fifo[1]);
}

/* A TCP socket whose last close waits for its bytes to be read, which nobody does; -1: there is none. */
static int lingering_socket(void)
{
        static int listening = -1; /* for good: with it the bytes would go, too */
        struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct linger forever = { .l_onoff = 1, .l_linger = 1000 };
        FD out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CLEANUP(freep) char *data = long_string(1 << 20, 'x');
        socklen_t size = sizeof(addr);

        if (listening < 0) {
                listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (bind(listening, (struct sockaddr *)&addr, size) < 0 || listen(listening, 8) < 0)
                        return -1;
        }
        if (getsockname(listening, (struct sockaddr *)&addr, &size) < 0 ||
            connect(out, (struct sockaddr *)&addr, size) < 0)
                return -1;
        fcntl(out, F_SETFL, O_NONBLOCK);
        while (send(out, data, 1 << 20, MSG_NOSIGNAL) > 0)
                ;
        fcntl(out, F_SETFL, 0);
        setsockopt(out, SOL_SOCKET, SO_LINGER, &forever, sizeof(forever));
        return fd_take(&out);
}

/* The helper's last close of such a socket must not wait. */
static void lingering(void)
{
        uint8_t bad[2] = { WIRE_VERSION, verb_start };
        time_t began = time(NULL);
        int fd = lingering_socket(), held = dup(sock);

        if (fd < 0) {
                failed("no socket that lingers", NULL);
                return;
        }
        sent++;
        (void)held; /* the connection is not given up while it is answered */
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
        struct iovec iov = { bad, 2 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        if (sendmsg(sock, &m, MSG_NOSIGNAL) == 2) {
                close(fd); /* the last one is in the helper's hands now */
                must_fail("START with a socket", reply(NULL, 0));
        }
        close(held);
        if (time(NULL) - began > SERVE_SECONDS / 2)
                failed("the helper waited for a socket to close", NULL);
}

/* ---- a command beside a container -------------------------------------------------------------------------------- */

static bool is_active(const char *unit);

static int sealed_memfd(const void *data, size_t n)
{
        FD fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0 || write(fd, data, n) != (ssize_t)n ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
                return -1;
        return fd_take(&fd);
}

/* Descriptors of a wrong number are no request; those of an odd kind get the answer of any other, and at once. */
static void streams_of_any_kind(struct pod *p)
{
        uint8_t head[2] = { WIRE_VERSION, verb_exec }, body[4096];
        FD message = sealed_memfd(body, vks__exec__pack(&p->exec, body)), null = open("/dev/null", O_RDWR | O_CLOEXEC);
        FD dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), place = open("/etc/shadow", O_PATH | O_CLOEXEC);
        FD plain = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING), other = dial();
        int fifo[2], many[6];

        if (message < 0 || null < 0 || plain < 0 || pipe2(fifo, O_CLOEXEC) < 0) {
                failed("nothing was tried with streams", NULL);
                return;
        }
        for (size_t n = 0; n <= ARRAY_LEN(many); n++) {
                for (size_t i = 0; i < ARRAY_LEN(many); i++)
                        many[i] = i ? null : message;
                if (n != 1 + WIRE_N_STREAMS)
                        must_fail("EXEC with a wrong number of descriptors", raw(head, 2, many, n));
                many[0] = plain;
                must_fail("EXEC from a memfd that can be changed", raw(head, 2, many, 1 + WIRE_N_STREAMS));
        }
        FD lingers = lingering_socket(); /* whoever closes it last waits: PID 1, if it ever had it */
        if (lingers < 0)
                failed("no socket that lingers", NULL);
        const int odd[] = { dir, place, other, plain, message, lingers, fifo[0], fifo[1] };
        for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
                int r = raw(head, 2, (int[]){ message, odd[i], odd[i], odd[i] }, 1 + WIRE_N_STREAMS);

                if (i < ARRAY_LEN(odd) - 2)
                        must_fail("EXEC with what is no stream", r);
        }
        close(fifo[0]), close(fifo[1]);
}

static bool becomes(const char *unit, bool active)
{
        bool is = !active;

        for (int i = 0; i < 1500 && (is = is_active(unit)) != active; i++)
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        return is == active;
}

static void command_unit(const struct pod *p, char unit[static ID_UNIT_MAX + 1])
{
        exec_unit_name(p->id.uid, p->x.name, &p->exec.id, unit);
}

/* A command that runs: START and REMOVE know no such unit, and STOP is its own pod's, not that of a pod which has the
 * same names of everything. */
static void units_of_commands(struct pod *p)
{
        char unit[ID_UNIT_MAX + 1], *units[] = { unit };
        struct pod twin;

        p->exec.id = 0x2000;
        command_unit(p, unit);
        if (ask(verb_exec, &p->exec.base, NULL, 0) != 0 || !becomes(unit, true)) {
                failed("no command to try others' requests on", NULL);
                return;
        }
        honest(&twin, "beside");
        twin.id.uid = S("77777777-7777-4777-8777-777777777777");
        if (ask(verb_write, &twin.write.base, NULL, 0) == 0)
                failed("two pods have the same unit", NULL);
        twin.id.name = S("twin"), named(twin.unit, "twin", "/bin/true");
        if (ask(verb_write, &twin.write.base, NULL, 0) != 0)
                failed("no pod to stop others' commands", NULL);
        p->start.units = p->remove.units = twin.stop.units = twin.remove.units = units;
        p->remove.n_units = twin.remove.n_units = 1;
        p->remove.all = twin.remove.all = false;
        for (int flag = 0; flag < 2; flag++) {
                p->start.restart = twin.stop.kill = flag;
                must_fail("START of a command", ask(verb_start, &p->start.base, NULL, 0));
                must_fail("STOP of another pod's command", ask(verb_stop, &twin.stop.base, NULL, 0));
                twin.stop.signal = true;
                must_fail("a signal to another pod's command", ask(verb_stop, &twin.stop.base, NULL, 0));
                twin.stop.signal = false;
        }
        must_fail("REMOVE of a command", ask(verb_remove, &p->remove.base, NULL, 0));
        must_fail("REMOVE of another pod's command", ask(verb_remove, &twin.remove.base, NULL, 0));
        if (!is_active(unit))
                failed("a command was ended by who may not", unit);
        p->start.units = p->units, p->remove.units = NULL, p->remove.n_units = 0, p->remove.all = true;
        p->start.restart = false;
        must_fail("REMOVE of a pod beside which a command runs", ask(verb_remove, &p->remove.base, NULL, 0));
        twin.remove.units = NULL, twin.remove.n_units = 0, twin.remove.all = true;
        clean(&twin, false);
        p->stop.units = units;
        for (int kill = 1; kill >= 0; kill--) {
                p->stop.kill = kill;
                if (ask(verb_stop, &p->stop.base, NULL, 0) != 0)
                        failed("a pod's own command is not stopped", unit);
        }
        if (!becomes(unit, false))
                failed("a command runs on after STOP", unit);
        p->stop.units = p->units, p->stop.kill = true;
}

/* What WRITE refuses EXEC does, too: places of the machine's programs, and those to which another container could have
 * laid a link (the account of ways). */
static void mounts_of_commands(struct pod *p)
{
        static const char *const targets[] = { "/etc",
                                               "/bin/sh",
                                               "/usr/libexec/vks",
                                               "/run/systemd/x",
                                               "/run/vks/x",
                                               "/run/credentials",
                                               "/proc",
                                               "/dev",
                                               "/",
                                               "/srv/hostile/ulink",
                                               "/srv/hostile/ulink/true",
                                               "/etc/ld.so.preload",
                                               "/usr/local/lib",
                                               "/var/disk/../../etc" };
        static const char *const paths[] = { "/etc", "/", "/srv/hostile/link", "/srv/hostile/bound", "/run/vks/pods" };
        char *was = p->m[0].path, *host = p->host.path;

        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                p->m[0].path = S(targets[i]);
                must_fail(targets[i], ask(verb_exec, &p->exec.base, NULL, 0));
        }
        p->m[0].path = was;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                p->host.path = S(paths[i]);
                must_fail(paths[i], ask(verb_exec, &p->exec.base, NULL, 0));
        }
        p->host.path = host;
        p->m[0].volume = S("not-there");
        must_fail("EXEC with a mount of no volume", ask(verb_exec, &p->exec.base, NULL, 0));
        p->m[0].volume = S("disk");
        p->x.working_dir = S("/proc/self/cwd/../../etc/vks\nUser=root");
        must_fail("EXEC in a directory of two lines", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.working_dir = p->c.working_dir;
}

/* Beside the very container of WRITE: no other user, view or slice, each of which policy would allow. */
static void others_than_written(struct pod *p)
{
        p->user.value = 12346;
        must_fail("EXEC as another user", ask(verb_exec, &p->exec.base, NULL, 0));
        p->user.value = 12345, p->x.run_as_user = NULL;
        must_fail("EXEC as no user", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.run_as_user = &p->user, p->x.n_mounts--;
        must_fail("EXEC with a mount less", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.n_mounts++, p->x.working_dir = S("/tmp");
        must_fail("EXEC in another directory", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.working_dir = p->c.working_dir, p->exec.qos = VKS__QOS__QOS_GUARANTEED;
        must_fail("EXEC in another slice", ask(verb_exec, &p->exec.base, NULL, 0));
        p->exec.qos = p->write.qos, p->x.run_as_non_root = true;
        must_fail("EXEC with a word more", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.run_as_non_root = false, p->x.no_new_privileges = !p->x.no_new_privileges;
        must_fail("EXEC with other privileges to gain", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.no_new_privileges = !p->x.no_new_privileges;
        p->x.drop_capabilities ^= UINT64_C(1);
        must_fail("EXEC with other capabilities", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.drop_capabilities ^= UINT64_C(1), p->x.read_only_root = !p->x.read_only_root;
        must_fail("EXEC with another root", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.read_only_root = !p->x.read_only_root, p->x.filter_system_calls = !p->x.filter_system_calls;
        must_fail("EXEC with other system calls", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.filter_system_calls = !p->x.filter_system_calls;
        p->x.groups = &(uint32_t){ 2000 }, p->x.n_groups = 1;
        must_fail("EXEC in a group more", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.n_groups = 0;
}

/* While the pod ends, somebody else goes on asking for commands: the pod goes all the same, and whole. */
static void while_it_is_removed(struct pod *p)
{
        pid_t other = fork();
        int status = 0;

        if (other == 0) {
                sock = -1; /* a connection of its own */
                wrong = 0;
                redial();
                for (unsigned i = 0; i < 300; i++) {
                        p->exec.id = 0x3000 + i;
                        (void)ask(verb_exec, &p->exec.base, NULL, 0);
                }
                _exit(wrong ? 1 : 0);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        for (int i = 0; i < 3; i++)
                clean(p, true);
        if (other < 0 || waitpid(other, &status, 0) != other || !WIFEXITED(status) || WEXITSTATUS(status))
                failed("nobody asked for commands of a pod that ends", NULL);
        clean(p, true); /* all of what the other may have got in between */
}

/* Numbers that systemd reads as another setting ("infinity"), or not at all, so that a line would be without effect. */
static void limits_out_of_range(struct pod *p)
{
        static const struct {
                uint32_t weight, milli, tasks;
                uint64_t memory;
        } rows[] = { { 10001, 0, 0, 0 },
                     { UINT32_MAX, 0, 0, 0 },
                     { 0, 1, 0, 0 },
                     { 0, UINT32_MAX, 0, 0 },
                     { 0, 0, UINT32_MAX, 0 },
                     { 0, 0, 0, UINT64_MAX },
                     { 0, 0, 0, UINT64_MAX / 2 + 1 } };
        static const int scores[] = { -1000, -998, -997, -1, 1001, INT32_MIN };
        Vks__Limits limits = VKS__LIMITS__INIT;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                limits.cpu_weight = rows[i].weight, limits.cpu_milli = rows[i].milli, limits.tasks_max = rows[i].tasks,
                limits.memory_max = rows[i].memory;
                p->c.limits = &limits;
                must_fail("WRITE with limits out of range", ask(verb_write, &p->write.base, NULL, 0));
                p->c.limits = NULL, p->write.limits = &limits;
                must_fail("WRITE with a pod's limits out of range", ask(verb_write, &p->write.base, NULL, 0));
                p->write.limits = NULL;
        }
        for (size_t i = 0; i < ARRAY_LEN(scores); i++) {
                p->c.oom_score_adjust = scores[i];
                must_fail("WRITE with an OOM score that is no pod's", ask(verb_write, &p->write.base, NULL, 0));
        }
        p->c.oom_score_adjust = 0, p->c.drop_capabilities = UINT64_C(1) << 41;
        must_fail("WRITE with a capability that there is not", ask(verb_write, &p->write.base, NULL, 0));
        p->c.drop_capabilities = 0;
}

/* Has the unit's drop-in, or PID 1's note, come about? */
static bool is_resized(const char *unit)
{
        CLEANUP(freep) char *file = xasprintf("/run/systemd/system/%s.d/vks.resized.conf", unit);
        CLEANUP(freep) char *note = xasprintf("/run/systemd/system.control/%s.d", unit);

        return access(file, F_OK) == 0 || access(note, F_OK) == 0;
}

/* RESIZE of what is not the pod's: the machine's own units, slices that lie around it, another pod's container, a
 * namesake's, a command beside it; and with numbers that lift a limit, or are none. */
static void sizes_of_others(struct pod *p)
{
        static const char *const others[] = { "ssh.service",
                                              "dbus.service",
                                              "vks-agent.service",
                                              "vks-helper.service",
                                              "kubepods.slice",
                                              "system.slice",
                                              "-.slice",
                                              "init.scope",
                                              "kubepods-besteffort.slice",
                                              "../x.service",
                                              "vks.a/b.service",
                                              "vks.%i.x.y.service",
                                              "vks.x.y.z.slice",
                                              "run-vks-pods.mount",
                                              "" };
        CLEANUP(freep) char *command = xasprintf("vks-exec-%s-c-0000000000001000.service", UID);

        must_fail("RESIZE out of range", (p->more.memory_max = UINT64_MAX, ask(verb_resize, &p->resize.base, NULL, 0)));
        p->more.memory_max = 0, p->more.cpu_weight = 10001;
        must_fail("RESIZE with a weight that is none", ask(verb_resize, &p->resize.base, NULL, 0));
        p->more.cpu_weight = 0, p->more.cpu_milli = 1;
        must_fail("RESIZE with a quota that is none", ask(verb_resize, &p->resize.base, NULL, 0));
        p->more.cpu_milli = 0, p->more.memory_max = 64 << 20;
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                p->size.unit = S(others[i]);
                must_fail(others[i], ask(verb_resize, &p->resize.base, NULL, 0));
                if (*others[i] && is_resized(others[i]))
                        failed("something that is no pod's was resized", others[i]);
        }
        p->size.unit = command;
        must_fail("RESIZE of a command", ask(verb_resize, &p->resize.base, NULL, 0));
        p->size.unit = p->unit, p->id.uid = S("77777777-7777-4777-8777-777777777777");
        must_fail("RESIZE by a namesake", ask(verb_resize, &p->resize.base, NULL, 0));
        p->resize.n_sizes = 0;
        must_fail("RESIZE of a slice that is nobody's", ask(verb_resize, &p->resize.base, NULL, 0));
        p->resize.n_sizes = 1, p->id.uid = S(UID);
        if (is_resized(p->unit))
                failed("what was refused has left its mark", p->unit);
        if (ask(verb_resize, &p->resize.base, NULL, 0) != 0 || !is_resized(p->unit))
                failed("an honest RESIZE was refused", NULL);
}

static void beside(struct pod *p)
{
        static const char *const programs[] = { "/etc/passwd", "/usr/bin/../bin/true", "/proc/self/exe",   "",
                                                "%n",          "+/bin/true",           "/srv/hostile/link" };
        static const char *const names[] = { "d", "", "c.d", "../c", "c c", "c\n[Service]\nUser=root" };
        Vks__Limits limits = VKS__LIMITS__INIT;
        unsigned began = 0;
        int r = 0;

        honest(p, "beside");
        must_fail("RESIZE before WRITE", ask(verb_resize, &p->resize.base, NULL, 0));
        must_fail("EXEC before WRITE", ask(verb_exec, &p->exec.base, NULL, 0));
        limits_out_of_range(p);
        if (ask(verb_write, &p->write.base, NULL, 0) != 0 || ask(verb_fill, &p->fill.base, NULL, 0) != 0 ||
            ask(verb_start, &p->start.base, NULL, 0) != 0) {
                failed("no pod to try EXEC beside", NULL);
                return;
        }
        if (!becomes(p->unit, true))
                failed("the container does not run", p->unit);
        sizes_of_others(p);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                p->x.name = S(names[i]);
                must_fail("EXEC beside a container that is not there", ask(verb_exec, &p->exec.base, NULL, 0));
        }
        p->x.name = p->c.name;
        for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
                p->beside[0] = S(programs[i]);
                must_fail(programs[i], ask(verb_exec, &p->exec.base, NULL, 0));
        }
        p->beside[0] = S("/bin/true");
        p->id.uid = S("77777777-7777-4777-8777-777777777777");
        must_fail("EXEC beside a namesake's container", ask(verb_exec, &p->exec.base, NULL, 0));
        p->id.uid = S(UID), p->id.name = S("other");
        must_fail("EXEC beside another pod's container", ask(verb_exec, &p->exec.base, NULL, 0));
        p->id.name = S("beside"), p->user.value = 0;
        must_fail("EXEC as root", ask(verb_exec, &p->exec.base, NULL, 0));
        p->user.value = 12345, p->x.env = p->env, p->x.n_env = 1;
        must_fail("EXEC with variables of its own", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.env = NULL, p->x.n_env = 0, p->x.n_command = 0;
        must_fail("EXEC without a command", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.n_command = 1, p->exec.container = NULL;
        must_fail("EXEC beside no container", ask(verb_exec, &p->exec.base, NULL, 0));
        p->exec.container = &p->x;
        p->x.limits = &limits;
        must_fail("EXEC with limits", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.limits = NULL, p->x.oom_score_adjust = 1;
        must_fail("EXEC with an OOM score", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.oom_score_adjust = 0;
        streams_of_any_kind(p);
        mounts_of_commands(p);
        others_than_written(p);

        p->beside[0] = S("/bin/sleep"), p->x.n_command = 2;
        units_of_commands(p);
        p->exec.id = 0x1000;
        if ((r = ask(verb_exec, &p->exec.base, NULL, 0)) != 0)
                failed("an honest EXEC was refused", strerror(-r));
        must_fail("EXEC of an id that runs", ask(verb_exec, &p->exec.base, NULL, 0));
        for (unsigned i = 1; i < 300 && (r == 0 || r == -EAGAIN); i++) {
                p->exec.id = 0x1000 + i;
                r = ask(verb_exec, &p->exec.base, NULL, 0);
                began += r == 0;
        }
        if (r != -EAGAIN)
                failed("300 commands at once met no bound", strerror(r < 0 ? -r : 0));
        printf("%u commands ran at once\n", began + 1);
        clean(p, true);
        p->exec.id = 2;
        must_fail("EXEC after REMOVE", ask(verb_exec, &p->exec.base, NULL, 0));
        if (is_resized(p->unit))
                failed("REMOVE has left what RESIZE made", p->unit);
        must_fail("RESIZE after REMOVE", ask(verb_resize, &p->resize.base, NULL, 0));

        honest(p, "beside"); /* 300 at once have been: the names are free again */
        if (ask(verb_fill, &p->fill.base, NULL, 0) != 0 || ask(verb_write, &p->write.base, NULL, 0) != 0 ||
            ask(verb_start, &p->start.base, NULL, 0) != 0)
                failed("no pod to remove beside its commands", NULL);
        if (!becomes(p->unit, true))
                failed("the container does not run", p->unit);
        while_it_is_removed(p);
        must_fail("EXEC after a REMOVE that others disturbed", ask(verb_exec, &p->exec.base, NULL, 0));
}

/* ---- a terminal or an input that is another's -------------------------------------------------------------------- */

/*
 * Asks the agent for a container's terminal or input as vks-exec does (common/console.h), in every way: honestly, with
 * the wrong byte, without or with too many descriptors, and by a connection that another process has made and left.
 * Says what it got.
 */
static int ask_console(const char *path, bool by_another, char kind, size_t n_fds)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        struct timeval patience = { .tv_sec = 7 }; /* the agent's is 5 */
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
        struct iovec iov = { &kind, 1 };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
        FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
                return -errno;
        pid_t maker = by_another ? fork() : 0;
        int r = maker == 0 ? connect(fd, (struct sockaddr *)&to, sizeof(to)) : 0;
        if (by_another && maker == 0)
                _exit(r < 0 ? 1 : 0);
        if (by_another && (waitpid(maker, &r, 0) != maker || r != 0))
                return -ECONNREFUSED;
        if (r < 0)
                return -errno;
        if (n_fds) {
                struct cmsghdr *c = (struct cmsghdr *)(void *)control;
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
                memcpy(CMSG_DATA(c), (int[]){ 1, 1, 1, 1 }, n_fds * sizeof(int));
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
                return -errno;
        m.msg_controllen = sizeof(control);
        memset(control, 0, sizeof(control));
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
        return n > 0 || (n == 0 && m.msg_controllen > 0) ? 1 : 0;
}

/* Whoever closes these last waits: connections that linger, several in a packet, and in a socket that is handed over
 * itself. Where the bytes would go to is here as long as this process lives. */
static int hand_lingering(const char *path, int told)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int pair[2], fds[2];

        snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return 1;
        for (int round = 0; round < 3; round++) {
                FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                char kind = CONSOLE_TERMINAL;
                _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = { 0 };
                struct iovec iov = { &kind, 1 };
                struct msghdr m = {
                        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
                };
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                size_t n = round == 2 ? 1 : 2;

                m.msg_controllen = CMSG_SPACE(n * sizeof(int));
                fds[0] = lingering_socket();
                fds[1] = round ? pair[0] : lingering_socket();
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(n * sizeof(int)) };
                memcpy(CMSG_DATA(c), fds, n * sizeof(int));
                if (fds[0] < 0 || fds[1] < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
                    sendmsg(round ? fd : pair[1], &m, MSG_NOSIGNAL) < 0)
                        return 1;
                close(fds[0]);
                if (n == 2)
                        close(fds[1]);
        }
        if (write(told, "", 1) == 1)
                pause();
        return 1;
}

static int linger_at_consoles(const char *path)
{
        for (int i = 0; i < 50; i++) {
                int told[2];
                pid_t pid;
                bool handed;

                if (pipe2(told, O_CLOEXEC) < 0 || (pid = fork()) < 0)
                        return 1;
                if (pid == 0)
                        _exit(hand_lingering(path, told[1]));
                close(told[1]);
                /* The agent may have closed them before we do: then it is the child who waits, and it is tried again.
                 */
                handed = poll(&(struct pollfd){ .fd = told[0], .events = POLLIN }, 1, 1000) > 0 &&
                         read(told[0], &(char){ 0 }, 1) == 1;
                if (handed) {
                        printf("handed over\n");
                        fflush(stdout);
                        sleep(600); /* whoever looks meanwhile ends us */
                        printf("let go\n");
                }
                close(told[0]);
                kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                if (handed)
                        return 0;
        }
        return 1;
}

static int ask_for_consoles(const char *path)
{
        unsigned asked = 0, got = 0;

        for (int how = 0; how < 12; how++) {
                static const char kinds[] = { CONSOLE_HELLO, CONSOLE_TERMINAL, CONSOLE_INPUT, '\0' };
                static const size_t n_fds[] = { 1, 1, 1, 1, 0, 2, 4, 0, 1, 1, 2, 0 };
                pid_t pid = fork(); /* side by side: what is not known waits */

                if (pid == 0) {
                        int r = ask_console(path, how >= 8, how < 4 ? kinds[how] : CONSOLE_HELLO, n_fds[how]);
                        _exit(r < 0 ? 2 : r);
                }
        }
        for (int status; wait(&status) > 0;) {
                asked += WIFEXITED(status) && WEXITSTATUS(status) < 2;
                got += WIFEXITED(status) && WEXITSTATUS(status) == 1;
        }
        printf("consoles: asked %u times, got %u\n", asked, got);
        return 0;
}

/* Connects again and again, says what vks-exec says, and stays: whoever comes for its own has to get through. */
static int flood_consoles(time_t seconds)
{
        enum { HELD = 512, ENOUGH = 2000 };
        static int held[HELD];
        time_t end = time(NULL) + seconds;
        unsigned long n = 0;

        memset(held, -1, sizeof(held));
        for (; time(NULL) < end || n < ENOUGH; n++) {
                struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = CONSOLE_SOCKET_ON_MACHINE };
                _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
                char kind = CONSOLE_HELLO;
                struct iovec iov = { &kind, 1 };
                struct msghdr m = {
                        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
                };
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                int *fd = &held[n % HELD];

                fd_close(*fd);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(sizeof(int)) };
                memcpy(CMSG_DATA(c), &(int){ STDOUT_FILENO }, sizeof(int));
                *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                if (*fd >= 0 && connect(*fd, (struct sockaddr *)&to, sizeof(to)) == 0)
                        (void)sendmsg(*fd, &m, MSG_NOSIGNAL);
        }
        printf("%lu connections\n", n);
        return 0;
}

/* ---- what is not a pod's ----------------------------------------------------------------------------------------- */

static void foreign(struct pod *p)
{
        static const char *const units[] = { "ssh.service",
                                             "vks-agent.service",
                                             "vks-helper.service",
                                             "dbus.service",
                                             "systemd-journald.service",
                                             "multi-user.target",
                                             "vks.conf",
                                             "vks.default.none.sleep.service",
                                             "vks-install-hostile.service",
                                             "vks-log.service",
                                             "vks-exec-" UID "-c-0123456789abcdef.service",
                                             "../system/ssh.service",
                                             "vks.x/../../ssh.service" };

        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                honest(p, "foreign");
                p->units[0] = S(units[i]);
                for (int flag = 0; flag < 2; flag++) {
                        p->start.restart = p->stop.kill = flag;
                        must_fail(units[i], ask(verb_start, &p->start.base, NULL, 0));
                        must_fail(units[i], ask(verb_stop, &p->stop.base, NULL, 0));
                        p->stop.signal = true;
                        must_fail(units[i], ask(verb_stop, &p->stop.base, NULL, 0));
                        p->stop.signal = false;
                }
                p->remove.all = false, p->remove.units = p->units, p->remove.n_units = 1;
                if (!starts_with(units[i], "vks.default")) /* removing what is not there is no error */
                        must_fail(units[i], ask(verb_remove, &p->remove.base, NULL, 0));
        }
        static const struct {
                const char *package, *unit;
        } units_of[] = { { "vks", "vks-agent.service" },
                         { "vks", "vks-helper.service" },
                         { "vks", "" },
                         { "dpkg", "vks-agent.service" },
                         { "dpkg", "../../../etc/shadow" },
                         { "systemd", "ssh.service" },
                         { "coreutils", "vks.hostile.mutant.x.service" } };
        for (size_t i = 0; i < ARRAY_LEN(units_of); i++) {
                honest(p, "foreign");
                p->c.image = p->c.package = S(units_of[i].package), p->c.unit = S(units_of[i].unit);
                must_fail(units_of[i].unit, ask(verb_write, &p->write.base, NULL, 0));
        }
}

static void refused_by_policy(struct pod *p)
{
        static const char *const paths[] = { "/etc/shadow",
                                             "/etc",
                                             "/",
                                             "/proc/1/root",
                                             "/srv/hostile/allowed/../../../etc/shadow",
                                             "/srv/hostile/link",
                                             "/srv/hostile/link/shadow",
                                             "/srv/hostile/bound/shadow",
                                             "/srv/hostile/open/below",
                                             "/run/vks/helper.sock",
                                             "/var/lib/vks",
                                             "/dev/mem",
                                             "/srv" };
        static const char *const targets[] = { "/usr/bin", "/bin/sh", "/etc", "/etc/ld.so.preload", "/proc",
                                               "/lib64",   "/",       "/var", "/run/systemd/x",     "/dev" };

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                honest(p, "policy");
                p->host.path = S(paths[i]), p->m[3].read_only = i % 2;
                must_fail(paths[i], ask(verb_write, &p->write.base, NULL, 0));
                clean(p, false);
        }
        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                honest(p, "policy");
                p->m[i % 4].path = S(targets[i]);
                must_fail(targets[i], ask(verb_write, &p->write.base, NULL, 0));
        }
        honest(p, "policy");
        p->user.value = 0;
        must_fail("runAsUser: 0", ask(verb_write, &p->write.base, NULL, 0));
        p->c.run_as_user = NULL, p->c.run_as_group = &p->user;
        must_fail("runAsGroup: 0", ask(verb_write, &p->write.base, NULL, 0));
        honest(p, "policy");
        p->k.version = S("");
        p->k.name = S("hostile-denied");
        must_fail("a denied package", ask(verb_install, &p->install.base, NULL, 0));
        p->k.name = S("vks");
        must_fail("vks", ask(verb_install, &p->install.base, NULL, 0));
        p->k.name = S(
                "cowsay+"); /* cowsay is denied, and to apt this may be another way to say it: nothing may come of it */
        (void)ask(verb_install, &p->install.base, NULL, 0);
        p->k.name = S("cowsa."); /* allowed as it stands, but where there is no such package it is a regular expression
                                    to apt-get */
        (void)ask(verb_install, &p->install.base, NULL, 0);
        p->k.name = S("x"), p->k.url = S("https://example.org/x.deb");
        must_fail("a URL", ask(verb_install, &p->install.base, NULL, 0));
        clean(p, false);
}

/* ---- against another process: a pod that swaps directories for links while it is written, filled, and removed ---- */

static void races(struct pod *p, unsigned rounds)
{
        struct timespec nap = { .tv_nsec = 30000000 };

        for (unsigned i = 0; i < rounds; i++) {
                honest(p, "swap");
                p->c.image = S("/usr/local/bin/hostile"), p->command[0] = S("/usr/local/bin/hostile");
                char *args[] = { S("swap"),      S("20"),       S("/tmp"),      S("/tmp/memory"),
                                 S("/var/disk"), S("/var/tmp"), S("/run/lock"), S("/mnt") };
                p->c.args = args, p->c.n_args = ARRAY_LEN(args);
                named(p->unit, "swap", "/usr/local/bin/hostile");
                named(p->other, "swap", "/bin/touch");
                if (ask(verb_fill, &p->fill.base, NULL, 0) != 0 || ask(verb_write, &p->write.base, NULL, 0) != 0 ||
                    ask(verb_start, &p->start.base, NULL, 0) != 0)
                        failed("the pod that swaps does not start", NULL);
                nanosleep(&nap, NULL);
                struct pod other = *p; /* a second container of the same pod, with mounts where the first one swaps */
                Vks__Container c = p->c, *containers[] = { &c };
                char *command[] = { S("/bin/touch") }, *touch[] = { S("/tmp/memory/x") }, *units[] = { p->other };
                Vks__Mount at = VKS__MOUNT__INIT, *mounts[] = { &at, p->mounts[0], p->mounts[3] };
                static const char *const where[] = { "/tmp/s0/hostile", "/var/tmp/s1/hostile",  "/run/lock/s0/hostile",
                                                     "/tmp/s1",         "/var/disk/s0/hostile", "/mnt/s0/hostile" };
                other.write.containers = containers;
                c.name = S("d"), c.image = S("/bin/touch"), c.command = command, c.args = touch, c.n_args = 1;
                at.volume = S("memory"), at.path = S(where[i % ARRAY_LEN(where)]);
                at.sub_path = S(i % 2 ? "s0/hostile" : ""); /* of what is swapped */
                c.mounts = mounts, c.n_mounts = 3;
                other.start.units = units, other.stop.units = units;
                (void)ask(verb_write, &other.write.base, NULL, 0);
                (void)ask(verb_start, &other.start.base, NULL, 0);
                (void)ask(verb_fill, &p->fill.base, NULL, 0);
                (void)ask(verb_remove, &p->remove.base, NULL, 0); /* while it runs: refused, and nothing is gone */
                nanosleep(&nap, NULL);
                (void)ask(verb_stop, &other.stop.base, NULL, 0);
                other.stop.kill = false;
                (void)ask(verb_stop, &other.stop.base, NULL, 0);
                clean(p, true);
        }
}

/* ---- too much ---------------------------------------------------------------------------------------------------- */

static void flood(struct pod *p)
{
        int open_ones[200];
        size_t n = 0;

        for (unsigned i = 0; i < 3000; i++) {
                int fd = dial();
                if (fd < 0)
                        continue;
                if (n < ARRAY_LEN(open_ones) && i % 10 == 0)
                        open_ones[n++] = fd; /* says nothing, stays */
                else {
                        if (i % 3 == 0)
                                (void)send(fd, (uint8_t[]){ WIRE_VERSION, verb_write }, 1 + i % 2,
                                           MSG_NOSIGNAL | MSG_DONTWAIT);
                        close(fd);
                }
        }
        while (n > 0)
                close(open_ones[--n]);
        redial();
        for (unsigned i = 0; i < 200; i++) { /* questions without end, and no ear for the answers */
                CLEANUP(wire_packet_done) struct wire_packet k = { 0 };
                honest(p, "flood");
                if (wire_pack(wire_verb_find(verb_stop), &p->stop.base, NULL, &k, NULL) == 0 &&
                    wire_send(sock, &k, NULL) < 0)
                        break;
                sent++;
        }
        redial();
}

static void is_served(struct pod *p)
{
        char text[1024] = "";

        honest(p, "honest");
        p->write.n_volumes = 3, p->c.n_mounts = 3;
        if (ask(verb_fill, &p->fill.base, text, sizeof(text)) || ask(verb_write, &p->write.base, text, sizeof(text)) ||
            ask(verb_start, &p->start.base, text, sizeof(text)))
                failed("an honest pod is not served", text);
        clean(p, true);
}

/* ---- past the policy: whether any of it got anywhere, the journal tells (mark) ----------------------------------- */

static const char *const suspects[] = { "harm-pre.service", "harm-plus.service", "harm-semi.service",
                                        "harm-bang.service", "harm-only.service" };

/* What START has begun has got as far as it gets: there is no job of it any more. */
static void settled(const char *unit)
{
        static sd_bus *bus;
        CLEANUP(freep) char *path = NULL;
        uint32_t job = 1;

        if ((!bus && sd_bus_open_system(&bus) < 0) ||
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0)
                failed("systemd is not to be asked", unit);
        for (int i = 0; path && job && i < 5000; i++) {
                sd_bus_message *m = NULL;

                if (sd_bus_get_property(bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Unit", "Job",
                                        NULL, &m, "(uo)") >= 0)
                        sd_bus_message_read(m, "(uo)", &job, NULL);
                sd_bus_message_unref(m);
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        }
}

static void run_briefly(struct pod *p)
{
        if (ask(verb_write, &p->write.base, NULL, 0) == 0) {
                if (ask(verb_start, &p->start.base, NULL, 0) == 0)
                        settled(p->unit);
                nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
        }
        clean(p, true);
}

/* A package's unit, and whatever the pod says in its place. */
static void packaged(struct pod *p, const char *unit)
{
        honest(p, "escape");
        p->c.image = p->c.package = S("harm"), p->c.unit = S(unit);
        p->c.n_command = p->c.n_args = p->c.n_mounts = p->c.n_env = 0, p->c.run_as_user = NULL, p->write.n_volumes = 0;
        named(p->unit, "escape", "harm");
}

static void as_root_all_the_same(struct pod *p)
{
        for (size_t i = 0; i < ARRAY_LEN(suspects); i++)
                for (unsigned how = 0; how < 12; how++) {
                        static char *command[] = { S("/usr/local/bin/hostile"), S("mark"), S("given") };

                        packaged(p, suspects[i]);
                        p->c.command = command, p->c.n_command = how & 1 ? 3 : 0;
                        p->c.args = command + 1, p->c.n_args = how & 2 ? 2 : 0;
                        p->user.value = how >= 8 ? 1 : 12345, p->c.run_as_user = how >= 4 ? &p->user : NULL;
                        run_briefly(p);
                }
}

/* A library of the pod's own in front of a program that begins as root. */
static void preloaded(struct pod *p)
{
        static uint8_t library[1 << 20];
        FD fd = open("/usr/local/lib/hostile.so", O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, library, sizeof(library));
        static char *const names[] = { S("LD_PRELOAD"), S("LD_AUDIT") };

        if (n <= 0)
                failed("there is no library", NULL);
        for (size_t i = 0; i < 3 * ARRAY_LEN(names); i++) {
                honest(p, "escape");
                p->write.n_volumes = 3, p->c.n_mounts = 3;
                p->f[0].content = (ProtobufCBinaryData){ (size_t)n, library }, p->f[0].mode = 0755;
                p->e[0].name = names[i / 3],
                p->e[0].value = (ProtobufCBinaryData){ 12, (uint8_t *)(uintptr_t) "/run/files/a" };
                if (i % 3 == 1)
                        p->c.image = p->c.package = S("harm"), p->c.unit = S("harm-pre.service"),
                        p->c.n_command = p->c.n_args = 0, p->c.run_as_user = NULL;
                if (i % 3 == 2)
                        p->c.image = p->c.package = S("harm"), p->c.unit = S("harm-pre.service");
                named(p->unit, "escape", p->c.image);
                (void)ask(verb_fill, &p->fill.base, NULL, 0);
                run_briefly(p);
        }
        static const char *const others[] = { "PERLLIB",        "PERL5LIB",         "PYTHONUSERBASE",
                                              "PYTHONWARNINGS", "BASH_FUNC_true%%", "BASH_ENV",
                                              "OPENSSL_CONF",   "OPENSSL_MODULES",  "GCONV_PATH",
                                              "LOCPATH",        "GLIBC_TUNABLES",   "RUBYLIB",
                                              "NODE_OPTIONS",   "LUA_INIT",         "PATH" };
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                packaged(p, "harm-pre.service");
                p->c.n_env = 1, p->e[0].name = S(others[i]);
                must_fail(others[i], ask(verb_write, &p->write.base, NULL, 0));
                clean(p, false);
        }
}

/*
 * Who may give nothing but a pod: root's own script of dpkg's calls tar, which runs what a variable says; and a shell
 * of systemd's that is root's, at which somebody types.
 */
static void by_words_alone(struct pod *p, bool package)
{
        static const char tar[] = "--checkpoint=1 \"--checkpoint-action=exec=/usr/local/bin/hostile mark tar\"";
        static const char *const tools[] = { "TAR_OPTIONS",     "GIT_SSH_COMMAND", "RSYNC_RSH", "XZ_DEFAULTS", "HOME",
                                             "XDG_CONFIG_HOME", "PAGER",           "EDITOR",    "SOME_HOOK" };
        static const char *const consoles[][2] = { { "systemd", "debug-shell.service" },
                                                   { "harm", "harm-pre.service" } };
        char text[1024] = "";

        for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
                packaged(p, "dpkg-db-backup.service");
                p->c.image = p->c.package = S("dpkg"), p->c.n_env = 1, p->e[0].name = S(tools[i]),
                p->e[0].value = (ProtobufCBinaryData){ sizeof(tar) - 1, (uint8_t *)(uintptr_t)tar };
                named(p->unit, "escape", "dpkg");
                if (package) /* else it is not root, and may have what it likes */
                        must_fail(tools[i], ask(verb_write, &p->write.base, NULL, 0));
                if (i == 0)
                        run_briefly(p);
                p->c.n_env = 0;
                if (package && ask(verb_write, &p->write.base, text, sizeof(text)) != 0)
                        failed("without the variable it is refused, too: this shows nothing", text);
                clean(p, false);
        }
        for (size_t i = 0; i < ARRAY_LEN(consoles); i++) {
                packaged(p, consoles[i][1]);
                p->c.image = p->c.package = S(consoles[i][0]), p->c.console = true;
                named(p->unit, "escape", consoles[i][0]);
                if (package)
                        must_fail("a console of what is root", ask(verb_write, &p->write.base, NULL, 0));
                run_briefly(p);
                p->c.console = false;
                if (package && ask(verb_write, &p->write.base, text, sizeof(text)) != 0)
                        failed("without a console it is refused, too: this shows nothing", text);
                clean(p, false);
        }
}

/* The instance of a template may be its user, and the instance is the pod's to say. */
static void as_anybody(struct pod *p)
{
        static const char *const units[] = { "harm-user@daemon.service",
                                             "harm-user@1.service",
                                             "harm-user@vks.service",
                                             "harm-user@nobody.service",
                                             "harm-group@shadow.service",
                                             "harm-groups@shadow.service",
                                             "harm-exec@-usr-local-bin-hostile.service" };
        static char *command[] = { S("/usr/bin/id") };

        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                packaged(p, units[i]);
                p->c.command = command, p->c.n_command = 1;
                if (!strstr(units[i], "exec"))
                        must_fail(units[i], ask(verb_write, &p->write.base, NULL, 0));
                run_briefly(p);
        }
        packaged(p, "harm-user@root.service"); /* its own command line, so it would be root's where packages may be */
        run_briefly(p);
        for (size_t i = 0; i < 3;
             i++) { /* the groups that read passwords, disks and the journal, by the pod's own word */
                static uint32_t groups[] = { 42, 6, 999 };
                Vks__Id group = VKS__ID__INIT;

                group.value = groups[i];
                honest(p, "escape");
                p->c.groups = &groups[i], p->c.n_groups = 1;
                must_fail("a container in a group of the machine's", ask(verb_write, &p->write.base, NULL, 0));
                p->c.n_groups = 0, p->disk.group = &group;
                must_fail("a volume of a group of the machine's", ask(verb_write, &p->write.base, NULL, 0));
                p->disk.group = NULL, p->fill.group = &group;
                must_fail("files of a group of the machine's", ask(verb_fill, &p->fill.base, NULL, 0));
                p->fill.group = NULL;
                clean(p, false);
        }
}

/* A unit that runs nothing as it starts: the pod's words would be its program, and their first character a prefix. */
static void in_a_programs_place(struct pod *p)
{
        static char *args[] = { S("+/usr/local/bin/hostile"), S("mark"), S("given") };

        for (unsigned i = 0; i < 2; i++) {
                packaged(p, "harm-stop.service");
                p->c.args = args, p->c.n_args = 3;
                if (i > 0) /* vks-exec has to bring it */
                        p->c.n_env = 1, p->e[0].name = S("a-b");
                run_briefly(p);
        }
        packaged(p, "systemd-reboot.service"); /* each machine has this one */
        p->c.image = p->c.package = S("systemd"), p->c.args = args, p->c.n_args = 3;
        named(p->unit, "escape", "systemd");
        run_briefly(p);
}

/* EXEC of `hostile who`, and what it says. */
static int ask_who(struct pod *p, char *ret, size_t size)
{
        int ends[2], r;
        size_t at = 0;

        if (pipe2(ends, O_CLOEXEC) < 0)
                exit(2);
        output = ends[1];
        r = ask(verb_exec, &p->exec.base, NULL, 0);
        output = -1;
        close(ends[1]);
        for (ssize_t n; at < size - 1 && (n = read(ends[0], ret + at, size - 1 - at)) > 0;)
                at += (size_t)n;
        ret[at] = '\0';
        close(ends[0]);
        return r;
}

/* Beside a daemon that its package runs as root: whoever the command asks to be, and whether it is the machine's
 * program or one that the pod has brought, it is nobody's command line but the pod's. */
static void beside_root(struct pod *p, bool package)
{
        static uint8_t program[4 << 20];
        static char *command[] = { S("/usr/local/bin/hostile"), S("who") };
        static char *planted[] = { S("/run/files/a"), S("who") };
        static const char *const units[] = { "harm-pre.service", "harm-only.service", "harm-plus.service" };
        FD fd = open("/usr/local/bin/hostile", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, program, sizeof(program));
        char said[512];
        unsigned ran = 0;

        for (size_t i = 0; i < ARRAY_LEN(units) && n > 0; i++) {
                packaged(p, units[i]);
                p->f[0].content = (ProtobufCBinaryData){ (size_t)n, program }, p->f[0].mode = 06755;
                p->write.n_volumes = p->exec.n_volumes = 3;
                p->c.mounts = p->x.mounts = &p->mounts[2], p->c.n_mounts = p->x.n_mounts = 1;
                p->x.image = p->x.package = p->c.package, p->x.unit = p->c.unit;
                if (ask(verb_fill, &p->fill.base, NULL, 0) != 0 || ask(verb_write, &p->write.base, NULL, 0) != 0 ||
                    ask(verb_start, &p->start.base, NULL, 0) != 0)
                        continue;
                settled(p->unit);
                for (unsigned how = 0; how < 8; how++) {
                        p->exec.id = how + 1;
                        p->x.command = how & 1 ? planted : command, p->x.n_command = 2;
                        p->user.value = how & 2 ? 12345 : 0, p->x.run_as_user = how & 4 ? &p->user : NULL;
                        int r = ask_who(p, said, sizeof(said));
                        if (how == 4 || how == 5)
                                must_fail("EXEC as root beside root", r);
                        if (r == 0 && (!starts_with(said, "who: ") || strstr(said, " 0 ")))
                                failed("a command beside a package's daemon", said);
                        ran += r == 0;
                }
                clean(p, true);
        }
        if (package && ran == 0)
                failed("no command ran beside a root daemon", NULL);
        printf("%u commands ran beside daemons of packages\n", ran);
}

/* A unit that would take the machine somewhere else, as systemd-reboot.service does by what it requires: whether it is
 * there, the caller looks. */
static void target_required(struct pod *p)
{
        packaged(p, "harm-fall.service");
        run_briefly(p);
}

/* A unit file that is a link: what it leads to is not for everybody to read. */
static void linked_unit(struct pod *p)
{
        packaged(p, "harm-link.service");
        must_fail("a unit file that is a link to /etc/shadow", ask(verb_write, &p->write.base, NULL, 0));
        clean(p, false);
}

static void over_programs(struct pod *p)
{
        static const char *const targets[] = {
                "/srv/hostile/ulink", "/srv/hostile/ulink/true", "/srv/hostile/ulink/new",
                "/etc/alternatives",  "/etc/alternatives/awk",   "/etc/init.d",
                "/etc/perl",          "/usr/local/lib",          "/usr/local/share/perl",
                "/usr/share/perl5",   "/srv/hostile/open/new"
        };

        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                honest(p, "escape");
                p->m[0].path = S(targets[i]);
                must_fail(targets[i], ask(verb_write, &p->write.base, NULL, 0));
                clean(p, false);
        }
}

/* One container makes links in what it shares with another, which mounts something below: /usr/local/bin of a package's
 * daemon, for example. */
static void mounted_through_links(struct pod *p)
{
        static const struct {
                const char *link, *at;
        } cases[] = { { "/var/disk/l", "/var/disk/l" },
                      { "/var/disk/d/l", "/var/disk/d/l" },
                      { "/mnt/l", "/mnt/l" },
                      { "/tmp/l", "/tmp/l" },
                      { "/tmp/memory/l", "/tmp/memory/l/hostile" } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep)
                char *script = xasprintf("mkdir -p /var/disk/d; rm -rf %s; ln -sfn /usr/local/bin %s; cp "
                                         "/usr/local/bin/hostile /tmp/memory/; "
                                         "printf '#!/bin/sh\\nexec /tmp/memory/hostile mark given\\n' "
                                         ">/var/disk/harm-script; chmod 755 /var/disk/harm-script",
                                         cases[i].link, cases[i].link);
                char *command[] = { S("/bin/sh"), S("-c"), script }, *units[] = { p->other };
                Vks__Container c, *containers[] = { &c };
                Vks__Mount at = VKS__MOUNT__INIT, *mounts[] = { &at, p->mounts[0], p->mounts[1], p->mounts[3] };

                honest(p, "escape");
                p->c.image = S("/bin/sh"), p->c.command = command, p->c.n_command = 3, p->c.n_args = 0,
                p->c.run_as_user = NULL;
                named(p->unit, "escape", "/bin/sh");
                named(p->other, "escape", "harm");
                if (ask(verb_write, &p->write.base, NULL, 0) == 0 && ask(verb_start, &p->start.base, NULL, 0) == 0)
                        settled(p->unit);
                nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
                struct pod other = *p;
                c = p->c, c.name = S("d"), c.image = c.package = S("harm"), c.unit = S("harm-script.service"),
                c.n_command = 0, c.n_env = 0;
                at.volume = S("disk"), at.path = S(cases[i].at), c.mounts = mounts, c.n_mounts = 4;
                other.write.containers = containers, other.start.units = other.stop.units = units;
                if (ask(verb_write, &other.write.base, NULL, 0) == 0 &&
                    ask(verb_start, &other.start.base, NULL, 0) == 0)
                        settled(p->other);
                nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
                (void)ask(verb_stop, &other.stop.base, NULL, 0);
                other.stop.kill = false;
                (void)ask(verb_stop, &other.stop.base, NULL, 0);
                clean(p, true);
        }
}

/* A hostPath that is a directory when it is looked at, and a link to /etc when it is mounted. */
static void host_path_swapped(struct pod *p)
{
        char *flips[] = { S("flip"), S("/mnt") }, *looks[] = { S("mark"), S("out"), S("/mnt/passwd") };

        honest(p, "swap");
        p->c.image = p->command[0] = S("/usr/local/bin/hostile"), p->c.args = flips, p->c.n_args = 2,
        p->c.run_as_user = NULL, p->host.path = S("/srv/hostile/open");
        named(p->unit, "swap", "/usr/local/bin/hostile");
        if (ask(verb_fill, &p->fill.base, NULL, 0) || ask(verb_write, &p->write.base, NULL, 0) ||
            ask(verb_start, &p->start.base, NULL, 0))
                failed("the pod that swaps does not start", NULL);
        for (unsigned i = 0; i < 30; i++) {
                honest(p, "look");
                p->id.uid = S("77777777-7777-4777-8777-777777777777");
                p->c.image = p->command[0] = S("/usr/local/bin/hostile"), p->c.args = looks, p->c.n_args = 3,
                p->host.path = S("/srv/hostile/open/x");
                named(p->unit, "look", "/usr/local/bin/hostile");
                run_briefly(p);
        }
        honest(p, "swap");
        named(p->unit, "swap", "/usr/local/bin/hostile");
        clean(p, true);
}

/* With "ro" behind a prefix nothing is made there. */
static void made_where_read_only(struct pod *p)
{
        static const char *const types[] = { "DirectoryOrCreate", "FileOrCreate" };

        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                honest(p, "escape");
                p->host.path = S(i ? "/srv/hostile/ro/file" : "/srv/hostile/ro/dir"), p->host.type = S(types[i]),
                p->m[3].read_only = true;
                must_fail(types[i], ask(verb_write, &p->write.base, NULL, 0));
                clean(p, false);
        }
}

static size_t count_units(void)
{
        DIR *d = opendir("/run/systemd/system");
        size_t n = 0;

        for (struct dirent *e; d && (e = readdir(d));)
                n += unit_name_is_ours(e->d_name);
        if (d)
                closedir(d);
        return n;
}

/* The policy of this part says max-units = 20. */
static void beyond_max_units(struct pod *p)
{
        enum { MORE = 8 };
        Vks__Container c[MORE], *containers[MORE];
        char images[MORE][64];

        for (unsigned round = 0; round < 6; round++) {
                honest(p, "many");
                for (unsigned i = 0; i < MORE; i++) {
                        c[i] = p->c, containers[i] = &c[i];
                        snprintf(images[i], sizeof(images[i]), "/bin/true-%u-%u", i ? round : 0, i);
                        c[i].name = xasprintf("c%u", i), c[i].image = images[i];
                }
                p->write.containers = containers, p->write.n_containers = round ? MORE : 1;
                (void)ask(verb_write, &p->write.base, NULL, 0);
                for (unsigned i = 0; i < MORE; i++)
                        free(c[i].name);
        }
        if (count_units() > 20)
                failed("more units than max-units", NULL);
        clean(p, false);
}

/* ---- with runAsNonRoot: the same as without, or nothing ---------------------------------------------------------- */

static size_t read_dropin(const struct pod *p, char *ret, size_t size)
{
        CLEANUP(freep) char *path = xasprintf("/run/systemd/system/%s.d/vks.conf", p->unit);
        FD fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size);

        return n > 0 ? (size_t)n : 0;
}

static int write_and_read(struct pod *p, bool non_root, char *ret, size_t size, size_t *ret_n)
{
        int r;

        p->c.run_as_non_root = non_root;
        r = ask(verb_write, &p->write.base, NULL, 0);
        *ret_n = r == 0 ? read_dropin(p, ret, size) : 0;
        clean(p, false);
        return r;
}

/* `package`: packages may be root here, so the field has something to refuse. */
static void as_non_root(struct pod *p, bool package)
{
        static char with[1 << 18], without[1 << 18];
        static const char *const more[] = { "harm-user@root.service", "harm-user@daemon.service", "harm-script.service",
                                            "" };
        static char *command[] = { S("/usr/local/bin/hostile"), S("mark"), S("given") };
        unsigned same = 0, refused = 0;

        for (size_t i = 0; i < ARRAY_LEN(suspects) + ARRAY_LEN(more); i++)
                for (unsigned how = 0; how < 16; how++) {
                        const char *unit = i < ARRAY_LEN(suspects) ? suspects[i] : more[i - ARRAY_LEN(suspects)];
                        size_t n, n_without;

                        packaged(p, unit);
                        p->c.command = command, p->c.n_command = how & 1 || !*unit ? 3 : 0;
                        p->c.args = command + 1, p->c.n_args = how & 2 ? 2 : 0;
                        if (!*unit)
                                p->c.image = command[0], p->c.package = S(""), named(p->unit, "escape", command[0]);
                        p->user.value = (uint32_t[]){ 0, 12345, 0, 1 }[how / 4],
                        p->c.run_as_user = how / 4 ? &p->user : NULL;
                        int before = write_and_read(p, false, without, sizeof(without), &n_without),
                            r = write_and_read(p, true, with, sizeof(with), &n);
                        if (r == 0 && (before != 0 || n == 0 || n != n_without || memcmp(with, without, n) != 0))
                                failed("with runAsNonRoot it has what it has not without", unit);
                        same += r == 0;
                        refused += r != 0 && before == 0;
                }
        if (same == 0 || (package && refused == 0))
                failed("runAsNonRoot was not tried", NULL);
}

/* ---- what a package's unit says that it writes to below /etc ----------------------------------------------------- */

/* Whatever the unit says, and whoever it runs as: the machine's /etc is the same afterwards (tests/e2e/hostile.sh), and
 * what it could not read there it does not (mark_etc()). Twice, since the second time the layer has what the first
 * left. */
static void over_etc(struct pod *p)
{
        static const char *const units[] = { "harm-etc.service", "harm-etc-daemon.service" };
        static const char *const targets[] = { "/etc/harm",      "/etc/harm/x", "/etc/harm/sub",
                                               "/etc/harm-link", "/etc",        "/etc/harm-new" };
        static char *restarted[1];

        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                for (size_t k = 0; k <= ARRAY_LEN(targets); k++) {
                        packaged(p, units[i]);
                        if (k < ARRAY_LEN(targets)) /* a volume of the pod's in the way */
                                p->write.n_volumes = p->c.n_mounts = 1, p->m[0].path = S(targets[k]);
                        restarted[0] = p->unit;
                        if (ask(verb_write, &p->write.base, NULL, 0) == 0)
                                for (int again = 0; again < 2; again++) {
                                        p->start.units = restarted, p->start.restart = again;
                                        if (ask(verb_start, &p->start.base, NULL, 0) == 0)
                                                settled(p->unit);
                                        nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
                                }
                        clean(p, true);
                }
}

/* ---- signals, and what vks-log is told --------------------------------------------------------------------------- */

static bool is_active(const char *unit)
{
        CLEANUP(freep) char *path = NULL, *state = NULL;
        static sd_bus *bus;

        if ((!bus && sd_bus_open_system(&bus) < 0) ||
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0 ||
            sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Unit",
                                       "ActiveState", NULL, &state) < 0)
                failed("systemd is not to be asked", unit);
        return streq(state, "active");
}

/* The fields that stand before a container's messages are root's: whoever could write them, or put another pipe in a
 * container's place, could speak for any unit. */
static void forge_fields(const char *uid)
{
        static const char *const ends[] = { ".c", ".c.out", ".c.err", ".c.gone", ".c.new", ".other" };

        if (access("/run/vks/log", R_OK) == 0 || access("/run/vks/log", X_OK) == 0)
                failed("an agent gets into the directory of vks-log", NULL);
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                CLEANUP(freep) char *path = xasprintf("/run/vks/log/%s%s", uid, ends[i]);
                FD fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
                if (fd >= 0 || access(path, R_OK) == 0 || unlink(path) == 0 || mkfifo(path, 0666) == 0 ||
                    symlink("/etc/passwd", path) == 0 || rename(path, "/run/vks/log/other") == 0)
                        failed("an agent gets at what vks-log goes by", path);
        }
}

/* Of containers' termination messages an agent reads what is there, and decides neither what lies where nor of which
 * container it is. */
static void forge_messages(const char *uid)
{
        CLEANUP(freep) char *own = xasprintf(MESSAGE_DIR "/%s.c", uid), *other = xasprintf("%s.other", own);
        struct stat st;

        if (lstat(own, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0)
                failed("a container that was started has no file of root's for its message", own);
        if (access(MESSAGE_DIR, R_OK) == 0 || access(MESSAGE_DIR, W_OK) == 0 || unlink(own) == 0 ||
            rename(own, other) == 0 || link(own, other) == 0 || symlink("/etc/shadow", other) == 0 ||
            mkfifo(other, 0666) == 0 || open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || chmod(own, 0777) == 0)
                failed("an agent gets at the directory of termination messages", own);
}

static void signals_to_others(struct pod *p)
{
        struct pod other, twin;

        honest(&other, "signalled");
        other.id.uid = S("77777777-7777-4777-8777-777777777777");
        other.c.image = other.command[0] = S("/bin/sleep"), other.args[0] = S("600");
        other.write.n_volumes = 3, other.c.n_mounts = 3;
        named(other.unit, "signalled", "/bin/sleep");
        if (ask(verb_fill, &other.fill.base, NULL, 0) || ask(verb_write, &other.write.base, NULL, 0) ||
            ask(verb_start, &other.start.base, NULL, 0))
                failed("the pod for signals does not start", NULL);
        settled(other.unit);
        forge_fields(other.id.uid);
        forge_messages(other.id.uid);
        honest(p, "mutant");
        p->stop.units[0] = other.unit;
        honest(&twin, "signalled"); /* the same names of everything, and another uid */
        twin.units[0] = other.unit;
        for (unsigned how = 1; how < 4; how++) {
                p->stop.signal = twin.stop.signal = how & 1;
                p->stop.kill = twin.stop.kill = how & 2;
                must_fail("a signal to another pod's container", ask(verb_stop, &p->stop.base, NULL, 0));
                must_fail("a signal to the container of a pod of the same name",
                          ask(verb_stop, &twin.stop.base, NULL, 0));
        }
        if (!is_active(other.unit))
                failed("a signal has reached another pod", NULL);
        honest(p, "mutant"); /* before it runs: there is nobody to hear it, and it starts as ever */
        p->write.n_volumes = 3, p->c.n_mounts = 3, p->args[0] = S("600");
        p->c.image = p->command[0] = S("/bin/sleep");
        named(p->unit, "mutant", "/bin/sleep");
        p->stop.signal = true, p->stop.kill = false;
        must_fail("a signal to what is not there yet", ask(verb_stop, &p->stop.base, NULL, 0));
        if (ask(verb_fill, &p->fill.base, NULL, 0) || ask(verb_write, &p->write.base, NULL, 0))
                failed("the pod for signals is not written", NULL);
        (void)ask(verb_stop, &p->stop.base, NULL, 0);
        if (ask(verb_start, &p->start.base, NULL, 0))
                failed("a pod does not start after a signal that came too early", NULL);
        settled(p->unit);
        if (!is_active(p->unit) || !is_active(other.unit))
                failed("a signal that came too early was heard", NULL);
        p->stop.signal = false, p->stop.kill = true;
        clean(p, true);
        other.stop.signal = false, other.stop.kill = true;
        clean(&other, true);
}

/* A container that writes what nobody expects, and one beside it that writes a line. */
static void loud(struct pod *p, bool run)
{
        static char *args[] = { S("noise") }, *line[] = { S("hostile-quiet-line") };
        char text[1024] = "";

        for (unsigned i = 0; i < 2; i++) {
                honest(p, i ? "quiet" : "loud");
                p->write.n_volumes = 3, p->c.n_mounts = 3;
                p->id.uid = S(i ? "88888888-8888-4888-8888-888888888888" : UID);
                p->c.image = p->command[0] = S(i ? "/bin/echo" : "/usr/local/bin/hostile");
                p->c.args = i ? line : args;
                named(p->unit, p->id.name, p->c.image);
                if (!run)
                        clean(p, true);
                else if (ask(verb_fill, &p->fill.base, text, sizeof(text)) ||
                         ask(verb_write, &p->write.base, text, sizeof(text)) ||
                         ask(verb_start, &p->start.base, text, sizeof(text)))
                        failed("a pod that writes does not start", text);
        }
}

/* ---- pods with secrets, to be searched while they run ------------------------------------------------------------ */

static void secrets(struct pod *p, bool run)
{
        static const char carried[] = SECRET "\x01";

        for (unsigned i = 0; i < 3;
             i++) { /* as a user without name, as a user with one, and with a variable that systemd does not take */
                static const char *const names[] = { "nameless", "fallback", "carried" };

                honest(p, names[i]);
                p->id.uid = S(i == 0   ? "88888888-8888-4888-8888-888888888880"
                              : i == 1 ? "88888888-8888-4888-8888-888888888881"
                                       : "88888888-8888-4888-8888-888888888882");
                p->write.n_volumes = 3, p->c.n_mounts = 3, p->c.run_as_user = i ? NULL : &p->user;
                p->f[0].mode = p->f[1].mode = 0444;
                p->c.image = p->command[0] = S("/bin/sleep"), p->args[0] = S("600");
                if (i == 2)
                        p->e[0].value = (ProtobufCBinaryData){ sizeof(carried) - 1, (uint8_t *)(uintptr_t)carried };
                named(p->unit, names[i], "/bin/sleep");
                if (!run)
                        clean(p, true);
                else if (ask(verb_fill, &p->fill.base, NULL, 0) || ask(verb_write, &p->write.base, NULL, 0) ||
                         ask(verb_start, &p->start.base, NULL, 0))
                        failed("a pod with secrets does not start", names[i]);
        }
}

/* ---- a pod that is root, and leaves things for others to find ---------------------------------------------------- */

#define OWN S("/var/disk"), S("/tmp/memory"), S("/run"), S("/tmp"), S("/dev/shm"), S("/var/tmp")

/* One container is root in the pod's own directories, one where the machine's are, too; the third is a user whose
 * programs may change it. */
static void littering(struct pod *p, bool run)
{
        static char *args[3][8] = { { S("plant"), OWN },
                                    { S("plant"), S("/mnt") },
                                    { S("use-for-ever"), OWN, S("/mnt") } };
        static const char *const names[] = { "plant", "plant-host", "use" };

        static const char *const images[] = { "/usr/local/bin/hostile", "/usr/local/bin/hostile-host",
                                              "/usr/local/bin/hostile-use" }; /* one program */
        char text[1024] = "";

        for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
                honest(p, "litter");
                p->command[0] = p->c.image = S(images[i]), p->c.name = S(names[i]);
                p->c.args = args[i],
                p->c.n_args = i == 0   ? 7
                              : i == 1 ? 2
                                       : 8,
                p->c.n_mounts = i ? 4 : 3, p->m[3].read_only = i == 2;
                p->user.value = i == 2 ? 1 : 0;
                named(p->unit, "litter", images[i]);
                if (run && (ask(verb_fill, &p->fill.base, text, sizeof(text)) ||
                            ask(verb_write, &p->write.base, text, sizeof(text)) ||
                            ask(verb_start, &p->start.base, text, sizeof(text))))
                        failed("the pod that leaves things does not start", text);
                if (!run)
                        (void)ask(verb_stop, &p->stop.base, NULL, 0);
        }
        if (!run)
                clean(p, true);
}

static int install(struct pod *p, char **argv)
{
        char text[1024] = "";

        p->k.name = argv[0], p->k.version = S(""), p->k.url = argv[1], p->k.sha256 = argv[2];
        int r = ask(verb_install, &p->install.base, text, sizeof(text));
        printf("install: %d %s\n", r, text);
        return r ? 1 : 0;
}

/* ---- beyond the bounds ------------------------------------------------------------------------------------------- */

/* Asks over one connection until it is refused; 1 when the connection does not live so long, or nobody ever refuses. */
static int keep_asking(struct pod *p)
{
        char text[1024] = "";
        int mine = sock, r;

        do {
                r = ask(verb_write, &p->write.base, text, sizeof(text));
                printf("%d %s\n", r, text);
                fflush(stdout);
                nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        } while (r == 0 && sock == mine && sent < 6000);
        printf("%s: %d %s\n", sock == mine ? "over one connection" : "over another connection", r, text);
        return sock == mine && r == -EPERM ? 0 : 1;
}

/* What was said to `n` requests: how often each errno. */
static void tell(const char *what, unsigned n, unsigned well, unsigned later, unsigned other, const char *words)
{
        printf("%s: %u asked, %u done, %u later, %u refused: %s\n", what, n, well, later, other, words);
        fflush(stdout);
}

static void count_answer(int r, unsigned counts[static 3])
{
        counts[r == 0 ? 0 : r == -EAGAIN ? 1 : 2]++;
}

/* Each another one: what is the same as one that is under way joins it. */
static void too_many_installations(struct pod *p, unsigned n)
{
        unsigned counts[3] = { 0 };
        char version[32], text[1024] = "";

        p->k.name = S("cowsay-off");
        for (unsigned i = 0; i < n; i++) {
                snprintf(version, sizeof(version), "0.%u", i);
                p->k.version = version;
                count_answer(ask(verb_install, &p->install.base, text, sizeof(text)), counts);
        }
        tell("installations", n, counts[0], counts[1], counts[2], text);
}

/* Content for one pod, then for many, until nobody takes any. */
static void too_much_content(struct pod *p, unsigned n)
{
        enum { SIZE = 15 << 20 };
        CLEANUP(freep) uint8_t *data = xcalloc(1, SIZE);
        char volume[32], uid[40], text[1024] = "";

        p->f[0].content = (ProtobufCBinaryData){ SIZE, data }, p->fill.n_files = 1, p->fill.volume = volume;
        for (unsigned many = 0; many < 2; many++) {
                unsigned counts[3] = { 0 };

                for (unsigned i = 0; i < n; i++) {
                        snprintf(volume, sizeof(volume), "v%u", i);
                        snprintf(uid, sizeof(uid), "66666666-6666-4666-8666-%012u", many ? i : 0);
                        p->id.uid = uid;
                        count_answer(ask(verb_fill, &p->fill.base, text, sizeof(text)), counts);
                }
                tell(many ? "content of many pods" : "content of one pod", n, counts[0], counts[1], counts[2], text);
        }
        for (unsigned i = 0; i < n; i++) {
                snprintf(uid, sizeof(uid), "66666666-6666-4666-8666-%012u", i);
                if (ask(verb_remove, &p->remove.base, text, sizeof(text)) != 0)
                        failed("content cannot be removed", text);
        }
        p->id.uid = S(UID);
}

/* What never ends is in nobody's way: the helper leaves, and another one has room. */
static void ask_until_done(uint8_t verb, const ProtobufCMessage *m, int r, const char *what)
{
        char text[1024] = "";

        for (int tries = 0; r < 0 && tries < 1500; tries++) {
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
                r = ask(verb, m, text, sizeof(text));
        }
        if (r < 0)
                failed(what, text);
}

/* Units that never get ready: a job of PID 1's for each. */
static void too_many_jobs(struct pod *p)
{
        enum { EACH = 50, PODS = 12 };
        int r;
        Vks__Container c[EACH], *containers[EACH];
        char names[EACH][16], unit_names[EACH][ID_UNIT_MAX + 1], uid[40], pod_name[32], text[1024] = "", *units[EACH];
        unsigned counts[3] = { 0 };

        for (unsigned i = 0; i < EACH; i++) {
                c[i] = p->c, containers[i] = &c[i], units[i] = unit_names[i];
                snprintf(names[i], sizeof(names[i]), "c%u", i);
                c[i].name = names[i], c[i].image = c[i].package = S("harm"), c[i].unit = S("harm-late.service");
                c[i].shares_image = true, c[i].run_as_user = NULL;
                c[i].n_command = c[i].n_args = c[i].n_env = c[i].n_mounts = 0;
        }
        p->write.containers = containers, p->write.n_containers = EACH, p->write.n_volumes = 0;
        for (int end = 0; end < 2; end++)
                for (unsigned k = 0; k < PODS; k++) {
                        struct pod_id id = { .namespace = "hostile" };

                        snprintf(uid, sizeof(uid), "66666666-6666-4666-8666-%012u", k);
                        snprintf(pod_name, sizeof(pod_name), "late%u", k);
                        snprintf(id.name, sizeof(id.name), "%s", pod_name);
                        p->id.uid = uid, p->id.name = pod_name;
                        for (unsigned i = 0; i < EACH; i++)
                                (void)unit_name(&id, "harm", names[i], unit_names[i], NULL);
                        p->start.units = p->stop.units = units, p->start.n_units = p->stop.n_units = EACH;
                        if (!end) {
                                if (ask(verb_write, &p->write.base, text, sizeof(text)) < 0)
                                        failed("a pod is not written", text);
                                r = ask(verb_start, &p->start.base, text, sizeof(text));
                                count_answer(r, counts);
                                ask_until_done(verb_start, &p->start.base, r,
                                               "a pod waits for others that never get ready");
                                continue;
                        }
                        p->stop.kill = false;
                        ask_until_done(verb_stop, &p->stop.base, ask(verb_stop, &p->stop.base, NULL, 0),
                                       "it cannot be stopped");
                        p->stop.kill = true;
                        clean(p, true);
                }
        tell("starts", PODS, counts[0], counts[1], counts[2], text);
        if (!counts[1])
                failed("systemd gets as many jobs as anybody wants", NULL);
}

/* ---- what root does in between (tests/e2e/hostile.sh) ----------------------------------------------------------- */

static const char *state_of(const char *unit)
{
        static char *state;
        static sd_bus *bus;
        CLEANUP(freep) char *path = NULL;

        free(state);
        state = NULL;
        if ((!bus && sd_bus_open_system(&bus) < 0) ||
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0 ||
            sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Unit",
                                       "ActiveState", NULL, &state) < 0)
                failed("systemd is not to be asked", unit);
        return state ? state : "";
}

/* Has its main process said that TERM is nothing to it? A unit is active before its shell comes to that. */
static bool ignores_term(const char *unit)
{
        CLEANUP(freep) char *path = NULL;
        static sd_bus *bus;

        if ((!bus && sd_bus_open_system(&bus) < 0) ||
            sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) < 0)
                return false;
        for (int i = 0; i < 3000; i++) {
                uint32_t pid = 0;
                char file[32], line[256];
                FILE *status = NULL;

                if (sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1", path,
                                                "org.freedesktop.systemd1.Service", "MainPID", NULL, 'u', &pid) >= 0 &&
                    pid) {
                        snprintf(file, sizeof(file), "/proc/%u/status", pid);
                        status = fopen(file, "re");
                }
                for (unsigned long long ignored; status && fgets(line, sizeof(line), status);)
                        if (sscanf(line, "SigIgn: %llx", &ignored) == 1 && ignored & 1ULL << (SIGTERM - 1)) {
                                (void)fclose(status);
                                return true;
                        }
                if (status)
                        (void)fclose(status);
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        }
        return false;
}

/*
 * Commands beside a container that has been asked to end and does not. Were they to wait for its end, each would hold
 * one of PID 1's jobs, so that no pod starts any more; and by a daemon-reload meanwhile the first one's line, made for
 * a user with a name, would get the walls of the second one, made for whom nobody knows: it would be root. `end`: the
 * container ends, after which nothing that waited may have begun.
 */
static void beside_who_ends(struct pod *p, bool end)
{
        static char *stubborn[] = { S("/bin/sh"), S("-c"), S("trap '' TERM; while :; do sleep 1; done") };
        static char *wait[] = { S("/usr/local/bin/hostile"), S("mark"), S("waited") };
        enum { COMMANDS = 260 };
        unsigned waiting = 0;
        struct pod other;

        honest(p, "ends");
        p->c.image = S("/bin/sh"), p->c.command = stubborn, p->c.n_command = 3, p->c.n_args = 0, p->c.n_env = 0;
        p->c.n_mounts = 0, p->write.n_volumes = 0, p->c.run_as_user = NULL;
        p->write.grace_seconds = 3600;
        named(p->unit, "ends", "/bin/sh");
        if (end) {
                clean(p, true);
                return;
        }
        if (ask(verb_write, &p->write.base, NULL, 0) != 0 || ask(verb_start, &p->start.base, NULL, 0) != 0 ||
            !becomes(p->unit, true)) {
                failed("no container that does not end", p->unit);
                return;
        }
        if (!ignores_term(p->unit))
                failed("its shell does not ignore the signal: this shows nothing", p->unit);
        p->stop.kill = false;
        if (ask(verb_stop, &p->stop.base, NULL, 0) != 0)
                failed("it is not asked to end", p->unit);
        for (int i = 0; i < 3000 && !streq(state_of(p->unit), "deactivating"); i++)
                nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        if (!streq(state_of(p->unit), "deactivating"))
                failed("it does not stay while it is asked to end: this shows nothing", state_of(p->unit));
        p->x = p->c, p->x.command = wait, p->exec.n_volumes = 0;
        must_fail("EXEC beside a container that ends", ask(verb_exec, &p->exec.base, NULL, 0));
        p->exec.id = 2, p->x.run_as_user = &p->user;
        must_fail("EXEC as another beside a container that ends", ask(verb_exec, &p->exec.base, NULL, 0));
        p->x.run_as_user = NULL;
        for (unsigned i = 0; i < COMMANDS; i++) {
                p->exec.id = 0x4000 + i;
                waiting += ask(verb_exec, &p->exec.base, NULL, 0) == 0;
        }
        printf("%u commands wait\n", waiting);
        honest(&other, "served");
        other.id.uid = S("77777777-7777-4777-8777-777777777777");
        if (ask(verb_fill, &other.fill.base, NULL, 0) != 0 || ask(verb_write, &other.write.base, NULL, 0) != 0 ||
            ask(verb_start, &other.start.base, NULL, 0) != 0)
                failed("another pod is not served while commands wait", NULL);
        clean(&other, true);
}

/*
 * A volume below a directory of /var that the machine does not have: root's part makes it for the pod's layer, open.
 * Root makes the machine's later, closed, with a file of mode 0644 in it. `start`: what does the pod see?
 */
static void later_closed(struct pod *p, bool start)
{
        static char *see[] = { S("/usr/local/bin/hostile"), S("mark"), S("later"), S("/var/lib/hostile-later/key") };

        honest(p, "later");
        p->id.uid = S("88888888-6666-4666-8666-666666666666"); /* what the other one above has of /var is its own */
        p->c.image = S("/usr/local/bin/hostile"), p->c.command = see, p->c.n_command = 4, p->c.n_args = p->c.n_env = 0;
        p->m[0].path = S("/var/lib/hostile-later/x"), p->c.n_mounts = 1, p->write.n_volumes = 1;
        p->c.writes_var = true;
        named(p->unit, "later", "/usr/local/bin/hostile");
        if (!start) {
                char text[1024] = "";

                if (ask(verb_write, &p->write.base, text, sizeof(text)) != 0)
                        failed("no pod with a volume below what is not there", text);
                return;
        }
        (void)ask(verb_start, &p->start.base, NULL, 0);
        settled(p->unit);
        nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
        clean(p, true);
}

/* ---- as a pod ---------------------------------------------------------------------------------------------------- */

static void flip(const char *dir)
{
        CLEANUP(freep) char *real = xasprintf("%s/x", dir), *link = xasprintf("%s/y", dir);

        (void)mkdir(real, 0755);
        if (symlink("/etc", link) < 0)
                return;
        for (;;) {
                (void)renameat2(AT_FDCWD, real, AT_FDCWD, link, RENAME_EXCHANGE);
                nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        }
}

/* Every id that it has: each between blanks, so that " 0 " is root's. */
static int who(void)
{
        uid_t r, e, s;
        gid_t gr, ge, gs, groups[64];
        int n = getgroups(64, groups);

        (void)getresuid(&r, &e, &s);
        (void)getresgid(&gr, &ge, &gs);
        printf("who: %u %u %u  %u %u %u ", r, e, s, gr, ge, gs);
        for (int i = 0; i < n; i++)
                printf(" %u ", groups[i]);
        printf("\n");
        return 0;
}

static int mark(const char *word, const char *path)
{
        if (path ? access(path, F_OK) == 0 : geteuid() == 0)
                printf("hostile-is-root: %s\n", word);
        fflush(stdout);
        return 0;
}

/* What is root's alone, and not to be read by who runs here. */
static int mark_etc(void)
{
        static const char *const dirs[] = { "/etc/harm",     "/etc/harm-link", "/etc/harm-mount",
                                            "/etc/harm-new", "/etc/vks",       "/etc" };
        char byte;

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                CLEANUP(freep)
                char *new = xasprintf("%s/hostile-was-here", dirs[i]), *sub = xasprintf("%s/sub", dirs[i]),
                     *secret = xasprintf("%s/secret", dirs[i]), *conf = xasprintf("%s/conf", dirs[i]);
                FD fd = open(secret, O_RDONLY | O_CLOEXEC);
                FD made = open(new, O_WRONLY | O_CREAT | O_CLOEXEC, 06777);

                if (fd >= 0 && read(fd, &byte, 1) == 1 && geteuid() != 0)
                        printf("hostile-is-root: given %s\n", secret);
                if (made >= 0)
                        printf("layer: written %s\n", new);
                (void)chmod(dirs[i], 0777), (void)!chown(dirs[i], 1, 1), (void)unlink(conf);
                (void)!truncate(secret, 0), (void)!chown(secret, 1, 1), (void)chmod(secret, 0666);
                (void)rename(sub, new), (void)!symlink("/etc", sub), (void)!symlink("/etc/vks", sub);
                CLEANUP(freep) char *away = xasprintf("%s.away", dirs[i]);
                (void)rename(dirs[i], away), (void)!symlink("/etc/vks", dirs[i]);
        }
        if (access("/etc/vks/policy.conf", F_OK) == 0)
                printf("hostile-is-root: given /etc/vks\n");
        fflush(stdout);
        return 0;
}

/* Bytes that are nearly a message to journald, bytes of any kind, a line without end, and very many lines. */
static int noise(void)
{
        static const char forged[] = "x\nHOSTILE_FORGED=1\nOBJECT_SYSTEMD_UNIT=ssh.service\nVKS_CONTAINER=forged\n"
                                     "MESSAGE\n\5\0\0\0\0\0\0\0hello\n\nHOSTILE_FORGED=1\nMESSAGE=whole\n\n";
        static char bytes[1 << 20];

        for (int fd = 1; fd < 3; fd++) {
                (void)!write(fd, forged, sizeof(forged) - 1);
                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (char)rand();
                (void)!write(fd, bytes, sizeof(bytes));
                memset(bytes, 'l', sizeof(bytes));
                (void)!write(fd, bytes, sizeof(bytes));
                (void)!write(fd, forged, sizeof(forged) - 1);
                dprintf(fd, "\n");
                for (int i = 0; i < 20000; i++)
                        dprintf(fd, "hostile-noise-flood %d HOSTILE_FORGED=1\n", i);
        }
        char path[PATH_MAX] = "", own[] = "/proc/self/fd/1";
        ssize_t n = readlink(own, path, sizeof(path) - 1);
        FD again = open(own, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* its own pipe: it may take its own words back */
        if (n > 0 && (unlink(path) == 0 || symlink("/etc", path) == 0 || access(path, F_OK) == 0))
                printf("hostile-is-root: given the pipe's directory\n");
        (void)!ftruncate(1, 0), (void)fchmod(1, 07777), (void)!fchown(1, 1, 1);
        dprintf(1, "hostile-noise-done\n");
        fd_close(fd_take(&again));
        close(1), close(2);
        return pause();
}

static bool copy(const char *to, mode_t mode)
{
        static char bytes[1 << 20];
        FD from = open("/usr/local/bin/hostile", O_RDONLY | O_CLOEXEC),
           fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        ssize_t n = read(from, bytes, sizeof(bytes));

        return n > 0 && write(fd, bytes, (size_t)n) == n && fchmod(fd, mode) == 0;
}

/* Whatever works. All is there for everybody; "done" when it has been tried. */
static int plant(int n, char **dirs)
{
        for (int i = 0; i < n; i++) {
                CLEANUP(freep)
                char *suid = xasprintf("%s/suid", dirs[i]), *sgid = xasprintf("%s/sgid", dirs[i]),
                     *caps = xasprintf("%s/caps", dirs[i]);
                CLEANUP(freep) char *device = xasprintf("%s/device", dirs[i]);
                cap_t all = cap_from_text("cap_setuid,cap_dac_override+ep");

                printf("planted: %s %d%d%d%d\n", dirs[i], copy(suid, 04755), copy(sgid, 02755),
                       copy(caps, 0755) && cap_set_file(caps, all) == 0,
                       mknod(device, S_IFCHR | 0666, makedev(1, 5)) == 0 && chmod(device, 0666) == 0);
                cap_free(all);
        }
        printf("planted: done\n");
        fflush(stdout);
        return pause();
}

/* A program that is more than who starts it says so by its exit code: `gained`. */
static int gained(void)
{
        cap_t now = cap_get_proc();
        cap_flag_value_t some = CAP_CLEAR;

        cap_get_flag(now, CAP_SETUID, CAP_EFFECTIVE, &some);
        return geteuid() != getuid() || getegid() != getgid() || some == CAP_SET ? 42 : 0;
}

static int use(int n, char **dirs)
{
        static const char *const programs[] = { "suid", "sgid", "caps" };
        bool nothing = true;

        for (int i = 0; i < n; i++) {
                CLEANUP(freep) char *device = xasprintf("%s/device", dirs[i]);
                FD fd = open(device, O_RDONLY | O_CLOEXEC);
                char byte = 1;

                for (size_t k = 0; k < ARRAY_LEN(programs); k++) {
                        CLEANUP(freep) char *path = xasprintf("%s/%s", dirs[i], programs[k]);
                        int status = 0;
                        pid_t pid = fork();
                        if (pid == 0) {
                                execl(path, path, "gained", (char *)NULL);
                                _exit(0);
                        }
                        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
                            WEXITSTATUS(status) == 42)
                                nothing = false, printf("used: %s\n", path);
                }
                if (read(fd, &byte, 1) == 1 && byte == 0)
                        nothing = false, printf("used: %s\n", device);
        }
        printf("used: %s\n", nothing ? "nothing" : "something");
        fflush(stdout);
        return 0;
}

/* A pod's: tries for as long as it runs, since what it looks for comes meanwhile. */
static _Noreturn void use_for_ever(int n, char **dirs)
{
        for (;;) {
                use(n, dirs);
                nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
        }
}

static int swap(int seconds, int n, char **dirs)
{
        time_t end = time(NULL) + seconds;

        for (unsigned i = 0; time(NULL) < end; i++)
                for (int d = 0; d < n; d++)
                        for (int name = 0; name < 2; name++) {
                                static const char *const to[] = { "/etc", "/etc/hostile-was-here", "/usr/bin",
                                                                  "/var/lib" };
                                CLEANUP(freep)
                                char *dir = xasprintf("%s/s%d", dirs[d], name),
                                     *link = xasprintf("%s/l%d", dirs[d], name);
                                (void)mkdir(dir, 0777);
                                if (symlink(to[i / 64 % ARRAY_LEN(to)], link) == 0 || errno == EEXIST)
                                        (void)renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
                                if (i % 100 == 99)
                                        (void)unlink(dir), (void)unlink(link), (void)rmdir(dir), (void)rmdir(link);
                                CLEANUP(freep) char *suid = xasprintf("%s/suid", dirs[d]);
                                int fd = open(suid, O_RDWR | O_CREAT | O_CLOEXEC, 04755);
                                if (fd >= 0)
                                        (void)fchmod(fd, 06755), close(fd);
                                (void)mknod("/tmp/sda", S_IFBLK | 0666, (dev_t)0x800);
                        }
        return 0;
}

int main(int argc, char **argv)
{
        struct pod p;

        if (argc > 3 && streq(argv[1], "swap"))
                return swap((int)strtol(argv[2], NULL, 10), argc - 3, argv + 3);
        if (argc == 3 && streq(argv[1], "flip"))
                return flip(argv[2]), 1;
        if (argc > 2 && streq(argv[1], "plant"))
                return plant(argc - 2, argv + 2);
        if (argc > 2 && streq(argv[1], "use"))
                return use(argc - 2, argv + 2);
        if (argc > 2 && streq(argv[1], "use-for-ever"))
                use_for_ever(argc - 2, argv + 2);
        if (argc > 1 && streq(argv[1], "gained"))
                return gained();
        if (argc > 1 && streq(argv[1], "consoles"))
                return ask_for_consoles(argc > 2 ? argv[2] : CONSOLE_SOCKET_ON_MACHINE);
        if (argc > 1 && streq(argv[1], "linger-at-consoles"))
                return linger_at_consoles(argc > 2 ? argv[2] : CONSOLE_SOCKET_ON_MACHINE);
        if (argc > 2 && streq(argv[1], "flood-consoles"))
                return flood_consoles((time_t)strtoul(argv[2], NULL, 10));
        if (argc > 1 && streq(argv[1], "who"))
                return who();
        if (argc > 2 && streq(argv[1], "mark"))
                return mark(argv[2], argv[3]);
        if (argc > 1 && streq(argv[1], "mark-etc"))
                return mark_etc();
        if (argc > 1 && streq(argv[1], "noise"))
                return noise();
        if (argc < 2)
                return 2;
        redial();
        honest(&p, "mutant");
        if (streq(argv[1], "hold") || streq(argv[1], "release"))
                return secrets(&p, streq(argv[1], "hold")), wrong ? 1 : 0;
        if (streq(argv[1], "litter") || streq(argv[1], "sweep"))
                return littering(&p, streq(argv[1], "litter")), wrong ? 1 : 0;
        if (streq(argv[1], "loud") || streq(argv[1], "hush"))
                return loud(&p, streq(argv[1], "loud")), wrong ? 1 : 0;
        if (argc == 5 && streq(argv[1], "install"))
                return install(&p, argv + 2);
        if (streq(argv[1], "keep-asking"))
                return keep_asking(&p);
        if (argc == 3 && streq(argv[1], "install-flood"))
                return too_many_installations(&p, (unsigned)strtoul(argv[2], NULL, 10)), wrong ? 1 : 0;
        if (argc == 3 && streq(argv[1], "fill-flood"))
                return too_much_content(&p, (unsigned)strtoul(argv[2], NULL, 10)), wrong ? 1 : 0;
        if (argc == 3 && streq(argv[1], "between")) {
                beside_who_ends(&p, streq(argv[2], "after"));
                later_closed(&p, streq(argv[2], "after"));
                return wrong ? 1 : 0;
        }
        if (streq(argv[1], "start-flood"))
                return too_many_jobs(&p), wrong ? 1 : 0;
#define ACT(call)                                                                                                      \
        do {                                                                                                           \
                unsigned long before = sent;                                                                           \
                time_t began = time(NULL);                                                                             \
                honest(&p, "mutant");                                                                                  \
                call;                                                                                                  \
                printf("%-28s %6lu requests, %ld s\n", #call, sent - before, (long)(time(NULL) - began));              \
                fflush(stdout);                                                                                        \
        } while (0)
        if (argc == 3 && streq(argv[1], "escape")) {
                ACT(as_root_all_the_same(&p));
                ACT(preloaded(&p));
                ACT(by_words_alone(&p, streq(argv[2], "package")));
                ACT(as_anybody(&p));
                ACT(beside_root(&p, streq(argv[2], "package")));
                ACT(in_a_programs_place(&p));
                ACT(target_required(&p));
                ACT(linked_unit(&p));
                ACT(over_programs(&p));
                ACT(mounted_through_links(&p));
                ACT(host_path_swapped(&p));
                ACT(made_where_read_only(&p));
                ACT(as_non_root(&p, streq(argv[2], "package")));
                ACT(over_etc(&p));
                ACT(beyond_max_units(&p));
                ACT(is_served(&p));
                return wrong ? 1 : 0;
        }
        if (argc != 4 || !streq(argv[1], "attack"))
                return 2;
        srand((unsigned)strtoul(argv[2], NULL, 10));
        ACT(is_served(&p));
        ACT(foreign(&p));
        ACT(signals_to_others(&p));
        ACT(refused_by_policy(&p));
        ACT(descriptors(&p));
        ACT(lingering());
        ACT(beside(&p));
        ACT(torn_bytes(&p));
        ACT(flood(&p));
        ACT(races(&p, 12));
        ACT(every_field(&p, 0));
        while (sent < strtoul(argv[3], NULL, 10))
                ACT(every_field(&p, 4));
        ACT(is_served(&p));
        printf("%lu requests, %lu of them accepted, %lu wrongly\n", sent, accepted, wrong);
        return wrong ? 1 : 0;
}
