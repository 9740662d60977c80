/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are parts of a fuzzer's text, so that they occur in it. */
#ifndef MLSEL_FUZZ_SECRET_INPUT_H
#define MLSEL_FUZZ_SECRET_INPUT_H

#include <string.h>

#include "collect/secrets.h"
#include "fuzz.h"
#include "input.h"

/*
 * Whether a text may be a secret here. It has a letter that no fixed part of a message has, so that it is not found
 * there, and no character that is put in the place of others.
 */
static inline bool fuzz_may_be_secret(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] == 0x7f || strchr("*?.,;=[]{}:$'\"", text[i]) != NULL)
            return false;
    return size >= SECRET_MIN_SIZE && memchr(text, 'Q', size) != NULL;
}

/* Up to three parts of the text that may be secrets, one of them perhaps in two words. */
static inline secret_list fuzz_secrets(struct fuzz_input *in, const char *text, size_t size) {
    secret_list list = {0};
    for (uint32_t n = fuzz_below(in, 4); n > 0; n--) {
        char secret[64];
        const size_t at = fuzz_u16(in) % (size + 1),
                     most = size - at < sizeof secret - 1 ? size - at : sizeof secret - 1;
        const size_t length = most > 0 ? fuzz_u8(in) % (most + 1) : 0;
        memcpy(secret, text + at, length);
        secret[length] = '\0';
        if (fuzz_may_be_secret(secret, length))
            FUZZ_CHECK(mlsel_i_secrets_add(&list, secret));
    }
    return list;
}

/* That none of at least min_size bytes is in a text. */
static inline void fuzz_check_secrets(const secret_list *list, size_t min_size, const char *text) {
    for (size_t i = 0; i < list->n; i++)
        FUZZ_CHECK_THAT(strlen(list->texts[i]) < min_size || strstr(text, list->texts[i]) == NULL, "\"%s\" in \"%s\"",
                        list->texts[i], text);
}

#endif
