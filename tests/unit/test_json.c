/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader: the trees it makes, the texts it refuses and how it says so, its limits, and failing allocations.
 * Trees are compared in a notation of their own: <d 1 2> is a flat array of double, <f2x1 1 2> rows of float,
 * <s "a" "b"> strings; a defect is MIXED row col, RANGE row col, RAGGED row length, or !index.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "json.h"
#include "support.h"

/* --- writing a tree ---------------------------------------------------------------------------------------------- */

typedef struct writer {
    char text[4096];
    size_t used;
} writer;

static void put(writer *w, const char *format, ...) MLSEL_PRINTF(2, 3);

static void put(writer *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(w->text + w->used, sizeof w->text - w->used, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof w->text - w->used);
    w->used += (size_t)n;
}

static void put_array(writer *w, const json_array *a) {
    assert_true((a->data == NULL) == (a->defect != JSON_DEFECT_NONE));
    put(w, "<%c", a->dtype == JSON_F32 ? 'f' : 'd');
    if (a->rank == 2 && a->defect == JSON_DEFECT_NONE)
        put(w, "%zux%zu", a->rows, a->cols);
    if (a->defect == JSON_DEFECT_MIXED)
        put(w, " MIXED %zu %" PRId64, a->row, a->col);
    else if (a->defect == JSON_DEFECT_RANGE)
        put(w, " RANGE %zu %" PRId64, a->row, a->col);
    else if (a->defect == JSON_DEFECT_RAGGED)
        put(w, " RAGGED %zu %zu", a->row, a->length);
    else
        for (size_t i = 0; i < a->rows * a->cols; i++) {
            const size_t at = i / a->cols * a->stride + i % a->cols;
            put(w, " %.17g", a->dtype == JSON_F32 ? (double)((float *)a->data)[at] : ((double *)a->data)[at]);
        }
    put(w, ">");
}

static void put_strings(writer *w, const json_strings *s) {
    put(w, "<s");
    for (size_t i = 0; i < s->count; i++)
        put(w, " \"%s\"", s->bytes + s->offsets[i]);
    if (s->defect >= 0)
        put(w, " !%" PRId64, s->defect);
    put(w, ">");
}

static void put_value(writer *w, const json_document *doc, const cJSON *node) {
    if (cJSON_IsNull(node))
        put(w, "null");
    else if (cJSON_IsBool(node))
        put(w, cJSON_IsTrue(node) ? "true" : "false");
    else if (cJSON_IsNumber(node))
        put(w, "%.17g", node->valuedouble);
    else if (cJSON_IsString(node))
        put(w, "\"%s\"", node->valuestring);
    else if (mlsel_i_json_array(doc, node) != NULL)
        put_array(w, mlsel_i_json_array(doc, node));
    else if (mlsel_i_json_strings(doc, node) != NULL)
        put_strings(w, mlsel_i_json_strings(doc, node));
    else {
        const bool is_object = cJSON_IsObject(node);
        assert_true(is_object || cJSON_IsArray(node));
        put(w, is_object ? "{" : "[");
        for (const cJSON *child = node->child; child != NULL; child = child->next) {
            if (is_object)
                put(w, "\"%s\":", child->string);
            put_value(w, doc, child);
            if (child->next != NULL)
                put(w, ",");
        }
        put(w, is_object ? "}" : "]");
    }
}

/* Arrays under keys that start with f are float32. */
static bool starts_with_f(const char *key, size_t size) { return size > 0 && key[0] == 'f'; }

/* Parses from a block of exactly the text's size, so that a sanitizer sees any byte read beyond. */
static mlsel_status parse(const char *text, size_t size, const json_limits *limits, json_document **doc,
                          mlsel_error *err) {
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    const mlsel_status status = mlsel_i_json_parse(copy, size, limits, starts_with_f, doc, err);
    free(copy);
    return status;
}

/* --- texts that are right ---------------------------------------------------------------------------------------- */

typedef struct good_text {
    const char *text;
    const char *tree;
} good_text;

