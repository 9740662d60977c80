/* SPDX-License-Identifier: Apache-2.0 */
/* The MLP trainer: epochs, schedule, early stopping, and the artifact. */
#include <math.h>
#include <string.h>

#include "mlp_device.h"
#include "mlp_rows.h"
#include "mlp_schedule.h"

enum { STREAM_SHUFFLE = 4000 };

static const double never_chosen = -20; /* bias of a model that nothing is known of */

/* --- schedule ----------------------------------------------------------------------------------------------------- */

/* How an objective schedules. The compatible one as the ecosystem's trainer does. */
typedef struct schedule {
    uint32_t plateau_patience, stop_patience; /* epochs */
} schedule;

static const schedule compatible_schedule = {10, 20}, outcome_schedule = {1, 8};

/* --- epochs ------------------------------------------------------------------------------------------------------- */

typedef struct mlp_training {
    const train_table *table;
    const mlsel_train_options *options;
    train_run *run;
    mlsel_training_info *info;
    double dropout, weight_decay;
    mlp_net net;       /* with a device the values alone, as they were at the beginning or are at the end */
    mlp_device device; /* state NULL: the CPU trains */
    mlp_rows rows;
    uint32_t *shuffled; /* [n_train] the epoch's order */
    bool keeps;         /* the values of the best epoch; else those of the last one count */
    float *best;        /* those kept, on the CPU */
    size_t position;    /* rows of the epoch that are done */
    double loss_sum;    /* of the means of its batches */
    size_t n_batches;
    mlp_loss validation;
} mlp_training;

/* Rows of the batch that starts at `first`. One row left over, which batch norm could not learn from, joins it. */
static size_t batch_size(const mlp_training *t, size_t first) {
    const size_t left = t->rows.n_train - first, batch = t->options->mlp_batch < 2 ? 2 : t->options->mlp_batch;
    return left <= batch + 1 ? left : batch;
}

/* Steps until the epoch is over, or the caller should hear of it. */
static void lead_steps(void *argument) {
    static const double stretch = 0.15;
    mlp_training *t = argument;
    const double until = mlsel_i_now() + stretch;
    while (t->position < t->rows.n_train && mlsel_i_now() < until) {
        const size_t n = batch_size(t, t->position), next = t->position + n;
        const size_t n_next = next < t->rows.n_train ? batch_size(t, next) : 0;
        const mlp_loss loss =
            mlsel_i_mlp_net_step(&t->net, &t->rows.examples, t->shuffled + t->position, n, t->shuffled + next, n_next);
        t->loss_sum += loss.weight > 0 ? loss.sum / loss.weight : 0;
        t->n_batches++;
        t->position = next;
    }
}

/* The same on a device, which is given as many steps at a time as take about as long. */
static mlsel_status device_steps(mlp_training *t) {
    enum { MOST = 1024 };
    static const double short_stretch = 0.05, long_stretch = 0.2;
    mlp_device *device = &t->device;
    uint32_t rows[MOST];
    size_t n = 0, position = t->position;
    for (; n < device->stretch && position < t->rows.n_train; n++) {
        rows[n] = (uint32_t)batch_size(t, position);
        position += rows[n];
    }
    const double started = mlsel_i_now();
    const mlsel_status status = mlsel_i_mlp_device_steps(device, rows, n, t->net.learning_rate, &t->loss_sum);
    const double taken = mlsel_i_now() - started;
    if (taken < short_stretch && n == device->stretch && device->stretch < MOST)
        device->stretch *= 2;
    else if (taken > long_stretch && device->stretch > 1)
        device->stretch /= 2;
    t->position = position;
    t->n_batches += n;
    return status;
}

static mlsel_status run_steps(mlp_training *t) {
    if (t->device.state != NULL)
        return device_steps(t);
    mlsel_i_mlp_crew_stretch(&t->net.crew, lead_steps, t);
    return MLSEL_OK;
}

static void lead_validation(void *argument) {
    mlp_training *t = argument;
    t->validation = mlsel_i_mlp_net_evaluate(&t->net, &t->rows.examples, t->rows.order + t->rows.n_train,
                                             t->rows.n_validation, NULL);
}

