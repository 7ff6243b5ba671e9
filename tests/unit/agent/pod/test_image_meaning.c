/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/image_meaning.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"

static const char TABLE[] = "[nginx]\npackage = nginx\npaths = /usr/share/nginx/html:/var/www/html /etc/n/d:/etc/n/e\n"
                            "ignored = NGINX_* /docker-entrypoint.d\n"
                            "[redis]\npackage = redis-server\nversion = tag\n"
                            "[postgres]\npackage = postgresql\nignored = POSTGRES_* /var/lib/postgresql\n"
                            "[memcached]\npackage = memcached\noptions = /usr/bin/memcached -l ::1\n"
                            "[busybox]\npackage = busybox\nargs = /bin/busybox sh\n"
                            "[git]\npackage = git\ncommand = /usr/bin/git --no-pager\nargs = --help\n"
                            "[cmd]\npackage = cmd\ncommand = one\n"
                            "[tool]\nprogram = /usr/bin/tool\n[pin]\npackage = pin\nversion = 1:2.3-4\n"
                            "[told]\nprogram = /bin/sh\nargs = sh -c y\n";

static struct image_table *table(const char *text)
{
        struct image_table *t = NULL;
        struct err e = ERR_NONE;

        cr_assert_eq(image_table_parse("f", text, strlen(text), &t, &e), 0, "%s", e.text);
        return t;
}

/* `containers`: what is in the list of containers, with ' for " */
static struct pod *pod_as_it_is(const char *containers)
{
        CLEANUP(freep)
        char *text = xasprintf("{'metadata':{'namespace':'default','name':'web','uid':"
                               "'0f6c2a9e-1234-4abc-8def-0123456789ab','annotations':{'vks.systemd.io/unit':"
                               "'x.service'}},'spec':{'containers':[%s],"
                               "'volumes':[{'name':'v','emptyDir':{}},{'name':'w','emptyDir':{}}]}}",
                               containers);
        struct pod *p = NULL;
        struct err e = ERR_NONE;
        cJSON *o;

