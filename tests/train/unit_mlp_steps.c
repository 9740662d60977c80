/* SPDX-License-Identifier: Apache-2.0 */
/* Training steps against those of PyTorch, on every instruction set, and against finite differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "train/mlp_net.h"
#include "train/mlp_schedule.h"

/* --- what PyTorch recorded ---------------------------------------------------------------------------------------- */

static size_t read_widths(const cJSON *recorded, size_t widths[MLP_MAX_LAYERS + 1]) {
    size_t n = 0;
    const cJSON *width;
    cJSON_ArrayForEach (width, test_need(recorded, "widths"))
        widths[n++] = (size_t)width->valuedouble;
    return n - 1;
}

static void set_vector(const cJSON *layer, const char *key, float *to) {
    size_t n;
    double *values = test_numbers(test_need(layer, key), &n);
    for (size_t i = 0; i < n; i++)
        to[i] = (float)values[i];
    free(values);
}

static void set_layers(mlp_net *net, const cJSON *recorded) {
    for (size_t i = 0; i < net->n_layers; i++) {
        mlp_layer *l = &net->layers[i];
        const cJSON *from = cJSON_GetArrayItem(recorded, (int)i), *row;
        size_t o = 0;
        cJSON_ArrayForEach (row, test_need(from, "weight")) {
            size_t n;
            double *values = test_numbers(row, &n);
            for (size_t in = 0; in < n; in++)
                l->w[mlsel_i_mlp_weight_index(l->in_rows, o, in)] = (float)values[in];
            free(values);
            o++;
        }
        set_vector(from, "bias", l->bias);
        if (i + 1 == net->n_layers)
            continue;
        set_vector(from, "gamma", l->gamma);
        set_vector(from, "beta", l->beta);
        set_vector(from, "running_mean", l->running_mean);
        set_vector(from, "running_var", l->running_var);
    }
}

/* PyTorch sums in another order, and Adam keeps relative errors of gradients: a millionth, of steps of 0.01. */
static const double tolerance = 2e-6;

static void check_vector(const cJSON *layer, const char *key, const float *got) {
    size_t n;
    double *values = test_numbers(test_need(layer, key), &n);
    for (size_t i = 0; i < n; i++)
        test_close((double)got[i], values[i], tolerance, key);
    free(values);
}

static void check_layers(const mlp_net *net, const cJSON *recorded) {
    for (size_t i = 0; i < net->n_layers; i++) {
        const mlp_layer *l = &net->layers[i];
        const cJSON *from = cJSON_GetArrayItem(recorded, (int)i), *row;
        size_t o = 0;
        cJSON_ArrayForEach (row, test_need(from, "weight")) {
            size_t n;
            double *values = test_numbers(row, &n);
            for (size_t in = 0; in < n; in++)
                test_close((double)l->w[mlsel_i_mlp_weight_index(l->in_rows, o, in)], values[in], tolerance, "weight");
            free(values);
            o++;
        }
        check_vector(from, "bias", l->bias);
        if (i + 1 == net->n_layers)
            continue;
        check_vector(from, "gamma", l->gamma);
        check_vector(from, "beta", l->beta);
        check_vector(from, "running_mean", l->running_mean);
        check_vector(from, "running_var", l->running_var);
    }
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

enum { MAX_STEPS = 3 };

/* All batches one after the other. */
typedef struct recorded_rows {
    mlp_examples examples;
    float *x, *target, *weight;
    uint32_t *label, *order;
    size_t sizes[MAX_STEPS], n_steps;
} recorded_rows;

static void read_batch(const cJSON *batch, size_t features, recorded_rows *r, size_t at, size_t n) {
    const cJSON *x = test_need(batch, "x");
    const size_t m = r->examples.n_outputs;
    const bool has_labels = cJSON_HasObjectItem(batch, "label");
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < features; i++)
            r->x[(at + j) * r->examples.stride + i] =
                (float)cJSON_GetArrayItem(cJSON_GetArrayItem(x, (int)j), (int)i)->valuedouble;
        r->order[at + j] = (uint32_t)(at + j);
        if (has_labels) {
            r->label[at + j] = (uint32_t)cJSON_GetArrayItem(test_need(batch, "label"), (int)j)->valuedouble;
            r->weight[at + j] = (float)cJSON_GetArrayItem(test_need(batch, "weight"), (int)j)->valuedouble;
        }
        for (size_t o = 0; !has_labels && o < m; o++) {
            const cJSON *value = cJSON_GetArrayItem(cJSON_GetArrayItem(test_need(batch, "target"), (int)j), (int)o);
            r->target[(at + j) * m + o] = cJSON_IsNull(value) ? NAN : (float)value->valuedouble;
        }
    }
    r->examples.label = has_labels ? r->label : NULL;
    r->examples.weight = has_labels ? r->weight : NULL;
    r->examples.target = has_labels ? NULL : r->target;
}

