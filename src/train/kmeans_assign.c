/* SPDX-License-Identifier: Apache-2.0 */
/* Assigning rows to their nearest centroids: bounds first, then estimates, then exact distances. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kmeans_engine.h"

enum {
    DENSE = PANEL_WIDTH / 2, /* rows of a block from which it is measured as a whole */
    QUAD_CLUSTERS = 16,      /* up to which rows from several blocks are not laid out as a panel */
    TIGHTEN_FROM = 16,       /* clusters from which a block's upper bounds are tightened before */
    FEW_SHARE = 8            /* a row that may belong to less than this part of the clusters is measured by itself */
};

static const double unit = 0x1p-24;

void mlsel_i_kmeans_pack(const engine *e, const uint32_t *rows, size_t count, float *panel) {
    const float *queries[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        queries[j] = row_of(e, rows[j < count ? j : count - 1]);
    (void)e->kernels->panel->pack(queries, e->rows->n_features, panel);
}

void mlsel_i_kmeans_pack_block(const engine *e, size_t block, float *panel) {
    uint32_t rows[PANEL_WIDTH];
    const size_t count = block_rows(e, block);
    for (size_t j = 0; j < count; j++)
        rows[j] = (uint32_t)(block * PANEL_WIDTH + j);
    mlsel_i_kmeans_pack(e, rows, count, panel);
}

void mlsel_i_kmeans_part(const engine *e, size_t part, size_t *first, size_t *end) {
    *first = e->n_blocks * part / e->n_parts;
    *end = e->n_blocks * (part + 1) / e->n_parts;
}

/* --- exact -------------------------------------------------------------------------------------------------------- */

static double strict_distance(const float *x, const float *centroid, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = (double)x[i] - (double)centroid[i];
        sum += difference * difference;
    }
    return sum;
}

uint32_t mlsel_i_nearest_centroid(const float *x, const float *centroids, size_t k, size_t stride, size_t n_features,
                                  double *squared) {
    uint32_t best = 0;
    double least = INFINITY;
    for (size_t c = 0; c < k; c++) {
        const double distance = strict_distance(x, centroids + c * stride, n_features);
        if (distance < least) {
            least = distance;
            best = (uint32_t)c;
        }
    }
    if (squared != NULL)
        *squared = least;
    return best;
}

double mlsel_i_kmeans_distance(const engine *e, size_t row, const double *centroid) {
    return e->kernels->squared_distance(row_of(e, row), 1, centroid, e->rows->n_features);
}

/*
 * The nearest of the clusters whose estimate is at most `limit`; estimates are `step` apart. Two sums of n squares in
 * double differ by less than 2 (n + 2) u of either (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
 * section 3.1): only what is closer than that needs the rule's own sum.
 */
static uint32_t settle(const engine *e, const start_state *s, size_t row, const float *estimates, size_t step,
                       float limit) {
    const size_t k = s->result->k, n = e->rows->n_features, stride = e->rows->stride;
    double least = INFINITY;
    for (size_t c = 0; c < k; c++)
        if (estimates[c * step] <= limit)
            least = fmin(least, mlsel_i_kmeans_distance(e, row, s->exact + c * n));
    const double gap = least * (1 + 0x1p-50 * (double)(n + 8));
    double nearest = INFINITY;
    uint32_t best = 0;
    for (size_t c = 0; c < k; c++) {
        if (!(estimates[c * step] <= limit) || mlsel_i_kmeans_distance(e, row, s->exact + c * n) > gap)
            continue;
        const double distance = strict_distance(row_of(e, row), s->result->centroids + c * stride, n);
        if (distance < nearest) {
            nearest = distance;
            best = (uint32_t)c;
        }
    }
    return best;
}

/* --- estimates ---------------------------------------------------------------------------------------------------- */

/* Bound on the error of an estimate: of twice the dot product, and of the sums of squares and their sum in float. */
static inline float estimate_error(float dots_error, float norm, float reach) {
    return 1.001F * (2 * dots_error * norm * reach + 8 * (float)unit * (norm + reach) * (norm + reach));
}

