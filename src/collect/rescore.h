/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores a finished file of results again, without asking any model: for when a metric or a ground truth has changed,
 * or code may be run now.
 *
 * Lines are JSON objects with the members `response`, `ground_truth`, `metric` and `choices` (metric.h says what they
 * mean) and `model_name`. Of a line that is scored, `performance` and, where the performance is not known or was not
 * before, `performance_known` are replaced or added; all else stays byte for byte, also the whole line if nothing
 * changes. Lines that are no answer to score stay as they are: those with an `error`, without a `response`, those whose
 * code is not to be run, and those that are no JSON object. Memory grows with the longest line, not with the file.
 */
#ifndef MLSEL_RESCORE_H
#define MLSEL_RESCORE_H

#include "metric.h"

/** What was found of a model, or of all. */
typedef struct mlsel_rescore_sums {
    uint64_t n_rows;    /**< lines, all of the following included */
    uint64_t n_errors;  /**< with an `error` */
    uint64_t n_skipped; /**< without a response, or with code that was not run */
    uint64_t n_changed; /**< of another performance than before, known or not */
    uint64_t n_before;  /**< known before, errors left out */
    uint64_t n_after;   /**< known now */
    double before;      /**< sums of known performances */
    double after;
} mlsel_rescore_sums;

/** How to score. All zero: as the records say, without running code. */
typedef struct mlsel_rescore_options {
    mlsel_metric metric; /**< instead of what the records name; 0: as they say */
    mlsel_metric_options scoring;
    bool replace; /**< an output that exists is replaced; else it is an error */
    /** Called after every line with the bytes read so far. Not 0 stops. May be NULL. */
    int (*progress)(void *user, uint64_t n_lines, uint64_t n_bytes);
    void *user;
} mlsel_rescore_options;

/** What came out. */
typedef struct mlsel_rescore_report mlsel_rescore_report;

/**
 * Reads results, scores them and writes them.
 *
 * @param input   a file, or "-" for standard input
 * @param output  appears when it is complete; may be the input, if `replace`. NULL: only the report
 * @param report  to be freed with mlsel_rescore_free
 * @return MLSEL_OK, also if some lines are no JSON; MLSEL_ERROR_NOT_FOUND, _IO, _UNSUPPORTED (compressed input), _LIMIT
 * (a line of more than 64 MiB), _CANCELLED, _NO_MEMORY; what running code returns. Then nothing is written.
 */
mlsel_status mlsel_rescore(const char *input, const char *output, const mlsel_rescore_options *options,
                           mlsel_rescore_report **report, mlsel_error *err);
void mlsel_rescore_free(mlsel_rescore_report *report);

/** Number of models, in the order of their first lines. */
size_t mlsel_rescore_model_count(const mlsel_rescore_report *report);
/** Name of one; "" stands for lines without a name. */
const char *mlsel_rescore_model(const mlsel_rescore_report *report, size_t index, mlsel_rescore_sums *sums);
void mlsel_rescore_total(const mlsel_rescore_report *report, mlsel_rescore_sums *sums);
/** How many lines were scored by a metric. */
uint64_t mlsel_rescore_metric_count(const mlsel_rescore_report *report, mlsel_metric metric);

/** Lines that are of no use, with the number of the first of each kind, from 1; 0: there is none. */
typedef struct mlsel_rescore_oddities {
    uint64_t n_bad, first_bad; /**< no JSON object, or a member twice */
    uint64_t n_without_response, first_without_response;
    uint64_t n_not_run;                              /**< code that was not to be run */
    uint64_t n_unknown_metric, first_unknown_metric; /**< names a metric that there is not */
} mlsel_rescore_oddities;
void mlsel_rescore_odd(const mlsel_rescore_report *report, mlsel_rescore_oddities *out);

#endif
