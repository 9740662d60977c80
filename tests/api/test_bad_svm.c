/* SPDX-License-Identifier: Apache-2.0 */
/* SVM artifacts that are JSON and break a rule of their format: one-vs-one, under svc, and per model. */
#include "bad_artifact.h"

#include <string.h>

static const bad_artifact one_vs_one_rows[] = {
    {"no model names", base_svm, "\"model_names\":[\"a\",\"b\",\"c\"],", "", MLSEL_ERROR_SCHEMA,
     "$.model_names is missing"},
    {"model names empty", base_svm, "[\"a\",\"b\",\"c\"]", "[]", MLSEL_ERROR_SCHEMA, "$.model_names is empty"},
    {"model name twice", base_svm, "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[2]: \"a\" is listed twice"},
    {"model names numbers", base_svm, "[\"a\",\"b\",\"c\"]", "[0,1,2]", MLSEL_ERROR_SCHEMA,
     "$.model_names must be a list of names"},

    {"unknown kernel", base_svm, "\"kernel\":\"rbf\"", "\"kernel\":\"poly\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel: kernel \"poly\" is not supported, expected \"rbf\" or \"linear\""},
    {"kernel precomputed", base_svm, "\"kernel\":\"rbf\"", "\"kernel\":\"precomputed\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel: kernel \"precomputed\" is not supported, expected \"rbf\" or \"linear\""},
    {"kernel with more behind it", base_svm, "\"kernel\":\"rbf\"", "\"kernel\":\"rbf2\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel: kernel \"rbf2\" is not supported, expected \"rbf\" or \"linear\""},
    {"kernel empty", base_svm, "\"kernel\":\"rbf\"", "\"kernel\":\"\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel: kernel \"\" is not supported, expected \"rbf\" or \"linear\""},
    {"kernel a number", base_svm, "\"kernel\":\"rbf\"", "\"kernel\":2", MLSEL_ERROR_SCHEMA,
     "$.kernel must be a string"},
    {"unknown kernel_type", base_svm, "\"kernel_type\":\"Rbf\",\"kernel\":\"rbf\"", "\"kernel_type\":\"Sigmoid\"",
     MLSEL_ERROR_UNSUPPORTED, "$.kernel_type: kernel \"Sigmoid\" is not supported, expected \"rbf\" or \"linear\""},
    {"no kernel", base_svm, "\"kernel_type\":\"Rbf\",\"kernel\":\"rbf\",", "", MLSEL_ERROR_SCHEMA,
     "$.kernel is missing"},

    {"no gamma", base_svm, "\"gamma\":0.5,", "", MLSEL_ERROR_SCHEMA, "$.gamma is missing"},
    {"gamma null", base_svm, "\"gamma\":0.5", "\"gamma\":null", MLSEL_ERROR_SCHEMA, "$.gamma is missing"},
    {"gamma 0", base_svm, "\"gamma\":0.5", "\"gamma\":0", MLSEL_ERROR_SCHEMA, "$.gamma: 0 must be above 0"},
    {"gamma -0", base_svm, "\"gamma\":0.5", "\"gamma\":-0.0", MLSEL_ERROR_SCHEMA, "$.gamma: -0 must be above 0"},
    {"gamma negative", base_svm, "\"gamma\":0.5", "\"gamma\":-0.5", MLSEL_ERROR_SCHEMA,
     "$.gamma: -0.5 must be above 0"},
    {"gamma a word", base_svm, "\"gamma\":0.5", "\"gamma\":\"scale\"", MLSEL_ERROR_SCHEMA, "$.gamma must be a number"},
    {"gamma beyond float32", base_svm, "\"gamma\":0.5", "\"gamma\":1e39", MLSEL_ERROR_SCHEMA,
     "$.gamma is beyond the range of float32"},

    {"no support vectors, but their coefficients", base_svm,
     "\"support_vectors\":[[1,0.5],[0,0.25],[1,0.75],[0.125,0]],", "", MLSEL_ERROR_SCHEMA,
     "$.support_vectors is missing"},
    {"support vectors empty", base_svm, "[[1,0.5],[0,0.25],[1,0.75],[0.125,0]]", "[]", MLSEL_ERROR_NOT_TRAINED,
     "$.support_vectors is empty: the model is not trained"},
    {"support vectors flat", base_svm, "[[1,0.5],[0,0.25],[1,0.75],[0.125,0]]", "[1,0.5]", MLSEL_ERROR_SCHEMA,
     "$.support_vectors must be a list of rows of numbers"},
    {"support vectors ragged", base_svm, "[1,0.75]", "[1,0.75,2]", MLSEL_ERROR_SCHEMA,
     "$.support_vectors[2]: 3 values, expected 2 as in the first row"},
    {"a support vector too few", base_svm, ",[0.125,0]", "", MLSEL_ERROR_SCHEMA,
     "$.n_support[2] does not fit the 3 rows of support_vectors"},
    {"a support vector too many", base_svm, "[0.125,0]", "[0.125,0],[1,1]", MLSEL_ERROR_SCHEMA,
     "$.n_support sums to 4, expected 5 as in support_vectors"},
    {"support vector beyond float32", base_svm, "[1,0.75]", "[1,-4e38]", MLSEL_ERROR_SCHEMA,
     "$.support_vectors[2][1] is beyond the range of float32"},

    {"no n_support", base_svm, "\"n_support\":[1,2,1],", "", MLSEL_ERROR_SCHEMA, "$.n_support is missing"},
    {"n_support empty", base_svm, "[1,2,1]", "[]", MLSEL_ERROR_SCHEMA, "$.n_support: 0 classes, expected at least 2"},
    {"one class", base_svm, "[1,2,1]", "[4]", MLSEL_ERROR_SCHEMA, "$.n_support: 1 classes, expected at least 2"},
    {"n_support sums to less", base_svm, "[1,2,1]", "[1,1,1]", MLSEL_ERROR_SCHEMA,
     "$.n_support sums to 3, expected 4 as in support_vectors"},
    {"n_support sums to more", base_svm, "[1,2,1]", "[1,2,2]", MLSEL_ERROR_SCHEMA,
     "$.n_support[2] does not fit the 4 rows of support_vectors"},
    {"n_support negative", base_svm, "[1,2,1]", "[-1,4,1]", MLSEL_ERROR_SCHEMA,
     "$.n_support[0] does not fit the 4 rows of support_vectors"},
    {"n_support fractional", base_svm, "[1,2,1]", "[1.5,1.5,1]", MLSEL_ERROR_SCHEMA,
     "$.n_support[0] does not fit the 4 rows of support_vectors"},
    {"n_support huge", base_svm, "[1,2,1]", "[1,1e30,1]", MLSEL_ERROR_SCHEMA,
     "$.n_support[1] does not fit the 4 rows of support_vectors"},
    {"n_support a number", base_svm, "[1,2,1]", "4", MLSEL_ERROR_SCHEMA, "$.n_support must be a list of numbers"},

    {"no dual_coef", base_svm, "\"dual_coef\":[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]],", "", MLSEL_ERROR_SCHEMA,
     "$.dual_coef is missing"},
    {"dual_coef a row short", base_svm, "[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]]", "[[1,-1,0.5,-0.5]]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef: 1 rows, expected 2"},
    {"dual_coef a row long", base_svm, "[0.5,1,-1,-0.25]", "[0.5,1,-1,-0.25],[1,1,1,1]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef: 3 rows, expected 2"},
    {"dual_coef narrow", base_svm, "[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]]", "[[1,-1,0.5],[0.5,1,-1]]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef[0]: 3 values, expected 4"},
    {"dual_coef ragged", base_svm, "[0.5,1,-1,-0.25]", "[0.5,1,-1]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef[1]: 3 values, expected 4 as in the first row"},
    {"dual_coef flat", base_svm, "[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]]", "[1,-1,0.5,-0.5]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef must be a list of rows of numbers"},
    {"dual_coef empty", base_svm, "[[1,-1,0.5,-0.5],[0.5,1,-1,-0.25]]", "[]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef: 0 rows, expected 2"},
    {"dual_coef beyond float32", base_svm, "[0.5,1,-1,-0.25]", "[0.5,1,-1,-1e39]", MLSEL_ERROR_SCHEMA,
     "$.dual_coef[1][3] is beyond the range of float32"},

    {"no intercept", base_svm, "\"intercept\":[0.1,0.2,0.3],", "", MLSEL_ERROR_SCHEMA, "$.intercept is missing"},
    {"intercept short", base_svm, "[0.1,0.2,0.3]", "[0.1,0.2]", MLSEL_ERROR_SCHEMA,
     "$.intercept: 2 values, expected 3"},
    {"intercept long", base_svm, "[0.1,0.2,0.3]", "[0.1,0.2,0.3,0.4]", MLSEL_ERROR_SCHEMA,
     "$.intercept: 4 values, expected 3"},
    {"intercept a number", base_svm, "[0.1,0.2,0.3]", "0.1", MLSEL_ERROR_SCHEMA,
     "$.intercept must be a list of numbers"},

    {"a class too few", base_svm, "[0,1,2]", "[0,1]", MLSEL_ERROR_SCHEMA, "$.classes: 2 values, expected 3"},
    {"class out of range", base_svm, "[0,1,2]", "[0,1,3]", MLSEL_ERROR_SCHEMA,
     "$.classes[2] is none of the 3 in $.model_names"},
    {"class negative", base_svm, "[0,1,2]", "[-1,1,2]", MLSEL_ERROR_SCHEMA,
     "$.classes[0] is none of the 3 in $.model_names"},
    {"class fractional", base_svm, "[0,1,2]", "[0,0.5,2]", MLSEL_ERROR_SCHEMA,
     "$.classes[1] is none of the 3 in $.model_names"},
    {"class twice", base_svm, "[0,1,2]", "[0,1,1]", MLSEL_ERROR_SCHEMA, "$.classes[2] is listed twice"},
    {"class huge", base_svm, "[0,1,2]", "[0,1,1e30]", MLSEL_ERROR_SCHEMA,
     "$.classes[2] is none of the 3 in $.model_names"},
    {"class name unknown", base_svm, "[0,1,2]", "[\"a\",\"b\",\"x\"]", MLSEL_ERROR_SCHEMA,
     "$.classes[2] is none of the 3 in $.model_names"},
    {"class name twice", base_svm, "[0,1,2]", "[\"a\",\"b\",\"a\"]", MLSEL_ERROR_SCHEMA,
     "$.classes[2] is listed twice"},
    {"class names short", base_svm, "[0,1,2]", "[\"a\",\"b\"]", MLSEL_ERROR_SCHEMA, "$.classes: 2 names, expected 3"},
    {"classes an object", base_svm, "[0,1,2]", "{}", MLSEL_ERROR_SCHEMA, "$.classes must be a list of numbers"},
    {"feature_dim", base_svm, "\"feature_dim\":2", "\"feature_dim\":3", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 3, expected 2 as in the vectors"},
    {"n_classes a string", base_svm, "\"C\":1", "\"n_classes\":\"3\"", MLSEL_ERROR_SCHEMA,
     "$.n_classes must be a number"},
    {"n_classes", base_svm, "\"C\":1", "\"n_classes\":4", MLSEL_ERROR_SCHEMA,
     "$.n_classes: 4, expected 3 as in $.n_support"},
};

static const bad_artifact svc_rows[] = {
    {"svc a list", base_svm_v2, "\"n_classes\":2,\"svc\":", "\"svc\":[1],\"x\":", MLSEL_ERROR_SCHEMA,
     "$.svc must be an object"},
    {"other normalization", base_svm_v2, "\"none\"", "\"l2\"", MLSEL_ERROR_UNSUPPORTED,
     "$.svc.input_normalization: \"l2\" is not supported, expected \"none\""},
    {"normalization a number", base_svm_v2, "\"none\"", "0", MLSEL_ERROR_SCHEMA,
     "$.svc.input_normalization must be a string"},
    {"no kernel", base_svm_v2, "\"kernel\":\"linear\",", "", MLSEL_ERROR_SCHEMA, "$.svc.kernel is missing"},
    {"unknown kernel", base_svm_v2, "\"linear\"", "\"poly\"", MLSEL_ERROR_UNSUPPORTED,
     "$.svc.kernel: kernel \"poly\" is not supported, expected \"rbf\" or \"linear\""},
    {"rbf without gamma", base_svm_v2, "\"linear\"", "\"rbf\"", MLSEL_ERROR_SCHEMA, "$.gamma is missing"},
    {"gamma 0 under svc", base_svm_v2, "\"kernel\":\"linear\"", "\"kernel\":\"rbf\",\"gamma\":0", MLSEL_ERROR_SCHEMA,
     "$.svc.gamma: 0 must be above 0"},
    {"no support vectors", base_svm_v2, "\"support_vectors\":[[1,0.5],[0,0.25]],", "", MLSEL_ERROR_SCHEMA,
     "$.svc.support_vectors is missing"},
    {"support vectors empty", base_svm_v2, "[[1,0.5],[0,0.25]]", "[]", MLSEL_ERROR_NOT_TRAINED,
     "$.svc.support_vectors is empty: the model is not trained"},
    {"n_support", base_svm_v2, "\"n_support\":[1,1]", "\"n_support\":[2,1]", MLSEL_ERROR_SCHEMA,
     "$.svc.n_support[1] does not fit the 2 rows of support_vectors"},
    {"two classes, flat dual_coef short", base_svm_v2, "[[-1,1]]", "[-1]", MLSEL_ERROR_SCHEMA,
     "$.svc.dual_coef: 1 values, expected 2"},
    {"two classes, two rows", base_svm_v2, "[[-1,1]]", "[[-1,1],[1,-1]]", MLSEL_ERROR_SCHEMA,
     "$.svc.dual_coef: 2 rows, expected 1"},
    {"intercept", base_svm_v2, "[0.1]", "[0.1,0.2]", MLSEL_ERROR_SCHEMA, "$.svc.intercept: 2 values, expected 1"},
    {"class unknown", base_svm_v2, "\"classes\":[\"a\",\"b\"]", "\"classes\":[\"a\",\"c\"]", MLSEL_ERROR_SCHEMA,
     "$.svc.classes[1] is none of the 2 in $.model_names"},
    {"n_classes", base_svm_v2, "\"n_classes\":2", "\"n_classes\":1", MLSEL_ERROR_SCHEMA,
     "$.n_classes: 1, expected 2 as in $.svc.n_support"},
    {"no parameters but classifiers", base_svm_v2, "\"svc\":{", "\"svc\":{},\"x\":{", MLSEL_ERROR_SCHEMA,
     "$.svc.kernel is missing"},
};

static const bad_artifact linear_rows[] = {
    {"classifiers an object", base_svm_linear, "\"rbf_classifiers\":[]", "\"rbf_classifiers\":{}", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers must be a list of classifiers"},
    {"classifiers numbers", base_svm_linear, "\"rbf_classifiers\":[]", "\"rbf_classifiers\":[1]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers must be a list of classifiers"},
    {"unknown kernel_type", base_svm_linear, "\"Linear\"", "\"Poly\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel_type: kernel \"Poly\" is not supported, expected \"rbf\" or \"linear\""},
    {"no weights", base_svm_linear, "\"weights\":[0,0.25],", "", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights is missing"},
    {"weights short", base_svm_linear, "[0,0.25]", "[0]", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights: 1 values, expected 2"},
    {"weights long", base_svm_linear, "[0,0.25]", "[0,0.25,1]", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights: 3 values, expected 2"},
    {"first weights empty", base_svm_linear, "[1,0.5]", "[]", MLSEL_ERROR_NOT_TRAINED,
     "$.linear_classifiers[0] has no support vectors or weights"},
    {"weights rows", base_svm_linear, "[0,0.25]", "[[0,0.25]]", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights must be a list of numbers"},
    {"weight a string", base_svm_linear, "[0,0.25]", "[0,\"x\"]", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights[1] must be a number"},
    {"weight beyond float32", base_svm_linear, "[0,0.25]", "[0,1e39]", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].weights[1] is beyond the range of float32"},
    {"no rho", base_svm_linear, ",\"rho\":0.2", "", MLSEL_ERROR_SCHEMA, "$.linear_classifiers[1].rho is missing"},
    {"rho a string", base_svm_linear, "\"rho\":0.2", "\"rho\":\"0\"", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].rho must be a number"},
    {"no name", base_svm_linear, "\"model_name\":\"b\",", "", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].model_name is missing"},
    {"name a number", base_svm_linear, "\"model_name\":\"b\"", "\"model_name\":1", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].model_name must be a string"},
    {"name empty", base_svm_linear, "\"model_name\":\"b\"", "\"model_name\":\"\"", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].model_name is an empty name"},
    {"name twice", base_svm_linear, "\"model_name\":\"b\"", "\"model_name\":\"a\"", MLSEL_ERROR_SCHEMA,
     "$.linear_classifiers[1].model_name: \"a\" is listed twice"},
    {"classifier no object", base_svm_linear, "{\"model_name\":\"b\",\"weights\":[0,0.25],\"rho\":0.2}", "null",
     MLSEL_ERROR_SCHEMA, "$.linear_classifiers[1] must be an object"},
    {"no classifiers", base_svm_linear, "\"linear_classifiers\":[", "\"x\":[", MLSEL_ERROR_NOT_TRAINED,
     "$ has neither support_vectors nor classifiers: the model is not trained"},
    {"model name empty", base_svm_linear, "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"\"]", MLSEL_ERROR_SCHEMA,
     "$.model_names[2] is an empty name"},
    {"feature_dim", base_svm_linear, "\"feature_dim\":2", "\"feature_dim\":4", MLSEL_ERROR_SCHEMA,
     "$.feature_dim: 4, expected 2 as in the vectors"},
};

static const bad_artifact rbf_rows[] = {
    {"no alpha", base_svm_rbf, "\"alpha\":[2],", "", MLSEL_ERROR_SCHEMA, "$.rbf_classifiers[1].alpha is missing"},
    {"alpha longer than the vectors", base_svm_rbf, "\"alpha\":[2]", "\"alpha\":[2,3]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].alpha: 2 values, expected 1"},
    {"alpha shorter than the vectors", base_svm_rbf, "\"alpha\":[1,0.5]", "\"alpha\":[1]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[0].alpha: 1 values, expected 2"},
    {"alpha empty", base_svm_rbf, "\"alpha\":[2]", "\"alpha\":[]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].alpha: 0 values, expected 1"},
    {"alpha beyond float32", base_svm_rbf, "\"alpha\":[2]", "\"alpha\":[1e39]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].alpha[0] is beyond the range of float32"},
    {"no support vectors", base_svm_rbf, "\"support_vectors\":[[0.75,0]],", "", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].support_vectors is missing"},
    {"support vectors empty", base_svm_rbf, "\"alpha\":[2],\"support_vectors\":[[0.75,0]]",
     "\"alpha\":[],\"support_vectors\":[]", MLSEL_ERROR_NOT_TRAINED,
     "$.rbf_classifiers[1] has no support vectors or weights"},
    {"support vectors of another width", base_svm_rbf, "[[0.75,0]]", "[[0.75,0,1]]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].support_vectors[0]: 3 values, expected 2"},
    {"support vectors ragged", base_svm_rbf, "[0,0.25]", "[0]", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[0].support_vectors[1]: 1 values, expected 2 as in the first row"},
    {"no gamma", base_svm_rbf, ",\"gamma\":0.25", "", MLSEL_ERROR_SCHEMA, "$.rbf_classifiers[1].gamma is missing"},
    {"gamma 0", base_svm_rbf, "\"gamma\":0.25", "\"gamma\":0", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].gamma: 0 must be above 0"},
    {"gamma negative", base_svm_rbf, "\"gamma\":0.25", "\"gamma\":-1", MLSEL_ERROR_SCHEMA,
     "$.rbf_classifiers[1].gamma: -1 must be above 0"},
    {"gamma of the model negative", base_svm_rbf, "\"linear_classifiers\":[]", "\"gamma\":-0.25", MLSEL_ERROR_SCHEMA,
     "$.gamma: -0.25 must be above 0"},
    {"no rho", base_svm_rbf, "\"rho\":0.2,", "", MLSEL_ERROR_SCHEMA, "$.rbf_classifiers[1].rho is missing"},
    {"unknown kernel", base_svm_rbf, "\"Rbf\"", "\"Laplace\"", MLSEL_ERROR_UNSUPPORTED,
     "$.kernel_type: kernel \"Laplace\" is not supported, expected \"rbf\" or \"linear\""},
};

static void one_vs_one(void **state) {
    (void)state;
    run_bad_artifacts(one_vs_one_rows, LENGTH(one_vs_one_rows));
}

static void svc(void **state) {
    (void)state;
    run_bad_artifacts(svc_rows, LENGTH(svc_rows));
}

static void linear(void **state) {
    (void)state;
    run_bad_artifacts(linear_rows, LENGTH(linear_rows));
}

static void rbf(void **state) {
    (void)state;
    run_bad_artifacts(rbf_rows, LENGTH(rbf_rows));
}

/* Without `classes` the classes are the model names, so their number must fit. */
static void no_classes(void **state) {
    (void)state;
    static const char document[] = "{\"algorithm\":\"svm\",\"kernel\":\"linear\",\"model_names\":%s,"
                                   "\"support_vectors\":[[1],[2]],\"dual_coef\":[[-1,1]],\"intercept\":[0],"
                                   "\"n_support\":[1,1]}";
    char text[256];
    (void)snprintf(text, sizeof text, document, "[\"a\",\"b\"]");
    mlsel_model_release(test_load_text(text, NULL));
    (void)snprintf(text, sizeof text, document, "[\"a\",\"b\",\"c\"]");
    refuse_text("more names", test_copy(text, sizeof text), MLSEL_ERROR_SCHEMA, 0,
                "$.model_names: 3 names, expected 2 as in $.n_support");
    (void)snprintf(text, sizeof text, document, "[\"a\"]");
    refuse_text("fewer names", test_copy(text, sizeof text), MLSEL_ERROR_SCHEMA, 0,
                "$.model_names: 1 names, expected 2 as in $.n_support");
}

/* Nothing that a model could be made of, and two kinds of lists at once. */
static void lists(void **state) {
    (void)state;
    static const char empty[] = "{\"algorithm\":\"svm\",\"kernel_type\":\"Rbf\",\"model_names\":[\"a\"],"
                                "\"linear_classifiers\":[],\"rbf_classifiers\":[]}";
    static const char both[] =
        "{\"algorithm\":\"svm\",\"linear_classifiers\":[{\"model_name\":\"a\",\"weights\":[1],\"rho\":0}],"
        "\"rbf_classifiers\":[{\"model_name\":\"a\",\"alpha\":[1],\"support_vectors\":[[1]],\"rho\":0,\"gamma\":1}]}";
    refuse_text("no list", test_copy(empty, sizeof empty), MLSEL_ERROR_NOT_TRAINED, 0,
                "$ has neither support_vectors nor classifiers: the model is not trained");
    refuse_text("two lists and no kernel", test_copy(both, sizeof both), MLSEL_ERROR_SCHEMA, 0, "$.kernel is missing");
}

/* Pairs of classes grow with their square. */
static void many_classes(void **state) {
    (void)state;
    enum { COUNT = 4097 };
    char counts[2 * COUNT + 2];
    for (int i = 0; i < COUNT; i++)
        memcpy(counts + 2 * i, ",0", 2);
    counts[0] = '[';
    counts[1] = '4';
    memcpy(counts + 2 * COUNT, "]", 2);
    refuse_text("many classes", test_replace(base_svm, "[1,2,1]", counts), MLSEL_ERROR_LIMIT, 0,
                "$.n_support: 4097 classes, at most 4096 are accepted");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases), cmocka_unit_test(one_vs_one),   cmocka_unit_test(svc),
        cmocka_unit_test(linear),     cmocka_unit_test(rbf),          cmocka_unit_test(no_classes),
        cmocka_unit_test(lists),      cmocka_unit_test(many_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
