#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compile_locale.sh FOLDER: compiles locales with a decimal comma into FOLDER, where the sources of glibc's locales are.
mkdir -p "$1" || exit 1
if ! command -v localedef >/dev/null; then
    echo "localedef is missing"
    exit 0
fi
for name in de_DE tr_TR; do
    [ -d "$1/$name.UTF-8" ] && continue
    if [ ! -e "/usr/share/i18n/locales/$name" ] && [ ! -e "/usr/share/i18n/locales/$name.gz" ]; then
        echo "the source of $name is missing (Debian: apt-get install locales)"
        continue
    fi
    # warnings make its status 1, although the locale is there
    localedef --no-archive -i "$name" -f UTF-8 "$1/$name.UTF-8" || [ -d "$1/$name.UTF-8" ] || exit 1
done
