/* SPDX-License-Identifier: Apache-2.0 */
/* libmlsel_train under fault. */
#include "training.h"

int main(int argc, char **argv) {
    const scenario *const lists[] = {dataset_scenarios, cache_scenarios, trainer_scenarios};
    const size_t sizes[] = {n_dataset_scenarios, n_cache_scenarios, n_trainer_scenarios};
    return scenario_main(argc, argv, lists, sizes, TEST_LENGTH(lists));
}
