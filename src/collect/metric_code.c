/* SPDX-License-Identifier: Apache-2.0 */
/* code_eval: the program in an answer, and the assertions it has to hold. Running them is the caller's. */
#include <string.h>

#include "metric_internal.h"

/* --- the program -------------------------------------------------------------------------------------------------- */

/* Where a fence begins: three backquotes or more at the beginning of a line, perhaps indented. */
static const char *find_fence(const char *text, const char *from) {
    for (const char *at = from; (at = strstr(at, "```")) != NULL; at += 3) {
        const char *line = at;
        while (line > text && (line[-1] == ' ' || line[-1] == '\t' || line[-1] == '>'))
            line--;
        if (line == text || line[-1] == '\n')
            return at;
        while (at[3] == '`')
            at++;
    }
    return NULL;
}

static bool is_python(const char *mark) {
    static const char *const names[] = {"python", "py"};
    while (*mark == ' ')
        mark++;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names); i++) {
        size_t n = 0;
        while (names[i][n] != '\0' && (mark[n] | 0x20) == names[i][n])
            n++;
        if (names[i][n] == '\0')
            return strchr("3 \t\r\n{", mark[n]) != NULL; /* and at the end of the text */
    }
    return false;
}

const char *mlsel_metric_find_code(const char *response, size_t *size) {
    const char *first = NULL, *fence = response;
    size_t first_size = 0;
    *size = strlen(response);
    while ((fence = find_fence(response, fence)) != NULL) {
        const char *mark = fence + strspn(fence, "`");
        const char *line_end = strchr(mark, '\n');
        if (line_end == NULL)
            break;
        const char *code = line_end + 1, *close = find_fence(response, code);
        const size_t n = close == NULL ? strlen(code) : (size_t)(close - code);
        if (is_python(mark)) {
            *size = n;
            return code;
        }
        if (first == NULL) {
            first = code;
            first_size = n;
        }
        if (close == NULL)
            break;
        fence = close + strspn(close, "`");
    }
    if (first == NULL)
        return response;
    *size = first_size;
    return first;
}

/* --- assertions --------------------------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Exactly n hexadecimal digits; false: there are fewer. */
static bool read_hex(const char *at, size_t n, uint32_t *value) {
    static const char digits[] = "0123456789abcdefABCDEF";
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        const char *digit = at[i] == '\0' ? NULL : strchr(digits, at[i]);
        if (digit == NULL)
            return false;
        const uint32_t d = (uint32_t)(digit - digits);
        *value = *value << 4 | (d < 16 ? d : d - 6);
    }
    return *value != 0 && *value < 0x110000;
}

static bool is_surrogate(uint32_t value) { return value >= 0xd800 && value <= 0xdfff; }

