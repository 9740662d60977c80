#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""analyze.py DATABASE: each file of a compile_commands.json through `gcc -fanalyzer`; status 1 if it warns."""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys


# -O1 instead of the build's optimisation: inlining makes paths that are the same many times over. MLSEL_ANALYZER tells
# src/internal.h what runs here, where macros stand in for functions (hence values that are not used). About
# -Wmaybe-uninitialized the build itself is right, with all its optimisation.
FLAGS = ["-O1", "-U_FORTIFY_SOURCE", "-DMLSEL_ANALYZER", "-fanalyzer", "-Wno-maybe-uninitialized", "-Wno-unused-value",
         "-o", os.devnull]


def command_of(entry):
    words = shlex.split(entry["command"])
    output = words.index("-o")
    del words[output:output + 2]
    if os.path.basename(words[0]) == "ccache":
        del words[0]
    return [word for word in words if word not in ("-g", "-Werror") and not word.startswith("-O")] + FLAGS


def analyze(entry):
    run = subprocess.run(command_of(entry), cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], run.returncode, run.stderr


with open(sys.argv[1]) as file:
    entries = json.load(file)
failed = 0
with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    for source, status, text in pool.map(analyze, entries):
        if status != 0 or text:
            failed += 1
            print(text, end="", flush=True)
            print(f"FAILED: {source}")
print(f"{len(entries)} files analyzed, {failed} with findings")
sys.exit(failed > 0)
