/* SPDX-License-Identifier: Apache-2.0 */
/* The KNN trainer against numpy (make_knn_expected.py), and what must hold for any data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap_expect.h"
#include "knn_table.h"
#include "train/knn.h"
#include "train/neighbours.h"

static train_settings settings_of(const train_table *table) {
    train_settings settings = {0};
    mlsel_train_options_init(&settings.options, sizeof settings.options);
    settings.options.without_categories = 1;
    settings.options.category_weight = 0;
    (void)table;
    return settings;
}

static train_settings outcome_settings(const cJSON *root, const train_table *table) {
    const cJSON *outcome = test_need(root, "outcome");
    train_settings settings = settings_of(table);
    settings.options.knn_k = (uint32_t)test_need_number(outcome, "k");
    settings.knn_beta = test_need_number(outcome, "beta");
    settings.shrinkage = test_need_number(outcome, "shrinkage");
    return settings;
}

/* The artifact as text. */
static char *train_text(const train_table *table, const train_settings *settings, uint32_t threads,
                        mlsel_training_info *info) {
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    if (threads > 1)
        test_ok(mlsel_i_team_create(threads, &run.team, &err), &err);
    test_ok(mlsel_i_train_once(&mlsel_i_trainer_knn, table, settings, &run, &training), &err);
    json_writer w = {.err = &err};
    test_ok(mlsel_i_training_write(training, &w), &err);
    char *text = malloc(w.size + 1);
    assert_non_null(text);
    memcpy(text, w.text, w.size);
    text[w.size] = '\0';
    if (info != NULL)
        *info = training->info;
    mlsel_i_write_free(&w);
    mlsel_training_free(training);
    mlsel_i_team_free(run.team);
    assert_int_equal(run.bytes, 0);
    return text;
}

static mlsel_model *load_text(const char *text, mlsel_knn_rule rule) {
    mlsel_error err = {0};
    mlsel_model_options options;
    mlsel_model *model = NULL;
    mlsel_model_options_init(&options, sizeof options);
    options.knn_rule = rule;
    test_ok(mlsel_model_load_memory(text, strlen(text), &options, &model, &err), &err);
    return model;
}

/* --- the compatible objective ------------------------------------------------------------------------------------- */

/* Equal to the last bit, and in the same order. */
static void check_equal(const cJSON *a, const cJSON *b) {
    assert_int_equal(a->type & 0xff, b->type & 0xff);
    if (cJSON_IsNumber(a))
        assert_memory_equal(&a->valuedouble, &b->valuedouble, sizeof a->valuedouble);
    if (cJSON_IsString(a))
        assert_string_equal(a->valuestring, b->valuestring);
    for (a = a->child, b = b->child; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (a->string != NULL)
            assert_string_equal(a->string, b->string);
        check_equal(a, b);
    }
    assert_true(a == NULL && b == NULL);
}

