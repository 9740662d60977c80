/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every table of kernels that this machine has against the reference's, or against plain sums: the exact functions bit
 * for bit, the others within their stated errors. Shapes and values are the input's; memory is exactly as large as
 * needed.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/kernels.h"
#include "fuzz.h"
#include "input.h"

enum { MAX_N = 200, MAX_ROWS = 14, GUARD = 8, MAX_TABLES = 5 };

/* What a call is given. Rows and query are moderate in size, so that bounds relative to norms hold. */
struct shapes {
    size_t n, n_rows, stride;
    float *rows, *narrow;
    double *wide, *any; /* any: of the whole range of double */
    double scale;
};

static void *room(size_t count, size_t size) {
    void *block = malloc(count * size > 0 ? count * size : 1);
    FUZZ_CHECK(block != NULL);
    return block;
}

static double moderate(double x) { return fabs(x) <= 1e12 ? x : 3; }

static void make(struct shapes *s, struct fuzz_input *in) {
    double cycle[32];
    s->n = fuzz_below(in, MAX_N + 1);
    s->n_rows = fuzz_below(in, MAX_ROWS);
    const uint8_t padding = fuzz_u8(in) % 20;
    s->stride = padding == 19 ? (s->n + 15) / 16 * 16 : s->n + padding % 3;
    s->scale = moderate(fuzz_double(in));
    const size_t period = 1 + fuzz_below(in, 32);
    for (size_t i = 0; i < period; i++)
        cycle[i] = fuzz_double(in);
    const size_t n_values = s->n_rows == 0 ? 0 : (s->n_rows - 1) * s->stride + s->n;
    s->rows = room(n_values, sizeof *s->rows);
    s->narrow = room(s->n, sizeof *s->narrow);
    s->wide = room(s->n, sizeof *s->wide);
    s->any = room(s->n, sizeof *s->any);
    for (size_t i = 0; i < n_values; i++)
        s->rows[i] = (float)moderate(cycle[(i + i / period) % period]) * (i % 3 == 0 ? 0.37f : 1.0f);
    for (size_t i = 0; i < s->n; i++) {
        s->any[i] = cycle[(3 * i + i / period) % period];
        s->wide[i] = moderate(s->any[i]) * (i % 5 == 1 ? 1.1 : 1);
        s->narrow[i] = (float)s->wide[i];
    }
}

static void drop(struct shapes *s) { free(s->rows), free(s->narrow), free(s->wide), free(s->any); }

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

/* --- exact -------------------------------------------------------------------------------------------------------- */

static void check_exact(const cpu_kernels *k, const struct shapes *s) {
    const cpu_kernels *ref = &mlsel_i_cpu_kernels_reference;
    FUZZ_CHECK(same_bits(k->sum_squares(s->any, s->n), ref->sum_squares(s->any, s->n)));
    FUZZ_CHECK(same_bits(k->sum_squares(s->wide, s->n), ref->sum_squares(s->wide, s->n)));
    FUZZ_CHECK(same_bits(k->sum_squares_f32(s->narrow, s->n), ref->sum_squares_f32(s->narrow, s->n)));
    FUZZ_CHECK(k->is_finite_f64(s->any, s->n) == ref->is_finite_f64(s->any, s->n));
    FUZZ_CHECK(k->is_finite_f32(s->narrow, s->n) && k->is_finite_f64(s->wide, s->n));
    bool is_finite = true;
    for (size_t i = 0; i < s->n; i++)
        is_finite = is_finite && fabs(s->any[i]) <= (double)FLT_MAX;
    FUZZ_CHECK(k->is_finite_f64(s->any, s->n) == is_finite);
    for (size_t r = 0; r < s->n_rows; r++) {
        const float *x = s->rows + r * s->stride;
        FUZZ_CHECK_THAT(same_bits(k->squared_distance(x, s->scale, s->wide, s->n),
                                  ref->squared_distance(x, s->scale, s->wide, s->n)),
                        "%s, n %zu", k->isa, s->n);
        FUZZ_CHECK(same_bits(k->squared_distance(x, s->scale, s->any, s->n),
                             ref->squared_distance(x, s->scale, s->any, s->n)));
    }
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

static long double dot(const float *x, const float *q, size_t n, long double *bound) {
    long double sum = 0, x2 = 0, q2 = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (long double)x[i] * (long double)q[i];
        x2 += (long double)x[i] * (long double)x[i];
        q2 += (long double)q[i] * (long double)q[i];
    }
    *bound = sqrtl(x2 * q2);
    return sum;
}

