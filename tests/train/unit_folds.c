/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-validation with a small trainer of the test's own: its artifact scores every model by its mean utility over the
 * training part, and it keeps note of the queries it was given.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap_expect.h"
#include "support.h"
#include "train/options.h"
#include "train/train.h"

enum { N = 23, M = 3, FOLDS = 5, STEPS = 4, MOST_CALLS = 1000 };

static const char *const names[M] = {"a", "b", "c"};
static double quality[N][M]; /* NaN: unknown */

/* --- the trainer -------------------------------------------------------------------------------------------------- */

typedef struct fake_state {
    double means[M];
} fake_state;

static uint8_t was_given[MOST_CALLS][N]; /* per call: which queries were trained on */
static size_t n_calls, fails_at, bytes_needed;

static void write_fake(const void *state, const char *const *models, json_writer *w) {
    const fake_state *s = state;
    size_t n = 0;
    mlsel_i_write_key(w, "model_names");
    mlsel_i_write_open(w, '[');
    for (size_t m = 0; m < M; m++)
        if (!isnan(s->means[m])) {
            mlsel_i_write_string(w, models[m]);
            n++;
        }
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "layers");
    mlsel_i_write_raw(w, "[{\"type\":\"linear\",\"in_features\":2,\"out_features\":", 49);
    w->needs_comma = false;
    mlsel_i_write_count(w, n);
    mlsel_i_write_key(w, "weight");
    mlsel_i_write_open(w, '[');
    for (size_t m = 0; m < n; m++) {
        mlsel_i_write_open(w, '[');
        mlsel_i_write_count(w, 0);
        mlsel_i_write_count(w, 0);
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "bias");
    mlsel_i_write_open(w, '[');
    for (size_t m = 0; m < M; m++)
        if (!isnan(s->means[m]))
            mlsel_i_write_f64(w, s->means[m]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_raw(w, "}]", 2);
    w->needs_comma = true;
}

static mlsel_status train_fake(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                               mlsel_training_info *info) {
    const size_t call = n_calls++;
    assert_true(call < MOST_CALLS);
    (void)info;
    for (size_t q = 0; q < table->n_queries; q++)
        was_given[call][(size_t)table->x[q * table->stride]] = 1;
    if (n_calls == fails_at)
        return mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED, "the fake has enough");
    void *block = mlsel_i_run_alloc(run, bytes_needed, 1);
    if (block == NULL)
        return mlsel_i_run_status(run);
    mlsel_status status = MLSEL_OK;
    for (uint64_t i = 0; i <= STEPS && status == MLSEL_OK; i++)
        status = mlsel_i_run_report(run, "steps", i, STEPS, 0.5, (double)NAN);
    mlsel_i_run_free(run, block);
    if (status != MLSEL_OK)
        return status;
    fake_state *state = mlsel_i_calloc(1, sizeof *state);
    if (state == NULL)
        return mlsel_i_no_memory(run->err);
    mlsel_i_table_mean_utility(table, state->means);
    for (size_t m = 0; m < M; m++) /* a setting that turns the answers round */
        state->means[m] *= settings->shrinkage < 0 ? -1 : 1;
    if (settings->knn_beta > 0) /* and one that always answers b */
        state->means[1] = 2;
    *out = (trained){state, write_fake, mlsel_i_free};
    return MLSEL_OK;
}

static const trainer fake = {.algorithm = MLSEL_ALGORITHM_MLP, .train = train_fake};

/* --- the table ---------------------------------------------------------------------------------------------------- */

static train_settings settings_of(uint64_t seed) {
    train_settings s = {0};
    mlsel_train_options given;
    mlsel_error err;
    mlsel_train_options_init(&given, sizeof given);
    given.quality_weight = 1;
    given.without_categories = 1;
    given.folds = FOLDS;
    given.seed = seed;
    test_ok(mlsel_i_train_options_read(&s.options, &given, &err), &err);
    return s;
}

static train_table *make_table(mlsel_dataset **dataset) {
    const train_settings settings = settings_of(1);
    train_table *table = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(dataset, &err), &err);
    for (int q = 0; q < N; q++)
        for (int m = 0; m < M; m++) {
            const float embedding[] = {(float)q, 1};
            char text[16];
            mlsel_record r;
            snprintf(text, sizeof text, "q%d", q);
            mlsel_record_init(&r, sizeof r);
            r.query = text;
            r.model = names[m];
            r.quality = quality[q][m];
            r.embedding = embedding;
            r.n_embedding = 2;
            test_ok(mlsel_dataset_add(*dataset, &r, &err), &err);
        }
    test_ok(mlsel_i_table_create(*dataset, &settings.options, &table, &err), &err);
    assert_int_equal(table->n_features, 2);
    memset(was_given, 0, sizeof was_given);
    n_calls = fails_at = 0;
    bytes_needed = 1000;
    return table;
}

