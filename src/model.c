/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "feature_vector.h"
#include "file.h"

enum { MAX_THREADS = 256 };

static const uint64_t default_max_bytes = (uint64_t)4 << 30;

/* --- loading ----------------------------------------------------------------------------------------------------- */

bool mlsel_i_is_knn_rule(mlsel_knn_rule rule) { return rule >= MLSEL_KNN_RULE_COSINE && rule <= MLSEL_KNN_RULE_VOTE; }

static mlsel_status read_options(const mlsel_model_options *given, mlsel_model_options *out, mlsel_error *err) {
    *out = (mlsel_model_options){0};
    const mlsel_status status = mlsel_i_options_copy(out, sizeof *out, given, "mlsel_model_options", err);
    if (status != MLSEL_OK)
        return status;
    if (out->max_bytes == 0)
        out->max_bytes = default_max_bytes;
    if (out->precision == MLSEL_PRECISION_DEFAULT)
        out->precision = MLSEL_PRECISION_F32;
    if (!mlsel_i_is_knn_rule(out->knn_rule))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "knn_rule %d is none", (int)out->knn_rule);
    if (out->precision < MLSEL_PRECISION_F32 || out->precision > MLSEL_PRECISION_INT8)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "precision %d is none", (int)out->precision);
    if (out->threads > MAX_THREADS)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "threads is %u, the most are %d", (unsigned)out->threads,
                            MAX_THREADS);
    if (out->category_layout != MLSEL_CATEGORIES_VSR && out->category_layout != MLSEL_CATEGORIES_VSR_DOC)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "category_layout %d is none", (int)out->category_layout);
    return MLSEL_OK;
}

/* How many measurements a query gives. */
static void set_sizes(mlsel_model *model, uint32_t k) {
    const mlsel_artifact *artifact = model->artifact;
    const uint32_t n_classes = artifact->svm.n_classes;
    switch (artifact->scalars.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        model->k = k == 0 ? artifact->scalars.knn_k : k;
        if (model->k > artifact->knn.n_rows)
            model->k = (uint32_t)artifact->knn.n_rows;
        model->n_neighbours = model->k;
        break;
    case MLSEL_ALGORITHM_KMEANS:
        model->n_values = artifact->kmeans.n_clusters;
        break;
    case MLSEL_ALGORITHM_SVM:
        model->n_values = artifact->svm.form == MLSEL_SVM_FORM_ONE_VS_ONE ? n_classes * (n_classes - 1) / 2 : n_classes;
        break;
    default:
        model->n_values = artifact->scalars.n_labels;
        break;
    }
}

/* The rule that an artifact is used with; COSINE stands for the better one it has data for. */
static mlsel_status choose_rule(const mlsel_artifact *artifact, mlsel_knn_rule asked, mlsel_knn_rule *out,
                                mlsel_error *err) {
    const bool has_outcomes = artifact->outcomes.quality != NULL;
    if (artifact->scalars.algorithm != MLSEL_ALGORITHM_KNN)
        asked = MLSEL_KNN_RULE_COSINE;
    if (asked == MLSEL_KNN_RULE_OUTCOMES && !has_outcomes)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "knn_rule: the artifact has no $.outcomes: train it with them, or ask for another rule");
    *out = asked == MLSEL_KNN_RULE_COSINE && has_outcomes ? MLSEL_KNN_RULE_OUTCOMES : asked;
    return MLSEL_OK;
}

