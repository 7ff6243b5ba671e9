/* SPDX-License-Identifier: Apache-2.0 */
/* All of it is run twice: test_dir_without_openat2.c takes openat2(2) away before each test. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "helper/files/dir.h"
#include "common/fd.h"
#include "common/file.h"
#include "helper/files/host_path.h"
#include "common/mem.h"
#include "helper/text/mount_plan.h"
#include "helper/files/publish.h"
#include "helper/files/trust.h"

static char base[64];
static int at = -1;

#ifndef WITHOUT_OPENAT2
enum { RACES = 1500 };
static void before(void)
{
}
#endif

static void setup(void)
{
        before();
        snprintf(base, sizeof(base), "/srv/vks-test-XXXXXX"); /* in /tmp nothing stays root's (TRUST_STAYS) */
        cr_assert(mkdtemp(base));
        at = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(at, 0);
}

static void teardown(void)
{
        CLEANUP(strv_freep) char **names = dir_list(at);

        for (char **n = names; n && *n; n++)
                cr_assert_eq(dir_remove(at, *n), 0);
        at = fd_close(at);
        cr_assert_eq(rmdir(base), 0);
}

TestSuite(dir, .init = setup, .fini = teardown);

static bool is(const char *name, const char *content)
{
        CLEANUP(freep) char *path = xasprintf("%s/%s", base, name), *text = NULL;
        size_t size = 0;

        return file_read(path, 1 << 20, &text, &size, NULL) == 0 && streq(text, content);
}

