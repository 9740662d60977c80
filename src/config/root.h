/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_router_options.models_root. */
#ifndef MLSEL_CONFIG_ROOT_H
#define MLSEL_CONFIG_ROOT_H

#include <limits.h>

#include "internal.h"

#ifdef PATH_MAX
#define CONFIG_MAX_PATH PATH_MAX
#else
#define CONFIG_MAX_PATH 4096
#endif

/*
 * Follows all links of the path of an artifact. SCHEMA: that is outside of the folder `root`, IO: there is no such
 * folder; NOT_FOUND and IO for the artifact as mlsel_model_load.
 */
mlsel_status mlsel_i_config_resolve(const char *path, const char *root, char resolved[CONFIG_MAX_PATH],
                                    mlsel_error *err);

/* mlsel_model_load, of what is below the folder `root` if that is not NULL. */
mlsel_status mlsel_i_config_load(const char *path, const char *root, const mlsel_model_options *options,
                                 mlsel_model **out, mlsel_error *err);

#endif
