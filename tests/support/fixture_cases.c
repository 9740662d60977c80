/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture_cases.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".expected.json";

/* --- opening ----------------------------------------------------------------------------------------------------- */

static cJSON *read_lines(const char *path) {
    char *text = test_need_file(path, NULL);
    cJSON *list = cJSON_CreateArray();
    char *state = NULL;
    for (char *line = strtok_r(text, "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state))
        cJSON_AddItemToArray(list, cJSON_Parse(line));
    free(text);
    return list;
}

static void read_options(fixture_set *set, const cJSON *root) {
    mlsel_model_options_init(&set->options, sizeof set->options);
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(root, "options");
    const cJSON *rule = cJSON_GetObjectItemCaseSensitive(given, "knn_rule");
    const cJSON *k = cJSON_GetObjectItemCaseSensitive(given, "k");
    if (rule != NULL && strcmp(rule->valuestring, "legacy") == 0)
        set->options.knn_rule = MLSEL_KNN_RULE_LEGACY;
    if (rule != NULL && strcmp(rule->valuestring, "vote") == 0)
        set->options.knn_rule = MLSEL_KNN_RULE_VOTE;
    if (k != NULL)
        set->options.k = (uint32_t)k->valuedouble;
}

static void read_features(const mlsel_model *model, const cJSON *node, const cJSON *lines, double *out, size_t n) {
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(node, "query_line");
    const cJSON *query = line == NULL ? node : cJSON_GetArrayItem(lines, (int)line->valuedouble);
    size_t given = 0;
    double *values = test_numbers(test_need(query, line == NULL ? "features" : "embedding"), &given);
    if (line == NULL) {
        assert_int_equal(given, n);
        memcpy(out, values, n * sizeof *values);
    } else {
        mlsel_error err;
        test_ok(mlsel_features_compose_f64(model, NULL, values, given, test_need_string(query, "category"), out, n,
                                           NULL, &err),
                &err);
    }
    free(values);
}

static void read_query(fixture_set *set, const mlsel_model *model, const cJSON *node, const cJSON *lines, size_t i) {
    fixture_query *query = &set->queries[i];
    const size_t n = set->info.n_features;
    double *f64 = set->f64 + i * set->stride;
    float *f32 = set->f32 + i * set->stride;
    read_features(model, node, lines, f64, n);
    for (size_t f = 0; f < n; f++)
        f32[f] = (float)f64[f];
    query->f64 = f64;
    query->f32 = f32;
    mlsel_query_options_init(&query->options, sizeof query->options);
    const cJSON *eligible = cJSON_GetObjectItemCaseSensitive(node, "eligible");
    const cJSON *label;
    cJSON_ArrayForEach (label, eligible) {
        assert_in_range(query->options.n_eligible, 0, FIXTURE_MAX_LABELS - 1);
        const int32_t index = mlsel_model_find_label(model, label->valuestring);
        assert_true(index >= 0);
        query->eligible[query->options.n_eligible++] = index;
    }
    if (eligible != NULL)
        query->options.eligible = query->eligible;
}

void fixture_set_open(fixture_set *set, const char *name) {
    char path[1024];
    mlsel_error err;
    memset(set, 0, sizeof *set);
    snprintf(set->name, sizeof set->name, "%s", name);
    snprintf(path, sizeof path, FIXTURE("%s%s"), name, suffix);
    cJSON *root = test_parse_file(path);
    cJSON *lines = read_lines(EXAMPLE("queries.jsonl"));
    snprintf(set->artifact, sizeof set->artifact, FIXTURE("%s"), test_need_string(root, "artifact"));
    set->tolerance = test_need_number(root, "tolerance");
    read_options(set, root);
    mlsel_model *model = test_load(set->artifact, &set->options);
    test_ok(mlsel_model_get_info(model, &set->info, sizeof set->info, &err), &err);
    assert_in_range(set->info.n_labels, 1, FIXTURE_MAX_LABELS);
    assert_in_range(set->info.k, 0, FIXTURE_MAX_ITEMS);
    assert_in_range(set->info.n_clusters, 0, FIXTURE_MAX_ITEMS);
    assert_in_range(set->info.n_pairs, 0, FIXTURE_MAX_ITEMS);
    const cJSON *cases = test_need(root, "cases");
    set->count = (size_t)cJSON_GetArraySize(cases);
    assert_true(set->count > 0);
    set->stride = set->info.n_features + 3;
    set->f64 = calloc(set->count * set->stride, sizeof *set->f64);
    set->f32 = calloc(set->count * set->stride, sizeof *set->f32);
    set->queries = calloc(set->count, sizeof *set->queries);
    assert_true(set->f64 != NULL && set->f32 != NULL && set->queries != NULL);
    size_t i = 0;
    const cJSON *node;
    cJSON_ArrayForEach (node, cases)
        read_query(set, model, node, lines, i++);
    mlsel_model_release(model);
    cJSON_Delete(lines);
    cJSON_Delete(root);
}

void fixture_set_close(fixture_set *set) {
    free(set->f64);
    free(set->f32);
    free(set->queries);
}

fixture_set *fixture_open_all(size_t *count) {
    DIR *folder = opendir(FIXTURE(""));
    assert_non_null(folder);
    fixture_set *sets = NULL;
    *count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[256];
        const size_t length = strlen(entry->d_name), tail = sizeof suffix - 1;
        if (length <= tail || length >= sizeof name || strcmp(entry->d_name + length - tail, suffix) != 0)
            continue;
        memcpy(name, entry->d_name, length - tail);
        name[length - tail] = '\0';
        sets = realloc(sets, (*count + 1) * sizeof *sets);
        assert_non_null(sets);
        fixture_set_open(&sets[(*count)++], name);
    }
    closedir(folder);
    return sets;
}

void fixture_close_all(fixture_set *sets, size_t count) {
    for (size_t i = 0; i < count; i++)
        fixture_set_close(&sets[i]);
    free(sets);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static mlsel_status ask_one(const mlsel_model *model, const fixture_set *set, const fixture_query *query,
                            fixture_answer *out, mlsel_error *err) {
    const size_t n = set->info.n_features, n_labels = set->info.n_labels;
    const mlsel_query_options *options = &query->options;
    mlsel_status status = mlsel_select(model, query->f32, n, options, &out->selections[0], err);
    if (status == MLSEL_OK)
        status = mlsel_select_f64(model, query->f64, n, options, &out->selections[1], err);
    if (status == MLSEL_OK)
        status = mlsel_score(model, query->f32, n, options, out->scores[0], n_labels, err);
    if (status == MLSEL_OK)
        status = mlsel_score_f64(model, query->f64, n, options, out->scores[1], n_labels, err);
    if (status == MLSEL_OK)
        status = mlsel_probabilities(model, out->scores[1], n_labels, options, out->probabilities, err);
    return status;
}

static mlsel_status ask_batch(const mlsel_model *model, const fixture_set *set, size_t first, fixture_answer *out,
                              mlsel_error *err) {
    const fixture_query *query = &set->queries[first];
    const size_t n = set->info.n_features, left = set->count - first;
    const size_t count = left < FIXTURE_BATCH ? left : FIXTURE_BATCH;
    const mlsel_query_options *options = &query->options;
    mlsel_status status =
        mlsel_select_batch(model, query->f32, count, set->stride, n, options, out->batch_selections[0], err);
    if (status == MLSEL_OK)
        status =
            mlsel_select_batch_f64(model, query->f64, count, set->stride, n, options, out->batch_selections[1], err);
    if (status == MLSEL_OK)
        status = mlsel_score_batch(model, query->f32, count, set->stride, n, options, out->batch_scores[0][0],
                                   FIXTURE_MAX_LABELS, err);
    if (status == MLSEL_OK)
        status = mlsel_score_batch_f64(model, query->f64, count, set->stride, n, options, out->batch_scores[1][0],
                                       FIXTURE_MAX_LABELS, err);
    return status;
}

static mlsel_status ask_why(const mlsel_model *model, const fixture_set *set, const fixture_query *query, int use_f64,
                            fixture_answer *out, mlsel_error *err) {
    mlsel_evidence e;
    mlsel_evidence_init(&e, sizeof e);
    e.scores = out->evidence[use_f64].scores, e.scores_capacity = FIXTURE_MAX_LABELS;
    e.probabilities = out->evidence[use_f64].probabilities, e.probabilities_capacity = FIXTURE_MAX_LABELS;
    e.neighbours = out->evidence[use_f64].neighbours, e.neighbours_capacity = FIXTURE_MAX_ITEMS;
    e.cluster_distances = out->evidence[use_f64].cluster_distances, e.cluster_distances_capacity = FIXTURE_MAX_ITEMS;
    e.pair_decisions = out->evidence[use_f64].pair_decisions, e.pair_decisions_capacity = FIXTURE_MAX_ITEMS;
    e.votes = out->evidence[use_f64].votes, e.votes_capacity = FIXTURE_MAX_LABELS;
    const size_t n = set->info.n_features;
    const mlsel_status status = use_f64 ? mlsel_explain_f64(model, query->f64, n, &query->options, &e, err)
                                        : mlsel_explain(model, query->f32, n, &query->options, &e, err);
    out->evidence[use_f64].selection = e.selection;
    out->evidence[use_f64].neighbour_count = e.neighbour_count;
    out->evidence[use_f64].cluster_count = e.cluster_count;
    out->evidence[use_f64].pair_count = e.pair_count;
    out->evidence[use_f64].vote_count = e.vote_count;
    return status;
}

mlsel_status fixture_ask(const mlsel_model *model, const fixture_set *set, size_t query, fixture_answer *out,
                         mlsel_error *err) {
    memset(out, 0, sizeof *out);
    mlsel_status status = ask_one(model, set, &set->queries[query], out, err);
    if (status == MLSEL_OK)
        status = ask_batch(model, set, query, out, err);
    for (int use_f64 = 0; use_f64 <= 1 && status == MLSEL_OK; use_f64++)
        status = ask_why(model, set, &set->queries[query], use_f64, out, err);
    return status;
}
