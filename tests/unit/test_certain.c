/* SPDX-License-Identifier: Apache-2.0 */
/* When the order of logits is left as it is. */
#include <math.h>

#include "certain.h"
#include "support.h"

static void logits_in_float(void **state) {
    (void)state;
    const double apart[] = {3, -1, 2.9996}, close[] = {3, -1, 2.9998}, low[] = {3, -1, -1.0002}, none[] = {3, NAN};
    assert_true(mlsel_i_logits_are_certain(apart, 3)); /* by more than 1e-4 of 3 */
    assert_false(mlsel_i_logits_are_certain(close, 3));
    assert_false(mlsel_i_logits_are_certain(low, 3)); /* not only the leader counts */
    assert_false(mlsel_i_logits_are_certain(none, 2));
    assert_true(mlsel_i_logits_are_certain(apart, 1));
}

static void a_leader_in_bf16(void **state) {
    (void)state;
    const double apart[] = {2.95, 3, -1}, close[] = {2.98, 3, -1}, low[] = {-1.001, 3, -1}, large[] = {-9, 3, 2.95};
    assert_true(mlsel_i_bf16_leader_is_certain(apart, 3)); /* by more than 1e-2 of 3 */
    assert_false(mlsel_i_bf16_leader_is_certain(close, 3));
    assert_true(mlsel_i_bf16_leader_is_certain(low, 3));
    assert_false(mlsel_i_bf16_leader_is_certain(large, 3)); /* the largest in size is -9 */
    assert_true(mlsel_i_bf16_leader_is_certain(apart, 1));
    const double equal[] = {1, 1};
    assert_false(mlsel_i_bf16_leader_is_certain(equal, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_in_float),
        cmocka_unit_test(a_leader_in_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