static const good_text good_texts[] = {
    /* scalars and white space */
    {"null", "null"},
    {" \t\r\n true \n", "true"},
    {"false", "false"},
    {"12", "12"},
    {"-0", "-0"},
    {"-0.0", "-0"},
    {"1.5e3", "1500"},
    {"1E+2", "100"},
    {"25e-1", "2.5"},
    {"1e-400", "0"},
    {"-1e-400", "-0"},
    {"0e999999999999", "0"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    /* strings */
    {"\"\"", "\"\""},
    {"\"a b\"", "\"a b\""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\"\\/\b\f\n\r\t\""},
    {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\x7f\"",
     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\x7f\""},
    {"\"\\uD7FF\\uE000\\uffff\\udbff\\udfff\"", "\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\""},
    /* objects and generic arrays */
    {"{}", "{}"},
    {"[]", "[]"},
    {" { } ", "{}"},
    {" [ ] ", "[]"},
    {"{\"a\":1,\"b\":{\"c\":null},\"\":[]}", "{\"a\":1,\"b\":{\"c\":null},\"\":[]}"},
    {"{ \"a\" : true , \"b\" : false }", "{\"a\":true,\"b\":false}"},
    {"{\"\\u0061b\\n\":1}", "{\"ab\n\":1}"},
    {"{\"a\":1,\"A\":2,\"a \":3,\"\\u0061\\u0061\":4}", "{\"a\":1,\"A\":2,\"a \":3,\"aa\":4}"},
    {"{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}", "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"},
    {"[null,1,\"x\",[1],{}]", "[null,1,\"x\",<d 1>,{}]"},
    {"[[],[1,2],[]]", "[[],<d 1 2>,[]]"},
    {"[{\"type\":\"relu\"},{\"type\":\"linear\",\"weight\":[[1]]}]",
     "[{\"type\":\"relu\"},{\"type\":\"linear\",\"weight\":<d1x1 1>}]"},
    /* numeric arrays */
    {"[1]", "<d 1>"},
    {"[ 1 , -2.5 ,3e2\n]", "<d 1 -2.5 300>"},
    {"{\"f\":[0.1,1],\"g\":[0.1,1]}", "{\"f\":<f 0.10000000149011612 1>,\"g\":<d 0.10000000000000001 1>}"},
    {"{\"\\u0066\":[0.1]}", "{\"f\":<f 0.10000000149011612>}"},
    {"{\"f\":{\"x\":[0.1]},\"x\":{\"f\":[{},[0.1]]}}",
     "{\"f\":{\"x\":<d 0.10000000000000001>},\"x\":{\"f\":[{},<f 0.10000000149011612>]}}"},
    {"[[1,2],[3,4],[5,6]]", "<d3x2 1 2 3 4 5 6>"},
    {" [ [ 1 , 2 ] , [ 3 , 4 ] ] ", "<d2x2 1 2 3 4>"},
    {"{\"f\":[[1],[2]]}", "{\"f\":<f2x1 1 2>}"},
    {"[[[1,2],[3,4]],[[5]]]", "[<d2x2 1 2 3 4>,<d1x1 5>]"},
    /* double rounds to 1 + 2^-24, a tie, and then to even; straight to float it would be 1 + 2^-23 */
    {"{\"f\":[1.0000000596046448]}", "{\"f\":<f 1>}"},
    {"{\"f\":[1.00000005960464491]}", "{\"f\":<f 1.0000001192092896>}"},
    {"{\"f\":[3.4028235677973366e38,-3.4028235677973362e38]}", "{\"f\":<f RANGE 0 -1>}"},
    {"{\"f\":[3.4028235677973362e38,-3.4028235677973362e38]}",
     "{\"f\":<f 3.4028234663852886e+38 -3.4028234663852886e+38>}"},
    {"{\"f\":[1e-46,-1e-46,1e-45]}", "{\"f\":<f 0 -0 1.4012984643248171e-45>}"},
    /* defects are not errors here */
    {"{\"f\":[1,1e39,true]}", "{\"f\":<f RANGE 1 -1>}"},
    {"{\"f\":[[1,2],[3,-1e39]]}", "{\"f\":<f RANGE 1 1>}"},
    {"{\"f\":[[1e39,2],[3]]}", "{\"f\":<f RANGE 0 0>}"},
    {"[1,null]", "<d MIXED 1 -1>"},
    {"[1,2,\"],],],[\",{\"a\":[1,{\"b\":[[]]}]},[[\"x\"]]]", "<d MIXED 2 -1>"},
    {"[[1,2],5]", "<d MIXED 1 -1>"},
    {"[[1,2],{\"a\":[\"]\"]},[1]]", "<d MIXED 1 -1>"},
    {"[[1,2],[3,\"x\"],[5]]", "<d MIXED 1 1>"},
    {"[[1,[2,3]],[4,5]]", "<d MIXED 0 1>"},
    {"[[1],[[2]]]", "<d MIXED 1 0>"},
    {"[[1],[\"],[\"],[\"],[\"]]", "<d MIXED 1 0>"},
    {"[[1,2],[3],[4,5]]", "<d RAGGED 1 1>"},
    {"[[1,2],[3,4],[5,6,7],[null]]", "<d RAGGED 2 3>"},
    {"[[1,2],[]]", "<d RAGGED 1 0>"},
    {"[[1,2],[ ],[1,2]]", "<d RAGGED 1 0>"},
    {"[[1,2],[3,4,{\"a\":1}]]", "<d RAGGED 1 3>"},
    {"{\"f\":[[1,2],[3,4,1e39]]}", "{\"f\":<f RAGGED 1 3>}"},
    {"{\"a\":[[1],[2,3]],\"b\":[[4],[5]]}", "{\"a\":<d RAGGED 1 2>,\"b\":<d2x1 4 5>}"},
    /* strings in arrays */
    {"[\"a\"]", "<s \"a\">"},
    {"[ \"a\" , \"\" ,\"\\u00e9\\n\"]", "<s \"a\" \"\" \"\xc3\xa9\n\">"},
    {"[\"a\",\"b\",1,\"c\"]", "<s \"a\" \"b\" !2>"},
    {"[\"a\",[\"b\",{\"c\":[1]}]]", "<s \"a\" !1>"},
};

static void test_good_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(good_texts); i++) {
        json_document *doc = NULL;
        mlsel_error err = {.code = 1, .message = "old"};
        const mlsel_status status = parse(good_texts[i].text, strlen(good_texts[i].text), NULL, &doc, &err);
        if (status != MLSEL_OK)
            fail_msg("%s: %s", good_texts[i].text, err.message);
        assert_int_equal(err.code, 0);
        assert_string_equal(err.message, "");
        writer w = {.used = 0};
        put_value(&w, doc, mlsel_i_json_root(doc));
        assert_string_equal(w.text, good_texts[i].tree);
        mlsel_i_json_free(doc);
    }
}

