/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances estimated from rows of 8-bit integers, a quarter of the bytes.
 *
 * A vector's head, all but its last few columns, is x = s c + e with integers c, and so is the query's, q = t d + f:
 *     q.x = s t (c.d) + f.(s c) + q.e,   so   |q.x - s t (c.d)| <= |f| |s c| + |q| |e|
 * where c.d is exact. The last columns hold a category, one-hot or not: they take only a few distinct values together,
 * far larger than those of an embedding. They stay out of the integers; vectors with equal ones form a group, whose
 * share of the dot product is computed once per query. The groups are visited nearest first, and a group that is
 * farther than the k nearest so far is not read at all.
 */
#include <math.h>
#include <string.h>

#include "knn.h"

/* Of the vectors: smaller ones are in a fast cache anyway. Fuzzers have less, so that small inputs get here. */
#ifndef MLSEL_INT8_MIN_BYTES
#define MLSEL_INT8_MIN_BYTES (1 << 20)
#endif

enum {
    MAX_GROUPS = KNN_MAX_GROUPS,
    MAX_TAIL = KNN_MAX_TAIL,
    MAX_WIDTH = KNN_MAX_WIDTH, /* sums of products stay far within 32 bits */
    N_SAMPLES = 32,            /* vectors that the decision for or against looks at */
    MIN_GAIN = 4,              /* vectors for each one that is left after the estimate */
    MIN_BYTES = MLSEL_INT8_MIN_BYTES,
    PARTS = 8,
};

typedef struct knn_group {
    size_t first, count;
    const float *tail;           /* the columns that its vectors share */
    double tail_squared;         /* sum of their squares */
    double min_head, max_head;   /* norms of the heads, as they enter a distance */
    double min_scale, max_scale; /* of its vectors */
} knn_group;

/* Arrays [n_vectors] in the order of the groups. */
struct knn_int8 {
    size_t n_head, n_tail;
    size_t stride; /* n_head rounded up to whole cache lines; the values beyond are 0 */
    const int8_t *rows;
    const float *steps;      /* 2 * scale * s */
    const float *scales;     /* 2 * scale */
    const float *offsets;    /* |x|^2 */
    const float *errors;     /* 2 * scale * |e|, rounded up */
    const float *sizes;      /* 2 * scale * |s c|, rounded up */
    const uint32_t *vectors; /* the row's vector */
    knn_group *groups;
    size_t n_groups;
    /* the groups once more, in the form that containers have */
    const uint64_t *group_start;
    const double *group_bounds;
};

/* The same arrays while they are filled. */
typedef struct int8_arrays {
    int8_t *rows;
    float *steps, *scales, *offsets, *errors, *sizes;
    uint32_t *vectors;
    uint64_t *group_start;
    double *group_bounds;
} int8_arrays;

/* --- quantising -------------------------------------------------------------------------------------------------- */

/* s, |e| and |s c| */
typedef struct quantisation {
    double step, error, size;
} quantisation;

static float largest_of(const float *x, size_t n) {
    float parts[PARTS] = {0};
    size_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (size_t p = 0; p < PARTS; p++) {
            const float value = fabsf(x[i + p]);
            parts[p] = value > parts[p] ? value : parts[p];
        }
    for (; i < n; i++)
        parts[0] = fabsf(x[i]) > parts[0] ? fabsf(x[i]) : parts[0];
    for (size_t p = 1; p < PARTS; p++)
        parts[0] = parts[p] > parts[0] ? parts[p] : parts[0];
    return parts[0];
}

/* Whatever the rounding does, the error is that of the integers that came out. */
static void to_integers(const float *x, size_t n, float inverse, int8_t *out) {
    for (size_t i = 0; i < n; i++) {
        const float value = x[i] * inverse;
        out[i] = (int8_t)(int32_t)(value + (value < 0 ? -0.5f : 0.5f));
    }
}

static double sum_parts(const double parts[PARTS]) {
    double sum = 0;
    for (size_t p = 0; p < PARTS; p++)
        sum += parts[p];
    return sum;
}

