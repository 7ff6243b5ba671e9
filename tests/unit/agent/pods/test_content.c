/* SPDX-License-Identifier: Apache-2.0 */
/* Environments and command lines as messages to the helper, made of objects that an API server has. */
#include "agent/pods/content.h"

#include <errno.h>

#include "common/buf.h"
#include "tests/unit/api_server.h"

/* What the API server has; NULL: it has no such object. */
struct had {
        const char *secret, *config_map;
};

struct run {
        struct had had;
        struct server server;
        struct api *api;
        struct objects *objects;
        struct pod *pod;
        struct content *content;
        unsigned changes;
};

#define OBJECTS(name)                                                                                                  \
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"metadata\":{\"name\":\"" name                         \
        "\",\"namespace\":\"default\",\"resourceVersion\":\"3\"},\"data\":{%s}}]}"
#define NONE "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[]}"

static void answer(struct server *s, int fd, const char *request)
{
        const struct run *t = s->userdata;
        bool secret = request_is(request, "GET /api/v1/namespaces/default/secrets");
        const char *data = secret ? t->had.secret : t->had.config_map;
        CLEANUP(freep) char *secrets = xasprintf(OBJECTS("s"), data ? data : "");
        CLEANUP(freep) char *config_maps = xasprintf(OBJECTS("c"), data ? data : "");

        if (strstr(request, "watch=")) {
                server_stream(fd);
                server_write(fd, "%s", "");
        } else {
                server_answer(fd, 200, !data ? NONE : secret ? secrets : config_maps);
        }
}

static void on_changed(void *userdata, UNUSED enum object_kind kind, UNUSED const char *namespace,
                       UNUSED const char *name)
{
        struct run *t = userdata;

        if (++t->changes == 2)
                sd_event_exit(t->server.event, 0);
}

