/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a router configuration says about choosing models, in one form for every dialect, each value with the place it
 * was read from.
 *
 * mlsel_i_config_read turns YAML text into a config and reports everything that is wrong with it as diagnostics; a
 * config is there only if there is no error among them. mlsel_i_config_check_artifacts then holds it against the
 * artifacts it names. A config is immutable and owns all that hangs on it.
 *
 * Semantics that both the checks and the router follow:
 *   - A decision matches when its rules hold for the request's signals, (type, name) pairs. Of several the first in
 *     `order` wins: highest priority, then file order.
 *   - A decision without rules, or with an AND of nothing, always matches. A NOT has exactly one child.
 *   - Names of domains are compared after mlsel_i_config_domain: the signals here hold canonical names, and the router
 *     applies it to the request's category. An empty category is the domain "other".
 *   - One ref: it is the answer without scoring. Several and no algorithm (or "static"): the first eligible ref.
 *   - The label of a ref is found with mlsel_i_config_ref_label.
 */
#ifndef MLSEL_CONFIG_H
#define MLSEL_CONFIG_H

#include "internal.h"

/* A place in the text: lines and columns from 1, columns in characters (code points); the end is the first character
 * that does not belong to it. All 0: nowhere in the text. */
typedef struct config_span {
    uint32_t line;
    uint32_t column;
    uint32_t end_line;
    uint32_t end_column;
} config_span;

/* A text of the file. text is NULL where it is not given; then the span is that of the block that lacks it. */
typedef struct config_text {
    const char *text;
    config_span span;
} config_text;

typedef struct config_number {
    double value; /* 0 where it is not given */
    bool given;
    config_span span;
} config_number;

typedef enum config_dialect {
    CONFIG_FLAT = 1,      /* A: model_selection, decisions */
    CONFIG_WRAPPED = 2,   /* B: the same below `config` */
    CONFIG_CANONICAL = 3, /* C: version v0.3, global.router.model_selection, routing.decisions */
    CONFIG_MODEL_TYPE = 4 /* D: C with model_selection.ml.model_type */
} config_dialect;

/* How a decision chooses among its refs. The first four are MLSEL_ALGORITHM_ values. */
typedef enum config_algorithm {
    CONFIG_ALGORITHM_NONE = 0, /* none named, or "static": the first eligible ref */
    CONFIG_ALGORITHM_KNN = MLSEL_ALGORITHM_KNN,
    CONFIG_ALGORITHM_KMEANS = MLSEL_ALGORITHM_KMEANS,
    CONFIG_ALGORITHM_SVM = MLSEL_ALGORITHM_SVM,
    CONFIG_ALGORITHM_MLP = MLSEL_ALGORITHM_MLP,
    CONFIG_N_ALGORITHMS = 5, /* length of arrays that have one element for each of those above */
    /* One that the router itself carries out, as "confidence" or "elo" (config_decision.algorithm_name says which).
     * It is a warning when read; mlsel can name the decision, not the model, unless there is only one ref. */
    CONFIG_ALGORITHM_HOST = 100
} config_algorithm;

/* Parameters of one algorithm as given in one block. */
typedef struct config_parameters {
    config_number k;                 /* knn; a whole number >= 1 */
    config_number num_clusters;      /* kmeans; a whole number >= 1 */
    config_number efficiency_weight; /* kmeans */
    config_number gamma;             /* svm; > 0 */
    config_text kernel;              /* svm: "rbf" or "linear" */
    config_text device;              /* as mlsel_model_options.device accepts it */
    config_text pretrained_path;     /* as written */
    config_span span;                /* of the block's key */
} config_parameters;

/* A distinct (type, name) pair that conditions ask for. */
typedef struct config_signal {
    const char *type;
    const char *name; /* of a domain: canonical */
} config_signal;

typedef enum config_rule_kind {
    CONFIG_RULE_CONDITION = 1,
    CONFIG_RULE_AND = 2,
    CONFIG_RULE_OR = 3,
    CONFIG_RULE_NOT = 4 /* one child */
} config_rule_kind;

typedef struct config_rule {
    config_rule_kind kind;
    uint32_t signal;                    /* condition: index in config.signals */
    config_text type;                   /* condition: as written */
    config_text name;                   /* condition: as written */
    const struct config_rule *children; /* [n_children] of an operator, none of which is unknown */
    size_t n_children;
    config_span span; /* of the condition, or of the operator's name */
} config_rule;

/* A candidate of a decision. */
typedef struct config_ref {
    config_text model;
    config_text lora_name;
    const char *served; /* the name to call: lora_name, else model */
    config_span span;   /* of served */
} config_ref;

typedef struct config_decision {
    config_text name; /* unique, not empty */
    config_text description;
    int32_t priority; /* 0 where it is not given */
    config_span priority_span;
    const config_rule *rules; /* NULL: always matches */
    config_algorithm algorithm;
    config_text algorithm_name; /* as written in the decision, or the global method it falls back to */
    config_parameters own;      /* the decision's block of its algorithm */
    const config_ref *refs;     /* [n_refs], at least 1 */
    size_t n_refs;
    /* What applies, the decision's own value before the global one. */
    uint32_t k;         /* knn: 0: the artifact's own */
    const char *device; /* NULL: the default */
    int32_t artifact;   /* index in config.artifacts; -1: nothing to load, as with one ref, or where disabled */
    config_span span;   /* of the name */
} config_decision;

