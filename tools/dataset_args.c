/* SPDX-License-Identifier: Apache-2.0 */
#include "dataset_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_embed.h"
#include "text.h"

static const char default_cache[] = ".cache";

bool dataset_args_is_builtin(const dataset_args *d) { return embedding_args_is_builtin(d->embedding_model); }

const char *dataset_args_embedder(const dataset_args *d) {
    if (dataset_args_is_builtin(d))
        return MLSEL_BUILTIN_EMBEDDER;
    const bool is_file = d->embedding.endpoint == NULL && embedding_args_computes(&d->embedding, d->embedding_model);
    return is_file ? text_base_name(d->embedding_model) : d->embedding_model;
}

static int add_file(const args *a, const char *option, const char **files, size_t *count, const char *value) {
    if (*count == DATASET_ARGS_MAX_FILES) {
        tool_error("%s is given more than %d times", option, (int)DATASET_ARGS_MAX_FILES);
        args_help_hint(a->command, NULL);
        return ARGS_BAD;
    }
    files[(*count)++] = value;
    return 0;
}

static int take_text(const args *a, const char *option, const char **place, const char *value) {
    *place = value;
    if (*value != '\0')
        return 0;
    tool_error("%s is empty", option);
    args_help_hint(a->command, NULL);
    return ARGS_BAD;
}

int dataset_args_take(dataset_args *d, const args *a, int id, const char *value) {
    switch (id) {
    case DATASET_ARGS_DATA_FILE:
        return add_file(a, "--data-file", d->data_files, &d->data_file_count, value);
    case DATASET_ARGS_EMBEDDINGS_FILE:
        return add_file(a, "--embeddings-file", d->embeddings_files, &d->embeddings_file_count, value);
    case DATASET_ARGS_EMBEDDING_MODEL:
        return take_text(a, "--embedding-model", &d->embedding_model, value);
    case DATASET_ARGS_CACHE_DIR:
        return take_text(a, "--cache-dir", &d->cache_dir, value);
    case DATASET_ARGS_MODELS:
        return take_text(a, "--models", &d->models, value);
    case DATASET_ARGS_LIMIT:
        d->limit = args_count(a, "--limit", value, UINT64_MAX);
        return d->limit > 0 ? 0 : ARGS_BAD;
    case DATASET_ARGS_SKIP_MISSING:
        d->skip_missing = true;
        return 0;
    default:
        return embedding_args_take(&d->embedding, a, id, value);
    }
}

/* --- what was noticed --------------------------------------------------------------------------------------------- */

/* What happens to data of any origin, and is no fault of it. */
static bool is_harmless(mlsel_finding_code code) {
    return code == MLSEL_FINDING_FAILED || code == MLSEL_FINDING_UNKNOWN_QUALITY || code == MLSEL_FINDING_REPEATED ||
           code == MLSEL_FINDING_UNKNOWN_QUERY;
}

void dataset_args_print_findings(const mlsel_dataset *dataset) {
    const size_t count = mlsel_dataset_finding_count(dataset);
    for (mlsel_finding_code code = 1; code <= MLSEL_FINDING_CODES; code++) {
        const uint64_t n = mlsel_dataset_count_findings(dataset, code);
        mlsel_finding finding = {0};
        bool found = false;
        for (size_t i = 0; i < count && n > 0 && !found; i++)
            found = mlsel_dataset_get_finding(dataset, i, &finding, sizeof finding, NULL) == MLSEL_OK &&
                    finding.code == code;
        if (!found)
            continue;
        char number[TEXT_NUMBER], more[TEXT_NUMBER + 32] = "";
        if (n > 1)
            snprintf(more, sizeof more, " (and %s more of %s)", text_count(number, n - 1), mlsel_finding_name(code));
        if (is_harmless(code))
            tool_notice("%s%s", finding.message, more);
        else
            tool_warning("%s%s", finding.message, more);
    }
}