static void read_rows(const cJSON *recorded, size_t features, size_t outputs, recorded_rows *r) {
    const cJSON *size, *batch;
    size_t n = 0, at = 0;
    memset(r, 0, sizeof *r);
    cJSON_ArrayForEach (size, test_need(recorded, "rows"))
        n += r->sizes[r->n_steps++] = (size_t)size->valuedouble;
    assert_true(n > 0 && r->n_steps <= MAX_STEPS);
    r->examples.n = n;
    r->examples.n_outputs = outputs;
    r->examples.stride = (features + 15) / 16 * 16;
    r->x = calloc(n * r->examples.stride, sizeof *r->x);
    r->target = calloc(n * outputs, sizeof *r->target);
    r->weight = calloc(n, sizeof *r->weight);
    r->label = calloc(n, sizeof *r->label);
    r->order = calloc(n, sizeof *r->order);
    assert_true(r->x != NULL && r->target != NULL && r->weight != NULL && r->label != NULL && r->order != NULL);
    r->examples.x = r->x;
    size_t step = 0;
    cJSON_ArrayForEach (batch, test_need(recorded, "batches")) {
        read_batch(batch, features, r, at, r->sizes[step]);
        at += r->sizes[step++];
    }
}

static void free_rows(recorded_rows *r) {
    free(r->x);
    free(r->target);
    free(r->weight);
    free(r->label);
    free(r->order);
}

/* Each step knows the next one's rows, so that the first layer runs ahead. */
static void check_case(const cJSON *recorded, const mlp_kernels *kernels) {
    size_t widths[MLP_MAX_LAYERS + 1] = {0}, largest = 0, at = 0;
    const size_t n_layers = read_widths(recorded, widths);
    mlsel_error err = {0};
    train_run run = {.err = &err};
    recorded_rows r;
    mlp_net net;
    read_rows(recorded, widths[0], widths[n_layers], &r);
    for (size_t i = 0; i < r.n_steps; i++)
        largest = r.sizes[i] > largest ? r.sizes[i] : largest;
    test_ok(mlsel_i_mlp_net_create(&net, widths, n_layers, largest, &run), &err);
    net.kernels = kernels;
    net.learning_rate = test_need_number(recorded, "learning_rate");
    net.weight_decay = test_need_number(recorded, "weight_decay");
    set_layers(&net, test_need(recorded, "before"));
    for (size_t i = 0; i < r.n_steps; i++) {
        const size_t next = at + r.sizes[i];
        const mlp_loss loss = mlsel_i_mlp_net_step(&net, &r.examples, r.order + at, r.sizes[i], r.order + next,
                                                   i + 1 < r.n_steps ? r.sizes[i + 1] : 0);
        test_close(loss.sum / loss.weight, cJSON_GetArrayItem(test_need(recorded, "losses"), (int)i)->valuedouble,
                   tolerance, "loss");
        at = next;
    }
    check_layers(&net, test_need(recorded, "after"));
    mlsel_i_mlp_net_free(&net);
    free_rows(&r);
}

static void steps_are_pytorchs(void **state) {
    (void)state;
    cJSON *root = test_parse_file(FIXTURE("train_mlp_steps.json"));
    const cJSON *cases = test_need(root, "cases"), *recorded;
    const mlp_kernels *tables[MLP_MAX_LEVELS];
    const size_t n = mlsel_i_mlp_kernels_all(tables);
    assert_true(n >= 2 && cJSON_GetArraySize(cases) > 0);
    cJSON_ArrayForEach (recorded, cases) {
        for (size_t i = 0; i < n; i++)
            check_case(recorded, tables[i]);
    }
    cJSON_Delete(root);
}

