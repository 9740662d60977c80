/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "embedding_args.h"
#include "embedding_file.h"
#include "input.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"

/* clang-format off */
const char cmd_embed_help[] =
    "Usage: mlsel embed [options] [QUERIES]\n"
    "\n"
    "Writes the embedding of each distinct query: {\"query\", \"embedding\"} a line, with\n"
    "its \"id\" and \"category\" if it has them, for --embeddings-file of `mlsel train`\n"
    "and others.\n"
    "\n"
    "QUERIES is a file of JSON lines with a \"query\" (or \"text\") each; benchmark\n"
    "results will do. `-` or nothing is standard input.\n"
    "\n"
    "Options:\n"
    "  --embedding-model M     builtin, which needs no model and knows no meaning; a\n"
    "                          file MODEL.gguf, where mlsel was built with llama.cpp;\n"
    "                          or a model that a server has: its own name, or qwen3\n"
    "                          (default), gte, mpnet, e5, bge or minilm\n"
    "  --embedding-endpoint URL\n"
    "                          server that speaks OpenAI's /v1/embeddings (vLLM,\n"
    "                          Ollama, llama.cpp, Text Embeddings Inference), as in\n"
    "                          http://localhost:8000/v1\n"
    "  --output FILE           instead of standard output; appears whole or not at\n"
    "                          all\n"
    "  --format FORMAT         jsonl (default) or npy, float32 rows in the order of\n"
    "                          the queries (default where FILE ends in .npy)\n"
    "  --limit N               the first N queries\n"
    "  --cache-dir DIR         keeps embeddings by model and text (default .cache),\n"
    "                          so that a run that ends early loses nothing\n"
    "  --no-cache              keeps nothing\n"
    "  -h, --help              this text\n"
    "\n"
    "About the server and the model (for every command with --embedding-endpoint):\n"
    "  --embedding-prefix TEXT in front of each text: auto (default) what the model's\n"
    "                          card asks for, none, e5 (\"query: \"), qwen3 (the\n"
    "                          instruction of that card), or the text itself\n"
    "  --embedding-raw         embeddings as they come, not scaled to length 1\n"
    "  --embedding-dimensions N\n"
    "                          width to ask for, of models that have several\n"
    "  --embedding-batch-size N, --batch-size N\n"
    "                          texts a request (default 32)\n"
    "  --embedding-timeout S   seconds an attempt may take (default 300)\n"
    "  --embedding-retries N   further attempts after 429, 5xx and lost connections\n"
    "                          (default 5), with growing random waits\n"
    "  --api-key-env NAME      environment variable with the server's key (default\n"
    "                          OPENAI_API_KEY, if it is set)\n"
    "  --cacert FILE           certificates to trust instead of the system's\n"
    "\n"
    "A query that the model refuses is left out and reported, and the exit code is 1.\n"
    "The same model, prefix and scaling must be used for training and for routing.\n"
    "\n"
    "Examples:\n"
    "  mlsel embed --embedding-model builtin --limit 2 examples/records.jsonl\n"
    "  head -n 1 examples/records.jsonl | mlsel embed --embedding-model builtin -\n";
/* clang-format on */

/* --- texts seen --------------------------------------------------------------------------------------------------- */

typedef struct seen_texts {
    char **slots; /* open addressing */
    size_t n, capacity;
} seen_texts;

static uint64_t hash(const char *text) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (; *text != '\0'; ++text)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static char **slot_of(const seen_texts *s, const char *text) {
    size_t i = (size_t)hash(text) & (s->capacity - 1);
    while (s->slots[i] != NULL && strcmp(s->slots[i], text) != 0)
        i = (i + 1) & (s->capacity - 1);
    return &s->slots[i];
}

/* Whether a text is new; it is not from now on. */
static bool is_new(seen_texts *s, const char *text) {
    if (2 * (s->n + 1) > s->capacity) {
        const seen_texts old = *s;
        s->capacity = old.capacity > 0 ? 2 * old.capacity : 1024;
        s->slots = tool_alloc(s->capacity, sizeof *s->slots);
        memset(s->slots, 0, s->capacity * sizeof *s->slots);
        for (size_t i = 0; i < old.capacity; ++i)
            if (old.slots[i] != NULL)
                *slot_of(s, old.slots[i]) = old.slots[i];
        free(old.slots);
    }
    char **slot = slot_of(s, text);
    if (*slot != NULL)
        return false;
    *slot = tool_copy(text, strlen(text));
    s->n++;
    return true;
}

