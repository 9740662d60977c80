/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all tables of low.h share, in plain C, compiled into each of their files with that file's instructions. Nothing
 * in here has external linkage: code for instructions that a machine lacks must not replace other code.
 */
#ifndef MLSEL_CPU_LOW_STEPS_H
#define MLSEL_CPU_LOW_STEPS_H

#include <math.h>
#include <string.h>

#include "low.h"

#if defined(__clang__)
#define LOW_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LOW_UNROLL _Pragma("GCC unroll 16")
#endif
#if defined(__GNUC__)
#define LOW_INLINE static inline __attribute__((always_inline))
#define LOW_SHARED static inline __attribute__((unused))
#else
#define LOW_INLINE static inline
#define LOW_SHARED static inline
#endif

/* --- inputs ------------------------------------------------------------------------------------------------------- */

LOW_SHARED uint32_t low_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The bits of the nearest float that is a bf16. NaN stays one: those that arithmetic makes have low bits of 0. */
LOW_SHARED uint32_t low_round_bf16(float x) {
    const uint32_t bits = low_bits(x);
    return (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
}

/* bf16 as pairs of 16 bits */
LOW_SHARED float low_load_bf16(const float *x, size_t n, void *to) {
    uint16_t *out = to;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint16_t)(low_round_bf16(x[i]) >> 16);
    if (n % 2 != 0)
        out[n] = 0;
    return 1;
}

/* bf16 as floats, for tables that have no instruction for it */
LOW_SHARED float low_load_bf16_wide(const float *x, size_t n, void *to) {
    uint32_t *out = to;
    for (size_t i = 0; i < n; i++)
        out[i] = low_round_bf16(x[i]);
    if (n % 2 != 0)
        out[n] = 0;
    return 1;
}

LOW_SHARED float low_load_float(const float *x, size_t n, void *to) {
    memcpy(to, x, n * sizeof *x);
    return 1;
}

/* The largest magnitude, as bits: of those, NaN is larger than infinity, and infinity larger than all numbers. */
LOW_SHARED uint32_t low_largest(const float *x, size_t n) {
    int32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t bits = (int32_t)(low_bits(x[i]) & 0x7fffffff);
        largest = bits > largest ? bits : largest;
    }
    return (uint32_t)largest;
}

/* The factor that makes inputs integers; *scale is its inverse. Tiny inputs count as 0, and no factor overflows. */
LOW_SHARED float low_factor(const float *x, size_t n, float *scale) {
    const uint32_t bits = low_largest(x, n);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    if (bits >= 0x7f800000u) {
        *scale = NAN;
        return 0;
    }
    *scale = largest < 0x1p-100f ? 0 : largest / LOW_LEVELS;
    return largest < 0x1p-100f ? 0 : LOW_LEVELS / largest;
}

/* Adding it to a float below 2^22 rounds that to an integer. */
#define LOW_MAGIC 12582912.0f

LOW_SHARED int16_t low_integer(float x, float factor) {
    return (int16_t)(int32_t)((x * factor + LOW_MAGIC) - LOW_MAGIC);
}

/* int8's inputs as 16 bits. Inputs that are not finite become 0, which the scale of NaN makes up for. */
LOW_SHARED float low_load_i16(const float *x, size_t n, void *to) {
    int16_t *out = to;
    float scale;
    const float factor = low_factor(x, n, &scale);
    if (factor > 0)
        for (size_t i = 0; i < n; i++)
            out[i] = low_integer(x[i], factor);
    else
        memset(out, 0, n * sizeof *out);
    for (size_t i = n; i % 4 != 0; i++)
        out[i] = 0;
    return scale;
}

/* --- after the sums ----------------------------------------------------------------------------------------------- */

LOW_SHARED void low_scale(float *y, float factor, const float *scales, const float *shifts, size_t n) {
    if (scales != NULL && shifts != NULL)
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] * (factor * scales[i]) + shifts[i];
    else if (scales != NULL)
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] * (factor * scales[i]);
    else if (shifts != NULL)
        for (size_t i = 0; i < n; i++)
            y[i] += shifts[i];
}

LOW_SHARED void low_relu(float *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}

/* --- the way through the blocks ----------------------------------------------------------------------------------- */

/* Some blocks of one group for one or more queries. */
typedef struct low_part {
    const char *w; /* of the first of the blocks */
    size_t stride; /* bytes from one step to the next */
    size_t n_steps;
    const char *x;
    size_t x_stride; /* bytes from one query to the next */
    float *out;
    size_t out_stride;
    const int32_t *starts;
} low_part;

typedef void (*low_pass)(const low_part *part, size_t n_blocks);

/* Queries for which `four` reads the weights once. */
enum { LOW_FOUR = 4 };

LOW_SHARED void low_walk(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,
                         size_t out_stride, low_pass one, low_pass four) {
    const char *w = m->values;
    for (size_t block = 0, group; block < m->n_blocks; block += group) {
        group = low_group(m->n_blocks - block, m->max_group);
        low_part part = {.w = w,
                         .stride = group * m->block_bytes,
                         .n_steps = m->n_steps,
                         .x = x,
                         .x_stride = x_stride,
                         .out = out + block * LOW_LANES,
                         .out_stride = out_stride,
                         .starts = m->starts == NULL ? NULL : m->starts + block * LOW_LANES};
        for (size_t q = 0, step; q < n_queries; q += step) {
            step = n_queries - q >= LOW_FOUR ? LOW_FOUR : 1;
            (step == LOW_FOUR ? four : one)(&part, group);
            part.x += step * x_stride;
            part.out += step * out_stride;
        }
        w += group * m->n_steps * m->block_bytes;
    }
}

/* The multiply function of a format from its two passes. */
#define LOW_MULTIPLY(format)                                                                                           \
    static void multiply_##format(const low_matrix *m, const void *x, size_t x_stride, size_t n_queries, float *out,   \
                                  size_t out_stride) {                                                                 \
        low_walk(m, x, x_stride, n_queries, out, out_stride, one_##format, four_##format);                             \
    }

/* Some blocks of a part, for passes that take a group in pieces. */
LOW_SHARED low_part low_piece(const low_part *part, size_t block, size_t block_bytes) {
    low_part piece = *part;
    piece.w += block * block_bytes;
    piece.out += block * LOW_LANES;
    if (piece.starts != NULL)
        piece.starts += block * LOW_LANES;
    return piece;
}

#endif
