/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_find_floor: the confidence below which choices are better not taken. */
#include <math.h>
#include <stdlib.h>

#include "held_out.h"

/* A choice of the selector whose quality is known. */
typedef struct known_choice {
    double confidence, quality;
} known_choice;

/* The most confident first. Of equal ones all are kept or none, so their order does not matter, but sums should not
 * depend on it. */
static int compare_choices(const void *a, const void *b) {
    const known_choice *x = a, *y = b;
    if (x->confidence < y->confidence || x->confidence > y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x->quality > y->quality ? -1 : x->quality < y->quality;
}

static mlsel_status choose(const mlsel_model *model, const held_out *data, known_choice *choices, size_t *n,
                           mlsel_error *err) {
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = data->matched;
    options.eligible_mask_size = data->n_labels;
    for (size_t q = 0; q < data->n_queries; q++) {
        mlsel_selection s;
        const mlsel_status status =
            mlsel_select(model, data->x + q * data->n_features, data->n_features, &options, &s, err);
        if (status != MLSEL_OK)
            return status;
        const double quality = data->quality[q * data->n_labels + (size_t)s.index];
        if ((s.flags & MLSEL_SELECTION_CALIBRATED) == 0 || isnan(quality))
            continue;
        choices[(*n)++] = (known_choice){s.confidence, quality};
    }
    return MLSEL_OK;
}

static double mean_quality(const known_choice *choices, size_t n) {
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += (choices[i].quality - mean) / (double)(i + 1);
    return n > 0 ? mean : (double)NAN;
}

/* Of the choices sorted, those before `kept` are kept. */
static mlsel_floor describe(const known_choice *choices, size_t n, size_t kept, double confidence) {
    return (mlsel_floor){.confidence = confidence,
                         .share = (double)kept / (double)n,
                         .quality = mean_quality(choices, kept),
                         .below = mean_quality(choices + kept, n - kept),
                         .n = n};
}

/* The first position from `at` on where the confidence is another one. */
static size_t end_of_equals(const known_choice *choices, size_t n, size_t at) {
    const double confidence = choices[at].confidence;
    while (at < n && choices[at].confidence >= confidence)
        at++;
    return at;
}

static mlsel_floor floor_for_share(const known_choice *choices, size_t n, double share) {
    double least = ceil(share * (double)n - 1e-9); /* 0.3 of 10 is 3, whatever rounding says */
    least = fmin(fmax(least, 1), (double)n);
    const size_t last = (size_t)least - 1;
    return describe(choices, n, end_of_equals(choices, n, last), choices[last].confidence);
}

static mlsel_status floor_for_quality(const known_choice *choices, size_t n, double quality, mlsel_floor *out,
                                      mlsel_error *err) {
    const double slack = 1e-12;
    double sum = 0, best = -1, best_at = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        const size_t end = end_of_equals(choices, n, i);
        for (; i < end; i++)
            sum += choices[i].quality;
        const double mean = sum / (double)end;
        if (mean > best) {
            best = mean;
            best_at = choices[end - 1].confidence;
        }
        if (mean >= quality - slack)
            kept = end;
    }
    if (kept == 0) {
        char asked[32], reached[32], at[32];
        mlsel_i_format_double(asked, sizeof asked, quality);
        mlsel_i_format_double(reached, sizeof reached, best);
        mlsel_i_format_double(at, sizeof at, best_at);
        return mlsel_i_fail(err, MLSEL_ERROR_NO_CANDIDATE,
                            "no floor leads to a mean quality of %s: the most is %s, with a floor of %s", asked,
                            reached, at);
    }
    *out = describe(choices, n, kept, kept == n ? 0 : choices[kept - 1].confidence);
    return MLSEL_OK;
}

static mlsel_status check(const mlsel_dataset *dataset, const mlsel_model *model, double share, double quality,
                          const mlsel_floor *out, mlsel_error *err) {
    mlsel_model_info info;
    if (dataset == NULL || model == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset, model and out must not be NULL");
    if (!(share <= 1) || !(quality <= 1) || (share >= 0) == (quality >= 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "give either a share or a quality, from 0 to 1, and a negative number for the other");
    const mlsel_status status = mlsel_model_get_info(model, &info, sizeof info, err);
    if (status != MLSEL_OK || info.is_calibrated != 0)
        return status;
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "the model has no calibration: mlsel_calibrate adds one");
}

mlsel_status mlsel_find_floor(const mlsel_dataset *dataset, const mlsel_model *model, double share, double quality,
                              mlsel_floor *out, mlsel_error *err) {
    held_out data = {0};
    known_choice *choices = NULL;
    size_t n = 0;
    mlsel_floor found = {0};
    mlsel_status status = check(dataset, model, share, quality, out, err);
    if (status != MLSEL_OK || (status = mlsel_i_held_out_create(dataset, model, &data, err)) != MLSEL_OK)
        return status;
    choices = mlsel_i_alloc(data.n_queries, sizeof *choices);
    status = choices == NULL ? mlsel_i_no_memory(err) : choose(model, &data, choices, &n, err);
    if (status == MLSEL_OK && n == 0)
        status = mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED,
                              "the quality of the selector's choice is known for no query, or its confidence is not");
    if (status != MLSEL_OK)
        goto out;
    qsort(choices, n, sizeof *choices, compare_choices);
    if (share >= 0)
        found = floor_for_share(choices, n, share);
    else
        status = floor_for_quality(choices, n, quality, &found, err);
    if (status == MLSEL_OK)
        *out = found;
out:
    mlsel_i_free(choices);
    mlsel_i_held_out_free(&data);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
