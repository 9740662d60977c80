/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNN artifacts with outcomes: which rule is in use, what it answers, what a trade-off makes of them. Numbers are
 * worked out by hand; tests/fixtures has larger cases.
 */
#include "bad_artifact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * From (1, 0) the two nearest rows are 0 (distance 0) and 2 (distance 2 - sqrt 2). Row 1 is farther.
 * With beta = ln 2 / (2 - sqrt 2) row 2 weighs half.
 *   label  utility         quality         latency      row's label
 *   b      0, 0.6          0, 0.6          4, 10        0: a, 2: b
 *   a      1, unknown      0.8, unknown    unknown, 7
 *   c      unknown twice   unknown twice   unknown      (no row)
 */
static const char artifact[] =
    "{\"algorithm\":\"knn\",\"k\":2,\"embeddings\":[[1,0],[0,1],[1,1]],\"labels\":[\"a\",\"b\",\"b\"],"
    "\"qualities\":[0.8,1,0.6],\"latencies\":[0,3,10],\"model_names\":[\"b\",\"a\",\"c\"],"
    "\"outcomes\":{\"quality\":[[0,0.8,-1],[1,0.25,0.5],[0.6,-1,-1]],\"utility\":[[0,1,-1],[1,0,1],[0.6,-1,-1]],"
    "\"latency_ns\":[[4,-1,-1],[3,2,1],[10,7,-1]],\"prior\":[0.5,0.25,0.875],\"beta\":1.183276252294219,"
    "\"shrinkage\":0.5}}";
static const float query[2] = {1, 0};

static mlsel_model_options with_rule(mlsel_knn_rule rule) {
    mlsel_model_options options;
    mlsel_model_options_init(&options, sizeof options);
    options.knn_rule = rule;
    return options;
}

