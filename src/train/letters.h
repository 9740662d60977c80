/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of UTF-8 text: what they are, and their lower case, whatever the locale. */
#ifndef MLSEL_TRAIN_LETTERS_H
#define MLSEL_TRAIN_LETTERS_H

#include "internal.h"

/* Lower case of an ASCII, Latin, Greek or Cyrillic letter; other characters as they are. */
uint32_t mlsel_i_lower(uint32_t c);

/* Digits count as letters. */
typedef enum letter_kind { LETTERS_SPACE, LETTERS_MARK, LETTERS_LETTER, LETTERS_IDEOGRAPH } letter_kind;

static inline letter_kind mlsel_i_letter_kind(uint32_t c) {
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            return LETTERS_LETTER;
        return c <= ' ' || c == 0x7f ? LETTERS_SPACE : LETTERS_MARK;
    }
    if (c <= 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x3000 || c == 0xfeff)
        return LETTERS_SPACE;
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba ? LETTERS_LETTER : LETTERS_MARK;
    if (c == 0xd7 || c == 0xf7 || (c >= 0x2010 && c < 0x2c00) || (c >= 0x3001 && c < 0x3040) ||
        (c >= 0xff00 && c < 0xff10) || (c >= 0x1f000 && c < 0x20000))
        return LETTERS_MARK;
    /* written without spaces: each is a word */
    if ((c >= 0x3040 && c < 0x3100) || (c >= 0x3400 && c < 0xa000) || (c >= 0xf900 && c < 0xfb00) ||
        (c >= 0x20000 && c < 0x40000))
        return LETTERS_IDEOGRAPH;
    return LETTERS_LETTER;
}

/* The character at *at, which moves on; a byte that is no UTF-8 is taken as it is. *at must be before end. */
static inline uint32_t mlsel_i_next_character(const unsigned char **at, const unsigned char *end) {
    const unsigned char *p = *at;
    if (*p < 0x80) {
        ++*at;
        return *p;
    }
    const size_t length = mlsel_i_utf8_length(p, end);
    *at += length == 0 ? 1 : length;
    switch (length) {
    case 2:
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    case 3:
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    case 4:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    default:
        return p[0];
    }
}

#endif
