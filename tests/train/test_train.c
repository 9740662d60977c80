/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_train around the trainers, for every kind: progress from 0 to 1 and never back, cancelling at any call, the
 * memory limit, the same artifact again, calibration where it belongs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "mlsel_train.h"

enum { N = 120, WIDTH = 8, FIRST = MLSEL_ALGORITHM_KNN, LAST = MLSEL_ALGORITHM_MLP };

static const char *const names[] = {"a", "b", "c"};

/* a and b are good where the embedding's first or second value is positive, c is 0.4 everywhere. */
static mlsel_dataset *make_dataset(size_t n) {
    mlsel_dataset *d = NULL;
    mlsel_error err;
    uint32_t noise = 1;
    test_ok(mlsel_dataset_create(&d, &err), &err);
    for (size_t q = 0; q < n; q++) {
        float embedding[WIDTH];
        char text[32];
        snprintf(text, sizeof text, "query %zu", q);
        for (int i = 0; i < WIDTH; i++) {
            noise = noise * 1664525U + 1013904223U;
            embedding[i] = (float)(noise >> 8) / 16777216.0F - 0.5F;
        }
        for (int m = 0; m < 3; m++) {
            mlsel_record r;
            mlsel_record_init(&r, sizeof r);
            r.query = text;
            r.model = names[m];
            r.category = q % 2 == 0 ? "math" : "law";
            r.quality = m == 2 ? 0.4 : embedding[m] > 0 ? 1 : 0;
            r.embedding = embedding;
            r.n_embedding = WIDTH;
            test_ok(mlsel_dataset_add(d, &r, &err), &err);
        }
    }
    return d;
}

static mlsel_train_options quick_options(void) {
    mlsel_train_options o;
    mlsel_train_options_init(&o, sizeof o);
    o.kmeans_starts = 2;
    o.mlp_epochs = 3;
    o.mlp_hidden[0] = 8;
    o.n_mlp_hidden = 1;
    return o;
}

typedef struct witness {
    double last;
    size_t calls, cancel_at;
} witness;

static int32_t watch(const mlsel_train_progress *p, void *user) {
    witness *w = user;
    assert_true(p->stage[0] != '\0' && (p->total == 0 || p->done <= p->total));
    if (!isnan(p->fraction)) {
        assert_true(p->fraction >= w->last && p->fraction <= 1);
        w->last = p->fraction;
    }
    return ++w->calls == w->cancel_at;
}

/* In a build without LIBSVM there is one kind less; all others are there, whatever they say. */
static bool is_built(const mlsel_dataset *d, mlsel_algorithm kind) {
    const mlsel_train_options options = quick_options();
    mlsel_training *training = NULL;
    mlsel_error err;
    if (kind != MLSEL_ALGORITHM_SVM)
        return true;
    const mlsel_status status = mlsel_train(d, kind, &options, &training, &err);
    mlsel_training_free(training);
    if (status == MLSEL_ERROR_UNSUPPORTED) {
        assert_non_null(strstr(err.message, "LIBSVM"));
        return false;
    }
    test_ok(status, &err);
    return true;
}

static void progress(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(N);
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++)
        for (int variant = 0; variant < 4 && is_built(d, kind); variant++) {
            mlsel_train_options o = quick_options();
            mlsel_training *training = NULL;
            mlsel_error err;
            witness w = {0};
            o.progress = watch;
            o.user = &w;
            o.tune = variant & 1;
            o.objective = variant >> 1;
            test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
            test_close(w.last, 1, 0, mlsel_algorithm_name(kind));
            mlsel_training_free(training);
        }
    mlsel_dataset_free(d);
}

static void cancelled(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(N);
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++) {
        mlsel_train_options o = quick_options();
        mlsel_training *training = NULL;
        mlsel_error err;
        witness w = {0};
        o.progress = watch;
        o.user = &w;
        if (!is_built(d, kind))
            continue;
        test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
        mlsel_training_free(training);
        const size_t calls = w.calls;
        for (size_t at = 1; at <= calls; at += 1 + calls / 10) {
            mlsel_training *none = NULL;
            w = (witness){.cancel_at = at};
            assert_int_equal(mlsel_train(d, kind, &o, &none, &err), MLSEL_ERROR_CANCELLED);
            assert_int_equal(w.calls, at);
            assert_null(none);
        }
    }
    mlsel_dataset_free(d);
}

