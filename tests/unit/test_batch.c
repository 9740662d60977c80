/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries that are answered together get the answers they would get alone, on every instruction set, through the
 * interface of mlsel_backend.h: KNN to the last bit; decision values and logits are near the reference's and have the
 * same signs and order. Batches of every size that is handled in a way of its own, in float and double.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "support.h"

enum { WIDTH = 83, STRIDE = 96, QUERY_STRIDE = 90, N_QUERIES = 128, N_LABELS = 5, MAX_K = 40, N_PAIRS = 10 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

static void *need(size_t count, size_t size) {
    void *block = mlsel_i_calloc(count, size);
    assert_non_null(block);
    return block;
}

/* [n][STRIDE], zero beyond the width */
static float *random_rows(size_t n, double scale) {
    float *rows = need(n * STRIDE, sizeof *rows);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < WIDTH; i++)
            rows[r * STRIDE + i] = (float)(uniform() * scale);
    return rows;
}

typedef struct query_block {
    double f64[N_QUERIES * QUERY_STRIDE];
    float f32[N_QUERIES * QUERY_STRIDE];
} query_block;

/* Some zero, some too large or too small for estimates, most usual. What lies between the queries is not read. */
static void make_queries(query_block *q, double scale) {
    for (size_t i = 0; i < N_QUERIES; i++)
        for (size_t f = 0; f < QUERY_STRIDE; f++) {
            const double factor = i % 16 == 5 ? 0 : i % 16 == 9 ? 3e38 : i % 16 == 12 ? 1e-20 : scale;
            q->f32[i * QUERY_STRIDE + f] = f < WIDTH ? (float)(uniform() * factor) : NAN;
            q->f64[i * QUERY_STRIDE + f] = f < WIDTH ? uniform() * factor : (double)NAN;
        }
}

/* Sanitizers and emulators make this take minutes; they need see each way only once. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static bool is_slow(void) { return true; }
#else
static bool is_slow(void) { return test_is_short(); }
#endif

static const size_t batches[] = {1, 2, 3, 4, 5, 8, 9, 13, 16, 17, 31, 32, 33, 40, 41, 63, 64, 65, 96, 127, N_QUERIES};

/* How many of the queries are asked, the last ones, and in batches of at most so many. */
static size_t n_asked(void) { return test_is_short() ? 40 : N_QUERIES; }

/* A prepared model and what one run over it needs. */
typedef struct prepared_model {
    mlsel_prepared prepared;
    void *scratch;
} prepared_model;

static prepared_model prepare_as(const mlsel_model_view *view, mlsel_precision precision) {
    mlsel_error err;
    prepared_model p = {.prepared = {.struct_size = sizeof p.prepared}};
    test_ok(mlsel_i_cpu_backend.prepare(0, view, precision, &p.prepared, &err), &err);
    p.scratch = mlsel_i_alloc((size_t)p.prepared.scratch_bytes, 1);
    assert_non_null(p.scratch);
    return p;
}

static prepared_model prepare(const mlsel_model_view *view) { return prepare_as(view, MLSEL_PRECISION_F32); }

static void release(prepared_model *p) {
    mlsel_i_cpu_backend.release(p->prepared.state);
    mlsel_i_free(p->scratch);
}

static mlsel_backend_run run_of(const prepared_model *p, const query_block *q, mlsel_query_type type, size_t first,
                                size_t count) {
    const size_t at = first * QUERY_STRIDE;
    return (mlsel_backend_run){.struct_size = sizeof(mlsel_backend_run),
                               .query_type = type,
                               .queries = type == MLSEL_QUERY_F64 ? (const void *)(q->f64 + at) : q->f32 + at,
                               .stride = QUERY_STRIDE,
                               .count = (uint32_t)count,
                               .scratch = p->scratch};
}

/* --- KNN --------------------------------------------------------------------------------------------------------- */