static bool is_there(const char *name)
{
        return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(dir, a_new_directory_has_its_mode_and_an_old_one_keeps_it)
{
        struct stat st;

        umask(077);
        FD a = dir_make(at, "a", 01777);
        cr_assert_eq(fstat(a, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 01777);
        cr_assert_eq(fchmod(a, 0700), 0);
        FD b = dir_make(at, "a", 01777);
        cr_assert_eq(fstat(b, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 0700);
}

Test(dir, no_symbolic_link_is_followed)
{
        cr_assert_eq(symlinkat("/tmp", at, "link"), 0);
        cr_assert_lt(dir_open(at, "link"), 0);
        cr_assert_lt(dir_make(at, "link", 0755), 0);
        cr_assert_lt(dir_open(at, ".."), 0);
        cr_assert_eq(dir_remove(at, "link"), 0);
        cr_assert_eq(access("/tmp", F_OK), 0);
}

Test(dir, a_name_that_leads_away_is_not_opened_and_makes_nothing)
{
        FD in = dir_make(at, "in", 0755), deep = dir_make(in, "deep", 0755);

        cr_assert_geq(deep, 0);
        cr_assert_eq(symlinkat("in", at, "link"), 0);
        cr_assert_eq(symlinkat("/proc/self/fd", at, "magic"), 0);
        for (size_t i = 0; i < 2; i++) {
                int (*const f)(int, const char *, mode_t) = i ? dir_ensure : dir_make;

                cr_assert_eq(f(in, "..", 0755), -EXDEV);
                cr_assert_eq(f(in, "../new", 0755), -EXDEV);
                cr_assert_eq(f(at, "link/deep", 0755), -EXDEV);
                cr_assert_eq(f(at, "link/new", 0755), -EXDEV);
                cr_assert_eq(f(at, "in/new", 0755), -EXDEV);
                cr_assert_eq(f(at, "magic/0", 0755), -EXDEV);
                cr_assert_eq(f(at, "/tmp", 0755), -EXDEV);
        }
        cr_assert_eq(dir_open(in, ".."), -EXDEV);
        cr_assert_eq(dir_open(at, "in/deep"), -EXDEV);
        cr_assert_eq(dir_open(at, "link/deep"), -EXDEV);
        cr_assert_eq(dir_open(at, base), -EXDEV, "absolute");
        cr_assert_not(is_there("new") || is_there("in/new"));
        cr_assert_eq(dir_write(at, "f", "", 0, 0644), 0);
        cr_assert_eq(dir_open(at, "f"), -ENOTDIR);
        cr_assert_eq(dir_open(at, "none"), -ENOENT);
        cr_assert_eq(dir_open(-1, "in"), -EBADF);
}

/* A bind mount has the device of what it is made of, and so st_dev does not tell; its id does. */
Test(dir, no_mount_point_is_crossed)
{
        static const char *const mounted[] = { "tmpfs", "bind" };
        CLEANUP(freep) char *source = xasprintf("%s/elsewhere", base);

        if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                cr_skip_test("nothing can be mounted here");
        fd_close(at); /* it is in the mounts of before */
        at = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        FD t = dir_make(at, "t", 0755), elsewhere = dir_make(at, "elsewhere", 0755);
        cr_assert_eq(dir_write(elsewhere, "keep", "kept", 4, 0644), 0);
        for (size_t i = 0; i < ARRAY_LEN(mounted); i++) {
                CLEANUP(freep) char *where = xasprintf("%s/t/%s", base, mounted[i]);

                cr_assert_eq(dir_ensure(t, mounted[i], 0755), 0);
                cr_assert_eq(i ? mount(source, where, NULL, MS_BIND, NULL) : mount("none", where, "tmpfs", 0, NULL), 0);
                cr_assert_eq(dir_open(t, mounted[i]), -EXDEV);
                cr_assert_eq(dir_make(t, mounted[i], 0755), -EXDEV);
                cr_assert_lt(dir_remove(t, mounted[i]), 0);
                cr_assert_lt(dir_remove(at, "t"), 0);
                cr_assert(is_there("t") && is("elsewhere/keep", "kept"));
                FD inside = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                FD beneath = dir_make(inside, "d", 0755);
                cr_assert_geq(beneath, 0, "within one mount, whichever, all is as ever");
                cr_assert_eq(dir_open(inside, ".."), -EXDEV);
                fd_close(fd_take(&beneath));
                fd_close(fd_take(&inside));
                cr_assert_eq(umount2(where, 0), 0);
                FD again = dir_make(t, mounted[i], 0755);
                cr_assert_geq(again, 0);
        }
        cr_assert(is("elsewhere/keep", "kept"));
}

Test(dir, a_trusted_path_is_one_that_nobody_else_could_change)
{
        FD tmp = dir_make(at, "tmp", 01777), open_dir = dir_make(at, "open", 0777), group = dir_make(at, "group", 0775);
        struct stat st;
#define TRUST(make, ours, name)                                                                                        \
        ({                                                                                                             \
                CLEANUP(freep) char *p = xasprintf("%s/%s", base, name);                                               \
                trust_path(p, make, ours, &st);                                                                        \
        })

        cr_assert_eq(dir_ensure(open_dir, "d", 0755), 0);
        cr_assert_eq(dir_ensure(group, "d", 0755), 0);
        cr_assert_eq(symlinkat("/etc", tmp, "link"), 0);
        cr_assert_eq(symlinkat("/nowhere", tmp, "dangling"), 0);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "none"), -ENOENT);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "tmp"), 0);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "tmp/none"), -EPERM, "anybody could make it");
        cr_assert_eq(TRUST(TRUST_LOOK, false, "open/d"), -EPERM, "anybody could replace it");
        cr_assert_eq(dir_ensure(tmp, "kept", 0755), 0);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "tmp/kept"), 0);
        cr_assert_eq(TRUST(TRUST_STAYS, false, "tmp"), 0);
        cr_assert_eq(TRUST(TRUST_STAYS, false, "none"), -ENOENT);
        cr_assert_eq(TRUST(TRUST_STAYS, false, "tmp/kept"), -EPERM, "once root has taken it away, it is anybody's");
        cr_assert_eq(TRUST(TRUST_LOOK, false, "group/d"), -EPERM);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "tmp/link"), -ELOOP);
        cr_assert_eq(TRUST(TRUST_LOOK, false, "tmp/link/passwd"), -ELOOP);
        cr_assert_eq(TRUST(TRUST_DIR, true, "tmp/dangling"), -ELOOP);
        cr_assert_eq(TRUST(TRUST_DIR, false, "open/d/x"), -EPERM);
        cr_assert_eq(TRUST(TRUST_DIR, false, "tmp/a/b"), 0);
        cr_assert_eq(TRUST(TRUST_DIR, false, "tmp/a/b"), 0, "made again");
        cr_assert(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0755);
        cr_assert_eq(TRUST(TRUST_FILE, false, "tmp/a/c/f"), 0);
        cr_assert(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644);
        cr_assert_eq(TRUST(TRUST_FILE, false, "tmp/a/c/f/g"), -ENOTDIR);
        cr_assert_eq(TRUST(TRUST_DIR, true, "open/m/n"), 0, "a volume of ours");
        cr_assert_eq(fstat(open_dir, &st), 0);
        cr_assert_eq(st.st_mode & 07777, 01777, "becomes sticky, so that what is in it stays");
        cr_assert_eq(trust_path("/", TRUST_LOOK, false, NULL), 0);
        if (geteuid() ==
            0) { /* what lies in a sticky directory can be replaced by its owner, and what he owns he can change */
                cr_assert_eq(mkdirat(tmp, "other", 0755), 0);
                cr_assert_eq(fchownat(tmp, "other", 12345, 12345, 0), 0);
                cr_assert_eq(TRUST(TRUST_DIR, true, "tmp/other"), -EPERM);
                cr_assert_eq(TRUST(TRUST_DIR, true, "tmp/other/x"), -EPERM);
                cr_assert_eq(mkdirat(at, "others", 0755), 0);
                cr_assert_eq(fchownat(at, "others", 12345, 12345, 0), 0);
                cr_assert_eq(TRUST(TRUST_LOOK, false, "others"), 0);
                cr_assert_eq(TRUST(TRUST_LOOK, false, "others/x"), -EPERM);
        }
}

