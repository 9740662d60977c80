/* SPDX-License-Identifier: Apache-2.0 */
/* What a plain scalar means: the rules of Go's yaml.v3, YAML 1.2 with the integers of 1.1. */
#include <math.h>
#include <string.h>

#include "config/yaml.h"
#include "json_number.h"

enum { LONGEST_NUMBER = 400 };

typedef struct meaning {
    const char *text;
    yaml_type type;
    double number;
} meaning;

static const meaning words[] = {
    {"", YAML_NULL, 0},
    {"~", YAML_NULL, 0},
    {"null", YAML_NULL, 0},
    {"Null", YAML_NULL, 0},
    {"NULL", YAML_NULL, 0},
    {"true", YAML_BOOL, 1},
    {"True", YAML_BOOL, 1},
    {"TRUE", YAML_BOOL, 1},
    {"false", YAML_BOOL, 0},
    {"False", YAML_BOOL, 0},
    {"FALSE", YAML_BOOL, 0},
    {".nan", YAML_NUMBER, NAN},
    {".NaN", YAML_NUMBER, NAN},
    {".NAN", YAML_NUMBER, NAN},
    {".inf", YAML_NUMBER, INFINITY},
    {".Inf", YAML_NUMBER, INFINITY},
    {".INF", YAML_NUMBER, INFINITY},
    {"+.inf", YAML_NUMBER, INFINITY},
    {"+.Inf", YAML_NUMBER, INFINITY},
    {"+.INF", YAML_NUMBER, INFINITY},
    {"-.inf", YAML_NUMBER, -INFINITY},
    {"-.Inf", YAML_NUMBER, -INFINITY},
    {"-.INF", YAML_NUMBER, -INFINITY},
};

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'z' ? small - 'a' + 10 : 99;
}

/* A whole number of 64 bits with the prefixes 0x, 0o, 0b, and 0 for octal; `at` is behind the sign. */
static bool read_integer(const char *at, bool negative, double *number) {
    int base = 10;
    if (at[0] == '0' && at[1] != '\0') {
        const char prefix = (char)(at[1] | 0x20);
        base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
        at += prefix == 'x' || prefix == 'b' || prefix == 'o' ? 2 : 1;
    }
    uint64_t value = 0;
    const char *const first = at;
    for (; *at != '\0'; at++) {
        const int digit = digit_value(*at);
        if (digit >= base || value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    if (at == first || (negative && value > (uint64_t)INT64_MAX + 1))
        return false;
    *number = negative ? -(double)value : (double)value;
    return true;
}

static const char *skip_digits(const char *at) {
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* .5, 1., 1.5e-3: written as JSON wants it, then read as that. `at` is behind the sign. */
static bool read_decimal(const char *at, bool negative, double *number) {
    char json[LONGEST_NUMBER + 8];
    size_t used = 0;
    const char *const whole_end = skip_digits(at), *end = whole_end;
    while (whole_end - at > 1 && *at == '0')
        at++;
    const size_t whole = (size_t)(whole_end - at);
    memcpy(json, whole > 0 ? at : "0", whole > 0 ? whole : 1);
    used = whole > 0 ? whole : 1;
    if (*end == '.') {
        const char *const fraction = end + 1;
        end = skip_digits(fraction);
        if (whole == 0 && end == fraction)
            return false;
        if (end > fraction) {
            json[used++] = '.';
            memcpy(json + used, fraction, (size_t)(end - fraction));
            used += (size_t)(end - fraction);
        }
    } else if (whole == 0) {
        return false;
    }
    if (*end == 'e' || *end == 'E') {
        const char *digits = end + 1 + (end[1] == '-' || end[1] == '+');
        const char *const last = skip_digits(digits);
        if (last == digits)
            return false;
        memcpy(json + used, end, (size_t)(last - end));
        used += (size_t)(last - end);
        end = last;
    }
    if (*end != '\0')
        return false;
    void *locale = NULL;
    const char *from = json;
    const enum json_number_status status = mlsel_i_json_number(&from, json + used, &locale, number);
    mlsel_i_json_number_done(locale);
    *number = negative ? -*number : *number;
    return status == JSON_NUMBER_OK;
}

/* Digits may be grouped with underscores. */
static bool read_number(const char *text, size_t size, double *number) {
    char plain[LONGEST_NUMBER + 1];
    size_t used = 0;
    const bool begins = *text == '+' || *text == '-' || *text == '.' || (*text >= '0' && *text <= '9');
    if (!begins || size > LONGEST_NUMBER)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] != '_' || *text == '.')
            plain[used++] = text[i];
    plain[used] = '\0';
    const bool negative = plain[0] == '-';
    const char *const at = plain + (negative || plain[0] == '+');
    return read_integer(at, negative, number) || read_decimal(at, negative, number);
}

yaml_type mlsel_i_yaml_resolve(const char *text, size_t size, double *number) {
    *number = 0;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(words); i++)
        if (strcmp(words[i].text, text) == 0) {
            *number = words[i].number;
            return words[i].type;
        }
    if (read_number(text, size, number))
        return YAML_NUMBER;
    *number = 0;
    return YAML_TEXT;
}

bool mlsel_i_yaml_bool(const yaml_node *node, bool *value) {
    static const char *const yes[] = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"};
    static const char *const no[] = {"n", "N", "no", "No", "NO", "off", "Off", "OFF"};
    if (node->kind != YAML_SCALAR)
        return false;
    if (node->type == YAML_BOOL) {
        *value = node->number > 0;
        return true;
    }
    if (node->type != YAML_TEXT)
        return false;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(yes); i++)
        if (strcmp(yes[i], node->text) == 0 || strcmp(no[i], node->text) == 0) {
            *value = strcmp(yes[i], node->text) == 0;
            return true;
        }
    return false;
}
