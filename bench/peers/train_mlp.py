# SPDX-License-Identifier: Apache-2.0
"""MLP training beside PyTorch.

Speed:    python3 train_mlp.py BUILD/bench/bench_train_mlp [--threads 1 2] [--device cuda]
          One epoch at 22 000 x 1038 with batches of 32, both in turns on the same threads; the best of each counts.
          PyTorch is given its rows as one tensor and the better of its Adams, of which the ecosystem's trainer uses the
          plain one. CPU seconds are for busy machines. With --device both train there, ours through the plugin that
          MLSEL_PLUGIN_PATH leads to.
Quality:  python3 train_mlp.py BUILD/bench/bench_train_mlp_table --records R.jsonl --embeddings E.jsonl [--queries 2000]
          The compatible objective: five seeds each on the same rows, the loss on the same held-out queries. The
          library must be within the spread of PyTorch's seeds.
"""
import argparse
import json
import os
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

import numpy as np
import torch
from torch import nn

CATEGORIES = ["biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history",
              "law", "math", "other", "philosophy", "physics", "psychology"]
SHAPES = ([512, 256], [256, 128])
ROWS, FEATURES, MODELS, BATCH = 22000, 1038, 4, 32


def network(widths, outputs, dropout=0.1):
    layers = []
    for before, after in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.BatchNorm1d(after), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def epoch(model, optimizer, x, y, w):
    """One epoch as the ecosystem's trainer does it; the mean of the batches' losses."""
    model.train()
    criterion = nn.CrossEntropyLoss(reduction="none")
    total, order, count = 0.0, torch.randperm(len(x)).to(x.device), 0
    for first in range(0, len(x), BATCH):
        rows = order[first:first + BATCH]
        if len(rows) < 2:
            break
        optimizer.zero_grad()
        loss = (criterion(model(x[rows]), y[rows]) * w[rows]).mean()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += 1
    return total / count


# --- speed ------------------------------------------------------------------------------------------------------------


def wait(device):
    if device != "cpu":
        torch.cuda.synchronize()


def time_torch(hidden, fused, device):
    torch.manual_seed(1)
    x = nn.functional.normalize(torch.randn(ROWS, FEATURES))
    y, w = torch.randint(MODELS, (ROWS,)), 0.1 + 0.9 * torch.rand(ROWS)
    x, y, w = x.to(device), y.to(device), w.to(device)
    model = network([FEATURES, *hidden], MODELS).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=fused)
    epoch(model, optimizer, x[:2000], y[:2000], w[:2000])
    wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    epoch(model, optimizer, x, y, w)
    wait(device)
    return time.perf_counter() - wall, time.process_time() - cpu


def time_ours(program, hidden, threads, device):
    line = subprocess.run([program, "--threads", str(threads), "--epochs", "2", "--hidden", ",".join(map(str, hidden)),
                           "--device", device], check=True, capture_output=True, text=True).stdout
    found = json.loads(line)
    return found["seconds_per_epoch"], found["cpu_seconds_per_epoch"]


def compare_speed(program, threads, turns, device):
    for n in threads:
        torch.set_num_threads(n)
        for hidden in SHAPES:
            ours, plain, fused = [], [], []
            for _ in range(turns):
                ours.append(time_ours(program, hidden, n, device))
                plain.append(time_torch(hidden, None, device))
                fused.append(time_torch(hidden, True, device))
            best = [[min(t[i] for t in times) for i in range(2)] for times in (ours, plain + fused)]
            print(json.dumps({"case": f"mlp_epoch {ROWS}x{FEATURES}-" + "-".join(map(str, hidden)), "threads": n,
                              "device": device, "rows_per_second": round(ROWS / best[0][0]),
                              "pytorch_rows_per_second": round(ROWS / best[1][0]),
                              "seconds": round(best[0][0], 3), "pytorch_seconds": round(best[1][0], 3),
                              "ratio": round(best[1][0] / best[0][0], 2), "cpu_seconds": round(best[0][1], 3),
                              "pytorch_cpu_seconds": round(best[1][1], 3),
                              "cpu_ratio": round(best[1][1] / best[0][1], 2),
                              "cpu_ratio_plain_adam": round(min(t[1] for t in plain) / best[0][1], 2)}), flush=True)


# --- quality ----------------------------------------------------------------------------------------------------------


