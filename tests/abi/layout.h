/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the public headers that are checked when this folder is compiled. */
#ifndef MLSEL_ABI_LAYOUT_H
#define MLSEL_ABI_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "the size of " #type " is pinned to " #size)
#define FIELD(type, field, offset, size)                                                                               \
    _Static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size),                          \
                   #type "." #field " is pinned to " #size " bytes at " #offset)
#define VALUE(name, value) _Static_assert((name) == (value), #name " is pinned to " #value)
#define ENUM_TYPE(type) _Static_assert(sizeof(type) == 4 && (type)-1 < 0, #type " is pinned to int32_t")

#endif
