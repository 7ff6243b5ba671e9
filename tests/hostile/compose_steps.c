/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator. A sequence has a theme: one kind of unit, two places, one target of links and one volume, which its
 * containers choose again and again, since two containers are in each other's way only where they meet. Each pod has an
 * ordinary course (fill, write, start one after the other), and that is then disturbed: steps are left out, done twice,
 * done too early, and others come between.
 *
 * What is drawn does not depend on what the machine answers, so a seed says it all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "common/mem.h"
#include "proto/verbs.h"
#include "tests/hostile/compose.h"

#include <fcntl.h>

#define ROW(n, verb, Message, body) verb_##verb = n,
enum { VERBS(ROW) };
#undef ROW

#define S(literal) ((char *)(uintptr_t)(literal))

const char *const pod_names[PODS] = { "p0", "p1", "p0" };
const char *const pod_uids[PODS] = { "c0c0c0c0-0000-4000-8000-000000000001", "c0c0c0c0-0000-4000-8000-000000000002",
                                     "c0c0c0c0-0000-4000-8000-000000000003" };

/* ---- words ------------------------------------------------------------------------------------------------------- */

/*
 * Units of the package (tests/e2e/compose.sh), and one program without a unit; beside each the two places where it
 * meets others: in the directory that PID 1 gives it, or where it has its code or its data. What has cost most stands
 * twice.
 */
static const struct kind {
        const char *unit, *places[2];
} kinds[] = {
        { "compose-state.service", { "/var/lib/compose-state/x", "/var/lib/compose-state" } },
        { "compose-state.service", { "/var/lib/compose-state/x", "/var/lib/compose-state/below/x" } },
        { "compose-slash.service", { "/var/lib/compose-slash/x", "/var/lib/compose-slash" } },
        { "compose-nest.service", { "/var/lib/compose-nest/x", "/var/lib/compose-nest/x/sub" } },
        { "compose-outer.service", { "/var/lib/compose-nest/x", "/var/lib/compose-nest" } },
        { "compose-code.service", { "/usr/share/compose/lib", "/opt/compose/lib" } },
        { "compose-code.service", { "/usr/share/compose/lib", "/opt/compose/lib" } },
        { "compose-code.service", { "/opt/compose/lib", "/opt/compose/lib" } },
        { "compose-cache.service", { "/var/cache/compose/cache/x", "/var/cache/compose" } },
        { "compose-run.service", { "/run/compose-run/x", "/run/compose-run" } },
        { "compose-fork.service", { "/run/compose-run/x", "/run/compose-run" } },
        { "compose-lock.service", { "/run/lock/x", "/run/lock" } },
        { "compose-gives.service", { "/run/lock/compose", "/run/lock/compose" } },
        { "compose-gives.service", { "/run/lock/compose", "/run/lock" } },
        { "compose-moved.service", { MOVED_TO, "/var/lib/compose-moved" } },
        { "compose-moved.service", { MOVED_TO, "/var/lib/compose-moved/x" } },
        { "compose-logs.service", { "/var/log/compose-logs/x", "/var/log/compose-logs" } },
        { "compose-dynamic.service", { "/var/lib/compose-dynamic/x", "/var/lib/private/compose-dynamic" } },
        { "compose-dir@x.service", { "/var/lib/compose/x/x", "/var/lib/compose/x" } },
        { "compose-dir@...service", { "/var/lib/compose", "/var/lib/x" } },
        { "compose-dir@closed.service", { "/var/lib/compose/closed/x", "/var/lib/compose/closed" } },
        { "compose-script.service", { "/usr/share/compose", "/usr/share/compose/hook" } },
        { "compose-script.service", { "/usr/share/compose", "/usr/share/compose/run" } },
        { "compose-script.service", { "/usr/share/compose/hook", "/etc/compose" } },
        { NULL, { "/opt/compose/bin", "/opt/compose/bin/app" } },
        { NULL, { "/opt/compose/bin", "/opt/compose/bin/app" } },
        { NULL, { "/opt/compose/bin/app", "/opt/compose" } },
        { NULL, { TAKEN_AWAY, TAKEN_AWAY } },
        { "compose-noexec.service", { "/srv/compose/rw", "/srv/compose/rw/sub" } },
        { "compose-paths.service", { "/srv/compose/closed/x", "/etc/compose" } },
        { "compose-bind.service", { "/mnt", "/srv/compose/rw/sub" } },
        { "compose-join.service", { "/tmp", "/var/tmp" } },
        { "compose-tmpfs.service", { "/srv/compose", "/x" } },
        { "compose-credential.service", { "/run/credentials", "/run/credentials/x" } },
        { "compose-socket.service", { "/run/x", "/run/x/y" } },
        { "compose-user@daemon.service", { "/tmp/x", "/tmp" } },
        /* These are refused by policy in most that they can be part of. */
        { "compose-bus.service", { "/run/dbus", "/run/x" } },
        { "compose-quoted.service", { "/mnt/x", "/mnt" } },
        { "compose-escaped.service", { "/mnt/x", "/mnt" } },
        { "compose-only.service", { "/mnt/x", "/mnt" } },
        { "compose-other.service", { "/var/disk", "/var/disk/x" } },
        { "compose-able.service", { "/var/disk", "/var/disk/x" } },
        { "compose-user@root.service", { "/tmp/x", "/tmp" } },
        { "compose-user@vks.service", { "/tmp/x", "/tmp" } },
        { "compose-group@shadow.service", { "/tmp/x", "/tmp" } },
};

enum { MOST_KINDS = ARRAY_LEN(kinds) - 9 };

