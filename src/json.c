/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's main loop, with a stack of its own instead of recursion, and the document it makes.
 */
#include "json.h"

#include <limits.h>
#include <string.h>

#include "internal.h"
#include "json_parser.h"

#define DEFAULT_MAX_DEPTH 64
#define MAX_MAX_DEPTH CJSON_NESTING_LIMIT /* cJSON_Delete recurses */

/* A cJSON node takes 80 bytes and more, a value only 2 of the text: without a limit 1 GB of text would take 40 GB. */
#define MAX_VALUES 1000000
#define BYTES_PER_VALUE 64

/* --- the tree ---------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_json_count(json_parser *p, size_t cost) {
    if (cost > p->max_values - p->n_values)
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_LIMIT, "too many values (at most %zu besides numeric arrays)",
                                       p->max_values);
    p->n_values += cost;
    return MLSEL_OK;
}

/* Puts a new node, which may be NULL for want of memory, into the tree. */
static mlsel_status attach(json_parser *p, cJSON *node) {
    if (node == NULL)
        return mlsel_i_no_memory(p->err);
    if (p->depth == 0) {
        p->doc->root = node;
        return MLSEL_OK;
    }
    const json_frame *parent = &p->frames[p->depth - 1];
    cJSON_bool attached = 0;
    if (parent->is_object) {
        const char *key = mlsel_i_json_decode_scratch(p, &parent->key);
        attached = key != NULL && cJSON_AddItemToObject(parent->node, key, node);
    } else {
        attached = cJSON_AddItemToArray(parent->node, node);
    }
    if (!attached) {
        cJSON_Delete(node);
        return mlsel_i_no_memory(p->err);
    }
    return MLSEL_OK;
}

mlsel_status mlsel_i_json_push(json_parser *p, bool is_object, cJSON *node) {
    if (p->depth == p->max_depth)
        return mlsel_i_json_fail_value(p, MLSEL_ERROR_LIMIT, "nested deeper than %zu levels", p->max_depth);
    if (p->depth == p->frames_capacity) {
        const size_t capacity = p->frames_capacity < 16 ? 16 : p->frames_capacity * 2;
        json_frame *frames = mlsel_i_resize(p->frames, p->depth, capacity, sizeof *frames);
        if (frames == NULL)
            return mlsel_i_no_memory(p->err);
        p->frames = frames;
        p->frames_capacity = capacity;
    }
    p->frames[p->depth++] = (json_frame){.node = node, .is_object = is_object, .first_key = p->n_keys};
    return MLSEL_OK;
}

/* --- values that hold no others, or are flat --------------------------------------------------------------------- */

static mlsel_status read_string(json_parser *p) {
    json_slice string;
    const mlsel_status status = mlsel_i_json_string(p, JSON_IN_VALUE, &string);
    if (status != MLSEL_OK || p->is_skipping)
        return status;
    const char *text = mlsel_i_json_decode_scratch(p, &string);
    return attach(p, text != NULL ? cJSON_CreateString(text) : NULL);
}

static mlsel_status read_number(json_parser *p) {
    double value;
    const char *at = p->at;
    const enum json_number_status number = mlsel_i_json_number(&at, p->end, &p->locale, &value);
    if (number != JSON_NUMBER_OK)
        return mlsel_i_json_fail_number(p, at, number);
    p->at = at;
    return p->is_skipping ? MLSEL_OK : attach(p, cJSON_CreateNumber(value));
}

static bool has_word(const json_parser *p, const char *word, size_t length) {
    return (size_t)(p->end - p->at) >= length && memcmp(p->at, word, length) == 0;
}

static mlsel_status read_literal(json_parser *p) {
    cJSON *(*create)(void) = NULL;
    size_t length = 4;
    if (has_word(p, "true", 4)) {
        create = cJSON_CreateTrue;
    } else if (has_word(p, "null", 4)) {
        create = cJSON_CreateNull;
    } else if (has_word(p, "false", 5)) {
        create = cJSON_CreateFalse;
        length = 5;
    } else {
        return mlsel_i_json_fail_no_value(p);
    }
    p->at += length;
    return p->is_skipping ? MLSEL_OK : attach(p, create());
}

