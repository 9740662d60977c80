/* SPDX-License-Identifier: Apache-2.0 */
/* Rule trees of decisions. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

typedef struct rule_block {
    config_text operator_name;
    const yaml_pair *conditions;
    config_text type;
    config_text name;
} rule_block;

const char *mlsel_i_config_domain(const char *name) {
    if (name == NULL || name[0] == '\0')
        return "other";
    return strcmp(name, "computer_science") == 0 ? "computer science" : name;
}

/* Index of a signal, which is added if it is new. */
static bool find_signal(config_builder *b, const char *type, const char *name, uint32_t *index) {
    int32_t found = -1;
    if (strcmp(type, "domain") == 0)
        name = mlsel_i_config_domain(name);
    char length[32]; /* of the type, so that no other pair has the same key */
    snprintf(length, sizeof length, "%zu:", strlen(type));
    const char *const key = mlsel_i_arena_join(b->reader.arena, length, type, name);
    const size_t count = b->signal_keys.count;
    config_signal *signals =
        mlsel_i_arena_grow(b->reader.arena, b->signals, count, &b->signal_capacity, sizeof *signals);
    if (key == NULL || signals == NULL || mlsel_i_labels_add(&b->signal_keys, key, &found, NULL) != MLSEL_OK) {
        b->no_memory = true;
        return false;
    }
    b->signals = signals;
    if (b->signal_keys.count > count)
        signals[count] = (config_signal){type, name};
    *index = (uint32_t)found;
    return true;
}

static bool is_known_name(config_builder *b, const char *name) {
    for (mlsel_category_layout layout = MLSEL_CATEGORIES_VSR; layout <= MLSEL_CATEGORIES_VSR_DOC; layout++)
        for (size_t i = 0; i < mlsel_category_count(layout); i++)
            if (strcmp(mlsel_category_name(layout, (int32_t)i), name) == 0)
                return true;
    return mlsel_i_labels_find(&b->domains, name) >= 0;
}

/* A domain is one of the category lists', or one that the file declares. */
static void check_domain(config_builder *b, config_text name) {
    quoted q;
    const char *const domain = mlsel_i_config_domain(name.text);
    if (is_known_name(b, domain) || mlsel_i_labels_find(&b->domains, name.text) >= 0)
        return;
    near_name near = {.given = domain};
    for (size_t i = 0; i < b->domains.count; i++)
        mlsel_i_near_offer(&near, b->domains.names[i]);
    for (mlsel_category_layout layout = MLSEL_CATEGORIES_VSR; layout <= MLSEL_CATEGORIES_VSR_DOC; layout++)
        for (size_t i = 0; i < mlsel_category_count(layout); i++)
            mlsel_i_near_offer(&near, mlsel_category_name(layout, (int32_t)i));
    char advice[128];
    if (near.best != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%.80s\"?", near.best);
    mlsel_i_diagnose(b->reader.list, near.best != NULL ? CONFIG_ERROR : CONFIG_WARNING, "unknown-domain", name.span,
                     near.best != NULL ? advice : NULL,
                     "domain %s is in no category list and not declared by this file", mlsel_i_quote(&q, name.text));
}

/* A type may be any the host knows; slips of the usual ones are worth a word. */
static void check_type(config_builder *b, config_text type) {
    static const char *const names[] = {
        "domain",       "keyword",    "embedding", "language",   "context",   "fact_check", "user_feedback",
        "preference",   "complexity", "modality",  "authz",      "jailbreak", "pii",        "structure",
        "conversation", "reask",      "kb",        "projection", "event",     "classifier",
    };
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names); i++)
        if (strcmp(names[i], type.text) == 0)
            return;
    quoted q;
    char advice[96];
    const char *const meant = mlsel_i_did_you_mean(type.text, names, MLSEL_ARRAY_LENGTH(names));
    if (meant == NULL)
        return;
    snprintf(advice, sizeof advice, "did you mean \"%s\"?", meant);
    mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "unknown-signal-type", type.span, advice,
                     "%s is no usual type of signal", mlsel_i_quote(&q, type.text));
}

static bool read_condition(config_builder *b, const yaml_node *node, const rule_block *block, config_rule *out) {
    const config_span span = mlsel_i_block_span(node);
    if (block->type.text == NULL || block->name.text == NULL) {
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", span,
                         "a condition is {type: ..., name: ...}, a group is {operator: ..., conditions: [...]}",
                         "the condition has no \"%s\"", block->type.text == NULL ? "type" : "name");
        return false;
    }
    check_type(b, block->type);
    if (strcmp(block->type.text, "domain") == 0)
        check_domain(b, block->name);
    *out = (config_rule){.kind = CONFIG_RULE_CONDITION, .type = block->type, .name = block->name, .span = span};
    return find_signal(b, block->type.text, block->name.text, &out->signal);
}

