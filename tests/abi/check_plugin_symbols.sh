#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_plugin_symbols.sh PLUGIN [PREFIX]: a plugin exports its entry and nothing else, but for names with the PREFIX (those
# by which tests reach into an emulated device, written in C++: its templates' weak symbols are allowed with them).
set -eu
LC_ALL=C
export LC_ALL

plugin=$1
prefix=${2:-}
exported=$("${NM:-nm}" -D --defined-only "$plugin" |
    awk -v weak="${prefix:+WVu}" 'index(weak, $2) == 0 { sub(/@.*/, "", $NF); print $NF }')
if ! echo "$exported" | grep -qx mlsel_backend_entry; then
    echo "FAILED: ${plugin##*/} does not export mlsel_backend_entry"
    exit 1
fi
others=$(echo "$exported" | grep -vx mlsel_backend_entry || true)
[ -z "$prefix" ] || others=$(echo "$others" | grep -v "^$prefix" || true)
if [ -n "$others" ]; then
    echo "FAILED: ${plugin##*/} exports more than its entry:"
    echo "$others"
    exit 1
fi
echo "${plugin##*/} exports mlsel_backend_entry${prefix:+ and names with $prefix}"
