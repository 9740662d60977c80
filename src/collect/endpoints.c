/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoints.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/block.h"
#include "file.h"
#include "http_url.h"

static const uint64_t MAX_FILE = 1 << 20;

typedef struct reading {
    config_reader reader;
    endpoint_list *out;
    const endpoint_defaults *defaults;
    const char *const *wanted; /* [n_wanted] of the models; NULL: all */
    size_t n_wanted;
    bool no_memory;
} reading;

#define COMPLAIN(r, span, suggestion, ...)                                                                             \
    mlsel_i_diagnose((r)->reader.list, CONFIG_ERROR, "endpoint", span, suggestion, __VA_ARGS__)

/* --- values from the environment ---------------------------------------------------------------------------------- */

/* Length of the name in "${NAME}" at text, or 0. */
static size_t variable_length(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (strncmp(text, "${", 2) != 0 || strspn(text + 2, letters) == 0)
        return 0;
    const size_t length = strspn(text + 2, all);
    return text[2 + length] == '}' ? length : 0;
}

/* The text with every ${NAME} replaced; NULL after a finding or without memory. What came from the environment, or with
 * is_secret all of it, is kept from messages. */
static const char *expand(reading *r, const config_text *given, const char *key, bool is_secret) {
    config_arena *const arena = r->reader.arena;
    const char *out = "", *at = given->text;
    while (at != NULL && *at != '\0' && out != NULL) {
        const char *const dollar = strstr(at, "${");
        if (dollar == NULL) {
            out = mlsel_i_arena_join(arena, out, at, "");
            break;
        }
        const char *const before = mlsel_i_arena_copy(arena, at, (size_t)(dollar - at));
        const size_t length = variable_length(dollar);
        if (length == 0) {
            COMPLAIN(r, given->span, "write ${NAME} for a variable of the environment",
                     "\"%s\" has a \"${\" that begins no variable", key);
            return NULL;
        }
        const char *const name = mlsel_i_arena_copy(arena, dollar + 2, length);
        const char *const value = name == NULL ? NULL : getenv(name);
        if (name != NULL && value == NULL) {
            COMPLAIN(r, given->span, NULL, "\"%s\" needs the environment variable %s, which is not set", key, name);
            return NULL;
        }
        if (before == NULL || value == NULL || !mlsel_i_secrets_add(&r->out->secrets, value))
            out = NULL;
        else
            out = mlsel_i_arena_join(arena, out, before, value);
        at = dollar + 2 + length + 1;
    }
    if (out != NULL && is_secret && !mlsel_i_secrets_add(&r->out->secrets, out))
        out = NULL;
    r->no_memory = r->no_memory || out == NULL;
    return out;
}

/* Whether a value can stand in a header; a line break in it would begin another one. */
static bool check_header_value(reading *r, const config_text *given, const char *key, const char *value) {
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        if ((*c >= 0x20 && *c != 0x7f) || *c == '\t')
            continue;
        COMPLAIN(r, given->span, "look for a line break at the end of the variable's value",
                 "the value of \"%s\" has a control character", key);
        return false;
    }
    return true;
}

/* --- one model ---------------------------------------------------------------------------------------------------- */

typedef struct model_block {
    config_text name, endpoint, api_key;
    const yaml_pair *headers;
    config_number max_tokens, temperature, input_price, output_price, concurrency;
} model_block;

static const field model_fields[] = {
    {"name", FIELD_TEXT, offsetof(model_block, name)},
    {"endpoint", FIELD_TEXT, offsetof(model_block, endpoint)},
    {"api_key", FIELD_TEXT, offsetof(model_block, api_key)},
    {"headers", FIELD_MAPPING, offsetof(model_block, headers)},
    {"max_tokens", FIELD_COUNT, offsetof(model_block, max_tokens)},
    {"temperature", FIELD_NUMBER, offsetof(model_block, temperature)},
    {"input_price", FIELD_NUMBER, offsetof(model_block, input_price)},
    {"output_price", FIELD_NUMBER, offsetof(model_block, output_price)},
    {"concurrency", FIELD_COUNT, offsetof(model_block, concurrency)},
};

static bool is_token(const char *name) {
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    return *name != '\0' && name[strspn(name, all)] == '\0';
}

