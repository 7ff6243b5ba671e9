/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/kubeconfig.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "agent/lib/base64.h"
#include "agent/lib/json.h"
#include "agent/lib/yaml.h"
#include "common/file.h"
#include "common/mem.h"

enum { PEM_SIZE_MAX = 1024 * 1024, TOKEN_SIZE_MAX = 64 * 1024 };

static char *wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
        return NULL;
}

struct kubeconfig *kubeconfig_free(struct kubeconfig *k)
{
        if (!k)
                return NULL;
        free(k->server);
        free(k->server_name);
        free(k->ca_pem);
        wipe(k->cert_pem); /* often one file with the key */
        wipe(k->key_pem);
        wipe(k->token);
        free(k->token_file);
        free(k);
        return NULL;
}

/* ---- where in the file we are: for error messages ---------------------------------------------------------------- */

struct section {
        const cJSON *fields; /* "cluster", "user" or "context" of the entry */
        char where[64];      /* "users[1].user" */
        const char *folder;
        struct err *e;
};

static int bad(const struct section *s, const char *field, const char *what)
{
        return err_set(s->e, -EINVAL, NULL, "%s.%s: %s", s->where, field, what);
}

/* Absent, null and "" are one, as in client-go. */
static int string(const struct section *s, const char *field, const char **ret)
{
        const cJSON *v = json_get(s->fields, field);

        *ret = NULL;
        if (!v || cJSON_IsNull(v))
                return 0;
        if (!cJSON_IsString(v))
                return bad(s, field, "not a string");
        if (*v->valuestring)
                *ret = v->valuestring;
        return 0;
}

static int boolean(const struct section *s, const char *field, bool *ret)
{
        const cJSON *v = json_get(s->fields, field);

        if (v && !cJSON_IsBool(v) && !cJSON_IsNull(v))
                return bad(s, field, "neither true nor false");
        *ret = cJSON_IsTrue(v);
        return 0;
}

