/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded answers of scikit-learn and PyTorch (tests/fixtures) against every public way to ask: float and double,
 * one query and a batch, select, score, probabilities and explain.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_LABELS = 64, MAX_ROWS = 4096 };

/* One expectation file. */
typedef struct fixture {
    char name[256];
    cJSON *root;
    cJSON *queries; /* examples/queries.jsonl as an array, for cases with query_line */
    mlsel_model *model;
    mlsel_model_info info;
    double tolerance; /* of what is computed exactly */
    bool exact;       /* the reference kernels are in use, which compute everything so */
} fixture;

/* One case with its query in both types. */
typedef struct test_case {
    const cJSON *node;
    char what[512];
    double *f64;
    float *f32;
    size_t n;
    bool f64_only;
    mlsel_query_options options;
    int32_t eligible[MAX_LABELS];
} test_case;

/* Tolerance of what the fast kernels compute in float; labels, neighbours and votes are the same in all kernels. */
static const double float_tolerance = 2e-5;

/* --- reading ----------------------------------------------------------------------------------------------------- */

static cJSON *read_queries(void) {
    char *text = test_need_file(EXAMPLE("queries.jsonl"), NULL);
    cJSON *queries = cJSON_CreateArray();
    char *state = NULL;
    for (char *line = strtok_r(text, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state))
        cJSON_AddItemToArray(queries, cJSON_Parse(line));
    free(text);
    return queries;
}

static mlsel_model_options read_options(const cJSON *root) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(root, "options");
    const cJSON *rule = cJSON_GetObjectItemCaseSensitive(given, "knn_rule");
    const cJSON *k = cJSON_GetObjectItemCaseSensitive(given, "k");
    if (rule != NULL && strcmp(rule->valuestring, "legacy") == 0)
        options.knn_rule = MLSEL_KNN_RULE_LEGACY;
    if (rule != NULL && strcmp(rule->valuestring, "vote") == 0)
        options.knn_rule = MLSEL_KNN_RULE_VOTE;
    if (k != NULL)
        options.k = (uint32_t)k->valuedouble;
    return options;
}

static void open_fixture(fixture *f, const char *file) {
    char path[1024];
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", file);
    snprintf(path, sizeof path, FIXTURE("%s"), file);
    f->root = test_parse_file(path);
    f->tolerance = test_need_number(f->root, "tolerance");
    const char *device = test_device();
    f->exact = device == NULL && strcmp(test_isa(), "reference") == 0; /* no other device is exact throughout */
    snprintf(path, sizeof path, FIXTURE("%s"), test_need_string(f->root, "artifact"));
    mlsel_model_options options = read_options(f->root);
    options.device = device;
    f->model = test_load(path, &options);
    mlsel_error err;
    test_ok(mlsel_model_get_info(f->model, &f->info, sizeof f->info, &err), &err);
    assert_in_range(f->info.n_labels, 1, MAX_LABELS);
}

static void close_fixture(fixture *f) {
    mlsel_model_release(f->model);
    cJSON_Delete(f->root);
    cJSON_Delete(f->queries);
}

static void read_features(fixture *f, test_case *c) {
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(c->node, "query_line");
    if (line == NULL) {
        c->f64 = test_numbers(test_need(c->node, "features"), &c->n);
        return;
    }
    if (f->queries == NULL)
        f->queries = read_queries();
    const cJSON *query = cJSON_GetArrayItem(f->queries, (int)line->valuedouble);
    assert_non_null(query);
    c->f64_only = true; /* decimals that float does not hold */
    size_t n = 0;
    mlsel_error err;
    double *embedding = test_numbers(test_need(query, "embedding"), &n);
    c->n = f->info.n_features;
    c->f64 = calloc(c->n, sizeof *c->f64);
    test_ok(mlsel_features_compose_f64(f->model, NULL, embedding, n, test_need_string(query, "category"), c->f64, c->n,
                                       NULL, &err),
            &err);
    free(embedding);
}

