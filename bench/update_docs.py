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
                    f"{row['median_us'] / 1e3:.2f}",
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
    try:
        parts += ["Each KNN row four times, one per model, as trainers write them:", own_table(read_lines("bench-repeat.jsonl")[1])]
    except FileNotFoundError:
        pass
    parts += ["Loading JSON:", load_table(rows)]
    return "\n\n".join(part for part in parts if part)


def peers_part():
    with open(os.path.join(OUT, "peers.json")) as text:
        document = json.load(text)
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    parts = [f"{document['machine']}. {versions}."]
    if document["missing"]:
        parts.append("Missing: " + "; ".join(f"{name} ({reason})" for name, reason in document["missing"].items()) + ".")
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
    goals = [
        [
            f"{g['case']}, batch {g['batch']}" if g["batch"] else g["case"],
            g["peer"],
            f"{g['goal']:.2f}",
            f"{g['ratio']:.2f}" if "ratio" in g else "missing",
            "yes" if g.get("ratio", 0) >= g["goal"] else "no",
        ]
        for g in document["goals"]
    ]
    parts += ["Against the goals:", table(["case", "peer", "goal", "measured", "holds"], goals)]
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
    for name, make in (("bench", own_part), ("peers", peers_part), ("instructions", instructions_part)):
        try:
            document = replace(document, name, make())
            print(f"{name}: written")
        except FileNotFoundError as error:
            print(f"{name}: no results ({error.filename}), left as it was")
    with open(DOCUMENT, "w") as out:
        out.write(document)


if __name__ == "__main__":
    main()
