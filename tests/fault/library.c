/* SPDX-License-Identifier: Apache-2.0 */
/* libmlsel under fault. */
#include "library.h"

int main(int argc, char **argv) {
    const scenario *const lists[] = {model_scenarios, answer_scenarios, router_scenarios, device_scenarios};
    const size_t sizes[] = {n_model_scenarios, n_answer_scenarios, n_router_scenarios, n_device_scenarios};
    return scenario_main(argc, argv, lists, sizes, TEST_LENGTH(lists));
}
