/* SPDX-License-Identifier: Apache-2.0 */
#include "metric_text.h"

#include <string.h>

#include "train/letters.h"

enum { NO_CHARACTER = 0xfffd };

void mlsel_i_text_free(text_buffer *text) {
    mlsel_i_free(text->bytes);
    *text = (text_buffer){0};
}

static mlsel_status make_room(text_buffer *out, size_t size, mlsel_error *err) {
    *out = (text_buffer){0};
    if (size > INT32_MAX)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "a text of %zu bytes: metrics take at most 2147483647", size);
    out->bytes = mlsel_i_alloc(size + 1, 1);
    return out->bytes == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
}

/* --- characters --------------------------------------------------------------------------------------------------- */

uint32_t mlsel_i_text_at(const char *at, const char *end) {
    if (at >= end)
        return 0;
    const unsigned char *p = (const unsigned char *)at;
    if (*p >= 0x80 && mlsel_i_utf8_length(p, (const unsigned char *)end) == 0)
        return NO_CHARACTER;
    return mlsel_i_next_character(&p, (const unsigned char *)end);
}

uint32_t mlsel_i_text_before(const char *begin, const char *at) {
    const char *p = at;
    if (p == begin)
        return 0;
    for (p--; p > begin && at - p < 4 && ((unsigned char)*p & 0xc0) == 0x80;)
        p--;
    const size_t length = mlsel_i_utf8_length((const unsigned char *)p, (const unsigned char *)at);
    return length > 0 && p + length == at ? mlsel_i_text_at(p, at) : NO_CHARACTER;
}

bool mlsel_i_continues_word(uint32_t c) {
    return c != 0 && c != NO_CHARACTER && mlsel_i_letter_kind(c) == LETTERS_LETTER;
}

static bool has_no_width(uint32_t c) {
    return c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f || c == 0x2060 || c == 0xfeff;
}

