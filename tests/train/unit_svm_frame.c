/* SPDX-License-Identifier: Apache-2.0 */
/* SVM training where there is little to learn, little memory, or somebody who wants it to stop; and kernel values. */
#include "heap_expect.h"
#include "unit_svm.h"

/* --- kernel values ------------------------------------------------------------------------------------------------ */

static double want_value(const svm_vectors *v, const svm_kernel *k, size_t a, size_t b) {
    double distance = 0, product = 0;
    for (size_t i = 0; i < v->n_features; i++) {
        const double x = (double)v->x[a * v->stride + i], y = (double)v->x[b * v->stride + i];
        distance += (x - y) * (x - y);
        product += x * y;
    }
    return k->kind == MLSEL_SVM_KERNEL_LINEAR ? product : exp(-k->gamma * distance);
}

static int32_t cancel(const mlsel_train_progress *progress, void *user) {
    assert_string_equal(progress->stage, "kernel matrix");
    assert_true(progress->done < progress->total && progress->fraction <= 0.25);
    return --*(int *)user <= 0;
}

/* A large matrix is filled in rounds, between which the caller can end it. */
static void fill_is_cancelled(void **state) {
    enum { N = 400, STRIDE = 16 };
    mlsel_error err = {0};
    int calls = 3;
    train_run run = {.err = &err, .progress = cancel, .user = &calls, .before = 0.25, .share = 0.5};
    svm_vectors v = {.n = N, .n_features = 4, .stride = STRIDE};
    const svm_kernel kernel = {MLSEL_SVM_KERNEL_LINEAR, 1};
    svm_products products;
    svm_matrix matrix;
    (void)state;
    v.x = mlsel_i_calloc(N, STRIDE * sizeof *v.x);
    test_ok(mlsel_i_svm_products_create(&v, &run, &products), &err);
    test_ok(mlsel_i_svm_matrix_create(N, &run, &matrix), &err);
    assert_int_equal(mlsel_i_svm_matrix_fill(&products, &kernel, &run, &matrix), MLSEL_ERROR_CANCELLED);
    assert_int_equal(calls, 0);
    assert_true(run.before == 0.25 && run.share == 0.5);
    mlsel_i_svm_matrix_free(&run, &matrix);
    mlsel_i_svm_products_free(&run, &products);
    mlsel_i_free(v.x);
    assert_true(run.bytes == 0);
}

/* More than enough products that they are made in float. `scale` and `spread`: length of vectors and of differences. */
static void check_kernel(size_t n, size_t d, double scale, double spread, svm_kernel kernel, double tolerance) {
    mlsel_error err = {0};
    train_run run = {.err = &err};
    random_state r;
    svm_vectors v = {.n = n, .n_features = d, .stride = (d + 15) / 16 * 16};
    svm_products products;
    svm_matrix matrix;
    v.x = mlsel_i_calloc(n, v.stride * sizeof *v.x);
    mlsel_i_random_seed(&r, 3, 3);
    for (size_t a = 0; a < n; a++)
        for (size_t i = 0; i < d; i++)
            v.x[a * v.stride + i] = (float)((scale + spread * mlsel_i_random_normal(&r)) / sqrt((double)d));
    test_ok(mlsel_i_svm_products_create(&v, &run, &products), &err);
    test_ok(mlsel_i_svm_matrix_create(n, &run, &matrix), &err);
    test_ok(mlsel_i_svm_matrix_fill(&products, &kernel, &run, &matrix), &err);
    double *weights = calloc(n, sizeof *weights), sum = 0;
    for (size_t a = 0; a < n; a++) {
        weights[a] = a % 5 == 0 ? 0 : mlsel_i_random_normal(&r);
        test_close(matrix.values[mlsel_i_svm_matrix_at(&matrix, a, 0)], (double)(a + 1), 0, "number");
    }
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            const double got = matrix.values[mlsel_i_svm_matrix_at(&matrix, a, b + 1)];
            sum += weights[a] * weights[b] * got;
            if (a % 7 == 0 || a == b) /* all would take too long */
                test_close(got, want_value(&v, &kernel, a, b), tolerance, "kernel value");
        }
    test_close(mlsel_i_svm_quadratic(&products, &kernel, &matrix, weights), sum, 1e-9, "quadratic form");
    test_close(mlsel_i_svm_quadratic(&products, &kernel, NULL, weights), sum, 1e-9, "quadratic form without a matrix");
    free(weights);
    mlsel_i_svm_matrix_free(&run, &matrix);
    mlsel_i_svm_products_free(&run, &products);
    mlsel_i_free(v.x);
    assert_int_equal(run.bytes, 0);
}

