/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool under fault. With MLSEL_FAULT=FAMILY:N[:MODE] in the environment this is the mlsel command, whose call
 * number N goes wrong; families are alloc, file, thread and plugin, modes once, from, interrupt and short. Without, it
 * runs each case of tool_cases.c in processes of its own, undisturbed and then with every fault, or with as many as
 * there is time for, and compares: a command that says it has done its work has done it, one that says otherwise says
 * why, leaves no file that is not whole, and nobody is killed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "inject.h"
#include "server.h"
#include "tool_cases.h"

/* The tool's main. */
int tool_main(int argc, char **argv);

#if defined(__SANITIZE_ADDRESS__)
enum { MOST_FIRST = 4, MOST_LATER = 2, SLOW_FIRST = 2, SLOW_LATER = 1 };
#else
enum { MOST_FIRST = 12, MOST_LATER = 6, SLOW_FIRST = 5, SLOW_LATER = 3 };
#endif
enum { SECONDS = 60, EXIT_SANITIZER = 99, MOST_ARGUMENTS = 40, MOST_FILES = 32, MOST_TEXT = 1 << 20 };

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "exitcode=99:allocator_may_return_null=1"; }
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) { return "exitcode=99"; }

static const char *const mode_names[FAULT_MODES] = {"once", "from", "interrupt", "short"};

/* What the process under fault tells the one that watches. */
static struct shared {
    fault_place place;
    size_t calls;
    bool has_fault, took_stream, lacked_memory; /* the last: a call said ENOMEM */
} * shared;

static const char *now = "";
static fault_family family_now;
static fault_mode mode_now;
static size_t number_now, n_failed;

static void failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void failed(const char *format, ...) {
    va_list args;
    fflush(stdout);
    fprintf(stderr, "FAILED: mlsel %s\n    MLSEL_FAULT=%s:%zu:%s, %s %s: ", now, fault_family_names[family_now],
            number_now, mode_names[mode_now], shared->place.function, shared->place.path);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    n_failed++;
}

/* --- as the command ----------------------------------------------------------------------------------------------- */

static void report(const fault_place *place) {
    fprintf(stderr, "fault: %s %s: errno %d\n", place->function, place->path, place->error);
}

static int run_as_command(const char *fault, int argc, char **argv) {
    char family[16] = "", mode[16] = "once";
    size_t n = 0;
    if (sscanf(fault, "%15[a-z]:%zu:%15[a-z]", family, &n, mode) < 2)
        return 2;
    for (fault_family f = 0; f < FAULT_FAMILIES; f++)
        for (fault_mode m = 0; m < FAULT_MODES; m++)
            if (strcmp(family, fault_family_names[f]) == 0 && strcmp(mode, mode_names[m]) == 0) {
                fault_on_first(report);
                fault_begin(f, m, n);
                return tool_main(argc, argv);
            }
    fprintf(stderr, "MLSEL_FAULT=%s is not understood\n", fault);
    return 2;
}

/* --- one run ------------------------------------------------------------------------------------------------------ */

static void share(const fault_place *place) {
    shared->place = *place;
    shared->has_fault = true;
}

static int server_port;

/* Splits a case into arguments; PORT becomes the port. */
static int split(const char *text, char **argv) {
    static char buffer[4096];
    int argc = 0;
    const char *port = strstr(text, "PORT");
    if (port != NULL)
        snprintf(buffer, sizeof buffer, "%.*s%d%s", (int)(port - text), text, server_port, port + strlen("PORT"));
    else
        snprintf(buffer, sizeof buffer, "%s", text);
    static char name[] = "mlsel";
    argv[argc++] = name;
    for (char *at = strtok(buffer, " "); at != NULL && argc < MOST_ARGUMENTS; at = strtok(NULL, " "))
        argv[argc++] = at;
    argv[argc] = NULL;
    return argc;
}

static void redirect(const char *path, int flags, int to) {
    const int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0 || dup2(fd, to) != to)
        _exit(98);
    close(fd);
}

/* Where standard output goes; NULL: into the file `stdout`, "": nowhere, it is closed, "|": a pipe without reader. */
static const char *output_now;
static bool ignores_sigpipe;

/* Writing says EPIPE, where the signal is ignored as many a parent has it. */
static void redirect_to_nobody(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) != STDOUT_FILENO)
        _exit(98);
    close(ends[0]);
    close(ends[1]);
    if (signal(SIGPIPE, ignores_sigpipe ? SIG_IGN : SIG_DFL) == SIG_ERR)
        _exit(98);
}

