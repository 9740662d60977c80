/* SPDX-License-Identifier: Apache-2.0 */
/* Layers in bf16, f16 and int8: the number formats against arithmetic, each instruction set against sums in long double
 * over weights packed here as low.h says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/low.h"
#include "support.h"

enum { MAX_TABLES = 6, MAX_QUERIES = 9 };

static uint64_t random_state = 88172645463325252u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(int64_t)random_state / 9223372036854775808.0;
}

typedef struct named_table {
    const char *isa;
    const cpu_low_kernels *low;
} named_table;

static size_t tables(named_table out[MAX_TABLES]) {
    size_t n = 0;
    const cpu_features features = mlsel_i_cpu_features();
    out[n++] = (named_table){"reference", &mlsel_i_cpu_low_reference};
    out[n++] = (named_table){"portable", &mlsel_i_cpu_low_portable};
#if defined(__x86_64__)
    if (features.avx2)
        out[n++] = (named_table){"avx2", &mlsel_i_cpu_low_avx2};
    if (features.avx512)
        out[n++] = (named_table){"avx512", &mlsel_i_cpu_low_avx512};
    if (features.avx512vnni)
        out[n++] = (named_table){"avx512vnni", &mlsel_i_cpu_low_avx512vnni};
    if (features.avx512bf16)
        out[n++] = (named_table){"avx512bf16", &mlsel_i_cpu_low_avx512bf16};
#elif defined(__aarch64__)
    out[n++] = (named_table){"neon", &mlsel_i_cpu_low_neon};
    if (features.neondot)
        out[n++] = (named_table){"neondot", &mlsel_i_cpu_low_neondot};
    if (features.neonbf16)
        out[n++] = (named_table){"neonbf16", &mlsel_i_cpu_low_neonbf16};
#endif
    (void)features;
    return n;
}

/* --- number formats ----------------------------------------------------------------------------------------------- */

/* Value of a format with so many bits of exponent and significand, by the definition of IEEE 754. */
static double value_of(uint16_t bits, int exponent_bits, int significand_bits) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = bits >> significand_bits & ((1 << exponent_bits) - 1);
    const int significand = bits & ((1 << significand_bits) - 1);
    const double magnitude = exponent == 0
                                 ? ldexp(significand, 1 - bias - significand_bits)
                                 : ldexp(significand + (1 << significand_bits), exponent - bias - significand_bits);
    return bits >> 15 ? -magnitude : magnitude;
}

static void expect_bits(const char *format, double x, uint16_t got, uint16_t expected) {
    if (got != expected)
        fail_msg("%s of %.17g: %04x, expected %04x", format, x, got, expected);
}

/* Every finite value keeps its bits; what is between two goes to the nearer, halfway to the even one. */
static void check_format(const char *format, uint16_t (*convert)(float), int exponent_bits, int significand_bits) {
    const uint16_t infinity = (uint16_t)(((1 << exponent_bits) - 1) << significand_bits);
    for (uint16_t bits = 0; bits < infinity; bits++) {
        const double low = value_of(bits, exponent_bits, significand_bits);
        const double high = value_of((uint16_t)(bits + 1), exponent_bits, significand_bits);
        const float middle = (float)((low + high) / 2);
        const uint16_t even = bits % 2 == 0 ? bits : (uint16_t)(bits + 1);
        expect_bits(format, low, convert((float)low), bits);
        expect_bits(format, -low, convert((float)-low), bits | 0x8000);
        expect_bits(format, (double)middle, convert(middle), even);
        expect_bits(format, (double)middle, convert(nextafterf(middle, 0)), bits);
        expect_bits(format, (double)middle, convert(nextafterf(middle, INFINITY)), (uint16_t)(bits + 1));
        expect_bits(format, -(double)middle, convert(-middle), even | 0x8000);
    }
    expect_bits(format, (double)INFINITY, convert(INFINITY), infinity);
}

static void formats(void **state) {
    (void)state;
    check_format("bf16", mlsel_i_cpu_to_bf16, 8, 7);
    check_format("f16", mlsel_i_cpu_to_f16, 5, 10);
    assert_int_equal(mlsel_i_cpu_to_f16(65519.996f), 0x7bff);
    assert_int_equal(mlsel_i_cpu_to_f16(65520), 0x7c00);
    assert_int_equal(mlsel_i_cpu_to_f16(1e30f), 0x7c00);
    assert_int_equal(mlsel_i_cpu_to_bf16(3.4e38f), 0x7f80);
}

/* --- layers ------------------------------------------------------------------------------------------------------- */

typedef enum format_id { BF16, F16, I8 } format_id;
static const char *const format_names[] = {"bf16", "f16", "int8"};
static const size_t step_inputs[] = {2, 1, 4}, value_bytes[] = {2, 2, 1};

/* A layer with its weights as numbers and as bits, [n_out][n_in]. */
typedef struct layer {
    size_t n_in, n_out;
    double *weights;
    uint16_t *bits;
} layer;

