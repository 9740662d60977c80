/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_backend.h alone, in strict C99. */
#include "mlsel_backend.h"

#include "signatures_backend.h"

extern const mlsel_backend_entry_fn abi_backend_entry;
const mlsel_backend_entry_fn abi_backend_entry = 0;
