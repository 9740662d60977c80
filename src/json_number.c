/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number is scanned into its digits as an integer w and a power of ten q. Up to 19 digits and |q| <= 27, which is
 * every number that usually occurs, are converted here with integers only, exactly. The rest goes to strtod_l with the
 * C locale.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l */
#endif
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__) || defined(__FreeBSD__)
#include <xlocale.h>
#endif

#include "json_digits.h"
#include "json_number.h"

#define MAX_DIGITS 19 /* 10^19 - 1 fits into 64 bits */
#define MAX_POWER 27  /* 5^27 fits into 63 bits */

#if defined(__SIZEOF_INT128__)

__extension__ typedef unsigned __int128 uint128;

/* 5^i, its number of bits b, and floor(2^(63 + b) / 5^i), which has its highest bit set. */
typedef struct power_of_five {
    uint64_t power;
    uint64_t reciprocal;
    int bits;
} power_of_five;

#define POWER(value, b)                                                                                                \
    { UINT64_C(value), (uint64_t)(((uint128)1 << (63 + (b))) / UINT64_C(value)), b }

static const power_of_five powers[MAX_POWER + 1] = {
    {1, 0, 1}, /* the reciprocal is not used: only q < 0 divides */
    POWER(5, 3),
    POWER(25, 5),
    POWER(125, 7),
    POWER(625, 10),
    POWER(3125, 12),
    POWER(15625, 14),
    POWER(78125, 17),
    POWER(390625, 19),
    POWER(1953125, 21),
    POWER(9765625, 24),
    POWER(48828125, 26),
    POWER(244140625, 28),
    POWER(1220703125, 31),
    POWER(6103515625, 33),
    POWER(30517578125, 35),
    POWER(152587890625, 38),
    POWER(762939453125, 40),
    POWER(3814697265625, 42),
    POWER(19073486328125, 45),
    POWER(95367431640625, 47),
    POWER(476837158203125, 49),
    POWER(2384185791015625, 52),
    POWER(11920928955078125, 54),
    POWER(59604644775390625, 56),
    POWER(298023223876953125, 59),
    POWER(1490116119384765625, 61),
    POWER(7450580596923828125, 63),
};

#define TAIL_BITS 11 /* of 64 bits with the highest set, 53 are the significand */
#define TAIL_HALF (UINT64_C(1) << (TAIL_BITS - 1))
#define TAIL_MASK ((UINT64_C(1) << TAIL_BITS) - 1)

/* The double whose significand is the upper 53 bits of m (highest bit set), plus 1 if round_up, with m standing for
 * m / 2^63 * 2^exponent. A carry out of the significand runs into the exponent, as it should. */