cJSON *mlsel_i_json_flat_node(size_t index) {
    cJSON *node = cJSON_CreateNull(); /* cJSON_CreateRaw wants a text */
    if (node != NULL) {
        node->type = cJSON_Raw;
        node->valueint = (int)index;
    }
    return node;
}

static mlsel_status read_flat(json_parser *p, enum json_array_kind kind) {
    size_t index;
    const mlsel_status status = mlsel_i_json_flat(p, kind, &index);
    if (status != MLSEL_OK)
        return status;
    return attach(p, mlsel_i_json_flat_node(index));
}

/* --- objects and generic arrays ---------------------------------------------------------------------------------- */

/* Reads a key and its colon. */
static mlsel_status read_key(json_parser *p) {
    p->at = json_skip_space(p->at, p->end);
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    if (*p->at != '"')
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_CONTAINER,
                                    *p->at == '}' ? "trailing comma before '}'" : "expected a key in double quotes");
    json_slice key;
    mlsel_status status = mlsel_i_json_string(p, JSON_IN_CONTAINER, &key);
    if (status != MLSEL_OK)
        return status;
    p->frames[p->depth - 1].key = key;
    status = mlsel_i_json_add_key(p);
    if (status == MLSEL_OK && p->is_skipping) /* kept ones are counted with their values */
        status = mlsel_i_json_count(p, 1);
    if (status != MLSEL_OK)
        return status;
    p->at = json_skip_space(p->at, p->end);
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    if (*p->at != ':')
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_VALUE, "expected ':' after a key");
    p->at++;
    return MLSEL_OK;
}

/* Ends the innermost array or object, with p->at on its bracket. */
static mlsel_status pop(json_parser *p) {
    if (p->frames[p->depth - 1].is_object) {
        const mlsel_status status = mlsel_i_json_end_keys(p);
        if (status != MLSEL_OK)
            return status;
    }
    p->at++;
    p->depth--;
    return MLSEL_OK;
}

/* Opens the array or object at p->at. *is_complete says that it was empty, and is over. */
static mlsel_status open_container(json_parser *p, bool *is_complete) {
    const bool is_object = *p->at == '{';
    cJSON *node = NULL;
    mlsel_status status = MLSEL_OK;
    if (!p->is_skipping) {
        node = is_object ? cJSON_CreateObject() : cJSON_CreateArray();
        status = attach(p, node);
    }
    if (status == MLSEL_OK)
        status = mlsel_i_json_push(p, is_object, node);
    if (status != MLSEL_OK)
        return status;
    p->at = json_skip_space(p->at + 1, p->end);
    *is_complete = p->at < p->end && *p->at == (is_object ? '}' : ']');
    if (*is_complete)
        return pop(p);
    return is_object ? read_key(p) : MLSEL_OK;
}

static mlsel_status begin_array(json_parser *p, bool *is_complete) {
    /* in a flat array all others are generic, so that nesting does not recurse */
    const enum json_array_kind kind = p->is_in_flat ? JSON_KIND_GENERIC : mlsel_i_json_array_kind(p);
    if (kind == JSON_KIND_GENERIC || (kind == JSON_KIND_STRINGS && p->is_skipping))
        return open_container(p, is_complete);
    return p->is_skipping ? mlsel_i_json_skip_numbers(p, kind) : read_flat(p, kind);
}

const char *mlsel_i_json_current_key(json_parser *p, size_t *size) {
    *size = 0;
    for (size_t i = p->depth; i-- > 0;) {
        const json_frame *frame = &p->frames[i];
        if (!frame->is_object)
            continue;
        *size = frame->key.decoded_size;
        return frame->key.size == *size ? frame->key.text : mlsel_i_json_decode_scratch(p, &frame->key);
    }
    return "";
}

