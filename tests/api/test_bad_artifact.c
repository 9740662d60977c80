/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts that are no good whatever their kind: text that is no JSON, numbers that are none, wrong algorithm,
 * version, categories, and documents that end too early. The kinds' own rules are in test_bad_knn.c and its siblings.
 */
#include "bad_artifact.h"

#include <stdlib.h>
#include <string.h>

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static const bad_artifact json_rows[] = {
    {"trailing comma in an object", base_knn, "\"num_samples\":3}", "\"num_samples\":3,}", MLSEL_ERROR_PARSE,
     "@16: trailing comma before '}', in $"},
    {"trailing comma in numbers", base_knn, "[1,0,0.5]", "[1,0,0.5,]", MLSEL_ERROR_PARSE,
     "@9: trailing comma before ']', in $.embeddings[0]"},
    {"trailing comma in names", base_knn, "[\"b\",\"a\"]", "[\"b\",\"a\",]", MLSEL_ERROR_PARSE,
     "@9: trailing comma before ']', in $.model_names"},
    {"missing comma in numbers", base_knn, "[1,0,0.5]", "[1 0,0.5]", MLSEL_ERROR_PARSE,
     "@3: expected ',' or ']' after a value, in $.embeddings[0]"},
    {"missing comma in an object", base_knn, "\"k\":2,", "\"k\":2", MLSEL_ERROR_PARSE,
     "@5: expected ',' or '}' after a value, in $"},
    {"missing colon", base_knn, "\"k\":2", "\"k\" 2", MLSEL_ERROR_PARSE, "@4: expected ':' after a key, in $.k"},
    {"key without quotes", base_knn, "\"k\":2", "k:2", MLSEL_ERROR_PARSE, "@0: expected a key in double quotes, in $"},
    {"wrong bracket", base_knn, "\"num_samples\":3}", "\"num_samples\":3]", MLSEL_ERROR_PARSE,
     "@15: expected ',' or '}' after a value, in $"},
    {"wrong bracket in numbers", base_knn, "[1,0,0.5]", "[1,0,0.5}", MLSEL_ERROR_PARSE,
     "@8: expected ',' or ']' after a value, in $.embeddings[0]"},
    {"something after the end", base_knn, "\"num_samples\":3}", "\"num_samples\":3}{}", MLSEL_ERROR_PARSE,
     "@16: something follows the end of the document, in $"},
    {"single quotes", base_knn, "\"knn\"", "'knn'", MLSEL_ERROR_PARSE, "@0: expected a value, not ''', in $.algorithm"},
    {"comment", base_knn, "\"k\":2", "/*2*/\"k\":2", MLSEL_ERROR_PARSE, "@0: expected a key in double quotes, in $"},
    {"Python's True", base_knn, "true", "True", MLSEL_ERROR_PARSE, "@0: expected a value, not 'T', in $.trained"},
    {"Python's None", base_knn, "\"k\":2", "\"k\":None", MLSEL_ERROR_PARSE, "@4: expected a value, not 'N', in $.k"},
    {"leading plus", base_knn, "[1,0,0.5]", "[+1,0,0.5]", MLSEL_ERROR_PARSE,
     "@1: expected a value, not '+', in $.embeddings[0][0]"},
    {"leading zero", base_knn, "[1,0,0.5]", "[01,0,0.5]", MLSEL_ERROR_PARSE,
     "@2: a digit after a leading 0, in $.embeddings[0][0]"},
    {"no digit before the point", base_knn, "[1,0,0.5]", "[1,0,.5]", MLSEL_ERROR_PARSE,
     "@5: expected a value, not '.', in $.embeddings[0][2]"},
    {"no digit after the point", base_knn, "[1,0,0.5]", "[1,0.,5]", MLSEL_ERROR_PARSE,
     "@5: expected a digit after the decimal point, in $.embeddings[0][1]"},
    {"decimal comma", base_categories, "2.5", "2,5", MLSEL_ERROR_PARSE, "@2: expected a key in double quotes, in $"},
    {"hexadecimal", base_knn, "[1,0,0.5]", "[0x1,0,0.5]", MLSEL_ERROR_PARSE,
     "@2: expected ',' or ']' after a value, in $.embeddings[0]"},
    {"empty exponent", base_knn, "[1,0,0.5]", "[1e,0,0.5]", MLSEL_ERROR_PARSE,
     "@3: expected a digit in the exponent, in $.embeddings[0][0]"},
    {"lone minus", base_knn, "[1,0,0.5]", "[-,0,0.5]", MLSEL_ERROR_PARSE,
     "@2: expected a digit after '-', in $.embeddings[0][0]"},
    {"control character in a string", base_knn, "\"knn\"", "\"k\nn\"", MLSEL_ERROR_PARSE,
     "@2: a control character in a string, in $.algorithm"},
    {"unknown escape", base_knn, "\"knn\"", "\"k\\xnn\"", MLSEL_ERROR_PARSE,
     "@2: an escape that JSON does not have, in $.algorithm"},
    {"short escape", base_knn, "\"knn\"", "\"\\u12\"", MLSEL_ERROR_PARSE,
     "@1: \\u needs four hexadecimal digits, in $.algorithm"},
    {"escaped zero", base_knn, "\"knn\"", "\"\\u0000\"", MLSEL_ERROR_PARSE, "@1: \\u0000 in a string, in $.algorithm"},
    {"high surrogate alone", base_knn, "\"knn\"", "\"\\ud800x\"", MLSEL_ERROR_PARSE,
     "@1: a high surrogate without a low one after it, in $.algorithm"},
    {"low surrogate alone", base_knn, "\"knn\"", "\"\\udc00\"", MLSEL_ERROR_PARSE,
     "@1: a low surrogate without a high one before it, in $.algorithm"},
    {"not UTF-8 in a name", base_knn, "[\"b\",\"a\"]", "[\"b\xff\",\"a\"]", MLSEL_ERROR_PARSE,
     "@3: bytes that are not UTF-8, in $.model_names[0]"},
    {"Latin-1 in a name", base_knn, "[\"b\",\"a\"]", "[\"b\",\"\xe9t\xe9\"]", MLSEL_ERROR_PARSE,
     "@6: bytes that are not UTF-8, in $.model_names[1]"},
    {"overlong UTF-8", base_knn, "\"knn\"", "\"\xc0\xaf\"", MLSEL_ERROR_PARSE,
     "@1: bytes that are not UTF-8, in $.algorithm"},
    {"surrogate in UTF-8", base_knn, "\"knn\"", "\"\xed\xa0\x80\"", MLSEL_ERROR_PARSE,
     "@1: bytes that are not UTF-8, in $.algorithm"},
    {"UTF-8 above the last character", base_knn, "\"knn\"", "\"\xf4\x90\x80\x80\"", MLSEL_ERROR_PARSE,
     "@1: bytes that are not UTF-8, in $.algorithm"},
    {"half a character", base_knn, "\"knn\"", "\"\xe2\x82\"", MLSEL_ERROR_PARSE,
     "@1: bytes that are not UTF-8, in $.algorithm"},
    {"not UTF-8 in a key", base_knn, "\"k\":2", "\"k\":2,\"\x80\":1", MLSEL_ERROR_PARSE,
     "@7: bytes that are not UTF-8, in $"},
    {"not UTF-8 outside of strings", base_knn, "\"k\":2", "\"k\":\xff", MLSEL_ERROR_PARSE,
     "@4: expected a value, not byte 0xff, in $.k"},
    {"byte order mark", base_knn, "{\"algorithm\"", "\xef\xbb\xbf{\"algorithm\"", MLSEL_ERROR_PARSE,
     "byte 0: the text starts with a byte order mark (save it as UTF-8 without BOM)"},
    {"UTF-16", base_knn, "{\"algorithm\"", "\xff\xfe{\"algorithm\"", MLSEL_ERROR_PARSE,
     "byte 0: the text is UTF-16 (save it as UTF-8)"},

    {"duplicate key", base_knn, "\"k\":2", "\"k\":2,\"k\":2", MLSEL_ERROR_SCHEMA, "$.k: duplicate key"},
    {"duplicate key, escaped", base_knn, "\"k\":2", "\"k\":2,\"\\u006b\":3", MLSEL_ERROR_SCHEMA,
     "$[\"\\u006b\"]: duplicate key"},
    {"duplicate big array", base_knn, "\"k\":2", "\"k\":2,\"embeddings\":[[1]]", MLSEL_ERROR_SCHEMA,
     "$.embeddings: duplicate key"},
    {"duplicate in a layer", base_mlp, "\"type\":\"relu\"", "\"type\":\"relu\",\"type\":\"relu\"", MLSEL_ERROR_SCHEMA,
     "$.layers[1].type: duplicate key"},
    {"duplicate under an unknown key", base_knn, "\"k\":2", "\"k\":2,\"x\":{\"y\":[1,{\"z\":1,\"z\":2}]}",
     MLSEL_ERROR_SCHEMA, "$.x.y[1].z: duplicate key"},
    {"duplicate among many", base_knn, "\"k\":2",
     "\"k\":2,\"x\":{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,\"l\":0,"
     "\"m\":0,\"n\":0,\"o\":0,\"p\":0,\"q\":0,\"r\":0,\"b\":0}",
     MLSEL_ERROR_SCHEMA, "$.x.b: duplicate key"},
    {"duplicate that is empty", base_knn, "\"k\":2", "\"k\":2,\"\":1,\"\":2", MLSEL_ERROR_SCHEMA,
     "$[\"\"]: duplicate key"},
};

