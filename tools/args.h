/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line arguments: options and operands in any order, `--name value` or `--name=value`, `--` ends the options.
 */
#ifndef MLSEL_TOOL_ARGS_H
#define MLSEL_TOOL_ARGS_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct args_option {
    const char *name; /* as in "--model" */
    int id;           /* from 1 */
    bool has_value;
} args_option;

typedef struct args {
    const char *command; /* for messages; NULL: none */
    char **rest;         /* NULL-terminated */
    const args_option *options;
    size_t option_count;
    bool operands_only;
} args;

enum { ARGS_OPERAND = 0, ARGS_END = -1, ARGS_BAD = -2 };

/* The id of the next option, with its value, or one of the above. ARGS_BAD: the message has been printed. */
int args_next(args *a, const char **value);

/* Points to the help of a command (NULL: of mlsel), and to what was probably meant, if that is not NULL. */
void args_help_hint(const char *command, const char *likely);

/* Index of value among count names; else prints what is possible and gives -1. */
int args_choice(const args *a, const char *option, const char *value, const char *const *names, size_t count);

/* A whole number from 1 to max; else prints what is wrong and gives 0. */
uint64_t args_count(const args *a, const char *option, const char *value, uint64_t max);
/* The same from 0; false where something is wrong. */
bool args_whole(const args *a, const char *option, const char *value, uint64_t max, uint64_t *out);

/* For args_real, whose ends belong to what it takes. */
#define ARGS_ABOVE_0 DBL_MIN
#define ARGS_BELOW_1 (1 - DBL_EPSILON / 2)
/* A number from min to max; else prints what is wrong, with `expected` as in "seconds above 0", and gives false. */
bool args_real(const args *a, const char *option, const char *value, double min, double max, const char *expected,
               double *out);

#endif
