/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "scenario.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of many faults so many first ones are tried, and then as many again, evenly spaced. */
#if defined(__SANITIZE_ADDRESS__)
enum { MOST_FIRST = 6, MOST_LATER = 4 };
#else
enum { MOST_FIRST = 150, MOST_LATER = 50 };
#endif

scenario_out scenario_result;
bool scenario_survived;

static const scenario *current;
static const char *family_now = "";
static const char *mode_now = "";
static size_t number_now;

void scenario_fail(const char *format, ...) {
    va_list args;
    const fault_place *place = fault_where();
    fflush(stdout);
    fprintf(stderr, "%s%s%s, %s %s %zu (%s %s): ", current->function, current->what[0] == '\0' ? "" : ", ",
            current->what, mode_now, family_now, number_now, place->function, place->path);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(1);
}

/* --- what must not have changed ------------------------------------------------------------------------------------
 */

static uint64_t hash_bytes(const void *bytes, size_t size, uint64_t hash) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

/* Names and contents of a folder in one number, whatever the order in which the system lists them. */
static uint64_t hash_folder(const char *path) {
    uint64_t sum = 0;
    DIR *folder = opendir(path);
    if (folder == NULL)
        scenario_fail("%s cannot be read", path);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char inside[1024];
        struct stat info;
        const char *name = entry->d_name;
        uint64_t hash = hash_bytes(name, strlen(name), 1);
        snprintf(inside, sizeof inside, "%s/%s", path, name);
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || stat(inside, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode)) {
            hash += hash_folder(inside);
        } else {
            size_t size = 0;
            char *text = test_read_file(inside, &size);
            hash = hash_bytes(text, size, hash);
            free(text);
        }
        sum += hash;
    }
    closedir(folder);
    return sum;
}

static bool is_untouched(void) {
    for (size_t i = 0; i < sizeof scenario_result; i++)
        if (scenario_result.bytes[i] != SCENARIO_PATTERN)
            return false;
    return true;
}

/* --- what is expected ----------------------------------------------------------------------------------------------
 */

