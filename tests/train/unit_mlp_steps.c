/* SPDX-License-Identifier: Apache-2.0 */
/* Training steps against those of PyTorch, on every instruction set, and against finite differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "train/mlp_schedule.h"
#include "unit_mlp_recorded.h"

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