static void read_case(fixture *f, const cJSON *node, size_t index, test_case *c) {
    memset(c, 0, sizeof *c);
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(node, "name");
    snprintf(c->what, sizeof c->what, "%s, case %zu (%s)", f->name, index, name == NULL ? "" : name->valuestring);
    c->node = node;
    c->f64_only = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, "f64_only"));
    read_features(f, c);
    c->f32 = test_to_floats(c->f64, c->n);
    mlsel_query_options_init(&c->options, sizeof c->options);
    const cJSON *eligible = cJSON_GetObjectItemCaseSensitive(node, "eligible");
    const cJSON *label;
    cJSON_ArrayForEach (label, eligible) {
        const int32_t index_of = mlsel_model_find_label(f->model, label->valuestring);
        assert_in_range(index_of, 0, MAX_LABELS - 1);
        c->eligible[c->options.n_eligible++] = index_of;
    }
    if (eligible != NULL)
        c->options.eligible = c->eligible;
}

static void free_case(test_case *c) {
    free(c->f64);
    free(c->f32);
}

/* --- checking ---------------------------------------------------------------------------------------------------- */

/* Compares with a recorded array where there is one. */
static void check_numbers(const test_case *c, const char *key, const double *got, size_t n, double tolerance) {
    size_t expected_n = 0;
    double *expected = test_numbers(cJSON_GetObjectItemCaseSensitive(c->node, key), &expected_n);
    if (expected == NULL)
        return;
    char what[640];
    if (expected_n != n)
        fail_msg("%s: %zu %s, expected %zu", c->what, n, key, expected_n);
    for (size_t i = 0; i < n; i++) {
        snprintf(what, sizeof what, "%s: %s[%zu]", c->what, key, i);
        test_close(got[i], expected[i], tolerance, what);
    }
    free(expected);
}

static uint32_t flag_value(const char *name) {
    if (strcmp(name, "single") == 0)
        return MLSEL_SELECTION_SINGLE;
    if (strcmp(name, "tie") == 0)
        return MLSEL_SELECTION_TIE;
    if (strcmp(name, "widened") == 0)
        return MLSEL_SELECTION_WIDENED;
    if (strcmp(name, "next_cluster") == 0)
        return MLSEL_SELECTION_NEXT_CLUSTER;
    fail_msg("unknown flag %s", name);
    return 0;
}

static void check_selection(const fixture *f, const test_case *c, const mlsel_selection *s) {
    const char *expected = test_need_string(c->node, "label");
    const char *got = mlsel_model_label(f->model, s->index);
    if (got == NULL || strcmp(got, expected) != 0)
        fail_msg("%s: chose %s, expected %s", c->what, got == NULL ? "nothing" : got, expected);
    const cJSON *runner_up = cJSON_GetObjectItemCaseSensitive(c->node, "runner_up");
    if (cJSON_IsNull(runner_up))
        assert_int_equal(s->runner_up, -1);
    else if (runner_up != NULL)
        assert_string_equal(mlsel_model_label(f->model, s->runner_up), runner_up->valuestring);
    const cJSON *cluster = cJSON_GetObjectItemCaseSensitive(c->node, "cluster");
    if (cluster != NULL)
        assert_int_equal(s->cluster, (int)cluster->valuedouble);
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(c->node, "flags");
    if (flags == NULL)
        return;
    uint32_t bits = 0;
    const cJSON *flag;
    cJSON_ArrayForEach (flag, flags)
        bits |= flag_value(flag->valuestring);
    if (s->flags != bits)
        fail_msg("%s: flags %u, expected %u", c->what, (unsigned)s->flags, (unsigned)bits);
}

/* Tolerance of scores: those of KNN are exact in all kernels. */
static double score_tolerance(const fixture *f) {
    return f->exact || f->info.algorithm == MLSEL_ALGORITHM_KNN ? f->tolerance : float_tolerance;
}