static void computes_kernel_values(void **state) {
    (void)state;
    const svm_kernel rbf = {MLSEL_SVM_KERNEL_RBF, 0.7}, linear = {MLSEL_SVM_KERNEL_LINEAR, 1};
    check_kernel(37, 5, 1, 0.5, rbf, 1e-12);
    check_kernel(38, 5, 1, 0.5, linear, 1e-12);
    check_kernel(371, 1038, 0.3, 0.8, rbf, 2e-6);
    check_kernel(371, 1038, 0.3, 0.8, linear, 2e-6);
    check_kernel(371, 1038, 3000, 0.5, rbf, 1e-12);    /* near to each other and far from 0: float would see nothing */
    check_kernel(371, 1038, 1e21, 1e20, linear, 1e-6); /* squares beyond float */
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

static void threads_change_nothing(void **state) {
    (void)state;
    train_table t = svm_random_table(700, 3, 280, 5);
    const mlsel_objective objectives[] = {MLSEL_OBJECTIVE_OUTCOME, MLSEL_OBJECTIVE_COMPATIBLE};
    for (size_t i = 0; i < TEST_LENGTH(objectives); i++) {
        const train_settings s = svm_settings(objectives[i]);
        mlsel_error err = {0};
        train_run run = {.share = 1, .err = &err};
        mlsel_training *one = svm_train_table(&t, &s, NULL);
        test_ok(mlsel_i_team_create(4, &run.team, &err), &err);
        mlsel_training *four = svm_train_table(&t, &s, &run);
        mlsel_i_team_free(run.team);
        json_writer a = svm_text(one), b = svm_text(four);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.text, b.text, a.size);
        mlsel_i_write_free(&a);
        mlsel_i_write_free(&b);
        mlsel_training_free(one);
        mlsel_training_free(four);
    }
    svm_table_free(&t);
}

/* --- little to learn ---------------------------------------------------------------------------------------------- */

static const float somewhere[8] = {0.5F, -1, 0.25F, 2, 0, 1, -0.5F, 3};

/* What a table's selector chooses for some query, whatever the objective's form. */
static void check_always(const train_table *t, mlsel_objective objective, const char *name) {
    for (uint32_t version = 1; version <= 2; version++)
        for (int linear = 0; linear < 2; linear++) {
            train_settings s = svm_settings(objective);
            s.options.format_version = version;
            s.options.svm_kernel = linear ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
            mlsel_training *training = svm_train_table(t, &s, NULL);
            mlsel_model *model = svm_model(training);
            assert_string_equal(svm_select(model, somewhere, t->n_features), name);
            assert_string_equal(svm_select(model, t->x, t->n_features), name);
            mlsel_model_release(model);
            mlsel_training_free(training);
        }
}

static void one_model_is_always_chosen(void **state) {
    (void)state;
    train_table t = svm_random_table(6, 1, 8, 1);
    check_always(&t, MLSEL_OBJECTIVE_OUTCOME, svm_names[0]);
    check_always(&t, MLSEL_OBJECTIVE_COMPATIBLE, svm_names[0]);
    svm_table_free(&t);
    t = svm_random_table(6, 3, 8, 1);
    for (size_t i = 0; i < t.n_records; i++)
        t.records[i].model = 1;
    check_always(&t, MLSEL_OBJECTIVE_COMPATIBLE, svm_names[1]);
    for (size_t i = 0; i < 6 * 3; i++) /* only the last one's outcomes are known */
        t.utility[i] = i % 3 == 2 ? t.utility[i] : (double)NAN;
    check_always(&t, MLSEL_OBJECTIVE_OUTCOME, svm_names[2]);
    svm_table_free(&t);
}