static quantisation quantise(const float *x, size_t n, int8_t *out) {
    const float largest = largest_of(x, n);
    const double slack = 1 + 1e-9; /* for the roundings below, and far more */
    if (largest < 0x1p-60f) {
        memset(out, 0, n);
        return (quantisation){.error = slack * sqrt((double)n) * (double)largest};
    }
    const float step = largest / 127;
    double errors[PARTS] = {0};
    int32_t sizes[PARTS] = {0};
    size_t i = 0;
    to_integers(x, n, 127 / largest, out);
    for (; i + PARTS <= n; i += PARTS)
        for (size_t p = 0; p < PARTS; p++) {
            const double error = (double)x[i + p] - (double)step * out[i + p];
            errors[p] += error * error;
            sizes[p] += out[i + p] * out[i + p];
        }
    for (; i < n; i++) {
        const double error = (double)x[i] - (double)step * out[i];
        errors[0] += error * error;
        sizes[0] += out[i] * out[i];
    }
    double size = 0;
    for (size_t p = 0; p < PARTS; p++)
        size += sizes[p];
    return (quantisation){
        .step = (double)step, .error = slack * sqrt(sum_parts(errors)), .size = slack * (double)step * sqrt(size)};
}

/* --- groups ------------------------------------------------------------------------------------------------------ */

static const float *tail_of(const mlsel_knn_view *knn, uint64_t v, size_t n_head) {
    return knn->vectors + v * knn->stride + n_head;
}

/* Numbers the distinct tails; returns their number, or MAX_GROUPS + 1 where there are more. group_of may be NULL. */
static size_t find_groups(const mlsel_knn_view *knn, size_t n_head, size_t n_tail, const float *tails[MAX_GROUPS],
                          uint8_t *group_of) {
    size_t n_groups = 0;
    for (uint64_t v = 0; v < knn->n_vectors; v++) {
        const float *tail = tail_of(knn, v, n_head);
        size_t g = 0;
        while (g < n_groups && memcmp(tails[g], tail, n_tail * sizeof *tail) != 0)
            g++;
        if (g == n_groups) {
            if (n_groups == MAX_GROUPS)
                return MAX_GROUPS + 1;
            tails[n_groups++] = tail;
        }
        if (group_of != NULL)
            group_of[v] = (uint8_t)g;
    }
    return n_groups;
}

/* The most columns at the end that take few distinct values together: the fewer, the fewer values they take. */
static size_t choose_tail(const mlsel_knn_view *knn, size_t n_features) {
    const float *tails[MAX_GROUPS];
    size_t works = 0, too_many = (n_features / 2 < MAX_TAIL ? n_features / 2 : MAX_TAIL) + 1;
    while (too_many - works > 1) {
        const size_t middle = (works + too_many) / 2;
        if (find_groups(knn, n_features - middle, middle, tails, NULL) <= MAX_GROUPS)
            works = middle;
        else
            too_many = middle;
    }
    return works;
}

static void widen(knn_group *g, double scale, double head) {
    g->min_scale = fmin(g->min_scale, scale);
    g->max_scale = fmax(g->max_scale, scale);
    g->min_head = fmin(g->min_head, scale * head);
    g->max_head = fmax(g->max_head, scale * head);
}

/* The order of the rows: by group, within a group as they were. group_of is from find_groups. */
static void sort_by_group(knn_int8 *int8, uint32_t *vectors, uint64_t n_vectors, const uint8_t *group_of) {
    size_t next[MAX_GROUPS] = {0}, first = 0;
    for (uint64_t v = 0; v < n_vectors; v++)
        int8->groups[group_of[v]].count++;
    for (size_t g = 0; g < int8->n_groups; g++) {
        next[g] = int8->groups[g].first = first;
        first += int8->groups[g].count;
    }
    for (uint64_t v = 0; v < n_vectors; v++)
        vectors[next[group_of[v]]++] = (uint32_t)v;
}

/* --- preparing --------------------------------------------------------------------------------------------------- */