static void free_texts(seen_texts *s) {
    for (size_t i = 0; i < s->capacity; ++i)
        free(s->slots[i]);
    free(s->slots);
}

/* --- embedding ---------------------------------------------------------------------------------------------------- */

enum { CHUNK_QUERIES = 1024, MAX_WARNINGS = 5 };

typedef struct embed_command {
    const char *model;
    embedding_args args;
    const char *queries; /* NULL: standard input */
    const char *output;  /* NULL: standard output */
    const char *cache_dir;
    bool is_npy;
    uint64_t limit;

    input in;
    bool opened;
    chunk chunk;
    seen_texts seen;
    size_t *wanted; /* queries of the chunk */
    embedding_file file;
    uint64_t failed;
    progress progress;
    failure problem;
} embed_command;

static int32_t on_embedding(size_t index, const float *values, size_t width, const char *message, void *user) {
    embed_command *c = user;
    const query *q = &c->chunk.queries[c->wanted[index]];
    if (values == NULL) {
        char place[512];
        c->failed++;
        progress_clear(&c->progress);
        if (c->failed <= MAX_WARNINGS)
            tool_warning("%s: not embedded: %s", input_place(&c->in, q, place, sizeof place), message);
        return 0;
    }
    if (!embedding_file_add(&c->file, q, values, width)) {
        failure_set(&c->problem, EXIT_BAD_INPUT, "%s cannot be written",
                    c->output != NULL ? c->output : "standard output");
        return 1;
    }
    progress_update(&c->progress, c->file.count, c->in.bytes.consumed, c->in.bytes.total);
    return 0;
}

static bool embed_chunk(embed_command *c, mlsel_embedder *embedder) {
    const char **texts = tool_alloc(c->chunk.count, sizeof *texts);
    size_t n = 0;
    mlsel_error err;
    c->wanted = tool_alloc(c->chunk.count, sizeof *c->wanted);
    for (size_t i = 0; i < c->chunk.count; ++i) {
        const query *q = &c->chunk.queries[i];
        if (q->text == NULL || q->text[0] == '\0') {
            char place[512];
            failure_set(&c->problem, EXIT_BAD_INPUT, "%s: no \"query\"", input_place(&c->in, q, place, sizeof place));
            break;
        }
        if (c->limit > 0 && c->seen.n >= c->limit)
            break;
        if (!is_new(&c->seen, q->text))
            continue;
        c->wanted[n] = i;
        texts[n++] = q->text;
    }
    const mlsel_status status = n > 0 ? mlsel_embedder_run(embedder, texts, n, on_embedding, c, &err) : MLSEL_OK;
    if (status != MLSEL_OK && c->problem.exit_code == 0)
        embedding_args_failed(&c->args, &err, &c->problem);
    free(texts);
    free(c->wanted);
    return c->problem.exit_code == 0 && (c->output != NULL || tool_flush());
}

static void report(const embed_command *c, const mlsel_embedder *embedder) {
    mlsel_embedder_counts counts;
    char made[TEXT_NUMBER], cached[TEXT_NUMBER];
    mlsel_embedder_get_counts(embedder, &counts);
    if (counts.not_stored)
        tool_warning("embeddings were not kept in the cache: %s", counts.cache_message);
    if (c->output != NULL)
        tool_notice("%s embeddings made, %s from the cache", text_count(made, counts.computed),
                    text_count(cached, counts.cached));
    else if (c->problem.exit_code == EXIT_INTERRUPTED && c->cache_dir != NULL)
        tool_notice("%s embeddings made and kept in %s", text_count(made, counts.computed), c->cache_dir);
}

static void read_all(embed_command *c, mlsel_embedder *embedder) {
    bool more = true;
    c->in.limit = 0;
    c->in.chunk_queries = CHUNK_QUERIES;
    c->chunk.embeds_text = true;
    while (more) {
        more = input_read(&c->in, &c->chunk) && !interrupt_came();
        const failure read = c->in.problem;
        more = embed_chunk(c, embedder) && more && (c->limit == 0 || c->seen.n < c->limit);
        if (c->problem.exit_code == 0)
            c->problem = read;
    }
    if (interrupt_came() && c->problem.exit_code == 0)
        failure_set(&c->problem, EXIT_INTERRUPTED, "interrupted");
}

