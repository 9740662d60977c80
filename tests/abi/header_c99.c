/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel.h alone, in strict C99: it must need no other header and bring no warning. */
#include "mlsel.h"

#include "signatures.h"

int main(void) { return abi_mlsel_version() == MLSEL_VERSION ? 0 : 1; }
