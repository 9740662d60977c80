/* SPDX-License-Identifier: Apache-2.0 */
/* Trained SVMs against scikit-learn's (svm_expected.py), and the form of their artifacts. */
#include "unit_svm.h"

static cJSON *expected;

static int read_expected(void **state) {
    (void)state;
    expected = test_parse_file(TEST_SOURCE_DIR "/tests/train/svm_expected.json");
    return expected == NULL;
}

static int free_expected(void **state) {
    (void)state;
    cJSON_Delete(expected);
    return 0;
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

typedef struct svm_case {
    train_table table;
    train_settings settings;
    const cJSON *json, *expected;
    double *probes;
    size_t n_probes;
} svm_case;

static void fill_records(const cJSON *records, train_table *t) {
    const cJSON *node;
    size_t i = 0;
    cJSON_ArrayForEach (node, records) {
        const cJSON *quality = cJSON_GetArrayItem(node, 2);
        table_record *r = &t->records[i++];
        r->query = (uint32_t)cJSON_GetArrayItem(node, 0)->valueint;
        r->model = (uint32_t)cJSON_GetArrayItem(node, 1)->valueint;
        r->quality = cJSON_IsNull(quality) ? (double)NAN : quality->valuedouble;
        r->latency_ms = cJSON_GetArrayItem(node, 3)->valuedouble;
        t->utility[r->query * t->n_models + r->model] = r->quality;
    }
}

static void fill_utility(const cJSON *rows, train_table *t) {
    const cJSON *row, *cell;
    size_t i = 0;
    cJSON_ArrayForEach (row, rows)
        cJSON_ArrayForEach (cell, row)
            t->utility[i++] = cJSON_IsNull(cell) ? (double)NAN : cell->valuedouble;
}

static svm_case open_case(const cJSON *json) {
    svm_case c = {.json = json, .expected = test_need(json, "expected")};
    const size_t n_models = (size_t)test_need_number(json, "n_models");
    const size_t d = (size_t)test_need_number(json, "n_features");
    const cJSON *records = test_need(json, "records");
    size_t n;
    double *x = test_numbers(test_need(json, "x"), &n);
    const bool is_outcome = strcmp(test_need_string(json, "objective"), "outcome") == 0;
    c.table = svm_table(n / d, n_models, d, (size_t)cJSON_GetArraySize(records));
    for (size_t i = 0; i < n; i++)
        c.table.x[i / d * c.table.stride + i % d] = (float)x[i];
    free(x);
    fill_records(records, &c.table);
    if (is_outcome)
        fill_utility(test_need(json, "utility"), &c.table);
    c.settings = svm_settings(is_outcome ? MLSEL_OBJECTIVE_OUTCOME : MLSEL_OBJECTIVE_COMPATIBLE);
    c.settings.options.svm_kernel =
        strcmp(test_need_string(json, "kernel"), "linear") == 0 ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
    c.settings.options.svm_gamma = test_need_number(json, "gamma");
    c.settings.options.svm_c = test_need_number(json, "c");
    c.settings.options.svm_tolerance = test_need_number(json, "tolerance");
    c.probes = test_numbers(test_need(json, "probes"), &c.n_probes);
    c.n_probes /= d;
    return c;
}

static void close_case(svm_case *c) {
    free(c->probes);
    svm_table_free(&c->table);
}

/* --- an artifact's decisions, by the formula ---------------------------------------------------------------------- */

typedef struct parameters {
    double *vectors, *coef, *intercept, *n_support, gamma;
    size_t n, d, n_classes;
    bool is_linear;
} parameters;

/* dual_coef and support_vectors row after row. */
static double *flat(const cJSON *rows, size_t *n) {
    const cJSON *row, *cell;
    size_t count = 0;
    cJSON_ArrayForEach (row, rows)
        count += (size_t)cJSON_GetArraySize(row);
    double *out = calloc(count + 1, sizeof *out);
    *n = 0;
    cJSON_ArrayForEach (row, rows)
        cJSON_ArrayForEach (cell, row)
            out[(*n)++] = cell->valuedouble;
    return out;
}

static parameters read_parameters(const cJSON *root) {
    const cJSON *svc = cJSON_GetObjectItemCaseSensitive(root, "svc");
    const cJSON *place = svc == NULL ? root : svc;
    parameters p = {.gamma = test_need_number(root, "gamma"), .d = (size_t)test_need_number(root, "feature_dim")};
    size_t n;
    p.vectors = flat(test_need(place, "support_vectors"), &n);
    p.n = n / p.d;
    p.coef = flat(test_need(place, "dual_coef"), &n);
    p.n_support = test_numbers(test_need(place, "n_support"), &p.n_classes);
    assert_int_equal(n, (p.n_classes - 1) * p.n);
    p.intercept = test_numbers(test_need(place, "intercept"), &n);
    assert_int_equal(n, p.n_classes * (p.n_classes - 1) / 2);
    p.is_linear = strcmp(test_need_string(root, "kernel"), "linear") == 0;
    return p;
}

static void free_parameters(parameters *p) {
    free(p->vectors);
    free(p->coef);
    free(p->intercept);
    free(p->n_support);
}

static double kernel(const parameters *p, size_t v, const double *q) {
    double sum = 0;
    for (size_t i = 0; i < p->d; i++) {
        const double x = p->vectors[v * p->d + i];
        sum += p->is_linear ? x * q[i] : (x - q[i]) * (x - q[i]);
    }
    return p->is_linear ? sum : exp(-p->gamma * sum);
}

/* Positive for class i, whatever the number of classes. */
static double decide(const parameters *p, size_t i, size_t j, size_t pair, const double *q) {
    double sum = p->intercept[pair];
    for (size_t c = 0, v = 0; c < p->n_classes; c++)
        for (const size_t end = v + (size_t)p->n_support[c]; v < end; v++)
            if (c == i || c == j)
                sum += p->coef[(c == i ? j - 1 : i) * p->n + v] * kernel(p, v, q);
    return p->n_classes == 2 ? -sum : sum;
}

/* --- against scikit-learn ----------------------------------------------------------------------------------------- */

static void check_decisions(const svm_case *c, const cJSON *artifact) {
    parameters p = read_parameters(artifact);
    size_t n, at = 0;
    double *decisions = test_numbers(test_need(c->expected, "decisions"), &n);
    for (size_t k = 0; k < c->n_probes; k++)
        for (size_t i = 0, pair = 0; i < p.n_classes; i++)
            for (size_t j = i + 1; j < p.n_classes; j++, pair++)
                test_close(decide(&p, i, j, pair, c->probes + k * p.d), decisions[at++], 1e-4, "decision");
    assert_int_equal(at, n);
    free(decisions);
    free_parameters(&p);
}

static void check_predictions(const svm_case *c, const mlsel_training *training) {
    mlsel_model *model = svm_model(training);
    const size_t d = c->table.n_features;
    size_t n;
    double *predictions = test_numbers(test_need(c->expected, "predictions"), &n);
    assert_int_equal(n, c->n_probes);
    for (size_t k = 0; k < n; k++) {
        float *x = test_to_floats(c->probes + k * d, d);
        assert_string_equal(svm_select(model, x, d), svm_names[(size_t)predictions[k]]);
        free(x);
    }
    free(predictions);
    mlsel_model_release(model);
}

/* The classes' models, in order. */
static void check_classes(const svm_case *c, const cJSON *artifact) {
    const cJSON *names = test_need(artifact, "model_names"), *classes = test_need(artifact, "classes");
    const cJSON *models = test_need(c->expected, "classes");
    assert_int_equal(cJSON_GetArraySize(classes), cJSON_GetArraySize(models));
    assert_int_equal(cJSON_GetArraySize(names), c->table.n_models);
    for (int i = 0; i < cJSON_GetArraySize(classes); i++) {
        const cJSON *name = cJSON_GetArrayItem(names, cJSON_GetArrayItem(classes, i)->valueint);
        assert_string_equal(name->valuestring, svm_names[cJSON_GetArrayItem(models, i)->valueint]);
    }
}

static void matches_scikit_learn(void **state) {
    (void)state;
    const cJSON *json;
    cJSON_ArrayForEach (json, expected) {
        svm_case c = open_case(json);
        print_message("%s\n", test_need_string(json, "name"));
        mlsel_training *training = svm_train_table(&c.table, &c.settings, NULL);
        cJSON *artifact = svm_artifact(training);
        check_classes(&c, artifact);
        check_decisions(&c, artifact);
        check_predictions(&c, training);
        test_close(training->info.dual_objective, test_need_number(c.expected, "objective"), 1e-6, "objective");
        assert_int_equal(training->info.n_rows, (uint64_t)test_need_number(c.expected, "n_rows"));
        if (c.settings.options.objective == MLSEL_OBJECTIVE_OUTCOME &&
            c.settings.options.svm_kernel == MLSEL_SVM_KERNEL_LINEAR) /* one vector for each pair */
            assert_int_equal(training->info.n_support_vectors, c.table.n_models * (c.table.n_models - 1) / 2);
        assert_int_equal(training->info.n_support_vectors, cJSON_GetArraySize(test_need(artifact, "support_vectors")));
        cJSON_Delete(artifact);
        mlsel_training_free(training);
        close_case(&c);
    }
}

static void compare(const cJSON *got, const cJSON *want, double tolerance, const char *what) {
    size_t n, n_want;
    double *values = cJSON_IsArray(cJSON_GetArrayItem(got, 0)) ? flat(got, &n) : test_numbers(got, &n);
    double *wanted = test_numbers(want, &n_want);
    assert_int_equal(n, n_want);
    for (size_t i = 0; i < n; i++)
        test_close(values[i], wanted[i], tolerance, what);
    free(values);
    free(wanted);
}

/* The compatible objective gives the same support vectors in the same places. */
static void is_the_svc(void **state) {
    (void)state;
    const cJSON *json;
    cJSON_ArrayForEach (json, expected) {
        svm_case c = open_case(json);
        if (c.settings.options.objective == MLSEL_OBJECTIVE_COMPATIBLE) {
            mlsel_training *training = svm_train_table(&c.table, &c.settings, NULL);
            cJSON *artifact = svm_artifact(training);
            compare(test_need(artifact, "n_support"), test_need(c.expected, "n_support"), 0, "n_support");
            compare(test_need(artifact, "support_vectors"), test_need(c.expected, "support_vectors"), 0, "vectors");
            compare(test_need(artifact, "dual_coef"), test_need(c.expected, "dual_coef"), 1e-4, "dual_coef");
            compare(test_need(artifact, "intercept"), test_need(c.expected, "intercept"), 1e-4, "intercept");
            cJSON_Delete(artifact);
            mlsel_training_free(training);
        }
        close_case(&c);
    }
}

/* --- forms -------------------------------------------------------------------------------------------------------- */

static void has_the_lists_of_the_trainer(void **state) {
    (void)state;
    svm_case c = open_case(cJSON_GetArrayItem(expected, 1));
    mlsel_training *training = svm_train_table(&c.table, &c.settings, NULL);
    cJSON *artifact = svm_artifact(training);
    static const char *const keys[] = {
        "algorithm",       "trained",   "model_names", "kernel_type", "gamma",     "linear_classifiers",
        "rbf_classifiers", "kernel",    "C",           "feature_dim", "n_classes", "support_vectors",
        "dual_coef",       "intercept", "n_support",   "classes"};
    const cJSON *member = artifact->child;
    for (size_t i = 0; i < TEST_LENGTH(keys); i++, member = member->next)
        assert_string_equal(member->string, keys[i]);
    const cJSON *lists = test_need(artifact, "rbf_classifiers"), *counts = test_need(artifact, "n_support");
    const cJSON *vectors = test_need(artifact, "support_vectors");
    assert_string_equal(test_need_string(artifact, "kernel_type"), "Rbf");
    assert_int_equal(cJSON_GetArraySize(test_need(artifact, "linear_classifiers")), 0);
    assert_int_equal(cJSON_GetArraySize(lists), 3);
    for (int k = 0, v = 0; k < 3; k++) {
        const cJSON *one = cJSON_GetArrayItem(lists, k), *own = test_need(one, "support_vectors");
        assert_string_equal(test_need_string(one, "model_name"), svm_names[k]);
        assert_int_equal(cJSON_GetArraySize(own), cJSON_GetArrayItem(counts, k)->valueint);
        for (int i = 0; i < cJSON_GetArraySize(own); i++, v++) {
            assert_true(cJSON_Compare(cJSON_GetArrayItem(own, i), cJSON_GetArrayItem(vectors, v), true));
            test_close(cJSON_GetArrayItem(test_need(one, "alpha"), i)->valuedouble, 1, 0, "alpha");
        }
        const double rho = cJSON_GetArrayItem(test_need(artifact, "intercept"), 0)->valuedouble;
        test_close(test_need_number(one, "rho"), rho, 0, "rho");
        test_close(test_need_number(one, "gamma"), 0.3, 0, "gamma");
    }
    cJSON_Delete(artifact);
    mlsel_training_free(training);
    close_case(&c);
}

/* Outcome objective: linear classifiers sum up a class's decisions, RBF ones its own vectors' part. */
static void has_better_lists(void **state) {
    (void)state;
    for (int k = 7; k <= 9; k += 2) {
        svm_case c = open_case(cJSON_GetArrayItem(expected, k));
        mlsel_training *training = svm_train_table(&c.table, &c.settings, NULL);
        cJSON *artifact = svm_artifact(training);
        parameters p = read_parameters(artifact);
        const cJSON *lists = test_need(artifact, p.is_linear ? "linear_classifiers" : "rbf_classifiers");
        assert_string_equal(test_need_string(artifact, "kernel_type"), p.is_linear ? "Linear" : "Rbf");
        assert_int_equal(cJSON_GetArraySize(lists), p.n_classes);
        size_t v = 0;
        for (size_t i = 0; i < p.n_classes; i++) {
            const cJSON *one = cJSON_GetArrayItem(lists, (int)i);
            size_t n, pair = 0;
            double *weights = test_numbers(test_need(one, p.is_linear ? "weights" : "alpha"), &n);
            const size_t own = v;
            double want = 0, got = -test_need_number(one, "rho");
            v += (size_t)p.n_support[i];
            for (size_t a = 0; a < p.n_classes; a++)
                for (size_t b = a + 1; b < p.n_classes; b++, pair++)
                    if (a == i || b == i)
                        want +=
                            (a == i ? 1 : -1) * (p.is_linear ? decide(&p, a, b, pair, c.probes) : p.intercept[pair]);
            for (size_t f = 0; f < n; f++)
                got += p.is_linear ? weights[f] * c.probes[f] : 0;
            test_close(got, want, 1e-6, "sum of decisions");
            for (size_t f = 0; f < n && !p.is_linear; f++) {
                double sum = 0;
                for (size_t row = 0; row + 1 < p.n_classes; row++)
                    sum += fabs(p.coef[row * p.n + own + f]);
                test_close(weights[f], sum, 1e-12, "alpha");
            }
            free(weights);
        }
        free_parameters(&p);
        cJSON_Delete(artifact);
        mlsel_training_free(training);
        close_case(&c);
    }
}

static void has_a_versioned_form(void **state) {
    (void)state;
    const cJSON *json;
    cJSON_ArrayForEach (json, expected) {
        svm_case c = open_case(json);
        c.settings.options.format_version = 2;
        mlsel_training *training = svm_train_table(&c.table, &c.settings, NULL);
        cJSON *artifact = svm_artifact(training);
        assert_int_equal((int)test_need_number(artifact, "format_version"), 2);
        assert_string_equal(test_need_string(artifact, "input_normalization"), "none");
        assert_null(cJSON_GetObjectItemCaseSensitive(artifact, "rbf_classifiers"));
        check_decisions(&c, artifact);
        check_predictions(&c, training);
        cJSON_Delete(artifact);
        mlsel_training_free(training);
        close_case(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_scikit_learn), cmocka_unit_test(is_the_svc),
                                       cmocka_unit_test(has_the_lists_of_the_trainer),
                                       cmocka_unit_test(has_better_lists), cmocka_unit_test(has_a_versioned_form)};
    if (mlsel_i_svm_available(NULL) != MLSEL_OK) {
        print_message("skipped: this build has no LIBSVM\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, read_expected, free_expected);
}
