/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader against others: what it accepts is what a plain recogniser of RFC 8259 (with mlsel's own rules: no
 * NUL, no lone surrogate, no duplicate key, no number beyond double, 64 levels) accepts; what it read is what cJSON
 * read, every number bit for bit that of strtod. Input: the text and, behind a 0 byte, which allocation fails.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fuzz.h"
#include "json.h"
#include "json_number.h"
#include "json_tree.h"

enum { MAX_DEPTH = 64, MAX_NUMBER_OF_CJSON = 63 };

/* --- a recogniser, as simple as can be ---------------------------------------------------------------------------- */

struct recogniser {
    const char *at, *end;
    bool is_wrong;
    bool has_long_number; /* that cJSON cuts */
    bool overflows;
};

static bool is_digit(const struct recogniser *r) { return r->at < r->end && *r->at >= '0' && *r->at <= '9'; }

static bool take(struct recogniser *r, char c) {
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static void need(struct recogniser *r, bool condition) { r->is_wrong = r->is_wrong || !condition; }

static void blanks(struct recogniser *r) {
    while (r->at < r->end && memchr(" \t\r\n", *r->at, 4) != NULL)
        r->at++;
}

static void digits(struct recogniser *r) {
    need(r, is_digit(r));
    while (is_digit(r))
        r->at++;
}

/* The number itself is read by the reader's own function too, and by strtod. */
static void number(struct recogniser *r) {
    const char *start = r->at;
    take(r, '-');
    if (!take(r, '0'))
        digits(r);
    if (take(r, '.'))
        digits(r);
    if (take(r, 'e') || take(r, 'E')) {
        if (!take(r, '+'))
            take(r, '-');
        digits(r);
    }
    /* "01" is no number here, but "0" and then garbage, which is wrong in any case */
    const size_t size = (size_t)(r->at - start);
    char *copy = malloc(size + 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, start, size);
    copy[size] = '\0';
    const double expected = strtod(copy, NULL);
    free(copy);
    r->has_long_number = r->has_long_number || size > MAX_NUMBER_OF_CJSON;
    r->overflows = r->overflows || (!r->is_wrong && isinf(expected));
    if (r->is_wrong || size > JSON_NUMBER_MAX_SIZE || is_digit(r))
        return;
    const char *at = start;
    void *locale = NULL;
    double got = 0;
    const enum json_number_status status = mlsel_i_json_number(&at, r->end, &locale, &got);
    mlsel_i_json_number_done(locale);
    if (isinf(expected))
        FUZZ_CHECK(status == JSON_NUMBER_OVERFLOW);
    else
        FUZZ_CHECK_THAT(status == JSON_NUMBER_OK && at == r->at && memcmp(&got, &expected, sizeof got) == 0,
                        "status %d, %.17g, expected %.17g", (int)status, got, expected);
}

static unsigned hexadecimal(struct recogniser *r) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = r->at < r->end ? *r->at : 'x';
        need(r, (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
        if (r->is_wrong)
            return 1;
        value = 16 * value + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        r->at++;
    }
    return value;
}

static void escape(struct recogniser *r) {
    const char c = r->at < r->end ? *r->at++ : '\0';
    if (c != 'u') {
        need(r, c != '\0' && strchr("\"\\/bfnrt", c) != NULL);
        return;
    }
    const unsigned first = hexadecimal(r);
    need(r, first != 0 && !(first >= 0xdc00 && first < 0xe000));
    if (first >= 0xd800 && first < 0xdc00) {
        need(r, take(r, '\\') && take(r, 'u'));
        const unsigned second = hexadecimal(r);
        need(r, second >= 0xdc00 && second < 0xe000);
    }
}

/* One character of UTF-8: RFC 3629, by its table of well-formed sequences. */
static void character(struct recogniser *r) {
    static const struct {
        unsigned char low, high; /* of the first byte */
        unsigned char second_low, second_high;
        int more;
    } rows[] = {{0x20, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
                {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
                {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3}};
    const unsigned char c = (unsigned char)*r->at++;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (c < rows[i].low || c > rows[i].high)
            continue;
        for (int k = 0; k < rows[i].more; k++) {
            const unsigned char next = r->at < r->end ? (unsigned char)*r->at : 0;
            need(r, next >= (k == 0 ? rows[i].second_low : 0x80) && next <= (k == 0 ? rows[i].second_high : 0xbf));
            r->at += r->at < r->end;
        }
        return;
    }
    r->is_wrong = true;
}

static void string(struct recogniser *r) {
    need(r, take(r, '"'));
    while (!r->is_wrong && !take(r, '"')) {
        if (r->at == r->end)
            r->is_wrong = true;
        else if (take(r, '\\'))
            escape(r);
        else
            character(r);
    }
}

static void value(struct recogniser *r, int depth);

static void container(struct recogniser *r, char close, int depth) {
    need(r, depth <= MAX_DEPTH);
    blanks(r);
    if (take(r, close))
        return;
    while (!r->is_wrong) {
        blanks(r);
        if (close == '}') {
            string(r);
            blanks(r);
            need(r, take(r, ':'));
        }
        value(r, depth);
        blanks(r);
        if (take(r, close))
            return;
        need(r, take(r, ','));
    }
}

static void value(struct recogniser *r, int depth) {
    static const char *const words[] = {"true", "false", "null"};
    blanks(r);
    if (r->is_wrong || r->at == r->end) {
        r->is_wrong = true;
        return;
    }
    if (take(r, '{') || take(r, '[')) {
        container(r, r->at[-1] == '{' ? '}' : ']', depth + 1);
        return;
    }
    if (*r->at == '"') {
        string(r);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        if ((size_t)(r->end - r->at) >= strlen(words[i]) && memcmp(r->at, words[i], strlen(words[i])) == 0) {
            r->at += strlen(words[i]);
            return;
        }
    number(r);
}

static bool has_duplicate(const cJSON *node) {
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        for (const cJSON *other = child->next; cJSON_IsObject(node) && other != NULL; other = other->next)
            if (strcmp(child->string, other->string) == 0)
                return true;
        if (has_duplicate(child))
            return true;
    }
    return false;
}

/* --- the same values ---------------------------------------------------------------------------------------------- */

static bool is_f32(const char *key, size_t size) { return size > 0 && key[0] == 'f'; }

static void compare_number(const json_array *a, size_t index, const cJSON *node) {
    if (a->dtype == JSON_F32) {
        const float got = ((const float *)a->data)[index], expected = (float)node->valuedouble;
        FUZZ_CHECK(memcmp(&got, &expected, sizeof got) == 0);
    } else {
        const double got = ((const double *)a->data)[index];
        FUZZ_CHECK(memcmp(&got, &node->valuedouble, sizeof got) == 0);
    }
}

/* What the array says is wrong with it is so. */
static void check_defect(const json_array *a, const cJSON *node) {
    const cJSON *row = cJSON_GetArrayItem(node, (int)a->row);
    FUZZ_CHECK(row != NULL && a->data == NULL);
    const cJSON *element = a->col >= 0 ? cJSON_GetArrayItem(row, (int)a->col) : row;
    switch (a->defect) {
    case JSON_DEFECT_RAGGED:
        FUZZ_CHECK(cJSON_IsArray(row) && cJSON_GetArraySize(row) == (int)a->length &&
                   cJSON_GetArraySize(row) != cJSON_GetArraySize(node->child));
        break;
    case JSON_DEFECT_RANGE:
        FUZZ_CHECK(cJSON_IsNumber(element) && fabs(element->valuedouble) > (double)FLT_MAX);
        break;
    default:
        FUZZ_CHECK(element != NULL && !(cJSON_IsNumber(element) && (a->rank == 1 || a->col >= 0)) &&
                   !(a->rank == 2 && a->col < 0 && cJSON_IsArray(element)));
    }
}

static void compare_array(const json_array *a, const cJSON *node) {
    FUZZ_CHECK(cJSON_IsArray(node));
    if (a->defect != JSON_DEFECT_NONE) {
        check_defect(a, node);
        return;
    }
    size_t row = 0;
    for (const cJSON *child = node->child; child != NULL; child = child->next, row++) {
        FUZZ_CHECK(row < a->rows);
        if (a->rank == 1) {
            FUZZ_CHECK(cJSON_IsNumber(child));
            compare_number(a, row, child);
            continue;
        }
        size_t col = 0;
        FUZZ_CHECK(cJSON_IsArray(child));
        for (const cJSON *x = child->child; x != NULL; x = x->next, col++) {
            FUZZ_CHECK(col < a->cols && cJSON_IsNumber(x));
            compare_number(a, row * a->stride + col, x);
        }
        FUZZ_CHECK(col == a->cols);
    }
    FUZZ_CHECK(row == a->rows);
}

static void compare_strings(const json_strings *s, const cJSON *node) {
    FUZZ_CHECK(cJSON_IsArray(node));
    FUZZ_CHECK(s->count == (s->defect < 0 ? (size_t)cJSON_GetArraySize(node) : (size_t)s->defect));
    int64_t i = 0;
    for (const cJSON *child = node->child; child != NULL; child = child->next, i++) {
        if (s->defect >= 0 && i >= s->defect) {
            FUZZ_CHECK(!cJSON_IsString(child));
            return;
        }
        FUZZ_CHECK(cJSON_IsString(child) && strcmp(child->valuestring, s->bytes + s->offsets[i]) == 0);
    }
    FUZZ_CHECK(s->defect < 0);
}

static void compare(const json_document *doc, const cJSON *got, const cJSON *expected) {
    const json_array *array = mlsel_i_json_array(doc, got);
    const json_strings *strings = mlsel_i_json_strings(doc, got);
    if (array != NULL) {
        compare_array(array, expected);
        return;
    }
    if (strings != NULL) {
        compare_strings(strings, expected);
        return;
    }
    FUZZ_CHECK((got->type & 0xff) == (expected->type & 0xff));
    FUZZ_CHECK(!cJSON_IsNumber(got) || memcmp(&got->valuedouble, &expected->valuedouble, sizeof(double)) == 0);
    FUZZ_CHECK(!cJSON_IsString(got) || strcmp(got->valuestring, expected->valuestring) == 0);
    const cJSON *a = got->child, *b = expected->child;
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        FUZZ_CHECK(!cJSON_IsObject(got) || strcmp(a->string, b->string) == 0);
        compare(doc, a, b);
    }
    FUZZ_CHECK(a == NULL && b == NULL);
}

/* --- one text ------------------------------------------------------------------------------------------------------
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t text_size;
    struct fuzz_input in = fuzz_split_text(data, size, &text_size);
    const char *text = text_size > 0 ? (const char *)data : "";
    mlsel_error err;
    json_document *doc = NULL;
    struct recogniser r = {.at = text, .end = text + text_size};
    value(&r, 0);
    blanks(&r);
    const bool is_grammatical = !r.is_wrong && r.at == r.end;
    cJSON *expected = is_grammatical ? cJSON_ParseWithLength(text, text_size) : NULL;
    FUZZ_CHECK(!is_grammatical || expected != NULL || r.has_long_number);
    if (r.has_long_number) {
        cJSON_Delete(expected);
        expected = NULL;
    }
    const mlsel_status status = mlsel_i_json_parse(text, text_size, NULL, is_f32, &doc, &err);
    if (!is_grammatical || r.overflows || (expected != NULL && has_duplicate(expected)))
        FUZZ_CHECK_THAT(status == MLSEL_ERROR_PARSE || status == MLSEL_ERROR_SCHEMA || status == MLSEL_ERROR_LIMIT,
                        "%s", mlsel_status_name(status));
    else if (expected != NULL)
        FUZZ_CHECK_THAT(status == MLSEL_OK, "%s", err.message);
    FUZZ_CHECK(status != MLSEL_ERROR_PARSE || err.detail <= text_size);
    if (status == MLSEL_OK && expected != NULL)
        compare(doc, mlsel_i_json_root(doc), expected);
    mlsel_i_json_free(doc);
    cJSON_Delete(expected);

    json_document *again = NULL;
    fuzz_fail_begin(&in);
    const mlsel_status second = mlsel_i_json_parse(text, text_size, NULL, is_f32, &again, &err);
    const size_t refused = fuzz_fail_end();
    FUZZ_CHECK(second == status || (refused > 0 && second == MLSEL_ERROR_NO_MEMORY));
    mlsel_i_json_free(again);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    return seed % 2 == 0 ? fuzz_json_mutate(data, size, max_size, seed / 2) : LLVMFuzzerMutate(data, size, max_size);
}