static mlsel_status run_validation(mlp_training *t) {
    if (t->rows.n_validation == 0)
        return MLSEL_OK;
    if (t->device.state != NULL)
        return mlsel_i_mlp_device_evaluate(&t->device, t->rows.order + t->rows.n_train, t->rows.n_validation,
                                           &t->validation);
    mlsel_i_mlp_crew_stretch(&t->net.crew, lead_validation, t);
    return MLSEL_OK;
}

static mlsel_status report(const mlp_training *t, uint32_t epoch, double validation) {
    const uint64_t n = t->rows.n_train;
    return mlsel_i_run_report(t->run, "training, rows", epoch * n + t->position, t->options->mlp_epochs * n,
                              t->n_batches > 0 ? t->loss_sum / (double)t->n_batches : (double)NAN, validation);
}

static mlsel_status run_epoch(mlp_training *t, uint32_t epoch, double validation) {
    random_state r;
    mlsel_i_random_seed(&r, t->options->seed, STREAM_SHUFFLE + epoch);
    mlsel_i_random_permutation(&r, t->shuffled, t->rows.n_train);
    for (size_t i = 0; i < t->rows.n_train; i++)
        t->shuffled[i] = t->rows.order[t->shuffled[i]];
    t->position = t->n_batches = 0;
    t->loss_sum = 0;
    mlsel_status status = MLSEL_OK;
    if (t->device.state != NULL)
        status = mlsel_i_mlp_device_begin(&t->device, t->shuffled, t->rows.n_train);
    while (t->position < t->rows.n_train && status == MLSEL_OK) {
        status = run_steps(t);
        if (status == MLSEL_OK && t->position < t->rows.n_train)
            status = report(t, epoch, validation);
    }
    return status == MLSEL_OK ? run_validation(t) : status;
}

/* The values of now are the best so far. */
static mlsel_status keep_best(mlp_training *t) {
    if (t->device.state != NULL)
        return mlsel_i_mlp_device_keep(&t->device);
    memcpy(t->best, t->net.memory, t->net.n_values * sizeof *t->best);
    return MLSEL_OK;
}

/* What was learned goes to the net: the best values, if there are such. */
static mlsel_status take_values(mlp_training *t, bool has_best) {
    if (t->device.state != NULL)
        return mlsel_i_mlp_device_read(&t->device, has_best, &t->net);
    if (has_best)
        memcpy(t->net.memory, t->best, t->net.n_values * sizeof *t->best);
    return MLSEL_OK;
}

/* Until the last epoch, or no new best for as long as the schedule waits. */
static mlsel_status run_epochs(mlp_training *t) {
    const bool validates = t->rows.n_validation > 0;
    const schedule *s = t->options->objective == MLSEL_OBJECTIVE_COMPATIBLE ? &compatible_schedule : &outcome_schedule;
    mlp_plateau plateau = {.best = INFINITY, .patience = s->plateau_patience};
    mlp_stopping stopping = {.best = INFINITY, .patience = s->stop_patience};
    double validation = (double)NAN;
    for (uint32_t epoch = 0; epoch < t->options->mlp_epochs && stopping.waited < stopping.patience; epoch++) {
        mlsel_status status = run_epoch(t, epoch, validation);
        if (status != MLSEL_OK)
            return status;
        const double loss = t->loss_sum / (double)t->n_batches;
        validation = validates && t->validation.weight > 0 ? t->validation.sum / t->validation.weight : (double)NAN;
        const double monitored = validates ? validation : loss;
        const bool is_best = mlsel_i_mlp_stopping_step(&stopping, monitored);
        t->net.learning_rate = mlsel_i_mlp_plateau_step(&plateau, monitored, t->net.learning_rate);
        t->info->iterations = epoch + 1;
        if (is_best || !t->keeps) {
            t->info->best_epoch = epoch + 1;
            t->info->training_loss = loss;
            t->info->validation_loss = validation;
        }
        if (is_best && t->keeps && (status = keep_best(t)) != MLSEL_OK)
            return status;
        if ((status = report(t, epoch, validation)) != MLSEL_OK)
            return status;
    }
    return take_values(t, t->keeps && stopping.best < INFINITY);
}

/* --- start -------------------------------------------------------------------------------------------------------- */

/* The last biases start where the mean outcomes are, so that the first epochs need not find them. Of a model without
 * any outcome nothing is learned: it must not be chosen. */
