/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agreement.h"
#include "args.h"
#include "commands.h"
#include "json_out.h"
#include "model_file.h"
#include "table.h"
#include "text.h"
#include "tool.h"

const char cmd_inspect_help[] = "Usage: mlsel inspect [options] FILE [FILE...]\n"
                                "\n"
                                "Checks selector artifacts and says what they hold: algorithm, query width,\n"
                                "labels, categories, size, and what is special to the algorithm (neighbours,\n"
                                "clusters, kernel, layers).\n"
                                "\n"
                                "FILE is a knn, kmeans, svm or mlp artifact in JSON, or a safetensors file that\n"
                                "`mlsel convert` made; `-` is standard input, and a pipe such as\n"
                                "<(zcat svm_model.json.gz) will do. All values are looked at.\n"
                                "\n"
                                "Fewer bits for the weights of an mlp artifact are faster and change its scores.\n"
                                "How often that changes the choice is measured with --precision or --agreement,\n"
                                "on your own queries or, for a first impression, on 1,024 made-up ones.\n"
                                "\n"
                                "Options:\n"
                                "  --precision P   as scored in f32 (default), f16, bf16 or int8, and how far its\n"
                                "                  answers agree with those in f32\n"
                                "  --agreement     the same of all precisions\n"
                                "  --queries FILE  measure it on these queries (.jsonl, .npy, .f32; see\n"
                                "                  `mlsel select --help`)\n"
                                "  --json          one JSON object per file and line\n"
                                "  -h, --help      this text\n"
                                "\n"
                                "Examples:\n"
                                "  mlsel inspect examples/models/knn_model.json\n"
                                "  mlsel inspect --json examples/models/*.json\n"
                                "  mlsel inspect --agreement --queries examples/queries.jsonl \\\n"
                                "      examples/models/mlp_model.json\n"
                                "  gzip -c examples/models/svm_model.json | zcat | mlsel inspect -\n";

enum { KEY_WIDTH = 19, TEXT_END = 100 };

/* --- for people ------------------------------------------------------------------------------------------------- */

static void print_key(const char *key) { printf("  %-*s", KEY_WIDTH - 2, key); }