static void read_headers(reading *r, const yaml_pair *block, endpoint *out) {
    const yaml_node *const mapping = block->value;
    const char **lines = mlsel_i_arena_alloc(r->reader.arena, mapping->count, sizeof *lines);
    if (lines == NULL)
        r->no_memory = true;
    for (size_t i = 0; i < mapping->count && lines != NULL; i++) {
        const yaml_pair *const pair = &mapping->pairs[i];
        const char *const key = pair->key->text;
        quoted q;
        if (!is_token(key)) {
            COMPLAIN(r, pair->key->span, NULL, "%s is no name of a header", mlsel_i_quote(&q, key));
            continue;
        }
        if (pair->value->kind != YAML_SCALAR || pair->value->type == YAML_NULL) {
            COMPLAIN(r, pair->value->span, NULL, "the header %s has to be a text", mlsel_i_quote(&q, key));
            continue;
        }
        const config_text given = {.text = pair->value->text, .span = pair->value->span};
        const char *const value = expand(r, &given, key, true);
        if (value == NULL || !check_header_value(r, &given, key, value))
            continue;
        /* libcurl takes "Name:" as "leave it out" and "Name;" as "send it empty" */
        const char *const line = *value == '\0' ? mlsel_i_arena_join(r->reader.arena, key, ";", "")
                                                : mlsel_i_arena_join(r->reader.arena, key, ": ", value);
        r->no_memory = r->no_memory || line == NULL;
        lines[out->n_headers++] = line;
    }
    out->headers = lines;
}

static void read_price(reading *r, const config_number *given, const char *key, double *out) {
    *out = NAN;
    if (given->given && given->value < 0)
        COMPLAIN(r, given->span, NULL, "\"%s\" is negative", key);
    else if (given->given)
        *out = given->value;
}

static bool is_wanted(const reading *r, const char *name) {
    bool wanted = r->wanted == NULL;
    for (size_t i = 0; i < r->n_wanted && !wanted; i++)
        wanted = strcmp(r->wanted[i], name) == 0;
    return wanted;
}

static bool is_twice(const reading *r, const char *name) {
    for (size_t i = 0; i < r->out->n; i++)
        if (strcmp(r->out->items[i].name, name) == 0)
            return true;
    return false;
}

static void read_url(reading *r, const model_block *block, endpoint *out) {
    const char *text = r->defaults->url;
    char reason[128];
    if (block->endpoint.text != NULL) {
        text = expand(r, &block->endpoint, "endpoint", false);
        if (text == NULL)
            return;
    }
    char *url = NULL;
    if (!mlsel_i_http_url(text, "/chat/completions", &r->out->secrets, &url, reason, sizeof reason)) {
        COMPLAIN(r, block->endpoint.text != NULL ? block->endpoint.span : block->name.span, NULL, "the endpoint %s",
                 reason);
    } else if (url != NULL) {
        out->url = mlsel_i_arena_copy(r->reader.arena, url, strlen(url));
    }
    r->no_memory = r->no_memory || (url == NULL && reason[0] == '\0') || (url != NULL && out->url == NULL);
    mlsel_i_free(url);
}

