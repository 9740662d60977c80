#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the results of the last runs into docs/performance.md, between its markers.

Reads what run.sh, peers/run.sh and instructions.sh left in build/bench (or MLSEL_BENCH_OUT). A part whose results are
not there stays as it is.
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.environ.get("MLSEL_BENCH_OUT", os.path.join(ROOT, "build", "bench"))
DOCUMENT = os.path.join(ROOT, "docs", "performance.md")

VARIANTS = [
    ("bench-repeat.jsonl", "Each row four times, one per model, as trainers write them:"),
    ("bench-one-category.jsonl", "All rows and queries of one category, so that none can be left out by it:"),
    ("bench-threads.jsonl", "Two threads a model, times by the clock on the wall:"),
    ("bench-alike-threads.jsonl", "The same with rows that are scanned in f32:"),
    ("bench-alike.jsonl", "Rows so much alike that 8 bits cannot tell them apart, which are scanned in f32:"),
]


def micros(value):
    return f"{value:.{3 if value < 10 else 2 if value < 100 else 1 if value < 1e3 else 0}f}"


def table(head, rows):
    """Markdown; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def read_lines(name):
    with open(os.path.join(OUT, name)) as lines:
        documents = [json.loads(line) for line in lines]
    return documents[0]["machine"], documents[1:]


def machine_text(machine):
    return (
        f"{machine['processor']}, {machine['processors']} cores, {machine['caches']}; {machine['kernel']}, huge pages "
        f"{machine['huge_pages']}; {machine['library']}; load average before the run {machine['load_average']:.2f}."
    )


def own_table(rows):
    body = []
    for row in rows:
        if row["batch"] == 0:
            continue
        body.append(
            [
                row["case"],
                row["isa"],
                row["precision"],
                str(row["batch"]),
                row["query"],
                micros(row["median_us"]),
                micros(row["p99_us"]),
                micros(row["min_us"]),
                f"{row['queries_per_s']:,.0f}".replace(",", " "),
                f"{row['bytes_per_query']:,.0f}".replace(",", " "),
                f"{row['share']:.2f} {row['bound']}",
            ]
        )
    head = ["case", "isa", "precision", "batch", "query", "median", "p99", "min", "queries/s", "bytes/query", "share"]
    return table(head, body)


def load_table(rows):
    body = []
    for row in rows:
        if row["batch"] == 0:
            memory = row.get("memory_per_byte")
            body.append(
                [
                    row["case"],
                    row["isa"],
                    f"{row['median_us'] / 1e3:.3f}",
                    f"{row['bytes_per_query'] / row['median_us'] / 1e3:.2f}",
                    "" if memory is None else f"{memory:.2f}",
                ]
            )
    return table(["case", "isa", "ms", "GB/s", "memory per byte"], body) if body else ""


def bound_text(rows):
    reads = {}
    for row in rows:
        if row["bound"] == "read" and row["isa"] == rows[-1]["isa"] and row["query"] == "float":
            reads.setdefault(row["case"], f"{row['case']} {row['bound_gb_per_s']:.0f} ({row['read_way']})")
    peaks = [row["peak_gflops"] for row in rows if row["bound"] == "fma"]
    text = "Read bound in GB/s, with the fastest way to read: " + ", ".join(reads.values()) + "."
    if peaks:
        peaks.sort()
        text += f" Multiply-add peak: {peaks[len(peaks) // 2]:.0f} GFLOP/s."
    return text


def own_part():
    machine, rows = read_lines("bench.jsonl")
    parts = [machine_text(machine), bound_text(rows), own_table(rows)]
    for name, title in VARIANTS:
        if os.path.exists(os.path.join(OUT, name)):
            parts += [title, own_table(read_lines(name)[1])]
    parts += ["Loading:", load_table(rows)]
    return "\n\n".join(part for part in parts if part)


def find(rows, case, batch=1, query="float", precision="default"):
    """The row of the best instruction set; None if it was not measured."""
    found = [
        row
        for row in rows
        if (row["case"], row["batch"]) == (case, batch)
        and (batch == 0 or (row["query"], row["precision"]) == (query, precision))
    ]
    return found[-1] if found else None


def own_goals():
    """What was aimed at and what was measured, as (what, goal, measured); measured is None where it was not."""
    rows = [row for name in ["bench.jsonl"] + [v[0] for v in VARIANTS] if os.path.exists(os.path.join(OUT, name))
            for row in read_lines(name)[1]]
    goals = []

    def add(what, goal, value, *needed):
        goals.append((what, goal, None if any(row is None for row in needed) else value(*needed)))

    for size, gain in (("1k", None), ("10k", 5), ("100k", 2.5)):
        scan = find(rows, f"knn-{size}-alike")
        add(f"KNN {size}, scan in f32: share of the read bound", 0.90, lambda row: row["share"], scan)
        for rows_made in ("", "-one-category") if gain else ():
            add(
                f"KNN {size}{rows_made.replace('-', ' ', 1)}: times as fast as the scan in f32",
                gain,
                lambda row, scan: row["share"] / scan["share"],
                find(rows, f"knn-{size}{rows_made}"),
                scan,
            )
    add("KNN 10k in f32, batch 256: share of the multiply-add peak", 0.80, lambda row: row["share"],
        find(rows, "knn-10k-alike", 256))
    for case, goal, query in (("svm-400", 0.93, "float"), ("svm-4000", 0.93, "float"), ("kmeans-8", 0.60, "double"),
                              ("mlp-512-256", 0.93, "float")):
        add(f"{case}, {query}: share of the read bound", goal, lambda row: row["share"], find(rows, case, 1, query))
    add("mlp-512-256 in bf16: times as fast as in f32", 1.8, lambda half, full: full["median_us"] / half["median_us"],
        find(rows, "mlp-512-256", precision="bf16"), find(rows, "mlp-512-256"))
    add("Loading JSON: memory per byte of text, at most", -0.30, lambda row: row.get("memory_per_byte", 9),
        find(rows, "load-knn-1k", 0))
    add("Loading a safetensors file of 10k rows: milliseconds, at most", -1, lambda row: row["median_us"] / 1000,
        find(rows, "load-safetensors-10k", 0))
    return goals


def goals_part():
    body = []
    for what, goal, value in own_goals():
        holds = "not measured" if value is None else "yes" if (value >= goal if goal > 0 else value <= -goal) else "no"
        body.append([what, f"{abs(goal):.2f}", "" if value is None else f"{value:.2f}", holds])
    for goal in read_peers()["goals"]:
        where = f"{goal['case']}, batch {goal['batch']}" if goal["batch"] else goal["case"]
        what = f"{where}: time of {goal['peer']} by that of mlsel"
        ratio = goal.get("ratio")
        holds = "not measured" if ratio is None else "yes" if ratio >= goal["goal"] else "no"
        body.append([what, f"{goal['goal']:.2f}", "" if ratio is None else f"{ratio:.2f}", holds])
    for row in body:
        print("  " + " | ".join([f"{row[0]:62}", f"{row[1]:>6}", f"{row[2]:>6}", row[3]]))
    return "Goals, and what was measured last:\n\n" + table(["", "at least", "measured", "holds"], body)


def read_peers():
    with open(os.path.join(OUT, "peers.json")) as text:
        return json.load(text)


def peers_part():
    document = read_peers()
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    parts = [f"{document['machine']}. {versions}."]
    if document["missing"]:
        missing = "; ".join(f"{name} ({reason})" for name, reason in document["missing"].items())
        parts.append(f"Missing: {missing}.")
    body = []
    for row in document["results"]:
        agrees, memory = row["agreement"], row["memory_per_byte"]
        body.append(
            [
                row["case"],
                str(row["batch"]) if row["batch"] else "load",
                row["contender"],
                micros(row["median_us"]),
                micros(row["p99_us"]),
                micros(row["min_us"]),
                f"{row['ratio']:.2f}",
                f"{100 * agrees:.1f} %" if agrees is not None else f"{memory:.2f} B/B" if memory is not None else "",
            ]
        )
    parts.append(table(["case", "batch", "", "median", "p99", "min", "time / mlsel's", "agrees"], body))
    return "\n\n".join(parts)


def instructions_part():
    with open(os.path.join(OUT, "instructions.txt")) as lines:
        rows = [line.split() for line in lines]
    return table(rows[0], [row[:-1] + [f"{int(row[-1]):,}".replace(",", " ")] for row in rows[1:]])


def replace(document, name, part):
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    if begin not in document or end not in document:
        sys.exit(f"{DOCUMENT} has no markers for {name}")
    before, rest = document.split(begin, 1)
    return before + begin + "\n" + part + "\n\n" + end + rest.split(end, 1)[1]


def main():
    with open(DOCUMENT) as text:
        document = text.read()
    parts = {"goals": goals_part, "bench": own_part, "peers": peers_part, "instructions": instructions_part}
    for name, make in parts.items():
        try:
            document = replace(document, name, make())
            print(f"{name}: written")
        except FileNotFoundError as error:
            print(f"{name}: no results ({error.filename}), left as it was")
    with open(DOCUMENT, "w") as out:
        out.write(document)


if __name__ == "__main__":
    main()