static void test_nodes(void **state) {
    (void)state;
    json_document *doc = NULL;
    const char text[] = "{\"a\":[1,2],\"s\":[\"x\"],\"o\":{},\"n\":0}";
    assert_int_equal(mlsel_i_json_parse(text, strlen(text), NULL, NULL, &doc, NULL), MLSEL_OK);
    const cJSON *root = mlsel_i_json_root(doc);
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(root, "a");
    const cJSON *s = cJSON_GetObjectItemCaseSensitive(root, "s");
    json_array *array = mlsel_i_json_array(doc, a);
    assert_non_null(array);
    assert_null(mlsel_i_json_strings(doc, a));
    assert_int_equal(array->dtype, JSON_F64);
    assert_int_equal(array->rank, 1);
    assert_int_equal(array->rows, 2);
    assert_int_equal(array->cols, 1);
    assert_int_equal((uintptr_t)array->data % MLSEL_ALIGNMENT, 0);
    assert_non_null(mlsel_i_json_strings(doc, s));
    assert_null(mlsel_i_json_array(doc, s));
    assert_null(mlsel_i_json_array(doc, cJSON_GetObjectItemCaseSensitive(root, "o")));
    assert_null(mlsel_i_json_strings(doc, cJSON_GetObjectItemCaseSensitive(root, "n")));
    assert_null(mlsel_i_json_array(doc, root));
    assert_null(mlsel_i_json_array(doc, NULL));
    assert_null(mlsel_i_json_strings(doc, NULL));
    /* data can be taken away */
    double *data = array->data;
    array->data = NULL;
    mlsel_i_json_free(doc);
    assert_true(data[0] == 1.0 && data[1] == 2.0);
    mlsel_i_free(data);
    mlsel_i_json_free(NULL);
}

/* --- texts that are wrong ---------------------------------------------------------------------------------------- */

typedef struct bad_text {
    const char *text;
    size_t size;
    mlsel_status status;
    uint64_t detail;
    const char *message;
} bad_text;