static void expect_dots(const cpu_kernels *k, const struct shapes *s, const float *q, double error, const float *got) {
    for (size_t r = 0; r < s->n_rows; r++) {
        long double bound;
        const long double sum = dot(s->rows + r * s->stride, q, s->n, &bound);
        FUZZ_CHECK_THAT(fabsl((long double)got[r] - sum) <=
                            (long double)error * bound + (long double)(s->n + 1) * FLT_MIN,
                        "%s: n %zu, row %zu: %.9g, expected %.9Lg", k->isa, s->n, r, (double)got[r], sum);
    }
    for (size_t r = s->n_rows; r < s->n_rows + GUARD; r++)
        FUZZ_CHECK(got[r] >= 77 && got[r] <= 77);
}

static void check_dots(const cpu_kernels *k, const struct shapes *s) {
    float got[MAX_ROWS + GUARD];
    for (int ahead = 0; ahead < (k->dots_ahead == NULL ? 1 : 2); ahead++) {
        for (size_t i = 0; i < MAX_ROWS + GUARD; i++)
            got[i] = 77;
        (ahead ? k->dots_ahead : k->dots)(s->rows, s->stride, s->n_rows, s->narrow, s->n, got);
        expect_dots(k, s, s->narrow, mlsel_i_cpu_dots_error(k->dots_parts, k->dots_tail, s->n), got);
    }
    for (size_t r = 0; r < s->n_rows; r++) {
        const float *x = s->rows + r * s->stride;
        long double sum = 0, magnitude = 0;
        for (size_t i = 0; i < s->n; i++) {
            sum += (long double)s->wide[i] * (long double)x[i];
            magnitude += fabsl((long double)s->wide[i] * (long double)x[i]);
        }
        FUZZ_CHECK(fabsl((long double)k->dot_f64(s->wide, x, s->n) - sum) <= 1e-14L * magnitude + 1e-300L);
    }
}

static void check_first_dots(const cpu_kernels *k, const struct shapes *s) {
    const size_t stride = (s->n + 15) / 16 * 16;
    float got[FIRST_ROWS];
    if (k->first_dots_f64 == NULL || s->n_rows == 0)
        return;
    float *rows = calloc(FIRST_ROWS * stride + 1, sizeof *rows), *copy = room(s->n, sizeof *copy);
    FUZZ_CHECK(rows != NULL);
    for (size_t r = 0; r < FIRST_ROWS; r++)
        memcpy(rows + r * stride, s->rows + r % s->n_rows * s->stride, s->n * sizeof *rows);
    long double squares = 0, bound;
    for (size_t i = 0; i < s->n; i++)
        squares += (long double)s->wide[i] * (long double)s->wide[i];
    const long double got_squares = (long double)k->first_dots_f64(s->wide, s->n, rows, stride, copy, got);
    FUZZ_CHECK(fabsl(got_squares - squares) <= 1e-14L * squares + 1e-300L);
    FUZZ_CHECK(s->n == 0 || memcmp(copy, s->narrow, s->n * sizeof *copy) == 0);
    const double error = mlsel_i_cpu_dots_error(k->first_dots_parts, k->first_dots_tail, s->n);
    for (size_t r = 0; r < FIRST_ROWS; r++) {
        long double sum = 0, magnitude = 0;
        (void)dot(rows + r * stride, s->narrow, s->n, &bound);
        for (size_t i = 0; i < s->n; i++) {
            sum += (long double)rows[r * stride + i] * (long double)s->wide[i];
            magnitude += fabsl((long double)rows[r * stride + i]);
        }
        /* what a subnormal loses in float is no share of it */
        FUZZ_CHECK(fabsl((long double)got[r] - sum) <=
                   (long double)error * bound * 1.0001L + 0x1p-150L * magnitude + (long double)(s->n + 1) * FLT_MIN);
    }
    (void)k->first_dots_f32(s->narrow, s->n, rows, stride, got);
    for (size_t r = 0; r < FIRST_ROWS; r++) {
        const long double sum = dot(rows + r * stride, s->narrow, s->n, &bound);
        FUZZ_CHECK(fabsl((long double)got[r] - sum) <= (long double)error * bound + (long double)(s->n + 1) * FLT_MIN);
    }
    free(rows), free(copy);
}

