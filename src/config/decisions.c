/* SPDX-License-Identifier: Apache-2.0 */
/* The list of decisions, all but their rules. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

typedef struct decision_block {
    config_text name;
    config_text description;
    config_number priority;
    const yaml_pair *rules;
    const yaml_pair *refs;
    const yaml_pair *algorithm;
} decision_block;

typedef struct ref_block {
    config_text model;
    config_text lora_name;
} ref_block;

/* --- models ------------------------------------------------------------------------------------------------------ */

static bool has_text(config_text text) { return text.text != NULL && text.text[0] != '\0'; }

/* Where the file declares its models, a ref is to be one of them. */
static void check_declared(config_builder *b, config_text model) {
    quoted q;
    if (b->models.count == 0 || mlsel_i_labels_find(&b->models, model.text) >= 0)
        return;
    char advice[128];
    const char *const meant = mlsel_i_did_you_mean(model.text, b->models.names, b->models.count);
    if (meant != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%.80s\"?", meant);
    mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "undeclared-model", model.span, meant != NULL ? advice : NULL,
                     "model %s is neither in routing.modelCards nor in providers.models",
                     mlsel_i_quote(&q, model.text));
}

static bool read_ref(config_builder *b, const yaml_node *node, config_ref *out) {
    static const field fields[] = {
        {"model", FIELD_TEXT, offsetof(ref_block, model)},
        {"lora_name", FIELD_TEXT, offsetof(ref_block, lora_name)},
        {"use_reasoning", FIELD_IGNORED, 0},
        {"reasoning_description", FIELD_IGNORED, 0},
        {"reasoning_effort", FIELD_IGNORED, 0},
        {"reasoning_mode", FIELD_IGNORED, 0},
        {"weight", FIELD_IGNORED, 0},
    };
    ref_block block = {0};
    if (!mlsel_i_block_expect(&b->reader, node, YAML_MAPPING, "a model reference", "write - model: NAME"))
        return false;
    const size_t errors = b->reader.list->n_errors;
    mlsel_i_block_read(&b->reader, node, "a model reference", fields, MLSEL_ARRAY_LENGTH(fields), false, &block);
    if (!has_text(block.model)) {
        if (b->reader.list->n_errors == errors)
            mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", mlsel_i_block_span(node), NULL,
                             "the model reference has no \"model\"");
        return false;
    }
    check_declared(b, block.model);
    const bool is_lora = has_text(block.lora_name);
    *out = (config_ref){
        .model = block.model,
        .lora_name = is_lora ? block.lora_name : (config_text){NULL, block.model.span},
        .served = is_lora ? block.lora_name.text : block.model.text,
        .span = is_lora ? block.lora_name.span : block.model.span,
    };
    return true;
}

/* A model that is listed twice is never chosen the second time. */
static void check_repeated(config_builder *b, const config_ref *refs, size_t count) {
    quoted q;
    label_set seen = {0};
    uint32_t *lines = mlsel_i_arena_alloc(b->reader.arena, count, sizeof *lines);
    for (size_t i = 0; i < count && lines != NULL; i++) {
        int32_t index = -1;
        const size_t before = seen.count;
        if (mlsel_i_labels_add(&seen, refs[i].served, &index, NULL) != MLSEL_OK) {
            b->no_memory = true;
            break;
        }
        if (seen.count > before)
            lines[index] = refs[i].span.line;
        else
            mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "duplicate-model", refs[i].span, "remove it",
                             "model %s is already listed on line %u", mlsel_i_quote(&q, refs[i].served),
                             (unsigned)lines[index]);
    }
    b->no_memory = b->no_memory || lines == NULL;
    mlsel_i_labels_free(&seen);
}