static void fill_quality(void) {
    for (int q = 0; q < N; q++) {
        quality[q][0] = q * 7 % 10 / 10.0;
        quality[q][1] = q % 3 == 0 ? (double)NAN : q * 3 % 11 / 10.0 * 0.9;
        quality[q][2] = 0.25;
    }
}

static train_run make_run(mlsel_error *err) {
    return (train_run){.algorithm = MLSEL_ALGORITHM_MLP, .share = 1, .err = err};
}

/* --- folds -------------------------------------------------------------------------------------------------------- */

static void balanced(void **state) {
    (void)state;
    enum { MANY = 1003 };
    uint32_t a[MANY], b[MANY], c[MANY];
    static const uint32_t counts[] = {2, 5, 20};
    for (size_t i = 0; i < TEST_LENGTH(counts); i++) {
        size_t sizes[20] = {0}, same = 0;
        mlsel_i_folds_assign(MANY, counts[i], 42, a);
        mlsel_i_folds_assign(MANY, counts[i], 42, b);
        mlsel_i_folds_assign(MANY, counts[i], 43, c);
        assert_memory_equal(a, b, sizeof a);
        for (size_t q = 0; q < MANY; q++) {
            assert_true(a[q] < counts[i]);
            sizes[a[q]]++;
            same += a[q] == c[q];
        }
        for (size_t f = 0; f < counts[i]; f++)
            assert_in_range(sizes[f], MANY / counts[i], MANY / counts[i] + 1);
        /* another seed: about as many agree as by chance */
        assert_true(fabs((double)same - MANY / (double)counts[i]) < 5 * sqrt(MANY / (double)counts[i]));
    }
    mlsel_i_folds_assign(2, 5, 1, a); /* fewer queries than folds */
    assert_true(a[0] < 2 && a[1] < 2 && a[0] != a[1]);
}

static void values(void **state) {
    (void)state;
    double utility[] = {0.5, 1, 0, (double)NAN, 0.25, 0.75, 1, 1};
    const train_table table = {.n_queries = 4, .n_models = 2, .utility = utility};
    static const int32_t all[] = {0, 0, 1, 1}, some[] = {-1, 1, 0, -1}, none[] = {-1, 1, -1, -1};
    choice_value v = mlsel_i_value_choices(&table, all); /* 0.5, 0, 0.75, 1 */
    test_close(v.utility, 0.5625, 1e-15, "mean");
    /* deviations -0.0625, -0.5625, 0.1875, 0.4375: squares 0.546875, over 3 and 4 */
    test_close(v.standard_error, sqrt(0.546875 / 12), 1e-15, "standard error");
    assert_int_equal(v.n, 4);
    v = mlsel_i_value_choices(&table, some); /* an unknown one does not count */
    test_close(v.utility, 0.25, 1e-15, "one");
    assert_true(v.n == 1 && isnan(v.standard_error));
    v = mlsel_i_value_choices(&table, none);
    assert_true(v.n == 0 && isnan(v.utility) && isnan(v.standard_error));
}

/* What the fold's training part says of a model, by a sum of the test's own. */
static double mean_without(const uint32_t *fold_of, uint32_t fold, size_t m) {
    double sum = 0;
    int n = 0;
    for (size_t q = 0; q < N; q++)
        if (fold_of[q] != fold && !isnan(quality[q][m])) {
            sum += quality[q][m];
            n++;
        }
    return n > 0 ? sum / n : (double)NAN;
}

static void held_out_stays_out(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(9);
    train_run run = make_run(&err);
    uint32_t fold_of[N];
    double scores[N * M];
    int32_t choices[N];
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, scores, choices), &err);
    mlsel_i_folds_assign(N, FOLDS, 9, fold_of);
    assert_int_equal(n_calls, FOLDS);
    for (uint32_t f = 0; f < FOLDS; f++)
        for (size_t q = 0; q < N; q++)
            assert_int_equal(was_given[f][q], fold_of[q] != f);
    for (size_t q = 0; q < N; q++) {
        int32_t best = 0;
        for (int32_t m = 0; m < M; m++) {
            const double expected = mean_without(fold_of, fold_of[q], (size_t)m);
            test_close(scores[q * M + (size_t)m], expected, 1e-6, "score"); /* biases are floats */
            if (expected > mean_without(fold_of, fold_of[q], (size_t)best))
                best = m;
        }
        assert_int_equal(choices[q], best);
    }
    assert_int_equal(run.bytes, 0);
    /* either alone */
    double again[N * M];
    int32_t chosen[N];
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, again, NULL), &err);
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, chosen), &err);
    assert_memory_equal(again, scores, sizeof scores);
    assert_memory_equal(chosen, choices, sizeof choices);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

