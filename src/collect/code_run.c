/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* getentropy, pipe2 */
#include "code_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/random.h>
#endif

#include "code_run_internal.h"
#include "file.h"
#include "file_io.h"

/* What the process gets; it is given no other file. */
enum { PROGRAM_FD = 3, VERDICT_FD = 4, START_FD = 5, FIRST_OTHER_FD = 6 };
/* The word that tells success. */
enum { WORD_SIZE = 32, LENGTH_DIGITS = 20 };

/*
 * Reads the program, the assertion and, when both have run, the word from one file, and says the word. What it needs is
 * kept where the program cannot replace it by accident.
 */
static const char harness[] = "import os\n"
                              "def run(read=os.read, write=os.write, compile=compile, exec=exec):\n"
                              "    def take(n):\n"
                              "        parts = []\n"
                              "        while n > 0:\n"
                              "            part = read(3, n)\n"
                              "            if not part:\n"
                              "                raise EOFError\n"
                              "            parts.append(part)\n"
                              "            n -= len(part)\n"
                              "        return b''.join(parts)\n"
                              "    sizes = int(take(20)), int(take(20))\n"
                              "    program, assertion = take(sizes[0]), take(sizes[1])\n"
                              "    names = {'__name__': 'answer', '__builtins__': __builtins__}\n"
                              "    exec(compile(program, 'answer.py', 'exec'), names)\n"
                              "    exec(compile(assertion, 'assertion', 'exec'), names)\n"
                              "    write(4, take(32))\n"
                              "run()\n";

void mlsel_code_options_init(mlsel_code_options *options) {
    if (options != NULL)
        *options = (mlsel_code_options){.cpu_seconds = 5,
                                        .wall_seconds = 10,
                                        .memory_bytes = (uint64_t)512 << 20,
                                        .file_bytes = (uint64_t)16 << 20,
                                        .open_files = 64};
}