static void read_refs(config_builder *b, const yaml_node *list, config_decision *out) {
    config_ref *refs = mlsel_i_arena_alloc(b->reader.arena, list->count, sizeof *refs);
    if (refs == NULL) {
        b->no_memory = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        out->n_refs += read_ref(b, list->items[i], &refs[out->n_refs]);
    out->refs = refs;
    check_repeated(b, refs, out->n_refs);
}

/* --- the algorithm ----------------------------------------------------------------------------------------------- */

typedef struct algorithm_block {
    config_text type;
    const yaml_pair *algorithms[CONFIG_N_ALGORITHMS];
    const yaml_pair *ml;
} algorithm_block;

static void unused_block(config_builder *b, const yaml_pair *block, config_text type) {
    quoted q, p;
    mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "unused-block", block->key->span, NULL,
                     "block %s has no effect: the algorithm is %s", mlsel_i_quote(&q, block->key->text),
                     mlsel_i_quote(&p, type.text));
}

static void read_algorithm(config_builder *b, const yaml_node *node, config_decision *out) {
#define ALGORITHM(name, kind, member)                                                                                  \
    { name, kind, offsetof(algorithm_block, member) }
    static const field fields[] = {
        ALGORITHM("type", FIELD_TEXT, type),
        ALGORITHM("knn", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_KNN]),
        ALGORITHM("kmeans", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_KMEANS]),
        ALGORITHM("svm", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_SVM]),
        ALGORITHM("mlp", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_MLP]),
        ALGORITHM("ml", FIELD_MAPPING, ml),
        {"automix", FIELD_IGNORED, 0},
        {"confidence", FIELD_IGNORED, 0},
        {"elo", FIELD_IGNORED, 0},
        {"fusion", FIELD_IGNORED, 0},
        {"gmtrouter", FIELD_IGNORED, 0},
        {"hiershrink", FIELD_IGNORED, 0},
        {"hybrid", FIELD_IGNORED, 0},
        {"latency_aware", FIELD_IGNORED, 0},
        {"multi_factor", FIELD_IGNORED, 0},
        {"minimum_candidates", FIELD_IGNORED, 0},
        {"on_error", FIELD_IGNORED, 0},
        {"prompt", FIELD_IGNORED, 0},
        {"ratings", FIELD_IGNORED, 0},
        {"remom", FIELD_IGNORED, 0},
        {"rl_driven", FIELD_IGNORED, 0},
        {"router_dc", FIELD_IGNORED, 0},
        {"session_aware", FIELD_IGNORED, 0},
        {"workflows", FIELD_IGNORED, 0},
    };
    algorithm_block block = {0};
    if (!mlsel_i_block_expect(&b->reader, node, YAML_MAPPING, "\"algorithm\"", "write algorithm: {type: knn}"))
        return;
    const size_t errors = b->reader.list->n_errors;
    mlsel_i_block_read(&b->reader, node, "\"algorithm\"", fields, MLSEL_ARRAY_LENGTH(fields), false, &block);
    if (!has_text(block.type)) {
        if (b->reader.list->n_errors == errors)
            mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", mlsel_i_block_span(node),
                             "give type: knn, kmeans, svm or mlp", "the algorithm has no \"type\"");
        return;
    }
    out->algorithm_name = block.type;
    if (!mlsel_i_config_read_algorithm(b, block.type, &out->algorithm))
        return;
    if (block.ml != NULL)
        mlsel_i_config_read_own_ml(b, block.ml->value, out);
    for (config_algorithm a = CONFIG_ALGORITHM_KNN; a <= CONFIG_ALGORITHM_MLP; a++) {
        config_parameters ignored = {0};
        if (block.algorithms[a] == NULL)
            continue;
        mlsel_i_config_read_parameters(b, block.algorithms[a], a, a == out->algorithm ? &out->own : &ignored);
        if (a != out->algorithm)
            unused_block(b, block.algorithms[a], block.type);
    }
}

static void report_algorithm(config_builder *b, const config_decision *d, bool own) {
    quoted q, p;
    if (d->n_refs <= 1)
        return;
    if (d->algorithm_name.text == NULL)
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "no-algorithm", d->span,
                         "give algorithm: {type: ...}, or list one model",
                         "decision %s lists %zu models and no algorithm: the first always answers",
                         mlsel_i_quote(&q, d->name.text), d->n_refs);
    else if (d->algorithm == CONFIG_ALGORITHM_HOST)
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "host-algorithm", own ? d->algorithm_name.span : d->span, NULL,
                         "decision %s: algorithm %s is carried out by the router, not by mlsel",
                         mlsel_i_quote(&q, d->name.text), mlsel_i_quote(&p, d->algorithm_name.text));
}

