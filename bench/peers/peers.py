#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares mlsel with other libraries doing the same work, one thread each, taking turns in one process.

Started by run.sh, which builds and installs what it needs. What can be called from C is timed in C (shim.c);
scikit-learn, ONNX Runtime, PyTorch and FAISS through their Python bindings, with inputs and outputs prepared
beforehand. Batch norm is folded into the next layer for every peer, so they compute no more than mlsel does.
"""

import argparse
import contextlib
import ctypes
import importlib
import itertools
import json
import os
import platform
import statistics
import sys
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "DNNL_CPU_RUNTIME_THREADS"):
    os.environ[variable] = "1"

import numpy as np

NEIGHBOURS = 5
TURNS = 15
MIN_SAMPLE_NS = 5e3
LONG_SAMPLE_NS = 2e5  # from here on the thread's processor time counts: only long runs have to wait on a busy machine
PRECISIONS = {"default": 0, "bf16": 3, "int8": 4}

# The table of goals: case and batch, contender, at least this many times mlsel's time.
GOALS = [
    ("knn-10k-alike", 1, "FAISS", 1.3),
    ("knn-1k-alike", 1, "scikit-learn L2", 7.0),
    ("knn-10k-alike", 1, "scikit-learn L2", 7.0),
    ("knn-100k-alike", 1, "scikit-learn L2", 7.0),
    ("knn-10k", 256, "FAISS", 1.0),
    ("knn-10k", 256, "OpenBLAS", 1.0),
    ("knn-10k-alike", 256, "FAISS", 1.0),
    ("knn-10k-alike", 256, "OpenBLAS", 1.0),
    ("svm-400", 1, "LIBSVM", 17.0),
    ("svm-4000", 1, "LIBSVM", 17.0),
    ("mlp-512-256", 1, "best", 1.15),
    ("mlp-512-256", 32, "oneDNN", 0.9),
    ("mlp-512-256", 256, "oneDNN", 0.9),
    ("mlp-256-128", 32, "oneDNN", 0.9),
    ("mlp-256-128", 256, "oneDNN", 0.9),
    ("load-knn-1k", 0, "cJSON", 10.0),
]


# --- contenders -------------------------------------------------------------------------------------------------------


class Contender:
    """Something that answers the queries, a batch per run. answers(batch): every query's label or neighbours."""

    def __init__(self, name, answers=None):
        self.name = name
        self.answers = answers
        self.is_long = False

    def set_batch(self, batch):
        raise NotImplementedError

    def time(self, group, samples):
        """Nanoseconds per run of so many samples of `group` runs."""
        raise NotImplementedError


class CContender(Contender):
    def __init__(self, shim, name, run, context, answers=None):
        super().__init__(name, answers)
        self.shim, self.run, self.context = shim, run, context

    def set_batch(self, batch):
        self.shim.peers_set_batch(self.context, batch)

    def time(self, group, samples):
        out = np.empty(samples)
        self.shim.peers_time(self.run, self.context, group, samples, self.is_long, pointer(out, ctypes.c_double))
        return out


class PythonContender(Contender):
    """prepare(batch) returns a list of functions without arguments, one per stretch of queries."""

    def __init__(self, name, prepare, answers=None):
        super().__init__(name, answers)
        self.prepare = prepare

    def set_batch(self, batch):
        self.calls = itertools.cycle(self.prepare(batch))

    def time(self, group, samples):
        out = np.empty(samples)
        clock = time.thread_time_ns if self.is_long else time.perf_counter_ns
        for s in range(samples):
            todo = [next(self.calls) for _ in range(group)]
            start = clock()
            for call in todo:
                call()
            out[s] = (clock() - start) / group
        return out


def pointer(array, kind):
    return array.ctypes.data_as(ctypes.POINTER(kind))


def floats(array):
    return pointer(array, ctypes.c_float)


