// SPDX-License-Identifier: Apache-2.0
// mlsel.h alone, in the oldest and in a current C++.
#include "mlsel.h"

#include "signatures.h"

int main() { return abi_mlsel_version() == MLSEL_VERSION ? 0 : 1; }
