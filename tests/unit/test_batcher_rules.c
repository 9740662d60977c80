/* SPDX-License-Identifier: Apache-2.0 */
/* Who is grouped: the rules of src/batcher/group.c, on a batcher whose numbers are set by hand. */
#include "batcher/batcher.h"

#include "support.h"

static mlsel_batcher b;

static void set_up(bool must_pay, uint64_t lone_ns, uint32_t expected) {
    b = (mlsel_batcher){
        .settings = {.is_grouping = true, .must_pay = must_pay, .max_wait_us = 100, .max_batch = 64, .max_running = 2},
        .lone_ns = lone_ns,
        .inside = 1,
        .expected = expected};
}

static bool goes_alone(bool *has_turn) { return mlsel_i_batch_goes_alone(&b, MLSEL_QUERY_F32, has_turn); }

/* Where it must pay, only queries of 200 microseconds or more are grouped, and of those one in 64 is not. */
static void short_queries_pass_through(void **state) {
    bool has_turn = true;
    (void)state;
    set_up(true, 199999, 2000);
    for (int i = 0; i < 200; i++) {
        assert_true(goes_alone(&has_turn));
        assert_false(has_turn);
    }
    set_up(true, 200000, 2000);
    int n_alone = 0;
    for (int i = 1; i <= 640; i++) {
        const bool is_alone = goes_alone(&has_turn);
        assert_int_equal(is_alone, i % 64 == 0);
        n_alone += is_alone;
    }
    assert_int_equal(n_alone, 10);
    set_up(false, 1, 2000); /* where it need not pay, how long they take does not count */
    for (int i = 0; i < 200; i++)
        assert_false(goes_alone(&has_turn));
}

static void without_company_nobody_waits(void **state) {
    bool has_turn = false;
    (void)state;
    set_up(false, 0, 1);
    assert_true(goes_alone(&has_turn));
    assert_true(has_turn);
    b.running = 2; /* all turns taken: it has to wait for one */
    assert_false(goes_alone(&has_turn));
    set_up(false, 0, 2); /* two callers have a run each */
    assert_true(goes_alone(&has_turn));
    set_up(false, 0, 3);
    assert_false(goes_alone(&has_turn));
}

/* Those who pass through are busy, but take no turn from a group that waits for one. */
static void passing_through_takes_no_turn(void **state) {
    (void)state;
    set_up(true, 1, 8);
    for (int i = 0; i < 8; i++) {
        bool has_turn = true;
        assert_true(goes_alone(&has_turn));
        mlsel_i_batch_start(&b, has_turn, 1);
    }
    assert_int_equal(b.running, 0);
    assert_int_equal(b.busy, 8);
    mlsel_i_batch_start(&b, true, 5);
    assert_int_equal(b.running, 1);
    assert_int_equal(b.busy, 13);
    mlsel_i_batch_end(&b, true, 5);
    for (int i = 0; i < 8; i++)
        mlsel_i_batch_end(&b, false, 1);
    assert_int_equal(b.running, 0);
    assert_int_equal(b.busy, 0);
    assert_int_equal(b.counts.batches, 9);
}

/* Up by an eighth, down by a quarter: 1000, then 1000 + 125 + 1, then 1126 - 281, then 845 - 211. */
static void learning(void **state) {
    (void)state;
    set_up(true, 0, 1);
    mlsel_i_batch_learn(&b, 1000);
    assert_int_equal(b.lone_ns, 1000);
    mlsel_i_batch_learn(&b, 1000000);
    assert_int_equal(b.lone_ns, 1126);
    mlsel_i_batch_learn(&b, 1126);
    assert_int_equal(b.lone_ns, 845);
    mlsel_i_batch_learn(&b, 1);
    assert_int_equal(b.lone_ns, 634);
    set_up(true, 0, 1); /* one slow query, as the first one is, makes no group: it takes seven */
    for (int i = 0; i < 6; i++)
        mlsel_i_batch_learn(&b, 10000000);
    assert_true(b.lone_ns < 200000);
    mlsel_i_batch_learn(&b, 10000000);
    assert_true(b.lone_ns >= 200000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_queries_pass_through),
        cmocka_unit_test(without_company_nobody_waits),
        cmocka_unit_test(passing_through_takes_no_turn),
        cmocka_unit_test(learning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
