/* SPDX-License-Identifier: Apache-2.0 */
/* Writing findings, and guessing what was meant. */
#ifndef MLSEL_CONFIG_DIAGNOSTICS_H
#define MLSEL_CONFIG_DIAGNOSTICS_H

#include "config/arena.h"
#include "config/config.h"

/* More are counted, not kept: a hostile file must not fill the memory with complaints. */
enum { CONFIG_MAX_DIAGNOSTICS = 1000 };

/* Defined here, not where it is used: then gcc and clang describe the ABI alike (tests/abi). */
struct mlsel_diagnostics {
    config_diagnostics list;
    const char *file;
    const char **sources; /* [list.count] */
    config_arena *arena;  /* file, sources */
    const char *dialect;
    uint32_t n_decisions;
    uint32_t n_artifacts;
};

/* Appends a finding; `suggestion` may be NULL and is copied. A list that is out of memory says so
 * (mlsel_i_diagnostics_failed) and takes no more. Control characters and bad UTF-8 become '?'. */
void mlsel_i_diagnose(config_diagnostics *list, config_severity severity, const char *code, config_span span,
                      const char *suggestion, const char *format, ...) MLSEL_PRINTF(6, 7);

bool mlsel_i_diagnostics_failed(const config_diagnostics *list);

/* Sorts the findings from `first` on by their place; those of one place keep their order. */
void mlsel_i_diagnostics_sort(config_diagnostics *list, size_t first);

/* Of the names, the one that `given` is most likely a slip of, or NULL. Case, '_' and '-' do not count. */
const char *mlsel_i_did_you_mean(const char *given, const char *const *names, size_t count);

/* The same over any list: keeps the best of the names offered one by one. Start it as {.given = ...}. */
typedef struct near_name {
    const char *given;
    const char *best;
    size_t distance;
} near_name;
void mlsel_i_near_offer(near_name *near, const char *name);

/* A text for a message: `"` text `"`, shortened to what fits a line. */
typedef struct quoted {
    char text[96];
} quoted;
const char *mlsel_i_quote(quoted *q, const char *text);

#endif
