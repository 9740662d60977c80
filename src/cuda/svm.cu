/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVM: dot products with all vectors in float, kernel values from them, and sums over classes in double. Where a value
 * is so near a boundary that its error could move it across, the CPU backend answers the query.
 *
 * Both forms are sums of coefficient * kernel value over ranges of one list of vectors: one-vs-one has two ranges and a
 * row of dual coefficients each for a pair, the per-model form one range for a classifier.
 */
#include <math.h>
#include <string.h>

#include "cuda.h"

enum { MAX_BATCH = 1024, CHUNK = 128 };

/* Values that a slot has room for: with more vectors, batches are smaller. */
static const uint64_t max_values = (uint64_t)64 << 20;

/* Kernel values must be this good for their decision values to be reported, as on the CPU. */
static const double tolerance = 5e-5;

typedef struct svm_model {
    float *vectors; /* [n_vectors][stride] */
    uint64_t n_vectors, stride;
    uint64_t *starts;  /* [n_classes + 1] */
    double *coefs;     /* [n_coef_rows][n_vectors] */
    double *bounds;    /* [n_vectors] largest absolute coefficient */
    double *constants; /* [n_outputs] intercepts, or -rho */
    float *offsets;    /* [n_vectors] squared norms */
    float *gammas;     /* [n_vectors]; NULL: linear */
    uint32_t n_classes, n_outputs;
    bool per_model;
    double max_norm, max_gamma, coef_sum;
    bool can_estimate;  /* norms are far from the limits of float */
    bool uses_gemm;     /* its longer sums are good enough for this model */
    gemm_plan plans[2]; /* over a chunk of features: the first sets, the others add; each sum stays short */
    gemm_plan last;     /* over the features that are left */
    uint32_t n_chunks;  /* whole ones */
} svm_model;

/* --- kernels ------------------------------------------------------------------------------------------------------ */

__global__ void __launch_bounds__(BLOCK)
    kernel_value_kernel(float *__restrict__ values, uint64_t room, uint64_t n_vectors,
                        const float *__restrict__ offsets, const float *__restrict__ gammas,
                        const double *__restrict__ norms) {
    const uint64_t v = (uint64_t)blockIdx.x * BLOCK + threadIdx.x, query = blockIdx.y;
    if (v >= n_vectors)
        return;
    const double norm = norms[query];
    float *value = values + query * room + v;
    const float distance = ((float)(norm * norm) + offsets[v]) - 2 * *value;
    *value = expf(-gammas[v] * fmaxf(distance, 0.0f));
}

/* A lane's share of a sum, and the sum: the same order every time. */
__device__ static double range_sum(const double *__restrict__ coefs, const float *__restrict__ values, uint64_t begin,
                                   uint64_t end) {
    double sum = 0;
    for (uint64_t v = begin + threadIdx.x % WARP; v < end; v += WARP)
        sum += coefs[v] * (double)values[v];
    return sum;
}