/* A file that decisions load, once for all that name it. Two decisions with the same file have the same entry. */
typedef struct config_artifact {
    const char *path; /* as to be opened: relative ones are joined with the configuration's folder */
    config_algorithm algorithm;
    config_span
        span; /* of what names it: pretrained_path, else models_path, else the algorithm of the first decision */
    uint32_t decision; /* the first that uses it */
} config_artifact;

typedef struct config {
    config_dialect dialect;
    const char *file_name; /* as given, for messages */
    const char *folder;    /* that relative paths start from; "" is the working folder */
    bool enabled;          /* false: nothing is to be loaded; refs are chosen as with "static" */
    config_span enabled_span;
    config_text models_path;
    config_number embedding_dim;                       /* a whole number >= 1 */
    config_text method;                                /* the algorithm of decisions that name none */
    config_parameters algorithms[CONFIG_N_ALGORITHMS]; /* global blocks, by config_algorithm; [0] is not used */
    const config_decision *decisions;                  /* in file order */
    size_t n_decisions;
    const uint32_t *order; /* [n_decisions] indices, most important first */
    const config_signal *signals;
    size_t n_signals;
    const config_artifact *artifacts;
    size_t n_artifacts;
    config_text default_model;      /* answers where no decision matches; text NULL: none */
    config_text default_decision;   /* likewise */
    int32_t default_decision_index; /* -1: none */
    struct config_arena *arena;
} config;

/* --- diagnostics ------------------------------------------------------------------------------------------------ */

typedef enum config_severity { CONFIG_NOTE = 1, CONFIG_WARNING = 2, CONFIG_ERROR = 3 } config_severity;

typedef struct config_diagnostic {
    config_severity severity;
    const char *code;       /* stable, as in "unknown-key"; docs/configuration.md lists them */
    const char *message;    /* one line, without the place */
    const char *suggestion; /* what to write instead, or what to do; NULL: none */
    config_span span;       /* all 0: the file as a whole */
} config_diagnostic;

/* A list that owns its texts. Start it as {0}. */
typedef struct config_diagnostics {
    config_diagnostic *items;
    size_t count;
    size_t capacity;
    size_t n_errors;
    size_t n_warnings;
    struct config_arena *arena;
    size_t n_notes;
    bool is_failed; /* there was no memory for the arena */
} config_diagnostics;

/* Frees what the list holds and makes it empty. */
void mlsel_i_config_diagnostics_clear(config_diagnostics *list);

/* The first error (or with any_severity the first of all) as an mlsel_error: "router.yaml:12:7: message [code]";
 * the status is MLSEL_ERROR_PARSE for YAML that cannot be read, else MLSEL_ERROR_SCHEMA. */
mlsel_status mlsel_i_config_diagnostics_fail(const config_diagnostics *list, const char *file_name, mlsel_error *err);

/* --- reading ---------------------------------------------------------------------------------------------------- */

typedef struct config_options {
    const char *folder; /* that relative paths start from; NULL: that of file_name */
    const char
        *models_dir;    /* takes the place of models_path and of the folder of each pretrained_path; NULL: neither */
    uint64_t max_bytes; /* 0: 16 MiB */
} config_options;

/*
 * Reads size bytes of YAML.
 *
 * file_name may be NULL (text from memory). options may be NULL. All findings are appended to `list`, in the order of
 * the text. Returns MLSEL_OK and *out also when there are only warnings. With errors in the text: *out stays, the
 * status and err are as from mlsel_i_config_diagnostics_fail. MLSEL_ERROR_NO_MEMORY leaves the list as it was found or
 * longer, to be cleared all the same. MLSEL_ERROR_LIMIT for text that is too long.
 */
mlsel_status mlsel_i_config_read(const char *text, size_t size, const char *file_name, const config_options *options,
                                 config **out, config_diagnostics *list, mlsel_error *err);
void mlsel_i_config_free(config *c);

/* --- shared with the router ------------------------------------------------------------------------------------- */

/* The name under which a domain is compared: "computer science" for "computer_science", "other" for "" and NULL. */
const char *mlsel_i_config_domain(const char *name);

/* The label that stands for a ref in a model: that of the served name, else that of the base model; -1: unknown. */
int32_t mlsel_i_config_ref_label(const config_ref *ref, const mlsel_model *model);

/*
 * Checks one decision against its loaded artifact: algorithm, width against embedding_dim, refs against labels,
 * parameters that have no effect. Findings go to the list. decision->artifact must not be -1.
 */
mlsel_status mlsel_i_config_check_model(const config *c, const config_decision *decision, const mlsel_model *model,
                                        config_diagnostics *list, mlsel_error *err);

/* Loads the artifacts of a configuration as a router with these options would, and appends what is wrong with them to
 * the list. MLSEL_ERROR_NO_MEMORY and _INTERNAL are the only failures. */
mlsel_status mlsel_i_config_check_artifacts(const config *c, const mlsel_router_options *options,
                                            config_diagnostics *list, mlsel_error *err);

/* "flat", "wrapped" or "v0.3". */
const char *mlsel_i_config_dialect_name(config_dialect dialect);

#endif
