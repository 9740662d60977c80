/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of evaluations against numpy and scipy (tests/fixtures/fixture_evaluation.py) and by hand. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "train/statistics.h"

static cJSON *fixture;

static int set_up(void **state) {
    (void)state;
    fixture = test_parse_file(FIXTURE("evaluation.json"));
    return fixture == NULL;
}

static int tear_down(void **state) {
    (void)state;
    cJSON_Delete(fixture);
    return 0;
}

static void percentiles(void **state) {
    (void)state;
    const cJSON *statistics = test_need(fixture, "statistics");
    size_t n, n_shares, n_expected;
    double *values = test_numbers(test_need(statistics, "values"), &n);
    double *shares = test_numbers(test_need(statistics, "shares"), &n_shares);
    double *expected = test_numbers(test_need(statistics, "percentiles"), &n_expected);
    assert_true(n > 30 && n_shares == n_expected);
    assert_int_equal(mlsel_i_sort(values, n), n);
    for (size_t i = 0; i < n_shares; i++)
        test_close(mlsel_i_percentile(values, n, shares[i]), expected[i], 1e-14, "percentile");
    free(values);
    free(shares);
    free(expected);
}

static void percentiles_of_little(void **state) {
    (void)state;
    double one[] = {7}, gaps[] = {(double)NAN, 3, (double)NAN, 1}, low, high;
    assert_true(isnan(mlsel_i_percentile(NULL, 0, 0.5)));
    test_close(mlsel_i_percentile(one, 1, 0.975), 7, 0, "of one");
    mlsel_i_interval(gaps, 4, 0.5, &low, &high); /* of 1 and 3: positions 0.25 and 0.75 */
    test_close(low, 1.5, 1e-15, "low");
    test_close(high, 2.5, 1e-15, "high");
    mlsel_i_interval(gaps, 0, 0.95, &low, &high);
    assert_true(isnan(low) && isnan(high));
}

/* Random flips differ from scipy's: five standard deviations of the difference, and the granularity. */
static double tolerance_of(double p, bool is_exact) {
    const double n_ours = MLSEL_I_RANDOM_FLIPS, n_theirs = 49999;
    return is_exact ? 1e-12 : 5 * sqrt(p * (1 - p) * (1 / n_ours + 1 / n_theirs)) + 2 / n_ours;
}

static void sign_flips(void **state) {
    (void)state;
    const cJSON *tests = test_need(test_need(fixture, "statistics"), "tests"), *test;
    int n_exact = 0, n_random = 0;
    cJSON_ArrayForEach (test, tests) {
        size_t n;
        double *differences = test_numbers(test_need(test, "differences"), &n);
        const double expected = test_need_number(test, "p");
        const bool is_exact = cJSON_IsTrue(test_need(test, "exact"));
        const double p = mlsel_i_sign_flip_test(differences, n, 42, 1);
        n_exact += is_exact;
        n_random += !is_exact;
        if (!(fabs(p - expected) <= tolerance_of(expected, is_exact)))
            fail_msg("%zu differences: p is %g, scipy has %g", n, p, expected);
        free(differences);
    }
    assert_true(n_exact >= 4 && n_random >= 3);
}

static void sign_flips_by_hand(void **state) {
    (void)state;
    double none[1] = {0}, zeros[] = {0, 0, 0}, one[] = {0, -0.25}, three[] = {1, 0, 1, 1}, mixed[] = {1, 2, 3};
    assert_true(isnan(mlsel_i_sign_flip_test(none, 0, 42, 0)));
    test_close(mlsel_i_sign_flip_test(zeros, 3, 42, 0), 1, 0, "no difference");
    test_close(mlsel_i_sign_flip_test(one, 2, 42, 0), 1, 0, "one: both signs are as large");
    test_close(mlsel_i_sign_flip_test(three, 4, 42, 0), 2.0 / 8, 0, "all alike: 2 of 8 signs");
    mixed[2] = -3; /* 1 + 2 - 3 = 0: every sum is at least as large */
    test_close(mlsel_i_sign_flip_test(mixed, 3, 42, 0), 1, 0, "they cancel");
}

/* 17 alike are beyond the exact limit: p is 2 / 2^17, far below what 9999 flips can show. */
static void sign_flips_floor(void **state) {
    (void)state;
    double alike[17];
    for (size_t i = 0; i < TEST_LENGTH(alike); i++)
        alike[i] = 0.5;
    const double p = mlsel_i_sign_flip_test(alike, TEST_LENGTH(alike), 42, 0);
    assert_true(p >= 1e-4 && p <= 4e-4);
}

