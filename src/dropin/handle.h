/* SPDX-License-Identifier: Apache-2.0 */
/* What all selectors of the drop-in libraries share. Built on mlsel.h alone, as any other program. */
#ifndef MLSEL_DROPIN_HANDLE_H
#define MLSEL_DROPIN_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"
#include "text.h"

/* A candidate of a KMeans artifact. */
typedef struct dropin_candidate {
    const char *name; /* the model's */
    int32_t label;
} dropin_candidate;

/* Behind every void * that goes out. Never changed after it was made, so threads may share it. */
typedef struct dropin_handle {
    mlsel_algorithm algorithm;
    int number;                   /* of one that X_new made: KNN's k, KMeans' clusters, SVM's kernel */
    double gamma;                 /* likewise, SVM */
    mlsel_model *model;           /* NULL: untrained */
    dropin_text *text;            /* the document as it was loaded; NULL: made by X_new */
    dropin_candidate *candidates; /* KMeans v1: [label_count] in the byte order of their names; NULL: label order */
} dropin_handle;

/* An untrained handle, never NULL. */
dropin_handle *mlsel_i_dropin_new(mlsel_algorithm algorithm, int number, double gamma);
/* NULL unless the text is an artifact of this algorithm. */
dropin_handle *mlsel_i_dropin_load(mlsel_algorithm algorithm, const char *json, const mlsel_model_options *options);
void mlsel_i_dropin_free(mlsel_algorithm algorithm, void *handle);

/* The handle if it is one of this algorithm, else NULL. */
const dropin_handle *mlsel_i_dropin_check(mlsel_algorithm algorithm, const void *handle);
char *mlsel_i_dropin_select(mlsel_algorithm algorithm, const void *handle, const double *query, size_t n);
int mlsel_i_dropin_is_trained(mlsel_algorithm algorithm, const void *handle);
char *mlsel_i_dropin_to_json(mlsel_algorithm algorithm, const void *handle);

#endif