static void read_model(reading *r, const yaml_node *node) {
    model_block block = {0};
    endpoint out = {0};
    quoted q;
    if (!mlsel_i_block_expect(&r->reader, node, YAML_MAPPING, "an entry of \"models\"", NULL))
        return;
    mlsel_i_block_read(&r->reader, node, "a model", model_fields, MLSEL_ARRAY_LENGTH(model_fields), false, &block);
    if (block.name.text == NULL || *block.name.text == '\0') {
        COMPLAIN(r, mlsel_i_block_span(node), NULL, "a model has no \"name\"");
        return;
    }
    if (!is_wanted(r, block.name.text)) /* nor is its key asked for */
        return;
    if (is_twice(r, block.name.text))
        COMPLAIN(r, block.name.span, NULL, "the model %s is there twice", mlsel_i_quote(&q, block.name.text));
    out.name = block.name.text;
    read_url(r, &block, &out);
    if (block.api_key.text != NULL) {
        const char *const key = expand(r, &block.api_key, "api_key", true);
        if (key != NULL && *key != '\0' && check_header_value(r, &block.api_key, "api_key", key))
            out.authorization = mlsel_i_arena_join(r->reader.arena, "Bearer ", key, "");
    }
    if (block.headers != NULL)
        read_headers(r, block.headers, &out);
    read_price(r, &block.input_price, "input_price", &out.input_price);
    read_price(r, &block.output_price, "output_price", &out.output_price);
    if (block.temperature.given && block.temperature.value < 0)
        COMPLAIN(r, block.temperature.span, NULL, "\"temperature\" is negative");
    out.max_tokens = block.max_tokens.given ? (uint64_t)block.max_tokens.value : r->defaults->max_tokens;
    out.temperature = block.temperature.given ? block.temperature.value : r->defaults->temperature;
    out.concurrency = (uint32_t)block.concurrency.value;
    r->out->items[r->out->n++] = out;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static void read_root(reading *r, const yaml_node *root) {
    struct {
        const yaml_pair *models;
    } block = {0};
    static const field fields[] = {{"models", FIELD_LIST, 0}};
    if (!mlsel_i_block_expect(&r->reader, root, YAML_MAPPING, "the file", "it begins with \"models:\""))
        return;
    mlsel_i_block_read(&r->reader, root, "the file", fields, MLSEL_ARRAY_LENGTH(fields), false, &block);
    if (block.models == NULL) {
        if (r->reader.list->n_errors == 0)
            COMPLAIN(r, mlsel_i_block_span(root), NULL, "the file has no list \"models\"");
        return;
    }
    const yaml_node *const list = block.models->value;
    if (list->count == 0 || list->count > ENDPOINTS_MAX) {
        COMPLAIN(r, block.models->key->span, NULL, "\"models\" has %s", list->count == 0 ? "no model" : "too many");
        return;
    }
    r->out->items = mlsel_i_arena_alloc(r->out->arena, list->count, sizeof *r->out->items);
    if (r->out->items == NULL)
        r->no_memory = true;
    for (size_t i = 0; i < list->count && !r->no_memory; i++)
        read_model(r, list->items[i]);
}

/* Every name asked for must be there. */
static mlsel_status check_wanted(const reading *r, const char *file, mlsel_error *err) {
    for (size_t i = 0; i < r->n_wanted; i++)
        if (!is_twice(r, r->wanted[i]))
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the model \"%s\" is not in %s", r->wanted[i], file);
    return MLSEL_OK;
}

/* "models.yaml:3:5: what is wrong; what to do" */
static void describe(const reading *r, const config_diagnostic *d, const char *file, char *out, size_t size) {
    const char *const parts[] = {d->message, d->suggestion != NULL ? "; " : "",
                                 d->suggestion != NULL ? d->suggestion : ""};
    (void)snprintf(out, size, "%.120s:%u:%u: ", file, d->span.line, d->span.column);
    for (size_t i = 0, n = strlen(out); i < MLSEL_ARRAY_LENGTH(parts); i++, n += strlen(out + n))
        (void)mlsel_i_secrets_copy(&r->out->secrets, SECRET_MIN_SIZE, parts[i], out + n, size - n);
}

/* All findings go to the caller but the first error, which is that of the call. */
static mlsel_status settle(reading *r, const char *file, mlsel_error *err) {
    const config_diagnostics *const list = r->reader.list;
    const config_diagnostic *first = NULL;
    char text[512];
    if (r->no_memory || mlsel_i_diagnostics_failed(list) || mlsel_i_arena_failed(r->out->arena))
        return mlsel_i_no_memory(err);
    for (size_t i = 0; i < list->count; i++) {
        const config_diagnostic *const d = &list->items[i];
        if (first == NULL && d->severity == CONFIG_ERROR) {
            first = d;
        } else if (r->defaults->warn != NULL) {
            describe(r, d, file, text, sizeof text);
            r->defaults->warn(text, r->defaults->user);
        }
    }
    if (first == NULL)
        return check_wanted(r, file, err);
    describe(r, first, file, text, sizeof text);
    return mlsel_i_fail(err, strncmp(first->code, "yaml", 4) == 0 ? MLSEL_ERROR_PARSE : MLSEL_ERROR_SCHEMA, "%s", text);
}

