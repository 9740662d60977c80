/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

static mlsel_status train(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                          mlsel_training_info *info) {
    (void)table, (void)settings, (void)out, (void)info;
    return mlsel_i_fail(run->err, MLSEL_ERROR_UNSUPPORTED, "not trained by this build");
}

const trainer mlsel_i_trainer_knn = {.algorithm = MLSEL_ALGORITHM_KNN, .train = train};
