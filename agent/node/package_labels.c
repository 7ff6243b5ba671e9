/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/package_labels.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"

bool package_label(const struct package *package, char key[PACKAGE_LABEL_KEY_MAX + 1],
                   char value[PACKAGE_LABEL_VALUE_MAX + 1])
{
        size_t n = strlen(package->name);

        if (!isalnum((unsigned char)package->name[n - 1]) && package->name[n - 1] != '+')
                return false;
        if (snprintf(key, PACKAGE_LABEL_KEY_MAX + 1, PACKAGE_LABEL_PREFIX "%s", package->name) > PACKAGE_LABEL_KEY_MAX)
                return false;
        for (char *s = key; (s = strchr(s, '+')); s++)
                *s = 'P';
        n = (size_t)snprintf(value, PACKAGE_LABEL_VALUE_MAX + 1, "%s", package->version);
        if (n > PACKAGE_LABEL_VALUE_MAX)
                n = PACKAGE_LABEL_VALUE_MAX;
        for (char *s = value; (s = strpbrk(s, ":~+")); s++)
                *s = '_';
        while (n > 0 && !isalnum((unsigned char)value[n - 1]))
                value[--n] = '\0';
        return true;
}

static bool is_wanted(const char *name, bool has_service, char *const *which)
{
        if (!which)
                return has_service;
        for (; *which; which++)
                if (streq(*which, PACKAGE_LABELS_SERVICES) ? has_service : fnmatch(*which, name, 0) == 0)
                        return true;
        return false;
}

cJSON *package_labels(const struct packages *p, char *const *which)
{
        size_t n = packages_count(p), told = 0;
        CLEANUP(freep) bool *services = xcalloc(n + 1, sizeof(*services));
        cJSON *labels = cJSON_CreateObject();

        packages_services(p, services);
        for (size_t i = 0; i < n; i++) {
                char key[PACKAGE_LABEL_KEY_MAX + 1], value[PACKAGE_LABEL_VALUE_MAX + 1];
                struct package package = packages_at(p, i);

                /* of several architectures one is told */
                if (!is_wanted(package.name, services[i], which) || !package_label(&package, key, value) ||
                    cJSON_GetObjectItemCaseSensitive(labels, key))
                        continue;
                if (told++ == PACKAGE_LABELS_MAX) {
                        log_warning("more than %d packages are to be labels of the Node; those behind %s are not told",
                                    PACKAGE_LABELS_MAX, package.name);
                        break;
                }
                cJSON_AddStringToObject(labels, key, value);
        }
        return labels;
}
