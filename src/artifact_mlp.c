/* SPDX-License-Identifier: Apache-2.0 */
/* Reading MLP artifacts: a list of layers whose widths must chain from the features to the labels. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "artifact_read.h"

static const double tame_query = 0x1p40;

/* The state while layers are read. */
typedef struct mlp_chain {
    size_t width;   /* of the values so far; ANY_COUNT before the first layer that says */
    double bound;   /* on their absolute value, over all queries */
    double tame;    /* the same over queries whose values are at most 2^40, see mlsel_mlp_view.max_value */
    double largest; /* of all `tame` so far */
    uint32_t n_linear;
} mlp_chain;

static double max_abs(const float *values, size_t n, double missing) {
    if (values == NULL)
        return missing;
    float max[8] = {0}; /* one after the other, each comparison would wait for the one before */
    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) {
            const float value = fabsf(values[i + j]);
            max[j] = value > max[j] ? value : max[j];
        }
    for (size_t i = n / 8 * 8; i < n; i++)
        max[0] = fmaxf(max[0], fabsf(values[i]));
    for (size_t j = 1; j < 8; j++)
        max[0] = fmaxf(max[0], max[j]);
    return (double)max[0];
}

/* Values up to a bound have `before` added, are multiplied with up to `factor` and have `after` added. */
static void scale_bounds(mlp_chain *chain, double before, double factor, double after) {
    chain->bound = (chain->bound + before) * factor + after;
    chain->tame = (chain->tame + before) * factor + after;
    chain->largest = fmax(chain->largest, chain->tame);
}

/* A declared width, which must fit the chain; without it the chain's own. */
static mlsel_status read_width(const artifact_reader *in, json_place place, const char *key, const mlp_chain *chain,
                               size_t *width) {
    uint32_t declared = 0;
    const mlsel_status status = mlsel_i_read_count(in, place, key, READ_OPTIONAL, 1, &declared);
    *width = declared == 0 ? chain->width : declared;
    if (status != MLSEL_OK || declared == 0 || chain->width == ANY_COUNT || declared == chain->width)
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.%s: %u, but the values before it are %zu wide", place.path,
                        key, (unsigned)declared, chain->width);
}

static mlsel_status read_linear(const artifact_reader *in, json_place place, mlp_chain *chain, mlsel_layer_view *out) {
    json_array weight, bias;
    size_t width;
    mlsel_status status = read_width(in, place, "in_features", chain, &width);
    if (status != MLSEL_OK ||
        (status = mlsel_i_take_matrix(in, place, "weight", READ_REQUIRED, ANY_COUNT, width, &weight)) != MLSEL_OK)
        return status;
    if (weight.rows == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.weight is empty", place.path);
    if (weight.rows > INT32_MAX || weight.cols > INT32_MAX)
        return mlsel_i_fail(in->err, MLSEL_ERROR_LIMIT, "%s.weight: %zu x %zu is too large", place.path, weight.rows,
                            weight.cols);
    if ((status = mlsel_i_check_count(in, place, "out_features", weight.rows, "weight")) != MLSEL_OK ||
        (status = mlsel_i_take_vector(in, place, "bias", READ_OPTIONAL, ANY_COUNT, &bias)) != MLSEL_OK)
        return status;
    if (bias.data != NULL && bias.rows != weight.rows)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.bias: %zu values, expected %zu as in weight", place.path,
                            bias.rows, weight.rows);
    out->type = MLSEL_LAYER_LINEAR;
    out->in_features = (uint32_t)weight.cols;
    out->out_features = (uint32_t)weight.rows;
    out->weight = weight.data;
    out->stride = weight.stride;
    out->bias = bias.data;
    chain->width = weight.rows;
    scale_bounds(chain, 0, max_abs(out->weight, weight.rows * weight.stride, 0) * (double)weight.cols,
                 max_abs(out->bias, bias.rows, 0));
    chain->n_linear++;
    return MLSEL_OK;
}

