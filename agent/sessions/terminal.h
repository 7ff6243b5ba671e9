/* SPDX-License-Identifier: Apache-2.0 */
/* A pseudo-terminal (pty(7)), and its size as Kubernetes' clients tell it. */
#ifndef VKS_AGENT_SESSIONS_TERMINAL_H
#define VKS_AGENT_SESSIONS_TERMINAL_H

#include <systemd/sd-event.h>

#include "common/buf.h"

enum { TERMINAL_SIZE_MAX = 256 }; /* of one change of size */

/* *ret: our end, which does not block; *ret_far: the program's. Both are the caller's. A negative errno on failure. */
int terminal_new(int *ret, int *ret_far);

/*
 * `io` watches our end for what is to be read. While nobody has the far end open (EIO), which a program may do and open
 * it again (/dev/tty), the kernel would say so without end: then (`hung`) only a change is told.
 */
void terminal_set_hung(sd_event_source *io, bool *hung, bool now);

/*
 * Takes n bytes of a resize stream: {"Width":W,"Height":H}, one after the other, in pieces of any size. `rest` keeps
 * what is not complete; what is no such object is passed over. The last size counts.
 */
void terminal_resize(int terminal, struct buf *rest, const void *p, size_t n);

/* Pure: the sizes that are complete in `rest`; of them the last. False: there is none. */
bool terminal_size(struct buf *rest, const void *p, size_t n, unsigned short *ret_width, unsigned short *ret_height);

#endif
