/* SPDX-License-Identifier: Apache-2.0 */
/* MLP: the logits are the scores. */
#include <string.h>

#include "rules.h"

void mlsel_i_mlp_rank(const mlsel_model *model, const measurement *m, workspace *ws, double *scores, ranking *out) {
    (void)ws;
    memcpy(scores, m->values, model->artifact->scalars.n_labels * sizeof *scores);
    *out = (ranking){.scores = scores, .keys = scores, .cluster = -1};
}
