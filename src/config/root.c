/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts only from below one folder, whatever a configuration says. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath */
#endif
#include "config/root.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Both without links, "." and ".." in them. */
static bool is_below(const char *path, const char *root) {
    const size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || root[length - 1] == '/');
}

mlsel_status mlsel_i_config_resolve(const char *path, const char *root, char resolved[CONFIG_MAX_PATH],
                                    mlsel_error *err) {
    char real_root[CONFIG_MAX_PATH];
    if (realpath(root, real_root) == NULL)
        return mlsel_i_file_failed(root, "used as models_root", errno, err);
    if (realpath(path, resolved) == NULL)
        return mlsel_i_file_missing(path, "pretrained model", "opened", errno, err);
    if (!is_below(resolved, real_root))
        return mlsel_i_fail(err, MLSEL_ERROR_SCHEMA, "%.90s is outside of models_root, %.90s", path, root);
    return MLSEL_OK;
}

mlsel_status mlsel_i_config_load(const char *path, const char *root, const mlsel_model_options *options,
                                 mlsel_model **out, mlsel_error *err) {
    char resolved[CONFIG_MAX_PATH];
    const mlsel_status status = root == NULL ? MLSEL_OK : mlsel_i_config_resolve(path, root, resolved, err);
    /* the path that was looked at, not the one with links in it, which may lead elsewhere by now */
    return status != MLSEL_OK ? status : mlsel_model_load(root == NULL ? path : resolved, options, out, err);
}
