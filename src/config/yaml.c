/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

#include "artifact_read.h"
#include "config/diagnostics.h"
#include "config/yaml_error.h"
#include "config/yaml_mapping.h"

/* An anchor of the text; a later one of the same name takes its place. */
typedef struct anchor {
    const yaml_node *node;
    bool open; /* its node is still being read, so an alias to it would be a cycle */
} anchor;

typedef struct reader {
    yaml_parser_t parser;
    config_arena *arena;
    config_diagnostics *list;
    line_index lines;
    label_set anchor_names;
    anchor *anchors; /* by index of the name */
    size_t anchor_capacity;
    size_t nodes; /* aliases written out */
    bool stopped; /* after a finding that leaves nothing to read */
    bool no_memory;
} reader;

/* --- places and findings ----------------------------------------------------------------------------------------- */

static config_span span_of(const reader *r, const yaml_mark_t *start, const yaml_mark_t *end) {
    config_span span;
    mlsel_i_lines_find(&r->lines, start->index, &span.line, &span.column);
    mlsel_i_lines_find(&r->lines, end->index, &span.end_line, &span.end_column);
    return span;
}

#define STOP(r, code, span, suggestion, ...)                                                                           \
    (mlsel_i_diagnose((r)->list, CONFIG_ERROR, code, span, suggestion, __VA_ARGS__), (r)->stopped = true)

/* --- events ------------------------------------------------------------------------------------------------------ */

/* The next event, to be deleted; false after a finding or without memory. */
static bool next_event(reader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->parser, event))
        return true;
    if (r->parser.error == YAML_MEMORY_ERROR)
        r->no_memory = true;
    else
        mlsel_i_yaml_report(&r->parser, &r->lines, r->list);
    r->stopped = true;
    return false;
}

/* Counts `more` nodes; false when there are too many. */
static bool count_nodes(reader *r, size_t more, config_span span) {
    if (more <= YAML_MAX_NODES && r->nodes <= YAML_MAX_NODES - more) {
        r->nodes += more;
        return true;
    }
    STOP(r, "yaml-limit", span, NULL, "more than %d values with all aliases written out", (int)YAML_MAX_NODES);
    return false;
}

static yaml_node *add_node(reader *r, yaml_kind kind, config_span span) {
    yaml_node *node = mlsel_i_arena_alloc(r->arena, 1, sizeof *node);
    if (node == NULL)
        r->no_memory = r->stopped = true;
    else
        *node = (yaml_node){.kind = kind, .text = "", .weight = 1, .span = span};
    return node != NULL && count_nodes(r, 1, span) ? node : NULL;
}

/* --- anchors ----------------------------------------------------------------------------------------------------- */

/* Index of the anchor that a node has, or -1. */
static int32_t open_anchor(reader *r, const yaml_char_t *name) {
    if (name == NULL)
        return -1;
    const char *const text = (const char *)name;
    int32_t index = mlsel_i_labels_find(&r->anchor_names, text);
    if (index < 0) {
        const size_t count = r->anchor_names.count;
        const char *copy = mlsel_i_arena_copy(r->arena, text, strlen(text));
        anchor *anchors = mlsel_i_arena_grow(r->arena, r->anchors, count, &r->anchor_capacity, sizeof *anchors);
        if (copy == NULL || anchors == NULL || mlsel_i_labels_add(&r->anchor_names, copy, &index, NULL) != MLSEL_OK) {
            r->no_memory = r->stopped = true;
            return -1;
        }
        r->anchors = anchors;
    }
    r->anchors[index] = (anchor){.open = true};
    return index;
}

static void close_anchor(reader *r, int32_t index, const yaml_node *node) {
    if (index >= 0)
        r->anchors[index] = (anchor){.node = node};
}

static void report_undefined(reader *r, const char *name, config_span span) {
    quoted q;
    near_name near = {.given = name};
    for (size_t i = 0; i < r->anchor_names.count; i++)
        mlsel_i_near_offer(&near, r->anchor_names.names[i]);
    const char *advice = "an anchor has to come before its aliases";
    if (near.best != NULL)
        advice = mlsel_i_arena_format(r->arena, "did you mean *%s?", near.best);
    STOP(r, "yaml-alias", span, advice, "no anchor of the name %s comes before this alias", mlsel_i_quote(&q, name));
}

