/* SPDX-License-Identifier: Apache-2.0 */
/* Written by make_kmeans.py with scikit-learn. */
#ifndef MLSEL_TEST_KMEANS_EXPECTED_H
#define MLSEL_TEST_KMEANS_EXPECTED_H

#include <stdint.h>

/* Rows, features, groups, spread; clusters; inertia of the best of 10 starts, over 5 seeds the median. */
static const struct {
    unsigned n, d, groups, spread, k;
    double inertia;
} best_cases[] = {
    {400, 6, 5, 60, 5, 719610.8348483372},
    {600, 20, 8, 100, 8, 9848480.313774958},
    {500, 3, 12, 900, 9, 58139963.49698149},
    {300, 40, 4, 50, 16, 2175407.6790310675},
};

/* From the first k rows, each as many times as its index modulo 3 plus 1; with `far`, the last centroids are out
 * of reach at 5000 + index: their clusters are empty. */
static const struct {
    unsigned n, d, groups, spread, k, far, iterations;
    double inertia;
    uint64_t labels;
} from_cases[] = {
    {200, 5, 6, 300, 4, 0, 4, 43556654.542708576, UINT64_C(12371267443063961724)},
    {333, 17, 5, 500, 7, 0, 6, 222147836.92616066, UINT64_C(15455652915823553048)},
    {500, 2, 9, 800, 20, 0, 19, 15268049.51228013, UINT64_C(521806235003638867)},
    {240, 8, 6, 200, 6, 1, 5, 12724966.440595444, UINT64_C(11490812921053965866)},
    {240, 8, 6, 200, 9, 3, 7, 11786892.066932786, UINT64_C(14541956524642069147)},
};

#endif