void dataset_args_write_json(json_out *j, const mlsel_dataset *dataset) {
    mlsel_dataset_info info = {0};
    mlsel_dataset_get_info(dataset, &info, sizeof info, NULL);
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"queries", info.n_queries},
                  {"models", info.n_models},
                  {"rows", info.n_rows},
                  {"failed", info.n_failed},
                  {"known_qualities", info.n_pairs},
                  {"known_latencies", info.n_latencies},
                  {"known_costs", info.n_costs},
                  {"lines", info.n_lines},
                  {"bad_lines", info.n_bad_lines},
                  {"embedding_width", info.embedding_width}};
    json_key(j, "dataset");
    json_open(j, '{');
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(counts); i++) {
        json_pair_unsigned(j, counts[i].key, counts[i].value);
    }
    json_close(j, '}');
    json_key(j, "findings");
    json_open(j, '{');
    for (mlsel_finding_code code = 1; code <= MLSEL_FINDING_CODES; code++) {
        const uint64_t n = mlsel_dataset_count_findings(dataset, code);
        if (n == 0)
            continue;
        json_pair_unsigned(j, mlsel_finding_name(code), n);
    }
    json_close(j, '}');
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool fail(failure *problem, const mlsel_error *err) {
    failure_of(problem, err);
    return false;
}

/* Names with commas between. */
static bool keep_models(mlsel_dataset *dataset, const char *list, failure *problem) {
    mlsel_error err;
    const char **names = tool_alloc(strlen(list) + 1, sizeof *names);
    size_t count = 0;
    for (const char *rest = list; *rest != '\0';) {
        const size_t length = strcspn(rest, ",");
        if (length > 0)
            names[count++] = tool_copy(rest, length);
        rest += length + (rest[length] == ',');
    }
    bool ok = count > 0;
    if (!ok)
        failure_set(problem, EXIT_USAGE, "--models names no model");
    else if (mlsel_dataset_keep_models(dataset, names, count, &err) != MLSEL_OK)
        ok = fail(problem, &err);
    for (size_t i = 0; i < count; i++)
        free((void *)names[i]);
    free(names);
    return ok;
}

static void get_info(const mlsel_dataset *dataset, mlsel_dataset_info *info) {
    memset(info, 0, sizeof *info);
    mlsel_dataset_get_info(dataset, info, sizeof *info, NULL);
}

/* Reads what the cache has; what it has not and the files had is added where the cache was asked for by name. */
static bool use_cache(const dataset_args *d, mlsel_dataset *dataset, failure *problem) {
    const char *folder = d->cache_dir != NULL ? d->cache_dir : default_cache;
    mlsel_dataset_info info;
    mlsel_cache *cache = NULL;
    mlsel_error err;
    get_info(dataset, &info);
    size_t width = (size_t)info.embedding_width;
    if (width == 0)
        width = d->embedding_width;
    if (width == 0)
        width = dataset_embed_known_width(d, folder);
    const bool is_needed = info.n_embedded < info.n_queries;
    if (width == 0 || (!is_needed && d->cache_dir == NULL))
        return true;
    char name[DATASET_EMBED_NAME_SIZE];
    if (!dataset_embed_cache_name(d, name, sizeof name, problem))
        return false;
    bool ok = mlsel_cache_open(folder, name, width, &cache, &err) == MLSEL_OK &&
              (!is_needed || mlsel_dataset_read_cache(dataset, cache, NULL, &err) == MLSEL_OK) &&
              (d->cache_dir == NULL || mlsel_dataset_write_cache(dataset, cache, NULL, &err) == MLSEL_OK);
    mlsel_cache_close(cache);
    return ok || fail(problem, &err);
}

static const char *first_unembedded(const mlsel_dataset *dataset, uint64_t n_queries) {
    for (uint64_t q = 0; q < n_queries; q++)
        if (mlsel_dataset_embedding(dataset, (size_t)q) == NULL)
            return mlsel_dataset_query(dataset, (size_t)q);
    return "";
}