static mlsel_model_info info_of(const mlsel_model *model) {
    mlsel_model_info info;
    mlsel_error err;
    test_ok(mlsel_model_get_info(model, &info, sizeof info, &err), &err);
    return info;
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static void rules(void **state) {
    (void)state;
    static const mlsel_knn_rule used[4] = {MLSEL_KNN_RULE_OUTCOMES, MLSEL_KNN_RULE_LEGACY, MLSEL_KNN_RULE_OUTCOMES,
                                           MLSEL_KNN_RULE_VOTE};
    mlsel_model *models[4];
    for (mlsel_knn_rule rule = 0; rule < 4; rule++) {
        const mlsel_model_options options = with_rule(rule);
        models[rule] = test_load_text(artifact, &options);
        assert_int_equal(info_of(models[rule]).knn_rule, used[rule]);
        /* 3 vectors of 2, three matrices of 9, and 3 priors */
        assert_int_equal(info_of(models[rule]).n_parameters, 36);
        assert_int_equal(info_of(models[rule]).memory_bytes, info_of(models[0]).memory_bytes);
    }
    for (size_t i = 0; i < 4; i++)
        mlsel_model_release(models[i]);

    /* without outcomes */
    mlsel_error err;
    mlsel_model *model = NULL;
    mlsel_model_options options = with_rule(MLSEL_KNN_RULE_OUTCOMES);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &model, &err),
                     MLSEL_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "$.outcomes"));
    assert_null(model);
    options = with_rule(MLSEL_KNN_RULE_VOTE);
    model = test_load_text(base_knn, &options);
    assert_int_equal(info_of(model).knn_rule, MLSEL_KNN_RULE_VOTE);
    mlsel_model_release(model);
    /* other kinds ignore it, values that are none are refused */
    options = with_rule(MLSEL_KNN_RULE_OUTCOMES);
    model = test_load_text(base_mlp, &options);
    mlsel_model_release(model);
    model = NULL;
    options = with_rule(4);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &model, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
    options = with_rule(-1);
    assert_int_equal(mlsel_model_load_memory(base_knn, strlen(base_knn), &options, &model, &err),
                     MLSEL_ERROR_INVALID_ARGUMENT);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void answers(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(artifact, NULL);
    mlsel_error err;
    double scores[3], probabilities[3];
    mlsel_neighbour neighbours[2];
    mlsel_outcome outcomes[3];
    mlsel_evidence evidence;
    mlsel_evidence_init(&evidence, sizeof evidence);
    evidence.scores = scores, evidence.scores_capacity = 3;
    evidence.probabilities = probabilities, evidence.probabilities_capacity = 3;
    evidence.neighbours = neighbours, evidence.neighbours_capacity = 2;
    evidence.outcomes = outcomes, evidence.outcomes_capacity = 3;
    test_ok(mlsel_explain(model, query, 2, NULL, &evidence, &err), &err);
    const double b = (0.3 + 0.25) / 2, a = (1 + 0.125) / 1.5, c = 0.875;
    test_close(scores[0], b, 1e-15, "b");
    test_close(scores[1], a, 1e-15, "a");
    test_close(scores[2], c, 1e-15, "c");
    assert_int_equal(evidence.selection.index, 2); /* nothing is known but the prior */
    assert_int_equal(evidence.selection.runner_up, 1);
    assert_int_equal(evidence.selection.flags, 0);
    test_close(evidence.selection.margin, c - a, 1e-15, "margin");
    for (size_t i = 0; i < 3; i++)
        test_close(probabilities[i], scores[i] / (a + b + c), 1e-15, "probability");
    test_close(evidence.selection.probability, c / (a + b + c), 1e-15, "probability");
    /* the rows are as in the artifact; they added nothing to c */
    assert_int_equal(evidence.neighbour_count, 2);
    assert_int_equal(neighbours[0].row, 0);
    assert_int_equal(neighbours[0].label, 1);
    assert_int_equal(neighbours[1].row, 2);
    assert_int_equal(neighbours[1].label, 0);
    test_close(neighbours[1].quality, 0.6, 0, "quality");
    test_close(neighbours[0].vote, 0, 0, "vote");
    test_close(neighbours[1].vote, 0, 0, "vote");
    /* qualities are shrunk to the means of their columns: 1.6 / 3, 1.05 / 2, 0.5 */
    test_close(outcomes[0].quality, (0.3 + 0.5 * 1.6 / 3) / 2, 1e-15, "quality of b");
    test_close(outcomes[1].quality, (0.8 + 0.5 * 0.525) / 1.5, 1e-15, "quality of a");
    test_close(outcomes[2].quality, 0.5, 1e-15, "quality of c");
    test_close(outcomes[0].latency_ns, 6, 1e-14, "latency of b"); /* (4 + 10 / 2) / 1.5 */
    test_close(outcomes[1].latency_ns, 7, 1e-14, "latency of a");
    test_close(outcomes[2].latency_ns, 0, 0, "latency of c");
    static const uint64_t samples[3] = {2, 1, 0}, latency_samples[3] = {2, 1, 0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].samples, samples[i]);
        assert_int_equal(outcomes[i].latency_samples, latency_samples[i]);
        assert_true(isnan(outcomes[i].cost));
    }
    /* of the others a is the best; what the rows added to it */
    const int32_t others[2] = {0, 1};
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = others, options.n_eligible = 2;
    test_ok(mlsel_explain(model, query, 2, &options, &evidence, &err), &err);
    assert_int_equal(evidence.selection.index, 1);
    assert_int_equal(evidence.selection.flags, 0);
    test_close(neighbours[0].vote, 1, 0, "vote");
    test_close(neighbours[1].vote, 0, 0, "vote");
    const int32_t only[1] = {0};
    options.eligible = only, options.n_eligible = 1;
    test_ok(mlsel_explain(model, query, 2, &options, &evidence, &err), &err);
    assert_int_equal(evidence.selection.index, 0);
    assert_int_equal(evidence.selection.flags, MLSEL_SELECTION_SINGLE);
    test_close(neighbours[1].vote, 0.3, 1e-15, "vote");
    mlsel_model_release(model);
}