/* How many of the other samples an estimate would leave to be measured where one of them is the query q. */
static size_t count_left(const cpu_state *state, const uint64_t *samples, size_t n_samples, size_t query,
                         double half_width, const double *q) {
    const mlsel_knn_view *knn = state->view->knn;
    double distances[N_SAMPLES], nearest = INFINITY;
    size_t left = 0;
    for (size_t i = 0; i < n_samples; i++) {
        const float *x = knn->vectors + samples[i] * knn->stride;
        distances[i] = state->kernels->squared_distance(x, state->scales[samples[i]], q, state->view->n_features);
        if (i != query)
            nearest = fmin(nearest, distances[i]);
    }
    for (size_t i = 0; i < n_samples; i++)
        left += i != query && distances[i] <= nearest + 2 * half_width;
    return left;
}

/*
 * Asks with some of the vectors for the nearest of these. The intervals are too wide where too many are left: because
 * a vector's values differ much in size, or because the vectors are much alike. q: room for a vector; integers: for a
 * row.
 */
static bool is_useful(const cpu_state *state, size_t n_head, double *q, int8_t *integers) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n_samples = knn->n_vectors < N_SAMPLES ? (size_t)knn->n_vectors : N_SAMPLES;
    uint64_t samples[N_SAMPLES];
    size_t left = 0;
    const uint64_t step = knn->n_vectors / n_samples;
    for (size_t i = 0; i < n_samples; i++) /* one of each part, at no regular distance */
        samples[i] = step * i + i * 0x9e3779b97f4a7c15u % step;
    for (size_t i = 0; i < n_samples; i++) {
        const float *x = knn->vectors + samples[i] * knn->stride;
        const double scale = state->scales[samples[i]];
        const double error = scale * quantise(x, n_head, integers).error;
        const double norm = scale * sqrt(state->kernels->sum_squares_f32(x, n_head));
        for (size_t c = 0; c < state->view->n_features; c++)
            q[c] = (double)x[c] * scale;
        left += count_left(state, samples, n_samples, i, 4 * norm * error, q);
    }
    return left * MIN_GAIN <= n_samples * n_samples;
}

/* is_useful with the memory it needs; false when there is none. */
static bool decide(const cpu_state *state, size_t n_head, bool *useful) {
    double *q = mlsel_i_alloc(state->view->n_features, sizeof *q);
    int8_t *integers = mlsel_i_alloc(n_head, sizeof *integers);
    const bool has_memory = q != NULL && integers != NULL;
    if (has_memory)
        *useful = is_useful(state, n_head, q, integers);
    mlsel_i_free(q);
    mlsel_i_free(integers);
    return has_memory;
}

static float round_up(double x) { return (float)(x * (1 + 0x1p-22)); }

/* Quantises the vectors in the order of the groups. */
static void fill(const cpu_state *state, knn_int8 *int8, const int8_arrays *arrays) {
    const mlsel_knn_view *knn = state->view->knn;
    for (size_t g = 0; g < int8->n_groups; g++) {
        knn_group *group = &int8->groups[g];
        group->min_scale = group->min_head = INFINITY;
        for (size_t i = group->first; i < group->first + group->count; i++) {
            const uint64_t v = int8->vectors[i];
            const float *x = knn->vectors + v * knn->stride;
            const double scale = state->scales[v];
            const quantisation row = quantise(x, int8->n_head, arrays->rows + i * int8->stride);
            widen(group, scale, sqrt(state->kernels->sum_squares_f32(x, int8->n_head)));
            arrays->steps[i] = (float)(2 * scale * row.step);
            arrays->scales[i] = (float)(2 * scale);
            arrays->offsets[i] = state->offsets[v];
            arrays->errors[i] = round_up(2 * scale * row.error);
            arrays->sizes[i] = round_up(2 * scale * row.size);
        }
    }
}

