/* SPDX-License-Identifier: Apache-2.0 */
/* The block model_selection, and the parameters of algorithms in it and in decisions. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

/* --- names of algorithms ----------------------------------------------------------------------------------------- */

typedef struct algorithm_name {
    const char *name;
    config_algorithm algorithm;
} algorithm_name;

static const algorithm_name algorithm_names[] = {
    {"knn", CONFIG_ALGORITHM_KNN},
    {"kmeans", CONFIG_ALGORITHM_KMEANS},
    {"svm", CONFIG_ALGORITHM_SVM},
    {"mlp", CONFIG_ALGORITHM_MLP},
    {"static", CONFIG_ALGORITHM_NONE},
    {"automix", CONFIG_ALGORITHM_HOST},
    {"confidence", CONFIG_ALGORITHM_HOST},
    {"elo", CONFIG_ALGORITHM_HOST},
    {"fusion", CONFIG_ALGORITHM_HOST},
    {"gmtrouter", CONFIG_ALGORITHM_HOST},
    {"hiershrink", CONFIG_ALGORITHM_HOST},
    {"hybrid", CONFIG_ALGORITHM_HOST},
    {"latency_aware", CONFIG_ALGORITHM_HOST},
    {"multi_factor", CONFIG_ALGORITHM_HOST},
    {"prompt", CONFIG_ALGORITHM_HOST},
    {"ratings", CONFIG_ALGORITHM_HOST},
    {"remom", CONFIG_ALGORITHM_HOST},
    {"rl_driven", CONFIG_ALGORITHM_HOST},
    {"router_dc", CONFIG_ALGORITHM_HOST},
    {"session_aware", CONFIG_ALGORITHM_HOST},
    {"workflows", CONFIG_ALGORITHM_HOST},
};

static void unknown_algorithm(config_builder *b, config_text name) {
    quoted q;
    char advice[96];
    near_name near = {.given = name.text};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(algorithm_names); i++)
        mlsel_i_near_offer(&near, algorithm_names[i].name);
    if (near.best != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", near.best);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-algorithm", name.span, near.best != NULL ? advice : NULL,
                     "unknown algorithm %s, expected knn, kmeans, svm or mlp", mlsel_i_quote(&q, name.text));
}

static bool find_algorithm(const char *name, config_algorithm *algorithm) {
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(algorithm_names); i++)
        if (strcmp(name, algorithm_names[i].name) == 0) {
            *algorithm = algorithm_names[i].algorithm;
            return true;
        }
    return false;
}

bool mlsel_i_config_read_algorithm(config_builder *b, config_text name, config_algorithm *algorithm) {
    if (strcmp(name.text, "ml") == 0) {
        if (b->model_type.text == NULL) {
            mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-algorithm", name.span,
                             "name the algorithm: knn, kmeans, svm or mlp",
                             "algorithm \"ml\" stands for ml.model_type, which names none");
            return false;
        }
        name = b->model_type;
    }
    if (find_algorithm(name.text, algorithm))
        return true;
    unknown_algorithm(b, name);
    return false;
}

/* --- parameters -------------------------------------------------------------------------------------------------- */

static void check_kernel(config_builder *b, const config_parameters *p) {
    quoted q;
    if (p->kernel.text == NULL || strcmp(p->kernel.text, "rbf") == 0 || strcmp(p->kernel.text, "linear") == 0)
        return;
    static const char *const names[] = {"rbf", "linear"};
    char advice[96];
    const char *const meant = mlsel_i_did_you_mean(p->kernel.text, names, MLSEL_ARRAY_LENGTH(names));
    if (meant != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", meant);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-kernel", p->kernel.span, meant != NULL ? advice : NULL,
                     "unknown kernel %s, expected rbf or linear", mlsel_i_quote(&q, p->kernel.text));
}

/* "cuda:" and a number, as the device strings of mlsel_model_options. */
static bool is_numbered_cuda(const char *device) {
    if (strncmp(device, "cuda:", 5) != 0)
        return false;
    const size_t digits = strspn(device + 5, "0123456789");
    return digits >= 1 && digits <= 4 && device[5 + digits] == '\0';
}

