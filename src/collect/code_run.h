/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs Python programs that language models wrote, to see which assertions they hold.
 *
 * Such a program is not to be trusted. Each assertion runs in a process of its own, started without a shell, whose
 * environment is empty but for a few fixed variables, whose input and output are /dev/null, whose working folder, home
 * and folder for temporary files is an empty one that is removed afterwards, and which is ended with all it started
 * when its time is up. What more keeps it in depends on the system (mlsel_code_runner_layers); on Linux:
 *
 *   limits      of processor time, address space, size of a file, open files (everywhere)
 *   network     a network namespace of its own, which has no network
 *   calls       a filter refuses to start processes, open sockets, send signals to others, trace, mount, change modes,
 *               owners and times of files, and the like
 *   files       Landlock lets it write in its folder only; where the kernel has no Landlock, the filter refuses all
 *               writing to files
 *
 * It can read what its user can read, and has nowhere to send it to. This is no defence against a flaw of the kernel:
 * who runs programs of strangers does well to do so in a virtual machine.
 *
 * An assertion has held if the program and then the assertion ran to their end without an exception, which is told by a
 * random word that the harness reads only then: ending early with exit(0) is no success. That is no secret: a program
 * that means to deceive finds the word in the file it was read from itself.
 */
#ifndef MLSEL_CODE_RUN_H
#define MLSEL_CODE_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "mlsel.h"

/** How to run. Fill with mlsel_code_options_init. */
typedef struct mlsel_code_options {
    const char *python;    /**< NULL: "python3". A name is looked up on PATH */
    const char *folder;    /**< where temporary folders are made; NULL: TMPDIR, or else /tmp */
    uint32_t cpu_seconds;  /**< 5; of processor time for each assertion */
    uint32_t wall_seconds; /**< 10; for each assertion */
    uint64_t memory_bytes; /**< 512 MiB; of address space */
    uint64_t file_bytes;   /**< 16 MiB; size of a file */
    uint32_t open_files;   /**< 64 */
} mlsel_code_options;

/** Sets the defaults. NULL does nothing. */
void mlsel_code_options_init(mlsel_code_options *options);

/** What programs are run with. Immutable: any number of threads may use one at once. */
typedef struct mlsel_code_runner mlsel_code_runner;

/**
 * Finds Python and tries what the system has to keep programs in.
 *
 * @param options  may be NULL; copied
 * @return MLSEL_OK; MLSEL_ERROR_UNSUPPORTED (there is no such Python, or it does not start), _INVALID_ARGUMENT (a limit
 *         of 0), _IO, _NO_MEMORY.
 */
mlsel_status mlsel_code_runner_create(const mlsel_code_options *options, mlsel_code_runner **out, mlsel_error *err);
/** NULL does nothing. */
void mlsel_code_runner_free(mlsel_code_runner *runner);

/** Bits of what keeps programs in beside the limits. */
enum {
    MLSEL_CODE_NETWORK = 1, /**< a network namespace of its own */
    MLSEL_CODE_CALLS = 2,   /**< filtered system calls */
    MLSEL_CODE_FILES = 4    /**< writes in its folder only, or nowhere */
};
uint32_t mlsel_code_runner_layers(const mlsel_code_runner *runner);
/** Path of the interpreter. Lives as long as the runner. */
const char *mlsel_code_runner_python(const mlsel_code_runner *runner);

/** What became of an assertion. */
typedef int32_t mlsel_code_outcome;
enum {
    MLSEL_CODE_HELD = 1,
    MLSEL_CODE_FAILED = 2,   /**< an exception, an early end, or killed by a limit */
    MLSEL_CODE_TIMED_OUT = 3 /**< more than wall_seconds */
};

/**
 * Runs a program and then one assertion.
 *
 * @return MLSEL_OK, whatever the outcome; MLSEL_ERROR_IO (a folder or process cannot be made; the message says why),
 *         _NO_MEMORY.
 */
mlsel_status mlsel_code_run_one(const mlsel_code_runner *runner, const char *code, const char *assertion,
                                mlsel_code_outcome *outcome, mlsel_error *err);

/** Runs all, one after the other: what mlsel_metric_options.run_code wants, with the runner as its user. */
mlsel_status mlsel_code_run(void *runner, const char *code, const char *const *assertions, size_t n, size_t *passed,
                            mlsel_error *err);

#endif