static void not_json(void **state) {
    (void)state;
    run_bad_artifacts(json_rows, LENGTH(json_rows));
}

static void zero_byte(void **state) {
    (void)state;
    mlsel_error err;
    const size_t size = strlen(base_knn);
    char *text = test_copy(base_knn, size);
    text[size - 1] = '\0';
    refuse_artifact("zero byte", text, size, NULL, MLSEL_ERROR_PARSE, &err);
    char message[128];
    (void)snprintf(message, sizeof message, "byte %zu: expected ',' or '}' after a value, in $", size - 1);
    test_error(&err, MLSEL_ERROR_PARSE, size - 1, message, "zero byte");
    free(text);
}

/* --- numbers that are none --------------------------------------------------------------------------------------- */

static const bad_artifact number_rows[] = {
    {"NaN in a matrix", base_knn, "[0,1,0.25]", "[0,1,NaN]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][2]: NaN is not a finite number"},
    {"Infinity in a matrix", base_knn, "[0,1,0.25]", "[Infinity,1,0.25]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][0]: Infinity is not a finite number"},
    {"-Infinity in a matrix", base_knn, "[0,1,0.25]", "[0,-Infinity,0.25]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][1]: -Infinity is not a finite number"},
    {"1e400 in a matrix", base_knn, "[0,1,0.25]", "[0,1,1e400]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][2]: 1e400 is not a finite number (too large for double)"},
    {"-1e400 in a matrix", base_knn, "[0,1,0.25]", "[0,1,-1e400]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][2]: -1e400 is not a finite number (too large for double)"},
    {"NaN as the first value", base_knn, "[1,0,0.5]", "[NaN,0,0.5]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[0][0]: NaN is not a finite number"},
    {"Infinity as the first value", base_knn, "[1,0,0.5]", "[Infinity,0,0.5]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[0][0]: Infinity is not a finite number"},
    {"-Infinity as the first value", base_knn, "[1,0,0.5]", "[-Infinity,0,0.5]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[0][0]: -Infinity is not a finite number"},
    {"NaN instead of a row", base_knn, "[0,1,0.25]", "NaN", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1]: NaN is not a finite number"},
    {"NaN in a list", base_knn, "[0.5,1,0]", "[0.5,NaN,0]", MLSEL_ERROR_SCHEMA,
     "$.qualities[1]: NaN is not a finite number"},
    {"Infinity first in a list", base_knn, "[0.5,1,0]", "[Infinity,1,0]", MLSEL_ERROR_SCHEMA,
     "$.qualities[0]: Infinity is not a finite number"},
    {"-Infinity in a list", base_knn, "[0.5,1,0]", "[0.5,1,-Infinity]", MLSEL_ERROR_SCHEMA,
     "$.qualities[2]: -Infinity is not a finite number"},
    {"1e400 in a list", base_knn, "[0.5,1,0]", "[0.5,1e400,0]", MLSEL_ERROR_SCHEMA,
     "$.qualities[1]: 1e400 is not a finite number (too large for double)"},
    {"NaN in a list of double", base_svm, "[0.1,0.2,0.3]", "[0.1,NaN,0.3]", MLSEL_ERROR_SCHEMA,
     "$.intercept[1]: NaN is not a finite number"},
    {"NaN in the centroids", base_kmeans, "[0,0.25]", "[0,NaN]", MLSEL_ERROR_SCHEMA,
     "$.centroids[1][1]: NaN is not a finite number"},
    {"NaN in a sample", base_samples, "[0,0.25]", "[NaN,0.25]", MLSEL_ERROR_SCHEMA,
     "$.samples[1].feature_vector[0]: NaN is not a finite number"},
    {"Infinity in a layer", base_mlp, "\"running_mean\":[5,6]", "\"running_mean\":[5,Infinity]", MLSEL_ERROR_SCHEMA,
     "$.layers[2].running_mean[1]: Infinity is not a finite number"},
    {"NaN as a scalar", base_knn, "\"k\":2", "\"k\":NaN", MLSEL_ERROR_SCHEMA, "$.k: NaN is not a finite number"},
    {"Infinity as a scalar", base_svm, "\"gamma\":0.5", "\"gamma\":Infinity", MLSEL_ERROR_SCHEMA,
     "$.gamma: Infinity is not a finite number"},
    {"-Infinity as a scalar", base_svm_linear, "\"rho\":0.2", "\"rho\":-Infinity", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].rho: -Infinity is not a finite number"},
    {"1e400 as a scalar", base_svm, "\"gamma\":0.5", "\"gamma\":1e400", MLSEL_ERROR_SCHEMA,
     "$.gamma: 1e400 is not a finite number (too large for double)"},
    {"NaN under an unknown key", base_knn, "\"k\":2", "\"k\":2,\"x\":NaN", MLSEL_ERROR_SCHEMA,
     "$.x: NaN is not a finite number"},
    {"NaN deep under an unknown key", base_knn, "\"k\":2", "\"k\":2,\"x\":{\"y\":[1,{\"z\":[NaN]}]}",
     MLSEL_ERROR_SCHEMA, "$.x.y[1].z[0]: NaN is not a finite number"},
    {"NaN in a list of names", base_knn, "[\"b\",\"a\"]", "[\"b\",NaN]", MLSEL_ERROR_SCHEMA,
     "$.model_names[1]: NaN is not a finite number"},
    {"not quite NaN", base_knn, "[0,1,0.25]", "[0,1,NAN]", MLSEL_ERROR_PARSE,
     "@5: expected a value, not 'N', in $.embeddings[1][2]"},
    {"not quite Infinity", base_knn, "[0,1,0.25]", "[0,1,Inf]", MLSEL_ERROR_PARSE,
     "@5: expected a value, not 'I', in $.embeddings[1][2]"},

    {"beyond float32 in a matrix", base_knn, "[0,1,0.25]", "[0,1,3.5e38]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][2] is beyond the range of float32"},
    {"beyond float32 in a matrix of double", base_kmeans, "[0,0.25]", "[0,-3.5e38]", MLSEL_ERROR_SCHEMA,
     "$.centroids[1][1] is beyond the range of float32"},
    {"beyond float32 in a list", base_mlp, "\"bias\":[0.5,-0.5]", "\"bias\":[0.5,-1e39]", MLSEL_ERROR_SCHEMA,
     "$.layers[0].bias[1] is beyond the range of float32"},
    {"beyond float32 in a list of double", base_svm, "[0.1,0.2,0.3]", "[0.1,0.2,1e308]", MLSEL_ERROR_SCHEMA,
     "$.intercept[2] is beyond the range of float32"},
    {"beyond float32 as a scalar", base_svm_linear, "\"rho\":0.2", "\"rho\":1e39", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].rho is beyond the range of float32"},
    {"the first double that rounds beyond float32", base_knn, "[0,1,0.25]",
     "[0,1,340282356779733661637539395458142568448]", MLSEL_ERROR_SCHEMA,
     "$.embeddings[1][2] is beyond the range of float32"},
};

