/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/join/token.h"

#include <ctype.h>
#include <errno.h>

#include "common/mem.h"

#define K3S_PREFIX   "K10"
#define K3S_SPLIT    "::"
#define TOKEN_LETTER "abcdefghijklmnopqrstuvwxyz0123456789"

/* Exactly `n` digits, in either case. */
static bool take_hex(const char *s, size_t n, char *ret)
{
        for (size_t i = 0; i < n; i++) {
                if (!isxdigit((unsigned char)s[i]))
                        return false;
                ret[i] = (char)tolower((unsigned char)s[i]);
        }
        ret[n] = '\0';
        return true;
}

static bool is_bootstrap(const char *s)
{
        size_t n = strlen(s);

        return n == TOKEN_ID_LEN + 1 + TOKEN_SECRET_LEN && strspn(s, TOKEN_LETTER) == TOKEN_ID_LEN &&
               s[TOKEN_ID_LEN] == '.' && strspn(s + TOKEN_ID_LEN + 1, TOKEN_LETTER) == TOKEN_SECRET_LEN;
}

/* "<user>:<password>" or a bare one. The user does not matter: whoever asks for a node's certificates is "node". */
static int take_password(const char *s, bool whole, struct join_token *ret, struct err *e)
{
        const char *colon = strchr(s, ':');

        if (colon)
                s = colon + 1;
        else if (whole)
                return err_set(e, -EINVAL, NULL, "the token has no \"user:password\" behind its \"" K3S_SPLIT "\"");
        if (!*s)
                return err_set(e, -EINVAL, NULL, "the token's password is empty");
        if (!str_copy(ret->password, sizeof(ret->password), s, s + strlen(s)))
                return err_set(e, -EINVAL, NULL, "the token is too long");
        return 0;
}

static int parse(const char *s, struct join_token *ret, struct err *e)
{
        bool whole = starts_with(s, K3S_PREFIX);
        const char *split = whole ? strstr(s, K3S_SPLIT) : NULL;

        if (whole && !split)
                return err_set(e, -EINVAL, NULL,
                               "the token begins as K3s' do (" K3S_PREFIX ") and has no \"" K3S_SPLIT
                               "\": was all of it copied?");
        if (whole) {
                s += strlen(K3S_PREFIX);
                if (split != s && ((size_t)(split - s) != SHA256_HEX_LEN || !take_hex(s, SHA256_HEX_LEN, ret->ca_hash)))
                        return err_set(e, -EINVAL, NULL,
                                       "what the token has between " K3S_PREFIX " and \"" K3S_SPLIT
                                       "\" is no sha256 of %d hex digits: was all of it copied?",
                                       SHA256_HEX_LEN);
                s = split + strlen(K3S_SPLIT);
        }
        if (!is_bootstrap(s))
                return take_password(s, whole, ret, e);
        ret->is_bootstrap = true;
        str_copy(ret->id, sizeof(ret->id), s, s + TOKEN_ID_LEN);
        str_copy(ret->secret, sizeof(ret->secret), s + TOKEN_ID_LEN + 1, s + strlen(s));
        return 0;
}

int join_token_parse(const char *text, struct join_token *ret, struct err *e)
{
        CLEANUP(freep) char *copy = NULL;
        size_t n;
        int r = 0;

        *ret = (struct join_token){ 0 };
        while (isspace((unsigned char)*text))
                text++;
        n = strlen(text);
        while (n > 0 && isspace((unsigned char)text[n - 1]))
                n--;
        if (n == 0)
                return err_set(e, -EINVAL, NULL, "the token is empty");
        for (size_t i = 0; i < n && r == 0; i++)
                if (!isgraph((unsigned char)text[i]))
                        r = err_set(e, -EINVAL, NULL, "the token has a space or a control character in it");
        if (r < 0)
                return r;
        copy = xstrndup(text, n);
        r = parse(copy, ret, e);
        explicit_bzero(copy, n);
        if (r < 0)
                explicit_bzero(ret, sizeof(*ret));
        return r;
}

int join_pin_parse(const char *text, char ret[SHA256_HEX_LEN + 1], struct err *e)
{
        const char *digits = starts_with(text, "sha256:") ? text + strlen("sha256:") : NULL;

        if (!digits || strlen(digits) != SHA256_HEX_LEN || !take_hex(digits, SHA256_HEX_LEN, ret))
                return err_set(e, -EINVAL, NULL, "\"%s\" is not \"sha256:\" and %d hex digits", text, SHA256_HEX_LEN);
        return 0;
}
