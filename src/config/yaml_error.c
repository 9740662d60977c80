/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_error.h"

#include <string.h>

#include "config/diagnostics.h"

/* What libyaml says, and what a person needs to hear. NULL as context fits any. */
typedef struct phrase {
    const char *problem; /* how it begins */
    const char *context; /* how it begins */
    const char *message;
    const char *advice;
    bool at_context; /* the place is where the construct began */
} phrase;

static const phrase phrases[] = {
    {"found unexpected end of stream", "while scanning a quoted scalar", "the quote that opens here is never closed",
     NULL, true},
    {"found unexpected document indicator", "while scanning a quoted scalar",
     "the quote that opens here is never closed", NULL, true},
    {"did not find expected ',' or ']'", NULL, "the '[' that opens here is not closed, or a ',' is missing", NULL,
     true},
    {"did not find expected ',' or '}'", NULL, "the '{' that opens here is not closed, or a ',' is missing", NULL,
     true},
    {"did not find expected node content", NULL, "expected a value here", NULL, false},
    {"did not find expected '-' indicator", NULL, "expected the next \"- \" of the list, or less indentation", NULL,
     false},
    {"did not find expected key", NULL, "expected a key here",
     "check the indentation and the quotes of the lines above", false},
    {"mapping values are not allowed", NULL, "a ':' is not allowed here",
     "check the indentation, or quote a text that contains \": \"", false},
    {"block sequence entries are not allowed", NULL, "a \"- \" is not allowed here",
     "put it on a line of its own, indented below its key", false},
    {"block collection entries are not allowed", NULL, "a \"- \" is not allowed here",
     "put it on a line of its own, indented below its key", false},
    {"could not find expected ':'", NULL, "the key that begins here has no ':'", NULL, true},
    {"found unknown escape character", NULL, "unknown escape in double quotes",
     "double the backslash, or use single quotes", false},
    {"found undefined tag handle", NULL, "unknown tag", "quote a text that begins with '!'", true},
    {"did not find expected whitespace or line break", NULL, "unknown tag", "quote a text that begins with '!'", true},
    {"did not find expected alphabetic or numeric character", "while scanning an alias",
     "a name must follow the '*' of an alias", "quote a text that begins with '*'", true},
    {"did not find expected alphabetic or numeric character", "while scanning an anchor",
     "a name must follow the '&' of an anchor", "quote a text that begins with '&'", true},
    {"found incompatible YAML document", NULL, "this version of YAML is not supported", "remove the %YAML line", false},
    {"did not find expected <document start>", NULL, "expected a single mapping: this line is outside of it",
     "check the indentation", false},
    {"exceeded max depth", NULL, "lists and mappings are nested too deep", NULL, false},
};

static bool begins(const char *text, const char *with) {
    return with == NULL || (text != NULL && strncmp(text, with, strlen(with)) == 0);
}

static const phrase *find_phrase(const yaml_parser_t *parser) {
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(phrases); i++)
        if (begins(parser->problem, phrases[i].problem) && begins(parser->context, phrases[i].context))
            return &phrases[i];
    return NULL;
}

static config_span place(const line_index *lines, const yaml_mark_t *mark) {
    config_span span;
    mlsel_i_lines_find(lines, mark->index, &span.line, &span.column);
    span.end_line = span.line;
    span.end_column = span.column + 1;
    return span;
}

/* The character that the scanner stopped at: libyaml has it at the front of its buffer. */
static unsigned char stopped_at(const yaml_parser_t *parser) {
    return parser->unread > 0 && parser->buffer.pointer != NULL ? *parser->buffer.pointer : 0;
}

static void report_character(const yaml_parser_t *parser, config_span span, config_diagnostics *list) {
    const unsigned char c = stopped_at(parser);
    if (c == '\t')
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-tab", span, "indent with spaces",
                         "a tab cannot indent or separate here");
    else if (c > 0x20 && c < 0x7f)
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-syntax", span, "put the text in quotes",
                         "a text cannot begin with '%c'", c);
    else
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-syntax", span, "put the text in quotes",
                         "a text cannot begin with this character");
}

void mlsel_i_yaml_report(const yaml_parser_t *parser, const line_index *lines, config_diagnostics *list) {
    const phrase *const known = find_phrase(parser);
    const config_span span = place(lines, &parser->problem_mark);
    if (begins(parser->problem, "found character that cannot start any token"))
        report_character(parser, span, list);
    else if (begins(parser->problem, "found a tab character"))
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-tab", span, "indent with spaces",
                         "a tab cannot indent or separate here");
    else if (known == NULL)
        mlsel_i_diagnose(list, CONFIG_ERROR, "yaml-syntax", span, NULL, "not YAML: %s",
                         parser->problem == NULL ? "unknown problem" : parser->problem);
    else
        mlsel_i_diagnose(list, CONFIG_ERROR, strstr(known->message, "too deep") != NULL ? "yaml-limit" : "yaml-syntax",
                         known->at_context ? place(lines, &parser->context_mark) : span, known->advice, "%s",
                         known->message);
}
