/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lib/file_watch.h"
#include "common/mem.h"

static char dir[] = "/tmp/test_file_watch.XXXXXX";
static sd_event *event;
static unsigned changes;

static const char *in_dir(const char *name)
{
        static char paths[8][256];
        static unsigned i;
        char *p = paths[i++ % 8];

        snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
        return p;
}

static void put(const char *name, const char *text)
{
        FILE *f = fopen(in_dir(name), "w");

        cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void on_change(void *userdata)
{
        cr_assert_eq(userdata, &changes);
        changes++;
}

static void wait_for_change(void)
{
        for (unsigned before = changes; changes == before;)
                cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
}

static struct file_watch *watch(const char *path)
{
        const char *const paths[] = { NULL, path };
        struct file_watch *w = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(file_watch_new(event, paths, 2, on_change, &changes, &w, &e), 0, "%s", e.text);
        return w;
}

static void setup(void)
{
        cr_assert(mkdtemp(dir));
        sd_event_new(&event);
}

static void teardown(void)
{
        static const char *const files[] = { "a/f", "b/f", "a", "b", "data", "f", "new" };

        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                remove(in_dir(files[i]));
        cr_assert_eq(rmdir(dir), 0);
        sd_event_unref(event);
}

TestSuite(file_watch, .init = setup, .fini = teardown, .timeout = 600);

Test(file_watch, sees_a_file_written_in_place_replaced_removed_and_made)
{
        CLEANUP(file_watch_freep) struct file_watch *w = NULL;

        put("f", "one");
        w = watch(in_dir("f"));
        put("f", "three");
        wait_for_change();
        put("new", "three");
        rename(in_dir("new"), in_dir("f"));
        wait_for_change();
        unlink(in_dir("f"));
        wait_for_change();
        put("f", "four");
        wait_for_change();
}

Test(file_watch, sees_a_link_swung)
{
        CLEANUP(file_watch_freep) struct file_watch *w = NULL;

        mkdir(in_dir("a"), 0700);
        mkdir(in_dir("b"), 0700);
        put("a/f", "one");
        put("b/f", "two");
        symlink("a/f", in_dir("f"));
        w = watch(in_dir("f"));
        symlink("b/f", in_dir("new"));
        rename(in_dir("new"), in_dir("f"));
        wait_for_change();
        put("b/f", "three"); /* where it leads to now */
        wait_for_change();
}

Test(file_watch, sees_a_folder_of_links_swung)
{
        CLEANUP(file_watch_freep) struct file_watch *w = NULL;

        mkdir(in_dir("a"), 0700);
        mkdir(in_dir("b"), 0700);
        put("a/f", "one");
        put("b/f", "two");
        symlink("a", in_dir("data"));
        symlink("data/f", in_dir("f"));
        w = watch(in_dir("f"));
        symlink("b", in_dir("new"));
        rename(in_dir("new"), in_dir("data"));
        wait_for_change();
}

Test(file_watch, sees_a_file_in_a_folder_that_comes_later_and_again)
{
        CLEANUP(file_watch_freep) struct file_watch *w = watch(in_dir("a/f"));

        mkdir(in_dir("a"), 0700);
        put("a/f", "one");
        wait_for_change();
        unlink(in_dir("a/f"));
        rmdir(in_dir("a"));
        wait_for_change();
        mkdir(in_dir("a"), 0700);
        put("a/f", "two");
        wait_for_change();
}

Test(file_watch, keeps_quiet_about_other_files)
{
        CLEANUP(file_watch_freep) struct file_watch *w = NULL;

        put("f", "one");
        w = watch(in_dir("f"));
        put("new", "x");
        while (sd_event_run(event, 500 * 1000) > 0)
                ;
        cr_assert_eq(changes, 0);
        put("f", "three");
        wait_for_change();
}

Test(file_watch, a_folder_as_a_whole_may_come_later_and_go)
{
        CLEANUP(file_watch_freep) struct file_watch *w = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(folder_watch_new(event, in_dir("a"), on_change, &changes, &w, &e), 0, "%s", e.text);
        mkdir(in_dir("a"), 0700);
        wait_for_change();
        put("a/f", "one");
        wait_for_change();
        put("a/f", "two");
        wait_for_change();
        chmod(in_dir("a/f"), 0600);
        wait_for_change();
        unlink(in_dir("a/f"));
        wait_for_change();
        rmdir(in_dir("a"));
        wait_for_change();
        mkdir(in_dir("a"), 0700);
        wait_for_change();
        put("a/f", "one");
        wait_for_change();
}
