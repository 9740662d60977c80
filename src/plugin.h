/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_PLUGIN_H
#define MLSEL_PLUGIN_H

#include "internal.h"
#include "mlsel_backend.h"

/* Opens libmlsel-NAME from the plugin folders and checks its table. Errors: DEVICE (none found, cannot be opened, not a
 * plugin), VERSION, NO_MEMORY. Not to be called for the same name by two threads at once. */
mlsel_status mlsel_i_plugin_open(const char *name, const mlsel_backend **out, mlsel_error *err);

#endif
