/* SPDX-License-Identifier: Apache-2.0 */
/* Which dialect a configuration is written in, and where its parts are. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

/* Keys of the root that say which dialect it is. */
typedef struct markers {
    const yaml_pair *selection; /* flat */
    const yaml_pair *decisions; /* flat */
    const yaml_pair *routing;   /* v0.3 */
    const yaml_pair *global;    /* v0.3 */
    const yaml_pair *version;   /* v0.3 */
} markers;

static markers find_markers(const yaml_node *mapping) {
    return (markers){
        .selection = mlsel_i_yaml_find(mapping, "model_selection"),
        .decisions = mlsel_i_yaml_find(mapping, "decisions"),
        .routing = mlsel_i_yaml_find(mapping, "routing"),
        .global = mlsel_i_yaml_find(mapping, "global"),
        .version = mlsel_i_yaml_find(mapping, "version"),
    };
}

static bool is_flat(const markers *m) { return m->selection != NULL || m->decisions != NULL; }

static bool is_canonical(const markers *m) { return m->routing != NULL || m->global != NULL; }

/* --- what is wrong with the shape -------------------------------------------------------------------------------- */

static bool mixed(config_builder *b, const yaml_pair *found, const yaml_pair *other, const char *advice) {
    quoted q, p;
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "mixed-dialects", found->key->span, advice,
                     "%s does not go with %s on line %u: they belong to different dialects",
                     mlsel_i_quote(&q, found->key->text), mlsel_i_quote(&p, other->key->text),
                     (unsigned)other->key->span.line);
    return false;
}

/* The keys of a mapping as a list for a message, as many as fit. */
static void list_keys(const yaml_node *mapping, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < mapping->count && i < 6 && used + 64 < size; i++) {
        const int length =
            snprintf(out + used, size - used, "%s%.40s", i == 0 ? "" : ", ", mapping->pairs[i].key->text);
        used += length > 0 ? (size_t)length : 0;
    }
    if (mapping->count > 6)
        snprintf(out + used, size - used, ", ...");
}

static bool unknown_dialect(config_builder *b, const yaml_node *mapping) {
    static const char *const names[] = {"model_selection", "decisions", "routing", "global", "config"};
    char keys[400], advice[96];
    const char *meant = NULL;
    config_span span = mlsel_i_block_span(mapping);
    for (size_t i = 0; i < mapping->count && meant == NULL; i++) {
        const yaml_node *const key = mapping->pairs[i].key;
        meant = mlsel_i_did_you_mean(key->text, names, MLSEL_ARRAY_LENGTH(names));
        if (meant != NULL && strcmp(meant, key->text) == 0)
            meant = NULL; /* "config" around something else */
        if (meant != NULL)
            span = key->span;
    }
    if (meant != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", meant);
    list_keys(mapping, keys, sizeof keys);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-dialect", span, meant == NULL ? NULL : advice,
                     "not a router configuration: expected model_selection and decisions, or global and routing%s%s",
                     keys[0] == '\0' ? "" : "; found ", keys);
    return false;
}

/* --- the parts --------------------------------------------------------------------------------------------------- */

static const yaml_node *value_of(const yaml_pair *pair) {
    return pair == NULL || (pair->value->kind == YAML_SCALAR && pair->value->type == YAML_NULL) ? NULL : pair->value;
}

/* The mapping behind a key, or NULL if it is not there; a finding if it is something else. */
static const yaml_node *mapping_of(config_builder *b, const yaml_pair *pair) {
    quoted q;
    const yaml_node *const node = value_of(pair);
    if (node == NULL || !mlsel_i_block_expect(&b->reader, node, YAML_MAPPING, mlsel_i_quote(&q, pair->key->text), NULL))
        return NULL;
    return node;
}

/* The list behind a key of a mapping, both of which may be missing. What else it is does not matter here. */
static const yaml_node *list_of(const yaml_node *mapping, const char *key) {
    const yaml_pair *const pair = mapping == NULL ? NULL : mlsel_i_yaml_find(mapping, key);
    return pair != NULL && pair->value->kind == YAML_SEQUENCE ? pair->value : NULL;
}