static bool is_space(uint32_t c) {
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Marks between words. Signs that mean something, as degrees and arrows, are none. */
static bool is_mark(uint32_t c) {
    if (c < 0x80)
        return mlsel_i_letter_kind(c) == LETTERS_MARK;
    if (c < 0xc0)
        return c >= 0xa1 && c != 0xaa && !(c >= 0xb0 && c <= 0xb3) && c != 0xb5 && c != 0xb9 && c != 0xba &&
               !(c >= 0xbc && c <= 0xbe);
    return (c >= 0x2010 && c <= 0x205e) || (c >= 0x20a0 && c < 0x20d0) || (c >= 0x3001 && c <= 0x3020) || c == 0x30fb ||
           (c >= 0xff5f && c <= 0xff65);
}

/* --- folding ------------------------------------------------------------------------------------------------------ */

/* What a character is folded to, which has no more bytes; 0: nothing. */
static uint32_t fold(uint32_t c, bool is_lower) {
    if (has_no_width(c))
        return 0;
    if (is_space(c))
        return c == '\n' || c == 0x2028 || c == 0x2029 ? '\n' : ' ';
    if (c >= 0xff01 && c <= 0xff5e)
        c -= 0xff01 - '!';
    if (c == 0x2212)
        c = '-';
    return is_lower ? mlsel_i_lower(c) : c;
}

static void trim(text_buffer *text) {
    size_t begin = 0;
    while (text->size > 0 && (text->bytes[text->size - 1] == ' ' || text->bytes[text->size - 1] == '\n'))
        text->size--;
    while (begin < text->size && (text->bytes[begin] == ' ' || text->bytes[begin] == '\n'))
        begin++;
    text->size -= begin;
    memmove(text->bytes, text->bytes + begin, text->size);
    text->bytes[text->size] = '\0';
}

mlsel_status mlsel_i_text_fold(const char *text, bool is_lower, text_buffer *out, mlsel_error *err) {
    const size_t size = strlen(text);
    const unsigned char *at = (const unsigned char *)text, *const end = at + size;
    const mlsel_status status = make_room(out, size, err);
    if (status != MLSEL_OK)
        return status;
    char *to = out->bytes;
    while (at < end) {
        if (*at >= 0x80 && mlsel_i_utf8_length(at, end) == 0) {
            *to++ = (char)*at++;
            continue;
        }
        const uint32_t c = fold(mlsel_i_next_character(&at, end), is_lower);
        if (c != 0)
            to += mlsel_i_utf8_encode(c, to);
    }
    out->size = (size_t)(to - out->bytes);
    trim(out);
    return MLSEL_OK;
}

bool mlsel_i_text_equal(const text_buffer *a, const text_buffer *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static bool is_article(const char *word, size_t size) {
    return (size == 1 && word[0] == 'a') || (size == 2 && memcmp(word, "an", 2) == 0) ||
           (size == 3 && memcmp(word, "the", 3) == 0);
}

/* Number of digits from `at` on, as far as it matters. */
static size_t count_digits(const char *at, const char *end) {
    enum { ENOUGH = 4 };
    size_t n = 0;
    while (n < ENOUGH && at + n < end && text_is_digit(at[n]))
        n++;
    return n;
}

/* Whether digits of a number go on behind a separator that ends at `at`: three, or as in 12,34,567 pairs before three.
 */
static bool continues_groups(const char *at, const char *end) {
    enum { MOST_PAIRS = 8 }; /* more are a list, and would take a time that is not linear */
    for (int i = 0; i < MOST_PAIRS; i++, at += 3) {
        const size_t n = count_digits(at, end);
        if (n != 2 || end - at < 3 || at[2] != ',')
            return n == 3;
    }
    return false;
}

/* Whether '-' at `at` is the sign of a number. */
static bool is_sign(const char *begin, const char *at, const char *end) {
    const char *next = at + 1;
    if (next < end && *next == '$')
        next++;
    if (next < end && *next == '.')
        next++;
    if (next >= end || !text_is_digit(*next))
        return false;
    const uint32_t before = mlsel_i_text_before(begin, at);
    return !mlsel_i_continues_word(before) && before != ')' && before != '}' && before != ']';
}

/* What stands for a mark among words: itself, a space, or 0 for nothing. */
static char keep_mark(const char *begin, const char *at, const char *end, unsigned flags) {
    const bool is_after_digit = at > begin && text_is_digit(at[-1]);
    const bool is_before_digit = at + 1 < end && text_is_digit(at[1]);
    if (*at == '.' && is_before_digit && (is_after_digit || !mlsel_i_continues_word(mlsel_i_text_before(begin, at))))
        return '.';
    if (*at == '-' && is_sign(begin, at, end))
        return '-';
    if (*at == ',' && is_after_digit && is_before_digit)
        return continues_groups(at + 1, end) ? '\0' : ' ';
    return (flags & TEXT_SPLITS) != 0 ? ' ' : '\0';
}

/* Ends the word that goes from `word` to `to`, and returns where the next begins. */
static char *end_word(char *word, char *to, unsigned flags) {
    if (to == word || ((flags & TEXT_DROPS_ARTICLES) != 0 && is_article(word, (size_t)(to - word))))
        return word;
    *to = ' ';
    return to + 1;
}

mlsel_status mlsel_i_text_words(const text_buffer *text, unsigned flags, text_buffer *out, mlsel_error *err) {
    const mlsel_status status = make_room(out, text->size + 1, err);
    if (status != MLSEL_OK)
        return status;
    const char *const begin = text->bytes, *const end = begin + text->size;
    const unsigned char *at = (const unsigned char *)begin;
    char *word = out->bytes, *to = word;
    while ((const char *)at < end) {
        const char *here = (const char *)at;
        const uint32_t c = mlsel_i_text_at(here, end);
        (void)mlsel_i_next_character(&at, (const unsigned char *)end);
        char mark = '\0';
        if (c == ' ' || c == '\n' || (c >= 0x80 && (flags & TEXT_SPLITS) != 0 && is_mark(c)))
            mark = ' ';
        else if (c < 0x80 && is_mark(c))
            mark = keep_mark(begin, here, end, flags);
        else if (is_mark(c))
            mark = '\0';
        else
            while (here < (const char *)at)
                *to++ = *here++;
        if (mark == ' ')
            to = word = end_word(word, to, flags);
        else if (mark != '\0')
            *to++ = mark;
    }
    to = end_word(word, to, flags);
    out->size = (size_t)(to - out->bytes);
    trim(out);
    return MLSEL_OK;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static bool cuts_before(const char *begin, const char *at, const char *end) {
    const bool is_point = *at == '.' && at + 1 < end && text_is_digit(at[1]);
    if (at == begin || !(text_is_digit(*at) || is_point))
        return false;
    const char before = at[-1];
    const bool is_second = at - begin >= 2 && text_is_digit(at[-2]);
    return text_is_digit(before) || (before == '.' && !is_point) ||
           (before == ',' && is_second && continues_groups(at, end)) || (before == '-' && is_sign(begin, at - 1, end));
}

/* `at` is behind a digit. */
static bool cuts_after(const char *at, const char *end) {
    if (at == end)
        return false;
    return text_is_digit(*at) ||
           (at + 1 < end && text_is_digit(at[1]) && (*at == '.' || (*at == ',' && continues_groups(at + 1, end))));
}

static bool is_match(const text_buffer *text, const char *at, size_t size, unsigned edges) {
    const char *begin = text->bytes, *end = begin + text->size;
    if (cuts_before(begin, at, end) || (text_is_digit(at[size - 1]) && cuts_after(at + size, end)))
        return false;
    if ((edges & TEXT_WORD_BEGINS) != 0 && mlsel_i_continues_word(mlsel_i_text_before(begin, at)))
        return false;
    return (edges & TEXT_WORD_ENDS) == 0 || !mlsel_i_continues_word(mlsel_i_text_at(at + size, end));
}

/* D. Knuth, J. Morris, V. Pratt, 1977: a library's strstr is quadratic on some systems. */
mlsel_status mlsel_i_text_find(const text_buffer *text, const text_buffer *needle, unsigned edges, size_t *at,
                               mlsel_error *err) {
    *at = SIZE_MAX;
    if (needle->size > text->size)
        return MLSEL_OK;
    const char *n = needle->bytes;
    uint32_t *border = mlsel_i_alloc(needle->size, sizeof *border);
    if (border == NULL)
        return mlsel_i_no_memory(err);
    border[0] = 0;
    for (uint32_t i = 1, k = 0; i < needle->size; i++) {
        while (k > 0 && n[i] != n[k])
            k = border[k - 1];
        k += n[i] == n[k];
        border[i] = k;
    }
    size_t k = 0;
    for (size_t i = 0; i < text->size && *at == SIZE_MAX; i++) {
        while (k > 0 && text->bytes[i] != n[k])
            k = border[k - 1];
        k += text->bytes[i] == n[k];
        if (k < needle->size)
            continue;
        if (is_match(text, text->bytes + i + 1 - k, k, edges))
            *at = i + 1 - k;
        k = border[k - 1];
    }
    mlsel_i_free(border);
    return MLSEL_OK;
}

mlsel_status mlsel_i_text_contains(const text_buffer *text, const text_buffer *needle, bool *is_contained,
                                   mlsel_error *err) {
    enum { SHORT_WORD = 2 };
    const char *end = needle->bytes + needle->size;
    const unsigned char *p = (const unsigned char *)needle->bytes;
    size_t letters = 0, at = SIZE_MAX;
    while (letters <= SHORT_WORD && (const char *)p < end &&
           mlsel_i_continues_word(mlsel_i_text_at((const char *)p, end))) {
        (void)mlsel_i_next_character(&p, (const unsigned char *)end);
        letters++;
    }
    const bool is_short = letters <= SHORT_WORD && (const char *)p == end;
    *is_contained = false;
    if (needle->size == 0)
        return MLSEL_OK;
    const mlsel_status status =
        mlsel_i_text_find(text, needle, is_short ? TEXT_WORD_BEGINS | TEXT_WORD_ENDS : 0, &at, err);
    *is_contained = at != SIZE_MAX;
    return status;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

/* Length of a separator of groups of digits, as in 1,000 or LaTeX's 1{,}000, 1,\!000 and 1\,000; 0 if there is none. */
static size_t separator_length(const char *at, const char *end) {
    static const char *const separators[] = {",\\!", ",", "{,}", "\\,", "\\!"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(separators); i++) {
        const size_t length = strlen(separators[i]);
        if ((size_t)(end - at) > length && memcmp(at, separators[i], length) == 0)
            return continues_groups(at + length, end) ? length : 0;
    }
    return 0;
}

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && text_is_digit(*at))
        at++;
    return at;
}

bool mlsel_i_number_next(const char *begin, const char **at, const char *end, text_number *number) {
    const char *p = *at;
    while (p < end && !text_is_digit(*p))
        p++;
    *at = end;
    if (p == end)
        return false;
    const char *start = p;
    *number = (text_number){.whole = p};
    if (start > begin && start[-1] == '.' && !mlsel_i_continues_word(mlsel_i_text_before(begin, start - 1))) {
        start--; /* .5 */
        number->whole_end = p;
    } else {
        p = skip_digits(p, end);
        for (size_t length; (length = separator_length(p, end)) > 0;)
            p = skip_digits(p + length, end);
        number->whole_end = p;
    }
    number->fraction = p;
    if (number->whole_end > number->whole && p + 1 < end && *p == '.' && text_is_digit(p[1]))
        number->fraction = p + 1;
    number->fraction_end = p = skip_digits(number->fraction, end);
    while (start > begin && (start[-1] == '$' || start[-1] == '\\'))
        start--;
    number->is_negative = start > begin && start[-1] == '-' && start - 1 >= begin &&
                          !mlsel_i_continues_word(mlsel_i_text_before(begin, start - 1)) &&
                          (start - 1 == begin || strchr(")}]", start[-2]) == NULL);
    *at = p;
    return true;
}

static bool is_zero(const text_number *n) {
    for (const char *p = n->whole; p < n->whole_end; p++)
        if (*p >= '1' && *p <= '9')
            return false;
    for (const char *p = n->fraction; p < n->fraction_end; p++)
        if (*p != '0')
            return false;
    return true;
}

static const char *next_digit(const char *p, const char *end) {
    while (p < end && !text_is_digit(*p))
        p++;
    return p;
}

static const char *skip_zeros(const char *p, const char *end) {
    while (p < end && (*p == '0' || !text_is_digit(*p)))
        p++;
    return p;
}

bool mlsel_i_number_equal(const text_number *a, const text_number *b) {
    const bool is_nothing = is_zero(a);
    if (is_nothing != is_zero(b) || (!is_nothing && a->is_negative != b->is_negative))
        return false;
    const char *p = skip_zeros(a->whole, a->whole_end), *q = skip_zeros(b->whole, b->whole_end);
    while (p < a->whole_end && q < b->whole_end) {
        if (*p != *q)
            return false;
        p = next_digit(p + 1, a->whole_end);
        q = next_digit(q + 1, b->whole_end);
    }
    if (p < a->whole_end || q < b->whole_end)
        return false;
    for (p = a->fraction, q = b->fraction; p < a->fraction_end && q < b->fraction_end; p++, q++)
        if (*p != *q)
            return false;
    return skip_zeros(p, a->fraction_end) == a->fraction_end && skip_zeros(q, b->fraction_end) == b->fraction_end;
}

bool mlsel_i_number_is(const text_buffer *text, text_number *number) {
    if (text->size == 0)
        return false;
    const char *at = text->bytes, *const end = at + text->size;
    const char *p = at;
    p += *p == '-' || *p == '+';
    p += p < end && *p == '$';
    p += p < end && *p == '.';
    if (p == end || !text_is_digit(*p) || !mlsel_i_number_next(text->bytes, &at, end, number))
        return false;
    if (at < end && *at == '.')
        at++;
    return at == end;
}

bool mlsel_i_number_first(const char *text, size_t size, text_number *number) {
    const char *at = text;
    return mlsel_i_number_next(text, &at, text + size, number);
}

bool mlsel_i_number_last(const char *text, size_t size, text_number *number) {
    const char *at = text;
    bool found = false;
    while (mlsel_i_number_next(text, &at, text + size, number))
        found = true;
    return found;
}
