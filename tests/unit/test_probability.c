/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlsel_probabilities for every kind: sums to 1 over the eligible labels, 0 elsewhere, a higher score never less
 * probable, equal scores equally, up to the largest numbers there are.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_LABELS = 16 };

static uint64_t random_state = 0x2545f4914f6cdd1du;

/* xorshift64 (Marsaglia) */
static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

static double random_unit(void) { return (double)random_below(1u << 30) / (double)(1u << 30); }

typedef struct subject {
    const char *path;
    bool is_knn;
    mlsel_model *model;
    size_t n;
    int32_t choosable; /* a label that the artifact has data for */
} subject;

static subject subjects[] = {
    {.path = FIXTURE("knn_ties.json"), .is_knn = true},
    {.path = FIXTURE("knn_model_names.json"), .is_knn = true},
    {.path = FIXTURE("kmeans_v1_list.json")},
    {.path = FIXTURE("kmeans_v2.json")},
    {.path = FIXTURE("svm_rbf_4.json")},
    {.path = FIXTURE("svm_subset_classes.json")},
    {.path = FIXTURE("svm_permodel_linear.json")},
    {.path = FIXTURE("mlp_pytorch.json")},
};
enum { N_SUBJECTS = sizeof subjects / sizeof *subjects };

static int32_t find_choosable(const subject *s) {
    static const double query[256];
    double scores[MAX_LABELS];
    mlsel_error err;
    mlsel_model_info info;
    int32_t label = 0;
    test_ok(mlsel_model_get_info(s->model, &info, sizeof info, &err), &err);
    assert_in_range(info.n_features, 1, 256);
    test_ok(mlsel_score_f64(s->model, query, info.n_features, NULL, scores, s->n, &err), &err);
    while (scores[label] == -INFINITY)
        label++;
    return label;
}

static int load_all(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SUBJECTS; i++) {
        subjects[i].model = test_load(subjects[i].path, NULL);
        subjects[i].n = mlsel_model_label_count(subjects[i].model);
        assert_in_range(subjects[i].n, 2, MAX_LABELS);
        subjects[i].choosable = find_choosable(&subjects[i]);
    }
    return 0;
}

static int release_all(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SUBJECTS; i++)
        mlsel_model_release(subjects[i].model);
    return 0;
}

/* --- what must always hold --------------------------------------------------------------------------------------- */

static bool has_part(const double *scores, const uint8_t *mask, size_t i) {
    return (mask == NULL || mask[i]) && scores[i] > -INFINITY;
}

static void check_laws(const subject *s, const double *scores, const uint8_t *mask, const double *p) {
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        assert_true(p[i] >= 0 && p[i] <= 1);
        if (!has_part(scores, mask, i))
            assert_true(p[i] == 0);
        sum += p[i];
        for (size_t j = 0; j < i; j++) {
            if (!has_part(scores, mask, i) || !has_part(scores, mask, j))
                continue;
            if (scores[i] == scores[j] ? p[i] != p[j] : (scores[i] > scores[j] ? p[i] < p[j] : p[i] > p[j]))
                fail_msg("%s: scores %.17g and %.17g have probabilities %.17g and %.17g", s->path, scores[i], scores[j],
                         p[i], p[j]);
        }
    }
    test_close(sum, 1, 1e-14, s->path);
}

/* As a mask, as a list and in place; all the same. False if none can be chosen. */
static bool ask(const subject *s, const double *scores, const uint8_t *mask, double *out) {
    mlsel_error err;
    double again[MAX_LABELS];
    int32_t list[MAX_LABELS];
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = mask;
    options.eligible_mask_size = mask == NULL ? 0 : s->n;
    const mlsel_status status = mlsel_probabilities(s->model, scores, s->n, &options, out, &err);
    if (status == MLSEL_ERROR_NO_CANDIDATE)
        return false;
    test_ok(status, &err);
    check_laws(s, scores, mask, out);
    if (mask != NULL) {
        mlsel_query_options_init(&options, sizeof options);
        options.eligible = list;
        for (size_t i = 0; i < s->n; i++)
            if (mask[i])
                list[options.n_eligible++] = (int32_t)i;
    }
    memcpy(again, scores, s->n * sizeof *again);
    test_ok(mlsel_probabilities(s->model, again, s->n, mask == NULL ? NULL : &options, again, &err), &err);
    assert_memory_equal(again, out, s->n * sizeof *again);
    return true;
}

static double random_score(const subject *s, unsigned kind) {
    static const double extremes[] = {0,     1e300,    -1e300,      DBL_MAX,  -DBL_MAX, 5e-324, -5e-324, DBL_MIN,
                                      1e-12, 1e16 + 2, 1e16 - 2e10, -745.133, 709.78,   1e308,  2e-308,  -INFINITY};
    double score = 0;
    switch (kind) {
    case 0: /* all over the range */
        score = extremes[random_below(16)];
        break;
    case 1: /* neighbours on the number line, and ties */
        score = 1 + random_below(4) * DBL_EPSILON;
        break;
    case 2: /* what models say */
        score = 8 * random_unit() - 4;
        break;
    default:
        score = ldexp(random_unit(), (int)random_below(2040) - 1020) * (random_below(2) ? 1 : -1);
        break;
    }
    return s->is_knn && isfinite(score) ? fabs(score) : score;
}

static void laws(void **state) {
    (void)state;
    for (size_t m = 0; m < N_SUBJECTS; m++) {
        size_t n_asked = 0;
        for (unsigned round = 0; round < 4000; round++) {
            double scores[MAX_LABELS], p[MAX_LABELS];
            uint8_t mask[MAX_LABELS];
            for (size_t i = 0; i < subjects[m].n; i++) {
                scores[i] = random_score(&subjects[m], round % 4);
                mask[i] = (uint8_t)random_below(2);
            }
            n_asked += ask(&subjects[m], scores, NULL, p);
            n_asked += ask(&subjects[m], scores, mask, p);
        }
        assert_true(n_asked > 4000);
    }
}

