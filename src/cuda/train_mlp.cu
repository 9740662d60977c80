/* SPDX-License-Identifier: Apache-2.0 */
/* The table of functions that train MLPs (mlsel_backend_train_mlp): memory, epochs, and the way back to the host. */
#include <math.h>
#include <string.h>

#include "train.h"

/* Rows of an evaluation that are taken at a time, and bytes that masks may take. */
static const uint64_t evaluation_rows = 1024, mask_bytes = (uint64_t)64 << 20;

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* Where a part of n values begins: all are aligned to 256 bytes. */
static uint64_t take_place(uint64_t *used, uint64_t n) {
    const uint64_t at = *used;
    *used += (n + 63) / 64 * 64;
    return at;
}

static void lay_out(cuda_training *t, const mlsel_train_mlp_view *view) {
    uint64_t used = 0;
    for (uint32_t i = 0; i < t->n_layers; i++) {
        train_layer *l = &t->layers[i];
        l->n_in = view->layers[i].in_features;
        l->n_out = view->layers[i].out_features;
        l->in_stride = padded_width(l->n_in);
        l->out_stride = padded_width(l->n_out);
        l->at.w = take_place(&used, l->n_out * l->in_stride);
    }
    t->n_weights = used;
    for (uint32_t i = 0; i < t->n_layers; i++) {
        train_layer *l = &t->layers[i];
        l->at.bias = take_place(&used, l->n_out);
        l->at.gamma = take_place(&used, l->n_out);
        l->at.beta = take_place(&used, l->n_out);
    }
    t->n_learned = used;
    for (uint32_t i = 0; i < t->n_layers; i++) {
        t->layers[i].at.mean = take_place(&used, t->layers[i].n_out);
        t->layers[i].at.var = take_place(&used, t->layers[i].n_out);
    }
    t->n_values = used;
}

/* From the caller's arrays to one of n_values, or with `back` the other way. */
static void move_layer(const train_layer *l, const mlsel_train_layer *host, float *values, bool back) {
    const train_places *at = &l->at;
    float *const vectors[] = {host->bias, host->norm_weight, host->norm_bias, host->running_mean, host->running_var};
    const uint64_t places[] = {at->bias, at->gamma, at->beta, at->mean, at->var};
    for (uint64_t o = 0; o < l->n_out; o++) {
        float *row = values + at->w + o * l->in_stride, *other = host->weight + o * l->n_in;
        memcpy(back ? other : row, back ? row : other, l->n_in * sizeof *row);
    }
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(vectors); i++)
        if (vectors[i] != NULL) {
            float *own = values + places[i];
            memcpy(back ? vectors[i] : own, back ? own : vectors[i], l->n_out * sizeof *own);
        }
}

static mlsel_status make_values(cuda_training *t, const mlsel_train_mlp_view *view, mlsel_error *err) {
    device_memory *memory = &t->memory;
    float *values = (float *)mlsel_i_calloc((size_t)t->n_values, sizeof *values);
    if (values == NULL)
        return mlsel_i_no_memory(err);
    for (uint32_t i = 0; i < t->n_layers; i++)
        move_layer(&t->layers[i], &view->layers[i], values, false);
    mlsel_status status = mlsel_i_cuda_upload(memory, values, t->n_values, sizeof *values, (void **)&t->values, err);
    mlsel_i_free(values);
    float **const buffers[] = {&t->gradient, &t->m, &t->v};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(buffers) && status == MLSEL_OK; i++)
        status = mlsel_i_cuda_alloc(memory, t->n_learned, sizeof(float), (void **)buffers[i], err);
    return status == MLSEL_OK ? mlsel_i_cuda_alloc(memory, t->n_values, sizeof(float), (void **)&t->best, err) : status;
}

