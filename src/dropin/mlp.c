/* SPDX-License-Identifier: Apache-2.0 */
/* libcandle_semantic_router_mlp: the MLP. */
#include "mlsel_dropin_mlp.h"

#include <stdlib.h>

#include "handle.h"

enum { DEVICE_CPU = 0, DEVICE_CUDA = 1, DEVICE_METAL = 2, DTYPE_F32 = 0, DTYPE_F16 = 1, DTYPE_BF16 = 2 };

void candle_mlp_free_string(char *s) { free(s); }

void *candle_mlp_new(void) { return mlsel_i_dropin_new(MLSEL_ALGORITHM_MLP, 0, 0); }

void *candle_mlp_new_with_device(int device) {
    (void)device;
    return candle_mlp_new();
}

void *candle_mlp_new_with_device_and_dtype(int device, int dtype) {
    (void)device, (void)dtype;
    return candle_mlp_new();
}

void candle_mlp_free(void *h) { mlsel_i_dropin_free(MLSEL_ALGORITHM_MLP, h); }

char *candle_mlp_select(void *h, double *q, size_t n) { return mlsel_i_dropin_select(MLSEL_ALGORITHM_MLP, h, q, n); }

int candle_mlp_is_trained(void *h) { return mlsel_i_dropin_is_trained(MLSEL_ALGORITHM_MLP, h); }

char *candle_mlp_to_json(void *h) { return mlsel_i_dropin_to_json(MLSEL_ALGORITHM_MLP, h); }

void *candle_mlp_from_json(char *json) {
    return candle_mlp_from_json_with_device_and_dtype(json, DEVICE_CPU, DTYPE_F32);
}

void *candle_mlp_from_json_with_device(char *json, int device) {
    return candle_mlp_from_json_with_device_and_dtype(json, device, DTYPE_F32);
}

static mlsel_precision precision_of(int dtype) {
    switch (dtype) {
    case DTYPE_F16:
        return MLSEL_PRECISION_F16;
    case DTYPE_BF16:
        return MLSEL_PRECISION_BF16;
    default:
        return MLSEL_PRECISION_F32;
    }
}

void *candle_mlp_from_json_with_device_and_dtype(char *json, int device, int dtype) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.device = device == DEVICE_CUDA ? "cuda" : device == DEVICE_METAL ? "metal" : "cpu";
    options.allow_device_fallback = 1;
    options.precision = precision_of(dtype);
    dropin_handle *handle = mlsel_i_dropin_load(MLSEL_ALGORITHM_MLP, json, &options);
    if (handle != NULL || options.precision == MLSEL_PRECISION_F32)
        return handle;
    /* perhaps only the number format is not to be had here */
    options.precision = MLSEL_PRECISION_F32;
    return mlsel_i_dropin_load(MLSEL_ALGORITHM_MLP, json, &options);
}
