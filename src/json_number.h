/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal text to double, correctly rounded (to nearest, ties to even) and independent of the locale.
 */
#ifndef MLSEL_JSON_NUMBER_H
#define MLSEL_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum json_number_status {
    JSON_NUMBER_OK,
    JSON_NUMBER_NO_DIGIT,     /* no digit where the number starts, or after its minus sign */
    JSON_NUMBER_LEADING_ZERO, /* a digit follows a leading 0 */
    JSON_NUMBER_NO_FRACTION,  /* no digit after the point */
    JSON_NUMBER_NO_EXPONENT,  /* no digit in the exponent */
    JSON_NUMBER_OVERFLOW,     /* beyond the largest double */
    JSON_NUMBER_TOO_LONG,     /* longer than JSON_NUMBER_MAX_SIZE characters */
    JSON_NUMBER_NO_MEMORY
};

#define JSON_NUMBER_MAX_SIZE 4096

/*
 * Reads the JSON number that starts at *at and moves *at behind it; on a grammar error to the byte that is wrong (which
 * may be end). *locale is a cache, NULL at first; give it to mlsel_i_json_number_done in the end.
 */
enum json_number_status mlsel_i_json_number(const char **at, const char *end, void **locale, double *value);
void mlsel_i_json_number_done(void *locale);

/* The double nearest to w * 10^q for w below 10^19; false for a q that is not usual, or where that is not available. */
bool mlsel_i_json_decimal(uint64_t w, int q, bool negative, double *value);

#endif