static mlsel_status count_known(cuda_training *t, const mlsel_train_mlp_view *view, mlsel_error *err) {
    const uint64_t m = t->layers[t->n_layers - 1].n_out;
    t->known = (uint32_t *)mlsel_i_calloc((size_t)t->n_examples, sizeof *t->known);
    if (t->known == NULL)
        return mlsel_i_no_memory(err);
    for (uint64_t i = 0; i < t->n_examples; i++)
        for (uint64_t o = 0; o < m; o++)
            t->known[i] += isfinite(view->target[i * m + o]) ? 1 : 0;
    return MLSEL_OK;
}

static mlsel_status make_examples(cuda_training *t, const mlsel_train_mlp_view *view, mlsel_error *err) {
    device_memory *memory = &t->memory;
    const uint64_t n = t->n_examples = view->n_examples;
    mlsel_status status =
        mlsel_i_cuda_upload_rows(memory, view->x, view->n_queries, view->stride, t->layers[0].n_in, &t->x, err);
    if (status == MLSEL_OK && view->query != NULL)
        status = mlsel_i_cuda_upload(memory, view->query, n, sizeof *view->query, (void **)&t->query, err);
    if (status != MLSEL_OK)
        return status;
    if (view->label == NULL) {
        const size_t size = t->layers[t->n_layers - 1].n_out * sizeof *view->target;
        status = mlsel_i_cuda_upload(memory, view->target, n, size, (void **)&t->target, err);
        return status == MLSEL_OK ? count_known(t, view, err) : status;
    }
    status = mlsel_i_cuda_upload(memory, view->label, n, sizeof *view->label, (void **)&t->label, err);
    return status == MLSEL_OK
               ? mlsel_i_cuda_upload(memory, view->weight, n, sizeof *view->weight, (void **)&t->weight, err)
               : status;
}

static mlsel_status make_layer(cuda_training *t, train_layer *l, bool is_last, mlsel_error *err) {
    device_memory *memory = &t->memory;
    const size_t row = (size_t)l->out_stride * sizeof(float);
    mlsel_status status = mlsel_i_cuda_alloc(memory, t->capacity, row, (void **)&l->z, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, t->max_rows, row, (void **)&l->d, err);
    if (status != MLSEL_OK || is_last)
        return status;
    status = mlsel_i_cuda_alloc(memory, t->capacity, row, (void **)&l->h, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, 1, row, (void **)&l->batch_mean, err);
    if (status == MLSEL_OK)
        status = mlsel_i_cuda_alloc(memory, 1, row, (void **)&l->inv_std, err);
    if (status == MLSEL_OK && t->dropout > 0)
        status = mlsel_i_cuda_alloc(memory, t->mask_rows, (size_t)l->out_stride / 8, (void **)&l->kept, err);
    return status;
}

static mlsel_status make_batch(cuda_training *t, mlsel_error *err) {
    device_memory *memory = &t->memory;
    const uint32_t device = t->device;
    uint64_t mask_row = 1;
    for (uint32_t i = 0; i + 1 < t->n_layers; i++)
        mask_row += t->layers[i].out_stride / 8;
    t->mask_rows = (uint32_t)larger(t->max_rows, smaller((uint64_t)MAX_STEPS * t->max_rows, mask_bytes / mask_row));
    t->capacity = (uint32_t)larger(t->max_rows, smaller(evaluation_rows, t->n_examples));
    mlsel_status status = MLSEL_OK;
    for (uint32_t i = 0; i < t->n_layers && status == MLSEL_OK; i++)
        status = make_layer(t, &t->layers[i], i + 1 == t->n_layers, err);
    const struct {
        void **to;
        uint64_t count;
        size_t size;
    } buffers[] = {{(void **)&t->batch, t->capacity, (size_t)t->layers[0].in_stride * sizeof(float)},
                   {(void **)&t->row_loss, t->capacity, sizeof *t->row_loss},
                   {(void **)&t->order, t->n_examples + 1, sizeof *t->order},
                   {(void **)&t->steps, MAX_STEPS, sizeof *t->steps},
                   {(void **)&t->now.cursor, 1, sizeof *t->now.cursor},
                   {(void **)&t->loss, 1, sizeof *t->loss},
                   {&t->workspace, GEMM_WORKSPACE, 1}};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(buffers) && status == MLSEL_OK; i++)
        status = mlsel_i_cuda_alloc(memory, buffers[i].count, buffers[i].size, buffers[i].to, err);
    if (status != MLSEL_OK)
        return status;
    t->now.steps = t->steps;
    TRY(cudaMallocHost((void **)&t->host_steps, MAX_STEPS * sizeof *t->host_steps));
    TRY(cudaMallocHost((void **)&t->host_loss, sizeof *t->host_loss));
    t->host_order = (uint32_t *)mlsel_i_calloc((size_t)t->n_examples + 1, sizeof *t->host_order);
    return t->host_order == NULL ? mlsel_i_no_memory(err) : MLSEL_OK;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void release(void *state) {
    cuda_training *t = (cuda_training *)state;
    if (t == NULL)
        return;
    {
        device_scope scope(t->device);
        if (t->stream != NULL)
            (void)cudaStreamSynchronize(t->stream); /* after a failure something may still be in progress */
        mlsel_i_cuda_train_plans_free(t);
        if (t->lt != NULL)
            (void)cublasLtDestroy(t->lt);
        if (t->stream != NULL)
            (void)cudaStreamDestroy(t->stream);
        (void)cudaFreeHost(t->host_steps);
        (void)cudaFreeHost(t->host_loss);
        mlsel_i_cuda_free_all(&t->memory);
    }
    mlsel_i_free(t->known);
    mlsel_i_free(t->host_order);
    mlsel_i_free(t);
}

