#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-analyzer.sh BUILD: gcc's analyzer (-fanalyzer), which follows paths through each file, over the C sources of the
# library and the tool. BUILD was configured with gcc.
set -eu
cd "$(dirname "$0")/.."
command -v gcc >/dev/null 2>&1 || {
    echo "skipped: gcc is missing"
    exit 0
}
python3 scripts/checks/compile-database.py "$1" "$1/checks/analyzer" src/ tools/ >/dev/null
python3 scripts/checks/analyze.py "$1/checks/analyzer/compile_commands.json"