/* Keeps the first that is given. */
static void take_text(config_builder *b, const yaml_node *mapping, const char *key, config_text *out) {
    quoted q, v;
    const yaml_pair *const pair = mapping == NULL ? NULL : mlsel_i_yaml_find(mapping, key);
    const yaml_node *const node = value_of(pair);
    if (node == NULL || out->text != NULL)
        return;
    if (node->kind == YAML_SCALAR)
        *out = (config_text){.text = node->text, .span = node->span};
    else
        mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "wrong-type", mlsel_i_block_span(node), NULL,
                         "%s is %s, expected a text", mlsel_i_quote(&q, key), mlsel_i_node_name(node, &v));
}

/* Slips in the keys that matter, among those of the router that do not. */
static void check_keys(config_builder *b, const yaml_node *mapping, const char *what, const field *fields,
                       size_t n_fields) {
    mlsel_i_block_read(&b->reader, mapping, what, fields, n_fields, true, NULL);
}

static bool find_flat(config_builder *b, const yaml_node *root, const markers *m, config_parts *parts) {
    static const field known[] = {
        {"model_selection", FIELD_ELSEWHERE, 0},  {"decisions", FIELD_ELSEWHERE, 0},
        {"strategy", FIELD_ELSEWHERE, 0},         {"default_model", FIELD_ELSEWHERE, 0},
        {"default_decision", FIELD_ELSEWHERE, 0}, {"categories", FIELD_IGNORED, 0},
    };
    parts->selection = m->selection;
    parts->decisions = m->decisions;
    parts->home = root;
    parts->domains = list_of(root, "categories");
    take_text(b, root, "strategy", &parts->strategy);
    take_text(b, root, "default_model", &parts->default_model);
    take_text(b, root, "default_decision", &parts->default_decision);
    check_keys(b, root, "the configuration", known, MLSEL_ARRAY_LENGTH(known));
    return true;
}

static void take_defaults(config_builder *b, const yaml_node *mapping, config_parts *parts) {
    take_text(b, mapping, "default_model", &parts->default_model);
    take_text(b, mapping, "default_decision", &parts->default_decision);
}

static void find_signals_and_models(config_builder *b, const yaml_node *root, const yaml_node *routing,
                                    config_parts *parts) {
    const yaml_pair *const signals = routing == NULL ? NULL : mlsel_i_yaml_find(routing, "signals");
    const yaml_pair *const providers = mlsel_i_yaml_find(root, "providers");
    const yaml_node *const found = providers == NULL ? NULL : providers->value;
    const yaml_pair *const defaults = found == NULL ? NULL : mlsel_i_yaml_find(found, "defaults");
    parts->domains = list_of(signals == NULL ? NULL : signals->value, "domains");
    parts->cards = list_of(routing, "modelCards");
    parts->providers = list_of(found, "models");
    if (defaults != NULL && defaults->value->kind == YAML_MAPPING) {
        take_text(b, defaults->value, "default_model", &parts->default_model);
        take_text(b, defaults->value, "model", &parts->default_model);
    }
}

/* The selection block of a v0.3 file: below global.router, or at the top in dialect D. */
static bool find_selection(config_builder *b, const yaml_node *router, const markers *m, config_parts *parts) {
    const yaml_pair *const inner = router == NULL ? NULL : mlsel_i_yaml_find(router, "model_selection");
    if (inner != NULL && m->selection != NULL)
        return mixed(b, m->selection, inner, "keep global.router.model_selection");
    parts->selection = inner != NULL ? inner : m->selection;
    return true;
}

