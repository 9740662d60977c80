/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k nearest rows of the CPU backend against a full sort, through the interface of mlsel_backend.h.
 *
 * All values are chosen so that every distance is exact in double however it is summed: small integers, and for the
 * normalised form vectors of 1, 4 or 16 equal magnitudes, all powers of two, whose norms are powers of two as well.
 * Distances therefore repeat a lot, and the order of equal ones (by row) is tested as strictly as that of the others.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "distinct_rows.h"
#include "support.h"

enum { MAX_FEATURES = 48, MAX_STRIDE = 48, N_LABELS = 6, MAX_BATCH = 5 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* xorshift64 (Marsaglia) */
static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

typedef struct problem {
    size_t n_rows, n_features, stride;
    bool normalize;
    float *rows;    /* [n_rows][stride] */
    float *vectors; /* the distinct ones */
    int32_t *labels;
    uint64_t *vector_start, *vector_rows;
    double queries[MAX_BATCH][MAX_FEATURES];
    mlsel_knn_view knn;
    mlsel_model_view view;
    mlsel_prepared prepared;
    void *scratch;
    mlsel_backend_neighbour *expected[MAX_BATCH]; /* all rows that take part, in order */
    mlsel_backend_neighbour *found;
} problem;

/* --- problems ---------------------------------------------------------------------------------------------------- */

static void fill_vector(const problem *p, double *out) {
    memset(out, 0, p->n_features * sizeof *out);
    if (!p->normalize) {
        for (size_t f = 0; f < p->n_features; f++)
            out[f] = (double)random_below(5) - 1;
        return;
    }
    /* components of 1, 1/2 or 1/4 after normalisation; now and then none, a zero vector */
    static const uint32_t counts[] = {0, 1, 1, 4, 4, 4, 16, 16};
    const uint32_t count = counts[random_below(MLSEL_ARRAY_LENGTH(counts))];
    const double magnitude = ldexp(1, (int)random_below(5) - 2);
    for (uint32_t i = 0; i < count && count <= p->n_features;) {
        double *value = &out[random_below((uint32_t)p->n_features)];
        if (*value != 0)
            continue;
        *value = random_below(4) == 0 ? -magnitude : magnitude;
        i++;
    }
}

static void *need(size_t count, size_t size) {
    void *block = mlsel_i_calloc(count, size);
    assert_non_null(block);
    return block;
}

static void make_rows(problem *p, size_t n_rows, size_t n_features, bool normalize) {
    double vector[MAX_FEATURES];
    *p = (problem){.n_rows = n_rows, .n_features = n_features, .normalize = normalize};
    p->stride = (n_features + 15) / 16 * 16;
    p->rows = need(n_rows * p->stride, sizeof *p->rows);
    p->vectors = need(n_rows * p->stride, sizeof *p->vectors);
    p->labels = need(n_rows, sizeof *p->labels);
    p->vector_start = need(n_rows + 1, sizeof *p->vector_start);
    p->vector_rows = need(n_rows, sizeof *p->vector_rows);
    p->found = need(MAX_BATCH * (n_rows + 2), sizeof *p->found);
    for (size_t q = 0; q < MAX_BATCH; q++)
        p->expected[q] = need(n_rows, sizeof *p->expected[q]);
    for (size_t r = 0; r < n_rows; r++) {
        float *row = p->rows + r * p->stride;
        fill_vector(p, vector);
        for (size_t f = 0; f < n_features; f++)
            row[f] = (float)vector[f];
        if (r > 0 && random_below(3) == 0) /* the same row again */
            memcpy(row, p->rows + random_below((uint32_t)r) * p->stride, p->stride * sizeof *row);
        p->labels[r] = (int32_t)random_below(N_LABELS - 1); /* one label has no rows */
    }
}

static void prepare(problem *p) {
    mlsel_error err;
    size_t n_vectors = 0;
    memcpy(p->vectors, p->rows, p->n_rows * p->stride * sizeof *p->vectors);
    test_ok(mlsel_i_distinct_rows(p->vectors, p->n_rows, p->stride * sizeof *p->vectors, p->vector_start,
                                  p->vector_rows, &n_vectors, &err),
            &err);
    p->knn = (mlsel_knn_view){.vectors = p->vectors,
                              .stride = p->stride,
                              .n_vectors = n_vectors,
                              .n_rows = p->n_rows,
                              .vector_start = p->vector_start,
                              .vector_rows = p->vector_rows,
                              .row_labels = p->labels,
                              .normalize = p->normalize ? 1 : 0};
    p->view = (mlsel_model_view){.struct_size = sizeof p->view,
                                 .algorithm = MLSEL_ALGORITHM_KNN,
                                 .n_features = (uint32_t)p->n_features,
                                 .n_labels = N_LABELS,
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
    mlsel_i_free(p->rows);
    mlsel_i_free(p->vectors);
    mlsel_i_free(p->labels);
    mlsel_i_free(p->vector_start);
    mlsel_i_free(p->vector_rows);
    mlsel_i_free(p->found);
    for (size_t q = 0; q < MAX_BATCH; q++)
        mlsel_i_free(p->expected[q]);
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
        x[f] = p->rows[row * p->stride + f];
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
static void check(const problem *p, mlsel_query_type type, uint32_t batch, uint32_t k, const uint8_t *mask) {
    float f32[MAX_BATCH][MAX_FEATURES];
    mlsel_error err;
    const size_t stride = k + 2;
    for (size_t q = 0; q < batch; q++)
        for (size_t f = 0; f < p->n_features; f++)
            f32[q][f] = (float)p->queries[q][f];
    memset(p->found, 0xee, batch * stride * sizeof *p->found);
    const mlsel_backend_run run = {
        .struct_size = sizeof run,
        .query_type = type,
        .queries = type == MLSEL_QUERY_F32 ? (const void *)f32 : (const void *)p->queries,
        .stride = MAX_FEATURES,
        .count = batch,
        .k = k,
        .label_mask = mask,
        .scratch = p->scratch,
        .neighbours = p->found,
        .neighbour_stride = stride,
    };
    test_ok(mlsel_i_cpu_backend.run(p->prepared.state, &run, &err), &err);
    for (uint32_t q = 0; q < batch; q++) {
        for (uint32_t i = 0; i < k; i++) {
            const mlsel_backend_neighbour *got = &p->found[q * stride + i], *want = &p->expected[q][i];
            if (got->row != want->row || got->distance < want->distance || got->distance > want->distance)
                fail_msg("k %u of %zu rows, query %u, place %u: row %llu at %.17g, expected row %llu at %.17g", k,
                         p->n_rows, q, i, (unsigned long long)got->row, got->distance, (unsigned long long)want->row,
                         want->distance);
        }
        const unsigned char *gap = (const unsigned char *)&p->found[q * stride + k];
        for (size_t i = 0; i < 2 * sizeof *p->found; i++)
            assert_int_equal(gap[i], 0xee);
    }
}

/* Each k up to 150 or so, then about every second power of two, and the last. */
static uint32_t next_k(uint32_t k, uint32_t n) {
    const uint32_t next = k < 150 ? k + 1 + k / 40 : 4 * k - 3;
    return k < n && next > n ? n : next;
}

/* k from 1 to the number of rows that take part. */
static void check_all_k(problem *p, const uint8_t *mask) {
    const uint32_t batch = 1 + random_below(p->n_rows > 200 ? 2 : MAX_BATCH);
    size_t n = 0;
    for (uint32_t q = 0; q < batch; q++) {
        fill_vector(p, p->queries[q]);
        if (random_below(4) == 0) /* exactly a row */
            for (size_t f = 0, row = random_below((uint32_t)p->n_rows); f < p->n_features; f++)
                p->queries[q][f] = p->rows[row * p->stride + f];
        n = sort_all(p, p->queries[q], mask, p->expected[q]);
    }
    for (uint32_t k = 1; k <= n; k = next_k(k, (uint32_t)n)) {
        check(p, MLSEL_QUERY_F32, batch, k, mask);
        check(p, MLSEL_QUERY_F64, batch, k, mask);
    }
}

static void check_masks(problem *p) {
    check_all_k(p, NULL);
    static const uint8_t all[N_LABELS] = {1, 1, 1, 1, 1, 1};
    check_all_k(p, all);
    for (int32_t only = 0; only<N_LABELS; only += p->n_rows> 200 ? 4 : 1) {
        uint8_t mask[N_LABELS] = {0};
        mask[only] = 1;
        check_all_k(p, mask);
    }
    for (int i = 0; i < 3; i++) {
        uint8_t mask[N_LABELS];
        for (int32_t label = 0; label < N_LABELS; label++)
            mask[label] = (uint8_t)(random_below(2) * 255); /* not 0 is enough */
        check_all_k(p, mask);
    }
}

/* All shapes, on the best instruction set and on the reference. */
static void run_shapes(bool normalize) {
    static const struct {
        size_t n_rows, n_features;
    } shapes[] = {{1, 1},   {2, 3},   {3, 16},  {7, 17},  {8, 4},
                  {9, 5},   {33, 20}, {64, 33}, {100, 6}, {150, MAX_FEATURES},
                  {700, 7}, {6000, 8}};
    static problem p;
    for (int reference = 0; reference <= 1; reference++) {
        if (reference)
            setenv("MLSEL_ISA", "reference", 1);
        for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(shapes) - test_is_short(); i++) { /* the last takes the longest */
            make_rows(&p, shapes[i].n_rows, shapes[i].n_features, normalize);
            prepare(&p);
            check_masks(&p);
            free_problem(&p);
        }
    }
    unsetenv("MLSEL_ISA");
}

static void raw(void **state) {
    (void)state;
    run_shapes(false);
}

static void normalized(void **state) {
    (void)state;
    run_shapes(true);
}

/* Rows in ascending, descending and constant order of distance: the best and the worst there is for a heap. */
static void sorted_rows(void **state) {
    (void)state;
    static problem p;
    for (int order = -1; order <= 1; order++) {
        make_rows(&p, 150, 2, false);
        for (size_t r = 0; r < p.n_rows; r++) {
            p.rows[r * p.stride] = (float)(order * (int)(r / 2)) + 200; /* in pairs */
            p.rows[r * p.stride + 1] = 0;
        }
        prepare(&p);
        p.queries[0][0] = p.queries[0][1] = 0;
        const size_t n = sort_all(&p, p.queries[0], NULL, p.expected[0]);
        assert_int_equal(n, p.n_rows);
        for (uint32_t k = 1; k <= n; k++)
            check(&p, MLSEL_QUERY_F64, 1, k, NULL);
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
