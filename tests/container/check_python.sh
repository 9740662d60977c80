#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_python.sh PYTHON WORK_FOLDER MLSEL FIXTURES: runs check_container.py where the Python package safetensors is
# installed, or can be installed into the work folder.
set -eu
python=$1
work=$2
shift 2
here=$(dirname "$0")
PYTHONPATH=$work/packages${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
has_packages() { "$python" -c 'import numpy, safetensors.numpy' 2>/dev/null; }
if ! has_packages; then
    "$python" -m pip install --quiet --disable-pip-version-check --target "$work/packages" numpy safetensors \
        >"$work/pip.log" 2>&1 || true
fi
if ! has_packages; then
    echo "skipped: the Python packages numpy and safetensors are neither installed nor to be had ($work/pip.log)"
    exit 0
fi
rm -rf "$work/scratch"
mkdir -p "$work/scratch"
exec "$python" "$here/check_container.py" "$work/scratch" "$@"