/* Whether the value to come is a member of the root object that is checked only. */
static mlsel_status check_wanted(json_parser *p, bool *is_wanted) {
    *is_wanted = true;
    if (p->is_unwanted == NULL || p->depth != 1 || !p->frames[0].is_object)
        return MLSEL_OK;
    size_t size;
    const char *key = mlsel_i_json_current_key(p, &size);
    if (key == NULL)
        return mlsel_i_no_memory(p->err);
    *is_wanted = !p->is_unwanted(key, size);
    return MLSEL_OK;
}

/* Reads the value at p->at, or opens it. */
static mlsel_status begin_value(json_parser *p, bool *is_complete) {
    *is_complete = true;
    p->at = json_skip_space(p->at, p->end);
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    if (!p->is_skipping) {
        bool is_wanted;
        mlsel_status status = check_wanted(p, &is_wanted);
        if (status == MLSEL_OK && !is_wanted)
            return mlsel_i_json_skip_value(p);
        if (status == MLSEL_OK)
            status = mlsel_i_json_count(p, 1);
        if (status != MLSEL_OK)
            return status;
    }
    switch (*p->at) {
    case '"':
        return read_string(p);
    case '[':
        return begin_array(p, is_complete);
    case '{':
        return open_container(p, is_complete);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(p);
    default:
        return read_literal(p);
    }
}

/* After a value in an array or object: to the next value (*is_complete false), or out of the container. */
static mlsel_status end_value(json_parser *p, bool *is_complete) {
    json_frame *frame = &p->frames[p->depth - 1];
    const char bracket = frame->is_object ? '}' : ']';
    p->at = json_skip_space(p->at, p->end);
    if (p->at == p->end)
        return mlsel_i_json_fail_end(p, JSON_IN_CONTAINER);
    if (*p->at == bracket)
        return pop(p);
    if (*p->at != ',')
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_CONTAINER,
                                    frame->is_object ? "expected ',' or '}' after a value"
                                                     : "expected ',' or ']' after a value");
    p->at++;
    *is_complete = false;
    if (frame->is_object)
        return read_key(p);
    frame->index++;
    return MLSEL_OK;
}

/* Reads the value at p->at with everything in it. */
static mlsel_status read_value(json_parser *p) {
    const size_t base = p->depth;
    bool is_complete;
    do {
        mlsel_status status = begin_value(p, &is_complete);
        while (status == MLSEL_OK && is_complete && p->depth > base)
            status = end_value(p, &is_complete);
        if (status != MLSEL_OK)
            return status;
    } while (!is_complete);
    return MLSEL_OK;
}

mlsel_status mlsel_i_json_skip_value(json_parser *p) {
    const bool was_skipping = p->is_skipping;
    p->is_skipping = true;
    const mlsel_status status = read_value(p);
    p->is_skipping = was_skipping;
    return status;
}

/* --- documents --------------------------------------------------------------------------------------------------- */

/* Marks of other encodings, which would otherwise be "not a value". */
static mlsel_status check_encoding(const json_parser *p) {
    const size_t size = (size_t)(p->end - p->text);
    if (size >= 3 && memcmp(p->text, "\xef\xbb\xbf", 3) == 0)
        return mlsel_i_fail_detail(p->err, MLSEL_ERROR_PARSE, 0,
                                   "byte 0: the text starts with a byte order mark (save it as UTF-8 without BOM)");
    if (size >= 2 && (memcmp(p->text, "\xff\xfe", 2) == 0 || memcmp(p->text, "\xfe\xff", 2) == 0))
        return mlsel_i_fail_detail(p->err, MLSEL_ERROR_PARSE, 0, "byte 0: the text is UTF-16 (save it as UTF-8)");
    return MLSEL_OK;
}

static mlsel_status read_document(json_parser *p) {
    mlsel_status status = check_encoding(p);
    if (status != MLSEL_OK)
        return status;
    p->at = json_skip_space(p->text, p->end);
    if (p->at == p->end)
        return mlsel_i_fail_detail(p->err, MLSEL_ERROR_PARSE, (size_t)(p->at - p->text), "the text is empty");
    status = read_value(p);
    if (status != MLSEL_OK)
        return status;
    p->at = json_skip_space(p->at, p->end);
    if (p->at < p->end)
        return mlsel_i_json_fail_at(p, p->at, JSON_IN_CONTAINER, "something follows the end of the document");
    return MLSEL_OK;
}

