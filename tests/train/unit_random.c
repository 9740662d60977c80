/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers: the published sequence, bounds, permutations. */
#include <math.h>

#include "support.h"
#include "train/train.h"

/* xoshiro256** from the state 1, 2, 3, 4, worked out by hand from its definition. */
static void known_sequence(void **state) {
    (void)state;
    random_state r = {{1, 2, 3, 4}};
    assert_true(mlsel_i_random_next(&r) == 11520);
    assert_true(mlsel_i_random_next(&r) == 0);
    assert_true(mlsel_i_random_next(&r) == 1509978240);
}

static void streams_differ(void **state) {
    (void)state;
    random_state a, b, c;
    mlsel_i_random_seed(&a, 42, 0);
    mlsel_i_random_seed(&b, 42, 1);
    mlsel_i_random_seed(&c, 42, 0);
    const uint64_t first = mlsel_i_random_next(&a);
    assert_true(first != mlsel_i_random_next(&b));
    assert_true(first == mlsel_i_random_next(&c));
}

static void below_is_even(void **state) {
    (void)state;
    enum { N = 3, DRAWS = 30000 };
    random_state r;
    int counts[N] = {0};
    mlsel_i_random_seed(&r, 7, 0);
    for (int i = 0; i < DRAWS; i++)
        counts[mlsel_i_random_below(&r, N)]++;
    for (int i = 0; i < N; i++) /* four standard deviations */
        assert_true(fabs(counts[i] - DRAWS / 3.0) < 4 * sqrt(DRAWS * 2.0 / 9));
}

static void normal_moments(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    random_state r;
    double sum = 0, squares = 0;
    mlsel_i_random_seed(&r, 7, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double x = mlsel_i_random_normal(&r);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / DRAWS) < 4 / sqrt(DRAWS));
    assert_true(fabs(squares / DRAWS - 1) < 4 * sqrt(2.0 / DRAWS));
}

static void permutation_has_all(void **state) {
    (void)state;
    enum { N = 1000 };
    random_state r;
    uint32_t order[N];
    int seen[N] = {0}, moved = 0;
    mlsel_i_random_seed(&r, 1, 2);
    mlsel_i_random_permutation(&r, order, N);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(order[i] < N && seen[order[i]]++ == 0);
        moved += order[i] != i;
    }
    assert_true(moved > N / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sequence), cmocka_unit_test(streams_differ),      cmocka_unit_test(below_is_even),
        cmocka_unit_test(normal_moments), cmocka_unit_test(permutation_has_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
