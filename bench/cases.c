/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

const bench_case bench_cases[] = {
    {.name = "knn-1k", .kind = BENCH_KNN, .rows = 1000},
    {.name = "knn-10k", .kind = BENCH_KNN, .rows = 10000},
    {.name = "knn-100k", .kind = BENCH_KNN, .rows = 100000},
    {.name = "svm-400", .kind = BENCH_SVM, .rows = 400},
    {.name = "svm-4000", .kind = BENCH_SVM, .rows = 4000},
    {.name = "kmeans-8", .kind = BENCH_KMEANS, .rows = 8},
    {.name = "kmeans-64", .kind = BENCH_KMEANS, .rows = 64},
    {.name = "mlp-512-256", .kind = BENCH_MLP, .hidden = {512, 256}},
    {.name = "mlp-256-128", .kind = BENCH_MLP, .hidden = {256, 128}},
    {.name = "load-knn-1k", .kind = BENCH_LOAD, .rows = 1000},
    {.name = "load-safetensors-1k", .kind = BENCH_LOAD, .rows = 1000, .is_container = true},
    {.name = "load-safetensors-10k", .kind = BENCH_LOAD, .rows = 10000, .is_container = true},
};
const size_t bench_n_cases = sizeof bench_cases / sizeof *bench_cases;

const char *bench_kind_name(bench_kind kind) {
    static const char *const names[] = {"knn", "svm", "kmeans", "mlp", "load"};
    return names[kind];
}

const char *bench_rows_name(bench_rows rows) {
    static const char *const names[] = {"usual", "one-category", "alike"};
    return names[rows];
}

/* --- the distribution -------------------------------------------------------------------------------------------- */

enum { TOPICS_PER_CATEGORY = 10, TOPICS = BENCH_CATEGORIES * TOPICS_PER_CATEGORY };

typedef struct source {
    uint64_t state;
    bench_rows rows;
    float common[BENCH_EMBEDDING];
    float topics[TOPICS][BENCH_EMBEDDING];
} source;