/* b has one known outcome: the fold that holds it out knows no b. */
static void unknown_models(void **state) {
    (void)state;
    enum { ONLY = 11 };
    mlsel_dataset *dataset;
    mlsel_error err;
    fill_quality();
    for (int q = 0; q < N; q++)
        quality[q][1] = q == ONLY ? 1 : (double)NAN;
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(9);
    train_run run = make_run(&err);
    uint32_t fold_of[N];
    double scores[N * M];
    int32_t choices[N];
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, scores, choices), &err);
    mlsel_i_folds_assign(N, FOLDS, 9, fold_of);
    for (size_t q = 0; q < N; q++) {
        const bool is_known = fold_of[q] != fold_of[ONLY];
        assert_true(isnan(scores[q * M + 1]) == !is_known);
        assert_true((choices[q] == 1) == is_known);
    }
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

static void single(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(5);
    train_run run = make_run(&err);
    uint32_t fold_of[N];
    double got = 0, sum = 0;
    int n = 0;
    test_ok(mlsel_i_cross_validate_single(table, &settings, &run, &got), &err);
    mlsel_i_folds_assign(N, FOLDS, 5, fold_of);
    for (size_t q = 0; q < N; q++) {
        size_t best = 0;
        for (size_t m = 1; m < M; m++)
            if (mean_without(fold_of, fold_of[q], m) > mean_without(fold_of, fold_of[q], best))
                best = m;
        if (isnan(quality[q][best]))
            continue;
        sum += quality[q][best];
        n++;
    }
    test_close(got, sum / n, 1e-12, "best single of the other folds");
    assert_int_equal(run.bytes, 0);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

/* The setting that is turned round always chooses the worst model; of equal ones the first is taken. */
static void settings_are_compared(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    fill_quality();
    train_table *table = make_table(&dataset);
    train_settings candidates[] = {settings_of(5), settings_of(5), settings_of(5)};
    candidates[0].shrinkage = -1;
    train_run run = make_run(&err);
    mlsel_training_info info = {.cv_utility = (double)NAN};
    size_t chosen = 99;
    int32_t choices[N];
    test_ok(mlsel_i_choose_settings(&fake, table, candidates, 3, &run, &chosen, &info), &err);
    assert_int_equal(chosen, 1);
    assert_int_equal(info.n_candidates, 3);
    assert_int_equal(n_calls, 3 * FOLDS);
    test_ok(mlsel_i_cross_validate(&fake, table, &candidates[1], &run, NULL, choices), &err);
    const choice_value value = mlsel_i_value_choices(table, choices);
    test_close(info.cv_utility, value.utility, 0, "utility");
    test_close(info.cv_standard_error, value.standard_error, 0, "standard error");
    double best_single;
    test_ok(mlsel_i_cross_validate_single(table, &candidates[0], &run, &best_single), &err);
    test_close(info.cv_best_single, best_single, 0, "best single");
    assert_true(run.before <= 0 && run.share >= 1 && run.stage[0] == '\0' && run.bytes == 0);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

/* A first setting whose choices nobody can judge must not keep its place. */
static void unjudged_first(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    for (int q = 0; q < N; q++) {
        quality[q][0] = 0.5;
        quality[q][1] = (double)NAN;
        quality[q][2] = 0.25;
    }
    train_table *table = make_table(&dataset);
    train_settings candidates[] = {settings_of(5), settings_of(5)};
    candidates[0].knn_beta = 1;
    train_run run = make_run(&err);
    mlsel_training_info info = {.cv_utility = (double)NAN};
    size_t chosen = 99;
    test_ok(mlsel_i_choose_settings(&fake, table, candidates, 2, &run, &chosen, &info), &err);
    assert_int_equal(chosen, 1);
    test_close(info.cv_utility, 0.5, 1e-15, "of the second");
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

/* --- progress, cancelling, failing -------------------------------------------------------------------------------- */

typedef struct witness {
    double last;
    size_t calls, cancel_at;
    char first_stage[128], last_stage[128];
} witness;

static int32_t watch(const mlsel_train_progress *p, void *user) {
    witness *w = user;
    assert_int_equal(p->struct_size, sizeof *p);
    assert_int_equal(p->algorithm, MLSEL_ALGORITHM_MLP);
    assert_true(p->fraction >= w->last - 1e-12 && p->fraction <= 1 + 1e-12);
    assert_true(p->done <= p->total && p->total == STEPS && p->loss > 0 && isnan(p->validation));
    if (w->calls == 0)
        snprintf(w->first_stage, sizeof w->first_stage, "%s", p->stage);
    snprintf(w->last_stage, sizeof w->last_stage, "%s", p->stage);
    w->last = p->fraction;
    return ++w->calls == w->cancel_at;
}

static void progress(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    fill_quality();
    train_table *table = make_table(&dataset);
    train_settings candidates[] = {settings_of(5), settings_of(5)};
    witness w = {0};
    train_run run = make_run(&err);
    mlsel_training_info info = {0};
    size_t chosen;
    run.progress = watch;
    run.user = &w;
    test_ok(mlsel_i_choose_settings(&fake, table, candidates, 2, &run, &chosen, &info), &err);
    test_close(w.last, 1, 1e-12, "the end");
    assert_int_equal(w.calls, 2 * FOLDS * (STEPS + 1));
    assert_string_equal(w.first_stage, "setting 1 of 2: fold 1 of 5: steps");
    assert_string_equal(w.last_stage, "setting 2 of 2: fold 5 of 5: steps");
    /* as the second half of something */
    w = (witness){.last = 0.5};
    run.before = run.share = 0.5;
    test_ok(mlsel_i_cross_validate(&fake, table, &candidates[0], &run, NULL, (int32_t[N]){0}), &err);
    test_close(w.last, 1, 1e-12, "the end of the half");
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

static void cancelled(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    int32_t choices[N];
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(5);
    for (size_t at = 1; at <= FOLDS * (STEPS + 1); at++) {
        witness w = {.cancel_at = at};
        train_run run = make_run(&err);
        run.progress = watch;
        run.user = &w;
        assert_int_equal(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, choices), MLSEL_ERROR_CANCELLED);
        assert_string_equal(err.message, "cancelled by the caller");
        assert_int_equal(w.calls, at); /* and nothing more */
        assert_int_equal(run.bytes, 0);
        assert_true(run.before <= 0 && run.share >= 1 && run.stage[0] == '\0');
    }
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

static void trainer_fails(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    int32_t choices[N];
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(5);
    train_run run = make_run(&err);
    fails_at = 3;
    assert_int_equal(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, choices), MLSEL_ERROR_NOT_TRAINED);
    assert_string_equal(err.message, "the fake has enough");
    assert_int_equal(n_calls, 3);
    assert_int_equal(run.bytes, 0);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

static void memory_limit(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    int32_t choices[N];
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(5);
    train_run run = make_run(&err);
    bytes_needed = 10 << 20;
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, choices), &err);
    /* the block, the fold's table, and a little beside it, once at a time */
    const uint64_t peak = run.peak_bytes;
    assert_in_range(peak, bytes_needed + mlsel_i_table_bytes(table, N - N / FOLDS - 1), bytes_needed + 20000);
    run = make_run(&err);
    run.max_bytes = peak;
    test_ok(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, choices), &err);
    run = make_run(&err);
    run.max_bytes = peak - 1;
    assert_int_equal(mlsel_i_cross_validate(&fake, table, &settings, &run, NULL, choices), MLSEL_ERROR_LIMIT);
    assert_string_equal(err.message, "training needs 11 MiB or more, and max_memory_bytes allows 10 MiB");
    assert_int_equal(run.bytes, 0);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

static void out_of_memory(void **state) {
    (void)state;
    mlsel_dataset *dataset;
    mlsel_error err;
    int32_t choices[N];
    double scores[N * M];
    fill_quality();
    train_table *table = make_table(&dataset);
    const train_settings settings = settings_of(5);
    size_t n = 0;
    for (size_t refused = 1; refused > 0; n++) {
        train_run run = make_run(&err);
        n_calls = 0;
        heap_fail_begin(n, false);
        const mlsel_status status = mlsel_i_cross_validate(&fake, table, &settings, &run, scores, choices);
        refused = heap_fail_expect(status);
        assert_int_equal(run.bytes, 0);
    }
    assert_true(n > 10 * FOLDS);
    mlsel_i_table_free(table);
    mlsel_dataset_free(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced),       cmocka_unit_test(values),       cmocka_unit_test(held_out_stays_out),
        cmocka_unit_test(unknown_models), cmocka_unit_test(single),       cmocka_unit_test(settings_are_compared),
        cmocka_unit_test(unjudged_first), cmocka_unit_test(progress),     cmocka_unit_test(cancelled),
        cmocka_unit_test(trainer_fails),  cmocka_unit_test(memory_limit), cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
