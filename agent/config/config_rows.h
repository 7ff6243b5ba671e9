/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be set, row by row, for the files of this room alone: config.c reads flags and file, config_set.c takes a
 * value, config_tell.c tells what holds. A setting of a kind that is there already is a row in config_rows.c.
 */
#ifndef VKS_AGENT_CONFIG_ROWS_H
#define VKS_AGENT_CONFIG_ROWS_H

#include "agent/config/config.h"
#include "agent/lib/json.h"

enum config_type {
        STRING,
        NAME,
        BOOL,
        PORT,
        COUNT,
        PIDS,
        LEVEL,
        IPS,
        LABELS,
        RESERVED,
        WORDS,
        MODE,
        FORWARD,
        TIME,
        THRESHOLDS, /* SIGNAL<AMOUNT,... */
        RECLAIM,    /* SIGNAL=AMOUNT,... */
        GRACES,     /* SIGNAL=TIME,... */
        PRIORITIES, /* PRIORITY=SECONDS,... */
};

bool config_is_list(enum config_type type); /* those that have items */
bool config_is_map(enum config_type type);

/* The flag, the field of the file (NULL: only a flag), and where it goes. */
struct config_row {
        const char *flag, *field, *arg, *help, *standard;
        enum config_type type;
        size_t at;
};

enum { CONFIG_ROWS = 45, CONFIG_LEVELS = 4, CONFIG_FORWARD_WORDS = PORT_FORWARD_OFF + 1 };
extern const struct config_row config_rows[CONFIG_ROWS]; /* the last one is --help */

struct config_level {
        const char *name;
        int level; /* syslog's */
};
extern const struct config_level config_levels[CONFIG_LEVELS];
extern const char *const config_forward_words[CONFIG_FORWARD_WORDS];

static inline void *config_place(struct config *c, const struct config_row *row)
{
        return (char *)c + row->at;
}

/* ---- config_set.c: a value. -EINVAL says what is wrong with it, and not of which setting it is. ------------------ */

int config_set(struct config *c, const struct config_row *row, const char *text, struct err *e);
/* One item of a list, "KEY=VALUE" of a map; and the two of that. */
int config_set_item(struct config *c, const struct config_row *row, const char *item, struct err *e);
int config_set_pair(struct config *c, const struct config_row *row, const char *key, const char *value, struct err *e);
/* What one source says about a list replaces what another did. */
void config_clear(struct config *c, const struct config_row *row);
/* No words would be the same as no setting, and that is the widest of all. */
int config_not_empty(struct config *c, const struct config_row *row, struct err *e);
int config_set_time(uint64_t *ret, const char *s, struct err *e);
int config_set_name(char **ret, const char *s, struct err *e);

/* ---- config_eviction.c, config_shutdown.c: the same of thresholds, and of the end of the machine ----------------- */

int config_set_signal(struct config *c, const struct config_row *row, const char *name, const char *value,
                      struct err *e);
int config_check_eviction(const struct config_eviction *v, struct err *e);

int config_add_shutdown_class(struct config_shutdown *s, const char *priority, const char *seconds, struct err *e);
/* As the kubelet's file has it: {priority: 0, shutdownGracePeriodSeconds: 10}. */
int config_set_shutdown_object(struct config_shutdown *s, const cJSON *o, struct err *e);
/* The kubelet's rules (pkg/kubelet/apis/config/validation). */
int config_check_shutdown(const struct config_shutdown *s, struct err *e);

#endif
