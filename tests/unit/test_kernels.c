/* SPDX-License-Identifier: Apache-2.0 */
/* Each instruction set's kernels against plain sums in long double, and their exact functions bit for bit. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/kernels.h"
#include "support.h"

enum { MAX_N = 200, STRIDE = 208, N_ROWS = 13, GUARD = 16, MAX_TABLES = 4, MAX_N_I8 = 300 };

static uint64_t random_state = 88172645463325252u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

static size_t tables(const cpu_kernels *out[MAX_TABLES]) {
    size_t n = 0;
    out[n++] = &mlsel_i_cpu_kernels_portable;
#if defined(__x86_64__)
    const cpu_features features = mlsel_i_cpu_features();
    if (features.avx2)
        out[n++] = &mlsel_i_cpu_kernels_avx2;
    if (features.avx512)
        out[n++] = &mlsel_i_cpu_kernels_avx512;
    if (features.avx512vnni)
        out[n++] = &mlsel_i_cpu_kernels_avx512vnni;
#elif defined(__aarch64__)
    out[n++] = &mlsel_i_cpu_kernels_neon;
    if (mlsel_i_cpu_features().neondot)
        out[n++] = &mlsel_i_cpu_kernels_neondot;
#endif
    return n;
}

typedef void (*check_fn)(const cpu_kernels *kernels);

static void for_each_table(check_fn check) {
    const cpu_kernels *all[MAX_TABLES];
    const size_t n = tables(all);
    for (size_t i = 0; i < n; i++) {
        print_message("%s\n", all[i]->isa);
        check(all[i]);
    }
}

/* What is read lies in blocks of exactly the right size, so that the sanitizers see a read past the end. */
static float *random_floats(size_t n, double scale) {
    float *x = malloc(n * sizeof *x + 1);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(uniform() * scale);
    return x;
}

static double *random_doubles(size_t n, double scale) {
    double *x = malloc(n * sizeof *x + 1);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = uniform() * scale;
    return x;
}

static void check_squared_distance(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++) {
        float *x = random_floats(n, 3);
        double *q = random_doubles(n, 3);
        for (int s = 0; s < 3; s++) {
            const double scale = s == 0 ? 1 : s == 1 ? 0 : uniform();
            const double got = kernels->squared_distance(x, scale, q, n);
            const double expected = mlsel_i_cpu_kernels_reference.squared_distance(x, scale, q, n);
            assert_memory_equal(&got, &expected, sizeof got);
        }
        free(x), free(q);
    }
}

typedef void (*dots_fn)(const float *rows, size_t stride, size_t n_rows, const float *q, size_t n, float *out);

static void check_dots_of(const cpu_kernels *kernels, dots_fn dots) {
    for (size_t n = 0; n <= MAX_N; n++)
        for (size_t rows = 0; rows <= N_ROWS; rows++) {
            const size_t stride = rows % 2 == 0 ? n : STRIDE;
            float *x = random_floats(rows == 0 ? 0 : (rows - 1) * stride + n, 1);
            double *wide = random_doubles(n, 1);
            float *q = malloc(n * sizeof *q + 1);
            float out[N_ROWS + GUARD];
            for (size_t i = 0; i < N_ROWS + GUARD; i++)
                out[i] = 77;
            kernels->narrow(wide, 1, q, n);
            dots(x, stride, rows, q, n, out);
            for (size_t r = 0; r < rows; r++) {
                long double sum = 0, x2 = 0, q2 = 0;
                for (size_t i = 0; i < n; i++) {
                    const long double a = (long double)x[r * stride + i], b = (long double)wide[i];
                    sum += a * b, x2 += a * a, q2 += b * b;
                }
                const long double bound =
                    (long double)mlsel_i_cpu_dots_error(kernels->dots_parts, kernels->dots_tail, n) * sqrtl(x2 * q2) +
                    (long double)FLT_MIN;
                if (!(fabsl((long double)out[r] - sum) <= bound))
                    fail_msg("%s: n %zu, row %zu: %.9g, expected %.9Lg within %.3Lg", kernels->isa, n, r,
                             (double)out[r], sum, bound);
            }
            for (size_t r = rows; r < N_ROWS + GUARD; r++)
                assert_true(out[r] >= 77 && out[r] <= 77);
            free(x), free(wide), free(q);
        }
}

static void check_dots(const cpu_kernels *kernels) {
    check_dots_of(kernels, kernels->dots);
    if (kernels->dots_ahead != NULL)
        check_dots_of(kernels, kernels->dots_ahead);
}

