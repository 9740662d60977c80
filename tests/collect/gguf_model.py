#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A tiny embedding model with random weights, and its embeddings by plain arithmetic.

    gguf_model.py write FILE last|mean        writes the model as GGUF
    gguf_model.py check FILE last|mean OUT    compares the lines of OUT with what the model must give

The architecture is Qwen3's (RMS norm, rotary positions, norms of queries and keys, grouped attention, SwiGLU), with one
token a byte and one that ends every text, as Qwen3-Embedding has it. Texts of more than CONTEXT tokens lose their end, but
not that token.
"""
import json
import math
import random
import struct
import sys

EMBD, HEADS, KV_HEADS, HEAD, FF, LAYERS, CONTEXT = 32, 4, 2, 8, 64, 2, 48
EPS, BASE = 1e-6, 10000.0
END = 256


def weights():
    rng = random.Random(7)

    def matrix(rows, columns):
        scale = 1 / math.sqrt(columns)
        values = [[rng.gauss(0, scale) for _ in range(columns)] for _ in range(rows)]
        return [list(struct.unpack("<%df" % columns, struct.pack("<%df" % columns, *row))) for row in values]

    def vector(n):
        return [struct.unpack("<f", struct.pack("<f", 1 + rng.gauss(0, 0.2)))[0] for _ in range(n)]

    w = {"token_embd.weight": [[v * 4 for v in row] for row in matrix(END + 1, EMBD)], "output_norm.weight": vector(EMBD)}
    for i in range(LAYERS):
        b = "blk.%d." % i
        w[b + "attn_norm.weight"] = vector(EMBD)
        w[b + "attn_q.weight"] = matrix(HEADS * HEAD, EMBD)
        w[b + "attn_k.weight"] = matrix(KV_HEADS * HEAD, EMBD)
        w[b + "attn_v.weight"] = matrix(KV_HEADS * HEAD, EMBD)
        w[b + "attn_output.weight"] = matrix(EMBD, HEADS * HEAD)
        w[b + "attn_q_norm.weight"] = vector(HEAD)
        w[b + "attn_k_norm.weight"] = vector(HEAD)
        w[b + "ffn_norm.weight"] = vector(EMBD)
        w[b + "ffn_gate.weight"] = matrix(FF, EMBD)
        w[b + "ffn_up.weight"] = matrix(FF, EMBD)
        w[b + "ffn_down.weight"] = matrix(EMBD, FF)
    return w


# --- the file ---------------------------------------------------------------------------------------------------------


def byte_tokens():
    """The printable characters that stand for bytes in byte-level BPE."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    other, names = 0, []
    for byte in range(256):
        if byte in plain:
            names.append(chr(byte))
        else:
            names.append(chr(256 + other))
            other += 1
    return names


U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def packed(kind, value):
    if kind == STRING:
        data = value.encode()
        return struct.pack("<Q", len(data)) + data
    if kind == ARRAY:
        inner, values = value
        return struct.pack("<IQ", inner, len(values)) + b"".join(packed(inner, v) for v in values)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)


def write(path, pooling):
    tokens = byte_tokens() + ["<|end|>"]
    pairs = [
        ("general.architecture", STRING, "qwen3"), ("general.name", STRING, "tiny"), ("general.alignment", U32, 32),
        ("qwen3.block_count", U32, LAYERS), ("qwen3.context_length", U32, CONTEXT), ("qwen3.embedding_length", U32, EMBD),
        ("qwen3.feed_forward_length", U32, FF), ("qwen3.attention.head_count", U32, HEADS),
        ("qwen3.attention.head_count_kv", U32, KV_HEADS), ("qwen3.attention.key_length", U32, HEAD),
        ("qwen3.attention.value_length", U32, HEAD), ("qwen3.rope.dimension_count", U32, HEAD),
        ("qwen3.rope.freq_base", F32, BASE), ("qwen3.attention.layer_norm_rms_epsilon", F32, EPS),
        ("qwen3.pooling_type", U32, {"mean": 1, "last": 3}[pooling]), ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "qwen2"), ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [1] * 256 + [3])), ("tokenizer.ggml.merges", ARRAY, (STRING, [])),
        ("tokenizer.ggml.eos_token_id", U32, END), ("tokenizer.ggml.padding_token_id", U32, END),
        ("tokenizer.ggml.add_bos_token", BOOL, False), ("tokenizer.ggml.add_eos_token", BOOL, True),
    ]
    tensors, data = [], b""
    for name, value in weights().items():
        rows = value if isinstance(value[0], list) else [value]
        shape = [len(rows[0])] + ([len(rows)] if isinstance(value[0], list) else [])
        data += b"\0" * (-len(data) % 32)
        tensors.append(packed(STRING, name) + struct.pack("<I", len(shape)) + struct.pack("<%dQ" % len(shape), *shape) +
                       struct.pack("<IQ", 0, len(data)))
        data += b"".join(struct.pack("<%df" % len(row), *row) for row in rows)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(pairs))
    head += b"".join(packed(STRING, key) + struct.pack("<I", kind) + packed(kind, value) for key, kind, value in pairs)
    head += b"".join(tensors)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % 32) + data)


