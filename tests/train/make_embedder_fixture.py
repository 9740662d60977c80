#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes embedder.expected.json: the built-in embedder written a second time, in plain Python, from its description,
and the lower case of letters as Python knows it. Needs nothing but Python 3."""
import json
import math
import os
import re

MASK = (1 << 64) - 1
KINDS = {"word": (1, 1.0), "pair": (2, 0.25), "mark": (3, 1.0), "gram": (4, 0.3), "shape": (5, 1.5)}

TEXTS = [
    "",
    " \n\t ",
    "a",
    "The cat sat on the mat.",
    "Which of (A) 3.5 kJ/mol, (B) 12 kJ/mol is x^2 + 2x?\nAnswer:",
    "def f(x):\n    return x**2 == 4 and not x",
    "Ärger über ΣΊΣΥΦΟΣ и Москва — “naïve” café",
    "日本語のテキスト、です。",
    "the the the THE the the the the the the the the the the the the the",
    "x" * 200,
    "0123456789 " * 30,
]


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def step(z):
    z = z * 0xFF51AFD7ED558CCD & MASK
    return z ^ z >> 32


def kind(char):
    """One of "space", "mark", "letter", "ideograph", for the characters that occur above."""
    if char.isspace():
        return "space"
    if "\u3040" <= char < "\u3100" or "\u3400" <= char < "\ua000":
        return "ideograph"
    return "letter" if char.isalnum() else "mark"


def small(char):
    return "σ" if char == "ς" else char.lower()


def words_and_marks(text):
    """Pieces in order: words as they are, marks one by one, with what stands before."""
    pieces = []
    before = "space"
    for char in text:
        now = kind(char)
        if now == "letter" and before == "letter":
            pieces[-1][1] += small(char)
        elif now in ("letter", "ideograph"):
            pieces.append(["word", small(char)])
        elif now == "mark":
            pieces.append(["mark", char, text_before(pieces, before)])
        before = now
    return pieces


def text_before(pieces, before):
    return pieces[-1][1] if before == "mark" else None


def features(text):
    found = []
    previous = 0
    for piece in words_and_marks(text):
        if piece[0] == "mark":
            hashed = mix(ord(piece[1]) + 1)
            found.append(("mark", hashed))
            if piece[2] is not None:
                found.append(("mark", mix(hashed + (ord(piece[2]) << 32) & MASK)))
            continue
        word = piece[1]
        state = 0x9E3779B97F4A7C15
        for char in word:
            state = step(state ^ ord(char))
        hashed = mix(state)
        found.append(("word", hashed))
        if previous:
            found.append(("pair", mix(previous * 3 + hashed & MASK)))
        previous = hashed
        padded = [ord(char) for char in f" {word} "]
        for end in range(3, len(padded) + 1):
            last = padded[:end][::-1]
            gram = step(last[2] << 42 | last[1] << 21 | last[0])
            found.append(("gram", gram))
            for extra in last[3:5]:
                gram = step(gram + extra + 1 & MASK)
                found.append(("gram", gram))
    if not found:
        return found
    shape = [
        len(text),
        len(re.findall("[0-9]", text)),
        text.count("\n"),
        sum(kind(char) == "letter" and small(char) != char for char in text),
    ]
    for i, value in enumerate(shape):
        found.append(("shape", mix((2 * i + 1) << 32 | (value + 1).bit_length())))
        found.append(("shape", mix((2 * i + 2) << 32 | ((value + 1) * 46341 >> 15).bit_length())))
    return found


def embed(text, width):
    counts = {}
    for name, hashed in features(text):
        number, weight = KINDS[name]
        key = hashed & ~7 | number
        counts.setdefault(key, [0, weight])[0] += 1
    sums = [0.0] * width
    for key, (count, weight) in counts.items():
        place = key
        for _ in range(2):
            place = mix(place + 0x9E3779B97F4A7C15 & MASK)
            sums[(place >> 32) * width >> 32] += (1 if place & 1 else -1) * weight * (1 + math.log(count))
    norm = math.sqrt(sum(value * value for value in sums))
    return [value / norm if norm else 0.0 for value in sums]


def letters():
    """Code points of capitals and of their small letters; İ, whose small letter is two characters, is left out."""
    pairs = []
    for first, last in ((0, 0x17F), (0x386, 0x3CE), (0x400, 0x52F)):
        for code in range(first, last + 1):
            lower = chr(code).lower()
            if len(lower) == 1 and code != 0x3C2:
                pairs.append([code, ord(lower)])
    return pairs


def main():
    cases = [
        {"text": text, "width": width, "values": [round(value, 9) for value in embed(text, width)]}
        for text in TEXTS
        for width in (16, 50)
    ]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "embedder.expected.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"cases": cases, "lower": letters()}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
