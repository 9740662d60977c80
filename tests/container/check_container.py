# SPDX-License-Identifier: Apache-2.0
"""check_container.py SCRATCH MLSEL FIXTURES

Containers against the safetensors library: it reads what mlsel writes, with the numbers of the JSON artifact, and
mlsel reads what it writes from NumPy arrays as docs/container.md says, with the answers of the JSON artifact.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

scratch, mlsel, fixtures = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
checks = 0


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"FAILED: {what}")


def run(*arguments):
    done = subprocess.run([mlsel, *map(str, arguments)], capture_output=True, text=True)
    expect(done.returncode == 0, f"mlsel {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def same(stored, values, dtype, what):
    """The numbers of the JSON text, rounded once to the stored type."""
    expected = np.array(values, dtype=np.float64).astype(dtype)
    expect(stored.dtype == dtype, f"{what}: {stored.dtype}")
    part = stored[:, : expected.shape[1]] if expected.ndim == 2 else stored
    expect(part.shape == expected.shape and np.array_equal(part, expected), f"{what} differs")
    if expected.ndim == 2:
        expect(not stored[:, expected.shape[1] :].any(), f"{what}: the padding is not 0")


def check_knn(tensors, model):
    if "samples" in model:
        rows = [s["feature_vector"] for s in model["samples"]]
        labels = [s["model_name"] for s in model["samples"]]
    else:
        rows, labels = model["embeddings"], model["labels"]
    rows = np.array(rows, dtype=np.float64).astype(np.float32)
    start, order = tensors["vector_start"], tensors["vector_rows"]
    expect(start.dtype == np.int64 and start[0] == 0 and start[-1] == len(rows), "vector_start")
    expect(sorted(order) == list(range(len(rows))), "vector_rows")
    for v in range(len(start) - 1):
        for row in order[start[v] : start[v + 1]]:
            expect(np.array_equal(tensors["vectors"][v, : rows.shape[1]], rows[row]), f"vectors[{v}]")
    return labels


def read_ours(path):
    model = json.loads(path.read_text())
    out = scratch / (path.stem + ".safetensors")
    run("convert", path, out)
    with safe_open(out, "np") as file:
        metadata = file.metadata()
    document = json.loads(metadata["mlsel.artifact"])
    tensors = load_file(out)
    expect(document["algorithm"] == model["algorithm"], "algorithm")
    if model["algorithm"] == "knn":
        labels = check_knn(tensors, model)
        expect([document["model_names"][i] for i in tensors["row_labels"]] == labels, "row_labels")
    elif model["algorithm"] == "kmeans":
        same(tensors["centroids"], model["centroids"], np.float64, "centroids")
        if "scores" in model:
            same(tensors["scores"], model["scores"], np.float64, "scores")
            for key in model:
                if key not in ("centroids", "scores"):
                    expect(document[key] == model[key], f"{path.name}: {key} was not kept")
    elif model["algorithm"] == "mlp":
        for i, layer in enumerate(model["layers"]):
            for key in ("weight", "bias", "running_mean", "running_var"):
                name = f"layers.{i}.{key}"
                expect((name in tensors) == (layer.get(key) is not None), name)
                if name in tensors:
                    same(tensors[name], layer[key], np.float32, name)
    else:
        prefix, place = ("svc.", model["svc"]) if "svc" in model else ("", model)
        if "support_vectors" in place:
            same(tensors[prefix + "support_vectors"], place["support_vectors"], np.float32, "support_vectors")
            same(tensors[prefix + "dual_coef"], place["dual_coef"], np.float64, "dual_coef")
            rows = tensors[prefix + "support_vectors"].astype(np.float64)
            norms = tensors["mlsel_index.squared_norms"]
            expect(np.allclose(norms, (rows * rows).sum(axis=1), rtol=1e-12, atol=0), "squared_norms")
        for key in ("linear_classifiers", "rbf_classifiers"):
            for i, classifier in enumerate(model.get(key, []) if "support_vectors" not in place else []):
                for part in ("weights", "support_vectors"):
                    if part in classifier:
                        same(tensors[f"{key}.{i}.{part}"], classifier[part], np.float32, part)
    return model


def answers(path, queries):
    rows = [json.loads(line) for line in run("select", "--model", path, "--json", "--scores", queries).splitlines()]
    for row in rows:
        row.pop("model")
    return rows


def take_out(value, path, tensors):
    """Moves the numeric arrays that docs/container.md wants as tensors out of a document."""
    names = {"embeddings", "support_vectors", "weights", "weight", "bias", "running_mean", "running_var"}
    doubles = {"centroids", "scores", "dual_coef", "intercept", "alpha"}
    if isinstance(value, list):
        return [take_out(v, path + [str(i)], tensors) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    rest = {}
    for key, member in value.items():
        if key in names | doubles and isinstance(member, list) and member:
            dtype = np.float32 if key in names else np.float64
            tensors[".".join(path + [key])] = np.array(member, dtype=np.float64).astype(dtype)
        else:
            rest[key] = take_out(member, path + [key], tensors)
    return rest


def read_theirs(path, model):
    tensors = {}
    document = take_out(model, [], tensors)
    if not tensors:
        return
    out = scratch / (path.stem + ".py.safetensors")
    save_file(tensors, out, metadata={"mlsel.format": "1", "mlsel.artifact": json.dumps(document), "format": "np"})
    info = json.loads(run("inspect", "--json", path))
    queries = scratch / "queries.npy"
    np.save(queries, np.random.default_rng(1).normal(size=(20, info["n_features"])))
    ours = scratch / (path.stem + ".safetensors")
    back = scratch / (path.stem + ".py.json")
    run("convert", out, back)
    expected = answers(path, queries)
    expect(len(expected) == 20, "20 answers")
    for other in (ours, out, back):
        expect(answers(other, queries) == expected, f"{other.name} answers otherwise than {path.name}")
    expect(json.loads(run("inspect", "--json", out))["format"] == "safetensors", "format")


paths = [p for p in sorted(fixtures.glob("*.json")) if "algorithm" in json.loads(p.read_text())]
paths = [p for p in paths if ".expected." not in p.name]
expect(len(paths) > 25, "fixtures")
for path in paths:
    read_theirs(path, read_ours(path))
print(f"{len(paths)} artifacts, {checks} checks passed")
