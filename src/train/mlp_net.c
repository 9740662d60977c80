/* SPDX-License-Identifier: Apache-2.0 */
#include "mlp_net.h"

#include <math.h>
#include <string.h>

/* Inputs taken at a time: their weights, 16 KiB, stay in the first-level cache while all rows pass by. */
enum { CHUNK = 4 * MLP_BLOCK };

enum { PHASE_GATHER = 1, PHASE_FORWARD, PHASE_BACKWARD, PHASE_UPDATE };

enum { STREAM_START = 1 };

static const double beta1 = MLP_ADAM_BETA1, beta2 = MLP_ADAM_BETA2, adam_eps = MLP_ADAM_EPS;
static const size_t panel_floats = (size_t)MLP_BLOCK * MLP_BLOCK;
static const float norm_momentum = (float)MLP_NORM_MOMENTUM, norm_eps = (float)MLP_NORM_EPS;

static size_t pad(size_t n, size_t to) { return (n + to - 1) / to * to; }
static size_t min(size_t a, size_t b) { return a < b ? a : b; }

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* Hands out memory, or with none there yet counts what is wanted. */
typedef struct arena {
    float *base;
    size_t used;
} arena;

static float *take(arena *a, size_t n) {
    float *block = a->base == NULL ? NULL : a->base + a->used;
    a->used += pad(n, MLSEL_ALIGNMENT / sizeof(float));
    return block;
}

static size_t layer_weights(const mlp_layer *l) { return l->blocks * l->in_rows * MLP_BLOCK; }

static void lay_out_values(mlp_net *net, arena *a) {
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        const size_t width = l->blocks * MLP_BLOCK;
        l->w = take(a, layer_weights(l));
        l->bias = take(a, width);
        l->gamma = take(a, width);
        l->beta = take(a, width);
        l->running_mean = take(a, width);
        l->running_var = take(a, width);
    }
    net->n_values = a->used;
}

static void lay_out_work(mlp_net *net, arena *a) {
    const size_t rows = net->max_rows;
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        const size_t width = l->blocks * MLP_BLOCK;
        float **const vectors[] = {&l->bias_m, &l->gamma_m, &l->beta_m, &l->bias_v, &l->gamma_v, &l->beta_v,
                                   &l->d_bias, &l->d_gamma, &l->d_beta, &l->mean,   &l->inv_std};
        float **const batches[] = {&l->z, &l->keep, &l->h[0], &l->h[1], &l->d};
        l->w_m = take(a, layer_weights(l));
        l->w_v = take(a, layer_weights(l));
        for (size_t v = 0; v < MLSEL_ARRAY_LENGTH(vectors); v++)
            *vectors[v] = take(a, width);
        for (size_t v = 0; v < MLSEL_ARRAY_LENGTH(batches); v++)
            *batches[v] = take(a, width * rows);
        if (i > 0)
            l->h[1] = l->h[0]; /* only the first layer is ahead of the others */
        l->dt = take(a, width * net->panels * MLP_BLOCK);
    }
    for (size_t i = 0; i < 2; i++)
        net->x[i] = take(a, pad(net->n_features, MLP_BLOCK) * rows);
}

static void do_part(void *context, unsigned kind, size_t layer, size_t part);

static void lay_out(mlp_net *net, arena *a) {
    lay_out_values(net, a);
    if (net->max_rows > 0)
        lay_out_work(net, a);
}

/* max_rows 0: values alone. */
static mlsel_status create(mlp_net *net, const size_t *widths, size_t n_layers, size_t max_rows, train_run *run) {
    memset(net, 0, sizeof *net);
    net->kernels = mlsel_i_mlp_kernels_pick();
    net->run = run;
    net->crew.team = run->team;
    net->crew.work = do_part;
    net->crew.context = net;
    net->n_features = widths[0];
    net->n_layers = n_layers;
    net->max_rows = max_rows;
    net->panels = (net->max_rows + MLP_BLOCK - 1) / MLP_BLOCK;
    for (size_t i = 0; i < n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        l->n_in = widths[i];
        l->n_out = widths[i + 1];
        l->in_rows = pad(l->n_in, MLP_ROWS);
        l->blocks = pad(l->n_out, MLP_BLOCK) / MLP_BLOCK;
    }
    arena a = {NULL, 0};
    lay_out(net, &a);
    net->memory = a.base = mlsel_i_run_calloc(run, a.used, sizeof *a.base);
    if (net->memory == NULL)
        return mlsel_i_run_status(run);
    a.used = 0;
    lay_out(net, &a);
    return MLSEL_OK;
}

