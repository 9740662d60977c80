/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "mlp_net.h"

static size_t place(size_t block_floats, size_t row, size_t output) {
    return output / MLP_BLOCK * block_floats + row * MLP_BLOCK + output % MLP_BLOCK;
}

/* -log softmax(z)[label] times the weight; derivatives for the mean over n rows. */
static double cross_entropy(const mlp_examples *e, uint32_t example, const float *z, size_t block_floats, size_t row,
                            size_t n, float *d) {
    double largest = -INFINITY, sum = 0;
    for (size_t o = 0; o < e->n_outputs; o++)
        largest = fmax(largest, (double)z[place(block_floats, row, o)]);
    for (size_t o = 0; o < e->n_outputs; o++)
        sum += exp((double)z[place(block_floats, row, o)] - largest);
    const double weight = (double)e->weight[example];
    for (size_t o = 0; d != NULL && o < e->n_outputs; o++) {
        const double p = exp((double)z[place(block_floats, row, o)] - largest) / sum;
        d[place(block_floats, row, o)] = (float)(weight * (p - (o == e->label[example])) / (double)n);
    }
    return weight * (log(sum) + largest - (double)z[place(block_floats, row, e->label[example])]);
}

/* log(1 + exp(z)) - target z, which is the binary cross-entropy of the logistic function of z. */
static mlp_loss binary(const mlp_examples *e, uint32_t example, const float *z, size_t block_floats, size_t row,
                       double share, float *d) {
    mlp_loss loss = {0, 0};
    for (size_t o = 0; o < e->n_outputs; o++) {
        const size_t p = place(block_floats, row, o);
        const double x = (double)z[p], target = (double)e->target[example * e->n_outputs + o];
        if (isnan(target)) {
            if (d != NULL)
                d[p] = 0;
            continue;
        }
        const double small = exp(-fabs(x)); /* at most 1 */
        loss.sum += fmax(x, 0) + log1p(small) - target * x;
        loss.weight++;
        if (d != NULL)
            d[p] = (float)(((x >= 0 ? 1 : small) / (1 + small) - target) * share);
    }
    return loss;
}

static size_t count_targets(const mlp_examples *e, const uint32_t *rows, size_t n) {
    size_t known = 0;
    for (size_t j = 0; j < n; j++)
        for (size_t o = 0; o < e->n_outputs; o++)
            known += isnan(e->target[rows[j] * e->n_outputs + o]) ? 0 : 1;
    return known;
}

mlp_loss mlsel_i_mlp_loss(const mlp_examples *examples, const uint32_t *rows, size_t n, const float *z,
                          size_t block_floats, float *d) {
    mlp_loss total = {0, 0};
    if (examples->label != NULL) {
        for (size_t j = 0; j < n; j++)
            total.sum += cross_entropy(examples, rows[j], z, block_floats, j, n, d);
        total.weight = (double)n;
        return total;
    }
    const size_t known = d == NULL ? 1 : count_targets(examples, rows, n);
    const double share = known > 0 ? 1 / (double)known : 0;
    for (size_t j = 0; j < n; j++) {
        const mlp_loss loss = binary(examples, rows[j], z, block_floats, j, share, d);
        total.sum += loss.sum;
        total.weight += loss.weight;
    }
    return total;
}
