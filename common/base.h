/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ownership idiom, used everywhere:
 *
 *   - who allocates says so in the header: "the caller owns" means free it with the type's own x_free();
 *   - x_free(NULL) is allowed and returns NULL, so `p = x_free(p)` never leaves a dangling pointer;
 *   - a local that owns something is declared with CLEANUP(x_freep), and ownership leaves it by TAKE(p);
 *   - memory that cannot be had ends the process (mem.h): no caller has anything better to do.
 */
#ifndef VKS_COMMON_BASE_H
#define VKS_COMMON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CLEANUP(fn)        __attribute__((cleanup(fn)))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_USE           __attribute__((warn_unused_result))
#define UNUSED             __attribute__((unused))

/* Moves an owned pointer out of `p`, leaving NULL behind. */
#define TAKE(p)                                                                                                        \
        ({                                                                                                             \
                __typeof__(p) _t = (p);                                                                                \
                (p) = NULL;                                                                                            \
                _t;                                                                                                    \
        })

/* Makes the `x_freep` that CLEANUP() wants out of an `x_free` that returns NULL. */
#define DEFINE_FREEP(type, fn)                                                                                         \
        static inline UNUSED void fn##p(type **p)                                                                      \
        {                                                                                                              \
                *p = fn(*p);                                                                                           \
        }

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline bool streq(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool starts_with(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool ends_with(const char *s, const char *suffix)
{
        size_t n = strlen(s), k = strlen(suffix);
        return n >= k && strcmp(s + n - k, suffix) == 0;
}

#endif
