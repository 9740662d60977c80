/* SPDX-License-Identifier: Apache-2.0 */
/* Isotonic regression against scikit-learn's, whose blocks make_calibration.py recorded; trimming and thinning. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "train/isotonic.h"

static isotonic_point *points_of(const cJSON *one, size_t *n) {
    size_t n_y;
    double *x = test_numbers(test_need(one, "x"), n), *y = test_numbers(test_need(one, "y"), &n_y);
    isotonic_point *points = calloc(*n, sizeof *points);
    assert_non_null(points);
    assert_int_equal(*n, n_y);
    for (size_t i = 0; i < *n; i++)
        points[i] = (isotonic_point){x[i], y[i], 1};
    free(x), free(y);
    return points;
}

static void blocks_are_scikit_learns(void **state) {
    (void)state;
    cJSON *all = test_parse_file(TEST_SOURCE_DIR "/tests/train/calibration.json");
    const cJSON *one;
    int n_cases = 0;
    cJSON_ArrayForEach (one, all) {
        const cJSON *expected = test_need(one, "isotonic");
        size_t n;
        isotonic_point *points = points_of(one, &n);
        const size_t n_blocks = mlsel_i_isotonic_pool(points, n);
        assert_int_equal(n_blocks, cJSON_GetArraySize(expected));
        for (size_t b = 0; b < n_blocks; b++) {
            size_t three;
            double *block = test_numbers(cJSON_GetArrayItem(expected, (int)b), &three);
            test_close(points[b].x, block[0], 1e-12, test_need_string(one, "name"));
            test_close(points[b].y, block[1], 1e-12, test_need_string(one, "name"));
            test_close(points[b].weight, block[2], 1e-12, test_need_string(one, "name"));
            free(block);
        }
        free(points);
        n_cases++;
    }
    assert_true(n_cases >= 9);
    cJSON_Delete(all);
}

/* On paper: 1, 0 pool to 0.5, which 0.4 pulls down to 1.4 / 3, and so on. */
static void on_paper(void **state) {
    (void)state;
    isotonic_point points[] = {{2, 0, 1}, {1, 1, 1}, {3, 0.4, 1}, {4, 0.9, 2}, {4, 0.3, 2}, {0, 0, 1}};
    assert_int_equal(mlsel_i_isotonic_pool(points, 6), 3);
    test_close(points[0].y, 0, 0, "first");
    test_close(points[1].x, 2, 1e-15, "centre");
    test_close(points[1].y, 1.4 / 3, 1e-15, "pooled");
    test_close(points[1].weight, 3, 0, "weight");
    test_close(points[2].x, 4, 0, "equal scores");
    test_close(points[2].y, 0.6, 1e-15, "their mean");
    test_close(points[2].weight, 4, 0, "their weight");
}

/* The order of the data makes no difference, to the last bit. */
static void order_does_not_matter(void **state) {
    (void)state;
    enum { N = 50 };
    isotonic_point a[N], b[N];
    for (int i = 0; i < N; i++) {
        a[i] = (isotonic_point){i * 37 % 23 / 7.0, i * 13 % 11 / 10.0, 1};
        b[N - 1 - i] = a[i];
    }
    const size_t n = mlsel_i_isotonic_pool(a, N);
    assert_int_equal(mlsel_i_isotonic_pool(b, N), n);
    assert_memory_equal(a, b, n * sizeof *a);
}

static void trimmed(void **state) {
    (void)state;
    isotonic_point blocks[] = {{0, 0, 1}, {1, 0.2, 2}, {2, 0.5, 10}, {3, 0.8, 3}, {4, 1, 1}};
    assert_int_equal(mlsel_i_isotonic_trim(blocks, 5, 4), 2);
    /* (0 + 0.4 + 5) / 13 in front, (2.4 + 1) / 4 behind */
    test_close(blocks[0].y, 5.4 / 13, 1e-15, "front");
    test_close(blocks[0].x, 22.0 / 13, 1e-15, "front");
    test_close(blocks[0].weight, 13, 1e-12, "front");
    test_close(blocks[1].y, 0.85, 1e-15, "behind");
    test_close(blocks[1].weight, 4, 1e-12, "behind");
    isotonic_point few[] = {{0, 0, 1}, {1, 1, 1}};
    assert_int_equal(mlsel_i_isotonic_trim(few, 2, 5), 1);
    test_close(few[0].y, 0.5, 1e-15, "all in one");
    isotonic_point one[] = {{0, 0.25, 1}};
    assert_int_equal(mlsel_i_isotonic_trim(one, 1, 5), 1);
}

static void thinned(void **state) {
    (void)state;
    enum { N = 1000, MOST = 32 };
    static isotonic_point points[N], all[N];
    for (int i = 0; i < N; i++) /* steep in the middle */
        all[i] = points[i] = (isotonic_point){i, 1 / (1 + exp(-(i - 500) / 30.0)), 1};
    assert_int_equal(mlsel_i_isotonic_thin(points, N, MOST), MOST);
    assert_true(points[0].x <= 0 && points[MOST - 1].x >= N - 1);
    size_t at = 0;
    for (int i = 0; i < N; i++) {
        while (at + 2 < MOST && points[at + 1].x < all[i].x)
            at++;
        const double share = (all[i].x - points[at].x) / (points[at + 1].x - points[at].x);
        assert_true(fabs(points[at].y + share * (points[at + 1].y - points[at].y) - all[i].y) < 0.003);
    }
    isotonic_point few[] = {{0, 0, 1}, {1, 0.5, 1}, {2, 1, 1}, {3, 1.5, 1}};
    assert_int_equal(mlsel_i_isotonic_thin(few, 4, 4), 4);
    assert_int_equal(mlsel_i_isotonic_thin(few, 4, 2), 2);
    assert_true(few[0].x <= 0 && few[1].x >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_scikit_learns),
        cmocka_unit_test(on_paper),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(trimmed),
        cmocka_unit_test(thinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
