#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes models/*.json, queries.jsonl and queries.f32: small selectors at the usual width of 1024 + 14 values.

The embeddings are synthetic: unit vectors around a random direction per category, made from a fixed seed. They stand
for what an embedding model would give, so that the examples need none; the texts are there to be read. The artifacts
have the form that the scikit-learn and PyTorch trainers of the ecosystem write. Needs scikit-learn 1.2 and PyTorch
1.13 (Debian 12 packages); running it again gives the same bytes.
"""
import json
import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.svm import SVC  # noqa: E402
from torch import nn  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
EMBEDDING = 1024
MODELS = ["codellama-7b", "llama-3.2-1b", "llama-3.2-3b", "mistral-7b"]
CATEGORIES = ["math", "physics", "chemistry", "biology", "computer science", "history", "economics", "business", "law",
              "health", "psychology", "philosophy", "other", "unknown"]
# Which model answers a category best; the made-up qualities follow from it.
BEST = {
    "math": "codellama-7b", "physics": "llama-3.2-3b", "chemistry": "llama-3.2-3b", "biology": "llama-3.2-3b",
    "computer science": "codellama-7b", "history": "mistral-7b", "economics": "llama-3.2-1b",
    "business": "llama-3.2-1b", "law": "mistral-7b", "health": "llama-3.2-3b", "psychology": "llama-3.2-3b",
    "philosophy": "mistral-7b", "other": "llama-3.2-1b", "unknown": "llama-3.2-1b",
}
LATENCY_MS = {"codellama-7b": 2400.0, "llama-3.2-1b": 450.0, "llama-3.2-3b": 1100.0, "mistral-7b": 2100.0}
KNN_CATEGORIES = ["math", "physics", "biology", "computer science", "history", "business", "law", "health",
                  "philosophy", "other"]
# Text, category, and a second category that the words are nearer to: on the last query the four do not agree.
QUERIES = [
    ("What is the integral of x * exp(-x) from zero to infinity?", "math", "math"),
    ("Write a C function that reverses a singly linked list in place.", "computer science", "computer science"),
    ("Can a landlord keep the deposit when a lease ends early?", "law", "law"),
    ("How does a cell repair a double-strand break in its DNA?", "biology", "biology"),
    ("Why did the Hanseatic League lose its influence in the 16th century?", "history", "history"),
    ("Write a script that sums the sales of each month in a CSV file.", "business", "computer science"),
]


class Synthetic:
    """Embeddings around one direction per category; categories with the same best model are related."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        fields = dict(zip(MODELS, self.unit(self.rng.normal(size=(len(MODELS), EMBEDDING)))))
        own = self.unit(self.rng.normal(size=(len(CATEGORIES), EMBEDDING)))
        self.topics = self.unit(np.stack([fields[BEST[name]] for name in CATEGORIES]) + own)

    @staticmethod
    def unit(vectors):
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

    def embedding(self, categories, digits):
        noise = self.unit(self.rng.normal(size=EMBEDDING))
        topic = self.unit(sum(self.topics[CATEGORIES.index(category)] for category in categories))
        mixed = 0.7 * topic + 0.3 * noise
        return np.round(self.unit(mixed), digits)

    def features(self, category, digits):
        """As float32 values, which are what a trainer sees."""
        row = np.concatenate([self.embedding([category], digits), one_hot(category)])
        return row.astype(np.float32).astype(np.float64)


def one_hot(category):
    return np.asarray([1.0 if name == category else 0.0 for name in CATEGORIES])


def short(values, digits):
    """Nested lists with so many significant digits, to keep the files small."""
    if np.ndim(values) > 0:
        return [short(v, digits) for v in values]
    return float(f"%.{digits}g" % values)


def knn(data):
    rows, labels, qualities, latencies = [], [], [], []
    for category in KNN_CATEGORIES:
        other = [model for model in MODELS if model != BEST[category]][int(data.rng.integers(3))]
        for model in (BEST[category], other, BEST[category], BEST[category]):
            rows.append(short(data.embedding([category], 4), 6) + one_hot(category).tolist())
            labels.append(model)
            quality = data.rng.uniform(0.75, 0.98) if BEST[category] == model else data.rng.uniform(0.3, 0.7)
            qualities.append(round(float(quality), 2))
            latencies.append(int(LATENCY_MS[model] * data.rng.uniform(0.8, 1.3)) * 1_000_000)
    return {
        "algorithm": "knn",
        "trained": True,
        "k": 5,
        "embeddings": rows,
        "labels": labels,
        "qualities": qualities,
        "latencies": latencies,
        "model_names": MODELS,
        "num_samples": len(rows),
        "feature_dim": EMBEDDING + len(CATEGORIES),
    }


