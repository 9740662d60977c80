/* SPDX-License-Identifier: Apache-2.0 */
/* The documents that handles were loaded from, which to_json gives back. A router loads one file many times: the
 * weights are shared by mlsel, and so is their text here, which is larger. */
#ifndef MLSEL_DROPIN_TEXT_H
#define MLSEL_DROPIN_TEXT_H

#include <stddef.h>

typedef struct dropin_text {
    struct dropin_text *next; /* in the list of those that can be shared */
    size_t references;        /* under the list's lock */
    size_t size;
    char hash[40];
    char bytes[]; /* size, and a zero */
} dropin_text;

/* The text with one reference more, a shared one where it is there already, or NULL. hash tells texts apart; "" keeps
 * this one to itself. */
dropin_text *mlsel_i_dropin_text_acquire(const char *bytes, size_t size, const char *hash);
/* NULL does nothing. */
void mlsel_i_dropin_text_release(dropin_text *text);

#endif
