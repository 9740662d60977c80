/* SPDX-License-Identifier: Apache-2.0 */
/* A finished training: its artifact as text, file or model. */
#include <string.h>

#include "file_write.h"
#include "train.h"

void mlsel_training_free(mlsel_training *training) {
    if (training == NULL)
        return;
    if (training->result.free != NULL)
        training->result.free(training->result.state);
    for (size_t i = 0; training->models != NULL && i < training->info.n_models; i++)
        mlsel_i_free(training->models[i]);
    mlsel_i_free(training->models);
    mlsel_i_free(training->embedding_model);
    mlsel_i_calibration_free(training->calibration);
    mlsel_i_free(training);
}

mlsel_status mlsel_training_get_info(const mlsel_training *training, mlsel_training_info *out, size_t size,
                                     mlsel_error *err) {
    if (training == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "training is NULL");
    return mlsel_i_info_copy(out, size, &training->info, sizeof training->info, err);
}

/* --- the artifact ------------------------------------------------------------------------------------------------- */

static void write_categories(const mlsel_train_options *options, json_writer *w) {
    if (options->without_categories == 0 && options->category_layout == MLSEL_CATEGORIES_VSR)
        return; /* what readers take without being told */
    mlsel_i_write_key(w, "categories");
    mlsel_i_write_open(w, '[');
    const size_t n = options->without_categories != 0 ? 0 : mlsel_category_count(options->category_layout);
    for (size_t i = 0; i < n; i++)
        mlsel_i_write_string(w, mlsel_category_name(options->category_layout, (int32_t)i));
    mlsel_i_write_close(w, ']');
}

/* What mlsel reads and others ignore. Left out where it says nothing new, so that the compatible artifacts are those of
 * the ecosystem's trainer. */
static void write_extras(const mlsel_training *training, json_writer *w) {
    const mlsel_train_options *options = &training->options;
    write_categories(options, w);
    if (options->without_categories == 0 && training->info.category_weight != 1) {
        mlsel_i_write_key(w, "category_weight");
        mlsel_i_write_f64(w, training->info.category_weight);
    }
    if (options->objective != MLSEL_OBJECTIVE_COMPATIBLE) {
        if (training->embedding_model != NULL) {
            mlsel_i_write_key(w, "embedding_model");
            mlsel_i_write_string(w, training->embedding_model);
        }
        mlsel_i_write_key(w, "trained_for");
        mlsel_i_write_string(w, mlsel_objective_name(options->objective));
        mlsel_i_write_key(w, "quality_weight");
        mlsel_i_write_f64(w, options->quality_weight);
    }
    if (training->calibration != NULL)
        mlsel_i_calibration_write(training->calibration, (const char *const *)training->models, w);
}

mlsel_status mlsel_i_training_write(const mlsel_training *training, json_writer *w) {
    mlsel_i_write_open(w, '{');
    mlsel_i_write_key(w, "algorithm");
    mlsel_i_write_string(w, mlsel_algorithm_name(training->info.algorithm));
    if (training->options.format_version == 2 && training->info.algorithm != MLSEL_ALGORITHM_MLP) {
        mlsel_i_write_key(w, "format_version");
        mlsel_i_write_count(w, 2);
    }
    mlsel_i_write_key(w, "trained");
    mlsel_i_write_bool(w, true);
    training->result.write(training->result.state, (const char *const *)training->models, w);
    write_extras(training, w);
    mlsel_i_write_close(w, '}');
    mlsel_i_write_raw(w, "\n", 1);
    return w->status;
}

/* --- what becomes of it ------------------------------------------------------------------------------------------- */

mlsel_status mlsel_training_model(const mlsel_training *training, const mlsel_model_options *options, mlsel_model **out,
                                  mlsel_error *err) {
    if (training == NULL || out == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "training and out must not be NULL");
    json_writer w = {.err = err};
    mlsel_status status = mlsel_i_training_write(training, &w);
    if (status == MLSEL_OK)
        status = mlsel_model_load_memory(w.text, w.size, options, out, err);
    mlsel_i_write_free(&w);
    return status;
}

static mlsel_status save_json(const mlsel_training *training, const char *path, bool replace, mlsel_error *err) {
    file_writer file;
    mlsel_status status = mlsel_i_file_create(&file, path, err);
    if (status != MLSEL_OK)
        return status;
    json_writer w = {.file = &file, .err = err};
    (void)mlsel_i_training_write(training, &w); /* the end says what failed */
    status = mlsel_i_write_end(&w);
    mlsel_i_write_free(&w);
    if (status == MLSEL_OK)
        status = mlsel_i_file_commit(&file, replace, err);
    else
        mlsel_i_file_abandon(&file);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}

mlsel_status mlsel_training_save(const mlsel_training *training, const char *path, const mlsel_save_options *options,
                                 mlsel_error *err) {
    mlsel_save_options own;
    if (training == NULL || path == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "training and path must not be NULL");
    mlsel_status status = mlsel_i_options_copy(&own, sizeof own, options, "mlsel_save_options", err);
    if (status != MLSEL_OK)
        return status;
    if (mlsel_i_save_format(&own, path) == MLSEL_FORMAT_JSON)
        return save_json(training, path, own.replace != 0, err);
    mlsel_model *model = NULL;
    status = mlsel_training_model(training, NULL, &model, err);
    if (status == MLSEL_OK)
        status = mlsel_model_save(model, path, options, err);
    mlsel_model_release(model);
    return status;
}
