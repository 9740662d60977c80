/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_calibrate and mlsel_find_floor through the public interface: the copy is the artifact to the byte but for its
 * calibration, in both formats; floors on paper; what is refused.
 *
 * The artifact's scores are its embedding: a's the first value, b's the second.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "mlsel_train.h"

static const char artifact[] =
    "{\"algorithm\": \"mlp\", \"trained\": true,\t\"model_names\": [\"a\", \"b\", \"c\"],\n"
    " \"categories\": [\"other\"], \"note\": \"\\u00e4}\", \"layers\": [{\"type\": \"linear\",\n"
    "  \"in_features\": 3, \"out_features\": 3, \"weight\": [[1,0,0],[0,1,0],[0,0,0]], "
    "\"bias\": [0.0, 0, -1e2]}]\n}\n";

static mlsel_dataset *new_dataset(void) {
    mlsel_dataset *d = NULL;
    mlsel_error err;
    test_ok(mlsel_dataset_create(&d, &err), &err);
    return d;
}

static void add(mlsel_dataset *d, const char *query, const char *model, float a, float b, double quality) {
    const float embedding[] = {a, b};
    mlsel_record r;
    mlsel_error err;
    mlsel_record_init(&r, sizeof r);
    r.query = query;
    r.model = model;
    r.quality = quality;
    r.embedding = embedding;
    r.n_embedding = 2;
    test_ok(mlsel_dataset_add(d, &r, &err), &err);
}

/* 100 queries: a scores 0 to 9.9 and is good above 5, but for every tenth; b scores 5 and is good every second time. */
static mlsel_dataset *make_dataset(void) {
    mlsel_dataset *d = new_dataset();
    for (int i = 0; i < 100; i++) {
        char query[16];
        snprintf(query, sizeof query, "q%d", i);
        add(d, query, "a", (float)i / 10, 5, (i > 50) == (i % 10 != 0));
        add(d, query, "b", (float)i / 10, 5, i % 2);
        add(d, query, "nobody", (float)i / 10, 5, 1);
    }
    return d;
}

static mlsel_model_info info_of(const mlsel_model *model) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    return info;
}

/* --- the copy ---------------------------------------------------------------------------------------------------- */

/* Fails unless text is `before` with a calibration in the place between `head` bytes and `tail` bytes of it. */
static void expect_spliced(const char *text, const char *before, size_t head, size_t tail) {
    const size_t size = strlen(text), old_size = strlen(before);
    assert_true(size > head + tail);
    assert_memory_equal(text, before, head);
    assert_memory_equal(text + size - tail, before + old_size - tail, tail);
}

static void copy(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset();
    const char *from = test_write_text("plain.json", artifact);
    mlsel_error err;
    test_ok(mlsel_calibrate(d, from, MLSEL_CALIBRATION_PLATT, test_path("platt.json"), NULL, &err), &err);
    char *text = test_need_file(test_path("platt.json"), NULL);
    expect_spliced(text, artifact, sizeof artifact - 1 - 3, 3); /* before "\n}\n" */
    assert_non_null(strstr(text, ",\n\"calibration\": {\"method\": \"platt\",\"models\": [\"a\",\"b\"],"));
    free(text);
    mlsel_model *model = test_load(test_path("platt.json"), NULL);
    assert_int_equal(info_of(model).is_calibrated, MLSEL_CALIBRATION_PLATT);
    assert_int_equal(info_of(model).calibration_records, 200);
    mlsel_model_release(model);
    /* in place of the one there is, and of itself */
    mlsel_save_options options;
    mlsel_save_options_init(&options, sizeof options);
    assert_int_equal(mlsel_calibrate(d, test_path("platt.json"), MLSEL_CALIBRATION_ISOTONIC, test_path("platt.json"),
                                     &options, &err),
                     MLSEL_ERROR_IO);
    options.replace = 1;
    test_ok(mlsel_calibrate(d, test_path("platt.json"), MLSEL_CALIBRATION_ISOTONIC, test_path("platt.json"), &options,
                            &err),
            &err);
    text = test_need_file(test_path("platt.json"), NULL);
    expect_spliced(text, artifact, sizeof artifact - 1 - 3, 3);
    assert_null(strstr(text, "slope"));
    free(text);
    mlsel_dataset_free(d);
}

