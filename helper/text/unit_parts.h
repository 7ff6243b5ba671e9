/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a unit's text (unit_text.h), among the files of this room that write them. Each appends lines to `b`,
 * and what comes from a pod is written by quote_word(), quote_path() or unit_text_env() and in no other way, or is an
 * id whose alphabet needs no quoting (common/ids.h).
 */
#ifndef VKS_HELPER_TEXT_UNIT_PARTS_H
#define VKS_HELPER_TEXT_UNIT_PARTS_H

#include "helper/text/unit_text.h"

/* One word of a command line, in systemd's quotes (systemd.service(5), COMMAND LINES): arrives byte for byte.
 * `expanded`: the line's variables are, so "$" is doubled. */
void quote_word(struct buf *b, const char *s, bool expanded);
/* A path in a list of paths, where systemd knows quotes but no \xNN. Policy has refused control characters and
 * backslashes. */
void quote_path(struct buf *b, const char *s);

void exec_lines_own(struct buf *b, const struct unit_text *u);   /* ExecStart= */
void exec_lines_other(struct buf *b, const struct unit_text *u); /* ExecStartPre=, ExecStop= and their kin */

/* RuntimeDirectory= and its kin. `beside`: for a command beside the container, where they are there already. */
void view_directories(struct buf *b, const struct unit_text *u, bool beside);
void view_mounts(struct buf *b, const struct unit_text *u);
void working_dir_line(struct buf *b, const struct unit_text *u);
void layer_needed(struct buf *b, const struct layer *l, const char *uid);

void identity_lines(struct buf *b, const struct unit_text *u);
/* What vks-exec becomes, and what it starts, may be more than that: a set-user-id program is one. */
bool may_gain(const struct privilege *w);

#endif
