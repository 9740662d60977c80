/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a benchmark's run that no server shows: how long it waits, and what is on disk when it ends. */
#include "support.h"

#include <string.h>

#include "bench_run.h"

/* Something that is due is no reason to wake up for while there is no place for it. */
static void test_wait(void **state) {
    static const uint32_t limits[] = {2};
    bench_run run = {.n_places = 2};
    (void)state;
    assert_int_equal(mlsel_i_schedule_create(&run.schedule, 3, 1, limits, NULL), MLSEL_OK);
    schedule_task *task = mlsel_i_schedule_next(&run.schedule, 0);
    assert_non_null(task);
    mlsel_i_schedule_wait(&run.schedule, task, 5);
    run.in_flight = 1;
    assert_int_equal(mlsel_i_bench_wait_ms(&run, 1), 100);
    assert_in_range(mlsel_i_bench_wait_ms(&run, 4.98), 20, 21);
    assert_int_equal(mlsel_i_bench_wait_ms(&run, 6), 1);
    run.in_flight = 2;
    assert_int_equal(mlsel_i_bench_wait_ms(&run, 6), 100);
    run.in_flight = 1;
    run.n_jobs = 100; /* answers to be scored first */
    assert_int_equal(mlsel_i_bench_wait_ms(&run, 6), 100);
    run.n_jobs = 0;
    run.is_closing = true;
    assert_int_equal(mlsel_i_bench_wait_ms(&run, 6), 100);
    mlsel_i_schedule_free(&run.schedule);
}

static void wake(void *user) { (void)user; }

/* The order to bring the file to disk is not lost with the jobs that nobody begins any more. A file that is not open
 * shows that it is tried. */
static void test_last_sync(void **state) {
    mlsel_error err;
    (void)state;
    for (int dirty = 0; dirty < 2; dirty++) {
        bench_run run = {.results = {.path = "results.jsonl", .fd = -1, .is_dirty = true}, .err = &err};
        assert_int_equal(mlsel_i_workers_create(1, wake, NULL, &run.workers, &err), MLSEL_OK);
        assert_null(mlsel_i_workers_stop(run.workers)); /* no thread begins a job from here on */
        mlsel_i_bench_sync(&run, 1000);
        assert_false(run.results.is_dirty);
        run.results.is_dirty = dirty == 1;
        assert_int_equal(mlsel_i_bench_stop_workers(&run, MLSEL_OK), MLSEL_ERROR_IO);
        assert_non_null(strstr(err.message, "results.jsonl"));
    }
    bench_run clean = {.results = {.path = "results.jsonl", .fd = -1}, .err = &err};
    assert_int_equal(mlsel_i_workers_create(1, wake, NULL, &clean.workers, &err), MLSEL_OK);
    assert_int_equal(mlsel_i_bench_stop_workers(&clean, MLSEL_OK), MLSEL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wait), cmocka_unit_test(test_last_sync)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
