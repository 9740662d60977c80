/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_FEATURE_VECTOR_H
#define MLSEL_FEATURE_VECTOR_H

#include "artifact.h"

/* Category values at the end of an artifact's feature vectors: its own list's, or 14 where the width leaves room for
 * them beside an embedding, else 0. */
uint32_t mlsel_i_n_categories(const mlsel_artifact *artifact);
/* The artifact's width as a person thinks of it: "1024+14", or "6" where there are no categories. */
void mlsel_i_width_text(const mlsel_artifact *artifact, char *out, size_t size);
/* What to do about a query of width got. */
const char *mlsel_i_width_remedy(const mlsel_artifact *artifact, size_t got);

#endif
