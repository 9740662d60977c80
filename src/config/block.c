/* SPDX-License-Identifier: Apache-2.0 */
#include "config/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *mlsel_i_node_name(const yaml_node *node, quoted *q) {
    if (node->kind == YAML_SEQUENCE)
        return "a list";
    if (node->kind == YAML_MAPPING)
        return "a mapping";
    if (node->type == YAML_NULL)
        return "empty";
    quoted inner;
    const char *const kind = node->type == YAML_TEXT ? "text" : node->type == YAML_BOOL ? "bool" : "number";
    snprintf(q->text, sizeof q->text, "the %s %s", kind, mlsel_i_quote(&inner, node->text));
    return q->text;
}

config_span mlsel_i_block_span(const yaml_node *mapping) {
    return mapping->kind == YAML_MAPPING && mapping->count > 0 ? mapping->pairs[0].key->span : mapping->span;
}

bool mlsel_i_block_expect(const config_reader *r, const yaml_node *node, yaml_kind kind, const char *name,
                          const char *advice) {
    quoted q;
    if (node->kind == kind)
        return true;
    mlsel_i_diagnose(
        r->list, CONFIG_ERROR, "wrong-type", node->kind == YAML_MAPPING ? mlsel_i_block_span(node) : node->span, advice,
        "%s is %s, expected %s", name, mlsel_i_node_name(node, &q), kind == YAML_MAPPING ? "a mapping" : "a list");
    return false;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static void wrong_type(const config_reader *r, const yaml_pair *pair, const char *expected) {
    quoted name, value;
    double number;
    const yaml_node *const node = pair->value;
    const char *advice = NULL;
    if (node->kind == YAML_SCALAR && node->quoted &&
        mlsel_i_yaml_resolve(node->text, strlen(node->text), &number) != YAML_TEXT)
        advice = "remove the quotes";
    mlsel_i_diagnose(
        r->list, CONFIG_ERROR, "wrong-type", node->kind == YAML_MAPPING ? mlsel_i_block_span(node) : node->span, advice,
        "%s is %s, expected %s", mlsel_i_quote(&name, pair->key->text), mlsel_i_node_name(node, &value), expected);
}

/* What a number has to be. */
static const char *number_rule(field_kind kind) {
    switch (kind) {
    case FIELD_COUNT:
        return "a whole number of at least 1";
    case FIELD_INTEGER:
        return "a whole number";
    case FIELD_POSITIVE:
        return "a number above 0";
    default:
        return "a number";
    }
}

static bool is_in_range(field_kind kind, double value) {
    const bool whole = value == floor(value);
    switch (kind) {
    case FIELD_COUNT:
        return whole && value >= 1 && value <= INT32_MAX;
    case FIELD_INTEGER:
        return whole && value >= INT32_MIN && value <= INT32_MAX;
    case FIELD_POSITIVE:
        return value > 0 && isfinite(value);
    default:
        return isfinite(value);
    }
}

static void read_number(const config_reader *r, const yaml_pair *pair, field_kind kind, config_number *out) {
    quoted name;
    const yaml_node *const node = pair->value;
    if (node->kind != YAML_SCALAR || node->type != YAML_NUMBER) {
        wrong_type(r, pair, number_rule(kind));
    } else if (!is_in_range(kind, node->number)) {
        mlsel_i_diagnose(r->list, CONFIG_ERROR, "out-of-range", node->span, NULL, "%s is %s, expected %s",
                         mlsel_i_quote(&name, pair->key->text), node->text, number_rule(kind));
    } else {
        *out = (config_number){.value = node->number, .given = true, .span = node->span};
    }
}

static void read_value(const config_reader *r, const yaml_pair *pair, field_kind kind, void *out) {
    const yaml_node *const node = pair->value;
    switch (kind) {
    case FIELD_TEXT:
        if (node->kind == YAML_SCALAR)
            *(config_text *)out = (config_text){.text = node->text, .span = node->span};
        else
            wrong_type(r, pair, "a text");
        break;
    case FIELD_COUNT:
    case FIELD_INTEGER:
    case FIELD_POSITIVE:
    case FIELD_NUMBER:
        read_number(r, pair, kind, out);
        break;
    case FIELD_BOOL: {
        config_flag *const flag = out;
        flag->span = node->span;
        flag->given = mlsel_i_yaml_bool(node, &flag->value);
        if (!flag->given)
            wrong_type(r, pair, "true or false");
        break;
    }
    case FIELD_LIST:
    case FIELD_MAPPING:
        if (node->kind == (kind == FIELD_LIST ? YAML_SEQUENCE : YAML_MAPPING))
            *(const yaml_pair **)out = pair;
        else
            wrong_type(r, pair, kind == FIELD_LIST ? "a list" : "a mapping");
        break;
    case FIELD_ANY:
        *(const yaml_pair **)out = pair;
        break;
    case FIELD_ELSEWHERE:
    case FIELD_IGNORED:
        break;
    }
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

enum { MAX_FIELDS = 32 };

/* Index of a key in the table, or n_fields. */
static size_t find_field(const field *fields, size_t n_fields, const char *key) {
    size_t f = 0;
    while (f < n_fields && strcmp(fields[f].name, key) != 0)
        f++;
    return f;
}

/* `given` says of each field whether the mapping has it: a key that is there is not what another one was meant to be.
 */
static void unknown_key(const config_reader *r, const bool *given, const yaml_node *key, const char *what,
                        const field *fields, size_t n_fields, bool lenient) {
    quoted q;
    near_name near = {.given = key->text};
    for (size_t i = 0; i < n_fields; i++)
        if (!given[i] && (!lenient || fields[i].kind != FIELD_IGNORED))
            mlsel_i_near_offer(&near, fields[i].name);
    if (near.best == NULL && lenient)
        return;
    char advice[96];
    if (near.best != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", near.best);
    mlsel_i_diagnose(r->list, near.best != NULL && !lenient ? CONFIG_ERROR : CONFIG_WARNING, "unknown-key", key->span,
                     near.best != NULL ? advice : NULL, "unknown key %s in %s%s", mlsel_i_quote(&q, key->text), what,
                     near.best != NULL ? "" : ", it has no effect");
}

void mlsel_i_block_read(const config_reader *r, const yaml_node *mapping, const char *what, const field *fields,
                        size_t n_fields, bool lenient, void *out) {
    bool given[MAX_FIELDS + 1] = {false};
    for (size_t i = 0; i < mapping->count; i++)
        given[find_field(fields, n_fields, mapping->pairs[i].key->text)] = true;
    for (size_t i = 0; i < mapping->count; i++) {
        const yaml_pair *const pair = &mapping->pairs[i];
        const size_t f = find_field(fields, n_fields, pair->key->text);
        if (f == n_fields)
            unknown_key(r, given, pair->key, what, fields, n_fields, lenient);
        else if (out != NULL && (pair->value->kind != YAML_SCALAR || pair->value->type != YAML_NULL))
            read_value(r, pair, fields[f].kind, (char *)out + fields[f].offset);
    }
}