def read(records, embeddings, n_queries):
    vectors, quality, category, models = {}, {}, {}, set()
    with open(embeddings, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            vectors[row["query"]] = row["embedding"]
    with open(records, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["query"] not in quality and len(quality) == n_queries:
                continue
            models.add(row["model_name"])
            quality.setdefault(row["query"], {})[row["model_name"]] = row["performance"]
            category.setdefault(row["query"], row["category"])
    models = sorted(models)
    x = np.zeros((len(quality), len(next(iter(vectors.values()))) + len(CATEGORIES)), np.float32)
    q = np.full((len(quality), len(models)), np.nan)
    for i, (text, outcomes) in enumerate(quality.items()):
        x[i, :-len(CATEGORIES)] = vectors[text]
        x[i, len(x[i]) - len(CATEGORIES) + (CATEGORIES.index(category[text]) if category[text] in CATEGORIES
                                                     else CATEGORIES.index("other"))] = 1
        for name, value in outcomes.items():
            q[i, models.index(name)] = value
    return x, q


def rows_of(x, q):
    """One row per record: features, label and weight; latencies are unknown and count as 0."""
    query, label = np.nonzero(~np.isnan(q))
    weight = np.maximum(0.1, 0.9 * q[query, label] + 0.1).astype(np.float32)
    return torch.from_numpy(x[query]), torch.from_numpy(label), torch.from_numpy(weight)


def held_out_loss(model, rows):
    model.eval()
    with torch.no_grad():
        return (nn.functional.cross_entropy(model(rows[0]), rows[1], reduction="none") * rows[2]).mean().item()


def load(path):
    """An artifact as a PyTorch module."""
    layers = []
    for layer in json.loads(pathlib.Path(path).read_text())["layers"]:
        if layer["type"] == "linear":
            module = nn.Linear(layer["in_features"], layer["out_features"])
        elif layer["type"] == "batch_norm":
            module = nn.BatchNorm1d(layer["num_features"], eps=layer["eps"])
        else:
            layers.append(nn.ReLU() if layer["type"] == "relu" else nn.Dropout(layer["p"]))
            continue
        with torch.no_grad():
            for name, value in [*module.named_parameters(), *module.named_buffers()]:
                if name in layer:
                    value.copy_(torch.tensor(layer[name]))
        layers.append(module)
    return nn.Sequential(*layers)


def compare_quality(program, args):
    x, q = read(args.records, args.embeddings, args.queries)
    order = np.random.RandomState(1).permutation(len(x))
    held, kept = order[:len(x) // 5], order[len(x) // 5:]
    train, test = rows_of(x[kept], q[kept]), rows_of(x[held], q[held])
    losses = {"pytorch": [], "mlsel": []}
    with tempfile.TemporaryDirectory() as folder:
        table, artifact = os.path.join(folder, "table"), os.path.join(folder, "mlp.json")
        with open(table, "wb") as file:
            file.write(struct.pack("<3Q", len(kept), q.shape[1], x.shape[1]))
            file.write(x[kept].tobytes() + q[kept].tobytes())
        for seed in range(5):
            torch.manual_seed(seed)
            model = network([x.shape[1], *args.hidden], q.shape[1])
            optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
            for _ in range(args.epochs):
                training = epoch(model, optimizer, *train)
            losses["pytorch"].append(held_out_loss(model, test))
            line = subprocess.run([program, table, artifact, "compatible", "1", "seed", str(seed), "epochs",
                                   str(args.epochs), "hidden", ",".join(map(str, args.hidden))], check=True,
                                  capture_output=True, text=True).stdout
            losses["mlsel"].append(held_out_loss(load(artifact), test))
            print(f"seed {seed}: training loss {training:.4f} and {json.loads(line)['training_loss']:.4f}, held out "
                  f"{losses['pytorch'][-1]:.4f} and {losses['mlsel'][-1]:.4f}", flush=True)
    low, high, ours = min(losses["pytorch"]), max(losses["pytorch"]), statistics.mean(losses["mlsel"])
    print(json.dumps({"queries": len(kept), "rows": len(train[0]), "pytorch_low": low, "pytorch_high": high,
                      "pytorch_mean": statistics.mean(losses["pytorch"]), "mlsel_mean": ours,
                      "mlsel_median": statistics.median(losses["mlsel"]), "within": low <= ours <= high}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--records")
    parser.add_argument("--embeddings")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--hidden", type=lambda text: [int(n) for n in text.split(",")], default=[256, 128])
    args = parser.parse_args()
    if args.records:
        torch.set_num_threads(1)
        compare_quality(args.program, args)
    else:
        compare_speed(args.program, args.threads, args.turns, args.device)


if __name__ == "__main__":
    main()