static const yaml_node *find_alias(reader *r, const yaml_event_t *event) {
    quoted q;
    const char *const name = (const char *)event->data.alias.anchor;
    const config_span span = span_of(r, &event->start_mark, &event->end_mark);
    const int32_t index = mlsel_i_labels_find(&r->anchor_names, name);
    if (index < 0) {
        report_undefined(r, name, span);
        return NULL;
    }
    if (r->anchors[index].open) {
        STOP(r, "yaml-cycle", span, NULL, "the alias is part of its own anchor %s", mlsel_i_quote(&q, name));
        return NULL;
    }
    const yaml_node *node = r->anchors[index].node;
    return count_nodes(r, node->weight, span) ? node : NULL;
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

static const yaml_node *read_node(reader *r, yaml_event_t *event, size_t depth);

/* Gives a scalar the type that its tag asks for; tags that are not YAML's own make it a text. */
static bool apply_tag(yaml_node *node, const char *tag) {
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *const name = strncmp(tag, prefix, sizeof prefix - 1) == 0 ? tag + sizeof prefix - 1 : "";
    const bool is_int = strcmp(name, "int") == 0, is_number = is_int || strcmp(name, "float") == 0;
    const bool is_bool = strcmp(name, "bool") == 0, is_null = strcmp(name, "null") == 0;
    node->type = YAML_TEXT;
    if (!is_number && !is_bool && !is_null)
        return true;
    node->type = mlsel_i_yaml_resolve(node->text, strlen(node->text), &node->number);
    if (is_number)
        return node->type == YAML_NUMBER && (!is_int || node->number == floor(node->number));
    return node->type == (is_bool ? YAML_BOOL : YAML_NULL);
}

static const yaml_node *read_scalar(reader *r, const yaml_event_t *event) {
    quoted q;
    const config_span span = span_of(r, &event->start_mark, &event->end_mark);
    const char *const value = (const char *)event->data.scalar.value;
    const size_t size = event->data.scalar.length;
    yaml_node *node = add_node(r, YAML_SCALAR, span);
    if (node == NULL)
        return NULL;
    node->text = mlsel_i_arena_copy(r->arena, value, size);
    if (node->text == NULL) {
        r->no_memory = r->stopped = true;
        return NULL;
    }
    if (strlen(node->text) != size)
        mlsel_i_diagnose(r->list, CONFIG_ERROR, "yaml-encoding", span, NULL, "the text contains a NUL character");
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    const char *const tag = (const char *)event->data.scalar.tag;
    if (tag != NULL && !apply_tag(node, tag))
        mlsel_i_diagnose(r->list, CONFIG_ERROR, "yaml-tag", span, "remove the tag",
                         "the value %s is not what its tag !!%s says", mlsel_i_quote(&q, node->text),
                         strrchr(tag, ':') + 1);
    else if (tag == NULL)
        node->type = node->quoted ? YAML_TEXT : mlsel_i_yaml_resolve(node->text, strlen(node->text), &node->number);
    return node;
}

static const yaml_node *read_sequence(reader *r, const yaml_event_t *start, size_t depth) {
    yaml_node *node = add_node(r, YAML_SEQUENCE, span_of(r, &start->start_mark, &start->end_mark));
    size_t capacity = 0;
    while (node != NULL && !r->stopped) {
        yaml_event_t event;
        if (!next_event(r, &event))
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return node;
        }
        const yaml_node *item = read_node(r, &event, depth);
        const yaml_node **items =
            mlsel_i_arena_grow(r->arena, (void *)node->items, node->count, &capacity, sizeof(const yaml_node *));
        r->no_memory = r->no_memory || items == NULL;
        if (item == NULL || items == NULL)
            break;
        node->items = items;
        node->items[node->count++] = item;
        node->weight += item->weight;
    }
    r->stopped = true;
    return NULL;
}

static bool add_pair(reader *r, yaml_node *node, size_t *capacity, yaml_pair pair) {
    yaml_pair *pairs = mlsel_i_arena_grow(r->arena, node->pairs, node->count, capacity, sizeof *pairs);
    if (pairs == NULL) {
        r->no_memory = true;
        return false;
    }
    node->pairs = pairs;
    if (pair.key->kind != YAML_SCALAR) {
        mlsel_i_diagnose(r->list, CONFIG_ERROR, "yaml-key", pair.key->span, NULL,
                         "a key must be a text, not a list or a mapping");
        return true;
    }
    node->pairs[node->count++] = pair;
    node->weight += pair.key->weight + pair.value->weight;
    return true;
}

