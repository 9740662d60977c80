/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const char usage[] =
    "usage: bench [option...]\n"
    "\n"
    "Measures what a selection takes, beside what the machine can do: summing the same bytes (one query), or\n"
    "multiplying and adding on registers (batches). Both take turns, so the ratios hold on a busy machine too.\n"
    "On a card it is the longer of copying the queries there and multiplying them there.\n"
    "\n"
    "  --kinds LIST      of knn,svm,kmeans,mlp,load (default: all)\n"
    "  --filter TEXT     only cases whose name has TEXT in it, as in knn-10k or avx2/f32/b1 (see --list)\n"
    "  --device NAME     on another device than the CPU, as in cuda or cuda:1; all times are by the clock on the wall\n"
    "  --isa LIST        instruction sets (MLSEL_ISA), \"best\", or \"all\" (default: all but reference)\n"
    "  --precision LIST  of default,f32,f16,bf16,int8 (default: all but f32, which is the default today)\n"
    "  --batch LIST      of 1,32,256, and with --device 4096 (default: all)\n"
    "  --threads N       give each model N threads (default 1); then all times are by the clock on the wall\n"
    "  --seconds S       per measurement, default 1\n"
    "  --repeat N        write each KNN row N times, one per model, as trainers do (default 1: all rows differ)\n"
    "  --rows HOW        how vectors are made: usual; one-category (none can be left out by its category); alike\n"
    "                    (so much that 8 bits cannot tell them apart: KNN has to scan in f32)\n"
    "  --artifact FILE   measure loading and selecting with this artifact instead of the cases\n"
    "  --quick           only the small sizes, a hundredth of a second each: does it run?\n"
    "  --json[=FILE]     JSON lines instead of the table, or to FILE beside it\n"
    "  --list            only list the cases\n"
    "  --write FOLDER    write artifacts (NAME.json), their matrices (NAME.f32) and the queries (queries.f32,\n"
    "                    256 x 1038) there instead of measuring\n"
    "  --help            this text\n";

enum option_id {
    OPTION_HELP = 1000,
    OPTION_KINDS,
    OPTION_DEVICE,
    OPTION_FILTER,
    OPTION_ISA,
    OPTION_PRECISION,
    OPTION_BATCH,
    OPTION_THREADS,
    OPTION_SECONDS,
    OPTION_REPEAT,
    OPTION_ROWS,
    OPTION_ARTIFACT,
    OPTION_QUICK,
    OPTION_JSON,
    OPTION_LIST,
    OPTION_WRITE
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"kinds", required_argument, NULL, OPTION_KINDS},
    {"filter", required_argument, NULL, OPTION_FILTER},
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"isa", required_argument, NULL, OPTION_ISA},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"artifact", required_argument, NULL, OPTION_ARTIFACT},
    {"quick", no_argument, NULL, OPTION_QUICK},
    {"json", optional_argument, NULL, OPTION_JSON},
    {"list", no_argument, NULL, OPTION_LIST},
    {"write", required_argument, NULL, OPTION_WRITE},
    {"rows", required_argument, NULL, OPTION_ROWS},
    {"precision", required_argument, NULL, OPTION_PRECISION},
    {NULL, 0, NULL, 0},
};

bool bench_list_has(const char *list, const char *word) {
    const size_t size = strlen(word);
    for (const char *item = list; item != NULL; item = strchr(item, ',')) {
        item += *item == ',';
        if (strncmp(item, word, size) == 0 && (item[size] == ',' || item[size] == '\0'))
            return true;
    }
    return false;
}

/* Every item of the list must be one of the words. */
static void check_list(const char *option, const char *list, const char *words) {
    const char *item = list;
    for (;;) {
        char word[32];
        const size_t size = strcspn(item, ",");
        snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word - 1), item);
        if (!bench_list_has(words, word))
            bench_fail("%s: \"%s\" is none of %s", option, word, words);
        if (item[size] == '\0')
            return;
        item += size + 1;
    }
}

static double read_number(const char *option, const char *text, double low, double high) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= low && value <= high))
        bench_fail("%s: \"%s\" is no number from %g to %g", option, text, low, high);
    return value;
}

static unsigned read_count(const char *option, const char *text, double most) {
    const double count = read_number(option, text, 1, most);
    if (count != floor(count))
        bench_fail("%s: \"%s\" is no whole number", option, text);
    return (unsigned)count;
}

static void read_rows(bench_options *options) {
    check_list("--rows", optarg, "usual,one-category,alike");
    for (bench_rows rows = BENCH_ROWS_USUAL; rows <= BENCH_ROWS_ALIKE; rows++)
        if (strcmp(optarg, bench_rows_name(rows)) == 0)
            options->rows = rows;
}

static void read_option(bench_options *options, int id) {
    switch ((enum option_id)id) {
    case OPTION_HELP:
        fputs(usage, stdout);
        exit(0);
    case OPTION_KINDS:
        check_list("--kinds", optarg, "knn,svm,kmeans,mlp,load");
        options->kinds = optarg;
        break;
    case OPTION_FILTER:
        options->filter = optarg;
        break;
    case OPTION_DEVICE:
        options->device = optarg;
        break;
    case OPTION_ISA:
        options->isa = optarg;
        break;
    case OPTION_PRECISION:
        check_list("--precision", optarg, "default,f32,f16,bf16,int8");
        options->precisions = optarg;
        break;
    case OPTION_BATCH:
        check_list("--batch", optarg, "1,32,256,4096");
        options->batches = optarg;
        break;
    case OPTION_THREADS:
        options->threads = read_count("--threads", optarg, 256);
        break;
    case OPTION_SECONDS:
        options->seconds = read_number("--seconds", optarg, 0.001, 3600);
        break;
    case OPTION_REPEAT:
        options->repeat = read_count("--repeat", optarg, 1000);
        break;
    case OPTION_ROWS:
        read_rows(options);
        break;
    case OPTION_ARTIFACT:
        options->artifact = optarg;
        break;
    case OPTION_QUICK:
        options->quick = true;
        break;
    case OPTION_JSON:
        options->json = optarg == NULL;
        options->json_file = optarg;
        break;
    case OPTION_LIST:
        options->list = true;
        break;
    case OPTION_WRITE:
        options->write_to = optarg;
        break;
    }
}

void bench_options_read(bench_options *options, int argc, char **argv) {
    *options = (bench_options){.repeat = 1, .threads = 1};
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == '?') {
            fputs("Try bench --help.\n", stderr);
            exit(2);
        }
        read_option(options, id);
    }
    if (optind < argc)
        bench_fail("unexpected argument \"%s\"", argv[optind]);
    if (options->device != NULL && options->isa != NULL)
        bench_fail("--isa is of the CPU, not of --device %s", options->device);
    if (options->seconds == 0)
        options->seconds = options->quick ? 0.01 : 1;
}