Test(dir, a_file_is_replaced_whole)
{
        cr_assert_eq(dir_write(at, "f", "one", 3, 0600), 0);
        cr_assert_eq(symlinkat("/etc/passwd", at, ".vks-new"), 0); /* planted by somebody else */
        cr_assert_eq(dir_write(at, "f", "two", 3, 0644), 0);
        cr_assert(is("f", "two"));
        cr_assert_not(is_there(".vks-new"));
        cr_assert_eq(dir_write(at, "no/such", "x", 1, 0644), -ENOENT);
}

Test(dir, a_tree_of_any_depth_and_shape_is_removed)
{
        FD top = dir_make(at, "t", 0755), here = dup(top);

        for (int i = 0; i < 3000; i++) {
                FD next = dir_make(here, i % 2 ? ".vks-1" : "d", 0755);
                cr_assert_geq(next, 0);
                cr_assert_eq(symlinkat("/", here, "root"), 0);
                cr_assert_eq(dir_write(here, "f", "x", 1, 0), 0);
                fd_close(here);
                here = fd_take(&next);
        }
        cr_assert_eq(dir_remove(at, "t"), 0);
        cr_assert_not(is_there("t"));
        cr_assert_eq(dir_remove(at, "t"), 0, "removing twice is fine");
        cr_assert_eq(access("/etc/passwd", F_OK), 0);
}

Test(dir, the_shape_of_a_directory_is_copied_without_its_content)
{
        FD from = dir_make(at, "from", 0755), a = dir_make(from, "a", 02750), skip = dir_make(from, "skip", 0755),
           to = dir_make(at, "to", 0755);
        CLEANUP(freep) char *path = xasprintf("%s/from", base);
        struct stat st;

        cr_assert_eq(dir_write(a, "f", "x", 1, 0644), 0);
        cr_assert_eq(dir_copy_shape(path, to, (const char *const[]){ "skip", NULL }), 0);
        cr_assert_eq(fstatat(to, "a", &st, 0), 0);
        cr_assert_eq(st.st_mode & 07777, 02750);
        cr_assert_not(is_there("to/skip") || is_there("to/a/f"));
}

/* ---- publish ----------------------------------------------------------------------------------------------------- */