static void memory_limit(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(N);
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++) {
        mlsel_train_options o = quick_options();
        mlsel_training *training = NULL;
        mlsel_training_info info;
        mlsel_error err;
        if (!is_built(d, kind))
            continue;
        test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
        test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
        mlsel_training_free(training);
        /* the table alone: features and three numbers for each outcome */
        assert_true(info.peak_bytes > (uint64_t)N * (WIDTH * sizeof(float) + 3 * 3 * sizeof(double)));
        training = NULL;
        o.max_memory_bytes = info.peak_bytes;
        test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
        mlsel_training_free(training);
        training = NULL;
        o.max_memory_bytes = info.peak_bytes - 1; /* a trainer that can may do with less */
        if (mlsel_train(d, kind, &o, &training, &err) == MLSEL_OK) {
            test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
            assert_true(info.peak_bytes <= o.max_memory_bytes);
            mlsel_training_free(training);
            training = NULL;
        } else {
            assert_int_equal(err.code, MLSEL_ERROR_LIMIT);
        }
        o.max_memory_bytes = 4096;
        assert_int_equal(mlsel_train(d, kind, &o, &training, &err), MLSEL_ERROR_LIMIT);
        assert_string_equal(err.message, "training needs 1 MiB or more, and max_memory_bytes allows 0 MiB");
        assert_null(training);
    }
    mlsel_dataset_free(d);
}

/* --- artifacts ---------------------------------------------------------------------------------------------------- */

static char *text_of(const mlsel_dataset *d, mlsel_algorithm kind, const mlsel_train_options *o, size_t *size) {
    const char *path = test_path("same.json");
    mlsel_training *training = NULL;
    mlsel_save_options save;
    mlsel_error err;
    mlsel_save_options_init(&save, sizeof save);
    test_ok(mlsel_train(d, kind, o, &training, &err), &err);
    test_ok(mlsel_training_save(training, path, &save, &err), &err);
    mlsel_training_free(training);
    char *text = test_need_file(path, size);
    remove(path);
    return text;
}

static void same_again(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(N);
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++) {
        mlsel_train_options o = quick_options();
        size_t a_size, b_size;
        if (!is_built(d, kind))
            continue;
        char *a = text_of(d, kind, &o, &a_size);
        o.threads = 3;
        char *b = text_of(d, kind, &o, &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a), free(b);
    }
    mlsel_dataset_free(d);
}

/* The mean confidence of the models is their mean quality, as it was fitted to these queries while they were held out.
 */
static void check_calibration(const mlsel_dataset *d, const mlsel_model *model, mlsel_calibration method) {
    mlsel_model_info info;
    mlsel_error err;
    double sums[3][2] = {{0}};
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.is_calibrated, method);
    assert_true(method == 0 || info.calibration_records <= 3 * N);
    for (size_t q = 0; q < N && method != 0; q++) {
        float x[64];
        double scores[3];
        assert_true(info.n_labels == 3 && info.n_features <= 64);
        test_ok(mlsel_features_compose(model, NULL, mlsel_dataset_embedding(d, q), WIDTH, mlsel_dataset_category(d, q),
                                       x, info.n_features, NULL, &err),
                &err);
        test_ok(mlsel_score(model, x, info.n_features, NULL, scores, 3, &err), &err);
        test_ok(mlsel_confidences(model, scores, 3, scores, &err), &err);
        for (int m = 0; m < 3; m++) {
            mlsel_observation seen;
            test_ok(mlsel_dataset_observe(d, q, (size_t)m, &seen, &err), &err);
            sums[m][0] += scores[mlsel_model_find_label(model, names[m])] / N;
            sums[m][1] += seen.quality / N;
        }
    }
    for (int m = 0; m < 3; m++)
        assert_true(fabs(sums[m][0] - sums[m][1]) < 0.25);
}

static void calibrations(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(N);
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++)
        for (mlsel_calibration method = MLSEL_CALIBRATION_NONE; method <= MLSEL_CALIBRATION_PLATT; method++) {
            mlsel_train_options o = quick_options();
            mlsel_training *training = NULL;
            mlsel_training_info info;
            mlsel_model *model = NULL;
            mlsel_error err;
            if (!is_built(d, kind))
                break;
            o.calibration = method;
            test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
            test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
            assert_int_equal(info.calibration, method);
            test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
            check_calibration(d, model, method);
            mlsel_model_release(model);
            mlsel_training_free(training);
            training = NULL;
            o.objective = MLSEL_OBJECTIVE_COMPATIBLE; /* has none, whatever is asked for */
            test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
            test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
            assert_int_equal(info.calibration, MLSEL_CALIBRATION_NONE);
            mlsel_training_free(training);
        }
    mlsel_dataset_free(d);
}

