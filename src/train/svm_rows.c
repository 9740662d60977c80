/* SPDX-License-Identifier: Apache-2.0 */
/* From a table to training rows: which vectors there are, which classes, and what each pair of classes learns from. */
#include <math.h>
#include <string.h>

#include "distinct_rows.h"
#include "svm_train.h"

/* --- vectors ------------------------------------------------------------------------------------------------------ */

void mlsel_i_svm_vectors_free(train_run *run, svm_vectors *vectors) {
    mlsel_i_run_free(run, vectors->x);
    mlsel_i_run_free(run, vectors->of_query);
    *vectors = (svm_vectors){0};
}

mlsel_status mlsel_i_svm_vectors_create(const train_table *table, train_run *run, svm_vectors *out) {
    const size_t n = table->n_queries;
    mlsel_status status = MLSEL_OK;
    *out = (svm_vectors){.n_features = table->n_features, .stride = table->stride};
    uint64_t *rows = mlsel_i_run_alloc(run, 2 * n + 1, sizeof *rows);
    out->x = mlsel_i_run_alloc(run, n, table->stride * sizeof *out->x);
    out->of_query = mlsel_i_run_alloc(run, n, sizeof *out->of_query);
    if (rows == NULL || out->x == NULL || out->of_query == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    uint64_t *start = rows + n;
    for (size_t i = 0; i < n * table->stride; i++)
        out->x[i] = table->x[i] + 0.0F; /* -0 is the same as 0 */
    status = mlsel_i_distinct_rows(out->x, n, table->stride * sizeof *out->x, start, rows, &out->n, run->err);
    for (size_t v = 0; v < out->n && status == MLSEL_OK; v++)
        for (uint64_t i = start[v]; i < start[v + 1]; i++)
            out->of_query[rows[i]] = (uint32_t)v;
out:
    mlsel_i_run_free(run, rows);
    if (status != MLSEL_OK)
        mlsel_i_svm_vectors_free(run, out);
    return status;
}

/* --- classes ------------------------------------------------------------------------------------------------------ */

/* How often the compatible objective repeats a record. */
static size_t copies_of(const table_record *record) {
    return (size_t)fmax(1, fmin(3, floor(mlsel_i_record_value(record) * 3 + 0.5)));
}

/* Models that have records, by name. */
static size_t list_recorded(const train_table *table, uint32_t *models) {
    size_t n = 0;
    for (uint32_t m = 0; m < table->n_models; m++) {
        bool has_record = false;
        for (size_t i = 0; i < table->n_records && !has_record; i++)
            has_record = table->records[i].model == m;
        if (has_record)
            models[n++] = m;
    }
    return n;
}

/* Models of which something is known, the best first: ties of votes go to the first. */
static size_t list_known(const train_table *table, const double *means, uint32_t *models) {
    size_t n = 0;
    for (uint32_t m = 0; m < table->n_models; m++) {
        if (isnan(means[m]))
            continue;
        size_t at = n++;
        for (; at > 0 && means[models[at - 1]] < means[m]; at--)
            models[at] = models[at - 1];
        models[at] = m;
    }
    return n;
}

/* Slots in the order of the records. */
static void fill_record_slots(const train_table *table, const svm_vectors *vectors, svm_classes *out) {
    uint32_t at = 0;
    for (size_t c = 0; c < out->n; c++) {
        out->slot_start[c] = at;
        for (size_t i = 0; i < table->n_records; i++) {
            const table_record *record = &table->records[i];
            for (size_t k = 0; record->model == out->models[c] && k < copies_of(record); k++)
                out->vectors[at++] = vectors->of_query[record->query];
        }
    }
    out->slot_start[out->n] = at;
}

static void fill_vector_slots(const svm_vectors *vectors, svm_classes *out) {
    for (size_t c = 0; c <= out->n; c++)
        out->slot_start[c] = (uint32_t)(c * vectors->n);
    for (size_t slot = 0; slot < out->n * vectors->n; slot++)
        out->vectors[slot] = (uint32_t)(slot % vectors->n);
}

void mlsel_i_svm_classes_free(train_run *run, svm_classes *classes) {
    mlsel_i_run_free(run, classes->models);
    mlsel_i_run_free(run, classes->slot_start);
    mlsel_i_run_free(run, classes->vectors);
    *classes = (svm_classes){0};
}

mlsel_status mlsel_i_svm_classes_create(const train_table *table, const train_settings *settings,
                                        const svm_vectors *vectors, train_run *run, svm_classes *out) {
    const bool is_compatible = settings->options.objective == MLSEL_OBJECTIVE_COMPATIBLE;
    mlsel_status status = MLSEL_OK;
    size_t n_slots = 0;
    *out = (svm_classes){0};
    double *means = mlsel_i_run_alloc(run, table->n_models, sizeof *means);
    out->models = mlsel_i_run_alloc(run, table->n_models, sizeof *out->models);
    out->slot_start = mlsel_i_run_alloc(run, table->n_models + 1, sizeof *out->slot_start);
    if (means == NULL || out->models == NULL || out->slot_start == NULL) {
        status = mlsel_i_run_status(run);
        goto out;
    }
    mlsel_i_table_mean_utility(table, means);
    out->n = is_compatible ? list_recorded(table, out->models) : list_known(table, means, out->models);
    if (out->n == 0) {
        status = mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED,
                              is_compatible ? "there is no record to train from"
                                            : "the quality of no answer is known: there is nothing to learn from");
        goto out;
    }
    for (size_t i = 0; i < table->n_records && is_compatible; i++)
        n_slots += copies_of(&table->records[i]);
    if (!is_compatible)
        n_slots = out->n * vectors->n;
    if (n_slots > INT32_MAX) {
        status = mlsel_i_fail(run->err, MLSEL_ERROR_LIMIT, "%zu rows are too many for an SVM", n_slots);
        goto out;
    }
    out->vectors = mlsel_i_run_alloc(run, n_slots, sizeof *out->vectors);
    if (out->vectors == NULL)
        status = mlsel_i_run_status(run);
    else if (is_compatible)
        fill_record_slots(table, vectors, out);
    else
        fill_vector_slots(vectors, out);
out:
    mlsel_i_run_free(run, means);
    if (status != MLSEL_OK)
        mlsel_i_svm_classes_free(run, out);
    return status;
}