static inline double assemble(uint64_t m, bool round_up, int exponent, bool negative) {
    uint64_t bits = (m >> TAIL_BITS) - (UINT64_C(1) << 52) + round_up;
    bits += (uint64_t)(exponent + 1023) << 52;
    bits |= (uint64_t)negative << 63;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* n * 2^exponent, where sticky says that n was cut off above a remainder that is not zero. n >= 2^63 in that case. */
static double round_exact(uint128 n, bool sticky, int exponent, bool negative) {
    const uint64_t upper = (uint64_t)(n >> 64);
    const int shift = upper != 0 ? __builtin_clzll(upper) : 64 + __builtin_clzll((uint64_t)n);
    n <<= shift;
    const uint64_t m = (uint64_t)(n >> 64);
    const uint64_t tail = m & TAIL_MASK;
    const bool is_above = (uint64_t)n != 0 || sticky;
    const bool is_odd = (m >> TAIL_BITS & 1) != 0;
    const bool round_up = tail > TAIL_HALF || (tail == TAIL_HALF && (is_above || is_odd));
    return assemble(m, round_up, exponent + 127 - shift, negative);
}

/* w / 10^k by division with remainder. */
static double divide_exact(uint64_t w, int k, bool negative) {
    const int shift = __builtin_clzll(w) + 63; /* then the quotient has at least 64 bits */
    const uint128 dividend = (uint128)w << shift;
    const uint128 quotient = dividend / powers[k].power;
    const bool sticky = quotient * powers[k].power != dividend;
    return round_exact(quotient, sticky, -shift - k, negative);
}

/*
 * w * 10^q for w != 0 and |q| <= MAX_POWER; 10^q is 5^q * 2^q.
 *
 * For q < 0 the product with the reciprocal, which is too small by less than 1, is too small by less than 2^64, so
 * after the shift by at most 1 the true value of m lies in [m, m + 3). That settles the rounding unless the half lies
 * in there.
 */
static inline double convert(uint64_t w, int q, bool negative) {
    if (q >= 0)
        return round_exact((uint128)w * powers[q].power, false, q, negative);
    const power_of_five *five = &powers[-q];
    const int shift = __builtin_clzll(w);
    uint128 product = (uint128)(w << shift) * five->reciprocal;
    const int low = (int)(~(uint64_t)(product >> 64) >> 63); /* 1 if the highest bit is not set */
    product <<= low;
    const uint64_t m = (uint64_t)(product >> 64);
    const uint64_t tail = m & TAIL_MASK;
    if (tail - (TAIL_HALF - 2) <= 2)
        return divide_exact(w, -q, negative);
    return assemble(m, tail > TAIL_HALF, 64 - five->bits - low - shift + q, negative);
}

#define CAN_CONVERT(q) ((q) >= -MAX_POWER && (q) <= MAX_POWER)

#else

static inline double convert(uint64_t w, int q, bool negative) {
    (void)w, (void)q, (void)negative;
    return 0.0;
}

#define CAN_CONVERT(q) false

#endif

#if JSON_DIGITS > 0

/* Appends the digits at `at` to *w (modulo 2^64), eight at a time, and returns where they end. */
static inline const char *scan_digits(const char *at, const char *end, uint64_t *w) {
    while (end - at >= 8) {
        const uint64_t others = json_others8(json_load8(at));
        const unsigned n = others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
        if (n > 0)
            *w = *w * json_powers_of_ten[n] + json_first8(at, n);
        at += n;
        if (n < 8)
            return at;
    }
    for (; at < end && json_is_digit(*at); at++)
        *w = *w * 10 + (uint64_t)(*at - '0');
    return at;
}

#else

static inline const char *scan_digits(const char *at, const char *end, uint64_t *w) {
    for (; at < end && json_is_digit(*at); at++)
        *w = *w * 10 + (uint64_t)(*at - '0');
    return at;
}

#endif

/* The exponent behind the 'e' at *at, cut off where it has long decided; false if it has no digit. */
static bool scan_exponent(const char **at, const char *end, int *exponent) {
    const char *c = *at + 1;
    bool negative = false;
    if (c < end && (*c == '-' || *c == '+'))
        negative = *c++ == '-';
    *at = c;
    if (c == end || !json_is_digit(*c))
        return false;
    int value = 0;
    for (; c < end && json_is_digit(*c); c++)
        value = value < 100000 ? value * 10 + (*c - '0') : value;
    *exponent = negative ? -value : value;
    *at = c;
    return true;
}

/* Number of leading zeros of the digits at text, which may have a point in between. */
static size_t count_leading_zeros(const char *text, const char *end) {
    size_t count = 0;
    for (; text < end && (*text == '0' || *text == '.'); text++)
        count += *text == '0';
    return count;
}

/* text to end is a number by the grammar. */
static enum json_number_status convert_slowly(const char *text, const char *end, void **locale, double *value) {
    char copy[JSON_NUMBER_MAX_SIZE + 1]; /* strtod_l wants a terminator */
    const size_t size = (size_t)(end - text);
    if (size > JSON_NUMBER_MAX_SIZE)
        return JSON_NUMBER_TOO_LONG;
    if (*locale == NULL) {
        *locale = (void *)newlocale(LC_ALL_MASK, "C", (locale_t)0);
        if (*locale == NULL)
            return JSON_NUMBER_NO_MEMORY;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    *value = strtod_l(copy, NULL, (locale_t)*locale);
    return isfinite(*value) ? JSON_NUMBER_OK : JSON_NUMBER_OVERFLOW;
}

void mlsel_i_json_number_done(void *locale) {
    if (locale != NULL)
        freelocale((locale_t)locale);
}

bool mlsel_i_json_decimal(uint64_t w, int q, bool negative, double *value) {
    if (w == 0)
        *value = negative ? -0.0 : 0.0;
    else if (CAN_CONVERT(q))
        *value = convert(w, q, negative);
    else
        return false;
    return true;
}

enum json_number_status mlsel_i_json_number(const char **at, const char *end, void **locale, double *value) {
    const char *const start = *at;
    const bool negative = start < end && *start == '-';
    const char *const first = start + negative;
    const char *c = first;
    if (c == end || !json_is_digit(*c)) {
        *at = c;
        return JSON_NUMBER_NO_DIGIT;
    }
    uint64_t w = 0;
    size_t n_digits = 0; /* not counting a lone 0 before the point */
    if (*c == '0') {
        c++;
        if (c < end && json_is_digit(*c)) {
            *at = c;
            return JSON_NUMBER_LEADING_ZERO;
        }
    } else {
        do
            w = w * 10 + (uint64_t)(*c++ - '0');
        while (c < end && json_is_digit(*c));
        n_digits = (size_t)(c - first);
    }
    size_t n_fraction = 0;
    if (c < end && *c == '.') {
        const char *const fraction = ++c;
        c = scan_digits(c, end, &w);
        n_fraction = (size_t)(c - fraction);
        if (n_fraction == 0) {
            *at = c;
            return JSON_NUMBER_NO_FRACTION;
        }
        n_digits += n_fraction;
    }
    const char *const digits_end = c;
    int exponent = 0;
    if (c < end && (*c == 'e' || *c == 'E') && !scan_exponent(&c, end, &exponent)) {
        *at = c;
        return JSON_NUMBER_NO_EXPONENT;
    }
    *at = c;
    if (c - start > JSON_NUMBER_MAX_SIZE)
        return JSON_NUMBER_TOO_LONG;
    if (n_digits > MAX_DIGITS) {
        /* Here a lone 0 before the point is one of the leading zeros. */
        n_digits += *first == '0';
        n_digits -= count_leading_zeros(first, digits_end);
    }
    const int q = exponent - (int)n_fraction;
    if (n_digits <= MAX_DIGITS && mlsel_i_json_decimal(w, q, negative, value))
        return JSON_NUMBER_OK;
    return convert_slowly(start, c, locale, value);
}
