/* SPDX-License-Identifier: Apache-2.0 */
/* Of the calls that go on where a signal interrupted them (file_io.h) those that libmlsel has no use for. */
#ifndef MLSEL_TRAIN_FILE_LOCK_H
#define MLSEL_TRAIN_FILE_LOCK_H

#include <stdint.h>

/* As openat, ftruncate and flock (exclusive, without waiting) do: -1 and errno where they fail. */
int mlsel_i_open_at(int folder, const char *path, int flags);
int mlsel_i_cut(int fd, uint64_t size);
int mlsel_i_lock(int fd);

#endif