static void start_outputs(mlp_training *t) {
    static const double margin = 0.02;
    mlp_layer *last = &t->net.layers[t->net.n_layers - 1];
    for (size_t m = 0; t->rows.prior != NULL && m < t->table->n_models; m++) {
        const double prior = t->rows.prior[m];
        const double p = fmin(fmax(prior, margin), 1 - margin);
        last->bias[m] = (float)(isnan(prior) ? never_chosen : log(p / (1 - p)));
        for (size_t i = 0; isnan(prior) && i < last->n_in; i++)
            last->w[mlsel_i_mlp_weight_index(last->in_rows, m, i)] = 0;
    }
}

/* The net with its first values, and all that is needed to train it here or on a device. */
static mlsel_status create_net(mlp_training *t, size_t batch) {
    const mlsel_train_options *options = t->options;
    const bool has_device = t->run->device.mlp != NULL;
    const size_t n_layers = options->n_mlp_hidden + 1;
    size_t widths[MLP_MAX_LAYERS + 1] = {t->table->n_features};
    for (size_t i = 0; i < options->n_mlp_hidden; i++)
        widths[i + 1] = options->mlp_hidden[i];
    widths[n_layers] = t->table->n_models;
    const mlsel_status status = has_device ? mlsel_i_mlp_net_create_values(&t->net, widths, n_layers, t->run)
                                           : mlsel_i_mlp_net_create(&t->net, widths, n_layers, batch, t->run);
    if (status != MLSEL_OK)
        return status;
    mlsel_i_mlp_net_start(&t->net, options->seed);
    start_outputs(t);
    t->net.dropout = t->dropout;
    t->net.weight_decay = t->weight_decay;
    t->net.learning_rate = options->mlp_learning_rate;
    if (!has_device)
        return MLSEL_OK;
    return mlsel_i_mlp_device_create(&t->device, &t->net, &t->rows.examples, t->table->n_queries, batch + 1, t->run);
}

static mlsel_status prepare(mlp_training *t) {
    mlsel_status status = mlsel_i_mlp_rows_create(t->table, t->options, t->run, &t->rows);
    if (status != MLSEL_OK)
        return status;
    const size_t n = t->rows.n_train, batch = t->options->mlp_batch < 2 ? 2 : t->options->mlp_batch;
    t->keeps = t->rows.n_validation > 0;
    status = create_net(t, n < batch ? n : batch);
    if (status != MLSEL_OK)
        return status;
    t->shuffled = mlsel_i_run_alloc(t->run, n, sizeof *t->shuffled);
    if (t->keeps && t->device.state == NULL)
        t->best = mlsel_i_run_alloc(t->run, t->net.n_values, sizeof *t->best);
    if (t->shuffled == NULL || (t->keeps && t->device.state == NULL && t->best == NULL))
        return mlsel_i_run_status(t->run);
    return MLSEL_OK;
}

/* --- the artifact ------------------------------------------------------------------------------------------------- */

typedef struct mlp_result {
    size_t n_layers, n_features;
    mlp_layer layers[MLP_MAX_LAYERS]; /* of which only the values are there */
    float *values;
    double dropout, learning_rate;
    uint32_t epochs, batch;
} mlp_result;

static void free_result(void *state) {
    mlp_result *result = state;
    if (result == NULL)
        return;
    mlsel_i_free(result->values);
    mlsel_i_free(result);
}

/* A value of the net's in the copy. */
static float *moved(const mlp_result *result, const mlp_net *net, const float *value) {
    return result->values + (value - net->memory);
}

static void move_layers(mlp_result *result, const mlp_net *net) {
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *to = &result->layers[i];
        const mlp_layer *from = &net->layers[i];
        to->w = moved(result, net, from->w);
        to->bias = moved(result, net, from->bias);
        to->gamma = moved(result, net, from->gamma);
        to->beta = moved(result, net, from->beta);
        to->running_mean = moved(result, net, from->running_mean);
        to->running_var = moved(result, net, from->running_var);
    }
}

static mlp_result *make_result(const mlp_training *t) {
    const mlp_net *net = &t->net;
    mlp_result *result = mlsel_i_calloc(1, sizeof *result);
    if (result == NULL)
        return NULL;
    result->n_features = net->n_features;
    result->dropout = t->dropout;
    result->learning_rate = t->options->mlp_learning_rate;
    result->epochs = t->options->mlp_epochs;
    result->batch = t->options->mlp_batch;
    result->n_layers = net->n_layers;
    for (size_t i = 0; i < net->n_layers; i++)
        result->layers[i] = (mlp_layer){.n_in = net->layers[i].n_in,
                                        .n_out = net->layers[i].n_out,
                                        .in_rows = net->layers[i].in_rows,
                                        .blocks = net->layers[i].blocks};
    result->values = mlsel_i_alloc(net->n_values, sizeof *result->values);
    if (result->values == NULL) {
        free_result(result);
        return NULL;
    }
    memcpy(result->values, net->memory, net->n_values * sizeof *result->values);
    move_layers(result, net);
    return result;
}

