/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that nobody is to see. */
#ifndef MLSEL_COLLECT_SECRETS_H
#define MLSEL_COLLECT_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

/* Shorter texts are no secrets: they would be found everywhere. */
enum { SECRET_MIN_SIZE = 4, SECRET_MIN_SIZE_IN_ANSWERS = 12 };

/* All zero: empty. */
typedef struct secret_list {
    char **texts; /* longest first */
    size_t n, capacity;
} secret_list;

/* Adds a copy, and one of each of its words, as in "Bearer KEY". False: no memory. */
bool mlsel_i_secrets_add(secret_list *list, const char *text);
void mlsel_i_secrets_free(secret_list *list);
/* Puts *** in the place of each secret of at least min_size bytes. The text does not get longer. */
void mlsel_i_secrets_scrub(const secret_list *list, size_t min_size, char *text);

#endif
