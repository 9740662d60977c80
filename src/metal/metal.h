/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the Metal backend share. All but device.m is plain C.
 *
 * As on the CPU, a fast path in float has a bound on its error, and where the bound leaves an order open, an exact one
 * decides. Devices have no double, so that one is on the host, which sees the same memory: for KNN and KMeans it is
 * here, for SVM and MLP it is the CPU backend. So labels are the reference's.
 */
#ifndef MLSEL_METAL_METAL_H
#define MLSEL_METAL_METAL_H

#include "accel/exact.h"
#include "accel/slots.h"
#include "device.h"
#include "internal.h"
#include "mlsel_backend.h"

/* --- states and slots --------------------------------------------------------------------------------------------- */

/* More runs than that at a time wait for each other; the device does one after the other anyway. */
enum { N_SLOTS = 8, SLOT_PARTS = 8 };

/* Memory of one run at a time: what is in which part is the kind's affair. */
typedef struct metal_slot {
    uint32_t capacity; /* queries it has room for */
    uint32_t k;        /* neighbours it has room for */
    metal_buffer parts[SLOT_PARTS];
} metal_slot;

typedef struct metal_state metal_state;

/* What differs between the algorithms. */
typedef struct metal_kind {
    uint32_t max_batch;
    /* Makes state->model, and sets scratch_bytes. What it has made when it fails, release frees. */
    mlsel_status (*prepare)(metal_state *state, mlsel_error *err);
    void (*release)(metal_state *state);
    /* Bytes of a slot's parts; those that are 0 are not there. */
    void (*lay_out)(const metal_state *state, uint32_t capacity, uint32_t k, uint64_t bytes[SLOT_PARTS]);
    mlsel_status (*run)(const metal_state *state, const mlsel_backend_run *run, metal_slot *slot, mlsel_error *err);
} metal_kind;

struct metal_state {
    const mlsel_model_view *view;
    const metal_kind *kind;
    mlsel_precision precision;
    metal_device *device;
    void *model;            /* knn_model and so on */
    uint64_t memory_bytes;  /* of the model, beside the view */
    uint64_t scratch_bytes; /* that a run needs on the host, before that of the CPU backend */
    accel_slots *free_slots;
    metal_slot slots[N_SLOTS];
    mlsel_prepared cpu; /* for what is left to it; state NULL where nothing is */
};

extern const metal_kind mlsel_i_metal_knn, mlsel_i_metal_kmeans, mlsel_i_metal_svm, mlsel_i_metal_mlp;

/* slot.c: a slot that nobody else has, with room. */
mlsel_status mlsel_i_metal_slot_take(metal_state *state, uint32_t count, uint32_t k, metal_slot **out,
                                     mlsel_error *err);
void mlsel_i_metal_slot_give(metal_state *state, const metal_slot *slot);
void mlsel_i_metal_slots_free(metal_state *state);

/* backend.c: prepares the CPU backend for what a kind leaves to it, */
mlsel_status mlsel_i_metal_prepare_cpu(metal_state *state, mlsel_error *err);
/* and lets it answer one query of a run. */
mlsel_status mlsel_i_metal_ask_cpu(const metal_state *state, const mlsel_backend_run *run, uint32_t query,
                                   mlsel_error *err);

/* A buffer of the model's. */
mlsel_status mlsel_i_metal_model_alloc(metal_state *state, uint64_t count, size_t size, metal_buffer *out,
                                       mlsel_error *err);

/* --- products.c --------------------------------------------------------------------------------------------------- */

/* Rows that queries are multiplied with. */
typedef struct metal_matrix {
    metal_span rows;
    metal_span bias; /* buffer NULL: none */
    uint32_t n_rows, n, stride;
    bool is_half, relu;
} metal_matrix;

/* Fills a dispatch with out[q][r] = rows[r] . queries[q] (+ bias[r]), ReLU if asked. */
void mlsel_i_metal_products(const metal_matrix *matrix, metal_span queries, uint32_t query_stride, uint32_t count,
                            metal_span out, uint32_t out_stride, metal_dispatch *dispatch);

/* Bound on |computed - exact| / (|row| |query|) of such a product before the bias, the query rounded to float. */
double mlsel_i_metal_products_error(uint64_t n);

/* --- dispatches --------------------------------------------------------------------------------------------------- */

/* A dispatch with its buffers and constants, for so many threads of each of so many queries. */
void mlsel_i_metal_each(metal_kernel kernel, uint32_t n_threads, uint32_t count, const metal_span *buffers,
                        uint32_t n_buffers, const void *params, uint32_t params_bytes, metal_dispatch *dispatch);

static inline metal_span span_of(const metal_buffer *buffer, uint64_t offset) {
    const metal_span span = {buffer, offset};
    return span;
}

/* Values from one row or query to the next: whole cache lines. */
static inline uint32_t padded_width(uint64_t n) { return (uint32_t)((n + 31) / 32 * 32); }

static inline uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif
