/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters that are tasks or categories: which groups there are, their centroids, and what becomes of them. */
#include <math.h>
#include <string.h>

#include "heap_expect.h"
#include "support.h"
#include "train/kmeans.h"

enum { QUERIES = 66, STRIDE = 16, FEATURES = 4, CATEGORIES = 2, MODELS = 2 };

/* Queries of three tasks, of 30, 30 and 6; the first value tells the first two apart, the category is always the first
 * one. In the first task the first model is right, in the second the second. */
typedef struct world {
    float x[QUERIES][STRIDE];
    double utility[QUERIES][MODELS];
    uint32_t tasks[QUERIES];
    train_table table;
} world;

static void make_world(world *w) {
    memset(w, 0, sizeof *w);
    for (size_t q = 0; q < QUERIES; q++) {
        const uint32_t task = q < 30 ? 0 : q < 60 ? 1 : 2;
        w->tasks[q] = task;
        w->x[q][0] = task == 0 ? 1.0f : -1.0f;
        w->x[q][1] = (float)(q % 3) * 0.25f;
        w->x[q][FEATURES - CATEGORIES] = 1;
        w->utility[q][task == 0 ? 0 : 1] = 1;
    }
    w->table = (train_table){.n_queries = QUERIES,
                             .n_models = MODELS,
                             .n_features = FEATURES,
                             .stride = STRIDE,
                             .x = w->x[0],
                             .utility = w->utility[0],
                             .n_categories = CATEGORIES,
                             .tasks = w->tasks,
                             .n_tasks = 3};
}

static size_t find_groups(world *w, uint32_t *groups) {
    mlsel_error err = {0};
    train_run run = {.err = &err};
    size_t n = 99;
    test_ok(mlsel_i_kmeans_groups(&w->table, &run, groups, &n), &err);
    assert_true(run.bytes == 0);
    return n;
}

/* Two large tasks; the small one is the rest. */
static void tasks_are_groups(void **state) {
    (void)state;
    world w;
    uint32_t groups[QUERIES];
    make_world(&w);
    assert_int_equal(find_groups(&w, groups), 3);
    for (size_t q = 0; q < QUERIES; q++)
        assert_int_equal(groups[q], w.tasks[q]);
}

/* One task says nothing: then categories do, if there are two large ones. */
static void categories_are_groups(void **state) {
    (void)state;
    world w;
    uint32_t groups[QUERIES];
    make_world(&w);
    w.table.n_tasks = 1;
    assert_int_equal(find_groups(&w, groups), 0);
    for (size_t q = 0; q < QUERIES; q += 2) {
        w.x[q][FEATURES - CATEGORIES] = 0;
        w.x[q][FEATURES - 1] = 0.5f;
    }
    assert_int_equal(find_groups(&w, groups), 2);
    for (size_t q = 0; q < QUERIES; q++)
        assert_int_equal(groups[q], q % 2 == 0 ? 1 : 0);
    w.table.n_categories = 0;
    assert_int_equal(find_groups(&w, groups), 0);
}

/* Centroids are means of the groups' queries, those held out excepted; labels are the nearest centroids. */
static void centroids_are_means(void **state) {
    (void)state;
    world w;
    uint32_t groups[QUERIES];
    double weights[QUERIES];
    mlsel_error err = {0};
    train_run run = {.err = &err};
    clustering c;
    make_world(&w);
    const size_t n = find_groups(&w, groups);
    for (size_t q = 0; q < QUERIES; q++)
        weights[q] = q < 27 || q >= 30 ? 1 : 0;
    const cluster_rows rows = {w.x[0], STRIDE, QUERIES, FEATURES, weights};
    test_ok(mlsel_i_cluster_groups(&rows, groups, n, &run, &c), &err);
    assert_int_equal(c.k, 3);
    test_close((double)c.centroids[0], 1, 0, "first task");
    test_close((double)c.centroids[1], 0.25, 1e-7, "first task: 27 queries, nine of each value");
    test_close((double)c.centroids[STRIDE], -1, 0, "second task");
    for (size_t q = 0; q < QUERIES; q++)
        assert_true((c.labels[q] == 0) == (q < 30)); /* also those held out */
    mlsel_i_clustering_free(&run, &c, 1);
    assert_true(run.bytes == 0);
}

