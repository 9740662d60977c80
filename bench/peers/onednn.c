/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MLP with oneDNN: a chain of inner products or of matrix products, each with its ReLU fused in and its weights in
 * the layout that oneDNN asks for. A library of its own, since it is linked with oneDNN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "shim.h"

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        const dnnl_status_t status = (call);                                                                           \
        if (status != dnnl_success) {                                                                                  \
            fprintf(stderr, "peers: oneDNN: %s: status %d\n", #call, (int)status);                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MAX_LAYERS = 8 };

typedef struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[4];
    int n_arguments;
} step;

typedef struct peers_onednn {
    peers_queries queries;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    step steps[MAX_LAYERS + 1];
    size_t n_steps;
    dnnl_memory_t input; /* its handle is set to the queries of each run */
    float *logits;       /* [batch][n_labels] */
    size_t n_labels;
    int32_t *labels; /* [count] */
} peers_onednn;

static dnnl_memory_desc_t matrix(size_t rows, size_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag) {
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
    dnnl_memory_desc_t desc;
    CHECK(dnnl_memory_desc_create_with_tag(&desc, 2, dims, type, tag));
    return desc;
}

static dnnl_memory_t allocate(const peers_onednn *own, const_dnnl_memory_desc_t desc) {
    dnnl_memory_t memory;
    CHECK(dnnl_memory_create(&memory, desc, own->engine, DNNL_MEMORY_ALLOCATE));
    return memory;
}

static dnnl_primitive_t reorder(const peers_onednn *own, const_dnnl_memory_desc_t from, const_dnnl_memory_desc_t to) {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    CHECK(dnnl_reorder_primitive_desc_create(&desc, from, own->engine, to, own->engine, NULL));
    CHECK(dnnl_primitive_create(&primitive, desc));
    CHECK(dnnl_primitive_desc_destroy(desc));
    return primitive;
}

/* The numbers in the layout that a primitive wants. */
static dnnl_memory_t repack(peers_onednn *own, const float *values, const_dnnl_memory_desc_t from,
                            const_dnnl_memory_desc_t to) {
    dnnl_memory_t source = allocate(own, from), target = allocate(own, to);
    void *data;
    CHECK(dnnl_memory_map_data(source, &data));
    memcpy(data, values, dnnl_memory_desc_get_size(from));
    CHECK(dnnl_memory_unmap_data(source, data));
    dnnl_primitive_t primitive = reorder(own, from, to);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
    CHECK(dnnl_primitive_execute(primitive, own->stream, 2, arguments));
    CHECK(dnnl_stream_wait(own->stream));
    CHECK(dnnl_primitive_destroy(primitive));
    CHECK(dnnl_memory_destroy(source));
    return target;
}

static dnnl_primitive_attr_t relu_after(void) {
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t post;
    CHECK(dnnl_primitive_attr_create(&attributes));
    CHECK(dnnl_post_ops_create(&post));
    CHECK(dnnl_post_ops_append_eltwise(post, dnnl_eltwise_relu, 0, 0));
    CHECK(dnnl_primitive_attr_set_post_ops(attributes, post));
    CHECK(dnnl_post_ops_destroy(post));
    return attributes;
}

/* One layer's primitive, as an inner product or a matrix product. */
static dnnl_primitive_desc_t describe(const peers_onednn *own, const peers_layer *layer, int use_matmul,
                                      dnnl_data_type_t type, const_dnnl_memory_desc_t source,
                                      const_dnnl_memory_desc_t target, dnnl_primitive_attr_t attributes) {
    dnnl_primitive_desc_t desc;
    if (use_matmul) {
        dnnl_memory_desc_t weights = matrix(layer->n_in, layer->n_out, type, dnnl_format_tag_any);
        dnnl_memory_desc_t bias = matrix(1, layer->n_out, dnnl_f32, dnnl_ab);
        CHECK(dnnl_matmul_primitive_desc_create(&desc, own->engine, source, weights, bias, target, attributes));
        CHECK(dnnl_memory_desc_destroy(bias));
        CHECK(dnnl_memory_desc_destroy(weights));
        return desc;
    }
    const dnnl_dims_t bias_dims = {(dnnl_dim_t)layer->n_out};
    dnnl_memory_desc_t weights = matrix(layer->n_out, layer->n_in, type, dnnl_format_tag_any), bias;
    CHECK(dnnl_memory_desc_create_with_tag(&bias, 1, bias_dims, dnnl_f32, dnnl_a));
    CHECK(dnnl_inner_product_forward_primitive_desc_create(&desc, own->engine, dnnl_forward_inference, source, weights,
                                                           bias, target, attributes));
    CHECK(dnnl_memory_desc_destroy(bias));
    CHECK(dnnl_memory_desc_destroy(weights));
    return desc;
}

/* Adds a layer that reads input; returns the memory that it writes. */
static dnnl_memory_t add_layer(peers_onednn *own, const peers_layer *layer, size_t batch, int use_matmul, int is_last,
                               dnnl_data_type_t type, dnnl_memory_t input) {
    dnnl_memory_desc_t source = matrix(batch, layer->n_in, type, dnnl_ab);
    dnnl_memory_desc_t target = matrix(batch, layer->n_out, is_last ? dnnl_f32 : type, dnnl_ab);
    dnnl_primitive_attr_t attributes = is_last ? NULL : relu_after();
    dnnl_primitive_desc_t desc = describe(own, layer, use_matmul, type, source, target, attributes);
    const_dnnl_memory_desc_t weights = dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    const_dnnl_memory_desc_t bias = dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 1);
    dnnl_memory_desc_t plain_weights = use_matmul ? matrix(layer->n_in, layer->n_out, dnnl_f32, dnnl_ba)
                                                  : matrix(layer->n_out, layer->n_in, dnnl_f32, dnnl_ab);
    step *own_step = &own->steps[own->n_steps++];
    CHECK(dnnl_primitive_create(&own_step->primitive, desc));
    dnnl_memory_t output = allocate(own, target);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, input},
                                         {DNNL_ARG_WEIGHTS, repack(own, layer->weight, plain_weights, weights)},
                                         {DNNL_ARG_BIAS, repack(own, layer->bias, bias, bias)},
                                         {DNNL_ARG_DST, output}};
    memcpy(own_step->arguments, arguments, sizeof arguments);
    own_step->n_arguments = 4;
    CHECK(dnnl_memory_desc_destroy(plain_weights));
    CHECK(dnnl_primitive_desc_destroy(desc));
    if (attributes != NULL)
        CHECK(dnnl_primitive_attr_destroy(attributes));
    CHECK(dnnl_memory_desc_destroy(target));
    CHECK(dnnl_memory_desc_destroy(source));
    return output;
}

