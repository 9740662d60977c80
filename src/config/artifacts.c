/* SPDX-License-Identifier: Apache-2.0 */
/* The artifacts of a configuration: whether they load, and fit it. */
#include <stdio.h>
#include <string.h>

#include "config/diagnostics.h"
#include "config/root.h"
#include "file.h"
#include "model.h"

typedef struct checker {
    const config *c;
    const mlsel_router_options *options;
    config_diagnostics *list;
    mlsel_model **models; /* [n_artifacts] one of each artifact that has been loaded */
    bool *broken;         /* [n_artifacts] cannot be loaded, which has been said */
    const mlsel_model *first;
    const char *first_path;
} checker;

static mlsel_model_options options_of(const checker *k, const config_decision *d) {
    return (mlsel_model_options){
        .struct_size = sizeof(mlsel_model_options),
        .knn_rule = k->options->knn_rule,
        .k = d->k,
        .device = k->options->device != NULL ? k->options->device : d->device,
        .allow_device_fallback = k->options->allow_device_fallback,
        .category_layout = k->options->category_layout,
        .max_bytes = k->options->max_artifact_bytes,
    };
}

/* Where the file asks for the device of a decision; where it does not (an option does), what names the artifact. */
static config_span device_span(const checker *k, const config_decision *d) {
    if (k->options->device != NULL || d->device == NULL)
        return k->c->artifacts[d->artifact].span;
    return d->own.device.text != NULL ? d->own.device.span : k->c->algorithms[d->algorithm].device.span;
}

static void report_device(const checker *k, const config_decision *d, const mlsel_error *err) {
    mlsel_i_diagnose(k->list, CONFIG_ERROR, "device-unavailable", device_span(k, d),
                     "use device: cpu or auto, or allow the fallback to the CPU", "%s", err->message);
}

static void report_artifact(const checker *k, const config_decision *d, const mlsel_error *err) {
    const config_artifact *const artifact = &k->c->artifacts[d->artifact];
    const char *code = "artifact-broken", *advice = NULL;
    if (err->code == MLSEL_ERROR_NOT_FOUND) {
        code = "artifact-missing";
        advice = "train it, or correct models_path or pretrained_path";
    } else if (err->code == MLSEL_ERROR_IO || err->code == MLSEL_ERROR_LIMIT) {
        code = "artifact-unreadable";
    } else if (err->code == MLSEL_ERROR_NOT_TRAINED) {
        code = "artifact-untrained";
        advice = "train it";
    } else if (err->code == MLSEL_ERROR_UNSUPPORTED || err->code == MLSEL_ERROR_VERSION) {
        code = "artifact-unsupported";
    }
    mlsel_i_diagnose(k->list, CONFIG_ERROR, code, artifact->span, advice, "%s", err->message);
}

static bool is_fatal(mlsel_status status) {
    return status == MLSEL_ERROR_NO_MEMORY || status == MLSEL_ERROR_INTERNAL || status == MLSEL_ERROR_INVALID_ARGUMENT;
}

/* A model as the decision needs it, for the caller to release; of the weights there is one copy. */
static mlsel_status load_as(const checker *k, const config_decision *d, const mlsel_model_options *options,
                            mlsel_model **out, mlsel_error *err) {
    mlsel_model *const loaded = k->models[d->artifact];
    return loaded != NULL
               ? mlsel_i_model_view(loaded, options, out, err)
               : mlsel_i_config_load(k->c->artifacts[d->artifact].path, k->options->models_root, options, out, err);
}

/* False, after a finding, if it is not where artifacts may be. What else is wrong with the path, loading finds. */
static bool is_in_root(const checker *k, const config_decision *d) {
    const config_artifact *const artifact = &k->c->artifacts[d->artifact];
    char resolved[CONFIG_MAX_PATH];
    mlsel_error err;
    if (k->options->models_root == NULL ||
        mlsel_i_config_resolve(artifact->path, k->options->models_root, resolved, &err) != MLSEL_ERROR_SCHEMA)
        return true;
    mlsel_i_diagnose(k->list, CONFIG_ERROR, "artifact-outside", artifact->span,
                     "put it there, or correct models_path or pretrained_path", "%s", err.message);
    return false;
}

/* *out stays NULL after a finding. */
static mlsel_status load(const checker *k, const config_decision *d, mlsel_model **out, mlsel_error *err) {
    mlsel_error own;
    mlsel_model_options options = options_of(k, d);
    if (!is_in_root(k, d))
        return MLSEL_OK;
    mlsel_status status = load_as(k, d, &options, out, &own);
    if (status == MLSEL_ERROR_DEVICE) {
        report_device(k, d, &own);
        options.device = "cpu"; /* what is in the artifact can be looked at all the same */
        status = load_as(k, d, &options, out, &own);
    }
    if (is_fatal(status)) {
        if (err != NULL)
            *err = own;
        return status;
    }
    if (status != MLSEL_OK)
        report_artifact(k, d, &own);
    return MLSEL_OK;
}

static uint32_t embedding_width(const mlsel_model *model) {
    mlsel_model_info info = {0};
    (void)mlsel_model_get_info(model, &info, sizeof info, NULL);
    return info.n_features - info.n_categories;
}

/* A request has one embedding, so all artifacts are to take the same. */
static void check_width(checker *k, const config_artifact *artifact, const mlsel_model *model) {
    if (k->first == NULL) {
        k->first = model;
        k->first_path = artifact->path;
    } else if (!k->c->embedding_dim.given && embedding_width(model) != embedding_width(k->first)) {
        mlsel_i_diagnose(k->list, CONFIG_ERROR, "artifact-width", artifact->span,
                         "train all artifacts with one embedding model", "%s takes embeddings of %u values, %s of %u",
                         mlsel_i_file_name(artifact->path), (unsigned)embedding_width(model),
                         mlsel_i_file_name(k->first_path), (unsigned)embedding_width(k->first));
    }
}

static mlsel_status check_decision(checker *k, const config_decision *d, mlsel_error *err) {
    mlsel_model *model = NULL;
    if (d->artifact < 0 || k->broken[d->artifact])
        return MLSEL_OK;
    mlsel_status status = load(k, d, &model, err);
    if (status == MLSEL_OK && model == NULL)
        k->broken[d->artifact] = true;
    if (model == NULL)
        return status;
    status = mlsel_i_config_check_model(k->c, d, model, k->list, err);
    if (k->models[d->artifact] == NULL) {
        k->models[d->artifact] = model;
        check_width(k, &k->c->artifacts[d->artifact], model);
    } else {
        mlsel_model_release(model);
    }
    return status;
}

mlsel_status mlsel_i_config_check_artifacts(const config *c, const mlsel_router_options *options,
                                            config_diagnostics *list, mlsel_error *err) {
    checker k = {.c = c, .options = options, .list = list};
    const size_t first = list->count;
    k.models = mlsel_i_calloc(c->n_artifacts, sizeof(mlsel_model *));
    k.broken = mlsel_i_calloc(c->n_artifacts, sizeof *k.broken);
    mlsel_status status = k.models == NULL || k.broken == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    for (size_t i = 0; i < c->n_decisions && status == MLSEL_OK; i++)
        status = check_decision(&k, &c->decisions[i], err);
    for (size_t i = 0; i < c->n_artifacts && k.models != NULL; i++)
        mlsel_model_release(k.models[i]);
    mlsel_i_free(k.models);
    mlsel_i_free(k.broken);
    if (status == MLSEL_OK && mlsel_i_diagnostics_failed(list))
        status = mlsel_i_no_memory(err);
    mlsel_i_diagnostics_sort(list, first);
    return status;
}