/* All of it with its arrays, zeroed; NULL when out of memory. */
static knn_int8 *create(cpu_state *state, size_t n_head, size_t n_groups, int8_arrays *arrays) {
    const uint64_t n = state->view->knn->n_vectors;
    knn_int8 *int8 = mlsel_i_cpu_state_alloc(state, 1, sizeof *int8);
    if (int8 == NULL)
        return NULL;
    *int8 = (knn_int8){.n_head = n_head, .n_tail = state->view->n_features - n_head, .n_groups = n_groups};
    int8->stride = (n_head + MLSEL_ALIGNMENT - 1) / MLSEL_ALIGNMENT * MLSEL_ALIGNMENT;
    int8->groups = mlsel_i_cpu_state_alloc(state, n_groups, sizeof *int8->groups);
    int8->rows = arrays->rows = mlsel_i_cpu_state_alloc(state, n, int8->stride);
    int8->vectors = arrays->vectors = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->vectors);
    int8->steps = arrays->steps = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->steps);
    int8->scales = arrays->scales = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->scales);
    int8->offsets = arrays->offsets = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->offsets);
    int8->errors = arrays->errors = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->errors);
    int8->sizes = arrays->sizes = mlsel_i_cpu_state_alloc(state, n, sizeof *int8->sizes);
    int8->group_start = arrays->group_start = mlsel_i_cpu_state_alloc(state, n_groups + 1, sizeof *int8->group_start);
    int8->group_bounds = arrays->group_bounds =
        mlsel_i_cpu_state_alloc(state, n_groups, KNN_GROUP_BOUNDS * sizeof *int8->group_bounds);
    const bool has_memory = int8->groups != NULL && arrays->rows != NULL && arrays->vectors != NULL &&
                            arrays->steps != NULL && arrays->scales != NULL && arrays->offsets != NULL &&
                            arrays->errors != NULL && arrays->sizes != NULL && arrays->group_start != NULL &&
                            arrays->group_bounds != NULL;
    return has_memory ? int8 : NULL;
}

/* --- the form that containers have ------------------------------------------------------------------------------- */

static void store_groups(const knn_int8 *int8, const int8_arrays *arrays) {
    for (size_t g = 0; g < int8->n_groups; g++) {
        const knn_group *group = &int8->groups[g];
        const double bounds[KNN_GROUP_BOUNDS] = {group->tail_squared, group->min_head, group->max_head,
                                                 group->min_scale, group->max_scale};
        arrays->group_start[g + 1] = group->first + group->count;
        memcpy(arrays->group_bounds + g * KNN_GROUP_BOUNDS, bounds, sizeof bounds);
    }
}

static void load_groups(const mlsel_knn_view *knn, knn_int8 *int8) {
    for (size_t g = 0; g < int8->n_groups; g++) {
        const double *bounds = int8->group_bounds + g * KNN_GROUP_BOUNDS;
        const size_t first = (size_t)int8->group_start[g];
        int8->groups[g] = (knn_group){.first = first,
                                      .count = (size_t)int8->group_start[g + 1] - first,
                                      .tail = tail_of(knn, int8->vectors[first], int8->n_head),
                                      .tail_squared = bounds[0],
                                      .min_head = bounds[1],
                                      .max_head = bounds[2],
                                      .min_scale = bounds[3],
                                      .max_scale = bounds[4]};
    }
}

static mlsel_status use_integers(cpu_state *state, const knn_index *index, mlsel_error *err) {
    knn_int8 *int8 = mlsel_i_cpu_state_alloc(state, 1, sizeof *int8);
    knn_group *groups = mlsel_i_cpu_state_alloc(state, index->n_groups, sizeof *groups);
    if (int8 == NULL || groups == NULL)
        return mlsel_i_no_memory(err);
    *int8 = (knn_int8){.n_head = index->head,
                       .n_tail = state->view->n_features - index->head,
                       .stride = index->stride,
                       .rows = index->rows,
                       .steps = index->steps,
                       .scales = index->row_scales,
                       .offsets = index->row_offsets,
                       .errors = index->errors,
                       .sizes = index->sizes,
                       .vectors = index->vectors,
                       .groups = groups,
                       .n_groups = index->n_groups,
                       .group_start = index->group_start,
                       .group_bounds = index->group_bounds};
    load_groups(state->view->knn, int8);
    state->int8 = int8;
    return MLSEL_OK;
}