/* Answers of a saved artifact, by whichever labels may be chosen. */
static void same_answers(const mlsel_dataset *d, const mlsel_model *a, const mlsel_model *b) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(a, &info, sizeof info, &err), &err);
    float features[WIDTH + 14];
    assert_int_equal(info.n_features, WIDTH + 14);
    for (size_t q = 0; q < 20; q++) {
        test_ok(mlsel_features_compose(a, NULL, mlsel_dataset_embedding(d, q), WIDTH, mlsel_dataset_category(d, q),
                                       features, WIDTH + 14, NULL, &err),
                &err);
        for (int32_t without = -1; without < 3; without++) {
            uint8_t mask[3] = {1, 1, 1};
            mlsel_query_options options;
            mlsel_selection first, second;
            mlsel_query_options_init(&options, sizeof options);
            options.eligible_mask = mask;
            options.eligible_mask_size = 3;
            if (without >= 0)
                mask[without] = 0;
            test_ok(mlsel_select(a, features, WIDTH + 14, &options, &first, &err), &err);
            test_ok(mlsel_select(b, features, WIDTH + 14, &options, &second, &err), &err);
            assert_true(without < 0 || first.index != without);
            assert_int_equal(first.index, second.index);
            assert_true(first.score == second.score && first.confidence == second.confidence);
            assert_true((first.flags & MLSEL_SELECTION_CALIBRATED) != 0 && first.confidence >= 0 &&
                        first.confidence <= 1);
        }
    }
}

/* Every kind, saved in both formats and in both versions, answers as the model that needs no file. */
static void saved(void **state) {
    (void)state;
    static const char *const endings[] = {"json", "safetensors"};
    mlsel_dataset *d = make_dataset(N);
    char name[32];
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++)
        for (uint32_t version = 1; version <= 2 && is_built(d, kind); version++) {
            mlsel_train_options o = quick_options();
            mlsel_training *training = NULL;
            mlsel_model *direct = NULL, *loaded = NULL;
            mlsel_error err;
            o.format_version = version;
            o.embedding_model = MLSEL_BUILTIN_EMBEDDER;
            test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
            test_ok(mlsel_training_model(training, NULL, &direct, &err), &err);
            for (size_t i = 0; i < 2; i++) {
                snprintf(name, sizeof name, "model.%s", endings[i]);
                const char *path = test_path(name);
                test_ok(mlsel_training_save(training, path, NULL, &err), &err);
                assert_int_equal(mlsel_training_save(training, path, NULL, &err), MLSEL_ERROR_IO); /* it exists */
                test_ok(mlsel_model_load(path, NULL, &loaded, &err), &err);
                same_answers(d, direct, loaded);
                mlsel_model_release(loaded);
                assert_int_equal(unlink(path), 0);
            }
            mlsel_model_release(direct);
            mlsel_training_free(training);
        }
    test_only_left(NULL, 0);
    mlsel_dataset_free(d);
}

/* The smallest data there is: one query, one model, or nothing known of a model. */
static void little_data(void **state) {
    (void)state;
    mlsel_error err;
    for (int what = 0; what < 3; what++)
        for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++) {
            mlsel_dataset *d = make_dataset(what == 0 ? 1 : 12);
            const mlsel_train_options o = quick_options();
            mlsel_training *training = NULL;
            mlsel_model *model = NULL;
            mlsel_record r;
            mlsel_record_init(&r, sizeof r);
            r.query = "query 0";
            r.model = "never measured";
            if (what == 1)
                test_ok(mlsel_dataset_keep_models(d, names, 1, &err), &err);
            if (what == 2)
                test_ok(mlsel_dataset_add(d, &r, &err), &err);
            if (is_built(d, kind)) {
                float features[WIDTH + 14] = {0.5F};
                mlsel_selection best;
                test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
                test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
                test_ok(mlsel_select(model, features, WIDTH + 14, NULL, &best, &err), &err);
                assert_string_not_equal(mlsel_model_label(model, best.index), "never measured");
            }
            mlsel_model_release(model);
            mlsel_training_free(training);
            mlsel_dataset_free(d);
        }
}

/* Where only one query is known, a fold without it has nothing to learn from: nothing is chosen and nothing calibrated,
 * but a selector there is. */