/* c is never worse than the others: no pair with it has rows of two sides. */
static void the_better_model_needs_no_rows(void **state) {
    (void)state;
    for (size_t n = 1; n <= 9; n += 4) {
        train_table t = svm_random_table(n, 4, 8, 2);
        for (size_t i = 0; i < n * 4; i++)
            t.utility[i] = i % 4 == 2 ? 1 : (i % 4 == 3 && i > 4 ? 0.5 : 0.25);
        check_always(&t, MLSEL_OBJECTIVE_OUTCOME, svm_names[2]);
        for (size_t i = 0; i < n * 4; i++) /* nobody is better: the first */
            t.utility[i] = 0.5;
        check_always(&t, MLSEL_OBJECTIVE_OUTCOME, svm_names[0]);
        svm_table_free(&t);
    }
}

/* Two of three models tell queries apart, the third is always as good as the second. */
static void mixes_pairs_with_and_without_rows(void **state) {
    (void)state;
    train_table t = svm_random_table(60, 3, 8, 11);
    for (size_t q = 0; q < 60; q++) {
        t.x[q * t.stride] = q % 3 == 0 ? 2 : -2;
        t.utility[q * 3] = q % 3 == 0 ? 1 : 0;
        t.utility[q * 3 + 1] = t.utility[q * 3 + 2] = q % 3 == 0 ? 0 : 1;
    }
    const train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    mlsel_training *training = svm_train_table(&t, &s, NULL);
    mlsel_model *model = svm_model(training);
    for (size_t q = 0; q < 60; q++)
        assert_string_equal(svm_select(model, t.x + q * t.stride, 8), svm_names[q % 3 == 0 ? 0 : 1]);
    mlsel_model_release(model);
    mlsel_training_free(training);
    svm_table_free(&t);
}

static void nothing_known_is_refused(void **state) {
    (void)state;
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    train_table t = svm_table(3, 2, 8, 0);
    const mlsel_objective objectives[] = {MLSEL_OBJECTIVE_OUTCOME, MLSEL_OBJECTIVE_COMPATIBLE};
    for (size_t i = 0; i < 2; i++) {
        const train_settings s = svm_settings(objectives[i]);
        assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_svm, &t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
        assert_non_null(strstr(err.message, i == 0 ? "quality" : "record"));
        assert_int_equal(run.bytes, 0);
    }
    svm_table_free(&t);
}

/* Where LIBSVM would most likely take its ten million steps, and then write to stderr. */
static void what_does_not_converge_is_refused(void **state) {
    (void)state;
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    train_table t = svm_random_table(60, 2, 8, 3);
    train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    for (size_t i = 0; i < 60 * t.stride; i++)
        t.x[i] *= 3000;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_svm, &t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
    assert_non_null(strstr(err.message, "too large for a linear SVM"));
    assert_int_equal(run.bytes, 0);
    s.options.svm_c = 1e-4;
    mlsel_training_free(svm_train_table(&t, &s, NULL));
    s.options.svm_kernel = MLSEL_SVM_KERNEL_RBF; /* values are at most 1 there */
    mlsel_training_free(svm_train_table(&t, &s, NULL));
    s.options.svm_c = 1e9;
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_svm, &t, &s, &run, &training), MLSEL_ERROR_NOT_TRAINED);
    assert_non_null(strstr(err.message, "C is "));
    assert_int_equal(run.bytes, 0);
    svm_table_free(&t);
}

