/* SPDX-License-Identifier: Apache-2.0 */
/* Each instruction set's kernels for several queries at once, against sums in long double. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/kernels.h"
#include "support.h"

enum { MAX_N = 140, MAX_ROWS = 33, MAX_TABLES = 4 };

static uint64_t random_state = 88172645463325252u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

/* What is read lies in blocks of exactly the right size, so that the sanitizers see a read past the end. */
static float *random_floats(size_t n) {
    float *x = malloc(n * sizeof *x + 1);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)uniform();
    return x;
}

typedef void (*check_fn)(const cpu_kernels *kernels);

static void for_each_table(check_fn check) {
    const cpu_kernels *tables[MAX_TABLES];
    size_t n = 0;
    tables[n++] = &mlsel_i_cpu_kernels_portable;
#if defined(__x86_64__)
    const cpu_features features = mlsel_i_cpu_features();
    if (features.avx2)
        tables[n++] = &mlsel_i_cpu_kernels_avx2;
    if (features.avx512)
        tables[n++] = &mlsel_i_cpu_kernels_avx512;
#elif defined(__aarch64__)
    tables[n++] = &mlsel_i_cpu_kernels_neon;
#endif
    for (size_t i = 0; i < n; i++) {
        print_message("%s\n", tables[i]->isa);
        check(tables[i]);
    }
}

static void expect_near(const cpu_kernels *kernels, float got, const float *x, const float *q, size_t n, double error) {
    long double sum = 0, x2 = 0, q2 = 0;
    for (size_t i = 0; i < n; i++) {
        const long double a = (long double)x[i], b = (long double)q[i];
        sum += a * b, x2 += a * a, q2 += b * b;
    }
    if (!(fabsl((long double)got - sum) <= (long double)error * sqrtl(x2 * q2) + (long double)FLT_MIN))
        fail_msg("%s: n %zu: %.9g, expected %.9Lg", kernels->isa, n, (double)got, sum);
}

static void check_size(const cpu_kernels *kernels, size_t n, size_t rows, size_t width) {
    const size_t stride = n + rows % 3, guard = PANEL_WIDTH;
    float *x = random_floats(rows == 0 ? 0 : (rows - 1) * stride + n), *queries[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        queries[j] = random_floats(n);
    float *panel = random_floats(n * PANEL_WIDTH), *out = random_floats(rows * PANEL_WIDTH + guard);
    const float kept = out[rows * PANEL_WIDTH];
    kernels->panel->pack((const float *const *)queries, n, panel);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            assert_memory_equal(&panel[i * PANEL_WIDTH + j], &queries[j][i], sizeof *panel);
    kernels->panel->dots(x, stride, rows, panel, n, width, out);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < width; j++)
            expect_near(kernels, out[r * PANEL_WIDTH + j], x + r * stride, queries[j], n, mlsel_i_cpu_panel_error(n));
    assert_memory_equal(&out[rows * PANEL_WIDTH], &kept, sizeof kept);

    const float *quad[QUAD] = {queries[0], queries[1], queries[2], queries[3]};
    const double error = mlsel_i_cpu_dots_error(kernels->panel->quad_parts, kernels->panel->quad_parts, n);
    const size_t out_stride = rows + 1;
    float *few = random_floats(QUAD * out_stride);
    const float last = few[QUAD * out_stride - 1];
    kernels->panel->quad_dots(x, stride, rows, quad, n, few, out_stride);
    for (size_t j = 0; j < QUAD; j++)
        for (size_t r = 0; r < rows; r++)
            expect_near(kernels, few[j * out_stride + r], x + r * stride, queries[j], n, error);
    assert_memory_equal(&few[QUAD * out_stride - 1], &last, sizeof last);
    free(x), free(panel), free(out), free(few);
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        free(queries[j]);
}

static void check_dots(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n += n < 20 ? 1 : 13)
        for (size_t rows = 0; rows <= MAX_ROWS; rows++)
            check_size(kernels, n, rows, 1 + (n * 7 + rows * 5) % PANEL_WIDTH);
}

/* Chunks of the sum are far apart in size, so that one left out or taken twice shows. */
static void check_long(const cpu_kernels *kernels) { check_size(kernels, 1038, 15, PANEL_WIDTH); }