static void not_numbers(void **state) {
    (void)state;
    run_bad_artifacts(number_rows, LENGTH(number_rows));
}

/* What must not be refused: the largest float32, what rounds to it, and what rounds to zero. */
static void extreme_numbers(void **state) {
    (void)state;
    static const char *const good[] = {"3.4028234663852886e+38",
                                       "-3.4028234663852886e38",
                                       "3.4028235e38",
                                       "1e-400",
                                       "-0",
                                       "1E+2",
                                       "0.00000000000000000000000000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < LENGTH(good); i++) {
        char row[256];
        (void)snprintf(row, sizeof row, "[0,1,%s]", good[i]);
        char *text = test_replace(base_knn, "[0,1,0.25]", row);
        mlsel_model_release(test_load_text(text, NULL));
        free(text);
    }
}

/* --- what all kinds have in common ------------------------------------------------------------------------------- */

static const bad_artifact common_rows[] = {
    {"no algorithm", base_knn, "\"algorithm\":\"knn\",", "", MLSEL_ERROR_SCHEMA, "$.algorithm is missing"},
    {"algorithm null", base_knn, "\"knn\"", "null", MLSEL_ERROR_SCHEMA, "$.algorithm is missing"},
    {"algorithm in capitals as a key", base_knn, "\"algorithm\"", "\"Algorithm\"", MLSEL_ERROR_SCHEMA,
     "$.algorithm is missing"},
    {"algorithm no string", base_knn, "\"knn\"", "1", MLSEL_ERROR_SCHEMA, "$.algorithm must be a string"},
    {"algorithm a list", base_knn, "\"knn\"", "[\"knn\"]", MLSEL_ERROR_SCHEMA, "$.algorithm must be a string"},
    {"algorithm unknown", base_knn, "\"knn\"", "\"forest\"", MLSEL_ERROR_UNSUPPORTED,
     "$.algorithm: \"forest\" is not supported, expected knn, kmeans, svm or mlp"},
    {"algorithm in capitals", base_knn, "\"knn\"", "\"KNN\"", MLSEL_ERROR_UNSUPPORTED,
     "$.algorithm: \"KNN\" is not supported, expected knn, kmeans, svm or mlp"},
    {"algorithm empty", base_knn, "\"knn\"", "\"\"", MLSEL_ERROR_UNSUPPORTED,
     "$.algorithm: \"\" is not supported, expected knn, kmeans, svm or mlp"},
    {"hiershrink", base_knn, "\"knn\"", "\"hiershrink\"", MLSEL_ERROR_UNSUPPORTED,
     "$.algorithm: \"hiershrink\" is not supported, expected knn, kmeans, svm or mlp"},
    {"another kind's name", base_knn, "\"knn\"", "\"kmeans\"", MLSEL_ERROR_SCHEMA, "$.centroids is missing"},
    {"control characters in the name", base_knn, "\"knn\"", "\"k\\n\\u001b[31m\\u0085n\\u007f\"",
     MLSEL_ERROR_UNSUPPORTED, "$.algorithm: \"k??[31m?n?\" is not supported, expected knn, kmeans, svm or mlp"},

    {"trained false", base_knn, "true", "false", MLSEL_ERROR_NOT_TRAINED,
     "the model is not trained ($.trained is false): train it before selecting with it"},
    {"trained false, kmeans", base_kmeans, "true", "false", MLSEL_ERROR_NOT_TRAINED,
     "the model is not trained ($.trained is false): train it before selecting with it"},
    {"trained false, svm", base_svm, "true", "false", MLSEL_ERROR_NOT_TRAINED,
     "the model is not trained ($.trained is false): train it before selecting with it"},
    {"trained false, mlp", base_mlp, "true", "false", MLSEL_ERROR_NOT_TRAINED,
     "the model is not trained ($.trained is false): train it before selecting with it"},
    {"trained a number", base_knn, "true", "0", MLSEL_ERROR_SCHEMA, "$.trained must be true or false"},
    {"trained a string", base_knn, "true", "\"true\"", MLSEL_ERROR_SCHEMA, "$.trained must be true or false"},

    {"format_version 3", base_knn, "\"k\":2", "\"k\":2,\"format_version\":3", MLSEL_ERROR_VERSION,
     "$.format_version: 3 is newer than this library, which reads 1 and 2"},
    {"format_version 0", base_knn, "\"k\":2", "\"k\":2,\"format_version\":0", MLSEL_ERROR_SCHEMA,
     "$.format_version: 0, expected a whole number of at least 1"},
    {"format_version 1.5", base_knn, "\"k\":2", "\"k\":2,\"format_version\":1.5", MLSEL_ERROR_SCHEMA,
     "$.format_version: 1.5, expected a whole number of at least 1"},
    {"format_version negative", base_knn, "\"k\":2", "\"k\":2,\"format_version\":-2", MLSEL_ERROR_SCHEMA,
     "$.format_version: -2, expected a whole number of at least 1"},
    {"format_version a string", base_knn, "\"k\":2", "\"k\":2,\"format_version\":\"2\"", MLSEL_ERROR_SCHEMA,
     "$.format_version must be a number"},
    {"format_version 3, kmeans", base_kmeans_v2, "\"format_version\":2", "\"format_version\":3", MLSEL_ERROR_VERSION,
     "$.format_version: 3 is newer than this library, which reads 1 and 2"},

    {"as many categories as features", base_categories, "[\"x\",\"other\"]", "[\"x\",\"y\",\"other\"]",
     MLSEL_ERROR_SCHEMA, "$.categories: 3 names leave no room for an embedding in 3 features"},
    {"more categories than features", base_categories, "[\"x\",\"other\"]", "[\"x\",\"y\",\"z\",\"other\"]",
     MLSEL_ERROR_SCHEMA, "$.categories: 4 names leave no room for an embedding in 3 features"},
    {"category listed twice", base_categories, "[\"x\",\"other\"]", "[\"x\",\"x\"]", MLSEL_ERROR_SCHEMA,
     "$.categories[1]: \"x\" is listed twice"},
    {"category empty", base_categories, "[\"x\",\"other\"]", "[\"x\",\"\"]", MLSEL_ERROR_SCHEMA,
     "$.categories[1] is an empty name"},
    {"category no string", base_categories, "[\"x\",\"other\"]", "[\"x\",2]", MLSEL_ERROR_SCHEMA,
     "$.categories[1] must be a string"},
    {"categories numbers", base_categories, "[\"x\",\"other\"]", "[1,2]", MLSEL_ERROR_SCHEMA,
     "$.categories must be a list of names"},
    {"categories an object", base_categories, "[\"x\",\"other\"]", "{\"x\":0}", MLSEL_ERROR_SCHEMA,
     "$.categories must be a list of names"},
    {"category_weight 0", base_categories, "2.5", "0", MLSEL_ERROR_SCHEMA,
     "$.category_weight must be above 0 and at most 1e6"},
    {"category_weight negative", base_categories, "2.5", "-1", MLSEL_ERROR_SCHEMA,
     "$.category_weight must be above 0 and at most 1e6"},
    {"category_weight too large", base_categories, "2.5", "1000001", MLSEL_ERROR_SCHEMA,
     "$.category_weight must be above 0 and at most 1e6"},
    {"category_weight a string", base_categories, "2.5", "\"2.5\"", MLSEL_ERROR_SCHEMA,
     "$.category_weight must be a number"},
};