static void check_neighbours(const char *what, const prepared_model *p, const query_block *q, uint32_t k,
                             const uint8_t *mask) {
    static mlsel_backend_neighbour alone[N_QUERIES][MAX_K + 1], together[N_QUERIES][MAX_K + 1];
    mlsel_error err;
    for (mlsel_query_type type = MLSEL_QUERY_F32; type <= MLSEL_QUERY_F64; type++) {
        for (size_t i = N_QUERIES - n_asked(); i < N_QUERIES; i++) {
            mlsel_backend_run run = run_of(p, q, type, i, 1);
            run.k = k, run.label_mask = mask, run.neighbours = alone[i], run.neighbour_stride = MAX_K + 1;
            test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
        }
        assert_int_equal(p->prepared.max_batch, N_QUERIES);
        for (size_t b = 0; b < TEST_LENGTH(batches) && batches[b] <= n_asked(); b += is_slow() ? 4 : 1) {
            mlsel_backend_run run = run_of(p, q, type, N_QUERIES - batches[b], batches[b]);
            run.k = k, run.label_mask = mask, run.neighbours = together[0], run.neighbour_stride = MAX_K + 1;
            memset(together, 0xee, sizeof together);
            test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
            for (size_t i = 0; i < batches[b]; i++)
                if (memcmp(together[i], alone[N_QUERIES - batches[b] + i], k * sizeof **together) != 0)
                    fail_msg("%s, batch %zu, query %zu, k %u: other neighbours than alone", what, batches[b], i,
                             (unsigned)k);
        }
    }
}

