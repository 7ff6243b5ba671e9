/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on standard error with the "<N>" priority prefix that journald understands (sd-daemon(3)); on a
 * terminal without it. Newlines, control characters and what is no UTF-8 are shown as "?": a log line is one line.
 */
#ifndef VKS_COMMON_LOG_H
#define VKS_COMMON_LOG_H

#include <syslog.h>

#include "common/base.h"

void log_open(int max_priority); /* lines above it are dropped; LOG_INFO until called */
void log_line(int priority, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

#endif
