#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_card.sh MLSEL PLUGIN_DIR PROGRAM...
# The plugin that nvcc made. Where there is a card, it has to pass what the emulated one passes; where there is none, it
# has to open, and to say what is missing.
set -eu
mlsel=$1
plugins=$2
shift 2
MLSEL_PLUGIN_PATH=$plugins
MLSEL_TEST_DEVICE=cuda
export MLSEL_PLUGIN_PATH MLSEL_TEST_DEVICE

if said=$("$mlsel" devices cuda 2>&1); then
    echo "$said"
    for program in "$@"; do
        "$program"
    done
    exit 0
fi
case $said in
*"no NVIDIA driver found"* | *"no CUDA device found"* | *"the NVIDIA driver is too old"*)
    echo "skipped: there is no card to run on; the plugin opens and says: $said" ;;
*)
    echo "FAILED: the plugin does not say what is missing: $said"
    exit 1 ;;
esac