static void child(const tool_case *c, fault_family family, fault_mode mode, size_t n) {
    char *argv[MOST_ARGUMENTS + 1];
    const int argc = split(c->arguments, argv);
    const char *input = (c->flags & TOOL_READS_INPUT) != 0   ? "in/q.jsonl"
                        : (c->flags & TOOL_READS_TEXTS) != 0 ? "in/texts.jsonl"
                                                             : "/dev/null";
    redirect(input, O_RDONLY, STDIN_FILENO);
    redirect("stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, STDERR_FILENO);
    if (output_now == NULL)
        redirect("stdout", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    else if (output_now[0] == '\0')
        close(STDOUT_FILENO);
    else if (output_now[0] == '|')
        redirect_to_nobody();
    else
        redirect(output_now, O_WRONLY, STDOUT_FILENO);
    alarm(SECONDS);
    fault_on_first(share);
    fault_begin(family, mode, n);
    const int code = tool_main(argc, argv);
    shared->calls = fault_calls();
    shared->took_stream = fault_took_stream();
    shared->lacked_memory = fault_gave(ENOMEM);
    fault_end();
    exit(code);
}

static void prepare_out(void) {
    if (mkdir("out", 0777) != 0 && errno != EEXIST)
        exit(1);
    test_empty("out");
    FILE *file = fopen("out/old.json", "w");
    if (file == NULL || fputs("what was there\n", file) < 0 || fclose(file) != 0)
        exit(1);
}

/* Runs it; the exit code, or 256 and the signal that ended it. */
static int run(const tool_case *c, fault_family family, fault_mode mode, size_t n) {
    int status = 0;
    family_now = family;
    mode_now = mode;
    number_now = n;
    memset(shared, 0, sizeof *shared);
    prepare_out();
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        child(c, family, mode, n);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

typedef struct file_state {
    char path[256];
    char *data;
    size_t size;
} file_state;

typedef struct folder_state {
    file_state files[MOST_FILES];
    size_t n;
} folder_state;

static void take_folder(const char *path, folder_state *out) {
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char inside[256];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof inside, "%s/%.120s", path, entry->d_name);
        if (lstat(inside, &info) == 0 && S_ISDIR(info.st_mode)) {
            take_folder(inside, out);
        } else if (out->n < MOST_FILES) {
            file_state *file = &out->files[out->n++];
            snprintf(file->path, sizeof file->path, "%s", inside);
            file->data = test_read_file(inside, &file->size);
        }
    }
    if (folder != NULL)
        closedir(folder);
}

static void drop_folder(folder_state *state) {
    for (size_t i = 0; i < state->n; i++)
        free(state->files[i].data);
    state->n = 0;
}

static const file_state *find(const folder_state *state, const char *path) {
    for (size_t i = 0; i < state->n; i++)
        if (strcmp(state->files[i].path, path) == 0)
            return &state->files[i];
    return NULL;
}

static bool is_same(const file_state *a, const file_state *b) {
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* --- what is expected --------------------------------------------------------------------------------------------- */

/* Of the run without a fault, and before it. */
static folder_state before, reference;
static char *reference_output;

static void check_success(const tool_case *c, const folder_state *now_there, const char *output) {
    if ((c->flags & TOOL_OUTPUT_VARIES) == 0 && output_now == NULL && strcmp(output, reference_output) != 0)
        failed("exit code 0, and another output:\n%s", output);
    const bool is_removal = strncmp(shared->place.function, "unlink", 6) == 0; /* of a second name */
    if (now_there->n != reference.n && !is_removal)
        failed("exit code 0, and %zu files rather than %zu", now_there->n, reference.n);
    for (size_t i = 0; i < reference.n; i++) {
        const file_state *file = find(now_there, reference.files[i].path);
        if (file == NULL)
            failed("exit code 0, and %s is not there", reference.files[i].path);
        else if ((c->flags & (TOOL_FILES_VARY | TOOL_OUTPUT_VARIES)) == 0 && !is_same(file, &reference.files[i]))
            failed("exit code 0, and %s is another", file->path);
    }
}

/* Whether a file under a final name is one that a reader may meet. */
static bool is_whole(const tool_case *c, const file_state *file) {
    const file_state *whole = find(&reference, file->path), *old = find(&before, file->path);
    if (whole == NULL || is_same(file, whole) || is_same(file, old))
        return whole != NULL || is_same(file, old);
    if ((c->flags & TOOL_FILES_GROW) != 0)
        return true;
    /* one that varies ends as the other does */
    const size_t end = 8;
    return (c->flags & (TOOL_FILES_VARY | TOOL_OUTPUT_VARIES)) != 0 && file->size > end && whole->size > end &&
           memcmp(file->data + file->size - end, whole->data + whole->size - end, end) == 0;
}

static void check_failure(const tool_case *c, int code, const folder_state *now_there, const char *errors,
                          const char *output) {
    const char *function = shared->place.function;
    const bool is_removal = strncmp(function, "unlink", 6) == 0 || strcmp(function, "remove") == 0;
    if (code > 5 && code != 130)
        failed("exit code %d:\n%s", code, errors);
    if (strstr(errors, "error: ") == NULL && strstr(output, "error") == NULL)
        failed("exit code %d, and no reason:\n%s", code, errors);
    if (mode_now == FAULT_INTERRUPT || mode_now == FAULT_SHORT)
        failed("is not taken up again: %s", errors);
    /* libcurl takes some of what it finds no memory for for a failure of the name server or the connection */
    const bool is_curl = code == 1 && strstr(c->arguments, "PORT") != NULL && strstr(errors, "error: http://") != NULL;
    if (family_now == FAULT_ALLOC && code != 5 && !is_curl)
        failed("exit code %d for want of memory: %s", code, errors);
    if (family_now == FAULT_FILE && code != 1 && !(code == 5 && shared->lacked_memory))
        failed("exit code %d for a file: %s", code, errors);
    for (size_t i = 0; i < now_there->n; i++) {
        const file_state *file = &now_there->files[i];
        const bool is_known = find(&reference, file->path) != NULL || find(&before, file->path) != NULL;
        if (is_known && !is_whole(c, file))
            failed("%s is there in part, %zu bytes:\n%s", file->path, file->size, errors);
        if (!is_known && !is_removal && mode_now != FAULT_FROM && (c->flags & TOOL_FILES_GROW) == 0)
            failed("%s was left behind: %s", file->path, errors);
    }
    for (size_t i = 0; i < before.n; i++)
        if (find(now_there, before.files[i].path) == NULL)
            failed("%s is gone", before.files[i].path);
}

static void check_run(const tool_case *c, int code) {
    folder_state now_there = {.n = 0};
    size_t size;
    char *errors = test_read_file("stderr", &size);
    char *output = test_read_file("stdout", &size);
    take_folder("out", &now_there);
    if (errors == NULL || output == NULL)
        exit(1);
    if (code >= 256)
        failed("killed by signal %d:\n%s", code - 256, errors);
    else if (code == EXIT_SANITIZER || strstr(errors, "Sanitizer") != NULL || strstr(errors, "runtime error") != NULL)
        failed("exit code %d:\n%s", code, errors);
    else if (code == 0)
        check_success(c, &now_there, output);
    else
        check_failure(c, code, &now_there, errors, output);
    drop_folder(&now_there);
    free(errors);
    free(output);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static size_t take_reference(const tool_case *c) {
    size_t size;
    drop_folder(&before);
    drop_folder(&reference);
    free(reference_output);
    prepare_out();
    take_folder("out", &before);
    const int code = run(c, FAULT_ALLOC, FAULT_ONCE, (size_t)-1);
    if (code != 0 && strstr(c->arguments, "wrong") == NULL) {
        char *errors = test_read_file("stderr", &size);
        failed("exit code %d without a fault:\n%s", code, errors);
        free(errors);
    }
    take_folder("out", &reference);
    reference_output = test_read_file("stdout", &size);
    return (size_t)code;
}

static size_t try_mode(const tool_case *c, int expected, fault_family family, fault_mode mode, size_t *met) {
    const bool is_slow = (c->flags & TOOL_IS_SLOW) != 0;
    const size_t first = is_slow ? SLOW_FIRST : MOST_FIRST, later = is_slow ? SLOW_LATER : MOST_LATER;
    size_t tried = 0;
    if (run(c, family, mode, (size_t)-1) != expected)
        failed("another exit code without a fault");
    const size_t n_calls = shared->calls;
    const size_t step = n_calls <= first + later ? 1 : (n_calls - first) / later;
    for (size_t n = 0;; n += n < first ? 1 : step) {
        const int code = run(c, family, mode, n);
        if (!shared->has_fault)
            break;
        if (code != expected || expected == 0)
            check_run(c, code);
        tried++;
    }
    *met = n_calls > tried ? n_calls : tried;
    return tried;
}

/* Standard output on a full disk, and closed. */
static void try_outputs(const tool_case *c) {
    static const char *const outputs[] = {"/dev/full", ""};
    for (size_t i = 0; i < TEST_LENGTH(outputs); i++) {
        output_now = outputs[i];
        const int code = run(c, FAULT_FILE, FAULT_ONCE, (size_t)-1);
        snprintf(shared->place.function, sizeof shared->place.function, "%s", i == 0 ? "/dev/full" : "closed");
        if (code == 0 && reference_output[0] != '\0')
            failed("exit code 0, and nobody has the output");
        if (shared->took_stream)
            failed("a file is opened as standard output");
        tool_case strict = *c; /* the work is done before the output is seen to fail */
        if ((c->flags & (TOOL_OUTPUT_VARIES | TOOL_FILES_VARY)) == 0)
            strict.flags &= ~(unsigned)TOOL_FILES_GROW;
        check_run(&strict, code);
    }
    output_now = NULL;
}

/* A reader that has gone ends the command as it does others, or is no fault to tell about; what is written to files is
 * whole all the same. */
static void try_no_reader(const tool_case *c) {
    output_now = "|";
    for (int i = 0; i < 2; i++) {
        folder_state now_there = {.n = 0};
        size_t size;
        ignores_sigpipe = i == 0;
        const int code = run(c, FAULT_FILE, FAULT_ONCE, (size_t)-1);
        char *errors = test_read_file("stderr", &size);
        snprintf(shared->place.function, sizeof shared->place.function, "no reader");
        take_folder("out", &now_there);
        if (errors == NULL)
            exit(1);
        if (code == 0 && reference_output[0] != '\0')
            failed("exit code 0, and nobody has the output");
        if (ignores_sigpipe ? code > 1 : code > 1 && code != 256 + SIGPIPE)
            failed("exit code %d:\n%s", code, errors);
        if (strstr(errors, "annot write the output") != NULL || strstr(errors, "Sanitizer") != NULL)
            failed("says more than it should:\n%s", errors);
        for (size_t k = 0; k < now_there.n; k++)
            if (!is_whole(c, &now_there.files[k]))
                failed("%s is there in part", now_there.files[k].path);
        drop_folder(&now_there);
        free(errors);
    }
    output_now = NULL;
}

static void try_case(const tool_case *c, const char *family_asked) {
    char line[512];
    int used = snprintf(line, sizeof line, "%.60s:", c->arguments);
    now = c->arguments;
    const int expected = (int)take_reference(c);
    for (fault_family family = 0; family < FAULT_FAMILIES; family++) {
        size_t most = 0, most_met = 0;
        if (family_asked != NULL && strcmp(family_asked, fault_family_names[family]) != 0)
            continue;
        for (fault_mode mode = 0; mode < (family == FAULT_FILE ? FAULT_MODES : FAULT_INTERRUPT); mode++) {
            size_t met;
            const size_t tried = try_mode(c, expected, family, mode, &met);
            most = tried > most ? tried : most;
            most_met = met > most_met ? met : most_met;
        }
        used += snprintf(line + used, sizeof line - (size_t)used, " %s %zu of %zu", fault_family_names[family], most,
                         most_met);
    }
    if (family_asked == NULL || strcmp(family_asked, "file") == 0)
        try_outputs(c), try_no_reader(c);
    puts(line);
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *fault = getenv("MLSEL_FAULT");
    fault_hook_json();
    if (fault != NULL)
        return run_as_command(fault, argc, argv);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < n_tool_cases; i++)
            printf("%.*s\n", (int)strcspn(tool_cases[i].arguments, " "), tool_cases[i].arguments);
        return 0;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    server_port = server_start();
    if (shared == MAP_FAILED || server_port == 0 || chdir(test_folder()) != 0)
        return 1;
    setenv("LC_ALL", "C", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("MLSEL_PLUGIN_PATH", FAULT_PLUGIN_FOLDER, 1);
    tool_cases_write_inputs(server_port);
    for (size_t i = 0; i < n_tool_cases; i++)
        if (argc < 3 || strncmp(tool_cases[i].arguments, argv[2], strlen(argv[2])) == 0)
            try_case(&tool_cases[i], argc > 1 && strcmp(argv[1], "all") != 0 ? argv[1] : NULL);
    drop_folder(&before);
    drop_folder(&reference);
    free(reference_output);
    return n_failed > 0;
}