mlsel_status mlsel_i_knn_use_index(cpu_state *state, bool *is_used, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const knn_index *index = knn->index;
    *is_used = index != NULL && knn->normalize;
    if (!*is_used)
        return MLSEL_OK;
    state->fast = state->fast && knn->n_vectors < UINT32_MAX;
    state->max_norm = index->max_norm;
    state->scales = index->scales;
    state->double_scales = index->double_scales;
    state->offsets = (float *)index->offsets;
    return state->fast && index->head > 0 ? use_integers(state, index, err) : MLSEL_OK;
}

bool mlsel_i_knn_export(const cpu_state *state, knn_index *out) {
    const knn_int8 *int8 = state->int8;
    if (!state->fast || !state->view->knn->normalize)
        return false;
    *out = (knn_index){.max_norm = state->max_norm,
                       .scales = state->scales,
                       .double_scales = state->double_scales,
                       .offsets = state->offsets};
    if (int8 == NULL)
        return true;
    out->head = int8->n_head;
    out->stride = int8->stride;
    out->n_groups = int8->n_groups;
    out->rows = int8->rows;
    out->vectors = int8->vectors;
    out->steps = int8->steps;
    out->row_scales = int8->scales;
    out->row_offsets = int8->offsets;
    out->errors = int8->errors;
    out->sizes = int8->sizes;
    out->group_start = int8->group_start;
    out->group_bounds = int8->group_bounds;
    return true;
}

mlsel_status mlsel_i_knn_prepare_int8(cpu_state *state, mlsel_error *err) {
    const mlsel_knn_view *knn = state->view->knn;
    const size_t n_features = state->view->n_features;
    const float *tails[MAX_GROUPS];
    bool useful;
    if (!state->fast || n_features > MAX_WIDTH || knn->n_vectors * n_features * sizeof(float) < MIN_BYTES)
        return MLSEL_OK;
    const size_t n_tail = choose_tail(knn, n_features), n_head = n_features - n_tail;
    if (!decide(state, n_head, &useful))
        return mlsel_i_no_memory(err);
    if (!useful)
        return MLSEL_OK;
    uint8_t *group_of = mlsel_i_alloc(knn->n_vectors, sizeof *group_of);
    if (group_of == NULL)
        return mlsel_i_no_memory(err);
    const size_t n_groups = find_groups(knn, n_head, n_tail, tails, group_of);
    int8_arrays arrays = {0};
    knn_int8 *int8 = create(state, n_head, n_groups, &arrays);
    mlsel_status status = MLSEL_OK;
    if (int8 == NULL) {
        status = mlsel_i_no_memory(err);
        goto out;
    }
    for (size_t g = 0; g < n_groups; g++) {
        int8->groups[g].tail = tails[g];
        int8->groups[g].tail_squared = state->kernels->sum_squares_f32(tails[g], n_tail);
    }
    sort_by_group(int8, arrays.vectors, knn->n_vectors, group_of);
    fill(state, int8, &arrays);
    store_groups(int8, &arrays);
    state->int8 = int8;
out:
    mlsel_i_free(group_of);
    return status;
}

/* --- one query --------------------------------------------------------------------------------------------------- */

uint32_t mlsel_i_knn_int8_vector(const knn_int8 *int8, size_t row) { return int8->vectors[row]; }

size_t mlsel_i_knn_int8_scratch(const knn_int8 *int8) { return int8 == NULL ? 0 : int8->stride; }

typedef struct int8_query {
    const int8_t *integers;
    float step;
    float error; /* |f| */
    float norm;  /* of the head */
    float slack; /* for what is rounded to float on the way */
    float base;  /* |q|^2 */
} int8_query;

/* What the query and a group come to. */
typedef struct group_visit {
    size_t group;
    double dot;   /* of the tails, before the vectors' scales */
    double lower; /* of the distances */
} group_visit;

static double squared_gap(double x, double low, double high) {
    const double gap = x < low ? low - x : x > high ? x - high : 0;
    return gap * gap;
}

/* |q - x|^2 is that of the heads, at least the squared difference of their norms, plus that of the tails, a parabola in
 * the scale. */
