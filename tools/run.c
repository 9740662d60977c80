/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "candidates.h"
#include "model_file.h"
#include "text.h"

/* Bounds on a chunk: enough for a device to be busy, few enough to be answered soon and held in little memory. */
enum { CHUNK_QUERIES = 1024, CHUNK_VALUES = 1 << 20 };

const double *run_features(const run_model *m, size_t index) { return m->features + index * m->info.n_features; }

bool run_eligible(const run_model *m, size_t label) { return m->mask == NULL || m->mask[label] != 0; }

/* --- options ---------------------------------------------------------------------------------------------------- */

enum option {
    HELP = 1,
    MODEL,
    CANDIDATES,
    SCORES,
    JSON,
    FORMAT,
    LIMIT,
    K,
    KNN_RULE,
    DEVICE,
    DEVICE_FALLBACK,
    PRECISION,
    CATEGORIES,
    TRADEOFF /* the first of five */
};

/* --scores comes last, for only one of the commands has it. */
static const args_option run_options[] = {
    {"--help", HELP, false},
    {"--model", MODEL, true},
    {"--candidates", CANDIDATES, true},
    {"--json", JSON, false},
    {"--format", FORMAT, true},
    {"--limit", LIMIT, true},
    {"--k", K, true},
    {"--knn-rule", KNN_RULE, true},
    {"--device", DEVICE, true},
    {"--device-fallback", DEVICE_FALLBACK, false},
    {"--precision", PRECISION, true},
    {"--categories", CATEGORIES, true},
    TEXT_EMBEDDER_OPTIONS,
    TRADEOFF_OPTIONS(TRADEOFF),
    {"--scores", SCORES, false},
};

static bool set_choice(run *r, const args *a, int id, const char *value) {
    static const char *const formats[] = {"jsonl", "f32", "npy"};
    static const char *const rules[] = {"cosine", "legacy", "outcomes", "vote"};
    static const char *const precisions[] = {"f32", "f16", "bf16", "int8"};
    static const char *const layouts[] = {"vsr", "vsr-doc"};
    int chosen = -1;
    if (id == FORMAT && (chosen = args_choice(a, "--format", value, formats, TOOL_ARRAY_LENGTH(formats))) >= 0)
        r->format = (input_format)(INPUT_JSONL + chosen);
    if (id == KNN_RULE && (chosen = args_choice(a, "--knn-rule", value, rules, TOOL_ARRAY_LENGTH(rules))) >= 0)
        r->load.knn_rule = chosen;
    if (id == PRECISION &&
        (chosen = args_choice(a, "--precision", value, precisions, TOOL_ARRAY_LENGTH(precisions))) >= 0)
        r->load.precision = MLSEL_PRECISION_F32 + chosen;
    if (id == CATEGORIES && (chosen = args_choice(a, "--categories", value, layouts, TOOL_ARRAY_LENGTH(layouts))) >= 0)
        r->load.category_layout = chosen;
    return chosen >= 0;
}

static bool set_queries(run *r, const args *a, const char *value, bool *given) {
    if (*given) {
        tool_error("one file of queries is read, and \"%s\" is a second", value);
        tool_hint("each artifact needs its own --model, as in `--model a.json --model b.json queries.jsonl`");
        args_help_hint(a->command, NULL);
        return false;
    }
    *given = true;
    r->queries = strcmp(value, "-") == 0 ? NULL : value;
    return true;
}

static bool set_option(run *r, const args *a, int id, const char *value, bool *queries_given) {
    switch (id) {
    case ARGS_OPERAND:
        return set_queries(r, a, value, queries_given);
    case MODEL:
        r->paths[r->model_count++] = value;
        return true;
    case CANDIDATES:
        r->candidates[r->candidate_count++] = value;
        return true;
    case SCORES:
        r->scores = true;
        return true;
    case JSON:
        r->json = true;
        return true;
    case DEVICE:
        r->load.device = value;
        return true;
    case DEVICE_FALLBACK:
        r->load.allow_device_fallback = 1;
        return true;
    case LIMIT:
        r->limit = args_count(a, "--limit", value, INT64_MAX);
        return r->limit > 0;
    case K:
        r->load.k = (uint32_t)args_count(a, "--k", value, UINT32_MAX);
        return r->load.k > 0;
    case FORMAT:
    case KNN_RULE:
    case PRECISION:
    case CATEGORIES:
        return set_choice(r, a, id, value);
    default:
        if (id >= TEXT_EMBEDDER_FIRST_ID)
            return text_embedder_take(&r->embedder, a, id, value) == 0;
        return id >= TRADEOFF && tradeoff_option(&r->tradeoff, a, id - TRADEOFF, value);
    }
}

