/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that nobody is to see. */
#ifndef MLSEL_COLLECT_SECRETS_H
#define MLSEL_COLLECT_SECRETS_H

#include "json.h"

/* Shorter texts are no secrets: they would be found everywhere. */
enum { SECRET_MIN_SIZE = 4, SECRET_MIN_SIZE_IN_ANSWERS = 12 };

/* What takes the place of a secret. */
#define SECRET_STARS "***"

/* All zero: empty. */
typedef struct secret_list {
    char **texts; /* longest first */
    size_t n, capacity;
} secret_list;

/* Adds a copy, and one of each of its words, as in "Bearer KEY". False: no memory. */
bool mlsel_i_secrets_add(secret_list *list, const char *text);
void mlsel_i_secrets_free(secret_list *list);
/* Puts *** in the place of each secret of at least min_size bytes. The text does not get longer. A text that is to be
 * cut is scrubbed before: part of a secret is not found. list: NULL stands for an empty one, also in what follows. */
void mlsel_i_secrets_scrub(const secret_list *list, size_t min_size, char *text);
/* Length of the longest secret of at least min_size bytes that the text begins with, together with those that begin
 * inside of it; 0: none. */
size_t mlsel_i_secrets_length(const secret_list *list, size_t min_size, const char *text, size_t size);
/* Copies a text with *** in the place of secrets, as much of it as fits out[size]. False: that is not all. */
bool mlsel_i_secrets_copy(const secret_list *list, size_t min_size, const char *text, char *out, size_t size);
/* As mlsel_i_json_parse; what is wrong is said without secrets, which names of members could be. */
mlsel_status mlsel_i_secrets_parse_json(const secret_list *list, const char *text, size_t size,
                                        bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                        mlsel_error *err);

#endif
