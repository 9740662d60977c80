/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls into the system that fail on request. The linker sends the calls of the archives, and of the tool, here
 * (--wrap, see CMakeLists.txt); each belongs to a family, and while a fault is set, call number n of that family goes
 * wrong.
 */
#ifndef MLSEL_TEST_INJECT_H
#define MLSEL_TEST_INJECT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_family {
    FAULT_ALLOC,  /* of the library, and through their hooks of cJSON, libyaml and libcurl; of the tool */
    FAULT_FILE,   /* whatever can fail about files, folders, pipes and streams */
    FAULT_THREAD, /* threads, locks, conditions, processes */
    FAULT_PLUGIN, /* dlopen, dlsym */
    FAULT_FAMILIES
} fault_family;

typedef enum fault_mode {
    FAULT_ONCE,      /* call number n fails */
    FAULT_FROM,      /* that and all after it, with another errno value where there is one */
    FAULT_INTERRUPT, /* of the calls that signals interrupt, number n does nothing and says EINTR */
    FAULT_SHORT,     /* of the calls that move bytes, number n moves one byte only */
    FAULT_MODES
} fault_mode;

/* A call that was made to go wrong. */
typedef struct fault_place {
    char function[32];
    char path[512]; /* of the file, or of what the descriptor stands for; "" where there is none */
    bool is_folder;
    int error; /* errno value */
} fault_place;

extern const char *const fault_family_names[FAULT_FAMILIES];

/* From here on call number n (from 0) goes wrong. */
void fault_begin(fault_family family, fault_mode mode, size_t n);
/* All goes well again. Returns how many calls went wrong. */
size_t fault_end(void);
/* Calls counted since fault_begin. */
size_t fault_calls(void);
const fault_place *fault_where(void); /* the first of them */
const fault_place *fault_last(void);
/* Whether a call failed with that errno value. */
bool fault_gave(int error);

/* Whether a file but /dev/null was opened as one of the standard streams, since the program began. */
bool fault_took_stream(void);
/* Called with the place when the first call goes wrong; for the tool, which may not live to tell. */
void fault_on_first(void (*report)(const fault_place *place));

/* Bytes that are held through the wrapped functions. */
size_t fault_live_bytes(void);
/* Descriptors that are open, as far as /proc says. */
size_t fault_open_descriptors(void);

/* cJSON allocates through here from now on. */
void fault_hook_json(void);

/* --- for the wraps --- */

/* What a call is to do: 0: what it does; FAULT_CUT: the same with one byte; else fail with that errno value. */
enum { FAULT_CUT = -1 };
/* kinds of calls, beside the plain ones */
enum { FAULT_PLAIN = 0, FAULT_CAN_INTERRUPT = 1, FAULT_CAN_CUT = 2 };
int fault_decide(fault_family family, const char *function, int kind, int error, int error_from, const char *path,
                 int fd);
/* Takes note of what was opened; returns fd. */
int fault_opened(int fd, const char *path);
/* The same for allocations: whether there is memory. */
bool fault_has_memory(const char *function);

#endif