/* --- values ------------------------------------------------------------------------------------------------------ */

/* Scores and expected probabilities of the first labels; the others score -INFINITY. */
static void expect(const subject *s, size_t n, const double *scores, const double *expected) {
    double all[MAX_LABELS], p[MAX_LABELS];
    for (size_t i = 0; i < s->n; i++)
        all[i] = i < n ? scores[i] : -INFINITY;
    assert_true(ask(s, all, NULL, p));
    for (size_t i = 0; i < s->n; i++)
        test_close(p[i], i < n ? expected[i] : 0, 1e-12, s->path);
}

static void knn_shares(void **state) {
    (void)state;
    for (size_t m = 0; m < N_SUBJECTS; m++) {
        if (!subjects[m].is_knn)
            continue;
        expect(&subjects[m], 3, (double[]){3, 1, 0}, (double[]){0.75, 0.25, 0});
        expect(&subjects[m], 3, (double[]){0, 0, 0}, (double[]){1.0 / 3, 1.0 / 3, 1.0 / 3});
        expect(&subjects[m], 3, (double[]){DBL_MAX, DBL_MAX, 0}, (double[]){0.5, 0.5, 0});
        expect(&subjects[m], 3, (double[]){5e-324, 1.5e-323, 0}, (double[]){0.25, 0.75, 0});
        expect(&subjects[m], 3, (double[]){0.9, -0.0, 1e-300}, (double[]){1, 0, 1e-300 / 0.9});
    }
}

static void softmax(void **state) {
    (void)state;
    const double ln3 = 1.0986122886681098; /* e^ln3 is 3: weights 1 and 3 of 4 */
    for (size_t m = 0; m < N_SUBJECTS; m++) {
        if (subjects[m].is_knn)
            continue;
        expect(&subjects[m], 2, (double[]){0, ln3}, (double[]){0.25, 0.75});
        expect(&subjects[m], 2, (double[]){-1000, ln3 - 1000}, (double[]){0.25, 0.75});
        expect(&subjects[m], 2, (double[]){1e300, 1e300}, (double[]){0.5, 0.5});
        expect(&subjects[m], 2, (double[]){1e300, -1e300}, (double[]){1, 0});
        expect(&subjects[m], 2, (double[]){-DBL_MAX, DBL_MAX}, (double[]){0, 1});
        expect(&subjects[m], 2, (double[]){-DBL_MAX, -DBL_MAX}, (double[]){0.5, 0.5});
        expect(&subjects[m], 1, (double[]){-1e300}, (double[]){1});
    }
}

/* An ineligible label counts for nothing, however high its score. */
static void eligible_only(void **state) {
    (void)state;
    for (size_t m = 0; m < N_SUBJECTS; m++) {
        const subject *s = &subjects[m];
        double scores[MAX_LABELS], p[MAX_LABELS];
        uint8_t mask[MAX_LABELS];
        for (size_t i = 0; i < s->n && i < MAX_LABELS; i++) {
            scores[i] = i == 0 ? DBL_MAX : 1;
            mask[i] = i != 0;
        }
        assert_true(ask(s, scores, mask, p));
        assert_true(p[0] == 0);
        for (size_t i = 1; i < s->n; i++)
            test_close(p[i], 1.0 / (double)(s->n - 1), 1e-15, s->path);
    }
}

/* --- errors ------------------------------------------------------------------------------------------------------ */

static void refuse(const subject *s, const double *scores, const mlsel_query_options *options, mlsel_status expected,
                   uint64_t detail) {
    double out[MAX_LABELS], before[MAX_LABELS];
    mlsel_error err;
    memset(before, 0x5a, sizeof before);
    memcpy(out, before, sizeof out);
    assert_int_equal(mlsel_probabilities(s->model, scores, s->n, options, out, &err), expected);
    assert_int_equal(err.code, expected);
    assert_int_equal(err.detail, detail);
    assert_true(err.message[0] != '\0');
    assert_memory_equal(out, before, sizeof out);
}

static void errors(void **state) {
    (void)state;
    for (size_t m = 0; m < N_SUBJECTS; m++) {
        const subject *s = &subjects[m];
        const size_t one = (size_t)s->choosable, other = one == 0 ? 1 : 0;
        double scores[MAX_LABELS];
        mlsel_query_options only;
        mlsel_query_options_init(&only, sizeof only);
        only.eligible = &s->choosable;
        only.n_eligible = 1;
        for (size_t i = 0; i < s->n; i++)
            scores[i] = 1;
        scores[other] = NAN; /* of a label that is not even eligible */
        refuse(s, scores, NULL, MLSEL_ERROR_NOT_FINITE, other);
        refuse(s, scores, &only, MLSEL_ERROR_NOT_FINITE, other);
        scores[other] = INFINITY;
        refuse(s, scores, NULL, MLSEL_ERROR_NOT_FINITE, other);
        scores[other] = 1;
        scores[one] = -INFINITY;
        refuse(s, scores, &only, MLSEL_ERROR_NO_CANDIDATE, 0);
        scores[one] = -1;
        if (s->is_knn)
            refuse(s, scores, NULL, MLSEL_ERROR_INVALID_ARGUMENT, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(laws),          cmocka_unit_test(knn_shares), cmocka_unit_test(softmax),
        cmocka_unit_test(eligible_only), cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, load_all, release_all);
}