def stretches(queries, batch):
    """The queries cut into contiguous batches."""
    return [np.ascontiguousarray(queries[i : i + batch]) for i in range(0, len(queries) - batch + 1, batch)]


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(contenders, seconds):
    """All take turns; each turn's medians give its ratios. Returns per contender the statistics in nanoseconds."""
    plans = []
    for contender in contenders:
        contender.is_long = False
        contender.time(1, 1)
        once = max(float(contender.time(1, 1)[0]), 1)
        if once < MIN_SAMPLE_NS:
            once = float(contender.time(16, 1)[0])
        group = max(1, int(MIN_SAMPLE_NS / once) + 1) if once < MIN_SAMPLE_NS else 1
        contender.is_long = once * group >= LONG_SAMPLE_NS
        per_turn = max(1, min(1000, int(1e9 * seconds / TURNS / (once * group))))
        plans.append((contender, group, per_turn))
    samples = [[] for _ in plans]
    medians = [[] for _ in plans]
    start = time.monotonic()
    for turn in range(TURNS):
        if turn >= 3 and time.monotonic() - start > 2 * seconds * len(plans):
            break
        for i, (contender, group, per_turn) in enumerate(plans):
            if per_turn > 1:
                contender.time(group, 1)  # the others had the caches
            values = contender.time(group, per_turn)
            samples[i].append(values)
            medians[i].append(float(np.median(values)))
    results = []
    for i, (contender, group, _) in enumerate(plans):
        values = np.concatenate(samples[i])
        results.append(
            {
                "name": contender.name,
                "median": float(np.median(values)),
                "p99": float(np.quantile(values, 0.99)),
                "min": float(values.min()),
                "samples": len(values),
                "ratio": statistics.median(own / first for own, first in zip(medians[i], medians[0])),
            }
        )
    return results


def agreement(contender, batch, reference):
    """Share of the queries on which a contender, asked in such batches, answers as mlsel does; None without answers."""
    if contender.answers is None:
        return None
    own = np.asarray(contender.answers(batch))
    return float(np.mean([np.array_equal(a, b) for a, b in zip(own, reference)]))


# --- libraries --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def openblas_kernels_for_this_processor():
    """FAISS brings an OpenBLAS that falls back to slow kernels on processors newer than itself; so it is told."""
    with open("/proc/cpuinfo") as text:
        flags = text.read()
    core = "SkylakeX" if "avx512bw" in flags else "Haswell" if "avx2" in flags else None
    if core is not None:
        os.environ["OPENBLAS_CORETYPE"] = core
    yield
    os.environ.pop("OPENBLAS_CORETYPE", None)


class Libraries:
    """What could be loaded, and why the rest could not."""

    def __init__(self, options):
        self.missing = json.load(open(options.missing)) if options.missing else {}
        self.versions = {}
        self.shim = ctypes.CDLL(options.shim)
        declare(self.shim)
        self.versions["mlsel"] = self.shim.peers_mlsel_describe().decode()
        self.sklearn = self.module("scikit-learn", "sklearn")
        with openblas_kernels_for_this_processor():
            self.faiss = self.module("FAISS", "faiss")
        self.ort = self.module("ONNX Runtime", "onnxruntime")
        self.onnx = self.module("ONNX Runtime", "onnx", version=False)
        self.torch = self.module("PyTorch", "torch")
        self.libsvm = self.module("LIBSVM", "libsvm.svm", version=False)
        if self.libsvm is not None:
            self.versions["LIBSVM"] = importlib.metadata.version("libsvm-official")
        if self.torch is not None:
            self.torch.set_num_threads(1)
        if self.faiss is not None:
            self.faiss.omp_set_num_threads(1)
            self.versions["FAISS"] += " (" + self.faiss.get_compile_options().strip() + ")"
        self.blas = {}
        self.open_blas("OpenBLAS", options.openblas, "scipy_cblas_", "scipy_openblas_")
        self.open_blas("OpenBLAS Debian", options.openblas_debian, "cblas_", "openblas_")
        self.onednn = self.open_onednn(options.onednn)
        self.cjson = self.open_cjson()

    def module(self, name, module, version=True):
        try:
            loaded = importlib.import_module(module)
        except Exception as error:  # a broken installation can fail in any way
            self.missing.setdefault(name, f"{module}: {error}")
            return None
        if version:
            self.versions[name] = getattr(loaded, "__version__", "?")
        return loaded

    def open_blas(self, name, path, prefix, own_prefix):
        if not path:
            self.missing.setdefault(name, "not installed")
            return
        try:
            library = ctypes.CDLL(path)
            functions = tuple(ctypes.cast(getattr(library, prefix + f), ctypes.c_void_p) for f in ("sgemv", "sgemm"))
            config, core = (getattr(library, own_prefix + f) for f in ("get_config", "get_corename"))
            config.restype = core.restype = ctypes.c_char_p
            getattr(library, own_prefix + "set_num_threads")(1)
            self.blas[name] = functions
            self.versions[name] = " ".join(config().decode().split()[:2]) + ", kernels " + core().decode()
        except (OSError, AttributeError) as error:
            self.missing.setdefault(name, str(error))

    def open_onednn(self, path):
        if not path:
            self.missing.setdefault("oneDNN", "not installed")
            return None
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            self.missing.setdefault("oneDNN", str(error))
            return None
        library.peers_onednn_open.restype = ctypes.c_void_p
        library.peers_onednn_version.restype = ctypes.c_char_p
        library.peers_onednn_labels.restype = ctypes.POINTER(ctypes.c_int32)
        library.peers_onednn_labels.argtypes = [ctypes.c_void_p]
        self.versions["oneDNN"] = library.peers_onednn_version().decode()
        return library

    def open_cjson(self):
        from ctypes.util import find_library

        try:
            library = ctypes.CDLL(find_library("cjson") or "libcjson.so.1")
        except OSError as error:
            self.missing.setdefault("cJSON", str(error))
            return None
        library.cJSON_Version.restype = ctypes.c_char_p
        self.versions["cJSON"] = library.cJSON_Version().decode()
        return library