/* A distance from a squared one, not less or not more. */
static inline float root_up(float squared) { return sqrtf(squared) * (1 + 2 * (float)unit); }
static inline float root_down(float squared) { return sqrtf(squared > 0 ? squared : 0) * (1 - 2 * (float)unit); }

static inline float *lower_of(const start_state *s, size_t row) {
    return s->lower + row / PANEL_WIDTH * s->result->k * PANEL_WIDTH + row % PANEL_WIDTH;
}

/* What is known of the columns of a panel. */
typedef struct column_state {
    float squares[PANEL_WIDTH], errors[PANEL_WIDTH];
    float best[PANEL_WIDTH], second[PANEL_WIDTH];
    uint32_t which[PANEL_WIDTH];
} column_state;

/* Dot products become estimates, and the two nearest are found. */
static void estimate(const start_state *s, column_state *columns, float *values) {
    float best[PANEL_WIDTH], second[PANEL_WIDTH];
    uint32_t which[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        best[j] = second[j] = FLT_MAX;
        which[j] = 0;
    }
    for (uint32_t c = 0; c < s->result->k; c++) {
        const float square = s->squares[c];
        float *row = values + (size_t)c * PANEL_WIDTH;
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            const float x = (columns->squares[j] + square) - 2 * row[j];
            const float larger = x > best[j] ? x : best[j];
            row[j] = x;
            second[j] = larger < second[j] ? larger : second[j];
            which[j] = x < best[j] ? c : which[j];
            best[j] = x < best[j] ? x : best[j];
        }
    }
    memcpy(columns->best, best, sizeof best);
    memcpy(columns->second, second, sizeof second);
    memcpy(columns->which, which, sizeof which);
}

/* Lower bounds of a whole block. */
static void bound_block(const start_state *s, const column_state *columns, const float *values, float *lower) {
    for (size_t c = 0; c < s->result->k; c++)
        for (size_t j = 0; j < PANEL_WIDTH; j++)
            lower[c * PANEL_WIDTH + j] = root_down(values[c * PANEL_WIDTH + j] - columns->errors[j]);
}

static void bound_row(const start_state *s, size_t row, const float *values, float error) {
    float *lower = lower_of(s, row);
    for (size_t c = 0; c < s->result->k; c++)
        lower[c * PANEL_WIDTH] = root_down(values[c * PANEL_WIDTH] - error);
}

/* Takes the dot products of some rows, those listed or else a block's from `first` on, to labels and bounds. */
static void measure(const engine *e, start_state *s, const uint32_t *rows, size_t first, size_t count, float dots_error,
                    float *values) {
    const size_t k = s->result->k;
    column_state columns;
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        const size_t row = rows == NULL ? first + (j < count ? j : 0) : rows[j < count ? j : 0];
        columns.squares[j] = e->squares[row];
        columns.errors[j] = estimate_error(dots_error, e->norms[row], s->reach);
    }
    estimate(s, &columns, values);
    const bool is_whole = rows == NULL && count == PANEL_WIDTH;
    if (is_whole)
        bound_block(s, &columns, values, s->lower + first * k);
    for (size_t j = 0; j < count; j++) {
        const size_t row = rows == NULL ? first + j : rows[j];
        const float limit = columns.best[j] + 2 * columns.errors[j];
        uint32_t label = columns.which[j];
        if (s->upper[row] < 0)
            continue; /* has no weight, and is assigned at the end */
        if (columns.second[j] <= limit)
            label = settle(e, s, row, values + j, PANEL_WIDTH, limit);
        if (!is_whole)
            bound_row(s, row, values + j, columns.errors[j]);
        s->result->labels[row] = label;
        s->upper[row] = root_up(fmaxf(values[(size_t)label * PANEL_WIDTH + j], 0) + columns.errors[j]);
        lower_of(s, row)[(size_t)label * PANEL_WIDTH] = FLT_MAX;
    }
}