static bool find_canonical(config_builder *b, const yaml_node *root, const markers *m, config_parts *parts) {
    static const field root_keys[] = {
        {"version", FIELD_IGNORED, 0},   {"global", FIELD_ELSEWHERE, 0},          {"routing", FIELD_ELSEWHERE, 0},
        {"providers", FIELD_IGNORED, 0}, {"model_selection", FIELD_ELSEWHERE, 0},
    };
    static const field global_keys[] = {{"router", FIELD_ELSEWHERE, 0}};
    static const field router_keys[] = {
        {"model_selection", FIELD_ELSEWHERE, 0},
        {"strategy", FIELD_ELSEWHERE, 0},
        {"default_model", FIELD_ELSEWHERE, 0},
        {"default_decision", FIELD_ELSEWHERE, 0},
    };
    static const field routing_keys[] = {
        {"strategy", FIELD_ELSEWHERE, 0},      {"decisions", FIELD_ELSEWHERE, 0},
        {"modelCards", FIELD_ELSEWHERE, 0},    {"signals", FIELD_ELSEWHERE, 0},
        {"default_model", FIELD_ELSEWHERE, 0}, {"default_decision", FIELD_ELSEWHERE, 0},
    };
    if (m->decisions != NULL)
        return mixed(b, m->decisions, m->routing != NULL ? m->routing : m->global, "move it to routing.decisions");
    const yaml_node *const routing = mapping_of(b, m->routing), *const global = mapping_of(b, m->global);
    const yaml_node *const router = global == NULL ? NULL : mapping_of(b, mlsel_i_yaml_find(global, "router"));
    check_keys(b, root, "the configuration", root_keys, MLSEL_ARRAY_LENGTH(root_keys));
    if (global != NULL)
        check_keys(b, global, "\"global\"", global_keys, MLSEL_ARRAY_LENGTH(global_keys));
    if (router != NULL)
        check_keys(b, router, "\"router\"", router_keys, MLSEL_ARRAY_LENGTH(router_keys));
    if (routing != NULL)
        check_keys(b, routing, "\"routing\"", routing_keys, MLSEL_ARRAY_LENGTH(routing_keys));
    if (!find_selection(b, router, m, parts))
        return false;
    parts->decisions = routing == NULL ? NULL : mlsel_i_yaml_find(routing, "decisions");
    parts->home = routing != NULL ? routing : root;
    take_text(b, router, "strategy", &parts->strategy);
    take_text(b, routing, "strategy", &parts->strategy);
    take_defaults(b, routing, parts);
    take_defaults(b, router, parts);
    find_signals_and_models(b, root, routing, parts);
    return true;
}

static void check_version(config_builder *b, const yaml_pair *version) {
    quoted q;
    const yaml_node *const node = value_of(version);
    if (node != NULL && node->kind == YAML_SCALAR && strcmp(node->text, "v0.3") != 0)
        mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "unknown-version", node->span, NULL,
                         "version %s is read as v0.3, the one that is known", mlsel_i_quote(&q, node->text));
}

/* Takes the `config` around a file away. False after a finding. */
static bool unwrap(config_builder *b, const yaml_node **root, markers *m) {
    const yaml_pair *const wrapper = mlsel_i_yaml_find(*root, "config");
    if (wrapper == NULL || wrapper->value->kind != YAML_MAPPING)
        return true;
    const markers inner = find_markers(wrapper->value);
    if (!is_flat(&inner) && !is_canonical(&inner))
        return true;
    const yaml_pair *const outer = m->decisions != NULL   ? m->decisions
                                   : m->selection != NULL ? m->selection
                                   : m->routing != NULL   ? m->routing
                                                          : m->global;
    if (outer != NULL)
        return mixed(b, outer, wrapper, "move it below \"config\", or \"config\" away");
    *root = wrapper->value;
    *m = inner;
    b->out->dialect = CONFIG_WRAPPED;
    return true;
}

/* Whether ml.model_type is given. */
static bool names_model_type(const yaml_pair *selection) {
    const yaml_pair *const ml = selection == NULL ? NULL : mlsel_i_yaml_find(selection->value, "ml");
    return ml != NULL && mlsel_i_yaml_find(ml->value, "model_type") != NULL;
}

bool mlsel_i_config_find_parts(config_builder *b, const yaml_node *root, config_parts *parts) {
    if (!mlsel_i_block_expect(&b->reader, root, YAML_MAPPING, "the configuration", NULL))
        return false;
    markers m = find_markers(root);
    b->out->dialect = CONFIG_FLAT;
    if (!unwrap(b, &root, &m))
        return false;
    if (is_canonical(&m)) {
        check_version(b, m.version);
        const bool found = find_canonical(b, root, &m, parts);
        b->out->dialect = names_model_type(parts->selection) ? CONFIG_MODEL_TYPE : CONFIG_CANONICAL;
        return found;
    }
    return is_flat(&m) ? find_flat(b, root, &m, parts) : unknown_dialect(b, root);
}
