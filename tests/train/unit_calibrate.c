/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibration maps: fitted, written, and read by the library as an artifact's; what few or odd records lead to; where
 * the member of an artifact is put.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "heap_expect.h"
#include "train/json_splice.h"
#include "train/train.h"

static const char *const names[] = {"a", "b", "c", "d"};

/* The map as the calibration of an artifact of the models a to d. */
static mlsel_model *model_of(const calibration_map *map) {
    static const char head[] = "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"b\",\"c\",\"d\"],"
                               "\"layers\":[{\"type\":\"linear\",\"in_features\":1,\"out_features\":4,"
                               "\"weight\":[[1],[2],[3],[4]],\"bias\":[0,0,0,0]}],";
    mlsel_error err;
    json_writer w = {.err = &err};
    mlsel_model *model = NULL;
    mlsel_i_write_raw(&w, head, sizeof head - 1);
    mlsel_i_calibration_write(map, names, &w);
    mlsel_i_write_raw(&w, "}", 1);
    assert_int_equal(w.status, MLSEL_OK);
    test_ok(mlsel_model_load_memory(w.text, w.size, NULL, &model, &err), &err);
    mlsel_i_write_free(&w);
    return model;
}

static calibration_map *fit(mlsel_calibration method, const double *scores, const double *quality, size_t n, size_t m) {
    calibration_map *map = NULL;
    mlsel_error err;
    test_ok(mlsel_i_calibration_fit(method, scores, quality, n, m, &map, &err), &err);
    return map;
}

static double confidence(const mlsel_model *model, int label, double score) {
    double values[4] = {0};
    mlsel_error err;
    values[label] = score;
    test_ok(mlsel_confidences(model, values, 4, values, &err), &err);
    return values[label];
}

enum { N = 400, M = 4 };
static double scores[N * M], quality[N * M];

/* a: good with the probability of its score; b: soft; c: score says nothing; d: few records. */
static void make_data(void) {
    random_state r;
    mlsel_i_random_seed(&r, 3, 0);
    for (size_t q = 0; q < N; q++) {
        double *s = scores + q * M, *y = quality + q * M;
        for (size_t m = 0; m < M; m++)
            s[m] = mlsel_i_random_unit(&r);
        y[0] = mlsel_i_random_unit(&r) < s[0];
        y[1] = 0.25 + s[1] / 2;
        y[2] = mlsel_i_random_unit(&r) < 0.5;
        y[3] = q < 9 ? 1 : (double)NAN;
    }
}

static double brier(const mlsel_model *model, int label, bool by_score) {
    double sum = 0;
    for (size_t q = 0; q < N; q++) {
        const double y = quality[q * M + (size_t)label], s = scores[q * M + (size_t)label];
        const double p = by_score ? s : confidence(model, label, s);
        sum += (p - y) * (p - y) / N;
    }
    return sum;
}

static void check_model(const mlsel_model *model, mlsel_calibration method) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.is_calibrated, method);
    assert_int_equal(info.calibration_records, 3 * N + 9);
    for (int label = 0; label < M; label++) /* rising, within bounds, and flat outside */
        for (double x = -0.5, before = 0; x < 1.5; x += 0.001) {
            const double p = confidence(model, label, x);
            assert_true(p >= before && p <= 1);
            before = p;
        }
    assert_true(brier(model, 0, false) < brier(model, 0, true) + 0.002);
    for (double x = 0.1; x < 0.95; x += 0.1) {
        assert_true(fabs(confidence(model, 0, x) - x) < 0.12);
        assert_true(fabs(confidence(model, 1, x) - (0.25 + x / 2)) < 0.02);
        assert_true(fabs(confidence(model, 2, x) - 0.5) < 0.2);
    }
    /* 9 records, all good: 9 of them and 10 of the mean of all */
    double all = 9;
    for (size_t q = 0; q < N; q++)
        all += quality[q * M] + quality[q * M + 1] + quality[q * M + 2];
    const double expected = (9 + 10 * all / (3 * N + 9)) / 19;
    test_close(confidence(model, 3, 0.1), expected, 1e-9, "few records");
    test_close(confidence(model, 3, 0.9), expected, 1e-9, "few records");
}

static void both_methods(void **state) {
    (void)state;
    make_data();
    for (mlsel_calibration method = MLSEL_CALIBRATION_ISOTONIC; method <= MLSEL_CALIBRATION_PLATT; method++) {
        calibration_map *map = fit(method, scores, quality, N, M);
        mlsel_model *model = model_of(map);
        check_model(model, method);
        mlsel_model_release(model);
        mlsel_i_calibration_free(map);
    }
}

