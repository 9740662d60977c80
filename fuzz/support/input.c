/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

_Noreturn void fuzz_failed(const char *file, int line, const char *condition, const char *more) {
    fprintf(stderr, "%s:%d: does not hold: %s%s%s\n", file, line, condition, *more != '\0' ? ": " : "", more);
    fflush(NULL);
    abort();
}

_Noreturn void fuzz_failed_with(const char *file, int line, const char *condition, const char *format, ...) {
    char more[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(more, sizeof more, format, args);
    va_end(args);
    fuzz_failed(file, line, condition, more);
}

struct fuzz_input fuzz_input(const uint8_t *data, size_t size) {
    /* libFuzzer's first input is NULL */
    static const uint8_t none[1];
    return size == 0 ? (struct fuzz_input){none, none} : (struct fuzz_input){data, data + size};
}

struct fuzz_input fuzz_split_text(const uint8_t *data, size_t size, size_t *text_size) {
    for (size_t i = size; i > 0; i--)
        if (data[i - 1] == 0) {
            *text_size = i - 1;
            return fuzz_input(data + i, size - i);
        }
    *text_size = size;
    return fuzz_input(NULL, 0);
}

uint8_t fuzz_u8(struct fuzz_input *in) { return in->at < in->end ? *in->at++ : 0; }

uint16_t fuzz_u16(struct fuzz_input *in) {
    const unsigned low = fuzz_u8(in), high = fuzz_u8(in);
    return (uint16_t)(low | high << 8);
}

uint32_t fuzz_u32(struct fuzz_input *in) {
    const uint32_t low = fuzz_u16(in), high = fuzz_u16(in);
    return low | high << 16;
}

uint64_t fuzz_u64(struct fuzz_input *in) {
    const uint64_t low = fuzz_u32(in), high = fuzz_u32(in);
    return low | high << 32;
}

bool fuzz_bool(struct fuzz_input *in) { return (fuzz_u8(in) & 1) != 0; }

uint32_t fuzz_below(struct fuzz_input *in, uint32_t n) {
    const uint32_t value = n <= 256 ? fuzz_u8(in) : n <= 65536 ? fuzz_u16(in) : fuzz_u32(in);
    return value % n;
}

double fuzz_double(struct fuzz_input *in) {
    static const double special[] = {0.0,   -0.0,    1.0,      -1.0,     1e-10,   1e-7,     0.5,
                                     1e10,  1e30,    FLT_MAX,  -FLT_MAX, FLT_MIN, 1e-45,    2 * (double)FLT_MAX,
                                     1e300, DBL_MAX, -DBL_MAX, DBL_MIN,  5e-324,  INFINITY, -INFINITY,
                                     NAN};
    const uint8_t kind = fuzz_u8(in);
    if (kind < 160)
        return ((double)kind - 80) / 16;
    if (kind < 200)
        return ((double)fuzz_u16(in) - 32768) / 1024;
    if (kind < 245)
        return special[(kind - 200u) % (sizeof special / sizeof *special)];
    const uint64_t bits = fuzz_u64(in);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float fuzz_finite_float(struct fuzz_input *in) {
    const double value = fuzz_double(in);
    return fabs(value) <= (double)FLT_MAX ? (float)value : 0;
}

const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t max, size_t *size) {
    const size_t left = (size_t)(in->end - in->at);
    *size = left < max ? left : max;
    const uint8_t *bytes = in->at;
    in->at += *size;
    return bytes;
}

const char *fuzz_string(struct fuzz_input *in, char *buffer, size_t capacity) {
    const size_t wanted = fuzz_u8(in);
    size_t size;
    const uint8_t *bytes = fuzz_bytes(in, wanted < capacity - 1 ? wanted : capacity - 1, &size);
    memcpy(buffer, bytes, size);
    buffer[size] = '\0';
    return buffer;
}