static void common(void **state) {
    (void)state;
    run_bad_artifacts(common_rows, LENGTH(common_rows));
}

static void no_object(void **state) {
    (void)state;
    static const char *const roots[] = {"[]", "[1,2]",   "[[1],[2]]", "[\"knn\"]", "[{}]",
                                        "5",  "\"knn\"", "true",      "null"};
    for (size_t i = 0; i < LENGTH(roots); i++)
        refuse_text(roots[i], test_copy(roots[i], strlen(roots[i]) + 1), MLSEL_ERROR_SCHEMA, 0,
                    "$ must be an object with the key \"algorithm\"");
    refuse_text("{}", test_copy("{}", 3), MLSEL_ERROR_SCHEMA, 0, "$.algorithm is missing");
}

/* --- documents that end too early -------------------------------------------------------------------------------- */

static void empty(void **state) {
    (void)state;
    mlsel_error err;
    refuse_artifact("empty", "", 0, NULL, MLSEL_ERROR_PARSE, &err);
    test_error(&err, MLSEL_ERROR_PARSE, 0, "the text is empty", "empty");
    refuse_text("white space", test_copy(" \r\n\t", 5), MLSEL_ERROR_PARSE, 4, "the text is empty");
    mlsel_model *out;
    test_fill(&out, sizeof out);
    assert_int_equal(mlsel_model_load_memory(NULL, 0, NULL, &out, &err), MLSEL_ERROR_PARSE);
    test_untouched(&out, sizeof out, "NULL of 0 bytes");
}

