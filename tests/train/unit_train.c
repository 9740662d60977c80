/* SPDX-License-Identifier: Apache-2.0 */
/* A run: its memory, and what it reports. */
#include <math.h>
#include <string.h>

#include "support.h"
#include "train/train.h"

enum { HEAD = 64 }; /* what a block takes besides */

static void memory_is_counted(void **state) {
    (void)state;
    mlsel_error err;
    train_run run = {.err = &err};
    unsigned char *a = mlsel_i_run_alloc(&run, 10, 100), *b = mlsel_i_run_calloc(&run, 3, 7);
    assert_non_null(a);
    assert_non_null(b);
    assert_true((uintptr_t)a % MLSEL_ALIGNMENT == 0 && (uintptr_t)b % MLSEL_ALIGNMENT == 0);
    for (int i = 0; i < 21; i++)
        assert_int_equal(b[i], 0);
    memset(a, 1, 1000);
    memset(b, 1, 21);
    assert_int_equal(run.bytes, 1000 + 21 + 2 * HEAD);
    mlsel_i_run_free(&run, a);
    assert_int_equal(run.bytes, 21 + HEAD);
    assert_true(mlsel_i_run_count(&run, 500));
    assert_int_equal(run.peak_bytes, 1000 + 21 + 2 * HEAD);
    assert_true(mlsel_i_run_count(&run, 5000));
    assert_int_equal(run.peak_bytes, 5500 + 21 + HEAD);
    mlsel_i_run_uncount(&run, 5500);
    mlsel_i_run_free(&run, b);
    mlsel_i_run_free(&run, NULL);
    assert_int_equal(run.bytes, 0);
    assert_int_equal(run.peak_bytes, 5500 + 21 + HEAD);
    void *none = mlsel_i_run_alloc(&run, 0, 8); /* a valid block */
    assert_non_null(none);
    mlsel_i_run_free(&run, none);
}

static void limits(void **state) {
    (void)state;
    mlsel_error err;
    train_run run = {.err = &err, .max_bytes = 3 << 20};
    void *fits = mlsel_i_run_alloc(&run, (3 << 20) - HEAD, 1);
    assert_non_null(fits);
    assert_null(mlsel_i_run_alloc(&run, 1, 1));
    assert_int_equal(mlsel_i_run_status(&run), MLSEL_ERROR_LIMIT);
    assert_string_equal(err.message, "training needs 4 MiB or more, and max_memory_bytes allows 3 MiB");
    assert_int_equal(run.bytes, 3 << 20);
    mlsel_i_run_free(&run, fits);
    assert_false(mlsel_i_run_count(&run, (3 << 20) + 1));
    assert_int_equal(run.bytes, 0);
    assert_null(mlsel_i_run_alloc(&run, SIZE_MAX / 2, 3)); /* no product of sizes overflows */
    assert_int_equal(mlsel_i_run_status(&run), MLSEL_ERROR_NO_MEMORY);
    run.max_bytes = 0;
    run.bytes = 5;
    assert_false(mlsel_i_run_count(&run, UINT64_MAX - 2));
    assert_int_equal(run.bytes, 5);
}

static bool refuse(size_t bytes, void *user) {
    (void)bytes, (void)user;
    return false;
}

static void out_of_memory(void **state) {
    (void)state;
    mlsel_error err;
    train_run run = {.err = &err};
    mlsel_i_set_alloc_hook(refuse, NULL);
    assert_null(mlsel_i_run_alloc(&run, 8, 8));
    mlsel_i_set_alloc_hook(NULL, NULL);
    assert_int_equal(mlsel_i_run_status(&run), MLSEL_ERROR_NO_MEMORY);
    assert_int_equal(err.code, MLSEL_ERROR_NO_MEMORY);
    assert_int_equal(run.bytes, 0);
}

typedef struct heard {
    mlsel_train_progress last;
    char stage[256];
    int calls, answer;
} heard;

static int32_t listen(const mlsel_train_progress *p, void *user) {
    heard *h = user;
    h->last = *p;
    snprintf(h->stage, sizeof h->stage, "%s", p->stage);
    h->calls++;
    return h->answer;
}

static void reports(void **state) {
    (void)state;
    heard h = {0};
    mlsel_error err;
    train_run run = {.err = &err, .algorithm = MLSEL_ALGORITHM_SVM, .before = 0.25, .share = 0.5};
    test_ok(mlsel_i_run_report(&run, "pairs", 1, 2, 0, 0), &err); /* nobody listens */
    run.progress = listen;
    run.user = &h;
    snprintf(run.stage, sizeof run.stage, "fold 2 of 5: ");
    test_ok(mlsel_i_run_report(&run, "pairs", 3, 4, 0.125, (double)NAN), &err);
    assert_string_equal(h.stage, "fold 2 of 5: pairs");
    assert_int_equal(h.last.struct_size, sizeof h.last);
    assert_int_equal(h.last.algorithm, MLSEL_ALGORITHM_SVM);
    assert_true(h.last.done == 3 && h.last.total == 4);
    test_close(h.last.fraction, 0.25 + 0.5 * 0.75, 1e-15, "fraction");
    test_close(h.last.loss, 0.125, 0, "loss");
    test_ok(mlsel_i_run_report(&run, "once more", 1, 4, 0.125, (double)NAN), &err); /* never goes back */
    test_close(h.last.fraction, 0.25 + 0.5 * 0.75, 1e-15, "fraction");
    test_ok(mlsel_i_run_report(&run, "too much", 9, 4, 0.125, (double)NAN), &err);
    test_close(h.last.fraction, 0.75, 1e-15, "fraction");
    assert_true(isnan(h.last.validation));
    test_ok(mlsel_i_run_report(&run, "somewhere", 3, 0, 0, 0), &err); /* of an end that is not known */
    assert_true(isnan(h.last.fraction));
    char longer[300];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    test_ok(mlsel_i_run_report(&run, longer, 0, 1, 0, 0), &err); /* is cut */
    assert_true(strlen(h.stage) < 2 * sizeof run.stage);
    h.answer = -1;
    assert_int_equal(mlsel_i_run_report(&run, "pairs", 4, 4, 0, 0), MLSEL_ERROR_CANCELLED);
    assert_string_equal(err.message, "cancelled by the caller");
    assert_int_equal(h.calls, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_counted),
        cmocka_unit_test(limits),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