static void print_value(const char *key, const char *format, ...) TOOL_PRINTF(2, 3);
static void print_value(const char *key, const char *format, ...) {
    va_list list;
    print_key(key);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

static void print_width(const mlsel_model_info *info) {
    if (info->n_categories > 0 && info->n_categories <= info->n_features)
        print_value("query width", "%" PRIu32 " = %" PRIu32 " embedding + %" PRIu32 " category values",
                    info->n_features, info->n_features - info->n_categories, info->n_categories);
    else
        print_value("query width", "%" PRIu32, info->n_features);
}

static void print_categories(const mlsel_model *model, const mlsel_model_info *info) {
    if (info->n_categories == 0) {
        print_value("categories", "none");
        return;
    }
    print_value("categories", "%s order, weight %g", model_file_layout_name(info->category_layout),
                info->category_weight);
    size_t column = KEY_WIDTH;
    print_key("");
    for (uint32_t i = 0; i < info->n_categories; ++i) {
        const char *name = mlsel_model_category(model, (int32_t)i);
        char *clean = text_cleaned(name != NULL ? name : "?");
        bool last = i + 1 == info->n_categories;
        size_t width = text_width(clean) + (last ? 0 : 1);
        if (column > KEY_WIDTH && column + 1 + width > TEXT_END) {
            putchar('\n');
            print_key("");
            column = KEY_WIDTH;
        }
        printf("%s%s%s", column > KEY_WIDTH ? " " : "", clean, last ? "\n" : ",");
        column += width + (column > KEY_WIDTH ? 1 : 0);
        free(clean);
    }
}

static void print_labels(const mlsel_model *model) {
    size_t count = mlsel_model_label_count(model);
    print_value("labels", "%zu", count);
    for (size_t i = 0; i < count; ++i) {
        char *clean = text_cleaned(mlsel_model_label(model, (int32_t)i));
        print_key("");
        printf("%*zu  %s\n", count > 1000 ? 5 : count > 100 ? 3 : count > 10 ? 2 : 1, i, clean);
        free(clean);
    }
}

static void print_layers(const mlsel_model *model, const mlsel_model_info *info, bool colour) {
    table_column columns[] = {
        {"LAYER", 5, true}, {"TYPE", 10, false}, {"IN", 6, true}, {"OUT", 6, true}, {"DETAIL", 0, false}};
    table t = {.columns = columns, .count = TOOL_ARRAY_LENGTH(columns), .indent = 4, .colour = colour};
    print_value("layers", "%" PRIu32, info->n_layers);
    table_header(&t);
    for (uint32_t i = 0; i < info->n_layers; ++i) {
        mlsel_layer_info layer = {0};
        char index[TEXT_NUMBER], in[TEXT_NUMBER], out[TEXT_NUMBER], detail[TEXT_NUMBER] = "";
        if (mlsel_model_get_layer(model, i, &layer, sizeof layer, NULL) != MLSEL_OK)
            continue;
        snprintf(index, sizeof index, "%" PRIu32, i);
        snprintf(in, sizeof in, "%" PRIu32, layer.in_features);
        snprintf(out, sizeof out, "%" PRIu32, layer.out_features);
        if (layer.type == MLSEL_LAYER_LINEAR)
            snprintf(detail, sizeof detail, "%s", layer.has_bias ? "bias" : "no bias");
        else if (layer.type == MLSEL_LAYER_BATCH_NORM)
            snprintf(detail, sizeof detail, "eps %g", layer.parameter);
        else if (layer.type == MLSEL_LAYER_DROPOUT)
            snprintf(detail, sizeof detail, "p %g, no effect here", layer.parameter);
        const char *cells[] = {index, mlsel_layer_type_name(layer.type), in, out, detail};
        table_row(&t, cells, false);
    }
}

static void print_svm(const mlsel_model_info *info) {
    char count[TEXT_NUMBER];
    bool pairs = info->svm_form == MLSEL_SVM_FORM_ONE_VS_ONE;
    if (pairs)
        print_value("decision", "one-vs-one, %" PRIu32 " classes, %" PRIu32 " pairs", info->n_classes, info->n_pairs);
    else
        print_value("decision", "one classifier per label, %" PRIu32 " of them", info->n_classes);
    if (info->svm_kernel == MLSEL_SVM_KERNEL_LINEAR)
        print_value("kernel", "linear");
    else if (info->gamma > 0)
        print_value("kernel", "rbf, gamma %g", info->gamma);
    else
        print_value("kernel", "rbf, gamma differs between classifiers");
    if (info->n_support_vectors > 0)
        print_value("support vectors", "%s", text_count(count, info->n_support_vectors));
}

static void print_algorithm(const mlsel_model *model, const mlsel_model_info *info, bool colour) {
    char count[TEXT_NUMBER];
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        print_value("rows", "%s", text_count(count, info->n_samples));
        print_value("neighbours (k)", "%" PRIu32, info->k);
        print_value("decision", "%s",
                    info->knn_rule == MLSEL_KNN_RULE_OUTCOMES ? "by the outcomes that the rows record for every label"
                                                              : "by the rows' votes for their labels");
        break;
    case MLSEL_ALGORITHM_KMEANS:
        print_value("clusters", "%" PRIu32, info->n_clusters);
        break;
    case MLSEL_ALGORITHM_SVM:
        print_svm(info);
        break;
    case MLSEL_ALGORITHM_MLP:
        print_layers(model, info, colour);
        break;
    default:
        break;
    }
}

static void print_container(const mlsel_model_info *info) {
    char size[TEXT_NUMBER];
    print_value("file", "%s, %s%s", mlsel_format_name(info->format), text_bytes(size, info->file_bytes),
                info->is_mapped ? ", mapped" : "");
    if (info->format == MLSEL_FORMAT_SAFETENSORS)
        print_value("index", "%s",
                    info->has_index                               ? "stored: loading reads no row"
                    : info->algorithm == MLSEL_ALGORITHM_KNN      ? "none: loading reads all rows"
                    : info->svm_form == MLSEL_SVM_FORM_ONE_VS_ONE ? "none: loading reads all support vectors"
                                                                  : "none needed");
}

static void print_calibration(const mlsel_model_info *info) {
    char count[TEXT_NUMBER];
    if (info->is_calibrated == 0)
        return;
    if (info->calibration_records > 0)
        print_value("calibration", "%s, fitted to %s records", model_file_calibration_name(info->is_calibrated),
                    text_count(count, info->calibration_records));
    else
        print_value("calibration", "%s", model_file_calibration_name(info->is_calibrated));
}

