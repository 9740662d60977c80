/* SPDX-License-Identifier: Apache-2.0 */
/* k-means: against plain Lloyd in double, against scikit-learn, and what must not change a result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap_expect.h"
#include "kmeans_expected.h"
#include "support.h"
#include "train/kmeans_cluster.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

typedef struct row_set {
    cluster_rows rows;
    float *x;
    double *weights;
} row_set;

static row_set make_set(size_t n, size_t d) {
    const size_t stride = (d + 15) / 16 * 16;
    row_set set = {.x = mlsel_i_calloc(n, stride * sizeof *set.x), .weights = mlsel_i_alloc(n, sizeof *set.weights)};
    assert_non_null(set.x);
    assert_non_null(set.weights);
    for (size_t i = 0; i < n; i++)
        set.weights[i] = 1;
    set.rows = (cluster_rows){.x = set.x, .stride = stride, .n = n, .n_features = d, .weights = set.weights};
    return set;
}

static void free_set(row_set *set) {
    mlsel_i_free(set->x);
    mlsel_i_free(set->weights);
}

static uint64_t generator;

static unsigned below(unsigned limit) {
    generator = generator * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((generator >> 33) % limit);
}

/* As make_kmeans.py makes them. */
static row_set make_rows(unsigned n, unsigned d, unsigned groups, unsigned spread) {
    row_set set = make_set(n, d);
    unsigned *centers = malloc((size_t)groups * d * sizeof *centers);
    assert_non_null(centers);
    generator = (uint64_t)n * 1000003 + (uint64_t)d * 1009 + groups;
    for (size_t i = 0; i < (size_t)groups * d; i++)
        centers[i] = below(1000);
    for (size_t r = 0; r < n; r++) {
        const unsigned *center = centers + (size_t)below(groups) * d;
        for (size_t i = 0; i < d; i++)
            set.x[r * set.rows.stride + i] = (float)(center[i] + below(spread));
    }
    free(centers);
    return set;
}

/* --- plain Lloyd -------------------------------------------------------------------------------------------------- */

static double distance(const row_set *set, size_t row, const float *centroid) {
    double sum = 0;
    for (size_t i = 0; i < set->rows.n_features; i++) {
        const double step = (double)set->x[row * set->rows.stride + i] - (double)centroid[i];
        sum += step * step;
    }
    return sum;
}

static size_t assign_plainly(const row_set *set, const float *centroids, size_t k, uint32_t *labels) {
    size_t n_changed = 0;
    for (size_t r = 0; r < set->rows.n; r++) {
        uint32_t best = 0;
        for (uint32_t c = 1; c < k; c++)
            if (distance(set, r, centroids + c * set->rows.stride) <
                distance(set, r, centroids + best * set->rows.stride))
                best = c;
        n_changed += labels[r] != best;
        labels[r] = best;
    }
    return n_changed;
}

static void average_plainly(const row_set *set, float *centroids, size_t k, const uint32_t *labels) {
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < set->rows.n_features; i++) {
            double sum = 0, mass = 0;
            for (size_t r = 0; r < set->rows.n; r++) {
                if (labels[r] != c)
                    continue;
                sum += set->weights[r] * (double)set->x[r * set->rows.stride + i];
                mass += set->weights[r];
            }
            if (mass > 0)
                centroids[c * set->rows.stride + i] = (float)(sum / mass);
        }
}

/* At most `iterations`, or until no label changes; then labels by the last centroids. */
static void lloyd_plainly(const row_set *set, float *centroids, size_t k, unsigned iterations, uint32_t *labels) {
    for (size_t r = 0; r < set->rows.n; r++)
        labels[r] = UINT32_MAX;
    for (unsigned i = 0; i < iterations && assign_plainly(set, centroids, k, labels) > 0; i++)
        average_plainly(set, centroids, k, labels);
    (void)assign_plainly(set, centroids, k, labels);
}

static float *first_rows(const row_set *set, size_t k) {
    float *centroids = mlsel_i_alloc(k, set->rows.stride * sizeof *centroids);
    assert_non_null(centroids);
    memcpy(centroids, set->x, k * set->rows.stride * sizeof *centroids);
    return centroids;
}