#define TEXT(s) s, sizeof(s) - 1
#define PARSE(s, at, message)                                                                                          \
    { TEXT(s), MLSEL_ERROR_PARSE, at, "byte " #at ": " message }
#define SCHEMA(s, message)                                                                                             \
    { TEXT(s), MLSEL_ERROR_SCHEMA, 0, message }
#define ENDS(place) "the text ends inside " place " (truncated file?)"

static const bad_text bad_texts[] = {
    /* nothing, or more than one document */
    {TEXT(""), MLSEL_ERROR_PARSE, 0, "the text is empty"},
    {TEXT(" \n\t"), MLSEL_ERROR_PARSE, 3, "the text is empty"},
    PARSE("1 2", 2, "something follows the end of the document, in $"),
    PARSE("{} x", 3, "something follows the end of the document, in $"),
    PARSE("[1]]", 3, "something follows the end of the document, in $"),
    PARSE("null\0", 4, "something follows the end of the document, in $"),
    /* other encodings */
    PARSE("\xef\xbb\xbf{}", 0, "the text starts with a byte order mark (save it as UTF-8 without BOM)"),
    PARSE("\xff\xfe{\0}\0", 0, "the text is UTF-16 (save it as UTF-8)"),
    PARSE("\xfe\xff\0{\0}", 0, "the text is UTF-16 (save it as UTF-8)"),
    /* no value */
    PARSE("<html>", 0, "expected a value, not '<', in $"),
    PARSE("True", 0, "expected a value, not 'T', in $"),
    PARSE("nul", 3, ENDS("$")),
    PARSE("nulL", 0, "expected a value, not 'n', in $"),
    PARSE("tru", 3, ENDS("$")),
    PARSE("{\"a\":fals}", 5, "expected a value, not 'f', in $.a"),
    PARSE("nan", 0, "expected a value, not 'n', in $"),
    PARSE("[1,\x01]", 3, "expected a value, not byte 0x01, in $[1]"),
    PARSE("[\xff]", 1, "expected a value, not byte 0xff, in $[0]"),
    PARSE("]", 0, "expected a value, not ']', in $"),
    PARSE("{\"a\":}", 5, "expected a value, not '}', in $.a"),
    PARSE("[,1]", 1, "expected a value, not ',', in $[0]"),
    PARSE("[1,,2]", 3, "expected a value, not ',', in $[1]"),
    PARSE("['a']", 1, "expected a value, not ''', in $[0]"),
    PARSE("[1,/* two */2]", 3, "expected a value, not '/', in $[1]"),
    /* arrays */
    PARSE("[", 1, ENDS("$")),
    PARSE("[1", 2, ENDS("$")),
    PARSE("[1,", 3, ENDS("$")),
    PARSE("[null", 5, ENDS("$")),
    PARSE("[null,", 6, ENDS("$")),
    PARSE("[null,]", 6, "trailing comma before ']', in $"),
    PARSE("[1,]", 3, "trailing comma before ']', in $"),
    PARSE("[[1],]", 5, "trailing comma before ']', in $"),
    PARSE("[[1,]]", 4, "trailing comma before ']', in $[0]"),
    PARSE("[\"a\",]", 5, "trailing comma before ']', in $"),
    PARSE("[1 2]", 3, "expected ',' or ']' after a value, in $"),
    PARSE("[null 2]", 6, "expected ',' or ']' after a value, in $"),
    PARSE("[\"a\" \"b\"]", 5, "expected ',' or ']' after a value, in $"),
    PARSE("[1}", 2, "expected ',' or ']' after a value, in $"),
    PARSE("{\"embeddings\":[[1],[2],[3],[4 5]]}", 30, "expected ',' or ']' after a value, in $.embeddings[3]"),
    PARSE("{\"embeddings\":[[1],[2] [3]]}", 23, "expected ',' or ']' after a value, in $.embeddings"),
    PARSE("{\"embeddings\":[[1,2],[3,4],[5,", 30, ENDS("$.embeddings[2]")),
    PARSE("{\"embeddings\":[[1,2],[3,4],[5", 29, ENDS("$.embeddings[2]")),
    PARSE("{\"embeddings\":[[1,2],[3,4],[", 28, ENDS("$.embeddings[2]")),
    PARSE("{\"embeddings\":[[1,2],[3,4],", 27, ENDS("$.embeddings")),
    PARSE("{\"embeddings\":[[1,2],[3,4]", 26, ENDS("$.embeddings")),
    PARSE("{\"embeddings\":[[1,2],[3,4]]", 27, ENDS("$")),
    /* objects */
    PARSE("{", 1, ENDS("$")),
    PARSE("{\"a", 3, ENDS("$")),
    PARSE("{\"a\"", 4, ENDS("$")),
    PARSE("{\"a\":", 5, ENDS("$")),
    PARSE("{\"a\":1", 6, ENDS("$")),
    PARSE("{\"a\":1,", 7, ENDS("$")),
    PARSE("{\"a\":1,}", 7, "trailing comma before '}', in $"),
    PARSE("{\"a\" 1}", 5, "expected ':' after a key, in $.a"),
    PARSE("{\"a\":1 \"b\":2}", 7, "expected ',' or '}' after a value, in $"),
    PARSE("{\"a\":[1,2}", 9, "expected ',' or ']' after a value, in $.a"),
    PARSE("{\"a\":{\"b\":1]}", 11, "expected ',' or '}' after a value, in $.a"),
    PARSE("{a:1}", 1, "expected a key in double quotes, in $"),
    PARSE("{1:1}", 1, "expected a key in double quotes, in $"),
    PARSE("{\"x\":{,}}", 6, "expected a key in double quotes, in $.x"),
    /* numbers */
    PARSE("01", 1, "a digit after a leading 0, in $"),
    PARSE("[-012]", 3, "a digit after a leading 0, in $[0]"),
    PARSE("-", 1, ENDS("$")),
    PARSE("[-]", 2, "expected a digit after '-', in $[0]"),
    PARSE("[-x]", 2, "expected a digit after '-', in $[0]"),
    PARSE("[+1]", 1, "expected a value, not '+', in $[0]"),
    PARSE("[.5]", 1, "expected a value, not '.', in $[0]"),
    PARSE("[1.]", 3, "expected a digit after the decimal point, in $[0]"),
    PARSE("[1.e5]", 3, "expected a digit after the decimal point, in $[0]"),
    PARSE("{\"a\":[0,[1.]]}", 11, "expected a digit after the decimal point, in $.a[1][0]"),
    PARSE("[1e]", 3, "expected a digit in the exponent, in $[0]"),
    PARSE("[1e+]", 4, "expected a digit in the exponent, in $[0]"),
    PARSE("[1.5e-", 6, ENDS("$[0]")),
    PARSE("[1.", 3, ENDS("$[0]")),
    PARSE("[0x10]", 2, "expected ',' or ']' after a value, in $"),
    PARSE("[1.5.2]", 4, "expected ',' or ']' after a value, in $"),
    PARSE("[1_000]", 2, "expected ',' or ']' after a value, in $"),
    PARSE("[Inf]", 1, "expected a value, not 'I', in $[0]"),
    PARSE("[-Inf]", 2, "expected a digit after '-', in $[0]"),
    PARSE("[1,Na", 5, ENDS("$[1]")),
    PARSE("[1,-Infin", 9, ENDS("$[1]")),
    SCHEMA("NaN", "$: NaN is not a finite number"),
    SCHEMA("[NaN]", "$[0]: NaN is not a finite number"),
    SCHEMA("{\"a\":Infinity}", "$.a: Infinity is not a finite number"),
    SCHEMA("{\"a\":-Infinity}", "$.a: -Infinity is not a finite number"),
    SCHEMA("{\"x\":[1,2,-Infinity]}", "$.x[2]: -Infinity is not a finite number"),
    SCHEMA("{\"embeddings\":[[1,2],[3,NaN]]}", "$.embeddings[1][1]: NaN is not a finite number"),
    SCHEMA("{\"embeddings\":[[NaN,2],[3,4]]}", "$.embeddings[0][0]: NaN is not a finite number"),
    SCHEMA("[[1],[\"x\",{\"y\":[0,NaN]}]]", "$[1][1].y[1]: NaN is not a finite number"),
    SCHEMA("{\"x\":[0,0,0,1e400]}", "$.x[3]: 1e400 is not a finite number (too large for double)"),
    SCHEMA("-1e309", "$: -1e309 is not a finite number (too large for double)"),
    SCHEMA("[[1],[1.7976931348623159e308]]",
           "$[1][0]: 1.7976931348623159e308 is not a finite number (too large for double)"),
    SCHEMA("[true,100000000000000000000000000000000000e999]",
           "$[1]: 10000000000000000000000000000000... is not a finite number (too large for double)"),
    /* strings */
    PARSE("\"abc", 4, ENDS("$")),
    PARSE("[\"abc", 5, ENDS("$[0]")),
    PARSE("{\"a\":\"b\\", 8, ENDS("$.a")),
    PARSE("\"a\nb\"", 2, "a control character in a string, in $"),
    PARSE("[null,\"\x1f\"]", 7, "a control character in a string, in $[1]"),
    PARSE("\"a\0b\"", 2, "a control character in a string, in $"),
    PARSE("\"\\x\"", 1, "an escape that JSON does not have, in $"),
    PARSE("\"\\\0\"", 1, "an escape that JSON does not have, in $"),
    PARSE("\"\\u12g4\"", 1, "\\u needs four hexadecimal digits, in $"),
    PARSE("\"\\u12\"", 1, "\\u needs four hexadecimal digits, in $"),
    PARSE("\"\\u12", 5, ENDS("$")),
    PARSE("\"x\\u0000\"", 2, "\\u0000 in a string, in $"),
    PARSE("\"\\ud83d\"", 1, "a high surrogate without a low one after it, in $"),
    PARSE("\"\\ud83dx\"", 1, "a high surrogate without a low one after it, in $"),
    PARSE("\"\\ud83d\\n\"", 1, "a high surrogate without a low one after it, in $"),
    PARSE("\"\\ud83d\\u0041\"", 1, "a high surrogate without a low one after it, in $"),
    PARSE("\"\\ud83d\\ud83d\"", 1, "a high surrogate without a low one after it, in $"),
    PARSE("\"\\ud83d\\u00g0\"", 7, "\\u needs four hexadecimal digits, in $"),
    PARSE("\"\\ud83d", 7, ENDS("$")),
    PARSE("\"\\ud83d\\", 8, ENDS("$")),
    PARSE("\"\\ud83d\\ude0", 12, ENDS("$")),
    PARSE("\"\\ude00\"", 1, "a low surrogate without a high one before it, in $"),
    PARSE("{\"a\\ude00\":1}", 3, "a low surrogate without a high one before it, in $"),
    /* UTF-8 */
    PARSE("\"\x80\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xc0\xaf\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xc3\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xe0\x80\xaf\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xed\xa0\x80\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xf0\x8f\xbf\xbf\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xf4\x90\x80\x80\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("\"\xf5\x80\x80\x80\"", 1, "bytes that are not UTF-8, in $"),
    PARSE("[\"ok\",\"\xe2\x82\"]", 7, "bytes that are not UTF-8, in $[1]"),
    PARSE("{\"\xff\":1}", 2, "bytes that are not UTF-8, in $"),
    /* duplicate keys */
    SCHEMA("{\"a\":1,\"a\":2}", "$.a: duplicate key"),
    SCHEMA("{\"\":1,\"\":2}", "$[\"\"]: duplicate key"),
    SCHEMA("{\"layers\":[{},{},{\"type\":1,\"x\":{\"type\":1},\"type\":2}]}", "$.layers[2].type: duplicate key"),
    SCHEMA("{\"ab\":1,\"\\u0061\\u0062\":2}", "$[\"\\u0061\\u0062\"]: duplicate key"),
    SCHEMA("{\"\\u00e9\":1,\"\xc3\xa9\":2}", "$[\"\xc3\xa9\"]: duplicate key"),
    SCHEMA("{\"\\n\":1,\"\\u000A\":2}", "$[\"\\u000A\"]: duplicate key"),
    SCHEMA("{\"a/b\":1,\"a\\/b\":2}", "$[\"a\\/b\"]: duplicate key"),
    SCHEMA("[1,{\"q\":[{\"k\":1,\"l\":2,\"k\":3}]}]", "$[1].q[0].k: duplicate key"),
    /* paths */
    SCHEMA("{\"a b\":{\"c-d\":NaN}}", "$[\"a b\"][\"c-d\"]: NaN is not a finite number"),
    SCHEMA("{\"A_9\":{\"0\":NaN}}", "$.A_9.0: NaN is not a finite number"),
    SCHEMA("{\"0123456789012345678901234567890123456789\":NaN}",
           "$.012345678901234567890123456789012345...: NaN is not a finite number"),
    SCHEMA("{\"12345678901234567890123456789012345\xe2\x82\xac!\":NaN}",
           "$[\"12345678901234567890123456789012345...\"]: NaN is not a finite number"),
    SCHEMA("{\"first\":{\"second\":{\"third\":{\"fourth\":{\"fifth\":{\"sixth\":{\"seventh\":{\"eighth\":{\"ninth\":{"
           "\"tenth\":{\"eleventh\":{\"twelfth\":{\"thirteenth\":{\"fourteenth\":{\"fifteenth\":{\"sixteenth\":{"
           "\"seventeenth\":NaN}}}}}}}}}}}}}}}}}",
           "$.first.second.third.fourth.fifth.sixth.seventh.eighth....eleventh.twelfth.thirteenth.fourteenth.fifteenth."
           "sixteenth.seventeenth: NaN is not a finite number"),
};

static void test_bad_texts(void **state) {
    (void)state;
    json_document *const untouched = (json_document *)(uintptr_t)0x10;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(bad_texts); i++) {
        const bad_text *bad = &bad_texts[i];
        json_document *doc = untouched;
        mlsel_error err;
        memset(&err, 0xa5, sizeof err);
        if (parse(bad->text, bad->size, NULL, &doc, &err) == MLSEL_OK)
            fail_msg("accepted: %s", bad->text);
        assert_string_equal(err.message, bad->message);
        assert_int_equal(err.code, bad->status);
        assert_int_equal(err.detail, bad->detail);
        assert_int_equal(err.reserved, 0);
        assert_ptr_equal(doc, untouched);
        assert_int_equal(parse(bad->text, bad->size, NULL, &doc, NULL), bad->status);
    }
}

