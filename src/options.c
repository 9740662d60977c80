/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "internal.h"

/* No struct of the interface will ever be this large: a bigger size is memory that was never set. */
#define MAX_STRUCT_SIZE 4096

static bool is_zero(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

mlsel_status mlsel_i_options_copy(void *own, size_t own_size, const void *given, const char *name, mlsel_error *err) {
    uint32_t size = 0;
    const uint32_t full_size = (uint32_t)own_size;
    if (given != NULL) {
        memcpy(&size, given, sizeof size);
        if (size < sizeof size)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "%s: struct_size is not set (use %s_init)", name,
                                name);
        if (size > MAX_STRUCT_SIZE)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "%s: struct_size is %lu, which no struct has (use %s_init)", name, (unsigned long)size,
                                name);
        if (size > own_size && !is_zero((const unsigned char *)given + own_size, size - own_size))
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                                "%s: a field that this version of the library does not know is set (bytes %zu to %lu)",
                                name, own_size, (unsigned long)size - 1);
    }
    memset(own, 0, own_size);
    if (given != NULL)
        memcpy(own, given, size < own_size ? size : own_size);
    memcpy(own, &full_size, sizeof full_size);
    return MLSEL_OK;
}

mlsel_status mlsel_i_info_copy(void *out, size_t size, const void *own, size_t own_size, mlsel_error *err) {
    if (out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "out is NULL");
    if (size < sizeof(uint32_t))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "size is %zu, too small for the struct", size);
    const size_t filled = size < own_size ? size : own_size;
    const uint32_t struct_size = (uint32_t)filled;
    memcpy(out, own, filled);
    memcpy(out, &struct_size, sizeof struct_size);
    return mlsel_i_ok(err);
}

void mlsel_i_options_init(void *options, size_t size) {
    if (options == NULL || size < sizeof(uint32_t))
        return;
    const uint32_t struct_size = size < MAX_STRUCT_SIZE ? (uint32_t)size : MAX_STRUCT_SIZE;
    memset(options, 0, struct_size);
    memcpy(options, &struct_size, sizeof struct_size);
}