static layer random_layer(format_id format, size_t n_in, size_t n_out, bool extreme) {
    layer l = {.n_in = n_in, .n_out = n_out};
    l.weights = calloc(n_in * n_out, sizeof *l.weights);
    l.bits = calloc(n_in * n_out, sizeof *l.bits);
    assert_true(l.weights != NULL && l.bits != NULL);
    for (size_t i = 0; i < n_in * n_out; i++) {
        if (format == I8) {
            const int w = extreme ? 127 : (int)(uniform() * 128);
            l.weights[i] = w;
            l.bits[i] = (uint8_t)(int8_t)w;
        } else {
            /* small ones too, which are denormal in f16 */
            const float w = (float)(uniform() * (i % 7 == 0 ? 1e-6 : 1));
            l.bits[i] = format == BF16 ? mlsel_i_cpu_to_bf16(w) : mlsel_i_cpu_to_f16(w);
            l.weights[i] = format == BF16 ? value_of(l.bits[i], 8, 7) : value_of(l.bits[i], 5, 10);
        }
    }
    return l;
}

/* As the comment of low.h has it: groups, steps, blocks, outputs, inputs, one after the other. */
static low_matrix pack(const layer *l, format_id format, size_t max_group) {
    low_matrix m = {.n_blocks = (l->n_out + LOW_LANES - 1) / LOW_LANES,
                    .n_steps = (l->n_in + step_inputs[format] - 1) / step_inputs[format],
                    .block_bytes = LOW_LANES * step_inputs[format] * value_bytes[format],
                    .max_group = max_group};
    char *to = aligned_alloc(64, (m.n_blocks * m.n_steps * m.block_bytes + 63) / 64 * 64 + 64);
    int32_t *starts = calloc(m.n_blocks * LOW_LANES, sizeof *starts);
    assert_true(to != NULL && starts != NULL);
    m.values = to;
    m.starts = format == I8 ? starts : NULL;
    size_t group;
    for (size_t first = 0; first < m.n_blocks; first += group) {
        group = low_group(m.n_blocks - first, max_group);
        for (size_t s = 0; s < m.n_steps; s++)
            for (size_t o = first * LOW_LANES; o < (first + group) * LOW_LANES; o++)
                for (size_t i = s * step_inputs[format]; i < (s + 1) * step_inputs[format]; i++) {
                    const uint16_t bits = o < l->n_out && i < l->n_in ? l->bits[o * l->n_in + i] : 0;
                    const uint8_t byte = (uint8_t)bits;
                    memcpy(to, format == I8 ? (const void *)&byte : (const void *)&bits, value_bytes[format]);
                    to += value_bytes[format];
                }
    }
    for (size_t o = 0; o < l->n_out; o++)
        for (size_t i = 0; i < l->n_in && format == I8; i++)
            starts[o] -= 128 * (int32_t)l->weights[o * l->n_in + i];
    if (format != I8)
        free(starts);
    return m;
}

static const low_format *format_of(const cpu_low_kernels *low, format_id format) {
    return format == BF16 ? &low->bf16 : format == F16 ? &low->f16 : &low->i8;
}

/* What an input is in the format, and the sum over all. */
static long double expected_sum(const layer *l, format_id format, size_t o, const float *x, double factor,
                                long double *magnitude) {
    long double sum = 0;
    *magnitude = 0;
    for (size_t i = 0; i < l->n_in; i++) {
        double input = (double)x[i];
        if (format == BF16)
            input = value_of(mlsel_i_cpu_to_bf16(x[i]), 8, 7);
        else if (format == I8)
            input = rint((double)(float)(x[i] * (float)factor));
        sum += (long double)l->weights[o * l->n_in + i] * (long double)input;
        *magnitude += fabsl((long double)l->weights[o * l->n_in + i] * (long double)input);
    }
    return sum;
}