/* --- limits and hostile texts ------------------------------------------------------------------------------------ */

/* A text that is put together; freed by the caller. */
typedef struct builder {
    char *text;
    size_t size;
    size_t capacity;
} builder;

static void add(builder *b, const char *text) {
    const size_t size = strlen(text);
    if (b->size + size > b->capacity) {
        b->capacity = 2 * b->capacity + size + 1024;
        b->text = realloc(b->text, b->capacity);
        assert_non_null(b->text);
    }
    memcpy(b->text + b->size, text, size);
    b->size += size;
}

static void add_times(builder *b, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++)
        add(b, text);
}

/* Parses what was built, and frees it; the message is "" for a text that is right. */
static void expect(builder *b, size_t max_depth, mlsel_status status, const char *message) {
    json_document *doc = NULL;
    mlsel_error err;
    const json_limits limits = {max_depth};
    const mlsel_status got = parse(b->text, b->size, &limits, &doc, &err);
    assert_string_equal(err.message, message);
    assert_int_equal(got, status);
    mlsel_i_json_free(doc);
    free(b->text);
    *b = (builder){0};
}

static void nest(builder *b, const char *open, const char *inner, const char *close, size_t depth) {
    add_times(b, open, depth);
    add(b, inner);
    add_times(b, close, depth);
}