/* Weights that are no multiples of each other: what counts is their sum on each side. */
static void copies_add_up_to_the_weights(void **state) {
    (void)state;
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    random_state r;
    train_table t = svm_random_table(500, 2, 8, 4);
    double weights[2] = {0}, largest = 0;
    mlsel_i_random_seed(&r, 9, 9);
    for (size_t q = 0; q < 500; q++) {
        t.utility[2 * q] = mlsel_i_random_unit(&r);
        t.utility[2 * q + 1] = 0.6 * mlsel_i_random_unit(&r);
        const double stake = t.utility[2 * q] - t.utility[2 * q + 1];
        weights[stake < 0] += fabs(stake);
        largest = fmax(largest, fabs(stake));
    }
    train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    s.options.svm_c = 3;
    svm_vectors vectors;
    svm_classes classes;
    svm_pair pair;
    test_ok(mlsel_i_svm_vectors_create(&t, &run, &vectors), &err);
    test_ok(mlsel_i_svm_classes_create(&t, &s, &vectors, &run, &classes), &err);
    test_ok(mlsel_i_svm_pair_create(&t, &s, &vectors, &classes, 0, 1, NULL, &run, &pair), &err);
    test_close(pair.c, 3 * largest / 4, 1e-12, "C of a copy");
    assert_true(fabs((double)pair.n_first * pair.c / 3 - weights[0]) <= largest / 4);
    assert_true(fabs((double)(pair.n - pair.n_first) * pair.c / 3 - weights[1]) <= largest / 4);
    mlsel_i_svm_pair_free(&run, &pair);
    mlsel_i_svm_classes_free(&run, &classes);
    mlsel_i_svm_vectors_free(&run, &vectors);
    svm_table_free(&t);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

typedef struct watch {
    char last[96];
    size_t calls, stop_at; /* stop_at 0: never */
    double fraction;
} watch;

static int32_t see(const mlsel_train_progress *progress, void *user) {
    watch *w = user;
    snprintf(w->last, sizeof w->last, "%s", progress->stage);
    assert_true(progress->fraction >= w->fraction - 1e-12);
    w->fraction = progress->fraction;
    return ++w->calls == w->stop_at;
}

static mlsel_status train_within(const train_table *t, const train_settings *s, uint64_t limit, watch *w,
                                 mlsel_training **out, train_run *run) {
    *run = (train_run){.share = 1, .err = run->err, .max_bytes = limit, .progress = see, .user = w};
    return mlsel_i_train_once(&mlsel_i_trainer_svm, t, s, run, out);
}

/*
 * With less and less memory: one matrix; then a matrix for each pair where pairs leave most queries out, and none where
 * they do not; then no training. Always the same SVM.
 */
static void gets_by_with_less_memory(void **state) {
    (void)state;
    for (int linear = 0; linear < 2; linear++) {
        train_table t = svm_random_table(900, 3, 24, 6);
        for (size_t q = 0; q < 900; q++)
            for (size_t m = 0; m < 3; m++)
                if (linear)
                    t.utility[q * 3 + m] += 0.25 * (double)m;
                else if (q % 4 != 0)
                    t.utility[q * 3 + m] = 0.5;
        train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
        s.options.svm_tolerance = 1e-6;
        s.options.svm_kernel = linear ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
        mlsel_error err = {0};
        train_run run = {.err = &err};
        int mode = 0, modes = 0;
        double objective = 0;
        mlsel_status status = MLSEL_OK;
        for (uint64_t limit = UINT64_C(16) << 20; status == MLSEL_OK; limit -= limit / 4) {
            watch w = {0};
            mlsel_training *training = NULL;
            status = train_within(&t, &s, limit, &w, &training, &run);
            assert_int_equal(run.bytes, 0);
            assert_true(run.peak_bytes <= limit);
            if (status != MLSEL_OK)
                break;
            objective = objective != 0 ? objective : training->info.dual_objective;
            test_close(training->info.dual_objective, objective, 1e-6, "objective");
            const int before = mode;
            mode = strstr(w.last, "for each") != NULL ? 1 : strstr(w.last, "without a") != NULL ? 2 : 0;
            assert_true(mode >= before);
            modes |= 1 << mode;
            mlsel_training_free(training);
        }
        assert_int_equal(status, MLSEL_ERROR_LIMIT);
        assert_non_null(strstr(err.message, "MiB"));
        assert_int_equal(modes, linear ? 5 : 3);
        svm_table_free(&t);
    }
}

static void survives_every_failed_allocation(void **state) {
    (void)state;
    train_table t = svm_random_table(16, 3, 8, 7);
    for (int tune = 0; tune < 2; tune++)
        for (mlsel_objective objective = 0; objective < 2; objective++) {
            size_t failures = 0;
            for (size_t n = 0, refused = 1; refused > 0; n++) {
                mlsel_error err = {0};
                train_run run = {.share = 1, .err = &err};
                mlsel_training *training = NULL;
                train_settings s = svm_settings(objective);
                mlsel_training_info info = {0};
                s.options.tune = tune;
                s.options.svm_kernel = tune > 0 ? MLSEL_SVM_KERNEL_LINEAR : MLSEL_SVM_KERNEL_RBF;
                heap_fail_begin(n, false);
                mlsel_status status = tune > 0 ? mlsel_i_svm_choose(&t, &s, &run, &info) : MLSEL_OK;
                if (status == MLSEL_OK)
                    status = mlsel_i_train_once(&mlsel_i_trainer_svm, &t, &s, &run, &training);
                refused = heap_fail_expect(status);
                assert_int_equal(run.bytes, 0);
                assert_true(status == MLSEL_OK ? training != NULL : training == NULL);
                failures += status != MLSEL_OK;
                mlsel_training_free(training);
                n += n > 60 ? n / 15 : 0; /* the folds repeat themselves */
            }
            assert_true(failures > 20);
        }
    svm_table_free(&t);
}

/* --- stopping and choosing ---------------------------------------------------------------------------------------- */

static void stops_when_told(void **state) {
    (void)state;
    train_table t = svm_random_table(30, 3, 8, 8);
    const train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    mlsel_error err = {0};
    train_run run = {.err = &err};
    mlsel_status status = MLSEL_ERROR_CANCELLED;
    size_t calls = 0;
    for (; status == MLSEL_ERROR_CANCELLED; calls++) {
        watch w = {.stop_at = calls + 1};
        mlsel_training *training = NULL;
        status = train_within(&t, &s, 0, &w, &training, &run);
        assert_int_equal(run.bytes, 0);
        assert_true(status == MLSEL_OK || status == MLSEL_ERROR_CANCELLED);
        assert_true(status == MLSEL_OK ? training != NULL : training == NULL);
        mlsel_training_free(training);
    }
    assert_int_equal(calls - 1, 5); /* the matrix, each of three pairs, and the end */
    svm_table_free(&t);
}

/* Where no kernel is asked for, both are compared; without tuning it is the objective's. */
static void chooses_a_kernel(void **state) {
    (void)state;
    train_table t = svm_random_table(60, 3, 12, 9);
    train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training_info info = {0};
    s.options.svm_kernel = MLSEL_SVM_KERNEL_NONE;
    assert_int_equal(mlsel_i_svm_kernel_of(&s.options), MLSEL_SVM_KERNEL_LINEAR);
    s.options.tune = 1;
    test_ok(mlsel_i_svm_choose(&t, &s, &run, &info), &err);
    assert_int_equal(info.n_candidates, 4 + 9);
    assert_true(s.options.svm_kernel == MLSEL_SVM_KERNEL_LINEAR || s.options.svm_kernel == MLSEL_SVM_KERNEL_RBF);
    s.options.objective = MLSEL_OBJECTIVE_COMPATIBLE;
    s.options.svm_kernel = MLSEL_SVM_KERNEL_NONE;
    assert_int_equal(mlsel_i_svm_kernel_of(&s.options), MLSEL_SVM_KERNEL_RBF);
    svm_table_free(&t);
}

/* The folds that share a matrix choose as folds that train by themselves do. */
static void chooses_by_cross_validation(void **state) {
    (void)state;
    train_table t = svm_random_table(150, 3, 12, 9);
    train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    s.options.svm_kernel = MLSEL_SVM_KERNEL_RBF;
    train_settings open = s;
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training_info info = {0};
    int32_t *choices = mlsel_i_alloc(150, sizeof *choices);
    double best = -1, single = 0;
    open.options.tune = 1;
    test_ok(mlsel_i_svm_choose(&t, &open, &run, &info), &err);
    assert_int_equal(info.n_candidates, 9);
    const double gammas[] = {1, 0.5, 2}, cs[] = {1, 0.3, 0.5};
    for (size_t i = 0; i < 9; i++) {
        s.options.svm_gamma = gammas[i / 3];
        s.options.svm_c = cs[i % 3];
        test_ok(mlsel_i_cross_validate(&mlsel_i_trainer_svm, &t, &s, &run, NULL, choices), &err);
        const choice_value value = mlsel_i_value_choices(&t, choices);
        const bool is_chosen =
            fabs(open.options.svm_gamma - gammas[i / 3]) < 1e-12 && fabs(open.options.svm_c - cs[i % 3]) < 1e-12;
        best = fmax(best, value.utility);
        if (is_chosen) {
            test_close(info.cv_utility, value.utility, 1e-12, "utility");
            test_close(info.cv_standard_error, value.standard_error, 1e-12, "standard error");
        }
    }
    test_close(info.cv_utility, best, 1e-12, "best utility");
    test_ok(mlsel_i_cross_validate_single(&t, &s, &run, &single), &err);
    test_close(info.cv_best_single, single, 0, "best single");
    /* with what is given there is nothing to choose */
    test_ok(mlsel_i_svm_choose(&t, &s, &run, &info), &err);
    s.options.tune = 1;
    test_ok(mlsel_i_svm_choose(&t, &s, &run, &info), &err);
    assert_int_equal(info.n_candidates, 1);
    assert_int_equal(run.bytes, 0);
    mlsel_i_free(choices);
    svm_table_free(&t);
}

/* A build without LIBSVM says what to do. */
static void is_refused_without_libsvm(void **state) {
    (void)state;
    mlsel_error err = {0};
    train_run run = {.share = 1, .err = &err};
    mlsel_training *training = NULL;
    train_table t = svm_random_table(6, 2, 8, 1);
    const train_settings s = svm_settings(MLSEL_OBJECTIVE_OUTCOME);
    assert_int_equal(mlsel_i_train_once(&mlsel_i_trainer_svm, &t, &s, &run, &training), MLSEL_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "LIBSVM"));
    assert_int_equal(run.bytes, 0);
    svm_table_free(&t);
}

int main(void) {
    const struct CMUnitTest without[] = {cmocka_unit_test(is_refused_without_libsvm)};
    if (mlsel_i_svm_available(NULL) != MLSEL_OK) {
        print_message("SKIP checks of SVM training: this build has no LIBSVM\n");
        return cmocka_run_group_tests(without, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(computes_kernel_values),
                                       cmocka_unit_test(threads_change_nothing),
                                       cmocka_unit_test(one_model_is_always_chosen),
                                       cmocka_unit_test(the_better_model_needs_no_rows),
                                       cmocka_unit_test(mixes_pairs_with_and_without_rows),
                                       cmocka_unit_test(nothing_known_is_refused),
                                       cmocka_unit_test(what_does_not_converge_is_refused),
                                       cmocka_unit_test(copies_add_up_to_the_weights),
                                       cmocka_unit_test(gets_by_with_less_memory),
                                       cmocka_unit_test(survives_every_failed_allocation),
                                       cmocka_unit_test(stops_when_told),
                                       cmocka_unit_test(chooses_a_kernel),
                                       cmocka_unit_test(fill_is_cancelled),
                                       cmocka_unit_test(chooses_by_cross_validation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