class Layer(ctypes.Structure):
    _fields_ = [
        ("n_in", ctypes.c_size_t),
        ("n_out", ctypes.c_size_t),
        ("weight", ctypes.POINTER(ctypes.c_float)),
        ("bias", ctypes.POINTER(ctypes.c_float)),
    ]


def declare(shim):
    p, size = ctypes.c_void_p, ctypes.c_size_t
    f32, f64 = ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_double)
    i32, u64 = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_uint64)
    signatures = {
        "peers_time": (None, [p, p, size, size, ctypes.c_int, f64]),
        "peers_set_batch": (None, [p, size]),
        "peers_mlsel_open": (p, [ctypes.c_char_p, ctypes.c_int32, f32, size, size]),
        "peers_mlsel_answers": (None, [p, i32, u64, size]),
        "peers_mlsel_clusters": (None, [p, i32]),
        "peers_mlsel_close": (None, [p]),
        "peers_mlsel_describe": (ctypes.c_char_p, []),
        "peers_json_open": (p, [ctypes.c_char_p, size, p, p]),
        "peers_libsvm_open": (p, [p, p, f32, size, size, size]),
        "peers_libsvm_labels": (i32, [p]),
        "peers_libsvm_close": (None, [p]),
        "peers_blas_rows_open": (p, [ctypes.c_int, p, p, f32, size, size, f32, size, size]),
        "peers_blas_svm_open": (p, [p, p, f32, size, size, f32, size, ctypes.c_float, f32, f32, i32, size]),
        "peers_blas_mlp_open": (p, [p, p, f32, size, size, ctypes.POINTER(Layer), size]),
        "peers_blas_labels": (i32, [p]),
        "peers_blas_neighbours": (u64, [p]),
        "peers_blas_close": (None, [p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(shim, name)
        function.restype, function.argtypes = result, arguments


# --- cases ------------------------------------------------------------------------------------------------------------


class Case:
    """One artifact: its files, its queries, and everyone who can answer them."""

    def __init__(self, name, options, libraries):
        self.name, self.lib, self.shim = name, libraries, libraries.shim
        self.path = os.path.join(options.data, name + ".json")
        queries = "queries-alike.f32" if name.endswith("-alike") else "queries.f32"
        self.queries = np.fromfile(os.path.join(options.data, queries), np.float32).reshape(256, -1)
        self.count, self.width = self.queries.shape
        self.contenders = []
        self.closers = []
        self.kept = []  # what C borrows

    def matrix(self, options):
        return np.fromfile(os.path.join(options.data, self.name + ".f32"), np.float32).reshape(-1, self.width)

    def keep(self, array, kind):
        array = np.ascontiguousarray(array, kind)
        self.kept.append(array)
        return array

    def function(self, name):
        return ctypes.cast(getattr(self.shim, name), ctypes.c_void_p)

    def open_mlsel(self, reference):
        """mlsel first: the others' ratios are to it."""
        for precision, value in PRECISIONS.items():
            queries = floats(self.queries)
            context = self.shim.peers_mlsel_open(self.path.encode(), value, queries, self.count, self.width)
            if context is None:
                continue
            name = "mlsel" if precision == "default" else "mlsel " + precision
            run = self.function("peers_mlsel_run")
            self.contenders.append(
                CContender(self.shim, name, run, context, lambda batch, c=context: reference(c))
            )
            self.closers.append(lambda c=context: self.shim.peers_mlsel_close(c))
        self.reference = reference(self.contenders[0].context)

    def mlsel_labels(self, context):
        labels = np.empty(self.count, np.int32)
        self.shim.peers_mlsel_answers(context, pointer(labels, ctypes.c_int32), None, NEIGHBOURS)
        return labels

    def mlsel_clusters(self, context):
        clusters = np.empty(self.count, np.int32)
        self.shim.peers_mlsel_clusters(context, pointer(clusters, ctypes.c_int32))
        return clusters

    def mlsel_neighbours(self, context):
        labels, rows = np.empty(self.count, np.int32), np.empty((self.count, NEIGHBOURS), np.uint64)
        self.shim.peers_mlsel_answers(
            context, pointer(labels, ctypes.c_int32), pointer(rows, ctypes.c_uint64), NEIGHBOURS
        )
        return rows

    def after_all(self, contender, batch, get, shape):
        """What a C contender has kept after all queries."""
        contender.set_batch(batch)
        contender.time(self.count // batch, 1)
        return np.ctypeslib.as_array(get(contender.context), shape).copy()

    def add_c(self, name, run, context, get, shape):
        contender = CContender(self.shim, name, run, context)
        contender.answers = lambda batch: self.after_all(contender, batch, get, shape)
        self.contenders.append(contender)

    def add_blas(self, open_one, neighbours=False):
        get = self.shim.peers_blas_neighbours if neighbours else self.shim.peers_blas_labels
        shape = (self.count, NEIGHBOURS) if neighbours else (self.count,)
        for name, (sgemv, sgemm) in self.lib.blas.items():
            context = open_one(sgemv, sgemm)
            self.closers.append(lambda c=context: self.shim.peers_blas_close(c))
            self.add_c(name, self.function("peers_blas_run"), context, get, shape)

    def in_batches(self, answer, batch):
        return np.concatenate([answer(q) for q in stretches(self.queries, batch)])

    def add_python(self, name, call, answer):
        """call(stretch of queries) does the work, answer(stretch) gives labels or neighbours."""
        self.contenders.append(
            PythonContender(
                name,
                lambda batch: [lambda q=q: call(q) for q in stretches(self.queries, batch)],
                lambda batch: self.in_batches(answer, batch),
            )
        )

    def close(self):
        for closer in self.closers:
            closer()


class KnnCase(Case):
    def __init__(self, name, options, libraries):
        super().__init__(name, options, libraries)
        rows = self.keep(self.matrix(options), np.float32)
        self.open_mlsel(self.mlsel_neighbours)
        # the others measure plain L2; rows and queries are normalised for them beforehand, as mlsel does by itself
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        given = self.queries
        self.queries = self.keep(given / np.linalg.norm(given, axis=1, keepdims=True), np.float32)
        self.kept.append(given)
        self.add_blas(
            lambda sgemv, sgemm: self.shim.peers_blas_rows_open(
                0, sgemv, sgemm, floats(self.queries), self.count, self.width, floats(rows), len(rows), NEIGHBOURS
            ),
            neighbours=True,
        )
        if self.lib.faiss is not None:
            self.add_faiss(rows)
        if self.lib.sklearn is not None:
            self.add_sklearn(rows)

    def add_faiss(self, rows):
        faiss = self.lib.faiss
        index = faiss.IndexFlatL2(self.width)
        index.add(rows)
        distances = np.empty((self.count, NEIGHBOURS), np.float32)
        found = np.empty((self.count, NEIGHBOURS), np.int64)
        self.kept += [distances, found]
        d, i = faiss.swig_ptr(distances), faiss.swig_ptr(found)

        def prepare(batch):
            return [
                lambda n=len(q), x=faiss.swig_ptr(q), keep=q: index.search_c(n, x, NEIGHBOURS, d, i)
                for q in stretches(self.queries, batch)
            ]

        def answer(q):
            return index.search(q, NEIGHBOURS)[1]

        self.contenders.append(PythonContender("FAISS", prepare, lambda batch: self.in_batches(answer, batch)))

    def add_sklearn(self, rows):
        from sklearn.neighbors import NearestNeighbors

        for name, metric in (("scikit-learn L2", "euclidean"), ("scikit-learn cosine", "cosine")):
            search = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute", metric=metric, n_jobs=1).fit(rows)
            self.add_python(
                name, search.kneighbors, lambda q, search=search: search.kneighbors(q, return_distance=False)
            )


class KmeansCase(Case):
    def __init__(self, name, options, libraries):
        super().__init__(name, options, libraries)
        rows = self.keep(self.matrix(options), np.float32)
        self.open_mlsel(self.mlsel_clusters)
        self.add_blas(
            lambda sgemv, sgemm: self.shim.peers_blas_rows_open(
                1, sgemv, sgemm, floats(self.queries), self.count, self.width, floats(rows), len(rows), 1
            )
        )
        if self.lib.sklearn is not None:
            from sklearn.cluster import KMeans

            model = KMeans(len(rows), n_init=1, max_iter=1, init=rows).fit(rows)
            model.cluster_centers_ = rows
            self.add_python("scikit-learn", model.predict, model.predict)


class SvmCase(Case):
    def __init__(self, name, options, libraries):
        super().__init__(name, options, libraries)
        rows = self.keep(self.matrix(options), np.float32)
        artifact = json.load(open(self.path))
        self.open_mlsel(self.mlsel_labels)
        coef = self.keep(artifact["dual_coef"], np.float32)
        intercept = self.keep(artifact["intercept"], np.float32)
        starts = self.keep(np.concatenate([[0], np.cumsum(artifact["n_support"])]), np.int32)
        self.add_blas(
            lambda sgemv, sgemm: self.shim.peers_blas_svm_open(
                sgemv,
                sgemm,
                floats(self.queries),
                self.count,
                self.width,
                floats(rows),
                len(rows),
                artifact["gamma"],
                floats(coef),
                floats(intercept),
                pointer(starts, ctypes.c_int32),
                len(starts) - 1,
            )
        )
        if self.lib.libsvm is not None:
            self.add_libsvm(artifact, rows, os.path.join(options.data, name + ".libsvm"))
        if self.lib.sklearn is not None:
            self.add_sklearn(artifact, rows)

    def add_libsvm(self, artifact, rows, path):
        n_classes = len(artifact["n_support"])
        coef = np.array(artifact["dual_coef"])
        with open(path, "w") as out:
            out.write(f"svm_type c_svc\nkernel_type rbf\ngamma {artifact['gamma']}\nnr_class {n_classes}\n")
            out.write(f"total_sv {len(rows)}\nrho {' '.join(str(-x) for x in artifact['intercept'])}\n")
            out.write(f"label {' '.join(map(str, range(n_classes)))}\n")
            out.write(f"nr_sv {' '.join(map(str, artifact['n_support']))}\nSV\n")
            for r, row in enumerate(rows):
                used = np.nonzero(row)[0]
                values = " ".join(f"{i + 1}:{row[i]:.9g}" for i in used)
                out.write(" ".join(f"{c:.17g}" for c in coef[:, r]) + " " + values + "\n")
        library = self.lib.libsvm.libsvm
        load = ctypes.CDLL(library._name).svm_load_model
        load.restype, load.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        model = load(path.encode())
        predict = ctypes.cast(ctypes.CDLL(library._name).svm_predict_values, ctypes.c_void_p)
        pairs = n_classes * (n_classes - 1) // 2
        context = self.shim.peers_libsvm_open(predict, model, floats(self.queries), self.count, self.width, pairs)
        self.add_c("LIBSVM", self.function("peers_libsvm_run"), context, self.shim.peers_libsvm_labels, (self.count,))
        self.closers.append(lambda: self.shim.peers_libsvm_close(context))

    def add_sklearn(self, artifact, rows):
        """An SVC with the artifact's parameters in place of those it was fitted with."""
        from sklearn.svm import SVC

        n_classes = len(artifact["n_support"])
        starts = np.cumsum([0] + artifact["n_support"])
        wanted = np.concatenate([rows[starts[c] : starts[c] + 8] for c in range(n_classes)]).astype(np.float64)
        model = SVC(kernel="rbf", gamma=artifact["gamma"]).fit(wanted, np.repeat(np.arange(n_classes), 8))
        model.support_ = np.arange(len(rows), dtype=np.int32)
        model.support_vectors_ = np.ascontiguousarray(rows, np.float64)
        model._n_support = np.array(artifact["n_support"], np.int32)
        model._dual_coef_ = model.dual_coef_ = np.array(artifact["dual_coef"], np.float64)
        model._intercept_ = model.intercept_ = np.array(artifact["intercept"], np.float64)
        model.shape_fit_ = rows.shape
        queries = self.queries.astype(np.float64)  # what it works with
        self.contenders.append(
            PythonContender(
                "scikit-learn",
                lambda batch: [lambda q=q: model.predict(q) for q in stretches(queries, batch)],
                lambda batch: self.in_batches(model.predict, batch),
            )
        )


def fold(artifact):
    """The layers as (weight, bias), with each batch norm folded into the linear layer after it."""
    layers, scale, shift = [], None, None
    for layer in artifact["layers"]:
        if layer["type"] == "batch_norm":
            factor = np.array(layer["weight"]) / np.sqrt(np.array(layer["running_var"]) + layer["eps"])
            scale, shift = factor, np.array(layer["bias"]) - factor * np.array(layer["running_mean"])
        elif layer["type"] == "linear":
            weight, bias = np.array(layer["weight"]), np.array(layer["bias"])
            if scale is not None:
                bias, weight = bias + weight @ shift, weight * scale
            layers.append((np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(bias, np.float32)))
            scale = shift = None
    return layers


class MlpCase(Case):
    def __init__(self, name, options, libraries):
        super().__init__(name, options, libraries)
        self.open_mlsel(self.mlsel_labels)
        self.layers = fold(json.load(open(self.path)))
        self.kept.append(self.layers)
        table = (Layer * len(self.layers))(
            *[Layer(w.shape[1], w.shape[0], floats(w), floats(b)) for w, b in self.layers]
        )
        self.kept.append(table)
        self.add_blas(
            lambda sgemv, sgemm: self.shim.peers_blas_mlp_open(
                sgemv, sgemm, floats(self.queries), self.count, self.width, table, len(table)
            )
        )
        if self.lib.onednn is not None:
            for label, matmul, bf16 in (("oneDNN", 0, 0), ("oneDNN matmul", 1, 0), ("oneDNN bf16", 0, 1)):
                self.contenders.append(OnednnContender(self, label, table, matmul, bf16))
        if self.lib.ort is not None and self.lib.onnx is not None:
            self.add_ort()
        if self.lib.torch is not None:
            self.add_torch()

    def add_ort(self):
        onnx, ort = self.lib.onnx, self.lib.ort
        helper, tensor = onnx.helper, onnx.numpy_helper
        nodes, weights, value = [], [], "x"
        for i, (weight, bias) in enumerate(self.layers):
            weights += [tensor.from_array(weight, f"w{i}"), tensor.from_array(bias, f"b{i}")]
            nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"g{i}"], transB=1))
            value = f"g{i}"
            if i + 1 < len(self.layers):
                nodes.append(helper.make_node("Relu", [value], [f"r{i}"]))
                value = f"r{i}"
        kind = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "mlp",
            [helper.make_tensor_value_info("x", kind, ["n", self.width])],
            [helper.make_tensor_value_info(value, kind, ["n", len(self.layers[-1][1])])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])

        def prepare(batch):
            calls = []
            for q in stretches(self.queries, batch):
                binding = session.io_binding()
                binding.bind_cpu_input("x", q)
                out = ort.OrtValue.ortvalue_from_numpy(np.empty((len(q), len(self.layers[-1][1])), np.float32))
                binding.bind_ortvalue_output(value, out)
                calls.append(lambda b=binding, keep=(q, out): session.run_with_iobinding(b))
            return calls

        def answer(q):
            return session.run(None, {"x": q})[0].argmax(1)

        self.contenders.append(PythonContender("ONNX Runtime", prepare, lambda batch: self.in_batches(answer, batch)))

    def add_torch(self):
        torch = self.lib.torch
        parts = []
        for i, (weight, bias) in enumerate(self.layers):
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
            parts += [linear, torch.nn.ReLU()]
        model = torch.nn.Sequential(*parts[:-1]).eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing is to go one day
            frozen = torch.jit.freeze(torch.jit.trace(model, torch.from_numpy(self.queries[:1])))

        for name, function in (("PyTorch", model), ("PyTorch frozen", frozen)):

            def prepare(batch, function=function):
                @torch.inference_mode()
                def call(q):
                    return function(q)

                return [lambda q=torch.from_numpy(q): call(q) for q in stretches(self.queries, batch)]

            def answer(q, function=function):
                with torch.no_grad():
                    return function(torch.from_numpy(q)).argmax(1).numpy()

            self.contenders.append(
                PythonContender(name, prepare, lambda batch, answer=answer: self.in_batches(answer, batch))
            )