/* Texts of megabytes have nothing that shorter ones have not but their size. */
static void leave_out_long_texts(void) {
    if (!test_is_short())
        return;
    print_message("SKIP texts of megabytes, which take minutes in an emulator\n");
    skip();
}

static void test_depth(void **state) {
    (void)state;
    builder b = {0};
    nest(&b, "[", "", "]", 64);
    expect(&b, 0, MLSEL_OK, "");
    nest(&b, "[", "1", "]", 64);
    expect(&b, 0, MLSEL_OK, "");
    nest(&b, "{\"a\":", "1", "}", 64);
    expect(&b, 0, MLSEL_OK, "");
    /* 18 parts of 3 characters and "$" make 55 of the 56 of the head; 24 make the 72 of the tail */
    const char *path = "$[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]...[0][0][0][0][0][0][0][0][0][0][0]"
                       "[0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 64 levels";
    nest(&b, "[", "", "]", 65);
    expect(&b, 0, MLSEL_ERROR_LIMIT, path);
    nest(&b, "[", "1", "]", 65);
    expect(&b, 0, MLSEL_ERROR_LIMIT, path);
    add_times(&b, "[", 1000000);
    expect(&b, 0, MLSEL_ERROR_LIMIT, path);
    nest(&b, "[", "", "]", 3);
    expect(&b, 3, MLSEL_OK, "");
    nest(&b, "[", "", "]", 3);
    expect(&b, 2, MLSEL_ERROR_LIMIT, "$[0][0]: nested deeper than 2 levels");
    nest(&b, "[", "1", "]", 2);
    expect(&b, 1, MLSEL_ERROR_LIMIT, "$[0]: nested deeper than 1 levels");
    add(&b, "{\"a\":[1,{\"b\":[]}]}");
    expect(&b, 3, MLSEL_ERROR_LIMIT, "$.a[1].b: nested deeper than 3 levels");
    add(&b, "[[1],[[\"x\",{\"b\":[]}]]]");
    expect(&b, 4, MLSEL_ERROR_LIMIT, "$[1][0][1].b: nested deeper than 4 levels");
    nest(&b, "[", "", "]", 1000);
    expect(&b, 1000000, MLSEL_OK, "");
    nest(&b, "[", "", "]", 1001);
    json_document *doc = NULL;
    const json_limits limits = {1000000};
    assert_int_equal(parse(b.text, b.size, &limits, &doc, NULL), MLSEL_ERROR_LIMIT);
    free(b.text);
}

