/* SPDX-License-Identifier: Apache-2.0 */
/* MLP training on each instruction set against the reference, within the bound on sums in float. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/kernels.h"
#include "internal.h"
#include "support.h"
#include "train/mlp_kernels.h"

static uint64_t random_bits = 88172645463325252u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_bits ^= random_bits << 13;
    random_bits ^= random_bits >> 7;
    random_bits ^= random_bits << 17;
    return (double)(int64_t)random_bits / 9223372036854775808.0;
}

/* Blocks of exactly the right size, so that the sanitizers see a read past the end. */
static float *randoms(size_t n, double scale, double shift) {
    float *x = mlsel_i_alloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(shift + scale * uniform());
    return x;
}

static float *copy(const float *x, size_t n) {
    float *to = mlsel_i_alloc(n, sizeof *to);
    assert_non_null(to);
    memcpy(to, x, n * sizeof *to);
    return to;
}

/* Fails unless |got - expected| <= bound and a few roundings of the result. */
static void check(float got, float expected, double bound, const char *isa, const char *what) {
    const double off = fabs((double)got - (double)expected);
    if (!(off <= bound + 4 * 0x1p-24 * fabs((double)expected)))
        fail_msg("%s: %s: %.9g, expected %.9g within %.3g", isa, what, (double)got, (double)expected, bound);
}

static float at(const float *x, size_t x_block, size_t j, size_t i) {
    return x[i / MLP_BLOCK * x_block + j * MLP_BLOCK + i % MLP_BLOCK];
}

static const mlp_kernels *const reference = &mlsel_i_mlp_kernels_reference;

typedef void (*check_fn)(const mlp_kernels *k);

static void for_each_table(check_fn test) {
    const mlp_kernels *tables[MLP_MAX_LEVELS];
    const size_t n = mlsel_i_mlp_kernels_all(tables);
    assert_ptr_equal(tables[0], reference);
    assert_true(n >= 2);
    for (size_t i = 1; i < n; i++)
        test(tables[i]);
}

/* --- products ----------------------------------------------------------------------------------------------------- */

static void check_forward(const mlp_kernels *k) {
    static const size_t widths[] = {1, 7, 31, 32, 33, 96, 130}, heights[] = {8, 16, 40};
    for (size_t a = 0; a < TEST_LENGTH(widths); a++)
        for (size_t b = 0; b < TEST_LENGTH(heights); b++) {
            const size_t n = widths[a], rows = heights[b], x_block = rows * MLP_BLOCK;
            float *x = randoms((n + 31) / 32 * x_block, 1, 0), *w = randoms(n * MLP_BLOCK, 1, 0);
            float *expected = randoms(x_block, 1, 0), *got = copy(expected, x_block), *before = copy(got, x_block);
            reference->forward(x, x_block, n, w, rows, expected);
            k->forward(x, x_block, n, w, rows, got);
            for (size_t p = 0; p < x_block; p++) {
                double sizes = fabs((double)before[p]);
                for (size_t i = 0; i < n; i++)
                    sizes += fabs((double)at(x, x_block, p / MLP_BLOCK, i) * (double)w[i * MLP_BLOCK + p % MLP_BLOCK]);
                check(got[p], expected[p], mlsel_i_mlp_sum_error(n + 1) * sizes, k->isa, "forward");
            }
            mlsel_i_free(x);
            mlsel_i_free(w);
            mlsel_i_free(expected);
            mlsel_i_free(got);
            mlsel_i_free(before);
        }
}

static void check_backward(const mlp_kernels *k) {
    static const size_t inputs[] = {8, 16, 24, 32}, counts[] = {1, 2, 5};
    for (size_t a = 0; a < TEST_LENGTH(inputs); a++)
        for (size_t b = 0; b < TEST_LENGTH(counts); b++) {
            const size_t panel = (size_t)MLP_BLOCK * MLP_BLOCK;
            const size_t n = inputs[a], blocks = counts[b], w_block = (n + 8) * MLP_BLOCK, dt_block = 2 * panel;
            float *w = randoms(blocks * w_block, 1, 0), *dt = randoms(blocks * dt_block, 1, 0);
            float *expected = randoms(panel, 1, 0), *got = copy(expected, panel);
            reference->backward(w, w_block, dt, dt_block, blocks, n, expected);
            k->backward(w, w_block, dt, dt_block, blocks, n, got);
            for (size_t p = 0; p < panel; p++) {
                double sizes = 0;
                for (size_t o = 0; o < blocks * MLP_BLOCK && p < n * MLP_BLOCK; o++)
                    sizes += fabs((double)w[o / 32 * w_block + p / 32 * 32 + o % 32] *
                                  (double)dt[o / 32 * dt_block + o % 32 * 32 + p % 32]);
                check(got[p], expected[p], mlsel_i_mlp_sum_error(blocks * MLP_BLOCK) * sizes, k->isa, "backward");
            }
            mlsel_i_free(w);
            mlsel_i_free(dt);
            mlsel_i_free(expected);
            mlsel_i_free(got);
        }
}

