/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as JSON, in the form that the ecosystem's tools read. */
#include <math.h>

#include "artifact.h"
#include "artifact_document.h"

static bool all_whole(const double *values, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (values[i] != floor(values[i]))
            return false;
    return true;
}

/* The vector of each row, since repeated rows are held once. */
static uint64_t *vectors_of_rows(const mlsel_knn_view *knn) {
    uint64_t *vectors = mlsel_i_alloc((size_t)knn->n_rows, sizeof *vectors);
    for (uint64_t v = 0; vectors != NULL && v < knn->n_vectors; v++)
        for (uint64_t i = knn->vector_start[v]; i < knn->vector_start[v + 1]; i++)
            vectors[knn->vector_rows[i]] = v;
    return vectors;
}

static void write_vector(json_writer *w, const mlsel_artifact *artifact, uint64_t vector) {
    const mlsel_knn_view *knn = &artifact->knn;
    const float *x = knn->vectors + vector * knn->stride;
    mlsel_i_write_open(w, '[');
    for (uint32_t i = 0; i < artifact->scalars.n_features; i++)
        mlsel_i_write_f32(w, x[i]);
    mlsel_i_write_close(w, ']');
}

static void write_arrays(json_writer *w, const mlsel_artifact *artifact, const uint64_t *vectors) {
    const uint64_t n = artifact->knn.n_rows;
    mlsel_i_write_key(w, "embeddings");
    mlsel_i_write_open(w, '[');
    for (uint64_t i = 0; i < n && w->status == MLSEL_OK; i++)
        write_vector(w, artifact, vectors[i]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "labels");
    mlsel_i_write_open(w, '[');
    for (uint64_t i = 0; i < n; i++)
        mlsel_i_write_string(w, artifact->labels[artifact->knn.row_labels[i]]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "qualities");
    mlsel_i_write_open(w, '[');
    for (uint64_t i = 0; i < n; i++)
        mlsel_i_write_f64(w, artifact->qualities[i]);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_key(w, "latencies");
    mlsel_i_write_open(w, '[');
    for (uint64_t i = 0; i < n; i++)
        mlsel_i_write_number(w, artifact->latencies[i]);
    mlsel_i_write_close(w, ']');
}

/* Milliseconds that come to exactly this many nanoseconds when they are read. */
static double to_milliseconds(double nanoseconds) {
    double up = nanoseconds / 1e6, down = up;
    for (int i = 0; i < 8; i++) {
        if (up * 1e6 == nanoseconds)
            return up;
        if (down * 1e6 == nanoseconds)
            return down;
        up = nextafter(up, INFINITY);
        down = nextafter(down, 0);
    }
    return nanoseconds / 1e6;
}

/* The older form, which alone has latencies that are no whole number of nanoseconds. */
static void write_samples(json_writer *w, const mlsel_artifact *artifact, const uint64_t *vectors) {
    mlsel_i_write_key(w, "samples");
    mlsel_i_write_open(w, '[');
    for (uint64_t i = 0; i < artifact->knn.n_rows && w->status == MLSEL_OK; i++) {
        mlsel_i_write_open(w, '{');
        mlsel_i_write_key(w, "feature_vector");
        write_vector(w, artifact, vectors[i]);
        mlsel_i_write_key(w, "model_name");
        mlsel_i_write_string(w, artifact->labels[artifact->knn.row_labels[i]]);
        mlsel_i_write_key(w, "quality");
        mlsel_i_write_f64(w, artifact->qualities[i]);
        mlsel_i_write_key(w, "latency_ms");
        mlsel_i_write_f64(w, to_milliseconds(artifact->latencies[i]));
        mlsel_i_write_close(w, '}');
    }
    mlsel_i_write_close(w, ']');
}

mlsel_status mlsel_i_artifact_write_json(const mlsel_artifact *artifact, file_writer *file, mlsel_error *err) {
    json_writer w = {.file = file, .err = err};
    uint64_t *vectors = NULL;
    mlsel_i_write_open(&w, '{');
    mlsel_i_write_document(&w, artifact, true);
    if (w.status == MLSEL_OK && artifact->scalars.algorithm == MLSEL_ALGORITHM_KNN) {
        vectors = vectors_of_rows(&artifact->knn);
        if (vectors == NULL)
            w.status = mlsel_i_no_memory(err);
        else if (all_whole(artifact->latencies, artifact->knn.n_rows))
            write_arrays(&w, artifact, vectors);
        else
            write_samples(&w, artifact, vectors);
    }
    mlsel_i_write_close(&w, '}');
    mlsel_i_write_raw(&w, "\n", 1);
    const mlsel_status status = mlsel_i_write_end(&w);
    mlsel_i_write_free(&w);
    mlsel_i_free(vectors);
    return status;
}