static void print_model(const char *path, const mlsel_model *model, const agreement *measured, bool colour) {
    mlsel_model_info info;
    char memory[TEXT_NUMBER], count[TEXT_NUMBER];
    char *name = text_cleaned(path);
    model_file_info(model, &info);
    printf("%s%s%s\n", tool_style(colour, STYLE_BOLD), name, tool_style_end(colour));
    free(name);
    print_value("algorithm", "%s (%s)", mlsel_algorithm_name(info.algorithm),
                model_file_algorithm_text(info.algorithm));
    print_value("format version", "%" PRIu32, info.format_version);
    print_container(&info);
    print_width(&info);
    print_categories(model, &info);
    print_labels(model);
    print_algorithm(model, &info, colour);
    print_calibration(&info);
    print_value("parameters", "%s", text_count(count, info.n_parameters));
    print_value("memory", "%s on %s, %s", text_bytes(memory, info.memory_bytes), info.device,
                mlsel_precision_name(info.precision));
    if (info.device_reason[0] != '\0')
        print_value("device", "%s, because %s", info.device, info.device_reason);
    print_value("content hash", "%s", info.content_hash);
    if (measured != NULL)
        agreement_print(measured, colour, print_value);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void json_common(json_out *j, const mlsel_model *model, const mlsel_model_info *info) {
    json_key(j, "algorithm");
    json_string(j, mlsel_algorithm_name(info->algorithm));
    json_key(j, "format_version");
    json_unsigned(j, info->format_version);
    json_key(j, "n_features");
    json_unsigned(j, info->n_features);
    json_key(j, "labels");
    json_open(j, '[');
    for (size_t i = 0; i < mlsel_model_label_count(model); ++i)
        json_string(j, mlsel_model_label(model, (int32_t)i));
    json_close(j, ']');
    json_key(j, "category_layout");
    json_string(j, info->n_categories > 0 ? model_file_layout_name(info->category_layout) : NULL);
    json_key(j, "category_weight");
    json_number(j, info->category_weight);
    json_key(j, "categories");
    json_open(j, '[');
    for (uint32_t i = 0; i < info->n_categories; ++i)
        json_string(j, mlsel_model_category(model, (int32_t)i));
    json_close(j, ']');
    json_key(j, "calibration");
    json_string(j, info->is_calibrated != 0 ? model_file_calibration_name(info->is_calibrated) : NULL);
    if (info->is_calibrated != 0) {
        json_key(j, "calibration_records");
        json_unsigned(j, info->calibration_records);
    }
    json_key(j, "n_parameters");
    json_unsigned(j, info->n_parameters);
    json_key(j, "memory_bytes");
    json_unsigned(j, info->memory_bytes);
    json_key(j, "format");
    json_string(j, mlsel_format_name(info->format));
    json_key(j, "file_bytes");
    json_unsigned(j, info->file_bytes);
    json_key(j, "has_index");
    json_bool(j, info->has_index != 0);
    json_key(j, "content_hash");
    json_string(j, info->content_hash);
    json_key(j, "device");
    json_string(j, info->device);
    if (info->device_reason[0] != '\0') {
        json_key(j, "device_reason");
        json_string(j, info->device_reason);
    }
    json_key(j, "precision");
    json_string(j, mlsel_precision_name(info->precision));
}

static void json_svm(json_out *j, const mlsel_model_info *info) {
    json_key(j, "form");
    json_string(j, info->svm_form == MLSEL_SVM_FORM_ONE_VS_ONE ? "one_vs_one" : "per_model");
    json_key(j, "kernel");
    json_string(j, info->svm_kernel == MLSEL_SVM_KERNEL_LINEAR ? "linear" : "rbf");
    json_key(j, "gamma");
    if (info->gamma > 0)
        json_number(j, info->gamma);
    else
        json_null(j);
    json_key(j, "n_classes");
    json_unsigned(j, info->n_classes);
    json_key(j, "n_pairs");
    json_unsigned(j, info->n_pairs);
    json_key(j, "n_support_vectors");
    json_unsigned(j, info->n_support_vectors);
}

static void json_layer(json_out *j, const mlsel_layer_info *layer) {
    json_open(j, '{');
    json_key(j, "type");
    json_string(j, mlsel_layer_type_name(layer->type));
    json_key(j, "in_features");
    json_unsigned(j, layer->in_features);
    json_key(j, "out_features");
    json_unsigned(j, layer->out_features);
    if (layer->type == MLSEL_LAYER_LINEAR) {
        json_key(j, "bias");
        json_bool(j, layer->has_bias != 0);
    } else if (layer->type == MLSEL_LAYER_BATCH_NORM || layer->type == MLSEL_LAYER_DROPOUT) {
        json_key(j, layer->type == MLSEL_LAYER_DROPOUT ? "p" : "eps");
        json_number(j, layer->parameter);
    }
    json_close(j, '}');
}

static void json_algorithm(json_out *j, const mlsel_model *model, const mlsel_model_info *info) {
    switch (info->algorithm) {
    case MLSEL_ALGORITHM_KNN:
        json_key(j, "k");
        json_unsigned(j, info->k);
        json_key(j, "n_samples");
        json_unsigned(j, info->n_samples);
        json_key(j, "knn_rule");
        json_string(j, model_file_rule_name(info->knn_rule));
        break;
    case MLSEL_ALGORITHM_KMEANS:
        json_key(j, "n_clusters");
        json_unsigned(j, info->n_clusters);
        break;
    case MLSEL_ALGORITHM_SVM:
        json_svm(j, info);
        break;
    case MLSEL_ALGORITHM_MLP:
        json_key(j, "layers");
        json_open(j, '[');
        for (uint32_t i = 0; i < info->n_layers; ++i) {
            mlsel_layer_info layer = {0};
            if (mlsel_model_get_layer(model, i, &layer, sizeof layer, NULL) == MLSEL_OK)
                json_layer(j, &layer);
        }
        json_close(j, ']');
        break;
    default:
        break;
    }
}

static void print_json(const char *path, const mlsel_model *model, const agreement *measured) {
    json_out j = {0};
    mlsel_model_info info;
    model_file_info(model, &info);
    json_open(&j, '{');
    json_key(&j, "file");
    json_string(&j, path);
    json_common(&j, model, &info);
    json_algorithm(&j, model, &info);
    if (measured != NULL) {
        json_key(&j, "agreement");
        agreement_json(&j, measured);
    }
    json_close(&j, '}');
    json_end_line(&j);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

typedef struct inspection {
    bool json;
    bool colour;
    agreement_request request;
} inspection;

static void inspect_file(const char *path, const inspection *how, bool first, failure *problem) {
    mlsel_model_options options;
    agreement measured = {0};
    mlsel_model_options_init(&options, sizeof options);
    options.check_values = 1;
    options.precision = how->request.precision;
    mlsel_model *model = model_file_load(path, &options, problem);
    if (model == NULL || (how->request.wanted && !agreement_measure(path, &how->request, &measured, problem)))
        goto out;
    const agreement *shown = how->request.wanted ? &measured : NULL;
    if (how->json) {
        print_json(path, model, shown);
    } else {
        if (!first)
            putchar('\n');
        print_model(path, model, shown, how->colour);
    }
out:
    agreement_free(&measured);
    mlsel_model_release(model);
}

/* All files are tried; the exit code is that of the first one that fails. */
static int inspect_files(char **paths, size_t count, const inspection *how) {
    int code = EXIT_ANSWER;
    for (size_t i = 0; i < count && tool_flush(); ++i) {
        failure problem = {0};
        inspect_file(paths[i], how, i == 0, &problem);
        failure_report(&problem);
        code = code != EXIT_ANSWER ? code : problem.exit_code;
    }
    return code;
}

enum option { HELP = 1, JSON, PRECISION, AGREEMENT, QUERIES };

/* False if the value of an option is none. */
static bool set_option(inspection *how, const args *a, int id, const char *value) {
    static const char *const precisions[] = {"f32", "f16", "bf16", "int8"};
    int chosen = 0;
    how->json = how->json || id == JSON;
    how->request.wanted = how->request.wanted || id == AGREEMENT || id == QUERIES;
    if (id == QUERIES)
        how->request.queries = value;
    if (id != PRECISION)
        return true;
    chosen = args_choice(a, "--precision", value, precisions, TOOL_ARRAY_LENGTH(precisions));
    how->request.precision = MLSEL_PRECISION_F32 + chosen;
    how->request.wanted = how->request.wanted || how->request.precision > MLSEL_PRECISION_F32;
    return chosen >= 0;
}

static int usage(const char *message, const char *hint) {
    tool_error("%s", message);
    tool_hint("%s", hint);
    args_help_hint("inspect", NULL);
    return EXIT_USAGE;
}

int cmd_inspect(char **arguments) {
    static const args_option options[] = {{"--help", HELP, false},
                                          {"--json", JSON, false},
                                          {"--precision", PRECISION, true},
                                          {"--agreement", AGREEMENT, false},
                                          {"--queries", QUERIES, true}};
    args a = {.command = "inspect", .rest = arguments, .options = options, .option_count = TOOL_ARRAY_LENGTH(options)};
    inspection how = {.colour = tool_colour(STDOUT_FILENO)};
    const char *value;
    size_t count = 0;
    for (int id; (id = args_next(&a, &value)) != ARGS_END;) {
        if (id == HELP) {
            fputs(cmd_inspect_help, stdout);
            return EXIT_ANSWER;
        }
        if (id == ARGS_BAD || !set_option(&how, &a, id, value))
            return EXIT_USAGE;
        if (id == ARGS_OPERAND)
            arguments[count++] = a.rest[-1];
    }
    if (count == 0)
        return usage("no artifact to inspect",
                     "name one or more, as in `mlsel inspect examples/models/knn_model.json`");
    if (how.request.wanted && how.request.precision == MLSEL_PRECISION_F32)
        return usage("f32 agrees with itself", "compare another one with it: --precision f16, bf16 or int8, or all of "
                                               "them without --precision");
    return inspect_files(arguments, count, &how);
}
