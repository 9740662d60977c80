#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains scikit-learn's SVC on the rows of mlsel's compatible objective, and compares: time, objective, predictions.

    train_svm.py --bench build/release/bench/bench_train_svm [--queries 1000] [--records FILE --embeddings FILE]

Rows are synthetic (queries in clusters, each answered by every model with a quality of 0 or 1), or those of benchmark
records with their embeddings: JSON lines as `mlsel train` reads them. One thread each unless --threads says otherwise;
scikit-learn's SVC has only one. On a busy machine the ratio of processor times is the one to look at.
"""

import argparse
import json
import math
import os
import subprocess
import tempfile
import time

import numpy as np

N_CATEGORIES = 14


def synthetic(n_queries, n_models, width, seed):
    """Unit vectors around 60 centres plus a category, and qualities that depend on the centre."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (60, width))
    cluster = rng.integers(0, len(centres), n_queries)
    x = centres[cluster] + 1.5 * rng.normal(0, 1, (n_queries, width))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    onehot = np.eye(N_CATEGORIES)[cluster % N_CATEGORIES]
    chance = rng.uniform(0.2, 0.8, (len(centres), n_models))
    quality = (rng.uniform(size=(n_queries, n_models)) < chance[cluster]).astype(float)
    records = [(q, m, quality[q, m]) for q in range(n_queries) for m in range(n_models)]
    return np.hstack([x, onehot]).astype(np.float32), records


