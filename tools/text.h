/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal: cleaned, measured in characters, shortened; numbers and sizes for people.
 */
#ifndef MLSEL_TOOL_TEXT_H
#define MLSEL_TOOL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Number of bytes of the UTF-8 character at text (which ends in a zero), or 0 if the bytes are none. */
size_t text_character(const char *text, uint32_t *code_point);

/* Copies text without what could steer a terminal: white space of any kind becomes a blank, control characters and
 * direction overrides vanish, bytes that are not UTF-8 become U+FFFD. What does not fit is cut at a character. */
void text_clean(char *out, size_t size, const char *text);

/* Cleaned and cut to `width` characters, the last three being "..." if any were cut. Free it. */
char *text_shortened(const char *text, size_t width);

/* Cleaned. Free it. */
char *text_cleaned(const char *text);

/* Number of characters. */
size_t text_width(const char *text);

/* The last part of a path. */
const char *text_base_name(const char *path);

enum { TEXT_NUMBER = 40 };
/* A score in at most 9 characters: four decimals, fewer or the scientific form where those say nothing; "-" if
 * infinite. */
const char *text_number(char out[TEXT_NUMBER], double value);
/* A probability, four decimals. */
const char *text_probability(char out[TEXT_NUMBER], double value);
/* 1234567 as "1,234,567". */
const char *text_count(char out[TEXT_NUMBER], uint64_t value);
/* Bytes as "1.3 MiB". */
const char *text_bytes(char out[TEXT_NUMBER], uint64_t value);
/* Nanoseconds as "850 ms"; "-" for 0. */
const char *text_duration(char out[TEXT_NUMBER], double nanoseconds);

#endif
