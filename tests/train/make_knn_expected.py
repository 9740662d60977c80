#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes knn_expected.json: a small table, and what KNN makes of it, worked out with numpy in double.

    python3 make_knn_expected.py

`compatible` is the artifact as a Python trainer writes it (float32 rows through tolist). `outcome` has the labels of rows
and the scores of queries for given settings; `choice` what cross-validation chooses, with the folds of mlsel's shuffle.
"""
import json
import os

import numpy as np

N, M, D = 60, 4, 12
MODELS = ["m-a", "m-b", "m-c", "m-d"]
K, BETA, SHRINKAGE = 7, 1.5, 2.0
FOLDS, SEED = 5, 42
GRID_K = [10, 20, 30]
GRID_BETA = [0, 1, 2, 3, 4, 6, 8, 16]
GRID_SHRINKAGE = [1, 3, 10]
MASK = (1 << 64) - 1


def split_mix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


class Xoshiro:
    """xoshiro256** seeded by SplitMix64, as src/train/random.c defines streams."""

    def __init__(self, seed, stream):
        _, mixed = split_mix(stream)
        state = seed ^ mixed
        self.s = []
        for _ in range(4):
            state, value = split_mix(state)
            self.s.append(value)

    @staticmethod
    def rotate(x, bits):
        return ((x << bits) | (x >> (64 - bits))) & MASK

    def next(self):
        s = self.s
        result = (self.rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = self.rotate(s[3], 45)
        return result

    def below(self, n):
        first = (1 << 64) % n
        x = self.next()
        while x < first:
            x = self.next()
        return x % n


def folds(n):
    random, order = Xoshiro(SEED, 0x666F6C64), [0] * n
    for i in range(n):
        j = random.below(i + 1)
        order[i] = order[j]
        order[j] = i
    return [i % FOLDS for i in order]


def unit(x):
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)


def nearest(query, rows, k, candidates):
    """Of the candidates the k nearest; refuses a case that hangs on rounding."""
    distance = ((rows[candidates] - query) ** 2).sum(1)
    order = np.argsort(distance, kind="stable")[: k + 1]
    gaps = np.diff(distance[order])
    assert (gaps > 1e-5).all(), "almost equally far"
    order = order[:k]
    return np.asarray(candidates)[order], distance[order]


def expect(rows, distance, utility, prior, beta, shrinkage):
    weight = np.exp(-beta * distance)[:, None]
    known = ~np.isnan(utility[rows])
    total = (weight * known).sum(0) + shrinkage
    return ((weight * np.nan_to_num(utility[rows])).sum(0) + shrinkage * prior) / total


def main():
    rng = np.random.default_rng(41)
    centres = rng.normal(size=(M, D))
    home = rng.integers(0, M, N)
    x = (centres[home] + 0.8 * rng.normal(size=(N, D))).astype(np.float32)
    queries = (centres[rng.integers(0, M, 20)] + 0.8 * rng.normal(size=(20, D))).astype(np.float32)
    quality = (rng.uniform(size=(N, M)) < np.where(np.arange(M) == home[:, None], 0.8, 0.4)).astype(float)
    quality[rng.uniform(size=(N, M)) < 0.15] = np.nan
    quality[17] = np.nan  # nothing is known of this query
    latency = np.round(rng.lognormal(0.5, 1.0, (N, M)), 3)
    latency[rng.uniform(size=(N, M)) < 0.3] = np.nan
    speed = 1 / (1 + latency / 10)
    utility = 0.9 * quality + 0.1 * np.where(np.isnan(speed), np.nanmean(speed, axis=0), speed)
    utility[5] = np.where(np.isnan(quality[5]), np.nan, 0.5)  # all models are equally good
    utility[40, :2] = utility[40, 2:] = [0.75, 0.5]
    quality[40], latency[40] = 0.5, 1.0
    # a record for each known pair, shuffled, and one of unknown quality
    pairs = [(q, m) for q in range(N) for m in range(M) if not np.isnan(quality[q, m])] + [(17, 2)]
    records = [
        {"query": int(q), "model": int(m), "quality": None if np.isnan(quality[q, m]) else float(quality[q, m]),
         "latency_ms": 0.0 if np.isnan(latency[q, m]) else float(latency[q, m] * 1000)}
        for q, m in (pairs[i] for i in rng.permutation(len(pairs)))
    ]
    compatible = {
        "algorithm": "knn",
        "trained": True,
        "k": 5,
        "embeddings": [x[r["query"]].tolist() for r in records],
        "labels": [MODELS[r["model"]] for r in records],
        "qualities": [r["quality"] or 0.0 for r in records],
        "latencies": [int(r["latency_ms"] * 1_000_000) for r in records],
        "model_names": sorted(MODELS),
        "num_samples": len(records),
        "feature_dim": D,
    }

    rows = unit(x.astype(np.float64))
    used = [q for q in range(N) if not np.isnan(utility[q]).all()]
    prior = np.nanmean(utility, axis=0)
    labels = []
    for q in used:
        near, distance = nearest(rows[q], rows, K, [r for r in used if r != q])
        expected = expect(near, distance, utility, prior, BETA, SHRINKAGE)
        best = np.nanmax(utility[q])
        expected[~(utility[q] >= best)] = -1
        labels.append(MODELS[int(np.argmax(expected))])
    scores = []
    for query in unit(queries.astype(np.float64)):
        near, distance = nearest(query, rows, K, used)
        scores.append(expect(near, distance, utility, prior, BETA, SHRINKAGE).tolist())

    fold_of = np.array(folds(N))
    values = {}
    lists = {q: nearest(rows[q], rows, max(GRID_K), [r for r in used if fold_of[r] != fold_of[q]]) for q in range(N)}
    for k in GRID_K:
        for beta in GRID_BETA:
            for shrinkage in GRID_SHRINKAGE:
                got = []
                for q in range(N):
                    others = np.nanmean(utility[fold_of != fold_of[q]], axis=0)
                    near, distance = lists[q]
                    expected = expect(near[:k], distance[:k], utility, others, beta, shrinkage)
                    two = np.sort(expected)[-2:]
                    assert two[1] - two[0] > 1e-6, "almost equally good"
                    got.append(utility[q, int(np.argmax(expected))])
                got = np.array([u for u in got if not np.isnan(u)])
                values[k, beta, shrinkage] = got.mean(), got.std(ddof=1) / np.sqrt(len(got))
    best = max(values, key=lambda s: values[s][0])
    enough = values[best][0] - values[best][1] / 4
    smallest = min(s[0] for s in values if values[s][0] >= enough)
    chosen = max((s for s in values if s[0] == smallest), key=lambda s: values[s][0])

    def plain(table):
        return [[None if np.isnan(v) else float(v) for v in row] for row in table]

    data = {
        "models": MODELS,
        "x": x.tolist(),
        "quality": plain(quality),
        "latency_s": plain(latency),
        "utility": plain(utility),
        "records": records,
        "compatible": compatible,
        "outcome": {"k": K, "beta": BETA, "shrinkage": SHRINKAGE, "rows": used, "labels": labels,
                    "prior": prior.tolist(), "queries": queries.tolist(), "scores": scores},
        "choice": {"folds": FOLDS, "seed": SEED, "n": len(values), "k": chosen[0], "beta": chosen[1],
                   "shrinkage": chosen[2], "utility": values[chosen][0], "standard_error": values[chosen][1]},
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "knn_expected.json")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()) + "\n}\n")
    print(data["choice"], sorted(values.values())[-3:], best)


if __name__ == "__main__":
    main()
