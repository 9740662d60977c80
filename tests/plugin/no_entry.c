/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin: it lacks mlsel_backend_entry. */
#include "mlsel.h"

MLSEL_API int no_entry_symbol(void);
MLSEL_API int no_entry_symbol(void) { return 0; }
