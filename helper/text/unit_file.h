/* SPDX-License-Identifier: Apache-2.0 */
/* A service's unit file, read to be used again under another name (systemd.unit(5), systemd.syntax(7)). Pure. */
#ifndef VKS_HELPER_TEXT_UNIT_FILE_H
#define VKS_HELPER_TEXT_UNIT_FILE_H

#include "common/base.h"
#include "common/err.h"

enum { UNIT_FILE_MAX = 256 * 1024 };

struct unit_setting {
        char *key, *value;
};

struct unit_file {
        char *text; /* the file without [Install], and without settings by which the copy would affect other units */
        size_t n;
        struct unit_setting *service; /* the settings of [Service], in their order, continuation lines joined */
        bool user_of_instance;        /* User= has a specifier, so the instance's name decides as whom it runs */
        bool bus;                     /* when enabled it is the machine's dbus.service (by its Alias=) */
        bool syslog;                  /* when enabled it is the machine's syslog.service (by its Alias=) */
};

/* `name` is the unit's name, with the instance if it has one; %n, %N, %p, %i and %I are replaced by (parts of) it.
 * The caller owns *ret. -EPERM: a group is named by a specifier, or a command's prefixes ("+", "!", ...) stand in
 * quotes. */
int unit_file_parse(const char *name, const char *text, size_t size, struct unit_file **ret, struct err *e);
struct unit_file *unit_file_free(struct unit_file *u);
DEFINE_FREEP(struct unit_file, unit_file_free)

/* The value in force: the last one. "" when there is none, or `u` is NULL. */
const char *unit_file_get(const struct unit_file *u, const char *key);

/* Does any line of `key` begin so? Where systemd takes an empty value for no value, the last line says nothing of those
 * before it. */
bool unit_file_says(const struct unit_file *u, const char *key, const char *beginning);

/* The words of a list that is given in several lines (RuntimeDirectory= and others), as far as they are in force,
 * with one blank between them. The caller owns the string. */
char *unit_file_words(const struct unit_file *u, const char *key);

/* Is there a command that runs as root whatever User= says? */
bool unit_file_has_root_commands(const struct unit_file *u);

/* Is one of them the daemon itself (ExecStart=), which may become somebody else later? */
bool unit_file_starts_as_root(const struct unit_file *u);

bool unit_yes(const char *value); /* a boolean that is true */

#endif
