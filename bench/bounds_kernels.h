/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of bounds.c for one vector width; included once for each, with WIDTH (floats in a vector), TARGET (an
 * attribute) and NAME(x) defined. No include guard: each inclusion makes other functions.
 */
typedef float NAME(vector) __attribute__((vector_size(4 * WIDTH), may_alias, aligned(4 * WIDTH)));

enum { NAME(ACCUMULATORS) = 8 };

TARGET static float NAME(total)(const NAME(vector) * sums) {
    NAME(vector) sum = sums[0];
    for (size_t a = 1; a < NAME(ACCUMULATORS); a++)
        sum += sums[a];
    float total = 0;
    for (size_t i = 0; i < WIDTH; i++)
        total += sum[i];
    return total;
}

/* Reads `streams` rows of ROW_FLOATS at the same time, then the rest in one stream. */
#define SUM_STREAMS(streams)                                                                                           \
    TARGET static float NAME(sum_##streams)(const float *data, size_t count) {                                         \
        enum { PER_STREAM = NAME(ACCUMULATORS) / (streams) };                                                          \
        NAME(vector) sums[NAME(ACCUMULATORS)] = {{0}};                                                                 \
        const float *p = data, *end = data + count;                                                                    \
        for (; (size_t)(end - p) >= (streams)*ROW_FLOATS; p += (streams)*ROW_FLOATS)                                   \
            for (size_t i = 0; i < ROW_FLOATS; i += PER_STREAM * WIDTH)                                                \
                for (size_t s = 0; s < (streams); s++)                                                                 \
                    for (size_t a = 0; a < PER_STREAM; a++)                                                            \
                        sums[s * PER_STREAM + a] +=                                                                    \
                            *(const NAME(vector) *)(const void *)(p + s * ROW_FLOATS + i + a * WIDTH);                 \
        for (; (size_t)(end - p) >= NAME(ACCUMULATORS) * WIDTH; p += NAME(ACCUMULATORS) * WIDTH)                       \
            for (size_t a = 0; a < NAME(ACCUMULATORS); a++)                                                            \
                sums[a] += *(const NAME(vector) *)(const void *)(p + a * WIDTH);                                       \
        for (; (size_t)(end - p) >= WIDTH; p += WIDTH)                                                                 \
            sums[0] += *(const NAME(vector) *)(const void *)p;                                                         \
        return NAME(total)(sums);                                                                                      \
    }

SUM_STREAMS(1)
SUM_STREAMS(2)
SUM_STREAMS(4)
SUM_STREAMS(8)
#undef SUM_STREAMS

/* x * y + sum on independent registers, enough of them for any pipeline; FMA_STEPS times. */
TARGET static float NAME(fma)(float start) {
    NAME(vector) sums[FMA_REGISTERS], x = {0}, y = {0};
    for (size_t i = 0; i < WIDTH; i++) {
        x[i] = start;
        y[i] = 1 - start;
    }
    for (size_t r = 0; r < FMA_REGISTERS; r++)
        sums[r] = x + (float)r;
    for (size_t i = 0; i < FMA_STEPS; i++)
        for (size_t r = 0; r < FMA_REGISTERS; r++)
            sums[r] = sums[r] * y + x;
    NAME(vector) sum = sums[0];
    for (size_t r = 1; r < FMA_REGISTERS; r++)
        sum += sums[r];
    return sum[0] + sum[WIDTH - 1];
}

#undef WIDTH
#undef TARGET
#undef NAME
