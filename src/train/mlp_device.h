/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training of an MLP on another device than the CPU, through the table of functions that its backend has for that
 * (mlsel_backend_train_mlp). The host has the parameters at the beginning and at the end, as a net of values alone.
 */
#ifndef MLSEL_TRAIN_MLP_DEVICE_H
#define MLSEL_TRAIN_MLP_DEVICE_H

#include "mlp_net.h"

/* Finds the device of mlsel_train_options. For the CPU, and for "auto" where no other device trains, device->mlp is
 * NULL. UNSUPPORTED: it is there, but does not train. */
mlsel_status mlsel_i_train_device_find(const char *device, train_device *out, mlsel_error *err);

typedef struct mlp_device {
    const mlsel_backend_train_mlp *table;
    train_run *run;
    void *state;      /* NULL: there is none */
    uint64_t stretch; /* steps that are given to it at a time */
} mlp_device;

/* The net as it is goes to the run's device with all examples. max_rows: of a step. */
mlsel_status mlsel_i_mlp_device_create(mlp_device *out, const mlp_net *net, const mlp_examples *examples,
                                       size_t n_queries, size_t max_rows, train_run *run);
void mlsel_i_mlp_device_free(mlp_device *device);

/* An epoch over these examples begins. */
mlsel_status mlsel_i_mlp_device_begin(mlp_device *device, const uint32_t *order, size_t n);
/* Takes n steps, of rows[i] examples each; *loss receives the sum of the mean losses of the epoch so far. */
mlsel_status mlsel_i_mlp_device_steps(mlp_device *device, const uint32_t *rows, size_t n, double learning_rate,
                                      double *loss);
/* As mlsel_i_mlp_net_evaluate. */
mlsel_status mlsel_i_mlp_device_evaluate(mlp_device *device, const uint32_t *examples, size_t n, mlp_loss *out);
mlsel_status mlsel_i_mlp_device_keep(mlp_device *device);
/* The values of now, or those kept, into the net. */
mlsel_status mlsel_i_mlp_device_read(mlp_device *device, bool kept, mlp_net *net);

#endif
