/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config_rows.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#include "agent/lib/quantity.h"
#include "common/ids.h"
#include "common/mem.h"

enum { PIDS_MAX = 4 * 1024 * 1024 };

static void clear_labels(struct config *c)
{
        for (size_t i = 0; i < c->n_labels; i++) {
                free(c->labels[i].key);
                free(c->labels[i].value);
        }
        free(c->labels);
        c->labels = NULL;
        c->n_labels = 0;
}

void config_clear(struct config *c, const struct config_row *row)
{
        char ***list = config_place(c, row);

        if (row->type == IPS || row->type == WORDS)
                *list = strv_free(*list);
        else if (row->type == LABELS)
                clear_labels(c);
        else if (row->type == THRESHOLDS || row->type == RECLAIM)
                memset(config_place(c, row), 0, sizeof(c->eviction.hard));
        else if (row->type == GRACES)
                memset(c->eviction.has_grace, 0, sizeof(c->eviction.has_grace));
        else if (row->type == PRIORITIES)
                c->shutdown.n = 0;
        else if (row->type == RESERVED)
                *(struct config_reserved *)config_place(c, row) = (struct config_reserved){ 0 };
}

static int set_bool(bool *ret, const char *s, struct err *e)
{
        if (!streq(s, "true") && !streq(s, "false"))
                return err_set(e, -EINVAL, NULL, "\"%s\" is neither true nor false", s);
        *ret = streq(s, "true");
        return 0;
}

static int parse_number(const char *s, unsigned long most, unsigned long *ret, struct err *e)
{
        char *end;

        errno = 0;
        *ret = strtoul(s, &end, 10);
        if (errno || !isdigit((unsigned char)s[0]) || *end || *ret > most)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no number from 0 to %lu", s, most);
        return 0;
}

static int set_level(int *ret, const char *s, struct err *e)
{
        for (size_t i = 0; i < CONFIG_LEVELS; i++)
                if (streq(config_levels[i].name, s)) {
                        *ret = config_levels[i].level;
                        return 0;
                }
        return err_set(e, -EINVAL, NULL, "\"%s\" is none of error, warning, info, debug", s);
}

/* The kubelet's words. */
static int set_mode(bool *ret_always_allow, const char *s, struct err *e)
{
        if (!streq(s, "Webhook") && !streq(s, "AlwaysAllow"))
                return err_set(e, -EINVAL, NULL, "\"%s\" is neither Webhook nor AlwaysAllow", s);
        *ret_always_allow = streq(s, "AlwaysAllow");
        return 0;
}

static int set_forward(enum config_port_forward *ret, const char *s, struct err *e)
{
        for (size_t i = 0; i < CONFIG_FORWARD_WORDS; i++)
                if (streq(config_forward_words[i], s)) {
                        *ret = (enum config_port_forward)i;
                        return 0;
                }
        return err_set(e, -EINVAL, NULL, "\"%s\" is none of PodPorts, AnyPort, Off", s);
}

int config_set_time(uint64_t *ret, const char *s, struct err *e)
{
        if (config_parse_duration(s, ret) < 0)
                return err_set(e, -EINVAL, NULL, "\"%s\" is no duration from 0 to 8760h (4h, 1h30m, 90s)", s);
        return 0;
}