static void check_device(config_builder *b, const config_parameters *p) {
    static const char *const names[] = {"cpu", "cuda", "metal", "auto"};
    quoted q;
    char advice[96];
    const char *const device = p->device.text;
    if (device == NULL || is_numbered_cuda(device))
        return;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(names); i++)
        if (strcmp(device, names[i]) == 0)
            return;
    const char *meant = mlsel_i_did_you_mean(device, names, MLSEL_ARRAY_LENGTH(names));
    if (strcmp(device, "gpu") == 0 || strcmp(device, "GPU") == 0 || strcmp(device, "nvidia") == 0)
        meant = "cuda";
    else if (strcmp(device, "mps") == 0)
        meant = "metal";
    if (meant != NULL)
        snprintf(advice, sizeof advice, "did you mean \"%s\"?", meant);
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "unknown-device", p->device.span, meant != NULL ? advice : NULL,
                     "unknown device %s, expected cpu, cuda, cuda:N, metal or auto", mlsel_i_quote(&q, device));
}

static void check_path(config_builder *b, config_text *path, const char *name) {
    if (path->text == NULL || path->text[0] != '\0')
        return;
    mlsel_i_diagnose(b->reader.list, CONFIG_ERROR, "out-of-range", path->span, NULL, "\"%s\" is empty, expected a path",
                     name);
    path->text = NULL;
}

void mlsel_i_config_read_parameters(config_builder *b, const yaml_pair *pair, config_algorithm algorithm,
                                    config_parameters *out) {
#define PARAMETER(name, kind, member)                                                                                  \
    { name, kind, offsetof(config_parameters, member) }
#define PATH PARAMETER("pretrained_path", FIELD_TEXT, pretrained_path)
#define DEVICE PARAMETER("device", FIELD_TEXT, device)
    static const field knn[] = {PARAMETER("k", FIELD_COUNT, k), PATH, DEVICE};
    static const field kmeans[] = {PARAMETER("num_clusters", FIELD_COUNT, num_clusters),
                                   PARAMETER("efficiency_weight", FIELD_NUMBER, efficiency_weight), PATH, DEVICE};
    static const field svm[] = {PARAMETER("kernel", FIELD_TEXT, kernel), PARAMETER("gamma", FIELD_POSITIVE, gamma),
                                PATH, DEVICE};
    static const field mlp[] = {DEVICE, PATH};
    static const struct {
        const field *fields;
        size_t count;
        const char *what;
    } blocks[CONFIG_N_ALGORITHMS] = {
        [CONFIG_ALGORITHM_KNN] = {knn, MLSEL_ARRAY_LENGTH(knn), "\"knn\""},
        [CONFIG_ALGORITHM_KMEANS] = {kmeans, MLSEL_ARRAY_LENGTH(kmeans), "\"kmeans\""},
        [CONFIG_ALGORITHM_SVM] = {svm, MLSEL_ARRAY_LENGTH(svm), "\"svm\""},
        [CONFIG_ALGORITHM_MLP] = {mlp, MLSEL_ARRAY_LENGTH(mlp), "\"mlp\""},
    };
    out->span = pair->key->span;
    mlsel_i_block_read(&b->reader, pair->value, blocks[algorithm].what, blocks[algorithm].fields,
                       blocks[algorithm].count, false, out);
    check_kernel(b, out);
    check_device(b, out);
    check_path(b, &out->pretrained_path, "pretrained_path");
}

/* --- the block --------------------------------------------------------------------------------------------------- */

typedef struct selection_block {
    config_flag enabled;
    config_text method;
    const yaml_pair *ml;
} selection_block;

typedef struct ml_block {
    config_flag enabled;
    config_text models_path;
    config_number embedding_dim;
    config_text model_type;
    const yaml_pair *algorithms[CONFIG_N_ALGORITHMS];
} ml_block;

