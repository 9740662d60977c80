/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * mlsel_dropin_mlp.h - what libcandle_semantic_router_mlp exports: the symbols by which the Semantic Router's Go code
 * calls its MLP selector. Contract as in mlsel_dropin_ml.h; strings are freed with candle_mlp_free_string.
 *
 * Devices are 0 CPU, 1 CUDA, 2 Metal. As there, a device that is not available here, or a number that is none, means
 * the CPU. Number formats are 0 f32, 1 f16, 2 bf16; a number that is none, or a format that the device does not have,
 * means f32.
 */
#ifndef MLSEL_DROPIN_MLP_H
#define MLSEL_DROPIN_MLP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MLSEL_DROPIN_API
#if defined(__GNUC__)
#define MLSEL_DROPIN_API __attribute__((visibility("default")))
#else
#define MLSEL_DROPIN_API
#endif
#endif

/**
 * @defgroup dropin_mlp The router's symbols for MLPs
 * @{
 */

/** An untrained MLP; the device and number format of one have no effect. Never NULL. */
MLSEL_DROPIN_API void *candle_mlp_new(void);
/** As candle_mlp_new. */
MLSEL_DROPIN_API void *candle_mlp_new_with_device(int device);
/** As candle_mlp_new. */
MLSEL_DROPIN_API void *candle_mlp_new_with_device_and_dtype(int device, int dtype);
/** As ml_knn_free. */
MLSEL_DROPIN_API void candle_mlp_free(void *h);
/** As ml_knn_select. */
MLSEL_DROPIN_API char *candle_mlp_select(void *h, double *q, size_t n);
/** As ml_knn_is_trained. */
MLSEL_DROPIN_API int candle_mlp_is_trained(void *h);
/** As ml_knn_to_json. */
MLSEL_DROPIN_API char *candle_mlp_to_json(void *h);
/** Loads an artifact for the CPU in f32. */
MLSEL_DROPIN_API void *candle_mlp_from_json(char *json);
/** Loads an artifact for a device, in f32. */
MLSEL_DROPIN_API void *candle_mlp_from_json_with_device(char *json, int device);
/** Loads an artifact for a device and a number format. */
MLSEL_DROPIN_API void *candle_mlp_from_json_with_device_and_dtype(char *json, int device, int dtype);
/** As ml_free_string, for the strings of this library. */
MLSEL_DROPIN_API void candle_mlp_free_string(char *s);

/** @} */

#ifdef __cplusplus
}
#endif
#endif /* MLSEL_DROPIN_MLP_H */
