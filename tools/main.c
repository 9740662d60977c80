/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mlsel command, built on the public header alone.
 */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "tool.h"

static const char main_help[] = "Usage: mlsel COMMAND [options]\n"
                                "\n"
                                "Decides, per request, which language model should answer: from selector\n"
                                "artifacts (knn, kmeans, svm, mlp) and feature vectors (an embedding and a\n"
                                "category).\n"
                                "\n"
                                "Choose:\n"
                                "  route      answer requests as a router's configuration says\n"
                                "  select     choose a language model for each query from artifacts alone\n"
                                "  explain    tell why: rules, scores, probabilities, neighbours, clusters, pairs\n"
                                "  inspect    check artifacts and say what they hold\n"
                                "  convert    write an artifact in another format, for instant loading\n"
                                "  validate   check router configurations and the artifacts they name\n"
                                "Make selectors:\n"
                                "  benchmark  ask language models, and score and time their answers\n"
                                "  merge      join the results of several benchmarks\n"
                                "  score      score the answers in benchmark results again\n"
                                "  embed      make embeddings of queries\n"
                                "  train      make selectors from benchmark records\n"
                                "  evaluate   compare selectors with single models on benchmark records\n"
                                "  calibrate  teach an artifact how good its choices are, from records\n"
                                "  download   fetch artifacts and benchmark data\n"
                                "About mlsel:\n"
                                "  devices    say what can be scored on here\n"
                                "  version    version and build\n"
                                "  help       this text, or that of a command\n"
                                "\n"
                                "`mlsel COMMAND --help` or `mlsel help COMMAND` shows options, input formats and\n"
                                "examples.\n"
                                "\n"
                                "Exit codes:\n"
                                "  0  answered\n"
                                "  1  bad input: an artifact, a query or a file that cannot be read or written\n"
                                "  2  bad usage: a command, option or option value that is not known\n"
                                "  3  no candidate: none of the labels allowed can be chosen, or no decision\n"
                                "     of a configuration matches\n"
                                "  4  the device is not available\n"
                                "  5  out of memory, or a defect of mlsel\n"
                                "  130  stopped by Ctrl-C\n"
                                "\n"
                                "Examples:\n"
                                "  mlsel inspect examples/models/mlp_model.json\n"
                                "  mlsel route examples/router.yaml examples/queries.jsonl\n"
                                "  mlsel select --model examples/models/knn_model.json examples/queries.jsonl\n"
                                "  mlsel explain --model examples/models/svm_model.json --limit 1 \\\n"
                                "      examples/queries.jsonl\n";

static const char version_help[] = "Usage: mlsel version\n"
                                   "\n"
                                   "Prints the version of mlsel and how its library was built.\n"
                                   "\n"
                                   "Examples:\n"
                                   "  mlsel version\n"
                                   "  mlsel --version\n";

static const char help_help[] = "Usage: mlsel help [COMMAND]\n"
                                "\n"
                                "Shows how mlsel or one of its commands is used.\n"
                                "\n"
                                "Examples:\n"
                                "  mlsel help\n"
                                "  mlsel help select\n";

#if !defined(MLSEL_TOOL_TRAIN) || !defined(MLSEL_TOOL_COLLECT)
static const char missing_help[] = "This build of mlsel does not have this command: it was made with\n"
                                   "-DMLSEL_BUILD_TRAIN=OFF or -DMLSEL_BUILD_COLLECT=OFF.\n"
                                   "\n"
                                   "Examples:\n"
                                   "  mlsel version\n";
static int cmd_missing(char **arguments);
#endif

/* Commands of parts that a build may lack. */
#ifdef MLSEL_TOOL_TRAIN
#define OF_TRAIN(run, help) run, help
#else
#define OF_TRAIN(run, help) cmd_missing, missing_help
#endif
#ifdef MLSEL_TOOL_COLLECT
#define OF_COLLECT(run, help) run, help
#else
#define OF_COLLECT(run, help) cmd_missing, missing_help
#endif

static int cmd_version(char **arguments);
static int cmd_help(char **arguments);