static void plateau_is_pytorchs(void **state) {
    (void)state;
    cJSON *root = test_parse_file(FIXTURE("train_mlp_steps.json"));
    const cJSON *recorded = test_need(root, "plateau");
    size_t n, n_rates;
    double *losses = test_numbers(test_need(recorded, "losses"), &n);
    double *rates = test_numbers(test_need(recorded, "rates"), &n_rates);
    mlp_plateau plateau = {.best = INFINITY, .patience = 10};
    double rate = 0.001;
    assert_true(n == n_rates && n > 0);
    for (size_t i = 0; i < n; i++)
        test_close(rate = mlsel_i_mlp_plateau_step(&plateau, losses[i], rate), rates[i], 1e-15, "rate");
    free(losses);
    free(rates);
    cJSON_Delete(root);
}

static void stopping_counts_from_the_best(void **state) {
    (void)state;
    mlp_stopping stopping = {.best = INFINITY, .patience = 3};
    const struct {
        double loss;
        bool best;
        uint32_t waited;
    } steps[] = {{2, true, 0}, {2, false, 1}, {3, false, 2}, {1.5, true, 0}, {NAN, false, 1}, {1.4, true, 0}};
    for (size_t i = 0; i < TEST_LENGTH(steps); i++) {
        assert_true(mlsel_i_mlp_stopping_step(&stopping, steps[i].loss) == steps[i].best);
        assert_int_equal(stopping.waited, steps[i].waited);
    }
}

/* --- finite differences ------------------------------------------------------------------------------------------- */

enum { ROWS = 10, N_LAYERS = 3 };
static const size_t net_widths[N_LAYERS + 1] = {5, 6, 4, 3};

static uint64_t random_bits = 88172645463325252u;

/* Marsaglia's xorshift, uniform in [-1, 1). */
static double uniform(void) {
    random_bits ^= random_bits << 13;
    random_bits ^= random_bits >> 7;
    random_bits ^= random_bits << 17;
    return (double)(int64_t)random_bits / 9223372036854775808.0;
}

/* The parameters in double, to be changed a little. */
typedef struct plain_net {
    double w[N_LAYERS][6][6], bias[N_LAYERS][6], gamma[N_LAYERS][6], beta[N_LAYERS][6];
    double keep[N_LAYERS][ROWS][6];
} plain_net;

/* The loss by the definitions, in double and without any of the library's code. */
static double plain_loss(const plain_net *p, const mlp_examples *e) {
    double h[ROWS][6], z[ROWS][6], sum = 0;
    size_t known = 0;
    for (size_t j = 0; j < ROWS; j++)
        for (size_t i = 0; i < net_widths[0]; i++)
            h[j][i] = (double)e->x[j * e->stride + i];
    for (size_t l = 0; l < N_LAYERS; l++) {
        for (size_t o = 0; o < net_widths[l + 1]; o++) {
            double mean = 0, variance = 0;
            for (size_t j = 0; j < ROWS; j++) {
                z[j][o] = p->bias[l][o];
                for (size_t i = 0; i < net_widths[l]; i++)
                    z[j][o] += p->w[l][o][i] * h[j][i];
                if (l + 1 < N_LAYERS)
                    z[j][o] = fmax(z[j][o], 0);
                mean += z[j][o] / ROWS;
            }
            for (size_t j = 0; j < ROWS; j++)
                variance += (z[j][o] - mean) * (z[j][o] - mean) / ROWS;
            for (size_t j = 0; j < ROWS && l + 1 < N_LAYERS; j++)
                z[j][o] =
                    ((z[j][o] - mean) / sqrt(variance + 1e-5) * p->gamma[l][o] + p->beta[l][o]) * p->keep[l][j][o];
        }
        memcpy(h, z, sizeof h);
    }
    for (size_t j = 0; j < ROWS; j++)
        for (size_t o = 0; o < net_widths[N_LAYERS]; o++) {
            const double t = (double)e->target[j * net_widths[N_LAYERS] + o];
            if (isnan(t))
                continue;
            sum -= t * log(1 / (1 + exp(-z[j][o]))) + (1 - t) * log(1 / (1 + exp(z[j][o])));
            known++;
        }
    return sum / (double)known;
}

