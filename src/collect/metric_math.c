/* SPDX-License-Identifier: Apache-2.0 */
/* MATH: what is in the last \boxed{} of an answer, compared as LaTeX. */
#include <string.h>

#include "metric_internal.h"

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* --- boxes -------------------------------------------------------------------------------------------------------- */

/* Whether the character at `at` is escaped: an odd number of backslashes is before it. */
static bool is_escaped(const char *begin, const char *at) {
    const char *p = at;
    while (p > begin && p[-1] == '\\')
        p--;
    return ((at - p) & 1) != 0;
}

/* Whether what ends before `at`, but for blanks, is a box command. */
static bool is_box(const char *begin, const char *at) {
    while (at > begin && at[-1] == ' ')
        at--;
    return (at - begin >= 6 && memcmp(at - 6, "\\boxed", 6) == 0) ||
           (at - begin >= 5 && memcmp(at - 5, "\\fbox", 5) == 0);
}

/* The brace that closes the one at `open`, which has one. */
static const char *closing_brace(const char *begin, const char *open, const char *end) {
    size_t depth = 0;
    for (const char *p = open; p < end; p++) {
        if ((*p != '{' && *p != '}') || is_escaped(begin, p))
            continue;
        if (*p == '{')
            depth++;
        else if (--depth == 0)
            return p;
    }
    return end;
}

/* "\boxed 5", without braces: what goes to the next white space or dollar sign. */
static size_t bare_argument(const char *at, const char *end, const char **content) {
    while (at < end && *at == ' ')
        at++;
    *content = at;
    while (at < end && strchr(" \n$", *at) == NULL)
        at++;
    return (size_t)(at - *content);
}

/* From the end: a brace opens a pair if closing ones are left over behind it. */
bool mlsel_i_latex_last_box(const char *text, size_t size, const char **content, size_t *content_size) {
    const char *const end = text + size;
    size_t closing = 0;
    for (const char *p = end; p-- > text;) {
        if (*p == '}' && !is_escaped(text, p)) {
            closing++;
        } else if (*p == '{' && closing > 0 && !is_escaped(text, p)) {
            closing--;
            if (!is_box(text, p))
                continue;
            *content = p + 1;
            *content_size = (size_t)(closing_brace(text, p, end) - p - 1);
            return true;
        } else if (*p == '\\' && end - p > 7 && memcmp(p, "\\boxed ", 7) == 0 && !is_escaped(text, p)) {
            const char *argument;
            const size_t length = bare_argument(p + 7, end, &argument);
            if (length == 0 || *argument == '{')
                continue;
            *content = argument;
            *content_size = length;
            return true;
        }
    }
    return false;
}

/* --- normalisation ------------------------------------------------------------------------------------------------ */

/* Commands that are dropped where they stand; what they are applied to stays. */
static const char *const dropped[] = {"left", "right", "displaystyle", "quad", "qquad", "big", "Big", "bigl", "bigr"};
/* The same with the braces of what they are applied to. */
static const char *const unwrapped[] = {"text", "textbf", "textit", "mathrm", "mathbf", "mbox", "boxed", "fbox"};
static const struct {
    const char *command, *replacement;
} replaced[] = {{"tfrac", "\\frac"}, {"dfrac", "\\frac"}, {"cfrac", "\\frac"}, {"le", "\\leq"},
                {"ge", "\\geq"},     {"ne", "\\neq"},     {"lbrace", "\\{"},   {"rbrace", "\\}"}};

typedef struct latex {
    const char *at, *end; /* what is still to be read */
    char *begin, *to;
    unsigned char *kept; /* a bit for each open brace: whether it was written */
    size_t depth;
    bool unwraps; /* the next brace is not written */
} latex;

static void put(latex *l, const char *text, size_t size) {
    memcpy(l->to, text, size);
    l->to += size;
}

static bool is_command(const char *name, size_t size, const char *command) {
    return strlen(command) == size && memcmp(name, command, size) == 0;
}

static bool is_any(const char *name, size_t size, const char *const *commands, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (is_command(name, size, commands[i]))
            return true;
    return false;
}

/* \frac12 is \frac{1}{2}, and \sqrt3 is \sqrt{3}. */
static void put_bare_arguments(latex *l, int most) {
    for (int i = 0; i < most; i++) {
        while (l->at < l->end && *l->at == ' ')
            l->at++;
        if (l->at == l->end || !(text_is_digit(*l->at) || is_letter(*l->at)))
            return;
        const char argument[] = {'{', *l->at++, '}'};
        put(l, argument, sizeof argument);
    }
}

