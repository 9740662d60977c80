/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of numbers of the form that artifacts are full of, many at a time. Anything else, and whatever leaves a doubt,
 * is left to the reader that takes one number after the other: so all errors come from there, and a value that is
 * stored here is the one that would be stored there.
 */
#include <string.h>

#include "json_digits.h"
#include "json_parser.h"

#if JSON_DIGITS > 0

/*
 * A number of the form -d.ddd, with a comma behind it: its first digit, and which of the characters from there on are
 * no digits. The upper bits of others may be missing: the characters themselves are looked at before they count.
 */
typedef struct number_place {
    const char *digit;
    uint64_t others;
    bool negative;
} number_place;

#define MAX_FRACTION 27 /* digits behind the point */
/* What may be looked at from a number on: four numbers, and what is read beyond the last. */
#define RUN_WINDOW 192

/*
 * The float nearest to the double nearest to a number that is `value`, but for the errors of json_leading_fraction and
 * of one addition. False if these may decide: in units of the double's last place they are below 6, and another 7379 if
 * digits were cut off and the value is at least 2^-14.
 */
static inline bool round_to_float(double value, bool is_cut, bool negative, float *out) {
    const uint64_t small = (uint64_t)(1023 - 14) << 52;
    const uint64_t margin = 8192, half = UINT64_C(1) << 28, mask = (UINT64_C(1) << 29) - 1;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & mask) - (half - margin) <= 2 * margin || (bits < small && is_cut))
        return false;
    const float nearest = (float)value;
    uint32_t word;
    memcpy(&word, &nearest, sizeof word);
    word |= (uint32_t)negative << 31;
    memcpy(out, &word, sizeof word);
    return true;
}

/* The double nearest to digit.ddd with n digits behind the point. False if these are too many. */
static inline bool round_to_double(unsigned digit, const char *fraction, unsigned n, bool negative, double *out) {
    uint64_t w = digit * json_powers_of_ten[16] + json_leading16(fraction, n);
    const unsigned more = n > 16 ? n - 16 : 0;
    if (more > 8 || w >= json_powers_of_ten[19 - more])
        return false;
    if (more > 0)
        w = w * json_powers_of_ten[more] + json_first8(fraction + 16, more);
    return mlsel_i_json_decimal(w, -16 - (int)more, negative, out);
}

/* The number behind a comma at `at` and white space of any kind. */
static number_place find_number(const char *at, const char *end) {
    number_place place = {.digit = json_skip_space(at + 1, end)};
    place.negative = place.digit < end && *place.digit == '-';
    place.digit += place.negative;
    if (end - place.digit >= RUN_WINDOW)
        place.others = json_others64(place.digit);
    return place;
}

/* The type and whether there is an output are known where these are called, and must be when they are compiled. */
#if defined(__GNUC__)
#define SPECIALISED static inline __attribute__((always_inline))
#else
#define SPECIALISED static inline
#endif

/* Reads the number at *place into out[index] and moves to the next. False, and nothing is done, if it has another form.
 * Nothing here branches on digits and signs; the next number's place is found without waiting for the value. */
SPECIALISED bool read_one(number_place *place, const char *end, enum json_dtype dtype, void *out, size_t index) {
    const char *const fraction = place->digit + 2;
    const uint64_t others = place->others >> 2;
    if (others == 0)
        return false;
    const unsigned n = (unsigned)__builtin_ctzll(others);
    uint16_t head, separator; /* the second character is the upper byte */
    memcpy(&head, place->digit, sizeof head);
    memcpy(&separator, fraction + n, sizeof separator);
    const unsigned digit = head - ('.' << 8 | '0');
    if (digit > 9 || n - 1 >= MAX_FRACTION || (separator & 0xff) != ',')
        return false;
    if (out != NULL && dtype == JSON_F32) {
        const double value = (double)(int)digit + json_leading_fraction(fraction, n);
        if (!round_to_float(value, n > 16, place->negative, (float *)out + index))
            return false;
    } else if (out != NULL && !round_to_double(digit, fraction, n, place->negative, (double *)out + index)) {
        return false;
    }
    /* adding 1 to the run of other characters turns it into zeros, up to the next digit */
    const unsigned step = (unsigned)__builtin_ctzll(others + (others & (0 - others)));
    place->digit = fraction + step;
    place->others = others >> step;
    place->negative = place->digit[-1] == '-';
    const unsigned gap = step - n - place->negative;
    if (gap != 1 && (gap != 2 || separator != (' ' << 8 | ',')))
        *place = find_number(fraction + n, end);
    return true;
}

SPECIALISED size_t read_two(number_place *place, const char *end, enum json_dtype dtype, void *out, size_t index) {
    if (!read_one(place, end, dtype, out, index))
        return 0;
    return read_one(place, end, dtype, out, index + 1) ? 2 : 1;
}

/* The characters are classified for four numbers at a time, because only then can the processor work ahead: where a
 * number starts depends on the length of the one before. */
SPECIALISED size_t read_run(json_parser *p, enum json_dtype dtype, void *out, size_t max) {
    const char *const end = p->end;
    if (end - p->at < RUN_WINDOW)
        return 0;
    number_place place = {.negative = *p->at == '-'};
    place.digit = p->at + place.negative;
    size_t count = 0, read = 4;
    while (read == 4 && max - count >= 4 && end - place.digit >= RUN_WINDOW) {
        const char *const start = place.digit;
        const uint64_t first = json_others64(start), second = json_others64(start + 64);
        place.others = first;
        read = read_two(&place, end, dtype, out, count);
        const size_t used = (size_t)(place.digit - start);
        if (read == 2) {
            if (used < 64)
                place.others = first >> used | second << (64 - used);
            read += read_two(&place, end, dtype, out, count + 2);
        }
        count += read;
    }
    p->at = place.digit - place.negative;
    return count;
}

size_t mlsel_i_json_run(json_parser *p, enum json_dtype dtype, void *out, size_t max) {
    if (out == NULL)
        return read_run(p, JSON_F64, NULL, max);
    return dtype == JSON_F32 ? read_run(p, JSON_F32, out, max) : read_run(p, JSON_F64, out, max);
}

#else

size_t mlsel_i_json_run(json_parser *p, enum json_dtype dtype, void *out, size_t max) {
    (void)p, (void)dtype, (void)out, (void)max;
    return 0;
}

#endif
