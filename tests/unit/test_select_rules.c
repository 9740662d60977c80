/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a selection says beyond the label: runner-up, margin, probability, flags, cluster. Small artifacts with values
 * worked out by hand in the comments; all are asked in float, in double and as a batch.
 */
#include <math.h>
#include <string.h>

#include "support.h"

enum { MAX_WIDTH = 4, MAX_LABELS = 8, BATCH = 3 };

/* A question and the answer expected. */
typedef struct question {
    double query[MAX_WIDTH];
    const char *eligible;          /* names separated by spaces; NULL: all */
    const char *label, *runner_up; /* runner_up NULL: none */
    double score, margin, probability;
    int32_t cluster;
    uint32_t flags;
} question;

static mlsel_model *load(const char *text, uint32_t k) {
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.k = k;
    test_ok(mlsel_model_load_memory(text, strlen(text), &options, &model, &err), &err);
    return model;
}

/* The labels of a list of names. */
static size_t parse_names(const mlsel_model *model, const char *names, int32_t *out) {
    size_t n = 0;
    while (*names != '\0') {
        char name[32];
        const size_t length = strcspn(names, " ");
        assert_in_range(length, 1, sizeof name - 1);
        memcpy(name, names, length);
        name[length] = '\0';
        out[n] = mlsel_model_find_label(model, name);
        assert_true(out[n++] >= 0);
        names += length + strspn(names + length, " ");
    }
    return n;
}

