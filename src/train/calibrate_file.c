/* SPDX-License-Identifier: Apache-2.0 */
/* mlsel_calibrate: a copy of an artifact with a calibration fitted to held-out records. */
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "file_write.h"
#include "held_out.h"
#include "json_splice.h"
#include "train.h"

static const char member[] = "calibration";
static const uint64_t max_artifact_bytes = (uint64_t)4 << 30;

typedef struct calibration_job {
    const char *artifact, *path;
    file_content content; /* the artifact's text */
    json_writer text;     /* the new member */
    json_splice splice;
    mlsel_error *err;
} calibration_job;

/* The member, ready to take its place. */
static mlsel_status write_member(const held_out *data, const double *scores, const mlsel_model *model,
                                 mlsel_calibration calibration, json_writer *w, mlsel_error *err) {
    calibration_map *map = NULL;
    const char **names = mlsel_i_alloc(data->n_labels, sizeof *names);
    if (names == NULL)
        return mlsel_i_no_memory(err);
    for (size_t i = 0; i < data->n_labels; i++)
        names[i] = mlsel_model_label(model, (int32_t)i);
    mlsel_status status =
        mlsel_i_calibration_fit(calibration, scores, data->quality, data->n_queries, data->n_labels, &map, err);
    if (status == MLSEL_OK) {
        mlsel_i_calibration_write(map, names, w);
        status = w->status;
    }
    mlsel_i_calibration_free(map);
    mlsel_i_free(names);
    return status;
}

static mlsel_status fit(const mlsel_dataset *dataset, const mlsel_model *model, mlsel_calibration calibration,
                        json_writer *w, mlsel_error *err) {
    held_out data = {0};
    mlsel_status status = mlsel_i_held_out_create(dataset, model, &data, err);
    if (status != MLSEL_OK)
        return status;
    double *scores = mlsel_i_alloc(data.n_queries, data.n_labels * sizeof *scores);
    if (scores == NULL)
        status = mlsel_i_no_memory(err);
    else
        status = mlsel_score_batch(model, data.x, data.n_queries, data.n_features, data.n_features, NULL, scores,
                                   data.n_labels, err);
    if (status == MLSEL_OK)
        status = write_member(&data, scores, model, calibration, w, err);
    mlsel_i_free(scores);
    mlsel_i_held_out_free(&data);
    return status;
}

/* --- the copy ----------------------------------------------------------------------------------------------------- */

/* Everything of the text but the member, and that in its place. */
static void write_copy(const calibration_job *job, json_writer *w) {
    const char *text = job->content.data;
    mlsel_i_write_raw(w, text, job->splice.begin);
    if (job->splice.needs_comma)
        mlsel_i_write_raw(w, ",\n", 2);
    mlsel_i_write_raw(w, job->text.text, job->text.size);
    mlsel_i_write_raw(w, text + job->splice.end, job->content.size - job->splice.end);
}

static mlsel_status save_json(const calibration_job *job, bool replace) {
    file_writer file;
    mlsel_status status = mlsel_i_file_create(&file, job->path, job->err);
    if (status != MLSEL_OK)
        return status;
    json_writer w = {.file = &file, .err = job->err};
    write_copy(job, &w);
    status = mlsel_i_write_end(&w);
    mlsel_i_write_free(&w);
    if (status == MLSEL_OK)
        return mlsel_i_file_commit(&file, replace, job->err);
    mlsel_i_file_abandon(&file);
    return status;
}

static mlsel_status save_container(const calibration_job *job, const mlsel_save_options *options) {
    json_writer w = {.err = job->err};
    mlsel_model *model = NULL;
    write_copy(job, &w);
    mlsel_status status = mlsel_i_write_end(&w);
    if (status == MLSEL_OK)
        status = mlsel_model_load_memory(w.text, w.size, NULL, &model, job->err);
    mlsel_i_write_free(&w);
    if (status == MLSEL_OK)
        status = mlsel_model_save(model, job->path, options, job->err);
    mlsel_model_release(model);
    return status;
}

static mlsel_status save(const calibration_job *job, const mlsel_save_options *given) {
    mlsel_save_options own;
    const mlsel_status status = mlsel_i_options_copy(&own, sizeof own, given, "mlsel_save_options", job->err);
    if (status != MLSEL_OK)
        return status;
    if (mlsel_i_save_format(&own, job->path) == MLSEL_FORMAT_JSON)
        return save_json(job, own.replace != 0);
    return save_container(job, given);
}

static mlsel_status say_artifact(const calibration_job *job, mlsel_status status) {
    char prefix[200];
    if (status != MLSEL_OK && status != MLSEL_ERROR_NO_MEMORY) {
        (void)snprintf(prefix, sizeof prefix, "%.180s: ", mlsel_i_file_name(job->artifact));
        mlsel_i_error_prefix(job->err, prefix);
    }
    return status;
}

static mlsel_status load(calibration_job *job, mlsel_model **out) {
    static const file_kind kind = {.noun = "artifact", .function = "mlsel_model_load_memory"};
    mlsel_status status = mlsel_i_file_load(job->artifact, &kind, max_artifact_bytes, &job->content, job->err);
    if (status != MLSEL_OK)
        return status;
    status = mlsel_model_load_memory(job->content.data, job->content.size, NULL, out, job->err);
    if (status != MLSEL_OK)
        return say_artifact(job, status);
    mlsel_model_info info;
    status = mlsel_model_get_info(*out, &info, sizeof info, job->err);
    if (status == MLSEL_OK && info.format != MLSEL_FORMAT_JSON)
        status = say_artifact(job, mlsel_i_fail(job->err, MLSEL_ERROR_UNSUPPORTED,
                                                "only JSON artifacts can be calibrated: convert it first"));
    return status;
}

mlsel_status mlsel_calibrate(const mlsel_dataset *dataset, const char *artifact, mlsel_calibration calibration,
                             const char *path, const mlsel_save_options *options, mlsel_error *err) {
    calibration_job job = {.artifact = artifact, .path = path, .text = {.err = err}, .err = err};
    mlsel_model *model = NULL;
    if (dataset == NULL || artifact == NULL || path == NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "dataset, artifact and path must not be NULL");
    if (calibration != MLSEL_CALIBRATION_ISOTONIC && calibration != MLSEL_CALIBRATION_PLATT)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "calibration %d is neither isotonic nor platt",
                            (int)calibration);
    mlsel_status status = load(&job, &model);
    if (status == MLSEL_OK)
        status = fit(dataset, model, calibration, &job.text, err);
    mlsel_model_release(model);
    if (status == MLSEL_OK) {
        job.splice = mlsel_i_json_find_splice(job.content.data, job.content.size, member);
        status = save(&job, options);
    }
    mlsel_i_write_free(&job.text);
    mlsel_i_file_unload(&job.content);
    return status == MLSEL_OK ? mlsel_i_ok(err) : status;
}