static group_visit plan_visit(const scan *s, const knn_int8 *int8, size_t g, double head, double tail_squared) {
    const knn_group *group = &int8->groups[g];
    const double *tail = s->q + int8->n_head;
    group_visit v = {.group = g};
    for (size_t i = 0; i < int8->n_tail; i++)
        v.dot += tail[i] * (double)group->tail[i];
    double scale = v.dot > 0 ? group->max_scale : group->min_scale;
    if (group->tail_squared > 0)
        scale = fmin(fmax(v.dot / group->tail_squared, group->min_scale), group->max_scale);
    const double tails = tail_squared + scale * (scale * group->tail_squared - 2 * v.dot);
    const double x = s->state->view->knn->normalize ? 1 : s->state->max_norm;
    v.lower = squared_gap(head, group->min_head, group->max_head) + tails - 1e-9 * (x + s->norm) * (x + s->norm);
    return v;
}

static size_t plan(const scan *s, const knn_int8 *int8, double head, group_visit visits[MAX_GROUPS]) {
    const double tail_squared = s->state->kernels->sum_squares(s->q + int8->n_head, int8->n_tail);
    for (size_t g = 0; g < int8->n_groups; g++) {
        const group_visit v = plan_visit(s, int8, g, head, tail_squared);
        size_t at = g;
        for (; at > 0 && visits[at - 1].lower > v.lower; at--)
            visits[at] = visits[at - 1];
        visits[at] = v;
    }
    return int8->n_groups;
}

static void scan_group(scan *s, const knn_int8 *int8, const int8_query *q, const group_visit *visit) {
    const knn_group *group = &int8->groups[visit->group];
    const float tail = (float)visit->dot;
    int32_t dots[DOTS_BLOCK];
    float lower[DOTS_BLOCK], errors[DOTS_BLOCK];
    const size_t end = group->first + group->count < s->end ? group->first + group->count : (size_t)s->end;
    for (size_t first = group->first > s->begin ? group->first : (size_t)s->begin; first < end; first += DOTS_BLOCK) {
        const size_t left = end - first;
        const size_t count = left < DOTS_BLOCK ? left : DOTS_BLOCK;
        s->state->kernels->dots_i8(int8->rows + first * int8->stride, int8->stride, count, q->integers, int8->stride,
                                   dots);
        for (size_t i = 0; i < count; i++) {
            const size_t at = first + i;
            const float dot = int8->steps[at] * (q->step * (float)dots[i]) + int8->scales[at] * tail;
            errors[i] = int8->errors[at] * q->norm + int8->sizes[at] * q->error + q->slack;
            lower[i] = ((q->base + int8->offsets[at]) - dot) - errors[i];
        }
        for (size_t i = 0; i < count; i++)
            if ((double)lower[i] <= s->limit)
                mlsel_i_scan_add(s, lower[i], lower[i] + 2 * errors[i], int8->vectors[first + i]);
    }
}

/*
 * The slack covers what is rounded to float in an interval. |s c| <= 2 |x| and |t d| <= 2 |q| even where the error is
 * as large as the vector, so no term is above 4 (|x| + |q|)^2, and there are at most 15 roundings, of 2^-24 each, of
 * terms or sums; the query's own rounding to float is part of |f|.
 */
void mlsel_i_knn_scan_int8(scan *s, void *scratch) {
    const knn_int8 *int8 = s->state->int8;
    const double x = s->state->view->knn->normalize ? 1 : s->state->max_norm;
    const double head = sqrt(s->state->kernels->sum_squares(s->q, int8->n_head));
    int8_t *integers = scratch;
    group_visit visits[MAX_GROUPS];
    memset(integers + int8->n_head, 0, int8->stride - int8->n_head);
    const quantisation quantised = quantise(s->narrow, int8->n_head, integers);
    const int8_query q = {.integers = integers,
                          .step = (float)quantised.step,
                          .error = round_up(quantised.error + 0x1p-24 * head),
                          .norm = round_up(head),
                          .slack = (float)(64 * 0x1p-24 * (x + s->norm) * (x + s->norm) + 1e-12),
                          .base = (float)(s->norm * s->norm)};
    const size_t n_visits = plan(s, int8, head, visits);
    for (size_t i = 0; i < n_visits && visits[i].lower <= s->limit; i++)
        scan_group(s, int8, &q, &visits[i]);
}
