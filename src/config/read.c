/* SPDX-License-Identifier: Apache-2.0 */
/* From text to a configuration: the order of the steps, paths, and what hangs together. */
#include "config/read.h"

#include <string.h>

/* --- paths ------------------------------------------------------------------------------------------------------- */

/* The folder of a file, "" for one of the working folder. */
static const char *folder_of(config_builder *b, const char *file_name) {
    const char *const slash = file_name == NULL ? NULL : strrchr(file_name, '/');
    if (slash == NULL)
        return "";
    return mlsel_i_arena_copy(b->reader.arena, file_name, slash == file_name ? 1 : (size_t)(slash - file_name));
}

/* folder/name, or name alone where it is absolute or there is no folder. NULL without memory. */
static const char *join(config_builder *b, const char *folder, const char *name) {
    const size_t size = strlen(folder);
    if (name[0] == '/' || size == 0)
        return name;
    return mlsel_i_arena_join(b->reader.arena, folder, folder[size - 1] == '/' ? "" : "/", name);
}

/* --- artifacts --------------------------------------------------------------------------------------------------- */

/* The path of a decision's artifact, and what named it; NULL after a finding or without memory. */
static const char *artifact_path(config_builder *b, const config_decision *d, config_span *span) {
    const char *const algorithm = mlsel_algorithm_name((mlsel_algorithm)d->algorithm);
    const config_text *named = &d->own.pretrained_path;
    const char *const file = mlsel_i_arena_join(b->reader.arena, algorithm, "_model", ".json");
    *span = d->algorithm_name.span;
    if (b->options->models_dir != NULL)
        return file == NULL ? NULL : join(b, b->options->models_dir, file);
    if (named->text == NULL)
        named = &b->out->algorithms[d->algorithm].pretrained_path;
    if (named->text != NULL) {
        *span = named->span;
        return join(b, b->out->folder, named->text);
    }
    if (b->out->models_path.text != NULL) {
        *span = b->out->models_path.span;
        const char *const folder = join(b, b->out->folder, b->out->models_path.text);
        return folder == NULL || file == NULL ? NULL : join(b, folder, file);
    }
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "no-artifact-path", d->algorithm_name.span,
                     "give ml.models_path, or pretrained_path in the algorithm's block of ml",
                     "nothing says where the trained %s model is", algorithm);
    return NULL;
}

/* Index of the artifact at path, which is added if it is new; -1 without memory. */
static int32_t find_artifact(config_builder *b, const config_decision *d, const char *path, config_span span) {
    int32_t index = -1;
    const size_t count = b->artifact_keys.count;
    const char *const algorithm = mlsel_algorithm_name((mlsel_algorithm)d->algorithm);
    const char *const key = mlsel_i_arena_join(b->reader.arena, algorithm, " ", path);
    config_artifact *artifacts =
        mlsel_i_arena_grow(b->reader.arena, b->artifacts, count, &b->artifact_capacity, sizeof *artifacts);
    if (key == NULL || artifacts == NULL || mlsel_i_labels_add(&b->artifact_keys, key, &index, NULL) != MLSEL_OK) {
        b->no_memory = true;
        return -1;
    }
    b->artifacts = artifacts;
    if (b->artifact_keys.count > count)
        artifacts[count] = (config_artifact){path, d->algorithm, span, (uint32_t)(d - b->decisions)};
    return index;
}

static void resolve_decision(config_builder *b, config_decision *d) {
    config_span span;
    if (d->algorithm < CONFIG_ALGORITHM_KNN || d->algorithm > CONFIG_ALGORITHM_MLP)
        return;
    const config_parameters *const global = &b->out->algorithms[d->algorithm];
    d->k = (uint32_t)(d->own.k.given ? d->own.k.value : global->k.value);
    d->device = d->own.device.text != NULL ? d->own.device.text : global->device.text;
    if (!b->out->enabled || d->n_refs < 2)
        return;
    const char *const path = artifact_path(b, d, &span);
    if (path != NULL)
        d->artifact = find_artifact(b, d, path, span);
}

/* --- order ------------------------------------------------------------------------------------------------------- */

/* Highest priority first, then as in the file: a stable merge sort. */
static void merge_sort(const config_decision *decisions, uint32_t *order, uint32_t *spare, size_t count) {
    if (count < 2)
        return;
    const size_t half = count / 2;
    merge_sort(decisions, order, spare, half);
    merge_sort(decisions, order + half, spare, count - half);
    memcpy(spare, order, half * sizeof *order);
    size_t left = 0, right = half, to = 0;
    while (left < half) {
        const bool take_right = right < count && decisions[order[right]].priority > decisions[spare[left]].priority;
        order[to++] = take_right ? order[right++] : spare[left++];
    }
}