static int usage(const run *r, const char *message, const char *hint) {
    tool_error("%s", message);
    tool_hint("%s", hint);
    args_help_hint(r->command, NULL);
    return EXIT_USAGE;
}

/* What no single option can tell. */
static int check_options(const run *r, bool queries_given) {
    size_t from_stdin = r->queries == NULL;
    for (size_t i = 0; i < r->model_count; ++i)
        from_stdin += strcmp(r->paths[i], "-") == 0;
    if (r->model_count == 0)
        return usage(r, "no artifact to select with",
                     "name it with --model FILE; a file without an option holds queries");
    if (from_stdin > 1)
        return usage(r, "standard input can be read only once",
                     r->queries == NULL ? "with `--model -` the queries must come from a file"
                                        : "name all artifacts but one");
    if (!queries_given && isatty(STDIN_FILENO) == 1)
        return usage(r, "no queries: none were named, and standard input is the keyboard",
                     "name a file, pipe queries in, or type them after `-`");
    return -1;
}

static int parse_arguments(run *r, const char *help, bool with_scores, char **arguments) {
    args a = {.command = r->command,
              .rest = arguments,
              .options = run_options,
              .option_count = TOOL_ARRAY_LENGTH(run_options) - (with_scores ? 0 : 1)};
    const char *value;
    bool queries_given = false;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(help, stdout);
            return EXIT_ANSWER;
        }
        if (id == ARGS_BAD || !set_option(r, &a, id, value, &queries_given))
            return EXIT_USAGE;
    }
    if (!tradeoff_check(&r->tradeoff, &a) || !text_embedder_check(&r->embedder, &a))
        return EXIT_USAGE;
    return check_options(r, queries_given);
}

/* --- models ----------------------------------------------------------------------------------------------------- */

static bool load_model(run *r, run_model *m, const char *path) {
    *m = (run_model){.path = path};
    m->model = model_file_load(path, &r->load, &r->problem);
    if (m->model == NULL)
        return false;
    model_file_info(m->model, &m->info);
    mlsel_query_options_init(&m->query, sizeof m->query);
    m->labels = tool_alloc(m->info.n_labels, sizeof *m->labels);
    for (size_t i = 0; i < m->info.n_labels; ++i)
        m->labels[i] = text_cleaned(mlsel_model_label(m->model, (int32_t)i));
    if (m->info.device_fallback)
        tool_warning("%s: %s is not available, using %s", path, r->load.device, m->info.device);
    return true;
}

/* File names in tables, or whole paths if two files have the same name. */
static void name_models(run *r) {
    bool same_name = false;
    for (size_t i = 0; i < r->model_count; ++i)
        for (size_t j = 0; j < i; ++j) {
            const run_model *a = &r->models[i], *b = &r->models[j];
            r->same_algorithm = r->same_algorithm || a->info.algorithm == b->info.algorithm;
            same_name = same_name || strcmp(text_base_name(a->path), text_base_name(b->path)) == 0;
        }
    for (size_t i = 0; i < r->model_count; ++i) {
        const char *path = r->models[i].path;
        r->models[i].name = text_cleaned(same_name ? path : text_base_name(path));
    }
}

static void warn_without_effect(const run *r) {
    for (size_t i = 0; i < r->model_count; ++i)
        if (r->models[i].info.algorithm == MLSEL_ALGORITHM_KNN)
            return;
    if (r->load.k > 0)
        tool_warning("--k has no effect: no model is a knn artifact");
    if (r->load.knn_rule != MLSEL_KNN_RULE_COSINE)
        tool_warning("--knn-rule has no effect: no model is a knn artifact");
}

static void warn_unknown_price(const run *r, const char *name) {
    size_t count = 0, total = 0;
    for (size_t i = 0; i < r->model_count; ++i)
        total += r->models[i].info.n_labels;
    const char **labels = tool_alloc(total, sizeof *labels);
    for (size_t i = 0; i < r->model_count; ++i)
        for (uint32_t k = 0; k < r->models[i].info.n_labels; ++k)
            labels[count++] = mlsel_model_label(r->models[i].model, (int32_t)k);
    const char *likely = tool_did_you_mean(name, labels, count);
    tool_warning("--cost: no model has a label \"%s\"", name);
    if (likely != NULL)
        tool_hint("did you mean \"%s\"?", likely);
    free(labels);
}

