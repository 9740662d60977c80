#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes kmeans_expected.h: what scikit-learn's KMeans makes of the rows that unit_kmeans_cluster.c makes up.

    python3 make_kmeans.py

Rows are whole numbers, so that both have the very same ones. Labels are recorded as a number that depends on each of
them and on its place.
"""

import pathlib

import numpy as np
from sklearn.cluster import KMeans

MASK = (1 << 64) - 1


def make_rows(n, d, groups, spread):
    """The generator of the test: a linear congruential one (Knuth's MMIX), upper bits."""
    state = n * 1000003 + d * 1009 + groups

    def below(limit):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        return (state >> 33) % limit

    centers = [[below(1000) for _ in range(d)] for _ in range(groups)]
    rows = []
    for _ in range(n):
        center = centers[below(groups)]
        rows.append([center[i] + below(spread) for i in range(d)])
    return np.array(rows, dtype=np.float64)


def checksum(labels):
    total = 0
    for i, label in enumerate(labels):
        total = (total * 31 + int(label) + 1 + i % 7) & MASK
    return total


def main():
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Written by make_kmeans.py with scikit-learn. */",
        "#ifndef MLSEL_TEST_KMEANS_EXPECTED_H",
        "#define MLSEL_TEST_KMEANS_EXPECTED_H",
        "",
        "#include <stdint.h>",
        "",
        "/* Rows, features, groups, spread; clusters; inertia of the best of 10 starts, over 5 seeds the median. */",
        "static const struct {",
        "    unsigned n, d, groups, spread, k;",
        "    double inertia;",
        "} best_cases[] = {",
    ]
    for n, d, groups, spread, k in [(400, 6, 5, 60, 5), (600, 20, 8, 100, 8), (500, 3, 12, 900, 9), (300, 40, 4, 50, 16)]:
        x = make_rows(n, d, groups, spread)
        inertia = sorted(KMeans(k, n_init=10, random_state=seed).fit(x).inertia_ for seed in range(5))[2]
        lines.append(f"    {{{n}, {d}, {groups}, {spread}, {k}, {inertia!r}}},")
    lines += [
        "};",
        "",
        "/* From the first k rows, each as many times as its index modulo 3 plus 1; with `far`, the last centroids are out",
        " * of reach at 5000 + index: their clusters are empty. */",
        "static const struct {",
        "    unsigned n, d, groups, spread, k, far, iterations;",
        "    double inertia;",
        "    uint64_t labels;",
        "} from_cases[] = {",
    ]
    for n, d, groups, spread, k, far in [
        (200, 5, 6, 300, 4, 0),
        (333, 17, 5, 500, 7, 0),
        (500, 2, 9, 800, 20, 0),
        (240, 8, 6, 200, 6, 1),
        (240, 8, 6, 200, 9, 3),
    ]:
        x = make_rows(n, d, groups, spread)
        init = x[:k].copy()
        for i in range(far):
            init[k - far + i] = 5000 + i
        weights = np.array([i % 3 + 1 for i in range(n)], dtype=np.float64)
        model = KMeans(k, init=init, n_init=1, tol=1e-4).fit(x, sample_weight=weights)
        lines.append(
            f"    {{{n}, {d}, {groups}, {spread}, {k}, {far}, {model.n_iter_}, {model.inertia_!r}, "
            f"UINT64_C({checksum(model.labels_)})}},"
        )
    lines += ["};", "", "#endif", ""]
    pathlib.Path(__file__).with_name("kmeans_expected.h").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