/* SplitMix64. */
static uint64_t next_random(source *s) {
    uint64_t x = s->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* About normal, variance 1: a sum of four even distributions. */
static float next_normal(source *s) {
    const uint64_t x = next_random(s);
    const double sum = (double)((x & 0xffff) + (x >> 16 & 0xffff) + (x >> 32 & 0xffff) + (x >> 48));
    return (float)((sum / 65535 - 2) * 1.7320508);
}

static double next_even(source *s) { return (double)(next_random(s) >> 11) * 0x1p-53; }

static void fill_unit(source *s, float *x) {
    const float scale = 1 / sqrtf(BENCH_EMBEDDING);
    for (size_t i = 0; i < BENCH_EMBEDDING; i++)
        x[i] = next_normal(s) * scale;
}

/* The topics are the same in every case; what follows them depends on the seed. */
static source *open_source(uint64_t seed, bench_rows rows) {
    source *s = bench_alloc(1, sizeof *s);
    s->rows = rows;
    s->state = 1;
    fill_unit(s, s->common);
    for (size_t t = 0; t < TOPICS; t++)
        fill_unit(s, s->topics[t]);
    s->state = seed;
    return s;
}

static void fill_vector(source *s, size_t topic, float *x) {
    enum { OTHER = 12 };
    const bool alike = s->rows == BENCH_ROWS_ALIKE;
    const float common = alike ? 1 : 0.45f, own = alike ? 0 : 0.55f;
    const float noise = (alike ? 0.12f : 0.7f) / sqrtf(BENCH_EMBEDDING);
    double squares = 0;
    for (size_t i = 0; i < BENCH_EMBEDDING; i++) {
        x[i] = common * s->common[i] + own * s->topics[topic][i] + noise * next_normal(s);
        squares += (double)x[i] * (double)x[i];
    }
    const float inverse = (float)(1 / sqrt(squares));
    for (size_t i = 0; i < BENCH_EMBEDDING; i++)
        x[i] *= inverse;
    const size_t category = s->rows != BENCH_ROWS_USUAL ? OTHER : topic / TOPICS_PER_CATEGORY;
    for (size_t i = 0; i < BENCH_CATEGORIES; i++)
        x[BENCH_EMBEDDING + i] = i == category ? 1 : 0;
}

static size_t next_topic(source *s) { return (size_t)(next_random(s) % TOPICS); }

float *bench_make_queries(bench_rows rows) {
    source *s = open_source(1000, rows);
    float *queries = bench_alloc((size_t)BENCH_QUERIES * BENCH_WIDTH, sizeof *queries);
    for (size_t q = 0; q < BENCH_QUERIES; q++)
        fill_vector(s, next_topic(s), queries + q * BENCH_WIDTH);
    free(s);
    return queries;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void add_names(bench_text *json) {
    bench_text_addf(json, "\"model_names\": [\"model-a\", \"model-b\", \"model-c\", \"model-d\"], \"feature_dim\": %d",
                    BENCH_WIDTH);
}

static void write_row(FILE *matrix, const float *x) {
    if (matrix != NULL && fwrite(x, sizeof *x, BENCH_WIDTH, matrix) != BENCH_WIDTH)
        bench_fail("cannot write the matrix");
}

/* One vector as [..]; x becomes what a parser reads. digits 17: as Python writes a float that became a double. */
static void add_vector(bench_text *json, float *x, int digits) {
    const float scale = digits == 3 ? 1e3f : 1e4f;
    bench_text_add(json, "[");
    for (size_t i = 0; i < BENCH_WIDTH; i++) {
        if (i > 0)
            bench_text_add(json, digits == 3 ? "," : ", ");
        if (digits == 17)
            bench_text_addf(json, "%.17g", (double)x[i]);
        else
            x[i] = bench_text_add_decimal(json, lrintf(x[i] * scale), digits);
    }
    bench_text_add(json, "]");
}

static void add_even(bench_text *json, source *s, size_t count, double low, double high) {
    bench_text_add(json, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bench_text_add(json, ", ");
        bench_text_add_decimal(json, lrint((low + (high - low) * next_even(s)) * 1e4), 4);
    }
    bench_text_add(json, "]");
}

/* --- kinds ------------------------------------------------------------------------------------------------------- */

static void make_knn(const bench_case *c, bench_rows rows, unsigned repeat, int digits, FILE *matrix,
                     bench_artifact *out) {
    source *s = open_source(c->rows, rows);
    bench_text *json = &out->json;
    float x[BENCH_WIDTH];
    bench_text row = {0};
    bench_text_addf(json, "{\"algorithm\": \"knn\", \"trained\": true, \"k\": %d, ", BENCH_NEIGHBOURS);
    add_names(json);
    bench_text_add(json, ", \"embeddings\": [");
    for (size_t r = 0; r < c->rows; r++) {
        if (r % repeat == 0) {
            row.size = 0;
            fill_vector(s, next_topic(s), x);
            add_vector(&row, x, digits);
            out->weights += BENCH_WIDTH;
        }
        bench_text_add(json, r == 0 ? "" : ", ");
        bench_text_add(json, row.data);
        write_row(matrix, x);
    }
    bench_text_free(&row);
    bench_text_add(json, "], \"labels\": [");
    for (size_t r = 0; r < c->rows; r++)
        bench_text_addf(json, "%s\"model-%c\"", r == 0 ? "" : ", ",
                        (char)('a' + (repeat > 1 ? r : next_random(s)) % BENCH_LABELS));
    bench_text_add(json, "], \"qualities\": ");
    add_even(json, s, c->rows, 0, 1);
    bench_text_add(json, ", \"latencies\": [");
    for (size_t r = 0; r < c->rows; r++)
        bench_text_addf(json, "%s%.0f", r == 0 ? "" : ", ", 1e8 + floor(5e9 * next_even(s)));
    bench_text_add(json, "]}");
    out->flops = 2 * out->weights;
    free(s);
}

static void make_kmeans(const bench_case *c, bench_rows rows, FILE *matrix, bench_artifact *out) {
    source *s = open_source(c->rows, rows);
    bench_text *json = &out->json;
    float x[BENCH_WIDTH];
    bench_text_addf(json, "{\"algorithm\": \"kmeans\", \"trained\": true, \"num_clusters\": %zu, ", c->rows);
    add_names(json);
    bench_text_add(json, ", \"centroids\": [");
    for (size_t r = 0; r < c->rows; r++) {
        fill_vector(s, next_topic(s), x);
        for (size_t i = 0; i < BENCH_WIDTH; i++)
            x[i] *= 0.8f; /* a mean of unit vectors is shorter than they are */
        bench_text_add(json, r == 0 ? "" : ", ");
        add_vector(json, x, 4);
        write_row(matrix, x);
    }
    bench_text_add(json, "], \"cluster_models\": [");
    for (size_t r = 0; r < c->rows; r++)
        bench_text_addf(json, "%s\"model-%c\"", r == 0 ? "" : ", ", (char)('a' + r % BENCH_LABELS));
    bench_text_add(json, "]}");
    out->weights = (double)(c->rows * BENCH_WIDTH);
    out->flops = 2 * out->weights;
    free(s);
}

/* Row j of the dual coefficients: for class c the coefficients against class j, or j + 1 from j = c on. A vector counts
 * for its own class, so those of the first class of a pair are positive. */
static void add_dual_coef(bench_text *json, source *s, size_t rows) {
    const size_t per_class = rows / BENCH_LABELS;
    bench_text_add(json, ", \"dual_coef\": [");
    for (size_t j = 0; j + 1 < BENCH_LABELS; j++) {
        bench_text_add(json, j == 0 ? "[" : ", [");
        for (size_t r = 0; r < rows; r++) {
            const size_t own = r / per_class, other = j < own ? j : j + 1;
            const long magnitude = lrint(next_even(s) * 1e4);
            bench_text_add(json, r == 0 ? "" : ", ");
            bench_text_add_decimal(json, own < other ? magnitude : -magnitude, 4);
        }
        bench_text_add(json, "]");
    }
    bench_text_add(json, "]");
}

static void make_svm(const bench_case *c, bench_rows rows, FILE *matrix, bench_artifact *out) {
    source *s = open_source(c->rows, rows);
    bench_text *json = &out->json;
    float x[BENCH_WIDTH];
    bench_text_add(json, "{\"algorithm\": \"svm\", \"trained\": true, \"kernel\": \"rbf\", \"kernel_type\": \"Rbf\", "
                         "\"gamma\": 1.0, \"C\": 1.0, ");
    add_names(json);
    bench_text_addf(json, ", \"n_classes\": %d, \"support_vectors\": [", BENCH_LABELS);
    for (size_t r = 0; r < c->rows; r++) {
        fill_vector(s, next_topic(s), x);
        bench_text_add(json, r == 0 ? "" : ", ");
        add_vector(json, x, 4);
        write_row(matrix, x);
    }
    bench_text_add(json, "]");
    add_dual_coef(json, s, c->rows);
    bench_text_add(json, ", \"intercept\": ");
    add_even(json, s, BENCH_LABELS * (BENCH_LABELS - 1) / 2, -0.5, 0.5);
    const size_t per_class = c->rows / BENCH_LABELS;
    bench_text_addf(json, ", \"n_support\": [%zu, %zu, %zu, %zu], \"classes\": [0, 1, 2, 3]}", per_class, per_class,
                    per_class, per_class);
    out->weights = (double)(c->rows * (BENCH_WIDTH + BENCH_LABELS - 1));
    out->flops = 2 * out->weights;
    free(s);
}

static void add_linear(bench_text *json, source *s, size_t n_in, size_t n_out, bench_artifact *out) {
    const double limit = sqrt(6.0 / (double)n_in);
    bench_text_addf(json, "{\"type\": \"linear\", \"in_features\": %zu, \"out_features\": %zu, \"weight\": [", n_in,
                    n_out);
    for (size_t r = 0; r < n_out; r++) {
        bench_text_add(json, r == 0 ? "" : ", ");
        add_even(json, s, n_in, -limit, limit);
    }
    bench_text_add(json, "], \"bias\": ");
    add_even(json, s, n_out, -0.1, 0.1);
    bench_text_add(json, "}");
    out->weights += (double)(n_in * n_out + n_out);
    out->flops += 2 * (double)(n_in * n_out);
}

static void add_batch_norm(bench_text *json, source *s, size_t n) {
    bench_text_addf(json,
                    ", {\"type\": \"relu\"}, {\"type\": \"batch_norm\", \"num_features\": %zu, \"eps\": 1e-05, "
                    "\"weight\": ",
                    n);
    add_even(json, s, n, 0.8, 1.2);
    bench_text_add(json, ", \"bias\": ");
    add_even(json, s, n, -0.1, 0.1);
    bench_text_add(json, ", \"running_mean\": ");
    add_even(json, s, n, 0, 0.2);
    bench_text_add(json, ", \"running_var\": ");
    add_even(json, s, n, 0.5, 1.5);
    bench_text_add(json, "}, {\"type\": \"dropout\", \"p\": 0.1}, ");
}

static void make_mlp(const bench_case *c, bench_artifact *out) {
    source *s = open_source(c->hidden[0], BENCH_ROWS_USUAL);
    bench_text *json = &out->json;
    bench_text_add(json, "{\"algorithm\": \"mlp\", \"trained\": true, ");
    add_names(json);
    bench_text_addf(json, ", \"n_classes\": %d, \"hidden_sizes\": [%zu, %zu], \"dropout\": 0.1, \"layers\": [",
                    BENCH_LABELS, c->hidden[0], c->hidden[1]);
    size_t width = BENCH_WIDTH;
    for (size_t i = 0; i < 2; i++) {
        add_linear(json, s, width, c->hidden[i], out);
        add_batch_norm(json, s, c->hidden[i]);
        width = c->hidden[i];
    }
    add_linear(json, s, width, BENCH_LABELS, out);
    bench_text_add(json, "]}");
    free(s);
}

void bench_make_artifact(const bench_case *c, bench_rows rows, unsigned repeat, FILE *matrix, bench_artifact *out) {
    *out = (bench_artifact){0};
    switch (c->kind) {
    case BENCH_KNN: /* three digits keep the text of 100 000 rows below 700 MB */
        make_knn(c, rows, repeat, c->rows > 10000 ? 3 : 4, matrix, out);
        break;
    case BENCH_SVM:
        make_svm(c, rows, matrix, out);
        break;
    case BENCH_KMEANS:
        make_kmeans(c, rows, matrix, out);
        break;
    case BENCH_MLP:
        make_mlp(c, out);
        break;
    case BENCH_LOAD:
        make_knn(c, rows, repeat, 17, matrix, out);
        break;
    }
}