static void one_known_query(void **state) {
    (void)state;
    mlsel_error err;
    for (mlsel_algorithm kind = FIRST; kind <= LAST; kind++)
        for (int variant = 0; variant < 8; variant++) {
            mlsel_dataset *d = make_dataset(0);
            mlsel_train_options o = quick_options();
            mlsel_training *training = NULL;
            mlsel_training_info info;
            mlsel_model *model = NULL;
            witness w = {0};
            for (int q = 0; q < 20; q++)
                for (int m = 0; m < 2; m++) {
                    const float embedding[WIDTH] = {1, (float)q};
                    char text[32];
                    mlsel_record r;
                    mlsel_record_init(&r, sizeof r);
                    snprintf(text, sizeof text, "query %d", q);
                    r.query = text;
                    r.model = names[m];
                    r.quality = q == 7 ? m : (double)NAN;
                    r.embedding = embedding;
                    r.n_embedding = WIDTH;
                    test_ok(mlsel_dataset_add(d, &r, &err), &err);
                }
            o.tune = variant & 1;
            o.threads = 1 + (variant >> 1 & 1);
            if (o.tune != 0 && variant >> 2 != 0)
                o.category_weight = 0;
            o.progress = watch;
            o.user = &w;
            if (is_built(d, kind)) {
                const float features[WIDTH + 14] = {0.5F};
                mlsel_selection best;
                test_ok(mlsel_train(d, kind, &o, &training, &err), &err);
                assert_string_equal(err.message, "");
                test_close(w.last, 1, 0, mlsel_algorithm_name(kind));
                test_ok(mlsel_training_get_info(training, &info, sizeof info, &err), &err);
                assert_int_equal(info.calibration, MLSEL_CALIBRATION_NONE);
                test_ok(mlsel_training_model(training, NULL, &model, &err), &err);
                test_ok(mlsel_select(model, features, WIDTH + 14, NULL, &best, &err), &err);
                assert_string_equal(mlsel_model_label(model, best.index), "b");
            }
            mlsel_model_release(model);
            mlsel_training_free(training);
            mlsel_dataset_free(d);
        }
}

/* A k that is far beyond the queries takes no memory, also where ties are settled by neighbours. */
static void large_k(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(40);
    mlsel_train_options o = quick_options();
    mlsel_training *training = NULL;
    mlsel_error err;
    o.knn_k = INT32_MAX;
    o.max_memory_bytes = 64 << 20;
    test_ok(mlsel_train(d, MLSEL_ALGORITHM_KNN, &o, &training, &err), &err);
    mlsel_training_free(training);
    mlsel_dataset_free(d);
}

static void refused(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(20);
    mlsel_training *training = NULL;
    mlsel_train_options o = quick_options();
    mlsel_error err;
    assert_int_equal(mlsel_train(NULL, 1, NULL, &training, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_train(d, 1, NULL, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "dataset and out must not be NULL");
    assert_int_equal(mlsel_train(d, 0, NULL, &training, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "algorithm 0 is none");
    assert_int_equal(mlsel_train(d, 99, NULL, &training, NULL), MLSEL_ERROR_INVALID_ARGUMENT);
    o.folds = 1;
    assert_int_equal(mlsel_train(d, 1, &o, &training, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "mlsel_train_options: folds is 1: it must be from 2 to 20");
    o = quick_options();
    o.threads = 2;
    o.device = "abacus"; /* said before threads are made */
    assert_int_not_equal(mlsel_train(d, MLSEL_ALGORITHM_KNN, &o, &training, &err), MLSEL_OK);
    assert_non_null(strstr(err.message, "abacus"));
    assert_null(training);
    mlsel_training_free(NULL);
    mlsel_save_options save;
    mlsel_save_options_init(&save, sizeof save);
    save.struct_size = 0;
    test_ok(mlsel_train(d, MLSEL_ALGORITHM_KNN, NULL, &training, &err), &err);
    assert_int_equal(mlsel_training_save(training, test_path("never.json"), &save, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "mlsel_save_options"));
    test_only_left(NULL, 0);
    mlsel_training_free(training);
    mlsel_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress),    cmocka_unit_test(cancelled),       cmocka_unit_test(memory_limit),
        cmocka_unit_test(same_again),  cmocka_unit_test(calibrations),    cmocka_unit_test(saved),
        cmocka_unit_test(little_data), cmocka_unit_test(one_known_query), cmocka_unit_test(large_k),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