static mlsel_status take_norm_vector(const artifact_reader *in, json_place place, const char *key, size_t *width,
                                     const float **out) {
    json_array values;
    const mlsel_status status = mlsel_i_take_vector(in, place, key, READ_OPTIONAL, *width, &values);
    if (status != MLSEL_OK || values.data == NULL)
        return status;
    *width = values.rows;
    *out = values.data;
    return MLSEL_OK;
}

static mlsel_status read_batch_norm(const artifact_reader *in, json_place place, mlp_chain *chain,
                                    mlsel_layer_view *out) {
    size_t width;
    mlsel_status status = read_width(in, place, "num_features", chain, &width);
    out->type = MLSEL_LAYER_BATCH_NORM;
    out->eps = 1e-5;
    if (status != MLSEL_OK || (status = take_norm_vector(in, place, "weight", &width, &out->weight)) != MLSEL_OK ||
        (status = take_norm_vector(in, place, "bias", &width, &out->bias)) != MLSEL_OK ||
        (status = take_norm_vector(in, place, "running_mean", &width, &out->running_mean)) != MLSEL_OK ||
        (status = take_norm_vector(in, place, "running_var", &width, &out->running_var)) != MLSEL_OK ||
        (status = mlsel_i_read_real(in, place, "eps", READ_OPTIONAL, &out->eps)) != MLSEL_OK)
        return status;
    if (width == ANY_COUNT)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.num_features is missing", place.path);
    if (!(out->eps >= 0))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.eps must not be negative", place.path);
    double min_var = out->running_var == NULL ? 1 : DBL_MAX;
    for (size_t i = 0; out->running_var != NULL && i < width; i++) {
        if (!(out->running_var[i] >= 0) || !(out->running_var[i] + out->eps > 0))
            return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                                "%s.running_var[%zu] must not be negative, nor 0 where eps is 0", place.path, i);
        min_var = fmin(min_var, out->running_var[i]);
    }
    out->in_features = out->out_features = (uint32_t)width;
    chain->width = width;
    scale_bounds(chain, max_abs(out->running_mean, width, 0), max_abs(out->weight, width, 1) / sqrt(min_var + out->eps),
                 max_abs(out->bias, width, 0));
    return MLSEL_OK;
}

/* relu and dropout keep the width */
static mlsel_status read_plain(const artifact_reader *in, json_place place, mlp_chain *chain, mlsel_layer_type type,
                               mlsel_layer_view *out) {
    out->type = type;
    if (chain->width != ANY_COUNT)
        out->in_features = out->out_features = (uint32_t)chain->width;
    if (type != MLSEL_LAYER_DROPOUT)
        return MLSEL_OK;
    const mlsel_status status = mlsel_i_read_real(in, place, "p", READ_OPTIONAL, &out->eps);
    if (status != MLSEL_OK || (out->eps >= 0 && out->eps <= 1))
        return status;
    return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s.p must be between 0 and 1", place.path);
}

static mlsel_status read_layer(const artifact_reader *in, json_place place, mlp_chain *chain, mlsel_layer_view *out) {
    const char *type = NULL;
    if (!cJSON_IsObject(place.object))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s must be an object", place.path);
    mlsel_status status = mlsel_i_read_string(in, place, "type", READ_REQUIRED, &type);
    if (status != MLSEL_OK)
        return status;
    if (strcmp(type, "linear") == 0)
        status = read_linear(in, place, chain, out);
    else if (strcmp(type, "batch_norm") == 0)
        status = read_batch_norm(in, place, chain, out);
    else if (strcmp(type, "relu") == 0)
        status = read_plain(in, place, chain, MLSEL_LAYER_RELU, out);
    else if (strcmp(type, "dropout") == 0)
        status = read_plain(in, place, chain, MLSEL_LAYER_DROPOUT, out);
    else
        return mlsel_i_fail(in->err, MLSEL_ERROR_UNSUPPORTED,
                            "%s.type: \"%s\" is not supported, expected linear, relu, batch_norm or dropout",
                            place.path, type);
    if (status == MLSEL_OK && !isfinite(chain->bound))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "%s: the weights are so large that the scores could overflow",
                            place.path);
    return status;
}

