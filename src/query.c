/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "feature_vector.h"

/* --- queries ----------------------------------------------------------------------------------------------------- */

static mlsel_status check_width(const mlsel_model *model, size_t got, mlsel_error *err) {
    const uint32_t expected = model->artifact->scalars.n_features;
    if (got == expected)
        return MLSEL_OK;
    char width[64];
    mlsel_i_width_text(model->artifact, width, sizeof width);
    const char *remedy = mlsel_i_width_remedy(model->artifact, got);
    return mlsel_i_fail_detail(err, MLSEL_ERROR_DIMENSION, expected,
                               "embedding dimension mismatch: the artifact was trained on %s values, got %zu: %s",
                               width, got, remedy);
}

/* Index of the first value that is not finite or beyond float, or n. */
static size_t first_bad_f32(const float *x, size_t n) {
    size_t i = 0;
    while (i < n && fabsf(x[i]) <= FLT_MAX)
        i++;
    return i;
}

static size_t first_bad_f64(const double *x, size_t n) {
    size_t i = 0;
    while (i < n && fabs(x[i]) <= FLT_MAX)
        i++;
    return i;
}

mlsel_status mlsel_i_query_check_values(const mlsel_model *model, const query_set *queries, mlsel_error *err) {
    for (size_t q = 0; q < queries->count; q++) {
        const void *query = mlsel_i_query_at(queries, q);
        const size_t n = queries->n_features;
        const bool is_f64 = queries->type == MLSEL_QUERY_F64;
        if (is_f64 ? model->kernels->is_finite_f64(query, n) : model->kernels->is_finite_f32(query, n))
            continue;
        const size_t bad = is_f64 ? first_bad_f64(query, n) : first_bad_f32(query, n);
        const double value = is_f64 ? ((const double *)query)[bad] : (double)((const float *)query)[bad];
        char where[32] = "";
        if (queries->count > 1)
            snprintf(where, sizeof where, "query %zu: ", q);
        return mlsel_i_fail_detail(err, MLSEL_ERROR_NOT_FINITE, bad,
                                   "%sfeature %zu is %s: every value must be a number", where, bad,
                                   isnan(value)   ? "NaN"
                                   : isinf(value) ? "infinite"
                                                  : "beyond the range of float32");
    }
    return MLSEL_OK;
}

bool mlsel_i_query_checks_itself(const mlsel_model *model, const query_set *queries) {
    return queries->count == 1 && model->engine->prepared.checks_queries != 0;
}

mlsel_status mlsel_i_query_check(const mlsel_model *model, const query_set *queries, mlsel_error *err) {
    if (model == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the model is NULL");
    if (queries->data == NULL && queries->count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the feature vector is NULL");
    const mlsel_status status = check_width(model, queries->n_features, err);
    if (status != MLSEL_OK)
        return status;
    if (queries->stride < queries->n_features && queries->count > 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "stride %zu is less than the %zu features of a query",
                            queries->stride, queries->n_features);
    if (queries->stride > 0 && queries->count > SIZE_MAX / sizeof(double) / queries->stride)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%zu queries of stride %zu exceed the address space",
                            queries->count, queries->stride);
    return mlsel_i_query_checks_itself(model, queries) ? MLSEL_OK : mlsel_i_query_check_values(model, queries, err);
}

/* --- eligibility ------------------------------------------------------------------------------------------------- */

static mlsel_status mask_from_list(const mlsel_query_options *options, uint32_t n_labels, uint8_t *mask,
                                   mlsel_error *err) {
    memset(mask, 0, n_labels);
    for (size_t i = 0; i < options->n_eligible; i++) {
        const int32_t label = options->eligible[i];
        if (label < 0 || (uint32_t)label >= n_labels)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "eligible[%zu]: there is no label %d, only 0 to %u",
                                i, (int)label, (unsigned)(n_labels - 1));
        mask[label] = 1;
    }
    return MLSEL_OK;
}

/* Fills mask from the options and points *out at it, or at NULL when all labels are eligible. */
static mlsel_status read_eligibility(const mlsel_model *model, const mlsel_query_options *given, uint8_t *mask,
                                     const uint8_t **out, mlsel_error *err) {
    const uint32_t n_labels = model->artifact->scalars.n_labels;
    const mlsel_query_options options = *given;
    mlsel_status status = MLSEL_OK;
    if (options.reserved != 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "mlsel_query_options: reserved must be 0");
    if (options.eligible_mask != NULL && options.eligible != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "give eligible_mask or eligible, not both");
    if (options.eligible_mask != NULL) {
        if (options.eligible_mask_size != n_labels)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "eligible_mask has %zu entries, expected %u",
                                options.eligible_mask_size, (unsigned)n_labels);
        memcpy(mask, options.eligible_mask, n_labels);
        *out = mask;
    } else if (options.eligible != NULL) {
        status = mask_from_list(&options, n_labels, mask, err);
        *out = mask;
    } else if (options.eligible_mask_size != 0) {
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "eligible_mask is NULL but eligible_mask_size is %zu",
                            options.eligible_mask_size);
    } else if (options.n_eligible != 0) {
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "eligible is NULL but n_eligible is %zu",
                            options.n_eligible);
    }
    if (status != MLSEL_OK)
        return status;
    for (uint32_t i = 0; i < n_labels; i++)
        if ((*out == NULL || mask[i]) && model->choosable[i])
            return MLSEL_OK;
    if (options.eligible != NULL && options.n_eligible == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE, "no label is eligible: the list is empty");
    return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE,
                        "none of the eligible labels can be chosen: the artifact has no data for them");
}

mlsel_status mlsel_i_terms_read(const mlsel_model *model, const mlsel_query_options *given, bool with_tradeoff,
                                uint8_t *mask, terms *out, mlsel_error *err) {
    mlsel_query_options options;
    out->mask = NULL;
    out->tradeoff = NULL;
    if (given == NULL && model->artifact->scalars.n_labels > 0 && model->choosable[0])
        return MLSEL_OK;
    mlsel_status status = mlsel_i_options_copy(&options, sizeof options, given, "mlsel_query_options", err);
    if (status == MLSEL_OK)
        status = read_eligibility(model, &options, mask, &out->mask, err);
    if (status != MLSEL_OK || options.tradeoff == NULL || !with_tradeoff)
        return status;
    out->tradeoff = &out->plan;
    return mlsel_i_tradeoff_read(model, options.tradeoff, &out->plan, err);
}
