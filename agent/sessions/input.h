/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients send to a program that reads it when it likes: written to a descriptor as that takes it, and kept until
 * then. Who sends is told to wait before there is too much.
 */
#ifndef VKS_AGENT_SESSIONS_INPUT_H
#define VKS_AGENT_SESSIONS_INPUT_H

#include <systemd/sd-event.h>

#include "common/base.h"

enum {
        INPUT_MAX = 1024 * 1024, /* what is kept at most; more is refused */
        INPUT_HIGH = 256 * 1024, /* with so much of it the sender has to wait ... */
        INPUT_LOW = 64 * 1024,   /* ... until there is less than this */
};

struct input;

struct input_handler {
        void (*room)(void *userdata);  /* who was told to wait may go on */
        void (*ended)(void *userdata); /* all was written behind input_end(), or nobody reads it any more */
};

/* `fd` does not block, and is the input's from now on: closed when it has ended. `h` and `userdata` are borrowed. */
struct input *input_new(sd_event *event, int fd, const struct input_handler *h, void *userdata);
struct input *input_free(struct input *in);
DEFINE_FREEP(struct input, input_free)

/* Takes n bytes. 1; 0: taken, but wait for room(); -ENOBUFS: not taken, the sender was told to wait and did not. What
 * comes behind the end is nobody's: 1. Nothing is called from inside. */
int input_add(struct input *in, const void *p, size_t n);

/* Nothing more comes. ended() may be called from inside: at once, where nothing is left to be written. */
void input_end(struct input *in);

/* While it is held nothing is written; what comes is kept. */
void input_hold(struct input *in, bool held);

#endif