static const yaml_node *read_mapping(reader *r, const yaml_event_t *start, size_t depth) {
    yaml_node *node = add_node(r, YAML_MAPPING, span_of(r, &start->start_mark, &start->end_mark));
    size_t capacity = 0;
    while (node != NULL && !r->stopped) {
        yaml_event_t event;
        yaml_pair pair = {0};
        if (!next_event(r, &event))
            break;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            r->no_memory = !mlsel_i_yaml_merge(node, r->arena, r->list);
            r->stopped = r->no_memory;
            return r->no_memory ? NULL : node;
        }
        if ((pair.key = read_node(r, &event, depth)) == NULL || !next_event(r, &event) ||
            (pair.value = read_node(r, &event, depth)) == NULL || !add_pair(r, node, &capacity, pair))
            break;
    }
    r->stopped = true;
    return NULL;
}

/* Reads the node that an event begins, and deletes the event. */
static const yaml_node *read_node(reader *r, yaml_event_t *event, size_t depth) {
    const yaml_node *node = NULL;
    int32_t index = -1;
    if (event->type == YAML_ALIAS_EVENT) {
        node = find_alias(r, event);
    } else if (event->type == YAML_SCALAR_EVENT) {
        index = open_anchor(r, event->data.scalar.anchor);
        node = r->stopped ? NULL : read_scalar(r, event);
    } else if (depth == YAML_MAX_DEPTH) {
        STOP(r, "yaml-limit", span_of(r, &event->start_mark, &event->end_mark), NULL,
             "lists and mappings are nested deeper than %d levels", (int)YAML_MAX_DEPTH);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        index = open_anchor(r, event->data.sequence_start.anchor);
        node = r->stopped ? NULL : read_sequence(r, event, depth + 1);
    } else {
        index = open_anchor(r, event->data.mapping_start.anchor);
        node = r->stopped ? NULL : read_mapping(r, event, depth + 1);
    }
    close_anchor(r, index, node);
    yaml_event_delete(event);
    return node;
}

/* --- the document ------------------------------------------------------------------------------------------------ */

static void report_empty(reader *r) {
    const config_span start = {1, 1, 1, 1};
    mlsel_i_diagnose(r->list, CONFIG_ERROR, "yaml-empty", start, NULL,
                     "the file holds no configuration, only white space and comments");
    r->stopped = true;
}

static const yaml_node *read_document(reader *r) {
    const yaml_node *root = NULL;
    while (!r->stopped) {
        yaml_event_t event;
        if (!next_event(r, &event))
            break;
        const yaml_event_type_t type = event.type;
        if (type == YAML_STREAM_END_EVENT && root == NULL)
            report_empty(r);
        if (type == YAML_DOCUMENT_START_EVENT && root != NULL)
            STOP(r, "yaml-documents", span_of(r, &event.start_mark, &event.end_mark),
                 "keep one document and remove the \"---\" line with what follows, or make it a file of its own",
                 "a second document starts here, a configuration is one document");
        if (type == YAML_STREAM_START_EVENT || type == YAML_STREAM_END_EVENT || type == YAML_DOCUMENT_START_EVENT ||
            type == YAML_DOCUMENT_END_EVENT)
            yaml_event_delete(&event);
        else
            root = read_node(r, &event, 0);
        if (root != NULL && root->kind == YAML_SCALAR && root->type == YAML_NULL)
            report_empty(r);
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    return r->stopped ? NULL : root;
}

bool mlsel_i_yaml_read(const char *text, size_t size, config_arena *arena, config_diagnostics *list,
                       const yaml_node **root) {
    reader r = {.arena = arena, .list = list};
    bool valid = false;
    *root = NULL;
    if (size == 0)
        text = "";                                           /* libyaml asserts that there is one */
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark is no character of the first line */
        text += 3;
        size -= 3;
    }
    if (!mlsel_i_lines_scan(text, size, list, &r.lines, &valid))
        return false;
    if (valid && yaml_parser_initialize(&r.parser)) {
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
        *root = read_document(&r);
        yaml_parser_delete(&r.parser);
        mlsel_i_labels_free(&r.anchor_names);
    } else if (valid) {
        r.no_memory = true;
    }
    mlsel_i_lines_free(&r.lines);
    if (r.no_memory || mlsel_i_arena_failed(arena))
        *root = NULL;
    return !r.no_memory && !mlsel_i_arena_failed(arena);
}