static void check_dots_i8(const cpu_kernels *k, const struct shapes *s) {
    const size_t n_values = s->n_rows == 0 ? 0 : (s->n_rows - 1) * s->stride + s->n;
    int8_t *rows = room(n_values, 1), *q = room(s->n, 1);
    int32_t got[MAX_ROWS];
    for (size_t i = 0; i < n_values; i++)
        rows[i] = (int8_t)((int)fmod((double)s->rows[i], 1e6) & 0xff);
    for (size_t i = 0; i < s->n; i++)
        q[i] = (int8_t)((int)fmod((double)s->narrow[i] * 16, 1e6) & 0xff);
    k->dots_i8(rows, s->stride, s->n_rows, q, s->n, got);
    for (size_t r = 0; r < s->n_rows; r++) {
        int64_t sum = 0;
        for (size_t i = 0; i < s->n; i++)
            sum += rows[r * s->stride + i] * q[i];
        FUZZ_CHECK_THAT(got[r] == sum, "%s: n %zu, row %zu: %d, expected %lld", k->isa, s->n, r, (int)got[r],
                        (long long)sum);
    }
    free(rows), free(q);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void check_small(const cpu_kernels *k, const struct shapes *s) {
    float *y = room(s->n, sizeof *y);
    double *out = room(s->n, sizeof *out);
    k->narrow(s->wide, s->scale, y, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const float expected = (float)(s->wide[i] * s->scale);
        FUZZ_CHECK(memcmp(&y[i], &expected, sizeof expected) == 0);
    }
    for (size_t i = 0; i < s->n; i++)
        y[i] = -fabsf(s->narrow[i]);
    k->exp_negative(y, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const double x = -fabs((double)s->narrow[i]), expected = exp(x);
        FUZZ_CHECK_THAT(x < -87 ? y[i] >= 0 && y[i] <= 2e-38f : fabs((double)y[i] - expected) <= 3e-7 * expected,
                        "%s: exp(%.9g) is not %.9g", k->isa, x, (double)y[i]);
    }
    if (s->n_rows > 0) {
        const double got = k->distances(s->scale, s->rows, s->narrow, s->n, out);
        double least = INFINITY;
        for (size_t i = 0; i < s->n; i++) {
            const double a = (double)s->rows[i], b = 2 * (double)s->narrow[i], expected = s->scale + a - b;
            FUZZ_CHECK(fabs(out[i] - expected) <= 1e-15 * (fabs(s->scale) + fabs(a) + fabs(b)) + 1e-300);
            least = fmin(least, out[i]);
        }
        FUZZ_CHECK(got >= least && got <= least);
    }
    free(y), free(out);
}

static void check_close(const cpu_kernels *k, const struct shapes *s) {
    const double gap = fabs(s->scale) / 16;
    uint8_t *marks = room(s->n, 1);
    bool found = false;
    const bool got = k->mark_close(s->wide, s->n, gap, marks);
    for (size_t i = 0; i < s->n; i++) {
        bool is_close = false;
        for (size_t j = 0; j < s->n && !is_close; j++)
            is_close = j != i && fabs(s->wide[i] - s->wide[j]) <= gap;
        FUZZ_CHECK(!got || (marks[i] != 0) == is_close);
        found = found || is_close;
    }
    FUZZ_CHECK_THAT(got == found, "%s: n %zu, gap %.17g", k->isa, s->n, gap);
    free(marks);
    if (k->sum_exp == NULL || s->n == 0)
        return;
    double shift = -INFINITY, sum = 0;
    for (size_t i = 0; i < s->n; i++)
        shift = fmax(shift, s->wide[i]);
    for (size_t i = 0; i < s->n; i++)
        sum += exp(s->wide[i] - shift);
    FUZZ_CHECK(fabs(k->sum_exp(s->wide, s->n, shift) - sum) <= 1e-14 * sum);
}

static void check_distance(const cpu_kernels *k, const struct shapes *s) {
    double *x = room(s->n, sizeof *x);
    long double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        x[i] = s->wide[(i * 7 + 3) % s->n] + s->scale;
        sum += ((long double)s->wide[i] - x[i]) * ((long double)s->wide[i] - x[i]);
    }
    const long double got = (long double)k->distance_f64(x, s->wide, s->n);
    FUZZ_CHECK(fabsl(got - sum) <= 1e-14L * sum + 1e-300L);
    free(x);
}

