/* SPDX-License-Identifier: Apache-2.0 */
#include "mlp_schedule.h"

static const double threshold = 1e-4, factor = 0.5, least_change = 1e-8;

double mlsel_i_mlp_plateau_step(mlp_plateau *plateau, double loss, double learning_rate) {
    if (loss < plateau->best * (1 - threshold)) {
        plateau->best = loss;
        plateau->bad = 0;
        return learning_rate;
    }
    if (++plateau->bad <= plateau->patience)
        return learning_rate;
    plateau->bad = 0;
    const double lower = learning_rate * factor;
    return learning_rate - lower > least_change ? lower : learning_rate;
}

bool mlsel_i_mlp_stopping_step(mlp_stopping *stopping, double loss) {
    const bool is_best = loss < stopping->best;
    stopping->best = is_best ? loss : stopping->best;
    stopping->waited = is_best ? 0 : stopping->waited + 1;
    return is_best;
}