/* Binds an artifact to a device. The model has its own reference to it, through the engine. */
static mlsel_status bind(mlsel_artifact *artifact, const mlsel_model_options *options, const device_choice *device,
                         mlsel_model **out, mlsel_error *err) {
    mlsel_engine *engine = NULL;
    mlsel_knn_rule rule = MLSEL_KNN_RULE_COSINE;
    mlsel_status status = choose_rule(artifact, options->knn_rule, &rule, err);
    if (status != MLSEL_OK)
        return status;
    /* the rules that normalise differ in what they make of the neighbours alone */
    const engine_key key = {.backend = device->backend,
                            .device = device->device,
                            .precision = options->precision,
                            .rule = rule == MLSEL_KNN_RULE_LEGACY ? rule : MLSEL_KNN_RULE_COSINE};
    status = mlsel_i_engine_acquire(artifact, &key, &engine, err);
    if (status != MLSEL_OK)
        return status;
    mlsel_model *model = mlsel_i_calloc(1, sizeof *model);
    if (model == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    atomic_init(&model->references, 1);
    model->engine = engine;
    model->artifact = engine->artifact;
    model->rule = rule;
    model->choosable = rule == MLSEL_KNN_RULE_OUTCOMES ? artifact->outcomes.choosable : artifact->choosable;
    model->kernels = mlsel_i_cpu_kernels_pick();
    model->device_fallback = device->fell_back;
    model->category_layout = options->category_layout;
    memcpy(model->device, device->name, sizeof model->device);
    memcpy(model->device_reason, device->reason, sizeof model->device_reason);
    set_sizes(model, options->k);
    if ((status = mlsel_i_workspace_init(model, err)) != MLSEL_OK)
        goto out;
    if (options->threads > 1 && engine->prepared.runs_in_parallel != 0 &&
        (status = mlsel_i_team_create(options->threads, &model->team, err)) != MLSEL_OK)
        goto out;
    *out = model;
    return mlsel_i_ok(err);
out:
    if (model != NULL)
        mlsel_i_pool_clear(&model->workspaces);
    mlsel_i_free(model);
    mlsel_i_engine_release(engine);
    return status;
}

/* Whether values that the reader of a container left alone must be looked at: because the caller wants that, or because
 * what follows reads them all anyway and relies on them. */
static bool needs_check(const mlsel_artifact *artifact, const mlsel_model_options *options,
                        const device_choice *device) {
    if (artifact->content.data == NULL)
        return false;
    if (options->check_values != 0)
        return true;
    if (artifact->unchecked.data == NULL)
        return false;
    if (device->backend != &mlsel_i_cpu_backend)
        return true;
    return artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN &&
           (artifact->index == NULL || options->knn_rule == MLSEL_KNN_RULE_LEGACY);
}

/* Reads an artifact, or finds it among those that are loaded. Takes the content of a container over. */
static mlsel_status read_artifact(file_content *content, mlsel_artifact **out, mlsel_error *err) {
    mlsel_artifact *artifact = NULL;
    if (content->is_mapped && (artifact = mlsel_i_artifact_find_file(&content->identity)) != NULL) {
        *out = artifact;
        return MLSEL_OK;
    }
    const mlsel_status status = mlsel_i_is_container((const unsigned char *)content->data, content->size)
                                    ? mlsel_i_container_parse(content, &artifact, err)
                                    : mlsel_i_artifact_parse(content->data, content->size, &artifact, err);
    if (status == MLSEL_OK)
        *out = mlsel_i_artifact_share(artifact);
    return status;
}

/* Checks what is left to check and binds the artifact to the device, or to what stands in for it. */
static mlsel_status use(mlsel_artifact *artifact, const mlsel_model_options *options, device_choice *device,
                        mlsel_model **out, mlsel_error *err) {
    mlsel_status status = MLSEL_OK;
    mlsel_error own;
    if (err == NULL)
        err = &own;
    if (needs_check(artifact, options, device) && (status = mlsel_i_container_check(artifact, err)) != MLSEL_OK)
        return status;
    status = bind(artifact, options, device, out, err);
    if (status != MLSEL_OK &&
        mlsel_i_device_replace(options->device, options->allow_device_fallback != 0, err->message, device))
        return bind(artifact, options, device, out, err);
    return status;
}

mlsel_status mlsel_i_model_view(const mlsel_model *model, const mlsel_model_options *options, mlsel_model **out,
                                mlsel_error *err) {
    mlsel_model_options own;
    device_choice device;
    mlsel_status status = read_options(options, &own, err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_i_device_resolve(own.device, own.allow_device_fallback != 0, &device, err);
    return status == MLSEL_OK ? use(model->engine->artifact, &own, &device, out, err) : status;
}

static mlsel_status load(file_content *content, const mlsel_model_options *options, mlsel_model **out,
                         mlsel_error *err) {
    device_choice device;
    mlsel_artifact *artifact = NULL;
    mlsel_status status = mlsel_i_device_resolve(options->device, options->allow_device_fallback != 0, &device, err);
    if (status != MLSEL_OK || (status = read_artifact(content, &artifact, err)) != MLSEL_OK)
        return status;
    status = use(artifact, options, &device, out, err);
    mlsel_i_artifact_release(artifact);
    return status;
}

mlsel_status mlsel_model_load_memory(const void *data, size_t size, const mlsel_model_options *options,
                                     mlsel_model **out, mlsel_error *err) {
    mlsel_model_options own;
    if (out == NULL || (data == NULL && size > 0))
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "data and out must not be NULL");
    mlsel_status status = read_options(options, &own, err);
    if (status != MLSEL_OK)
        return status;
    if (size > own.max_bytes)
        return mlsel_i_fail(err, MLSEL_ERROR_LIMIT, "the artifact has %zu bytes, the limit is %llu", size,
                            (unsigned long long)own.max_bytes);
    if (data == NULL || !mlsel_i_is_container(data, size)) {
        /* only read */
        file_content content = {.data = (char *)data, .size = size};
        return load(&content, &own, out, err);
    }
    file_content content = {.data = mlsel_i_map(size + 1), .size = size};
    if (content.data == NULL)
        return mlsel_i_no_memory(err);
    memcpy(content.data, data, size);
    status = load(&content, &own, out, err);
    mlsel_i_file_unload(&content);
    return status;
}

mlsel_status mlsel_model_load(const char *path, const mlsel_model_options *options, mlsel_model **out,
                              mlsel_error *err) {
    const file_kind kind = {"pretrained model", "mlsel_model_load_memory", mlsel_i_is_container};
    mlsel_model_options own;
    file_content content;
    if (path == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "path and out must not be NULL");
    mlsel_status status = read_options(options, &own, err);
    if (status != MLSEL_OK || (status = mlsel_i_file_load(path, &kind, own.max_bytes, &content, err)) != MLSEL_OK)
        return status;
    status = load(&content, &own, out, err);
    mlsel_i_file_unload(&content);
    if (status != MLSEL_OK && status != MLSEL_ERROR_DEVICE && status != MLSEL_ERROR_INVALID_ARGUMENT) {
        mlsel_i_error_prefix(err, ": ");
        mlsel_i_error_prefix(err, mlsel_i_file_name(path));
    }
    return status;
}

mlsel_model *mlsel_model_retain(mlsel_model *model) {
    if (model != NULL)
        atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void mlsel_model_release(mlsel_model *model) {
    if (model == NULL || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) > 1)
        return;
    mlsel_i_team_free(model->team);
    mlsel_i_pool_clear(&model->workspaces);
    mlsel_i_engine_release(model->engine);
    mlsel_i_free(model);
}

void mlsel_model_options_init(mlsel_model_options *options, size_t size) { mlsel_i_options_init(options, size); }

void mlsel_query_options_init(mlsel_query_options *options, size_t size) { mlsel_i_options_init(options, size); }

void mlsel_evidence_init(mlsel_evidence *evidence, size_t size) { mlsel_i_options_init(evidence, size); }

/* --- inspecting -------------------------------------------------------------------------------------------------- */

size_t mlsel_model_label_count(const mlsel_model *model) {
    return model == NULL ? 0 : model->artifact->scalars.n_labels;
}

const char *mlsel_model_label(const mlsel_model *model, int32_t index) {
    if (model == NULL || index < 0 || (uint32_t)index >= model->artifact->scalars.n_labels)
        return NULL;
    return model->artifact->labels[index];
}

int32_t mlsel_model_find_label(const mlsel_model *model, const char *name) {
    if (model == NULL || name == NULL)
        return -1;
    for (uint32_t i = 0; i < model->artifact->scalars.n_labels; i++)
        if (strcmp(model->artifact->labels[i], name) == 0)
            return (int32_t)i;
    return -1;
}

int32_t mlsel_model_class_label(const mlsel_model *model, uint32_t index) {
    if (model == NULL || index >= model->artifact->svm.n_classes)
        return -1;
    return model->artifact->class_labels[index];
}

int32_t mlsel_model_cluster_label(const mlsel_model *model, uint32_t index) {
    if (model == NULL || index >= model->artifact->kmeans.n_clusters)
        return -1;
    const mlsel_artifact *artifact = model->artifact;
    if (artifact->cluster_labels != NULL)
        return artifact->cluster_labels[index];
    const uint32_t n_labels = artifact->scalars.n_labels;
    const double *scores = artifact->cluster_scores + (size_t)index * n_labels;
    uint32_t best = 0;
    for (uint32_t i = 1; i < n_labels; i++)
        if (scores[i] > scores[best])
            best = i;
    return (int32_t)best;
}

/* What applies to one algorithm only. */
static void describe_kind(const mlsel_model *model, mlsel_model_info *info) {
    const mlsel_artifact *artifact = model->artifact;
    switch (artifact->scalars.algorithm) {
    case MLSEL_ALGORITHM_KNN:
        info->knn_rule = model->rule;
        info->k = model->k;
        info->n_samples = artifact->knn.n_rows;
        break;
    case MLSEL_ALGORITHM_KMEANS:
        info->n_clusters = artifact->kmeans.n_clusters;
        break;
    case MLSEL_ALGORITHM_SVM:
        info->svm_form = artifact->svm.form;
        info->svm_kernel = artifact->svm.kernel;
        info->n_classes = artifact->svm.n_classes;
        info->n_pairs = artifact->svm.form == MLSEL_SVM_FORM_ONE_VS_ONE ? model->n_values : 0;
        info->n_support_vectors = artifact->svm.n_support_vectors;
        info->gamma = artifact->svm.gamma;
        break;
    default:
        info->n_layers = artifact->mlp.n_layers;
        break;
    }
}

mlsel_status mlsel_model_get_info(const mlsel_model *model, mlsel_model_info *out, size_t size, mlsel_error *err) {
    if (model == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model and out must not be NULL");
    const mlsel_artifact *artifact = model->artifact;
    const artifact_scalars *scalars = &artifact->scalars;
    mlsel_model_info info = {
        .algorithm = scalars->algorithm,
        .format_version = scalars->format_version,
        .n_features = scalars->n_features,
        .n_labels = scalars->n_labels,
        .n_categories = mlsel_i_n_categories(artifact),
        .category_layout = scalars->has_categories ? MLSEL_CATEGORIES_ARTIFACT : model->category_layout,
        .precision = model->engine->precision,
        .category_weight = scalars->category_weight,
        .memory_bytes = artifact->memory_bytes + model->engine->prepared.memory_bytes,
        .n_parameters = artifact->n_parameters,
        .device_fallback = model->device_fallback,
    };
    snprintf(info.content_hash, sizeof info.content_hash, "%016llx%016llx", (unsigned long long)scalars->hash_high,
             (unsigned long long)scalars->hash_low);
    memcpy(info.device, model->device, sizeof info.device);
    memcpy(info.device_reason, model->device_reason, sizeof info.device_reason);
    info.format = artifact->content.data != NULL ? MLSEL_FORMAT_SAFETENSORS : MLSEL_FORMAT_JSON;
    info.is_mapped = artifact->content.is_mapped;
    info.has_index = artifact->index != NULL || artifact->svm.squared_norms != NULL;
    info.values_known = artifact->unchecked.data == NULL || atomic_load(&artifact->is_checked);
    info.file_bytes = scalars->text_bytes;
    info.is_calibrated = scalars->calibration_method;
    info.calibration_records = scalars->calibration_records;
    describe_kind(model, &info);
    return mlsel_i_info_copy(out, size, &info, sizeof info, err);
}

mlsel_status mlsel_model_get_layer(const mlsel_model *model, uint32_t index, mlsel_layer_info *out, size_t size,
                                   mlsel_error *err) {
    if (model == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model and out must not be NULL");
    const mlsel_mlp_view *mlp = &model->artifact->mlp;
    if (index >= mlp->n_layers)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "there is no layer %u, the model has %u",
                            (unsigned)index, (unsigned)mlp->n_layers);
    const mlsel_layer_view *layer = &mlp->layers[index];
    const mlsel_layer_info info = {
        .type = layer->type,
        .in_features = layer->in_features,
        .out_features = layer->out_features,
        .has_bias = layer->type == MLSEL_LAYER_LINEAR && layer->bias != NULL,
        .parameter = layer->eps,
    };
    return mlsel_i_info_copy(out, size, &info, sizeof info, err);
}

/* --- names ------------------------------------------------------------------------------------------------------- */

const char *mlsel_algorithm_name(mlsel_algorithm algorithm) {
    static const char *const names[] = {"unknown", "knn", "kmeans", "svm", "mlp"};
    return algorithm >= MLSEL_ALGORITHM_KNN && algorithm <= MLSEL_ALGORITHM_MLP ? names[algorithm] : names[0];
}

const char *mlsel_format_name(mlsel_format format) {
    static const char *const names[] = {"unknown", "json", "safetensors"};
    return format >= MLSEL_FORMAT_JSON && format <= MLSEL_FORMAT_SAFETENSORS ? names[format] : names[0];
}

const char *mlsel_precision_name(mlsel_precision precision) {
    static const char *const names[] = {"default", "f32", "f16", "bf16", "int8"};
    return precision >= MLSEL_PRECISION_DEFAULT && precision <= MLSEL_PRECISION_INT8 ? names[precision] : "unknown";
}

const char *mlsel_layer_type_name(mlsel_layer_type type) {
    static const char *const names[] = {"unknown", "linear", "relu", "batch_norm", "dropout"};
    return type >= MLSEL_LAYER_LINEAR && type <= MLSEL_LAYER_DROPOUT ? names[type] : names[0];
}
