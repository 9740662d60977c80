#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-format.sh [--fix]: every C and C++ file as .clang-format has it, an SPDX line in every source file.
set -eu
cd "$(dirname "$0")/.."

sources() { git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' '*.cpp' '*.cu'; }
if [ "${1:-}" = "--fix" ]; then
    sources | xargs -0 clang-format -i
    exit 0
fi
sources | xargs -0 clang-format --dry-run --Werror
without=$(git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' '*.cpp' '*.cu' '*.sh' '*.py' '*.cmake' \
    '*CMakeLists.txt' '*.map' | xargs -0 grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
if [ -n "$without" ]; then
    echo "Without an SPDX line:" $without >&2
    exit 1
fi