static void check_evidence(const fixture *f, const test_case *c, const mlsel_evidence *e) {
    static double distances[MAX_ROWS], rows[MAX_ROWS], votes[MAX_ROWS], pair_votes[MAX_LABELS];
    const uint32_t n_labels = f->info.n_labels;
    check_selection(f, c, &e->selection);
    check_numbers(c, "scores", e->scores, n_labels, score_tolerance(f));
    check_numbers(c, "probabilities", e->probabilities, n_labels, score_tolerance(f));
    for (size_t i = 0; i < e->neighbour_count; i++) {
        distances[i] = e->neighbours[i].distance;
        rows[i] = (double)e->neighbours[i].row;
        votes[i] = e->neighbours[i].vote;
    }
    for (size_t i = 0; i < e->vote_count; i++)
        pair_votes[i] = e->votes[i];
    check_numbers(c, "neighbours", rows, e->neighbour_count, 0);
    check_numbers(c, "distances", distances, e->neighbour_count, f->tolerance);
    check_numbers(c, "votes", votes, e->neighbour_count, f->tolerance);
    check_numbers(c, "cluster_distances", e->cluster_distances, e->cluster_count, score_tolerance(f));
    check_numbers(c, "pair_decisions", e->pair_decisions, e->pair_count, score_tolerance(f));
    check_numbers(c, "pair_votes", pair_votes, e->vote_count, 0);
}

static void explain(const fixture *f, const test_case *c) {
    static mlsel_neighbour neighbours[MAX_ROWS];
    static double scores[MAX_LABELS], probabilities[MAX_LABELS], clusters[MAX_ROWS], pairs[MAX_ROWS];
    static int32_t votes[MAX_LABELS];
    for (int use_double = c->f64_only; use_double <= 1; use_double++) {
        mlsel_error err;
        mlsel_evidence e;
        mlsel_evidence_init(&e, sizeof e);
        e.scores = scores, e.scores_capacity = MAX_LABELS;
        e.probabilities = probabilities, e.probabilities_capacity = MAX_LABELS;
        e.neighbours = neighbours, e.neighbours_capacity = MAX_ROWS;
        e.cluster_distances = clusters, e.cluster_distances_capacity = MAX_ROWS;
        e.pair_decisions = pairs, e.pair_decisions_capacity = MAX_ROWS;
        e.votes = votes, e.votes_capacity = MAX_LABELS;
        if (use_double)
            test_ok(mlsel_explain_f64(f->model, c->f64, c->n, &c->options, &e, &err), &err);
        else
            test_ok(mlsel_explain(f->model, c->f32, c->n, &c->options, &e, &err), &err);
        check_evidence(f, c, &e);
    }
}

/* The other calls must say the same, to the last bit. */
static void check_agreement(const fixture *f, const test_case *c) {
    double scores[MAX_LABELS], again[MAX_LABELS], probabilities[MAX_LABELS];
    const size_t n_labels = f->info.n_labels;
    mlsel_selection one, other;
    mlsel_error err;
    test_ok(mlsel_select_f64(f->model, c->f64, c->n, &c->options, &one, &err), &err);
    check_selection(f, c, &one);
    test_ok(mlsel_select_batch_f64(f->model, c->f64, 1, c->n, c->n, &c->options, &other, &err), &err);
    assert_memory_equal(&one, &other, sizeof one);
    test_ok(mlsel_score_f64(f->model, c->f64, c->n, &c->options, scores, n_labels, &err), &err);
    test_ok(mlsel_probabilities(f->model, scores, n_labels, &c->options, probabilities, &err), &err);
    check_numbers(c, "scores", scores, n_labels, score_tolerance(f));
    check_numbers(c, "probabilities", probabilities, n_labels, score_tolerance(f));
    test_close(one.score, scores[one.index], 0, c->what);
    test_close(one.probability, probabilities[one.index], 1e-15, c->what);
    if (c->f64_only)
        return;
    test_ok(mlsel_select(f->model, c->f32, c->n, &c->options, &other, &err), &err);
    assert_memory_equal(&one, &other, sizeof one);
    test_ok(mlsel_score(f->model, c->f32, c->n, &c->options, again, n_labels, &err), &err);
    assert_memory_equal(scores, again, n_labels * sizeof *scores);
}

