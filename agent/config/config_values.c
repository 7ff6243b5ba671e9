/* SPDX-License-Identifier: Apache-2.0 */
/* What a label may be that a node gives itself, and how long something may last. Pure. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/config/config.h"
#include "common/ids.h"

int config_parse_duration(const char *s, uint64_t *ret_usec)
{
        static const struct {
                const char *unit;
                double usec;
        } durations[] = { { "ns", 1e-3 }, { "us", 1 }, { "ms", 1e3 }, { "h", 3600e6 }, { "m", 60e6 }, { "s", 1e6 } };
        const double year = 8760 * 3600e6;
        double sum = 0;

        if (streq(s, "0")) { /* the one number that needs no unit */
                *ret_usec = 0;
                return 0;
        }
        do {
                char number[16] = "";
                size_t n = strspn(s, "0123456789."), i = 0;

                if (n == 0 || n >= sizeof(number) || !isdigit((unsigned char)s[n - 1]))
                        return -EINVAL;
                memcpy(number, s, n);
                if (strchr(number, '.') != strrchr(number, '.'))
                        return -EINVAL;
                s += n;
                while (i < ARRAY_LEN(durations) && !starts_with(s, durations[i].unit))
                        i++;
                if (i == ARRAY_LEN(durations))
                        return -EINVAL;
                s += strlen(durations[i].unit);
                sum += strtod(number, NULL) * durations[i].usec;
        } while (*s);
        if (sum > year)
                return -EINVAL;
        *ret_usec = (uint64_t)sum;
        return 0;
}

void config_duration_text(uint64_t usec, char ret[64])
{
        uint64_t s = usec / 1000000, h = s / 3600, m = s / 60 % 60;
        double rest = (double)(usec % 60000000) / 1e6;

        if (h)
                snprintf(ret, 64, "%" PRIu64 "h%" PRIu64 "m%gs", h, m, rest);
        else if (m)
                snprintf(ret, 64, "%" PRIu64 "m%gs", m, rest);
        else
                snprintf(ret, 64, "%gs", rest);
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* [A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?, at most 63 (apimachinery pkg/util/validation). */
static bool is_label_word(const char *s)
{
        size_t n = strlen(s);

        if (n == 0 || n > ID_LABEL_MAX || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
                        return false;
        return true;
}

static bool in_domain(const char *prefix, const char *domain)
{
        size_t n = strlen(prefix), k = strlen(domain);

        return streq(prefix, domain) || (n > k && ends_with(prefix, domain) && prefix[n - k - 1] == '.');
}

static bool is_one_of(const char *s, const char *const *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (streq(s, v[i]))
                        return true;
        return false;
}

int config_label_check(const char *key, const char *value, struct err *e)
{
        static const char *const computed[] = { "kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/hostname",
                                                "beta.kubernetes.io/os", "beta.kubernetes.io/arch" };
        static const char *const granted[] = { "topology.kubernetes.io/zone",
                                               "topology.kubernetes.io/region",
                                               "failure-domain.beta.kubernetes.io/zone",
                                               "failure-domain.beta.kubernetes.io/region",
                                               "node.kubernetes.io/instance-type",
                                               "beta.kubernetes.io/instance-type" };
        const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;
        char prefix[ID_NAME_MAX + 1] = "";

        if (slash && (size_t)(slash - key) < sizeof(prefix))
                memcpy(prefix, key, (size_t)(slash - key));
        if (!is_label_word(name) || (slash && !id_is_name(prefix)))
                return err_set(
                        e, -EINVAL, NULL,
                        "\"%s\" is no label key ([domain/]name, letters, digits and -_. , at most 63 in the name)",
                        key);
        if (value[0] && !is_label_word(value))
                return err_set(e, -EINVAL, NULL,
                               "label %s: \"%s\" is no label value (letters, digits and -_. , at most 63)", key, value);
        if (is_one_of(key, computed, ARRAY_LEN(computed)))
                return err_set(e, -EPERM, NULL, "label %s is set by the agent itself", key);
        if (in_domain(prefix, "node-restriction.kubernetes.io"))
                return err_set(e, -EPERM, NULL,
                               "label %s: a node may not set labels below node-restriction.kubernetes.io on itself",
                               key);
        if (!in_domain(prefix, "kubernetes.io") && !in_domain(prefix, "k8s.io"))
                return 0;
        if (in_domain(prefix, "kubelet.kubernetes.io") || in_domain(prefix, "node.kubernetes.io") ||
            is_one_of(key, granted, ARRAY_LEN(granted)))
                return 0;
        return err_set(e, -EPERM, NULL,
                       "label %s: of the labels below kubernetes.io and k8s.io a node may set only those below "
                       "kubelet.kubernetes.io and "
                       "node.kubernetes.io, topology and instance-type on itself (admission plugin NodeRestriction)",
                       key);
}