Test(dir, files_are_published_in_the_kubelets_layout)
{
        struct publish_file one[] = { { "k", "v1", 2, 0644, 0 }, { "sub/dir/k2", "v2", 2, 0400, 0 } },
                            two[] = { { "k", "v3", 2, 0644, 0 }, { "new", "", 0, 0644, 0 } };
        FD v = dir_make(at, "v", 0755);
        char link[64] = "";

        cr_assert_eq(publish(v, one, 2), 0);
        cr_assert(is("v/k", "v1") && is("v/sub/dir/k2", "v2"));
        cr_assert_gt(readlinkat(v, "k", link, sizeof(link) - 1), 0);
        cr_assert_str_eq(link, "..data/k");
        cr_assert_eq(publish(v, two, 2), 0);
        cr_assert(is("v/k", "v3") && is("v/new", ""));
        cr_assert_not(is_there("v/sub"));
        CLEANUP(strv_freep) char **names = dir_list(v);
        size_t n = 0;
        while (names[n])
                n++;
        cr_assert_eq(n, 4, "..data, its directory, k and new");
        cr_assert_eq(publish(v, NULL, 0), 0);
        cr_assert_not(is_there("v/k"));
}

Test(dir, what_cannot_be_published_leaves_the_old)
{
        struct publish_file one[] = { { "k", "v1", 2, 0644, 0 } },
                            bad[] = { { "a", "x", 1, 0644, 0 }, { "a/b", "x", 1, 0644, 0 } };
        FD v = dir_make(at, "v", 0755);

        cr_assert_eq(publish(v, one, 1), 0);
        cr_assert_lt(publish(v, bad, 2), 0);
        cr_assert(is("v/k", "v1"));
        cr_assert_not(is_there("v/a"));
}

/* ---- against another process ------------------------------------------------------------------------------------- */

