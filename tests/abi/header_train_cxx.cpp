// SPDX-License-Identifier: Apache-2.0
// mlsel_train.h alone, in the oldest and in a current C++.
#include "mlsel_train.h"

#include "signatures_train.h"

int main() { return abi_mlsel_objective_name(MLSEL_OBJECTIVE_OUTCOME)[0] == 'o' ? 0 : 1; }
