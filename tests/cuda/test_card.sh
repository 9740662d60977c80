#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_card.sh MLSEL PLUGIN_DIR FIXTURES SHAPES [TRAINING]
# The plugin that nvcc made. Where there is a card, it has to pass what the emulated one passes; where there is none, it
# has to open, and to say what is missing.
set -eu
mlsel=$1
plugins=$2
fixtures=$3
shapes=$4
training=${5:-true}
MLSEL_PLUGIN_PATH=$plugins
MLSEL_TEST_DEVICE=cuda
export MLSEL_PLUGIN_PATH MLSEL_TEST_DEVICE

if said=$("$mlsel" devices cuda 2>&1); then
    echo "$said"
    "$fixtures"
    "$shapes"
    "$training"
    exit 0
fi
case $said in
*"no NVIDIA driver found"* | *"no CUDA device found"* | *"the NVIDIA driver is too old"*)
    echo "skipped: there is no card to run on; the plugin opens and says: $said" ;;
*)
    echo "FAILED: the plugin does not say what is missing: $said"
    exit 1 ;;
esac
