/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MLSEL_ERROR_C
#include "internal.h"

#define MESSAGE_SIZE sizeof(((mlsel_error *)NULL)->message)
#define MAX_MESSAGE (MESSAGE_SIZE - 1)
/* Room for a text before it is cut; cleaning at most halves it, so what is lost here would not be shown. */
#define MAX_TEXT 1024
/* Bytes of a prefix that stay even if the message behind it has to be cut. */
#define MIN_PREFIX 80

static const char dots[] = "...";
#define N_DOTS (sizeof dots - 1)

const char *mlsel_status_name(mlsel_status status) {
    switch (status) {
    case MLSEL_OK:
        return "MLSEL_OK";
    case MLSEL_ERROR_INVALID_ARGUMENT:
        return "MLSEL_ERROR_INVALID_ARGUMENT";
    case MLSEL_ERROR_NO_MEMORY:
        return "MLSEL_ERROR_NO_MEMORY";
    case MLSEL_ERROR_PARSE:
        return "MLSEL_ERROR_PARSE";
    case MLSEL_ERROR_SCHEMA:
        return "MLSEL_ERROR_SCHEMA";
    case MLSEL_ERROR_VERSION:
        return "MLSEL_ERROR_VERSION";
    case MLSEL_ERROR_DIMENSION:
        return "MLSEL_ERROR_DIMENSION";
    case MLSEL_ERROR_NOT_FOUND:
        return "MLSEL_ERROR_NOT_FOUND";
    case MLSEL_ERROR_UNSUPPORTED:
        return "MLSEL_ERROR_UNSUPPORTED";
    case MLSEL_ERROR_DEVICE:
        return "MLSEL_ERROR_DEVICE";
    case MLSEL_ERROR_IO:
        return "MLSEL_ERROR_IO";
    case MLSEL_ERROR_INTERNAL:
        return "MLSEL_ERROR_INTERNAL";
    case MLSEL_ERROR_LIMIT:
        return "MLSEL_ERROR_LIMIT";
    case MLSEL_ERROR_NOT_TRAINED:
        return "MLSEL_ERROR_NOT_TRAINED";
    case MLSEL_ERROR_NO_CANDIDATE:
        return "MLSEL_ERROR_NO_CANDIDATE";
    case MLSEL_ERROR_NOT_FINITE:
        return "MLSEL_ERROR_NOT_FINITE";
    case MLSEL_ERROR_NO_DECISION:
        return "MLSEL_ERROR_NO_DECISION";
    case MLSEL_ERROR_CANCELLED:
        return "MLSEL_ERROR_CANCELLED";
    case MLSEL_ERROR_CLOSED:
        return "MLSEL_ERROR_CLOSED";
    default:
        return "MLSEL_ERROR_UNKNOWN";
    }
}

static bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

size_t mlsel_i_utf8_length(const unsigned char *text, const unsigned char *end) {
    const size_t left = (size_t)(end - text);
    if (left == 0)
        return 0;
    const unsigned char c = text[0];
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return left >= 2 && is_continuation(text[1]) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        if (left < 3 || !is_continuation(text[1]) || !is_continuation(text[2]))
            return 0;
        /* overlong forms and surrogates */
        return (c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ? 0 : 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (left < 4 || !is_continuation(text[1]) || !is_continuation(text[2]) || !is_continuation(text[3]))
            return 0;
        /* overlong forms and what is above U+10FFFF */
        return (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f) ? 0 : 4;
    }
    return 0;
}

size_t mlsel_i_utf8_encode(uint32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Copies text into the message: cleaned, and cut if it is too long. */
static void set_message(mlsel_error *err, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *const end = at + strlen(text);
    size_t used = 0;
    size_t cut = 0; /* last end of a character that leaves room for the dots */
    while (at < end) {
        const size_t length = mlsel_i_utf8_length(at, end);
        const bool is_c1 = length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
        const bool is_bad = length == 0 || *at < 0x20 || *at == 0x7f || is_c1;
        const size_t size = is_bad ? 1 : length;
        if (used + size > MAX_MESSAGE) {
            memcpy(err->message + cut, dots, N_DOTS);
            used = cut + N_DOTS;
            break;
        }
        memcpy(err->message + used, is_bad ? (const unsigned char *)"?" : at, size);
        used += size;
        if (used <= MAX_MESSAGE - N_DOTS)
            cut = used;
        at += length != 0 ? length : 1;
    }
    memset(err->message + used, 0, MESSAGE_SIZE - used);
}

MLSEL_PRINTF(4, 0)
static mlsel_status fail(mlsel_error *err, mlsel_status code, uint64_t detail, const char *format, va_list args) {
    if (err == NULL)
        return code;
    char text[MAX_TEXT]; /* the arguments may point into err->message */
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    err->code = code;
    err->reserved = 0;
    err->detail = detail;
    set_message(err, text);
    return code;
}

mlsel_status mlsel_i_fail(mlsel_error *err, mlsel_status code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail(err, code, 0, format, args);
    va_end(args);
    return code;
}

mlsel_status mlsel_i_fail_detail(mlsel_error *err, mlsel_status code, uint64_t detail, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail(err, code, detail, format, args);
    va_end(args);
    return code;
}

mlsel_status mlsel_i_no_memory(mlsel_error *err) { return mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY, "out of memory"); }

void mlsel_i_error_prefix(mlsel_error *err, const char *prefix) {
    if (err == NULL)
        return;
    char text[MAX_TEXT];
    const size_t length = strlen(prefix);
    const size_t room = MAX_MESSAGE - strlen(err->message);
    const size_t max = room > MIN_PREFIX ? room : MIN_PREFIX;
    if (length <= max) {
        (void)snprintf(text, sizeof text, "%s%s", prefix, err->message);
    } else {
        const char *tail = prefix + length - (max - N_DOTS);
        while (is_continuation((unsigned char)*tail))
            tail++;
        (void)snprintf(text, sizeof text, "%s%s%s", dots, tail, err->message);
    }
    set_message(err, text);
}

mlsel_status mlsel_i_ok(mlsel_error *err) {
    if (err != NULL)
        memset(err, 0, sizeof *err);
    return MLSEL_OK;
}

mlsel_status mlsel_i_ok_quickly(mlsel_error *err) {
    if (err != NULL) {
        err->code = MLSEL_OK;
        err->reserved = 0;
        err->detail = 0;
        err->message[0] = '\0';
    }
    return MLSEL_OK;
}