/* From the first k rows; labels must be those of the plain algorithm, for every number of iterations. */
static void check_against_plain(const row_set *set, uint32_t k) {
    mlsel_error err;
    uint32_t *labels = calloc(set->rows.n + 1, sizeof *labels);
    assert_non_null(labels);
    static const unsigned iterations[] = {1, 2, 3, 5, 9, 40};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(iterations); i++) {
        train_run run = {.share = 1, .err = &err};
        float *centroids = first_rows(set, k);
        const cluster_settings settings = {.k = k, .n_starts = 1, .max_iterations = iterations[i]};
        clustering out;
        size_t best;
        assert_int_equal(mlsel_i_cluster_from(&set->rows, &settings, centroids, &run, &out, &best), MLSEL_OK);
        lloyd_plainly(set, centroids, k, iterations[i], labels);
        double inertia = 0;
        for (size_t r = 0; r < set->rows.n; r++) {
            assert_int_equal(out.labels[r], labels[r]);
            inertia += set->weights[r] * distance(set, r, centroids + labels[r] * set->rows.stride);
        }
        assert_true(fabs(out.inertia - inertia) <= 1e-6 * inertia);
        assert_true(out.iterations >= 1 && out.iterations <= iterations[i]);
        mlsel_i_clustering_free(&run, &out, 1);
        assert_true(run.bytes == 0);
        mlsel_i_free(centroids);
    }
    free(labels);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void equals_plain_lloyd(void **state) {
    (void)state;
    static const struct {
        unsigned n, d, k;
    } shapes[] = {{1, 1, 1}, {5, 3, 2}, {33, 16, 4}, {200, 70, 8}, {257, 7, 40}, {700, 33, 16}, {900, 130, 64}};
    for (size_t s = 0; s < MLSEL_ARRAY_LENGTH(shapes); s++) {
        row_set set = make_set(shapes[s].n, shapes[s].d);
        random_state random;
        mlsel_i_random_seed(&random, s, 0);
        for (size_t r = 0; r < shapes[s].n; r++)
            for (size_t i = 0; i < shapes[s].d; i++)
                set.x[r * set.rows.stride + i] = (float)(mlsel_i_random_normal(&random) + (double)(r % 5));
        check_against_plain(&set, shapes[s].k);
        free_set(&set);
    }
}

/* Far from the origin, estimates in float say nothing: all is measured in double. */
static void equals_plain_lloyd_far_out(void **state) {
    (void)state;
    row_set set = make_rows(150, 9, 4, 30);
    for (size_t i = 0; i < set.rows.n * set.rows.stride; i++)
        set.x[i] += i % set.rows.stride < 9 ? 1e6F : 0;
    check_against_plain(&set, 6);
    for (size_t i = 0; i < set.rows.n * set.rows.stride; i++)
        set.x[i] *= 1e28F; /* squares beyond the range of float */
    check_against_plain(&set, 6);
    free_set(&set);
}

/* Few values: many rows are equal, and many are equally far from several centroids. */
static void equals_plain_lloyd_with_ties(void **state) {
    (void)state;
    static const unsigned widths[] = {1, 2, 3, 20};
    for (size_t w = 0; w < MLSEL_ARRAY_LENGTH(widths); w++) {
        row_set set = make_rows(300, widths[w], 1, 3);
        for (size_t r = 0; r < set.rows.n; r++)
            set.weights[r] = (double)(1 + r % 4);
        /* no cluster may become empty, which plain Lloyd does not know: the first rows are all different */
        for (size_t r = 0; r < 3; r++)
            set.x[r * set.rows.stride] = (float)(10 * r);
        check_against_plain(&set, 3);
        free_set(&set);
    }
}

static uint64_t checksum(const uint32_t *labels, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + labels[i] + 1 + i % 7;
    return sum;
}

static void equals_scikit_learn(void **state) {
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(from_cases); i++) {
        const unsigned k = from_cases[i].k, far = from_cases[i].far;
        row_set set = make_rows(from_cases[i].n, from_cases[i].d, from_cases[i].groups, from_cases[i].spread);
        mlsel_error err;
        train_run run = {.share = 1, .err = &err};
        float *centroids = first_rows(&set, k);
        for (size_t c = k - far; c < k; c++)
            for (size_t f = 0; f < set.rows.n_features; f++)
                centroids[c * set.rows.stride + f] = (float)(5000 + c - (k - far));
        for (size_t r = 0; r < set.rows.n; r++)
            set.weights[r] = (double)(r % 3 + 1);
        const cluster_settings settings = {.k = k, .n_starts = 1, .max_iterations = 300, .tolerance = 1e-4};
        clustering out;
        size_t best;
        assert_int_equal(mlsel_i_cluster_from(&set.rows, &settings, centroids, &run, &out, &best), MLSEL_OK);
        assert_int_equal(out.iterations, from_cases[i].iterations);
        assert_true(fabs(out.inertia - from_cases[i].inertia) <= 1e-6 * from_cases[i].inertia);
        assert_true(checksum(out.labels, set.rows.n) == from_cases[i].labels);
        mlsel_i_clustering_free(&run, &out, 1);
        mlsel_i_free(centroids);
        free_set(&set);
    }
}

