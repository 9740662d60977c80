/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "json_out.h"
#include "merge.h"
#include "text.h"
#include "tool.h"

/* clang-format off */
const char cmd_merge_help[] =
    "Usage: mlsel merge OUT PART... [options]\n"
    "\n"
    "Joins files of benchmark results, as those of the shards of a run, into one: a\n"
    "row for each query and model, in the order in which they first come. An answer\n"
    "takes the place of an error, the last of several errors stays, and the same\n"
    "answer twice counts once. OUT is written complete or not at all, and may be one\n"
    "of the parts.\n"
    "\n"
    "Options:\n"
    "  --prefer WHICH          first or last: of different answers of a model to one\n"
    "                          query, which otherwise are an error\n"
    "  --json                  the counts as a JSON object\n"
    "  -h, --help              this text\n"
    "\n"
    "Examples:\n"
    "  mlsel merge results.jsonl part1.jsonl part2.jsonl\n"
    "  mlsel merge results.jsonl results.jsonl\n";
/* clang-format on */

static void print_json(const char *path, const mlsel_merge_summary *s) {
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"rows", s->rows},         {"answers", s->answers},     {"superseded", s->superseded},
                  {"repeated", s->repeated}, {"conflicts", s->conflicts}, {"cut_parts", s->cut_parts}};
    json_out j = {0};
    json_open(&j, '{');
    json_key(&j, "output");
    json_string(&j, path);
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(counts); i++) {
        json_key(&j, counts[i].key);
        json_unsigned(&j, counts[i].value);
    }
    json_close(&j, '}');
    json_end_line(&j);
}

static void print_text(const char *path, const mlsel_merge_summary *s) {
    char rows[TEXT_NUMBER], errors[TEXT_NUMBER], n[TEXT_NUMBER];
    char *name = text_cleaned(path);
    printf("%s: %s rows", name, text_count(rows, s->rows));
    if (s->rows > s->answers)
        printf(", %s of them errors", text_count(errors, s->rows - s->answers));
    printf("\n");
    free(name);
    if (s->superseded > 0)
        tool_notice("%s errors were superseded", text_count(n, s->superseded));
    if (s->repeated > 0)
        tool_notice("%s answers were there twice", text_count(n, s->repeated));
    if (s->conflicts > 0)
        tool_warning("%s answers were left out because of different ones", text_count(n, s->conflicts));
    if (s->cut_parts > 0)
        tool_warning("%s parts end in an incomplete line, which was left out", text_count(n, s->cut_parts));
}

static int run(const char *path, const char *const *parts, size_t n, mlsel_merge_conflict conflict, bool json) {
    mlsel_merge_summary summary;
    mlsel_error err;
    const mlsel_status status = mlsel_merge(path, parts, n, conflict, &summary, &err);
    if (status != MLSEL_OK) {
        tool_error("%s", err.message);
        if (strstr(err.message, "another answer") != NULL)
            tool_hint("--prefer first or --prefer last chooses");
        return tool_exit_code(status);
    }
    if (json)
        print_json(path, &summary);
    else
        print_text(path, &summary);
    return EXIT_ANSWER;
}

int cmd_merge(char **arguments) {
    enum { HELP = 1, PREFER, JSON };
    static const args_option options[] = {{"--help", HELP, false}, {"--prefer", PREFER, true}, {"--json", JSON, false}};
    static const char *const choices[] = {"first", "last"};
    args a = {.command = "merge", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    mlsel_merge_conflict conflict = MLSEL_MERGE_REFUSE;
    bool json = false;
    size_t n = 0, most = 0;
    const char *value;
    while (arguments[most] != NULL)
        most++;
    const char **files = tool_alloc(most + 1, sizeof *files);
    int code = EXIT_USAGE;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        switch (id) {
        case ARGS_BAD:
            goto out;
        case ARGS_OPERAND:
            files[n++] = a.rest[-1];
            break;
        case HELP:
            fputs(cmd_merge_help, stdout);
            code = EXIT_ANSWER;
            goto out;
        case PREFER: {
            const int choice = args_choice(&a, "--prefer", value, choices, TOOL_ARRAY_LENGTH(choices));
            if (choice < 0)
                goto out;
            conflict = choice == 0 ? MLSEL_MERGE_FIRST : MLSEL_MERGE_LAST;
            break;
        }
        default:
            json = true;
            break;
        }
    }
    if (n < 2) {
        tool_error("%s", n == 0 ? "the file to write is missing" : "the parts to join are missing");
        args_help_hint("merge", NULL);
        goto out;
    }
    code = run(files[0], files + 1, n - 1, conflict, json);
out:
    free(files);
    return code;
}
