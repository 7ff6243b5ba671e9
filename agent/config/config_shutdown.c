/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_rows.h"

#include <ctype.h>
#include <errno.h>

#include "common/mem.h"

static int parse_integer(const char *s, int64_t least, int64_t most, int64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoll(s, &end, 10);
        return errno || (!isdigit((unsigned char)s[0]) && s[0] != '-') || *end || *ret < least || *ret > most ? -EINVAL
                                                                                                              : 0;
}

int config_add_shutdown_class(struct config_shutdown *s, const char *priority, const char *seconds, struct err *e)
{
        struct config_shutdown_class class = { 0 };
        int64_t number;

        if (parse_integer(priority, INT32_MIN, INT32_MAX, &class.priority) < 0)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no priority of pods", priority);
        if (parse_integer(seconds, 0, 24 * 3600, &number) < 0)
                return err_set(e, -EINVAL, NULL, "%s: \"%s\" is no number of seconds, at most a day", priority,
                               seconds);
        class.seconds = (uint64_t)number;
        for (size_t i = 0; i < s->n; i++)
                if (s->classes[i].priority == class.priority)
                        return err_set(e, -EINVAL, NULL, "priority %s is there twice", priority);
        if (s->n == SHUTDOWN_CLASSES_MAX)
                return err_set(e, -EINVAL, NULL, "more than %d priorities", SHUTDOWN_CLASSES_MAX);
        s->classes[s->n++] = class;
        return 0;
}

int config_set_shutdown_object(struct config_shutdown *s, const cJSON *o, struct err *e)
{
        const cJSON *priority = json_get(o, "priority"), *seconds = json_get(o, "shutdownGracePeriodSeconds");
        CLEANUP(freep) char *p = NULL, *n = NULL;

        if (!cJSON_IsNumber(priority) || !cJSON_IsNumber(seconds))
                return err_set(e, -EINVAL, NULL, "an item has no numbers priority and shutdownGracePeriodSeconds");
        p = cJSON_PrintUnformatted(priority);
        n = cJSON_PrintUnformatted(seconds);
        return config_add_shutdown_class(s, p ? p : "", n ? n : "", e);
}

int config_check_shutdown(const struct config_shutdown *s, struct err *e)
{
        const uint64_t second = 1000000;

        if (s->n && (s->whole_usec || s->critical_usec))
                return err_set(
                        e, -EINVAL, NULL,
                        "--shutdown-grace-period-by-pod-priority and --shutdown-grace-period exclude each other");
        if ((s->whole_usec && s->whole_usec < second) || (s->critical_usec && s->critical_usec < second))
                return err_set(e, -EINVAL, NULL, "--shutdown-grace-period: less than a second is no time");
        if (s->critical_usec > s->whole_usec)
                return err_set(
                        e, -EINVAL, NULL,
                        "--shutdown-grace-period-critical-pods: it is a part of --shutdown-grace-period, and longer");
        return 0;
}