def real(records_path, embeddings_path, models, n_queries, skip):
    """Embedding and category of the queries after the first `skip` ones; the models named, or all."""
    embedding = {}
    with open(embeddings_path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            embedding[row["query"]] = row["embedding"]
    order, category, records = {}, {}, []
    with open(records_path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["query"] not in embedding or (models and row["model_name"] not in models):
                continue
            order.setdefault(row["query"], len(order))
            category.setdefault(row["query"], row.get("category") or "other")
            records.append((order[row["query"]] - skip, row["model_name"], row.get("performance", math.nan)))
    names = sorted({m for _, m, _ in records})
    kinds = sorted(set(category.values()))
    chosen = [q for q in order if skip <= order[q] < skip + n_queries]
    x = np.zeros((len(chosen), len(next(iter(embedding.values()))) + N_CATEGORIES), np.float32)
    for i, query in enumerate(chosen):
        x[i, :-N_CATEGORIES] = embedding[query]
        x[i, len(x[0]) - N_CATEGORIES + kinds.index(category[query]) % N_CATEGORIES] = 1
    return x, [(q, names.index(m), float(p)) for q, m, p in records if 0 <= q < len(chosen)]


def rows_of(x, records):
    """The rows of the compatible objective: a record 1 to 3 times; latencies are unknown and count as 0."""
    rows, labels = [], []
    for query, model, quality in records:
        weight = 0.9 * (0 if math.isnan(quality) else quality) + 0.1
        copies = max(1, min(3, math.floor(weight * 3 + 0.5)))
        rows += [query] * copies
        labels += [model] * copies
    return np.asarray(rows), np.asarray(labels)


def write_rows(path, x, records):
    """What bench_train_svm reads: counts, features, records."""
    with open(path, "wb") as out:
        n_models = max(m for _, m, _ in records) + 1
        np.asarray([len(x), x.shape[1], n_models, len(records)], "<u4").tofile(out)
        x.astype("<f4").tofile(out)
        np.asarray([q for q, _, _ in records], "<u4").tofile(out)
        np.asarray([m for _, m, _ in records], "<u4").tofile(out)
        np.asarray([p for _, _, p in records], "<f8").tofile(out)


def kernel_of(a, b, gamma):
    a, b = a.astype(np.float64), b.astype(np.float64)
    if gamma == 0:
        return a @ b.T
    squared = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T
    return np.exp(-gamma * np.maximum(squared, 0))


def dual_objective(vectors, coef, start, gamma):
    """Sum over the pairs of 1/2 a'Qa - e'a."""
    kernel, total = kernel_of(vectors, vectors, gamma), 0.0
    for i in range(len(start) - 1):
        for j in range(i + 1, len(start) - 1):
            both = np.r_[start[i] : start[i + 1], start[j] : start[j + 1]]
            a = np.r_[coef[j - 1, start[i] : start[i + 1]], coef[i, start[j] : start[j + 1]]]
            total += 0.5 * a @ kernel[np.ix_(both, both)] @ a - np.abs(a).sum()
    return total


def predict(kernel, coef, start, intercept, classes):
    """LIBSVM's votes; intercepts and coefficients in scikit-learn's signs."""
    n = len(start) - 1
    sign = -1 if n == 2 else 1
    votes, pair = np.zeros((len(kernel), n)), 0
    for i in range(n):
        for j in range(i + 1, n):
            a = kernel[:, start[i] : start[i + 1]] @ coef[j - 1, start[i] : start[i + 1]]
            b = kernel[:, start[j] : start[j + 1]] @ coef[i, start[j] : start[j + 1]]
            wins = sign * (a + b + intercept[pair]) > 0
            votes[:, i] += wins
            votes[:, j] += ~wins
            pair += 1
    return np.asarray(classes)[votes.argmax(1)]


def run_peer(x, rows, labels, gamma, c):
    from sklearn.svm import SVC

    svc = SVC(C=c, kernel="linear" if gamma == 0 else "rbf", gamma=gamma or "scale")
    features = x[rows].astype(np.float64)
    began, cpu = time.perf_counter(), time.process_time()
    svc.fit(features, labels)
    return svc, time.perf_counter() - began, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program bench_train_svm")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--gamma", type=float, default=1.0, help="0: a linear kernel")
    parser.add_argument("--c", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records")
    parser.add_argument("--embeddings")
    parser.add_argument("--names", help="of the models to take from the records, with commas between")
    parser.add_argument("--one-copy", action="store_true", help="qualities are unknown: every record is one row")
    parser.add_argument("--peer", help="keep scikit-learn's results in this file, and take them from there")
    args = parser.parse_args()
    if args.records:
        names = args.names.split(",") if args.names else None
        x, records = real(args.records, args.embeddings, names, args.queries + args.held_out, 0)
    else:
        x, records = synthetic(args.queries + args.held_out, args.models, args.width, args.seed)
    held_out, x = x[args.queries :], x[: args.queries]
    records = [(q, m, math.nan if args.one_copy else p) for q, m, p in records if q < len(x)]
    rows, labels = rows_of(x, records)

    if args.peer and os.path.exists(args.peer):
        kept = np.load(args.peer)
    else:
        svc, seconds, cpu = run_peer(x, rows, labels, args.gamma, args.c)
        start = np.r_[0, np.cumsum(svc.n_support_)]
        objective = dual_objective(svc.support_vectors_, svc.dual_coef_, start, args.gamma)
        kept = {"seconds": seconds, "cpu": cpu, "objective": objective, "n": len(svc.support_), "choices": svc.predict(held_out),
                "intercept": svc.intercept_}
        if args.peer:
            np.savez(args.peer, **kept)

    with tempfile.TemporaryDirectory() as folder:
        path, artifact = os.path.join(folder, "rows"), os.path.join(folder, "svm.json")
        write_rows(path, x, records)
        command = [args.bench, "--rows", path, "--gamma", str(args.gamma), "--c", str(args.c), "--threads",
                   str(args.threads), "--artifact", artifact]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with open(artifact, encoding="utf-8") as text:
            svm = json.load(text)
    vectors, coef = np.asarray(svm["support_vectors"], np.float32), np.asarray(svm["dual_coef"])
    start = np.r_[0, np.cumsum(svm["n_support"])]
    choices = predict(kernel_of(held_out, vectors, args.gamma), coef, start, svm["intercept"], svm["classes"])
    objective = dual_objective(vectors, coef, start, args.gamma)
    print(json.dumps({
        "rows": len(rows), "distinct": len(x), "features": x.shape[1], "classes": len(svm["classes"]),
        "threads": args.threads, "sklearn_seconds": round(float(kept["seconds"]), 3),
        "mlsel_seconds": round(ours["seconds"], 3), "ratio": round(float(kept["seconds"]) / ours["seconds"], 2),
        "sklearn_cpu_seconds": round(float(kept["cpu"]), 3), "mlsel_cpu_seconds": round(ours["cpu_seconds"], 3),
        "cpu_ratio": round(float(kept["cpu"]) / ours["cpu_seconds"], 2),
        "mlsel_peak_mib": round(ours["peak_bytes"] / 2**20),
        "sklearn_objective": float(kept["objective"]), "mlsel_objective": objective,
        "mlsel_objective_reported": ours["dual_objective"],
        "objective_difference": abs(objective / float(kept["objective"]) - 1),
        "sklearn_vectors": int(kept["n"]), "mlsel_vectors": len(vectors),
        "same_predictions": float(np.mean(choices == kept["choices"])), "held_out": len(held_out),
    }, indent=1))


if __name__ == "__main__":
    main()
