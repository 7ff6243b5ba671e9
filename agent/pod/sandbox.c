/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/capability.h>

#include "agent/lib/json.h"

static const uint64_t ALL = (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1;

/* "NET_ADMIN", with "CAP_" before it or without, or "ALL"; 0: nobody knows it. */
static uint64_t capability(const char *name)
{
        char text[40];
        bool prefixed = strncasecmp(name, "cap_", strlen("cap_")) == 0;
        cap_value_t value;
        int n = snprintf(text, sizeof(text), "%s%s", prefixed ? "" : "cap_", name);

        for (char *s = text; *s; s++)
                *s = (char)tolower((unsigned char)*s);
        if (streq(text, "cap_all"))
                return ALL;
        if (n >= (int)sizeof(text) || isdigit((unsigned char)text[strlen("cap_")]) || cap_from_name(text, &value) < 0 ||
            value > CAP_LAST_CAP)
                return 0;
        return UINT64_C(1) << value;
}

static int collect(const cJSON *list, const char *verb, uint64_t *ret_each, bool *ret_all, struct err *e)
{
        const cJSON *item;

        *ret_each = 0;
        *ret_all = false;
        cJSON_ArrayForEach (item, list) {
                const char *name = cJSON_GetStringValue(item);
                uint64_t bits = name ? capability(name) : 0;

                if (!bits)
                        return err_set(e, -EINVAL, "CreateContainerError",
                                       "securityContext.capabilities.%s: there is no capability \"%.60s\"", verb,
                                       name ? name : "");
                *ret_all |= bits == ALL;
                if (bits != ALL)
                        *ret_each |= bits;
        }
        return 0;
}

/*
 * As container runtimes have it: all that is dropped, without each that is added, and each that is dropped. To add one
 * is no more here than not to drop it: whoever may have it has it anyway.
 */
static int parse_capabilities(const cJSON *capabilities, uint64_t *ret, struct err *e)
{
        uint64_t added, dropped;
        bool add_all, drop_all;
        int r = collect(json_get(capabilities, "add"), "add", &added, &add_all, e);

        if (r == 0)
                r = collect(json_get(capabilities, "drop"), "drop", &dropped, &drop_all, e);
        if (r == 0)
                *ret = ((drop_all ? ALL : 0) & ~added) | dropped;
        return r;
}

/* RuntimeDefault, Unconfined or Localhost; NULL: nobody says anything. */
static const cJSON *profile(const cJSON *pod_context, const cJSON *context, const char *field)
{
        const cJSON *own = json_get(context, field);

        return cJSON_IsObject(own) ? own : json_get(pod_context, field);
}

static int no_localhost(const cJSON *given, const char *field, const char *why, struct err *e)
{
        const char *name = json_str(given, "localhostProfile");

        if (!streq(json_str(given, "type"), "Localhost"))
                return 0;
        return err_set(e, -EINVAL, "CreateContainerError",
                       "securityContext.%s: profile \"%.100s\" cannot be loaded: %s", field, name ? name : "", why);
}

int sandbox_parse(const cJSON *pod_context, const cJSON *context, struct sandbox *ret, struct err *e)
{
        const cJSON *seccomp = profile(pod_context, context, "seccompProfile");
        int r;

        *ret = (struct sandbox){
                .no_new_privileges = !json_bool(context, "allowPrivilegeEscalation", true),
                .read_only_root = json_bool(context, "readOnlyRootFilesystem", false),
                .filter_system_calls = streq(json_str(seccomp, "type"), "RuntimeDefault"),
        };
        r = parse_capabilities(json_get(context, "capabilities"), &ret->drop, e);
        if (r == 0)
                r = no_localhost(seccomp, "seccompProfile", "containers have systemd's filters here", e);
        if (r == 0)
                r = no_localhost(profile(pod_context, context, "appArmorProfile"), "appArmorProfile",
                                 "a program has the profile that the machine has for it", e);
        return r;
}