static void write_vector(json_writer *w, const char *key, const float *values, size_t n) {
    mlsel_i_write_key(w, key);
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < n; i++)
        mlsel_i_write_f32(w, values[i]);
    mlsel_i_write_close(w, ']');
}

static void open_layer(json_writer *w, const char *type) {
    mlsel_i_write_open(w, '{');
    mlsel_i_write_string_member(w, "type", type);
}

static void write_linear(json_writer *w, const mlp_layer *l) {
    open_layer(w, "linear");
    mlsel_i_write_count_member(w, "in_features", l->n_in);
    mlsel_i_write_count_member(w, "out_features", l->n_out);
    mlsel_i_write_key(w, "weight");
    mlsel_i_write_open(w, '[');
    for (size_t o = 0; o < l->n_out; o++) {
        mlsel_i_write_open(w, '[');
        for (size_t i = 0; i < l->n_in; i++)
            mlsel_i_write_f32(w, l->w[mlsel_i_mlp_weight_index(l->in_rows, o, i)]);
        mlsel_i_write_close(w, ']');
    }
    mlsel_i_write_close(w, ']');
    write_vector(w, "bias", l->bias, l->n_out);
    mlsel_i_write_close(w, '}');
}

static void write_hidden(json_writer *w, const mlp_layer *l, double dropout) {
    open_layer(w, "relu");
    mlsel_i_write_close(w, '}');
    open_layer(w, "batch_norm");
    mlsel_i_write_count_member(w, "num_features", l->n_out);
    write_vector(w, "weight", l->gamma, l->n_out);
    write_vector(w, "bias", l->beta, l->n_out);
    write_vector(w, "running_mean", l->running_mean, l->n_out);
    write_vector(w, "running_var", l->running_var, l->n_out);
    mlsel_i_write_f64_member(w, "eps", MLP_NORM_EPS);
    mlsel_i_write_close(w, '}');
    open_layer(w, "dropout");
    mlsel_i_write_f64_member(w, "p", dropout);
    mlsel_i_write_close(w, '}');
}

static void write_result(const void *state, const char *const *models, json_writer *w) {
    const mlp_result *result = state;
    const size_t n_models = result->layers[result->n_layers - 1].n_out;
    mlsel_i_write_texts_member(w, "model_names", models, n_models);
    mlsel_i_write_count_member(w, "feature_dim", result->n_features);
    mlsel_i_write_count_member(w, "n_classes", n_models);
    mlsel_i_write_key(w, "hidden_sizes");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i + 1 < result->n_layers; i++)
        mlsel_i_write_count(w, result->layers[i].n_out);
    mlsel_i_write_close(w, ']');
    mlsel_i_write_f64_member(w, "dropout", result->dropout);
    mlsel_i_write_key(w, "layers");
    mlsel_i_write_open(w, '[');
    for (size_t i = 0; i < result->n_layers; i++) {
        write_linear(w, &result->layers[i]);
        if (i + 1 < result->n_layers)
            write_hidden(w, &result->layers[i], result->dropout);
    }
    mlsel_i_write_close(w, ']');
    mlsel_i_write_f64_member(w, "learning_rate", result->learning_rate);
    mlsel_i_write_count_member(w, "epochs", result->epochs);
    mlsel_i_write_count_member(w, "batch_size", result->batch);
}

/* --- training ----------------------------------------------------------------------------------------------------- */

/* Defaults of what the options leave open. */
static double dropout_of(const mlsel_train_options *o) { return o->mlp_dropout < 0 ? 0.1 : o->mlp_dropout; }

static double weight_decay_of(const mlsel_train_options *o) {
    static const double outcome_default = 0.01;
    if (o->mlp_weight_decay >= 0)
        return o->mlp_weight_decay;
    return o->objective == MLSEL_OBJECTIVE_COMPATIBLE ? 0 : outcome_default;
}