/* One pass over a query: in double, or in float if `narrow` is what it was. */
static void expect_first_dots(const cpu_kernels *kernels, const double *wide, const float *narrow, size_t n,
                              const float *rows, size_t stride) {
    float out[FIRST_ROWS + GUARD], kept[MAX_N + GUARD];
    for (size_t way = 0; way < 3; way++) {
        for (size_t i = 0; i < FIRST_ROWS + GUARD; i++)
            out[i] = 77;
        for (size_t i = 0; i < MAX_N + GUARD; i++)
            kept[i] = 77;
        const double squares = way == 0   ? kernels->first_dots_f32(narrow, n, rows, stride, out)
                               : way == 1 ? kernels->first_dots_f64(wide, n, rows, stride, kept, out)
                                          : kernels->first_dots_f64(wide, n, rows, stride, NULL, out);
        long double q2 = 0;
        for (size_t i = 0; i < n; i++)
            q2 += way == 0 ? (long double)narrow[i] * narrow[i] : (long double)wide[i] * wide[i];
        assert_true(fabsl((long double)squares - q2) <= (way == 0 ? FIRST_SQUARES_ERROR : 1e-14L) * q2);
        for (size_t r = 0; r < FIRST_ROWS; r++) {
            long double sum = 0, x2 = 0;
            for (size_t i = 0; i < n; i++) {
                const long double x = rows[r * stride + i];
                sum += x * (way == 0 ? (long double)narrow[i] : (long double)wide[i]), x2 += x * x;
            }
            assert_true(fabsl((long double)out[r] - sum) <=
                        (long double)mlsel_i_cpu_dots_error(kernels->first_dots_parts, kernels->first_dots_tail, n) *
                            sqrtl(x2 * q2));
        }
        for (size_t i = FIRST_ROWS; i < FIRST_ROWS + GUARD; i++)
            assert_true(out[i] >= 77 && out[i] <= 77);
        for (size_t i = 0; i < MAX_N + GUARD; i++) {
            const float expected = way == 1 && i < n ? narrow[i] : 77.0f;
            assert_memory_equal(&kept[i], &expected, sizeof expected);
        }
    }
}

static void check_first_dots(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N && kernels->first_dots_f64 != NULL; n++) {
        const size_t stride = (n + 15) / 16 * 16;
        float *rows = random_floats(FIRST_ROWS * stride, 1);
        double *wide = random_doubles(n, 1);
        float *narrow = malloc(n * sizeof *narrow + 1);
        assert_non_null(narrow);
        for (size_t i = 0; i < n; i++)
            narrow[i] = (float)wide[i];
        for (size_t r = 0; r < FIRST_ROWS; r++)
            for (size_t i = n; i < stride; i++)
                rows[r * stride + i] = 0;
        expect_first_dots(kernels, wide, narrow, n, rows, stride);
        free(rows), free(wide), free(narrow);
    }
}

static void check_distances(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++) {
        float *offsets = random_floats(n, 4), *products = random_floats(n, 4);
        double out[MAX_N + GUARD], least = INFINITY;
        for (size_t i = 0; i < MAX_N + GUARD; i++)
            out[i] = 77;
        const double got = kernels->distances(3, offsets, products, n, out);
        for (size_t i = 0; i < MAX_N + GUARD; i++) {
            const double expected = i < n ? 3 + (double)offsets[i] - 2 * (double)products[i] : 77;
            assert_true(fabs(out[i] - expected) <= 1e-14);
            least = i < n ? fmin(least, out[i]) : least;
        }
        assert_true(got >= least && got <= least);
        free(offsets), free(products);
    }
}

static void check_mark_close(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++)
        for (double gap = 0; gap < 0.1; gap += 0.004) {
            double *x = random_doubles(n, (double)n);
            uint8_t marks[MAX_N + GUARD];
            bool found = false;
            if (n > 3)
                x[n - 1] = x[n / 3]; /* equal ones, near the ends */
            memset(marks, 77, sizeof marks);
            const bool got = kernels->mark_close(x, n, gap, marks);
            for (size_t i = 0; i < MAX_N + GUARD; i++) {
                bool is_close = false;
                for (size_t j = 0; i < n && j < n; j++)
                    is_close = is_close || (j != i && fabs(x[i] - x[j]) <= gap);
                if (got || i >= n) /* else undefined */
                    assert_int_equal(marks[i], i < n ? is_close : 77);
                found = found || is_close;
            }
            assert_int_equal(got, found);
            free(x);
        }
}

