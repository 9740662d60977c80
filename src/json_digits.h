/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digits of a text, many at once. JSON_DIGITS says how: 2 with the vectors that every x86-64 and arm64 has, 1 with
 * words of eight bytes, 0 (big-endian machines) not at all.
 */
#ifndef MLSEL_JSON_DIGITS_H
#define MLSEL_JSON_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef JSON_DIGITS
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define JSON_DIGITS 0
#elif defined(__SSE2__) || (defined(__aarch64__) && defined(__ARM_NEON))
#define JSON_DIGITS 2
#else
#define JSON_DIGITS 1
#endif
#endif

#if JSON_DIGITS == 2 && defined(__SSE2__)
#include <emmintrin.h>
#elif JSON_DIGITS == 2
#include <arm_neon.h>
#endif

static inline bool json_is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

#if JSON_DIGITS > 0

static const uint64_t json_powers_of_ten[20] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static inline uint64_t json_load8(const void *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Eight digits, the first in the lowest byte, each 0 to 9. */
static inline uint64_t json_combine8(uint64_t digits) {
    digits = digits * 10 + (digits >> 8); /* pairs in every second byte */
    const uint64_t mask = UINT64_C(0x000000ff000000ff);
    const uint64_t first = (digits & mask) * (100 + (UINT64_C(1000000) << 32));
    const uint64_t second = (digits >> 16 & mask) * (1 + (UINT64_C(10000) << 32));
    return (first + second) >> 32;
}

/* The highest bit of each byte that is no digit. */
static inline uint64_t json_others8(uint64_t text) {
    const uint64_t digits = text ^ UINT64_C(0x3030303030303030);
    const uint64_t low = digits & UINT64_C(0x7f7f7f7f7f7f7f7f);
    return ((low + UINT64_C(0x7676767676767676)) | digits) & UINT64_C(0x8080808080808080);
}

/* The first n digits, 1 to 8, as an integer; 8 bytes are read. */
static inline uint64_t json_first8(const char *text, unsigned n) {
    /* zeros in front take the place of those that are missing */
    return json_combine8((json_load8(text) ^ UINT64_C(0x3030303030303030)) << (64 - 8 * n));
}

/* 16 bytes of which the first n, at most 32, are 0xff and the others 0. */
static inline const unsigned char *json_keep(unsigned n) {
    static const unsigned char bytes[48] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return bytes + 32 - n;
}

/*
 * json_others64: bit i is set if text[i] is no digit, i < 64.
 *
 * json_leading16: the first 16 of n digits, at most 32, as an integer; fewer are followed by zeros. 16 bytes are read.
 *
 * json_leading_fraction: the same with the point in front of the first digit, with a relative error below 4 * 2^-53:
 * that of the constants, and at most three roundings.
 */
#if JSON_DIGITS == 2 && defined(__SSE2__)

static inline uint32_t json_others16(const char *text) {
    const __m128i chars = _mm_loadu_si128((const __m128i *)(const void *)text);
    /* digits become 0 to 9, and up to 127 with 118 more, which stops at 255 */
    const __m128i digits = _mm_sub_epi8(chars, _mm_set1_epi8('0'));
    return (uint32_t)_mm_movemask_epi8(_mm_adds_epu8(digits, _mm_set1_epi8(118)));
}

static inline uint64_t json_others64(const char *text) {
    const uint32_t first = json_others16(text) | json_others16(text + 16) << 16;
    const uint32_t second = json_others16(text + 32) | json_others16(text + 48) << 16;
    return first | (uint64_t)second << 32;
}

/* The first and second eight digits, as 32-bit integers. */
static inline __m128i json_halves(const char *text, unsigned n) {
    const __m128i keep = _mm_loadu_si128((const __m128i *)(const void *)json_keep(n));
    const __m128i chars = _mm_loadu_si128((const __m128i *)(const void *)text);
    const __m128i digits = _mm_and_si128(_mm_sub_epi8(chars, _mm_set1_epi8('0')), keep);
    /* sums of neighbours, the first times 10, 100 and 10000, leave numbers of 2, 4 and 8 digits */
    __m128i sums = _mm_add_epi8(_mm_mullo_epi16(digits, _mm_set1_epi16(10)), _mm_srli_epi16(digits, 8));
    sums = _mm_and_si128(sums, _mm_set1_epi16(0xff));
    sums = _mm_madd_epi16(sums, _mm_set1_epi32(1 << 16 | 100));
    sums = _mm_packs_epi32(sums, sums);
    return _mm_madd_epi16(sums, _mm_set1_epi32(1 << 16 | 10000));
}

static inline uint64_t json_leading16(const char *text, unsigned n) {
    uint64_t halves;
    _mm_storel_epi64((__m128i *)(void *)&halves, json_halves(text, n));
    return (halves & 0xffffffff) * 100000000 + (halves >> 32);
}

static inline double json_leading_fraction(const char *text, unsigned n) {
    const __m128d parts = _mm_mul_pd(_mm_cvtepi32_pd(json_halves(text, n)), _mm_set_pd(1e-16, 1e-8));
    return _mm_cvtsd_f64(parts) + _mm_cvtsd_f64(_mm_unpackhi_pd(parts, parts));
}

#else

#if JSON_DIGITS == 2

static inline uint8x16_t json_other_bits(const char *text) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t digits = vsubq_u8(vld1q_u8((const uint8_t *)text), vdupq_n_u8('0'));
    return vandq_u8(vcgtq_u8(digits, vdupq_n_u8(9)), vld1q_u8(bits));
}

static inline uint64_t json_others64(const char *text) {
    const uint8x16_t first = vpaddq_u8(json_other_bits(text), json_other_bits(text + 16));
    const uint8x16_t second = vpaddq_u8(json_other_bits(text + 32), json_other_bits(text + 48));
    const uint8x16_t sums = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

#else

static inline uint64_t json_others64(const char *text) {
    uint64_t all = 0;
    for (size_t i = 0; i < 8; i++) {
        /* the product has the highest bits of the eight bytes side by side, the first byte's as bit 56 */
        const uint64_t others = json_others8(json_load8(text + 8 * i)) >> 7;
        all |= (others * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    }
    return all;
}

#endif

static inline uint64_t json_leading16(const char *text, unsigned n) {
    const unsigned char *const keep = json_keep(n);
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    const uint64_t first = json_combine8((json_load8(text) ^ zeros) & json_load8(keep));
    const uint64_t second = json_combine8((json_load8(text + 8) ^ zeros) & json_load8(keep + 8));
    return first * 100000000 + second;
}

static inline double json_leading_fraction(const char *text, unsigned n) {
    return (double)(int64_t)json_leading16(text, n) * 1e-16;
}

#endif
#endif

#endif
