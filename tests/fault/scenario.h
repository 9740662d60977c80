/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations under fault: each is repeated with call 0, 1, 2, ... of a family going wrong, alone or with all that
 * follow, until it gets through without one. What is expected then is the same everywhere, see scenario.c.
 */
#ifndef MLSEL_TEST_SCENARIO_H
#define MLSEL_TEST_SCENARIO_H

#include "folder.h"
#include "inject.h"

enum { SCENARIO_PATTERN = 0xa5 };

/* Families in which a scenario must meet at least one fault, so that it does not pass for want of any. */
enum {
    NEEDS_ALLOC = 1 << FAULT_ALLOC,
    NEEDS_FILE = 1 << FAULT_FILE,
    NEEDS_THREAD = 1 << FAULT_THREAD,
    NEEDS_PLUGIN = 1 << FAULT_PLUGIN
};

enum {
    SCENARIO_IN_CHILD = 1,    /* what is loaded once per process: each attempt has its own */
    SCENARIO_KEEPS_FILES = 2, /* what a failure has written may stay */
};

typedef struct scenario {
    const char *function; /* the public function */
    const char *what;     /* how it is called; "" where there is only one way */
    unsigned needs;
    unsigned flags;
    /* Each attempt: prepare; run, with the fault; where that failed run again, without; check; clean. All but run may
     * be NULL. `out` of the world holds what run writes, and must be as it was after a failure. */
    void (*prepare)(void);
    mlsel_status (*run)(mlsel_error *err);
    void (*check)(void);
    void (*clean)(void);
    const char *path;       /* what a message must name where a file failed; NULL: the file that failed */
    const char *optional;   /* functions that may fail and the operation succeed, as in "close,open folder"; "*": all */
    size_t optional_allocs; /* as many allocations likewise */
    mlsel_status status;    /* what it may say beside what the family does; 0: nothing */
} scenario;

/* What operations work with. Cleared before each attempt. */
typedef union scenario_out {
    void *pointers[4];
    double numbers[64];
    unsigned char bytes[4096];
} scenario_out;
extern scenario_out scenario_result;
/* In check: whether the call succeeded in spite of a fault. */
extern bool scenario_survived;
#define SCENARIO_POINTER(type) ((type *)scenario_result.pointers[0])

/* main of a program of scenarios: `--list`, or the names of functions to try, or nothing for all. */
int scenario_main(int argc, char **argv, const scenario *const *lists, const size_t *sizes, size_t n_lists);

/* Fails the program. */
void scenario_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