static mlsel_status fill(cuda_training *t, const mlsel_train_mlp_view *view, mlsel_error *err) {
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    TRY_BLAS(cublasLtCreate(&t->lt));
    TRY(cudaStreamCreateWithFlags(&t->stream, cudaStreamNonBlocking));
    lay_out(t, view);
    mlsel_status status = make_values(t, view, err);
    if (status == MLSEL_OK)
        status = make_examples(t, view, err);
    if (status == MLSEL_OK)
        status = make_batch(t, err);
    if (status != MLSEL_OK)
        return status;
    TRY(cudaStreamSynchronize(NULL)); /* uploads go through another stream than all that follows */
    return MLSEL_OK;
}

static mlsel_status create(uint32_t device, const mlsel_train_mlp_view *view, void **state, uint64_t *memory_bytes,
                           mlsel_error *err) {
    if (view->struct_size < sizeof *view)
        return mlsel_i_fail(err, MLSEL_ERROR_VERSION, "device \"cuda\": the plugin is newer than the library");
    if (view->n_layers > MAX_TRAIN_LAYERS)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED, "device \"cuda\" trains MLPs of at most %d layers, not %u",
                            (int)MAX_TRAIN_LAYERS, (unsigned)view->n_layers);
    cuda_training *t = (cuda_training *)mlsel_i_calloc(1, sizeof *t);
    if (t == NULL)
        return mlsel_i_no_memory(err);
    t->device = t->memory.device = device;
    t->n_layers = view->n_layers;
    t->max_rows = view->max_rows;
    t->dropout = view->dropout;
    t->seed = view->seed;
    t->weight_decay = view->weight_decay;
    t->beta1 = view->beta1;
    t->beta2 = view->beta2;
    t->adam_eps = view->adam_eps;
    t->norm_momentum = view->norm_momentum;
    t->norm_eps = view->norm_eps;
    const mlsel_status status = fill(t, view, err);
    if (status != MLSEL_OK) {
        release(t);
        return status;
    }
    *state = t;
    *memory_bytes = t->memory.bytes;
    return MLSEL_OK;
}

/* --- epochs ------------------------------------------------------------------------------------------------------- */

static mlsel_status set_order(cuda_training *t, const uint32_t *order, uint64_t n, mlsel_error *err) {
    const uint32_t device = t->device;
    if (n > t->n_examples + 1)
        return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "an order of more examples than there are");
    memcpy(t->host_order, order, (size_t)n * sizeof *order);
    t->n_order = n;
    t->position = 0;
    TRY(cudaMemcpyAsync(t->order, t->host_order, (size_t)n * sizeof *order, cudaMemcpyHostToDevice, t->stream));
    TRY(cudaMemsetAsync(t->loss, 0, sizeof *t->loss, t->stream));
    TRY(cudaStreamSynchronize(t->stream));
    return MLSEL_OK;
}

