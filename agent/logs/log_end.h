/* SPDX-License-Identifier: Apache-2.0 */
/* The end of what a run of a container has written, when the run is over: for terminationMessagePolicy:
 * FallbackToLogsOnError. */
#ifndef VKS_AGENT_LOGS_LOG_END_H
#define VKS_AGENT_LOGS_LOG_END_H

#include "agent/logs/log_stream.h"

enum { /* the kubelet's pkg/kubelet/container, MaxContainerTerminationMessageLogLines and -LogLength */
       LOG_END_LINES = 80,
       LOG_END_BYTES = 2048
};

/*
 * Reads the last LOG_END_LINES lines, of these the last LOG_END_BYTES bytes, as UTF-8 ("?" for what is none), and calls
 * `done` once with them, never from inside. journald writes in its own time, so it takes about a second. -EUSERS as for
 * log_stream_new(); another negative errno: the journal cannot be read.
 */
int log_end_read(sd_event *event, const struct log_source *source, void (*done)(void *userdata, const char *text),
                 void *userdata);

#endif