static bool fail_unembedded(const dataset_args *d, const mlsel_dataset *dataset, const mlsel_dataset_info *info,
                            failure *problem) {
    char missing[TEXT_NUMBER], all[TEXT_NUMBER];
    char *query = text_shortened(first_unembedded(dataset, info->n_queries), 60);
    failure_set(problem, EXIT_BAD_INPUT, "%s of %s queries have no embedding, as \"%s\"",
                text_count(missing, info->n_queries - info->n_embedded), text_count(all, info->n_queries), query);
    if (info->n_embedded > 0)
        failure_hint(problem, "--skip-missing leaves them out, --embeddings-file FILE gives more embeddings");
    else if (d->embedding_model != NULL)
        failure_hint(problem,
                     "the cache %s has none of \"%s\": --embedding-endpoint URL names a server that computes them, "
                     "--embeddings-file FILE gives them, or --embedding-model builtin computes them here",
                     d->cache_dir != NULL ? d->cache_dir : default_cache, d->embedding_model);
    else
        failure_hint(problem, "--embeddings-file FILE gives them, or --embedding-model builtin computes them here, "
                              "without a model and of lower quality");
    free(query);
    return false;
}

static bool embed(const dataset_args *d, mlsel_dataset *dataset, failure *problem) {
    mlsel_dataset_info info;
    mlsel_error err;
    if (dataset_args_is_builtin(d)) {
        get_info(dataset, &info);
        const size_t width = info.embedding_width > 0 ? 0 : d->embedding_width;
        return mlsel_dataset_embed(dataset, width, &err) == MLSEL_OK || fail(problem, &err);
    }
    if (embedding_args_computes(&d->embedding, d->embedding_model)) {
        if (!dataset_embed_missing(d, d->cache_dir != NULL ? d->cache_dir : default_cache, dataset, problem))
            return false;
    } else if (d->embedding_model != NULL && !use_cache(d, dataset, problem)) {
        return false;
    }
    get_info(dataset, &info);
    if (info.n_embedded == info.n_queries)
        return true;
    if (!d->skip_missing || info.n_embedded == 0)
        return fail_unembedded(d, dataset, &info, problem);
    return mlsel_dataset_drop_unembedded(dataset, NULL, &err) == MLSEL_OK || fail(problem, &err);
}

static bool read_files(const dataset_args *d, mlsel_dataset *dataset, failure *problem) {
    mlsel_read_options options;
    mlsel_error err;
    mlsel_read_options_init(&options, sizeof options);
    options.max_queries = d->limit;
    for (size_t i = 0; i < d->data_file_count; i++)
        if (mlsel_dataset_read_records(dataset, d->data_files[i], &options, &err) != MLSEL_OK)
            return fail(problem, &err);
    if (d->models != NULL && !keep_models(dataset, d->models, problem))
        return false;
    options.max_queries = 0;
    for (size_t i = 0; i < d->embeddings_file_count; i++)
        if (mlsel_dataset_read_embeddings(dataset, d->embeddings_files[i], &options, &err) != MLSEL_OK)
            return fail(problem, &err);
    return true;
}

mlsel_dataset *dataset_args_read(const dataset_args *d, failure *problem) {
    mlsel_dataset_info info;
    mlsel_dataset *dataset = NULL;
    mlsel_error err;
    if (d->data_file_count == 0) {
        failure_set(problem, EXIT_USAGE, "no records: --data-file is missing");
        failure_hint(problem, "--data-file benchmark_output.jsonl, for example");
        return NULL;
    }
    if (!embedding_args_check(&d->embedding, d->embedding_model, problem))
        return NULL;
    bool ok = mlsel_dataset_create(&dataset, &err) == MLSEL_OK || fail(problem, &err);
    if (ok)
        ok = read_files(d, dataset, problem);
    if (ok) {
        get_info(dataset, &info);
        ok = info.n_queries > 0;
        if (!ok)
            failure_set(problem, EXIT_BAD_INPUT, "%s: no record can be used", d->data_files[0]);
    }
    ok = ok && embed(d, dataset, problem);
    if (dataset != NULL)
        dataset_args_print_findings(dataset);
    if (ok)
        return dataset;
    mlsel_dataset_free(dataset);
    return NULL;
}