/* --- Adam --------------------------------------------------------------------------------------------------------- */

static const mlp_adam adam = {.beta1_rest = 0.1F,
                              .beta2 = 0.999F,
                              .beta2_rest = 0.001F,
                              .rate = 0.003F,
                              .scale = 1.7F,
                              .eps = 1e-8F,
                              .decay = 0.99F};

/* What an error of the gradient g by `off` makes of the moments m and v and of the weight. */
static void check_step(const mlp_kernels *k, const float *got[3], float *const expected[3], size_t p, double g,
                       double off) {
    const double few = 6 * 0x1p-24, m = fabs((double)expected[1][p]), v = (double)expected[2][p];
    const double m_off = 0.1 * off + few * (m + fabs(g)), v_off = 0.001 * (2 * fabs(g) + off) * off + few * v;
    const double root = 1.7 * sqrt(v);
    check(got[1][p], expected[1][p], m_off, k->isa, "first moment");
    check(got[2][p], expected[2][p], v_off, k->isa, "second moment");
    const double share = m_off / root + m * 1.7 * v_off / (2 * sqrt(v)) / (root * root) + few * m / root;
    check(got[0][p], expected[0][p], 0.003 * share, k->isa, "weight");
}

static void check_update(const mlp_kernels *k) {
    static const size_t widths[] = {8, 32, 40, 72}, heights[] = {1, 2, 31, 32, 45};
    for (size_t a = 0; a < TEST_LENGTH(widths); a++)
        for (size_t b = 0; b < TEST_LENGTH(heights); b++) {
            const size_t n = widths[a], rows = heights[b], x_block = (rows + 7) / 8 * 8 * MLP_BLOCK, size = n * 32;
            float *x = randoms((n + 31) / 32 * x_block, 1, 0), *d = randoms(rows * MLP_BLOCK, 1, 0);
            float *expected[3] = {randoms(size, 1, 0), randoms(size, 1, 0), randoms(size, 0.4, 0.5)};
            float *got[3] = {copy(expected[0], size), copy(expected[1], size), copy(expected[2], size)};
            reference->update(x, x_block, n, d, rows, expected[0], expected[1], expected[2], &adam);
            k->update(x, x_block, n, d, rows, got[0], got[1], got[2], &adam);
            for (size_t p = 0; p < size; p++) {
                double sizes = 0, g = 0;
                for (size_t j = 0; j < rows; j++) {
                    const double product = (double)at(x, x_block, j, p / 32) * (double)d[j * 32 + p % 32];
                    g += product;
                    sizes += fabs(product);
                }
                check_step(k, (const float *[]){got[0], got[1], got[2]}, expected, p, g,
                           mlsel_i_mlp_sum_error(rows) * sizes);
            }
            mlsel_i_free(x);
            mlsel_i_free(d);
            for (size_t i = 0; i < 3; i++) {
                mlsel_i_free(expected[i]);
                mlsel_i_free(got[i]);
            }
        }
}

static void check_plain_step(const mlp_kernels *k) {
    enum { N = 96 };
    float *g = randoms(N, 1, 0);
    float *expected[3] = {randoms(N, 1, 0), randoms(N, 1, 0), randoms(N, 0.4, 0.5)};
    float *got[3] = {copy(expected[0], N), copy(expected[1], N), copy(expected[2], N)};
    reference->step(g, N, expected[0], expected[1], expected[2], &adam);
    k->step(g, N, got[0], got[1], got[2], &adam);
    for (size_t p = 0; p < N; p++)
        check_step(k, (const float *[]){got[0], got[1], got[2]}, expected, p, (double)g[p], 0);
    mlsel_i_free(g);
    for (size_t i = 0; i < 3; i++) {
        mlsel_i_free(expected[i]);
        mlsel_i_free(got[i]);
    }
}

/* A weight without a gradient stays where it is, whatever Adam divides by. */
static void check_rest(const mlp_kernels *k) {
    float *zero = randoms(MLP_BLOCK, 0, 0), *w = randoms(MLP_BLOCK, 0, 0.25), *m = randoms(MLP_BLOCK, 0, 0),
          *v = randoms(MLP_BLOCK, 0, 0);
    mlp_adam plain = adam;
    plain.decay = 1;
    k->step(zero, MLP_BLOCK, w, m, v, &plain);
    for (size_t i = 0; i < MLP_BLOCK; i++)
        assert_true(w[i] == 0.25F && m[i] == 0 && v[i] == 0);
    mlsel_i_free(zero);
    mlsel_i_free(w);
    mlsel_i_free(m);
    mlsel_i_free(v);
}

/* --- batch normalisation ------------------------------------------------------------------------------------------ */

enum { VECTORS = 6 };