static double confidence(const mlsel_model *model, size_t label, double score) {
    double values[3] = {0};
    mlsel_error err;
    values[label] = score;
    test_ok(mlsel_confidences(model, values, 3, values, &err), &err);
    return values[label];
}

static void container(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset();
    const char *from = test_write_text("plain.json", artifact);
    mlsel_error err;
    test_ok(mlsel_calibrate(d, from, MLSEL_CALIBRATION_ISOTONIC, test_path("new.json"), NULL, &err), &err);
    test_ok(mlsel_calibrate(d, from, MLSEL_CALIBRATION_ISOTONIC, test_path("new.safetensors"), NULL, &err), &err);
    mlsel_model *json = test_load(test_path("new.json"), NULL), *other = test_load(test_path("new.safetensors"), NULL);
    assert_int_equal(info_of(other).format, MLSEL_FORMAT_SAFETENSORS);
    for (size_t label = 0; label < 2; label++)
        for (double x = -1; x < 11; x += 0.1)
            assert_true(confidence(json, label, x) >= confidence(other, label, x) &&
                        confidence(json, label, x) <= confidence(other, label, x));
    /* a is good in 6 of 51 and in 45 of 49 cases, b in half, whatever its score, and of c nothing is known */
    assert_true(confidence(json, 0, 2) < 0.2 && confidence(json, 0, 8) > 0.8);
    test_close(confidence(json, 1, 5), (50 + 10 * 101.0 / 200) / 110, 1e-9, "b");
    assert_true(isnan(confidence(json, 2, -100)));
    mlsel_model_release(json), mlsel_model_release(other);
    mlsel_dataset_free(d);
}

