/* SPDX-License-Identifier: Apache-2.0 */
/* Making a runner: which Python there is, and what the system has to keep it in. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code_run_internal.h"
#include "file.h"
#include "file_io.h"

extern char **environ;

/* --- Python ---------------------------------------------------------------------------------------------------------
 */

static bool is_program(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* A program by its name, as shells look for it; false: there is none. */
static bool find_program(const char *name, char path[PATH_MAX]) {
    const char *at = getenv("PATH");
    if (strchr(name, '/') != NULL)
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_program(path);
    while (at != NULL && *at != '\0') {
        const size_t size = strcspn(at, ":");
        if (size > 0 && size < PATH_MAX && snprintf(path, PATH_MAX, "%.*s/%s", (int)size, at, name) < PATH_MAX &&
            is_program(path))
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

/* Asks a Python where it is: what is on PATH may be a script that chooses one by the environment, which the programs
 * are not given. */
static mlsel_status ask_python(const char *path, char answer[PATH_MAX], mlsel_error *err) {
    enum { SECONDS = 30 };
    static const char question[] = "import sys; sys.stdout.write(sys.executable or '')";
    char *const arguments[] = {(char *)path, (char[]){"-I"}, (char[]){"-c"}, (char *)question, NULL};
    int ends[2] = {-1, -1};
    size_t n = 0;
    int null = mlsel_i_open("/dev/null", O_RDWR | O_CLOEXEC);
    const pid_t process = null >= 0 && mlsel_i_pipe(ends) ? fork() : -1;
    int error = process < 0 ? errno : 0;
    if (process == 0) {
        (void)setsid();
        if (dup2(null, 0) >= 0 && dup2(ends[1], 1) >= 0 && dup2(null, 2) >= 0)
            (void)execve(path, arguments, environ);
        _exit(127);
    }
    mlsel_i_close_fd(&ends[1]);
    mlsel_i_close_fd(&null);
    if (process > 0) {
        error = mlsel_i_read_until(ends[0], answer, PATH_MAX - 1, &n, mlsel_i_now() + SECONDS);
        n = error == 0 ? n : 0;
        mlsel_i_end_process(process);
    }
    mlsel_i_close_fd(&ends[0]);
    answer[n] = '\0';
    if (n > 0 && answer[0] == '/' && is_program(answer))
        return MLSEL_OK;
    if (error != 0 && error != ETIMEDOUT)
        return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)error, "%s cannot be started: %s (errno %d)", path,
                                   mlsel_i_file_reason(error), error);
    return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "%s is no Python 3 that starts: code cannot be run without",
                        path);
}

/* --- layers ---------------------------------------------------------------------------------------------------------
 */

/* What a process that tries all of them gets. */
static mlsel_status probe_layers(mlsel_code_runner *runner, mlsel_error *err) {
    enum { ALL = MLSEL_CODE_NETWORK | MLSEL_CODE_CALLS | MLSEL_CODE_FILES };
    const mlsel_code_options *o = &runner->options;
    const code_limits limits = {o->cpu_seconds, o->open_files, o->memory_bytes, o->file_bytes};
    int state = 0;
    pid_t ended;
    const pid_t process = fork();
    if (process == 0)
        _exit(chdir(o->folder) == 0 ? (int)mlsel_i_sandbox_enter(ALL, &limits) : ALL + 1);
    if (process < 0)
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "no process can be started to run code");
    while ((ended = waitpid(process, &state, 0)) < 0 && errno == EINTR)
        continue;
    if (ended == process && WIFEXITED(state) && WEXITSTATUS(state) == ALL + 1)
        return mlsel_i_fail(err, MLSEL_ERROR_IO, "%s: no folder to run code in", o->folder);
    runner->layers = ended == process && WIFEXITED(state) ? (uint32_t)WEXITSTATUS(state) & ALL : 0;
    return MLSEL_OK;
}

/* --- the runner -----------------------------------------------------------------------------------------------------
 */

static mlsel_status fill(mlsel_code_runner *runner, const mlsel_code_options *options, mlsel_error *err) {
    char found[PATH_MAX], path[PATH_MAX];
    const char *name = options->python == NULL ? "python3" : options->python;
    const char *folder = options->folder != NULL ? options->folder : getenv("TMPDIR");
    if (folder == NULL || folder[0] != '/')
        folder = "/tmp";
    if (!find_program(name, found))
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "%s was not found%s: running code needs Python 3 (Debian: apt-get install python3)", name,
                            strchr(name, '/') == NULL ? " on PATH" : "");
    const mlsel_status status = ask_python(found, path, err);
    if (status != MLSEL_OK)
        return status;
    runner->options = *options;
    runner->options.python = mlsel_i_strndup(path, strlen(path));
    runner->options.folder = mlsel_i_strndup(folder, strlen(folder));
    if (runner->options.python == NULL || runner->options.folder == NULL)
        return mlsel_i_no_memory(err);
    return probe_layers(runner, err);
}

mlsel_status mlsel_code_runner_create(const mlsel_code_options *options, mlsel_code_runner **out, mlsel_error *err) {
    mlsel_code_options defaults;
    mlsel_code_options_init(&defaults);
    if (out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "out is NULL");
    if (options == NULL)
        options = &defaults;
    if (options->cpu_seconds == 0 || options->wall_seconds == 0 || options->memory_bytes == 0 ||
        options->file_bytes == 0 || options->open_files == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "a limit for code is 0: mlsel_code_options_init sets them");
    mlsel_code_runner *runner = mlsel_i_calloc(1, sizeof *runner);
    if (runner == NULL)
        return mlsel_i_no_memory(err);
    const mlsel_status status = fill(runner, options, err);
    if (status != MLSEL_OK) {
        mlsel_code_runner_free(runner);
        return status;
    }
    *out = runner;
    return mlsel_i_ok(err);
}

void mlsel_code_runner_free(mlsel_code_runner *runner) {
    if (runner == NULL)
        return;
    mlsel_i_free((char *)runner->options.python);
    mlsel_i_free((char *)runner->options.folder);
    mlsel_i_free(runner);
}

uint32_t mlsel_code_runner_layers(const mlsel_code_runner *runner) { return runner == NULL ? 0 : runner->layers; }

const char *mlsel_code_runner_python(const mlsel_code_runner *runner) {
    return runner == NULL ? NULL : runner->options.python;
}
