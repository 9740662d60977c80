#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile-database.py BUILD OUTPUT PREFIX...: what BUILD compiles of the C files below the prefixes, as checks need it.

Writes OUTPUT/compile_commands.json with one entry for each file, however often BUILD compiles it, and prints the files,
each ended by a zero byte.
"""
import json
import pathlib
import sys

build, output = map(pathlib.Path, sys.argv[1:3])
prefixes = tuple(sys.argv[3:])
root = pathlib.Path(__file__).resolve().parent.parent.parent
entries = {}
for entry in json.loads((build / "compile_commands.json").read_text()):
    source = pathlib.Path(entry["directory"], entry["file"]).resolve()
    if source.suffix == ".c" and source.is_relative_to(root):
        name = str(source.relative_to(root))
        if name.startswith(prefixes):
            entries.setdefault(name, entry)
if not entries:
    sys.exit(f"{build} compiles nothing of {' '.join(prefixes)}")
output.mkdir(parents=True, exist_ok=True)
(output / "compile_commands.json").write_text(json.dumps([entries[name] for name in sorted(entries)], indent=1))
sys.stdout.write("".join(name + "\0" for name in sorted(entries)))
