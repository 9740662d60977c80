/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing containers (safetensors files) share. docs/container.md describes the format. */
#ifndef MLSEL_CONTAINER_H
#define MLSEL_CONTAINER_H

#include "artifact.h"

enum {
    CONTAINER_PREFIX = 8,             /* bytes before the header: its size, little endian */
    CONTAINER_MAX_HEADER = 100000000, /* what other readers accept */
    CONTAINER_MAX_TENSORS = 16384,
    CONTAINER_HASH_DIGITS = 32
};

#define CONTAINER_FORMAT "1"

/* Type that a tensor of this name has. */
enum json_dtype mlsel_i_container_dtype(const char *name);
/* As in "F32". */
const char *mlsel_i_dtype_name(enum json_dtype dtype);
size_t mlsel_i_dtype_size(enum json_dtype dtype);

/* Numbers are stored little endian, and mapped as they are. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define CONTAINER_IS_NATIVE 0
#else
#define CONTAINER_IS_NATIVE 1
#endif

#endif
