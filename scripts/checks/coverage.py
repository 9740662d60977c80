#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py BUILD [--missed]: what the tests ran of the sources, from the counts that programs compiled with gcc's
--coverage left in the folder BUILD. Prints lines and branches by folder and of the public functions; with --missed also
where something of the library was not run. Fails below the shares that docs/checks.md promises."""
import collections
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEAST_CORE_LINES = 0.95
# What of the library a machine runs depends on its processor; the other folders are not part of libmlsel.
PARTS = (
    ("library", r"src/(?!cuda/|metal/|accel/|train/|collect/|dropin/)"),
    ("training", r"src/train/"),
    ("drop-in libraries", r"src/dropin/"),
    ("benchmark and embedding", r"src/collect/"),
    ("the mlsel command", r"tools/"),
)


def has_avx512():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return " avx512f " in file.read()
    except OSError:
        return False


def counts(build):
    """{file: {line: count}}, {file: {(line, function): [count of each branch]}}; an object that was compiled from the same
    source for another program counts too."""
    lines = collections.defaultdict(collections.Counter)
    branches = collections.defaultdict(dict)
    notes = sorted(glob.glob(os.path.join(build, "**", "*.gcno"), recursive=True))
    if not notes:
        sys.exit(f"coverage.py: no .gcno file below {build}: it was not compiled with --coverage")
    for start in range(0, len(notes), 40):
        out = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *notes[start:start + 40]],
                             check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=build).stdout
        for document in out.splitlines():
            for file in json.loads(document)["files"]:
                path = os.path.relpath(os.path.join(build, file["file"]), ROOT)
                for line in file["lines"]:
                    lines[path][line["line_number"]] += line["count"]
                    key = (line["line_number"], line.get("function_name", ""))
                    taken = [branch["count"] for branch in line["branches"]]
                    before = branches[path].get(key, [0] * len(taken))
                    branches[path][key] = [a + b for a, b in zip(before, taken)]
    return lines, branches


def public_functions():
    names = set()
    for path in glob.glob(os.path.join(ROOT, "abi", "symbols-in-versions*")):
        with open(path, encoding="ascii") as file:
            names.update(re.findall(r"^(mlsel_\w+)", file.read(), re.MULTILINE))
    return names


def share(done, total):
    # 99.99 % must not read as all of it
    return f"{done:6} of {total:6}  {int(1000 * done / total) / 10 if total else 100:5.1f} %"


def main():
    build = os.path.abspath(sys.argv[1])
    lines, branches = counts(build)
    skipped = []
    if not has_avx512():
        skipped = [path for path in lines if "avx512" in path]
    public = public_functions()
    missed = []
    failed = False
    print(f"{'':26}{'lines':>16}{'':15}{'branches':>16}")
    for name, pattern in PARTS:
        files = sorted(path for path in lines if re.match(pattern, path) and path not in skipped)
        run = [count > 0 for path in files for count in lines[path].values()]
        taken = [count > 0 for path in files for every in branches[path].values() for count in every]
        print(f"{name:26}{share(sum(run), len(run))}  {share(sum(taken), len(taken))}")
        if name == "library":
            failed |= not run or sum(run) < LEAST_CORE_LINES * len(run)
            missed += [(path, line, "not run") for path in files for line, count in lines[path].items() if count == 0]
    taken = []
    for path, every in branches.items():
        for (line, function), each in sorted(every.items()):
            if function in public and path.startswith("src/"):
                taken += [count > 0 for count in each]
                missed += [(path, line, f"{function}: branch {i} of {len(each)} not taken")
                           for i, count in enumerate(each) if count == 0]
    print(f"{'the public functions':26}{'':28}{share(sum(taken), len(taken))}")
    failed |= not taken or not all(taken)
    if "--missed" in sys.argv:
        for path, line, what in sorted(missed):
            print(f"{path}:{line}: {what}")
    else:
        for path, line, what in sorted(missed):
            if "branch" in what:
                print(f"{path}:{line}: {what}")
    if skipped:
        print(f"skipped: coverage of {len(skipped)} files with AVX-512, which this processor does not have")
    if failed:
        print(f"FAILED: wanted are {LEAST_CORE_LINES:.0%} of the library's lines and all branches of the public functions")
    return failed


if __name__ == "__main__":
    sys.exit(main())
