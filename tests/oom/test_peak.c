/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory while loading and afterwards, for artifacts of about 10 MB as Python's json.dump writes them: numbers of 16
 * digits, separated by ", ".
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"

enum { WIDTH = 1038, SIZE = 10 << 20, DIGITS = 21 /* bytes of a number and its separator */ };

/* --- writing artifacts ------------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

/* In (-1, 1); Marsaglia's xorshift. */
static double next_number(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) * 0x1p-52 - 1;
}

static void write_row(FILE *file, size_t width) {
    for (size_t i = 0; i < width; i++)
        fprintf(file, "%s%.16g", i == 0 ? "[" : ", ", next_number());
    fputs("]", file);
}

static void write_rows(FILE *file, size_t rows, size_t width) {
    for (size_t i = 0; i < rows; i++) {
        fputs(i == 0 ? "[" : ", ", file);
        write_row(file, width);
    }
    fputs("]", file);
}

static const size_t n_rows = SIZE / DIGITS / WIDTH;

static void write_knn(FILE *file) {
    fputs("{\"algorithm\": \"knn\", \"k\": 5, \"embeddings\": ", file);
    write_rows(file, n_rows, WIDTH);
    fputs(", \"labels\": [", file);
    for (size_t i = 0; i < n_rows; i++)
        fprintf(file, "%s\"model-%zu\"", i == 0 ? "" : ", ", i % 4);
    fputs("], \"qualities\": [", file);
    for (size_t i = 0; i < n_rows; i++)
        fprintf(file, "%s%.16g", i == 0 ? "" : ", ", fabs(next_number()));
    fputs("]}", file);
}

static void write_samples(FILE *file) {
    fputs("{\"algorithm\": \"knn\", \"k\": 5, \"samples\": [", file);
    for (size_t i = 0; i < n_rows; i++) {
        fprintf(file, "%s{\"feature_vector\": ", i == 0 ? "" : ", ");
        write_row(file, WIDTH);
        fprintf(file, ", \"model_name\": \"model-%zu\", \"quality\": 0.5, \"latency_ms\": 12.5}", i % 4);
    }
    fputs("]}", file);
}

static void write_kmeans(FILE *file) {
    fputs("{\"algorithm\": \"kmeans\", \"centroids\": ", file);
    write_rows(file, n_rows, WIDTH);
    fputs(", \"cluster_models\": [", file);
    for (size_t i = 0; i < n_rows; i++)
        fprintf(file, "%s\"model-%zu\"", i == 0 ? "" : ", ", i % 4);
    fputs("]}", file);
}

/* As the Python trainer exports it: the support vectors once for all, and once more in each classifier's own list. */
static void write_svm(FILE *file) {
    const size_t n = n_rows / 2 / 4 * 4;
    fputs(
        "{\"algorithm\": \"svm\", \"model_names\": [\"a\", \"b\", \"c\", \"d\"], \"kernel\": \"rbf\", \"gamma\": 1.0, "
        "\"rbf_classifiers\": [",
        file);
    for (int c = 0; c < 4; c++) {
        fprintf(file, "%s{\"model_name\": \"%c\", \"rho\": 0.1, \"gamma\": 1.0, \"alpha\": ", c == 0 ? "" : ", ",
                'a' + c);
        write_row(file, n / 4);
        fputs(", \"support_vectors\": ", file);
        write_rows(file, n / 4, WIDTH);
        fputs("}", file);
    }
    fputs("], \"support_vectors\": ", file);
    write_rows(file, n, WIDTH);
    fputs(", \"dual_coef\": ", file);
    write_rows(file, 3, n);
    fprintf(file, ", \"intercept\": [0, 0, 0, 0, 0, 0], \"n_support\": [%zu, %zu, %zu, %zu]}", n / 4, n / 4, n / 4,
            n / 4);
}

static void write_mlp(FILE *file) {
    const size_t hidden = n_rows;
    fputs("{\"algorithm\": \"mlp\", \"model_names\": [\"a\", \"b\", \"c\", \"d\"], \"layers\": [{\"type\": \"linear\", "
          "\"weight\": ",
          file);
    write_rows(file, hidden, WIDTH);
    fputs(", \"bias\": ", file);
    write_row(file, hidden);
    fputs("}, {\"type\": \"relu\"}, {\"type\": \"linear\", \"weight\": ", file);
    write_rows(file, 4, hidden);
    fputs("}]}", file);
}

/* --- measuring --------------------------------------------------------------------------------------------------- */

typedef struct measured_kind {
    const char *name;
    void (*write)(FILE *file);
    size_t value_size; /* of a number in the weights */
} measured_kind;

/* Two loads that fail at the end of the text, or at once: everything is given back. */
static void check_failing(const char *text, size_t size) {
    const size_t sizes[] = {size - 1, size / 2, 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mlsel_model *model = NULL;
        heap_enter(HEAP_NEVER, false);
        assert_int_equal(mlsel_model_load_memory(text, sizes[i], NULL, &model, NULL), MLSEL_ERROR_PARSE);
        heap_leave();
        assert_int_equal(heap_live(), 0);
    }
}

