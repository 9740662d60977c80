/* SPDX-License-Identifier: Apache-2.0 */
/* The little JSON that the drop-in libraries read and write themselves. All text returned is freed with free(). */
#ifndef MLSEL_DROPIN_DOCUMENT_H
#define MLSEL_DROPIN_DOCUMENT_H

#include <stdbool.h>

#include "handle.h"

enum { DROPIN_KERNEL_LINEAR = 0, DROPIN_KERNEL_RBF = 1 };

/* Whether the root object of a text, which is known to be JSON, has "algorithm" with this value. */
bool mlsel_i_dropin_is_document_of(const char *json, const char *algorithm);

/* The document of a handle that X_new made, or NULL. */
char *mlsel_i_dropin_untrained(const dropin_handle *handle);

/* The candidates' names as an array of strings, in their order; NULL if memory runs out. */
char *mlsel_i_dropin_names(const dropin_handle *handle);

char *mlsel_i_dropin_copy(const char *text);

#endif
