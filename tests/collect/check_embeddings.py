#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a file of embeddings with what embedding_server.py answers.

    check_embeddings.py QUERIES OUTPUT [raw] [prefix=TEXT] [width=N] [without=TEXT]

OUTPUT must hold each distinct query of QUERIES once, in order (without those that contain a text), as JSON lines, or as
.npy rows.
"""
import json
import math
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from embedding_server import WIDTH, vector  # noqa: E402


def read_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x93NUMPY\x01\x00", "magic"
    size = struct.unpack("<H", data[8:10])[0]
    assert (10 + size) % 64 == 0 and data[10 + size - 1 : 10 + size] == b"\n", "alignment"
    head = eval(data[10 : 10 + size])  # a dictionary of literals, written by the program under test
    assert head["descr"] == "<f4" and head["fortran_order"] is False, head
    rows, width = head["shape"]
    assert len(data) == 10 + size + 4 * rows * width, "size"
    values = struct.unpack("<%df" % (rows * width), data[10 + size :])
    return [values[i * width : (i + 1) * width] for i in range(rows)]


def main():
    options = dict(a.partition("=")[::2] for a in sys.argv[3:])
    width = int(options.get("width", WIDTH))
    queries = []
    for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
        record = json.loads(line)
        text = record.get("text", record.get("query"))
        if text not in [q[0] for q in queries] and not ("without" in options and options["without"] in text):
            queries.append((text, record))
    if sys.argv[2].endswith(".npy"):
        rows = read_npy(sys.argv[2])
        assert len(rows) == len(queries), "%d rows for %d queries" % (len(rows), len(queries))
    else:
        rows = []
        lines = open(sys.argv[2], encoding="utf-8").read().splitlines()
        assert len(lines) == len(queries), "%d lines for %d queries" % (len(lines), len(queries))
        for line, (text, record) in zip(lines, queries):
            out = json.loads(line)
            assert out["query"] == text, (out["query"], text)
            for key in ("id", "category"):
                assert out.get(key) == record.get(key), (key, out)
            rows.append(out["embedding"])
    for row, (text, _) in zip(rows, queries):
        expected = vector(options.get("prefix", "") + text, width)
        if "raw" not in options:
            norm = math.sqrt(sum(v * v for v in expected))
            expected = [v / norm for v in expected]
        assert len(row) == width, len(row)
        for a, b in zip(row, expected):
            assert abs(a - b) <= 1e-6 * max(1, abs(b)), (text, a, b)


main()