/* Whatever is in `vol`, and in what is in it, is by turns itself and a link to `out`. */
static void swap_for_ever(void)
{
        CLEANUP(freep) char *out = xasprintf("%s/out", base);

        for (unsigned i = 0;; i++) {
                FD vol = open("vol", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                CLEANUP(strv_freep) char **names = vol < 0 ? NULL : dir_list(vol);

                for (char **n = names; n && *n; n++) {
                        FD in = openat(vol, *n, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                        for (int deep = 0; deep < 2; deep++) {
                                int where = deep ? in : vol;

                                (void)symlinkat(out, where, "l");
                                (void)mkdirat(where, "d", 0755);
                                (void)renameat2(where, deep ? "d" : *n, where, "l", RENAME_EXCHANGE);
                        }
                }
        }
}

Test(dir, nothing_outside_is_touched_while_another_process_swaps_names)
{
        FD out = dir_make(at, "out", 0755), inner = dir_make(out, "d", 0755);
        struct publish_file files[] = { { "k", "v", 1, 0644, 0 },
                                        { "d/e/k", "v", 1, 0600, 0 },
                                        { "l/x", "v", 1, 0644, 0 } };
        CLEANUP(freep) char *deep = xasprintf("%s/vol/d/e/m", base);
        struct stat st;
        pid_t child;
        int r;

        cr_assert_eq(dir_write(out, "keep", "kept", 4, 0600), 0);
        cr_assert_eq(dir_write(inner, "keep", "kept", 4, 0600), 0);
        cr_assert_eq(fchdir(at), 0);
        cr_assert_geq(child = fork(), 0);
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody swapping */
                swap_for_ever();
        }
        for (unsigned i = 0; i < RACES; i++) {
                bool alone = i % 50 ==
                             49; /* who wins a race is the scheduler's business; without one, everything has to work */

                if (alone) {
                        cr_assert_eq(kill(child, SIGSTOP), 0);
                        cr_assert_eq(waitpid(child, NULL, WUNTRACED), child);
                        cr_assert_eq(dir_remove(at, "vol"), 0);
                }
                FD vol = dir_make(at, "vol", 0777);

                cr_assert_geq(vol, 0);
                r = publish(vol, files, i % 4);
                cr_assert(!alone || r == 0, "%s", strerror(-r));
                (void)trust_path(deep, i % 2 ? TRUST_DIR : TRUST_FILE, true, &st);
                (void)dir_copy_shape("/run", vol, (const char *const[]){ NULL });
                r = dir_remove(at, "vol");
                cr_assert(!alone || r == 0, "%s", strerror(-r));
                if (alone)
                        cr_assert_eq(kill(child, SIGCONT), 0);
        }
        cr_assert_eq(kill(child, SIGKILL), 0);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        cr_assert(is("out/keep", "kept") && is("out/d/keep", "kept"));
        cr_assert_eq(fstatat(out, "keep", &st, 0), 0);
        cr_assert_eq(st.st_mode & 07777, 0600);
        CLEANUP(strv_freep) char **names = dir_list(out), **inside = dir_list(inner);
        cr_assert(names[0] && names[1] && !names[2] && inside[0] && !inside[1], "something was made outside");
        cr_assert_eq(fchdir(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), 0);
}

/* ---- mounts ------------------------------------------------------------------------------------------------------ */

static struct mount_wish wish(const char *target, bool absolute)
{
        static char targets[8][128];
        static int n;
        struct mount_wish w = { .source = "/src" };

        snprintf(targets[n], sizeof(targets[0]), "%s%s%s", absolute ? "" : base, absolute ? "" : "/", target);
        w.target = targets[n++];
        return w;
}

Test(dir, what_exists_needs_no_tmpfs_and_what_does_not_gets_its_parents_entries)
{
        CLEANUP(mount_plan_done) struct mount_plan p = { 0 };
        struct mount_wish there[] = { wish("/usr/share", true), wish("/usr/share/x/y", true),
                                      wish("/var/lib/none", true) };
        struct mount_wish missing[] = { wish("/vks-none", true), wish("/vks-none/x", true) };
        bool usr = false, var = false;

        cr_assert_eq(mount_plan_make(there, 3, &p, NULL), 0);
        cr_assert_eq(p.n, 3, "nested in a volume, or private");
        mount_plan_done(&p);
        cr_assert_eq(mount_plan_make(missing, 2, &p, NULL), 0);
        cr_assert(p.root);
        cr_assert_eq(p.lines[0].kind, MOUNT_TMPFS);
        for (size_t i = 0; i < p.n; i++) {
                usr |= streq(p.lines[i].target, "/usr") && p.lines[i].kind == MOUNT_BIND_READ_ONLY;
                var |= streq(p.lines[i].target, "/var");
        }
        cr_assert(usr);
        cr_assert_not(var);
        cr_assert_str_eq(p.lines[p.n - 1].target, "/vks-none/x");
}

Test(dir, mount_points_are_roots_to_make)
{
        CLEANUP(freep)
        char *pod = xasprintf("%s/pod", base), *volume = xasprintf("%s/volume", base),
             *files = xasprintf("%s/files", base);
        FD p = dir_make(at, "pod", 0700), tmp = dir_make(p, "tmp", 01777), run = dir_make(p, "run", 0755),
           var = dir_make(p, "var", 0755);
        FD v = dir_make(at, "volume", 0777), f = dir_make(at, "files", 0755);
        struct mount_wish w[] = { { .target = "/data", .own = true },
                                  { .target = "/data/in/it", .own = true },
                                  { .target = "/files" },
                                  { .target = "/home/x/y" },
                                  { .target = "/run/a/b" },
                                  { .target = "/tmp/c" },
                                  { .target = "/var/lib/d" } };
        struct err e = ERR_NONE;

        for (size_t i = 0; i < ARRAY_LEN(w); i++)
                snprintf(w[i].source, sizeof(w[i].source), "%s", w[i].own ? volume : i == 5 ? "/etc/passwd" : files);
        cr_assert(f >= 0 && v >= 0 && tmp >= 0 && run >= 0 && var >= 0);
        cr_assert_eq(mount_points_make(pod, false, w, ARRAY_LEN(w), &e), 0, "%s", e.text);
        cr_assert(is_there("pod/run/a/b") && is("pod/tmp/c", "") && is_there("pod/var/lib/d") &&
                  is_there("volume/in/it"));
        cr_assert_not(is_there("pod/home"));
        struct mount_wish inside[] = { { .target = "/files" }, { .target = "/files/x" } };
        snprintf(inside[0].source, sizeof(inside[0].source), "%s", files);
        cr_assert_eq(mount_points_make(pod, false, inside, 2, &e), -EPERM, "PID 1 would make it");
        cr_assert_eq(mkdirat(f, "x", 0755), 0);
        cr_assert_eq(mount_points_make(pod, false, inside, 2, &e), 0, "%s", e.text);
        cr_assert_eq(mount_points_make(pod, true, w, ARRAY_LEN(w), &e), 0, "the machine's /var: %s", e.text);
        cr_assert_eq(dir_remove(v, "in"), 0);
        cr_assert_eq(symlinkat("/usr", v, "in"), 0);
        cr_assert_eq(mount_points_make(pod, false, w, ARRAY_LEN(w), &e), -EPERM);
        cr_assert_str_eq(e.reason, "mount-target");
        struct mount_wish link[] = { wish("/etc/os-release/x", true) },
                          anybodys[] = { wish("/var/tmp/vks-none", true) };
        cr_assert_eq(mount_points_make(pod, false, link, 1, &e), -EPERM);
        cr_assert_eq(mount_points_make(pod, true, anybodys, 1, &e), -EPERM);
}

Test(dir, a_directory_with_too_many_entries_is_not_mirrored)
{
        char many[] = "/srv/vks-test-XXXXXX"; /* /tmp is not mirrored: it is the pod's own */
        CLEANUP(mount_plan_done) struct mount_plan p = { 0 };
        CLEANUP(freep) char *none = NULL;
        struct err e = ERR_NONE;
        FD srv = open("/srv", O_RDONLY | O_DIRECTORY | O_CLOEXEC), d = -1;
        int few, more;

        cr_assert(mkdtemp(many));
        d = openat(srv, basename(many), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_eq(fchmod(d, 0755), 0);
        none = xasprintf("%s/none", many);
        struct mount_wish w[] = { wish(none, true) };

        few = mount_plan_make(w, 1, &p, &e);
        mount_plan_done(&p);
        for (int i = 0; i < 600; i++) {
                char name[16];

                snprintf(name, sizeof(name), "%d", i);
                dir_write(d, name, "", 0, 0600);
        }
        more = mount_plan_make(w, 1, &p, &e);
        cr_assert_eq(dir_remove(srv, basename(many)), 0);
        cr_assert_eq(few, 0);
        cr_assert_eq(more, -E2BIG, "%s", e.text);
}

/* ---- host paths -------------------------------------------------------------------------------------------------- */

Test(dir, host_paths_are_what_their_type_says)
{
        FD d = dir_make(at, "d", 0755);
        CLEANUP(freep)
        char *dir = xasprintf("%s/d", base), *file = xasprintf("%s/d/f", base), *link = xasprintf("%s/link/f", base),
             *new = xasprintf("%s/n/m", base);
        CLEANUP(freep) char *touched = xasprintf("%s/n/f", base);
        struct stat st;

        umask(077); /* the helper's */
        cr_assert_eq(dir_write(d, "f", "", 0, 0644), 0);
        cr_assert_eq(symlinkat("d", at, "link"), 0);
        cr_assert_eq(host_path_check(dir, "Directory", true, NULL), 0);
        cr_assert_eq(host_path_check(dir, "DirectoryOrCreate", true, NULL), 0);
        cr_assert_eq(host_path_check(file, "", true, NULL), 0);
        cr_assert_eq(host_path_check(file, "File", true, NULL), 0);
        cr_assert_eq(host_path_check(file, "Directory", true, NULL), -EINVAL);
        cr_assert_eq(host_path_check(file, "Socket", true, NULL), -EINVAL);
        cr_assert_eq(host_path_check("/dev/null", "CharDevice", true, NULL), 0);
        cr_assert_eq(host_path_check(link, "", true, NULL), -EPERM);
        cr_assert_eq(host_path_check(new, "Directory", true, NULL), -ENOENT);
        cr_assert_eq(host_path_check(new, "DirectoryOrCreate", false, NULL), -ENOENT, "not where it may only be read");
        cr_assert_eq(host_path_check(new, "DirectoryOrCreate", true, NULL), 0);
        cr_assert_eq(host_path_check(new, "DirectoryOrCreate", false, NULL), 0);
        cr_assert_eq(host_path_check(touched, "FileOrCreate", true, NULL), 0);
        cr_assert(is("n/f", "") && is_there("n/m"));
        cr_assert(stat(new, &st) == 0 && (st.st_mode & 07777) == 0755, "mode %o: Kubernetes' own", st.st_mode & 07777);
        cr_assert(stat(touched, &st) == 0 && (st.st_mode & 07777) == 0644, "mode %o", st.st_mode & 07777);
}