static void is_as_good_as_scikit_learn(void **state) {
    (void)state;
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(best_cases); i++) {
        row_set set = make_rows(best_cases[i].n, best_cases[i].d, best_cases[i].groups, best_cases[i].spread);
        double inertias[5];
        for (uint64_t seed = 0; seed < MLSEL_ARRAY_LENGTH(inertias); seed++) {
            mlsel_error err;
            train_run run = {.share = 1, .err = &err};
            const cluster_settings settings = {
                .k = best_cases[i].k, .n_starts = 10, .max_iterations = 300, .tolerance = 1e-4, .seed = seed};
            clustering out[10];
            size_t best;
            assert_int_equal(mlsel_i_cluster(&set.rows, &settings, &run, out, &best), MLSEL_OK);
            for (size_t s = 0; s < MLSEL_ARRAY_LENGTH(out); s++)
                assert_true(out[best].inertia <= out[s].inertia);
            /* insertion, for the median */
            size_t at = (size_t)seed;
            for (; at > 0 && inertias[at - 1] > out[best].inertia; at--)
                inertias[at] = inertias[at - 1];
            inertias[at] = out[best].inertia;
            mlsel_i_clustering_free(&run, out, MLSEL_ARRAY_LENGTH(out));
        }
        /* a median of five is not the expectation: on rows without groups of their own it moves by a percent */
        const double slack = best_cases[i].groups == best_cases[i].k ? 1e-9 : 0.01;
        assert_true(inertias[2] <= best_cases[i].inertia * (1 + slack));
        free_set(&set);
    }
}

/* Rows that repeat are the same as rows that weigh more, and rows of no weight are assigned and change nothing. */
static void weights_are_repetitions(void **state) {
    (void)state;
    enum { N = 90, D = 5, K = 4 };
    row_set once = make_rows(N, D, 5, 400), often = make_set(3 * (size_t)N, D);
    mlsel_error err;
    train_run run = {.share = 1, .err = &err};
    for (size_t r = 0; r < N; r++) {
        once.weights[r] = (double)(r % 3);
        for (size_t copy = 0; copy < 3; copy++) {
            memcpy(often.x + (3 * r + copy) * often.rows.stride, once.x + r * once.rows.stride,
                   once.rows.stride * sizeof *once.x);
            often.weights[3 * r + copy] = copy < r % 3 ? 1 : 0;
        }
    }
    float *centroids = first_rows(&once, K);
    const cluster_settings settings = {.k = K, .n_starts = 1, .max_iterations = 300, .tolerance = 1e-4};
    clustering a, b;
    size_t best;
    assert_int_equal(mlsel_i_cluster_from(&once.rows, &settings, centroids, &run, &a, &best), MLSEL_OK);
    assert_int_equal(mlsel_i_cluster_from(&often.rows, &settings, centroids, &run, &b, &best), MLSEL_OK);
    assert_memory_equal(a.centroids, b.centroids, K * once.rows.stride * sizeof *a.centroids);
    assert_true(a.iterations > 1 && a.iterations == b.iterations);
    for (size_t r = 0; r < N; r++) {
        assert_int_equal(a.labels[r], b.labels[3 * r]);
        assert_int_equal(a.labels[r], mlsel_i_nearest_centroid(once.x + r * once.rows.stride, a.centroids, K,
                                                               once.rows.stride, D, NULL));
    }
    mlsel_i_clustering_free(&run, &a, 1);
    mlsel_i_clustering_free(&run, &b, 1);
    mlsel_i_free(centroids);
    free_set(&once);
    free_set(&often);
}