static void measure_panel(const engine *e, start_state *s, const float *panel, const uint32_t *rows, size_t first,
                          size_t count, float *values) {
    e->kernels->panel->dots(s->result->centroids, e->rows->stride, s->result->k, panel, e->rows->n_features, count,
                            values);
    measure(e, s, rows, first, count, e->panel_error, values);
}

/* Rows from several blocks and few clusters: four rows at a time as they are, which saves laying them out. */
static void measure_quads(const engine *e, start_state *s, const uint32_t *rows, size_t count, float *values) {
    const size_t k = s->result->k;
    float dots[QUAD * QUAD_CLUSTERS];
    for (size_t j = 0; j < count; j += QUAD) {
        const float *queries[QUAD];
        for (size_t i = 0; i < QUAD; i++)
            queries[i] = row_of(e, rows[j + i < count ? j + i : count - 1]);
        e->kernels->panel->quad_dots(s->result->centroids, e->rows->stride, k, queries, e->rows->n_features, dots, k);
        for (size_t c = 0; c < k; c++)
            for (size_t i = 0; i < QUAD; i++)
                values[c * PANEL_WIDTH + j + i] = dots[i * k + c];
    }
    measure(e, s, rows, 0, count, e->quad_error, values);
}

static void flush(const engine *e, part_scratch *p, size_t start) {
    start_state *s = &e->starts[start];
    const size_t count = p->n_pending[start];
    if (count == 0)
        return;
    p->n_pending[start] = 0;
    if (s->result->k <= QUAD_CLUSTERS) {
        measure_quads(e, s, p->pending[start], count, p->values);
        return;
    }
    mlsel_i_kmeans_pack(e, p->pending[start], count, p->gather);
    measure_panel(e, s, p->gather, p->pending[start], 0, count, p->values);
}

/* --- rows by themselves ------------------------------------------------------------------------------------------- */

static float estimate_one(const engine *e, const start_state *s, size_t row, size_t c) {
    float dot;
    e->kernels->dots(s->result->centroids + c * e->rows->stride, e->rows->stride, 1, row_of(e, row),
                     e->rows->n_features, &dot);
    return (e->squares[row] + s->squares[c]) - 2 * dot;
}

/* How many other centroids the row may be nearer to. */
static size_t count_rivals(const start_state *s, const float *lower, float upper) {
    size_t n = 0;
    for (size_t c = 0; c < s->result->k; c++)
        n += lower[c * PANEL_WIDTH] <= upper;
    return n;
}

/* Measures the few clusters that are in question. `own` is the estimate of the row's own. */
static void measure_rivals(const engine *e, start_state *s, size_t row, float own, float error, float *values) {
    const size_t k = s->result->k;
    const uint32_t label = s->result->labels[row];
    float *lower = lower_of(s, row);
    const float upper = s->upper[row];
    float best = own, second = FLT_MAX;
    uint32_t which = label;
    for (size_t c = 0; c < k; c++) {
        values[c] = c == label ? own : FLT_MAX;
        if (!(lower[c * PANEL_WIDTH] <= upper))
            continue;
        const float x = values[c] = estimate_one(e, s, row, c);
        lower[c * PANEL_WIDTH] = root_down(x - error);
        second = fminf(second, fmaxf(x, best));
        if (x < best) {
            best = x;
            which = (uint32_t)c;
        }
    }
    const float limit = best + 2 * error;
    if (second <= limit)
        which = settle(e, s, row, values, 1, limit);
    lower[(size_t)label * PANEL_WIDTH] = root_down(own - error);
    lower[(size_t)which * PANEL_WIDTH] = FLT_MAX;
    s->upper[row] = root_up(fmaxf(values[which], 0) + error);
    s->result->labels[row] = which;
}

/* A row whose bounds meet: with its distance to its own centroid, do they still? */
static void examine(const engine *e, part_scratch *p, size_t start, size_t row) {
    start_state *s = &e->starts[start];
    const uint32_t label = s->result->labels[row];
    const float own = estimate_one(e, s, row, label);
    const float error = estimate_error(e->dots_error, e->norms[row], s->reach);
    s->upper[row] = fminf(s->upper[row], root_up(fmaxf(own, 0) + error));
    const size_t n = count_rivals(s, lower_of(s, row), s->upper[row]);
    if (n == 0)
        return;
    if (n * FEW_SHARE <= s->result->k) {
        measure_rivals(e, s, row, own, error, p->values);
        return;
    }
    p->pending[start][p->n_pending[start]++] = (uint32_t)row;
    if (p->n_pending[start] == PANEL_WIDTH)
        flush(e, p, start);
}

