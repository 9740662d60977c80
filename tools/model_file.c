/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "model_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"

/* As mlsel_model_options.max_bytes of 0. */
#define DEFAULT_MAX_BYTES ((uint64_t)4 << 30)

/* Replaces the library's complaint about a byte by what is the matter. */
static bool explain_compressed(const char *path, const unsigned char *bytes, size_t size, failure *problem) {
    const char *program = NULL;
    const char *compression = tool_compression(bytes, size, &program);
    if (compression == NULL)
        return false;
    bool is_stdin = strcmp(path, "-") == 0;
    failure_set(problem, EXIT_BAD_INPUT, "%s: compressed with %s, expected JSON or safetensors",
                is_stdin ? "standard input" : path, compression);
    if (is_stdin)
        failure_hint(problem, "pipe it through %s", program);
    else
        failure_hint(problem, "unpack it, or give <(%s %s) instead of its name", program, path);
    return true;
}

static void set_failure(const char *path, const mlsel_error *err, const char *prefix, const unsigned char *bytes,
                        size_t size, failure *problem) {
    bool parsed = err->code != MLSEL_ERROR_PARSE && err->code != MLSEL_ERROR_SCHEMA;
    if (!parsed && explain_compressed(path, bytes, size, problem))
        return;
    failure_set(problem, tool_exit_code(err->code), "%s%s%s", prefix, *prefix != '\0' ? ": " : "", err->message);
    if (err->code == MLSEL_ERROR_DEVICE)
        failure_hint(problem, "`mlsel devices` lists what can be used here; --device-fallback takes the CPU instead");
}

/* The library reads regular files only, because it must know a size beforehand; a pipe is read here. */
static mlsel_model *load_stream(const char *path, const mlsel_model_options *options, failure *problem) {
    uint64_t limit = options->max_bytes > 0 ? options->max_bytes : DEFAULT_MAX_BYTES;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    mlsel_model *model = NULL;
    mlsel_error err;
    source s;
    if (!source_open(&s, strcmp(path, "-") == 0 ? NULL : path, problem))
        return NULL;
    size_t want = limit < SIZE_MAX / 2 ? (size_t)limit + 1 : SIZE_MAX / 2;
    size_t size = source_peek(&s, want);
    if (s.error != 0) {
        failure_set(problem, EXIT_BAD_INPUT, "%s: %s", name, strerror(s.error));
    } else if (size > limit) {
        failure_set(problem, EXIT_BAD_INPUT, "%s: more than the %llu bytes accepted", name, (unsigned long long)limit);
    } else {
        const unsigned char *bytes = size > 0 ? source_bytes(&s) : (const unsigned char *)"";
        mlsel_status status = mlsel_model_load_memory(bytes, size, options, &model, &err);
        if (status != MLSEL_OK)
            set_failure(path, &err, name, bytes, size, problem);
    }
    source_close(&s);
    return model;
}

static mlsel_model *load_file(const char *path, const mlsel_model_options *options, failure *problem) {
    mlsel_model *model = NULL;
    mlsel_error err;
    mlsel_status status = mlsel_model_load(path, options, &model, &err);
    if (status == MLSEL_OK)
        return model;
    unsigned char first[8];
    FILE *file = fopen(path, "rb");
    size_t count = file != NULL ? fread(first, 1, sizeof first, file) : 0;
    if (file != NULL)
        fclose(file);
    set_failure(path, &err, "", first, count, problem);
    return NULL;
}

mlsel_model *model_file_load(const char *path, const mlsel_model_options *options, failure *problem) {
    struct stat about;
    bool found = strcmp(path, "-") != 0 && stat(path, &about) == 0;
    if (found && S_ISDIR(about.st_mode)) {
        failure_set(problem, EXIT_BAD_INPUT, "%s: is a folder", path);
        failure_hint(problem, "name the artifact itself, as in %s%sknn_model.json", path,
                     path[strlen(path) - 1] == '/' ? "" : "/");
        return NULL;
    }
    bool stream = strcmp(path, "-") == 0 || (found && !S_ISREG(about.st_mode));
    return stream ? load_stream(path, options, problem) : load_file(path, options, problem);
}

void model_file_info(const mlsel_model *model, mlsel_model_info *info) {
    memset(info, 0, sizeof *info);
    mlsel_model_get_info(model, info, sizeof *info, NULL);
}

const char *model_file_algorithm_text(mlsel_algorithm algorithm) {
    switch (algorithm) {
    case MLSEL_ALGORITHM_KNN:
        return "k nearest neighbours";
    case MLSEL_ALGORITHM_KMEANS:
        return "k-means clusters";
    case MLSEL_ALGORITHM_SVM:
        return "support vector machine";
    case MLSEL_ALGORITHM_MLP:
        return "multilayer perceptron";
    default:
        return "";
    }
}

const char *model_file_layout_name(mlsel_category_layout layout) {
    switch (layout) {
    case MLSEL_CATEGORIES_VSR:
        return "vsr";
    case MLSEL_CATEGORIES_VSR_DOC:
        return "vsr-doc";
    default:
        return "artifact";
    }
}

const char *model_file_rule_name(mlsel_knn_rule rule) {
    switch (rule) {
    case MLSEL_KNN_RULE_LEGACY:
        return "legacy";
    case MLSEL_KNN_RULE_OUTCOMES:
        return "outcomes";
    case MLSEL_KNN_RULE_VOTE:
        return "vote";
    default:
        return "cosine";
    }
}

const char *model_file_calibration_name(int32_t calibration) {
    return calibration == 1 ? "isotonic" : calibration == 2 ? "platt" : "none";
}

const char *model_file_label_list(const mlsel_model *model, char *out, size_t size) {
    size_t count = mlsel_model_label_count(model), used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; ++i) {
        const char *label = mlsel_model_label(model, (int32_t)i);
        if (used + strlen(label) + 32 > size) {
            snprintf(out + used, size - used, " and %zu more", count - i);
            break;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", label);
    }
    return out;
}