static void warn_unknown_prices(const run *r) {
    for (size_t p = 0; p < r->tradeoff.n_prices; ++p) {
        bool known = false;
        for (size_t i = 0; i < r->model_count; ++i)
            known = known || mlsel_model_find_label(r->models[i].model, r->tradeoff.prices[p].model) >= 0;
        if (!known)
            warn_unknown_price(r, r->tradeoff.prices[p].model);
    }
}

/* Hands the trade-off to the models that can weigh; others answer without it, as long as one can. */
static void apply_tradeoff(run *r) {
    size_t weighing = 0;
    for (size_t i = 0; i < r->model_count; ++i)
        weighing += r->models[i].info.algorithm == MLSEL_ALGORITHM_KNN;
    for (size_t i = 0; r->tradeoff.given && i < r->model_count; ++i) {
        run_model *m = &r->models[i];
        if (m->info.algorithm != MLSEL_ALGORITHM_KNN && weighing > 0) {
            tool_warning("%s answers without the trade-off: artifacts of kind %s record no outcomes", m->path,
                         mlsel_algorithm_name(m->info.algorithm));
            continue;
        }
        m->tradeoff = r->tradeoff.tradeoff;
        m->query.tradeoff = &m->tradeoff;
        if (r->tradeoff.n_prices == 0)
            continue;
        m->costs = tool_alloc(m->info.n_labels, sizeof *m->costs);
        for (uint32_t k = 0; k < m->info.n_labels; ++k)
            m->costs[k] = tradeoff_price(&r->tradeoff, mlsel_model_label(m->model, (int32_t)k));
        m->tradeoff.costs = m->costs;
        m->tradeoff.n_costs = m->info.n_labels;
    }
    warn_unknown_prices(r);
}

static bool load_models(run *r) {
    size_t count = r->model_count, width = 1;
    r->models = tool_alloc(count, sizeof *r->models);
    for (r->model_count = 0; r->model_count < count; ++r->model_count)
        if (!load_model(r, &r->models[r->model_count], r->paths[r->model_count]))
            return false;
    if (!candidates_apply(r))
        return false;
    for (size_t i = 0; i < count; ++i)
        width = r->models[i].info.n_features > width ? r->models[i].info.n_features : width;
    r->chunk_queries = CHUNK_VALUES / width < 1 ? 1 : CHUNK_VALUES / width;
    if (r->chunk_queries > CHUNK_QUERIES)
        r->chunk_queries = CHUNK_QUERIES;
    for (size_t i = 0; i < count; ++i) {
        run_model *m = &r->models[i];
        m->features = tool_alloc(r->chunk_queries * m->info.n_features, sizeof *m->features);
        m->category_flags = tool_alloc(r->chunk_queries, sizeof *m->category_flags);
    }
    name_models(r);
    warn_without_effect(r);
    apply_tradeoff(r);
    return true;
}

/* Width of a row of raw float32: that of the models, if they agree. */
static size_t common_width(const run *r) {
    for (size_t i = 1; i < r->model_count; ++i)
        if (r->models[i].info.n_features != r->models[0].info.n_features)
            return 0;
    return r->models[0].info.n_features;
}

/* Texts become embeddings of the width that the models have in common. */
static bool set_text_width(run *r) {
    r->chunk.embeds_text = r->embedder.model != NULL;
    for (size_t i = 0; r->chunk.embeds_text && i < r->model_count; ++i) {
        const mlsel_model_info *info = &r->models[i].info;
        const size_t width = info->n_features - info->n_categories;
        if (i > 0 && width != r->embedder.width) {
            failure_set(&r->problem, EXIT_USAGE,
                        "--embedding-model: the artifacts expect embeddings of %zu and of %zu values",
                        r->embedder.width, width);
            failure_hint(&r->problem, "ask them one at a time");
            return false;
        }
        r->embedder.width = width;
    }
    return true;
}

int run_begin(run *r, const char *command, const char *help, bool with_scores, char **arguments) {
    size_t count = 0;
    *r = (run){.command = command};
    while (arguments[count] != NULL)
        ++count;
    r->paths = tool_alloc(count, sizeof *r->paths);
    r->candidates = tool_alloc(count, sizeof *r->candidates);
    mlsel_model_options_init(&r->load, sizeof r->load);
    int code = parse_arguments(r, help, with_scores, arguments);
    if (code >= 0) {
        r->model_count = 0;
        run_end(r);
        return code;
    }
    if (!load_models(r) || !set_text_width(r))
        return run_end(r);
    r->opened = input_open(&r->in, r->queries, r->format, common_width(r));
    if (!r->opened) {
        r->problem = r->in.problem;
        return run_end(r);
    }
    r->in.limit = r->limit;
    r->in.chunk_queries = r->chunk_queries;
    progress_start(&r->progress);
    return -1;
}