static mlsel_status begin(void *state, const uint32_t *order, uint64_t n, mlsel_error *err) {
    cuda_training *t = (cuda_training *)state;
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    return set_order(t, order, n, err);
}

/* Rows, or targets known, of a part of the order. */
static uint64_t weight_of(const cuda_training *t, uint64_t first, uint64_t n) {
    uint64_t known = 0;
    for (uint64_t i = first; t->known != NULL && i < first + n; i++)
        known += t->known[t->host_order[i]];
    return t->known != NULL ? known : n;
}

static void set_step(const cuda_training *t, uint64_t step, double learning_rate, train_step *out) {
    const double n = (double)(step + 1);
    out->rate = (float)(learning_rate / (1 - pow(t->beta1, n)));
    out->scale = (float)(1 / sqrt(1 - pow(t->beta2, n)));
    out->decay = (float)(1 - learning_rate * t->weight_decay);
}

/* As many of the steps as there is room for; returns how many. */
static uint32_t describe_steps(cuda_training *t, const uint32_t *rows, uint64_t n_steps, double learning_rate) {
    uint64_t mask_row = 0;
    uint32_t n = 0;
    for (; n < n_steps && n < MAX_STEPS && mask_row + rows[n] <= t->mask_rows; n++) {
        train_step *step = &t->host_steps[n];
        const uint64_t weight = weight_of(t, t->position, rows[n]);
        *step = train_step();
        step->first = t->position;
        step->rows = rows[n];
        step->mask_first = (uint32_t)mask_row;
        step->share = weight > 0 ? 1 / (double)weight : 0;
        set_step(t, t->n_steps + n, learning_rate, step);
        t->position += rows[n];
        mask_row += rows[n];
    }
    return n;
}

/* Puts n of host_steps onto the device, to begin with the first. */
static mlsel_status upload_steps(cuda_training *t, uint32_t n, mlsel_error *err) {
    const uint32_t device = t->device;
    TRY(cudaMemcpyAsync(t->steps, t->host_steps, n * sizeof *t->steps, cudaMemcpyHostToDevice, t->stream));
    TRY(cudaMemsetAsync(t->now.cursor, 0, sizeof *t->now.cursor, t->stream));
    return MLSEL_OK;
}

static mlsel_status launch(cuda_training *t, uint32_t rows, bool learns, mlsel_error *err) {
    const uint32_t device = t->device;
    train_plan *plan = NULL;
    const mlsel_status status = mlsel_i_cuda_train_plan(t, rows, learns, &plan, err);
    if (status != MLSEL_OK)
        return status;
    TRY(cudaGraphLaunch(plan->graph, t->stream));
    return MLSEL_OK;
}

/* Waits for all, and reads the sum of losses. */
static mlsel_status read_loss(cuda_training *t, double *loss, mlsel_error *err) {
    const uint32_t device = t->device;
    TRY(cudaMemcpyAsync(t->host_loss, t->loss, sizeof *t->loss, cudaMemcpyDeviceToHost, t->stream));
    TRY(cudaStreamSynchronize(t->stream));
    *loss = *t->host_loss;
    return MLSEL_OK;
}

static mlsel_status take_steps(cuda_training *t, uint32_t n, double *loss, mlsel_error *err) {
    mlsel_status status = upload_steps(t, n, err);
    for (uint32_t i = 0; i + 1 < t->n_layers && t->dropout > 0 && status == MLSEL_OK; i++)
        status = mlsel_i_cuda_train_draw(t, i, t->n_steps, n, err);
    for (uint32_t i = 0; i < n && status == MLSEL_OK; i++)
        status = launch(t, t->host_steps[i].rows, true, err);
    t->n_steps += n;
    return status == MLSEL_OK ? read_loss(t, loss, err) : status;
}