static bool is_optional(const scenario *s, fault_family family, size_t *allocs_left) {
    const fault_place *place = fault_where();
    char folder[64];
    if (family == FAULT_ALLOC && *allocs_left > 0) {
        (*allocs_left)--;
        return true;
    }
    snprintf(folder, sizeof folder, "%s folder", place->function);
    for (const char *at = s->optional; at != NULL && *at != '\0';) {
        const size_t length = strcspn(at, ",");
        if (*at == '*' || (strlen(place->function) == length && memcmp(at, place->function, length) == 0) ||
            (place->is_folder && strlen(folder) == length && memcmp(at, folder, length) == 0))
            return true;
        at += length + (at[length] == ',');
    }
    return false;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Whether the message names a path, or the file that a temporary one beside it is to become. */
static bool is_named(const char *message, const char *path) {
    char name[256];
    const int length = snprintf(name, sizeof name, "%s", last_part(path));
    char *end = length > 5 && strcmp(name + length - 5, ".part") == 0 ? name + length - 5 : NULL;
    if (end != NULL) {
        *end = '\0';
        end = strrchr(name, '.');
        *(end == NULL ? name : end) = '\0';
    }
    return strstr(message, name) != NULL;
}

static void check_message(const scenario *s, fault_family family, mlsel_status status, const mlsel_error *err) {
    const fault_place *place = fault_where();
    char reason[32];
    if (err->code != status || err->message[0] == '\0' || strlen(err->message) >= sizeof err->message)
        scenario_fail("%s, but the error says %s: \"%.239s\"", mlsel_status_name(status), mlsel_status_name(err->code),
                      err->message);
    const bool is_memory = family == FAULT_ALLOC || fault_gave(ENOMEM);
    if (is_memory && status == MLSEL_ERROR_NO_MEMORY) {
        const size_t length = strlen(err->message), end = strlen("out of memory");
        if (length < end || strcmp(err->message + length - end, "out of memory") != 0)
            scenario_fail("the message is \"%s\"", err->message);
        return;
    }
    if (status == MLSEL_ERROR_IO && err->detail == ENOMEM)
        scenario_fail("want of memory is called: %s", err->message);
    const bool is_as_expected = status == s->status || (family == FAULT_FILE && status == MLSEL_ERROR_IO) ||
                                (family == FAULT_THREAD && status == MLSEL_ERROR_LIMIT) ||
                                (family == FAULT_PLUGIN && status == MLSEL_ERROR_DEVICE);
    if (!is_as_expected)
        scenario_fail("%s: %s", mlsel_status_name(status), err->message);
    if (family != FAULT_FILE)
        return;
    if (s->path != NULL ? strstr(err->message, s->path) == NULL
                        : !is_named(err->message, place->path) && !is_named(err->message, fault_last()->path))
        scenario_fail("the file is not named: %s", err->message);
    snprintf(reason, sizeof reason, "(errno %d)", (int)err->detail);
    if (status == MLSEL_ERROR_IO && (!fault_gave((int)err->detail) || strstr(err->message, reason) == NULL))
        scenario_fail("the reason is not %d: %llu: %s", place->error, (unsigned long long)err->detail, err->message);
}

static void check_failure(const scenario *s, fault_family family, fault_mode mode, mlsel_status status,
                          const mlsel_error *err, uint64_t files) {
    if (mode == FAULT_INTERRUPT || mode == FAULT_SHORT)
        scenario_fail("is not taken up again: %s: %s", mlsel_status_name(status), err->message);
    check_message(s, family, status, err);
    if (!is_untouched())
        scenario_fail("the output was written");
    /* what cannot be removed stays */
    const bool may_stay =
        family == FAULT_FILE && (mode == FAULT_FROM || strncmp(fault_where()->function, "unlink", 6) == 0);
    if ((s->flags & SCENARIO_KEEPS_FILES) == 0 && !may_stay && hash_folder(test_folder()) != files)
        scenario_fail("files were left behind or changed");
}

/* --- attempts ------------------------------------------------------------------------------------------------------
 */

static void call(void (*step)(void)) {
    if (step != NULL)
        step();
}

static mlsel_status run(const scenario *s, mlsel_error *err) {
    memset(&scenario_result, SCENARIO_PATTERN, sizeof scenario_result);
    memset(err, SCENARIO_PATTERN, sizeof *err);
    return s->run(err);
}

/* One attempt; returns how many calls went wrong. */
static size_t attempt(const scenario *s, fault_family family, fault_mode mode, size_t n, size_t *allocs_left) {
    mlsel_error err;
    const size_t live = fault_live_bytes(), descriptors = fault_open_descriptors();
    number_now = n;
    call(s->prepare);
    const uint64_t files = hash_folder(test_folder());
    fault_begin(family, mode, n);
    mlsel_status status = run(s, &err);
    const size_t wrong = fault_end();
    scenario_survived = status == MLSEL_OK && wrong > 0;
    if (status == MLSEL_OK) {
        if (wrong > 0 && mode <= FAULT_FROM && !is_optional(s, family, allocs_left))
            scenario_fail("the call succeeded");
    } else if (wrong == 0) {
        scenario_fail("failed without a fault: %s", err.message);
    } else {
        check_failure(s, family, mode, status, &err, files);
        status = run(s, &err);
        if (status != MLSEL_OK)
            scenario_fail("does not work when it is asked again: %s", err.message);
    }
    call(s->check);
    call(s->clean);
    if (fault_live_bytes() != live)
        scenario_fail("%zu bytes are held, %zu before", fault_live_bytes(), live);
    if (fault_open_descriptors() != descriptors)
        scenario_fail("%zu descriptors are open, %zu before", fault_open_descriptors(), descriptors);
    return wrong;
}

/* The same in a child process, which tells by its exit status whether a fault was met: 2, or 3 without. */
static size_t attempt_apart(const scenario *s, fault_family family, fault_mode mode, size_t n, size_t *allocs_left) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const size_t before = *allocs_left;
        const size_t wrong = attempt(s, family, mode, n, allocs_left);
        exit(wrong == 0 ? 3 : *allocs_left < before ? 4 : 2);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) < 2 ||
        WEXITSTATUS(status) > 4)
        scenario_fail("the process ended with %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
    *allocs_left -= WEXITSTATUS(status) == 4;
    return WEXITSTATUS(status) != 3;
}

