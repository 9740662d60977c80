/* SPDX-License-Identifier: Apache-2.0 */
#include "mlsel.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define VERSION_TEXT TEXT(MLSEL_VERSION_MAJOR) "." TEXT(MLSEL_VERSION_MINOR) "." TEXT(MLSEL_VERSION_PATCH)

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown compiler"
#endif

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "aarch64"
#else
#define ARCHITECTURE "other architecture"
#endif

#ifndef MLSEL_BUILD_TYPE
#define MLSEL_BUILD_TYPE "unknown build type"
#endif

uint32_t mlsel_version(void) { return MLSEL_VERSION; }

const char *mlsel_version_string(void) { return VERSION_TEXT; }

const char *mlsel_build_info(void) {
    return "mlsel " VERSION_TEXT ", " COMPILER ", " ARCHITECTURE ", " MLSEL_BUILD_TYPE;
}