/* A label without a row cannot win a vote, and has a score where outcomes decide. */
static void choosable(void **state) {
    (void)state;
    const mlsel_model_options voting = with_rule(MLSEL_KNN_RULE_VOTE);
    mlsel_model *vote = test_load_text(artifact, &voting), *outcomes = test_load_text(artifact, NULL);
    const int32_t c[1] = {2};
    double scores[3];
    mlsel_error err;
    mlsel_selection best;
    mlsel_query_options options;
    mlsel_query_options_init(&options, sizeof options);
    options.eligible = c, options.n_eligible = 1;
    assert_int_equal(mlsel_select(vote, query, 2, &options, &best, &err), MLSEL_ERROR_NO_CANDIDATE);
    test_ok(mlsel_select(outcomes, query, 2, &options, &best, &err), &err);
    assert_int_equal(best.index, 2);
    test_ok(mlsel_score(vote, query, 2, NULL, scores, 3, &err), &err);
    assert_true(isinf(scores[2]));
    test_close(scores[1], 0.72 + 0.1, 1e-15, "vote of row 0");
    test_close(scores[0], 0.54 + 0.1 / (1 + 1e-9), 1e-15, "vote of row 2");
    mlsel_model_release(vote);
    mlsel_model_release(outcomes);
}

/* --- trade-offs --------------------------------------------------------------------------------------------------- */

static void tradeoffs(void **state) {
    (void)state;
    mlsel_model *model = test_load_text(artifact, NULL);
    const double costs[3] = {1, 4, NAN}, b = (0.3 + 0.8 / 3) / 2, a = (0.8 + 0.2625) / 1.5, c = 0.5;
    double scores[3];
    mlsel_error err;
    mlsel_selection best;
    mlsel_tradeoff tradeoff;
    mlsel_query_options options;
    mlsel_tradeoff_init(&tradeoff, sizeof tradeoff);
    mlsel_query_options_init(&options, sizeof options);
    options.tradeoff = &tradeoff;
    /* quality alone; a label without a known outcome takes part too */
    test_ok(mlsel_score(model, query, 2, &options, scores, 3, &err), &err);
    test_close(scores[0], b, 1e-15, "b");
    test_close(scores[1], a, 1e-15, "a");
    test_close(scores[2], c, 1e-15, "c");
    test_ok(mlsel_select(model, query, 2, &options, &best, &err), &err);
    assert_int_equal(best.index, 1);
    assert_int_equal(best.flags, MLSEL_SELECTION_TRADEOFF);
    /* latency at a scale of 6 ns: 1 / 2, 1 / (1 + 7 / 6), nothing */
    tradeoff.quality_weight = 1, tradeoff.latency_weight = 3, tradeoff.latency_scale_ns = 6;
    test_ok(mlsel_score(model, query, 2, &options, scores, 3, &err), &err);
    test_close(scores[0], (b + 1.5) / 4, 1e-15, "b");
    test_close(scores[1], (a + 3 / (1 + 7.0 / 6)) / 4, 1e-14, "a");
    test_close(scores[2], c / 4, 1e-15, "c");
    /* the cheapest within 0.5 of the best, and the fastest */
    mlsel_tradeoff_init(&tradeoff, sizeof tradeoff);
    tradeoff.flags = MLSEL_TRADEOFF_TOLERANCE, tradeoff.tolerance = 0.5;
    tradeoff.costs = costs, tradeoff.n_costs = 3;
    test_ok(mlsel_select(model, query, 2, &options, &best, &err), &err);
    assert_int_equal(best.index, 0);
    tradeoff.tolerance = 0.25;
    test_ok(mlsel_select(model, query, 2, &options, &best, &err), &err);
    assert_int_equal(best.index, 1);
    /* never widened: c alone */
    const int32_t only[1] = {2};
    options.eligible = only, options.n_eligible = 1;
    test_ok(mlsel_select(model, query, 2, &options, &best, &err), &err);
    assert_int_equal(best.index, 2);
    assert_int_equal(best.flags, MLSEL_SELECTION_TRADEOFF | MLSEL_SELECTION_SINGLE);
    mlsel_model_release(model);
}