class OnednnContender(Contender):
    """A chain per batch size; they stay."""

    def __init__(self, case, name, table, matmul, bf16):
        super().__init__(name, self.labels)
        self.case, self.library, self.table, self.flags = case, case.lib.onednn, table, (matmul, bf16)
        self.contexts = {}

    def set_batch(self, batch):
        if batch not in self.contexts:
            self.contexts[batch] = ctypes.c_void_p(
                self.library.peers_onednn_open(
                    floats(self.case.queries),
                    ctypes.c_size_t(self.case.count),
                    ctypes.c_size_t(self.case.width),
                    ctypes.c_size_t(batch),
                    self.table,
                    ctypes.c_size_t(len(self.table)),
                    *self.flags,
                )
            )
        self.context = self.contexts[batch]

    def time(self, group, samples):
        out = np.empty(samples)
        run = ctypes.cast(self.library.peers_onednn_run, ctypes.c_void_p)
        self.case.shim.peers_time(run, self.context, group, samples, self.is_long, pointer(out, ctypes.c_double))
        return out

    def labels(self, batch):
        self.set_batch(batch)
        self.time(self.case.count // batch, 1)
        return np.ctypeslib.as_array(self.library.peers_onednn_labels(self.context), (self.case.count,)).copy()


class LoadCase(Case):
    """Parsing one text. The others only parse: mlsel also checks, hashes, deduplicates and prepares."""

    def __init__(self, name, options, libraries):
        super().__init__(name, options, libraries)
        self.text = open(self.path, "rb").read()
        self.add("mlsel", None, None)
        if self.lib.cjson is not None:
            parse = ctypes.cast(self.lib.cjson.cJSON_ParseWithLength, ctypes.c_void_p)
            delete = ctypes.cast(self.lib.cjson.cJSON_Delete, ctypes.c_void_p)
            self.add("cJSON", parse, delete)
        self.contenders.append(PythonContender("Python json", lambda batch: [lambda: json.loads(self.text)]))
        self.reference = None

    def add(self, name, parse, delete):
        context = self.shim.peers_json_open(self.text, len(self.text), parse, delete)
        contender = CContender(self.shim, name, self.function("peers_json_run"), context)
        contender.set_batch = lambda batch: None
        self.contenders.append(contender)

    def memory(self, contender):
        """Peak memory of a load beyond what was there, per byte of text, in a process of its own."""
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                ctypes.CDLL(None).malloc_trim(0)  # what lies free on the heap would hide what loading takes
                with open("/proc/self/clear_refs", "w") as out:
                    out.write("5")
                before = status_bytes("VmRSS")
                contender.time(1, 1)
                os.write(write_end, str(status_bytes("VmHWM") - before).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        text = os.read(read_end, 64)
        os.close(read_end)
        os.waitpid(child, 0)
        return int(text) / len(self.text) if text else None


def status_bytes(key):
    for line in open("/proc/self/status"):
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {key}")


CASES = {
    "load-knn-1k": LoadCase,  # first, before the heap is in pieces
    "knn-1k": KnnCase,
    "knn-10k": KnnCase,
    "knn-100k": KnnCase,
    "knn-1k-alike": KnnCase,  # which mlsel scans in f32, as the others do
    "knn-10k-alike": KnnCase,
    "knn-100k-alike": KnnCase,
    "svm-400": SvmCase,
    "svm-4000": SvmCase,
    "kmeans-8": KmeansCase,
    "kmeans-64": KmeansCase,
    "mlp-512-256": MlpCase,
    "mlp-256-128": MlpCase,
}


# --- reporting --------------------------------------------------------------------------------------------------------


def micros(nanoseconds):
    us = nanoseconds / 1e3
    return f"{us:10.{3 if us < 10 else 2 if us < 100 else 1 if us < 1e4 else 0}f}"


def report(case, batch, results, agreements, memory, out):
    print(f"\n{case}, {'load' if batch == 0 else 'batch ' + str(batch)}")
    print(f"  {'':22} {'median us':>10} {'p99 us':>10} {'min us':>10} {'/ mlsel':>9}  agrees")
    for result, agrees, extra in zip(results, agreements, memory):
        per = max(batch, 1)
        row = {
            "case": case,
            "batch": batch,
            "contender": result["name"],
            "median_us": result["median"] / per / 1e3,
            "p99_us": result["p99"] / per / 1e3,
            "min_us": result["min"] / per / 1e3,
            "samples": result["samples"],
            "ratio": result["ratio"],
            "agreement": agrees,
            "memory_per_byte": extra,
        }
        out.append(row)
        times = " ".join(micros(result[key] / per) for key in ("median", "p99", "min"))
        tail = "" if agrees is None else f"{100 * agrees:6.1f}%"
        tail += "" if extra is None else f"  {extra:.2f} bytes of memory per byte"
        print(f"  {result['name']:22} {times} {result['ratio']:9.2f}  {tail}", flush=True)


def check_goals(rows, missing):
    """Goals with what was measured, farthest from its goal first. The best peer of a case is the fastest f32 one."""
    goals = []
    for case, batch, name, least in GOALS:
        found = [r for r in rows if r["case"] == case and r["batch"] == batch]
        found = [r for r in found if not r["contender"].startswith("mlsel") and "bf16" not in r["contender"]]
        if not found:
            continue
        if name != "best":
            found = [r for r in found if r["contender"] == name or (name == "oneDNN" and "oneDNN" in r["contender"])]
        if found:
            best = min(found, key=lambda r: r["ratio"])
            result = {"peer": best["contender"], "ratio": best["ratio"]}
        else:
            result = {"peer": name, "missing": missing.get(name, "not measured")}
        goals.append({"case": case, "batch": batch, "goal": least, **result})
    goals.sort(key=lambda g: g.get("ratio", 0) / g["goal"])
    return goals


def print_goals(goals):
    print("\nGoals: the peer's time by mlsel's, at least; farthest first")
    for goal in goals:
        where = f"{goal['case']}, batch {goal['batch']}" if goal["batch"] else goal["case"]
        if "ratio" in goal:
            verdict = "holds" if goal["ratio"] >= goal["goal"] else "missed"
            print(f"  {where:28} {goal['peer']:18} {goal['ratio']:8.2f} of {goal['goal']:5.2f}  {verdict}")
        else:
            print(f"  {where:28} {goal['peer']:18} missing: {goal['missing']}")


def run_case(name, options, libraries, rows):
    case = CASES[name](name, options, libraries)
    is_load = name.startswith("load")
    memory = [case.memory(c) if is_load else None for c in case.contenders]  # before the heap is in use
    for batch in [0] if is_load else options.batches:
        agreements = [None if is_load else agreement(c, batch, case.reference) for c in case.contenders]
        for contender in case.contenders:
            contender.set_batch(batch)
        results = compare(case.contenders, options.seconds)
        report(name, batch, results, agreements, memory, rows)
    case.close()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shim", required=True, help="libbench_peers.so")
    parser.add_argument("--onednn", help="libbench_onednn.so")
    parser.add_argument("--openblas", help="libscipy_openblas.so of the Python package")
    parser.add_argument("--openblas-debian", help="the system's libopenblas.so.0")
    parser.add_argument("--data", required=True, help="what bench --write wrote")
    parser.add_argument("--missing", help="JSON object: peers that could not be installed, with reasons")
    parser.add_argument("--output", help="file for the results as JSON")
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated, of " + ",".join(CASES))
    parser.add_argument("--batch", default="1,32,256", help="comma-separated, of 1,32,256")
    parser.add_argument("--seconds", type=float, default=1, help="per contender and measurement")
    options = parser.parse_args()
    options.batches = [int(b) for b in options.batch.split(",")]
    return options


def main():
    options = read_options()
    libraries = Libraries(options)
    before = machine()
    print("machine          " + before)
    for name, version in libraries.versions.items():
        print(f"{name:16} {version}")
    for name, reason in libraries.missing.items():
        print(f"{name:16} MISSING: {reason}")
    rows = []
    for name in options.cases.split(","):
        if not os.path.exists(os.path.join(options.data, name + ".json")):
            print(f"\n{name}: no data, left out")
            continue
        run_case(name, options, libraries, rows)
    goals = check_goals(rows, libraries.missing)
    print_goals(goals)
    if options.output:
        with open(options.output, "w") as out:
            document = {
                "machine": before,
                "versions": libraries.versions,
                "missing": libraries.missing,
                "results": rows,
                "goals": goals,
            }
            json.dump(document, out, indent=1)
            out.write("\n")
    return 0


def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {system}, load average before the run {os.getloadavg()[0]:.2f}"


if __name__ == "__main__":
    sys.exit(main())