/* gamma, beta, mean, inv_std, running mean and variance */
static void make_norm(float *vectors[VECTORS]) {
    for (size_t i = 0; i < VECTORS; i++)
        vectors[i] = randoms(MLP_BLOCK, 0.5, 1);
}

static mlp_norm norm_of(float *const v[VECTORS]) {
    return (mlp_norm){.gamma = v[0],
                      .beta = v[1],
                      .mean = v[2],
                      .inv_std = v[3],
                      .running_mean = v[4],
                      .running_var = v[5],
                      .momentum = 0.1F,
                      .eps = 1e-5F};
}

static const char *const vector_names[VECTORS] = {"gamma", "beta", "mean", "inv_std", "running mean", "running var"};

/*
 * Values of z are at most 1 and their deviations at least 0.05, as the rows are drawn evenly; so the sums' error, e,
 * of mean and variance makes at most e / 0.05 (mean) + e / (2 * 0.05^2) (deviation) of the normalised values, up to 20
 * of them, and that is what the bounds allow.
 */
static void check_normalise_rows(const mlp_kernels *k, size_t rows, bool drops) {
    const size_t size = rows * MLP_BLOCK;
    const double e = mlsel_i_mlp_sum_error(rows < 64 ? rows : 66), wide = 400 * e;
    float *z = randoms(size, 0.5, 0.3), *z2 = copy(z, size), *keep = drops ? randoms(size, 0.5, 0.5) : NULL;
    float *h = randoms(size, 1, 0), *h2 = copy(h, size), *d = randoms(size, 1, 0), *d2 = copy(d, size);
    const size_t three = 3 * (size_t)MLP_BLOCK;
    float *sums = randoms(three, 1, 0), *sums2 = copy(sums, three);
    float *vectors[VECTORS], *vectors2[VECTORS];
    make_norm(vectors);
    for (size_t i = 0; i < VECTORS; i++)
        vectors2[i] = copy(vectors[i], MLP_BLOCK);
    const mlp_norm norm = norm_of(vectors), norm2 = norm_of(vectors2);
    reference->normalise(z, rows, &norm, keep, h);
    k->normalise(z2, rows, &norm2, keep, h2);
    assert_memory_equal(z, z2, size * sizeof *z);
    for (size_t i = 0; i < VECTORS; i++)
        for (size_t o = 0; o < MLP_BLOCK; o++)
            check(vectors2[i][o], vectors[i][o], (i == 3 ? wide : 4 * e) * fabs((double)vectors[i][o]), k->isa,
                  vector_names[i]);
    for (size_t p = 0; p < size; p++)
        check(h2[p], h[p], wide, k->isa, "normalised");
    /* from the same state, so that what follows is compared on its own */
    reference->normalise_back(z, rows, &norm, keep, d, sums, sums + 32, sums + 64);
    k->normalise_back(z, rows, &norm, keep, d2, sums2, sums2 + 32, sums2 + 64);
    for (size_t o = 0; o < three; o++)
        check(sums2[o], sums[o], (o < 32 ? 2 : 400) * e * (double)rows, k->isa, "derivatives by parameters");
    for (size_t p = 0; p < size; p++)
        check(d2[p], d[p], 4 * wide, k->isa, "derivatives");
    reference->infer(z, rows, &norm, h);
    k->infer(z2, rows, &norm, h2);
    for (size_t p = 0; p < size; p++)
        check(h2[p], h[p], 0x1p-20, k->isa, "inferred");
    float *const all[] = {z, z2, keep, h, h2, d, d2, sums, sums2};
    for (size_t i = 0; i < TEST_LENGTH(all); i++)
        mlsel_i_free(all[i]);
    for (size_t i = 0; i < VECTORS; i++) {
        mlsel_i_free(vectors[i]);
        mlsel_i_free(vectors2[i]);
    }
}

static void check_normalise(const mlp_kernels *k) {
    static const size_t heights[] = {16, 32, 63, 64, 65, 200};
    for (size_t i = 0; i < TEST_LENGTH(heights); i++) {
        check_normalise_rows(k, heights[i], false);
        check_normalise_rows(k, heights[i], true);
    }
}

static void forward(void **state) {
    (void)state;
    for_each_table(check_forward);
}

static void backward(void **state) {
    (void)state;
    for_each_table(check_backward);
}

static void update(void **state) {
    (void)state;
    for_each_table(check_update);
    for_each_table(check_plain_step);
    for_each_table(check_rest);
}

static void normalise(void **state) {
    (void)state;
    for_each_table(check_normalise);
}

/* A wider level than those here, as "avx512vnni", is served by the one it extends. */
static void pick_follows(void **state) {
    (void)state;
    const char *picked = mlsel_i_mlp_kernels_pick()->isa, *isa = mlsel_i_cpu_kernels_pick()->isa;
    assert_memory_equal(picked, isa, strlen(picked));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward),   cmocka_unit_test(backward),     cmocka_unit_test(update),
        cmocka_unit_test(normalise), cmocka_unit_test(pick_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