static mlsel_status failed(const char *what, int error, mlsel_error *err) {
    return mlsel_i_fail_detail(err, MLSEL_ERROR_IO, (uint64_t)error, "%s: %s (errno %d)", what,
                               mlsel_i_file_reason(error), error);
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t n = write(fd, data, size < (size_t)1 << 30 ? size : (size_t)1 << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* A file without a name that holds what the harness reads. */
static int make_program(const char *folder, const char *code, const char *assertion, const char *word) {
    char path[PATH_MAX], lengths[2 * LENGTH_DIGITS + 1];
    const size_t code_size = strlen(code), assertion_size = strlen(assertion);
    if (snprintf(path, sizeof path, "%s/program-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -1;
    (void)unlink(path);
    (void)snprintf(lengths, sizeof lengths, "%*zu%*zu", LENGTH_DIGITS, code_size, LENGTH_DIGITS, assertion_size);
    if (!mlsel_i_move_up(&fd) || !write_all(fd, lengths, (size_t)2 * LENGTH_DIGITS) ||
        !write_all(fd, code, code_size) || !write_all(fd, assertion, assertion_size) ||
        !write_all(fd, word, WORD_SIZE) || lseek(fd, 0, SEEK_SET) != 0) {
        const int error = errno;
        mlsel_i_close_fd(&fd);
        errno = error;
    }
    return fd;
}

static bool make_word(char word[WORD_SIZE + 1]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char random[WORD_SIZE / 2];
    if (getentropy(random, sizeof random) != 0)
        return false;
    for (size_t i = 0; i < sizeof random; i++) {
        word[2 * i] = digits[random[i] >> 4];
        word[2 * i + 1] = digits[random[i] & 15];
    }
    word[WORD_SIZE] = '\0';
    return true;
}

/* --- the process ----------------------------------------------------------------------------------------------------
 */

typedef struct launch {
    const mlsel_code_runner *runner;
    const char *folder;
    char *const *arguments, *const *environment;
    int null, program, verdict, start; /* the process's ends */
    long n_files;                      /* numbers of files there may be */
} launch;

static void close_others(long n_files) {
#if defined(__linux__)
    enum { CLOSE_RANGE = 436 };
    if (syscall(CLOSE_RANGE, FIRST_OTHER_FD, ~0u, 0) == 0)
        return;
#endif
    for (long fd = FIRST_OTHER_FD; fd < n_files; fd++)
        (void)close((int)fd);
}

/* The new process until it is Python: system calls only, since others of the program's threads may hold locks. On
 * failure the number of the error goes to the starter. */
static void become_python(const launch *l) {
    const mlsel_code_options *o = &l->runner->options;
    const code_limits limits = {o->cpu_seconds, o->open_files, o->memory_bytes, o->file_bytes};
    sigset_t none;
    int error = 0;
    (void)setsid();
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < 32; s++)
        (void)signal(s, SIG_DFL);
    if (dup2(l->null, 0) < 0 || dup2(l->null, 1) < 0 || dup2(l->null, 2) < 0 || dup2(l->program, PROGRAM_FD) < 0 ||
        dup2(l->verdict, VERDICT_FD) < 0 || dup2(l->start, START_FD) < 0 || fcntl(START_FD, F_SETFD, FD_CLOEXEC) < 0 ||
        chdir(l->folder) != 0)
        error = errno;
    if (error == 0) {
        close_others(l->n_files);
        if (mlsel_i_sandbox_enter(l->runner->layers, &limits) != l->runner->layers)
            error = EPERM;
    }
    if (error == 0) {
        (void)execve(o->python, l->arguments, l->environment);
        error = errno;
    }
    (void)!write(START_FD, &error, sizeof error);
    _exit(127);
}

/* Starts the process and waits for its word. */
static mlsel_status watch(launch *l, int verdict, int start, const char *word, mlsel_code_outcome *outcome,
                          mlsel_error *err) {
    char said[WORD_SIZE + 1];
    size_t n = 0, n_error;
    int error = 0, heard = 0;
    const double deadline = mlsel_i_now() + l->runner->options.wall_seconds;
    const pid_t process = fork();
    if (process == 0)
        become_python(l);
    const int fork_error = errno;
    mlsel_i_close_fd(&l->verdict);
    mlsel_i_close_fd(&l->start);
    if (process < 0)
        return failed("no process can be started to run code", fork_error, err);
    const int started = mlsel_i_read_until(start, (char *)&error, sizeof error, &n_error, deadline);
    if (started == 0 && n_error == 0)
        heard = mlsel_i_read_until(verdict, said, sizeof said, &n, deadline);
    mlsel_i_end_process(process);
    if (started == 0 && n_error > 0)
        return failed("the process to run code cannot be set up", error, err);
    const int problem = started != 0 ? started : heard;
    if (problem != 0 && problem != ETIMEDOUT)
        return failed("the process that runs code cannot be listened to", problem, err);
    if (problem == ETIMEDOUT)
        *outcome = MLSEL_CODE_TIMED_OUT;
    else
        *outcome = n == WORD_SIZE && memcmp(said, word, WORD_SIZE) == 0 ? MLSEL_CODE_HELD : MLSEL_CODE_FAILED;
    return MLSEL_OK;
}

static mlsel_status run_in(const mlsel_code_runner *runner, const char *folder, const char *code, const char *assertion,
                           mlsel_code_outcome *outcome, mlsel_error *err) {
    char word[WORD_SIZE + 1];
    char home[PATH_MAX + 8], temporary[PATH_MAX + 8];
    int verdict[2] = {-1, -1}, start[2] = {-1, -1};
    mlsel_status status = MLSEL_OK;
    (void)snprintf(home, sizeof home, "HOME=%s", folder);
    (void)snprintf(temporary, sizeof temporary, "TMPDIR=%s", folder);
    char *const environment[] = {home,
                                 temporary,
                                 (char[]){"PATH=/usr/bin:/bin"},
                                 (char[]){"LANG=C.UTF-8"},
                                 (char[]){"PYTHONHASHSEED=0"},
                                 (char[]){"OPENBLAS_NUM_THREADS=1"},
                                 (char[]){"OMP_NUM_THREADS=1"},
                                 NULL};
    /* Python finds its library by its own name. -s: no user's packages; -B: no compiled files written */
    char *const arguments[] = {(char *)runner->options.python, (char[]){"-sB"}, (char[]){"-c"}, (char *)harness, NULL};
    launch l = {.runner = runner,
                .folder = folder,
                .arguments = arguments,
                .environment = environment,
                .null = mlsel_i_open("/dev/null", O_RDWR | O_CLOEXEC),
                .program = -1,
                .n_files = sysconf(_SC_OPEN_MAX)};
    if (l.n_files < 0 || l.n_files > 1 << 16)
        l.n_files = 1 << 16;
    const bool has_pipes = mlsel_i_pipe(verdict) && mlsel_i_pipe(start);
    l.verdict = verdict[1];
    l.start = start[1];
    if (!has_pipes || !mlsel_i_move_up(&l.null) || !make_word(word) ||
        (l.program = make_program(folder, code, assertion, word)) < 0) {
        status = failed("code cannot be handed to a process", errno, err);
    } else {
        status = watch(&l, verdict[0], start[0], word, outcome, err);
    }
    int *const all[] = {&l.null, &l.program, &l.verdict, &l.start, &verdict[0], &start[0]};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(all); i++)
        mlsel_i_close_fd(all[i]);
    return status;
}

mlsel_status mlsel_code_run_one(const mlsel_code_runner *runner, const char *code, const char *assertion,
                                mlsel_code_outcome *outcome, mlsel_error *err) {
    char *folder;
    if (runner == NULL || code == NULL || assertion == NULL || outcome == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "runner, code, assertion or outcome is NULL");
    mlsel_status status = mlsel_i_folder_make(runner->options.folder, &folder, err);
    if (status != MLSEL_OK)
        return status;
    status = run_in(runner, folder, code, assertion, outcome, err);
    mlsel_i_folder_remove(folder);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_code_run(void *runner, const char *code, const char *const *assertions, size_t n, size_t *passed,
                            mlsel_error *err) {
    size_t held = 0;
    for (size_t i = 0; i < n; i++) {
        mlsel_code_outcome outcome = MLSEL_CODE_FAILED;
        const mlsel_status status = mlsel_code_run_one(runner, code, assertions[i], &outcome, err);
        if (status != MLSEL_OK)
            return status;
        held += outcome == MLSEL_CODE_HELD;
    }
    *passed = held;
    return mlsel_i_ok(err);
}