/* Numbers of the layers as one comparable block, since the views hold pointers. */
static mlsel_status store_comparable(const artifact_reader *in, const mlsel_layer_view *layers, size_t n) {
    double *numbers = mlsel_i_artifact_alloc(in->artifact, n, 2 * sizeof *numbers, true, in->err);
    if (numbers == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        numbers[2 * i] = layers[i].type;
        numbers[2 * i + 1] = layers[i].eps;
    }
    return MLSEL_OK;
}

static mlsel_status read_layers(const artifact_reader *in, json_place root, mlp_chain *chain) {
    mlsel_artifact *artifact = in->artifact;
    const cJSON *list = mlsel_i_member(root, "layers");
    if (list == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.layers is missing");
    if (!cJSON_IsArray(list))
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.layers must be a list of layers");
    const size_t n = (size_t)cJSON_GetArraySize(list);
    if (n == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_NOT_TRAINED, "$.layers is empty: the model is not trained");
    mlsel_layer_view *layers = mlsel_i_artifact_alloc(artifact, n, sizeof *layers, false, in->err);
    if (layers == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    char path[64];
    size_t i = 0;
    const cJSON *node;
    cJSON_ArrayForEach (node, list) {
        mlsel_i_path_index(path, sizeof path, "$", "layers", i);
        const mlsel_status status = read_layer(in, (json_place){node, path}, chain, &layers[i++]);
        if (status != MLSEL_OK)
            return status;
    }
    /* layers before the first that says its width, such as a leading relu */
    for (i = n - 1; i-- > 0;)
        if (layers[i].in_features == 0)
            layers[i].in_features = layers[i].out_features = layers[i + 1].in_features;
    artifact->mlp = (mlsel_mlp_view){.layers = layers, .n_layers = (uint32_t)n};
    return store_comparable(in, layers, n);
}

static mlsel_status read_mlp(const artifact_reader *in, json_place root, label_set *labels) {
    mlsel_artifact *artifact = in->artifact;
    mlp_chain chain = {.width = ANY_COUNT, .bound = FLT_MAX, .tame = tame_query, .largest = tame_query};
    const json_strings *named;
    uint32_t feature_dim = 0;
    mlsel_status status = mlsel_i_read_names(in, root, "model_names", READ_REQUIRED, ANY_COUNT, &named);
    if (status != MLSEL_OK)
        return status;
    if (named == NULL)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.model_names is empty");
    if ((status = mlsel_i_labels_add_list(in, labels, named, "$", "model_names")) != MLSEL_OK ||
        (status = mlsel_i_read_count(in, root, "feature_dim", READ_OPTIONAL, 1, &feature_dim)) != MLSEL_OK)
        return status;
    if (feature_dim != 0)
        chain.width = feature_dim;
    if ((status = read_layers(in, root, &chain)) != MLSEL_OK)
        return status;
    artifact->mlp.max_value = chain.largest;
    if (chain.n_linear == 0)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA, "$.layers has no linear layer");
    if (chain.width != labels->count)
        return mlsel_i_fail(in->err, MLSEL_ERROR_SCHEMA,
                            "$.model_names: %zu names, expected %zu as the last layer has outputs", labels->count,
                            chain.width);
    artifact->scalars.n_features = artifact->mlp.layers[0].in_features;
    if ((status = mlsel_i_check_count(in, root, "n_classes", labels->count, "$.model_names")) != MLSEL_OK ||
        (status = mlsel_i_labels_store(in, labels)) != MLSEL_OK)
        return status;
    uint8_t *choosable = mlsel_i_artifact_alloc(artifact, labels->count, 1, true, in->err);
    if (choosable == NULL)
        return MLSEL_ERROR_NO_MEMORY;
    memset(choosable, 1, labels->count);
    artifact->choosable = choosable;
    return MLSEL_OK;
}

mlsel_status mlsel_i_read_mlp(const artifact_reader *in, json_place root) {
    label_set labels = {0};
    const mlsel_status status = read_mlp(in, root, &labels);
    mlsel_i_labels_free(&labels);
    return status;
}