/* --- several queries ---------------------------------------------------------------------------------------------- */

static void check_panel(const cpu_kernels *k, const struct shapes *s) {
    const cpu_panel_kernels *p = k->panel;
    const float *queries[PANEL_WIDTH];
    float quad[QUAD * MAX_ROWS];
    if (s->n == 0 || s->n_rows == 0)
        return;
    float *panel = aligned_alloc(64, (s->n * PANEL_WIDTH * sizeof *panel + 63) / 64 * 64);
    float *out = aligned_alloc(64, MAX_ROWS * PANEL_WIDTH * sizeof *out);
    FUZZ_CHECK(panel != NULL && out != NULL);
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        queries[j] = j % 3 == 1 ? s->rows + j % s->n_rows * s->stride : s->narrow;
    const float largest = p->pack(queries, s->n, panel);
    float expected = 0;
    for (size_t i = 0; i < s->n * PANEL_WIDTH; i++) {
        FUZZ_CHECK(memcmp(&panel[i], &queries[i % PANEL_WIDTH][i / PANEL_WIDTH], sizeof *panel) == 0);
        expected = fmaxf(expected, fabsf(panel[i]));
    }
    FUZZ_CHECK(largest >= expected && largest <= expected);
    const size_t width = 1 + s->n % PANEL_WIDTH;
    p->dots(s->rows, s->stride, s->n_rows, panel, s->n, width, out);
    p->quad_dots(s->rows, s->stride, s->n_rows, queries, s->n, quad, MAX_ROWS);
    for (size_t j = 0; j < width; j++)
        for (size_t r = 0; r < s->n_rows; r++) {
            long double bound;
            const long double sum = dot(s->rows + r * s->stride, queries[j], s->n, &bound);
            const long double tiny = (long double)(s->n + 1) * FLT_MIN;
            FUZZ_CHECK_THAT(fabsl((long double)out[r * PANEL_WIDTH + j] - sum) <=
                                (long double)mlsel_i_cpu_panel_error(s->n) * bound + tiny,
                            "%s: n %zu, row %zu, query %zu", k->isa, s->n, r, j);
            if (j < QUAD)
                FUZZ_CHECK(fabsl((long double)quad[j * MAX_ROWS + r] - sum) <=
                           (long double)mlsel_i_cpu_dots_error(p->quad_parts, p->quad_parts, s->n) * bound + tiny);
        }
    free(panel), free(out);
}

/* --- layers in fewer bits ----------------------------------------------------------------------------------------- */