def kmeans(data):
    categories = CATEGORIES * 6
    rows = np.stack([data.features(category, 4) for category in categories])
    fitted = KMeans(n_clusters=8, n_init=10, random_state=42).fit(rows)
    best = []
    for cluster in range(8):
        names = [BEST[c] for c, found in zip(categories, fitted.labels_) if found == cluster]
        best.append(max(MODELS, key=names.count))
    return {
        "algorithm": "kmeans",
        "trained": True,
        "num_clusters": 8,
        "centroids": short(fitted.cluster_centers_, 4),
        "cluster_models": best,
        "n_clusters": 8,
        "efficiency_weight": 0.1,
        "model_names": MODELS,
        "feature_dim": EMBEDDING + len(CATEGORIES),
    }


def svm(data):
    rows = np.stack([data.features(category, 4) for category in CATEGORIES])
    svc = SVC(kernel="rbf", gamma=1.0, C=1.0).fit(rows, [MODELS.index(BEST[category]) for category in CATEGORIES])
    vectors = short(svc.support_vectors_, 6)  # the digits that rounding to float32 added go again
    start = np.concatenate([[0], np.cumsum(svc.n_support_)])
    classifiers = [
        {
            "model_name": model,
            "alpha": [1.0] * int(svc.n_support_[i]),
            "support_vectors": vectors[start[i] : start[i + 1]],
            "rho": float(svc.intercept_[0]),
            "gamma": 1.0,
        }
        for i, model in enumerate(MODELS)
    ]
    return {
        "algorithm": "svm",
        "trained": True,
        "model_names": MODELS,
        "kernel_type": "Rbf",
        "gamma": 1.0,
        "linear_classifiers": [],
        "rbf_classifiers": classifiers,
        "kernel": "rbf",
        "C": 1.0,
        "feature_dim": EMBEDDING + len(CATEGORIES),
        "n_classes": len(MODELS),
        "support_vectors": vectors,
        "dual_coef": short(svc.dual_coef_, 9),
        "intercept": short(svc.intercept_, 9),
        "n_support": svc.n_support_.tolist(),
        "classes": svc.classes_.tolist(),
    }


def trained_network(data):
    width = EMBEDDING + len(CATEGORIES)
    network = nn.Sequential(
        nn.Linear(width, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Dropout(0.1),
        nn.Linear(16, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.1),
        nn.Linear(8, len(MODELS)),
    ).double()
    for module in network:  # nothing comes from PyTorch's generator, whose last bits depend on the processor
        if isinstance(module, nn.Dropout):
            module.eval()
        if isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            for parameter in module.parameters():
                parameter.data.copy_(torch.from_numpy(data.rng.uniform(-bound, bound, tuple(parameter.shape))))
    categories = CATEGORIES * 8
    rows = torch.from_numpy(np.stack([data.features(category, 4) for category in categories]))
    target = torch.tensor([MODELS.index(BEST[category]) for category in categories])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(rows), target).backward()
        optimizer.step()
    return network


def mlp(data):
    layers = []
    for module in trained_network(data):
        if isinstance(module, nn.Linear):
            layer = {"type": "linear", "in_features": module.in_features, "out_features": module.out_features}
        elif isinstance(module, nn.BatchNorm1d):
            layer = {"type": "batch_norm", "num_features": module.num_features}
        else:
            layer = {"type": "dropout", "p": module.p} if isinstance(module, nn.Dropout) else {"type": "relu"}
        for key in ("weight", "bias", "running_mean", "running_var"):
            tensor = getattr(module, key, None)
            if tensor is not None:
                layer[key] = short(tensor.detach().numpy(), 4)
        if layer["type"] == "batch_norm":
            layer["eps"] = module.eps
        layers.append(layer)
    return {
        "algorithm": "mlp",
        "trained": True,
        "model_names": MODELS,
        "feature_dim": EMBEDDING + len(CATEGORIES),
        "n_classes": len(MODELS),
        "hidden_sizes": [16, 8],
        "dropout": 0.1,
        "layers": layers,
        "learning_rate": 0.01,
        "epochs": 60,
        "batch_size": 112,
    }


def write(name, content):
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    print(f"{len(content):8d} bytes  {name}")
    return len(content)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    data = Synthetic(1038)
    total = 0
    for make in (knn, kmeans, svm, mlp):
        total += write(f"models/{make.__name__}_model.json", json.dumps(make(data)).encode())
    lines, embeddings = [], []
    for text, category, second in QUERIES:
        embedding = short(data.embedding([category, second, second], 5), 6)
        lines.append(json.dumps({"text": text, "embedding": embedding, "category": category}) + "\n")
        embeddings.append(embedding)
    total += write("queries.jsonl", "".join(lines).encode())
    total += write("queries.f32", np.asarray(embeddings, dtype="<f4").tobytes())
    print(f"{total:8d} bytes in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