/* Where utilities are qualities, quality alone is what is selected by: more labels than are summed at a time. */
static void tradeoff_of_quality(void **state) {
    (void)state;
    enum { LABELS = 37, ROWS = 6 };
    char text[16384], *at = text;
    at += sprintf(at, "{\"algorithm\":\"knn\",\"k\":4,\"embeddings\":[[3,1],[1,2],[2,1],[1,3],[1,1],[4,1]],\"labels\":"
                      "[\"m0\",\"m1\",\"m2\",\"m3\",\"m4\",\"m5\"],\"model_names\":[");
    for (int i = 0; i < LABELS; i++)
        at += sprintf(at, "%s\"m%d\"", i == 0 ? "" : ",", i);
    at += sprintf(at, "],\"outcomes\":{\"beta\":0.7,\"shrinkage\":1.3,\"quality\":[");
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < LABELS; i++)
            at += sprintf(at, "%s%d.%d%s", i == 0 ? (r == 0 ? "[" : ",[") : ",", (r * 7 + i) % 5 == 4 ? -1 : 0,
                          (r * 7 + i) % 5 == 4 ? 0 : (r * 31 + i * 17) % 100 + 1, i + 1 == LABELS ? "]" : "");
    at += sprintf(at, "],\"prior\":[");
    for (int i = 0; i < LABELS; i++)
        at += sprintf(at, "%s0.%d", i == 0 ? "" : ",", i + 10);
    (void)sprintf(at, "]}}");
    mlsel_model *model = test_load_text(text, NULL);
    double plain[LABELS], weighed[LABELS];
    mlsel_error err;
    mlsel_tradeoff tradeoff;
    mlsel_query_options options;
    mlsel_tradeoff_init(&tradeoff, sizeof tradeoff);
    mlsel_query_options_init(&options, sizeof options);
    options.tradeoff = &tradeoff;
    test_ok(mlsel_score(model, query, 2, NULL, plain, LABELS, &err), &err);
    test_ok(mlsel_score(model, query, 2, &options, weighed, LABELS, &err), &err);
    assert_memory_equal(plain, weighed, sizeof plain);
    mlsel_model_release(model);
}

/* --- no categories ------------------------------------------------------------------------------------------------ */

static void without_categories(void **state) {
    (void)state;
    enum { WIDTH = 20 };
    char text[1024];
    const char *const keys[2] = {"", "\"categories\":[],"};
    for (size_t listed = 0; listed < 2; listed++) {
        (void)snprintf(
            text, sizeof text,
            "{\"algorithm\":\"knn\",\"k\":1,%s\"labels\":[\"a\"],\"embeddings\":[[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
            "0,0,0,0,0]]}",
            keys[listed]);
        mlsel_model *model = test_load_text(text, NULL);
        const size_t n_categories = listed ? 0 : 14;
        float embedding[WIDTH] = {1}, features[WIDTH];
        mlsel_error err;
        uint32_t flags = 7;
        assert_int_equal(info_of(model).n_categories, n_categories);
        assert_int_equal(info_of(model).category_layout, listed ? MLSEL_CATEGORIES_ARTIFACT : MLSEL_CATEGORIES_VSR);
        assert_true((mlsel_model_category(model, 0) == NULL) == (listed == 1));
        test_ok(
            mlsel_features_compose(model, NULL, embedding, WIDTH - n_categories, NULL, features, WIDTH, &flags, &err),
            &err);
        assert_int_equal(flags, 0);
        if (listed)
            assert_memory_equal(features, embedding, sizeof features);
        mlsel_model_release(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),         cmocka_unit_test(rules),     cmocka_unit_test(answers),
        cmocka_unit_test(choosable),          cmocka_unit_test(tradeoffs), cmocka_unit_test(tradeoff_of_quality),
        cmocka_unit_test(without_categories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
