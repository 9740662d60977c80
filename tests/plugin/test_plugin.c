/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device plugins: good ones, and every way in which one can be bad. Each scenario of scenarios.c runs in a fresh
 * process, which is this program again with the scenario's name.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"
#include "support.h"

#ifndef STARTED_AS /* in an emulator by a script */
#define STARTED_AS argv[0]
#endif

static char program[PATH_MAX];
static const scenario *current;

/* --- in the fresh process ---------------------------------------------------------------------------------------- */

static void run_current(void **state) {
    (void)state;
    current->run(current);
}

void restart(const char *name) { execl(program, program, name, (char *)NULL); }

static int run_scenario(const char *name) {
    const struct CMUnitTest tests[] = {{name, run_current, NULL, NULL, NULL}};
    for (size_t i = 0; i < n_scenarios; i++)
        if (strcmp(scenarios[i].name, name) == 0) {
            current = &scenarios[i];
            if (chdir(PLUGIN_FOLDERS) != 0)
                return 1;
            return cmocka_run_group_tests(tests, NULL, NULL);
        }
    fprintf(stderr, "there is no scenario %s\n", name);
    return 1;
}

/* --- in the first one -------------------------------------------------------------------------------------------- */

static void set(const char *name, const char *value) {
    if (value == NULL)
        unsetenv(name);
    else
        setenv(name, value, 1);
}

static void start(void **state) {
    const scenario *s = *state;
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        set("MLSEL_PLUGIN_PATH", s->plugin_path);
        set("FAKE_BACKEND", s->behaviour);
        restart(s->name);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("%s: killed by signal %d", s->name, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        fail_msg("%s: failed (exit status %d)", s->name, WEXITSTATUS(status));
}

int main(int argc, char **argv) {
    if (realpath(STARTED_AS, program) == NULL)
        return 1;
    if (argc == 2)
        return run_scenario(argv[1]);
    struct CMUnitTest *tests = calloc(n_scenarios, sizeof *tests);
    if (tests == NULL)
        return 1;
    for (size_t i = 0; i < n_scenarios; i++) {
        tests[i].name = scenarios[i].name;
        tests[i].test_func = start;
        tests[i].initial_state = (void *)&scenarios[i];
    }
    const int failed = _cmocka_run_group_tests("plugin", tests, n_scenarios, NULL, NULL);
    free(tests);
    return failed;
}