/* One block of weights, whose order every table has alike. */
static void check_low(const cpu_kernels *k, const struct shapes *s, int which) {
    static const size_t step_inputs[] = {2, 1, 4}, block_bytes[] = {64, 32, 64};
    const cpu_low_kernels *tables[] = {&mlsel_i_cpu_low_reference, k->low};
    const size_t n = s->n, steps = (n + step_inputs[which] - 1) / step_inputs[which];
    float out[2][LOW_LANES], scales[2];
    int32_t starts[LOW_LANES] = {0};
    if (n == 0 || s->n_rows == 0)
        return;
    uint8_t *values = aligned_alloc(64, (steps * block_bytes[which] + 63) / 64 * 64);
    void *x[2] = {aligned_alloc(64, (LOW_INPUT_BYTES * (n + 3) + 127) / 64 * 64),
                  aligned_alloc(64, (LOW_INPUT_BYTES * (n + 3) + 127) / 64 * 64)};
    FUZZ_CHECK(values != NULL && x[0] != NULL && x[1] != NULL);
    for (size_t i = 0; i < steps * block_bytes[which]; i++) {
        const int w = (int)fmod((double)s->rows[i % s->n] * 16 + (double)(i * i % 31), 100);
        if (which == 2) {
            const size_t input = i / 64 * 4 + i % 4;
            values[i] = input < n ? (uint8_t)(int8_t)w : 0;
            starts[i / 4 % LOW_LANES] -= input < n ? 128 * w : 0;
        } else if (i % 2 == 0) {
            const uint16_t bits = which == 0 ? mlsel_i_cpu_to_bf16((float)w / 7) : mlsel_i_cpu_to_f16((float)w / 7);
            memcpy(values + i, &bits, sizeof bits);
        }
    }
    for (int t = 0; t < 2; t++) {
        const low_format *f = which == 0 ? &tables[t]->bf16 : which == 1 ? &tables[t]->f16 : &tables[t]->i8;
        const low_matrix m = {.values = values,
                              .n_blocks = 1,
                              .n_steps = steps,
                              .block_bytes = block_bytes[which],
                              .max_group = tables[t]->max_group,
                              .starts = which == 2 ? starts : NULL};
        scales[t] = f->load(s->narrow, n, x[t]);
        f->multiply(&m, x[t], LOW_INPUT_BYTES * (n + 3), 1, out[t], LOW_LANES);
    }
    float magnitude = 0;
    for (size_t i = 0; i < n; i++)
        magnitude += fabsf(s->narrow[i]) * (100.0f / 7);
    FUZZ_CHECK(which != 2 || memcmp(&scales[0], &scales[1], sizeof *scales) == 0);
    for (size_t o = 0; o < LOW_LANES; o++)
        FUZZ_CHECK_THAT(which == 2 ? memcmp(&out[0][o], &out[1][o], sizeof **out) == 0
                                   : fabsf(out[0][o] - out[1][o]) <= (float)(n + 8) * 0x1p-22f * magnitude + 1e-37f,
                        "%s, format %d: n %zu, output %zu: %.9g, expected %.9g", k->isa, which, n, o, (double)out[1][o],
                        (double)out[0][o]);
    free(values), free(x[0]), free(x[1]);
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
    if (features.avx512bf16)
        out[n++] = &mlsel_i_cpu_kernels_avx512bf16;
#elif defined(__aarch64__)
    out[n++] = &mlsel_i_cpu_kernels_neon;
    if (mlsel_i_cpu_features().neondot)
        out[n++] = &mlsel_i_cpu_kernels_neondot;
    if (mlsel_i_cpu_features().neonbf16)
        out[n++] = &mlsel_i_cpu_kernels_neonbf16;
#endif
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const cpu_kernels *all[MAX_TABLES];
    struct fuzz_input in = fuzz_input(data, size);
    struct shapes s;
    const cpu_kernels *k = all[fuzz_below(&in, (uint32_t)tables(all))];
    const uint32_t family = fuzz_below(&in, 8); /* one each, so that an input is fast */
    make(&s, &in);
    switch (family) {
    case 0:
        check_exact(k, &s);
        break;
    case 1:
        check_dots(k, &s);
        break;
    case 2:
        check_first_dots(k, &s);
        break;
    case 3:
        check_dots_i8(k, &s);
        break;
    case 4:
        check_small(k, &s);
        check_close(k, &s);
        if (s.n > 0)
            check_distance(k, &s);
        break;
    case 5:
        check_panel(k, &s);
        break;
    default:
        for (int which = 0; which < 3; which++)
            check_low(k, &s, which);
    }
    drop(&s);
    return 0;
}