/* For bf16 the queries are narrowed first, as part of every run. */
static dnnl_memory_t add_input(peers_onednn *own, size_t batch, dnnl_data_type_t type) {
    dnnl_memory_desc_t given = matrix(batch, own->queries.width, dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t wanted = matrix(batch, own->queries.width, type, dnnl_ab);
    CHECK(dnnl_memory_create(&own->input, given, own->engine, DNNL_MEMORY_NONE));
    dnnl_memory_t first = own->input;
    if (type != dnnl_f32) {
        first = allocate(own, wanted);
        step *own_step = &own->steps[own->n_steps++];
        own_step->primitive = reorder(own, given, wanted);
        own_step->arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_FROM, own->input};
        own_step->arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_TO, first};
        own_step->n_arguments = 2;
    }
    CHECK(dnnl_memory_desc_destroy(wanted));
    CHECK(dnnl_memory_desc_destroy(given));
    return first;
}

/* A chain for one batch size. It lives as long as the process: the comparison opens a handful. */
void *peers_onednn_open(const float *queries, size_t count, size_t width, size_t batch, const peers_layer *layers,
                        size_t n_layers, int use_matmul, int use_bf16) {
    peers_onednn *own = calloc(1, sizeof *own);
    int32_t *labels = calloc(count, sizeof *labels);
    if (own == NULL || labels == NULL) {
        fputs("peers: out of memory\n", stderr);
        exit(1);
    }
    own->labels = labels;
    own->queries = (peers_queries){.values = queries, .count = count, .width = width, .batch = batch};
    CHECK(dnnl_engine_create(&own->engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&own->stream, own->engine, dnnl_stream_default_flags));
    const dnnl_data_type_t type = use_bf16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_t next = add_input(own, batch, type);
    for (size_t l = 0; l < n_layers; l++)
        next = add_layer(own, &layers[l], batch, use_matmul, l + 1 == n_layers, type, next);
    void *logits;
    CHECK(dnnl_memory_get_data_handle(next, &logits));
    own->logits = logits;
    own->n_labels = layers[n_layers - 1].n_out;
    return own;
}

void peers_onednn_run(void *context) {
    peers_onednn *own = context;
    union {
        const float *given;
        void *wanted;
    } queries = {.given = peers_next(&own->queries)};
    const size_t first_query = (size_t)(queries.given - own->queries.values) / own->queries.width;
    CHECK(dnnl_memory_set_data_handle(own->input, queries.wanted));
    for (size_t i = 0; i < own->n_steps; i++)
        CHECK(dnnl_primitive_execute(own->steps[i].primitive, own->stream, own->steps[i].n_arguments,
                                     own->steps[i].arguments));
    CHECK(dnnl_stream_wait(own->stream));
    for (size_t q = 0; q < own->queries.batch; q++) {
        const float *logits = own->logits + q * own->n_labels;
        size_t best = 0;
        for (size_t i = 1; i < own->n_labels; i++)
            best = logits[i] > logits[best] ? i : best;
        own->labels[first_query + q] = (int32_t)best;
    }
}

const int32_t *peers_onednn_labels(void *context) { return ((peers_onednn *)context)->labels; }

const char *peers_onednn_version(void) {
    static char text[64];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}