static void check_sum_exp(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N && kernels->sum_exp != NULL; n++) {
        double *x = random_doubles(n, n % 3 == 0 ? 1 : n % 3 == 1 ? 40 : 800);
        double shift = -INFINITY, sum = 0;
        for (size_t i = 0; i < n; i++) {
            x[i] = i > 0 && i % 7 == 0 ? -INFINITY : x[i];
            shift = fmax(shift, x[i]);
        }
        for (size_t i = 0; i < n; i++)
            sum += exp(x[i] - shift);
        assert_true(fabs(kernels->sum_exp(x, n, shift) - sum) <= 1e-14 * sum);
        free(x);
    }
}

static void check_distance_f64(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++) {
        double *x = random_doubles(n, 1), *q = random_doubles(n, 1);
        long double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += ((long double)q[i] - x[i]) * ((long double)q[i] - x[i]);
        assert_true(fabsl((long double)kernels->distance_f64(x, q, n) - sum) <= 1e-14L * sum);
        free(x), free(q);
    }
}

static void check_is_finite(const cpu_kernels *kernels) {
    static const double bad[] = {NAN, INFINITY, -INFINITY, 3.5e38, -1e300};
    for (size_t n = 0; n <= MAX_N; n++) {
        double *x = random_doubles(n, (double)FLT_MAX);
        float *y = random_floats(n, (double)FLT_MAX);
        assert_true(kernels->is_finite_f64(x, n) && kernels->is_finite_f32(y, n));
        for (size_t i = 0; i < n; i++) {
            const double kept = x[i];
            const float kept_f32 = y[i];
            x[i] = bad[i % TEST_LENGTH(bad)];
            y[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
            assert_false(kernels->is_finite_f64(x, n) || kernels->is_finite_f32(y, n));
            x[i] = kept;
            y[i] = kept_f32;
        }
        free(x), free(y);
    }
}

/* Values of the whole range of 8 bits: at random, or at the ends of the range alone. */
static int8_t *random_bytes(size_t n, bool extreme) {
    static const int8_t ends[] = {-128, -127, 127, -128};
    int8_t *x = malloc(n + 1);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = extreme ? ends[(size_t)((uniform() + 1) * 2)] : (int8_t)(uniform() * 128);
    return x;
}

static void expect_dots_i8(const cpu_kernels *kernels, const int8_t *x, size_t stride, size_t rows, const int8_t *q,
                           size_t n) {
    int32_t out[N_ROWS + GUARD];
    for (size_t i = 0; i < N_ROWS + GUARD; i++)
        out[i] = 77;
    kernels->dots_i8(x, stride, rows, q, n, out);
    for (size_t r = 0; r < N_ROWS + GUARD; r++) {
        int64_t sum = r < rows ? 0 : 77;
        for (size_t i = 0; r < rows && i < n; i++)
            sum += x[r * stride + i] * q[i];
        if (out[r] != sum)
            fail_msg("%s: n %zu, row %zu of %zu: %d, expected %lld", kernels->isa, n, r, rows, (int)out[r],
                     (long long)sum);
    }
}

static void check_dots_i8(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N_I8; n++)
        for (size_t rows = 0; rows <= N_ROWS; rows++) {
            const size_t stride = rows % 2 == 0 ? n : (n + 63) / 64 * 64;
            const bool extreme = n % 3 == 0;
            int8_t *x = random_bytes(rows == 0 ? 0 : (rows - 1) * stride + n, extreme);
            int8_t *q = random_bytes(n, extreme);
            expect_dots_i8(kernels, x, stride, rows, q, n);
            free(x), free(q);
        }
    enum { LONGEST = 65536 };
    static const int8_t ends[] = {-128, -127, 127};
    int8_t *x = malloc(5 * LONGEST), *q = malloc(LONGEST);
    assert_true(x != NULL && q != NULL);
    for (size_t a = 0; a < TEST_LENGTH(ends); a++)
        for (size_t b = 0; b < TEST_LENGTH(ends); b++) {
            memset(x, ends[a], 5 * LONGEST);
            memset(q, ends[b], LONGEST);
            expect_dots_i8(kernels, x, LONGEST, 5, q, LONGEST);
        }
    free(x), free(q);
}