/* A pod with one container; both objects have been answered for. */
static void begin_even_if_refused(struct run *t, const char *container, struct had had)
{
        CLEANUP(freep)
        char *json = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                               "\"0f6c2a9e-1234-4abc-8def-0123456789ab\",\"labels\":{\"l\":\"x\"}},"
                               "\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"/bin/sh\",%s}]}}",
                               container);
        cJSON *o = cJSON_Parse(json);
        struct err e = ERR_NONE;

        *t = (struct run){ .had = had };
        cr_assert_not_null(o, "bad test JSON: %s", json);
        cr_assert_eq(pod_parse(o, &t->pod, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        t->api = api_start(&t->server, answer, t, NULL);
        t->objects = objects_new(t->server.event, t->api, on_changed, t);
        t->content = content_new(t->pod, t->objects, NULL, NULL, NULL);
        cr_assert_eq(content_values(t->content, t->pod, 0, &(struct pod_node){ 0 }, &(uint64_t){ 0 }, &e), -EAGAIN);
        cr_assert_str_eq(e.reason, "", "it is only a matter of time: %s", e.text);
        sd_event_loop(t->server.event);
}

static void begin(struct run *t, const char *container, struct had had)
{
        begin_even_if_refused(t, container, had);
        cr_assert_eq(t->pod->refused.code, 0, "%s", kept_text(&t->pod->refused));
        cr_assert_eq(t->pod->containers[0].refused.code, 0, "%s", kept_text(&t->pod->containers[0].refused));
}

static void end(struct run *t)
{
        content_free(t->content);
        objects_free(t->objects);
        api_free(t->api);
        server_stop(&t->server);
        pod_free(t->pod);
}

/* The message; *ret_hash is the same from both functions. */
static Vks__Write *written(struct run *t, uint64_t *ret_hash)
{
        struct content_image image = { .package = "", .unit = "" };
        struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        struct err e = ERR_NONE;
        Vks__Write *w = NULL;

        cr_assert_eq(content_write(t->content, t->pod, &image, &node, &w, &e), 0, "%s", e.text);
        cr_assert_eq(content_values(t->content, t->pod, 0, &node, ret_hash, &e), 0, "%s", e.text);
        cr_assert_eq(image.values, *ret_hash);
        return w;
}

#define SOURCES                                                                                                        \
        "\"envFrom\":[{\"configMapRef\":{\"name\":\"c\"}}],\"env\":["                                                  \
        "{\"name\":\"PW\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"pw\"}}},"                          \
        "{\"name\":\"URL\",\"value\":\"http://u:$(PW)@h\"},{\"name\":\"PLAIN\",\"value\":\"<$(LEVEL)>\"}]"
#define HUSH "\"pw\":\"aHVzaA==\"" /* hush */

Test(content, words_with_a_secrets_value_are_hidden_and_no_others)
{
        struct run t;
        uint64_t hash;
        Vks__Write *w;
        const Vks__Container *c;

        begin(&t,
              SOURCES ",\"command\":[\"/bin/sh\",\"-c\",\"$(PW)\"],\"args\":[\"$(PLAIN)\",\"-u=$(URL)\",\"$$(PW)\","
                      "\"$(NONE)\"]",
              (struct had){ HUSH, "\"LEVEL\":\"info\",\"new.key\":\"1\"" });
        w = written(&t, &hash);
        c = w->containers[0];
        cr_assert_eq(c->n_command, 3);
        cr_expect_str_eq(c->command[2], "$(PW)");
        cr_assert_eq(c->n_args, 4);
        cr_expect_str_eq(c->args[0], "<info>");
        cr_expect_str_eq(c->args[1], "-u=$(URL)", "what the pod has is shown");
        cr_expect_str_eq(c->args[2], "$(PW)");
        cr_expect_str_eq(c->args[3], "$(NONE)");
        cr_assert_eq(c->n_hidden, 2);
        cr_expect_eq(c->hidden[0]->index, 2);
        cr_expect_str_eq(c->hidden[0]->value, "hush");
        cr_expect_eq(c->hidden[1]->index, 4);
        cr_expect_str_eq(c->hidden[1]->value, "-u=http://u:hush@h");
        content_write_free(w);
        end(&t);
}

/* The package's program has the first place, which the pod says nothing about. */
Test(content, args_alone_are_counted_from_one)
{
        struct run t;
        uint64_t hash;
        Vks__Write *w;

        begin(&t, SOURCES ",\"args\":[\"--requirepass\",\"$(PW)\"]", (struct had){ HUSH, "" });
        w = written(&t, &hash);
        cr_assert_eq(w->containers[0]->n_hidden, 1);
        cr_expect_eq(w->containers[0]->hidden[0]->index, 2);
        content_write_free(w);
        end(&t);
}

Test(content, a_hash_tells_whether_a_container_would_start_with_other_values)
{
        static const struct had hads[] = {
                { HUSH, "\"LEVEL\":\"info\"" },
                { "\"pw\":\"aHVzaQ==\"", "\"LEVEL\":\"info\"" },
                { HUSH, "\"LEVEL\":\"debug\"" },
                { HUSH, "\"LEVEL\":\"info\",\"KEY\":\"\"" },
                { HUSH, "" },
        };
        uint64_t hashes[ARRAY_LEN(hads)];

        for (size_t i = 0; i < ARRAY_LEN(hads); i++) {
                struct run t;
                uint64_t again;

                begin(&t, SOURCES ",\"args\":[\"$(LEVEL)\",\"$(PW)\"]", hads[i]);
                content_write_free(written(&t, &hashes[i]));
                content_write_free(written(&t, &again));
                cr_expect_eq(again, hashes[i]);
                end(&t);
                for (size_t k = 0; k < i; k++)
                        cr_expect_neq(hashes[i], hashes[k], "%zu and %zu", i, k);
        }
}

Test(content, what_is_missing_is_named)
{
        static const struct {
                struct had had;
                const char *text;
        } cases[] = {
                { { NULL, "" }, "containers{main}.env{PW}: secret \"s\" not found" },
                { { HUSH, NULL }, "containers{main}.env{}: configmap \"c\" not found" },
                { { "\"other\":\"\"", "" }, "containers{main}.env{PW}: couldn't find key pw in Secret default/s" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct run t;
                struct err e = ERR_NONE;
                uint64_t hash = 7;

                begin(&t, SOURCES, cases[i].had);
                cr_expect_eq(content_values(t.content, t.pod, 0, &(struct pod_node){ 0 }, &hash, &e), -EAGAIN);
                cr_expect_str_eq(e.reason, "CreateContainerConfigError");
                cr_expect_str_eq(e.text, cases[i].text);
                cr_expect_eq(hash, 7);
                end(&t);
        }
}

Test(content, only_what_may_change_is_looked_at_again)
{
        static const struct {
                const char *env;
                bool may_change;
        } cases[] = {
                { "\"env\":[{\"name\":\"A\",\"value\":\"$(B)\"}]", false },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.nodeName\"}}}]", false },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}]", false },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels['l']\"}}}]",
                  true },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.annotations['l']\"}}}"
                  "]",
                  true },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.cpu\"}}}]",
                  true },
                { "\"envFrom\":[{\"secretRef\":{\"name\":\"s\"}}]", true },
                { "\"env\":[{\"name\":\"A\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"c\",\"key\":\"k\"}}}]",
                  true },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(freep)
                char *json = xasprintf("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                                       "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},"
                                       "\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"/bin/sh\",%s}]}}",
                                       cases[i].env);
                cJSON *o = cJSON_Parse(json);
                CLEANUP(pod_freep) struct pod *p = NULL;

                cr_assert_eq(pod_parse(o, &p, NULL), 0);
                cJSON_Delete(o);
                cr_expect_eq(content_may_change(NULL, &p->containers[0]), cases[i].may_change, "%s", cases[i].env);
        }
}