/* Where volumes are mounted and links are made: places on every kind of ground ... */
static const char *const places[] = {
        "/srv/compose/closed/x",
        "/srv/compose/closed/below/x",
        "/srv/compose/ro/x",
        "/srv/compose/ro/sub",
        "/srv/compose/rw/x",
        "/srv/compose/rw/x/y",
        "/srv/compose/new/deep/er",
        "/srv/x",
        "/etc/compose",
        "/etc/compose/x",
        "/etc/compose/deep/x",
        "/usr/share/compose",
        "/usr/share/compose/hook",
        "/usr/share/compose/x",
        "/opt/compose/bin",
        "/opt/compose/bin/app",
        "/opt/new",
        "/run/x",
        "/run/x/y",
        "/run/compose-run/x",
        "/var/disk",
        "/var/disk/x",
        "/var/disk/x/y",
        "/var/lib/compose-state",
        "/var/lib/compose-state/below/x",
        "/mnt",
        "/mnt/x",
        "/mnt/x/y",
        "/mnt/sub",
        "/tmp",
        "/tmp/x",
        "/tmp/x/y",
        "/home/x",
        "/x/y",
        "/a/deep/place/that/is/not/there",
};
/* ... and such as should be refused, or that are spelled in another way. */
static const char *const odd_places[] = {
        "/srv/compose/closed",
        "/srv/compose/closed/below",
        "/srv/compose/link",
        "/srv/compose/link/x",
        "/etc/vks",
        "/etc/vks/x",
        "/etc/vks/../vks/x",
        "/etc/passwd",
        "/etc/cron.d/x",
        "/etc/systemd/system/x",
        "/etc/ld.so.preload",
        "/usr/libexec/vks",
        "/usr/libexec/vks/x",
        "/usr/libexec/vks/vks-exec",
        "/usr/local/bin",
        "/usr/local/bin/mischief",
        "/bin",
        "/lib/systemd/system",
        "/run/systemd/system",
        "/run/systemd/x",
        "/run/credentials",
        "/run/vks/pods",
        "/run/vks/x",
        "/run/dbus",
        "/var/run/compose-run/x",
        "/var/lock/x",
        "/var/lib/vks/x",
        "/var/lib/../lib/compose-state/x",
        "/var/spool/cron/x",
        "/dev",
        "/dev/x",
        "/proc/x",
        "/sys/x",
        "/root/x",
        "/",
        "/boot/x",
        "/run/vks/pods/x",
        "/dev/shm/x",
        "/var/lib/compose-state/../../../etc",
        "/mnt//x",
        "/mnt/./x",
};

static const char *const targets[] = { "/usr/libexec/vks",
                                       "/usr/libexec/vks",
                                       "/srv/compose/closed",
                                       "/run/systemd/system",
                                       "/etc",
                                       "/etc/compose.secret",
                                       "/usr/local/bin",
                                       "/var/lib",
                                       "/run/vks/pods",
                                       "..",
                                       "/",
                                       "/proc/1/root/etc" };

static const char *const host_paths[] = {
        "/srv/compose/rw",
        "/srv/compose/rw",
        "/srv/compose/ro",
        "/srv/compose/ro",
        "/srv/compose/ro/sub",
        "/srv/compose/ro/new",
        "/srv/compose/rw/x",
        "/srv/compose/rw/x/y",
        "/srv/compose/link",
        "/srv/compose/link/compose",
        "/srv/compose/closed",
        "/srv/compose/rw/../closed",
        "/etc/compose",
        "/run/vks/pods",
        "/proc/1/root",
        "/dev/sda",
        "/srv/compose/rw/made/deep",
        "/srv/compose/ro/sub/made",
};
static const char *const host_types[] = {
        "",      "", "", "", "Directory", "DirectoryOrCreate", "DirectoryOrCreate", "DirectoryOrCreate", "FileOrCreate",
        "Socket"
};

enum volume { DISK, MEMORY, FILES, HOST, HOST_TOO, VOLUMES };
static const char *const volume_names[VOLUMES] = { "disk", "memory", "files", "host", "host-too" };

/* Root, users of the machine, of the dynamic range, of nobody, of policy's range; but of no pod that has a secret in
 * its variables, since pods of one user are one user (policy/TRUST.md). */
static const uint32_t ids[] = { 0, 1, 6, 42, 4712, 25000, 61184, 61200, 65519, 65530, 65534, 4294967294u };

/* ---- chance ------------------------------------------------------------------------------------------------------ */

static uint64_t state;