/* --- queries ---------------------------------------------------------------------------------------------------- */

static void hint_width(failure *problem, const run_model *m, const query *q) {
    const mlsel_model_info *info = &m->info;
    size_t embedding = info->n_features - info->n_categories;
    if (!q->is_embedding && info->n_categories > 0 && q->count == embedding && q->line > 0)
        failure_hint(problem,
                     "this looks like an embedding alone: give it as {\"embedding\": [...], \"category\": \"math\"}");
    else if (!q->is_embedding && info->n_categories > 0 && q->count == embedding)
        failure_hint(problem, "this looks like embeddings alone: give them as JSON lines, "
                              "{\"embedding\": [...], \"category\": \"math\"}");
    else if (q->is_embedding && q->count == info->n_features)
        failure_hint(problem, "this looks like a whole feature vector: give it as {\"features\": [...]}");
    else
        failure_hint(problem, "`mlsel inspect %s` shows what the artifact takes", m->path);
}

void run_query_failed(run *r, size_t model, size_t index, mlsel_status status, const mlsel_error *err) {
    const run_model *m = &r->models[model];
    const query *q = &r->chunk.queries[index];
    char place[512], labels[512];
    input_place(&r->in, q, place, sizeof place);
    failure_set(&r->problem, tool_exit_code(status), "%s: %s%s%s", place, r->model_count > 1 ? m->path : "",
                r->model_count > 1 ? ": " : "", err->message);
    if (status == MLSEL_ERROR_DIMENSION)
        hint_width(&r->problem, m, q);
    else if (status == MLSEL_ERROR_NO_CANDIDATE)
        failure_hint(&r->problem, "labels of %s: %s", m->path, model_file_label_list(m->model, labels, sizeof labels));
    r->count = index;
}

/* Brings one query into a model's form. */
static mlsel_status compose(const run_model *m, const chunk *c, size_t index, mlsel_error *err) {
    const query *q = &c->queries[index];
    const double *values = c->values + q->offset;
    double *features = m->features + index * m->info.n_features;
    mlsel_selection ignored;
    m->category_flags[index] = 0;
    if (q->is_embedding)
        return mlsel_features_compose_f64(m->model, NULL, values, q->count, q->category, features, m->info.n_features,
                                          &m->category_flags[index], err);
    if (q->count != m->info.n_features) /* the library words this best */
        return mlsel_select_f64(m->model, values, q->count, NULL, &ignored, err);
    memcpy(features, values, q->count * sizeof *features);
    return MLSEL_OK;
}

bool run_next(run *r) {
    bool more = input_read(&r->in, &r->chunk);
    progress_update(&r->progress, r->in.count, r->in.bytes.consumed, r->in.bytes.total);
    if (!more)
        progress_clear(&r->progress);
    r->problem = r->in.problem;
    (void)text_embedder_chunk(&r->embedder, &r->chunk, &r->problem);
    r->count = r->chunk.count;
    for (size_t m = 0; m < r->model_count; ++m)
        for (size_t q = 0; q < r->count; ++q) {
            mlsel_error err;
            mlsel_status status = compose(&r->models[m], &r->chunk, q, &err);
            if (status != MLSEL_OK)
                run_query_failed(r, m, q, status, &err);
        }
    return more && r->problem.exit_code == 0;
}

/* --- end -------------------------------------------------------------------------------------------------------- */

static void free_model(run_model *m) {
    for (size_t i = 0; m->labels != NULL && i < m->info.n_labels; ++i)
        free(m->labels[i]);
    free(m->labels);
    free(m->name);
    free(m->mask);
    free(m->features);
    free(m->category_flags);
    free(m->costs);
    mlsel_model_release(m->model);
}

int run_end(run *r) {
    progress_clear(&r->progress);
    int code = failure_report(&r->problem);
    if (r->opened && code == EXIT_ANSWER && r->in.count == 0)
        tool_warning("%s holds no queries", r->in.name);
    for (size_t i = 0; i < r->model_count; ++i)
        free_model(&r->models[i]);
    input_close(&r->in);
    chunk_free(&r->chunk);
    text_embedder_free(&r->embedder);
    free(r->models);
    free(r->paths);
    free(r->candidates);
    tradeoff_free(&r->tradeoff);
    return code;
}