/* --- decisions --------------------------------------------------------------------------------------------------- */

/* What is said of a decision when its name is not known. */
static bool read_block(config_builder *b, const yaml_node *node, decision_block *block) {
#define DECISION(name, kind, member)                                                                                   \
    { name, kind, offsetof(decision_block, member) }
    static const field fields[] = {
        DECISION("name", FIELD_TEXT, name),
        DECISION("description", FIELD_TEXT, description),
        DECISION("priority", FIELD_INTEGER, priority),
        DECISION("rules", FIELD_ANY, rules),
        DECISION("modelRefs", FIELD_LIST, refs),
        DECISION("algorithm", FIELD_ANY, algorithm),
        {"plugins", FIELD_IGNORED, 0},
        {"modelSelectionAlgorithm", FIELD_IGNORED, 0},
        {"tier", FIELD_IGNORED, 0},
        {"adaptations", FIELD_IGNORED, 0},
        {"emits", FIELD_IGNORED, 0},
        {"output_contract", FIELD_IGNORED, 0},
        {"output_contract_spec", FIELD_IGNORED, 0},
        {"candidateIterations", FIELD_IGNORED, 0},
        {"enabled", FIELD_IGNORED, 0},
        {"labels", FIELD_IGNORED, 0},
        {"metadata", FIELD_IGNORED, 0},
    };
    const size_t errors = b->reader.list->n_errors;
    mlsel_i_block_read(&b->reader, node, "a decision", fields, MLSEL_ARRAY_LENGTH(fields), false, block);
    const bool spelled = b->reader.list->n_errors == errors;
    if (!has_text(block->name) && spelled)
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", mlsel_i_block_span(node), NULL,
                         "the decision has no \"name\"");
    else if (block->refs == NULL && spelled)
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", mlsel_i_block_span(node),
                         "list the models to choose from: modelRefs: [{model: NAME}]",
                         "the decision has no \"modelRefs\"");
    else if (block->refs != NULL && block->refs->value->count == 0)
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "no-models", block->refs->key->span,
                         "list the models to choose from: modelRefs: [{model: NAME}]", "\"modelRefs\" is empty");
    return has_text(block->name);
}

static void read_decision(config_builder *b, const yaml_node *node, config_decision *out, bool *broken) {
    decision_block block = {0};
    const bool named = read_block(b, node, &block);
    *out = (config_decision){
        .name = block.name,
        .description = block.description,
        .priority = (int32_t)block.priority.value,
        .priority_span = block.priority.span,
        .algorithm = b->default_algorithm,
        .algorithm_name = b->out->method,
        .artifact = -1,
        .span = named ? block.name.span : mlsel_i_block_span(node),
    };
    if (!named)
        out->name.text = "";
    if (block.rules != NULL)
        *broken = !mlsel_i_config_read_rules(b, block.rules, &out->rules);
    if (block.refs != NULL)
        read_refs(b, block.refs->value, out);
    if (block.algorithm != NULL)
        read_algorithm(b, block.algorithm->value, out);
    if (named)
        report_algorithm(b, out, block.algorithm != NULL);
}

void mlsel_i_config_read_decisions(config_builder *b, const yaml_node *list) {
    b->decisions = mlsel_i_arena_alloc(b->reader.arena, list->count, sizeof *b->decisions);
    b->broken = mlsel_i_arena_alloc(b->reader.arena, list->count, sizeof *b->broken);
    if (b->decisions == NULL || b->broken == NULL) {
        b->no_memory = true;
        return;
    }
    for (size_t i = 0; i < list->count && !b->no_memory; i++) {
        const size_t n = b->out->n_decisions;
        if (!mlsel_i_block_expect(&b->reader, list->items[i], YAML_MAPPING, "a decision", "write - name: ..."))
            continue;
        read_decision(b, list->items[i], &b->decisions[n], &b->broken[n]);
        b->out->n_decisions++;
    }
    b->out->decisions = b->decisions;
}
