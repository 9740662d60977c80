/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TRAIN_EMBEDDER_H
#define MLSEL_TRAIN_EMBEDDER_H

#include <stdint.h>

/* Lower case of an ASCII, Latin, Greek or Cyrillic letter, whatever the locale; other characters as they are. */
uint32_t mlsel_i_lower(uint32_t c);

#endif