mlsel_status mlsel_i_mlp_net_create(mlp_net *net, const size_t *widths, size_t n_layers, size_t batch, train_run *run) {
    return create(net, widths, n_layers, pad(batch + 1, MLP_ROWS), run);
}

mlsel_status mlsel_i_mlp_net_create_values(mlp_net *net, const size_t *widths, size_t n_layers, train_run *run) {
    return create(net, widths, n_layers, 0, run);
}

void mlsel_i_mlp_net_free(mlp_net *net) {
    if (net->run != NULL)
        mlsel_i_run_free(net->run, net->memory);
    net->memory = NULL;
}

void mlsel_i_mlp_net_start(mlp_net *net, uint64_t seed) {
    net->seed = seed;
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        random_state r;
        mlsel_i_random_seed(&r, seed, STREAM_START + i);
        const double bound = 1 / sqrt((double)l->n_in);
        for (size_t o = 0; o < l->n_out; o++) {
            for (size_t in = 0; in < l->n_in; in++)
                l->w[mlsel_i_mlp_weight_index(l->in_rows, o, in)] = (float)(bound * (2 * mlsel_i_random_unit(&r) - 1));
            l->bias[o] = (float)(bound * (2 * mlsel_i_random_unit(&r) - 1));
            l->gamma[o] = l->running_var[o] = 1;
        }
    }
}

/* --- forward ------------------------------------------------------------------------------------------------------ */

static bool is_last(const mlp_net *net, size_t layer) { return layer + 1 == net->n_layers; }

static mlp_norm norm_of(const mlp_layer *l, size_t block) {
    const size_t at = block * MLP_BLOCK;
    return (mlp_norm){.gamma = l->gamma + at,
                      .beta = l->beta + at,
                      .mean = l->mean + at,
                      .inv_std = l->inv_std + at,
                      .running_mean = l->running_mean + at,
                      .running_var = l->running_var + at,
                      .momentum = norm_momentum,
                      .eps = norm_eps};
}

/* What a layer reads: the batch, or what the layer before has made of it. */
static const float *input_of(const mlp_net *net, size_t layer) {
    if (layer == 0)
        return net->x[net->current];
    return net->layers[layer - 1].h[net->current];
}

/* Features of the batch into blocks, a few blocks at a time. */
static void gather(mlp_net *net, const uint32_t *rows, size_t n, float *x, size_t part) {
    const mlp_examples *e = net->examples;
    const size_t end = min((part + 1) * CHUNK, net->n_features);
    for (size_t j = 0; j < n; j++) {
        const size_t query = e->query == NULL ? rows[j] : e->query[rows[j]];
        for (size_t first = part * CHUNK; first < end; first += MLP_BLOCK)
            memcpy(x + (first / MLP_BLOCK * net->max_rows + j) * MLP_BLOCK, e->x + query * e->stride + first,
                   min(MLP_BLOCK, end - first) * sizeof *x);
    }
}

/* 0 for what is dropped, else what keeps the expectation, by numbers of this step, layer and block alone. */
static void draw_keep(const mlp_net *net, uint64_t step, size_t layer, size_t block, float *keep, size_t n) {
    const float kept = mlsel_i_dropout_scale(net->dropout);
    const uint64_t threshold = mlsel_i_dropout_threshold(net->dropout);
    random_state r;
    mlsel_i_random_seed(&r, net->seed, mlsel_i_dropout_stream(step, layer, block));
    for (size_t i = 0; i < n; i += DROPOUT_VALUES) {
        const uint64_t bits = mlsel_i_random_next(&r);
        for (size_t v = 0; v < DROPOUT_VALUES; v++)
            keep[i + v] = (bits >> v * DROPOUT_BITS & ((1 << DROPOUT_BITS) - 1)) < threshold ? 0 : kept;
    }
}

