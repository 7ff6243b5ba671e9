/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's libraries need, without an agent: one HTTP/2 connection to the API server with a client certificate,
 * on which a watch stays open; the context of a TLS server; the system's bus; an event loop. Prints kB of PSS, of RSS
 * and of what is private and dirty. Then so many small requests, 64 at a time, as the agent sends its events: prints
 * microseconds of CPU for each.
 */
#include <curl/curl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

enum { AT_A_TIME = 64 };

static const char *server, *pem;

static size_t unread(char *data, size_t size, size_t n, void *userdata)
{
        (void)data;
        (void)userdata;
        return size * n;
}

static CURL *request(CURLM *multi, const char *path, struct curl_slist *headers, const char *body)
{
        CURL *easy = curl_easy_init();
        char url[512];

        snprintf(url, sizeof(url), "%s%s", server, path);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L); /* whom it talks to does not matter here */
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(easy, CURLOPT_SSLCERT, pem);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, pem);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, unread);
        if (body) {
                curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        }
        curl_multi_add_handle(multi, easy);
        return easy;
}

/* Until nothing but the watch runs, or the time is over. */
static void wait_for_others(CURLM *multi, int seconds)
{
        int running = 2;

        for (int i = 0; i < seconds * 20 && running > 1; i++) {
                curl_multi_poll(multi, NULL, 0, 50, NULL);
                curl_multi_perform(multi, &running);
        }
}

static void tell_memory(void)
{
        FILE *f = fopen("/proc/self/smaps_rollup", "r");
        char line[256];
        long kb;

        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "Pss: %ld", &kb) == 1 || sscanf(line, "Rss: %ld", &kb) == 1 ||
                    sscanf(line, "Private_Dirty: %ld", &kb) == 1)
                        printf("%.*s %ld\n", (int)strcspn(line, ":"), line, kb);
        if (f)
                fclose(f);
}

static double cpu_us(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Answers how many the server took. */
static int send_all(CURLM *multi, const char *path, const char *body, int n)
{
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        int begun = 0, ended = 0, taken = 0, running, left;
        CURLMsg *m;

        while (ended < n) {
                for (; begun < n && begun - ended < AT_A_TIME; begun++)
                        request(multi, path, headers, body);
                curl_multi_perform(multi, &running);
                while ((m = curl_multi_info_read(multi, &left))) {
                        CURL *easy = m->easy_handle;
                        long status = 0;

                        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
                        curl_multi_remove_handle(multi, easy);
                        curl_easy_cleanup(easy);
                        taken += status == 201;
                        ended++;
                }
                if (ended < n)
                        curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
        curl_slist_free_all(headers);
        return taken;
}

int main(int argc, char **argv)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        CURLM *multi;
        CURLMsg *m;
        int left, n, taken;
        double before;

        if (argc != 6) {
                fprintf(stderr, "usage: %s SERVER PEM NAMESPACE BODY REQUESTS\n", argv[0]);
                return 2;
        }
        server = argv[1];
        pem = argv[2];
        n = atoi(argv[5]);
        curl_global_init(CURL_GLOBAL_DEFAULT);
        if (sd_event_default(&event) < 0 || sd_bus_default_system(&bus) < 0 || sd_bus_attach_event(bus, event, 0) < 0 ||
            SSL_CTX_use_certificate_chain_file(tls, pem) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) != 1)
                return 1;
        multi = curl_multi_init();
        request(multi, "/version", NULL, NULL);
        request(multi, "/api/v1/namespaces?watch=1", NULL, NULL);
        wait_for_others(multi, 10);
        m = curl_multi_info_read(multi, &left);
        if (!m || m->data.result != CURLE_OK) {
                fprintf(stderr, "%s: %s\n", server, m ? curl_easy_strerror(m->data.result) : "no answer");
                return 1;
        }
        malloc_trim(0);
        tell_memory();
        if (n > 0) {
                char path[300];

                snprintf(path, sizeof(path), "/api/v1/namespaces/%s/events", argv[3]);
                before = cpu_us();
                taken = send_all(multi, path, argv[4], n);
                printf("request %.0f\n", (cpu_us() - before) / n);
                if (taken != n) {
                        fprintf(stderr, "the server took %d of %d\n", taken, n);
                        return 1;
                }
        }
        return 0;
}
