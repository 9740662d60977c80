/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4). */
#ifndef MLSEL_COLLECT_SHA256_H
#define MLSEL_COLLECT_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_TEXT = 65 };

typedef struct sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    unsigned char block[64];
} sha256;

void mlsel_i_sha256_begin(sha256 *h);
void mlsel_i_sha256_add(sha256 *h, const void *data, size_t size);
/* The digest in lower-case hexadecimal. */
void mlsel_i_sha256_end(sha256 *h, char out[SHA256_TEXT]);

#endif
