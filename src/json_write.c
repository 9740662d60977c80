/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "json_number.h"

enum { FILE_BUFFER = 1 << 20, LONGEST_NUMBER = 40 };

/* --- text -------------------------------------------------------------------------------------------------------- */

static void flush(json_writer *w) {
    if (w->status == MLSEL_OK && w->size > 0)
        w->status = mlsel_i_file_write(w->file, w->text, w->size, w->err);
    w->size = 0;
}

/* Where `size` bytes may be put; NULL after a failure. */
static char *room(json_writer *w, size_t size) {
    if (w->file != NULL && w->capacity > 0 && size > w->capacity - w->size)
        flush(w);
    if (w->status != MLSEL_OK)
        return NULL;
    if (size > w->capacity - w->size) {
        size_t capacity = w->file != NULL ? FILE_BUFFER : w->capacity < 256 ? 256 : 2 * w->capacity;
        if (capacity - w->size < size)
            capacity = w->size + size;
        char *larger = mlsel_i_resize(w->text, w->size, capacity, 1);
        if (larger == NULL) {
            w->status = mlsel_i_no_memory(w->err);
            return NULL;
        }
        w->text = larger;
        w->capacity = capacity;
    }
    return w->text + w->size;
}

void mlsel_i_write_raw(json_writer *w, const char *text, size_t size) {
    char *at = size > 0 ? room(w, size) : NULL; /* before anything is written there is no place for nothing */
    if (at == NULL)
        return;
    memcpy(at, text, size);
    w->size += size;
}

mlsel_status mlsel_i_write_end(json_writer *w) {
    if (w->file != NULL)
        flush(w);
    return w->status;
}

void mlsel_i_write_free(json_writer *w) {
    mlsel_i_free(w->text);
    w->text = NULL;
    w->size = w->capacity = 0;
}

/* A comma where one is due before a value. */
static void separate(json_writer *w) {
    if (w->needs_comma)
        mlsel_i_write_raw(w, ",", 1);
    w->needs_comma = true;
}

static void write_value(json_writer *w, const char *text, size_t size) {
    separate(w);
    mlsel_i_write_raw(w, text, size);
}

void mlsel_i_write_open(json_writer *w, char bracket) {
    write_value(w, &bracket, 1);
    w->needs_comma = false;
}

void mlsel_i_write_close(json_writer *w, char bracket) {
    mlsel_i_write_raw(w, &bracket, 1);
    w->needs_comma = true;
}

/* --- strings ----------------------------------------------------------------------------------------------------- */

static void write_quoted(json_writer *w, const char *text) {
    mlsel_i_write_raw(w, "\"", 1);
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        mlsel_i_write_raw(w, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        char escape[8];
        const int length = *text == '"' || *text == '\\' ? snprintf(escape, sizeof escape, "\\%c", *text)
                                                         : snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*text);
        mlsel_i_write_raw(w, escape, (size_t)length);
        text++;
    }
    mlsel_i_write_raw(w, "\"", 1);
}

void mlsel_i_write_string(json_writer *w, const char *text) {
    separate(w);
    write_quoted(w, text);
}

void mlsel_i_write_key(json_writer *w, const char *key) {
    mlsel_i_write_string(w, key);
    mlsel_i_write_raw(w, ": ", 2);
    w->needs_comma = false;
}

void mlsel_i_write_strings(json_writer *w, const json_strings *strings) {
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < strings->count; i++)
        mlsel_i_write_string(w, strings->bytes + strings->offsets[i]);
    mlsel_i_write_close(w, ']');
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { MAX_POWER = MLSEL_ARRAY_LENGTH(powers) - 1 };

static bool reads_back(uint64_t digits, int exponent, double value, bool is_f32) {
    double read;
    if (!mlsel_i_json_decimal(digits, exponent, false, &read))
        return false;
    return is_f32 ? (float)read == (float)value : read == value;
}

/* Digits and exponent of value = digits * 10^exponent with n_digits digits; false if these do not give it back. */
static bool with_digits(double value, int n_digits, int magnitude, bool is_f32, uint64_t *digits, int *exponent) {
    const int power = n_digits - 1 - magnitude;
    if (power > MAX_POWER || power < -MAX_POWER)
        return false;
    const double scaled = power >= 0 ? value * powers[power] : value / powers[-power];
    const uint64_t nearest = (uint64_t)(scaled + 0.5);
    for (int i = 0; i < 3; i++) {
        const uint64_t candidate = i == 2 ? nearest - 1 : nearest + (uint64_t)i;
        if (candidate > 0 && reads_back(candidate, -power, value, is_f32)) {
            *digits = candidate;
            *exponent = -power;
            return true;
        }
    }
    return false;
}