/* From the sums of a block to what the next layer reads. */
static void activate(const mlp_net *net, uint64_t step, size_t layer, size_t block, size_t rows, float *h) {
    const mlp_layer *l = &net->layers[layer];
    const size_t at = block * net->max_rows * MLP_BLOCK;
    const mlp_norm norm = norm_of(l, block);
    if (!net->learning) {
        net->kernels->infer(l->z + at, rows, &norm, h + at);
        return;
    }
    float *keep = net->dropout > 0 ? l->keep + at : NULL;
    if (keep != NULL)
        draw_keep(net, step, layer, block, keep, rows * MLP_BLOCK);
    net->kernels->normalise(l->z + at, rows, &norm, keep, h + at);
}

static void set_bias(const mlp_net *net, const mlp_layer *l, size_t block, size_t rows) {
    float *z = l->z + block * net->max_rows * MLP_BLOCK;
    for (size_t j = 0; j < rows; j++)
        memcpy(z + j * MLP_BLOCK, l->bias + block * MLP_BLOCK, MLP_BLOCK * sizeof *z);
}

static void go_forward(const mlp_net *net, size_t layer, size_t block) {
    const mlp_layer *l = &net->layers[layer];
    const size_t rows = pad(net->n_rows, MLP_ROWS), x_block = net->max_rows * MLP_BLOCK;
    const float *x = input_of(net, layer);
    set_bias(net, l, block, rows);
    for (size_t first = 0; first < l->n_in; first += CHUNK)
        net->kernels->forward(x + first / MLP_BLOCK * x_block, x_block, min(CHUNK, l->n_in - first),
                              l->w + (block * l->in_rows + first) * MLP_BLOCK, rows, l->z + block * x_block);
    if (!is_last(net, layer))
        activate(net, net->step, layer, block, net->n_rows, l->h[net->current]);
}

/* --- back --------------------------------------------------------------------------------------------------------- */

/* to[j][i] = from[i][j] for j < n; rows of both are 32 long */
static void transpose(const float *from, size_t n, float *to) {
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < MLP_BLOCK; i++)
            to[j * MLP_BLOCK + i] = from[i * MLP_BLOCK + j];
}

/* A block of derivatives in panels, for the layer before. */
static void turn(const mlp_net *net, const mlp_layer *l, size_t block) {
    const float *d = l->d + block * net->max_rows * MLP_BLOCK;
    float *dt = l->dt + block * net->panels * panel_floats;
    for (size_t first = 0; first < net->n_rows; first += MLP_BLOCK, dt += panel_floats) {
        const size_t n = min(MLP_BLOCK, net->n_rows - first);
        for (size_t j = 0; j < n; j++)
            for (size_t o = 0; o < MLP_BLOCK; o++)
                dt[o * MLP_BLOCK + j] = d[(first + j) * MLP_BLOCK + o];
    }
}

/* Derivatives of a block of the layer before `layer`. */
static void go_back(const mlp_net *net, size_t layer, size_t block) {
    const mlp_layer *above = &net->layers[layer], *l = &net->layers[layer - 1];
    const size_t at = block * net->max_rows * MLP_BLOCK, first_in = block * MLP_BLOCK;
    _Alignas(MLSEL_ALIGNMENT) float sums[MLP_BLOCK * MLP_BLOCK] = {0};
    for (size_t first = 0; first < net->n_rows; first += MLP_BLOCK) {
        net->kernels->backward(above->w + first_in * MLP_BLOCK, above->in_rows * MLP_BLOCK,
                               above->dt + first * MLP_BLOCK, net->panels * panel_floats, above->blocks,
                               min(MLP_BLOCK, above->in_rows - first_in), sums);
        transpose(sums, min(MLP_BLOCK, net->n_rows - first), l->d + at + first * MLP_BLOCK);
    }
    const mlp_norm norm = norm_of(l, block);
    net->kernels->normalise_back(l->z + at, net->n_rows, &norm, net->dropout > 0 ? l->keep + at : NULL, l->d + at,
                                 l->d_beta + first_in, l->d_gamma + first_in, l->d_bias + first_in);
    if (layer > 1)
        turn(net, l, block);
}

