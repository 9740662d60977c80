/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random models and batches of sizes around every edge of a GPU's kernels, on MLSEL_TEST_DEVICE against the CPU: the
 * same choices, and for KNN the same neighbours to the bit.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_QUERIES = 129, MAX_WIDTH = 70, MAX_K = 40 };

/* --- random artifacts --------------------------------------------------------------------------------------------- */

static uint64_t seed;

static double uniform(void) { /* SplitMix64, from -1 to 1 */
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

typedef struct text {
    char *bytes;
    size_t used, room;
} text;

static void add(text *t, const char *format, ...) {
    va_list args;
    if (t->room - t->used < 512) {
        t->room = 2 * t->room + 4096;
        t->bytes = realloc(t->bytes, t->room);
        assert_non_null(t->bytes);
    }
    va_start(args, format);
    const int length = vsnprintf(t->bytes + t->used, 512, format, args);
    va_end(args);
    assert_in_range(length, 0, 511);
    t->used += (size_t)length;
}

static void add_numbers(text *t, size_t n, double scale) {
    add(t, "[");
    for (size_t i = 0; i < n; i++)
        add(t, "%s%.9g", i == 0 ? "" : ",", (double)(float)(scale * uniform()));
    add(t, "]");
}

static void add_rows(text *t, size_t n_rows, size_t n, double scale) {
    add(t, "[");
    for (size_t r = 0; r < n_rows; r++) {
        add(t, r == 0 ? "" : ",");
        add_numbers(t, n, scale);
    }
    add(t, "]");
}

static mlsel_model *load(const text *t, const char *device, mlsel_precision precision, mlsel_knn_rule rule) {
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device;
    options.precision = precision;
    options.knn_rule = rule;
    test_ok(mlsel_model_load_memory(t->bytes, t->used, &options, &model, &err), &err);
    return model;
}

/* Every third row repeats an earlier one, and the first is 0. */
static text knn(size_t n_rows, size_t n, uint32_t k, double scale) {
    text t = {0};
    add(&t, "{\"algorithm\":\"knn\",\"trained\":true,\"k\":%u,\"embeddings\":[", (unsigned)k);
    for (size_t r = 0; r < n_rows; r++) {
        add(&t, r == 0 ? "" : ",");
        const uint64_t before = seed;
        if (r % 3 == 2)
            seed = 1000 + r / 9;
        add_numbers(&t, n, r == 0 ? 0 : scale);
        seed = before + r;
    }
    add(&t, "],\"labels\":[");
    for (size_t r = 0; r < n_rows; r++)
        add(&t, "%s\"m%d\"", r == 0 ? "" : ",", (int)(2 + 2 * uniform()));
    add(&t, "],\"qualities\":[");
    for (size_t r = 0; r < n_rows; r++)
        add(&t, "%s%.6f", r == 0 ? "" : ",", fabs(uniform()));
    add(&t, "],\"latencies\":[");
    for (size_t r = 0; r < n_rows; r++)
        add(&t, "%s%d", r == 0 ? "" : ",", (int)(1000 + 900 * uniform()));
    add(&t, "]}");
    return t;
}

static text mlp(size_t n, size_t h1, size_t h2, size_t n_labels) {
    text t = {0};
    add(&t, "{\"algorithm\":\"mlp\",\"trained\":true,\"model_names\":[");
    for (size_t i = 0; i < n_labels; i++)
        add(&t, "%s\"m%zu\"", i == 0 ? "" : ",", i);
    add(&t, "],\"feature_dim\":%zu,\"n_classes\":%zu,\"layers\":[", n, n_labels);
    const size_t widths[] = {n, h1, h2, n_labels};
    for (size_t l = 0; l < 3; l++) {
        add(&t, "%s{\"type\":\"linear\",\"in_features\":%zu,\"out_features\":%zu,\"weight\":", l == 0 ? "" : ",",
            widths[l], widths[l + 1]);
        add_rows(&t, widths[l + 1], widths[l], 0.5);
        add(&t, ",\"bias\":");
        add_numbers(&t, widths[l + 1], 1);
        add(&t, "}");
        if (l == 2)
            break;
        add(&t, l == 0 ? ",{\"type\":\"relu\"}" : "");
        add(&t, ",{\"type\":\"batch_norm\",\"num_features\":%zu,\"weight\":", widths[l + 1]);
        add_numbers(&t, widths[l + 1], 1);
        add(&t, ",\"running_mean\":");
        add_numbers(&t, widths[l + 1], 1);
        add(&t, ",\"eps\":1e-05},{\"type\":\"relu\"}");
    }
    add(&t, "]}");
    return t;
}

static text svm(size_t n, size_t per_class, size_t n_classes, const char *kernel, double gamma) {
    text t = {0};
    const size_t n_vectors = per_class * n_classes;
    add(&t, "{\"algorithm\":\"svm\",\"trained\":true,\"kernel\":\"%s\",\"gamma\":%g,\"support_vectors\":", kernel,
        gamma);
    add_rows(&t, n_vectors, n, 0.5);
    add(&t, ",\"dual_coef\":");
    add_rows(&t, n_classes - 1, n_vectors, 1);
    add(&t, ",\"intercept\":");
    add_numbers(&t, n_classes * (n_classes - 1) / 2, 0.1);
    add(&t, ",\"n_support\":[");
    for (size_t c = 0; c < n_classes; c++)
        add(&t, "%s%zu", c == 0 ? "" : ",", per_class);
    add(&t, "],\"classes\":[");
    for (size_t c = 0; c < n_classes; c++)
        add(&t, "%s%zu", c == 0 ? "" : ",", c);
    add(&t, "],\"model_names\":[");
    for (size_t c = 0; c < n_classes; c++)
        add(&t, "%s\"m%zu\"", c == 0 ? "" : ",", c);
    add(&t, "]}");
    return t;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static double queries[MAX_QUERIES * MAX_WIDTH];
static float narrow[MAX_QUERIES * MAX_WIDTH];

static void make_queries(size_t n, double scale) {
    for (size_t i = 0; i < MAX_QUERIES * n; i++) {
        narrow[i] = (float)(scale * uniform());
        queries[i] = i / n % 2 == 0 ? (double)narrow[i] : scale * uniform();
    }
}

/* Sizes of batches for each type of queries, ended by 0. */
typedef size_t batch_sizes[2][12];

/* The part of labels that differ, over batches of many sizes in both types. */
static double compare(const mlsel_model *cpu, const mlsel_model *gpu, size_t n) {
    static const batch_sizes all = {{1, 2, 3, 5, 8, 9, 16, 17, 33, MAX_QUERIES, 0},
                                    {1, 2, 3, 5, 8, 9, 16, 17, 33, MAX_QUERIES, 0}};
    /* a single one, a part of a kernel's group, more than one group; single ones in double are explained below */
    static const batch_sizes few = {{1, 9, 0}, {3, 0}};
    static mlsel_selection expected[MAX_QUERIES], got[MAX_QUERIES];
    mlsel_error err;
    const batch_sizes *sizes = test_is_short() ? &few : &all;
    size_t n_asked = 0, n_different = 0;
    for (int type = 0; type < 2; type++)
        for (size_t c = 0; (*sizes)[type][c] != 0; c++) {
            const size_t count = (*sizes)[type][c];
            memset(expected, 0, sizeof expected);
            memset(got, 0, sizeof got);
            if (type == 0) {
                test_ok(mlsel_select_batch(cpu, narrow, count, n, n, NULL, expected, &err), &err);
                test_ok(mlsel_select_batch(gpu, narrow, count, n, n, NULL, got, &err), &err);
            } else {
                test_ok(mlsel_select_batch_f64(cpu, queries, count, n, n, NULL, expected, &err), &err);
                test_ok(mlsel_select_batch_f64(gpu, queries, count, n, n, NULL, got, &err), &err);
            }
            for (size_t q = 0; q < count; q++) {
                n_asked++;
                n_different += got[q].index != expected[q].index || got[q].runner_up != expected[q].runner_up;
            }
        }
    return (double)n_different / (double)n_asked;
}

static void compare_neighbours(const mlsel_model *cpu, const mlsel_model *gpu, size_t n, const int32_t *eligible) {
    const size_t n_queries = test_is_short() ? 3 : 20;
    for (size_t q = 0; q < n_queries; q++) {
        mlsel_error err;
        mlsel_evidence evidence[2];
        mlsel_neighbour neighbours[2][MAX_K];
        memset(neighbours, 0, sizeof neighbours);
        mlsel_query_options options;
        mlsel_query_options_init(&options, sizeof options);
        options.eligible = eligible;
        options.n_eligible = eligible == NULL ? 0 : 1;
        for (int d = 0; d < 2; d++) {
            mlsel_evidence_init(&evidence[d], sizeof evidence[d]);
            evidence[d].neighbours = neighbours[d];
            evidence[d].neighbours_capacity = MAX_K;
            test_ok(mlsel_explain_f64(d == 0 ? cpu : gpu, queries + q * n, n, &options, &evidence[d], &err), &err);
        }
        assert_int_equal(evidence[0].neighbour_count, evidence[1].neighbour_count);
        assert_memory_equal(neighbours[0], neighbours[1], sizeof neighbours[0]);
    }
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void knn_shapes(void **state) {
    (void)state;
    static const struct {
        size_t n_rows, n;
        uint32_t k;
        double scale;
    } shapes[] = {{1, 3, 1, 1},     {2, 16, 5, 1},      {31, 17, 4, 1},    {300, 33, 40, 1},
                  {900, 64, 5, 10}, {1100, 40, 7, 1e3}, {700, 9, 5, 1e18}, {500, 12, 3, 1e-20}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int legacy = 0; legacy < 2; legacy++) {
            seed = 77 + i;
            text t = knn(shapes[i].n_rows, shapes[i].n, shapes[i].k, shapes[i].scale);
            make_queries(shapes[i].n, shapes[i].scale);
            memset(narrow, 0, shapes[i].n * sizeof *narrow); /* a query of zeros */
            const mlsel_knn_rule rule = legacy ? MLSEL_KNN_RULE_LEGACY : MLSEL_KNN_RULE_COSINE;
            mlsel_model *cpu = load(&t, "cpu", MLSEL_PRECISION_F32, rule);
            mlsel_model *gpu = load(&t, test_device(), MLSEL_PRECISION_F32, rule);
            const int32_t last = (int32_t)mlsel_model_label_count(cpu) - 1;
            assert_true(compare(cpu, gpu, shapes[i].n) <= 0);
            compare_neighbours(cpu, gpu, shapes[i].n, NULL);
            compare_neighbours(cpu, gpu, shapes[i].n, &last);
            mlsel_model_release(cpu);
            mlsel_model_release(gpu);
            free(t.bytes);
        }
}

/* Rows that differ in the last bits only: more candidates than there is room for. */
static void knn_crowd(void **state) {
    (void)state;
    enum { N = 8, ROWS = 600 };
    text t = {0};
    add(&t, "{\"algorithm\":\"knn\",\"trained\":true,\"k\":3,\"embeddings\":[");
    for (int r = 0; r < ROWS; r++)
        add(&t, "%s[1,1,1,1,1,1,1,%.9g]", r == 0 ? "" : ",", 1 + (ROWS - r) * 0x1p-23);
    add(&t, "],\"labels\":[");
    for (int r = 0; r < ROWS; r++)
        add(&t, "%s\"m%d\"", r == 0 ? "" : ",", r % 5);
    add(&t, "]}");
    seed = 5;
    make_queries(N, 1);
    mlsel_model *cpu = load(&t, "cpu", MLSEL_PRECISION_F32, MLSEL_KNN_RULE_LEGACY);
    mlsel_model *gpu = load(&t, test_device(), MLSEL_PRECISION_F32, MLSEL_KNN_RULE_LEGACY);
    assert_true(compare(cpu, gpu, N) <= 0);
    compare_neighbours(cpu, gpu, N, NULL);
    mlsel_model_release(cpu);
    mlsel_model_release(gpu);
    free(t.bytes);
}

/* Whether the device says so. */
static bool has_precision(mlsel_precision precision) {
    mlsel_error err;
    mlsel_device_info info;
    test_ok(mlsel_device_query(test_device(), &info, sizeof info, &err), &err);
    assert_true((info.precisions >> MLSEL_PRECISION_F16 & 1) != 0); /* what all of them have */
    return (info.precisions >> precision & 1) != 0;
}

static void mlp_shapes(void **state) {
    (void)state;
    static const size_t shapes[][4] = {{1, 1, 1, 2}, {7, 5, 3, 3}, {33, 40, 17, 4}, {64, 65, 32, 11}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = 31 + i;
        text t = mlp(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
        mlsel_model *cpu = load(&t, "cpu", MLSEL_PRECISION_F32, MLSEL_KNN_RULE_COSINE);
        mlsel_model *gpu = load(&t, test_device(), MLSEL_PRECISION_F32, MLSEL_KNN_RULE_COSINE);
        make_queries(shapes[i][0], 1);
        assert_true(compare(cpu, gpu, shapes[i][0]) <= 0);
        make_queries(shapes[i][0], 1e30); /* beyond what float layers can hold */
        assert_true(compare(cpu, gpu, shapes[i][0]) <= 0);
        make_queries(shapes[i][0], 1);
        for (int p = MLSEL_PRECISION_F16; p <= MLSEL_PRECISION_BF16; p++) {
            if (!has_precision(p))
                continue;
            mlsel_model *low = load(&t, test_device(), p, MLSEL_KNN_RULE_COSINE);
            const double different = compare(cpu, low, shapes[i][0]);
            print_message("%zu features, %s: %.2f %% differ\n", shapes[i][0], mlsel_precision_name(p), 100 * different);
            /* random layers have many close calls; the trained artifacts are held to 0.1 % */
            assert_true(different < (p == MLSEL_PRECISION_F16 ? 0.005 : 0.03));
            mlsel_model_release(low);
        }
        mlsel_model_release(cpu);
        mlsel_model_release(gpu);
        free(t.bytes);
    }
}

static void svm_shapes(void **state) {
    (void)state;
    static const struct {
        size_t n, per_class, n_classes;
        const char *kernel;
        double gamma;
    } shapes[] = {{3, 1, 2, "rbf", 0.5},  {37, 20, 3, "rbf", 0.1},  {70, 33, 5, "rbf", 0.02},
                  {70, 9, 4, "rbf", 900}, {64, 30, 4, "linear", 0}, {5, 2, 2, "linear", 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        seed = 13 + i;
        text t = svm(shapes[i].n, shapes[i].per_class, shapes[i].n_classes, shapes[i].kernel, shapes[i].gamma);
        mlsel_model *cpu = load(&t, "cpu", MLSEL_PRECISION_F32, MLSEL_KNN_RULE_COSINE);
        mlsel_model *gpu = load(&t, test_device(), MLSEL_PRECISION_F32, MLSEL_KNN_RULE_COSINE);
        make_queries(shapes[i].n, 0.5);
        assert_true(compare(cpu, gpu, shapes[i].n) <= 0);
        make_queries(shapes[i].n, 1e25);
        assert_true(compare(cpu, gpu, shapes[i].n) <= 0);
        mlsel_model_release(cpu);
        mlsel_model_release(gpu);
        free(t.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knn_shapes),
        cmocka_unit_test(knn_crowd),
        cmocka_unit_test(mlp_shapes),
        cmocka_unit_test(svm_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
