/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of code_run.h. */
#ifndef MLSEL_CODE_RUN_INTERNAL_H
#define MLSEL_CODE_RUN_INTERNAL_H

#include <sys/types.h>

#include "code_run.h"
#include "internal.h"
#include "train/train.h"

struct mlsel_code_runner {
    mlsel_code_options options; /* python and folder are own copies */
    uint32_t layers;
};

/* --- code_run_io.c --------------------------------------------------------------------------------------------------
 */

/* Closes a file and makes its number -1, which is none. */
void mlsel_i_close_fd(int *fd);
/* Moves a file to a number that none of a new process's files is given. */
bool mlsel_i_move_up(int *fd);
bool mlsel_i_pipe(int ends[2]);
/* Reads until there is no more or `size` bytes are there. 0, or an errno value: ETIMEDOUT when time is up. */
int mlsel_i_read_until(int fd, char *data, size_t size, size_t *n, double deadline);
/* Kills a process with its group, and waits for it. */
void mlsel_i_end_process(pid_t process);

/* --- code_run_sandbox.c: what keeps a process in. Between fork and exec: nothing here allocates or locks ------------
 */

typedef struct code_limits {
    uint32_t cpu_seconds, open_files;
    uint64_t memory_bytes, file_bytes;
} code_limits;

/* code_run_limits.c: the limits, and where nothing else keeps a process from starting others, one of their number,
 * which counts all of the user's. */
void mlsel_i_limit(const code_limits *limits);
void mlsel_i_limit_processes(void);

/* For tests, among layers: as on a kernel without Landlock. */
enum { SANDBOX_WITHOUT_LANDLOCK = 1 << 16 };

/* Confines the calling process to a folder, which it must be in, with those of the layers that the system has, and
 * returns them. What cannot be undone must be done before. */
uint32_t mlsel_i_sandbox_enter(uint32_t layers, const code_limits *limits);

/* --- code_run_folder.c ----------------------------------------------------------------------------------------------
 */

/* Makes an empty folder that only its owner may enter, in `parent`. *path is to be given to _remove. */
mlsel_status mlsel_i_folder_make(const char *parent, char **path, mlsel_error *err);
/* Removes it with all that is in it, however deep, and frees the path. */
void mlsel_i_folder_remove(char *path);

#endif