static uint32_t draw(uint32_t n) /* 0 to n-1 */
{
        state ^= state >> 12; /* xorshift64*: Vigna, 2014 */
        state ^= state << 25;
        state ^= state >> 27;
        return (uint32_t)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static bool one_in(uint32_t n)
{
        return draw(n) == 0;
}

#define PICK(array) ((array)[draw((uint32_t)ARRAY_LEN(array))])

/* Whatever a sequence is made of is kept until the next one. */
static void **kept;
static size_t n_kept;

static void *keep(void *p)
{
        kept = xrealloc(kept, n_kept + 1, sizeof(*kept));
        return kept[n_kept++] = p;
}

static void forget(void)
{
        while (n_kept > 0)
                free(kept[--n_kept]);
}

#define MAKE(Type, init)                                                                                               \
        ({                                                                                                             \
                Type *made_ = keep(NEW(Type));                                                                         \
                init(made_);                                                                                           \
                made_;                                                                                                 \
        })

static PRINTF(1, 2) char *text(const char *fmt, ...)
{
        va_list ap;
        char *s = NULL;

        va_start(ap, fmt);
        if (vasprintf(&s, fmt, ap) < 0)
                abort();
        va_end(ap);
        return keep(s);
}

/* ---- pods -------------------------------------------------------------------------------------------------------- */

static struct theme {
        const struct kind *kind;
        const char *places[2], *target;
        const char *hot; /* one of the places, where they meet most of all */
        enum volume volume;
        bool var;
        bool meeting; /* each container has a part to play */
        bool tidy;    /* nothing is asked for that policy refuses as it stands: then what is asked for is done */
} theme;

/* What a pod is made of, as its next WRITE has it. */
struct pod {
        Vks__Pod *id;
        Vks__Volume *volumes[VOLUMES];
        Vks__Container *containers[CONTAINERS];
        char units[CONTAINERS][ID_UNIT_MAX + 1];
        bool secret[CONTAINERS]; /* a container of this number may have the pod's secret in its variables */
        Vks__Qos qos;
        uint32_t user; /* of most of its containers; 0: they say none */
};
static struct pod pods[PODS];

/* One whose package brings the place, one who changes what lies there, and one that has a volume there. */
enum part { ANY, OWNER, INTRUDER, GUEST };

static enum part part_of(unsigned number)
{
        return theme.meeting ? (enum part)(OWNER + number) : ANY;
}

static bool odd(uint32_t n)
{
        bool is = one_in(n); /* drawn in any case */

        return is && !theme.tidy;
}

static const char *place(void)
{
        return odd(20) ? PICK(odd_places) : one_in(6) ? PICK(places) : one_in(2) ? theme.hot : PICK(theme.places);
}

static void choose_theme(void)
{
        theme.tidy = !one_in(4);
        theme.kind = &kinds[draw(odd(2) ? ARRAY_LEN(kinds) : MOST_KINDS)];
        for (size_t i = 0; i < ARRAY_LEN(theme.places); i++)
                theme.places[i] = !one_in(4) ? theme.kind->places[i] : odd(10) ? PICK(odd_places) : PICK(places);
        theme.hot = theme.places[one_in(3)];
        theme.target = PICK(targets);
        /* What runs by its path, or runs what lies there, meets programs in most cases. */
        theme.volume =
                one_in(starts_with(theme.kind->places[0], "/var") || starts_with(theme.kind->places[0], "/run") ? 3 : 2)
                        ? FILES
                        : draw(VOLUMES);
        theme.meeting = one_in(2);
        theme.var = starts_with(theme.kind->places[0], "/var/") ? !one_in(3) : one_in(4);
}

/* Deeds that have to do with where the container's volumes are, and with the theme. */
static void give_deeds(Vks__Container *c, unsigned pod, unsigned number, char **words, size_t *n)
{
        static const char *const names[] = { "vks-exec", "app", "hook", "run", "mischief", "x" };
        const char *at = c->n_mounts ? c->mounts[draw((uint32_t)c->n_mounts)]->path : place();

        words[(*n)++] = S("pod");
        words[(*n)++] = text("p%uc%u", pod, number);
        if (!one_in(3))
                words[(*n)++] = text("swap=%s>%s", place(), theme.target);
        if (one_in(3))
                words[(*n)++] = text("swap=%s/x>%s", at, one_in(2) ? theme.target : PICK(targets));
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (!one_in(3))
                        words[(*n)++] = text("plant=%s/%s", at, names[i]);
        if (one_in(2))
                words[(*n)++] = text("write=%s%s", place(), one_in(2) ? "" : "/w");
        if (one_in(2))
                words[(*n)++] = text("write=%s/w", at);
        if (one_in(4))
                words[(*n)++] = text("move=%s>%s", place(), place());
        if (one_in(2))
                words[(*n)++] = text("fifo=%s/pid", theme.kind->places[1]);
        if (one_in(3))
                words[(*n)++] = text("use=%s/%s", one_in(2) ? at : place(), PICK(names));
        if (one_in(6))
                words[(*n)++] = S(one_in(2) ? "notify=MAINPID=1" : "notify=FDSTORE=1\nREADY=1\nSTATUS=" SECRET "said-");
        if (part_of(number) == INTRUDER) {
                words[(*n)++] = text("swap=%s>%s", theme.hot, theme.target);
                words[(*n)++] = text("fifo=%s/pid", theme.kind->places[1]);
        } else if (one_in(6)) {
                words[(*n)++] = S("end");
        }
}

/* What FILL brings. */
static const char *const file_names[] = { "app", "hook", "run", "vks-exec", "mischief", "x/y" };

/* A part: of what FILL brings that of the place's own name, if there is one. */
static void give_part(Vks__Mount *m, enum volume which)
{
        static const char *const parts[] = { "x", "x/y", "sub", "x" };
        const char *name = strrchr(m->path, '/') + 1;

        if (which != FILES) {
                if (one_in(6))
                        m->sub_path = S(PICK(parts));
                return;
        }
        if (one_in(8))
                m->sub_path = S(PICK(file_names));
        for (size_t i = 0; i < ARRAY_LEN(file_names); i++)
                if (streq(name, file_names[i]) && !one_in(4))
                        m->sub_path = S(file_names[i]);
}

/* What every pod gets right in the end, since what is refused shows nothing: no two at one place, read-only what policy
 * has so. */
static void give_mounts(const struct pod *p, Vks__Container *c, enum part part)
{
        /* One that is refused is refused with all that the container has: few have many. */
        uint32_t n = one_in(3) ? draw(4) : draw(2);

        if (part == GUEST)
                n = 1 + one_in(2);
        if (part == INTRUDER)
                n = one_in(3);
        c->mounts = keep(xcalloc(4, sizeof(*c->mounts)));
        for (; n > 0; n--) {
                enum volume which = one_in(2) ? theme.volume : draw(VOLUMES);
                Vks__Mount *m = MAKE(Vks__Mount, vks__mount__init);
                bool twice = false;

                m->volume = S(volume_names[which]);
                m->path = S(part == GUEST && c->n_mounts == 0 && !one_in(4) ? theme.hot : place());
                if (c->n_mounts && one_in(3)) /* in another one */
                        m->path = text("%s/%s", c->mounts[0]->path, one_in(2) ? "x" : "sub");
                else if (one_in(6))
                        m->path = text("%s/x", m->path);
                give_part(m, which);
                m->read_only = one_in(4) || which == FILES;
                if (which >= HOST && starts_with(p->volumes[which]->host_path->path, "/srv/compose/ro"))
                        m->read_only |= !odd(8);
                for (size_t i = 0; i < c->n_mounts; i++)
                        twice |= streq(c->mounts[i]->path, m->path);
                if (!twice || odd(20))
                        c->mounts[c->n_mounts++] = m;
        }
}

static void give_env(Vks__Container *c, unsigned pod, unsigned number)
{
        static const char *const names[] = {
                "PLAIN", "a-b", "with.dot", "LD_PRELOAD", "PATH", "HOME", "CREDENTIALS_DIRECTORY"
        };
        Vks__Env *secret = MAKE(Vks__Env, vks__env__init), *other = MAKE(Vks__Env, vks__env__init);

        c->env = keep(xcalloc(2, sizeof(*c->env)));
        /* vks-pod's variables may be read by vks-pod (policy/TRUST.md) */
        if (c->run_as_user && c->run_as_user->value == 20000 + pod) {
                secret->name = S("PASSWORD");
                secret->value.data = (uint8_t *)text(SECRET "pod%u-", pod);
                secret->value.len = strlen((char *)secret->value.data);
                c->env[c->n_env++] = secret;
                pods[pod].secret[number] = true;
        }
        other->name = S(PICK(names));
        other->value.data = (uint8_t *)S(place());
        other->value.len = strlen((char *)other->value.data);
        if (odd(16))
                c->env[c->n_env++] = other;
}

/* Some that no kernel takes, and so little memory that no program begins. */
static Vks__Limits *some_limits(void)
{
        Vks__Limits *l = MAKE(Vks__Limits, vks__limits__init);

        l->cpu_weight = one_in(2) ? 1 + draw(10000) : odd(16) ? UINT32_MAX : 0;
        l->cpu_milli = one_in(3) ? 10 + draw(4000) : 0;
        l->memory_max = one_in(3) ? (uint64_t)(1 + draw(400)) << 20 : odd(16) ? draw(4096) : 0;
        l->tasks_max = one_in(3) ? 1 + draw(200) : 0;
        return l;
}

static Vks__Id *an_id(uint32_t value)
{
        Vks__Id *id = MAKE(Vks__Id, vks__id__init);

        id->value = value;
        return id;
}

static Vks__Container *a_container(unsigned pod, unsigned number)
{
        Vks__Container *c = MAKE(Vks__Container, vks__container__init);
        enum part part = part_of(number);
        const struct kind *kind = one_in(part == ANY ? 4 : 12) ? &PICK(kinds) : theme.kind;
        char **words = keep(xcalloc(32, sizeof(*words)));
        size_t n = 0;

        c->name = text("c%u", number);
        c->shares_image = number > 0 || one_in(4);
        give_mounts(&pods[pod], c, part);
        if (odd(12))
                c->run_as_user = an_id(PICK(ids));
        else if (one_in(part == ANY ? 4 : 8))
                c->run_as_user = one_in(2) ? an_id(4711) : NULL;
        else if (pods[pod].user)
                c->run_as_user = an_id(pods[pod].user);
        if (odd(30))
                c->run_as_group = an_id(PICK(ids));
        give_env(c, pod, number);
        give_deeds(c, pod, number, words, &n);
        c->restart = draw(3);
        c->writes_var = odd(6) ? one_in(2) : theme.var;
        c->working_dir = S(one_in(8) ? place() : "/");
        c->stop_signal = S(one_in(8) ? "SIGUSR1" : "");
        c->message_path = S(odd(8) ? place() : one_in(8) ? "" : "/dev/termination-log");
        c->no_new_privileges = one_in(6), c->reads_files = one_in(4), c->console = one_in(12);
        if (one_in(4))
                c->limits = some_limits();
        c->read_only_root = one_in(8), c->filter_system_calls = one_in(8);
        c->drop_capabilities = one_in(6) ? UINT64_C(0x1ffffffffff) : one_in(6) ? draw(1 << 24) : 0;
        c->oom_score_adjust = odd(32) ? (int)draw(2040) - 1010 : one_in(3) ? (int)draw(1001) : 0;
        if (one_in(12)) {
                c->groups = keep(xcalloc(1, sizeof(*c->groups)));
                c->groups[0] = odd(2) ? PICK(ids) : 30000 + pod, c->n_groups = 1;
        }
        c->args = words, c->n_args = n;
        if (one_in(part == INTRUDER ? 2 : part == OWNER ? 20 : 5) || !kind->unit) {
                c->image = S(kind->unit ? MISCHIEF : "/opt/compose/bin/app");
                return c;
        }
        c->image = c->package = S("compose"), c->unit = S(kind->unit);
        switch (part == OWNER ? draw(4) : part == INTRUDER ? 3 + draw(3) : draw(6)) {
        case 0:
        case 1:
        case 2: /* the package's own command line, which has its rights only as its own user */
                c->n_args = 0;
                if (!one_in(part == OWNER ? 2 : 4)) /* who meets the others is often their user */
                        c->run_as_user = c->run_as_group = NULL, c->n_env = 0;
                break;
        case 3:
                break;
        default:
                c->command = keep(xcalloc(1, sizeof(*c->command)));
                c->command[0] = S(one_in(8) ? "/opt/compose/bin/app" : MISCHIEF), c->n_command = 1;
        }
        return c;
}

static Vks__Volume *a_volume(enum volume which)
{
        Vks__Volume *v = MAKE(Vks__Volume, vks__volume__init);

        v->name = S(volume_names[which]);
        switch (which) {
        case DISK:
        case MEMORY:
                v->source_case = VKS__VOLUME__SOURCE_EMPTY_DIR;
                v->empty_dir = MAKE(Vks__EmptyDir, vks__empty_dir__init);
                v->empty_dir->memory = which == MEMORY;
                v->empty_dir->group = one_in(12) ? an_id(odd(2) ? PICK(ids) : 30000) : NULL;
                break;
        case FILES:
                v->source_case = VKS__VOLUME__SOURCE_FILES;
                v->files = MAKE(Vks__Files, vks__files__init);
                break;
        default:
                v->source_case = VKS__VOLUME__SOURCE_HOST_PATH;
                v->host_path = MAKE(Vks__HostPath, vks__host_path__init);
                v->host_path->path = S(odd(4) ? PICK(host_paths) : host_paths[draw(4)]);
                v->host_path->type = S(odd(2) ? PICK(host_types) : host_types[draw(4)]);
        }
        return v;
}

/* The program's own bytes, stamped as what a pod has planted. */
static ProtobufCBinaryData planted_program(void)
{
        static uint8_t bytes[1 << 20];
        static size_t n;

        if (n == 0) {
                FD fd = open(MISCHIEF, O_RDONLY | O_CLOEXEC);
                ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
                uint8_t *at = got > 0 ? memmem(bytes, (size_t)got, STAMP, sizeof(STAMP) - 1) : NULL;

                if (!at) {
                        printf("compose: there is no " MISCHIEF "\n");
                        exit(2);
                }
                at[sizeof(STAMP) - 1] = 'Q';
                n = (size_t)got;
        }
        return (ProtobufCBinaryData){ n, bytes };
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static struct sequence *now;

static struct step *add(enum what what, const char *said)
{
        struct step *s = &now->steps[now->n < STEPS_MAX ? now->n++ : STEPS_MAX - 1];

        *s = (struct step){ .what = what, .text = S(said) };
        return s;
}

static struct step *add_request(unsigned pod, uint8_t verb, ProtobufCMessage *m, char *said)
{
        struct step *s = add(ASK, said);

        s->pod = pod, s->verb = verb, s->message = m;
        return s;
}

/* For the eye: what the pod may have got by this. */
static void remember(unsigned pod, const Vks__Container *c, const char *unit)
{
        struct asked *a = &now->asked[pod];
        bool known = false;

        for (size_t i = 0; i < a->n_units; i++)
                known |= streq(a->units[i], unit);
        if (!known && a->n_units < ARRAY_LEN(a->units))
                memcpy(a->units[a->n_units++], unit, sizeof(a->units[0]));
        for (size_t i = 0; i < c->n_mounts && a->n_targets < TARGETS_MAX; i++)
                a->targets[a->n_targets++] = c->mounts[i]->path;
}

static char *describe(const Vks__Container *c)
{
        char *s = text("%s: %s%s%s", c->name, c->unit[0] ? c->unit : c->image, c->n_command ? " command=" : "",
                       c->n_command ? c->command[0] : "");

        for (size_t i = 0; i < c->n_args; i++)
                s = text("%s %s", s, c->args[i]);
        if (c->run_as_user)
                s = text("%s user=%u", s, c->run_as_user->value);
        if (c->run_as_group)
                s = text("%s group=%u", s, c->run_as_group->value);
        for (size_t i = 0; i < c->n_mounts; i++)
                s = text("%s mount=%s%s%s:%s%s", s, c->mounts[i]->volume, *c->mounts[i]->sub_path ? "/" : "",
                         c->mounts[i]->sub_path, c->mounts[i]->path, c->mounts[i]->read_only ? ":ro" : "");
        for (size_t i = 0; i < c->n_env; i++)
                s = text("%s env=%s=%.*s", s, c->env[i]->name, (int)c->env[i]->value.len,
                         (const char *)c->env[i]->value.data);
        return text("%s%s%s dir=%s restart=%d", s, c->writes_var ? " var" : "", c->shares_image ? " shares" : "",
                    c->working_dir, (int)c->restart);
}

static bool mounts(const struct pod *p, unsigned from, unsigned to, const char *volume)
{
        bool does = false;

        for (unsigned i = from; i < to; i++)
                for (size_t m = 0; m < p->containers[i]->n_mounts; m++)
                        does |= streq(p->containers[i]->mounts[m]->volume, volume);
        return does;
}

static void write_pod(unsigned pod, unsigned from, unsigned to)
{
        struct pod *p = &pods[pod];
        Vks__Write *m = MAKE(Vks__Write, vks__write__init);
        char *said = text("p%u WRITE", pod);

        m->pod = p->id;
        m->volumes = keep(xcalloc(VOLUMES, sizeof(*m->volumes)));
        m->containers = keep(xcalloc(CONTAINERS, sizeof(*m->containers)));
        m->grace_seconds = 1;
        if (odd(8)) /* its commands are in the slice of the last WRITE: of those before, EXEC is refused */
                p->qos = draw(3);
        m->qos = p->qos;
        if (one_in(4))
                m->limits = some_limits();
        for (unsigned i = from; i < to; i++) {
                struct pod_id id = { .namespace = NAMESPACE };
                Vks__Container *c = p->containers[i];

                snprintf(id.name, sizeof(id.name), "%s", p->id->name);
                snprintf(id.uid, sizeof(id.uid), "%s", p->id->uid);
                (void)unit_name(&id, c->image, c->shares_image ? c->name : NULL, p->units[i], NULL);
                m->containers[m->n_containers++] = c;
                remember(pod, c, p->units[i]);
                said = text("%s\n        %s", said, describe(c));
        }
        for (size_t i = 0; i < VOLUMES; i++) /* one that policy refuses is in the way of those only that mount it */
                if (i < HOST || mounts(p, from, to, volume_names[i]))
                        m->volumes[m->n_volumes++] = p->volumes[i];
        for (size_t i = HOST; i < VOLUMES; i++)
                said = text("%s\n        %s: %s %s", said, p->volumes[i]->name, p->volumes[i]->host_path->path,
                            p->volumes[i]->host_path->type);
        add_request(pod, verb_write, &m->base, said);
}

static void fill_pod(unsigned pod)
{
        static const uint32_t modes[] = { 0755, 0755, 0755, 0755, 0555, 06755, 0777, 0644, 0 };
        Vks__Fill *m = MAKE(Vks__Fill, vks__fill__init);
        Vks__File *secret = MAKE(Vks__File, vks__file__init);
        char *said = text("p%u FILL", pod);

        m->pod = pods[pod].id, m->volume = S("files");
        m->group = one_in(12) ? an_id(odd(2) ? PICK(ids) : 30000) : NULL;
        m->files = keep(xcalloc(ARRAY_LEN(file_names) + 1, sizeof(*m->files)));
        secret->path = S("secret"), secret->mode = 0444;
        secret->content.data = (uint8_t *)text(SECRET "pod%u-", pod);
        secret->content.len = strlen((char *)secret->content.data);
        m->files[m->n_files++] = secret;
        for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
                Vks__File *f = MAKE(Vks__File, vks__file__init);

                f->path = S(file_names[i]), f->mode = PICK(modes), f->content = planted_program();
                if (!one_in(4))
                        m->files[m->n_files++] = f;
                else
                        continue;
                said = text("%s %s:%o", said, f->path, f->mode);
        }
        add_request(pod, verb_fill, &m->base, said);
}

/* START, STOP, REMOVE of one container: now and then by another pod's authority, or by a name that differs in one byte.
 */
static void ask_about(unsigned pod, unsigned number, uint8_t verb, bool flag, bool signal)
{
        static const char *const foreign[] = { "vks-agent.service", "vks-log.service", "dbus.service",
                                               "compose-state.service" };
        unsigned by = odd(12) ? draw(PODS) : pod;
        char *unit = text("%s", pods[pod].units[number]), **units = keep(xcalloc(1, sizeof(*units)));
        bool wrong = !streq(pods[by].id->name, pods[pod].id->name); /* twins have the same names of units */
        const char *how = verb == verb_start  ? flag ? "RESTART" : "START"
                          : verb == verb_stop ? flag     ? "KILL"
                                                : signal ? "SIGNAL"
                                                         : "STOP"
                                              : "REMOVE";
        Vks__Start *start = MAKE(Vks__Start, vks__start__init);
        Vks__Stop *stop = MAKE(Vks__Stop, vks__stop__init);
        Vks__Remove *remove = MAKE(Vks__Remove, vks__remove__init);
        ProtobufCMessage *m = verb == verb_start ? &start->base : verb == verb_stop ? &stop->base : &remove->base;

        if (odd(25)) {
                unit = S(PICK(foreign));
                wrong = true;
        } else if (odd(25)) {
                unit[draw((uint32_t)strlen(unit))] ^= 4; /* not by 1: c0 would be c1, which is the pod's */
                wrong = true;
        }
        units[0] = unit;
        start->pod = stop->pod = remove->pod = pods[by].id;
        start->units = stop->units = remove->units = units;
        start->n_units = stop->n_units = remove->n_units = 1;
        start->restart = stop->kill = flag;
        stop->signal = signal;
        struct step *s = add_request(by, verb, m, text("p%u %s %s", by, how, unit));
        s->wrong_owner = wrong && verb != verb_remove; /* to remove what is not there is no error */
        if (verb == verb_start)
                s->pause_ms = one_in(3) ? 0 : draw(one_in(2) ? 150 : 400);
}

/* RESIZE of one container and its pod, now and then of another pod's container. */
static void resize(unsigned pod, unsigned number)
{
        unsigned by = one_in(12) ? draw(PODS) : pod;
        Vks__Resize *m = MAKE(Vks__Resize, vks__resize__init);
        Vks__Size *size = MAKE(Vks__Size, vks__size__init);

        size->unit = text("%s", pods[pod].units[number]), size->limits = one_in(8) ? NULL : some_limits();
        m->pod = pods[by].id, m->limits = one_in(2) ? some_limits() : NULL;
        m->sizes = keep(xcalloc(1, sizeof(*m->sizes)));
        m->sizes[0] = size, m->n_sizes = 1;
        add_request(by, verb_resize, &m->base, text("p%u RESIZE %s", by, size->unit))->wrong_owner =
                !streq(pods[by].id->name, pods[pod].id->name);
}

/* START or STOP of a command's unit, which must be refused. */
static void ask_about_command(unsigned by, const char *unit, uint8_t verb)
{
        char **units = keep(xcalloc(1, sizeof(*units)));
        Vks__Start *start = MAKE(Vks__Start, vks__start__init);
        Vks__Stop *stop = MAKE(Vks__Stop, vks__stop__init);

        units[0] = text("%s", unit);
        start->pod = stop->pod = pods[by].id;
        start->units = stop->units = units;
        start->n_units = stop->n_units = 1;
        stop->kill = one_in(2);
        add_request(by, verb, verb == verb_start ? &start->base : &stop->base,
                    text("p%u %s %s", by, verb == verb_start ? "START" : "STOP", unit))
                ->wrong_owner = true;
}

/* Otherwise than WRITE had it: other mounts, user, groups, directory, name. */
static void say_otherwise(unsigned pod, Vks__Container *x)
{
        switch (draw(6)) {
        case 0:
                x->n_mounts = 0, give_mounts(&pods[pod], x, ANY);
                break;
        case 1:
                x->name = text("c%u", draw(CONTAINERS));
                break;
        case 2:
                x->working_dir = S(place());
                break;
        case 3:
                x->no_new_privileges = !x->no_new_privileges;
                break;
        case 4:
                x->groups = keep(xcalloc(1, sizeof(*x->groups)));
                x->groups[0] = PICK(ids), x->n_groups = 1;
                break;
        default:
                x->run_as_user = one_in(2) ? an_id(PICK(ids)) : NULL;
        }
}

/*
 * EXEC beside a container. Most are as WRITE had it, since all others are refused before anything is done; by few ids,
 * so that some come twice. The command has the container's variables: where the pod's secret may be among them, it
 * stays with the pod's own user.
 */
static void exec_beside(unsigned pod, unsigned number)
{
        static const char *const programs[] = { MISCHIEF, MISCHIEF, MISCHIEF, "/opt/compose/bin/app" };
        static const char *const closed[] = { "/usr/share/compose/hook", "/usr/libexec/vks/vks-exec",
                                              "/etc/compose/app", "/var/disk/mischief" };
        struct pod *p = &pods[pod];
        Vks__Exec *m = MAKE(Vks__Exec, vks__exec__init);
        Vks__Container *x = keep(xmemdup(p->containers[number], sizeof(*x)));
        char **words = keep(xcalloc(32, sizeof(*words))), unit[ID_UNIT_MAX + 1];
        bool otherwise = odd(5);
        size_t n = 1;

        x->args = NULL, x->n_args = 0, x->env = NULL, x->n_env = 0;
        if (!one_in(16)) /* or it is refused */
                x->limits = NULL, x->oom_score_adjust = 0;
        if (otherwise) {
                say_otherwise(pod, x);
                if (p->secret[number] || p->secret[x->name[1] - '0'])
                        x->run_as_user = an_id(20000 + pod), x->run_as_group = NULL;
        }
        words[0] = S(odd(6) ? PICK(closed) : PICK(programs)); /* what policy refuses shows little */
        give_deeds(x, pod, number, words, &n);
        x->command = words, x->n_command = n;
        m->pod = p->id, m->container = x, m->id = draw(4);
        m->qos = odd(16) ? draw(3) : p->qos;
        m->user = S(one_in(8) ? "x\nVKS_RULE=x\nMESSAGE=y" : "mallory");
        m->volumes = keep(xcalloc(VOLUMES, sizeof(*m->volumes)));
        for (size_t v = 0; v < VOLUMES; v++)
                for (size_t i = 0; i < x->n_mounts; i++)
                        if (streq(x->mounts[i]->volume, volume_names[v])) {
                                m->volumes[m->n_volumes++] = p->volumes[v];
                                break;
                        }
        exec_unit_name(p->id->uid, x->name, &m->id, unit);
        remember(pod, x, unit);
        char *said = text("p%u EXEC %s\n        %s", pod, unit, describe(x));
        for (size_t i = 1; i < n; i++)
                said = text("%s %s", said, words[i]);
        add_request(pod, verb_exec, &m->base, said)->pause_ms = one_in(3) ? 0 : draw(150);
        if (one_in(6)) /* a command begins once, and is of one pod alone: of a namesake's no more than of any other's */
                ask_about_command(pod, unit, verb_start);
        if (one_in(6))
                ask_about_command((pod + 1 + draw(PODS - 1)) % PODS, unit, verb_stop);
}

static void remove_pod(unsigned pod)
{
        add_request(pod, verb_remove, &compose_remove(pod)->base, text("p%u REMOVE all", pod));
}

static void install(void)
{
        static const char *const names[] = { "compose",   "compose-",     "vks", "-oDebug::Nothing=1",
                                             "compose=1", "compose-state" };
        Vks__Install *m = MAKE(Vks__Install, vks__install__init);
        Vks__Package *p = MAKE(Vks__Package, vks__package__init);

        p->name = S(PICK(names));
        p->version = S(one_in(2) ? "" : "1");
        m->packages = keep(xcalloc(1, sizeof(*m->packages)));
        m->packages[0] = p, m->n_packages = 1;
        add_request(0, verb_install, &m->base, text("INSTALL %s %s", p->name, p->version));
}

/* ---- the sequence ------------------------------------------------------------------------------------------------ */

static void make_pod(unsigned pod)
{
        struct pod *p = &pods[pod];

        *p = (struct pod){ .id = MAKE(Vks__Pod, vks__pod__init) };
        p->id->namespace_ = S(NAMESPACE), p->id->name = S(pod_names[pod]), p->id->uid = S(pod_uids[pod]);
        p->qos = draw(3);
        p->user = one_in(4) ? 0 : one_in(3) ? 4711 : 20000 + pod;
        for (enum volume v = 0; v < VOLUMES; v++)
                p->volumes[v] = a_volume(v);
        for (unsigned i = 0; i < CONTAINERS; i++) {
                struct pod_id id = { .namespace = NAMESPACE };
                Vks__Container *c = p->containers[i] = a_container(pod, i);

                snprintf(id.name, sizeof(id.name), "%s", p->id->name);
                (void)unit_name(&id, c->image, c->shares_image ? c->name : NULL, p->units[i], NULL);
        }
}

/* Anything at all. */
static void anything(unsigned pod)
{
        unsigned number = draw(CONTAINERS);

        switch (draw(21)) {
        case 0:
                fill_pod(pod);
                break;
        case 1:
        case 2: /* the same container, made anew */
                pods[pod].containers[number] = a_container(pod, number);
                write_pod(pod, number, number + 1);
                break;
        case 3:
                pods[pod].volumes[HOST] = a_volume(HOST);
                write_pod(pod, 0, CONTAINERS);
                break;
        case 4:
        case 5:
                ask_about(pod, number, verb_start, true, false);
                break;
        case 6:
                ask_about(pod, number, verb_start, false, false);
                break;
        case 7:
                ask_about(pod, number, verb_stop, false, false);
                break;
        case 8:
                ask_about(pod, number, verb_stop, true, false);
                break;
        case 9:
                ask_about(pod, number, verb_stop, false, true);
                break;
        case 10:
                ask_about(pod, number, verb_remove, false, false);
                break;
        case 11:
                remove_pod(pod);
                break;
        case 12:
                if (one_in(8))
                        install();
                break;
        case 19:
                resize(pod, number);
                break;
        case 20:
                add(TAKE_AWAY, "(the machine takes " TAKEN_AWAY " away)");
                break;
        case 13:
                add(one_in(2) ? KILL_HELPER : STOP_HELPER, "(the helper ends)");
                break;
        case 14:
                if (one_in(2))
                        add(RESTART_LOG, "(vks-log is restarted)");
                else
                        add(RELOAD, "(PID 1 reads all units again)");
                break;
        case 15:
                add(PAUSE, "(a moment)")->pause_ms = draw(400);
                break;
        case 16:
        case 17:
        case 18:
                exec_beside(pod, number);
                break;
        default:
                break;
        }
}

/* One pod's ordinary course, disturbed. `first`: from which container on. */
static void course(unsigned pod)
{
        if (!one_in(12))
                fill_pod(pod);
        if (one_in(6)) { /* one container that is refused is in the way of all */
                write_pod(pod, 0, CONTAINERS);
        } else {
                /* Who comes first finds the directories as they are: the guest before the owner, too. */
                for (unsigned turn = one_in(2) ? draw(CONTAINERS) : 0, n = 0; n < CONTAINERS; n++) {
                        unsigned i = (turn + n) % CONTAINERS;

                        if (!one_in(8))
                                write_pod(pod, i, i + 1);
                        if (one_in(6)) /* most are all there before the first begins: its user changes what they lie in
                                        */
                                ask_about(pod, i, verb_start, false, false);
                }
        }
        if (one_in(streq(theme.hot, TAKEN_AWAY) ? 2 : 24))
                add(TAKE_AWAY, "(the machine takes " TAKEN_AWAY " away)");
        for (unsigned i = 0; i < CONTAINERS; i++) {
                if (!one_in(6))
                        ask_about(pod, i, verb_start, one_in(4), false);
                if (one_in(4))
                        exec_beside(pod, one_in(6) ? draw(CONTAINERS) : i);
                if (one_in(4))
                        anything(one_in(3) ? draw(PODS) : pod);
        }
        /* Once more, when all of them have been at work: PID 1 follows the same ways again. */
        for (unsigned i = 0; i < CONTAINERS; i++)
                if (one_in(2))
                        ask_about(pod, i, verb_start, true, false);
}

void compose(uint64_t seed, struct sequence *ret)
{
        unsigned first = 0;

        forget();
        *ret = (struct sequence){ .seed = seed };
        now = ret;
        state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15); /* never 0 */
        for (int i = 0; i < 8; i++)
                (void)draw(2);
        choose_theme();
        /* Who runs code of two places does so only as root. */
        ret->begins_with_package = ret->package_root =
                starts_with(theme.places[0], "/usr/share/compose") ? !one_in(4) : one_in(2);
        for (unsigned i = 0; i < PODS; i++)
                make_pod(i);
        first = one_in(8) ? 1 : 0;
        course(first);
        if (one_in(3))
                course(one_in(2) ? 1 - first : 2);
        for (uint32_t n = draw(6); n > 0; n--)
                anything(one_in(3) ? draw(PODS) : first);
        if (one_in(6)) {
                bool package = one_in(2);
                add(package ? POLICY_PACKAGE : POLICY_DENY, package ? "(root = package)" : "(root = deny)");
                ret->package_root |= package;
                for (uint32_t n = 1 + draw(5); n > 0; n--)
                        anything(first);
        }
}

