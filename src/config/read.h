/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the reader of configurations. */
#ifndef MLSEL_CONFIG_READ_H
#define MLSEL_CONFIG_READ_H

#include "artifact_read.h"
#include "config/block.h"

/* A configuration while it is read. */
typedef struct config_builder {
    config_reader reader;
    config *out;
    const config_options *options;
    config_text model_type;             /* ml.model_type if it names an algorithm: what "ml" stands for */
    config_algorithm default_algorithm; /* of decisions that name none */
    label_set domains;                  /* that the file declares */
    label_set models;                   /* that the file declares */
    config_decision *decisions;         /* out->decisions */
    bool *broken;                       /* by decision: its rules could not be read */
    config_signal *signals;             /* out->signals */
    size_t signal_capacity;
    label_set signal_keys; /* length of the type, type, name; by index of the signal */
    config_artifact *artifacts;
    size_t artifact_capacity;
    label_set artifact_keys; /* likewise: algorithm and path */
    bool no_memory;
} config_builder;

/* Parts of one dialect, found by shape (dialect.c). NULL: not in the file. */
typedef struct config_parts {
    const yaml_pair *selection; /* model_selection */
    const yaml_pair *decisions;
    const yaml_node *home; /* the mapping that has, or should have, the decisions */
    config_text strategy;
    config_text default_model;
    config_text default_decision;
    const yaml_node *domains;   /* a list of mappings with a name */
    const yaml_node *cards;     /* likewise: models */
    const yaml_node *providers; /* likewise: models */
} config_parts;

/* Finds out which dialect this is. False after a finding that leaves nothing to read. */
bool mlsel_i_config_find_parts(config_builder *b, const yaml_node *root, config_parts *parts);

/* Reads the model_selection block. */
void mlsel_i_config_read_selection(config_builder *b, const yaml_node *node);

/* Reads the block ml of a decision's algorithm, which is known, into the decision's own parameters. */
void mlsel_i_config_read_own_ml(config_builder *b, const yaml_node *node, config_decision *out);

/* Reads one algorithm's block, global or of a decision. */
void mlsel_i_config_read_parameters(config_builder *b, const yaml_pair *pair, config_algorithm algorithm,
                                    config_parameters *out);

/* The algorithm of a name, with a finding if it is none. *algorithm stays then. */
bool mlsel_i_config_read_algorithm(config_builder *b, config_text name, config_algorithm *algorithm);

/* Reads all decisions. */
void mlsel_i_config_read_decisions(config_builder *b, const yaml_node *list);

/* Reads a decision's rules: *out is NULL where they always hold. False after a finding. */
bool mlsel_i_config_read_rules(config_builder *b, const yaml_pair *rules, const config_rule **out);

/* --- checks of what was read (check.c, check_rules.c) ------------------------------------------------------------ */

void mlsel_i_config_check(config_builder *b);
/* Decisions that never match, and those that never come first; those that are broken are left out. */
void mlsel_i_config_check_rules(config_builder *b);

#endif