static int nearest_first(const void *a, const void *b) {
    const mlsel_backend_neighbour *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A query's parts merge into the whole query's neighbours. */
static void check_parts(const char *what, const prepared_model *p, const query_block *q, uint32_t k,
                        const uint8_t *mask) {
    enum { MAX_PARTS = 7 };
    mlsel_backend_neighbour *whole = need(k, sizeof *whole), *parts = need(MAX_PARTS * k, sizeof *parts);
    mlsel_error err;
    for (size_t i = N_QUERIES - n_asked(); i < N_QUERIES; i += 5) {
        mlsel_backend_run run = run_of(p, q, MLSEL_QUERY_F64, i, 1);
        run.k = k, run.label_mask = mask, run.neighbours = whole, run.neighbour_stride = k;
        test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
        for (run.n_parts = 2; run.n_parts <= MAX_PARTS; run.n_parts += 5) {
            for (run.part = 0; run.part < run.n_parts; run.part++) {
                run.neighbours = parts + run.part * k;
                test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
            }
            qsort(parts, run.n_parts * k, sizeof *parts, nearest_first);
            for (size_t j = 0; j < k; j++)
                if (memcmp(&parts[j], &whole[j], sizeof *whole) != 0)
                    fail_msg("%s, query %zu, k %u, %u parts: another neighbour %zu than undivided", what, i,
                             (unsigned)k, (unsigned)run.n_parts, j);
        }
    }
    mlsel_i_free(whole), mlsel_i_free(parts);
}

typedef struct knn_data {
    const char *name;
    size_t n_rows;
    double spread;    /* of the rows around the first one; 0: all equal but for the last bit */
    bool in_short;    /* not only in a whole run */
    bool by_category; /* one-hot at the end of a row, by which 8-bit rows are sorted */
} knn_data;

static void check_knn(const knn_data *data, bool normalize) {
    const size_t n = data->n_rows;
    float *rows = random_rows(n, 1);
    uint64_t *start = need(n + 1, sizeof *start), *order = need(n, sizeof *order);
    int32_t *labels = need(n, sizeof *labels);
    for (size_t r = 0; r < n; r++) {
        start[r + 1] = r + 1;
        order[r] = r;
        labels[r] = (int32_t)(r * 7 % 11 % N_LABELS);
        for (size_t i = 0; i < WIDTH && r > 0 && data->spread < 1; i++)
            rows[r * STRIDE + i] = (float)((double)rows[i] + data->spread * (double)rows[r * STRIDE + i]);
        if (data->spread <= 0 && r > 0)
            rows[r * STRIDE + r % WIDTH] = nextafterf(rows[r % WIDTH], r % 2 == 0 ? 2.0f : -2.0f);
        for (size_t i = 0; i < 4 && data->by_category; i++)
            rows[r * STRIDE + WIDTH - 4 + i] = r % 4 == i ? 1 : 0;
    }
    const mlsel_knn_view knn = {.vectors = rows,
                                .stride = STRIDE,
                                .n_vectors = n,
                                .n_rows = n,
                                .vector_start = start,
                                .vector_rows = order,
                                .row_labels = labels,
                                .normalize = normalize};
    const mlsel_model_view view = {.struct_size = sizeof view,
                                   .algorithm = MLSEL_ALGORITHM_KNN,
                                   .n_features = WIDTH,
                                   .n_labels = N_LABELS,
                                   .knn = &knn};
    static query_block q;
    make_queries(&q, 1);
    for (size_t i = 0; i < N_QUERIES; i += 3) /* some near the rows */
        for (size_t f = 0; f < WIDTH; f++) {
            q.f64[i * QUERY_STRIDE + f] = (double)rows[i % n * STRIDE + f] + 1e-4 * q.f64[i * QUERY_STRIDE + f];
            q.f32[i * QUERY_STRIDE + f] = rows[i % n * STRIDE + f];
        }
    prepared_model p = prepare(&view);
    static const uint8_t mask[N_LABELS] = {0, 1, 0, 0, 1};
    check_neighbours(data->name, &p, &q, 5, NULL);
    check_neighbours(data->name, &p, &q, MAX_K, NULL);
    check_neighbours(data->name, &p, &q, 5, mask);
    check_parts(data->name, &p, &q, 5, NULL);
    check_parts(data->name, &p, &q, MAX_K, NULL);
    check_parts(data->name, &p, &q, 5, mask);
    check_parts(data->name, &p, &q, (uint32_t)n / 2 + 1, NULL); /* some of two parts have as many, some have not */
    release(&p);
    mlsel_i_free(rows), mlsel_i_free(start), mlsel_i_free(order), mlsel_i_free(labels);
}

static void knn(void) {
    /* fewer rows than are estimated together, more, and more than wait to be measured while all are equally near */
    static const knn_data all[] = {{"few rows", 100, 1, true, false},
                                   {"random", 700, 1, false, false},
                                   {"clustered", 1300, 1e-4, false, false},
                                   {"last bit", 1300, 0.0, true, false},
                                   {"near", 2000, 0.03125, false, false},
                                   {"8-bit rows", 4000, 1, true, false},
                                   {"8-bit rows by category", 4001, 1, true, true}};
    for (size_t i = 0; i < TEST_LENGTH(all); i++) {
        if (test_is_short() && !all[i].in_short)
            continue;
        check_knn(&all[i], true);
        if (!is_slow())
            check_knn(&all[i], false);
    }
}

/* --- SVM and MLP ------------------------------------------------------------------------------------------------- */

/* What the errors of a query's values are in proportion to; at least 1. */
static double largest(const double *values, size_t n) {
    double size = 1;
    for (size_t v = 0; v < n; v++)
        size = fmax(size, fabs(values[v]));
    return size;
}

/* Values within the tolerance, and the same answer to what is asked of them. */
static void check_values(const char *what, const mlsel_model_view *view, const query_block *q, size_t n_values,
                         bool by_sign) {
    static double expected[N_QUERIES][N_PAIRS], together[N_QUERIES][N_PAIRS + 1];
    mlsel_error err;
    prepared_model p = prepare(view);
    const char *level = getenv("MLSEL_ISA");
    char kept[16];
    snprintf(kept, sizeof kept, "%s", level);
    assert_int_equal(setenv("MLSEL_ISA", "reference", 1), 0);
    prepared_model reference = prepare(view);
    assert_int_equal(setenv("MLSEL_ISA", kept, 1), 0);
    const size_t most = n_asked() < p.prepared.max_batch ? n_asked() : p.prepared.max_batch;
    for (mlsel_query_type type = MLSEL_QUERY_F32; type <= MLSEL_QUERY_F64; type++) {
        for (size_t i = N_QUERIES - n_asked(); i < N_QUERIES; i++) {
            mlsel_backend_run run = run_of(&reference, q, type, i, 1);
            run.values = expected[i], run.value_stride = N_PAIRS;
            test_ok(mlsel_i_cpu_backend.run(reference.prepared.state, &run, &err), &err);
        }
        for (size_t b = 0; b < TEST_LENGTH(batches) && batches[b] <= most; b += test_is_short() ? 4 : 1) {
            const size_t first = N_QUERIES - batches[b];
            mlsel_backend_run run = run_of(&p, q, type, first, batches[b]);
            run.values = together[0], run.value_stride = N_PAIRS + 1;
            memset(together, 0xee, sizeof together);
            test_ok(mlsel_i_cpu_backend.run(p.prepared.state, &run, &err), &err);
            for (size_t i = 0; i < batches[b]; i++)
                for (size_t v = 0; v < n_values; v++) {
                    const double got = together[i][v], *row = expected[first + i];
                    if (!(fabs(got - row[v]) <= 1e-4 * largest(row, n_values)))
                        fail_msg("%s, batch %zu, query %zu, value %zu: %.9g, expected %.9g", what, batches[b], i, v,
                                 got, row[v]);
                    assert_true(!by_sign || (got > 0) == (row[v] > 0));
                    for (size_t w = 0; w < v && !by_sign; w++)
                        assert_true((got > together[i][w]) == (row[v] > row[w]));
                }
        }
    }
    release(&p);
    release(&reference);
}

static void check_svm(mlsel_svm_kernel kernel, size_t per_class, double scale) {
    const size_t n = per_class * N_LABELS + 3;
    float *vectors = random_rows(n, scale);
    double *coef = need((N_LABELS - 1) * n, sizeof *coef), intercept[N_PAIRS];
    uint64_t start[N_LABELS + 1];
    for (size_t i = 0; i < (N_LABELS - 1) * n; i++)
        coef[i] = uniform();
    for (size_t i = 0; i < N_PAIRS; i++)
        intercept[i] = uniform();
    for (size_t c = 0; c <= N_LABELS; c++)
        start[c] = c == N_LABELS ? n : c * per_class;
    const mlsel_svm_view svm = {.form = MLSEL_SVM_FORM_ONE_VS_ONE,
                                .kernel = kernel,
                                .n_classes = N_LABELS,
                                .support_vectors = vectors,
                                .stride = STRIDE,
                                .class_start = start,
                                .dual_coef = coef,
                                .intercept = intercept,
                                .n_support_vectors = n,
                                .gamma = 0.5};
    const mlsel_model_view view = {.struct_size = sizeof view,
                                   .algorithm = MLSEL_ALGORITHM_SVM,
                                   .n_features = WIDTH,
                                   .n_labels = N_LABELS,
                                   .svm = &svm};
    static query_block q;
    make_queries(&q, scale);
    check_values(kernel == MLSEL_SVM_KERNEL_RBF ? "RBF" : "linear", &view, &q, N_PAIRS, true);
    mlsel_i_free(vectors), mlsel_i_free(coef);
}

static void svm(void) {
    static const size_t sizes[] = {1, 16, 17, 33, 120};
    for (size_t i = 0; i < TEST_LENGTH(sizes); i++) {
        check_svm(MLSEL_SVM_KERNEL_RBF, sizes[i], 0.15);
        check_svm(MLSEL_SVM_KERNEL_LINEAR, sizes[i], 0.15);
    }
}

/*
 * A query that float might not hold gets the exact answer in every precision. Its one hidden value starts with a sum
 * beyond float's range on the negative side, which a ReLU makes 0, and ends on the positive side.
 */
static void huge_query(void) {
    enum { NEGATIVE = WIDTH / 2 };
    float hidden[STRIDE] = {0}, last[2 * STRIDE] = {0};
    for (size_t i = 0; i < WIDTH; i++)
        hidden[i] = i < NEGATIVE ? -1.0f : 2.0f;
    const mlsel_layer_view layers[] = {
        {.type = MLSEL_LAYER_LINEAR, .in_features = WIDTH, .out_features = 1, .weight = hidden, .stride = STRIDE},
        {.type = MLSEL_LAYER_RELU, .in_features = 1, .out_features = 1},
        {.type = MLSEL_LAYER_LINEAR, .in_features = 1, .out_features = 2, .weight = last, .stride = STRIDE}};
    const mlsel_mlp_view mlp = {.layers = layers, .n_layers = TEST_LENGTH(layers), .max_value = 1e20};
    const mlsel_model_view view = {
        .struct_size = sizeof view, .algorithm = MLSEL_ALGORITHM_MLP, .n_features = WIDTH, .n_labels = 2, .mlp = &mlp};
    static query_block q;
    for (size_t i = 0; i < WIDTH; i++)
        q.f64[i] = 3e38;
    mlsel_error err;
    for (mlsel_precision precision = MLSEL_PRECISION_F32; precision <= MLSEL_PRECISION_INT8; precision++) {
        const float weight = precision == MLSEL_PRECISION_F16 ? 1e-4f : 1e-35f; /* which is 0 in f16 */
        const double expected = 3e38 * (2.0 * (WIDTH - NEGATIVE) - NEGATIVE) * (double)weight;
        double values[2];
        last[0] = weight, last[STRIDE] = -weight;
        prepared_model p = prepare_as(&view, precision);
        mlsel_backend_run run = run_of(&p, &q, MLSEL_QUERY_F64, 0, 1);
        run.values = values, run.value_stride = 2;
        test_ok(mlsel_i_cpu_backend.run(p.prepared.state, &run, &err), &err);
        if (!(fabs(values[0] - expected) <= 1e-5 * expected && values[1] < 0))
            fail_msg("precision %d: %.9g and %.9g, expected %.9g", (int)precision, values[0], values[1], expected);
        release(&p);
    }
}

static void mlp(void) {
    enum { HIDDEN = 77, LAST = 30 };
    float *weights[] = {random_rows(HIDDEN, 0.3), random_rows(LAST, 0.3), random_rows(N_LABELS, 0.3)};
    float *values = random_rows(5, 1);
    for (size_t i = 0; i < HIDDEN; i++)
        values[3 * STRIDE + i] = fabsf(values[3 * STRIDE + i]) + 0.1f; /* variances */
    const mlsel_layer_view layers[] = {
        {.type = MLSEL_LAYER_LINEAR,
         .in_features = WIDTH,
         .out_features = HIDDEN,
         .weight = weights[0],
         .stride = STRIDE,
         .bias = values},
        {.type = MLSEL_LAYER_RELU, .in_features = HIDDEN, .out_features = HIDDEN},
        {.type = MLSEL_LAYER_BATCH_NORM,
         .in_features = HIDDEN,
         .out_features = HIDDEN,
         .weight = values + STRIDE,
         .bias = values + 2 * STRIDE,
         .running_mean = values,
         .running_var = values + 3 * STRIDE,
         .eps = 1e-5},
        {.type = MLSEL_LAYER_DROPOUT, .in_features = HIDDEN, .out_features = HIDDEN},
        {.type = MLSEL_LAYER_LINEAR,
         .in_features = HIDDEN,
         .out_features = LAST,
         .weight = weights[1],
         .stride = STRIDE},
        {.type = MLSEL_LAYER_BATCH_NORM, .in_features = LAST, .out_features = LAST, .eps = 1e-3},
        {.type = MLSEL_LAYER_RELU, .in_features = LAST, .out_features = LAST},
        {.type = MLSEL_LAYER_LINEAR,
         .in_features = LAST,
         .out_features = N_LABELS,
         .weight = weights[2],
         .stride = STRIDE,
         .bias = values + 4 * STRIDE}};
    static query_block q;
    make_queries(&q, 1);
    /* once more with a first layer that is not linear */
    for (size_t first = 0; first < 2; first++) {
        mlsel_layer_view chain[TEST_LENGTH(layers) + 1] = {
            {.type = MLSEL_LAYER_RELU, .in_features = WIDTH, .out_features = WIDTH}};
        memcpy(chain + first, layers, sizeof layers);
        const mlsel_mlp_view mlp = {
            .layers = chain, .n_layers = (uint32_t)(first + TEST_LENGTH(layers)), .max_value = 1e20};
        const mlsel_model_view view = {.struct_size = sizeof view,
                                       .algorithm = MLSEL_ALGORITHM_MLP,
                                       .n_features = WIDTH,
                                       .n_labels = N_LABELS,
                                       .mlp = &mlp};
        check_values("MLP", &view, &q, N_LABELS, false);
    }
    for (size_t i = 0; i < TEST_LENGTH(weights); i++)
        mlsel_i_free(weights[i]);
    mlsel_i_free(values);
}

/* --- levels ------------------------------------------------------------------------------------------------------ */

static void run_level(const char *isa) {
    assert_int_equal(setenv("MLSEL_ISA", isa, 1), 0);
    if (!test_has_isa())
        skip();
    knn();
    svm();
    mlp();
    huge_query();
}

#define LEVEL(NAME)                                                                                                    \
    static void NAME(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        run_level(#NAME);                                                                                              \
    }

LEVEL(portable)
#if defined(__x86_64__)
LEVEL(avx2)
LEVEL(avx512)
#elif defined(__aarch64__)
LEVEL(neon)
LEVEL(neondot)
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable),
#if defined(__x86_64__)
        cmocka_unit_test(avx2),
        cmocka_unit_test(avx512),
#elif defined(__aarch64__)
        cmocka_unit_test(neon),
        cmocka_unit_test(neondot),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
