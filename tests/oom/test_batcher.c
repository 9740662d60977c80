/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batchers without memory: making one fails whichever allocation fails, and leaves nothing behind; a query in a group
 * fails like the plain call when there is no workspace for it, and the next one is answered.
 */
#include <string.h>

#include "batcher/batcher.h"
#include "heap.h"
#include "support.h"

enum { PATTERN = 0xa5, WIDTH = 64, MAX_LABELS = 16 };

static const char *const artifacts[] = {FIXTURE("knn_samples.json"), FIXTURE("knn_outcomes_timed.json"),
                                        FIXTURE("kmeans_v2.json"), FIXTURE("svm_rbf_4.json"),
                                        FIXTURE("mlp_pytorch.json")};

static mlsel_model *load(const char *path) {
    mlsel_model *model = NULL;
    mlsel_error err;
    heap_enter(HEAP_NEVER, false);
    test_ok(mlsel_model_load(path, NULL, &model, &err), &err);
    heap_leave();
    return model;
}

static mlsel_batcher_options options_of(uint32_t max_running) {
    mlsel_batcher_options options;
    mlsel_batcher_options_init(&options, sizeof options);
    options.max_running = max_running;
    options.max_wait_us = 1;
    options.allow_rounding = options.always_group = 1;
    return options;
}

static void creating(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(artifacts); i++)
        for (int forever = 0; forever <= 1; forever++) {
            mlsel_model *model = load(artifacts[i]);
            const mlsel_batcher_options options = options_of(3);
            const size_t live = heap_live();
            bool has_failed = true;
            size_t n = 0;
            for (; has_failed; n++) {
                mlsel_batcher *batcher = NULL;
                mlsel_error err;
                memset(&err, PATTERN, sizeof err);
                heap_enter(n, forever != 0);
                const mlsel_status status = mlsel_batcher_create(model, &options, &batcher, &err);
                has_failed = heap_leave();
                assert_int_equal(status, has_failed ? MLSEL_ERROR_NO_MEMORY : MLSEL_OK);
                assert_int_equal(err.code, status);
                assert_string_equal(err.message, has_failed ? "out of memory" : "");
                assert_int_equal(batcher == NULL, has_failed);
                heap_enter(HEAP_NEVER, false);
                mlsel_batcher_release(batcher);
                heap_leave();
                assert_int_equal(heap_live(), live);
                assert_int_equal(atomic_load(&model->references), 1);
            }
            /* itself, and a block per group */
            mlsel_model_info info;
            test_ok(mlsel_model_get_info(model, &info, sizeof info, NULL), NULL);
            assert_int_equal(n - 1, info.algorithm == MLSEL_ALGORITHM_KMEANS ? 1 : 1 + 3 + 4);
            heap_enter(HEAP_NEVER, false);
            mlsel_model_release(model);
            heap_leave();
        }
}

/* A query that expects company leads a group, whose run wants a workspace, and so does the answer of a large model. */
static mlsel_status ask(mlsel_batcher *batcher, size_t n, mlsel_selection *out, mlsel_error *err) {
    static const float query[WIDTH] = {1, 2, 3};
    batcher->expected = 2;
    return mlsel_batcher_select(batcher, query, n, NULL, out, err);
}

static void in_a_group(void **state) {
    (void)state;
    for (size_t i = 0; i < TEST_LENGTH(artifacts); i++) {
        mlsel_model *model = load(artifacts[i]);
        const mlsel_batcher_options options = options_of(1);
        mlsel_batcher *batcher = NULL;
        mlsel_error err;
        mlsel_selection out, before;
        const size_t n = model->artifact->scalars.n_features;
        assert_in_range(n, 3, WIDTH);
        heap_enter(HEAP_NEVER, false);
        test_ok(mlsel_batcher_create(model, &options, &batcher, &err), &err);
        workspace *taken = mlsel_i_workspace_take(model, NULL);
        heap_leave();
        model->layout_of_one.end = SIZE_MAX; /* as of a larger model */
        memset(&out, PATTERN, sizeof out);
        before = out;
        for (int forever = 0; forever <= 1; forever++) {
            const size_t live = heap_live();
            heap_enter(0, forever != 0);
            assert_int_equal(ask(batcher, n, &out, &err), MLSEL_ERROR_NO_MEMORY);
            assert_true(heap_leave());
            assert_string_equal(err.message, "out of memory");
            assert_memory_equal(&out, &before, sizeof out);
            assert_int_equal(heap_live(), live);
        }
        heap_enter(HEAP_NEVER, false);
        test_ok(ask(batcher, n, &out, &err), &err);
        assert_int_equal(batcher->counts.failed, 2);
        assert_int_equal(batcher->counts.timeouts, batcher->settings.is_grouping ? 3 : 0);
        mlsel_i_workspace_give(model, taken);
        mlsel_batcher_release(batcher);
        mlsel_model_release(model);
        heap_leave();
        assert_int_equal(heap_live(), 0);
    }
}

static int set_up(void **state) {
    (void)state;
    heap_init();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(creating), cmocka_unit_test(in_a_group)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