static mlsel_status steps(void *state, const uint32_t *rows, uint64_t n_steps, double learning_rate, double *loss,
                          mlsel_error *err) {
    cuda_training *t = (cuda_training *)state;
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    uint64_t left = t->n_order - t->position;
    for (uint64_t i = 0; i < n_steps; left -= rows[i++])
        if (rows[i] == 0 || rows[i] > t->max_rows || rows[i] > left)
            return mlsel_i_fail(err, MLSEL_ERROR_INVALID_ARGUMENT, "a step of %u rows, of %llu that are left",
                                (unsigned)rows[i], (unsigned long long)left);
    mlsel_status status = MLSEL_OK;
    for (uint64_t done = 0; done < n_steps && status == MLSEL_OK;) {
        const uint32_t n = describe_steps(t, rows + done, n_steps - done, learning_rate);
        status = take_steps(t, n, loss, err);
        done += n;
    }
    return status;
}

/* The next batches of an evaluation, each as large as can be. */
static uint32_t describe_batches(cuda_training *t) {
    uint32_t n = 0;
    for (; n < MAX_STEPS && t->position < t->n_order; n++) {
        train_step *batch = &t->host_steps[n];
        *batch = train_step();
        batch->first = t->position;
        batch->rows = (uint32_t)smaller(t->capacity, t->n_order - t->position);
        batch->share = 1;
        t->position += batch->rows;
    }
    return n;
}

static mlsel_status evaluate(void *state, const uint32_t *examples, uint64_t n, double *sum, double *weight,
                             mlsel_error *err) {
    cuda_training *t = (cuda_training *)state;
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    mlsel_status status = set_order(t, examples, n, err);
    double loss = 0;
    while (status == MLSEL_OK && t->position < t->n_order) {
        const uint32_t n_batches = describe_batches(t);
        status = upload_steps(t, n_batches, err);
        for (uint32_t i = 0; i < n_batches && status == MLSEL_OK; i++)
            status = launch(t, t->capacity, false, err);
        if (status == MLSEL_OK)
            status = read_loss(t, &loss, err);
    }
    if (status != MLSEL_OK)
        return status;
    *sum = loss;
    *weight = (double)weight_of(t, 0, n);
    return MLSEL_OK;
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

static mlsel_status keep(void *state, mlsel_error *err) {
    cuda_training *t = (cuda_training *)state;
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    TRY(cudaMemcpyAsync(t->best, t->values, (size_t)t->n_values * sizeof *t->values, cudaMemcpyDeviceToDevice,
                        t->stream));
    return MLSEL_OK;
}

static mlsel_status download(const cuda_training *t, const float *from, float *to, mlsel_error *err) {
    const uint32_t device = t->device;
    device_scope scope(device);
    if (scope.status != cudaSuccess)
        return mlsel_i_cuda_fail(err, device, "cudaSetDevice", scope.status);
    TRY(cudaMemcpyAsync(to, from, (size_t)t->n_values * sizeof *to, cudaMemcpyDeviceToHost, t->stream));
    TRY(cudaStreamSynchronize(t->stream));
    return MLSEL_OK;
}

static mlsel_status read(void *state, int32_t kept, const mlsel_train_layer *layers, mlsel_error *err) {
    cuda_training *t = (cuda_training *)state;
    float *values = (float *)mlsel_i_alloc((size_t)t->n_values, sizeof *values);
    if (values == NULL)
        return mlsel_i_no_memory(err);
    const mlsel_status status = download(t, kept != 0 ? t->best : t->values, values, err);
    for (uint32_t i = 0; i < t->n_layers && status == MLSEL_OK; i++)
        move_layer(&t->layers[i], &layers[i], values, true);
    mlsel_i_free(values);
    return status;
}

extern const mlsel_backend_train_mlp mlsel_i_cuda_train_mlp = {
    sizeof(mlsel_backend_train_mlp), 0, create, begin, steps, evaluate, keep, read, release};