static void sort_decisions(config_builder *b) {
    const size_t count = b->out->n_decisions;
    uint32_t *order = mlsel_i_arena_alloc(b->reader.arena, count, sizeof *order);
    uint32_t *spare = mlsel_i_arena_alloc(b->reader.arena, count, sizeof *spare);
    if (order == NULL || spare == NULL) {
        b->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    merge_sort(b->out->decisions, order, spare, count);
    b->out->order = order;
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

/* Takes the names of a list of mappings. */
static void take_names(config_builder *b, const yaml_node *list, label_set *names) {
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const yaml_pair *const name = mlsel_i_yaml_find(list->items[i], "name");
        if (name != NULL && name->value->kind == YAML_SCALAR &&
            mlsel_i_labels_add(names, name->value->text, NULL, NULL) != MLSEL_OK)
            b->no_memory = true;
    }
}

static void check_strategy(config_builder *b, config_text strategy) {
    quoted q;
    if (strategy.text == NULL || strategy.text[0] == '\0' || strcmp(strategy.text, "priority") == 0)
        return;
    mlsel_i_diagnose(b->reader.list, CONFIG_WARNING, "unsupported-strategy", strategy.span, "write strategy: priority",
                     "strategy %s has no effect: the decision of the highest priority answers",
                     mlsel_i_quote(&q, strategy.text));
}

static void read_decision_list(config_builder *b, const config_parts *parts) {
    const yaml_pair *const pair = parts->decisions;
    const bool is_null = pair == NULL || (pair->value->kind == YAML_SCALAR && pair->value->type == YAML_NULL);
    if (!is_null && mlsel_i_block_expect(&b->reader, pair->value, YAML_SEQUENCE, "\"decisions\"", "write - name: ..."))
        mlsel_i_config_read_decisions(b, pair->value);
    if (!is_null && (pair->value->kind != YAML_SEQUENCE || pair->value->count > 0))
        return;
    if (pair == NULL && b->reader.list->n_errors > 0)
        return; /* what has been said already may be why */
    mlsel_i_diagnose(b->reader.list, parts->default_model.text != NULL ? CONFIG_WARNING : CONFIG_ERROR, "no-decisions",
                     pair != NULL ? pair->key->span : mlsel_i_block_span(parts->home), NULL,
                     "there are no decisions, so nothing can be routed%s",
                     parts->default_model.text != NULL ? " but to the default model" : "");
}

static void read_root(config_builder *b, const yaml_node *root) {
    config_parts parts = {0};
    if (!mlsel_i_config_find_parts(b, root, &parts))
        return;
    take_names(b, parts.domains, &b->domains);
    take_names(b, parts.cards, &b->models);
    take_names(b, parts.providers, &b->models);
    check_strategy(b, parts.strategy);
    const yaml_pair *const selection = parts.selection;
    if (selection != NULL && !(selection->value->kind == YAML_SCALAR && selection->value->type == YAML_NULL) &&
        mlsel_i_block_expect(&b->reader, selection->value, YAML_MAPPING, "\"model_selection\"", NULL))
        mlsel_i_config_read_selection(b, selection->value);
    b->out->default_model = parts.default_model;
    b->out->default_decision = parts.default_decision;
    read_decision_list(b, &parts);
    for (size_t i = 0; i < b->out->n_decisions; i++)
        resolve_decision(b, &b->decisions[i]);
    sort_decisions(b);
    b->out->signals = b->signals;
    b->out->n_signals = b->signal_keys.count;
    b->out->artifacts = b->artifacts;
    b->out->n_artifacts = b->artifact_keys.count;
    if (!b->no_memory)
        mlsel_i_config_check(b);
}

static void free_sets(config_builder *b) {
    mlsel_i_labels_free(&b->domains);
    mlsel_i_labels_free(&b->models);
    mlsel_i_labels_free(&b->signal_keys);
    mlsel_i_labels_free(&b->artifact_keys);
}

static config *create(config_builder *b, const char *file_name) {
    config_arena *arena = mlsel_i_arena_create();
    config *c = mlsel_i_arena_alloc(arena, 1, sizeof *c);
    if (c == NULL) {
        mlsel_i_arena_free(arena);
        return NULL;
    }
    c->arena = arena;
    c->enabled = true;
    c->default_decision_index = -1;
    b->out = c;
    b->reader.arena = arena;
    const char *const folder = b->options->folder;
    c->folder = folder != NULL ? mlsel_i_arena_copy(arena, folder, strlen(folder)) : folder_of(b, file_name);
    c->file_name = file_name == NULL ? NULL : mlsel_i_arena_copy(arena, file_name, strlen(file_name));
    return c;
}

void mlsel_i_config_free(config *c) {
    if (c != NULL)
        mlsel_i_arena_free(c->arena); /* which holds c */
}

mlsel_status mlsel_i_config_read(const char *text, size_t size, const char *file_name, const config_options *options,
                                 config **out, config_diagnostics *list, mlsel_error *err) {
    static const config_options defaults = {0};
    config_builder b = {.options = options == NULL ? &defaults : options, .reader.list = list};
    const uint64_t max_bytes = b.options->max_bytes > 0 ? b.options->max_bytes : (uint64_t)16 << 20;
    const size_t first = list->count, errors = list->n_errors;
    if (size > max_bytes || size > UINT32_MAX / 2)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "the configuration has %zu bytes, the limit is %llu", size,
                            (unsigned long long)max_bytes);
    const yaml_node *root = NULL;
    config *c = create(&b, file_name);
    if (c == NULL)
        return mlsel_i_no_memory(err);
    /* the tree stays with the configuration, whose texts are in it */
    b.no_memory = !mlsel_i_yaml_read(text, size, c->arena, list, &root);
    if (!b.no_memory && root != NULL)
        read_root(&b, root);
    free_sets(&b);
    if (b.no_memory || mlsel_i_arena_failed(c->arena) || mlsel_i_diagnostics_failed(list)) {
        mlsel_i_config_free(c);
        return mlsel_i_no_memory(err);
    }
    mlsel_i_diagnostics_sort(list, first);
    if (list->n_errors > errors) {
        mlsel_i_config_free(c);
        return mlsel_i_config_diagnostics_fail(list, file_name, err);
    }
    *out = c;
    return mlsel_i_ok(err);
}