void compose_honest(struct sequence *ret)
{
        Vks__Container *c;
        Vks__Start *start;
        char **units;

        forget();
        *ret = (struct sequence){ 0 };
        now = ret;
        state = 1;
        choose_theme();
        for (unsigned i = 0; i < PODS; i++)
                make_pod(i);
        c = MAKE(Vks__Container, vks__container__init);
        c->name = S("c0"), c->image = S(MISCHIEF);
        c->args = keep(xcalloc(3, sizeof(*c->args))), c->n_args = 3;
        c->args[0] = S("pod"), c->args[1] = S("honest"), c->args[2] = S("end");
        pods[1].containers[0] = c;
        Vks__Write *write = MAKE(Vks__Write, vks__write__init);
        write->pod = pods[1].id;
        write->containers = keep(xcalloc(1, sizeof(*write->containers)));
        write->containers[0] = c, write->n_containers = 1;
        struct pod_id id = { .namespace = NAMESPACE, .name = "p1" };
        (void)unit_name(&id, c->image, NULL, pods[1].units[0], NULL);
        remember(1, c, pods[1].units[0]);
        start = MAKE(Vks__Start, vks__start__init);
        units = keep(xcalloc(1, sizeof(*units)));
        units[0] = pods[1].units[0];
        start->pod = pods[1].id, start->units = units, start->n_units = 1;
        fill_pod(1);
        add_request(1, verb_write, &write->base, S("honest WRITE"));
        add_request(1, verb_start, &start->base, S("honest START"));
}

Vks__Stop *compose_stop(const struct sequence *s, unsigned pod, size_t unit, bool kill)
{
        Vks__Stop *m = MAKE(Vks__Stop, vks__stop__init);

        m->pod = pods[pod].id;
        m->units = keep(xcalloc(1, sizeof(*m->units))), m->n_units = 1;
        m->units[0] = text("%s", s->asked[pod].units[unit]);
        m->kill = kill;
        return m;
}

Vks__Remove *compose_remove(unsigned pod)
{
        Vks__Remove *m = MAKE(Vks__Remove, vks__remove__init);

        m->pod = pods[pod].id, m->all = true;
        return m;
}