/* A pod that cannot run here is resolved all the same, as long as it is wanted: it is said what is missing. */
Test(content, what_a_pod_is_refused_for_is_an_empty_value)
{
        static const char *const wrong[] = {
                "\"env\":[{\"name\":\"M\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.gpu\"}}},",
                "\"env\":[{\"name\":\"M\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"none\","
                "\"resource\":\"limits.cpu\"}}},",
                "\"env\":[{\"name\":\"M\",\"valueFrom\":{\"fileKeyRef\":{\"key\":\"k\"}}},",
                "\"env\":[{\"name\":\"a=b\",\"value\":\"x\"},",
                "\"env\":[{\"name\":\"M\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"no.such\"}}},",
                "\"envFrom\":[{\"prefix\":\"M\"}],\"env\":[",
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                CLEANUP(freep)
                char *container = xasprintf("%s{\"name\":\"PW\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\","
                                            "\"key\":\"pw\"}}},{\"name\":\"L\",\"valueFrom\":{\"configMapKeyRef\":"
                                            "{\"name\":\"c\",\"key\":\"LEVEL\",\"optional\":true}}}]",
                                            wrong[i]);
                struct run t;
                uint64_t hash;
                begin_even_if_refused(&t, container, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
                cr_expect_neq(t.pod->containers[0].refused.code, 0, "%s", wrong[i]);
                content_write_free(written(&t, &hash));
                end(&t);
        }
}

/* The names are a kubelet's (pkg/kubelet/envvars), the values the API server's as the node reaches it. */
Test(content, every_pod_has_the_variables_of_the_api_server)
{
        static const struct {
                const char *host, *url;
        } cases[] = { { "192.0.2.1", "tcp://192.0.2.1:6443" }, { "fd00::1", "tcp://[fd00::1]:6443" } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct content_image image = { .package = "", .unit = "" };
                struct pod_node node = {
                        .name = "n1", .ip = "10.0.0.1", .api_host = cases[i].host, .api_port = "6443"
                };
                CLEANUP(buf_done) struct buf got = BUF(4096);
                CLEANUP(freep) char *want = NULL;
                struct run t;
                Vks__Write *w;

                begin(&t, SOURCES ",\"args\":[\"$(KUBERNETES_PORT)\"]", (struct had){ HUSH, "" });
                cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, NULL), 0);
                for (size_t k = 0; k < w->containers[0]->n_env; k++) {
                        const Vks__Env *v = w->containers[0]->env[k];
                        if (starts_with(v->name, "KUBERNETES_"))
                                buf_printf(&got, "%s=%.*s\n", v->name, (int)v->value.len, (const char *)v->value.data);
                }
                want = xasprintf("KUBERNETES_SERVICE_HOST=%1$s\nKUBERNETES_SERVICE_PORT=6443\n"
                                 "KUBERNETES_SERVICE_PORT_HTTPS=6443\nKUBERNETES_PORT=%2$s\n"
                                 "KUBERNETES_PORT_443_TCP=%2$s\nKUBERNETES_PORT_443_TCP_PROTO=tcp\n"
                                 "KUBERNETES_PORT_443_TCP_PORT=6443\nKUBERNETES_PORT_443_TCP_ADDR=%1$s\n",
                                 cases[i].host, cases[i].url);
                cr_expect_str_eq(got.data, want);
                cr_expect_str_eq(w->containers[0]->args[0], cases[i].url,
                                 "as with a kubelet, a command line may name them");
                content_write_free(w);
                end(&t);
        }
}