/* Without estimates, for rows whose squares float cannot hold. */
static void measure_exactly(const engine *e, start_state *s, size_t row) {
    s->result->labels[row] = mlsel_i_nearest_centroid(row_of(e, row), s->result->centroids, s->result->k,
                                                      e->rows->stride, e->rows->n_features, NULL);
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

/* Moves the bounds of a block by what the centroids moved. Returns a bit for each row whose bounds meet. */
static uint32_t move_bounds(start_state *s, size_t block) {
    const size_t k = s->result->k, first = block * PANEL_WIDTH;
    float *lower = s->lower + first * k, *upper = s->upper + first;
    const uint32_t *labels = s->result->labels + first;
    float least[PANEL_WIDTH];
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        least[j] = FLT_MAX;
    for (size_t c = 0; c < k; c++) {
        const float moved = s->moved[c];
        float *row = lower + c * PANEL_WIDTH;
        for (size_t j = 0; j < PANEL_WIDTH; j++) {
            row[j] -= moved;
            least[j] = row[j] < least[j] ? row[j] : least[j];
        }
    }
    uint32_t meet = 0;
    for (size_t j = 0; j < PANEL_WIDTH; j++) {
        upper[j] = upper[j] < 0 ? upper[j] : upper[j] + s->moved[labels[j]];
        meet |= (uint32_t)(least[j] <= upper[j]) << j;
    }
    return meet;
}

static size_t count_bits(uint32_t bits) {
    size_t n = 0;
    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

static void visit(const engine *e, part_scratch *p, size_t start, size_t block) {
    start_state *s = &e->starts[start];
    const size_t first = block * PANEL_WIDTH, k = s->result->k;
    const uint32_t meet = move_bounds(s, block);
    const bool is_dense = count_bits(meet) >= DENSE && (s->anew || k < TIGHTEN_FROM);
    if (meet == 0)
        return;
    if (e->tame && is_dense) {
        if (!p->packed)
            mlsel_i_kmeans_pack_block(e, block, p->panel);
        p->packed = true;
        measure_panel(e, s, p->panel, NULL, first, block_rows(e, block), p->values);
        return;
    }
    for (size_t j = 0; j < PANEL_WIDTH; j++)
        if ((meet >> j & 1) != 0) {
            if (e->tame)
                examine(e, p, start, first + j);
            else
                measure_exactly(e, s, first + j);
        }
}

/* A share of the next block, while a start is busy with this one. */
static void prefetch_share(const engine *e, size_t block, size_t start) {
    const size_t n = block_rows(e, block), first = n * start / e->n_starts, end = n * (start + 1) / e->n_starts;
    for (size_t j = first; j < end; j++)
        prefetch(row_of(e, block * PANEL_WIDTH + j), e->rows->n_features);
}

static void assign_part(void *context, size_t part) {
    const engine *e = context;
    part_scratch *p = &e->parts[part];
    size_t first, end;
    mlsel_i_kmeans_part(e, part, &first, &end);
    for (size_t block = first; block < end; block++) {
        const bool is_needed = p->packed; /* as the last block was, the next one will be, most likely */
        p->packed = false;
        for (size_t i = 0; i < e->n_starts; i++) {
            if (is_needed && block + 1 < end)
                prefetch_share(e, block + 1, i);
            if (e->starts[i].active)
                visit(e, p, i, block);
        }
    }
    p->packed = false;
    for (size_t i = 0; i < e->n_starts; i++)
        flush(e, p, i);
}

void mlsel_i_kmeans_assign(engine *e) { mlsel_i_team_run(e->run->team, assign_part, e, e->n_parts); }