/* At most 1,000,000 values and one for each 64 bytes; a flat array counts four times. */
static void test_value_limit(void **state) {
    (void)state;
    leave_out_long_texts();
    builder b = {0};
    add(&b, "[{}");
    add_times(&b, ",{}", 1049178);
    add(&b, "]"); /* 3147538 bytes: 1049180 values */
    expect(&b, 0, MLSEL_OK, "");
    add(&b, "[{}");
    add_times(&b, ",{}", 1049200);
    add(&b, "]"); /* 3147604 bytes: 1049181 values */
    expect(&b, 0, MLSEL_ERROR_LIMIT, "$[1049180]: too many values (at most 1049181 besides numeric arrays)");
    add(&b, "[[]");
    add_times(&b, ",[1]", 400000);
    add(&b, "]"); /* 1600004 bytes: 1025000 values, and 2 + 4 * 256249 = 1024998 */
    expect(&b, 0, MLSEL_ERROR_LIMIT, "$[256250]: too many values (at most 1025000 besides numeric arrays)");
    /* what is skipped takes no memory, except for keys */
    add(&b, "[1");
    add_times(&b, ",[[]]", 1500000);
    add(&b, "]");
    expect(&b, 0, MLSEL_OK, "");
    add(&b, "[1,{\"\":1");
    char member[24];
    for (int i = 0; i < 1300000; i++) {
        (void)snprintf(member, sizeof member, ",\"%x\":1", (unsigned)i);
        add(&b, member);
    }
    add(&b, "}]"); /* 13181530 bytes: 1205961 values; the array counts 4, the empty key 1, so 1205956 more */
    expect(&b, 0, MLSEL_ERROR_LIMIT, "$[1].1266c4: too many values (at most 1205961 besides numeric arrays)");
}

/* Objects that are large enough to be sorted. */
static void test_many_keys(void **state) {
    (void)state;
    static const struct {
        int count, first, second; /* key number `second` is the same as number `first` */
    } cases[] = {{15, 0, 14}, {16, 0, 15}, {17, 0, 16}, {17, 15, 16}, {18, 16, 17}, {500, 0, 499}, {500, 250, 251}};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(cases); i++) {
        for (int repeated = 0; repeated < 2; repeated++) {
            builder b = {0};
            char member[48];
            for (int k = 0; k < cases[i].count; k++) {
                const int name = repeated && k == cases[i].second ? cases[i].first : k;
                /* odd ones are escaped, so both kinds meet in comparisons */
                const char *format = k % 2 == 0 ? "%s\"key%d\":%d" : "%s\"\\u006be\\u0079%d\":%d";
                (void)snprintf(member, sizeof member, format, k == 0 ? "{" : ",", name, k);
                add(&b, member);
            }
            add(&b, "}");
            (void)snprintf(member, sizeof member,
                           cases[i].second % 2 == 0 ? "$.key%d: duplicate key"
                                                    : "$[\"\\u006be\\u0079%d\"]: duplicate key",
                           cases[i].first);
            expect(&b, 0, repeated ? MLSEL_ERROR_SCHEMA : MLSEL_OK, repeated ? member : "");
        }
    }
    /* two are repeated: the message names the place that comes first */
    builder b = {0};
    char member[32];
    add(&b, "{\"z\":0");
    for (int k = 0; k < 40; k++) {
        (void)snprintf(member, sizeof member, ",\"k%d\":0", k);
        add(&b, member);
    }
    add(&b, ",\"z\":0,\"k3\":0}");
    expect(&b, 0, MLSEL_ERROR_SCHEMA, "$.z: duplicate key");
    /* one key is a prefix of the other, with and without escapes */
    add(&b, "{\"\":0");
    for (int k = 1; k < 40; k++) {
        add(&b, ",\"");
        add_times(&b, k % 3 == 0 ? "\\u00e9" : "\xc3\xa9", (size_t)k);
        add(&b, "\":0");
    }
    add(&b, "}");
    expect(&b, 0, MLSEL_OK, "");
}

/* Each of these takes hours in quadratic time. */
static void test_linear_time(void **state) {
    (void)state;
    leave_out_long_texts();
    builder b = {0};
    char member[24];
    add(&b, "{\"\":0");
    for (int i = 0; i < 900000; i++) {
        (void)snprintf(member, sizeof member, ",\"%d\":0", i);
        add(&b, member);
    }
    add(&b, "}");
    expect(&b, 0, MLSEL_OK, "");
    /* arrays that are measured before they are read */
    static const char *const arrays[] = {"[[1],\"],\"],", "[[1],[\"],[\"],5],", "[[1],[\"],[\"],\"],[\"],",
                                         "[1,\"x\"],",    "[[1],{}],",          "[[1],[[1]]],"};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(arrays); i++) {
        add(&b, "[");
        add_times(&b, arrays[i], 240000);
        add(&b, "0]");
        expect(&b, 0, MLSEL_OK, "");
    }
    add(&b, "[[1");
    add_times(&b, "          ", 100000);
    add(&b, "]");
    expect(&b, 0, MLSEL_ERROR_PARSE, "byte 1000004: the text ends inside $ (truncated file?)");
}

