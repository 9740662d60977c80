/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to probabilities of success, a function for each model. docs/training.md says what they are worth. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "isotonic.h"
#include "platt.h"
#include "train.h"

enum {
    MAX_KNOTS = 32,
    LEAST_RECORDS = 10, /* of a model that gets a curve of its own */
    LEAST_AT_ENDS = 5   /* records that the first and the last block of a curve rest on */
};

/* Records that the mean over all models counts for beside those of a model without a curve. */
static const double shrinkage = 10;

/* A model's function: knots, or a logistic curve. */
typedef struct model_curve {
    uint32_t model; /* index among the models that it was fitted for */
    uint32_t n_knots;
    double x[MAX_KNOTS], p[MAX_KNOTS];
    platt_curve platt;
} model_curve;

struct calibration_map {
    mlsel_calibration method;
    uint64_t n_records;
    size_t n_curves;
    model_curve *curves; /* of the models that have records */
};

/* The usable records of one model, gathered. */
typedef struct model_records {
    double *scores, *qualities; /* [n] */
    isotonic_point *points;     /* [n] room to work in */
    size_t n;
    double mean;
    bool varies; /* scores and qualities both do */
} model_records;

static bool is_usable(double score, double quality) { return fabs(score) <= FLT_MAX && quality >= 0 && quality <= 1; }

static void gather(const double *scores, const double *quality, size_t n_queries, size_t n_models, size_t model,
                   model_records *out) {
    bool scores_vary = false, qualities_vary = false;
    out->n = 0;
    out->mean = 0;
    for (size_t q = 0; q < n_queries; q++) {
        const double x = scores[q * n_models + model], y = quality[q * n_models + model];
        if (!is_usable(x, y))
            continue;
        scores_vary = scores_vary || (out->n > 0 && (x < out->scores[0] || x > out->scores[0]));
        qualities_vary = qualities_vary || (out->n > 0 && (y < out->qualities[0] || y > out->qualities[0]));
        out->scores[out->n] = x;
        out->qualities[out->n++] = y;
        out->mean += (y - out->mean) / (double)out->n;
    }
    out->varies = scores_vary && qualities_vary;
}

static double overall_mean(const double *scores, const double *quality, size_t cells, uint64_t *n_records) {
    double mean = 0;
    *n_records = 0;
    for (size_t i = 0; i < cells; i++)
        if (is_usable(scores[i], quality[i]))
            mean += (quality[i] - mean) / (double)++*n_records;
    return mean;
}

static void fit_constant(const model_records *records, double overall, model_curve *out) {
    const double n = (double)records->n, p = (n * records->mean + shrinkage * overall) / (n + shrinkage);
    const double inside = fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON);
    out->n_knots = 1;
    out->x[0] = records->scores[0];
    out->p[0] = p;
    out->platt = (platt_curve){0, log(inside / (1 - inside))};
}

static void fit_isotonic(const model_records *records, model_curve *out) {
    isotonic_point *points = records->points;
    for (size_t i = 0; i < records->n; i++)
        points[i] = (isotonic_point){records->scores[i], records->qualities[i], 1};
    size_t n = mlsel_i_isotonic_pool(points, records->n);
    n = mlsel_i_isotonic_trim(points, n, LEAST_AT_ENDS);
    n = mlsel_i_isotonic_thin(points, n, MAX_KNOTS);
    out->n_knots = (uint32_t)n;
    for (size_t i = 0; i < n; i++) { /* which rounding must not undo */
        out->x[i] = i > 0 ? fmax(points[i].x, out->x[i - 1]) : points[i].x;
        out->p[i] = fmin(i > 0 ? fmax(points[i].y, out->p[i - 1]) : fmax(points[i].y, 0), 1);
    }
}

static void fit_model(mlsel_calibration method, const model_records *records, double overall, model_curve *out) {
    if (records->n < LEAST_RECORDS || !records->varies)
        fit_constant(records, overall, out);
    else if (method == MLSEL_CALIBRATION_PLATT)
        out->platt = mlsel_i_platt_fit(records->scores, records->qualities, records->n);
    else
        fit_isotonic(records, out);
}

