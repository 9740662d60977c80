#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes svm_expected.json: small tables, and what scikit-learn's SVC makes of them.

Compatible objective: SVC fitted to the records' rows. Outcome objective: for each pair of models an SVC of the queries
where their utilities differ, with sample_weight = difference. Decisions are positive for the first class of a pair.
Needs numpy and scikit-learn 1.9.
"""

import itertools
import json
import math
import os

import numpy as np
from sklearn.svm import SVC

TOLERANCE = 1e-6


def numbers(array):
    return [float(f"{x:.13g}") for x in np.asarray(array, np.float64).ravel()]


def features(rng, n, d, centres):
    """Around some centres, rounded so that they are short in JSON and exact in float."""
    x = centres[rng.integers(0, len(centres), n)] + rng.normal(0, 0.7, (n, d))
    return np.round(x * 64) / 64


def make_svc(case, c):
    return SVC(kernel=case["kernel"], gamma=case["gamma"], C=c, tol=case["tolerance"])


def kernel_of(case, a, b):
    if case["kernel"] == "linear":
        return a @ b.T
    return np.exp(-case["gamma"] * ((a[:, None] - b[None]) ** 2).sum(-1))


def objective(case, svc):
    """1/2 a'Qa - e'a of two classes."""
    a = svc.dual_coef_[0]
    return 0.5 * a @ kernel_of(case, svc.support_vectors_, svc.support_vectors_) @ a - np.abs(a).sum()


def expect_compatible(case, x, probes):
    rows, labels = [], []
    for query, model, quality, latency in case["records"]:
        weight = 0.9 * (0 if quality is None else quality) + 0.1 / (1 + latency / 10000)
        copies = max(1, min(3, math.floor(weight * 3 + 0.5)))
        rows += [query] * copies
        labels += [model] * copies
    rows, labels = x[rows], np.asarray(labels)
    svc = make_svc(case, case["c"]).fit(rows, labels)
    svc.decision_function_shape = "ovo"
    decisions = svc.decision_function(probes)
    pairs = list(itertools.combinations(svc.classes_, 2))
    total = 0.0
    for i, j in pairs:
        both = [r for k in (i, j) for r in np.flatnonzero(labels == k)]
        total += objective(case, make_svc(case, case["c"]).fit(rows[both], np.where(labels[both] == i, 1, -1)))
    return {
        "classes": [int(c) for c in svc.classes_],
        "n_rows": len(rows),
        "n_support": [int(n) for n in svc.n_support_],
        "support_vectors": numbers(svc.support_vectors_),
        "dual_coef": numbers(svc.dual_coef_),
        "intercept": numbers(svc.intercept_),
        "decisions": numbers(-decisions if len(svc.classes_) == 2 else decisions),
        "predictions": [int(p) for p in svc.predict(probes)],
        "objective": total,
    }


def expect_outcome(case, x, probes):
    utility = np.asarray([[np.nan if u is None else u for u in row] for row in case["utility"]])
    classes = sorted(range(utility.shape[1]), key=lambda m: (-np.nanmean(utility[:, m]), m))
    votes, decisions, total = np.zeros((len(probes), len(classes))), [], 0.0
    for a, b in itertools.combinations(range(len(classes)), 2):
        difference = utility[:, classes[a]] - utility[:, classes[b]]
        used = np.flatnonzero(~np.isnan(difference) & (difference != 0))
        first, second = used[difference[used] > 0], used[difference[used] < 0]
        order = np.r_[first, second]
        svc = make_svc(case, case["c"])
        svc.fit(x[order], np.where(difference[order] > 0, 1, -1), sample_weight=np.abs(difference[order]))
        value = svc.decision_function(probes)
        total += objective(case, svc)
        decisions.append(value)
        votes[:, a] += value > 0
        votes[:, b] += value <= 0
    return {
        "classes": classes,
        "n_rows": len(x),
        "decisions": numbers(np.stack(decisions, 1)),
        "predictions": [classes[k] for k in votes.argmax(1)],
        "objective": total,
    }


def compatible(name, kernel, n_models, seed, c=1.0, gamma=0.3, missing=(), share=0.8):
    """A model is recorded for a share of the queries; two queries have the same vector."""
    rng = np.random.default_rng(seed)
    n, d = 24, 5
    centres = rng.normal(0, 1.2, (n_models, d))
    x, probes = features(rng, n, d, centres), features(rng, 20, d, centres)
    x[7] = x[3]
    records = []
    for q in range(n):
        for m in range(n_models):
            if m in missing or rng.uniform() > share:
                continue
            quality = None if rng.uniform() < 0.1 else float(rng.integers(0, 5)) / 4
            records.append([q, m, quality, float(rng.integers(0, 30000))])
    case = {"name": name, "objective": "compatible", "kernel": kernel, "gamma": gamma, "c": c, "tolerance": TOLERANCE,
            "n_models": n_models, "n_features": d, "x": numbers(x), "probes": numbers(probes), "records": records}
    case["expected"] = expect_compatible(case, x, probes)
    return case


def outcome(name, kernel, n_models, seed, c=1.0, gamma=0.3, levels=4):
    """Utilities are multiples of 1 / levels; some are unknown."""
    rng = np.random.default_rng(seed)
    n, d = 40, 5
    centres = rng.normal(0, 1.2, (n_models, d))
    x, probes = features(rng, n, d, centres), features(rng, 20, d, centres)
    x[9] = x[4]
    near = -((x[:, None] - centres[None]) ** 2).sum(-1)
    chance = 1 / (1 + np.exp(-(near - near.mean(1, keepdims=True))))
    utility = np.round(np.clip(chance + rng.normal(0, 0.4, chance.shape), 0, 1) * levels) / levels
    unknown = rng.uniform(size=utility.shape) < 0.1
    case = {"name": name, "objective": "outcome", "kernel": kernel, "gamma": gamma, "c": c, "tolerance": TOLERANCE,
            "n_models": n_models, "n_features": d, "x": numbers(x), "probes": numbers(probes), "records": [],
            "utility": [[None if unknown[q, m] else float(utility[q, m]) for m in range(n_models)] for q in range(n)]}
    case["expected"] = expect_outcome(case, x, probes)
    return case


def main():
    cases = [
        compatible("rbf, 2 classes", "rbf", 2, 1),
        compatible("rbf, 3 classes", "rbf", 3, 2, c=2.5),
        compatible("rbf, 4 models, one without records", "rbf", 4, 3, missing=(1,), gamma=1.0),
        compatible("rbf, 4 classes", "rbf", 4, 4, share=1.0),
        compatible("linear, 2 classes", "linear", 2, 5),
        compatible("linear, 3 classes", "linear", 3, 6, c=0.5),
        outcome("weighted rbf, 2 classes", "rbf", 2, 7),
        outcome("weighted rbf, 3 classes", "rbf", 3, 8, c=2.0, gamma=0.5),
        outcome("weighted rbf, 4 classes, utilities 0 and 1", "rbf", 4, 9, levels=1),
        outcome("weighted linear, 4 classes", "linear", 4, 10, c=0.7, levels=2),
    ]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "svm_expected.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