/* --- pairs -------------------------------------------------------------------------------------------------------- */

void mlsel_i_svm_pair_free(train_run *run, svm_pair *pair) {
    mlsel_i_run_free(run, pair->slots);
    *pair = (svm_pair){0};
}

static mlsel_status pair_of_records(const svm_classes *classes, train_run *run, svm_pair *out) {
    const uint32_t *start = classes->slot_start;
    out->n_first = start[out->first + 1] - start[out->first];
    out->n = out->n_first + start[out->second + 1] - start[out->second];
    out->slots = mlsel_i_run_alloc(run, out->n, sizeof *out->slots);
    if (out->slots == NULL)
        return mlsel_i_run_status(run);
    for (size_t r = 0; r < out->n; r++)
        out->slots[r] = (uint32_t)(r < out->n_first ? start[out->first] + r : start[out->second] + r - out->n_first);
    return MLSEL_OK;
}

/* --- rows weighted with what is at stake -------------------------------------------------------------------------- */

/* Copies that the largest weight of a pair may come to. */
enum { MAX_COPIES = 4 };

/* Utility of the first model less that of the second; 0 for a query that takes no part. */
typedef struct stakes {
    const double *utility; /* [n_queries][n_models] */
    const bool *is_row;
    size_t n_queries, n_models;
    uint32_t first, second;
} stakes;