/* Every beginning of every base: always noticed, with the place where the text ends. */
static void truncated(void **state) {
    (void)state;
    for (size_t b = 0; b < n_bases; b++) {
        const size_t size = strlen(bases[b]);
        for (size_t n = 1; n < size; n++) {
            mlsel_error err;
            char name[128];
            (void)snprintf(name, sizeof name, "base %zu, %zu of %zu bytes", b, n, size);
            refuse_artifact(name, bases[b], n, NULL, MLSEL_ERROR_PARSE, &err);
            if (err.detail != n || strstr(err.message, "the text ends inside $") == NULL ||
                strstr(err.message, " (truncated file?)") == NULL)
                fail_msg("%s: byte %llu: %s", name, (unsigned long long)err.detail, err.message);
        }
    }
}

/* --- documents put together -------------------------------------------------------------------------------------- */

/* base_knn with an unknown key whose value is `open` n times, `middle`, `close` n times. */
static char *nested(const char *open, const char *middle, const char *close, size_t n) {
    const size_t size = n * (strlen(open) + strlen(close)) + strlen(middle) + 32;
    char *value = malloc(size);
    assert_non_null(value);
    char *at = value + snprintf(value, size, "\"k\":2,\"x\":");
    for (size_t i = 0; i < n; i++, at += strlen(open))
        memcpy(at, open, strlen(open) + 1);
    memcpy(at, middle, strlen(middle) + 1);
    at += strlen(middle);
    for (size_t i = 0; i < n; i++, at += strlen(close))
        memcpy(at, close, strlen(close) + 1);
    char *text = test_replace(base_knn, "\"k\":2", value);
    free(value);
    return text;
}