/* p has the text (or NULL) and what the caller wants. */
static mlsel_status parse(json_parser *p, size_t size, const json_limits *limits, json_document **out) {
    if (p->text == NULL)
        p->text = "";
    p->end = p->text + size;
    p->max_depth = limits != NULL && limits->max_depth != 0 ? limits->max_depth : DEFAULT_MAX_DEPTH;
    if (p->max_depth > MAX_MAX_DEPTH)
        p->max_depth = MAX_MAX_DEPTH;
    p->max_values = size / BYTES_PER_VALUE + MAX_VALUES;
    if (p->max_values > INT_MAX) /* a node's valueint counts arrays */
        p->max_values = INT_MAX;
    p->doc = mlsel_i_calloc(1, sizeof *p->doc);
    if (p->doc == NULL)
        return mlsel_i_no_memory(p->err);
    const mlsel_status status = read_document(p);
    mlsel_i_free(p->frames);
    mlsel_i_free(p->keys);
    mlsel_i_free(p->scratch);
    mlsel_i_json_number_done(p->locale);
    if (status != MLSEL_OK) {
        mlsel_i_json_free(p->doc);
        return status;
    }
    *out = p->doc;
    return mlsel_i_ok(p->err);
}

mlsel_status mlsel_i_json_parse(const char *text, size_t size, const json_limits *limits,
                                bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                mlsel_error *err) {
    json_parser p = {.text = text, .is_f32 = is_f32, .err = err};
    return parse(&p, size, limits, out);
}

mlsel_status mlsel_i_json_parse_without(const char *text, size_t size,
                                        bool (*is_unwanted)(const char *key, size_t key_size),
                                        bool (*is_f32)(const char *key, size_t key_size), json_document **out,
                                        mlsel_error *err) {
    json_parser p = {.text = text, .is_f32 = is_f32, .is_unwanted = is_unwanted, .err = err};
    return parse(&p, size, NULL, out);
}

mlsel_status mlsel_i_json_add_flat(json_document *doc, size_t *index, mlsel_error *err) {
    if (doc->n_flats == doc->flats_capacity) {
        const size_t capacity = doc->flats_capacity < 16 ? 16 : doc->flats_capacity * 2;
        json_flat *flats = mlsel_i_resize(doc->flats, doc->n_flats, capacity, sizeof *flats);
        if (flats == NULL)
            return mlsel_i_no_memory(err);
        doc->flats = flats;
        doc->flats_capacity = capacity;
    }
    *index = doc->n_flats++;
    memset(&doc->flats[*index], 0, sizeof *doc->flats);
    return MLSEL_OK;
}

void mlsel_i_json_free(json_document *doc) {
    if (doc == NULL)
        return;
    for (size_t i = 0; i < doc->n_flats; i++) {
        json_flat *flat = &doc->flats[i];
        if (flat->is_strings) {
            mlsel_i_free(flat->strings.offsets);
            mlsel_i_free(flat->strings.bytes);
        } else if (!flat->array.is_tensor) {
            mlsel_i_free(flat->array.data);
        }
    }
    mlsel_i_free(doc->flats);
    cJSON_Delete(doc->root);
    mlsel_i_free(doc);
}

const cJSON *mlsel_i_json_root(const json_document *doc) { return doc->root; }

static json_flat *find_flat(const json_document *doc, const cJSON *node) {
    if (node == NULL || !cJSON_IsRaw(node) || node->valueint < 0 || (size_t)node->valueint >= doc->n_flats)
        return NULL;
    return &doc->flats[node->valueint];
}

json_array *mlsel_i_json_array(const json_document *doc, const cJSON *node) {
    json_flat *flat = find_flat(doc, node);
    return flat != NULL && !flat->is_strings ? &flat->array : NULL;
}

json_strings *mlsel_i_json_strings(const json_document *doc, const cJSON *node) {
    json_flat *flat = find_flat(doc, node);
    return flat != NULL && flat->is_strings ? &flat->strings : NULL;
}