static char *absolute(const char *folder, const char *path)
{
        return *path == '/' || !folder ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

/* `field` is a file, `field`-data the same in base64, and wins. */
static int pem(const struct section *s, const char *field, char **ret, char **ret_field)
{
        CLEANUP(freep) char *data_field = xasprintf("%s-data", field);
        CLEANUP(freep) char *path = NULL;
        const char *inlined, *file;
        size_t size;
        void *data;
        int r;

        if ((r = string(s, data_field, &inlined)) < 0 || (r = string(s, field, &file)) < 0)
                return r;
        *ret_field = inlined ? TAKE(data_field) : xstrdup(field);
        if (inlined) {
                if (base64_decode(inlined, strlen(inlined), &data, &size) < 0)
                        return bad(s, *ret_field, "not base64");
                *ret = data;
        } else if (file) {
                path = absolute(s->folder, file);
                r = file_read(path, PEM_SIZE_MAX, ret, &size, s->e);
                if (r < 0)
                        return err_prefix(s->e, "%s.%s: ", s->where, field);
        } else
                return 0;
        if (strlen(*ret) != size)
                return bad(s, *ret_field, "not PEM");
        return 0;
}

/* ---- certificates and keys --------------------------------------------------------------------------------------- */

static X509 *read_certificate(const char *text)
{
        BIO *bio = BIO_new_mem_buf(text, -1);
        X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

        BIO_free(bio);
        return x;
}

/* Asked for the passphrase of an encrypted key: there is nobody to tell it. */
static int no_passphrase(char *buf UNUSED, int size UNUSED, int rwflag UNUSED, void *userdata)
{
        *(bool *)userdata = true;
        return -1;
}

static int check_pair(const struct section *s, const struct kubeconfig *k, const char *cert_field,
                      const char *key_field)
{
        bool encrypted = false;
        EVP_PKEY *key = NULL;
        X509 *cert = read_certificate(k->cert_pem);
        BIO *bio = BIO_new_mem_buf(k->key_pem, -1);
        int r = 0;

        if (bio)
                key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
        if (!cert)
                r = bad(s, cert_field, "no certificate in it that can be read");
        else if (!key)
                r = bad(s, key_field, encrypted ? "the key is encrypted" : "no private key in it that can be read");
        else if (X509_check_private_key(cert, key) != 1)
                r = bad(s, key_field, "the key does not belong to the certificate");
        BIO_free(bio);
        EVP_PKEY_free(key);
        X509_free(cert);
        ERR_clear_error();
        return r;
}

static int check_ca(const struct section *s, const char *text, const char *field)
{
        X509 *x = read_certificate(text);

        ERR_clear_error();
        if (!x)
                return bad(s, field, "no certificate in it that can be read");
        X509_free(x);
        return 0;
}

/* ---- the three sections ------------------------------------------------------------------------------------------ */

/* https://HOST[:PORT][/PATH]: what follows is put together with paths and shown in messages, so nothing else may be in
 * it. */
static int server_url(const struct section *s, const char *url, char **ret)
{
        const char *host = url + strlen("https://");
        size_t n = strlen(url);

        if (strncasecmp(url, "https://", strlen("https://")) != 0)
                return bad(s, "server", "not an https:// URL");
        for (const char *p = url; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("-._~:/[]%", *p))
                        return bad(s, "server", "not a URL of a server");
        while (n > 0 && url[n - 1] == '/')
                n--;
        if (*host == '\0' || strchr("/:%-.", *host))
                return bad(s, "server", "no host in it");
        *ret = xstrndup(url, n);
        return 0;
}

static int read_cluster(const struct section *s, struct kubeconfig *k)
{
        CLEANUP(freep) char *ca_field = NULL;
        const char *server, *name, *proxy;
        int r;

        if ((r = string(s, "server", &server)) < 0 || (r = string(s, "tls-server-name", &name)) < 0 ||
            (r = string(s, "proxy-url", &proxy)) < 0 || (r = boolean(s, "insecure-skip-tls-verify", &k->insecure)) < 0)
                return r;
        if (!server)
                return bad(s, "server", "missing");
        if (proxy)
                return bad(s, "proxy-url", "not supported");
        if ((r = server_url(s, server, &k->server)) < 0)
                return r;
        for (const char *p = name; p && *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
                        return bad(s, "tls-server-name", "not a host name");
        k->server_name = xstrdup(name);
        if ((r = pem(s, "certificate-authority", &k->ca_pem, &ca_field)) < 0)
                return r;
        if (k->ca_pem && k->insecure)
                return bad(s, "insecure-skip-tls-verify", "true, and yet a certificate authority is given");
        return k->ca_pem ? check_ca(s, k->ca_pem, ca_field) : 0;
}

static bool is_token(const char *t)
{
        for (const char *p = t; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return *t != '\0';
}

static int read_token(const struct section *s, struct kubeconfig *k)
{
        CLEANUP(freep) char *text = NULL;
        const char *token, *file;
        size_t size;
        int r;

        if ((r = string(s, "token", &token)) < 0 || (r = string(s, "tokenFile", &file)) < 0)
                return r;
        if (token && !file && !is_token(token))
                return bad(s, "token", "not a token");
        if (token && !file)
                k->token = xstrdup(token);
        if (!file)
                return 0;
        k->token_file = absolute(s->folder, file); /* wins over a token, as in client-go */
        r = file_read(k->token_file, TOKEN_SIZE_MAX, &text, &size, s->e);
        if (r < 0)
                return err_prefix(s->e, "%s.tokenFile: ", s->where);
        explicit_bzero(text, size);
        return 0;
}

/* Ways to be somebody that we do not have: refused, since going on without them would be to be somebody else. */
static const char *const foreign[] = { "auth-provider", "username",  "password",     "as",
                                       "as-uid",        "as-groups", "as-user-extra" };

static int read_user(const struct section *s, struct kubeconfig *k)
{
        CLEANUP(freep) char *cert_field = NULL;
        CLEANUP(freep) char *key_field = NULL;
        const cJSON *exec = json_get(s->fields, "exec");
        int r;

        if (exec && !cJSON_IsNull(exec))
                return err_set(s->e, -EINVAL, NULL, "%s.exec: credential plugins are not supported (\"%s\")", s->where,
                               json_str(exec, "command") ? json_str(exec, "command") : "");
        for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
                const cJSON *v = json_get(s->fields, foreign[i]);
                const char *name = json_str(v, "name");

                if (name)
                        return err_set(s->e, -EINVAL, NULL, "%s.%s: not supported (\"%s\")", s->where, foreign[i],
                                       name);
                if (v && !cJSON_IsNull(v))
                        return bad(s, foreign[i], "not supported");
        }
        if ((r = pem(s, "client-certificate", &k->cert_pem, &cert_field)) < 0 ||
            (r = pem(s, "client-key", &k->key_pem, &key_field)) < 0 || (r = read_token(s, k)) < 0)
                return r;
        if (k->cert_pem && !k->key_pem)
                return bad(s, "client-key", "missing, and client-certificate is given");
        if (k->key_pem && !k->cert_pem)
                return bad(s, "client-certificate", "missing, and client-key is given");
        if (!k->cert_pem && !k->token && !k->token_file)
                return bad(s, "client-certificate", "missing, and so are token and tokenFile: no credentials");
        return k->cert_pem ? check_pair(s, k, cert_field, key_field) : 0;
}

/* Finds `name` in the list `list`, whose entries hold what we want under `field`; the first one counts. */
static int find(const cJSON *root, const char *list, const char *field, const char *name, const char *who,
                struct section *s)
{
        const cJSON *entries = json_get(root, list), *entry;
        unsigned i = 0;

        if (entries && !cJSON_IsArray(entries) && !cJSON_IsNull(entries))
                return err_set(s->e, -EINVAL, NULL, "%s: not a list", list);
        cJSON_ArrayForEach (entry, entries) {
                if (streq(json_str(entry, "name"), name)) {
                        snprintf(s->where, sizeof(s->where), "%s[%u].%s", list, i, field);
                        s->fields = json_get(entry, field);
                        return cJSON_IsObject(s->fields) ? 0 : err_set(s->e, -EINVAL, NULL, "%s: missing", s->where);
                }
                i++;
        }
        return err_set(s->e, -EINVAL, NULL, "%s: none is named \"%s\", as %s has it", list, name, who);
}

static int read_all(const cJSON *root, const char *folder, struct kubeconfig *k, struct err *e)
{
        struct section context = { .e = e }, cluster = { .folder = folder, .e = e },
                       user = { .folder = folder, .e = e };
        const char *current = json_str(root, "current-context"), *kind = json_str(root, "kind");
        const char *version = json_str(root, "apiVersion"), *cluster_name, *user_name;
        char who[96];
        int r;

        if (!cJSON_IsObject(root))
                return err_set(e, -EINVAL, NULL, "not a kubeconfig: no mapping");
        if (kind && !streq(kind, "Config"))
                return err_set(e, -EINVAL, NULL, "kind: \"%s\" instead of \"Config\"", kind);
        if (version && !streq(version, "v1"))
                return err_set(e, -EINVAL, NULL, "apiVersion: \"%s\" instead of \"v1\"", version);
        if (!current || !*current)
                return err_set(e, -EINVAL, NULL, "current-context: missing");
        if ((r = find(root, "contexts", "context", current, "current-context", &context)) < 0 ||
            (r = string(&context, "cluster", &cluster_name)) < 0 || (r = string(&context, "user", &user_name)) < 0)
                return r;
        if (!cluster_name || !user_name)
                return bad(&context, cluster_name ? "user" : "cluster", "missing");
        snprintf(who, sizeof(who), "%s.cluster", context.where);
        if ((r = find(root, "clusters", "cluster", cluster_name, who, &cluster)) < 0 ||
            (r = read_cluster(&cluster, k)) < 0)
                return r;
        snprintf(who, sizeof(who), "%s.user", context.where);
        if ((r = find(root, "users", "user", user_name, who, &user)) < 0)
                return r;
        return read_user(&user, k);
}

/* The tree has keys in it. */
static void wipe_tree(cJSON *v)
{
        for (; v; v = v->next) {
                if (cJSON_IsString(v))
                        explicit_bzero(v->valuestring, strlen(v->valuestring));
                wipe_tree(v->child);
        }
}

int kubeconfig_parse(const char *text, size_t size, const char *folder, struct kubeconfig **ret, struct err *e)
{
        CLEANUP(kubeconfig_freep) struct kubeconfig *k = NEW(struct kubeconfig);
        cJSON *root = NULL;
        int r = yaml_parse(text, size, &root, e);

        if (r < 0)
                return r;
        r = read_all(root, folder, k, e);
        wipe_tree(root);
        cJSON_Delete(root);
        if (r == 0)
                *ret = TAKE(k);
        return r;
}

int kubeconfig_load(const char *path, struct kubeconfig **ret, struct err *e)
{
        const char *slash = strrchr(path, '/');
        CLEANUP(freep) char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = file_read(path, YAML_SIZE_MAX, &text, &size, e);

        if (r < 0)
                return r;
        r = kubeconfig_parse(text, size, folder, ret, e);
        explicit_bzero(text, size);
        return r < 0 ? err_prefix(e, "%s: ", path) : 0;
}