static void resamples(void **state) {
    (void)state;
    enum { N = 50, SAMPLES = 4000 };
    double counts[N], again[N], total[N] = {0}, missing = 0;
    for (uint64_t r = 0; r < SAMPLES; r++) {
        double sum = 0;
        mlsel_i_resample(42, r, counts, N);
        for (size_t i = 0; i < N; i++) {
            sum += counts[i];
            total[i] += counts[i];
            missing += counts[i] > 0 ? 0 : 1;
        }
        assert_true(sum >= N && sum <= N);
    }
    mlsel_i_resample(42, SAMPLES - 1, again, N);
    assert_memory_equal(counts, again, sizeof counts);
    for (size_t i = 0; i < N; i++) /* five standard deviations of a binomial mean */
        assert_true(fabs(total[i] / SAMPLES - 1) < 5 * sqrt((1 - 1.0 / N) / SAMPLES));
    const double expected = pow(1 - 1.0 / N, N);
    test_close(missing / SAMPLES / N, expected, 0.01, "share that a sample lacks");
}

static void calibration(void **state) {
    (void)state;
    /* bins {0.1, 0.2}, {0.3, 0.3}: 2/4 * |0.15 - 0.5| + 2/4 * |0.3 - 0.5| */
    confidence_pair pairs[] = {{0.3, 0}, {0.2, 1}, {0.3, 1}, {0.1, 0}};
    mlsel_reliability bins[2];
    test_close(mlsel_i_brier(pairs, 4), (0.09 + 0.64 + 0.49 + 0.01) / 4, 1e-15, "Brier");
    assert_int_equal(mlsel_i_reliability(pairs, 4, bins, 2), 2);
    test_close(bins[0].confidence, 0.15, 1e-15, "confidence");
    test_close(bins[0].quality, 0.5, 0, "quality");
    assert_true(bins[0].n == 2 && bins[1].n == 2);
    test_close(mlsel_i_calibration_error(bins, 2), 0.275, 1e-15, "error");
    assert_true(isnan(mlsel_i_brier(pairs, 0)) && isnan(mlsel_i_calibration_error(bins, 0)));
}

/* One confidence for all: both bins show the mean, whatever the order of the outcomes. */
static void calibration_ties(void **state) {
    (void)state;
    confidence_pair pairs[] = {{0.5, 1}, {0.5, 0}, {0.5, 0}, {0.5, 1}, {0.5, 0}, {0.5, 1}};
    mlsel_reliability bins[10];
    assert_int_equal(mlsel_i_reliability(pairs, 6, bins, 3), 3);
    test_close(mlsel_i_calibration_error(bins, 3), 0, 1e-15, "error");
    assert_int_equal(mlsel_i_reliability(pairs, 2, bins, 10), 2);
}

static void areas(void **state) {
    (void)state;
    curve_xy rising[] = {{3, 1}, {1, 0}}, step[] = {{2, 0}, {2, 1}}, outside[] = {{-1, 0}, {3, 1}};
    test_close(mlsel_i_mean_height(rising, 2, 1, 3), 0.5, 1e-15, "triangle");
    test_close(mlsel_i_mean_height(rising, 2, 0, 4), 0.5, 1e-15, "level ends"); /* (0 + 1 + 1) / 4 */
    test_close(mlsel_i_mean_height(step, 2, 0, 4), 0.5, 1e-15, "a step");
    test_close(mlsel_i_mean_height(outside, 2, 0, 1), 0.375, 1e-15, "cut at both ends"); /* from 1/4 to 1/2 */
    test_close(mlsel_i_mean_height(rising, 1, 5, 6), 0, 0, "one point");
    assert_true(isnan(mlsel_i_mean_height(rising, 0, 0, 1)));
    assert_true(isnan(mlsel_i_mean_height(rising, 2, 1, 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles),        cmocka_unit_test(percentiles_of_little), cmocka_unit_test(sign_flips),
        cmocka_unit_test(sign_flips_by_hand), cmocka_unit_test(sign_flips_floor),      cmocka_unit_test(resamples),
        cmocka_unit_test(calibration),        cmocka_unit_test(calibration_ties),      cmocka_unit_test(areas),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
