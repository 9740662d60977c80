/* SPDX-License-Identifier: Apache-2.0 */
/* Platt scaling against scikit-learn's logistic regression and _SigmoidCalibration, recorded by make_calibration.py. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "train/platt.h"

static double at(const platt_curve *c, double x) { return 1 / (1 + exp(-(c->slope * x + c->intercept))); }

/* Of soft targets on paper: without a slope the likeliest constant is their mean. */
static double mean_target(const double *y, size_t n) {
    double good = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        good += y[i];
    const double high = (good + 1) / (good + 2), low = 1 / ((double)n - good + 2);
    for (size_t i = 0; i < n; i++)
        sum += low + (high - low) * y[i];
    return sum / (double)n;
}

static void curves_are_scikit_learns(void **state) {
    (void)state;
    cJSON *all = test_parse_file(TEST_SOURCE_DIR "/tests/train/calibration.json");
    const cJSON *one;
    int n_rising = 0, n_falling = 0, n_sigmoids = 0;
    cJSON_ArrayForEach (one, all) {
        const char *name = test_need_string(one, "name");
        const cJSON *expected = test_need(one, "platt");
        const platt_curve judge = {test_need_number(expected, "slope"), test_need_number(expected, "intercept")};
        size_t n, n_y, n_sigmoid = 0;
        double *x = test_numbers(test_need(one, "x"), &n), *y = test_numbers(test_need(one, "y"), &n_y);
        double *sigmoid = test_numbers(cJSON_GetObjectItemCaseSensitive(expected, "sigmoid"), &n_sigmoid);
        const platt_curve got = mlsel_i_platt_fit(x, y, n);
        if (judge.slope < 0) {
            test_close(got.slope, 0, 0, name);
            test_close(at(&got, 0), mean_target(y, n), 1e-12, name);
            n_falling++;
        } else {
            for (size_t i = 0; i < n; i++)
                test_close(at(&got, x[i]), at(&judge, x[i]), 1e-8, name);
            n_rising++;
        }
        for (size_t i = 0; sigmoid != NULL && i < n; i++) /* it stops at a gradient of 1e-6 or so */
            test_close(at(&got, x[i]), sigmoid[i], 1e-4, name);
        n_sigmoids += sigmoid != NULL;
        free(x), free(y), free(sigmoid);
    }
    assert_true(n_rising >= 8 && n_falling >= 1 && n_sigmoids >= 4);
    cJSON_Delete(all);
}

/* The scale and the origin of scores do not matter. */
static void scale_does_not_matter(void **state) {
    (void)state;
    enum { N = 40 };
    double x[N], y[N], other[N];
    static const double scales[] = {1e-30, 1e-3, 1e6, 1e30};
    for (int i = 0; i < N; i++) {
        x[i] = i * 7 % 40 / 10.0;
        y[i] = i * 11 % 40 / 10.0 < x[i];
    }
    const platt_curve plain = mlsel_i_platt_fit(x, y, N);
    assert_true(plain.slope > 0.5);
    for (size_t s = 0; s < TEST_LENGTH(scales); s++) {
        for (int i = 0; i < N; i++)
            other[i] = scales[s] * (x[i] - 100);
        const platt_curve scaled = mlsel_i_platt_fit(other, y, N);
        for (int i = 0; i < N; i++)
            test_close(at(&scaled, other[i]), at(&plain, x[i]), 1e-8, "scaled");
    }
}

static void degenerate(void **state) {
    (void)state;
    static const double same[] = {3, 3, 3, 3}, rounded[] = {1e9, 1e9, 1e9 + 1e-7, 1e9}, y[] = {0, 1, 1, 1};
    static const double apart[] = {-1e300, -1e300, 1e300, 1e300}, sure[] = {0, 0, 1, 1}, ones[] = {1, 1, 1, 1};
    static const double rising[] = {1, 2, 3, 4};
    platt_curve c = mlsel_i_platt_fit(same, y, 4);
    assert_true(c.slope <= 0);
    test_close(at(&c, 7), mean_target(y, 4), 1e-12, "one score");
    c = mlsel_i_platt_fit(rounded, y, 4);
    test_close(at(&c, 1e9), mean_target(y, 4), 1e-12, "rounding");
    c = mlsel_i_platt_fit(rising, ones, 4); /* (4 + 1) / (4 + 2) */
    test_close(at(&c, 2), 5.0 / 6, 1e-12, "always good");
    c = mlsel_i_platt_fit(apart, sure, 4);
    assert_true(isfinite(c.slope) && isfinite(c.intercept));
    c = mlsel_i_platt_fit(rising, sure, 4); /* separable: the targets are 1/4 and 3/4, and the curve lies between */
    assert_true(c.slope > 0 && at(&c, 1) > 0.1 && at(&c, 1) < 0.25 && at(&c, 4) > 0.75 && at(&c, 4) < 0.9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_scikit_learns),
        cmocka_unit_test(scale_does_not_matter),
        cmocka_unit_test(degenerate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