static void check(const mlsel_model *model, const question *q, const char *how, const mlsel_selection *s) {
    char what[128];
    snprintf(what, sizeof what, "query (%g, %g), eligible %s, %s", q->query[0], q->query[1],
             q->eligible == NULL ? "all" : q->eligible, how);
    const char *label = mlsel_model_label(model, s->index), *runner_up = mlsel_model_label(model, s->runner_up);
    if (label == NULL || strcmp(label, q->label) != 0)
        fail_msg("%s: %s instead of %s", what, label == NULL ? "nothing" : label, q->label);
    if ((runner_up == NULL) != (q->runner_up == NULL) || (runner_up != NULL && strcmp(runner_up, q->runner_up) != 0))
        fail_msg("%s: runner-up %s instead of %s", what, runner_up == NULL ? "none" : runner_up,
                 q->runner_up == NULL ? "none" : q->runner_up);
    assert_true(runner_up != NULL || s->runner_up == -1);
    test_close(s->score, q->score, 1e-6, what);
    test_close(s->margin, q->margin, 1e-6, what);
    test_close(s->probability, q->probability, 1e-6, what);
    if (s->flags != q->flags || s->cluster != q->cluster)
        fail_msg("%s: flags %u and cluster %d, expected %u and %d", what, (unsigned)s->flags, (int)s->cluster,
                 (unsigned)q->flags, (int)q->cluster);
    assert_true(s->confidence == 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(s->reserved[i], 0);
}

static void ask(const mlsel_model *model, size_t width, const question *q) {
    double f64[BATCH * MAX_WIDTH];
    float f32[BATCH * MAX_WIDTH];
    int32_t eligible[MAX_LABELS];
    mlsel_selection s, batch[BATCH];
    mlsel_query_options options;
    mlsel_error err;
    for (size_t i = 0; i < BATCH * width; i++) {
        f64[i] = q->query[i % width];
        f32[i] = (float)f64[i];
    }
    mlsel_query_options_init(&options, sizeof options);
    if (q->eligible != NULL) {
        options.eligible = eligible;
        options.n_eligible = parse_names(model, q->eligible, eligible);
    }
    test_ok(mlsel_select_f64(model, f64, width, &options, &s, &err), &err);
    check(model, q, "double", &s);
    test_ok(mlsel_select(model, f32, width, &options, &s, &err), &err);
    check(model, q, "float", &s);
    test_ok(mlsel_select_batch(model, f32, BATCH, width, width, &options, batch, &err), &err);
    for (size_t i = 0; i < BATCH; i++)
        check(model, q, "batch", &batch[i]);
}

static void ask_all(const char *artifact, uint32_t k, size_t width, const question *questions, size_t n) {
    mlsel_model *model = load(artifact, k);
    for (size_t i = 0; i < n; i++)
        ask(model, width, &questions[i]);
    mlsel_model_release(model);
}

#define ASK(artifact, k, width, ...)                                                                                   \
    do {                                                                                                               \
        static const question questions[] = {__VA_ARGS__};                                                             \
        ask_all(artifact, k, width, questions, sizeof questions / sizeof *questions);                                  \
    } while (0)

#define NONE (-1)
#define SINGLE MLSEL_SELECTION_SINGLE
#define TIE MLSEL_SELECTION_TIE
#define WIDENED MLSEL_SELECTION_WIDENED
#define NEXT MLSEL_SELECTION_NEXT_CLUSTER

/* --- KNN --------------------------------------------------------------------------------------------------------- */

/*
 * Without latencies a vote is 0.9 * quality + 0.1. From (1, 0):
 *   row  label  squared distance  vote
 *   0    b      0                 1
 *   1    a      0.4               0.55
 *   2    a      0.8               0.55
 *   3    c      2                 1
 *   4    b      2                 0.1
 *   5    c      4                 0.1
 * d is a name without a row.
 */
static const char knn[] = "{\"algorithm\": \"knn\", \"k\": 3, \"model_names\": [\"b\", \"a\", \"c\", \"d\"],"
                          " \"embeddings\": [[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [0, -1], [-1, 0]],"
                          " \"labels\": [\"b\", \"a\", \"a\", \"c\", \"b\", \"c\"],"
                          " \"qualities\": [1, 0.5, 0.5, 1, 0, 0]}";

static void knn_votes(void **state) {
    (void)state;
    /* rows 0, 1, 2 vote: a has 1.1, b has 1, c has 0 */
    ASK(knn, 0, 2, {{1, 0}, NULL, "a", "b", 1.1, 0.1, 1.1 / 2.1, NONE, 0},
        {{1, 0}, "a b c d", "a", "b", 1.1, 0.1, 1.1 / 2.1, NONE, 0},
        /* the length of a query means nothing */
        {{1000, 0}, NULL, "a", "b", 1.1, 0.1, 1.1 / 2.1, NONE, 0},
        /* the votes for a are lost, not given to others; c is a candidate without votes */
        {{1, 0}, "b c", "b", "c", 1, 1, 1, NONE, 0}, {{1, 0}, "b", "b", NULL, 1, INFINITY, 1, NONE, SINGLE},
        /* d can never be chosen, so nothing was compared */
        {{1, 0}, "d b", "b", NULL, 1, INFINITY, 1, NONE, SINGLE});
}

static void knn_widened(void **state) {
    (void)state;
    /* no row of c among the three nearest: its own two rows vote, 1 + 0.1 */
    ASK(knn, 0, 2, {{1, 0}, "c", "c", NULL, 1.1, INFINITY, 1, NONE, SINGLE | WIDENED},
        {{1, 0}, "c d", "c", NULL, 1.1, INFINITY, 1, NONE, SINGLE | WIDENED});
    /* k = 1: row 0 is nearest. Of a and c row 1 is; of b and c it is row 0 itself, nothing is widened */
    ASK(knn, 1, 2, {{1, 0}, "a c", "a", "c", 0.55, 0.55, 1, NONE, WIDENED},
        {{1, 0}, "b c", "b", "c", 1, 1, 1, NONE, 0});
    /* k = 2 from (-1, 0): row 5 at 0; rows 3 and 4 at 2, so row 3. c has 1.1. Of a and b the nearest are row 4 at 2
     * (b, 0.1) and row 2 at 1.6^2 + 0.8^2 = 3.2 (a, 0.55) */
    ASK(knn, 2, 2, {{-1, 0}, NULL, "c", "a", 1.1, 1.1, 1, NONE, 0},
        {{-1, 0}, "b a", "a", "b", 0.55, 0.45, 0.55 / 0.65, NONE, WIDENED});
    /* c has fewer rows than k: two voted */
    static const double query[2] = {1, 0};
    mlsel_neighbour neighbours[3];
    mlsel_evidence e;
    mlsel_error err;
    mlsel_query_options options;
    mlsel_model *model = load(knn, 0);
    const int32_t c = mlsel_model_find_label(model, "c");
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = &c;
    options.n_eligible = 1;
    mlsel_evidence_init(&e, sizeof e);
    e.neighbours = neighbours;
    e.neighbours_capacity = 3;
    test_ok(mlsel_explain_f64(model, query, 2, &options, &e, &err), &err);
    assert_int_equal(e.neighbour_count, 2);
    assert_true(neighbours[0].row == 3 && neighbours[1].row == 5);
    assert_true(neighbours[0].label == c && neighbours[1].label == c);
    mlsel_model_release(model);
}

static void knn_tie(void **state) {
    (void)state;
    static const char equal[] = "{\"algorithm\": \"knn\", \"k\": 3, \"model_names\": [\"b\", \"c\", \"a\"],"
                                " \"embeddings\": [[1], [1], [1]], \"labels\": [\"b\", \"c\", \"a\"],"
                                " \"qualities\": [1, 1, 1]}";
    /* the name decides, not the order of labels or rows; for the runner-up too */
    ASK(equal, 0, 1, {{1}, NULL, "a", "b", 1, 0, 1.0 / 3, NONE, TIE}, {{1}, "b c", "b", "c", 1, 0, 0.5, NONE, TIE});
    /* k = 1: row 0 is first of the equally near; b wins alone, a is before c among those without votes */
    ASK(equal, 1, 1, {{1}, NULL, "b", "a", 1, 1, 1, NONE, 0});
}

/* --- KMeans ------------------------------------------------------------------------------------------------------ */

static double softmax_2(double own, double other) { return 1 / (1 + exp(other - own)); }

static void kmeans_v1(void **state) {
    (void)state;
    /* clusters at 0, 1, 3, 4 stand for x, y, x, z; a score is minus the distance to the label's nearest cluster */
    static const char v1[] = "{\"algorithm\": \"kmeans\", \"centroids\": [[0], [1], [3], [4]],"
                             " \"cluster_models\": [\"x\", \"y\", \"x\", \"z\"]}";
    /* from 3: x 0 (cluster 2), z -1, y -4 */
    const double p3 = 1 / (1 + exp(-1) + exp(-4));
    /* from 3.5: x -0.25 (cluster 2), z -0.25 (cluster 3), y -6.25: the lower cluster wins */
    const double p35 = 1 / (2 + exp(-6));
    const question questions[] = {
        {{3}, NULL, "x", "z", 0, 1, p3, 2, 0},
        {{3.5}, NULL, "x", "z", -0.25, 0, p35, 2, TIE},
        {{3.5}, "y z", "z", "y", -0.25, 6, softmax_2(-0.25, -6.25), 3, NEXT},
        {{3}, "y z", "z", "y", -1, 3, softmax_2(-1, -4), 3, NEXT},
        {{3}, "y", "y", NULL, -4, INFINITY, 1, 1, SINGLE | NEXT},
        /* an eligible label keeps its nearest cluster though another of its clusters is farther */
        {{3}, "x y", "x", "y", 0, 4, softmax_2(0, -4), 2, 0},
        {{0.25}, "x", "x", NULL, -0.0625, INFINITY, 1, 0, SINGLE},
    };
    ask_all(v1, 0, 1, questions, sizeof questions / sizeof *questions);
}

static void kmeans_v2(void **state) {
    (void)state;
    static const char v2[] = "{\"algorithm\": \"kmeans\", \"format_version\": 2,"
                             " \"candidate_set\": {\"models\": [\"a\", \"b\", \"c\"]},"
                             " \"centroids\": [[0], [10]], \"scores\": [[0.5, 0.5, 0.25], [0.125, 0.25, 1]]}";
    const question questions[] = {
        {{1}, NULL, "a", "b", 0.5, 0, 1 / (2 + exp(-0.25)), 0, TIE},
        /* the cluster stays, whoever is eligible */
        {{1}, "b c", "b", "c", 0.5, 0.25, softmax_2(0.5, 0.25), 0, 0},
        {{1}, "c", "c", NULL, 0.25, INFINITY, 1, 0, SINGLE},
        {{9}, NULL, "c", "b", 1, 0.75, 1 / (1 + exp(-0.75) + exp(-0.875)), 1, 0},
        {{9}, "a b", "b", "a", 0.25, 0.125, softmax_2(0.25, 0.125), 1, 0},
        /* in the middle the lower cluster; that is no tie between labels */
        {{5}, "a c", "a", "c", 0.5, 0.25, softmax_2(0.5, 0.25), 0, 0},
    };
    ask_all(v2, 0, 1, questions, sizeof questions / sizeof *questions);
}

/* --- SVM --------------------------------------------------------------------------------------------------------- */

/* All dual coefficients are 0, so the decisions for (0,1), (0,2), (1,2) are the intercepts. */
#define SVM_3(intercept)                                                                                               \
    "{\"algorithm\": \"svm\", \"kernel\": \"linear\", \"model_names\": [\"p\", \"q\", \"r\"],"                         \
    " \"support_vectors\": [[1], [1], [1]], \"n_support\": [1, 1, 1], \"dual_coef\": [[0, 0, 0], [0, 0, 0]],"          \
    " \"intercept\": " intercept "}"

/* scikit-learn's bounded confidence, added to the votes */
static double bounded(double sum) { return sum / (3 * (fabs(sum) + 1)); }

static double softmax_3(double own, double b, double c) { return 1 / (1 + exp(b - own) + exp(c - own)); }

static void svm_votes(void **state) {
    (void)state;
    /* p beats q, p beats r, r beats q: votes 2, 0, 1; sums of confidence 2, -2, 0 */
    const double p = 2 + bounded(2), q = bounded(-2), r = 1;
    const question questions[] = {
        {{7}, NULL, "p", "r", p, p - r, softmax_3(p, q, r), NONE, 0},
        {{7}, "q r", "r", "q", r, r - q, softmax_2(r, q), NONE, 0},
        {{7}, "q", "q", NULL, q, INFINITY, 1, NONE, SINGLE},
    };
    ask_all(SVM_3("[1, 1, -1]"), 0, 1, questions, sizeof questions / sizeof *questions);
}

static void svm_tie(void **state) {
    (void)state;
    /* p beats q, r beats p, q beats r: one vote each; sums of confidence 0.25 - 2, -0.25 + 1, 2 - 1. The first class
     * wins, and the next is runner-up, although their scores rise: so margins are negative. */
    const double p = 1 + bounded(-1.75), q = 1 + bounded(0.75), r = 1 + bounded(1);
    const question questions[] = {
        {{7}, NULL, "p", "q", p, p - q, softmax_3(p, q, r), NONE, TIE},
        {{7}, "q r", "q", "r", q, q - r, softmax_2(q, r), NONE, TIE},
        {{7}, "r", "r", NULL, r, INFINITY, 1, NONE, SINGLE},
    };
    assert_true(p < q && q < r);
    ask_all(SVM_3("[0.25, -2, 1]"), 0, 1, questions, sizeof questions / sizeof *questions);
}

static void svm_zero_decision(void **state) {
    (void)state;
    /* 0 between p and q is a vote for q, but is scored as one for p; both beat r. Votes 1, 2, 0, so q wins without a
     * tie; sums of confidence 0 + 1, 0 + 1, -2 */
    const double p = 2 + bounded(1), q = 1 + bounded(1), r = bounded(-2);
    const question questions[] = {
        {{7}, NULL, "q", "p", q, -1, softmax_3(q, p, r), NONE, 0},
        {{7}, "p r", "p", "r", p, p - r, softmax_2(p, r), NONE, 0},
    };
    ask_all(SVM_3("[0, 1, 1]"), 0, 1, questions, sizeof questions / sizeof *questions);
}

static void svm_two_classes(void **state) {
    (void)state;
    /* f(x) = x - 1: above 0 it is the second class; the scores are -f and f */
    static const char two[] = "{\"algorithm\": \"svm\", \"kernel\": \"linear\", \"model_names\": [\"p\", \"q\"],"
                              " \"support_vectors\": [[1], [1]], \"n_support\": [1, 1], \"dual_coef\": [[0.5, 0.5]],"
                              " \"intercept\": [-1]}";
    const question questions[] = {
        {{1.75}, NULL, "q", "p", 0.75, 1.5, softmax_2(0.75, -0.75), NONE, 0},
        {{0.5}, NULL, "p", "q", 0.5, 1, softmax_2(0.5, -0.5), NONE, 0},
        {{0.5}, "q", "q", NULL, -0.5, INFINITY, 1, NONE, SINGLE},
    };
    ask_all(two, 0, 1, questions, sizeof questions / sizeof *questions);
}

static void svm_per_model(void **state) {
    (void)state;
    /* the query is divided by its length: (3, 4) becomes (0.6, 0.8) */
    static const char classifiers[] = "{\"algorithm\": \"svm\", \"kernel_type\": \"Linear\", \"linear_classifiers\": ["
                                      "{\"model_name\": \"w\", \"weights\": [1, 0], \"rho\": 0.5},"
                                      "{\"model_name\": \"v\", \"weights\": [0, 1], \"rho\": 0.5},"
                                      "{\"model_name\": \"u\", \"weights\": [1, 0], \"rho\": 0.5}],"
                                      " \"model_names\": [\"t\", \"u\", \"v\", \"w\"]}";
    const question questions[] = {
        {{3, 4}, NULL, "v", "w", 0.3, 0.2, softmax_3(0.3, 0.1, 0.1), NONE, 0},
        {{4, 3}, NULL, "w", "u", 0.3, 0, softmax_3(0.3, 0.3, 0.1), NONE, TIE},
        {{4, 3}, "u v", "u", "v", 0.3, 0.2, softmax_2(0.3, 0.1), NONE, 0},
        /* t has no classifier */
        {{4, 3}, "t u", "u", NULL, 0.3, INFINITY, 1, NONE, SINGLE},
    };
    ask_all(classifiers, 0, 2, questions, sizeof questions / sizeof *questions);
}

/* --- MLP --------------------------------------------------------------------------------------------------------- */

static void mlp(void **state) {
    (void)state;
    /* logits x, 2x, 2x */
    static const char network[] = "{\"algorithm\": \"mlp\", \"model_names\": [\"l\", \"m\", \"n\"],"
                                  " \"layers\": [{\"type\": \"linear\", \"in_features\": 1, \"out_features\": 3,"
                                  " \"weight\": [[1], [2], [2]], \"bias\": null}]}";
    const question questions[] = {
        {{1}, NULL, "m", "n", 2, 0, softmax_3(2, 2, 1), NONE, TIE},
        {{1}, "l n", "n", "l", 2, 1, softmax_2(2, 1), NONE, 0},
        {{-1}, NULL, "l", "m", -1, 1, softmax_3(-1, -2, -2), NONE, 0},
        {{0}, NULL, "l", "m", 0, 0, 1.0 / 3, NONE, TIE},
        {{0}, "m", "m", NULL, 0, INFINITY, 1, NONE, SINGLE},
    };
    ask_all(network, 0, 1, questions, sizeof questions / sizeof *questions);
}

/* --- none -------------------------------------------------------------------------------------------------------- */

static void nobody(void **state) {
    (void)state;
    static const double query[2] = {1, 0};
    static const uint8_t none[4] = {0};
    const int32_t without_rows = 3;
    mlsel_selection s, before;
    mlsel_error err;
    mlsel_query_options options;
    mlsel_model *model = load(knn, 0);
    memset(&before, 0x5a, sizeof before);
    s = before;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = &without_rows;
    assert_int_equal(mlsel_select_f64(model, query, 2, &options, &s, &err), MLSEL_ERROR_NO_CANDIDATE); /* empty list */
    options.n_eligible = 1;
    assert_int_equal(mlsel_select_f64(model, query, 2, &options, &s, &err), MLSEL_ERROR_NO_CANDIDATE);
    mlsel_query_options_init(&options, sizeof options);
    options.eligible_mask = none;
    options.eligible_mask_size = 4;
    assert_int_equal(mlsel_select_f64(model, query, 2, &options, &s, &err), MLSEL_ERROR_NO_CANDIDATE);
    assert_memory_equal(&s, &before, sizeof s);
    mlsel_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knn_votes),
        cmocka_unit_test(knn_widened),
        cmocka_unit_test(knn_tie),
        cmocka_unit_test(kmeans_v1),
        cmocka_unit_test(kmeans_v2),
        cmocka_unit_test(svm_votes),
        cmocka_unit_test(svm_tie),
        cmocka_unit_test(svm_zero_decision),
        cmocka_unit_test(svm_two_classes),
        cmocka_unit_test(svm_per_model),
        cmocka_unit_test(mlp),
        cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