/* floor(log10(value)) for 1e-14 <= value < 1e16 */
static int magnitude_of(double value) {
    int magnitude = 0;
    while (value >= powers[magnitude + 1])
        magnitude++;
    while (magnitude <= 0 && value * powers[-magnitude] < 1)
        magnitude--;
    return magnitude;
}

/* Writes digits * 10^exponent as people do. Returns the length. */
static size_t lay_out(char *out, uint64_t digits, int exponent) {
    char text[LONGEST_NUMBER];
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    const int length = snprintf(text, sizeof text, "%llu", (unsigned long long)digits);
    const int point = length + exponent; /* digits before the point */
    char *at = out;
    if (point <= -4 || point > 17) {
        *at++ = text[0];
        if (length > 1) {
            *at++ = '.';
            memcpy(at, text + 1, (size_t)length - 1);
            at += length - 1;
        }
        return (size_t)(at - out) + (size_t)snprintf(at, 8, "e%d", point - 1);
    }
    for (int i = point; i <= 1 && point <= 0; i++) /* "0." and as many more */
        *at++ = i == point + 1 ? '.' : '0';
    for (int i = 0; i < length || i < point; i++) {
        if (i == point && point > 0)
            *at++ = '.';
        *at++ = (char)(i < length ? text[i] : '0');
    }
    if (point >= length) {
        *at++ = '.';
        *at++ = '0';
    }
    return (size_t)(at - out);
}

static void write_real(json_writer *w, double value, bool is_f32) {
    char text[2 * LONGEST_NUMBER];
    const double size = fabs(value);
    const int first = is_f32 ? 6 : 15, last = is_f32 ? 9 : 16;
    size_t sign = 0;
    if (signbit(value))
        text[sign++] = '-';
    if (!(size > 0)) {
        write_value(w, sign > 0 ? "-0.0" : "0.0", sign + 3);
        return;
    }
    if (size >= 1e-12 && size < 1e16) {
        uint64_t digits;
        int exponent;
        const int magnitude = magnitude_of(size);
        for (int n = first; n <= last; n++)
            if (with_digits(size, n, magnitude, is_f32, &digits, &exponent)) {
                write_value(w, text, sign + lay_out(text + sign, digits, exponent));
                return;
            }
    }
    mlsel_i_format_double(text, sizeof text, value); /* rare, so a few digits too many for a float do not matter */
    write_value(w, text, strlen(text));
}

void mlsel_i_write_f64(json_writer *w, double value) { write_real(w, value, false); }

void mlsel_i_write_f32(json_writer *w, float value) { write_real(w, (double)value, true); }

void mlsel_i_write_count(json_writer *w, uint64_t value) {
    char text[LONGEST_NUMBER];
    write_value(w, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value));
}

void mlsel_i_write_bool(json_writer *w, bool value) { write_value(w, value ? "true" : "false", value ? 4 : 5); }

void mlsel_i_write_number(json_writer *w, double value) {
    const double largest = 9007199254740992; /* 2^53 */
    char text[LONGEST_NUMBER];
    if (fabs(value) <= largest && value == floor(value) && !(value == 0 && signbit(value)))
        write_value(w, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
    else
        mlsel_i_write_f64(w, value);
}

/* --- arrays ------------------------------------------------------------------------------------------------------ */

static void write_row(json_writer *w, const json_array *array, size_t first, size_t count) {
    mlsel_i_write_open(w, '[');
    for (size_t i = first; i < first + count; i++)
        if (array->dtype == JSON_F32)
            mlsel_i_write_f32(w, ((const float *)array->data)[i]);
        else
            mlsel_i_write_f64(w, ((const double *)array->data)[i]);
    mlsel_i_write_close(w, ']');
}

void mlsel_i_write_array(json_writer *w, const json_array *array) {
    if (array->rank == 1) {
        write_row(w, array, 0, array->rows);
        return;
    }
    mlsel_i_write_open(w, '[');
    for (size_t r = 0; r < array->rows; r++)
        write_row(w, array, r * array->stride, array->cols);
    mlsel_i_write_close(w, ']');
}

/* --- members ------------------------------------------------------------------------------------------------------ */

void mlsel_i_write_string_member(json_writer *w, const char *key, const char *text) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_string(w, text);
}

void mlsel_i_write_f64_member(json_writer *w, const char *key, double value) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_f64(w, value);
}

void mlsel_i_write_count_member(json_writer *w, const char *key, uint64_t value) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_count(w, value);
}

void mlsel_i_write_texts_member(json_writer *w, const char *key, const char *const *texts, size_t n) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < n; i++)
        mlsel_i_write_string(w, texts[i]);
    mlsel_i_write_close(w, ']');
}
