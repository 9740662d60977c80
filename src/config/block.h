/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one mapping of a configuration by a table of its keys: values into a struct, a finding for everything that is
 * not what the table says.
 */
#ifndef MLSEL_CONFIG_BLOCK_H
#define MLSEL_CONFIG_BLOCK_H

#include "config/diagnostics.h"
#include "config/yaml.h"

typedef enum field_kind {
    FIELD_TEXT = 1,  /* config_text: any scalar but null */
    FIELD_COUNT,     /* config_number: a whole number from 1 to INT32_MAX */
    FIELD_INTEGER,   /* config_number: a whole number of int32_t */
    FIELD_POSITIVE,  /* config_number: finite, above 0 */
    FIELD_NUMBER,    /* config_number: finite */
    FIELD_BOOL,      /* config_flag */
    FIELD_LIST,      /* const yaml_pair *: value is a sequence */
    FIELD_MAPPING,   /* const yaml_pair *: value is a mapping */
    FIELD_ANY,       /* const yaml_pair * */
    FIELD_ELSEWHERE, /* read by other means */
    FIELD_IGNORED    /* of the router, of no interest here */
} field_kind;

typedef struct config_flag {
    bool value;
    bool given;
    config_span span;
} config_flag;

typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset; /* in the struct */
} field;

/* What reads, and where to. */
typedef struct config_reader {
    config_arena *arena;
    config_diagnostics *list;
} config_reader;

/* Reads a mapping; n_fields is at most 32. `what` is the mapping for messages, as in "a decision". A value that is null
 * counts as not given. Keys outside of the table are findings: errors where they look like a slip of one that is
 * missing, else warnings; with `lenient` only the former, as warnings. `out` may be NULL if no field of the table is
 * kept. */
void mlsel_i_block_read(const config_reader *r, const yaml_node *mapping, const char *what, const field *fields,
                        size_t n_fields, bool lenient, void *out);

/* Whether a node is the kind expected, else a finding; `name` is what it is the value of, as in "\"rules\"". */
bool mlsel_i_block_expect(const config_reader *r, const yaml_node *node, yaml_kind kind, const char *name,
                          const char *advice);

/* "a list", "the text \"x\"" and so on. */
const char *mlsel_i_node_name(const yaml_node *node, quoted *q);

/* A place for what is missing from a mapping: its first key, or itself. */
config_span mlsel_i_block_span(const yaml_node *mapping);

#endif