/* The program is the image's, and not a value that may change: it is in no hash. */
Test(content, a_package_that_is_its_program_has_it_as_its_command)
{
        static const struct {
                const char *container, *program, *command, *arg;
        } cases[] = {
                { "\"tty\":true", "/bin/bash", "/bin/bash", NULL },
                { "\"args\":[\"-x\"]", "/bin/bash", "/bin/bash", "-x" },
                { "\"command\":[\"/bin/ls\"]", "/bin/bash", "/bin/ls", NULL },
                { "\"tty\":true", "", NULL, NULL },
                { "\"tty\":true", NULL, NULL, NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct content_image image = { .package = "", .unit = "", .program = cases[i].program };
                struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
                uint64_t hash = 0;
                struct run t;
                Vks__Write *w;
                const Vks__Container *c;

                CLEANUP(freep) char *container = xasprintf(SOURCES ",%s", cases[i].container);
                begin(&t, container, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
                cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, NULL), 0);
                c = w->containers[0];
                cr_expect_eq(c->n_command, cases[i].command ? 1 : 0, "%s", cases[i].container);
                cr_expect(streq(c->n_command ? c->command[0] : NULL, cases[i].command), "%s", cases[i].container);
                cr_expect(streq(c->n_args ? c->args[0] : NULL, cases[i].arg), "%s", cases[i].container);
                cr_expect_eq(c->restart, VKS__RESTART__RESTART_ALWAYS);
                cr_assert_eq(content_values(t.content, t.pod, 0, &node, &hash, NULL), 0);
                cr_expect_eq(image.values, hash);
                content_write_free(w);
                end(&t);
        }
}

/* systemd brings no ephemeral container back. */
Test(content, an_ephemeral_container_runs_once)
{
        struct content_image image = { .package = "", .unit = "" };
        struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        struct run t;
        Vks__Write *w;

        begin(&t, SOURCES, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
        t.pod->containers[0].ephemeral = true;
        cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, NULL), 0);
        cr_expect_eq(w->containers[0]->restart, VKS__RESTART__RESTART_NEVER);
        content_write_free(w);
        end(&t);
}

/* So that it is told from that of a unit which an earlier agent has written: none. */
Test(content, what_cannot_change_has_a_hash_too)
{
        struct content_image image = { .package = "", .unit = "" };
        struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        struct run t;
        Vks__Write *w;
        size_t n_env;

        begin(&t, SOURCES, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
        n_env = t.pod->containers[0].n_env;
        t.pod->containers[0].n_env = 0;
        cr_assert_not(content_may_change(t.content, &t.pod->containers[0]));
        cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, NULL), 0);
        cr_expect_eq(image.values, CONTENT_FIXED);
        content_write_free(w);
        t.pod->containers[0].n_env = n_env;
        end(&t);
}

/* ---- EXEC -------------------------------------------------------------------------------------------------------- */

/* The container as WRITE has it, but for what is the container's own: its variables, and what they put into words. */
Test(content, a_command_is_the_container_with_other_words)
{
        static const struct content_image image = { .package = "pkg", .unit = "x.service", .writes_var = true };
        char *argv[] = { (char *)"id", (char *)"$(PW) -u", NULL };
        struct run t;
        Vks__Exec *m;

        begin(&t,
              SOURCES ",\"command\":[\"/bin/sh\"],\"args\":[\"$(PW)\"],\"workingDir\":\"/w\",\"tty\":true,"
                      "\"securityContext\":{\"runAsUser\":7,\"runAsGroup\":8}",
              (struct had){ HUSH, "\"LEVEL\":\"info\"" });
        m = content_exec(t.pod, 0, &image, argv, "alice");
        cr_assert_str_eq(m->user, "alice");
        cr_assert_str_eq(m->pod->name, "web");
        cr_assert_eq(m->container->n_command, 2);
        cr_assert_str_eq(m->container->command[1], "$(PW) -u");
        cr_assert(m->container->n_args == 0 && m->container->n_env == 0 && m->container->n_hidden == 0);
        cr_assert_str_eq(m->container->working_dir, "/w");
        cr_assert_str_eq(m->container->package, "pkg");
        cr_assert(m->container->writes_var && m->container->console);
        cr_assert(m->container->run_as_user->value == 7 && m->container->run_as_group->value == 8);
        vks__exec__free_unpacked(m, NULL);
        end(&t);
}