/* Isotonic on paper: of blocks too small at the ends, and centres joined by lines. */
static void on_paper(void **state) {
    (void)state;
    enum { COUNT = 20 };
    double x[COUNT], y[COUNT];
    for (int i = 0; i < COUNT; i++) {
        x[i] = i;
        y[i] = i < 10 ? 0.2 : i < 19 ? 0.6 : 1; /* the last block of one record is joined with that before */
    }
    calibration_map *map = fit(MLSEL_CALIBRATION_ISOTONIC, x, y, COUNT, 1);
    mlsel_model *model = model_of(map);
    test_close(confidence(model, 0, -3), 0.2, 1e-12, "before");
    test_close(confidence(model, 0, 4.5), 0.2, 1e-12, "first centre");
    test_close(confidence(model, 0, 14.5), 0.64, 1e-12, "second centre");
    test_close(confidence(model, 0, 19), 0.64, 1e-12, "behind");
    test_close(confidence(model, 0, 9.5), 0.42, 1e-12, "half way");
    assert_true(isnan(confidence(model, 1, 0))); /* was not fitted */
    mlsel_model_release(model);
    mlsel_i_calibration_free(map);
}

/* Scores that are no numbers, qualities that are unknown or out of range: no records. */
static void unusable(void **state) {
    (void)state;
    enum { COUNT = 30 };
    double x[2 * (size_t)COUNT], y[2 * (size_t)COUNT];
    for (int i = 0; i < COUNT; i++) {
        x[2 * i] = i;
        y[2 * i] = i % 2;
        x[2 * i + 1] = i % 3 == 0 ? -INFINITY : i % 3 == 1 ? (double)NAN : i;
        y[2 * i + 1] = i % 3 == 2 ? i % 2 == 0 ? (double)NAN : 1.5 : 1;
    }
    calibration_map *map = fit(MLSEL_CALIBRATION_PLATT, x, y, COUNT, 2);
    mlsel_model *model = model_of(map);
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    assert_int_equal(info.calibration_records, COUNT);
    assert_true(confidence(model, 0, 1) > 0);
    assert_true(isnan(confidence(model, 1, 1)));
    mlsel_model_release(model);
    mlsel_i_calibration_free(map);
    for (int i = 0; i < COUNT; i++)
        y[2 * i] = (double)NAN;
    map = NULL;
    assert_int_equal(mlsel_i_calibration_fit(MLSEL_CALIBRATION_PLATT, x, y, COUNT, 2, &map, &err),
                     MLSEL_ERROR_NOT_TRAINED);
    assert_string_equal(err.message, "calibration: no query has both a score and a known quality of a model");
    assert_null(map);
}

/* Records that do not vary give a constant, drawn to the mean of all. */
static void no_variation(void **state) {
    (void)state;
    enum { COUNT = 20 };
    double x[2 * (size_t)COUNT], y[2 * (size_t)COUNT];
    for (int i = 0; i < COUNT; i++) {
        x[2 * i] = 5, y[2 * i] = i % 2;     /* one score */
        x[2 * i + 1] = i, y[2 * i + 1] = 1; /* always good */
    }
    for (mlsel_calibration method = MLSEL_CALIBRATION_ISOTONIC; method <= MLSEL_CALIBRATION_PLATT; method++) {
        calibration_map *map = fit(method, x, y, COUNT, 2);
        mlsel_model *model = model_of(map);
        test_close(confidence(model, 0, 5), (10 + 7.5) / 30, 1e-9, "one score");
        test_close(confidence(model, 0, 9), (10 + 7.5) / 30, 1e-9, "one score");
        test_close(confidence(model, 1, 3), (20 + 7.5) / 30, 1e-9, "always good");
        mlsel_model_release(model);
        mlsel_i_calibration_free(map);
    }
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static void out_of_memory(void **state) {
    (void)state;
    make_data();
    size_t n = 0;
    for (size_t refused = 1; refused > 0; n++) {
        calibration_map *map = NULL;
        mlsel_error err;
        heap_fail_begin(n, false);
        const mlsel_status status =
            mlsel_i_calibration_fit(MLSEL_CALIBRATION_ISOTONIC, scores, quality, N, M, &map, &err);
        refused = heap_fail_expect(status);
        assert_true((map == NULL) == (refused > 0));
        mlsel_i_calibration_free(map);
    }
    assert_true(n > 5);
}

static mlsel_dataset *make_dataset(void) {
    mlsel_dataset *d = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(&d, &err), &err);
    for (int i = 0; i < 20; i++) {
        const float embedding[] = {(float)i};
        char query[16];
        mlsel_record r;
        snprintf(query, sizeof query, "q%d", i);
        mlsel_record_init(&r, sizeof r);
        r.query = query;
        r.model = "d";
        r.quality = i > 9;
        r.embedding = embedding;
        r.n_embedding = 1;
        test_ok(mlsel_dataset_add(d, &r, &err), &err);
    }
    return d;
}