/* A group without a training query has no centroid. */
static void empty_groups_vanish(void **state) {
    (void)state;
    world w;
    uint32_t groups[QUERIES];
    double weights[QUERIES];
    mlsel_error err = {0};
    train_run run = {.err = &err};
    clustering c;
    make_world(&w);
    const size_t n = find_groups(&w, groups);
    for (size_t q = 0; q < QUERIES; q++)
        weights[q] = q >= 30;
    const cluster_rows rows = {w.x[0], STRIDE, QUERIES, FEATURES, weights};
    test_ok(mlsel_i_cluster_groups(&rows, groups, n, &run, &c), &err);
    assert_int_equal(c.k, 2);
    mlsel_i_clustering_free(&run, &c, 1);
}

static void allocations_may_fail(void **state) {
    (void)state;
    world w;
    uint32_t groups[QUERIES];
    double weights[QUERIES];
    make_world(&w);
    for (size_t q = 0; q < QUERIES; q++)
        weights[q] = 1;
    w.table.n_tasks = 1;
    w.x[0][FEATURES - CATEGORIES] = 0;
    const cluster_rows rows = {w.x[0], STRIDE, QUERIES, FEATURES, weights};
    for (size_t i = 0, refused = 1; refused > 0; i++) {
        mlsel_error err = {0};
        train_run run = {.err = &err};
        clustering c;
        size_t n;
        heap_fail_begin(i, false);
        mlsel_status status = mlsel_i_kmeans_groups(&w.table, &run, groups, &n);
        for (size_t q = 0; q < QUERIES; q++)
            groups[q] = 0;
        if (status == MLSEL_OK)
            status = mlsel_i_cluster_groups(&rows, groups, 1, &run, &c);
        refused = heap_fail_expect(status);
        if (status == MLSEL_OK)
            mlsel_i_clustering_free(&run, &c, 1);
        assert_true(run.bytes == 0);
        assert_true(i < 20);
    }
}

static int32_t cancel(const mlsel_train_progress *progress, void *user) {
    assert_true(progress->done <= progress->total);
    return --*(int *)user <= 0;
}

/* Many queries come in rounds, whose results threads do not change; the caller can end them. */
static void rounds(void **state) {
    enum { MANY = 5000, GROUPS = 5 };
    mlsel_error err = {0};
    random_state r;
    (void)state;
    float *x = mlsel_i_calloc(MANY, STRIDE * sizeof *x);
    double *weights = mlsel_i_alloc(MANY, sizeof *weights);
    uint32_t *groups = mlsel_i_alloc(MANY, sizeof *groups);
    mlsel_i_random_seed(&r, 1, 1);
    for (size_t q = 0; q < MANY; q++) {
        groups[q] = (uint32_t)mlsel_i_random_below(&r, GROUPS);
        weights[q] = groups[q] == 3 ? 0 : (double)(1 + q % 3);
        for (size_t i = 0; i < FEATURES; i++)
            x[q * STRIDE + i] = (float)(groups[q] + mlsel_i_random_normal(&r));
    }
    const cluster_rows rows = {x, STRIDE, MANY, FEATURES, weights};
    clustering alone, together, none;
    train_run run = {.err = &err};
    test_ok(mlsel_i_cluster_groups(&rows, groups, GROUPS, &run, &alone), &err);
    assert_int_equal(alone.k, GROUPS - 1);
    test_ok(mlsel_i_team_create(3, &run.team, &err), &err);
    test_ok(mlsel_i_cluster_groups(&rows, groups, GROUPS, &run, &together), &err);
    assert_memory_equal(alone.labels, together.labels, MANY * sizeof *alone.labels);
    assert_memory_equal(alone.centroids, together.centroids, alone.k * STRIDE * sizeof *alone.centroids);
    assert_memory_equal(&alone.inertia, &together.inertia, sizeof alone.inertia);
    mlsel_i_clustering_free(&run, &alone, 1);
    mlsel_i_clustering_free(&run, &together, 1);
    int calls = 2;
    run.progress = cancel;
    run.user = &calls;
    assert_int_equal(mlsel_i_cluster_groups(&rows, groups, GROUPS, &run, &none), MLSEL_ERROR_CANCELLED);
    assert_int_equal(calls, 0);
    assert_true(run.bytes == 0);
    mlsel_i_team_free(run.team);
    mlsel_i_free(x);
    mlsel_i_free(weights);
    mlsel_i_free(groups);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_groups),     cmocka_unit_test(categories_are_groups),
        cmocka_unit_test(centroids_are_means),  cmocka_unit_test(empty_groups_vanish),
        cmocka_unit_test(allocations_may_fail), cmocka_unit_test(rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