/* The stated error of the vector exponential, over the whole range and at its ends. */
static void check_exp(const cpu_kernels *kernels) {
    enum { STEPS = 200000 };
    double worst = 0;
    float *x = malloc(STEPS * sizeof *x), *y = malloc(STEPS * sizeof *y);
    for (size_t i = 0; i < STEPS; i++)
        y[i] = x[i] = -87.0f * (float)i / STEPS;
    kernels->exp_negative(y, STEPS);
    for (size_t i = 0; i < STEPS; i++) {
        const double expected = exp((double)x[i]);
        worst = fmax(worst, fabs((double)y[i] - expected) / expected);
    }
    print_message("  largest relative error of exp: %.3g\n", worst);
    assert_true(worst < 3e-7);
    const float ends[] = {-0.0f, -1e-30f, -87.3f, -104.0f, -1e30f, -FLT_MAX};
    float got[TEST_LENGTH(ends)];
    memcpy(got, ends, sizeof ends);
    kernels->exp_negative(got, TEST_LENGTH(ends));
    assert_true(got[0] >= 1 && got[0] <= 1 && got[1] >= 1 && got[1] <= 1);
    for (size_t i = 2; i < TEST_LENGTH(ends); i++)
        assert_true(got[i] >= 0 && got[i] <= 2e-38f);
    for (size_t n = 0; n < 40; n++) { /* nothing past the end */
        float values[64];
        for (size_t i = 0; i < 64; i++)
            values[i] = -1;
        kernels->exp_negative(values, n);
        for (size_t i = 0; i < 64; i++)
            assert_true(fabs((double)values[i] - (i < n ? exp(-1) : -1)) < 1e-6);
    }
    free(x), free(y);
}

static void check_dot_f64(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++) {
        float *x = random_floats(n, 1);
        double *a = random_doubles(n, 5);
        long double sum = 0, magnitude = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (long double)a[i] * (long double)x[i];
            magnitude += fabsl((long double)a[i] * (long double)x[i]);
        }
        assert_true(fabsl((long double)kernels->dot_f64(a, x, n) - sum) <= 1e-14L * magnitude);
        free(x), free(a);
    }
}

static void check_narrow(const cpu_kernels *kernels) {
    for (size_t n = 0; n <= MAX_N; n++) {
        double *x = random_doubles(n, 1e5);
        float q[MAX_N + GUARD];
        for (size_t i = 0; i < MAX_N + GUARD; i++)
            q[i] = 77;
        kernels->narrow(x, 0.37, q, n);
        for (size_t i = 0; i < MAX_N + GUARD; i++) {
            const float expected = i < n ? (float)(x[i] * 0.37) : 77.0f;
            assert_memory_equal(&q[i], &expected, sizeof expected);
        }
        free(x);
    }
}

static void squared_distance(void **state) {
    (void)state;
    for_each_table(check_squared_distance);
}

static void dots(void **state) {
    (void)state;
    for_each_table(check_dots);
}

static void dots_i8(void **state) {
    (void)state;
    for_each_table(check_dots_i8);
}

static void exponential(void **state) {
    (void)state;
    for_each_table(check_exp);
}

static void dot_f64(void **state) {
    (void)state;
    for_each_table(check_dot_f64);
}

static void narrow(void **state) {
    (void)state;
    for_each_table(check_narrow);
}

static void first_dots(void **state) {
    (void)state;
    for_each_table(check_first_dots);
}

static void distances(void **state) {
    (void)state;
    for_each_table(check_distances);
    for_each_table(check_distance_f64);
}

static void mark_close(void **state) {
    (void)state;
    for_each_table(check_mark_close);
}

static void sum_exp(void **state) {
    (void)state;
    for_each_table(check_sum_exp);
}

static void is_finite(void **state) {
    (void)state;
    for_each_table(check_is_finite);
    check_is_finite(&mlsel_i_cpu_kernels_reference);
}

/* MLSEL_ISA lowers the level, and nothing else does anything. */
static void environment(void **state) {
    (void)state;
    const char *best = mlsel_i_cpu_kernels_pick()->isa;
    assert_int_equal(setenv("MLSEL_ISA", "reference", 1), 0);
    assert_string_equal(mlsel_i_cpu_kernels_pick()->isa, "reference");
    assert_int_equal(setenv("MLSEL_ISA", "avx1024", 1), 0);
    assert_string_equal(mlsel_i_cpu_kernels_pick()->isa, best);
    assert_int_equal(unsetenv("MLSEL_ISA"), 0);
    assert_string_equal(mlsel_i_cpu_kernels_pick()->isa, best);
}

int main(void) {
    unsetenv("MLSEL_ISA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squared_distance), cmocka_unit_test(dots),      cmocka_unit_test(dots_i8),
        cmocka_unit_test(exponential),      cmocka_unit_test(dot_f64),   cmocka_unit_test(narrow),
        cmocka_unit_test(first_dots),       cmocka_unit_test(distances), cmocka_unit_test(mark_close),
        cmocka_unit_test(sum_exp),          cmocka_unit_test(is_finite), cmocka_unit_test(environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