/* All unrestricted cases as one batch with a stride. */
static void check_batch(fixture *f) {
    const cJSON *cases = test_need(f->root, "cases");
    const size_t n = f->info.n_features, stride = n + 3, n_labels = f->info.n_labels;
    const size_t total = (size_t)cJSON_GetArraySize(cases);
    double *f64 = calloc(total * stride + 1, sizeof *f64);
    test_case *kept = calloc(total + 1, sizeof *kept);
    size_t count = 0, index = 0;
    const cJSON *node;
    cJSON_ArrayForEach (node, cases) {
        read_case(f, node, index++, &kept[count]);
        if (kept[count].options.eligible != NULL) {
            free_case(&kept[count]);
            continue;
        }
        memcpy(f64 + count * stride, kept[count].f64, n * sizeof *f64);
        count++;
    }
    mlsel_error err;
    mlsel_selection *selections = calloc(count + 1, sizeof *selections);
    double *scores = calloc((count + 1) * (n_labels + 1), sizeof *scores);
    test_ok(mlsel_select_batch_f64(f->model, f64, count, stride, n, NULL, selections, &err), &err);
    test_ok(mlsel_score_batch_f64(f->model, f64, count, stride, n, NULL, scores, n_labels + 1, &err), &err);
    for (size_t i = 0; i < count; i++) {
        check_selection(f, &kept[i], &selections[i]);
        check_numbers(&kept[i], "scores", scores + i * (n_labels + 1), n_labels, score_tolerance(f));
        free_case(&kept[i]);
    }
    free(f64), free(kept), free(selections), free(scores);
}

static void check_labels(const fixture *f) {
    int32_t i = 0;
    const cJSON *label;
    cJSON_ArrayForEach (label, test_need(f->root, "labels")) {
        const char *got = mlsel_model_label(f->model, i++);
        if (got == NULL || strcmp(got, label->valuestring) != 0)
            fail_msg("%s: label %d is %s, expected %s", f->name, i - 1, got == NULL ? "missing" : got,
                     label->valuestring);
    }
    assert_int_equal(mlsel_model_label_count(f->model), i);
    assert_null(mlsel_model_label(f->model, i));
}

static void run_fixture(const char *file) {
    fixture f;
    open_fixture(&f, file);
    check_labels(&f);
    size_t index = 0;
    const cJSON *node;
    cJSON_ArrayForEach (node, test_need(f.root, "cases")) {
        test_case c;
        read_case(&f, node, index++, &c);
        explain(&f, &c);
        check_agreement(&f, &c);
        free_case(&c);
    }
    assert_true(index > 0);
    check_batch(&f);
    close_fixture(&f);
}

/* --- all files --------------------------------------------------------------------------------------------------- */

/* Runs the expectation files whose name starts with prefix. */
static void run_fixtures(const char *prefix, size_t at_least) {
    DIR *folder = opendir(FIXTURE(""));
    assert_non_null(folder);
    size_t count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const size_t length = strlen(entry->d_name);
        static const char suffix[] = ".expected.json";
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || length < sizeof suffix ||
            strcmp(entry->d_name + length - (sizeof suffix - 1), suffix) != 0)
            continue;
        run_fixture(entry->d_name);
        count++;
    }
    closedir(folder);
    print_message("%zu expectation files of %s*\n", count, prefix);
    assert_true(count >= at_least);
}

static void knn(void **state) {
    (void)state;
    run_fixtures("knn_", 18);
}

static void kmeans(void **state) {
    (void)state;
    run_fixtures("kmeans_", 7);
}

static void svm(void **state) {
    (void)state;
    run_fixtures("svm_", 12);
}

static void mlp(void **state) {
    (void)state;
    run_fixtures("mlp_", 6);
}

static void examples(void **state) {
    (void)state;
    run_fixtures("examples_", 4);
}

int main(void) {
    if (!test_has_isa())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knn), cmocka_unit_test(kmeans),   cmocka_unit_test(svm),
        cmocka_unit_test(mlp), cmocka_unit_test(examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