# --- the arithmetic ---------------------------------------------------------------------------------------------------


def times(matrix, x):
    return [sum(a * b for a, b in zip(row, x)) for row in matrix]


def norm(x, weight):
    scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + EPS)
    return [v * scale * w for v, w in zip(x, weight)]


def rotated(x, position):
    half = len(x) // 2
    out = list(x)
    for i in range(half):
        angle = position * BASE ** (-2 * i / len(x))
        c, s = math.cos(angle), math.sin(angle)
        out[i], out[half + i] = x[i] * c - x[half + i] * s, x[i] * s + x[half + i] * c
    return out


def heads(x, n):
    return [x[i * HEAD : (i + 1) * HEAD] for i in range(n)]


def embedding(w, text, pooling):
    tokens = (list(text.encode()) + [END])
    if len(tokens) > CONTEXT:
        tokens = tokens[: CONTEXT - 1] + [END]
    states = [list(w["token_embd.weight"][t]) for t in tokens]
    for i in range(LAYERS):
        b = "blk.%d." % i
        queries, keys, values = [], [], []
        for p, x in enumerate(states):
            x = norm(x, w[b + "attn_norm.weight"])
            queries.append([rotated(norm(h, w[b + "attn_q_norm.weight"]), p) for h in heads(times(w[b + "attn_q.weight"], x), HEADS)])
            keys.append([rotated(norm(h, w[b + "attn_k_norm.weight"]), p) for h in heads(times(w[b + "attn_k.weight"], x), KV_HEADS)])
            values.append(heads(times(w[b + "attn_v.weight"], x), KV_HEADS))
        for p, x in enumerate(states):
            seen = []
            for h in range(HEADS):
                g = h // (HEADS // KV_HEADS)
                scores = [sum(q * k for q, k in zip(queries[p][h], keys[o][g])) / math.sqrt(HEAD) for o in range(p + 1)]
                top = max(scores)
                shares = [math.exp(s - top) for s in scores]
                total = sum(shares)
                seen += [sum(shares[o] * values[o][g][d] for o in range(p + 1)) / total for d in range(HEAD)]
            x = [a + c for a, c in zip(x, times(w[b + "attn_output.weight"], seen))]
            y = norm(x, w[b + "ffn_norm.weight"])
            gate, up = times(w[b + "ffn_gate.weight"], y), times(w[b + "ffn_up.weight"], y)
            inner = [a / (1 + math.exp(-a)) * c for a, c in zip(gate, up)]
            states[p] = [a + c for a, c in zip(x, times(w[b + "ffn_down.weight"], inner))]
    states = [norm(x, w["output_norm.weight"]) for x in states]
    out = states[-1] if pooling == "last" else [sum(column) / len(states) for column in zip(*states)]
    length = math.sqrt(sum(v * v for v in out))
    return [v / length for v in out]


def check(pooling, path):
    w = weights()
    n = 0
    for line in open(path, encoding="utf-8"):
        record = json.loads(line)
        expected = embedding(w, record["query"], pooling)
        got = record["embedding"]
        assert len(got) == EMBD, len(got)
        assert abs(sum(v * v for v in got) - 1) < 1e-5, "length"
        worst = max(abs(a - b) for a, b in zip(got, expected))
        assert worst < 2e-3, (record["query"], worst)  # keys and values are held in half precision
        n += 1
    assert n > 0, "no lines"


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], sys.argv[3])
    else:
        check(sys.argv[3], sys.argv[4])
