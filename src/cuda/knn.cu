/* SPDX-License-Identifier: Apache-2.0 */
#include "knn.h"

#include <math.h>
#include <string.h>

#include "accel/neighbours.h"

enum { MAX_BATCH = 256 };

/* Memory for estimates, in values: with more queries than fit, they take turns. */
static const uint64_t max_estimates = (uint64_t)64 << 20;

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static mlsel_status measure_norms(cuda_state *state, knn_model *m, mlsel_error *err) {
    const uint32_t device = state->device;
    const bool normalize = state->view->knn->normalize != 0;
    device_memory temporary = {device, NULL, 0};
    double *on_device = NULL;
    double *norms = (double *)mlsel_i_alloc((size_t)m->n_vectors, sizeof *norms);
    mlsel_status status = norms == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(&temporary, m->n_vectors, sizeof(double), (void **)&on_device, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_knn_norms(device, m, state->view->n_features, normalize, on_device, err);
    if (status == MLSEL_OK) {
        const cudaError_t code =
            cudaMemcpy(norms, on_device, (size_t)m->n_vectors * sizeof *norms, cudaMemcpyDeviceToHost);
        if (code != cudaSuccess)
            status = mlsel_i_cuda_fail(err, device, "cudaMemcpy", code);
    }
    m->can_estimate = true;
    for (uint64_t v = 0; status == MLSEL_OK && v < m->n_vectors; v++) {
        m->can_estimate = m->can_estimate && (norms[v] == 0 || is_tame_norm(norms[v]));
        m->max_norm = fmax(m->max_norm, norms[v]);
    }
    if (normalize)
        m->max_norm = 1;
    mlsel_i_cuda_free_all(&temporary);
    mlsel_i_free(norms);
    return status;
}

/* As many queries at a time as the memory for estimates allows, in a number that there is a plan for. */
static uint32_t choose_slice(uint64_t n_vectors) {
    uint32_t slice = MAX_FEW;
    while (slice < MAX_BATCH && (uint64_t)slice * 2 * n_vectors <= max_estimates)
        slice *= 2;
    return slice;
}

static mlsel_status prepare(cuda_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    knn_model *m = (knn_model *)mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    device_memory *memory = &state->memory;
    const uint64_t n = state->view->n_features;
    m->n_vectors = knn->n_vectors;
    m->stride = padded_width(n);
    m->estimate_room = padded_width(m->n_vectors);
    m->slice = choose_slice(m->n_vectors);
    state->scratch_bytes = (m->n_vectors * sizeof(double) + 63) / 64 * 64;
    mlsel_status status =
        mlsel_i_cuda_upload_rows(memory, knn->vectors, m->n_vectors, knn->stride, n, &m->vectors, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, m->n_vectors, sizeof(double), (void **)&m->scales, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, m->n_vectors, sizeof(float), (void **)&m->double_scales, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, m->n_vectors, sizeof(float), (void **)&m->offsets, err);
    if (status == MLSEL_OK)
        status = measure_norms(state, m, err);
    if (status != MLSEL_OK)
        return status;
    gemm_shape shape = {};
    shape.n_rows = m->n_vectors;
    shape.n = n;
    shape.stride = shape.query_stride = m->stride;
    shape.out_stride = m->estimate_room;
    shape.type = shape.out_type = CUDA_R_32F;
    return mlsel_i_cuda_gemm_plan(state->lt, state->device, &shape, m->slice, &m->plan, err);
}

static void release(cuda_state *state) { mlsel_i_cuda_gemm_free(&((knn_model *)state->model)->plan); }

/* --- a slot's memory ---------------------------------------------------------------------------------------------- */

typedef struct knn_work {
    double *wide, *norms;
    float *narrow, *dots, *minima, *limits;
    char *gemm;
    uint64_t bytes;
} knn_work;

static knn_work work_of(const cuda_state *state, uint32_t capacity, uint32_t k, char *base) {
    const knn_model *m = (const knn_model *)state->model;
    const uint32_t at_once = capacity < m->slice ? mlsel_i_cuda_gemm_count(capacity) : m->slice;
    const uint64_t rows = (uint64_t)capacity + at_once; /* a last slice is rounded up */
    uint64_t estimates = at_once * m->estimate_room;
    if (estimates < 2 * m->n_vectors) /* room for one query's distances in double */
        estimates = 2 * m->n_vectors;
    carver c = {base, 0};
    knn_work w;
    w.wide = carve<double>(&c, capacity * (uint64_t)state->view->n_features);
    w.norms = carve<double>(&c, capacity);
    w.narrow = carve<float>(&c, rows * m->stride);
    w.dots = carve<float>(&c, estimates);
    w.minima = carve<float>(&c, (uint64_t)at_once * mlsel_i_accel_groups(m->n_vectors, k));
    w.limits = carve<float>(&c, at_once);
    w.gemm = capacity > MAX_FEW ? carve<char>(&c, GEMM_WORKSPACE) : NULL;
    w.bytes = c.used;
    return w;
}

/* Where the mask is, behind the queries. */
static uint64_t mask_offset(const cuda_state *state, uint32_t capacity) {
    return (capacity * (uint64_t)state->view->n_features * sizeof(double) + 255) / 256 * 256;
}

static void lay_out(const cuda_state *state, uint32_t capacity, uint32_t k, slot_layout *out) {
    const knn_model *m = (const knn_model *)state->model;
    out->in = mask_offset(state, capacity) + m->n_vectors;
    out->out = capacity * knn_record_bytes(mlsel_i_accel_room(m->n_vectors, k));
    out->work = work_of(state, capacity, k, NULL).bytes;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void take(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot) {
    mlsel_i_cuda_copy_queries(run, state->view->n_features, slot->host_in);
    if (run->label_mask != NULL)
        mlsel_i_accel_mark(state->view->knn, run->label_mask,
                           (uint8_t *)slot->host_in + mask_offset(state, slot->capacity));
}

static mlsel_status search_slice(const cuda_state *state, const mlsel_backend_run *run, const cuda_slot *slot,
                                 const knn_work *w, uint32_t first, uint32_t count, mlsel_error *err) {
    const knn_model *m = (const knn_model *)state->model;
    const uint64_t n = state->view->n_features;
    const float *queries = w->narrow + first * m->stride;
    const bool is_few = count <= MAX_FEW;
    const mlsel_status status = is_few ? mlsel_i_cuda_dots(state->device, &m->plan.shape, m->vectors, queries, count,
                                                           w->dots, slot->stream, err)
                                       : mlsel_i_cuda_gemm(state->lt, state->device, &m->plan, m->vectors, queries,
                                                           count, w->dots, w->gemm, slot->stream, err);
    if (status != MLSEL_OK)
        return status;
    knn_search s = {};
    s.dots = w->dots;
    s.room = m->estimate_room;
    s.double_scales = m->double_scales;
    s.offsets = m->offsets;
    s.takes_part =
        run->label_mask == NULL ? NULL : (const uint8_t *)slot->device_in + mask_offset(state, slot->capacity);
    s.norms = w->norms + first;
    s.n_vectors = m->n_vectors;
    s.max_norm = m->max_norm;
    s.dots_error = is_few ? mlsel_i_cuda_dots_error(n) : mlsel_i_cuda_sum_error(n);
    s.k = run->k;
    s.n_groups = mlsel_i_accel_groups(m->n_vectors, run->k);
    s.minima = w->minima;
    s.limits = w->limits;
    s.max_candidates = mlsel_i_accel_room(m->n_vectors, run->k);
    s.records = slot->device_out + first * knn_record_bytes(s.max_candidates);
    return mlsel_i_cuda_knn_select(state->device, &s, count, slot->stream, err);
}

static mlsel_status copy_in(const cuda_state *state, const mlsel_backend_run *run, const cuda_slot *slot,
                            mlsel_error *err) {
    const uint32_t device = state->device;
    const uint64_t n = state->view->n_features, bytes = run->count * n * query_value_bytes(run->query_type);
    TRY(cudaMemcpyAsync(slot->device_in, slot->host_in, (size_t)bytes, cudaMemcpyHostToDevice, slot->stream));
    if (run->label_mask != NULL) {
        const uint64_t at = mask_offset(state, slot->capacity);
        TRY(cudaMemcpyAsync(slot->device_in + at, slot->host_in + at, (size_t)state->view->knn->n_vectors,
                            cudaMemcpyHostToDevice, slot->stream));
    }
    return MLSEL_OK;
}

static mlsel_status enqueue(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const knn_model *m = (const knn_model *)state->model;
    const uint32_t device = state->device;
    const uint64_t n = state->view->n_features;
    const knn_work w = work_of(state, slot->capacity, slot->k, slot->work);
    mlsel_status status = copy_in(state, run, slot, err);
    if (status != MLSEL_OK)
        return status;
    taken_queries taken = {};
    taken.given = slot->device_in;
    taken.type = run->query_type;
    taken.n = n;
    taken.stride = m->stride;
    taken.rule = state->view->knn->normalize ? TAKE_KNN_NORMALIZED : TAKE_AS_IS;
    taken.wide = w.wide;
    taken.narrow = w.narrow;
    taken.norms = w.norms;
    status = mlsel_i_cuda_take(device, &taken, run->count, slot->stream, err);
    if (status != MLSEL_OK || !m->can_estimate)
        return status;
    for (uint32_t first = 0; first < run->count && status == MLSEL_OK; first += m->slice) {
        const uint32_t left = run->count - first;
        status = search_slice(state, run, slot, &w, first, left < m->slice ? left : m->slice, err);
    }
    const uint32_t room = mlsel_i_accel_room(m->n_vectors, run->k);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_knn_measure(device, m, n, w.wide, slot->device_out, room, run->count, slot->stream, err);
    if (status == MLSEL_OK)
        TRY(cudaMemcpyAsync(slot->host_out, slot->device_out, (size_t)(run->count * knn_record_bytes(room)),
                            cudaMemcpyDeviceToHost, slot->stream));
    return status;
}

/* A query that estimates do not help with: too many vectors are as near, or norms are near the limits of float. */
static mlsel_status measure_all(const cuda_state *state, const mlsel_backend_run *run, const cuda_slot *slot,
                                uint32_t query, top_k *top, mlsel_error *err) {
    const knn_model *m = (const knn_model *)state->model;
    const uint32_t device = state->device;
    const uint64_t n = state->view->n_features;
    const knn_work w = work_of(state, slot->capacity, slot->k, slot->work);
    double *distances = (double *)run->scratch, *on_device = (double *)(void *)w.dots;
    const mlsel_status status =
        mlsel_i_cuda_knn_measure_all(device, m, n, w.wide + query * n, on_device, slot->stream, err);
    if (status != MLSEL_OK)
        return status;
    TRY(cudaMemcpyAsync(distances, on_device, (size_t)m->n_vectors * sizeof *distances, cudaMemcpyDeviceToHost,
                        slot->stream));
    TRY(cudaStreamSynchronize(slot->stream));
    for (uint64_t v = 0; v < m->n_vectors; v++)
        mlsel_i_accel_offer(state->view->knn, v, distances[v], run->label_mask, top);
    return MLSEL_OK;
}

static mlsel_status finish(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const knn_model *m = (const knn_model *)state->model;
    const uint32_t room = mlsel_i_accel_room(m->n_vectors, run->k);
    mlsel_status status = MLSEL_OK;
    for (uint32_t q = 0; q < run->count && status == MLSEL_OK; q++) {
        top_k top = {run->neighbours + q * run->neighbour_stride, 0, run->k};
        const knn_record r = knn_record_at(slot->host_out, q, room);
        if (m->can_estimate && *r.count <= room)
            for (uint32_t i = 0; i < *r.count; i++)
                mlsel_i_accel_offer(state->view->knn, r.ids[i], r.distances[i], run->label_mask, &top);
        else
            status = measure_all(state, run, slot, q, &top, err);
        mlsel_i_accel_finish(&top);
    }
    return status;
}

static bool is_fixed(const cuda_state *state, const mlsel_backend_run *run) {
    (void)state;
    return run->label_mask == NULL;
}

extern const cuda_kind mlsel_i_cuda_knn = {MAX_BATCH, prepare, release, lay_out, take, enqueue, finish, is_fixed};