static float largest_of(const float *x, size_t n) {
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

static void check_layer(const named_table *table, format_id format, size_t n_in, size_t n_out, size_t n_queries,
                        bool extreme) {
    const low_format *f = format_of(table->low, format);
    layer l = random_layer(format, n_in, n_out, extreme);
    const low_matrix m = pack(&l, format, table->low->max_group);
    const size_t x_stride = ((n_in + 3) / 4 * 4 * LOW_INPUT_BYTES + 63) / 64 * 64,
                 out_stride = m.n_blocks * LOW_LANES + 5;
    char *inputs = aligned_alloc(64, x_stride * n_queries);
    float *x = malloc((n_queries * n_in) * sizeof *x), *out = malloc(n_queries * out_stride * sizeof *out);
    assert_true(inputs != NULL && x != NULL && out != NULL);
    memset(inputs, 0x5a, x_stride * n_queries); /* what load leaves out must not count */
    float scales[MAX_QUERIES];
    for (size_t q = 0; q < n_queries; q++) {
        for (size_t i = 0; i < n_in; i++)
            x[q * n_in + i] = extreme ? 3.0f : (float)uniform();
        scales[q] = f->load(x + q * n_in, n_in, inputs + q * x_stride);
    }
    for (size_t i = 0; i < n_queries * out_stride; i++)
        out[i] = 77;
    f->multiply(&m, inputs, x_stride, n_queries, out, out_stride);
    for (size_t q = 0; q < n_queries; q++)
        for (size_t o = 0; o < out_stride; o++) {
            const float got = out[q * out_stride + o];
            const float largest = largest_of(x + q * n_in, n_in);
            long double magnitude = 0, sum = o < m.n_blocks * LOW_LANES ? 0 : 77;
            if (o < n_out)
                sum = expected_sum(&l, format, o, x + q * n_in, (double)(LOW_LEVELS / largest), &magnitude);
            /* int8 is exact and rounded once; of the others each addition and product may round */
            const long double bound = format == I8 ? 0 : (long double)(n_in + 8) * 0x1p-23L * magnitude + 1e-37L;
            const long double expected = format == I8 ? (long double)(float)sum : sum;
            if (!(fabsl((long double)got - expected) <= bound))
                fail_msg("%s %s: %zu x %zu, query %zu of %zu, output %zu: %.9g, expected %.9Lg within %.3Lg",
                         table->isa, format_names[format], n_in, n_out, q, n_queries, o, (double)got, expected, bound);
            if (format == I8 && !(scales[q] >= largest / LOW_LEVELS && scales[q] <= largest / LOW_LEVELS))
                fail_msg("%s: scale %.9g", table->isa, (double)scales[q]);
        }
    free(inputs), free(x), free(out), free(l.weights), free(l.bits);
    free((void *)(uintptr_t)m.values), free((void *)(uintptr_t)m.starts);
}

static void check_format_layers(format_id format) {
    static const size_t outputs[] = {1, 4, 16, 17, 32, 48, 64, 100, 128, 129, 272};
    static const size_t inputs[] = {1, 2, 3, 4, 5, 7, 8, 31, 33, 64, 101};
    named_table all[MAX_TABLES];
    const size_t n = tables(all);
    for (size_t t = 0; t < n; t++) {
        print_message("%s %s\n", all[t].isa, format_names[format]);
        for (size_t o = 0; o < TEST_LENGTH(outputs); o++)
            for (size_t i = 0; i < TEST_LENGTH(inputs); i++)
                check_layer(&all[t], format, inputs[i], outputs[o], 1 + (o + i) % MAX_QUERIES, false);
        check_layer(&all[t], format, 1038, 40, 5, false);
        check_layer(&all[t], format, 5003, 20, 1, true); /* all as large as can be: integers must not overflow */
    }
    if (format == I8)
        for (size_t t = 0; t < n; t++)
            check_layer(&all[t], format, LOW_MAX_INPUTS, 17, 1, true);
}

static void bf16(void **state) {
    (void)state;
    check_format_layers(BF16);
}

static void f16(void **state) {
    (void)state;
    check_format_layers(F16);
}

static void int8(void **state) {
    (void)state;
    check_format_layers(I8);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

/* What is not finite makes a scale of NaN; what is next to nothing counts as 0; nothing overflows. */
static void int8_scales(void **state) {
    (void)state;
    named_table all[MAX_TABLES];
    const size_t n = tables(all);
    for (size_t t = 0; t < n; t++) {
        char to[64];
        float x[5] = {1, -2, INFINITY, 0, 1};
        assert_true(isnan(all[t].low->i8.load(x, 5, to)));
        x[2] = NAN;
        assert_true(isnan(all[t].low->i8.load(x, 5, to)));
        x[2] = 3e38f;
        const float scale = all[t].low->i8.load(x, 5, to);
        assert_true(scale >= 3e38f / LOW_LEVELS && scale <= 3e38f / LOW_LEVELS);
        float tiny[5] = {1e-40f, 0, -1e-38f, 0, 1e-31f};
        assert_true(all[t].low->i8.load(tiny, 5, to) <= 0);
    }
}

static void after_sums(void **state) {
    (void)state;
    named_table all[MAX_TABLES];
    const size_t n = tables(all);
    for (size_t t = 0; t < n; t++)
        for (size_t size = 0; size < 70; size++) {
            float y[80], z[80], scales[80], shifts[80];
            for (size_t i = 0; i < 80; i++) {
                y[i] = z[i] = (float)uniform();
                scales[i] = (float)uniform();
                shifts[i] = (float)uniform();
            }
            const float factor = 0.7f;
            all[t].low->scale(y, factor, scales, shifts, size);
            for (size_t i = 0; i < 80; i++) {
                const float scale = factor * scales[i], product = z[i] * scale;
                const float expected = i < size ? product + shifts[i] : z[i];
                assert_memory_equal(&y[i], &expected, sizeof expected);
            }
            all[t].low->relu(z, size);
            for (size_t i = 0; i < size; i++)
                assert_true(z[i] >= 0);
            float not_a_number = NAN; /* must not become a number */
            all[t].low->relu(&not_a_number, 1);
            assert_true(isnan(not_a_number));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats), cmocka_unit_test(bf16),        cmocka_unit_test(f16),
        cmocka_unit_test(int8),    cmocka_unit_test(int8_scales), cmocka_unit_test(after_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