static int run(embed_command *c) {
    mlsel_embedder *embedder = embedding_args_open(&c->args, c->model, c->cache_dir, 0, true, &c->problem);
    if (embedder != NULL)
        c->opened = input_open(&c->in, c->queries, INPUT_JSONL, 0);
    if (embedder != NULL && !c->opened)
        c->problem = c->in.problem;
    if (c->opened && embedding_file_open(&c->file, c->output, c->is_npy, &c->problem)) {
        progress_start(&c->progress);
        read_all(c, embedder);
        progress_clear(&c->progress);
        const bool keeps = c->problem.exit_code == 0 && (c->file.count > 0 || c->failed == 0);
        if (c->problem.exit_code == 0 && c->in.count == 0)
            tool_warning("%s holds no queries", c->in.name);
        (void)embedding_file_close(&c->file, keeps, &c->problem);
        report(c, embedder);
    }
    if (c->failed > 0 && c->problem.exit_code == 0) {
        char number[TEXT_NUMBER];
        failure_set(&c->problem, EXIT_BAD_INPUT, "%s queries could not be embedded, and were left out",
                    text_count(number, c->failed));
    }
    mlsel_embedder_close(embedder);
    if (c->opened)
        input_close(&c->in);
    chunk_free(&c->chunk);
    free_texts(&c->seen);
    return failure_report(&c->problem);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

enum { HELP = 1, MODEL, OUTPUT, FORMAT, LIMIT, CACHE_DIR, NO_CACHE, BATCH_SIZE };

static bool take(embed_command *c, const args *a, int id, const char *value, bool *queries_given) {
    static const char *const formats[] = {"jsonl", "npy"};
    int format;
    switch (id) {
    case ARGS_OPERAND:
        if (*queries_given) {
            tool_error("one file of queries is read, and \"%s\" is a second", value);
            args_help_hint(a->command, NULL);
            return false;
        }
        *queries_given = true;
        c->queries = strcmp(value, "-") == 0 ? NULL : value;
        return true;
    case MODEL:
        c->model = value;
        return true;
    case OUTPUT:
        c->output = strcmp(value, "-") == 0 ? NULL : value;
        return true;
    case FORMAT:
        format = args_choice(a, "--format", value, formats, TOOL_ARRAY_LENGTH(formats));
        c->is_npy = format == 1;
        return format >= 0;
    case LIMIT:
        c->limit = args_count(a, "--limit", value, INT64_MAX);
        return c->limit > 0;
    case CACHE_DIR:
        c->cache_dir = value;
        return true;
    case NO_CACHE:
        c->cache_dir = NULL;
        return true;
    case BATCH_SIZE:
        return embedding_args_take(&c->args, a, EMBEDDING_ARGS_BATCH, value) == 0;
    default:
        return embedding_args_take(&c->args, a, id, value) == 0;
    }
}

static int usage(const char *message, const char *hint) {
    tool_error("%s", message);
    tool_hint("%s", hint);
    args_help_hint("embed", NULL);
    return EXIT_USAGE;
}

int cmd_embed(char **arguments) {
    static const args_option options[] = {
        {"--help", HELP, false},         {"--embedding-model", MODEL, true}, {"--output", OUTPUT, true},
        {"--format", FORMAT, true},      {"--limit", LIMIT, true},           {"--cache-dir", CACHE_DIR, true},
        {"--no-cache", NO_CACHE, false}, {"--batch-size", BATCH_SIZE, true}, EMBEDDING_ARGS_OPTIONS};
    args a = {.command = "embed", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    embed_command c = {.model = "qwen3", .cache_dir = ".cache"};
    bool queries_given = false, format_given = false;
    const char *value;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(cmd_embed_help, stdout);
            return EXIT_ANSWER;
        }
        format_given = format_given || id == FORMAT;
        if (id == ARGS_BAD || !take(&c, &a, id, value, &queries_given))
            return EXIT_USAGE;
    }
    if (!format_given && c.output != NULL && strlen(c.output) > 4)
        c.is_npy = strcmp(c.output + strlen(c.output) - 4, ".npy") == 0;
    if (c.is_npy && c.output == NULL)
        return usage("--format npy needs --output FILE",
                     "the file's head tells how many rows it has, which comes last");
    if (!queries_given && isatty(STDIN_FILENO) == 1)
        return usage("no queries: none were named, and standard input is the keyboard",
                     "name a file, or pipe queries in");
    if (!embedding_args_check(&c.args, c.model, &c.problem))
        return failure_report(&c.problem);
    return run(&c);
}
