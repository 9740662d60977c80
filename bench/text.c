/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_fail(const char *format, ...) {
    va_list arguments;
    fflush(stdout);
    fputs("bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void *bench_alloc(size_t count, size_t size) {
    if (size != 0 && count > (size_t)-1 / size)
        bench_fail("out of memory");
    void *block = malloc(count * size != 0 ? count * size : 1);
    if (block == NULL)
        bench_fail("out of memory");
    return block;
}

/* Room for `more` bytes and a terminating zero. */
static char *reserve(bench_text *text, size_t more) {
    if (text->capacity - text->size <= more) {
        const size_t capacity = text->capacity * 2 > text->size + more + 1 ? text->capacity * 2 : text->size + more + 1;
        char *data = realloc(text->data, capacity);
        if (data == NULL)
            bench_fail("out of memory for a text of %zu bytes", capacity);
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->size;
}

void bench_text_add(bench_text *text, const char *addition) {
    const size_t size = strlen(addition);
    memcpy(reserve(text, size), addition, size + 1);
    text->size += size;
}

void bench_text_addf(bench_text *text, const char *format, ...) {
    char buffer[256];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof buffer)
        bench_fail("a piece of text is too long");
    bench_text_add(text, buffer);
}

float bench_text_add_decimal(bench_text *text, long value, int digits) {
    const long scale = digits == 3 ? 1000 : 10000;
    char buffer[32];
    char *end = buffer + sizeof buffer, *p = end;
    unsigned long magnitude = value < 0 ? 0ul - (unsigned long)value : (unsigned long)value;
    for (int i = 0; i < digits; i++, magnitude /= 10)
        *--p = (char)('0' + magnitude % 10);
    *--p = '.';
    do {
        *--p = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude != 0);
    if (value < 0)
        *--p = '-';
    char *out = reserve(text, (size_t)(end - p));
    memcpy(out, p, (size_t)(end - p));
    text->size += (size_t)(end - p);
    text->data[text->size] = '\0';
    return (float)((double)value / (double)scale);
}

void bench_text_free(bench_text *text) {
    free(text->data);
    *text = (bench_text){0};
}
