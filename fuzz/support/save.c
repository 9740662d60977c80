/* SPDX-License-Identifier: Apache-2.0 */
#include "save.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend.h"
#include "cpu/derived.h"
#include "file_write.h"
#include "fuzz.h"
#include "model.h"

/* As src/save.c does, which writes to a path. */
static mlsel_status write_with_index(mlsel_artifact *artifact, file_writer *file, mlsel_error *err) {
    if (artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN) {
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
    if (artifact->svm.form != MLSEL_SVM_FORM_ONE_VS_ONE)
        return mlsel_i_artifact_write_container(artifact, NULL, NULL, file, err);
    double *norms = malloc(((size_t)artifact->svm.n_support_vectors + 1) * sizeof *norms);
    FUZZ_CHECK(norms != NULL);
    const bool has_norms = mlsel_i_cpu_squared_norms(&artifact->svm, artifact->scalars.n_features, norms);
    const mlsel_status status = mlsel_i_artifact_write_container(artifact, NULL, has_norms ? norms : NULL, file, err);
    free(norms);
    return status;
}

mlsel_status fuzz_save(const mlsel_model *model, mlsel_format format, bool with_index, uint8_t **out, size_t *size,
                       mlsel_error *err) {
    static FILE *room;
    if (room == NULL)
        room = tmpfile();
    FUZZ_CHECK(room != NULL);
    const int fd = fileno(room);
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    mlsel_artifact *artifact = model->engine->artifact;
    file_writer file = {.path = "saved", .fd = fd};
    mlsel_status status = mlsel_i_container_check(artifact, err);
    if (status != MLSEL_OK)
        return status;
    status = format == MLSEL_FORMAT_JSON ? mlsel_i_artifact_write_json(artifact, &file, err)
             : with_index                ? write_with_index(artifact, &file, err)
                                         : mlsel_i_artifact_write_container(artifact, NULL, NULL, &file, err);
    if (status != MLSEL_OK)
        return status;
    const off_t end = lseek(fd, 0, SEEK_END);
    FUZZ_CHECK(end > 0);
    *size = (size_t)end;
    *out = malloc(*size);
    FUZZ_CHECK(*out != NULL && pread(fd, *out, *size, 0) == (ssize_t)*size);
    return MLSEL_OK;
}
