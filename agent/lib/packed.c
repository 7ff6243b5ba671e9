/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lib/packed.h"

#define ZLIB_CONST /* input is const */
#include <zlib.h>

#include "common/log.h"
#include "common/mem.h"

/* Little memory for little texts: with zlib's defaults 256 KiB would be set up for each of a few KiB. */
enum { LEVEL = 3, WINDOW_BITS = 12, MEMORY_LEVEL = 5 };

struct packed {
        size_t size, packed_size; /* the latter is 0 for a text as it is */
        unsigned char data[];
};

static void must(bool good)
{
        if (good)
                return;
        log_error("zlib: out of memory");
        abort();
}

static struct packed *as_it_is(const char *text, size_t size)
{
        struct packed *p = xcalloc(1, sizeof(*p) + size);

        p->size = size;
        memcpy(p->data, text, size);
        return p;
}

static struct packed *deflated(const char *text, size_t size)
{
        z_stream z = { 0 };
        struct packed *p;
        size_t bound;

        must(deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK);
        bound = deflateBound(&z, size);
        must(size <= UINT32_MAX && bound <= UINT32_MAX); /* both are of an object that a body was long enough for */
        p = xcalloc(1, sizeof(*p) + bound);
        z.next_in = (const unsigned char *)text;
        z.avail_in = (uInt)size;
        z.next_out = p->data;
        z.avail_out = (uInt)bound;
        must(deflate(&z, Z_FINISH) == Z_STREAM_END);
        p->size = size;
        p->packed_size = z.total_out;
        deflateEnd(&z);
        return xrealloc(p, 1, sizeof(*p) + p->packed_size);
}

struct packed *packed_new(const char *text, size_t size, bool brief)
{
        return brief ? as_it_is(text, size) : deflated(text, size);
}

char *packed_text(const struct packed *p)
{
        z_stream z = { 0 };
        char *text;

        if (!p)
                return NULL;
        text = xcalloc(1, p->size + 1);
        if (!p->packed_size) {
                memcpy(text, p->data, p->size);
                return text;
        }
        must(inflateInit2(&z, WINDOW_BITS) == Z_OK);
        z.next_in = p->data;
        z.avail_in = (uInt)p->packed_size;
        z.next_out = (unsigned char *)text;
        z.avail_out = (uInt)p->size + 1; /* one more, or a text of no bytes would have no room to end in */
        must(inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == p->size);
        inflateEnd(&z);
        text[p->size] = '\0';
        return text;
}

struct packed *packed_free(struct packed *p)
{
        free(p);
        return NULL;
}