static const struct command {
    const char *name;
    int (*run)(char **arguments);
    const char *help;
} commands[] = {
    {"route", cmd_route, cmd_route_help},
    {"select", cmd_select, cmd_select_help},
    {"explain", cmd_explain, cmd_explain_help},
    {"inspect", cmd_inspect, cmd_inspect_help},
    {"convert", cmd_convert, cmd_convert_help},
    {"validate", cmd_validate, cmd_validate_help},
    {"benchmark", OF_COLLECT(cmd_benchmark, cmd_benchmark_help)},
    {"merge", OF_COLLECT(cmd_merge, cmd_merge_help)},
    {"embed", OF_COLLECT(cmd_embed, cmd_embed_help)},
    {"score", OF_COLLECT(cmd_score, cmd_score_help)},
    {"train", OF_TRAIN(cmd_train, cmd_train_help)},
    {"evaluate", OF_TRAIN(cmd_evaluate, cmd_evaluate_help)},
    {"validate-models", OF_TRAIN(cmd_evaluate, cmd_evaluate_help)},
    {"calibrate", OF_TRAIN(cmd_calibrate, cmd_calibrate_help)},
    {"download", OF_COLLECT(cmd_download, cmd_download_help)},
    {"devices", cmd_devices, cmd_devices_help},
    {"version", cmd_version, version_help},
    {"help", cmd_help, help_help},
};

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(commands); ++i)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name) {
    static const char *const options[] = {"--help", "--version"};
    const char *names[TOOL_ARRAY_LENGTH(commands)];
    bool option = name[0] == '-';
    for (size_t i = 0; i < TOOL_ARRAY_LENGTH(commands); ++i)
        names[i] = commands[i].name;
    tool_error("unknown %s \"%s\"", option ? "option" : "command", name);
    args_help_hint(NULL, option ? tool_did_you_mean(name, options, TOOL_ARRAY_LENGTH(options))
                                : tool_did_you_mean(name, names, TOOL_ARRAY_LENGTH(names)));
    return EXIT_USAGE;
}

static bool is_help(const char *argument) { return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0; }

static int show(const char *text) {
    fputs(text, stdout);
    return EXIT_ANSWER;
}

static int unexpected(const char *command, const char *argument) {
    tool_error("unexpected argument \"%s\"", argument);
    args_help_hint(command, NULL);
    return EXIT_USAGE;
}

#if !defined(MLSEL_TOOL_TRAIN) || !defined(MLSEL_TOOL_COLLECT)
static int cmd_missing(char **arguments) {
    if (arguments[0] != NULL && is_help(arguments[0]))
        return show(missing_help);
    tool_error("this build of mlsel does not have this command");
    tool_hint("it was made with -DMLSEL_BUILD_TRAIN=OFF or -DMLSEL_BUILD_COLLECT=OFF");
    return EXIT_USAGE;
}
#endif

static int cmd_version(char **arguments) {
    if (arguments[0] != NULL)
        return is_help(arguments[0]) ? show(version_help) : unexpected("version", arguments[0]);
    printf("mlsel %s\n%s\n", mlsel_version_string(), mlsel_build_info());
    return EXIT_ANSWER;
}

static int cmd_help(char **arguments) {
    if (arguments[0] == NULL)
        return show(main_help);
    if (is_help(arguments[0]))
        return show(help_help);
    if (arguments[1] != NULL)
        return unexpected("help", arguments[1]);
    const struct command *command = find_command(arguments[0]);
    return command != NULL ? show(command->help) : unknown_command(arguments[0]);
}

static int run_command(char **arguments) {
    if (arguments[0] == NULL) {
        fputs(main_help, stderr);
        return EXIT_USAGE;
    }
    if (is_help(arguments[0]))
        return show(main_help);
    if (strcmp(arguments[0], "--version") == 0)
        return cmd_version(arguments + 1);
    const struct command *command = find_command(arguments[0]);
    return command != NULL ? command->run(arguments + 1) : unknown_command(arguments[0]);
}

int main(int argc, char **argv) {
    tool_hold_streams();
    tool_json_start();
    return tool_finish(run_command(argv + (argc > 0 ? 1 : 0)));
}
