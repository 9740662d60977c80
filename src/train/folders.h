/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSEL_TRAIN_FOLDERS_H
#define MLSEL_TRAIN_FOLDERS_H

#include "internal.h"

/* Makes a folder and those above it, as far as they are not there. "": that is there. */
mlsel_status mlsel_i_folders_create(const char *folder, mlsel_error *err);

#endif