        for (char *s = text; *s; s++)
                *s = *s == '\'' ? '"' : *s;
        o = cJSON_Parse(text);
        cr_assert_not_null(o, "%s", text);
        cr_assert_eq(pod_parse(o, &p, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        return p;
}

static struct pod *pod(const char *containers)
{
        CLEANUP(image_table_freep) struct image_table *t = table(TABLE);
        struct pod *p = pod_as_it_is(containers);

        image_meaning_apply(t, p);
        return p;
}

static void add(struct buf *b, char *const *words)
{
        for (; words && *words; words++)
                buf_printf(b, "%s|", *words);
}

/* The first reason counts, and who is not refused has none. */
Test(image_meaning, a_program_whose_unit_had_too_long_a_name_is_refused)
{
        CLEANUP(freep) char *x = xcalloc(251, 1), *text = NULL;
        CLEANUP(image_table_freep) struct image_table *t = NULL;
        CLEANUP(pod_freep)
        struct pod *fine = pod("{'name':'a','image':'redis'}"),
                   *p = pod_as_it_is("{'name':'a','image':'nginx'},{'name':'b','image':'long'}"),
                   *refused = pod_as_it_is("{'name':'a','image':'nginx'},{'name':'b','image':'long'}");

        memset(x, 'x', 250);
        text = xasprintf("[nginx]\npackage = nginx\n[long]\nprogram = /%s\n", x);
        t = table(text);
        cr_expect(fine->refused.code == 0 && fine->containers[0].refused.code == 0);
        cr_assert_eq(p->containers[1].refused.code, 0, "%s", kept_text(&p->containers[1].refused));
        image_meaning_apply(t, p);
        cr_expect_neq(p->containers[1].refused.code, 0);
        cr_expect(p->refused.code == 0 && p->containers[0].refused.code == 0, "it is the matter of one");
        err_keep_set(&refused->containers[1].refused, -EINVAL, "InvalidImageName", "before");
        image_meaning_apply(t, refused);
        cr_expect_str_eq(kept_text(&refused->containers[1].refused), "before");
}

/* Rows: image, what the pod says, and "command / args" that follow. */
Test(image_meaning, the_command_line_is_what_it_would_be_of_the_image)
{
        static const struct {
                const char *image, *says, *runs;
        } rows[] = {
                { "redis:7", "", " / " }, /* the package's daemon */
                { "redis:7", ",'args':['--port','7']", " / --port|7|" },
                { "redis:7", ",'args':['redis-server','--port','7']", "redis-server| / --port|7|" },
                { "redis:7", ",'args':['sh']", "sh| / " },
                { "redis:7", ",'args':[]", " / " },
                { "redis:7", ",'command':[],'args':['-x']", " / -x|" },
                { "redis:7", ",'command':['redis-server']", "redis-server| / " },
                { "redis:7", ",'command':['sh','-c','x']", "sh| / -c|x|" },
                { "redis:7", ",'command':['sh','-c'],'args':['x','y']", "sh| / -c|x|y|" },
                { "memcached", "", " / " },
                { "memcached", ",'args':['-m','64']", "/usr/bin/memcached| / -l|::1|-m|64|" },
                { "memcached", ",'args':['memcached','-m','64']", "memcached| / -m|64|" },
                { "busybox", "", "/bin/busybox| / sh|" },
                { "busybox", ",'args':['/bin/sh','-c','x']", "/bin/sh| / -c|x|" },
                { "busybox", ",'args':['-c','x']", "/bin/busybox| / -c|x|" },
                { "busybox", ",'args':['']", "| / " },
                { "busybox", ",'command':['sleep','1']", "sleep| / 1|" },
                { "git", "", "/usr/bin/git| / --no-pager|--help|" },
                { "git", ",'args':['clone','u']", "/usr/bin/git| / --no-pager|clone|u|" },
                { "git", ",'command':['sh']", "sh| / " },
                { "cmd", "", "one| / " },
                { "cmd", ",'args':['two']", "one| / two|" },
                { "tool", "", "/usr/bin/tool| / " },
                { "tool", ",'args':['x']", "/usr/bin/tool| / x|" },
                { "tool", ",'command':['sh']", "sh| / " },
                { "told", "", "sh| / -c|y|" },
                { "told", ",'args':['x']", "x| / " },
                { "nothing", ",'command':['a','b']", "a|b| / " }, /* no row: nothing changes */
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *c = xasprintf("{'name':'c','image':'%s'%s}", rows[i].image, rows[i].says);
                CLEANUP(pod_freep) struct pod *p = pod(c);
                CLEANUP(buf_done) struct buf b = BUF(1000);

                add(&b, p->containers[0].command);
                buf_str(&b, " / ");
                add(&b, p->containers[0].args);
                cr_expect_str_eq(b.data, rows[i].runs, "%s %s: %s", rows[i].image, rows[i].says, b.data);
        }
}

Test(image_meaning, the_container_is_the_package_and_its_unit_has_its_name)
{
        CLEANUP(pod_freep)
        struct pod *p = pod("{'name':'a','image':'docker.io/library/redis:7.2'},{'name':'b','image':'redis-server'},"
                            "{'name':'c','image':'quay.io/x/y'},{'name':'d','image':'tool:3'},"
                            "{'name':'e','image':'pin:latest'},{'name':'f','image':'nginx:1.22.1-9'}");

        cr_expect_eq(p->containers[0].parsed.kind, IMAGE_PACKAGE);
        cr_expect_str_eq(p->containers[0].parsed.name, "redis-server");
        cr_expect_str_eq(p->containers[0].parsed.version, "");
        cr_expect_str_eq(p->containers[0].image, "docker.io/library/redis:7.2");
        cr_expect_eq(p->containers[0].meaning->line, 5U);
        cr_expect_str_eq(p->containers[0].unit, "vks.default.web.redis-server.a.service"); /* b has the same image */
        cr_expect_str_eq(p->containers[1].unit, "vks.default.web.redis-server.b.service");
        cr_expect_null(p->containers[1].meaning);
        cr_expect_eq(p->containers[2].parsed.kind, IMAGE_FOREIGN);
        cr_expect_str_eq(p->containers[2].unit, "");
        cr_expect_eq(p->containers[3].parsed.kind, IMAGE_PATH);
        cr_expect_null(p->containers[3].given_unit);
        cr_expect_str_eq(p->containers[3].unit, "vks.default.web.usr\\x2fbin\\x2ftool.service");
        cr_expect_str_eq(p->containers[4].parsed.version, "1:2.3-4");
        cr_expect_not_null(p->containers[4].given_unit);
        cr_expect_null(p->containers[5].meaning);
        cr_expect_str_eq(p->containers[5].parsed.version, "1.22.1-9");
}

Test(image_meaning, what_is_for_the_images_path_is_mounted_at_the_packages)
{
        static const struct {
                const char *image, *path, *says, *mounted;
        } rows[] = {
                { "nginx", "/usr/share/nginx/html", "", "/var/www/html" },
                { "nginx:1", "/usr/share/nginx/html/", "", "/var/www/html" },
                { "nginx", "/usr/share/nginx/html/a/b", "", "/var/www/html/a/b" },
                { "nginx", "/usr/share/nginx/html5", "", "/usr/share/nginx/html5" },
                { "nginx", "/usr/share/nginx", "", "/usr/share/nginx" },
                { "nginx", "/etc/n/d/x.conf", ",'args':['-q']", "/etc/n/e/x.conf" },
                { "nginx", "/usr/share/nginx/html", ",'command':['nginx','-g','daemon off;']", "/var/www/html" },
                { "nginx", "/usr/share/nginx/html", ",'command':['sh','-c','ls /usr/share/nginx/html/x']",
                  "/usr/share/nginx/html" },
                { "nginx", "/usr/share/nginx/html", ",'args':['ls','/usr/share/nginx/html']", "/usr/share/nginx/html" },
                { "redis", "/usr/share/nginx/html", "", "/usr/share/nginx/html" },
                { "nginx:1.22.1-9", "/usr/share/nginx/html", "", "/usr/share/nginx/html" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *c = xasprintf("{'name':'c','image':'%s','volumeMounts':[{'name':'v','mountPath':'%s'}]%s}",
                                    rows[i].image, rows[i].path, rows[i].says);
                CLEANUP(pod_freep) struct pod *p = pod(c);

                cr_expect_str_eq(p->containers[0].mounts[0].path, rows[i].mounted, "%s %s: %s", rows[i].path,
                                 rows[i].says, p->containers[0].mounts[0].path);
        }
}

static uint64_t mark(const char *text, const char *container)
{
        CLEANUP(image_table_freep) struct image_table *t = table(text);
        CLEANUP(pod_freep) struct pod *p = pod_as_it_is(container);

        image_meaning_apply(t, p);
        return p->containers[0].mark;
}

/* A unit with another mark is made anew: only where it would be another program's, or has other mounts. */
Test(image_meaning, a_unit_is_another_ones_where_the_package_or_the_mounts_are_others)
{
        static const char redis[] = "{'name':'c','image':'redis:7','volumeMounts':[{'name':'v','mountPath':'/data'}]}",
                          same[] = "{'name':'c','image':'redis','volumeMounts':[{'name':'v','mountPath':'/data'}]}";
        const uint64_t none = mark("", redis), one = mark("[redis]\npackage = redis-server", redis);

        cr_expect_eq(one, mark("[other]\npackage = app\n[redis:7]\npackage = redis-server\nargs = x", redis));
        cr_expect_eq(one, mark("[redis]\npackage = redis-server\npaths = /other:/d", redis));
        cr_expect_neq(one, none);
        cr_expect_neq(one, mark("[redis]\npackage = valkey-server", redis));
        cr_expect_neq(one, mark("[redis]\nprogram = /usr/bin/redis-server", redis));
        cr_expect_neq(one, mark("[redis]\npackage = redis-server\npaths = /data:/d", redis));
        cr_expect_eq(mark("", same), mark("[redis]\npackage = redis\nignored = X", same));
}

/* The daemon's own command line begins where its unit says. */
Test(image_meaning, a_command_line_that_is_not_the_daemons_begins_in_the_images_directory)
{
        static const struct {
                const char *says, *dir;
        } rows[] = {
                { "", NULL },
                { ",'args':['-x']", "/var/lib/app" },
                { ",'args':['app']", "/var/lib/app" },
                { ",'command':['sh']", "/var/lib/app" },
                { ",'command':['sh'],'workingDir':'/tmp'", "/tmp" },
                { ",'workingDir':'/tmp'", "/tmp" },
        };
        CLEANUP(image_table_freep)
        struct image_table *t = table("[app]\npackage = app\noptions = app\nworkdir = /var/lib/app");

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep) char *c = xasprintf("{'name':'c','image':'app:1'%s}", rows[i].says);
                CLEANUP(pod_freep) struct pod *p = pod_as_it_is(c);

                image_meaning_apply(t, p);
                cr_expect(rows[i].dir ? streq(p->containers[0].working_dir, rows[i].dir)
                                      : !p->containers[0].working_dir,
                          "%s: %s", rows[i].says, p->containers[0].working_dir);
        }
}

Test(image_meaning, what_only_the_image_knows_is_named)
{
        static const char container[] = "{'name':'c','image':'%s','env':[{'name':'POSTGRES_DB','value':'x'},"
                                        "{'name':'TZ','value':'y'},{'name':'POSTGRES_USER','value':'z'}],"
                                        "'volumeMounts':[{'name':'v','mountPath':'/var/lib/postgresql/data'},"
                                        "{'name':'w','mountPath':'/x'}]%s}";
        CLEANUP(freep)
        char *plain = xasprintf(container, "postgres:16", ""), *other = xasprintf(container, "redis", ""),
             *own = xasprintf(container, "postgres", ",'command':['psql']");
        CLEANUP(pod_freep) struct pod *p = pod(plain), *q = pod(other), *r = pod(own);

        cr_expect_str_eq(p->containers[0].meaning->differs,
                         "variable POSTGRES_DB, POSTGRES_USER, volume at /var/lib/postgresql/data");
        cr_expect_null(q->containers[0].meaning->differs);
        cr_expect_null(r->containers[0].meaning->differs); /* the image's script would not have run either */
}

Test(image_meaning, the_rule_decides_about_what_is_installed)
{
        CLEANUP(pod_freep)
        struct pod *p = pod("{'name':'a','image':'redis:7.2-alpine'},{'name':'b','image':'uptimed'}");
        struct err e = ERR_NONE;

        cr_expect_eq(image_meaning_allows(&p->containers[0], "5:7.2.4-1", &e), 0);
        cr_expect_eq(image_meaning_allows(&p->containers[0], "5:7.0.15-1", &e), -ENOENT);
        cr_expect_str_eq(e.reason, "ErrImagePull");
        cr_expect(strstr(e.text, "line 5 of /etc/vks/images.conf") && strstr(e.text, "is 5:7.0.15-1"), "%s", e.text);
        cr_expect_eq(image_meaning_allows(&p->containers[1], "1", &e), 0);
}

/* The table has changed, and the container has a unit: it stays what it was. */
Test(image_meaning, a_meaning_can_be_kept)
{
        static const char container[] = "{'name':'c','image':'%s','args':['x','y'],"
                                        "'volumeMounts':[{'name':'v','mountPath':'/data'}]}";
        CLEANUP(freep)
        char *redis = xasprintf(container, "redis:7"), *url = xasprintf(container, "deb://host/app_1_all.deb");
        CLEANUP(image_table_freep)
        struct image_table *t = table("[redis]\npackage = redis-server\npaths = /data:/d"), *none = table("");
        CLEANUP(pod_freep) struct pod *was = pod_as_it_is(redis), *now = pod_as_it_is(redis), *file = pod_as_it_is(url);
        uint64_t mark;

        image_meaning_apply(t, was);
        image_meaning_apply(none, now);
        mark = was->containers[0].mark;
        cr_assert_neq(now->containers[0].mark, mark);
        image_meaning_keep(&now->containers[0], &was->containers[0]);
        pod_freep(&was);
        cr_expect_str_eq(now->containers[0].parsed.name, "redis-server");
        cr_expect_eq(now->containers[0].mark, mark);
        cr_expect_str_eq(now->containers[0].command[0], "x");
        cr_expect_str_eq(now->containers[0].args[0], "y");
        cr_expect_str_eq(now->containers[0].mounts[0].path, "/d");
        cr_expect_not_null(now->containers[0].meaning);

        was = pod_as_it_is(url);
        image_meaning_keep(&file->containers[0], &was->containers[0]);
        pod_freep(&was);
        cr_expect_eq(file->containers[0].parsed.url, file->containers[0].image);
        cr_expect_null(file->containers[0].meaning);
}