/* From the working directory on, as a runtime has it; where that is the package's to say, nobody here knows it. */
Test(content, a_program_by_a_path_of_its_own_is_found_from_the_working_directory)
{
        static const struct {
                const char *container, *unit, *word, *path;
        } rows[] = {
                { ",\"workingDir\":\"/app\"", "", "./run.sh", "/app/run.sh" },
                { ",\"workingDir\":\"/app/x\"", "", "../bin//server", "/app/bin/server" },
                { ",\"workingDir\":\"/app\"", "x.service", "bin/server", "/app/bin/server" },
                { "", "", "bin/sh", "/bin/sh" },
                { "", "", "./../x", "/x" },
                { "", "x.service", "./run.sh", "./run.sh" },
                { ",\"workingDir\":\"/app\"", "", "sh", "sh" },
                { ",\"workingDir\":\"/app\"", "", "/bin/./sh", "/bin/./sh" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct content_image image = { .package = "", .unit = rows[i].unit };
                char *argv[] = { (char *)rows[i].word, (char *)"./a", NULL };
                CLEANUP(freep)
                char *container = xasprintf(SOURCES "%s,\"command\":[\"%s\",\"./a\"]", rows[i].container, rows[i].word);
                struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
                struct err e = ERR_NONE;
                struct run t;
                Vks__Write *w;
                Vks__Exec *m;

                begin(&t, container, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
                m = content_exec(t.pod, 0, &image, argv, "alice");
                cr_expect_str_eq(m->container->command[0], rows[i].path, "exec %s", rows[i].word);
                cr_expect_str_eq(m->container->command[1], "./a");
                vks__exec__free_unpacked(m, NULL);
                cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, &e), 0, "%s", e.text);
                cr_expect_str_eq(w->containers[0]->command[0], rows[i].path, "write %s", rows[i].word);
                cr_expect_str_eq(w->containers[0]->command[1], "./a");
                content_write_free(w);
                end(&t);
        }
}

/* Of what can be no program a unit is made all the same, whose run fails, as with a program that is not there. */
Test(content, what_can_be_no_program_is_one_that_is_nowhere)
{
#define NOWHERE "/usr/bin/no-such-program:"
        char here[] = "/tmp/vks content XXXXXX";
        CLEANUP(freep) char *long_word = xcalloc(301, 1), *long_path = NULL;
        struct {
                const char *word, *path;
        } rows[] = {
                { "echo hello", NOWHERE "echo_hello" },
                { "", NOWHERE },
                { ".", NOWHERE "." },
                { "..", NOWHERE ".." },
                { "/bin/echo hello", NOWHERE "_bin_echo_hello" },
                { "/nowhere/100%", NOWHERE "_nowhere_100_" },
                { "/nowhere//x", NOWHERE "_nowhere__x" },
                { "$(LEVEL) it", NOWHERE "info_it" },
                { "caf\u00e9", NOWHERE "caf__" },
                { "no-such", "no-such" }, /* the helper does the same with these */
                { "/no/such", "/no/such" },
                { "sh", "sh" },
                { "[", "[" }, /* it is there, whatever it is called */
                { "/bin/", "/bin/" },
                { "/data/my program", "/data/my program" }, /* nobody knows what is in a volume */
                { "my data/run.sh", NOWHERE "_my_data_run.sh" },
                { here, here },
                { long_word, NULL },
        };

        memset(long_word, ' ', 300);
        long_path = xasprintf(NOWHERE "%0*d", 99, 0);
        for (char *c = long_path + strlen(NOWHERE); *c; c++)
                *c = '_';
        rows[ARRAY_LEN(rows) - 1].path = long_path;
        cr_assert_not_null(mkdtemp(here));
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(freep)
                char *container = xasprintf(SOURCES ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/data\"}],"
                                                    "\"command\":[\"%s\",\"%s\"]}],\"volumes\":[{\"name\":\"v\","
                                                    "\"emptyDir\":{}",
                                            rows[i].word, rows[i].word);
                struct run t;
                uint64_t hash;
                Vks__Write *w;

                begin(&t, container, (struct had){ HUSH, "\"LEVEL\":\"info\"" });
                w = written(&t, &hash);
                cr_expect_str_eq(w->containers[0]->command[0], rows[i].path, "\"%s\"", rows[i].word);
                cr_expect(!starts_with(w->containers[0]->command[1], NOWHERE), "an argument is any word");
                content_write_free(w);
                end(&t);
        }
        cr_assert_eq(rmdir(here), 0);
}

