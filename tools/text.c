/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

size_t text_character(const char *text, uint32_t *code_point) {
    const unsigned char *t = (const unsigned char *)text;
    uint32_t c = t[0];
    if (c < 0x80) {
        *code_point = c;
        return 1;
    }
    size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < 0xC2 || c > 0xF4)
        return 0;
    c &= 0x7Fu >> length;
    for (size_t i = 1; i < length; ++i) {
        if (!is_continuation(t[i]))
            return 0;
        c = c << 6 | (t[i] & 0x3Fu);
    }
    if (c < smallest[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *code_point = c;
    return length;
}

/* Code points that order text differently from how it is stored: a label must not be able to rewrite its row. */
static bool is_direction_control(uint32_t c) {
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* What a character becomes in clean text: how many bytes are read, and what stands for them. */
static size_t clean_character(const char *text, const char **replacement, size_t *replacement_size) {
    uint32_t c = 0;
    size_t length = text_character(text, &c);
    *replacement = text;
    *replacement_size = length;
    if (length == 0) {
        *replacement = "\xEF\xBF\xBD";
        *replacement_size = 3;
        return 1;
    }
    if (c == '\t' || c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029) {
        *replacement = " ";
        *replacement_size = 1;
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || is_direction_control(c)) {
        *replacement_size = 0;
    }
    return length;
}

void text_clean(char *out, size_t size, const char *text) {
    size_t used = 0;
    while (*text != '\0') {
        const char *piece;
        size_t piece_size;
        text += clean_character(text, &piece, &piece_size);
        if (used + piece_size + 1 > size)
            break;
        memcpy(out + used, piece, piece_size);
        used += piece_size;
    }
    out[used] = '\0';
}

char *text_cleaned(const char *text) {
    size_t size = 3 * strlen(text) + 1;
    char *out = tool_alloc(size, 1);
    text_clean(out, size, text);
    return out;
}

size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; ++text)
        width += !is_continuation((unsigned char)*text);
    return width;
}

/* Offset of character `index`, or of the end. */
static size_t offset_of(const char *text, size_t index) {
    size_t offset = 0, seen = 0;
    for (; text[offset] != '\0'; ++offset)
        if (!is_continuation((unsigned char)text[offset]) && seen++ == index)
            break;
    return offset;
}

char *text_shortened(const char *text, size_t width) {
    char *out = text_cleaned(text);
    if (text_width(out) > width && width >= 3) {
        size_t end = offset_of(out, width - 3);
        while (end > 0 && out[end - 1] == ' ')
            --end;
        memcpy(out + end, "...", 4);
    }
    return out;
}

const char *text_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

const char *text_number(char out[TEXT_NUMBER], double value) {
    double size = fabs(value);
    if (!isfinite(value))
        return "-";
    if (size >= 999999.5 || (size > 0 && size < 1e-4))
        snprintf(out, TEXT_NUMBER, "%.2e", value);
    else
        snprintf(out, TEXT_NUMBER, "%.*f", size < 999.99995 ? 4 : 1, size > 0 ? value : 0.0);
    return out;
}

const char *text_probability(char out[TEXT_NUMBER], double value) {
    snprintf(out, TEXT_NUMBER, "%.4f", value);
    return out;
}

const char *text_count(char out[TEXT_NUMBER], uint64_t value) {
    char digits[TEXT_NUMBER];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    size_t used = 0;
    for (size_t i = 0; i < count; ++i) {
        if (i > 0 && (count - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *text_bytes(char out[TEXT_NUMBER], uint64_t value) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)value;
    size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < TOOL_ARRAY_LENGTH(units)) {
        size /= 1024;
        ++unit;
    }
    snprintf(out, TEXT_NUMBER, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return out;
}

const char *text_duration(char out[TEXT_NUMBER], double nanoseconds) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    size_t unit = 0;
    if (nanoseconds == 0)
        return "-";
    while (nanoseconds >= 999.5 && unit + 1 < TOOL_ARRAY_LENGTH(units)) {
        nanoseconds /= 1000;
        ++unit;
    }
    snprintf(out, TEXT_NUMBER,
             nanoseconds >= 99.95   ? "%.0f %s"
             : nanoseconds >= 9.995 ? "%.1f %s"
                                    : "%.2f %s",
             nanoseconds, units[unit]);
    return out;
}