/* The character of the escape whose letter is at `at`, and how long that is; 0: it is none. */
static size_t read_character(const char *at, uint32_t *value) {
    const size_t n = *at == 'x' ? 2 : *at == 'u' ? 4 : *at == 'U' ? 8 : 0;
    uint32_t low;
    if (n == 0 || !read_hex(at + 1, n, value))
        return 0;
    if (!is_surrogate(*value))
        return n + 1;
    /* JSON has two of them for a character; one alone is none */
    const char *second = at + n + 1;
    if (n != 4 || *value >= 0xdc00 || second[0] != '\\' || second[1] != 'u' || !read_hex(second + 2, 4, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *value = 0x10000 + ((*value - 0xd800) << 10) + (low - 0xdc00);
    return n + 1 + 6;
}

/* The escape behind a backslash at *at, as Python and JSON have them; others stay as they are. */
static char *put_escape(char *to, const char **at) {
    static const char from[] = "ntrabfv\\'\"", to_what[] = "\n\t\r\a\b\f\v\\'\"";
    const char c = *++*at;
    uint32_t value;
    const size_t n = read_character(*at, &value);
    if (n > 0) {
        *at += n;
        return to + mlsel_i_utf8_encode(value, to);
    }
    const char *known = c == '\0' ? NULL : strchr(from, c);
    if (known == NULL) {
        *to++ = '\\';
        if (c == '\0')
            return to;
        *to++ = c;
    } else {
        *to++ = to_what[known - from];
    }
    ++*at;
    return to;
}

/* The text in quotes at *at, written to `to`; NULL: there is none, or it does not end. */
static char *read_quoted(const char **at, char *to) {
    const char quote = **at;
    if (quote != '\'' && quote != '"')
        return NULL;
    for (++*at; **at != quote;) {
        if (**at == '\0')
            return NULL;
        if (**at == '\\')
            to = put_escape(to, at);
        else
            *to++ = *(*at)++;
    }
    ++*at;
    *to++ = '\0';
    return to;
}

/* A list of texts as Python or JSON writes it, or, if it is none, the whole as one assertion. */
typedef struct assertion_list {
    char *bytes;        /* the texts, each with its zero */
    const char **texts; /* [n] */
    size_t n;
} assertion_list;

/* Reads a list into `bytes`; false: it is none. */
static bool read_list(const char *text, char *bytes, size_t *n) {
    const char *at = skip_blanks(text);
    *n = 0;
    if (*at != '[')
        return false;
    for (at = skip_blanks(at + 1); *at != ']';) {
        if ((bytes = read_quoted(&at, bytes)) == NULL)
            return false;
        ++*n;
        at = skip_blanks(at);
        if (*at == ',')
            at = skip_blanks(at + 1);
        else if (*at != ']')
            return false;
    }
    return *skip_blanks(at + 1) == '\0';
}

static mlsel_status parse_list(const char *text, assertion_list *list, mlsel_error *err) {
    const size_t size = strlen(text) + 1;
    *list = (assertion_list){.bytes = mlsel_i_alloc(size, 1)};
    if (list->bytes == NULL)
        return mlsel_i_no_memory(err);
    if (!read_list(text, list->bytes, &list->n)) {
        memcpy(list->bytes, text, size);
        list->n = 1;
    }
    list->texts = mlsel_i_alloc(list->n, sizeof *list->texts);
    if (list->texts == NULL)
        return mlsel_i_no_memory(err);
    const char *at = list->bytes;
    for (size_t i = 0; i < list->n; i++) {
        list->texts[i] = at;
        at += strlen(at) + 1;
    }
    return MLSEL_OK;
}

/* The assertions of all truths that count. */
static mlsel_status collect_assertions(const mlsel_metric_task *task, assertion_list *list, mlsel_error *err) {
    *list = (assertion_list){0};
    if (task->n_truths == 1)
        return parse_list(task->truths[0], list, err);
    list->texts = mlsel_i_alloc(task->n_truths, sizeof *list->texts);
    if (list->texts == NULL)
        return mlsel_i_no_memory(err);
    for (size_t i = 0; i < task->n_truths; i++)
        if (mlsel_i_truth_counts(task->truths[i]))
            list->texts[list->n++] = task->truths[i];
    return MLSEL_OK;
}

mlsel_status mlsel_i_metric_code(const metric_answer *answer, const mlsel_metric_options *options, metric_verdict *out,
                                 mlsel_error *err) {
    if (options == NULL || options->run_code == NULL) {
        out->basis = MLSEL_METRIC_BY_NOT_RUN;
        return MLSEL_OK;
    }
    assertion_list list;
    size_t size, passed = 0;
    char *code = NULL;
    mlsel_status status = collect_assertions(answer->task, &list, err);
    if (status == MLSEL_OK && list.n == 0) { /* an empty list holds whatever the program is */
        out->basis = MLSEL_METRIC_BY_NO_TRUTH;
        goto out;
    }
    if (status == MLSEL_OK) {
        const char *begin = mlsel_metric_find_code(answer->text, &size);
        code = mlsel_i_strndup(begin, size);
        status = code == NULL ? mlsel_i_no_memory(err)
                              : options->run_code(options->user, code, list.texts, list.n, &passed, err);
    }
    if (status == MLSEL_OK)
        *out = (metric_verdict){passed >= list.n ? 1 : (double)passed / (double)list.n, MLSEL_METRIC_BY_SHARE};
out:
    mlsel_i_free(code);
    mlsel_i_free(list.texts);
    mlsel_i_free(list.bytes);
    return status;
}