static void copy_net(const mlp_net *net, plain_net *p) {
    for (size_t l = 0; l < N_LAYERS; l++)
        for (size_t o = 0; o < net_widths[l + 1]; o++) {
            const mlp_layer *from = &net->layers[l];
            for (size_t i = 0; i < net_widths[l]; i++)
                p->w[l][o][i] = (double)from->w[mlsel_i_mlp_weight_index(from->in_rows, o, i)];
            p->bias[l][o] = (double)from->bias[o];
            p->gamma[l][o] = (double)from->gamma[o];
            p->beta[l][o] = (double)from->beta[o];
        }
}

/* After the first step the first moment is a tenth of the gradient. */
static void check_slope(plain_net *p, double *value, float moment, const mlp_examples *e, const char *what) {
    static const double h = 1e-5;
    const double before = *value;
    *value = before + h;
    const double above = plain_loss(p, e);
    *value = before - h;
    const double below = plain_loss(p, e);
    *value = before;
    test_close((double)moment * 10, (above - below) / (2 * h), 2e-5, what);
}

/* With dropout: what the net has dropped is dropped in the plain one too. */
static void gradients_are_slopes(void **state) {
    (void)state;
    enum { STRIDE = 16 };
    float x[ROWS * STRIDE] = {0}, target[ROWS * 3];
    uint32_t order[ROWS];
    mlsel_error err = {0};
    train_run run = {.err = &err};
    static plain_net p;
    mlp_net net;
    for (size_t j = 0; j < ROWS; j++) {
        order[j] = (uint32_t)j;
        for (size_t i = 0; i < net_widths[0]; i++)
            x[j * STRIDE + i] = (float)uniform();
        for (size_t o = 0; o < 3; o++)
            target[j * 3 + o] = (j + o) % 5 == 0 ? NAN : (float)(0.5 + 0.5 * uniform());
    }
    const mlp_examples e = {.n = ROWS, .n_outputs = 3, .x = x, .stride = STRIDE, .target = target};
    test_ok(mlsel_i_mlp_net_create(&net, net_widths, N_LAYERS, ROWS, &run), &err);
    mlsel_i_mlp_net_start(&net, 3);
    net.dropout = 0.3;
    copy_net(&net, &p);
    const mlp_loss loss = mlsel_i_mlp_net_step(&net, &e, order, ROWS, NULL, 0);
    size_t dropped = 0;
    for (size_t l = 0; l + 1 < N_LAYERS; l++)
        for (size_t j = 0; j < ROWS; j++)
            for (size_t o = 0; o < net_widths[l + 1]; o++) {
                p.keep[l][j][o] = (double)net.layers[l].keep[j * MLP_BLOCK + o];
                dropped += p.keep[l][j][o] == 0;
            }
    assert_in_range(dropped, 10, 50); /* of 100 */
    test_close(loss.sum / loss.weight, plain_loss(&p, &e), 1e-6, "loss");
    for (size_t l = 0; l < N_LAYERS; l++)
        for (size_t o = 0; o < net_widths[l + 1]; o++) {
            const mlp_layer *got = &net.layers[l];
            for (size_t i = 0; i < net_widths[l]; i++)
                check_slope(&p, &p.w[l][o][i], got->w_m[mlsel_i_mlp_weight_index(got->in_rows, o, i)], &e, "weight");
            check_slope(&p, &p.bias[l][o], got->bias_m[o], &e, "bias");
            if (l + 1 == N_LAYERS)
                continue;
            check_slope(&p, &p.gamma[l][o], got->gamma_m[o], &e, "gamma");
            check_slope(&p, &p.beta[l][o], got->beta_m[o], &e, "beta");
        }
    mlsel_i_mlp_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_pytorchs),
        cmocka_unit_test(plateau_is_pytorchs),
        cmocka_unit_test(stopping_counts_from_the_best),
        cmocka_unit_test(gradients_are_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