mlsel_status mlsel_i_calibration_fit(mlsel_calibration method, const double *scores, const double *quality,
                                     size_t n_queries, size_t n_models, calibration_map **out, mlsel_error *err) {
    calibration_map *map = mlsel_i_calloc(1, sizeof *map);
    model_records records = {.scores = mlsel_i_alloc(n_queries, sizeof *records.scores),
                             .qualities = mlsel_i_alloc(n_queries, sizeof *records.qualities),
                             .points = mlsel_i_alloc(n_queries, sizeof *records.points)};
    mlsel_status status = MLSEL_OK;
    if (map != NULL)
        map->curves = mlsel_i_calloc(n_models, sizeof *map->curves);
    if (map == NULL || map->curves == NULL || records.scores == NULL || records.qualities == NULL ||
        records.points == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    map->method = method;
    const double overall = overall_mean(scores, quality, n_queries * n_models, &map->n_records);
    if (map->n_records == 0) {
        status = mlsel_i_fail(err, MLSEL_ERROR_NOT_TRAINED,
                              "calibration: no query has both a score and a known quality of a model");
        goto out;
    }
    for (size_t m = 0; m < n_models; m++) {
        gather(scores, quality, n_queries, n_models, m, &records);
        if (records.n == 0) /* nothing can be said of it */
            continue;
        model_curve *curve = &map->curves[map->n_curves++];
        curve->model = (uint32_t)m;
        fit_model(method, &records, overall, curve);
    }
    *out = map;
    map = NULL;
out:
    mlsel_i_free(records.scores);
    mlsel_i_free(records.qualities);
    mlsel_i_free(records.points);
    mlsel_i_calibration_free(map);
    return status;
}

void mlsel_i_calibration_free(calibration_map *map) {
    if (map == NULL)
        return;
    mlsel_i_free(map->curves);
    mlsel_i_free(map);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Rows of equal length, the last knot repeated where a model has fewer. */
static void write_knots(const calibration_map *map, const char *key, bool is_x, json_writer *w) {
    uint32_t n_knots = 1;
    for (size_t i = 0; i < map->n_curves; i++)
        n_knots = map->curves[i].n_knots > n_knots ? map->curves[i].n_knots : n_knots;
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < map->n_curves; i++) {
        const model_curve *curve = &map->curves[i];
        mlsel_i_write_open(w, '[');
        for (uint32_t k = 0; k < n_knots; k++) {
            const uint32_t knot = k < curve->n_knots ? k : curve->n_knots - 1;
            mlsel_i_write_number(w, is_x ? curve->x[knot] : curve->p[knot]);
        }
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
}

static void write_curves(const calibration_map *map, const char *key, bool is_slope, json_writer *w) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < map->n_curves; i++)
        mlsel_i_write_number(w, is_slope ? map->curves[i].platt.slope : map->curves[i].platt.intercept);
    mlsel_i_write_close(w, ']');
}

void mlsel_i_calibration_write(const calibration_map *map, const char *const *models, json_writer *w) {
    mlsel_i_write_key(w, "calibration");
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "method");
    mlsel_i_write_string(w, mlsel_calibration_name(map->method));
    mlsel_i_write_key(w, "models");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < map->n_curves; i++)
        mlsel_i_write_string(w, models[map->curves[i].model]);
    mlsel_i_write_close(w, ']');
    if (map->method == MLSEL_CALIBRATION_PLATT) {
        write_curves(map, "slope", true, w);
        write_curves(map, "intercept", false, w);
    } else {
        write_knots(map, "scores", true, w);
        write_knots(map, "probabilities", false, w);
    }
    mlsel_i_write_key(w, "records");
    mlsel_i_write_count(w, map->n_records);
    mlsel_i_write_close(w, '}');
}