static void read_ml(config_builder *b, const yaml_node *node, ml_block *out, config_parameters *parameters) {
#define ML(name, kind, member)                                                                                         \
    { name, kind, offsetof(ml_block, member) }
    static const field fields[] = {
        ML("enabled", FIELD_BOOL, enabled),
        ML("models_path", FIELD_TEXT, models_path),
        ML("embedding_dim", FIELD_COUNT, embedding_dim),
        ML("model_type", FIELD_TEXT, model_type),
        ML("knn", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_KNN]),
        ML("kmeans", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_KMEANS]),
        ML("svm", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_SVM]),
        ML("mlp", FIELD_MAPPING, algorithms[CONFIG_ALGORITHM_MLP]),
        {"hiershrink", FIELD_IGNORED, 0},
    };
    mlsel_i_block_read(&b->reader, node, "\"ml\"", fields, MLSEL_ARRAY_LENGTH(fields), false, out);
    check_path(b, &out->models_path, "models_path");
    for (config_algorithm a = CONFIG_ALGORITHM_KNN; a <= CONFIG_ALGORITHM_MLP; a++)
        if (out->algorithms[a] != NULL)
            mlsel_i_config_read_parameters(b, out->algorithms[a], a, &parameters[a]);
}

void mlsel_i_config_read_selection(config_builder *b, const yaml_node *node) {
#define SELECTION(name, kind, member)                                                                                  \
    { name, kind, offsetof(selection_block, member) }
    static const field fields[] = {
        SELECTION("enabled", FIELD_BOOL, enabled),
        SELECTION("method", FIELD_TEXT, method),
        SELECTION("ml", FIELD_MAPPING, ml),
        {"automix", FIELD_IGNORED, 0},
        {"elo", FIELD_IGNORED, 0},
        {"gmtrouter", FIELD_IGNORED, 0},
        {"hybrid", FIELD_IGNORED, 0},
        {"latency_aware", FIELD_IGNORED, 0},
        {"lookup_tables", FIELD_IGNORED, 0},
        {"model_switch_gate", FIELD_IGNORED, 0},
        {"multi_factor", FIELD_IGNORED, 0},
        {"rl_driven", FIELD_IGNORED, 0},
        {"router_dc", FIELD_IGNORED, 0},
        {"session_aware", FIELD_IGNORED, 0},
    };
    selection_block selection = {0};
    ml_block ml = {0};
    mlsel_i_block_read(&b->reader, node, "\"model_selection\"", fields, MLSEL_ARRAY_LENGTH(fields), false, &selection);
    if (selection.ml != NULL)
        read_ml(b, selection.ml->value, &ml, b->out->algorithms);
    const config_flag off = selection.enabled.given && !selection.enabled.value ? selection.enabled : ml.enabled;
    b->out->enabled = !off.given || off.value;
    b->out->enabled_span = off.span;
    b->out->models_path = ml.models_path;
    b->out->embedding_dim = ml.embedding_dim;
    /* In some files model_type names the algorithm, in others the embedding model, which matters to the host only. */
    config_algorithm named = CONFIG_ALGORITHM_NONE;
    if (ml.model_type.text != NULL && find_algorithm(ml.model_type.text, &named) && named != CONFIG_ALGORITHM_HOST) {
        b->model_type = ml.model_type;
        b->default_algorithm = named;
        b->out->method = ml.model_type;
    }
    if (selection.method.text != NULL && mlsel_i_config_read_algorithm(b, selection.method, &b->default_algorithm))
        b->out->method = selection.method;
}

void mlsel_i_config_read_own_ml(config_builder *b, const yaml_node *node, config_decision *out) {
    ml_block ml = {0};
    config_parameters parameters[CONFIG_N_ALGORITHMS] = {0};
    const config_algorithm a = out->algorithm;
    read_ml(b, node, &ml, parameters);
    if (a < CONFIG_ALGORITHM_KNN || a > CONFIG_ALGORITHM_MLP)
        return;
    if (ml.embedding_dim.given && !b->out->embedding_dim.given)
        b->out->embedding_dim = ml.embedding_dim;
    out->own = parameters[a];
    if (out->own.pretrained_path.text == NULL && ml.models_path.text != NULL) {
        const char *const name = mlsel_algorithm_name((mlsel_algorithm)a);
        const char *const file = mlsel_i_arena_join(b->reader.arena, "/", name, "_model.json");
        out->own.pretrained_path.span = ml.models_path.span;
        if (file != NULL)
            out->own.pretrained_path.text = mlsel_i_arena_join(b->reader.arena, ml.models_path.text, file, "");
        b->no_memory = b->no_memory || out->own.pretrained_path.text == NULL;
    }
}