/* A command of letters, whose backslash has been read. */
static void put_command(latex *l) {
    const char *name = l->at;
    while (l->at < l->end && is_letter(*l->at))
        l->at++;
    const size_t size = (size_t)(l->at - name);
    l->unwraps = is_any(name, size, unwrapped, MLSEL_ARRAY_LENGTH(unwrapped));
    if (l->unwraps || is_any(name, size, dropped, MLSEL_ARRAY_LENGTH(dropped)))
        return;
    size_t i = 0;
    while (i < MLSEL_ARRAY_LENGTH(replaced) && !is_command(name, size, replaced[i].command))
        i++;
    if (i < MLSEL_ARRAY_LENGTH(replaced))
        put(l, replaced[i].replacement, strlen(replaced[i].replacement));
    else
        put(l, name - 1, size + 1);
    if (size >= 4 && memcmp(name + size - 4, "frac", 4) == 0)
        put_bare_arguments(l, 2);
    else if (is_command(name, size, "sqrt"))
        put_bare_arguments(l, 1);
}

/* What a backslash begins. */
static void put_escape(latex *l) {
    char next = '\0';
    if (++l->at < l->end)
        next = *l->at;
    if (is_letter(next)) {
        put_command(l);
        return;
    }
    if (next == '\\') /* a line break, or a backslash that was escaped twice */
        return;
    if (next != '\0')
        l->at++;
    if (next != '\0' && strchr("!,;: $%\n", next) != NULL)
        return;
    *l->to++ = '\\';
    if (next != '\0')
        *l->to++ = next;
}

static void put_brace(latex *l) {
    const char brace = *l->at++;
    if (brace == '{') {
        const unsigned char bit = (unsigned char)(1u << (l->depth & 7));
        if (l->unwraps)
            l->kept[l->depth >> 3] &= (unsigned char)~bit;
        else
            l->kept[l->depth >> 3] |= bit;
        l->depth++;
        if (!l->unwraps)
            *l->to++ = brace;
    } else if (l->depth == 0) {
        *l->to++ = brace;
    } else {
        l->depth--;
        if ((l->kept[l->depth >> 3] >> (l->depth & 7) & 1) != 0)
            *l->to++ = brace;
    }
    l->unwraps = false;
}

/* Length of degrees at `at`: ^\circ, ^{\circ}, the sign. */
static size_t degrees_length(const char *at, const char *end) {
    static const char *const forms[] = {"^\\circ", "^{\\circ}", "^ \\circ", "^{\\degree}", "\\degree", "\xc2\xb0"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(forms); i++) {
        const size_t size = strlen(forms[i]);
        if ((size_t)(end - at) >= size && memcmp(at, forms[i], size) == 0)
            return size;
    }
    return 0;
}

/* Whether '.' at l->at begins a number that has no digit before the point. */
static bool lacks_zero(const latex *l) {
    return l->at + 1 < l->end && text_is_digit(l->at[1]) && (l->to == l->begin || !text_is_digit(l->to[-1]));
}

/* Without "x=" in front, if that is the only equation. */
static void drop_left_side(text_buffer *text) {
    enum { LONGEST = 2 };
    const char *equals = memchr(text->bytes, '=', text->size), *end = text->bytes + text->size;
    if (equals == NULL || memchr(equals + 1, '=', (size_t)(end - equals - 1)) != NULL)
        return;
    size_t characters = 0;
    for (const char *p = text->bytes; p < equals; p++)
        characters += ((unsigned char)*p & 0xc0) != 0x80;
    if (characters == 0 || characters > LONGEST)
        return;
    text->size = (size_t)(end - equals - 1);
    memmove(text->bytes, equals + 1, text->size + 1);
}

/* 1/2 is \frac{1}{2}, and takes eight bytes more. */
enum { FRACTION_GROWS = 8 };

static void write_as_fraction(text_buffer *text) {
    char *begin = text->bytes + (text->bytes[0] == '-'), *slash = begin, *end = text->bytes + text->size;
    while (slash < end && text_is_digit(*slash))
        slash++;
    char *stop = slash + (slash < end);
    while (stop < end && text_is_digit(*stop))
        stop++;
    if (slash == begin || slash == end || *slash != '/' || stop == slash + 1 || stop < end)
        return;
    const size_t over = (size_t)(slash - begin), under = (size_t)(stop - slash - 1);
    memmove(begin + over + FRACTION_GROWS, slash + 1, under);
    memmove(begin + 6, begin, over);
    memcpy(begin, "\\frac{", 6);
    begin[6 + over] = '}';
    begin[7 + over] = '{';
    begin[over + FRACTION_GROWS + under] = '}';
    begin[over + FRACTION_GROWS + under + 1] = '\0';
    text->size += FRACTION_GROWS;
}

