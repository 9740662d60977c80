/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text into a tree of nodes with their places. libyaml finds the tokens; aliases, merge keys, duplicate keys, the
 * types of scalars and every limit are settled here, in the way of Go's yaml.v3, which the routers read their files
 * with.
 */
#ifndef MLSEL_CONFIG_YAML_H
#define MLSEL_CONFIG_YAML_H

#include "config/arena.h"
#include "config/config.h"

typedef enum yaml_kind { YAML_SCALAR = 1, YAML_SEQUENCE = 2, YAML_MAPPING = 3 } yaml_kind;

typedef enum yaml_type { YAML_TEXT = 1, YAML_NULL = 2, YAML_BOOL = 3, YAML_NUMBER = 4 } yaml_type;

typedef struct yaml_node yaml_node;

typedef struct yaml_pair {
    const yaml_node *key; /* a scalar */
    const yaml_node *value;
} yaml_pair;

struct yaml_node {
    yaml_kind kind;
    yaml_type type;   /* scalar */
    bool quoted;      /* scalar: not a plain one */
    const char *text; /* scalar: without NUL bytes, terminated; else "" */
    double number;    /* YAML_NUMBER; YAML_BOOL: 0 or 1 */
    const yaml_node **items;
    yaml_pair *pairs; /* merged ones included, behind the mapping's own */
    size_t count;     /* of items or pairs */
    size_t weight;    /* nodes below and including this one, aliases written out */
    config_span span;
};

/* Limits of a text. */
enum { YAML_MAX_DEPTH = 64, YAML_MAX_NODES = 1 << 18 };

/*
 * Reads one document. Findings go to the list; *root is NULL after an error that leaves nothing to look at, and for an
 * empty document (which is a finding too). The tree lives in the arena. False: out of memory.
 */
bool mlsel_i_yaml_read(const char *text, size_t size, config_arena *arena, config_diagnostics *list,
                       const yaml_node **root);

/* The value of a key, or NULL. */
const yaml_pair *mlsel_i_yaml_find(const yaml_node *mapping, const char *key);

/* What a plain scalar means; number is set for YAML_NUMBER and YAML_BOOL. */
yaml_type mlsel_i_yaml_resolve(const char *text, size_t size, double *number);

/* Also accepts what YAML 1.1 calls a bool (yes, on, n ...), as yaml.v3 does where a bool is expected. */
bool mlsel_i_yaml_bool(const yaml_node *node, bool *value);

/* --- places (position.c) ----------------------------------------------------------------------------------------- */

/* Where lines begin, in characters. */
typedef struct line_index {
    uint32_t *starts;
    size_t count;
} line_index;

/* Checks the encoding of the whole text and finds its lines. A finding and *valid false if it is not what YAML allows.
 * False: out of memory. */
bool mlsel_i_lines_scan(const char *text, size_t size, config_diagnostics *list, line_index *lines, bool *valid);
void mlsel_i_lines_free(line_index *lines);
/* Line and column, from 1, of a character counted from 0. */
void mlsel_i_lines_find(const line_index *lines, size_t character, uint32_t *line, uint32_t *column);

#endif
