/* SPDX-License-Identifier: Apache-2.0 */
/* bad.txt, which says what it is: every finding with its place, message and suggestion. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MARKS = 16, MAX_TEXT = 8192 };

typedef struct place {
    uint32_t line;
    uint32_t column;
} place;

/* One section of the file. */
typedef struct section {
    const char *name;
    bool artifacts;
    char text[MAX_TEXT];
    size_t size;
    place starts[MAX_MARKS];
    place ends[MAX_MARKS];
    size_t n_marks;
    char *expected; /* lines up to the end of the section */
} section;

/* --- reading the sections ----------------------------------------------------------------------------------------- */

static void append(section *s, const char *text, size_t size) {
    assert_true(s->size + size < MAX_TEXT);
    memcpy(s->text + s->size, text, size);
    s->size += size;
}

static const char *expand(const char *line) {
    static const struct {
        const char *name;
        const char *text;
    } macros[] = {
        {"%selection", "model_selection: {ml: {models_path: m}}"},
        {"%decision", "decisions: [{name: good, rules: {type: domain, name: math}, modelRefs: [{model: x}]}]"},
    };
    for (size_t i = 0; i < TEST_LENGTH(macros); i++)
        if (strcmp(line, macros[i].name) == 0)
            return macros[i].text;
    return line;
}

/* Adds a line of the configuration without its marks, whose places are noted. */
static void add_line(section *s, const char *line, uint32_t number) {
    uint32_t column = 1;
    size_t indent = strspn(line, " ");
    append(s, line, indent);
    column += (uint32_t)indent;
    for (const char *at = expand(line + indent); *at != '\0';) {
        if (strncmp(at, "«", 2) == 0) {
            assert_true(s->n_marks < MAX_MARKS);
            s->starts[s->n_marks] = (place){number, column};
            at += 2;
        } else if (strncmp(at, "»", 2) == 0) {
            s->ends[s->n_marks++] = (place){number, column};
            at += 2;
        } else {
            column += ((unsigned char)*at & 0xc0) != 0x80;
            append(s, at++, 1);
        }
    }
    append(s, "\n", 1);
}

/* The next line of *rest, or NULL. */
static char *next_line(char **rest) {
    char *line = *rest;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    *rest = end == NULL ? NULL : end + 1;
    if (end != NULL)
        *end = '\0';
    return line;
}

/* Reads the section whose "===" line is at *rest; false at the end of the file. */
static bool read_section(char **rest, section *s) {
    char *line;
    *s = (section){0};
    while ((line = next_line(rest)) != NULL && strncmp(line, "=== ", 4) != 0)
        ;
    if (line == NULL)
        return false;
    s->name = line + 4;
    const char *option = strrchr(line, ' ');
    s->artifacts = strcmp(option, " artifacts") == 0;
    for (uint32_t number = 1; (line = next_line(rest)) != NULL && strcmp(line, "---") != 0; number++)
        add_line(s, line, number);
    assert_non_null(line);
    s->expected = *rest;
    return true;
}

/* --- comparing -----------------------------------------------------------------------------------------------------
 */

static bool is_message(const char *got, const char *expected) {
    const size_t size = strlen(expected);
    if (size > 0 && expected[size - 1] == '~')
        return strncmp(got, expected, size - 1) == 0;
    return strcmp(got, expected) == 0;
}

static void show(const section *s, const mlsel_diagnostics *found) {
    mlsel_diagnostic d;
    print_message("%s:\n", s->name);
    for (size_t i = 0; mlsel_diagnostics_get(found, i, &d, sizeof d, NULL) == MLSEL_OK; i++)
        print_message("  %u:%u-%u:%u %s %s: %s\n    > %s\n", (unsigned)d.line, (unsigned)d.column, (unsigned)d.end_line,
                      (unsigned)d.end_column, mlsel_severity_name(d.severity), d.code, d.message,
                      d.suggestion == NULL ? "" : d.suggestion);
}

/* "error code: message", with "+ " before it if it is about the part before. */
static bool is_finding(const section *s, const mlsel_diagnostic *d, const char *line, size_t *mark) {
    const bool same = strncmp(line, "+ ", 2) == 0;
    char head[128];
    line += same ? 2 : 0;
    *mark += same ? 0 : 1;
    snprintf(head, sizeof head, "%s %s: ", mlsel_severity_name(d->severity), d->code);
    if (*mark == 0 || *mark > s->n_marks || strncmp(line, head, strlen(head)) != 0 ||
        !is_message(d->message, line + strlen(head)))
        return false;
    const place start = s->starts[*mark - 1], end = s->ends[*mark - 1];
    return d->line == start.line && d->column == start.column && d->end_line == end.line && d->end_column == end.column;
}

/* Whether the line of the finding is the one in the configuration. */
static bool is_source(const section *s, const mlsel_diagnostic *d) {
    const char *at = s->text;
    for (uint32_t line = 1; line < d->line; line++)
        at = strchr(at, '\n') + 1;
    const size_t size = strcspn(at, "\n");
    return d->source != NULL && strlen(d->source) == size && memcmp(d->source, at, size) == 0;
}

static bool compare(section *s, const mlsel_diagnostics *found) {
    mlsel_diagnostic d = {0};
    mlsel_diagnostics_info info = {0};
    size_t index = 0, mark = 0;
    bool good = true, suggested = true;
    char *rest = s->expected;
    for (char *line; (line = next_line(&rest)) != NULL && *line != '\0' && *line != '#';) {
        if (strncmp(line, "  > ", 4) == 0) {
            good = good && d.suggestion != NULL && strcmp(d.suggestion, line + 4) == 0;
            suggested = true;
            continue;
        }
        good = good && suggested;
        good = mlsel_diagnostics_get(found, index++, &d, sizeof d, NULL) == MLSEL_OK && good;
        good = good && is_finding(s, &d, line, &mark) && is_source(s, &d) && strcmp(d.file, "the file") == 0;
        suggested = d.suggestion == NULL;
    }
    assert_int_equal(mlsel_diagnostics_get_info(found, &info, sizeof info, NULL), MLSEL_OK);
    return good && suggested && index == info.n_diagnostics && mark == s->n_marks &&
           info.n_errors + info.n_warnings + info.n_notes == index;
}

static bool check_section(section *s) {
    mlsel_error err;
    mlsel_diagnostics *found = NULL;
    mlsel_router_options options;
    mlsel_router_options_init(&options, sizeof options);
    options.base_dir = "tests";
    test_ok(mlsel_config_validate_memory(s->text, s->size, "the file", &options,
                                         s->artifacts ? 0 : MLSEL_VALIDATE_TEXT_ONLY, &found, &err),
            &err);
    char *next = s->expected;
    const size_t left = strlen(next);
    char *copy = malloc(left + 1);
    memcpy(copy, next, left + 1);
    s->expected = copy;
    const bool good = compare(s, found);
    if (!good)
        show(s, found);
    free(copy);
    mlsel_diagnostics_release(found);
    return good;
}

static void every_section(void **state) {
    (void)state;
    char *file = test_need_file(TEST_SOURCE_DIR "/tests/config/bad.txt", NULL), *rest = file;
    section *s = malloc(sizeof *s);
    size_t count = 0, wrong = 0;
    while (read_section(&rest, s)) {
        wrong += !check_section(s);
        count++;
    }
    free(s);
    free(file);
    print_message("%zu configurations, %zu wrong\n", count, wrong);
    assert_true(count >= 200);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_section)};
    if (chdir(TEST_SOURCE_DIR) != 0) /* messages name paths from there */
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
