/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text, written into memory or, as it comes, into a file. A failure is kept in the writer: what follows it does
 * nothing, and the end says what it was.
 */
#ifndef MLSEL_JSON_WRITE_H
#define MLSEL_JSON_WRITE_H

#include "file_write.h"
#include "json.h"

typedef struct json_writer {
    file_writer *file; /* NULL: all stays in memory */
    char *text;
    size_t size, capacity;
    mlsel_status status;
    mlsel_error *err;
    bool needs_comma;
} json_writer;

/* Hands what is still in memory to the file; returns what failed, if something did. */
mlsel_status mlsel_i_write_end(json_writer *w);
void mlsel_i_write_free(json_writer *w);

void mlsel_i_write_raw(json_writer *w, const char *text, size_t size);
/* '{', '}', '[' or ']' */
void mlsel_i_write_open(json_writer *w, char bracket);
void mlsel_i_write_close(json_writer *w, char bracket);
void mlsel_i_write_key(json_writer *w, const char *key);
void mlsel_i_write_string(json_writer *w, const char *text);
/* The fewest digits that read back as the same value; always with a point or an exponent. */
void mlsel_i_write_f64(json_writer *w, double value);
void mlsel_i_write_f32(json_writer *w, float value);
/* A whole number without a point, as far as double tells whole numbers apart; others as above. */
void mlsel_i_write_number(json_writer *w, double value);
void mlsel_i_write_count(json_writer *w, uint64_t value);
void mlsel_i_write_bool(json_writer *w, bool value);
/* An array of float or double, rows on lines of their own. */
void mlsel_i_write_array(json_writer *w, const json_array *array);
void mlsel_i_write_strings(json_writer *w, const json_strings *strings);

/* A key and its value. */
void mlsel_i_write_string_member(json_writer *w, const char *key, const char *text);
void mlsel_i_write_f64_member(json_writer *w, const char *key, double value);
void mlsel_i_write_count_member(json_writer *w, const char *key, uint64_t value);
void mlsel_i_write_texts_member(json_writer *w, const char *key, const char *const *texts, size_t n);

#endif