static void check_nesting(const char *open, const char *middle, const char *close, size_t fine) {
    mlsel_error err;
    char *text = nested(open, middle, close, fine);
    mlsel_model_release(test_load_text(text, NULL));
    free(text);
    static const size_t more[] = {1, 100, 1000, 100000};
    for (size_t i = 0; i < LENGTH(more); i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s nested %zu times", open, fine + more[i]);
        text = nested(open, middle, close, fine + more[i]);
        refuse_artifact(name, text, strlen(text), NULL, MLSEL_ERROR_LIMIT, &err);
        if (strncmp(err.message, "$.x", 3) != 0 || strstr(err.message, ": nested deeper than 64 levels") == NULL)
            fail_msg("%s: %s", name, err.message);
        free(text);
    }
}

/* 64 levels, the document itself included. */
static void deep_nesting(void **state) {
    (void)state;
    check_nesting("[", "", "]", 63);
    check_nesting("[", "1", "]", 63);
    check_nesting("[", "\"a\"", "]", 63);
    check_nesting("{\"y\":", "1", "}", 63);
    check_nesting("[1,", "{}", "]", 62);
    check_nesting("[\"a\",", "{}", "]", 62);
}

static void long_number(void **state) {
    (void)state;
    enum { SIZE = 4096 };
    char text[SIZE + 64];
    for (size_t size = SIZE; size <= SIZE + 1; size++) {
        char *at = text + snprintf(text, sizeof text, "\"k\":2,\"x\":");
        memset(at, '1', size);
        at[1] = '.';
        at[size] = '\0';
        char *artifact = test_replace(base_knn, "\"k\":2", text);
        if (size == SIZE) {
            mlsel_model_release(test_load_text(artifact, NULL));
            free(artifact);
        } else {
            refuse_text("long number", artifact, MLSEL_ERROR_LIMIT, 0,
                        "$.x: a number of 4097 characters (at most 4096 are read)");
        }
    }
}