static void normalise(latex *l) {
    while (l->at < l->end) {
        const size_t degrees = degrees_length(l->at, l->end);
        if (degrees > 0) {
            l->at += degrees;
        } else if (*l->at == '\\') {
            put_escape(l);
        } else if (*l->at == '{' || *l->at == '}') {
            put_brace(l);
        } else if (strchr(" \n%$~", *l->at) != NULL) {
            l->at++;
        } else {
            if (*l->at == '.' && lacks_zero(l))
                *l->to++ = '0';
            *l->to++ = *l->at++;
            l->unwraps = false;
        }
    }
    *l->to = '\0';
}

mlsel_status mlsel_i_latex_normalise(const char *text, size_t size, text_buffer *out, mlsel_error *err) {
    *out = (text_buffer){0};
    latex l = {.at = text, .end = text + size};
    l.begin = l.to = mlsel_i_alloc(size * 2 + FRACTION_GROWS + 1, 1); /* zeros before points, braces */
    l.kept = mlsel_i_alloc(size / 8 + 1, 1);
    if (l.begin == NULL || l.kept == NULL) {
        mlsel_i_free(l.begin);
        mlsel_i_free(l.kept);
        return mlsel_i_no_memory(err);
    }
    normalise(&l);
    mlsel_i_free(l.kept);
    *out = (text_buffer){l.begin, (size_t)(l.to - l.begin)};
    drop_left_side(out);
    if (out->size > 1 && out->bytes[out->size - 1] == '.')
        out->bytes[--out->size] = '\0';
    write_as_fraction(out);
    return MLSEL_OK;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static bool is_same(const text_buffer *a, const text_buffer *b) {
    text_number x, y;
    return mlsel_i_text_equal(a, b) ||
           (mlsel_i_number_is(a, &x) && mlsel_i_number_is(b, &y) && mlsel_i_number_equal(&x, &y));
}

static bool has_number(const text_buffer *text, const text_number *wanted) {
    const char *at = text->bytes;
    text_number number;
    while (mlsel_i_number_next(text->bytes, &at, text->bytes + text->size, &number))
        if (mlsel_i_number_equal(&number, wanted))
            return true;
    return false;
}

static bool is_one_word(const text_buffer *text) {
    size_t i = 0;
    while (i < text->size && is_letter(text->bytes[i]))
        i++;
    return i > 0 && i == text->size;
}

static mlsel_status compare(const metric_answer *answer, const char *truth, size_t truth_size, metric_verdict *out,
                            mlsel_error *err) {
    text_buffer wanted, given = {0}, all = {0};
    const char *box = NULL;
    size_t box_size = 0;
    text_number number;
    bool is_contained = false;
    mlsel_status status = mlsel_i_latex_normalise(truth, truth_size, &wanted, err);
    if (status == MLSEL_OK && mlsel_i_latex_last_box(answer->cased.bytes, answer->cased.size, &box, &box_size))
        status = mlsel_i_latex_normalise(box, box_size, &given, err);
    if (status != MLSEL_OK || wanted.size == 0)
        goto out;
    if (box != NULL && is_same(&given, &wanted)) {
        *out = (metric_verdict){1, MLSEL_METRIC_BY_BOX};
        goto out;
    }
    /* A number is contained where it is one of the answer's numbers. Words run together without their spaces: a truth
     * of letters is looked for with them. */
    if (mlsel_i_number_is(&wanted, &number)) {
        is_contained = has_number(&answer->cased, &number);
    } else if (is_one_word(&wanted)) {
        status = mlsel_i_text_contains(&answer->cased, &wanted, &is_contained, err);
    } else if ((status = mlsel_i_latex_normalise(answer->cased.bytes, answer->cased.size, &all, err)) == MLSEL_OK) {
        size_t at;
        status = mlsel_i_text_find(&all, &wanted, 0, &at, err);
        is_contained = at != SIZE_MAX;
    }
    if (is_contained)
        *out = (metric_verdict){0.8, MLSEL_METRIC_BY_CONTENT};
    else if (status == MLSEL_OK && mlsel_i_number_last(truth, truth_size, &number) &&
             has_number(&answer->cased, &number))
        *out = (metric_verdict){0.7, MLSEL_METRIC_BY_SOME_NUMBER};
out:
    mlsel_i_text_free(&wanted);
    mlsel_i_text_free(&given);
    mlsel_i_text_free(&all);
    return status;
}

mlsel_status mlsel_i_metric_math(const metric_answer *answer, const char *truth, metric_verdict *out,
                                 mlsel_error *err) {
    text_buffer folded;
    const char *box;
    size_t size;
    mlsel_status status = mlsel_i_text_fold(truth, false, &folded, err);
    if (status != MLSEL_OK)
        return status;
    if (mlsel_i_latex_last_box(folded.bytes, folded.size, &box, &size))
        status = compare(answer, box, size, out, err);
    else
        status = compare(answer, folded.bytes, folded.size, out, err);
    mlsel_i_text_free(&folded);
    return status;
}