/* --- update ------------------------------------------------------------------------------------------------------- */

static void update_vectors(const mlp_net *net, const mlp_layer *l, size_t block, bool hidden) {
    const size_t at = block * MLP_BLOCK;
    const mlp_kernels *k = net->kernels;
    k->step(l->d_bias + at, MLP_BLOCK, l->bias + at, l->bias_m + at, l->bias_v + at, &net->adam_plain);
    if (!hidden)
        return;
    k->step(l->d_gamma + at, MLP_BLOCK, l->gamma + at, l->gamma_m + at, l->gamma_v + at, &net->adam_plain);
    k->step(l->d_beta + at, MLP_BLOCK, l->beta + at, l->beta_m + at, l->beta_v + at, &net->adam_plain);
}

static void go_update(const mlp_net *net, size_t layer, size_t block) {
    const mlp_layer *l = &net->layers[layer];
    const size_t x_block = net->max_rows * MLP_BLOCK, next_rows = pad(net->n_next, MLP_ROWS);
    const bool ahead = layer == 0 && net->n_next > 0;
    const unsigned next = 1 - net->current;
    const float *x = input_of(net, layer), *d = l->d + block * x_block;
    float *z = l->z + block * x_block;
    update_vectors(net, l, block, !is_last(net, layer));
    if (ahead)
        set_bias(net, l, block, next_rows);
    for (size_t first = 0; first < l->in_rows; first += CHUNK) {
        const size_t at = (block * l->in_rows + first) * MLP_BLOCK, from = first / MLP_BLOCK * x_block;
        net->kernels->update(x + from, x_block, min(CHUNK, l->in_rows - first), d, net->n_rows, l->w + at, l->w_m + at,
                             l->w_v + at, &net->adam);
        if (ahead)
            net->kernels->forward(net->x[next] + from, x_block, min(CHUNK, l->n_in - first), l->w + at, next_rows, z);
    }
    if (ahead && !is_last(net, layer))
        activate(net, net->step + 1, layer, block, net->n_next, l->h[next]);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void do_part(void *context, unsigned kind, size_t layer, size_t part) {
    mlp_net *net = context;
    switch (kind) {
    case PHASE_GATHER: /* of the batch, or of the next one */
        if (layer == 0)
            gather(net, net->rows, net->n_rows, net->x[net->current], part);
        else
            gather(net, net->next_rows, net->n_next, net->x[1 - net->current], part);
        break;
    case PHASE_FORWARD:
        go_forward(net, layer, part);
        break;
    case PHASE_BACKWARD:
        go_back(net, layer, part);
        break;
    default:
        for (layer = 0; part >= net->layers[layer].blocks; layer++)
            part -= net->layers[layer].blocks;
        go_update(net, layer, part);
    }
}

static void begin(mlp_net *net, const mlp_examples *examples, const uint32_t *rows, size_t n, bool learning) {
    net->examples = examples;
    net->rows = rows;
    net->n_rows = n;
    net->learning = learning;
}

static void run_gather(mlp_net *net, size_t which) {
    mlsel_i_mlp_crew_phase(&net->crew, PHASE_GATHER, which, (net->n_features + CHUNK - 1) / CHUNK);
}

/* Through the layers from `first` on. */
static void run_forward(mlp_net *net, size_t first) {
    for (size_t i = first; i < net->n_layers; i++)
        mlsel_i_mlp_crew_phase(&net->crew, PHASE_FORWARD, i, net->layers[i].blocks);
}

/* The last layer's derivatives: by the bias, and turned. */
static void finish_loss(mlp_net *net) {
    mlp_layer *l = &net->layers[net->n_layers - 1];
    for (size_t block = 0; block < l->blocks; block++) {
        const float *d = l->d + block * net->max_rows * MLP_BLOCK;
        for (size_t o = 0; o < MLP_BLOCK; o++) {
            double sum = 0;
            for (size_t j = 0; j < net->n_rows; j++)
                sum += (double)d[j * MLP_BLOCK + o];
            l->d_bias[block * MLP_BLOCK + o] = (float)sum;
        }
        if (net->n_layers > 1)
            turn(net, l, block);
    }
}

static void set_adam(mlp_net *net) {
    const double t = (double)(net->step + 1);
    net->adam_plain = (mlp_adam){.beta1_rest = (float)(1 - beta1),
                                 .beta2 = (float)beta2,
                                 .beta2_rest = (float)(1 - beta2),
                                 .rate = (float)(net->learning_rate / (1 - pow(beta1, t))),
                                 .scale = (float)(1 / sqrt(1 - pow(beta2, t))),
                                 .eps = (float)adam_eps,
                                 .decay = 1};
    net->adam = net->adam_plain;
    net->adam.decay = (float)(1 - net->learning_rate * net->weight_decay);
}

mlp_loss mlsel_i_mlp_net_step(mlp_net *net, const mlp_examples *examples, const uint32_t *rows, size_t n,
                              const uint32_t *next_rows, size_t n_next) {
    const mlp_layer *last = &net->layers[net->n_layers - 1];
    size_t n_parts = 0;
    begin(net, examples, rows, n, true);
    net->next_rows = next_rows;
    net->n_next = n_next;
    if (!net->ahead)
        run_gather(net, 0);
    run_forward(net, net->ahead ? 1 : 0);
    const mlp_loss loss = mlsel_i_mlp_loss(examples, rows, n, last->z, net->max_rows * MLP_BLOCK, last->d);
    finish_loss(net);
    if (n_next > 0)
        run_gather(net, 1);
    for (size_t i = net->n_layers - 1; i > 0; i--)
        mlsel_i_mlp_crew_phase(&net->crew, PHASE_BACKWARD, i, net->layers[i - 1].blocks);
    set_adam(net);
    for (size_t i = 0; i < net->n_layers; i++)
        n_parts += net->layers[i].blocks;
    mlsel_i_mlp_crew_phase(&net->crew, PHASE_UPDATE, 0, n_parts);
    net->step++;
    net->ahead = n_next > 0;
    net->current = net->ahead ? 1 - net->current : net->current;
    return loss;
}

static uint32_t largest_output(const mlp_net *net, size_t row) {
    const mlp_layer *last = &net->layers[net->n_layers - 1];
    const float *z = last->z + row * MLP_BLOCK;
    size_t best = 0;
    for (size_t o = 1; o < last->n_out; o++)
        if (z[o / MLP_BLOCK * net->max_rows * MLP_BLOCK + o % MLP_BLOCK] >
            z[best / MLP_BLOCK * net->max_rows * MLP_BLOCK + best % MLP_BLOCK])
            best = o;
    return (uint32_t)best;
}

mlp_loss mlsel_i_mlp_net_evaluate(mlp_net *net, const mlp_examples *examples, const uint32_t *rows, size_t n,
                                  uint32_t *choices) {
    mlp_loss total = {0, 0};
    net->ahead = false;
    for (size_t first = 0; first < n; first += net->max_rows) {
        const size_t count = min(net->max_rows, n - first);
        begin(net, examples, rows + first, count, false);
        run_gather(net, 0);
        run_forward(net, 0);
        const mlp_loss loss = mlsel_i_mlp_loss(examples, rows + first, count, net->layers[net->n_layers - 1].z,
                                               net->max_rows * MLP_BLOCK, NULL);
        total.sum += loss.sum;
        total.weight += loss.weight;
        for (size_t j = 0; choices != NULL && j < count; j++)
            choices[first + j] = largest_output(net, j);
    }
    return total;
}
