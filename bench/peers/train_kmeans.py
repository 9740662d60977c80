#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's KMeans on the rows of a float32 file, for comparison with bench/train_kmeans.c.

    train_kmeans.py CLUSTERS THREADS STARTS ROWS FEATURES FILE [SEED]

bench_train_kmeans 8 1 10 22000 1038 --write-to=FILE makes such a file. One line of JSON.
"""

import json
import sys
import time

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits


def main():
    clusters, threads, starts, rows, features = (int(value) for value in sys.argv[1:6])
    seed = int(sys.argv[7]) if len(sys.argv) > 7 else 42
    x = np.fromfile(sys.argv[6], dtype=np.float32).reshape(rows, features)
    with threadpool_limits(threads):
        started, busy = time.perf_counter(), time.process_time()
        model = KMeans(n_clusters=clusters, n_init=starts, random_state=seed).fit(x)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    # scikit-learn sums the inertia in float; what is compared is the sum in double
    centers = model.cluster_centers_.astype(np.float64)
    inertia = sum(
        float(((x[i : i + 1024].astype(np.float64) - centers[model.labels_[i : i + 1024]]) ** 2).sum())
        for i in range(0, rows, 1024)
    )
    print(
        json.dumps(
            {
                "what": "scikit-learn",
                "rows": rows,
                "features": features,
                "clusters": clusters,
                "threads": threads,
                "starts": starts,
                "seconds": round(seconds, 4),
                "cpu_seconds": round(cpu, 4),
                "inertia": round(inertia, 6),
                "iterations": int(model.n_iter_),
            }
        )
    )


if __name__ == "__main__":
    main()
