/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured choices read from a fuzzer's bytes. Where the bytes are used up, every choice is 0 (the first, false, an
 * empty string), so that short inputs are simple ones.
 */
#ifndef MLSEL_FUZZ_INPUT_H
#define MLSEL_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_input {
    const uint8_t *at, *end;
};

struct fuzz_input fuzz_input(const uint8_t *data, size_t size);
/*
 * For inputs that are a text with some choices besides: everything before the last 0 byte is the text, what follows are
 * the choices; without a 0 byte all is text. So a plain text file is a valid seed.
 */
struct fuzz_input fuzz_split_text(const uint8_t *data, size_t size, size_t *text_size);

uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
uint32_t fuzz_u32(struct fuzz_input *in);
uint64_t fuzz_u64(struct fuzz_input *in);
bool fuzz_bool(struct fuzz_input *in);
/* From 0 to n - 1, n > 0. */
uint32_t fuzz_below(struct fuzz_input *in, uint32_t n);
/* A number of any kind: mostly small ones, also huge, tiny, signed zeros, infinities, NaN, and any bits at all. */
double fuzz_double(struct fuzz_input *in);
/* The same, but always finite and within the range of float. */
float fuzz_finite_float(struct fuzz_input *in);
/* Up to max bytes that are left, as they are. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t max, size_t *size);
/* A string of at most capacity - 1 bytes, terminated: a length, then its bytes; 0 bytes in it end it. */
const char *fuzz_string(struct fuzz_input *in, char *buffer, size_t capacity);

#endif