static void refused(void **state) {
    (void)state;
    mlsel_dataset *d = make_dataset(), *other = new_dataset(), *wide = new_dataset(), *empty = new_dataset();
    const char *from = test_write_text("plain.json", artifact), *to = test_path("never.json");
    const char *broken = test_write_text("broken.json", "{\"algorithm\":\"mlp\"}");
    mlsel_error err;
    assert_int_equal(mlsel_calibrate(NULL, from, 1, to, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "dataset, artifact and path must not be NULL");
    assert_int_equal(mlsel_calibrate(d, from, 0, to, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message, "calibration 0 is neither isotonic nor platt");
    assert_int_equal(mlsel_calibrate(d, test_path("missing.json"), 1, to, NULL, &err), MLSEL_ERROR_NOT_FOUND);
    assert_int_equal(mlsel_calibrate(d, broken, 1, to, NULL, &err), MLSEL_ERROR_SCHEMA);
    assert_non_null(strstr(err.message, "broken.json: $."));
    add(other, "q", "nobody", 1, 2, 1);
    assert_int_equal(mlsel_calibrate(other, from, 1, to, NULL, &err), MLSEL_ERROR_NOT_TRAINED);
    assert_string_equal(err.message, "the records have none of the artifact's models, as \"a\"");
    add(other, "q", "a", 1, 2, (double)NAN);
    assert_int_equal(mlsel_calibrate(other, from, 1, to, NULL, &err), MLSEL_ERROR_NOT_TRAINED);
    assert_string_equal(err.message, "calibration: no query has both a score and a known quality of a model");
    assert_int_equal(mlsel_calibrate(empty, from, 1, to, NULL, &err), MLSEL_ERROR_NOT_TRAINED);
    assert_string_equal(err.message, "the dataset has no queries");
    mlsel_record r;
    mlsel_record_init(&r, sizeof r);
    r.query = "q", r.model = "a", r.quality = 1;
    test_ok(mlsel_dataset_add(wide, &r, &err), &err);
    assert_int_equal(mlsel_calibrate(wide, from, 1, to, NULL, &err), MLSEL_ERROR_NOT_FOUND);
    static const float three[] = {1, 2, 3};
    test_ok(mlsel_dataset_set_embedding(wide, 0, three, 3, &err), &err);
    assert_int_equal(mlsel_calibrate(wide, from, 1, to, NULL, &err), MLSEL_ERROR_DIMENSION);
    assert_int_not_equal(access(to, F_OK), 0);
    /* a container is not text that could be changed in a place */
    mlsel_model *model = test_load(from, NULL);
    test_ok(mlsel_model_save(model, test_path("in.safetensors"), NULL, &err), &err);
    mlsel_model_release(model);
    assert_int_equal(mlsel_calibrate(d, test_path("in.safetensors"), 1, to, NULL, &err), MLSEL_ERROR_UNSUPPORTED);
    assert_string_equal(err.message, "in.safetensors: only JSON artifacts can be calibrated: convert it first");
    mlsel_dataset *const all[] = {d, other, wide, empty};
    for (size_t i = 0; i < TEST_LENGTH(all); i++)
        mlsel_dataset_free(all[i]);
}

/* --- floors ------------------------------------------------------------------------------------------------------ */

/* The confidence of a is a tenth of its score; b is not calibrated and never chosen below 0. */
static mlsel_model *floor_model(void) {
    static const char text[] =
        "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[\"a\",\"b\"],\"categories\":[\"other\"],"
        "\"layers\":[{\"type\":\"linear\",\"in_features\":3,\"out_features\":2,\"weight\":[[1,0,0],[0,1,0]],"
        "\"bias\":[0,0]}],\"calibration\":{\"method\":\"isotonic\",\"models\":[\"a\"],\"scores\":[[0,10]],"
        "\"probabilities\":[[0,1]]}}";
    mlsel_model *model = NULL;
    mlsel_error err;
    test_ok(mlsel_model_load_memory(text, sizeof text - 1, NULL, &model, &err), &err);
    return model;
}

/* Confidences 0.1 to 1.0, of which 0.5 twice; qualities as listed; one unknown, one choice of b. */
static mlsel_dataset *floor_data(void) {
    static const double qualities[] = {0, 0, 0, 1, 0, 1, 0, 1, 1, 1};
    static const float scores[] = {1, 2, 3, 4, 5, 5, 7, 8, 9, 10};
    mlsel_dataset *d = new_dataset();
    for (int i = 0; i < 10; i++) {
        char query[16];
        snprintf(query, sizeof query, "q%d", i);
        add(d, query, "a", scores[i], -1, qualities[i]);
    }
    add(d, "unknown", "a", 6, -1, (double)NAN);
    add(d, "other", "b", 1, 9, 1);
    return d;
}

static void expect_floor(const mlsel_floor *f, double confidence, double share, double quality, double below) {
    test_close(f->confidence, confidence, 1e-6, "confidence"); /* embeddings are floats */
    test_close(f->share, share, 1e-12, "share");
    test_close(f->quality, quality, 1e-12, "quality");
    if (isnan(below))
        assert_true(isnan(f->below));
    else
        test_close(f->below, below, 1e-12, "below");
    assert_int_equal(f->n, 10);
}

static void floors(void **state) {
    (void)state;
    mlsel_dataset *d = floor_data();
    mlsel_model *model = floor_model();
    mlsel_floor f;
    mlsel_error err;
    test_ok(mlsel_find_floor(d, model, 0.3, -1, &f, &err), &err);
    expect_floor(&f, 0.8, 0.3, 1, 2.0 / 7);
    test_ok(mlsel_find_floor(d, model, 0.31, -1, &f, &err), &err);
    expect_floor(&f, 0.7, 0.4, 0.75, 2.0 / 6);
    test_ok(mlsel_find_floor(d, model, 0.5, -1, &f, &err), &err); /* both of 0.5, or neither */
    expect_floor(&f, 0.5, 0.6, 4.0 / 6, 0.25);
    test_ok(mlsel_find_floor(d, model, 1, -1, &f, &err), &err);
    expect_floor(&f, 0.1, 1, 0.5, (double)NAN);
    test_ok(mlsel_find_floor(d, model, 0, -1, &f, &err), &err); /* one at least */
    expect_floor(&f, 1, 0.1, 1, 4.0 / 9);
    test_ok(mlsel_find_floor(d, model, -1, 1, &f, &err), &err);
    expect_floor(&f, 0.8, 0.3, 1, 2.0 / 7);
    test_ok(mlsel_find_floor(d, model, -1, 0.7, &f, &err), &err); /* 5 of 7 from 0.4 on */
    expect_floor(&f, 0.4, 0.7, 5.0 / 7, 0);
    test_ok(mlsel_find_floor(d, model, -1, 0.5, &f, &err), &err); /* all of them reach it */
    expect_floor(&f, 0, 1, 0.5, (double)NAN);
    test_ok(mlsel_find_floor(d, model, -1, 0, &f, &err), &err);
    expect_floor(&f, 0, 1, 0.5, (double)NAN);
    mlsel_model_release(model);
    mlsel_dataset_free(d);
}

static void floors_refused(void **state) {
    (void)state;
    mlsel_dataset *d = floor_data(), *none = new_dataset();
    mlsel_model *model = floor_model(), *plain = test_load(test_write_text("plain.json", artifact), NULL);
    mlsel_floor f = {.n = 77};
    mlsel_error err;
    assert_int_equal(mlsel_find_floor(d, plain, 0.5, -1, &f, &err), MLSEL_ERROR_UNSUPPORTED);
    assert_string_equal(err.message, "the model has no calibration: mlsel_calibrate adds one");
    static const double wishes[][2] = {{0.5, 0.5}, {-1, -1}, {1.5, -1}, {-1, 2}, {(double)NAN, -1}, {-1, (double)NAN}};
    for (size_t i = 0; i < TEST_LENGTH(wishes); i++)
        assert_int_equal(mlsel_find_floor(d, model, wishes[i][0], wishes[i][1], &f, &err),
                         MLSEL_ERROR_INVALID_ARGUMENT);
    assert_string_equal(err.message,
                        "give either a share or a quality, from 0 to 1, and a negative number for the other");
    assert_int_equal(mlsel_find_floor(NULL, model, 1, -1, &f, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mlsel_find_floor(d, model, 1, -1, NULL, &err), MLSEL_ERROR_INVALID_ARGUMENT);
    add(none, "other", "b", 1, 9, 1);
    assert_int_equal(mlsel_find_floor(none, model, 1, -1, &f, &err), MLSEL_ERROR_NOT_TRAINED);
    add(none, "one", "a", 5, -1, 0.25);
    add(none, "two", "a", 2.5F, -1, 0.5);
    assert_int_equal(mlsel_find_floor(none, model, -1, 0.6, &f, &err), MLSEL_ERROR_NO_CANDIDATE);
    assert_string_equal(err.message,
                        "no floor leads to a mean quality of 0.6: the most is 0.375, with a floor of 0.25");
    assert_int_equal(f.n, 77);
    mlsel_model_release(model), mlsel_model_release(plain);
    mlsel_dataset_free(d), mlsel_dataset_free(none);
}

/* Nothing beside them. */
static void nothing_is_left(void **state) {
    static const char *const files[] = {"plain.json",  "platt.json",      "new.json",
                                        "broken.json", "new.safetensors", "in.safetensors"};
    (void)state;
    test_only_left(files, TEST_LENGTH(files));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy),   cmocka_unit_test(container),      cmocka_unit_test(refused),
        cmocka_unit_test(floors), cmocka_unit_test(floors_refused), cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