static double stake(const stakes *s, size_t q) {
    const double *row = s->utility + q * s->n_models;
    const double difference = row[s->first] - row[s->second];
    return isnan(difference) || (s->is_row != NULL && !s->is_row[q]) ? 0 : difference;
}

/*
 * The weight of one copy: the largest one of which all weights are whole multiples, if there is one, so that the
 * problem is exactly the weighted one; a part of the largest weight otherwise.
 */
static double weight_of_copy(const stakes *s, double largest) {
    for (int parts = 1; parts <= MAX_COPIES; parts++) {
        bool fits = true;
        for (size_t q = 0; q < s->n_queries && fits; q++) {
            const double copies = fabs(stake(s, q)) / largest * parts;
            fits = fabs(copies - floor(copies + 0.5)) < 1e-9;
        }
        if (fits)
            return largest / parts;
    }
    return largest / MAX_COPIES;
}

/*
 * Rows of one side, as many copies as the weight is worth. What is not a whole number of copies is handed on to the
 * next query (systematic sampling: W. G. Madow, 1949), so that no side gains by rounding and small weights count as
 * often as they should.
 */
static size_t list_side(const stakes *s, double sign, double copy, const uint32_t *of_query, uint32_t slot,
                        uint32_t *slots) {
    double due = 0.5;
    size_t n = 0;
    for (size_t q = 0; q < s->n_queries; q++) {
        const double weight = stake(s, q) * sign;
        if (!(weight > 0))
            continue;
        due += weight / copy;
        const double copies = floor(due + 1e-9);
        due -= copies;
        for (size_t k = 0; k < (size_t)copies; k++, n++)
            if (slots != NULL)
                slots[n] = slot + of_query[q];
    }
    return n;
}

static mlsel_status pair_of_stakes(const train_table *table, const train_settings *settings, const svm_vectors *vectors,
                                   const svm_classes *classes, const bool *is_row, train_run *run, svm_pair *out) {
    const stakes s = {.utility = table->utility,
                      .is_row = is_row,
                      .n_queries = table->n_queries,
                      .n_models = table->n_models,
                      .first = classes->models[out->first],
                      .second = classes->models[out->second]};
    double largest = 0, sum = 0;
    for (size_t q = 0; q < s.n_queries; q++) {
        largest = fmax(largest, fabs(stake(&s, q)));
        sum += stake(&s, q);
    }
    /* without rows of both sides there is nothing to tell apart: the better model, which is the first on ties */
    out->lean = sum < 0 ? -1 : 1;
    if (!(largest > 0))
        return MLSEL_OK;
    const double copy = weight_of_copy(&s, largest);
    const uint32_t at = classes->slot_start[out->first], then = classes->slot_start[out->second];
    out->c = mlsel_i_svm_c(&settings->options) * copy;
    out->n_first = list_side(&s, 1, copy, vectors->of_query, at, NULL);
    out->n = out->n_first + list_side(&s, -1, copy, vectors->of_query, then, NULL);
    out->slots = mlsel_i_run_alloc(run, out->n, sizeof *out->slots);
    if (out->slots == NULL)
        return mlsel_i_run_status(run);
    list_side(&s, 1, copy, vectors->of_query, at, out->slots);
    list_side(&s, -1, copy, vectors->of_query, then, out->slots + out->n_first);
    return MLSEL_OK;
}

mlsel_status mlsel_i_svm_pair_create(const train_table *table, const train_settings *settings,
                                     const svm_vectors *vectors, const svm_classes *classes, uint32_t first,
                                     uint32_t second, const bool *is_row, train_run *run, svm_pair *out) {
    *out = (svm_pair){.first = first, .second = second, .c = mlsel_i_svm_c(&settings->options), .lean = 1};
    if (settings->options.objective == MLSEL_OBJECTIVE_COMPATIBLE)
        return pair_of_records(classes, run, out);
    return pair_of_stakes(table, settings, vectors, classes, is_row, run, out);
}
