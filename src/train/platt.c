/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newton's method with backtracking (H.-T. Lin, C.-J. Lin, R. C. Weng, A Note on Platt's Probabilistic Outputs for
 * Support Vector Machines, 2007), on scores of mean 0 and variance 1, so that the scale of scores does not matter.
 */
#include "platt.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

enum { MAX_ITERATIONS = 200, MAX_HALVINGS = 60 };
static const double ridge = 1e-12, enough = 1e-10, sufficient_decrease = 1e-4, least_variation = 1e-9;

typedef struct platt_data {
    const double *scores, *qualities;
    size_t n;
    double mean, deviation; /* of the scores */
    double low, high;       /* targets of qualities 0 and 1 */
} platt_data;

static double target(const platt_data *d, size_t i) { return d->low + (d->high - d->low) * d->qualities[i]; }

static double standardised(const platt_data *d, size_t i) { return (d->scores[i] - d->mean) / d->deviation; }

/* -t log p - (1 - t) log (1 - p) with p at z, in the form that neither overflows nor loses digits */
static double cross_entropy(double t, double z) {
    return z >= 0 ? (1 - t) * z + log1p(exp(-z)) : -t * z + log1p(exp(z));
}

static double objective(const platt_data *d, double a, double b) {
    double sum = 0;
    for (size_t i = 0; i < d->n; i++)
        sum += cross_entropy(target(d, i), a * standardised(d, i) + b);
    return sum;
}

static double logistic(double z) {
    const double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* One step from (a, b); false at the minimum. */
static bool step(const platt_data *d, double *a, double *b, double *value) {
    double h11 = ridge, h12 = 0, h22 = ridge, g1 = 0, g2 = 0;
    for (size_t i = 0; i < d->n; i++) {
        const double x = standardised(d, i), p = logistic(*a * x + *b);
        const double curvature = p * (1 - p), error = p - target(d, i);
        h11 += x * x * curvature;
        h12 += x * curvature;
        h22 += curvature;
        g1 += x * error;
        g2 += error;
    }
    if (fabs(g1) < enough * (double)d->n && fabs(g2) < enough * (double)d->n)
        return false;
    const double determinant = h11 * h22 - h12 * h12;
    const double da = -(h22 * g1 - h12 * g2) / determinant, db = -(h11 * g2 - h12 * g1) / determinant;
    const double descent = g1 * da + g2 * db;
    for (int i = 0; i < MAX_HALVINGS; i++) {
        const double size = ldexp(1, -i), next = objective(d, *a + size * da, *b + size * db);
        if (!(next < *value + sufficient_decrease * size * descent))
            continue;
        *a += size * da;
        *b += size * db;
        *value = next;
        return true;
    }
    return false; /* rounding is all that is left */
}

static void measure_scores(platt_data *d) {
    double squares = 0;
    for (size_t i = 0; i < d->n; i++)
        d->mean += (d->scores[i] - d->mean) / (double)(i + 1);
    for (size_t i = 0; i < d->n; i++)
        squares += (d->scores[i] - d->mean) * (d->scores[i] - d->mean);
    d->deviation = sqrt(squares / (double)d->n);
}

platt_curve mlsel_i_platt_fit(const double *scores, const double *qualities, size_t n) {
    platt_data d = {.scores = scores, .qualities = qualities, .n = n};
    double good = 0, mean_target = 0;
    for (size_t i = 0; i < n; i++)
        good += qualities[i];
    d.high = (good + 1) / (good + 2);
    d.low = 1 / ((double)n - good + 2);
    for (size_t i = 0; i < n; i++)
        mean_target += target(&d, i) / (double)n;
    const platt_curve constant = {0, log(mean_target / (1 - mean_target))};
    measure_scores(&d);
    /* scores that differ by little more than their rounding: nothing could tell them apart by such a curve */
    if (!(d.deviation > least_variation * fabs(d.mean)))
        return constant;
    double a = 0, b = constant.intercept, value = objective(&d, a, b);
    for (int i = 0; i < MAX_ITERATIONS && step(&d, &a, &b, &value); i++)
        ;
    /* the objective is convex, so the best slope that is not negative is then 0 */
    const platt_curve curve = {a / d.deviation, b - a * d.mean / d.deviation};
    return a > 0 && curve.slope <= FLT_MAX && fabs(curve.intercept) <= FLT_MAX ? curve : constant;
}
