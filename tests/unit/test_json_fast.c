/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long arrays of numbers, which are read many at a time: every value against strtod in the C locale, bit for bit, and
 * every error against that of the same text in front of nothing, where numbers are read one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "json.h"
#include "support.h"

static uint64_t seed;

/* SplitMix64 */
static uint64_t next_random(void) {
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(unsigned n) { return (unsigned)(next_random() % n); }

/* In (-1, 1). */
static double next_real(void) { return ldexp((double)(int64_t)next_random(), -63); }

/* --- spellings -----------------------------------------------------------------------------------------------------
 */

enum { MAX_TEXT = 96 };

static void put_real(char *text, int precision, double value) {
    (void)snprintf(text, MAX_TEXT, "%.*g", precision, value);
}

/* A float as a trainer has it: uniform or small, like weights and unit vectors. */
static double next_float(void) {
    const double value = next_real() * (below(2) ? 1 : ldexp(1, -(int)below(12)));
    return (double)(float)value;
}

/* The fewest digits that read back as the value, as Python writes it. */
static void shortest(char *text) {
    const double value = next_float();
    for (int precision = 16; precision <= 17; precision++) {
        put_real(text, precision, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

static void double_17(char *text) { put_real(text, 17, next_real() * (below(4) ? 1 : 9.5)); }

static void float_9(char *text) { put_real(text, 9, next_float()); }

static void fixed(char *text) { (void)snprintf(text, MAX_TEXT, "%.*f", (int)below(30), next_real() * 3); }

static void few_digits(char *text) {
    (void)snprintf(text, MAX_TEXT, "%s%u.%u", below(2) ? "-" : "", below(10), below(1000));
}

static void integer(char *text) {
    if (below(2))
        (void)snprintf(text, MAX_TEXT, "%d", (int)below(200) - 100);
    else
        (void)snprintf(text, MAX_TEXT, "%" PRId64, (int64_t)next_random() >> below(60));
}

static size_t put_digits(char *text, size_t used, size_t count) {
    for (size_t i = 0; i < count; i++)
        text[used++] = (char)('0' + below(10));
    text[used] = '\0';
    return used;
}

/* d.ddd of any length around the limits of one step. */
static void long_digits(char *text) {
    const size_t used = (size_t)snprintf(text, MAX_TEXT, "%s%u.", below(2) ? "-" : "", below(10));
    put_digits(text, used, 1 + below(45));
}

static void leading_zeros(char *text) {
    const size_t used = (size_t)snprintf(text, MAX_TEXT, "%s0.%0*d", below(2) ? "-" : "", 1 + (int)below(24), 0);
    put_digits(text, used, below(21));
}

static void exponent(char *text) {
    size_t used = (size_t)snprintf(text, MAX_TEXT, "%s%u.", below(2) ? "-" : "", below(10));
    used = put_digits(text, used, 1 + below(18));
    (void)snprintf(text + used, MAX_TEXT - used, "%c%d", below(2) ? 'e' : 'E', (int)below(70) - 35);
}

/* The middle between two neighbouring floats, exactly or cut off, or just beside. */
static void float_half(char *text) {
    const int shift = below(2) ? (int)below(4) : -(int)below(15);
    const float low = (float)ldexp(0.5 + 0.5 * fabs(next_real()), shift);
    const double half = ((double)low + (double)nextafterf(low, 9)) / 2;
    size_t used = (size_t)snprintf(text, MAX_TEXT, "%s%.*f", below(2) ? "-" : "", 25 + (int)below(3), half);
    switch (below(4)) {
    case 0:
        text[used - 1] = (char)('0' + below(10));
        break;
    case 1:
        used -= below(12);
        text[used] = '\0';
        text[used - 1] = (char)('0' + below(10));
        break;
    case 2: /* the double below or above */
        put_real(text, 17, nextafter(half, below(2) ? 0 : 9));
        break;
    default:
        break;
    }
}

/* The decimal of 15 to 19 digits nearest to the middle between two doubles, or its neighbours. */
static void double_half(char *text) {
    const int places = 15 + (int)below(5), exponent_of_two = (int)below(4);
    const uint64_t middle = (next_random() >> 10) | UINT64_C(1) << 53 | 1; /* over 2^(53 + exponent_of_two) */
    /* long division, digit by digit, of a number below 2 */
    uint64_t rest = middle;
    const int shift = 53 + exponent_of_two;
    const uint64_t mask = (UINT64_C(1) << shift) - 1;
    size_t used = (size_t)snprintf(text, MAX_TEXT, "%s%u.", below(2) ? "-" : "", (unsigned)(rest >> shift));
    for (int i = 0; i < places; i++) {
        rest = (rest & mask) * 10;
        text[used++] = (char)('0' + (rest >> shift));
    }
    text[used] = '\0';
    if (text[used - 1] < '9' && below(2))
        text[used - 1]++;
}

static void (*const spellings[])(char *text) = {shortest,   double_17,  float_9,     fixed,
                                                few_digits, integer,    long_digits, leading_zeros,
                                                exponent,   float_half, double_half, shortest};

/* --- values --------------------------------------------------------------------------------------------------------
 */

typedef struct buffer {
    char *text;
    size_t size;
    size_t capacity;
} buffer;

static void append(buffer *b, const char *text) {
    const size_t size = strlen(text);
    if (b->size + size > b->capacity) {
        b->capacity = 2 * b->capacity + size;
        b->text = realloc(b->text, b->capacity);
        assert_non_null(b->text);
    }
    memcpy(b->text + b->size, text, size);
    b->size += size;
}

static bool starts_with_f(const char *key, size_t size) { return size > 0 && key[0] == 'f'; }

static bool is_any(const char *key, size_t size) {
    (void)key, (void)size;
    return true;
}

/* Parses from a block of exactly the text's size, so that a sanitizer sees any byte read beyond. */
static mlsel_status parse(const char *text, size_t size, bool keep, json_document **doc, mlsel_error *err) {
    char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, text, size);
    const mlsel_status status = keep ? mlsel_i_json_parse(copy, size, NULL, starts_with_f, doc, err)
                                     : mlsel_i_json_parse_without(copy, size, is_any, starts_with_f, doc, err);
    free(copy);
    return status;
}

typedef struct table {
    size_t rows, cols;
    char (*texts)[MAX_TEXT];
} table;

static const char *const separators[] = {", ", ",", ",", ", ", ",\n  ", " ,\t"};

/* One separator throughout, or any. */
static void put_table(buffer *b, const table *t, unsigned style) {
    b->size = 0;
    append(b, style % 2 ? "{\"f\":[" : "{\"g\":[");
    for (size_t i = 0; i < t->rows; i++) {
        append(b, i == 0 ? "[" : ",[");
        for (size_t j = 0; j < t->cols; j++) {
            const size_t separator = style / 2 < 6 ? style / 2 : below(6);
            if (j > 0)
                append(b, separators[separator]);
            append(b, t->texts[i * t->cols + j]);
        }
        append(b, "]");
    }
    append(b, "]}");
}

static void check_value(const json_array *a, size_t position, const char *text) {
    const double exact = strtod(text, NULL);
    if (a->dtype == JSON_F64) {
        const double value = ((const double *)a->data)[position];
        if (memcmp(&value, &exact, sizeof value) != 0)
            fail_msg("%s: read as %a, expected %a", text, value, exact);
    } else {
        const float value = ((const float *)a->data)[position], expected = (float)exact;
        if (memcmp(&value, &expected, sizeof value) != 0)
            fail_msg("%s: read as %a, expected %a", text, (double)value, (double)expected);
    }
}

static void check_table(buffer *b, const table *t, unsigned style) {
    json_document *doc = NULL;
    mlsel_error err;
    put_table(b, t, style);
    if (parse(b->text, b->size, true, &doc, &err) != MLSEL_OK)
        fail_msg("%s", err.message);
    const json_array *a = mlsel_i_json_array(doc, mlsel_i_json_root(doc)->child);
    assert_non_null(a);
    assert_int_equal(a->defect, JSON_DEFECT_NONE);
    assert_int_equal(a->dtype, style % 2 ? JSON_F32 : JSON_F64);
    assert_true(a->rows == t->rows && a->cols == t->cols);
    for (size_t i = 0; i < t->rows; i++)
        for (size_t j = 0; j < t->cols; j++)
            check_value(a, i * a->stride + j, t->texts[i * t->cols + j]);
    mlsel_i_json_free(doc);
    if (parse(b->text, b->size, false, &doc, &err) != MLSEL_OK)
        fail_msg("unwanted: %s", err.message);
    assert_null(mlsel_i_json_root(doc)->child);
    mlsel_i_json_free(doc);
}

enum { MAX_VALUES = 6000, N_STYLES = 14 };

static char texts[MAX_VALUES][MAX_TEXT];

/* Each spelling for itself, so that the steps of the fast reader follow each other, and all mixed. */
static void test_values(void **state) {
    (void)state;
    buffer b = {0};
    const size_t n = MLSEL_ARRAY_LENGTH(spellings);
    seed = 1;
    for (unsigned round = 0; round < test_rounds(12); round++)
        for (size_t s = 0; s <= n; s++) {
            const size_t rows = 1 + below(40), cols = 1 + below(MAX_VALUES / 40);
            for (size_t i = 0; i < rows * cols; i++)
                spellings[s < n ? s : below((unsigned)n)](texts[i]);
            const table t = {rows, cols, texts};
            const unsigned first = below(N_STYLES);
            for (unsigned k = 0; k < 4; k++)
                check_table(&b, &t, (first + 5 * k) % N_STYLES);
        }
    free(b.text);
}

/* Most of them as they occur in artifacts, and as near to the middle of two floats or doubles as they come. */
static void test_many_values(void **state) {
    (void)state;
    static void (*const usual[])(char *text) = {shortest, shortest, float_half, double_half, double_17, long_digits};
    buffer b = {0};
    seed = 2;
    for (unsigned round = 0; round < test_rounds(80); round++)
        for (size_t s = 0; s < MLSEL_ARRAY_LENGTH(usual); s++) {
            for (size_t i = 0; i < MAX_VALUES; i++)
                usual[s](texts[i]);
            const table t = {6, MAX_VALUES / 6, texts};
            check_table(&b, &t, round % 2);
        }
    free(b.text);
}

/* A text that ends at every distance from a number. */
static void test_ends(void **state) {
    (void)state;
    buffer b = {0};
    seed = 3;
    for (size_t n = 1; n <= 40; n++)
        for (unsigned round = 0; round < 24; round++) {
            for (size_t i = 0; i < n; i++)
                spellings[round % 12](texts[i]);
            const table t = {1, n, texts};
            check_table(&b, &t, round % N_STYLES);
        }
    free(b.text);
}

/* --- errors --------------------------------------------------------------------------------------------------------
 */

/* The place of a value, as in $.f[0][12]: not the byte. */
static void check_same(const char *text, const mlsel_error *alone, const mlsel_error *padded, size_t size) {
    const bool ends = alone->code == MLSEL_ERROR_PARSE && alone->detail == size;
    if (alone->code != padded->code || (!ends && strcmp(alone->message, padded->message) != 0) ||
        (!ends && alone->detail != padded->detail))
        fail_msg("%s\nalone: %s\nin front of spaces: %s", text, alone->message, padded->message);
}

static void check_same_arrays(const char *text, const json_document *a, const json_document *b) {
    const json_array *x = mlsel_i_json_array(a, mlsel_i_json_root(a)->child);
    const json_array *y = mlsel_i_json_array(b, mlsel_i_json_root(b)->child);
    if ((x == NULL) != (y == NULL))
        fail_msg("%s: an array, or not", text);
    if (x == NULL)
        return;
    if (x->rank != y->rank || x->rows != y->rows || x->cols != y->cols || x->defect != y->defect || x->row != y->row ||
        x->col != y->col || x->length != y->length || (x->data == NULL) != (y->data == NULL))
        fail_msg("%s: the arrays differ", text);
    const size_t size = x->dtype == JSON_F32 ? sizeof(float) : sizeof(double);
    if (x->data != NULL && memcmp(x->data, y->data, x->rows * x->stride * size) != 0)
        fail_msg("%s: the values differ", text);
}

enum { MAX_SHORT = 180, PADDING = 400 };

static char *put_short(char *text, const char *part) { return strcpy(text, part) + strlen(part); }

/* {"f":[[...]]} or {"g":[...]} of a few numbers. */
static size_t short_table(char *text) {
    char *at = text, number[MAX_TEXT];
    const bool is_rows = below(2);
    const unsigned style = below(6);
    at = put_short(at, below(2) ? "{\"f\":[" : "{\"g\":[");
    for (unsigned i = 0; i < 7 && at - text < 110; i++) {
        const char *between = is_rows && i % 2 == 0 ? "],[" : separators[below(4) ? style : below(6)];
        at = put_short(at, i > 0 ? between : is_rows ? "[" : "");
        do
            spellings[below(4) ? 0 : below((unsigned)MLSEL_ARRAY_LENGTH(spellings))](number);
        while (strlen(number) > 50);
        at = put_short(at, number);
    }
    at = put_short(at, is_rows ? "]]}" : "]}");
    return (size_t)(at - text);
}

/* Replaces, inserts or removes a character. */
static size_t mutate(char *text, size_t size) {
    static const char others[] = "0123456789.,-+eE []{}:\"\t\n\\/NIatx\x01\x80\xb5\xff";
    const size_t at = 6 + below((unsigned)size - 6);
    const char c = others[below(sizeof others - 1)];
    switch (below(3)) {
    case 0:
        text[at] = c;
        return size;
    case 1:
        memmove(text + at + 1, text + at, size - at);
        text[at] = c;
        return size + 1;
    default:
        memmove(text + at, text + at + 1, size - at - 1);
        return size - 1;
    }
}

static void test_errors(void **state) {
    (void)state;
    char text[MAX_SHORT + PADDING + 8];
    size_t n_refused = 0;
    seed = 4;
    const unsigned n_tried = test_rounds(60000);
    for (unsigned i = 0; i < n_tried; i++) {
        json_document *docs[4] = {NULL};
        mlsel_error errs[4];
        size_t size = short_table(text);
        for (unsigned n = below(4); n > 0; n--)
            size = mutate(text, size);
        assert_true(size <= MAX_SHORT);
        memset(text + size, ' ', PADDING);
        text[size + PADDING] = '\0';
        for (size_t k = 0; k < 4; k++)
            (void)parse(text, k % 2 == 0 ? size : size + PADDING, k < 2, &docs[k], &errs[k]);
        text[size] = '\0';
        check_same(text, &errs[0], &errs[1], size);
        check_same(text, &errs[0], &errs[2], size);
        check_same(text, &errs[2], &errs[3], size);
        if (docs[0] != NULL)
            check_same_arrays(text, docs[0], docs[1]);
        n_refused += docs[0] == NULL;
        for (size_t k = 0; k < 4; k++)
            mlsel_i_json_free(docs[k]);
    }
    assert_in_range(n_refused, n_tried / 6, n_tried / 6 * 5);
}

/* Ragged rows, and numbers that do not fit: nothing is written where it does not belong. */
static void test_defects(void **state) {
    (void)state;
    static const struct {
        const char *first;         /* what most rows start with */
        const char *second, *tail; /* what the last ones start and end with */
        enum json_defect defect;
    } cases[] = {
        {"-0.25,", "-0.25,", ",0.5,0.5,0.5,0.5,0.5", JSON_DEFECT_RAGGED},
        /* 8 rows of 102 double fill their block to the last byte */
        {"0.5,0.5,", "0.5,0.5,", ",0.5,0.5,0.5,0.5,0.5", JSON_DEFECT_RAGGED},
        {"-0.25,-0.25,-0.25,-0.25,-0.25,", "", "", JSON_DEFECT_RAGGED},
        {"", "", ",1e39", JSON_DEFECT_RAGGED},
        {"0.5,", "1e39,", "", JSON_DEFECT_RANGE},
        {"0.5,", "", ",1e39", JSON_DEFECT_RANGE},
        {"0.5,", "\"0.5\",", "", JSON_DEFECT_MIXED},
        {"0.5,", "0.5,", "", JSON_DEFECT_NONE},
    };
    for (size_t i = 0; i < 2 * MLSEL_ARRAY_LENGTH(cases); i++) {
        const size_t k = i / 2, odd = 6 + i % 2;
        buffer b = {0};
        json_document *doc = NULL;
        mlsel_error err;
        append(&b, cases[k].defect == JSON_DEFECT_RANGE ? "{\"f\":[" : "{\"g\":[");
        for (size_t row = 0; row < 8; row++) {
            append(&b, row == 0 ? "[" : ",[");
            append(&b, row < odd ? cases[k].first : cases[k].second);
            for (int j = 0; j < 100; j++)
                append(&b, j == 0 ? "0.125" : ", 0.125");
            append(&b, row < odd ? "]" : cases[k].tail);
            append(&b, row < odd ? "" : "]");
        }
        append(&b, "]}");
        for (int j = 0; j < PADDING; j++) /* else the last numbers are read one by one */
            append(&b, " ");
        assert_int_equal(parse(b.text, b.size, true, &doc, &err), MLSEL_OK);
        const json_array *a = mlsel_i_json_array(doc, mlsel_i_json_root(doc)->child);
        assert_int_equal(a->defect, cases[k].defect);
        assert_int_equal(a->row, a->defect != JSON_DEFECT_NONE ? odd : 0);
        assert_int_equal(a->data == NULL, a->defect != JSON_DEFECT_NONE);
        mlsel_i_json_free(doc);
        free(b.text);
    }
}

/* What is not wanted is checked all the same; what is not a member of the root is kept. */
static bool is_unwanted(const char *key, size_t size) { return size == 6 && memcmp(key, "a list", 6) == 0; }

static void test_unwanted(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"a list\":[{\"x\":[1,2]},[[[3]]],\"s\"],\"b\":{\"a list\":[7]}}", ""},
        {"{\"a\\u0020list\":[1,2],\"b\":{\"a list\":[7]}}", ""},
        {"{\"a list\":[{\"x\":[1,2,]}]}", "byte 21: trailing comma before ']', in $[\"a list\"][0].x"},
        {"{\"a list\":[{\"x\":[[1],[2,01]]}]}", "byte 25: a digit after a leading 0, in $[\"a list\"][0].x[1][1]"},
        {"{\"a list\":[{\"x\":[1,NaN]}]}", "$[\"a list\"][0].x[1]: NaN is not a finite number"},
        {"{\"a list\":[{\"x\":[1e400]}]}",
         "$[\"a list\"][0].x[0]: 1e400 is not a finite number (too large for double)"},
        {"{\"a list\":[{\"x\":[1],\"x\":[1]}]}", "$[\"a list\"][0].x: duplicate key"},
        {"{\"a list\":[1],\"a\\u0020list\":[1]}", "$[\"a\\u0020list\"]: duplicate key"},
        {"{\"a list\":\"\x80\"}", "byte 11: bytes that are not UTF-8, in $[\"a list\"]"},
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        json_document *doc = NULL;
        mlsel_error err;
        const char *text = cases[i].text;
        const mlsel_status status = mlsel_i_json_parse_without(text, strlen(text), is_unwanted, NULL, &doc, &err);
        assert_string_equal(err.message, cases[i].message);
        if (status != MLSEL_OK)
            continue;
        const cJSON *b = mlsel_i_json_root(doc)->child;
        assert_string_equal(b->string, "b");
        assert_null(b->next);
        const json_array *kept = mlsel_i_json_array(doc, b->child);
        assert_non_null(kept);
        assert_true(kept->rows == 1 && *(const double *)kept->data == 7);
        mlsel_i_json_free(doc);
    }
}

/* Arrays in arrays of numbers, as deep as allowed. */
static void test_unwanted_depth(void **state) {
    (void)state;
    for (size_t depth = 60; depth <= 64; depth++) {
        buffer b = {0};
        json_document *doc = NULL;
        mlsel_error err;
        append(&b, "{\"a list\":");
        for (size_t i = 0; i < depth; i++)
            append(&b, "[1,");
        append(&b, "2");
        for (size_t i = 0; i < depth; i++)
            append(&b, "]");
        append(&b, "}");
        const mlsel_status status = mlsel_i_json_parse_without(b.text, b.size, is_unwanted, NULL, &doc, &err);
        assert_int_equal(status, depth < 64 ? MLSEL_OK : MLSEL_ERROR_LIMIT);
        mlsel_i_json_free(doc);
        free(b.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),         cmocka_unit_test(test_many_values), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_defects),     cmocka_unit_test(test_unwanted),
        cmocka_unit_test(test_unwanted_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