static size_t count_calls(const scenario *s, fault_family family, fault_mode mode) {
    mlsel_error err;
    call(s->prepare);
    fault_begin(family, mode, (size_t)-1);
    const mlsel_status status = run(s, &err);
    fault_end();
    if (status != MLSEL_OK)
        scenario_fail("fails on its own: %s: %s", mlsel_status_name(status), err.message);
    const size_t n = fault_calls();
    call(s->check);
    call(s->clean);
    return n;
}

static size_t count_calls_apart(const scenario *s, fault_family family, fault_mode mode) {
    int fds[2];
    size_t n = 0;
    if (pipe(fds) != 0)
        scenario_fail("no pipe");
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        n = count_calls(s, family, mode);
        _exit(write(fds[1], &n, sizeof n) == sizeof n ? 0 : 1);
    }
    close(fds[1]);
    if (child < 0 || read(fds[0], &n, sizeof n) != sizeof n)
        scenario_fail("the process that counts says nothing");
    close(fds[0]);
    waitpid(child, NULL, 0);
    return n;
}

/* All faults of a mode: beside those that the undisturbed call has there are some that only a failure reaches. Returns
 * how many were met. */
static size_t try_mode(const scenario *s, fault_family family, fault_mode mode, size_t *tried) {
    static const char *const names[FAULT_MODES] = {"once", "from", "interrupted", "short"};
    const bool apart = (s->flags & SCENARIO_IN_CHILD) != 0;
    size_t allocs_left = s->optional_allocs;
    family_now = fault_family_names[family];
    mode_now = names[mode];
    number_now = 0;
    const size_t expected = apart ? count_calls_apart(s, family, mode) : count_calls(s, family, mode);
    const size_t first = apart ? MOST_FIRST / 2 : MOST_FIRST, later = apart ? MOST_LATER / 2 : MOST_LATER;
    const size_t step = expected <= first + later ? 1 : (expected - first) / later;
    *tried = 0;
    for (size_t n = 0;; n += n < first ? 1 : step) {
        const size_t wrong =
            apart ? attempt_apart(s, family, mode, n, &allocs_left) : attempt(s, family, mode, n, &allocs_left);
        if (wrong == 0)
            break;
        ++*tried;
    }
    return expected;
}

static void try_scenario(const scenario *s) {
    char line[512];
    int used = snprintf(line, sizeof line, "%s%s%s:", s->function, s->what[0] == '\0' ? "" : ", ", s->what);
    current = s;
    for (fault_family family = 0; family < FAULT_FAMILIES; family++) {
        size_t most = 0, most_tried = 0;
        for (fault_mode mode = 0; mode < (family == FAULT_FILE ? FAULT_MODES : FAULT_INTERRUPT); mode++) {
            size_t tried;
            const size_t met = try_mode(s, family, mode, &tried);
            most = met > most ? met : most;
            most_tried = tried > most_tried ? tried : most_tried;
        }
        if ((s->needs & 1u << family) != 0 && most_tried == 0)
            scenario_fail("meets no fault of the family %s", fault_family_names[family]);
        if (most_tried > 0)
            used += snprintf(line + used, sizeof line - (size_t)used, " %s %zu of %zu", fault_family_names[family],
                             most_tried, most > most_tried ? most : most_tried);
    }
    puts(line);
}

static bool is_asked(int argc, char **argv, const char *function) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], function) == 0)
            return true;
    return argc < 2;
}

int scenario_main(int argc, char **argv, const scenario *const *lists, const size_t *sizes, size_t n_lists) {
    const bool is_list = argc == 2 && strcmp(argv[1], "--list") == 0;
    fault_hook_json();
    (void)test_folder();
    for (size_t i = 0; i < n_lists; i++)
        for (size_t j = 0; j < sizes[i]; j++) {
            if (is_list)
                puts(lists[i][j].function);
            else if (is_asked(argc, argv, lists[i][j].function))
                try_scenario(&lists[i][j]);
        }
    return 0;
}
