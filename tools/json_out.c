/* SPDX-License-Identifier: Apache-2.0 */
#include "json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static void begin_value(json_out *j) {
    if (j->comma)
        putchar(',');
    j->comma = true;
}

void json_open(json_out *j, char bracket) {
    begin_value(j);
    putchar(bracket);
    j->comma = false;
}

void json_close(json_out *j, char bracket) {
    putchar(bracket);
    j->comma = true;
}

static void print_escaped(uint32_t c) {
    switch (c) {
    case '"':
        fputs("\\\"", stdout);
        break;
    case '\\':
        fputs("\\\\", stdout);
        break;
    case '\n':
        fputs("\\n", stdout);
        break;
    case '\t':
        fputs("\\t", stdout);
        break;
    case '\r':
        fputs("\\r", stdout);
        break;
    default:
        printf("\\u%04" PRIx32, c);
    }
}

static void print_string(const char *text) {
    putchar('"');
    while (*text != '\0') {
        uint32_t c = 0;
        size_t length = text_character(text, &c);
        if (length == 0) {
            fputs("\xEF\xBF\xBD", stdout);
            length = 1;
        } else if (c < 0x20 || c == '"' || c == '\\' || (c >= 0x7F && c < 0xA0)) {
            print_escaped(c);
        } else {
            fwrite(text, 1, length, stdout);
        }
        text += length;
    }
    putchar('"');
}

void json_key(json_out *j, const char *key) {
    begin_value(j);
    print_string(key);
    putchar(':');
    j->comma = false;
}

void json_string(json_out *j, const char *text) {
    if (text == NULL) {
        json_null(j);
        return;
    }
    begin_value(j);
    print_string(text);
}

void json_number(json_out *j, double value) {
    char digits[TEXT_NUMBER];
    if (!isfinite(value)) {
        json_null(j);
        return;
    }
    for (int precision = 15; precision <= 17; ++precision) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        double back = strtod(digits, NULL);
        if (back >= value && back <= value)
            break;
    }
    json_raw(j, digits);
}

void json_integer(json_out *j, int64_t value) {
    begin_value(j);
    printf("%" PRId64, value);
}

void json_unsigned(json_out *j, uint64_t value) {
    begin_value(j);
    printf("%" PRIu64, value);
}

void json_pair_number(json_out *j, const char *key, double value) {
    json_key(j, key);
    json_number(j, value);
}

void json_pair_unsigned(json_out *j, const char *key, uint64_t value) {
    json_key(j, key);
    json_unsigned(j, value);
}

void json_bool(json_out *j, bool value) { json_raw(j, value ? "true" : "false"); }

void json_null(json_out *j) { json_raw(j, "null"); }

void json_raw(json_out *j, const char *text) {
    begin_value(j);
    fputs(text, stdout);
}

void json_end_line(json_out *j) {
    putchar('\n');
    j->comma = false;
}