/* The names in a list with commas; NULL: no memory. */
static const char **split(config_arena *arena, const char *models, size_t *n) {
    size_t most = 1;
    for (const char *c = models; *c != '\0'; c++)
        most += *c == ',';
    const char **names = mlsel_i_arena_alloc(arena, most, sizeof *names);
    *n = 0;
    for (const char *at = models; names != NULL && *at != '\0';) {
        at += strspn(at, ", ");
        size_t size = strcspn(at, ",");
        const char *const next = at + size;
        while (size > 0 && at[size - 1] == ' ')
            size--;
        if (size > 0 && (names[(*n)++] = mlsel_i_arena_copy(arena, at, size)) == NULL)
            return NULL;
        at = next;
    }
    return names;
}

static mlsel_status no_models(const char *models, mlsel_error *err) {
    return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the list of models \"%s\" names none", models);
}

mlsel_status mlsel_i_endpoints_parse(const char *text, size_t size, const char *name, const char *models,
                                     const endpoint_defaults *defaults, endpoint_list *out, mlsel_error *err) {
    const char *const file = mlsel_i_file_name(name);
    config_diagnostics list = {0};
    const yaml_node *root = NULL;
    *out = (endpoint_list){.arena = mlsel_i_arena_create()};
    reading r = {.reader = {.arena = out->arena, .list = &list}, .out = out, .defaults = defaults};
    mlsel_status status = MLSEL_OK;
    if (out->arena == NULL)
        return mlsel_i_no_memory(err);
    if (models != NULL)
        r.wanted = split(out->arena, models, &r.n_wanted);
    if (models != NULL && r.wanted != NULL && r.n_wanted == 0) {
        status = no_models(models, err);
        goto out;
    }
    r.no_memory = models != NULL && r.wanted == NULL;
    if (!r.no_memory && !mlsel_i_yaml_read(text, size, out->arena, &list, &root))
        r.no_memory = true;
    if (!r.no_memory && root != NULL)
        read_root(&r, root);
    status = settle(&r, file, err);
out:
    mlsel_i_config_diagnostics_clear(&list);
    if (status != MLSEL_OK)
        mlsel_i_endpoints_free(out);
    return status;
}

mlsel_status mlsel_i_endpoints_read(const char *path, const char *models, const endpoint_defaults *defaults,
                                    endpoint_list *out, mlsel_error *err) {
    const file_kind kind = {.noun = "file of models", .function = "standard input"};
    file_content content = {0};
    *out = (endpoint_list){0};
    mlsel_status status = mlsel_i_file_load(path, &kind, MAX_FILE, &content, err);
    if (status == MLSEL_OK)
        status = mlsel_i_endpoints_parse(content.data, content.size, path, models, defaults, out, err);
    mlsel_i_file_unload(&content);
    return status;
}

mlsel_status mlsel_i_endpoints_named(const char *models, const endpoint_defaults *defaults, endpoint_list *out,
                                     mlsel_error *err) {
    char *url = NULL, reason[128];
    size_t n = 0;
    *out = (endpoint_list){.arena = mlsel_i_arena_create()};
    if (out->arena == NULL)
        return mlsel_i_no_memory(err);
    mlsel_status status = mlsel_i_no_memory(err);
    const char **names = split(out->arena, models, &n);
    out->items = mlsel_i_arena_alloc(out->arena, n, sizeof *out->items);
    if (names == NULL || out->items == NULL)
        goto out;
    if (n == 0 || n > ENDPOINTS_MAX) {
        status = no_models(models, err);
        goto out;
    }
    if (!mlsel_i_http_url(defaults->url, "/chat/completions", NULL, &url, reason, sizeof reason)) {
        status = mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the endpoint %s", reason);
        goto out;
    }
    const char *const copy = url == NULL ? NULL : mlsel_i_arena_copy(out->arena, url, strlen(url));
    if (copy == NULL)
        goto out;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0) {
                status = mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "the model \"%s\" is named twice", names[i]);
                goto out;
            }
        out->items[out->n++] = (endpoint){.name = names[i],
                                          .url = copy,
                                          .max_tokens = defaults->max_tokens,
                                          .temperature = defaults->temperature,
                                          .input_price = NAN,
                                          .output_price = NAN};
    }
    status = mlsel_i_ok(err);
out:
    mlsel_i_free(url);
    if (status != MLSEL_OK)
        mlsel_i_endpoints_free(out);
    return status;
}

void mlsel_i_endpoints_free(endpoint_list *list) {
    mlsel_i_secrets_free(&list->secrets);
    mlsel_i_arena_free(list->arena);
    *list = (endpoint_list){0};
}