static void threads_change_nothing(void **state) {
    (void)state;
    enum { STARTS = 20, K = 24 }; /* more starts than go in step */
    row_set set = make_rows(900, 37, 9, 700);
    mlsel_error err;
    train_run one = {.share = 1, .err = &err}, four = one;
    clustering a[STARTS], b[STARTS];
    size_t best_a, best_b;
    const cluster_settings settings = {.k = K, .n_starts = STARTS, .max_iterations = 300, .tolerance = 1e-4, .seed = 3};
    assert_int_equal(mlsel_i_team_create(4, &four.team, &err), MLSEL_OK);
    assert_int_equal(mlsel_i_cluster(&set.rows, &settings, &one, a, &best_a), MLSEL_OK);
    assert_int_equal(mlsel_i_cluster(&set.rows, &settings, &four, b, &best_b), MLSEL_OK);
    assert_int_equal(best_a, best_b);
    size_t n_different = 0;
    for (size_t s = 0; s < STARTS; s++) {
        assert_memory_equal(a[s].centroids, b[s].centroids, K * set.rows.stride * sizeof *a[s].centroids);
        assert_memory_equal(a[s].labels, b[s].labels, set.rows.n * sizeof *a[s].labels);
        assert_true(a[s].inertia == b[s].inertia && a[s].iterations == b[s].iterations);
        n_different += a[s].inertia != a[0].inertia;
    }
    assert_true(n_different > STARTS / 2); /* the starts are not the same one */
    mlsel_i_clustering_free(&one, a, STARTS);
    mlsel_i_clustering_free(&four, b, STARTS);
    mlsel_i_team_free(four.team);
    free_set(&set);
}

/* Fewer different rows than clusters: as many clusters as there are, each a row. */
static void few_distinct_rows(void **state) {
    (void)state;
    static const size_t distinct[] = {1, 3};
    for (size_t i = 0; i < MLSEL_ARRAY_LENGTH(distinct); i++) {
        row_set set = make_set(50, 6);
        for (size_t r = 0; r < set.rows.n; r++)
            for (size_t f = 0; f < 6; f++)
                set.x[r * set.rows.stride + f] = (float)(r % distinct[i]) + 0.1F * (float)f;
        mlsel_error err;
        train_run run = {.share = 1, .err = &err};
        const cluster_settings settings = {.k = 8, .n_starts = 3, .max_iterations = 300, .tolerance = 1e-4};
        clustering out[3];
        size_t best;
        assert_int_equal(mlsel_i_cluster(&set.rows, &settings, &run, out, &best), MLSEL_OK);
        assert_int_equal(out[best].k, distinct[i]);
        /* the mean of equal floats is a sum in double, divided and rounded */
        assert_true(out[best].inertia < 1e-10);
        for (size_t r = 0; r < set.rows.n; r++)
            for (size_t other = 0; other < set.rows.n; other++)
                assert_true((out[best].labels[r] == out[best].labels[other]) ==
                            (r % distinct[i] == other % distinct[i]));
        mlsel_i_clustering_free(&run, out, 3);
        free_set(&set);
    }
}

static void survives_lack_of_memory(void **state) {
    (void)state;
    row_set set = make_rows(70, 5, 3, 90);
    size_t n = 0;
    for (size_t refused = 1; refused > 0; n++) {
        mlsel_error err;
        train_run run = {.share = 1, .err = &err};
        const cluster_settings settings = {.k = 3, .n_starts = 2, .max_iterations = 9, .tolerance = 1e-4};
        clustering out[2];
        size_t best;
        heap_fail_begin(n, false);
        const mlsel_status status = mlsel_i_cluster(&set.rows, &settings, &run, out, &best);
        refused = heap_fail_expect(status);
        if (status == MLSEL_OK)
            mlsel_i_clustering_free(&run, out, 2);
        else
            assert_int_equal(err.code, MLSEL_ERROR_NO_MEMORY);
        assert_true(run.bytes == 0);
    }
    assert_true(n > 20);
    free_set(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_plain_lloyd),           cmocka_unit_test(equals_plain_lloyd_far_out),
        cmocka_unit_test(equals_plain_lloyd_with_ties), cmocka_unit_test(equals_scikit_learn),
        cmocka_unit_test(is_as_good_as_scikit_learn),   cmocka_unit_test(weights_are_repetitions),
        cmocka_unit_test(threads_change_nothing),       cmocka_unit_test(few_distinct_rows),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
