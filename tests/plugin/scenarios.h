/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a process that meets a plugin. Each scenario has a process of its own, because plugins stay open. */
#ifndef MLSEL_TEST_SCENARIOS_H
#define MLSEL_TEST_SCENARIOS_H

#include <stddef.h>

typedef struct scenario {
    const char *name;
    const char *plugin_path; /* MLSEL_PLUGIN_PATH, relative to the folder of folders; NULL: not set */
    const char *behaviour;   /* FAKE_BACKEND */
    void (*run)(const struct scenario *self);
    /* of bad plugins: what asking for the device gives, and words that the message must have */
    int status;
    const char *words[3];
} scenario;

/* Starts the process again, with its environment as it is now; returns only if it cannot. */
void restart(const char *name);

/* The good plugin opened once, prepared and released so many states, and saw no promise broken. */
void scenario_check_counts(unsigned prepared);

/* batchers.c; words[0] of one that fails is the message */
void batcher_answers(const scenario *self);
void batcher_fails(const scenario *self);

extern const scenario scenarios[];
extern const size_t n_scenarios;

#endif