/* Features that are too large end in numbers that are none, which no artifact may hold. */
static bool is_finite(const mlp_net *net) {
    for (size_t i = 0; i < net->n_values; i++)
        if (!isfinite(net->memory[i]))
            return false;
    return true;
}

static mlsel_status train(const train_table *table, const train_settings *settings, train_run *run, trained *out,
                          mlsel_training_info *info) {
    const mlsel_train_options *options = &settings->options;
    mlp_training t = {.table = table,
                      .options = options,
                      .run = run,
                      .info = info,
                      .dropout = dropout_of(options),
                      .weight_decay = weight_decay_of(options)};
    mlsel_status status = prepare(&t);
    if (status == MLSEL_OK)
        status = run_epochs(&t);
    if (status == MLSEL_OK && !is_finite(&t.net))
        status = mlsel_i_fail(run->err, MLSEL_ERROR_NOT_TRAINED,
                              "the MLP's parameters are no longer finite: the features are too large, or the learning "
                              "rate is too high");
    mlp_result *result = NULL;
    if (status == MLSEL_OK && (result = make_result(&t)) == NULL)
        status = mlsel_i_no_memory(run->err);
    if (status == MLSEL_OK) {
        *out = (trained){.state = result, .write = write_result, .free = free_result};
        info->n_rows = t.rows.examples.n;
        info->mlp_dropout = t.dropout;
        info->mlp_weight_decay = t.weight_decay;
        if (run->device.mlp != NULL)
            memcpy(info->device, run->device.name, sizeof info->device);
    }
    mlsel_i_mlp_device_free(&t.device);
    mlsel_i_mlp_net_free(&t.net);
    mlsel_i_mlp_rows_free(run, &t.rows);
    mlsel_i_run_free(run, t.shuffled);
    mlsel_i_run_free(run, t.best);
    return status;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

enum { MAX_DROPOUTS = 3, MAX_CATEGORY_WEIGHTS = 2 };

/* The best of the dropouts with one category weight. */
static mlsel_status choose_dropout(const train_table *table, const train_settings *settings, train_run *run,
                                   train_settings *best, mlsel_training_info *info) {
    static const double dropouts[MAX_DROPOUTS] = {0.1, 0, 0.3};
    train_settings candidates[MAX_DROPOUTS];
    const size_t n = settings->options.mlp_dropout < 0 ? MAX_DROPOUTS : 1;
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++) {
        candidates[i] = *settings;
        if (n > 1)
            candidates[i].options.mlp_dropout = dropouts[i];
    }
    const mlsel_status status = mlsel_i_choose_settings(&mlsel_i_trainer_mlp, table, candidates, n, run, &chosen, info);
    if (status == MLSEL_OK)
        *best = candidates[chosen];
    return status;
}

static mlsel_status choose(train_table *table, train_settings *settings, train_run *run, mlsel_training_info *info) {
    static const double category_weights[MAX_CATEGORY_WEIGHTS] = {1, 0.5};
    const bool open = settings->options.category_weight == 0 && table->n_categories > 0;
    const size_t n = open ? MAX_CATEGORY_WEIGHTS : 1;
    const run_place place = mlsel_i_run_place(run);
    train_settings best = *settings;
    uint32_t n_candidates = 0;
    mlsel_status status = MLSEL_OK;
    if (settings->options.tune == 0 || settings->options.objective == MLSEL_OBJECTIVE_COMPATIBLE ||
        table->n_queries < settings->options.folds)
        return MLSEL_OK;
    for (size_t i = 0; i < n && status == MLSEL_OK; i++) {
        mlsel_training_info found = *info;
        train_settings candidate = *settings, winner;
        if (open) {
            candidate.options.category_weight = category_weights[i];
            mlsel_i_table_weigh(table, category_weights[i]);
        }
        mlsel_i_run_part(run, &place, i, n, NULL);
        status = choose_dropout(table, &candidate, run, &winner, &found);
        if (status != MLSEL_OK)
            break;
        n_candidates += found.n_candidates;
        if (i == 0 || found.cv_utility > info->cv_utility) {
            *info = found;
            best = winner;
        }
    }
    mlsel_i_run_return(run, &place);
    if (status == MLSEL_OK) {
        *settings = best;
        info->n_candidates = n_candidates;
    }
    return status;
}

const trainer mlsel_i_trainer_mlp = {.algorithm = MLSEL_ALGORITHM_MLP, .train = train, .choose = choose};