__device__ static double warp_sum(double sum) {
    for (int step = WARP / 2; step > 0; step /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    return sum;
}

/* What a warp adds up: output `at` of a query, or at n_outputs what its error is weighed by. */
typedef struct sums_view {
    const uint64_t *starts;
    const double *coefs, *bounds, *constants;
    uint64_t n_vectors;
    uint32_t n_classes, n_outputs;
    bool per_model;
} sums_view;

__global__ void __launch_bounds__(BLOCK)
    sums_kernel(sums_view m, const float *__restrict__ values, uint64_t room, double *__restrict__ out) {
    const uint32_t at = (blockIdx.x * BLOCK + threadIdx.x) / WARP;
    const uint64_t query = blockIdx.y;
    if (at > m.n_outputs)
        return; /* the whole warp */
    const float *v = values + query * room;
    double sum = 0;
    if (at == m.n_outputs) {
        sum = range_sum(m.bounds, v, 0, m.n_vectors);
    } else if (m.per_model) {
        sum = range_sum(m.coefs, v, m.starts[at], m.starts[at + 1]);
    } else {
        uint32_t i = 0, before = 0; /* pairs of classes below i */
        while (at >= before + (m.n_classes - 1 - i)) {
            before += m.n_classes - 1 - i;
            i++;
        }
        const uint32_t j = i + 1 + (at - before);
        sum = range_sum(m.coefs + (uint64_t)(j - 1) * m.n_vectors, v, m.starts[i], m.starts[i + 1]) +
              range_sum(m.coefs + (uint64_t)i * m.n_vectors, v, m.starts[j], m.starts[j + 1]);
    }
    sum = warp_sum(sum);
    if (threadIdx.x % WARP == 0)
        out[query * (m.n_outputs + 1) + at] = at == m.n_outputs ? sum : sum + m.constants[at];
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

/* Of a sum in chunks of CHUNK features. */
static double chunked_error(uint64_t n) { return mlsel_i_cuda_sum_error(CHUNK + (n + CHUNK - 1) / CHUNK); }

/* Bound on the error of a kernel value, of the form of the CPU backend's; expf is within 2 units in the last place. */
static double kernel_error(const svm_model *m, double dots_error, double norm) {
    const double unit = 0x1p-24, x = m->max_norm;
    double error = dots_error * x * norm;
    if (m->gammas != NULL)
        error = m->max_gamma * (2 * error + 6 * unit * (x + norm) * (x + norm)) + 3e-7;
    return error;
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

/* The model as one list, on the host. */
typedef struct svm_lists {
    float *vectors; /* NULL: those of the view */
    double *coefs, *bounds;
    uint64_t *starts;
    float *offsets, *gammas;
} svm_lists;

static void free_lists(svm_lists *l) {
    mlsel_i_free(l->vectors);
    mlsel_i_free(l->coefs);
    mlsel_i_free(l->bounds);
    mlsel_i_free(l->starts);
    mlsel_i_free(l->offsets);
    mlsel_i_free(l->gammas);
}

static uint64_t coef_rows(const svm_model *m) { return m->per_model ? 1 : m->n_classes - 1; }

static mlsel_status alloc_lists(const svm_model *m, svm_lists *l, mlsel_error *err) {
    const size_t n = (size_t)m->n_vectors;
    memset(l, 0, sizeof *l);
    l->vectors = m->per_model ? (float *)mlsel_i_calloc(n, (size_t)m->stride * sizeof(float)) : NULL;
    l->coefs = (double *)mlsel_i_alloc(n, (size_t)coef_rows(m) * sizeof(double));
    l->bounds = (double *)mlsel_i_calloc(n, sizeof(double));
    l->starts = (uint64_t *)mlsel_i_calloc((size_t)m->n_classes + 1, sizeof(uint64_t));
    l->offsets = (float *)mlsel_i_alloc(n, sizeof(float));
    l->gammas = (float *)mlsel_i_alloc(n, sizeof(float));
    const bool has_all = (l->vectors != NULL || !m->per_model) && l->coefs != NULL && l->bounds != NULL &&
                         l->starts != NULL && l->offsets != NULL && l->gammas != NULL;
    return has_all ? MLSEL_OK : mlsel_i_no_memory(err);
}

static void list_per_model(const mlsel_svm_view *svm, const svm_model *m, uint64_t n, svm_lists *l) {
    uint64_t at = 0;
    for (uint32_t c = 0; c < m->n_classes; c++) {
        const mlsel_svm_classifier *classifier = &svm->classifiers[c];
        l->starts[c] = at;
        for (uint64_t v = 0; v < classifier->n_vectors; v++, at++) {
            memcpy(l->vectors + at * m->stride, classifier->vectors + v * classifier->stride,
                   (size_t)n * sizeof(float));
            l->coefs[at] = classifier->alpha == NULL ? 1 : classifier->alpha[v];
            l->gammas[at] = (float)classifier->gamma;
        }
    }
    l->starts[m->n_classes] = at;
}

static void list_one_vs_one(const mlsel_svm_view *svm, const svm_model *m, svm_lists *l) {
    memcpy(l->coefs, svm->dual_coef, (size_t)(coef_rows(m) * m->n_vectors) * sizeof(double));
    memcpy(l->starts, svm->class_start, ((size_t)m->n_classes + 1) * sizeof(uint64_t));
    for (uint64_t v = 0; v < m->n_vectors; v++)
        l->gammas[v] = (float)svm->gamma;
}

static double squared_norm(const float *x, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

/* Norms, the largest coefficient of each vector, and what the bounds on errors are made of. */
static void measure(svm_model *m, const float *vectors, uint64_t stride, uint64_t n, svm_lists *l) {
    m->can_estimate = true;
    for (uint64_t v = 0; v < m->n_vectors; v++) {
        const double squared = squared_norm(vectors + v * stride, n), norm = sqrt(squared);
        m->can_estimate = m->can_estimate && (norm == 0 || is_tame_norm(norm));
        m->max_norm = fmax(m->max_norm, norm);
        m->max_gamma = fmax(m->max_gamma, (double)l->gammas[v]);
        l->offsets[v] = (float)fmin(squared, 1e38);
        for (uint64_t r = 0; r < coef_rows(m); r++)
            l->bounds[v] = fmax(l->bounds[v], fabs(l->coefs[r * m->n_vectors + v]));
        m->coef_sum += l->bounds[v];
    }
    m->can_estimate = m->can_estimate && m->max_gamma <= 1e6;
}

static mlsel_status upload_constants(cuda_state *state, svm_model *m, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    double *constants = (double *)mlsel_i_alloc(m->n_outputs, sizeof *constants);
    if (constants == NULL)
        return mlsel_i_no_memory(err);
    for (uint32_t i = 0; i < m->n_outputs; i++)
        constants[i] = m->per_model ? -svm->classifiers[i].rho : svm->intercept[i];
    const mlsel_status status =
        mlsel_i_cuda_upload(&state->memory, constants, m->n_outputs, sizeof(double), (void **)&m->constants, err);
    mlsel_i_free(constants);
    return status;
}

static mlsel_status upload(cuda_state *state, svm_model *m, const svm_lists *l, const float *vectors, uint64_t stride,
                           mlsel_error *err) {
    device_memory *memory = &state->memory;
    const bool is_linear = state->view->svm->kernel == MLSEL_SVM_KERNEL_LINEAR;
    mlsel_status status =
        mlsel_i_cuda_upload_rows(memory, vectors, m->n_vectors, stride, state->view->n_features, &m->vectors, err);
    if (status == MLSEL_OK)
        status =
            mlsel_i_cuda_upload(memory, l->coefs, coef_rows(m) * m->n_vectors, sizeof(double), (void **)&m->coefs, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_upload(memory, l->bounds, m->n_vectors, sizeof(double), (void **)&m->bounds, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_upload(memory, l->starts, m->n_classes + 1, sizeof(uint64_t), (void **)&m->starts, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_upload(memory, l->offsets, m->n_vectors, sizeof(float), (void **)&m->offsets, err);
    if (status == MLSEL_OK && !is_linear)
        status = mlsel_i_cuda_upload(memory, l->gammas, m->n_vectors, sizeof(float), (void **)&m->gammas, err);
    return status == MLSEL_OK ? upload_constants(state, m, err) : status;
}

/* Products over chunks of features, so that no sum is long: the first sets the result, the others add to it. */
static mlsel_status make_plans(cuda_state *state, svm_model *m, mlsel_error *err) {
    const uint64_t n = state->view->n_features;
    gemm_shape shape = {};
    shape.n_rows = m->n_vectors;
    shape.stride = shape.query_stride = m->stride;
    shape.out_stride = padded_width(m->n_vectors);
    shape.type = shape.out_type = CUDA_R_32F;
    m->n_chunks = (uint32_t)(n / CHUNK);
    mlsel_status status = MLSEL_OK;
    for (int adds = 0; adds < 2 && status == MLSEL_OK && m->n_chunks > 0; adds++) {
        shape.n = CHUNK;
        shape.adds = adds != 0;
        status = mlsel_i_cuda_gemm_plan(state->lt, state->device, &shape, MAX_BATCH, &m->plans[adds], err);
    }
    shape.n = n % CHUNK;
    shape.adds = m->n_chunks > 0;
    if (status == MLSEL_OK && shape.n > 0)
        status = mlsel_i_cuda_gemm_plan(state->lt, state->device, &shape, MAX_BATCH, &m->last, err);
    return status;
}

static mlsel_status prepare(cuda_state *state, mlsel_error *err) {
    const mlsel_svm_view *svm = state->view->svm;
    const uint64_t n = state->view->n_features;
    svm_model *m = (svm_model *)mlsel_i_calloc(1, sizeof *m);
    state->model = m;
    if (m == NULL)
        return mlsel_i_no_memory(err);
    m->per_model = svm->form == MLSEL_SVM_FORM_PER_MODEL;
    m->n_classes = svm->n_classes;
    m->n_outputs = m->per_model ? svm->n_classes : svm->n_classes * (svm->n_classes - 1) / 2;
    m->stride = padded_width(n);
    m->n_vectors = svm->n_support_vectors;
    if (m->per_model) {
        m->n_vectors = 0;
        for (uint32_t c = 0; c < svm->n_classes; c++)
            m->n_vectors += svm->classifiers[c].n_vectors;
    }
    while (state->max_batch > MAX_FEW && state->max_batch * padded_width(m->n_vectors) > max_values)
        state->max_batch /= 2;
    svm_lists lists;
    mlsel_status status = alloc_lists(m, &lists, err);
    if (status == MLSEL_OK) {
        if (m->per_model)
            list_per_model(svm, m, n, &lists);
        else
            list_one_vs_one(svm, m, &lists);
        const float *vectors = m->per_model ? lists.vectors : svm->support_vectors;
        const uint64_t stride = m->per_model ? m->stride : svm->stride;
        measure(m, vectors, stride, n, &lists);
        status = upload(state, m, &lists, vectors, stride, err);
    }
    free_lists(&lists);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_prepare_cpu(state, err);
    /* for queries about as long as the vectors */
    m->uses_gemm = kernel_error(m, chunked_error(n), fmax(m->max_norm, 1)) <= tolerance / 2;
    return status == MLSEL_OK && m->uses_gemm ? make_plans(state, m, err) : status;
}

static void release(cuda_state *state) {
    svm_model *m = (svm_model *)state->model;
    mlsel_i_cuda_gemm_free(&m->plans[0]);
    mlsel_i_cuda_gemm_free(&m->plans[1]);
    mlsel_i_cuda_gemm_free(&m->last);
}

/* --- a slot's memory ---------------------------------------------------------------------------------------------- */

typedef struct svm_work {
    double *norms;
    float *narrow, *values;
    char *gemm;
    uint64_t bytes;
} svm_work;

static svm_work work_of(const svm_model *m, uint32_t capacity, char *base) {
    const uint32_t rows = mlsel_i_cuda_gemm_count(capacity);
    carver c = {base, 0};
    svm_work w;
    w.norms = carve<double>(&c, capacity);
    w.narrow = carve<float>(&c, rows * m->stride);
    w.values = carve<float>(&c, rows * padded_width(m->n_vectors));
    w.gemm = capacity > MAX_FEW ? carve<char>(&c, GEMM_WORKSPACE) : NULL;
    w.bytes = c.used;
    return w;
}

/* What comes back: the outputs and the weight of the error, then the norms. */
static uint64_t norms_offset(const svm_model *m, uint32_t count) {
    return count * (uint64_t)(m->n_outputs + 1) * sizeof(double);
}

static void lay_out(const cuda_state *state, uint32_t capacity, uint32_t k, slot_layout *out) {
    const svm_model *m = (const svm_model *)state->model;
    (void)k;
    out->in = capacity * (uint64_t)state->view->n_features * sizeof(double);
    out->out = norms_offset(m, capacity) + capacity * sizeof(double);
    out->work = work_of(m, capacity, NULL).bytes;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void take(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot) {
    mlsel_i_cuda_copy_queries(run, state->view->n_features, slot->host_in);
}

static bool runs_gemm(const svm_model *m, uint32_t count) { return m->uses_gemm && count > MAX_FEW; }

static mlsel_status multiply(const cuda_state *state, const svm_model *m, const svm_work *w, uint32_t count,
                             cudaStream_t stream, mlsel_error *err) {
    if (!runs_gemm(m, count)) {
        gemm_shape shape = {};
        shape.n_rows = m->n_vectors;
        shape.n = state->view->n_features;
        shape.stride = shape.query_stride = m->stride;
        shape.out_stride = padded_width(m->n_vectors);
        shape.type = shape.out_type = CUDA_R_32F;
        return mlsel_i_cuda_dots(state->device, &shape, m->vectors, w->narrow, count, w->values, stream, err);
    }
    mlsel_status status = MLSEL_OK;
    for (uint32_t c = 0; c < m->n_chunks && status == MLSEL_OK; c++)
        status = mlsel_i_cuda_gemm(state->lt, state->device, &m->plans[c > 0], m->vectors + c * CHUNK,
                                   w->narrow + c * CHUNK, count, w->values, w->gemm, stream, err);
    if (status == MLSEL_OK && m->last.operation != NULL)
        status = mlsel_i_cuda_gemm(state->lt, state->device, &m->last, m->vectors + m->n_chunks * CHUNK,
                                   w->narrow + m->n_chunks * CHUNK, count, w->values, w->gemm, stream, err);
    return status;
}

static mlsel_status add_up(const svm_model *m, const cuda_state *state, const svm_work *w, uint32_t count,
                           cuda_slot *slot, mlsel_error *err) {
    const uint32_t device = state->device;
    const uint64_t room = padded_width(m->n_vectors);
    if (m->gammas != NULL && m->n_vectors > 0)
        TRY(LAUNCH(kernel_value_kernel, dim3(blocks_for(m->n_vectors), count), BLOCK, 0, slot->stream, w->values, room,
                   m->n_vectors, (const float *)m->offsets, (const float *)m->gammas, (const double *)w->norms));
    sums_view view;
    view.starts = m->starts;
    view.coefs = m->coefs;
    view.bounds = m->bounds;
    view.constants = m->constants;
    view.n_vectors = m->n_vectors;
    view.n_classes = m->n_classes;
    view.n_outputs = m->n_outputs;
    view.per_model = m->per_model;
    TRY(LAUNCH(sums_kernel, dim3(blocks_for((uint64_t)(m->n_outputs + 1) * WARP), count), BLOCK, 0, slot->stream, view,
               (const float *)w->values, room, (double *)(void *)slot->device_out));
    return MLSEL_OK;
}

static mlsel_status enqueue(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const svm_model *m = (const svm_model *)state->model;
    const uint32_t device = state->device, count = run->count;
    const svm_work w = work_of(m, slot->capacity, slot->work);
    if (!m->can_estimate)
        return MLSEL_OK;
    const uint64_t n = state->view->n_features, bytes = count * n * query_value_bytes(run->query_type);
    TRY(cudaMemcpyAsync(slot->device_in, slot->host_in, (size_t)bytes, cudaMemcpyHostToDevice, slot->stream));
    taken_queries taken = {};
    taken.given = slot->device_in;
    taken.type = run->query_type;
    taken.n = n;
    taken.stride = m->stride;
    taken.rule = m->per_model ? TAKE_SVM_NORMALIZED : TAKE_AS_IS;
    taken.narrow = w.narrow;
    taken.norms = w.norms;
    mlsel_status status = mlsel_i_cuda_take(device, &taken, count, slot->stream, err);
    if (status == MLSEL_OK && m->n_vectors > 0)
        status = multiply(state, m, &w, count, slot->stream, err);
    if (status == MLSEL_OK)
        status = add_up(m, state, &w, count, slot, err);
    if (status != MLSEL_OK)
        return status;
    const uint64_t at = norms_offset(m, count);
    TRY(cudaMemcpyAsync(slot->host_out, slot->device_out, (size_t)at, cudaMemcpyDeviceToHost, slot->stream));
    TRY(cudaMemcpyAsync(slot->host_out + at, w.norms, count * sizeof(double), cudaMemcpyDeviceToHost, slot->stream));
    return MLSEL_OK;
}

/* Whether a query's outputs leave no order open. */
static bool is_certain(const svm_model *m, const double *outputs, double norm, double dots_error) {
    const double error = kernel_error(m, dots_error, norm);
    if (!m->can_estimate || !is_tame_norm(norm) || !(error <= tolerance))
        return false;
    /* as mlsel_i_svm_decision_error: the last term is for kernel values that float rounds to 0 */
    const double weighted = m->gammas == NULL ? m->coef_sum : outputs[m->n_outputs];
    const double bound = 1.01 * error * weighted + 2e-38 * m->coef_sum;
    if (m->per_model)
        return mlsel_i_is_certain(outputs, m->n_outputs, 2 * bound);
    bool certain = true;
    for (uint32_t i = 0; i < m->n_outputs; i++)
        certain = certain && fabs(outputs[i]) > bound;
    return certain;
}

static mlsel_status finish(const cuda_state *state, const mlsel_backend_run *run, cuda_slot *slot, mlsel_error *err) {
    const svm_model *m = (const svm_model *)state->model;
    const uint64_t n = state->view->n_features;
    const double *outputs = (const double *)(void *)slot->host_out;
    const double *norms = (const double *)(void *)(slot->host_out + norms_offset(m, run->count));
    const double dots_error = runs_gemm(m, run->count) ? chunked_error(n) : mlsel_i_cuda_dots_error(n);
    mlsel_status status = MLSEL_OK;
    for (uint32_t q = 0; q < run->count && status == MLSEL_OK; q++) {
        const double *mine = outputs + (uint64_t)q * (m->n_outputs + 1);
        if (is_certain(m, mine, norms[q], dots_error))
            memcpy(run->values + q * run->value_stride, mine, m->n_outputs * sizeof *mine);
        else
            status = mlsel_i_cuda_ask_cpu(state, run, q, err);
    }
    return status;
}

static bool is_fixed(const cuda_state *state, const mlsel_backend_run *run) {
    (void)run;
    return ((const svm_model *)state->model)->can_estimate; /* else there is nothing to record */
}

extern const cuda_kind mlsel_i_cuda_svm = {MAX_BATCH, prepare, release, lay_out, take, enqueue, finish, is_fixed};
