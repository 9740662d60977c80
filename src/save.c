/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a model's artifact to a file. */
#include <string.h>

#include "backend.h"
#include "cpu/derived.h"
#include "file_write.h"
#include "model.h"

void mlsel_save_options_init(mlsel_save_options *options, size_t size) { mlsel_i_options_init(options, size); }

static mlsel_status read_options(const mlsel_save_options *given, const char *path, mlsel_save_options *out,
                                 mlsel_error *err) {
    const mlsel_status status = mlsel_i_options_copy(out, sizeof *out, given, "mlsel_save_options", err);
    if (status != MLSEL_OK)
        return status;
    out->format = mlsel_i_save_format(out, path);
    if (out->format == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT,
                            "the name ends in neither .json nor .safetensors: set mlsel_save_options.format");
    if (out->format != MLSEL_FORMAT_JSON && out->format != MLSEL_FORMAT_SAFETENSORS)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "format %d is none", (int)out->format);
    return MLSEL_OK;
}

/* With what the CPU derives from the rows: from the container itself, or from an engine for the CPU. */
static mlsel_status write_knn(mlsel_artifact *artifact, file_writer *file, mlsel_error *err) {
    const engine_key key = {
        .backend = &mlsel_i_cpu_backend, .precision = MLSEL_PRECISION_F32, .rule = MLSEL_KNN_RULE_COSINE};
    mlsel_engine *engine = NULL;
    knn_index index;
    mlsel_status status = mlsel_i_engine_acquire(artifact, &key, &engine, err);
    if (status != MLSEL_OK)
        return status;
    const bool has_index = mlsel_i_cpu_knn_index(engine->prepared.state, &index);
    status = mlsel_i_artifact_write_container(artifact, has_index ? &index : NULL, NULL, file, err);
    mlsel_i_engine_release(engine);
    return status;
}

static mlsel_status write_svm(const mlsel_artifact *artifact, file_writer *file, mlsel_error *err) {
    const mlsel_svm_view *svm = &artifact->svm;
    double *norms = mlsel_i_alloc((size_t)svm->n_support_vectors, sizeof *norms);
    if (norms == NULL)
        return mlsel_i_no_memory(err);
    const bool has_norms = mlsel_i_cpu_squared_norms(svm, artifact->scalars.n_features, norms);
    const mlsel_status status = mlsel_i_artifact_write_container(artifact, NULL, has_norms ? norms : NULL, file, err);
    mlsel_i_free(norms);
    return status;
}

static mlsel_status write_artifact(mlsel_artifact *artifact, const mlsel_save_options *options, file_writer *file,
                                   mlsel_error *err) {
    if (options->format == MLSEL_FORMAT_JSON)
        return mlsel_i_artifact_write_json(artifact, file, err);
    if (options->without_index == 0 && artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN)
        return write_knn(artifact, file, err);
    if (options->without_index == 0 && artifact->svm.form == MLSEL_SVM_FORM_ONE_VS_ONE)
        return write_svm(artifact, file, err);
    return mlsel_i_artifact_write_container(artifact, NULL, NULL, file, err);
}

mlsel_status mlsel_model_save(const mlsel_model *model, const char *path, const mlsel_save_options *options,
                              mlsel_error *err) {
    mlsel_save_options own;
    file_writer file;
    if (model == NULL || path == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "model and path must not be NULL");
    mlsel_artifact *artifact = model->engine->artifact;
    mlsel_status status = read_options(options, path, &own, err);
    if (status != MLSEL_OK || (status = mlsel_i_container_check(artifact, err)) != MLSEL_OK ||
        (status = mlsel_i_file_create(&file, path, err)) != MLSEL_OK)
        return status;
    status = write_artifact(artifact, &own, &file, err);
    if (status == MLSEL_OK)
        status = mlsel_i_file_commit(&file, own.replace != 0, err);
    else
        mlsel_i_file_abandon(&file);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
