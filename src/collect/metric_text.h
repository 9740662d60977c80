/* SPDX-License-Identifier: Apache-2.0 */
/* Texts made comparable, texts found within texts, and the numbers in them. All in linear time. */
#ifndef MLSEL_METRIC_TEXT_H
#define MLSEL_METRIC_TEXT_H

#include "internal.h"

typedef struct text_buffer {
    char *bytes; /* a zero follows them; NULL: empty, as after a failure */
    size_t size;
} text_buffer;

void mlsel_i_text_free(text_buffer *text);

/*
 * A copy without white space around it, in which white space is ' ' or '\n', full-width ASCII and the minus sign are
 * ASCII, and characters of no width are missing; in lower case if asked for. Never larger than the original.
 */
mlsel_status mlsel_i_text_fold(const char *text, bool is_lower, text_buffer *out, mlsel_error *err);

enum {
    TEXT_SPLITS = 1,        /* punctuation becomes a space; else it vanishes */
    TEXT_DROPS_ARTICLES = 2 /* the words a, an, the */
};

/*
 * Words with one space between them, without punctuation. Of a number a decimal point and a sign stay, and commas
 * between its groups of digits vanish; other commas between digits become spaces.
 */
mlsel_status mlsel_i_text_words(const text_buffer *text, unsigned flags, text_buffer *out, mlsel_error *err);

enum {
    TEXT_WORD_BEGINS = 1, /* no letter or digit is before the match */
    TEXT_WORD_ENDS = 2    /* nor after it */
};

/*
 * Where the needle, which must not be empty, first occurs in a text; *at is SIZE_MAX if nowhere. A match that would cut
 * a number is none: 5 is not in 15, 3.5, 5.1 or -5.
 */
mlsel_status mlsel_i_text_find(const text_buffer *text, const text_buffer *needle, unsigned edges, size_t *at,
                               mlsel_error *err);

/* Whether the needle occurs, one or two letters or digits only as a word of their own; an empty one does not. */
mlsel_status mlsel_i_text_contains(const text_buffer *text, const text_buffer *needle, bool *is_contained,
                                   mlsel_error *err);

bool mlsel_i_text_equal(const text_buffer *a, const text_buffer *b);

/* The character at `at`, or 0 at the end; the one before it, or 0 at the beginning. A byte that is no UTF-8 counts as
 * U+FFFD. */
uint32_t mlsel_i_text_at(const char *at, const char *end);
uint32_t mlsel_i_text_before(const char *begin, const char *at);
/* Whether it is a letter or digit that would continue a word. Ideographs are words each. */
bool mlsel_i_continues_word(uint32_t c);

static inline bool text_is_digit(char c) { return c >= '0' && c <= '9'; }

/* A decimal number as it is written: digits before the point, which may have separators among them, and after it. */
typedef struct text_number {
    bool is_negative;
    const char *whole, *whole_end, *fraction, *fraction_end;
} text_number;

/* The next number from *at on, which moves behind it; `begin` is where the text begins. */
bool mlsel_i_number_next(const char *begin, const char **at, const char *end, text_number *number);
/* Whether two have the same value, of however many digits. */
bool mlsel_i_number_equal(const text_number *a, const text_number *b);
/* Whether the text is one number and nothing else. */
bool mlsel_i_number_is(const text_buffer *text, text_number *number);
/* The first and the last number of a text; false: there is none. */
bool mlsel_i_number_first(const char *text, size_t size, text_number *number);
bool mlsel_i_number_last(const char *text, size_t size, text_number *number);

#endif
