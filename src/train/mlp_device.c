/* SPDX-License-Identifier: Apache-2.0 */
#include "mlp_device.h"

#include <stdio.h>
#include <string.h>

#include "mlsel_backend.h"

/* --- finding ------------------------------------------------------------------------------------------------------ */

static const mlsel_backend_train_mlp *find_table(const mlsel_backend *backend) {
    if (backend->struct_size < offsetof(mlsel_backend, extension) + sizeof backend->extension ||
        backend->extension == NULL)
        return NULL;
    const mlsel_backend_train_mlp *table = backend->extension(MLSEL_EXTENSION_TRAIN_MLP);
    if (table == NULL || table->struct_size < sizeof *table || table->create == NULL || table->begin == NULL ||
        table->steps == NULL || table->evaluate == NULL || table->keep == NULL || table->read == NULL ||
        table->release == NULL)
        return NULL;
    return table;
}

mlsel_status mlsel_i_train_device_find(const char *device, train_device *out, mlsel_error *err) {
    const bool is_auto = device != NULL && strcmp(device, "auto") == 0;
    const mlsel_backend *backend = NULL;
    train_device found = {.name = "cpu"};
    const mlsel_status status = mlsel_backend_find(device, &backend, &found.index, err);
    if (status != MLSEL_OK)
        return status;
    found.mlp = find_table(backend);
    const bool is_cpu = strcmp(backend->name, "cpu") == 0;
    if (found.mlp == NULL && !is_cpu && !is_auto)
        return mlsel_i_fail(err, MLSEL_ERROR_UNSUPPORTED,
                            "device \"%s\" does not train: its plugin has no \"%s\" of this version; train on \"cpu\"",
                            device, MLSEL_EXTENSION_TRAIN_MLP);
    if (found.mlp != NULL && found.index == 0)
        snprintf(found.name, sizeof found.name, "%s", backend->name);
    else if (found.mlp != NULL)
        snprintf(found.name, sizeof found.name, "%s:%u", backend->name, (unsigned)found.index);
    *out = found;
    return MLSEL_OK;
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

/* Rows of plain matrices, which is what devices take. */
typedef struct plain_layers {
    mlsel_train_layer layers[MLP_MAX_LAYERS];
    float *memory;
} plain_layers;

static mlsel_status make_plain(const mlp_net *net, train_run *run, plain_layers *out) {
    size_t n = 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < net->n_layers; i++)
        n += net->layers[i].n_out * (net->layers[i].n_in + 5);
    float *next = out->memory = mlsel_i_run_calloc(run, n, sizeof *next);
    if (next == NULL)
        return mlsel_i_run_status(run);
    for (size_t i = 0; i < net->n_layers; i++) {
        const mlp_layer *l = &net->layers[i];
        mlsel_train_layer *to = &out->layers[i];
        to->in_features = (uint32_t)l->n_in;
        to->out_features = (uint32_t)l->n_out;
        to->weight = next;
        to->bias = next + l->n_out * l->n_in;
        next = to->bias + l->n_out;
        if (i + 1 == net->n_layers)
            continue;
        to->norm_weight = next;
        to->norm_bias = next + l->n_out;
        to->running_mean = next + 2 * l->n_out;
        to->running_var = next + 3 * l->n_out;
        next += 4 * l->n_out;
    }
    return MLSEL_OK;
}

static void move_vector(float *own, float *plain, size_t n, bool back) {
    if (plain != NULL)
        memcpy(back ? own : plain, back ? plain : own, n * sizeof *own);
}

/* From the net to rows, or with `back` the other way. */
static void move(const mlp_net *net, const plain_layers *plain, bool back) {
    for (size_t i = 0; i < net->n_layers; i++) {
        const mlp_layer *l = &net->layers[i];
        const mlsel_train_layer *p = &plain->layers[i];
        for (size_t o = 0; o < l->n_out; o++)
            for (size_t in = 0; in < l->n_in; in++) {
                float *own = l->w + mlsel_i_mlp_weight_index(l->in_rows, o, in), *other = p->weight + o * l->n_in + in;
                *(back ? own : other) = *(back ? other : own);
            }
        move_vector(l->bias, p->bias, l->n_out, back);
        move_vector(l->gamma, p->norm_weight, l->n_out, back);
        move_vector(l->beta, p->norm_bias, l->n_out, back);
        move_vector(l->running_mean, p->running_mean, l->n_out, back);
        move_vector(l->running_var, p->running_var, l->n_out, back);
    }
}

/* --- training ----------------------------------------------------------------------------------------------------- */

mlsel_status mlsel_i_mlp_device_create(mlp_device *out, const mlp_net *net, const mlp_examples *examples,
                                       size_t n_queries, size_t max_rows, train_run *run) {
    plain_layers plain;
    uint64_t bytes = 0;
    memset(out, 0, sizeof *out);
    out->table = run->device.mlp;
    out->run = run;
    out->stretch = 1;
    mlsel_status status = make_plain(net, run, &plain);
    if (status != MLSEL_OK)
        return status;
    move(net, &plain, false);
    const mlsel_train_mlp_view view = {.struct_size = sizeof view,
                                       .n_layers = (uint32_t)net->n_layers,
                                       .layers = plain.layers,
                                       .x = examples->x,
                                       .stride = examples->stride,
                                       .n_queries = n_queries,
                                       .n_examples = examples->n,
                                       .query = examples->query,
                                       .label = examples->label,
                                       .weight = examples->weight,
                                       .target = examples->target,
                                       .max_rows = (uint32_t)max_rows,
                                       .dropout = net->dropout,
                                       .seed = net->seed,
                                       .weight_decay = net->weight_decay,
                                       .beta1 = MLP_ADAM_BETA1,
                                       .beta2 = MLP_ADAM_BETA2,
                                       .adam_eps = MLP_ADAM_EPS,
                                       .norm_momentum = MLP_NORM_MOMENTUM,
                                       .norm_eps = MLP_NORM_EPS};
    status = out->table->create(run->device.index, &view, &out->state, &bytes, run->err);
    mlsel_i_run_free(run, plain.memory);
    return status;
}

void mlsel_i_mlp_device_free(mlp_device *device) {
    if (device->state != NULL)
        device->table->release(device->state);
    device->state = NULL;
}

mlsel_status mlsel_i_mlp_device_begin(mlp_device *device, const uint32_t *order, size_t n) {
    return device->table->begin(device->state, order, n, device->run->err);
}

mlsel_status mlsel_i_mlp_device_steps(mlp_device *device, const uint32_t *rows, size_t n, double learning_rate,
                                      double *loss) {
    return device->table->steps(device->state, rows, n, learning_rate, loss, device->run->err);
}

mlsel_status mlsel_i_mlp_device_evaluate(mlp_device *device, const uint32_t *examples, size_t n, mlp_loss *out) {
    return device->table->evaluate(device->state, examples, n, &out->sum, &out->weight, device->run->err);
}

mlsel_status mlsel_i_mlp_device_keep(mlp_device *device) {
    return device->table->keep(device->state, device->run->err);
}

mlsel_status mlsel_i_mlp_device_read(mlp_device *device, bool kept, mlp_net *net) {
    plain_layers plain;
    mlsel_status status = make_plain(net, device->run, &plain);
    if (status != MLSEL_OK)
        return status;
    status = device->table->read(device->state, kept, plain.layers, device->run->err);
    if (status == MLSEL_OK)
        move(net, &plain, true);
    mlsel_i_run_free(device->run, plain.memory);
    return status;
}
