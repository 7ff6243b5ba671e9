/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client/server_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

#include "common/mem.h"

static char *without_slash(const char *url)
{
        size_t n = strlen(url);

        while (n > 0 && url[n - 1] == '/')
                n--;
        return xstrndup(url, n);
}

int server_url_named(const char *url, const char *name, char **ret_url, char **ret_connect_to, struct err *e)
{
        char *whole = NULL, *host = NULL, *port = NULL;
        CURLU *u = curl_url();
        int r = 0;

        if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
            (name && curl_url_set(u, CURLUPART_HOST, name, 0) != CURLUE_OK) ||
            curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
                r = err_set(e, -EINVAL, NULL, "server: %s is not a URL", url);
        } else {
                *ret_url = without_slash(whole);
                *ret_connect_to = name ? xasprintf("%s:%s", host, port) : NULL;
        }
        curl_free(whole);
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(u);
        return r;
}

int server_url_split(const char *url, char **ret_host, char **ret_port, struct err *e)
{
        char *host = NULL, *port = NULL;
        CURLU *u = curl_url();
        int r = 0;

        if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
                r = err_set(e, -EINVAL, NULL, "server: %s is not a URL", url);
        } else {
                size_t n = strlen(host);

                *ret_host = n > 2 && host[0] == '[' ? xstrndup(host + 1, n - 2) : xstrdup(host);
                *ret_port = xstrdup(port);
        }
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(u);
        return r;
}

char *server_url_port(const char *url, uint16_t port)
{
        char number[8], *whole = NULL, *ret = NULL;
        CURLU *u = curl_url();

        snprintf(number, sizeof(number), "%u", port);
        if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_PORT, number, 0) == CURLUE_OK &&
            curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK)
                ret = without_slash(whole);
        curl_free(whole);
        curl_url_cleanup(u);
        return ret;
}
