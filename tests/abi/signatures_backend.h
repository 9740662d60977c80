/* SPDX-License-Identifier: Apache-2.0 */
/* The same as signatures.h for what mlsel_backend.h declares beside the interface of plugins. */
#ifndef MLSEL_ABI_SIGNATURES_BACKEND_H
#define MLSEL_ABI_SIGNATURES_BACKEND_H

#define FUNCTION(result, name, parameters)                                                                             \
    extern result(*const abi_##name) parameters;                                                                       \
    result(*const abi_##name) parameters = name

FUNCTION(mlsel_status, mlsel_backend_find, (const char *, const mlsel_backend **, uint32_t *, mlsel_error *));

#endif