static void compatible_is_pythons(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    train_settings settings = settings_of(table);
    settings.options.objective = MLSEL_OBJECTIVE_COMPATIBLE;
    settings.options.without_categories = 0; /* so that no list of categories is written */
    settings.options.category_weight = 1;
    mlsel_training_info info;
    char *text = train_text(table, &settings, 1, &info);
    cJSON *written = cJSON_Parse(text);
    assert_non_null(written);
    check_equal(written, test_need(root, "compatible"));
    assert_int_equal(info.n_rows, table->n_records);
    assert_int_equal(info.knn_k, 5);
    cJSON_Delete(written);
    free(text);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* --- the outcome objective ---------------------------------------------------------------------------------------- */

static void check_scores(const mlsel_model *model, const cJSON *outcome, size_t n_features) {
    const cJSON *queries = test_need(outcome, "queries"), *rows = test_need(outcome, "scores");
    for (int q = 0; q < cJSON_GetArraySize(queries); q++) {
        size_t n, n_scores;
        mlsel_error err = {0};
        double *query = test_numbers(cJSON_GetArrayItem(queries, q), &n), scores[8];
        double *expected = test_numbers(cJSON_GetArrayItem(rows, q), &n_scores);
        assert_int_equal(n, n_features);
        test_ok(mlsel_score_f64(model, query, n, NULL, scores, n_scores, &err), &err);
        for (size_t m = 0; m < n_scores; m++)
            test_close(scores[m], expected[m], 1e-12, "score");
        free(query);
        free(expected);
    }
}

static void outcomes_are_numpys(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    const cJSON *outcome = test_need(root, "outcome"), *labels = test_need(outcome, "labels");
    const train_settings settings = outcome_settings(root, table);
    mlsel_training_info info;
    char *text = train_text(table, &settings, 1, &info);
    cJSON *written = cJSON_Parse(text);
    assert_true(cJSON_Compare(test_need(written, "labels"), labels, 1));
    size_t n_prior;
    double *prior = test_numbers(test_need(outcome, "prior"), &n_prior);
    for (size_t m = 0; m < n_prior; m++)
        test_close(cJSON_GetArrayItem(test_need(test_need(written, "outcomes"), "prior"), (int)m)->valuedouble,
                   prior[m], 1e-14, "prior");
    free(prior);
    /* the row left out is the query that nothing is known of; what is unknown is -1 */
    const cJSON *rows = test_need(outcome, "rows"), *quality = test_need(test_need(written, "outcomes"), "quality");
    assert_int_equal(info.n_rows, cJSON_GetArraySize(rows));
    assert_int_equal(info.n_rows, table->n_queries - 1);
    for (int i = 0; i < cJSON_GetArraySize(rows); i++)
        for (size_t m = 0; m < table->n_models; m++) {
            const double known = table->quality[(size_t)cJSON_GetArrayItem(rows, i)->valueint * table->n_models + m];
            const double got = cJSON_GetArrayItem(cJSON_GetArrayItem(quality, i), (int)m)->valuedouble;
            assert_true(isnan(known) ? got == -1 : got == known);
        }
    mlsel_model *model = load_text(text, MLSEL_KNN_RULE_COSINE);
    check_scores(model, outcome, table->n_features);
    mlsel_model_release(model);
    cJSON_Delete(written);
    free(text);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static void choose(train_table *table, uint32_t threads, train_settings *settings, mlsel_training_info *info) {
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    if (threads > 1)
        test_ok(mlsel_i_team_create(threads, &run.team, &err), &err);
    test_ok(mlsel_i_trainer_knn.choose(table, settings, &run, info), &err);
    mlsel_i_team_free(run.team);
    assert_int_equal(run.bytes, 0);
}

static void choice_is_numpys(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    const cJSON *choice = test_need(root, "choice");
    train_settings settings = settings_of(table);
    mlsel_training_info info = {0};
    settings.options.folds = (uint32_t)test_need_number(choice, "folds");
    settings.options.seed = (uint64_t)test_need_number(choice, "seed");
    choose(table, 1, &settings, &info);
    assert_int_equal(settings.options.knn_k, (int)test_need_number(choice, "k"));
    test_close(settings.knn_beta, test_need_number(choice, "beta"), 0, "beta");
    test_close(settings.shrinkage, test_need_number(choice, "shrinkage"), 0, "shrinkage");
    assert_int_equal(info.n_candidates, (int)test_need_number(choice, "n"));
    test_close(info.cv_utility, test_need_number(choice, "utility"), 1e-12, "utility");
    test_close(info.cv_standard_error, test_need_number(choice, "standard_error"), 1e-12, "standard error");
    double single;
    train_run run = {.share = 1};
    test_ok(mlsel_i_cross_validate_single(table, &settings, &run, &single), NULL);
    test_close(info.cv_best_single, single, 0, "best single");

    /* what the folds' own artifacts answer is worth the same */
    int32_t *choices = mlsel_i_alloc(table->n_queries, sizeof *choices);
    mlsel_error err = {0};
    run.err = &err;
    test_ok(mlsel_i_cross_validate(&mlsel_i_trainer_knn, table, &settings, &run, NULL, choices), &err);
    test_close(mlsel_i_value_choices(table, choices).utility, info.cv_utility, 1e-12, "the artifacts' utility");
    mlsel_i_free(choices);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

static void given_k_stays(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    train_settings settings = settings_of(table);
    mlsel_training_info info = {0};
    settings.options.knn_k = 13;
    choose(table, 1, &settings, &info);
    assert_int_equal(settings.options.knn_k, 13);
    assert_int_equal(info.n_candidates, 24);
    settings.options.knn_k = 1000; /* more than there are */
    choose(table, 1, &settings, &info);
    assert_int_equal(settings.options.knn_k, 1000);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* The last four values become a category: the weights that are tried make copies of the table. */
static void category_weight_is_chosen(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    for (size_t q = 0; q < table->n_queries; q++)
        for (size_t i = 0; i < 4; i++)
            table->x[q * table->stride + 8 + i] = q % 4 == i ? 1 : 0;
    table->n_categories = 4;
    const float before = table->x[8];
    train_settings settings = settings_of(table);
    mlsel_training_info info = {0};
    settings.options.without_categories = 0;
    choose(table, 1, &settings, &info);
    assert_int_equal(info.n_candidates, 3 * 72);
    assert_true(settings.options.category_weight > 0 && settings.options.category_weight <= 1);
    assert_true(table->x[8] == before);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* --- threads, memory, cancelling ---------------------------------------------------------------------------------- */

static void threads_change_nothing(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    char *texts[2];
    for (size_t i = 0; i < TEST_LENGTH(texts); i++) {
        const uint32_t threads = i == 0 ? 1 : 4;
        train_settings settings = settings_of(table);
        mlsel_training_info info = {0};
        choose(table, threads, &settings, &info);
        texts[i] = train_text(table, &settings, threads, NULL);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

static mlsel_status choose_and_train(train_table *table, const train_settings *given, train_run *run) {
    train_settings settings = *given;
    mlsel_training_info info = {0};
    mlsel_training *training = NULL;
    mlsel_status status = MLSEL_OK;
    if (settings.options.objective == MLSEL_OBJECTIVE_OUTCOME)
        status = mlsel_i_trainer_knn.choose(table, &settings, run, &info);
    if (status == MLSEL_OK)
        status = mlsel_i_train_once(&mlsel_i_trainer_knn, table, &settings, run, &training);
    mlsel_training_free(training);
    return status;
}

/* Each allocation fails once, and all after it. */
static void without_memory(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    for (mlsel_objective objective = MLSEL_OBJECTIVE_OUTCOME; objective <= MLSEL_OBJECTIVE_COMPATIBLE; objective++) {
        train_settings settings = settings_of(table);
        settings.options.objective = objective;
        size_t n = 0;
        for (size_t refused = 1; refused > 0; n++) {
            mlsel_error err = {0};
            train_run run = {.share = 1, .err = &err};
            heap_fail_begin(n, true);
            const mlsel_status status = choose_and_train(table, &settings, &run);
            refused = heap_fail_expect(status);
            assert_int_equal(err.code, status);
            assert_int_equal(run.bytes, 0);
        }
        assert_true(n > 10);
    }
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

static void within_limits(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    const train_settings settings = outcome_settings(root, table);
    mlsel_error err = {0};
    mlsel_status status = MLSEL_ERROR_LIMIT;
    uint64_t limit = 1;
    for (; status != MLSEL_OK; limit *= 2) {
        train_run run = {.share = 1, .max_bytes = limit, .err = &err};
        status = choose_and_train(table, &settings, &run);
        assert_true(status == MLSEL_OK || status == MLSEL_ERROR_LIMIT);
        assert_true(run.peak_bytes <= limit);
        assert_int_equal(run.bytes, 0);
    }
    assert_true(limit > 1 << 12);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

static int32_t stop_at(const mlsel_train_progress *progress, void *user) {
    size_t *left = user;
    assert_true(progress->fraction >= 0 && progress->fraction <= 1);
    return (*left)-- == 0;
}

static void can_be_cancelled(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    const train_settings settings = settings_of(table);
    mlsel_status status = MLSEL_ERROR_CANCELLED;
    size_t n = 0;
    for (; status != MLSEL_OK; n++) {
        size_t left = n;
        mlsel_error err = {0};
        train_run run = {.progress = stop_at, .user = &left, .share = 1, .err = &err};
        status = choose_and_train(table, &settings, &run);
        assert_true(status == MLSEL_OK || status == MLSEL_ERROR_CANCELLED);
        assert_int_equal(run.bytes, 0);
    }
    assert_true(n > 1);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* --- little data -------------------------------------------------------------------------------------------------- */

/* The first n queries of the table, with its first m models. */
static train_table *part_of(const train_table *table, size_t n, size_t m) {
    const uint32_t queries[] = {0, 1, 2};
    train_table *part = NULL;
    test_ok(mlsel_i_table_subset(table, queries, n, &part, NULL), NULL);
    for (size_t i = 0; i < n * m; i++) {
        const size_t from = i / m * table->n_models + i % m;
        part->quality[i] = part->utility[i] = (double)(from % 3) / 2;
        part->latency_s[i] = (double)NAN;
    }
    part->n_models = m;
    return part;
}

static void little_data(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    for (size_t n = 1; n <= 3; n++)
        for (size_t m = 1; m <= 3; m++) {
            train_table *part = part_of(table, n, m);
            const train_settings settings = settings_of(part);
            mlsel_training_info info;
            char *text = train_text(part, &settings, 1, &info);
            mlsel_model *model = load_text(text, MLSEL_KNN_RULE_OUTCOMES);
            mlsel_selection best;
            mlsel_error err = {0};
            test_ok(mlsel_select(model, part->x, part->n_features, NULL, &best, &err), &err);
            assert_true(best.index >= 0 && (size_t)best.index < m);
            if (n == 1) /* its best */
                assert_true(part->utility[best.index] == part->utility[mlsel_i_argmax(part->utility, m)]);
            assert_int_equal(info.n_rows, n);
            mlsel_model_release(model);
            /* other runtimes vote */
            model = load_text(text, MLSEL_KNN_RULE_VOTE);
            test_ok(mlsel_select(model, part->x, part->n_features, NULL, &best, &err), &err);
            mlsel_model_release(model);
            free(text);
            mlsel_i_table_free(part);
        }
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

static void nothing_known(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    for (size_t i = 0; i < table->n_queries * table->n_models; i++)
        table->quality[i] = table->utility[i] = (double)NAN;
    const train_settings settings = settings_of(table);
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_knn, table, &settings, &run, &training),
                     MLSEL_ERROR_NOT_TRAINED);
    assert_null(training);
    assert_int_equal(run.bytes, 0);
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* --- neighbours --------------------------------------------------------------------------------------------------- */

/* All pairs the plain way. */
static double distance_between(const train_table *table, size_t a, size_t b) {
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < table->n_features; i++) {
        const double x = (double)table->x[a * table->stride + i], y = (double)table->x[b * table->stride + i];
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    const double scale = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    return (double)((aa > 0) + (bb > 0)) - 2 * scale;
}

static void neighbours_are_nearest(void **state) {
    (void)state;
    cJSON *root = knn_expected();
    train_table *table = knn_table(root);
    const size_t n = table->n_queries;
    uint32_t groups[64];
    memset(table->x + 3 * table->stride, 0, table->stride * sizeof *table->x);                            /* zero */
    memcpy(table->x + 9 * table->stride, table->x + 4 * table->stride, table->stride * sizeof *table->x); /* twice */
    for (size_t q = 0; q < n; q++)
        groups[q] = (uint32_t)(q % 5);
    for (size_t pass = 0; pass < 3; pass++) {
        const size_t k = pass == 0 ? 1000 : 8;
        mlsel_error err = {0};
        train_run run = {.share = 1, .err = &err};
        neighbour_lists lists;
        test_ok(mlsel_i_neighbours_find(table, k, pass == 2 ? groups : NULL, &run, &lists), &err);
        for (size_t q = 0; q < n; q++) {
            size_t allowed = 0, nearer = 0;
            const uint32_t *rows = lists.rows + q * lists.k;
            const float *distances = lists.distances + q * lists.k;
            const double last = (double)distances[lists.counts[q] - 1];
            for (size_t r = 0; r < n; r++) {
                if (r == q || r == 17 || (pass == 2 && groups[r] == groups[q])) /* of 17 nothing is known */
                    continue;
                allowed++;
                nearer += distance_between(table, q, r) < last - 1e-5;
            }
            assert_int_equal(lists.counts[q], allowed < lists.k ? allowed : lists.k);
            assert_true(nearer < lists.counts[q]);
            for (size_t i = 0; i < lists.counts[q]; i++) {
                assert_true(rows[i] != q && rows[i] != 17 && (pass < 2 || groups[rows[i]] != groups[q]));
                test_close((double)distances[i], distance_between(table, q, rows[i]), 1e-6, "distance");
                assert_true(i == 0 || distances[i] > distances[i - 1] ||
                            (distances[i] == distances[i - 1] && rows[i] > rows[i - 1]));
            }
        }
        mlsel_i_neighbours_free(&run, &lists);
        assert_int_equal(run.bytes, 0);
    }
    mlsel_i_table_free(table);
    cJSON_Delete(root);
}

/* Two neighbours and one beyond, by hand. */
static void linear_weights(void **state) {
    (void)state;
    double utility[] = {0, 1, 0.5, 1}, prior[] = {0.25}, weights[3], expected;
    uint32_t counts[] = {3, 3, 3, 3}, rows[] = {1, 2, 3};
    float distances[] = {0.5f, 1, 2};
    const train_table table = {.n_queries = 4, .n_models = 1, .utility = utility};
    const neighbour_lists lists = {.k = 3, .counts = counts, .rows = rows, .distances = distances};
    neighbour_weights how = {.k = 2, .is_linear = true, .shrinkage = 0.5};
    mlsel_i_neighbours_expect(&table, &lists, &how, 0, prior, weights, &expected);
    test_close(expected, (0.75 * 1 + 0.5 * 0.5 + 0.5 * 0.25) / (0.75 + 0.5 + 0.5), 1e-15, "linear");
    how = (neighbour_weights){.k = 3, .beta = 1};
    mlsel_i_neighbours_expect(&table, &lists, &how, 0, prior, weights, &expected);
    test_close(expected, (exp(-0.5) + exp(-1) * 0.5 + exp(-2)) / (exp(-0.5) + exp(-1) + exp(-2)), 1e-15, "exponential");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compatible_is_pythons),
        cmocka_unit_test(outcomes_are_numpys),
        cmocka_unit_test(choice_is_numpys),
        cmocka_unit_test(given_k_stays),
        cmocka_unit_test(category_weight_is_chosen),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(within_limits),
        cmocka_unit_test(can_be_cancelled),
        cmocka_unit_test(little_data),
        cmocka_unit_test(nothing_known),
        cmocka_unit_test(neighbours_are_nearest),
        cmocka_unit_test(linear_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
