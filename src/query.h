/* SPDX-License-Identifier: Apache-2.0 */
/* What a call asks: its queries and how they are to be answered, checked before anything is computed. */
#ifndef MLSEL_QUERY_H
#define MLSEL_QUERY_H

#include "tradeoff.h"

typedef struct query_set {
    mlsel_query_type type;
    const void *data;
    size_t count;
    size_t stride;
    size_t n_features;
} query_set;

static inline const void *mlsel_i_query_at(const query_set *queries, size_t q) {
    const size_t size = queries->type == MLSEL_QUERY_F64 ? sizeof(double) : sizeof(float);
    return (const char *)queries->data + q * queries->stride * size;
}

/* How a query is to be answered, apart from what it is. */
typedef struct terms {
    const uint8_t *mask;           /* [n_labels] eligible labels, or NULL for all */
    const tradeoff_plan *tradeoff; /* or NULL */
    tradeoff_plan plan;
} terms;

/* Checks width and layout, and the values unless the engine does that itself. */
mlsel_status mlsel_i_query_check(const mlsel_model *model, const query_set *queries, mlsel_error *err);
/* Whether the engine does. Only for single queries: of several, none must be answered if one is bad. */
bool mlsel_i_query_checks_itself(const mlsel_model *model, const query_set *queries);
/* Says which value is not a finite number within the range of float, if one is. */
mlsel_status mlsel_i_query_check_values(const mlsel_model *model, const query_set *queries, mlsel_error *err);

/* Reads the options (may be NULL); mask has room for [n_labels] and is part of *out. The trade-off is left out for
 * calls that have no use for it. */
mlsel_status mlsel_i_terms_read(const mlsel_model *model, const mlsel_query_options *given, bool with_tradeoff,
                                uint8_t *mask, terms *out, mlsel_error *err);

#endif
