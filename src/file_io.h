/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that go on where a signal interrupted them or where they moved only a part: the signals are the host's,
 * and what it does about them is no reason to fail.
 */
#ifndef MLSEL_FILE_IO_H
#define MLSEL_FILE_IO_H

#include <stddef.h>
#include <stdint.h>

/* As open and fsync do: -1 and errno where they fail. Files are made with mode 0666. More in train/file_lock.h. */
int mlsel_i_open(const char *path, int flags);
int mlsel_i_sync(int fd);

/* Until all bytes are there, or for reading the end comes. 0, or an errno value; *done says how many were moved. */
int mlsel_i_read_all(int fd, void *out, size_t size, size_t *done);
int mlsel_i_read_all_at(int fd, void *out, size_t size, uint64_t offset, size_t *done);
int mlsel_i_write_all(int fd, const void *data, size_t size, size_t *done);

#endif