/* A text of n small values takes many times its size as a tree. */
static void many_values(void **state) {
    (void)state;
    enum { COUNT = 1200000 };
    char *value = malloc(3 * COUNT + 64);
    assert_non_null(value);
    char *at = value + snprintf(value, 64, "\"k\":2,\"x\":[{}");
    for (size_t i = 1; i < COUNT; i++, at += 3)
        memcpy(at, ",{}", 3);
    memcpy(at, "]", 2);
    char *text = test_replace(base_knn, "\"k\":2", value);
    mlsel_model *out;
    mlsel_error err = test_unset_error();
    test_fill(&out, sizeof out);
    assert_int_equal(mlsel_model_load_memory(text, strlen(text), NULL, &out, &err), MLSEL_ERROR_LIMIT);
    test_untouched(&out, sizeof out, "many values");
    test_error_sound(&err, MLSEL_ERROR_LIMIT, "many values");
    assert_non_null(strstr(err.message, "too many values"));
    free(text);
    free(value);
}

static void many_categories(void **state) {
    (void)state;
    enum { COUNT = 1025 };
    char names[16 * COUNT];
    char *at = names;
    for (int i = 0; i < COUNT; i++)
        at += snprintf(at, 16, "%s\"c%d\"", i == 0 ? "[" : ",", i);
    memcpy(at, "]", 2);
    refuse_text("many categories", test_replace(base_categories, "[\"x\",\"other\"]", names), MLSEL_ERROR_LIMIT, 0,
                "$.categories: 1025 names, at most 1024 are accepted");
}

