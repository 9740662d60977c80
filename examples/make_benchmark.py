#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes benchmark.jsonl: what became of 72 made-up queries with the four models of models/, as `mlsel benchmark` would
record it. Which model is good at what follows make_examples.py. Needs nothing but Python; running it again gives the
same bytes."""
import json
import os
import random

SKILL = {  # category: chance of a right answer
    "math": {"codellama-7b": 0.85, "llama-3.2-1b": 0.25, "llama-3.2-3b": 0.45, "mistral-7b": 0.5},
    "computer science": {"codellama-7b": 0.9, "llama-3.2-1b": 0.3, "llama-3.2-3b": 0.45, "mistral-7b": 0.5},
    "biology": {"codellama-7b": 0.2, "llama-3.2-1b": 0.4, "llama-3.2-3b": 0.85, "mistral-7b": 0.6},
    "law": {"codellama-7b": 0.15, "llama-3.2-1b": 0.35, "llama-3.2-3b": 0.5, "mistral-7b": 0.85},
    "history": {"codellama-7b": 0.15, "llama-3.2-1b": 0.4, "llama-3.2-3b": 0.55, "mistral-7b": 0.9},
    "business": {"codellama-7b": 0.3, "llama-3.2-1b": 0.75, "llama-3.2-3b": 0.6, "mistral-7b": 0.55},
}
LATENCY = {"codellama-7b": 2.4, "llama-3.2-1b": 0.45, "llama-3.2-3b": 1.1, "mistral-7b": 2.1}  # seconds
TEMPLATES = {
    "math": (["What is the integral of {} from zero to one?", "For which real x does {} have its smallest value?"],
             ["x * exp(-x)", "sin(x) squared", "x cubed minus x", "1 / (1 + x^2)", "log(1 + x)", "sqrt(x) * (1 - x)"]),
    "computer science": (["Write a C function that {}.", "How can a program be tested that {}?"],
                         ["reverses a linked list in place", "finds a cycle in a graph", "sorts lines of a large file",
                          "parses numbers with an exponent", "counts words in a text", "merges two sorted arrays"]),
    "biology": (["How does a cell {}?", "Which proteins take part when a cell {}s?"],
                ["repair a break in its DNA", "sense that oxygen runs low", "copy its chromosomes", "fold a new protein",
                 "divide unevenly", "take up glucose"]),
    "law": (["Can a landlord {}?", "What follows if an employer should {}?"],
            ["keep the deposit", "end a contract early", "enter without notice", "raise what was agreed",
             "refuse a written request", "pass on the costs of a lawsuit"]),
    "history": (["Why did {} lose its influence?", "What became of the archives of {}?"],
                ["the Hanseatic League", "the Venetian Republic", "the Mughal Empire", "the East India Company",
                 "the Hittite kingdom", "the Inca state"]),
    "business": (["How should a small firm {}?", "What does it cost a shop to {}?"],
                 ["price a new service", "forecast its sales", "choose a supplier", "handle late payments",
                  "plan its stock", "open a second branch"]),
}


def main():
    rng = random.Random(7)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "benchmark.jsonl")
    queries = [(template.format(what), category) for category, (templates, whats) in TEMPLATES.items()
               for what in whats for template in templates]
    rng.shuffle(queries)
    with open(path, "w", encoding="utf-8") as file:
        for query, category in queries:
            for model, latency in LATENCY.items():
                record = {"query": query, "category": category, "model_name": model,
                          "performance": float(rng.random() < SKILL[category][model]),
                          "response_time": round(latency * rng.lognormvariate(0, 0.25), 3)}
                file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
