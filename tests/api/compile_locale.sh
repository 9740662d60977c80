#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compile_locale.sh FOLDER: compiles a locale with a decimal comma into FOLDER, where the sources of glibc's locales are.
mkdir -p "$1" || exit 1
[ -d "$1/de_DE.UTF-8" ] && exit 0
if ! command -v localedef >/dev/null || [ ! -e /usr/share/i18n/locales/de_DE ]; then
    echo "no sources of locales are installed (Debian: apt-get install locales)"
    exit 0
fi
# warnings make its status 1, although the locale is there
localedef --no-archive -i de_DE -f UTF-8 "$1/de_DE.UTF-8" || [ -d "$1/de_DE.UTF-8" ]
