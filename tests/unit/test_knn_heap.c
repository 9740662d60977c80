/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k nearest rows of the CPU backend against a full sort, through the interface of mlsel_backend.h.
 *
 * All values are chosen so that every distance is exact in double however it is summed: small integers, and for the
 * normalised form vectors of 1, 4 or 16 equal magnitudes, whose norms are powers of two times that magnitude. Distances
 * therefore repeat a lot, and the order of equal ones (by row) is tested as strictly as that of the others.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "support.h"

enum { MAX_ROWS = 150, MAX_FEATURES = 40, MAX_LABELS = 6, MAX_BATCH = 5 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* xorshift64 (Marsaglia) */
static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

typedef struct problem {
    float rows[MAX_ROWS * MAX_FEATURES];
    int32_t labels[MAX_ROWS];
    double queries[MAX_BATCH * MAX_FEATURES];
    size_t n_rows, n_features;
    bool normalize;
    mlsel_knn_view knn;
    mlsel_model_view view;
    mlsel_prepared prepared;
    void *scratch;
} problem;

/* --- problems ---------------------------------------------------------------------------------------------------- */

static void fill_vector(const problem *p, double *out) {
    memset(out, 0, p->n_features * sizeof *out);
    if (!p->normalize) {
        for (size_t f = 0; f < p->n_features; f++)
            out[f] = (double)random_below(4) - 1;
        return;
    }
    /* 0, 1, 4 or 16 places of one magnitude: components of 1, 1/2 or 1/4 after normalisation; often none, a zero vector
     */
    static const uint32_t counts[] = {0, 1, 1, 4, 4, 4, 16, 16};
    const uint32_t count = counts[random_below(MLSEL_ARRAY_LENGTH(counts))];
    const double magnitude = (double)(1 + random_below(5));
    for (uint32_t i = 0; i < count && count <= p->n_features;) {
        double *value = &out[random_below((uint32_t)p->n_features)];
        if (*value != 0)
            continue;
        *value = random_below(4) == 0 ? -magnitude : magnitude;
        i++;
    }
}

static void fill_rows(problem *p, size_t n_rows, size_t n_features, bool normalize) {
    double vector[MAX_FEATURES];
    p->n_rows = n_rows;
    p->n_features = n_features;
    p->normalize = normalize;
    for (size_t r = 0; r < n_rows; r++) {
        float *row = p->rows + r * n_features;
        fill_vector(p, vector);
        for (size_t f = 0; f < n_features; f++)
            row[f] = (float)vector[f];
        if (r > 0 && random_below(3) == 0) /* the same row again */
            memcpy(row, p->rows + random_below((uint32_t)r) * n_features, n_features * sizeof *row);
        p->labels[r] = (int32_t)random_below(MAX_LABELS - 1); /* one label has no rows */
    }
}

static void prepare(problem *p) {
    mlsel_error err;
    p->knn = (mlsel_knn_view){
        .rows = p->rows, .row_labels = p->labels, .n_rows = p->n_rows, .normalize = p->normalize ? 1 : 0};
    p->view = (mlsel_model_view){.struct_size = sizeof p->view,
                                 .algorithm = MLSEL_ALGORITHM_KNN,
                                 .n_features = (uint32_t)p->n_features,
                                 .n_labels = MAX_LABELS,
                                 .knn = &p->knn};
    p->prepared = (mlsel_prepared){.struct_size = sizeof p->prepared};
    test_ok(mlsel_i_cpu_backend.supports(0, &p->view, MLSEL_PRECISION_F32, &err), &err);
    test_ok(mlsel_i_cpu_backend.prepare(0, &p->view, MLSEL_PRECISION_F32, &p->prepared, &err), &err);
    assert_in_range(p->prepared.max_batch, MAX_BATCH, UINT32_MAX);
    p->scratch = mlsel_i_alloc((size_t)p->prepared.scratch_bytes, 1);
    assert_non_null(p->scratch);
}

static void free_problem(problem *p) {
    mlsel_i_cpu_backend.release(p->prepared.state);
    mlsel_i_free(p->scratch);
}

/* --- the full sort ----------------------------------------------------------------------------------------------- */

static double length_of(const problem *p, const double *x) {
    double sum = 0;
    for (size_t f = 0; f < p->n_features; f++)
        sum += x[f] * x[f];
    return p->normalize && sum > 0 ? sqrt(sum) : 1;
}

static double distance_to(const problem *p, const double *query, size_t row) {
    double x[MAX_FEATURES], sum = 0;
    for (size_t f = 0; f < p->n_features; f++)
        x[f] = p->rows[row * p->n_features + f];
    const double x_length = length_of(p, x), query_length = length_of(p, query);
    for (size_t f = 0; f < p->n_features; f++) {
        const double difference = query[f] / query_length - x[f] / x_length;
        sum += difference * difference;
    }
    return sum;
}

static int compare(const void *a, const void *b) {
    const mlsel_backend_neighbour *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static size_t sort_all(const problem *p, const double *query, const uint8_t *mask, mlsel_backend_neighbour *out) {
    size_t n = 0;
    for (size_t r = 0; r < p->n_rows; r++)
        if (mask == NULL || mask[p->labels[r]])
            out[n++] = (mlsel_backend_neighbour){.distance = distance_to(p, query, r), .row = r};
    qsort(out, n, sizeof *out, compare);
    return n;
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

/* Runs `batch` queries and compares; what lies between the rows of the output must stay. */
static void check(const problem *p, mlsel_query_type type, uint32_t batch, uint32_t k, const uint8_t *mask,
                  mlsel_backend_neighbour (*expected)[MAX_ROWS]) {
    static mlsel_backend_neighbour found[MAX_BATCH * (MAX_ROWS + 2)];
    float f32[MAX_BATCH * MAX_FEATURES];
    mlsel_error err;
    const size_t stride = p->n_features, out_stride = k + 2;
    for (size_t i = 0; i < batch * stride; i++)
        f32[i] = (float)p->queries[i];
    memset(found, 0xee, sizeof found);
    const mlsel_backend_run run = {
        .struct_size = sizeof run,
        .query_type = type,
        .queries = type == MLSEL_QUERY_F32 ? (const void *)f32 : (const void *)p->queries,
        .stride = stride,
        .count = batch,
        .k = k,
        .label_mask = mask,
        .scratch = p->scratch,
        .neighbours = found,
        .neighbour_stride = out_stride,
    };
    test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
    for (uint32_t q = 0; q < batch; q++) {
        for (uint32_t i = 0; i < k; i++) {
            const mlsel_backend_neighbour *got = &found[q * out_stride + i], *want = &expected[q][i];
            if (got->row != want->row || got->distance < want->distance || got->distance > want->distance)
                fail_msg("k %u of %zu rows, query %u, place %u: row %llu at %.17g, expected row %llu at %.17g", k,
                         p->n_rows, q, i, (unsigned long long)got->row, got->distance, (unsigned long long)want->row,
                         want->distance);
        }
        const unsigned char *gap = (const unsigned char *)&found[q * out_stride + k];
        for (size_t i = 0; i < 2 * sizeof *found; i++)
            assert_int_equal(gap[i], 0xee);
    }
}

/* Every k from 1 to the number of rows that take part. */
static void check_all_k(problem *p, const uint8_t *mask) {
    static mlsel_backend_neighbour expected[MAX_BATCH][MAX_ROWS];
    const uint32_t batch = 1 + random_below(MAX_BATCH);
    size_t n = 0;
    for (uint32_t q = 0; q < batch; q++) {
        double *query = p->queries + q * p->n_features;
        fill_vector(p, query);
        if (random_below(4) == 0) /* exactly a row */
            for (size_t f = 0, row = random_below((uint32_t)p->n_rows); f < p->n_features; f++)
                query[f] = p->rows[row * p->n_features + f];
        n = sort_all(p, query, mask, expected[q]);
    }
    for (uint32_t k = 1; k <= n; k++) {
        check(p, MLSEL_QUERY_F32, batch, k, mask, expected);
        check(p, MLSEL_QUERY_F64, batch, k, mask, expected);
    }
}

static void check_masks(problem *p) {
    check_all_k(p, NULL);
    static const uint8_t all[MAX_LABELS] = {1, 1, 1, 1, 1, 1};
    check_all_k(p, all);
    for (int32_t only = 0; only < MAX_LABELS; only++) {
        uint8_t mask[MAX_LABELS] = {0};
        mask[only] = 1;
        check_all_k(p, mask);
    }
    for (int i = 0; i < 3; i++) {
        uint8_t mask[MAX_LABELS];
        for (int32_t label = 0; label < MAX_LABELS; label++)
            mask[label] = (uint8_t)(random_below(2) * 255); /* not 0 is enough */
        check_all_k(p, mask);
    }
}

static void run_shapes(bool normalize) {
    static const struct {
        size_t n_rows, n_features;
    } shapes[] = {{1, 1}, {2, 3},   {3, 16},  {7, 17},  {8, 4},
                  {9, 5}, {33, 20}, {64, 33}, {100, 6}, {MAX_ROWS, MAX_FEATURES}};
    static problem p;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(shapes); i++) {
        fill_rows(&p, shapes[i].n_rows, shapes[i].n_features, normalize);
        prepare(&p);
        check_masks(&p);
        free_problem(&p);
    }
}

static void raw(void **state) {
    (void)state;
    run_shapes(false);
}

static void normalized(void **state) {
    (void)state;
    run_shapes(true);
}

/* Rows in ascending, descending and constant order of distance: the best and worst there is for a heap. */
static void sorted_rows(void **state) {
    (void)state;
    static problem p;
    static mlsel_backend_neighbour expected[MAX_BATCH][MAX_ROWS];
    for (int order = -1; order <= 1; order++) {
        fill_rows(&p, MAX_ROWS, 2, false);
        for (size_t r = 0; r < MAX_ROWS; r++) {
            p.rows[2 * r] = (float)(order * (int)(r / 2)) + 200; /* in pairs */
            p.rows[2 * r + 1] = 0;
        }
        prepare(&p);
        p.queries[0] = p.queries[1] = 0;
        const size_t n = sort_all(&p, p.queries, NULL, expected[0]);
        assert_int_equal(n, MAX_ROWS);
        for (uint32_t k = 1; k <= n; k++)
            check(&p, MLSEL_QUERY_F64, 1, k, NULL, expected);
        free_problem(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw),
        cmocka_unit_test(normalized),
        cmocka_unit_test(sorted_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