int config_set_name(char **ret, const char *s, struct err *e)
{
        char *name = xstrdup(s);

        for (char *p = name; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        free(*ret);
        *ret = name;
        if (!id_is_name(name))
                return err_set(e, -EINVAL, NULL,
                               "\"%s\" is no name of a node or domain (RFC 1123: a-z, 0-9, - and dots)", name);
        return 0;
}

/* The kubelet's rule (nodestatus: validateNodeIP): an address that others can reach this node by. */
static int add_ip(char ***list, const char *s, struct err *e)
{
        struct in6_addr v6;
        struct in_addr v4;
        size_t n = 0;
        bool bad, is_v4 = inet_pton(AF_INET, s, &v4) == 1;

        if (is_v4) {
                uint32_t a = ntohl(v4.s_addr);
                bad = a == 0 || a >> 24 == 127 || a >> 28 == 14 || a >> 16 == 0xa9fe;
        } else if (inet_pton(AF_INET6, s, &v6) == 1) {
                bad = IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
                      IN6_IS_ADDR_LINKLOCAL(&v6);
        } else {
                return err_set(e, -EINVAL, NULL, "\"%s\" is no IP address", s);
        }
        if (bad)
                return err_set(e, -EINVAL, NULL, "%s is an address that no other machine can reach", s);
        for (; *list && (*list)[n]; n++)
                if (!strchr((*list)[n], ':') == is_v4)
                        return err_set(e, -EINVAL, NULL,
                                       "%s and %s are of the same family; at most one of each is possible", (*list)[n],
                                       s);
        strv_push(list, &n, xstrdup(s));
        return 0;
}

static int set_label(struct config *c, const char *key, const char *value, struct err *e)
{
        int r = config_label_check(key, value, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n_labels; i++)
                if (streq(c->labels[i].key, key))
                        return err_set(e, -EINVAL, NULL, "label %s is given twice", key);
        c->labels = xrealloc(c->labels, c->n_labels + 1, sizeof(*c->labels));
        c->labels[c->n_labels++] = (struct config_label){ xstrdup(key), xstrdup(value) };
        return 0;
}

static int set_reserved(struct config_reserved *ret, const char *key, const char *value, struct err *e)
{
        int r;

        if (streq(key, "cpu"))
                r = quantity_milli(value, &ret->cpu_milli);
        else if (streq(key, "memory"))
                r = quantity_value(value, &ret->memory);
        else if (streq(key, "ephemeral-storage"))
                r = quantity_value(value, &ret->storage);
        else
                return err_set(e, -EINVAL, NULL, "\"%s\" cannot be reserved (cpu, memory, ephemeral-storage)", key);
        return r < 0 ? err_set(e, r, NULL, "%s: \"%s\" is no quantity (100m, 0.5, 200Mi, 1G)", key, value) : 0;
}

static int add_word(char ***list, const char *s, struct err *e)
{
        size_t n = 0;

        if (s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-*?[]")])
                return err_set(e, -EINVAL, NULL, "\"%s\" is no pattern of names", s);
        while (*list && (*list)[n])
                n++;
        strv_push(list, &n, xstrdup(s));
        return 0;
}

int config_set_pair(struct config *c, const struct config_row *row, const char *key, const char *value, struct err *e)
{
        if (row->type == LABELS)
                return set_label(c, key, value, e);
        if (row->type == RESERVED)
                return set_reserved(config_place(c, row), key, value, e);
        if (row->type == PRIORITIES)
                return config_add_shutdown_class(&c->shutdown, key, value, e);
        return config_set_signal(c, row, key, value, e);
}

int config_set_item(struct config *c, const struct config_row *row, const char *item, struct err *e)
{
        CLEANUP(freep) char *key = xstrdup(item);
        char *equals, sign = row->type == THRESHOLDS ? '<' : '=';

        if (row->type == IPS)
                return add_ip(config_place(c, row), item, e);
        if (row->type == WORDS)
                return add_word(config_place(c, row), item, e);
        equals = strchr(key, sign);
        if (!equals)
                return err_set(e, -EINVAL, NULL, "\"%s\" has no \"%c\"", item, sign);
        *equals = '\0';
        return config_set_pair(c, row, key, equals + 1, e);
}

int config_not_empty(struct config *c, const struct config_row *row, struct err *e)
{
        if (row->type == WORDS && !*(char ***)config_place(c, row))
                return err_set(e, -EINVAL, NULL, "is empty (\"none\" fits nothing)");
        return 0;
}

static int set_list(struct config *c, const struct config_row *row, const char *text, struct err *e)
{
        int r = 0;

        for (const char *s = text; r == 0 && *s; s += *s == ',') {
                CLEANUP(freep) char *item = xstrndup(s, strcspn(s, ","));
                s += strlen(item);
                r = item[0] ? config_set_item(c, row, item, e) : 0;
        }
        return r < 0 ? r : config_not_empty(c, row, e);
}

int config_set(struct config *c, const struct config_row *row, const char *text, struct err *e)
{
        unsigned long number = 0;
        int r;

        switch (row->type) {
        case BOOL:
                return set_bool(config_place(c, row), text, e);
        case MODE:
                return set_mode(config_place(c, row), text, e);
        case FORWARD:
                return set_forward(config_place(c, row), text, e);
        case TIME:
                return config_set_time(config_place(c, row), text, e);
        case PORT:
                r = parse_number(text, UINT16_MAX, &number, e);
                *(uint16_t *)config_place(c, row) = (uint16_t)number;
                return r;
        case COUNT:
                r = parse_number(text, 1000000, &number, e);
                *(unsigned *)config_place(c, row) = (unsigned)number;
                return r;
        case PIDS: /* the kubelet's -1 is its "no limit" */
                r = streq(text, "-1") ? 0 : parse_number(text, PIDS_MAX, &number, e);
                *(unsigned *)config_place(c, row) = (unsigned)number;
                return r;
        case LEVEL:
                return set_level(config_place(c, row), text, e);
        case NAME:
                return config_set_name(config_place(c, row), text, e);
        case STRING: {
                char **string = config_place(c, row);
                if (!text[0])
                        return err_set(e, -EINVAL, NULL, "is empty");
                free(*string);
                *string = xstrdup(text);
                return 0;
        }
        case IPS:
        case LABELS:
        case RESERVED:
        case WORDS:
        case PRIORITIES:
        case THRESHOLDS:
        case RECLAIM:
        case GRACES:
                return set_list(c, row, text, e);
        }
        return -EINVAL;
}