Test(content, a_pod_knows_its_name)
{
        static const struct {
                const char *container, *hostname;
        } cases[] = {
                { SOURCES, "web" },
                { "\"envFrom\":[{\"configMapRef\":{\"name\":\"c\"}}],\"env\":[{\"name\":\"PW\",\"valueFrom\":{"
                  "\"secretKeyRef\":"
                  "{\"name\":\"s\",\"key\":\"pw\"}}},{\"name\":\"HOSTNAME\",\"value\":\"own-$(HOSTNAME)\"}]",
                  "own-web" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct run t;
                uint64_t hash;
                Vks__Write *w;

                begin(&t, cases[i].container, (struct had){ HUSH, "" });
                w = written(&t, &hash);
                cr_assert_geq(w->containers[0]->n_env, 1);
                cr_expect_str_eq(w->containers[0]->env[0]->name, "HOSTNAME");
                cr_expect_eq(w->containers[0]->env[0]->value.len, strlen(cases[i].hostname));
                cr_expect_arr_eq(w->containers[0]->env[0]->value.data, cases[i].hostname, strlen(cases[i].hostname));
                content_write_free(w);
                end(&t);
        }
}

static void on_claim(UNUSED void *userdata, UNUSED const char *namespace, UNUSED const char *name)
{
}

Test(content, a_claim_is_held_and_is_a_host_path_once_its_place_is_known)
{
        cJSON *o = cJSON_Parse("{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\",\"uid\":"
                               "\"0f6c2a9e-1234-4abc-8def-0123456789ab\"},\"spec\":{\"volumes\":[{\"name\":\"e\","
                               "\"emptyDir\":{}},{\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}],"
                               "\"containers\":[{\"name\":\"main\",\"image\":\"/bin/sh\",\"volumeMounts\":[{\"name\":"
                               "\"e\",\"mountPath\":\"/e\"},{\"name\":\"d\",\"mountPath\":\"/d\"}]}]}}");
        struct content_image image = { .package = "", .unit = "" };
        struct pod_node node = { .name = "n1", .ip = "10.0.0.1" };
        struct run t = { 0 };
        struct claims *claims;
        struct err e = ERR_NONE;
        struct volume *v;
        Vks__Write *w = NULL;

        cr_assert_eq(pod_parse(o, &t.pod, &e), 0, "%s", e.text);
        cJSON_Delete(o);
        t.api = api_start(&t.server, answer, &t, NULL);
        t.objects = objects_new(t.server.event, t.api, on_changed, &t);
        claims = claims_new(t.server.event, t.api, on_claim, &t);
        t.content = content_new(t.pod, t.objects, NULL, NULL, claims);
        cr_expect(content_claims(t.content, "default", "c"));
        cr_expect_not(content_claims(t.content, "default", "d") || content_claims(t.content, "other", "c"));
        cr_expect(!content_claim(t.content, 0).claim && !content_claim(t.content, 1).claim);

        v = &t.pod->volumes[1];
        cr_expect(volume_is_nowhere(v) && !volume_is_nowhere(&t.pod->volumes[0]));
        v->path = xstrdup("/srv/d");
        v->type = xstrdup("Directory");
        v->read_only = true;
        cr_assert_eq(content_write(t.content, t.pod, &image, &node, &w, &e), 0, "%s", e.text);
        cr_assert_eq(w->volumes[1]->source_case, VKS__VOLUME__SOURCE_HOST_PATH);
        cr_expect_str_eq(w->volumes[1]->host_path->path, "/srv/d");
        cr_expect_str_eq(w->volumes[1]->host_path->type, "Directory");
        cr_expect_not(w->containers[0]->mounts[0]->read_only);
        cr_expect(w->containers[0]->mounts[1]->read_only, "the claim says so for all containers");
        content_write_free(w);
        content_claim_done(t.content, 1);
        cr_expect_not(content_claims(t.content, "default", "c"), "its place is known: the claim may be another pod's");
        t.content = content_free(t.content);
        t.content = content_new(t.pod, t.objects, NULL, NULL, claims);
        cr_expect_not(content_claims(t.content, "default", "c"), "as in a newer version of the pod");
        t.content = content_free(t.content);
        claims_free(claims);
        end(&t);
}