/* Whole calls: each allocation fails once, and no file is left behind. */
static void calls_out_of_memory(void **state) {
    (void)state;
    static const char text[] = "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"d\"],"
                               "\"layers\":[{\"type\":\"linear\",\"in_features\":1,\"out_features\":2,"
                               "\"weight\":[[0],[1]],\"bias\":[-9,0]}]}";
    mlsel_dataset *d = make_dataset();
    mlsel_model *model = NULL;
    mlsel_floor found;
    mlsel_error err;
    const char *from = test_write_text("from.json", text);
    const char *const to[] = {test_path("to.json"), test_path("to.safetensors")};
    for (int format = 0; format < 2; format++) {
        size_t n = 0, n_ignored = 0;
        for (size_t refused = 1; refused > 0; n++) {
            (void)remove(to[format]);
            heap_fail_begin(n, false);
            const mlsel_status status = mlsel_calibrate(d, from, MLSEL_CALIBRATION_PLATT, to[format], NULL, &err);
            refused = heap_fail_end();
            n_ignored += status == MLSEL_OK && refused > 0;
            if (status != MLSEL_OK)
                assert_int_equal(status, refused > 0 ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
            assert_int_equal(access(to[format], F_OK), status == MLSEL_OK ? 0 : -1);
        }
        assert_true(n > 30);
        assert_int_equal(n_ignored, 1); /* the folder is brought to disk where that can be done */
    }
    test_ok(mlsel_model_load(to[1], NULL, &model, &err), &err);
    for (size_t n = 0, refused = 1; refused > 0; n++) {
        heap_fail_begin(n, false);
        const mlsel_status status = mlsel_find_floor(d, model, 0.5, -1, &found, &err);
        refused = heap_fail_expect(status);
    }
    test_close(found.quality, 1, 0, "the upper half");
    mlsel_model_release(model);
    mlsel_dataset_free(d);
    static const char *const files[] = {"from.json", "to.json", "to.safetensors"};
    test_only_left(files, TEST_LENGTH(files));
}

/* --- the place in a text ----------------------------------------------------------------------------------------- */

static void splices(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{}", "{\"k\":1}"},
        {" { } \n", " {\"k\":1 } \n"},
        {"{\"a\":1}", "{\"a\":1,\"k\":1}"},
        {"{\"a\":[{\"k\":2}],\n \"b\" : \"}\\\"{\" \n}\n", "{\"a\":[{\"k\":2}],\n \"b\" : \"}\\\"{\",\"k\":1 \n}\n"},
        {"{\"k\":{\"a\":[1,2,{\"k\":3}]},\"b\":2}", "{\"k\":1,\"b\":2}"},
        {"{\"b\":2, \"k\" : null , \"c\":[]}", "{\"b\":2, \"k\":1 , \"c\":[]}"},
        {"{\"b\":2,\"k\":-1.5e3}", "{\"b\":2,\"k\":1}"},
        {"{\"b\":2,\"k\":\"x\\\\\"}", "{\"b\":2,\"k\":1}"},
        {"{\"\\u006b\":7,\"b\":2}", "{\"k\":1,\"b\":2}"},
        {"{\"\\u006B\":true}", "{\"k\":1}"},
        {"{\"\\u016b\":7}", "{\"\\u016b\":7,\"k\":1}"},
        {"{\"k\\\\\":7,\"kk\":1,\"\":0}", "{\"k\\\\\":7,\"kk\":1,\"\":0,\"k\":1}"},
        {"{\"a\":{\"x\":\"k\"},\"b\":\"k\"}", "{\"a\":{\"x\":\"k\"},\"b\":\"k\",\"k\":1}"},
    };
    for (size_t i = 0; i < TEST_LENGTH(cases); i++) {
        const size_t size = strlen(cases[i].text);
        char *text = malloc(size), out[128]; /* exactly, so that a sanitizer sees who reads on */
        assert_non_null(text);
        memcpy(text, cases[i].text, size);
        const json_splice s = mlsel_i_json_find_splice(text, size, "k");
        assert_true(s.begin <= s.end && s.end <= size);
        snprintf(out, sizeof out, "%.*s%s\"k\":1%.*s", (int)s.begin, text, s.needs_comma ? "," : "",
                 (int)(size - s.end), text + s.end);
        assert_string_equal(out, cases[i].expected);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_methods), cmocka_unit_test(on_paper),      cmocka_unit_test(unusable),
        cmocka_unit_test(no_variation), cmocka_unit_test(out_of_memory), cmocka_unit_test(calls_out_of_memory),
        cmocka_unit_test(splices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