static void test_long_number(void **state) {
    (void)state;
    builder b = {0};
    add(&b, "[0.");
    add_times(&b, "3", 4094);
    add(&b, "]");
    expect(&b, 0, MLSEL_OK, "");
    add(&b, "[0.");
    add_times(&b, "3", 4095);
    add(&b, "]");
    expect(&b, 0, MLSEL_ERROR_LIMIT, "$[0]: a number of 4097 characters (at most 4096 are read)");
    add(&b, "{\"a\":");
    add_times(&b, "7", 1000000);
    add(&b, "}");
    expect(&b, 0, MLSEL_ERROR_LIMIT, "$.a: a number of 1000000 characters (at most 4096 are read)");
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

typedef struct allocations {
    size_t count;
    size_t total;
    size_t fail_at; /* number of the first allocation that fails, and of all after it; 0: none */
} allocations;

static allocations watched;

static bool watch(size_t bytes, void *user) {
    (void)user;
    watched.count++;
    watched.total += bytes;
    return watched.fail_at == 0 || watched.count < watched.fail_at;
}

static void *watched_malloc(size_t size) { return watch(size, NULL) ? malloc(size) : NULL; }

/* Rows of numbers are allocated once, at their size: no growth, no copy. */
static void test_memory(void **state) {
    (void)state;
    enum { ROWS = 300, COLS = 200, STRIDE = 208 };
    builder b = {0};
    add(&b, "{\"f\":[");
    for (int i = 0; i < ROWS; i++) {
        add(&b, i == 0 ? "[-0.0669270008802414" : ", [-0.0669270008802414");
        add_times(&b, ", 0.2691330015659332", COLS - 1);
        add(&b, "]");
    }
    add(&b, "]}");
    watched = (allocations){0};
    mlsel_i_set_alloc_hook(watch, NULL);
    json_document *doc = NULL;
    const mlsel_status status = mlsel_i_json_parse(b.text, b.size, NULL, starts_with_f, &doc, NULL);
    mlsel_i_set_alloc_hook(NULL, NULL);
    assert_int_equal(status, MLSEL_OK);
    const json_array *array = mlsel_i_json_array(doc, mlsel_i_json_root(doc)->child);
    assert_non_null(array);
    assert_int_equal(array->rows, ROWS);
    assert_int_equal(array->cols, COLS);
    const float *data = array->data;
    /* rows this wide start at multiples of 64 bytes, with zeros between */
    assert_int_equal(array->stride, STRIDE);
    for (int i = 0; i < ROWS * STRIDE; i++) {
        const int col = i % STRIDE;
        assert_true(data[i] == (col == 0 ? -0.0669270008802414f : col < COLS ? 0.2691330015659332f : 0));
    }
    assert_true(watched.total >= ROWS * STRIDE * sizeof(float));
    assert_true(watched.total < ROWS * STRIDE * sizeof(float) + 8192);
    mlsel_i_json_free(doc);
    free(b.text);
}

/* Each allocation fails once, alone and with all after it. */
static void test_failing_allocations(void **state) {
    (void)state;
    builder b = {0};
    add(&b,
        "{\"algorithm\":\"knn\",\"k\":1e1,\"\\u0066\\u006c\":[[1,2],[3,4.0000000000000000000001]],\"b\":[true,null,");
    add(&b, "{\"x\":[1,\"y\",{\"z\":{}}],\"s\":[\"a\",\"\\n\",5],\"r\":[[1],[2,3]],\"f\":[1e39],\"empty\":[]}],");
    nest(&b, "\"deep\":[{\"d\":", "[{}]", "}]", 1);
    add(&b, ",\"deeper\":");
    nest(&b, "[", "[]", "]", 40);
    for (int i = 0; i < 40; i++) {
        char member[32];
        (void)snprintf(member, sizeof member, ",\"m%d\":[%d]", i, i);
        add(&b, member);
    }
    add(&b, ",\"");
    add_times(&b, "long key", 40);
    add(&b, "\":\"");
    add_times(&b, "long string", 40);
    add(&b, "\"}");
    cJSON_Hooks hooks = {watched_malloc, free};
    cJSON_InitHooks(&hooks);
    mlsel_i_set_alloc_hook(watch, NULL);
    size_t n = 1;
    for (bool is_refused = true; is_refused; n++) {
        json_document *doc = NULL;
        mlsel_error err;
        watched = (allocations){.fail_at = n};
        const mlsel_status status = mlsel_i_json_parse(b.text, b.size, NULL, starts_with_f, &doc, &err);
        is_refused = watched.count >= n;
        if (!is_refused) {
            assert_int_equal(status, MLSEL_OK);
            mlsel_i_json_free(doc);
            continue;
        }
        assert_int_equal(status, MLSEL_ERROR_NO_MEMORY);
        assert_int_equal(err.code, MLSEL_ERROR_NO_MEMORY);
        assert_string_equal(err.message, "out of memory");
        assert_null(doc);
    }
    mlsel_i_set_alloc_hook(NULL, NULL);
    cJSON_InitHooks(NULL);
    assert_true(n > 200);
    free(b.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_texts),  cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_bad_texts),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_value_limit), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_linear_time), cmocka_unit_test(test_long_number),
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