/* A message is cut between two characters, whatever the artifact puts into it. */
static void long_name(void **state) {
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char name[4096];
        char *at = name + snprintf(name, sizeof name, "\"%.*s", (int)shift, "xxx");
        for (int i = 0; i < 500; i++, at += 4)
            memcpy(at, "\xf0\x9f\x98\x80", 5);
        memcpy(at, "\"", 2);
        char *text = test_replace(base_knn, "\"knn\"", name);
        mlsel_error err;
        refuse_artifact("long name", text, strlen(text), NULL, MLSEL_ERROR_UNSUPPORTED, &err);
        const size_t length = strlen(err.message);
        assert_in_range(length, sizeof err.message - 4, sizeof err.message - 1);
        assert_string_equal(err.message + length - 3, "...");
        free(text);
    }
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static void too_large(void **state) {
    (void)state;
    const size_t size = strlen(base_knn);
    mlsel_model_options options;
    mlsel_model *out;
    mlsel_error err = test_unset_error();
    mlsel_model_options_init(&options, sizeof options);
    options.max_bytes = size - 1;
    test_fill(&out, sizeof out);
    test_quiet_begin();
    const mlsel_status status = mlsel_model_load_memory(base_knn, size, &options, &out, &err);
    test_quiet_end("too large");
    assert_int_equal(status, MLSEL_ERROR_LIMIT);
    test_untouched(&out, sizeof out, "too large");
    char message[128];
    (void)snprintf(message, sizeof message, "the artifact has %zu bytes, the limit is %zu", size, size - 1);
    test_error(&err, MLSEL_ERROR_LIMIT, 0, message, "too large");
    options.max_bytes = size;
    mlsel_model_release(test_load_text(base_knn, &options));
    /* the limit counts before anything is read: absurd sizes cost nothing */
    options.max_bytes = 0;
    assert_int_equal(mlsel_model_load_memory(base_knn, SIZE_MAX, &options, &out, &err), MLSEL_ERROR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),      cmocka_unit_test(not_json),        cmocka_unit_test(zero_byte),
        cmocka_unit_test(not_numbers),     cmocka_unit_test(extreme_numbers), cmocka_unit_test(common),
        cmocka_unit_test(no_object),       cmocka_unit_test(empty),           cmocka_unit_test(truncated),
        cmocka_unit_test(deep_nesting),    cmocka_unit_test(long_number),     cmocka_unit_test(many_values),
        cmocka_unit_test(many_categories), cmocka_unit_test(long_name),       cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