static void check_weigh(const cpu_kernels *kernels) {
    for (size_t rows = 0; rows <= MAX_ROWS; rows++) {
        float *values = random_floats(rows * PANEL_WIDTH);
        double *weights = malloc(rows * sizeof *weights + 1), sums[PANEL_WIDTH], expected[PANEL_WIDTH];
        assert_non_null(weights);
        for (size_t r = 0; r < rows; r++)
            weights[r] = uniform();
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            sums[j] = expected[j] = uniform();
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < PANEL_WIDTH; j++)
                expected[j] += weights[r] * (double)values[r * PANEL_WIDTH + j];
        kernels->panel->weigh(weights, values, rows, sums);
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            assert_true(fabs(sums[j] - expected[j]) < 1e-13);
        free(values), free(weights);
    }
}

/* Bounds are the same bits everywhere, and a row is hit by the value that equals its limit. */
static void check_lower(const cpu_kernels *kernels) {
    enum { ROWS = 40 };
    float *values = random_floats(ROWS * PANEL_WIDTH), *offsets = random_floats(ROWS), *scales = random_floats(ROWS);
    float *base = random_floats(PANEL_WIDTH), *errors = random_floats(PANEL_WIDTH), limits[PANEL_WIDTH];
    float *expected = malloc(ROWS * PANEL_WIDTH * sizeof *expected);
    unsigned char hits[ROWS], hits_expected[ROWS];
    assert_non_null(expected);
    memcpy(expected, values, ROWS * PANEL_WIDTH * sizeof *expected);
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        limits[j] = -INFINITY;
    /* rows 0 and 16 are at the limits of two columns, which some of the others are below too */
    for (size_t r = 0; r < ROWS; r++) {
        hits_expected[r] = 0;
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            const float terms = base[j] + offsets[r], product = scales[r] * expected[r * PANEL_WIDTH + j];
            const float distance = terms - product;
            expected[r * PANEL_WIDTH + j] = distance - errors[j];
            if (j == r && r % 16 == 0)
                limits[j] = expected[r * PANEL_WIDTH + j];
        }
    }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            hits_expected[r] |= expected[r * PANEL_WIDTH + j] <= limits[j];
    kernels->panel->lower(values, ROWS, offsets, scales, base, errors, limits, hits);
    assert_memory_equal(values, expected, ROWS * PANEL_WIDTH * sizeof *values);
    size_t n_hits = 0;
    for (size_t r = 0; r < ROWS; r++) {
        assert_int_equal(hits[r] != 0, hits_expected[r]);
        n_hits += hits[r] != 0;
    }
    assert_in_range(n_hits, 2, ROWS - 1);
    free(values), free(offsets), free(scales), free(base), free(errors), free(expected);
}

/* Every combination of steps. */
static void check_finish(const cpu_kernels *kernels) {
    enum { ROWS = 5 };
    for (int steps = 0; steps < 8; steps++) {
        float *values = random_floats(ROWS * PANEL_WIDTH), *biases = random_floats(ROWS), *scales = random_floats(ROWS);
        float *shifts = random_floats(ROWS), *got = random_floats(ROWS * PANEL_WIDTH);
        memcpy(got, values, ROWS * PANEL_WIDTH * sizeof *got);
        kernels->panel->finish(got, ROWS, steps & 1 ? biases : NULL, steps & 2, steps & 4 ? scales : NULL,
                               steps & 4 ? shifts : NULL);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < PANEL_WIDTH; j++) {
                double x = (double)values[r * PANEL_WIDTH + j];
                x = steps & 1 ? x + (double)biases[r] : x;
                x = steps & 2 && x < 0 ? 0 : x;
                x = steps & 4 ? x * (double)scales[r] + (double)shifts[r] : x;
                assert_true(fabs((double)got[r * PANEL_WIDTH + j] - x) < 1e-6);
            }
        free(values), free(biases), free(scales), free(shifts), free(got);
    }
}

static void dots(void **state) {
    (void)state;
    for_each_table(check_dots);
    for_each_table(check_long);
}

static void weigh(void **state) {
    (void)state;
    for_each_table(check_weigh);
}

static void finish(void **state) {
    (void)state;
    for_each_table(check_finish);
}

static void lower(void **state) {
    (void)state;
    for_each_table(check_lower);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots),
        cmocka_unit_test(weigh),
        cmocka_unit_test(finish),
        cmocka_unit_test(lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
