/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's bounds of a card, on the emulated one. */
#include "../../../bench/card_cuda.cu"
