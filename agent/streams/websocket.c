/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams/websocket.h"

#include <errno.h>
#include <openssl/evp.h>

#include "common/mem.h"

enum { KEY_LENGTH = 24, KEY_BYTES = 16, SHA1_BYTES = 20 };

static bool is_key(const char *key)
{
        uint8_t bytes[KEY_LENGTH];

        /* OpenSSL counts what the padding stands for. */
        return strlen(key) == KEY_LENGTH && ends_with(key, "==") && key[KEY_LENGTH - 3] != '=' &&
               EVP_DecodeBlock(bytes, (const unsigned char *)key, KEY_LENGTH) == KEY_BYTES + 2;
}

bool websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE])
{
        CLEANUP(freep) char *text = xasprintf("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key); /* section 1.3 */
        uint8_t digest[SHA1_BYTES];

        if (!is_key(key) || EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
                return false;
        EVP_EncodeBlock((unsigned char *)ret, digest, sizeof(digest));
        return true;
}

static int broken(struct err *e, const char *why)
{
        return err_set(e, -EPROTO, NULL, "%s", why);
}

static uint64_t number(const uint8_t *p, size_t n)
{
        uint64_t value = 0;

        for (size_t i = 0; i < n; i++)
                value = value << 8 | p[i];
        return value;
}

static int frame_parse(const uint8_t *p, size_t n, bool masked, struct websocket_frame *ret, struct err *e)
{
        size_t length_size, head;

        if (n < 2)
                return 0;
        *ret = (struct websocket_frame){ .fin = p[0] >> 7, .opcode = p[0] & 0xf, .length = p[1] & 0x7f };
        length_size = ret->length == 127 ? 8 : ret->length == 126 ? 2 : 0;
        head = 2 + length_size + (masked ? sizeof(ret->mask) : 0);
        if (p[0] & 0x70)
                return broken(e, "a frame with bits of an extension");
        if ((ret->opcode > WEBSOCKET_BINARY && ret->opcode < WEBSOCKET_CLOSE) || ret->opcode > WEBSOCKET_PONG)
                return broken(e, "a frame of an unknown kind");
        if (ret->opcode >= WEBSOCKET_CLOSE && (!ret->fin || length_size > 0))
                return broken(e, "a control frame that is too long or in pieces");
        if (masked && !(p[1] & 0x80))
                return broken(e, "a client's frame without a mask");
        if (!masked && (p[1] & 0x80))
                return broken(e, "a server's frame with a mask");
        if (n < head)
                return 0;
        if (length_size > 0)
                ret->length = number(p + 2, length_size);
        if (ret->length >> 63)
                return broken(e, "a frame is too long");
        if (masked)
                memcpy(ret->mask, p + 2 + length_size, sizeof(ret->mask));
        return (int)head;
}

int websocket_frame_parse(const uint8_t *p, size_t n, struct websocket_frame *ret, struct err *e)
{
        return frame_parse(p, n, true, ret, e);
}

int websocket_server_frame_parse(const uint8_t *p, size_t n, struct websocket_frame *ret, struct err *e)
{
        return frame_parse(p, n, false, ret, e);
}

void websocket_unmask(void *ret, const void *p, size_t n, const uint8_t mask[4], uint64_t offset)
{
        const uint8_t *from = p;
        uint8_t *to = ret, turned[8];
        uint64_t word, key;
        size_t i = 0;

        for (size_t k = 0; k < sizeof(turned); k++)
                turned[k] = mask[(offset + k) % 4];
        memcpy(&key, turned, sizeof(key));
        for (; i + sizeof(word) <= n; i += sizeof(word)) {
                memcpy(&word, from + i, sizeof(word));
                word ^= key;
                memcpy(to + i, &word, sizeof(word));
        }
        for (; i < n; i++)
                to[i] = from[i] ^ turned[i % sizeof(turned)];
}

size_t websocket_head(uint8_t ret[WEBSOCKET_SENT_HEAD_MAX], enum websocket_opcode opcode, uint64_t n)
{
        size_t length_size = n > 0xffff ? 8 : n > WEBSOCKET_CONTROL_MAX ? 2 : 0;

        ret[0] = (uint8_t)(0x80 | opcode);
        ret[1] = (uint8_t)(length_size == 8 ? 127 : length_size == 2 ? 126 : n);
        for (size_t i = 0; i < length_size; i++)
                ret[2 + i] = (uint8_t)(n >> 8 * (length_size - 1 - i));
        return 2 + length_size;
}

size_t websocket_client_head(uint8_t ret[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode, uint64_t n,
                             const uint8_t mask[4])
{
        size_t size = websocket_head(ret, opcode, n);

        ret[1] |= 0x80;
        memcpy(ret + size, mask, 4);
        return size + 4;
}

void websocket_key(const uint8_t random[16], char ret[WEBSOCKET_KEY_SIZE])
{
        EVP_EncodeBlock((unsigned char *)ret, random, KEY_BYTES);
}