static bool same_ignoring_case(const char *a, const char *upper) {
    for (; *a != '\0' && *upper != '\0'; a++, upper++)
        if ((*a >= 'a' && *a <= 'z' ? *a - 'a' + 'A' : *a) != *upper)
            return false;
    return *a == *upper;
}

static bool read_operator(config_builder *b, config_text name, config_rule_kind *kind) {
    static const char *const names[] = {"AND", "OR", "NOT"};
    static const config_rule_kind kinds[] = {CONFIG_RULE_AND, CONFIG_RULE_OR, CONFIG_RULE_NOT};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names); i++)
        if (same_ignoring_case(name.text, names[i])) {
            *kind = kinds[i];
            return true;
        }
    quoted q;
    char advice[96];
    const char *const meant = mlsel_i_did_you_mean(name.text, names, MLSEL_ARRAY_LENGTH(names));
    if (meant != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", meant);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-operator", name.span, meant != NULL ? advice : NULL,
                     "unknown operator %s, expected AND, OR or NOT", mlsel_i_quote(&q, name.text));
    return false;
}

static bool read_rule(config_builder *b, const yaml_node *node, config_rule *out);

static bool read_children(config_builder *b, const yaml_node *list, config_rule *out) {
    bool good = true;
    config_rule *children = mlsel_i_arena_alloc(b->reader.arena, list->count, sizeof *children);
    if (children == NULL) {
        b->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < list->count; i++)
        good = read_rule(b, list->items[i], &children[i]) && good;
    out->children = children;
    out->n_children = list->count;
    return good;
}

static bool read_group(config_builder *b, const yaml_node *node, const rule_block *block, config_rule *out) {
    const size_t count = block->conditions == NULL ? 0 : block->conditions->value->count;
    *out = (config_rule){.kind = CONFIG_RULE_AND, .span = mlsel_i_block_span(node)};
    bool good = block->operator_name.text == NULL || read_operator(b, block->operator_name, &out->kind);
    if (block->operator_name.text != NULL)
        out->span = block->operator_name.span;
    else if (count > 1) {
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "missing-key", out->span, "give operator: AND, or OR",
                         "%zu conditions and no \"operator\" that says how to join them", count);
        good = false;
    }
    if (good && out->kind == CONFIG_RULE_NOT && count != 1) {
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "bad-not", out->span,
                         count > 1 ? "join them with OR or AND in one group below NOT" : NULL,
                         "NOT has %zu conditions, it takes exactly one", count);
        good = false;
    }
    return (block->conditions == NULL || read_children(b, block->conditions->value, out)) && good;
}

static bool read_rule(config_builder *b, const yaml_node *node, config_rule *out) {
#define RULE(name, kind, member)                                                                                       \
    { name, kind, offsetof(rule_block, member) }
    static const field fields[] = {
        RULE("operator", FIELD_TEXT, operator_name),
        RULE("conditions", FIELD_LIST, conditions),
        RULE("type", FIELD_TEXT, type),
        RULE("name", FIELD_TEXT, name),
        {"min_confidence", FIELD_IGNORED, 0},
        {"value", FIELD_IGNORED, 0},
        {"on_unknown", FIELD_IGNORED, 0},
        {"label", FIELD_IGNORED, 0},
    };
    rule_block block = {0};
    if (!mlsel_i_block_expect(&b->reader, node, YAML_MAPPING, "a condition", "write {type: domain, name: math}"))
        return false;
    const size_t errors = b->reader.list->n_errors;
    mlsel_i_block_read(&b->reader, node, "a condition", fields, MLSEL_ARRAY_LENGTH(fields), false, &block);
    const bool is_group = block.operator_name.text != NULL || block.conditions != NULL;
    const bool is_condition = block.type.text != NULL || block.name.text != NULL;
    if (is_group && is_condition) {
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "ambiguous-rule", mlsel_i_block_span(node),
                         "put the condition into the list \"conditions\"",
                         "both a condition (type, name) and a group (operator, conditions)");
        return false;
    }
    if (b->reader.list->n_errors > errors && !is_group)
        return false; /* what is missing has been spelled wrong */
    return is_condition || !is_group ? read_condition(b, node, &block, out) : read_group(b, node, &block, out);
}

bool mlsel_i_config_read_rules(config_builder *b, const yaml_pair *rules, const config_rule **out) {
    *out = NULL;
    if (!mlsel_i_block_expect(&b->reader, rules->value, YAML_MAPPING, "\"rules\"",
                              "write rules: {operator: AND, conditions: [...]}"))
        return false;
    if (rules->value->count == 0)
        return true;
    config_rule *rule = mlsel_i_arena_alloc(b->reader.arena, 1, sizeof *rule);
    if (rule == NULL) {
        b->no_memory = true;
        return false;
    }
    if (!read_rule(b, rules->value, rule))
        return false;
    *out = rule;
    return true;
}
