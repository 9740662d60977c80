/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every step of writing a file fails once: the caller is told, the file that was there before stays as it was, and
 * nothing is left beside it. And what text numbers become.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_write.h"
#include "folder.h"
#include "json_write.h"

/* --- failing operations ------------------------------------------------------------------------------------------ */

typedef struct failing {
    size_t countdown;
    char operation[32];
} failing;

static bool fail_one(const char *operation, void *user) {
    failing *f = user;
    if (f->countdown-- != 0)
        return true;
    (void)snprintf(f->operation, sizeof f->operation, "%s", operation);
    return false;
}

static void each_step(const char *artifact, mlsel_format format, const char *path, bool replace) {
    mlsel_model *model = test_load(artifact, NULL);
    mlsel_save_options options;
    mlsel_error err;
    mlsel_save_options_init(&options, sizeof options);
    options.format = format;
    options.replace = replace;
    const size_t files = test_count_files(test_folder());
    size_t n_failed = 0;
    for (size_t n = 0;; n++) {
        failing f = {.countdown = n};
        mlsel_i_set_file_hook(fail_one, &f);
        const mlsel_status status = mlsel_model_save(model, path, &options, &err);
        mlsel_i_set_file_hook(NULL, NULL);
        if (f.operation[0] == '\0') {
            test_ok(status, &err);
            break;
        }
        n_failed++;
        assert_int_equal(status, MLSEL_ERROR_IO);
        assert_int_equal(err.detail, EIO);
        if (strncmp(err.message, path, strlen(path)) != 0 || strstr(err.message, "input/output error") == NULL)
            fail_msg("%s: %s", f.operation, err.message);
        assert_int_equal(test_count_files(test_folder()), files);
        if (replace) {
            char *text = test_need_file(path, NULL);
            assert_string_equal(text, "before");
            free(text);
        }
    }
    assert_true(n_failed >= 5); /* create, write, sync, close, rename or link */
    mlsel_model *written = test_load(path, NULL);
    mlsel_model_release(written);
    mlsel_model_release(model);
}

static void failing_operations(void **state) {
    (void)state;
    static const char *const artifacts[] = {FIXTURE("knn_cosine.json"), FIXTURE("kmeans_v2.json"),
                                            FIXTURE("svm_v2.json"), FIXTURE("mlp_pytorch.json")};
    for (size_t i = 0; i < sizeof artifacts / sizeof *artifacts; i++)
        for (mlsel_format format = MLSEL_FORMAT_JSON; format <= MLSEL_FORMAT_SAFETENSORS; format++) {
            each_step(artifacts[i], format, test_write_text("old.json", "before"), true);
            each_step(artifacts[i], format, test_path("new.json"), false);
            unlink(test_path("new.json"));
        }
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static const char *written_f32(json_writer *w, float value) {
    w->size = 0;
    w->needs_comma = false;
    mlsel_i_write_f32(w, value);
    mlsel_i_write_raw(w, "", 1);
    return w->text;
}

static const char *written_f64(json_writer *w, double value) {
    w->size = 0;
    w->needs_comma = false;
    mlsel_i_write_f64(w, value);
    mlsel_i_write_raw(w, "", 1);
    return w->text;
}

/* The C library says whether a text reads back as the value, and how many digits that takes. */
static void floats(void **state) {
    (void)state;
    json_writer w = {0};
    for (unsigned i = 0; i < test_rounds(300000); i++) {
        const uint32_t bits = (uint32_t)next_random();
        float value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0) /* as embeddings are */
            value = (float)((double)bits / 4294967296.0 - 0.5);
        if (!isfinite(value))
            continue;
        const char *text = written_f32(&w, value);
        const float back = (float)strtod(text, NULL);
        if (memcmp(&back, &value, sizeof back) != 0)
            fail_msg("%s for %.9g", text, (double)value);
        if (i % 2 != 0)
            continue;
        int digits = 1;
        char shortest[64];
        do
            (void)snprintf(shortest, sizeof shortest, "%.*g", digits, (double)value);
        while ((float)strtod(shortest, NULL) != value && ++digits < 10);
        int used = 0;
        const char *first = text + strspn(text, "-0.");
        for (const char *c = first; *c != '\0' && *c != 'e'; c++)
            used += *c != '.';
        if (used > digits && strcmp(text + strlen(text) - 2, ".0") != 0)
            fail_msg("%s has more digits than %s", text, shortest);
    }
    mlsel_i_write_free(&w);
}

static void doubles(void **state) {
    (void)state;
    json_writer w = {0};
    for (unsigned i = 0; i < test_rounds(100000); i++) {
        uint64_t bits = next_random();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0)
            value = (double)(int64_t)bits / 9223372036854775808.0;
        if (i % 10 == 0)
            value = (double)(int64_t)(bits % 2000001) / 1000 - 1000;
        if (!isfinite(value))
            continue;
        const char *text = written_f64(&w, value);
        const double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof back) != 0)
            fail_msg("%s for %.17g", text, value);
    }
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {1e15, "1000000000000000.0"},
        {123456789, "123456789.0"},
        {0.001, "0.001"},
        {0.0001, "0.0001"},
        {0.00001, "1e-5"},
        {1.5e-7, "1.5e-7"},
        {0.3, "0.3"},
        {1.0 / 3, "0.3333333333333333"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(written_f64(&w, cases[i].value), cases[i].text);
    mlsel_i_write_free(&w);
}

static void other_values(void **state) {
    (void)state;
    json_writer w = {0};
    mlsel_i_write_open(&w, '[');
    mlsel_i_write_number(&w, 5);
    mlsel_i_write_number(&w, -3);
    mlsel_i_write_number(&w, 0.5);
    mlsel_i_write_number(&w, 9007199254740992.0);
    mlsel_i_write_number(&w, 1e300);
    mlsel_i_write_number(&w, -0.0);
    mlsel_i_write_count(&w, UINT64_MAX);
    mlsel_i_write_string(&w, "a\"b\\c\n\x1f\xc3\xa9");
    mlsel_i_write_close(&w, ']');
    mlsel_i_write_raw(&w, "", 1);
    assert_string_equal(w.text, "[5,-3,0.5,9007199254740992,1e+300,-0.0,18446744073709551615,"
                                "\"a\\\"b\\\\c\\u000a\\u001f\xc3\xa9\"]");
    mlsel_i_write_free(&w);
}

static void nothing_is_left(void **state) {
    static const char *const names[] = {"old.json"};
    (void)state;
    test_only_left(names, TEST_LENGTH(names));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_operations), cmocka_unit_test(floats),          cmocka_unit_test(doubles),
        cmocka_unit_test(other_values),       cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