static void check_kind(const measured_kind *kind) {
    char path[1024];
    const char *folder = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/mlsel-peak-XXXXXX", folder != NULL ? folder : "/tmp");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    kind->write(file);
    fclose(file);
    size_t size;
    char *text = test_need_file(path, &size);

    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_model_info info;
    heap_enter(0, false); /* the memory for the text */
    assert_int_equal(mlsel_model_load(path, NULL, &model, &err), MLSEL_ERROR_NO_MEMORY);
    assert_true(heap_leave());
    assert_int_equal(heap_live(), 0);
    heap_reset_peak();
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_model_load(path, NULL, &model, &err), &err);
    heap_leave();
    const size_t peak = heap_peak(), live = heap_live();
    unlink(path);
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    heap_enter(HEAP_NEVER, false);
    mlsel_model_release(model);
    heap_leave();
    assert_int_equal(heap_live(), 0);

    heap_reset_peak();
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_model_load_memory(text, size, NULL, &model, &err), &err);
    heap_leave();
    const size_t peak_memory = heap_peak();
    heap_enter(HEAP_NEVER, false);
    mlsel_model_release(model);
    heap_leave();
    check_failing(text, size);
    free(text);

    const size_t weights = (size_t)info.n_parameters * kind->value_size;
    print_message("%s: file %zu, peak %.2f of it (from memory %.2f), weights %zu, held %.2f of them, reported %.2f\n",
                  kind->name, size, (double)peak / (double)size, (double)peak_memory / (double)size, weights,
                  (double)live / (double)weights, (double)info.memory_bytes / (double)weights);
    assert_in_range(size, SIZE * 9 / 10, SIZE * 11 / 10);
    assert_true(peak > size); /* the text and the weights were there together */
    assert_true(peak < 2 * size);
    assert_true(peak_memory < size);
    /* the weights, what the device adds for speed, and the first workspace */
    assert_true(live >= weights);
    assert_true((double)live < 1.6 * (double)weights + (512 << 10));
    assert_true((double)info.memory_bytes > 0.95 * (double)live - (512 << 10));
    assert_true(info.memory_bytes <= live);
}

static void peaks(void **state) {
    (void)state;
    static const measured_kind kinds[] = {
        {"KNN", write_knn, sizeof(float)},        {"KNN, older form", write_samples, sizeof(float)},
        {"KMeans", write_kmeans, sizeof(double)}, {"SVM", write_svm, sizeof(float)},
        {"MLP", write_mlp, sizeof(float)},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind(&kinds[i]);
}

/* A declared size allocates nothing by itself. */
static void declared_sizes(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"algorithm\":\"knn\",\"k\":2000000000,\"num_samples\":2000000000,\"feature_dim\":2000000000,"
        "\"embeddings\":[[1]],\"labels\":[\"a\"]}",
        "{\"algorithm\":\"kmeans\",\"num_clusters\":2000000000,\"centroids\":[[1]],\"cluster_models\":[\"a\"]}",
        "{\"algorithm\":\"svm\",\"kernel\":\"linear\",\"model_names\":[\"a\",\"b\"],\"support_vectors\":[[1]],"
        "\"dual_coef\":[[1]],\"intercept\":[0],\"n_support\":[2000000000,2000000000]}",
        "{\"algorithm\":\"mlp\",\"model_names\":[\"a\"],\"feature_dim\":2000000000,\"n_classes\":2000000000,"
        "\"layers\":[{\"type\":\"linear\",\"in_features\":2000000000,\"out_features\":2000000000,\"weight\":[[1]]}]}",
        "{\"algorithm\":\"mlp\",\"model_names\":[\"a\"],\"layers\":[{\"type\":\"batch_norm\","
        "\"num_features\":2000000000},{\"type\":\"linear\",\"weight\":[[1]]}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mlsel_model *model = NULL;
        mlsel_error err;
        heap_reset_peak();
        heap_enter(HEAP_NEVER, false);
        assert_int_equal(mlsel_model_load_memory(texts[i], strlen(texts[i]), NULL, &model, &err), MLSEL_ERROR_SCHEMA);
        heap_leave();
        assert_int_equal(heap_live(), 0);
        assert_true(heap_peak() < 65536);
    }
}

/* So does a k far beyond the rows. */
static void large_k(void **state) {
    (void)state;
    static const char text[] = "{\"algorithm\":\"knn\",\"k\":2000000000,\"embeddings\":[[1]],\"labels\":[\"a\"]}";
    mlsel_model_options options;
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_model_options_init(&options, sizeof options);
    options.k = UINT32_MAX;
    heap_reset_peak();
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_model_load_memory(text, strlen(text), &options, &model, &err), &err);
    heap_leave();
    assert_true(heap_peak() < 65536);
    heap_enter(HEAP_NEVER, false);
    mlsel_model_release(model);
    heap_leave();
    assert_int_equal(heap_live(), 0);
}

static int set_up(void **state) {
    (void)state;
    heap_init();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peaks),
        cmocka_unit_test(declared_sizes),
        cmocka_unit_test(large_k),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
